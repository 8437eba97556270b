/* The line of a hold, to the letter: what reads exports elsewhere relies on it. That all kinds of lines come back as they were is
 * tests/fuzz/export_lines.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/offline/export_line.h"

static struct export_line hold(int64_t expires_us)
{
    struct export_line line = {
        .op = "hold",
        .from = str_from("alice"),
        .memo = str_from("taxi"),
        .reference = str_from("ride, 7"),
        .currency = currency_find("USD", CURRENCY_CODE_LENGTH),
        .amount = 6050,
        .expires_us = expires_us,
        .time_us = 1700000000000000,
    };
    assert_int_equal(uuid_parse(str_from("0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f"), &line.id), true);
    return line;
}

static void expect(enum export_format format, int64_t expires_us, const char *expected)
{
    char *text = NULL;
    size_t length;
    const struct export_line line = hold(expires_us);
    struct export_writer writer = {.file = open_memstream(&text, &length), .format = format};
    assert_non_null(writer.file);
    export_begin(&writer);
    export_write(&writer, &line);
    assert_int_equal(fclose(writer.file), 0);
    assert_string_equal(text, expected);
    free(text);
}

#define COLUMNS                                                                                        \
    "op,transaction_id,account,from_account,to_account,owner,currency,amount,minimum_balance,ceiling," \
    "product,"                                                                                         \
    "memo,reference,rate,fx,expires,time,group\n"

static void a_hold_has_its_id_its_payer_what_is_left_of_it_and_its_time(void **state)
{
    (void)state;
    expect(EXPORT_JSONL, 1800000000000001,
           "{\"op\":\"hold\",\"transaction_id\":\"0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f\","
           "\"from_account\":\"alice\",\"currency\":\"USD\",\"amount\":\"60.50\",\"memo\":\"taxi\","
           "\"reference\":\"ride, 7\",\"expires\":1800000000000001,\"time\":1700000000000000}\n");
    expect(EXPORT_CSV, 1800000000000001,
           COLUMNS "hold,0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f,,alice,,,USD,60.50,,,,taxi,\"ride, 7\",,,"
                   "1800000000000001,1700000000000000,\n");
}

static void a_hold_without_a_time_has_no_expires(void **state)
{
    (void)state;
    expect(EXPORT_JSONL, 0,
           "{\"op\":\"hold\",\"transaction_id\":\"0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f\","
           "\"from_account\":\"alice\",\"currency\":\"USD\",\"amount\":\"60.50\",\"memo\":\"taxi\","
           "\"reference\":\"ride, 7\",\"time\":1700000000000000}\n");
    expect(EXPORT_CSV, 0,
           COLUMNS "hold,0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f,,alice,,,USD,60.50,,,,taxi,\"ride, 7\",,,,"
                   "1700000000000000,\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hold_has_its_id_its_payer_what_is_left_of_it_and_its_time),
        cmocka_unit_test(a_hold_without_a_time_has_no_expires),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
