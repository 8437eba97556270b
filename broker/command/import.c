/* teller import: the lines of a file, in order, as batches.
 *
 * Order. The lines of one account are carried out in the order of the file. A batch is one message for each partition that
 * pays, and these run side by side: so a line ends the batch when it touches an account that another partition's
 * line of this batch touches too. One batch is on its way at a time. The one thing that may come out of order is a refusal by the receiving partition,
 * whose money is back a moment later.
 *
 * Again. Every line has an id, its own or one made from the file's digest and the line's number. So a batch whose outcome is not known, and
 * a whole file, may be sent again: what was done stays done once. How far it got is kept beside the file
 * only to save time.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/base/check.h"
#include "broker/command.h"
#include "broker/command/arguments.h"
#include "broker/command/import_line.h"
#include "broker/command/import_report.h"
#include "broker/command/import_touch.h"
#include "broker/command/print.h"

enum { LINES_MAX = 8000, ATTEMPTS = 30, TIMEOUT_MS = 60000, BATCH_BYTES_MAX = 3000000, ITEM_BYTES = 64 };

enum line_kind { LINE_ITEM, LINE_OPEN, LINE_REFUSED };

/* A line that has been read and is not accounted for yet. */
struct line {
    enum line_kind kind;
    uint64_t number;
    size_t start, end;
    enum err err; /* OPEN */
    enum code code;
    enum field field;
    const char *message;
};

struct import {
    struct session session;
    const char *path, *format_name, *currency_name;
    bool creates_accounts;
    currency_index currency;
    struct import_source *source;
    struct import_ids *ids;
    struct import_report report;
    struct import_progress progress;
    struct teller_batch *batch;
    size_t batch_bytes;
    struct import_touch touch;
    struct line *lines;
    size_t line_count;
    size_t behind; /* the last of them */
    uint64_t behind_line;
    enum err created; /* of accounts opened on the way */
    int code;         /* what went wrong, if anything */
};

/* ---- what came of the lines ------------------------------------------------------------------- */

/* What cannot go on is said once. false, always. */
static bool stop(struct import *self, int code)
{
    self->code = code;
    if (self->report.has_bar)
        fputc('\n', stderr);
    return false;
}

static bool cannot_write(struct import *self)
{
    int why = errno;
    stop(self, EXIT_CODE_ERROR);
    fprintf(stderr, "teller import: cannot write beside %s: %s\n", self->path, strerror(why));
    return false;
}

/* No definite answer: what has been done is done once, whoever asks again. */
static bool no_outcome(struct import *self, enum err err)
{
    struct teller_answer answer = {.code = CODE_UNKNOWN};
    stop(self, EXIT_UNKNOWN);
    if (err != ERR_OK)
        self->code = session_check(&self->session, err, &answer, NULL);
    fprintf(stderr,
            "teller import: stopped behind line %llu. Run the same command again: it goes on there, and "
            "nothing is done twice.\n",
            (unsigned long long)(self->progress.line > 0 ? self->progress.line - 1 : 0));
    return false;
}

/* Accounts for one line whose outcome is definite. */
static bool settle(struct import *self, const struct line *line)
{
    if (line->code == CODE_OK) {
        self->progress.done++;
        self->progress.opened += line->kind == LINE_OPEN;
        return true;
    }
    struct str record = {import_source_bytes(self->source) + line->start,
                         (uint32_t)(line->end - line->start)};
    enum err err = import_report_refuse(&self->report, &self->progress, line->number, line->code, line->field,
                                        line->message, record);
    self->progress.refused++;
    return err == ERR_OK || cannot_write(self);
}

/* Puts the rows of the answer to the lines. false: one has no definite outcome. */
static bool take_rows(struct import *self, const struct teller_result *result)
{
    uint32_t row = 0;
    for (size_t i = 0; i < self->line_count; i++) {
        struct line *line = &self->lines[i];
        if (line->kind == LINE_ITEM) {
            line->code = result->rows[row].code;
            line->field = result->rows[row].field;
            row++;
        }
        if (line->kind != LINE_REFUSED && (line->code == CODE_BUSY || line->code == CODE_UNKNOWN))
            return false;
    }
    return true;
}

static enum err open_error(const struct import *self)
{
    for (size_t i = 0; i < self->line_count; i++) {
        if (self->lines[i].kind == LINE_OPEN && self->lines[i].err != ERR_OK)
            return self->lines[i].err;
    }
    return self->created;
}

/* Sends what has been read, waits for all of it, and notes how far that is. */
static bool flush(struct import *self)
{
    struct teller_result result = {.err = ERR_OK};
    if (self->line_count == 0)
        return true;
    teller_drain(self->session.client);
    enum err err = open_error(self);
    if (err == ERR_OK && teller_batch_rows(self->batch) > 0)
        err = teller_batch_send(self->batch, &result);
    if (err != ERR_OK || !take_rows(self, &result))
        return no_outcome(self, err);
    for (size_t i = 0; i < self->line_count; i++) {
        if (!settle(self, &self->lines[i]))
            return false;
    }
    self->progress.offset = self->behind;
    self->progress.line = self->behind_line;
    self->line_count = 0;
    self->batch_bytes = 0;
    import_touch_clear(&self->touch);
    if (import_report_save(&self->report, &self->progress) != ERR_OK)
        return cannot_write(self);
    import_report_bar(&self->report, &self->progress);
    return true;
}

/* ---- lines to the server ---------------------------------------------------------------------- */

static void opened(void *context, const struct teller_result *result)
{
    struct line *line = context;
    line->err = result->err;
    line->code = result->answer.code;
    line->field = result->answer.field;
}

static void created(void *context, const struct teller_result *result)
{
    struct import *self = context;
    enum code code = result->answer.code;
    if (result->err != ERR_OK)
        self->created = result->err;
    else if (code == CODE_BUSY || code == CODE_UNKNOWN)
        self->created = ERR_TIMEOUT;
    self->progress.opened += code == CODE_OK;
}

static bool submit_open(struct import *self, const struct teller_account_command *command, teller_done *done,
                        void *context)
{
    enum err err;
    while ((err = teller_submit_account(self->session.client, command, done, context)) == ERR_FULL)
        teller_poll(self->session.client, -1);
    return err == ERR_OK || no_outcome(self, err);
}

/* An account that this import has not met yet is opened; if it is there already, so much the better. */
static bool create(struct import *self, struct str id, currency_index currency)
{
    if (id.length == 0 || !self->creates_accounts || import_touch_has_seen(&self->touch, id))
        return true;
    const struct teller_account_command command = {.kind = TELLER_ACCOUNT_OPEN,
                                                   .account = id,
                                                   .owner = id,
                                                   .currency = currency,
                                                   .ceiling = TELLER_CEILING_NONE};
    return submit_open(self, &command, created, self);
}

static struct line *line_add(struct import *self, const struct import_record *record,
                             const struct import_line *read)
{
    struct line *line = &self->lines[self->line_count++];
    *line = (struct line){.kind = LINE_REFUSED,
                          .number = record->line,
                          .start = record->start,
                          .end = record->end,
                          .code = read->code,
                          .field = read->field,
                          .message = read->message};
    return line;
}

static bool add_open(struct import *self, const struct import_record *record, const struct import_line *read)
{
    if (teller_batch_rows(self->batch) > 0 && !flush(self))
        return false;
    struct line *line = line_add(self, record, read);
    line->kind = LINE_OPEN;
    import_touch_has_seen(&self->touch, read->open.account);
    return submit_open(self, &read->open, opened, line);
}

static bool add_item(struct import *self, const struct import_record *record, const struct import_line *read)
{
    const struct teller_item *item = &read->item;
    uint32_t partitions = teller_partitions(self->session.client);
    struct str payer = item->kind == TELLER_DEPOSIT ? item->to : item->from;
    uint32_t partition = teller_partition_of(payer, partitions);
    size_t bytes = ITEM_BYTES + (size_t)item->memo.length + item->reference.length;
    bool is_apart = partitions > 1 && (import_touch_is_elsewhere(&self->touch, item->from, partition) ||
                                       import_touch_is_elsewhere(&self->touch, item->to, partition));
    if ((is_apart || self->batch_bytes + bytes > BATCH_BYTES_MAX) && !flush(self))
        return false;
    if (!create(self, item->from, item->currency) || !create(self, item->to, item->currency))
        return false;
    import_touch_note(&self->touch, item->from, partition);
    import_touch_note(&self->touch, item->to, partition);
    enum err err = teller_batch_add(self->batch, item);
    if (err != ERR_OK)
        return no_outcome(self, err);
    line_add(self, record, read)->kind = LINE_ITEM;
    self->batch_bytes += bytes;
    return true;
}

static bool add_line(struct import *self, const struct import_record *record)
{
    struct import_line read;
    import_line_read(record, self->currency, self->ids, &read);
    if (read.code != CODE_OK)
        line_add(self, record, &read);
    else if (read.is_open ? !add_open(self, record, &read) : !add_item(self, record, &read))
        return false;
    import_source_tell(self->source, &self->behind, &self->behind_line);
    return self->line_count < LINES_MAX || flush(self);
}

/* ---- from beginning to end -------------------------------------------------------------------- */

static void print_summary(const struct import *self, uint64_t skipped)
{
    const struct import_progress *p = &self->progress;
    struct emit json = emit_to(stdout);
    if (self->session.json) {
        emit_object(&json);
        emit_text(&json, "file", self->path);
        emit_unsigned(&json, "done", p->done);
        emit_unsigned(&json, "refused", p->refused);
        emit_unsigned(&json, "accounts_opened", p->opened);
        emit_text(&json, "refused_file", p->refused > 0 ? self->report.refused_path : NULL);
        emit_bool(&json, "resumed", skipped > 0);
        emit_end(&json);
        emit_line(&json);
        return;
    }
    printf("%s: %llu lines done, %llu refused, %llu accounts opened.\n", self->path,
           (unsigned long long)p->done, (unsigned long long)p->refused, (unsigned long long)p->opened);
    if (p->refused > 0)
        printf("The refused lines are in %s.\n", self->report.refused_path);
}

static bool resume(struct import *self)
{
    struct import_progress progress;
    if (!import_report_resume(&self->report, &progress) ||
        !import_source_seek(self->source, progress.offset, progress.line))
        return false;
    self->progress = progress;
    fprintf(stderr, "teller import: going on at line %llu, where an earlier import ended.\n",
            (unsigned long long)progress.line);
    return true;
}

static int run(struct import *self)
{
    struct import_record record;
    bool has_resumed = resume(self);
    uint64_t skipped = has_resumed ? self->progress.done + self->progress.refused : 0;
    import_source_tell(self->source, &self->behind, &self->behind_line);
    while (import_source_next(self->source, &record)) {
        if (!add_line(self, &record))
            return self->code;
    }
    self->behind = import_source_length(self->source);
    if (!flush(self))
        return self->code;
    import_report_complete(&self->report, &self->progress);
    print_summary(self, skipped);
    return self->progress.refused > 0 ? EXIT_REFUSED : EXIT_CODE_OK;
}

static int begin(struct import *self)
{
    struct teller_version version;
    struct teller_answer answer;
    int code = session_open(&self->session);
    if (code != EXIT_CODE_OK)
        return code;
    enum err err = teller_version(self->session.client, &version, &answer);
    code = session_check(&self->session, err, &answer, NULL);
    if (code != EXIT_CODE_OK)
        return code;
    self->batch = teller_batch_new(self->session.client);
    self->lines = malloc(LINES_MAX * sizeof *self->lines);
    self->ids = import_ids_new(import_source_digest(self->source));
    if (self->batch == NULL || self->lines == NULL || self->ids == NULL || !import_touch_init(&self->touch))
        return session_check(&self->session, ERR_NO_MEMORY, NULL, NULL);
    bool has_bar = isatty(STDERR_FILENO) && !self->session.json;
    if (!import_report_init(&self->report, self->path, import_source_digest(self->source),
                            self->session.connect, import_source_length(self->source), has_bar))
        return session_usage(&self->session, "the path is too long");
    return run(self);
}

static int import_file(struct import *self)
{
    const char *why;
    enum import_format format = strcmp(self->format_name, "jsonl") == 0 ? IMPORT_JSONL : IMPORT_CSV;
    self->source = import_source_open(self->path, format, &why);
    if (self->source == NULL) {
        fprintf(stderr, "teller import: cannot import %s: %s\n", self->path, why);
        return EXIT_CODE_USAGE;
    }
    int code = begin(self);
    import_report_release(&self->report);
    import_touch_release(&self->touch);
    import_ids_destroy(&self->ids);
    free(self->lines);
    teller_batch_destroy(&self->batch);
    session_close(&self->session);
    import_source_close(&self->source);
    return code;
}

static const char *format_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    bool is_jsonl = dot != NULL && (strcmp(dot, ".jsonl") == 0 || strcmp(dot, ".ndjson") == 0);
    return is_jsonl ? "jsonl" : "csv";
}

int command_import(int argc, char **argv)
{
    struct import self = {0};
    const char *arguments[1];
    struct option_row rows[SESSION_OPTIONS + 3];
    session_options(&self.session, "import", rows);
    self.session.attempts = ATTEMPTS;
    self.session.timeout_ms = TIMEOUT_MS;
    rows[1].help = "how long to wait for each batch, all attempts together (60s)";
    rows[SESSION_OPTIONS] = (struct option_row){.name = "format",
                                                .type = OPTION_TEXT,
                                                .out = &self.format_name,
                                                .value = "csv|jsonl",
                                                .help = "(jsonl for files that end in .jsonl, else csv)"};
    rows[SESSION_OPTIONS + 1] = (struct option_row){.name = "currency",
                                                    .type = OPTION_TEXT,
                                                    .out = &self.currency_name,
                                                    .value = "CODE",
                                                    .help = "of lines that name none"};
    rows[SESSION_OPTIONS + 2] =
        (struct option_row){.name = "create-accounts",
                            .type = OPTION_FLAG,
                            .out = &self.creates_accounts,
                            .help = "open accounts that do not exist; the owner is the id"};
    const struct manual manual = {
        .usage = "teller import FILE [options]",
        .summary =
            "Carries out the lines of a file, in order. The first line of a CSV file names its columns; a "
            "line of\n"
            "JSON has the same names: op (account.open, deposit, withdraw, transfer), transaction_id, "
            "account,\n"
            "from_account, to_account, owner, currency, amount (\"12.50\"), minimum_balance, ceiling, "
            "product, memo,\n"
            "reference. Other columns are passed over. A line without transaction_id gets one from the "
            "file's digest and\n"
            "its number: importing the same file again moves nothing. Refused lines are listed in "
            "FILE.refused.csv.\n"
            "An import that was stopped goes on where it ended (FILE.teller-progress).\n"
            "Exit codes: 0 all done, 1 lines were refused, 2 usage, 3 no server, 4 stopped: run it again.",
        .examples = "  teller import payments.csv\n"
                    "  teller import payments.jsonl --create-accounts --currency CZK --json",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
        .argument_min = 1,
        .argument_max = 1};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    self.path = arguments[0];
    if (self.format_name == NULL)
        self.format_name = format_of(self.path);
    if (strcmp(self.format_name, "csv") != 0 && strcmp(self.format_name, "jsonl") != 0)
        return session_usage(&self.session, "--format is csv or jsonl, not '%s'", self.format_name);
    if (self.currency_name != NULL && !argument_currency(&self.session, self.currency_name, &self.currency))
        return EXIT_CODE_USAGE;
    return import_file(&self);
}
