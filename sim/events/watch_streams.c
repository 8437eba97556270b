/* Streams. */
#include <inttypes.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/events/watch.h"

enum { LATE_MS = 250 };

static const char streams[] = "E5";

static struct watch_peer *find(struct watch *self, const char *id)
{
    for (uint32_t i = 0; i < WATCH_PEERS; i++) {
        if (self->peers[i].is_taken && strcmp(self->peers[i].id, id) == 0)
            return &self->peers[i];
    }
    return NULL;
}

bool watch_has_stream(const struct watch *self, const char *id)
{
    return find((struct watch *)self, id) != NULL;
}

/* NULL: a breach. */
static struct watch_peer *find_sent(struct watch *self, const struct publisher_peer *peer)
{
    char id[WATCH_NAME] = "";
    memcpy(id, peer->id, peer->id_length < WATCH_NAME - 1 ? peer->id_length : WATCH_NAME - 1);
    struct watch_peer *known = find(self, id);
    if (known == NULL || strcmp(known->name, peer->name) != 0) {
        stage_breach(self->stage, streams, "%s is sent something under the name %s, and has no such stream",
                     id, peer->name);
        return NULL;
    }
    return known;
}

static void check_heard(struct watch *self, const struct watch_peer *peer, int64_t now_ms)
{
    int64_t most_ms = peer->full_ms >= 0 ? self->options.save_ms : self->options.heartbeat_ms;
    if (now_ms - peer->heard_ms > most_ms + LATE_MS)
        stage_breach(self->stage, streams, "%s has heard nothing for %" PRId64 " ms", peer->id,
                     now_ms - peer->heard_ms);
}

static void note_sent(struct watch *self, struct watch_peer *peer, enum publisher_sent sent, int64_t now_ms)
{
    peer->heard_ms = now_ms;
    switch (sent) {
    case SENT_DONE:
        peer->full_ms = -1;
        return;
    case SENT_FULL:
        if (peer->full_ms < 0)
            peer->full_ms = now_ms;
        peer->is_taken = now_ms - peer->full_ms < self->options.unwritable_ms;
        return;
    case SENT_GONE:
        peer->is_taken = false;
        return;
    }
    CHECK_UNREACHABLE();
}

void watch_send(struct watch *self, int64_t now_ms, const struct publisher_peer *sent_to, uint32_t partition,
                uint64_t from, uint64_t to, enum publisher_sent sent)
{
    struct watch_peer *peer = find_sent(self, sent_to);
    if (peer == NULL)
        return;
    const struct place *first = journals_at(self->journals, partition, from);
    uint64_t begin = journals_before(self->journals, partition, from);
    uint64_t end = journals_before(self->journals, partition, to);
    if (first == NULL || !first->is_event || begin != peer->done[partition] || end <= begin)
        stage_breach(self->stage, streams,
                     "%s is sent events %" PRIu64 " to %" PRIu64 " of partition %" PRIu32 " where %" PRIu64
                     " is next",
                     peer->id, begin, end, partition, peer->done[partition]);
    if (end - begin > peer->credit || end - begin > self->options.message_max)
        stage_breach(self->stage, streams, "%s is sent %" PRIu64 " events, and its credit is %" PRIu64,
                     peer->id, end - begin, peer->credit);
    check_heard(self, peer, now_ms);
    note_sent(self, peer, sent, now_ms);
    self->sends++;
    if (sent == SENT_DONE) {
        peer->done[partition] = end;
        peer->credit -= end - begin;
    }
}

void watch_beat(struct watch *self, int64_t now_ms, const struct publisher_peer *sent_to,
                enum publisher_sent sent)
{
    struct watch_peer *peer = find_sent(self, sent_to);
    if (peer == NULL)
        return;
    for (uint32_t p = 0; p < self->journals->partitions; p++) {
        if (journals_before(self->journals, p, sent_to->cursors.at[p]) != peer->done[p])
            stage_breach(self->stage, streams, "a heartbeat tells %s a wrong cursor", peer->id);
    }
    check_heard(self, peer, now_ms);
    note_sent(self, peer, sent, now_ms);
}

void watch_subscribed(struct watch *self, const char *id, const char *name,
                      const struct publisher_cursors *cursors, uint32_t credit,
                      const struct publisher_peer *replaced, bool is_in, int64_t now_ms)
{
    struct watch_peer *place = find(self, id);
    if (!is_in) {
        stage_breach(self->stage, streams, "%s is refused a stream", id);
        return;
    }
    for (uint32_t i = 0; i < WATCH_PEERS; i++) {
        struct watch_peer *other = &self->peers[i];
        if (!other->is_taken || strcmp(other->name, name) != 0 || strcmp(other->id, id) == 0)
            continue;
        if (!replaced->is_taken || replaced->id_length != strlen(other->id) ||
            memcmp(replaced->id, other->id, replaced->id_length) != 0)
            stage_breach(self->stage, streams, "%s takes the name of %s, which is not told", id, other->id);
        other->is_taken = false;
    }
    for (uint32_t i = 0; place == NULL && i < WATCH_PEERS; i++) {
        if (!self->peers[i].is_taken)
            place = &self->peers[i];
    }
    CHECK(place != NULL);
    *place = (struct watch_peer){.is_taken = true,
                                 .credit = credit < PUBLISHER_CREDIT_MAX ? credit : PUBLISHER_CREDIT_MAX};
    place->heard_ms = now_ms;
    place->full_ms = -1;
    memcpy(place->id, id, strlen(id));
    memcpy(place->name, name, strlen(name));
    for (uint32_t p = 0; p < self->journals->partitions; p++)
        place->done[p] = journals_before(self->journals, p, cursors->at[p]);
}

void watch_credit(struct watch *self, const char *id, uint32_t credit, bool is_in)
{
    struct watch_peer *peer = find(self, id);
    if (is_in != (peer != NULL))
        stage_breach(self->stage, streams, "credit of %s is taken by nobody, or is nobody's", id);
    if (peer == NULL)
        return;
    uint64_t sum = peer->credit + credit;
    peer->credit = sum < PUBLISHER_CREDIT_MAX ? sum : PUBLISHER_CREDIT_MAX;
}

void watch_left(struct watch *self, const char *id, bool is_in)
{
    struct watch_peer *peer = find(self, id);
    if (is_in != (peer != NULL))
        stage_breach(self->stage, streams, "%s leaves a stream that is not there, or stays", id);
    if (peer != NULL)
        peer->is_taken = false;
}
