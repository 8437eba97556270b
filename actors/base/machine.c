#include "actors/base/machine.h"

#include "actors/base/check.h"

bool machine_allows(const struct machine *machine, uint8_t from, uint8_t to)
{
    if (from >= machine->state_count || to >= machine->state_count)
        return false;
    return (machine->next[from] & MACHINE_TO(to)) != 0;
}

void machine_move(const struct machine *machine, uint8_t *state, uint8_t to)
{
    if (!machine_allows(machine, *state, to)) {
        check_note(machine->name, *state, to);
        check_failed(__FILE__, __LINE__, "a move that the machine's table does not have");
    }
    *state = to;
}

const char *machine_state_name(const struct machine *machine, uint8_t state)
{
    CHECK(state < machine->state_count);
    return machine->state_names[state];
}
