/* Manual deposits and withdrawals: every code of every step, and what a proposal moves and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "actors/ledger/fact.h"
#include "actors/ledger/shell/digest.h"
#include "tests/table/cast.h"

#define SECOND INT64_C(1000000)
#define DAY (24 * 3600 * SECOND)

static struct ledger *core(struct cast *cast)
{
    return runner_ledger(cast->runner, 0);
}

static struct ledger_proposal_command proposal_of(const struct cast *cast, uint64_t id, uint8_t kind,
                                                  enum role role, int64_t amount, const char *currency)
{
    return (struct ledger_proposal_command){
        .kind = kind,
        .currency = world_currency(currency),
        .id = world_uuid(id),
        .account = str_from(cast_id(cast, 0, role)),
        .amount = amount,
        .reason = STR_LITERAL("counted twice"),
        .operator_name = STR_LITERAL("ann"),
    };
}

static struct ledger_proposal_answer propose(struct cast *cast, const struct ledger_proposal_command *command)
{
    struct ledger_proposal_answer answer;
    ledger_propose(core(cast), runner_now(cast->runner), command, &answer);
    runner_settle(cast->runner);
    return answer;
}

static void opens(struct cast *cast, const struct ledger_proposal_command *command)
{
    assert_int_equal(propose(cast, command).code, CODE_OK);
}

static struct ledger_proposal_answer decide(struct cast *cast, uint64_t id, enum role role, bool approves,
                                            const char *operator_name)
{
    struct ledger_decision_command command = {
        .approves = approves,
        .account = str_from(cast_id(cast, 0, role)),
        .proposal = world_uuid(id),
        .operator_name = str_from(operator_name),
        .reason = STR_LITERAL("seen"),
    };
    struct ledger_proposal_answer answer;
    ledger_proposal_decide(core(cast), runner_now(cast->runner), &command, &answer);
    runner_settle(cast->runner);
    return answer;
}

static struct ledger_proposal_answer show(struct cast *cast, uint64_t id, enum role role)
{
    struct ledger_proposal_answer answer;
    struct uuid uuid = world_uuid(id);
    ledger_proposal_show(core(cast), runner_now(cast->runner), str_from(cast_id(cast, 0, role)), &uuid,
                         &answer);
    runner_settle(cast->runner);
    return answer;
}

static void is(struct ledger_proposal_answer answer, enum code code, enum field field)
{
    assert_string_equal(code_name(answer.code), code_name(code));
    assert_int_equal(answer.field, field);
}

static void nothing_moves_before_an_approval_and_then_just_what_was_proposed(void **state)
{
    static const struct {
        uint8_t kind;
        int64_t after;
    } rows[] = {{COMMAND_DEPOSIT, 10300}, {COMMAND_WITHDRAW, 9700}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cast cast;
        cast_open(&cast);
        struct ledger_proposal_command command = proposal_of(&cast, 1, rows[i].kind, RICH, 300, "KRW");
        int64_t now = runner_now(cast.runner);
        struct ledger_proposal_answer opened = propose(&cast, &command);
        is(opened, CODE_OK, FIELD_NONE);
        assert_int_equal(opened.view.state, PROPOSAL_PROPOSED);
        assert_int_equal(opened.view.kind, rows[i].kind);
        assert_int_equal(opened.view.amount, 300);
        assert_int_equal(opened.view.expires_us, now + DAY);
        assert_string_equal(opened.view.reason, "counted twice");
        assert_string_equal(opened.view.proposer, "ann");
        assert_string_equal(opened.view.decider, "");
        assert_int_equal(cast_changed(&cast), 0);
        struct ledger_proposal_answer approved = decide(&cast, 1, RICH, true, "bob");
        is(approved, CODE_OK, FIELD_NONE);
        assert_int_equal(approved.view.state, PROPOSAL_APPROVED);
        assert_int_equal(approved.view.balance, rows[i].after);
        assert_string_equal(approved.view.decider, "bob");
        assert_string_equal(approved.view.decided_reason, "seen");
        assert_string_equal(approved.view.reason, "counted twice");
        assert_int_equal(cast_balance(&cast, 0, RICH), rows[i].after);
        assert_int_equal(cast_changed(&cast), 1);
        cast_close(&cast);
    }
}

static void a_rejected_proposal_moves_nothing_ever(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    struct ledger_proposal_command command = proposal_of(&cast, 1, COMMAND_DEPOSIT, RICH, 300, "KRW");
    opens(&cast, &command);
    struct ledger_proposal_answer rejected = decide(&cast, 1, RICH, false, "bob");
    is(rejected, CODE_OK, FIELD_NONE);
    assert_int_equal(rejected.view.state, PROPOSAL_REJECTED);
    assert_int_equal(rejected.view.balance, 0);
    assert_string_equal(rejected.view.decider, "bob");
    is(decide(&cast, 1, RICH, true, "cay"), CODE_PROPOSAL_REJECTED, FIELD_PROPOSAL);
    assert_int_equal(cast_changed(&cast), 0);
    cast_close(&cast);
}

static void nobody_approves_what_he_proposed_but_may_reject_it(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    struct ledger_proposal_command command = proposal_of(&cast, 1, COMMAND_DEPOSIT, RICH, 300, "KRW");
    opens(&cast, &command);
    is(decide(&cast, 1, RICH, true, "ann"), CODE_SAME_OPERATOR, FIELD_OPERATOR);
    assert_int_equal(show(&cast, 1, RICH).view.state, PROPOSAL_PROPOSED);
    is(decide(&cast, 1, RICH, false, "ann"), CODE_OK, FIELD_NONE);
    assert_int_equal(cast_changed(&cast), 0);
    cast_close(&cast);
}

static void proposing_tests_id_time_account_currency_and_room_in_this_order(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    int64_t now = runner_now(cast.runner);
    struct ledger_proposal_command taken = proposal_of(&cast, 1, COMMAND_DEPOSIT, RICH, 300, "KRW");
    opens(&cast, &taken);
    ledger_refuse_new(core(&cast), true);
    struct ledger_proposal_command command = proposal_of(&cast, 1, COMMAND_DEPOSIT, MISSING, 300, "USD");
    command.expires_us = now;
    is(propose(&cast, &command), CODE_CONFLICT, FIELD_TRANSACTION_ID);
    command.id = world_uuid(2);
    is(propose(&cast, &command), CODE_DEADLINE_EXCEEDED, FIELD_EXPIRES);
    command.expires_us = now + DAY;
    is(propose(&cast, &command), CODE_ACCOUNT_NOT_FOUND, FIELD_ACCOUNT);
    command.account = str_from(cast_id(&cast, 1, RICH));
    is(propose(&cast, &command), CODE_WRONG_PARTITION, FIELD_ACCOUNT);
    command.account = str_from(cast_id(&cast, 0, RICH));
    is(propose(&cast, &command), CODE_CURRENCY_MISMATCH, FIELD_ACCOUNT);
    command.currency = world_currency("KRW");
    is(propose(&cast, &command), CODE_BUSY, FIELD_NONE);
    is(propose(&cast, &taken), CODE_OK, FIELD_NONE); /* a repeat needs no room */
    ledger_refuse_new(core(&cast), false);
    is(propose(&cast, &command), CODE_OK, FIELD_NONE);
    cast_close(&cast);
}

static void proposing_does_not_test_the_accounts_money_or_state(void **state)
{
    static const struct {
        uint8_t kind;
        enum role role;
        const char *currency;
    } rows[] = {
        {COMMAND_WITHDRAW, POOR, "KRW"},  {COMMAND_DEPOSIT, FROZEN, "KRW"},  {COMMAND_DEPOSIT, CLOSED, "KRW"},
        {COMMAND_DEPOSIT, CAPPED, "KRW"}, {COMMAND_DEPOSIT, BRIMFUL, "JPY"},
    };
    struct cast cast;
    (void)state;
    cast_open(&cast);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ledger_proposal_command command =
            proposal_of(&cast, i + 1, rows[i].kind, rows[i].role, 1000, rows[i].currency);
        is(propose(&cast, &command), CODE_OK, FIELD_NONE);
    }
    assert_int_equal(cast_changed(&cast), 0);
    cast_close(&cast);
}

static void a_refused_approval_says_why_and_leaves_the_proposal_open(void **state)
{
    static const struct {
        uint8_t kind;
        enum role role;
        int64_t amount;
        const char *currency;
        enum code code;
        enum field field;
    } rows[] = {
        {COMMAND_WITHDRAW, POOR, 1, "KRW", CODE_INSUFFICIENT_FUNDS, FIELD_ACCOUNT},
        {COMMAND_WITHDRAW, KEEPING, 51, "KRW", CODE_INSUFFICIENT_FUNDS, FIELD_ACCOUNT},
        {COMMAND_WITHDRAW, KEEPING, 50, "KRW", CODE_OK, FIELD_NONE},
        {COMMAND_WITHDRAW, OWING, 201, "KRW", CODE_INSUFFICIENT_FUNDS, FIELD_ACCOUNT},
        {COMMAND_WITHDRAW, FROZEN, 1, "KRW", CODE_ACCOUNT_FROZEN, FIELD_ACCOUNT},
        {COMMAND_DEPOSIT, FROZEN, 1, "KRW", CODE_ACCOUNT_FROZEN, FIELD_ACCOUNT},
        {COMMAND_WITHDRAW, CLOSED, 1, "KRW", CODE_ACCOUNT_CLOSED, FIELD_ACCOUNT},
        {COMMAND_DEPOSIT, CLOSED, 1, "KRW", CODE_ACCOUNT_CLOSED, FIELD_ACCOUNT},
        {COMMAND_DEPOSIT, CAPPED, 401, "KRW", CODE_CEILING_EXCEEDED, FIELD_ACCOUNT},
        {COMMAND_DEPOSIT, CAPPED, 400, "KRW", CODE_OK, FIELD_NONE},
        {COMMAND_DEPOSIT, BRIMFUL, 1, "JPY", CODE_BALANCE_OVERFLOW, FIELD_ACCOUNT},
        {COMMAND_DEPOSIT, YEN, 1, "JPY", CODE_BALANCE_OVERFLOW, FIELD_AMOUNT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct cast cast;
        cast_open(&cast);
        struct ledger_proposal_command command =
            proposal_of(&cast, 1, rows[i].kind, rows[i].role, rows[i].amount, rows[i].currency);
        opens(&cast, &command);
        is(decide(&cast, 1, rows[i].role, true, "bob"), rows[i].code, rows[i].field);
        bool moved = rows[i].code == CODE_OK;
        assert_int_equal(cast_changed(&cast), moved ? 1 : 0);
        assert_int_equal(show(&cast, 1, rows[i].role).view.state,
                         moved ? PROPOSAL_APPROVED : PROPOSAL_PROPOSED);
        cast_close(&cast);
    }
}

static void an_approval_that_was_refused_works_once_the_reason_is_gone(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    struct ledger_proposal_command command = proposal_of(&cast, 1, COMMAND_WITHDRAW, FROZEN, 400, "KRW");
    opens(&cast, &command);
    is(decide(&cast, 1, FROZEN, true, "bob"), CODE_ACCOUNT_FROZEN, FIELD_ACCOUNT);
    struct ledger_account_command thaw = world_account(ACCOUNT_UNFREEZE, cast_id(&cast, 0, FROZEN), "KRW");
    assert_int_equal(runner_account(cast.runner, &thaw).code, CODE_OK);
    is(decide(&cast, 1, FROZEN, true, "bob"), CODE_OK, FIELD_NONE);
    assert_int_equal(cast_balance(&cast, 0, FROZEN), 600);
    cast_close(&cast);
}

static void an_account_may_close_over_an_open_proposal_which_can_still_be_rejected(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    struct ledger_proposal_command command = proposal_of(&cast, 1, COMMAND_DEPOSIT, POOR, 400, "KRW");
    opens(&cast, &command);
    struct ledger_account_command close = world_account(ACCOUNT_CLOSE, cast_id(&cast, 0, POOR), "KRW");
    assert_int_equal(runner_account(cast.runner, &close).code, CODE_OK);
    is(decide(&cast, 1, POOR, true, "bob"), CODE_ACCOUNT_CLOSED, FIELD_ACCOUNT);
    is(decide(&cast, 1, POOR, false, "bob"), CODE_OK, FIELD_NONE);
    cast_close(&cast);
}

static void deciding_tests_account_proposal_end_person_and_room_in_this_order(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    struct ledger_proposal_command command = proposal_of(&cast, 1, COMMAND_WITHDRAW, POOR, 400, "KRW");
    opens(&cast, &command);
    ledger_refuse_new(core(&cast), true);
    is(decide(&cast, 9, MISSING, true, "ann"), CODE_ACCOUNT_NOT_FOUND, FIELD_ACCOUNT);
    is(decide(&cast, 9, POOR, true, "ann"), CODE_PROPOSAL_NOT_FOUND, FIELD_PROPOSAL);
    is(decide(&cast, 1, RICH, true, "ann"), CODE_PROPOSAL_NOT_FOUND, FIELD_PROPOSAL); /* another account's */
    is(decide(&cast, CAST_FIRST_FREE_ID + 1, RICH, true, "bob"), CODE_PROPOSAL_NOT_FOUND,
       FIELD_PROPOSAL); /* a deposit's id */
    is(decide(&cast, 1, POOR, true, "ann"), CODE_SAME_OPERATOR, FIELD_OPERATOR);
    is(decide(&cast, 1, POOR, true, "bob"), CODE_BUSY, FIELD_NONE);
    ledger_refuse_new(core(&cast), false);
    is(decide(&cast, 1, POOR, true, "bob"), CODE_INSUFFICIENT_FUNDS, FIELD_ACCOUNT);
    ledger_refuse_new(core(&cast), true);
    is(decide(&cast, 1, POOR, false, "bob"), CODE_OK, FIELD_NONE); /* rejecting frees room */
    is(decide(&cast, 1, POOR, true, "ann"), CODE_PROPOSAL_REJECTED, FIELD_PROPOSAL);
    cast_close(&cast);
}

static void the_same_decision_by_the_same_operator_is_ok_and_any_other_is_told_the_end(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    struct ledger_proposal_command one = proposal_of(&cast, 1, COMMAND_DEPOSIT, RICH, 300, "KRW");
    struct ledger_proposal_command two = proposal_of(&cast, 2, COMMAND_DEPOSIT, RICH, 300, "KRW");
    opens(&cast, &one);
    opens(&cast, &two);
    is(decide(&cast, 1, RICH, true, "bob"), CODE_OK, FIELD_NONE);
    is(decide(&cast, 2, RICH, false, "bob"), CODE_OK, FIELD_NONE);
    uint64_t position = ledger_position(core(&cast));
    is(decide(&cast, 1, RICH, true, "bob"), CODE_OK, FIELD_NONE);
    is(decide(&cast, 2, RICH, false, "bob"), CODE_OK, FIELD_NONE);
    is(decide(&cast, 1, RICH, true, "cay"), CODE_PROPOSAL_APPROVED, FIELD_PROPOSAL);
    is(decide(&cast, 1, RICH, true, "ann"), CODE_PROPOSAL_APPROVED, FIELD_PROPOSAL);
    is(decide(&cast, 1, RICH, false, "bob"), CODE_PROPOSAL_APPROVED, FIELD_PROPOSAL);
    is(decide(&cast, 2, RICH, false, "cay"), CODE_PROPOSAL_REJECTED, FIELD_PROPOSAL);
    is(decide(&cast, 2, RICH, true, "bob"), CODE_PROPOSAL_REJECTED, FIELD_PROPOSAL);
    assert_int_equal(ledger_position(core(&cast)), position); /* nothing was written */
    assert_int_equal(cast_balance(&cast, 0, RICH), 10300);
    cast_close(&cast);
}

static void a_repeated_proposal_is_shown_as_it_is_now_and_with_another_payload_is_a_conflict(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    struct ledger_proposal_command first = proposal_of(&cast, 1, COMMAND_DEPOSIT, RICH, 300, "KRW");
    first.expires_us = runner_now(cast.runner) + DAY / 2;
    first.rate = 5;
    opens(&cast, &first);
    struct ledger_proposal_command others[7] = {first, first, first, first, first, first, first};
    others[0].kind = COMMAND_WITHDRAW;
    others[1].account = str_from(cast_id(&cast, 0, POOR));
    others[2].amount = 301;
    others[3].expires_us++;
    others[4].reason = STR_LITERAL("counted once");
    others[5].operator_name = STR_LITERAL("anna");
    others[6].rate = 6;
    struct ledger_proposal_command without = first;
    without.expires_us = 0;
    for (int round = 0; round < 2; round++) {
        uint64_t position = ledger_position(core(&cast));
        for (size_t i = 0; i < 7; i++)
            is(propose(&cast, &others[i]), CODE_CONFLICT, FIELD_TRANSACTION_ID);
        struct ledger_proposal_answer again = propose(&cast, &first);
        is(again, CODE_OK, FIELD_NONE);
        assert_int_equal(again.view.state, round == 0 ? PROPOSAL_PROPOSED : PROPOSAL_APPROVED);
        is(propose(&cast, &without), CODE_OK, FIELD_NONE);
        assert_int_equal(ledger_position(core(&cast)), position); /* nothing was written */
        if (round == 0)
            is(decide(&cast, 1, RICH, true, "bob"), CODE_OK, FIELD_NONE);
    }
    cast_close(&cast);
}

static void a_proposal_and_money_commands_share_their_ids(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const char *rich = cast_id(&cast, 0, RICH);
    struct ledger_proposal_command command = proposal_of(&cast, 1, COMMAND_DEPOSIT, RICH, 300, "KRW");
    opens(&cast, &command);
    struct ledger_command deposit = world_deposit(1, rich, 300, "KRW");
    deposit.memo = command.reason;
    struct ledger_command item = world_deposit(3, rich, 300, "KRW");
    struct ledger_command group = world_group(1, &item, 1), around = world_group(4, &deposit, 1);
    struct ledger_account_command open = world_account(ACCOUNT_OPEN, cast_id(&cast, 0, MISSING), "KRW");
    open.id = world_uuid(1);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(world_run(cast.runner, &deposit)[0].code, CODE_CONFLICT);
        assert_int_equal(world_run(cast.runner, &group)[0].code, CODE_CONFLICT);
        assert_int_equal(world_run(cast.runner, &around)[1].code, CODE_CONFLICT);
        assert_int_equal(runner_account(cast.runner, &open).code, CODE_CONFLICT);
        if (round == 0)
            is(decide(&cast, 1, RICH, true, "bob"), CODE_OK, FIELD_NONE);
    }
    assert_int_equal(world_run(cast.runner, &item)[0].code, CODE_OK);
    command.id = world_uuid(3);
    is(propose(&cast, &command), CODE_CONFLICT, FIELD_TRANSACTION_ID);
    assert_int_equal(cast_balance(&cast, 0, RICH), 10600);
    cast_close(&cast);
}

static void the_id_of_an_item_of_an_open_group_is_not_a_proposals(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const struct ledger_command items[] = {
        world_transfer(6, cast_id(&cast, 0, RICH), cast_id(&cast, 1, POOR), 5, "KRW"),
        world_transfer(7, cast_id(&cast, 1, RICH), cast_id(&cast, 0, POOR), 5, "KRW")};
    struct ledger_command group = world_group(5, items, 2);
    runner_post(cast.runner, 0, &group, 1);
    struct ledger_proposal_command command = proposal_of(&cast, 7, COMMAND_DEPOSIT, RICH, 300, "KRW");
    is(propose(&cast, &command), CODE_CONFLICT, FIELD_TRANSACTION_ID);
    cast_close(&cast);
}

static void a_proposal_expires_at_its_microsecond_and_not_before(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    struct ledger_proposal_command command = proposal_of(&cast, 1, COMMAND_DEPOSIT, RICH, 300, "KRW");
    struct ledger_proposal_command other = proposal_of(&cast, 2, COMMAND_DEPOSIT, RICH, 300, "KRW");
    int64_t expires = runner_now(cast.runner) + 10 * SECOND;
    command.expires_us = other.expires_us = expires;
    opens(&cast, &command);
    opens(&cast, &other);
    struct ledger_decision_command approval = {
        .approves = true,
        .account = command.account,
        .proposal = command.id,
        .operator_name = STR_LITERAL("bob"),
    };
    struct ledger_proposal_answer answer;
    ledger_proposal_decide(core(&cast), expires - 1, &approval, &answer);
    is(answer, CODE_OK, FIELD_NONE);
    approval.proposal = other.id;
    ledger_proposal_decide(core(&cast), expires, &approval, &answer);
    is(answer, CODE_PROPOSAL_EXPIRED, FIELD_PROPOSAL);
    runner_advance(cast.runner, 10 * SECOND);
    is(decide(&cast, 2, RICH, false, "ann"), CODE_PROPOSAL_EXPIRED, FIELD_PROPOSAL);
    struct ledger_proposal_answer seen = show(&cast, 2, RICH);
    assert_int_equal(seen.view.state, PROPOSAL_EXPIRED);
    assert_string_equal(seen.view.decider, "");
    assert_int_equal(cast_balance(&cast, 0, RICH), 10300);
    cast_close(&cast);
}

static void any_command_finds_what_is_due_expired_already(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    for (uint64_t i = 1; i <= 3; i++) {
        struct ledger_proposal_command command = proposal_of(&cast, i, COMMAND_DEPOSIT, RICH, 300, "KRW");
        command.expires_us = runner_now(cast.runner) + (int64_t)i * 10 * SECOND;
        opens(&cast, &command);
    }
    runner_advance(cast.runner, 20 * SECOND);
    struct ledger_command deposit = world_deposit(100, cast_id(&cast, 0, POOR), 1, "KRW");
    assert_int_equal(world_run(cast.runner, &deposit)[0].code, CODE_OK);
    struct ledger_stats stats;
    ledger_stats(core(&cast), &stats);
    assert_int_equal(stats.proposals_open, 1);
    assert_int_equal(show(&cast, 1, RICH).view.state, PROPOSAL_EXPIRED);
    assert_int_equal(show(&cast, 2, RICH).view.state, PROPOSAL_EXPIRED);
    assert_int_equal(show(&cast, 3, RICH).view.state, PROPOSAL_PROPOSED);
    cast_close(&cast);
}

static void open_proposals_are_listed_in_order_of_opening_page_by_page(void **state)
{
    struct cast cast;
    struct ledger_proposal_view views[4];
    (void)state;
    cast_open(&cast);
    for (uint64_t i = 1; i <= 6; i++) {
        struct ledger_proposal_command command =
            proposal_of(&cast, i, COMMAND_DEPOSIT, i % 2 ? RICH : POOR, (int64_t)i, "KRW");
        opens(&cast, &command);
    }
    is(decide(&cast, 3, RICH, false, "bob"), CODE_OK, FIELD_NONE);
    struct ledger_proposal_command seventh = proposal_of(&cast, 7, COMMAND_DEPOSIT, RICH, 7, "KRW");
    opens(&cast, &seventh); /* in the place of the third in memory, behind the sixth in the list */
    int64_t now = runner_now(cast.runner);
    static const int64_t first[] = {1, 2, 4, 5}, second[] = {6, 7};
    assert_int_equal(ledger_proposal_list(core(&cast), now, 0, views, 4), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(views[i].amount, first[i]);
    assert_int_equal(ledger_proposal_list(core(&cast), now, views[3].position, views, 4), 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(views[i].amount, second[i]);
    cast_close(&cast);
}

static void so_many_proposals_are_open_and_no_more_until_one_ends(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    for (uint64_t i = 1; i <= LEDGER_PROPOSALS_MAX; i++) {
        struct ledger_proposal_command command = proposal_of(&cast, i, COMMAND_DEPOSIT, RICH, 300, "KRW");
        struct ledger_proposal_answer answer;
        ledger_propose(core(&cast), runner_now(cast.runner), &command, &answer);
        assert_int_equal(answer.code, CODE_OK);
    }
    struct ledger_proposal_command more =
        proposal_of(&cast, LEDGER_PROPOSALS_MAX + 1, COMMAND_DEPOSIT, RICH, 300, "KRW");
    is(propose(&cast, &more), CODE_BUSY, FIELD_NONE);
    is(decide(&cast, 77, RICH, false, "bob"), CODE_OK, FIELD_NONE);
    is(propose(&cast, &more), CODE_OK, FIELD_NONE);
    runner_advance(cast.runner, 2 * DAY);
    struct ledger_stats stats = {.proposals_open = 1};
    while (stats.proposals_open > 0) { /* as many at once as there is room for ids */
        assert_int_equal(show(&cast, LEDGER_PROPOSALS_MAX + 1, RICH).view.state, PROPOSAL_EXPIRED);
        ledger_stats(core(&cast), &stats);
    }
    cast_close(&cast);
}

static void a_proposal_outlives_the_memory_of_ids_and_its_id_stays_taken(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    int64_t retention = ledger_config_default().id_retention_us;
    struct ledger_proposal_command command = proposal_of(&cast, 1, COMMAND_DEPOSIT, RICH, 300, "KRW");
    command.expires_us = runner_now(cast.runner) + 3 * retention;
    opens(&cast, &command);
    runner_advance(cast.runner, 2 * retention);
    struct ledger_command deposit = world_deposit(1, cast_id(&cast, 0, RICH), 300, "KRW");
    assert_int_equal(world_run(cast.runner, &deposit)[0].code, CODE_CONFLICT);
    is(propose(&cast, &command), CODE_OK, FIELD_NONE);
    is(decide(&cast, 1, RICH, true, "bob"), CODE_OK, FIELD_NONE);
    assert_int_equal(show(&cast, 1, RICH).view.state, PROPOSAL_APPROVED);
    cast_close(&cast);
}

static void the_id_of_a_hold_is_not_a_proposals_even_when_the_memory_of_ids_has_lost_it(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    struct ledger_command hold = world_withdraw(7, cast_id(&cast, 0, RICH), 100, "KRW");
    hold.kind = COMMAND_HOLD;
    assert_int_equal(world_run(cast.runner, &hold)[0].code, CODE_OK);
    struct ledger_proposal_command command = proposal_of(&cast, 7, COMMAND_DEPOSIT, RICH, 300, "KRW");
    is(propose(&cast, &command), CODE_CONFLICT, FIELD_TRANSACTION_ID);
    runner_advance(cast.runner, 2 * ledger_config_default().id_retention_us);
    is(propose(&cast, &command), CODE_CONFLICT, FIELD_TRANSACTION_ID);
    command.id = world_uuid(8);
    opens(&cast, &command);
    hold.id = command.id;
    assert_int_equal(world_run(cast.runner, &hold)[0].code, CODE_CONFLICT);
    cast_close(&cast);
}

static void an_account_with_a_book_value_takes_a_deposit_at_the_rate_that_was_proposed(void **state)
{
    struct cast cast;
    (void)state;
    cast_open(&cast);
    const char *id = cast_id(&cast, 0, MISSING);
    struct ledger_account_command open = world_account(ACCOUNT_OPEN, id, "USD");
    open.has_book = true;
    assert_int_equal(runner_account(cast.runner, &open).code, CODE_OK);
    struct ledger_proposal_command command = proposal_of(&cast, 1, COMMAND_DEPOSIT, MISSING, 1000, "USD");
    is(propose(&cast, &command), CODE_RATE_REQUIRED, FIELD_RATE);
    command.rate = INT64_C(13502500000000); /* 1350.25 */
    opens(&cast, &command);
    is(decide(&cast, 1, MISSING, true, "bob"), CODE_OK, FIELD_NONE);
    assert_int_equal(world_view(cast.runner, id).book_value, 13502); /* 13502.5, half to even */
    struct ledger_proposal_command pays = proposal_of(&cast, 2, COMMAND_WITHDRAW, MISSING, 1000, "USD");
    opens(&cast, &pays); /* without a rate it is worth its cost */
    is(decide(&cast, 2, MISSING, true, "bob"), CODE_OK, FIELD_NONE);
    assert_int_equal(world_view(cast.runner, id).book_value, 0);
    command.id = world_uuid(3);
    command.amount = MONEY_MAX;
    command.rate = INT64_C(1000000000000000000);
    opens(&cast, &command);
    is(decide(&cast, 3, MISSING, true, "bob"), CODE_BALANCE_OVERFLOW, FIELD_RATE);
    assert_int_equal(show(&cast, 3, MISSING).view.state, PROPOSAL_PROPOSED);
    assert_int_equal(world_view(cast.runner, id).balance, 0);
    cast_close(&cast);
}

static void digest_of(struct cast *cast, char out[DIGEST_TEXT_SIZE])
{
    struct digest digest = {0};
    digest_add_ledger(&digest, core(cast));
    digest_text(&digest, out);
}

static void the_digest_tells_what_is_open(void **state)
{
    struct cast cast;
    char before[DIGEST_TEXT_SIZE], open[DIGEST_TEXT_SIZE], after[DIGEST_TEXT_SIZE];
    (void)state;
    cast_open(&cast);
    struct ledger_proposal_command command = proposal_of(&cast, 1, COMMAND_DEPOSIT, RICH, 300, "KRW");
    digest_of(&cast, before);
    opens(&cast, &command);
    digest_of(&cast, open);
    is(decide(&cast, 1, RICH, false, "bob"), CODE_OK, FIELD_NONE);
    digest_of(&cast, after);
    assert_string_not_equal(before, open);
    assert_string_equal(before, after);
    cast_close(&cast);
}

static void proposals_come_back_from_a_restart_in_every_state(void **state)
{
    static const enum runner_state states[] = {RUNNER_STATE_KEPT, RUNNER_STATE_DELETED, RUNNER_STATE_STALE};
    (void)state;
    for (size_t s = 0; s < 3; s++) {
        struct cast cast;
        struct uuid ids[5];
        cast_open(&cast);
        for (uint64_t i = 1; i <= 4; i++) {
            struct ledger_proposal_command command = proposal_of(&cast, i, COMMAND_DEPOSIT, RICH, 300, "KRW");
            command.expires_us = i == 3 ? runner_now(cast.runner) + SECOND : 0;
            opens(&cast, &command);
            ids[i - 1] = command.id;
            runner_snapshot(cast.runner, 0);
        }
        is(decide(&cast, 1, RICH, true, "bob"), CODE_OK, FIELD_NONE);
        is(decide(&cast, 2, RICH, false, "bob"), CODE_OK, FIELD_NONE);
        runner_advance(cast.runner, SECOND);
        ids[4] = world_uuid(99);
        assert_int_equal(show(&cast, 3, RICH).view.state, PROPOSAL_EXPIRED);
        runner_flush(cast.runner, 0);
        runner_compare(cast.runner, 0, states[s], ids, 5);
        runner_crash(cast.runner, 0, states[s]);
        assert_int_equal(show(&cast, 1, RICH).view.state, PROPOSAL_APPROVED);
        assert_int_equal(show(&cast, 2, RICH).view.state, PROPOSAL_REJECTED);
        assert_int_equal(show(&cast, 3, RICH).view.state, PROPOSAL_EXPIRED);
        is(decide(&cast, 4, RICH, true, "bob"), CODE_OK, FIELD_NONE);
        assert_int_equal(cast_balance(&cast, 0, RICH), 10600);
        cast_close(&cast);
    }
}

static void without_memory_a_step_is_busy_and_nothing_has_changed(void **state)
{
    (void)state;
    for (unsigned step = 0; step < 3; step++) {
        for (uint64_t failing = 0; failing < 4; failing++) {
            struct cast cast;
            cast_open(&cast);
            struct ledger_proposal_command command = proposal_of(&cast, 1, COMMAND_DEPOSIT, RICH, 300, "KRW");
            if (step > 0)
                opens(&cast, &command);
            uint64_t position = ledger_position(core(&cast));
            counting_mem_fail(runner_mem(cast.runner), failing + 1, 1000);
            struct ledger_proposal_answer answer;
            struct ledger_decision_command decision = {
                .approves = step == 1,
                .account = command.account,
                .proposal = command.id,
                .operator_name = STR_LITERAL("bob"),
            };
            if (step == 0)
                ledger_propose(core(&cast), runner_now(cast.runner), &command, &answer);
            else
                ledger_proposal_decide(core(&cast), runner_now(cast.runner), &decision, &answer);
            counting_mem_fail(runner_mem(cast.runner), 0, 0);
            assert_true(answer.code == CODE_OK || answer.code == CODE_BUSY);
            if (answer.code == CODE_BUSY)
                assert_int_equal(ledger_position(core(&cast)), position);
            bool moved = step == 1 && answer.code == CODE_OK;
            assert_int_equal(cast_changed(&cast), moved ? 1 : 0);
            cast_close(&cast);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_moves_before_an_approval_and_then_just_what_was_proposed),
        cmocka_unit_test(a_rejected_proposal_moves_nothing_ever),
        cmocka_unit_test(nobody_approves_what_he_proposed_but_may_reject_it),
        cmocka_unit_test(proposing_tests_id_time_account_currency_and_room_in_this_order),
        cmocka_unit_test(proposing_does_not_test_the_accounts_money_or_state),
        cmocka_unit_test(a_refused_approval_says_why_and_leaves_the_proposal_open),
        cmocka_unit_test(an_approval_that_was_refused_works_once_the_reason_is_gone),
        cmocka_unit_test(an_account_may_close_over_an_open_proposal_which_can_still_be_rejected),
        cmocka_unit_test(deciding_tests_account_proposal_end_person_and_room_in_this_order),
        cmocka_unit_test(the_same_decision_by_the_same_operator_is_ok_and_any_other_is_told_the_end),
        cmocka_unit_test(a_repeated_proposal_is_shown_as_it_is_now_and_with_another_payload_is_a_conflict),
        cmocka_unit_test(a_proposal_and_money_commands_share_their_ids),
        cmocka_unit_test(the_id_of_an_item_of_an_open_group_is_not_a_proposals),
        cmocka_unit_test(a_proposal_expires_at_its_microsecond_and_not_before),
        cmocka_unit_test(any_command_finds_what_is_due_expired_already),
        cmocka_unit_test(open_proposals_are_listed_in_order_of_opening_page_by_page),
        cmocka_unit_test(so_many_proposals_are_open_and_no_more_until_one_ends),
        cmocka_unit_test(a_proposal_outlives_the_memory_of_ids_and_its_id_stays_taken),
        cmocka_unit_test(the_id_of_a_hold_is_not_a_proposals_even_when_the_memory_of_ids_has_lost_it),
        cmocka_unit_test(an_account_with_a_book_value_takes_a_deposit_at_the_rate_that_was_proposed),
        cmocka_unit_test(the_digest_tells_what_is_open),
        cmocka_unit_test(proposals_come_back_from_a_restart_in_every_state),
        cmocka_unit_test(without_memory_a_step_is_busy_and_nothing_has_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
