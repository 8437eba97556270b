/* Fuzz target: recovery from a state store whose rows are damaged, and a good journal.
 *
 *     byte 0: bit 0 the partition; bit 1: seal each value again; byte 1: how many commits were checkpointed
 *     byte 2: leave this row out (0: none); byte 3: give this one a shorter value (0: none); then patches of keys
 *     and values
 *
 * As core_replay. And a value that was damaged under its seal is found. */
#include <stdlib.h>

#include "actors/base/check.h"
#include "actors/ledger/checkpoint.h"
#include "tests/fuzz/history.h"
#include "tests/fuzz/patch.h"
#include "tests/fuzz/recovering.h"

static void seal(struct history_state *state, const struct history_put *put)
{
    if (put->value_length >= CHECKPOINT_SEAL)
        checkpoint_seal(put->table, state->bytes + put->key, put->key_length, state->bytes + put->value,
                        put->value_length - CHECKPOINT_SEAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct history_state state;
    struct input input = {data, size};
    uint8_t flags = input_byte(&input);
    uint32_t partition = flags & 1;
    const struct history_journal *journal = &history_get()->journals[partition];
    const struct history_state *good =
        history_state_get(partition, input_byte(&input) % (journal->count + 1));
    size_t missing = input_byte(&input) % (good->count + 1);
    size_t cut = input_byte(&input);
    state.count = good->count;
    state.length = good->length;
    memcpy(state.puts, good->puts, good->count * sizeof good->puts[0]);
    memcpy(state.bytes, good->bytes, good->length);
    patch_apply(&input, state.bytes, state.length);
    bool same = memcmp(state.bytes, good->bytes, good->length) == 0;
    if (cut > 0 && state.count > 0)
        state.puts[cut % state.count].value_length /= 2;
    for (size_t i = 0; (flags & 2) && i < state.count; i++)
        seal(&state, &state.puts[i]);
    if (missing > 0) {
        memmove(&state.puts[missing - 1], &state.puts[missing],
                (state.count - missing) * sizeof state.puts[0]);
        state.count--;
    }
    enum err err = recovering_run(partition, journal, &state, (flags & 2) == 0);
    CHECK(!same || missing > 0 || cut > 0 || err == ERR_OK);
    CHECK(same || (flags & 2) || missing > 0 || err != ERR_OK);
    return 0;
}
