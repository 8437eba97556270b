/* What the world knows of each remittance, from what was asked, from the journal and from the banks' books; and what must never be.
 *
 *     W1  at most one pull, at most one push or refund, and none of these without the pull: at every moment (I6)
 *     W2  an end agrees with the banks' books: COMPLETED is a pull and a push, REFUNDED a pull and a refund, FAILED nothing,
 *         CANCELLED nothing or a pull, RESOLVED what its operator has said
 *     W3  money moves with states: each posting fits the state that it leads to, and the state's money
 *     W4  a refund is not begun while a push may be at the bank, nor a push while a refund may; calls are counted without a gap
 *     W5  tries of a step are as many as there may be, one after the other, and so far apart; nothing is given up before
 *     W6  one alarm, in its time, told when it is written, and it ends with the remittance
 *     W7  an answered request is never forgotten, and the same request again gives the same remittance
 *     W8  the books agree: what our house account for banks says is what the banks say that we have
 *     W9  when faults have ended, every remittance ends
 *     W10 a ledger that comes back, from its state and the journal's tail, is the one that the journal alone makes: every account, every
 *         open remittance with all that memory has of it, all counts, and where each id leads; and at the end the one that lives
 *     W11 an account with an open remittance is not closed
 *     W12 a bank that has said when it wants to be asked again is left alone until then
 *     W13 a reply about another amount, or in another currency, ends no call
 */
#ifndef TELLER_SIM_REMITTANCES_WATCH_H
#define TELLER_SIM_REMITTANCES_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/bank_call.h"
#include "actors/base/uuid.h"
#include "actors/ledger/ledger.h"

struct remittances_world;
struct virtual_entry;

struct known {
    struct uuid id;
    uint32_t account, bank;
    int64_t amount;
    bool operator_refunds;
    char payer[BANK_PARTY_MAX + 1], payee[BANK_PARTY_MAX + 1];
    /* from clients */
    bool is_asked, is_answered;
    /* from the banks' books */
    uint32_t pulls, pushes, refunds;
    /* from the journal */
    bool is_there;
    uint8_t state, step, tries, rounds, flags,
        money; /* money: enum remittance_money, or what it was at the end */
    uint32_t call;
    uint32_t index; /* of its account */
    int64_t requested_us, since_us;
    int64_t asked_us; /* when it was durable, by the stage's clock */
    uint64_t requested, last;
    bool is_by_hand; /* an operator has said where the money is */
    uint32_t alarms;
};

struct watch {
    struct known *known;
    size_t count, room;
    uint32_t raised, over; /* alarms of the last commit */
};

struct known *remit_watch_add(struct watch *self);
struct known *remit_watch_find(struct watch *self, const struct uuid *id);
void remit_watch_release(struct watch *self);

/* The facts of a commit that is durable. */
void remit_watch_commit(struct remittances_world *self, int64_t time_us, uint64_t position,
                        const uint8_t *facts, size_t length);
/* The alarms that leave with it. */
void remit_watch_alarms(struct remittances_world *self, const struct ledger_alarm *alarms, size_t count);
/* A bank has moved money. */
void remit_watch_entry(struct remittances_world *self, uint32_t bank, const struct virtual_entry *entry);
/* An answer with CODE_OK has left. */
void remit_watch_answered(struct remittances_world *self, uint32_t known);
/* What two ledgers of the same journal, which the watch has seen to its end, do not have in common; the text says it. */
bool remit_differ(const struct watch *watch, struct ledger *a, struct ledger *b, char *text, size_t room);
/* Everything has come to rest. */
void remit_watch_end(struct remittances_world *self);

#endif
