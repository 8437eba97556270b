/* The table of open remittances: the lowest free slot, the index, the ring and the counts, whatever comes and goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actors/ledger/remittance_states.h"
#include "actors/ledger/remittance_table.h"
#include "sim/counting_mem.h"

enum { THINGS = 1500 };

struct fixture {
    struct counting_mem counting;
    struct mem mem;
    struct remittance_table table;
    uint64_t position;
};

static void begin(struct fixture *f)
{
    *f = (struct fixture){0};
    f->mem = counting_mem_port(&f->counting);
    remittance_table_init(&f->table, &f->mem, 7);
}

static void end(struct fixture *f)
{
    remittance_table_release(&f->table);
    assert_int_equal(f->counting.live_blocks, 0);
}

static struct uuid id_of(uint32_t number)
{
    struct uuid id = {{1}};
    memcpy(id.bytes + 8, &number, sizeof number);
    return id;
}

static uint32_t open_one(struct fixture *f, uint32_t number, uint8_t state)
{
    uint32_t slot = remittance_free_slot(&f->table);
    struct uuid id = id_of(number);
    assert_true(remittance_ensure(&f->table, slot));
    struct remittance *remittance = remittance_fill(&f->table, slot, &id, ++f->position);
    remittance->state = state;
    remittance->step = REMITTANCE_STEP_PULL;
    remittance->last_position = f->position;
    remittance_table_join(&f->table, slot);
    return slot;
}

static void end_one(struct fixture *f, uint32_t slot)
{
    remittance_table_leave(&f->table, slot);
    remittance_free(&f->table, slot);
}

static void what_is_open_is_found_and_what_has_ended_is_not(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    for (uint32_t i = 0; i < THINGS; i++)
        assert_int_equal(open_one(&f, i, REMITTANCE_PULLING), i);
    for (uint32_t i = 0; i < THINGS; i += 3)
        end_one(&f, i);
    for (uint32_t i = 0; i < THINGS; i++) {
        struct uuid id = id_of(i);
        assert_int_equal(remittance_find(&f.table, &id), i % 3 == 0 ? REMITTANCE_NONE : i);
    }
    assert_null(remittance_table_broken(&f.table));
    assert_int_equal(open_one(&f, THINGS, REMITTANCE_PULLING), 0);
    assert_int_equal(open_one(&f, THINGS + 1, REMITTANCE_PULLING), 3);
    assert_null(remittance_table_broken(&f.table));
    end(&f);
}

static void the_ring_is_in_order_of_requests_whatever_the_slots(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    for (uint32_t i = 0; i < 4; i++)
        open_one(&f, i, REMITTANCE_PULLING);
    end_one(&f, 0);
    end_one(&f, 2);
    open_one(&f, 4, REMITTANCE_PULLING);
    static const uint32_t order[] = {1, 3, 0};
    uint32_t slot = f.table.oldest - 1;
    for (size_t i = 0; i < 3; i++, slot = remittance_after(&f.table, slot))
        assert_int_equal(slot, order[i]);
    assert_int_equal(slot, REMITTANCE_NONE);
    for (size_t i = 0; i < 3; i++)
        end_one(&f, order[i]);
    assert_int_equal(f.table.oldest, 0);
    end(&f);
}

static void a_count_follows_what_moves_between_lists(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    uint32_t slot = open_one(&f, 1, REMITTANCE_PULL_UNKNOWN);
    assert_int_equal(f.table.counts[REMITTANCE_LIST_UNKNOWN], 1);
    struct remittance *remittance = remittance_at(&f.table, slot);
    uint32_t before = remittance_lists(remittance->state, remittance->step, remittance->flags);
    remittance->state = REMITTANCE_PULL_FAILED;
    remittance_count(&f.table, before,
                     remittance_lists(remittance->state, remittance->step, remittance->flags));
    assert_int_equal(f.table.counts[REMITTANCE_LIST_UNKNOWN], 0);
    assert_int_equal(f.table.counts[REMITTANCE_LIST_PULL], 1);
    assert_int_equal(f.table.counts[REMITTANCE_LIST_FAILED], 1);
    assert_null(remittance_table_broken(&f.table));
    end_one(&f, slot);
    for (int list = 0; list < REMITTANCE_LIST_COUNT; list++)
        assert_int_equal(f.table.counts[list], 0);
    end(&f);
}

static void a_full_table_has_no_free_slot_until_one_ends(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    for (uint32_t i = 0; i < LEDGER_REMITTANCES_MAX; i++)
        open_one(&f, i, REMITTANCE_PULLING);
    assert_int_equal(remittance_free_slot(&f.table), REMITTANCE_NONE);
    end_one(&f, 40000);
    assert_int_equal(remittance_free_slot(&f.table), 40000);
    assert_null(remittance_table_broken(&f.table));
    end(&f);
}

static void without_memory_nothing_changes(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    counting_mem_fail(&f.counting, 1, 1);
    assert_false(remittance_ensure(&f.table, 0));
    counting_mem_fail(&f.counting, 2, 1);
    assert_false(remittance_ensure(&f.table, 0));
    counting_mem_fail(&f.counting, 0, 0);
    open_one(&f, 1, REMITTANCE_PULLING);
    assert_null(remittance_table_broken(&f.table));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_open_is_found_and_what_has_ended_is_not),
        cmocka_unit_test(the_ring_is_in_order_of_requests_whatever_the_slots),
        cmocka_unit_test(a_count_follows_what_moves_between_lists),
        cmocka_unit_test(a_full_table_has_no_free_slot_until_one_ends),
        cmocka_unit_test(without_memory_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
