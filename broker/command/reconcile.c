/* teller reconcile: a bank's statement against the ledger.
 *
 * The order of asking matters while money moves: first the statement, then the calls that are open, then the ledger. What is in the statement
 * and was booked meanwhile is found in the ledger; what is not booked yet was an open call before. What the ledger has booked since is later than the
 * statement, and not reported.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "actors/base/date.h"
#include "adapters/http/http_client.h"
#include "broker/command.h"
#include "broker/command/answer.h"
#include "broker/command/arguments.h"
#include "broker/command/bank_statement.h"
#include "broker/command/print.h"
#include "broker/wire/banks.h"

#define MARGIN_US \
    DATE_DAY_US /* looked at beyond the period on both sides, for the other half of what is inside */
#define DAY_LAST_US (DATE_DAYS_MAX * DATE_DAY_US)

enum { URL_CAPACITY = 2048, REPLY_MAX = 256 << 20, FETCH_MS = 120000, LOOK_MS = 1000, WIDE_MAX = 48 };

struct reconciling {
    struct session session;
    struct str bank;
    const char *file, *url;
    bool has_from, has_to;
    int64_t from_us, to_us;
    struct row_list statement, ledger, calls;
    char why[BANK_STATEMENT_WHY_MAX];
};

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static int fail(const struct reconciling *self, const char *about)
{
    fprintf(stderr, "teller reconcile: %s: %s\n", about, self->why);
    return EXIT_CODE_USAGE;
}

/* ---- the statement: a file ------------------------------------------------------------------------ */

static bool no_file(struct reconciling *self, const char *why)
{
    snprintf(self->why, sizeof self->why, "%s", why);
    return false;
}

static bool read_file(struct reconciling *self)
{
    uint64_t next;
    struct stat is;
    int file = open(self->file, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &is) != 0) {
        bool is_told = no_file(self, strerror(errno));
        if (file >= 0)
            close(file);
        return is_told;
    }
    size_t length = (size_t)is.st_size;
    char *bytes = length == 0 ? MAP_FAILED : mmap(NULL, length, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (bytes == MAP_FAILED)
        return no_file(self, length == 0 ? "it is empty" : strerror(errno));
    bool is_read = bank_statement_read(bytes, length, &self->statement, &next, self->why);
    munmap(bytes, length);
    return is_read;
}

/* ---- the statement: from the bank ----------------------------------------------------------------- */

struct fetching {
    struct reconciling *self;
    uint64_t next;
    bool is_done, is_good;
};

static void take_page(void *context, const struct http_outcome *outcome)
{
    struct fetching *fetching = context;
    struct reconciling *self = fetching->self;
    fetching->is_done = true;
    if (outcome->result != HTTP_REPLY)
        snprintf(self->why, sizeof self->why, "%s", outcome->error);
    else if (outcome->status != 200)
        snprintf(self->why, sizeof self->why, "HTTP status %ld", outcome->status);
    else
        fetching->is_good =
            bank_statement_read(outcome->body, outcome->length, &self->statement, &fetching->next, self->why);
}

static void add_day(char *url, const char *key, int64_t time_us)
{
    size_t length = strlen(url);
    char day[DATE_TEXT_MAX];
    if (time_us < 0 || time_us >= DAY_LAST_US)
        return;
    date_format(date_of_time(time_us, 0), day);
    snprintf(url + length, URL_CAPACITY - length, "&%s=%s", key, day);
}

static bool fetch_page(struct reconciling *self, struct http_client *client, struct fetching *fetching)
{
    char url[URL_CAPACITY];
    snprintf(url, sizeof url, "%s%cformat=json&after=%llu", self->url, strchr(self->url, '?') ? '&' : '?',
             (unsigned long long)fetching->next);
    if (self->has_from)
        add_day(url, "from", self->from_us - MARGIN_US);
    if (self->has_to)
        add_day(url, "to", self->to_us + MARGIN_US);
    const struct http_request request = {
        .method = "GET", .url = url, .timeout_ms = FETCH_MS, .reply_max = REPLY_MAX};
    *fetching = (struct fetching){.self = self};
    if (strlen(url) >= sizeof url - 1 || http_client_start(client, &request, take_page, fetching) != ERR_OK)
        return no_file(self, "it cannot be asked: https://, or http:// on loopback");
    while (!fetching->is_done)
        http_client_run(client, -1, LOOK_MS);
    return fetching->is_good;
}

static bool is_on_loopback(const char *url)
{
    static const char *const hosts[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        size_t length = strlen(hosts[i]);
        if (strncmp(url, hosts[i], length) == 0 && strchr(":/?", url[length]) != NULL)
            return true;
    }
    return false;
}

static bool fetch(struct reconciling *self)
{
    struct fetching fetching = {.self = self};
    struct http_client_options options = http_client_options_default();
    options.allows_http = is_on_loopback(self->url);
    if (http_global_init() != ERR_OK)
        return no_file(self, "no memory");
    struct http_client *client = http_client_new(&options);
    bool is_good = client != NULL || no_file(self, "no memory");
    do
        is_good = is_good && fetch_page(self, client, &fetching);
    while (is_good && fetching.next > 0);
    http_client_destroy(&client);
    http_global_release();
    return is_good;
}

/* Without an end the period ends before the bank is asked: what is booked later cannot be in its answer. */
static int read_statement(struct reconciling *self)
{
    int64_t before_us = now_us();
    if (!(self->url != NULL ? fetch(self) : read_file(self)))
        return fail(self, self->url != NULL ? self->url : self->file);
    if (self->url != NULL && (!self->has_to || self->to_us > before_us)) {
        self->has_to = true;
        self->to_us = before_us;
    }
    return EXIT_CODE_OK;
}

static bool is_inside(const struct reconciling *self, int64_t time_us)
{
    return (!self->has_from || time_us >= self->from_us) && (!self->has_to || time_us < self->to_us);
}

/* ---- open calls ----------------------------------------------------------------------------------- */

static struct str text_of(const struct mp_reader *row, const char *key)
{
    struct mp_reader value;
    struct str text = {0};
    return answer_find(row, key, &value) && mp_read_str(&value, &text) ? text : (struct str){0};
}

static bool read_calls(struct reconciling *self, struct str body, char cursor[32])
{
    struct mp_reader check = mp_reader_of(body.data, body.length), r = check, rows;
    const struct reconcile_row none = {0};
    uint32_t count;
    if (!mp_skip(&check, MP_DEPTH_MAX) || !answer_find(&r, "calls", &rows) || !mp_read_array(&rows, &count))
        return false;
    struct str next = text_of(&r, "cursor");
    snprintf(cursor, 32, "%.*s", (int)next.length, next.length > 0 ? next.data : "");
    for (; count > 0; count--) {
        if (!row_list_add(&self->calls, &none, text_of(&rows, "bank_reference"), text_of(&rows, "id")) ||
            !mp_skip(&rows, MP_DEPTH_MAX))
            return false;
    }
    return true;
}

/* A node that has no banks (any more) has no open calls. */
static int ask_calls(struct reconciling *self)
{
    struct mp_writer w = {0};
    char cursor[32] = "";
    int code = EXIT_CODE_OK;
    do {
        struct teller_answer answer;
        struct str reply = {0};
        mp_writer_reset(&w);
        wire_bank_calls_body_write(&w, self->bank, WIRE_BANK_CALLS_MAX, str_from(cursor));
        enum err err =
            w.failed ? ERR_NO_MEMORY
                     : teller_ask(self->session.client, STR_LITERAL("bank.calls"), TELLER_ANY_PARTITION,
                                  (struct str){(const char *)w.data, (uint32_t)w.length}, &reply, &answer);
        if (err == ERR_OK && answer.code == CODE_BANK_NOT_FOUND)
            fprintf(stderr, "teller reconcile: the node has no bank '%.*s' (any more)\n",
                    (int)self->bank.length, self->bank.data);
        if (err == ERR_OK && (answer.code == CODE_UNSUPPORTED || answer.code == CODE_BANK_NOT_FOUND))
            break;
        code = session_check(&self->session, err, &answer, NULL);
        if (code == EXIT_CODE_OK && !read_calls(self, reply, cursor))
            code = session_malformed(&self->session);
    } while (code == EXIT_CODE_OK && cursor[0] != '\0');
    mp_writer_release(&w);
    return code;
}

/* ---- the ledger ----------------------------------------------------------------------------------- */

static bool add_entry(struct reconciling *self, const struct teller_entry *entry, currency_index currency,
                      uint32_t partition)
{
    char id[UUID_TEXT_LENGTH + 1];
    bool is_in = entry->kind == TELLER_ENTRY_REMITTANCE_PULLED;
    if ((!is_in && entry->kind != TELLER_ENTRY_REMITTANCE_PAID) || !str_equal(entry->bank, self->bank))
        return true;
    const struct reconcile_row row = {.number = entry->position,
                                      .partition = partition,
                                      .currency = currency,
                                      .is_in = is_in,
                                      .is_inside = is_inside(self, entry->time_us),
                                      .time_us = entry->time_us,
                                      .amount = entry->amount};
    uuid_format(&entry->id, id);
    return row_list_add(&self->ledger, &row, entry->bank_reference, str_from(id));
}

static int ask_account(struct reconciling *self, currency_index currency, uint32_t partition,
                       struct teller_entry *page)
{
    char account[ACCOUNT_ID_MAX + 1], cursor[128] = "";
    snprintf(account, sizeof account, "house:bank:%s:%u", currency_at(currency)->code, partition);
    do {
        const struct teller_history_query query = {.account = str_from(account),
                                                   .limit = TELLER_PAGE_MAX,
                                                   .cursor = str_from(cursor),
                                                   .has_after = self->has_from,
                                                   .after_us = self->from_us - MARGIN_US};
        struct teller_answer answer;
        struct str next;
        size_t count;
        enum err err = teller_history(self->session.client, &query, page, &count, &next, &answer);
        if (err == ERR_OK && answer.code == CODE_ACCOUNT_NOT_FOUND)
            return EXIT_CODE_OK;
        int code = session_check(&self->session, err, &answer, NULL);
        for (size_t i = 0; code == EXIT_CODE_OK && i < count; i++) {
            if (!add_entry(self, &page[i], currency, partition))
                code = session_check(&self->session, ERR_NO_MEMORY, NULL, NULL);
        }
        if (code != EXIT_CODE_OK)
            return code;
        snprintf(cursor, sizeof cursor, "%.*s", (int)next.length, next.length > 0 ? next.data : "");
    } while (cursor[0] != '\0');
    return EXIT_CODE_OK;
}

static int compare_times(const void *a_, const void *b_)
{
    const struct reconcile_row *a = a_, *b = b_;
    if (a->time_us != b->time_us)
        return a->time_us > b->time_us ? 1 : -1;
    return (a->number > b->number) - (a->number < b->number);
}

/* Oldest first: of two rows of one payment the later is the one too many.
 *
 * Every currency there is: one that the bank has forgotten is missed too. */
static int ask_ledger(struct reconciling *self)
{
    struct teller_version version;
    struct teller_answer answer;
    enum err err = teller_version(self->session.client, &version, &answer);
    int code = session_check(&self->session, err, &answer, NULL);
    uint32_t partitions = code == EXIT_CODE_OK ? version.partitions : 0;
    struct teller_entry *page = malloc(TELLER_PAGE_MAX * sizeof *page);
    if (page == NULL)
        code = session_check(&self->session, ERR_NO_MEMORY, NULL, NULL);
    for (uint32_t p = 0; p < partitions; p++) {
        for (size_t c = 1; code == EXIT_CODE_OK && c < currency_count(); c++)
            code = ask_account(self, (currency_index)c, p, page);
    }
    free(page);
    if (self->ledger.count > 0)
        qsort(self->ledger.rows, self->ledger.count, sizeof *self->ledger.rows, compare_times);
    return code;
}

/* ---- what is told --------------------------------------------------------------------------------- */

/* Sums may be wider than an amount. */
static const char *wide_text(__int128 minor, currency_index currency, char out[WIDE_MAX])
{
    size_t at = WIDE_MAX - 1;
    unsigned exponent = currency_at(currency)->exponent;
    out[at] = '\0';
    for (unsigned digits = 0; minor > 0 || digits <= exponent; digits++, minor /= 10) {
        if (digits == exponent && exponent > 0)
            out[--at] = '.';
        out[--at] = (char)('0' + (int)(minor % 10));
    }
    return out + at;
}

static const char *direction_of(const struct reconcile_row *row)
{
    return row->is_in ? "in" : "out";
}

static void row_json(struct emit *json, const char *name, const struct reconcile_row *row)
{
    if (row == NULL) {
        emit_null(json, name);
        return;
    }
    bool is_ledger = strcmp(name, "ledger") == 0;
    emit_object_in(json, name);
    if (is_ledger)
        emit_unsigned(json, "partition", row->partition);
    emit_unsigned(json, is_ledger ? "position" : "number", row->number);
    emit_time(json, "time", row->time_us);
    emit_text(json, "direction", direction_of(row));
    emit_money(json, "amount", row->amount, row->currency);
    emit_text(json, "currency", currency_at(row->currency)->code);
    emit_text(json, "reference", row->reference);
    emit_text(json, is_ledger ? "remittance" : "id", row->id);
    emit_end(json);
}

static void sums_json(struct emit *json, const struct reconciling *self)
{
    char text[WIDE_MAX];
    emit_array(json, "sums");
    for (size_t c = 1; c < currency_count(); c++) {
        struct reconcile_sum bank, ledger;
        currency_index currency = (currency_index)c;
        bool has_bank = reconcile_sum(self->statement.rows, self->statement.count, currency, &bank);
        bool has_ledger = reconcile_sum(self->ledger.rows, self->ledger.count, currency, &ledger);
        if (!has_bank && !has_ledger)
            continue;
        emit_object(json);
        emit_text(json, "currency", currency_at(currency)->code);
        emit_text(json, "bank_in", wide_text(bank.in, currency, text));
        emit_text(json, "bank_out", wide_text(bank.out, currency, text));
        emit_text(json, "ledger_in", wide_text(ledger.in, currency, text));
        emit_text(json, "ledger_out", wide_text(ledger.out, currency, text));
        emit_end(json);
    }
    emit_end(json);
}

static void result_json(const struct reconciling *self, const struct reconcile_result *result)
{
    struct emit json = emit_to(stdout);
    emit_object(&json);
    emit_str(&json, "bank", self->bank);
    emit_unsigned(&json, "matched", result->matched);
    emit_object_in(&json, "totals");
    for (int kind = 0; kind < RECONCILE_KINDS; kind++)
        emit_unsigned(&json, reconcile_kind_name((enum reconcile_kind)kind), result->by_kind[kind]);
    emit_end(&json);
    sums_json(&json, self);
    emit_array(&json, "differences");
    for (size_t i = 0; i < result->count; i++) {
        const struct reconcile_difference *difference = &result->differences[i];
        emit_object(&json);
        emit_text(&json, "kind", reconcile_kind_name(difference->kind));
        row_json(&json, "bank", difference->bank);
        row_json(&json, "ledger", difference->ledger);
        emit_end(&json);
    }
    emit_end(&json);
    emit_end(&json);
    emit_line(&json);
}

static void row_text(const char *side, const struct reconcile_row *row)
{
    if (row == NULL)
        return;
    printf("  %-6s  %s  %-3s  %16s %s  %s", side, time_text(row->time_us), direction_of(row),
           money_text(row->amount, row->currency), currency_at(row->currency)->code,
           row->reference[0] != '\0' ? row->reference : "(no reference)");
    if (row->id[0] != '\0')
        printf("  %s", row->id);
    putchar('\n');
}

static void sums_text(const struct reconciling *self)
{
    printf("%-3s  %-6s  %9s  %20s  %9s  %20s\n", "", "", "IN", "AMOUNT", "OUT", "AMOUNT");
    for (size_t c = 1; c < currency_count(); c++) {
        struct reconcile_sum sums[2];
        char in[WIDE_MAX], out[WIDE_MAX];
        currency_index currency = (currency_index)c;
        bool has_bank = reconcile_sum(self->statement.rows, self->statement.count, currency, &sums[0]);
        bool has_ledger = reconcile_sum(self->ledger.rows, self->ledger.count, currency, &sums[1]);
        for (int side = 0; (has_bank || has_ledger) && side < 2; side++)
            printf("%-3s  %-6s  %9zu  %20s  %9zu  %20s\n", currency_at(currency)->code,
                   side == 0 ? "bank" : "ledger", sums[side].in_count, wide_text(sums[side].in, currency, in),
                   sums[side].out_count, wide_text(sums[side].out, currency, out));
    }
}

static void result_text(const struct reconciling *self, const struct reconcile_result *result)
{
    const char *before = "";
    for (size_t i = 0; i < result->count; i++) {
        const struct reconcile_difference *difference = &result->differences[i];
        const char *kind = reconcile_kind_name(difference->kind);
        if (strcmp(kind, before) != 0)
            printf("%s %zu\n", kind, result->by_kind[difference->kind]);
        before = kind;
        row_text("bank", difference->bank);
        row_text("ledger", difference->ledger);
    }
    if (result->count > 0)
        putchar('\n');
    sums_text(self);
    printf("\n%.*s: %zu payment%s found on both sides, %zu difference%s.\n", (int)self->bank.length,
           self->bank.data, result->matched, result->matched == 1 ? "" : "s", result->count,
           result->count == 1 ? "" : "s");
}

/* ---- the command ---------------------------------------------------------------------------------- */

static int compare_all(struct reconciling *self)
{
    struct reconcile_result result;
    struct reconcile_call *calls = calloc(self->calls.count + 1, sizeof *calls);
    for (size_t i = 0; calls != NULL && i < self->calls.count; i++)
        calls[i] = (struct reconcile_call){self->calls.rows[i].id, self->calls.rows[i].reference};
    for (size_t i = 0; i < self->statement.count; i++)
        self->statement.rows[i].is_inside = is_inside(self, self->statement.rows[i].time_us);
    const struct reconcile_input input = {self->statement.rows,  self->ledger.rows,  calls,
                                          self->statement.count, self->ledger.count, self->calls.count};
    enum err err = calls == NULL ? ERR_NO_MEMORY : reconcile(&input, &result);
    if (err != ERR_OK) {
        free(calls);
        return session_check(&self->session, err, NULL, NULL);
    }
    if (self->session.json)
        result_json(self, &result);
    else
        result_text(self, &result);
    int code = result.count == 0 ? EXIT_CODE_OK : EXIT_CODE_ERROR;
    reconcile_release(&result);
    free(calls);
    return code;
}

static int run(struct reconciling *self)
{
    int code = read_statement(self);
    if (code == EXIT_CODE_OK)
        code = session_open(&self->session);
    if (code == EXIT_CODE_OK)
        code = ask_calls(self);
    if (code == EXIT_CODE_OK)
        code = ask_ledger(self);
    if (code == EXIT_CODE_OK)
        code = compare_all(self);
    session_close(&self->session);
    row_list_release(&self->statement);
    row_list_release(&self->ledger);
    row_list_release(&self->calls);
    return code;
}

int command_reconcile(int argc, char **argv)
{
    struct reconciling self = {.file = NULL};
    const char *arguments[1], *from = NULL, *to = NULL;
    struct option_row rows[SESSION_OPTIONS + 4];
    session_options(&self.session, "reconcile", rows);
    rows[SESSION_OPTIONS] = (struct option_row){.name = "statement",
                                                .type = OPTION_TEXT,
                                                .out = &self.file,
                                                .value = "FILE",
                                                .help = "the bank's statement: CSV or JSON"};
    rows[SESSION_OPTIONS + 1] =
        (struct option_row){.name = "url",
                            .type = OPTION_TEXT,
                            .out = &self.url,
                            .value = "URL",
                            .help = "or where teller bank gives one: …/admin/statement"};
    rows[SESSION_OPTIONS + 2] = (struct option_row){.name = "from",
                                                    .type = OPTION_TEXT,
                                                    .out = &from,
                                                    .value = "TIME",
                                                    .help = "payments at or after it"};
    rows[SESSION_OPTIONS + 3] = (struct option_row){
        .name = "to", .type = OPTION_TEXT, .out = &to, .value = "TIME", .help = "payments before it"};
    const struct manual manual = {
        .usage = "teller reconcile BANK (--statement FILE | --url URL) [options]",
        .summary =
            "Compares what a bank says it has done for us with what the ledger says it did, and lists every\n"
            "difference by kind: MISSING_AT_BANK, MISSING_IN_LEDGER, AMOUNT_DIFFERS, CURRENCY_DIFFERS,\n"
            "DIRECTION_DIFFERS, DUPLICATE_AT_BANK, DUPLICATE_IN_LEDGER, and IN_FLIGHT (the bank has it, and "
            "our\n"
            "remittance is still asking). A statement that reaches a day beyond the period on both sides\n"
            "finds the other half of what happened at its ends.\n"
            "Exit codes: 0 no difference, 1 differences (or refused), 2 usage or no statement, 3 no server,\n"
            "4 no answer.",
        .examples = "  teller reconcile kftc --statement kftc-2026-11.csv --from 2026-11-01 --to 2026-12-01\n"
                    "  teller reconcile kftc --url 'http://127.0.0.1:7800/admin/statement?rail=kftc' --json",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
        .argument_min = 1,
        .argument_max = 1};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    self.bank = str_from(arguments[0]);
    if ((self.file == NULL) == (self.url == NULL))
        return session_usage(&self.session, "one of --statement and --url is needed");
    if (!argument_time(&self.session, "--from", from, &self.has_from, &self.from_us) ||
        !argument_time(&self.session, "--to", to, &self.has_to, &self.to_us))
        return EXIT_CODE_USAGE;
    return run(&self);
}
