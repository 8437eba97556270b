/* What may go wrong in the simulated world: one fault is one line in a plan, a script or a report.
 *
 * A fault names whom it hits, when, for how long and how hard; what the last two mean depends on its kind. The table in
 * fault.c has each kind's word and its family; docs/TESTING.md describes them.
 */
#ifndef TELLER_SIM_FAULT_H
#define TELLER_SIM_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_kind {
    /* process */
    FAULT_KILL, /* dies; what it has written survives. amount: at the nth call to its disk from now; 0: at once */
    FAULT_POWER, /* the machine loses power: writes without a sync may be lost, torn or kept. amount: as above */
    FAULT_RELAPSE, /* the next `amount` recoveries die in their middle, too */
    FAULT_PAUSE,   /* stands still for length_us, and then goes on as if nothing had been */
    FAULT_MEMORY,  /* the nth allocation of memory fails; length_us: so many more after it */
    FAULT_MAILBOX, /* for length_us its mailbox holds `amount` requests, and one message of each peer */
    /* disk */
    FAULT_SLOW_DISK, /* for length_us each commit takes `amount` times as long */
    FAULT_WRITE_ERROR, /* the nth write from now answers EIO; length_us > 0: all after it, too, until a restart */
    FAULT_SYNC_ERROR,    /* the nth sync */
    FAULT_WRITTEN_ERROR, /* the nth write is carried out, and answers EIO */
    FAULT_NO_SPACE,      /* for length_us each write that needs room answers ENOSPC */
    FAULT_CAPACITY,      /* for length_us the disk holds `amount` KiB more than now */
    FAULT_STATE_LOST,    /* kill, and the state store is gone */
    FAULT_STATE_FLIP,    /* kill, and a bit of the state store is flipped */
    FAULT_STATE_STALE,   /* kill, and a page of the state store is an older one */
    /* network; from target to peer, either may be WORLD_ANY */
    FAULT_LOSE,    /* for length_us, `amount` messages in a million */
    FAULT_REPEAT,  /* … come twice */
    FAULT_REORDER, /* … are overtaken */
    FAULT_DELAY,   /* for length_us each message takes up to `amount` microseconds longer */
    FAULT_CUT,     /* for length_us nothing comes through, this way */
    FAULT_CLOG,    /* for length_us messages are held back; then they come in a random order */
    /* time */
    FAULT_CLOCK_FORWARD, /* a partition's clock jumps `amount` microseconds */
    FAULT_CLOCK_BACK,
    FAULT_CLOCK_FREEZE, /* for length_us */
    /* clients */
    FAULT_STORM, /* every client sends everything again that has no answer yet, `amount` times */
    FAULT_KIND_COUNT
};

enum fault_family { FAMILY_PROCESS, FAMILY_DISK, FAMILY_NETWORK, FAMILY_TIME, FAMILY_CLIENTS, FAMILY_COUNT };

enum { FAMILIES_NONE = 0, FAMILIES_ALL = (1 << FAMILY_COUNT) - 1 };

/* Addresses in the world: partitions are 0 .. 63. */
enum { WORLD_ANY = 1000, WORLD_BROKER = 1001, WORLD_CLIENTS = 1002 };

struct fault {
    uint32_t number; /* in its plan, from 1; 0: not of a plan */
    enum fault_kind kind;
    int64_t at_us;   /* since the world began */
    uint32_t target; /* a partition, WORLD_ANY (all), or for the network WORLD_BROKER or WORLD_CLIENTS too */
    uint32_t peer;   /* network only */
    int64_t length_us;
    int64_t amount;
};

/* "clock-back"; static storage. */
const char *fault_word(enum fault_kind kind);
bool fault_find(const char *word, enum fault_kind *out);
enum fault_family fault_family_of(enum fault_kind kind);
const char *fault_family_word(enum fault_family family);
bool fault_family_find(const char *word, enum fault_family *out);

/* One line: "3.250 s  power partition 1, at its 4th call". Returns out. */
const char *fault_say(const struct fault *fault, char *out, size_t capacity);

/* ---- plans -------------------------------------------------------------------------------------- */

struct fault_plan {
    struct fault *faults; /* in order of time */
    size_t count;
};

struct fault_plan_config {
    uint64_t seed;
    uint32_t partitions;
    uint32_t families; /* mask */
    int64_t length_us; /* no fault begins after it */
    uint32_t count;    /* with all families at least so many, and a few more */
};

/* Draws a plan. Which kinds are on, and how hard they hit, is drawn from the seed too. Faults of families outside
 * the mask are left out; those that stay are the same faults with the same numbers. */
struct fault_plan fault_plan_draw(const struct fault_plan_config *config);
void fault_plan_release(struct fault_plan *self);

#endif
