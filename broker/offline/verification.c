#include "broker/offline/verification.h"

#include <stdlib.h>
#include <string.h>

#include "broker/offline/show.h"
#include "broker/offline/timeline.h"

struct verification *verification_new(const struct source *source)
{
    struct verification *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    if (!bridge_init(&self->bridge, source->partitions) ||
        !books_init(&self->books, datadir_meta(source->datadir))) {
        verification_destroy(&self, source);
        return NULL;
    }
    currency_index base = datadir_meta(source->datadir)->base_currency;
    for (uint32_t p = 0; p < source->partitions; p++)
        audit_init(&self->audits[p], p, source->partitions, base, &self->bridge);
    return self;
}

void verification_destroy(struct verification **self_p, const struct source *source)
{
    struct verification *self = *self_p;
    if (self == NULL)
        return;
    for (uint32_t p = 0; p < source->partitions; p++)
        audit_release(&self->audits[p]);
    books_release(&self->books);
    bridge_release(&self->bridge);
    free(self);
    *self_p = NULL;
}

/* The checker comes before the core: what it has passed, the core can evolve. */
static enum err check_all(struct verification *self, struct timeline *timeline, struct progress *progress,
                          struct fault *fault)
{
    uint32_t partition;
    const struct journal_commit *commit;
    enum err err;
    while ((err = timeline_next(timeline, &partition, &commit, fault)) == ERR_OK) {
        err = audit_commit(&self->audits[partition], commit, fault);
        if (err == ERR_OK)
            err = books_commit(&self->books, partition, commit, fault);
        if (err != ERR_OK)
            return err;
        self->words += commit->length / FACT_WORD;
        progress_at(progress, self->words);
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static enum err check_ends(struct verification *self, struct source *source, struct fault *fault)
{
    int64_t retention_us = datadir_meta(source->datadir)->id_retention_seconds * 1000000;
    enum err err = books_close(&self->books, fault);
    for (uint32_t p = 0; p < source->partitions && err == ERR_OK; p++) {
        err = audit_ids(&self->audits[p], retention_us, fault);
        if (err == ERR_OK)
            err = audit_compare(&self->audits[p], self->books.ledgers[p], fault);
    }
    if (err == ERR_OK)
        err = audit_transit(self->audits, source->partitions, &self->in_transit, fault);
    for (uint32_t p = 0; p < source->partitions && err == ERR_OK; p++) {
        err = state_check_run(source->datadir, source->path, p, source->journals[p], self->books.ledgers[p],
                              &self->states[p], fault);
        self->digests[p] = books_digest(&self->books, p);
        digest_add(&self->digest, &self->digests[p]);
        books_total(&self->books, p, self->totals);
    }
    return err;
}

/* The hash of the last commit checked; zero when a process that serves has gone on since. */
static void note_hashes(struct verification *self, const struct source *source)
{
    for (uint32_t p = 0; p < source->partitions; p++) {
        struct journal_head head;
        if (journal_get_head(source->journals[p], &head) == ERR_OK &&
            head.sequence == self->audits[p].sequence)
            memcpy(self->hashes[p], head.hash, sizeof head.hash);
    }
}

enum err verification_run(struct verification *self, struct source *source, struct fault *fault)
{
    struct timeline *timeline = calloc(1, sizeof *timeline);
    struct progress progress;
    if (timeline == NULL)
        return fault_stop(fault, ERR_NO_MEMORY, "starting");
    progress_begin(&progress, "verifying", source_words(source));
    enum err err = timeline_init(timeline, source->journals, source->partitions, INT64_MAX, fault);
    if (err == ERR_OK)
        err = check_all(self, timeline, &progress, fault);
    if (err == ERR_OK)
        err = check_ends(self, source, fault);
    note_hashes(self, source);
    progress_end(&progress);
    timeline_release(timeline);
    free(timeline);
    return err;
}
