/* Batches: building them, one message for each partition that pays, and putting the rows of the answers
 * in order again.
 *
 * A part's buffer begins with room for the head of the message, which needs the number of items and the request id
 * and is written last, directly in front of the items; then the buffer itself becomes the message.
 */
#include <stdlib.h>

#include "actors/base/check.h"
#include "broker/wire/items.h"
#include "clients/c/client.h"

enum {
    HEAD_ROOM = 64,
    STRINGS_MAX = 1024, /* of one item; enough to let the server say which one is too long */
    ITEM_ROOM = 160,
    PART_FIRST_BYTES = 4096,
};

#define PART_NONE UINT8_MAX

struct part {
    uint32_t partition;
    uint32_t item_count, row_count;
    size_t usual; /* bytes of the last message made here: what to begin with */
    struct mp_writer writer;
};

struct teller_batch {
    struct teller *client;
    uint32_t partitions; /* as the client knew it when the first item was added */
    uint32_t row_count;
    uint32_t part_count;
    int64_t deadline_us;
    uint8_t current[TELLER_PARTITIONS_MAX]; /* which part a partition's items go to */
    struct part parts[PARTS_MAX];
    bool has_groups;
    uint8_t part_of[TELLER_BATCH_MAX];     /* by row */
    uint8_t group_count[TELLER_BATCH_MAX]; /* by row: of a group's own row; all 0 unless has_groups */
};

_Static_assert(PARTS_MAX < PART_NONE, "parts are numbered in a byte");

/* ---- conversions ------------------------------------------------------------------------------ */

struct ledger_command client_command(const struct teller_item *item)
{
    struct ledger_command command = {.kind = (uint8_t)item->kind,
                                     .currency = item->currency,
                                     .amount = item->amount,
                                     .deadline_us = item->deadline_us,
                                     .id = item->id,
                                     .from = item->from,
                                     .to = item->to,
                                     .memo = item->memo,
                                     .reference = item->reference};
    if (item->kind < TELLER_HOLD)
        command.rate = item->rate;
    if (item->kind == TELLER_HOLD)
        command.expires_us = item->expires_us;
    if (item->kind == TELLER_CAPTURE || item->kind == TELLER_RELEASE)
        command.of = item->hold;
    if (item->kind == TELLER_CAPTURE && item->keeps_rest)
        command.flags = COMMAND_KEEPS_REST;
    if (item->kind == TELLER_RELEASE)
        command.currency = CURRENCY_NONE;
    if (item->kind == TELLER_EXCHANGE) {
        command.currency = CURRENCY_NONE; /* the quote says them */
        command.amount = 0;
        command.of = item->quote;
    }
    return command;
}

struct teller_row client_row(const struct ledger_row *row)
{
    return (struct teller_row){.code = row->code,
                               .field = row->field,
                               .has_from = (row->has & ROW_HAS_FROM) != 0,
                               .has_to = (row->has & ROW_HAS_TO) != 0,
                               .group_count = row->group_count,
                               .from_balance = row->from_balance,
                               .to_balance = row->to_balance};
}

/* ---- partitions ------------------------------------------------------------------------------- */

/* The digits behind the last colon; more than five are nobody's. */
static uint32_t reserved_partition(struct str account)
{
    uint32_t number = 0, factor = 1;
    for (uint32_t i = account.length; i > 0 && factor <= 10000; i--) {
        char digit = account.data[i - 1];
        if (digit < '0' || digit > '9')
            break;
        number += (uint32_t)(digit - '0') * factor;
        factor *= 10;
    }
    return number;
}

uint32_t teller_partition_of(struct str account, uint32_t partitions)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    if (account.length > 0 && (account.data[0] == 'h' || account.data[0] == 't') &&
        text_is_reserved_id(account))
        return reserved_partition(account) % partitions;
    for (uint32_t i = 0; i < account.length; i++)
        hash = (hash ^ (uint8_t)account.data[i]) * UINT64_C(1099511628211);
    hash ^= hash >> 32;
    return (uint32_t)(hash % partitions);
}

static struct str payer(const struct teller_item *item)
{
    if (item->kind == TELLER_GROUP && item->item_count > 0)
        item = &item->items[0];
    return item->kind == TELLER_DEPOSIT ? item->to : item->from;
}

/* ---- building --------------------------------------------------------------------------------- */

struct teller_batch *teller_batch_new(struct teller *client)
{
    struct teller_batch *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->client = client;
    teller_batch_clear(self);
    return self;
}

void teller_batch_destroy(struct teller_batch **self_p)
{
    struct teller_batch *self = *self_p;
    if (self == NULL)
        return;
    *self_p = NULL;
    for (size_t i = 0; i < PARTS_MAX; i++)
        mp_writer_release(&self->parts[i].writer);
    free(self);
}

void teller_batch_clear(struct teller_batch *self)
{
    for (uint32_t i = 0; i < self->part_count; i++)
        mp_writer_reset(&self->parts[i].writer);
    memset(self->current, PART_NONE, sizeof self->current);
    if (self->has_groups)
        memset(self->group_count, 0, sizeof self->group_count);
    self->has_groups = false;
    self->part_count = 0;
    self->row_count = 0;
    self->deadline_us = 0;
}

uint32_t teller_batch_rows(const struct teller_batch *self)
{
    return self->row_count;
}

void teller_batch_set_deadline(struct teller_batch *self, int64_t deadline_us)
{
    self->deadline_us = deadline_us;
}

/* NULL: no memory. There are parts enough: each but a partition's last is nearly as large as a message may be. */
static struct part *part_open(struct teller_batch *self, uint32_t partition)
{
    CHECK(self->part_count < PARTS_MAX);
    struct part *part = &self->parts[self->part_count];
    size_t bytes = part->usual > PART_FIRST_BYTES ? part->usual : PART_FIRST_BYTES;
    if (!mp_reserve(&part->writer, bytes))
        return NULL;
    part->partition = partition;
    part->item_count = part->row_count = 0;
    part->writer.length = HEAD_ROOM;
    self->current[partition] = (uint8_t)self->part_count++;
    return part;
}

static inline struct part *part_for(struct teller_batch *self, uint32_t partition, size_t bytes)
{
    if (self->current[partition] == PART_NONE)
        return part_open(self, partition);
    struct part *part = &self->parts[self->current[partition]];
    if (__builtin_expect(part->writer.length + bytes > WIRE_FRAME_MAX, 0))
        return part_open(self, partition);
    return part;
}

static bool item_write(struct mp_writer *w, const struct teller_item *item)
{
    struct ledger_command command = client_command(item);
    wire_item_write(w, &command);
    return !w->failed;
}

static bool group_write(struct mp_writer *w, const struct teller_item *group)
{
    struct ledger_command items[TELLER_GROUP_MAX];
    struct ledger_command command = {
        .kind = COMMAND_GROUP, .id = group->id, .group_count = group->item_count};
    for (uint32_t i = 0; i < group->item_count; i++)
        items[i] = client_command(&group->items[i]);
    command.items = items;
    wire_item_write(w, &command);
    return !w->failed;
}

static size_t plain_bytes(const struct teller_item *item)
{
    size_t strings = (size_t)item->from.length + item->to.length + item->memo.length + item->reference.length;
    return strings <= STRINGS_MAX ? strings + ITEM_ROOM : SIZE_MAX;
}

/* The most bytes it may take; SIZE_MAX: too large. */
static size_t item_bytes(const struct teller_item *item)
{
    size_t bytes = ITEM_ROOM;
    if (item->kind != TELLER_GROUP)
        return plain_bytes(item);
    CHECK(item->item_count >= 1 && item->item_count <= TELLER_GROUP_MAX);
    for (uint32_t i = 0; i < item->item_count; i++) {
        CHECK(item->items[i].kind != TELLER_GROUP);
        size_t more = plain_bytes(&item->items[i]);
        if (more == SIZE_MAX)
            return SIZE_MAX;
        bytes += more;
    }
    return bytes;
}

enum err teller_batch_add(struct teller_batch *self, const struct teller_item *item)
{
    bool is_group = item->kind == TELLER_GROUP;
    uint32_t rows = is_group ? 1u + item->item_count : 1u;
    size_t bytes = item_bytes(item);
    if (bytes == SIZE_MAX || self->row_count + rows > TELLER_BATCH_MAX)
        return ERR_RANGE;
    if (self->row_count == 0)
        self->partitions = self->client->partitions;
    uint32_t partition = self->partitions > 1 ? teller_partition_of(payer(item), self->partitions) : 0;
    struct part *part = part_for(self, partition, bytes);
    if (part == NULL || !(is_group ? group_write(&part->writer, item) : item_write(&part->writer, item)))
        return ERR_NO_MEMORY;
    if (is_group) {
        self->has_groups = true;
        self->group_count[self->row_count] = (uint8_t)item->item_count;
    }
    memset(self->part_of + self->row_count, (int)(part - self->parts), rows);
    self->row_count += rows;
    part->row_count += rows;
    part->item_count++;
    return ERR_OK;
}

/* ---- shipments: batches on their way ---------------------------------------------------------- */

struct shipment_part {
    uint32_t first, count; /* its rows in `order` */
};

struct shipment {
    struct shipment *next;
    teller_done *done;
    void *context;
    struct teller_result result;
    uint32_t parts_open;
    bool is_split;
    struct shipment_part parts[PARTS_MAX];
    uint32_t capacity;
    struct teller_row *rows;
    uint32_t *order; /* the rows of the first part, of the second … */
};

static void shipment_destroy(struct shipment *shipment)
{
    if (shipment == NULL)
        return;
    free(shipment->rows);
    free(shipment->order);
    free(shipment);
}

void shipments_release(struct teller *self)
{
    for (uint32_t i = 0; self->calls != NULL && i < self->call_count; i++) {
        struct call *call = &self->calls[i];
        if (call->state == CALL_FREE || call->type->end != shipment_end)
            continue;
        struct shipment *shipment = call->owner;
        if (--shipment->parts_open == 0)
            shipment_free(self, shipment);
    }
    while (self->free_shipments != NULL) {
        struct shipment *shipment = self->free_shipments;
        self->free_shipments = shipment->next;
        shipment_destroy(shipment);
    }
    shipment_destroy(self->held);
}

void shipment_free(struct teller *self, struct shipment *shipment)
{
    shipment->next = self->free_shipments;
    self->free_shipments = shipment;
}

struct teller_answer *shipment_answer(struct shipment *shipment)
{
    return &shipment->result.answer;
}

static bool shipment_grow(struct shipment *shipment, uint32_t rows)
{
    if (rows <= shipment->capacity)
        return true;
    free(shipment->rows);
    free(shipment->order);
    shipment->capacity = 0;
    shipment->rows = malloc(rows * sizeof *shipment->rows);
    shipment->order = malloc(rows * sizeof *shipment->order);
    if (shipment->rows == NULL || shipment->order == NULL)
        return false;
    shipment->capacity = rows;
    return true;
}

/* Rows begin as BUSY: nothing has happened. */
struct shipment *shipment_new(struct teller *self, uint32_t rows, teller_done *done, void *context)
{
    struct shipment *shipment = self->free_shipments;
    if (shipment != NULL)
        self->free_shipments = shipment->next;
    else
        shipment = calloc(1, sizeof *shipment);
    if (shipment == NULL)
        return NULL;
    if (!shipment_grow(shipment, rows)) {
        shipment_free(self, shipment);
        return NULL;
    }
    for (uint32_t i = 0; i < rows; i++)
        shipment->rows[i] = (struct teller_row){.code = CODE_BUSY};
    shipment->done = done;
    shipment->context = context;
    shipment->result.err = ERR_OK;
    shipment->result.rows = shipment->rows;
    shipment->result.row_count = rows;
    client_answer_set(&shipment->result.answer, CODE_OK, FIELD_NONE, (struct str){0});
    shipment->parts_open = 1;
    shipment->is_split = false;
    shipment->parts[0] = (struct shipment_part){0, rows};
    return shipment;
}

/* Which rows belong to which part: those of the first, of the second … */
static void shipment_order(struct shipment *shipment, const struct teller_batch *batch)
{
    uint32_t next[PARTS_MAX];
    uint32_t first = 0;
    shipment->parts_open = batch->part_count;
    shipment->is_split = batch->part_count > 1;
    for (uint32_t i = 0; i < batch->part_count; i++) {
        shipment->parts[i] = (struct shipment_part){first, batch->parts[i].row_count};
        next[i] = first;
        first += batch->parts[i].row_count;
    }
    for (uint32_t row = 0; shipment->is_split && row < batch->row_count; row++)
        shipment->order[next[batch->part_of[row]]++] = row;
    for (uint32_t row = 0; batch->has_groups && row < batch->row_count; row++)
        shipment->rows[row].group_count = batch->group_count[row];
}

static inline struct teller_row *row_at(struct shipment *shipment, const struct shipment_part *part,
                                        uint32_t i)
{
    return &shipment->rows[shipment->is_split ? shipment->order[part->first + i] : i];
}

/* ---- answers ---------------------------------------------------------------------------------- */

static struct ledger_row *scratch_rows(struct teller *self, size_t count)
{
    if (count > self->row_capacity) {
        free(self->rows);
        self->row_capacity = 0;
        self->rows = malloc(count * sizeof *self->rows);
        if (self->rows == NULL)
            return NULL;
        self->row_capacity = count;
    }
    return self->rows;
}

/* A row that has its answer keeps it. UNKNOWN stays until there is a definite answer: BUSY is none. */
static inline void row_merge(const struct call *call, struct teller_row *row, const struct ledger_row *read)
{
    if (__builtin_expect(!code_is_open(row->code), 0))
        return;
    bool was_unknown = row->code == CODE_UNKNOWN;
    *row = client_row(read);
    if (__builtin_expect(read->code == CODE_OK, 1))
        return;
    row->code = (uint8_t)call_settled_code(call, read->code);
    if (was_unknown && (row->code == CODE_BUSY || row->code == CODE_DEADLINE_EXCEEDED))
        row->code = CODE_UNKNOWN;
}

/* One answer for all rows of the part that have none yet. */
static void refuse_rows(struct call *call, enum code code, enum field field)
{
    struct shipment *shipment = call->owner;
    const struct shipment_part *part = &shipment->parts[call->part];
    struct ledger_row read = {.code = (uint8_t)code, .field = (uint8_t)field};
    for (uint32_t i = 0; i < part->count; i++) {
        struct teller_row *row = row_at(shipment, part, i);
        read.group_count = row->group_count;
        row_merge(call, row, &read);
    }
}

static enum take take_refusal(struct call *call, const struct wire_reply *reply, bool is_last)
{
    struct shipment *shipment = call->owner;
    struct teller_answer answer;
    if (code_is_open(reply->code) && !is_last) {
        call->may_have_happened |= reply->code == CODE_UNKNOWN;
        return TAKE_AGAIN;
    }
    if (!client_answer_read(reply, &answer))
        return TAKE_MALFORMED;
    refuse_rows(call, reply->code, answer.field);
    answer.code = call_settled_code(call, answer.code);
    if (shipment->result.answer.code == CODE_OK)
        shipment->result.answer = answer;
    return TAKE_FINAL;
}

static enum take part_take(struct teller *self, struct call *call, const struct wire_reply *reply,
                           bool is_last)
{
    struct shipment *shipment = call->owner;
    const struct shipment_part *part = &shipment->parts[call->part];
    size_t count;
    uint32_t open = 0;
    if (reply->code != CODE_OK)
        return take_refusal(call, reply, is_last);
    struct ledger_row *read = scratch_rows(self, part->count);
    if (read == NULL || !wire_rows_read(reply, read, part->count, &count) || count != part->count)
        return TAKE_MALFORMED;
    for (uint32_t i = 0; i < part->count; i++) {
        struct teller_row *row = row_at(shipment, part, i);
        if (row->group_count != read[i].group_count)
            return TAKE_MALFORMED;
        row_merge(call, row, &read[i]);
        open += code_is_open(row->code);
    }
    return open > 0 && !is_last ? TAKE_AGAIN : TAKE_FINAL;
}

static enum take single_take(struct teller *self, struct call *call, const struct wire_reply *reply,
                             bool is_last)
{
    struct shipment *shipment = call->owner;
    struct ledger_row read;
    struct uuid id;
    (void)self;
    if (!wire_row_read_single(reply, &id, &read, NULL))
        return TAKE_MALFORMED;
    row_merge(call, &shipment->rows[0], &read);
    return code_is_open(shipment->rows[0].code) && !is_last ? TAKE_AGAIN : TAKE_FINAL;
}

/* Calls the callback when the last part has ended. */
void shipment_end(struct teller *self, const struct call *call, enum err err)
{
    struct shipment *shipment = call->owner;
    struct call ended = *call;
    if (err != ERR_OK && shipment->result.row_count > 0)
        refuse_rows(&ended, call->may_have_happened ? CODE_UNKNOWN : CODE_BUSY, FIELD_NONE);
    if (err != ERR_OK && shipment->result.err == ERR_OK) {
        shipment->result.err = err;
        client_answer_set(&shipment->result.answer, CODE_UNKNOWN, FIELD_NONE, (struct str){0});
    }
    if (--shipment->parts_open > 0)
        return;
    self->completed++;
    shipment->done(shipment->context, &shipment->result);
    if (shipment != self->held)
        shipment_free(self, shipment);
}

static const struct call_type part_type = {part_take, shipment_end};
static const struct call_type single_type = {single_take, shipment_end};

/* ---- sending ---------------------------------------------------------------------------------- */

static void free_buffer(void *data, void *hint)
{
    (void)data;
    free(hint);
}

/* Puts the head directly in front of the items, and makes the buffer a message. false: no memory. */
static bool part_message(const struct teller_batch *batch, struct part *part, uint64_t request_id,
                         zmq_msg_t *message)
{
    uint8_t bytes[HEAD_ROOM];
    struct mp_writer head = {.data = bytes, .capacity = sizeof bytes};
    struct wire_header header = {.operation = OPERATION_BATCH,
                                 .request_id = request_id,
                                 .partition = batch->partitions > 0 ? part->partition : WIRE_PARTITION_ANY,
                                 .deadline_us = batch->deadline_us};
    wire_header_write(&head, &header);
    mp_write_array(&head, part->item_count);
    CHECK(head.data == bytes && !head.failed); /* the room was enough */
    struct mp_writer *w = &part->writer;
    uint8_t *start = w->data + HEAD_ROOM - head.length;
    memcpy(start, bytes, head.length);
    if (zmq_msg_init_data(message, start, (size_t)(mp_tail(w) - start), free_buffer, w->data) != 0)
        return false;
    part->usual = w->length + w->length / 8;
    mp_writer_init(w);
    return true;
}

static enum err batch_ship(struct teller_batch *batch, struct shipment *shipment)
{
    struct teller *self = batch->client;
    struct call *calls[PARTS_MAX];
    uint32_t count = batch->part_count;
    enum err err = ERR_OK;
    shipment_order(shipment, batch);
    for (uint32_t i = 0; i < count; i++) {
        calls[i] = call_new(self, &part_type, shipment, i);
        CHECK(calls[i] != NULL); /* there are so many slots beyond the window */
        zmq_msg_init(&calls[i]->frame);
        if (err == ERR_OK && !part_message(batch, &batch->parts[i], calls[i]->request_id, &calls[i]->frame))
            err = ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (err == ERR_OK) {
            call_start(self, calls[i]);
        } else {
            zmq_msg_close(&calls[i]->frame);
            call_abandon(self, calls[i]);
        }
    }
    teller_batch_clear(batch);
    return err;
}

enum err teller_submit(struct teller_batch *batch, teller_done *done, void *context)
{
    struct teller *self = batch->client;
    if (batch->row_count == 0)
        return ERR_RANGE;
    if (self->in_flight >= self->options.window)
        return ERR_FULL;
    struct shipment *shipment = shipment_new(self, batch->row_count, done, context);
    if (shipment == NULL)
        return ERR_NO_MEMORY;
    enum err err = batch_ship(batch, shipment);
    if (err != ERR_OK)
        shipment_free(self, shipment);
    return err;
}

static void item_head(struct teller *self, const struct teller_item *item, uint64_t request_id)
{
    static const enum wire_operation operations[] = {
        [TELLER_TRANSFER] = OPERATION_TRANSFER, [TELLER_DEPOSIT] = OPERATION_DEPOSIT,
        [TELLER_WITHDRAW] = OPERATION_WITHDRAW, [TELLER_HOLD] = OPERATION_HOLD,
        [TELLER_CAPTURE] = OPERATION_CAPTURE,   [TELLER_RELEASE] = OPERATION_RELEASE,
        [TELLER_EXCHANGE] = OPERATION_EXCHANGE};
    struct wire_header header = {
        .operation = operations[item->kind], .request_id = request_id, .partition = WIRE_PARTITION_ANY};
    if (self->partitions > 0)
        header.partition = teller_partition_of(payer(item), self->partitions);
    mp_writer_reset(&self->writer);
    wire_header_write(&self->writer, &header);
}

enum err teller_submit_item(struct teller *self, const struct teller_item *item, teller_done *done,
                            void *context)
{
    CHECK(item->kind != TELLER_GROUP);
    if (item_bytes(item) == SIZE_MAX)
        return ERR_RANGE;
    if (self->in_flight >= self->options.window)
        return ERR_FULL;
    struct shipment *shipment = shipment_new(self, 1, done, context);
    if (shipment == NULL)
        return ERR_NO_MEMORY;
    struct call *call = call_new(self, &single_type, shipment, 0);
    CHECK(call != NULL);
    item_head(self, item, call->request_id);
    item_write(&self->writer, item);
    if (!wire_message_init(&call->frame, &self->writer)) {
        call_abandon(self, call);
        shipment_free(self, shipment);
        return ERR_NO_MEMORY;
    }
    call_start(self, call);
    return ERR_OK;
}

/* ---- sending and waiting ---------------------------------------------------------------------- */

struct arrival {
    bool is_done;
};

static void note_arrival(void *context, const struct teller_result *result)
{
    struct arrival *arrival = context;
    (void)result;
    arrival->is_done = true;
}

enum err teller_batch_send(struct teller_batch *batch, struct teller_result *result)
{
    struct teller *self = batch->client;
    struct arrival arrival = {false};
    if (batch->row_count == 0)
        return ERR_RANGE;
    while (self->in_flight >= self->options.window)
        teller_poll(self, -1);
    if (self->held != NULL)
        shipment_free(self, self->held);
    self->held = shipment_new(self, batch->row_count, note_arrival, &arrival);
    if (self->held == NULL)
        return ERR_NO_MEMORY;
    enum err err = batch_ship(batch, self->held);
    while (err == ERR_OK && !arrival.is_done) {
        if (!client_receive(self))
            client_wait(self, -1);
    }
    if (err != ERR_OK)
        return err;
    *result = self->held->result;
    return result->err;
}
