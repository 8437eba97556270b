/* The same id again: the same answer for the same payload, CONFLICT for any other, whatever the first outcome
 * was and wherever the money had to go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/table/cast.h"

enum { ITEMS_MAX = 3, ID = 1 };

/* A command by what stands in it, so that one part can be another. */
struct script {
    struct ledger_command command;
    struct ledger_command items[ITEMS_MAX];
};

static struct ledger_command annotated(struct ledger_command command)
{
    command.memo = STR_LITERAL("memo");
    command.reference = STR_LITERAL("reference");
    return command;
}

static void script_transfer(const struct cast *cast, struct script *out, enum role from, enum role to,
                            uint32_t receiver, int64_t amount)
{
    out->command =
        annotated(world_transfer(ID, cast_id(cast, 0, from), cast_id(cast, receiver, to), amount, "KRW"));
}

static void local_done(const struct cast *cast, struct script *out)
{
    script_transfer(cast, out, RICH, POOR, 0, 7);
}

static void local_refused(const struct cast *cast, struct script *out)
{
    script_transfer(cast, out, RICH, FROZEN, 0, 7);
}

static void crossing_settled(const struct cast *cast, struct script *out)
{
    script_transfer(cast, out, RICH, POOR, 1, 7);
}

static void crossing_returned(const struct cast *cast, struct script *out)
{
    script_transfer(cast, out, RICH, FROZEN, 1, 7);
}

static void crossing_refused_at_once(const struct cast *cast, struct script *out)
{
    script_transfer(cast, out, POOR, RICH, 1, 7);
}

static void deposit_done(const struct cast *cast, struct script *out)
{
    out->command = annotated(world_deposit(ID, cast_id(cast, 0, POOR), 7, "KRW"));
}

static void deposit_refused(const struct cast *cast, struct script *out)
{
    out->command = annotated(world_deposit(ID, cast_id(cast, 0, FROZEN), 7, "KRW"));
}

static void withdrawal_done(const struct cast *cast, struct script *out)
{
    out->command = annotated(world_withdraw(ID, cast_id(cast, 0, RICH), 7, "KRW"));
}

static void withdrawal_refused(const struct cast *cast, struct script *out)
{
    out->command = annotated(world_withdraw(ID, cast_id(cast, 0, POOR), 7, "KRW"));
}

static void script_group(const struct cast *cast, struct script *out, uint32_t other, int64_t amount)
{
    out->items[0] =
        annotated(world_transfer(11, cast_id(cast, 0, RICH), cast_id(cast, other, POOR), 7, "KRW"));
    out->items[1] = annotated(world_withdraw(12, cast_id(cast, other, RICH), amount, "KRW"));
    out->items[2] = annotated(world_deposit(13, cast_id(cast, other, POOR), 2, "KRW"));
    out->command = world_group(ID, out->items, 3);
}

static void group_done(const struct cast *cast, struct script *out)
{
    script_group(cast, out, 0, 5);
}

static void group_refused(const struct cast *cast, struct script *out)
{
    script_group(cast, out, 0, 10001);
}

static void crossing_group_done(const struct cast *cast, struct script *out)
{
    script_group(cast, out, 1, 5);
}

static void crossing_group_refused(const struct cast *cast, struct script *out)
{
    script_group(cast, out, 1, 10001);
}

static const struct {
    const char *what;
    void (*make)(const struct cast *cast, struct script *out);
    enum code code;
} scripts[] = {
    {"local, done", local_done, CODE_OK},
    {"local, refused", local_refused, CODE_ACCOUNT_FROZEN},
    {"crossing, settled", crossing_settled, CODE_OK},
    {"crossing, returned", crossing_returned, CODE_ACCOUNT_FROZEN},
    {"crossing, refused at once", crossing_refused_at_once, CODE_INSUFFICIENT_FUNDS},
    {"deposit, done", deposit_done, CODE_OK},
    {"deposit, refused", deposit_refused, CODE_ACCOUNT_FROZEN},
    {"withdrawal, done", withdrawal_done, CODE_OK},
    {"withdrawal, refused", withdrawal_refused, CODE_INSUFFICIENT_FUNDS},
    {"group, done", group_done, CODE_OK},
    {"group, refused", group_refused, CODE_INSUFFICIENT_FUNDS},
    {"crossing group, done", crossing_group_done, CODE_OK},
    {"crossing group, refused", crossing_group_refused, CODE_INSUFFICIENT_FUNDS},
};

enum { SCRIPTS = sizeof scripts / sizeof *scripts };

/* ---- other payloads -------------------------------------------------------------------------------- */

/* Each makes one part of a command another; false: this command has no such part. None changes the
 * partition that keeps the id. */
static bool other_kind(const struct cast *cast, struct ledger_command *command)
{
    const char *rich = cast_id(cast, 0, RICH);
    struct str memo = command->memo, reference = command->reference;
    if (command->kind == COMMAND_DEPOSIT)
        *command = world_withdraw(ID, rich, command->amount, "KRW");
    else
        *command = world_deposit(ID, rich, command->amount, "KRW");
    command->memo = memo;
    command->reference = reference;
    return true;
}

static bool other_from(const struct cast *cast, struct ledger_command *command)
{
    if (command->kind == COMMAND_DEPOSIT)
        return false;
    command->from = str_from(cast_id(cast, 0, OWING));
    return true;
}

static bool other_to(const struct cast *cast, struct ledger_command *command)
{
    if (command->kind == COMMAND_WITHDRAW)
        return false;
    command->to = str_from(cast_id(cast, 0, CAPPED));
    return true;
}

static bool other_far_to(const struct cast *cast, struct ledger_command *command)
{
    if (command->kind != COMMAND_TRANSFER)
        return false;
    command->to = str_from(cast_id(cast, 1, CAPPED));
    return true;
}

static bool other_amount(const struct cast *cast, struct ledger_command *command)
{
    (void)cast;
    command->amount++;
    return true;
}

static bool other_currency(const struct cast *cast, struct ledger_command *command)
{
    (void)cast;
    command->currency = world_currency("USD");
    return true;
}

static bool other_memo(const struct cast *cast, struct ledger_command *command)
{
    (void)cast;
    command->memo = STR_LITERAL("memm");
    return true;
}

static bool no_memo(const struct cast *cast, struct ledger_command *command)
{
    (void)cast;
    command->memo = (struct str){0};
    return true;
}

static bool other_reference(const struct cast *cast, struct ledger_command *command)
{
    (void)cast;
    command->reference = STR_LITERAL("referencf");
    return true;
}

static bool no_reference(const struct cast *cast, struct ledger_command *command)
{
    (void)cast;
    command->reference = (struct str){0};
    return true;
}

/* The bytes of memo and reference together are the same. */
static bool memo_into_reference(const struct cast *cast, struct ledger_command *command)
{
    (void)cast;
    command->memo = STR_LITERAL("memor");
    command->reference = STR_LITERAL("eference");
    return true;
}

static bool (*const changes[])(const struct cast *cast, struct ledger_command *command) = {
    other_kind, other_from, other_to,     other_far_to,    other_amount,        other_currency,
    other_memo, no_memo,    no_reference, other_reference, memo_into_reference,
};

enum { CHANGES = sizeof changes / sizeof *changes };

/* ---- tests ----------------------------------------------------------------------------------------- */

static uint32_t rows_of(const struct ledger_command *command)
{
    return 1u + (command->kind == COMMAND_GROUP ? command->group_count : 0u);
}

static void rows_keep(struct ledger_row *out, const struct ledger_row *rows, uint32_t count)
{
    memcpy(out, rows, count * sizeof rows[0]);
}

static void the_same_payload_has_the_same_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCRIPTS; i++) {
        struct cast cast;
        struct script script = {0};
        struct ledger_row first[ITEMS_MAX + 1];
        cast_open(&cast);
        scripts[i].make(&cast, &script);
        uint32_t count = rows_of(&script.command);
        rows_keep(first, world_run(cast.runner, &script.command), count);
        assert_int_equal(first[0].code, scripts[i].code);
        cast_note(&cast);
        for (int again = 0; again < 3; again++)
            assert_memory_equal(world_run(cast.runner, &script.command), first, count * sizeof first[0]);
        /* Also after all accounts have moved on, and after a restart. */
        const struct ledger_command more = world_deposit(50, cast_id(&cast, 0, POOR), 1000, "KRW");
        assert_int_equal(world_run(cast.runner, &more)->code, CODE_OK);
        assert_memory_equal(world_run(cast.runner, &script.command), first, count * sizeof first[0]);
        for (int found = RUNNER_STATE_KEPT; found <= RUNNER_STATE_DELETED; found++) {
            runner_crash(cast.runner, 0, (enum runner_state)found);
            assert_memory_equal(world_run(cast.runner, &script.command), first, count * sizeof first[0]);
        }
        assert_int_equal(cast_changed(&cast), 1);
        cast_close(&cast);
    }
}

static void conflict_is(const struct ledger_row *rows, uint32_t count)
{
    assert_int_equal(rows[0].code, CODE_CONFLICT);
    assert_int_equal(rows[0].field, FIELD_TRANSACTION_ID);
    for (uint32_t i = 1; i < count; i++)
        assert_int_equal(rows[i].code, CODE_GROUP_REFUSED);
}

static void another_payload_in_any_field_is_a_conflict(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCRIPTS; i++) {
        struct cast cast;
        struct script script = {0};
        cast_open(&cast);
        scripts[i].make(&cast, &script);
        assert_int_equal(world_run(cast.runner, &script.command)[0].code, scripts[i].code);
        cast_note(&cast);
        for (size_t change = 0; change < CHANGES; change++) {
            struct script other = script;
            struct ledger_command *changed = &other.command;
            if (script.command.kind == COMMAND_GROUP) {
                other.command.items = other.items;
                changed = &other.items[0];
            }
            if (!changes[change](&cast, changed))
                continue;
            if (script.command.kind == COMMAND_GROUP)
                changed->id = script.items[0].id;
            conflict_is(runner_run(cast.runner, 0, &other.command, 1), rows_of(&other.command));
        }
        assert_int_equal(cast_changed(&cast), 0);
        cast_close(&cast);
    }
}

static void a_group_is_also_its_items_ids_their_number_and_their_order(void **state)
{
    struct cast cast;
    struct script script = {0};
    (void)state;
    cast_open(&cast);
    crossing_group_done(&cast, &script);
    assert_int_equal(world_run(cast.runner, &script.command)[0].code, CODE_OK);
    cast_note(&cast);
    struct script other = script;
    other.command.items = other.items;
    other.items[1].id = world_uuid(99);
    conflict_is(runner_run(cast.runner, 0, &other.command, 1), 4);
    other = script;
    other.command.items = other.items;
    other.command.group_count = 2;
    conflict_is(runner_run(cast.runner, 0, &other.command, 1), 3);
    other.command.group_count = 3;
    other.items[1] = script.items[2];
    other.items[2] = script.items[1];
    conflict_is(runner_run(cast.runner, 0, &other.command, 1), 4);
    assert_int_equal(cast_changed(&cast), 0);
    cast_close(&cast);
}

static void an_id_is_used_by_a_group_an_item_and_a_single_alike(void **state)
{
    struct cast cast;
    struct script script = {0};
    (void)state;
    cast_open(&cast);
    group_done(&cast, &script);
    assert_int_equal(world_run(cast.runner, &script.command)[0].code, CODE_OK);
    cast_note(&cast);
    const char *rich = cast_id(&cast, 0, RICH);
    /* the group's id, an item's id, for a single; the item itself, alone */
    const struct ledger_command singles[] = {world_withdraw(ID, rich, 1, "KRW"),
                                             world_withdraw(11, rich, 1, "KRW"), script.items[0]};
    for (size_t i = 0; i < 3; i++)
        conflict_is(world_run(cast.runner, &singles[i]), 1);
    /* a single's id for a group, and for an item */
    const struct ledger_command single = world_withdraw(30, rich, 1, "KRW");
    assert_int_equal(world_run(cast.runner, &single)->code, CODE_OK);
    cast_note(&cast);
    const struct ledger_command item = world_withdraw(31, rich, 1, "KRW");
    const struct ledger_command group = world_group(30, &item, 1);
    conflict_is(world_run(cast.runner, &group), 2);
    const struct ledger_command used[] = {item, single};
    const struct ledger_command group_of_used = world_group(32, used, 2);
    const struct ledger_row *rows = world_run(cast.runner, &group_of_used);
    assert_int_equal(rows[0].code, CODE_CONFLICT);
    assert_int_equal(rows[1].code, CODE_GROUP_REFUSED);
    assert_int_equal(rows[2].code, CODE_CONFLICT);
    assert_int_equal(rows[2].field, FIELD_TRANSACTION_ID);
    /* an item with its group's id, and two items with one id */
    const struct ledger_command group_of_own = world_group(31, &item, 1);
    assert_int_equal(world_run(cast.runner, &group_of_own)[1].code, CODE_CONFLICT);
    const struct ledger_command twins[] = {item, item};
    const struct ledger_command group_of_twins = world_group(33, twins, 2);
    assert_int_equal(world_run(cast.runner, &group_of_twins)[2].code, CODE_CONFLICT);
    assert_int_equal(cast_changed(&cast), 0);
    cast_close(&cast);
}

static void who_asks_while_it_is_on_its_way_gets_the_same_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCRIPTS; i++) {
        for (uint32_t steps = 0; steps < 20; steps++) {
            struct cast cast;
            struct script script = {0};
            const struct runner_request *requests[4];
            cast_open(&cast);
            scripts[i].make(&cast, &script);
            uint32_t count = rows_of(&script.command);
            for (int again = 0; again < 4; again++) {
                requests[again] = runner_post(cast.runner, 0, &script.command, 1);
                for (uint32_t step = 0; step < steps; step++)
                    runner_step(cast.runner);
            }
            runner_settle(cast.runner);
            for (int again = 0; again < 4; again++) {
                assert_true(requests[again]->done);
                assert_memory_equal(requests[again]->rows, requests[0]->rows,
                                    count * sizeof requests[0]->rows[0]);
            }
            assert_int_equal(requests[0]->rows[0].code, scripts[i].code);
            cast_close(&cast);
        }
    }
}

static void another_payload_while_it_is_on_its_way_is_a_conflict_at_once(void **state)
{
    (void)state;
    for (size_t i = 0; i < SCRIPTS; i++) {
        struct cast cast;
        struct script script = {0};
        cast_open(&cast);
        scripts[i].make(&cast, &script);
        const struct runner_request *first = runner_post(cast.runner, 0, &script.command, 1);
        struct script other = script;
        other.command.items = other.items;
        if (script.command.kind == COMMAND_GROUP)
            other.items[0].amount++;
        else
            other.command.amount++;
        const struct runner_request *second = runner_post(cast.runner, 0, &other.command, 1);
        runner_settle(cast.runner);
        conflict_is(second->rows, second->row_count);
        assert_int_equal(first->rows[0].code, scripts[i].code);
        cast_close(&cast);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_payload_has_the_same_answer),
        cmocka_unit_test(another_payload_in_any_field_is_a_conflict),
        cmocka_unit_test(a_group_is_also_its_items_ids_their_number_and_their_order),
        cmocka_unit_test(an_id_is_used_by_a_group_an_item_and_a_single_alike),
        cmocka_unit_test(who_asks_while_it_is_on_its_way_gets_the_same_answer),
        cmocka_unit_test(another_payload_while_it_is_on_its_way_is_a_conflict_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
