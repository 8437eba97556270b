/* The checker of holds rings: each row is one thing that cannot be in a journal, and must be found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "actors/base/money.h"
#include "broker/offline/hold_audit.h"

enum {
    ALICE = 3,
    HOUSE = 4,
    HELD = 50,
    TAKEN = 20,
    OPENED = 10,
    OPENED_US = 5,
    STEP_US = 20,
    EXPIRES_US = 100
};

enum change {
    NOTHING,
    /* of the opening */
    OPEN_TWICE, /* again, in the same slot */
    SLOT_BEHIND,
    NO_AMOUNT,
    HUGE_AMOUNT,
    TWO_IDS,
    OPENED_LATE, /* at the time when it expires */
    TIME_BELOW_ZERO,
    /* of the step */
    OTHER_SLOT,
    OTHER_OPENING,
    OTHER_ACCOUNT,
    OTHER_ID,
    OTHER_AMOUNT,
    STEP_TWICE,
    STEP_LATE, /* at the time when the hold expires */
    NEVER,     /* the hold has no time */
    NAMED,     /* the step has an id of its own where it must not */
    /* of a capture */
    RELEASED_BELOW_ZERO,
    KEPT_BELOW_ZERO,
    KEPT_UNASKED,
    KEPT_AND_RELEASED,
    KEPT, /* asked for */
    OVERFLOW,
};

static const struct row {
    enum fact_kind step; /* 0: it stays open */
    enum change change;
    const char *expected; /* a part of what is said; NULL: all is well */
} ROWS[] = {
    {0, NOTHING, NULL},
    {0, OPEN_TWICE, "not free"},
    {0, SLOT_BEHIND, "not free"},
    {0, NO_AMOUNT, "amount"},
    {0, HUGE_AMOUNT, "amount"},
    {0, TWO_IDS, "id"},
    {0, OPENED_LATE, "behind its time"},
    {0, TIME_BELOW_ZERO, "behind its time"},
    {FACT_HOLD_CAPTURED, NOTHING, NULL},
    {FACT_HOLD_CAPTURED, KEPT, NULL},
    {FACT_HOLD_CAPTURED, NEVER, NULL},
    {FACT_HOLD_CAPTURED, OTHER_SLOT, "not open"},
    {FACT_HOLD_CAPTURED, OTHER_OPENING, "not open"},
    {FACT_HOLD_CAPTURED, OTHER_ACCOUNT, "not open"},
    {FACT_HOLD_CAPTURED, OTHER_ID, "not open"},
    {FACT_HOLD_CAPTURED, STEP_TWICE, "not open"},
    {FACT_HOLD_CAPTURED, OTHER_AMOUNT, "another sum"},
    {FACT_HOLD_CAPTURED, RELEASED_BELOW_ZERO, "another sum"},
    {FACT_HOLD_CAPTURED, KEPT_BELOW_ZERO, "another sum"},
    {FACT_HOLD_CAPTURED, OVERFLOW, "another sum"},
    {FACT_HOLD_CAPTURED, KEPT_UNASKED, "not asked to"},
    {FACT_HOLD_CAPTURED, KEPT_AND_RELEASED, "not asked to"},
    {FACT_HOLD_CAPTURED, STEP_LATE, "behind its time"},
    {FACT_HOLD_RELEASED, NOTHING, NULL},
    {FACT_HOLD_RELEASED, NEVER, NULL},
    {FACT_HOLD_RELEASED, OTHER_SLOT, "not open"},
    {FACT_HOLD_RELEASED, OTHER_OPENING, "not open"},
    {FACT_HOLD_RELEASED, OTHER_ACCOUNT, "not open"},
    {FACT_HOLD_RELEASED, OTHER_ID, "not open"},
    {FACT_HOLD_RELEASED, OTHER_AMOUNT, "another sum"},
    {FACT_HOLD_RELEASED, STEP_TWICE, "not open"},
    {FACT_HOLD_RELEASED, STEP_LATE, "behind its time"},
    {FACT_HOLD_EXPIRED, NOTHING, NULL},
    {FACT_HOLD_EXPIRED, STEP_LATE, NULL},
    {FACT_HOLD_EXPIRED, OTHER_AMOUNT, "another sum"},
    {FACT_HOLD_EXPIRED, STEP_TWICE, "not open"},
    {FACT_HOLD_EXPIRED, NEVER, "no time"},
    {FACT_HOLD_EXPIRED, NAMED, "no time"},
};

struct world {
    struct hold_audit audit;
    uint64_t position;
    const char *what; /* of the first that is wrong */
};

static void add(struct world *w, int64_t time_us, const void *fact, size_t size)
{
    const char *what = NULL;
    enum err err = hold_audit_fact(&w->audit, w->position, time_us, fact, &what);
    assert_int_equal(what != NULL, err == ERR_CORRUPT);
    if (w->what == NULL)
        w->what = what;
    w->position += size / FACT_WORD;
}

static void add_opening(struct world *w, enum change change)
{
    struct fact_hold fact = {
        .head = {.kind = FACT_HOLD_OPENED},
        .account = ALICE,
        .slot = change == SLOT_BEHIND,
        .amount = change == NO_AMOUNT     ? 0
                  : change == HUGE_AMOUNT ? MONEY_MAX + 1
                                          : HELD,
        .expires_us = change == NEVER             ? 0
                      : change == TIME_BELOW_ZERO ? -1
                                                  : EXPIRES_US,
        .id = {{1}},
        .hold = {{1, change == TWO_IDS}},
    };
    add(w, change == OPENED_LATE ? EXPIRES_US : OPENED_US, &fact, sizeof fact);
}

static int64_t kept_of(enum change change)
{
    if (change == KEPT || change == KEPT_UNASKED)
        return HELD - TAKEN;
    return change == KEPT_AND_RELEASED ? 1 : change == KEPT_BELOW_ZERO ? -1 : 0;
}

static void add_capture(struct world *w, enum change change)
{
    struct fact_capture fact = {
        .posting = {.head = {.kind = FACT_HOLD_CAPTURED},
                    .debit = change == OTHER_ACCOUNT ? HOUSE : ALICE,
                    .credit = HOUSE,
                    .amount = TAKEN + (change == OTHER_AMOUNT),
                    .id = {{2}}},
        .hold = {{1, change == OTHER_ID}},
        .opened = OPENED + (change == OTHER_OPENING),
        .slot = change == OTHER_SLOT,
        .flags = change == KEPT || change == KEPT_AND_RELEASED ? FACT_CAPTURE_KEEPS_REST : 0,
        .kept = kept_of(change),
    };
    fact.released = HELD - TAKEN - fact.kept;
    if (change == RELEASED_BELOW_ZERO) {
        fact.kept = HELD - TAKEN + 1;
        fact.released = -1;
    }
    if (change == OVERFLOW)
        fact.released = INT64_MAX;
    add(w, change == STEP_LATE ? EXPIRES_US : STEP_US, &fact, sizeof fact);
}

static void add_end(struct world *w, enum fact_kind kind, enum change change)
{
    bool has_id = kind == FACT_HOLD_RELEASED || change == NAMED;
    struct fact_hold fact = {
        .head = {.kind = (uint8_t)kind},
        .account = change == OTHER_ACCOUNT ? HOUSE : ALICE,
        .opened = OPENED + (change == OTHER_OPENING),
        .slot = change == OTHER_SLOT,
        .amount = HELD - (change == OTHER_AMOUNT),
        .expires_us = EXPIRES_US,
        .id = {{has_id ? 2 : 0}},
        .hold = {{1, change == OTHER_ID}},
    };
    add(w, change == STEP_LATE ? EXPIRES_US : STEP_US, &fact, sizeof fact);
}

static void live(struct world *w, const struct row *row)
{
    add_opening(w, row->change);
    if (row->change == OPEN_TWICE)
        add_opening(w, NOTHING);
    for (int i = 0; row->step != 0 && i < (row->change == STEP_TWICE ? 2 : 1); i++) {
        if (row->step == FACT_HOLD_CAPTURED)
            add_capture(w, row->change);
        else
            add_end(w, row->step, row->change);
    }
}

static void what_cannot_be_with_a_hold_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct world w = {.position = OPENED};
        live(&w, &ROWS[i]);
        bool same = ROWS[i].expected && w.what ? strstr(w.what, ROWS[i].expected) != NULL
                                               : w.what == ROWS[i].expected;
        if (!same)
            print_error("row %zu: %s\n", i, w.what ? w.what : "nothing is found");
        assert_true(same);
        hold_audit_release(&w.audit);
    }
}

static void a_slot_whose_hold_has_ended_takes_another(void **state)
{
    (void)state;
    struct world w = {.position = OPENED};
    add_opening(&w, NOTHING);
    add_end(&w, FACT_HOLD_RELEASED, NOTHING);
    add_opening(&w, NOTHING);
    assert_null(w.what);
    assert_int_equal(w.audit.count, 1);
    assert_int_equal(w.audit.slots[0].held, HELD);
    hold_audit_release(&w.audit);
}

static void what_a_capture_keeps_can_be_captured_still(void **state)
{
    (void)state;
    struct world w = {.position = OPENED};
    add_opening(&w, NOTHING);
    add_capture(&w, KEPT);
    assert_null(w.what);
    assert_int_equal(w.audit.slots[0].held, HELD - TAKEN);
    add_capture(&w, NOTHING); /* lets more go than is left */
    assert_non_null(w.what);
    hold_audit_release(&w.audit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_with_a_hold_is_found),
        cmocka_unit_test(a_slot_whose_hold_has_ended_takes_another),
        cmocka_unit_test(what_a_capture_keeps_can_be_captured_still),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
