/* The same transaction id again: find the fact that answers for it, compare the payload, give the same
 * answer, or wait with whoever asked first. */
#include "actors/ledger/core.h"
#include "actors/ledger/hash.h"

struct repeat {
    struct ledger *self;
    const struct ledger_command *command;
    struct ledger_ticket *ticket;
    uint32_t row;
    uint8_t *fact; /* CORE_FACT_MAX bytes */
    size_t size;
};

static void answer(struct repeat *r, enum code code, enum field field)
{
    r->ticket->rows[r->row].code = (uint8_t)code;
    r->ticket->rows[r->row].field = (uint8_t)field;
    core_row_done(r->self, r->ticket, 1);
}

static void conflict(struct repeat *r)
{
    answer(r, CODE_CONFLICT, FIELD_TRANSACTION_ID);
}

/* The id in a fact, for the kinds that answer for one. */
static const uint8_t *fact_id(const uint8_t *fact)
{
    switch ((enum fact_kind)fact[0]) {
    case FACT_TRANSFER:
    case FACT_DEPOSIT:
    case FACT_WITHDRAWAL:
    case FACT_SENT:
    case FACT_RETURNED:
    case FACT_RECEIVED:
    case FACT_EXCHANGE_OUT:
    case FACT_EXCHANGE_IN:
        return fact + offsetof(struct fact_posting, id);
    case FACT_REFUSED:
        return fact + offsetof(struct fact_refused, id);
    case FACT_ACCOUNT_OPENED:
        return fact + offsetof(struct fact_account, id);
    case FACT_GROUP_STARTED:
    case FACT_GROUP_ANSWERED:
        return fact + offsetof(struct fact_group, id);
    case FACT_PROPOSED:
    case FACT_PROPOSAL_APPROVED:
    case FACT_PROPOSAL_REJECTED:
    case FACT_PROPOSAL_EXPIRED:
        return fact + offsetof(struct fact_proposal, id);
    case FACT_QUOTED:
        return fact + offsetof(struct fact_quote, id);
    case FACT_QUOTE_USED:
        return fact + offsetof(struct fact_quote_used, quote);
    case FACT_REMITTANCE_REQUESTED:
    case FACT_REMITTANCE_MOVED:
    case FACT_REMITTANCE_NOTED:
        return fact + offsetof(struct fact_remittance, id);
    case FACT_REMITTANCE_PULLED:
    case FACT_REMITTANCE_DEPOSITED:
    case FACT_REMITTANCE_WITHDRAWN:
    case FACT_REMITTANCE_PAID:
    case FACT_REMITTANCE_RETURNED:
        return fact + offsetof(struct fact_posting, id);
    case FACT_SETTLED:
    case FACT_BOUNCED:
    case FACT_PRUNED:
    case FACT_ACCOUNT_CHANGED:
    case FACT_ACCOUNT_FROZEN:
    case FACT_ACCOUNT_UNFROZEN:
    case FACT_ACCOUNT_CLOSED:
    case FACT_GROUP_PREPARED:
    case FACT_GROUP_VOTED:
    case FACT_GROUP_DECIDED:
    case FACT_GROUP_CLOSED:
    case FACT_GROUP_DONE:
    case FACT_HOLD_OPENED: /* they may answer for two: hold_answers_for */
    case FACT_HOLD_CAPTURED:
    case FACT_HOLD_RELEASED:
    case FACT_HOLD_EXPIRED:
    case FACT_RATE_SET:
    case FACT_PAIR_SET:
    case FACT_EXCHANGE_SPREAD:
    case FACT_EXCHANGE_RESIDUE:
    case FACT_KIND_COUNT:
        break;
    }
    return NULL;
}

struct id_match {
    struct ledger *self;
    const struct uuid *id;
    uint8_t *fact;
    size_t size;
    uint64_t position;
};

/* CONFLICT is never remembered: a group that another partition refused for an id of an item has left its facts,
 * but they answer for nothing. */
static bool is_answer(const struct id_match *match)
{
    if (match->fact[0] == FACT_GROUP_STARTED) {
        bool is_open = group_is_open(match->self, match->id);
        if (!is_open)
            MARK("an id leads to the start of a group that is no longer open");
        return is_open;
    }
    if (match->fact[0] != FACT_GROUP_ANSWERED || match->fact[1] != CODE_CONFLICT)
        return true;
    MARK("an id leads to a group that was a conflict: it is free again");
    return false;
}

/* The id that the fact answers for. That of a settled transfer stands in its FACT_SENT, which is read into sent. */
static const uint8_t *answered_id(struct id_match *match, uint8_t *sent)
{
    struct fact_settled settled;
    if (match->fact[0] != FACT_SETTLED)
        return fact_id(match->fact);
    memcpy(&settled, match->fact, sizeof settled);
    size_t size = core_fact_read(match->self, settled.sent_position, sent, CORE_FACT_MAX);
    return size > 0 && sent[0] == FACT_SENT ? fact_id(sent) : NULL;
}

static bool id_matches(void *context, uint64_t position)
{
    struct id_match *match = context;
    uint8_t sent[CORE_FACT_MAX];
    size_t size = core_fact_read(match->self, position, match->fact, CORE_FACT_MAX);
    bool holds = size > 0 && fact_is_hold(match->fact[0]);
    const uint8_t *id = size > 0 && !holds ? answered_id(match, sent) : NULL;
    bool same = holds ? hold_answers_for(match->fact, match->id)
                      : id && memcmp(id, match->id->bytes, sizeof match->id->bytes) == 0;
    if (!same || !is_answer(match))
        return false;
    match->size = size;
    match->position = position;
    return true;
}

static bool find(struct ledger *self, const struct uuid *id, uint64_t hash, struct id_match *match)
{
    match->self = self;
    match->id = id;
    struct id_lookup lookup = {
        .run_find = self->ports.run_find,
        .run_context = self->ports.context,
        .match = id_matches,
        .match_context = match,
    };
    return id_table_find(&self->ids, hash, &lookup);
}

uint64_t ledger_transaction_find(struct ledger *self, const struct uuid *id)
{
    uint8_t fact[CORE_FACT_MAX];
    struct id_match match = {.fact = fact};
    if (find(self, id, hash_uuid(id, self->config.hash_key), &match))
        return match.position;
    /* Proposals, holds and remittances may be open for longer than ids are remembered. */
    const struct proposal *open = proposal_find(self, id);
    uint64_t position = open ? open->proposed : hold_opening_of(self, id);
    if (position == 0 && remittance_is_open(self, id))
        position = remittance_at(&self->remittances, remittance_find(&self->remittances, id))->last_position;
    return position;
}

static bool strings_same(const uint8_t *bytes, size_t length, const struct ledger_command *command,
                         struct str remote)
{
    struct fact_strings strings;
    if (length == 0)
        return (command->memo.length | command->reference.length | remote.length) == 0 &&
               book_rate(command) == 0;
    if (fact_strings_read(bytes, length, &strings) != ERR_OK)
        return false;
    return str_equal(strings.by_tag[FACT_TAG_MEMO], command->memo) &&
           str_equal(strings.by_tag[FACT_TAG_REFERENCE], command->reference) &&
           book_rate_get(&strings) == book_rate(command) &&
           str_equal(strings.by_tag[FACT_TAG_REMOTE], remote);
}

static bool account_same(const struct ledger *self, uint32_t index, struct str id, currency_index currency)
{
    return account_at(&self->accounts, index)->currency == currency &&
           account_id_is(&self->accounts, index, id);
}

/* A posting has the payload of the command: kind, accounts, amount, currency, memo, reference, rate. */
static bool posting_same(const struct repeat *r, const struct fact_posting *fact)
{
    const struct ledger_command *command = r->command;
    bool is_transfer = fact->head.kind != FACT_DEPOSIT && fact->head.kind != FACT_WITHDRAWAL;
    uint8_t kind = is_transfer                       ? COMMAND_TRANSFER
                   : fact->head.kind == FACT_DEPOSIT ? COMMAND_DEPOSIT
                                                     : COMMAND_WITHDRAW;
    bool crossing = fact->head.kind == FACT_SENT || fact->head.kind == FACT_RETURNED;
    uint32_t payer = fact->head.kind == FACT_RETURNED ? fact->credit : fact->debit;
    if (fact->amount != command->amount || kind != command->kind || fact->head.kind == FACT_RECEIVED)
        return false;
    if (kind != COMMAND_DEPOSIT && !account_same(r->self, payer, command->from, command->currency))
        return false;
    if (kind != COMMAND_WITHDRAW && !crossing &&
        !account_same(r->self, fact->credit, command->to, command->currency))
        return false;
    return strings_same(r->fact + sizeof *fact, r->size - sizeof *fact, command,
                        crossing ? command->to : (struct str){0});
}

static void repeat_sent(struct repeat *r, const struct fact_posting *fact, uint64_t position)
{
    uint32_t peer = ledger_partition_of(r->command->to, r->self->config.partitions);
    uint64_t sequence = link_find(r->self, peer, position);
    CHECK(sequence != 0 && fact->head.kind == FACT_SENT);
    r->ticket->rows[r->row].from_balance = fact->debit_balance; /* after a restart, nobody else knows it */
    if (!link_wait(r->self, peer, sequence, r->ticket, r->row)) {
        MARK("no memory for a repeat that would wait");
        answer(r, CODE_BUSY, FIELD_NONE);
    }
}

/* The field that the refusal of a returned transfer named. */
static enum field returned_field(const struct repeat *r)
{
    struct fact_strings strings;
    size_t fixed = sizeof(struct fact_posting);
    if (fact_strings_read(r->fact + fixed, r->size - fixed, &strings) != ERR_OK ||
        strings.by_tag[FACT_TAG_FIELD].length == 0)
        return FIELD_TO_ACCOUNT;
    return (enum field)(uint8_t)strings.by_tag[FACT_TAG_FIELD].data[0];
}

static void repeat_posting(struct repeat *r, uint64_t position)
{
    struct fact_posting fact;
    memcpy(&fact, r->fact, sizeof fact);
    struct ledger_row *row = &r->ticket->rows[r->row];
    bool in_group = fact.head.kind != FACT_RETURNED && (fact.head.detail & FACT_FLAG_GROUP);
    if (in_group || !posting_same(r, &fact)) {
        MARK("a posting's id comes again with another payload");
        if (in_group)
            MARK("an item of a group comes again on its own");
        conflict(r);
        return;
    }
    if (fact.head.kind == FACT_SENT) {
        MARK("a transfer on its way to another partition comes again");
        repeat_sent(r, &fact, position);
        return;
    }
    if (fact.head.kind == FACT_RETURNED) {
        MARK("a transfer that came back is asked for again");
        answer(r, fact.head.detail, returned_field(r));
        return;
    }
    if (fact.head.kind != FACT_DEPOSIT) {
        row->has |= ROW_HAS_FROM;
        row->from_balance = fact.debit_balance;
    }
    if (fact.head.kind != FACT_WITHDRAWAL) {
        row->has |= ROW_HAS_TO;
        row->to_balance = fact.credit_balance;
    }
    answer(r, CODE_OK, FIELD_NONE);
}

static void repeat_settled(struct repeat *r)
{
    struct fact_settled settled;
    struct fact_posting sent;
    memcpy(&settled, r->fact, sizeof settled);
    r->size = core_fact_read(r->self, settled.sent_position, r->fact, CORE_FACT_MAX);
    if (r->size < sizeof sent) {
        MARK("the first half of a settled transfer cannot be read");
        answer(r, CODE_UNKNOWN, FIELD_NONE);
        return;
    }
    memcpy(&sent, r->fact, sizeof sent);
    if (!posting_same(r, &sent)) {
        MARK("a settled transfer's id comes again with another payload");
        conflict(r);
        return;
    }
    MARK("a settled transfer comes again");
    struct ledger_row *row = &r->ticket->rows[r->row];
    row->has = ROW_HAS_FROM | ROW_HAS_TO;
    row->from_balance = sent.debit_balance;
    row->to_balance = settled.remote_balance;
    answer(r, CODE_OK, FIELD_NONE);
}

static void repeat_refused(struct repeat *r)
{
    struct fact_refused fact;
    uint64_t fingerprint[2];
    memcpy(&fact, r->fact, sizeof fact);
    posting_fingerprint(r->self, r->command, fingerprint);
    if (fact.command != r->command->kind || memcmp(fact.fingerprint, fingerprint, sizeof fingerprint) != 0) {
        MARK("a refused id comes again with another payload");
        conflict(r);
    } else {
        MARK("a refused command comes again");
        answer(r, fact.head.detail, fact.field);
    }
}

static void repeat_hold(struct repeat *r)
{
    struct ledger_row *row = &r->ticket->rows[r->row];
    int64_t from_balance = 0;
    enum code code = hold_repeat(r->self, r->fact, r->size, r->command, &from_balance);
    if (code == CODE_CONFLICT) {
        MARK("an id of a hold comes again with another payload");
        conflict(r);
        return;
    }
    if (code == CODE_OK) {
        MARK("a step of a hold comes again");
        row->has = ROW_HAS_FROM;
        row->from_balance = from_balance;
    }
    answer(r, code, FIELD_NONE);
}

void posting_repeat_hold(struct ledger *self, const struct ledger_command *command, uint64_t opened,
                         struct ledger_ticket *ticket, uint32_t row)
{
    uint8_t fact[CORE_FACT_MAX];
    struct repeat r = {self, command, ticket, row, fact, 0};
    r.size = core_fact_read(self, opened, fact, sizeof fact);
    if (r.size >= sizeof(struct fact_hold) && fact[0] == FACT_HOLD_OPENED)
        repeat_hold(&r);
    else
        answer(&r, CODE_UNKNOWN, FIELD_NONE);
}

bool posting_repeat(struct ledger *self, const struct ledger_command *command, uint64_t id_hash,
                    struct ledger_ticket *ticket, uint32_t row)
{
    uint8_t fact[CORE_FACT_MAX];
    struct id_match match = {.fact = fact};
    if (!find(self, &command->id, id_hash, &match))
        return false;
    struct repeat r = {self, command, ticket, row, fact, match.size};
    uint8_t kind = fact[0];
    if (kind == FACT_GROUP_STARTED || kind == FACT_GROUP_ANSWERED) {
        if (command->kind == COMMAND_GROUP || command->kind == COMMAND_EXCHANGE) {
            group_repeat(self, fact, command, ticket, row);
        } else {
            MARK("a single command with the id of a group");
            conflict(&r);
        }
    } else if (command->kind == COMMAND_GROUP) {
        MARK("a group with the id of something else");
        group_conflict(self, command, ticket, row);
    } else if (kind == FACT_SETTLED) {
        repeat_settled(&r);
    } else if (kind == FACT_REFUSED) {
        repeat_refused(&r);
    } else if (fact_is_hold(kind)) {
        repeat_hold(&r);
    } else if (fact_is_posting(kind) && !fact_is_remittance(kind)) {
        repeat_posting(&r, match.position);
    } else {
        MARK("a command with the id of a proposal, of a remittance, of a quote, or of an account's opening");
        conflict(&r);
    }
    return true;
}
