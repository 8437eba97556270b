/* The checker of proposals rings: each row is one thing that cannot be in a journal, and must be found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "broker/offline/proposal_audit.h"

enum { ALICE, HOUSE, ACCOUNTS, AMOUNT = 5, BALANCE = 105, OPENED = 10, EXPIRES = 100 };

enum change {
    NOTHING,
    STRANGER,      /* an account that is not open */
    OPEN_TWICE,    /* the opening again */
    OTHER_ID,      /* of the end */
    OTHER_OPENING, /* which the end names */
    OTHER_AMOUNT,  /* of the end */
    OTHER_RATE,
    OTHER_EXPIRES,
    SAME_PERSON, /* decides */
    LATE,        /* decided at its time */
    ENDED_TWICE, /* the end again */
    NO_POSTING,  /* another opening follows the approval */
    UNFLAGGED,   /* the posting */
    POSTED_TWICE,
    OTHER_KIND,      /* of the posting */
    POSTING_AMOUNT,  /* another one */
    POSTING_BALANCE, /* another one */
    POSTING_ID,      /* another one */
};

static const struct row {
    enum fact_kind ends; /* 0: it stays open */
    enum change change;
    enum err expected;
} ROWS[] = {
    {0, NOTHING, ERR_OK},
    {0, STRANGER, ERR_CORRUPT},
    {0, OPEN_TWICE, ERR_CORRUPT},
    {0, POSTED_TWICE, ERR_CORRUPT}, /* a posting that nobody approved */
    {FACT_PROPOSAL_APPROVED, NOTHING, ERR_OK},
    {FACT_PROPOSAL_APPROVED, OTHER_ID, ERR_CORRUPT},
    {FACT_PROPOSAL_APPROVED, OTHER_OPENING, ERR_CORRUPT},
    {FACT_PROPOSAL_APPROVED, OTHER_AMOUNT, ERR_CORRUPT},
    {FACT_PROPOSAL_APPROVED, OTHER_RATE, ERR_CORRUPT},
    {FACT_PROPOSAL_APPROVED, OTHER_EXPIRES, ERR_CORRUPT},
    {FACT_PROPOSAL_APPROVED, SAME_PERSON, ERR_CORRUPT},
    {FACT_PROPOSAL_APPROVED, LATE, ERR_CORRUPT},
    {FACT_PROPOSAL_APPROVED, ENDED_TWICE, ERR_CORRUPT},
    {FACT_PROPOSAL_APPROVED, NO_POSTING, ERR_CORRUPT},
    {FACT_PROPOSAL_APPROVED, UNFLAGGED, ERR_CORRUPT},
    {FACT_PROPOSAL_APPROVED, POSTED_TWICE, ERR_CORRUPT},
    {FACT_PROPOSAL_APPROVED, OTHER_KIND, ERR_CORRUPT},
    {FACT_PROPOSAL_APPROVED, POSTING_AMOUNT, ERR_CORRUPT},
    {FACT_PROPOSAL_APPROVED, POSTING_BALANCE, ERR_CORRUPT},
    {FACT_PROPOSAL_APPROVED, POSTING_ID, ERR_CORRUPT},
    {FACT_PROPOSAL_REJECTED, NOTHING, ERR_OK},
    {FACT_PROPOSAL_REJECTED, SAME_PERSON, ERR_OK},
    {FACT_PROPOSAL_REJECTED, LATE, ERR_CORRUPT},
    {FACT_PROPOSAL_REJECTED, ENDED_TWICE, ERR_CORRUPT},
    {FACT_PROPOSAL_REJECTED, POSTED_TWICE, ERR_CORRUPT},
    {FACT_PROPOSAL_EXPIRED, NOTHING, ERR_OK},
    {FACT_PROPOSAL_EXPIRED, LATE, ERR_OK},
    {FACT_PROPOSAL_EXPIRED, ENDED_TWICE, ERR_CORRUPT},
};

struct world {
    struct proposal_audit audit;
    uint64_t position;
    enum err err; /* the first that is not OK */
};

static void add(struct world *w, int64_t time_us, const uint8_t *bytes, size_t size)
{
    const char *what = NULL;
    enum err err = proposal_audit_fact(&w->audit, w->position, time_us, ACCOUNTS, bytes, size, &what);
    assert_int_equal(what != NULL, err == ERR_CORRUPT);
    if (w->err == ERR_OK)
        w->err = err;
    w->position += size / FACT_WORD;
}

static void add_proposal(struct world *w, int64_t time_us, struct fact_proposal fact, const char *who)
{
    uint8_t bytes[256];
    struct fact_strings strings = {0};
    if (who)
        strings.by_tag[FACT_TAG_OPERATOR] = str_from(who);
    memcpy(bytes, &fact, sizeof fact);
    size_t size = sizeof fact + fact_strings_write(&strings, bytes + sizeof fact);
    add(w, time_us, bytes, size);
}

static struct fact_proposal opening(enum change change)
{
    return (struct fact_proposal){
        .head = {.kind = FACT_PROPOSED, .detail = COMMAND_DEPOSIT},
        .account = change == STRANGER ? ACCOUNTS : ALICE,
        .amount = AMOUNT,
        .rate = 7,
        .expires_us = EXPIRES,
        .id = {{1}},
    };
}

static struct fact_proposal ending(enum fact_kind kind, enum change change)
{
    struct fact_proposal fact = opening(NOTHING);
    fact.head = (struct fact_head){.kind = (uint8_t)kind};
    fact.proposed = OPENED + (change == OTHER_OPENING);
    fact.amount += change == OTHER_AMOUNT;
    fact.rate += change == OTHER_RATE;
    fact.expires_us += change == OTHER_EXPIRES;
    fact.balance = kind == FACT_PROPOSAL_APPROVED ? BALANCE : 0;
    fact.id.bytes[1] = change == OTHER_ID;
    return fact;
}

static void add_posting(struct world *w, enum change change)
{
    bool pays = change == OTHER_KIND;
    struct fact_posting fact = {
        .head = {.kind = pays ? FACT_WITHDRAWAL : FACT_DEPOSIT,
                 .detail = change == UNFLAGGED ? 0 : FACT_FLAG_PROPOSED},
        .debit = pays ? ALICE : HOUSE,
        .credit = pays ? HOUSE : ALICE,
        .amount = AMOUNT + (change == POSTING_AMOUNT),
        .debit_balance = BALANCE,
        .credit_balance = BALANCE + (change == POSTING_BALANCE),
        .id = {{1, change == POSTING_ID}},
    };
    add(w, 20, (const uint8_t *)&fact, sizeof fact);
}

static void live(struct world *w, const struct row *row)
{
    bool approved = row->ends == FACT_PROPOSAL_APPROVED;
    add_proposal(w, 10, opening(row->change), "ann");
    if (row->change == OPEN_TWICE)
        add_proposal(w, 10, opening(NOTHING), "ann");
    for (int i = 0; row->ends != 0 && i < (row->change == ENDED_TWICE ? 2 : 1); i++) {
        const char *who = row->change == SAME_PERSON ? "ann" : "bob";
        add_proposal(w, row->change == LATE ? EXPIRES : 20, ending(row->ends, row->change),
                     row->ends == FACT_PROPOSAL_EXPIRED ? NULL : who);
        if (approved && row->change == NO_POSTING)
            add_proposal(w, 20, opening(NOTHING), "ann");
        else if (approved)
            add_posting(w, row->change);
    }
    if (row->change == POSTED_TWICE)
        add_posting(w, NOTHING);
}

static void what_cannot_be_with_a_proposal_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct world w = {.position = OPENED};
        live(&w, &ROWS[i]);
        if (w.err != ROWS[i].expected)
            print_error("row %zu\n", i);
        assert_int_equal(w.err, ROWS[i].expected);
        if (w.err == ERR_OK)
            assert_int_equal(w.audit.count, ROWS[i].ends == 0 ? 1 : 0);
        proposal_audit_release(&w.audit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_with_a_proposal_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
