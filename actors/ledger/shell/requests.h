/* Client requests in a ledger actor: decode, hand to the core, encode answers.
 *
 * What is answered waits in `answered`, and what is to be read in `reads`, until the commit of the round that
 * it was worked in is durable: answers show evolved state. */
#ifndef TELLER_LEDGER_REQUESTS_H
#define TELLER_LEDGER_REQUESTS_H

#include "actors/ledger/ledger.h"
#include "actors/ledger/shell/figures.h"
#include "actors/ledger/shell/read_job.h"
#include "broker/wire/items.h"
#include "broker/wire/request.h"
#include "store/journal.h"

struct request_list {
    struct request *first, **end;
};

void request_list_init(struct request_list *list);
void request_list_add(struct request_list *list, struct request *request);
/* Appends all of `from`, which is then empty. */
void request_list_move(struct request_list *list, struct request_list *from);

struct requests {
    uint32_t partition, partitions;
    struct journal *journal; /* NULL: not yet */
    struct wire_items items;
    struct mp_writer writer;
    struct request_list answered;
    struct read_job *reads, **reads_end;
    struct ledger_account_view *page; /* LEDGER_PAGE_MAX */
    struct wire_history_query *queries;
    struct partition_figures figures;
};

/* The journal, which reads and the status need, comes later. */
void requests_init(struct requests *self, uint32_t partition, uint32_t partitions);
void requests_release(struct requests *self);

/* Works one request: it ends up in answered, in reads, or behind a ticket of the core. */
void requests_work(struct requests *self, struct ledger *ledger, struct request *request, int64_t now_us);

/* Writes a complete ticket's rows into its request's reply, and returns the request. */
struct request *requests_answer_ticket(struct requests *self, struct ledger_ticket *ticket);

/* Replaces a request's reply by an error. */
void requests_refuse(struct requests *self, struct request *request, enum code code, enum field field);

/* What was to be read is refused instead and joins what is answered. */
void requests_refuse_reads(struct requests *self, struct request_list *answered, struct read_job **reads,
                           enum code code);

/* What waited must not be told after all: every reply in answered becomes an error; reads join them. */
void requests_unanswer(struct requests *self, struct request_list *answered, struct read_job **reads,
                       enum code code);

/* Names of accounts from *sent on, for the reader; NULL: none. *sent moves on. */
struct read_names *requests_names(const struct ledger *ledger, uint32_t *sent);

/* Ends a request: the writer's bytes become its reply frame. Large ones are handed over without a copy. */
void request_reply(struct request *request, struct mp_writer *w, enum code code);

#endif
