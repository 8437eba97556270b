/* Interned strings: the same text has the same number, for good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "actors/ledger/names.h"
#include "sim/counting_mem.h"

enum { MANY = 3000 };

static struct str text_of(uint32_t number, char out[256])
{
    /* Lengths from 5 to 255. */
    int length = snprintf(out, 256, "%0*u", 5 + (int)(number % 251), number);
    return (struct str){out, (uint32_t)length};
}

static void a_text_keeps_its_number_and_a_number_its_text(void **state)
{
    struct counting_mem counting = {0};
    struct mem mem = counting_mem_port(&counting);
    struct names names;
    char text[256];
    (void)state;
    names_init(&names, &mem, 3);
    assert_int_equal(names_find(&names, STR_LITERAL("ann")), NAME_NONE);
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < MANY; i++) {
            assert_true(names_ensure(&names, 1));
            assert_int_equal(names_intern(&names, text_of(i, text)), i);
        }
    }
    for (uint32_t i = 0; i < MANY; i++) {
        assert_true(str_equal(names_at(&names, i), text_of(i, text)));
        assert_int_equal(names_find(&names, text_of(i, text)), i);
    }
    assert_int_equal(names_find(&names, text_of(MANY, text)), NAME_NONE);
    names_release(&names);
    assert_int_equal(counting.live_blocks, 0);
}

static void the_empty_text_is_a_name_too(void **state)
{
    struct counting_mem counting = {0};
    struct mem mem = counting_mem_port(&counting);
    struct names names;
    (void)state;
    names_init(&names, &mem, 3);
    assert_true(names_ensure(&names, 2));
    uint32_t empty = names_intern(&names, (struct str){NULL, 0});
    assert_int_equal(names_intern(&names, STR_LITERAL("")), empty);
    assert_int_equal(names_at(&names, empty).length, 0);
    assert_int_not_equal(names_intern(&names, STR_LITERAL("a")), empty);
    names_release(&names);
}

static void without_memory_there_is_no_room_and_names_stay(void **state)
{
    struct counting_mem counting = {0};
    struct mem mem = counting_mem_port(&counting);
    struct names names;
    char text[256];
    (void)state;
    names_init(&names, &mem, 3);
    uint32_t count = 0;
    for (uint32_t i = 0; i < MANY; i++) {
        counting_mem_fail(&counting, i % 3, i % 3 ? 1 : 0);
        if (!names_ensure(&names, 3)) {
            counting_mem_fail(&counting, 0, 0);
            assert_true(names_ensure(&names, 3));
        }
        assert_int_equal(names_intern(&names, text_of(i, text)), count++);
    }
    for (uint32_t i = 0; i < MANY; i++)
        assert_int_equal(names_find(&names, text_of(i, text)), i);
    names_release(&names);
    assert_int_equal(counting.live_blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_keeps_its_number_and_a_number_its_text),
        cmocka_unit_test(the_empty_text_is_a_name_too),
        cmocka_unit_test(without_memory_there_is_no_room_and_names_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
