/* The checker rings: each row is one posting that the rules of the books do not allow, and must be found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "broker/offline/audit.h"

enum { ALICE, BOB, DOLLARS, HOUSE, CAPPED, STRANGER, ACCOUNTS = STRANGER, FACTS_MAX = 4096 };
enum { ALICE_HAS = 1000, CEILING = 50 };

struct world {
    struct bridge bridge;
    struct audit audit;
    struct fault fault;
    uint8_t facts[FACTS_MAX];
    size_t length;
    uint32_t count;
    uint64_t sequence, position;
    uint64_t last[ACCOUNTS];
};

static void add(struct world *w, const void *fact, size_t size)
{
    memcpy(w->facts + w->length, fact, size);
    w->length += size;
    w->count++;
}

static enum err commit(struct world *w, int64_t time_us)
{
    const struct journal_commit one = {
        .sequence = ++w->sequence,
        .position = w->position,
        .time_us = time_us,
        .fact_count = w->count,
        .facts = w->facts,
        .length = w->length,
    };
    w->position += w->length / FACT_WORD;
    w->length = 0;
    w->count = 0;
    return audit_commit(&w->audit, &one, &w->fault);
}

static void open_account(struct world *w, uint32_t index, const char *id, const char *currency,
                         int64_t minimum, int64_t ceiling)
{
    uint8_t bytes[256] = {0};
    struct fact_strings strings = {0};
    strings.by_tag[FACT_TAG_ACCOUNT] = str_from(id);
    size_t size = sizeof(struct fact_account) + fact_strings_size(&strings);
    struct fact_account fact = {
        .head = {.kind = FACT_ACCOUNT_OPENED, .words = (uint16_t)(size / FACT_WORD)},
        .account = index,
        .minimum_balance = minimum,
        .ceiling = ceiling,
    };
    memcpy(fact.currency, currency, CURRENCY_CODE_LENGTH);
    memcpy(bytes, &fact, sizeof fact);
    fact_strings_write(&strings, bytes + sizeof fact);
    w->last[index] = w->position + w->length / FACT_WORD;
    add(w, bytes, size);
}

static struct fact_posting posting(const struct world *w, enum fact_kind kind, uint32_t debit,
                                   uint32_t credit, int64_t amount)
{
    struct fact_posting fact = {
        .head = {.kind = (uint8_t)kind, .words = sizeof fact / FACT_WORD},
        .debit = debit,
        .credit = credit,
        .amount = amount,
        .id = {{(uint8_t)(w->sequence + 1)}},
    };
    if (debit < ACCOUNTS && credit < ACCOUNTS) {
        fact.debit_previous = fact_position48_make(w->last[debit]);
        fact.credit_previous = fact_position48_make(w->last[credit]);
        fact.debit_balance = (debit < w->audit.count ? w->audit.accounts[debit].balance : 0) - amount;
        fact.credit_balance = (credit < w->audit.count ? w->audit.accounts[credit].balance : 0) + amount;
    }
    return fact;
}

static void begin(struct world *w)
{
    *w = (struct world){.position = FACT_FIRST};
    assert_true(bridge_init(&w->bridge, 1));
    audit_init(&w->audit, 0, 1, currency_find("KRW", 3), &w->bridge);
    open_account(w, ALICE, "alice", "KRW", 0, INT64_MAX);
    open_account(w, BOB, "bob", "KRW", -100, INT64_MAX);
    open_account(w, DOLLARS, "dollars", "USD", 0, INT64_MAX);
    open_account(w, HOUSE, "house:cash:KRW:0", "KRW", INT64_MIN / 2, INT64_MAX);
    open_account(w, CAPPED, "capped", "KRW", 0, CEILING);
    assert_int_equal(commit(w, 10), ERR_OK);
    struct fact_posting deposit = posting(w, FACT_DEPOSIT, HOUSE, ALICE, ALICE_HAS);
    w->last[HOUSE] = w->last[ALICE] = w->position;
    add(w, &deposit, sizeof deposit);
    assert_int_equal(commit(w, 20), ERR_OK);
}

static void end(struct world *w)
{
    audit_release(&w->audit);
    bridge_release(&w->bridge);
}

enum change {
    NOTHING,
    DEBIT_BALANCE,
    CREDIT_BALANCE,
    DEBIT_PREVIOUS,
    CREDIT_PREVIOUS,
    TIME_BACK,
    COUNT_WRONG,
    WORDS_WRONG,
    SAME_ID,
};

struct row {
    enum fact_kind kind;
    uint32_t debit, credit;
    int64_t amount;
    enum change change;
    enum err expected;
};

static const struct row ROWS[] = {
    {FACT_TRANSFER, ALICE, BOB, 1, NOTHING, ERR_OK},
    {FACT_TRANSFER, ALICE, BOB, ALICE_HAS, NOTHING, ERR_OK},
    {FACT_TRANSFER, ALICE, BOB, ALICE_HAS + 1, NOTHING, ERR_CORRUPT},
    {FACT_TRANSFER, BOB, ALICE, 100, NOTHING, ERR_OK},
    {FACT_TRANSFER, BOB, ALICE, 101, NOTHING, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, CAPPED, CEILING, NOTHING, ERR_OK},
    {FACT_TRANSFER, ALICE, CAPPED, CEILING + 1, NOTHING, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, BOB, 0, NOTHING, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, BOB, -1, NOTHING, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, BOB, MONEY_MAX + 1, NOTHING, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, ALICE, 1, NOTHING, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, DOLLARS, 1, NOTHING, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, HOUSE, 1, NOTHING, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, STRANGER, 1, NOTHING, ERR_CORRUPT},
    {FACT_DEPOSIT, HOUSE, BOB, 7, NOTHING, ERR_OK},
    {FACT_DEPOSIT, ALICE, BOB, 7, NOTHING, ERR_CORRUPT},
    {FACT_WITHDRAWAL, ALICE, HOUSE, 7, NOTHING, ERR_OK},
    {FACT_WITHDRAWAL, ALICE, BOB, 7, NOTHING, ERR_CORRUPT},
    {FACT_SENT, ALICE, BOB, 7, NOTHING, ERR_CORRUPT},
    {FACT_RECEIVED, BOB, ALICE, 7, NOTHING, ERR_CORRUPT},
    {FACT_RETURNED, BOB, ALICE, 7, NOTHING, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, BOB, 1, DEBIT_BALANCE, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, BOB, 1, CREDIT_BALANCE, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, BOB, 1, DEBIT_PREVIOUS, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, BOB, 1, CREDIT_PREVIOUS, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, BOB, 1, TIME_BACK, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, BOB, 1, COUNT_WRONG, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, BOB, 1, WORDS_WRONG, ERR_CORRUPT},
    {FACT_TRANSFER, ALICE, BOB, 1, SAME_ID, ERR_CORRUPT},
};

static void change(struct world *w, struct fact_posting *fact, enum change change)
{
    fact->debit_balance += change == DEBIT_BALANCE;
    fact->credit_balance += change == CREDIT_BALANCE;
    if (change == DEBIT_PREVIOUS)
        fact->debit_previous.low++;
    if (change == CREDIT_PREVIOUS)
        fact->credit_previous.low = 0;
    if (change == WORDS_WRONG)
        fact->head.words++;
    if (change == SAME_ID)
        fact->id = (struct uuid){{2}}; /* the deposit's */
    w->count += change == COUNT_WRONG;
}

static void a_posting_against_the_books_is_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct world w;
        begin(&w);
        struct fact_posting fact = posting(&w, ROWS[i].kind, ROWS[i].debit, ROWS[i].credit, ROWS[i].amount);
        change(&w, &fact, ROWS[i].change);
        add(&w, &fact, sizeof fact);
        enum err err = commit(&w, ROWS[i].change == TIME_BACK ? 19 : 21);
        if (err == ERR_OK)
            err = audit_ids(&w.audit, 1000, &w.fault);
        if (err != ROWS[i].expected)
            print_error("row %zu: %s\n", i, w.fault.what);
        assert_int_equal(err, ROWS[i].expected);
        assert_int_equal(w.fault.is_found, err != ERR_OK);
        end(&w);
    }
}

static void a_house_account_is_in_the_currency_of_its_id(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        enum err expected;
    } rows[] = {{"house:fx:USD:0", ERR_OK},
                {"house:fx:KRW:0", ERR_CORRUPT},
                {"house:spread:xUSD:0", ERR_CORRUPT},
                {"house:USD:0", ERR_OK},
                {"house:0", ERR_CORRUPT}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct world w = {.position = FACT_FIRST};
        assert_true(bridge_init(&w.bridge, 1));
        audit_init(&w.audit, 0, 1, currency_find("KRW", 3), &w.bridge);
        open_account(&w, 0, rows[i].id, "USD", INT64_MIN / 2, INT64_MAX);
        assert_int_equal(commit(&w, 10), rows[i].expected);
        end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_posting_against_the_books_is_found),
        cmocka_unit_test(a_house_account_is_in_the_currency_of_its_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
