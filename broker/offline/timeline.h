/* The journals of all partitions as one stream of commits, in the order of cause and effect.
 *
 * Commits come by time, each partition's in its own order, and never before what caused them: a partition's
 * commit that has processed a request comes after the commit that made it, one that has taken an answer after
 * the commit that gave it, one that has let answers go after the commit that took them.
 *
 * So wherever the stream is stopped, what came is a consistent cut: copies of the journals that end there could
 * be served together. The stream ends at the heads that the journals had at the start. Beside a process that
 * serves, those heads were read one after another, and one partition may have seen what another had not yet
 * written; then the other is read on, commit by commit, until nothing is missing. That comes to an end, because
 * nothing leaves a partition before it is durable: all that was seen is there.
 *
 * What is seen but is not there after all is a fault: a journal that has lost its end, or is of another time.
 */
#ifndef TELLER_BROKER_OFFLINE_TIMELINE_H
#define TELLER_BROKER_OFFLINE_TIMELINE_H

#include "broker/offline/cursor.h"
#include "broker/offline/fault.h"
#include "broker/offline/tally.h"

struct timeline_lane {
    struct journal *journal;
    struct cursor cursor;
    struct tally tally;         /* the held commit is in it */
    struct tally_numbers shown; /* of what was handed out */
    struct journal_commit held; /* the next to be handed out */
    bool is_held;
    uint64_t end;      /* where the stream may stop */
    uint64_t position; /* after what was handed out */
    uint64_t sequence;
    int64_t time_us;
};

struct timeline {
    uint32_t partitions;
    struct timeline_lane lanes[LEDGER_PARTITIONS_MAX];
};

/* Reads the heads. time_us: nothing later is handed out, causes excepted; INT64_MAX: all. */
enum err timeline_init(struct timeline *self, struct journal *const *journals, uint32_t partitions,
                       int64_t time_us, struct fault *fault) MUST_USE;
void timeline_release(struct timeline *self);

/* The next commit, valid until the next call. ERR_NOT_FOUND: the end, and lanes[].position is the cut. */
enum err timeline_next(struct timeline *self, uint32_t *partition, const struct journal_commit **commit,
                       struct fault *fault) MUST_USE;

/* After the end: the same commits come once more, whatever has been written since. */
void timeline_rewind(struct timeline *self);

/* The partition that must be read on before `partition` may show `numbers`; UINT32_MAX: none. `shown` by
 * partition. */
uint32_t timeline_missing(const struct tally_numbers *const *shown, uint32_t partitions, uint32_t partition,
                          const struct tally_numbers *numbers);

#endif
