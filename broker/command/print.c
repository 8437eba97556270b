#include "broker/command/print.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/base/check.h"
#include "actors/base/rate.h"

enum { TURNS = 4, TEXT_MAX = 64, US_PER_S = 1000000 };

/* ---- values ----------------------------------------------------------------------------------- */

struct turns {
    char text[TURNS][TEXT_MAX];
    unsigned next;
};

static char *turn(struct turns *turns)
{
    return turns->text[turns->next++ % TURNS];
}

const char *money_text(int64_t minor, currency_index currency)
{
    static _Thread_local struct turns turns;
    char *text = turn(&turns);
    money_format(minor, currency == CURRENCY_NONE ? 0 : currency_at(currency)->exponent, text);
    return text;
}

const char *rate_decimal(int64_t rate)
{
    static _Thread_local struct turns turns;
    char *text = turn(&turns);
    rate_format(rate, text);
    return text;
}

static time_t seconds_of(int64_t time_us)
{
    return (time_t)((time_us - (time_us < 0 ? US_PER_S - 1 : 0)) / US_PER_S);
}

const char *time_text(int64_t time_us)
{
    static _Thread_local struct turns turns;
    char *text = turn(&turns);
    time_t seconds = seconds_of(time_us);
    struct tm parts;
    localtime_r(&seconds, &parts);
    size_t length = strftime(text, TEXT_MAX - 1, "%Y-%m-%dT%H:%M:%S%z", &parts);
    if (length >= 2) { /* +0100 to +01:00 */
        memmove(text + length - 1, text + length - 2, 3);
        text[length - 2] = ':';
    }
    return text;
}

const char *time_text_utc(int64_t time_us)
{
    static _Thread_local struct turns turns;
    char *text = turn(&turns);
    time_t seconds = seconds_of(time_us);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    size_t length = strftime(text, TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + length, TEXT_MAX - length, ".%06dZ", (int)(time_us - seconds * INT64_C(1000000)));
    return text;
}

/* Exactly `width` digits. */
static bool take_digits(const char **at, int width, int least, int most, int *out)
{
    int value = 0;
    for (int i = 0; i < width; i++) {
        if ((*at)[i] < '0' || (*at)[i] > '9')
            return false;
        value = value * 10 + ((*at)[i] - '0');
    }
    if (value < least || value > most)
        return false;
    *at += width;
    *out = value;
    return true;
}

static bool take_char(const char **at, char wanted)
{
    if (**at != wanted)
        return false;
    ++*at;
    return true;
}

static bool take_fraction(const char **at, int64_t *us)
{
    int64_t scale = US_PER_S / 10;
    *us = 0;
    if (!take_char(at, '.'))
        return true;
    if (**at < '0' || **at > '9')
        return false;
    for (; **at >= '0' && **at <= '9'; ++*at, scale /= 10)
        *us += (**at - '0') * scale;
    return true;
}

static bool take_clock(const char **at, struct tm *parts, int64_t *us)
{
    *us = 0;
    if (!take_char(at, 'T') && !take_char(at, ' '))
        return true;
    if (!take_digits(at, 2, 0, 23, &parts->tm_hour) || !take_char(at, ':') ||
        !take_digits(at, 2, 0, 59, &parts->tm_min))
        return false;
    if (take_char(at, ':') && !take_digits(at, 2, 0, 60, &parts->tm_sec))
        return false;
    return take_fraction(at, us);
}

/* Z, +hh:mm, or nothing. */
static bool take_offset(const char **at, bool *has_offset, int *offset_s)
{
    int hours, minutes;
    *has_offset = true;
    *offset_s = 0;
    if (take_char(at, 'Z'))
        return true;
    if (**at != '+' && **at != '-') {
        *has_offset = false;
        return true;
    }
    int sign = *(*at)++ == '-' ? -1 : 1;
    if (!take_digits(at, 2, 0, 23, &hours))
        return false;
    take_char(at, ':');
    if (!take_digits(at, 2, 0, 59, &minutes))
        return false;
    *offset_s = sign * (hours * 3600 + minutes * 60);
    return true;
}

bool time_parse(const char *text, int64_t *time_us)
{
    struct tm parts = {.tm_isdst = -1};
    int64_t us;
    bool has_offset;
    int offset_s;
    if (!take_digits(&text, 4, 1970, 9999, &parts.tm_year) || !take_char(&text, '-') ||
        !take_digits(&text, 2, 1, 12, &parts.tm_mon) || !take_char(&text, '-') ||
        !take_digits(&text, 2, 1, 31, &parts.tm_mday) || !take_clock(&text, &parts, &us) ||
        !take_offset(&text, &has_offset, &offset_s) || *text != '\0')
        return false;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    int month = parts.tm_mon;
    time_t seconds = has_offset ? timegm(&parts) : mktime(&parts);
    if (parts.tm_mon != month) /* the 31st of February */
        return false;
    *time_us = (seconds - offset_s) * INT64_C(1000000) + us;
    return *time_us >= 0;
}

bool amount_parse(struct str text, currency_index currency, bool is_signed, int64_t *out, const char **why)
{
    bool is_negative = is_signed && text.length > 0 && text.data[0] == '-';
    struct str digits = {text.data + is_negative, text.length - is_negative};
    const char *point = digits.length > 0 ? memchr(digits.data, '.', digits.length) : NULL;
    int64_t minor;
    enum err err = money_parse(digits, currency_at(currency)->exponent, &minor);
    if (err != ERR_OK) {
        bool is_fine = point != NULL &&
                       (size_t)(digits.data + digits.length - point - 1) > currency_at(currency)->exponent;
        *why = err != ERR_RANGE ? "an amount looks like 12 or 12.50"
               : is_fine        ? "it has more decimals than the currency"
                                : "it is too large";
        return false;
    }
    if (minor > MONEY_MAX || (!is_signed && minor == 0)) {
        *why = minor == 0 ? "it must be more than zero" : "it is too large";
        return false;
    }
    *out = is_negative ? -minor : minor;
    return true;
}

/* ---- JSON ------------------------------------------------------------------------------------- */

struct emit emit_to(FILE *out)
{
    return (struct emit){.out = out};
}

static void write_string(FILE *out, struct str text)
{
    fputc('"', out);
    for (uint32_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void begin_value(struct emit *self, const char *name)
{
    if (self->needs_comma)
        fputs(", ", self->out);
    self->needs_comma = true;
    if (name != NULL) {
        write_string(self->out, str_from(name));
        fputs(": ", self->out);
    }
}

static void open_level(struct emit *self, const char *name, bool is_array)
{
    CHECK(self->depth < 64);
    begin_value(self, name);
    fputc(is_array ? '[' : '{', self->out);
    self->is_array = (self->is_array & ~(UINT64_C(1) << self->depth)) | (uint64_t)is_array << self->depth;
    self->depth++;
    self->needs_comma = false;
}

void emit_object(struct emit *self)
{
    open_level(self, NULL, false);
}

void emit_object_in(struct emit *self, const char *name)
{
    open_level(self, name, false);
}

void emit_array(struct emit *self, const char *name)
{
    open_level(self, name, true);
}

void emit_end(struct emit *self)
{
    CHECK(self->depth > 0);
    self->depth--;
    fputc(self->is_array >> self->depth & 1 ? ']' : '}', self->out);
    self->needs_comma = true;
}

void emit_line(struct emit *self)
{
    fputc('\n', self->out);
    self->needs_comma = false;
}

void emit_null(struct emit *self, const char *name)
{
    begin_value(self, name);
    fputs("null", self->out);
}

void emit_bool(struct emit *self, const char *name, bool value)
{
    begin_value(self, name);
    fputs(value ? "true" : "false", self->out);
}

void emit_number(struct emit *self, const char *name, int64_t value)
{
    begin_value(self, name);
    fprintf(self->out, "%lld", (long long)value);
}

void emit_unsigned(struct emit *self, const char *name, uint64_t value)
{
    begin_value(self, name);
    fprintf(self->out, "%llu", (unsigned long long)value);
}

void emit_str(struct emit *self, const char *name, struct str text)
{
    if (text.length == 0) {
        emit_null(self, name);
        return;
    }
    begin_value(self, name);
    write_string(self->out, text);
}

void emit_text(struct emit *self, const char *name, const char *text)
{
    emit_str(self, name, text == NULL ? (struct str){0} : str_from(text));
}

void emit_uuid(struct emit *self, const char *name, const struct uuid *id)
{
    char text[UUID_TEXT_LENGTH + 1] = "";
    if (!uuid_is_nil(id))
        uuid_format(id, text);
    emit_text(self, name, text);
}

void emit_money(struct emit *self, const char *name, int64_t minor, currency_index currency)
{
    emit_text(self, name, money_text(minor, currency));
}

void emit_rate(struct emit *self, const char *name, int64_t rate)
{
    emit_text(self, name, rate > 0 ? rate_decimal(rate) : "");
}

void emit_time(struct emit *self, const char *name, int64_t time_us)
{
    emit_text(self, name, time_text_utc(time_us));
}
