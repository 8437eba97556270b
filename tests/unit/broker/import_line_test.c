/* Lines of a hold as an import reads them: a row a case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "broker/command/import_line.h"

enum { ALONE = 0, FIRST_OF_A_GROUP = 1 };

static const char GROUP[] = "5f3a3f3e-3c53-4f5e-8a3e-3d6f3f3e3c53";
static const char ID[] = "0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f";

static const struct row {
    const char *amount, *expires, *group;
    uint32_t item;
    enum code code;
    enum field field;
    int64_t expires_us;
} ROWS[] = {
    {"60.50", "1800000000000001", "", ALONE, CODE_OK, FIELD_NONE, 1800000000000001},
    {"60.50", "2027-01-15T08:00:00Z", "", ALONE, CODE_OK, FIELD_NONE, 1800000000000000},
    {"60.50", "2027-01-15T09:00:00.000001+01:00", "", ALONE, CODE_OK, FIELD_NONE, 1800000000000001},
    {"60.50", "", "", ALONE, CODE_OK, FIELD_NONE, 0},
    {"60.50", "0", "", ALONE, CODE_INVALID_FIELD, FIELD_EXPIRES, 0},
    {"60.50", "-5", "", ALONE, CODE_INVALID_FIELD, FIELD_EXPIRES, 0},
    {"60.50", "9223372036854775807", "", ALONE, CODE_OK, FIELD_NONE, INT64_MAX},
    {"60.50", "9223372036854775808", "", ALONE, CODE_INVALID_FIELD, FIELD_EXPIRES, 0},
    {"60.50", "1970-01-01T00:00:00Z", "", ALONE, CODE_INVALID_FIELD, FIELD_EXPIRES, 0},
    {"60.50", "tomorrow", "", ALONE, CODE_INVALID_FIELD, FIELD_EXPIRES, 0},
    {"60.50", "18000000000000010000000000000000000000000", "", ALONE, CODE_INVALID_FIELD, FIELD_EXPIRES, 0},
    {"60.505", "", "", ALONE, CODE_INVALID_FIELD, FIELD_AMOUNT, 0},
    {"", "", "", ALONE, CODE_INVALID_FIELD, FIELD_AMOUNT, 0},
    {"60.50", "", GROUP, ALONE, CODE_INVALID_FIELD, FIELD_KIND, 0},
    {"60.50", "", "", FIRST_OF_A_GROUP, CODE_INVALID_FIELD, FIELD_KIND, 0},
};

static currency_index no_account(void *owner, struct str account)
{
    (void)owner;
    (void)account;
    return CURRENCY_NONE;
}

static void read_row(const struct row *row, enum import_column payer, struct import_line *out)
{
    static const uint8_t digest[32];
    struct import_record record = {.line = 1};
    struct import_context context = {.ids = import_ids_new(digest), .currency_of = no_account};
    assert_non_null(context.ids);
    record.values[COLUMN_OP] = str_from("hold");
    record.values[COLUMN_TRANSACTION_ID] = str_from(ID);
    record.values[payer] = str_from("alice");
    record.values[COLUMN_CURRENCY] = str_from("USD");
    record.values[COLUMN_AMOUNT] = str_from(row->amount);
    record.values[COLUMN_MEMO] = str_from("taxi");
    record.values[COLUMN_REFERENCE] = str_from("ride 7");
    record.values[COLUMN_EXPIRES] = str_from(row->expires);
    record.values[COLUMN_GROUP] = str_from(row->group);
    import_line_read(&context, &record, row->item, out);
    import_ids_destroy(&context.ids);
}

static void a_hold_is_read_as_it_stands_or_says_which_field_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct import_line line;
        read_row(&ROWS[i], COLUMN_FROM_ACCOUNT, &line);
        if (line.code != ROWS[i].code || line.field != ROWS[i].field)
            fail_msg("row %zu: code %d, field %d", i, (int)line.code, (int)line.field);
        assert_int_equal(line.item.expires_us,
                         ROWS[i].code == CODE_OK ? ROWS[i].expires_us : line.item.expires_us);
    }
}

static void a_hold_names_its_payer_as_account_or_as_from_account(void **state)
{
    (void)state;
    const enum import_column columns[] = {COLUMN_FROM_ACCOUNT, COLUMN_ACCOUNT};
    for (size_t i = 0; i < 2; i++) {
        struct import_line line;
        struct uuid id;
        read_row(&ROWS[0], columns[i], &line);
        assert_true(line.kind == IMPORT_ITEM && line.item.kind == TELLER_HOLD);
        assert_true(uuid_parse(str_from(ID), &id) && uuid_equal(&line.item.id, &id));
        assert_true(str_equal(line.item.from, str_from("alice")) && line.item.to.length == 0);
        assert_int_equal(line.item.amount, 6050);
        assert_true(str_equal(line.item.memo, str_from("taxi")) &&
                    str_equal(line.item.reference, str_from("ride 7")));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hold_is_read_as_it_stands_or_says_which_field_is_wrong),
        cmocka_unit_test(a_hold_names_its_payer_as_account_or_as_from_account),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
