/* Each rule of validation: a row a case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/rate.h"
#include "actors/ratefeed/validation.h"

enum { TODAY = 20778, SPIKE_PPM = 100000 };

#define LAST (100 * RATE_ONE)

struct values {
    int32_t date;
    uint32_t units;
    int64_t rate, buy, sell;
};

static struct published_rate rate_of(const struct values *v)
{
    return (struct published_rate){.base = "EUR",
                                   .counter = "USD",
                                   .date = v->date,
                                   .units = v->units,
                                   .rate = v->rate,
                                   .buy = v->buy,
                                   .sell = v->sell};
}

static const struct values yesterday = {TODAY - 1, 1, LAST, 0, 0};

static void each_rule_has_its_verdict(void **state)
{
    static const struct {
        const char *what;
        struct values row;
        const struct values *latest, *same_day;
        bool is_first_sheet;
        enum verdict_kind verdict;
        const char *why;
    } rows[] = {
        {"first ever", {TODAY, 1, LAST, 0, 0}, NULL, NULL, false, VERDICT_ACCEPTED, NULL},
        {"first ever, of long ago", {1, 1, LAST, 0, 0}, NULL, NULL, false, VERDICT_ACCEPTED, NULL},
        {"a little more", {TODAY, 1, LAST + 1, 0, 0}, &yesterday, NULL, false, VERDICT_ACCEPTED, NULL},
        {"as far up as may be",
         {TODAY, 1, LAST / 10 * 11, 0, 0},
         &yesterday,
         NULL,
         false,
         VERDICT_ACCEPTED,
         NULL},
        {"a bit further up",
         {TODAY, 1, LAST / 10 * 11 + 1, 0, 0},
         &yesterday,
         NULL,
         false,
         VERDICT_WAITS,
         "spike: too far from the last accepted rate"},
        {"as far down as may be",
         {TODAY, 1, LAST / 10 * 9, 0, 0},
         &yesterday,
         NULL,
         false,
         VERDICT_ACCEPTED,
         NULL},
        {"a bit further down",
         {TODAY, 1, LAST / 10 * 9 - 1, 0, 0},
         &yesterday,
         NULL,
         false,
         VERDICT_WAITS,
         "spike: too far from the last accepted rate"},
        {"the largest there is",
         {TODAY, 1, RATE_MAX, 0, 0},
         &yesterday,
         NULL,
         false,
         VERDICT_WAITS,
         "spike: too far from the last accepted rate"},
        {"a jump within the first sheet",
         {TODAY, 1, LAST * 5, 0, 0},
         &yesterday,
         NULL,
         true,
         VERDICT_ACCEPTED,
         NULL},
        {"zero", {TODAY, 1, 0, 0, 0}, NULL, NULL, false, VERDICT_WAITS, "a value that cannot be"},
        {"negative", {TODAY, 1, -LAST, 0, 0}, NULL, NULL, false, VERDICT_WAITS, "a value that cannot be"},
        {"too large",
         {TODAY, 1, RATE_MAX + 1, 0, 0},
         NULL,
         NULL,
         false,
         VERDICT_WAITS,
         "a value that cannot be"},
        {"no units", {TODAY, 0, LAST, 0, 0}, NULL, NULL, false, VERDICT_WAITS, "a value that cannot be"},
        {"bought for less than nothing",
         {TODAY, 1, LAST, -1, 0},
         NULL,
         NULL,
         false,
         VERDICT_WAITS,
         "a value that cannot be"},
        {"tomorrow's",
         {TODAY + 1, 1, LAST, 0, 0},
         NULL,
         NULL,
         false,
         VERDICT_WAITS,
         "a day that has not come yet"},
        {"bought dearly",
         {TODAY, 1, LAST, LAST + 1, 0},
         NULL,
         NULL,
         false,
         VERDICT_WAITS,
         "crossed: it is bought for more than the middle rate"},
        {"sold cheaply",
         {TODAY, 1, LAST, 0, LAST - 1},
         NULL,
         NULL,
         false,
         VERDICT_WAITS,
         "crossed: it is sold for less than the middle rate"},
        {"bought above sold",
         {TODAY, 1, LAST, LAST + 2, LAST + 1},
         NULL,
         NULL,
         false,
         VERDICT_WAITS,
         "crossed: it is bought for more than it is sold"},
        {"no spread at all", {TODAY, 1, LAST, LAST, LAST}, NULL, NULL, false, VERDICT_ACCEPTED, NULL},
        {"the same again", {TODAY - 1, 1, LAST, 0, 0}, &yesterday, &yesterday, false, VERDICT_NOTHING, NULL},
        {"the same day, another rate",
         {TODAY - 1, 1, LAST + 1, 0, 0},
         &yesterday,
         &yesterday,
         false,
         VERDICT_WAITS,
         "the day is known with other values"},
        {"the same day, other units",
         {TODAY - 1, 100, LAST, 0, 0},
         &yesterday,
         &yesterday,
         false,
         VERDICT_WAITS,
         "the day is known with other values"},
        {"an older day", {TODAY - 2, 1, LAST * 3, 0, 0}, &yesterday, NULL, false, VERDICT_HISTORY, NULL},
        {"per hundred all at once",
         {TODAY, 100, LAST, 0, 0},
         &yesterday,
         NULL,
         false,
         VERDICT_WAITS,
         "other units than before"},
        {"an older day per hundred",
         {TODAY - 2, 100, LAST, 0, 0},
         &yesterday,
         NULL,
         false,
         VERDICT_WAITS,
         "other units than before"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct published_rate row = rate_of(&rows[i].row);
        struct published_rate latest = rate_of(rows[i].latest ? rows[i].latest : &yesterday);
        struct published_rate same_day = rate_of(rows[i].same_day ? rows[i].same_day : &yesterday);
        const struct known known = {
            .latest = rows[i].latest ? &latest : NULL,
            .same_day = rows[i].same_day ? &same_day : NULL,
            .is_first_sheet = rows[i].is_first_sheet,
            .today = TODAY,
            .spike_ppm = SPIKE_PPM,
        };
        struct verdict verdict = validation_verdict(&row, &known);
        if (verdict.kind != rows[i].verdict)
            fail_msg("%s: verdict %d", rows[i].what, (int)verdict.kind);
        assert_int_equal(verdict.why != NULL, rows[i].why != NULL);
        if (verdict.why != NULL)
            assert_string_equal(verdict.why, rows[i].why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_rule_has_its_verdict)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
