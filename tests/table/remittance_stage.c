#include "tests/table/remittance_stage.h"

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
