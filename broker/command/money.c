/* teller deposit, withdraw, transfer, transfer show. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "actors/base/check.h"
#include "broker/command.h"
#include "broker/command/arguments.h"
#include "broker/command/print.h"

enum { DEADLINE_MAX_MS = 86400000, PARTIES_MAX = 2, OPTIONS = SESSION_OPTIONS + 5 };

struct move {
    struct session session;
    struct teller_item item;
    const char *memo, *reference, *id, *rate;
    int64_t deadline_ms; /* from now; 0: none */
};

static void move_options(struct move *self, const char *name, struct option_row rows[OPTIONS])
{
    session_options(&self->session, name, rows);
    rows[SESSION_OPTIONS] = (struct option_row){.name = "memo",
                                                .type = OPTION_TEXT,
                                                .out = &self->memo,
                                                .value = "TEXT",
                                                .help = "kept in the history"};
    rows[SESSION_OPTIONS + 1] = (struct option_row){.name = "reference",
                                                    .type = OPTION_TEXT,
                                                    .out = &self->reference,
                                                    .value = "TEXT",
                                                    .help = "the same, for an order or invoice number"};
    rows[SESSION_OPTIONS + 2] =
        (struct option_row){.name = "id",
                            .type = OPTION_TEXT,
                            .out = &self->id,
                            .value = "UUID",
                            .help = "of this transaction (a new one); the same id moves once"};
    rows[SESSION_OPTIONS + 3] =
        (struct option_row){.name = "deadline",
                            .type = OPTION_DURATION,
                            .out = &self->deadline_ms,
                            .value = "TIME",
                            .help = "if it cannot be decided within that time, nothing moves",
                            .minimum = 1,
                            .maximum = DEADLINE_MAX_MS};
    rows[SESSION_OPTIONS + 4] = (struct option_row){
        .name = "rate",
        .type = OPTION_TEXT,
        .out = &self->rate,
        .value = "RATE",
        .help = "what one unit is worth in the base currency, for foreign-currency accounts"};
}

static int64_t deadline_of(int64_t deadline_ms)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return deadline_ms == 0 ? 0 : now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000 + deadline_ms * 1000;
}

/* amount and currency stand behind the accounts. */
static bool move_read(struct move *self, const char *amount, const char *currency)
{
    struct teller_item *item = &self->item;
    item->memo = argument_text(self->memo);
    item->reference = argument_text(self->reference);
    item->deadline_us = deadline_of(self->deadline_ms);
    return argument_currency(&self->session, currency, &item->currency) &&
           argument_amount(&self->session, "the amount", amount, item->currency, false, &item->amount) &&
           argument_rate(&self->session, self->rate, &item->rate) &&
           argument_id(&self->session, self->id, &item->id);
}

static void print_json(const struct move *self, const struct teller_row *row)
{
    const struct teller_item *item = &self->item;
    struct emit json = emit_to(stdout);
    emit_object(&json);
    emit_uuid(&json, "transaction_id", &item->id);
    emit_text(&json, "status", "success");
    emit_text(&json, "code", code_name(row->code));
    emit_money(&json, "amount", item->amount, item->currency);
    emit_text(&json, "currency", currency_at(item->currency)->code);
    if (row->has_from) {
        emit_str(&json, "from_account", item->from);
        emit_money(&json, "from_balance", row->from_balance, item->currency);
    }
    if (row->has_to) {
        emit_str(&json, "to_account", item->to);
        emit_money(&json, "to_balance", row->to_balance, item->currency);
    }
    emit_end(&json);
    emit_line(&json);
}

static void print_text(const struct move *self, const struct teller_row *row)
{
    static const char *const words[] = {
        [TELLER_TRANSFER] = "Transferred", [TELLER_DEPOSIT] = "Deposited", [TELLER_WITHDRAW] = "Withdrew"};
    const struct teller_item *item = &self->item;
    const char *currency = currency_at(item->currency)->code;
    char id[UUID_TEXT_LENGTH + 1];
    uuid_format(&item->id, id);
    printf("%s %s %s.\n", words[item->kind], money_text(item->amount, item->currency), currency);
    if (row->has_from)
        printf("  %-*.*s %20s %s\n", ACCOUNT_ID_MAX, (int)item->from.length, item->from.data,
               money_text(row->from_balance, item->currency), currency);
    if (row->has_to)
        printf("  %-*.*s %20s %s\n", ACCOUNT_ID_MAX, (int)item->to.length, item->to.data,
               money_text(row->to_balance, item->currency), currency);
    printf("  id %s\n", id);
}

static int move_run(struct move *self)
{
    struct teller_row row;
    struct teller_answer answer;
    int code = session_open(&self->session);
    if (code != EXIT_CODE_OK)
        return code;
    enum err err = teller_post(self->session.client, &self->item, &row, &answer);
    code = session_check(&self->session, err, &answer, &self->item.id);
    if (code == EXIT_CODE_OK && self->session.json)
        print_json(self, &row);
    else if (code == EXIT_CODE_OK)
        print_text(self, &row);
    session_close(&self->session);
    return code;
}

/* deposit and withdraw: one account. */
static int move_one(const char *name, enum teller_kind kind, const char *summary, const char *usage,
                    const char *examples, int argc, char **argv)
{
    struct move self = {.item = {.kind = kind}};
    struct option_row rows[OPTIONS];
    const char *arguments[3];
    move_options(&self, name, rows);
    const struct manual manual = {.usage = usage,
                                  .summary = summary,
                                  .examples = examples,
                                  .options = rows,
                                  .option_count = OPTIONS,
                                  .argument_min = 3,
                                  .argument_max = 3};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    struct str *account = kind == TELLER_DEPOSIT ? &self.item.to : &self.item.from;
    if (!argument_account(&self.session, arguments[0], account) ||
        !move_read(&self, arguments[1], arguments[2]))
        return EXIT_CODE_USAGE;
    return move_run(&self);
}

int command_deposit(int argc, char **argv)
{
    return move_one(
        "deposit", TELLER_DEPOSIT,
        "Puts money into an account, against the house account of its currency.\n" SESSION_EXIT_CODES,
        "teller deposit ACCOUNT AMOUNT CURRENCY [options]",
        "  teller deposit alice 100.00 USD\n"
        "  teller deposit alice 50000 KRW --memo 'cash at the counter'",
        argc, argv);
}

int command_withdraw(int argc, char **argv)
{
    return move_one(
        "withdraw", TELLER_WITHDRAW,
        "Takes money out of an account, against the house account of its currency.\n" SESSION_EXIT_CODES,
        "teller withdraw ACCOUNT AMOUNT CURRENCY [options]",
        "  teller withdraw alice 20.00 USD\n"
        "  teller withdraw alice 20.00 USD --deadline 2s --json",
        argc, argv);
}

/* ---- transfer show ---------------------------------------------------------------------------- */

static const char *const status_words[] = {
    [TELLER_SUCCESS] = "success", [TELLER_FAILED] = "failed", [TELLER_PENDING] = "pending"};
static const char *const kind_words[] = {NULL,   "transfer", "deposit", "withdraw", "group",
                                         "hold", "capture",  "release", "exchange"};

static const char *kind_word(uint8_t kind)
{
    if (kind == TELLER_SHOWN_REMITTANCE)
        return "remittance";
    return kind < sizeof kind_words / sizeof *kind_words ? kind_words[kind] : NULL;
}

static void show_json(const struct teller_transfer *transfer)
{
    struct emit json = emit_to(stdout);
    emit_object(&json);
    emit_uuid(&json, "transaction_id", &transfer->id);
    emit_text(&json, "status", status_words[transfer->status]);
    emit_text(&json, "code", code_name(transfer->code));
    emit_text(&json, "kind", kind_word(transfer->kind));
    emit_str(&json, "from_account", transfer->from);
    emit_str(&json, "to_account", transfer->to);
    if (transfer->currency == CURRENCY_NONE) {
        emit_null(&json, "amount");
        emit_null(&json, "currency");
    } else {
        emit_money(&json, "amount", transfer->amount, transfer->currency);
        emit_text(&json, "currency", currency_at(transfer->currency)->code);
    }
    emit_str(&json, "memo", transfer->memo);
    emit_str(&json, "reference", transfer->reference);
    emit_time(&json, "time", transfer->time_us);
    emit_end(&json);
    emit_line(&json);
}

static void show_line(const char *name, struct str text)
{
    if (text.length > 0)
        printf("%-12s%.*s\n", name, (int)text.length, text.data);
}

static void show_text(const struct teller_transfer *transfer)
{
    char id[UUID_TEXT_LENGTH + 1];
    uuid_format(&transfer->id, id);
    show_line("id", str_from(id));
    show_line("status", str_from(status_words[transfer->status]));
    show_line("code", str_from(code_name(transfer->code)));
    show_line("kind", argument_text(kind_word(transfer->kind)));
    show_line("from", transfer->from);
    show_line("to", transfer->to);
    if (transfer->currency != CURRENCY_NONE)
        printf("%-12s%s %s\n", "amount", money_text(transfer->amount, transfer->currency),
               currency_at(transfer->currency)->code);
    show_line("memo", transfer->memo);
    show_line("reference", transfer->reference);
    show_line("time", str_from(time_text(transfer->time_us)));
}

static int transfer_show(int argc, char **argv)
{
    struct session session;
    struct option_row rows[SESSION_OPTIONS];
    const char *arguments[1];
    session_options(&session, "transfer show", rows);
    const struct manual manual = {
        .usage = "teller transfer show ID [options]",
        .summary = "Tells what became of a transaction id: success, failed with its code, or "
                   "pending.\n" SESSION_EXIT_CODES,
        .examples = "  teller transfer show 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f --json",
        .options = rows,
        .option_count = SESSION_OPTIONS,
        .argument_min = 1,
        .argument_max = 1};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    struct uuid id;
    struct teller_transfer transfer;
    struct teller_answer answer;
    if (!argument_id(&session, arguments[0], &id))
        return EXIT_CODE_USAGE;
    int code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    enum err err = teller_transfer_show(session.client, &id, &transfer, &answer);
    code = session_check(&session, err, &answer, NULL);
    if (code == EXIT_CODE_OK && session.json)
        show_json(&transfer);
    else if (code == EXIT_CODE_OK)
        show_text(&transfer);
    session_close(&session);
    return code;
}

/* ---- transfer --------------------------------------------------------------------------------- */

int command_transfer(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "show") == 0) {
        argv[1] = (char[]){"transfer show"};
        return transfer_show(argc - 1, argv + 1);
    }
    struct move self = {.item = {.kind = TELLER_TRANSFER}};
    struct option_row rows[OPTIONS];
    const char *arguments[4];
    move_options(&self, "transfer", rows);
    const struct manual manual = {.usage = "teller transfer FROM TO AMOUNT CURRENCY [options]\n"
                                           "       teller transfer show ID [options]",
                                  .summary = "Moves money from one account to another.\n" SESSION_EXIT_CODES,
                                  .examples = "  teller transfer alice bob 12.50 USD --memo rent\n"
                                              "  teller transfer alice bob 12.50 USD --id "
                                              "0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f\n"
                                              "  teller transfer show 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f",
                                  .options = rows,
                                  .option_count = OPTIONS,
                                  .argument_min = 4,
                                  .argument_max = 4};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!argument_account(&self.session, arguments[0], &self.item.from) ||
        !argument_account(&self.session, arguments[1], &self.item.to) ||
        !move_read(&self, arguments[2], arguments[3]))
        return EXIT_CODE_USAGE;
    return move_run(&self);
}
