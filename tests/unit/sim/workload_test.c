/* Workloads: determined by their seed, true to their features, and mostly successful. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "broker/wire/items.h"
#include "sim/workload.h"
#include "tests/unit/sim/toy_bank.h"

enum { OPERATIONS = 3000, SHORT = 600, SEEDS = 24 };

static const int64_t start_us = INT64_C(1800000000000000);

static struct workload_config config_of(uint64_t seed, uint32_t partitions, uint32_t features, bool draw)
{
    return (struct workload_config){
        .seed = seed, .partitions = partitions, .features = features, .draw = draw, .start_us = start_us};
}

/* What a run of a workload has shown. */
struct seen {
    uint32_t features;
    uint64_t hash;         /* of all frames */
    uint64_t commands, ok; /* items of singles, batches and groups */
    uint64_t unsound;      /* that the decoder refuses, or that name what is not there */
    uint64_t any, batches, longest;
};

#define BIT(feature) (1u << (feature))

static uint32_t owner_of(const struct ledger_command *c, uint32_t partitions)
{
    return ledger_partition_of(c->kind == COMMAND_DEPOSIT ? c->to : c->from, partitions);
}

static uint32_t features_of_item(const struct ledger_command *c, uint32_t partitions)
{
    uint32_t features = 0;
    if (c->memo.length > 0 || c->reference.length > 0)
        features |= BIT(FEATURE_STRINGS);
    if (c->deadline_us != 0)
        features |= BIT(FEATURE_DEADLINES);
    if (c->kind == COMMAND_WITHDRAW)
        features |= BIT(FEATURE_WITHDRAWALS);
    if (c->kind == COMMAND_TRANSFER) {
        bool is_local = owner_of(c, partitions) == ledger_partition_of(c->to, partitions);
        features |= is_local ? BIT(FEATURE_LOCAL) : BIT(FEATURE_CROSSING);
    }
    if (c->kind >= COMMAND_HOLD && c->kind <= COMMAND_RELEASE)
        features |= BIT(FEATURE_HOLDS);
    if (c->kind == COMMAND_EXCHANGE)
        features |= BIT(FEATURE_EXCHANGE);
    if (c->kind >= COMMAND_TRANSFER && c->kind <= COMMAND_WITHDRAW && c->rate != 0)
        features |= BIT(FEATURE_FX);
    if (c->kind == COMMAND_GROUP) {
        features |= BIT(FEATURE_GROUPS);
        for (uint32_t i = 0; i < c->group_count; i++)
            features |= features_of_item(&c->items[i], partitions);
    }
    return features;
}

static uint32_t features_of(const struct operation *op, uint32_t partitions)
{
    uint32_t features = op->deadline_us != 0 ? BIT(FEATURE_DEADLINES) : 0;
    for (uint32_t i = 0; i < op->count; i++)
        features |= features_of_item(&op->commands[i], partitions);
    if (op->kind == OPERATION_BATCH &&
        (op->count > 1 || !(features & (BIT(FEATURE_GROUPS) | BIT(FEATURE_HOLDS) | BIT(FEATURE_EXCHANGE)))))
        features |= BIT(FEATURE_BATCHES);
    if (op->kind == OPERATION_ACCOUNT_FREEZE || op->kind == OPERATION_ACCOUNT_UNFREEZE)
        features |= BIT(FEATURE_FREEZES);
    if (op->kind == OPERATION_ACCOUNT_CLOSE || op->kind == OPERATION_ACCOUNT_CHANGE)
        features |= BIT(FEATURE_CLOSES);
    if (op->kind == OPERATION_ACCOUNT_OPEN && op->account.has_book)
        features |= BIT(FEATURE_FX);
    if (op->kind >= OPERATION_PROPOSAL_OPEN && op->kind <= OPERATION_PROPOSAL_LIST)
        features |= BIT(FEATURE_PROPOSALS);
    else if (op->kind >= OPERATION_QUOTE && op->kind <= OPERATION_RATE_DESK)
        features |= BIT(FEATURE_EXCHANGE);
    else if (op->kind >= OPERATION_ACCOUNT_SHOW)
        features |= op->kind == OPERATION_HISTORY ? BIT(FEATURE_HISTORIES) : BIT(FEATURE_READS);
    if (op->kind == OPERATION_ACCOUNT_OPEN && op->account.ceiling != INT64_MAX)
        features |= BIT(FEATURE_CEILINGS);
    return features;
}

static uint64_t hash_of(uint64_t hash, const struct mp_writer *w)
{
    for (size_t i = 0; i < w->length; i++)
        hash = (hash ^ w->data[i]) * UINT64_C(1099511628211);
    return hash;
}

/* Decodes the frame as the node does, and counts items that its decoder refuses. */
static void look_at_frame(struct seen *seen, const struct operation *op, struct mp_writer *w,
                          struct wire_items *items)
{
    struct wire_header header;
    enum code code;
    enum field field;
    assert_true(wire_header_read(w->data, w->length, &header, &code, &field));
    if (op->kind > OPERATION_BATCH)
        return;
    if (wire_items_read(items, &header, &field) != CODE_OK)
        seen->unsound++;
    for (uint32_t i = 0; i < items->count; i++) {
        const struct ledger_command *c = &items->commands[i];
        seen->unsound += c->code != CODE_OK;
        for (uint32_t j = 0; j < c->group_count; j++)
            seen->unsound += c->items[j].code != CODE_OK;
        if (op->partition != WIRE_PARTITION_ANY && c->code == CODE_OK && c->kind != COMMAND_GROUP)
            seen->unsound += owner_of(c, 4) != op->partition && owner_of(c, 1) != op->partition;
    }
}

static void look_at_answer(struct seen *seen, const struct operation *op, const struct answer *answer)
{
    for (uint32_t i = 0; op->kind <= OPERATION_BATCH && i < answer->row_count; i++) {
        if (answer->rows[i].group_count > 0)
            continue;
        seen->commands++;
        seen->ok += answer->rows[i].code == CODE_OK;
        if (answer->rows[i].code == CODE_ACCOUNT_NOT_FOUND || answer->rows[i].code == CODE_CURRENCY_MISMATCH)
            seen->unsound++;
    }
}

static void look_at(struct seen *seen, const struct operation *op, uint32_t partitions)
{
    seen->features |= features_of(op, partitions);
    seen->any += op->partition == WIRE_PARTITION_ANY;
    seen->batches += op->kind == OPERATION_BATCH;
    if (op->count > seen->longest)
        seen->longest = op->count;
}

static struct seen run(const struct workload_config *config, uint32_t operations)
{
    struct seen seen = {0};
    struct mp_writer w = {0};
    struct wire_items items = {0};
    struct toy_bank *bank = toy_bank_new();
    struct workload *workload = workload_new(config);
    for (uint32_t i = 0; i < operations; i++) {
        int64_t now_us = start_us + (int64_t)i * 100000;
        struct operation *op = workload_next(workload, now_us);
        mp_writer_reset(&w);
        operation_write(op, i, &w);
        seen.hash = hash_of(seen.hash, &w);
        look_at_frame(&seen, op, &w, &items);
        look_at(&seen, op, config->partitions);
        const struct answer *answer = toy_bank_answer(bank, op, now_us);
        look_at_answer(&seen, op, answer);
        workload_answered(workload, op, answer);
        operation_free(&op);
    }
    workload_destroy(&workload);
    toy_bank_free(bank);
    wire_items_release(&items);
    mp_writer_release(&w);
    return seen;
}

static struct seen run_of(uint64_t seed, uint32_t features, bool draw, uint32_t operations)
{
    struct workload_config config = config_of(seed, 4, features, draw);
    return run(&config, operations);
}

static void a_seed_gives_the_same_bytes_each_time(void **state)
{
    (void)state;
    assert_true(run_of(5, FEATURES_ALL, true, SHORT).hash == run_of(5, FEATURES_ALL, true, SHORT).hash);
}

static void seeds_differ(void **state)
{
    (void)state;
    uint64_t last = 0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        uint64_t hash = run_of(seed, FEATURES_ALL, true, SHORT).hash;
        assert_true(hash != last);
        last = hash;
    }
}

/* Features that can be told from the operations alone. */
static const uint32_t visible = BIT(FEATURE_WITHDRAWALS) | BIT(FEATURE_LOCAL) | BIT(FEATURE_CROSSING) |
                                BIT(FEATURE_BATCHES) | BIT(FEATURE_GROUPS) | BIT(FEATURE_CEILINGS) |
                                BIT(FEATURE_FREEZES) | BIT(FEATURE_CLOSES) | BIT(FEATURE_DEADLINES) |
                                BIT(FEATURE_READS) | BIT(FEATURE_HISTORIES) | BIT(FEATURE_STRINGS) |
                                BIT(FEATURE_PROPOSALS) | BIT(FEATURE_FX);

static void every_feature_appears_where_all_are_on(void **state)
{
    (void)state;
    struct seen seen = run_of(3, FEATURES_ALL, false, OPERATIONS);
    assert_int_equal(seen.features & visible, visible);
    assert_true(seen.unsound > 0);
    assert_true(seen.any > 0 && seen.any < OPERATIONS / 2);
}

static void a_feature_alone_brings_no_other(void **state)
{
    (void)state;
    for (enum feature feature = 0; feature < FEATURE_COUNT; feature++) {
        struct seen seen = run_of(feature + 1u, BIT(feature), false, SHORT);
        /* What is changed may be the kind, a text, or a ceiling. */
        uint32_t touched = feature == FEATURE_CONFLICTS || feature == FEATURE_MISTAKES
                               ? BIT(FEATURE_STRINGS) | BIT(FEATURE_WITHDRAWALS) | BIT(FEATURE_CEILINGS)
                               : 0;
        /* Commands on accounts that are not there are freezes and closings too. */
        touched |= feature == FEATURE_MISTAKES ? BIT(FEATURE_FREEZES) | BIT(FEATURE_CLOSES) : 0;
        assert_int_equal(seen.features & ~(BIT(feature) | touched), 0);
        if (visible & BIT(feature))
            assert_int_equal(seen.features, BIT(feature));
    }
}

static void seeds_turn_features_off_and_leave_the_mask(void **state)
{
    (void)state;
    uint32_t either = 0, both = FEATURES_ALL;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct workload_config config = config_of(seed, 4, FEATURES_ALL & ~BIT(FEATURE_GROUPS), true);
        struct workload *workload = workload_new(&config);
        either |= workload_features(workload);
        both &= workload_features(workload);
        workload_destroy(&workload);
    }
    assert_int_equal(either, FEATURES_ALL & ~BIT(FEATURE_GROUPS));
    assert_int_equal(both, 0);
}

static void without_mistakes_every_item_is_sound(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        assert_int_equal(run_of(seed, FEATURES_ALL & ~BIT(FEATURE_MISTAKES), true, SHORT).unsound, 0);
}

static void most_commands_succeed_and_some_fail(void **state)
{
    (void)state;
    uint64_t commands = 0, ok = 0, longest = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct seen seen = run_of(seed, FEATURES_ALL, true, OPERATIONS);
        assert_true(seen.commands >= SHORT);
        assert_true(seen.ok * 100 >= seen.commands * 60);
        commands += seen.commands;
        ok += seen.ok;
        longest = seen.longest > longest ? seen.longest : longest;
    }
    assert_true(ok * 100 <= commands * 97);
    assert_true(longest > 50 && longest <= 400); /* batches */
}

static void one_partition_has_no_crossings(void **state)
{
    (void)state;
    struct workload_config config = config_of(9, 1, FEATURES_ALL, false);
    struct seen seen = run(&config, SHORT);
    assert_int_equal(seen.features & BIT(FEATURE_CROSSING), 0);
    assert_true(seen.features & BIT(FEATURE_LOCAL));
}

static void it_goes_on_when_nobody_answers(void **state)
{
    (void)state;
    struct workload_config config = config_of(4, 64, FEATURES_ALL, false);
    struct workload *workload = workload_new(&config);
    for (uint32_t i = 0; i < OPERATIONS; i++) {
        struct operation *op = workload_next(workload, start_us);
        assert_non_null(op);
        operation_free(&op);
    }
    workload_destroy(&workload);
}

static void words_of_features_differ(void **state)
{
    (void)state;
    for (enum feature a = 0; a < FEATURE_COUNT; a++) {
        for (enum feature b = 0; b < a; b++)
            assert_string_not_equal(feature_name(a), feature_name(b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_gives_the_same_bytes_each_time),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(every_feature_appears_where_all_are_on),
        cmocka_unit_test(a_feature_alone_brings_no_other),
        cmocka_unit_test(seeds_turn_features_off_and_leave_the_mask),
        cmocka_unit_test(without_mistakes_every_item_is_sound),
        cmocka_unit_test(most_commands_succeed_and_some_fail),
        cmocka_unit_test(one_partition_has_no_crossings),
        cmocka_unit_test(it_goes_on_when_nobody_answers),
        cmocka_unit_test(words_of_features_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
