/* One account, printed; export prints the same values. */
#ifndef TELLER_COMMAND_ACCOUNT_H
#define TELLER_COMMAND_ACCOUNT_H

#include "broker/command/print.h"
#include "clients/c/teller.h"

/* "ACTIVE"; static storage. */
const char *account_state_word(enum teller_account_state state);

/* One JSON object. */
void account_json(struct emit *json, const struct teller_account *account);

#endif
