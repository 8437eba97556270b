/* Fuzz target: a stored row of the bank adapter: its table, the length of its key, the key, and its value.
 *
 * A row is refused, or the core that has read it is sound, tells and asks what it may, and writes the very same row again. */
#include <stdlib.h>

#include "actors/bank/core.h"
#include "tests/fuzz/input.h"

#define NOW_US INT64_C(1795249800000000)

static void *block_new(void *context, size_t bytes)
{
    (void)context;
    void *block = aligned_alloc(64, (bytes + 63) / 64 * 64);
    return block != NULL ? memset(block, 0, bytes) : NULL;
}

static void block_free(void *context, void *pointer, size_t bytes)
{
    (void)context;
    (void)bytes;
    free(pointer);
}

static void check_same(const uint8_t *key, size_t key_length, const uint8_t *value, size_t length)
{
    struct row row;
    uint8_t again[ROW_JOB_MAX], again_key[ROW_JOB_KEY];
    CHECK(row_job_unpack(key, key_length, value, length, &row) == ERR_OK);
    bool is_kept = row.kind == ROW_KEPT;
    struct job job = {.rail = row.rail, .outcome = row.outcome, .is_permanent = row.is_permanent};
    memcpy(job.reason, row.reason, sizeof job.reason);
    struct call_key call = is_kept ? call_key_kept(&row.kept) : call_key_of(&row.rail.call);
    row_job_key(&call, again_key);
    size_t again_length = is_kept ? row_kept_pack(&row.kept, again) : row_job_pack(&job, again);
    CHECK(memcmp(again_key, key, sizeof again_key) == 0);
    CHECK(again_length == length && memcmp(again, value, length) == 0);
}

static void use(struct bank *bank)
{
    struct bank_job_view view;
    struct bank_unit *unit;
    CHECK(bank_recovered(bank, NOW_US) == ERR_OK);
    bank_check(bank);
    for (int i = 0; i < 4 && (unit = bank_take(bank)) != NULL; i++) {
        CHECK(unit->request_count == 0 && unit->report_count <= 1);
        bank_release(bank, unit);
    }
    bank_timer(bank, NOW_US + BANK_KEEP_US);
    (void)bank_jobs(bank, STR_LITERAL(""), 0, &view, 1);
    bank_check(bank);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct mem mem = {NULL, block_new, block_free};
    struct input input = {data, size};
    uint8_t table = input_byte(&input), key_length = input_byte(&input) % (BANK_ROW_KEY_MAX + 1);
    if (key_length > input.left)
        key_length = (uint8_t)input.left;
    const uint8_t *key = input.at, *value = key + key_length;
    size_t length = input.left - key_length;
    struct bank *bank = bank_new(NULL, 0, 0, &mem);
    CHECK(bank != NULL);
    enum err err = bank_restore(bank, table, key, key_length, value, length);
    CHECK(err == ERR_OK || err == ERR_CORRUPT);
    if (err == ERR_OK) {
        if (table == BANK_TABLE_JOBS)
            check_same(key, key_length, value, length);
        use(bank);
    }
    bank_destroy(&bank);
    return 0;
}
