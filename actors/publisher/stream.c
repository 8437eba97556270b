/* Streams: each is sent as many events as it has given credit for, and hears something now and then. */
#include "actors/publisher/core.h"

static struct publisher_peer *find(struct publisher *self, struct str id)
{
    for (uint32_t i = 0; i < PUBLISHER_PEERS_MAX; i++) {
        struct publisher_peer *peer = &self->peers[i];
        if (peer->is_taken && str_equal((struct str){(const char *)peer->id, peer->id_length}, id))
            return peer;
    }
    return NULL;
}

static struct publisher_peer *find_name(struct publisher *self, struct str name)
{
    for (uint32_t i = 0; i < PUBLISHER_PEERS_MAX; i++) {
        struct publisher_peer *peer = &self->peers[i];
        if (peer->is_taken && str_equal(str_from(peer->name), name))
            return peer;
    }
    return NULL;
}

/* Its own place where it has one; else that of its name; else a free one. */
static struct publisher_peer *place_for(struct publisher *self, struct publisher_peer *own,
                                        struct publisher_peer *older)
{
    struct publisher_peer *place = own != NULL ? own : older;
    for (uint32_t i = 0; place == NULL && i < PUBLISHER_PEERS_MAX; i++) {
        if (!self->peers[i].is_taken)
            place = &self->peers[i];
    }
    return place;
}

bool publisher_subscribe(struct publisher *self, struct str id, struct str name,
                         const struct publisher_cursors *cursors, uint32_t credit,
                         struct publisher_peer *replaced, struct publisher_now now)
{
    CHECK(id.length <= PUBLISHER_PEER_ID_MAX && name.length <= PUBLISHER_NAME_MAX);
    struct publisher_peer *own = find(self, id), *older = find_name(self, name);
    struct publisher_peer *peer = place_for(self, own, older);
    replaced->is_taken = false;
    if (peer == NULL) {
        MARK("there is no room for another stream");
        return false;
    }
    if (older != NULL && older != own) {
        MARK("a stream takes the place of another one of its name");
        *replaced = *older;
        older->is_taken = false;
    }
    *peer = (struct publisher_peer){
        .id_length = (uint8_t)id.length,
        .credit = credit < PUBLISHER_CREDIT_MAX ? credit : PUBLISHER_CREDIT_MAX,
        .cursors = *cursors,
        .beat_due_ms = now.mono_ms + self->options.heartbeat_ms,
        .is_taken = true,
    };
    memcpy(peer->id, id.data, id.length);
    core_copy_text(peer->name, sizeof peer->name, name);
    return true;
}

bool publisher_credit(struct publisher *self, struct str id, uint32_t credit)
{
    struct publisher_peer *peer = find(self, id);
    if (peer == NULL)
        return false;
    uint32_t room = PUBLISHER_CREDIT_MAX - peer->credit;
    peer->credit += credit < room ? credit : room;
    return true;
}

bool publisher_leave(struct publisher *self, struct str id)
{
    struct publisher_peer *peer = find(self, id);
    if (peer != NULL)
        peer->is_taken = false;
    return peer != NULL;
}

/* ---- work ----------------------------------------------------------------------------------------------------- */

/* What a send has come to. true: it was sent. */
static bool note(struct publisher *self, struct publisher_peer *peer, enum publisher_sent sent,
                 struct publisher_now now)
{
    switch (sent) {
    case SENT_DONE:
        peer->beat_due_ms = now.mono_ms + self->options.heartbeat_ms;
        peer->full_since_ms = 0;
        return true;
    case SENT_FULL:
        peer->beat_due_ms =
            now.mono_ms + self->options.save_ms; /* a full stream is tried with what is small */
        if (peer->full_since_ms == 0) {
            MARK("a stream does not take more");
            peer->full_since_ms = now.mono_ms;
        }
        if (now.mono_ms - peer->full_since_ms < self->options.unwritable_ms)
            return false;
        self->ports.say(self->ports.context, true, "takes nothing any more: its stream is ended", peer->name);
        peer->is_taken = false;
        return false;
    case SENT_GONE:
        peer->is_taken = false;
        return false;
    }
    CHECK_UNREACHABLE();
}

/* The end of as many events as may go into one message. */
static uint64_t gather(struct publisher *self, const struct publisher_peer *peer, uint32_t partition,
                       uint64_t end, uint32_t *count)
{
    uint32_t most = peer->credit < self->options.message_max ? peer->credit : self->options.message_max;
    for (*count = 1; *count < most; ++*count) {
        uint64_t position = end, next = end;
        enum publisher_look look = self->ports.look(self->ports.context, partition, &position, &next);
        if (look != LOOK_EVENT && look != LOOK_ALARM)
            break;
        end = next;
    }
    return end;
}

static bool send_events(struct publisher *self, struct publisher_peer *peer, struct publisher_now now)
{
    uint32_t partition = 0, count = 0;
    uint64_t end = 0;
    if (peer->credit == 0 || peer->full_since_ms != 0)
        return false;
    if (core_find(self, &peer->cursors, &peer->turn, &partition, &end) == LOOK_END) {
        self->is_hungry = true;
        return false;
    }
    end = gather(self, peer, partition, end, &count);
    enum publisher_sent sent =
        self->ports.send(self->ports.context, peer, partition, peer->cursors.at[partition], end);
    if (!note(self, peer, sent, now))
        return false;
    peer->cursors.at[partition] = end;
    peer->credit -= count;
    peer->delivered += count;
    return true;
}

static void beat(struct publisher *self, struct publisher_peer *peer, struct publisher_now now)
{
    if (peer->beat_due_ms <= now.mono_ms)
        (void)note(self, peer, self->ports.beat(self->ports.context, peer), now);
}

bool stream_step(struct publisher *self, struct publisher_peer *peer, struct publisher_now now)
{
    beat(self, peer, now);
    return peer->is_taken && send_events(self, peer, now);
}

int64_t stream_due_ms(const struct publisher_peer *peer)
{
    return peer->is_taken ? peer->beat_due_ms : INT64_MAX;
}
