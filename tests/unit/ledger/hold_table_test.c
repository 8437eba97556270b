/* The table of holds: the lowest free slot, the index and the rings, whatever comes and goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actors/ledger/hold_table.h"
#include "sim/counting_mem.h"

enum { ACCOUNTS = 3, THINGS = 700 };

struct fixture {
    struct counting_mem counting;
    struct mem mem;
    struct hold_table table;
    uint32_t heads[ACCOUNTS];
    uint64_t position;
};

static void begin(struct fixture *f)
{
    *f = (struct fixture){0};
    f->mem = counting_mem_port(&f->counting);
    hold_table_init(&f->table, &f->mem, 7);
}

static void end(struct fixture *f)
{
    hold_table_release(&f->table);
    assert_int_equal(f->counting.live_blocks, 0);
}

static struct uuid id_of(uint32_t number)
{
    struct uuid id = {{1}};
    memcpy(id.bytes + 8, &number, sizeof number);
    return id;
}

static uint32_t open_one(struct fixture *f, uint32_t number, uint32_t account)
{
    uint32_t slot = hold_free_slot(&f->table);
    struct uuid id = id_of(number);
    assert_true(hold_ensure(&f->table, slot));
    struct hold *hold = hold_fill(&f->table, slot, &id, ++f->position, account);
    hold->held = 1;
    hold->last_position = f->position;
    hold_more_at(&f->table, slot)->opened_us = (int64_t)f->position;
    hold_table_join(&f->table, slot, &f->heads[account]);
    return slot;
}

static void end_one(struct fixture *f, uint32_t slot)
{
    hold_table_leave(&f->table, slot, &f->heads[hold_at(&f->table, slot)->account]);
    hold_free(&f->table, slot);
}

static uint32_t find(const struct fixture *f, uint32_t number)
{
    struct uuid id = id_of(number);
    return hold_find(&f->table, &id, hold_hash(&f->table, &id));
}

static void a_new_hold_takes_the_lowest_free_slot(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    for (uint32_t i = 0; i < 200; i++)
        assert_int_equal(open_one(&f, i, 0), i);
    end_one(&f, 130);
    end_one(&f, 5);
    assert_int_equal(open_one(&f, 1000, 0), 5);
    assert_int_equal(open_one(&f, 1001, 0), 130);
    assert_int_equal(open_one(&f, 1002, 0), 200);
    end(&f);
}

static void a_freed_slot_keeps_the_position_of_its_last_fact(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    uint32_t slot = open_one(&f, 1, 0);
    hold_at(&f.table, slot)->last_position = 77;
    end_one(&f, slot);
    assert_int_equal(hold_at(&f.table, slot)->last_position, 77);
    assert_int_equal(hold_at(&f.table, slot)->held, 0);
    end(&f);
}

/* One ring: in order of opening, of one account, and as many as there are. */
static uint32_t ring_length(const struct fixture *f, uint32_t account)
{
    uint32_t count = 0, head = f->heads[account];
    uint64_t before = 0;
    for (uint32_t slot = head - 1; slot != HOLD_NONE; slot = hold_after(&f->table, slot, head), count++) {
        assert_true(hold_at(&f->table, slot)->opened > before);
        assert_int_equal(hold_at(&f->table, slot)->account, account);
        before = hold_at(&f->table, slot)->opened;
    }
    return count;
}

static void whatever_comes_and_goes_all_are_found_and_stand_in_order(void **state)
{
    struct fixture f;
    uint32_t slots[THINGS], open = 0;
    uint64_t random = 88172645463325252u;
    (void)state;
    begin(&f);
    memset(slots, 0xff, sizeof slots);
    for (int step = 0; step < 20000; step++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint32_t number = (uint32_t)(random % THINGS);
        assert_int_equal(find(&f, number), slots[number]);
        if (slots[number] == HOLD_NONE) {
            slots[number] = open_one(&f, number, (uint32_t)(random >> 32) % ACCOUNTS);
            open++;
        } else {
            end_one(&f, slots[number]);
            slots[number] = HOLD_NONE;
            open--;
        }
        assert_int_equal(f.table.open_count, open);
    }
    assert_int_equal(ring_length(&f, 0) + ring_length(&f, 1) + ring_length(&f, 2), open);
    for (uint32_t number = 0; number < THINGS; number++)
        assert_int_equal(find(&f, number), slots[number]);
    end(&f);
}

static void the_oldest_is_known(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    assert_int_equal(f.table.oldest, 0);
    assert_true(f.table.oldest_us == INT64_MAX);
    uint32_t first = open_one(&f, 1, 0), second = open_one(&f, 2, 1);
    assert_int_equal(f.table.oldest, first + 1);
    assert_int_equal(f.table.oldest_us, 1);
    end_one(&f, first);
    assert_int_equal(f.table.oldest, second + 1);
    assert_int_equal(f.table.oldest_us, hold_more_at(&f.table, second)->opened_us);
    (void)open_one(&f, 3, 0); /* takes the lower slot, and is younger */
    assert_int_equal(f.table.oldest, second + 1);
    end(&f);
}

static void without_memory_the_table_stays_as_it_is(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    for (uint64_t nth = 1; nth <= 6; nth++) {
        counting_mem_fail(&f.counting, nth, 1);
        if (hold_ensure(&f.table, 0))
            break;
        assert_int_equal(f.table.count, 0);
    }
    counting_mem_fail(&f.counting, 0, 0);
    assert_int_equal(open_one(&f, 1, 0), 0);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_hold_takes_the_lowest_free_slot),
        cmocka_unit_test(a_freed_slot_keeps_the_position_of_its_last_fact),
        cmocka_unit_test(whatever_comes_and_goes_all_are_found_and_stand_in_order),
        cmocka_unit_test(the_oldest_is_known),
        cmocka_unit_test(without_memory_the_table_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
