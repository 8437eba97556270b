/* Reading and writing meta.json. */
#include "store/meta.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { HASH_KEY_DIGITS = 16 };

static const char *const KEYS[] = {
    "format", "partitions", "id_retention_seconds", "base_currency", "hash_key", "created_us", "node_id"};

enum { KEY_COUNT = sizeof KEYS / sizeof KEYS[0] };

static bool is_known(const char *key)
{
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(KEYS[i], key) == 0)
            return true;
    }
    return false;
}

static bool get_integer(const json_t *object, const char *key, int64_t low, int64_t high, int64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        return false;
    *out = json_integer_value(value);
    return *out >= low && *out <= high;
}

static const char *get_digits(const json_t *object, const char *key, size_t length)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_string(value) || json_string_length(value) != length)
        return NULL;
    const char *text = json_string_value(value);
    return strspn(text, "0123456789abcdef") == length ? text : NULL;
}

/* NULL, or the key that is missing, unknown or out of range. */
static const char *read_values(json_t *object, struct datadir_meta *out)
{
    const char *key;
    json_t *value;
    int64_t partitions = 0;
    json_object_foreach(object, key, value)
    {
        if (!is_known(key))
            return "a key that does not belong there";
    }
    if (!get_integer(object, "partitions", 1, DATADIR_PARTITIONS_MAX, &partitions))
        return "partitions";
    if (!get_integer(object, "id_retention_seconds", 1, DATADIR_RETENTION_SECONDS_MAX,
                     &out->id_retention_seconds))
        return "id_retention_seconds";
    if (!get_integer(object, "created_us", 0, INT64_MAX, &out->created_us))
        return "created_us";
    const char *base = json_string_value(json_object_get(object, "base_currency"));
    out->base_currency = base != NULL ? currency_find(base, strlen(base)) : CURRENCY_NONE;
    if (out->base_currency == CURRENCY_NONE)
        return "base_currency";
    const char *hash_key = get_digits(object, "hash_key", HASH_KEY_DIGITS);
    if (hash_key == NULL || sscanf(hash_key, "%16" SCNx64, &out->hash_key) != 1)
        return "hash_key";
    const char *node_id = get_digits(object, "node_id", DATADIR_NODE_ID_LENGTH);
    if (node_id == NULL)
        return "node_id";
    out->partitions = (uint32_t)partitions;
    memcpy(out->node_id, node_id, DATADIR_NODE_ID_LENGTH + 1);
    return NULL;
}

static enum err parse_object(json_t *object, struct datadir_meta *out, char *why, size_t why_capacity)
{
    int64_t format = 0;
    if (!json_is_object(object) || !get_integer(object, "format", 1, INT64_MAX, &format)) {
        (void)snprintf(why, why_capacity, "it has no format number");
        return ERR_CORRUPT;
    }
    if (format != DATADIR_FORMAT_VERSION) {
        (void)snprintf(why, why_capacity, "it has format %" PRId64 ", this program reads format %d", format,
                       DATADIR_FORMAT_VERSION);
        return ERR_VERSION;
    }
    const char *key = read_values(object, out);
    if (key == NULL)
        return ERR_OK;
    (void)snprintf(why, why_capacity, "missing or wrong: %s", key);
    return ERR_CORRUPT;
}

enum err meta_parse(const char *text, size_t length, struct datadir_meta *out, char *why, size_t why_capacity)
{
    json_error_t error;
    json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        (void)snprintf(why, why_capacity, "%s, line %d", error.text, error.line);
        return ERR_CORRUPT;
    }
    enum err err = parse_object(object, out, why, why_capacity);
    json_decref(object);
    return err;
}

char *meta_format(const struct datadir_meta *meta)
{
    char hash_key[HASH_KEY_DIGITS + 1];
    (void)snprintf(hash_key, sizeof hash_key, "%016" PRIx64, meta->hash_key);
    json_t *object = json_pack("{s:i, s:I, s:I, s:s, s:s, s:I, s:s}", "format", DATADIR_FORMAT_VERSION,
                               "partitions", (json_int_t)meta->partitions, "id_retention_seconds",
                               (json_int_t)meta->id_retention_seconds, "base_currency",
                               currency_at(meta->base_currency)->code, "hash_key", hash_key, "created_us",
                               (json_int_t)meta->created_us, "node_id", meta->node_id);
    char *text = object != NULL ? json_dumps(object, JSON_INDENT(2)) : NULL;
    json_decref(object);
    return text;
}
