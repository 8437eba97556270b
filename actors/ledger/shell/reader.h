/* The reader of one partition, without its mailbox: walks the journal for statements, so that the ledger does not have to
 * wait. No socket, no thread, no clock. */
#ifndef TELLER_LEDGER_SHELL_READER_H
#define TELLER_LEDGER_SHELL_READER_H

#include <stdint.h>

#include "actors/ledger/shell/read_job.h"
#include "broker/wire/request.h"

struct reader;

/* cursor_key: secret; cursors are only read back when they were made with it. base: currency of book values. */
struct reader *reader_new(uint64_t cursor_key, currency_index base);
/* Closes the journal's reader first. */
void reader_destroy(struct reader **self_p);

/* Takes over the names. They come in order, each once. Without memory for them they wait, and jobs are answered UNKNOWN. */
void reader_add_names(struct reader *self, struct read_names *names);

/* Works a list of jobs of one journal in one snapshot of it, and frees them. Returns their requests, answered, as a list. */
struct request *reader_work(struct reader *self, struct read_job *jobs);

/* The reader keeps a journal_reader of the first job's journal: call this before that journal is closed. A later job opens
 * another. */
void reader_close_journal(struct reader *self);

#endif
