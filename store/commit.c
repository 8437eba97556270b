/* The stored form of a commit: header, hash and chain. */
#include "store/commit.h"

#include <endian.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"

static const uint8_t MAGIC[4] = {'T', 'L', 'R', 'J'};

enum {
    AT_VERSION = 4,
    AT_PARTITION = 8,
    AT_FACT_COUNT = 12,
    AT_SEQUENCE = 16,
    AT_EPOCH = 24,
    AT_POSITION = 32,
    AT_TIME = 40,
    AT_LENGTH = 48,
    AT_ZERO = 56,
    AT_PREVIOUS_HASH = 64,
    AT_HASH = 96,
};

static void put32(uint8_t *out, uint32_t value)
{
    value = htole32(value);
    memcpy(out, &value, sizeof value);
}

static void put64(uint8_t *out, uint64_t value)
{
    value = htole64(value);
    memcpy(out, &value, sizeof value);
}

static uint32_t get32(const uint8_t *bytes)
{
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return le32toh(value);
}

static uint64_t get64(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof value);
    return le64toh(value);
}

void commit_header_write(const struct commit_header *header, uint8_t out[COMMIT_HEADER_SIZE])
{
    memcpy(out, MAGIC, sizeof MAGIC);
    put32(out + AT_VERSION, COMMIT_FORMAT_VERSION);
    put32(out + AT_PARTITION, header->partition);
    put32(out + AT_FACT_COUNT, header->fact_count);
    put64(out + AT_SEQUENCE, header->sequence);
    put64(out + AT_EPOCH, header->epoch);
    put64(out + AT_POSITION, header->position);
    put64(out + AT_TIME, (uint64_t)header->time_us);
    put64(out + AT_LENGTH, header->length);
    put64(out + AT_ZERO, 0);
    memcpy(out + AT_PREVIOUS_HASH, header->previous_hash, JOURNAL_HASH_SIZE);
    memcpy(out + AT_HASH, header->hash, JOURNAL_HASH_SIZE);
}

enum err commit_header_read(const uint8_t *bytes, size_t size, struct commit_header *out)
{
    if (size <= COMMIT_HEADER_SIZE || memcmp(bytes, MAGIC, sizeof MAGIC) != 0)
        return ERR_CORRUPT;
    if (get32(bytes + AT_VERSION) != COMMIT_FORMAT_VERSION)
        return ERR_VERSION;
    out->partition = get32(bytes + AT_PARTITION);
    out->fact_count = get32(bytes + AT_FACT_COUNT);
    out->sequence = get64(bytes + AT_SEQUENCE);
    out->epoch = get64(bytes + AT_EPOCH);
    out->position = get64(bytes + AT_POSITION);
    out->time_us = (int64_t)get64(bytes + AT_TIME);
    out->length = get64(bytes + AT_LENGTH);
    memcpy(out->previous_hash, bytes + AT_PREVIOUS_HASH, JOURNAL_HASH_SIZE);
    memcpy(out->hash, bytes + AT_HASH, JOURNAL_HASH_SIZE);
    if (out->length != size - COMMIT_HEADER_SIZE || out->length % COMMIT_WORD != 0 ||
        out->position > UINT64_MAX / 2 || get64(bytes + AT_ZERO) != 0)
        return ERR_CORRUPT;
    return ERR_OK;
}

struct commit_hasher {
    EVP_MD *digest;
    EVP_MD_CTX *context;
};

struct commit_hasher *commit_hasher_new(void)
{
    struct commit_hasher *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->digest = EVP_MD_fetch(NULL, "SHA256", NULL);
    self->context = EVP_MD_CTX_new();
    if (self->digest == NULL || self->context == NULL)
        commit_hasher_destroy(&self);
    return self;
}

void commit_hasher_destroy(struct commit_hasher **self_p)
{
    struct commit_hasher *self = *self_p;
    if (self == NULL)
        return;
    EVP_MD_CTX_free(self->context);
    EVP_MD_free(self->digest);
    free(self);
    *self_p = NULL;
}

void commit_hash(struct commit_hasher *self, const struct commit_header *header, const uint8_t *facts,
                 uint8_t out[JOURNAL_HASH_SIZE])
{
    uint8_t bytes[COMMIT_HEADER_SIZE];
    commit_header_write(header, bytes);
    memset(bytes + AT_HASH, 0, JOURNAL_HASH_SIZE);
    CHECK(EVP_DigestInit_ex(self->context, self->digest, NULL) == 1);
    CHECK(EVP_DigestUpdate(self->context, bytes, sizeof bytes) == 1);
    CHECK(EVP_DigestUpdate(self->context, facts, header->length) == 1);
    CHECK(EVP_DigestFinal_ex(self->context, out, NULL) == 1);
}

struct commit_header commit_header_make(const struct journal_commit *commit, const struct journal_head *head,
                                        uint32_t partition)
{
    CHECK(commit->sequence == head->sequence + 1);
    CHECK(commit->position == head->next_position);
    CHECK(commit->epoch >= head->epoch);
    CHECK(commit->time_us >= head->time_us);
    CHECK(commit->length > 0 && commit->length % COMMIT_WORD == 0);
    CHECK(commit->length <= COMMIT_LENGTH_MAX);
    struct commit_header header = {
        .partition = partition,
        .fact_count = commit->fact_count,
        .sequence = commit->sequence,
        .epoch = commit->epoch,
        .position = commit->position,
        .time_us = commit->time_us,
        .length = commit->length,
    };
    memcpy(header.previous_hash, head->hash, JOURNAL_HASH_SIZE);
    return header;
}

struct journal_head commit_head(const struct commit_header *header)
{
    struct journal_head head = {
        .sequence = header->sequence,
        .epoch = header->epoch,
        .next_position = commit_end(header),
        .time_us = header->time_us,
    };
    memcpy(head.hash, header->hash, JOURNAL_HASH_SIZE);
    return head;
}

struct journal_head commit_head_empty(void)
{
    return (struct journal_head){.next_position = 1};
}

const char *commit_follows(const struct journal_head *head, const struct commit_header *header,
                           uint32_t partition)
{
    if (header->partition != partition)
        return "the commit belongs to another partition";
    if (header->position != head->next_position)
        return "the commit does not begin where the one before it ends";
    if (header->sequence != head->sequence + 1)
        return "the commit's sequence number does not follow the one before it";
    if (memcmp(header->previous_hash, head->hash, JOURNAL_HASH_SIZE) != 0)
        return "the commit does not hold the hash of the one before it";
    if (header->epoch < head->epoch)
        return "the commit's epoch is below the one before it";
    if (header->time_us < head->time_us)
        return "the commit's time is before the one before it";
    return NULL;
}

enum err commit_verify(struct commit_hasher *self, struct journal_head *head, uint32_t partition,
                       uint64_t key, const uint8_t *bytes, size_t size, struct journal_commit *out,
                       struct journal_fault *fault)
{
    *fault = (struct journal_fault){.position = key, .sequence = head->sequence + 1};
    struct commit_header header;
    enum err err = commit_header_read(bytes, size, &header);
    if (err != ERR_OK) {
        fault->what = err == ERR_VERSION ? "the commit is of a format this program does not read"
                                         : "the commit's header is damaged";
        return err;
    }
    const uint8_t *facts = bytes + COMMIT_HEADER_SIZE;
    uint8_t hash[JOURNAL_HASH_SIZE];
    commit_hash(self, &header, facts, hash);
    if (memcmp(hash, header.hash, JOURNAL_HASH_SIZE) != 0)
        fault->what = "the commit's bytes do not match its hash";
    else if (header.position != key)
        fault->what = "the commit is stored under another position than its own";
    else
        fault->what = commit_follows(head, &header, partition);
    if (fault->what != NULL)
        return ERR_CORRUPT;
    *head = commit_head(&header);
    *out = (struct journal_commit){
        .sequence = header.sequence,
        .epoch = header.epoch,
        .position = header.position,
        .time_us = header.time_us,
        .fact_count = header.fact_count,
        .facts = facts,
        .length = header.length,
    };
    return ERR_OK;
}
