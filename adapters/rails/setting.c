#include "adapters/rails/setting.h"

#include <stdio.h>
#include <string.h>

#include "actors/base/str.h"
#include "actors/base/text.h"

static bool wrong(char *why, const char *key, const char *what)
{
    snprintf(why, SETTING_WHY, "setting %.40s %s", key, what);
    return false;
}

static bool is_word(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text <= 0x20 || *text >= 0x7F)
            return false;
    return true;
}

static bool is_code(const char *text)
{
    return text[strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")] == '\0';
}

static bool is_of_kind(const struct setting *setting, const char *value)
{
    switch (setting->kind) {
    case SETTING_TEXT:
        return text_is_clean(str_from(value));
    case SETTING_WORD:
        return is_word(value);
    case SETTING_CODE:
        return is_code(value);
    case SETTING_SWITCH:
        return strcmp(value, "on") == 0 || strcmp(value, "off") == 0;
    case SETTING_PEM:
        return true;
    }
    return false;
}

static bool url_is_good(const char *url)
{
    size_t length = strlen(url);
    const char *host = strncmp(url, "https://", 8) == 0  ? url + 8
                       : strncmp(url, "http://", 7) == 0 ? url + 7
                                                         : "";
    return host[0] != '\0' && length <= SETTING_URL_MAX && url[length - 1] != '/' && is_word(url);
}

static const struct rail_setting *find(const struct rail_settings *settings, const char *key, size_t *count)
{
    const struct rail_setting *found = NULL;
    *count = 0;
    for (size_t i = 0; i < settings->count; i++) {
        if (strcmp(settings->list[i].key, key) != 0)
            continue;
        found = &settings->list[i];
        (*count)++;
    }
    return found;
}

static bool read_one(const struct rail_settings *settings, const struct setting *setting, void *into,
                     char *why)
{
    size_t count, length;
    const struct rail_setting *given = find(settings, setting->key, &count);
    const char *value = given != NULL ? given->value : setting->otherwise;
    if (given == NULL && setting->is_needed)
        return wrong(why, setting->key, "is missing");
    if (count > 1)
        return wrong(why, setting->key, "is there twice");
    if (given != NULL) {
        length = strlen(value);
        if (length < setting->min || length > setting->max)
            return wrong(why, setting->key, "is too short or too long");
        if (!is_of_kind(setting, value))
            return wrong(why, setting->key, "has characters, or a value, that it may not have");
    }
    if (setting->offset != SETTING_NOWHERE)
        memcpy((char *)into + setting->offset, &value, sizeof value);
    return true;
}

bool settings_read(const struct rail_settings *settings, const struct setting *table, size_t count,
                   void *into, char *why)
{
    why[0] = '\0';
    if (!url_is_good(settings->base_url))
        return wrong(why, "url", "is no http or https URL without a slash at its end");
    for (size_t i = 0; i < settings->count; i++) {
        bool is_known = false;
        for (size_t j = 0; j < count; j++)
            is_known = is_known || strcmp(settings->list[i].key, table[j].key) == 0;
        if (!is_known)
            return wrong(why, settings->list[i].key, "is not known to this rail");
    }
    for (size_t i = 0; i < count; i++)
        if (!read_one(settings, &table[i], into, why))
            return false;
    return true;
}
