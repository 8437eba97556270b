/* The life of an oracle, the reading of commits, and the telling of breaches. */
#include "sim/check/oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "sim/check/inside.h"

/* ---- breaches --------------------------------------------------------------------------------- */

void breach_say(struct oracle *self, const char *invariant, uint64_t operation, uint32_t partition,
                const char *format, ...)
{
    struct breach breach = {.invariant = invariant, .operation = operation, .partition = partition};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(breach.text, sizeof breach.text, format, arguments);
    va_end(arguments);
    self->breach(self->context, &breach);
}

const char *id_text(const struct uuid *id, char out[ID_TEXT])
{
    uuid_format(id, out);
    return out;
}

const char *field_text(enum field field)
{
    const char *name = (unsigned)field < FIELD_COUNT ? field_name(field) : NULL;
    return name != NULL ? name : "";
}

/* ---- life ------------------------------------------------------------------------------------- */

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    CHECK(memory != NULL);
    return memory;
}

struct oracle *oracle_new(const struct oracle_config *config, breach_fn *breach, void *context)
{
    CHECK(config->partitions >= 1 && config->partitions <= LEDGER_PARTITIONS_MAX);
    struct oracle *self = zeroed(1, sizeof *self);
    uint32_t partitions = config->partitions;
    self->config = *config;
    self->breach = breach;
    self->context = context;
    self->books = zeroed(partitions, sizeof *self->books);
    self->flows = zeroed((size_t)partitions * partitions, sizeof *self->flows);
    for (uint32_t p = 0; p < partitions; p++) {
        struct book *book = &self->books[p];
        book->partition = p;
        book->position = FACT_FIRST;
        book->history = HASH_BASIS;
        book->transit = zeroed((size_t)partitions * 256, sizeof(struct account *));
    }
    for (uint32_t i = 0; i < partitions * partitions; i++)
        self->flows[i].base = self->flows[i].first = self->flows[i].next = 1;
    return self;
}

static void book_release(struct book *book)
{
    for (size_t i = 0; i < book->count; i++) {
        free(book->accounts[i]->versions);
        free(book->accounts[i]->entries);
    }
    free(book->accounts);
    free(book->proposals);
    free(book->transit);
    free(book->commits);
}

void oracle_destroy(struct oracle **self_p)
{
    struct oracle *self = *self_p;
    *self_p = NULL;
    if (self == NULL)
        return;
    for (uint32_t p = 0; p < self->config.partitions; p++)
        book_release(&self->books[p]);
    for (uint32_t i = 0; i < self->config.partitions * self->config.partitions; i++)
        free(self->flows[i].requests);
    free(self->books);
    free(self->flows);
    table_release(&self->ids);
    table_release(&self->accounts);
    table_release(&self->account_asks);
    table_release(&self->cursors);
    pool_release(&self->pool);
    free(self);
}

void oracle_counts(const struct oracle *self, struct oracle_counts *out)
{
    *out = self->counts;
}

/* ---- clients ---------------------------------------------------------------------------------- */

/* Payloads are copied, so that nothing of an operation is needed later. */
void oracle_sent(struct oracle *self, int64_t now_us, const struct operation *operation)
{
    (void)now_us;
    asks_note(self, operation);
}

void oracle_forget(struct oracle *self, const struct operation *operation)
{
    (void)self;
    (void)operation;
}

void oracle_answer(struct oracle *self, int64_t sent_us, int64_t now_us, const struct operation *operation,
                   const struct answer *answer)
{
    self->counts.answers++;
    CHECK(sent_us <= now_us);
    if (operation->kind <= OPERATION_BATCH)
        answers_money(self, sent_us, operation, answer);
    else if (operation->kind <= OPERATION_ACCOUNT_CLOSE)
        accounts_answer(self, sent_us, operation, answer);
    else if (operation->kind >= OPERATION_PROPOSAL_OPEN && operation->kind <= OPERATION_PROPOSAL_LIST)
        proposals_answer(self, sent_us, operation, answer);
    else if (operation->kind >= OPERATION_QUOTE && operation->kind <= OPERATION_RATE_DESK)
        desk_answer(self, sent_us, operation, answer);
    else
        reads_answer(self, sent_us, operation, answer);
}

/* ---- commits ---------------------------------------------------------------------------------- */

static bool is_proposed_posting(const uint8_t *fact)
{
    return (fact[0] == FACT_DEPOSIT || fact[0] == FACT_WITHDRAWAL) && (fact[1] & FACT_FLAG_PROPOSED);
}

/* Each fact but those that carry out a group, and an approval with its posting, is a step of its own. */
static void fact_see(struct oracle *self, const struct sight *sight)
{
    enum fact_kind kind = (enum fact_kind)sight->bytes[0];
    if (!is_proposed_posting(sight->bytes))
        proposals_interrupt(self, sight->book);
    if (fact_is_posting((uint8_t)kind)) {
        transfers_posting(self, sight);
        return;
    }
    if (fact_is_group((uint8_t)kind)) {
        groups_fact(self, sight);
        return;
    }
    groups_interrupt(self, sight->book);
    sight->book->step++;
    if (kind == FACT_SETTLED) {
        transfers_settled(self, sight);
    } else if (kind == FACT_REFUSED) {
        self->counts.refusals++;
        transfers_refused(self, sight);
    } else if (kind == FACT_BOUNCED || kind == FACT_PRUNED) {
        transfers_link(self, sight);
    } else if (kind >= FACT_HOLD_OPENED && kind <= FACT_HOLD_EXPIRED) {
        holds_fact(self, sight);
    } else if (kind >= FACT_PROPOSED && kind <= FACT_PROPOSAL_EXPIRED) {
        proposals_fact(self, sight);
    } else if (kind >= FACT_RATE_SET && kind <= FACT_QUOTE_USED) {
        desk_fact(self, sight);
    } else {
        accounts_fact(self, sight);
    }
}

static void facts_see(struct oracle *self, struct book *book, const struct journal_commit *commit)
{
    size_t at = 0, size = 0;
    uint32_t count = 0;
    for (; at < commit->length; at += size, count++) {
        const uint8_t *bytes = commit->facts + at;
        if (!fact_next(bytes, commit->length - at, &size)) {
            breach_say(self, "I7", 0, book->partition, "the fact at %llu cannot be read",
                       (unsigned long long)(commit->position + at / FACT_WORD));
            break;
        }
        struct sight sight = {
            .book = book,
            .bytes = bytes,
            .size = size,
            .position = commit->position + at / FACT_WORD,
            .rest = bytes + size,
            .rest_length = commit->length - at - size,
        };
        fact_see(self, &sight);
        self->counts.facts++;
    }
    groups_interrupt(self, book);
    proposals_interrupt(self, book);
    if (at == commit->length && count != commit->fact_count)
        breach_say(self, "I7", 0, book->partition, "commit %llu says that it has %u facts, and has %u",
                   (unsigned long long)commit->sequence, commit->fact_count, count);
}

static void commit_follows(struct oracle *self, const struct book *book, const struct journal_commit *commit)
{
    const struct {
        bool wrong;
        const char *what;
    } rules[] = {
        {commit->sequence != book->sequence + 1, "its number does not follow"},
        {commit->position != book->position, "its facts do not follow"},
        {commit->epoch < book->epoch, "it is of an earlier owner"},
        {book->is_restarted && book->sequence > 0 && commit->epoch == book->epoch,
         "it is of the owner before a restart"},
        {commit->time_us < book->time_us, "its time goes back"},
        {commit->length == 0 || commit->length % FACT_WORD != 0, "it has no whole facts"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        if (rules[i].wrong)
            breach_say(self, "I7", 0, book->partition,
                       "commit %llu at %llu: %s, after commit %llu which ends at %llu",
                       (unsigned long long)commit->sequence, (unsigned long long)commit->position,
                       rules[i].what, (unsigned long long)book->sequence, (unsigned long long)book->position);
    }
}

/* Word by word: facts are whole words. */
static uint64_t history_more(uint64_t hash, const struct journal_commit *commit)
{
    const uint64_t head[] = {commit->sequence, commit->position, (uint64_t)commit->time_us};
    hash = hash_more(hash, head, sizeof head);
    for (size_t at = 0; at + FACT_WORD <= commit->length; at += FACT_WORD) {
        uint64_t word;
        memcpy(&word, commit->facts + at, sizeof word);
        hash = (hash ^ word) * UINT64_C(1099511628211);
        hash ^= hash >> 29;
    }
    return hash;
}

void oracle_restarted(struct oracle *self, uint32_t partition)
{
    self->books[partition].is_restarted = true;
}

void oracle_commit(struct oracle *self, int64_t now_us, uint32_t partition,
                   const struct journal_commit *commit)
{
    struct book *book = &self->books[partition];
    commit_follows(self, book, commit);
    book->sequence = commit->sequence;
    book->epoch = commit->epoch;
    book->is_restarted = false;
    book->time_us = commit->time_us;
    book->history = history_more(book->history, commit);
    facts_see(self, book, commit);
    book->position = commit->position + commit->length / FACT_WORD;
    book->commits =
        array_grow(book->commits, &book->commit_capacity, book->commit_count, sizeof *book->commits);
    book->commits[book->commit_count++] = (struct commit_point){now_us, commit->time_us, book->step};
    self->counts.commits++;
}
