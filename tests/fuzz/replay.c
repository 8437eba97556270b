/* Runs a fuzz target without a fuzzer.
 *
 *     replay_TARGET FILE                       runs one input: how to see a finding again
 *     replay_TARGET DIRECTORY [EXECUTIONS]     runs a corpus, and inputs made from it, so many in all
 *
 * A corpus is run file by file as it is; then files cut short, then mutations of the corpus: bytes changed, numbers at
 * the ends of their ranges, pieces repeated, taken out, put in from another file. All follows from a fixed seed: the same
 * inputs on every machine. Each input stands in a block of exactly its size, so that a sanitizer sees a byte too far. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "actors/base/check.h"
#include "tests/fuzz/input.h"

enum { FILES_MAX = 4096, SIZE_MAX_BYTES = 65536, CHANGES_MAX = 6, CUT_SHARE = 8 };

struct sample {
    uint8_t *bytes;
    size_t size;
};

struct replay {
    struct sample samples[FILES_MAX];
    size_t count;
    uint64_t random;
    long executed, wanted;
    uint8_t bytes[SIZE_MAX_BYTES];
    size_t size;
};

static void run(struct replay *self, const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    CHECK(copy != NULL);
    if (size > 0)
        memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    self->executed++;
}

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016. */
static uint64_t next_random(struct replay *self)
{
    self->random ^= self->random >> 12;
    self->random ^= self->random << 25;
    self->random ^= self->random >> 27;
    return self->random * UINT64_C(2685821657736338717);
}

static size_t below(struct replay *self, size_t bound)
{
    return (size_t)((next_random(self) >> 32) % bound);
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static void read_file(struct replay *self, const char *path)
{
    CHECK(self->count < FILES_MAX);
    struct sample *sample = &self->samples[self->count++];
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    sample->bytes = malloc(SIZE_MAX_BYTES);
    CHECK(sample->bytes != NULL);
    sample->size = fread(sample->bytes, 1, SIZE_MAX_BYTES, file);
    fclose(file);
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void read_directory(struct replay *self, const char *directory)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_visible, alphasort);
    CHECK(count > 0);
    for (int i = 0; i < count; i++) {
        char path[4096];
        CHECK((size_t)snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name) < sizeof path);
        read_file(self, path);
        free(entries[i]);
    }
    free(entries);
}

/* ---- mutations ---------------------------------------------------------------------------------------- */

static void change_byte(struct replay *self)
{
    static const uint8_t heads[] = {0x00, 0x80, 0x90, 0xa0, 0xc0, 0xc1, 0xc4, 0xc6, 0xc7, 0xcb, 0xcf,
                                    0xd3, 0xd4, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xff, 0x7f};
    uint64_t r = next_random(self);
    uint8_t *byte = &self->bytes[below(self, self->size)];
    if (r >> 62 == 0)
        *byte ^= (uint8_t)(1u << (r & 7));
    else
        *byte = r >> 63 ? heads[(r >> 32) % sizeof heads] : (uint8_t)(r >> 40);
}

static void change_number(struct replay *self)
{
    static const uint64_t ends[] = {0,         1,          UINT64_MAX, INT64_MAX,
                                    INT32_MAX, UINT32_MAX, UINT16_MAX, 1ull << 63};
    size_t width = (size_t)1 << below(self, 4), at = below(self, self->size);
    uint64_t value = ends[below(self, sizeof ends / sizeof ends[0])];
    if (width <= self->size - at)
        memcpy(self->bytes + at, &value, width);
}

static void take_out(struct replay *self)
{
    size_t at = below(self, self->size), length = below(self, self->size - at) % 32 + 1;
    memmove(self->bytes + at, self->bytes + at + length, self->size - at - length);
    self->size -= length;
}

/* A piece of any file of the corpus, this one too. */
static void put_in(struct replay *self)
{
    const struct sample *from = &self->samples[below(self, self->count)];
    if (from->size == 0)
        return;
    size_t start = below(self, from->size), length = below(self, from->size - start) % 64 + 1;
    size_t at = below(self, self->size + 1);
    if (length > SIZE_MAX_BYTES - self->size)
        return;
    memmove(self->bytes + at + length, self->bytes + at, self->size - at);
    memcpy(self->bytes + at, from->bytes + start, length);
    self->size += length;
}

static void change_once(struct replay *self)
{
    if (self->size == 0) {
        put_in(self);
        return;
    }
    switch (below(self, 8)) {
    case 0:
        take_out(self);
        return;
    case 1:
        put_in(self);
        return;
    case 2:
        change_number(self);
        return;
    default:
        change_byte(self);
        return;
    }
}

static void run_mutation(struct replay *self, const struct sample *sample)
{
    memcpy(self->bytes, sample->bytes, sample->size);
    self->size = sample->size;
    for (size_t i = below(self, CHANGES_MAX) + 1; i > 0; i--)
        change_once(self);
    run(self, self->bytes, self->size);
}

/* ---- all ---------------------------------------------------------------------------------------------- */

/* Every cut of a small corpus; of a large one as many as their share of the executions. */
static void run_cuts(struct replay *self)
{
    size_t all = 0;
    for (size_t i = 0; i < self->count; i++)
        all += self->samples[i].size;
    size_t step = all * CUT_SHARE / ((size_t)self->wanted + 1) + 1;
    for (size_t i = 0; i < self->count; i++) {
        for (size_t size = below(self, step); size < self->samples[i].size; size += step)
            run(self, self->samples[i].bytes, size);
    }
}

static void run_corpus(struct replay *self)
{
    for (size_t i = 0; i < self->count; i++)
        run(self, self->samples[i].bytes, self->samples[i].size);
    if (self->wanted > 0)
        run_cuts(self);
    for (size_t i = 0; self->executed < self->wanted; i++)
        run_mutation(self, &self->samples[i % self->count]);
}

int main(int argc, char **argv)
{
    static struct replay self = {.random = UINT64_C(88172645463325252)};
    struct stat status;
    if (argc < 2 || stat(argv[1], &status) != 0) {
        fprintf(stderr, "usage: %s FILE | DIRECTORY [EXECUTIONS]\n", argv[0]);
        return 2;
    }
    self.wanted = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    if (S_ISDIR(status.st_mode))
        read_directory(&self, argv[1]);
    else
        read_file(&self, argv[1]);
    run_corpus(&self);
    for (size_t i = 0; i < self.count; i++)
        free(self.samples[i].bytes);
    printf("%zu files, %ld executions\n", self.count, self.executed);
    return 0;
}
