/* Remittances: each state and each event, every code of every step and their order, and what moves when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "actors/ledger/fact.h"
#include "actors/ledger/remittance_states.h"
#include "tests/table/remittance_stage.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define DAY (INT64_C(24) * 60 * MINUTE)

static void a_remittance_that_meets_no_trouble_takes_seven_facts_and_two_calls(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    struct ledger_remit_command command = stage_remit_of(&stage, 1, RICH);
    int64_t at = stage_now(&stage);
    struct ledger_remittance_answer answer = stage_remit(&stage, &command);
    stage_expect(answer, CODE_OK, FIELD_NONE);
    assert_string_equal(stage_state_name(answer.view.state), "PULLING");
    assert_string_equal(answer.view.bank, "kftc");
    assert_int_equal(answer.view.requested_us, at);
    assert_int_equal(stage.heard.calls, 1);
    assert_int_equal(stage.heard.call.number, 1);
    assert_int_equal(stage.heard.call.step, BANK_PULL);
    assert_int_equal(stage.heard.call.amount, STAGE_AMOUNT);
    assert_int_equal(stage.heard.call.called_us, at);
    assert_string_equal(stage.heard.call.payer, "123456789012345678901234");
    assert_string_equal(stage.heard.call.memo, "rent");
    runner_advance(stage.cast.runner, SECOND);
    stage_reports(&stage, 1, 1, BANK_SUCCEEDED);
    stage_stands(&stage, 1, RICH, REMITTANCE_PUSHING);
    assert_int_equal(stage_house(&stage, "house:bank:KRW:0"), -STAGE_AMOUNT);
    assert_int_equal(stage_house(&stage, "house:remittance:KRW:0"), STAGE_AMOUNT);
    assert_int_equal(stage.heard.calls, 2);
    assert_int_equal(stage.heard.call.number, 2);
    assert_int_equal(stage.heard.call.step, BANK_PUSH);
    assert_int_equal(stage.heard.acks, 1);
    stage_reports(&stage, 1, 2, BANK_SUCCEEDED);
    stage_stands(&stage, 1, RICH, REMITTANCE_COMPLETED);
    assert_int_equal(stage.heard.acks, 2);
    assert_int_equal(stage.heard.alarms, 0);
    assert_int_equal(stage_house(&stage, "house:bank:KRW:0"), 0);
    assert_int_equal(stage_house(&stage, "house:remittance:KRW:0"), 0);
    assert_int_equal(cast_changed(&stage.cast), 0);
    struct ledger_remittance_entry entries[8];
    uint64_t last = stage_show(&stage, 1, RICH).view.last_position;
    assert_int_equal(ledger_remittance_trail(stage_core(&stage), last, entries, 8), 7);
    assert_string_equal(stage_state_name(entries[0].state), "COMPLETED");
    assert_string_equal(entries[0].bank_reference, "B2");
    assert_string_equal(stage_state_name(entries[6].state), "REQUESTED");
    stage_close(&stage);
}

static void a_pull_that_is_refused_is_tried_three_times_in_four_rounds_and_has_failed(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    struct ledger_remit_command command = stage_remit_of(&stage, 1, RICH);
    stage_expect(stage_remit(&stage, &command), CODE_OK, FIELD_NONE);
    uint32_t number = 1;
    for (int round = 0; round <= 3; round++) {
        for (int try = 1; try <= 3; try++, number++) {
            struct ledger_remittance_answer answer = stage_show(&stage, 1, RICH);
            assert_int_equal(answer.view.tries, try);
            assert_int_equal(answer.view.rounds, round);
            assert_int_equal(stage.heard.calls, number);
            stage_reports(&stage, 1, number, BANK_FAILED);
            if (try < 3)
                stage_stands(&stage, 1, RICH, REMITTANCE_PULL_WAITING);
            else
                stage_stands(&stage, 1, RICH, round < 3 ? REMITTANCE_PULL_FAILED : REMITTANCE_FAILED);
            stage_advance(&stage, try < 3 ? 10 * SECOND : 10 * MINUTE);
        }
    }
    assert_int_equal(stage.heard.calls, 12);
    assert_int_equal(stage.heard.alarms, 2);
    assert_true(stage.heard.alarm.is_over);
    stage_close(&stage);
}

/* ---- scenes: how a remittance gets into each state -------------------------------------------------------- */

enum scene {
    PULLING,
    PULL_UNKNOWN,
    PULL_WAITING,
    PULL_FAILED,
    DEPOSIT_WAITING,
    DEPOSIT_FAILED,
    DEPOSIT_DEAD,
    WITHDRAWAL_WAITING,
    WITHDRAWAL_FAILED,
    WITHDRAWAL_DEAD,
    PUSHING,
    PUSH_UNKNOWN,
    PUSH_WAITING,
    PUSH_FAILED,
    PUSH_DEAD,
    REFUNDING,
    REFUND_UNKNOWN,
    REFUND_WAITING,
    REFUND_FAILED,
    REFUND_DEAD,
    COMPLETED,
    REFUNDED,
    FAILED,
    CANCELLED,
    RESOLVED,
    SCENES
};

/* Refused deposits need a frozen account, refused withdrawals one that may not give so much. */
static enum role role_of(enum scene scene)
{
    return scene >= DEPOSIT_WAITING && scene <= DEPOSIT_DEAD ? FROZEN : RICH;
}

static void refused_for_good(struct stage *stage, uint32_t number)
{
    struct bank_report report = stage_report_of(1, number, BANK_FAILED);
    report.is_permanent = true;
    stage_report(stage, &report);
}

/* The tries of a round: calls from `number` on. */
static void refused_for_a_round(struct stage *stage, uint32_t number)
{
    for (uint32_t i = 0; i < 3; i++) {
        if (i > 0)
            stage_advance(stage, 10 * SECOND);
        stage_reports(stage, 1, number + i, BANK_FAILED);
    }
}

static void minimum_set(struct stage *stage, enum role role, int64_t minimum)
{
    struct ledger_account_command command =
        world_account(ACCOUNT_CHANGE, cast_id(&stage->cast, 0, role), "KRW");
    command.sets = ACCOUNT_SETS_MINIMUM;
    command.minimum_balance = minimum;
    assert_int_equal(runner_account(stage->cast.runner, &command).code, CODE_OK);
    stage_settle(stage);
}

static struct ledger_remittance_answer acts(struct stage *stage, enum role role, uint8_t action,
                                            uint8_t money, uint8_t outcome)
{
    struct ledger_remittance_command command = {
        .action = action,
        .money = money,
        .outcome = outcome,
        .call = stage_show(stage, 1, role).view.calls,
        .account = str_from(cast_id(&stage->cast, 0, role)),
        .remittance = world_uuid(1),
        .operator_name = STR_LITERAL("ann"),
        .reason = STR_LITERAL("by telephone"),
    };
    struct ledger_remittance_answer answer;
    ledger_remittance_act(stage_core(stage), stage_now(stage), &command, &answer);
    stage_settle(stage);
    return answer;
}

/* Rounds go by, each with its tries, until the remittance is given up. */
static void posting_is_given_up(struct stage *stage)
{
    for (int round = 0; round < 4; round++) {
        stage_advance(stage, 10 * SECOND);
        stage_advance(stage, 10 * SECOND);
        stage_advance(stage, 10 * MINUTE);
    }
}

static void enter_posting(struct stage *stage, enum scene scene)
{
    if (scene >= WITHDRAWAL_WAITING)
        minimum_set(stage, RICH, 10100);
    stage_reports(stage, 1, 1, BANK_SUCCEEDED);
    if (scene == DEPOSIT_DEAD || scene == WITHDRAWAL_DEAD) {
        posting_is_given_up(stage);
    } else if (scene == DEPOSIT_FAILED || scene == WITHDRAWAL_FAILED) {
        stage_advance(stage, 10 * SECOND);
        stage_advance(stage, 10 * SECOND);
    }
}

static void enter_pull(struct stage *stage, enum scene scene)
{
    if (scene == PULL_UNKNOWN)
        stage_reports(stage, 1, 1, BANK_UNKNOWN);
    else if (scene == PULL_WAITING || scene == CANCELLED)
        stage_reports(stage, 1, 1, BANK_FAILED);
    else if (scene == PULL_FAILED)
        refused_for_a_round(stage, 1);
    else if (scene == FAILED)
        refused_for_good(stage, 1);
    if (scene == CANCELLED)
        stage_expect(acts(stage, RICH, REMITTANCE_CANCEL, 0, 0), CODE_OK, FIELD_NONE);
}

static void enter_push(struct stage *stage, enum scene scene)
{
    stage_reports(stage, 1, 1, BANK_SUCCEEDED);
    if (scene == PUSH_UNKNOWN)
        stage_reports(stage, 1, 2, BANK_UNKNOWN);
    else if (scene == PUSH_WAITING)
        stage_reports(stage, 1, 2, BANK_FAILED);
    else if (scene == PUSH_FAILED || scene == RESOLVED)
        refused_for_a_round(stage, 2);
    else if (scene == COMPLETED)
        stage_reports(stage, 1, 2, BANK_SUCCEEDED);
    else if (scene != PUSHING)
        refused_for_good(stage, 2);
    if (scene == RESOLVED)
        stage_expect(acts(stage, RICH, REMITTANCE_RESOLVE, REMITTANCE_MONEY_TO_BANK, 0), CODE_OK, FIELD_NONE);
}

static void enter_refund(struct stage *stage, enum scene scene)
{
    enter_push(stage, scene);
    if (scene == REFUND_UNKNOWN)
        stage_reports(stage, 1, 3, BANK_UNKNOWN);
    else if (scene == REFUND_WAITING)
        stage_reports(stage, 1, 3, BANK_FAILED);
    else if (scene == REFUND_FAILED)
        refused_for_a_round(stage, 3);
    else if (scene == REFUND_DEAD)
        refused_for_good(stage, 3);
    else if (scene == REFUNDED)
        stage_reports(stage, 1, 3, BANK_SUCCEEDED);
}

static const struct {
    const char *state;
    uint8_t step;
    uint32_t calls;
} scenes[SCENES] = {
    [PULLING] = {"PULLING", REMITTANCE_STEP_PULL, 1},
    [PULL_UNKNOWN] = {"PULL_UNKNOWN", REMITTANCE_STEP_PULL, 1},
    [PULL_WAITING] = {"PULL_WAITING", REMITTANCE_STEP_PULL, 1},
    [PULL_FAILED] = {"PULL_FAILED", REMITTANCE_STEP_PULL, 3},
    [DEPOSIT_WAITING] = {"DEPOSIT_WAITING", REMITTANCE_STEP_DEPOSIT, 1},
    [DEPOSIT_FAILED] = {"DEPOSIT_FAILED", REMITTANCE_STEP_DEPOSIT, 1},
    [DEPOSIT_DEAD] = {"DEAD_LETTER", REMITTANCE_STEP_DEPOSIT, 1},
    [WITHDRAWAL_WAITING] = {"WITHDRAWAL_WAITING", REMITTANCE_STEP_WITHDRAWAL, 1},
    [WITHDRAWAL_FAILED] = {"WITHDRAWAL_FAILED", REMITTANCE_STEP_WITHDRAWAL, 1},
    [WITHDRAWAL_DEAD] = {"DEAD_LETTER", REMITTANCE_STEP_WITHDRAWAL, 1},
    [PUSHING] = {"PUSHING", REMITTANCE_STEP_PUSH, 2},
    [PUSH_UNKNOWN] = {"PUSH_UNKNOWN", REMITTANCE_STEP_PUSH, 2},
    [PUSH_WAITING] = {"PUSH_WAITING", REMITTANCE_STEP_PUSH, 2},
    [PUSH_FAILED] = {"PUSH_FAILED", REMITTANCE_STEP_PUSH, 4},
    [PUSH_DEAD] = {"DEAD_LETTER", REMITTANCE_STEP_PUSH, 2},
    [REFUNDING] = {"REFUNDING", REMITTANCE_STEP_REFUND, 3},
    [REFUND_UNKNOWN] = {"REFUND_UNKNOWN", REMITTANCE_STEP_REFUND, 3},
    [REFUND_WAITING] = {"REFUND_WAITING", REMITTANCE_STEP_REFUND, 3},
    [REFUND_FAILED] = {"REFUND_FAILED", REMITTANCE_STEP_REFUND, 5},
    [REFUND_DEAD] = {"DEAD_LETTER", REMITTANCE_STEP_REFUND, 3},
    [COMPLETED] = {"COMPLETED", REMITTANCE_STEP_PUSH, 2},
    [REFUNDED] = {"REFUNDED", REMITTANCE_STEP_REFUND, 3},
    [FAILED] = {"FAILED", REMITTANCE_STEP_PULL, 1},
    [CANCELLED] = {"CANCELLED", REMITTANCE_STEP_PULL, 1},
    [RESOLVED] = {"RESOLVED", REMITTANCE_STEP_PUSH, 4},
};

static void enter(struct stage *stage, enum scene scene)
{
    struct ledger_remit_command command = stage_remit_of(stage, 1, role_of(scene));
    command.operator_refunds = scene == DEPOSIT_DEAD || scene == PUSH_DEAD;
    stage_expect(stage_remit(stage, &command), CODE_OK, FIELD_NONE);
    if (scene <= PULL_FAILED || scene == FAILED || scene == CANCELLED)
        enter_pull(stage, scene);
    else if (scene <= WITHDRAWAL_DEAD)
        enter_posting(stage, scene);
    else if (scene <= PUSH_DEAD || scene == COMPLETED || scene == RESOLVED)
        enter_push(stage, scene);
    else
        enter_refund(stage, scene);
    struct ledger_remittance_view view = stage_show(stage, 1, role_of(scene)).view;
    assert_string_equal(stage_state_name(view.state), scenes[scene].state);
    assert_int_equal(view.step, scenes[scene].step);
    assert_int_equal(view.calls, scenes[scene].calls);
}

/* ---- each state and each event ----------------------------------------------------------------------------- */

enum event {
    RETRIED,
    REFUND_ASKED,
    CANCEL_ASKED,
    RESOLVED_STAYS,
    RESOLVED_ACCOUNT,
    RESOLVED_BANK,
    SETTLED_PAID,
    SETTLED_NOT_PAID,
    SAID_UNKNOWN,
    SAID_NO,
    SAID_NO_FOR_GOOD,
    SAID_YES,
    TIME_PASSES,
    EVENTS
};

static struct ledger_remittance_answer happens(struct stage *stage, enum scene scene, enum event event)
{
    enum role role = role_of(scene);
    uint32_t number = scenes[scene].calls;
    switch (event) {
    case RETRIED:
        return acts(stage, role, REMITTANCE_RETRY, 0, 0);
    case REFUND_ASKED:
        return acts(stage, role, REMITTANCE_REFUND, 0, 0);
    case CANCEL_ASKED:
        return acts(stage, role, REMITTANCE_CANCEL, 0, 0);
    case RESOLVED_STAYS:
        return acts(stage, role, REMITTANCE_RESOLVE, REMITTANCE_MONEY_STAYS, 0);
    case RESOLVED_ACCOUNT:
        return acts(stage, role, REMITTANCE_RESOLVE, REMITTANCE_MONEY_TO_ACCOUNT, 0);
    case RESOLVED_BANK:
        return acts(stage, role, REMITTANCE_RESOLVE, REMITTANCE_MONEY_TO_BANK, 0);
    case SETTLED_PAID:
        return acts(stage, role, REMITTANCE_SETTLE, 0, BANK_SUCCEEDED);
    case SETTLED_NOT_PAID:
        return acts(stage, role, REMITTANCE_SETTLE, 0, BANK_FAILED);
    case SAID_UNKNOWN:
        stage_reports(stage, 1, number, BANK_UNKNOWN);
        break;
    case SAID_NO:
        stage_reports(stage, 1, number, BANK_FAILED);
        break;
    case SAID_NO_FOR_GOOD:
        refused_for_good(stage, number);
        break;
    case SAID_YES:
        stage_reports(stage, 1, number, BANK_SUCCEEDED);
        break;
    case TIME_PASSES:
        stage_advance(stage, 10 * MINUTE);
        break;
    case EVENTS:
        break;
    }
    return stage_show(stage, 1, role);
}

/* The state that it leads to, with ! where the bank has contradicted itself, or the code. */
static void leads_to(struct stage *stage, enum scene scene, enum event event, const char *expected)
{
    char found[64];
    size_t acks = stage->heard.acks;
    struct ledger_remittance_answer answer = happens(stage, scene, event);
    bool contradicts = answer.code == CODE_OK && answer.view.flags & FACT_REMITTANCE_CONTRADICTED;
    snprintf(found, sizeof found, "%s%s",
             answer.code == CODE_OK ? stage_state_name(answer.view.state) : code_name(answer.code),
             contradicts ? "!" : "");
    if (event >= SAID_UNKNOWN && event <= SAID_YES)
        assert_int_equal(stage->heard.acks, acks + 1);
    if (contradicts)
        assert_true(stage->heard.alarm.is_contradiction);
    assert_string_equal(found, expected);
}

#define B "REMITTANCE_IN_BANK"
#define N "REMITTANCE_NOT_HERE"
#define E "REMITTANCE_ENDED"
#define I "INVALID_FIELD"
#define IN_BANK B, B, B, B, B, B
#define ENDED E, E, E, E, E, E, E, E
#define DEAD "DEAD_LETTER"
#define GONE "CANCELLED"
#define WD_WAITS "WITHDRAWAL_WAITING"
#define WD_LISTED "WITHDRAWAL_FAILED"
#define DEAD_NOTED "DEAD_LETTER!"
#define GONE_NOTED "CANCELLED!"
#define WD_LISTED_NOTED "WITHDRAWAL_FAILED!"

/* retry, refund, cancel; resolve: stays, to the account, to the bank; settle: paid, not paid; the bank says of the newest call:
 * unknown, no, no for good, yes; ten minutes pass */
static const char *const outcomes[SCENES][EVENTS] = {
    [PULLING] = {IN_BANK, "REMITTANCE_IN_BANK", "REMITTANCE_IN_BANK", "PULL_UNKNOWN", "PULL_WAITING",
                 "FAILED", "PUSHING", "PULLING"},
    [PULL_UNKNOWN] = {IN_BANK, "PUSHING", "FAILED", "PULL_UNKNOWN", "PULL_WAITING", "FAILED", "PUSHING",
                      "PULL_UNKNOWN"},
    [PULL_WAITING] = {"PULLING", N, GONE, N, N, N, N, N, "PULL_WAITING", "PULL_WAITING", "PULL_WAITING",
                      "PUSHING", "PULLING"},
    [PULL_FAILED] = {"PULLING", N, GONE, "RESOLVED", I, I, N, N, "PULL_FAILED", "PULL_FAILED", "PULL_FAILED",
                     "PUSHING", "PULLING"},
    [DEPOSIT_WAITING] = {"DEPOSIT_WAITING", "REFUNDING", N, N, N, N, N, N, "DEPOSIT_WAITING",
                         "DEPOSIT_FAILED!", "DEPOSIT_FAILED!", "DEPOSIT_WAITING", "DEPOSIT_WAITING"},
    [DEPOSIT_FAILED] = {"DEPOSIT_WAITING", "REFUNDING", N, I, "ACCOUNT_FROZEN", "RESOLVED", N, N,
                        "DEPOSIT_FAILED", "DEPOSIT_FAILED!", "DEPOSIT_FAILED!", "DEPOSIT_FAILED",
                        "DEPOSIT_WAITING"},
    [DEPOSIT_DEAD] = {"DEPOSIT_WAITING", "REFUNDING", N, I, "ACCOUNT_FROZEN", "RESOLVED", N, N, DEAD,
                      DEAD_NOTED, DEAD_NOTED, DEAD, DEAD},
    [WITHDRAWAL_WAITING] = {WD_WAITS, N, GONE, N, N, N, N, N, WD_WAITS, WD_LISTED_NOTED, WD_LISTED_NOTED,
                            WD_WAITS, WD_WAITS},
    [WITHDRAWAL_FAILED] = {WD_WAITS, N, GONE, "RESOLVED", I, I, N, N, WD_LISTED, WD_LISTED_NOTED,
                           WD_LISTED_NOTED, WD_LISTED, WD_WAITS},
    [WITHDRAWAL_DEAD] = {WD_WAITS, N, GONE, "RESOLVED", I, I, N, N, DEAD, DEAD_NOTED, DEAD_NOTED, DEAD, DEAD},
    [PUSHING] = {IN_BANK, "REMITTANCE_IN_BANK", "REMITTANCE_IN_BANK", "PUSH_UNKNOWN", "PUSH_WAITING",
                 "REFUNDING", "COMPLETED", "PUSHING"},
    [PUSH_UNKNOWN] = {IN_BANK, "COMPLETED", "REFUNDING", "PUSH_UNKNOWN", "PUSH_WAITING", "REFUNDING",
                      "COMPLETED", "PUSH_UNKNOWN"},
    [PUSH_WAITING] = {"PUSHING", "REFUNDING", GONE, N, N, N, N, N, "PUSH_WAITING", "PUSH_WAITING",
                      "PUSH_WAITING", "COMPLETED", "PUSHING"},
    [PUSH_FAILED] = {"PUSHING", "REFUNDING", GONE, I, "RESOLVED", "RESOLVED", N, N, "PUSH_FAILED",
                     "PUSH_FAILED", "PUSH_FAILED", "COMPLETED", "PUSHING"},
    [PUSH_DEAD] = {"PUSHING", "REFUNDING", GONE, I, "RESOLVED", "RESOLVED", N, N, DEAD, DEAD, DEAD,
                   "COMPLETED", DEAD},
    [REFUNDING] = {IN_BANK, "REMITTANCE_IN_BANK", "REMITTANCE_IN_BANK", "REFUND_UNKNOWN", "REFUND_WAITING",
                   DEAD, "REFUNDED", "REFUNDING"},
    [REFUND_UNKNOWN] = {IN_BANK, "REFUNDED", DEAD, "REFUND_UNKNOWN", "REFUND_WAITING", DEAD, "REFUNDED",
                        "REFUND_UNKNOWN"},
    [REFUND_WAITING] = {"REFUNDING", N, N, N, N, N, N, N, "REFUND_WAITING", "REFUND_WAITING",
                        "REFUND_WAITING", "REFUNDED", "REFUNDING"},
    [REFUND_FAILED] = {"REFUNDING", N, N, I, "RESOLVED", "RESOLVED", N, N, "REFUND_FAILED", "REFUND_FAILED",
                       "REFUND_FAILED", "REFUNDED", "REFUNDING"},
    [REFUND_DEAD] = {"REFUNDING", N, N, I, "RESOLVED", "RESOLVED", N, N, DEAD, DEAD, DEAD, "REFUNDED", DEAD},
    [COMPLETED] = {ENDED, "COMPLETED", "COMPLETED!", "COMPLETED!", "COMPLETED", "COMPLETED"},
    [REFUNDED] = {ENDED, "REFUNDED", "REFUNDED!", "REFUNDED!", "REFUNDED", "REFUNDED"},
    [FAILED] = {ENDED, "FAILED", "FAILED", "FAILED", "FAILED!", "FAILED"},
    [CANCELLED] = {ENDED, GONE, GONE, GONE, GONE_NOTED, GONE},
    [RESOLVED] = {ENDED, "RESOLVED", "RESOLVED", "RESOLVED", "RESOLVED!", "RESOLVED"},
};

static void in_each_state_each_event_leads_where_the_table_says(void **state)
{
    (void)state;
    for (int scene = 0; scene < SCENES; scene++) {
        for (int event = 0; event < EVENTS; event++) {
            struct stage stage;
            stage_open(&stage);
            enter(&stage, (enum scene)scene);
            leads_to(&stage, (enum scene)scene, (enum event)event, outcomes[scene][event]);
            stage_close(&stage);
        }
    }
}

/* Where the money is when it has ended so: in the account, or at the banks. */
static void an_end_leaves_the_money_where_it_says(void **state)
{
    static const struct {
        enum scene scene;
        enum event event;
        int64_t bank, account; /* more than before */
    } rows[] = {
        {PULL_WAITING, CANCEL_ASKED, 0, 0},
        {PULL_FAILED, RESOLVED_STAYS, 0, 0},
        {DEPOSIT_DEAD, RESOLVED_BANK, 0, 0},
        {WITHDRAWAL_WAITING, CANCEL_ASKED, -STAGE_AMOUNT, STAGE_AMOUNT},
        {WITHDRAWAL_DEAD, RESOLVED_STAYS, -STAGE_AMOUNT, STAGE_AMOUNT},
        {PUSH_WAITING, CANCEL_ASKED, -STAGE_AMOUNT, STAGE_AMOUNT},
        {PUSH_FAILED, RESOLVED_ACCOUNT, -STAGE_AMOUNT, STAGE_AMOUNT},
        {PUSH_DEAD, RESOLVED_BANK, 0, 0},
        {REFUND_FAILED, RESOLVED_ACCOUNT, -STAGE_AMOUNT, STAGE_AMOUNT},
        {PUSHING, SAID_YES, 0, 0},
        {REFUND_DEAD, SAID_YES, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stage stage;
        stage_open(&stage);
        enum role role = role_of(rows[i].scene);
        int64_t before = cast_balance(&stage.cast, 0, role);
        enter(&stage, rows[i].scene);
        stage_expect(happens(&stage, rows[i].scene, rows[i].event), CODE_OK, FIELD_NONE);
        assert_int_equal(stage_house(&stage, "house:remittance:KRW:0"), 0);
        assert_int_equal(stage_house(&stage, "house:bank:KRW:0"), rows[i].bank);
        assert_int_equal(cast_balance(&stage.cast, 0, role), before + rows[i].account);
        stage_close(&stage);
    }
}

/* ---- crashes ----------------------------------------------------------------------------------------------- */

static bool is_called(enum scene scene)
{
    uint8_t by_name = 0;
    while (strcmp(stage_state_name(by_name), scenes[scene].state) != 0)
        by_name++;
    return remittance_is_at_bank(by_name);
}

static void a_crash_in_any_state_changes_nothing_and_open_calls_are_told_again(void **state)
{
    static const enum runner_state kinds[] = {RUNNER_STATE_KEPT, RUNNER_STATE_DELETED, RUNNER_STATE_STALE};
    (void)state;
    for (int scene = 0; scene < SCENES; scene++) {
        struct stage stage;
        stage_open(&stage);
        enter(&stage, (enum scene)scene);
        struct ledger_remittance_view before = stage_show(&stage, 1, role_of((enum scene)scene)).view;
        const struct uuid id = world_uuid(1);
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            runner_flush(stage.cast.runner, 0);
            runner_compare(stage.cast.runner, 0, kinds[i], &id, 1);
            runner_crash(stage.cast.runner, 0, kinds[i]);
            stage_settle(&stage);
            struct ledger_remittance_view after = stage_show(&stage, 1, role_of((enum scene)scene)).view;
            assert_memory_equal(&before, &after, sizeof before);
            size_t calls = stage.heard.calls;
            struct bank_call call = stage.heard.call;
            assert_true(!is_called((enum scene)scene) || call.requested_us == before.requested_us);
            uint32_t slot = 0;
            assert_false(ledger_bank_calls_again(stage_core(&stage), stage_now(&stage), &slot));
            stage_settle(&stage);
            assert_int_equal(stage.heard.calls, calls + is_called((enum scene)scene));
            assert_memory_equal(&call, &stage.heard.call, sizeof call);
            runner_snapshot(stage.cast.runner, 0);
        }
        stage_close(&stage);
    }
}

/* ---- requesting ---------------------------------------------------------------------------------------------- */

static void requesting_tests_id_account_currency_state_book_and_room_in_this_order(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    struct ledger_remit_command taken = stage_remit_of(&stage, 1, RICH);
    stage_expect(stage_remit(&stage, &taken), CODE_OK, FIELD_NONE);
    struct ledger_account_command opens = world_account(ACCOUNT_OPEN, "", "USD");
    char book[WORLD_ID_MAX];
    opens.account = str_from(world_account_id(0, CAST_PARTITIONS, "b", 0, book));
    opens.has_book = true;
    assert_int_equal(runner_account(stage.cast.runner, &opens).code, CODE_OK);
    ledger_refuse_new(stage_core(&stage), true);
    struct ledger_remit_command command = stage_remit_of(&stage, 1, MISSING);
    stage_expect(stage_remit(&stage, &command), CODE_CONFLICT, FIELD_TRANSACTION_ID);
    command.id = world_uuid(2);
    stage_expect(stage_remit(&stage, &command), CODE_ACCOUNT_NOT_FOUND, FIELD_ACCOUNT);
    command.account = str_from(cast_id(&stage.cast, 1, RICH));
    stage_expect(stage_remit(&stage, &command), CODE_WRONG_PARTITION, FIELD_ACCOUNT);
    command.account = str_from(cast_id(&stage.cast, 0, CLOSED));
    command.currency = world_currency("USD");
    stage_expect(stage_remit(&stage, &command), CODE_CURRENCY_MISMATCH, FIELD_ACCOUNT);
    command.currency = world_currency("KRW");
    stage_expect(stage_remit(&stage, &command), CODE_ACCOUNT_CLOSED, FIELD_ACCOUNT);
    command.account = opens.account;
    command.currency = world_currency("USD");
    stage_expect(stage_remit(&stage, &command), CODE_RATE_REQUIRED, FIELD_RATE);
    command = stage_remit_of(&stage, 2, FROZEN);
    stage_expect(stage_remit(&stage, &command), CODE_BUSY, FIELD_NONE);
    stage_expect(stage_remit(&stage, &taken), CODE_OK, FIELD_NONE); /* a repeat needs no room */
    ledger_refuse_new(stage_core(&stage), false);
    stage_expect(stage_remit(&stage, &command), CODE_OK,
                 FIELD_NONE); /* it may be frozen now, and not be by then */
    stage_close(&stage);
}

static void the_same_request_gives_the_remittance_as_it_is_by_then_and_another_is_a_conflict(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    const struct ledger_remit_command command = stage_remit_of(&stage, 1, RICH);
    stage_expect(stage_remit(&stage, &command), CODE_OK, FIELD_NONE);
    stage_reports(&stage, 1, 1, BANK_SUCCEEDED);
    for (int ended = 0; ended < 2; ended++) {
        struct ledger_remit_command others[9];
        for (int i = 0; i < 9; i++)
            others[i] = command;
        others[0].currency = world_currency("USD");
        others[1].operator_refunds = true;
        others[2].account = str_from(cast_id(&stage.cast, 0, POOR));
        others[3].amount++;
        others[4].bank = STR_LITERAL("kftc2");
        others[5].payer = STR_LITERAL("1");
        others[6].payee = STR_LITERAL("1");
        others[7].memo = STR_LITERAL("");
        others[8].reference = STR_LITERAL("R-2");
        for (int i = 0; i < 9; i++)
            stage_expect(stage_remit(&stage, &others[i]), CODE_CONFLICT, FIELD_TRANSACTION_ID);
        struct ledger_remittance_answer answer = stage_remit(&stage, &command);
        stage_expect(answer, CODE_OK, FIELD_NONE);
        assert_string_equal(stage_state_name(answer.view.state), ended ? "COMPLETED" : "PUSHING");
        stage_reports(&stage, 1, 2, BANK_SUCCEEDED);
    }
    assert_int_equal(stage.heard.calls, 2);
    stage_close(&stage);
}

static enum code posted(struct stage *stage, struct ledger_command command)
{
    return (enum code)world_run(stage->cast.runner, &command)[0].code;
}

/* Whatever else asks for it, and however long it is open. */
static void a_remittances_id_is_taken_while_it_is_open_and_as_long_as_ids_are_remembered(void **state)
{
    (void)state;
    for (int days = 0; days < 30; days += 15) {
        struct stage stage;
        stage_open(&stage);
        enter(&stage, PUSH_DEAD);
        stage_advance(&stage, days * DAY);
        const char *rich = cast_id(&stage.cast, 0, RICH);
        const struct ledger_command item = world_transfer(77, rich, cast_id(&stage.cast, 0, POOR), 1, "KRW");
        const struct ledger_command items[] = {
            world_transfer(1, rich, cast_id(&stage.cast, 0, POOR), 1, "KRW")};
        struct ledger_command hold = world_withdraw(1, rich, 5, "KRW");
        hold.kind = COMMAND_HOLD;
        assert_int_equal(posted(&stage, world_deposit(1, rich, STAGE_AMOUNT, "KRW")), CODE_CONFLICT);
        assert_int_equal(posted(&stage, world_transfer(1, rich, cast_id(&stage.cast, 1, POOR), 1, "KRW")),
                         CODE_CONFLICT);
        assert_int_equal(posted(&stage, world_group(1, &item, 1)), CODE_CONFLICT);
        assert_int_equal(posted(&stage, world_group(78, items, 1)), CODE_CONFLICT);
        assert_int_equal(posted(&stage, hold), CODE_CONFLICT);
        struct ledger_account_command opens = world_account(ACCOUNT_OPEN, "", "KRW");
        char id[WORLD_ID_MAX];
        opens.account = str_from(world_account_id(0, CAST_PARTITIONS, "n", 0, id));
        opens.id = world_uuid(1);
        assert_int_equal(runner_account(stage.cast.runner, &opens).code, CODE_CONFLICT);
        const struct ledger_quote_command quote = {.id = world_uuid(1),
                                                   .account = str_from(rich),
                                                   .sell = world_currency("KRW"),
                                                   .buy = world_currency("USD"),
                                                   .side = QUOTE_SELL,
                                                   .amount = 100};
        struct ledger_quote_answer quoted;
        ledger_quote(stage_core(&stage), stage_now(&stage), &quote, &quoted);
        assert_int_equal(quoted.code, CODE_CONFLICT);
        const struct ledger_proposal_command proposal = {.kind = COMMAND_DEPOSIT,
                                                         .currency = world_currency("KRW"),
                                                         .id = world_uuid(1),
                                                         .account = str_from(rich),
                                                         .amount = STAGE_AMOUNT,
                                                         .reason = STR_LITERAL("why"),
                                                         .operator_name = STR_LITERAL("ann")};
        struct ledger_proposal_answer proposed;
        ledger_propose(stage_core(&stage), stage_now(&stage), &proposal, &proposed);
        assert_int_equal(proposed.code, CODE_CONFLICT);
        stage_stands(&stage, 1, RICH, REMITTANCE_DEAD_LETTER);
        stage_close(&stage);
    }
}

static void an_id_that_something_else_has_is_no_remittances(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    assert_int_equal(posted(&stage, world_deposit(1, cast_id(&stage.cast, 0, RICH), STAGE_AMOUNT, "KRW")),
                     CODE_OK);
    struct ledger_remit_command command = stage_remit_of(&stage, 1, RICH);
    stage_expect(stage_remit(&stage, &command), CODE_CONFLICT, FIELD_TRANSACTION_ID);
    stage_expect(stage_show(&stage, 1, RICH), CODE_REMITTANCE_NOT_FOUND, FIELD_REMITTANCE);
    stage_expect(stage_show(&stage, 2, RICH), CODE_REMITTANCE_NOT_FOUND, FIELD_REMITTANCE);
    stage_expect(acts(&stage, RICH, REMITTANCE_RETRY, 0, 0), CODE_REMITTANCE_NOT_FOUND, FIELD_REMITTANCE);
    stage_expect(acts(&stage, MISSING, REMITTANCE_RETRY, 0, 0), CODE_ACCOUNT_NOT_FOUND, FIELD_ACCOUNT);
    command.id = world_uuid(2);
    stage_expect(stage_remit(&stage, &command), CODE_OK, FIELD_NONE);
    stage_expect(stage_show(&stage, 2, POOR), CODE_REMITTANCE_NOT_FOUND, FIELD_REMITTANCE);
    stage_close(&stage);
}

static void an_account_with_an_open_remittance_is_not_closed(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    struct ledger_remit_command command = stage_remit_of(&stage, 1, POOR);
    stage_expect(stage_remit(&stage, &command), CODE_OK, FIELD_NONE);
    struct ledger_account_command close = world_account(ACCOUNT_CLOSE, cast_id(&stage.cast, 0, POOR), "KRW");
    assert_int_equal(runner_account(stage.cast.runner, &close).code, CODE_NOT_EMPTY);
    refused_for_good(&stage, 1);
    assert_int_equal(runner_account(stage.cast.runner, &close).code, CODE_OK);
    stage_close(&stage);
}

/* ---- banks --------------------------------------------------------------------------------------------------- */

static void what_is_said_again_writes_nothing(void **state)
{
    static const struct {
        enum scene scene;
        enum event event;
    } rows[] = {{PULL_UNKNOWN, SAID_UNKNOWN}, {PUSH_UNKNOWN, SAID_UNKNOWN}, {PUSH_WAITING, SAID_NO},
                {COMPLETED, SAID_YES},        {REFUNDED, SAID_YES},         {FAILED, SAID_NO},
                {DEPOSIT_FAILED, SAID_YES},   {PUSH_DEAD, SAID_UNKNOWN}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stage stage;
        stage_open(&stage);
        enter(&stage, rows[i].scene);
        uint64_t position = ledger_position(stage_core(&stage));
        size_t acks = stage.heard.acks;
        (void)happens(&stage, rows[i].scene, rows[i].event);
        assert_int_equal(ledger_position(stage_core(&stage)), position);
        assert_int_equal(stage.heard.acks, acks + 1);
        stage_close(&stage);
    }
}

static void a_report_of_what_nobody_knows_is_of_no_use_and_acknowledged(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    assert_int_equal(posted(&stage, world_deposit(3, cast_id(&stage.cast, 0, RICH), 1, "KRW")), CODE_OK);
    uint64_t position = ledger_position(stage_core(&stage));
    for (uint64_t id = 2; id <= 3; id++)
        stage_reports(&stage, id, 1, BANK_SUCCEEDED);
    assert_int_equal(stage.heard.acks, 2);
    assert_int_equal(ledger_position(stage_core(&stage)), position);
    stage_close(&stage);
}

/* Of call 1, the pull, which succeeded, and of call 2, the first push, which did not; the newest is another. */
static void an_older_call_can_say_nothing_new(void **state)
{
    static const struct {
        uint32_t number;
        uint8_t outcome;
        bool contradicts;
    } rows[] = {
        {1, BANK_SUCCEEDED, false}, {1, BANK_UNKNOWN, false},  {1, BANK_FAILED, true},
        {2, BANK_FAILED, false},    {2, BANK_UNKNOWN, false},  {2, BANK_SUCCEEDED, true},
        {9, BANK_FAILED, false},    {9, BANK_SUCCEEDED, true},
    };
    static const enum scene in[] = {PUSH_FAILED, REFUNDING, REFUND_DEAD, REFUNDED};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t at = 0; at < sizeof in / sizeof *in; at++) {
            struct stage stage;
            stage_open(&stage);
            enter(&stage, in[at]);
            stage_reports(&stage, 1, rows[i].number, rows[i].outcome);
            struct ledger_remittance_view view = stage_show(&stage, 1, RICH).view;
            assert_string_equal(stage_state_name(view.state), scenes[in[at]].state);
            assert_int_equal((view.flags & FACT_REMITTANCE_CONTRADICTED) != 0, rows[i].contradicts);
            stage_close(&stage);
        }
    }
}

static void a_contradiction_is_noted_and_alarmed_once(void **state)
{
    static const enum scene in[] = {REFUNDING, REFUNDED, FAILED};
    (void)state;
    for (size_t at = 0; at < sizeof in / sizeof *in; at++) {
        struct stage stage;
        stage_open(&stage);
        enter(&stage, in[at]);
        uint32_t number = in[at] == FAILED ? 1 : 2;
        stage_reports(&stage, 1, number, BANK_SUCCEEDED);
        size_t acks = stage.heard.acks;
        assert_int_equal(stage.heard.alarms, 1);
        assert_true(stage.heard.alarm.is_contradiction && !stage.heard.alarm.is_over);
        uint64_t position = ledger_position(stage_core(&stage));
        stage_reports(&stage, 1, number, BANK_SUCCEEDED);
        assert_int_equal(ledger_position(stage_core(&stage)), position);
        assert_int_equal(stage.heard.acks, acks + 1);
        assert_int_equal(stage.heard.alarms, 1);
        stage_close(&stage);
    }
}

static void what_a_bank_contradicts_itself_about_stands_on_a_list_until_an_operator_acts(void **state)
{
    static const struct {
        enum scene scene;
        uint32_t number;
        uint8_t outcome;
        enum event then;
        const char *stands;
    } rows[] = {
        {PUSH_FAILED, 2, BANK_SUCCEEDED, SAID_UNKNOWN, "PUSH_FAILED"},
        {PUSH_WAITING, 1, BANK_FAILED, SAID_UNKNOWN, "PUSH_FAILED"},
        {PUSHING, 1, BANK_FAILED, SAID_NO, "PUSH_FAILED"},
        {PUSHING, 1, BANK_FAILED, SAID_NO_FOR_GOOD, "PUSH_FAILED"},
        {REFUNDING, 2, BANK_SUCCEEDED, SAID_NO, "REFUND_FAILED"},
        {REFUND_WAITING, 2, BANK_SUCCEEDED, SAID_UNKNOWN, "REFUND_FAILED"},
        {REFUND_FAILED, 2, BANK_SUCCEEDED, SAID_UNKNOWN, "REFUND_FAILED"},
        {PULL_FAILED, 1, BANK_SUCCEEDED, SAID_UNKNOWN, "PULL_FAILED"},
        {DEPOSIT_WAITING, 1, BANK_FAILED, SAID_UNKNOWN, "DEPOSIT_FAILED"},
        {DEPOSIT_FAILED, 1, BANK_FAILED, SAID_UNKNOWN, "DEPOSIT_FAILED"},
        {WITHDRAWAL_WAITING, 1, BANK_FAILED, SAID_UNKNOWN, "WITHDRAWAL_FAILED"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stage stage;
        stage_open(&stage);
        enter(&stage, rows[i].scene);
        stage_reports(&stage, 1, rows[i].number, rows[i].outcome);
        (void)happens(&stage, rows[i].scene, rows[i].then);
        const size_t calls = stage.heard.calls;
        stage_advance(&stage, 60 * MINUTE);
        assert_int_equal(
            ledger_remittance_batch(stage_core(&stage), stage_now(&stage), REMITTANCE_LIST_FAILED, 100), 0);
        struct ledger_remittance_view view = stage_show(&stage, 1, role_of(rows[i].scene)).view;
        assert_string_equal(stage_state_name(view.state), rows[i].stands);
        assert_int_equal(view.due_us, 0);
        assert_int_equal(stage.heard.calls, calls);
        assert_true(stage.heard.alarms > 0);
        bool is_clearing = rows[i].scene >= PUSHING || role_of(rows[i].scene) == FROZEN;
        stage_expect(acts(&stage, role_of(rows[i].scene), REMITTANCE_RESOLVE,
                          is_clearing ? REMITTANCE_MONEY_TO_BANK : REMITTANCE_MONEY_STAYS, 0),
                     CODE_OK, FIELD_NONE);
        stage_close(&stage);
    }
}

static void each_call_that_a_bank_contradicts_itself_about_raises_an_alarm_once(void **state)
{
    static const enum scene in[] = {REFUND_DEAD, REFUNDED};
    (void)state;
    for (size_t at = 0; at < sizeof in / sizeof *in; at++) {
        struct stage stage;
        struct ledger_remittance_entry entries[2];
        stage_open(&stage);
        enter(&stage, in[at]);
        for (int times = 0; times < 2; times++) {
            stage_reports(&stage, 1, 1, BANK_FAILED);
            stage_reports(&stage, 1, 2, BANK_SUCCEEDED);
            assert_int_equal(stage.heard.alarms, 2);
        }
        uint64_t last = stage_show(&stage, 1, RICH).view.last_position;
        assert_int_equal(ledger_remittance_trail(stage_core(&stage), last, entries, 2), 2);
        assert_int_equal(entries[0].call, 2);
        assert_int_equal(entries[1].call, 1);
        assert_string_equal(entries[0].bank_reference, "B2");
        stage_close(&stage);
    }
}

static void reports_and_refunds_go_on_while_the_disk_is_nearly_full(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    enter(&stage, PULLING);
    ledger_refuse_new(stage_core(&stage), true);
    stage_reports(&stage, 1, 1, BANK_SUCCEEDED);
    stage_reports(&stage, 1, 2, BANK_FAILED);
    stage_expect(acts(&stage, RICH, REMITTANCE_REFUND, 0, 0), CODE_OK, FIELD_NONE);
    stage_reports(&stage, 1, 3, BANK_SUCCEEDED);
    stage_stands(&stage, 1, RICH, REMITTANCE_REFUNDED);
    stage_close(&stage);
}

/* ---- time ---------------------------------------------------------------------------------------------------- */

static void an_unfinished_remittance_raises_one_alarm_and_its_end_ends_it(void **state)
{
    struct stage stage;
    struct ledger_stats stats;
    (void)state;
    stage_open(&stage);
    struct ledger_remit_command command = stage_remit_of(&stage, 1, RICH);
    int64_t asked = stage_now(&stage);
    stage_expect(stage_remit(&stage, &command), CODE_OK, FIELD_NONE);
    stage_reports(&stage, 1, 1, BANK_UNKNOWN);
    stage_advance(&stage, asked + 10 * MINUTE - 1 - stage_now(&stage));
    assert_int_equal(stage.heard.alarms, 0);
    assert_int_equal(ledger_due_us(stage_core(&stage)), asked + 10 * MINUTE);
    stage_advance(&stage, 1);
    assert_int_equal(stage.heard.alarms, 1);
    assert_int_equal(stage.heard.alarm.since_us, asked);
    assert_string_equal(stage_state_name(stage.heard.alarm.state), "PULL_UNKNOWN");
    stage_advance(&stage, DAY);
    assert_int_equal(stage.heard.alarms, 1);
    ledger_stats(stage_core(&stage), &stats);
    assert_int_equal(stats.remittances_alarmed, 1);
    assert_int_equal(stats.remittances_unknown, 1);
    assert_int_equal(stats.remittances_oldest_us, asked);
    struct ledger_remittance_view view = stage_show(&stage, 1, RICH).view;
    assert_string_equal(view.reason, "no money");
    stage_reports(&stage, 1, 1, BANK_SUCCEEDED);
    assert_int_equal(stage.heard.alarms, 1);
    stage_reports(&stage, 1, 2, BANK_SUCCEEDED);
    assert_int_equal(stage.heard.alarms, 2);
    assert_true(stage.heard.alarm.is_over);
    assert_int_equal(stage_show(&stage, 1, RICH).view.flags, 0);
    ledger_stats(stage_core(&stage), &stats);
    assert_int_equal(stats.remittances_open + stats.remittances_alarmed, 0);
    stage_close(&stage);
}

static void a_refused_deposit_says_why_and_goes_through_when_it_can(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    enter(&stage, DEPOSIT_FAILED);
    struct ledger_remittance_view view = stage_show(&stage, 1, FROZEN).view;
    assert_string_equal(code_name(view.code), "ACCOUNT_FROZEN");
    assert_int_equal(view.tries, 3);
    assert_int_equal(view.rounds, 0);
    struct ledger_account_command thaw =
        world_account(ACCOUNT_UNFREEZE, cast_id(&stage.cast, 0, FROZEN), "KRW");
    assert_int_equal(runner_account(stage.cast.runner, &thaw).code, CODE_OK);
    stage_advance(&stage, 10 * MINUTE);
    view = stage_show(&stage, 1, FROZEN).view;
    assert_string_equal(stage_state_name(view.state), "PUSHING");
    assert_string_equal(code_name(view.code), "OK");
    stage_close(&stage);
}

static void a_deposit_that_is_given_up_goes_back_to_the_payer_by_the_rail(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    struct ledger_remit_command command = stage_remit_of(&stage, 1, FROZEN);
    stage_expect(stage_remit(&stage, &command), CODE_OK, FIELD_NONE);
    stage_reports(&stage, 1, 1, BANK_SUCCEEDED);
    posting_is_given_up(&stage);
    stage_stands(&stage, 1, FROZEN, REMITTANCE_REFUNDING);
    assert_int_equal(stage.heard.call.step, BANK_REFUND);
    assert_int_equal(stage.heard.call.number, 2);
    stage_reports(&stage, 1, 2, BANK_SUCCEEDED);
    stage_stands(&stage, 1, FROZEN, REMITTANCE_REFUNDED);
    stage_close(&stage);
}

/* ---- lists and batches ------------------------------------------------------------------------------------------ */

static void each_list_has_its_own(void **state)
{
    static const struct {
        enum scene scene;
        uint32_t lists;
    } rows[] = {
        {PULLING, 1 << REMITTANCE_LIST_OPEN},
        {PULL_UNKNOWN, 1 << REMITTANCE_LIST_OPEN | 1 << REMITTANCE_LIST_UNKNOWN},
        {PULL_FAILED, 1 << REMITTANCE_LIST_OPEN | 1 << REMITTANCE_LIST_FAILED | 1 << REMITTANCE_LIST_PULL},
        {DEPOSIT_FAILED,
         1 << REMITTANCE_LIST_OPEN | 1 << REMITTANCE_LIST_FAILED | 1 << REMITTANCE_LIST_DEPOSIT},
        {WITHDRAWAL_FAILED,
         1 << REMITTANCE_LIST_OPEN | 1 << REMITTANCE_LIST_FAILED | 1 << REMITTANCE_LIST_WITHDRAWAL},
        {PUSH_FAILED, 1 << REMITTANCE_LIST_OPEN | 1 << REMITTANCE_LIST_FAILED | 1 << REMITTANCE_LIST_PUSH},
        {REFUND_FAILED,
         1 << REMITTANCE_LIST_OPEN | 1 << REMITTANCE_LIST_FAILED | 1 << REMITTANCE_LIST_REFUND},
        {PUSH_DEAD, 1 << REMITTANCE_LIST_OPEN | 1 << REMITTANCE_LIST_FAILED | 1 << REMITTANCE_LIST_DEAD},
        {COMPLETED, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stage stage;
        stage_open(&stage);
        enter(&stage, rows[i].scene);
        for (int list = 0; list < REMITTANCE_LIST_COUNT; list++) {
            struct ledger_remittance_view view;
            size_t count = ledger_remittance_list(stage_core(&stage), stage_now(&stage),
                                                  (enum remittance_list)list, 0, &view, 1);
            assert_int_equal(count, rows[i].lists >> list & 1);
        }
        stage_close(&stage);
    }
}

static void a_list_goes_on_behind_the_one_that_was_shown_last(void **state)
{
    struct stage stage;
    struct ledger_remittance_view views[2];
    (void)state;
    stage_open(&stage);
    for (uint64_t id = 1; id <= 3; id++) {
        struct ledger_remit_command command = stage_remit_of(&stage, id, RICH);
        stage_expect(stage_remit(&stage, &command), CODE_OK, FIELD_NONE);
    }
    struct ledger *ledger = stage_core(&stage);
    assert_int_equal(ledger_remittance_list(ledger, stage_now(&stage), REMITTANCE_LIST_OPEN, 0, views, 2), 2);
    struct uuid last = world_uuid(2);
    assert_memory_equal(&views[1].id, &last, sizeof last);
    assert_int_equal(
        ledger_remittance_list(ledger, stage_now(&stage), REMITTANCE_LIST_OPEN, views[1].position, views, 2),
        1);
    last = world_uuid(3);
    assert_memory_equal(&views[0].id, &last, sizeof last);
    stage_close(&stage);
}

static void a_batch_begins_the_next_round_of_as_many_as_it_may_in_order_of_requests(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    enter(&stage, PULL_FAILED);
    for (uint64_t id = 2; id <= 4; id++) {
        struct ledger_remit_command command = stage_remit_of(&stage, id, RICH);
        stage_expect(stage_remit(&stage, &command), CODE_OK, FIELD_NONE);
        for (uint32_t number = 1; number <= 3; number++) {
            stage_reports(&stage, id, number, BANK_FAILED);
            if (number < 3)
                stage_advance(&stage, 10 * SECOND);
        }
    }
    struct ledger *ledger = stage_core(&stage);
    assert_int_equal(ledger_remittance_batch(ledger, stage_now(&stage), REMITTANCE_LIST_PUSH, 9), 0);
    assert_int_equal(ledger_remittance_batch(ledger, stage_now(&stage), REMITTANCE_LIST_PULL, 2), 2);
    stage_stands(&stage, 1, RICH, REMITTANCE_PULLING);
    assert_int_equal(stage_show(&stage, 1, RICH).view.rounds, 1);
    stage_stands(&stage, 2, RICH, REMITTANCE_PULLING);
    stage_stands(&stage, 3, RICH, REMITTANCE_PULL_FAILED);
    assert_int_equal(ledger_remittance_batch(ledger, stage_now(&stage), REMITTANCE_LIST_FAILED, 9), 2);
    assert_int_equal(ledger_remittance_batch(ledger, stage_now(&stage), REMITTANCE_LIST_FAILED, 9), 0);
    stage_close(&stage);
}

static void a_batch_leaves_dead_letters_alone(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    enter(&stage, PUSH_DEAD);
    assert_int_equal(
        ledger_remittance_batch(stage_core(&stage), stage_now(&stage), REMITTANCE_LIST_FAILED, 9), 0);
    stage_stands(&stage, 1, RICH, REMITTANCE_DEAD_LETTER);
    stage_close(&stage);
}

static void the_trail_tells_who_did_what_and_why(void **state)
{
    struct stage stage;
    struct ledger_remittance_entry entries[LEDGER_REMITTANCE_TRAIL_MAX];
    (void)state;
    stage_open(&stage);
    enter(&stage, PUSH_FAILED);
    stage_expect(acts(&stage, RICH, REMITTANCE_REFUND, 0, 0), CODE_OK, FIELD_NONE);
    uint64_t last = stage_show(&stage, 1, RICH).view.last_position;
    size_t count = ledger_remittance_trail(stage_core(&stage), last, entries, LEDGER_REMITTANCE_TRAIL_MAX);
    assert_int_equal(count, 12);
    assert_string_equal(stage_state_name(entries[0].state), "REFUNDING");
    assert_true(entries[0].flags & FACT_REMITTANCE_BY_OPERATOR);
    assert_string_equal(entries[0].operator_name, "ann");
    assert_string_equal(entries[0].reason, "by telephone");
    assert_string_equal(stage_state_name(entries[1].state), "PUSH_FAILED");
    assert_string_equal(entries[1].reason, "no money");
    assert_string_equal(entries[1].bank_reference, "B4");
    assert_int_equal(entries[1].flags, 0);
    assert_int_equal(ledger_remittance_trail(stage_core(&stage), last, entries, 2), 2);
    stage_close(&stage);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

/* Every allocation fails once, at each step; then it goes on by itself, or when it is told again. */
static void where_memory_runs_out_nothing_is_lost_and_nothing_is_done_twice(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth < 24; nth++) {
        struct stage stage;
        stage_open(&stage);
        struct ledger_remit_command command = stage_remit_of(&stage, 1, RICH);
        struct ledger_remittance_answer answer;
        for (uint32_t number = 0; number <= 2; number++) {
            for (int told = 0; told < 2; told++) {
                if (told == 0)
                    counting_mem_fail(runner_mem(stage.cast.runner), nth, 1);
                if (number > 0) {
                    struct bank_report report = stage_report_of(1, number, BANK_SUCCEEDED);
                    ledger_bank_report(stage_core(&stage), stage_now(&stage), &report);
                } else {
                    ledger_remit(stage_core(&stage), stage_now(&stage), &command, &answer);
                    assert_true(answer.code == CODE_OK || answer.code == CODE_BUSY);
                }
                counting_mem_fail(runner_mem(stage.cast.runner), 0, 0);
                stage_settle(&stage);
            }
            stage_advance(&stage, SECOND);
        }
        stage_stands(&stage, 1, RICH, REMITTANCE_COMPLETED);
        assert_int_equal(stage.heard.calls, 2);
        assert_int_equal(cast_changed(&stage.cast), 0);
        stage_close(&stage);
    }
}

/* Their facts fill the unit's buffer, which cannot grow: one may stop half way, and some are not heard of. */
static int stopped_half_way(uint32_t memo_length)
{
    enum { MANY = 60 };
    struct stage stage;
    struct ledger_remittance_view views[MANY];
    struct ledger_open_remittance open;
    char memo[MEMO_MAX];
    int half_way = 0;
    memset(memo, 'm', sizeof memo);
    stage_open(&stage);
    for (uint64_t id = 1; id <= MANY; id++) {
        struct ledger_remit_command command = stage_remit_of(&stage, id, RICH);
        command.memo = (struct str){memo, memo_length};
        stage_expect(stage_remit(&stage, &command), CODE_OK, FIELD_NONE);
    }
    counting_mem_fail(runner_mem(stage.cast.runner), 1, UINT32_MAX);
    for (uint64_t id = 1; id <= MANY; id++) {
        struct bank_report report = stage_report_of(id, 1, BANK_SUCCEEDED);
        ledger_bank_report(stage_core(&stage), stage_now(&stage), &report);
    }
    counting_mem_fail(runner_mem(stage.cast.runner), 0, 0);
    for (uint32_t from = 0; ledger_remittance_next(stage_core(&stage), from, &open); from = open.slot + 1)
        half_way += open.state != REMITTANCE_PULLING && open.state != REMITTANCE_PUSHING;
    size_t count =
        ledger_remittance_list(stage_core(&stage), stage_now(&stage), REMITTANCE_LIST_OPEN, 0, views, MANY);
    assert_int_equal(count, MANY); /* and, with this call, they have gone on */
    stage_settle(&stage);
    for (uint64_t id = 1; id <= MANY; id++)
        stage_reports(&stage, id, 1, BANK_SUCCEEDED);
    for (uint64_t id = 1; id <= MANY; id++)
        stage_stands(&stage, id, RICH, REMITTANCE_PUSHING);
    assert_int_equal(stage.heard.calls, 2 * MANY);
    assert_int_equal(stage_house(&stage, "house:remittance:KRW:0"), MANY * STAGE_AMOUNT);
    stage_close(&stage);
    return half_way;
}

static void what_stops_half_way_goes_on_by_itself_when_there_is_memory(void **state)
{
    int half_way = 0;
    (void)state;
    for (uint32_t memo_length = 0; memo_length <= MEMO_MAX; memo_length += 8)
        half_way += stopped_half_way(memo_length);
    assert_true(half_way > 0);
}

static void a_call_that_there_is_no_memory_to_tell_again_is_told_the_next_time(void **state)
{
    struct stage stage;
    uint32_t slot = 0;
    (void)state;
    stage_open(&stage);
    enter(&stage, PULLING);
    runner_crash(stage.cast.runner, 0, RUNNER_STATE_KEPT);
    stage_settle(&stage);
    size_t calls = stage.heard.calls;
    counting_mem_fail(runner_mem(stage.cast.runner), 1, UINT32_MAX);
    assert_true(ledger_bank_calls_again(stage_core(&stage), stage_now(&stage), &slot));
    assert_int_equal(slot, 0);
    counting_mem_fail(runner_mem(stage.cast.runner), 0, 0);
    assert_false(ledger_bank_calls_again(stage_core(&stage), stage_now(&stage), &slot));
    stage_settle(&stage);
    assert_int_equal(stage.heard.calls, calls + 1);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_remittance_that_meets_no_trouble_takes_seven_facts_and_two_calls),
        cmocka_unit_test(a_pull_that_is_refused_is_tried_three_times_in_four_rounds_and_has_failed),
        cmocka_unit_test(in_each_state_each_event_leads_where_the_table_says),
        cmocka_unit_test(an_end_leaves_the_money_where_it_says),
        cmocka_unit_test(a_crash_in_any_state_changes_nothing_and_open_calls_are_told_again),
        cmocka_unit_test(requesting_tests_id_account_currency_state_book_and_room_in_this_order),
        cmocka_unit_test(the_same_request_gives_the_remittance_as_it_is_by_then_and_another_is_a_conflict),
        cmocka_unit_test(a_remittances_id_is_taken_while_it_is_open_and_as_long_as_ids_are_remembered),
        cmocka_unit_test(an_id_that_something_else_has_is_no_remittances),
        cmocka_unit_test(an_account_with_an_open_remittance_is_not_closed),
        cmocka_unit_test(what_is_said_again_writes_nothing),
        cmocka_unit_test(a_report_of_what_nobody_knows_is_of_no_use_and_acknowledged),
        cmocka_unit_test(an_older_call_can_say_nothing_new),
        cmocka_unit_test(a_contradiction_is_noted_and_alarmed_once),
        cmocka_unit_test(what_a_bank_contradicts_itself_about_stands_on_a_list_until_an_operator_acts),
        cmocka_unit_test(each_call_that_a_bank_contradicts_itself_about_raises_an_alarm_once),
        cmocka_unit_test(reports_and_refunds_go_on_while_the_disk_is_nearly_full),
        cmocka_unit_test(an_unfinished_remittance_raises_one_alarm_and_its_end_ends_it),
        cmocka_unit_test(a_refused_deposit_says_why_and_goes_through_when_it_can),
        cmocka_unit_test(a_deposit_that_is_given_up_goes_back_to_the_payer_by_the_rail),
        cmocka_unit_test(each_list_has_its_own),
        cmocka_unit_test(a_list_goes_on_behind_the_one_that_was_shown_last),
        cmocka_unit_test(a_batch_begins_the_next_round_of_as_many_as_it_may_in_order_of_requests),
        cmocka_unit_test(a_batch_leaves_dead_letters_alone),
        cmocka_unit_test(the_trail_tells_who_did_what_and_why),
        cmocka_unit_test(what_stops_half_way_goes_on_by_itself_when_there_is_memory),
        cmocka_unit_test(where_memory_runs_out_nothing_is_lost_and_nothing_is_done_twice),
        cmocka_unit_test(a_call_that_there_is_no_memory_to_tell_again_is_told_the_next_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
