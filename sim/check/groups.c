/* Atomic groups: what is reserved for them, who voted for what, and that they are carried out whole or not at all.
 *
 * The postings that carry out a group stand next to each other, in the order of its items. Only the fact behind them names
 * the group (that before them, at its coordinator), so the oracle looks ahead when the first of them comes.
 */
#include "sim/check/inside.h"

static uint64_t bit(uint32_t partition)
{
    return UINT64_C(1) << partition;
}

static bool is_here(const struct oracle *self, const struct book *book, const struct ask *item)
{
    return (item->from.length > 0 && partition_of(self, item->from) == book->partition) ||
           (item->to.length > 0 && partition_of(self, item->to) == book->partition);
}

static uint64_t partitions_of(const struct oracle *self, const struct ask *group)
{
    uint64_t partitions = 0;
    for (uint32_t i = 0; i < group->item_count; i++) {
        const struct ask *item = &group->items[i];
        if (item->from.length > 0)
            partitions |= bit(partition_of(self, item->from));
        if (item->to.length > 0)
            partitions |= bit(partition_of(self, item->to));
    }
    return partitions;
}

static struct group *group_find(const struct oracle *self, const struct uuid *id, uint32_t coordinator)
{
    struct group *group = self->groups;
    while (group != NULL && (group->coordinator != coordinator || !uuid_equal(&group->id, id)))
        group = group->next;
    return group;
}

static uint64_t number_of(const struct ask *ask)
{
    return ask != NULL ? ask->number : 0;
}

/* ---- reservations ----------------------------------------------------------------------------- */

static void reserve_side(struct book *book, struct account *account, int64_t amount, __int128 value,
                         bool pays)
{
    if (account == NULL)
        return; /* said already */
    if (pays) {
        account->pending += amount;
    } else {
        account->incoming += amount;
        account->incoming_value += account->has_book ? value : 0;
        account->expected += amount > 0 ? 1u : UINT32_MAX;
    }
    account_version(book, account);
}

/* Holds back what the group needs here (sign 1), or lets it go (sign -1). */
static void reserve(struct oracle *self, struct book *book, struct group *group, int sign)
{
    for (uint32_t i = 0; i < group->ask->item_count; i++) {
        const struct ask *item = &group->ask->items[i];
        if (item->from.length > 0 && partition_of(self, item->from) == book->partition)
            reserve_side(book, account_named(self, item->from), sign * item->amount, 0, true);
        if (item->to.length > 0 && partition_of(self, item->to) == book->partition)
            reserve_side(book, account_named(self, item->to), sign * item->amount,
                         sign * worth_of(self, item), false);
    }
    group->stays[book->partition].is_reserved = sign > 0;
}

static void stay_begin(struct oracle *self, struct book *book, struct group *group)
{
    group->stays[book->partition].begun = book->step;
    book->groups_open++;
    reserve(self, book, group, 1);
}

static void stay_end(struct oracle *self, struct book *book, struct group *group)
{
    group->stays[book->partition].ended = book->step;
    book->groups_open--;
    if (group->stays[book->partition].is_reserved)
        reserve(self, book, group, -1);
}

/* ---- carrying out ----------------------------------------------------------------------------- */

static void carry_begin(struct book *book, const struct ask *ask, struct group *group)
{
    book->carry = (struct carry){.ask = ask, .group = group};
}

static void skip_elsewhere(const struct oracle *self, struct book *book)
{
    struct carry *carry = &book->carry;
    if (carry->extras != NULL && carry->spread + carry->residue > 0)
        return;
    while (carry->next_item < carry->ask->item_count &&
           !is_here(self, book, &carry->ask->items[carry->next_item]))
        carry->next_item++;
}

static bool carry_is_whole(const struct oracle *self, struct book *book)
{
    skip_elsewhere(self, book);
    return book->carry.spread + book->carry.residue == 0 &&
           book->carry.next_item == book->carry.ask->item_count;
}

void groups_interrupt(struct oracle *self, struct book *book)
{
    char text[ID_TEXT];
    if (book->carry.ask == NULL)
        return;
    breach_say(self, "I1", book->carry.ask->number, book->partition, "group %s is carried out in part",
               id_text(&book->carry.ask->id, text));
    book->carry.ask = NULL;
}

/* The fact that ends a run of postings of a group. false: there is none. */
static bool run_end(const struct sight *sight, struct fact_group *out)
{
    size_t at = 0, size;
    while (at < sight->rest_length && fact_next(sight->rest + at, sight->rest_length - at, &size)) {
        uint8_t kind = sight->rest[at];
        if (kind == FACT_GROUP_CLOSED || kind == FACT_GROUP_ANSWERED) {
            memcpy(out, sight->rest + at, sizeof *out);
            return true;
        }
        if (!fact_is_posting(kind))
            return false;
        at += size;
    }
    return false;
}

/* The run carries out these items, exactly, or at least their ids. */
static bool run_is(const struct oracle *self, const struct sight *sight, const struct ask *ask, bool exactly)
{
    size_t at = 0, size = sight->size;
    const uint8_t *bytes = sight->bytes;
    struct posting posting;
    for (uint32_t i = 0; i < ask->item_count; i++) {
        struct ask *item = &ask->items[i];
        if (!fact_is_posting(bytes[0]) || !posting_read(sight->book, bytes, size, &posting))
            return false;
        if (is_leg(item) && uuid_is_nil(&item->id))
            item->id = posting.fact.id; /* teller's choice */
        if (memcmp(posting.fact.id.bytes, item->id.bytes, sizeof item->id.bytes) != 0 ||
            (exactly && !posting_is(self, sight->book, &posting, item)))
            return false;
        bytes = sight->rest + at;
        if (!fact_next(bytes, sight->rest_length - at, &size))
            return false;
        at += size;
        /* What else an exchange posts is looked at when it comes. */
        while (bytes[0] == FACT_EXCHANGE_SPREAD || bytes[0] == FACT_EXCHANGE_RESIDUE) {
            bytes = sight->rest + at;
            if (!fact_next(bytes, sight->rest_length - at, &size))
                return false;
            at += size;
        }
    }
    return bytes[0] == FACT_GROUP_ANSWERED;
}

/* The group that a run carries out: one id may have come with several payloads. */
static const struct ask *run_ask(struct oracle *self, const struct sight *sight, const struct known *known,
                                 bool exactly)
{
    for (const struct ask *ask = known->asks; ask != NULL; ask = ask->next) {
        const struct ask *group = desk_group(self, sight->book, ask);
        if (group != NULL && ask_reaches(ask, sight->book->partition) && run_is(self, sight, group, exactly))
            return group;
    }
    return NULL;
}

/* A group whose accounts are all here: decided and carried out at once. */
static void local_begin(struct oracle *self, const struct sight *sight, const struct fact_group *end)
{
    struct uuid id = end->id;
    struct known *known = known_of(self, &id);
    const struct ask *ask = run_ask(self, sight, known, true);
    if (ask == NULL)
        ask = run_ask(self, sight, known, false);
    if (ask == NULL)
        return;
    id_must_be_new(self, sight->book, known, ask->number);
    struct verdict verdict = decide_ids(self, sight->book, ask);
    if (verdict.code == CODE_OK)
        verdict = decide_group(self, sight->book, ask);
    if (ask_is_late(ask, sight->book->time_us))
        verdict = (struct verdict){CODE_DEADLINE_EXCEEDED, FIELD_NONE, 0};
    if (verdict.code != CODE_OK)
        breach_say(self, verdict.code == CODE_INSUFFICIENT_FUNDS ? "I4" : "I8", ask->number,
                   sight->book->partition,
                   "a group is carried out at %llu, where the answer is %s %s for item %u",
                   (unsigned long long)sight->position, code_name(verdict.code), field_text(verdict.field),
                   verdict.item);
    sight->book->step++;
    carry_begin(sight->book, ask, NULL);
}

/* A participant was told to carry it out. */
static void told_begin(struct oracle *self, const struct sight *sight, const struct fact_group *end)
{
    struct uuid id = end->id;
    struct group *group = group_find(self, &id, end->peer);
    if (group == NULL || end->peer >= self->config.partitions)
        return;
    const struct errand *request = flow_unanswered(self, end->peer, sight->book->partition);
    if (request == NULL || request->kind != LINK_DECIDE || request->group != group ||
        request->decision != CODE_OK)
        return;
    sight->book->step++;
    carry_begin(sight->book, group->ask, group);
}

const struct ask *groups_posting(struct oracle *self, const struct sight *sight,
                                 const struct posting *posting)
{
    struct book *book = sight->book;
    struct fact_group end;
    if (book->carry.ask == NULL && run_end(sight, &end)) {
        if (end.head.kind == FACT_GROUP_ANSWERED)
            local_begin(self, sight, &end);
        else
            told_begin(self, sight, &end);
    }
    if (book->carry.ask == NULL) {
        breach_say(self, "I3", 0, book->partition,
                   "the posting at %llu is of a group that is not to be carried out",
                   (unsigned long long)sight->position);
        book->step++;
        return NULL;
    }
    bool owes = book->carry.spread + book->carry.residue > 0;
    const struct ask *item =
        owes || carry_is_whole(self, book) ? NULL : &book->carry.ask->items[book->carry.next_item];
    if (item == NULL || !posting_is(self, book, posting, item)) {
        breach_say(self, "I8", book->carry.ask->number, book->partition,
                   "the posting at %llu is not item %u of its group", (unsigned long long)sight->position,
                   book->carry.next_item);
        return NULL;
    }
    return item;
}

/* All is carried out at a coordinator: nothing comes behind it in the same step. */
static void carry_end(struct oracle *self, struct book *book)
{
    struct carry *carry = &book->carry;
    struct group *group = carry->group;
    if (group == NULL || group->coordinator != book->partition || !carry_is_whole(self, book))
        return;
    memcpy(group->rows, carry->rows, sizeof group->rows);
    carry->ask = NULL;
}

void groups_posted(struct oracle *self, const struct sight *sight, const struct posting *posting)
{
    struct carry *carry = &sight->book->carry;
    if (carry->ask == NULL || carry->next_item == carry->ask->item_count)
        return;
    const struct ask *item = &carry->ask->items[carry->next_item];
    struct group_row *row = &carry->rows[carry->next_item++];
    carry->extras = item;
    carry->spread = item->spread;
    carry->residue = item->residue;
    if (item->from.length > 0 && posting->fact.head.kind != FACT_RECEIVED) {
        row->has |= ROW_HAS_FROM;
        row->from_balance = posting->debit->balance;
    }
    if (item->to.length > 0 && posting->fact.head.kind != FACT_SENT) {
        row->has |= ROW_HAS_TO;
        row->to_balance = posting->credit->balance;
    }
    carry_end(self, sight->book);
}

void groups_extra(struct oracle *self, const struct sight *sight, const struct posting *posting)
{
    struct book *book = sight->book;
    struct carry *carry = &book->carry;
    bool spreads = posting->fact.head.kind == FACT_EXCHANGE_SPREAD;
    int64_t *due = spreads ? &carry->spread : &carry->residue;
    currency_index currency = posting->debit->currency;
    if (carry->ask == NULL || carry->extras == NULL || *due != posting->fact.amount ||
        (!spreads && carry->spread != 0) || posting->debit != book->desk_house[HOUSE_FX][currency] ||
        posting->credit != book->desk_house[spreads ? HOUSE_SPREAD : HOUSE_RESIDUE][currency] ||
        currency != carry->extras->currency)
        breach_say(self, "I11", 0, book->partition,
                   "the posting at %llu is no spread or residue that was quoted",
                   (unsigned long long)sight->position);
    *due = 0;
    if (carry->ask != NULL)
        carry_end(self, book);
}

/* ---- rows ------------------------------------------------------------------------------------- */

static void rows_refused(struct verdict verdict, uint32_t count, struct group_row *rows)
{
    for (uint32_t i = 0; i < count; i++) {
        rows[i] = (struct group_row){.code = CODE_GROUP_REFUSED};
        if (i == verdict.item)
            rows[i] = (struct group_row){.code = (uint8_t)verdict.code, .field = (uint8_t)verdict.field};
    }
}

static bool row_is(const struct group_row *a, const struct group_row *b)
{
    return a->code == b->code && a->field == b->field && a->has == b->has &&
           (!(a->has & ROW_HAS_FROM) || a->from_balance == b->from_balance) &&
           (!(a->has & ROW_HAS_TO) || a->to_balance == b->to_balance);
}

/* The rows of a fact are these. */
static bool rows_are(const struct sight *sight, const struct group_row *rows, uint32_t count)
{
    struct fact_group fact;
    memcpy(&fact, sight->bytes, sizeof fact);
    if (fact.count != count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct group_row row;
        memcpy(&row, sight->bytes + sizeof fact + i * sizeof row, sizeof row);
        if (!row_is(&row, &rows[i]))
            return false;
    }
    return true;
}

static struct group_row *rows_keep(struct oracle *self, const struct group_row *rows)
{
    struct group_row *kept = pool_take(&self->pool, LEDGER_GROUP_MAX * sizeof *kept);
    memcpy(kept, rows, LEDGER_GROUP_MAX * sizeof *kept);
    return kept;
}

static void wrong(struct oracle *self, const struct sight *sight, const char *invariant,
                  const struct ask *ask, const char *what)
{
    breach_say(self, invariant, number_of(ask), sight->book->partition, "the group's fact at %llu %s",
               (unsigned long long)sight->position, what);
}

/* ---- the coordinator begins ------------------------------------------------------------------- */

static const struct ask *items_ask(struct oracle *self, const struct sight *sight, const struct known *known)
{
    const uint8_t *items = sight->bytes + sizeof(struct fact_group);
    for (const struct ask *ask = known->asks; ask != NULL; ask = ask->next) {
        const struct ask *group = desk_group(self, sight->book, ask);
        if (group != NULL && ask_reaches(ask, sight->book->partition) &&
            items_are(items, sight->size - sizeof(struct fact_group), group))
            return group;
    }
    return NULL;
}

/* Whose answer the group's is. */
static const struct ask *asked_of(const struct ask *group)
{
    return group->origin != NULL ? group->origin : group;
}

static uint8_t command_of(const struct ask *group)
{
    return group->origin != NULL ? COMMAND_EXCHANGE : COMMAND_GROUP;
}

static struct group *group_new(struct oracle *self, const struct book *book, const struct ask *ask)
{
    struct group *group = pool_take(&self->pool, sizeof *group);
    group->id = ask->id;
    group->ask = ask;
    group->coordinator = book->partition;
    group->asked = partitions_of(self, ask) & ~bit(book->partition);
    group->stays = pool_take(&self->pool, self->config.partitions * sizeof *group->stays);
    for (uint32_t i = 0; i < ask->item_count; i++) {
        struct known *known = known_of(self, &ask->items[i].id);
        struct keeper *keeper = pool_take(&self->pool, sizeof *keeper);
        *keeper = (struct keeper){known->keepers, group};
        known->keepers = keeper;
    }
    group->next = self->groups;
    self->groups = group;
    self->counts.groups++;
    return group;
}

static struct verdict judge(const struct oracle *self, const struct book *book, const struct ask *ask)
{
    struct verdict verdict = decide_ids(self, book, ask);
    return verdict.code == CODE_OK ? decide_group(self, book, ask) : verdict;
}

static void started(struct oracle *self, const struct sight *sight, const struct fact_group *fact)
{
    struct book *book = sight->book;
    struct uuid id = fact->id;
    struct known *known = known_of(self, &id);
    const struct ask *ask = items_ask(self, sight, known);
    if (ask == NULL) {
        wrong(self, sight, "I8", known->asks, "begins a group that was not sent like that");
        return;
    }
    id_must_be_new(self, book, known, ask->number);
    struct verdict verdict = judge(self, book, ask);
    if (verdict.code != CODE_OK || ask_is_late(ask, book->time_us) ||
        (partitions_of(self, ask) & ~bit(book->partition)) == 0)
        wrong(self, sight, verdict.code == CODE_INSUFFICIENT_FUNDS ? "I4" : "I8", ask,
              "begins a group that is to be answered at once");
    struct group *group = group_new(self, book, ask);
    group->record = record_add(self, book, known, RECORD_GROUP);
    group->record->command = command_of(ask);
    group->record->ask = asked_of(ask);
    if (fact->is_exchange != (ask->origin != NULL))
        wrong(self, sight, "I8", ask, "says of an exchange that it is none, or the other way round");
    stay_begin(self, book, group);
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        if (!(group->asked & bit(peer)))
            continue;
        struct errand *request = flow_push(self, book->partition, peer, LINK_PREPARE, sight->position);
        request->group = group;
        request->ask = ask;
    }
}

/* ---- a participant ---------------------------------------------------------------------------- */

/* The request that a fact of a participant answers. */
static struct errand *request_due(struct oracle *self, const struct sight *sight,
                                  const struct fact_group *fact, enum link_kind kind)
{
    struct errand *request = fact->peer < self->config.partitions
                                 ? flow_unanswered(self, fact->peer, sight->book->partition)
                                 : NULL;
    if (request != NULL && request->kind == kind &&
        memcmp(request->group->id.bytes, fact->id.bytes, sizeof fact->id.bytes) == 0)
        return request;
    wrong(self, sight, "I3", NULL, "answers what its coordinator has not asked, or not yet");
    return NULL;
}

static void prepared(struct oracle *self, const struct sight *sight, const struct fact_group *fact)
{
    struct book *book = sight->book;
    struct errand *request = request_due(self, sight, fact, LINK_PREPARE);
    if (request == NULL)
        return;
    if (!items_are(sight->bytes + sizeof *fact, sight->size - sizeof *fact, request->ask))
        wrong(self, sight, "I8", request->ask, "prepares other items than were asked");
    struct verdict verdict = judge(self, book, request->ask);
    if (verdict.code != CODE_OK)
        wrong(self, sight, verdict.code == CODE_INSUFFICIENT_FUNDS ? "I4" : "I8", request->ask,
              "prepares what is to be refused");
    request->is_answered = true;
    flow_of(self, fact->peer, book->partition)->processed++;
    stay_begin(self, book, request->group);
}

static void closed(struct oracle *self, const struct sight *sight, const struct fact_group *fact)
{
    struct book *book = sight->book;
    struct errand *request = request_due(self, sight, fact, LINK_DECIDE);
    if (request == NULL)
        return;
    struct group *group = request->group;
    bool carries = book->carry.ask != NULL && book->carry.group == group;
    if (fact->head.detail != request->decision)
        wrong(self, sight, "I2", group->ask, "does not do what was decided");
    else if (request->decision == CODE_OK ? !carries || !carry_is_whole(self, book) : carries)
        wrong(self, sight, "I1", group->ask, "comes without all the postings of its part");
    else if (!rows_are(sight, book->carry.rows, group->ask->item_count))
        wrong(self, sight, "I8", group->ask, "tells other balances than its postings");
    request->is_answered = true;
    request->rows = rows_keep(self, book->carry.rows);
    flow_of(self, fact->peer, book->partition)->processed++;
    book->carry.ask = NULL;
    stay_end(self, book, group);
}

/* ---- the coordinator goes on ------------------------------------------------------------------ */

static struct group *group_due(struct oracle *self, const struct sight *sight, const struct fact_group *fact)
{
    struct uuid id = fact->id;
    struct group *group = group_find(self, &id, sight->book->partition);
    if (group == NULL)
        wrong(self, sight, "I3", NULL, "is of a group that is not open");
    return group;
}

/* The oldest open request to the peer, answered, of this group. */
static struct errand *answer_due(struct oracle *self, const struct sight *sight,
                                 const struct fact_group *fact, const struct group *group,
                                 enum link_kind kind)
{
    struct errand *request =
        fact->peer < self->config.partitions ? flow_answered(self, sight->book->partition, fact->peer) : NULL;
    if (request != NULL && request->kind == kind && request->group == group)
        return request;
    wrong(self, sight, "I3", group->ask, "takes an answer that its participant has not given");
    return NULL;
}

static void voted(struct oracle *self, const struct sight *sight, const struct fact_group *fact)
{
    struct group *group = group_due(self, sight, fact);
    struct errand *request = group != NULL ? answer_due(self, sight, fact, group, LINK_PREPARE) : NULL;
    if (request == NULL)
        return;
    struct verdict said = {(enum code)fact->head.detail, (enum field)fact->field, fact->item};
    if (!verdict_same(said, request->verdict))
        wrong(self, sight, "I2", group->ask, "tells another vote than was given");
    struct verdict *first = &group->verdict, vote = request->verdict;
    group->voted |= bit(fact->peer);
    if (vote.code == CODE_OK)
        group->agreed |= bit(fact->peer);
    else if (first->code == CODE_OK || vote.item < first->item ||
             (vote.item == first->item && vote.field < first->field))
        *first = vote;
    flow_pop(self, sight->book->partition, fact->peer);
}

static void decided(struct oracle *self, const struct sight *sight, const struct fact_group *fact)
{
    struct book *book = sight->book;
    struct group *group = group_due(self, sight, fact);
    if (group == NULL)
        return;
    struct verdict said = {(enum code)fact->head.detail, (enum field)fact->field, fact->item};
    if (group->is_decided || group->voted != group->asked)
        wrong(self, sight, "I3", group->ask, "decides before all have voted, or again");
    else if (!verdict_same(said, group->verdict))
        wrong(self, sight, "I2", group->ask, "decides something else than the votes say");
    group->is_decided = true;
    reserve(self, book, group, -1);
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        if (!(group->agreed & bit(peer)))
            continue;
        struct errand *request = flow_push(self, book->partition, peer, LINK_DECIDE, sight->position);
        request->group = group;
        request->ask = group->ask;
        request->decision = group->verdict.code;
    }
    if (group->verdict.code == CODE_OK)
        carry_begin(book, group->ask, group);
}

static void rows_merge(struct group *group, const struct group_row *rows)
{
    for (uint32_t i = 0; i < group->ask->item_count; i++) {
        if (rows[i].has & ROW_HAS_FROM)
            group->rows[i].from_balance = rows[i].from_balance;
        if (rows[i].has & ROW_HAS_TO)
            group->rows[i].to_balance = rows[i].to_balance;
        group->rows[i].has |= rows[i].has;
    }
}

static void done(struct oracle *self, const struct sight *sight, const struct fact_group *fact)
{
    struct group *group = group_due(self, sight, fact);
    struct errand *request = group != NULL ? answer_due(self, sight, fact, group, LINK_DECIDE) : NULL;
    if (request == NULL)
        return;
    if (!rows_are(sight, request->rows, group->ask->item_count))
        wrong(self, sight, "I8", group->ask, "tells other balances than its participant");
    rows_merge(group, request->rows);
    group->done |= bit(fact->peer);
    flow_pop(self, sight->book->partition, fact->peer);
}

/* ---- answers ---------------------------------------------------------------------------------- */

/* CONFLICT is not remembered. */
static void group_record_end(struct oracle *self, struct book *book, struct record *record,
                             struct verdict verdict, const struct group_row *rows)
{
    record->rows = rows_keep(self, rows);
    if (record->command == COMMAND_EXCHANGE && verdict.code == CODE_OK) {
        record->has = ROW_HAS_FROM | ROW_HAS_TO;
        record->from_balance = rows[0].from_balance;
        record->to_balance = rows[1].to_balance;
    }
    record->time_us = book->time_us;
    record_end(book, record,
               verdict.code == CODE_OK         ? RECORD_OK
               : verdict.code == CODE_CONFLICT ? RECORD_FORGOTTEN
                                               : RECORD_REFUSED,
               verdict);
}

static void crossing_answered(struct oracle *self, const struct sight *sight, struct group *group,
                              struct verdict said)
{
    if (!group->is_decided || group->done != group->agreed)
        wrong(self, sight, "I2", group->ask, "answers before all have carried it out, or let it go");
    if (group->verdict.code != CODE_OK)
        rows_refused(group->verdict, group->ask->item_count, group->rows);
    said.item = group->verdict.item;
    if (!verdict_same(said, group->verdict))
        wrong(self, sight, "I2", group->ask, "answers something else than was decided");
    else if (!rows_are(sight, group->rows, group->ask->item_count))
        wrong(self, sight, "I8", group->ask, "answers with other rows than its parts give");
    group_record_end(self, sight->book, group->record, group->verdict, group->rows);
    stay_end(self, sight->book, group);
    struct group **at = &self->groups;
    while (*at != group)
        at = &(*at)->next;
    *at = group->next;
}

static void local_answered(struct oracle *self, const struct sight *sight, struct verdict said)
{
    struct book *book = sight->book;
    const struct ask *ask = book->carry.ask;
    struct record *record = record_add(self, book, known_of(self, &ask->id), RECORD_GROUP);
    record->command = command_of(ask);
    record->ask = asked_of(ask);
    if (said.code != CODE_OK || !carry_is_whole(self, book))
        wrong(self, sight, "I1", ask, "refuses what was carried out, or comes before it was");
    else if (!rows_are(sight, book->carry.rows, ask->item_count))
        wrong(self, sight, "I8", ask, "tells other balances than its postings");
    group_record_end(self, book, record, (struct verdict){CODE_OK, FIELD_NONE, 0}, book->carry.rows);
    book->carry.ask = NULL;
}

/* The verdict that the coordinator's own part gives, with the fact's rows: is this what the fact says? */
static bool refusal_fits(struct oracle *self, const struct sight *sight, const struct ask *ask,
                         struct verdict said, struct group_row *rows)
{
    if (!ask_reaches(ask, sight->book->partition) || ask_is_late(ask, sight->book->time_us) ||
        decide_ids(self, sight->book, ask).code != CODE_OK)
        return false;
    struct verdict verdict = decide_group(self, sight->book, ask);
    rows_refused(verdict, ask->item_count, rows);
    return verdict.code == said.code && verdict.field == said.field && verdict.code != CODE_OK &&
           rows_are(sight, rows, ask->item_count);
}

static void refused_at_once(struct oracle *self, const struct sight *sight, const struct fact_group *fact,
                            struct verdict said)
{
    struct uuid id = fact->id;
    struct known *known = known_of(self, &id);
    struct group_row rows[LEDGER_GROUP_MAX] = {0}, kept[LEDGER_GROUP_MAX] = {0};
    size_t count = 0;
    for (const struct ask *ask = known->asks; ask != NULL; ask = ask->next)
        count++;
    id_must_be_new(self, sight->book, known, number_of(known->asks));
    struct record *record = record_add(self, sight->book, known, RECORD_GROUP);
    record->command = fact->is_exchange ? COMMAND_EXCHANGE : COMMAND_GROUP;
    record->candidates = pool_take(&self->pool, (count + 1) * sizeof(const struct ask *));
    for (const struct ask *ask = known->asks; ask != NULL; ask = ask->next) {
        const struct ask *group = desk_group(self, sight->book, ask);
        if (group == NULL || (group->origin != NULL) != (fact->is_exchange != 0) ||
            !refusal_fits(self, sight, group, said, rows))
            continue;
        record->candidates[record->candidate_count++] = ask;
        memcpy(kept, rows, sizeof kept);
    }
    if (record->candidate_count == 1)
        record->ask = record->candidates[0];
    if (record->candidate_count == 0)
        wrong(self, sight, "I8", known->asks, "refuses what was not sent, or is to be answered otherwise");
    group_record_end(self, sight->book, record, said, kept);
}

static void answered(struct oracle *self, const struct sight *sight, const struct fact_group *fact)
{
    struct book *book = sight->book;
    struct uuid id = fact->id;
    struct verdict said = {(enum code)fact->head.detail, (enum field)fact->field, 0};
    struct group *group = group_find(self, &id, book->partition);
    book->refusals += said.code != CODE_OK;
    if (book->carry.ask != NULL && book->carry.group != NULL)
        groups_interrupt(self, book);
    if (book->carry.ask != NULL && book->carry.group == NULL && uuid_equal(&book->carry.ask->id, &id))
        local_answered(self, sight, said);
    else if (group != NULL)
        crossing_answered(self, sight, group, said);
    else
        refused_at_once(self, sight, fact, said);
}

/* ---- by kind ---------------------------------------------------------------------------------- */

void groups_fact(struct oracle *self, const struct sight *sight)
{
    struct fact_group fact;
    memcpy(&fact, sight->bytes, sizeof fact);
    uint8_t kind = fact.head.kind;
    bool ends = kind == FACT_GROUP_CLOSED || kind == FACT_GROUP_ANSWERED;
    if (!ends)
        groups_interrupt(self, sight->book);
    if (sight->book->carry.ask == NULL) {
        sight->book->carry = (struct carry){0};
        sight->book->step++;
    }
    if (kind == FACT_GROUP_STARTED)
        started(self, sight, &fact);
    else if (kind == FACT_GROUP_PREPARED)
        prepared(self, sight, &fact);
    else if (kind == FACT_GROUP_VOTED)
        voted(self, sight, &fact);
    else if (kind == FACT_GROUP_DECIDED)
        decided(self, sight, &fact);
    else if (kind == FACT_GROUP_CLOSED)
        closed(self, sight, &fact);
    else if (kind == FACT_GROUP_DONE)
        done(self, sight, &fact);
    else
        answered(self, sight, &fact);
}
