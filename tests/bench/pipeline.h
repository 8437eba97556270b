/* The bare pipeline: the least that a durable ledger behind ZeroMQ has to do, and nothing more. What this machine lets it
 * reach is the limit that teller is measured against.
 *
 *     client process ─TCP─► ROUTER ─inproc─► worker: decode, look the id up, decide, evolve, write a 64-byte fact,
 *                                            one LMDB commit with fsync for all that has come in
 *                    ◄────────────────────── a byte for each transfer
 *
 * With two workers, a transfer to an account of the other one is journaled by both and answered at the end; all credits of
 * a commit travel as one message. It has no balances in answers, no history links, no ids kept beyond its table, no checkpoints,
 * no recovery. It shares no code with the engine.
 *
 * A request is [request id, worker, [[1, id of 16 bytes, "a0000001", "a0000002", amount, "KRW"], …]], in msgpack, so that
 * it is as long as a teller one. An answer is the request id (8 bytes, as in memory) and a byte for each transfer.
 * Account n belongs to worker n modulo workers.
 */
#ifndef TELLER_TESTS_PIPELINE_H
#define TELLER_TESTS_PIPELINE_H

#include <stddef.h>
#include <stdint.h>

enum {
    PIPELINE_WORKERS_MAX = 2,
    PIPELINE_ID_LENGTH = 8, /* "a0000001" */
    PIPELINE_ACCOUNTS_MAX = 9999999,
    PIPELINE_ITEM_BYTES = 1 + 1 + 18 + 2 * (1 + PIPELINE_ID_LENGTH) + 3 + 4,
    PIPELINE_HEAD_BYTES = 1 + 9 + 1 + 3,
    PIPELINE_ANSWER_HEAD = 8,
    PIPELINE_OPENING_BALANCE = 1000000000,
};

enum pipeline_code { PIPELINE_OK, PIPELINE_REPEATED, PIPELINE_REFUSED, PIPELINE_MALFORMED };

struct pipeline_options {
    uint32_t workers, accounts, batch, window;
    double cross_share;
    int64_t duration_ns, warmup_ns;
    const char *directory; /* for the journals; exists */
};

/* Serves until the process is killed. ready_fd receives the endpoint, as text. */
void pipeline_serve(const struct pipeline_options *options, int ready_fd);

/* Loads the server and prints one line of JSON. 0, or 1: an answer was wrong. */
int pipeline_load(const struct pipeline_options *options, const char *endpoint, int64_t server_pid);

#endif
