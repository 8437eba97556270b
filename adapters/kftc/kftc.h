/* The rail of KFTC open banking 2.0 (Korea): it answers at once, and is asked where the answer was lost. It has no callbacks of its own.
 *
 *     pull      POST /v2.0/transfer/withdraw/fin_num
 *     push      POST /v2.0/inquiry/receive (payee_check), then POST /v2.0/transfer/deposit/fin_num or …/acnt_num
 *     refund    POST /v2.0/transfer/deposit/fin_num, to the payer
 *     inquiry   POST /v2.0/transfer/result
 *     token     POST /oauth/2.0/token, scope oob
 *
 * Parties: the payer is a fintech_use_num (24 digits); the payee is one too, or BBB:ACCOUNT:HOLDER NAME. Won only. docs/BANKS.md has the
 * settings and the table of codes.
 *
 * Our id is the bank_tran_id: institution, U, and the serial to base 36. The bank takes it once a day, and the payment request is never sent
 * twice. The outcome stands in rsp_code and bank_rsp_code; the HTTP status says nothing but that there is one. */
#ifndef TELLER_KFTC_KFTC_H
#define TELLER_KFTC_KFTC_H

#include "actors/bank/rail.h"

extern const struct rail RAIL_KFTC;

#endif
