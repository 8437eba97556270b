/* The journal in memory: an array of stored commits. */
#include "store/journal_memory.h"

#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "store/commit.h"

struct entry {
    uint64_t position; /* the key, as LMDB would keep it beside the bytes */
    uint64_t end;
    uint8_t *bytes;
    size_t size;
};

struct journal_memory {
    struct journal base;
    struct journal_memory_options options;
    struct commit_hasher *hasher;
    struct journal_head head;
    struct entry *entries;
    size_t count, capacity;
    uint64_t used_bytes;
    bool stopped;
    enum journal_outcome stopped_with;
    uint32_t fail_in; /* 0: no plan */
    enum journal_outcome fail_with;
    struct journal_fault fault;
};

struct memory_reader {
    struct journal_reader base;
    struct journal_memory *journal;
    bool active;
};

static struct journal_memory *self_of(struct journal *journal)
{
    return (struct journal_memory *)journal;
}

/* ---- appending -------------------------------------------------------------------------------- */

static enum journal_outcome store(struct journal_memory *self, const struct journal_commit *commit)
{
    struct commit_header header = commit_header_make(commit, &self->head, self->options.partition);
    size_t size = COMMIT_HEADER_SIZE + commit->length;
    if (self->options.limit_bytes != 0 && self->used_bytes + size > self->options.limit_bytes)
        return JOURNAL_FULL;
    if (self->count == self->capacity) {
        size_t capacity = self->capacity == 0 ? 16 : self->capacity * 2;
        struct entry *entries = realloc(self->entries, capacity * sizeof *entries);
        if (entries == NULL)
            return JOURNAL_FULL;
        self->entries = entries;
        self->capacity = capacity;
    }
    uint8_t *bytes = malloc(size);
    if (bytes == NULL)
        return JOURNAL_FULL;
    commit_hash(self->hasher, &header, commit->facts, header.hash);
    commit_header_write(&header, bytes);
    memcpy(bytes + COMMIT_HEADER_SIZE, commit->facts, commit->length);
    self->head = commit_head(&header);
    self->entries[self->count++] = (struct entry){commit->position, self->head.next_position, bytes, size};
    self->used_bytes += size;
    return JOURNAL_OK;
}

static enum journal_outcome stop(struct journal_memory *self, enum journal_outcome outcome)
{
    self->stopped = true;
    self->stopped_with = outcome;
    return outcome;
}

static enum journal_outcome fail(struct journal_memory *self, const struct journal_commit *commit)
{
    switch (self->fail_with) {
    case JOURNAL_FULL:
        return JOURNAL_FULL;
    case JOURNAL_UNKNOWN:
        if (self->options.unknown_is_kept)
            (void)store(self, commit);
        return stop(self, JOURNAL_UNKNOWN);
    case JOURNAL_FENCED:
        return stop(self, JOURNAL_FENCED);
    case JOURNAL_OK:
        break;
    }
    CHECK_UNREACHABLE();
}

static enum journal_outcome memory_append(struct journal *journal, const struct journal_commit *commit)
{
    struct journal_memory *self = self_of(journal);
    if (self->stopped)
        return self->stopped_with;
    if (commit->epoch < self->head.epoch)
        return stop(self, JOURNAL_FENCED);
    if (self->fail_in > 0 && --self->fail_in == 0)
        return fail(self, commit);
    return store(self, commit);
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* The index of the commit that holds `position`; count: none. */
static size_t find(const struct journal_memory *self, uint64_t position)
{
    size_t low = 0;
    size_t high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (self->entries[middle].end <= position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < self->count && self->entries[low].position <= position ? low : self->count;
}

static enum err read_header(struct journal_memory *self, size_t index, struct commit_header *header)
{
    const struct entry *entry = &self->entries[index];
    enum err err = commit_header_read(entry->bytes, entry->size, header);
    if (err == ERR_OK &&
        (header->position != entry->position || header->partition != self->options.partition))
        err = ERR_CORRUPT;
    if (err != ERR_OK)
        self->fault =
            (struct journal_fault){.position = entry->position, .what = "the commit's header is damaged"};
    return err;
}

static enum err memory_fetch(struct journal *journal, uint64_t position, uint8_t *out, size_t capacity,
                             size_t *length, int64_t *time_us)
{
    struct journal_memory *self = self_of(journal);
    struct commit_header header;
    size_t index = find(self, position);
    if (index == self->count)
        return ERR_NOT_FOUND;
    enum err err = read_header(self, index, &header);
    if (err != ERR_OK)
        return err;
    uint64_t offset = (position - header.position) * COMMIT_WORD;
    uint64_t rest = header.length - offset;
    *length = rest < capacity ? (size_t)rest : capacity;
    *time_us = header.time_us;
    memcpy(out, self->entries[index].bytes + COMMIT_HEADER_SIZE + offset, *length);
    return ERR_OK;
}

static enum err memory_walk(struct journal *journal, uint64_t position,
                            enum err (*visit)(void *context, const struct journal_commit *commit),
                            void *context)
{
    struct journal_memory *self = self_of(journal);
    size_t index = find(self, position);
    if (index == self->count)
        return position == self->head.next_position ? ERR_OK : ERR_NOT_FOUND;
    struct journal_head head = commit_head_empty();
    if (index > 0) {
        struct commit_header before;
        enum err err = read_header(self, index - 1, &before);
        if (err != ERR_OK)
            return err;
        head = commit_head(&before);
    }
    for (; index < self->count; index++) {
        struct journal_commit commit;
        struct journal_fault fault;
        const struct entry *entry = &self->entries[index];
        enum err err = commit_verify(self->hasher, &head, self->options.partition, entry->position,
                                     entry->bytes, entry->size, &commit, &fault);
        if (err != ERR_OK) {
            self->fault = fault;
            return err;
        }
        err = visit(context, &commit);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static enum err memory_find_time(struct journal *journal, int64_t time_us, uint64_t *position, uint64_t *end)
{
    struct journal_memory *self = self_of(journal);
    size_t low = 0;
    size_t high = self->count;
    *position = 0;
    *end = 1;
    while (low < high) {
        struct commit_header header;
        size_t middle = low + (high - low) / 2;
        enum err err = read_header(self, middle, &header);
        if (err != ERR_OK)
            return err;
        if (header.time_us > time_us) {
            high = middle;
        } else {
            *position = header.position;
            *end = commit_end(&header);
            low = middle + 1;
        }
    }
    return ERR_OK;
}

static enum err memory_head(struct journal *journal, struct journal_head *out)
{
    *out = self_of(journal)->head;
    return ERR_OK;
}

static enum err memory_space(struct journal *journal, struct journal_space *out)
{
    const struct journal_memory *self = self_of(journal);
    out->used_bytes = self->used_bytes;
    out->limit_bytes = self->options.limit_bytes != 0 ? self->options.limit_bytes : UINT64_MAX;
    return ERR_OK;
}

static void memory_fault(struct journal *journal, struct journal_fault *out)
{
    *out = self_of(journal)->fault;
}

/* ---- readers ---------------------------------------------------------------------------------- */

static enum err reader_begin(struct journal_reader *reader)
{
    struct memory_reader *self = (struct memory_reader *)reader;
    CHECK(!self->active);
    self->active = true;
    return ERR_OK;
}

static enum err reader_fetch(struct journal_reader *reader, uint64_t position, uint8_t *out, size_t capacity,
                             size_t *length, int64_t *time_us)
{
    struct memory_reader *self = (struct memory_reader *)reader;
    CHECK(self->active);
    return memory_fetch(&self->journal->base, position, out, capacity, length, time_us);
}

static void reader_end(struct journal_reader *reader)
{
    struct memory_reader *self = (struct memory_reader *)reader;
    CHECK(self->active);
    self->active = false;
}

static void reader_close(struct journal_reader **reader_p)
{
    free(*reader_p);
    *reader_p = NULL;
}

static const struct journal_reader_methods READER_METHODS = {
    .begin = reader_begin,
    .fetch = reader_fetch,
    .end = reader_end,
    .close = reader_close,
};

static enum err memory_reader_new(struct journal *journal, struct journal_reader **out)
{
    struct memory_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return ERR_NO_MEMORY;
    reader->base.methods = &READER_METHODS;
    reader->journal = self_of(journal);
    *out = &reader->base;
    return ERR_OK;
}

/* ---- making and planning ---------------------------------------------------------------------- */

static void memory_close(struct journal **journal_p)
{
    struct journal_memory *self = self_of(*journal_p);
    for (size_t i = 0; i < self->count; i++)
        free(self->entries[i].bytes);
    free(self->entries);
    commit_hasher_destroy(&self->hasher);
    free(self);
    *journal_p = NULL;
}

static const struct journal_methods METHODS = {
    .append = memory_append,
    .fetch = memory_fetch,
    .walk = memory_walk,
    .find_time = memory_find_time,
    .head = memory_head,
    .space = memory_space,
    .fault = memory_fault,
    .reader_new = memory_reader_new,
    .close = memory_close,
};

enum err journal_memory_new(const struct journal_memory_options *options, struct journal **out)
{
    struct journal_memory *self = calloc(1, sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->base.methods = &METHODS;
    self->options = *options;
    self->head = commit_head_empty();
    self->hasher = commit_hasher_new();
    if (self->hasher == NULL) {
        free(self);
        return ERR_NO_MEMORY;
    }
    *out = &self->base;
    return ERR_OK;
}

void journal_memory_fail(struct journal *journal, uint32_t nth, enum journal_outcome outcome)
{
    CHECK(outcome != JOURNAL_OK);
    self_of(journal)->fail_in = nth;
    self_of(journal)->fail_with = outcome;
}

void journal_memory_restart(struct journal *journal)
{
    self_of(journal)->stopped = false;
}

void journal_memory_limit(struct journal *journal, uint64_t limit_bytes)
{
    self_of(journal)->options.limit_bytes = limit_bytes;
}

uint8_t *journal_memory_bytes(struct journal *journal, uint64_t position, size_t *size)
{
    struct journal_memory *self = self_of(journal);
    size_t index = find(self, position);
    if (index == self->count)
        return NULL;
    *size = self->entries[index].size;
    return self->entries[index].bytes;
}
