/* teller proposal open, approve, reject, show, list. */
#include <stdlib.h>
#include <string.h>

#include "actors/base/rate.h"
#include "broker/command.h"
#include "broker/command/arguments.h"
#include "broker/command/listing.h"
#include "broker/command/print.h"
#include "broker/command/verbs.h"

/* ---- printing --------------------------------------------------------------------------------- */

static const char *state_word(enum teller_proposal_state state)
{
    static const char *const words[] = {[TELLER_PROPOSED] = "PROPOSED",
                                        [TELLER_APPROVED] = "APPROVED",
                                        [TELLER_REJECTED] = "REJECTED",
                                        [TELLER_EXPIRED] = "EXPIRED"};
    return words[state];
}

static const char *kind_word(enum teller_kind kind)
{
    return kind == TELLER_DEPOSIT ? "deposit" : "withdraw";
}

/* "" for none. */
static const char *rate_text(int64_t rate, char out[RATE_TEXT_MAX])
{
    out[0] = '\0';
    if (rate > 0)
        rate_format(rate, out);
    return out;
}

static void proposal_json(struct emit *json, const struct teller_proposal *proposal)
{
    char rate[RATE_TEXT_MAX];
    emit_object(json);
    emit_uuid(json, "proposal", &proposal->id);
    emit_text(json, "account", proposal->account);
    emit_text(json, "kind", kind_word(proposal->kind));
    emit_text(json, "state", state_word(proposal->state));
    emit_money(json, "amount", proposal->amount, proposal->currency);
    emit_text(json, "currency", currency_at(proposal->currency)->code);
    emit_text(json, "rate", rate_text(proposal->rate, rate));
    emit_text(json, "reason", proposal->reason);
    emit_text(json, "operator", proposal->proposed_by);
    emit_time(json, "expires", proposal->expires_us);
    emit_text(json, "decided_by", proposal->decided_by);
    emit_text(json, "decided_reason", proposal->decided_reason);
    if (proposal->state == TELLER_APPROVED)
        emit_money(json, "balance", proposal->balance, proposal->currency);
    else
        emit_null(json, "balance");
    emit_end(json);
}

static void print_line(const char *name, const char *text)
{
    if (text[0] != '\0')
        printf("%-16s%s\n", name, text);
}

static void print_money(const char *name, int64_t minor, currency_index currency)
{
    printf("%-16s%s %s\n", name, money_text(minor, currency), currency_at(currency)->code);
}

static void print_one(const struct session *session, const struct teller_proposal *proposal)
{
    if (session->json) {
        struct emit json = emit_to(stdout);
        proposal_json(&json, proposal);
        emit_line(&json);
        return;
    }
    char id[UUID_TEXT_LENGTH + 1], rate[RATE_TEXT_MAX];
    uuid_format(&proposal->id, id);
    print_line("proposal", id);
    print_line("state", state_word(proposal->state));
    print_line("kind", kind_word(proposal->kind));
    print_line("account", proposal->account);
    print_money("amount", proposal->amount, proposal->currency);
    print_line("rate", rate_text(proposal->rate, rate));
    print_line("reason", proposal->reason);
    print_line("proposed by", proposal->proposed_by);
    print_line("expires", time_text(proposal->expires_us));
    print_line("decided by", proposal->decided_by);
    print_line("their reason", proposal->decided_reason);
    if (proposal->state == TELLER_APPROVED)
        print_money("balance", proposal->balance, proposal->currency);
}

/* What came of a call: printed. */
static int finish(const struct session *session, enum err err, const struct teller_answer *answer,
                  const struct uuid *id, const struct teller_proposal *proposal)
{
    int code = session_check(session, err, answer, id);
    if (code == EXIT_CODE_OK)
        print_one(session, proposal);
    return code;
}

/* ---- open -------------------------------------------------------------------------------------- */

struct opening {
    struct session session;
    struct teller_proposal_command command;
    const char *reason, *operator_name, *rate, *expires, *id;
};

static bool opening_kind(struct opening *self, const char *word)
{
    bool deposits = strcmp(word, "deposit") == 0;
    self->command.kind = deposits ? TELLER_DEPOSIT : TELLER_WITHDRAW;
    if (deposits || strcmp(word, "withdraw") == 0)
        return true;
    session_usage(&self->session, "'%s' is neither deposit nor withdraw", word);
    return false;
}

static bool opening_rate(struct opening *self)
{
    return argument_rate(&self->session, self->rate, &self->command.rate);
}

static bool opening_read(struct opening *self, const char *arguments[4])
{
    bool has_expires;
    struct teller_proposal_command *command = &self->command;
    command->reason = argument_text(self->reason);
    command->operator_name = argument_text(self->operator_name);
    return opening_kind(self, arguments[0]) &&
           argument_account(&self->session, arguments[1], &command->account) &&
           argument_currency(&self->session, arguments[3], &command->currency) &&
           argument_amount(&self->session, "the amount", arguments[2], command->currency, false,
                           &command->amount) &&
           opening_rate(self) &&
           argument_time(&self->session, "--expires", self->expires, &has_expires, &command->expires_us) &&
           argument_id(&self->session, self->id, &command->id);
}

static int proposal_open(int argc, char **argv)
{
    struct opening self = {0};
    struct option_row rows[SESSION_OPTIONS + 5];
    const char *arguments[4];
    session_options(&self.session, "proposal open", rows);
    rows[SESSION_OPTIONS] =
        option_text("reason", &self.reason, "TEXT", "why; it becomes the memo of the posting");
    rows[SESSION_OPTIONS].required = true;
    rows[SESSION_OPTIONS + 1] = option_text("operator", &self.operator_name, "NAME", "who proposes");
    rows[SESSION_OPTIONS + 1].required = true;
    rows[SESSION_OPTIONS + 2] = option_text("rate", &self.rate, "RATE",
                                            "base currency for one unit, for an account with a book value");
    rows[SESSION_OPTIONS + 3] =
        option_text("expires", &self.expires, "TIME", "when it ends undecided (a day from now)");
    rows[SESSION_OPTIONS + 4] =
        option_text("id", &self.id, "UUID", "of the proposal and its posting (a new one)");
    const struct manual manual = {
        .usage =
            "teller proposal open deposit|withdraw ACCOUNT AMOUNT CURRENCY --reason TEXT --operator NAME "
            "[options]",
        .summary = "Proposes a deposit or a withdrawal. Nothing moves until another operator "
                   "approves.\n" SESSION_EXIT_CODES,
        .examples = "  teller proposal open deposit alice 100.00 USD --reason 'cash count' --operator ann",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
        .argument_min = 4,
        .argument_max = 4};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!opening_read(&self, arguments))
        return EXIT_CODE_USAGE;
    int code = session_open(&self.session);
    if (code != EXIT_CODE_OK)
        return code;
    struct teller_proposal proposal;
    struct teller_answer answer;
    enum err err = teller_propose(self.session.client, &self.command, &proposal, &answer);
    code = finish(&self.session, err, &answer, &self.command.id, &proposal);
    session_close(&self.session);
    return code;
}

/* ---- approve, reject, show ---------------------------------------------------------------------- */

static int decide(const struct manual *texts, const char *name, bool approves, int argc, char **argv)
{
    struct session session;
    struct option_row rows[SESSION_OPTIONS + 2];
    const char *arguments[2], *operator_name = NULL, *reason = NULL;
    struct teller_decision decision = {.approves = approves};
    session_options(&session, name, rows);
    rows[SESSION_OPTIONS] = option_text("operator", &operator_name, "NAME", "who decides");
    rows[SESSION_OPTIONS].required = true;
    rows[SESSION_OPTIONS + 1] = option_text("reason", &reason, "TEXT", "why; kept with the proposal");
    struct manual manual = *texts;
    manual.options = rows;
    manual.option_count = sizeof rows / sizeof *rows;
    manual.argument_min = manual.argument_max = 2;
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!argument_account(&session, arguments[0], &decision.account) ||
        !argument_id(&session, arguments[1], &decision.proposal))
        return EXIT_CODE_USAGE;
    decision.operator_name = argument_text(operator_name);
    decision.reason = argument_text(reason);
    int code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    struct teller_proposal proposal;
    struct teller_answer answer;
    enum err err = teller_decide(session.client, &decision, &proposal, &answer);
    code = finish(&session, err, &answer, NULL, &proposal);
    session_close(&session);
    return code;
}

static int proposal_approve(int argc, char **argv)
{
    static const struct manual texts = {
        .usage = "teller proposal approve ACCOUNT PROPOSAL --operator NAME [options]",
        .summary =
            "Approves what another operator has proposed, and posts it. Where the posting is refused, the\n"
            "proposal stays open.\n" SESSION_EXIT_CODES,
        .examples = "  teller proposal approve alice 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f --operator bob"};
    return decide(&texts, "proposal approve", true, argc, argv);
}

static int proposal_reject(int argc, char **argv)
{
    static const struct manual texts = {
        .usage = "teller proposal reject ACCOUNT PROPOSAL --operator NAME [options]",
        .summary = "Ends a proposal; nothing moves. Who proposed it may reject it too.\n" SESSION_EXIT_CODES,
        .examples = "  teller proposal reject alice 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f --operator bob "
                    "--reason 'no receipt'"};
    return decide(&texts, "proposal reject", false, argc, argv);
}

static int proposal_show(int argc, char **argv)
{
    struct session session;
    struct option_row rows[SESSION_OPTIONS];
    const char *arguments[2];
    struct str account;
    struct uuid id;
    session_options(&session, "proposal show", rows);
    const struct manual manual = {
        .usage = "teller proposal show ACCOUNT PROPOSAL [options]",
        .summary = "Shows a proposal, open or ended.\n" SESSION_EXIT_CODES,
        .examples = "  teller proposal show alice 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f --json",
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
    struct teller_proposal proposal;
    struct teller_answer answer;
    enum err err = teller_proposal_show(session.client, account, &id, &proposal, &answer);
    code = finish(&session, err, &answer, NULL, &proposal);
    session_close(&session);
    return code;
}

/* ---- list ------------------------------------------------------------------------------------- */

static void list_rows(struct listing *self, const struct teller_proposal *page, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct teller_proposal *proposal = &page[i];
        char id[UUID_TEXT_LENGTH + 1];
        uuid_format(&proposal->id, id);
        if (self->is_json)
            proposal_json(&self->json, proposal);
        else
            printf("%s  %-8s  %-*s %20s %s  %s: %s\n", id, kind_word(proposal->kind), ACCOUNT_ID_MAX,
                   proposal->account, money_text(proposal->amount, proposal->currency),
                   currency_at(proposal->currency)->code, proposal->proposed_by, proposal->reason);
    }
}

static int list_run(struct listing *self, const struct session *session, struct teller_proposal *page)
{
    struct str next;
    size_t count;
    do {
        struct teller_answer answer;
        enum err err = teller_proposal_list(session->client, listing_limit(self), listing_cursor(self), page,
                                            &count, &next, &answer);
        int code = session_check(session, err, &answer, NULL);
        if (code != EXIT_CODE_OK)
            return code;
        if (listing_page_begin(self, session->json, "proposals"))
            printf("%-36s  %-8s  %-*s %20s %s  %s\n", "PROPOSAL", "KIND", ACCOUNT_ID_MAX, "ACCOUNT", "AMOUNT",
                   "CUR", "OPERATOR: REASON");
        list_rows(self, page, count);
    } while (listing_page_end(self, count, next));
    return EXIT_CODE_OK;
}

static int proposal_list(int argc, char **argv)
{
    struct session session;
    struct listing self;
    struct option_row rows[SESSION_OPTIONS + LISTING_OPTIONS];
    session_options(&session, "proposal list", rows);
    listing_options(&self, rows + SESSION_OPTIONS);
    const struct manual manual = {.usage = "teller proposal list [options]",
                                  .summary = "Lists the open proposals in the order in which they were made, "
                                             "by partition.\n" SESSION_EXIT_CODES,
                                  .examples = "  teller proposal list\n  teller proposal list --json",
                                  .options = rows,
                                  .option_count = sizeof rows / sizeof *rows};
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    int code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    struct teller_proposal *page = malloc(LISTING_PAGE_MAX * sizeof *page);
    code =
        page == NULL ? session_check(&session, ERR_NO_MEMORY, NULL, NULL) : list_run(&self, &session, page);
    free(page);
    session_close(&session);
    return code;
}

/* ---- the table -------------------------------------------------------------------------------- */

static const struct verb verbs[] = {
    {"open", "propose a deposit or a withdrawal", proposal_open},
    {"approve", "approve what another operator proposed: it is posted", proposal_approve},
    {"reject", "end it; nothing moves", proposal_reject},
    {"show", "show one, open or ended", proposal_show},
    {"list", "list the open ones", proposal_list},
};

int command_proposal(int argc, char **argv)
{
    static const struct noun noun = {
        "proposal",
        "  teller proposal open deposit alice 100.00 USD --reason 'cash count' --operator ann\n"
        "  teller proposal list\n",
        verbs, sizeof verbs / sizeof *verbs};
    return verbs_run(&noun, argc, argv);
}
