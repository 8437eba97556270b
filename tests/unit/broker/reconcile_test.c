/* Reconciliation, a row a case: what the bank has, what the ledger has, and what is told of it.
 *
 * A row: "in 100 KRW ref id", '~' before it: outside of the period; '-': nothing. A call: "ref id". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/reconcile.h"

enum { ROWS_MAX = 4, WORD_MAX = 32, TEXT_MAX = 256 };

struct rows {
    struct reconcile_row rows[ROWS_MAX];
    struct reconcile_call calls[ROWS_MAX];
    char words[ROWS_MAX][2][WORD_MAX];
    size_t count;
};

static const struct {
    const char *bank[ROWS_MAX], *ledger[ROWS_MAX], *calls[ROWS_MAX];
    const char *expected; /* "KIND[b0 l0] …" */
    size_t matched;
} cases[] = {
    {.expected = ""},
    {.bank = {"in 100 KRW R1 A"}, .ledger = {"in 100 KRW R1 x"}, .expected = "", .matched = 1},
    {.bank = {"in 100 KRW R1 A"}, .ledger = {"in 100 KRW A x"}, .expected = "", .matched = 1},
    {.bank = {"in 100 KRW - A"}, .ledger = {"in 100 KRW A x"}, .expected = "", .matched = 1},
    {.bank = {"in 100 KRW R1 A", "out 100 KRW R2 B"},
     .ledger = {"out 100 KRW R2 x", "in 100 KRW R1 x"},
     .expected = "",
     .matched = 2},
    /* one side only */
    {.ledger = {"in 100 KRW R1 x"}, .expected = "MISSING_AT_BANK[l0]"},
    {.ledger = {"in 100 KRW - x"}, .expected = "MISSING_AT_BANK[l0]"},
    {.bank = {"in 100 KRW R1 A"}, .expected = "MISSING_IN_LEDGER[b0]"},
    {.bank = {"in 100 KRW - -"},
     .ledger = {"in 100 KRW - x"},
     .expected = "MISSING_AT_BANK[l0] MISSING_IN_LEDGER[b0]"},
    {.bank = {"in 100 KRW R1 A"},
     .ledger = {"in 100 KRW R2 x"},
     .expected = "MISSING_AT_BANK[l0] MISSING_IN_LEDGER[b0]"},
    /* under way */
    {.bank = {"in 100 KRW R1 A"}, .calls = {"- A"}, .expected = "IN_FLIGHT[b0]"},
    {.bank = {"in 100 KRW R1 A"}, .calls = {"R1 -"}, .expected = "IN_FLIGHT[b0]"},
    {.bank = {"in 100 KRW R1 A"}, .calls = {"A R1"}, .expected = "MISSING_IN_LEDGER[b0]"},
    {.bank = {"in 100 KRW R1 A"}, .calls = {"- -"}, .expected = "MISSING_IN_LEDGER[b0]"},
    {.bank = {"in 100 KRW R1 A"},
     .ledger = {"in 100 KRW R1 x"},
     .calls = {"R1 A"},
     .expected = "",
     .matched = 1},
    /* both, but not the same */
    {.bank = {"in 100 KRW R1 A"},
     .ledger = {"in 101 KRW R1 x"},
     .expected = "AMOUNT_DIFFERS[b0 l0]",
     .matched = 1},
    {.bank = {"in 100 KRW R1 A"},
     .ledger = {"in 100 USD R1 x"},
     .expected = "CURRENCY_DIFFERS[b0 l0]",
     .matched = 1},
    {.bank = {"in 100 KRW R1 A"},
     .ledger = {"in 999 USD R1 x"},
     .expected = "CURRENCY_DIFFERS[b0 l0]",
     .matched = 1},
    {.bank = {"in 100 KRW R1 A"},
     .ledger = {"out 100 KRW R1 x"},
     .expected = "DIRECTION_DIFFERS[b0 l0]",
     .matched = 1},
    {.bank = {"in 100 KRW R1 A"},
     .ledger = {"out 99 KRW R1 x"},
     .expected = "AMOUNT_DIFFERS[b0 l0] DIRECTION_DIFFERS[b0 l0]",
     .matched = 1},
    /* twice */
    {.bank = {"in 100 KRW R1 A", "in 100 KRW R2 A"},
     .ledger = {"in 100 KRW R1 x"},
     .expected = "DUPLICATE_AT_BANK[b1]",
     .matched = 1},
    {.bank = {"in 100 KRW R1 A", "in 100 KRW R1 A"},
     .ledger = {"in 100 KRW R1 x"},
     .expected = "DUPLICATE_AT_BANK[b1]",
     .matched = 1},
    {.bank = {"in 100 KRW R1 A", "in 100 KRW R1 B", "in 100 KRW R3 B"},
     .ledger = {"in 100 KRW R1 x"},
     .expected = "DUPLICATE_AT_BANK[b1] DUPLICATE_AT_BANK[b2]",
     .matched = 1},
    {.bank = {"in 100 KRW R1 A"},
     .ledger = {"in 100 KRW R1 x", "in 100 KRW R1 y"},
     .expected = "DUPLICATE_IN_LEDGER[l1]",
     .matched = 1},
    {.bank = {"in 100 KRW R1 A"},
     .ledger = {"in 100 KRW R1 x", "in 100 KRW A y"},
     .expected = "MISSING_AT_BANK[l1]",
     .matched = 1},
    {.ledger = {"in 100 KRW - x", "in 100 KRW - y"}, .expected = "MISSING_AT_BANK[l0] MISSING_AT_BANK[l1]"},
    /* the period's ends */
    {.bank = {"~in 100 KRW R1 A"}, .ledger = {"in 100 KRW R1 x"}, .expected = "", .matched = 1},
    {.bank = {"in 100 KRW R1 A"}, .ledger = {"~in 100 KRW R1 x"}, .expected = "", .matched = 1},
    {.bank = {"~in 100 KRW R1 A"}, .ledger = {"~in 100 KRW R2 x"}, .expected = ""},
    {.bank = {"~in 100 KRW R1 A"}, .ledger = {"~in 101 KRW R1 x"}, .expected = ""},
    {.bank = {"~in 100 KRW R1 A"},
     .ledger = {"in 101 KRW R1 x"},
     .expected = "AMOUNT_DIFFERS[b0 l0]",
     .matched = 1},
    /* in order of kinds, and of rows in them */
    {.bank = {"in 1 KRW R1 A", "in 2 KRW R2 B", "in 3 KRW R3 C"},
     .ledger = {"in 9 KRW R9 x", "in 8 KRW R3 y", "in 8 KRW R2 y"},
     .calls = {"R1 -"},
     .expected = "MISSING_AT_BANK[l0] AMOUNT_DIFFERS[b2 l1] AMOUNT_DIFFERS[b1 l2] IN_FLIGHT[b0]",
     .matched = 2},
};

static void unnamed(char *word)
{
    if (strcmp(word, "-") == 0)
        word[0] = '\0';
}

static void read_rows(const char *const *texts, bool are_calls, struct rows *out)
{
    *out = (struct rows){0};
    for (; out->count < ROWS_MAX && texts[out->count] != NULL; out->count++) {
        const char *text = texts[out->count];
        char direction[WORD_MAX], currency[WORD_MAX], *first = out->words[out->count][0],
                                                      *second = out->words[out->count][1];
        struct reconcile_row *row = &out->rows[out->count];
        long long amount = 0;
        *row = (struct reconcile_row){.is_inside = text[0] != '~', .reference = first, .id = second};
        if (are_calls) {
            assert_int_equal(sscanf(text, "%31s %31s", first, second), 2);
        } else {
            assert_int_equal(sscanf(text + (text[0] == '~'), "%31s %lld %31s %31s %31s", direction, &amount,
                                    currency, first, second),
                             5);
            row->is_in = strcmp(direction, "in") == 0;
            row->currency = currency_find(currency, strlen(currency));
            row->amount = amount;
        }
        unnamed(first);
        unnamed(second);
        out->calls[out->count] = (struct reconcile_call){.reference = first, .id = second};
    }
}

static void write_result(const struct reconcile_result *result, const struct rows *bank,
                         const struct rows *ledger, char out[TEXT_MAX])
{
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < result->count; i++) {
        const struct reconcile_difference *d = &result->differences[i];
        char b[WORD_MAX] = "", l[WORD_MAX] = "";
        if (d->bank != NULL)
            snprintf(b, sizeof b, "b%td", d->bank - bank->rows);
        if (d->ledger != NULL)
            snprintf(l, sizeof l, "l%td", d->ledger - ledger->rows);
        used += (size_t)snprintf(out + used, TEXT_MAX - used, "%s%s[%s%s%s]", i == 0 ? "" : " ",
                                 reconcile_kind_name(d->kind), b, b[0] != '\0' && l[0] != '\0' ? " " : "", l);
        assert_true(used < TEXT_MAX);
    }
}

static void every_difference_is_told_once_by_its_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rows bank, ledger, calls;
        struct reconcile_result result;
        char text[TEXT_MAX];
        size_t count = 0;
        read_rows(cases[i].bank, false, &bank);
        read_rows(cases[i].ledger, false, &ledger);
        read_rows(cases[i].calls, true, &calls);
        const struct reconcile_input input = {bank.rows,  ledger.rows,  calls.calls,
                                              bank.count, ledger.count, calls.count};
        assert_int_equal(reconcile(&input, &result), ERR_OK);
        write_result(&result, &bank, &ledger, text);
        if (strcmp(text, cases[i].expected) != 0 || result.matched != cases[i].matched)
            fail_msg("case %zu: %s, %zu matched; not %s", i, text, result.matched, cases[i].expected);
        for (int kind = 0; kind < RECONCILE_KINDS; kind++)
            count += result.by_kind[kind];
        assert_int_equal(count, result.count);
        reconcile_release(&result);
    }
}

static void sums_are_by_currency_of_what_is_inside(void **state)
{
    static const char *const texts[ROWS_MAX] = {"in 100 KRW R1 A", "out 30 KRW R2 B", "in 7 USD R3 C",
                                                "~in 5 KRW R4 D"};
    struct rows rows;
    struct reconcile_sum sum;
    (void)state;
    read_rows(texts, false, &rows);
    assert_true(reconcile_sum(rows.rows, rows.count, currency_find("KRW", 3), &sum));
    assert_true(sum.in == 100 && sum.out == 30 && sum.in_count == 1 && sum.out_count == 1);
    assert_false(reconcile_sum(rows.rows, rows.count, currency_find("GBP", 3), &sum));
    rows.rows[0].amount = rows.rows[3].amount = INT64_MAX;
    rows.rows[3].is_inside = true;
    assert_true(reconcile_sum(rows.rows, rows.count, currency_find("KRW", 3), &sum));
    assert_true(sum.in == (__int128)INT64_MAX * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_difference_is_told_once_by_its_kind),
        cmocka_unit_test(sums_are_by_currency_of_what_is_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
