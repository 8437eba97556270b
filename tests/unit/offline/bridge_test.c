/* What one partition sent is what the other received, and the answer that was given is the one that was taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "broker/offline/bridge.h"

enum { SOURCE = 0, TARGET = 1, PARTITIONS = 2, AMOUNT = 70 };

static const struct bridge_request SENT = {.kind = LINK_CREDIT,
                                           .currency = 1,
                                           .debit = 4,
                                           .position = 9,
                                           .amount = AMOUNT,
                                           .texts = 77,
                                           .id = {{1}}};
static const struct bridge_answer TAKEN = {.code = 0, .value = 500};
static const struct bridge_answer REFUSED = {.code = 12};

enum change {
    NOTHING,
    OTHER_ID,
    OTHER_AMOUNT,
    OTHER_CURRENCY,
    OTHER_TEXTS,
    OTHER_KIND,
    OTHER_POSITION,
    OTHER_DEBIT
};

static struct bridge_request changed(enum change change)
{
    struct bridge_request request = SENT;
    request.id.bytes[0] = (uint8_t)(request.id.bytes[0] + (change == OTHER_ID));
    request.amount += change == OTHER_AMOUNT;
    request.currency = (uint8_t)(request.currency + (change == OTHER_CURRENCY));
    request.texts += change == OTHER_TEXTS;
    request.kind = change == OTHER_KIND ? LINK_PREPARE : request.kind;
    request.position += change == OTHER_POSITION;
    request.debit += change == OTHER_DEBIT;
    return request;
}

static void what_was_received_is_what_was_sent(void **state)
{
    static const struct {
        enum change change;
        bool bounced;
        enum err expected;
    } rows[] = {
        {NOTHING, false, ERR_OK},
        {OTHER_ID, false, ERR_CORRUPT},
        {OTHER_AMOUNT, false, ERR_CORRUPT},
        {OTHER_CURRENCY, false, ERR_CORRUPT},
        {OTHER_TEXTS, false, ERR_CORRUPT},
        {OTHER_KIND, false, ERR_CORRUPT},
        {NOTHING, true, ERR_OK},
        {OTHER_KIND, true, ERR_CORRUPT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bridge bridge;
        const char *what;
        struct bridge_request seen = changed(rows[i].change);
        assert_true(bridge_init(&bridge, PARTITIONS));
        assert_int_equal(bridge_made(&bridge, SOURCE, TARGET, &SENT), ERR_OK);
        assert_int_equal(bridge_processed(&bridge, SOURCE, TARGET, &seen, rows[i].bounced,
                                          rows[i].bounced ? &REFUSED : &TAKEN, &what),
                         rows[i].expected);
        bridge_release(&bridge);
    }
}

static void the_answer_taken_is_the_one_given(void **state)
{
    static const struct {
        enum change change;
        struct bridge_answer answer;
        enum err expected;
    } rows[] = {
        {NOTHING, {0, 500}, ERR_OK},
        {NOTHING, {0, 501}, ERR_CORRUPT},
        {NOTHING, {12, 500}, ERR_CORRUPT},
        {OTHER_ID, {0, 500}, ERR_CORRUPT},
        {OTHER_POSITION, {0, 500}, ERR_CORRUPT},
        {OTHER_AMOUNT, {0, 500}, ERR_CORRUPT},
        {OTHER_DEBIT, {0, 500}, ERR_CORRUPT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bridge bridge;
        const char *what;
        struct bridge_request seen = changed(rows[i].change);
        assert_true(bridge_init(&bridge, PARTITIONS));
        assert_int_equal(bridge_made(&bridge, SOURCE, TARGET, &SENT), ERR_OK);
        assert_int_equal(bridge_processed(&bridge, SOURCE, TARGET, &SENT, false, &TAKEN, &what), ERR_OK);
        assert_int_equal(bridge_resolved(&bridge, SOURCE, TARGET, &seen, &rows[i].answer, &what),
                         rows[i].expected);
        bridge_release(&bridge);
    }
}

static void nothing_is_received_that_was_not_sent(void **state)
{
    struct bridge bridge;
    const char *what;
    (void)state;
    assert_true(bridge_init(&bridge, PARTITIONS));
    assert_int_equal(bridge_processed(&bridge, SOURCE, TARGET, &SENT, false, &TAKEN, &what), ERR_CORRUPT);
    assert_int_equal(bridge_resolved(&bridge, SOURCE, TARGET, &SENT, &TAKEN, &what), ERR_CORRUPT);
    bridge_release(&bridge);
}

static void in_transit_is_what_is_sent_and_not_received(void **state)
{
    struct bridge bridge;
    const char *what;
    __int128 sums[256] = {0};
    (void)state;
    assert_true(bridge_init(&bridge, PARTITIONS));
    for (int i = 0; i < 200; i++)
        assert_int_equal(bridge_made(&bridge, SOURCE, TARGET, &SENT), ERR_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bridge_processed(&bridge, SOURCE, TARGET, &SENT, false, &TAKEN, &what), ERR_OK);
    assert_int_equal(bridge_processed(&bridge, SOURCE, TARGET, &SENT, true, &REFUSED, &what), ERR_OK);
    assert_int_equal(bridge_resolved(&bridge, SOURCE, TARGET, &SENT, &TAKEN, &what), ERR_OK);
    assert_int_equal(bridge_in_transit(&bridge, sums), 197);
    assert_true(sums[1] == 197 * AMOUNT);
    bridge_release(&bridge);
}

static void the_two_sides_of_a_groups_item_meet_once(void **state)
{
    struct bridge bridge;
    const char *what;
    __int128 sums[256] = {0};
    struct bridge_leg sent = {
        .id = {{5}}, .from = 0, .to = 1, .currency = 1, .is_sent = true, .amount = AMOUNT};
    struct bridge_leg received = sent, wrong = sent;
    (void)state;
    received.is_sent = wrong.is_sent = false;
    wrong.amount++;
    assert_true(bridge_init(&bridge, PARTITIONS));
    assert_int_equal(bridge_leg(&bridge, &received, &what), ERR_OK);
    assert_int_equal(bridge_in_transit(&bridge, sums), 0);
    assert_true(sums[1] == -AMOUNT);
    assert_int_equal(bridge_leg(&bridge, &received, &what), ERR_CORRUPT);
    assert_int_equal(bridge_leg(&bridge, &sent, &what), ERR_OK);
    assert_int_equal(bridge.leg_count, 0);
    assert_int_equal(bridge_leg(&bridge, &sent, &what), ERR_OK);
    assert_int_equal(bridge_leg(&bridge, &wrong, &what), ERR_CORRUPT);
    bridge_release(&bridge);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_received_is_what_was_sent),
        cmocka_unit_test(the_answer_taken_is_the_one_given),
        cmocka_unit_test(nothing_is_received_that_was_not_sent),
        cmocka_unit_test(in_transit_is_what_is_sent_and_not_received),
        cmocka_unit_test(the_two_sides_of_a_groups_item_meet_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
