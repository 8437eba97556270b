/* Bodies of subscriber.* and deadletter.*: what is refused, with which code and field; round trips of bodies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/wire/subscribers.h"
#include "tests/unit/wire/body_rows.h"

#define NAME_32 "0123456789abcdef0123456789abcdef"
#define GOOD "\"name\" \"crm\" \"url\" \"https://crm/\" \"secret\" \"0123456789abcdef\""

static const struct body_row rows[] = {
    {"subscriber.add", "{" GOOD "}", CODE_OK, FIELD_NONE},
    {"subscriber.add", "{" GOOD " \"from\" \"start\"}", CODE_OK, FIELD_NONE},
    {"subscriber.add", "{" GOOD " \"from\" \"now\"}", CODE_OK, FIELD_NONE},
    {"subscriber.add", "{" GOOD " \"from\" nil}", CODE_OK, FIELD_NONE},
    {"subscriber.add", "{" GOOD " \"from\" \"then\"}", CODE_INVALID_FIELD, FIELD_CURSOR},
    {"subscriber.add", "{" GOOD " \"only\" \"alarms\"}", CODE_OK, FIELD_NONE},
    {"subscriber.add", "{" GOOD " \"only\" nil}", CODE_OK, FIELD_NONE},
    {"subscriber.add", "{" GOOD " \"only\" \"events\"}", CODE_INVALID_FIELD, FIELD_ONLY},
    {"subscriber.add", "{" GOOD " \"only\" 1}", CODE_INVALID_FIELD, FIELD_ONLY},
    {"subscriber.add", "{" GOOD " \"from\" 1}", CODE_INVALID_FIELD, FIELD_CURSOR},
    {"subscriber.add", "{" GOOD " \"name\" \"crm\"}", CODE_BAD_REQUEST, FIELD_NAME},
    {"subscriber.add", "{" GOOD " \"more\" 1}", CODE_BAD_REQUEST, FIELD_NONE},
    {"subscriber.add", "{}", CODE_INVALID_FIELD, FIELD_NAME},
    {"subscriber.add", "{\"name\" \"a b\"}", CODE_INVALID_FIELD, FIELD_NAME},
    {"subscriber.add", "{\"name\" \"" NAME_32 "x\"}", CODE_INVALID_FIELD, FIELD_NAME},
    {"subscriber.add", "{\"name\" \"" NAME_32 "\"}", CODE_INVALID_FIELD, FIELD_URL},
    {"subscriber.add", "{\"name\" \"a\" \"url\" \"ftp://x\"}", CODE_INVALID_FIELD, FIELD_URL},
    {"subscriber.add", "{\"name\" \"a\" \"url\" \"https://\"}", CODE_INVALID_FIELD, FIELD_URL},
    {"subscriber.add", "{\"name\" \"a\" \"url\" \"https://x y\"}", CODE_INVALID_FIELD, FIELD_URL},
    {"subscriber.add", "{\"name\" \"a\" \"url\" \"http://x\"}", CODE_INVALID_FIELD, FIELD_SECRET},
    {"subscriber.add", "{\"name\" \"a\" \"url\" \"https://ann:pass@x/\"}", CODE_INVALID_FIELD, FIELD_URL},
    {"subscriber.add", "{\"name\" \"a\" \"url\" \"https://ann@x\"}", CODE_INVALID_FIELD, FIELD_URL},
    {"subscriber.add", "{\"name\" \"a\" \"url\" \"http://ann@x?y\"}", CODE_INVALID_FIELD, FIELD_URL},
    {"subscriber.add", "{\"name\" \"a\" \"url\" \"https://x/@ann\"}", CODE_INVALID_FIELD, FIELD_SECRET},
    {"subscriber.add", "{\"name\" \"a\" \"url\" \"https://x?to=ann@x\"}", CODE_INVALID_FIELD, FIELD_SECRET},
    {"subscriber.add", "{\"name\" \"a\" \"url\" \"http://x\" \"secret\" \"0123456789abcde\"}",
     CODE_INVALID_FIELD, FIELD_SECRET},
    {"subscriber.add",
     "{\"name\" \"a\" \"url\" \"http://x\" \"secret\" \"" NAME_32 NAME_32 NAME_32 NAME_32 "0\"}",
     CODE_INVALID_FIELD, FIELD_SECRET},
    {"subscriber.remove", "{\"name\" \"crm\"}", CODE_OK, FIELD_NONE},
    {"subscriber.remove", "{}", CODE_INVALID_FIELD, FIELD_NAME},
    {"subscriber.remove", "{\"name\" \"crm\" \"url\" \"http://x\"}", CODE_BAD_REQUEST, FIELD_NONE},
    {"deadletter.list", "{}", CODE_OK, FIELD_NONE},
    {"deadletter.list", "{\"name\" \"crm\" \"limit\" 1000 \"cursor\" \"17\"}", CODE_OK, FIELD_NONE},
    {"deadletter.list", "{\"name\" \"\"}", CODE_INVALID_FIELD, FIELD_NAME},
    {"deadletter.list", "{\"limit\" 0}", CODE_INVALID_FIELD, FIELD_LIMIT},
    {"deadletter.list", "{\"limit\" 1001}", CODE_INVALID_FIELD, FIELD_LIMIT},
    {"deadletter.list", "{\"cursor\" \"x\"}", CODE_INVALID_FIELD, FIELD_CURSOR},
    {"deadletter.list", "{\"cursor\" \"12345678901234567890\"}", CODE_INVALID_FIELD, FIELD_CURSOR},
    {"deadletter.retry", "{\"id\" 1 \"operator\" \"ann\"}", CODE_OK, FIELD_NONE},
    {"deadletter.retry", "{\"id\" 0 \"operator\" \"ann\"}", CODE_INVALID_FIELD, FIELD_ID},
    {"deadletter.retry", "{\"id\" \"1\" \"operator\" \"ann\"}", CODE_INVALID_FIELD, FIELD_ID},
    {"deadletter.retry", "{\"id\" 1}", CODE_INVALID_FIELD, FIELD_OPERATOR},
    {"deadletter.retry", "{\"id\" 1 \"operator\" \"ann\" \"reason\" \"r\"}", CODE_BAD_REQUEST, FIELD_NONE},
    {"deadletter.resolve", "{\"id\" 1 \"operator\" \"ann\" \"reason\" \"r\"}", CODE_OK, FIELD_NONE},
    {"deadletter.resolve", "{\"id\" 1 \"operator\" \"ann\"}", CODE_INVALID_FIELD, FIELD_REASON},
    {"deadletter.resolve", "{\"id\" 1 \"operator\" \"ann\" \"reason\" \"\"}", CODE_INVALID_FIELD,
     FIELD_REASON},
    {"deadletter.resolve", "[1]", CODE_BAD_REQUEST, FIELD_BODY},
};

enum { ROWS = sizeof rows / sizeof *rows };

static enum code read_body(const struct wire_header *header, enum field *field)
{
    struct wire_subscriber_command subscriber;
    struct wire_letters_query query;
    struct wire_letter_command letter;
    struct str name;
    *field = FIELD_NONE;
    if (header->operation == OPERATION_SUBSCRIBER_ADD)
        return wire_subscriber_read(header, &subscriber, field);
    if (header->operation == OPERATION_SUBSCRIBER_REMOVE)
        return wire_subscriber_name_read(header, &name, field);
    if (header->operation == OPERATION_DEADLETTER_LIST)
        return wire_letters_read(header, &query, field);
    return wire_letter_read(header, &letter, field);
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
    (void)state;
    struct mp_writer w = {0};
    enum field field;
    const struct wire_subscriber_command add = {STR_LITERAL("crm"), STR_LITERAL("https://crm/"),
                                                STR_LITERAL("0123456789abcdef"), true, true};
    struct wire_subscriber_command added;
    wire_subscriber_body_write(&w, &add);
    struct wire_header header = body_sent(OPERATION_SUBSCRIBER_ADD, &w);
    assert_int_equal(wire_subscriber_read(&header, &added, &field), CODE_OK);
    assert_true(str_equal(added.name, add.name) && str_equal(added.url, add.url) &&
                str_equal(added.secret, add.secret) && added.is_from_start && added.is_for_alarms);
    mp_writer_reset(&w);
    struct wire_letters_query query;
    wire_letters_body_write(&w, STR_LITERAL("crm"), 7, STR_LITERAL("41"));
    header = body_sent(OPERATION_DEADLETTER_LIST, &w);
    assert_int_equal(wire_letters_read(&header, &query, &field), CODE_OK);
    assert_true(query.limit == 7 && query.after == 41 && str_equal(query.name, STR_LITERAL("crm")));
    mp_writer_reset(&w);
    const struct wire_letter_command resolve = {9, STR_LITERAL("ann"), STR_LITERAL("by hand")};
    struct wire_letter_command resolved;
    wire_letter_body_write(&w, &resolve);
    header = body_sent(OPERATION_DEADLETTER_RESOLVE, &w);
    assert_int_equal(wire_letter_read(&header, &resolved, &field), CODE_OK);
    assert_true(resolved.id == 9 && str_equal(resolved.reason, resolve.reason));
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
