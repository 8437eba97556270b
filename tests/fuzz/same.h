/* Whether two decoded commands say the same. */
#ifndef TELLER_TESTS_FUZZ_SAME_H
#define TELLER_TESTS_FUZZ_SAME_H

#include "actors/ledger/ledger.h"

static inline bool same_items(const struct ledger_command *a, const struct ledger_command *b)
{
    return a->kind == b->kind && a->code == b->code && a->field == b->field && a->currency == b->currency &&
           a->amount == b->amount && a->deadline_us == b->deadline_us && uuid_equal(&a->id, &b->id) &&
           str_equal(a->from, b->from) && str_equal(a->to, b->to) && str_equal(a->memo, b->memo) &&
           str_equal(a->reference, b->reference) && a->group_count == b->group_count;
}

static inline bool same_commands(const struct ledger_command *a, const struct ledger_command *b)
{
    bool same = same_items(a, b);
    for (uint32_t i = 0; same && a->kind == COMMAND_GROUP && i < a->group_count; i++)
        same = same_items(&a->items[i], &b->items[i]);
    return same;
}

/* No fault was found in it, nor in its items. */
static inline bool same_is_good(const struct ledger_command *command)
{
    bool good = command->code == CODE_OK;
    for (uint32_t i = 0; good && command->kind == COMMAND_GROUP && i < command->group_count; i++)
        good = command->items[i].code == CODE_OK;
    return good;
}

#endif
