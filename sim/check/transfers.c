/* Postings, refusals, and the two halves of a transfer between partitions. Each fact is first judged by the books as they
 * are, then applied to them. */
#include "sim/check/inside.h"

#define CODE_NAME(verdict) code_name((verdict).code)

/* ---- reading and applying --------------------------------------------------------------------- */

bool posting_read(const struct book *book, const uint8_t *bytes, size_t size, struct posting *out)
{
    memcpy(&out->fact, bytes, sizeof out->fact);
    size_t fixed = bytes[0] == FACT_HOLD_CAPTURED ? sizeof(struct fact_capture) : sizeof out->fact;
    (void)trailer_read(bytes + fixed, size - fixed, &out->strings);
    out->capture_flags = 0;
    if (bytes[0] == FACT_HOLD_CAPTURED)
        memcpy(&out->capture_flags, bytes + offsetof(struct fact_capture, flags), sizeof out->capture_flags);
    out->debit = book_account(book, out->fact.debit);
    out->credit = book_account(book, out->fact.credit);
    return out->debit != NULL && out->credit != NULL && out->debit != out->credit;
}

static struct str text_of(struct oracle *self, const struct posting *posting, enum fact_tag tag)
{
    return pool_text(&self->pool, posting->strings.by_tag[tag]);
}

void chain_goes_on(struct oracle *self, const struct sight *sight, struct account *account, uint64_t previous)
{
    if (previous != account->last_position)
        breach_say(self, "I7", 0, sight->book->partition,
                   "the chain of %.*s is broken at %llu: it goes on at %llu, not at %llu",
                   (int)account->id.length, account->id.data, (unsigned long long)sight->position,
                   (unsigned long long)previous, (unsigned long long)account->last_position);
    account->last_position = sight->position;
}

static void side_apply(struct oracle *self, const struct sight *sight, struct account *account,
                       uint64_t previous, int64_t balance)
{
    chain_goes_on(self, sight, account, previous);
    if (balance != account->balance)
        breach_say(self, "I1", 0, sight->book->partition,
                   "the fact at %llu leaves %lld on %.*s, the books %lld",
                   (unsigned long long)sight->position, (long long)balance, (int)account->id.length,
                   account->id.data, (long long)account->balance);
}

static void capture_read(const uint8_t *bytes, struct entry *entry)
{
    struct fact_capture capture;
    memcpy(&capture, bytes, sizeof capture);
    entry->hold = capture.hold;
    entry->pending = capture.pending;
}

static void posting_apply(struct oracle *self, const struct sight *sight, const struct posting *posting,
                          struct worth_given given)
{
    static const enum wire_entry_kind kinds[] = {
        [FACT_TRANSFER] = ENTRY_TRANSFER,
        [FACT_DEPOSIT] = ENTRY_DEPOSIT,
        [FACT_WITHDRAWAL] = ENTRY_WITHDRAWAL,
        [FACT_SENT] = ENTRY_SENT,
        [FACT_RECEIVED] = ENTRY_RECEIVED,
        [FACT_RETURNED] = ENTRY_RETURNED,
        [FACT_HOLD_CAPTURED] = ENTRY_CAPTURED,
        [FACT_EXCHANGE_OUT] = ENTRY_EXCHANGE_OUT,
        [FACT_EXCHANGE_IN] = ENTRY_EXCHANGE_IN,
        [FACT_EXCHANGE_SPREAD] = ENTRY_EXCHANGE_SPREAD,
        [FACT_EXCHANGE_RESIDUE] = ENTRY_EXCHANGE_RESIDUE,
        [FACT_REMITTANCE_PULLED] = ENTRY_REMITTANCE_PULLED,
        [FACT_REMITTANCE_DEPOSITED] = ENTRY_REMITTANCE_DEPOSITED,
        [FACT_REMITTANCE_WITHDRAWN] = ENTRY_REMITTANCE_WITHDRAWN,
        [FACT_REMITTANCE_PAID] = ENTRY_REMITTANCE_PAID,
        [FACT_REMITTANCE_RETURNED] = ENTRY_REMITTANCE_RETURNED,
    };
    struct account *debit = posting->debit, *credit = posting->credit;
    const struct fact_posting *fact = &posting->fact;
    struct str remote = text_of(self, posting, FACT_TAG_REMOTE);
    worth_posting(self, sight, posting, given);
    debit->balance = (int64_t)((uint64_t)debit->balance - (uint64_t)fact->amount);
    credit->balance = (int64_t)((uint64_t)credit->balance + (uint64_t)fact->amount);
    side_apply(self, sight, debit, fact_position48_get(fact->debit_previous), fact->debit_balance);
    side_apply(self, sight, credit, fact_position48_get(fact->credit_previous), fact->credit_balance);
    struct entry entry = {
        .kind = kinds[fact->head.kind],
        .position = sight->position,
        .time_us = sight->book->time_us,
        .amount = fact->amount,
        .id = fact->id,
        .memo = text_of(self, posting, FACT_TAG_MEMO),
        .reference = text_of(self, posting, FACT_TAG_REFERENCE),
    };
    if (fact->head.kind == FACT_HOLD_CAPTURED)
        capture_read(sight->bytes, &entry);
    entry.direction = DIRECTION_OUT;
    entry.balance = debit->balance;
    entry.counterparty = remote.length > 0 ? remote : credit->id;
    account_entry(debit, &entry);
    entry.direction = DIRECTION_IN;
    entry.balance = credit->balance;
    entry.counterparty = remote.length > 0 ? remote : debit->id;
    account_entry(credit, &entry);
    account_version(sight->book, debit);
    account_version(sight->book, credit);
    sight->book->postings++;
}

/* ---- the fact as a payload -------------------------------------------------------------------- */

/* The accounts on both sides of what an ask is in this partition, and the fact that it is. FACT_KIND_COUNT: none. */
static enum fact_kind sides_of(const struct oracle *self, const struct book *book, const struct ask *ask,
                               struct account **debit, struct account **credit)
{
    struct account *house = book->house[ask->currency];
    *debit = ask->from.length > 0 ? account_here(self, book, ask->from) : house;
    *credit = ask->to.length > 0 ? account_here(self, book, ask->to) : house;
    if (ask->kind == COMMAND_DEPOSIT)
        return FACT_DEPOSIT;
    if (ask->kind == COMMAND_WITHDRAW)
        return FACT_WITHDRAWAL;
    if (ask->kind == COMMAND_CAPTURE)
        return FACT_HOLD_CAPTURED;
    if (ask->kind == COMMAND_EXCHANGE_OUT)
        *credit = book->desk_house[HOUSE_FX][ask->currency];
    if (ask->kind == COMMAND_EXCHANGE_IN)
        *debit = book->desk_house[HOUSE_FX][ask->currency];
    if (is_leg(ask))
        return ask->kind == COMMAND_EXCHANGE_OUT ? FACT_EXCHANGE_OUT : FACT_EXCHANGE_IN;
    if (ask->kind == COMMAND_HOLD || ask->kind == COMMAND_RELEASE || ask->kind == COMMAND_EXCHANGE)
        return FACT_KIND_COUNT;
    uint32_t payer = partition_of(self, ask->from), receiver = partition_of(self, ask->to);
    if (payer == book->partition && receiver == book->partition)
        return FACT_TRANSFER;
    if (payer == book->partition) {
        *credit = book->transit[receiver * 256 + ask->currency];
        return FACT_SENT;
    }
    *debit = book->transit[payer * 256 + ask->currency];
    return receiver == book->partition ? FACT_RECEIVED : FACT_KIND_COUNT;
}

static bool strings_are(const struct posting *posting, struct str remote, const struct ask *ask)
{
    return str_equal(posting->strings.by_tag[FACT_TAG_REMOTE], remote) &&
           str_equal(posting->strings.by_tag[FACT_TAG_MEMO], ask->memo) &&
           str_equal(posting->strings.by_tag[FACT_TAG_REFERENCE], ask->reference);
}

/* How a capture is said, so that a repeat can be told from another payload. */
static uint32_t capture_flags(const struct ask *ask)
{
    if (ask->kind != COMMAND_CAPTURE)
        return 0;
    return (ask->flags & COMMAND_KEEPS_REST ? FACT_CAPTURE_KEEPS_REST : 0u) |
           (ask->amount == 0 ? FACT_CAPTURE_ALL : 0u);
}

bool posting_is(const struct oracle *self, const struct book *book, const struct posting *posting,
                const struct ask *ask)
{
    struct account *debit, *credit;
    enum fact_kind kind = sides_of(self, book, ask, &debit, &credit);
    struct str remote = kind == FACT_SENT ? ask->to : kind == FACT_RECEIVED ? ask->from : (struct str){0};
    return posting->fact.head.kind == kind && posting->debit == debit && posting->credit == credit &&
           posting->fact.amount == capture_amount(self, book, ask) &&
           posting->capture_flags == capture_flags(ask) && worth_rate(&posting->strings) == ask->rate &&
           memcmp(posting->fact.id.bytes, ask->id.bytes, sizeof ask->id.bytes) == 0 &&
           strings_are(posting, remote, ask);
}

static void posting_record(struct oracle *self, struct book *book, const struct posting *posting,
                           const struct ask *ask, enum record_kind kind)
{
    struct uuid id = posting->fact.id;
    struct record *record = record_add(self, book, known_of(self, &id), kind);
    record->ask = ask;
    static const uint8_t commands[] = {[FACT_DEPOSIT] = COMMAND_DEPOSIT,
                                       [FACT_WITHDRAWAL] = COMMAND_WITHDRAW,
                                       [FACT_HOLD_CAPTURED] = COMMAND_CAPTURE,
                                       [FACT_EXCHANGE_OUT] = COMMAND_EXCHANGE_OUT,
                                       [FACT_EXCHANGE_IN] = COMMAND_EXCHANGE_IN};
    uint8_t fact = posting->fact.head.kind;
    record->command = fact < sizeof commands && commands[fact] != 0 ? commands[fact] : COMMAND_TRANSFER;
    record->amount = posting->fact.amount;
    record->currency = posting->debit->currency;
    record->from_balance = posting->debit->balance;
    record->to_balance = posting->credit->balance;
    record->has =
        (record->command != COMMAND_DEPOSIT ? ROW_HAS_FROM : 0) |
        (record->command == COMMAND_DEPOSIT || record->command == COMMAND_TRANSFER ? ROW_HAS_TO : 0);
    record_end(book, record, RECORD_OK, (struct verdict){CODE_OK, FIELD_NONE, 0});
}

/* ---- singles ---------------------------------------------------------------------------------- */

void id_must_be_new(struct oracle *self, const struct book *book, const struct known *known,
                    uint64_t operation)
{
    char text[ID_TEXT];
    if (record_here(self, book, known) != NULL)
        breach_say(self, "I3", operation, book->partition, "id %s is decided for a second time",
                   id_text(&known->id, text));
    else if (is_held(known, book->partition))
        breach_say(self, "I3", operation, book->partition, "id %s is decided while an open group keeps it",
                   id_text(&known->id, text));
}

static const struct ask *posting_ask(struct oracle *self, const struct sight *sight,
                                     const struct posting *posting, const struct known *known)
{
    const struct ask *ask = known->asks;
    char text[ID_TEXT];
    while (ask != NULL &&
           (!ask_reaches(ask, sight->book->partition) || !posting_is(self, sight->book, posting, ask)))
        ask = ask->next;
    if (ask == NULL && known->asks == NULL)
        breach_say(self, "I8", 0, sight->book->partition,
                   "the fact at %llu carries out %s, which nobody has sent",
                   (unsigned long long)sight->position, id_text(&known->id, text));
    else if (ask == NULL)
        breach_say(self, "I8", known->asks->number, sight->book->partition,
                   "the fact at %llu carries out %s, but not as it was sent",
                   (unsigned long long)sight->position, id_text(&known->id, text));
    return ask;
}

static void single_judge(struct oracle *self, const struct sight *sight, const struct ask *ask)
{
    struct verdict verdict = decide_single(self, sight->book, ask);
    char text[ID_TEXT];
    if (ask_is_late(ask, sight->book->time_us))
        verdict = (struct verdict){CODE_DEADLINE_EXCEEDED, FIELD_NONE, 0};
    if (verdict.code == CODE_OK)
        return;
    breach_say(self, verdict.code == CODE_INSUFFICIENT_FUNDS ? "I4" : "I8", ask->number,
               sight->book->partition, "%s is carried out at %llu, where the answer is %s %s",
               id_text(&ask->id, text), (unsigned long long)sight->position, CODE_NAME(verdict),
               field_text(verdict.field));
}

static void single_posting(struct oracle *self, const struct sight *sight, const struct posting *posting)
{
    struct uuid id = posting->fact.id;
    struct known *known = known_of(self, &id);
    const struct ask *ask = posting_ask(self, sight, posting, known);
    id_must_be_new(self, sight->book, known, ask != NULL ? ask->number : 0);
    if (ask != NULL)
        single_judge(self, sight, ask);
    if (posting->fact.head.kind == FACT_HOLD_CAPTURED)
        holds_captured(self, sight, posting, ask);
    posting_apply(self, sight, posting, (struct worth_given){.rate = worth_rate(&posting->strings)});
    posting_record(self, sight->book, posting, ask, RECORD_SINGLE);
}

/* ---- between partitions: the source ----------------------------------------------------------- */

/* The other partition of a transit account. */
static uint32_t transit_peer(const struct oracle *self, const struct book *book,
                             const struct account *account)
{
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        if (peer != book->partition && book->transit[peer * 256 + account->currency] == account)
            return peer;
    }
    return NOBODY;
}

static void sent(struct oracle *self, const struct sight *sight, const struct posting *posting)
{
    struct book *book = sight->book;
    uint32_t peer = transit_peer(self, book, posting->credit);
    posting->debit->paying++;
    single_posting(self, sight, posting);
    struct uuid id = posting->fact.id;
    struct record *record = known_of(self, &id)->records;
    record->state = RECORD_PENDING;
    record->ended = 0;
    record->has = ROW_HAS_FROM | ROW_HAS_TO;
    self->counts.crossings++;
    if (peer == NOBODY)
        return; /* said already: it is not as it was sent */
    struct errand *request = flow_push(self, book->partition, peer, LINK_CREDIT, sight->position);
    request->payer = posting->debit;
    request->record = record;
    request->ask = record->ask;
    request->taken = worth_taken(posting);
}

/* The oldest open request to a peer, which must be a credit that the peer has answered. */
static struct errand *credit_answered(struct oracle *self, const struct sight *sight, uint32_t peer)
{
    struct errand *request =
        peer < self->config.partitions ? flow_answered(self, sight->book->partition, peer) : NULL;
    if (request != NULL && request->kind == LINK_CREDIT)
        return request;
    breach_say(self, "I3", 0, sight->book->partition,
               "the fact at %llu ends a transfer to partition %u that is not open, or not answered there",
               (unsigned long long)sight->position, peer);
    return NULL;
}

static void credit_over(struct oracle *self, const struct sight *sight, uint32_t peer, struct errand *request,
                        enum record_state state)
{
    request->payer->paying--;
    account_version(sight->book, request->payer);
    if (state == RECORD_OK)
        request->record->to_balance = request->balance;
    else
        request->record->has = 0;
    record_end(sight->book, request->record, state, request->verdict);
    if (state == RECORD_REFUSED)
        request->record->time_us = sight->book->time_us;
    flow_pop(self, sight->book->partition, peer);
}

void transfers_settled(struct oracle *self, const struct sight *sight)
{
    struct fact_settled fact;
    memcpy(&fact, sight->bytes, sizeof fact);
    struct errand *request = credit_answered(self, sight, fact.peer);
    if (request == NULL)
        return;
    uint64_t number = request->ask != NULL ? request->ask->number : 0;
    if (request->position != fact.sent_position)
        breach_say(self, "I3", number, sight->book->partition,
                   "the fact at %llu settles what was sent at %llu, but the oldest is from %llu",
                   (unsigned long long)sight->position, (unsigned long long)fact.sent_position,
                   (unsigned long long)request->position);
    else if (request->verdict.code != CODE_OK)
        breach_say(self, "I2", number, sight->book->partition,
                   "a transfer is settled that partition %u refused: %s", fact.peer,
                   CODE_NAME(request->verdict));
    else if (request->balance != fact.remote_balance)
        breach_say(self, "I8", number, sight->book->partition,
                   "a transfer is settled with balance %lld, partition %u has left %lld",
                   (long long)fact.remote_balance, fact.peer, (long long)request->balance);
    credit_over(self, sight, fact.peer, request, RECORD_OK);
}

/* The posting that gives back what this request sent. */
static bool gives_back(const struct posting *posting, const struct errand *request)
{
    const struct ask *ask = request->ask;
    return ask == NULL || (posting->credit == request->payer && posting->fact.amount == ask->amount &&
                           memcmp(posting->fact.id.bytes, ask->id.bytes, sizeof ask->id.bytes) == 0 &&
                           strings_are(posting, ask->to, ask));
}

static void returned(struct oracle *self, const struct sight *sight, const struct posting *posting)
{
    uint32_t peer = transit_peer(self, sight->book, posting->debit);
    struct errand *request = credit_answered(self, sight, peer);
    struct worth_given given = {.has_value = request != NULL,
                                .value = request != NULL ? request->taken.cost : 0};
    posting_apply(self, sight, posting, given);
    if (request == NULL)
        return;
    uint64_t number = request->ask != NULL ? request->ask->number : 0;
    if (!gives_back(posting, request))
        breach_say(self, "I1", number, sight->book->partition,
                   "the fact at %llu gives back something else than was sent",
                   (unsigned long long)sight->position);
    else if (request->verdict.code == CODE_OK)
        breach_say(self, "I2", number, sight->book->partition,
                   "a transfer is given back that partition %u has credited", peer);
    else if (request->verdict.code != posting->fact.head.detail)
        breach_say(self, "I2", number, sight->book->partition,
                   "a transfer is given back with %s, partition %u said %s",
                   code_name((enum code)posting->fact.head.detail), peer, CODE_NAME(request->verdict));
    credit_over(self, sight, peer, request, RECORD_REFUSED);
}

/* ---- between partitions: the target ----------------------------------------------------------- */

/* What the target should say to a credit. */
static struct verdict credit_verdict(const struct oracle *self, const struct book *book, uint32_t peer,
                                     const struct ask *ask)
{
    struct verdict verdict = decide_receive(self, book, ask->to, ask->currency, ask->amount, 0);
    if (verdict.code == CODE_OK && !house_counts(book->transit[peer * 256 + ask->currency], ask->amount))
        return (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_TO_ACCOUNT, 0};
    if (verdict.code == CODE_OK)
        verdict = worth_decide_receive(self, account_here(self, book, ask->to), ask, 0);
    return verdict;
}

static void received(struct oracle *self, const struct sight *sight, const struct posting *posting)
{
    struct book *book = sight->book;
    uint32_t peer = transit_peer(self, book, posting->debit);
    struct errand *request = peer != NOBODY ? flow_unanswered(self, peer, book->partition) : NULL;
    const struct ask *ask = request != NULL ? request->ask : NULL;
    struct worth_given given = {.rate = worth_rate(&posting->strings)};
    if (request == NULL || request->kind != LINK_CREDIT) {
        breach_say(self, "I3", 0, book->partition, "the credit at %llu was not sent, or not yet due",
                   (unsigned long long)sight->position);
        posting_apply(self, sight, posting, given);
        return;
    }
    if (ask != NULL && !posting_is(self, book, posting, ask))
        breach_say(self, "I1", ask->number, book->partition,
                   "the credit at %llu is not what partition %u sent", (unsigned long long)sight->position,
                   peer);
    struct verdict verdict = {CODE_OK, FIELD_NONE, 0};
    if (ask != NULL)
        verdict = credit_verdict(self, book, peer, ask);
    if (verdict.code != CODE_OK)
        breach_say(self, "I8", ask->number, book->partition,
                   "the credit at %llu is made, where the answer is %s", (unsigned long long)sight->position,
                   CODE_NAME(verdict));
    posting_apply(self, sight, posting, given);
    request->is_answered = true;
    request->verdict = (struct verdict){CODE_OK, FIELD_NONE, 0};
    request->balance = posting->credit->balance;
    flow_of(self, peer, book->partition)->processed++;
}

static void bounced(struct oracle *self, const struct sight *sight, const struct fact_link *fact)
{
    struct book *book = sight->book;
    struct errand *request = flow_unanswered(self, fact->peer, book->partition);
    struct verdict said = {(enum code)fact->head.detail, (enum field)(fact->through & 0xFF),
                           (uint8_t)(fact->through >> 8)};
    if (request == NULL || request->kind != fact->through >> 16) {
        breach_say(self, "I3", 0, book->partition,
                   "the refusal at %llu answers nothing that partition %u has asked",
                   (unsigned long long)sight->position, fact->peer);
        return;
    }
    struct verdict verdict = said;
    if (request->ask != NULL && request->kind == LINK_CREDIT)
        verdict = credit_verdict(self, book, fact->peer, request->ask);
    else if (request->kind == LINK_PREPARE) {
        verdict = decide_ids(self, book, request->ask);
        if (verdict.code == CODE_OK)
            verdict = decide_group(self, book, request->ask);
        if (said.code == CODE_CONFLICT && said.item < request->ask->item_count &&
            decide_may_conflict(book, known_find(self, &request->ask->items[said.item].id)))
            verdict = said;
    }
    if (said.code == CODE_OK || !verdict_same(verdict, said))
        breach_say(self, "I8", request->ask != NULL ? request->ask->number : 0, book->partition,
                   "partition %u is refused at %llu with %s %s, item %u, where the answer is %s %s, item %u",
                   fact->peer, (unsigned long long)sight->position, CODE_NAME(said), field_text(said.field),
                   said.item, CODE_NAME(verdict), field_text(verdict.field), verdict.item);
    request->is_answered = true;
    request->verdict = said;
    flow_of(self, fact->peer, book->partition)->processed++;
}

static void pruned(struct oracle *self, const struct sight *sight, const struct fact_link *fact)
{
    struct flow *flow = flow_of(self, fact->peer, sight->book->partition);
    if (fact->through <= flow->pruned || fact->through >= flow->first)
        breach_say(self, "I3", 0, sight->book->partition,
                   "answers up to %llu are dropped at %llu, but partition %u still needs those from %llu",
                   (unsigned long long)fact->through, (unsigned long long)sight->position, fact->peer,
                   (unsigned long long)flow->first);
    else
        flow->pruned = fact->through;
}

void transfers_link(struct oracle *self, const struct sight *sight)
{
    struct fact_link fact;
    memcpy(&fact, sight->bytes, sizeof fact);
    if (fact.peer >= self->config.partitions || fact.peer == sight->book->partition)
        breach_say(self, "I7", 0, sight->book->partition, "the fact at %llu names partition %u",
                   (unsigned long long)sight->position, fact.peer);
    else if (fact.head.kind == FACT_BOUNCED)
        bounced(self, sight, &fact);
    else
        pruned(self, sight, &fact);
}

/* ---- refusals --------------------------------------------------------------------------------- */

/* A refusal keeps a fingerprint instead of the payload, so all asks that it fits are candidates. */
static void candidates_note(struct oracle *self, const struct book *book, struct record *record,
                            const struct known *known, struct verdict said)
{
    size_t count = 0;
    for (const struct ask *ask = known->asks; ask != NULL; ask = ask->next)
        count++;
    record->candidates = pool_take(&self->pool, (count + 1) * sizeof(const struct ask *));
    for (const struct ask *ask = known->asks; ask != NULL; ask = ask->next) {
        if (ask->kind == record->command && ask_reaches(ask, book->partition) &&
            !ask_is_late(ask, book->time_us) &&
            (verdict_same(decide_single(self, book, ask), said) || holds_may_say(self, book, ask, said) ||
             desk_may_say(self, book, ask, said)))
            record->candidates[record->candidate_count++] = ask;
    }
    if (record->candidate_count == 1)
        record->ask = record->candidates[0];
}

static void refusal_breach(struct oracle *self, const struct sight *sight, const struct known *known,
                           struct verdict said)
{
    const struct ask *ask = known->asks;
    char text[ID_TEXT];
    while (ask != NULL && !ask_reaches(ask, sight->book->partition))
        ask = ask->next;
    if (ask == NULL) {
        breach_say(self, "I8", 0, sight->book->partition, "%s is refused at %llu, but nobody has sent it",
                   id_text(&known->id, text), (unsigned long long)sight->position);
        return;
    }
    struct verdict verdict = {CODE_OK, FIELD_NONE, 0};
    if (ask->kind != COMMAND_GROUP)
        verdict = decide_single(self, sight->book, ask);
    breach_say(self, "I8", ask->number, sight->book->partition,
               "%s is refused at %llu with %s %s, where the answer is %s %s", id_text(&known->id, text),
               (unsigned long long)sight->position, CODE_NAME(said), field_text(said.field),
               CODE_NAME(verdict), field_text(verdict.field));
}

void transfers_refused(struct oracle *self, const struct sight *sight)
{
    struct fact_refused fact;
    memcpy(&fact, sight->bytes, sizeof fact);
    struct uuid id = fact.id;
    struct known *known = known_of(self, &id);
    struct verdict said = {(enum code)fact.head.detail, (enum field)fact.field, 0};
    id_must_be_new(self, sight->book, known, 0);
    struct record *record = record_add(self, sight->book, known, RECORD_SINGLE);
    record->command = fact.command;
    candidates_note(self, sight->book, record, known, said);
    record_end(sight->book, record, RECORD_REFUSED, said);
    sight->book->refusals++;
    if (said.code == CODE_OK || record->candidate_count == 0)
        refusal_breach(self, sight, known, said);
}

/* ---- which posting it is ---------------------------------------------------------------------- */

static void group_posting(struct oracle *self, const struct sight *sight, const struct posting *posting)
{
    uint8_t kind = posting->fact.head.kind;
    if (kind == FACT_EXCHANGE_SPREAD || kind == FACT_EXCHANGE_RESIDUE) {
        groups_extra(self, sight, posting);
        posting_apply(self, sight, posting, (struct worth_given){0});
        return;
    }
    const struct ask *item = groups_posting(self, sight, posting);
    struct worth_given given = {.rate = worth_rate(&posting->strings)};
    if (item != NULL && is_leg(item))
        given = (struct worth_given){.has_value = true, .value = item->value};
    posting_apply(self, sight, posting, given);
    if (posting->fact.head.kind != FACT_RECEIVED)
        posting_record(self, sight->book, posting, item, RECORD_ITEM);
    groups_posted(self, sight, posting);
}

/* The approval before it is of the same step. */
static void proposed_posting(struct oracle *self, const struct sight *sight, const struct posting *posting)
{
    if (!proposals_posting(self, sight, posting))
        sight->book->step++;
    posting_apply(self, sight, posting, (struct worth_given){.rate = worth_rate(&posting->strings)});
}

void transfers_posting(struct oracle *self, const struct sight *sight)
{
    struct posting posting;
    if (!posting_read(sight->book, sight->bytes, sight->size, &posting)) {
        breach_say(self, "I7", 0, sight->book->partition, "the posting at %llu names accounts %u and %u",
                   (unsigned long long)sight->position, posting.fact.debit, posting.fact.credit);
        return;
    }
    uint8_t kind = posting.fact.head.kind;
    if (kind != FACT_RETURNED && (posting.fact.head.detail & FACT_FLAG_GROUP)) {
        group_posting(self, sight, &posting);
        return;
    }
    groups_interrupt(self, sight->book);
    if ((kind == FACT_DEPOSIT || kind == FACT_WITHDRAWAL) &&
        (posting.fact.head.detail & FACT_FLAG_PROPOSED)) {
        proposed_posting(self, sight, &posting);
        return;
    }
    sight->book->step++;
    if (kind == FACT_SENT)
        sent(self, sight, &posting);
    else if (kind == FACT_RECEIVED)
        received(self, sight, &posting);
    else if (kind == FACT_RETURNED)
        returned(self, sight, &posting);
    else
        single_posting(self, sight, &posting);
}
