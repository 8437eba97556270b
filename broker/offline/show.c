#include "broker/offline/show.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { US = 1000000, BAR_WIDTH = 30, REDRAW_US = 100000, KILO = 1000, DIGITS_MAX = 48 };

/* ---- times ------------------------------------------------------------------------------------ */

static bool fraction_parse(const char **at, int64_t *us)
{
    int64_t unit = US / 10;
    *us = 0;
    if (**at != '.')
        return true;
    const char *first = ++*at;
    for (; **at >= '0' && **at <= '9'; ++*at, unit /= 10)
        *us += (**at - '0') * unit;
    return *at != first;
}

static bool zone_parse(const char *at, int64_t *seconds)
{
    int hours, minutes, used = 0;
    char sign;
    *seconds = 0;
    if (strcmp(at, "Z") == 0 || strcmp(at, "z") == 0)
        return true;
    if (sscanf(at, "%c%2d:%2d%n", &sign, &hours, &minutes, &used) != 3 || at[used] != '\0' ||
        (sign != '+' && sign != '-') || hours > 23 || minutes > 59 || hours < 0 || minutes < 0)
        return false;
    *seconds = (sign == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

bool show_time_parse(const char *text, int64_t *time_us)
{
    struct tm tm = {0}, given;
    int64_t fraction, zone;
    const char *at = strptime(text, "%Y-%m-%d", &tm);
    if (at == NULL || (*at != 'T' && *at != 't' && *at != ' '))
        return false;
    at = strptime(at + 1, "%H:%M:%S", &tm);
    if (at == NULL || !fraction_parse(&at, &fraction) || !zone_parse(at, &zone))
        return false;
    given = tm;
    int64_t seconds = timegm(&tm);
    if (tm.tm_mday != given.tm_mday || seconds < zone)
        return false; /* the 31st of April; before 1970 */
    *time_us = (seconds - zone) * US + fraction;
    return true;
}

void show_time(int64_t time_us, char out[SHOW_TIME])
{
    time_t seconds = time_us / US;
    struct tm tm;
    char text[24];
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, SHOW_TIME, "%s.%06dZ", text, (int)(time_us % US));
}

int64_t show_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * US + now.tv_nsec / 1000;
}

double show_seconds(int64_t since_us)
{
    return (double)(show_now_us() - since_us) / US;
}

/* ---- numbers ---------------------------------------------------------------------------------- */

void show_sum(__int128 minor, uint8_t exponent, char out[SHOW_SUM])
{
    char digits[DIGITS_MAX];
    size_t at = sizeof digits, count = 0;
    bool negative = minor < 0;
    unsigned __int128 left = negative ? -(unsigned __int128)minor : (unsigned __int128)minor;
    digits[--at] = '\0';
    do {
        if (count == exponent && exponent > 0)
            digits[--at] = '.';
        digits[--at] = (char)('0' + (int)(left % 10));
        left /= 10;
        count++;
    } while (left != 0 || count <= exponent);
    snprintf(out, SHOW_SUM, "%s%s", negative ? "-" : "", digits + at);
}

void show_size(uint64_t bytes, char out[SHOW_SIZE])
{
    static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= KILO) {
        value /= KILO;
        unit++;
    }
    snprintf(out, SHOW_SIZE, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

void show_hash(const uint8_t hash[32], char out[SHOW_HASH])
{
    for (int i = 0; i < 32; i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

/* ---- progress --------------------------------------------------------------------------------- */

void progress_begin(struct progress *self, const char *label, uint64_t total)
{
    *self = (struct progress){.label = label, .total = total, .is_terminal = isatty(STDERR_FILENO) == 1};
}

void progress_at(struct progress *self, uint64_t done)
{
    if (!self->is_terminal)
        return;
    int64_t now = show_now_us();
    if (now - self->shown_us < REDRAW_US)
        return;
    char bar[BAR_WIDTH + 1];
    double part = self->total == 0 ? 1 : (double)done / (double)self->total;
    part = part > 1 ? 1 : part;
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < (int)(part * BAR_WIDTH) ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r%s [%s] %3d %%", self->label, bar, (int)(part * 100));
    fflush(stderr);
    self->shown_us = now;
    self->is_drawn = true;
}

void progress_end(struct progress *self)
{
    if (self->is_drawn)
        fprintf(stderr, "\r\033[K");
    self->is_drawn = false;
}

/* ---- totals ----------------------------------------------------------------------------------- */

void show_totals(const struct books_total totals[256])
{
    for (size_t c = 1; c < currency_count(); c++) {
        const struct currency *currency = currency_at((currency_index)c);
        char customers[SHOW_SUM], house[SHOW_SUM], transit[SHOW_SUM];
        if (!totals[c].is_used)
            continue;
        show_sum(totals[c].customers, currency->exponent, customers);
        show_sum(totals[c].house, currency->exponent, house);
        show_sum(totals[c].transit, currency->exponent, transit);
        printf("%s: customers %s, house %s, on its way %s\n", currency->code, customers, house, transit);
    }
}

json_t *show_totals_json(const struct books_total totals[256])
{
    json_t *object = json_object();
    for (size_t c = 1; c < currency_count(); c++) {
        const struct currency *currency = currency_at((currency_index)c);
        char customers[SHOW_SUM], house[SHOW_SUM], transit[SHOW_SUM];
        if (!totals[c].is_used)
            continue;
        show_sum(totals[c].customers, currency->exponent, customers);
        show_sum(totals[c].house, currency->exponent, house);
        show_sum(totals[c].transit, currency->exponent, transit);
        json_object_set_new(
            object, currency->code,
            json_pack("{s:s, s:s, s:s}", "customers", customers, "house", house, "on_its_way", transit));
    }
    return object;
}

/* ---- faults ----------------------------------------------------------------------------------- */

void show_fault(const char *command, const struct fault *fault, enum err err)
{
    bool is_damage = err == ERR_CORRUPT;
    fprintf(stderr, "teller %s: %s", command, is_damage ? "damaged" : "cannot go on");
    if (fault->has_place) {
        fprintf(stderr, ": partition %u", fault->partition);
        if (fault->position != 0)
            fprintf(stderr, ", position %llu", (unsigned long long)fault->position);
        if (fault->sequence != 0)
            fprintf(stderr, ", sequence %llu", (unsigned long long)fault->sequence);
    }
    size_t length = strlen(fault->what);
    bool is_sentence = length > 0 && fault->what[length - 1] == '.';
    fprintf(stderr, ": %s%s\n", fault->what, is_sentence ? "" : ".");
    if (fault->advice[0] != '\0')
        fprintf(stderr, "%s\n", fault->advice);
}

json_t *show_fault_json(const struct fault *fault)
{
    json_t *object = json_object();
    if (fault->has_place) {
        json_object_set_new(object, "partition", json_integer(fault->partition));
        json_object_set_new(object, "position", json_integer((json_int_t)fault->position));
        json_object_set_new(object, "sequence", json_integer((json_int_t)fault->sequence));
    }
    json_object_set_new(object, "what", json_string(fault->what));
    json_object_set_new(object, "advice", json_string(fault->advice));
    return object;
}

void show_json(json_t *json)
{
    json_dumpf(json, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(json);
}
