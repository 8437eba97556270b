/* Documents of rates, written anew for each request. A rule spoils the newest day, or chooses another one. */
#include "sim/source/document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "actors/base/rate.h"
#include "adapters/rates/ecb_csv.h"

enum { PERCENT = 100, CENTS = 100, CENTS_TEXT_MAX = 40 };

/* ---- files ------------------------------------------------------------------------------------------- */

static char *read_file(const char *path, size_t *length, char why[160])
{
    FILE *file = fopen(path, "rb");
    char *data = malloc(RATE_SHEET_BYTES_MAX);
    CHECK(data != NULL);
    *length = file != NULL ? fread(data, 1, RATE_SHEET_BYTES_MAX, file) : 0;
    if (file != NULL)
        fclose(file);
    if (*length > 0)
        return data;
    snprintf(why, 160, "%.120s cannot be read", path);
    free(data);
    return NULL;
}

enum err documents_load(struct documents *self, const char *csv, const char *daily, char why[160])
{
    const char *phrase = NULL;
    *self = (struct documents){0};
    self->csv = read_file(csv, &self->csv_length, why);
    if (self->csv != NULL && daily != NULL)
        self->daily = read_file(daily, &self->daily_length, why);
    if (self->csv == NULL || (daily != NULL && self->daily == NULL)) {
        documents_release(self);
        return ERR_IO;
    }
    enum err err = ecb_csv_read(self->csv, self->csv_length, &self->sheet, &phrase);
    if (err != ERR_OK) {
        snprintf(why, 160, "%.100s: %s", csv, phrase);
        documents_release(self);
    }
    return err;
}

void documents_release(struct documents *self)
{
    rate_sheet_release(&self->sheet);
    free(self->csv);
    free(self->daily);
    *self = (struct documents){0};
}

int32_t documents_newest_day(const struct documents *self)
{
    int32_t newest = 0;
    for (uint32_t i = 0; i < self->sheet.count; i++) {
        if (self->sheet.rows[i].date > newest)
            newest = self->sheet.rows[i].date;
    }
    return newest;
}

/* The newest publishing day up to a day; -1: none. */
static int32_t day_up_to(const struct documents *self, int32_t day)
{
    int32_t found = -1;
    for (uint32_t i = 0; i < self->sheet.count; i++) {
        int32_t date = self->sheet.rows[i].date;
        if (date <= day && date > found)
            found = date;
    }
    return found;
}

static int32_t shifted(const struct documents *self, int32_t day, const struct rule *rule)
{
    if (rule->action == RULE_STALE)
        return day - (int32_t)rule->days;
    if (rule->action == RULE_OLDER)
        return day_up_to(self, day) - 1;
    return day;
}

static bool is_shifted(const struct rule *rule)
{
    return rule->action == RULE_STALE || rule->action == RULE_OLDER;
}

static bool is_hit(const struct rule *rule, const char *currency)
{
    return strcmp(rule->currency, currency) == 0;
}

static int64_t times(int64_t value, const struct rule *rule)
{
    int64_t factor = rule->action == RULE_PER_100 ? PERCENT * RATE_ONE : rule->factor, out;
    bool fits = rate_divide((unsigned __int128)value * (unsigned __int128)factor, (unsigned __int128)RATE_ONE,
                            ROUND_HALF_EVEN, &out);
    return fits ? out : RATE_MAX;
}

/* What a rate looks like when a rule has been at it. */
static void spoil(const struct rule *rule, const char *currency, char *text, size_t room)
{
    if (!is_hit(rule, currency))
        return;
    if (rule->action == RULE_ZERO)
        snprintf(text, room, "0");
    if (rule->action == RULE_NEGATIVE) {
        memmove(text + 1, text, strlen(text) + 1);
        text[0] = '-';
    }
    char *point = strchr(text, '.');
    if (rule->action == RULE_COMMA && point != NULL)
        *point = ',';
}

static bool multiplies(const struct rule *rule, const char *currency)
{
    return (rule->action == RULE_SPIKE || rule->action == RULE_PER_100) && is_hit(rule, currency);
}

/* ---- the ECB's XML ----------------------------------------------------------------------------------- */

static void write_rate(FILE *out, const struct rate_row *row, const struct rule *rule)
{
    char text[RATE_TEXT_MAX + 2];
    if (rule->action == RULE_MISSING && is_hit(rule, row->counter))
        return;
    rate_format(multiplies(rule, row->counter) ? times(row->rate, rule) : row->rate, text);
    spoil(rule, row->counter, text, sizeof text);
    fprintf(out, "\t\t\t<Cube currency='%s' rate='%s'/>\n", row->counter, text);
}

/* The rows of one day, from `at`; returns where the next day begins. */
static uint32_t write_day(FILE *out, const struct rate_sheet *sheet, uint32_t at, const struct rule *rule)
{
    char date[RATE_DATE_TEXT];
    int32_t day = sheet->rows[at].date;
    rate_date_format(day, date);
    fprintf(out, "\t\t<Cube time='%s'>\n", date);
    for (; at < sheet->count && sheet->rows[at].date == day; at++)
        write_rate(out, &sheet->rows[at], rule);
    fprintf(out, "\t\t</Cube>\n");
    return at;
}

static void write_days(FILE *out, const struct documents *self, int32_t today, int32_t days,
                       const struct rule *rule)
{
    static const struct rule nothing = {.action = RULE_NONE};
    int32_t newest = day_up_to(self, today);
    int64_t oldest = days == 0 ? newest : (int64_t)today - days;
    for (uint32_t i = 0, next; i < self->sheet.count; i = next) {
        int32_t date = self->sheet.rows[i].date;
        for (next = i; next < self->sheet.count && self->sheet.rows[next].date == date; next++)
            ;
        if (date > today || date < oldest)
            continue;
        write_day(out, &self->sheet, i, date == newest ? rule : &nothing);
        if (date == newest && rule->action == RULE_DUPLICATE)
            write_day(out, &self->sheet, i, &nothing);
    }
}

char *document_ecb(const struct documents *self, int32_t today, int32_t days, const struct rule *rule,
                   size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);
    CHECK(out != NULL);
    fprintf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    if (rule->action == RULE_DOCTYPE)
        fprintf(
            out,
            "<!DOCTYPE Envelope [<!ENTITY a 'ten bytes.'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
            "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>]>\n");
    fprintf(out,
            "<gesmes:Envelope xmlns:gesmes=\"http://www.gesmes.org/xml/2002-08-01\""
            " xmlns=\"http://www.ecb.int/vocabulary/2002-08-01/eurofxref\">\n"
            "\t<gesmes:subject>%s</gesmes:subject>\n"
            "\t<gesmes:Sender>\n\t\t<gesmes:name>European Central "
            "Bank</gesmes:name>\n\t</gesmes:Sender>\n\t<Cube>\n",
            rule->action == RULE_DOCTYPE ? "&d;&d;&d;&d;&d;" : "Reference rates");
    write_days(out, self, shifted(self, today, rule), days, rule);
    fprintf(out, "\t</Cube>\n</gesmes:Envelope>\n");
    CHECK(fclose(out) == 0);
    return text;
}

/* ---- the Eximbank's JSON ----------------------------------------------------------------------------- */

struct won {
    char unit[12];           /* "JPY(100)" */
    int64_t base, buy, sell; /* cents of a won */
};

/* "1,339.31", "12", "9.4" */
static void cents_text(int64_t cents, char out[CENTS_TEXT_MAX])
{
    char whole[24];
    int digits = snprintf(whole, sizeof whole, "%lld", (long long)(cents / CENTS));
    size_t length = 0;
    for (int i = 0; i < digits; i++) {
        if (i > 0 && (digits - i) % 3 == 0)
            out[length++] = ',';
        out[length++] = whole[i];
    }
    out[length] = '\0';
    int rest = (int)(cents % CENTS);
    if (rest != 0)
        snprintf(out + length, CENTS_TEXT_MAX - length, rest % 10 == 0 ? ".%01d" : ".%02d",
                 rest % 10 == 0 ? rest / 10 : rest);
}

/* What a currency is worth in won by way of the euro; rate: of the currency for a euro. */
static struct won won_of(const char *currency, int64_t won_rate, int64_t rate, const struct rule *rule)
{
    struct won won = {0};
    bool is_100 = strcmp(currency, "JPY") == 0 || strcmp(currency, "IDR") == 0;
    uint32_t units = is_100 ? 100 : 1;
    bool fits = rate_divide((unsigned __int128)won_rate * CENTS * units, (unsigned __int128)rate,
                            ROUND_HALF_EVEN, &won.base);
    CHECK(fits);
    if (multiplies(rule, currency) && !(is_100 && rule->action == RULE_PER_100))
        won.base = times(won.base, rule);
    bool hides_unit = rule->action == RULE_PER_100 && is_hit(rule, currency);
    const char *name = strcmp(currency, "CNY") == 0 ? "CNH" : currency;
    snprintf(won.unit, sizeof won.unit, is_100 && !hides_unit ? "%s(100)" : "%s", name);
    int64_t spread = won.base / PERCENT;
    won.buy = won.base - spread;
    won.sell = won.base + spread;
    return won;
}

static void write_won(FILE *out, const char *currency, const struct won *won, const struct rule *rule,
                      bool is_first)
{
    char base[CENTS_TEXT_MAX + 2], buy[CENTS_TEXT_MAX], sell[CENTS_TEXT_MAX];
    bool is_crossed = rule->action == RULE_CROSSED && is_hit(rule, currency);
    cents_text(won->base, base);
    cents_text(is_crossed ? won->sell : won->buy, buy);
    cents_text(is_crossed ? won->buy : won->sell, sell);
    spoil(rule, currency, base, sizeof base);
    fprintf(out,
            "%s{\"result\":1,\"cur_unit\":\"%s\",\"ttb\":\"%s\",\"tts\":\"%s\",\"deal_bas_r\":\"%s\","
            "\"bkpr\":\"%s\","
            "\"yy_efee_r\":\"0\",\"ten_dd_efee_r\":\"0\",\"kftc_bkpr\":\"%s\",\"kftc_deal_bas_r\":\"%s\","
            "\"cur_nm\":\"%s\"}",
            is_first ? "" : ",", won->unit, buy, sell, base, base, base, base, currency);
}

/* The rate of a currency for a euro on a day; 0: none. */
static int64_t rate_on(const struct rate_sheet *sheet, int32_t date, const char *currency)
{
    for (uint32_t i = 0; i < sheet->count; i++) {
        if (sheet->rows[i].date == date && strcmp(sheet->rows[i].counter, currency) == 0)
            return sheet->rows[i].rate;
    }
    return 0;
}

static void write_wons(FILE *out, const struct rate_sheet *sheet, int32_t date, const struct rule *rule)
{
    static const struct won krw = {.unit = "KRW", .base = CENTS};
    int64_t won_rate = rate_on(sheet, date, "KRW");
    if (won_rate == 0)
        return;
    struct won euro = won_of("EUR", won_rate, RATE_ONE, rule);
    write_won(out, "EUR", &euro, rule, true);
    write_won(out, "KRW", &krw, rule, false);
    for (uint32_t i = 0; i < sheet->count; i++) {
        const char *currency = sheet->rows[i].counter;
        if (sheet->rows[i].date != date || strcmp(currency, "KRW") == 0)
            continue;
        if (rule->action == RULE_MISSING && is_hit(rule, currency))
            continue;
        struct won won = won_of(currency, won_rate, sheet->rows[i].rate, rule);
        write_won(out, currency, &won, rule, false);
        if (rule->action == RULE_DUPLICATE && is_hit(rule, currency))
            write_won(out, currency, &won, rule, false);
    }
}

char *document_koreaexim(const struct documents *self, int32_t today, int32_t date, const struct rule *rule,
                         size_t *length)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, length);
    CHECK(out != NULL);
    if (rule->action == RULE_NULL) {
        fprintf(out, "null");
    } else if (rule->action == RULE_RESULT) {
        fprintf(out, "[{\"result\":%u,\"cur_unit\":null,\"ttb\":null,\"tts\":null,\"deal_bas_r\":null}]",
                rule->result);
    } else {
        fprintf(out, "[");
        if (date <= today && rule->action != RULE_NO_RATES)
            write_wons(out, &self->sheet,
                       is_shifted(rule) ? day_up_to(self, shifted(self, date, rule)) : date, rule);
        fprintf(out, "]");
    }
    CHECK(fclose(out) == 0);
    return text;
}
