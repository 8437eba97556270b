/* A failed CHECK ends the process and says where, who, and what came last. Each case runs in a child
 * whose standard error the test reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/check.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { REPORT_MAX = 4096 };

/* Runs body in a child; fills report with what it wrote. Returns the signal that ended it, or 0. */
static int run_in_child(void (*body)(void), char report[REPORT_MAX])
{
    int ends[2];
    int status = 0;
    size_t length = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        dup2(ends[1], STDERR_FILENO);
        body();
        _exit(0);
    }
    close(ends[1]);
    for (;;) {
        ssize_t got = read(ends[0], report + length, REPORT_MAX - 1 - length);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    report[length] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void holds(void)
{
    int two = 2;
    CHECK(two == 2);
}

static void fails(void)
{
    int two = 2;
    CHECK(two == 3);
}

static void fails_in_a_named_actor(void)
{
    check_enter("ledger-7");
    for (uint64_t i = 1; i <= 20; i++)
        check_note("transfer", i * 1000, i);
    CHECK_UNREACHABLE();
}

static void fails_in_an_actor_with_a_long_name(void)
{
    check_enter("0123456789012345678901234567890-cut-here");
    fails();
}

static void fails_in_an_actor_that_started_again(void)
{
    check_enter("first");
    check_note("old", 1, 2);
    check_enter("second");
    fails();
}

static void a_check_that_holds_does_nothing(void **state)
{
    char report[REPORT_MAX];
    (void)state;
    assert_int_equal(run_in_child(holds, report), 0);
    assert_string_equal(report, "");
}

static void a_failed_check_aborts_and_names_the_place(void **state)
{
    char report[REPORT_MAX];
    (void)state;
    assert_int_equal(run_in_child(fails, report), SIGABRT);
    assert_non_null(strstr(report, "check_test.c:"));
    assert_non_null(strstr(report, "two == 3"));
}

static void the_report_names_the_actor_and_its_last_16_messages(void **state)
{
    char report[REPORT_MAX];
    (void)state;
    assert_int_equal(run_in_child(fails_in_a_named_actor, report), SIGABRT);
    assert_non_null(strstr(report, "ledger-7"));
    assert_non_null(strstr(report, "transfer 20000 20"));
    assert_non_null(strstr(report, "transfer 5000 5"));
    assert_null(strstr(report, "transfer 4000 4\n"));
}

static void a_long_actor_name_is_cut_to_31_characters(void **state)
{
    char report[REPORT_MAX];
    (void)state;
    assert_int_equal(run_in_child(fails_in_an_actor_with_a_long_name, report), SIGABRT);
    assert_non_null(strstr(report, "0123456789012345678901234567890"));
    assert_null(strstr(report, "-cut-here"));
}

static void entering_again_forgets_the_notes(void **state)
{
    char report[REPORT_MAX];
    (void)state;
    assert_int_equal(run_in_child(fails_in_an_actor_that_started_again, report), SIGABRT);
    assert_non_null(strstr(report, "second"));
    assert_null(strstr(report, "old 1 2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_check_that_holds_does_nothing),
        cmocka_unit_test(a_failed_check_aborts_and_names_the_place),
        cmocka_unit_test(the_report_names_the_actor_and_its_last_16_messages),
        cmocka_unit_test(a_long_actor_name_is_cut_to_31_characters),
        cmocka_unit_test(entering_again_forgets_the_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
