/* A machine's table is what its states may do, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/machine.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RED, GREEN, YELLOW };

static const char *const NAMES[] = {"red", "green", "yellow"};
static const uint32_t NEXT[] = {
    [RED] = MACHINE_TO(GREEN),
    [GREEN] = MACHINE_TO(YELLOW),
    [YELLOW] = MACHINE_TO(RED) | MACHINE_TO(YELLOW),
};
static const struct machine LIGHT = {"light", 3, NAMES, NEXT};

static void only_what_the_table_has_is_allowed(void **state)
{
    static const struct {
        uint8_t from, to;
        bool allowed;
    } cases[] = {
        {RED, GREEN, true},  {RED, YELLOW, false}, {RED, RED, false},      {GREEN, YELLOW, true},
        {GREEN, RED, false}, {YELLOW, RED, true},  {YELLOW, YELLOW, true}, {YELLOW, GREEN, false},
        {3, RED, false},     {RED, 3, false},      {RED, 255, false},      {255, 255, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(machine_allows(&LIGHT, cases[i].from, cases[i].to), cases[i].allowed);
}

static void a_move_changes_the_state(void **state)
{
    uint8_t light = RED;
    (void)state;
    machine_move(&LIGHT, &light, GREEN);
    assert_int_equal(light, GREEN);
    assert_string_equal(machine_state_name(&LIGHT, light), "green");
}

static void a_move_that_the_table_does_not_have_stops_the_process(void **state)
{
    int status = 0;
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct rlimit no_core = {0, 0};
        uint8_t light = RED;
        setrlimit(RLIMIT_CORE, &no_core);
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        machine_move(&LIGHT, &light, YELLOW);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_the_table_has_is_allowed),
        cmocka_unit_test(a_move_changes_the_state),
        cmocka_unit_test(a_move_that_the_table_does_not_have_stops_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
