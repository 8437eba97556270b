/* Fuzz target: recovery from a state store whose rows are damaged, and a good journal.
 *
 *     byte 0: bit 0 the partition; byte 1: how many commits were checkpointed
 *     byte 2: leave this row out (0: none); byte 3: give this one a shorter value (0: none); then patches of keys
 *     and values
 *
 * Whatever the bytes are, recovery answers; and what it takes leads to a core that keeps every invariant. (A store
 * that was damaged on disk does not come so far: state_file.) */
#include <stdlib.h>

#include "actors/base/check.h"
#include "tests/fuzz/history.h"
#include "tests/fuzz/patch.h"
#include "tests/fuzz/recovering.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct history_state state;
    struct input input = {data, size};
    uint32_t partition = input_byte(&input) & 1;
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
    if (missing > 0) {
        memmove(&state.puts[missing - 1], &state.puts[missing],
                (state.count - missing) * sizeof state.puts[0]);
        state.count--;
    }
    enum err err = recovering_run(partition, journal, &state, false);
    CHECK(!same || missing > 0 || cut > 0 || err == ERR_OK);
    return 0;
}
