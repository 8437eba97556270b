/* A script with a mistake is refused with the line and with what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/script/parse.h"

#define ACCOUNTS "account payer KRW in 0\naccount shop KRW in 1\n"

static const struct {
    const char *source;
    unsigned line;
    const char *what; /* a part of it */
} mistakes[] = {
    {"partitions 9", 1, "expected 1 to 8"},
    {"\npartition 2", 2, "there is no statement \"partition\""},
    {ACCOUNTS "seed 4", 3, "stands before the first command"},
    {ACCOUNTS "account payer KRW in 0", 3, "two commands are called \"payer\""},
    {"account payer KRX in 0", 1, "expected a currency, found \"KRX\""},
    {"account payer KRW in 2", 1, "there is no partition 2"},
    {ACCOUNTS "deposit d1 nobody 10", 3, "no account is called \"nobody\""},
    {ACCOUNTS "transfer t1 payer shop 10", 3, "expected \"->\", found \"shop\""},
    {ACCOUNTS "transfer t1 payer -> shop", 3, "expected an amount"},
    {ACCOUNTS "transfer t1 payer -> shop 10 300", 3, "\"300\" does not belong here"},
    {ACCOUNTS "deposit d1 payer 1\ndeposit d1 payer 2", 4, "two commands are called \"d1\""},
    {ACCOUNTS "deposit d1 payer 1 => FINE", 3, "expected a code, found \"FINE\""},
    {ACCOUNTS "begin deposit d1 payer 1 => OK", 3, "what is begun has no answer yet"},
    {ACCOUNTS "repeat d1", 3, "no command is called \"d1\""},
    {ACCOUNTS "deposit d1 payer 1\nagain d1", 4, "expected what is to be different"},
    {ACCOUNTS "group g1 { transfer a payer -> shop 1", 3, "has no \"}\""},
    {ACCOUNTS "group g1 { group g2 { deposit a payer 1 } }", 3, "cannot be in a group"},
    {ACCOUNTS "propose p1 lend payer 5 by kim", 3, "expected \"withdraw\", found \"lend\""},
    {ACCOUNTS "propose p1 deposit payer 5", 3, "expected \"by\""},
    {ACCOUNTS "deposit d1 payer 5\napprove d1 by kim", 4, "\"d1\" is no proposal"},
    {ACCOUNTS "approve", 3, "expected the name of a command"},
    {ACCOUNTS "propose p1 deposit payer 5 by kim\nagain p1 memo x", 4, "expected what is to be different"},
    {"rate USD-KRW 1300", 1, "expected two currencies as in USD/KRW, found \"USD-KRW\""},
    {"rate USD/USD 1300", 1, "expected two currencies"},
    {"rate USD/KRW 0", 1, "expected a rate as in 1350.25, found \"0\""},
    {"rate USD/KRW 1300 age 10ms", 1, "expected whole seconds, found \"10ms\""},
    {"pair USD/KRW spread 500001 valid 5s", 1, "a spread is 0 to 500000 millionths"},
    {ACCOUNTS "quote q1 payer lend 5 KRW USD", 3, "expected \"sell\", found \"lend\""},
    {ACCOUNTS "deposit d1 payer 5\nexchange e1 d1 -> shop", 4, "\"d1\" is no quote"},
    {ACCOUNTS "hold h1 payer 5 rate 1300", 3, "\"rate\" does not belong here"},
    {"fault flood 0", 1, "there is no fault \"flood\""},
    {"fault pause 0", 1, "pause needs: for and a time"},
    {"fault cut 0 for 1s", 1, "expected \"->\""},
    {"fault kill 0 at noon", 1, "expected a number as in 1st or 4th, found \"noon\""},
    {"fault lose 0 -> 1 200% for 1s", 1, "expected a share"},
    {"run 5", 1, "expected a time as in"},
    {"wait t1", 1, "no command is called \"t1\""},
    {"after 1s wait all", 1, "can come later"},
    {ACCOUNTS "expect balance payer 5 at noon", 3, "no mark is called \"noon\""},
    {ACCOUNTS "expect history payer { eaten -5 }", 3, "expected a kind of entry, found \"eaten\""},
    {ACCOUNTS "deposit d1 payer $step", 3, "nothing is called \"$step\""},
    {"each step 1..\neach who 0 1", 2, "behind a range without an end"},
    {"each step 5..1", 1, "is no range"},
    {"times 2 {", 1, "has no \"}\""},
    {"run 1s }", 1, "a \"}\" has no \"{\""},
    {"account \"payer", 1, "the text has no end"},
};

static void a_mistake_is_told_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct parse_error error = {0};
        struct script *script = script_parse("case.scn", mistakes[i].source, NULL, 0, &error);
        if (script || error.line != mistakes[i].line || !strstr(error.what, mistakes[i].what))
            print_message("\"%s\": line %u: %s\n", mistakes[i].source, error.line, error.what);
        assert_null(script);
        assert_int_equal(error.line, mistakes[i].line);
        assert_non_null(strstr(error.what, mistakes[i].what));
    }
}

static void each_choice_of_values_is_a_script_of_its_own(void **state)
{
    (void)state;
    static const char source[] =
        "# Both ways.\neach who 0 1\neach step 1..\n" ACCOUNTS "fault kill $who at call $step\n";
    struct parse_error error;
    struct script *script = script_parse("case.scn", source, (const uint64_t[]){1, 6}, 2, &error);
    assert_non_null(script);
    assert_string_equal(script->title, "Both ways.");
    assert_int_equal(script->dimension_count, 2);
    assert_int_equal(script->dimensions[0].count, 2);
    assert_int_equal(script->dimensions[1].count, 0);
    const struct statement *last = script->first;
    while (last->next)
        last = last->next;
    assert_int_equal(last->fault.kind, FAULT_KILL);
    assert_int_equal(last->fault.target, 1);
    assert_int_equal(last->fault.amount, 7);
    script_release(&script);
    assert_null(script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mistake_is_told_with_its_line),
        cmocka_unit_test(each_choice_of_values_is_a_script_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
