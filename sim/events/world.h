/* The inside of a seed of the publisher: one struct, and what its files offer each other.
 *
 *     events_run.c   the run: journals that grow, faults, operators, the end
 *     process.c      the publisher's process: its ports, its turns, its lives and deaths
 *     outside.c      webhooks and stream peers
 */
#ifndef TELLER_SIM_EVENTS_WORLD_H
#define TELLER_SIM_EVENTS_WORLD_H

#include "sim/counting_mem.h"
#include "sim/events/shelf.h"
#include "sim/events/watch.h"
#include "sim/stage.h"

enum { MS = 1000, SECOND = 1000000 };

enum mood { MOOD_GOOD, MOOD_SHAKY, MOOD_DOWN, MOOD_GONE };

struct hook {
    enum mood mood;
    int64_t until_us;
    uint32_t version; /* of its url */
};

struct peer {
    char id[WATCH_NAME], name[WATCH_NAME];
    uint32_t incarnation;
    bool is_gone;
    int64_t full_until_us;
    struct publisher_cursors cursors; /* behind what it has */
};

struct events_world {
    struct stage stage;
    struct journals journals;
    struct shelf shelf;
    struct watch watch;
    struct publisher_options options;
    struct sim_random facts, subscribers, disk, process, operators, streams;

    struct publisher *publisher; /* NULL: it is down */
    struct counting_mem memory;
    uint64_t life, turn;   /* numbers; a turn that is not the newest planned one is void */
    uint64_t memory_bytes; /* of the core when it was new */
    bool is_dead;          /* what it does reaches nobody any more */
    uint32_t calls_left;   /* of ports, until it dies; 0: it does not */
    int64_t paused_until_us;
    bool has_moved;  /* a look went on, or a post was not taken: the next turn is soon */
    uint32_t looks;  /* in this turn */
    int64_t wall_us; /* what the wall's clock is off */

    int64_t full_until_us, refusing_until_us; /* the shelf; the post port */
    bool fails_next;                          /* the next store, in the middle */

    struct hook hooks[WATCH_HOOKS];
    uint32_t hook_count;
    struct peer peers[WATCH_PEERS];
    uint32_t peer_count;

    bool is_calm; /* faults have ended */
    uint64_t acts, deaths;
    int64_t fact_every_us, death_every_us, act_every_us;
};

/* ---- process.c */

struct publisher_now process_now(const struct events_world *self);
/* CHECKs for memory. */
void process_start(struct events_world *self);
/* In order: cursors are stored. */
void process_stop(struct events_world *self);
/* As soon as it is up and not paused. */
void process_wake(struct events_world *self, int64_t delay_us);
/* It can be asked for something now. */
bool process_is_ready(const struct events_world *self);
/* After each call into the publisher: buries it, where it has died in it. true: it lives. */
bool process_lives(struct events_world *self);

/* ---- outside.c */

/* What comes of a post, some time later. is_sent: it reaches the subscriber; else only the outcome is void. */
void outside_post(struct events_world *self, const struct publisher_post *post);
struct peer *outside_peer(struct events_world *self, const struct publisher_peer *peer);
void outside_begin(struct events_world *self);

#endif
