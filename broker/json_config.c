#include "broker/json_config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool json_config_refuse(struct json_config *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = self->where == NULL
                     ? 0
                     : snprintf(self->why, JSON_CONFIG_WHY_MAX, "%s '%.32s': ", self->kind, self->where);
    vsnprintf(self->why + length, JSON_CONFIG_WHY_MAX - (size_t)length, format, arguments);
    va_end(arguments);
    return false;
}

bool json_config_has_only(struct json_config *self, json_t *object, const char *const *keys)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        size_t i = 0;
        while (keys[i] != NULL && strcmp(keys[i], key) != 0)
            i++;
        if (keys[i] == NULL)
            return json_config_refuse(self, "there is no key '%.64s'", key);
    }
    return true;
}

bool json_config_text(struct json_config *self, const json_t *object, const char *key, char *out, size_t max)
{
    const json_t *value = json_object_get(object, key);
    const char *text = json_string_value(value);
    if (text == NULL || text[0] == '\0' || json_string_length(value) > max ||
        strlen(text) != json_string_length(value))
        return json_config_refuse(self, "'%s' has to be a text of 1 to %zu bytes", key, max);
    memcpy(out, text, strlen(text) + 1);
    return true;
}

bool json_config_number(struct json_config *self, const json_t *object, const char *key, int64_t low,
                        int64_t high, int64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value) || json_integer_value(value) < low || json_integer_value(value) > high)
        return json_config_refuse(self, "'%s' has to be a whole number of %lld to %lld", key, (long long)low,
                                  (long long)high);
    *out = json_integer_value(value);
    return true;
}

bool json_config_flag(struct json_config *self, const json_t *object, const char *key, bool *out)
{
    const json_t *value = json_object_get(object, key);
    if (value != NULL && !json_is_boolean(value))
        return json_config_refuse(self, "'%s' has to be true or false", key);
    if (value != NULL)
        *out = json_is_true(value);
    return true;
}

bool json_config_is_url(const char *url, bool allow_http)
{
    for (const char *at = url; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~')
            return false;
    }
    return strncmp(url, "https://", 8) == 0 || (allow_http && strncmp(url, "http://", 7) == 0);
}

json_t *json_config_parse(struct json_config *self, const char *text, size_t length)
{
    json_error_t error;
    json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        json_config_refuse(self, "%s, line %d", error.text, error.line);
    else if (!json_is_object(object))
        json_config_refuse(self, "it has to be an object");
    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

char *json_config_file(struct json_config *self, const char *path, size_t max, size_t *length)
{
    FILE *file = fopen(path, "re");
    char *text = file != NULL ? calloc(1, max + 2) : NULL;
    bool is_read = false;
    if (text == NULL) {
        json_config_refuse(self, "%s", strerror(errno));
    } else {
        *length = fread(text, 1, max + 1, file);
        is_read = ferror(file) == 0 && *length <= max;
        text[is_read ? *length : 0] = '\0';
        if (!is_read)
            json_config_refuse(self, "it cannot be read whole");
    }
    if (file != NULL)
        (void)fclose(file);
    if (is_read)
        return text;
    if (text != NULL)
        explicit_bzero(text, max + 2);
    free(text);
    return NULL;
}
