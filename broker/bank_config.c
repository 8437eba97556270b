#include "broker/bank_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/kftc/kftc.h"
#include "adapters/obie/obie.h"
#include "broker/json_config.h"

enum {
    FILE_MAX = 1 << 20,
    KEY_MAX = 32,
    PARALLEL_MAX = 1024,
    RATE_MAX = 100000,
    TIMEOUT_MAX_MS = 600000,
    FAILURES_MAX = 1000,
    OPEN_WHY_MAX = 160, /* of rail->open */
};

_Static_assert((int)BANKS_WHY_MAX == (int)JSON_CONFIG_WHY_MAX, "one size of refusals");

#define WAIT_MAX_MS INT64_C(86400000)

/* Every rail there is. */
static const struct rail *const rails[] = {&RAIL_KFTC, &RAIL_OBIE};

/* Settings that stand in files only. */
static const char *const secrets[] = {"client_secret", "signing_key", "callback_secret", "pass_phrase",
                                      "user_token"};

struct reading {
    struct banks_config *config;
    struct json_config json;
};

/* Always false. */
#define refuse(r, ...) json_config_refuse(&(r)->json, __VA_ARGS__)

/* ---- settings ------------------------------------------------------------------------------------------- */

static void wipe(char *text)
{
    if (text != NULL)
        explicit_bzero(text, strlen(text));
    free(text);
}

static bool is_secret(const char *key)
{
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        if (strcmp(secrets[i], key) == 0)
            return true;
    }
    return false;
}

static bool is_key(const char *key)
{
    size_t length = strlen(key);
    return length > 0 && length <= KEY_MAX && strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

/* What a file holds, without the ends of lines behind it. What it holds is in no message. */
static char *read_setting_file(struct reading *r, const char *key, json_t *object)
{
    static const char *const keys[] = {"file", NULL};
    char path[BANKS_PATH_MAX + 1], told[JSON_CONFIG_WHY_MAX];
    struct json_config file = {.why = told};
    size_t length = 0;
    if (!json_config_has_only(&r->json, object, keys) ||
        !json_config_text(&r->json, object, "file", path, BANKS_PATH_MAX))
        return NULL;
    char *text = json_config_file(&file, path, BANKS_SETTING_MAX, &length);
    if (text == NULL) {
        refuse(r, "the file of '%s': %.120s", key, told);
        return NULL;
    }
    bool is_text = memchr(text, '\0', length) == NULL;
    while (length > 0 && (text[length - 1] == '\n' || text[length - 1] == '\r'))
        text[--length] = '\0';
    if (is_text && length > 0)
        return text;
    refuse(r, "the file of '%s' has to hold a text", key);
    wipe(text);
    return NULL;
}

/* A copy, to be freed. */
static char *read_setting_value(struct reading *r, const char *key, json_t *value)
{
    const char *text = json_string_value(value);
    if (json_is_object(value))
        return read_setting_file(r, key, value);
    if (is_secret(key)) {
        refuse(r, "'%s' is secret: it has to be {\"file\": \"path\"}", key);
        return NULL;
    }
    if (text == NULL || text[0] == '\0' || json_string_length(value) > BANKS_SETTING_MAX ||
        strlen(text) != json_string_length(value)) {
        refuse(r, "'%s' has to be a text, or {\"file\": \"path\"}", key);
        return NULL;
    }
    return strdup(text);
}

static bool read_settings(struct reading *r, json_t *object, struct banks_bank *bank)
{
    const char *key;
    json_t *value;
    if (!json_is_object(object) || json_object_size(object) > BANKS_SETTINGS_MAX)
        return refuse(r, "'settings' has to be an object of up to %d", (int)BANKS_SETTINGS_MAX);
    json_object_foreach(object, key, value)
    {
        if (!is_key(key))
            return refuse(r, "'settings' has a key that cannot be one: '%.64s'", key);
        char *text = read_setting_value(r, key, value);
        if (text == NULL)
            return false;
        struct rail_setting *setting = &bank->settings[bank->setting_count++];
        setting->value = text;
        setting->key = strdup(key);
        if (setting->key == NULL)
            return refuse(r, "no memory");
    }
    return true;
}

/* ---- limits --------------------------------------------------------------------------------------------- */

/* Where the key is there: a number from low to high. */
static bool read_limit(struct reading *r, json_t *object, const char *key, int64_t low, int64_t high,
                       int64_t *value)
{
    return json_object_get(object, key) == NULL ||
           json_config_number(&r->json, object, key, low, high, value);
}

static bool read_count(struct reading *r, json_t *object, const char *key, int64_t low, int64_t high,
                       uint32_t *out)
{
    int64_t value = *out;
    if (!read_limit(r, object, key, low, high, &value))
        return false;
    *out = (uint32_t)value;
    return true;
}

/* Milliseconds there, microseconds here. */
static bool read_wait(struct reading *r, json_t *object, const char *key, int64_t low_ms, int64_t *out_us)
{
    int64_t value_ms = *out_us / 1000;
    if (!read_limit(r, object, key, low_ms, WAIT_MAX_MS, &value_ms))
        return false;
    *out_us = value_ms * 1000;
    return true;
}

static bool read_limits(struct reading *r, json_t *object, struct bank_limits *out)
{
    *out = bank_limits_default();
    if (!read_count(r, object, "parallel", 1, PARALLEL_MAX, &out->parallel) ||
        !read_count(r, object, "rate_per_s", 0, RATE_MAX, &out->rate_per_s) ||
        !read_count(r, object, "timeout_ms", 1, TIMEOUT_MAX_MS, &out->timeout_ms) ||
        !read_count(r, object, "ask_timeout_ms", 1, TIMEOUT_MAX_MS, &out->ask_timeout_ms) ||
        !read_count(r, object, "circuit_failures", 1, FAILURES_MAX, &out->circuit_failures) ||
        !read_wait(r, object, "inquiry_first_ms", 1, &out->inquiry_first_us) ||
        !read_wait(r, object, "inquiry_max_ms", 1, &out->inquiry_max_us) ||
        !read_wait(r, object, "grace_ms", 0, &out->grace_us) ||
        !read_wait(r, object, "circuit_first_ms", 1, &out->circuit_first_us) ||
        !read_wait(r, object, "circuit_max_ms", 1, &out->circuit_max_us))
        return false;
    if (out->inquiry_first_us > out->inquiry_max_us)
        return refuse(r, "'inquiry_first_ms' is more than 'inquiry_max_ms'");
    if (out->circuit_first_us > out->circuit_max_us)
        return refuse(r, "'circuit_first_ms' is more than 'circuit_max_ms'");
    return true;
}

/* ---- a bank --------------------------------------------------------------------------------------------- */

static bool read_name(struct reading *r, json_t *object, char *out)
{
    if (!json_config_text(&r->json, object, "name", out, BANK_NAME_MAX))
        return false;
    if (!text_is_account_id(str_from(out)))
        return refuse(r, "'name' has to be of the characters of an account id");
    for (uint32_t i = 0; i + 1 < r->config->count; i++) {
        if (strcmp(r->config->banks[i].name, out) == 0)
            return refuse(r, "two banks have the name '%s'", out);
    }
    r->json.where = out;
    return true;
}

static bool read_rail(struct reading *r, json_t *object, const struct rail **out)
{
    const char *name = json_string_value(json_object_get(object, "rail"));
    for (size_t i = 0; name != NULL && i < sizeof rails / sizeof *rails; i++) {
        if (strcmp(rails[i]->name, name) == 0) {
            *out = rails[i];
            return true;
        }
    }
    return refuse(r, "'rail' has to be kftc or obie");
}

static bool read_url(struct reading *r, json_t *object, char *out)
{
    if (!json_config_text(&r->json, object, "url", out, BANKS_URL_MAX))
        return false;
    if (!json_config_is_url(out, r->config->allow_http))
        return refuse(r, "'url' has to begin with https:// (http:// needs \"allow_http\": true)");
    if (out[strlen(out) - 1] == '/')
        return refuse(r, "'url' has to be without a slash at its end");
    return true;
}

/* The rail has the last word on its settings. */
static bool try_out(struct reading *r, uint32_t bank)
{
    char why[BANKS_WHY_MAX];
    void *own = banks_config_open(r->config, bank, why);
    if (own == NULL)
        return refuse(r, "%.200s", why);
    r->config->banks[bank].rail->close(own);
    return true;
}

static bool read_bank(struct reading *r, json_t *object)
{
    static const char *const keys[] = {"name",
                                       "rail",
                                       "url",
                                       "settings",
                                       "parallel",
                                       "rate_per_s",
                                       "timeout_ms",
                                       "ask_timeout_ms",
                                       "grace_ms",
                                       "inquiry_first_ms",
                                       "inquiry_max_ms",
                                       "circuit_failures",
                                       "circuit_first_ms",
                                       "circuit_max_ms",
                                       NULL};
    uint32_t number = r->config->count;
    struct banks_bank *out = &r->config->banks[number];
    r->json.where = NULL;
    if (!json_is_object(object))
        return refuse(r, "'banks' has to be a list of objects");
    r->config->count++;
    return read_name(r, object, out->name) && json_config_has_only(&r->json, object, keys) &&
           read_rail(r, object, &out->rail) && read_url(r, object, out->url) &&
           read_limits(r, object, &out->limits) &&
           read_settings(r, json_object_get(object, "settings"), out) && try_out(r, number);
}

/* ---- the whole ------------------------------------------------------------------------------------------ */

static bool read_all(struct reading *r, json_t *object)
{
    static const char *const keys[] = {"banks", "allow_http", "ca_file", NULL};
    if (!json_config_has_only(&r->json, object, keys) ||
        !json_config_flag(&r->json, object, "allow_http", &r->config->allow_http))
        return false;
    if (json_object_get(object, "ca_file") != NULL &&
        !json_config_text(&r->json, object, "ca_file", r->config->ca_file, BANKS_PATH_MAX))
        return false;
    const json_t *banks = json_object_get(object, "banks");
    size_t count = json_array_size(banks);
    if (count < 1 || count > BANK_BANKS_MAX)
        return refuse(r, "'banks' has to be a list of 1 to %d", (int)BANK_BANKS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!read_bank(r, json_array_get(banks, i)))
            return false;
    }
    return true;
}

struct banks_config *banks_config_parse(const char *text, size_t length, char why[BANKS_WHY_MAX])
{
    struct reading r = {.config = calloc(1, sizeof *r.config), .json = {.why = why, .kind = "bank"}};
    json_t *object = json_config_parse(&r.json, text, length);
    if (r.config == NULL)
        refuse(&r, "no memory");
    if (r.config == NULL || object == NULL || !read_all(&r, object))
        banks_config_destroy(&r.config);
    json_decref(object);
    return r.config;
}

struct banks_config *banks_config_load(const char *path, char why[BANKS_WHY_MAX])
{
    struct json_config json = {.why = why};
    size_t length = 0;
    char *text = json_config_file(&json, path, FILE_MAX, &length);
    struct banks_config *config = text == NULL ? NULL : banks_config_parse(text, length, why);
    free(text);
    return config;
}

void *banks_config_open(const struct banks_config *self, uint32_t bank, char why[BANKS_WHY_MAX])
{
    const struct banks_bank *configured = &self->banks[bank];
    const struct rail_settings settings = {
        .bank = configured->name,
        .base_url = configured->url,
        .list = configured->settings,
        .count = configured->setting_count,
    };
    char told[OPEN_WHY_MAX] = "";
    void *own = configured->rail->open(&settings, told);
    snprintf(why, BANKS_WHY_MAX, "%s", told);
    return own;
}

const char *banks_config_setting(const struct banks_config *self, uint32_t bank, const char *key)
{
    const struct banks_bank *configured = &self->banks[bank];
    for (size_t i = 0; i < configured->setting_count; i++) {
        if (strcmp(configured->settings[i].key, key) == 0)
            return configured->settings[i].value;
    }
    return NULL;
}

static void release_bank(struct banks_bank *bank)
{
    for (size_t i = 0; i < bank->setting_count; i++) {
        wipe((char *)(uintptr_t)bank->settings[i].value);
        free((char *)(uintptr_t)bank->settings[i].key);
    }
}

void banks_config_destroy(struct banks_config **self_p)
{
    struct banks_config *self = *self_p;
    if (self == NULL)
        return;
    for (uint32_t i = 0; i < self->count; i++)
        release_bank(&self->banks[i]);
    free(self);
    *self_p = NULL;
}
