/* Command lines: values, options, arguments and what is wrong with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "broker/options.h"

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
        uint64_t value;
    } rows[] = {
        {"0", true, 0},
        {"12", true, 12},
        {"18446744073709551615", true, UINT64_MAX},
        {"18446744073709551616", false, 0},
        {"", false, 0},
        {"-1", false, 0},
        {"+1", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"1.5", false, 0},
        {"0x1", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t value = 77;
        assert_int_equal(options_number(rows[i].text, &value), rows[i].is_good);
        assert_int_equal(value, rows[i].is_good ? rows[i].value : 77);
    }
}

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
        uint64_t value;
    } rows[] = {
        {"512", true, 512},
        {"64K", true, 65536},
        {"256M", true, 268435456},
        {"2G", true, UINT64_C(2147483648)},
        {"1T", true, UINT64_C(1099511627776)},
        {"20000000T", false, 0},
        {"1k", false, 0},
        {"1KB", false, 0},
        {"M", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint64_t value = 77;
        assert_int_equal(options_size(rows[i].text, &value), rows[i].is_good);
        assert_int_equal(value, rows[i].is_good ? rows[i].value : 77);
    }
}

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        bool is_good;
        int64_t value;
    } rows[] = {
        {"500ms", true, 500},    {"10s", true, 10000},    {"5m", true, 300000},
        {"12h", true, 43200000}, {"7d", true, 604800000}, {"10", false, 0},
        {"s", false, 0},         {"1w", false, 0},        {"200000000000d", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t value = 77;
        assert_int_equal(options_duration_ms(rows[i].text, &value), rows[i].is_good);
        assert_int_equal(value, rows[i].is_good ? rows[i].value : 77);
    }
}

/* ---- whole lines ------------------------------------------------------------------------------ */

struct parsed {
    const char *data;
    const char *arguments[2];
    uint64_t count;
    bool is_quiet;
};

static enum options_result parse(char **words, struct parsed *out)
{
    const struct option_row rows[] = {
        {.name = "data",
         .letter = 'd',
         .type = OPTION_TEXT,
         .out = &out->data,
         .value = "DIR",
         .help = "where",
         .required = true},
        {.name = "count",
         .type = OPTION_NUMBER,
         .out = &out->count,
         .value = "N",
         .help = "how many",
         .minimum = 1,
         .maximum = 10},
        {.name = "quiet", .letter = 'q', .type = OPTION_FLAG, .out = &out->is_quiet, .help = "say less"},
    };
    const struct manual manual = {
        .usage = "teller test --data DIR FROM [TO]",
        .summary = "Tests.",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
        .argument_min = 1,
        .argument_max = 2,
    };
    int argc = 0;
    while (words[argc] != NULL)
        argc++;
    *out = (struct parsed){.count = 5};
    return options_read(&manual, argc, words, out->arguments);
}

static void test_lines(void **state)
{
    static const struct {
        char *words[8];
        enum options_result result;
    } rows[] = {
        {{"test", "--data", "x", "a"}, OPTIONS_OK},
        {{"test", "--data=x", "a", "b"}, OPTIONS_OK},
        {{"test", "a", "-d", "x", "-q"}, OPTIONS_OK},
        {{"test", "-d", "x", "--count", "10", "--", "-a"}, OPTIONS_OK},
        {{"test", "-d", "x", "-"}, OPTIONS_OK},
        {{"test", "--help"}, OPTIONS_HELP},
        {{"test", "a", "-h"}, OPTIONS_HELP},
        {{"test", "a"}, OPTIONS_WRONG},
        {{"test", "-d", "x"}, OPTIONS_WRONG},
        {{"test", "-d", "x", "a", "b", "c"}, OPTIONS_WRONG},
        {{"test", "a", "-d"}, OPTIONS_WRONG},
        {{"test", "a", "--data="}, OPTIONS_WRONG},
        {{"test", "-d", "x", "a", "--count", "0"}, OPTIONS_WRONG},
        {{"test", "-d", "x", "a", "--count", "11"}, OPTIONS_WRONG},
        {{"test", "-d", "x", "a", "--count", "many"}, OPTIONS_WRONG},
        {{"test", "-d", "x", "a", "--quiet=yes"}, OPTIONS_WRONG},
        {{"test", "-d", "x", "a", "--dat", "y"}, OPTIONS_WRONG},
        {{"test", "-d", "x", "a", "-x"}, OPTIONS_WRONG},
        {{"test", "-dx", "a"}, OPTIONS_WRONG},
        {{"test", "-d", "x", "a", "--=1"}, OPTIONS_WRONG},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct parsed parsed;
        assert_int_equal(parse((char **)rows[i].words, &parsed), rows[i].result);
    }
}

static void test_a_line_sets_values_and_arguments(void **state)
{
    char *words[] = {"test", "one", "--count=3", "-q", "--data", "here", "--", "--two", NULL};
    struct parsed parsed;
    (void)state;
    assert_int_equal(parse(words, &parsed), OPTIONS_OK);
    assert_string_equal(parsed.data, "here");
    assert_int_equal(parsed.count, 3);
    assert_true(parsed.is_quiet);
    assert_string_equal(parsed.arguments[0], "one");
    assert_string_equal(parsed.arguments[1], "--two");
}

static void test_what_is_left_out_keeps_its_default(void **state)
{
    char *words[] = {"test", "one", "-d", "here", NULL};
    struct parsed parsed;
    (void)state;
    assert_int_equal(parse(words, &parsed), OPTIONS_OK);
    assert_int_equal(parsed.count, 5);
    assert_false(parsed.is_quiet);
    assert_null(parsed.arguments[1]);
}

static void test_distance(void **state)
{
    static const struct {
        const char *a, *b;
        size_t distance;
    } rows[] = {
        {"serve", "serve", 0}, {"sevre", "serve", 2}, {"serv", "serve", 1},
        {"", "init", 4},       {"initt", "init", 1},  {"abc", "xyz", 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(options_distance(rows[i].a, rows[i].b), rows[i].distance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_a_line_sets_values_and_arguments),
        cmocka_unit_test(test_what_is_left_out_keeps_its_default),
        cmocka_unit_test(test_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
