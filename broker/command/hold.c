/* teller hold open, capture, release, show, list. */
#include <stdlib.h>
#include <string.h>

#include "broker/command.h"
#include "broker/command/arguments.h"
#include "broker/command/listing.h"
#include "broker/command/print.h"
#include "broker/command/verbs.h"

/* ---- printing --------------------------------------------------------------------------------- */

static const char *state_word(enum teller_hold_state state)
{
    static const char *const words[] = {[TELLER_HOLD_OPEN] = "OPEN",
                                        [TELLER_HOLD_CAPTURED] = "CAPTURED",
                                        [TELLER_HOLD_RELEASED] = "RELEASED",
                                        [TELLER_HOLD_EXPIRED] = "EXPIRED"};
    return words[state];
}

static void hold_json(struct emit *json, const struct teller_hold *hold)
{
    emit_object(json);
    emit_uuid(json, "hold", &hold->id);
    emit_text(json, "account", hold->account);
    emit_text(json, "currency", currency_at(hold->currency)->code);
    emit_text(json, "state", state_word(hold->state));
    emit_money(json, "amount", hold->amount, hold->currency);
    emit_money(json, "held", hold->held, hold->currency);
    emit_time(json, "opened", hold->opened_us);
    if (hold->expires_us > 0)
        emit_time(json, "expires", hold->expires_us);
    else
        emit_null(json, "expires");
    emit_text(json, "memo", hold->memo);
    emit_text(json, "reference", hold->reference);
    emit_end(json);
}

static void print_line(const char *name, const char *text)
{
    if (text[0] != '\0')
        printf("%-12s%s\n", name, text);
}

static void print_money(const char *name, int64_t minor, currency_index currency)
{
    printf("%-12s%s %s\n", name, money_text(minor, currency), currency_at(currency)->code);
}

static void print_one(const struct session *session, const struct teller_hold *hold)
{
    if (session->json) {
        struct emit json = emit_to(stdout);
        hold_json(&json, hold);
        emit_line(&json);
        return;
    }
    char id[UUID_TEXT_LENGTH + 1];
    uuid_format(&hold->id, id);
    print_line("hold", id);
    print_line("state", state_word(hold->state));
    print_line("account", hold->account);
    print_money("amount", hold->amount, hold->currency);
    print_money("held", hold->held, hold->currency);
    print_line("opened", time_text(hold->opened_us));
    print_line("expires", hold->expires_us > 0 ? time_text(hold->expires_us) : "");
    print_line("memo", hold->memo);
    print_line("reference", hold->reference);
}

/* ---- open, capture, release -------------------------------------------------------------------- */

struct step {
    struct session session;
    struct teller_item item;
    const char *memo, *reference, *id, *expires;
    bool keep;
};

enum { STEP_OPTIONS = SESSION_OPTIONS + 4 };

static void step_options(struct step *self, const char *name, struct option_row rows[STEP_OPTIONS])
{
    session_options(&self->session, name, rows);
    rows[SESSION_OPTIONS] = option_text("memo", &self->memo, "TEXT", "a note for people");
    rows[SESSION_OPTIONS + 1] = option_text("reference", &self->reference, "TEXT", "a note for programs");
    rows[SESSION_OPTIONS + 2] = option_text("id", &self->id, "UUID", "the transaction id (a new one)");
    if (self->item.kind == TELLER_HOLD)
        rows[SESSION_OPTIONS + 3] = option_text("expires", &self->expires, "TIME", "when it ends by itself");
    else if (self->item.kind == TELLER_CAPTURE)
        rows[SESSION_OPTIONS + 3] = (struct option_row){
            .name = "keep", .type = OPTION_FLAG, .out = &self->keep, .help = "the rest stays held"};
}

static void print_step(const struct step *self, const struct teller_row *row)
{
    static const char *const words[] = {
        [TELLER_HOLD] = "Held", [TELLER_CAPTURE] = "Captured", [TELLER_RELEASE] = "Released"};
    char id[UUID_TEXT_LENGTH + 1];
    const struct teller_item *item = &self->item;
    if (self->session.json) {
        struct emit json = emit_to(stdout);
        emit_object(&json);
        emit_uuid(&json, "transaction_id", &item->id);
        emit_uuid(&json, "hold", item->kind == TELLER_HOLD ? &item->id : &item->hold);
        emit_text(&json, "status", "success");
        emit_text(&json, "code", code_name(row->code));
        emit_str(&json, "from_account", item->from);
        if (item->kind != TELLER_RELEASE)
            emit_money(&json, "from_balance", row->from_balance, item->currency);
        emit_end(&json);
        emit_line(&json);
        return;
    }
    uuid_format(item->kind == TELLER_HOLD ? &item->id : &item->hold, id);
    printf("%s", words[item->kind]);
    if (item->amount > 0)
        printf(" %s %s", money_text(item->amount, item->currency), currency_at(item->currency)->code);
    printf(".\n  hold %s\n", id);
}

/* arguments: ACCOUNT, for a step HOLD, then amount and currency as the kind has them. */
static bool step_read(struct step *self, const char *arguments[4], size_t count)
{
    bool has_expires;
    struct teller_item *item = &self->item;
    const char **money = arguments + (item->kind == TELLER_HOLD ? 1 : 2);
    size_t money_count = count - (size_t)(money - arguments);
    item->memo = argument_text(self->memo);
    item->reference = argument_text(self->reference);
    item->keeps_rest = self->keep;
    return argument_account(&self->session, arguments[0], &item->from) &&
           (item->kind == TELLER_HOLD || argument_id(&self->session, arguments[1], &item->hold)) &&
           (money_count == 0 || argument_currency(&self->session, money[money_count - 1], &item->currency)) &&
           (money_count < 2 ||
            argument_amount(&self->session, "the amount", money[0], item->currency, false, &item->amount)) &&
           (item->kind != TELLER_HOLD ||
            argument_time(&self->session, "--expires", self->expires, &has_expires, &item->expires_us)) &&
           argument_id(&self->session, self->id, &item->id);
}

static int step_run(struct step *self, const struct manual *texts, const char *name, int argc, char **argv)
{
    struct option_row rows[STEP_OPTIONS] = {0};
    const char *arguments[4] = {NULL};
    step_options(self, name, rows);
    struct manual manual = *texts;
    manual.options = rows;
    manual.option_count = self->item.kind == TELLER_RELEASE ? STEP_OPTIONS - 1 : STEP_OPTIONS;
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    size_t count = 0;
    while (count < 4 && arguments[count] != NULL)
        count++;
    if (!step_read(self, arguments, count))
        return EXIT_CODE_USAGE;
    int code = session_open(&self->session);
    if (code != EXIT_CODE_OK)
        return code;
    struct teller_row row;
    struct teller_answer answer;
    enum err err = teller_post(self->session.client, &self->item, &row, &answer);
    code = session_check(&self->session, err, &answer, &self->item.id);
    if (code == EXIT_CODE_OK)
        print_step(self, &row);
    session_close(&self->session);
    return code;
}

static int hold_open_run(int argc, char **argv)
{
    struct step self = {.item = {.kind = TELLER_HOLD}};
    static const struct manual texts = {
        .usage = "teller hold open ACCOUNT AMOUNT CURRENCY [options]",
        .summary = "Sets money of an account aside, until it is captured or released, or expires.\n"
                   "The transaction id is the hold's id.\n" SESSION_EXIT_CODES,
        .examples = "  teller hold open alice 100.00 USD --expires 2027-01-01T00:00:00Z",
        .argument_min = 3,
        .argument_max = 3};
    return step_run(&self, &texts, "hold open", argc, argv);
}

static int hold_capture_run(int argc, char **argv)
{
    struct step self = {.item = {.kind = TELLER_CAPTURE}};
    static const struct manual texts = {
        .usage = "teller hold capture ACCOUNT HOLD [AMOUNT] CURRENCY [options]",
        .summary = "Pays out of a hold, to the house account, all of it or AMOUNT. The rest is let go, or\n"
                   "with --keep stays held.\n" SESSION_EXIT_CODES,
        .examples = "  teller hold capture alice 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f 40.00 USD --keep",
        .argument_min = 3,
        .argument_max = 4};
    return step_run(&self, &texts, "hold capture", argc, argv);
}

static int hold_release_run(int argc, char **argv)
{
    struct step self = {.item = {.kind = TELLER_RELEASE}};
    static const struct manual texts = {
        .usage = "teller hold release ACCOUNT HOLD [options]",
        .summary = "Lets all go that a hold holds.\n" SESSION_EXIT_CODES,
        .examples = "  teller hold release alice 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f",
        .argument_min = 2,
        .argument_max = 2};
    return step_run(&self, &texts, "hold release", argc, argv);
}

/* ---- show, list --------------------------------------------------------------------------------- */

static int hold_show_run(int argc, char **argv)
{
    struct session session;
    struct option_row rows[SESSION_OPTIONS];
    const char *arguments[2];
    struct str account;
    struct uuid id;
    session_options(&session, "hold show", rows);
    const struct manual manual = {.usage = "teller hold show ACCOUNT HOLD [options]",
                                  .summary = "Shows a hold, open or ended.\n" SESSION_EXIT_CODES,
                                  .examples =
                                      "  teller hold show alice 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f --json",
                                  .options = rows,
                                  .option_count = SESSION_OPTIONS,
                                  .argument_min = 2,
                                  .argument_max = 2};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!argument_account(&session, arguments[0], &account) || !argument_id(&session, arguments[1], &id))
        return EXIT_CODE_USAGE;
    int code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    struct teller_hold hold;
    struct teller_answer answer;
    enum err err = teller_hold_show(session.client, account, &id, &hold, &answer);
    code = session_check(&session, err, &answer, NULL);
    if (code == EXIT_CODE_OK)
        print_one(&session, &hold);
    session_close(&session);
    return code;
}

static void list_rows(struct listing *self, const struct teller_hold *page, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct teller_hold *hold = &page[i];
        char id[UUID_TEXT_LENGTH + 1];
        uuid_format(&hold->id, id);
        if (self->is_json)
            hold_json(&self->json, hold);
        else
            printf("%s  %20s %s  %s\n", id, money_text(hold->held, hold->currency),
                   currency_at(hold->currency)->code,
                   hold->expires_us > 0 ? time_text(hold->expires_us) : "never");
    }
}

static int list_run(struct listing *self, const struct session *session, struct str account,
                    struct teller_hold *page)
{
    struct str next;
    size_t count;
    do {
        struct teller_answer answer;
        const struct teller_holds_query query = {account, listing_limit(self), listing_cursor(self)};
        enum err err = teller_hold_list(session->client, &query, page, &count, &next, &answer);
        int code = session_check(session, err, &answer, NULL);
        if (code != EXIT_CODE_OK)
            return code;
        if (listing_page_begin(self, session->json, "holds"))
            printf("%-36s  %20s %s  %s\n", "HOLD", "HELD", "CUR", "EXPIRES");
        list_rows(self, page, count);
    } while (listing_page_end(self, count, next));
    return EXIT_CODE_OK;
}

static int hold_list_run(int argc, char **argv)
{
    struct session session;
    struct listing self;
    struct option_row rows[SESSION_OPTIONS + LISTING_OPTIONS];
    const char *arguments[1];
    struct str account;
    session_options(&session, "hold list", rows);
    listing_options(&self, rows + SESSION_OPTIONS);
    const struct manual manual = {.usage = "teller hold list ACCOUNT [options]",
                                  .summary = "Lists an account's open holds in the order in which they were "
                                             "opened.\n" SESSION_EXIT_CODES,
                                  .examples = "  teller hold list alice\n  teller hold list alice --json",
                                  .options = rows,
                                  .option_count = sizeof rows / sizeof *rows,
                                  .argument_min = 1,
                                  .argument_max = 1};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!argument_account(&session, arguments[0], &account))
        return EXIT_CODE_USAGE;
    int code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    struct teller_hold *page = malloc(LISTING_PAGE_MAX * sizeof *page);
    code = page == NULL ? session_check(&session, ERR_NO_MEMORY, NULL, NULL)
                        : list_run(&self, &session, account, page);
    free(page);
    session_close(&session);
    return code;
}

/* ---- the table -------------------------------------------------------------------------------- */

static const struct verb verbs[] = {
    {"open", "set money aside", hold_open_run},
    {"capture", "pay out of a hold", hold_capture_run},
    {"release", "let all go that is held", hold_release_run},
    {"show", "show one, open or ended", hold_show_run},
    {"list", "list an account's open ones", hold_list_run},
};

int command_hold(int argc, char **argv)
{
    static const struct noun noun = {"hold",
                                     "  teller hold open alice 100.00 USD --expires 2027-01-01T00:00:00Z\n"
                                     "  teller hold list alice\n",
                                     verbs, sizeof verbs / sizeof *verbs};
    return verbs_run(&noun, argc, argv);
}
