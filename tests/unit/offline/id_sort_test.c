/* An id answered twice within the retention time is found, in memory and in runs on disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "broker/offline/id_sort.h"

enum { RETENTION_US = 1000, FEW = 100, SMALL_MEMORY = 32 * 7 };

static struct uuid id_of(uint64_t number)
{
    struct uuid id = {{0}};
    uint64_t mixed = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    memcpy(id.bytes, &mixed, sizeof mixed);
    return id;
}

struct row {
    size_t memory_bytes;
    uint64_t again; /* which id comes a second time; FEW: none */
    int64_t after_us;
    enum err expected;
};

static void a_second_answer_within_the_retention_time_is_found(void **state)
{
    static const struct row rows[] = {
        {1 << 20, FEW, 0, ERR_OK},
        {1 << 20, 0, RETENTION_US, ERR_CORRUPT},
        {1 << 20, 57, 1, ERR_CORRUPT},
        {1 << 20, 57, RETENTION_US + 1, ERR_OK},
        {SMALL_MEMORY, FEW, 0, ERR_OK},
        {SMALL_MEMORY, 0, RETENTION_US, ERR_CORRUPT},
        {SMALL_MEMORY, 99, 1, ERR_CORRUPT},
        {SMALL_MEMORY, 3, RETENTION_US + 1, ERR_OK},
        {0, 42, 5, ERR_CORRUPT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct id_sort sort;
        struct id_sort_entry first, second;
        id_sort_init(&sort, rows[i].memory_bytes);
        for (uint64_t n = 0; n < FEW; n++) {
            struct uuid id = id_of(n);
            assert_int_equal(id_sort_add(&sort, &id, n + 1, 50), ERR_OK);
        }
        struct uuid again = id_of(rows[i].again);
        assert_int_equal(id_sort_add(&sort, &again, FEW + 1, 50 + rows[i].after_us), ERR_OK);
        assert_int_equal(id_sort_check(&sort, RETENTION_US, &first, &second), rows[i].expected);
        if (rows[i].expected == ERR_CORRUPT) {
            assert_int_equal(first.position, rows[i].again + 1);
            assert_int_equal(second.position, FEW + 1);
        }
        id_sort_release(&sort);
    }
}

static void none_is_fine(void **state)
{
    struct id_sort sort;
    struct id_sort_entry first, second;
    (void)state;
    id_sort_init(&sort, SMALL_MEMORY);
    assert_int_equal(id_sort_check(&sort, RETENTION_US, &first, &second), ERR_OK);
    id_sort_release(&sort);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_second_answer_within_the_retention_time_is_found),
        cmocka_unit_test(none_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
