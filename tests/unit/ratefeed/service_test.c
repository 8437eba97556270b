/* The feed with its store: what is durable and what is told, and a store that has no room or fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "actors/base/date.h"
#include "actors/base/rate.h"
#include "actors/ratefeed/shell/feed_service.h"
#include "broker/wire/rates.h"
#include "store/rates_table.h"

enum { DAY = 20777 };

/* A store in memory whose commits fail as planned. */
struct store {
    struct rates base;
    struct rates *inner;
    enum err fail_with;
};

static struct rates *inner_of(struct rates *rates)
{
    return ((struct store *)rates)->inner;
}

static enum err store_begin(struct rates *rates, size_t count)
{
    return inner_of(rates)->methods->begin(inner_of(rates), count);
}

static enum err store_put(struct rates *rates, const struct rates_record *record)
{
    return inner_of(rates)->methods->put(inner_of(rates), record);
}

static enum err store_commit(struct rates *rates)
{
    enum err planned = ((struct store *)rates)->fail_with;
    return planned != ERR_OK ? planned : inner_of(rates)->methods->commit(inner_of(rates));
}

static enum err store_seek(struct rates *rates, const uint8_t *key, size_t key_length,
                           enum rates_direction direction, struct rates_record *out)
{
    return inner_of(rates)->methods->seek(inner_of(rates), key, key_length, direction, out);
}

static const struct rates_methods methods = {
    .begin = store_begin, .put = store_put, .commit = store_commit, .seek = store_seek};

struct fixture {
    struct store store;
    struct feed_service service;
    struct feed_taken taken;
    int64_t now_us;
};

static void *take(void *context, size_t bytes)
{
    (void)context;
    return calloc(1, bytes);
}

static void give(void *context, void *pointer, size_t bytes)
{
    (void)context;
    (void)bytes;
    free(pointer);
}

static const struct mem mem = {NULL, take, give};

static void say(void *context, bool is_error, const char *text)
{
    (void)context;
    (void)is_error;
    (void)text;
}

static void open_service(struct fixture *f)
{
    const struct ratefeed_source_config config = {.name = "ecb",
                                                  .schedule = {.every_s = 60},
                                                  .spike_ppm = 100000,
                                                  .age_limit_s = 86400,
                                                  .desk_all = true};
    f->service = (struct feed_service){.context = f, .say = say};
    assert_int_equal(feed_service_open(&f->service, &config, 1, &f->store.base, &mem), ERR_OK);
}

static int begin(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->store = (struct store){.base = {&methods}, .inner = rates_memory_new()};
    f->now_us = DAY * DATE_DAY_US + DATE_DAY_US / 2;
    open_service(f);
    *state = f;
    return f->store.inner == NULL;
}

static int finish(void **state)
{
    struct fixture *f = *state;
    feed_service_close(&f->service);
    rates_close(&f->store.inner);
    free(f);
    return 0;
}

static enum err sheet(struct fixture *f, int32_t date, int64_t rate)
{
    const struct published_rate row = {
        .base = "EUR", .counter = "USD", .date = date, .units = 1, .rate = rate, .taken_us = f->now_us};
    return feed_service_sheet(&f->service, 0, &row, 1, f->now_us, &f->taken);
}

/* Asks with the body that w holds, which is emptied. */
static enum code ask(struct fixture *f, enum wire_operation operation, struct mp_writer *w)
{
    struct request request = {.header = {.operation = operation,
                                         .request_id = 7,
                                         .body = {(const char *)w->data, (uint32_t)w->length}}};
    struct wire_reply reply;
    zmq_msg_init(&request.reply);
    feed_service_work(&f->service, &request, f->now_us);
    assert_true(wire_reply_read(zmq_msg_data(&request.reply), zmq_msg_size(&request.reply), &reply));
    assert_int_equal(reply.code, request.code);
    zmq_msg_close(&request.reply);
    mp_writer_release(w);
    mp_writer_init(w);
    return reply.code;
}

static enum code decide(struct fixture *f, enum wire_operation operation, uint64_t id)
{
    struct mp_writer w = {0};
    wire_rate_decision_body_write(&w, &(struct wire_rate_decision){id, STR_LITERAL("ann")});
    return ask(f, operation, &w);
}

static enum code as_of(struct fixture *f, const char *date)
{
    struct mp_writer w = {0};
    wire_rate_asof_body_write(&w, &(struct wire_rate_body){.source = STR_LITERAL("ecb"),
                                                           .base = STR_LITERAL("EUR"),
                                                           .counter = STR_LITERAL("USD"),
                                                           .date = str_from(date)});
    return ask(f, OPERATION_RATE_ASOF, &w);
}

static uint64_t waiting(const struct fixture *f)
{
    return ratefeed_figures(f->service.feed).waiting;
}

static void what_was_taken_is_known_after_a_restart(void **state)
{
    struct fixture *f = *state;
    struct ratefeed_order order;
    assert_int_equal(sheet(f, DAY - 1, RATE_ONE), ERR_OK);
    assert_int_equal(sheet(f, DAY, 2 * RATE_ONE), ERR_OK);
    assert_int_equal(f->taken.to_review, 1);
    feed_service_close(&f->service);
    open_service(f);
    assert_int_equal(waiting(f), 1);
    assert_true(ratefeed_next_order(f->service.feed, f->now_us, &order));
    assert_int_equal(order.rate.date, DAY - 1);
    assert_int_equal(decide(f, OPERATION_RATE_REJECT, 1), CODE_OK);
    feed_service_close(&f->service);
    open_service(f);
    assert_int_equal(waiting(f), 0);
    assert_int_equal(sheet(f, DAY, 2 * RATE_ONE), ERR_OK);
    assert_int_equal(f->taken.unchanged, 1);
    assert_int_equal(sheet(f, DAY, 3 * RATE_ONE), ERR_OK);
    assert_int_equal(decide(f, OPERATION_RATE_ACCEPT, 1), CODE_RATE_NOT_FOUND);
    assert_int_equal(decide(f, OPERATION_RATE_ACCEPT, 2), CODE_OK);
}

static void a_store_without_room_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct ratefeed_order order;
    assert_int_equal(sheet(f, DAY - 1, RATE_ONE), ERR_OK);
    assert_true(ratefeed_next_order(f->service.feed, f->now_us, &order));
    f->store.fail_with = ERR_FULL;
    assert_int_equal(sheet(f, DAY, RATE_ONE), ERR_FULL);
    assert_int_equal(as_of(f, "2026-11-20"), CODE_OK);
    ratefeed_desk_done(f->service.feed, &order, true, f->now_us);
    assert_true(ratefeed_next_order(f->service.feed, f->now_us, &order));
    assert_int_equal(order.rate.date, DAY - 1);
    f->store.fail_with = ERR_OK;
    assert_int_equal(sheet(f, DAY, 2 * RATE_ONE), ERR_OK);
    f->store.fail_with = ERR_FULL;
    assert_int_equal(decide(f, OPERATION_RATE_ACCEPT, 1), CODE_BUSY);
    assert_int_equal(waiting(f), 1);
    f->store.fail_with = ERR_OK;
    assert_int_equal(decide(f, OPERATION_RATE_ACCEPT, 1), CODE_OK);
}

static void a_sheet_that_could_not_be_kept_is_asked_for_again(void **state)
{
    struct fixture *f = *state;
    uint32_t source;
    ratefeed_begin(f->service.feed, f->now_us);
    assert_true(ratefeed_next_fetch(f->service.feed, f->now_us, &source));
    f->store.fail_with = ERR_FULL;
    assert_int_equal(sheet(f, DAY, RATE_ONE), ERR_FULL);
    const struct ratefeed_source_figures figures = ratefeed_source_figures(f->service.feed, 0);
    assert_int_equal(figures.state, RATEFEED_BACKING_OFF);
    assert_int_equal(figures.failures, 1);
    assert_string_equal(figures.note, err_text(ERR_FULL));
}

static void a_store_that_may_have_written_stops_the_feed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(sheet(f, DAY - 1, RATE_ONE), ERR_OK);
    assert_int_equal(sheet(f, DAY, 2 * RATE_ONE), ERR_OK);
    f->store.fail_with = ERR_IO;
    assert_int_equal(decide(f, OPERATION_RATE_ACCEPT, 1), CODE_UNKNOWN);
    assert_true(f->service.is_stopped);
    f->store.fail_with = ERR_OK;
    assert_int_equal(as_of(f, "2026-11-20"), CODE_BUSY);
}

static void a_rate_of_a_source_that_is_gone_can_only_be_rejected(void **state)
{
    struct fixture *f = *state;
    const struct published_rate row = {
        .base = "EUR", .counter = "USD", .date = DAY, .units = 1, .rate = RATE_ONE};
    const struct rates_put put = {
        .kind = RATES_PUT_WAITING, .id = 5, .source = "gone", .why = "spike", .rate = &row};
    struct mp_writer nil = {0};
    assert_int_equal(rates_apply(&f->store.base, &put, 1), ERR_OK);
    feed_service_close(&f->service);
    open_service(f);
    mp_write_nil(&nil);
    assert_int_equal(ask(f, OPERATION_RATE_REVIEW, &nil), CODE_OK);
    assert_int_equal(decide(f, OPERATION_RATE_ACCEPT, 5), CODE_INVALID_FIELD);
    assert_int_equal(decide(f, OPERATION_RATE_REJECT, 5), CODE_OK);
    assert_int_equal(waiting(f), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, finish)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_taken_is_known_after_a_restart),
        TEST(a_store_without_room_changes_nothing),
        TEST(a_sheet_that_could_not_be_kept_is_asked_for_again),
        TEST(a_store_that_may_have_written_stops_the_feed),
        TEST(a_rate_of_a_source_that_is_gone_can_only_be_rejected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
