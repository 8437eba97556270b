/* The parts that the bank adapter's core is made of: rows, slots, the index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/bank/core.h"
#include "sim/counting_mem.h"

static void fill(char *text, size_t max)
{
    memset(text, 'x', max);
    text[max] = '\0';
}

/* As long as can be in every field. */
static struct job longest_job(void)
{
    struct job job = {.outcome = BANK_FAILED, .is_permanent = true};
    struct rail_job *rail = &job.rail;
    memset(rail->call.remittance.bytes, 0xAB, 16);
    rail->call.number = 0x01020304;
    rail->call.partition = 63;
    rail->call.step = BANK_REFUND;
    rail->call.currency = 7;
    rail->call.amount = INT64_MAX;
    rail->call.called_us = -1;
    rail->serial = UINT64_MAX;
    rail->sent_us = 12345;
    rail->inquiries = 9;
    rail->phase = RAIL_PAY;
    rail->stage = 3;
    fill(rail->call.bank, BANK_NAME_MAX);
    fill(rail->call.payer, BANK_PARTY_MAX);
    fill(rail->call.payee, BANK_PARTY_MAX);
    fill(rail->call.memo, MEMO_MAX);
    fill(rail->id, RAIL_ID_MAX);
    fill(rail->consent, RAIL_ID_MAX);
    fill(rail->resource, RAIL_ID_MAX);
    fill(rail->date, 8);
    fill(rail->extra, RAIL_ID_MAX);
    fill(job.reason, BANK_REASON_MAX);
    return job;
}

static void a_job_comes_back_from_its_row_as_it_was(void **state)
{
    (void)state;
    struct job job = longest_job();
    uint8_t key[ROW_JOB_KEY], value[ROW_JOB_MAX];
    struct row row;
    struct call_key call = call_key_of(&job.rail.call);
    row_job_key(&call, key);
    size_t length = row_job_pack(&job, value);
    assert_true(length <= BANK_ROW_MAX);
    assert_int_equal(row_job_unpack(key, sizeof key, value, length, &row), ERR_OK);
    assert_int_equal(row.kind, ROW_JOB);
    assert_memory_equal(&row.rail, &job.rail, sizeof job.rail);
    assert_int_equal(row.outcome, BANK_FAILED);
    assert_true(row.is_permanent);
    assert_string_equal(row.reason, job.reason);
}

static void a_row_that_is_cut_or_too_long_or_changed_in_its_shape_is_refused(void **state)
{
    (void)state;
    struct job job = longest_job();
    uint8_t key[ROW_JOB_KEY], value[ROW_JOB_MAX + 1];
    struct row row;
    struct call_key call = call_key_of(&job.rail.call);
    row_job_key(&call, key);
    size_t length = row_job_pack(&job, value);
    for (size_t cut = 0; cut < length; cut++)
        assert_int_equal(row_job_unpack(key, sizeof key, value, cut, &row), ERR_CORRUPT);
    value[length] = 0;
    assert_int_equal(row_job_unpack(key, sizeof key, value, length + 1, &row), ERR_CORRUPT);
    for (size_t i = 0; i < length; i++) { /* whatever a byte is: it is read or refused, and nothing else */
        uint8_t was = value[i];
        for (int byte = 0; byte < 256; byte += 5) {
            value[i] = (uint8_t)byte;
            enum err err = row_job_unpack(key, sizeof key, value, length, &row);
            assert_true(err == ERR_OK || err == ERR_CORRUPT);
        }
        value[i] = was;
    }
    value[0] = 1;
    assert_int_equal(row_job_unpack(key, sizeof key, value, length, &row), ERR_CORRUPT);
}

static void what_is_kept_comes_back_from_its_row(void **state)
{
    (void)state;
    for (uint64_t print = 0; print < 2; print++) { /* 0: a row that has none */
        struct kept kept = {.number = 1,
                            .partition = 2,
                            .forget_us = 77,
                            .outcome = BANK_SUCCEEDED,
                            .print = print,
                            .remittance = {.bytes = {1, 2, 3}}};
        uint8_t key[ROW_JOB_KEY], value[ROW_KEPT_MAX];
        struct row row;
        fill(kept.reference, BANK_REFERENCE_MAX);
        struct call_key call = call_key_kept(&kept);
        row_job_key(&call, key);
        size_t length = row_kept_pack(&kept, value);
        assert_int_equal(row_job_unpack(key, sizeof key, value, length, &row), ERR_OK);
        assert_int_equal(row.kind, ROW_KEPT);
        assert_memory_equal(&row.kept, &kept, sizeof kept);
        assert_int_equal(row_job_unpack(key, sizeof key, value, length - 1, &row), ERR_CORRUPT);
    }
}

static void a_text_is_cut_between_characters(void **state)
{
    (void)state;
    char out[4];
    bank_copy_text(out, sizeof out, "ab\xEA\xB0\x80");
    assert_string_equal(out, "ab");
    bank_copy_text(out, sizeof out, "\xEA\xB0\x80");
    assert_string_equal(out, "\xEA\xB0\x80");
}

/* Few hashes, so that they meet. */
static uint64_t hash_of(uint32_t slot)
{
    return (uint64_t)(slot * 2654435761U % 61) << 32;
}

static bool holds(const struct index *index, uint32_t slot)
{
    uint32_t at = 0, found;
    while ((found = index_next(index, hash_of(slot), &at)) != SLOT_NONE) {
        if (found == slot)
            return true;
    }
    return false;
}

static void an_index_holds_what_was_put_and_not_removed(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    struct counting_mem counting = {0};
    struct mem mem = counting_mem_port(&counting);
    struct index index;
    bool is_in[COUNT] = {false};
    uint32_t seed = 1;
    index_init(&index, &mem);
    assert_false(holds(&index, 0));
    for (int i = 0; i < 20000; i++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t slot = (seed >> 8) % COUNT;
        if (is_in[slot]) {
            index_remove(&index, hash_of(slot), slot);
        } else {
            assert_true(index_ensure(&index, index.count + 1));
            index_put(&index, hash_of(slot), slot);
        }
        is_in[slot] = !is_in[slot];
        uint32_t other = (seed >> 4) % COUNT;
        assert_int_equal(holds(&index, other), is_in[other]);
    }
    for (uint32_t slot = 0; slot < COUNT; slot++)
        assert_int_equal(holds(&index, slot), is_in[slot]);
    index_release(&index);
    assert_int_equal(counting.live_blocks, 0);
}

static void slots_stay_where_they_are_and_are_used_again(void **state)
{
    (void)state;
    struct counting_mem counting = {0};
    struct mem mem = counting_mem_port(&counting);
    struct slots slots;
    assert_true(slots_init(&slots, &mem, 24, 2 * SLOTS_CHUNK));
    for (uint32_t i = 0; i < 2 * SLOTS_CHUNK; i++) {
        assert_true(slots_ensure(&slots));
        assert_int_equal(slots_take(&slots), i);
        memset(slots_at(&slots, i), 0xFF, 24);
    }
    assert_false(slots_ensure(&slots));
    for (uint32_t i = 0; i < 2 * SLOTS_CHUNK; i++)
        slots_free(&slots, i);
    assert_true(slots_ensure(&slots));
    uint32_t slot = slots_take(&slots);
    assert_int_equal(*(uint8_t *)slots_at(&slots, slot), 0);
    assert_int_equal(slots.count, 1);
    slots_release(&slots);
    assert_int_equal(counting.live_blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_job_comes_back_from_its_row_as_it_was),
        cmocka_unit_test(a_row_that_is_cut_or_too_long_or_changed_in_its_shape_is_refused),
        cmocka_unit_test(what_is_kept_comes_back_from_its_row),
        cmocka_unit_test(a_text_is_cut_between_characters),
        cmocka_unit_test(an_index_holds_what_was_put_and_not_removed),
        cmocka_unit_test(slots_stay_where_they_are_and_are_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
