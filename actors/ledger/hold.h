/* Holds: money of an account that is set aside until it is captured, released, or its time comes.
 *
 *     none ──► OPEN ──┬─ capture that keeps a rest ──► OPEN
 *                     ├─ capture that keeps none ────► CAPTURED
 *                     ├─ release ────────────────────► RELEASED
 *                     └─ its time ───────────────────► EXPIRED
 *
 * An open hold is in the hold table and counts into its account's `pending`. Its id is in the id table from
 * FACT_HOLD_OPENED on and moves to the fact that ends it, which has the position of the opening: so a repeat of the
 * opening finds its first answer, and a late capture learns how the hold ended. A capture's or release's own id leads to
 * its fact too. As a hold may stay open for longer than ids are remembered, the hold table is asked too where an id must be
 * new: always for an opening, and for all else while there is a hold that old (hold_outlives_ids).
 *
 * A hold is expired from `expires_us` on, whether its FACT_HOLD_EXPIRED is there yet or not. The fact follows with the
 * next call that brings the time, at most HOLD_EXPIRE_MAX a call.
 *
 * Slots and ids are state; the index, the rings, the deadlines and the accounts' pending are made of them when a
 * recovery ends.
 */
#ifndef TELLER_LEDGER_HOLD_H
#define TELLER_LEDGER_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/ledger.h"

enum { HOLD_EXPIRE_MAX = 4096 };

struct verdict;

/* ---- hold.c: decide ------------------------------------------------------------------------------ */

static inline bool hold_is_command(uint8_t kind)
{
    return kind >= COMMAND_HOLD && kind <= COMMAND_RELEASE;
}

/* What is tested before the account is looked for. OK, or an answer that is not remembered. */
struct verdict hold_check_moment(const struct ledger *self, const struct ledger_command *command);

/* Carries out a hold, capture or release of an account that is there. CODE_OK: done, the balance to answer is the
 * account's; CODE_BUSY: no memory, nothing has changed; else a refusal to be remembered. */
struct verdict hold_decide(struct ledger *self, const struct ledger_command *command, uint32_t account);

/* Ends a hold whose time has come. false: no memory. */
bool hold_expire(struct ledger *self, uint32_t slot);

/* ---- hold_repeat.c ------------------------------------------------------------------------------- */

/* The ids that a fact of a hold answers for: its own, and, where it ends the hold, that one's. */
bool hold_answers_for(const uint8_t *fact, const struct uuid *id);

/* What a fact of a hold answers to a command with an id that it answers for: CODE_OK and the balance of then, CONFLICT, or
 * UNKNOWN where the opening cannot be read. */
enum code hold_repeat(struct ledger *self, const uint8_t *fact, size_t size,
                      const struct ledger_command *command, int64_t *from_balance);

/* Position of the opening of an open hold of this id; 0: none. */
uint64_t hold_opening_of(const struct ledger *self, const struct uuid *id);

/* How a hold of this account has ended: HOLD_CAPTURED and the like, or HOLD_NOT_FOUND. *opened: where it began. */
enum code hold_ending(struct ledger *self, uint32_t account, const struct uuid *id, uint64_t *opened);

/* ---- hold_evolve.c ------------------------------------------------------------------------------- */

void hold_init(struct ledger *self);
void hold_release_all(struct ledger *self);

/* Memory for a hold in this slot. */
bool hold_room(struct ledger *self, uint32_t slot);

void hold_evolve(struct ledger *self, uint64_t position, const uint8_t *fact);
/* The part of a capture that is not a posting's. */
void hold_note_capture(struct ledger *self, uint64_t position, const uint8_t *fact);

/* ERR_CORRUPT: a stored fact does not continue the state. ERR_NO_MEMORY: evolve would need more. For a capture: beside
 * what is asked of every posting. */
enum err hold_fits(struct ledger *self, uint64_t position, const uint8_t *fact) MUST_USE;

/* After a recovery: makes what is derived. ERR_CORRUPT: the slots contradict each other or the accounts. */
enum err hold_rebuild(struct ledger *self) MUST_USE;

/* The promise that does not hold, in words; NULL: all do. */
const char *hold_broken(const struct ledger *self);

/* One chunk of slots for the state store: at most hold_chunk_bound() bytes. Returns their end. */
size_t hold_chunk_bound(void);
uint8_t *hold_chunk_store(const struct ledger *self, uint32_t chunk, uint8_t *at);
enum err hold_chunk_load(struct ledger *self, const uint8_t *value, size_t length) MUST_USE;

#endif
