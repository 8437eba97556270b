/* What a ledger actor asks of its reader: the ledger knows where an account's history begins, the reader
 * walks it. A job carries all it needs; it is sent only after everything it shows is durable. */
#ifndef TELLER_LEDGER_READ_JOB_H
#define TELLER_LEDGER_READ_JOB_H

#include <stdint.h>

#include "actors/ledger/ledger.h"
#include "broker/wire/history.h"
#include "broker/wire/request.h"
#include "store/journal.h"

/* Accounts that the reader does not know yet; sent ahead of any job that may need them. */
struct read_names {
    struct read_names *next; /* the reader's */
    uint32_t first, count;
    size_t length;
    char bytes[]; /* see struct directory */
};

/* One account to look at. */
struct read_query {
    struct wire_history_query query; /* its strings stand in the request's frame */
    uint32_t account;
    uint64_t last_position;
    int64_t opened_us;
    currency_index currency;
};

struct read_job {
    struct read_job *next;
    struct request *request; /* answered and handed on to the router by the reader */
    struct journal *journal;
    uint64_t position; /* transfer.show: the fact that answers … */
    struct uuid id;    /* … for this id */
    int64_t at_us;     /* balance: as of then */
    uint32_t count;    /* queries */
    struct read_query queries[];
};

#endif
