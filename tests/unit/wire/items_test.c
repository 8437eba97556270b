/* Items: what is refused, with which code and field, message by message; and what good ones mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/wire/items.h"
#include "tests/unit/wire/notation.h"

#include <stdio.h>

#define ID_TEXT "00112233-4455-6677-8899-aabbccddeeff"
#define TEXT_10 "0123456789"
#define TEXT_70 TEXT_10 TEXT_10 TEXT_10 TEXT_10 TEXT_10 TEXT_10 TEXT_10

/* One item of a batch: the code and field of its row. */
struct row {
    const char *item;
    enum code code;
    enum field field;
};

static const struct row rows[] = {
    /* good ones, in every form */
    {"[1 id \"a\" \"b\" 5 \"KRW\"]", CODE_OK, FIELD_NONE},
    {"[2 id nil \"b\" 5 \"KRW\"]", CODE_OK, FIELD_NONE},
    {"[3 id \"a\" nil 5 \"KRW\"]", CODE_OK, FIELD_NONE},
    {"[\"transfer\" \"" ID_TEXT "\" \"a\" \"b\" \"5\" \"KRW\" \"memo\" \"ref\" 99]", CODE_OK, FIELD_NONE},
    {"[\"deposit\" id nil \"b\" \"12.34\" \"USD\" nil nil nil]", CODE_OK, FIELD_NONE},
    {"[\"withdraw\" id \"a\" nil \"0.001\" \"KWD\" \"\" \"\"]", CODE_OK, FIELD_NONE},
    {"[1 $b000112233445566778899aabbccddeeff \"a\" \"b\" 5 \"KRW\"]", CODE_OK, FIELD_NONE},
    {"{\"currency\" \"KRW\" \"amount\" 5 \"to_account\" \"b\" \"from_account\" \"a\" \"transaction_id\" id "
     "\"kind\" 1}",
     CODE_OK, FIELD_NONE},
    {"{\"kind\" \"deposit\" \"transaction_id\" id \"from_account\" nil \"to_account\" \"b\" \"amount\" 5 "
     "\"currency\" "
     "\"KRW\" \"memo\" nil \"reference\" nil \"deadline\" nil}",
     CODE_OK, FIELD_NONE},
    {"[1 id \"a\" \"b\" 5 \"USD\" nil nil nil \"1350.25\"]", CODE_OK, FIELD_NONE},
    {"{\"kind\" 3 \"transaction_id\" id \"from_account\" \"a\" \"amount\" 5 \"currency\" \"USD\" \"rate\" "
     "\"1\"}",
     CODE_OK, FIELD_NONE},
    {"[1 id \"a\" \"b\" 5 \"USD\" nil nil nil \"0\"]", CODE_INVALID_FIELD, FIELD_RATE},
    {"[1 id \"a\" \"b\" 5 \"USD\" nil nil nil 1350]", CODE_INVALID_FIELD, FIELD_RATE},
    {"[2 id nil \"b\" 5 \"USD\" nil nil nil \"1.00000000001\"]", CODE_INVALID_FIELD, FIELD_RATE},
    {"[3 id \"a\" nil 5 \"USD\" nil nil -1 \"x\"]", CODE_INVALID_FIELD, FIELD_DEADLINE},
    /* not an item at all */
    {"nil", CODE_BAD_REQUEST, FIELD_NONE},
    {"5", CODE_BAD_REQUEST, FIELD_NONE},
    {"\"transfer\"", CODE_BAD_REQUEST, FIELD_NONE},
    {"$cb3ff0000000000000", CODE_BAD_REQUEST, FIELD_NONE},
    {"$c70101ff", CODE_BAD_REQUEST, FIELD_NONE},
    {"[1 id \"a\" \"b\" 5 \"KRW\" nil nil nil nil nil]", CODE_BAD_REQUEST, FIELD_NONE},
    {"{\"kind\" 1 \"transaction_id\" id \"from_account\" \"a\" \"to_account\" \"b\" \"amount\" 5 "
     "\"currency\" \"KRW\" "
     "\"colour\" 1}",
     CODE_BAD_REQUEST, FIELD_NONE},
    {"{\"kind\" 1 \"transaction_id\" id \"from_account\" \"a\" \"to_account\" \"b\" \"amount\" 5 "
     "\"currency\" \"KRW\" 7 "
     "1}",
     CODE_BAD_REQUEST, FIELD_NONE},
    {"{\"kind\" 1 \"transaction_id\" id \"from_account\" \"a\" \"to_account\" \"b\" \"amount\" 5 "
     "\"currency\" \"KRW\" "
     "\"amount\" 5}",
     CODE_BAD_REQUEST, FIELD_AMOUNT},
    {"{\"kind\" 1 \"transaction_id\" id \"from_account\" \"a\" \"to_account\" \"b\" \"amount\" 5 "
     "\"currency\" \"KRW\" "
     "\"items\" []}",
     CODE_BAD_REQUEST, FIELD_ITEMS},
    /* kind */
    {"[]", CODE_INVALID_FIELD, FIELD_KIND},
    {"{}", CODE_INVALID_FIELD, FIELD_KIND},
    {"[nil id \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_KIND},
    {"[0 id \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_KIND},
    {"[9 id \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_KIND},
    {"[257 id \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_KIND},
    {"[-1 id \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_KIND},
    {"[\"Transfer\" id \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_KIND},
    {"[$ca3f800000 id \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_KIND},
    /* holds */
    {"[5 id \"a\" nil 5 \"KRW\"]", CODE_OK, FIELD_NONE},
    {"[5 id \"a\" nil 5 \"KRW\" nil nil nil nil]", CODE_OK, FIELD_NONE},
    {"[\"hold\" id \"a\" nil 5 \"KRW\" \"m\" \"r\" 7 9]", CODE_OK, FIELD_NONE},
    {"[5 id \"a\" nil 5 \"KRW\" nil nil nil 0]", CODE_INVALID_FIELD, FIELD_EXPIRES},
    {"[5 id \"a\" nil 5 \"KRW\" nil nil nil \"x\"]", CODE_INVALID_FIELD, FIELD_EXPIRES},
    {"[5 id \"a\" nil 5 \"KRW\" nil nil nil 9 nil]", CODE_BAD_REQUEST, FIELD_NONE},
    {"[5 id \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_TO_ACCOUNT},
    {"[5 id \"a\" nil nil \"KRW\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[6 id \"a\" nil 5 \"KRW\" nil nil nil #00112233445566778899aabbccddeeff]", CODE_OK, FIELD_NONE},
    {"[6 id \"a\" nil nil \"KRW\" nil nil nil #00112233445566778899aabbccddeeff \"keep\"]", CODE_OK,
     FIELD_NONE},
    {"[6 id \"a\" nil nil \"KRW\" nil nil nil #00112233445566778899aabbccddeeff \"release\"]", CODE_OK,
     FIELD_NONE},
    {"[6 id \"a\" nil nil \"KRW\" nil nil nil #00112233445566778899aabbccddeeff nil]", CODE_OK, FIELD_NONE},
    {"[6 id \"a\" nil nil \"KRW\" nil nil nil #00112233445566778899aabbccddeeff \"kept\"]",
     CODE_INVALID_FIELD, FIELD_REST},
    {"[6 id \"a\" nil nil \"KRW\"]", CODE_INVALID_FIELD, FIELD_HOLD},
    {"[6 id \"a\" nil nil nil nil nil nil #00112233445566778899aabbccddeeff]", CODE_INVALID_FIELD,
     FIELD_CURRENCY},
    {"[6 id \"a\" nil 0 \"KRW\" nil nil nil #00112233445566778899aabbccddeeff]", CODE_INVALID_FIELD,
     FIELD_AMOUNT},
    {"[7 id \"a\" nil nil nil nil nil nil #00112233445566778899aabbccddeeff]", CODE_OK, FIELD_NONE},
    {"[7 id \"a\" nil 5 nil nil nil nil #00112233445566778899aabbccddeeff]", CODE_INVALID_FIELD,
     FIELD_AMOUNT},
    {"[7 id \"a\" nil nil \"KRW\" nil nil nil #00112233445566778899aabbccddeeff]", CODE_INVALID_FIELD,
     FIELD_CURRENCY},
    {"[7 id \"a\" nil nil nil nil nil nil nil]", CODE_INVALID_FIELD, FIELD_HOLD},
    {"[7 id \"a\" nil nil nil nil nil nil #00112233445566778899aabbccddeeff \"keep\"]", CODE_BAD_REQUEST,
     FIELD_NONE},
    {"{\"kind\" \"capture\" \"transaction_id\" id \"from_account\" \"a\" \"currency\" \"KRW\" \"hold\" "
     "#00112233445566778899aabbccddeeff \"rest\" \"keep\"}",
     CODE_OK, FIELD_NONE},
    {"{\"kind\" \"hold\" \"transaction_id\" id \"from_account\" \"a\" \"amount\" 5 \"currency\" \"KRW\" "
     "\"expires\" 9}",
     CODE_OK, FIELD_NONE},
    {"{\"kind\" \"hold\" \"transaction_id\" id \"from_account\" \"a\" \"amount\" 5 \"currency\" \"KRW\" "
     "\"hold\" #00112233445566778899aabbccddeeff}",
     CODE_BAD_REQUEST, FIELD_HOLD},
    {"{\"kind\" \"transfer\" \"transaction_id\" id \"from_account\" \"a\" \"to_account\" \"b\" \"amount\" 5 "
     "\"currency\" \"KRW\" \"expires\" 9}",
     CODE_BAD_REQUEST, FIELD_EXPIRES},
    /* transaction_id */
    {"[1]", CODE_INVALID_FIELD, FIELD_TRANSACTION_ID},
    {"[1 nil \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_TRANSACTION_ID},
    {"[1 7 \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_TRANSACTION_ID},
    {"[1 #00112233445566778899aabbccddee \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_TRANSACTION_ID},
    {"[1 #00112233445566778899aabbccddeeff00 \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD,
     FIELD_TRANSACTION_ID},
    {"[1 #00000000000000000000000000000000 \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_TRANSACTION_ID},
    {"[1 \"00000000-0000-0000-0000-000000000000\" \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD,
     FIELD_TRANSACTION_ID},
    {"[1 \"00112233-4455-6677-8899-aabbccddeefg\" \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD,
     FIELD_TRANSACTION_ID},
    {"[1 \"\" \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_TRANSACTION_ID},
    /* accounts */
    {"[1 id]", CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT},
    {"[1 id nil \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT},
    {"[1 id 7 \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT},
    {"[1 id #61 \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT},
    {"[1 id \"\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT},
    {"[1 id \"" TEXT_10 TEXT_10 TEXT_10 "1234\" \"b\" 5 \"KRW\"]", CODE_OK, FIELD_NONE},
    {"[1 id \"" TEXT_10 TEXT_10 TEXT_10 "12345\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT},
    {"[1 id \"a b\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT},
    {"[1 id $a3610062 \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT},
    {"[1 id $a2c0af \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT},
    {"[1 id \"house:cash:KRW:0\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT},
    {"[1 id \"transit:1:KRW:0\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT},
    {"[1 id \"household\" \"transitory\" 5 \"KRW\"]", CODE_OK, FIELD_NONE},
    {"[1 id \"a\" nil 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_TO_ACCOUNT},
    {"[1 id \"a\" \"house:cash:KRW:0\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_TO_ACCOUNT},
    {"[2 id \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT},
    {"[2 id nil nil 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_TO_ACCOUNT},
    {"[3 id nil nil 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT},
    {"[3 id \"a\" \"b\" 5 \"KRW\"]", CODE_INVALID_FIELD, FIELD_TO_ACCOUNT},
    {"[1 id \"a\" \"a\" 5 \"KRW\"]", CODE_SAME_ACCOUNT, FIELD_TO_ACCOUNT},
    /* amount */
    {"[1 id \"a\" \"b\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" nil \"KRW\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" 0 \"KRW\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" -1 \"KRW\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" 100000000000000000 \"KRW\"]", CODE_OK, FIELD_NONE},
    {"[1 id \"a\" \"b\" 100000000000000001 \"KRW\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" 9223372036854775807 \"KRW\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" -9223372036854775808 \"KRW\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" 18446744073709551615 \"KRW\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" $cb4014000000000000 \"KRW\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" $d60000000005 \"KRW\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" $c3 \"KRW\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" [5] \"KRW\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" \"1.234\" \"USD\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" \"1.0\" \"KRW\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" \"1e3\" \"USD\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" \"\" \"USD\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" \"-1\" \"USD\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" \"+1\" \"USD\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" \"1.\" \"USD\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" \".5\" \"USD\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" \"0.00\" \"USD\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" \"1000000000000000.00\" \"USD\"]", CODE_OK, FIELD_NONE},
    {"[1 id \"a\" \"b\" \"1000000000000000.01\" \"USD\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"b\" \"99999999999999999999999\" \"USD\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    /* currency */
    {"[1 id \"a\" \"b\" 5]", CODE_INVALID_FIELD, FIELD_CURRENCY},
    {"[1 id \"a\" \"b\" 5 nil]", CODE_INVALID_FIELD, FIELD_CURRENCY},
    {"[1 id \"a\" \"b\" 5 410]", CODE_INVALID_FIELD, FIELD_CURRENCY},
    {"[1 id \"a\" \"b\" 5 \"krw\"]", CODE_INVALID_FIELD, FIELD_CURRENCY},
    {"[1 id \"a\" \"b\" 5 \"KRWX\"]", CODE_INVALID_FIELD, FIELD_CURRENCY},
    {"[1 id \"a\" \"b\" 5 \"\"]", CODE_INVALID_FIELD, FIELD_CURRENCY},
    {"[1 id \"a\" \"b\" 5 #4b5257]", CODE_INVALID_FIELD, FIELD_CURRENCY},
    {"[1 id \"a\" \"b\" 5 \"ZZZ\"]", CODE_UNKNOWN_CURRENCY, FIELD_CURRENCY},
    {"[1 id \"a\" \"b\" \"1.5\" \"ZZZ\"]", CODE_UNKNOWN_CURRENCY, FIELD_CURRENCY},
    {"[1 id \"a\" \"b\" \"1,5\" \"ZZZ\"]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    /* memo, reference */
    {"[1 id \"a\" \"b\" 5 \"KRW\" 7]", CODE_INVALID_FIELD, FIELD_MEMO},
    {"[1 id \"a\" \"b\" 5 \"KRW\" \"" TEXT_70 TEXT_70 "\"]", CODE_OK, FIELD_NONE},
    {"[1 id \"a\" \"b\" 5 \"KRW\" \"" TEXT_70 TEXT_70 "1\"]", CODE_INVALID_FIELD, FIELD_MEMO},
    {"[1 id \"a\" \"b\" 5 \"KRW\" $a3610062]", CODE_INVALID_FIELD, FIELD_MEMO},
    {"[1 id \"a\" \"b\" 5 \"KRW\" $a2c0af]", CODE_INVALID_FIELD, FIELD_MEMO},
    {"[1 id \"a\" \"b\" 5 \"KRW\" $a3eda080]", CODE_INVALID_FIELD, FIELD_MEMO},
    {"[1 id \"a\" \"b\" 5 \"KRW\" $a3e280ae]", CODE_INVALID_FIELD, FIELD_MEMO},
    {"[1 id \"a\" \"b\" 5 \"KRW\" $a2610a]", CODE_INVALID_FIELD, FIELD_MEMO},
    {"[1 id \"a\" \"b\" 5 \"KRW\" nil \"" TEXT_10 TEXT_10 TEXT_10 TEXT_10 TEXT_10 TEXT_10 "1234\"]", CODE_OK,
     FIELD_NONE},
    {"[1 id \"a\" \"b\" 5 \"KRW\" nil \"" TEXT_10 TEXT_10 TEXT_10 TEXT_10 TEXT_10 TEXT_10 "12345\"]",
     CODE_INVALID_FIELD, FIELD_REFERENCE},
    {"[1 id \"a\" \"b\" 5 \"KRW\" nil #61]", CODE_INVALID_FIELD, FIELD_REFERENCE},
    /* deadline */
    {"[1 id \"a\" \"b\" 5 \"KRW\" nil nil -1]", CODE_INVALID_FIELD, FIELD_DEADLINE},
    {"[1 id \"a\" \"b\" 5 \"KRW\" nil nil \"soon\"]", CODE_INVALID_FIELD, FIELD_DEADLINE},
    {"[1 id \"a\" \"b\" 5 \"KRW\" nil nil 9223372036854776]", CODE_INVALID_FIELD, FIELD_DEADLINE},
    /* the first fault, in the order of the codes and then of the fields, is the answer */
    {"[1 7 7 7 \"x\" 7 7 7 \"x\"]", CODE_INVALID_FIELD, FIELD_TRANSACTION_ID},
    {"[1 id \"a\" \"b\" 0 7]", CODE_INVALID_FIELD, FIELD_AMOUNT},
    {"[1 id \"a\" \"a\" 5 \"ZZZ\" 7]", CODE_INVALID_FIELD, FIELD_MEMO},
    {"[1 id \"a\" \"a\" 5 \"ZZZ\"]", CODE_UNKNOWN_CURRENCY, FIELD_CURRENCY},
    {"{\"memo\" 7 \"amount\" 0 \"kind\" 1 \"transaction_id\" id \"from_account\" \"a\" \"to_account\" \"b\" "
     "\"currency\" \"KRW\"}",
     CODE_INVALID_FIELD, FIELD_AMOUNT},
    /* groups */
    {"[4 id [[1 id \"a\" \"b\" 5 \"KRW\"]]]", CODE_OK, FIELD_NONE},
    {"{\"kind\" \"group\" \"transaction_id\" id \"items\" [[1 id \"a\" \"b\" 5 \"KRW\"]]}", CODE_OK,
     FIELD_NONE},
    {"[4 nil [[1 id \"a\" \"b\" 5 \"KRW\"]]]", CODE_INVALID_FIELD, FIELD_TRANSACTION_ID},
    {"[4 id]", CODE_INVALID_FIELD, FIELD_ITEMS},
    {"[4 id []]", CODE_INVALID_FIELD, FIELD_ITEMS},
    {"[4 id {}]", CODE_INVALID_FIELD, FIELD_ITEMS},
    {"[4 id [[1 id \"a\" \"b\" 5 \"KRW\"]] 5]", CODE_BAD_REQUEST, FIELD_TO_ACCOUNT},
    {"{\"kind\" 4 \"transaction_id\" id \"amount\" 5 \"items\" [[1 id \"a\" \"b\" 5 \"KRW\"]]}",
     CODE_BAD_REQUEST, FIELD_AMOUNT},
    {"[4 id [[1 id \"a\" \"b\" 0 \"KRW\"]]]", CODE_OK, FIELD_NONE},
};

static struct message batch_of(const char *item)
{
    char body[1024];
    snprintf(body, sizeof body, "[[1 id \"first\" \"b\" 1 \"KRW\"] %s [1 id \"last\" \"b\" 1 \"KRW\"]]",
             item);
    return notation_request("batch", body);
}

static void items_are_judged_as_the_table_says(void **state)
{
    (void)state;
    struct wire_items items = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct message message = batch_of(rows[i].item);
        struct wire_header header = message_header(&message);
        enum field field;
        assert_int_equal(wire_items_read(&items, &header, &field), CODE_OK);
        assert_int_equal(items.count, 3);
        const struct ledger_command *c = &items.commands[1];
        if (c->code != rows[i].code || c->field != rows[i].field)
            print_error("row: %s\n", rows[i].item);
        assert_int_equal(c->code, rows[i].code);
        assert_int_equal(c->field, rows[i].field);
        assert_int_equal(items.row_count, 3 + c->group_count);
        assert_true(str_equal(items.commands[0].from, STR_LITERAL("first")));
        assert_true(str_equal(items.commands[2].from, STR_LITERAL("last")));
        message_free(&message);
    }
    wire_items_release(&items);
}

/* A whole message: the code and field it is refused with; or, when its code is OK, those of its only row. */
struct whole {
    const char *operation;
    const char *body;
    enum code code;
    enum field field;
    enum code row_code;
    enum field row_field;
};

static const struct whole wholes[] = {
    {"transfer", "[1 id \"a\" \"b\" 5 \"KRW\"]", CODE_OK, FIELD_NONE, CODE_OK, FIELD_NONE},
    {"transfer",
     "{\"transaction_id\" id \"from_account\" \"a\" \"to_account\" \"b\" \"amount\" 5 \"currency\" \"KRW\"}",
     CODE_OK, FIELD_NONE, CODE_OK, FIELD_NONE},
    {"deposit", "{\"transaction_id\" id \"to_account\" \"b\" \"amount\" 5 \"currency\" \"KRW\"}", CODE_OK,
     FIELD_NONE, CODE_OK, FIELD_NONE},
    {"withdraw", "{\"transaction_id\" id \"from_account\" \"b\" \"amount\" 5 \"currency\" \"KRW\"}", CODE_OK,
     FIELD_NONE, CODE_OK, FIELD_NONE},
    {"deposit", "[1 id \"a\" \"b\" 5 \"KRW\"]", CODE_OK, FIELD_NONE, CODE_INVALID_FIELD, FIELD_KIND},
    {"transfer", "[4 id [[1 id \"a\" \"b\" 5 \"KRW\"]]]", CODE_OK, FIELD_NONE, CODE_INVALID_FIELD,
     FIELD_KIND},
    {"transfer", "[]", CODE_OK, FIELD_NONE, CODE_INVALID_FIELD, FIELD_TRANSACTION_ID},
    {"transfer", "{}", CODE_OK, FIELD_NONE, CODE_INVALID_FIELD, FIELD_TRANSACTION_ID},
    {"transfer", "{\"colour\" 1}", CODE_OK, FIELD_NONE, CODE_BAD_REQUEST, FIELD_NONE},
    {"transfer", "nil", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
    {"transfer", "5", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
    {"transfer", "$c1", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
    {"transfer", "$ddff000000", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
    {"transfer", "$dfff000000", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
    {"transfer", "[1 $dbffffffff]", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
    {"transfer", "[1 $c6ffffffff]", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
    {"transfer", "[1 id [[[[1]]]]]", CODE_OK, FIELD_NONE, CODE_INVALID_FIELD, FIELD_FROM_ACCOUNT},
    {"transfer", "[1 id [[[[[1]]]]]]", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
    {"batch", "nil", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
    {"batch", "{}", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
    {"batch", "[]", CODE_INVALID_FIELD, FIELD_ITEMS, CODE_OK, FIELD_NONE},
    {"batch", "$ddff000000", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
    {"batch", "[[[[[1]]]]]", CODE_OK, FIELD_NONE, CODE_INVALID_FIELD, FIELD_KIND},
    {"batch", "[[[[[[1]]]]]]", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
    {"batch", "[{\"kind\" [[[[1]]]]}]", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
    {"batch", "[$81]", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
    {"batch", "[[1 id \"a\" \"b\" 5 \"KRW\"]] nil", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
    {"transfer", "[1 id \"a\" \"b\" 5 \"KRW\"] 0", CODE_BAD_REQUEST, FIELD_BODY, CODE_OK, FIELD_NONE},
};

/* The frame's own array would count a value behind the body: it is put there by hand. */
static struct message whole_message(const struct whole *row)
{
    char text[1024];
    snprintf(text, sizeof text, "$9601 \"%s\" 7 nil nil %s", row->operation, row->body);
    return notation_read(text);
}

static void messages_are_judged_as_the_table_says(void **state)
{
    (void)state;
    struct wire_items items = {0};
    for (size_t i = 0; i < sizeof wholes / sizeof wholes[0]; i++) {
        struct message message = whole_message(&wholes[i]);
        struct wire_header header = message_header(&message);
        enum field field;
        enum code code = wire_items_read(&items, &header, &field);
        if (code != wholes[i].code || field != wholes[i].field)
            print_error("row: %s %s\n", wholes[i].operation, wholes[i].body);
        assert_int_equal(code, wholes[i].code);
        assert_int_equal(field, wholes[i].field);
        assert_int_equal(items.count, code == CODE_OK);
        if (code == CODE_OK) {
            assert_int_equal(items.commands[0].code, wholes[i].row_code);
            assert_int_equal(items.commands[0].field, wholes[i].row_field);
        }
        message_free(&message);
    }
    wire_items_release(&items);
}

static void a_batch_cut_short_anywhere_is_refused_whole(void **state)
{
    (void)state;
    struct wire_items items = {0};
    struct message whole = notation_request(
        "batch", "[[1 id \"a\" \"b\" 70000 \"KRW\" \"memo\"] [4 id [[2 id nil \"b\" 5 \"KRW\"]]] "
                 "{\"kind\" 3 \"transaction_id\" id \"from_account\" \"a\" \"amount\" \"1.25\" "
                 "\"currency\" \"USD\"}]");
    struct wire_header full = message_header(&whole);
    size_t head = whole.length - full.body.length;
    for (size_t length = head + 1; length < whole.length; length++) {
        struct message cut = message_copy(whole.bytes, length);
        struct wire_header header = message_header(&cut);
        enum field field;
        assert_int_equal(wire_items_read(&items, &header, &field), CODE_BAD_REQUEST);
        assert_int_equal(field, FIELD_BODY);
        assert_int_equal(items.count, 0);
        message_free(&cut);
    }
    message_free(&whole);
    wire_items_release(&items);
}

static void an_item_means_the_same_in_both_forms(void **state)
{
    (void)state;
    struct wire_items items = {0};
    struct message message = notation_request(
        "batch",
        "[[1 id \"a\" \"b\" 1234 \"USD\" \"m\" \"r\" 99] {\"kind\" \"transfer\" \"reference\" \"r\" \"memo\" "
        "\"m\" \"currency\" \"USD\" \"deadline\" 99 \"amount\" \"12.34\" \"to_account\" \"b\" "
        "\"from_account\" "
        "\"a\" \"transaction_id\" \"" ID_TEXT "\"}]");
    struct wire_header header = message_header(&message);
    enum field field;
    assert_int_equal(wire_items_read(&items, &header, &field), CODE_OK);
    for (size_t i = 0; i < 2; i++) {
        const struct ledger_command *c = &items.commands[i];
        assert_int_equal(c->code, CODE_OK);
        assert_int_equal(c->kind, COMMAND_TRANSFER);
        assert_true(uuid_equal(&c->id, &notation_id));
        assert_true(str_equal(c->from, STR_LITERAL("a")) && str_equal(c->to, STR_LITERAL("b")));
        assert_true(str_equal(c->memo, STR_LITERAL("m")) && str_equal(c->reference, STR_LITERAL("r")));
        assert_true(c->amount == 1234 && c->deadline_us == 99000);
        assert_int_equal(c->currency, currency_find("USD", 3));
    }
    message_free(&message);
    wire_items_release(&items);
}

static void the_earlier_deadline_counts(void **state)
{
    (void)state;
    struct wire_items items = {0};
    struct message message = notation_read(
        "[1 \"batch\" 7 nil 50 [[1 id \"a\" \"b\" 5 \"KRW\"] [1 id \"a\" \"b\" 5 \"KRW\" nil nil 40] "
        "[1 id \"a\" \"b\" 5 \"KRW\" nil nil 60] [4 id [[1 id \"a\" \"b\" 5 \"KRW\"] [1 id \"a\" \"b\" 5 "
        "\"KRW\" nil nil "
        "30]]]]]");
    static const int64_t expected[] = {50000, 40000, 50000, 30000};
    struct wire_header header = message_header(&message);
    enum field field;
    assert_int_equal(wire_items_read(&items, &header, &field), CODE_OK);
    for (size_t i = 0; i < 4; i++)
        assert_true(items.commands[i].deadline_us == expected[i]);
    message_free(&message);
    wire_items_release(&items);
}

static void each_item_of_a_group_has_its_own_code(void **state)
{
    (void)state;
    struct wire_items items = {0};
    struct message message =
        notation_request("batch", "[[4 id [[1 id \"a\" \"b\" 5 \"KRW\"] [1 id \"a\" \"b\" 0 \"KRW\"] [4 id "
                                  "[[1 id \"a\" \"b\" 5 \"KRW\"]]] "
                                  "nil]] [4 id [[3 id \"z\" nil 5 \"KRW\"]]]]");
    static const struct row expected[] = {{"", CODE_OK, FIELD_NONE},
                                          {"", CODE_INVALID_FIELD, FIELD_AMOUNT},
                                          {"", CODE_BAD_REQUEST, FIELD_NONE},
                                          {"", CODE_BAD_REQUEST, FIELD_NONE}};
    struct wire_header header = message_header(&message);
    enum field field;
    /* A group in a group is one level too deep for its items. */
    assert_int_equal(wire_items_read(&items, &header, &field), CODE_BAD_REQUEST);
    message_free(&message);
    message = notation_request("batch",
                               "[[4 id [[1 id \"a\" \"b\" 5 \"KRW\"] [1 id \"a\" \"b\" 0 \"KRW\"] nil nil]] "
                               "[4 id [[3 id \"z\" nil 5 \"KRW\"] [4 id []]]]]");
    header = message_header(&message);
    assert_int_equal(wire_items_read(&items, &header, &field), CODE_OK);
    assert_int_equal(items.count, 2);
    assert_int_equal(items.row_count, 8);
    assert_int_equal(items.commands[0].group_count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(items.commands[0].items[i].code, expected[i].code);
        assert_int_equal(items.commands[0].items[i].field, expected[i].field);
    }
    assert_int_equal(items.commands[1].group_count, 2);
    assert_true(str_equal(items.commands[1].items[0].from, STR_LITERAL("z")));
    assert_int_equal(items.commands[1].items[1].code, CODE_INVALID_FIELD);
    assert_int_equal(items.commands[1].items[1].field, FIELD_KIND);
    message_free(&message);
    wire_items_release(&items);
}

/* A batch of `groups` groups of `size` items. */
static enum code read_groups(uint32_t groups, uint32_t size, struct wire_items *items, enum field *field)
{
    struct mp_writer w = {0};
    struct wire_header header = {.operation = OPERATION_BATCH, .partition = WIRE_PARTITION_ANY};
    struct ledger_command inner[LEDGER_GROUP_MAX + 1];
    for (size_t i = 0; i < size; i++)
        inner[i] = (struct ledger_command){.kind = COMMAND_DEPOSIT,
                                           .id = notation_id,
                                           .to = STR_LITERAL("b"),
                                           .amount = 1,
                                           .currency = currency_find("KRW", 3)};
    struct ledger_command group = {
        .kind = COMMAND_GROUP, .id = notation_id, .items = inner, .group_count = (uint16_t)size};
    wire_header_write(&w, &header);
    mp_write_array(&w, groups);
    for (uint32_t i = 0; i < groups; i++)
        wire_item_write(&w, &group);
    struct message message = message_copy(w.data, w.length);
    header = message_header(&message);
    enum code code = wire_items_read(items, &header, field);
    message_free(&message);
    mp_writer_release(&w);
    return code;
}

static void limits_of_groups_and_rows_hold(void **state)
{
    (void)state;
    struct wire_items items = {0};
    enum field field;
    assert_int_equal(read_groups(1, LEDGER_GROUP_MAX, &items, &field), CODE_OK);
    assert_int_equal(items.commands[0].code, CODE_OK);
    assert_int_equal(items.row_count, 1 + LEDGER_GROUP_MAX);
    assert_int_equal(read_groups(1, LEDGER_GROUP_MAX + 1, &items, &field), CODE_OK);
    assert_int_equal(items.commands[0].code, CODE_TOO_LARGE);
    assert_int_equal(items.commands[0].field, FIELD_ITEMS);
    assert_int_equal(items.row_count, 1);
    assert_int_equal(read_groups(LEDGER_BATCH_MAX / 2, 1, &items, &field), CODE_OK);
    assert_int_equal(items.row_count, LEDGER_BATCH_MAX);
    assert_int_equal(read_groups(LEDGER_BATCH_MAX / 2 + 1, 1, &items, &field), CODE_TOO_LARGE);
    assert_int_equal(field, FIELD_ITEMS);
    assert_int_equal(items.count, 0);
    wire_items_release(&items);
}

static void a_written_item_is_read_back(void **state)
{
    (void)state;
    struct wire_items items = {0};
    struct mp_writer w = {0};
    struct wire_header header = {.operation = OPERATION_BATCH, .partition = 3};
    const struct ledger_command in[] = {
        {.kind = COMMAND_TRANSFER,
         .id = notation_id,
         .from = STR_LITERAL("a"),
         .to = STR_LITERAL("b"),
         .amount = 1},
        {.kind = COMMAND_DEPOSIT, .id = notation_id, .to = STR_LITERAL("b"), .amount = MONEY_MAX},
        {.kind = COMMAND_WITHDRAW,
         .id = notation_id,
         .from = STR_LITERAL("a"),
         .amount = 70000,
         .deadline_us = 99000},
        {.kind = COMMAND_TRANSFER,
         .id = notation_id,
         .from = STR_LITERAL("a"),
         .to = STR_LITERAL("b"),
         .amount = 300,
         .memo = STR_LITERAL("a memo of more than thirty-one bytes"),
         .reference = STR_LITERAL("r")},
    };
    enum { COUNT = sizeof in / sizeof in[0] };
    wire_header_write(&w, &header);
    mp_write_array(&w, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        struct ledger_command c = in[i];
        c.currency = currency_find("EUR", 3);
        wire_item_write(&w, &c);
    }
    struct message message = message_copy(w.data, w.length);
    header = message_header(&message);
    enum field field;
    assert_int_equal(wire_items_read(&items, &header, &field), CODE_OK);
    for (size_t i = 0; i < COUNT; i++) {
        const struct ledger_command *c = &items.commands[i];
        assert_int_equal(c->code, CODE_OK);
        assert_int_equal(c->kind, in[i].kind);
        assert_true(uuid_equal(&c->id, &in[i].id));
        assert_true(str_equal(c->from, in[i].from) && str_equal(c->to, in[i].to));
        assert_true(str_equal(c->memo, in[i].memo) && str_equal(c->reference, in[i].reference));
        assert_true(c->amount == in[i].amount && c->deadline_us == in[i].deadline_us);
        assert_int_equal(c->currency, currency_find("EUR", 3));
    }
    message_free(&message);
    mp_writer_release(&w);
    wire_items_release(&items);
}

static void the_id_of_a_refused_single_is_kept_for_its_answer(void **state)
{
    (void)state;
    static const char *const bodies[] = {"[1 id 7 \"b\" 5 \"KRW\"]", "[9 id]",
                                         "{\"transaction_id\" id \"colour\" 1}"};
    struct wire_items items = {0};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct message message = notation_request("transfer", bodies[i]);
        struct wire_header header = message_header(&message);
        enum field field;
        assert_int_equal(wire_items_read(&items, &header, &field), CODE_OK);
        assert_int_not_equal(items.commands[0].code, CODE_OK);
        assert_true(uuid_equal(&items.commands[0].id, &notation_id));
        message_free(&message);
    }
    wire_items_release(&items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_are_judged_as_the_table_says),
        cmocka_unit_test(messages_are_judged_as_the_table_says),
        cmocka_unit_test(a_batch_cut_short_anywhere_is_refused_whole),
        cmocka_unit_test(an_item_means_the_same_in_both_forms),
        cmocka_unit_test(the_earlier_deadline_counts),
        cmocka_unit_test(each_item_of_a_group_has_its_own_code),
        cmocka_unit_test(limits_of_groups_and_rows_hold),
        cmocka_unit_test(a_written_item_is_read_back),
        cmocka_unit_test(the_id_of_a_refused_single_is_kept_for_its_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
