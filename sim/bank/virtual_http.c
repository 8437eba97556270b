/* A request on its way through the bank (inside.h has the picture), and what every reply is made with. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "actors/base/date.h"
#include "sim/bank/inside.h"

#define OBIE_PREFIX "/open-banking/v4.0/pisp"

struct route {
    enum virtual_operation operation;
    enum virtual_rail rail;
    bool is_get; /* of one resource: its id is behind the path */
    const char *path;
};

static const struct route routes[] = {
    {VIRTUAL_KFTC_TOKEN, VIRTUAL_KFTC, false, "/oauth/2.0/token"},
    {VIRTUAL_KFTC_RECEIVE, VIRTUAL_KFTC, false, "/v2.0/inquiry/receive"},
    {VIRTUAL_KFTC_WITHDRAW, VIRTUAL_KFTC, false, "/v2.0/transfer/withdraw/fin_num"},
    {VIRTUAL_KFTC_DEPOSIT, VIRTUAL_KFTC, false, "/v2.0/transfer/deposit/fin_num"},
    {VIRTUAL_KFTC_DEPOSIT, VIRTUAL_KFTC, false, "/v2.0/transfer/deposit/acnt_num"},
    {VIRTUAL_KFTC_RESULT, VIRTUAL_KFTC, false, "/v2.0/transfer/result"},
    {VIRTUAL_OBIE_TOKEN, VIRTUAL_OBIE, false, "/token"},
    {VIRTUAL_OBIE_VRP_CONSENT, VIRTUAL_OBIE, false, "/domestic-vrp-consents"},
    {VIRTUAL_OBIE_VRP_CONSENT_OF, VIRTUAL_OBIE, true, "/domestic-vrp-consents/"},
    {VIRTUAL_OBIE_VRP, VIRTUAL_OBIE, false, "/domestic-vrps"},
    {VIRTUAL_OBIE_VRP_OF, VIRTUAL_OBIE, true, "/domestic-vrps/"},
    {VIRTUAL_OBIE_CONSENT, VIRTUAL_OBIE, false, "/domestic-payment-consents"},
    {VIRTUAL_OBIE_CONSENT_OF, VIRTUAL_OBIE, true, "/domestic-payment-consents/"},
    {VIRTUAL_OBIE_PAYMENT, VIRTUAL_OBIE, false, "/domestic-payments"},
    {VIRTUAL_OBIE_PAYMENT_OF, VIRTUAL_OBIE, true, "/domestic-payments/"},
};

static const struct {
    const char *word;
    enum bank_ask_step step;
} operations[VIRTUAL_OPERATIONS] = {
    [VIRTUAL_OTHER] = {"other", BANK_ASK_ANY},
    [VIRTUAL_KFTC_TOKEN] = {"kftc-token", BANK_ASK_TOKEN},
    [VIRTUAL_KFTC_RECEIVE] = {"kftc-receive", BANK_ASK_PAYEE},
    [VIRTUAL_KFTC_WITHDRAW] = {"kftc-withdraw", BANK_ASK_PULL},
    [VIRTUAL_KFTC_DEPOSIT] = {"kftc-deposit", BANK_ASK_PUSH},
    [VIRTUAL_KFTC_RESULT] = {"kftc-result", BANK_ASK_INQUIRY},
    [VIRTUAL_OBIE_TOKEN] = {"obie-token", BANK_ASK_TOKEN},
    [VIRTUAL_OBIE_VRP_CONSENT] = {"obie-vrp-consent", BANK_ASK_CONSENT},
    [VIRTUAL_OBIE_VRP_CONSENT_OF] = {"obie-vrp-consent-of", BANK_ASK_CONSENT},
    [VIRTUAL_OBIE_VRP] = {"obie-vrp", BANK_ASK_PULL},
    [VIRTUAL_OBIE_VRP_OF] = {"obie-vrp-of", BANK_ASK_INQUIRY},
    [VIRTUAL_OBIE_CONSENT] = {"obie-consent", BANK_ASK_CONSENT},
    [VIRTUAL_OBIE_CONSENT_OF] = {"obie-consent-of", BANK_ASK_CONSENT},
    [VIRTUAL_OBIE_PAYMENT] = {"obie-payment", BANK_ASK_PUSH},
    [VIRTUAL_OBIE_PAYMENT_OF] = {"obie-payment-of", BANK_ASK_INQUIRY},
};

const char *virtual_operation_word(enum virtual_operation operation)
{
    return operations[operation].word;
}

enum bank_ask_step virtual_operation_step(enum virtual_operation operation)
{
    return operations[operation].step;
}

/* ---- replies ---------------------------------------------------------------------------------------- */

void virtual_reply_text(struct virtual_bank *self, struct virtual_reply *reply, int status, const char *type,
                        const char *body, size_t length)
{
    free(self->reply_body);
    self->reply_body = malloc(length + 1);
    reply->status = self->reply_body ? status : 500;
    reply->body = self->reply_body;
    reply->length = self->reply_body ? length : 0;
    if (!self->reply_body)
        return;
    memcpy(self->reply_body, body, length);
    self->reply_body[length] = '\0';
    virtual_reply_header(self, reply, "Content-Type", type);
}

void virtual_reply_json(struct virtual_bank *self, struct virtual_reply *reply, int status, json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    if (text)
        virtual_reply_text(self, reply, status, "application/json; charset=utf-8", text, strlen(text));
    else
        virtual_reply_empty(self, reply, 500);
    free(text);
}

void virtual_reply_empty(struct virtual_bank *self, struct virtual_reply *reply, int status)
{
    free(self->reply_body);
    self->reply_body = NULL;
    reply->status = status;
    reply->body = NULL;
    reply->length = 0;
}

void virtual_reply_header(struct virtual_bank *self, struct virtual_reply *reply, const char *name,
                          const char *value)
{
    size_t place = 0;
    while (place < reply->header_count && strcasecmp(reply->headers[place].name, name) != 0)
        place++;
    if (place == VIRTUAL_HEADERS_MAX ||
        !virtual_copy(self->header_text[place], VIRTUAL_HEADER_TEXT_MAX, value))
        return;
    reply->headers[place] = (struct virtual_header){name, self->header_text[place]};
    reply->header_count += place == reply->header_count;
}

const char *virtual_request_header(const struct virtual_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    }
    return NULL;
}

/* ---- times ------------------------------------------------------------------------------------------ */

struct clock {
    char day[DATE_TEXT_MAX];
    unsigned hour, minute, second, milli;
};

/* Times that no calendar of ours has are its first or last day's. */
static struct clock clock_of(int64_t now_us, int32_t offset_s)
{
    const int64_t last = (int64_t)DATE_DAYS_MAX * DATE_DAY_US;
    int64_t time_us = now_us < 0 ? 0 : now_us > last ? last : now_us;
    time_us += INT64_C(1000000) * offset_s;
    struct clock clock;
    int32_t day = date_of_time(time_us, 0);
    date_format(day > DATE_DAYS_MAX ? DATE_DAYS_MAX : day, clock.day);
    int64_t milli = time_us / 1000 % 86400000;
    clock.hour = (unsigned)(milli / 3600000) % 24;
    clock.minute = (unsigned)(milli / 60000 % 60);
    clock.second = (unsigned)(milli / 1000 % 60);
    clock.milli = (unsigned)(milli % 1000);
    return clock;
}

void virtual_time_text(int64_t now_us, char out[40])
{
    struct clock clock = clock_of(now_us, 0);
    snprintf(out, 40, "%sT%02u:%02u:%02u.%03u+00:00", clock.day, clock.hour, clock.minute, clock.second,
             clock.milli);
}

void virtual_kst_text(int64_t now_us, size_t digits, char *out)
{
    struct clock clock = clock_of(now_us, 9 * 3600);
    char text[40];
    snprintf(text, sizeof text, "%.4s%.2s%.2s%02u%02u%02u%03u", clock.day, clock.day + 5, clock.day + 8,
             clock.hour, clock.minute, clock.second, clock.milli);
    memcpy(out, text, digits);
    out[digits] = '\0';
}

/* ---- tokens ----------------------------------------------------------------------------------------- */

/* Hard to guess it is not: whoever knows the seed is the bank. */
static uint64_t token_seal(const struct virtual_bank *self, const char *scope, int64_t until_us)
{
    struct sim_random stream = sim_random_split(self->options.seed ^ (uint64_t)until_us, scope);
    return sim_random_next(&stream);
}

void virtual_token_make(const struct virtual_bank *self, int64_t now_us, const char *scope,
                        char out[VIRTUAL_TOKEN_MAX + 1])
{
    int64_t until_us = virtual_later(now_us, self->options.token_life_us);
    snprintf(out, VIRTUAL_TOKEN_MAX + 1, "%s.%" PRId64 ".%016" PRIx64, scope, until_us,
             token_seal(self, scope, until_us));
}

bool virtual_token_is_good(const struct virtual_bank *self, int64_t now_us,
                           const struct virtual_request *request, const char *scope)
{
    const char *text = virtual_request_header(request, "Authorization");
    if (!text || strncasecmp(text, "Bearer ", 7) != 0)
        return false;
    size_t length = strlen(scope);
    text += 7;
    if (strncmp(text, scope, length) != 0 || text[length] != '.')
        return false;
    int64_t until_us = strtoll(text + length + 1, NULL, 10);
    char expected[VIRTUAL_TOKEN_MAX + 1];
    snprintf(expected, sizeof expected, "%s.%" PRId64 ".%016" PRIx64, scope, until_us,
             token_seal(self, scope, until_us));
    return strcmp(text, expected) == 0 && now_us < until_us;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Of a value that is form-encoded; a broken % stays as it is. */
static size_t decode(const char *text, size_t length, char *out, size_t limit)
{
    size_t written = 0;
    for (size_t i = 0; i < length && written <= limit; i++) {
        char c = text[i] == '+' ? ' ' : text[i];
        if (c == '%' && i + 2 < length && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
            c = (char)(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        }
        if (written < limit)
            out[written] = c;
        written++;
    }
    out[written < limit ? written : limit] = '\0';
    return written;
}

bool virtual_form_field(const struct virtual_request *request, const char *name, char *out, size_t limit)
{
    size_t at = 0, name_length = strlen(name);
    out[0] = '\0';
    while (at < request->length) {
        const char *field = request->body + at, *end = memchr(field, '&', request->length - at);
        size_t length = end ? (size_t)(end - field) : request->length - at;
        if (length > name_length && memcmp(field, name, name_length) == 0 && field[name_length] == '=')
            return decode(field + name_length + 1, length - name_length - 1, out, limit) <= limit;
        at += length + 1;
    }
    return false;
}

/* ---- a request -------------------------------------------------------------------------------------- */

/* Its path without the query and the prefix; false: too long. */
static bool ask_path(const struct virtual_request *request, struct virtual_ask *ask)
{
    const char *path = request->path;
    if (strncmp(path, OBIE_PREFIX "/", strlen(OBIE_PREFIX) + 1) == 0)
        path += strlen(OBIE_PREFIX);
    size_t length = strcspn(path, "?");
    if (length > VIRTUAL_PATH_MAX)
        return false;
    memcpy(ask->path, path, length);
    ask->path[length] = '\0';
    return true;
}

/* The status of a request that has no route; 200: it has one. */
static int ask_route(const struct virtual_request *request, struct virtual_ask *ask)
{
    int status = 404;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        const struct route *route = &routes[i];
        size_t length = strlen(route->path);
        bool is_here = route->is_get ? strncmp(ask->path, route->path, length) == 0 && ask->path[length]
                                     : strcmp(ask->path, route->path) == 0;
        if (!is_here)
            continue;
        if (strcmp(request->method, route->is_get ? "GET" : "POST") != 0) {
            status = 405;
            continue;
        }
        if (route->is_get && !virtual_copy(ask->resource, VIRTUAL_ID_MAX, ask->path + length))
            return 404;
        ask->operation = route->operation;
        ask->rail = route->rail;
        return 200;
    }
    return status;
}

static void take_body(struct virtual_bank *self, const struct virtual_request *request)
{
    json_decref(self->body);
    self->body = NULL;
    bool is_form = operations[self->ask.operation].step == BANK_ASK_TOKEN;
    if (request->length > 0 && !is_form)
        self->body = json_loadb(request->body, request->length, JSON_REJECT_DUPLICATES, NULL);
}

static void serve(struct virtual_bank *self, int64_t now_us, const struct virtual_request *request,
                  struct virtual_reply *reply)
{
    bool is_kftc = self->ask.rail == VIRTUAL_KFTC;
    if (self->rule.action == BANK_DO_TOKEN && is_kftc)
        kftc_refuse_token(self, now_us, reply);
    else if (self->rule.action == BANK_DO_TOKEN)
        obie_refuse_token(self, reply);
    else if (is_kftc)
        kftc_serve(self, now_us, request, reply);
    else
        obie_serve(self, now_us, request, reply);
}

static void draw_rule(struct virtual_bank *self, int64_t now_us)
{
    struct bank_asked asked = {.rail = self->ask.rail == VIRTUAL_KFTC ? "kftc" : "obie",
                               .path = self->ask.path,
                               .account = *self->ask.account ? self->ask.account : NULL,
                               .step = operations[self->ask.operation].step};
    self->rule = bank_rules_ask(self->rules, now_us, &asked);
}

/* One that is not under /admin/. */
static void work(struct virtual_bank *self, int64_t now_us, const struct virtual_request *request,
                 struct virtual_reply *reply)
{
    self->requests++;
    int status = ask_path(request, &self->ask) ? ask_route(request, &self->ask) : 414;
    if (request->length > VIRTUAL_BODY_MAX)
        status = 413;
    self->by_operation[self->ask.operation]++;
    if (status != 200) {
        virtual_reply_empty(self, reply, status);
        return;
    }
    take_body(self, request);
    if (self->ask.rail == VIRTUAL_KFTC)
        kftc_asks(self->body, &self->ask);
    else
        obie_asks(request, self->body, &self->ask);
    draw_rule(self, now_us);
    if (bank_rule_forestalls(&self->rule))
        virtual_reply_empty(self, reply, 200);
    else
        serve(self, now_us, request, reply);
    bank_rule_spoil(self->rules, &self->rule, reply);
    if (self->ask.rail == VIRTUAL_OBIE)
        obie_echo(self, request, reply);
}

enum err virtual_bank_rules(struct virtual_bank *self, const char *json, size_t length, char why[160])
{
    return bank_rules_set(self->rules, json, length, why);
}

void virtual_bank_handle(struct virtual_bank *self, int64_t now_us, const struct virtual_request *request,
                         struct virtual_reply *reply)
{
    *reply = (struct virtual_reply){.delivery = VIRTUAL_ANSWER, .status = 200};
    self->ask = (struct virtual_ask){.operation = VIRTUAL_OTHER};
    self->rule = (struct bank_rule){.action = BANK_DO_NOTHING};
    self->hold_us = 0;
    virtual_bank_advance(self, now_us);
    if (strncmp(request->path, "/admin/", 7) == 0) {
        take_body(self, request);
        admin_serve(self, now_us, request, reply);
        return;
    }
    work(self, now_us, request, reply);
    reply->delay_us += self->hold_us;
    admin_note(self, now_us, request, reply);
}
