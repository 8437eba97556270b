/* A cursor goes on with the history that it was given for, and with no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "actors/ledger/shell/reader.h"
#include "broker/wire/history.h"
#include "tests/scenario/world.h"

enum { KEY = 7, ENTRIES_MAX = 8 };

/* A reader of a partition whose account 0 has this name. */
static struct reader *reader_of(const char *name)
{
    struct reader *reader = reader_new(KEY, currency_find("KRW", 3));
    size_t length = strlen(name);
    struct read_names *names = calloc(1, sizeof *names + length + 2);
    assert_non_null(names);
    names->count = 1;
    names->length = length + 2;
    names->bytes[0] = (char)length;
    names->bytes[1] = (char)world_currency("KRW");
    memcpy(names->bytes + 2, name, length);
    reader_add_names(reader, names);
    return reader;
}

/* One page of one entry of account 0, whose last fact is at `position`; the cursor is copied. */
static enum code page(struct reader *reader, struct journal *journal, uint64_t position,
                      char cursor[WIRE_CURSOR_MAX])
{
    struct request *request = calloc(1, sizeof *request);
    struct read_job *job = calloc(1, sizeof *job + sizeof job->queries[0]);
    assert_true(request && job);
    request->header.operation = OPERATION_HISTORY;
    zmq_msg_init(&request->reply);
    job->request = request;
    job->journal = journal;
    job->count = 1;
    job->queries[0].query = (struct wire_history_query){.limit = 1, .cursor = str_from(cursor)};
    job->queries[0].last_position = position;
    (void)reader_work(reader, job);
    struct wire_history_entry entries[ENTRIES_MAX];
    struct wire_reply reply;
    struct str next = {0};
    size_t count;
    assert_true(wire_reply_read(zmq_msg_data(&request->reply), zmq_msg_size(&request->reply), &reply));
    if (reply.code == CODE_OK)
        assert_true(wire_history_reply_read(&reply, entries, ENTRIES_MAX, &count, &next));
    memcpy(cursor, next.length > 0 ? next.data : "", next.length);
    cursor[next.length] = '\0';
    zmq_msg_close(&request->reply);
    free(request);
    return reply.code;
}

static void a_cursor_of_an_account_with_the_same_index_elsewhere_is_refused(void **state)
{
    (void)state;
    struct runner_config config = runner_config_default(1);
    struct runner *runner = runner_new(&config);
    char first[WIRE_CURSOR_MAX] = "", again[WIRE_CURSOR_MAX];
    world_open(runner, "ours", "KRW");
    struct ledger_command deposit = world_deposit(1, "ours", 100, "KRW");
    (void)world_run(runner, &deposit);
    struct journal *journal = runner_journal(runner, 0);
    uint64_t last = world_view(runner, "ours").last_position;
    struct reader *own = reader_of("ours"), *other = reader_of("theirs");
    assert_int_equal(page(own, journal, last, first), CODE_OK);
    assert_true(strlen(first) > 0);
    memcpy(again, first, sizeof again);
    assert_int_equal(page(other, journal, last, again), CODE_INVALID_FIELD);
    memcpy(again, first, sizeof again);
    assert_int_equal(page(own, journal, last, again), CODE_OK);
    reader_destroy(&own);
    reader_destroy(&other);
    runner_destroy(&runner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_of_an_account_with_the_same_index_elsewhere_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
