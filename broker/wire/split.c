/* Which partition a body belongs to; cutting batches up, and joining the answers. */
#include "broker/wire/split.h"

#include <stdlib.h>

#include "actors/base/check.h"
#include "broker/wire/fields.h"
#include "broker/wire/history.h"
#include "broker/wire/item_index.h"
#include "broker/wire/rows.h"

/* ---- the account that decides ------------------------------------------------------------------ */

/* Stays empty when there is none to be found. */
static struct str account_of(struct mp_reader r)
{
    struct str account = {0};
    if (!wire_take_account(&r, &account))
        return (struct str){0};
    return account;
}

/* The account of an indexed item that is no group. */
static struct str party_of(const struct wire_values *v, uint8_t kind)
{
    return account_of(v->at[kind == COMMAND_DEPOSIT ? ITEM_TO_ACCOUNT : ITEM_FROM_ACCOUNT]);
}

/* A group goes where its first item goes. */
static struct str group_party(const struct wire_values *v, uint32_t *item_count)
{
    struct mp_reader items = v->at[ITEM_ITEMS];
    struct wire_values first;
    uint8_t kind;
    if (!mp_read_array(&items, item_count) || *item_count == 0 ||
        !item_index(&items, ITEM_LEVEL_GROUP, 0, &first, &kind))
        return (struct str){0};
    return party_of(&first, kind);
}

/* Passes one item. *rows: what it will take of the answer. false: malformed. */
static bool locate_item(struct mp_reader *r, unsigned level, uint8_t fallback, struct str *account,
                        uint32_t *rows)
{
    struct wire_values values;
    uint8_t kind;
    uint32_t items = 0;
    if (!item_index(r, level, fallback, &values, &kind))
        return false;
    *account = kind == COMMAND_GROUP ? group_party(&values, &items) : party_of(&values, kind);
    *rows = 1 + (items <= LEDGER_GROUP_MAX ? items : 0);
    return true;
}

/* Passes a map and finds the account at one of its keys. false: malformed. */
static bool locate_key(struct mp_reader *r, unsigned depth, struct str name, struct str *account)
{
    const struct wire_key key = {name, FIELD_ACCOUNT};
    struct mp_reader map = *r;
    struct wire_values values;
    *account = (struct str){0};
    if (wire_values_read(&map, depth, &key, 1, &values)) {
        *account = account_of(values.at[0]);
        *r = map;
        return true;
    }
    return mp_skip(r, depth + 1);
}

static bool locate_account(struct mp_reader *r, unsigned depth, struct str *account)
{
    return locate_key(r, depth, STR_LITERAL("account"), account);
}

enum { BODY_LEVEL = 2, HISTORY_LEVEL = 3 };

uint32_t wire_partition_of(const struct wire_header *header, uint32_t partitions,
                           wire_partition_fn *partition_of)
{
    struct mp_reader r = wire_body_reader(header);
    struct str account = {0};
    uint32_t rows;
    bool good = true;
    switch (header->operation) {
    case OPERATION_TRANSFER:
        good = locate_item(&r, ITEM_LEVEL_SINGLE, COMMAND_TRANSFER, &account, &rows);
        break;
    case OPERATION_DEPOSIT:
        good = locate_item(&r, ITEM_LEVEL_SINGLE, COMMAND_DEPOSIT, &account, &rows);
        break;
    case OPERATION_WITHDRAW:
        good = locate_item(&r, ITEM_LEVEL_SINGLE, COMMAND_WITHDRAW, &account, &rows);
        break;
    case OPERATION_HOLD:
        good = locate_item(&r, ITEM_LEVEL_SINGLE, COMMAND_HOLD, &account, &rows);
        break;
    case OPERATION_CAPTURE:
        good = locate_item(&r, ITEM_LEVEL_SINGLE, COMMAND_CAPTURE, &account, &rows);
        break;
    case OPERATION_RELEASE:
        good = locate_item(&r, ITEM_LEVEL_SINGLE, COMMAND_RELEASE, &account, &rows);
        break;
    case OPERATION_EXCHANGE:
        good = locate_item(&r, ITEM_LEVEL_SINGLE, COMMAND_EXCHANGE, &account, &rows);
        break;
    case OPERATION_QUOTE:
        good = locate_key(&r, MP_DEPTH_MAX - BODY_LEVEL, STR_LITERAL("from_account"), &account);
        break;
    case OPERATION_QUOTE_SHOW:
    case OPERATION_ACCOUNT_OPEN:
    case OPERATION_ACCOUNT_CHANGE:
    case OPERATION_ACCOUNT_FREEZE:
    case OPERATION_ACCOUNT_UNFREEZE:
    case OPERATION_ACCOUNT_CLOSE:
    case OPERATION_ACCOUNT_SHOW:
    case OPERATION_BALANCE:
    case OPERATION_HISTORY:
    case OPERATION_HOLD_SHOW:
    case OPERATION_HOLD_LIST:
    case OPERATION_PROPOSAL_OPEN:
    case OPERATION_PROPOSAL_APPROVE:
    case OPERATION_PROPOSAL_REJECT:
    case OPERATION_PROPOSAL_SHOW:
    case OPERATION_REMITTANCE_OPEN:
    case OPERATION_REMITTANCE_SHOW:
    case OPERATION_REMITTANCE_RETRY:
    case OPERATION_REMITTANCE_REFUND:
    case OPERATION_REMITTANCE_CANCEL:
    case OPERATION_REMITTANCE_RESOLVE:
    case OPERATION_REMITTANCE_SETTLE:
        good = locate_account(&r, MP_DEPTH_MAX - BODY_LEVEL, &account);
        break;
    case OPERATION_BATCH:
    case OPERATION_ACCOUNT_LIST:
    case OPERATION_HISTORIES:
    case OPERATION_TRANSFER_SHOW:
    case OPERATION_PROPOSAL_LIST:
    case OPERATION_REMITTANCE_LIST:
    case OPERATION_REMITTANCE_RETRY_BATCH:
    case OPERATION_RATE_SET:
    case OPERATION_PAIR_SET:
    case OPERATION_RATE_DESK:
    case OPERATION_HEALTH:
    case OPERATION_VERSION:
    case OPERATION_STATUS:
    case OPERATION_METRICS:
    case OPERATION_RATE_LATEST:
    case OPERATION_RATE_ASOF:
    case OPERATION_RATE_RANGE:
    case OPERATION_RATE_REVIEW:
    case OPERATION_RATE_ACCEPT:
    case OPERATION_RATE_REJECT:
    case OPERATION_RATE_SOURCES:
    case OPERATION_SUBSCRIBER_ADD:
    case OPERATION_SUBSCRIBER_REMOVE:
    case OPERATION_SUBSCRIBER_LIST:
    case OPERATION_DEADLETTER_LIST:
    case OPERATION_DEADLETTER_RETRY:
    case OPERATION_DEADLETTER_RESOLVE:
    case OPERATION_BANK_LIST:
    case OPERATION_BANK_CALLS:
    case OPERATION_COUNT:
        break;
    }
    if (!good || account.length == 0)
        return WIRE_PARTITION_ANY;
    return partition_of(account, partitions);
}

/* ---- cutting up -------------------------------------------------------------------------------- */

void wire_split_release(struct wire_split *self)
{
    free(self->spans);
    *self = (struct wire_split){0};
}

static bool grow(struct wire_split *self, uint32_t needed)
{
    if (needed <= self->capacity)
        return true;
    struct wire_span *spans = realloc(self->spans, needed * sizeof *spans);
    if (spans == NULL)
        return false;
    self->spans = spans;
    self->capacity = needed;
    return true;
}

static void add_span(struct wire_split *self, const uint8_t *at, const uint8_t *end, uint32_t partition)
{
    self->spans[self->count++] = (struct wire_span){at, (uint32_t)(end - at), partition};
    if (self->by_partition[partition]++ == 0)
        self->part_count++;
}

/* A body that is being cut up, and why it is refused as a whole. */
struct cutting {
    struct wire_split *split;
    uint32_t partitions;
    wire_partition_fn *partition_of;
    uint64_t row_count;
    enum code code;
    enum field field;
};

static bool refuse(struct cutting *c, enum code code, enum field field)
{
    c->code = code;
    c->field = field;
    return false;
}

static bool cut_element(struct cutting *c, struct mp_reader *r, bool is_batch)
{
    const uint8_t *start = r->at;
    struct str account;
    uint32_t rows = 1;
    bool good = is_batch ? locate_item(r, ITEM_LEVEL_BATCH, 0, &account, &rows)
                         : locate_account(r, MP_DEPTH_MAX - HISTORY_LEVEL, &account);
    if (!good)
        return refuse(c, CODE_BAD_REQUEST, FIELD_BODY);
    c->row_count += rows;
    add_span(c->split, start, r->at, account.length == 0 ? 0 : c->partition_of(account, c->partitions));
    return true;
}

static bool cut(struct cutting *c, struct mp_reader *r, bool is_batch)
{
    uint32_t max = is_batch ? LEDGER_BATCH_MAX : WIRE_HISTORIES_MAX;
    uint32_t count;
    if (!mp_read_array(r, &count))
        return refuse(c, CODE_BAD_REQUEST, FIELD_BODY);
    if (count > max)
        return refuse(c, CODE_TOO_LARGE, FIELD_ITEMS);
    if (!grow(c->split, count))
        return refuse(c, CODE_BUSY, FIELD_NONE);
    for (uint32_t i = 0; i < count; i++) {
        if (!cut_element(c, r, is_batch))
            return false;
    }
    if (!mp_at_end(r))
        return refuse(c, CODE_BAD_REQUEST, FIELD_BODY);
    if (c->row_count > max)
        return refuse(c, CODE_TOO_LARGE, FIELD_ITEMS);
    return count > 0 || refuse(c, CODE_INVALID_FIELD, FIELD_ITEMS);
}

enum code wire_items_split(struct wire_split *self, const struct wire_header *header, uint32_t partitions,
                           wire_partition_fn *partition_of, enum field *field)
{
    struct mp_reader r = wire_body_reader(header);
    struct cutting c = {.split = self, .partitions = partitions, .partition_of = partition_of};
    CHECK(header->operation == OPERATION_BATCH || header->operation == OPERATION_HISTORIES);
    CHECK(partitions >= 1 && partitions <= LEDGER_PARTITIONS_MAX);
    self->count = self->part_count = 0;
    memset(self->by_partition, 0, sizeof self->by_partition);
    cut(&c, &r, header->operation == OPERATION_BATCH);
    *field = c.field;
    return c.code;
}

void wire_split_write(const struct wire_split *self, const struct wire_header *header, uint32_t partition,
                      struct mp_writer *w)
{
    struct wire_header part = *header;
    CHECK(partition < LEDGER_PARTITIONS_MAX);
    part.partition = partition;
    wire_header_write(w, &part);
    mp_write_array(w, self->by_partition[partition]);
    for (uint32_t i = 0; i < self->count; i++) {
        if (self->spans[i].partition == partition)
            mp_write_raw(w, self->spans[i].at, self->spans[i].length);
    }
}

/* ---- joining ---------------------------------------------------------------------------------- */

/* One partition's answer while it is read. */
struct part {
    struct mp_reader rows;
    enum code code; /* of the part as a whole */
    enum field field;
};

static bool open_part(struct str reply_frame, uint32_t expected, struct part *out)
{
    struct wire_reply reply;
    uint32_t count;
    if (!wire_reply_read((const uint8_t *)reply_frame.data, reply_frame.length, &reply))
        return false;
    out->code = reply.code;
    if (reply.code != CODE_OK)
        return wire_error_read(&reply, &out->field, NULL);
    out->rows = mp_reader_of(reply.body.data, reply.body.length);
    return mp_read_array(&out->rows, &count) && count == expected;
}

/* The row of an element whose part was refused as a whole. */
static void write_refused(struct mp_writer *w, bool is_batch, const struct part *part)
{
    if (!is_batch) {
        wire_histories_error_write(w, part->code, part->field);
        return;
    }
    mp_write_array(w, 2);
    mp_write_text(w, code_name(part->code));
    if (part->field == FIELD_NONE)
        mp_write_nil(w);
    else
        mp_write_text(w, field_name(part->field));
}

bool wire_split_join(const struct wire_split *self, const struct wire_header *header,
                     const struct str *replies, struct mp_writer *w)
{
    struct part parts[LEDGER_PARTITIONS_MAX];
    for (uint32_t p = 0; p < LEDGER_PARTITIONS_MAX; p++) {
        if (self->by_partition[p] > 0 && !open_part(replies[p], self->by_partition[p], &parts[p]))
            return false;
    }
    wire_reply_begin(w, header->request_id, CODE_OK);
    mp_write_array(w, self->count);
    for (uint32_t i = 0; i < self->count; i++) {
        struct part *part = &parts[self->spans[i].partition];
        if (part->code != CODE_OK) {
            write_refused(w, header->operation == OPERATION_BATCH, part);
            continue;
        }
        const uint8_t *start = part->rows.at;
        if (!mp_skip(&part->rows, MP_DEPTH_MAX))
            return false;
        mp_write_raw(w, start, (size_t)(part->rows.at - start));
    }
    return true;
}
