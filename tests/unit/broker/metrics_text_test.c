/* The text form of metrics: a small answer in, the whole text out. (tests/integration/metrics.py reads all of a node's.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "broker/metrics_text.h"
#include "broker/wire/figures.h"

static struct mp_writer sections, text;

static int release(void **state)
{
    (void)state;
    mp_writer_release(&sections);
    mp_writer_release(&text);
    return 0;
}

/* Makes the text of what is in sections, as a string, and empties both. */
static const char *text_of_sections(void)
{
    static char copy[16384];
    mp_writer_reset(&text);
    metrics_text_write((struct str){(const char *)sections.data, (uint32_t)sections.length}, &text);
    assert_true(!sections.failed && !text.failed && text.length < sizeof copy);
    if (text.length > 0)
        memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    mp_writer_reset(&sections);
    return copy;
}

static void begin_section(const char *name, uint32_t keys)
{
    mp_write_map(&sections, 1);
    mp_write_text(&sections, name);
    mp_write_map(&sections, keys);
}

static void write_subscriber(const char *name, uint64_t lag)
{
    mp_write_map(&sections, 2);
    mp_write_text(&sections, "name");
    mp_write_text(&sections, name);
    wire_figure_write(&sections, "lag", lag);
}

static void test_labels_are_escaped(void **state)
{
    (void)state;
    begin_section("publisher", 1);
    mp_write_text(&sections, "subscribers");
    mp_write_array(&sections, 2);
    write_subscriber("a\"b\\c\nd", 3);
    write_subscriber("plain", 0);
    assert_string_equal(text_of_sections(),
                        "# HELP teller_subscriber_lag Events that a subscriber was not sent, about.\n"
                        "# TYPE teller_subscriber_lag gauge\n"
                        "teller_subscriber_lag{name=\"a\\\"b\\\\c\\nd\"} 3\n"
                        "teller_subscriber_lag{name=\"plain\"} 0\n");
}

static void test_a_banks_figures_have_its_name(void **state)
{
    (void)state;
    begin_section("bank", 1);
    mp_write_text(&sections, "banks");
    mp_write_array(&sections, 1);
    mp_write_map(&sections, 3);
    mp_write_text(&sections, "bank");
    mp_write_text(&sections, "kftc");
    mp_write_text(&sections, "rail");
    mp_write_text(&sections, "kftc");
    wire_figure_write(&sections, "circuit_open", 1);
    assert_string_equal(text_of_sections(),
                        "# HELP teller_bank_circuit_open 1: the bank is left alone after failures.\n"
                        "# TYPE teller_bank_circuit_open gauge\n"
                        "teller_bank_circuit_open{bank=\"kftc\"} 1\n");
}

static void test_microseconds_are_written_as_exact_seconds(void **state)
{
    static const struct {
        uint64_t us;
        const char *seconds;
    } rows[] = {
        {0, " 0.000000\n"},
        {1, " 0.000001\n"},
        {1000000, " 1.000000\n"},
        {123456789, " 123.456789\n"},
        {UINT64_MAX, " 18446744073709.551615\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        mp_write_map(&sections, 1);
        wire_figure_write(&sections, "uptime_us", rows[i].us);
        assert_non_null(strstr(text_of_sections(), rows[i].seconds));
    }
}

static void test_what_is_absent_or_nil_has_no_line(void **state)
{
    (void)state;
    mp_write_map(&sections, 2);
    mp_write_text(&sections, "ratefeed");
    mp_write_nil(&sections);
    mp_write_text(&sections, "uptime_us");
    mp_write_nil(&sections);
    assert_string_equal(text_of_sections(), "");
}

static void write_histogram(const struct figures_histogram *histogram)
{
    begin_section("router", 1);
    mp_write_text(&sections, "times_us");
    mp_write_array(&sections, 1);
    mp_write_map(&sections, 1 + WIRE_HISTOGRAM_PAIRS);
    mp_write_text(&sections, "operation");
    mp_write_text(&sections, "balance");
    wire_histogram_pairs_write(&sections, histogram);
}

static void test_buckets_are_cumulative_and_their_bounds_belong_to_them(void **state)
{
    static const char *const lines[] = {
        "_bucket{operation=\"balance\",le=\"0.000016\"} 1\n",
        "_bucket{operation=\"balance\",le=\"0.000032\"} 3\n",
        "_bucket{operation=\"balance\",le=\"0.000064\"} 4\n",
        "_bucket{operation=\"balance\",le=\"67.108864\"} 5\n",
        "_bucket{operation=\"balance\",le=\"+Inf\"} 7\n",
        "_sum{operation=\"balance\"} 1099645.845603\n",
        "_count{operation=\"balance\"} 7\n",
    };
    (void)state;
    struct figures_histogram histogram = {0};
    figures_record(&histogram, 16);
    figures_record(&histogram, 17);
    figures_record(&histogram, 32);
    figures_record(&histogram, 33);
    figures_record(&histogram, 67108864);
    figures_record(&histogram, 67108865);
    figures_record(&histogram, UINT64_C(1) << 40); /* in the last bucket, which has no bound */
    write_histogram(&histogram);
    const char *found = text_of_sections();
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_non_null(strstr(found, lines[i]));
}

static void test_an_empty_histogram_has_all_its_buckets(void **state)
{
    (void)state;
    const struct figures_histogram histogram = {0};
    write_histogram(&histogram);
    const char *found = text_of_sections();
    assert_non_null(strstr(found, "le=\"0.000016\"} 0\n"));
    assert_non_null(strstr(found, "le=\"+Inf\"} 0\n"));
    assert_non_null(strstr(found, "_sum{operation=\"balance\"} 0.000000\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels_are_escaped),
        cmocka_unit_test(test_a_banks_figures_have_its_name),
        cmocka_unit_test(test_microseconds_are_written_as_exact_seconds),
        cmocka_unit_test(test_what_is_absent_or_nil_has_no_line),
        cmocka_unit_test(test_buckets_are_cumulative_and_their_bounds_belong_to_them),
        cmocka_unit_test(test_an_empty_histogram_has_all_its_buckets),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
