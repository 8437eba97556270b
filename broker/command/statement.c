/* teller balance, history. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/command.h"
#include "broker/command/arguments.h"
#include "broker/command/print.h"

/* ---- balance ---------------------------------------------------------------------------------- */

static void balance_json(const struct teller_balance *balance)
{
    struct emit json = emit_to(stdout);
    emit_object(&json);
    emit_str(&json, "account", balance->account);
    emit_text(&json, "currency", currency_at(balance->currency)->code);
    emit_money(&json, "balance", balance->balance, balance->currency);
    if (!balance->is_past) {
        emit_money(&json, "pending", balance->pending, balance->currency);
        emit_money(&json, "available", balance->available, balance->currency);
    }
    emit_time(&json, "at", balance->at_us);
    emit_end(&json);
    emit_line(&json);
}

static void balance_text(const struct teller_balance *balance)
{
    const char *currency = currency_at(balance->currency)->code;
    printf("%-12s%.*s\n", "account", (int)balance->account.length, balance->account.data);
    printf("%-12s%20s %s\n", "balance", money_text(balance->balance, balance->currency), currency);
    if (!balance->is_past) {
        printf("%-12s%20s %s\n", "pending", money_text(balance->pending, balance->currency), currency);
        printf("%-12s%20s %s\n", "available", money_text(balance->available, balance->currency), currency);
    }
    printf("%-12s%s\n", "at", time_text(balance->at_us));
}

int command_balance(int argc, char **argv)
{
    struct session session;
    struct option_row rows[SESSION_OPTIONS + 1];
    const char *arguments[1], *at = NULL;
    struct str account;
    int64_t at_us = -1;
    bool has_at;
    session_options(&session, "balance", rows);
    rows[SESSION_OPTIONS] = (struct option_row){
        .name = "at", .type = OPTION_TEXT, .out = &at, .value = "TIME", .help = "as it was then (now)"};
    const struct manual manual = {
        .usage = "teller balance ACCOUNT [options]",
        .summary = "Shows what an account holds, now or at a past time.\n" SESSION_EXIT_CODES,
        .examples = "  teller balance alice\n"
                    "  teller balance alice --at 2026-11-20T12:00:00Z --json",
        .options = rows,
        .option_count = SESSION_OPTIONS + 1,
        .argument_min = 1,
        .argument_max = 1};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!argument_account(&session, arguments[0], &account) ||
        !argument_time(&session, "--at", at, &has_at, &at_us))
        return EXIT_CODE_USAGE;
    struct teller_balance balance;
    struct teller_answer answer;
    int code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    enum err err = teller_balance(session.client, account, at_us, &balance, &answer);
    code = session_check(&session, err, &answer, NULL);
    if (code == EXIT_CODE_OK && session.json)
        balance_json(&balance);
    else if (code == EXIT_CODE_OK)
        balance_text(&balance);
    session_close(&session);
    return code;
}

/* ---- history ---------------------------------------------------------------------------------- */

static const char *const directions[] = {
    [TELLER_NO_DIRECTION] = NULL, [TELLER_IN] = "in", [TELLER_OUT] = "out"};

static void entry_json(struct emit *json, const struct teller_entry *entry, currency_index currency,
                       currency_index base)
{
    emit_object(json);
    emit_text(json, "kind", teller_entry_kind_name(entry->kind));
    emit_time(json, "time", entry->time_us);
    emit_uuid(json, "transaction_id", &entry->id);
    emit_money(json, "amount", entry->amount, currency);
    emit_text(json, "direction", directions[entry->direction]);
    emit_money(json, "balance", entry->balance, currency);
    emit_str(json, "counterparty", entry->counterparty);
    emit_str(json, "memo", entry->memo);
    emit_str(json, "reference", entry->reference);
    emit_unsigned(json, "position", entry->position);
    if (!uuid_is_nil(&entry->hold)) {
        emit_uuid(json, "hold", &entry->hold);
        emit_money(json, "pending", entry->pending, currency);
    }
    if (entry->expires_us > 0)
        emit_time(json, "expires", entry->expires_us);
    if (!uuid_is_nil(&entry->exchange))
        emit_uuid(json, "exchange", &entry->exchange);
    if (entry->bank.length > 0)
        emit_str(json, "bank", entry->bank);
    if (entry->bank_reference.length > 0)
        emit_str(json, "bank_reference", entry->bank_reference);
    if (entry->rate > 0)
        emit_rate(json, "rate", entry->rate);
    if (entry->has_book && base != CURRENCY_NONE) {
        emit_money(json, "value", entry->value, base);
        emit_money(json, "cost", entry->cost, base);
        if (entry->direction == TELLER_OUT)
            emit_money(json, "gain", entry->value - entry->cost, base);
        emit_money(json, "book_value", entry->book_value, base);
        emit_rate(json, "average_rate", entry->average_rate);
    }
    emit_end(json);
}

static void history_json(const struct teller_history_query *query, currency_index currency,
                         currency_index base, const struct teller_entry *entries, size_t count,
                         struct str cursor)
{
    struct emit json = emit_to(stdout);
    emit_object(&json);
    emit_str(&json, "account", query->account);
    emit_text(&json, "currency", currency_at(currency)->code);
    emit_array(&json, "entries");
    for (size_t i = 0; i < count; i++)
        entry_json(&json, &entries[i], currency, base);
    emit_end(&json);
    emit_str(&json, "cursor", cursor);
    emit_end(&json);
    emit_line(&json);
}

/* Widths that fit what is printed, so that a page is as narrow as it can be. */
struct widths {
    int kind, amount, balance, counterparty;
};

static int wider(int width, size_t length)
{
    return (int)length > width ? (int)length : width;
}

static const char *amount_text(const struct teller_entry *entry, currency_index currency)
{
    static char text[MONEY_TEXT_MAX + 2];
    if (entry->direction == TELLER_NO_DIRECTION)
        return "";
    snprintf(text, sizeof text, "%c%s", entry->direction == TELLER_IN ? '+' : '-',
             money_text(entry->amount, currency));
    return text;
}

static struct widths measure(const struct teller_entry *entries, size_t count, currency_index currency)
{
    struct widths widths = {.kind = 10, .amount = 6, .balance = 7, .counterparty = 12};
    for (size_t i = 0; i < count; i++) {
        widths.kind = wider(widths.kind, strlen(teller_entry_kind_name(entries[i].kind)));
        widths.amount = wider(widths.amount, strlen(amount_text(&entries[i], currency)));
        widths.balance = wider(widths.balance, strlen(money_text(entries[i].balance, currency)));
        widths.counterparty = wider(widths.counterparty, entries[i].counterparty.length);
    }
    return widths;
}

/* What the entry did to the book value, on a line of its own. */
static void book_text(const struct teller_entry *entry, currency_index base)
{
    const char *code = currency_at(base)->code;
    printf("    ");
    if (entry->rate > 0)
        printf("at %s, ", rate_decimal(entry->rate));
    printf("worth %s %s, cost %s", money_text(entry->value, base), code, money_text(entry->cost, base));
    if (entry->direction == TELLER_OUT)
        printf(", gain %s", money_text(entry->value - entry->cost, base));
    printf("; book value %s", money_text(entry->book_value, base));
    if (entry->average_rate > 0)
        printf(", average rate %s", rate_decimal(entry->average_rate));
    putchar('\n');
}

/* The hold that the entry is about, on a line of its own. */
static void hold_text(const struct teller_entry *entry, currency_index currency)
{
    char id[UUID_TEXT_LENGTH + 1];
    uuid_format(&entry->hold, id);
    printf("    hold %s", id);
    if (entry->kind == TELLER_ENTRY_HOLD_OPENED)
        printf(": %s set aside", money_text(entry->amount, currency));
    else if (entry->direction == TELLER_NO_DIRECTION)
        printf(": %s let go", money_text(entry->amount, currency));
    if (entry->expires_us > 0)
        printf(", expires %s", time_text(entry->expires_us));
    printf("; pending %s\n", money_text(entry->pending, currency));
}

/* The exchange that the entry is of, on a line of its own. */
static void exchange_text(const struct teller_entry *entry)
{
    char id[UUID_TEXT_LENGTH + 1];
    uuid_format(&entry->exchange, id);
    printf("    exchange %s\n", id);
}

/* The bank of a remittance, on a line of its own. */
static void bank_text(const struct teller_entry *entry)
{
    printf("    bank %.*s", (int)entry->bank.length, entry->bank.data);
    if (entry->bank_reference.length > 0)
        printf(": %.*s", (int)entry->bank_reference.length, entry->bank_reference.data);
    putchar('\n');
}

static void history_text(const struct teller_history_query *query, currency_index currency,
                         currency_index base, const struct teller_entry *entries, size_t count,
                         struct str cursor)
{
    struct widths w = measure(entries, count, currency);
    printf("%.*s, amounts in %s, newest first\n\n", (int)query->account.length, query->account.data,
           currency_at(currency)->code);
    printf("%-25s  %-*s  %*s  %*s  %-*s  %s\n", "TIME", w.kind, "KIND", w.amount, "AMOUNT", w.balance,
           "BALANCE", w.counterparty, "COUNTERPARTY", "MEMO");
    for (size_t i = 0; i < count; i++) {
        const struct teller_entry *entry = &entries[i];
        bool has_both = entry->memo.length > 0 && entry->reference.length > 0;
        printf("%-25s  %-*s  %*s  %*s  %-*.*s  %.*s%s%.*s\n", time_text(entry->time_us), w.kind,
               teller_entry_kind_name(entry->kind), w.amount, amount_text(entry, currency), w.balance,
               money_text(entry->balance, currency), w.counterparty, (int)entry->counterparty.length,
               entry->counterparty.length > 0 ? entry->counterparty.data : "", (int)entry->memo.length,
               entry->memo.length > 0 ? entry->memo.data : "", has_both ? " / " : "",
               (int)entry->reference.length, entry->reference.length > 0 ? entry->reference.data : "");
        if (!uuid_is_nil(&entry->hold))
            hold_text(entry, currency);
        if (!uuid_is_nil(&entry->exchange))
            exchange_text(entry);
        if (entry->bank.length > 0)
            bank_text(entry);
        if (entry->has_book && base != CURRENCY_NONE)
            book_text(entry, base);
    }
    if (cursor.length > 0)
        printf("\nThere are more: --cursor %.*s\n", (int)cursor.length, cursor.data);
}

/* Entries carry no currencies: those of the account are asked for first. */
static int history_run(struct session *session, const struct teller_history_query *query)
{
    struct teller_account account;
    struct teller_answer answer;
    struct str cursor;
    size_t count;
    enum err err = teller_account_show(session->client, query->account, &account, &answer);
    int code = session_check(session, err, &answer, NULL);
    if (code != EXIT_CODE_OK)
        return code;
    currency_index currency = account.currency, base = account.base;
    struct teller_entry *entries = malloc(query->limit * sizeof *entries);
    if (entries == NULL)
        return session_check(session, ERR_NO_MEMORY, NULL, NULL);
    err = teller_history(session->client, query, entries, &count, &cursor, &answer);
    code = session_check(session, err, &answer, NULL);
    if (code == EXIT_CODE_OK && session->json)
        history_json(query, currency, base, entries, count, cursor);
    else if (code == EXIT_CODE_OK)
        history_text(query, currency, base, entries, count, cursor);
    free(entries);
    return code;
}

int command_history(int argc, char **argv)
{
    struct session session;
    const char *arguments[1], *before = NULL, *after = NULL, *cursor = NULL;
    uint64_t limit = 20;
    struct option_row rows[SESSION_OPTIONS + 4];
    session_options(&session, "history", rows);
    rows[SESSION_OPTIONS] = (struct option_row){.name = "limit",
                                                .type = OPTION_NUMBER,
                                                .out = &limit,
                                                .value = "N",
                                                .help = "at most so many entries (20)",
                                                .minimum = 1,
                                                .maximum = TELLER_PAGE_MAX};
    rows[SESSION_OPTIONS + 1] = (struct option_row){
        .name = "before", .type = OPTION_TEXT, .out = &before, .value = "TIME", .help = "entries before it"};
    rows[SESSION_OPTIONS + 2] = (struct option_row){.name = "after",
                                                    .type = OPTION_TEXT,
                                                    .out = &after,
                                                    .value = "TIME",
                                                    .help = "entries at or after it"};
    rows[SESSION_OPTIONS + 3] = (struct option_row){.name = "cursor",
                                                    .type = OPTION_TEXT,
                                                    .out = &cursor,
                                                    .value = "TEXT",
                                                    .help = "go on where an earlier page ended"};
    const struct manual manual = {.usage = "teller history ACCOUNT [options]",
                                  .summary =
                                      "Shows what happened to an account, newest first, with the balance "
                                      "after each entry.\n" SESSION_EXIT_CODES,
                                  .examples = "  teller history alice\n"
                                              "  teller history alice --after 2026-11-01 --limit 100 --json",
                                  .options = rows,
                                  .option_count = SESSION_OPTIONS + 4,
                                  .argument_min = 1,
                                  .argument_max = 1};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    struct teller_history_query query = {.limit = (uint32_t)limit, .cursor = argument_text(cursor)};
    if (!argument_account(&session, arguments[0], &query.account) ||
        !argument_time(&session, "--before", before, &query.has_before, &query.before_us) ||
        !argument_time(&session, "--after", after, &query.has_after, &query.after_us))
        return EXIT_CODE_USAGE;
    int code = session_open(&session);
    if (code == EXIT_CODE_OK)
        code = history_run(&session, &query);
    session_close(&session);
    return code;
}
