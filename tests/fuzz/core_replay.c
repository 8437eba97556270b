/* Fuzz target: recovery from commits whose facts are damaged, under hashes that are right.
 *
 *     byte 0: bit 0 the partition; bit 1: begin at a checkpoint
 *     byte 1: how many commits were checkpointed; byte 2: leave this commit out (0: none); then patches of the facts
 *
 * Whatever the bytes are, replay answers; and what it takes leads to a core that keeps every invariant and can be
 * worked with. */
#include <stdlib.h>

#include "actors/base/check.h"
#include "tests/fuzz/history.h"
#include "tests/fuzz/patch.h"
#include "tests/fuzz/recovering.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct history_journal journal;
    struct input input = {data, size};
    uint8_t flags = input_byte(&input);
    uint32_t partition = flags & 1;
    const struct history_journal *good = &history_get()->journals[partition];
    size_t checkpointed = input_byte(&input) % (good->count + 1);
    size_t missing = input_byte(&input) % (good->count + 1);
    history_copy(good, &journal);
    patch_apply(&input, journal.bytes, journal.length);
    for (size_t i = missing; missing > 0 && i < journal.count; i++)
        journal.commits[i - 1] = journal.commits[i];
    journal.count -= missing > 0;
    const struct history_state *state = flags & 2 ? history_state_get(partition, checkpointed) : NULL;
    enum err err = recovering_run(partition, &journal, state, true);
    CHECK(err == ERR_OK || missing > 0 || memcmp(journal.bytes, good->bytes, good->length) != 0);
    return 0;
}
