/* The reader and writer of msgpack by themselves, and against msgpack-c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <msgpack.h>

#include "broker/wire/items.h"
#include "broker/wire/rows.h"
#include "tests/unit/wire/notation.h"

static const int64_t integers[] = {
    0,         1,         127, 128, 255, 256,  65535, 65536,  INT32_MAX, 2147483648, UINT32_MAX,  4294967296,
    MONEY_MAX, INT64_MAX, -1,  -32, -33, -128, -129,  -32768, -32769,    INT32_MIN,  -2147483649, INT64_MIN,
};

enum { INTEGER_COUNT = sizeof integers / sizeof integers[0] };

static void integers_are_written_as_msgpack_c_writes_them_and_read_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < INTEGER_COUNT; i++) {
        struct mp_writer ours = {0};
        msgpack_sbuffer theirs;
        msgpack_packer packer;
        int64_t value;
        msgpack_sbuffer_init(&theirs);
        msgpack_packer_init(&packer, &theirs, msgpack_sbuffer_write);
        msgpack_pack_int64(&packer, integers[i]);
        mp_write_int(&ours, integers[i]);
        assert_int_equal(ours.length, theirs.size);
        assert_memory_equal(ours.data, theirs.data, theirs.size);
        struct message message = message_copy(ours.data, ours.length);
        struct mp_reader r = mp_reader_of(message.bytes, message.length);
        assert_true(mp_read_int(&r, &value) && value == integers[i] && mp_at_end(&r));
        message_free(&message);
        msgpack_sbuffer_destroy(&theirs);
        mp_writer_release(&ours);
    }
}

/* Values of each type with all their widths: is this read as a signed, an unsigned number, and skipped? */
struct number {
    const char *text;
    bool is_int, is_uint;
    int64_t value;
};

static const struct number numbers[] = {
    {"$7f", true, true, 127},
    {"$cc05", true, true, 5},
    {"$cd0005", true, true, 5},
    {"$ce00000005", true, true, 5},
    {"$cf0000000000000005", true, true, 5},
    {"$cf7fffffffffffffff", true, true, INT64_MAX},
    {"$cf8000000000000000", false, true, INT64_MIN},
    {"$cfffffffffffffffff", false, true, -1},
    {"$d005", true, true, 5},
    {"$d10005", true, true, 5},
    {"$d200000005", true, true, 5},
    {"$d30000000000000005", true, true, 5},
    {"$ff", true, false, -1},
    {"$e0", true, false, -32},
    {"$d0ff", true, false, -1},
    {"$d1ffff", true, false, -1},
    {"$d2ffffffff", true, false, -1},
    {"$d3ffffffffffffffff", true, false, -1},
    {"$d38000000000000000", true, false, INT64_MIN},
    {"nil", false, false, 0},
    {"$c2", false, false, 0},
    {"$ca00000000", false, false, 0},
    {"$cb0000000000000000", false, false, 0},
    {"$d4ff00", false, false, 0},
    {"\"5\"", false, false, 0},
    {"#05", false, false, 0},
    {"[5]", false, false, 0},
    {"{5 5}", false, false, 0},
};

static void numbers_of_every_width_are_read_and_nothing_else_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        /* Alone, and with more behind it: the reader has a way of its own for each. */
        for (size_t more = 0; more <= 9; more += 9) {
            struct message alone = notation_read(numbers[i].text);
            uint8_t padded[32] = {0};
            memcpy(padded, alone.bytes, alone.length);
            struct message message = message_copy(padded, alone.length + more);
            struct mp_reader r = mp_reader_of(message.bytes, message.length);
            struct mp_reader s = r;
            struct mp_reader u = r;
            int64_t value = 0;
            uint64_t bits = 0;
            assert_int_equal(mp_read_int(&s, &value), numbers[i].is_int);
            assert_int_equal(mp_read_uint(&u, &bits), numbers[i].is_uint);
            assert_true(!numbers[i].is_int || value == numbers[i].value);
            assert_true(!numbers[i].is_uint || bits == (uint64_t)numbers[i].value);
            assert_ptr_equal(s.at, numbers[i].is_int ? message.bytes + alone.length : message.bytes);
            assert_ptr_equal(u.at, numbers[i].is_uint ? message.bytes + alone.length : message.bytes);
            assert_true(mp_skip(&r, 1) && r.at == message.bytes + alone.length);
            message_free(&message);
            message_free(&alone);
        }
    }
}

struct skipped {
    const char *text;
    unsigned depth;
    bool good;
};

static const struct skipped skips[] = {
    {"5", 0, true},
    {"\"text\"", 0, true},
    {"$d901ff", 0, true},
    {"$da0001ff", 0, true},
    {"$db00000001ff", 0, true},
    {"$c50001ff", 0, true},
    {"$c600000001ff", 0, true},
    {"$c70105ff", 0, true},
    {"$c8000105ff", 0, true},
    {"$c90000000105ff", 0, true},
    {"$d80500000000000000000000000000000000", 0, true},
    {"[]", 0, false},
    {"[]", 1, true},
    {"{}", 1, true},
    {"[[1 2] {3 [4]} 5]", 2, false},
    {"[[1 2] {3 [4]} 5]", 3, true},
    {"[[[[[[1]]]]]]", 6, true},
    {"[[[[[[[1]]]]]]]", 6, false},
    {"[[[[[[[1]]]]]]]", 100, false},
    {"$dc000105", 1, true},
    {"$de00010505", 1, true},
    {"$c1", 6, false},
    {"$91c1", 6, false},
    {"$92c0", 6, false},
    {"$81c0", 6, false},
    {"$dc", 6, false},
    {"$dcffff", 6, false},
    {"$ddff000000", 6, false},
    {"$ddffffffffc0c0c0c0", 6, false},
    {"$dfff000000", 6, false},
    {"$df80000000c0c0c0c0", 6, false},
    {"$a5c0", 6, false},
    {"$d9", 6, false},
    {"$dbffffffff", 6, false},
    {"$c6ffffffffc0", 6, false},
    {"$c9ffffffffff", 6, false},
    {"$c7", 6, false},
    {"$d4", 6, false},
    {"$cd00", 6, false},
    {"$cb00000000000000", 6, false},
};

static void skipping_passes_what_is_well_formed_and_shallow_enough(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof skips / sizeof skips[0]; i++) {
        struct message message = notation_read(skips[i].text);
        struct mp_reader r = mp_reader_of(message.bytes, message.length);
        bool good = mp_skip(&r, skips[i].depth);
        if (good != skips[i].good)
            print_error("row: %s\n", skips[i].text);
        assert_int_equal(good, skips[i].good);
        assert_true(!good || mp_at_end(&r));
        message_free(&message);
    }
}

/* Unpacks with msgpack-c and packs the result again: the same bytes mean the same values in the smallest form. */
static void assert_msgpack_c_agrees(const uint8_t *bytes, size_t length)
{
    msgpack_unpacked result;
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    size_t offset = 0;
    msgpack_unpacked_init(&result);
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    assert_int_equal(msgpack_unpack_next(&result, (const char *)bytes, length, &offset),
                     MSGPACK_UNPACK_SUCCESS);
    assert_int_equal(offset, length);
    msgpack_pack_object(&packer, result.data);
    assert_int_equal(buffer.size, length);
    assert_memory_equal(buffer.data, bytes, length);
    msgpack_sbuffer_destroy(&buffer);
    msgpack_unpacked_destroy(&result);
}

static void strings_and_counts_of_every_width_agree_with_msgpack_c(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {0, 1, 15, 16, 31, 32, 255, 256, 65535, 65536};
    char *text = test_malloc(65536);
    memset(text, 'x', 65536);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct mp_writer w = {0};
        struct str string;
        uint32_t count;
        mp_write_array(&w, lengths[i] + 1);
        mp_write_str(&w, (struct str){text, lengths[i]});
        for (uint32_t n = 0; n < lengths[i]; n++)
            mp_write_nil(&w);
        assert_msgpack_c_agrees(w.data, w.length);
        struct mp_reader r = mp_reader_of(w.data, w.length);
        assert_true(mp_read_array(&r, &count) && count == lengths[i] + 1);
        assert_true(mp_read_str(&r, &string) && string.length == lengths[i]);
        mp_writer_reset(&w);
        mp_write_map(&w, lengths[i]);
        for (uint32_t n = 0; n < 2 * lengths[i]; n++)
            mp_write_uint(&w, n);
        assert_msgpack_c_agrees(w.data, w.length);
        r = mp_reader_of(w.data, w.length);
        assert_true(mp_read_map(&r, &count) && count == lengths[i]);
        mp_writer_release(&w);
    }
    test_free(text);
}

static void pack_text(msgpack_packer *packer, const char *text)
{
    msgpack_pack_str(packer, strlen(text));
    msgpack_pack_str_body(packer, text, strlen(text));
}

/* A batch of one deposit as a client with msgpack-c would send it. */
static void pack_deposit(msgpack_packer *packer)
{
    msgpack_pack_array(packer, 6);
    msgpack_pack_uint8(packer, 1);
    pack_text(packer, "batch");
    msgpack_pack_uint64(packer, UINT64_MAX);
    msgpack_pack_nil(packer);
    msgpack_pack_int64(packer, 1700000000000);
    msgpack_pack_array(packer, 1);
    msgpack_pack_map(packer, 6);
    pack_text(packer, "kind");
    pack_text(packer, "deposit");
    pack_text(packer, "transaction_id");
    msgpack_pack_bin(packer, sizeof notation_id.bytes);
    msgpack_pack_bin_body(packer, notation_id.bytes, sizeof notation_id.bytes);
    pack_text(packer, "to_account");
    pack_text(packer, "KR-1");
    pack_text(packer, "amount");
    msgpack_pack_int32(packer, 70000);
    pack_text(packer, "currency");
    pack_text(packer, "KRW");
    pack_text(packer, "memo");
    pack_text(packer, "\xec\xa0\x80\xec\xb6\x95");
}

static void what_msgpack_c_packs_is_read(void **state)
{
    (void)state;
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    struct wire_items items = {0};
    enum field field;
    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    pack_deposit(&packer);
    struct message message = message_copy(buffer.data, buffer.size);
    struct wire_header header = message_header(&message);
    assert_true(header.request_id == UINT64_MAX && header.deadline_us == 1700000000000000);
    assert_int_equal(wire_items_read(&items, &header, &field), CODE_OK);
    const struct ledger_command *c = items.commands;
    assert_int_equal(c->code, CODE_OK);
    assert_int_equal(c->kind, COMMAND_DEPOSIT);
    assert_true(c->amount == 70000 && uuid_equal(&c->id, &notation_id));
    assert_true(str_equal(c->to, STR_LITERAL("KR-1")));
    assert_int_equal(c->memo.length, 6);
    message_free(&message);
    msgpack_sbuffer_destroy(&buffer);
    wire_items_release(&items);
}

static void what_we_write_is_what_msgpack_c_would_write(void **state)
{
    (void)state;
    struct mp_writer w = {0};
    const struct ledger_row rows[] = {
        {.has = ROW_HAS_FROM | ROW_HAS_TO, .from_balance = -70000, .to_balance = MONEY_MAX},
        {.code = CODE_OK, .group_count = 1},
        {.has = ROW_HAS_TO, .to_balance = 1},
        {.code = CODE_CONFLICT, .field = FIELD_TRANSACTION_ID},
    };
    wire_rows_write(&w, UINT64_MAX, rows, 4);
    assert_msgpack_c_agrees(w.data, w.length);
    for (uint8_t code = CODE_OK; code < CODE_COUNT; code++) {
        struct ledger_row row = {
            .code = code, .field = FIELD_TO_ACCOUNT, .has = ROW_HAS_FROM, .from_balance = -1};
        mp_writer_reset(&w);
        wire_row_write_single(&w, 300, &notation_id, &row);
        assert_msgpack_c_agrees(w.data, w.length);
        mp_writer_reset(&w);
        wire_error_write(&w, 300, code, FIELD_NONE, NULL);
        assert_msgpack_c_agrees(w.data, w.length);
    }
    mp_writer_release(&w);
}

static void a_writer_that_ran_out_of_memory_stays_failed_until_reset(void **state)
{
    (void)state;
    struct mp_writer w = {0};
    mp_write_uint(&w, 5);
    assert_false(mp_reserve(&w, SIZE_MAX / 2 + 1));
    mp_write_uint(&w, 6);
    assert_true(w.failed);
    assert_int_equal(w.length, 1);
    mp_writer_reset(&w);
    mp_write_uint(&w, 6);
    assert_false(w.failed);
    assert_int_equal(w.length, 1);
    mp_writer_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_written_as_msgpack_c_writes_them_and_read_back),
        cmocka_unit_test(numbers_of_every_width_are_read_and_nothing_else_is),
        cmocka_unit_test(skipping_passes_what_is_well_formed_and_shallow_enough),
        cmocka_unit_test(strings_and_counts_of_every_width_agree_with_msgpack_c),
        cmocka_unit_test(what_msgpack_c_packs_is_read),
        cmocka_unit_test(what_we_write_is_what_msgpack_c_would_write),
        cmocka_unit_test(a_writer_that_ran_out_of_memory_stays_failed_until_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
