/* Load: messages of one shape, many in flight, every answer checked. Money goes through the client library, as services
 * would send it; its retries are off, so that every refusal is seen.
 *
 * Closed loop: `window` messages are always in flight; an answer lets the next one go. Open loop: messages are due at fixed
 * times, whatever the node does, and their latency counts from when they were due.
 */
#ifndef TELLER_BENCH_LOAD_H
#define TELLER_BENCH_LOAD_H

#include <stdint.h>

#include "actors/base/code.h"
#include "broker/bench/histogram.h"
#include "broker/bench/workload.h"
#include "clients/c/teller.h"

enum load_kind {
    LOAD_TRANSFERS,
    LOAD_HOLDS,     /* opens holds and captures each at once: two items, in a batch of an even number */
    LOAD_OPEN,      /* opens every account of the workload */
    LOAD_DEPOSIT,   /* gives every account its first money; a repeat moves nothing */
    LOAD_QUOTES,    /* load_quotes: quotes, one a message: batch is 1 */
    LOAD_EXCHANGES, /* load_quotes: as many quotes as a batch has items, then the batch that exchanges them */
};

enum { LOAD_WINDOW_MAX = 32768, LOAD_QUOTES_MAX = 2048 };

struct load_options {
    enum load_kind kind;
    uint32_t partitions;
    uint32_t batch;      /* items of a message; 1: the operation for one */
    uint32_t window;     /* messages in flight; open loop: the most of them */
    double rate;         /* items a second of an open loop; 0: closed */
    int64_t warmup_ns;   /* at the start, not counted */
    int64_t duration_ns; /* behind it; 0: until item_limit */
    uint64_t item_limit; /* 0: none */
};

struct load_result {
    uint64_t items;      /* answered within the counted time */
    uint64_t items_sent; /* from first to last, warm-up included */
    int64_t elapsed_ns;  /* counted time */
    uint64_t errors[CODE_COUNT];
    uint64_t malformed;       /* answers that could not be read, or that nobody had asked for */
    uint64_t unanswered;      /* messages, when the node fell silent */
    uint64_t entries;         /* LOAD_HISTORY: lines read */
    struct histogram latency; /* of messages */
};

enum load_end { LOAD_DONE, LOAD_SILENT, LOAD_FAILED };

/* Runs to the end and waits for what is in flight. The client has a window of at least options->window, and knows the
 * partitions. */
enum load_end load_run(struct teller *client, struct workload *workload, const struct load_options *options,
                       struct load_result *result);

/* Reads the last entries of drawn accounts instead, in a closed loop over a connection of its own: the library reads
 * one message of histories at a time. A connection that is silent for timeout_ms ends it. */
enum load_end load_histories(const char *endpoint, int64_t timeout_ms, struct workload *workload,
                             const struct load_options *options, struct load_result *result);

/* Asks for quotes, won for dollars, instead, in a closed loop over a connection of its own; for LOAD_EXCHANGES each is exchanged,
 * and an item is the pair of both. First sets a rate and the terms of its pair, and opens an account of dollars in each
 * partition. batch: at most LOAD_QUOTES_MAX. */
enum load_end load_quotes(struct teller *client, const char *endpoint, int64_t timeout_ms,
                          struct workload *workload, const struct load_options *options,
                          struct load_result *result);

#endif
