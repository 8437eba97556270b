/* teller quote, quote show, exchange; rate set, rate pair, rate desk. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/base/rate.h"
#include "broker/command.h"
#include "broker/command/arguments.h"
#include "broker/command/print.h"
#include "broker/command/rate.h"
#include "broker/command/verbs.h"
#include "broker/offline/rate_import.h"

/* Reads the arguments, opens the session: EXIT_CODE_OK, or what to end with. */
static int begin(const struct manual *texts, struct option_row *rows, size_t row_count, size_t argument_count,
                 int argc, char **argv, const char **arguments)
{
    struct manual manual = *texts;
    manual.options = rows;
    manual.option_count = row_count;
    manual.argument_min = manual.argument_max = argument_count;
    enum options_result result = options_read(&manual, argc, argv, arguments);
    return result == OPTIONS_OK ? -1 : options_exit_code(result);
}

/* ---- quotes ----------------------------------------------------------------------------------- */

static const char *const state_words[] = {
    [TELLER_QUOTE_OPEN] = "OPEN", [TELLER_QUOTE_USED] = "USED", [TELLER_QUOTE_EXPIRED] = "EXPIRED"};

static const char *shown_rate(int64_t rate, char out[RATE_TEXT_MAX])
{
    rate_format(rate, out);
    return out;
}

static void quote_json(const struct teller_quote *quote)
{
    char rate[RATE_TEXT_MAX], mid[RATE_TEXT_MAX];
    struct emit json = emit_to(stdout);
    emit_object(&json);
    emit_uuid(&json, "quote", &quote->id);
    emit_text(&json, "account", quote->account);
    emit_text(&json, "state", state_words[quote->state]);
    emit_text(&json, "sell", currency_at(quote->sell)->code);
    emit_text(&json, "buy", currency_at(quote->buy)->code);
    emit_text(&json, "side", quote->side == TELLER_SELL ? "sell" : "buy");
    emit_money(&json, "sell_amount", quote->sell_amount, quote->sell);
    emit_money(&json, "buy_amount", quote->buy_amount, quote->buy);
    emit_text(&json, "rate", shown_rate(quote->rate, rate));
    emit_text(&json, "mid", shown_rate(quote->mid, mid));
    emit_money(&json, "spread", quote->spread, quote->buy);
    emit_money(&json, "residue", quote->residue, quote->buy);
    emit_time(&json, "expires", quote->expires_us);
    emit_end(&json);
    emit_line(&json);
}

static void quote_text(const struct teller_quote *quote)
{
    char id[UUID_TEXT_LENGTH + 1], rate[RATE_TEXT_MAX], mid[RATE_TEXT_MAX];
    uuid_format(&quote->id, id);
    printf("%-12s%s\n%-12s%s\n%-12s%s\n", "quote", id, "state", state_words[quote->state], "account",
           quote->account);
    printf("%-12s%s %s\n", "sell", money_text(quote->sell_amount, quote->sell),
           currency_at(quote->sell)->code);
    printf("%-12s%s %s\n", "buy", money_text(quote->buy_amount, quote->buy), currency_at(quote->buy)->code);
    printf("%-12s%s (mid %s)\n", "rate", shown_rate(quote->rate, rate), shown_rate(quote->mid, mid));
    printf("%-12s%s %s\n", "spread", money_text(quote->spread, quote->buy), currency_at(quote->buy)->code);
    printf("%-12s%s\n", "expires", time_text(quote->expires_us));
}

static int quote_finish(struct session *session, enum err err, const struct teller_answer *answer,
                        const struct uuid *id, const struct teller_quote *quote)
{
    int code = session_check(session, err, answer, id);
    if (code == EXIT_CODE_OK && session->json)
        quote_json(quote);
    else if (code == EXIT_CODE_OK)
        quote_text(quote);
    session_close(session);
    return code;
}

static int quote_show(int argc, char **argv)
{
    static const struct manual texts = {
        .usage = "teller quote show ACCOUNT QUOTE [options]",
        .summary = "Shows a quote: OPEN, USED or EXPIRED.\n" SESSION_EXIT_CODES,
        .examples = "  teller quote show alice 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f --json"};
    struct session session;
    struct option_row rows[SESSION_OPTIONS];
    const char *arguments[2];
    struct str account;
    struct uuid id;
    struct teller_quote quote;
    struct teller_answer answer;
    session_options(&session, "quote show", rows);
    int code = begin(&texts, rows, SESSION_OPTIONS, 2, argc, argv, arguments);
    if (code >= 0)
        return code;
    if (!argument_account(&session, arguments[0], &account) || !argument_id(&session, arguments[1], &id))
        return EXIT_CODE_USAGE;
    code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    enum err err = teller_quote_show(session.client, account, &id, &quote, &answer);
    return quote_finish(&session, err, &answer, NULL, &quote);
}

static bool quote_read(const struct session *session, const char *const *arguments, const char *side,
                       const char *id, struct teller_quote_command *out)
{
    bool buys = strcmp(side, "buy") == 0;
    out->side = buys ? TELLER_BUY : TELLER_SELL;
    if (!buys && strcmp(side, "sell") != 0) {
        session_usage(session, "'%s' is neither sell nor buy", side);
        return false;
    }
    return argument_account(session, arguments[0], &out->account) &&
           argument_currency(session, arguments[1], &out->sell) &&
           argument_currency(session, arguments[2], &out->buy) &&
           argument_amount(session, "the amount", arguments[3], buys ? out->buy : out->sell, false,
                           &out->amount) &&
           argument_id(session, id, &out->id);
}

int command_quote(int argc, char **argv)
{
    static const struct manual texts = {
        .usage = "teller quote ACCOUNT SELL BUY AMOUNT [options]\n"
                 "       teller quote show ACCOUNT QUOTE [options]",
        .summary =
            "Asks what an account would get for AMOUNT of the currency SELL (or pay for AMOUNT of BUY,\n"
            "with --side buy). The quote is good for some seconds and one exchange.\n" SESSION_EXIT_CODES,
        .examples = "  teller quote alice USD KRW 100.00\n"
                    "  teller quote alice USD KRW 150000 --side buy --json"};
    if (argc > 1 && strcmp(argv[1], "show") == 0) {
        argv[1] = (char[]){"quote show"};
        return quote_show(argc - 1, argv + 1);
    }
    struct session session;
    struct option_row rows[SESSION_OPTIONS + 2];
    const char *arguments[4], *side = "sell", *id = NULL;
    struct teller_quote_command command = {0};
    struct teller_quote quote;
    struct teller_answer answer;
    session_options(&session, "quote", rows);
    rows[SESSION_OPTIONS] = option_text("side", &side, "SIDE", "sell or buy: what the amount is of (sell)");
    rows[SESSION_OPTIONS + 1] = option_text("id", &id, "UUID", "of the quote (a new one)");
    int code = begin(&texts, rows, SESSION_OPTIONS + 2, 4, argc, argv, arguments);
    if (code >= 0)
        return code;
    if (!quote_read(&session, arguments, side, id, &command))
        return EXIT_CODE_USAGE;
    code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    enum err err = teller_quote(session.client, &command, &quote, &answer);
    return quote_finish(&session, err, &answer, &command.id, &quote);
}

/* ---- exchange --------------------------------------------------------------------------------- */

/* Balances are in minor units of two currencies that the quote knows: it is asked for them. */
static void exchange_print(const struct session *session, const struct teller_item *item,
                           const struct teller_row *row, const struct teller_quote *quote)
{
    char id[UUID_TEXT_LENGTH + 1];
    uuid_format(&item->id, id);
    if (!session->json) {
        printf("Sold %s %s for %s %s.\n  id %s\n", money_text(quote->sell_amount, quote->sell),
               currency_at(quote->sell)->code, money_text(quote->buy_amount, quote->buy),
               currency_at(quote->buy)->code, id);
        return;
    }
    struct emit json = emit_to(stdout);
    emit_object(&json);
    emit_uuid(&json, "transaction_id", &item->id);
    emit_text(&json, "status", "success");
    emit_text(&json, "code", code_name(row->code));
    emit_uuid(&json, "quote", &item->quote);
    emit_str(&json, "from_account", item->from);
    emit_money(&json, "sell_amount", quote->sell_amount, quote->sell);
    emit_money(&json, "from_balance", row->from_balance, quote->sell);
    emit_str(&json, "to_account", item->to);
    emit_money(&json, "buy_amount", quote->buy_amount, quote->buy);
    emit_money(&json, "to_balance", row->to_balance, quote->buy);
    emit_end(&json);
    emit_line(&json);
}

static int exchange_run(struct session *session, const struct teller_item *item)
{
    struct teller_row row;
    struct teller_answer answer;
    struct teller_quote quote;
    int code = session_open(session);
    if (code != EXIT_CODE_OK)
        return code;
    enum err err = teller_post(session->client, item, &row, &answer);
    code = session_check(session, err, &answer, &item->id);
    if (code == EXIT_CODE_OK) {
        err = teller_quote_show(session->client, item->from, &item->quote, &quote, &answer);
        code = session_check(session, err, &answer, NULL);
    }
    if (code == EXIT_CODE_OK)
        exchange_print(session, item, &row, &quote);
    session_close(session);
    return code;
}

int command_exchange(int argc, char **argv)
{
    static const struct manual texts = {
        .usage = "teller exchange FROM TO QUOTE [options]",
        .summary =
            "Uses a quote: FROM pays what is sold, TO gets what is bought, both or neither. Both accounts\n"
            "belong to one owner, and FROM is the quote's.\n" SESSION_EXIT_CODES,
        .examples = "  teller exchange alice alice-krw 0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f"};
    struct session session;
    struct option_row rows[SESSION_OPTIONS + 3];
    const char *arguments[3], *memo = NULL, *reference = NULL, *id = NULL;
    struct teller_item item = {.kind = TELLER_EXCHANGE};
    session_options(&session, "exchange", rows);
    rows[SESSION_OPTIONS] = option_text("memo", &memo, "TEXT", "kept in the history");
    rows[SESSION_OPTIONS + 1] =
        option_text("reference", &reference, "TEXT", "the same, for an order or invoice number");
    rows[SESSION_OPTIONS + 2] =
        option_text("id", &id, "UUID", "of this transaction (a new one); the same id moves once");
    int code = begin(&texts, rows, SESSION_OPTIONS + 3, 3, argc, argv, arguments);
    if (code >= 0)
        return code;
    item.memo = argument_text(memo);
    item.reference = argument_text(reference);
    if (!argument_account(&session, arguments[0], &item.from) ||
        !argument_account(&session, arguments[1], &item.to) ||
        !argument_id(&session, arguments[2], &item.quote) || !argument_id(&session, id, &item.id))
        return EXIT_CODE_USAGE;
    return exchange_run(&session, &item);
}

/* ---- rates and terms ---------------------------------------------------------------------------- */

enum { AGE_LIMIT_MS = 86400000, VALID_MS = 30000, MS_US = 1000 };

#define AGE_LIMIT_MAX_MS INT64_C(31536000000)

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* An answer without a body. */
static int set_finish(struct session *session, enum err err, const struct teller_answer *answer)
{
    int code = session_check(session, err, answer, NULL);
    if (code == EXIT_CODE_OK && session->json) {
        struct emit json = emit_to(stdout);
        emit_object(&json);
        emit_text(&json, "code", "OK");
        emit_end(&json);
        emit_line(&json);
    } else if (code == EXIT_CODE_OK) {
        printf("Set.\n");
    }
    session_close(session);
    return code;
}

static bool source_read(const struct session *session, const char *text, char out[PRODUCT_MAX + 1])
{
    if (text == NULL)
        return true;
    if (!text_is_product(str_from(text))) {
        session_usage(session, "'%s' is no source: at most %d letters, digits and - _ . : @ /", text,
                      PRODUCT_MAX);
        return false;
    }
    snprintf(out, PRODUCT_MAX + 1, "%s", text);
    return true;
}

static int rate_set(int argc, char **argv)
{
    static const struct manual texts = {
        .usage = "teller rate set BASE COUNTER RATE [options]",
        .summary =
            "Sets a rate at the desk: RATE of COUNTER for one BASE, or for --units of it. An older one than\n"
            "the desk knows changes nothing.\n" SESSION_EXIT_CODES,
        .examples = "  teller rate set USD KRW 1350.25\n"
                    "  teller rate set JPY KRW 912.34 --units 100 --source koreaexim --age-limit 26h"};
    struct session session;
    struct option_row rows[SESSION_OPTIONS + 5];
    const char *arguments[3], *as_of = NULL, *source = NULL, *operator_name = NULL;
    int64_t age_limit_ms = AGE_LIMIT_MS;
    uint64_t units = 1;
    struct teller_rate rate = {.as_of_us = now_us()};
    struct teller_answer answer;
    bool has;
    session_options(&session, "rate set", rows);
    rows[SESSION_OPTIONS] = (struct option_row){.name = "units",
                                                .type = OPTION_NUMBER,
                                                .out = &units,
                                                .value = "N",
                                                .help = "how much of BASE the rate is for, 1 to 10000 (1)",
                                                .minimum = 1,
                                                .maximum = 10000};
    rows[SESSION_OPTIONS + 1] = option_text("as-of", &as_of, "TIME", "what time it is of (now)");
    rows[SESSION_OPTIONS + 2] =
        (struct option_row){.name = "age-limit",
                            .type = OPTION_DURATION,
                            .out = &age_limit_ms,
                            .value = "TIME",
                            .help = "how long after that it may be quoted by, 1s to 365d (24h)",
                            .minimum = 1000,
                            .maximum = AGE_LIMIT_MAX_MS};
    rows[SESSION_OPTIONS + 3] = option_text("source", &source, "NAME", "where it comes from");
    rows[SESSION_OPTIONS + 4] = option_text("operator", &operator_name, "NAME", "who sets it");
    int code = begin(&texts, rows, SESSION_OPTIONS + 5, 3, argc, argv, arguments);
    if (code >= 0)
        return code;
    rate.units = (uint32_t)units;
    rate.age_limit_us = age_limit_ms * MS_US;
    if (!argument_currency(&session, arguments[0], &rate.base) ||
        !argument_currency(&session, arguments[1], &rate.counter) ||
        !argument_rate(&session, arguments[2], &rate.rate) ||
        !argument_time(&session, "--as-of", as_of, &has, &rate.as_of_us) ||
        !source_read(&session, source, rate.source))
        return EXIT_CODE_USAGE;
    code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    enum err err = teller_rate_set(session.client, &rate, argument_text(operator_name), &answer);
    return set_finish(&session, err, &answer);
}

static int rate_pair(int argc, char **argv)
{
    static const struct manual texts = {
        .usage = "teller rate pair ONE OTHER [options]",
        .summary = "Sets the terms of a pair of currencies, in both directions.\n" SESSION_EXIT_CODES,
        .examples = "  teller rate pair USD KRW --spread 10000 --valid 30s"};
    struct session session;
    struct option_row rows[SESSION_OPTIONS + 3];
    const char *arguments[2], *operator_name = NULL;
    int64_t valid_ms = VALID_MS;
    uint64_t spread = 0;
    struct teller_pair pair = {0};
    struct teller_answer answer;
    session_options(&session, "rate pair", rows);
    rows[SESSION_OPTIONS] =
        (struct option_row){.name = "spread",
                            .type = OPTION_NUMBER,
                            .out = &spread,
                            .value = "PPM",
                            .help = "of the mid rate, in millionths: 0 to 500000; 10000 is 1 % (0)",
                            .maximum = 500000};
    rows[SESSION_OPTIONS + 1] = (struct option_row){.name = "valid",
                                                    .type = OPTION_DURATION,
                                                    .out = &valid_ms,
                                                    .value = "TIME",
                                                    .help = "how long a quote is good for, 1s to 1h (30s)",
                                                    .minimum = 1000,
                                                    .maximum = 3600000};
    rows[SESSION_OPTIONS + 2] = option_text("operator", &operator_name, "NAME", "who sets it");
    int code = begin(&texts, rows, SESSION_OPTIONS + 3, 2, argc, argv, arguments);
    if (code >= 0)
        return code;
    pair.spread_ppm = (uint32_t)spread;
    pair.valid_us = valid_ms * MS_US;
    if (!argument_currency(&session, arguments[0], &pair.base) ||
        !argument_currency(&session, arguments[1], &pair.counter))
        return EXIT_CODE_USAGE;
    code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    enum err err = teller_pair_set(session.client, &pair, argument_text(operator_name), &answer);
    return set_finish(&session, err, &answer);
}

static void desk_json(const struct teller_rate *rates, size_t rate_count, const struct teller_pair *pairs,
                      size_t pair_count)
{
    char text[RATE_TEXT_MAX];
    struct emit json = emit_to(stdout);
    emit_object(&json);
    emit_array(&json, "rates");
    for (size_t i = 0; i < rate_count; i++) {
        emit_object(&json);
        emit_text(&json, "base", currency_at(rates[i].base)->code);
        emit_text(&json, "counter", currency_at(rates[i].counter)->code);
        emit_text(&json, "rate", shown_rate(rates[i].rate, text));
        emit_number(&json, "units", rates[i].units);
        emit_time(&json, "as_of", rates[i].as_of_us);
        emit_number(&json, "age_limit", rates[i].age_limit_us / 1000000);
        emit_text(&json, "source", rates[i].source);
        emit_bool(&json, "is_stale", rates[i].is_stale);
        emit_end(&json);
    }
    emit_end(&json);
    emit_array(&json, "pairs");
    for (size_t i = 0; i < pair_count; i++) {
        emit_object(&json);
        emit_text(&json, "base", currency_at(pairs[i].base)->code);
        emit_text(&json, "counter", currency_at(pairs[i].counter)->code);
        emit_number(&json, "spread", pairs[i].spread_ppm);
        emit_number(&json, "valid", pairs[i].valid_us / 1000000);
        emit_end(&json);
    }
    emit_end(&json);
    emit_end(&json);
    emit_line(&json);
}

static void desk_text(const struct teller_rate *rates, size_t rate_count, const struct teller_pair *pairs,
                      size_t pair_count)
{
    char text[RATE_TEXT_MAX];
    for (size_t i = 0; i < rate_count; i++)
        printf("%5u %s = %20s %s  %s  %-16s%s\n", rates[i].units, currency_at(rates[i].base)->code,
               shown_rate(rates[i].rate, text), currency_at(rates[i].counter)->code,
               time_text(rates[i].as_of_us), rates[i].source, rates[i].is_stale ? "  stale" : "");
    for (size_t i = 0; i < pair_count; i++)
        printf("%s/%s  spread %u ppm, quotes are good for %lld s\n", currency_at(pairs[i].base)->code,
               currency_at(pairs[i].counter)->code, pairs[i].spread_ppm,
               (long long)(pairs[i].valid_us / 1000000));
}

static int rate_desk(int argc, char **argv)
{
    static const struct manual texts = {.usage = "teller rate desk [options]",
                                        .summary = "Shows the rates and terms that quotes are made "
                                                   "of.\n" SESSION_EXIT_CODES,
                                        .examples = "  teller rate desk --json"};
    struct session session;
    struct option_row rows[SESSION_OPTIONS];
    struct teller_answer answer;
    size_t rate_count, pair_count;
    session_options(&session, "rate desk", rows);
    int code = begin(&texts, rows, SESSION_OPTIONS, 0, argc, argv, NULL);
    if (code >= 0)
        return code;
    struct teller_rate *rates = calloc(TELLER_RATES_MAX, sizeof *rates);
    struct teller_pair *pairs = calloc(TELLER_PAIRS_MAX, sizeof *pairs);
    code = rates && pairs ? session_open(&session) : EXIT_CODE_ERROR;
    if (code == EXIT_CODE_OK) {
        enum err err = teller_desk(session.client, rates, &rate_count, pairs, &pair_count, &answer);
        code = session_check(&session, err, &answer, NULL);
        if (code == EXIT_CODE_OK && session.json)
            desk_json(rates, rate_count, pairs, pair_count);
        else if (code == EXIT_CODE_OK)
            desk_text(rates, rate_count, pairs, pair_count);
        session_close(&session);
    }
    free(rates);
    free(pairs);
    return code;
}

static const struct verb verbs[] = {
    {"set", "set a rate at the desk", rate_set},
    {"pair", "set the spread of a pair, and how long its quotes are good for", rate_pair},
    {"desk", "show what quotes are made of", rate_desk},
    {"latest", "the newest published rates of a source", rate_latest},
    {"asof", "the published rate of a day", rate_asof},
    {"range", "the published rates from one day to another", rate_range},
    {"review", "published rates that wait for an operator", rate_review},
    {"accept", "accept one that waits", rate_accept},
    {"reject", "reject one that waits", rate_reject},
    {"sources", "the sources, and what is wrong with them", rate_sources},
    {"import", "load a file of the ECB's history, without a server", rate_import},
};

int command_rate(int argc, char **argv)
{
    static const struct noun noun = {"rate",
                                     "  teller rate set USD KRW 1350.25\n"
                                     "  teller rate pair USD KRW --spread 10000 --valid 30s\n"
                                     "  teller rate latest ecb\n  teller rate accept 17 --operator ann\n",
                                     verbs, sizeof verbs / sizeof *verbs};
    return verbs_run(&noun, argc, argv);
}
