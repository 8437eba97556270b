#include "broker/offline/timeline.h"

#include <string.h>

static void lane_begin(struct timeline_lane *lane, struct journal *journal, uint32_t partition,
                       uint32_t partitions, uint64_t end)
{
    *lane = (struct timeline_lane){.journal = journal, .position = 1, .end = end};
    cursor_init(&lane->cursor, journal, 1);
    tally_init(&lane->tally, partition, partitions);
}

static enum err lane_init(struct timeline_lane *lane, struct journal *journal, uint32_t partition,
                          uint32_t partitions, int64_t time_us)
{
    struct journal_head head;
    uint64_t position;
    enum err err = journal_get_head(journal, &head);
    lane_begin(lane, journal, partition, partitions, head.next_position);
    if (err == ERR_OK && time_us < head.time_us)
        err = journal_find_time(journal, time_us, &position, &lane->end);
    return err;
}

enum err timeline_init(struct timeline *self, struct journal *const *journals, uint32_t partitions,
                       int64_t time_us, struct fault *fault)
{
    memset(self, 0, sizeof *self);
    self->partitions = partitions;
    for (uint32_t p = 0; p < partitions; p++) {
        enum err err = lane_init(&self->lanes[p], journals[p], p, partitions, time_us);
        if (err != ERR_OK)
            return fault_stop(fault, err, "reading a journal's head");
    }
    return ERR_OK;
}

void timeline_release(struct timeline *self)
{
    for (uint32_t p = 0; p < self->partitions; p++) {
        cursor_release(&self->lanes[p].cursor);
        tally_release(&self->lanes[p].tally);
    }
}

void timeline_rewind(struct timeline *self)
{
    for (uint32_t p = 0; p < self->partitions; p++) {
        struct timeline_lane *lane = &self->lanes[p];
        cursor_release(&lane->cursor);
        tally_release(&lane->tally);
        lane_begin(lane, lane->journal, p, self->partitions, lane->position);
    }
}

uint32_t timeline_missing(const struct tally_numbers *const *shown, uint32_t partitions, uint32_t partition,
                          const struct tally_numbers *numbers)
{
    for (uint32_t p = 0; p < partitions; p++) {
        if (p == partition)
            continue;
        if (numbers->processed[p] > shown[p]->made[partition] ||
            numbers->resolved[p] > shown[p]->processed[partition] ||
            numbers->pruned[p] > shown[p]->resolved[partition])
            return p;
    }
    return UINT32_MAX;
}

static uint32_t missing(const struct timeline *self, uint32_t partition)
{
    const struct tally_numbers *shown[LEDGER_PARTITIONS_MAX];
    for (uint32_t p = 0; p < self->partitions; p++)
        shown[p] = &self->lanes[p].shown;
    return timeline_missing(shown, self->partitions, partition, &self->lanes[partition].tally.numbers);
}

/* Reads a partition's next commit. ERR_NOT_FOUND: there is none. */
static enum err hold(struct timeline *self, uint32_t partition, struct fault *fault)
{
    struct timeline_lane *lane = &self->lanes[partition];
    enum err err = cursor_next(&lane->cursor, &lane->held);
    if (err == ERR_CORRUPT || err == ERR_VERSION) {
        struct journal_fault found = {0};
        journal_find_fault(lane->journal, &found);
        return fault_at(fault, partition, found.position ? found.position : lane->position,
                        found.sequence ? found.sequence : lane->sequence + 1, "%s",
                        found.what != NULL ? found.what : err_text(err));
    }
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? err : fault_stop(fault, err, "reading a journal");
    if (lane->held.sequence != lane->sequence + 1 || lane->held.position != lane->position)
        return fault_at(fault, partition, lane->position, lane->sequence + 1, "a commit is missing");
    if (lane->held.time_us < lane->time_us)
        return fault_at(fault, partition, lane->held.position, lane->held.sequence, "time goes back");
    const char *what = "";
    uint64_t position = 0;
    err = tally_commit(&lane->tally, lane->held.position, lane->held.facts, lane->held.length, &position,
                       &what);
    if (err == ERR_CORRUPT)
        return fault_at(fault, partition, position, lane->held.sequence, "%s", what);
    lane->is_held = err == ERR_OK;
    return fault_stop(fault, err, "reading a journal");
}

static enum err hold_all(struct timeline *self, struct fault *fault)
{
    enum err err = ERR_OK;
    for (uint32_t p = 0; p < self->partitions && err == ERR_OK; p++) {
        struct timeline_lane *lane = &self->lanes[p];
        if (lane->is_held || lane->position >= lane->end)
            continue;
        err = hold(self, p, fault);
        if (err == ERR_NOT_FOUND)
            err = fault_at(fault, p, lane->position, lane->sequence + 1, "the journal ends before its head");
    }
    return err;
}

/* The earliest commit that nothing is missing for; UINT32_MAX: none. */
static uint32_t earliest(const struct timeline *self)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t p = 0; p < self->partitions; p++) {
        const struct timeline_lane *lane = &self->lanes[p];
        if (lane->is_held && (best == UINT32_MAX || lane->held.time_us < self->lanes[best].held.time_us) &&
            missing(self, p) == UINT32_MAX)
            best = p;
    }
    return best;
}

/* Every held commit waits for another partition: one that is not held has to be read on. */
static enum err read_on(struct timeline *self, uint32_t waiting, struct fault *fault)
{
    const struct timeline_lane *lane = &self->lanes[waiting];
    uint32_t behind = waiting;
    for (uint32_t steps = 0; self->lanes[behind].is_held; steps++) {
        waiting = behind;
        lane = &self->lanes[waiting];
        if (steps > self->partitions)
            return fault_at(fault, waiting, lane->held.position, lane->held.sequence,
                            "partitions have each processed what another had not yet sent");
        behind = missing(self, waiting);
    }
    enum err err = hold(self, behind, fault);
    if (err != ERR_NOT_FOUND)
        return err;
    return fault_at(fault, waiting, lane->held.position, lane->held.sequence,
                    "this commit has processed what partition %u sent after position %llu, where the journal "
                    "of that partition ends",
                    behind, (unsigned long long)self->lanes[behind].position - 1);
}

static uint32_t any_held(const struct timeline *self)
{
    uint32_t p = 0;
    while (p < self->partitions && !self->lanes[p].is_held)
        p++;
    return p < self->partitions ? p : UINT32_MAX;
}

enum err timeline_next(struct timeline *self, uint32_t *partition, const struct journal_commit **commit,
                       struct fault *fault)
{
    enum err err = hold_all(self, fault);
    uint32_t best = UINT32_MAX;
    while (err == ERR_OK && (best = earliest(self)) == UINT32_MAX) {
        uint32_t waiting = any_held(self);
        if (waiting == UINT32_MAX)
            return ERR_NOT_FOUND;
        err = read_on(self, waiting, fault);
    }
    if (err != ERR_OK)
        return err;
    struct timeline_lane *lane = &self->lanes[best];
    lane->is_held = false;
    lane->shown = lane->tally.numbers;
    lane->position = lane->held.position + lane->held.length / FACT_WORD;
    lane->sequence = lane->held.sequence;
    lane->time_us = lane->held.time_us;
    *partition = best;
    *commit = &lane->held;
    return ERR_OK;
}
