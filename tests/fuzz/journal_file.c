/* Fuzz target: the file of a journal, damaged.
 *
 *     byte 0: bit 0 to read only, bit 1 to append afterwards, bit 2 to cut the file
 *     bytes 1, 2: with bit 2, where, in units of 64 bytes; then patches
 *
 * Opening and walking answers an error, or gives a prefix of what was written: no commit that was not, none
 * changed. What is appended then is there in turn, or the walk says what is wrong. */
#include <stdlib.h>

#include "actors/base/check.h"
#include "store/journal_lmdb.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/patch.h"

enum { COMMITS = 90, FACTS_MAX = 9000, CUT_UNIT = 64, READ_ONLY = 1, APPEND = 2, CUT = 4 };

#define MAP_BYTES (UINT64_C(4) << 20)

/* Sizes so that there are several levels, values inside pages and on pages of their own. */
static size_t facts_of(uint64_t sequence, uint8_t out[FACTS_MAX])
{
    size_t length = sequence % 17 == 3 ? FACTS_MAX - FACTS_MAX % 8 : (sequence * 40 % 600 + 8) / 8 * 8;
    memset(out, (int)sequence, length);
    return length;
}

static struct journal_commit commit_after(const struct journal_head *head, uint8_t facts[FACTS_MAX])
{
    return (struct journal_commit){
        .sequence = head->sequence + 1,
        .epoch = 1 + head->sequence / 8,
        .position = head->next_position,
        .time_us = (int64_t)(head->sequence + 1) * 1000,
        .fact_count = 1,
        .facts = facts,
        .length = facts_of(head->sequence + 1, facts),
    };
}

static struct journal_lmdb_options options_of(const char *path)
{
    struct journal_lmdb_options options = journal_lmdb_options_default(path, 0);
    options.map_size_bytes = MAP_BYTES;
    options.preallocate_bytes = 0;
    return options;
}

static enum journal_outcome append_next(struct journal *journal, uint64_t epoch)
{
    uint8_t facts[FACTS_MAX];
    struct journal_head head;
    if (journal_get_head(journal, &head) != ERR_OK)
        return JOURNAL_UNKNOWN;
    struct journal_commit commit = commit_after(&head, facts);
    commit.epoch = epoch > commit.epoch ? epoch : commit.epoch;
    return journal_append(journal, &commit);
}

static const uint8_t *good_file(size_t *size)
{
    static uint8_t *bytes;
    static size_t length;
    if (bytes == NULL) {
        struct journal *journal = NULL;
        struct journal_lmdb_options options = options_of(memory_lmdb("journal", "", 0));
        options.create = true;
        enum err err = journal_lmdb_open(&options, &journal, NULL);
        CHECK(err == ERR_OK);
        for (int i = 0; i < COMMITS; i++)
            CHECK(append_next(journal, 0) == JOURNAL_OK);
        journal_close(&journal);
        bytes = memory_lmdb_read("journal", &length);
    }
    *size = length;
    return bytes;
}

struct visit {
    struct journal_head head;
    uint64_t appended; /* the sequence of a commit that this run wrote; 0: none */
};

static enum err check_commit(void *context, const struct journal_commit *commit)
{
    struct visit *visit = context;
    uint8_t facts[FACTS_MAX];
    struct journal_commit expected = commit_after(&visit->head, facts);
    CHECK(commit->sequence == expected.sequence && commit->position == expected.position);
    CHECK(commit->sequence <= COMMITS || commit->sequence == visit->appended);
    CHECK(commit->time_us == expected.time_us && commit->fact_count == 1);
    CHECK(commit->epoch == expected.epoch || commit->sequence == visit->appended);
    CHECK(commit->length == expected.length && memcmp(commit->facts, facts, commit->length) == 0);
    visit->head.sequence = commit->sequence;
    visit->head.next_position = commit->position + commit->length / 8;
    return ERR_OK;
}

static bool is_answer(enum err err)
{
    return err == ERR_OK || err == ERR_CORRUPT || err == ERR_VERSION || err == ERR_NOT_FOUND;
}

static enum err check_walk(struct journal *journal, uint64_t appended)
{
    struct visit visit = {.head = {.next_position = 1}, .appended = appended};
    struct journal_head head;
    struct journal_fault fault;
    enum err err = journal_walk(journal, 1, check_commit, &visit);
    CHECK(is_answer(err));
    journal_find_fault(journal, &fault);
    CHECK(err == ERR_OK || fault.what != NULL);
    if (err != ERR_OK)
        return err;
    err = journal_get_head(journal, &head);
    CHECK(err == ERR_OK && head.sequence == visit.head.sequence &&
          head.next_position == visit.head.next_position);
    CHECK(appended == 0 || appended == head.sequence);
    return ERR_OK;
}

/* A walk has tested every page, so each fact can be fetched. */
static void check_fetch(struct journal *journal)
{
    struct journal_head head;
    uint8_t fact[64];
    size_t length;
    int64_t time_us;
    CHECK(journal_get_head(journal, &head) == ERR_OK);
    for (uint64_t position = 1; position < head.next_position; position += 97) {
        enum err err = journal_fetch(journal, position, fact, sizeof fact, &length, &time_us);
        CHECK(err == ERR_OK && length >= 8 && time_us > 0);
    }
}

static void check_append(struct journal *journal)
{
    struct journal_head head;
    if (journal_get_head(journal, &head) != ERR_OK)
        return;
    enum journal_outcome outcome = append_next(journal, head.epoch);
    if (outcome == JOURNAL_OK)
        (void)check_walk(journal, head.sequence + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    uint8_t flags = input_byte(&input);
    size_t length, cut = flags & CUT ? input_number(&input, 2) * CUT_UNIT : SIZE_MAX;
    const uint8_t *good = good_file(&length);
    uint8_t *bytes = malloc(length);
    CHECK(bytes != NULL);
    memcpy(bytes, good, length);
    patch_apply(&input, bytes, length);
    bool same = memcmp(bytes, good, length) == 0 && cut >= length;
    struct journal_lmdb_options options =
        options_of(memory_lmdb("journal", bytes, cut < length ? cut : length));
    free(bytes);
    options.read_only = flags & READ_ONLY;
    struct journal *journal = NULL;
    struct journal_fault fault;
    enum err err = journal_lmdb_open(&options, &journal, &fault);
    CHECK(is_answer(err) && (err == ERR_OK || err == ERR_NOT_FOUND || fault.what != NULL));
    if (err == ERR_OK && check_walk(journal, 0) == ERR_OK) {
        check_fetch(journal);
        if ((flags & APPEND) && !options.read_only)
            check_append(journal);
    } else {
        CHECK(!same);
    }
    journal_close(&journal);
    return 0;
}
