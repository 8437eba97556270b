/* The rail of OBIE Read/Write 4.0 (UK): a payment is accepted, and becomes final later; signed event notifications tell when to ask.
 *
 *     pull             POST /domestic-vrps, under the payer's mandate
 *     push, refund     POST /domestic-payment-consents, then POST /domestic-payments
 *     inquiry          GET the payment; where its id was lost: the same POST again, with the same key and body, which the bank
 *                      answers with the payment as it is by then; after 23 hours GET the consent
 *     token            POST /token, client credentials, scope payments
 *     callback         POST {ours}/event-notifications: a JWT, PS256
 *
 * All below /open-banking/v4.0/pisp. Parties: the payer is CONSENTID@SCHEME:IDENTIFICATION:NAME, the payee SCHEME:IDENTIFICATION:NAME.
 * Currencies with two decimals. docs/BANKS.md has the settings and the table of statuses.
 *
 * Our id is the idempotency key: the serial, and a fingerprint of bank, remittance and call. Bodies are made of the job alone, so they are the
 * same each time. */
#ifndef TELLER_OBIE_OBIE_H
#define TELLER_OBIE_OBIE_H

#include "actors/bank/rail.h"

extern const struct rail RAIL_OBIE;

#endif
