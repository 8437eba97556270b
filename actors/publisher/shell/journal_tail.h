/* One partition's journal as the publisher reads it: durable commits only, a bounded piece at a time, and the names of the
 * accounts in it. No read transaction is open between calls.
 *
 * Names. The directory grows by the accounts that open in what is read. A reader that begins further on meets accounts that
 * it has not seen: then it says so (tail_wants_names), and the ledger is asked for the names it has from there on, a chunk at
 * a time. So the ledger does nothing for the publisher unasked, and an answer that is late holds up the publisher only. */
#ifndef TELLER_PUBLISHER_JOURNAL_TAIL_H
#define TELLER_PUBLISHER_JOURNAL_TAIL_H

#include "actors/ledger/shell/read_job.h"
#include "actors/publisher/event.h"
#include "actors/publisher/publisher.h"
#include "store/journal.h"

struct journal_tail;

/* NULL: no memory. */
struct journal_tail *tail_new(uint32_t partition);
/* Before the journal is closed. */
void tail_destroy(struct journal_tail **self_p);

/* The journal may come once. *end: where it ends now. */
enum err tail_open(struct journal_tail *self, struct journal *journal, uint64_t *end) MUST_USE;
bool tail_is_open(const struct journal_tail *self);

/* true: names from *first on are to be asked for; not again before tail_add_names. */
bool tail_wants_names(struct journal_tail *self, uint32_t *first);
/* Names have been found to be missing and have not come yet. */
bool tail_lacks_names(const struct journal_tail *self);
/* Takes over the names; NULL: there were none. */
void tail_add_names(struct journal_tail *self, struct read_names *names);

/* As publisher_ports.look. */
enum publisher_look tail_look(struct journal_tail *self, uint64_t *position, uint64_t *next);

/* The event at a position that look has given. Strings are valid until the next call. *next: behind it. false: it is not there. */
bool tail_event(struct journal_tail *self, uint64_t position, struct event *out, uint64_t *next);

/* What is in the way of a cursor from outside: ERR_OK: nothing. ERR_RANGE: beyond the end; ERR_INVALID: inside a fact. */
enum err tail_check(struct journal_tail *self, uint64_t position) MUST_USE;
enum err tail_end(struct journal_tail *self, uint64_t *end) MUST_USE;

/* The bytes at `position` cannot be read as facts: the journal is damaged there. 0: nowhere seen. */
uint64_t tail_damage(const struct journal_tail *self);

#endif
