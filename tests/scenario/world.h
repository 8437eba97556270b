/* Short ways to say what a test needs: ids, accounts in a chosen partition, commands. */
#ifndef TELLER_TESTS_SCENARIO_WORLD_H
#define TELLER_TESTS_SCENARIO_WORLD_H

#include "tests/scenario/runner.h"

enum { WORLD_ID_MAX = 24 };

/* An id that stands for a number; 0 is the nil id. */
struct uuid world_uuid(uint64_t number);

/* "KRW" and the like; CHECKs that it exists. */
currency_index world_currency(const char *code);

/* Writes the nth account id that a partition owns: begins with prefix. Returns out. */
const char *world_account_id(uint32_t partition, uint32_t partitions, const char *prefix, unsigned nth,
                             char out[WORLD_ID_MAX]);

/* Opens an account without limits (minimum 0, no ceiling), owner "owner", and CHECKs that it worked. */
void world_open(struct runner *runner, const char *id, const char *currency);

/* An account command with these fields; the rest as in world_open. */
struct ledger_account_command world_account(enum ledger_account_kind kind, const char *id,
                                            const char *currency);

struct ledger_command world_transfer(uint64_t id, const char *from, const char *to, int64_t amount,
                                     const char *currency);
struct ledger_command world_deposit(uint64_t id, const char *to, int64_t amount, const char *currency);
struct ledger_command world_withdraw(uint64_t id, const char *from, int64_t amount, const char *currency);
struct ledger_command world_group(uint64_t id, const struct ledger_command *items, uint16_t count);

/* The partition a command belongs to. */
uint32_t world_home(const struct ledger_command *command, uint32_t partitions);

/* Runs one command to completion in its partition. */
const struct ledger_row *world_run(struct runner *runner, const struct ledger_command *command);

/* The account; CHECKs that it is there. */
struct ledger_account_view world_view(struct runner *runner, const char *id);

#endif
