/* The publisher's core: who is sent which event when, and what becomes of one that nobody takes.
 *
 *     journals ──look──► publisher ──post──► webhooks       (one event under way for each, tried again, dead letters)
 *                            │    └──send──► stream peers   (as many events as they have given credit for)
 *                            └──store──► cursors, subscribers, dead letters
 *
 * Promises.
 * - Order: the events of a partition reach a subscriber in the journal's order. Between partitions there is none.
 * - At least once: a cursor passes an event only after it was delivered, or stands in the dead letters; the letter and the
 *   cursor behind it are stored together. After a restart what was not stored is delivered again.
 * - Nobody waits for a subscriber: one that is slow, dead or full has its own cursor, and a bounded place here.
 *
 * A webhook subscriber:
 *
 *                 event found                2xx
 *         IDLE ─────────────► IN FLIGHT ───────────► IDLE
 *           ▲                  │  ▲   │ 410
 *           │    refused, late │  │   └───► STOPPED (until it is added again)
 *           │                  ▼  │ due
 *           └── last try ◄── WAITING      5,000 ms, 10,000, 20,000 … to a limit
 *               (a letter)
 *
 * When the dead letters are full the last try is repeated until there is room. A letter that an operator wants tried again
 * goes out between two events; so it comes late, which its position tells.
 *
 * Pure: memory and time are given, everything else is a port. No port calls back into the publisher. */
#ifndef TELLER_PUBLISHER_H
#define TELLER_PUBLISHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/base/err.h"
#include "actors/base/mem.h"
#include "actors/base/str.h"

enum {
    PUBLISHER_PARTITIONS_MAX = 64,
    PUBLISHER_SUBSCRIBERS_MAX = 64, /* webhooks */
    PUBLISHER_PEERS_MAX = 64,       /* streams */
    PUBLISHER_LETTERS_MAX = 10000,
    PUBLISHER_NAME_MAX = 32,
    PUBLISHER_URL_MAX = 512,
    PUBLISHER_SECRET_MIN = 16,
    PUBLISHER_SECRET_MAX = 128,
    PUBLISHER_ERROR_MAX = 95,
    PUBLISHER_PEER_ID_MAX = 255,
    PUBLISHER_CREDIT_MAX = 1000000,
};

struct publisher_options {
    uint32_t partitions;
    int64_t retry_ms;      /* the first delay */
    int64_t retry_max_ms;  /* the longest */
    uint32_t tries_max;    /* then it is a dead letter */
    uint32_t message_max;  /* events of one message to a stream */
    int64_t save_ms;       /* cursors are stored at most so often */
    int64_t heartbeat_ms;  /* a stream hears something at least so often */
    int64_t unwritable_ms; /* a stream that takes nothing for so long is ended */
};
/* 5,000 ms doubling to 600,000; 10 tries; 256 events; 100 ms; 5 s; 60 s. */
struct publisher_options publisher_options_default(uint32_t partitions);

/* Times of a call: one that only rises, and the wall's. */
struct publisher_now {
    int64_t mono_ms;
    int64_t wall_us;
};

/* ---- what is stored ------------------------------------------------------------------------------------- */

struct publisher_subscriber {
    char name[PUBLISHER_NAME_MAX + 1];
    char url[PUBLISHER_URL_MAX + 1];
    uint8_t secret[PUBLISHER_SECRET_MAX]; /* never shown, never said */
    uint32_t secret_length;
    bool is_stopped;    /* it answered 410 */
    bool is_for_alarms; /* it gets alarms of remittances and their ends only: other events are passed over */
};

struct publisher_cursors {
    uint64_t at[PUBLISHER_PARTITIONS_MAX]; /* position of the first event not delivered, or before it */
};

struct publisher_letter {
    uint64_t id; /* 1, 2, 3 …, never used again */
    char name[PUBLISHER_NAME_MAX + 1];
    uint32_t partition;
    uint64_t position;
    int64_t time_us; /* when it was given up */
    uint32_t tries;
    bool is_wanted; /* an operator wants it tried again */
    char error[PUBLISHER_ERROR_MAX + 1];
};

enum publisher_change_kind {
    CHANGE_SUBSCRIBER, /* all of it */
    CHANGE_CURSORS,
    CHANGE_SUBSCRIBER_GONE, /* with its cursors */
    CHANGE_LETTER,
    CHANGE_LETTER_GONE,
};

struct publisher_change {
    enum publisher_change_kind kind;
    const struct publisher_subscriber *subscriber; /* the first three */
    const struct publisher_cursors *cursors;       /* CURSORS */
    const struct publisher_letter *letter;         /* the last two */
};

/* ---- ports ------------------------------------------------------------------------------------------------ */

enum publisher_look {
    LOOK_EVENT, /* *position is an event's; *next is behind it */
    LOOK_ALARM, /* the same, and it raises or ends an alarm (event.h) */
    LOOK_END,   /* there is none before *next: look there next time */
    LOOK_LATER, /* there is none before *next; what comes then cannot be read yet */
};

enum publisher_sent {
    SENT_DONE,
    SENT_FULL, /* it does not take more now; nothing was sent */
    SENT_GONE,
};

struct publisher_peer {
    uint8_t id[PUBLISHER_PEER_ID_MAX];
    uint8_t id_length;
    char name[PUBLISHER_NAME_MAX + 1];
    uint32_t credit; /* events it may still be sent */
    uint64_t delivered;
    struct publisher_cursors cursors;
    uint32_t turn;         /* partition to look at next */
    int64_t beat_due_ms;   /* then a heartbeat is sent, unless something else was */
    int64_t full_since_ms; /* 0: it takes what it is sent */
    bool is_taken;
};

struct publisher_post {
    uint64_t token; /* for publisher_posted */
    const struct publisher_subscriber *subscriber;
    uint32_t partition;
    uint64_t position;
    uint32_t tries; /* before this one */
};

struct publisher_ports {
    void *context;
    /* The first event of a partition at or after *position. Bounded work: it may answer END early, with *next moved on;
     * END with *next == *position is the end of the journal. */
    enum publisher_look (*look)(void *context, uint32_t partition, uint64_t *position, uint64_t *next);
    /* Begins a delivery; publisher_posted tells what came of it, later. false: not now. */
    bool (*post)(void *context, const struct publisher_post *post);
    /* Sends the events of [from, to), or a heartbeat with the peer's cursors. */
    enum publisher_sent (*send)(void *context, const struct publisher_peer *peer, uint32_t partition,
                                uint64_t from, uint64_t to);
    enum publisher_sent (*beat)(void *context, const struct publisher_peer *peer);
    /* All or nothing, durable on ERR_OK. */
    enum err (*store)(void *context, const struct publisher_change *changes, size_t count);
    /* A line for the log. subject: a subscriber's name. */
    void (*say)(void *context, bool is_warning, const char *what, const char *subject);
};

/* ---- life --------------------------------------------------------------------------------------------------- */

struct publisher;

/* NULL: no memory. */
struct publisher *publisher_new(const struct publisher_options *options, const struct publisher_ports *ports,
                                const struct mem *mem);
void publisher_destroy(struct publisher **self_p);

/* What was stored, before the first work; letters in order of their ids, after the subscribers. false: it does not fit, or
 * a letter has no subscriber. */
bool publisher_load_subscriber(struct publisher *self, const struct publisher_subscriber *subscriber,
                               const struct publisher_cursors *cursors);
bool publisher_load_letter(struct publisher *self, const struct publisher_letter *letter);
/* The highest id of a letter that there ever was. */
void publisher_load_letter_id(struct publisher *self, uint64_t id);
uint64_t publisher_letter_id(const struct publisher *self);

/* The journal of a partition ends there: nothing can be delivered beyond. Cursors that are (the journal is an older copy)
 * are set back to it, and it is said. Also for figures. */
void publisher_set_end(struct publisher *self, uint32_t partition, uint64_t end);

/* ---- work ----------------------------------------------------------------------------------------------------- */

/* One step for every subscriber and stream. true: something was done, there may be more. */
bool publisher_work(struct publisher *self, struct publisher_now now);
/* When publisher_work should be called next, mono_ms; INT64_MAX: never by itself. Whoever waits for new events does not
 * count: see publisher_is_hungry. */
int64_t publisher_due_ms(const struct publisher *self);
/* Somebody would take an event if there were one. */
bool publisher_is_hungry(const struct publisher *self);
/* Stores cursors now: before the end. ERR_FULL and the like: not stored, some events will be delivered again. */
enum err publisher_save(struct publisher *self) MUST_USE;

enum publisher_outcome { POSTED_TAKEN, POSTED_FAILED, POSTED_STOP };
/* What came of a post. error: in words, without secrets; NULL with TAKEN. A token that is not known is passed over: its
 * subscriber was removed. retry_after_ms: what the subscriber asked for, -1: nothing; it can only make a delay longer, up to
 * the longest. */
void publisher_posted(struct publisher *self, uint64_t token, enum publisher_outcome outcome,
                      const char *error, int64_t retry_after_ms, struct publisher_now now);

/* ---- streams ---------------------------------------------------------------------------------------------------- */

/* A new stream. An older one of this name is dropped: *replaced receives it, is_taken false where there is none. false: full. */
bool publisher_subscribe(struct publisher *self, struct str id, struct str name,
                         const struct publisher_cursors *cursors, uint32_t credit,
                         struct publisher_peer *replaced, struct publisher_now now);
/* false: no such stream. */
bool publisher_credit(struct publisher *self, struct str id, uint32_t credit);
bool publisher_leave(struct publisher *self, struct str id);

/* ---- operations: CODE_OK, NOT_FOUND, BUSY (full, or it could not be stored: nothing changed) ----------------------- */

/* Adds; or changes url, secret and which events of one that is there, and starts it again where it has stopped. With another
 * url or secret the event in hand is tried at once, as if for the first time, and what the place before refuses counts for
 * nothing. */
enum code publisher_add(struct publisher *self, const struct publisher_subscriber *subscriber,
                        const struct publisher_cursors *cursors);
/* With its dead letters. */
enum code publisher_remove(struct publisher *self, struct str name);
enum code publisher_letter_retry(struct publisher *self, uint64_t id);
enum code publisher_letter_resolve(struct publisher *self, uint64_t id, struct publisher_letter *resolved);

/* Webhooks first, then streams; index from 0; false: there are no more. Also figures for monitoring. */
struct publisher_view {
    const char *name, *url;
    const char *state; /* "idle", "in_flight", "waiting", "stopped", "stream" */
    const char *error; /* of the last failure; "" */
    uint64_t lag;      /* about how many events it has not been sent: journal words / 8 */
    uint64_t failures; /* since the start */
    uint64_t delivered;
    uint32_t dead_letters;
    int64_t next_try_ms; /* mono; -1: none */
    bool is_stream, is_for_alarms;
};
bool publisher_view_at(const struct publisher *self, uint32_t index, struct publisher_view *out);

/* The first letter with an id > after (and of that name, where it is not empty); NULL: none. */
const struct publisher_letter *publisher_letter_after(const struct publisher *self, uint64_t after,
                                                      struct str name);

#endif
