/* Rules: read whole or not at all, drawn for each request; and replies made wrong by them. */
#include "sim/bank/rule.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "actors/base/rate.h"
#include "sim/random.h"

enum {
    RULES_MAX = 256,
    NUMBER_MAX = INT32_MAX,
    DELAY_MAX_MS = 600000,
    STATUS_UNAVAILABLE = 503,
    STATUS_BUSY = 429,
};

#define MICROS_PER_MS INT64_C(1000)
#define MICROS_PER_S INT64_C(1000000)
#define SECONDS_DEFAULT 30

struct bank_rules {
    struct sim_random dice;
    int64_t outage_until_us;
    enum virtual_delivery outage_delivery;
    char retry_after[24]; /* of the last reply with one */
    uint32_t count;
    struct bank_rule list[RULES_MAX];
};

/* What an action is about. */
enum kind { KIND_REPLY, KIND_RAIL, KIND_CALLBACK };

static const struct {
    const char *name;
    enum bank_action action;
    enum kind kind;
} actions[] = {
    {"timeout", BANK_DO_TIMEOUT, KIND_REPLY},
    {"hangup", BANK_DO_HANGUP, KIND_REPLY},
    {"cut", BANK_DO_CUT, KIND_REPLY},
    {"status", BANK_DO_STATUS, KIND_REPLY},
    {"half", BANK_DO_HALF, KIND_REPLY},
    {"garbage", BANK_DO_GARBAGE, KIND_REPLY},
    {"empty", BANK_DO_EMPTY, KIND_REPLY},
    {"html", BANK_DO_HTML, KIND_REPLY},
    {"error_body", BANK_DO_ERROR, KIND_REPLY},
    {"busy", BANK_DO_BUSY, KIND_REPLY},
    {"slow", BANK_DO_SLOW, KIND_REPLY},
    {"outage", BANK_DO_OUTAGE, KIND_REPLY},
    {"refused", BANK_DO_REFUSE, KIND_RAIL},
    {"token_refused", BANK_DO_TOKEN, KIND_RAIL},
    {"processing", BANK_DO_PROCESSING, KIND_RAIL},
    {"wrong_amount", BANK_DO_AMOUNT, KIND_RAIL},
    {"wrong_currency", BANK_DO_CURRENCY, KIND_RAIL},
    {"duplicate_id", BANK_DO_DUPLICATE, KIND_RAIL},
    {"callback_early", BANK_DO_CALLBACK_EARLY, KIND_CALLBACK},
    {"callback_late", BANK_DO_CALLBACK_LATE, KIND_CALLBACK},
    {"callback_never", BANK_DO_CALLBACK_NEVER, KIND_CALLBACK},
    {"callback_twice", BANK_DO_CALLBACK_TWICE, KIND_CALLBACK},
    {"callback_contradictory", BANK_DO_CALLBACK_LIES, KIND_CALLBACK},
    {"callback_unknown", BANK_DO_CALLBACK_NOBODY, KIND_CALLBACK},
    {"callback_forged", BANK_DO_CALLBACK_FORGED, KIND_CALLBACK},
};

enum { ACTION_COUNT = sizeof actions / sizeof *actions };

static const char *const step_names[] = {
    [BANK_ASK_ANY] = "any",         [BANK_ASK_TOKEN] = "token", [BANK_ASK_CONSENT] = "consent",
    [BANK_ASK_PAYEE] = "payee",     [BANK_ASK_PULL] = "pull",   [BANK_ASK_PUSH] = "push",
    [BANK_ASK_INQUIRY] = "inquiry",
};

static const struct {
    const char *name;
    enum virtual_delivery delivery;
} hows[] = {{"status", VIRTUAL_ANSWER}, {"timeout", VIRTUAL_SILENCE}, {"hangup", VIRTUAL_HANGUP}};

const char *bank_action_name(enum bank_action action)
{
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        if (actions[i].action == action)
            return actions[i].name;
    }
    return NULL;
}

static enum kind kind_of(enum bank_action action)
{
    size_t i = 0;
    while (i < ACTION_COUNT && actions[i].action != action)
        i++;
    CHECK(i < ACTION_COUNT);
    return actions[i].kind;
}

/* ---- reading ----------------------------------------------------------------------------------------- */

static bool read_action(struct bank_rule *rule, const json_t *value)
{
    for (size_t i = 0; json_is_string(value) && i < ACTION_COUNT; i++) {
        if (strcmp(json_string_value(value), actions[i].name) == 0) {
            rule->action = actions[i].action;
            return true;
        }
    }
    return false;
}

static bool read_step(struct bank_rule *rule, const json_t *value)
{
    for (size_t i = 0; json_is_string(value) && i < sizeof step_names / sizeof *step_names; i++) {
        if (strcmp(json_string_value(value), step_names[i]) == 0) {
            rule->step = (enum bank_ask_step)i;
            return true;
        }
    }
    return false;
}

static bool read_how(struct bank_rule *rule, const json_t *value)
{
    for (size_t i = 0; json_is_string(value) && i < sizeof hows / sizeof *hows; i++) {
        if (strcmp(json_string_value(value), hows[i].name) == 0) {
            rule->outage_delivery = hows[i].delivery;
            return true;
        }
    }
    return false;
}

static bool read_when(struct bank_rule *rule, const json_t *value)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    rule->is_after = strcmp(text, "after") == 0;
    return rule->is_after || strcmp(text, "before") == 0;
}

static bool read_text(const json_t *value, char *out, size_t room)
{
    if (!json_is_string(value) || json_string_length(value) >= room ||
        strlen(json_string_value(value)) != json_string_length(value))
        return false;
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

/* Decimal text: "0", "0.25", "1". */
static bool read_probability(struct bank_rule *rule, const json_t *value)
{
    if (!json_is_string(value))
        return false;
    if (strcmp(json_string_value(value), "0") == 0)
        rule->probability = 0;
    else if (rate_parse(str_from(json_string_value(value)), &rule->probability) != ERR_OK)
        return false;
    return rule->probability <= RATE_ONE;
}

/* The members that are whole numbers; false: there is no such one, or it is out of its bounds. */
static bool read_number(struct bank_rule *rule, const char *key, const json_t *value)
{
    json_int_t number = json_integer_value(value);
    struct {
        const char *key;
        json_int_t min, max;
        uint32_t *small;
        uint64_t *big;
        int64_t *wide;
    } rows[] = {
        {"after", 0, NUMBER_MAX, NULL, &rule->after, NULL},
        {"count", 1, NUMBER_MAX, NULL, &rule->count, NULL},
        {"status", 400, 599, &rule->status, NULL, NULL},
        {"delay_ms", 1, DELAY_MAX_MS, &rule->delay_ms, NULL, NULL},
        {"inquiries", 1, NUMBER_MAX, &rule->inquiries, NULL, NULL},
        {"retry_after", 0, NUMBER_MAX, NULL, NULL, &rule->retry_after_s},
        {"seconds", 1, NUMBER_MAX, NULL, NULL, &rule->seconds},
        {"difference", -NUMBER_MAX, NUMBER_MAX, NULL, NULL, &rule->difference},
    };
    for (size_t i = 0; json_is_integer(value) && i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(key, rows[i].key) != 0)
            continue;
        if (number < rows[i].min || number > rows[i].max)
            return false;
        if (rows[i].small != NULL)
            *rows[i].small = (uint32_t)number;
        else if (rows[i].big != NULL)
            *rows[i].big = (uint64_t)number;
        else
            *rows[i].wide = number;
        return true;
    }
    return false;
}

static bool read_member(struct bank_rule *rule, const char *key, const json_t *value)
{
    if (strcmp(key, "do") == 0)
        return read_action(rule, value);
    if (strcmp(key, "step") == 0)
        return read_step(rule, value);
    if (strcmp(key, "how") == 0)
        return read_how(rule, value);
    if (strcmp(key, "when") == 0)
        return read_when(rule, value);
    if (strcmp(key, "probability") == 0)
        return read_probability(rule, value);
    if (strcmp(key, "rail") == 0)
        return read_text(value, rule->rail, sizeof rule->rail);
    if (strcmp(key, "path") == 0)
        return read_text(value, rule->path, sizeof rule->path);
    if (strcmp(key, "account") == 0)
        return read_text(value, rule->account, sizeof rule->account);
    if (strcmp(key, "code") == 0)
        return read_text(value, rule->code, sizeof rule->code);
    if (strcmp(key, "currency") == 0)
        return read_text(value, rule->currency, sizeof rule->currency) && strlen(rule->currency) == 3;
    return read_number(rule, key, value);
}

/* Members that were left out, and whose default depends on the action. */
static void complete(struct bank_rule *rule)
{
    if (rule->action == BANK_DO_BUSY && rule->retry_after_s < 0)
        rule->retry_after_s = 1;
    if (rule->action == BANK_DO_PROCESSING && rule->inquiries == 0 && rule->seconds == 0)
        rule->inquiries = 1;
    if (rule->action != BANK_DO_PROCESSING && rule->seconds == 0)
        rule->seconds = SECONDS_DEFAULT;
}

static bool read_rule(struct bank_rule *rule, json_t *object, size_t at, char why[160])
{
    *rule = (struct bank_rule){.count = UINT64_MAX,
                               .probability = RATE_ONE,
                               .status = 500,
                               .retry_after_s = -1,
                               .delay_ms = 1000,
                               .difference = 1,
                               .currency = "XXX",
                               .outage_delivery = VIRTUAL_ANSWER};
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (!read_member(rule, key, value)) {
            snprintf(why, 160, "rule %zu: %.60s cannot be that", at, key);
            return false;
        }
    }
    if (rule->action == BANK_DO_NOTHING)
        snprintf(why, 160, "rule %zu: it does nothing", at);
    complete(rule);
    return rule->action != BANK_DO_NOTHING;
}

enum err bank_rules_set(struct bank_rules *self, const char *json, size_t length, char why[160])
{
    struct bank_rule *list = calloc(RULES_MAX, sizeof *list);
    json_error_t error;
    json_t *array = json_loadb(json, length, JSON_REJECT_DUPLICATES, &error);
    size_t count = json_array_size(array);
    CHECK(list != NULL);
    bool good = json_is_array(array) && count <= RULES_MAX;
    snprintf(why, 160, "%s", array == NULL ? error.text : "not an array, or too long");
    for (size_t i = 0; good && i < count; i++)
        good = read_rule(&list[i], json_array_get(array, i), i, why);
    json_decref(array);
    if (good) {
        memcpy(self->list, list, count * sizeof *list);
        self->count = (uint32_t)count;
        self->outage_until_us = INT64_MIN;
    }
    free(list);
    return good ? ERR_OK : ERR_INVALID;
}

/* ---- choosing ---------------------------------------------------------------------------------------- */

static bool is_part(const char *part, const char *text)
{
    return part[0] == '\0' || (text != NULL && strstr(text, part) != NULL);
}

static bool fits(const struct bank_rule *rule, const struct bank_asked *asked)
{
    return rule->count > 0 && (rule->step == BANK_ASK_ANY || rule->step == asked->step) &&
           is_part(rule->rail, asked->rail) && is_part(rule->path, asked->path) &&
           is_part(rule->account, asked->account);
}

static bool applies(struct bank_rules *self, struct bank_rule *rule, const struct bank_asked *asked)
{
    if (!fits(rule, asked))
        return false;
    if (rule->after > 0) {
        rule->after--;
        return false;
    }
    if (rule->probability < RATE_ONE &&
        (int64_t)sim_random_below(&self->dice, (uint64_t)RATE_ONE) >= rule->probability)
        return false;
    if (rule->count != UINT64_MAX)
        rule->count--;
    return true;
}

static struct bank_rule choose(struct bank_rules *self, const struct bank_asked *asked, bool is_callback)
{
    for (uint32_t i = 0; i < self->count; i++) {
        struct bank_rule *rule = &self->list[i];
        if ((kind_of(rule->action) == KIND_CALLBACK) == is_callback && applies(self, rule, asked))
            return *rule;
    }
    return (struct bank_rule){.action = BANK_DO_NOTHING};
}

struct bank_rule bank_rules_ask(struct bank_rules *self, int64_t now_us, const struct bank_asked *asked)
{
    if (now_us < self->outage_until_us)
        return (struct bank_rule){.action = BANK_DO_OUTAGE, .outage_delivery = self->outage_delivery};
    struct bank_rule rule = choose(self, asked, false);
    if (rule.action == BANK_DO_OUTAGE)
        bank_rules_outage(self, now_us, rule.seconds, rule.outage_delivery);
    return rule;
}

struct bank_rule bank_rules_tell(struct bank_rules *self, const struct bank_asked *asked)
{
    return choose(self, asked, true);
}

void bank_rules_outage(struct bank_rules *self, int64_t now_us, int64_t seconds,
                       enum virtual_delivery delivery)
{
    self->outage_until_us = seconds > 0 ? now_us + seconds * MICROS_PER_S : INT64_MIN;
    self->outage_delivery = delivery;
}

/* ---- replies made wrong ------------------------------------------------------------------------------- */

bool bank_rule_forestalls(const struct bank_rule *rule)
{
    if (rule->action == BANK_DO_NOTHING || kind_of(rule->action) != KIND_REPLY)
        return false;
    if (rule->action == BANK_DO_BUSY || rule->action == BANK_DO_OUTAGE)
        return true;
    return rule->action != BANK_DO_SLOW && !rule->is_after;
}

/* A body that stands in the program. Nobody writes to it: the reply's is not const because the bank's own are not. */
static void set_body(struct virtual_reply *reply, int status, const char *type, const char *body)
{
    reply->status = status;
    reply->header_count = 0;
    if (type != NULL)
        reply->headers[reply->header_count++] = (struct virtual_header){"Content-Type", type};
    reply->body = (char *)(uintptr_t)body;
    reply->length = strlen(body);
}

/* What a reply that was not worked out looks like, before it is broken. */
static void ensure_body(struct virtual_reply *reply)
{
    if (reply->length == 0)
        set_body(reply, 200, "application/json",
                 "{\"api_tran_id\":\"0\",\"Data\":{\"Status\":\"RCVD\"},\"rsp_code\":\"A0000\"}");
}

static void say_status(struct bank_rules *self, const struct bank_rule *rule, struct virtual_reply *reply,
                       uint32_t status)
{
    set_body(reply, (int)status, "text/plain", "This is not available now.\n");
    if (rule->retry_after_s < 0)
        return;
    snprintf(self->retry_after, sizeof self->retry_after, "%lld", (long long)rule->retry_after_s);
    reply->headers[reply->header_count++] = (struct virtual_header){"Retry-After", self->retry_after};
}

static void say_outage(struct bank_rules *self, const struct bank_rule *rule, struct virtual_reply *reply)
{
    static const struct bank_rule silent = {.retry_after_s = -1};
    say_status(self, &silent, reply, STATUS_UNAVAILABLE);
    reply->delivery = rule->outage_delivery;
}

static void halve(struct virtual_reply *reply)
{
    ensure_body(reply);
    reply->length /= 2;
}

void bank_rule_spoil(struct bank_rules *self, const struct bank_rule *rule, struct virtual_reply *reply)
{
    reply->rule = bank_action_name(rule->action);
    switch ((int)rule->action) {
    case BANK_DO_TIMEOUT:
        reply->delivery = VIRTUAL_SILENCE;
        return;
    case BANK_DO_HANGUP:
        reply->delivery = VIRTUAL_HANGUP;
        return;
    case BANK_DO_CUT:
        ensure_body(reply);
        reply->delivery = VIRTUAL_CUT;
        return;
    case BANK_DO_STATUS:
        say_status(self, rule, reply, rule->status);
        return;
    case BANK_DO_HALF:
        halve(reply);
        return;
    case BANK_DO_GARBAGE:
        set_body(reply, 200, "application/json", "\x01\x7f)]}',\n{\"rsp_code\": A0000");
        return;
    case BANK_DO_EMPTY:
        set_body(reply, 200, NULL, "");
        return;
    case BANK_DO_HTML:
        set_body(reply, 200, "text/html", "<!DOCTYPE html><html><body>We are sorry.</body></html>\n");
        return;
    case BANK_DO_ERROR:
        set_body(reply, 200, "application/json", "{\"error\":\"internal\",\"message\":\"try again later\"}");
        return;
    case BANK_DO_BUSY:
        say_status(self, rule, reply, STATUS_BUSY);
        return;
    case BANK_DO_SLOW:
        reply->delay_us = rule->delay_ms * MICROS_PER_MS;
        return;
    case BANK_DO_OUTAGE:
        say_outage(self, rule, reply);
        return;
    default:
        return;
    }
}

/* ---- life -------------------------------------------------------------------------------------------- */

struct bank_rules *bank_rules_new(uint64_t seed)
{
    struct bank_rules *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->dice = sim_random_split(seed, "bank rules");
    self->outage_until_us = INT64_MIN;
    return self;
}

void bank_rules_destroy(struct bank_rules **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

uint64_t bank_rules_digest(const struct bank_rules *self)
{
    uint64_t sum = self->dice.state ^ (uint64_t)self->outage_until_us ^ self->count;
    for (uint32_t i = 0; i < self->count; i++) {
        struct sim_random mix = sim_random_of(sum ^ self->list[i].after ^ self->list[i].count << 32);
        sum = sim_random_next(&mix);
    }
    return sum;
}
