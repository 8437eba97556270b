/* The heap of deadlines: what is due first comes first, and everyone knows where his entry stands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/ledger/deadlines.h"
#include "sim/counting_mem.h"

enum { THINGS = 500, NOWHERE = -1 };

struct fixture {
    struct counting_mem counting;
    struct mem mem;
    struct deadlines deadlines;
    int64_t where[THINGS];
    struct deadline entries[THINGS];
};

static void moved(void *context, const struct deadline *entry, uint32_t index)
{
    struct fixture *f = context;
    f->where[entry->slot] = index;
}

static void begin(struct fixture *f)
{
    *f = (struct fixture){0};
    f->mem = counting_mem_port(&f->counting);
    deadlines_init(&f->deadlines, &f->mem, moved, f);
    for (int i = 0; i < THINGS; i++)
        f->where[i] = NOWHERE;
}

static void end(struct fixture *f)
{
    deadlines_release(&f->deadlines);
    assert_int_equal(f->counting.live_blocks, 0);
}

static void put(struct fixture *f, uint32_t slot, int64_t due_us)
{
    f->entries[slot] = (struct deadline){due_us, slot + 1, 0, slot};
    assert_true(deadlines_ensure(&f->deadlines, f->deadlines.count + 1u));
    deadlines_put(&f->deadlines, &f->entries[slot]);
}

static void take(struct fixture *f, uint32_t slot)
{
    deadlines_remove(&f->deadlines, (uint32_t)f->where[slot]);
    f->where[slot] = NOWHERE;
}

static void nothing_is_due_in_an_empty_heap(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    assert_null(deadlines_first(&f.deadlines));
    assert_int_equal(deadlines_due_us(&f.deadlines), INT64_MAX);
    end(&f);
}

static void of_one_time_the_older_comes_first(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    for (uint32_t slot = 10; slot-- > 0;)
        put(&f, slot, 7);
    for (uint32_t slot = 0; slot < 10; slot++) {
        assert_int_equal(deadlines_first(&f.deadlines)->slot, slot);
        take(&f, slot);
    }
    end(&f);
}

/* Compared with looking through all of them. */
static int64_t first_of(const struct fixture *f)
{
    int64_t due = INT64_MAX;
    for (uint32_t i = 0; i < THINGS; i++) {
        if (f->where[i] != NOWHERE && f->entries[i].due_us < due)
            due = f->entries[i].due_us;
    }
    return due;
}

static void whatever_is_put_and_taken_the_first_is_first_and_all_know_their_place(void **state)
{
    struct fixture f;
    uint64_t random = 88172645463325252u;
    (void)state;
    begin(&f);
    for (int step = 0; step < 5000; step++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        uint32_t slot = (uint32_t)(random % THINGS);
        if (f.where[slot] == NOWHERE)
            put(&f, slot, (int64_t)(random >> 32) % 100);
        else
            take(&f, slot);
        assert_int_equal(deadlines_due_us(&f.deadlines), first_of(&f));
        if (f.where[slot] != NOWHERE)
            assert_memory_equal(&f.deadlines.heap[f.where[slot]], &f.entries[slot], sizeof f.entries[slot]);
    }
    assert_true(deadlines_in_order(&f.deadlines));
    for (uint32_t i = 0; i < THINGS; i++) {
        if (f.where[i] != NOWHERE)
            assert_int_equal(f.deadlines.heap[f.where[i]].slot, i);
    }
    end(&f);
}

static void without_memory_nothing_is_promised_and_nothing_lost(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    put(&f, 3, 9);
    size_t capacity = f.deadlines.capacity;
    counting_mem_fail(&f.counting, 1, 1);
    assert_false(deadlines_ensure(&f.deadlines, capacity + 1));
    assert_int_equal(deadlines_first(&f.deadlines)->slot, 3);
    assert_int_equal(f.deadlines.capacity, capacity);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_due_in_an_empty_heap),
        cmocka_unit_test(of_one_time_the_older_comes_first),
        cmocka_unit_test(whatever_is_put_and_taken_the_first_is_first_and_all_know_their_place),
        cmocka_unit_test(without_memory_nothing_is_promised_and_nothing_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
