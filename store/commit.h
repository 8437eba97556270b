/* A commit as stored: a header of 128 bytes, then its facts. The same bytes on every kind of storage, so
 * that the hash of a commit does not depend on where it is kept.
 *
 *      0  magic "TLRJ"            32  position of the first fact
 *      4  format version, 32 bits 40  time, microseconds since 1970-01-01 UTC
 *      8  partition, 32 bits      48  length of the facts in bytes
 *     12  fact count, 32 bits     56  zero
 *     16  sequence                64  hash of the commit before; zero for the first
 *     24  epoch                   96  hash of this commit
 *
 * Numbers are little-endian, of 64 bits where nothing else is said. The hash is SHA-256 over the header,
 * with its own field zero, and the facts.
 */
#ifndef TELLER_STORE_COMMIT_H
#define TELLER_STORE_COMMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/journal.h"

enum { COMMIT_HEADER_SIZE = 128, COMMIT_FORMAT_VERSION = 1, COMMIT_WORD = 8 };

/* The most facts one commit may hold, in bytes. */
#define COMMIT_LENGTH_MAX (UINT64_C(1) << 30)

struct commit_header {
    uint32_t partition;
    uint32_t fact_count;
    uint64_t sequence;
    uint64_t epoch;
    uint64_t position;
    int64_t time_us;
    uint64_t length;
    uint8_t previous_hash[JOURNAL_HASH_SIZE];
    uint8_t hash[JOURNAL_HASH_SIZE];
};

/* Position after a commit's last fact. */
static inline uint64_t commit_end(const struct commit_header *header)
{
    return header->position + header->length / COMMIT_WORD;
}

void commit_header_write(const struct commit_header *header, uint8_t out[COMMIT_HEADER_SIZE]);

/* Reads the header of a stored commit of `size` bytes, header included. ERR_CORRUPT: it is not one, or
 * its length is not what is there; ERR_VERSION: another format. */
enum err commit_header_read(const uint8_t *bytes, size_t size, struct commit_header *out) MUST_USE;

/* Computes hashes; one thread at a time. NULL: no memory. */
struct commit_hasher;
struct commit_hasher *commit_hasher_new(void);
void commit_hasher_destroy(struct commit_hasher **self_p);

/* The hash of a commit; the header's own hash field does not count. */
void commit_hash(struct commit_hasher *self, const struct commit_header *header, const uint8_t *facts,
                 uint8_t out[JOURNAL_HASH_SIZE]);

/* The header a commit gets after `head`; its hash is not yet set. CHECKs that it continues the head. */
struct commit_header commit_header_make(const struct journal_commit *commit, const struct journal_head *head,
                                        uint32_t partition);

/* The head after a commit, and the head of an empty journal. */
struct journal_head commit_head(const struct commit_header *header);
struct journal_head commit_head_empty(void);

/* NULL when `header` is the commit that follows `head` in this partition; otherwise what is wrong. */
const char *commit_follows(const struct journal_head *head, const struct commit_header *header,
                           uint32_t partition);

/* Verifies a stored commit: its header, that it follows *head, its hash; then moves *head past it.
 * `key` is the position under which it is stored. On ERR_CORRUPT or ERR_VERSION *fault says why. */
enum err commit_verify(struct commit_hasher *self, struct journal_head *head, uint32_t partition,
                       uint64_t key, const uint8_t *bytes, size_t size, struct journal_commit *out,
                       struct journal_fault *fault) MUST_USE;

#endif
