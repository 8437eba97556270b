/* Replay of damaged facts, and of a damaged checkpoint: what does not continue the state is ERR_CORRUPT, and no damage
 * stops the process.
 * (The journal's hashes find damage on disk before this; this is what stands behind them.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "actors/ledger/checkpoint.h"
#include "store/journal.h"
#include "tests/scenario/world.h"

enum { PARTITIONS = 2, COMMITS_MAX = 256, STRIDE = 7 };

struct commits {
    size_t count;
    struct journal_commit commits[COMMITS_MAX];
};

static enum err collect(void *context, const struct journal_commit *commit)
{
    struct commits *commits = context;
    assert_true(commits->count < COMMITS_MAX);
    uint8_t *facts = malloc(commit->length);
    memcpy(facts, commit->facts, commit->length);
    commits->commits[commits->count] = *commit;
    commits->commits[commits->count++].facts = facts;
    return ERR_OK;
}

static void live(struct runner *runner)
{
    char near[WORLD_ID_MAX], far[WORLD_ID_MAX], frozen[WORLD_ID_MAX];
    world_open(runner, world_account_id(0, PARTITIONS, "n", 0, near), "KRW");
    world_open(runner, world_account_id(1, PARTITIONS, "f", 0, far), "KRW");
    world_open(runner, world_account_id(1, PARTITIONS, "z", 0, frozen), "KRW");
    struct ledger_account_command freeze = world_account(ACCOUNT_FREEZE, frozen, "KRW");
    assert_int_equal(runner_account(runner, &freeze).code, CODE_OK);
    const struct ledger_command items[] = {world_transfer(21, near, far, 1, "KRW"),
                                           world_transfer(22, far, near, 1, "KRW")};
    const struct ledger_command refused[] = {world_transfer(23, near, far, 1, "KRW"),
                                             world_transfer(24, near, frozen, 1, "KRW")};
    const struct ledger_command commands[] = {
        world_deposit(1, near, 1000, "KRW"),
        world_transfer(2, near, far, 10, "KRW"),
        world_transfer(3, near, frozen, 5, "KRW"),
        world_group(4, items, 2),
        world_group(5, refused, 2),
        world_withdraw(6, near, 5000, "KRW"),
        world_transfer(7, far, near, 2, "KRW"),
    };
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        world_run(runner, &commands[i]);
}

static size_t no_fact(void *context, uint64_t position, uint8_t *out, size_t capacity, int64_t *time_us)
{
    (void)context, (void)position, (void)out, (void)capacity, (void)time_us;
    return 0;
}

static void no_run(void *context, uint32_t run, uint64_t hash,
                   bool (*match)(void *match_context, uint64_t position), void *match_context)
{
    (void)context, (void)run, (void)hash, (void)match, (void)match_context;
}

static enum err replay(const struct commits *commits, uint32_t partition)
{
    struct counting_mem counting = {0};
    struct mem mem = counting_mem_port(&counting);
    struct ledger_ports ports = {NULL, no_fact, no_run};
    struct ledger_config config = ledger_config_default();
    config.partition = partition;
    config.partitions = PARTITIONS;
    struct ledger *ledger = ledger_new(&config, &ports, &mem);
    assert_int_equal(ledger_replay_from(ledger), 1);
    enum err err = ERR_OK;
    for (size_t i = 0; i < commits->count && err == ERR_OK; i++) {
        const struct journal_commit *commit = &commits->commits[i];
        err = ledger_replay(ledger, commit->position, commit->time_us, commit->facts, commit->length);
    }
    if (err == ERR_OK)
        err = ledger_recovered(ledger);
    ledger_destroy(&ledger);
    assert_int_equal(counting.live_blocks, 0);
    return err;
}

static void damage_each(struct commits *commits, uint32_t partition, size_t first)
{
    size_t refused = 0, at = 0;
    for (size_t i = 0; i < commits->count; i++) {
        uint8_t *facts = (uint8_t *)(uintptr_t)commits->commits[i].facts;
        for (size_t byte = 0; byte < commits->commits[i].length; byte++, at++) {
            if (at % STRIDE != first)
                continue;
            uint8_t was = facts[byte];
            facts[byte] ^= (uint8_t)(1u << at % 8);
            enum err err = replay(commits, partition);
            facts[byte] = was;
            assert_true(err == ERR_OK || err == ERR_CORRUPT);
            refused += err == ERR_CORRUPT;
        }
    }
    assert_true(refused > at / STRIDE / 4);
}

static void damaged_facts_are_refused_or_replayed_and_nothing_worse(void **state)
{
    (void)state;
    struct runner_config config = runner_config_default(PARTITIONS);
    struct runner *runner = runner_new(&config);
    live(runner);
    for (uint32_t partition = 0; partition < PARTITIONS; partition++) {
        struct commits commits = {0};
        assert_int_equal(journal_walk(runner_journal(runner, partition), 1, collect, &commits), ERR_OK);
        assert_int_equal(replay(&commits, partition), ERR_OK);
        damage_each(&commits, partition, partition);
        for (size_t i = 0; i < commits.count; i++)
            free((void *)(uintptr_t)commits.commits[i].facts);
    }
    runner_destroy(&runner);
}

static void a_commit_that_does_not_follow_is_corrupt(void **state)
{
    (void)state;
    struct runner_config config = runner_config_default(PARTITIONS);
    struct runner *runner = runner_new(&config);
    live(runner);
    struct commits commits = {0};
    assert_int_equal(journal_walk(runner_journal(runner, 0), 1, collect, &commits), ERR_OK);
    for (size_t missing = 0; missing + 1 < commits.count; missing++) {
        struct commits gap = commits;
        memmove(&gap.commits[missing], &gap.commits[missing + 1],
                (gap.count - missing - 1) * sizeof gap.commits[0]);
        gap.count--;
        assert_int_equal(replay(&gap, 0), ERR_CORRUPT);
    }
    for (size_t i = 0; i < commits.count; i++)
        free((void *)(uintptr_t)commits.commits[i].facts);
    runner_destroy(&runner);
}

/* ---- damaged state ------------------------------------------------------------------------------------ */

enum { VALUE_MAX = 16384, VALUES_MAX = 600 };

struct stored {
    uint8_t table;
    uint8_t key_length;
    uint8_t key[30];
    size_t length;
    uint8_t *value;
};

struct checkpoint_of {
    size_t count;
    struct stored values[VALUES_MAX];
};

static void value_note(struct checkpoint_of *state, const struct ledger_put *put)
{
    size_t at = 0;
    while (at < state->count && (state->values[at].table != put->table ||
                                 memcmp(state->values[at].key, put->key, sizeof put->key) != 0))
        at++;
    assert_true(at < VALUES_MAX && put->value_length <= VALUE_MAX);
    struct stored *stored = &state->values[at];
    if (at == state->count) {
        *stored = (struct stored){.table = put->table, .key_length = put->key_length};
        stored->value = malloc(VALUE_MAX);
        memcpy(stored->key, put->key, sizeof put->key);
        state->count++;
    }
    stored->length = put->value_length;
    memcpy(stored->value, put->value, put->value_length);
}

static size_t stored_fact(void *context, uint64_t position, uint8_t *out, size_t capacity, int64_t *time_us)
{
    const struct commits *commits = context;
    for (size_t i = 0; i < commits->count; i++) {
        const struct journal_commit *commit = &commits->commits[i];
        size_t size, at = (size_t)(position - commit->position) * FACT_WORD;
        if (position < commit->position || at >= commit->length)
            continue;
        assert_int_equal(fact_check(commit->facts + at, commit->length - at, &size), ERR_OK);
        assert_true(size <= capacity);
        memcpy(out, commit->facts + at, size);
        *time_us = commit->time_us;
        return size;
    }
    return 0;
}

static struct ledger *core_new(uint32_t partition, const struct commits *commits,
                               struct counting_mem *counting)
{
    struct mem mem = counting_mem_port(counting);
    struct ledger_ports ports = {(void *)(uintptr_t)commits, stored_fact, no_run};
    struct ledger_config config = ledger_config_default();
    config.partition = partition;
    config.partitions = PARTITIONS;
    return ledger_new(&config, &ports, &mem);
}

/* What a core that replays these commits would write. */
static void checkpoint_make(const struct commits *commits, uint32_t partition, struct checkpoint_of *out)
{
    struct counting_mem counting = {0};
    struct ledger *ledger = core_new(partition, commits, &counting);
    assert_int_equal(ledger_replay_from(ledger), 1);
    for (size_t i = 0; i < commits->count; i++) {
        const struct journal_commit *commit = &commits->commits[i];
        assert_int_equal(
            ledger_replay(ledger, commit->position, commit->time_us, commit->facts, commit->length), ERR_OK);
    }
    assert_int_equal(ledger_recovered(ledger), ERR_OK);
    while (ledger_checkpoint_hurry(ledger)) {
        struct ledger_unit *unit = ledger_take(ledger);
        for (size_t i = 0; i < unit->put_count; i++)
            value_note(out, &unit->puts[i]);
        for (size_t i = 0; i < unit->message_count; i++)
            ledger_peer_message_free(&(struct mem){&counting, NULL, counting_mem_port(&counting).free},
                                     &unit->messages[i]);
        ledger_release(ledger, unit);
    }
    ledger_destroy(&ledger);
}

/* Records, then accounts, then ids, and the journal from where they say. */
static enum err recover_from(const struct checkpoint_of *state, const struct commits *commits,
                             uint32_t partition)
{
    static const uint8_t order[] = {CHECKPOINT_RECORDS, CHECKPOINT_ACCOUNTS, CHECKPOINT_HOLDS,
                                    CHECKPOINT_REMITTANCES, CHECKPOINT_IDS};
    struct counting_mem counting = {0};
    struct ledger *ledger = core_new(partition, commits, &counting);
    enum err err = ERR_OK;
    for (size_t t = 0; t < sizeof order; t++) {
        for (size_t i = 0; i < state->count && err == ERR_OK; i++) {
            const struct stored *stored = &state->values[i];
            if (stored->table == order[t])
                err = ledger_restore(ledger, stored->table, stored->key, stored->key_length, stored->value,
                                     stored->length);
        }
    }
    uint64_t from = err == ERR_OK ? ledger_replay_from(ledger) : 0;
    for (size_t i = 0; i < commits->count && err == ERR_OK; i++) {
        const struct journal_commit *commit = &commits->commits[i];
        if (commit->position + commit->length / FACT_WORD > from)
            err = ledger_replay(ledger, commit->position, commit->time_us, commit->facts, commit->length);
    }
    if (err == ERR_OK)
        err = ledger_recovered(ledger);
    ledger_destroy(&ledger);
    assert_int_equal(counting.live_blocks, 0);
    return err;
}

struct damaged_state {
    struct runner *runner;
    struct commits commits;
    struct checkpoint_of state;
};

static struct damaged_state *damaged_state_new(void)
{
    struct damaged_state *self = calloc(1, sizeof *self);
    struct runner_config config = runner_config_default(PARTITIONS);
    self->runner = runner_new(&config);
    live(self->runner);
    assert_int_equal(journal_walk(runner_journal(self->runner, 0), 1, collect, &self->commits), ERR_OK);
    checkpoint_make(&self->commits, 0, &self->state);
    assert_int_equal(recover_from(&self->state, &self->commits, 0), ERR_OK);
    return self;
}

static void damaged_state_free(struct damaged_state *self)
{
    for (size_t i = 0; i < self->state.count; i++)
        free(self->state.values[i].value);
    for (size_t i = 0; i < self->commits.count; i++)
        free((void *)(uintptr_t)self->commits.commits[i].facts);
    runner_destroy(&self->runner);
    free(self);
}

static struct stored *chunk_of(struct checkpoint_of *state)
{
    size_t i = 0;
    while (state->values[i].table != CHECKPOINT_ACCOUNTS)
        i++;
    return &state->values[i];
}

static void an_account_that_is_not_next_is_corrupt_and_takes_no_memory(void **state)
{
    (void)state;
    static const uint32_t indices[] = {1, 100000, UINT32_MAX - 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof indices / sizeof *indices; i++) {
        struct damaged_state *d = damaged_state_new();
        struct stored *chunk = chunk_of(&d->state);
        memcpy(chunk->value, &indices[i], sizeof indices[i]);
        assert_int_equal(recover_from(&d->state, &d->commits, 0), ERR_CORRUPT);
        damaged_state_free(d);
    }
}

static void balances_that_do_not_sum_to_zero_are_corrupt(void **state)
{
    (void)state;
    struct damaged_state *d = damaged_state_new();
    struct stored *chunk = chunk_of(&d->state);
    struct checkpoint_account account;
    memcpy(&account, chunk->value, sizeof account);
    account.balance++;
    memcpy(chunk->value, &account, sizeof account);
    assert_int_equal(recover_from(&d->state, &d->commits, 0), ERR_CORRUPT);
    damaged_state_free(d);
}

/* Replay for ids passes facts that the chunks must hold already. */
static void an_account_older_than_its_checkpoint_is_corrupt(void **state)
{
    (void)state;
    struct damaged_state *d = damaged_state_new();
    struct stored *chunk = chunk_of(&d->state);
    struct checkpoint_account account;
    memcpy(&account, chunk->value, sizeof account);
    account.last_position = 1;
    memcpy(chunk->value, &account, sizeof account);
    assert_int_equal(recover_from(&d->state, &d->commits, 0), ERR_CORRUPT);
    damaged_state_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_that_is_not_next_is_corrupt_and_takes_no_memory),
        cmocka_unit_test(balances_that_do_not_sum_to_zero_are_corrupt),
        cmocka_unit_test(an_account_older_than_its_checkpoint_is_corrupt),
        cmocka_unit_test(damaged_facts_are_refused_or_replayed_and_nothing_worse),
        cmocka_unit_test(a_commit_that_does_not_follow_is_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
