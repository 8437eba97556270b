/* The checker of quotes and exchanges rings: each row is one thing that cannot be in a journal, and must be found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "actors/base/rate.h"
#include "actors/ledger/desk_price.h"
#include "broker/offline/desk_audit.h"

enum { WON, DOLLARS, HOUSE_WON, HOUSE_DOLLARS, HOUSE_SPREAD, HOUSE_RESIDUE, OTHER_WON };
enum { NOW = 1000, AGE_LIMIT = 500, VALID = 100, LATER = 10, SPREAD_PPM = 10000 };
/* 100,000 won at 1,350.25, less one per cent: 7,331 cents, 74 are teller's, one is left. */
enum { SELL = 100000, BUY = 7331, SPREAD = 74, RESIDUE = 1 };

enum change {
    NOTHING,
    NO_RATE,
    NO_TERMS,
    STALE,
    BAD_RATE,       /* a rate of zero */
    OTHER_CURRENCY, /* the account's is not what is sold */
    ASKED_NOTHING,
    OTHER_BUY,
    OTHER_SPREAD,
    OTHER_RESIDUE,
    OTHER_MID,
    OTHER_VALUE,
    EXPIRES_EARLY,
    EXPIRES_LATE, /* decided later than the commit says: fine */
    UNKNOWN_QUOTE,
    OTHER_POSITION,
    EXPIRED,
    ALMOST_EXPIRED,
    USED_TWICE,
    USED_BY_NONE, /* no use at all */
    OTHER_PAYER,
    OTHER_PAID,
    PAID_TWICE,
    OTHER_RECEIVED,
    RECEIVED_IN_WON,
    RECEIVED_TWICE,
    OTHER_LEG,
    NO_SPREAD,
    POSTED_SPREAD,
    NO_RESIDUE,
    POSTED_RESIDUE,
    SPREAD_OF_OTHER,
    RESIDUE_AGAIN,
    NOT_PAID,
    NOT_RECEIVED,
    OK_UNDONE,
    REFUSED_DONE,
    REFUSED, /* nothing moved: fine */
    UNANSWERED,
    ASKED_AGAIN, /* with another quote, after one that ended BUSY: fine */
};

static const struct row {
    enum change change;
    enum err expected;
} ROWS[] = {
    {NOTHING, ERR_OK},
    {NO_RATE, ERR_CORRUPT},
    {NO_TERMS, ERR_CORRUPT},
    {STALE, ERR_CORRUPT},
    {BAD_RATE, ERR_CORRUPT},
    {OTHER_CURRENCY, ERR_CORRUPT},
    {ASKED_NOTHING, ERR_CORRUPT},
    {OTHER_BUY, ERR_CORRUPT},
    {OTHER_SPREAD, ERR_CORRUPT},
    {OTHER_RESIDUE, ERR_CORRUPT},
    {OTHER_MID, ERR_CORRUPT},
    {OTHER_VALUE, ERR_CORRUPT},
    {EXPIRES_EARLY, ERR_CORRUPT},
    {EXPIRES_LATE, ERR_OK},
    {UNKNOWN_QUOTE, ERR_CORRUPT},
    {OTHER_POSITION, ERR_CORRUPT},
    {EXPIRED, ERR_CORRUPT},
    {ALMOST_EXPIRED, ERR_OK},
    {USED_TWICE, ERR_CORRUPT},
    {USED_BY_NONE, ERR_CORRUPT},
    {OTHER_PAYER, ERR_CORRUPT},
    {OTHER_PAID, ERR_CORRUPT},
    {PAID_TWICE, ERR_CORRUPT},
    {OTHER_RECEIVED, ERR_CORRUPT},
    {RECEIVED_IN_WON, ERR_CORRUPT},
    {RECEIVED_TWICE, ERR_CORRUPT},
    {OTHER_LEG, ERR_CORRUPT},
    {NO_SPREAD, ERR_CORRUPT},
    {POSTED_SPREAD, ERR_CORRUPT},
    {NO_RESIDUE, ERR_CORRUPT},
    {POSTED_RESIDUE, ERR_CORRUPT},
    {SPREAD_OF_OTHER, ERR_CORRUPT},
    {RESIDUE_AGAIN, ERR_CORRUPT},
    {NOT_PAID, ERR_CORRUPT},
    {NOT_RECEIVED, ERR_CORRUPT},
    {OK_UNDONE, ERR_CORRUPT},
    {REFUSED_DONE, ERR_CORRUPT},
    {REFUSED, ERR_OK},
    {UNANSWERED, ERR_OK},
    {ASKED_AGAIN, ERR_OK},
};

struct world {
    struct desk_audit audit;
    struct audit_promises used;
    uint64_t position;
    int64_t time_us;
    enum err err; /* the first that is not OK */
};

static currency_index currency(const char *code)
{
    return currency_find(code, CURRENCY_CODE_LENGTH);
}

static void add(struct world *w, currency_index account, const void *fact, size_t size)
{
    const char *what = NULL;
    const struct desk_audit_place place = {0, w->position, w->time_us, currency("KRW"), account};
    enum err err = desk_audit_fact(&w->audit, &w->used, &place, fact, size, &what);
    assert_int_equal(what != NULL, err == ERR_CORRUPT);
    if (w->err == ERR_OK)
        w->err = err;
    w->position += size / FACT_WORD;
}

static void add_terms(struct world *w, enum change change)
{
    const struct fact_rate rate = {.head = {FACT_RATE_SET, 0, sizeof rate / FACT_WORD},
                                   .base = "USD",
                                   .counter = "KRW",
                                   .units = 1,
                                   .rate = change == BAD_RATE ? 0 : 13502500000000,
                                   .as_of_us = change == STALE ? NOW - AGE_LIMIT - 1 : NOW,
                                   .age_limit_us = AGE_LIMIT};
    const struct fact_pair pair = {.head = {FACT_PAIR_SET, 0, sizeof pair / FACT_WORD},
                                   .one = "KRW",
                                   .other = "USD",
                                   .spread_ppm = SPREAD_PPM,
                                   .valid_us = VALID};
    if (change != NO_RATE)
        add(w, CURRENCY_NONE, &rate, sizeof rate);
    if (change != NO_TERMS)
        add(w, CURRENCY_NONE, &pair, sizeof pair);
}

/* mid and rate as shown: 1 / 1,350.25, and 0.99 of it. */
static struct fact_quote quote(uint8_t id, enum change change)
{
    return (struct fact_quote){
        .head = {FACT_QUOTED, 0, sizeof(struct fact_quote) / FACT_WORD},
        .account = WON,
        .sell = "KRW",
        .side = QUOTE_SELL,
        .buy = "USD",
        .sell_amount = change == ASKED_NOTHING ? 0 : SELL,
        .buy_amount = BUY + (change == OTHER_BUY),
        .spread = SPREAD + (change == OTHER_SPREAD),
        .residue = RESIDUE + (change == OTHER_RESIDUE),
        .mid = 7406035 + (change == OTHER_MID),
        .rate = 7331975,
        .sell_value = SELL,
        .buy_value = SELL + (change == OTHER_VALUE),
        .expires_us = NOW + VALID - (change == EXPIRES_EARLY) + (change == EXPIRES_LATE),
        .id = {{1, id}},
    };
}

static void add_quote(struct world *w, uint8_t id, enum change change)
{
    const struct fact_quote fact = quote(id, change);
    add(w, currency(change == OTHER_CURRENCY ? "USD" : "KRW"), &fact, sizeof fact);
}

static void add_use(struct world *w, uint64_t quoted, uint8_t id, enum change change)
{
    const struct fact_quote_used fact = {.head = {FACT_QUOTE_USED, 0, sizeof fact / FACT_WORD},
                                         .quoted = quoted + (change == OTHER_POSITION),
                                         .quote = {{1, change == UNKNOWN_QUOTE ? 7 : id}},
                                         .id = {{2}}};
    add(w, CURRENCY_NONE, &fact, sizeof fact);
}

static void add_posting(struct world *w, enum fact_kind kind, uint32_t debit, uint32_t credit, int64_t amount,
                        enum change change)
{
    struct fact_posting fact = {.head = {(uint8_t)kind, FACT_FLAG_GROUP, sizeof fact / FACT_WORD},
                                .debit = debit,
                                .credit = credit,
                                .amount = amount,
                                .id = {{2}}};
    for (size_t i = 0; i < 8; i++)
        fact.id.bytes[kind == FACT_EXCHANGE_OUT ? 8 + i : i] ^= (uint8_t) "exchange"[i];
    fact.id.bytes[1] ^= change == OTHER_LEG;
    bool is_won = debit == WON || debit == OTHER_WON || debit == HOUSE_WON;
    add(w, currency(is_won ? "KRW" : "USD"), &fact, sizeof fact);
}

static void add_received(struct world *w, enum change change)
{
    add_posting(w, FACT_EXCHANGE_IN, change == RECEIVED_IN_WON ? HOUSE_WON : HOUSE_DOLLARS, DOLLARS,
                BUY + (change == OTHER_RECEIVED), change);
    if (change != NO_SPREAD)
        add_posting(w, FACT_EXCHANGE_SPREAD, change == SPREAD_OF_OTHER ? HOUSE_WON : HOUSE_DOLLARS,
                    HOUSE_SPREAD, SPREAD - (change == POSTED_SPREAD), NOTHING);
    for (int i = change == NO_RESIDUE ? 1 : 0; i < (change == RESIDUE_AGAIN ? 2 : 1); i++)
        add_posting(w, FACT_EXCHANGE_RESIDUE, HOUSE_DOLLARS, HOUSE_RESIDUE,
                    RESIDUE + (change == POSTED_RESIDUE), NOTHING);
}

static void add_legs(struct world *w, enum change change)
{
    for (int i = change == NOT_PAID ? 1 : 0; i < (change == PAID_TWICE ? 2 : 1); i++)
        add_posting(w, FACT_EXCHANGE_OUT, change == OTHER_PAYER ? OTHER_WON : WON, HOUSE_WON,
                    SELL - (change == OTHER_PAID), NOTHING);
    for (int i = change == NOT_RECEIVED ? 1 : 0; i < (change == RECEIVED_TWICE ? 2 : 1); i++)
        add_received(w, change);
}

static void add_answer(struct world *w, enum change change)
{
    bool refused = change == REFUSED || change == REFUSED_DONE;
    const struct fact_group fact = {
        .head = {FACT_GROUP_ANSWERED, refused ? CODE_ACCOUNT_FROZEN : CODE_OK, sizeof fact / FACT_WORD},
        .id = {{2}},
        .is_exchange = 1};
    add(w, CURRENCY_NONE, &fact, sizeof fact);
}

static void live(struct world *w, enum change change)
{
    add_terms(w, change);
    uint64_t quoted = w->position;
    add_quote(w, 0, change);
    w->time_us += change == EXPIRED ? VALID : change == ALMOST_EXPIRED ? VALID - 1 : LATER;
    if (change != USED_BY_NONE)
        add_use(w, quoted, 0, change);
    if (change == USED_TWICE)
        add_use(w, quoted, 0, change);
    if (change == ASKED_AGAIN) {
        quoted = w->position;
        w->time_us = NOW;
        add_quote(w, 1, change);
        add_use(w, quoted, 1, change);
    }
    if (change != REFUSED && change != OK_UNDONE)
        add_legs(w, change);
    if (desk_audit_commit(&w->audit) != NULL && w->err == ERR_OK)
        w->err = ERR_CORRUPT;
    if (change != UNANSWERED)
        add_answer(w, change);
}

static void what_cannot_be_with_a_quote_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct world w = {.position = FACT_FIRST, .time_us = NOW};
        live(&w, ROWS[i].change);
        if (w.err != ROWS[i].expected)
            print_error("row %zu\n", i);
        assert_int_equal(w.err, ROWS[i].expected);
        const struct audit_promise *half = desk_audit_half_next(&w.used, NULL);
        if (w.err == ERR_OK)
            assert_int_equal(half != NULL, ROWS[i].change == UNANSWERED);
        if (half != NULL)
            assert_null(desk_audit_half_next(&w.used, half));
        desk_audit_release(&w.audit);
        audit_promises_release(&w.used);
    }
}

/* So many that the table grows some times: those that have expired are let go, and those that have not are found. */
static void quotes_that_have_expired_are_forgotten(void **state)
{
    enum { ROUNDS = 49, EACH = 100 };
    struct world w = {.position = FACT_FIRST, .time_us = NOW};
    (void)state;
    add_terms(&w, NOTHING);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < EACH; i++) {
            struct fact_quote fact = quote(0, NOTHING);
            uint64_t position = w.position;
            fact.expires_us = w.time_us + VALID;
            fact.id.bytes[2] = (uint8_t)round;
            fact.id.bytes[3] = (uint8_t)i;
            add(&w, currency("KRW"), &fact, sizeof fact);
            struct fact_quote_used use = {.head = {FACT_QUOTE_USED, 0, sizeof use / FACT_WORD},
                                          .quoted = position,
                                          .quote = fact.id,
                                          .id = {{3, (uint8_t)round, (uint8_t)i}}};
            if (i == 0)
                add(&w, CURRENCY_NONE, &use, sizeof use);
        }
        assert_int_equal(w.err, ERR_OK);
        w.time_us += 10;
    }
    assert_true(w.audit.open.count < ROUNDS * EACH / 2);
    desk_audit_release(&w.audit);
    audit_promises_release(&w.used);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_with_a_quote_is_found),
        cmocka_unit_test(quotes_that_have_expired_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
