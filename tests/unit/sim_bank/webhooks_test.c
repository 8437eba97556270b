/* What the virtual bank tells without being asked: when, to whom, how often, and how it lies. The generic callback is read by the code that
 * teller reads it with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/callback/callback.h"
#include "tests/unit/sim_bank/bank_kit.h"

#define DEPOSIT "/v2.0/transfer/deposit/fin_num"
#define PAYEE "'fintech_use_num':'222222222222222222222222'"
#define SECRET "the callbacks' secret"
#define SECOND INT64_C(1000000)

static void open_kit(struct kit *kit)
{
    struct virtual_bank_options options = virtual_bank_options_default();
    options.callback_url = "http://127.0.0.1/callbacks";
    options.callback_secret = SECRET;
    kit_open(kit, &options);
}

/* One deposit that meets a rule; NULL: none. */
static void pay(struct kit *kit, const char *rule)
{
    char rules[160];
    snprintf(rules, sizeof rules, "[{'do':'%s'}]", rule != NULL ? rule : "");
    kit_rules(kit, rule != NULL ? rules : "[]");
    assert_int_equal(kit_ask(kit, DEPOSIT, kit_deposit("000000001", PAYEE, "700")), 200);
}

/* What teller takes it for. */
static enum rail_post_result read_post(const struct kit *kit, const struct virtual_post *post,
                                       struct rail_notice *out)
{
    struct rail_post read = {.content_type = post->content_type, .body = post->body, .length = post->length};
    for (size_t i = 0; i < post->header_count; i++) {
        if (strcmp(post->headers[i].name, "Teller-Timestamp") == 0)
            read.timestamp = post->headers[i].value;
        if (strcmp(post->headers[i].name, "Teller-Signature") == 0)
            read.signature = post->headers[i].value;
    }
    return callback_read(SECRET, &read, kit->now_us, out);
}

/* The next post, which is due now and is taken; what it says. */
static enum rail_post_result take(struct kit *kit, struct rail_notice *out)
{
    struct virtual_post post;
    assert_true(virtual_bank_post(kit->bank, kit->now_us, &post));
    enum rail_post_result result = read_post(kit, &post, out);
    virtual_bank_posted(kit->bank, kit->now_us, post.id, 202);
    return result;
}

static void assert_nothing_is_due(struct kit *kit)
{
    struct virtual_post post;
    assert_false(virtual_bank_post(kit->bank, kit->now_us, &post));
    assert_int_equal(virtual_bank_due_us(kit->bank), INT64_MAX);
}

static const char *reference_of(const struct kit *kit, uint64_t number)
{
    static struct virtual_entry entry;
    assert_true(virtual_bank_entry(kit->bank, number, &entry));
    return entry.reference;
}

static void a_payment_is_told_of_once(void **state)
{
    (void)state;
    struct kit kit;
    struct rail_notice notice;
    open_kit(&kit);
    pay(&kit, NULL);
    assert_int_equal(virtual_bank_due_us(kit.bank), kit.now_us);
    assert_int_equal(take(&kit, &notice), RAIL_POST_TAKEN);
    assert_string_equal(notice.id, "T991234560U000000001");
    assert_nothing_is_due(&kit);
    kit_close(&kit);
}

static void what_is_not_taken_comes_again_twice_as_late_each_time_and_ends(void **state)
{
    (void)state;
    struct kit kit;
    struct rail_notice first, again;
    struct virtual_post post;
    int64_t pause = SECOND;
    open_kit(&kit);
    pay(&kit, NULL);
    for (uint64_t i = 0; i < 64; i++) {
        assert_true(virtual_bank_post(kit.bank, kit.now_us, &post));
        assert_int_equal(read_post(&kit, &post, i == 0 ? &first : &again), RAIL_POST_TAKEN);
        assert_false(virtual_bank_post(kit.bank, kit.now_us, &post));
        virtual_bank_posted(kit.bank, kit.now_us, post.id, i % 2 == 0 ? 0 : 500);
        if (i == 63)
            break;
        assert_int_equal(virtual_bank_due_us(kit.bank), kit.now_us + pause);
        kit.now_us += pause;
        pause = pause * 2 < 600 * SECOND ? pause * 2 : 600 * SECOND;
    }
    assert_string_equal(first.event, again.event);
    assert_nothing_is_due(&kit);
    assert_int_equal(virtual_webhooks_figures(kit.bank).dropped, 1);
    assert_int_equal(virtual_webhooks_figures(kit.bank).repeated, 63);
    kit_close(&kit);
}

static void callback_late_is_due_later_and_never_not_at_all(void **state)
{
    (void)state;
    struct kit kit;
    struct rail_notice notice;
    open_kit(&kit);
    pay(&kit, "callback_late");
    assert_int_equal(virtual_bank_due_us(kit.bank), kit.now_us + 30 * SECOND);
    kit.now_us += 30 * SECOND;
    assert_int_equal(take(&kit, &notice), RAIL_POST_TAKEN);
    kit_close(&kit);
    open_kit(&kit);
    pay(&kit, "callback_never");
    assert_nothing_is_due(&kit);
    kit_close(&kit);
}

static void callback_early_is_due_while_the_reply_waits(void **state)
{
    (void)state;
    struct kit kit;
    struct rail_notice notice;
    open_kit(&kit);
    pay(&kit, "callback_early");
    assert_int_equal(kit.reply.delay_us, SECOND);
    assert_int_equal(take(&kit, &notice), RAIL_POST_TAKEN);
    assert_int_equal(take(&kit, &notice), RAIL_POST_TAKEN);
    assert_nothing_is_due(&kit);
    assert_int_equal(kit_ask(&kit, DEPOSIT, kit_deposit("000000002", PAYEE, "700")), 200);
    kit_rules(&kit, "[]");
    assert_int_equal(kit_ask(&kit, DEPOSIT, kit_deposit("000000003", PAYEE, "700")), 200);
    assert_int_equal(kit.reply.delay_us, 0);
    kit_close(&kit);
}

static void callback_twice_is_the_same_event_and_another(void **state)
{
    (void)state;
    struct kit kit;
    struct rail_notice notices[3];
    open_kit(&kit);
    pay(&kit, "callback_twice");
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(take(&kit, &notices[i]), RAIL_POST_TAKEN);
    assert_string_equal(notices[0].event, notices[1].event);
    assert_string_not_equal(notices[0].event, notices[2].event);
    assert_string_equal(notices[0].id, notices[2].id);
    assert_nothing_is_due(&kit);
    kit_close(&kit);
}

static void callbacks_lie_are_about_nobody_or_forged(void **state)
{
    (void)state;
    struct kit kit;
    struct rail_notice notice;
    struct virtual_post post;
    open_kit(&kit);
    pay(&kit, "callback_contradictory");
    assert_true(virtual_bank_post(kit.bank, kit.now_us, &post));
    assert_non_null(strstr(post.body, "\"status\":\"rejected\""));
    assert_true(virtual_bank_post(kit.bank, kit.now_us, &post));
    assert_non_null(strstr(post.body, "\"status\":\"credited\""));
    kit_close(&kit);
    open_kit(&kit);
    pay(&kit, "callback_unknown");
    assert_int_equal(take(&kit, &notice), RAIL_POST_TAKEN);
    assert_string_not_equal(notice.resource, reference_of(&kit, 1));
    assert_null(virtual_payment_find(kit.bank, notice.resource));
    kit_close(&kit);
    open_kit(&kit);
    pay(&kit, "callback_forged");
    assert_int_equal(take(&kit, &notice), RAIL_POST_FORGED);
    kit_close(&kit);
}

static void a_payment_meets_a_rule_of_its_reply_and_one_of_its_callback(void **state)
{
    (void)state;
    struct kit kit;
    struct rail_notice notice;
    open_kit(&kit);
    kit_rules(&kit, "[{'do':'callback_late','count':1},{'do':'hangup','when':'after','count':1}]");
    kit_ask(&kit, DEPOSIT, kit_deposit("000000001", PAYEE, "700"));
    assert_int_equal(kit.reply.delivery, VIRTUAL_HANGUP);
    assert_int_equal(kit_entries(&kit), 1);
    kit.now_us += 30 * SECOND;
    assert_int_equal(take(&kit, &notice), RAIL_POST_TAKEN);
    kit_close(&kit);
}

static void each_change_of_a_payment_is_told_in_its_time(void **state)
{
    (void)state;
    struct kit kit;
    struct rail_notice notice;
    struct virtual_bank_options options = virtual_bank_options_default();
    options.callback_url = "http://127.0.0.1/callbacks";
    options.callback_secret = SECRET;
    options.settle_us = 4 * SECOND;
    kit_open(&kit, &options);
    kit_ask(&kit, "/domestic-vrps", kit_vrp("mandate", "11223312345678", "1.00", "GBP"));
    assert_int_equal(kit.reply.status, 201);
    for (uint64_t told = 0; told < 2; told++) {
        while (virtual_bank_due_us(kit.bank) > kit.now_us) {
            kit.now_us = virtual_bank_due_us(kit.bank);
            virtual_bank_advance(kit.bank, kit.now_us);
        }
        assert_int_equal(take(&kit, &notice), RAIL_POST_TAKEN);
    }
    assert_nothing_is_due(&kit);
    assert_int_equal(kit.now_us, KIT_NOW_US + 4 * SECOND);
    kit_close(&kit);
}

static void webhooks_go_where_they_are_told_to(void **state)
{
    (void)state;
    struct kit kit;
    struct virtual_post post;
    kit_open(&kit, NULL);
    pay(&kit, NULL);
    assert_nothing_is_due(&kit);
    assert_int_equal(kit_askf(&kit, "/admin/webhooks", "{'notify':'http://a/n','callback':'http://a/c'}"),
                     200);
    kit_ask(&kit, DEPOSIT, kit_deposit("000000002", PAYEE, "700"));
    kit_ask(&kit, "/domestic-vrps", kit_vrp("mandate", "11223312345678", "1.00", "GBP"));
    assert_true(virtual_bank_post(kit.bank, kit.now_us, &post));
    assert_string_equal(post.url, "http://a/c");
    assert_true(virtual_bank_post(kit.bank, kit.now_us, &post));
    assert_string_equal(post.url, "http://a/n");
    assert_string_equal(post.content_type, "application/jwt");
    assert_int_equal(kit_askf(&kit, "/admin/webhooks", "{'callback':null}"), 200);
    kit_ask(&kit, DEPOSIT, kit_deposit("000000003", PAYEE, "700"));
    assert_nothing_is_due(&kit);
    kit_close(&kit);
}

static void what_is_under_way_survives_that_nobody_is_told_any_more(void **state)
{
    (void)state;
    struct kit kit;
    struct virtual_post post;
    open_kit(&kit);
    pay(&kit, NULL);
    assert_int_equal(kit_askf(&kit, "/admin/webhooks", "{'callback':null}"), 200);
    assert_false(virtual_bank_post(kit.bank, kit.now_us, &post));
    assert_int_equal(virtual_webhooks_figures(kit.bank).dropped, 1);
    assert_nothing_is_due(&kit);
    kit_close(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_payment_is_told_of_once),
        cmocka_unit_test(what_is_not_taken_comes_again_twice_as_late_each_time_and_ends),
        cmocka_unit_test(callback_late_is_due_later_and_never_not_at_all),
        cmocka_unit_test(callback_early_is_due_while_the_reply_waits),
        cmocka_unit_test(callback_twice_is_the_same_event_and_another),
        cmocka_unit_test(callbacks_lie_are_about_nobody_or_forged),
        cmocka_unit_test(a_payment_meets_a_rule_of_its_reply_and_one_of_its_callback),
        cmocka_unit_test(each_change_of_a_payment_is_told_in_its_time),
        cmocka_unit_test(webhooks_go_where_they_are_told_to),
        cmocka_unit_test(what_is_under_way_survives_that_nobody_is_told_any_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
