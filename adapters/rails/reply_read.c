#include "adapters/rails/reply_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "actors/base/mark.h"
#include "actors/base/text.h"

enum {
    WHY_MAX = 160,
    LIFE_MIN_S = 1,
    LIFE_MAX_S = 90 * 86400,
    LIFE_MARGIN_S = 30, /* a token is not used so shortly before its end */
};

/* ---- text ------------------------------------------------------------------------------------------- */

static bool is_token_character(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-_.+/=~", c) != NULL);
}

/* Bytes of the clean character that stands here; 0: none. */
static uint32_t clean_character(const char *text)
{
    for (uint32_t length = 1; length <= 4; length++) {
        if (text[length - 1] == '\0')
            return 0;
        if (text_is_clean((struct str){text, length}))
            return length;
    }
    return 0;
}

/* A piece of the text as it is shown. */
struct piece {
    const char *shown;
    size_t length, taken; /* bytes shown, bytes of the text */
    bool may_be_cut;
};

static struct piece next_piece(const char *text)
{
    size_t run = 0;
    while (is_token_character(text[run]))
        run++;
    if (run >= REPLY_MASK_MIN)
        return (struct piece){"***", 3, run, true};
    if (run > 0)
        return (struct piece){text, run, run, true};
    uint32_t length = clean_character(text);
    return length > 0 ? (struct piece){text, length, length, false} : (struct piece){" ", 1, 1, false};
}

void reply_clean(char *out, size_t size, const char *text)
{
    size_t written = 0;
    for (bool is_full = false; *text != '\0' && !is_full;) {
        struct piece piece = next_piece(text);
        text += piece.taken;
        if (piece.shown[0] == ' ' && (written == 0 || out[written - 1] == ' '))
            continue;
        is_full = piece.length > size - 1 - written;
        if (is_full)
            piece.length = piece.may_be_cut ? size - 1 - written : 0;
        memcpy(out + written, piece.shown, piece.length);
        written += piece.length;
    }
    while (written > 0 && out[written - 1] == ' ')
        written--;
    out[written] = '\0';
}

static void set(struct rail_verdict *out, enum rail_result result, const char *format, va_list arguments)
{
    char text[1024];
    vsnprintf(text, sizeof text, format, arguments);
    *out = (struct rail_verdict){.result = result, .retry_after_s = -1};
    reply_clean(out->reason, sizeof out->reason, text);
}

void verdict_set(struct rail_verdict *out, enum rail_result result, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set(out, result, format, arguments);
    va_end(arguments);
}

void verdict_trouble(struct rail_verdict *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set(out, RAIL_UNKNOWN, format, arguments);
    va_end(arguments);
    out->is_trouble = true;
}

/* ---- replies ---------------------------------------------------------------------------------------- */

static void later(struct rail_verdict *out, const struct rail_reply *reply, bool is_trouble, const char *why)
{
    verdict_set(out, RAIL_LATER, "%s", why);
    out->is_trouble = is_trouble;
    out->retry_after_s = reply->retry_after_s;
}

bool reply_is_none(const struct rail_job *job, const struct rail_reply *reply, struct rail_verdict *out)
{
    switch (reply->arrival) {
    case RAIL_NOT_SENT:
        later(out, &(struct rail_reply){.retry_after_s = -1}, true, "not sent: the bank cannot be reached");
        return true;
    case RAIL_LOST:
        verdict_trouble(out, "no answer");
        return true;
    case RAIL_ARRIVED:
        break;
    }
    if (reply->status == 429) {
        MARK("a bank has too many requests");
        later(out, reply, false, "HTTP 429: too many requests");
        return true;
    }
    if (reply->status == 503 && job->phase != RAIL_PAY) {
        later(out, reply, true, "HTTP 503: not available");
        return true;
    }
    if (reply->status >= 500)
        verdict_trouble(out, "HTTP %ld", reply->status);
    else if (reply->length > RAIL_REPLY_MAX)
        verdict_trouble(out, "a reply that is too long");
    return reply->status >= 500 || reply->length > RAIL_REPLY_MAX;
}

json_t *reply_object(const struct rail_reply *reply)
{
    if (reply->body == NULL || reply->length > RAIL_REPLY_MAX)
        return NULL;
    json_t *object = json_loadb(reply->body, reply->length, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

const char *reply_text(const json_t *object, const char *key, size_t max)
{
    const json_t *value = json_object_get(object, key);
    size_t length = json_string_length(value);
    return json_is_string(value) && length >= 1 && length <= max ? json_string_value(value) : NULL;
}

const char *reply_id(const json_t *object, const char *key, size_t max)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:@~";
    const char *text = reply_text(object, key, max);
    return text != NULL && text[strspn(text, allowed)] == '\0' ? text : NULL;
}

/* ---- tokens ----------------------------------------------------------------------------------------- */

static bool refuse(char *why, const char *format, ...)
{
    char text[2 * WHY_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    reply_clean(why, WHY_MAX, text);
    return false;
}

/* A number, or digits in a text: both are seen. -1: neither. */
static int64_t life_of(const json_t *object)
{
    const json_t *value = json_object_get(object, "expires_in");
    const char *text = reply_text(object, "expires_in", 10);
    int64_t seconds = 0;
    if (json_is_integer(value))
        return json_integer_value(value);
    if (text == NULL || text[strspn(text, "0123456789")] != '\0')
        return -1;
    for (; *text != '\0'; text++)
        seconds = seconds * 10 + (*text - '0');
    return seconds;
}

static bool keep_token(const json_t *object, int64_t now_us, struct rail_token *out, char *why)
{
    const char *token = reply_text(object, "access_token", REPLY_TOKEN_MAX);
    const char *type = reply_text(object, "token_type", 16);
    int64_t life_s = life_of(object);
    size_t length = 0;
    while (token != NULL && is_token_character(token[length]))
        length++;
    if (token == NULL || token[length] != '\0' || (type != NULL && strcasecmp(type, "Bearer") != 0) ||
        life_s < LIFE_MIN_S)
        return refuse(why, "a reply without a token that can be used");
    if (life_s > LIFE_MAX_S)
        life_s = LIFE_MAX_S;
    int64_t margin_s = life_s > 4 * LIFE_MARGIN_S ? LIFE_MARGIN_S : life_s / 4;
    memcpy(out->text, token, length + 1);
    out->until_us = now_us + (life_s - margin_s) * 1000000;
    return true;
}

bool reply_token(const struct rail_reply *reply, const char *error_key, int64_t now_us,
                 struct rail_token *out, char *why)
{
    out->text[0] = '\0';
    out->until_us = 0;
    why[0] = '\0';
    if (reply->arrival != RAIL_ARRIVED)
        return refuse(why, "%s", reply->arrival == RAIL_LOST ? "no answer" : "the bank cannot be reached");
    json_t *object = reply_object(reply);
    const char *error = reply_id(object, error_key, 40); /* never its words: they may repeat what was asked */
    bool good = false;
    if (reply->status != 200)
        refuse(why, "HTTP %ld %s", reply->status, error != NULL ? error : "");
    else if (object == NULL)
        refuse(why, "a reply that is not understood");
    else if (error != NULL && json_object_get(object, "access_token") == NULL)
        refuse(why, "%s", error);
    else
        good = keep_token(object, now_us, out, why);
    json_decref(object);
    return good;
}
