/* The simulator's own paths, under /admin/: rules, accounts, an outage, the log of what was asked, and what is true. README.md lists them with
 * examples. What is asked here meets no rule, needs no token, and is not in the log. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "actors/base/date.h"
#include "actors/base/money.h"
#include "sim/bank/inside.h"

enum {
    LOG_MAX = 10000,
    LOG_PATH_MAX = 160,
    PAGE_DEFAULT = 1000,
    PAGE_MAX = 10000,
    STATEMENT_MAX = 200000, /* rows of one reply */
    VALUE_MAX = 128,
    OUTAGE_MAX_S = 86400,
    ACTION_END = BANK_DO_CALLBACK_FORGED + 1,
};

struct note {
    int64_t at_us;
    char method[8], path[LOG_PATH_MAX];
    char id[VIRTUAL_ID_MAX + 1], account[VIRTUAL_ACCOUNT_MAX + 1];
    const char *operation, *rule;
    int status;
    enum virtual_delivery delivery;
};

struct admin_server {
    uint64_t count; /* of requests; the log has the last LOG_MAX */
    uint64_t by_action[ACTION_END];
    struct note log[LOG_MAX];
};

struct admin_server *admin_server_new(void)
{
    return calloc(1, sizeof(struct admin_server));
}

void admin_server_destroy(struct admin_server **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

/* ---- queries ----------------------------------------------------------------------------------------- */

static int hex_of(char c)
{
    const char *digits = "0123456789abcdefABCDEF", *at = c != '\0' ? strchr(digits, c) : NULL;
    if (at == NULL)
        return -1;
    return at - digits < 16 ? (int)(at - digits) : (int)(at - digits) - 6;
}

/* One value, without its %XX; cut where it is too long. */
static void decode(const char *text, char out[VALUE_MAX])
{
    size_t length = 0;
    for (; *text != '\0' && *text != '&' && length + 1 < VALUE_MAX; text++) {
        int high = *text == '%' ? hex_of(text[1]) : -1, low = high >= 0 ? hex_of(text[2]) : -1;
        out[length++] = low >= 0 ? (char)(high * 16 + low) : *text;
        text += low >= 0 ? 2 : 0;
    }
    out[length] = '\0';
}

/* false: the query has no such value; out is empty. */
static bool query(const struct virtual_request *request, const char *name, char out[VALUE_MAX])
{
    size_t length = strlen(name);
    const char *at = strchr(request->path, '?');
    out[0] = '\0';
    for (; at != NULL; at = strchr(at + 1, '&')) {
        if (strncmp(at + 1, name, length) == 0 && at[1 + length] == '=') {
            decode(at + 2 + length, out);
            return true;
        }
    }
    return false;
}

/* false: it is there and no number up to max. */
static bool query_number(const struct virtual_request *request, const char *name, uint64_t max, uint64_t *out)
{
    char text[VALUE_MAX], *end;
    if (!query(request, name, text))
        return true;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || number > max)
        return false;
    *out = number;
    return true;
}

static void say_error(struct virtual_bank *self, struct virtual_reply *reply, int status, const char *why)
{
    virtual_reply_json(self, reply, status, json_pack("{s:s}", "error", why));
}

static void say_done(struct virtual_bank *self, struct virtual_reply *reply)
{
    virtual_reply_json(self, reply, 200, json_object());
}

struct page {
    uint64_t after, limit;
};

static bool read_page(struct virtual_bank *self, const struct virtual_request *request,
                      struct virtual_reply *reply, uint64_t limit_default, uint64_t limit_max,
                      struct page *out)
{
    *out = (struct page){.limit = limit_default};
    if (query_number(request, "after", INT64_MAX, &out->after) &&
        query_number(request, "limit", limit_max, &out->limit) && out->limit > 0)
        return true;
    say_error(self, reply, 400, "after and limit are whole numbers");
    return false;
}

/* ---- what goes wrong --------------------------------------------------------------------------------- */

static void set_rules(struct virtual_bank *self, const struct virtual_request *request,
                      struct virtual_reply *reply)
{
    char why[160];
    if (virtual_bank_rules(self, request->body != NULL ? request->body : "", request->length, why) == ERR_OK)
        say_done(self, reply);
    else
        say_error(self, reply, 400, why);
}

static json_t *read_json(const struct virtual_request *request)
{
    json_error_t error;
    return json_loadb(request->body != NULL ? request->body : "", request->length, JSON_REJECT_DUPLICATES,
                      &error);
}

/* {"seconds": 30, "how": "status" | "timeout" | "hangup"} */
static void set_outage(struct virtual_bank *self, int64_t now_us, const struct virtual_request *request,
                       struct virtual_reply *reply)
{
    json_t *value = read_json(request);
    json_int_t seconds = -1;
    const char *how = "status";
    bool good = json_unpack(value, "{s:I, s?s !}", "seconds", &seconds, "how", &how) == 0 && seconds >= 0 &&
                seconds <= OUTAGE_MAX_S;
    enum virtual_delivery delivery = VIRTUAL_ANSWER;
    if (strcmp(how, "timeout") == 0)
        delivery = VIRTUAL_SILENCE;
    else if (strcmp(how, "hangup") == 0)
        delivery = VIRTUAL_HANGUP;
    else
        good = good && strcmp(how, "status") == 0;
    json_decref(value);
    if (!good) {
        say_error(self, reply, 400, "seconds is 0 to 86400, how is status, timeout or hangup");
        return;
    }
    bank_rules_outage(self->rules, now_us, seconds, delivery);
    say_done(self, reply);
}

/* ---- accounts ---------------------------------------------------------------------------------------- */

/* What may be said of an account; what is left out stays. */
struct account_words {
    const char *account, *currency, *holder;
    json_int_t balance, limit, day_limit;
    int is_missing, is_closed; /* -1: not said */
};

static bool read_account(json_t *value, struct account_words *out)
{
    *out = (struct account_words){
        .balance = INT64_MIN, .limit = -1, .day_limit = -1, .is_missing = -1, .is_closed = -1};
    return json_unpack(value, "{s:s, s:s, s?s, s?I, s?I, s?I, s?b, s?b !}", "account", &out->account,
                       "currency", &out->currency, "holder", &out->holder, "balance", &out->balance, "limit",
                       &out->limit, "day_limit", &out->day_limit, "missing", &out->is_missing, "closed",
                       &out->is_closed) == 0 &&
           strlen(out->currency) == CURRENCY_CODE_LENGTH && out->account[0] != '\0' &&
           strlen(out->account) <= VIRTUAL_ACCOUNT_MAX && (out->balance == INT64_MIN || out->balance >= 0);
}

static bool put_account(struct virtual_bank *self, const struct account_words *words)
{
    uint32_t at = virtual_account_of(self, words->account, words->currency);
    if (at == UINT32_MAX || strcmp(self->accounts[at].currency, words->currency) != 0)
        return false;
    struct virtual_account *account = &self->accounts[at];
    int64_t limit = words->limit >= 0 ? words->limit : account->limit;
    int64_t balance = words->balance != INT64_MIN ? words->balance : account->balance;
    virtual_bank_account_set(self, words->account, words->currency, balance, limit);
    account = &self->accounts[at];
    if (words->day_limit >= 0)
        account->day_limit = words->day_limit;
    if (words->is_missing >= 0)
        account->is_missing = words->is_missing != 0;
    if (words->is_closed >= 0)
        account->is_closed = words->is_closed != 0;
    return words->holder == NULL || virtual_copy(account->holder, VIRTUAL_NAME_MAX, words->holder);
}

/* An array of accounts. Those before the one that is wrong are set. */
static void set_accounts(struct virtual_bank *self, const struct virtual_request *request,
                         struct virtual_reply *reply)
{
    json_t *list = read_json(request);
    struct account_words words;
    bool good = json_is_array(list);
    size_t at = 0;
    for (; good && at < json_array_size(list); at++)
        good = read_account(json_array_get(list, at), &words) && put_account(self, &words);
    json_decref(list);
    if (good)
        say_done(self, reply);
    else
        say_error(self, reply, 400,
                  "an array of {account, currency, holder, balance, limit, day_limit, missing, closed}");
}

static json_t *account_as_json(const struct virtual_account *account)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:b}", "account", account->name, "currency",
                     account->currency, "holder", account->holder, "balance", (json_int_t)account->balance,
                     "held", (json_int_t)account->held, "limit", (json_int_t)account->limit, "day_limit",
                     (json_int_t)account->day_limit, "missing", (int)account->is_missing, "closed",
                     (int)account->is_closed);
}

/* ?account=NAME: that one. */
static void show_accounts(struct virtual_bank *self, const struct virtual_request *request,
                          struct virtual_reply *reply)
{
    struct page page;
    char name[VALUE_MAX];
    if (!read_page(self, request, reply, PAGE_DEFAULT, PAGE_MAX, &page))
        return;
    bool is_one = query(request, "account", name);
    json_t *list = json_array();
    uint64_t at = page.after;
    for (; at < self->account_count && json_array_size(list) < page.limit; at++) {
        if (!is_one || strcmp(self->accounts[at].name, name) == 0)
            json_array_append_new(list, account_as_json(&self->accounts[at]));
    }
    json_t *next = at < self->account_count ? json_integer((json_int_t)at) : json_null();
    virtual_reply_json(self, reply, 200, json_pack("{s:o, s:o}", "accounts", list, "next", next));
}

/* ---- where webhooks go ------------------------------------------------------------------------------- */

/* {"notify": URL or null, "callback": URL or null}: what is left out stays. */
static void set_webhooks(struct virtual_bank *self, const struct virtual_request *request,
                         struct virtual_reply *reply)
{
    json_t *value = read_json(request), *notify = NULL, *callback = NULL;
    bool good = json_unpack(value, "{s?o, s?o !}", "notify", &notify, "callback", &callback) == 0 &&
                (notify == NULL || json_is_null(notify) || json_is_string(notify)) &&
                (callback == NULL || json_is_null(callback) || json_is_string(callback));
    if (good && notify != NULL)
        good = virtual_webhooks_url(&self->options.notify_url, json_string_value(notify));
    if (good && callback != NULL)
        good = virtual_webhooks_url(&self->options.callback_url, json_string_value(callback));
    json_decref(value);
    if (good)
        say_done(self, reply);
    else
        say_error(self, reply, 400, "notify and callback are a URL or null");
}

/* ---- the log ----------------------------------------------------------------------------------------- */

void admin_note(struct virtual_bank *self, int64_t now_us, const struct virtual_request *request,
                const struct virtual_reply *reply)
{
    struct admin_server *admin = self->admin;
    struct note *note = &admin->log[admin->count++ % LOG_MAX];
    *note = (struct note){.at_us = now_us,
                          .operation = virtual_operation_word(self->ask.operation),
                          .rule = reply->rule,
                          .status = reply->status,
                          .delivery = reply->delivery};
    snprintf(note->method, sizeof note->method, "%s", request->method);
    snprintf(note->path, sizeof note->path, "%s", request->path);
    memcpy(note->id, self->ask.id, sizeof note->id);
    memcpy(note->account, self->ask.account, sizeof note->account);
    admin->by_action[self->rule.action]++;
}

static const char *delivery_word(enum virtual_delivery delivery)
{
    switch (delivery) {
    case VIRTUAL_ANSWER:
        return "answer";
    case VIRTUAL_SILENCE:
        return "silence";
    case VIRTUAL_HANGUP:
        return "hangup";
    case VIRTUAL_CUT:
        return "cut";
    }
    return "";
}

static json_t *note_as_json(const struct note *note, uint64_t number)
{
    char time[40];
    virtual_time_text(note->at_us, time);
    return json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:s?}", "number", (json_int_t)number,
                     "time", time, "method", note->method, "path", note->path, "operation", note->operation,
                     "id", note->id, "account", note->account, "status", note->status, "delivery",
                     delivery_word(note->delivery), "rule", note->rule);
}

static void show_log(struct virtual_bank *self, const struct virtual_request *request,
                     struct virtual_reply *reply)
{
    const struct admin_server *admin = self->admin;
    struct page page;
    if (!read_page(self, request, reply, PAGE_MAX, PAGE_MAX, &page))
        return;
    uint64_t at = admin->count > LOG_MAX ? admin->count - LOG_MAX : 0;
    json_t *list = json_array();
    for (at = at > page.after ? at : page.after; at < admin->count && json_array_size(list) < page.limit;
         at++)
        json_array_append_new(list, note_as_json(&admin->log[at % LOG_MAX], at + 1));
    json_t *next = at < admin->count ? json_integer((json_int_t)at) : json_null();
    virtual_reply_json(
        self, reply, 200,
        json_pack("{s:I, s:o, s:o}", "count", (json_int_t)admin->count, "requests", list, "next", next));
}

/* ---- what is true ------------------------------------------------------------------------------------ */

static void amount_text(const struct virtual_entry *entry, char out[MONEY_TEXT_MAX])
{
    currency_index currency = currency_find(entry->currency, strlen(entry->currency));
    money_format(entry->amount, currency != CURRENCY_NONE ? currency_at(currency)->exponent : 0, out);
}

static json_t *entry_as_json(const struct virtual_entry *entry, bool is_minor)
{
    char time[40], text[MONEY_TEXT_MAX];
    virtual_time_text(entry->at_us, time);
    amount_text(entry, text);
    json_t *amount = is_minor ? json_integer((json_int_t)entry->amount) : json_string(text);
    return json_pack("{s:I, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:s}", "number", (json_int_t)entry->number,
                     "time", time, "rail", entry->rail, "direction", entry->is_in ? "in" : "out", "amount",
                     amount, "currency", entry->currency, "account", entry->account, "reference",
                     entry->reference, "id", entry->id);
}

/* Amounts in minor units. */
static void show_ledger(struct virtual_bank *self, const struct virtual_request *request,
                        struct virtual_reply *reply)
{
    struct page page;
    struct virtual_entry entry;
    if (!read_page(self, request, reply, PAGE_DEFAULT, PAGE_MAX, &page))
        return;
    json_t *list = json_array();
    uint64_t last = page.after;
    while (json_array_size(list) < page.limit && virtual_bank_entry(self, last + 1, &entry)) {
        json_array_append_new(list, entry_as_json(&entry, true));
        last = entry.number;
    }
    bool has_more = virtual_bank_entry(self, last + 1, &entry);
    json_t *next = has_more ? json_integer((json_int_t)last) : json_null();
    virtual_reply_json(self, reply, 200, json_pack("{s:o, s:o}", "entries", list, "next", next));
}

struct period {
    int64_t from_us, to_us; /* from the one until before the other */
    char rail[VALUE_MAX];
};

static bool read_period(const struct virtual_request *request, struct period *out)
{
    char text[VALUE_MAX];
    int32_t day;
    *out = (struct period){.from_us = INT64_MIN, .to_us = INT64_MAX};
    if (query(request, "from", text)) {
        if (!date_parse(str_from(text), &day))
            return false;
        out->from_us = day * DATE_DAY_US;
    }
    if (query(request, "to", text)) {
        if (!date_parse(str_from(text), &day))
            return false;
        out->to_us = (day + 1) * DATE_DAY_US;
    }
    query(request, "rail", out->rail);
    return true;
}

static bool is_within(const struct period *period, const struct virtual_entry *entry)
{
    return entry->at_us >= period->from_us && entry->at_us < period->to_us &&
           (period->rail[0] == '\0' || strcmp(period->rail, entry->rail) == 0);
}

/* The next entry of a period after `last`, which moves on. */
static bool next_entry(const struct virtual_bank *self, const struct period *period, uint64_t *last,
                       struct virtual_entry *out)
{
    while (virtual_bank_entry(self, *last + 1, out)) {
        *last = out->number;
        if (is_within(period, out))
            return true;
    }
    return false;
}

/* Quoted, as ids may be anything. */
static void write_field(FILE *out, const char *text, char end)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
    fputc(end, out);
}

static void write_row(FILE *out, const struct virtual_entry *entry)
{
    char time[40], text[MONEY_TEXT_MAX];
    virtual_time_text(entry->at_us, time);
    amount_text(entry, text);
    fprintf(out, "%llu,%s,%s,%s,%s,", (unsigned long long)entry->number, time, entry->is_in ? "in" : "out",
            text, entry->currency);
    write_field(out, entry->account, ',');
    write_field(out, entry->reference, ',');
    write_field(out, entry->id, '\n');
}

static void show_csv(struct virtual_bank *self, const struct period *period, const struct page *page,
                     struct virtual_reply *reply)
{
    struct virtual_entry entry;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    CHECK(out != NULL);
    fprintf(out, "number,time,direction,amount,currency,account,reference,id\n");
    uint64_t last = page->after;
    for (uint64_t i = 0; i < page->limit && next_entry(self, period, &last, &entry); i++)
        write_row(out, &entry);
    CHECK(fclose(out) == 0);
    virtual_reply_text(self, reply, 200, "text/csv", text, length);
    free(text);
}

static void show_statement_json(struct virtual_bank *self, const struct period *period,
                                const struct page *page, struct virtual_reply *reply)
{
    struct virtual_entry entry;
    json_t *list = json_array();
    uint64_t last = page->after;
    while (json_array_size(list) < page->limit && next_entry(self, period, &last, &entry))
        json_array_append_new(list, entry_as_json(&entry, false));
    uint64_t further = last;
    bool has_more = next_entry(self, period, &further, &entry);
    json_t *next = has_more ? json_integer((json_int_t)last) : json_null();
    virtual_reply_json(self, reply, 200, json_pack("{s:o, s:o}", "entries", list, "next", next));
}

/* ?from=DAY&to=DAY (UTC, both included)&rail=&format=json|csv&after=&limit= */
static void show_statement(struct virtual_bank *self, const struct virtual_request *request,
                           struct virtual_reply *reply)
{
    struct page page;
    struct period period;
    char format[VALUE_MAX];
    if (!read_page(self, request, reply, STATEMENT_MAX, STATEMENT_MAX, &page))
        return;
    query(request, "format", format);
    if (!read_period(request, &period))
        say_error(self, reply, 400, "from and to are days: 2026-11-21");
    else if (strcmp(format, "csv") == 0)
        show_csv(self, &period, &page, reply);
    else if (format[0] == '\0' || strcmp(format, "json") == 0)
        show_statement_json(self, &period, &page, reply);
    else
        say_error(self, reply, 400, "format is json or csv");
}

static json_t *operations_as_json(const struct virtual_bank *self)
{
    json_t *list = json_object();
    for (int i = 0; i < VIRTUAL_OPERATIONS; i++) {
        if (self->by_operation[i] > 0)
            json_object_set_new(list, virtual_operation_word((enum virtual_operation)i),
                                json_integer((json_int_t)self->by_operation[i]));
    }
    return list;
}

static json_t *rules_as_json(const struct admin_server *admin)
{
    json_t *list = json_object();
    for (int i = BANK_DO_NOTHING + 1; i < ACTION_END; i++) {
        if (admin->by_action[i] > 0)
            json_object_set_new(list, bank_action_name((enum bank_action)i),
                                json_integer((json_int_t)admin->by_action[i]));
    }
    return list;
}

static void show_figures(struct virtual_bank *self, struct virtual_reply *reply)
{
    struct virtual_webhook_figures hooks = virtual_webhooks_figures(self);
    json_t *webhooks = json_pack("{s:I, s:I, s:I, s:I}", "waiting", (json_int_t)hooks.waiting, "delivered",
                                 (json_int_t)hooks.delivered, "repeated", (json_int_t)hooks.repeated,
                                 "dropped", (json_int_t)hooks.dropped);
    virtual_reply_json(self, reply, 200,
                       json_pack("{s:I, s:o, s:o, s:I, s:I, s:I, s:o, s:b}", "requests",
                                 (json_int_t)self->requests, "operations", operations_as_json(self), "rules",
                                 rules_as_json(self->admin), "accounts", (json_int_t)self->account_count,
                                 "payments", (json_int_t)self->payment_count, "entries",
                                 (json_int_t)self->entry_count, "webhooks", webhooks, "books_balance",
                                 (int)virtual_bank_books(self)));
}

/* ---- who serves what --------------------------------------------------------------------------------- */

static bool is_path(const struct virtual_request *request, const char *path)
{
    size_t length = strcspn(request->path, "?");
    return strlen(path) == length && memcmp(request->path, path, length) == 0;
}

static void admin_get(struct virtual_bank *self, const struct virtual_request *request,
                      struct virtual_reply *reply)
{
    if (is_path(request, "/admin/accounts"))
        show_accounts(self, request, reply);
    else if (is_path(request, "/admin/log"))
        show_log(self, request, reply);
    else if (is_path(request, "/admin/ledger"))
        show_ledger(self, request, reply);
    else if (is_path(request, "/admin/statement"))
        show_statement(self, request, reply);
    else if (is_path(request, "/admin/figures"))
        show_figures(self, reply);
    else
        say_error(self, reply, 404, "there is no such thing");
}

void admin_serve(struct virtual_bank *self, int64_t now_us, const struct virtual_request *request,
                 struct virtual_reply *reply)
{
    if (strcmp(request->method, "POST") != 0)
        admin_get(self, request, reply);
    else if (is_path(request, "/admin/rules"))
        set_rules(self, request, reply);
    else if (is_path(request, "/admin/accounts"))
        set_accounts(self, request, reply);
    else if (is_path(request, "/admin/outage"))
        set_outage(self, now_us, request, reply);
    else if (is_path(request, "/admin/webhooks"))
        set_webhooks(self, request, reply);
    else
        say_error(self, reply, 404, "there is no such thing");
}
