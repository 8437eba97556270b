/* The configuration of banks: what a good one says, and what is said of each wrong one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/bank_config.h"

/* SECRET stands for the path of a file that holds one. */
#define SETTINGS                                                                        \
    "\"settings\": {\"client_id\": \"me\", \"client_secret\": {\"file\": \"SECRET\"}, " \
    "\"institution\": \"M202600001\", \"account_num\": \"1234567890\", \"account_name\": \"teller\"}"
#define NAMED(name) "\"name\": \"" name "\", \"rail\": \"kftc\", \"url\": \"https://bank.example\""
#define GOOD NAMED("kftc") ", " SETTINGS
#define ONE(bank) "{\"banks\": [{" bank "}]}"

enum { TEXT_MAX = 4096 };

static char secret_path[64];

static int make_secret(void **state)
{
    (void)state;
    snprintf(secret_path, sizeof secret_path, "/tmp/teller-secret-XXXXXX");
    int file = mkstemp(secret_path);
    assert_true(file >= 0);
    assert_int_equal(write(file, "hush-hush\n", 10), 10);
    assert_int_equal(close(file), 0);
    return 0;
}

static int remove_secret(void **state)
{
    (void)state;
    return unlink(secret_path);
}

static struct banks_config *parse(const char *text, char why[BANKS_WHY_MAX])
{
    char filled[TEXT_MAX];
    size_t length = 0;
    why[0] = '\0';
    while (*text != '\0') {
        bool is_path = strncmp(text, "SECRET", 6) == 0;
        int written = snprintf(filled + length, sizeof filled - length, "%.*s", is_path ? 64 : 1,
                               is_path ? secret_path : text);
        length += (size_t)written;
        text += is_path ? 6 : 1;
        assert_true(length < sizeof filled);
    }
    return banks_config_parse(filled, length, why);
}

static void assert_limits(const struct bank_limits *seen, struct bank_limits expected)
{
    assert_int_equal(seen->parallel, expected.parallel);
    assert_int_equal(seen->rate_per_s, expected.rate_per_s);
    assert_int_equal(seen->timeout_ms, expected.timeout_ms);
    assert_int_equal(seen->ask_timeout_ms, expected.ask_timeout_ms);
    assert_int_equal(seen->inquiry_first_us, expected.inquiry_first_us);
    assert_int_equal(seen->inquiry_max_us, expected.inquiry_max_us);
    assert_int_equal(seen->grace_us, expected.grace_us);
    assert_int_equal(seen->circuit_failures, expected.circuit_failures);
    assert_int_equal(seen->circuit_first_us, expected.circuit_first_us);
    assert_int_equal(seen->circuit_max_us, expected.circuit_max_us);
}

static void a_good_one_is_read_whole(void **state)
{
    char why[BANKS_WHY_MAX];
    (void)state;
    struct banks_config *config =
        parse("{\"allow_http\": true, \"ca_file\": \"/ca.pem\", \"banks\": [{" GOOD
              ", \"parallel\": 7, \"rate_per_s\": 8, \"timeout_ms\": 9, \"ask_timeout_ms\": 10, "
              "\"inquiry_first_ms\": 11, \"inquiry_max_ms\": 12, \"grace_ms\": 13, \"circuit_failures\": 14, "
              "\"circuit_first_ms\": 15, \"circuit_max_ms\": 16}, "
              "{\"name\": \"other\", \"rail\": \"kftc\", \"url\": \"http://127.0.0.1:80/a\", " SETTINGS "}]}",
              why);
    assert_string_equal(why, "");
    assert_non_null(config);
    assert_int_equal(config->count, 2);
    assert_true(config->allow_http);
    assert_string_equal(config->ca_file, "/ca.pem");
    const struct banks_bank *bank = &config->banks[0];
    assert_string_equal(bank->name, "kftc");
    assert_string_equal(bank->rail->name, "kftc");
    assert_string_equal(bank->url, "https://bank.example");
    assert_limits(&bank->limits, (struct bank_limits){7, 8, 9, 10, 11000, 12000, 13000, 14, 15000, 16000});
    assert_limits(&config->banks[1].limits, bank_limits_default());
    assert_string_equal(banks_config_setting(config, 0, "client_id"), "me");
    assert_string_equal(banks_config_setting(config, 0, "client_secret"), "hush-hush");
    assert_null(banks_config_setting(config, 0, "callback_secret"));
    banks_config_destroy(&config);
}

static void each_thread_may_open_its_own_rail(void **state)
{
    char why[BANKS_WHY_MAX];
    (void)state;
    struct banks_config *config = parse(ONE(GOOD), why);
    assert_non_null(config);
    void *first = banks_config_open(config, 0, why), *second = banks_config_open(config, 0, why);
    assert_non_null(first);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
    config->banks[0].rail->close(first);
    config->banks[0].rail->close(second);
    banks_config_destroy(&config);
}

static void a_wrong_one_is_told_by_its_key(void **state)
{
    static const struct {
        const char *text, *told;
    } rows[] = {
        {"", "line 1"},
        {"[]", "object"},
        {"{}", "'banks'"},
        {"{\"banks\": []}", "'banks'"},
        {"{\"banks\": [1]}", "'banks'"},
        {"{\"banks\": [{" GOOD "}], \"bancs\": 1}", "'bancs'"},
        {"{\"banks\": [{" GOOD "}], \"banks\": []}", "duplicate"},
        {"{\"banks\": [{" GOOD "}], \"allow_http\": 1}", "'allow_http'"},
        {"{\"banks\": [{" GOOD "}], \"ca_file\": \"\"}", "'ca_file'"},
        {"{\"banks\": [{" GOOD "}, {" GOOD "}]}", "'kftc'"},
        {ONE(GOOD ", \"paralel\": 1"), "'paralel'"},
        {ONE(GOOD ", \"parallel\": 0"), "'parallel'"},
        {ONE(GOOD ", \"parallel\": 1025"), "'parallel'"},
        {ONE(GOOD ", \"rate_per_s\": -1"), "'rate_per_s'"},
        {ONE(GOOD ", \"timeout_ms\": 1.5"), "'timeout_ms'"},
        {ONE(GOOD ", \"ask_timeout_ms\": \"1\""), "'ask_timeout_ms'"},
        {ONE(GOOD ", \"inquiry_first_ms\": 0"), "'inquiry_first_ms'"},
        {ONE(GOOD ", \"inquiry_first_ms\": 9, \"inquiry_max_ms\": 8"), "'inquiry_max_ms'"},
        {ONE(GOOD ", \"grace_ms\": -1"), "'grace_ms'"},
        {ONE(GOOD ", \"circuit_failures\": 0"), "'circuit_failures'"},
        {ONE(GOOD ", \"circuit_first_ms\": 9, \"circuit_max_ms\": 8"), "'circuit_max_ms'"},
        {ONE("\"name\": \"a b\""), "'name'"},
        {ONE("\"name\": \"012345678901234567890123456789012\""), "'name'"},
        {ONE("\"name\": \"a\", \"rail\": \"swift\""), "'rail'"},
        {ONE("\"name\": \"a\", \"rail\": \"kftc\", \"url\": \"ftp://x\""), "'url'"},
        {ONE("\"name\": \"a\", \"rail\": \"kftc\", \"url\": \"https://x/\""), "'url'"},
        {ONE("\"name\": \"a\", \"rail\": \"kftc\", \"url\": \"http://x\""), "allow_http"},
        {ONE(NAMED("a")), "'settings'"},
        {ONE(NAMED("a") ", \"settings\": []"), "'settings'"},
        {ONE(NAMED("a") ", \"settings\": {\"A-B\": \"x\"}"), "'A-B'"},
        {ONE(NAMED("a") ", \"settings\": {\"client_id\": 1}"), "'client_id'"},
        {ONE(NAMED("a") ", \"settings\": {\"client_secret\": \"here\"}"), "'client_secret'"},
        {ONE(NAMED("a") ", \"settings\": {\"client_secret\": {\"path\": \"x\"}}"), "'path'"},
        {ONE(NAMED("a") ", \"settings\": {\"client_secret\": {\"file\": \"/none/such\"}}"),
         "'client_secret'"},
        {ONE(NAMED("a") ", \"settings\": {\"client_secret\": {\"file\": \"/dev/null\"}}"), "'client_secret'"},
        {ONE(NAMED("a") ", \"settings\": {\"client_id\": \"me\"}"), "client_secret"},
        {ONE(NAMED("a") ", \"settings\": {\"colour\": \"red\"}"), "colour"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char why[BANKS_WHY_MAX];
        assert_null(parse(rows[i].text, why));
        if (strcasestr(why, rows[i].told) == NULL)
            fail_msg("%s: \"%s\"", rows[i].text, why);
    }
}

static void a_secret_is_in_no_refusal(void **state)
{
    static const char *const rows[] = {
        ONE(NAMED("a") ", \"settings\": {\"client_secret\": {\"file\": \"SECRET\"}}"),
        ONE(NAMED("a") ", \"settings\": {\"client_id\": {\"file\": \"SECRET\"}, \"colour\": \"x\"}"),
        ONE(GOOD ", \"parallel\": 0"),
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char why[BANKS_WHY_MAX];
        assert_null(parse(rows[i], why));
        assert_null(strstr(why, "hush"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_one_is_read_whole),
        cmocka_unit_test(each_thread_may_open_its_own_rail),
        cmocka_unit_test(a_wrong_one_is_told_by_its_key),
        cmocka_unit_test(a_secret_is_in_no_refusal),
    };
    return cmocka_run_group_tests(tests, make_secret, remove_secret);
}
