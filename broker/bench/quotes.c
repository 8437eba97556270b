/* The FX desk under load: quotes, one a message, many in flight; or, for pairs, so many quotes and then one batch that exchanges all
 * of them.
 *
 * A slot is one round: its quotes are asked for, then, for pairs, its batch is sent once all of them are answered, and the next
 * round begins. A request id is the slot's number times STRIDE, and the quote's within it, or STRIDE - 1 for the batch. The
 * accounts of the workload pay, and one account of dollars in each partition receives.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "actors/base/rate.h"
#include "broker/bench/clock.h"
#include "broker/bench/line.h"
#include "broker/bench/load.h"
#include "broker/bench/random.h"
#include "broker/wire/desk.h"
#include "broker/wire/items.h"

enum { STRIDE = 1 << 14, AMOUNT_MIN = 10000, AMOUNT_SPAN = 90000, SPREAD_PPM = 10000, US_PER_MS = 1000 };

_Static_assert((int)LOAD_QUOTES_MAX < (int)STRIDE, "a round's request ids fit");

#define SECOND_US INT64_C(1000000)

/* Of one round. */
struct promise {
    struct str account;
    struct uuid id;
    int64_t sent_ns;
};

struct round {
    struct promise *promises;
    uint32_t waiting; /* answers to quotes */
    uint32_t partition;
    int64_t sent_ns; /* the batch of exchanges */
    bool is_exchanging;
};

struct quotes {
    struct line *line;
    struct workload *workload;
    const struct load_options *options;
    struct load_result *result;
    struct random_source random;
    struct run_clock clock;
    struct round *rounds;
    struct promise *promises; /* of all rounds */
    struct ledger_row *rows;
    uint64_t in_flight; /* messages */
    struct mp_writer writer;
    char receivers[LEDGER_PARTITIONS_MAX][ACCOUNT_ID_MAX + 1];
};

/* ---- what has to be there ----------------------------------------------------------------------- */

/* "usd0", "usd1", …: the first that belongs to the partition. */
static bool open_receiver(struct quotes *self, struct teller *client, uint32_t partition)
{
    struct teller_account account;
    struct teller_answer answer;
    char *id = self->receivers[partition];
    uint32_t number = 0;
    do {
        snprintf(id, ACCOUNT_ID_MAX + 1, "usd%u", number++);
    } while (ledger_partition_of(str_from(id), self->options->partitions) != partition);
    const struct teller_account_command command = {
        .kind = TELLER_ACCOUNT_OPEN,
        .account = str_from(id),
        .owner = STR_LITERAL("bench"),
        .currency = currency_find("USD", 3),
        .ceiling = TELLER_CEILING_NONE,
    };
    return teller_account(client, &command, &account, &answer) == ERR_OK && answer.code == CODE_OK;
}

static bool set_terms(struct teller *client)
{
    struct timespec now;
    struct teller_answer answer;
    clock_gettime(CLOCK_REALTIME, &now);
    const struct teller_rate rate = {.base = currency_find("USD", 3),
                                     .counter = currency_find("KRW", 3),
                                     .rate = 1350 * RATE_ONE,
                                     .units = 1,
                                     .as_of_us = now.tv_sec * SECOND_US,
                                     .age_limit_us = WIRE_AGE_LIMIT_MAX_S * SECOND_US,
                                     .source = "bench"};
    const struct teller_pair pair = {rate.base, rate.counter, SPREAD_PPM, WIRE_VALID_MAX_S * SECOND_US};
    return teller_rate_set(client, &rate, (struct str){0}, &answer) == ERR_OK && answer.code == CODE_OK &&
           teller_pair_set(client, &pair, (struct str){0}, &answer) == ERR_OK && answer.code == CODE_OK;
}

static bool prepare(struct quotes *self, struct teller *client)
{
    bool is_good = set_terms(client);
    for (uint32_t p = 0; p < self->options->partitions && is_good; p++)
        is_good = open_receiver(self, client, p);
    return is_good;
}

/* ---- what is sent --------------------------------------------------------------------------------- */

static void begin(struct quotes *self, uint64_t request_id, enum wire_operation operation, uint32_t partition)
{
    const struct wire_header header = {
        .operation = operation, .request_id = request_id, .partition = partition};
    mp_writer_reset(&self->writer);
    wire_header_write(&self->writer, &header);
}

static bool send(struct quotes *self)
{
    self->in_flight++;
    return line_send(self->line, &self->writer);
}

static bool ask_quotes(struct quotes *self, uint32_t number)
{
    struct round *round = &self->rounds[number];
    bool is_good = true;
    round->is_exchanging = false;
    round->waiting = self->options->batch;
    self->result->items_sent += self->options->batch;
    for (uint32_t i = 0; i < self->options->batch && is_good; i++) {
        struct promise *promise = &round->promises[i];
        *promise = (struct promise){workload_account(self->workload, round->partition),
                                    random_uuid(&self->random), clock_now_ns()};
        const struct ledger_quote_command command = {promise->id,
                                                     promise->account,
                                                     currency_find("KRW", 3),
                                                     currency_find("USD", 3),
                                                     QUOTE_SELL,
                                                     AMOUNT_MIN + random_below(&self->random, AMOUNT_SPAN)};
        begin(self, (uint64_t)number * STRIDE + i, OPERATION_QUOTE, round->partition);
        wire_quote_body_write(&self->writer, &command);
        is_good = send(self);
    }
    return is_good;
}

static bool exchange_all(struct quotes *self, uint32_t number)
{
    struct round *round = &self->rounds[number];
    begin(self, (uint64_t)number * STRIDE + STRIDE - 1, OPERATION_BATCH, round->partition);
    mp_write_array(&self->writer, self->options->batch);
    for (uint32_t i = 0; i < self->options->batch; i++) {
        const struct ledger_command command = {.kind = COMMAND_EXCHANGE,
                                               .currency = CURRENCY_NONE,
                                               .id = random_uuid(&self->random),
                                               .from = round->promises[i].account,
                                               .to = str_from(self->receivers[round->partition]),
                                               .of = round->promises[i].id};
        wire_item_write(&self->writer, &command);
    }
    round->is_exchanging = true;
    round->sent_ns = clock_now_ns();
    return send(self);
}

/* ---- what comes back ------------------------------------------------------------------------------ */

static void count(struct quotes *self, int64_t sent_ns, uint32_t items)
{
    int64_t now_ns = clock_now_ns();
    run_clock_watch(&self->clock, now_ns);
    if (self->clock.is_counting) {
        histogram_add(&self->result->latency, now_ns - sent_ns);
        self->result->items += items;
    }
}

static bool take_quote(struct quotes *self, struct round *round, uint32_t index,
                       const struct wire_reply *reply)
{
    struct ledger_quote_view view;
    const struct promise *promise = &round->promises[index];
    if (reply->code != CODE_OK)
        self->result->errors[reply->code]++;
    else if (!wire_quote_reply_read(reply, &view) || !uuid_equal(&view.id, &promise->id))
        self->result->malformed++;
    round->waiting--;
    if (self->options->kind == LOAD_QUOTES)
        count(self, promise->sent_ns, 1);
    return true;
}

static bool take_batch(struct quotes *self, const struct round *round, const struct wire_reply *reply)
{
    size_t row_count = 0;
    if (reply->code != CODE_OK)
        self->result->errors[reply->code] += self->options->batch;
    else if (!wire_rows_read(reply, self->rows, self->options->batch, &row_count) ||
             row_count != self->options->batch)
        self->result->malformed++;
    for (size_t i = 0; i < row_count; i++) {
        if (self->rows[i].code != CODE_OK)
            self->result->errors[self->rows[i].code]++;
    }
    count(self, round->sent_ns, self->options->batch);
    return true;
}

/* false: nobody had asked for it. */
static bool take(struct quotes *self, const struct wire_reply *reply, uint32_t *number)
{
    uint64_t slot = reply->request_id / STRIDE;
    uint32_t index = (uint32_t)(reply->request_id % STRIDE);
    if (slot >= self->options->window)
        return false;
    struct round *round = &self->rounds[slot];
    *number = (uint32_t)slot;
    self->in_flight--;
    if (index == STRIDE - 1)
        return round->is_exchanging && take_batch(self, round, reply);
    return !round->is_exchanging && round->waiting > 0 && index < self->options->batch &&
           take_quote(self, round, index, reply);
}

/* ---- a run ---------------------------------------------------------------------------------------- */

static bool is_enough(const struct quotes *self)
{
    uint64_t limit = self->options->item_limit;
    return self->clock.is_over || (limit > 0 && self->result->items_sent >= limit);
}

/* Behind an answer. false: nothing can be sent. */
static bool go_on(struct quotes *self, uint32_t number, bool is_batch)
{
    const struct round *round = &self->rounds[number];
    if (!is_batch && round->waiting > 0)
        return true;
    if (!is_batch && self->options->kind == LOAD_EXCHANGES)
        return exchange_all(self, number);
    return is_enough(self) || ask_quotes(self, number);
}

static enum load_end run(struct quotes *self, int64_t timeout_ms)
{
    struct wire_reply reply;
    uint32_t number = 0;
    bool is_good = true;
    for (; number < self->options->window && is_good && !is_enough(self); number++)
        is_good = ask_quotes(self, number);
    while (self->in_flight > 0 && is_good) {
        enum line_result got = line_receive(self->line, timeout_ms * US_PER_MS, &reply);
        if (got != LINE_REPLY || !take(self, &reply, &number)) {
            self->result->malformed += got != LINE_NOTHING;
            self->result->unanswered = self->in_flight;
            return LOAD_SILENT;
        }
        is_good = go_on(self, number, reply.request_id % STRIDE == STRIDE - 1);
    }
    return is_good ? LOAD_DONE : LOAD_FAILED;
}

static bool quotes_init(struct quotes *self, const char *endpoint)
{
    const struct load_options *options = self->options;
    random_seed(&self->random);
    self->line = line_new(endpoint);
    self->rounds = calloc(options->window, sizeof *self->rounds);
    self->promises = calloc((size_t)options->window * options->batch, sizeof *self->promises);
    self->rows = calloc(options->batch, sizeof *self->rows);
    if (self->line == NULL || self->rounds == NULL || self->promises == NULL || self->rows == NULL)
        return false;
    for (uint32_t i = 0; i < options->window; i++)
        self->rounds[i] = (struct round){.promises = self->promises + (size_t)i * options->batch,
                                         .partition = i % options->partitions};
    return true;
}

enum load_end load_quotes(struct teller *client, const char *endpoint, int64_t timeout_ms,
                          struct workload *workload, const struct load_options *options,
                          struct load_result *result)
{
    struct quotes self = {.workload = workload, .options = options, .result = result};
    enum load_end end = LOAD_FAILED;
    CHECK(options->batch > 0 && options->batch <= LOAD_QUOTES_MAX && options->window <= LOAD_WINDOW_MAX);
    *result = (struct load_result){0};
    bool is_good = quotes_init(&self, endpoint) && prepare(&self, client);
    run_clock_start(&self.clock, options->warmup_ns, options->duration_ns);
    if (is_good)
        end = run(&self, timeout_ms);
    result->elapsed_ns = run_clock_stop(&self.clock);
    mp_writer_release(&self.writer);
    free(self.rows);
    free(self.promises);
    free(self.rounds);
    line_destroy(&self.line);
    return end;
}
