/* The feed's configuration: what a good one says, and what is said of each wrong one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/feed_config.h"

#define LIMITS "\"spike_ppm\": 50000, \"age_limit_s\": 90000"
#define ECB "\"name\": \"ecb\", \"kind\": \"ecb\", \"url\": \"https://ecb.example/daily.xml\""
#define GOOD ECB ", \"at\": [\"16:30\", \"23:59\"], " LIMITS
#define ONE(source) "{\"sources\": [{" source "}]}"

static void a_good_one_is_read_whole(void **state)
{
    static const char text[] =
        "{\"allow_http\": true, \"ca_file\": \"/ca.pem\", \"sources\": [{" GOOD
        ", \"utc_offset_minutes\": -90, \"days\": \"weekdays\", \"desk\": [\"EUR/USD\", \"EUR/KRW\"]}, "
        "{\"name\": \"all\", \"kind\": \"ecb-history\", \"url\": \"http://h/x\", \"every_s\": 60, " LIMITS
        ", \"desk\": \"all\"}]}";
    char why[FEED_WHY_MAX] = "";
    (void)state;
    struct feed_config *config = feed_config_parse(text, sizeof text - 1, why);
    assert_string_equal(why, "");
    assert_non_null(config);
    assert_int_equal(config->count, 2);
    assert_true(config->allow_http);
    assert_string_equal(config->ca_file, "/ca.pem");
    const struct ratefeed_source_config *ecb = &config->sources[0];
    assert_string_equal(ecb->name, "ecb");
    assert_int_equal(ecb->schedule.offset_s, -5400);
    assert_int_equal(ecb->schedule.time_count, 2);
    assert_int_equal(ecb->schedule.minutes[0], 990);
    assert_int_equal(ecb->schedule.minutes[1], 1439);
    assert_true(ecb->schedule.weekdays_only);
    assert_int_equal(ecb->spike_ppm, 50000);
    assert_int_equal(ecb->age_limit_s, 90000);
    assert_false(ecb->desk_all);
    assert_int_equal(ecb->desk_count, 2);
    assert_string_equal(ecb->desk[1].counter, "KRW");
    assert_int_equal(config->origins[1].kind, FEED_ECB_HISTORY);
    assert_int_equal(config->sources[1].schedule.every_s, 60);
    assert_true(config->sources[1].desk_all);
    feed_config_destroy(&config);
}

static void a_wrong_one_is_told_by_its_key(void **state)
{
    static const struct {
        const char *text, *told;
    } rows[] = {
        {"", "line 1"},
        {"[]", "object"},
        {"{}", "'sources'"},
        {"{\"sources\": []}", "'sources'"},
        {"{\"sources\": [1]}", "'sources'"},
        {"{\"sources\": [{" GOOD "}], \"sorces\": 1}", "'sorces'"},
        {"{\"sources\": [{" GOOD "}], \"sources\": []}", "duplicate"},
        {"{\"sources\": [{" GOOD "}], \"allow_http\": 1}", "'allow_http'"},
        {"{\"sources\": [{" GOOD "}], \"ca_file\": \"\"}", "'ca_file'"},
        {"{\"sources\": [{" GOOD "}, {" GOOD "}]}", "'ecb'"},
        {ONE(GOOD ", \"evry_s\": 1"), "'evry_s'"},
        {ONE(GOOD ", \"name\": \"x\""), "duplicate"},
        {ONE(GOOD ", \"every_s\": 1"), "'every_s'"},
        {ONE(ECB ", " LIMITS), "'at'"},
        {ONE(ECB ", \"at\": [], " LIMITS), "'at'"},
        {ONE(ECB ", \"at\": [\"24:00\"], " LIMITS), "'at'"},
        {ONE(ECB ", \"at\": [\"9:00\"], " LIMITS), "'at'"},
        {ONE(ECB ", \"at\": [\"10:00\", \"10:00\"], " LIMITS), "order"},
        {ONE(ECB ", \"every_s\": 0, " LIMITS), "'every_s'"},
        {ONE(ECB ", \"every_s\": 1, \"days\": \"all\", " LIMITS), "'days'"},
        {ONE(GOOD ", \"days\": \"sundays\""), "'days'"},
        {ONE(GOOD ", \"utc_offset_minutes\": 841"), "'utc_offset_minutes'"},
        {ONE(GOOD ", \"utc_offset_minutes\": 1.5"), "'utc_offset_minutes'"},
        {ONE(GOOD ", \"desk\": \"some\""), "'desk'"},
        {ONE(GOOD ", \"desk\": [\"EUR-USD\"]"), "'desk'"},
        {ONE(GOOD ", \"desk\": [\"EUR/XXX\"]"), "'desk'"},
        {ONE(GOOD ", \"key_file\": \"/dev/null\""), "'key_file'"},
        {ONE(ECB ", \"at\": [\"16:30\"], \"spike_ppm\": 0, \"age_limit_s\": 1"), "'spike_ppm'"},
        {ONE(ECB ", \"at\": [\"16:30\"], \"spike_ppm\": 1"), "'age_limit_s'"},
        {ONE("\"name\": \"a b\""), "'name'"},
        {ONE("\"name\": \"0123456789abcdefg\""), "'name'"},
        {ONE("\"name\": \"a\", \"kind\": \"fed\""), "'kind'"},
        {ONE("\"name\": \"a\", \"kind\": \"ecb\", \"url\": \"ftp://x\""), "'url'"},
        {ONE("\"name\": \"a\", \"kind\": \"ecb\", \"url\": \"http://x\""), "allow_http"},
        {ONE("\"name\": \"a\", \"kind\": \"koreaexim\", \"url\": \"https://x\""), "'key_file'"},
        {ONE("\"name\": \"a\", \"kind\": \"koreaexim\", \"url\": \"https://x\", \"key_file\": "
             "\"/none/such\""),
         "'key_file'"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char why[FEED_WHY_MAX] = "";
        struct feed_config *config = feed_config_parse(rows[i].text, strlen(rows[i].text), why);
        assert_null(config);
        if (strcasestr(why, rows[i].told) == NULL)
            fail_msg("%s: \"%s\"", rows[i].text, why);
    }
}

static void a_key_is_the_first_line_of_its_file_and_in_no_message(void **state)
{
    static const struct {
        const char *content, *key;
    } rows[] = {
        {"abc-123\n", "abc-123"}, {"abc\r\nmore", "abc"}, {"a b\n", NULL}, {"a&b\n", NULL}, {"", NULL}};
    char path[] = "/tmp/teller-key-XXXXXX";
    char text[512];
    (void)state;
    int file = mkstemp(path);
    assert_true(file >= 0);
    snprintf(text, sizeof text,
             ONE("\"name\": \"won\", \"kind\": \"koreaexim\", \"url\": \"https://x\", \"every_s\": 1, " LIMITS
                 ", \"key_file\": \"%s\""),
             path);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char why[FEED_WHY_MAX] = "";
        assert_int_equal(ftruncate(file, 0), 0);
        assert_int_equal(pwrite(file, rows[i].content, strlen(rows[i].content), 0), strlen(rows[i].content));
        struct feed_config *config = feed_config_parse(text, strlen(text), why);
        assert_int_equal(config != NULL, rows[i].key != NULL);
        if (config != NULL)
            assert_string_equal(config->origins[0].key, rows[i].key);
        assert_null(strstr(why, "b\n"));
        feed_config_destroy(&config);
    }
    (void)close(file);
    (void)unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_one_is_read_whole),
        cmocka_unit_test(a_wrong_one_is_told_by_its_key),
        cmocka_unit_test(a_key_is_the_first_line_of_its_file_and_in_no_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
