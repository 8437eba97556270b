#include "tests/fuzz/history.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "actors/base/check.h"
#include "actors/ledger/core.h"
#include "tests/scenario/world.h"

enum { IDS_IN_MEMORY = 16, OPEN_STEPS = 9, ALIGNMENT = 64, LARGE = 1 << 16 };

struct ledger_config history_config(uint32_t partition)
{
    struct ledger_config config = ledger_config_default();
    config.partition = partition;
    config.partitions = HISTORY_PARTITIONS;
    config.hash_key = 0x7e11e4;
    config.ids_in_memory = IDS_IN_MEMORY;
    config.link_window = 64;
    config.checkpoint_words = 256;
    return config;
}

/* ---- the life ------------------------------------------------------------------------------------- */

struct cast {
    char near[WORLD_ID_MAX], other[WORLD_ID_MAX], far[WORLD_ID_MAX], frozen[WORLD_ID_MAX],
        dollars[WORLD_ID_MAX];
};

static void account_command(struct runner *runner, enum ledger_account_kind kind, const char *id,
                            const char *currency)
{
    struct ledger_account_command command = world_account(kind, id, currency);
    command.memo = STR_LITERAL("why");
    if (kind == ACCOUNT_CHANGE) {
        command.sets = ACCOUNT_SETS_CEILING | ACCOUNT_SETS_PRODUCT;
        command.product = STR_LITERAL("savings");
        command.ceiling = 1000000;
    }
    CHECK(runner_account(runner, &command).code == CODE_OK);
}

static void open_all(struct runner *runner, struct cast *c)
{
    uint32_t n = HISTORY_PARTITIONS;
    char closed[WORLD_ID_MAX];
    world_open(runner, world_account_id(0, n, "near", 0, c->near), "KRW");
    world_open(runner, world_account_id(0, n, "other", 0, c->other), "KRW");
    world_open(runner, world_account_id(1, n, "far", 0, c->far), "KRW");
    world_open(runner, world_account_id(1, n, "frozen", 0, c->frozen), "KRW");
    world_open(runner, world_account_id(0, n, "dollars", 0, c->dollars), "USD");
    world_open(runner, world_account_id(1, n, "closed", 0, closed), "KRW");
    account_command(runner, ACCOUNT_CHANGE, c->other, "KRW");
    account_command(runner, ACCOUNT_FREEZE, c->frozen, "KRW");
    account_command(runner, ACCOUNT_UNFREEZE, c->frozen, "KRW");
    account_command(runner, ACCOUNT_FREEZE, c->frozen, "KRW");
    account_command(runner, ACCOUNT_CLOSE, closed, "KRW");
}

/* One is approved, one rejected, one expires and one stays open. */
static void propose_all(struct runner *runner, const struct cast *c)
{
    struct ledger *ledger = runner_ledger(runner, 0);
    struct ledger_proposal_answer answer;
    for (uint64_t i = 0; i < 4; i++) {
        int64_t now = runner_now(runner), expires = now + 1000;
        const struct ledger_proposal_command command = {
            .kind = i % 2 ? COMMAND_DEPOSIT : COMMAND_WITHDRAW,
            .currency = world_currency("KRW"),
            .id = world_uuid(80 + i),
            .account = str_from(c->near),
            .amount = 12,
            .expires_us = i == 3 ? INT64_MAX / 2 : expires,
            .reason = STR_LITERAL("counted"),
            .operator_name = STR_LITERAL("ann"),
        };
        const struct ledger_decision_command decision = {
            .approves = i == 0,
            .account = command.account,
            .proposal = command.id,
            .operator_name = STR_LITERAL("bob"),
            .reason = STR_LITERAL("seen"),
        };
        ledger_propose(ledger, now, &command, &answer);
        CHECK(answer.code == CODE_OK);
        if (i < 3)
            ledger_proposal_decide(ledger, i < 2 ? now : expires, &decision, &answer);
        CHECK(answer.code == (i == 2 ? CODE_PROPOSAL_EXPIRED : CODE_OK));
        runner_settle(runner);
    }
}

static void hear_of(struct runner *runner, const struct uuid *id, uint32_t number, uint8_t outcome)
{
    const struct bank_report report = {
        .remittance = *id, .number = number, .outcome = outcome, .reason = "why", .reference = "B1"};
    ledger_bank_report(runner_ledger(runner, 0), runner_now(runner), &report);
}

/* One is paid, and contradicted; one is ended by an operator, one waits, one is not known, and one is at its bank. */
static void remit_all(struct runner *runner, const struct cast *c)
{
    static const uint8_t said[] = {BANK_SUCCEEDED, BANK_FAILED, BANK_FAILED, BANK_UNKNOWN};
    struct ledger *ledger = runner_ledger(runner, 0);
    struct ledger_remittance_answer answer;
    for (uint64_t i = 0; i < 5; i++) {
        const struct ledger_remit_command command = {
            .currency = world_currency("KRW"),
            .id = world_uuid(90 + i),
            .account = str_from(c->near),
            .amount = 9,
            .operator_refunds = i == 2,
            .bank = STR_LITERAL("kftc"),
            .payer = STR_LITERAL("payer"),
            .payee = STR_LITERAL("payee"),
            .memo = STR_LITERAL("rent"),
        };
        const struct ledger_remittance_command cancels = {.action = REMITTANCE_CANCEL,
                                                          .account = command.account,
                                                          .remittance = command.id,
                                                          .operator_name = STR_LITERAL("ann"),
                                                          .reason = STR_LITERAL("not wanted")};
        ledger_remit(ledger, runner_now(runner), &command, &answer);
        CHECK(answer.code == CODE_OK);
        hear_of(runner, &command.id, 1, BANK_SUCCEEDED);
        if (i < 4)
            hear_of(runner, &command.id, 2, said[i]);
        if (i == 0)
            hear_of(runner, &command.id, 2, BANK_FAILED);
        if (i == 1)
            ledger_remittance_act(ledger, runner_now(runner), &cancels, &answer);
        CHECK(answer.code == CODE_OK);
        runner_settle(runner);
    }
}

static void live(struct runner *runner, struct cast *c)
{
    open_all(runner, c);
    const struct ledger_command good[] = {world_transfer(21, c->near, c->far, 1, "KRW"),
                                          world_transfer(22, c->far, c->near, 1, "KRW"),
                                          world_deposit(23, c->other, 7, "KRW")};
    const struct ledger_command bad[] = {world_transfer(24, c->near, c->far, 1, "KRW"),
                                         world_transfer(25, c->near, c->frozen, 1, "KRW")};
    struct ledger_command texts = world_transfer(2, c->near, c->far, 10, "KRW");
    texts.memo = STR_LITERAL("rent");
    texts.reference = STR_LITERAL("2026-11");
    const struct ledger_command commands[] = {
        world_deposit(1, c->near, 1000, "KRW"),
        texts,
        world_transfer(3, c->near, c->frozen, 5, "KRW"),
        world_group(4, good, 3),
        world_group(5, bad, 2),
        world_withdraw(6, c->near, 5000, "KRW"),
        world_transfer(7, c->far, c->near, 2, "KRW"),
        world_transfer(8, c->near, c->other, 3, "KRW"),
        world_deposit(9, c->dollars, 250, "USD"),
        world_withdraw(10, c->near, 4, "KRW"),
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        world_run(runner, &commands[i]);
    for (uint64_t id = 30; id < 50; id++) {
        struct ledger_command more = world_deposit(id, c->near, (int64_t)id, "KRW");
        world_run(runner, &more);
    }
    propose_all(runner, c);
    remit_all(runner, c);
}

/* Requests, answers and a group that are on their way when it ends. */
static void leave_open(struct runner *runner, const struct cast *c)
{
    const struct ledger_command items[] = {world_transfer(61, c->near, c->far, 5, "KRW"),
                                           world_transfer(62, c->far, c->other, 6, "KRW")};
    const struct ledger_command commands[] = {
        world_transfer(51, c->near, c->far, 11, "KRW"),
        world_transfer(52, c->far, c->near, 1, "KRW"),
        world_group(53, items, 2),
        world_transfer(54, c->near, c->frozen, 2, "KRW"),
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        runner_post(runner, world_home(&commands[i], HISTORY_PARTITIONS), &commands[i], 1);
        for (int step = 0; step < OPEN_STEPS; step++)
            runner_step(runner);
    }
}

static enum err collect(void *context, const struct journal_commit *commit)
{
    struct history_journal *journal = context;
    CHECK(journal->count < HISTORY_COMMITS_MAX && commit->length <= HISTORY_BYTES_MAX - journal->length);
    journal->commits[journal->count] = *commit;
    journal->commits[journal->count++].facts = journal->bytes + journal->length;
    memcpy(journal->bytes + journal->length, commit->facts, commit->length);
    journal->length += commit->length;
    return ERR_OK;
}

const struct history *history_get(void)
{
    static struct history *made;
    if (made != NULL)
        return made;
    made = calloc(1, sizeof *made);
    CHECK(made != NULL);
    struct cast cast;
    struct runner_config config = runner_config_default(HISTORY_PARTITIONS);
    config.ledger = history_config(0);
    struct runner *runner = runner_new(&config);
    live(runner, &cast);
    leave_open(runner, &cast);
    for (uint32_t p = 0; p < HISTORY_PARTITIONS; p++) {
        enum err err = journal_walk(runner_journal(runner, p), 1, collect, &made->journals[p]);
        CHECK(err == ERR_OK);
    }
    runner_destroy(&runner);
    return made;
}

void history_copy(const struct history_journal *from, struct history_journal *to)
{
    *to = *from;
    for (size_t i = 0; i < to->count; i++)
        to->commits[i].facts = to->bytes + (from->commits[i].facts - from->bytes);
}

/* ---- checkpoints -------------------------------------------------------------------------------------- */

static struct history_put *put_find(struct history_state *state, const struct ledger_put *put)
{
    for (size_t i = 0; i < state->count; i++) {
        struct history_put *old = &state->puts[i];
        if (old->table == put->table && old->key_length == put->key_length &&
            memcmp(state->bytes + old->key, put->key, put->key_length) == 0)
            return old;
    }
    return NULL;
}

/* Bytes of a value that was replaced stay where they were: nothing reads them. Empty values (most slices of a run)
 * would only make the list longer. */
static void put_note(struct history_state *state, const struct ledger_put *put)
{
    struct history_put *entry = put_find(state, put);
    if (entry == NULL && put->value_length == 0)
        return;
    if (entry == NULL) {
        CHECK(state->count < HISTORY_PUTS_MAX && state->length + put->key_length <= HISTORY_BYTES_MAX);
        entry = &state->puts[state->count++];
        *entry = (struct history_put){put->table, put->key_length, state->length, 0, 0};
        memcpy(state->bytes + state->length, put->key, put->key_length);
        state->length += put->key_length;
    }
    CHECK(put->value != NULL && put->value_length <= HISTORY_BYTES_MAX - state->length);
    entry->value = state->length;
    entry->value_length = put->value_length;
    memcpy(state->bytes + state->length, put->value, put->value_length);
    state->length += put->value_length;
}

static void puts_take(struct ledger *ledger, struct history_state *state)
{
    for (struct ledger_unit *unit; (unit = ledger_take(ledger)) != NULL;) {
        for (size_t i = 0; i < unit->put_count; i++)
            put_note(state, &unit->puts[i]);
        for (size_t i = 0; i < unit->message_count; i++)
            ledger_peer_message_free(&ledger->mem, &unit->messages[i]);
        ledger_release(ledger, unit);
    }
}

/* Only the last values are kept, in the order of recovery: records, accounts, holds, remittances, ids. */
static void state_sort(const struct history_state *from, struct history_state *to)
{
    static const uint8_t order[] = {2, 0, 3, 4, 1};
    for (size_t t = 0; t < sizeof order; t++) {
        for (size_t i = 0; i < from->count; i++) {
            const struct history_put *put = &from->puts[i];
            if (put->table != order[t])
                continue;
            struct history_put *copy = &to->puts[to->count++];
            *copy = (struct history_put){put->table, put->key_length, to->length,
                                         to->length + put->key_length, put->value_length};
            memcpy(to->bytes + copy->key, from->bytes + put->key, put->key_length);
            memcpy(to->bytes + copy->value, from->bytes + put->value, put->value_length);
            to->length = copy->value + copy->value_length;
        }
    }
}

static struct history_state *state_make(uint32_t partition, size_t commits)
{
    const struct history_journal *journal = &history_get()->journals[partition];
    struct history_state *state = calloc(1, sizeof *state), *sorted = calloc(1, sizeof *sorted);
    CHECK(state != NULL && sorted != NULL);
    struct history_ports context = {journal, state};
    struct history_mem memory = {0, SIZE_MAX};
    struct mem mem = history_mem_port(&memory);
    struct ledger_ports ports = history_ports_of(&context);
    struct ledger_config config = history_config(partition);
    struct ledger *ledger = ledger_new(&config, &ports, &mem);
    CHECK(ledger != NULL && ledger_replay_from(ledger) == FACT_FIRST);
    for (size_t i = 0; i < commits; i++) {
        const struct journal_commit *commit = &journal->commits[i];
        enum err err =
            ledger_replay(ledger, commit->position, commit->time_us, commit->facts, commit->length);
        CHECK(err == ERR_OK);
        puts_take(ledger, state);
    }
    enum err err = ledger_recovered(ledger);
    CHECK(err == ERR_OK);
    while (ledger_checkpoint_hurry(ledger))
        puts_take(ledger, state);
    ledger_destroy(&ledger);
    state_sort(state, sorted);
    free(state);
    return sorted;
}

const struct history_state *history_state_get(uint32_t partition, size_t commits)
{
    static struct history_state *made[HISTORY_PARTITIONS][HISTORY_COMMITS_MAX + 1];
    if (made[partition][commits] == NULL)
        made[partition][commits] = state_make(partition, commits);
    return made[partition][commits];
}

/* ---- ports and memory ------------------------------------------------------------------------------------ */

static size_t fact_read(void *context, uint64_t position, uint8_t *out, size_t capacity, int64_t *time_us)
{
    const struct history_journal *journal = ((const struct history_ports *)context)->journal;
    for (size_t i = 0; i < journal->count; i++) {
        const struct journal_commit *commit = &journal->commits[i];
        size_t size, at = (size_t)(position - commit->position) * FACT_WORD;
        if (position < commit->position || position - commit->position >= commit->length / FACT_WORD)
            continue;
        if (fact_check(commit->facts + at, commit->length - at, &size) != ERR_OK || size > capacity)
            return 0;
        memcpy(out, commit->facts + at, size);
        *time_us = commit->time_us;
        return size;
    }
    return 0;
}

static void run_find(void *context, uint32_t run, uint64_t hash,
                     bool (*match)(void *match_context, uint64_t position), void *match_context)
{
    const struct history_state *state = ((const struct history_ports *)context)->state;
    uint8_t key[8] = {(uint8_t)(run >> 24), (uint8_t)(run >> 16), (uint8_t)(run >> 8), (uint8_t)run, 0, 0, 0,
                      (uint8_t)(hash >> 56)};
    for (size_t i = 0; state != NULL && i < state->count; i++) {
        const struct history_put *put = &state->puts[i];
        if (put->table != 1 || put->key_length != sizeof key ||
            memcmp(state->bytes + put->key, key, sizeof key) != 0)
            continue;
        const uint8_t *slice = state->bytes + put->value;
        for (size_t at = 0; at + RUN_ENTRY <= put->value_length; at += RUN_ENTRY) {
            uint64_t entry = 0, position = 0;
            memcpy(&entry, slice + at, 8);
            memcpy(&position, slice + at + 8, 6);
            if (entry == hash && match(match_context, position))
                return;
        }
    }
}

struct ledger_ports history_ports_of(struct history_ports *context)
{
    return (struct ledger_ports){context, fact_read, run_find};
}

/* Large blocks come as pages that are zero already: a core reserves far more than a short history touches. */
static void *zeroed(size_t bytes)
{
    if (bytes >= LARGE) {
        void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return pages == MAP_FAILED ? NULL : pages;
    }
    void *memory = aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    return memory == NULL ? NULL : memset(memory, 0, bytes);
}

static void *bounded_alloc(void *context, size_t bytes)
{
    struct history_mem *self = context;
    if (bytes > self->limit - self->live)
        return NULL;
    void *memory = zeroed(bytes);
    if (memory != NULL)
        self->live += bytes;
    return memory;
}

static void bounded_free(void *context, void *pointer, size_t bytes)
{
    struct history_mem *self = context;
    if (pointer == NULL)
        return;
    CHECK(self->live >= bytes);
    self->live -= bytes;
    if (bytes < LARGE)
        free(pointer);
    else
        CHECK(munmap(pointer, bytes) == 0);
}

struct mem history_mem_port(struct history_mem *self)
{
    return (struct mem){self, bounded_alloc, bounded_free};
}
