/* Adapters without memory: each allocation fails once, and is an error that leaves nothing behind.
 *
 * The linker leads the allocations of our own code here; those of jansson come by way of its own setting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/http/http_client.h"
#include "adapters/rates/ecb.h"
#include "adapters/rates/ecb_csv.h"
#include "adapters/rates/koreaexim.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/adapters/hostile_server.h"

enum { NEVER = -1, TRIES_MAX = 1000 };

static _Thread_local int until_failure = NEVER;

static bool fails(void)
{
    return until_failure != NEVER && until_failure-- == 0;
}

void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
char *__real_strdup(const char *text);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
char *__wrap_strdup(const char *text);

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return fails() ? NULL : __real_realloc(memory, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

static void *failing_malloc(size_t size)
{
    return fails() ? NULL : malloc(size);
}

/* ---- readers ----------------------------------------------------------------------------------------- */

typedef enum err reader(const char *data, size_t length, struct rate_sheet *out, const char **why);

static enum err read_koreaexim(const char *data, size_t length, struct rate_sheet *out, const char **why)
{
    return koreaexim_read(data, length, 20777, out, why);
}

/* may_misname: it may take the document for invalid instead. */
static void assert_every_failure_told(reader *read, const char *document, bool may_misname)
{
    struct rate_sheet sheet;
    enum err err = ERR_NO_MEMORY;
    int failures = 0;
    for (; err != ERR_OK && failures < TRIES_MAX; failures++) {
        const char *why = NULL;
        until_failure = failures;
        err = read(document, strlen(document), &sheet, &why);
        until_failure = NEVER;
        if (err == ERR_OK)
            break;
        assert_true(err == ERR_NO_MEMORY || (may_misname && err == ERR_INVALID));
        assert_true(err != ERR_NO_MEMORY || strcmp(why, "no memory") == 0);
        assert_null(sheet.rows);
        assert_int_equal(sheet.count, 0);
    }
    assert_int_equal(err, ERR_OK);
    assert_true(failures >= 2);
    assert_int_equal(sheet.count, 1);
    assert_true(sheet.rows[0].date == 20777 && sheet.rows[0].rate > 0);
    rate_sheet_release(&sheet);
}

static void a_reader_without_memory_says_so(void **state)
{
    (void)state;
    json_set_alloc_funcs(failing_malloc, free);
    assert_every_failure_told(ecb_csv_read, "Date,USD,\n2026-11-20,1.0556,\n", false);
    assert_every_failure_told(
        ecb_read,
        "<e:Envelope xmlns:e='http://www.gesmes.org/xml/2002-08-01' "
        "xmlns='http://www.ecb.int/vocabulary/2002-08-01/eurofxref'><Cube>"
        "<Cube time='2026-11-20'><Cube currency='USD' rate='1'/></Cube></Cube></e:Envelope>",
        false);
    assert_every_failure_told(read_koreaexim,
                              "[{\"result\":1,\"cur_unit\":\"USD\",\"ttb\":\"1\",\"tts\":\"1\","
                              "\"deal_bas_r\":\"1\"}]",
                              true);
    json_set_alloc_funcs(malloc, free);
}

/* ---- the HTTP client --------------------------------------------------------------------------------- */

static void keep(void *context, const struct http_outcome *outcome)
{
    *(enum http_result *)context = outcome->result;
}

static void a_client_without_memory_is_none(void **state)
{
    struct http_client_options options = http_client_options_default();
    struct http_client *client = NULL;
    int failures = 0;
    (void)state;
    options.ca_file = "/etc/absent.pem";
    for (; client == NULL && failures < TRIES_MAX; failures++) {
        until_failure = failures;
        client = http_client_new(&options);
        until_failure = NEVER;
    }
    assert_int_equal(failures, 3);
    http_client_destroy(&client);
}

static void a_call_without_memory_is_not_started_and_a_reply_without_room_is_told(void **state)
{
    struct hostile_server *server = hostile_server_new(HOSTILE_PLAIN);
    struct http_client_options options = http_client_options_default();
    options.allows_http = true;
    struct http_client *client = http_client_new(&options);
    char url[64];
    struct http_request request = {.method = "GET", .url = url, .timeout_ms = 30000};
    enum http_result result = HTTP_ABANDONED;
    int refused = 0, told = 0;
    (void)state;
    assert_non_null(client);
    snprintf(url, sizeof url, "http://127.0.0.1:%u/long/100000", hostile_server_port(server));
    for (int i = 0; result != HTTP_REPLY && i < TRIES_MAX; i++) {
        until_failure = i;
        enum err err = http_client_start(client, &request, keep, &result);
        while (http_client_count(client) > 0)
            http_client_run(client, -1, 30000);
        until_failure = NEVER;
        assert_true(err == ERR_NO_MEMORY || err == ERR_OK);
        refused += err == ERR_NO_MEMORY;
        told += err == ERR_OK;
        assert_true(err != ERR_OK || result == HTTP_TOO_LARGE || result == HTTP_REPLY);
    }
    assert_int_equal(result, HTTP_REPLY);
    assert_true(refused >= 2 && told >= 3);
    http_client_destroy(&client);
    hostile_server_destroy(&server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_without_memory_says_so),
        cmocka_unit_test(a_client_without_memory_is_none),
        cmocka_unit_test(a_call_without_memory_is_not_started_and_a_reply_without_room_is_told),
    };
    if (http_global_init() != ERR_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    http_global_release();
    return failed;
}
