/* teller replay: the books as of a moment of the past, from the journals alone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/command.h"
#include "broker/offline/books.h"
#include "broker/offline/show.h"
#include "broker/offline/source.h"
#include "broker/offline/timeline.h"
#include "broker/options.h"

/* Numbers from here on are microseconds (1973); smaller ones count commits. */
#define FIRST_TIME_US UINT64_C(100000000000000)

struct replay {
    const char *path, *until, *account;
    bool json;
    int64_t time_us;   /* INT64_MAX: to the end */
    uint64_t sequence; /* UINT64_MAX: to the end */
    struct source source;
    struct books books;
    uint64_t facts, commits;
    int64_t last_us; /* time of the last commit taken */
    int64_t started_us;
    double seconds;
};

static bool read_until(struct replay *self)
{
    uint64_t number;
    self->time_us = INT64_MAX;
    self->sequence = UINT64_MAX;
    if (self->until == NULL)
        return true;
    if (!options_number(self->until, &number))
        return show_time_parse(self->until, &self->time_us);
    if (number >= FIRST_TIME_US && number <= INT64_MAX)
        self->time_us = (int64_t)number;
    else
        self->sequence = number;
    return true;
}

static enum err take(struct replay *self, uint32_t partition, const struct journal_commit *commit,
                     struct fault *fault)
{
    self->facts += commit->fact_count;
    self->commits++;
    if (commit->time_us > self->last_us)
        self->last_us = commit->time_us;
    return books_commit(&self->books, partition, commit, fault);
}

/* By time, or to the end: never an effect without its cause. */
static enum err replay_by_time(struct replay *self, struct progress *progress, struct fault *fault)
{
    struct timeline *timeline = calloc(1, sizeof *timeline);
    uint32_t partition;
    uint64_t words = 0;
    const struct journal_commit *commit;
    if (timeline == NULL)
        return fault_stop(fault, ERR_NO_MEMORY, "starting");
    enum err err =
        timeline_init(timeline, self->source.journals, self->source.partitions, self->time_us, fault);
    while (err == ERR_OK && (err = timeline_next(timeline, &partition, &commit, fault)) == ERR_OK) {
        err = take(self, partition, commit, fault);
        words += commit->length / FACT_WORD;
        progress_at(progress, words);
    }
    timeline_release(timeline);
    free(timeline);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* Each partition's first commits, whatever the others did. */
static enum err replay_by_sequence(struct replay *self, struct fault *fault)
{
    enum err err = ERR_OK;
    for (uint32_t p = 0; p < self->source.partitions && err == ERR_OK; p++) {
        struct cursor cursor;
        struct journal_commit commit = {0};
        cursor_init(&cursor, self->source.journals[p], 1);
        while (err == ERR_OK && commit.sequence < self->sequence &&
               (err = cursor_next(&cursor, &commit)) == ERR_OK)
            err = take(self, p, &commit, fault);
        if (err == ERR_CORRUPT && !fault->is_found) {
            struct journal_fault found = {0};
            journal_find_fault(self->source.journals[p], &found);
            fault_at(fault, p, found.position, found.sequence, "%s", found.what ? found.what : err_text(err));
        }
        err = err == ERR_NOT_FOUND ? ERR_OK : fault_stop(fault, err, "reading a journal");
        cursor_release(&cursor);
    }
    return err;
}

/* ---- printing --------------------------------------------------------------------------------- */

static const char *state_word(uint8_t state)
{
    static const char *const words[] = {"", "ACTIVE", "FROZEN", "CLOSED"};
    return words[state];
}

static void amount_text(int64_t minor, currency_index currency, char out[SHOW_SUM])
{
    show_sum(minor, currency_at(currency)->exponent, out);
}

static void print_account(const struct ledger_account_view *view)
{
    char balance[SHOW_SUM], pending[SHOW_SUM], minimum[SHOW_SUM], ceiling[SHOW_SUM] = "none",
                                                                  opened[SHOW_TIME];
    amount_text(view->balance, view->currency, balance);
    amount_text(view->pending, view->currency, pending);
    amount_text(view->minimum_balance, view->currency, minimum);
    if (view->ceiling != INT64_MAX)
        amount_text(view->ceiling, view->currency, ceiling);
    show_time(view->opened_us, opened);
    printf("account %s: %s %s\n  owner            %s\n  product          %s\n  state            %s\n"
           "  pending          %s\n  minimum balance  %s\n  ceiling          %s\n  opened           %s\n",
           view->id, balance, currency_at(view->currency)->code, view->owner, view->product,
           state_word(view->state), pending, minimum, ceiling, opened);
}

static json_t *account_json(const struct ledger_account_view *view)
{
    json_t *ceiling = view->ceiling == INT64_MAX ? json_null() : json_integer(view->ceiling);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:o, s:I}", "account", view->id, "owner",
                     view->owner, "currency", currency_at(view->currency)->code, "product", view->product,
                     "state", state_word(view->state), "balance", (json_int_t)view->balance, "pending",
                     (json_int_t)view->pending, "minimum_balance", (json_int_t)view->minimum_balance,
                     "ceiling", ceiling, "opened", (json_int_t)view->opened_us);
}

struct result {
    struct digest digest;
    struct books_total totals[256];
    uint64_t accounts;
    const struct ledger_account_view *view; /* NULL: none was asked for */
};

static void print(const struct replay *self, const struct result *result)
{
    char digest[DIGEST_TEXT_SIZE], time[SHOW_TIME] = "-";
    digest_text(&result->digest, digest);
    if (self->last_us != 0)
        show_time(self->last_us, time);
    printf("as of %s: %" PRIu64 " accounts, %" PRIu64 " commits, %" PRIu64 " facts (%.0f facts/s)\n", time,
           result->accounts, self->commits, self->facts, (double)self->facts / (self->seconds + 1e-6));
    show_totals(result->totals);
    if (result->view != NULL)
        print_account(result->view);
    printf("node digest: %s\n", digest);
}

static void print_json(const struct replay *self, const struct result *result)
{
    char digest[DIGEST_TEXT_SIZE];
    digest_text(&result->digest, digest);
    json_t *object =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:f, s:o}", "digest", digest, "as_of", (json_int_t)self->last_us,
                  "accounts", (json_int_t)result->accounts, "commits", (json_int_t)self->commits, "facts",
                  (json_int_t)self->facts, "facts_per_s", (double)self->facts / (self->seconds + 1e-6),
                  "totals", show_totals_json(result->totals));
    if (result->view != NULL)
        json_object_set_new(object, "account", account_json(result->view));
    show_json(object);
}

static int report(struct replay *self)
{
    struct result result = {.accounts = 0};
    struct ledger_account_view view;
    self->seconds = show_seconds(self->started_us);
    for (uint32_t p = 0; p < self->source.partitions; p++) {
        struct digest digest = books_digest(&self->books, p);
        digest_add(&result.digest, &digest);
        result.accounts += books_total(&self->books, p, result.totals);
    }
    if (self->account != NULL) {
        if (strlen(self->account) > ACCOUNT_ID_MAX ||
            !books_find(&self->books, str_from(self->account), &view)) {
            fprintf(stderr, "teller replay: there was no account '%.40s' then.\n", self->account);
            return EXIT_CODE_ERROR;
        }
        result.view = &view;
    }
    if (self->json)
        print_json(self, &result);
    else
        print(self, &result);
    return EXIT_CODE_OK;
}

static int run(struct replay *self)
{
    struct fault fault = {0};
    struct progress progress;
    self->started_us = show_now_us();
    enum err err = source_open(&self->source, self->path, &fault);
    if (err == ERR_OK && !books_init(&self->books, datadir_meta(self->source.datadir)))
        err = fault_stop(&fault, ERR_NO_MEMORY, "starting");
    if (err == ERR_OK) {
        progress_begin(&progress, "replaying", source_words(&self->source));
        err = self->sequence != UINT64_MAX ? replay_by_sequence(self, &fault)
                                           : replay_by_time(self, &progress, &fault);
        progress_end(&progress);
    }
    if (err == ERR_OK)
        err = books_close(&self->books, &fault);
    int code = err == ERR_OK ? report(self) : source_exit_code(err);
    if (err != ERR_OK)
        show_fault("replay", &fault, err);
    books_release(&self->books);
    source_release(&self->source);
    return code;
}

int command_replay(int argc, char **argv)
{
    struct replay self = {0};
    const struct option_row rows[] = {
        {.name = "data",
         .letter = 'd',
         .type = OPTION_TEXT,
         .out = &self.path,
         .value = "DIR",
         .help = "the data directory; it may be in use",
         .required = true},
        {.name = "until",
         .letter = 'u',
         .type = OPTION_TEXT,
         .out = &self.until,
         .value = "TIME|SEQ",
         .help = "stop there (the end)"},
        {.name = "account",
         .letter = 'a',
         .type = OPTION_TEXT,
         .out = &self.account,
         .value = "ID",
         .help = "show this account as it was then"},
        {.name = "json", .type = OPTION_FLAG, .out = &self.json, .help = "print JSON"},
    };
    const struct manual manual = {
        .usage = "teller replay --data DIR [--until TIME|SEQ] [--account ID] [--json]",
        .summary =
            "Rebuilds the books from the journals alone, as they were at a time or after a commit.\n"
            "TIME: RFC 3339 (2026-11-20T10:00:00Z) or microseconds since 1970; it holds for all partitions.\n"
            "SEQ: a number below 10^14; each partition is replayed through its commit of that number, so "
            "with\n"
            "several partitions the books are of no common moment, and money may seem to be on its way.",
        .examples = "  teller replay --data ledger\n"
                    "  teller replay --data ledger --until 2026-11-20T10:00:00+09:00 --account wallet-7\n"
                    "  teller replay --data ledger --until 1500 --json",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
    };
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!read_until(&self)) {
        fprintf(stderr,
                "teller replay: --until takes a time such as 2026-11-20T10:00:00Z, or a number, not '%s'.\n",
                self.until);
        return EXIT_CODE_USAGE;
    }
    return run(&self);
}
