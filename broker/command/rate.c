/* teller rate latest, asof, range, review, accept, reject, sources. */
#include "broker/command/rate.h"

#include <string.h>

#include "broker/command/answer.h"
#include "broker/command/arguments.h"

/* One command line and what it asked for. */
struct rate_command {
    struct session session;
    struct teller_rate_query query;
    struct teller_answer answer;
    struct str body;
};

static const struct answer_column rate_columns[] = {
    {"source", "SOURCE", -16, false}, {"base", "BASE", -4, false},  {"counter", "COUNTER", -7, false},
    {"date", "DATE", -10, false},     {"units", "UNITS", 5, false}, {"rate", "RATE", 16, false},
    {"buy", "BUY", 12, false},        {"sell", "SELL", 12, false},  {"accepted_by", "ACCEPTED BY", 0, false},
};

static const struct answer_column review_columns[] = {
    {"id", "ID", 6, false},       {"source", "SOURCE", -16, false},
    {"base", "BASE", -4, false},  {"counter", "COUNTER", -7, false},
    {"date", "DATE", -10, false}, {"units", "UNITS", 5, false},
    {"rate", "RATE", 16, false},  {"why", "WHY", 0, false},
};

static const struct answer_column source_columns[] = {
    {"source", "SOURCE", -16, false},    {"state", "STATE", -11, false},
    {"failures", "FAILURES", 8, false},  {"last_success", "LAST SUCCESS", -25, true},
    {"next_try", "NEXT TRY", -25, true}, {"error", "ERROR", 0, false},
};

#define COUNT(columns) (sizeof(columns) / sizeof *(columns))

/* ---- printing ----------------------------------------------------------------------------------- */

static int print_json(const struct rate_command *self, struct mp_reader *r)
{
    struct emit json = emit_to(stdout);
    bool is_read = answer_json(r, &json, NULL);
    emit_line(&json);
    return is_read ? EXIT_CODE_OK : session_malformed(&self->session);
}

/* A list: the array under `key`. */
static int print_list(const struct rate_command *self, const char *key, const struct answer_column *columns,
                      size_t count)
{
    struct mp_reader check = mp_reader_of(self->body.data, self->body.length);
    struct mp_reader r = check, rows, cursor;
    struct str text;
    uint32_t row_count;
    if (!mp_skip(&check, MP_DEPTH_MAX) || !answer_find(&r, key, &rows))
        return session_malformed(&self->session);
    if (self->session.json)
        return print_json(self, &r);
    struct mp_reader head = rows;
    if (!mp_read_array(&head, &row_count) || !answer_table(&rows, columns, count))
        return session_malformed(&self->session);
    if (row_count == 0)
        printf("There are none.\n");
    if (answer_find(&r, "cursor", &cursor) && mp_read_str(&cursor, &text))
        printf("There are more: --cursor %.*s\n", (int)text.length, text.data);
    return EXIT_CODE_OK;
}

/* One rate, as a table of one row: an array's head in front of its map would make it one. */
static int print_one(const struct rate_command *self)
{
    struct mp_reader check = mp_reader_of(self->body.data, self->body.length);
    struct mp_reader r = check;
    struct mp_writer row = {0};
    if (!mp_skip(&check, MP_DEPTH_MAX))
        return session_malformed(&self->session);
    if (self->session.json)
        return print_json(self, &r);
    mp_write_array(&row, 1);
    mp_write_raw(&row, self->body.data, self->body.length);
    struct mp_reader rows = mp_reader_of(row.data, row.length);
    bool is_read = !row.failed && answer_table(&rows, rate_columns, COUNT(rate_columns));
    mp_writer_release(&row);
    return is_read ? EXIT_CODE_OK : session_malformed(&self->session);
}

/* ---- asking ------------------------------------------------------------------------------------- */

static bool read_pair(struct rate_command *self, const char *text)
{
    if (text == NULL)
        return true;
    if (strlen(text) != 7 || text[3] != '/') {
        session_usage(&self->session, "a pair is BASE/COUNTER, as EUR/USD, not '%s'", text);
        return false;
    }
    self->query.base = (struct str){text, 3};
    self->query.counter = (struct str){text + 4, 3};
    return true;
}

typedef enum err ask_query(struct teller *client, const struct teller_rate_query *asked, struct str *body,
                           struct teller_answer *answer);

/* Asks; EXIT_CODE_OK: self->body is to be printed, and then the session to be closed. */
static int ask(struct rate_command *self, ask_query *question)
{
    int code = session_open(&self->session);
    if (code != EXIT_CODE_OK)
        return code;
    enum err err = question(self->session.client, &self->query, &self->body, &self->answer);
    return session_check(&self->session, err, &self->answer, NULL);
}

int rate_latest(int argc, char **argv)
{
    struct rate_command self = {0};
    struct option_row rows[SESSION_OPTIONS];
    const char *arguments[2];
    session_options(&self.session, "rate latest", rows);
    const struct manual manual = {
        .usage = "teller rate latest SOURCE [BASE/COUNTER] [options]",
        .summary = "The newest accepted rate of each pair of a source.\n" SESSION_EXIT_CODES,
        .examples = "  teller rate latest ecb\n  teller rate latest ecb EUR/USD --json",
        .options = rows,
        .option_count = SESSION_OPTIONS,
        .argument_min = 1,
        .argument_max = 2};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    self.query.source = str_from(arguments[0]);
    if (!read_pair(&self, arguments[1]))
        return EXIT_CODE_USAGE;
    int code = ask(&self, teller_rate_latest);
    if (code == EXIT_CODE_OK)
        code = print_list(&self, "rates", rate_columns, COUNT(rate_columns));
    session_close(&self.session);
    return code;
}

int rate_asof(int argc, char **argv)
{
    struct rate_command self = {0};
    struct option_row rows[SESSION_OPTIONS];
    const char *arguments[3];
    session_options(&self.session, "rate asof", rows);
    const struct manual manual = {
        .usage = "teller rate asof SOURCE BASE/COUNTER DATE [options]",
        .summary = "The rate of a day, or of the newest day before it that has one.\n" SESSION_EXIT_CODES,
        .examples = "  teller rate asof ecb EUR/USD 2026-11-21",
        .options = rows,
        .option_count = SESSION_OPTIONS,
        .argument_min = 3,
        .argument_max = 3};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    self.query.source = str_from(arguments[0]);
    self.query.date = str_from(arguments[2]);
    if (!read_pair(&self, arguments[1]))
        return EXIT_CODE_USAGE;
    int code = ask(&self, teller_rate_asof);
    if (code == EXIT_CODE_OK)
        code = print_one(&self);
    session_close(&self.session);
    return code;
}

int rate_range(int argc, char **argv)
{
    struct rate_command self = {0};
    struct option_row rows[SESSION_OPTIONS + 2];
    const char *arguments[4], *cursor = NULL;
    uint64_t limit = 100;
    session_options(&self.session, "rate range", rows);
    rows[SESSION_OPTIONS] = (struct option_row){.name = "limit",
                                                .type = OPTION_NUMBER,
                                                .out = &limit,
                                                .value = "N",
                                                .help = "at most so many (100)",
                                                .minimum = 1,
                                                .maximum = TELLER_PAGE_MAX};
    rows[SESSION_OPTIONS + 1] = option_text("cursor", &cursor, "TEXT", "go on where an earlier list ended");
    const struct manual manual = {.usage = "teller rate range SOURCE BASE/COUNTER FROM TO [options]",
                                  .summary =
                                      "The rates from one day to another, oldest first.\n" SESSION_EXIT_CODES,
                                  .examples = "  teller rate range ecb EUR/USD 2026-11-01 2026-11-30",
                                  .options = rows,
                                  .option_count = sizeof rows / sizeof *rows,
                                  .argument_min = 4,
                                  .argument_max = 4};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    self.query = (struct teller_rate_query){.source = str_from(arguments[0]),
                                            .date = str_from(arguments[2]),
                                            .to = str_from(arguments[3]),
                                            .cursor = argument_text(cursor),
                                            .limit = (uint32_t)limit};
    if (!read_pair(&self, arguments[1]))
        return EXIT_CODE_USAGE;
    int code = ask(&self, teller_rate_range);
    if (code == EXIT_CODE_OK)
        code = print_list(&self, "rates", rate_columns, COUNT(rate_columns));
    session_close(&self.session);
    return code;
}

/* ---- without arguments -------------------------------------------------------------------------- */

struct list {
    const char *name, *key;
    const struct answer_column *columns;
    size_t column_count;
    enum err (*ask)(struct teller *client, struct str *body, struct teller_answer *answer);
    const char *usage, *summary, *examples;
};

static int run_list(const struct list *list, int argc, char **argv)
{
    struct rate_command self = {0};
    struct option_row rows[SESSION_OPTIONS];
    session_options(&self.session, list->name, rows);
    const struct manual manual = {.usage = list->usage,
                                  .summary = list->summary,
                                  .examples = list->examples,
                                  .options = rows,
                                  .option_count = SESSION_OPTIONS};
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    int code = session_open(&self.session);
    if (code == EXIT_CODE_OK) {
        enum err err = list->ask(self.session.client, &self.body, &self.answer);
        code = session_check(&self.session, err, &self.answer, NULL);
    }
    if (code == EXIT_CODE_OK)
        code = print_list(&self, list->key, list->columns, list->column_count);
    session_close(&self.session);
    return code;
}

int rate_review(int argc, char **argv)
{
    static const struct list list = {.name = "rate review",
                                     .key = "rates",
                                     .columns = review_columns,
                                     .column_count = COUNT(review_columns),
                                     .ask = teller_rate_review,
                                     .usage = "teller rate review [options]",
                                     .summary =
                                         "The rates that wait for an operator, and why.\n" SESSION_EXIT_CODES,
                                     .examples = "  teller rate review"};
    return run_list(&list, argc, argv);
}

int rate_sources(int argc, char **argv)
{
    static const struct list list = {
        .name = "rate sources",
        .key = "sources",
        .columns = source_columns,
        .column_count = COUNT(source_columns),
        .ask = teller_rate_sources,
        .usage = "teller rate sources [options]",
        .summary =
            "The sources of rates, when each was read, and what is wrong with it.\n" SESSION_EXIT_CODES,
        .examples = "  teller rate sources"};
    return run_list(&list, argc, argv);
}

/* ---- deciding ----------------------------------------------------------------------------------- */

static int decide(const struct manual *texts, const char *name, bool accepts, int argc, char **argv)
{
    struct rate_command self = {0};
    struct option_row rows[SESSION_OPTIONS + 1];
    const char *arguments[1], *operator_name = NULL;
    uint64_t id = 0;
    session_options(&self.session, name, rows);
    rows[SESSION_OPTIONS] = option_text_required("operator", &operator_name, "NAME", "who decides");
    struct manual manual = *texts;
    manual.options = rows;
    manual.option_count = sizeof rows / sizeof *rows;
    manual.argument_min = manual.argument_max = 1;
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!options_number(arguments[0], &id))
        return session_usage(&self.session, "'%s' is no id of a rate that waits", arguments[0]);
    int code = session_open(&self.session);
    if (code == EXIT_CODE_OK) {
        enum err err = teller_rate_decide(self.session.client, id, accepts, argument_text(operator_name),
                                          &self.body, &self.answer);
        code = session_check(&self.session, err, &self.answer, NULL);
    }
    if (code == EXIT_CODE_OK)
        code = print_one(&self);
    session_close(&self.session);
    return code;
}

int rate_accept(int argc, char **argv)
{
    static const struct manual texts = {
        .usage = "teller rate accept ID --operator NAME [options]",
        .summary = "Accepts a rate that waits. It is the rate of its day, and the desk gets it if it is\n"
                   "the newest.\n" SESSION_EXIT_CODES,
        .examples = "  teller rate accept 17 --operator ann"};
    return decide(&texts, "rate accept", true, argc, argv);
}

int rate_reject(int argc, char **argv)
{
    static const struct manual texts = {
        .usage = "teller rate reject ID --operator NAME [options]",
        .summary =
            "Rejects a rate that waits; published again as it is, it is passed over.\n" SESSION_EXIT_CODES,
        .examples = "  teller rate reject 17 --operator ann"};
    return decide(&texts, "rate reject", false, argc, argv);
}
