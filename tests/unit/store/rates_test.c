/* The contract of rates.h, over both kinds of store; and what only the one on disk promises. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/rates.h"
#include "tests/unit/store/scratch.h"

#define MAP_BYTES (UINT64_C(1) << 28)

enum { DAY = 20000 };

struct fixture {
    char path[SCRATCH_PATH_BYTES];
    char name[SCRATCH_PATH_BYTES + 8];
    struct rates *rates;
};

static int begin_memory(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    scratch_make(f->path);
    (void)snprintf(f->name, sizeof f->name, "%s/rates", f->path);
    f->rates = rates_memory_new();
    *state = f;
    return f->rates == NULL;
}

static int begin_lmdb(void **state)
{
    begin_memory(state);
    struct fixture *f = *state;
    rates_close(&f->rates);
    return rates_open(f->name, MAP_BYTES, &f->rates) != ERR_OK;
}

static int finish(void **state)
{
    struct fixture *f = *state;
    rates_close(&f->rates);
    scratch_remove(f->path);
    free(f);
    return 0;
}

static struct published_rate rate_of(const char *counter, int32_t date, int64_t rate)
{
    struct published_rate out = {
        .base = "EUR", .date = date, .units = 100, .rate = rate, .buy = 1, .sell = 9, .taken_us = 7};
    memcpy(out.counter, counter, CURRENCY_CODE_LENGTH);
    return out;
}

static void keep(struct fixture *f, const char *source, const char *counter, int32_t date, int64_t rate)
{
    struct published_rate row = rate_of(counter, date, rate);
    struct rates_put put = {.kind = RATES_PUT_HISTORY, .source = source, .rate = &row};
    assert_int_equal(rates_apply(f->rates, &put, 1), ERR_OK);
}

static void a_rate_comes_back_as_it_was_put(void **state)
{
    struct fixture *f = *state;
    struct published_rate row = rate_of("USD", DAY, 123), found;
    memset(row.accepted_by, 'k', OWNER_MAX);
    struct rates_put put = {.kind = RATES_PUT_HISTORY, .source = "ecb", .rate = &row};
    assert_int_equal(rates_apply(f->rates, &put, 1), ERR_OK);
    assert_int_equal(rates_find(f->rates, "ecb", "EUR", "USD", DAY, &found), ERR_OK);
    assert_memory_equal(&found, &row, sizeof row);
    assert_int_equal(rates_find(f->rates, "ecb", "EUR", "USD", DAY + 1, &found), ERR_NOT_FOUND);
    assert_int_equal(rates_find(f->rates, "ecb", "EUR", "JPY", DAY, &found), ERR_NOT_FOUND);
    assert_int_equal(rates_find(f->rates, "ec", "EUR", "USD", DAY, &found), ERR_NOT_FOUND);
}

static void as_of_a_day_is_the_newest_of_it_or_before_and_of_no_other_pair(void **state)
{
    struct fixture *f = *state;
    struct published_rate found;
    keep(f, "ecb", "JPY", DAY, 1);
    keep(f, "ecb", "USD", DAY, 2);
    keep(f, "ecb", "USD", DAY + 255, 3);
    keep(f, "ecb", "USD", DAY + 256, 4);
    keep(f, "ecb2", "USD", DAY - 5, 5);
    assert_int_equal(rates_as_of(f->rates, "ecb", "EUR", "USD", DAY - 1, &found), ERR_NOT_FOUND);
    assert_int_equal(rates_as_of(f->rates, "ecb", "EUR", "USD", -1, &found), ERR_NOT_FOUND);
    assert_int_equal(rates_as_of(f->rates, "ecb", "EUR", "USD", DAY, &found), ERR_OK);
    assert_int_equal(found.rate, 2);
    assert_int_equal(rates_as_of(f->rates, "ecb", "EUR", "USD", DAY + 254, &found), ERR_OK);
    assert_int_equal(found.rate, 2);
    assert_int_equal(rates_as_of(f->rates, "ecb", "EUR", "USD", DAY + 255, &found), ERR_OK);
    assert_int_equal(found.rate, 3);
    assert_int_equal(rates_as_of(f->rates, "ecb", "EUR", "USD", INT32_MAX, &found), ERR_OK);
    assert_int_equal(found.rate, 4);
    assert_int_equal(rates_from(f->rates, "ecb", "EUR", "USD", DAY + 1, &found), ERR_OK);
    assert_int_equal(found.rate, 3);
    assert_int_equal(rates_from(f->rates, "ecb", "EUR", "USD", DAY + 257, &found), ERR_NOT_FOUND);
}

static void pairs_come_in_order_each_with_its_newest(void **state)
{
    struct fixture *f = *state;
    struct published_rate at = {0};
    keep(f, "ecb", "USD", DAY, 1);
    keep(f, "ecb", "USD", DAY + 1, 2);
    keep(f, "ecb", "JPY", DAY + 5, 3);
    keep(f, "ecb2", "CHF", DAY, 4);
    assert_int_equal(rates_next_pair(f->rates, "ecb", &at), ERR_OK);
    assert_string_equal(at.counter, "JPY");
    assert_int_equal(rates_next_pair(f->rates, "ecb", &at), ERR_OK);
    assert_string_equal(at.counter, "USD");
    assert_int_equal(at.rate, 2);
    assert_int_equal(rates_next_pair(f->rates, "ecb", &at), ERR_NOT_FOUND);
}

static void what_waits_is_listed_until_it_is_removed_and_its_id_is_not_given_again(void **state)
{
    struct fixture *f = *state;
    struct published_rate row = rate_of("USD", DAY, 1), found;
    struct rates_waiting waiting;
    uint64_t next;
    struct rates_put puts[] = {
        {.kind = RATES_PUT_WAITING, .id = 1, .source = "ecb", .why = "spike", .rate = &row},
        {.kind = RATES_PUT_WAITING, .id = 300, .source = "0123456789abcdef", .why = "crossed", .rate = &row},
    };
    assert_int_equal(rates_next_id(f->rates, &next), ERR_OK);
    assert_int_equal(next, 1);
    assert_int_equal(rates_apply(f->rates, puts, 2), ERR_OK);
    assert_int_equal(rates_next_waiting(f->rates, 0, &waiting), ERR_OK);
    assert_int_equal(waiting.id, 1);
    assert_string_equal(waiting.why, "spike");
    assert_int_equal(rates_next_waiting(f->rates, 2, &waiting), ERR_OK);
    assert_int_equal(waiting.id, 300);
    assert_string_equal(waiting.source, "0123456789abcdef");
    struct rates_put ends[] = {
        {.kind = RATES_PUT_REJECTED, .source = "ecb", .rate = &row},
        {.kind = RATES_PUT_REMOVE_WAITING, .id = 1},
        {.kind = RATES_PUT_REMOVE_WAITING, .id = 300},
    };
    assert_int_equal(rates_apply(f->rates, ends, 3), ERR_OK);
    assert_int_equal(rates_next_waiting(f->rates, 0, &waiting), ERR_NOT_FOUND);
    assert_int_equal(rates_rejected(f->rates, "ecb", "EUR", "USD", &found), ERR_OK);
    assert_int_equal(found.date, DAY);
    assert_int_equal(rates_rejected(f->rates, "ecb", "EUR", "JPY", &found), ERR_NOT_FOUND);
    assert_int_equal(rates_next_id(f->rates, &next), ERR_OK);
    assert_int_equal(next, 301);
}

static void what_was_put_is_there_after_it_is_opened_again(void **state)
{
    struct fixture *f = *state;
    struct published_rate found;
    keep(f, "ecb", "USD", DAY, 5);
    rates_close(&f->rates);
    assert_int_equal(rates_open(f->name, MAP_BYTES, &f->rates), ERR_OK);
    assert_int_equal(rates_as_of(f->rates, "ecb", "EUR", "USD", DAY, &found), ERR_OK);
    assert_int_equal(found.rate, 5);
}

/* Changes the one place in the file where the operator's name stands. */
static void spoil(const char *directory, const char *name)
{
    char path[SCRATCH_PATH_BYTES + 32];
    char bytes[1 << 17];
    (void)snprintf(path, sizeof path, "%s/data.mdb", directory);
    int file = open(path, O_RDWR | O_CLOEXEC);
    assert_true(file >= 0);
    ssize_t length = pread(file, bytes, sizeof bytes, 0);
    assert_true(length > 0);
    char *at = memmem(bytes, (size_t)length, name, strlen(name));
    assert_non_null(at);
    assert_int_equal(pwrite(file, "X", 1, at - bytes), 1);
    (void)close(file);
}

static void a_damaged_rate_is_never_given(void **state)
{
    struct fixture *f = *state;
    struct published_rate row = rate_of("USD", DAY, 1), found;
    memcpy(row.accepted_by, "somebody", 9);
    struct rates_put put = {.kind = RATES_PUT_HISTORY, .source = "ecb", .rate = &row};
    assert_int_equal(rates_apply(f->rates, &put, 1), ERR_OK);
    rates_close(&f->rates);
    spoil(f->name, "somebody");
    assert_int_equal(rates_open(f->name, MAP_BYTES, &f->rates), ERR_OK);
    assert_int_equal(rates_as_of(f->rates, "ecb", "EUR", "USD", DAY, &found), ERR_CORRUPT);
}

static void a_map_without_room_writes_nothing(void **state)
{
    struct fixture *f = *state;
    enum { COUNT = 4000 };
    struct published_rate *rows = calloc(COUNT, sizeof *rows);
    struct rates_put *puts = calloc(COUNT, sizeof *puts);
    struct published_rate found;
    rates_close(&f->rates);
    assert_int_equal(rates_open(f->name, 64 * 1024, &f->rates), ERR_OK);
    keep(f, "ecb", "USD", DAY, 5);
    for (int i = 0; i < COUNT; i++) {
        rows[i] = rate_of("USD", DAY + 1 + i, 1);
        puts[i] = (struct rates_put){.kind = RATES_PUT_HISTORY, .source = "ecb", .rate = &rows[i]};
    }
    assert_int_equal(rates_apply(f->rates, puts, COUNT), ERR_FULL);
    assert_int_equal(rates_as_of(f->rates, "ecb", "EUR", "USD", INT32_MAX, &found), ERR_OK);
    assert_int_equal(found.date, DAY);
    keep(f, "ecb", "USD", DAY + 1, 6);
    free(rows);
    free(puts);
}

#define BOTH(name)                                               \
    cmocka_unit_test_setup_teardown(name, begin_memory, finish), \
        cmocka_unit_test_setup_teardown(name, begin_lmdb, finish)
#define ON_DISK(name) cmocka_unit_test_setup_teardown(name, begin_lmdb, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_rate_comes_back_as_it_was_put),
        BOTH(as_of_a_day_is_the_newest_of_it_or_before_and_of_no_other_pair),
        BOTH(pairs_come_in_order_each_with_its_newest),
        BOTH(what_waits_is_listed_until_it_is_removed_and_its_id_is_not_given_again),
        ON_DISK(what_was_put_is_there_after_it_is_opened_again),
        ON_DISK(a_damaged_rate_is_never_given),
        ON_DISK(a_map_without_room_writes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
