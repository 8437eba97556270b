/* Decide: deposits, withdrawals and transfers, and the answers to repeats of them. */
#include "actors/ledger/core.h"
#include "actors/ledger/exchange.h"
#include "actors/ledger/hash.h"

/* Commands of a batch are worked in chunks: first every line of memory that a chunk will need is
 * asked for, then the commands are decided in order. */
enum { CHUNK = 32, IDS_OF_ONE = 2 };

/* ---- the two sides of a posting ------------------------------------------------------------------- */

static struct verdict verdict_ok(void)
{
    return (struct verdict){CODE_OK, FIELD_NONE};
}

struct verdict posting_check_usable(const struct account *account, currency_index currency, enum field field)
{
    if (account->currency != currency)
        return (struct verdict){CODE_CURRENCY_MISMATCH, field};
    if (account->state == ACCOUNT_CLOSED) {
        MARK("a closed account is refused");
        return (struct verdict){CODE_ACCOUNT_CLOSED, field};
    }
    if (account->state == ACCOUNT_FROZEN) {
        MARK("a frozen account is refused");
        return (struct verdict){CODE_ACCOUNT_FROZEN, field};
    }
    return verdict_ok();
}

struct verdict posting_check_debit(const struct account *account, currency_index currency, int64_t amount,
                                   int64_t promised)
{
    struct verdict usable = posting_check_usable(account, currency, FIELD_FROM_ACCOUNT);
    if (__builtin_expect(usable.code != CODE_OK, 0))
        return usable;
    int64_t available;
    if (!money_sub(account->balance, account->pending, &available) ||
        !money_sub(available, promised, &available) ||
        !money_sub(available, account->minimum_balance, &available) || available < amount)
        return (struct verdict){CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT};
    return verdict_ok();
}

struct verdict posting_check_credit(const struct account *account, currency_index currency, int64_t amount,
                                    int64_t promised)
{
    struct verdict usable = posting_check_usable(account, currency, FIELD_TO_ACCOUNT);
    if (__builtin_expect(usable.code != CODE_OK, 0))
        return usable;
    int64_t after;
    bool fits = money_add(account->balance, promised, &after) && money_add(after, amount, &after);
    if (account->ceiling != INT64_MAX && (!fits || after > account->ceiling)) {
        MARK("a ceiling refuses a credit");
        return (struct verdict){CODE_CEILING_EXCEEDED, FIELD_TO_ACCOUNT};
    }
    if (!fits || after > LEDGER_BALANCE_MAX) {
        MARK("a balance would pass the limit of what is counted");
        return (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_TO_ACCOUNT};
    }
    return verdict_ok();
}

/* House and transit accounts may fall below zero, to the limit of what is counted. */
struct verdict posting_check_house(const struct ledger *self, uint32_t index, int64_t amount)
{
    const struct account *house = account_at(&self->accounts, index);
    int64_t after;
    if (!money_sub(house->balance, amount, &after) || after < -LEDGER_BALANCE_MAX)
        return (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_AMOUNT};
    if (!money_add(house->balance, amount, &after) || after > LEDGER_BALANCE_MAX)
        return (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_AMOUNT};
    return verdict_ok();
}

/* Credits that open groups have reserved room for. */
int64_t posting_incoming(const struct ledger *self, uint32_t index)
{
    if (!(account_at(&self->accounts, index)->flags & ACCOUNT_HAS_INCOMING))
        return 0;
    MARK("an account with reserved room is credited");
    return group_incoming(self, index);
}

/* ---- facts ----------------------------------------------------------------------------------------- */

static bool has_book_tags(const struct fact_strings *strings)
{
    return strings &&
           (strings->by_tag[FACT_TAG_BOOK_DEBIT].length | strings->by_tag[FACT_TAG_BOOK_CREDIT].length) != 0;
}

static inline bool posting_write(struct ledger *self, enum fact_kind kind, uint8_t detail, uint32_t debit,
                                 uint32_t credit, int64_t amount, const struct uuid *id,
                                 const struct fact_strings *strings)
{
    const struct account *from = account_at(&self->accounts, debit);
    const struct account *to = account_at(&self->accounts, credit);
    struct fact_posting fact = {
        .head = {(uint8_t)kind, detail, sizeof fact / FACT_WORD},
        .debit = debit,
        .credit = credit,
        .debit_previous = fact_position48_make(from->last_position),
        .credit_previous = fact_position48_make(to->last_position),
        .amount = amount,
        .debit_balance = from->balance - amount,
        .credit_balance = to->balance + amount,
        .id = *id,
    };
    /* Room for any trailer is asked for: to measure it first costs more. */
    uint8_t *room = core_fact_room(self, sizeof fact + (strings ? FACT_TRAILER_MAX : 0));
    if (!room) {
        MARK("no memory for a posting");
        return false;
    }
    size_t size = sizeof fact + (strings ? fact_strings_write(strings, room + sizeof fact) : 0);
    fact.head.words = (uint16_t)(size / FACT_WORD);
    memcpy(room, &fact, sizeof fact);
    core_fact_commit(self, size);
    return true;
}

/* Apart, because the way of plain accounts is hot and needs no room for it. */
static __attribute__((noinline)) bool booked_append(struct ledger *self, enum fact_kind kind, uint8_t detail,
                                                    uint32_t debit, uint32_t credit, int64_t amount,
                                                    const struct uuid *id, const struct fact_strings *strings)
{
    struct book_trailer booked;
    book_fill(self, debit, credit, amount, strings, &booked);
    return posting_write(self, kind, detail, debit, credit, amount, id, &booked.strings);
}

bool posting_append(struct ledger *self, enum fact_kind kind, uint8_t detail, uint32_t debit, uint32_t credit,
                    int64_t amount, const struct uuid *id, const struct fact_strings *strings)
{
    unsigned flags = account_at(&self->accounts, debit)->flags | account_at(&self->accounts, credit)->flags;
    if (__builtin_expect(flags & ACCOUNT_HAS_BOOK, 0) || has_book_tags(strings))
        return booked_append(self, kind, detail, debit, credit, amount, id, strings);
    return posting_write(self, kind, detail, debit, credit, amount, id, strings);
}

static void *append_bytes(uint8_t *at, const void *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

enum { OWN_VALUES_MAX = 24 };

/* What only commands of this kind have. */
static uint8_t *append_own_values(uint8_t *at, const struct ledger_command *command)
{
    int64_t rate = book_rate(command);
    if (rate != 0)
        return append_bytes(at, &rate, sizeof rate);
    if (command->kind == COMMAND_HOLD)
        return append_bytes(at, &command->expires_us, sizeof command->expires_us);
    if (command->kind == COMMAND_CAPTURE)
        at = append_bytes(at, &command->flags, sizeof command->flags);
    if (command->kind == COMMAND_CAPTURE || command->kind == COMMAND_RELEASE ||
        command->kind == COMMAND_EXCHANGE)
        at = append_bytes(at, &command->of, sizeof command->of);
    return at;
}

/* Everything of a command that its payload is, in one form however it was written on the wire. */
void posting_fingerprint(const struct ledger *self, const struct ledger_command *command, uint64_t out[2])
{
    uint8_t bytes[16 + 2 * ACCOUNT_ID_MAX + MEMO_MAX + REFERENCE_MAX + 8 + OWN_VALUES_MAX];
    uint8_t *at = bytes;
    bool has_currency = command->currency != CURRENCY_NONE;
    const char *currency = has_currency ? currency_at(command->currency)->code : "\0\0";
    uint8_t head[8] = {command->kind,
                       (uint8_t)command->from.length,
                       (uint8_t)command->to.length,
                       (uint8_t)command->memo.length,
                       (uint8_t)command->reference.length,
                       (uint8_t)currency[0],
                       (uint8_t)currency[1],
                       (uint8_t)currency[2]};
    at = append_bytes(at, head, sizeof head);
    at = append_bytes(at, &command->amount, sizeof command->amount);
    const struct str texts[] = {command->from, command->to, command->memo, command->reference};
    for (size_t i = 0; i < 4; i++) {
        if (texts[i].length > 0)
            at = append_bytes(at, texts[i].data, texts[i].length);
    }
    at = append_own_values(at, command);
    XXH128_hash_t hash = XXH3_128bits_withSeed(bytes, (size_t)(at - bytes), self->config.hash_key);
    out[0] = hash.low64;
    out[1] = hash.high64;
}

/* ---- rows ------------------------------------------------------------------------------------------ */

static void answer(struct ledger *self, struct ledger_ticket *ticket, uint32_t row, enum code code,
                   enum field field)
{
    ticket->rows[row].code = (uint8_t)code;
    ticket->rows[row].field = (uint8_t)field;
    core_row_done(self, ticket, 1);
}

/* A refusal is an answer that is kept with its id. */
static void refuse(struct ledger *self, const struct ledger_command *command, struct verdict verdict,
                   struct ledger_ticket *ticket, uint32_t row)
{
    struct fact_refused fact = {
        .head = {FACT_REFUSED, (uint8_t)verdict.code, sizeof fact / FACT_WORD},
        .field = (uint8_t)verdict.field,
        .command = command->kind,
        .id = command->id,
    };
    uint64_t fingerprint[2];
    posting_fingerprint(self, command, fingerprint);
    memcpy(fact.fingerprint, fingerprint, sizeof fingerprint);
    uint8_t *room = core_fact_room(self, sizeof fact);
    if (!room) {
        MARK("no memory for a refusal");
        answer(self, ticket, row, CODE_BUSY, FIELD_NONE);
        return;
    }
    memcpy(room, &fact, sizeof fact);
    core_fact_commit(self, sizeof fact);
    answer(self, ticket, row, verdict.code, verdict.field);
}

static void answer_posting(struct ledger *self, struct ledger_ticket *ticket, uint32_t row, uint8_t has,
                           int64_t from_balance, int64_t to_balance)
{
    struct ledger_row *out = &ticket->rows[row];
    out->has = has;
    out->from_balance = from_balance;
    out->to_balance = to_balance;
    core_row_done(self, ticket, 1);
}

/* ---- deciding one command ---------------------------------------------------------------------------- */

struct plan {
    uint64_t id_hash;
    uint32_t from_hash, to_hash;
    uint32_t from, to; /* first account with that hash, or ACCOUNT_NONE */
};

static uint32_t resolve(const struct ledger *self, struct str id, uint32_t hash, uint32_t candidate)
{
    if (candidate == ACCOUNT_NONE || account_id_is(&self->accounts, candidate, id))
        return candidate;
    return account_find(&self->accounts, id, hash);
}

/* An account that should be here but is not: unknown, or another partition's. */
static struct verdict missing(const struct ledger *self, struct str id, enum field field)
{
    bool ours = ledger_partition_of(id, self->config.partitions) == self->config.partition;
    return (struct verdict){ours ? CODE_ACCOUNT_NOT_FOUND : CODE_WRONG_PARTITION, field};
}

static void refuse_missing(struct ledger *self, const struct ledger_command *command, struct str id,
                           enum field field, struct ledger_ticket *ticket, uint32_t row)
{
    struct verdict verdict = missing(self, id, field);
    if (verdict.code == CODE_WRONG_PARTITION) {
        MARK("the payer's account belongs to another partition");
        answer(self, ticket, row, verdict.code, verdict.field);
    } else {
        refuse(self, command, verdict, ticket, row);
    }
}

static __attribute__((noinline)) void command_strings_fill(const struct ledger_command *command,
                                                           struct fact_strings *space)
{
    *space = posting_strings((struct str){0}, command->memo, command->reference);
    book_rate_put(space, &command->rate);
}

/* Of a transfer, deposit or withdrawal: most have none, and are spared the room. */
static inline const struct fact_strings *command_strings(const struct ledger_command *command,
                                                         struct fact_strings *space)
{
    if (__builtin_expect((command->memo.length | command->reference.length) == 0 && command->rate == 0, 1))
        return NULL;
    command_strings_fill(command, space);
    return space;
}

/* A deposit or a withdrawal whose customer's side has been tested: the house takes the other side. */
static void decide_against_house(struct ledger *self, const struct ledger_command *command, uint32_t customer,
                                 struct verdict verdict, struct ledger_ticket *ticket, uint32_t row)
{
    bool deposits = command->kind == COMMAND_DEPOSIT;
    uint32_t house = verdict.code == CODE_OK ? posting_house(self, command->currency) : ACCOUNT_NONE;
    if (verdict.code == CODE_OK && house != ACCOUNT_NONE)
        verdict = posting_check_house(self, house, command->amount);
    if (verdict.code == CODE_OK && deposits)
        verdict = book_check_credit(self, customer, command, 0);
    if (verdict.code != CODE_OK) {
        refuse(self, command, verdict, ticket, row);
        return;
    }
    struct fact_strings space;
    if (house == ACCOUNT_NONE ||
        !posting_append(self, deposits ? FACT_DEPOSIT : FACT_WITHDRAWAL, 0, deposits ? house : customer,
                        deposits ? customer : house, command->amount, &command->id,
                        command_strings(command, &space))) {
        answer(self, ticket, row, CODE_BUSY, FIELD_NONE);
        return;
    }
    int64_t balance = account_at(&self->accounts, customer)->balance;
    if (deposits)
        answer_posting(self, ticket, row, ROW_HAS_TO, 0, balance);
    else
        answer_posting(self, ticket, row, ROW_HAS_FROM, balance, 0);
}

static void decide_deposit(struct ledger *self, const struct ledger_command *command, const struct plan *plan,
                           struct ledger_ticket *ticket, uint32_t row)
{
    uint32_t to = resolve(self, command->to, plan->to_hash, plan->to);
    if (to == ACCOUNT_NONE) {
        refuse_missing(self, command, command->to, FIELD_TO_ACCOUNT, ticket, row);
        return;
    }
    struct verdict verdict = posting_check_credit(account_at(&self->accounts, to), command->currency,
                                                  command->amount, posting_incoming(self, to));
    decide_against_house(self, command, to, verdict, ticket, row);
}

static void decide_withdrawal(struct ledger *self, const struct ledger_command *command,
                              const struct plan *plan, struct ledger_ticket *ticket, uint32_t row)
{
    uint32_t from = resolve(self, command->from, plan->from_hash, plan->from);
    if (from == ACCOUNT_NONE) {
        refuse_missing(self, command, command->from, FIELD_FROM_ACCOUNT, ticket, row);
        return;
    }
    struct verdict verdict =
        posting_check_debit(account_at(&self->accounts, from), command->currency, command->amount, 0);
    if (verdict.code == CODE_OK)
        verdict = book_check_debit(self, from, command);
    decide_against_house(self, command, from, verdict, ticket, row);
}

static void decide_local(struct ledger *self, const struct ledger_command *command, uint32_t from,
                         uint32_t to, struct ledger_ticket *ticket, uint32_t row)
{
    const struct account *receiver = account_at(&self->accounts, to);
    struct verdict verdict =
        posting_check_credit(receiver, command->currency, command->amount, posting_incoming(self, to));
    if (verdict.code == CODE_OK && __builtin_expect(receiver->flags & ACCOUNT_HAS_BOOK, 0))
        verdict = book_check_credit(self, to, command, 0);
    if (__builtin_expect(verdict.code != CODE_OK, 0)) {
        refuse(self, command, verdict, ticket, row);
        return;
    }
    struct fact_strings space;
    if (!posting_append(self, FACT_TRANSFER, 0, from, to, command->amount, &command->id,
                        command_strings(command, &space))) {
        answer(self, ticket, row, CODE_BUSY, FIELD_NONE);
        return;
    }
    answer_posting(self, ticket, row, ROW_HAS_FROM | ROW_HAS_TO, account_at(&self->accounts, from)->balance,
                   receiver->balance);
}

/* The paying side is tested first, whole; then the receiving side: the same answer wherever it is. */
static void decide_transfer(struct ledger *self, const struct ledger_command *command,
                            const struct plan *plan, struct ledger_ticket *ticket, uint32_t row)
{
    uint32_t from = resolve(self, command->from, plan->from_hash, plan->from);
    if (__builtin_expect(from == ACCOUNT_NONE, 0)) {
        refuse_missing(self, command, command->from, FIELD_FROM_ACCOUNT, ticket, row);
        return;
    }
    struct verdict verdict =
        posting_check_debit(account_at(&self->accounts, from), command->currency, command->amount, 0);
    if (__builtin_expect(command->rate != 0, 0) && verdict.code == CODE_OK)
        verdict = book_check_debit(self, from, command);
    if (__builtin_expect(verdict.code != CODE_OK, 0)) {
        refuse(self, command, verdict, ticket, row);
        return;
    }
    uint32_t to = resolve(self, command->to, plan->to_hash, plan->to);
    if (to != ACCOUNT_NONE) {
        decide_local(self, command, from, to, ticket, row);
        return;
    }
    uint32_t peer = ledger_partition_of(command->to, self->config.partitions);
    if (peer == self->config.partition)
        refuse(self, command, (struct verdict){CODE_ACCOUNT_NOT_FOUND, FIELD_TO_ACCOUNT}, ticket, row);
    else
        link_post(self, peer, from, command, ticket, row);
}

static void decide_exchange(struct ledger *self, const struct ledger_command *command,
                            const struct plan *plan, struct ledger_ticket *ticket, uint32_t row)
{
    uint32_t from = resolve(self, command->from, plan->from_hash, plan->from);
    if (from == ACCOUNT_NONE) {
        refuse_missing(self, command, command->from, FIELD_FROM_ACCOUNT, ticket, row);
        return;
    }
    struct verdict verdict = exchange_decide(self, command, from, ticket, row);
    if (verdict.code != CODE_OK)
        refuse(self, command, verdict, ticket, row);
}

static void decide_hold(struct ledger *self, const struct ledger_command *command, const struct plan *plan,
                        struct ledger_ticket *ticket, uint32_t row)
{
    struct verdict verdict = hold_check_moment(self, command);
    if (verdict.code != CODE_OK) {
        answer(self, ticket, row, verdict.code, verdict.field);
        return;
    }
    uint32_t from = resolve(self, command->from, plan->from_hash, plan->from);
    if (from == ACCOUNT_NONE) {
        refuse_missing(self, command, command->from, FIELD_FROM_ACCOUNT, ticket, row);
        return;
    }
    verdict = hold_decide(self, command, from);
    if (verdict.code == CODE_OK)
        answer_posting(self, ticket, row, ROW_HAS_FROM, account_at(&self->accounts, from)->balance, 0);
    else if (verdict.code == CODE_BUSY)
        answer(self, ticket, row, CODE_BUSY, FIELD_NONE);
    else
        refuse(self, command, verdict, ticket, row);
}

/* An id that the table of ids does not have may be that of an open hold that is older than ids are remembered. An opening
 * asks in any case: no id may ever have two holds. */
static inline bool asks_holds(const struct ledger *self, const struct ledger_command *command)
{
    return __builtin_expect(hold_outlives_ids(self), 0) || command->kind == COMMAND_HOLD;
}

static __attribute__((noinline)) bool repeat_of_hold(struct ledger *self,
                                                     const struct ledger_command *command,
                                                     const struct plan *plan, struct ledger_ticket *ticket,
                                                     uint32_t row)
{
    uint32_t slot = hold_find(&self->holds, &command->id, hold_hash_of(plan->id_hash));
    if (slot == HOLD_NONE)
        return false;
    MARK("the id of an open hold comes again that the table of ids has forgotten");
    posting_repeat_hold(self, command, hold_at(&self->holds, slot)->opened, ticket, row);
    return true;
}

static void decide(struct ledger *self, const struct ledger_command *command, const struct plan *plan,
                   struct ledger_ticket *ticket, uint32_t row)
{
    if (__builtin_expect(command->code != CODE_OK, 0)) {
        answer(self, ticket, row, command->code, command->field);
        return;
    }
    if (__builtin_expect(id_table_may_have(&self->ids, plan->id_hash), 0)) {
        if (posting_repeat(self, command, plan->id_hash, ticket, row))
            return;
        MARK("a new id is taken for a known one by a filter");
    }
    if (asks_holds(self, command) && repeat_of_hold(self, command, plan, ticket, row))
        return;
    if (__builtin_expect(self->group_count > 0, 0) && group_holds_id(self, &command->id)) {
        MARK("a command with the id of an item of an open group");
        answer(self, ticket, row, CODE_CONFLICT, FIELD_TRANSACTION_ID);
        return;
    }
    if (__builtin_expect(self->proposals.count > 0, 0) && proposal_is_open(self, &command->id)) {
        MARK("a command with the id of an open proposal that the table of ids has forgotten");
        answer(self, ticket, row, CODE_CONFLICT, FIELD_TRANSACTION_ID);
        return;
    }
    if (__builtin_expect(self->remittances.open_count > 0, 0) && remittance_is_open(self, &command->id)) {
        MARK("a command with the id of an open remittance that the table of ids has forgotten");
        answer(self, ticket, row, CODE_CONFLICT, FIELD_TRANSACTION_ID);
        return;
    }
    if (command->deadline_us != 0 && self->now_us > command->deadline_us) {
        MARK("a command comes behind its deadline");
        answer(self, ticket, row, CODE_DEADLINE_EXCEEDED, FIELD_NONE);
        return;
    }
    if (__builtin_expect(self->refuse_new, 0) && !hold_is_command(command->kind)) {
        MARK("new money is refused because the disk is nearly full");
        answer(self, ticket, row, CODE_BUSY, FIELD_NONE);
        return;
    }
    switch ((enum ledger_command_kind)command->kind) {
    case COMMAND_TRANSFER:
        decide_transfer(self, command, plan, ticket, row);
        return;
    case COMMAND_DEPOSIT:
        decide_deposit(self, command, plan, ticket, row);
        return;
    case COMMAND_WITHDRAW:
        decide_withdrawal(self, command, plan, ticket, row);
        return;
    case COMMAND_EXCHANGE:
        decide_exchange(self, command, plan, ticket, row);
        return;
    case COMMAND_HOLD:
    case COMMAND_CAPTURE:
    case COMMAND_RELEASE:
        decide_hold(self, command, plan, ticket, row);
        return;
    case COMMAND_GROUP:
    case COMMAND_EXCHANGE_OUT:
    case COMMAND_EXCHANGE_IN:
        break;
    }
    CHECK_UNREACHABLE();
}

/* ---- batches ---------------------------------------------------------------------------------------- */

static void plan_hashes(struct ledger *self, const struct ledger_command *commands, size_t count,
                        struct plan *plans)
{
    for (size_t i = 0; i < count; i++) {
        plans[i].id_hash = hash_uuid(&commands[i].id, self->config.hash_key);
        plans[i].from_hash = account_hash(&self->accounts, commands[i].from);
        plans[i].to_hash = account_hash(&self->accounts, commands[i].to);
        __builtin_prefetch(account_slot_at(&self->accounts, plans[i].from_hash));
        __builtin_prefetch(account_slot_at(&self->accounts, plans[i].to_hash));
        id_table_prefetch(&self->ids, plans[i].id_hash);
    }
    if (hold_outlives_ids(self)) {
        for (size_t i = 0; i < count; i++)
            hold_prefetch(&self->holds, hold_hash_of(plans[i].id_hash));
    }
}

static void plan_accounts(struct ledger *self, size_t count, struct plan *plans)
{
    for (size_t i = 0; i < count; i++) {
        plans[i].from = account_candidate(&self->accounts, plans[i].from_hash);
        plans[i].to = account_candidate(&self->accounts, plans[i].to_hash);
        if (plans[i].from != ACCOUNT_NONE)
            __builtin_prefetch(account_at(&self->accounts, plans[i].from), 1);
        if (plans[i].to != ACCOUNT_NONE)
            __builtin_prefetch(account_at(&self->accounts, plans[i].to), 1);
    }
}

static uint32_t post_chunk(struct ledger *self, struct ledger_ticket *ticket, uint32_t row,
                           const struct ledger_command *commands, size_t count)
{
    struct plan plans[CHUNK];
    bool room = id_table_ensure(&self->ids, CHUNK * IDS_OF_ONE);
    plan_hashes(self, commands, count, plans);
    plan_accounts(self, count, plans);
    for (size_t i = 0; i < count; i++) {
        if (__builtin_expect(commands[i].kind == COMMAND_GROUP, 0)) {
            group_post(self, ticket, row, &commands[i]);
            row += 1u + commands[i].group_count;
            room = room && id_table_ensure(&self->ids, CHUNK * IDS_OF_ONE);
        } else if (__builtin_expect(!room, 0)) {
            MARK("no room for ids: commands are answered BUSY");
            answer(self, ticket, row++, CODE_BUSY, FIELD_NONE);
        } else {
            decide(self, &commands[i], &plans[i], ticket, row++);
        }
    }
    return row;
}

void ledger_post(struct ledger *self, int64_t now_us, struct ledger_ticket *ticket,
                 const struct ledger_command *commands, size_t count)
{
    core_set_now(self, now_us);
    uint32_t row = 0;
    for (size_t at = 0; at < count; at += CHUNK)
        row = post_chunk(self, ticket, row, commands + at, count - at < CHUNK ? count - at : CHUNK);
    CHECK(row == ticket->row_count);
}
