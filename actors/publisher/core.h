/* The inside of the publisher's core: one struct, and what its files offer each other.
 *
 *     publisher.c  life, cursors and when they are stored, operations, looking in
 *     webhook.c    deliveries to webhooks
 *     letters.c    the dead letters
 *     stream.c     streams and their credit
 *     event.c      facts as events
 */
#ifndef TELLER_PUBLISHER_CORE_H
#define TELLER_PUBLISHER_CORE_H

#include <string.h>

#include "actors/base/check.h"
#include "actors/base/mark.h"
#include "actors/publisher/publisher.h"

enum webhook_state { WEBHOOK_IDLE, WEBHOOK_IN_FLIGHT, WEBHOOK_WAITING, WEBHOOK_STOPPED };

struct webhook {
    bool is_taken;
    struct publisher_subscriber subscriber;
    struct publisher_cursors cursors; /* what is delivered; stored when is_dirty is cleared */
    bool is_dirty;
    uint32_t turn; /* partition to look at next */

    /* The event in hand: IN_FLIGHT, or WAITING for its next try. */
    enum webhook_state state;
    uint32_t partition;
    uint64_t position, next;
    uint64_t passed; /* words of events that it does not want, since its cursors were last to be stored */
    uint32_t tries;
    int64_t due_ms;
    uint64_t token;

    bool has_moved; /* what is under way goes to where it was before */

    /* A letter that is tried again, beside the event in hand; one of both is under way at a time. */
    uint64_t letter_id; /* 0: none */
    uint64_t letter_token;

    uint64_t failures, delivered;
    uint32_t letter_count;
    char error[PUBLISHER_ERROR_MAX + 1];
};

struct publisher {
    struct mem mem;
    struct publisher_options options;
    struct publisher_ports ports;
    struct webhook webhooks[PUBLISHER_SUBSCRIBERS_MAX];
    struct publisher_peer peers[PUBLISHER_PEERS_MAX];
    uint64_t ends[PUBLISHER_PARTITIONS_MAX]; /* 0: not known yet: nothing is looked at */
    struct publisher_letter *letters;        /* by id */
    uint32_t letter_count;
    struct publisher_change *changes; /* room for all letters and a subscriber */
    uint64_t last_letter_id;
    uint64_t last_token;
    int64_t save_due_ms; /* INT64_MAX: nothing to store */
    bool store_fails;    /* it has been said */
    bool is_hungry;      /* as of the last work */
};

/* ---- publisher.c */

/* Stores, and says so once where it can not. */
enum err core_store(struct publisher *self, const struct publisher_change *changes, size_t count) MUST_USE;
/* The cursors are to be stored soon. */
void core_dirty(struct publisher *self, struct webhook *webhook, struct publisher_now now);
/* Looks for an event from `cursors` on, beginning with partition *turn, and moves cursors over what is none.
 * LOOK_END: nowhere now. Else *found: cursors at one; *next behind it. */
enum publisher_look core_find(struct publisher *self, struct publisher_cursors *cursors, uint32_t *turn,
                              uint32_t *found, uint64_t *next);
void core_copy_text(char *out, size_t capacity, struct str text);
struct webhook *core_webhook(struct publisher *self, struct str name);

/* ---- webhook.c */

bool webhook_step(struct publisher *self, struct webhook *webhook, struct publisher_now now);
int64_t webhook_due_ms(const struct webhook *webhook);
/* It has another URL or secret. */
void webhook_moved(struct webhook *webhook);

/* ---- letters.c */

/* NULL: no such letter. */
struct publisher_letter *letter_find(struct publisher *self, uint64_t id);
/* The first letter of a webhook that an operator wants tried again; NULL: none. */
struct publisher_letter *letter_wanted(struct publisher *self, const struct webhook *webhook);
/* The event in hand becomes a letter, and the cursor passes it, in one commit. false: not now. */
bool letter_write(struct publisher *self, struct webhook *webhook, struct publisher_now now);
/* A retry of a letter has failed. */
void letter_failed(struct publisher *self, struct publisher_letter *letter, const char *error);
/* The letter is done. ERR_OK: it is gone from the store too. */
enum err letter_drop(struct publisher *self, struct publisher_letter *letter) MUST_USE;
/* All letters of a webhook: the changes for them, at the beginning of self->changes; and, once these are stored, their end. */
size_t letter_changes(struct publisher *self, const struct webhook *webhook);
void letter_forget_all(struct publisher *self, struct webhook *webhook);

/* ---- stream.c */

bool stream_step(struct publisher *self, struct publisher_peer *peer, struct publisher_now now);
int64_t stream_due_ms(const struct publisher_peer *peer);

#endif
