/* The bank adapter's core does what bank.h promises, reply by reply. */
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

/* A call whose token is there already. */
static void call_with_token(struct world *w, uint32_t id)
{
    world_call(w, id, 1);
    if (world_out(w, "token") > 0)
        world_answer(w, "token 0", "ok");
}

/* Time passes, and whoever wants a token gets it. */
static void wait_with_token(struct world *w, int64_t us)
{
    world_wait(w, us);
    if (world_out(w, "token") > 0)
        world_answer(w, "token 0", "ok");
}

static const struct bank_report *last_report(const struct world *w)
{
    assert_true(w->report_count > 0);
    return &w->reports[w->report_count - 1];
}

static struct bank_view view_of(const struct world *w)
{
    struct bank_view view;
    bank_show(w->bank, 0, &view);
    return view;
}

/* ---- the way of a call ---------------------------------------------------------------------------------------- */

static void a_call_is_prepared_paid_and_reported(void **state)
{
    struct world *w = *state;
    world_call(w, 1, 1);
    world_answer(w, "token 0", "ok");
    uint32_t puts = w->puts;
    world_answer(w, "prepare J1", "go");
    assert_int_equal(w->puts, puts + 1); /* its row, with the request that moves money */
    assert_int_equal(w->out[0].timeout_ms, 30000);
    world_answer(w, "pay J1", "ok");
    assert_int_equal(w->report_count, 1);
    assert_int_equal(last_report(w)->outcome, BANK_SUCCEEDED);
    assert_int_equal(last_report(w)->partition, 3);
    assert_string_equal(last_report(w)->reason, "");
    assert_int_equal(view_of(w).succeeded, 1);
}

static void a_report_is_told_again_until_it_is_acked(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_pay(w, 1, "ok");
    world_wait(w, 4 * SECOND);
    assert_int_equal(w->report_count, 1);
    world_wait(w, 11 * SECOND);
    assert_int_equal(w->report_count, 4);
    world_ack(w, 1, BANK_FAILED); /* of another outcome: it is not meant */
    world_wait(w, 5 * SECOND);
    assert_int_equal(w->report_count, 5);
    world_ack(w, 1, BANK_SUCCEEDED);
    world_wait(w, 100 * SECOND);
    assert_int_equal(w->report_count, 5);
}

static void a_call_told_again_changes_nothing_and_one_that_is_done_is_reported_again(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_call(w, 1, 1);
    world_pay(w, 1, "ok");
    world_call(w, 1, 1);
    assert_int_equal(w->report_count, 2);
    world_ack(w, 1, BANK_SUCCEEDED);
    world_call(w, 1, 1);
    assert_int_equal(w->report_count, 3);
    assert_int_equal(last_report(w)->outcome, BANK_SUCCEEDED);
    assert_int_equal(w->out_count, 0);
    assert_int_equal(w->pays, 1);
}

static void calls_of_one_id_of_two_partitions_are_two(void **state)
{
    struct world *w = *state;
    struct bank_call other = world_call_of(1, 1);
    other.partition = 4;
    call_with_token(w, 1);
    bank_call(w->bank, w->now_us, &other);
    world_run(w);
    world_pay(w, 1, "ok");
    world_ack(w, 1, BANK_SUCCEEDED);
    bank_call(w->bank, w->now_us, &other);
    world_run(w);
    assert_int_equal(w->report_count, 1);
    assert_int_equal(last_report(w)->partition, 3);
    world_pay(w, 2, "ok");
    assert_int_equal(w->pays, 2);
    assert_int_equal(w->report_count, 2);
    assert_int_equal(last_report(w)->partition, 4);
}

static void a_done_job_is_remembered_for_its_time_and_never_sent_again_when_it_is_forgotten(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_pay(w, 1, "taken");
    world_wait(w, SECOND);
    world_answer(w, "ask J1", "ok");
    world_ack(w, 1, BANK_SUCCEEDED);
    world_restart(w);
    world_wait(w, BANK_KEEP_US - SECOND);
    world_call(w, 1, 1);
    assert_int_equal(last_report(w)->outcome, BANK_SUCCEEDED);
    assert_string_equal(last_report(w)->reference, "R1");
    assert_int_equal(w->out_count, 0);
    world_wait(w, 3700 * SECOND);
    for (int times = 0; times < 2; times++) {
        world_call(w, 1, 1);
        assert_int_equal(last_report(w)->outcome, BANK_UNKNOWN);
        assert_int_equal(w->out_count, 0);
        world_restart(w); /* and it stays so */
    }
    struct bank_call call = world_call_of(2, 1);
    call.called_us = w->now_us;
    bank_call(w->bank, w->now_us, &call);
    world_run(w);
    assert_int_equal(w->out_count, 1);
}

static void a_call_without_preparation_is_paid_at_once(void **state)
{
    struct world *w = *state;
    world_call_at(w, "free", "plain", 1);
    world_answer(w, "pay J1", "no");
    assert_int_equal(last_report(w)->outcome, BANK_FAILED);
    assert_false(last_report(w)->is_permanent);
    assert_string_equal(last_report(w)->reason, "the bank says no");
}

static void a_call_that_cannot_be_carried_out_fails_for_good_at_once(void **state)
{
    struct world *w = *state;
    world_call_at(w, "elsewhere", "them", 1);
    assert_int_equal(last_report(w)->outcome, BANK_FAILED);
    assert_true(last_report(w)->is_permanent);
    world_call_at(w, "toy", "nobody", 2);
    assert_true(last_report(w)->is_permanent);
    assert_string_equal(last_report(w)->reason, "nobody is paid");
    assert_int_equal(w->out_count, 0);
    world_restart(w); /* and it stays so */
    assert_int_equal(world_told(w, 1, BANK_FAILED), 2);
    assert_int_equal(world_told(w, 2, BANK_FAILED), 2);
    assert_int_equal(w->out_count, 0);
}

static void another_call_under_the_number_of_one_that_is_done_never_hears_its_outcome(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_pay(w, 1, "ok");
    world_ack(w, 1, BANK_SUCCEEDED);
    world_restart(w);
    for (int what = 0; what < 5; what++) {
        struct bank_call call = world_call_of(1, 1);
        if (what == 0)
            call.step = BANK_REFUND;
        if (what == 1)
            call.amount++;
        if (what == 2)
            call.payee[0]++;
        if (what == 3)
            call.currency++;
        bank_call(w->bank, w->now_us, &call);
        world_run(w);
        assert_int_equal(last_report(w)->outcome, what < 4 ? BANK_UNKNOWN : BANK_SUCCEEDED);
        assert_int_equal(w->out_count, 0);
    }
    world_ack(w, 1, BANK_UNKNOWN);
    assert_int_equal(w->pays, 1);
}

static bool knows_nothing(void *own, const struct rail_job *job)
{
    (void)own, (void)job;
    return false;
}

static struct bank_job_view job_of(const struct world *w)
{
    struct bank_job_view view;
    assert_int_equal(bank_jobs(w->bank, str_from(""), 0, &view, 1), 1);
    return view;
}

static void a_call_from_before_the_store_is_never_sent_and_is_an_operators(void **state)
{
    struct world *w = *state;
    struct bank_call call = world_call_of(1, 1);
    call.called_us = WORLD_BORN_US - 1;
    for (int times = 0; times < 2; times++) {
        bank_call(w->bank, w->now_us, &call);
        world_run(w);
        assert_int_equal(last_report(w)->outcome, BANK_UNKNOWN);
        world_wait(w, 3600 * SECOND);
        assert_int_equal(w->out_count + w->pays + w->asks, 0);
        world_restart(w);
    }
    world_call(w, 2, 1);
    assert_int_equal(w->out_count, 1);
}

/* Asked there, the bank of now would know nothing of it, and the money would move again. */
static void what_was_sent_to_a_bank_that_is_another_one_now_is_left_alone_until_it_is_back(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_answer(w, "prepare J1", "go");
    struct rail other = toy_rail;
    other.knows = knows_nothing;
    w->configs[0].rail = &other;
    world_restart(w);
    world_wait(w, 3600 * SECOND);
    world_call(w, 1, 1);
    assert_int_equal(last_report(w)->outcome, BANK_UNKNOWN);
    assert_non_null(strstr(last_report(w)->reason, "another bank"));
    assert_int_equal(w->out_count, 0);
    w->configs[0].rail = &toy_rail;
    world_restart(w);
    world_wait(w, SECOND);
    world_answer(w, "token 0", "ok");
    world_answer(w, "ask J1", "ok");
    assert_int_equal(last_report(w)->outcome, BANK_SUCCEEDED);
    assert_int_equal(w->pays, 1);
}

/* How long its bank takes what is sent again for the first counts from when it was sent. */
static void a_clock_that_is_set_back_makes_no_payment_younger(void **state)
{
    struct world *w = *state;
    struct rail repeats = toy_rail;
    repeats.repeatable_us = 3600 * SECOND;
    w->configs[0].rail = &repeats;
    world_restart(w);
    struct bank_call call = world_call_of(1, 1);
    bank_call(w->bank, w->now_us, &call);
    world_run(w);
    world_answer(w, "token 0", "ok");
    world_answer(w, "prepare J1", "go");
    world_answer(w, "pay J1", "lost");
    int64_t age_us = w->now_us - job_of(w).job.sent_us;
    w->now_us -= 7200 * SECOND;
    world_wait(w, 0);
    assert_int_equal(w->now_us - job_of(w).job.sent_us, age_us);
    world_restart(
        w); /* nobody knows how far a clock was set while we were away: its row is of the time before, */
    assert_true(w->now_us - job_of(w).job.sent_us >= repeats.repeatable_us);
    w->configs[0].rail = &toy_rail;
}

/* As restore does it, with the store that a core has left. */
static void be_restored(struct world *w)
{
    struct bank_put put;
    uint8_t value[BANK_COPIED_BYTES];
    bank_copied_put(w->now_us, &put, value);
    struct outbox_put row = {put.table, put.key, put.key_length, put.value, put.value_length};
    assert_int_equal(outbox_apply(w->outbox, &row, 1), ERR_OK);
    world_restart(w);
}

static void call_requested_at(struct world *w, uint32_t id, uint32_t number, int64_t requested_us)
{
    struct bank_call call = world_call_of(id, number);
    call.requested_us = requested_us;
    call.called_us = w->now_us;
    bank_call(w->bank, w->now_us, &call);
    world_run(w);
}

static void
a_restored_store_asks_about_what_it_knows_and_sends_nothing_else_of_an_older_remittance(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_pay(w, 1, "lost");
    world_wait(w, 10 * SECOND);
    int64_t before_us = w->now_us - 1;
    be_restored(w);
    uint32_t pays = w->pays;
    world_wait(w, 0);
    world_answer(w, "token 0", "ok");
    world_answer(w, "ask J1",
                 "ok"); /* a pull; so the ledger goes on to the push, which the lost node may have done */
    assert_int_equal(last_report(w)->outcome, BANK_SUCCEEDED);
    call_requested_at(w, 1, 2, before_us);
    assert_int_equal(last_report(w)->number, 2);
    assert_int_equal(last_report(w)->outcome, BANK_UNKNOWN);
    call_requested_at(w, 2, 1, before_us);
    assert_int_equal(world_told(w, 2, BANK_UNKNOWN), 1);
    world_restart(w);
    call_requested_at(w, 2, 1, before_us);
    assert_int_equal(world_told(w, 2, BANK_UNKNOWN), 2);
    world_wait(w, 3600 * SECOND);
    assert_int_equal(world_out(w, "prepare"), 0);
    assert_int_equal(w->pays, pays);
}

static void
a_restored_store_sends_what_was_requested_since_under_ids_that_the_lost_one_never_gave(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_pay(w, 1, "ok");
    world_ack(w, 1, BANK_SUCCEEDED);
    world_wait(w, 10 * SECOND); /* a serial is a millisecond, at the most */
    be_restored(w);
    call_requested_at(w, 1, 1, w->now_us - 1);
    assert_int_equal(world_told(w, 1, BANK_SUCCEEDED), 2);
    call_requested_at(w, 2, 1, w->now_us);
    world_answer(w, "token 0", "ok");
    world_pay(w, 10001, "ok");
    assert_int_equal(world_told(w, 2, BANK_SUCCEEDED), 1);
}

static void each_number_of_a_remittance_is_a_job_of_its_own(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_pay(w, 1, "no");
    world_call(w, 1, 2);
    world_pay(w, 2, "ok");
    assert_int_equal(last_report(w)->number, 2);
    assert_int_equal(last_report(w)->outcome, BANK_SUCCEEDED);
}

/* ---- replies ---------------------------------------------------------------------------------------------------- */

static void a_payment_without_an_answer_is_unknown_once_and_asked_about_ever_more_rarely(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_pay(w, 1, "lost");
    assert_int_equal(world_told(w, 1, BANK_UNKNOWN), 1);
    static const int WAITS_S[] = {1, 2, 4, 8, 16};
    for (size_t i = 0; i < sizeof WAITS_S / sizeof WAITS_S[0]; i++) {
        world_wait(w, WAITS_S[i] * SECOND - 1);
        assert_int_equal(w->asks, i);
        world_wait(w, 1);
        assert_int_equal(w->asks, i + 1);
        world_answer(w, "ask J1", "what");
    }
    assert_int_equal(world_told(w, 1, BANK_UNKNOWN), 1);
    world_call(w, 1, 1);
    assert_int_equal(world_told(w, 1, BANK_UNKNOWN), 2);
    assert_int_equal(w->pays, 1);
    for (int i = 0; i < 20; i++) {
        wait_with_token(w, 600 * SECOND);
        world_answer(w, "ask J1", "what");
    }
    wait_with_token(w, 600 * SECOND);
    world_answer(w, "ask J1", "ok");
    assert_int_equal(world_told(w, 1, BANK_SUCCEEDED), 1);
}

static void not_found_means_nothing_until_the_grace_time_is_over(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_pay(w, 1, "lost");
    for (int64_t waited_s = 0, wait_s = 1; waited_s + wait_s < 60; waited_s += wait_s, wait_s *= 2) {
        world_wait(w, wait_s * SECOND);
        world_answer(w, "ask J1", "gone");
        assert_int_equal(world_told(w, 1, BANK_FAILED), 0);
    }
    world_wait(w, 32 * SECOND);
    world_answer(w, "ask J1", "gone");
    assert_int_equal(world_told(w, 1, BANK_FAILED), 1);
    assert_false(last_report(w)->is_permanent);
}

static void trouble_in_preparing_is_tried_again_twice_and_then_fails_as_nothing_was_sent(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_answer(w, "prepare J1", "lost");
    world_wait(w, SECOND);
    world_answer(w, "prepare J1", "trouble");
    world_wait(w, SECOND);
    assert_int_equal(w->out_count, 0);
    world_wait(w, SECOND);
    world_answer(w, "prepare J1", "refused");
    assert_int_equal(world_told(w, 1, BANK_FAILED), 1);
    assert_false(last_report(w)->is_permanent);
    assert_int_equal(world_told(w, 1, BANK_UNKNOWN), 0);
}

static void a_payment_that_was_never_sent_is_sent_again_and_then_fails(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_pay(w, 1, "refused");
    world_wait(w, SECOND);
    world_answer(w, "pay J1", "refused");
    world_wait(w, 2 * SECOND);
    world_answer(w, "pay J1", "refused");
    assert_int_equal(world_told(w, 1, BANK_FAILED), 1);
    assert_int_equal(world_told(w, 1, BANK_UNKNOWN), 0);
    call_with_token(w, 2);
    world_pay(w, 2, "refused");
    world_wait(w, SECOND);
    world_answer(w, "pay J2", "ok");
    assert_int_equal(world_told(w, 2, BANK_SUCCEEDED), 1);
}

static void grace_counts_from_the_time_that_it_was_really_sent(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_answer(w, "prepare J1", "go");
    world_answer_after(w, "pay J1", "later", 100);
    world_wait(w, 100 * SECOND);
    world_answer(w, "pay J1", "lost");
    world_wait(w, SECOND);
    world_answer(w, "ask J1", "gone");
    assert_int_equal(world_told(w, 1, BANK_FAILED), 0);
}

static void a_payment_whose_rail_would_pay_twice_is_asked_about_instead(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_answer(w, "prepare J1", "go");
    world_answer(w, "pay J1", "more"); /* go on, in the same phase */
    assert_int_equal(world_out(w, "ask J1"), 1);
    assert_int_equal(w->pays, 1);
}

/* A kept connection ends, a transport sends the request again, and the second is refused for its token: that says nothing of the first. */
static void a_request_that_moves_money_may_not_be_sent_again_by_a_transport(void **state)
{
    struct world *w = *state;
    world_call(w, 1, 1);
    assert_true(w->out[0].is_repeatable); /* for a token */
    world_answer(w, "token 0", "ok");
    assert_true(w->out[0].is_repeatable); /* it prepares */
    world_answer(w, "prepare J1", "go");
    assert_false(w->out[0].is_repeatable); /* it pays */
    world_answer(w, "pay J1", "lost");
    world_wait(w, SECOND);
    assert_true(w->out[0].is_repeatable); /* it asks */
}

/* By another day, say: what was not found by the first day long ago may be there by now. */
static void an_inquiry_that_was_broken_off_begins_at_its_first_stage(void **state)
{
    static const char *const breaks[] = {"lost", "refused", "trouble", "restart"};
    struct world *w = *state;
    for (uint32_t i = 0; i < 4; i++) {
        char ask[WORLD_LINE], next[WORLD_LINE];
        uint32_t id = i + 1;
        (void)snprintf(ask, sizeof ask, "ask J%u", id);
        (void)snprintf(next, sizeof next, "ask J%u next", id);
        call_with_token(w, id);
        world_pay(w, id, "lost");
        wait_with_token(w, SECOND);
        world_answer(w, ask, "next");
        assert_int_equal(world_out(w, next), 1);
        if (i < 3)
            world_answer(w, next, breaks[i]);
        else
            world_restart(w);
        wait_with_token(w, 100 * SECOND);
        assert_int_equal(world_out(w, next), 0);
        world_answer(w, ask, "ok");
        assert_int_equal(world_told(w, id, BANK_SUCCEEDED), 1);
    }
}

/* Its first request may have come too early: only an inquiry that began after the grace time may say that there is nothing. */
static void not_found_is_believed_of_an_inquiry_that_began_after_the_grace_time(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_pay(w, 1, "lost");
    world_wait(w, SECOND);
    world_answer(w, "ask J1", "next");
    world_answer_after(w, "ask J1 next", "later", 300);
    world_wait(w, 300 * SECOND);
    world_answer(w, "ask J1 next", "gone");
    assert_int_equal(world_told(w, 1, BANK_FAILED), 0);
    world_wait(w, 2 * SECOND);
    world_answer(w, "ask J1", "gone");
    assert_int_equal(world_told(w, 1, BANK_FAILED), 1);
}

static void an_inquiry_that_never_comes_to_an_end_is_put_off(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_pay(w, 1, "lost");
    world_wait(w, SECOND);
    uint32_t asked = 0;
    for (; w->out_count > 0; asked++)
        world_answer(w, "ask J1", "more");
    assert_true(asked > 1 && asked < 100);
    world_wait(w, 600 * SECOND);
    world_answer(w, "ask J1", "ok");
    assert_int_equal(world_told(w, 1, BANK_SUCCEEDED), 1);
}

static void a_reply_that_nobody_waits_for_changes_nothing(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    struct rail_reply reply = world_reply_of("ok");
    uint64_t number = w->out[0].number;
    world_answer(w, "prepare J1", "go");
    bank_reply(w->bank, w->now_us, number, &reply);
    bank_reply(w->bank, w->now_us, 0, &reply);
    bank_reply(w->bank, w->now_us, UINT64_MAX, &reply);
    world_run(w);
    assert_int_equal(world_out(w, "pay J1"), 1);
    assert_int_equal(w->report_count, 0);
}

/* ---- tokens --------------------------------------------------------------------------------------------------- */

static void a_token_is_asked_once_for_a_hundred_waiting_jobs_and_they_keep_their_order(void **state)
{
    struct world *w = *state;
    for (uint32_t i = 1; i <= 100; i++)
        world_call(w, i, 1);
    assert_int_equal(w->out_count, 1);
    world_answer(w, "token 0", "ok");
    assert_int_equal(w->tokens, 1);
    assert_int_equal(world_out(w, "prepare"), 64);
    for (uint32_t i = 0; i < 64; i++) {
        char line[WORLD_LINE];
        (void)snprintf(line, sizeof line, "prepare J%u", i + 1);
        assert_string_equal(w->out[i].line, line);
    }
}

static void a_token_is_renewed_ahead_of_its_end_and_used_meanwhile(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_pay(w, 1, "ok");
    world_wait(w, 3545 * SECOND);
    call_with_token(w, 2);
    assert_int_equal(w->tokens, 2); /* call_with_token has answered it */
    world_pay(w, 2, "ok");
    world_wait(w, 100 * SECOND);
    world_call(w, 3, 1);
    assert_int_equal(w->tokens, 2);
    world_pay(w, 3, "ok");
}

static void a_refused_token_is_renewed_once_for_all_who_used_it(void **state)
{
    struct world *w = *state;
    for (uint32_t i = 1; i <= 10; i++)
        call_with_token(w, i);
    for (uint32_t i = 1; i <= 10; i++) {
        char line[WORLD_LINE];
        (void)snprintf(line, sizeof line, "prepare J%u", i);
        world_answer(w, line, "token");
    }
    assert_int_equal(w->tokens, 2);
    world_answer(w, "token 0", "ok");
    assert_int_equal(world_out(w, "prepare"), 10);
    assert_int_equal(w->tokens, 2);
}

static void a_call_whose_every_token_is_refused_fails_and_may_be_tried_again(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_answer(w, "prepare J1", "go");
    for (int i = 0; i < 2; i++) {
        world_answer(w, "pay J1", "token");
        world_answer(w, "token 0", "ok");
    }
    world_answer(w, "pay J1", "token");
    assert_int_equal(world_told(w, 1, BANK_FAILED), 1);
    assert_false(last_report(w)->is_permanent);
}

static void a_bank_that_gives_no_token_fails_calls_and_never_inquiries(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_pay(w, 1, "lost");
    world_wait(w, SECOND);
    world_answer(w, "ask J1", "token");
    world_call(w, 2, 1);
    for (int i = 0; i < 3; i++) {
        world_answer(w, "token 0", "no");
        world_wait(w, 5 * SECOND);
    }
    assert_true(world_told(w, 2, BANK_FAILED) > 0);
    assert_string_equal(last_report(w)->reason, "no token: wrong secret");
    world_ack(w, 2, BANK_FAILED);
    assert_int_equal(world_told(w, 1, BANK_FAILED), 0);
    world_wait(w, 60 * SECOND);
    world_answer(w, "token 0", "ok");
    world_answer(w, "ask J1", "ok");
    assert_int_equal(world_told(w, 1, BANK_SUCCEEDED), 1);
}

/* ---- limits --------------------------------------------------------------------------------------------------- */

static void never_more_than_the_allowed_number_is_on_its_way(void **state)
{
    struct world *w = *state;
    w->configs[0].limits.parallel = 3;
    world_restart(w);
    for (uint32_t i = 1; i <= 20; i++)
        call_with_token(w, i);
    assert_int_equal(w->out_count, 3);
    while (w->out_count > 0) {
        char line[WORLD_LINE];
        memcpy(line, w->out[0].line, sizeof line);
        world_answer(w, line, line[1] == 'r' ? "go" : "ok");
        assert_true(w->out_count <= 3);
    }
    assert_int_equal(w->report_count, 20);
}

static void a_job_that_has_begun_goes_before_those_that_have_not(void **state)
{
    struct world *w = *state;
    w->configs[0].limits.parallel = 1;
    world_restart(w);
    call_with_token(w, 1);
    call_with_token(w, 2);
    world_answer(w, "prepare J1", "go");
    assert_int_equal(world_out(w, "pay J1"), 1);
}

static void inquiries_and_calls_take_turns(void **state)
{
    struct world *w = *state;
    w->configs[0].limits.parallel = 1;
    w->configs[0].limits.circuit_failures = 1000;
    world_restart(w);
    for (uint32_t i = 1; i <= 4; i++) {
        call_with_token(w, i);
        world_pay(w, i, "lost");
    }
    for (uint32_t i = 5; i <= 8; i++)
        world_call(w, i, 1);
    world_wait(w, 10 * SECOND); /* one prepares; four want to be asked about */
    char order[16] = "";
    for (int i = 0; i < 7; i++) {
        order[i] = w->out[0].line[0];
        world_answer(w, w->out[0].line, w->out[0].line[0] == 'a' ? "ok" : "no");
    }
    assert_string_equal(order, "papapap");
}

static void a_rate_is_kept(void **state)
{
    struct world *w = *state;
    w->configs[0].limits.rate_per_s = 10;
    world_restart(w);
    for (uint32_t i = 1; i <= 50; i++)
        call_with_token(w, i);
    uint32_t before = view_of(w).requests == 0 ? 0 : (uint32_t)view_of(w).requests;
    for (int i = 0; i < 20; i++)
        world_wait(w, 100000);
    assert_in_range(view_of(w).requests - before, 19, 21);
}

static void later_stops_the_whole_bank_until_its_time_and_no_other(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    call_with_token(w, 2);
    world_answer_after(w, "prepare J1", "later", 7);
    world_answer(w, "prepare J2", "go");
    world_call(w, 3, 1);
    world_call_at(w, "free", "plain", 4);
    assert_int_equal(world_out(w, "pay J4"), 1);
    assert_int_equal(w->out_count, 1);
    assert_int_equal(view_of(w).retry_us, w->now_us + 7 * SECOND);
    world_wait(w, 7 * SECOND - 1);
    assert_int_equal(w->out_count, 1);
    world_wait(w, 1);
    assert_int_equal(w->out_count, 4);
    assert_int_equal(w->report_count, 0);
}

static void a_bank_that_does_not_say_how_much_later_is_given_longer_each_time(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    for (int i = 0; i < 4; i++) {
        world_answer_after(w, "prepare J1", "later", i % 2 == 0 ? -1 : 0);
        world_wait(w, (SECOND << i) - 1);
        assert_int_equal(w->out_count, 0);
        world_wait(w, 1);
    }
    world_answer_after(w, "prepare J1", "later", INT64_MAX);
    wait_with_token(w, 3600 * SECOND);
    assert_int_equal(world_out(w, "prepare J1"), 1);
}

static void a_circuit_opens_is_tried_with_one_request_and_closes(void **state)
{
    struct world *w = *state;
    for (uint32_t i = 1; i <= 8; i++)
        call_with_token(w, i);
    world_answer(w, "prepare J1", "lost");
    world_answer(w, "prepare J2", "what"); /* an answer: it begins from none again */
    for (uint32_t i = 3; i <= 7; i++) {
        char line[WORLD_LINE];
        (void)snprintf(line, sizeof line, "prepare J%u", i);
        assert_int_equal(view_of(w).circuit, BANK_CIRCUIT_CLOSED);
        world_answer(w, line, "trouble");
    }
    assert_int_equal(view_of(w).circuit, BANK_CIRCUIT_OPEN);
    world_answer(w, "prepare J8", "go"); /* a late one does not close it */
    world_wait(w, 5 * SECOND - 1);
    assert_int_equal(w->out_count, 0);
    world_wait(w, 1);
    assert_int_equal(w->out_count, 1);
    assert_int_equal(view_of(w).circuit, BANK_CIRCUIT_HALF_OPEN);
    world_answer(w, w->out[0].line, "lost");
    assert_int_equal(view_of(w).circuit, BANK_CIRCUIT_OPEN);
    world_wait(w, 10 * SECOND - 1);
    assert_int_equal(w->out_count, 0);
    world_wait(w, 1);
    assert_int_equal(w->out_count, 1);
    world_answer(w, w->out[0].line, "what");
    assert_int_equal(view_of(w).circuit, BANK_CIRCUIT_CLOSED);
    assert_true(w->out_count > 1);
    assert_int_equal(w->report_count, world_told(w, 8, BANK_UNKNOWN));
}

static void a_circuit_is_tried_out_with_an_inquiry_where_there_is_one(void **state)
{
    struct world *w = *state;
    w->configs[0].limits.circuit_failures = 1;
    world_restart(w);
    call_with_token(w, 1);
    call_with_token(w, 2);
    world_answer(w, "prepare J1", "go");
    world_answer(w, "pay J1", "lost");
    world_answer(w, "prepare J2", "go");
    world_wait(w, 5 * SECOND);
    assert_int_equal(w->out_count, 1);
    assert_int_equal(world_out(w, "ask J1"), 1);
}

/* ---- callbacks -------------------------------------------------------------------------------------------------- */

static void a_callback_makes_an_inquiry_due_now(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_pay(w, 1, "taken");
    assert_true(world_event(w, "e1", "", "R1"));
    assert_int_equal(world_out(w, "ask J1"), 1);
    world_answer(w, "ask J1", "what");
    assert_true(world_event(w, "e2", "J1", ""));
    assert_int_equal(world_out(w, "ask J1"), 1);
}

static void a_callback_before_the_answer_asks_right_after_it(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    world_answer(w, "prepare J1", "go");
    assert_true(world_event(w, "e1", "J1", ""));
    assert_int_equal(w->out_count, 1);
    world_answer(w, "pay J1", "taken");
    assert_int_equal(world_out(w, "ask J1"), 1);
    assert_true(world_event(w, "e2", "J1", "")); /* while it is being asked about */
    world_answer(w, "ask J1", "what");
    assert_int_equal(world_out(w, "ask J1"), 1);
    world_answer(w, "ask J1", "what");
    assert_int_equal(w->out_count, 0);
}

static void a_callback_twice_after_the_end_or_about_nothing_changes_nothing(void **state)
{
    struct world *w = *state;
    call_with_token(w, 1);
    assert_true(world_event(w, "e0", "J1", "")); /* too early: nothing was paid */
    world_pay(w, 1, "taken");
    w->asks = 0;
    world_wait(w, SECOND);
    world_answer(w, "ask J1", "what");
    assert_true(world_event(w, "e1", "J1", "R1"));
    world_answer(w, "ask J1", "what");
    uint32_t asks = w->asks;
    world_restart(w);
    world_wait(w, 1);
    world_answer(w, "token 0", "ok");
    world_answer(w, "ask J1", "what");
    assert_true(world_event(w, "e1", "J1", "R1")); /* seen, a restart ago */
    assert_int_equal(w->asks, asks + 1);
    assert_true(world_event(w, "e2", "J77", "R77"));
    world_wait(w, 10 * SECOND);
    world_answer(w, "ask J1", "ok");
    assert_true(world_event(w, "e3", "J1", "R1"));
    assert_int_equal(w->out_count, 0);
    assert_int_equal(world_told(w, 1, BANK_SUCCEEDED) + world_told(w, 1, BANK_FAILED), 1);
}

static void a_callback_for_a_bank_that_is_not_there_is_not_kept(void **state)
{
    struct world *w = *state;
    struct rail_notice notice = {.event = "e"};
    bank_callback(w->bank, w->now_us, "elsewhere", &notice, w);
    world_run(w);
    assert_int_equal(w->answer_count, 1);
    assert_false(w->answers[0].is_kept);
}

static void an_event_is_forgotten_after_its_time(void **state)
{
    struct world *w = *state;
    assert_true(world_event(w, "e1", "", ""));
    uint32_t puts = w->puts;
    assert_true(world_event(w, "e1", "", ""));
    assert_int_equal(w->puts, puts);
    world_wait(w, 599 * SECOND);
    assert_int_equal(w->puts, puts);
    world_wait(w, 20 * SECOND);
    assert_int_equal(w->puts, puts + 1);
    assert_true(world_event(w, "e1", "", ""));
    assert_int_equal(w->puts, puts + 2);
}

/* ---- looking in ------------------------------------------------------------------------------------------------- */

static void jobs_are_listed_in_order_with_what_they_wait_for(void **state)
{
    struct world *w = *state;
    struct bank_job_view views[8];
    world_call_at(w, "free", "them", 1);
    call_with_token(w, 2);
    world_pay(w, 2, "lost");
    world_call(w, 3, 1);
    world_pay(w, 3, "ok");
    assert_int_equal(bank_jobs(w->bank, STR_LITERAL(""), 0, views, 8), 3);
    assert_int_equal(views[0].serial, WORLD_FIRST_SERIAL);
    assert_int_equal(views[0].state, BANK_JOB_PREPARING);
    assert_int_equal(views[1].state, BANK_JOB_ASKING);
    assert_int_equal(views[1].next_us, w->now_us + SECOND);
    assert_string_equal(views[1].reason, "no answer");
    assert_int_equal(views[2].state, BANK_JOB_DONE);
    assert_int_equal(bank_jobs(w->bank, STR_LITERAL("toy"), WORLD_FIRST_SERIAL + 1, views, 8), 1);
    assert_int_equal(bank_jobs(w->bank, STR_LITERAL(""), 0, views, 2), 2);
    assert_int_equal(view_of(w).unknown, 1);
    assert_int_equal(view_of(w).queued, 0);
    assert_int_equal(bank_count(w->bank), 2);
    assert_true(view_of(w).token_until_us > w->now_us);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_is_prepared_paid_and_reported),
        TEST(a_report_is_told_again_until_it_is_acked),
        TEST(a_call_told_again_changes_nothing_and_one_that_is_done_is_reported_again),
        TEST(calls_of_one_id_of_two_partitions_are_two),
        TEST(a_done_job_is_remembered_for_its_time_and_never_sent_again_when_it_is_forgotten),
        TEST(a_call_without_preparation_is_paid_at_once),
        TEST(a_call_that_cannot_be_carried_out_fails_for_good_at_once),
        TEST(another_call_under_the_number_of_one_that_is_done_never_hears_its_outcome),
        TEST(a_call_from_before_the_store_is_never_sent_and_is_an_operators),
        TEST(what_was_sent_to_a_bank_that_is_another_one_now_is_left_alone_until_it_is_back),
        TEST(a_clock_that_is_set_back_makes_no_payment_younger),
        TEST(a_restored_store_asks_about_what_it_knows_and_sends_nothing_else_of_an_older_remittance),
        TEST(a_restored_store_sends_what_was_requested_since_under_ids_that_the_lost_one_never_gave),
        TEST(each_number_of_a_remittance_is_a_job_of_its_own),
        TEST(a_payment_without_an_answer_is_unknown_once_and_asked_about_ever_more_rarely),
        TEST(not_found_means_nothing_until_the_grace_time_is_over),
        TEST(trouble_in_preparing_is_tried_again_twice_and_then_fails_as_nothing_was_sent),
        TEST(a_payment_that_was_never_sent_is_sent_again_and_then_fails),
        TEST(grace_counts_from_the_time_that_it_was_really_sent),
        TEST(a_payment_whose_rail_would_pay_twice_is_asked_about_instead),
        TEST(a_request_that_moves_money_may_not_be_sent_again_by_a_transport),
        TEST(an_inquiry_that_was_broken_off_begins_at_its_first_stage),
        TEST(not_found_is_believed_of_an_inquiry_that_began_after_the_grace_time),
        TEST(an_inquiry_that_never_comes_to_an_end_is_put_off),
        TEST(a_reply_that_nobody_waits_for_changes_nothing),
        TEST(a_token_is_asked_once_for_a_hundred_waiting_jobs_and_they_keep_their_order),
        TEST(a_token_is_renewed_ahead_of_its_end_and_used_meanwhile),
        TEST(a_refused_token_is_renewed_once_for_all_who_used_it),
        TEST(a_call_whose_every_token_is_refused_fails_and_may_be_tried_again),
        TEST(a_bank_that_gives_no_token_fails_calls_and_never_inquiries),
        TEST(never_more_than_the_allowed_number_is_on_its_way),
        TEST(a_job_that_has_begun_goes_before_those_that_have_not),
        TEST(inquiries_and_calls_take_turns),
        TEST(a_rate_is_kept),
        TEST(later_stops_the_whole_bank_until_its_time_and_no_other),
        TEST(a_bank_that_does_not_say_how_much_later_is_given_longer_each_time),
        TEST(a_circuit_opens_is_tried_with_one_request_and_closes),
        TEST(a_circuit_is_tried_out_with_an_inquiry_where_there_is_one),
        TEST(a_callback_makes_an_inquiry_due_now),
        TEST(a_callback_before_the_answer_asks_right_after_it),
        TEST(a_callback_twice_after_the_end_or_about_nothing_changes_nothing),
        TEST(a_callback_for_a_bank_that_is_not_there_is_not_kept),
        TEST(an_event_is_forgotten_after_its_time),
        TEST(jobs_are_listed_in_order_with_what_they_wait_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
