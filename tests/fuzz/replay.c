/* Runs a fuzz target without a fuzzer: replay CORPUS-DIRECTORY [ROUNDS]
 *
 * Every file of the corpus is run as it is, then cut at each of its bytes; then ROUNDS mutations of the corpus,
 * and of random bytes, from a fixed seed: the same inputs on every machine. Each input stands in a block of exactly its size. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILES_MAX = 4096, SIZE_MAX_BYTES = 65536, CHANGES_MAX = 8 };

struct input {
    uint8_t *bytes;
    size_t size;
};

static void run(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    CHECK(copy != NULL);
    if (size > 0)
        memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static struct input read_file(const char *directory, const char *name)
{
    char path[4096];
    struct input input = {malloc(SIZE_MAX_BYTES), 0};
    CHECK(input.bytes != NULL);
    CHECK((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) < sizeof path);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    input.size = fread(input.bytes, 1, SIZE_MAX_BYTES, file);
    fclose(file);
    return input;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static void run_mutation(const struct input *input, uint64_t *state)
{
    static const uint8_t heads[] = {0x00, 0x80, 0x90, 0xa0, 0xc0, 0xc1, 0xc4, 0xc6, 0xc7, 0xcb, 0xcf,
                                    0xd3, 0xd4, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xff, 0x7f};
    uint8_t bytes[SIZE_MAX_BYTES];
    memcpy(bytes, input->bytes, input->size);
    for (uint64_t i = next_random(state) % CHANGES_MAX; input->size > 0 && i > 0; i--) {
        uint64_t r = next_random(state);
        bytes[r % input->size] = r >> 63 ? heads[(r >> 32) % sizeof heads] : (uint8_t)(r >> 40);
    }
    run(bytes, input->size);
}

static void run_noise(uint64_t *state)
{
    uint8_t bytes[64];
    size_t size = next_random(state) % sizeof bytes;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(next_random(state) >> 32);
    run(bytes, size);
}

int main(int argc, char **argv)
{
    static struct input inputs[FILES_MAX];
    struct dirent **entries;
    uint64_t state = UINT64_C(88172645463325252);
    if (argc < 2) {
        fprintf(stderr, "usage: %s CORPUS-DIRECTORY [ROUNDS]\n", argv[0]);
        return 2;
    }
    long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : 0;
    int count = scandir(argv[1], &entries, is_visible, alphasort);
    CHECK(count > 0 && count <= FILES_MAX);
    for (int i = 0; i < count; i++) {
        inputs[i] = read_file(argv[1], entries[i]->d_name);
        for (size_t size = 0; size <= inputs[i].size; size++)
            run(inputs[i].bytes, size);
        free(entries[i]);
    }
    for (long i = 0; i < rounds; i++) {
        run_mutation(&inputs[i % count], &state);
        run_noise(&state);
    }
    for (int i = 0; i < count; i++)
        free(inputs[i].bytes);
    free(entries);
    printf("%d files, %ld mutations\n", count, rounds);
    return 0;
}
