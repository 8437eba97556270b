/* Rules: read whole or not at all, and drawn for each request under one lock. */
#include "sim/source/rule.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "actors/base/rate.h"

enum { RULES_MAX = 256 };

struct rules {
    pthread_mutex_t lock;
    uint64_t random;
    uint32_t count;
    struct rule rules[RULES_MAX];
};

static const struct {
    const char *name;
    enum rule_action action;
} actions[] = {
    {"timeout", RULE_TIMEOUT},   {"slow", RULE_SLOW},           {"cut", RULE_CUT},
    {"status", RULE_STATUS},     {"redirect", RULE_REDIRECT},   {"empty", RULE_EMPTY},
    {"garbage", RULE_GARBAGE},   {"long", RULE_LONG},           {"doctype", RULE_DOCTYPE},
    {"stale", RULE_STALE},       {"older", RULE_OLDER},         {"zero", RULE_ZERO},
    {"negative", RULE_NEGATIVE}, {"spike", RULE_SPIKE},         {"crossed", RULE_CROSSED},
    {"missing", RULE_MISSING},   {"duplicate", RULE_DUPLICATE}, {"per100", RULE_PER_100},
    {"comma", RULE_COMMA},       {"no_rates", RULE_NO_RATES},   {"null", RULE_NULL},
    {"result", RULE_RESULT},
};

const char *rule_action_name(enum rule_action action)
{
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (actions[i].action == action)
            return actions[i].name;
    }
    return NULL;
}

/* ---- reading ----------------------------------------------------------------------------------------- */

static bool read_action(const json_t *value, enum rule_action *out)
{
    for (size_t i = 0; json_is_string(value) && i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(json_string_value(value), actions[i].name) == 0) {
            *out = actions[i].action;
            return true;
        }
    }
    return false;
}

static bool read_text(const json_t *value, char *out, size_t room)
{
    if (!json_is_string(value) || json_string_length(value) >= room)
        return false;
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static bool read_decimal(const json_t *value, int64_t *out)
{
    return json_is_string(value) && rate_parse(str_from(json_string_value(value)), out) == ERR_OK;
}

static bool read_number(const json_t *value, json_int_t min, json_int_t max, json_int_t *out)
{
    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= min && *out <= max;
}

static bool read_member(struct rule *rule, const char *key, const json_t *value)
{
    json_int_t number = 0;
    bool good = true;
    if (strcmp(key, "do") == 0)
        return read_action(value, &rule->action);
    if (strcmp(key, "path") == 0)
        return read_text(value, rule->path, sizeof rule->path);
    if (strcmp(key, "currency") == 0)
        return read_text(value, rule->currency, sizeof rule->currency) && strlen(rule->currency) == 3;
    if (strcmp(key, "factor") == 0)
        return read_decimal(value, &rule->factor);
    if (strcmp(key, "probability") == 0)
        return read_decimal(value, &rule->probability) && rule->probability <= RATE_ONE;
    if (strcmp(key, "after") == 0 && (good = read_number(value, 0, INT32_MAX, &number)))
        rule->after = (uint64_t)number;
    else if (strcmp(key, "count") == 0 && (good = read_number(value, 1, INT32_MAX, &number)))
        rule->count = (uint64_t)number;
    else if (strcmp(key, "status") == 0 && (good = read_number(value, 200, 599, &number)))
        rule->status = (uint32_t)number;
    else if (strcmp(key, "bytes") == 0 && (good = read_number(value, 1, 64 << 20, &number)))
        rule->bytes = (uint32_t)number;
    else if (strcmp(key, "pause_ms") == 0 && (good = read_number(value, 1, 60000, &number)))
        rule->pause_ms = (uint32_t)number;
    else if (strcmp(key, "days") == 0 && (good = read_number(value, 1, 36500, &number)))
        rule->days = (uint32_t)number;
    else if (strcmp(key, "result") == 0 && (good = read_number(value, 2, 4, &number)))
        rule->result = (uint32_t)number;
    else if (strcmp(key, "retry_after") == 0 && (good = read_number(value, 0, INT32_MAX, &number)))
        rule->retry_after_s = number;
    else
        good = false;
    return good;
}

static bool read_rule(struct rule *rule, json_t *object, size_t at, char why[160])
{
    *rule = (struct rule){.count = UINT64_MAX,
                          .probability = RATE_ONE,
                          .factor = 10 * RATE_ONE,
                          .currency = "USD",
                          .status = 500,
                          .pause_ms = 100,
                          .days = 7,
                          .result = 4,
                          .retry_after_s = -1};
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (!read_member(rule, key, value)) {
            snprintf(why, 160, "rule %zu: %.60s cannot be that", at, key);
            return false;
        }
    }
    if (rule->action == RULE_NONE)
        snprintf(why, 160, "rule %zu: it does nothing", at);
    return rule->action != RULE_NONE;
}

enum err rules_set(struct rules *self, const char *text, size_t length, char why[160])
{
    struct rule *rules = calloc(RULES_MAX, sizeof *rules);
    json_error_t error;
    json_t *array = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    size_t count = json_array_size(array);
    CHECK(rules != NULL);
    bool good = json_is_array(array) && count <= RULES_MAX;
    snprintf(why, 160, "%s", array == NULL ? error.text : "not an array, or too long");
    for (size_t i = 0; good && i < count; i++)
        good = read_rule(&rules[i], json_array_get(array, i), i, why);
    json_decref(array);
    if (good) {
        pthread_mutex_lock(&self->lock);
        memcpy(self->rules, rules, count * sizeof *rules);
        self->count = (uint32_t)count;
        pthread_mutex_unlock(&self->lock);
    }
    free(rules);
    return good ? ERR_OK : ERR_INVALID;
}

/* ---- choosing ---------------------------------------------------------------------------------------- */

/* The generator splitmix64. */
static uint64_t next_random(struct rules *self)
{
    uint64_t z = (self->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool applies(struct rules *self, struct rule *rule, const char *path)
{
    if (strstr(path, rule->path) == NULL || rule->count == 0)
        return false;
    if (rule->after > 0) {
        rule->after--;
        return false;
    }
    if (rule->probability < RATE_ONE &&
        (int64_t)(next_random(self) % (uint64_t)RATE_ONE) >= rule->probability)
        return false;
    rule->count--;
    return true;
}

struct rule rules_match(struct rules *self, const char *path)
{
    struct rule found = {.action = RULE_NONE};
    pthread_mutex_lock(&self->lock);
    for (uint32_t i = 0; found.action == RULE_NONE && i < self->count; i++) {
        if (applies(self, &self->rules[i], path))
            found = self->rules[i];
    }
    pthread_mutex_unlock(&self->lock);
    return found;
}

struct rules *rules_new(uint64_t seed)
{
    struct rules *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    pthread_mutex_init(&self->lock, NULL);
    self->random = seed;
    return self;
}

void rules_destroy(struct rules **self_p)
{
    pthread_mutex_destroy(&(*self_p)->lock);
    free(*self_p);
    *self_p = NULL;
}
