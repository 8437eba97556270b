/* Fuzz target: a bank's statement, CSV or JSON.
 *
 * Whatever comes in: rows that keep the promises of bank_statement.h, and where it is refused a word why. Then it is reconciled with itself: each
 * row that has a reference of its own is found, and nothing is told but duplicates and what has no reference. */
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "actors/base/text.h"
#include "broker/command/bank_statement.h"
#include "tests/fuzz/input.h"

static void check_row(const struct reconcile_row *row)
{
    CHECK(row->is_inside && row->amount > 0 && row->currency > CURRENCY_NONE &&
          row->currency < currency_count());
    CHECK(row->reference[0] != '\0' || row->id[0] != '\0');
    CHECK(text_is_clean(str_from(row->reference)) && text_is_clean(str_from(row->id)));
}

static void check_against_itself(const struct row_list *list)
{
    struct reconcile_result result;
    const struct reconcile_input input = {
        .bank = list->rows, .ledger = list->rows, .bank_count = list->count, .ledger_count = list->count};
    CHECK(reconcile(&input, &result) == ERR_OK);
    for (size_t i = 0; i < result.count; i++) {
        const struct reconcile_difference *told = &result.differences[i];
        CHECK(told->bank != NULL || told->ledger != NULL);
        /* an id that is another row's reference may pair two rows that are not the same */
        if (told->bank != NULL && told->ledger != NULL)
            CHECK(told->bank != told->ledger);
    }
    CHECK(result.matched <= list->count);
    reconcile_release(&result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct row_list list = {0};
    char why[BANK_STATEMENT_WHY_MAX] = "";
    uint64_t next = 0;
    bool is_read = bank_statement_read((const char *)data, size, &list, &next, why);
    CHECK(is_read == (why[0] == '\0') && memchr(why, '\0', sizeof why) != NULL);
    for (size_t i = 0; i < list.count; i++)
        check_row(&list.rows[i]);
    if (is_read)
        check_against_itself(&list);
    row_list_release(&list);
    return 0;
}
