/* A ring of bytes in shared memory behind a FILE. */
#include "sim/command/tail.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "actors/base/check.h"

enum { RING_BYTES = 1 << 17 };

struct ring {
    uint64_t written; /* in all; the next byte goes to written % RING_BYTES */
    char bytes[RING_BYTES];
};

struct tail {
    struct ring *ring;
    FILE *file;
};

static ssize_t ring_write(void *cookie, const char *bytes, size_t length)
{
    struct ring *ring = cookie;
    for (size_t i = 0; i < length; i++)
        ring->bytes[ring->written++ % RING_BYTES] = bytes[i];
    return (ssize_t)length;
}

struct tail *tail_new(void)
{
    struct tail *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->ring = mmap(NULL, sizeof *self->ring, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(self->ring != MAP_FAILED);
    self->file = fopencookie(self->ring, "w", (cookie_io_functions_t){.write = ring_write});
    CHECK(self->file != NULL && setvbuf(self->file, NULL, _IOLBF, BUFSIZ) == 0);
    return self;
}

void tail_destroy(struct tail **self_p)
{
    struct tail *self = *self_p;
    if (self == NULL)
        return;
    fclose(self->file);
    munmap(self->ring, sizeof *self->ring);
    free(self);
    *self_p = NULL;
}

FILE *tail_file(struct tail *self)
{
    return self->file;
}

char *tail_text(const struct tail *self, unsigned lines)
{
    const struct ring *ring = self->ring;
    uint64_t end = ring->written, oldest = end > RING_BYTES ? end - RING_BYTES : 0, begin = end;
    /* One line end more than lines stands before the first of them, unless it is the very first. */
    while (begin > oldest) {
        if (ring->bytes[(begin - 1) % RING_BYTES] == '\n' && begin != end && lines-- == 1)
            break;
        begin--;
    }
    char *text = malloc((size_t)(end - begin) + 1);
    CHECK(text != NULL);
    for (uint64_t i = begin; i < end; i++)
        text[i - begin] = ring->bytes[i % RING_BYTES];
    text[end - begin] = '\0';
    return text;
}
