/* Each place where a remittance may fail, times each way in which a bank may fail to answer, times each fate of its callbacks,
 * on both rails: in the end our ledger and the bank's agree, and nothing was paid twice. Virtual time, and the server's own cores and rails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "actors/ledger/remittance_states.h"
#include "sim/remittances/case.h"

enum { PLACES = 4, FAULTS = 5, CALLBACKS = 4, RAILS = 2 };

/* Deposit and withdrawal fail in our own books; the bank's trouble is then that of the call before or after. */
struct place {
    const char *name, *step; /* of the bank */
    int64_t no_deposit_s, no_withdrawal_s;
};

static const struct place PLACE[PLACES] = {
    {"the pull", "pull", 0, 0},
    {"our deposit", "pull", 15, 0},
    {"our withdrawal", "push", 0, 15},
    {"the push", "push", 0, 0},
};

struct trouble {
    const char *name, *rule;
};

/* Once each, but a refusal, which stays. */
static const struct trouble FAULT[FAULTS] = {
    {"refused", "\"do\": \"refused\""},
    {"a timeout before", "\"do\": \"timeout\", \"when\": \"before\", \"count\": 1"},
    {"a timeout after", "\"do\": \"timeout\", \"when\": \"after\", \"count\": 1"},
    {"500", "\"do\": \"status\", \"when\": \"after\", \"status\": 500, \"count\": 1"},
    {"a broken body", "\"do\": \"half\", \"when\": \"after\", \"count\": 1"},
};

static const char *const CALLBACK[CALLBACKS] = {"callback_early", "callback_late", "callback_never",
                                                "callback_twice"};

/* A payee is refused, not the payer whom a refund goes to. */
static const char *rules_of(char *out, size_t room, const struct place *place, const struct trouble *trouble,
                            const char *callback)
{
    static const char *const payees[] = {"20000000", "097:"};
    if (strcmp(place->step, "pull") == 0)
        snprintf(out, room, "[{\"step\": \"pull\", %s}, {\"do\": \"%s\"}]", trouble->rule, callback);
    else
        snprintf(out, room,
                 "[{\"step\": \"push\", \"account\": \"%s\", %s}, {\"step\": \"push\", \"account\": \"%s\", "
                 "%s}, {\"do\": "
                 "\"%s\"}]",
                 payees[0], trouble->rule, payees[1], trouble->rule, callback);
    return out;
}

static void check(const struct remittance_case_result *result, const char *what, uint8_t state)
{
    if (result->breach.invariant != NULL)
        fail_msg("%s: %s: %s", what, result->breach.invariant, result->breach.text);
    if (result->state != state)
        fail_msg("%s: it is %s, not %s", what, machine_state_name(&REMITTANCE_STATES, result->state),
                 machine_state_name(&REMITTANCE_STATES, state));
}

static void play(const struct place *place, const struct trouble *fault, const char *callback, uint32_t rail)
{
    char rules[512], what[512];
    struct remittance_case_result result;
    bool is_refused = fault == &FAULT[0], at_push = strcmp(place->step, "push") == 0;
    const struct remittance_case one = {
        .bank = rail,
        .rules = rules_of(rules, sizeof rules, place, fault, callback),
        .has_callbacks = true,
        .no_deposit_s = place->no_deposit_s,
        .no_withdrawal_s = place->no_withdrawal_s,
        .asked_s = 60,
        .length_s = 6 * 3600,
    };
    uint8_t right = !is_refused ? REMITTANCE_COMPLETED : at_push ? REMITTANCE_REFUNDED : REMITTANCE_FAILED;
    snprintf(what, sizeof what, "%s, %s, %s, on %s", place->name, fault->name, callback,
             rail == 0 ? "kftc" : "obie");
    remittance_case_run(&one, NULL, &result);
    check(&result, what, right);
    uint32_t pulls = right != REMITTANCE_FAILED, pushes = right == REMITTANCE_COMPLETED;
    if (result.pulls != pulls || result.pushes != pushes || result.refunds != (right == REMITTANCE_REFUNDED))
        fail_msg("%s: %u pulls, %u pushes, %u refunds at the bank", what, result.pulls, result.pushes,
                 result.refunds);
}

static void our_ledger_and_the_banks_agree_whatever_fails_where(void **state)
{
    (void)state;
    for (size_t place = 0; place < PLACES; place++)
        for (size_t fault = 0; fault < FAULTS; fault++)
            for (size_t callback = 0; callback < CALLBACKS; callback++)
                for (uint32_t rail = 0; rail < RAILS; rail++)
                    play(&PLACE[place], &FAULT[fault], CALLBACK[callback], rail);
}

static void a_push_that_fails_for_good_goes_to_an_operator_where_the_policy_says_so(void **state)
{
    (void)state;
    for (uint32_t rail = 0; rail < RAILS; rail++) {
        struct remittance_case_result result;
        const struct remittance_case one = {.bank = rail,
                                            .rules = "[{\"step\": \"push\", \"do\": \"refused\"}]",
                                            .operator_refunds = true,
                                            .asked_s = 60,
                                            .length_s = 3600};
        remittance_case_run(&one, NULL, &result);
        check(&result, "an operator's", REMITTANCE_DEAD_LETTER);
        assert_int_equal(result.pulls, 1);
        assert_int_equal(result.pushes + result.refunds, 0);
    }
}

static void ten_minutes_without_an_end_raise_one_alarm_that_ends_with_the_remittance(void **state)
{
    (void)state;
    for (uint32_t rail = 0; rail < RAILS; rail++) {
        struct remittance_case_result result;
        struct remittance_case one = {
            .bank = rail,
            .rules = "[{\"do\": \"outage\", \"count\": 1, \"seconds\": 1500, \"how\": \"timeout\"}]",
            .asked_s = 60,
            .length_s = 60 + 590};
        remittance_case_run(&one, NULL, &result);
        assert_int_equal(result.alarms, 0);
        one.length_s = 60 + 610;
        remittance_case_run(&one, NULL, &result);
        assert_int_equal(result.alarms, 1);
        assert_true(result.is_alarmed);
        one.length_s = 6 * 3600;
        remittance_case_run(&one, NULL, &result);
        check(&result, "an outage", REMITTANCE_COMPLETED);
        assert_int_equal(result.alarms, 1);
        assert_false(result.is_alarmed);
    }
}

/* KFTC knows a payment by its id and its day: asked about after midnight, it is that of the day before. */
static void what_was_sent_before_midnight_is_found_after_it(void **state)
{
    (void)state;
    for (int64_t before_s = 0; before_s <= 4; before_s++) {
        struct remittance_case_result result;
        const struct remittance_case one = {
            .bank = 0,
            .rules = "[{\"step\": \"pull\", \"do\": \"timeout\", \"when\": \"after\", \"count\": 1},"
                     " {\"step\": \"push\", \"do\": \"timeout\", \"when\": \"after\", \"count\": 1}]",
            .asked_s = 1800 - 2 - before_s * 8,
            .length_s = 7200};
        remittance_case_run(&one, NULL, &result);
        check(&result, "midnight", REMITTANCE_COMPLETED);
        assert_int_equal(result.pulls, 1);
        assert_int_equal(result.pushes, 1);
    }
}

static void a_step_is_tried_three_times_ten_seconds_apart_and_then_is_on_its_list(void **state)
{
    struct remittance_case_result result;
    (void)state;
    const struct remittance_case one = {
        .bank = 0, .rules = "[]", .no_withdrawal_s = 3600, .asked_s = 60, .length_s = 120};
    remittance_case_run(&one, NULL, &result);
    check(&result, "a withdrawal", REMITTANCE_WITHDRAWAL_FAILED);
    assert_in_range(result.ended_s, 20, 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_ledger_and_the_banks_agree_whatever_fails_where),
        cmocka_unit_test(a_push_that_fails_for_good_goes_to_an_operator_where_the_policy_says_so),
        cmocka_unit_test(ten_minutes_without_an_end_raise_one_alarm_that_ends_with_the_remittance),
        cmocka_unit_test(what_was_sent_before_midnight_is_found_after_it),
        cmocka_unit_test(a_step_is_tried_three_times_ten_seconds_apart_and_then_is_on_its_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
