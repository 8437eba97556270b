/* Decide and evolve: atomic groups. group.h has the picture. */
#include "actors/ledger/group.h"

#include "actors/ledger/core.h"
#include "actors/ledger/exchange.h"
#include "actors/ledger/group_legs.h"
#include "actors/ledger/group_rows.h"
#include "actors/ledger/hash.h"

struct group {
    struct group *next;
    struct uuid id;
    uint64_t fingerprint[2];
    uint32_t coordinator; /* a partition */
    uint32_t item_count;
    uint64_t asked, voted, agreed, done; /* coordinator: participants, a bit each */
    uint8_t decided, code, field, item;
    struct group_row rows[LEDGER_GROUP_MAX];
    struct group_waiter *waiters;
    size_t length; /* of items */
    uint8_t items[];
};

struct group_waiter {
    struct group_waiter *next;
    struct ledger_ticket *ticket;
    uint32_t row;
};

static uint32_t own(const struct ledger *self)
{
    return self->config.partition;
}

static uint32_t home(const struct ledger *self, struct str id)
{
    return ledger_partition_of(id, self->config.partitions);
}

static uint64_t bit(uint32_t partition)
{
    return UINT64_C(1) << partition;
}

/* ---- shapes ---------------------------------------------------------------------------------------------- */

enum err group_fact_check(const uint8_t *fact, size_t size)
{
    struct fact_group head;
    memcpy(&head, fact, sizeof head);
    const uint8_t *at = fact + sizeof head;
    size_t left = size - sizeof head;
    if (head.count > LEDGER_GROUP_MAX || head.peer >= LEDGER_PARTITIONS_MAX || head.head.detail >= CODE_COUNT)
        return ERR_CORRUPT;
    bool items = head.head.kind == FACT_GROUP_STARTED || head.head.kind == FACT_GROUP_PREPARED;
    if (!items)
        return left == head.count * sizeof(struct group_row) ? ERR_OK : ERR_CORRUPT;
    for (uint32_t i = 0; i < head.count; i++) {
        struct ledger_command command;
        size_t length = link_item_read(at, left, &command);
        if (length == 0)
            return ERR_CORRUPT;
        at += length;
        left -= length;
    }
    return left == 0 ? ERR_OK : ERR_CORRUPT;
}

static void items_read(const uint8_t *bytes, size_t length, uint32_t count, struct ledger_command *out)
{
    for (uint32_t i = 0; i < count; i++) {
        size_t size = link_item_read(bytes, length, &out[i]);
        CHECK(size > 0);
        bytes += size;
        length -= size;
    }
}

static void group_fingerprint(const struct ledger *self, const struct ledger_command *command,
                              uint64_t out[2])
{
    const struct ledger_command *items = command->items;
    uint32_t count = command->group_count;
    if (command->kind == COMMAND_EXCHANGE) {
        posting_fingerprint(self, command, out);
        return;
    }
    struct {
        struct uuid id;
        uint64_t payload[2];
    } parts[LEDGER_GROUP_MAX];
    for (uint32_t i = 0; i < count; i++) {
        parts[i].id = items[i].id;
        posting_fingerprint(self, &items[i], parts[i].payload);
    }
    XXH128_hash_t hash = XXH3_128bits_withSeed(parts, count * sizeof parts[0], self->config.hash_key);
    out[0] = hash.low64;
    out[1] = hash.high64;
}

static struct group *group_find(const struct ledger *self, const struct uuid *id, uint32_t coordinator)
{
    for (struct group *group = self->groups; group; group = group->next) {
        if (group->coordinator == coordinator && uuid_equal(&group->id, id))
            return group;
    }
    return NULL;
}

static size_t group_bytes(const struct group *group)
{
    return sizeof *group + group->length;
}

/* Memory for the next group to open: evolve cannot ask for it. */
static bool spare_ensure(struct ledger *self, size_t length)
{
    struct group *spare = self->group_spare;
    if (spare && spare->length == length)
        return true;
    self->group_spare = core_alloc(self, sizeof *spare + length);
    if (self->group_spare)
        self->group_spare->length = length;
    else
        MARK("no memory for a group");
    if (spare)
        core_free(self, spare, group_bytes(spare));
    return self->group_spare != NULL;
}

bool group_is_open(const struct ledger *self, const struct uuid *id)
{
    return group_find(self, id, own(self)) != NULL;
}

/* Counts the ids of open groups by the low bits of their hashes: nearly every id is known at once not to be
 * among them. */
static void held_note(struct ledger *self, const struct group *group, int step)
{
    struct ledger_command items[LEDGER_GROUP_MAX];
    items_read(group->items, group->length, group->item_count, items);
    for (uint32_t i = 0; i < group->item_count; i++) {
        uint64_t hash = hash_uuid(&items[i].id, self->config.hash_key);
        uint16_t *count = &self->held_ids[hash % LEDGER_HELD_SLOTS];
        *count = (uint16_t)(*count + step);
    }
}

bool group_holds_id(const struct ledger *self, const struct uuid *id)
{
    struct ledger_command items[LEDGER_GROUP_MAX];
    if (self->held_ids[hash_uuid(id, self->config.hash_key) % LEDGER_HELD_SLOTS] == 0)
        return false;
    for (const struct group *group = self->groups; group; group = group->next) {
        items_read(group->items, group->length, group->item_count, items);
        for (uint32_t i = 0; i < group->item_count; i++) {
            if (uuid_equal(&items[i].id, id))
                return true;
        }
    }
    return false;
}

/* ---- legs ------------------------------------------------------------------------------------------------- */

static uint32_t find(const struct ledger *self, struct str id)
{
    return account_find(&self->accounts, id, account_hash(&self->accounts, id));
}

/* Each item needs an id of its own, that of the group is not. */
static bool ids_unused(struct ledger *self, const struct uuid *group_id, const struct ledger_command *items,
                       uint32_t count, struct group_refusal *out)
{
    for (uint32_t i = 0; i < count; i++) {
        bool used = uuid_equal(group_id, &items[i].id) || group_holds_id(self, &items[i].id);
        for (uint32_t before = 0; before < i && !used; before++)
            used = uuid_equal(&items[before].id, &items[i].id);
        if (used || ledger_transaction_find(self, &items[i].id) != 0) {
            MARK("an item of a group has an id that is taken");
            *out = (struct group_refusal){CODE_CONFLICT, FIELD_TRANSACTION_ID, (uint8_t)i};
            return false;
        }
    }
    return true;
}

/* Own accounts that the postings will need, and the memory for them. */
static bool postings_ensure(struct ledger *self, const struct ledger_command *items, uint32_t count)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t from = group_from_home(self, &items[i]), to = group_to_home(self, &items[i]);
        bytes += sizeof(struct fact_posting) + (size_t)4 * ACCOUNT_ID_MAX + MEMO_MAX + REFERENCE_MAX + 16 +
                 sizeof(struct book_trailer);
        if (from != own(self) && to != own(self))
            continue;
        uint32_t account = 0;
        if (exchange_is_leg(&items[i])) {
            bytes += EXCHANGE_POSTINGS_MAX * sizeof(struct fact_posting);
            account = exchange_leg_ensure(self, &items[i]) ? 0 : ACCOUNT_NONE;
        } else if (items[i].kind != COMMAND_TRANSFER)
            account = posting_house(self, items[i].currency);
        else if (from != to)
            account = posting_transit(self, from == own(self) ? to : from, items[i].currency);
        if (account == ACCOUNT_NONE) {
            MARK("no memory for the house's side of a group");
            return false;
        }
    }
    bytes += FACT_TRAILER_MAX + sizeof(struct fact_group) * 4 + count * sizeof(struct group_row);
    return id_table_ensure(&self->ids, count + 1) && core_fact_room(self, bytes) != NULL;
}

/* ---- carrying out ------------------------------------------------------------------------------------------- */

static void post_item(struct ledger *self, const struct ledger_command *item, uint32_t index,
                      struct group_row *row)
{
    uint32_t payer = group_from_home(self, item), receiver = group_to_home(self, item);
    if (payer != own(self) && receiver != own(self))
        return;
    row->item = (uint8_t)index;
    if (exchange_is_leg(item)) {
        exchange_leg_post(self, item, row);
        return;
    }
    uint32_t from = item->from.length == 0 ? posting_house(self, item->currency)
                    : payer == own(self)   ? find(self, item->from)
                                           : posting_transit(self, payer, item->currency);
    uint32_t to = item->to.length == 0    ? posting_house(self, item->currency)
                  : receiver == own(self) ? find(self, item->to)
                                          : posting_transit(self, receiver, item->currency);
    enum fact_kind kind = item->kind == COMMAND_DEPOSIT    ? FACT_DEPOSIT
                          : item->kind == COMMAND_WITHDRAW ? FACT_WITHDRAWAL
                          : payer != own(self)             ? FACT_RECEIVED
                          : receiver != own(self)          ? FACT_SENT
                                                           : FACT_TRANSFER;
    struct str remote = kind == FACT_SENT ? item->to : kind == FACT_RECEIVED ? item->from : (struct str){0};
    struct fact_strings strings = posting_strings(remote, item->memo, item->reference);
    int64_t rate = book_rate(item);
    book_rate_put(&strings, &rate);
    bool written = posting_append(self, kind, FACT_FLAG_GROUP, from, to, item->amount, &item->id, &strings);
    CHECK(written);
    if (item->from.length > 0 && payer == own(self)) {
        row->has |= ROW_HAS_FROM;
        row->from_balance = account_at(&self->accounts, from)->balance;
    }
    if (item->to.length > 0 && receiver == own(self)) {
        row->has |= ROW_HAS_TO;
        row->to_balance = account_at(&self->accounts, to)->balance;
    }
}

static void post_all(struct ledger *self, const struct ledger_command *items, uint32_t count,
                     struct group_row *rows)
{
    for (uint32_t i = 0; i < count; i++)
        post_item(self, &items[i], i, &rows[i]);
}

/* ---- facts -------------------------------------------------------------------------------------------------- */

static bool append_group(struct ledger *self, struct fact_group *fact, const void *tail, size_t length)
{
    size_t size = sizeof *fact + length;
    CHECK(size <= CORE_FACT_MAX);
    uint8_t *room = core_fact_room(self, size);
    if (!room)
        return false;
    fact->head.words = (uint16_t)(size / FACT_WORD);
    memcpy(room, fact, sizeof *fact);
    if (length > 0)
        memcpy(room + sizeof *fact, tail, length);
    core_fact_commit(self, size);
    return true;
}

static struct fact_group fact_of(enum fact_kind kind, const struct uuid *id, const uint64_t *fingerprint,
                                 struct group_refusal refusal)
{
    struct fact_group fact = {
        .head = {.kind = (uint8_t)kind, .detail = (uint8_t)refusal.code},
        .item = refusal.item,
        .field = (uint8_t)refusal.field,
        .id = *id,
    };
    if (fingerprint)
        memcpy(fact.fingerprint, fingerprint, sizeof fact.fingerprint);
    return fact;
}

/* ---- rows --------------------------------------------------------------------------------------------------- */

/* A whole group answered with one code that no item caused. */
static void answer_all(struct ledger *self, const struct ledger_command *command,
                       struct ledger_ticket *ticket, uint32_t row, enum code code, enum field field)
{
    struct group_row rows[LEDGER_GROUP_MAX] = {0};
    for (uint32_t i = 0; i < command->group_count; i++)
        rows[i].code = CODE_GROUP_REFUSED;
    group_rows_answer(self, ticket, row, code, field, rows, command->group_count, group_rows_folded(command));
}

void group_conflict(struct ledger *self, const struct ledger_command *command, struct ledger_ticket *ticket,
                    uint32_t row)
{
    answer_all(self, command, ticket, row, CODE_CONFLICT, FIELD_TRANSACTION_ID);
}

static void answer_refusal(struct ledger *self, const struct ledger_command *command,
                           struct ledger_ticket *ticket, uint32_t row, struct group_refusal refusal)
{
    struct group_row rows[LEDGER_GROUP_MAX];
    group_rows_refused(refusal, command->group_count, rows);
    group_rows_answer(self, ticket, row, refusal.code, refusal.field, rows, command->group_count,
                      group_rows_folded(command));
}

static bool waiter_add(struct ledger *self, struct group *group, struct ledger_ticket *ticket, uint32_t row)
{
    struct group_waiter *waiter = core_alloc(self, sizeof *waiter);
    if (!waiter) {
        MARK("no memory for one who waits for a group");
        return false;
    }
    *waiter = (struct group_waiter){group->waiters, ticket, row};
    group->waiters = waiter;
    return true;
}

void group_repeat(struct ledger *self, const uint8_t *fact, const struct ledger_command *command,
                  struct ledger_ticket *ticket, uint32_t row)
{
    struct fact_group head;
    uint64_t fingerprint[2];
    memcpy(&head, fact, sizeof head);
    group_fingerprint(self, command, fingerprint);
    if (memcmp(head.fingerprint, fingerprint, sizeof fingerprint) != 0) {
        MARK("a group's id comes again with other items");
        group_conflict(self, command, ticket, row);
        return;
    }
    if (head.head.kind == FACT_GROUP_ANSWERED) {
        MARK("an answered group comes again");
        struct group_row rows[LEDGER_GROUP_MAX];
        memcpy(rows, fact + sizeof head, head.count * sizeof rows[0]);
        group_rows_answer(self, ticket, row, head.head.detail, head.field, rows, head.count,
                          group_rows_folded(command));
        return;
    }
    MARK("an open group comes again and waits");
    struct group *group = group_find(self, &command->id, own(self));
    CHECK(group);
    if (!waiter_add(self, group, ticket, row))
        answer_all(self, command, ticket, row, CODE_BUSY, FIELD_NONE);
}

/* ---- the coordinator decides -------------------------------------------------------------------------------- */

/* An answer that is kept with the group's id. */
static bool append_answered(struct ledger *self, const struct uuid *id, const uint64_t *fingerprint,
                            struct group_refusal refusal, const struct group_row *rows, uint32_t count,
                            bool is_exchange)
{
    struct fact_group fact = fact_of(FACT_GROUP_ANSWERED, id, fingerprint, refusal);
    fact.count = count;
    fact.is_exchange = is_exchange;
    return append_group(self, &fact, rows, count * sizeof rows[0]);
}

static void post_local(struct ledger *self, const struct ledger_command *command, const uint64_t *fingerprint,
                       struct ledger_ticket *ticket, uint32_t row)
{
    struct group_row rows[LEDGER_GROUP_MAX] = {0};
    struct group_refusal none = {CODE_OK, FIELD_NONE, 0};
    post_all(self, command->items, command->group_count, rows);
    bool written = append_answered(self, &command->id, fingerprint, none, rows, command->group_count,
                                   group_rows_folded(command));
    CHECK(written);
    group_rows_answer(self, ticket, row, CODE_OK, FIELD_NONE, rows, command->group_count,
                      group_rows_folded(command));
}

static bool append_started(struct ledger *self, const struct ledger_command *command,
                           const uint64_t *fingerprint)
{
    uint8_t items[CORE_FACT_MAX];
    size_t length = 0;
    for (uint32_t i = 0; i < command->group_count; i++) {
        length += link_item_write(&command->items[i], items + length);
    }
    struct group_refusal none = {CODE_OK, FIELD_NONE, 0};
    struct fact_group fact = fact_of(FACT_GROUP_STARTED, &command->id, fingerprint, none);
    fact.count = command->group_count;
    fact.is_exchange = group_rows_folded(command);
    return spare_ensure(self, length) && append_group(self, &fact, items, length);
}

/* Asks every other partition of the group: the request is the STARTED fact itself. */
static void ask_all(struct ledger *self, const struct group *group)
{
    uint8_t fact[CORE_FACT_MAX];
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        if (!(group->asked & bit(peer)))
            continue;
        const struct link *link = &self->links[peer];
        size_t size =
            core_fact_read(self, link_request_at(link, link->next - 1)->position, fact, sizeof fact);
        bool sent = link_send(self, peer, LINK_PREPARE, CODE_OK, &group->id, fact, size);
        (void)sent; /* else with the next resend */
    }
}

static uint64_t partitions_of(const struct ledger *self, const struct ledger_command *items, uint32_t count)
{
    uint64_t partitions = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (ledger_payer(&items[i]).length > 0)
            partitions |= bit(home(self, items[i].from));
        if (items[i].to.length > 0)
            partitions |= bit(home(self, items[i].to));
    }
    return partitions;
}

static bool started_ensure(struct ledger *self, uint64_t others)
{
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        /* PREPARE now and DECIDE later. */
        if ((others & bit(peer)) && !link_ensure_request(self, peer, 2))
            return false;
    }
    if (self->group_count == LEDGER_GROUPS_OPEN_MAX)
        MARK("as many groups are open as may be");
    return self->group_count < LEDGER_GROUPS_OPEN_MAX;
}

static void post_crossing(struct ledger *self, const struct ledger_command *command,
                          const uint64_t *fingerprint, uint64_t others, struct ledger_ticket *ticket,
                          uint32_t row)
{
    struct group *group = NULL;
    if (started_ensure(self, others) && append_started(self, command, fingerprint))
        group = group_find(self, &command->id, own(self));
    if (!group) {
        MARK("no room for another group between partitions");
        answer_all(self, command, ticket, row, CODE_BUSY, FIELD_NONE);
        return;
    }
    ask_all(self, group);
    if (!waiter_add(self, group, ticket, row))
        answer_all(self, command, ticket, row, CODE_UNKNOWN, FIELD_NONE);
}

/* What the decoder refuses: tested before the id is looked up, for it is no payload to compare. */
static bool refuse_malformed(struct ledger *self, const struct ledger_command *command,
                             struct ledger_ticket *ticket, uint32_t row)
{
    for (uint32_t i = 0; i < command->group_count; i++) {
        const struct ledger_command *item = &command->items[i];
        if (item->code != CODE_OK) {
            struct group_refusal refusal = {item->code, item->field, (uint8_t)i};
            answer_refusal(self, command, ticket, row, refusal);
            return true;
        }
    }
    return false;
}

/* What the moment refuses: not kept with the id. */
static bool refuse_at_once(struct ledger *self, const struct ledger_command *command,
                           struct ledger_ticket *ticket, uint32_t row)
{
    for (uint32_t i = 0; i < command->group_count; i++) {
        const struct ledger_command *item = &command->items[i];
        if (item->deadline_us != 0 && self->now_us > item->deadline_us) {
            MARK("a group comes behind its deadline");
            struct group_refusal refusal = {CODE_DEADLINE_EXCEEDED, FIELD_NONE, (uint8_t)i};
            answer_refusal(self, command, ticket, row, refusal);
            return true;
        }
    }
    const struct ledger_command *first = &command->items[0];
    bool pays = first->kind != COMMAND_DEPOSIT;
    if (home(self, pays ? first->from : first->to) != own(self)) {
        struct group_refusal refusal = {CODE_WRONG_PARTITION, pays ? FIELD_FROM_ACCOUNT : FIELD_TO_ACCOUNT,
                                        0};
        answer_refusal(self, command, ticket, row, refusal);
        return true;
    }
    if (self->refuse_new || !id_table_ensure(&self->ids, LEDGER_GROUP_MAX + 1)) {
        MARK("a new group is refused: the disk is nearly full, or no room for ids");
        answer_all(self, command, ticket, row, CODE_BUSY, FIELD_NONE);
        return true;
    }
    struct group_refusal conflict;
    if (group_holds_id(self, &command->id) || proposal_is_open(self, &command->id) ||
        hold_opening_of(self, &command->id) != 0 || remittance_is_open(self, &command->id)) {
        MARK("a group with the id of an item of an open group, or of something open that is older than ids");
        group_conflict(self, command, ticket, row);
        return true;
    }
    if (!ids_unused(self, &command->id, command->items, command->group_count, &conflict)) {
        answer_refusal(self, command, ticket, row, conflict);
        return true;
    }
    return false;
}

void group_post(struct ledger *self, struct ledger_ticket *ticket, uint32_t row,
                const struct ledger_command *command)
{
    if (command->code != CODE_OK) {
        answer_all(self, command, ticket, row, command->code, command->field);
        return;
    }
    if (refuse_malformed(self, command, ticket, row))
        return;
    uint64_t id_hash = hash_uuid(&command->id, self->config.hash_key);
    if (id_table_may_have(&self->ids, id_hash) && posting_repeat(self, command, id_hash, ticket, row))
        return;
    group_begin(self, ticket, row, command);
}

void group_begin(struct ledger *self, struct ledger_ticket *ticket, uint32_t row,
                 const struct ledger_command *command)
{
    if (refuse_at_once(self, command, ticket, row))
        return;
    struct group_leg legs[GROUP_LEGS_MAX];
    uint64_t fingerprint[2];
    group_fingerprint(self, command, fingerprint);
    uint32_t n = group_legs(self, command->items, command->group_count, legs);
    struct group_refusal refusal = group_legs_check(self, command->items, legs, n);
    if (refusal.code != CODE_OK) {
        struct group_row rows[LEDGER_GROUP_MAX];
        MARK("a group is refused by its own partition");
        group_rows_refused(refusal, command->group_count, rows);
        if (append_answered(self, &command->id, fingerprint, refusal, rows, command->group_count,
                            group_rows_folded(command)))
            answer_refusal(self, command, ticket, row, refusal);
        else
            answer_all(self, command, ticket, row, CODE_BUSY, FIELD_NONE);
        return;
    }
    if (!postings_ensure(self, command->items, command->group_count)) {
        MARK("no memory for a group's postings");
        answer_all(self, command, ticket, row, CODE_BUSY, FIELD_NONE);
        return;
    }
    uint64_t others = partitions_of(self, command->items, command->group_count) & ~bit(own(self));
    if (others == 0)
        post_local(self, command, fingerprint, ticket, row);
    else
        post_crossing(self, command, fingerprint, others, ticket, row);
}

static bool group_is_exchange(const struct group *group)
{
    struct link_item first;
    memcpy(&first, group->items, sizeof first);
    return first.kind == COMMAND_EXCHANGE_OUT;
}

static void answer_waiters(struct ledger *self, struct group *group, struct group_refusal refusal,
                           const struct group_row *rows)
{
    bool folded = group_is_exchange(group);
    while (group->waiters) {
        struct group_waiter *waiter = group->waiters;
        group->waiters = waiter->next;
        group_rows_answer(self, waiter->ticket, waiter->row, refusal.code, refusal.field, rows,
                          group->item_count, folded);
        core_free(self, waiter, sizeof *waiter);
    }
}

/* All have carried it out, or let it go: the answer. */
static void finish(struct ledger *self, struct group *group)
{
    struct group_refusal refusal = {group->code, group->field, group->item};
    struct group_row rows[LEDGER_GROUP_MAX];
    memcpy(rows, group->rows, sizeof rows);
    if (!group->waiters)
        MARK("a group ends that nobody waits for");
    if (refusal.code != CODE_OK)
        group_rows_refused(refusal, group->item_count, rows);
    answer_waiters(self, group, refusal, rows);
    uint64_t fingerprint[2] = {group->fingerprint[0], group->fingerprint[1]};
    struct uuid id = group->id;
    bool is_exchange = group_is_exchange(group);
    bool written = append_answered(self, &id, fingerprint, refusal, rows, group->item_count, is_exchange);
    CHECK(written);
}

/* Room for what a step will write, so that it is done whole or not begun. */
static bool step_ensure(struct ledger *self, const struct group *group)
{
    struct ledger_command items[LEDGER_GROUP_MAX];
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        if ((group->asked & bit(peer)) && !link_ensure_step(self, peer))
            return false;
    }
    items_read(group->items, group->length, group->item_count, items);
    return postings_ensure(self, items, group->item_count);
}

static void decide_group(struct ledger *self, struct group *group)
{
    struct group_refusal refusal = {group->code, group->field, group->item};
    struct fact_group fact = fact_of(FACT_GROUP_DECIDED, &group->id, group->fingerprint, refusal);
    bool written = append_group(self, &fact, NULL, 0);
    CHECK(written);
    if (refusal.code == CODE_OK) {
        struct ledger_command items[LEDGER_GROUP_MAX];
        items_read(group->items, group->length, group->item_count, items);
        struct group_row rows[LEDGER_GROUP_MAX] = {0}; /* evolve notes them in the group */
        post_all(self, items, group->item_count, rows);
    }
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        if (!(group->agreed & bit(peer)))
            continue;
        bool sent = link_send(self, peer, LINK_DECIDE, (uint8_t)refusal.code, &group->id, NULL, 0);
        (void)sent; /* else with the next resend */
    }
    if (group->done == group->agreed)
        finish(self, group);
}

void group_voted(struct ledger *self, uint32_t peer, const struct uuid *id, const struct link_answer *answer)
{
    struct group *group = group_find(self, id, own(self));
    CHECK(group);
    if (!step_ensure(self, group)) {
        MARK("no memory for a vote: it is left to a resend");
        return;
    }
    struct group_refusal refusal = {answer->code, answer->field, answer->item};
    struct fact_group fact = fact_of(FACT_GROUP_VOTED, id, NULL, refusal);
    fact.peer = (uint16_t)peer;
    if (!append_group(self, &fact, NULL, 0))
        return;
    if (group->voted == group->asked)
        decide_group(self, group);
}

void group_done(struct ledger *self, uint32_t peer, const struct uuid *id, const uint8_t *rows, size_t length)
{
    struct group *group = group_find(self, id, own(self));
    CHECK(group && length % sizeof(struct group_row) == 0);
    if (!step_ensure(self, group)) {
        MARK("no memory for a participant's rows: they are left to a resend");
        return;
    }
    struct group_refusal none = {group->code, FIELD_NONE, 0};
    struct fact_group fact = fact_of(FACT_GROUP_DONE, id, NULL, none);
    fact.peer = (uint16_t)peer;
    fact.count = (uint32_t)(length / sizeof(struct group_row));
    if (!append_group(self, &fact, rows, length))
        return;
    if (group->done == group->agreed)
        finish(self, group);
}

/* ---- a participant ---------------------------------------------------------------------------------------------- */

bool group_prepare(struct ledger *self, uint32_t peer, const uint8_t *bytes, size_t length)
{
    struct fact_group started;
    CHECK(length >= sizeof started);
    memcpy(&started, bytes, sizeof started);
    const uint8_t *packed = bytes + sizeof started;
    struct ledger_command items[LEDGER_GROUP_MAX];
    struct group_leg legs[GROUP_LEGS_MAX];
    CHECK(started.count <= LEDGER_GROUP_MAX);
    items_read(packed, length - sizeof started, started.count, items);
    uint32_t n = group_legs(self, items, started.count, legs);
    struct uuid id = started.id;
    struct group_refusal refusal;
    if (ids_unused(self, &id, items, started.count, &refusal))
        refusal = group_legs_check(self, items, legs, n);
    if (refusal.code != CODE_OK) {
        MARK("a group is refused by a participant");
        struct verdict verdict = {refusal.code, refusal.field};
        return link_bounce(self, peer, LINK_PREPARE, verdict, refusal.item);
    }
    if (!postings_ensure(self, items, started.count) || !spare_ensure(self, length - sizeof started)) {
        MARK("no memory to prepare a group");
        return false;
    }
    uint64_t fingerprint[2];
    memcpy(fingerprint, started.fingerprint, sizeof fingerprint);
    struct fact_group fact = fact_of(FACT_GROUP_PREPARED, &id, fingerprint, refusal);
    fact.peer = (uint16_t)peer;
    fact.count = started.count;
    return append_group(self, &fact, packed, length - sizeof started);
}

bool group_decide(struct ledger *self, uint32_t peer, const struct uuid *id, enum code code)
{
    struct group *group = group_find(self, id, peer);
    CHECK(group);
    if (!step_ensure(self, group)) {
        MARK("no memory to carry out a group");
        return false;
    }
    struct group_row rows[LEDGER_GROUP_MAX] = {0};
    if (code == CODE_OK) {
        struct ledger_command items[LEDGER_GROUP_MAX];
        items_read(group->items, group->length, group->item_count, items);
        post_all(self, items, group->item_count, rows);
    }
    struct group_refusal refusal = {code, FIELD_NONE, 0};
    struct uuid group_id = *id;
    struct fact_group fact = fact_of(FACT_GROUP_CLOSED, &group_id, NULL, refusal);
    fact.peer = (uint16_t)peer;
    fact.count = group->item_count;
    bool written = append_group(self, &fact, rows, fact.count * sizeof rows[0]);
    CHECK(written);
    return true;
}

/* ---- evolve ------------------------------------------------------------------------------------------------------ */

/* Holds back (sign 1) or lets go (sign -1) what this partition's part of a group needs. */
static void reserve(struct ledger *self, const struct group *group, int sign)
{
    struct ledger_command items[LEDGER_GROUP_MAX];
    struct group_leg legs[GROUP_LEGS_MAX];
    items_read(group->items, group->length, group->item_count, items);
    uint32_t n = group_legs(self, items, group->item_count, legs);
    for (uint32_t i = 0; i < n; i++) {
        struct account *account = account_at(&self->accounts, legs[i].account);
        if (!legs[i].is_credit)
            account->pending += sign * legs[i].amount;
        else if (sign > 0)
            account->flags |= ACCOUNT_HAS_INCOMING;
        else if (group_incoming(self, legs[i].account) == 0)
            account->flags &= (uint8_t)~ACCOUNT_HAS_INCOMING;
    }
}

/* What undecided groups have reserved of an account; INT64_MAX: more than can be counted. */
static int64_t reserved(const struct ledger *self, uint32_t account, bool is_credit)
{
    struct ledger_command items[LEDGER_GROUP_MAX];
    struct group_leg legs[GROUP_LEGS_MAX];
    int64_t sum = 0;
    for (const struct group *group = self->groups; group; group = group->next) {
        if (group->decided)
            continue;
        items_read(group->items, group->length, group->item_count, items);
        uint32_t n = group_legs(self, items, group->item_count, legs);
        for (uint32_t i = 0; i < n; i++) {
            if (legs[i].is_credit == is_credit && legs[i].account == account &&
                !money_add(sum, legs[i].amount, &sum))
                return INT64_MAX;
        }
    }
    return sum;
}

int64_t group_incoming(const struct ledger *self, uint32_t account)
{
    return reserved(self, account, true);
}

int64_t group_pending(const struct ledger *self, uint32_t account)
{
    return reserved(self, account, false);
}

int64_t group_incoming_value(const struct ledger *self, uint32_t account)
{
    struct ledger_command items[LEDGER_GROUP_MAX];
    struct group_leg legs[GROUP_LEGS_MAX];
    int64_t sum = 0, value;
    for (const struct group *group = self->groups; group; group = group->next) {
        if (group->decided)
            continue;
        items_read(group->items, group->length, group->item_count, items);
        uint32_t n = group_legs(self, items, group->item_count, legs);
        for (uint32_t i = 0; i < n; i++) {
            if (!legs[i].is_credit || legs[i].account != account)
                continue;
            bool known = book_worth(self, &items[legs[i].item], &value);
            if (!known || !money_add(sum, value, &sum))
                return INT64_MAX;
        }
    }
    return sum;
}

static struct group *group_open(struct ledger *self, const struct fact_group *head, uint32_t coordinator,
                                const uint8_t *items, size_t length)
{
    struct group *group = self->group_spare;
    CHECK(group && group->length == length);
    self->group_spare = NULL;
    group->id = head->id;
    memcpy(group->fingerprint, head->fingerprint, sizeof group->fingerprint);
    group->coordinator = coordinator;
    group->item_count = head->count;
    group->length = length;
    memcpy(group->items, items, length);
    group->next = self->groups;
    self->groups = group;
    self->group_count++;
    held_note(self, group, 1);
    return group;
}

static void group_close(struct ledger *self, struct group *group)
{
    struct group **at = &self->groups;
    while (*at != group)
        at = &(*at)->next;
    *at = group->next;
    self->group_count--;
    held_note(self, group, -1);
    while (group->waiters) {
        struct group_waiter *waiter = group->waiters;
        group->waiters = waiter->next;
        core_free(self, waiter, sizeof *waiter);
    }
    core_free(self, group, group_bytes(group));
}

static void evolve_started(struct ledger *self, uint64_t position, const struct fact_group *head,
                           const uint8_t *items, size_t length)
{
    struct group *group = group_open(self, head, own(self), items, length);
    struct ledger_command commands[LEDGER_GROUP_MAX];
    items_read(items, length, head->count, commands);
    group->asked = partitions_of(self, commands, head->count) & ~bit(own(self));
    if (!self->recovering)
        reserve(self, group, 1);
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        if (group->asked & bit(peer))
            link_push_request(self, peer, position, &group->id, LINK_PREPARE, CODE_OK, ACCOUNT_NONE);
    }
}

static void evolve_prepared(struct ledger *self, const struct fact_group *head, const uint8_t *items,
                            size_t length)
{
    struct group *group = group_open(self, head, head->peer, items, length);
    if (!self->recovering)
        reserve(self, group, 1);
    struct link_answer answer = {.kind = LINK_PREPARE, .code = CODE_OK};
    link_push_answer(self, head->peer, &answer);
}

/* The first refused item counts; of two refusals of one item the one whose field comes first: so it does
 * not matter whose answer came first. */
static void evolve_voted(struct ledger *self, struct group *group, const struct fact_group *head)
{
    group->voted |= bit(head->peer);
    if (group->code != CODE_OK && head->head.detail != CODE_OK)
        MARK("two participants refuse one group");
    if ((group->asked & ~group->voted & (bit(head->peer) - 1)) != 0)
        MARK("votes come in another order than that of partitions");
    if (head->head.detail == CODE_OK)
        group->agreed |= bit(head->peer);
    else if (group->code == CODE_OK || head->item < group->item ||
             (head->item == group->item && head->field < group->field)) {
        group->code = head->head.detail;
        group->field = head->field;
        group->item = head->item;
    }
    link_pop_request(self, head->peer);
}

static void evolve_decided(struct ledger *self, uint64_t position, struct group *group,
                           const struct fact_group *head)
{
    group->decided = 1;
    if (!self->recovering)
        reserve(self, group, -1);
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        if (group->agreed & bit(peer))
            link_push_request(self, peer, position, &group->id, LINK_DECIDE, head->head.detail, ACCOUNT_NONE);
    }
}

/* A posting of a group that this partition coordinates: its balances belong into the answer. */
void group_note_posting(struct ledger *self, const struct fact_posting *fact)
{
    struct ledger_command items[LEDGER_GROUP_MAX];
    struct uuid id = fact->id;
    for (struct group *group = self->groups; group; group = group->next) {
        if (!group->decided || group->coordinator != own(self))
            continue;
        items_read(group->items, group->length, group->item_count, items);
        for (uint32_t i = 0; i < group->item_count; i++) {
            if (!uuid_equal(&items[i].id, &id))
                continue;
            if (fact->head.kind == FACT_EXCHANGE_SPREAD || fact->head.kind == FACT_EXCHANGE_RESIDUE)
                return;
            struct group_row *row = &group->rows[i];
            row->item = (uint8_t)i;
            if (ledger_payer(&items[i]).length > 0 && fact->head.kind != FACT_RECEIVED) {
                row->has |= ROW_HAS_FROM;
                row->from_balance = fact->debit_balance;
            }
            if (items[i].to.length > 0 && fact->head.kind != FACT_SENT) {
                row->has |= ROW_HAS_TO;
                row->to_balance = fact->credit_balance;
            }
            return;
        }
    }
}

static void evolve_done(struct ledger *self, struct group *group, const struct fact_group *head,
                        const uint8_t *rows)
{
    for (uint32_t i = 0; i < head->count; i++) {
        struct group_row row;
        memcpy(&row, rows + i * sizeof row, sizeof row);
        if (row.has & ROW_HAS_FROM)
            group->rows[i].from_balance = row.from_balance;
        if (row.has & ROW_HAS_TO)
            group->rows[i].to_balance = row.to_balance;
        group->rows[i].has |= row.has;
    }
    group->done |= bit(head->peer);
    link_pop_request(self, head->peer);
}

static void evolve_closed(struct ledger *self, uint64_t position, const struct fact_group *head)
{
    struct group *group = group_find(self, &head->id, head->peer);
    CHECK(group);
    group->decided = 1;
    if (!self->recovering)
        reserve(self, group, -1);
    struct link_answer answer = {.value = (int64_t)position, .kind = LINK_DECIDE, .code = head->head.detail};
    link_push_answer(self, head->peer, &answer);
    group_close(self, group);
}

static void evolve_answered(struct ledger *self, uint64_t position, const struct fact_group *head)
{
    id_table_put(&self->ids, hash_uuid(&head->id, self->config.hash_key), position, self->fact_us);
    if (position < self->checkpoint.restore_position) {
        MARK("a group's answer is replayed for its id only");
        return; /* of an earlier group of this id: the one that may be open here began later */
    }
    struct group *group = group_find(self, &head->id, own(self));
    if (head->head.detail != CODE_OK)
        self->refusal_count++;
    if (group)
        group_close(self, group);
}

void group_evolve(struct ledger *self, uint64_t position, const uint8_t *fact, size_t size)
{
    struct fact_group head;
    memcpy(&head, fact, sizeof head);
    const uint8_t *tail = fact + sizeof head;
    bool ids_only = position < self->checkpoint.restore_position;
    if (head.head.kind == FACT_GROUP_STARTED)
        id_table_put(&self->ids, hash_uuid(&head.id, self->config.hash_key), position, self->fact_us);
    if (head.head.kind == FACT_GROUP_ANSWERED) {
        evolve_answered(self, position, &head);
        return;
    }
    if (ids_only)
        return;
    if (head.head.kind == FACT_GROUP_STARTED) {
        evolve_started(self, position, &head, tail, size - sizeof head);
        return;
    }
    if (head.head.kind == FACT_GROUP_PREPARED) {
        evolve_prepared(self, &head, tail, size - sizeof head);
        return;
    }
    if (head.head.kind == FACT_GROUP_CLOSED) {
        evolve_closed(self, position, &head);
        return;
    }
    struct group *group = group_find(self, &head.id, own(self));
    CHECK(group);
    if (head.head.kind == FACT_GROUP_VOTED) {
        evolve_voted(self, group, &head);
    } else if (head.head.kind == FACT_GROUP_DECIDED) {
        evolve_decided(self, position, group, &head);
    } else {
        CHECK(head.head.kind == FACT_GROUP_DONE);
        evolve_done(self, group, &head, tail);
    }
}

/* A vote or a word that it is done answers a request that is open. */
static bool answers_open(const struct ledger *self, const struct fact_group *head)
{
    const struct link *link = &self->links[head->peer];
    bool answers = head->head.kind == FACT_GROUP_VOTED || head->head.kind == FACT_GROUP_DONE;
    return !answers || link->resolved + 1 < link->next;
}

/* Does evolve have what it needs for a stored fact, and is the group there that it is about? */
enum err group_fits(struct ledger *self, const uint8_t *fact, size_t size)
{
    struct fact_group head;
    memcpy(&head, fact, sizeof head);
    bool opens = head.head.kind == FACT_GROUP_STARTED || head.head.kind == FACT_GROUP_PREPARED;
    bool participates = head.head.kind == FACT_GROUP_PREPARED || head.head.kind == FACT_GROUP_CLOSED;
    const struct group *group = group_find(self, &head.id, participates ? head.peer : own(self));
    if (head.peer >= self->config.partitions || (participates && head.peer == own(self)))
        return ERR_CORRUPT;
    if (opens ? group != NULL : !group && head.head.kind != FACT_GROUP_ANSWERED)
        return ERR_CORRUPT;
    if (group && (head.count > group->item_count || (!participates && !answers_open(self, &head))))
        return ERR_CORRUPT;
    bool room = !opens || spare_ensure(self, size - sizeof head);
    for (uint32_t peer = 0; peer < self->config.partitions && room; peer++)
        room = peer == own(self) || (link_ensure_step(self, peer) && link_ensure_answer(self, peer, 1));
    return room ? ERR_OK : ERR_NO_MEMORY;
}

void group_destroy_all(struct ledger *self)
{
    while (self->groups)
        group_close(self, self->groups);
    if (self->group_spare)
        core_free(self, self->group_spare, group_bytes(self->group_spare));
    self->group_spare = NULL;
}

/* The account of a leg is there, and what this and the legs before it take can be counted as pending. */
static bool leg_is_fit(const struct ledger *self, const struct group_leg *legs, uint32_t n)
{
    if (legs[n].account == ACCOUNT_NONE)
        return false;
    int64_t pending = account_at(&self->accounts, legs[n].account)->pending;
    for (uint32_t i = 0; i <= n && !legs[n].is_credit; i++) {
        if (legs[i].account == legs[n].account && !legs[i].is_credit &&
            !money_add(pending, legs[i].amount, &pending))
            return false;
    }
    return true;
}

static bool legs_are_fit(const struct ledger *self, const struct group *group)
{
    struct ledger_command items[LEDGER_GROUP_MAX];
    struct group_leg legs[GROUP_LEGS_MAX];
    items_read(group->items, group->length, group->item_count, items);
    uint32_t count = group_legs(self, items, group->item_count, legs), fit = 0;
    while (fit < count && leg_is_fit(self, legs, fit))
        fit++;
    return fit == count;
}

bool group_reserve_all(struct ledger *self)
{
    for (const struct group *group = self->groups; group; group = group->next) {
        if (!legs_are_fit(self, group))
            return false;
        if (group->decided) {
            MARK("a decided group comes back from a restart");
            continue;
        }
        MARK("an undecided group comes back from a restart");
        reserve(self, group, 1);
    }
    return true;
}

const char *group_broken(const struct ledger *self)
{
    uint32_t count = 0;
    for (const struct group *group = self->groups; group; group = group->next, count++) {
        if (group->item_count < 1 || group->item_count > LEDGER_GROUP_MAX)
            return "a group has items";
        if ((group->voted & ~group->asked) != 0 || (group->agreed & ~group->voted) != 0 ||
            (group->done & ~group->agreed) != 0)
            return "who is asked votes, who agrees has voted, who is done has agreed";
    }
    return count == self->group_count ? NULL : "open groups are counted";
}

/* ---- the state store --------------------------------------------------------------------------------------------- */

struct FACT_PACKED stored_group {
    struct uuid id;
    uint64_t fingerprint[2];
    uint32_t coordinator, item_count;
    uint64_t asked, voted, agreed, done;
    uint8_t decided, code, field, item;
    uint32_t length;
};

size_t group_store_size(const struct ledger *self)
{
    size_t size = 4;
    for (const struct group *group = self->groups; group; group = group->next)
        size += sizeof(struct stored_group) + group->item_count * sizeof(struct group_row) + group->length;
    return size;
}

uint8_t *group_store(const struct ledger *self, uint8_t *at)
{
    memcpy(at, &self->group_count, 4);
    at += 4;
    for (const struct group *group = self->groups; group; group = group->next) {
        struct stored_group stored = {
            .id = group->id,
            .coordinator = group->coordinator,
            .item_count = group->item_count,
            .asked = group->asked,
            .voted = group->voted,
            .agreed = group->agreed,
            .done = group->done,
            .decided = group->decided,
            .code = group->code,
            .field = group->field,
            .item = group->item,
            .length = (uint32_t)group->length,
        };
        memcpy(stored.fingerprint, group->fingerprint, sizeof stored.fingerprint);
        memcpy(at, &stored, sizeof stored);
        at += sizeof stored;
        memcpy(at, group->rows, group->item_count * sizeof(struct group_row));
        at += group->item_count * sizeof(struct group_row);
        memcpy(at, group->items, group->length);
        at += group->length;
    }
    return at;
}

static bool items_are_whole(const uint8_t *bytes, size_t length, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct ledger_command command;
        size_t size = link_item_read(bytes, length, &command);
        if (size == 0)
            return false;
        bytes += size;
        length -= size;
    }
    return length == 0;
}

static enum err one_group_load(struct ledger *self, const uint8_t **at, const uint8_t *end)
{
    struct stored_group stored;
    if ((size_t)(end - *at) < sizeof stored)
        return ERR_CORRUPT;
    memcpy(&stored, *at, sizeof stored);
    *at += sizeof stored;
    size_t rows = stored.item_count * sizeof(struct group_row);
    if (stored.item_count > LEDGER_GROUP_MAX || (size_t)(end - *at) < rows ||
        (size_t)(end - *at) - rows < stored.length ||
        !items_are_whole(*at + rows, stored.length, stored.item_count))
        return ERR_CORRUPT;
    struct fact_group head = {.id = stored.id, .count = stored.item_count};
    memcpy(head.fingerprint, stored.fingerprint, sizeof head.fingerprint);
    if (!spare_ensure(self, stored.length))
        return ERR_NO_MEMORY;
    struct group *group = group_open(self, &head, stored.coordinator, *at + rows, stored.length);
    memcpy(group->rows, *at, rows);
    group->asked = stored.asked;
    group->voted = stored.voted;
    group->agreed = stored.agreed;
    group->done = stored.done;
    group->decided = stored.decided;
    group->code = stored.code;
    group->field = stored.field;
    group->item = stored.item;
    *at += rows + stored.length;
    return ERR_OK;
}

enum err group_load(struct ledger *self, const uint8_t **at, const uint8_t *end)
{
    uint32_t count;
    if ((size_t)(end - *at) < sizeof count)
        return ERR_CORRUPT;
    memcpy(&count, *at, sizeof count);
    *at += sizeof count;
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < count && err == ERR_OK; i++)
        err = one_group_load(self, at, end);
    return err;
}
