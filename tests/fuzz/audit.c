/* Fuzz target: what `verify` does with damaged journals of two partitions.
 *
 *     byte 0: bit 0 the partition that is damaged; bit 1: facts are damaged before they are hashed, else stored bytes after
 *     byte 1: which commit, for stored bytes; then patches
 *
 * A changed byte under a hash is found, always. Damage that the hashes cover is found or consistent: what the checker
 * passes, the core can replay, and the two agree. */
#include <stdlib.h>

#include "actors/base/check.h"
#include "broker/offline/audit.h"
#include "broker/offline/timeline.h"
#include "store/journal_memory.h"
#include "tests/fuzz/history.h"
#include "tests/fuzz/patch.h"

#define RETENTION_US INT64_C(604800000000)

struct check {
    struct journal *journals[HISTORY_PARTITIONS];
    struct bridge bridge;
    struct audit audits[HISTORY_PARTITIONS];
    struct timeline timeline;
    struct ledger *ledgers[HISTORY_PARTITIONS];
    struct history_ports ports[HISTORY_PARTITIONS];
    struct history_mem memory;
};

static void journal_fill(struct journal *journal, const struct history_journal *from)
{
    for (size_t i = 0; i < from->count; i++)
        CHECK(journal_append(journal, &from->commits[i]) == JOURNAL_OK);
}

static struct check *check_new(const struct history_journal *const *journals)
{
    struct check *check = calloc(1, sizeof *check);
    CHECK(check != NULL && bridge_init(&check->bridge, HISTORY_PARTITIONS));
    check->memory.limit = SIZE_MAX;
    struct mem mem = history_mem_port(&check->memory);
    for (uint32_t p = 0; p < HISTORY_PARTITIONS; p++) {
        struct journal_memory_options options = {.partition = p};
        enum err err = journal_memory_new(&options, &check->journals[p]);
        CHECK(err == ERR_OK);
        journal_fill(check->journals[p], journals[p]);
        audit_init(&check->audits[p], p, HISTORY_PARTITIONS, currency_find("KRW", 3), &check->bridge);
        check->ports[p] = (struct history_ports){journals[p], NULL};
        struct ledger_ports ports = history_ports_of(&check->ports[p]);
        struct ledger_config config = history_config(p);
        check->ledgers[p] = ledger_new(&config, &ports, &mem);
        CHECK(check->ledgers[p] != NULL && ledger_replay_from(check->ledgers[p]) == FACT_FIRST);
    }
    return check;
}

static void check_free(struct check *check)
{
    timeline_release(&check->timeline);
    for (uint32_t p = 0; p < HISTORY_PARTITIONS; p++) {
        audit_release(&check->audits[p]);
        ledger_destroy(&check->ledgers[p]);
        journal_close(&check->journals[p]);
    }
    bridge_release(&check->bridge);
    CHECK(check->memory.live == 0);
    free(check);
}

/* The core is fed what the checker has passed. */
static enum err step(struct check *check, uint32_t p, const struct journal_commit *commit,
                     struct fault *fault)
{
    enum err err = audit_commit(&check->audits[p], commit, fault);
    if (err != ERR_OK)
        return err;
    err = ledger_replay(check->ledgers[p], commit->position, commit->time_us, commit->facts, commit->length);
    for (struct ledger_unit *unit; err == ERR_OK && (unit = ledger_take(check->ledgers[p])) != NULL;)
        ledger_release(check->ledgers[p], unit);
    return err;
}

static enum err check_ends(struct check *check, struct fault *fault)
{
    enum err err = ERR_OK;
    uint64_t open;
    for (uint32_t p = 0; p < HISTORY_PARTITIONS && err == ERR_OK; p++)
        err = ledger_recovered(check->ledgers[p]);
    for (uint32_t p = 0; p < HISTORY_PARTITIONS && err == ERR_OK; p++) {
        err = audit_ids(&check->audits[p], RETENTION_US, fault);
        if (err == ERR_OK)
            err = audit_compare(&check->audits[p], check->ledgers[p], fault);
        if (err == ERR_OK)
            ledger_check(check->ledgers[p]);
    }
    return err == ERR_OK ? audit_transit(check->audits, HISTORY_PARTITIONS, &open, fault) : err;
}

static enum err verify(struct check *check)
{
    struct fault fault = {0};
    uint32_t p;
    const struct journal_commit *commit;
    enum err err = timeline_init(&check->timeline, check->journals, HISTORY_PARTITIONS, INT64_MAX, &fault);
    while (err == ERR_OK && (err = timeline_next(&check->timeline, &p, &commit, &fault)) == ERR_OK)
        err = step(check, p, commit, &fault);
    if (err == ERR_NOT_FOUND)
        err = check_ends(check, &fault);
    CHECK(err == ERR_OK || err == ERR_CORRUPT || err == ERR_VERSION);
    return err;
}

/* Bytes of one stored commit, header and all. */
static bool damage_stored(struct journal *journal, const struct history_journal *from, uint8_t which,
                          struct input *input)
{
    uint8_t good[HISTORY_BYTES_MAX];
    size_t size;
    uint8_t *bytes = journal_memory_bytes(journal, from->commits[which % from->count].position, &size);
    CHECK(bytes != NULL && size <= sizeof good);
    memcpy(good, bytes, size);
    patch_apply(input, bytes, size);
    return memcmp(good, bytes, size) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct history_journal copy;
    struct input input = {data, size};
    const struct history *history = history_get();
    uint8_t flags = input_byte(&input);
    uint8_t which = input_byte(&input);
    uint32_t partition = flags & 1;
    const struct history_journal *journals[HISTORY_PARTITIONS] = {&history->journals[0],
                                                                  &history->journals[1]};
    const struct history_journal *good = journals[partition];
    bool under_hash = (flags & 2) == 0;
    if (!under_hash) {
        history_copy(good, &copy);
        patch_apply(&input, copy.bytes, copy.length);
        journals[partition] = &copy;
    }
    struct check *check = check_new(journals);
    bool changed = under_hash ? damage_stored(check->journals[partition], good, which, &input)
                              : memcmp(copy.bytes, good->bytes, good->length) != 0;
    enum err err = verify(check);
    CHECK(changed || err == ERR_OK);
    CHECK(!changed || !under_hash || err != ERR_OK);
    check_free(check);
    return 0;
}
