#include "actors/publisher/shell/journal_tail.h"

#include <stdlib.h>

#include "actors/base/check.h"
#include "actors/base/mark.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/shell/statement.h"

enum {
    WINDOW_BYTES = 256 * 1024,
    LOOK_FACTS = 4096, /* that are no events: then somebody else has a turn */
};

struct journal_tail {
    uint32_t partition;
    struct journal *journal;
    struct journal_reader *reader;
    struct directory directory;
    bool wants_names, has_asked;
    uint64_t damage;
    /* Facts of one commit. */
    uint64_t window_at;
    size_t window_length;
    int64_t window_time_us;
    uint8_t window[WINDOW_BYTES];
};

struct journal_tail *tail_new(uint32_t partition)
{
    struct journal_tail *self = calloc(1, sizeof *self);
    if (self != NULL)
        self->partition = partition;
    return self;
}

void tail_destroy(struct journal_tail **self_p)
{
    struct journal_tail *self = *self_p;
    if (self == NULL)
        return;
    journal_reader_close(&self->reader);
    directory_release(&self->directory);
    free(self);
    *self_p = NULL;
}

enum err tail_end(struct journal_tail *self, uint64_t *end)
{
    struct journal_head head;
    enum err err = journal_get_head(self->journal, &head);
    if (err == ERR_OK)
        *end = head.next_position;
    return err;
}

enum err tail_open(struct journal_tail *self, struct journal *journal, uint64_t *end)
{
    CHECK(self->journal == NULL);
    enum err err = journal_reader_new(journal, &self->reader);
    if (err != ERR_OK)
        return err;
    self->journal = journal;
    err = tail_end(self, end);
    if (err != ERR_OK) {
        journal_reader_close(&self->reader);
        self->journal = NULL;
    }
    return err;
}

bool tail_is_open(const struct journal_tail *self)
{
    return self->journal != NULL;
}

/* ---- names -------------------------------------------------------------------------------------------------- */

bool tail_wants_names(struct journal_tail *self, uint32_t *first)
{
    if (!self->wants_names || self->has_asked)
        return false;
    self->has_asked = true;
    *first = self->directory.count;
    return true;
}

bool tail_lacks_names(const struct journal_tail *self)
{
    return self->wants_names;
}

void tail_add_names(struct journal_tail *self, struct read_names *names)
{
    self->wants_names = self->has_asked = false;
    if (names == NULL)
        return;
    /* Without memory, or where an account was opened meanwhile: they are asked for again. */
    if (directory_add(&self->directory, names->first, names->count, names->bytes, names->length) != ERR_OK)
        MARK("names for the publisher come in vain");
    free(names);
}

static void learn(struct journal_tail *self, const uint8_t *fact, size_t size)
{
    uint32_t account;
    struct str name;
    currency_index currency;
    char entry[2 + ACCOUNT_ID_MAX];
    if (!event_opened(fact, size, &account, &name, &currency) || account != self->directory.count)
        return;
    entry[0] = (char)name.length;
    entry[1] = (char)currency;
    memcpy(entry + 2, name.data, name.length);
    if (directory_add(&self->directory, account, 1, entry, 2 + name.length) != ERR_OK)
        MARK("the publisher has no memory for a name"); /* it is asked for when it is needed */
}

static bool find_name(void *context, uint32_t account, struct str *name, currency_index *currency)
{
    const struct directory *directory = context;
    *name = directory_at(directory, account);
    *currency = directory_currency_at(directory, account);
    return name->length > 0;
}

/* ---- facts --------------------------------------------------------------------------------------------------- */

static enum err fill(struct journal_tail *self, uint64_t position)
{
    size_t length = 0;
    enum err err = journal_reader_begin(self->reader);
    if (err != ERR_OK)
        return err;
    err = journal_reader_fetch(self->reader, position, self->window, sizeof self->window, &length,
                               &self->window_time_us);
    journal_reader_end(self->reader);
    self->window_at = position;
    self->window_length = err == ERR_OK ? length : 0;
    return err;
}

struct fact_view {
    const uint8_t *bytes;
    size_t size;
    enum event_result kind; /* of the peek */
};

/* ERR_NOT_FOUND: the journal ends there. */
static enum err fact_at(struct journal_tail *self, uint64_t position, struct fact_view *out)
{
    for (int tries = 0; tries < 2; tries++) {
        uint64_t offset = (position - self->window_at) * FACT_WORD;
        if (position >= self->window_at && offset < self->window_length) {
            out->bytes = self->window + offset;
            out->kind = event_peek(out->bytes, self->window_length - offset, &out->size);
            if (out->kind == EVENT_READ || out->kind == EVENT_NONE)
                return ERR_OK;
        }
        enum err err = tries == 0 ? fill(self, position) : ERR_CORRUPT;
        if (err != ERR_OK)
            return err;
    }
    return ERR_CORRUPT;
}

static enum event_result read_event(struct journal_tail *self, const struct fact_view *fact,
                                    uint64_t position, struct event *out)
{
    const struct event_names names = {&self->directory, find_name};
    uint32_t account;
    size_t size;
    enum event_result result = event_read(fact->bytes, fact->size, &names, out, &size, &account);
    out->partition = self->partition;
    out->position = position;
    out->time_us = self->window_time_us;
    return result;
}

enum publisher_look tail_look(struct journal_tail *self, uint64_t *position, uint64_t *next)
{
    uint64_t at = *position;
    for (int i = 0; i < LOOK_FACTS; i++) {
        struct fact_view fact;
        struct event event;
        *next = at;
        enum err err = self->journal != NULL ? fact_at(self, at, &fact) : ERR_CLOSED;
        if (err == ERR_NOT_FOUND)
            return LOOK_END;
        if (err == ERR_CORRUPT)
            self->damage = at;
        if (err != ERR_OK)
            return LOOK_LATER;
        learn(self, fact.bytes, fact.size);
        enum event_result result = read_event(self, &fact, at, &event);
        *next = at + fact.size / FACT_WORD;
        if (result == EVENT_READ) {
            *position = at;
            return event.is_alarm ? LOOK_ALARM : LOOK_EVENT;
        }
        if (result != EVENT_NONE) {
            *next = at;
            self->wants_names = self->wants_names || result == EVENT_UNNAMED;
            self->damage = result == EVENT_UNNAMED ? self->damage : at;
            return LOOK_LATER;
        }
        at = *next;
    }
    MARK("much bookkeeping between two events");
    return LOOK_END;
}

bool tail_event(struct journal_tail *self, uint64_t position, struct event *out, uint64_t *next)
{
    struct fact_view fact;
    if (self->journal == NULL || fact_at(self, position, &fact) != ERR_OK)
        return false;
    *next = position + fact.size / FACT_WORD;
    enum event_result result = read_event(self, &fact, position, out);
    self->wants_names = self->wants_names || result == EVENT_UNNAMED;
    return result == EVENT_READ;
}

uint64_t tail_damage(const struct journal_tail *self)
{
    return self->damage;
}

/* ---- cursors from outside --------------------------------------------------------------------------------------- */

struct boundary {
    uint64_t position;
    bool is_found;
};

/* Ends the walk after the first commit: by ERR_CLOSED. */
static enum err look_for_boundary(void *context, const struct journal_commit *commit)
{
    struct boundary *boundary = context;
    uint64_t at = commit->position;
    size_t offset = 0, size;
    while (at < boundary->position && offset < commit->length) {
        enum event_result result = event_peek(commit->facts + offset, commit->length - offset, &size);
        if (result != EVENT_READ && result != EVENT_NONE)
            return ERR_CORRUPT;
        offset += size;
        at += size / FACT_WORD;
    }
    boundary->is_found = at == boundary->position;
    return ERR_CLOSED;
}

enum err tail_check(struct journal_tail *self, uint64_t position)
{
    uint64_t end;
    struct boundary boundary = {.position = position};
    enum err err = tail_end(self, &end);
    if (err != ERR_OK || position == 1 || position == end)
        return err;
    if (position == 0 || position > end)
        return ERR_RANGE;
    err = journal_walk(self->journal, position, look_for_boundary, &boundary);
    if (err != ERR_CLOSED)
        return err == ERR_OK ? ERR_RANGE : err;
    return boundary.is_found ? ERR_OK : ERR_INVALID;
}
