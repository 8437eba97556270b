/* teller remittance open, show, list, retry, refund, cancel, resolve, settle, retry-batch. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/bank_call.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/remittance_states.h"
#include "broker/command.h"
#include "broker/command/arguments.h"
#include "broker/command/listing.h"
#include "broker/command/print.h"
#include "broker/command/verbs.h"
#include "broker/wire/remittances.h"

enum { TRAIL_MAX = LEDGER_REMITTANCE_TRAIL_MAX, NAME_WIDTH = 16 };

/* One command line, and what it asks. */
struct asking {
    struct session session;
    struct mp_writer body;
    struct str answer; /* of an OK answer, until the next question */
};

/* Sends what the body holds. EXIT_CODE_OK: self->answer is to be read. id: of the remittance that is requested; or NULL. */
static int ask(struct asking *self, enum wire_operation operation, uint32_t partition, const struct uuid *id)
{
    struct teller_answer answer;
    struct str body = {(const char *)self->body.data, (uint32_t)self->body.length};
    enum err err = self->body.failed
                       ? ERR_NO_MEMORY
                       : teller_ask(self->session.client, str_from(wire_operation_name(operation)), partition,
                                    body, &self->answer, &answer);
    return session_check(&self->session, err, &answer, id);
}

/* What was answered cannot be read. */
static struct wire_reply reply_of(const struct asking *self)
{
    return (struct wire_reply){.code = CODE_OK, .body = self->answer};
}

static void asking_end(struct asking *self)
{
    mp_writer_release(&self->body);
    session_close(&self->session);
}

/* ---- as JSON ------------------------------------------------------------------------------------ */

static void emit_optional_time(struct emit *json, const char *name, int64_t time_us)
{
    if (time_us == 0)
        emit_null(json, name);
    else
        emit_time(json, name, time_us);
}

static void code_json(struct emit *json, enum code code)
{
    emit_text(json, "code", code == CODE_OK ? "" : code_name(code));
}

static void flags_json(struct emit *json, uint8_t flags)
{
    emit_bool(json, "alarmed", (flags & FACT_REMITTANCE_ALARMED) != 0);
    emit_bool(json, "contradicted", (flags & FACT_REMITTANCE_CONTRADICTED) != 0);
}

/* The caller ends the object. */
static void view_json(struct emit *json, const struct ledger_remittance_view *view)
{
    bool by_operator = (view->flags & FACT_REMITTANCE_OPERATOR_REFUNDS) != 0;
    emit_object(json);
    emit_uuid(json, "remittance", &view->id);
    emit_text(json, "account", view->account);
    emit_text(json, "state", wire_remittance_state_name(view->state));
    emit_text(json, "step", wire_remittance_step_name(view->step));
    emit_money(json, "amount", view->amount, view->currency);
    emit_text(json, "currency", currency_at(view->currency)->code);
    emit_text(json, "bank", view->bank);
    emit_text(json, "payer", view->payer);
    emit_text(json, "payee", view->payee);
    emit_text(json, "refund", by_operator ? "operator" : "rail");
    emit_text(json, "memo", view->memo);
    emit_text(json, "reference", view->reference);
    emit_time(json, "requested", view->requested_us);
    emit_time(json, "since", view->since_us);
    emit_optional_time(json, "due", view->due_us);
    emit_unsigned(json, "tries", view->tries);
    emit_unsigned(json, "rounds", view->rounds);
    emit_unsigned(json, "calls", view->calls);
    flags_json(json, view->flags);
    code_json(json, view->code);
    emit_text(json, "reason", view->reason);
    emit_text(json, "bank_reference", view->bank_reference);
}

static void entry_json(struct emit *json, const struct ledger_remittance_entry *entry)
{
    emit_object(json);
    emit_text(json, "state", wire_remittance_state_name(entry->state));
    emit_time(json, "at", entry->at_us);
    emit_text(json, "kind", wire_remittance_kind_name(entry->kind));
    emit_text(json, "step", wire_remittance_step_name(entry->step));
    emit_unsigned(json, "tries", entry->tries);
    emit_unsigned(json, "rounds", entry->rounds);
    emit_unsigned(json, "call", entry->call);
    code_json(json, entry->code);
    emit_text(json, "reason", entry->reason);
    emit_text(json, "operator", entry->operator_name);
    emit_text(json, "bank_reference", entry->bank_reference);
    flags_json(json, entry->flags);
    emit_end(json);
}

/* ---- for people ----------------------------------------------------------------------------------- */

static void print_line(const char *name, const char *text)
{
    if (text[0] != '\0')
        printf("%-*s%s\n", NAME_WIDTH, name, text);
}

static void print_tries(const struct ledger_remittance_view *view)
{
    if (view->tries > 0 && !remittance_has_ended(view->state))
        printf("%-*s%u of this round, %u rounds behind it, %u calls to the bank so far\n", NAME_WIDTH,
               "tries", view->tries, view->rounds, view->calls);
}

static void print_view(const struct ledger_remittance_view *view)
{
    char id[UUID_TEXT_LENGTH + 1];
    bool by_operator = (view->flags & FACT_REMITTANCE_OPERATOR_REFUNDS) != 0;
    uuid_format(&view->id, id);
    print_line("remittance", id);
    printf("%-*s%s since %s\n", NAME_WIDTH, "state", wire_remittance_state_name(view->state),
           time_text(view->since_us));
    print_line("why", view->reason);
    print_line("refused with", view->code == CODE_OK ? "" : code_name(view->code));
    if (view->due_us != 0)
        print_line("goes on", time_text(view->due_us));
    print_tries(view);
    print_line("attention", view->flags & FACT_REMITTANCE_CONTRADICTED ? "the bank has contradicted itself"
                            : view->flags & FACT_REMITTANCE_ALARMED    ? "it is under way for too long"
                                                                       : "");
    print_line("account", view->account);
    printf("%-*s%s %s\n", NAME_WIDTH, "amount", money_text(view->amount, view->currency),
           currency_at(view->currency)->code);
    print_line("bank", view->bank);
    print_line("payer", view->payer);
    print_line("payee", view->payee);
    print_line("refund", by_operator ? "an operator decides" : "by the rail");
    print_line("memo", view->memo);
    print_line("reference", view->reference);
    print_line("bank reference", view->bank_reference);
    print_line("requested", time_text(view->requested_us));
}

/* Why, by whom, and as what the bank knows it: what there is of it. */
static void print_words(const struct ledger_remittance_entry *entry)
{
    if (entry->kind == FACT_REMITTANCE_NOTED)
        printf("  %s", entry->flags & FACT_REMITTANCE_CONTRADICTED ? "the bank contradicts itself"
                                                                   : "under way for too long");
    if (entry->code != CODE_OK)
        printf("  %s", code_name(entry->code));
    if (entry->reason[0] != '\0')
        printf("  %s", entry->reason);
    if (entry->operator_name[0] != '\0')
        printf("  by %s", entry->operator_name);
    if (entry->bank_reference[0] != '\0')
        printf("  [%s]", entry->bank_reference);
}

/* "+0.024 s", "+12 min" */
static void say_after(int64_t after_us, char out[24])
{
    enum { MS = 1000, MINUTE_MS = 60 * MS };
    int64_t after_ms = after_us / MS;
    if (after_ms < 10 * (int64_t)MINUTE_MS)
        snprintf(out, 24, "+%" PRId64 ".%03d s", after_ms / MS, (int)(after_ms % MS));
    else
        snprintf(out, 24, "+%" PRId64 " min", after_ms / MINUTE_MS);
}

static void print_entry(const struct ledger_remittance_entry *entry, int64_t from_us)
{
    char try[32] = "", after[24];
    if (entry->rounds > 0)
        snprintf(try, sizeof try, "%u, round %u", entry->tries, entry->rounds + 1);
    else if (entry->tries > 1)
        snprintf(try, sizeof try, "%u", entry->tries);
    say_after(entry->at_us - from_us, after);
    printf("  %-25s  %11s  %-18s  %-3s", time_text(entry->at_us), after,
           wire_remittance_state_name(entry->state), try);
    print_words(entry);
    putchar('\n');
}

/* The first of them is when it was requested, where the whole trail is there. */
static void print_trail(const struct ledger_remittance_entry *entries, size_t count)
{
    printf("\n  %-25s  %11s  %-18s  %-3s  %s\n", "TIME", "AFTER", "STATE", "TRY", "WHY");
    for (size_t i = 0; i < count; i++)
        print_entry(&entries[i], entries[0].at_us);
    if (count == TRAIL_MAX)
        printf("  What was before it is not shown.\n");
}

/* A remittance without its trail. */
static int print_remittance(const struct asking *self)
{
    struct ledger_remittance_view view;
    struct wire_reply reply = reply_of(self);
    if (!wire_remittance_reply_read(&reply, &view))
        return session_malformed(&self->session);
    if (self->session.json) {
        struct emit json = emit_to(stdout);
        view_json(&json, &view);
        emit_end(&json);
        emit_line(&json);
    } else {
        print_view(&view);
    }
    return EXIT_CODE_OK;
}

/* ---- open --------------------------------------------------------------------------------------- */

struct opening {
    struct asking asking;
    struct ledger_remit_command command;
    const char *bank, *payer, *payee, *refund, *memo, *reference, *id;
};

static bool opening_refund(struct opening *self)
{
    self->command.operator_refunds = strcmp(self->refund, "operator") == 0;
    if (self->command.operator_refunds || strcmp(self->refund, "rail") == 0)
        return true;
    session_usage(&self->asking.session, "--refund is rail or operator, not '%s'", self->refund);
    return false;
}

static bool opening_read(struct opening *self, const char *arguments[3])
{
    const struct session *session = &self->asking.session;
    struct ledger_remit_command *command = &self->command;
    command->bank = argument_text(self->bank);
    command->payer = argument_text(self->payer);
    command->payee = argument_text(self->payee);
    command->memo = argument_text(self->memo);
    command->reference = argument_text(self->reference);
    return argument_account(session, arguments[0], &command->account) &&
           argument_currency(session, arguments[2], &command->currency) &&
           argument_amount(session, "the amount", arguments[1], command->currency, false, &command->amount) &&
           opening_refund(self) && argument_id(session, self->id, &command->id);
}

enum { OPEN_OPTIONS = SESSION_OPTIONS + 7 };

static void opening_options(struct opening *self, struct option_row rows[OPEN_OPTIONS])
{
    session_options(&self->asking.session, "remittance open", rows);
    struct option_row *own = rows + SESSION_OPTIONS;
    own[0] = option_text_required("bank", &self->bank, "NAME", "one of `teller banks`");
    own[1] = option_text_required("payer", &self->payer, "TEXT", "whose account there is pulled from");
    own[2] = option_text_required("payee", &self->payee, "TEXT", "who gets it");
    own[3] =
        option_text("refund", &self->refund, "rail|operator",
                    "what cannot be paid out goes back by the rail (the default), or waits for an operator");
    own[4] = option_text("memo", &self->memo, "TEXT", "what the parties may read");
    own[5] = option_text("reference", &self->reference, "TEXT", "of yours");
    own[6] = option_text("id", &self->id, "UUID", "of the remittance and its postings (a new one)");
}

static int remittance_open(int argc, char **argv)
{
    struct opening self = {.refund = "rail"};
    struct option_row rows[OPEN_OPTIONS];
    const char *arguments[3];
    opening_options(&self, rows);
    const struct manual manual = {
        .usage = "teller remittance open ACCOUNT AMOUNT CURRENCY --bank NAME --payer TEXT --payee TEXT "
                 "[options]",
        .summary =
            "Requests a remittance: from the payer's account at the bank to ACCOUNT, and on to the payee. It "
            "is\n"
            "carried through by itself; see: teller remittance show. Payer and payee are written as the\n"
            "bank's rail wants them (docs/BANKS.md).\n" SESSION_EXIT_CODES,
        .examples = "  teller remittance open alice 10000 KRW --bank kftc --payer 123456789012345678901234 "
                    "--payee '097:1101230000678:KIM'",
        .options = rows,
        .option_count = OPEN_OPTIONS,
        .argument_min = 3,
        .argument_max = 3};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!opening_read(&self, arguments))
        return EXIT_CODE_USAGE;
    int code = session_open(&self.asking.session);
    if (code != EXIT_CODE_OK)
        return code;
    wire_remit_body_write(&self.asking.body, &self.command);
    code = ask(&self.asking, OPERATION_REMITTANCE_OPEN, WIRE_PARTITION_ANY, &self.command.id);
    if (code == EXIT_CODE_OK)
        code = print_remittance(&self.asking);
    asking_end(&self.asking);
    return code;
}

/* ---- show ---------------------------------------------------------------------------------------- */

static int show_answer(const struct asking *self, struct ledger_remittance_entry *entries)
{
    struct ledger_remittance_view view;
    struct wire_reply reply = reply_of(self);
    size_t count;
    if (!wire_remittance_trail_reply_read(&reply, &view, entries, TRAIL_MAX, &count))
        return session_malformed(&self->session);
    if (!self->session.json) {
        print_view(&view);
        print_trail(entries, count);
        return EXIT_CODE_OK;
    }
    struct emit json = emit_to(stdout);
    view_json(&json, &view);
    emit_array(&json, "trail");
    for (size_t i = 0; i < count; i++)
        entry_json(&json, &entries[i]);
    emit_end(&json);
    emit_end(&json);
    emit_line(&json);
    return EXIT_CODE_OK;
}

static int show_run(struct asking *self)
{
    int code = ask(self, OPERATION_REMITTANCE_SHOW, WIRE_PARTITION_ANY, NULL);
    struct ledger_remittance_entry *entries =
        code == EXIT_CODE_OK ? malloc(TRAIL_MAX * sizeof *entries) : NULL;
    if (code == EXIT_CODE_OK)
        code = entries == NULL ? session_check(&self->session, ERR_NO_MEMORY, NULL, NULL)
                               : show_answer(self, entries);
    free(entries);
    return code;
}

static int remittance_show(int argc, char **argv)
{
    struct asking self = {.answer = {0}};
    struct option_row rows[SESSION_OPTIONS];
    const char *arguments[2];
    struct str account;
    struct uuid id;
    session_options(&self.session, "remittance show", rows);
    const struct manual manual = {
        .usage = "teller remittance show ACCOUNT REMITTANCE [options]",
        .summary =
            "Shows a remittance, unfinished or ended, and all that has happened to it.\n" SESSION_EXIT_CODES,
        .examples = "  teller remittance show alice 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f --json",
        .options = rows,
        .option_count = SESSION_OPTIONS,
        .argument_min = 2,
        .argument_max = 2};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!argument_account(&self.session, arguments[0], &account) ||
        !argument_id(&self.session, arguments[1], &id))
        return EXIT_CODE_USAGE;
    int code = session_open(&self.session);
    if (code != EXIT_CODE_OK)
        return code;
    wire_remittance_show_body_write(&self.body, account, &id);
    code = show_run(&self);
    asking_end(&self);
    return code;
}

/* ---- what operators do --------------------------------------------------------------------------- */

enum { OWN_OPTIONS = 2 };

struct acting {
    struct asking asking;
    struct ledger_remittance_command command;
    const char *operator_name, *reason, *word; /* of --money or --outcome */
    uint64_t call;
};

/* A word among two or three. false: it is none of them. */
static bool word_find(const char *word, const char *const *words, uint8_t first, uint8_t last, uint8_t *out)
{
    for (*out = first; *out <= last; ++*out) {
        if (strcmp(word, words[*out]) == 0)
            return true;
    }
    return false;
}

static bool acting_word(struct acting *self)
{
    static const char *const money[] = {[REMITTANCE_MONEY_STAYS] = "stays",
                                        [REMITTANCE_MONEY_TO_ACCOUNT] = "account",
                                        [REMITTANCE_MONEY_TO_BANK] = "bank"};
    static const char *const outcomes[] = {[BANK_SUCCEEDED] = "succeeded", [BANK_FAILED] = "failed"};
    bool resolves = self->command.action == REMITTANCE_RESOLVE;
    if (self->word == NULL ||
        (resolves && word_find(self->word, money, REMITTANCE_MONEY_STAYS, REMITTANCE_MONEY_TO_BANK,
                               &self->command.money)) ||
        (!resolves && word_find(self->word, outcomes, BANK_SUCCEEDED, BANK_FAILED, &self->command.outcome)))
        return true;
    session_usage(&self->asking.session,
                  resolves ? "--money is stays, account or bank, not '%s'"
                           : "--outcome is succeeded or failed, not '%s'",
                  self->word);
    return false;
}

/* own: the options that this action has besides. */
static int act(const struct manual *texts, const char *name, enum remittance_action action,
               const struct option_row *own, size_t own_count, struct acting *self, int argc, char **argv)
{
    struct option_row rows[SESSION_OPTIONS + 2 + OWN_OPTIONS];
    const char *arguments[2];
    struct ledger_remittance_command *command = &self->command;
    command->action = (uint8_t)action;
    session_options(&self->asking.session, name, rows);
    rows[SESSION_OPTIONS] = option_text_required("operator", &self->operator_name, "NAME", "who does it");
    rows[SESSION_OPTIONS + 1] = option_text("reason", &self->reason, "TEXT", "why; kept in the trail");
    rows[SESSION_OPTIONS + 1].required = action != REMITTANCE_RETRY;
    for (size_t i = 0; i < own_count; i++)
        rows[SESSION_OPTIONS + 2 + i] = own[i];
    struct manual manual = *texts;
    manual.options = rows;
    manual.option_count = SESSION_OPTIONS + 2 + own_count;
    manual.argument_min = manual.argument_max = 2;
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!argument_account(&self->asking.session, arguments[0], &command->account) ||
        !argument_id(&self->asking.session, arguments[1], &command->remittance) || !acting_word(self))
        return EXIT_CODE_USAGE;
    command->operator_name = argument_text(self->operator_name);
    command->reason = argument_text(self->reason);
    command->call = (uint32_t)self->call;
    int code = session_open(&self->asking.session);
    if (code != EXIT_CODE_OK)
        return code;
    wire_remittance_act_body_write(&self->asking.body, command);
    code = ask(&self->asking, wire_remittance_operation(action), WIRE_PARTITION_ANY, NULL);
    if (code == EXIT_CODE_OK)
        code = print_remittance(&self->asking);
    asking_end(&self->asking);
    return code;
}

#define EXAMPLE_ID "0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f"

static int remittance_retry(int argc, char **argv)
{
    struct acting self = {.word = NULL};
    static const struct manual texts = {
        .usage = "teller remittance retry ACCOUNT REMITTANCE --operator NAME [options]",
        .summary = "Begins the step at which a remittance waits, or is listed, anew and at "
                   "once.\n" SESSION_EXIT_CODES,
        .examples = "  teller remittance retry alice " EXAMPLE_ID " --operator ann"};
    return act(&texts, "remittance retry", REMITTANCE_RETRY, NULL, 0, &self, argc, argv);
}

static int remittance_refund(int argc, char **argv)
{
    struct acting self = {.word = NULL};
    static const struct manual texts = {
        .usage = "teller remittance refund ACCOUNT REMITTANCE --operator NAME --reason TEXT [options]",
        .summary =
            "Sends what was pulled back to the payer, by the rail, where neither the deposit nor the push\n"
            "has succeeded and nothing is at a bank.\n" SESSION_EXIT_CODES,
        .examples =
            "  teller remittance refund alice " EXAMPLE_ID " --operator ann --reason 'the payee is closed'"};
    return act(&texts, "remittance refund", REMITTANCE_REFUND, NULL, 0, &self, argc, argv);
}

static int remittance_cancel(int argc, char **argv)
{
    struct acting self = {.word = NULL};
    static const struct manual texts = {
        .usage = "teller remittance cancel ACCOUNT REMITTANCE --operator NAME --reason TEXT [options]",
        .summary =
            "Ends a remittance where nothing is at a bank. What was pulled stays in the account, or goes\n"
            "back there.\n" SESSION_EXIT_CODES,
        .examples = "  teller remittance cancel alice " EXAMPLE_ID
                    " --operator ann --reason 'the payer asked for it'"};
    return act(&texts, "remittance cancel", REMITTANCE_CANCEL, NULL, 0, &self, argc, argv);
}

static int remittance_resolve(int argc, char **argv)
{
    struct acting self = {.word = NULL};
    static const struct manual texts = {
        .usage = "teller remittance resolve ACCOUNT REMITTANCE --money stays|account|bank --operator NAME "
                 "--reason TEXT [options]",
        .summary =
            "Ends a remittance that is on a failure list or a dead letter, because it was dealt with by\n"
            "hand. Where its money is in clearing, --money says where it went.\n" SESSION_EXIT_CODES,
        .examples = "  teller remittance resolve alice " EXAMPLE_ID
                    " --money bank --operator ann --reason 'paid at the counter'"};
    const struct option_row own =
        option_text_required("money", &self.word, "stays|account|bank", "where what is in clearing went");
    return act(&texts, "remittance resolve", REMITTANCE_RESOLVE, &own, 1, &self, argc, argv);
}

static int remittance_settle(int argc, char **argv)
{
    struct acting self = {.word = NULL};
    static const struct manual texts = {
        .usage = "teller remittance settle ACCOUNT REMITTANCE --call N --outcome succeeded|failed "
                 "--operator NAME --reason TEXT [options]",
        .summary =
            "Says what became of a call whose answer is not known, when the bank was asked by telephone.\n"
            "`failed` is for good: the step is not tried again. Only what is _UNKNOWN can be settled: any\n"
            "other call may not have been sent yet, and will be. The call is named, because by the time "
            "that\n"
            "the telephone is put down there may be another.\n" SESSION_EXIT_CODES,
        .examples = "  teller remittance settle alice " EXAMPLE_ID
                    " --call 2 --outcome failed --operator ann --reason 'says Mr Lee of the bank'"};
    const struct option_row own[OWN_OPTIONS] = {
        option_text_required("outcome", &self.word, "succeeded|failed", "what the bank says"),
        {.name = "call",
         .type = OPTION_NUMBER,
         .out = &self.call,
         .value = "N",
         .help = "of which call: the newest, as teller remittance show has it",
         .minimum = 1,
         .maximum = UINT32_MAX,
         .required = true},
    };
    return act(&texts, "remittance settle", REMITTANCE_SETTLE, own, OWN_OPTIONS, &self, argc, argv);
}

/* ---- list ------------------------------------------------------------------------------------------ */

static bool list_word(const struct session *session, const char *word, enum remittance_list last,
                      enum remittance_list *out)
{
    if (wire_remittance_list_find(str_from(word), out) && *out <= last &&
        (last == REMITTANCE_LIST_ALARMED || *out != REMITTANCE_LIST_OPEN))
        return true;
    session_usage(session, "there is no list '%s' for this", word);
    return false;
}

static void list_row(struct listing *self, const struct ledger_remittance_view *view)
{
    char id[UUID_TEXT_LENGTH + 1];
    if (self->is_json) {
        view_json(&self->json, view);
        emit_end(&self->json);
        return;
    }
    uuid_format(&view->id, id);
    printf("%s  %-18s %20s %s  %-25s  %-*s  %s%s\n", id, wire_remittance_state_name(view->state),
           money_text(view->amount, view->currency), currency_at(view->currency)->code,
           time_text(view->since_us), ACCOUNT_ID_MAX, view->account,
           view->flags & FACT_REMITTANCE_CONTRADICTED ? "CONTRADICTED " : "",
           view->reason[0] != '\0' ? view->reason
           : view->code != CODE_OK ? code_name(view->code)
                                   : "");
}

static int list_run(struct listing *self, struct asking *asking, enum remittance_list list,
                    struct ledger_remittance_view *page)
{
    struct str next;
    size_t count;
    do {
        const struct wire_remittances_query query = {list, listing_limit(self), listing_cursor(self)};
        mp_writer_reset(&asking->body);
        wire_remittances_body_write(&asking->body, &query);
        int code = ask(asking, OPERATION_REMITTANCE_LIST, WIRE_PARTITION_ANY, NULL);
        if (code != EXIT_CODE_OK)
            return code;
        struct wire_reply reply = reply_of(asking);
        if (!wire_remittances_reply_read(&reply, page, LISTING_PAGE_MAX, &count, &next))
            return session_malformed(&asking->session);
        if (listing_page_begin(self, asking->session.json, "remittances"))
            printf("%-36s  %-18s %20s %s  %-25s  %-*s  %s\n", "REMITTANCE", "STATE", "AMOUNT", "CUR", "SINCE",
                   ACCOUNT_ID_MAX, "ACCOUNT", "REASON");
        for (size_t i = 0; i < count; i++)
            list_row(self, &page[i]);
    } while (listing_page_end(self, count, next));
    return EXIT_CODE_OK;
}

static int remittance_list(int argc, char **argv)
{
    struct asking asking = {0};
    struct listing self;
    enum remittance_list wanted;
    struct option_row rows[SESSION_OPTIONS + 1 + LISTING_OPTIONS];
    const char *list = "open";
    session_options(&asking.session, "remittance list", rows);
    rows[SESSION_OPTIONS] =
        option_text("list", &list, "NAME",
                    "open (all), failed, pull, deposit, withdrawal, push, refund, dead, unknown, alarmed");
    listing_options(&self, rows + SESSION_OPTIONS + 1);
    const struct manual manual = {
        .usage = "teller remittance list [options]",
        .summary =
            "Lists unfinished remittances in the order of their requests, by partition.\n" SESSION_EXIT_CODES,
        .examples = "  teller remittance list\n  teller remittance list --list failed\n"
                    "  teller remittance list --list unknown --json",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows};
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!list_word(&asking.session, list, REMITTANCE_LIST_ALARMED, &wanted))
        return EXIT_CODE_USAGE;
    int code = session_open(&asking.session);
    if (code != EXIT_CODE_OK)
        return code;
    struct ledger_remittance_view *page = malloc(LISTING_PAGE_MAX * sizeof *page);
    code = page == NULL ? session_check(&asking.session, ERR_NO_MEMORY, NULL, NULL)
                        : list_run(&self, &asking, wanted, page);
    free(page);
    asking_end(&asking);
    return code;
}

/* ---- retry-batch ------------------------------------------------------------------------------------ */

/* Partition after partition, until so many have begun again. */
static int batch_run(struct asking *self, struct wire_remittances_query *query, uint64_t limit,
                     uint64_t *retried)
{
    struct teller_version version;
    struct teller_answer answer;
    enum err err = teller_version(self->session.client, &version, &answer);
    int code = session_check(&self->session, err, &answer, NULL);
    for (uint32_t p = 0; code == EXIT_CODE_OK && p < version.partitions && *retried < limit; p++) {
        uint32_t count = 0;
        uint64_t left = limit - *retried;
        query->limit = left < LEDGER_PAGE_MAX ? (uint32_t)left : LEDGER_PAGE_MAX;
        mp_writer_reset(&self->body);
        wire_remittance_batch_body_write(&self->body, query);
        code = ask(self, OPERATION_REMITTANCE_RETRY_BATCH, p, NULL);
        struct wire_reply reply = reply_of(self);
        if (code == EXIT_CODE_OK && !wire_remittance_batch_reply_read(&reply, &count))
            code = session_malformed(&self->session);
        *retried += count;
    }
    return code;
}

static void print_retried(const struct session *session, uint64_t retried)
{
    if (!session->json) {
        printf("%llu begun again.\n", (unsigned long long)retried);
        return;
    }
    struct emit json = emit_to(stdout);
    emit_object(&json);
    emit_unsigned(&json, "retried", retried);
    emit_end(&json);
    emit_line(&json);
}

static int remittance_retry_batch(int argc, char **argv)
{
    struct asking self = {.answer = {0}};
    struct option_row rows[SESSION_OPTIONS + 2];
    struct wire_remittances_query query = {.limit = 0};
    const char *list = "failed";
    uint64_t limit = 100, retried = 0;
    session_options(&self.session, "remittance retry-batch", rows);
    rows[SESSION_OPTIONS] =
        option_text("list", &list, "NAME", "failed (all), pull, deposit, withdrawal, push or refund");
    rows[SESSION_OPTIONS + 1] = (struct option_row){.name = "limit",
                                                    .type = OPTION_NUMBER,
                                                    .out = &limit,
                                                    .value = "N",
                                                    .help = "at most so many (100)",
                                                    .minimum = 1};
    const struct manual manual = {
        .usage = "teller remittance retry-batch [options]",
        .summary = "Begins the next round of those on a failure list now, in the order of their requests, as "
                   "far as\n"
                   "they have rounds left.\n" SESSION_EXIT_CODES,
        .examples =
            "  teller remittance retry-batch\n  teller remittance retry-batch --list push --limit 1000",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows};
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!list_word(&self.session, list, REMITTANCE_LIST_REFUND, &query.list))
        return EXIT_CODE_USAGE;
    int code = session_open(&self.session);
    if (code != EXIT_CODE_OK)
        return code;
    code = batch_run(&self, &query, limit, &retried);
    if (code == EXIT_CODE_OK)
        print_retried(&self.session, retried);
    asking_end(&self);
    return code;
}

/* ---- the table ---------------------------------------------------------------------------------------- */

static const struct verb verbs[] = {
    {"open", "request one: from a payer's bank account to a payee's", remittance_open},
    {"show", "show one, unfinished or ended, with its trail", remittance_show},
    {"list", "list the unfinished ones, or those that failed", remittance_list},
    {"retry", "begin the step at which it stands anew", remittance_retry},
    {"refund", "send the money back to the payer", remittance_refund},
    {"cancel", "end it where nothing is at a bank", remittance_cancel},
    {"resolve", "end what was dealt with by hand", remittance_resolve},
    {"settle", "say what the bank says of an open call", remittance_settle},
    {"retry-batch", "begin the next round of a failure list", remittance_retry_batch},
};

int command_remittance(int argc, char **argv)
{
    static const struct noun noun = {
        "remittance",
        "  teller remittance open alice 10000 KRW --bank kftc --payer 123456789012345678901234 \\\n"
        "      --payee '097:1101230000678:KIM'\n"
        "  teller remittance list --list failed\n",
        verbs, sizeof verbs / sizeof *verbs};
    return verbs_run(&noun, argc, argv);
}
