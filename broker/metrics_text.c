/* A walk for each row of the table: samples of one figure must stand together in the text. */
#include "broker/metrics_text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "actors/base/figures.h"

enum kind { COUNTER, GAUGE, HISTOGRAM };
enum unit { PLAIN, MICROSECONDS };

enum { LABELS_MAX = 3, LINE_MAX = 512 };

struct metric {
    const char *path; /* keys from the answer's map on, with '/' between; arrays on the way are walked */
    const char *name, *help;
    enum kind kind;
    enum unit unit;
    const char *const *labels; /* keys beside those of the path; NULL-terminated, at most LABELS_MAX */
};

static const char *const by_partition[] = {"partition", NULL};
static const char *const by_command[] = {"partition", "kind", "code", NULL};
static const char *const by_queue[] = {"queue", NULL};
static const char *const by_operation[] = {"operation", NULL};
static const char *const by_answer[] = {"operation", "code", NULL};
static const char *const by_pair[] = {"partition", "base", "counter", NULL};
static const char *const by_source[] = {"source", NULL};
static const char *const by_subscriber[] = {"name", "kind", NULL};
static const char *const by_bank[] = {"bank", NULL};
static const char *const by_nothing[] = {NULL};

static const struct metric metrics[] = {
    {"uptime_us", "teller_uptime_seconds", "Time since the node started.", GAUGE, MICROSECONDS, by_nothing},
    /* the router */
    {"router/requests", "teller_requests_read_total", "Requests read from clients.", COUNTER, PLAIN,
     by_nothing},
    {"router/replies", "teller_replies_total", "Replies sent to clients.", COUNTER, PLAIN, by_nothing},
    {"router/busy", "teller_busy_total", "Requests, or parts of them, answered BUSY by the router.", COUNTER,
     PLAIN, by_nothing},
    {"router/bad", "teller_bad_total", "Requests refused by the router for what they say.", COUNTER, PLAIN,
     by_nothing},
    {"router/dropped", "teller_dropped_total",
     "Messages with too many frames, and replies that no client took.", COUNTER, PLAIN, by_nothing},
    {"router/connections_opened", "teller_connections_opened_total", "Connections of clients.", COUNTER,
     PLAIN, by_nothing},
    {"router/connections_closed", "teller_connections_closed_total", "Of these, ended or broken.", COUNTER,
     PLAIN, by_nothing},
    {"router/handshakes_failed", "teller_handshakes_failed_total", "Of these, without a handshake.", COUNTER,
     PLAIN, by_nothing},
    {"router/bytes", "teller_bytes_in_flight", "Bytes of requests without an answer.", GAUGE, PLAIN,
     by_nothing},
    {"router/bytes_highest", "teller_bytes_in_flight_highest", "The most there have been.", GAUGE, PLAIN,
     by_nothing},
    {"router/queues/serving", "teller_queue_serving", "1: the actor behind the queue serves.", GAUGE, PLAIN,
     by_queue},
    {"router/queues/requests", "teller_queue_requests", "Requests without an answer.", GAUGE, PLAIN,
     by_queue},
    {"router/queues/requests_highest", "teller_queue_requests_highest", "The most there have been.", GAUGE,
     PLAIN, by_queue},
    {"router/queues/bytes", "teller_queue_bytes", "Bytes of requests without an answer.", GAUGE, PLAIN,
     by_queue},
    {"router/queues/bytes_highest", "teller_queue_bytes_highest", "The most there have been.", GAUGE, PLAIN,
     by_queue},
    {"router/answers/count", "teller_answers_total", "Answers to clients.", COUNTER, PLAIN, by_answer},
    {"router/times_us", "teller_answer_seconds", "Time from a request's arrival to its answer.", HISTOGRAM,
     MICROSECONDS, by_operation},
    /* partitions */
    {"partitions/accounts", "teller_accounts", "Accounts of customers.", GAUGE, PLAIN, by_partition},
    {"partitions/postings", "teller_postings_total", "Postings since the journal began.", COUNTER, PLAIN,
     by_partition},
    {"partitions/refusals", "teller_refusals_total", "Refusals that are remembered, since the journal began.",
     COUNTER, PLAIN, by_partition},
    {"partitions/commands/count", "teller_commands_total", "Commands on money, by what came of them.",
     COUNTER, PLAIN, by_command},
    {"partitions/ids_in_memory", "teller_ids_in_memory", "Transaction ids in memory.", GAUGE, PLAIN,
     by_partition},
    {"partitions/ids_stored", "teller_ids_stored", "Transaction ids in the state store.", GAUGE, PLAIN,
     by_partition},
    {"partitions/transfers_in_transit", "teller_transfers_in_transit",
     "Transfers on their way to another partition.", GAUGE, PLAIN, by_partition},
    {"partitions/groups_open", "teller_groups_open", "Groups over several partitions that are not decided.",
     GAUGE, PLAIN, by_partition},
    {"partitions/holds_open", "teller_holds_open", "Open holds.", GAUGE, PLAIN, by_partition},
    {"partitions/holds_oldest_us", "teller_hold_oldest_seconds",
     "Time since the oldest open hold was opened.", GAUGE, MICROSECONDS, by_partition},
    {"partitions/proposals_open", "teller_proposals_open", "Proposals that wait for a second operator.",
     GAUGE, PLAIN, by_partition},
    {"partitions/remittances_open", "teller_remittances_open", "Remittances that are under way.", GAUGE,
     PLAIN, by_partition},
    {"partitions/remittances_listed", "teller_remittances_listed",
     "Of these, on a failure list or dead letters.", GAUGE, PLAIN, by_partition},
    {"partitions/remittances_unknown", "teller_remittances_unknown",
     "Of these, with a bank whose answer is not known.", GAUGE, PLAIN, by_partition},
    {"partitions/remittances_alarmed", "teller_remittances_alarmed",
     "Of these, under way for too long, or contradicted by their bank.", GAUGE, PLAIN, by_partition},
    {"partitions/remittances_oldest_us", "teller_remittance_oldest_seconds",
     "Time since the oldest of them was requested.", GAUGE, MICROSECONDS, by_partition},
    {"partitions/resends", "teller_resends_total",
     "Quiet seconds after which peers were sent what they had not answered.", COUNTER, PLAIN, by_partition},
    {"partitions/commits", "teller_commits_total", "Commits to the journal.", COUNTER, PLAIN, by_partition},
    {"partitions/facts", "teller_facts_total", "Facts in them.", COUNTER, PLAIN, by_partition},
    {"partitions/append_us", "teller_append_seconds", "Time of a commit to the journal.", HISTOGRAM,
     MICROSECONDS, by_partition},
    {"partitions/append_bytes", "teller_append_bytes", "Bytes of facts in a commit.", HISTOGRAM, PLAIN,
     by_partition},
    {"partitions/apply_us", "teller_apply_seconds", "Time of a commit to the state store.", HISTOGRAM,
     MICROSECONDS, by_partition},
    {"partitions/since_commit_us", "teller_since_commit_seconds", "Time since the last commit.", GAUGE,
     MICROSECONDS, by_partition},
    {"partitions/position", "teller_position", "End of the journal, in words of 8 bytes.", GAUGE, PLAIN,
     by_partition},
    {"partitions/checkpoint_lag", "teller_checkpoint_lag",
     "What a restart would replay, in words of 8 bytes.", GAUGE, PLAIN, by_partition},
    {"partitions/memory_bytes", "teller_memory_bytes", "Memory of the ledger.", GAUGE, PLAIN, by_partition},
    {"partitions/journal_bytes", "teller_journal_bytes", "Bytes of the journal in use.", GAUGE, PLAIN,
     by_partition},
    {"partitions/journal_limit_bytes", "teller_journal_limit_bytes", "The most it can have.", GAUGE, PLAIN,
     by_partition},
    {"partitions/journal_percent", "teller_journal_percent",
     "How full the journal is: above 85 new money is BUSY.", GAUGE, PLAIN, by_partition},
    {"partitions/quotes", "teller_quotes_total", "Quotes given since the journal began.", COUNTER, PLAIN,
     by_partition},
    {"partitions/rates/age_us", "teller_rate_age_seconds", "Age of a rate that quotes are made of.", GAUGE,
     MICROSECONDS, by_pair},
    {"partitions/rates/stale", "teller_rate_stale", "1: it is older than its limit, and quotes are refused.",
     GAUGE, PLAIN, by_pair},
    /* the rate feed */
    {"ratefeed/sources/age_us", "teller_feed_age_seconds", "Time since a source was last read with success.",
     GAUGE, MICROSECONDS, by_source},
    {"ratefeed/sources/failures", "teller_feed_failures", "Failures of a source in a row.", GAUGE, PLAIN,
     by_source},
    {"ratefeed/sources/waiting", "teller_feed_review", "Rates of a source that wait for an operator.", GAUGE,
     PLAIN, by_source},
    /* the publisher */
    {"publisher/subscribers/lag", "teller_subscriber_lag", "Events that a subscriber was not sent, about.",
     GAUGE, PLAIN, by_subscriber},
    {"publisher/subscribers/delivered", "teller_subscriber_delivered_total", "Events that it has taken.",
     COUNTER, PLAIN, by_subscriber},
    {"publisher/subscribers/failures", "teller_subscriber_failures_total", "Deliveries that failed.", COUNTER,
     PLAIN, by_subscriber},
    {"publisher/subscribers/dead_letters", "teller_dead_letters", "Events that wait for an operator.", GAUGE,
     PLAIN, by_subscriber},
    /* the bank adapter */
    {"bank/banks/circuit_open", "teller_bank_circuit_open", "1: the bank is left alone after failures.",
     GAUGE, PLAIN, by_bank},
    {"bank/banks/queued", "teller_bank_queued", "Calls to a bank that wait for their turn.", GAUGE, PLAIN,
     by_bank},
    {"bank/banks/in_flight", "teller_bank_in_flight", "Requests that it has and has not answered.", GAUGE,
     PLAIN, by_bank},
    {"bank/banks/unknown", "teller_bank_unknown", "Calls that it may have carried out, and is asked about.",
     GAUGE, PLAIN, by_bank},
    {"bank/banks/errors", "teller_bank_errors", "Failures of a bank in a row.", GAUGE, PLAIN, by_bank},
    {"bank/banks/succeeded", "teller_bank_succeeded_total", "Calls that it has carried out.", COUNTER, PLAIN,
     by_bank},
    {"bank/banks/failed", "teller_bank_failed_total", "Calls that have failed for good.", COUNTER, PLAIN,
     by_bank},
    {"bank/banks/requests", "teller_bank_requests_total", "Requests to a bank.", COUNTER, PLAIN, by_bank},
    {"bank/banks/callbacks", "teller_bank_callbacks_total", "Callbacks of a bank that were taken.", COUNTER,
     PLAIN, by_bank},
};

struct walk {
    const struct metric *metric;
    struct mp_writer *out;
    struct {
        struct str text;
        uint64_t number;
        bool is_there, is_number;
    } labels[LABELS_MAX];
    bool has_head;
};

/* ---- lines ------------------------------------------------------------------------------------ */

static void add(struct walk *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct walk *self, const char *format, ...)
{
    char line[LINE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (length > 0 && (size_t)length < sizeof line)
        mp_write_raw(self->out, line, (size_t)length);
}

static void add_head(struct walk *self)
{
    static const char *const kinds[] = {[COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram"};
    const struct metric *metric = self->metric;
    if (self->has_head)
        return;
    self->has_head = true;
    add(self, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name, kinds[metric->kind]);
}

static void add_escaped(struct walk *self, struct str text)
{
    for (uint32_t i = 0; i < text.length; i++) {
        char c = text.data[i];
        if (c == '\n')
            add(self, "\\n");
        else if (c == '"' || c == '\\')
            add(self, "\\%c", c);
        else
            mp_write_raw(self->out, &c, 1);
    }
}

/* bound: of a bucket, or NULL. */
static void add_labels(struct walk *self, const char *bound)
{
    const char *between = "{";
    for (int i = 0; i < LABELS_MAX; i++) {
        if (!self->labels[i].is_there)
            continue;
        add(self, "%s%s=\"", between, self->metric->labels[i]);
        if (self->labels[i].is_number)
            add(self, "%llu", (unsigned long long)self->labels[i].number);
        else
            add_escaped(self, self->labels[i].text);
        add(self, "\"");
        between = ",";
    }
    if (bound != NULL)
        add(self, "%sle=\"%s\"", between, bound);
    if (bound != NULL || *between == ',')
        add(self, "}");
}

enum { NUMBER_MAX = 32 };

static void number_text(const struct walk *self, uint64_t value, char text[NUMBER_MAX])
{
    if (self->metric->unit == MICROSECONDS)
        snprintf(text, NUMBER_MAX, "%llu.%06llu", (unsigned long long)(value / 1000000),
                 (unsigned long long)(value % 1000000));
    else
        snprintf(text, NUMBER_MAX, "%llu", (unsigned long long)value);
}

static void add_sample(struct walk *self, uint64_t value)
{
    char text[NUMBER_MAX];
    number_text(self, value, text);
    add_head(self);
    add(self, "%s", self->metric->name);
    add_labels(self, NULL);
    add(self, " %s\n", text);
}

/* ---- histograms ------------------------------------------------------------------------------- */

/* Passes the members of a map up to a key. false: there is none, or it is nil. */
static bool find(struct mp_reader map, const char *key, size_t length, struct mp_reader *value)
{
    uint32_t count;
    struct str name;
    if (!mp_read_map(&map, &count))
        return false;
    for (; count > 0; count--) {
        if (!mp_read_str(&map, &name))
            return false;
        if (name.length == length && memcmp(name.data, key, length) == 0) {
            *value = map;
            return !mp_is_nil(&map);
        }
        if (!mp_skip(&map, MP_DEPTH_MAX))
            return false;
    }
    return false;
}

static uint64_t find_number(struct mp_reader map, const char *key)
{
    struct mp_reader value;
    uint64_t number = 0;
    if (find(map, key, strlen(key), &value))
        mp_read_uint(&value, &number);
    return number;
}

static void add_bucket(struct walk *self, const char *bound, uint64_t count)
{
    add(self, "%s_bucket", self->metric->name);
    add_labels(self, bound);
    add(self, " %llu\n", (unsigned long long)count);
}

/* Of the four bounds of each power of two the text has one: enough for an alarm, and a quarter of the lines. */
enum { FIRST_POWER = 4, LAST_POWER = 26 };

static void add_histogram(struct walk *self, struct mp_reader map)
{
    struct mp_reader buckets;
    uint32_t left = 0;
    uint64_t bound = 0, in_bucket = 0, count = 0;
    char text[NUMBER_MAX];
    if (!find(map, "buckets", strlen("buckets"), &buckets) || !mp_read_array(&buckets, &left))
        return;
    add_head(self);
    bool is_pending = false;
    for (unsigned power = FIRST_POWER; power <= LAST_POWER; power++) {
        uint64_t limit = UINT64_C(1) << power;
        while (is_pending || left >= 2) {
            if (!is_pending && (!mp_read_uint(&buckets, &bound) || !mp_read_uint(&buckets, &in_bucket))) {
                left = 0; /* nil: the last one has no bound */
                break;
            }
            left -= is_pending ? 0 : 2;
            is_pending = bound > limit;
            if (is_pending)
                break;
            count += in_bucket;
        }
        number_text(self, limit, text);
        add_bucket(self, text, count);
    }
    add_bucket(self, "+Inf", find_number(map, "count"));
    number_text(self, find_number(map, "sum"), text);
    add(self, "%s_sum", self->metric->name);
    add_labels(self, NULL);
    add(self, " %s\n%s_count", text, self->metric->name);
    add_labels(self, NULL);
    add(self, " %llu\n", (unsigned long long)find_number(map, "count"));
}

/* ---- the walk --------------------------------------------------------------------------------- */

static void visit(struct walk *self, struct mp_reader value, const char *path);

static void visit_map(struct walk *self, struct mp_reader map, const char *path)
{
    struct walk outer = *self;
    struct mp_reader value;
    for (int i = 0; i < LABELS_MAX && self->metric->labels[i] != NULL; i++) {
        if (!find(map, self->metric->labels[i], strlen(self->metric->labels[i]), &value))
            continue;
        self->labels[i].is_number = mp_read_uint(&value, &self->labels[i].number);
        self->labels[i].is_there = self->labels[i].is_number || mp_read_str(&value, &self->labels[i].text);
    }
    size_t length = strcspn(path, "/");
    if (length == 0)
        add_histogram(self, map);
    else if (find(map, path, length, &value))
        visit(self, value, path[length] == '/' ? path + length + 1 : path + length);
    memcpy(self->labels, outer.labels, sizeof self->labels);
}

/* As deep as an answer nests, which mp_skip bounds. */
static void visit(struct walk *self, struct mp_reader value, const char *path)
{
    struct mp_reader inside = value;
    uint32_t count;
    uint64_t number;
    if (mp_read_map(&inside, &count)) {
        visit_map(self, value, path);
    } else if (mp_read_array(&inside, &count)) {
        for (; count > 0; count--) {
            struct mp_reader element = inside;
            if (!mp_skip(&inside, MP_DEPTH_MAX))
                return;
            visit(self, element, path);
        }
    } else if (*path == '\0' && mp_read_uint(&inside, &number)) {
        add_sample(self, number);
    }
}

void metrics_text_write(struct str sections, struct mp_writer *out)
{
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        struct walk walk = {.metric = &metrics[i], .out = out};
        visit(&walk, mp_reader_of(sections.data, sections.length), metrics[i].path);
    }
}
