/* See load.h. One thread. A slot is a message in flight; what comes back frees it for the next one. */
#include "broker/bench/load.h"

#include <stdlib.h>
#include <string.h>

#include "actors/ledger/ledger.h"
#include "broker/bench/clock.h"
#include "broker/bench/random.h"

enum {
    DRAW_CHUNK = 64,
    AMOUNT_MAX = 10000,
    OPEN_LOOP_POLL_MS = 1, /* the longest sleep of an open loop: answers wake it earlier */
};

#define FIRST_DEPOSIT INT64_C(100000000000)

struct load;

struct slot {
    struct load *load;
    int64_t started_ns; /* closed loop: sent; open loop: due */
    uint32_t partition;
    uint32_t items;
};

struct load {
    struct teller *client;
    struct teller_batch *batch;
    struct workload *workload;
    const struct load_options *options;
    struct load_result *result;
    struct random_source random;
    struct run_clock clock;
    struct slot *slots;
    struct slot **free_slots; /* a stack */
    uint32_t free_count;
    bool has_failed;
    uint32_t walk[LEDGER_PARTITIONS_MAX]; /* OPEN, DEPOSIT: the next account of each partition */
};

/* ---- what comes back -------------------------------------------------------------------------- */

static void count_result(struct load *self, const struct slot *slot, const struct teller_result *result)
{
    if (result->err == ERR_INVALID) {
        self->result->malformed++;
        return;
    }
    if (result->err != ERR_OK) {
        self->result->unanswered++;
        return;
    }
    if (result->row_count == 0 && result->answer.code != CODE_OK)
        self->result->errors[result->answer.code] += slot->items;
    for (uint32_t i = 0; i < result->row_count; i++) {
        if (__builtin_expect(result->rows[i].code != CODE_OK, 0))
            self->result->errors[result->rows[i].code]++;
    }
}

static void take_result(void *context, const struct teller_result *result)
{
    struct slot *slot = context;
    struct load *self = slot->load;
    int64_t now_ns = clock_now_ns();
    run_clock_watch(&self->clock, now_ns);
    if (self->clock.is_counting) {
        histogram_add(&self->result->latency, now_ns - slot->started_ns);
        self->result->items += slot->items;
    }
    count_result(self, slot, result);
    self->free_slots[self->free_count++] = slot;
}

/* ---- what is sent ----------------------------------------------------------------------------- */

static struct teller_item transfer_of(struct load *self, const struct workload_pair *pair)
{
    return (struct teller_item){
        .kind = TELLER_TRANSFER,
        .currency = currency_find("KRW", 3),
        .amount = 1 + random_below(&self->random, AMOUNT_MAX),
        .id = random_uuid(&self->random),
        .from = pair->from,
        .to = pair->to,
    };
}

static struct str walk_on(struct load *self, uint32_t partition)
{
    return workload_at(self->workload, partition, self->walk[partition]++);
}

/* The id is made of the account's, so that a second setup repeats the first one's deposits. */
static struct teller_item deposit_of(struct str account)
{
    struct teller_item item = {
        .kind = TELLER_DEPOSIT, .currency = currency_find("KRW", 3), .amount = FIRST_DEPOSIT, .to = account};
    memset(item.id.bytes, 0x80, sizeof item.id.bytes);
    memcpy(item.id.bytes, account.data, account.length);
    return item;
}

static enum err add_transfers(struct load *self, uint32_t partition, uint32_t count)
{
    struct workload_pair pairs[DRAW_CHUNK];
    enum err err = ERR_OK;
    while (count > 0 && err == ERR_OK) {
        uint32_t chunk = count < DRAW_CHUNK ? count : DRAW_CHUNK;
        workload_draw(self->workload, partition, pairs, chunk);
        for (uint32_t i = 0; i < chunk && err == ERR_OK; i++) {
            struct teller_item item = transfer_of(self, &pairs[i]);
            err = teller_batch_add(self->batch, &item);
        }
        count -= chunk;
    }
    return err;
}

/* Each hold is captured by the item behind it. */
static enum err add_holds(struct load *self, uint32_t partition, uint32_t count)
{
    struct workload_pair pairs[DRAW_CHUNK];
    enum err err = ERR_OK;
    for (uint32_t left = count / 2; left > 0 && err == ERR_OK;) {
        uint32_t chunk = left < DRAW_CHUNK ? left : DRAW_CHUNK;
        workload_draw(self->workload, partition, pairs, chunk);
        for (uint32_t i = 0; i < chunk && err == ERR_OK; i++) {
            struct teller_item item = transfer_of(self, &pairs[i]);
            item.kind = TELLER_HOLD;
            item.to = (struct str){0};
            err = teller_batch_add(self->batch, &item);
            item.kind = TELLER_CAPTURE;
            item.hold = item.id;
            item.id = random_uuid(&self->random);
            if (err == ERR_OK)
                err = teller_batch_add(self->batch, &item);
        }
        left -= chunk;
    }
    return err;
}

static enum err add_deposits(struct load *self, uint32_t partition, uint32_t count)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < count && err == ERR_OK; i++) {
        struct teller_item item = deposit_of(walk_on(self, partition));
        err = teller_batch_add(self->batch, &item);
    }
    return err;
}

static enum err submit_one(struct load *self, struct slot *slot)
{
    struct workload_pair pair;
    struct teller_item item;
    if (self->options->kind == LOAD_DEPOSIT) {
        item = deposit_of(walk_on(self, slot->partition));
    } else {
        workload_draw(self->workload, slot->partition, &pair, 1);
        item = transfer_of(self, &pair);
    }
    return teller_submit_item(self->client, &item, take_result, slot);
}

static enum err submit_open(struct load *self, struct slot *slot)
{
    const struct teller_account_command command = {
        .kind = TELLER_ACCOUNT_OPEN,
        .account = walk_on(self, slot->partition),
        .owner = STR_LITERAL("bench"),
        .currency = currency_find("KRW", 3),
        .ceiling = TELLER_CEILING_NONE,
    };
    return teller_submit_account(self->client, &command, take_result, slot);
}

static enum err submit(struct load *self, struct slot *slot, int64_t due_ns)
{
    enum err err = ERR_OK;
    slot->started_ns = due_ns > 0 ? due_ns : clock_now_ns();
    if (self->options->kind == LOAD_OPEN)
        return submit_open(self, slot);
    if (self->options->batch == 1)
        return submit_one(self, slot);
    err = self->options->kind == LOAD_DEPOSIT ? add_deposits(self, slot->partition, slot->items)
          : self->options->kind == LOAD_HOLDS ? add_holds(self, slot->partition, slot->items)
                                              : add_transfers(self, slot->partition, slot->items);
    if (due_ns == 0)
        slot->started_ns = clock_now_ns();
    return err == ERR_OK ? teller_submit(self->batch, take_result, slot) : err;
}

/* ---- when it is sent -------------------------------------------------------------------------- */

/* How many items the next message to the partition takes; 0: there are none left for it. */
static uint32_t items_left(const struct load *self, uint32_t partition)
{
    const struct load_options *options = self->options;
    uint64_t left = options->batch;
    if (options->item_limit > 0 && options->item_limit - self->result->items_sent < left)
        left = options->item_limit - self->result->items_sent;
    if (options->kind != LOAD_TRANSFERS && options->kind != LOAD_HOLDS &&
        workload_count(self->workload, partition) - self->walk[partition] < left)
        left = workload_count(self->workload, partition) - self->walk[partition];
    return (uint32_t)left;
}

/* Sends one message to the partition, if there is a slot and anything left to send. */
static bool send_one(struct load *self, uint32_t partition, int64_t due_ns)
{
    uint32_t items = self->clock.is_over ? 0 : items_left(self, partition);
    if (items == 0 || self->free_count == 0 || self->has_failed)
        return false;
    struct slot *slot = self->free_slots[--self->free_count];
    *slot = (struct slot){.load = self, .partition = partition, .items = items};
    self->result->items_sent += items;
    self->has_failed = submit(self, slot, due_ns) != ERR_OK;
    return !self->has_failed;
}

/* Every free slot sends again to the partition that has just answered it. A walk may have run out of one partition: then
 * the slot serves another one. */
static void refill(struct load *self)
{
    uint32_t partitions = self->options->partitions;
    bool is_sent = true;
    while (self->free_count > 0 && is_sent) {
        uint32_t partition = self->free_slots[self->free_count - 1]->partition;
        is_sent = false;
        for (uint32_t i = 0; i < partitions && !is_sent; i++)
            is_sent = send_one(self, (partition + i) % partitions, 0);
    }
}

static void run_closed(struct load *self)
{
    refill(self);
    while (teller_in_flight(self->client) > 0 && !self->has_failed) {
        teller_poll(self->client, -1);
        refill(self);
    }
}

static void run_open(struct load *self)
{
    const struct load_options *options = self->options;
    double step_ns = 1e9 * options->batch / options->rate;
    int64_t start_ns = clock_now_ns();
    uint64_t sent = 0;
    while (!self->has_failed && !self->clock.is_over) {
        uint32_t partition = (uint32_t)(sent % options->partitions);
        int64_t due_ns = start_ns + (int64_t)((double)sent * step_ns);
        int64_t now_ns = clock_now_ns();
        run_clock_watch(&self->clock, now_ns);
        if (items_left(self, partition) == 0)
            break;
        if (due_ns <= now_ns && send_one(self, partition, due_ns))
            sent++;
        else
            teller_poll(self->client, OPEN_LOOP_POLL_MS);
    }
    teller_drain(self->client);
}

/* ---- life ------------------------------------------------------------------------------------- */

static bool load_init(struct load *self)
{
    uint32_t window = self->options->window;
    random_seed(&self->random);
    self->batch = teller_batch_new(self->client);
    self->slots = calloc(window, sizeof *self->slots);
    self->free_slots = calloc(window, sizeof *self->free_slots);
    if (self->batch == NULL || self->slots == NULL || self->free_slots == NULL)
        return false;
    for (uint32_t i = window; i-- > 0;) {
        self->slots[i].partition = i % self->options->partitions;
        self->free_slots[self->free_count++] = &self->slots[i];
    }
    return true;
}

static enum load_end end_of(struct load *self)
{
    self->result->elapsed_ns = run_clock_stop(&self->clock);
    if (self->has_failed)
        return LOAD_FAILED;
    return self->result->unanswered > 0 ? LOAD_SILENT : LOAD_DONE;
}

enum load_end load_run(struct teller *client, struct workload *workload, const struct load_options *options,
                       struct load_result *result)
{
    struct load self = {.client = client, .workload = workload, .options = options, .result = result};
    CHECK(options->window > 0 && options->window <= LOAD_WINDOW_MAX && options->batch > 0);
    *result = (struct load_result){0};
    self.has_failed = !load_init(&self);
    run_clock_start(&self.clock, options->warmup_ns, options->duration_ns);
    if (!self.has_failed && options->rate > 0)
        run_open(&self);
    else if (!self.has_failed)
        run_closed(&self);
    enum load_end end = end_of(&self);
    teller_batch_destroy(&self.batch);
    free(self.free_slots);
    free(self.slots);
    return end;
}
