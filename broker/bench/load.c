/* See load.h. One thread, one socket. A slot is a message in flight; request ids tell the slot and its use. */
#include "broker/bench/load.h"

#include <stdlib.h>
#include <string.h>

#include "actors/ledger/ledger.h"
#include "broker/bench/random.h"
#include "broker/wire/accounts.h"
#include "broker/wire/history.h"
#include "broker/wire/items.h"

enum {
    DRAW_CHUNK = 64,
    AMOUNT_MAX = 10000,
    SLOT_BITS = 16,
    ITEM_BYTES = 64,    /* about; the writer grows if it is not enough */
    TAKE_TOGETHER = 64, /* answers to small messages before the next ones are sent */
    SMALL_BATCH = 64,
    OPEN_LOOP_SLEEP_US = 100, /* the shortest, to leave the processor to the node */
    HISTORY_LIMIT = 20,
};

#define FIRST_DEPOSIT INT64_C(100000000000)
#define SLOT_MASK ((UINT64_C(1) << SLOT_BITS) - 1)

_Static_assert(LOAD_WINDOW_MAX <= 1 << SLOT_BITS, "a slot fits a request id");

struct slot {
    uint64_t request_id; /* 0: free */
    int64_t started_ns;  /* closed loop: sent; open loop: due */
    uint32_t partition;
    uint32_t items;
};

struct load {
    struct line *line;
    struct workload *workload;
    const struct load_options *options;
    struct load_result *result;
    struct random_source random;
    struct slot *slots;
    uint32_t *free_slots; /* a stack */
    uint32_t free_count, in_flight;
    uint64_t sequence;
    int64_t counted_from_ns, end_ns, quiet_since_ns;
    bool is_counting, is_ending, has_failed;
    uint32_t next_partition;
    uint32_t walk[LEDGER_PARTITIONS_MAX]; /* OPEN, DEPOSIT: the next account of each partition */
    struct mp_writer writer;
    struct ledger_row *rows;
    struct wire_history_entry entries[HISTORY_LIMIT];
};

/* ---- what is sent ----------------------------------------------------------------------------- */

static void write_transfers(struct load *self, uint32_t partition, uint32_t count)
{
    struct workload_pair pairs[DRAW_CHUNK];
    struct ledger_command item = {.kind = COMMAND_TRANSFER, .currency = currency_find("KRW", 3)};
    while (count > 0) {
        uint32_t chunk = count < DRAW_CHUNK ? count : DRAW_CHUNK;
        workload_draw(self->workload, partition, pairs, chunk);
        for (uint32_t i = 0; i < chunk; i++) {
            item.id = random_uuid(&self->random);
            item.from = pairs[i].from;
            item.to = pairs[i].to;
            item.amount = 1 + random_below(&self->random, AMOUNT_MAX);
            wire_item_write(&self->writer, &item);
        }
        count -= chunk;
    }
}

static struct str walk_on(struct load *self, uint32_t partition)
{
    return workload_at(self->workload, partition, self->walk[partition]++);
}

/* The id is made of the account's, so that a second setup repeats the first one's deposits. */
static void write_deposits(struct load *self, uint32_t partition, uint32_t count)
{
    struct ledger_command item = {
        .kind = COMMAND_DEPOSIT, .currency = currency_find("KRW", 3), .amount = FIRST_DEPOSIT};
    for (uint32_t i = 0; i < count; i++) {
        item.to = walk_on(self, partition);
        memset(item.id.bytes, 0x80, sizeof item.id.bytes);
        memcpy(item.id.bytes, item.to.data, item.to.length);
        wire_item_write(&self->writer, &item);
    }
}

static void write_open(struct load *self, uint32_t partition)
{
    const struct ledger_account_command command = {
        .kind = ACCOUNT_OPEN,
        .account = walk_on(self, partition),
        .owner = STR_LITERAL("bench"),
        .currency = currency_find("KRW", 3),
        .ceiling = INT64_MAX,
    };
    wire_account_body_write(&self->writer, &command);
}

static void write_histories(struct load *self, uint32_t partition, uint32_t count)
{
    struct wire_history_query query = {.limit = HISTORY_LIMIT};
    for (uint32_t i = 0; i < count; i++) {
        query.account = workload_account(self->workload, partition);
        wire_history_body_write(&self->writer, &query);
    }
}

static enum wire_operation operation_of(const struct load_options *options)
{
    switch (options->kind) {
    case LOAD_TRANSFERS:
        return options->batch == 1 ? OPERATION_TRANSFER : OPERATION_BATCH;
    case LOAD_OPEN:
        return OPERATION_ACCOUNT_OPEN;
    case LOAD_DEPOSIT:
        return options->batch == 1 ? OPERATION_DEPOSIT : OPERATION_BATCH;
    case LOAD_HISTORY:
        return options->batch == 1 ? OPERATION_HISTORY : OPERATION_HISTORIES;
    }
    CHECK_UNREACHABLE();
}

static void write_message(struct load *self, const struct slot *slot)
{
    struct mp_writer *w = &self->writer;
    const struct wire_header header = {.operation = operation_of(self->options),
                                       .request_id = slot->request_id,
                                       .partition = slot->partition};
    mp_writer_reset(w);
    mp_reserve(w, (size_t)slot->items * ITEM_BYTES + ITEM_BYTES);
    wire_header_write(w, &header);
    if (self->options->batch > 1)
        mp_write_array(w, slot->items);
    switch (self->options->kind) {
    case LOAD_TRANSFERS:
        write_transfers(self, slot->partition, slot->items);
        return;
    case LOAD_OPEN:
        write_open(self, slot->partition);
        return;
    case LOAD_DEPOSIT:
        write_deposits(self, slot->partition, slot->items);
        return;
    case LOAD_HISTORY:
        write_histories(self, slot->partition, slot->items);
        return;
    }
}

/* ---- when it is sent -------------------------------------------------------------------------- */

static bool is_walk(const struct load *self)
{
    return self->options->kind == LOAD_OPEN || self->options->kind == LOAD_DEPOSIT;
}

/* How many items the next message to the partition takes; 0: there are none left for it. */
static uint32_t items_left(const struct load *self, uint32_t partition)
{
    const struct load_options *options = self->options;
    uint64_t left = options->batch;
    if (options->item_limit > 0 && options->item_limit - self->result->items_sent < left)
        left = options->item_limit - self->result->items_sent;
    if (is_walk(self) && workload_count(self->workload, partition) - self->walk[partition] < left)
        left = workload_count(self->workload, partition) - self->walk[partition];
    return (uint32_t)left;
}

/* Sends one message to the partition, if there is a slot and anything left to send. */
static bool send_one(struct load *self, uint32_t partition, int64_t due_ns)
{
    uint32_t items = self->is_ending ? 0 : items_left(self, partition);
    if (items == 0 || self->free_count == 0)
        return false;
    uint32_t at = self->free_slots[--self->free_count];
    struct slot *slot = &self->slots[at];
    *slot = (struct slot){
        .request_id = ++self->sequence << SLOT_BITS | at, .partition = partition, .items = items};
    write_message(self, slot);
    slot->started_ns = due_ns > 0 ? due_ns : line_now_ns();
    self->result->items_sent += items;
    self->in_flight++;
    if (!line_send(self->line, &self->writer))
        self->has_failed = true;
    return !self->has_failed;
}

/* ---- what comes back -------------------------------------------------------------------------- */

static void count_row(struct load *self, uint8_t code)
{
    if (code != CODE_OK)
        self->result->errors[code]++;
}

static bool take_histories(struct load *self, const struct wire_reply *reply, uint32_t items)
{
    struct mp_reader rows;
    struct str cursor;
    uint32_t count;
    if (!wire_histories_reply_begin(reply, &rows, &count) || count != items)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct wire_reply row;
        size_t entries = 0;
        if (!wire_histories_reply_next(&rows, &row))
            return false;
        count_row(self, (uint8_t)row.code);
        if (row.code == CODE_OK &&
            (!wire_history_reply_read(&row, self->entries, HISTORY_LIMIT, &entries, &cursor) || entries == 0))
            return false;
        self->result->entries += entries;
    }
    return true;
}

static bool take_rows(struct load *self, const struct wire_reply *reply, uint32_t items)
{
    size_t count;
    if (!wire_rows_read(reply, self->rows, self->options->batch, &count) || count != items)
        return false;
    for (size_t i = 0; i < count; i++)
        count_row(self, self->rows[i].code);
    return true;
}

static bool take_single(const struct wire_reply *reply)
{
    struct uuid id;
    struct ledger_row row;
    return wire_row_read_single(reply, &id, &row, NULL) && row.code == CODE_OK;
}

static bool take_history(struct load *self, const struct wire_reply *reply)
{
    struct str cursor;
    size_t entries = 0;
    bool is_good =
        wire_history_reply_read(reply, self->entries, HISTORY_LIMIT, &entries, &cursor) && entries > 0;
    self->result->entries += entries;
    return is_good;
}

static bool take_body(struct load *self, const struct wire_reply *reply, uint32_t items)
{
    struct ledger_account_view view;
    switch (operation_of(self->options)) {
    case OPERATION_BATCH:
        return take_rows(self, reply, items);
    case OPERATION_TRANSFER:
    case OPERATION_DEPOSIT:
        return take_single(reply);
    case OPERATION_HISTORIES:
        return take_histories(self, reply, items);
    case OPERATION_HISTORY:
        return take_history(self, reply);
    case OPERATION_ACCOUNT_OPEN:
        return wire_account_reply_read(reply, &view);
    case OPERATION_WITHDRAW:
    case OPERATION_ACCOUNT_CHANGE:
    case OPERATION_ACCOUNT_FREEZE:
    case OPERATION_ACCOUNT_UNFREEZE:
    case OPERATION_ACCOUNT_CLOSE:
    case OPERATION_ACCOUNT_SHOW:
    case OPERATION_ACCOUNT_LIST:
    case OPERATION_BALANCE:
    case OPERATION_TRANSFER_SHOW:
    case OPERATION_HEALTH:
    case OPERATION_VERSION:
    case OPERATION_STATUS:
    case OPERATION_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}

/* The slot is free afterwards. Returns its partition, or -1: nobody had asked for this. */
static int64_t take_reply(struct load *self, const struct wire_reply *reply, int64_t now_ns)
{
    uint64_t at = reply->request_id & SLOT_MASK;
    if (at >= self->options->window || self->slots[at].request_id != reply->request_id) {
        self->result->malformed++;
        return -1;
    }
    struct slot *slot = &self->slots[at];
    if (self->is_counting) {
        histogram_add(&self->result->latency, now_ns - slot->started_ns);
        self->result->items += slot->items;
    }
    if (reply->code != CODE_OK)
        self->result->errors[reply->code] += slot->items;
    else if (!take_body(self, reply, slot->items))
        self->result->malformed++;
    slot->request_id = 0;
    self->free_slots[self->free_count++] = (uint32_t)at;
    self->in_flight--;
    return slot->partition;
}

/* ---- time ------------------------------------------------------------------------------------- */

static void watch_clock(struct load *self, int64_t now_ns)
{
    const struct load_options *options = self->options;
    if (!self->is_counting && !self->is_ending && now_ns >= self->counted_from_ns) {
        self->is_counting = true;
        self->counted_from_ns = now_ns;
    }
    bool is_over = options->duration_ns > 0 && now_ns >= self->end_ns;
    if (!is_over || self->is_ending)
        return;
    self->is_ending = true;
    self->is_counting = false;
    self->result->elapsed_ns = now_ns - self->counted_from_ns;
}

static enum load_end end_of(struct load *self)
{
    if (self->is_counting)
        self->result->elapsed_ns = line_now_ns() - self->counted_from_ns;
    self->result->unanswered = self->in_flight;
    if (self->has_failed)
        return LOAD_NO_MEMORY;
    return self->in_flight > 0 ? LOAD_SILENT : LOAD_DONE;
}

/* One answer, if one comes within timeout_us. false: none did. */
static bool receive(struct load *self, int64_t timeout_us, int64_t *partition)
{
    struct wire_reply reply;
    *partition = -1;
    switch (line_receive(self->line, timeout_us, &reply)) {
    case LINE_NOTHING:
        return false;
    case LINE_MALFORMED:
        self->result->malformed++;
        return true;
    case LINE_REPLY:
        self->quiet_since_ns = line_now_ns();
        watch_clock(self, self->quiet_since_ns);
        *partition = take_reply(self, &reply, self->quiet_since_ns);
        return true;
    }
    CHECK_UNREACHABLE();
}

/* ---- the two loops ---------------------------------------------------------------------------- */

/* A walk may have run out of one partition: then the slot serves another one. */
static void refill(struct load *self, uint32_t partition)
{
    for (uint32_t i = 0; i < self->options->partitions; i++) {
        if (send_one(self, (partition + i) % self->options->partitions, 0))
            return;
    }
}

static enum load_end run_closed(struct load *self)
{
    const struct load_options *options = self->options;
    uint32_t together = options->batch >= SMALL_BATCH ? 1 : TAKE_TOGETHER;
    int64_t freed[TAKE_TOGETHER];
    for (uint32_t i = 0; i < options->window; i++)
        refill(self, i % options->partitions);
    while (self->in_flight > 0 && !self->has_failed) {
        uint32_t count = 0;
        if (!receive(self, options->timeout_ns / 1000, &freed[count++]))
            break;
        while (count < together && receive(self, 0, &freed[count]))
            count++;
        for (uint32_t i = 0; i < count; i++) {
            if (freed[i] >= 0)
                refill(self, (uint32_t)freed[i]);
        }
    }
    return end_of(self);
}

static int64_t send_due(struct load *self, int64_t due_ns, double step_ns, uint64_t *sent, int64_t start_ns)
{
    while (!self->is_ending && due_ns <= line_now_ns()) {
        if (!send_one(self, self->next_partition, due_ns))
            return due_ns; /* it goes late, and counts so */
        self->next_partition = (self->next_partition + 1) % self->options->partitions;
        *sent += 1;
        due_ns = start_ns + (int64_t)((double)*sent * step_ns);
    }
    return due_ns;
}

static enum load_end run_open(struct load *self)
{
    const struct load_options *options = self->options;
    double step_ns = 1e9 * options->batch / options->rate;
    int64_t start_ns = line_now_ns();
    int64_t due_ns = start_ns;
    int64_t partition;
    uint64_t sent = 0;
    while (!self->has_failed) {
        watch_clock(self, line_now_ns());
        due_ns = send_due(self, due_ns, step_ns, &sent, start_ns);
        if (self->in_flight == 0 && (self->is_ending || items_left(self, self->next_partition) == 0))
            break;
        int64_t wait_us = self->is_ending ? options->timeout_ns / 1000 : (due_ns - line_now_ns()) / 1000;
        bool any = receive(self, wait_us > OPEN_LOOP_SLEEP_US ? wait_us : OPEN_LOOP_SLEEP_US, &partition);
        while (any && receive(self, 0, &partition))
            ;
        if (self->in_flight > 0 && line_now_ns() - self->quiet_since_ns > options->timeout_ns)
            break;
    }
    return end_of(self);
}

enum load_end load_run(struct line *line, struct workload *workload, const struct load_options *options,
                       struct load_result *result)
{
    struct load *self = calloc(1, sizeof *self);
    enum load_end end = LOAD_NO_MEMORY;
    if (self == NULL)
        return end;
    CHECK(options->window > 0 && options->window <= LOAD_WINDOW_MAX && options->batch > 0);
    *result = (struct load_result){0};
    *self = (struct load){.line = line, .workload = workload, .options = options, .result = result};
    random_seed(&self->random);
    self->slots = calloc(options->window, sizeof *self->slots);
    self->free_slots = calloc(options->window, sizeof *self->free_slots);
    self->rows = calloc(options->batch, sizeof *self->rows);
    if (self->slots != NULL && self->free_slots != NULL && self->rows != NULL) {
        while (self->free_count < options->window) {
            self->free_slots[self->free_count] = options->window - 1 - self->free_count;
            self->free_count++;
        }
        self->quiet_since_ns = line_now_ns();
        self->counted_from_ns = self->quiet_since_ns + options->warmup_ns;
        self->end_ns = self->counted_from_ns + options->duration_ns;
        watch_clock(self, self->quiet_since_ns);
        end = options->rate > 0 ? run_open(self) : run_closed(self);
    }
    mp_writer_release(&self->writer);
    free(self->rows);
    free(self->free_slots);
    free(self->slots);
    free(self);
    return end;
}
