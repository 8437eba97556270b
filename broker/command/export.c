/* teller export --accounts: every account with its balance, through the server. Without --accounts it is the
 * export of a data directory (broker/offline). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/command.h"
#include "broker/command/account.h"
#include "broker/command/csv.h"
#include "broker/command/session.h"

enum { CURSOR_MAX = 80, PATH_MAX_BYTES = 4096 };

struct exporting {
    struct session session;
    const char *format, *path;
    bool is_csv;
    FILE *out;
    struct teller_account *page;
};

static void write_csv(FILE *out, const struct teller_account *account)
{
    bool has_ceiling = account->ceiling != TELLER_CEILING_NONE;
    csv_write(out, str_from(account->account), ',');
    csv_write(out, str_from(account->owner), ',');
    fprintf(out, "%s,", currency_at(account->currency)->code);
    csv_write(out, str_from(account->product), ',');
    fprintf(out, "%s,%s,%s,", account_state_word(account->state),
            money_text(account->balance, account->currency), money_text(account->pending, account->currency));
    fprintf(out, "%s,%s,%s\n", money_text(account->minimum_balance, account->currency),
            has_ceiling ? money_text(account->ceiling, account->currency) : "",
            time_text_utc(account->opened_us));
}

static void write_page(const struct exporting *self, size_t count)
{
    struct emit json = emit_to(self->out);
    for (size_t i = 0; i < count; i++) {
        if (self->is_csv) {
            write_csv(self->out, &self->page[i]);
        } else {
            account_json(&json, &self->page[i]);
            emit_line(&json);
        }
    }
}

static int export_pages(struct exporting *self)
{
    char cursor[CURSOR_MAX] = "";
    do {
        struct teller_list_query query = {.limit = TELLER_PAGE_MAX, .cursor = str_from(cursor)};
        struct teller_answer answer;
        struct str next;
        size_t count;
        enum err err = teller_account_list(self->session.client, &query, self->page, &count, &next, &answer);
        int code = session_check(&self->session, err, &answer, NULL);
        if (code != EXIT_CODE_OK)
            return code;
        write_page(self, count);
        snprintf(cursor, sizeof cursor, "%.*s", (int)next.length, next.length > 0 ? next.data : "");
    } while (cursor[0] != '\0');
    return EXIT_CODE_OK;
}

static int cannot_write(const struct exporting *self)
{
    fprintf(stderr, "teller export: cannot write %s: %s\n", self->path == NULL ? "the output" : self->path,
            strerror(errno));
    return EXIT_CODE_ERROR;
}

/* A file appears under its name only when all of it has been written. */
static int export_file(struct exporting *self)
{
    char name[PATH_MAX_BYTES];
    bool is_file = self->path != NULL;
    if (is_file && (size_t)snprintf(name, sizeof name, "%s.new", self->path) >= sizeof name) {
        errno = ENAMETOOLONG;
        return cannot_write(self);
    }
    self->out = is_file ? fopen(name, "w") : stdout;
    if (self->out == NULL)
        return cannot_write(self);
    if (self->is_csv)
        fprintf(self->out,
                "account,owner,currency,product,state,balance,pending,minimum_balance,ceiling,opened\n");
    int code = export_pages(self);
    bool is_written = fflush(self->out) == 0 && (!is_file || fsync(fileno(self->out)) == 0);
    if (is_file)
        is_written = fclose(self->out) == 0 && is_written;
    if (code == EXIT_CODE_OK && is_file && is_written)
        is_written = rename(name, self->path) == 0;
    else if (is_file)
        unlink(name);
    return code == EXIT_CODE_OK && !is_written ? cannot_write(self) : code;
}

static int export_accounts(int argc, char **argv)
{
    struct exporting self = {.format = "csv"};
    bool accounts = false;
    struct option_row rows[SESSION_OPTIONS + 3];
    session_options(&self.session, "export", rows);
    rows[SESSION_OPTIONS] = (struct option_row){
        .name = "accounts", .type = OPTION_FLAG, .out = &accounts, .help = "every account with its balance"};
    rows[SESSION_OPTIONS + 1] = (struct option_row){.name = "format",
                                                    .type = OPTION_TEXT,
                                                    .out = &self.format,
                                                    .value = "csv|jsonl",
                                                    .help = "(csv; --json means jsonl)"};
    rows[SESSION_OPTIONS + 2] = (struct option_row){.name = "out",
                                                    .type = OPTION_TEXT,
                                                    .out = &self.path,
                                                    .value = "FILE",
                                                    .help = "write there (standard output)"};
    const struct manual manual = {
        .usage = "teller export --accounts [options]",
        .summary = "Writes all accounts, a line each. Accounts that change meanwhile appear "
                   "as they are\nwhen their page is read.\n" SESSION_EXIT_CODES,
        .examples = "  teller export --accounts --out accounts.csv\n"
                    "  teller export --accounts --format jsonl",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows};
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    self.is_csv = strcmp(self.format, "csv") == 0 && !self.session.json;
    if (!self.is_csv && strcmp(self.format, "jsonl") != 0 && !self.session.json)
        return session_usage(&self.session, "--format is csv or jsonl, not '%s'", self.format);
    int code = session_open(&self.session);
    if (code != EXIT_CODE_OK)
        return code;
    self.page = malloc(TELLER_PAGE_MAX * sizeof *self.page);
    code = self.page == NULL ? session_check(&self.session, ERR_NO_MEMORY, NULL, NULL) : export_file(&self);
    free(self.page);
    session_close(&self.session);
    return code;
}

int command_export(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--accounts") == 0)
            return export_accounts(argc, argv);
    }
    return command_export_data(argc, argv);
}
