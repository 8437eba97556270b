/* teller import: the lines of a file, in order.
 *
 * Order. The lines of one account are carried out in the order of the file. A batch is one message for each partition that pays, and these
 * run side by side: so two lines that touch an account through different partitions never go in one batch. The file is
 * read in windows; a window is cut into waves, each a batch: a line goes in the earliest wave that is not before
 * any line it comes after. Waves are sent one after the other. Lines about an account itself are
 * sent before the waves; one for an account that its window has touched begins a new window. The one thing that may come
 * out of order is a refusal by the receiving partition, whose money is back a moment later.
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

enum {
    ROWS_MAX = 8000, /* of a window */
    ATTEMPTS = 30,
    TIMEOUT_MS = 60000,
    ARENA_BYTES = 4 << 20,
    ARENA_RESERVE = 64 << 10, /* more than a group can take */
};

enum line_kind { LINE_MONEY, LINE_ACCOUNT, LINE_REFUSED };

/* A line of the window. */
struct line {
    enum line_kind kind;
    uint32_t wave, rows; /* MONEY */
    struct teller_item item;
    uint64_t number;
    size_t start, end;
    bool is_opening;
    enum err err; /* ACCOUNT */
    enum code code;
    enum field field;
    const char *message;
};

/* A group that is being put together. */
struct grouping {
    bool is_open;
    struct uuid id;
    struct line line;
    struct teller_item *items; /* in the arena */
    uint16_t count;
};

struct import {
    struct session session;
    const char *path, *format_name, *currency_name;
    bool creates_accounts;
    struct import_context context;
    struct import_source *source;
    struct import_report report;
    struct import_progress progress;
    struct import_touch touch;
    struct teller_batch *batch;
    struct line *lines; /* ROWS_MAX */
    uint32_t *order;    /* of the lines with money, by wave */
    size_t line_count, row_count;
    uint32_t wave_count;
    struct grouping grouping;
    char *arena; /* strings and items of the window */
    size_t arena_used;
    size_t behind; /* the last line of the window */
    uint64_t behind_line;
    size_t here; /* where the current record is looked for */
    uint64_t here_line;
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

/* The time of a hold was over when it came: it holds nothing any more, in the ledger that it comes from neither. */
static bool has_expired(const struct line *line)
{
    return line->kind == LINE_MONEY && line->item.kind == TELLER_HOLD &&
           line->code == CODE_DEADLINE_EXCEEDED && line->field == FIELD_EXPIRES;
}

/* Accounts for one line whose outcome is definite. */
static bool settle(struct import *self, const struct line *line)
{
    if (line->code == CODE_OK) {
        self->progress.done++;
        self->progress.opened += line->is_opening;
        return true;
    }
    if (has_expired(line)) {
        self->progress.expired++;
        return true;
    }
    struct str record = {import_source_bytes(self->source) + line->start,
                         (uint32_t)(line->end - line->start)};
    enum err err = import_report_refuse(&self->report, &self->progress, line->number, line->code, line->field,
                                        line->message, record);
    self->progress.refused++;
    return err == ERR_OK || cannot_write(self);
}

static enum err account_error(const struct import *self)
{
    for (size_t i = 0; i < self->line_count; i++) {
        const struct line *line = &self->lines[i];
        if (line->kind == LINE_ACCOUNT && line->err != ERR_OK)
            return line->err;
        if (line->kind == LINE_ACCOUNT && (line->code == CODE_BUSY || line->code == CODE_UNKNOWN))
            return ERR_TIMEOUT;
    }
    return self->created;
}

/* ---- waves ------------------------------------------------------------------------------------ */

/* The lines with money, wave by wave, in each as they stand in the file. Returns how many. */
static size_t sort_waves(struct import *self)
{
    uint32_t *first = calloc(self->wave_count + 1, sizeof *first);
    size_t count = 0;
    CHECK(first != NULL);
    for (size_t i = 0; i < self->line_count; i++) {
        if (self->lines[i].kind == LINE_MONEY)
            first[self->lines[i].wave + 1]++;
    }
    for (uint32_t wave = 0; wave < self->wave_count; wave++)
        first[wave + 1] += first[wave];
    for (size_t i = 0; i < self->line_count; i++) {
        if (self->lines[i].kind != LINE_MONEY)
            continue;
        self->order[first[self->lines[i].wave]++] = (uint32_t)i;
        count++;
    }
    free(first);
    return count;
}

/* Puts the rows of the answer to the lines of a wave. false: one has no definite outcome. */
static bool take_rows(struct import *self, const uint32_t *order, size_t count, const struct teller_row *rows)
{
    for (size_t i = 0; i < count; i++) {
        struct line *line = &self->lines[order[i]];
        line->code = rows->code;
        line->field = rows->field;
        rows += line->rows;
        if (line->code == CODE_BUSY || line->code == CODE_UNKNOWN)
            return false;
    }
    return true;
}

static bool send_wave(struct import *self, const uint32_t *order, size_t count)
{
    struct teller_result result;
    enum err err = ERR_OK;
    teller_batch_clear(self->batch);
    for (size_t i = 0; i < count && err == ERR_OK; i++)
        err = teller_batch_add(self->batch, &self->lines[order[i]].item);
    if (err == ERR_OK)
        err = teller_batch_send(self->batch, &result);
    if (err != ERR_OK || !take_rows(self, order, count, result.rows))
        return no_outcome(self, err);
    return true;
}

static bool send_waves(struct import *self)
{
    size_t count = sort_waves(self);
    for (size_t at = 0, end; at < count; at = end) {
        uint32_t wave = self->lines[self->order[at]].wave;
        for (end = at; end < count && self->lines[self->order[end]].wave == wave; end++)
            continue;
        if (!send_wave(self, self->order + at, end - at))
            return false;
    }
    return true;
}

/* Carries out the window, and notes how far that is. */
static bool flush(struct import *self)
{
    if (self->line_count == 0)
        return true;
    teller_drain(self->session.client);
    enum err err = account_error(self);
    if (err != ERR_OK)
        return no_outcome(self, err);
    if (!send_waves(self))
        return false;
    for (size_t i = 0; i < self->line_count; i++) {
        if (!settle(self, &self->lines[i]))
            return false;
    }
    self->progress.offset = self->behind;
    self->progress.line = self->behind_line;
    self->line_count = self->row_count = self->arena_used = 0;
    self->wave_count = 0;
    import_touch_clear(&self->touch);
    if (import_report_save(&self->report, &self->progress) != ERR_OK)
        return cannot_write(self);
    import_report_bar(&self->report, &self->progress);
    return true;
}

/* ---- accounts --------------------------------------------------------------------------------- */

static void account_done(void *context, const struct teller_result *result)
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

static bool submit_account(struct import *self, const struct teller_account_command *command,
                           teller_done *done, void *context)
{
    enum err err;
    while ((err = teller_submit_account(self->session.client, command, done, context)) == ERR_FULL)
        teller_poll(self->session.client, -1);
    return err == ERR_OK || no_outcome(self, err);
}

/* An account that this import has not met yet is opened; if it is there already, so much the better. */
static bool create(struct import *self, struct str id, currency_index currency)
{
    struct touch_slot *slot = import_touch_slot(&self->touch, id);
    if (!self->creates_accounts || slot->is_open)
        return true;
    slot->is_open = true;
    const struct teller_account_command command = {.kind = TELLER_ACCOUNT_OPEN,
                                                   .account = id,
                                                   .owner = id,
                                                   .currency = currency,
                                                   .ceiling = TELLER_CEILING_NONE};
    return submit_account(self, &command, created, self);
}

static currency_index currency_of(void *owner, struct str account)
{
    struct import *self = owner;
    struct teller_account found;
    struct teller_answer answer;
    currency_index known = import_touch_slot(&self->touch, account)->currency;
    if (known != CURRENCY_NONE)
        return known;
    enum err err = teller_account_show(self->session.client, account, &found, &answer);
    return err == ERR_OK && answer.code == CODE_OK ? found.currency : CURRENCY_NONE;
}

/* ---- the window ------------------------------------------------------------------------------- */

static struct line line_of(const struct import_record *record, const struct import_line *read)
{
    return (struct line){.kind = LINE_REFUSED,
                         .number = record->line,
                         .start = record->start,
                         .end = record->end,
                         .code = read->code,
                         .field = read->field,
                         .message = read->message};
}

static struct line *line_add(struct import *self, const struct line *line)
{
    CHECK(self->line_count < ROWS_MAX);
    self->lines[self->line_count] = *line;
    return &self->lines[self->line_count++];
}

static bool add_account(struct import *self, const struct import_record *record,
                        const struct import_line *read)
{
    const struct teller_account_command *command = &read->account;
    if (import_touch_is_touched(&self->touch, command->account) && !flush(self))
        return false;
    struct line line = line_of(record, read);
    line.kind = LINE_ACCOUNT;
    line.is_opening = command->kind == TELLER_ACCOUNT_OPEN;
    struct touch_slot *slot = import_touch_slot(&self->touch, command->account);
    slot->is_open = true;
    if (command->kind == TELLER_ACCOUNT_OPEN)
        slot->currency = command->currency;
    import_touch_note(&self->touch, command->account, 0, 0);
    return submit_account(self, command, account_done, line_add(self, &line));
}

static void *arena_take(struct import *self, size_t bytes)
{
    void *place = self->arena + self->arena_used;
    self->arena_used += (bytes + 15) & ~(size_t)15;
    CHECK(self->arena_used <= ARENA_BYTES);
    return place;
}

static struct str arena_copy(struct import *self, struct str text)
{
    if (text.length == 0)
        return (struct str){0};
    char *place = arena_take(self, text.length);
    memcpy(place, text.data, text.length);
    return (struct str){place, text.length};
}

static void keep_strings(struct import *self, struct teller_item *item)
{
    item->from = arena_copy(self, item->from);
    item->to = arena_copy(self, item->to);
    item->memo = arena_copy(self, item->memo);
    item->reference = arena_copy(self, item->reference);
}

static uint32_t partition_of(const struct import *self, const struct teller_item *item)
{
    const struct teller_item *first = item->kind == TELLER_GROUP ? &item->items[0] : item;
    return teller_partition_of(first->kind == TELLER_DEPOSIT ? first->to : first->from,
                               teller_partitions(self->session.client));
}

/* Calls visit for each account of an item or a group. */
typedef bool visit_account(struct import *self, struct line *line, uint32_t partition,
                           const struct teller_item *item, struct str account);

static bool visit_accounts(struct import *self, struct line *line, uint32_t partition, visit_account *visit)
{
    bool is_group = line->item.kind == TELLER_GROUP;
    const struct teller_item *items = is_group ? line->item.items : &line->item;
    for (size_t i = 0; i < (is_group ? line->item.item_count : 1u); i++) {
        if ((items[i].from.length > 0 && !visit(self, line, partition, &items[i], items[i].from)) ||
            (items[i].to.length > 0 && !visit(self, line, partition, &items[i], items[i].to)))
            return false;
    }
    return true;
}

static bool find_wave(struct import *self, struct line *line, uint32_t partition,
                      const struct teller_item *item, struct str account)
{
    uint32_t wave = import_touch_wave(&self->touch, account, partition);
    if (wave > line->wave)
        line->wave = wave;
    return create(self, account, item->currency);
}

static bool note_wave(struct import *self, struct line *line, uint32_t partition,
                      const struct teller_item *item, struct str account)
{
    /* A group between partitions is carried out some time after it was sent, so nothing may follow it in its wave. */
    bool is_group = line->item.kind == TELLER_GROUP;
    (void)item;
    import_touch_note(&self->touch, account, is_group ? UINT32_MAX : partition, line->wave);
    return true;
}

/* The item of the line, and its strings, are in the arena. */
static bool add_money(struct import *self, struct line *line)
{
    uint32_t partition = partition_of(self, &line->item);
    line->kind = LINE_MONEY;
    line->rows = line->item.kind == TELLER_GROUP ? 1u + line->item.item_count : 1u;
    if (!visit_accounts(self, line, partition, find_wave))
        return false;
    visit_accounts(self, line, partition, note_wave);
    if (line->wave >= self->wave_count)
        self->wave_count = line->wave + 1;
    self->row_count += line->rows;
    line_add(self, line);
    return true;
}

/* ---- groups ----------------------------------------------------------------------------------- */

static void group_begin(struct import *self, const struct uuid *id, const struct line *line)
{
    struct grouping *g = &self->grouping;
    *g = (struct grouping){.is_open = true, .id = *id, .line = *line};
    g->items = arena_take(self, TELLER_GROUP_MAX * sizeof *g->items);
}

/* One item that cannot be sent refuses the group. */
static void group_add(struct import *self, const struct import_line *read, size_t end)
{
    struct grouping *g = &self->grouping;
    enum code code = read->kind == IMPORT_ITEM ? read->code : CODE_INVALID_FIELD;
    g->line.end = end;
    if (code == CODE_OK && g->count == TELLER_GROUP_MAX)
        code = CODE_TOO_LARGE;
    if (code != CODE_OK && g->line.code == CODE_OK) {
        g->line.code = code;
        g->line.field = code == read->code ? read->field : FIELD_ITEMS;
        g->line.message = code == read->code ? read->message : NULL;
    }
    if (g->line.code != CODE_OK)
        return;
    g->items[g->count] = read->item;
    keep_strings(self, &g->items[g->count++]);
}

static bool group_end(struct import *self)
{
    struct grouping *g = &self->grouping;
    if (!g->is_open)
        return true;
    g->is_open = false;
    g->line.item =
        (struct teller_item){.kind = TELLER_GROUP, .id = g->id, .item_count = g->count, .items = g->items};
    if (g->line.code == CODE_OK)
        return add_money(self, &g->line);
    line_add(self, &g->line);
    return true;
}

/* A group of JSON: all of it stands in one line. */
static bool add_group(struct import *self, const struct import_record *record, const struct import_line *read)
{
    struct line line = line_of(record, read);
    group_begin(self, &read->group, &line);
    for (uint32_t i = 0; i < record->item_count; i++) {
        struct import_record item = {.line = record->line};
        struct import_line read_item;
        import_source_item(self->source, i, &item);
        import_line_read(&self->context, &item, i + 1, &read_item);
        group_add(self, &read_item, record->end);
    }
    return group_end(self);
}

/* ---- lines ------------------------------------------------------------------------------------ */

static bool make_room(struct import *self)
{
    bool has_room = self->row_count + TELLER_GROUP_MAX + 1 < ROWS_MAX && self->line_count + 2 < ROWS_MAX &&
                    self->arena_used + ARENA_RESERVE < ARENA_BYTES;
    return has_room || flush(self);
}

/* A line that stands for itself; an open group has ended. */
static bool add_alone(struct import *self, const struct import_record *record, const struct import_line *read)
{
    struct line line = line_of(record, read);
    if (read->code != CODE_OK) {
        line_add(self, &line);
        return true;
    }
    switch (read->kind) {
    case IMPORT_ITEM:
        line.item = read->item;
        keep_strings(self, &line.item);
        return add_money(self, &line);
    case IMPORT_ACCOUNT:
        return add_account(self, record, read);
    case IMPORT_GROUP:
        return add_group(self, record, read);
    }
    CHECK_UNREACHABLE();
}

static bool add_record(struct import *self, const struct import_record *record)
{
    struct import_line read;
    import_line_read(&self->context, record, 0, &read);
    bool in_group = read.kind == IMPORT_ITEM && !uuid_is_nil(&read.group);
    if (self->grouping.is_open && in_group && uuid_equal(&read.group, &self->grouping.id)) {
        group_add(self, &read, record->end);
    } else {
        if (!group_end(self))
            return false;
        self->behind = self->here;
        self->behind_line = self->here_line;
        if (!make_room(self))
            return false;
        if (in_group) {
            const struct import_line good = {.code = CODE_OK};
            struct line line = line_of(record, &good);
            group_begin(self, &read.group, &line);
            group_add(self, &read, record->end);
        } else if (!add_alone(self, record, &read)) {
            return false;
        }
    }
    return true;
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
        emit_unsigned(&json, "expired", p->expired);
        emit_unsigned(&json, "accounts", p->opened);
        emit_text(&json, "refused_file", p->refused > 0 ? self->report.refused_path : NULL);
        emit_bool(&json, "resumed", skipped > 0);
        emit_end(&json);
        emit_line(&json);
        return;
    }
    printf("%s: %llu lines done, %llu refused, %llu accounts opened or found open.\n", self->path,
           (unsigned long long)p->done, (unsigned long long)p->refused, (unsigned long long)p->opened);
    if (p->expired > 0)
        printf("Left out: holds whose time is over: %llu.\n", (unsigned long long)p->expired);
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
    uint64_t skipped =
        has_resumed ? self->progress.done + self->progress.refused + self->progress.expired : 0;
    for (;;) {
        import_source_tell(self->source, &self->here, &self->here_line);
        if (!import_source_next(self->source, &record))
            break;
        if (!add_record(self, &record))
            return self->code;
    }
    if (!group_end(self))
        return self->code;
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
    self->lines = malloc(ROWS_MAX * sizeof *self->lines);
    self->order = malloc(ROWS_MAX * sizeof *self->order);
    self->arena = malloc(ARENA_BYTES);
    self->context.ids = import_ids_new(import_source_digest(self->source));
    self->context.currency_of = currency_of;
    self->context.owner = self;
    if (self->batch == NULL || self->lines == NULL || self->order == NULL || self->arena == NULL ||
        self->context.ids == NULL || !import_touch_init(&self->touch))
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
    import_ids_destroy(&self->context.ids);
    free(self->lines);
    free(self->order);
    free(self->arena);
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
            "JSON has the same names: op (account.open, deposit, withdraw, transfer, hold), transaction_id, "
            "account,\n"
            "from_account, to_account, owner, currency, amount (\"12.50\"), minimum_balance, ceiling, "
            "product, memo,\n"
            "reference, expires. Other columns are passed over. A line without transaction_id gets one from\n"
            "the file's digest and its number: importing the same file again moves nothing. Refused lines "
            "are\n"
            "listed in FILE.refused.csv; holds whose time is over are left out and counted.\n"
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
    if (self.currency_name != NULL &&
        !argument_currency(&self.session, self.currency_name, &self.context.currency))
        return EXIT_CODE_USAGE;
    return import_file(&self);
}
