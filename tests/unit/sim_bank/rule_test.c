/* Rules of the virtual bank: what is one, which is applied, and what a reply looks like then. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/bank/rule.h"

static const struct bank_asked pull = {.rail = "kftc",
                                       .path = "/v2.0/transfer/withdraw/fin_num",
                                       .account = "111122223333",
                                       .step = BANK_ASK_PULL};

static struct bank_rules *rules_of(const char *json)
{
    char why[160];
    struct bank_rules *rules = bank_rules_new(1);
    assert_non_null(rules);
    assert_int_equal(bank_rules_set(rules, json, strlen(json), why), ERR_OK);
    return rules;
}

static const char *drawn(struct bank_rules *rules)
{
    struct bank_rule rule = bank_rules_ask(rules, 0, &pull);
    const char *name = bank_action_name(rule.action);
    return name != NULL ? name : "";
}

static void what_is_no_rule_is_refused_whole(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        "{}",
        "[1]",
        "[{}]",
        "[{\"do\":1}]",
        "[{\"do\":\"dance\"}]",
        "[{\"do\":\"slow\",\"do\":\"slow\"}]",
        "[{\"do\":\"slow\",\"step\":\"leap\"}]",
        "[{\"do\":\"slow\",\"when\":\"soon\"}]",
        "[{\"do\":\"slow\",\"probability\":0.5}]",
        "[{\"do\":\"slow\",\"probability\":\"1.0001\"}]",
        "[{\"do\":\"slow\",\"probability\":\"-1\"}]",
        "[{\"do\":\"slow\",\"probability\":\"\"}]",
        "[{\"do\":\"slow\",\"after\":-1}]",
        "[{\"do\":\"slow\",\"count\":0}]",
        "[{\"do\":\"slow\",\"count\":1.5}]",
        "[{\"do\":\"slow\",\"delay_ms\":600001}]",
        "[{\"do\":\"status\",\"status\":399}]",
        "[{\"do\":\"status\",\"status\":600}]",
        "[{\"do\":\"status\",\"retry_after\":-1}]",
        "[{\"do\":\"wrong_currency\",\"currency\":\"EURO\"}]",
        "[{\"do\":\"outage\",\"how\":\"cut\"}]",
        "[{\"do\":\"outage\",\"seconds\":0}]",
        "[{\"do\":\"slow\",\"rail\":\"a long one\"}]",
        "[{\"do\":\"slow\",\"path\":\"a\\u0000b\"}]",
        "[{\"do\":\"slow\",\"colour\":\"red\"}]",
        "[{\"do\":\"slow\"},{\"do\":\"slow\",\"count\":0}]",
    };
    struct bank_rules *rules = rules_of("[{\"do\":\"hangup\"}]");
    uint64_t before = bank_rules_digest(rules);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char why[160] = "";
        assert_int_equal(bank_rules_set(rules, rows[i], strlen(rows[i]), why), ERR_INVALID);
        assert_string_not_equal(why, "");
    }
    assert_true(bank_rules_digest(rules) == before);
    assert_string_equal(drawn(rules), "hangup");
    bank_rules_destroy(&rules);
}

static void a_rule_fits_by_parts(void **state)
{
    (void)state;
    static const struct {
        const char *member;
        bool fits;
    } rows[] = {
        {"\"rail\":\"kftc\"", true},
        {"\"rail\":\"obie\"", false},
        {"\"path\":\"withdraw\"", true},
        {"\"path\":\"deposit\"", false},
        {"\"step\":\"pull\"", true},
        {"\"step\":\"any\"", true},
        {"\"step\":\"push\"", false},
        {"\"step\":\"inquiry\"", false},
        {"\"account\":\"22223\"", true},
        {"\"account\":\"9\"", false},
        {"\"probability\":\"1\"", true},
        {"\"probability\":\"0\"", false},
        {"\"probability\":\"1.00\"", true},
        {"\"after\":0", true},
        {"\"after\":1", false},
        {"\"count\":1", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[128];
        snprintf(json, sizeof json, "[{\"do\":\"slow\",%s}]", rows[i].member);
        struct bank_rules *rules = rules_of(json);
        assert_string_equal(drawn(rules), rows[i].fits ? "slow" : "");
        bank_rules_destroy(&rules);
    }
}

static void an_account_that_is_not_named_meets_no_rule_of_accounts(void **state)
{
    (void)state;
    struct bank_asked nobody = {.rail = "kftc", .path = "/", .step = BANK_ASK_PULL};
    struct bank_rules *rules = rules_of("[{\"do\":\"slow\",\"account\":\"1\"}]");
    assert_int_equal(bank_rules_ask(rules, 0, &nobody).action, BANK_DO_NOTHING);
    bank_rules_destroy(&rules);
}

static void the_first_rule_that_is_left_is_applied(void **state)
{
    (void)state;
    static const char *const said[] = {"", "slow", "slow", "cut", "html", "html"};
    struct bank_rules *rules =
        rules_of("[{\"do\":\"slow\",\"after\":1,\"count\":2},"
                 "{\"do\":\"cut\",\"after\":1,\"count\":1},{\"do\":\"html\",\"after\":1}]");
    for (size_t i = 0; i < sizeof said / sizeof *said; i++)
        assert_string_equal(drawn(rules), said[i]);
    bank_rules_destroy(&rules);
}

static void rules_of_callbacks_are_drawn_apart(void **state)
{
    (void)state;
    struct bank_rules *rules =
        rules_of("[{\"do\":\"callback_never\",\"count\":1},{\"do\":\"slow\",\"count\":1}]");
    assert_string_equal(drawn(rules), "slow");
    assert_string_equal(drawn(rules), "");
    assert_int_equal(bank_rules_tell(rules, &pull).action, BANK_DO_CALLBACK_NEVER);
    assert_int_equal(bank_rules_tell(rules, &pull).action, BANK_DO_NOTHING);
    bank_rules_destroy(&rules);
}

static void chance_is_that_of_the_seed(void **state)
{
    (void)state;
    static const char json[] = "[{\"do\":\"slow\",\"probability\":\"0.25\"}]";
    char why[160];
    unsigned hits = 0;
    struct bank_rules *one = bank_rules_new(5), *same = bank_rules_new(5);
    assert_int_equal(bank_rules_set(one, json, sizeof json - 1, why), ERR_OK);
    assert_int_equal(bank_rules_set(same, json, sizeof json - 1, why), ERR_OK);
    for (unsigned i = 0; i < 4000; i++) {
        enum bank_action action = bank_rules_ask(one, 0, &pull).action;
        assert_int_equal(action, bank_rules_ask(same, 0, &pull).action);
        hits += action == BANK_DO_SLOW;
    }
    assert_in_range(hits, 900, 1100);
    assert_true(bank_rules_digest(one) == bank_rules_digest(same));
    bank_rules_destroy(&one);
    bank_rules_destroy(&same);
}

static void an_outage_is_everything_until_it_ends(void **state)
{
    (void)state;
    struct bank_asked other = {.rail = "obie", .path = "/token", .step = BANK_ASK_TOKEN};
    struct bank_rules *rules =
        rules_of("[{\"step\":\"pull\",\"do\":\"outage\",\"seconds\":2,\"how\":\"hangup\",\"count\":1}]");
    assert_int_equal(bank_rules_ask(rules, 0, &other).action, BANK_DO_NOTHING);
    assert_int_equal(bank_rules_ask(rules, 0, &pull).action, BANK_DO_OUTAGE);
    assert_int_equal(bank_rules_ask(rules, 1999999, &other).outage_delivery, VIRTUAL_HANGUP);
    assert_int_equal(bank_rules_ask(rules, 2000000, &other).action, BANK_DO_NOTHING);
    bank_rules_outage(rules, 3000000, 10, VIRTUAL_SILENCE);
    assert_int_equal(bank_rules_ask(rules, 3000000, &other).outage_delivery, VIRTUAL_SILENCE);
    bank_rules_outage(rules, 3000001, 0, VIRTUAL_ANSWER);
    assert_int_equal(bank_rules_ask(rules, 3000001, &other).action, BANK_DO_NOTHING);
    bank_rules_destroy(&rules);
}

static void replies_are_spoiled(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        bool forestalls;
        enum virtual_delivery delivery;
        int status;
        size_t length; /* of a good body of 10 bytes; SIZE_MAX: another one */
    } rows[] = {
        {"\"do\":\"timeout\"", true, VIRTUAL_SILENCE, 200, 10},
        {"\"do\":\"timeout\",\"when\":\"after\"", false, VIRTUAL_SILENCE, 200, 10},
        {"\"do\":\"hangup\",\"when\":\"before\"", true, VIRTUAL_HANGUP, 200, 10},
        {"\"do\":\"cut\",\"when\":\"after\"", false, VIRTUAL_CUT, 200, 10},
        {"\"do\":\"status\",\"status\":503", true, VIRTUAL_ANSWER, 503, SIZE_MAX},
        {"\"do\":\"half\",\"when\":\"after\"", false, VIRTUAL_ANSWER, 200, 5},
        {"\"do\":\"garbage\",\"when\":\"after\"", false, VIRTUAL_ANSWER, 200, SIZE_MAX},
        {"\"do\":\"empty\",\"when\":\"after\"", false, VIRTUAL_ANSWER, 200, 0},
        {"\"do\":\"html\",\"when\":\"after\"", false, VIRTUAL_ANSWER, 200, SIZE_MAX},
        {"\"do\":\"error_body\",\"when\":\"after\"", false, VIRTUAL_ANSWER, 200, SIZE_MAX},
        {"\"do\":\"busy\",\"when\":\"after\"", true, VIRTUAL_ANSWER, 429, SIZE_MAX},
        {"\"do\":\"outage\"", true, VIRTUAL_ANSWER, 503, SIZE_MAX},
        {"\"do\":\"slow\"", false, VIRTUAL_ANSWER, 200, 10},
        {"\"do\":\"refused\"", false, VIRTUAL_ANSWER, 200, 10},
        {"\"do\":\"token_refused\"", false, VIRTUAL_ANSWER, 200, 10},
        {"\"do\":\"processing\"", false, VIRTUAL_ANSWER, 200, 10},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[128], good[] = "{\"a\":\"bc\"}";
        snprintf(json, sizeof json, "[{%s}]", rows[i].rule);
        struct bank_rules *rules = rules_of(json);
        struct bank_rule rule = bank_rules_ask(rules, 0, &pull);
        struct virtual_reply reply = {.status = 200, .body = good, .length = 10};
        assert_int_equal(bank_rule_forestalls(&rule), rows[i].forestalls);
        bank_rule_spoil(rules, &rule, &reply);
        assert_int_equal(reply.delivery, rows[i].delivery);
        assert_int_equal(reply.status, rows[i].status);
        assert_true(rows[i].length == SIZE_MAX ? reply.body != good : reply.length == rows[i].length);
        assert_string_equal(reply.rule, bank_action_name(rule.action));
        bank_rules_destroy(&rules);
    }
}

static void busy_and_slow_say_how_long(void **state)
{
    (void)state;
    struct bank_rules *rules = rules_of("[{\"do\":\"busy\",\"retry_after\":7,\"count\":1},"
                                        "{\"do\":\"busy\",\"count\":1},{\"do\":\"slow\",\"delay_ms\":20}]");
    static const char *const seconds[] = {"7", "1"};
    for (size_t i = 0; i < 2; i++) {
        struct bank_rule rule = bank_rules_ask(rules, 0, &pull);
        struct virtual_reply reply = {.status = 200};
        bank_rule_spoil(rules, &rule, &reply);
        assert_int_equal(reply.header_count, 2);
        assert_string_equal(reply.headers[1].name, "Retry-After");
        assert_string_equal(reply.headers[1].value, seconds[i]);
    }
    struct bank_rule rule = bank_rules_ask(rules, 0, &pull);
    struct virtual_reply reply = {.status = 200};
    bank_rule_spoil(rules, &rule, &reply);
    assert_int_equal(reply.delay_us, 20000);
    bank_rules_destroy(&rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_rule_is_refused_whole),
        cmocka_unit_test(a_rule_fits_by_parts),
        cmocka_unit_test(an_account_that_is_not_named_meets_no_rule_of_accounts),
        cmocka_unit_test(the_first_rule_that_is_left_is_applied),
        cmocka_unit_test(rules_of_callbacks_are_drawn_apart),
        cmocka_unit_test(chance_is_that_of_the_seed),
        cmocka_unit_test(an_outage_is_everything_until_it_ends),
        cmocka_unit_test(replies_are_spoiled),
        cmocka_unit_test(busy_and_slow_say_how_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
