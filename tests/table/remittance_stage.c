#include "tests/table/remittance_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "actors/ledger/remittance_states.h"

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

void stage_open(struct stage *stage)
{
    stage->heard = (struct heard){0};
    cast_open_told(&stage->cast, hear, &stage->heard);
}

void stage_close(struct stage *stage)
{
    cast_close(&stage->cast);
}

struct ledger *stage_core(struct stage *stage)
{
    return runner_ledger(stage->cast.runner, 0);
}

int64_t stage_now(const struct stage *stage)
{
    return runner_now(stage->cast.runner);
}

void stage_settle(struct stage *stage)
{
    runner_settle(stage->cast.runner);
    runner_check(stage->cast.runner);
}

void stage_advance(struct stage *stage, int64_t us)
{
    runner_advance(stage->cast.runner, us);
    ledger_expire(stage_core(stage), stage_now(stage));
    stage_settle(stage);
}

/* ---- what is asked ---------------------------------------------------------------------------------------- */

struct ledger_remit_command stage_remit_of(const struct stage *stage, uint64_t id, enum role role)
{
    return (struct ledger_remit_command){
        .currency = world_currency("KRW"),
        .id = world_uuid(id),
        .account = str_from(cast_id(&stage->cast, 0, role)),
        .amount = STAGE_AMOUNT,
        .bank = STR_LITERAL("kftc"),
        .payer = STR_LITERAL("123456789012345678901234"),
        .payee = STR_LITERAL("097:1101230000678:Kim"),
        .memo = STR_LITERAL("rent"),
        .reference = STR_LITERAL("R-1"),
    };
}

struct ledger_remittance_answer stage_remit(struct stage *stage, const struct ledger_remit_command *command)
{
    struct ledger_remittance_answer answer;
    ledger_remit(stage_core(stage), stage_now(stage), command, &answer);
    stage_settle(stage);
    return answer;
}

void stage_report(struct stage *stage, const struct bank_report *report)
{
    ledger_bank_report(stage_core(stage), stage_now(stage), report);
    stage_settle(stage);
}

struct bank_report stage_report_of(uint64_t id, uint32_t number, uint8_t outcome)
{
    struct bank_report report = {
        .remittance = world_uuid(id), .number = number, .partition = 0, .outcome = outcome};
    snprintf(report.reason, sizeof report.reason, "%s", outcome == BANK_SUCCEEDED ? "" : "no money");
    snprintf(report.reference, sizeof report.reference, "B%u", number);
    return report;
}

void stage_reports(struct stage *stage, uint64_t id, uint32_t number, uint8_t outcome)
{
    struct bank_report report = stage_report_of(id, number, outcome);
    stage_report(stage, &report);
}

struct ledger_remittance_answer stage_show(struct stage *stage, uint64_t id, enum role role)
{
    struct ledger_remittance_answer answer;
    struct uuid uuid = world_uuid(id);
    ledger_remittance_show(stage_core(stage), stage_now(stage), str_from(cast_id(&stage->cast, 0, role)),
                           &uuid, &answer);
    stage_settle(stage);
    return answer;
}

void stage_expect(struct ledger_remittance_answer answer, enum code code, enum field field)
{
    assert_string_equal(code_name(answer.code), code_name(code));
    assert_int_equal(answer.field, field);
}

const char *stage_state_name(uint8_t state)
{
    return machine_state_name(&REMITTANCE_STATES, state);
}

void stage_stands(struct stage *stage, uint64_t id, enum role role, uint8_t state)
{
    struct ledger_remittance_answer answer = stage_show(stage, id, role);
    stage_expect(answer, CODE_OK, FIELD_NONE);
    assert_string_equal(stage_state_name(answer.view.state), stage_state_name(state));
}

int64_t stage_house(struct stage *stage, const char *id)
{
    struct ledger_account_view view;
    return ledger_account_show(stage_core(stage), str_from(id), &view) == CODE_OK ? view.balance : 0;
}
