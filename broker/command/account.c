/* teller account open, change, freeze, unfreeze, close, show, list. */
#include "broker/command/account.h"

#include <stdlib.h>
#include <string.h>

#include "broker/command.h"
#include "broker/command/arguments.h"
#include "broker/command/listing.h"
#include "broker/command/verbs.h"

/* ---- printing --------------------------------------------------------------------------------- */

const char *account_state_word(enum teller_account_state state)
{
    static const char *const words[] = {
        [TELLER_ACTIVE] = "ACTIVE", [TELLER_FROZEN] = "FROZEN", [TELLER_CLOSED] = "CLOSED"};
    return words[state];
}

void account_json(struct emit *json, const struct teller_account *account)
{
    emit_object(json);
    emit_text(json, "account", account->account);
    emit_text(json, "owner", account->owner);
    emit_text(json, "currency", currency_at(account->currency)->code);
    emit_text(json, "product", account->product);
    emit_text(json, "state", account_state_word(account->state));
    emit_money(json, "balance", account->balance, account->currency);
    emit_money(json, "pending", account->pending, account->currency);
    emit_money(json, "available", account->available, account->currency);
    emit_money(json, "minimum_balance", account->minimum_balance, account->currency);
    if (account->ceiling == TELLER_CEILING_NONE)
        emit_null(json, "ceiling");
    else
        emit_money(json, "ceiling", account->ceiling, account->currency);
    emit_time(json, "opened", account->opened_us);
    if (account->base != CURRENCY_NONE) {
        emit_text(json, "base", currency_at(account->base)->code);
        emit_money(json, "book_value", account->book_value, account->base);
        emit_rate(json, "average_rate", account->average_rate);
    }
    emit_end(json);
}

static void print_money(const char *name, int64_t minor, currency_index currency)
{
    printf("%-16s%20s %s\n", name, money_text(minor, currency), currency_at(currency)->code);
}

static void print_account(const struct teller_account *account)
{
    printf("%-16s%s\n", "account", account->account);
    printf("%-16s%s\n", "owner", account->owner);
    if (account->product[0] != '\0')
        printf("%-16s%s\n", "product", account->product);
    printf("%-16s%s\n", "state", account_state_word(account->state));
    printf("%-16s%s\n", "opened", time_text(account->opened_us));
    print_money("balance", account->balance, account->currency);
    print_money("pending", account->pending, account->currency);
    print_money("available", account->available, account->currency);
    print_money("minimum balance", account->minimum_balance, account->currency);
    if (account->ceiling != TELLER_CEILING_NONE)
        print_money("ceiling", account->ceiling, account->currency);
    if (account->base != CURRENCY_NONE)
        print_money("book value", account->book_value, account->base);
    if (account->average_rate > 0)
        printf("%-16s%20s %s\n", "average rate", rate_decimal(account->average_rate),
               currency_at(account->base)->code);
}

static void print_one(const struct session *session, const struct teller_account *account)
{
    struct emit json = emit_to(stdout);
    if (!session->json) {
        print_account(account);
        return;
    }
    account_json(&json, account);
    emit_line(&json);
}

/* ---- open and change -------------------------------------------------------------------------- */

enum { ATTRIBUTES = 5 };

struct attributes {
    struct session session;
    const char *owner, *product, *minimum_balance, *ceiling, *memo;
};

static void attribute_options(struct attributes *self, const char *name,
                              struct option_row rows[SESSION_OPTIONS + ATTRIBUTES])
{
    session_options(&self->session, name, rows);
    rows += SESSION_OPTIONS;
    rows[0] = option_text("owner", &self->owner, "TEXT", "whose it is: a name or a number of yours");
    rows[1] = option_text("product", &self->product, "NAME", "up to 16 characters");
    rows[2] = option_text("minimum-balance", &self->minimum_balance, "AMOUNT",
                          "what must stay in it; below zero: an overdraft (0)");
    rows[3] = option_text("ceiling", &self->ceiling, "AMOUNT", "the most it may hold, or none (none)");
    rows[4] = option_text("memo", &self->memo, "TEXT", "kept in the history");
}

static bool read_attributes(const struct attributes *self, currency_index currency,
                            struct teller_account_command *command)
{
    const struct session *session = &self->session;
    command->owner = argument_text(self->owner);
    command->product = argument_text(self->product);
    command->memo = argument_text(self->memo);
    command->ceiling = TELLER_CEILING_NONE;
    if (self->minimum_balance != NULL &&
        !argument_amount(session, "the minimum balance", self->minimum_balance, currency, true,
                         &command->minimum_balance))
        return false;
    if (self->ceiling == NULL || strcmp(self->ceiling, "none") == 0)
        return true;
    return argument_amount(session, "the ceiling", self->ceiling, currency, true, &command->ceiling);
}

/* Sends the command in an open session, and prints what comes of it. */
static int carry_out(struct session *session, const struct teller_account_command *command)
{
    struct teller_account account;
    struct teller_answer answer;
    enum err err = teller_account(session->client, command, &account, &answer);
    int code =
        session_check(session, err, &answer, command->kind == TELLER_ACCOUNT_OPEN ? &command->id : NULL);
    if (code == EXIT_CODE_OK)
        print_one(session, &account);
    return code;
}

static int account_open(int argc, char **argv)
{
    struct attributes self = {0};
    struct option_row rows[SESSION_OPTIONS + ATTRIBUTES + 3];
    const char *arguments[1], *currency = NULL, *id = NULL;
    bool fx = false;
    attribute_options(&self, "account open", rows);
    rows[SESSION_OPTIONS].required = true;
    rows[SESSION_OPTIONS + ATTRIBUTES] = option_text("currency", &currency, "CODE", "USD, KRW …");
    rows[SESSION_OPTIONS + ATTRIBUTES].required = true;
    rows[SESSION_OPTIONS + ATTRIBUTES + 1] =
        option_text("id", &id, "UUID", "of this request (a new one); the same id opens once");
    rows[SESSION_OPTIONS + ATTRIBUTES + 2] =
        (struct option_row){.name = "fx",
                            .type = OPTION_FLAG,
                            .out = &fx,
                            .help = "keep a book value and an average rate in the node's base currency"};
    const struct manual manual = {
        .usage = "teller account open [ACCOUNT] --owner TEXT --currency CODE [options]",
        .summary =
            "Opens an account. Without ACCOUNT, teller names it. Opening it again with the same attributes "
            "is\ndone already, and changes nothing.\n" SESSION_EXIT_CODES,
        .examples = "  teller account open alice --owner 'Alice Smith' --currency USD\n"
                    "  teller account open --owner c-1207 --currency KRW --ceiling 2000000 --json\n"
                    "  teller account open alice-usd --owner alice --currency USD --fx",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
        .argument_max = 1};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    struct teller_account_command command = {.kind = TELLER_ACCOUNT_OPEN, .fx = fx};
    if ((arguments[0] != NULL && !argument_account(&self.session, arguments[0], &command.account)) ||
        !argument_currency(&self.session, currency, &command.currency) ||
        !read_attributes(&self, command.currency, &command) || !argument_id(&self.session, id, &command.id))
        return EXIT_CODE_USAGE;
    int code = session_open(&self.session);
    if (code == EXIT_CODE_OK)
        code = carry_out(&self.session, &command);
    session_close(&self.session);
    return code;
}

static unsigned sets_of(const struct attributes *self)
{
    return (self->owner != NULL ? (unsigned)TELLER_SETS_OWNER : 0) |
           (self->product != NULL ? (unsigned)TELLER_SETS_PRODUCT : 0) |
           (self->minimum_balance != NULL ? (unsigned)TELLER_SETS_MINIMUM_BALANCE : 0) |
           (self->ceiling != NULL ? (unsigned)TELLER_SETS_CEILING : 0);
}

/* Amounts are typed with decimals: the account's currency has to be looked up first. */
static int change_in_session(struct attributes *self, struct str id)
{
    struct teller_account account;
    struct teller_answer answer;
    enum err err = teller_account_show(self->session.client, id, &account, &answer);
    int code = session_check(&self->session, err, &answer, NULL);
    if (code != EXIT_CODE_OK)
        return code;
    struct teller_account_command command = {
        .kind = TELLER_ACCOUNT_CHANGE, .sets = sets_of(self), .account = id};
    if (!read_attributes(self, account.currency, &command))
        return EXIT_CODE_USAGE;
    return carry_out(&self->session, &command);
}

static int account_change(int argc, char **argv)
{
    struct attributes self = {0};
    struct option_row rows[SESSION_OPTIONS + ATTRIBUTES];
    const char *arguments[1];
    struct str id;
    attribute_options(&self, "account change", rows);
    const struct manual manual = {
        .usage = "teller account change ACCOUNT [options]",
        .summary = "Changes what is given and leaves the rest as it is.\n" SESSION_EXIT_CODES,
        .examples = "  teller account change alice --ceiling 5000.00\n"
                    "  teller account change alice --ceiling none --memo 'as agreed'",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
        .argument_min = 1,
        .argument_max = 1};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!argument_account(&self.session, arguments[0], &id))
        return EXIT_CODE_USAGE;
    if (sets_of(&self) == 0)
        return session_usage(&self.session, "nothing to change was given");
    int code = session_open(&self.session);
    if (code == EXIT_CODE_OK)
        code = change_in_session(&self, id);
    session_close(&self.session);
    return code;
}

/* ---- freeze, unfreeze, close, show ------------------------------------------------------------- */

static int simple(const struct manual *texts, const char *name, enum teller_account_kind kind, int argc,
                  char **argv)
{
    struct session session;
    struct option_row rows[SESSION_OPTIONS + 1];
    const char *arguments[1], *memo = NULL;
    struct teller_account_command command = {.kind = kind};
    session_options(&session, name, rows);
    rows[SESSION_OPTIONS] = option_text("memo", &memo, "TEXT", "kept in the history");
    struct manual manual = *texts;
    manual.options = rows;
    manual.option_count = SESSION_OPTIONS + 1;
    manual.argument_min = manual.argument_max = 1;
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!argument_account(&session, arguments[0], &command.account))
        return EXIT_CODE_USAGE;
    command.memo = argument_text(memo);
    int code = session_open(&session);
    if (code == EXIT_CODE_OK)
        code = carry_out(&session, &command);
    session_close(&session);
    return code;
}

static int account_freeze(int argc, char **argv)
{
    static const struct manual texts = {
        .usage = "teller account freeze ACCOUNT [options]",
        .summary = "Freezes an account: it neither pays nor receives.\n" SESSION_EXIT_CODES,
        .examples = "  teller account freeze alice --memo 'court order 12/34'"};
    return simple(&texts, "account freeze", TELLER_ACCOUNT_FREEZE, argc, argv);
}

static int account_unfreeze(int argc, char **argv)
{
    static const struct manual texts = {.usage = "teller account unfreeze ACCOUNT [options]",
                                        .summary =
                                            "Makes a frozen account active again.\n" SESSION_EXIT_CODES,
                                        .examples = "  teller account unfreeze alice"};
    return simple(&texts, "account unfreeze", TELLER_ACCOUNT_UNFREEZE, argc, argv);
}

static int account_close(int argc, char **argv)
{
    static const struct manual texts = {.usage = "teller account close ACCOUNT [options]",
                                        .summary = "Closes an account for good. Its balance is zero, and no "
                                                   "money is on its way.\n" SESSION_EXIT_CODES,
                                        .examples = "  teller account close alice"};
    return simple(&texts, "account close", TELLER_ACCOUNT_CLOSE, argc, argv);
}

static int account_show(int argc, char **argv)
{
    struct session session;
    struct option_row rows[SESSION_OPTIONS];
    const char *arguments[1];
    struct str id;
    struct teller_account account;
    struct teller_answer answer;
    session_options(&session, "account show", rows);
    const struct manual manual = {.usage = "teller account show ACCOUNT [options]",
                                  .summary = "Shows an account.\n" SESSION_EXIT_CODES,
                                  .examples = "  teller account show alice --json",
                                  .options = rows,
                                  .option_count = SESSION_OPTIONS,
                                  .argument_min = 1,
                                  .argument_max = 1};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!argument_account(&session, arguments[0], &id))
        return EXIT_CODE_USAGE;
    int code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    enum err err = teller_account_show(session.client, id, &account, &answer);
    code = session_check(&session, err, &answer, NULL);
    if (code == EXIT_CODE_OK)
        print_one(&session, &account);
    session_close(&session);
    return code;
}

/* ---- list ------------------------------------------------------------------------------------- */

static void list_rows(struct listing *self, const struct teller_account *page, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct teller_account *account = &page[i];
        if (self->is_json)
            account_json(&self->json, account);
        else
            printf("%-*s  %-6s %22s %s  %s\n", ACCOUNT_ID_MAX, account->account,
                   account_state_word(account->state), money_text(account->balance, account->currency),
                   currency_at(account->currency)->code, account->owner);
    }
}

static int list_run(struct listing *self, const struct session *session, struct str owner,
                    struct teller_account *page)
{
    struct str next;
    size_t count;
    do {
        struct teller_answer answer;
        const struct teller_list_query query = {
            .owner = owner, .limit = listing_limit(self), .cursor = listing_cursor(self)};
        enum err err = teller_account_list(session->client, &query, page, &count, &next, &answer);
        int code = session_check(session, err, &answer, NULL);
        if (code != EXIT_CODE_OK)
            return code;
        if (listing_page_begin(self, session->json, "accounts"))
            printf("%-*s  %-6s %22s %s  %s\n", ACCOUNT_ID_MAX, "ACCOUNT", "STATE", "BALANCE", "CUR", "OWNER");
        list_rows(self, page, count);
    } while (listing_page_end(self, count, next));
    return EXIT_CODE_OK;
}

static int account_list(int argc, char **argv)
{
    struct session session;
    struct listing self;
    struct option_row rows[SESSION_OPTIONS + 1 + LISTING_OPTIONS];
    const char *owner = NULL;
    session_options(&session, "account list", rows);
    rows[SESSION_OPTIONS] = option_text("owner", &owner, "TEXT", "accounts of this owner only");
    listing_options(&self, rows + SESSION_OPTIONS + 1);
    const struct manual manual = {.usage = "teller account list [options]",
                                  .summary =
                                      "Lists accounts in the order in which they were opened, by partition.\n"
                                      "teller's own are listed with --owner teller.\n" SESSION_EXIT_CODES,
                                  .examples = "  teller account list --limit 20\n"
                                              "  teller account list --owner 'Alice Smith' --json",
                                  .options = rows,
                                  .option_count = sizeof rows / sizeof *rows};
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    int code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    struct teller_account *page = malloc(LISTING_PAGE_MAX * sizeof *page);
    code = page == NULL ? session_check(&session, ERR_NO_MEMORY, NULL, NULL)
                        : list_run(&self, &session, argument_text(owner), page);
    free(page);
    session_close(&session);
    return code;
}

/* ---- the table -------------------------------------------------------------------------------- */

static const struct verb verbs[] = {
    {"open", "open an account", account_open},
    {"change", "change its owner, product, minimum balance or ceiling", account_change},
    {"freeze", "let it neither pay nor receive", account_freeze},
    {"unfreeze", "make it active again", account_unfreeze},
    {"close", "close it for good", account_close},
    {"show", "show one", account_show},
    {"list", "list them, all or those of an owner", account_list},
};

int command_account(int argc, char **argv)
{
    static const struct noun noun = {"account",
                                     "  teller account open alice --owner 'Alice Smith' --currency USD\n"
                                     "  teller account list\n",
                                     verbs, sizeof verbs / sizeof *verbs};
    return verbs_run(&noun, argc, argv);
}
