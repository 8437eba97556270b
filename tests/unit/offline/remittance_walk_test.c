/* What the core writes about remittances, the checker passes: walks in which banks say anything, operators do anything, accounts
 * are frozen and time goes by, each from a seed. After each walk the checker reads the journal, and agrees with the core. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "broker/offline/audit.h"
#include "broker/offline/cursor.h"
#include "tests/scenario/world.h"

enum { WALKS = 200, STEPS = 400, REMITTANCES = 12, AMOUNT = 300 };

#define SECOND INT64_C(1000000)

struct walk {
    struct runner *runner;
    uint32_t calls[REMITTANCES + 1]; /* of each: the newest that left */
};

static void hear(void *context, uint32_t partition, const struct ledger_unit *unit)
{
    struct walk *walk = context;
    (void)partition;
    for (size_t i = 0; i < unit->call_count; i++)
        walk->calls[unit->calls[i].remittance.bytes[15]] = unit->calls[i].number;
}

static struct uuid id_of(uint32_t number)
{
    return (struct uuid){{1, [15] = (uint8_t)number}};
}

static struct str account_of(uint32_t number)
{
    return number % 2 ? STR_LITERAL("one") : STR_LITERAL("two");
}

static uint32_t any(struct walk *walk, uint32_t bound)
{
    return runner_random(walk->runner, bound);
}

static void request(struct walk *walk, uint32_t number)
{
    struct ledger_remittance_answer answer;
    const struct ledger_remit_command command = {.currency = world_currency("KRW"),
                                                 .operator_refunds = number % 3 == 0,
                                                 .id = id_of(number),
                                                 .account = account_of(number),
                                                 .amount = AMOUNT,
                                                 .bank = STR_LITERAL("kftc"),
                                                 .payer = STR_LITERAL("p"),
                                                 .payee = STR_LITERAL("q")};
    ledger_remit(runner_ledger(walk->runner, 0), runner_now(walk->runner), &command, &answer);
}

/* Of the newest call mostly, so that something comes of it. */
static void report(struct walk *walk, uint32_t number)
{
    struct bank_report said = {.remittance = id_of(number),
                               .number = walk->calls[number] - (any(walk, 8) == 0 ? any(walk, 2) : 0),
                               .outcome = (uint8_t)(BANK_SUCCEEDED + any(walk, 3)),
                               .is_permanent = any(walk, 4) == 0};
    if (said.number == 0)
        return;
    (void)snprintf(said.reason, sizeof said.reason, "reason %u", any(walk, 100));
    (void)snprintf(said.reference, sizeof said.reference, "B%u", any(walk, 100));
    ledger_bank_report(runner_ledger(walk->runner, 0), runner_now(walk->runner), &said);
}

static void act(struct walk *walk, uint32_t number)
{
    struct ledger_remittance_answer answer;
    const struct ledger_remittance_command command = {.action = (uint8_t)any(walk, REMITTANCE_SETTLE + 1),
                                                      .money = (uint8_t)any(walk, 3),
                                                      .outcome = (uint8_t)(BANK_SUCCEEDED + any(walk, 2)),
                                                      .call = 1 + any(walk, 4),
                                                      .account = account_of(number),
                                                      .remittance = id_of(number),
                                                      .operator_name = STR_LITERAL("ann"),
                                                      .reason = STR_LITERAL("why")};
    ledger_remittance_act(runner_ledger(walk->runner, 0), runner_now(walk->runner), &command, &answer);
}

static void change_account(struct walk *walk, uint32_t number)
{
    const struct ledger_account_command command = {.kind = any(walk, 2) ? ACCOUNT_FREEZE : ACCOUNT_UNFREEZE,
                                                   .account = account_of(number)};
    (void)runner_account(walk->runner, &command);
}

static void step(struct walk *walk)
{
    uint32_t number = 1 + any(walk, REMITTANCES), what = any(walk, 20);
    if (what < 3)
        request(walk, number);
    else if (what < 12)
        report(walk, number);
    else if (what < 14)
        act(walk, number);
    else if (what == 14)
        change_account(walk, number);
    else if (what == 15)
        ledger_remittance_batch(runner_ledger(walk->runner, 0), runner_now(walk->runner),
                                REMITTANCE_LIST_FAILED, any(walk, 3));
    else
        runner_advance(walk->runner, (int64_t)any(walk, 300) * SECOND);
    ledger_expire(runner_ledger(walk->runner, 0), runner_now(walk->runner));
    runner_flush(walk->runner, 0);
}

static void checker_agrees(struct walk *walk, uint32_t seed)
{
    struct audit *audit = calloc(1, sizeof *audit);
    struct bridge *bridge = calloc(1, sizeof *bridge);
    struct fault fault = {0};
    struct cursor cursor;
    struct journal_commit commit;
    enum err err = ERR_OK;
    assert_true(audit != NULL && bridge != NULL && bridge_init(bridge, 1));
    audit_init(audit, 0, 1, currency_find("KRW", 3), bridge);
    cursor_init(&cursor, runner_journal(walk->runner, 0), 1);
    while (err == ERR_OK && cursor_next(&cursor, &commit) == ERR_OK)
        err = audit_commit(audit, &commit, &fault);
    if (err == ERR_OK)
        err = audit_ids(audit, SECOND, &fault);
    if (err == ERR_OK)
        err = audit_compare(audit, runner_ledger(walk->runner, 0), &fault);
    if (err != ERR_OK)
        fail_msg("walk %u, position %llu: %s", seed, (unsigned long long)fault.position, fault.what);
    cursor_release(&cursor);
    audit_release(audit);
    bridge_release(bridge);
    free(audit);
    free(bridge);
}

static void what_the_core_writes_the_checker_passes(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= WALKS; seed++) {
        struct walk walk = {.calls = {0}};
        struct runner_config config = runner_config_default(1);
        config.seed = seed;
        config.told = hear;
        config.told_context = &walk;
        walk.runner = runner_new(&config);
        world_open(walk.runner, "one", "KRW");
        world_open(walk.runner, "two", "KRW");
        struct ledger_command deposit = world_deposit(9999, "one", 100 * AMOUNT, "KRW");
        assert_int_equal(world_run(walk.runner, &deposit)->code, CODE_OK);
        for (int i = 0; i < STEPS; i++)
            step(&walk);
        runner_settle(walk.runner);
        checker_agrees(&walk, seed);
        runner_destroy(&walk.runner);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_core_writes_the_checker_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
