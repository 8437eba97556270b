/* Fuzz target: a batch (or histories) on its way through the router: cut up by partition, answered by each, joined again.
 *
 *     byte 0: how many partitions; byte 1: those that refuse their part as a whole, a bit each; then a request frame
 *
 * Every element arrives at its partition as it was, and every row comes back at its place. */
#include <stdlib.h>

#include "actors/base/check.h"
#include "broker/wire/history.h"
#include "broker/wire/items.h"
#include "broker/wire/rows.h"
#include "broker/wire/split.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/same.h"

enum { PARTITIONS_MAX = 8, ROWS_MAX = LEDGER_BATCH_MAX };

static uint32_t partition_by_first(struct str account, uint32_t partitions)
{
    CHECK(text_is_account_id(account));
    return (uint8_t)account.data[0] % partitions;
}

struct joining {
    const struct wire_header *header;
    const struct wire_split *split;
    struct wire_items *whole;
    uint32_t partitions;
    unsigned refusing;
    struct mp_writer replies[PARTITIONS_MAX];
};

static bool refuses(const struct joining *j, uint32_t partition)
{
    return j->refusing >> partition & 1;
}

/* ---- batches ------------------------------------------------------------------------------------------ */

/* A row is known by its balance: the number of its element, and its own number inside it. */
static int64_t row_mark(uint32_t element, uint32_t row)
{
    return (int64_t)element * 1000 + row;
}

static uint32_t rows_write(const struct ledger_command *command, uint32_t element, struct ledger_row *rows)
{
    uint32_t count = 1u + (command->kind == COMMAND_GROUP ? command->group_count : 0u);
    for (uint32_t i = 0; i < count; i++)
        rows[i] = (struct ledger_row){.has = ROW_HAS_FROM, .from_balance = row_mark(element, i)};
    if (command->kind == COMMAND_GROUP) {
        rows[0] = (struct ledger_row){.code = command->code, .field = command->field};
        rows[0].group_count = command->group_count;
    }
    return count;
}

/* The partition gets its elements in order, unchanged, and answers each. */
static void answer_batch(struct joining *j, uint32_t partition, const struct wire_header *part)
{
    static struct ledger_row rows[ROWS_MAX];
    struct wire_items items = {0};
    enum field field;
    uint32_t row = 0, k = 0;
    CHECK(wire_items_read(&items, part, &field) == CODE_OK &&
          items.count == j->split->by_partition[partition]);
    for (uint32_t i = 0; i < j->split->count; i++) {
        if (j->split->spans[i].partition != partition)
            continue;
        CHECK(same_commands(&items.commands[k], &j->whole->commands[i]));
        row += rows_write(&items.commands[k++], i, &rows[row]);
    }
    wire_rows_write(&j->replies[partition], part->request_id, rows, row);
    wire_items_release(&items);
}

static void check_rows(const struct joining *j, const struct wire_reply *reply)
{
    static struct ledger_row rows[ROWS_MAX];
    size_t count, at = 0;
    CHECK(wire_rows_read(reply, rows, ROWS_MAX, &count));
    for (uint32_t i = 0; i < j->split->count; i++) {
        struct ledger_row expected[1 + LEDGER_GROUP_MAX];
        uint32_t wanted = rows_write(&j->whole->commands[i], i, expected);
        if (refuses(j, j->split->spans[i].partition)) {
            CHECK(at < count && rows[at].code == CODE_BUSY && rows[at].field == FIELD_PARTITION);
            at++;
            continue;
        }
        CHECK(wanted <= count - at);
        for (uint32_t k = 0; k < wanted; k++, at++)
            CHECK(rows[at].code == expected[k].code && rows[at].field == expected[k].field &&
                  rows[at].has == expected[k].has && rows[at].from_balance == expected[k].from_balance &&
                  rows[at].group_count == expected[k].group_count);
    }
    CHECK(at == count);
}

/* ---- histories ---------------------------------------------------------------------------------------- */

static void answer_histories(struct joining *j, uint32_t partition, const struct wire_header *part)
{
    static struct wire_history_query queries[WIRE_HISTORIES_MAX];
    struct mp_writer *w = &j->replies[partition];
    size_t count;
    enum field field;
    CHECK(wire_histories_read(part, queries, &count, &field) == CODE_OK);
    CHECK(count == j->split->by_partition[partition]);
    wire_reply_begin(w, part->request_id, CODE_OK);
    mp_write_array(w, (uint32_t)count);
    for (uint32_t i = 0, k = 0; i < j->split->count; i++) {
        if (j->split->spans[i].partition != partition)
            continue;
        const struct wire_history_query *query = &queries[k++];
        CHECK(query->code != CODE_OK || partition_by_first(query->account, j->partitions) == partition);
        mp_write_uint(w, i);
    }
}

static void check_histories(const struct joining *j, const struct wire_reply *reply)
{
    struct mp_reader r = mp_reader_of(reply->body.data, reply->body.length);
    uint32_t count;
    CHECK(mp_read_array(&r, &count) && count == j->split->count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t number = i;
        bool read =
            refuses(j, j->split->spans[i].partition) ? mp_skip(&r, MP_DEPTH_MAX) : mp_read_uint(&r, &number);
        CHECK(read && number == i);
    }
    CHECK(mp_at_end(&r));
}

/* ---- both --------------------------------------------------------------------------------------------- */

static void answer(struct joining *j, uint32_t partition)
{
    struct mp_writer w = {0};
    struct wire_header part;
    enum code code;
    enum field field;
    wire_split_write(j->split, j->header, partition, &w);
    CHECK(!w.failed && wire_header_read(w.data, w.length, &part, &code, &field));
    CHECK(part.operation == j->header->operation && part.request_id == j->header->request_id &&
          part.deadline_us == j->header->deadline_us && part.partition == partition);
    if (refuses(j, partition))
        wire_error_write(&j->replies[partition], part.request_id, CODE_BUSY, FIELD_PARTITION, NULL);
    else if (part.operation == OPERATION_BATCH)
        answer_batch(j, partition, &part);
    else
        answer_histories(j, partition, &part);
    mp_writer_release(&w);
}

static void join(struct joining *j)
{
    struct str replies[LEDGER_PARTITIONS_MAX] = {{0}};
    struct mp_writer w = {0};
    struct wire_reply reply;
    for (uint32_t p = 0; p < j->partitions; p++) {
        if (j->split->by_partition[p] > 0)
            answer(j, p);
        replies[p] = (struct str){(const char *)j->replies[p].data, (uint32_t)j->replies[p].length};
    }
    CHECK(wire_split_join(j->split, j->header, replies, &w) && !w.failed);
    CHECK(wire_reply_read(w.data, w.length, &reply) && reply.request_id == j->header->request_id);
    if (j->header->operation == OPERATION_BATCH)
        check_rows(j, &reply);
    else
        check_histories(j, &reply);
    for (uint32_t p = 0; p < j->partitions; p++)
        mp_writer_release(&j->replies[p]);
    mp_writer_release(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct wire_header header;
    struct wire_split split = {0};
    struct wire_items whole = {0};
    enum code code;
    enum field field;
    uint32_t partitions = input_byte(&input) % PARTITIONS_MAX + 1;
    unsigned refusing = input_byte(&input);
    if (!wire_header_read(input.at, input.left, &header, &code, &field) ||
        (header.operation != OPERATION_BATCH && header.operation != OPERATION_HISTORIES))
        return 0;
    code = wire_items_split(&split, &header, partitions, partition_by_first, &field);
    bool is_batch = header.operation == OPERATION_BATCH;
    CHECK(!is_batch || wire_items_read(&whole, &header, &field) == code);
    CHECK(!is_batch || code != CODE_OK || whole.count == split.count);
    if (code == CODE_OK) {
        struct joining joining = {.header = &header,
                                  .split = &split,
                                  .whole = &whole,
                                  .partitions = partitions,
                                  .refusing = refusing};
        join(&joining);
    }
    wire_split_release(&split);
    wire_items_release(&whole);
    return 0;
}
