/* What is open where an export ends, from facts made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/ledger/remittance_states.h"
#include "broker/offline/export_open.h"

enum { HELD = 50, TAKEN = 20, OPENED = 7, STEP = 100, PARTITION = 2, TIME_US = 5, FACT_MAX = 512 };

static const struct uuid HOLD = {{1}}, CAPTURE = {{2}};

struct world {
    struct export_open open;
    struct fault fault;
};

static int begin(void **state)
{
    *state = calloc(1, sizeof(struct world));
    return *state == NULL ? -1 : 0;
}

static int end(void **state)
{
    struct world *w = *state;
    export_open_release(&w->open);
    free(w);
    return 0;
}

/* A commit of one fact with these strings. */
static enum err take(struct world *w, uint64_t position, const void *fact, size_t size,
                     const struct fact_strings *strings)
{
    uint8_t bytes[FACT_MAX] = {0};
    struct fact_head head;
    size_t length = size + fact_strings_size(strings);
    assert_true(length <= sizeof bytes);
    memcpy(bytes, fact, size);
    memcpy(&head, bytes, sizeof head);
    head.words = (uint16_t)(length / FACT_WORD);
    memcpy(bytes, &head, sizeof head);
    fact_strings_write(strings, bytes + size);
    const struct journal_commit commit = {.sequence = 1,
                                          .position = position,
                                          .time_us = TIME_US,
                                          .fact_count = 1,
                                          .facts = bytes,
                                          .length = length};
    return export_open_commit(&w->open, PARTITION, &commit, &w->fault);
}

static enum err take_plain(struct world *w, uint64_t position, const void *fact, size_t size)
{
    const struct fact_strings none = {0};
    return take(w, position, fact, size, &none);
}

/* ---- holds ------------------------------------------------------------------------------------ */

static struct fact_hold hold_fact(enum fact_kind kind)
{
    bool opens = kind == FACT_HOLD_OPENED;
    return (struct fact_hold){.head = {.kind = (uint8_t)kind},
                              .opened = opens ? 0 : OPENED,
                              .amount = HELD,
                              .id = opens ? HOLD : CAPTURE,
                              .hold = HOLD};
}

static void open_hold(struct world *w)
{
    struct fact_hold fact = hold_fact(FACT_HOLD_OPENED);
    assert_int_equal(take_plain(w, OPENED, &fact, sizeof fact), ERR_OK);
}

static void capture(struct world *w, bool keeps)
{
    struct fact_capture fact = {
        .posting = {.head = {.kind = FACT_HOLD_CAPTURED}, .amount = TAKEN, .id = CAPTURE},
        .hold = HOLD,
        .opened = OPENED,
        .flags = keeps ? FACT_CAPTURE_KEEPS_REST : 0,
        .kept = keeps ? HELD - TAKEN : 0,
        .released = keeps ? 0 : HELD - TAKEN,
    };
    assert_int_equal(take_plain(w, STEP, &fact, sizeof fact), ERR_OK);
}

static int64_t held(const struct world *w, uint32_t partition, uint64_t position)
{
    const struct fact_hold opened = hold_fact(FACT_HOLD_OPENED);
    return export_open_held(&w->open, partition, position, &opened);
}

static void a_hold_that_nothing_has_ended_is_open_where_it_was_opened_and_nowhere_else(void **state)
{
    struct world *w = *state;
    open_hold(w);
    assert_int_equal(held(w, PARTITION, OPENED), HELD);
    assert_int_equal(held(w, PARTITION, OPENED + 1), 0);
    assert_int_equal(held(w, PARTITION + 1, OPENED), 0);
}

static void a_capture_leaves_of_a_hold_what_it_keeps(void **state)
{
    struct world *w = *state;
    open_hold(w);
    capture(w, true);
    assert_int_equal(held(w, PARTITION, OPENED), HELD - TAKEN);
}

static void a_hold_whose_rest_was_let_go_is_not_open(void **state)
{
    struct world *w = *state;
    open_hold(w);
    capture(w, false);
    assert_int_equal(held(w, PARTITION, OPENED), 0);
}

static void a_slot_that_is_used_again_is_another_hold(void **state)
{
    struct world *w = *state;
    struct fact_hold released = hold_fact(FACT_HOLD_RELEASED), again = hold_fact(FACT_HOLD_OPENED);
    open_hold(w);
    assert_int_equal(take_plain(w, STEP, &released, sizeof released), ERR_OK);
    assert_int_equal(take_plain(w, STEP + 50, &again, sizeof again), ERR_OK);
    assert_int_equal(held(w, PARTITION, OPENED), 0);
    assert_int_equal(held(w, PARTITION, STEP + 50), HELD);
}

static void a_step_of_a_hold_that_is_not_open_is_a_fault_with_its_place(void **state)
{
    struct world *w = *state;
    struct fact_hold released = hold_fact(FACT_HOLD_RELEASED);
    assert_int_equal(take_plain(w, STEP, &released, sizeof released), ERR_CORRUPT);
    assert_true(w->fault.has_place && w->fault.partition == PARTITION && w->fault.position == STEP);
}

/* ---- proposals and remittances ---------------------------------------------------------------- */

static enum err proposal(struct world *w, enum fact_kind kind)
{
    bool opens = kind == FACT_PROPOSED;
    struct fact_strings strings = {0};
    const struct fact_proposal fact = {.head = {.kind = (uint8_t)kind, .detail = opens ? COMMAND_DEPOSIT : 0},
                                       .amount = HELD,
                                       .expires_us = 2 * TIME_US,
                                       .proposed = opens ? 0 : OPENED,
                                       .id = HOLD};
    if (kind != FACT_PROPOSAL_EXPIRED)
        strings.by_tag[FACT_TAG_OPERATOR] = str_from(opens ? "ann" : "ben");
    if (opens)
        strings.by_tag[FACT_TAG_MEMO] = str_from("why");
    return take(w, opens ? OPENED : STEP, &fact, sizeof fact, &strings);
}

static void a_proposal_is_open_until_it_is_decided_or_expires(void **state)
{
    struct world *w = *state;
    const enum fact_kind ends[] = {FACT_PROPOSAL_APPROVED, FACT_PROPOSAL_REJECTED, FACT_PROPOSAL_EXPIRED};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        assert_int_equal(proposal(w, FACT_PROPOSED), ERR_OK);
        assert_int_equal(w->open.proposals, 1);
        assert_int_equal(proposal(w, ends[i]), ERR_OK);
        assert_int_equal(w->open.proposals, 0);
    }
}

static enum err remittance(struct world *w, enum fact_kind kind, enum remittance_state to,
                           enum remittance_step step)
{
    bool opens = kind == FACT_REMITTANCE_REQUESTED;
    struct fact_strings strings = {0};
    const struct fact_remittance_part part = {.state = (uint8_t)to,
                                              .step = (uint8_t)step,
                                              .requested = opens ? 0 : OPENED,
                                              .previous = opens ? 0 : OPENED};
    const struct fact_remittance fact = {
        .head = {.kind = (uint8_t)kind}, .id = HOLD, .amount = HELD, .part = part};
    const struct fact_remittance_posting posting = {
        .posting = {.head = {.kind = (uint8_t)kind}, .id = HOLD, .amount = HELD}, .part = part};
    if (opens || fact_is_posting((uint8_t)kind))
        strings.by_tag[FACT_TAG_BANK] = str_from("kftc");
    if (opens) {
        strings.by_tag[FACT_TAG_PAYER] = str_from("payer");
        strings.by_tag[FACT_TAG_PAYEE] = str_from("payee");
    }
    return fact_is_posting((uint8_t)kind) ? take(w, STEP, &posting, sizeof posting, &strings)
                                          : take(w, opens ? OPENED : STEP, &fact, sizeof fact, &strings);
}

static void request(struct world *w)
{
    assert_int_equal(remittance(w, FACT_REMITTANCE_REQUESTED, REMITTANCE_REQUESTED, REMITTANCE_STEP_PULL),
                     ERR_OK);
}

/* Each row: how a remittance that was requested goes on, and how many are open then. */
static void a_remittance_is_open_until_it_is_in_a_state_that_ends_it(void **state)
{
    static const struct {
        enum fact_kind kind;
        enum remittance_state to;
        enum remittance_step step;
        int64_t open;
    } rows[] = {
        {FACT_REMITTANCE_MOVED, REMITTANCE_PULLING, REMITTANCE_STEP_PULL, 1},
        {FACT_REMITTANCE_PULLED, REMITTANCE_PULLED, REMITTANCE_STEP_PULL, 1},
        {FACT_REMITTANCE_NOTED, REMITTANCE_PUSHING, REMITTANCE_STEP_PUSH, 1},
        {FACT_REMITTANCE_MOVED, REMITTANCE_DEAD_LETTER, REMITTANCE_STEP_PUSH, 1},
        {FACT_REMITTANCE_MOVED, REMITTANCE_FAILED, REMITTANCE_STEP_PULL, 0},
        {FACT_REMITTANCE_PAID, REMITTANCE_COMPLETED, REMITTANCE_STEP_PUSH, 0},
        {FACT_REMITTANCE_PAID, REMITTANCE_REFUNDED, REMITTANCE_STEP_REFUND, 0},
        {FACT_REMITTANCE_RETURNED, REMITTANCE_CANCELLED, REMITTANCE_STEP_PUSH, 0},
        {FACT_REMITTANCE_MOVED, REMITTANCE_RESOLVED, REMITTANCE_STEP_PUSH, 0},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        w->open.remittances = 0;
        request(w);
        assert_int_equal(remittance(w, rows[i].kind, rows[i].to, rows[i].step), ERR_OK);
        assert_int_equal(w->open.remittances, rows[i].open);
    }
}

static void a_note_on_a_remittance_that_has_ended_ends_no_other(void **state)
{
    struct world *w = *state;
    request(w);
    assert_int_equal(remittance(w, FACT_REMITTANCE_NOTED, REMITTANCE_COMPLETED, REMITTANCE_STEP_PUSH),
                     ERR_OK);
    assert_int_equal(w->open.remittances, 1);
}

static void more_ends_than_beginnings_are_a_fault(void **state)
{
    struct world *w = *state;
    assert_int_equal(remittance(w, FACT_REMITTANCE_PAID, REMITTANCE_COMPLETED, REMITTANCE_STEP_PUSH),
                     ERR_CORRUPT);
    assert_string_equal(w->fault.what, "more has ended than was begun");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_hold_that_nothing_has_ended_is_open_where_it_was_opened_and_nowhere_else, begin, end),
        cmocka_unit_test_setup_teardown(a_capture_leaves_of_a_hold_what_it_keeps, begin, end),
        cmocka_unit_test_setup_teardown(a_hold_whose_rest_was_let_go_is_not_open, begin, end),
        cmocka_unit_test_setup_teardown(a_slot_that_is_used_again_is_another_hold, begin, end),
        cmocka_unit_test_setup_teardown(a_step_of_a_hold_that_is_not_open_is_a_fault_with_its_place, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_proposal_is_open_until_it_is_decided_or_expires, begin, end),
        cmocka_unit_test_setup_teardown(a_remittance_is_open_until_it_is_in_a_state_that_ends_it, begin, end),
        cmocka_unit_test_setup_teardown(a_note_on_a_remittance_that_has_ended_ends_no_other, begin, end),
        cmocka_unit_test_setup_teardown(more_ends_than_beginnings_are_a_fault, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
