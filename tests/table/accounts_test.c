/* Opening, changing, freezing and closing accounts, and listing them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/table/cast.h"

static void answer_is(struct cast *cast, const struct ledger_account_command *command, enum code code,
                      enum field field)
{
    struct ledger_account_answer answer = runner_account(cast->runner, command);
    assert_int_equal(answer.code, code);
    assert_int_equal(answer.field, field);
    runner_settle(cast->runner);
}

static uint64_t position_of(struct cast *cast, uint32_t partition)
{
    return ledger_position(runner_ledger(cast->runner, partition));
}

static struct ledger_account_command open_of(const char *id)
{
    struct ledger_account_command command = world_account(ACCOUNT_OPEN, id, "KRW");
    command.owner = STR_LITERAL("ann");
    command.product = STR_LITERAL("saver");
    command.minimum_balance = -5;
    command.ceiling = 900;
    return command;
}

static void opening_again_is_ok_with_the_same_attributes_and_exists_with_any_other(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const char *id = cast_id(&cast, 0, MISSING);
    const struct ledger_account_command first = open_of(id);
    answer_is(&cast, &first, CODE_OK, FIELD_NONE);
    struct ledger_account_view view = world_view(cast.runner, id);
    assert_string_equal(view.owner, "ann");
    assert_string_equal(view.product, "saver");
    assert_int_equal(view.minimum_balance, -5);
    assert_int_equal(view.ceiling, 900);
    assert_int_equal(view.balance, 0);
    assert_int_equal(view.state, ACCOUNT_ACTIVE);
    uint64_t position = position_of(&cast, 0);
    answer_is(&cast, &first, CODE_OK, FIELD_NONE);
    struct ledger_account_command others[5] = {first, first, first, first, first};
    others[0].owner = STR_LITERAL("anna");
    others[1].product = (struct str){0};
    others[2].minimum_balance = -6;
    others[3].ceiling = INT64_MAX;
    others[4].currency = world_currency("USD");
    for (size_t i = 0; i < 5; i++)
        answer_is(&cast, &others[i], CODE_ACCOUNT_EXISTS, FIELD_ACCOUNT);
    assert_int_equal(position_of(&cast, 0), position); /* nothing was written */
    cast_close(&cast);
}

static void an_open_with_a_transaction_id_is_the_same_account_forever(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    struct ledger_account_command open = open_of("");
    open.id = world_uuid(77);
    struct ledger *ledger = runner_ledger(cast.runner, 0);
    struct ledger_account_answer first, again;
    ledger_account(ledger, runner_now(cast.runner), &open, &first);
    ledger_account(ledger, runner_now(cast.runner), &open, &again);
    assert_int_equal(first.code, CODE_OK);
    assert_int_equal(again.code, CODE_OK);
    assert_string_equal(first.view.id, again.view.id);
    runner_settle(cast.runner);
    /* … after it has changed, and after a restart … */
    struct ledger_account_command change = world_account(ACCOUNT_CHANGE, first.view.id, "KRW");
    change.sets = ACCOUNT_SETS_OWNER | ACCOUNT_SETS_MINIMUM;
    answer_is(&cast, &change, CODE_OK, FIELD_NONE);
    runner_crash(cast.runner, 0, RUNNER_STATE_KEPT);
    ledger = runner_ledger(cast.runner, 0);
    ledger_account(ledger, runner_now(cast.runner), &open, &again);
    assert_int_equal(again.code, CODE_OK);
    assert_string_equal(first.view.id, again.view.id);
    /* … and with anything else a conflict, as it is where a transfer has the id. */
    struct ledger_account_command other = open;
    other.owner = STR_LITERAL("ben");
    ledger_account(ledger, runner_now(cast.runner), &other, &again);
    assert_int_equal(again.code, CODE_CONFLICT);
    assert_int_equal(again.field, FIELD_TRANSACTION_ID);
    const struct ledger_command deposit = world_deposit(78, cast_id(&cast, 0, POOR), 1, "KRW");
    assert_int_equal(world_run(cast.runner, &deposit)->code, CODE_OK);
    other = open;
    other.id = world_uuid(78);
    ledger_account(ledger, runner_now(cast.runner), &other, &again);
    assert_int_equal(again.code, CODE_CONFLICT);
    const struct ledger_command used = world_deposit(77, cast_id(&cast, 0, POOR), 1, "KRW");
    assert_int_equal(world_run(cast.runner, &used)->code, CODE_CONFLICT);
    cast_close(&cast);
}

static void assigned_ids_are_new_each_time_and_belong_to_their_partition(void **state)
{
    struct cast cast;
    char ids[40][ACCOUNT_ID_MAX + 1];
    (void)state;
    cast_open(&cast);
    for (int i = 0; i < 40; i++) {
        struct ledger_account_command open = open_of("");
        struct ledger_account_answer answer;
        uint32_t partition = (uint32_t)i % 2;
        ledger_account(runner_ledger(cast.runner, partition), runner_now(cast.runner), &open, &answer);
        assert_int_equal(answer.code, CODE_OK);
        assert_int_equal(ledger_partition_of(str_from(answer.view.id), 2), partition);
        snprintf(ids[i], sizeof ids[i], "%s", answer.view.id);
        for (int before = 0; before < i; before++)
            assert_string_not_equal(ids[i], ids[before]);
        runner_settle(cast.runner);
        if (i % 10 == 9)
            runner_crash(cast.runner, partition, RUNNER_STATE_DELETED);
    }
    cast_close(&cast);
}

static void an_account_is_opened_where_its_id_belongs(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const struct ledger_account_command open = open_of(cast_id(&cast, 1, MISSING));
    struct ledger_account_answer answer;
    ledger_account(runner_ledger(cast.runner, 0), runner_now(cast.runner), &open, &answer);
    assert_int_equal(answer.code, CODE_WRONG_PARTITION);
    assert_int_equal(answer.field, FIELD_ACCOUNT);
    struct ledger_account_command freeze = open;
    freeze.kind = ACCOUNT_FREEZE;
    ledger_account(runner_ledger(cast.runner, 0), runner_now(cast.runner), &freeze, &answer);
    assert_int_equal(answer.code, CODE_WRONG_PARTITION);
    struct ledger_account_view view;
    assert_int_equal(ledger_account_show(runner_ledger(cast.runner, 0), open.account, &view),
                     CODE_WRONG_PARTITION);
    assert_int_equal(ledger_account_show(runner_ledger(cast.runner, 1), open.account, &view),
                     CODE_ACCOUNT_NOT_FOUND);
    cast_close(&cast);
}

static void each_step_has_its_answer_in_each_state(void **state)
{
    static const struct {
        enum ledger_account_kind kind;
        enum role role;
        enum code code;
        enum account_state after;
    } rows[] = {
        {ACCOUNT_FREEZE, RICH, CODE_OK, ACCOUNT_FROZEN},
        {ACCOUNT_FREEZE, FROZEN, CODE_OK, ACCOUNT_FROZEN},
        {ACCOUNT_FREEZE, CLOSED, CODE_ACCOUNT_CLOSED, ACCOUNT_CLOSED},
        {ACCOUNT_FREEZE, MISSING, CODE_ACCOUNT_NOT_FOUND, 0},
        {ACCOUNT_UNFREEZE, RICH, CODE_OK, ACCOUNT_ACTIVE},
        {ACCOUNT_UNFREEZE, FROZEN, CODE_OK, ACCOUNT_ACTIVE},
        {ACCOUNT_UNFREEZE, CLOSED, CODE_ACCOUNT_CLOSED, ACCOUNT_CLOSED},
        {ACCOUNT_UNFREEZE, MISSING, CODE_ACCOUNT_NOT_FOUND, 0},
        {ACCOUNT_CHANGE, RICH, CODE_OK, ACCOUNT_ACTIVE},
        {ACCOUNT_CHANGE, FROZEN, CODE_OK, ACCOUNT_FROZEN},
        {ACCOUNT_CHANGE, CLOSED, CODE_ACCOUNT_CLOSED, ACCOUNT_CLOSED},
        {ACCOUNT_CHANGE, MISSING, CODE_ACCOUNT_NOT_FOUND, 0},
        {ACCOUNT_CLOSE, POOR, CODE_OK, ACCOUNT_CLOSED},
        {ACCOUNT_CLOSE, OWING, CODE_OK, ACCOUNT_CLOSED},
        {ACCOUNT_CLOSE, CLOSED, CODE_OK, ACCOUNT_CLOSED},
        {ACCOUNT_CLOSE, RICH, CODE_NOT_EMPTY, ACCOUNT_ACTIVE},
        {ACCOUNT_CLOSE, FROZEN, CODE_NOT_EMPTY, ACCOUNT_FROZEN},
        {ACCOUNT_CLOSE, MISSING, CODE_ACCOUNT_NOT_FOUND, 0},
    };
    struct cast cast;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cast_open(&cast);
        struct ledger_account_command step =
            world_account(rows[i].kind, cast_id(&cast, 0, rows[i].role), "KRW");
        step.sets = ACCOUNT_SETS_OWNER;
        step.owner = STR_LITERAL("cleo");
        answer_is(&cast, &step, rows[i].code, rows[i].code == CODE_OK ? FIELD_NONE : FIELD_ACCOUNT);
        if (rows[i].after != 0)
            assert_int_equal(world_view(cast.runner, cast_id(&cast, 0, rows[i].role)).state, rows[i].after);
        uint64_t position = position_of(&cast, 0);
        answer_is(&cast, &step, rows[i].code, rows[i].code == CODE_OK ? FIELD_NONE : FIELD_ACCOUNT);
        assert_int_equal(position_of(&cast, 0), position); /* the same again writes nothing */
        assert_int_equal(cast_changed(&cast), 0);
        cast_close(&cast);
    }
}

static void a_change_sets_what_it_names_and_nothing_else(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const char *id = cast_id(&cast, 0, MISSING);
    const struct ledger_account_command open = open_of(id);
    answer_is(&cast, &open, CODE_OK, FIELD_NONE);
    for (unsigned sets = 0; sets < 16; sets++) {
        struct ledger_account_view before = world_view(cast.runner, id);
        struct ledger_account_command change = world_account(ACCOUNT_CHANGE, id, "KRW");
        change.sets = sets;
        change.owner = before.owner[0] == 'a' ? STR_LITERAL("ben") : STR_LITERAL("ann");
        change.product = STR_LITERAL("checking");
        change.minimum_balance = -(int64_t)sets;
        change.ceiling = 1000 + sets;
        answer_is(&cast, &change, CODE_OK, FIELD_NONE);
        struct ledger_account_view after = world_view(cast.runner, id);
        assert_int_equal(strcmp(after.owner, before.owner) != 0, (sets & ACCOUNT_SETS_OWNER) != 0);
        assert_string_equal(after.product, sets & ACCOUNT_SETS_PRODUCT ? "checking" : before.product);
        assert_int_equal(after.minimum_balance,
                         sets & ACCOUNT_SETS_MINIMUM ? change.minimum_balance : before.minimum_balance);
        assert_int_equal(after.ceiling, sets & ACCOUNT_SETS_CEILING ? change.ceiling : before.ceiling);
    }
    struct ledger_account_command wrong = world_account(ACCOUNT_CHANGE, id, "KRW");
    wrong.sets = ACCOUNT_SETS_MINIMUM;
    wrong.minimum_balance = 2000;
    answer_is(&cast, &wrong, CODE_INVALID_FIELD, FIELD_MINIMUM_BALANCE);
    wrong.sets = ACCOUNT_SETS_MINIMUM | ACCOUNT_SETS_CEILING;
    wrong.ceiling = 1999;
    answer_is(&cast, &wrong, CODE_INVALID_FIELD, FIELD_CEILING);
    cast_close(&cast);
}

static void an_account_with_money_on_its_way_cannot_be_closed(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const char *rich = cast_id(&cast, 0, RICH), *far = cast_id(&cast, 1, FROZEN);
    const struct ledger_command all = world_transfer(1, rich, far, 10000, "KRW");
    runner_post(cast.runner, 0, &all, 1);
    assert_int_equal(world_view(cast.runner, rich).balance, 0);
    struct ledger_account_command close = world_account(ACCOUNT_CLOSE, rich, "KRW");
    assert_int_equal(runner_account(cast.runner, &close).code, CODE_NOT_EMPTY);
    struct ledger_account_command freeze = world_account(ACCOUNT_FREEZE, rich, "KRW");
    assert_int_equal(runner_account(cast.runner, &freeze).code, CODE_OK);
    runner_settle(cast.runner); /* refused there: it comes back even to a frozen account */
    assert_int_equal(world_view(cast.runner, rich).balance, 10000);
    cast_close(&cast);
}

static void tellers_own_accounts_are_not_touched(void **state)
{
    static const enum ledger_account_kind kinds[] = {ACCOUNT_CHANGE, ACCOUNT_FREEZE, ACCOUNT_UNFREEZE,
                                                     ACCOUNT_CLOSE};
    struct cast cast;
    (void)state;
    cast_open(&cast);
    for (size_t i = 0; i < 4; i++) {
        const struct ledger_account_command step = world_account(kinds[i], "house:cash:KRW:1", "KRW");
        answer_is(&cast, &step, CODE_INVALID_FIELD, FIELD_ACCOUNT);
    }
    assert_true(world_view(cast.runner, "house:cash:KRW:1").balance < 0);
    cast_close(&cast);
}

/* ---- lists ----------------------------------------------------------------------------------------- */

enum { LISTED = 25 };

static size_t list_all(const struct ledger *ledger, struct str owner, size_t limit, uint32_t *out)
{
    struct ledger_account_view page[LEDGER_PAGE_MAX];
    uint32_t after = UINT32_MAX;
    size_t count = 0, got;
    while ((got = ledger_account_list(ledger, owner, after, page, limit)) > 0) {
        assert_true(got <= limit);
        for (size_t i = 0; i < got; i++)
            out[count++] = page[i].index;
        after = page[got - 1].index;
    }
    return count;
}

static void pages_of_a_list_have_every_account_once_in_order(void **state)
{
    uint32_t all[100], paged[100];
    char id[WORLD_ID_MAX];
    (void)state;
    struct runner_config config = runner_config_default(1);
    struct runner *runner = runner_new(&config);
    for (unsigned i = 0; i < LISTED; i++) {
        struct ledger_account_command open =
            world_account(ACCOUNT_OPEN, world_account_id(0, 1, "l", i, id), "KRW");
        open.owner = i % 3 == 0 ? STR_LITERAL("ann") : STR_LITERAL("ben");
        assert_int_equal(runner_account(runner, &open).code, CODE_OK);
        const struct ledger_command deposit = world_deposit(i + 1, id, 1, "KRW");
        assert_int_equal(world_run(runner, &deposit)->code, CODE_OK);
    }
    const struct ledger *ledger = runner_ledger(runner, 0);
    static const struct {
        struct str owner;
        size_t count;
    } rows[] = {
        {{NULL, 0}, LISTED}, {{"ann", 3}, 9}, {{"ben", 3}, 16}, {{"teller", 6}, 1}, {{"nobody", 6}, 0}};
    for (size_t i = 0; i < 5; i++) {
        size_t count = list_all(ledger, rows[i].owner, LEDGER_PAGE_MAX, all);
        assert_int_equal(count, rows[i].count);
        for (size_t limit = 1; limit <= 7; limit++) {
            assert_int_equal(list_all(ledger, rows[i].owner, limit, paged), count);
            assert_memory_equal(all, paged, count * sizeof all[0]);
        }
        for (size_t at = 1; at < count; at++)
            assert_true(all[at] > all[at - 1]);
    }
    runner_destroy(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opening_again_is_ok_with_the_same_attributes_and_exists_with_any_other),
        cmocka_unit_test(an_open_with_a_transaction_id_is_the_same_account_forever),
        cmocka_unit_test(assigned_ids_are_new_each_time_and_belong_to_their_partition),
        cmocka_unit_test(an_account_is_opened_where_its_id_belongs),
        cmocka_unit_test(each_step_has_its_answer_in_each_state),
        cmocka_unit_test(a_change_sets_what_it_names_and_nothing_else),
        cmocka_unit_test(an_account_with_money_on_its_way_cannot_be_closed),
        cmocka_unit_test(tellers_own_accounts_are_not_touched),
        cmocka_unit_test(pages_of_a_list_have_every_account_once_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
