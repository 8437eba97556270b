#include "broker/feed_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/json_config.h"

enum { FILE_MAX = 1 << 20, SPIKE_MAX_PPM = 1000000000, AGE_MAX_S = 31536000, OFFSET_MAX_MINUTES = 14 * 60 };

struct reading {
    struct feed_config *config;
    struct json_config json;
};

/* Always false. */
#define refuse(r, ...) json_config_refuse(&(r)->json, __VA_ARGS__)

/* ---- a source ------------------------------------------------------------------------------------------- */

static bool read_name(struct reading *r, json_t *object, char *out)
{
    if (!json_config_text(&r->json, object, "name", out, RATEFEED_NAME_MAX))
        return false;
    if (!text_is_product(str_from(out)))
        return refuse(r, "'name' has to be of letters, digits and - _ . : @ /");
    for (uint32_t i = 0; i + 1 < r->config->count; i++) {
        if (strcmp(r->config->sources[i].name, out) == 0)
            return refuse(r, "two sources have the name '%s'", out);
    }
    r->json.where = out;
    return true;
}

static bool read_kind(struct reading *r, json_t *object, enum feed_kind *out)
{
    static const char *const names[] = {
        [FEED_ECB] = "ecb", [FEED_ECB_HISTORY] = "ecb-history", [FEED_KOREAEXIM] = "koreaexim"};
    const char *kind = json_string_value(json_object_get(object, "kind"));
    for (size_t i = 0; kind != NULL && i < sizeof names / sizeof *names; i++) {
        if (strcmp(kind, names[i]) == 0) {
            *out = (enum feed_kind)i;
            return true;
        }
    }
    return refuse(r, "'kind' has to be ecb, ecb-history or koreaexim");
}

/* The first line of a file. What it holds is in no message. */
static bool read_key(struct reading *r, json_t *object, char out[FEED_KEY_MAX + 1])
{
    char path[FEED_PATH_MAX + 1], line[FEED_KEY_MAX + 2];
    if (json_object_get(object, "key_file") == NULL)
        return true;
    if (!json_config_text(&r->json, object, "key_file", path, FEED_PATH_MAX))
        return false;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, line, sizeof line - 1);
    int failed = errno;
    if (file >= 0)
        (void)close(file);
    if (length < 0)
        return refuse(r, "'key_file' cannot be read: %s", strerror(failed));
    line[length] = '\0';
    size_t used = strcspn(line, "\r\n");
    bool is_key = used > 0 && used <= FEED_KEY_MAX &&
                  strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~") == used;
    memcpy(out, line, is_key ? used : 0);
    explicit_bzero(line, sizeof line);
    return is_key ? true
                  : refuse(r, "'key_file' has to begin with a line of 1 to %d letters, digits and - _ . ~",
                           (int)FEED_KEY_MAX);
}

static bool read_origin(struct reading *r, json_t *object, struct feed_origin *out)
{
    if (!read_kind(r, object, &out->kind) ||
        !json_config_text(&r->json, object, "url", out->url, FEED_URL_MAX) || !read_key(r, object, out->key))
        return false;
    if (!json_config_is_url(out->url, r->config->allow_http))
        return refuse(r, "'url' has to begin with https:// (http:// needs \"allow_http\": true)");
    bool needs_key = out->kind == FEED_KOREAEXIM;
    if (needs_key != (out->key[0] != '\0'))
        return refuse(r, needs_key ? "'key_file' is missing" : "'key_file' is for koreaexim only");
    return true;
}

static bool read_minute(const char *text, uint32_t *out)
{
    if (text == NULL || strlen(text) != 5 || text[2] != ':' || strspn(text, "0123456789") != 2 ||
        strspn(text + 3, "0123456789") != 2)
        return false;
    uint32_t hour = (uint32_t)(text[0] - '0') * 10 + (uint32_t)(text[1] - '0');
    uint32_t minute = (uint32_t)(text[3] - '0') * 10 + (uint32_t)(text[4] - '0');
    *out = hour * 60 + minute;
    return hour < 24 && minute < 60;
}

static bool read_times(struct reading *r, const json_t *times, struct schedule *out)
{
    size_t count = json_array_size(times);
    if (count < 1 || count > SCHEDULE_TIMES_MAX)
        return refuse(r, "'at' has to be a list of 1 to %d times", (int)SCHEDULE_TIMES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!read_minute(json_string_value(json_array_get(times, i)), &out->minutes[i]))
            return refuse(r, "'at' has to have times as \"16:30\"");
        if (i > 0 && out->minutes[i] <= out->minutes[i - 1])
            return refuse(r, "'at' has to be in order");
    }
    out->time_count = (uint32_t)count;
    return true;
}

static bool read_days(struct reading *r, json_t *object, struct schedule *out)
{
    const json_t *days = json_object_get(object, "days");
    const char *word = days == NULL ? "all" : json_string_value(days);
    out->weekdays_only = word != NULL && strcmp(word, "weekdays") == 0;
    if (out->weekdays_only || (word != NULL && strcmp(word, "all") == 0))
        return true;
    return refuse(r, "'days' has to be weekdays or all");
}

static bool read_schedule(struct reading *r, json_t *object, struct schedule *out)
{
    const json_t *at = json_object_get(object, "at");
    bool has_every = json_object_get(object, "every_s") != NULL;
    int64_t minutes = 0, every_s = 0;
    if (json_object_get(object, "utc_offset_minutes") != NULL &&
        !json_config_number(&r->json, object, "utc_offset_minutes", -OFFSET_MAX_MINUTES, OFFSET_MAX_MINUTES,
                            &minutes))
        return false;
    out->offset_s = (int32_t)minutes * 60;
    if ((at != NULL) == has_every)
        return refuse(r, "one of 'at' and 'every_s' is needed");
    if (has_every && json_object_get(object, "days") != NULL)
        return refuse(r, "'days' goes with 'at'");
    if (has_every && !json_config_number(&r->json, object, "every_s", 1, SCHEDULE_EVERY_MAX_S, &every_s))
        return false;
    out->every_s = (uint32_t)every_s;
    return has_every || (read_times(r, at, out) && read_days(r, object, out));
}

static bool read_pair(const char *text, struct ratefeed_pair_name *out)
{
    if (text == NULL || strlen(text) != 7 || text[3] != '/')
        return false;
    memcpy(out->base, text, CURRENCY_CODE_LENGTH);
    memcpy(out->counter, text + 4, CURRENCY_CODE_LENGTH);
    return currency_find(out->base, CURRENCY_CODE_LENGTH) != CURRENCY_NONE &&
           currency_find(out->counter, CURRENCY_CODE_LENGTH) != CURRENCY_NONE;
}

static bool read_desk(struct reading *r, const json_t *desk, struct ratefeed_source_config *out)
{
    const char *word = json_string_value(desk);
    size_t count = json_array_size(desk);
    out->desk_all = word != NULL && strcmp(word, "all") == 0;
    if (desk == NULL || out->desk_all)
        return true;
    if (!json_is_array(desk) || count > RATEFEED_PAIRS_MAX)
        return refuse(r, "'desk' has to be \"all\" or a list of up to %d pairs", (int)RATEFEED_PAIRS_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *pair = json_string_value(json_array_get(desk, i));
        if (!read_pair(pair, &out->desk[i]))
            return refuse(r, "'desk' has to have pairs of active currencies as \"EUR/USD\"");
    }
    out->desk_count = (uint32_t)count;
    return true;
}

static bool read_source(struct reading *r, json_t *object)
{
    static const char *const keys[] = {"name", "kind",    "url",      "at",        "utc_offset_minutes",
                                       "days", "every_s", "key_file", "spike_ppm", "age_limit_s",
                                       "desk", NULL};
    struct ratefeed_source_config *out = &r->config->sources[r->config->count];
    struct feed_origin *origin = &r->config->origins[r->config->count];
    int64_t spike_ppm, age_limit_s;
    r->json.where = NULL;
    if (!json_is_object(object))
        return refuse(r, "'sources' has to be a list of objects");
    r->config->count++;
    if (!read_name(r, object, out->name) || !json_config_has_only(&r->json, object, keys) ||
        !read_origin(r, object, origin) || !read_schedule(r, object, &out->schedule) ||
        !json_config_number(&r->json, object, "spike_ppm", 1, SPIKE_MAX_PPM, &spike_ppm) ||
        !json_config_number(&r->json, object, "age_limit_s", 1, AGE_MAX_S, &age_limit_s))
        return false;
    out->spike_ppm = (uint32_t)spike_ppm;
    out->age_limit_s = (uint32_t)age_limit_s;
    return read_desk(r, json_object_get(object, "desk"), out);
}

/* ---- the whole ------------------------------------------------------------------------------------------ */

static bool read_sources(struct reading *r, const json_t *sources)
{
    size_t count = json_array_size(sources);
    if (count < 1 || count > RATEFEED_SOURCES_MAX)
        return refuse(r, "'sources' has to be a list of 1 to %d", (int)RATEFEED_SOURCES_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!read_source(r, json_array_get(sources, i)))
            return false;
    }
    return true;
}

static bool read_all(struct reading *r, json_t *object)
{
    static const char *const keys[] = {"sources", "allow_http", "ca_file", NULL};
    if (!json_config_has_only(&r->json, object, keys) ||
        !json_config_flag(&r->json, object, "allow_http", &r->config->allow_http))
        return false;
    if (json_object_get(object, "ca_file") != NULL &&
        !json_config_text(&r->json, object, "ca_file", r->config->ca_file, FEED_PATH_MAX))
        return false;
    return read_sources(r, json_object_get(object, "sources"));
}

struct feed_config *feed_config_parse(const char *text, size_t length, char why[FEED_WHY_MAX])
{
    struct reading r = {.config = calloc(1, sizeof *r.config), .json = {.why = why, .kind = "source"}};
    json_t *object = json_config_parse(&r.json, text, length);
    if (r.config == NULL)
        refuse(&r, "no memory");
    if (r.config == NULL || object == NULL || !read_all(&r, object))
        feed_config_destroy(&r.config);
    json_decref(object);
    return r.config;
}

struct feed_config *feed_config_load(const char *path, char why[FEED_WHY_MAX])
{
    struct json_config json = {.why = why};
    size_t length = 0;
    char *text = json_config_file(&json, path, FILE_MAX, &length);
    struct feed_config *config = text == NULL ? NULL : feed_config_parse(text, length, why);
    free(text);
    return config;
}

void feed_config_destroy(struct feed_config **self_p)
{
    if (*self_p != NULL)
        explicit_bzero(*self_p, sizeof **self_p);
    free(*self_p);
    *self_p = NULL;
}
