#include "broker/offline/cursor.h"

#include <stdlib.h>
#include <string.h>

enum { BURST_BYTES = 2 << 20 };

void cursor_init(struct cursor *self, struct journal *journal, uint64_t position)
{
    *self = (struct cursor){.journal = journal, .next = position};
}

void cursor_release(struct cursor *self)
{
    free(self->bytes);
    *self = (struct cursor){0};
}

static bool room(struct cursor *self, size_t more)
{
    size_t needed = self->length + more;
    if (needed <= self->capacity)
        return true;
    uint8_t *bigger = realloc(self->bytes, needed < BURST_BYTES ? BURST_BYTES : needed);
    if (bigger == NULL)
        return false;
    self->bytes = bigger;
    self->capacity = needed < BURST_BYTES ? BURST_BYTES : needed;
    return true;
}

/* Ends the burst with ERR_CLOSED. */
static enum err take(void *context, const struct journal_commit *commit)
{
    struct cursor *self = context;
    size_t size = sizeof *commit + commit->length;
    if (self->length > 0 && self->length + size > BURST_BYTES)
        return ERR_CLOSED;
    if (!room(self, size))
        return ERR_NO_MEMORY;
    memcpy(self->bytes + self->length, commit, sizeof *commit);
    memcpy(self->bytes + self->length + sizeof *commit, commit->facts, commit->length);
    self->length += size;
    self->next = commit->position + commit->length / 8;
    return ERR_OK;
}

static enum err fill(struct cursor *self)
{
    self->length = self->at = 0;
    enum err err = journal_walk(self->journal, self->next, take, self);
    if (err != ERR_OK && err != ERR_CLOSED && self->length == 0)
        return err; /* what comes before a damaged commit is still handed out */
    return self->length > 0 ? ERR_OK : ERR_NOT_FOUND;
}

enum err cursor_next(struct cursor *self, struct journal_commit *out)
{
    enum err err = self->at == self->length ? fill(self) : ERR_OK;
    if (err != ERR_OK)
        return err;
    memcpy(out, self->bytes + self->at, sizeof *out);
    out->facts = self->bytes + self->at + sizeof *out;
    self->at += sizeof *out + out->length;
    return ERR_OK;
}
