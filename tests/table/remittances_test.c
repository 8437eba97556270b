/* Remittances: each state and each event, every code of every step and their order, and what moves when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "actors/ledger/fact.h"
#include "actors/ledger/remittance_states.h"
#include "tests/table/cast.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define DAY (24 * 60 * MINUTE)

enum { AMOUNT = 300 };

/* What left with the units of partition 0. */
struct heard {
    size_t calls, acks, alarms;
    struct bank_call call; /* the last */
    struct bank_ack ack;
    struct ledger_alarm alarm;
};

struct stage {
    struct cast cast;
    struct heard heard;
};

static void hear(void *context, uint32_t partition, const struct ledger_unit *unit)
{
    struct heard *heard = context;
    if (partition != 0)
        return;
    heard->calls += unit->call_count;
    heard->acks += unit->ack_count;
    heard->alarms += unit->alarm_count;
    if (unit->call_count > 0)
        heard->call = unit->calls[unit->call_count - 1];
    if (unit->ack_count > 0)
        heard->ack = unit->acks[unit->ack_count - 1];
    if (unit->alarm_count > 0)
        heard->alarm = unit->alarms[unit->alarm_count - 1];
}

static void stage_open(struct stage *stage)
{
    stage->heard = (struct heard){0};
    cast_open_told(&stage->cast, hear, &stage->heard);
}

static void stage_close(struct stage *stage)
{
    cast_close(&stage->cast);
}

static struct ledger *core(struct stage *stage)
{
    return runner_ledger(stage->cast.runner, 0);
}

static int64_t now(const struct stage *stage)
{
    return runner_now(stage->cast.runner);
}

static void settle(struct stage *stage)
{
    runner_settle(stage->cast.runner);
    runner_check(stage->cast.runner);
}

static void advance(struct stage *stage, int64_t us)
{
    runner_advance(stage->cast.runner, us);
    ledger_expire(core(stage), now(stage));
    settle(stage);
}

/* ---- what is asked ---------------------------------------------------------------------------------------- */

static struct ledger_remit_command remit_of(const struct stage *stage, uint64_t id, enum role role)
{
    return (struct ledger_remit_command){
        .currency = world_currency("KRW"),
        .id = world_uuid(id),
        .account = str_from(cast_id(&stage->cast, 0, role)),
        .amount = AMOUNT,
        .bank = STR_LITERAL("kftc"),
        .payer = STR_LITERAL("123456789012345678901234"),
        .payee = STR_LITERAL("097:1101230000678:Kim"),
        .memo = STR_LITERAL("rent"),
        .reference = STR_LITERAL("R-1"),
    };
}

static struct ledger_remittance_answer remit(struct stage *stage, const struct ledger_remit_command *command)
{
    struct ledger_remittance_answer answer;
    ledger_remit(core(stage), now(stage), command, &answer);
    settle(stage);
    return answer;
}

static void report_full(struct stage *stage, const struct bank_report *report)
{
    ledger_bank_report(core(stage), now(stage), report);
    settle(stage);
}

static struct bank_report report_of(uint64_t id, uint32_t number, uint8_t outcome)
{
    struct bank_report report = {
        .remittance = world_uuid(id), .number = number, .partition = 0, .outcome = outcome};
    snprintf(report.reason, sizeof report.reason, "%s", outcome == BANK_SUCCEEDED ? "" : "no money");
    snprintf(report.reference, sizeof report.reference, "B%u", number);
    return report;
}

static void reports(struct stage *stage, uint64_t id, uint32_t number, uint8_t outcome)
{
    struct bank_report report = report_of(id, number, outcome);
    report_full(stage, &report);
}

static struct ledger_remittance_answer show(struct stage *stage, uint64_t id, enum role role)
{
    struct ledger_remittance_answer answer;
    struct uuid uuid = world_uuid(id);
    ledger_remittance_show(core(stage), now(stage), str_from(cast_id(&stage->cast, 0, role)), &uuid, &answer);
    settle(stage);
    return answer;
}

static void is(struct ledger_remittance_answer answer, enum code code, enum field field)
{
    assert_string_equal(code_name(answer.code), code_name(code));
    assert_int_equal(answer.field, field);
}

static const char *state_name(uint8_t state)
{
    return machine_state_name(&REMITTANCE_STATES, state);
}

static void stands(struct stage *stage, uint64_t id, enum role role, uint8_t state)
{
    struct ledger_remittance_answer answer = show(stage, id, role);
    is(answer, CODE_OK, FIELD_NONE);
    assert_string_equal(state_name(answer.view.state), state_name(state));
}

static int64_t house(struct stage *stage, const char *id)
{
    struct ledger_account_view view;
    return ledger_account_show(core(stage), str_from(id), &view) == CODE_OK ? view.balance : 0;
}

static void a_remittance_that_meets_no_trouble_takes_seven_facts_and_two_calls(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    struct ledger_remit_command command = remit_of(&stage, 1, RICH);
    int64_t at = now(&stage);
    struct ledger_remittance_answer answer = remit(&stage, &command);
    is(answer, CODE_OK, FIELD_NONE);
    assert_string_equal(state_name(answer.view.state), "PULLING");
    assert_string_equal(answer.view.bank, "kftc");
    assert_int_equal(answer.view.requested_us, at);
    assert_int_equal(stage.heard.calls, 1);
    assert_int_equal(stage.heard.call.number, 1);
    assert_int_equal(stage.heard.call.step, BANK_PULL);
    assert_int_equal(stage.heard.call.amount, AMOUNT);
    assert_int_equal(stage.heard.call.called_us, at);
    assert_string_equal(stage.heard.call.payer, "123456789012345678901234");
    assert_string_equal(stage.heard.call.memo, "rent");
    runner_advance(stage.cast.runner, SECOND);
    reports(&stage, 1, 1, BANK_SUCCEEDED);
    stands(&stage, 1, RICH, REMITTANCE_PUSHING);
    assert_int_equal(house(&stage, "house:bank:KRW:0"), -AMOUNT);
    assert_int_equal(house(&stage, "house:remittance:KRW:0"), AMOUNT);
    assert_int_equal(stage.heard.calls, 2);
    assert_int_equal(stage.heard.call.number, 2);
    assert_int_equal(stage.heard.call.step, BANK_PUSH);
    assert_int_equal(stage.heard.acks, 1);
    reports(&stage, 1, 2, BANK_SUCCEEDED);
    stands(&stage, 1, RICH, REMITTANCE_COMPLETED);
    assert_int_equal(stage.heard.acks, 2);
    assert_int_equal(stage.heard.alarms, 0);
    assert_int_equal(house(&stage, "house:bank:KRW:0"), 0);
    assert_int_equal(house(&stage, "house:remittance:KRW:0"), 0);
    assert_int_equal(cast_changed(&stage.cast), 0);
    struct ledger_remittance_entry entries[8];
    uint64_t last = show(&stage, 1, RICH).view.last_position;
    assert_int_equal(ledger_remittance_trail(core(&stage), last, entries, 8), 7);
    assert_string_equal(state_name(entries[0].state), "COMPLETED");
    assert_string_equal(entries[0].bank_reference, "B2");
    assert_string_equal(state_name(entries[6].state), "REQUESTED");
    stage_close(&stage);
}

static void a_pull_that_is_refused_is_tried_three_times_in_four_rounds_and_has_failed(void **state)
{
    struct stage stage;
    (void)state;
    stage_open(&stage);
    struct ledger_remit_command command = remit_of(&stage, 1, RICH);
    is(remit(&stage, &command), CODE_OK, FIELD_NONE);
    uint32_t number = 1;
    for (int round = 0; round <= 3; round++) {
        for (int try = 1; try <= 3; try++, number++) {
            struct ledger_remittance_answer answer = show(&stage, 1, RICH);
            assert_int_equal(answer.view.tries, try);
            assert_int_equal(answer.view.rounds, round);
            assert_int_equal(stage.heard.calls, number);
            reports(&stage, 1, number, BANK_FAILED);
            if (try < 3)
                stands(&stage, 1, RICH, REMITTANCE_PULL_WAITING);
            else
                stands(&stage, 1, RICH, round < 3 ? REMITTANCE_PULL_FAILED : REMITTANCE_FAILED);
            advance(&stage, try < 3 ? 10 * SECOND : 10 * MINUTE);
        }
    }
    assert_int_equal(stage.heard.calls, 12);
    assert_int_equal(stage.heard.alarms, 2);
    assert_true(stage.heard.alarm.is_over);
    stage_close(&stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_remittance_that_meets_no_trouble_takes_seven_facts_and_two_calls),
        cmocka_unit_test(a_pull_that_is_refused_is_tried_three_times_in_four_rounds_and_has_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
