/* Random commands from a seed: few and hot accounts, every kind of command, repeats of earlier ones, and
 * earlier ids with another payload. Commands stay where they are until the workload is dropped. */
#ifndef TELLER_TESTS_PROPERTY_WORKLOAD_H
#define TELLER_TESTS_PROPERTY_WORKLOAD_H

#include "tests/property/model.h"
#include "tests/scenario/runner.h"
#include "tests/scenario/world.h"

enum { WORKLOAD_ACCOUNTS = 10, WORKLOAD_COMMANDS_MAX = 512 };

struct workload_entry {
    struct ledger_command command;
    struct ledger_command items[MODEL_ITEMS_MAX];
    struct runner_request *request; /* the caller's */
};

struct workload {
    struct runner *runner;
    char accounts[WORKLOAD_ACCOUNTS + 1][ACCOUNT_ID_MAX + 1]; /* the last one is never opened */
    uint64_t next_id;
    int count;
    bool deadlines;
    struct workload_entry entries[WORKLOAD_COMMANDS_MAX];
};

void workload_init(struct workload *self, struct runner *runner);

/* The opening of the nth account, with limits that depend on n. */
struct ledger_account_command workload_open(const struct workload *self, int n);

/* Any account command on any account. */
struct ledger_account_command workload_account(struct workload *self);

/* The next command. */
struct workload_entry *workload_next(struct workload *self);

/* All ids used so far, group items included. Returns how many (at most capacity). */
size_t workload_ids(const struct workload *self, struct uuid *out, size_t capacity);

#endif
