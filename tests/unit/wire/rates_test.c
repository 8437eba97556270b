/* Bodies of rate.latest and its like: what is refused, with which code and field; round trips of bodies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/wire/rates.h"
#include "tests/unit/wire/body_rows.h"

#define PAIR "\"source\" \"ecb\" \"base\" \"EUR\" \"counter\" \"TRL\""
#define RANGE PAIR " \"from\" \"1999-01-04\" \"to\" \"2026-11-21\""

static const struct body_row rows[] = {
    {"rate.latest", "{\"source\" \"ecb\"}", CODE_OK, FIELD_NONE},
    {"rate.latest", "{" PAIR "}", CODE_OK, FIELD_NONE},
    {"rate.latest", "{\"source\" \"ecb\" \"counter\" \"USD\" \"base\" nil}", CODE_OK, FIELD_NONE},
    {"rate.latest", "{}", CODE_INVALID_FIELD, FIELD_SOURCE},
    {"rate.latest", "{\"source\" \"\"}", CODE_INVALID_FIELD, FIELD_SOURCE},
    {"rate.latest", "{\"source\" \"a|b\"}", CODE_INVALID_FIELD, FIELD_SOURCE},
    {"rate.latest", "{\"source\" \"0123456789abcdefg\"}", CODE_INVALID_FIELD, FIELD_SOURCE},
    {"rate.latest", "{\"source\" \"ecb\" \"base\" \"eur\"}", CODE_INVALID_FIELD, FIELD_BASE},
    {"rate.latest", "{\"source\" \"ecb\" \"counter\" \"EURO\"}", CODE_INVALID_FIELD, FIELD_COUNTER},
    {"rate.latest", "{" PAIR " \"date\" \"2026-11-21\"}", CODE_BAD_REQUEST, FIELD_NONE},
    {"rate.latest", "{" PAIR " \"base\" \"EUR\"}", CODE_BAD_REQUEST, FIELD_BASE},
    {"rate.asof", "{" PAIR " \"date\" \"2026-11-21\"}", CODE_OK, FIELD_NONE},
    {"rate.asof", "{\"source\" \"ecb\" \"date\" \"2026-11-21\"}", CODE_INVALID_FIELD, FIELD_BASE},
    {"rate.asof", "{" PAIR "}", CODE_INVALID_FIELD, FIELD_DATE},
    {"rate.asof", "{" PAIR " \"date\" \"2026-02-29\"}", CODE_INVALID_FIELD, FIELD_DATE},
    {"rate.asof", "{" PAIR " \"date\" 20778}", CODE_INVALID_FIELD, FIELD_DATE},
    {"rate.range", "{" RANGE "}", CODE_OK, FIELD_NONE},
    {"rate.range", "{" RANGE " \"limit\" 1000 \"cursor\" \"2001-01-01\"}", CODE_OK, FIELD_NONE},
    {"rate.range", "{" RANGE " \"limit\" 0}", CODE_INVALID_FIELD, FIELD_LIMIT},
    {"rate.range", "{" RANGE " \"limit\" 1001}", CODE_INVALID_FIELD, FIELD_LIMIT},
    {"rate.range", "{" RANGE " \"cursor\" \"x\"}", CODE_INVALID_FIELD, FIELD_CURSOR},
    {"rate.range", "{" PAIR " \"from\" \"1999-01-04\"}", CODE_INVALID_FIELD, FIELD_DATE},
    {"rate.accept", "{\"id\" 1 \"operator\" \"ann\"}", CODE_OK, FIELD_NONE},
    {"rate.accept", "{\"id\" -1 \"operator\" \"ann\"}", CODE_INVALID_FIELD, FIELD_ID},
    {"rate.accept", "{\"id\" 1}", CODE_INVALID_FIELD, FIELD_OPERATOR},
    {"rate.reject", "{\"id\" 1 \"operator\" \"\"}", CODE_INVALID_FIELD, FIELD_OPERATOR},
    {"rate.reject", "{\"id\" 1 \"operator\" \"ann\" \"reason\" \"r\"}", CODE_BAD_REQUEST, FIELD_NONE},
    {"rate.reject", "nil", CODE_BAD_REQUEST, FIELD_BODY},
};

enum { ROWS = sizeof rows / sizeof *rows };

static enum code read_body(const struct wire_header *header, enum field *field)
{
    struct wire_rate_query query;
    struct wire_rate_decision decision;
    *field = FIELD_NONE;
    if (header->operation == OPERATION_RATE_LATEST)
        return wire_rate_latest_read(header, &query, field);
    if (header->operation == OPERATION_RATE_ASOF)
        return wire_rate_asof_read(header, &query, field);
    if (header->operation == OPERATION_RATE_RANGE)
        return wire_rate_range_read(header, &query, field);
    return wire_rate_decision_read(header, &decision, field);
}

static void bodies_are_judged_as_the_table_says(void **state)
{
    (void)state;
    body_rows_judge(rows, ROWS, read_body);
}

static void a_body_cut_short_anywhere_is_refused(void **state)
{
    (void)state;
    body_rows_cut(rows, ROWS, read_body);
}

static void requests_are_read_back(void **state)
{
    struct mp_writer w = {0};
    enum field field;
    struct wire_rate_query query;
    struct wire_rate_decision decision;
    const struct wire_rate_body body = {.source = STR_LITERAL("ecb"),
                                        .base = STR_LITERAL("EUR"),
                                        .counter = STR_LITERAL("USD"),
                                        .date = STR_LITERAL("1970-01-02"),
                                        .to = STR_LITERAL("1970-01-11"),
                                        .limit = 7};
    (void)state;
    wire_rate_range_body_write(&w, &body);
    struct wire_header header = body_sent(OPERATION_RATE_RANGE, &w);
    assert_int_equal(wire_rate_range_read(&header, &query, &field), CODE_OK);
    assert_true(query.from == 1 && query.to == 10 && query.limit == 7);
    assert_string_equal(query.counter, "USD");
    mp_writer_reset(&w);
    wire_rate_asof_body_write(&w, &body);
    header = body_sent(OPERATION_RATE_ASOF, &w);
    assert_int_equal(wire_rate_asof_read(&header, &query, &field), CODE_OK);
    assert_int_equal(query.to, 1);
    mp_writer_reset(&w);
    wire_rate_latest_body_write(&w, &(struct wire_rate_body){.source = STR_LITERAL("ecb")});
    header = body_sent(OPERATION_RATE_LATEST, &w);
    assert_int_equal(wire_rate_latest_read(&header, &query, &field), CODE_OK);
    assert_string_equal(query.base, "");
    mp_writer_reset(&w);
    wire_rate_decision_body_write(&w, &(struct wire_rate_decision){9, STR_LITERAL("ann")});
    header = body_sent(OPERATION_RATE_ACCEPT, &w);
    assert_int_equal(wire_rate_decision_read(&header, &decision, &field), CODE_OK);
    assert_true(decision.id == 9 && str_equal(decision.operator_name, STR_LITERAL("ann")));
    mp_writer_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_judged_as_the_table_says),
        cmocka_unit_test(a_body_cut_short_anywhere_is_refused),
        cmocka_unit_test(requests_are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
