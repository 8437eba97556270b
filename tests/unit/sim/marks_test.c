/* Marks: listed once each, counted, and added up over processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/ledger/ledger.h"
#include "sim/marks.h"

static void *no_memory(void *context, size_t bytes)
{
    (void)context;
    (void)bytes;
    return NULL;
}

static void nothing_to_free(void *context, void *pointer, size_t bytes)
{
    (void)context;
    (void)pointer;
    (void)bytes;
}

/* Goes the branch that is marked "no memory for a ledger". */
static void go_there(void)
{
    struct ledger_config config = ledger_config_default();
    struct ledger_ports ports = {0};
    struct mem mem = {NULL, no_memory, nothing_to_free};
    assert_null(ledger_new(&config, &ports, &mem));
}

static size_t mark_of(const struct marks *marks, const char *text)
{
    size_t mark = 0;
    while (mark < marks_count(marks) && strcmp(marks_text(marks, mark), text) != 0)
        mark++;
    assert_true(mark < marks_count(marks));
    return mark;
}

static void each_text_is_listed_once_in_order(void **state)
{
    (void)state;
    struct marks *marks = marks_new();
    assert_true(marks_count(marks) > 50);
    for (size_t i = 1; i < marks_count(marks); i++)
        assert_true(strcmp(marks_text(marks, i - 1), marks_text(marks, i)) < 0);
    marks_destroy(&marks);
}

static void a_branch_that_was_gone_counts_until_the_reset(void **state)
{
    (void)state;
    struct marks *marks = marks_new();
    size_t mark = mark_of(marks, "no memory for a ledger");
    marks_reset(marks);
    go_there();
    go_there();
    assert_int_equal(marks_hits(marks, mark), 2);
    assert_int_equal(marks_hits(marks, mark_of(marks, "a link's window is full")), 0);
    marks_reset(marks);
    assert_int_equal(marks_hits(marks, mark), 0);
    marks_destroy(&marks);
}

static void hits_of_several_runs_add_up(void **state)
{
    (void)state;
    struct marks *marks = marks_new();
    uint64_t *total = calloc(marks_count(marks), sizeof *total);
    assert_non_null(total);
    for (int run = 0; run < 3; run++) {
        marks_reset(marks);
        go_there();
        marks_add(marks, total);
    }
    assert_int_equal(total[mark_of(marks, "no memory for a ledger")], 3);
    free(total);
    marks_destroy(&marks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_text_is_listed_once_in_order),
        cmocka_unit_test(a_branch_that_was_gone_counts_until_the_reset),
        cmocka_unit_test(hits_of_several_runs_add_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
