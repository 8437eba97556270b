/* The ECB's XML: what is read, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/rates/ecb.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/adapters/sheets.h"

#define GESMES "http://www.gesmes.org/xml/2002-08-01"
#define EUROFXREF "http://www.ecb.int/vocabulary/2002-08-01/eurofxref"
#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
#define OPEN "<gesmes:Envelope xmlns:gesmes=\"" GESMES "\" xmlns=\"" EUROFXREF "\">"
#define SENDER                   \
    "<gesmes:subject>Reference " \
    "rates</gesmes:subject><gesmes:Sender><gesmes:name>ECB</gesmes:name></gesmes:Sender>"
#define CLOSE "</gesmes:Envelope>"
#define TABLE(days) HEAD OPEN SENDER "<Cube>" days "</Cube>" CLOSE
#define DAY(date, rates) "<Cube time='" date "'>" rates "</Cube>"
#define RATE(currency, rate) "<Cube currency='" currency "' rate='" rate "'/>"
#define ONE_DAY(rates) TABLE(DAY("2026-11-20", rates))

static void days_are_read_in_their_order_with_exact_rates(void **state)
{
    (void)state;
    assert_sheet(ecb_read,
                 TABLE(DAY("2026-11-20", RATE("USD", "1.0556") RATE("HUF", "310.70"))
                           DAY("2026-11-19", RATE("IDR", "20082.05") RATE("XXX", "0.0000000001"))),
                 "2026-11-20 EUR/USD 1 1.0556\n2026-11-20 EUR/HUF 1 310.7\n"
                 "2026-11-19 EUR/IDR 1 20082.05\n2026-11-19 EUR/XXX 1 0.0000000001");
}

static void prefixes_may_be_any_and_other_elements_are_passed_over(void **state)
{
    (void)state;
    assert_sheet(ecb_read,
                 "<Envelope xmlns=\"" GESMES "\" xmlns:e='" EUROFXREF
                 "'><e:note><Cube time='x'/></e:note><e:Cube>"
                 "<e:Cube time=\"2026-11-20\" more=\"1\"><!-- here --><e:Cube rate='2' "
                 "currency='USD'></e:Cube></e:Cube>"
                 "</e:Cube><after/></Envelope>",
                 "2026-11-20 EUR/USD 1 2");
}

static void cubes_of_another_namespace_are_none(void **state)
{
    (void)state;
    assert_refused(ecb_read,
                   "<gesmes:Envelope xmlns:gesmes='" GESMES
                   "'><Cube><Cube time='2026-11-20'>" RATE("USD", "1") "</Cube></Cube>" CLOSE,
                   "no day with rates");
    assert_refused(ecb_read,
                   "<Envelope xmlns='" EUROFXREF
                   "'><Cube><Cube time='2026-11-20'>" RATE("USD", "1") "</Cube></Cube></Envelope>",
                   "not an envelope of rates");
}

static void a_rate_that_is_none_is_refused(void **state)
{
    static const char *const range = "a rate of zero, too high or with too many decimals";
    static const char *const number = "a rate that is not a number above zero";
    (void)state;
    assert_refused(ecb_read, ONE_DAY(RATE("USD", "0")), range);
    assert_refused(ecb_read, ONE_DAY(RATE("USD", "0.0000")), range);
    assert_refused(ecb_read, ONE_DAY(RATE("USD", "100000000.1")), range);
    assert_refused(ecb_read, ONE_DAY(RATE("USD", "1.00000000001")), range);
    assert_refused(ecb_read, ONE_DAY(RATE("USD", "-1.0556")), number);
    assert_refused(ecb_read, ONE_DAY(RATE("USD", "+1.0556")), number);
    assert_refused(ecb_read, ONE_DAY(RATE("USD", "1,0556")), number);
    assert_refused(ecb_read, ONE_DAY(RATE("USD", "1,740.86")), number);
    assert_refused(ecb_read, ONE_DAY(RATE("USD", "1e3")), number);
    assert_refused(ecb_read, ONE_DAY(RATE("USD", "NaN")), number);
    assert_refused(ecb_read, ONE_DAY(RATE("USD", " 1")), number);
    assert_refused(ecb_read, ONE_DAY(RATE("USD", "")), number);
    assert_refused(ecb_read, ONE_DAY("<Cube currency='USD'/>"), "a rate without its currency or its number");
    assert_refused(ecb_read, ONE_DAY("<Cube rate='1'/>"), "a rate without its currency or its number");
}

static void a_currency_that_is_none_is_refused(void **state)
{
    static const char *const why = "a currency that is not three capital letters";
    (void)state;
    assert_refused(ecb_read, ONE_DAY(RATE("usd", "1")), why);
    assert_refused(ecb_read, ONE_DAY(RATE("US", "1")), why);
    assert_refused(ecb_read, ONE_DAY(RATE("USDT", "1")), why);
    assert_refused(ecb_read, ONE_DAY(RATE("JPY(100)", "1")), why);
    assert_refused(ecb_read, ONE_DAY(RATE("US\xc3\x84", "1")), why);
    assert_refused(ecb_read, ONE_DAY(RATE("EUR", "1")), "a currency against itself");
    assert_refused(ecb_read, ONE_DAY(RATE("USD", "1") RATE("JPY", "2") RATE("USD", "1")),
                   "a currency stands there twice");
}

static void a_day_that_is_none_is_refused(void **state)
{
    static const char *const why = "a date that is not one";
    (void)state;
    assert_refused(ecb_read, TABLE(DAY("2026-02-30", RATE("USD", "1"))), why);
    assert_refused(ecb_read, TABLE(DAY("20.11.2026", RATE("USD", "1"))), why);
    assert_refused(ecb_read, TABLE("<Cube>" RATE("USD", "1") "</Cube>"), why);
    assert_refused(ecb_read, TABLE(RATE("USD", "1")), why);
    assert_refused(ecb_read, TABLE(DAY("2026-11-20", "")), "a day without a rate");
    assert_refused(ecb_read, TABLE(DAY("2026-11-20", "") DAY("2026-11-19", RATE("USD", "1"))),
                   "a day without a rate");
    assert_refused(ecb_read, TABLE(""), "no day with rates");
    assert_refused(ecb_read,
                   TABLE(DAY("2026-11-20", RATE("USD", "1")) DAY("2026-11-19", RATE("USD", "1"))
                             DAY("2026-11-20", RATE("USD", "2"))),
                   "a day stands there twice");
}

static void a_doctype_is_refused_whatever_is_in_it(void **state)
{
    (void)state;
    assert_refused(ecb_read, "<!DOCTYPE Envelope>" OPEN "<Cube/>" CLOSE, "a DOCTYPE");
    assert_refused(ecb_read, "<!DOCTYPE e SYSTEM 'file:///etc/passwd'>" OPEN "<Cube/>" CLOSE, "a DOCTYPE");
    assert_refused(ecb_read,
                   HEAD "<!DOCTYPE e [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>"
                        "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>]>" OPEN
                        "&d;" CLOSE,
                   "a DOCTYPE");
}

static void what_is_not_a_whole_document_is_refused(void **state)
{
    static const char *const why = "not a whole document of XML";
    (void)state;
    assert_refused(ecb_read, "", why);
    assert_refused(ecb_read, "null", why);
    assert_refused(ecb_read, "{\"rates\": []}", why);
    assert_refused(ecb_read, ONE_DAY(RATE("USD", "1")) ONE_DAY(RATE("USD", "1")), why);
    assert_refused(ecb_read, ONE_DAY(RATE("USD", "1")) "more", why);
    assert_refused(ecb_read, ONE_DAY(RATE("USD", "&e;")), why);
    assert_refused(ecb_read, ONE_DAY("<Cube currency='USD' rate='1' rate='2'/>"), why);
    assert_refused(ecb_read, "<html><body>Service unavailable</body></html>", "not an envelope of rates");
}

static void elements_at_a_wrong_place_are_refused(void **state)
{
    (void)state;
    assert_refused(ecb_read, HEAD OPEN "<Cube>" DAY("2026-11-20", RATE("USD", "1")) "</Cube><Cube/>" CLOSE,
                   "more than one table");
    assert_refused(ecb_read, ONE_DAY("<Cube currency='USD' rate='1'>" RATE("JPY", "1") "</Cube>"),
                   "a Cube that is too deep");
    assert_refused(ecb_read, ONE_DAY("<gesmes:Cube currency='USD' rate='1'/>"),
                   "an element that has no place in the table");
}

static void nesting_and_counts_are_bounded(void **state)
{
    enum { COUNT = 20000 };
    static const char deep[] = "<deep>";
    char *text = malloc((size_t)COUNT * 96);
    (void)state;
    assert_non_null(text);
    size_t length = (size_t)sprintf(text, "%s", OPEN);
    for (int i = 0; i < COUNT; i++)
        length += (size_t)sprintf(text + length, "%s", deep);
    assert_refused(ecb_read, text, "nested too deep");

    length = (size_t)sprintf(text, "%s", HEAD OPEN "<Cube><Cube time='2026-11-20'>");
    for (int i = 0; i < RATE_SHEET_CURRENCIES_MAX + 1; i++)
        length +=
            (size_t)sprintf(text + length, "<Cube currency='X%c%c' rate='1'/>", 'A' + i / 26, 'A' + i % 26);
    sprintf(text + length, "</Cube></Cube>%s", CLOSE);
    assert_refused(ecb_read, text, "too many currencies");

    length = (size_t)sprintf(text, "%s", HEAD OPEN "<Cube>");
    for (int i = 0; i < RATE_SHEET_DAYS_MAX + 1; i++) {
        char date[RATE_DATE_TEXT];
        rate_date_format(i, date);
        length += (size_t)sprintf(text + length, "<Cube time='%s'>%s</Cube>", date, RATE("USD", "1"));
    }
    sprintf(text + length, "</Cube>%s", CLOSE);
    assert_refused(ecb_read, text, "too many days");
    free(text);
}

static void a_cut_document_gives_nothing_and_a_changed_one_no_nonsense(void **state)
{
    static const char document[] = TABLE(DAY("2026-11-20", RATE("USD", "1.0556") RATE("JPY", "120.65"))
                                             DAY("2026-11-19", RATE("USD", "1.05")));
    (void)state;
    assert_cuts_refused(ecb_read, document);
    assert_changes_safe(ecb_read, document);
}

static void the_real_day_is_read(void **state)
{
    size_t length;
    struct rate_sheet sheet;
    const char *why;
    char *data = real_file("ecb/eurofxref-daily.xml", &length);
    (void)state;
    if (data == NULL) {
        skip();
        return;
    }
    assert_int_equal(ecb_read(data, length, &sheet, &why), ERR_OK);
    assert_promises(&sheet);
    assert_true(sheet.count >= 30);
    char *text = sheet_text(&sheet);
    assert_ptr_equal(strstr(text, "2017-03-08 EUR/USD 1 1.0556\n2017-03-08 EUR/JPY 1 120.65\n"), text);
    assert_non_null(strstr(text, "\n2017-03-08 EUR/HUF 1 310.7\n"));
    uint32_t cubes = 0;
    for (const char *at = data; (at = strstr(at, "currency=")) != NULL; at++)
        cubes++;
    assert_int_equal(sheet.count, cubes);
    while (length > 0 && data[length - 1] != '>') /* white space at the end may be missing */
        length--;
    data[length] = '\0';
    assert_cuts_refused(ecb_read, data);
    free(text);
    free(data);
    rate_sheet_release(&sheet);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_read_in_their_order_with_exact_rates),
        cmocka_unit_test(prefixes_may_be_any_and_other_elements_are_passed_over),
        cmocka_unit_test(cubes_of_another_namespace_are_none),
        cmocka_unit_test(a_rate_that_is_none_is_refused),
        cmocka_unit_test(a_currency_that_is_none_is_refused),
        cmocka_unit_test(a_day_that_is_none_is_refused),
        cmocka_unit_test(a_doctype_is_refused_whatever_is_in_it),
        cmocka_unit_test(what_is_not_a_whole_document_is_refused),
        cmocka_unit_test(elements_at_a_wrong_place_are_refused),
        cmocka_unit_test(nesting_and_counts_are_bounded),
        cmocka_unit_test(a_cut_document_gives_nothing_and_a_changed_one_no_nonsense),
        cmocka_unit_test(the_real_day_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
