#include "sim/remittances/case.h"

#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/remittances/world.h"

enum { CASE_SEED = 1 };

struct playing {
    struct remittances_world *world;
    const struct remittance_case *what;
    uint32_t account;
};

static void asked(void *context, void *pointer, uint64_t number)
{
    struct playing *playing = context;
    (void)pointer;
    (void)number;
    people_make(playing->world, playing->account, playing->what->operator_refunds);
}

static void account_opens(void *context, void *pointer, uint64_t seconds)
{
    struct playing *playing = context;
    (void)pointer;
    people_account(playing->world, playing->account, playing->what->no_deposit_s > (int64_t)seconds,
                   playing->what->no_withdrawal_s > (int64_t)seconds);
}

static void begin(struct playing *playing, const struct run_config *config)
{
    struct remittances_world *world = playing->world;
    const struct remittance_case *what = playing->what;
    char why[160] = "";
    remittances_begin(world, config);
    world->wall_us = REMIT_BEFORE_MIDNIGHT_US;
    world->has_callbacks = what->has_callbacks;
    banks_open(world);
    node_start(world);
    adapter_start(world);
    people_open_accounts(world);
    account_opens(playing, NULL, 0);
    enum err err = virtual_bank_rules(world->banks[what->bank], what->rules, strlen(what->rules), why);
    if (err != ERR_OK)
        stage_breach(&world->stage, "rules", "%s", why);
    stage_after(&world->stage, what->asked_s * REMIT_SECOND_US, asked, playing, NULL, 0);
    stage_after(&world->stage, (what->asked_s + what->no_deposit_s) * REMIT_SECOND_US, account_opens, playing,
                NULL, (uint64_t)what->no_deposit_s);
    stage_after(&world->stage, (what->asked_s + what->no_withdrawal_s) * REMIT_SECOND_US, account_opens,
                playing, NULL, (uint64_t)what->no_withdrawal_s);
}

static void tell(struct remittances_world *world, struct remittance_case_result *out)
{
    const struct known *known = &world->watch.known[0];
    out->breach = world->stage.breach;
    if (world->watch.count == 0)
        return;
    out->state = known->state;
    out->is_alarmed = (known->flags & FACT_REMITTANCE_ALARMED) != 0;
    out->calls = known->call;
    out->pulls = known->pulls;
    out->pushes = known->pushes;
    out->refunds = known->refunds;
    out->alarms = known->alarms;
    out->ended_s = (known->since_us - known->requested_us) / REMIT_SECOND_US;
}

void remittance_case_run(const struct remittance_case *what, FILE *trace, struct remittance_case_result *out)
{
    const struct run_config config = {.kind = RUN_REMITTANCES,
                                      .seed = CASE_SEED,
                                      .trace = trace,
                                      .length_us = what->length_s * REMIT_SECOND_US};
    struct remittances_world *world = calloc(1, sizeof *world);
    CHECK(world != NULL);
    struct playing playing = {.world = world, .what = what, .account = what->bank};
    *out = (struct remittance_case_result){0};
    begin(&playing, &config);
    stage_run(&world->stage, config.length_us);
    if (!world->stage.is_broken && remittance_has_ended(world->watch.known[0].state))
        remit_watch_end(world);
    tell(world, out);
    remittances_release(world);
}
