/* The checker of remittances rings: each row is one thing that cannot be in a journal, and must be found. A row lives a
 * path of states, and spoils the last of its facts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "actors/ledger/remittance_states.h"
#include "broker/offline/remittance_audit.h"

enum { ALICE, CLEARING, BANK, ACCOUNTS, AMOUNT = 5, OPENED = 10, WON = 1, STEPS_MAX = 16 };

enum change {
    NOTHING,
    STRANGER, /* an account that is not open */
    NO_BANK,  /* a request without one */
    OTHER_ID,
    OTHER_SLOT,
    OTHER_OPENING,
    GAP, /* in the trail */
    OTHER_AMOUNT,
    OTHER_ACCOUNT,
    OTHER_STEP,
    MORE_TRIES,
    NEXT_ROUND,
    ANEW, /* the first try again, by nobody */
    NEXT_CALL,
    SAME_CALL,
    NAMELESS,     /* by an operator who is not named */
    NAMED,        /* and nobody did it */
    OTHER_POLICY, /* who refunds */
    NO_ALARM,
    CALM, /* the contradiction is forgotten */
    STILL_DUE,
};

/* A fact: what it is, where it leads to, and the numbers of its try. */
struct move {
    uint8_t kind, state, step, at[3]; /* tries, rounds, flags */
};

#define FACT(kind, state, step, ...)                                        \
    {                                                                       \
        FACT_REMITTANCE_##kind, REMITTANCE_##state, REMITTANCE_STEP_##step, \
        {                                                                   \
            __VA_ARGS__                                                     \
        }                                                                   \
    }
#define BEGUN(state) FACT(REQUESTED, state, PULL, 0)
#define MOVED(state, step, ...) FACT(MOVED, state, step, __VA_ARGS__)
#define NOTED(state, step, ...) FACT(NOTED, state, step, __VA_ARGS__)
#define POSTED(kind, state, step, ...) FACT(kind, state, step, __VA_ARGS__)

#define TO_PULLING BEGUN(REQUESTED), MOVED(PULLING, PULL, 1)
#define TO_PULLED TO_PULLING, POSTED(PULLED, PULLED, PULL, 1)
#define TO_DEPOSITED TO_PULLED, POSTED(DEPOSITED, DEPOSITED, DEPOSIT, 1)
#define TO_WITHDRAWN TO_DEPOSITED, POSTED(WITHDRAWN, WITHDRAWN, WITHDRAWAL, 1)
#define TO_PUSHING TO_WITHDRAWN, MOVED(PUSHING, PUSH, 1)
#define TO_COMPLETED TO_PUSHING, POSTED(PAID, COMPLETED, PUSH, 1)

static const struct row {
    enum change change;
    enum err expected;
    struct move moves[STEPS_MAX];
} ROWS[] = {
    /* as they live */
    {NOTHING, ERR_OK, {TO_COMPLETED}},
    {NOTHING, ERR_OK, {TO_PULLING, MOVED(PULL_UNKNOWN, PULL, 1), MOVED(FAILED, PULL, 1)}},
    {NOTHING,
     ERR_OK,
     {TO_PULLING, MOVED(PULL_WAITING, PULL, 1), MOVED(PULLING, PULL, 2), MOVED(PULL_FAILED, PULL, 2),
      MOVED(PULLING, PULL, 1, 1)}},
    {NOTHING, ERR_OK, {TO_PULLING, MOVED(PULL_WAITING, PULL, 1), POSTED(PULLED, PULLED, PULL, 1)}},
    {NOTHING,
     ERR_OK,
     {TO_PULLED, MOVED(DEPOSIT_WAITING, DEPOSIT, 1), MOVED(DEPOSIT_WAITING, DEPOSIT, 2),
      POSTED(DEPOSITED, DEPOSITED, DEPOSIT, 3)}},
    {NOTHING,
     ERR_OK,
     {TO_PUSHING, MOVED(PUSH_UNKNOWN, PUSH, 1), MOVED(REFUNDING, REFUND, 1),
      POSTED(PAID, REFUNDED, REFUND, 1)}},
    {NOTHING,
     ERR_OK,
     {TO_PUSHING, MOVED(PUSH_FAILED, PUSH, 1), MOVED(PUSHING, PUSH, 1, 0, FACT_REMITTANCE_BY_OPERATOR)}},
    {NOTHING,
     ERR_OK,
     {TO_PUSHING, MOVED(PUSH_FAILED, PUSH, 1),
      POSTED(RETURNED, CANCELLED, PUSH, 1, 0, FACT_REMITTANCE_BY_OPERATOR)}},
    {NOTHING,
     ERR_OK,
     {TO_PUSHING, MOVED(DEAD_LETTER, PUSH, 1),
      POSTED(PAID, RESOLVED, PUSH, 1, 0, FACT_REMITTANCE_BY_OPERATOR)}},
    {NOTHING,
     ERR_OK,
     {TO_DEPOSITED, MOVED(DEAD_LETTER, WITHDRAWAL, 1),
      MOVED(RESOLVED, WITHDRAWAL, 1, 0, FACT_REMITTANCE_BY_OPERATOR)}},
    {NOTHING, ERR_OK, {TO_COMPLETED, NOTED(COMPLETED, PUSH, 1, 0, FACT_REMITTANCE_CONTRADICTED)}},
    {NOTHING,
     ERR_OK,
     {TO_PULLING, NOTED(PULLING, PULL, 1, 0, FACT_REMITTANCE_ALARMED),
      POSTED(PULLED, PULLED, PULL, 1, 0, FACT_REMITTANCE_ALARMED)}},
    {NOTHING,
     ERR_OK,
     {TO_PULLING, NOTED(PULLING, PULL, 1, 0, FACT_REMITTANCE_ALARMED),
      MOVED(FAILED, PULL, 1, 0, FACT_REMITTANCE_ALARM_OVER)}},
    /* how they begin */
    {STRANGER, ERR_CORRUPT, {BEGUN(REQUESTED)}},
    {NO_BANK, ERR_CORRUPT, {BEGUN(REQUESTED)}},
    {OTHER_SLOT, ERR_CORRUPT, {BEGUN(REQUESTED)}},
    {MORE_TRIES, ERR_CORRUPT, {BEGUN(REQUESTED)}},
    {NEXT_CALL, ERR_CORRUPT, {BEGUN(REQUESTED)}},
    {NOTHING, ERR_CORRUPT, {BEGUN(PULLING)}},
    {NOTHING, ERR_CORRUPT, {TO_PULLING, BEGUN(REQUESTED)}},
    /* who they are */
    {OTHER_ID, ERR_CORRUPT, {TO_PULLED}},
    {OTHER_SLOT, ERR_CORRUPT, {TO_PULLED}},
    {OTHER_OPENING, ERR_CORRUPT, {TO_PULLED}},
    {GAP, ERR_CORRUPT, {TO_PULLED}},
    {OTHER_AMOUNT, ERR_CORRUPT, {TO_PULLED}},
    {OTHER_ACCOUNT, ERR_CORRUPT, {TO_DEPOSITED}},
    {OTHER_ACCOUNT, ERR_CORRUPT, {TO_PULLING}},
    /* where they go */
    {NOTHING, ERR_CORRUPT, {TO_PULLING, MOVED(PULLED, PULL, 1)}},    /* without money */
    {NOTHING, ERR_CORRUPT, {TO_PUSHING, MOVED(COMPLETED, PUSH, 1)}}, /* the same */
    {NOTHING, ERR_CORRUPT, {TO_PULLED, MOVED(PUSHING, PUSH, 1)}},    /* past the account */
    {NOTHING, ERR_CORRUPT, {TO_PULLING, POSTED(PAID, REFUNDED, REFUND, 1)}},
    {NOTHING, ERR_CORRUPT, {TO_COMPLETED, POSTED(PAID, COMPLETED, PUSH, 1)}},
    {NOTHING, ERR_CORRUPT, {TO_COMPLETED, MOVED(REFUNDING, REFUND, 1)}},
    {NOTHING,
     ERR_CORRUPT,
     {TO_PUSHING, MOVED(DEAD_LETTER, PUSH, 1), POSTED(DEPOSITED, DEPOSITED, DEPOSIT, 1)}},
    {NOTHING, ERR_CORRUPT, {TO_PUSHING, MOVED(DEAD_LETTER, WITHDRAWAL, 1)}}, /* where the money is not */
    {NOTHING,
     ERR_CORRUPT,
     {TO_PUSHING, MOVED(PUSH_FAILED, PUSH, 1),
      MOVED(RESOLVED, PUSH, 1, 0, FACT_REMITTANCE_BY_OPERATOR)}}, /* with money in clearing */
    {NOTHING, ERR_CORRUPT, {TO_COMPLETED, NOTED(COMPLETED, PUSH, 1)}},
    {NOTHING, ERR_CORRUPT, {TO_PULLING, NOTED(PULL_UNKNOWN, PULL, 1)}},
    {OTHER_STEP, ERR_CORRUPT, {TO_PULLED}},
    {OTHER_STEP, ERR_CORRUPT, {TO_PUSHING}},
    /* how often they try */
    {MORE_TRIES, ERR_CORRUPT, {TO_PULLING}},
    {MORE_TRIES, ERR_CORRUPT, {TO_PULLED}},
    {MORE_TRIES, ERR_CORRUPT, {TO_DEPOSITED}},
    {MORE_TRIES, ERR_CORRUPT, {TO_PULLING, MOVED(PULL_WAITING, PULL, 1), MOVED(PULLING, PULL, 2)}},
    {NEXT_ROUND, ERR_CORRUPT, {TO_PULLING, MOVED(PULL_WAITING, PULL, 1), MOVED(PULLING, PULL, 2)}},
    {NEXT_ROUND, ERR_CORRUPT, {TO_PULLING, MOVED(PULL_FAILED, PULL, 1), MOVED(PULLING, PULL, 1, 1)}},
    {NOTHING, ERR_CORRUPT, {TO_PULLING, MOVED(PULL_WAITING, PULL, 1), MOVED(PULLING, PULL, 1)}},
    {ANEW,
     ERR_CORRUPT,
     {TO_PULLING, MOVED(PULL_WAITING, PULL, 1), MOVED(PULLING, PULL, 2), MOVED(PULL_WAITING, PULL, 2),
      MOVED(PULLING, PULL, 3)}},
    {NEXT_ROUND, ERR_CORRUPT, {TO_PULLING, NOTED(PULLING, PULL, 1, 0, FACT_REMITTANCE_ALARMED)}},
    /* what they ask of the bank */
    {NEXT_CALL, ERR_CORRUPT, {TO_PULLED}},
    {NEXT_CALL, ERR_CORRUPT, {TO_PULLING, MOVED(PULL_UNKNOWN, PULL, 1)}},
    {NEXT_CALL, ERR_CORRUPT, {TO_PULLING}},
    {SAME_CALL, ERR_CORRUPT, {TO_PULLING}},
    {SAME_CALL, ERR_CORRUPT, {TO_PUSHING}},
    /* what they are marked with */
    {OTHER_POLICY, ERR_CORRUPT, {TO_PULLED}},
    {NAMELESS, ERR_CORRUPT, {TO_PULLED}},
    {NAMED, ERR_CORRUPT, {TO_PULLED}},
    {NO_ALARM,
     ERR_CORRUPT,
     {TO_PULLING, NOTED(PULLING, PULL, 1, 0, FACT_REMITTANCE_ALARMED), POSTED(PULLED, PULLED, PULL, 1)}},
    {NOTHING,
     ERR_CORRUPT,
     {TO_PULLING, NOTED(PULLING, PULL, 1, 0, FACT_REMITTANCE_ALARMED), MOVED(FAILED, PULL, 1)}},
    {NOTHING, ERR_CORRUPT, {TO_PULLING, MOVED(FAILED, PULL, 1, 0, FACT_REMITTANCE_ALARM_OVER)}},
    {CALM,
     ERR_CORRUPT,
     {TO_PULLED, NOTED(PULLED, PULL, 1, 0, FACT_REMITTANCE_CONTRADICTED),
      POSTED(DEPOSITED, DEPOSITED, DEPOSIT, 1)}},
    {STILL_DUE, ERR_CORRUPT, {TO_COMPLETED}},
};

struct world {
    struct remittance_audit audit;
    struct fact_remittance_part part; /* of the newest fact */
    uint64_t position, last;
};

static void spoil_part(struct fact_remittance_part *part, enum change change)
{
    part->slot += change == OTHER_SLOT;
    part->requested += change == OTHER_OPENING;
    part->previous += change == GAP;
    part->step = (uint8_t)(part->step + (change == OTHER_STEP));
    part->tries = (uint8_t)(change == ANEW ? 1 : part->tries + (change == MORE_TRIES));
    part->rounds = (uint8_t)(part->rounds + (change == NEXT_ROUND));
    part->call += change == NEXT_CALL;
    part->call -= change == SAME_CALL;
    part->flags ^= change == OTHER_POLICY ? FACT_REMITTANCE_OPERATOR_REFUNDS : 0;
    part->flags |= change == NAMELESS ? FACT_REMITTANCE_BY_OPERATOR : 0;
    part->due_us = change == STILL_DUE;
}

static struct fact_remittance_part next_part(const struct world *w, const struct move *move)
{
    bool calls = move->kind == FACT_REMITTANCE_MOVED &&
                 (move->state == REMITTANCE_PULLING || move->state == REMITTANCE_PUSHING ||
                  move->state == REMITTANCE_REFUNDING);
    bool requests = move->kind == FACT_REMITTANCE_REQUESTED;
    return (struct fact_remittance_part){.requested = requests ? 0 : OPENED,
                                         .previous = requests ? 0 : w->last,
                                         .call = requests ? 0 : w->part.call + calls,
                                         .state = move->state,
                                         .step = move->step,
                                         .tries = move->at[0],
                                         .rounds = move->at[1],
                                         .flags = move->at[2]};
}

static size_t write_fact(const struct move *move, const struct fact_remittance_part *part, enum change change,
                         uint8_t *bytes)
{
    struct fact_strings strings = {0};
    bool named = (part->flags & FACT_REMITTANCE_BY_OPERATOR) != 0;
    if (move->kind == FACT_REMITTANCE_REQUESTED) {
        strings.by_tag[FACT_TAG_BANK] = change == NO_BANK ? (struct str){0} : STR_LITERAL("kftc");
        strings.by_tag[FACT_TAG_PAYER] = STR_LITERAL("p");
        strings.by_tag[FACT_TAG_PAYEE] = STR_LITERAL("q");
    }
    if (named != (change == NAMED || change == NAMELESS))
        strings.by_tag[FACT_TAG_OPERATOR] = STR_LITERAL("ann");
    uint32_t account = change == STRANGER ? ACCOUNTS : ALICE + (change == OTHER_ACCOUNT);
    struct uuid id = {{1, change == OTHER_ID}};
    int64_t amount = AMOUNT + (change == OTHER_AMOUNT);
    if (!fact_is_posting(move->kind)) {
        struct fact_remittance fact = {
            .head = {.kind = move->kind}, .account = account, .id = id, .amount = amount, .part = *part};
        memcpy(bytes, &fact, sizeof fact);
        return sizeof fact + fact_strings_write(&strings, bytes + sizeof fact);
    }
    bool brings = move->kind == FACT_REMITTANCE_DEPOSITED || move->kind == FACT_REMITTANCE_RETURNED;
    struct fact_remittance_posting fact = {
        .posting = {.head = {.kind = move->kind}, .amount = amount, .id = id}, .part = *part};
    fact.posting.debit = move->kind == FACT_REMITTANCE_WITHDRAWN ? account
                         : move->kind == FACT_REMITTANCE_PULLED  ? BANK
                                                                 : CLEARING;
    fact.posting.credit = brings ? account : move->kind == FACT_REMITTANCE_PAID ? BANK : CLEARING;
    memcpy(bytes, &fact, sizeof fact);
    return sizeof fact + fact_strings_write(&strings, bytes + sizeof fact);
}

static enum err add(struct world *w, const struct move *move, enum change change)
{
    uint8_t bytes[512];
    const char *what = NULL;
    struct fact_remittance_part part = next_part(w, move);
    spoil_part(&part, change);
    size_t size = write_fact(move, &part, change, bytes);
    enum err err = remittance_audit_fact(&w->audit, w->position, ACCOUNTS, WON, bytes, size, &what);
    assert_int_equal(what != NULL, err == ERR_CORRUPT);
    w->part = part;
    w->last = w->position;
    w->position += size / FACT_WORD;
    return err;
}

static void what_cannot_be_with_a_remittance_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct row *row = &ROWS[i];
        struct world w = {.position = OPENED};
        size_t last = 0;
        while (last + 1 < STEPS_MAX && row->moves[last + 1].kind != 0)
            last++;
        for (size_t m = 0; m < last; m++) {
            enum err err = add(&w, &row->moves[m], NOTHING);
            if (err != ERR_OK)
                print_error("row %zu, move %zu\n", i, m);
            assert_int_equal(err, ERR_OK);
        }
        enum err err = add(&w, &row->moves[last], row->change);
        if (err != row->expected)
            print_error("row %zu\n", i);
        assert_int_equal(err, row->expected);
        remittance_audit_release(&w.audit);
    }
}

static void clearing_is_what_is_between_two_steps(void **state)
{
    static const struct move moves[] = {TO_COMPLETED};
    static const int64_t expected[] = {0, 0, AMOUNT, 0, AMOUNT, AMOUNT, 0};
    struct world w = {.position = OPENED};
    (void)state;
    for (size_t m = 0; m < sizeof moves / sizeof *moves; m++) {
        assert_int_equal(add(&w, &moves[m], NOTHING), ERR_OK);
        assert_true(w.audit.clearing[WON] == expected[m]);
        assert_int_equal(remittance_audit_open(&w.audit), m + 1 < sizeof moves / sizeof *moves);
    }
    remittance_audit_release(&w.audit);
}

static void a_slot_is_free_again_when_its_remittance_has_ended(void **state)
{
    static const struct move moves[] = {TO_COMPLETED, TO_COMPLETED};
    struct world w = {.position = OPENED};
    (void)state;
    for (size_t m = 0; m < sizeof moves / sizeof *moves / 2; m++)
        assert_int_equal(add(&w, &moves[m], NOTHING), ERR_OK);
    w.position = w.last = OPENED; /* as requests name their place */
    assert_int_equal(w.audit.count, 1);
    assert_int_equal(add(&w, &moves[0], NOTHING), ERR_OK);
    assert_int_equal(w.audit.count, 1);
    remittance_audit_release(&w.audit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_with_a_remittance_is_found),
        cmocka_unit_test(clearing_is_what_is_between_two_steps),
        cmocka_unit_test(a_slot_is_free_again_when_its_remittance_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
