/* What the publisher has promised, worked out apart from it: it sees what goes through the ports and what the world does, and
 * shares with the publisher's core the types of its ports, and nothing else.
 *
 *   E1  order: a subscriber is sent the events of a partition from its start on, one after another, without a gap
 *   E2  an event that was taken is sent again only after a restart, and then only the last ones before it; a stored cursor
 *       is never ahead of what was delivered or given up, and never goes back
 *   E3  tries come at their documented times, one at a time; an event is given up at its last try, and not before
 *   E4  an event that was given up is a dead letter, once, from the same commit as the cursor behind it, until an operator
 *       resolves it, the subscriber takes it at a retry, or is removed; what an operation refused to do is not done
 *   E5  streams: in order, within their credit, in messages of a bounded size, and something is heard now and then
 *   E6  when faults have ended everybody has everything within a bound; memory and the work of a call are bounded
 *
 * There are two views of everything: what the running process knows (live) and what a restart would find (kept). */
#ifndef TELLER_SIM_EVENTS_WATCH_H
#define TELLER_SIM_EVENTS_WATCH_H

#include "sim/events/journals.h"
#include "sim/stage.h"

enum { WATCH_HOOKS = 6, WATCH_PEERS = 4, WATCH_NAME = PUBLISHER_NAME_MAX + 1 };

/* Of a webhook, by either view. Numbers of events are those of journals.h. */
struct watch_side {
    bool exists, is_stopped;
    char url[PUBLISHER_URL_MAX + 1];
    uint64_t start[JOURNALS_MAX],
        done[JOURNALS_MAX]; /* done: the first event that is neither taken nor given up */
};

struct watch_hook {
    struct watch_side live, kept;
    uint8_t *fates[JOURNALS_MAX]; /* of each event: enum fate bits */
    size_t fate_count[JOURNALS_MAX];
    uint32_t span;   /* one more each time it is there anew */
    uint64_t token;  /* of the post that is under way; 0: none */
    uint64_t letter; /* that it is of; 0: of an event */
    uint32_t partition;
    uint64_t event; /* in hand, when is_in_hand */
    bool is_in_hand;
    bool has_moved; /* what is under way goes to the URL before */
    uint32_t tries;
    int64_t due_ms, excused_ms;
    int64_t unsaved_ms; /* since when something taken is not stored; -1: all is */
};

struct watch_letter {
    uint64_t id, position;
    uint32_t hook, partition;
    bool is_live, is_wanted, is_kept, is_kept_wanted;
    uint32_t tries, kept_tries;
};

struct watch_peer {
    bool is_taken;
    char id[WATCH_NAME], name[WATCH_NAME];
    uint64_t credit, done[JOURNALS_MAX];
    int64_t heard_ms; /* or found full */
    int64_t full_ms;  /* -1: takes what it is sent */
};

/* Why something is stored. */
enum cause_kind { CAUSE_NONE, CAUSE_ADD, CAUSE_REMOVE, CAUSE_RETRY, CAUSE_RESOLVE, CAUSE_OUTCOME };
struct cause {
    enum cause_kind kind;
    uint32_t hook;
    uint64_t letter;
    enum publisher_outcome outcome;
    bool has_failed; /* a store of it */
};

struct watch {
    struct stage *stage;
    const struct journals *journals;
    struct publisher_options options;
    struct watch_hook hooks[WATCH_HOOKS];
    struct watch_peer peers[WATCH_PEERS];
    struct watch_letter *letters;
    size_t letter_count, letter_capacity;
    uint64_t last_letter;
    struct cause cause;
    bool is_store_broken;
    uint64_t posts, repeats, letters_written, sends;
};

void watch_init(struct watch *self, struct stage *stage, const struct journals *journals,
                const struct publisher_options *options);
void watch_release(struct watch *self);

/* Names are "hook0" … and "peer0" …; UINT32_MAX: another one. */
uint32_t watch_hook_of(const char *name);

/* ---- the process */

/* It begins, with what was kept. */
void watch_restart(struct watch *self, int64_t now_ms);
/* It ended, in whatever way. */
void watch_ended(struct watch *self, int64_t now_ms);
/* It stood still until now. */
void watch_excuse(struct watch *self, int64_t now_ms);
/* Looks in. */
void watch_compare(struct watch *self, const struct publisher *publisher);

/* ---- ports */

void watch_store(struct watch *self, struct publisher_now now, const struct publisher_change *changes,
                 size_t count, enum err err, bool is_kept);
void watch_post(struct watch *self, int64_t now_ms, const struct publisher_post *post, bool is_taken);
void watch_send(struct watch *self, int64_t now_ms, const struct publisher_peer *peer, uint32_t partition,
                uint64_t from, uint64_t to, enum publisher_sent sent);
void watch_beat(struct watch *self, int64_t now_ms, const struct publisher_peer *peer,
                enum publisher_sent sent);

/* ---- what others do */

/* The subscriber has taken an event, whatever the publisher hears of it. */
void watch_received(struct watch *self, uint32_t hook, uint32_t partition, uint64_t position);
/* Around publisher_posted. */
void watch_outcome(struct watch *self, uint64_t token, enum publisher_outcome outcome, int64_t retry_after_ms,
                   int64_t now_ms);
void watch_outcome_end(struct watch *self, int64_t now_ms);
/* Before an operation, and when it is answered. */
void watch_begin(struct watch *self, enum cause_kind kind, uint32_t hook, uint64_t letter);
void watch_added(struct watch *self, const struct publisher_subscriber *subscriber,
                 const struct publisher_cursors *cursors, enum code code);
void watch_removed(struct watch *self, enum code code);
void watch_retried(struct watch *self, enum code code);
void watch_resolved(struct watch *self, enum code code);
/* A letter that is there; 0: there is none. */
uint64_t watch_some_letter(const struct watch *self, struct sim_random *random);

void watch_subscribed(struct watch *self, const char *id, const char *name,
                      const struct publisher_cursors *cursors, uint32_t credit,
                      const struct publisher_peer *replaced, bool is_in, int64_t now_ms);
void watch_credit(struct watch *self, const char *id, uint32_t credit, bool is_in);
void watch_left(struct watch *self, const char *id, bool is_in);
bool watch_has_stream(const struct watch *self, const char *id);

/* Every subscriber that wants events has them all. */
bool watch_is_settled(const struct watch *self);
/* All is over: each event of each span was received or given up. */
void watch_end(struct watch *self);

#endif
