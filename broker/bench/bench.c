/* teller bench: a load generator. It opens the accounts it needs, runs one load, and prints what it measured. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "actors/ledger/ledger.h"
#include "broker/bench/clock.h"
#include "broker/bench/load.h"
#include "broker/command.h"
#include "broker/options.h"
#include "broker/wire/msgpack.h"
#include "clients/c/teller.h"

enum {
    NS_PER_MS = 1000000,
    ACCOUNTS_MAX = 100000000,
    OPEN_WINDOW = 2048, /* well below a partition's queue */
    DEPOSIT_BATCH = 8000,
    DEPOSIT_WINDOW = 4,
    CLOSED_WINDOW = 8,
    OPEN_LOOP_WINDOW = 8192,
    QUOTES_WINDOW = 256,
    EXCHANGES_BATCH = 100,
    BATCH = 8000,
    STATUS_DEPTH = 4,
};

struct bench {
    const char *connect;
    uint64_t accounts, batch, window, item_limit, rate;
    const char *cross_share_text, *zipf_text;
    double cross_share, zipf;
    int64_t duration_ms, warmup_ms, timeout_ms;
    bool setup, setup_only, hot_one, history, hold, quote, exchange, allow_errors, json;
    uint32_t partitions;
    struct teller *client;
    struct workload *workload;
    struct load_result result;
    uint64_t journal_bytes, journal_bytes_before;
    double client_ns; /* processor time of this process for each item */
};

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "teller bench: %s%s\n", what, why);
    return EXIT_CODE_ERROR;
}

/* ---- what the node says ----------------------------------------------------------------------- */

static bool learn_partitions(struct bench *self)
{
    struct teller_version version;
    struct teller_answer answer;
    bool is_good = teller_version(self->client, &version, &answer) == ERR_OK && answer.code == CODE_OK;
    self->partitions = is_good ? version.partitions : 0;
    return is_good;
}

/* Adds the journal_bytes of one partition's map. */
static bool add_journal_bytes(struct mp_reader *r, uint64_t *sum)
{
    uint32_t count;
    if (!mp_read_map(r, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct str key;
        uint64_t value;
        if (!mp_read_str(r, &key))
            return false;
        if (str_equal(key, STR_LITERAL("journal_bytes")) && mp_read_uint(r, &value))
            *sum += value;
        else if (!mp_skip(r, STATUS_DEPTH))
            return false;
    }
    return true;
}

static bool ask_journal_bytes(struct bench *self, uint64_t *sum)
{
    struct teller_answer answer;
    struct str body;
    uint32_t keys, count;
    *sum = 0;
    if (teller_status(self->client, &body, &answer) != ERR_OK || answer.code != CODE_OK)
        return false;
    struct mp_reader r = mp_reader_of(body.data, body.length);
    if (!mp_read_map(&r, &keys))
        return false;
    for (uint32_t i = 0; i < keys; i++) {
        struct str key;
        if (!mp_read_str(&r, &key))
            return false;
        if (!str_equal(key, STR_LITERAL("partitions")) || !mp_read_array(&r, &count)) {
            if (!mp_skip(&r, STATUS_DEPTH))
                return false;
            continue;
        }
        for (uint32_t p = 0; p < count; p++) {
            if (!add_journal_bytes(&r, sum))
                return false;
        }
    }
    return true;
}

/* ---- one load --------------------------------------------------------------------------------- */

static uint64_t error_count(const struct load_result *result)
{
    uint64_t count = result->malformed;
    for (int code = 0; code < CODE_COUNT; code++)
        count += result->errors[code];
    return count;
}

static void print_errors(const struct load_result *result)
{
    for (int code = 0; code < CODE_COUNT; code++) {
        if (result->errors[code] > 0)
            fprintf(stderr, "teller bench: %s: %llu\n", code_name((enum code)code),
                    (unsigned long long)result->errors[code]);
    }
    if (result->errors[CODE_ACCOUNT_NOT_FOUND] > 0)
        fprintf(stderr, "teller bench: open the accounts first: --setup\n");
    if (result->malformed > 0)
        fprintf(stderr, "teller bench: answers that cannot be read: %llu\n",
                (unsigned long long)result->malformed);
}

static int judge(const struct bench *self, enum load_end end)
{
    switch (end) {
    case LOAD_DONE:
        break;
    case LOAD_SILENT:
        fprintf(stderr, "teller bench: %llu messages were left without an answer\n",
                (unsigned long long)self->result.unanswered);
        return EXIT_CODE_ERROR;
    case LOAD_FAILED:
        return fail("out of memory, or the connection cannot be made", "");
    }
    if (error_count(&self->result) > 0 && !self->allow_errors) {
        print_errors(&self->result);
        return EXIT_CODE_ERROR;
    }
    return EXIT_CODE_OK;
}

static uint32_t or_default(uint64_t value, uint32_t normal)
{
    return value > 0 ? (uint32_t)value : normal;
}

static enum load_kind kind_of(const struct bench *self)
{
    if (self->hold)
        return LOAD_HOLDS;
    if (self->quote)
        return LOAD_QUOTES;
    return self->exchange ? LOAD_EXCHANGES : LOAD_TRANSFERS;
}

static uint32_t window_of(const struct bench *self)
{
    uint32_t normal = self->rate > 0 ? OPEN_LOOP_WINDOW : self->quote ? QUOTES_WINDOW : CLOSED_WINDOW;
    return or_default(self->window, normal);
}

static struct load_options load_options_of(const struct bench *self)
{
    return (struct load_options){
        .kind = kind_of(self),
        .partitions = self->partitions,
        .batch = (uint32_t)self->batch,
        .window = window_of(self),
        .rate = (double)self->rate,
        .warmup_ns = self->warmup_ms * NS_PER_MS,
        .duration_ns = self->duration_ms * NS_PER_MS,
        .item_limit = self->item_limit,
    };
}

static int run_setup(struct bench *self)
{
    struct load_options options = load_options_of(self);
    int64_t started_ns = clock_now_ns();
    options.duration_ns = options.warmup_ns = 0;
    options.item_limit = 0;
    options.rate = 0;
    options.kind = LOAD_OPEN;
    options.batch = 1;
    options.window = OPEN_WINDOW;
    int code = judge(self, load_run(self->client, self->workload, &options, &self->result));
    options.kind = LOAD_DEPOSIT;
    options.batch = DEPOSIT_BATCH;
    options.window = DEPOSIT_WINDOW;
    if (code == EXIT_CODE_OK)
        code = judge(self, load_run(self->client, self->workload, &options, &self->result));
    if (code == EXIT_CODE_OK)
        fprintf(stderr, "%llu accounts are open and have money, after %.1f s\n",
                (unsigned long long)self->accounts, (double)(clock_now_ns() - started_ns) / 1e9);
    return code;
}

static double processor_ns(void)
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e9 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e3;
}

static enum load_end run_kind(struct bench *self, const struct load_options *options)
{
    if (self->history)
        return load_histories(self->connect, self->timeout_ms, self->workload, options, &self->result);
    if (self->quote || self->exchange)
        return load_quotes(self->client, self->connect, self->timeout_ms, self->workload, options,
                           &self->result);
    return load_run(self->client, self->workload, options, &self->result);
}

static int run_measured(struct bench *self)
{
    struct load_options options = load_options_of(self);
    if (!ask_journal_bytes(self, &self->journal_bytes_before))
        return fail("the node does not answer a status request", "");
    double before_ns = processor_ns();
    int code = judge(self, run_kind(self, &options));
    if (code != EXIT_CODE_OK)
        return code;
    if (self->result.items_sent > 0)
        self->client_ns = (processor_ns() - before_ns) / (double)self->result.items_sent;
    if (!ask_journal_bytes(self, &self->journal_bytes))
        return fail("the node does not answer a status request", "");
    return EXIT_CODE_OK;
}

/* ---- the report ------------------------------------------------------------------------------- */

struct figure {
    const char *name;
    double value;
    int decimals;
};

static double latency_ms(const struct bench *self, double share)
{
    return (double)histogram_at(&self->result.latency, share) / 1e6;
}

static void print_figures(const struct bench *self, const struct figure *figures, size_t count)
{
    const char *separator = self->json ? "{" : "";
    for (size_t i = 0; i < count; i++) {
        if (self->json)
            printf("%s\"%s\": %.*f", separator, figures[i].name, figures[i].decimals, figures[i].value);
        else
            printf("%-20s %.*f\n", figures[i].name, figures[i].decimals, figures[i].value);
        separator = ", ";
    }
}

static void print_report_errors(const struct bench *self)
{
    const struct load_result *result = &self->result;
    const char *separator = "";
    if (!self->json) {
        print_errors(result);
        return;
    }
    printf(", \"errors\": {");
    for (int code = 0; code < CODE_COUNT; code++) {
        if (result->errors[code] > 0) {
            printf("%s\"%s\": %llu", separator, code_name((enum code)code),
                   (unsigned long long)result->errors[code]);
            separator = ", ";
        }
    }
    if (result->malformed > 0)
        printf("%s\"malformed\": %llu", separator, (unsigned long long)result->malformed);
    printf("}}\n");
}

static const char *rate_name(const struct bench *self)
{
    if (self->quote)
        return "quotes_per_s";
    if (self->exchange)
        return "exchange_pairs_per_s";
    return self->history ? "histories_per_s" : self->hold ? "hold_items_per_s" : "transfers_per_s";
}

static void print_report(const struct bench *self)
{
    const struct load_options options = load_options_of(self);
    const struct load_result *result = &self->result;
    double seconds = (double)result->elapsed_ns / 1e9;
    double rate = seconds > 0 ? (double)result->items / seconds : 0;
    double sent = (double)(result->items_sent > 0 ? result->items_sent : 1);
    bool crosses =
        self->partitions > 1 && !self->history && !self->quote && !self->exchange && !self->hot_one;
    const struct figure figures[] = {
        {rate_name(self), rate, 0},
        {"hold_pairs_per_s", self->hold ? rate / 2 : 0, 0},
        {"accounts", (double)self->accounts, 0},
        {"partitions", self->partitions, 0},
        {"cross_share", crosses ? self->cross_share : 0, 2},
        {"batch", (double)self->batch, 0},
        {"window", options.window, 0},
        {"p50_ms", latency_ms(self, 0.5), 3},
        {"p99_ms", latency_ms(self, 0.99), 3},
        {"p999_ms", latency_ms(self, 0.999), 3},
        {"max_ms", (double)result->latency.max_ns / 1e6, 3},
        {"bytes_per_transfer", (double)(self->journal_bytes - self->journal_bytes_before) / sent, 1},
        {"rate", (double)self->rate, 0},
        {"zipf", self->zipf, 2},
        {"hot_one", self->hot_one, 0},
        {"seconds", seconds, 2},
        {"items", (double)result->items, 0},
        {"entries_per_item", (double)result->entries / sent, 1},
        {"client_ns_per_item", self->client_ns, 0},
    };
    print_figures(self, figures, sizeof figures / sizeof *figures);
    print_report_errors(self);
}

/* ---- the command ------------------------------------------------------------------------------ */

static bool read_share(const char *text, double maximum, double *out)
{
    char *end = NULL;
    if (text == NULL)
        return true;
    *out = strtod(text, &end);
    return *end == '\0' && *out >= 0 && *out <= maximum;
}

static int run(struct bench *self)
{
    int code = EXIT_CODE_OK;
    if (!learn_partitions(self))
        return fail("no node answers at ", self->connect);
    const struct workload_options options = {
        .accounts = (uint32_t)self->accounts,
        .partitions = self->partitions,
        .cross_share = self->cross_share,
        .zipf = self->zipf,
        .hot_one = self->hot_one,
    };
    self->workload = workload_new(&options);
    if (self->workload == NULL)
        return fail("out of memory, or too few accounts for each partition", "");
    if (self->setup || self->setup_only)
        code = run_setup(self);
    if (code != EXIT_CODE_OK || self->setup_only)
        return code;
    code = run_measured(self);
    if (code == EXIT_CODE_OK)
        print_report(self);
    return code;
}

static int connect_and_run(struct bench *self)
{
    struct teller_options options = teller_options_default();
    uint32_t window = load_options_of(self).window;
    options.endpoint = self->connect;
    options.timeout_ms = self->timeout_ms;
    options.retries = 0;
    options.window = window > OPEN_WINDOW ? window : OPEN_WINDOW;
    self->client = teller_new(&options);
    if (self->client == NULL)
        return fail("cannot connect: ", strerror(errno));
    int code = run(self);
    workload_destroy(&self->workload);
    teller_destroy(&self->client);
    return code;
}

/* What options may not be together; says why. */
static bool is_possible(const struct bench *self)
{
    const char *why = NULL;
    bool is_desk = self->quote || self->exchange;
    if (self->history + self->hold + self->quote + self->exchange > 1)
        why = "--history, --hold, --quote and --exchange are loads of their own";
    else if (self->hold && (self->batch % 2 != 0 || self->item_limit % 2 != 0))
        why = "with --hold, --batch and --transfers are even numbers";
    else if (is_desk && self->rate > 0)
        why = "--quote and --exchange have no open loop";
    else if (is_desk && self->batch * window_of(self) > LOAD_QUOTES_MAX)
        why = "--quote and --exchange have at most 2048 quotes in flight: --batch times --window";
    if (why != NULL)
        fprintf(stderr, "teller bench: %s\n", why);
    return why == NULL;
}

int command_bench(int argc, char **argv)
{
    struct bench self = {.connect = "tcp://127.0.0.1:7700",
                         .accounts = 1000000,
                         .duration_ms = 10000,
                         .warmup_ms = 1000,
                         .timeout_ms = 30000};
    const struct option_row rows[] = {
        {.name = "connect",
         .letter = 'c',
         .type = OPTION_TEXT,
         .out = &self.connect,
         .value = "ENDPOINT",
         .help = "the node (tcp://127.0.0.1:7700)"},
        {.name = "setup",
         .type = OPTION_FLAG,
         .out = &self.setup,
         .help = "first open the accounts and give them money; may be repeated"},
        {.name = "setup-only", .type = OPTION_FLAG, .out = &self.setup_only, .help = "do no more than that"},
        {.name = "accounts",
         .letter = 'a',
         .type = OPTION_NUMBER,
         .out = &self.accounts,
         .value = "N",
         .help = "accounts a0000001 to N (1000000)",
         .minimum = 2,
         .maximum = ACCOUNTS_MAX},
        {.name = "batch",
         .letter = 'b',
         .type = OPTION_NUMBER,
         .out = &self.batch,
         .value = "N",
         .help = "transfers of a message (8000; with --exchange 100)",
         .minimum = 1,
         .maximum = LEDGER_BATCH_MAX},
        {.name = "window",
         .letter = 'w',
         .type = OPTION_NUMBER,
         .out = &self.window,
         .value = "N",
         .help = "messages in flight (8; with --quote 256; with --rate at most 8192)",
         .minimum = 1,
         .maximum = LOAD_WINDOW_MAX},
        {.name = "cross-share",
         .type = OPTION_TEXT,
         .out = &self.cross_share_text,
         .value = "S",
         .help = "share of transfers to another partition, 0 to 1 (0)"},
        {.name = "zipf",
         .type = OPTION_TEXT,
         .out = &self.zipf_text,
         .value = "S",
         .help = "skew: the k-th account weighs k^-S (0)"},
        {.name = "hot-one", .type = OPTION_FLAG, .out = &self.hot_one, .help = "all pay the same account"},
        {.name = "history",
         .type = OPTION_FLAG,
         .out = &self.history,
         .help = "read the last 20 entries of accounts instead"},
        {.name = "hold",
         .type = OPTION_FLAG,
         .out = &self.hold,
         .help = "open holds and capture them instead: a message is as many items, half of them captures"},
        {.name = "quote",
         .type = OPTION_FLAG,
         .out = &self.quote,
         .help = "ask for quotes instead, one a message; sets the rate of dollars"},
        {.name = "exchange",
         .type = OPTION_FLAG,
         .out = &self.exchange,
         .help = "exchange instead: as many quotes as --batch says, then a message that exchanges them"},
        {.name = "rate",
         .letter = 'r',
         .type = OPTION_NUMBER,
         .out = &self.rate,
         .value = "N",
         .help = "open loop: transfers a second; latency counts from when each was due",
         .minimum = 1},
        {.name = "seconds",
         .letter = 's',
         .type = OPTION_DURATION,
         .out = &self.duration_ms,
         .value = "TIME",
         .help = "how long to measure (10s)"},
        {.name = "warmup",
         .type = OPTION_DURATION,
         .out = &self.warmup_ms,
         .value = "TIME",
         .help = "how long before, not counted (1s)"},
        {.name = "transfers",
         .letter = 'n',
         .type = OPTION_NUMBER,
         .out = &self.item_limit,
         .value = "N",
         .help = "end after so many, without a warm-up",
         .minimum = 1},
        {.name = "timeout",
         .type = OPTION_DURATION,
         .out = &self.timeout_ms,
         .value = "TIME",
         .help = "give up when nothing is answered for so long (30s)",
         .minimum = 1},
        {.name = "allow-errors",
         .type = OPTION_FLAG,
         .out = &self.allow_errors,
         .help = "count answers other than OK instead of failing"},
        {.name = "json", .type = OPTION_FLAG, .out = &self.json, .help = "one line of JSON"},
    };
    const struct manual manual = {
        .usage = "teller bench [options]",
        .summary =
            "Measures a node with transfers between accounts of its own (or, with --history, reads;\n"
            "with --hold, holds that are captured; with --quote and --exchange, the FX desk). Every\n"
            "answer is checked; any that is not OK fails the run. It moves money: use a ledger made for it.",
        .examples = "  teller bench --setup --accounts 1000000 --cross-share 0.5 --json\n"
                    "  teller bench --batch 1 --window 256 --seconds 30s\n"
                    "  teller bench --batch 1 --rate 50000",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
    };
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (self.quote || self.batch == 0)
        self.batch = self.quote ? 1 : self.exchange ? EXCHANGES_BATCH : BATCH;
    if (!is_possible(&self))
        return EXIT_CODE_USAGE;
    if (!read_share(self.cross_share_text, 1, &self.cross_share) ||
        !read_share(self.zipf_text, 10, &self.zipf)) {
        fprintf(stderr, "teller bench: --cross-share is 0 to 1, --zipf 0 to 10\nSee: teller bench --help\n");
        return EXIT_CODE_USAGE;
    }
    if (self.item_limit > 0)
        self.duration_ms = self.warmup_ms = 0;
    if (self.duration_ms == 0 && self.item_limit == 0)
        self.duration_ms = 1;
    return connect_and_run(&self);
}
