/* The table of transaction ids by itself: puts, moves, growth, runs, filters, expiry, and coming back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "actors/ledger/id_table.h"
#include "sim/counting_mem.h"

enum { KEY = 7, RETENTION_US = 1000, STORED_RUNS = 8192 };

/* What the state store would hold: slices by run. */
struct stored {
    uint8_t *slices[RUN_SLICES];
    size_t lengths[RUN_SLICES];
};

struct world {
    struct counting_mem mem;
    struct mem port;
    struct id_table table;
    struct stored *runs; /* by run number */
    uint64_t looked;     /* looks into stored runs */
};

static void world_init(struct world *w, uint32_t limit)
{
    memset(w, 0, sizeof *w);
    w->port = counting_mem_port(&w->mem);
    w->runs = calloc(STORED_RUNS, sizeof *w->runs);
    assert_true(id_table_init(&w->table, &w->port, KEY, limit, RETENTION_US));
}

static void run_delete(struct world *w, uint32_t run)
{
    for (int slice = 0; slice < RUN_SLICES; slice++) {
        free(w->runs[run].slices[slice]);
        w->runs[run].slices[slice] = NULL;
        w->runs[run].lengths[slice] = 0;
    }
}

static void world_release(struct world *w)
{
    for (uint32_t run = 0; run < w->table.next_run; run++)
        run_delete(w, run);
    id_table_release(&w->table);
    assert_int_equal(w->mem.live_blocks, 0);
    free(w->runs);
}

/* Spreads numbers over all 64 bits, one to one. */
static uint64_t hash_of(uint64_t number)
{
    uint64_t z = number * UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    return z ^ z >> 31;
}

static void run_find(void *context, uint32_t run, uint64_t hash,
                     bool (*match)(void *match_context, uint64_t position), void *match_context)
{
    struct world *w = context;
    const struct stored *stored = &w->runs[run];
    size_t slice = (size_t)(hash >> 56);
    w->looked++;
    for (size_t at = 0; at < stored->lengths[slice]; at += RUN_ENTRY) {
        uint64_t entry = 0, position = 0;
        memcpy(&entry, stored->slices[slice] + at, 8);
        memcpy(&position, stored->slices[slice] + at + 8, 6);
        if (entry == hash && match(match_context, position))
            return;
    }
}

struct seen {
    uint64_t positions[8];
    size_t count, stop_after;
};

static bool note(void *context, uint64_t position)
{
    struct seen *seen = context;
    assert_true(seen->count < 8);
    seen->positions[seen->count++] = position;
    return seen->count == seen->stop_after;
}

/* All positions of a hash, newest first. */
static struct seen look(struct world *w, uint64_t hash)
{
    struct seen seen = {.stop_after = 8};
    struct id_lookup lookup = {run_find, w, note, &seen};
    id_table_find(&w->table, hash, &lookup);
    if (seen.count > 0)
        assert_true(id_table_may_have(&w->table, hash));
    return seen;
}

static void expect(struct world *w, uint64_t hash, uint64_t position)
{
    struct seen seen = look(w, hash);
    assert_true(seen.count >= 1);
    assert_int_equal(seen.positions[0], position);
}

/* Writes all that is sealed; as after a commit, its runs can be found in the store. */
static void flush_all(struct world *w)
{
    uint32_t run, slice;
    size_t length;
    bool finished;
    uint8_t *space = malloc(id_table_slice_bound(&w->table));
    while (id_table_flush(&w->table, &run, &slice, space, &length, &finished)) {
        assert_true(run < STORED_RUNS && slice < RUN_SLICES && length <= id_table_slice_bound(&w->table));
        for (size_t at = RUN_ENTRY; at < length; at += RUN_ENTRY) {
            uint64_t before, here;
            memcpy(&before, space + at - RUN_ENTRY, 8);
            memcpy(&here, space + at, 8);
            assert_true(before <= here && here >> 56 == slice);
        }
        uint8_t *copy = malloc(length + 1);
        memcpy(copy, space, length);
        free(w->runs[run].slices[slice]);
        w->runs[run].slices[slice] = copy;
        w->runs[run].lengths[slice] = length;
        if (finished) {
            id_table_settle(&w->table, 1);
            space = realloc(space, id_table_slice_bound(&w->table));
        }
    }
    free(space);
}

static void put(struct world *w, uint64_t number, int64_t now_us)
{
    if (!id_table_ensure(&w->table, 64)) {
        flush_all(w);
        assert_true(id_table_ensure(&w->table, 64));
    }
    id_table_put(&w->table, hash_of(number), number + 1, now_us);
}

static void what_was_put_is_found_while_the_table_grows(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, 1 << 20);
    for (uint64_t i = 0; i < 20000; i++)
        put(&w, i, 0);
    for (uint64_t i = 0; i < 20000; i++)
        expect(&w, hash_of(i), i + 1);
    for (uint64_t i = 20000; i < 40000; i++)
        assert_int_equal(look(&w, hash_of(i)).count, 0);
    assert_int_equal(id_table_memory_count(&w.table), 20000);
    assert_int_equal(w.table.sealed_count, 0);
    world_release(&w);
}

static void of_one_hash_all_positions_are_kept_newest_first(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, 1 << 16);
    for (uint64_t position = 1; position <= 5; position++) {
        assert_true(id_table_ensure(&w.table, 1));
        id_table_put(&w.table, hash_of(9), position, 0);
    }
    for (uint64_t i = 100; i < 5000; i++) /* grows several times */
        put(&w, i, 0);
    struct seen seen = look(&w, hash_of(9));
    assert_int_equal(seen.count, 5);
    for (uint64_t i = 0; i < 5; i++)
        assert_int_equal(seen.positions[i], 5 - i);
    world_release(&w);
}

static void a_moved_id_is_found_where_it_went(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, 16);
    for (uint64_t i = 0; i < 2000; i++) {
        put(&w, i, 0);
        if (i >= 3 && i % 3 == 0) /* in the active table, in a sealed one, or in a run */
            id_table_move(&w.table, hash_of(i / 3), i / 3 + 1, 100000 + i, 0);
    }
    flush_all(&w);
    for (uint64_t i = 0; i < 2000; i++)
        expect(&w, hash_of(i), i > 0 && i * 3 < 2000 ? 100000 + i * 3 : i + 1);
    world_release(&w);
}

static void ids_in_runs_are_found_and_others_hardly_cost_a_look(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, 512);
    for (uint64_t i = 0; i < 30000; i++) {
        put(&w, i, 0);
        if (i % 1000 == 0)
            flush_all(&w);
    }
    flush_all(&w);
    assert_true(w.table.stored_count > 28000);
    for (uint64_t i = 0; i < 30000; i++)
        expect(&w, hash_of(i), i + 1);
    w.looked = 0;
    for (uint64_t i = 30000; i < 60000; i++)
        assert_int_equal(look(&w, hash_of(i)).count, 0);
    assert_true(w.looked < 3000); /* of 30,000 times 60 runs */
    world_release(&w);
}

static void too_many_sealed_tables_leave_no_room(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, 16);
    uint64_t i = 0;
    while (id_table_ensure(&w.table, 64))
        id_table_put(&w.table, hash_of(i), i + 1, 0), i++;
    assert_int_equal(w.table.sealed_count, ID_SEALED_MAX);
    flush_all(&w);
    assert_true(id_table_ensure(&w.table, 64));
    world_release(&w);
}

static void old_runs_are_dropped_and_the_number_of_runs_in_a_life_has_no_end(void **state)
{
    struct world w;
    uint32_t expired, dropped = 0;
    (void)state;
    world_init(&w, 16);
    uint64_t number = 0;
    for (int64_t now_us = 0; w.table.next_run < ID_RUNS_MAX + 500; now_us += 100) {
        for (int i = 0; i < 460; i++)
            put(&w, number++, now_us);
        flush_all(&w);
        while (id_table_expire(&w.table, now_us, &expired)) {
            run_delete(&w, expired);
            dropped++;
        }
    }
    assert_true(dropped > ID_RUNS_MAX);
    assert_true(w.table.stored_count < 20 * 512);
    for (uint64_t i = number - 4000; i < number; i++)
        expect(&w, hash_of(i), i + 1);
    assert_int_equal(look(&w, hash_of(0)).count, 0);
    world_release(&w);
}

/* A second table that is given the first one's list and slices. */
static void reload(struct world *from, struct world *to, uint32_t limit)
{
    size_t size = id_table_store_size(&from->table);
    uint8_t *list = malloc(size);
    id_table_store(&from->table, list);
    world_init(to, limit);
    assert_int_equal(id_table_load(&to->table, list, size), ERR_OK);
    for (uint32_t run = 0; run < from->table.next_run; run++) {
        for (uint32_t slice = 0; slice < RUN_SLICES; slice++) {
            const struct stored *stored = &from->runs[run];
            if (stored->lengths[slice] > 0)
                assert_int_equal(
                    id_table_load_slice(&to->table, run, stored->slices[slice], stored->lengths[slice]),
                    ERR_OK);
        }
    }
    free(list);
}

static void a_loaded_table_knows_its_runs_and_takes_the_rest_from_replay(void **state)
{
    struct world w, again;
    (void)state;
    world_init(&w, 16);
    for (uint64_t i = 0; i < 5000; i++)
        put(&w, i, 0);
    flush_all(&w);
    reload(&w, &again, 16);
    uint64_t from = id_table_replay_from(&again.table);
    assert_int_equal(from, id_table_replay_from(&w.table));
    struct stored *own = again.runs;
    again.runs = w.runs;
    for (uint64_t i = 0; i < 5000; i++) { /* those before it change nothing */
        assert_true(id_table_ensure(&again.table, 1));
        id_table_put(&again.table, hash_of(i), i + 1, 0);
    }
    assert_int_equal(id_table_memory_count(&again.table), 5000 + 1 - from);
    assert_int_equal(again.table.stored_count, w.table.stored_count);
    for (uint64_t i = 0; i < 5000; i++)
        expect(&again, hash_of(i), i + 1);
    again.runs = own;
    world_release(&again);
    world_release(&w);
}

static void a_list_cut_short_or_too_long_is_corrupt(void **state)
{
    struct world w, again;
    (void)state;
    world_init(&w, 16);
    for (uint64_t i = 0; i < 2000; i++)
        put(&w, i, 0);
    flush_all(&w);
    size_t size = id_table_store_size(&w.table);
    uint8_t *list = calloc(1, size + 1);
    id_table_store(&w.table, list);
    for (size_t length = 0; length <= size + 1; length++) {
        world_init(&again, 16);
        assert_int_equal(id_table_load(&again.table, list, length), length == size ? ERR_OK : ERR_CORRUPT);
        world_release(&again);
    }
    free(list);
    world_init(&again, 16);
    assert_int_equal(id_table_load_slice(&again.table, 1, (const uint8_t *)"123", 3), ERR_CORRUPT);
    world_release(&again);
    world_release(&w);
}

static void without_a_limit_no_id_is_kept(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, 0);
    assert_true(id_table_ensure(&w.table, 64));
    id_table_put(&w.table, hash_of(1), 1, 0);
    assert_false(id_table_may_have(&w.table, hash_of(1)));
    assert_int_equal(id_table_replay_from(&w.table), UINT64_MAX);
    world_release(&w);
}

static void without_memory_there_is_no_room_and_nothing_is_lost(void **state)
{
    struct world w;
    (void)state;
    world_init(&w, 1 << 16);
    counting_mem_fail(&w.mem, 1, 1000);
    uint64_t count = 0;
    while (id_table_ensure(&w.table, 64))
        id_table_put(&w.table, hash_of(count), count + 1, 0), count++;
    for (uint64_t i = 0; i < count; i++)
        expect(&w, hash_of(i), i + 1);
    counting_mem_fail(&w.mem, 0, 0);
    assert_true(id_table_ensure(&w.table, 64));
    for (uint64_t i = 0; i < count; i++)
        expect(&w, hash_of(i), i + 1);
    world_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_while_the_table_grows),
        cmocka_unit_test(of_one_hash_all_positions_are_kept_newest_first),
        cmocka_unit_test(a_moved_id_is_found_where_it_went),
        cmocka_unit_test(ids_in_runs_are_found_and_others_hardly_cost_a_look),
        cmocka_unit_test(too_many_sealed_tables_leave_no_room),
        cmocka_unit_test(old_runs_are_dropped_and_the_number_of_runs_in_a_life_has_no_end),
        cmocka_unit_test(a_loaded_table_knows_its_runs_and_takes_the_rest_from_replay),
        cmocka_unit_test(a_list_cut_short_or_too_long_is_corrupt),
        cmocka_unit_test(without_a_limit_no_id_is_kept),
        cmocka_unit_test(without_memory_there_is_no_room_and_nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
