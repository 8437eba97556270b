/* Scratch directories and test commits. */
#include "tests/unit/store/scratch.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

void scratch_make(char path[SCRATCH_PATH_BYTES])
{
    const char *parent = getenv("TMPDIR");
    int length =
        snprintf(path, SCRATCH_PATH_BYTES, "%s/teller-store-XXXXXX", parent != NULL ? parent : "/tmp");
    assert_in_range(length, 1, SCRATCH_PATH_BYTES - 1);
    assert_non_null(mkdtemp(path));
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

void scratch_remove(const char *path)
{
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void scratch_facts(uint64_t sequence, uint8_t *out, size_t length)
{
    uint64_t state = sequence * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < length; i++) {
        state = state * UINT64_C(6364136223846793005) + 1;
        out[i] = (uint8_t)(state >> 56);
    }
}

enum journal_outcome scratch_append(struct journal *journal, size_t length)
{
    struct journal_head head;
    assert_int_equal(journal_get_head(journal, &head), ERR_OK);
    uint8_t *facts = malloc(length);
    assert_non_null(facts);
    scratch_facts(head.sequence + 1, facts, length);
    enum journal_outcome outcome = journal_append(journal, &(struct journal_commit){
                                                               .sequence = head.sequence + 1,
                                                               .epoch = head.epoch > 1 ? head.epoch : 1,
                                                               .position = head.next_position,
                                                               .time_us = (int64_t)(head.sequence + 1) * 1000,
                                                               .fact_count = 1,
                                                               .facts = facts,
                                                               .length = length,
                                                           });
    free(facts);
    return outcome;
}
