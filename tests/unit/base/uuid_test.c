/* UUIDs as text: one form in, one form out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/uuid.h"

#include <string.h>

#define SAMPLE "00112233-4455-6677-8899-aabbccddeeff"
static const struct uuid sample = {
    {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF}};

static void either_case_is_read(void **state)
{
    static const char *const rows[] = {SAMPLE, "00112233-4455-6677-8899-AABBCCDDEEFF",
                                       "00112233-4455-6677-8899-AaBbCcDdEeFf"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct uuid got = {{0}};
        assert_true(uuid_parse(str_from(rows[i]), &got));
        assert_true(uuid_equal(&got, &sample));
    }
}

static void any_other_form_is_refused_and_leaves_the_target_alone(void **state)
{
    static const char *const rows[] = {
        "",
        "0",
        "00112233-4455-6677-8899-aabbccddeef",
        "00112233-4455-6677-8899-aabbccddeeff0",
        "00112233445566778899aabbccddeeff",
        "{00112233-4455-6677-8899-aabbccddeeff}",
        "00112233-4455-6677-8899-aabbccddeefg",
        "0011223g-4455-6677-8899-aabbccddeeff",
        "0011223-34455-6677-8899-aabbccddeeff",
        "00112233_4455_6677_8899_aabbccddeeff",
        "00112233-4455-6677-8899-aabbccddee-f",
        "00112233 4455 6677 8899 aabbccddeeff",
        "+0112233-4455-6677-8899-aabbccddeeff",
        "0x112233-4455-6677-8899-aabbccddeeff",
        "------------------------------------",
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct uuid got = sample;
        if (uuid_parse(str_from(rows[i]), &got))
            fail_msg("\"%s\" was read", rows[i]);
        assert_true(uuid_equal(&got, &sample));
    }
}

static void a_nul_inside_the_text_is_refused(void **state)
{
    struct uuid got = sample;
    char text[] = SAMPLE;
    (void)state;
    text[35] = '\0';
    assert_false(uuid_parse((struct str){text, 36}, &got));
}

static void the_written_form_is_lower_case(void **state)
{
    char text[UUID_TEXT_LENGTH + 1];
    (void)state;
    uuid_format(&sample, text);
    assert_string_equal(text, SAMPLE);
}

static void only_all_zero_is_nil(void **state)
{
    struct uuid nil = {{0}};
    (void)state;
    assert_true(uuid_is_nil(&nil));
    for (size_t i = 0; i < sizeof nil.bytes; i++) {
        struct uuid other = nil;
        other.bytes[i] = 1;
        assert_false(uuid_is_nil(&other));
        assert_false(uuid_equal(&nil, &other));
    }
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 128; bit++) {
        char text[UUID_TEXT_LENGTH + 1];
        struct uuid id = {{0}};
        struct uuid back = sample;
        id.bytes[bit / 8] = (uint8_t)(1u << bit % 8);
        uuid_format(&id, text);
        assert_true(uuid_parse(str_from(text), &back));
        assert_true(uuid_equal(&id, &back));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(either_case_is_read),
        cmocka_unit_test(any_other_form_is_refused_and_leaves_the_target_alone),
        cmocka_unit_test(a_nul_inside_the_text_is_refused),
        cmocka_unit_test(the_written_form_is_lower_case),
        cmocka_unit_test(only_all_zero_is_nil),
        cmocka_unit_test(what_is_written_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
