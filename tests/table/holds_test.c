/* Every answer of the core to holds: opening, capturing, releasing, and what time does to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/table/cast.h"

enum { HELD = 100, SECOND_US = 1000000 };

/* The hold of HELD that each row of steps begins with. */
enum { OF = 50, OF_MISSING = 51, OF_POOR = 52 };

static struct ledger_command step_of(const struct cast *cast, uint8_t kind, uint64_t id, enum role role,
                                     int64_t amount, const char *currency, uint64_t of)
{
    const char *from = cast_id(cast, 0, role);
    struct ledger_command command = world_withdraw(id, from, amount, currency ? currency : "KRW");
    command.kind = kind;
    if (!currency)
        command.currency = CURRENCY_NONE;
    if (of)
        command.of = world_uuid(of);
    return command;
}

static struct ledger_command open_of(const struct cast *cast, uint64_t id, enum role role, int64_t amount,
                                     int64_t expires_us)
{
    struct ledger_command command = step_of(cast, COMMAND_HOLD, id, role, amount, "KRW", 0);
    command.expires_us = expires_us;
    return command;
}

static struct ledger_command capture_of(const struct cast *cast, uint64_t id, enum role role, int64_t amount,
                                        uint64_t of)
{
    return step_of(cast, COMMAND_CAPTURE, id, role, amount, "KRW", of);
}

static struct ledger_command release_of(const struct cast *cast, uint64_t id, enum role role, uint64_t of)
{
    return step_of(cast, COMMAND_RELEASE, id, role, 0, NULL, of);
}

static struct ledger_row run(struct cast *cast, struct ledger_command command)
{
    return *world_run(cast->runner, &command);
}

static void run_ok(struct cast *cast, struct ledger_command command)
{
    assert_int_equal(run(cast, command).code, CODE_OK);
}

static int64_t pending(struct cast *cast, enum role role)
{
    return world_view(cast->runner, cast_id(cast, 0, role)).pending;
}

static void account_step(struct cast *cast, enum ledger_account_kind kind, enum role role, enum code code)
{
    struct ledger_account_command command = world_account(kind, cast_id(cast, 0, role), "KRW");
    assert_int_equal(runner_account(cast->runner, &command).code, code);
}

/* ---- opening ---------------------------------------------------------------------------------------- */

static const struct {
    const char *what;
    enum role from;
    int64_t amount;
    const char *currency;
    enum code code;
    enum field field;
} openings[] = {
    {"a won", RICH, 1, "KRW", CODE_OK, FIELD_NONE},
    {"the whole balance", RICH, 10000, "KRW", CODE_OK, FIELD_NONE},
    {"a won too much", RICH, 10001, "KRW", CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT},
    {"the whole overdraft", OWING, 200, "KRW", CODE_OK, FIELD_NONE},
    {"beyond the overdraft", OWING, 201, "KRW", CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT},
    {"down to the minimum", KEEPING, 50, "KRW", CODE_OK, FIELD_NONE},
    {"below the minimum", KEEPING, 51, "KRW", CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT},
    {"no account", MISSING, 1, "KRW", CODE_ACCOUNT_NOT_FOUND, FIELD_FROM_ACCOUNT},
    {"in dollars", RICH, 1, "USD", CODE_CURRENCY_MISMATCH, FIELD_FROM_ACCOUNT},
    {"closed", CLOSED, 1, "KRW", CODE_ACCOUNT_CLOSED, FIELD_FROM_ACCOUNT},
    {"frozen", FROZEN, 1, "KRW", CODE_ACCOUNT_FROZEN, FIELD_FROM_ACCOUNT},
    {"currency before closed", CLOSED, 1, "USD", CODE_CURRENCY_MISMATCH, FIELD_FROM_ACCOUNT},
    {"frozen before funds", FROZEN, 1001, "KRW", CODE_ACCOUNT_FROZEN, FIELD_FROM_ACCOUNT},
};

/* The same command again gives the same answer and changes nothing; with another payload it is CONFLICT. */
static void repeats(struct cast *cast, struct ledger_command command, const struct ledger_row *answer)
{
    cast_note(cast);
    struct ledger_row again = run(cast, command);
    assert_memory_equal(&again, answer, sizeof again);
    command.memo = STR_LITERAL("another");
    assert_int_equal(run(cast, command).code, CODE_CONFLICT);
    assert_int_equal(cast_changed(cast), 0);
}

static void each_opening_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
        struct cast cast;
        cast_open(&cast);
        struct ledger_command command =
            step_of(&cast, COMMAND_HOLD, 1, openings[i].from, openings[i].amount, openings[i].currency, 0);
        struct ledger_row answer = run(&cast, command);
        if (answer.code != openings[i].code || answer.field != openings[i].field)
            print_error("%s: %s %d\n", openings[i].what, code_name((enum code)answer.code), answer.field);
        assert_int_equal(answer.code, openings[i].code);
        assert_int_equal(answer.field, openings[i].field);
        assert_int_equal(cast_changed(&cast), 0);
        if (answer.code == CODE_OK) {
            assert_int_equal(answer.has, ROW_HAS_FROM);
            assert_int_equal(answer.from_balance, cast_balance(&cast, 0, openings[i].from));
            assert_int_equal(pending(&cast, openings[i].from), openings[i].amount);
        }
        repeats(&cast, command, &answer);
        cast_close(&cast);
    }
}

static void what_is_held_cannot_be_spent_or_held_again(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const char *rich = cast_id(&cast, 0, RICH);
    run_ok(&cast, open_of(&cast, 1, RICH, 4000, 0));
    assert_int_equal(run(&cast, world_withdraw(2, rich, 6001, "KRW")).code, CODE_INSUFFICIENT_FUNDS);
    assert_int_equal(run(&cast, open_of(&cast, 3, RICH, 6001, 0)).code, CODE_INSUFFICIENT_FUNDS);
    run_ok(&cast, open_of(&cast, 4, RICH, 1000, 0));
    run_ok(&cast, world_withdraw(5, rich, 5000, "KRW"));
    assert_int_equal(pending(&cast, RICH), 5000);
    cast_close(&cast);
}

/* ---- capture and release ------------------------------------------------------------------------------ */

struct step {
    const char *what;
    uint8_t kind;
    enum role from;
    int64_t amount;
    const char *currency;
    uint64_t of;
    uint8_t flags;
    enum code code;
    enum field field;
    int64_t left; /* pending of the rich after it */
};

static const struct step steps[] = {
    {"all", COMMAND_CAPTURE, RICH, 0, "KRW", OF, 0, CODE_OK, FIELD_NONE, 0},
    {"all, as a number", COMMAND_CAPTURE, RICH, HELD, "KRW", OF, 0, CODE_OK, FIELD_NONE, 0},
    {"a part", COMMAND_CAPTURE, RICH, 30, "KRW", OF, 0, CODE_OK, FIELD_NONE, 0},
    {"a part, rest kept", COMMAND_CAPTURE, RICH, 30, "KRW", OF, COMMAND_KEEPS_REST, CODE_OK, FIELD_NONE, 70},
    {"all, no rest to keep", COMMAND_CAPTURE, RICH, 0, "KRW", OF, COMMAND_KEEPS_REST, CODE_OK, FIELD_NONE, 0},
    {"release", COMMAND_RELEASE, RICH, 0, NULL, OF, 0, CODE_OK, FIELD_NONE, 0},
    {"too much", COMMAND_CAPTURE, RICH, HELD + 1, "KRW", OF, 0, CODE_HOLD_EXCEEDED, FIELD_AMOUNT, HELD},
    {"no such hold", COMMAND_CAPTURE, RICH, 1, "KRW", OF_MISSING, 0, CODE_HOLD_NOT_FOUND, FIELD_HOLD, HELD},
    {"nothing to release", COMMAND_RELEASE, RICH, 0, NULL, OF_MISSING, 0, CODE_HOLD_NOT_FOUND, FIELD_HOLD,
     HELD},
    {"another account's", COMMAND_CAPTURE, POOR, 1, "KRW", OF, 0, CODE_HOLD_NOT_FOUND, FIELD_HOLD, HELD},
    {"another's to release", COMMAND_RELEASE, POOR, 0, NULL, OF, 0, CODE_HOLD_NOT_FOUND, FIELD_HOLD, HELD},
    {"an id of something else", COMMAND_CAPTURE, RICH, 1, "KRW", CAST_FIRST_FREE_ID + 1, 0,
     CODE_HOLD_NOT_FOUND, FIELD_HOLD, HELD},
    {"no account", COMMAND_CAPTURE, MISSING, 1, "KRW", OF, 0, CODE_ACCOUNT_NOT_FOUND, FIELD_FROM_ACCOUNT,
     HELD},
    {"no account to release", COMMAND_RELEASE, MISSING, 0, NULL, OF, 0, CODE_ACCOUNT_NOT_FOUND,
     FIELD_FROM_ACCOUNT, HELD},
    {"in dollars", COMMAND_CAPTURE, RICH, 1, "USD", OF, 0, CODE_CURRENCY_MISMATCH, FIELD_FROM_ACCOUNT, HELD},
    /* which comes first */
    {"hold before currency", COMMAND_CAPTURE, RICH, 1, "USD", OF_MISSING, 0, CODE_HOLD_NOT_FOUND, FIELD_HOLD,
     HELD},
    {"currency before amount", COMMAND_CAPTURE, RICH, HELD + 1, "USD", OF, 0, CODE_CURRENCY_MISMATCH,
     FIELD_FROM_ACCOUNT, HELD},
    {"hold before closed", COMMAND_CAPTURE, CLOSED, 1, "KRW", OF, 0, CODE_HOLD_NOT_FOUND, FIELD_HOLD, HELD},
};

static int64_t paid_by(const struct step *step)
{
    if (step->code != CODE_OK || step->kind == COMMAND_RELEASE)
        return 0;
    return step->amount ? step->amount : HELD;
}

static void step_run(const struct step *step)
{
    struct cast cast;
    cast_open(&cast);
    run_ok(&cast, open_of(&cast, OF, RICH, HELD, 0));
    int64_t before = cast_balance(&cast, 0, RICH);
    struct ledger_command command =
        step_of(&cast, step->kind, 1, step->from, step->amount, step->currency, step->of);
    command.flags = step->flags;
    struct ledger_row answer = run(&cast, command);
    if (answer.code != step->code || answer.field != step->field)
        print_error("%s: %s %d\n", step->what, code_name((enum code)answer.code), answer.field);
    assert_int_equal(answer.code, step->code);
    assert_int_equal(answer.field, step->field);
    assert_int_equal(cast_balance(&cast, 0, RICH), before - paid_by(step));
    assert_int_equal(pending(&cast, RICH), step->left);
    if (step->code == CODE_OK)
        assert_int_equal(answer.from_balance, before - paid_by(step));
    repeats(&cast, command, &answer);
    assert_int_equal(pending(&cast, RICH), step->left);
    cast_close(&cast);
}

static void each_step_has_its_answer(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
        step_run(&steps[i]);
}

/* After any end, steps say how it ended, the opening still has its first answer, and the id stays taken. */
static void ended_is(struct cast *cast, struct ledger_command opening, const struct ledger_row *first,
                     enum code code)
{
    struct ledger_row row = run(cast, capture_of(cast, 90, RICH, 1, OF));
    assert_int_equal(row.code, code);
    assert_int_equal(row.field, FIELD_HOLD);
    assert_int_equal(run(cast, release_of(cast, 91, RICH, OF)).code, code);
    assert_int_equal(run(cast, release_of(cast, 92, POOR, OF)).code, CODE_HOLD_NOT_FOUND);
    assert_int_equal(run(cast, capture_of(cast, 93, RICH, 1, OF_MISSING)).code, CODE_HOLD_NOT_FOUND);
    repeats(cast, opening, first);
    assert_int_equal(run(cast, world_withdraw(OF, cast_id(cast, 0, RICH), 1, "KRW")).code, CODE_CONFLICT);
    struct ledger_hold_view view;
    struct uuid id = world_uuid(OF);
    assert_int_equal(ledger_hold_show(runner_ledger(cast->runner, 0), runner_now(cast->runner),
                                      str_from(cast_id(cast, 0, RICH)), &id, &view),
                     CODE_OK);
    assert_int_equal(view.ended, code);
    assert_int_equal(view.held, 0);
    assert_int_equal(view.amount, HELD);
    assert_int_equal(pending(cast, RICH), 0);
}

static void an_ended_hold_says_how_it_ended(void **state)
{
    static const enum code codes[] = {CODE_HOLD_CAPTURED, CODE_HOLD_RELEASED, CODE_HOLD_EXPIRED};
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct cast cast;
        cast_open(&cast);
        struct ledger_command opening =
            open_of(&cast, OF, RICH, HELD, runner_now(cast.runner) + 10 * SECOND_US);
        struct ledger_row first = run(&cast, opening);
        if (i == 0)
            run_ok(&cast, capture_of(&cast, 1, RICH, 7, OF));
        else if (i == 1)
            run_ok(&cast, release_of(&cast, 1, RICH, OF));
        else
            runner_advance(cast.runner, 10 * SECOND_US);
        ended_is(&cast, opening, &first, codes[i]);
        cast_close(&cast);
    }
}

static void what_is_kept_can_be_captured_again_until_nothing_is_left(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    run_ok(&cast, open_of(&cast, OF, RICH, HELD, 0));
    for (uint64_t i = 0; i < 4; i++) {
        struct ledger_command part = capture_of(&cast, 1 + i, RICH, 25, OF);
        part.flags = COMMAND_KEEPS_REST;
        run_ok(&cast, part);
        assert_int_equal(pending(&cast, RICH), HELD - 25 * (int64_t)(i + 1));
    }
    assert_int_equal(run(&cast, capture_of(&cast, 9, RICH, 1, OF)).code, CODE_HOLD_CAPTURED);
    assert_int_equal(cast_balance(&cast, 0, RICH), 10000 - HELD);
    cast_close(&cast);
}

static void part_of_the_payload_is_how_a_capture_was_said(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    run_ok(&cast, open_of(&cast, OF, RICH, HELD, 0));
    struct ledger_command all = capture_of(&cast, 1, RICH, 0, OF), other = all;
    run_ok(&cast, all);
    other.amount = HELD;
    assert_int_equal(run(&cast, other).code, CODE_CONFLICT);
    other = all;
    other.flags = COMMAND_KEEPS_REST;
    assert_int_equal(run(&cast, other).code, CODE_CONFLICT);
    other = all;
    other.of = world_uuid(OF_MISSING);
    assert_int_equal(run(&cast, other).code, CODE_CONFLICT);
    other = release_of(&cast, 1, RICH, OF);
    assert_int_equal(run(&cast, other).code, CODE_CONFLICT);
    run_ok(&cast, all);
    cast_close(&cast);
}

static void a_refused_step_keeps_its_own_values_too(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    struct ledger_command refused = capture_of(&cast, 1, RICH, 5, OF_MISSING), other = refused;
    assert_int_equal(run(&cast, refused).code, CODE_HOLD_NOT_FOUND);
    other.of = world_uuid(OF);
    assert_int_equal(run(&cast, other).code, CODE_CONFLICT);
    other = refused;
    other.flags = COMMAND_KEEPS_REST;
    assert_int_equal(run(&cast, other).code, CODE_CONFLICT);
    refused = open_of(&cast, 2, POOR, 5, 0);
    assert_int_equal(run(&cast, refused).code, CODE_INSUFFICIENT_FUNDS);
    other = refused;
    other.expires_us = runner_now(cast.runner) + SECOND_US;
    assert_int_equal(run(&cast, other).code, CODE_CONFLICT);
    assert_int_equal(run(&cast, refused).code, CODE_INSUFFICIENT_FUNDS);
    cast_close(&cast);
}

/* ---- limits, states ------------------------------------------------------------------------------------- */

static void a_capture_tests_the_limit_as_it_is_now(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    run_ok(&cast, open_of(&cast, OF, RICH, HELD, 0));
    struct ledger_account_command change = world_account(ACCOUNT_CHANGE, cast_id(&cast, 0, RICH), "KRW");
    change.sets = ACCOUNT_SETS_MINIMUM;
    change.minimum_balance = 9950;
    assert_int_equal(runner_account(cast.runner, &change).code, CODE_OK);
    assert_int_equal(run(&cast, capture_of(&cast, 1, RICH, 51, OF)).code, CODE_INSUFFICIENT_FUNDS);
    run_ok(&cast, capture_of(&cast, 2, RICH, 50, OF));
    cast_close(&cast);
}

static void a_frozen_account_lets_holds_end_but_not_begin_or_pay(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    int64_t soon = runner_now(cast.runner) + 10 * SECOND_US;
    run_ok(&cast, open_of(&cast, OF, RICH, HELD, 0));
    run_ok(&cast, open_of(&cast, OF + 1, RICH, HELD, soon));
    account_step(&cast, ACCOUNT_FREEZE, RICH, CODE_OK);
    assert_int_equal(run(&cast, open_of(&cast, 1, RICH, 1, 0)).code, CODE_ACCOUNT_FROZEN);
    assert_int_equal(run(&cast, capture_of(&cast, 2, RICH, HELD + 1, OF)).code, CODE_ACCOUNT_FROZEN);
    run_ok(&cast, release_of(&cast, 3, RICH, OF));
    runner_advance(cast.runner, 10 * SECOND_US);
    assert_int_equal(run(&cast, release_of(&cast, 4, RICH, OF + 1)).code, CODE_HOLD_EXPIRED);
    assert_int_equal(pending(&cast, RICH), 0);
    cast_close(&cast);
}

static void an_account_with_a_hold_is_not_closed(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    run_ok(&cast, open_of(&cast, OF, OWING, HELD, 0));
    account_step(&cast, ACCOUNT_CLOSE, OWING, CODE_NOT_EMPTY);
    run_ok(&cast, release_of(&cast, 1, OWING, OF));
    account_step(&cast, ACCOUNT_CLOSE, OWING, CODE_OK);
    cast_close(&cast);
}

static void a_nearly_full_disk_refuses_new_holds_and_lets_open_ones_end(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    run_ok(&cast, open_of(&cast, OF, RICH, HELD, 0));
    run_ok(&cast, open_of(&cast, OF + 1, RICH, HELD, 0));
    ledger_refuse_new(runner_ledger(cast.runner, 0), true);
    assert_int_equal(run(&cast, open_of(&cast, 1, RICH, 1, 0)).code, CODE_BUSY);
    run_ok(&cast, open_of(&cast, OF, RICH, HELD, 0));
    run_ok(&cast, capture_of(&cast, 2, RICH, 1, OF));
    run_ok(&cast, release_of(&cast, 3, RICH, OF + 1));
    ledger_refuse_new(runner_ledger(cast.runner, 0), false);
    cast_close(&cast);
}

static void one_namespace_of_ids(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const char *rich = cast_id(&cast, 0, RICH);
    run_ok(&cast, world_withdraw(1, rich, 1, "KRW"));
    assert_int_equal(run(&cast, open_of(&cast, 1, RICH, 1, 0)).code, CODE_CONFLICT);
    run_ok(&cast, open_of(&cast, OF, RICH, HELD, 0));
    assert_int_equal(run(&cast, world_withdraw(OF, rich, HELD, "KRW")).code, CODE_CONFLICT);
    assert_int_equal(run(&cast, capture_of(&cast, OF, RICH, 1, OF)).code, CODE_CONFLICT);
    run_ok(&cast, capture_of(&cast, 2, RICH, 1, OF));
    assert_int_equal(run(&cast, open_of(&cast, 2, RICH, 1, 0)).code, CODE_CONFLICT);
    assert_int_equal(run(&cast, release_of(&cast, 3, RICH, 2)).code, CODE_HOLD_NOT_FOUND);
    struct ledger_command items[] = {world_withdraw(OF, rich, 1, "KRW")};
    struct ledger_command group = world_group(4, items, 1);
    assert_int_equal(world_run(cast.runner, &group)[1].code, CODE_CONFLICT);
    cast_close(&cast);
}

/* ---- time ------------------------------------------------------------------------------------------------ */

static void an_expiry_that_is_not_ahead_is_refused_and_not_remembered(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    int64_t now = runner_now(cast.runner);
    for (int64_t late = 0; late <= 1; late++) {
        struct ledger_row row = run(&cast, open_of(&cast, 1, RICH, 1, now - late));
        assert_int_equal(row.code, CODE_DEADLINE_EXCEEDED);
        assert_int_equal(row.field, FIELD_EXPIRES);
    }
    assert_int_equal(run(&cast, open_of(&cast, 1, MISSING, 1, now)).code, CODE_DEADLINE_EXCEEDED);
    run_ok(&cast, open_of(&cast, 1, RICH, 1, runner_now(cast.runner) + SECOND_US));
    cast_close(&cast);
}

/* Runs a command at a time of its own, whatever the runner's clock says. */
static struct ledger_row run_at(struct cast *cast, int64_t now_us, struct ledger_command command)
{
    runner_advance(cast->runner, now_us - runner_now(cast->runner));
    struct runner_request *request = runner_post(cast->runner, 0, &command, 1);
    runner_settle(cast->runner);
    return request->rows[0];
}

static void a_hold_is_good_until_the_microsecond_of_its_expiry(void **state)
{
    (void)state;
    for (int late = 0; late <= 1; late++) {
        struct cast cast;
        cast_open(&cast);
        int64_t expires = runner_now(cast.runner) + 10 * SECOND_US;
        run_ok(&cast, open_of(&cast, OF, RICH, HELD, expires));
        struct ledger_row row = run_at(&cast, expires - 1 + late, capture_of(&cast, 1, RICH, 0, OF));
        assert_int_equal(row.code, late ? CODE_HOLD_EXPIRED : CODE_OK);
        assert_int_equal(pending(&cast, RICH), 0);
        cast_close(&cast);
    }
}

/* What was held is there for the very command that comes at the time of the expiry. */
static void an_expiry_comes_before_every_command_of_its_time(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const char *rich = cast_id(&cast, 0, RICH);
    int64_t expires = runner_now(cast.runner) + 10 * SECOND_US;
    run_ok(&cast, open_of(&cast, OF, RICH, 10000, expires));
    assert_int_equal(ledger_due_us(runner_ledger(cast.runner, 0)), expires);
    assert_int_equal(run_at(&cast, expires - 1, world_withdraw(1, rich, 1, "KRW")).code,
                     CODE_INSUFFICIENT_FUNDS);
    assert_int_equal(run_at(&cast, expires, world_withdraw(2, rich, 10000, "KRW")).code, CODE_OK);
    assert_int_equal(ledger_due_us(runner_ledger(cast.runner, 0)), INT64_MAX);
    cast_close(&cast);
}

static void a_due_hold_ends_without_any_command(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    int64_t expires = runner_now(cast.runner) + 10 * SECOND_US;
    run_ok(&cast, open_of(&cast, OF, RICH, HELD, expires));
    ledger_expire(runner_ledger(cast.runner, 0), expires - 1);
    assert_int_equal(pending(&cast, RICH), HELD);
    ledger_expire(runner_ledger(cast.runner, 0), expires);
    assert_int_equal(pending(&cast, RICH), 0);
    cast_close(&cast);
}

static void more_due_holds_than_one_call_ends_are_expired_all_the_same(void **state)
{
    enum { MANY = 5000 };
    struct cast cast;
    (void)state;
    cast_open(&cast);
    struct ledger *ledger = runner_ledger(cast.runner, 0);
    int64_t expires = runner_now(cast.runner) + 1000 * SECOND_US;
    for (uint64_t i = 0; i < MANY; i++) {
        struct ledger_command opening = open_of(&cast, 1000 + i, RICH, 1, expires);
        (void)runner_post(cast.runner, 0, &opening, 1);
        if (i % 500 == 499)
            runner_settle(cast.runner); /* ids are on disk before there are too many */
    }
    assert_int_equal(pending(&cast, RICH), MANY);
    struct ledger_row row = run_at(&cast, expires, capture_of(&cast, 1, RICH, 1, 1000 + MANY - 1));
    assert_int_equal(row.code, CODE_HOLD_EXPIRED);
    while (ledger_due_us(ledger) <= expires)
        ledger_expire(ledger, expires);
    assert_int_equal(pending(&cast, RICH), 0);
    cast_close(&cast);
}

/* ---- lists ------------------------------------------------------------------------------------------------ */

static void a_list_goes_on_behind_the_last_whether_or_not_that_is_still_open(void **state)
{
    (void)state;
    for (int ends = 0; ends <= 1; ends++) {
        struct cast cast;
        struct ledger_hold_view views[4];
        size_t count;
        cast_open(&cast);
        struct ledger *ledger = runner_ledger(cast.runner, 0);
        struct str rich = str_from(cast_id(&cast, 0, RICH));
        for (uint64_t i = 0; i < 5; i++)
            run_ok(&cast, open_of(&cast, 60 + i, RICH, 10 + (int64_t)i, 0));
        struct ledger_hold_place place = {0};
        assert_int_equal(ledger_hold_list(ledger, runner_now(cast.runner), rich, &place, views, 2, &count),
                         CODE_OK);
        assert_int_equal(count, 2);
        assert_int_equal(views[1].amount, 11);
        place = (struct ledger_hold_place){views[1].slot, views[1].opened};
        if (ends) {
            run_ok(&cast, release_of(&cast, 1, RICH, 61));
            run_ok(&cast, open_of(&cast, 70, RICH, 99, 0)); /* takes the slot that became free */
        }
        assert_int_equal(ledger_hold_list(ledger, runner_now(cast.runner), rich, &place, views, 4, &count),
                         CODE_OK);
        assert_int_equal(count, 3 + ends);
        for (size_t i = 0; i < 3; i++)
            assert_int_equal(views[i].amount, 12 + (int64_t)i);
        assert_int_equal(views[3].amount == 99 && ends, ends);
        cast_close(&cast);
    }
}

/* ---- restarts ----------------------------------------------------------------------------------------------- */

static void a_hold_survives_a_restart_and_ends_at_its_time(void **state)
{
    (void)state;
    for (int how = RUNNER_STATE_KEPT; how <= RUNNER_STATE_STALE; how++) {
        struct cast cast;
        cast_open(&cast);
        int64_t expires = runner_now(cast.runner) + 100 * SECOND_US;
        run_ok(&cast, open_of(&cast, 60, RICH, 5, 0));
        run_ok(&cast, open_of(&cast, OF, RICH, HELD, expires));
        runner_snapshot(cast.runner, 0);
        run_ok(&cast, release_of(&cast, 61, RICH, 60));
        runner_crash(cast.runner, 0, (enum runner_state)how);
        assert_int_equal(pending(&cast, RICH), HELD);
        assert_int_equal(ledger_due_us(runner_ledger(cast.runner, 0)), expires);
        ledger_expire(runner_ledger(cast.runner, 0), expires);
        assert_int_equal(pending(&cast, RICH), 0);
        runner_advance(cast.runner, 100 * SECOND_US);
        assert_int_equal(run(&cast, capture_of(&cast, 1, RICH, 1, OF)).code, CODE_HOLD_EXPIRED);
        assert_int_equal(run(&cast, capture_of(&cast, 2, RICH, 1, 60)).code, CODE_HOLD_RELEASED);
        cast_close(&cast);
    }
}

/* Many holds come and go over a checkpoint that is written all the while; at any time a restart finds the same. */
static void every_restart_finds_the_holds_as_they_were(void **state)
{
    enum { ROUNDS = 40, OPEN_AT_ONCE = 7 };
    struct cast cast;
    (void)state;
    cast_open(&cast);
    for (uint64_t i = 0; i < ROUNDS; i++) {
        run_ok(&cast,
               open_of(&cast, 1000 + i, RICH, 1 + (int64_t)i % 5, runner_now(cast.runner) + 9 * SECOND_US));
        if (i >= OPEN_AT_ONCE) {
            struct ledger_command part = capture_of(&cast, 2000 + i, RICH, 1, 1000 + i - OPEN_AT_ONCE);
            part.flags = i % 2 ? COMMAND_KEEPS_REST : 0;
            (void)run(&cast, part);
        }
        if (i % 3 == 0)
            (void)run(&cast, release_of(&cast, 3000 + i, RICH, 1000 + i / 2));
        runner_advance(cast.runner, SECOND_US);
        struct uuid id = world_uuid(1000 + i);
        runner_flush(cast.runner, 0);
        runner_compare(cast.runner, 0, RUNNER_STATE_KEPT, &id, 1);
        runner_compare(cast.runner, 0, RUNNER_STATE_DELETED, &id, 1);
        if (i % 8 == 0)
            runner_snapshot(cast.runner, 0);
        runner_compare(cast.runner, 0, RUNNER_STATE_STALE, &id, 1);
    }
    cast_close(&cast);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_opening_has_its_answer),
        cmocka_unit_test(what_is_held_cannot_be_spent_or_held_again),
        cmocka_unit_test(each_step_has_its_answer),
        cmocka_unit_test(an_ended_hold_says_how_it_ended),
        cmocka_unit_test(what_is_kept_can_be_captured_again_until_nothing_is_left),
        cmocka_unit_test(part_of_the_payload_is_how_a_capture_was_said),
        cmocka_unit_test(a_refused_step_keeps_its_own_values_too),
        cmocka_unit_test(a_capture_tests_the_limit_as_it_is_now),
        cmocka_unit_test(a_frozen_account_lets_holds_end_but_not_begin_or_pay),
        cmocka_unit_test(an_account_with_a_hold_is_not_closed),
        cmocka_unit_test(a_nearly_full_disk_refuses_new_holds_and_lets_open_ones_end),
        cmocka_unit_test(one_namespace_of_ids),
        cmocka_unit_test(an_expiry_that_is_not_ahead_is_refused_and_not_remembered),
        cmocka_unit_test(a_hold_is_good_until_the_microsecond_of_its_expiry),
        cmocka_unit_test(an_expiry_comes_before_every_command_of_its_time),
        cmocka_unit_test(a_due_hold_ends_without_any_command),
        cmocka_unit_test(more_due_holds_than_one_call_ends_are_expired_all_the_same),
        cmocka_unit_test(a_list_goes_on_behind_the_last_whether_or_not_that_is_still_open),
        cmocka_unit_test(a_hold_survives_a_restart_and_ends_at_its_time),
        cmocka_unit_test(every_restart_finds_the_holds_as_they_were),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
