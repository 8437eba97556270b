/* Restarts, banks that come and go, clocks, and memory that is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/bank/world.h"

static int begin(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    world_init(world);
    *state = world;
    return 0;
}

static int finish(void **state)
{
    struct world *world = *state;
    world_release(world);
    free(world);
    return 0;
}

static void answer_tokens(struct world *w)
{
    while (world_out(w, "token") > 0)
        world_answer(w, "token 0", "ok");
}

static void a_payment_that_was_on_its_way_at_a_restart_is_asked_about_and_never_sent_again(void **state)
{
    struct world *w = *state;
    world_call(w, 1, 1);
    answer_tokens(w);
    world_answer(w, "prepare J1", "go");
    world_restart(w);
    world_call(w, 1, 1);
    assert_int_equal(world_told(w, 1, BANK_UNKNOWN), 1); /* its ledger has not heard of it */
    world_wait(w, 0);
    answer_tokens(w);
    world_answer(w, "ask J1", "gone"); /* it may be on its way still: the grace time begins anew */
    assert_int_equal(world_told(w, 1, BANK_FAILED), 0);
    world_wait(w, 2 * SECOND);
    world_answer(w, "ask J1", "ok");
    assert_int_equal(world_told(w, 1, BANK_SUCCEEDED), 1);
    assert_int_equal(w->pays, 1);
}

static void a_preparation_is_forgotten_by_a_restart_and_begins_anew_with_another_id(void **state)
{
    struct world *w = *state;
    world_call(w, 1, 1);
    answer_tokens(w);
    assert_int_equal(world_out(w, "prepare J1"), 1);
    world_restart(w);
    assert_int_equal(w->out_count, 0);
    world_call(w, 1, 1);
    answer_tokens(w);
    assert_int_equal(world_out(w, "prepare J"), 1);
    assert_int_equal(world_out(w, "prepare J1"), 0);
}

static void what_was_told_for_good_is_told_the_same_after_a_restart(void **state)
{
    struct world *w = *state;
    world_call(w, 1, 1);
    answer_tokens(w);
    world_answer(w, "prepare J1", "never");
    world_restart(w);
    assert_int_equal(world_told(w, 1, BANK_FAILED), 2);
    assert_true(w->reports[1].is_permanent);
    assert_string_equal(w->reports[1].reason, "the bank says never");
    assert_int_equal(w->reports[1].partition, 3);
    world_ack(w, 1, BANK_FAILED);
    world_restart(w);
    world_wait(w, 100 * SECOND);
    assert_int_equal(w->report_count, 2);
    world_call(w, 1, 1);
    assert_int_equal(world_told(w, 1, BANK_FAILED), 3);
    assert_true(w->reports[2].is_permanent);
    assert_int_equal(w->out_count, 0);
}

static void thousands_do_not_ask_at_once_after_a_restart(void **state)
{
    struct world *w = *state;
    w->configs[1].limits.parallel = 1024;
    world_restart(w);
    for (uint32_t i = 1; i <= 1000; i++)
        world_call_at(w, "free", "plain", i);
    assert_int_equal(w->pays, 1000);
    world_restart(w);
    world_wait(w, SECOND - 1);
    assert_int_equal(w->asks, 100);
    assert_string_equal(w->out[7].line, "ask J8"); /* in order */
    world_wait(w, 9 * SECOND);
    assert_int_equal(w->asks, 1000);
}

static void a_job_of_a_bank_that_is_not_configured_waits_for_it(void **state)
{
    struct world *w = *state;
    world_call_at(w, "free", "plain", 1);
    world_call_at(w, "free", "plain", 2);
    world_answer(w, "pay J2", "no");
    w->config_count = 1;
    world_restart(w);
    world_wait(w, 100 * SECOND);
    assert_int_equal(w->asks, 0);
    assert_true(world_told(w, 2, BANK_FAILED) > 1);
    world_ack(w, 2, BANK_FAILED);
    world_call_at(w, "free", "plain", 1);
    assert_int_equal(world_told(w, 1, BANK_UNKNOWN), 1);
    assert_int_equal(world_told(w, 1, BANK_FAILED), 0);
    w->config_count = 2;
    world_restart(w);
    world_wait(w, 0);
    world_answer(w, "ask J1", "ok");
    assert_int_equal(world_told(w, 1, BANK_SUCCEEDED), 1);
}

static void a_clock_that_is_set_back_holds_nothing_up(void **state)
{
    struct world *w = *state;
    world_call_at(w, "free", "plain", 1);
    world_answer(w, "pay J1", "lost");
    w->now_us -= 3600 * SECOND;
    world_wait(w, 0);
    world_wait(w, SECOND);
    world_answer(w, "ask J1", "gone");
    assert_int_equal(world_told(w, 1, BANK_FAILED), 0);
    world_wait(w, 60 * SECOND);
    while (w->out_count > 0) {
        world_answer(w, "ask J1", "gone");
        world_wait(w, 60 * SECOND);
    }
    assert_true(world_told(w, 1, BANK_FAILED) > 0);
}

static void a_clock_that_is_set_on_does_not_end_the_grace_time(void **state)
{
    struct world *w = *state;
    world_call_at(w, "free", "plain", 1);
    world_answer(w, "pay J1", "lost");
    w->now_us += 3600 * SECOND;
    world_wait(w, 0);
    world_answer(w, "ask J1", "gone");
    assert_int_equal(world_told(w, 1, BANK_FAILED), 0);
}

static void a_row_that_is_not_ours_is_corrupt(void **state)
{
    struct world *w = *state;
    struct bank *bank = bank_new(w->configs, 2, 0, &w->mem);
    static const uint8_t KEY[20] = {1}, VALUE[40] = {1, 1};
    assert_int_equal(bank_restore(bank, BANK_TABLE_JOBS, KEY, 20, VALUE, sizeof VALUE), ERR_CORRUPT);
    assert_int_equal(bank_restore(bank, BANK_TABLE_JOBS, KEY, 19, VALUE, sizeof VALUE), ERR_CORRUPT);
    assert_int_equal(bank_restore(bank, BANK_TABLE_EVENTS, KEY, 20, VALUE, 9), ERR_CORRUPT);
    assert_int_equal(bank_restore(bank, BANK_TABLE_EVENTS, KEY, 16, VALUE, 8), ERR_CORRUPT);
    assert_int_equal(bank_restore(bank, 4, KEY, 16, VALUE, 9), ERR_CORRUPT);
    bank_destroy(&bank);
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static void a_core_that_gets_no_memory_is_none(void **state)
{
    struct world *w = *state;
    for (uint64_t nth = 1;; nth++) {
        uint64_t blocks = w->counting.live_blocks;
        counting_mem_fail(&w->counting, nth, 1);
        struct bank *bank = bank_new(w->configs, 2, 0, &w->mem);
        if (bank != NULL) {
            assert_true(nth > 5);
            bank_destroy(&bank);
            break;
        }
        assert_int_equal(w->counting.live_blocks, blocks);
    }
    counting_mem_fail(&w->counting, 0, 0);
}

/* Enough calls, callbacks and acks to ask for every kind of memory. */
static void work(struct world *w, uint32_t first)
{
    for (uint32_t i = 0; i < 300; i++)
        world_call_at(w, "free", "plain", first + i);
    while (w->out_count > 0) {
        char line[WORLD_LINE];
        memcpy(line, w->out[0].line, sizeof line);
        world_answer(w, line, "taken");
    }
    for (uint32_t i = 0; i < 40; i++) {
        char event[16];
        (void)snprintf(event, sizeof event, "e%u", first + i);
        struct rail_notice notice = {.until_us = w->now_us + SECOND};
        (void)snprintf(notice.event, sizeof notice.event, "e%u", first + i);
        (void)snprintf(notice.resource, sizeof notice.resource, "R%u", first + i);
        bank_callback(w->bank, w->now_us, "free", &notice, w);
    }
    world_run(w);
    world_wait(w, 20 * SECOND);
    while (w->out_count > 0) {
        char line[WORLD_LINE];
        memcpy(line, w->out[0].line, sizeof line);
        world_answer(w, line, "ok");
        world_wait(w, SECOND / 100);
    }
    for (uint32_t i = 0; i < 300; i++)
        world_ack(w, first + i, BANK_SUCCEEDED);
    bank_check(w->bank);
}

static void refused_memory_leaves_calls_and_acks_where_they_are(void **state)
{
    struct world *w = *state;
    uint64_t before = w->counting.asked;
    uint64_t needed = 60; /* at the most */
    for (uint64_t nth = 1; nth <= needed; nth++) {
        world_restart(w);
        before = w->counting.asked;
        counting_mem_fail(&w->counting, nth, 3);
        w->report_count = w->answer_count = 0;
        work(w, (uint32_t)nth * 1000);
        counting_mem_fail(&w->counting, 0, 0);
        w->report_count = w->answer_count = 0;
        uint32_t pays = w->pays;
        work(w, (uint32_t)nth * 1000); /* everything is told again: what is done stays done */
        work(w, (uint32_t)nth * 1000);
        struct bank_job_view views[4];
        assert_int_equal(bank_jobs(w->bank, STR_LITERAL(""), 0, views, 4), 0);
        assert_int_equal(w->pays, (uint32_t)nth * 300);
        assert_true(w->pays >= pays);
        if (w->counting.failed == 0 || w->counting.asked - before < nth)
            break;
    }
    assert_true(w->counting.failed > 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_payment_that_was_on_its_way_at_a_restart_is_asked_about_and_never_sent_again),
        TEST(a_preparation_is_forgotten_by_a_restart_and_begins_anew_with_another_id),
        TEST(what_was_told_for_good_is_told_the_same_after_a_restart),
        TEST(thousands_do_not_ask_at_once_after_a_restart),
        TEST(a_job_of_a_bank_that_is_not_configured_waits_for_it),
        TEST(a_clock_that_is_set_back_holds_nothing_up),
        TEST(a_clock_that_is_set_on_does_not_end_the_grace_time),
        TEST(a_row_that_is_not_ours_is_corrupt),
        TEST(a_core_that_gets_no_memory_is_none),
        TEST(refused_memory_leaves_calls_and_acks_where_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
