/* Fuzz target: the stored form of commits, and their chain.
 *
 *     byte 0: 0: the rest is a commit; 1: patches of a chain of stored commits; 2: the same, and then each is sealed
 *     again with a hash that is right. Else: as 1.
 *
 * A chain is good up to the first commit with a changed byte, and no further. A sealed one is good as far as a second,
 * plain reading of the rules says. */
#include <stdlib.h>

#include "actors/base/check.h"
#include "store/commit.h"
#include "tests/fuzz/patch.h"

enum { COMMITS = 5, FACTS_MAX = 64, STORED_MAX = COMMIT_HEADER_SIZE + FACTS_MAX, PARTITION = 3 };

struct chain {
    size_t length;
    size_t at[COMMITS], size[COMMITS];
    uint8_t bytes[COMMITS * STORED_MAX];
};

static struct commit_hasher *hasher_get(void)
{
    static struct commit_hasher *hasher;
    if (hasher == NULL)
        hasher = commit_hasher_new();
    CHECK(hasher != NULL);
    return hasher;
}

static void chain_add(struct chain *chain, size_t i, struct journal_head *head)
{
    uint8_t facts[FACTS_MAX];
    struct journal_commit commit = {
        .sequence = i + 1,
        .epoch = 1 + i / 2,
        .position = head->next_position,
        .time_us = (int64_t)(1000 * i),
        .fact_count = (uint32_t)i,
        .facts = facts,
        .length = (i % 3 + 1) * COMMIT_WORD,
    };
    memset(facts, (int)(i + 1), sizeof facts);
    struct commit_header header = commit_header_make(&commit, head, PARTITION);
    commit_hash(hasher_get(), &header, facts, header.hash);
    uint8_t *at = chain->bytes + chain->length;
    commit_header_write(&header, at);
    memcpy(at + COMMIT_HEADER_SIZE, facts, commit.length);
    chain->at[i] = chain->length;
    chain->size[i] = COMMIT_HEADER_SIZE + commit.length;
    chain->length += chain->size[i];
    *head = commit_head(&header);
}

static const struct chain *chain_get(void)
{
    static struct chain chain;
    struct journal_head head = commit_head_empty();
    for (size_t i = 0; i < COMMITS && chain.size[i] == 0; i++)
        chain_add(&chain, i, &head);
    return &chain;
}

/* ---- one commit ------------------------------------------------------------------------------------ */

static void check_read(const uint8_t *bytes, size_t size)
{
    struct commit_header header;
    uint8_t again[COMMIT_HEADER_SIZE];
    enum err err = commit_header_read(bytes, size, &header);
    CHECK(err == ERR_OK || err == ERR_CORRUPT || err == ERR_VERSION);
    if (err != ERR_OK)
        return;
    commit_header_write(&header, again);
    CHECK(memcmp(again, bytes, sizeof again) == 0);
    CHECK(header.length == size - COMMIT_HEADER_SIZE && header.length > 0);
    CHECK(commit_end(&header) > header.position);
}

/* ---- a chain --------------------------------------------------------------------------------------- */

static uint64_t number_at(const uint8_t *bytes, size_t count)
{
    uint64_t value = 0;
    for (size_t i = 0; i < count; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

/* The rules again, from the picture in commit.h. */
static bool follows(const uint8_t *before, const uint8_t *stored, size_t size, uint64_t key)
{
    static const uint8_t none[JOURNAL_HASH_SIZE];
    uint64_t end = before != NULL ? number_at(before + 32, 8) + number_at(before + 48, 8) / 8 : 1;
    return memcmp(stored, "TLRJ", 4) == 0 && number_at(stored + 4, 4) == 1 &&
           number_at(stored + 8, 4) == PARTITION && number_at(stored + 48, 8) == size - COMMIT_HEADER_SIZE &&
           number_at(stored + 56, 8) == 0 && number_at(stored + 32, 8) == key && key == end &&
           number_at(stored + 16, 8) == (before != NULL ? number_at(before + 16, 8) : 0) + 1 &&
           number_at(stored + 24, 8) >= (before != NULL ? number_at(before + 24, 8) : 0) &&
           (int64_t)number_at(stored + 40, 8) >= (before != NULL ? (int64_t)number_at(before + 40, 8) : 0) &&
           memcmp(stored + 64, before != NULL ? before + 96 : none, JOURNAL_HASH_SIZE) == 0;
}

static void seal(struct chain *chain, size_t i)
{
    uint8_t *stored = chain->bytes + chain->at[i];
    struct commit_header header;
    if (commit_header_read(stored, chain->size[i], &header) != ERR_OK)
        return;
    commit_hash(hasher_get(), &header, stored + COMMIT_HEADER_SIZE, header.hash);
    commit_header_write(&header, stored);
}

static void check_chain(struct chain *chain, bool sealed)
{
    const struct chain *good = chain_get();
    struct journal_head head = commit_head_empty();
    bool intact = true;
    const uint8_t *before = NULL;
    for (size_t i = 0; i < COMMITS && intact; i++) {
        const uint8_t *stored = chain->bytes + chain->at[i];
        struct journal_commit commit;
        struct journal_fault fault;
        uint64_t key = number_at(good->bytes + good->at[i] + 32, 8);
        if (sealed)
            seal(chain, i);
        intact = sealed ? follows(before, stored, chain->size[i], key)
                        : memcmp(stored, good->bytes + good->at[i], chain->size[i]) == 0;
        enum err err =
            commit_verify(hasher_get(), &head, PARTITION, key, stored, chain->size[i], &commit, &fault);
        CHECK((err == ERR_OK) == intact);
        CHECK(err == ERR_OK || ((err == ERR_CORRUPT || err == ERR_VERSION) && fault.what != NULL));
        CHECK(err != ERR_OK || (commit.sequence == i + 1 && commit.facts == stored + COMMIT_HEADER_SIZE &&
                                head.next_position == key + commit.length / COMMIT_WORD));
        before = stored;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chain chain = *chain_get();
    struct input input = {data, size};
    uint8_t kind = input_byte(&input);
    if (kind == 0) {
        check_read(input.at, input.left);
        return 0;
    }
    patch_apply(&input, chain.bytes, chain.length);
    check_chain(&chain, kind == 2);
    return 0;
}
