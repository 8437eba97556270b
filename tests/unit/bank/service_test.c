/* The bank adapter with its store: what is durable before it leaves, a store that has no room or fails, and what clients are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <string.h>

#include "actors/bank/shell/bank_service.h"
#include "broker/wire/banks.h"
#include "broker/wire/rows.h"

enum { SEEN_MAX = 64, BODY_MAX = 65536 };

#define SECOND_US INT64_C(1000000)
#define BORN_US (INT64_C(1795000000) * SECOND_US)
#define FIRST_SERIAL ((uint64_t)(BORN_US / 1000))

/* ---- a rail whose bank says 200: paid, 402: not, 404: not found --------------------------------------- */

static void *toy_open(const struct rail_settings *settings, char *why)
{
    (void)settings, (void)why;
    return NULL;
}

static void toy_close(void *own)
{
    (void)own;
}

static bool toy_name(void *own, struct rail_job *job, int64_t now_us, struct rail_verdict *verdict)
{
    (void)own, (void)now_us, (void)verdict;
    snprintf(job->id, sizeof job->id, "T%llu", (unsigned long long)(job->serial - FIRST_SERIAL + 1));
    job->phase = RAIL_PAY;
    return true;
}

static int toy_token_of(void *own, const struct rail_job *job)
{
    (void)own, (void)job;
    return -1;
}

static void toy_ask(void *own, const struct rail_job *job, const char *token, int64_t now_us,
                    struct rail_request *out)
{
    (void)own, (void)token, (void)now_us;
    out->method = job->phase == RAIL_PAY ? "POST" : "GET";
    out->header_count = out->length = 0;
    snprintf(out->url, sizeof out->url, "https://bank/%s", job->id);
}

static void toy_answer(void *own, struct rail_job *job, const struct rail_reply *reply, int64_t now_us,
                       struct rail_verdict *out)
{
    (void)own, (void)now_us;
    *out = (struct rail_verdict){.result = RAIL_UNKNOWN, .retry_after_s = -1};
    if (reply->status == 200) {
        out->result = RAIL_SUCCEEDED;
        snprintf(job->resource, sizeof job->resource, "R%llu",
                 (unsigned long long)(job->serial - FIRST_SERIAL + 1));
    } else if (reply->status == 402) {
        out->result = RAIL_FAILED;
        snprintf(out->reason, sizeof out->reason, "no money in 1234567890");
    } else if (reply->status == 404) {
        out->result = RAIL_NOT_FOUND;
    }
    if (out->result == RAIL_UNKNOWN)
        job->phase = RAIL_INQUIRE;
}

static const struct rail toy = {
    .name = "toy",
    .open = toy_open,
    .close = toy_close,
    .name_job = toy_name,
    .token_of = toy_token_of,
    .ask = toy_ask,
    .answer = toy_answer,
};

/* ---- a store in memory whose commits fail as planned -------------------------------------------------- */

struct store {
    struct outbox base;
    struct outbox *inner;
    enum err fail_with;
    uint32_t commits;
};

static enum err store_apply(struct outbox *outbox, const struct outbox_put *puts, size_t count)
{
    struct store *self = (struct store *)outbox;
    if (self->fail_with != ERR_OK)
        return self->fail_with;
    self->commits++;
    return outbox_apply(self->inner, puts, count);
}

static enum err store_scan(struct outbox *outbox, outbox_visit *visit, void *context)
{
    return outbox_scan(((struct store *)outbox)->inner, visit, context);
}

static const struct outbox_methods store_methods = {.apply = store_apply, .scan = store_scan};

/* ---- the world ---------------------------------------------------------------------------------------- */

struct world {
    struct store store;
    struct bank_service service;
    int64_t now_us;
    enum err request_err;
    uint64_t requests[SEEN_MAX];
    char urls[SEEN_MAX][64];
    uint32_t commits_before[SEEN_MAX]; /* a request */
    uint32_t request_count;
    struct bank_report reports[SEEN_MAX];
    uint32_t report_partition[SEEN_MAX];
    uint32_t report_count, report_boxes;
    uint32_t kept, not_kept, lines;
    char said[512];
    uint8_t reply[BODY_MAX];
    struct wire_reply answer;
};

static void *take(void *context, size_t bytes)
{
    (void)context;
    return calloc(1, bytes);
}

static void give(void *context, void *pointer, size_t bytes)
{
    (void)context, (void)bytes;
    free(pointer);
}

static const struct mem mem = {NULL, take, give};

static enum err port_request(void *context, const struct bank_request *request)
{
    struct world *self = context;
    if (self->request_err != ERR_OK)
        return self->request_err;
    assert_true(self->request_count < SEEN_MAX);
    snprintf(self->urls[self->request_count], 64, "%s %.40s", request->http.method, request->http.url);
    self->commits_before[self->request_count] = self->store.commits;
    self->requests[self->request_count++] = request->number;
    return ERR_OK;
}

static void port_reports(void *context, uint32_t partition, struct bank_reports *reports)
{
    struct world *self = context;
    self->report_boxes++;
    for (size_t i = 0; i < reports->count; i++) {
        assert_true(self->report_count < SEEN_MAX);
        self->report_partition[self->report_count] = partition;
        self->reports[self->report_count++] = reports->reports[i];
    }
    free(reports);
}

static void port_answer(void *context, void *token, bool is_kept)
{
    struct world *self = context;
    (void)token;
    self->kept += is_kept;
    self->not_kept += !is_kept;
}

static void port_say(void *context, bool is_error, const char *text)
{
    struct world *self = context;
    (void)is_error;
    self->lines++;
    snprintf(self->said, sizeof self->said, "%s", text);
}

static void open_service(struct world *self)
{
    const struct bank_config configs[] = {
        {.name = "kftc", .rail = &toy, .limits = bank_limits_default()},
        {.name = "gb", .rail = &toy, .limits = bank_limits_default()},
    };
    self->service = (struct bank_service){.ports = {self, port_request, port_reports, port_answer, port_say}};
    assert_int_equal(bank_service_open(&self->service, configs, 2, 0, &self->store.base, &mem, self->now_us),
                     ERR_OK);
}

static int begin(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    assert_non_null(self);
    self->store = (struct store){.base = {&store_methods}, .inner = outbox_memory_new()};
    self->now_us = BORN_US;
    open_service(self);
    *state = self;
    return self->store.inner == NULL;
}

static int finish(void **state)
{
    struct world *self = *state;
    bank_service_close(&self->service);
    outbox_close(&self->store.inner);
    free(self);
    return 0;
}

static void restart(struct world *self)
{
    bank_service_close(&self->service);
    self->request_count = self->report_count = self->report_boxes = 0;
    open_service(self);
}

static struct bank_call call_of(uint8_t id, uint32_t partition)
{
    return (struct bank_call){
        .called_us = BORN_US,
        .remittance = {{1, id}},
        .number = 1,
        .partition = partition,
        .step = BANK_PULL,
        .currency = currency_find("KRW", CURRENCY_CODE_LENGTH),
        .amount = 100,
        .bank = "kftc",
        .payer = "a",
        .payee = "b",
    };
}

static void tell_call(struct world *self, uint8_t id, uint32_t partition)
{
    const struct bank_call call = call_of(id, partition);
    const struct bank_mail mail = {.partition = partition, .call_count = 1, .calls = &call};
    bank_service_mail(&self->service, &mail, self->now_us);
}

static void turn(struct world *self)
{
    while (bank_service_turn(&self->service, self->now_us))
        ;
    if (!self->service.is_stopped)
        bank_check(self->service.bank);
}

static void reply(struct world *self, uint32_t request, long status)
{
    const struct rail_reply reply = {
        .arrival = status > 0 ? RAIL_ARRIVED : RAIL_LOST, .status = status, .body = "", .retry_after_s = -1};
    bank_service_reply(&self->service, self->requests[request], &reply, self->now_us);
}

static void tell_callback(struct world *self)
{
    const struct rail_notice notice = {
        .event = "e1", .resource = "R1", .until_us = self->now_us + 600 * SECOND_US};
    bank_service_callback(&self->service, "kftc", &notice, self, self->now_us);
}

/* Asks with the body that w holds, which is emptied; the reply is in self->answer. */
static enum code ask(struct world *self, enum wire_operation operation, struct mp_writer *w)
{
    struct request request = {.header = {.operation = operation,
                                         .request_id = 7,
                                         .body = {(const char *)w->data, (uint32_t)w->length}}};
    zmq_msg_init(&request.reply);
    bank_service_work(&self->service, &request);
    size_t length = zmq_msg_size(&request.reply);
    assert_true(length <= sizeof self->reply);
    memcpy(self->reply, zmq_msg_data(&request.reply), length);
    assert_true(wire_reply_read(self->reply, length, &self->answer));
    zmq_msg_close(&request.reply);
    mp_writer_release(w);
    return self->answer.code;
}

static enum code ask_calls(struct world *self, const char *bank, uint32_t limit, const char *cursor)
{
    struct mp_writer w = {0};
    wire_bank_calls_body_write(&w, str_from(bank), limit, str_from(cursor));
    return ask(self, OPERATION_BANK_CALLS, &w);
}

/* How often a text stands in the last reply. */
static int count_in_reply(const struct world *self, const char *text)
{
    int count = 0;
    const uint8_t *end = self->reply + sizeof self->reply - strlen(text);
    for (const uint8_t *at = self->reply; at < end; at++)
        count += memcmp(at, text, strlen(text)) == 0;
    return count;
}

/* ---- tests -------------------------------------------------------------------------------------------- */

static void a_request_that_moves_money_leaves_after_its_job_is_durable(void **state)
{
    struct world *self = *state;
    tell_call(self, 1, 0);
    turn(self);
    assert_int_equal(self->request_count, 1);
    assert_string_equal(self->urls[0], "POST https://bank/T1");
    assert_true(self->commits_before[0] > 0);
}

static void what_a_bank_says_is_told_to_the_ledger_that_called(void **state)
{
    struct world *self = *state;
    tell_call(self, 1, 3);
    tell_call(self, 2, 5);
    tell_call(self, 3, 3);
    turn(self);
    assert_int_equal(self->request_count, 3);
    for (uint32_t i = 0; i < 3; i++)
        reply(self, i, 200);
    turn(self);
    assert_int_equal(self->report_count, 3);
    assert_int_equal(self->report_boxes, 2);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(self->reports[i].outcome, BANK_SUCCEEDED);
        assert_int_equal(self->reports[i].partition, self->report_partition[i]);
    }
}

static void a_failure_goes_to_the_log_without_account_numbers(void **state)
{
    struct world *self = *state;
    tell_call(self, 1, 0);
    turn(self);
    reply(self, 0, 402);
    turn(self);
    assert_int_equal(self->reports[0].outcome, BANK_FAILED);
    assert_non_null(strstr(self->said, "no money in 12...90"));
    assert_null(strstr(self->said, "1234567890"));
}

static void a_store_without_room_keeps_all_back_until_it_has_some(void **state)
{
    struct world *self = *state;
    self->store.fail_with = ERR_FULL;
    tell_call(self, 1, 0);
    tell_callback(self);
    turn(self);
    assert_int_equal(self->request_count, 0);
    assert_int_equal(self->kept + self->not_kept, 0);
    assert_int_equal(bank_service_due_us(&self->service), self->now_us + SECOND_US);
    self->store.fail_with = ERR_OK;
    turn(self); /* too early */
    assert_int_equal(self->request_count, 0);
    self->now_us += SECOND_US;
    turn(self);
    assert_int_equal(self->request_count, 1);
    assert_int_equal(self->kept, 1);
    assert_int_equal(self->lines, 2);
}

/* Else a payment would leave on a day on which it is not asked about, or with a key that its bank has forgotten. */
static void a_request_that_waited_long_for_room_is_written_anew(void **state)
{
    struct world *self = *state;
    self->store.fail_with = ERR_FULL;
    tell_call(self, 1, 0);
    turn(self);
    self->now_us += 5 * 3600 * SECOND_US;
    self->store.fail_with = ERR_OK;
    turn(self);
    assert_int_equal(self->request_count, 0);
    self->now_us += SECOND_US;
    turn(self);
    assert_int_equal(self->request_count, 1);
    assert_string_equal(self->urls[0], "POST https://bank/T1");
    struct bank_job_view view;
    assert_int_equal(bank_jobs(self->service.bank, str_from(""), 0, &view, 1), 1);
    assert_int_equal(view.job.sent_us, self->now_us);
}

static void a_store_that_fails_stops_the_adapter(void **state)
{
    struct world *self = *state;
    struct mp_writer w = {0};
    self->store.fail_with = ERR_IO;
    tell_call(self, 1, 0);
    tell_callback(self);
    turn(self);
    assert_true(self->service.is_stopped);
    assert_int_equal(self->request_count, 0);
    assert_int_equal(self->not_kept, 1);
    assert_int_equal(bank_service_due_us(&self->service), INT64_MAX);
    mp_write_nil(&w);
    assert_int_equal(ask(self, OPERATION_BANK_LIST, &w), CODE_BUSY);
    self->store.fail_with = ERR_OK;
    tell_call(self, 2, 0);
    tell_callback(self);
    turn(self);
    assert_int_equal(self->request_count, 0);
    assert_int_equal(self->not_kept, 2);
}

static void what_may_have_been_sent_is_asked_about_after_a_restart(void **state)
{
    struct world *self = *state;
    tell_call(self, 1, 0);
    turn(self);
    restart(self);
    self->now_us += SECOND_US;
    turn(self);
    tell_call(self, 1, 0);
    turn(self);
    assert_int_equal(self->request_count, 1);
    assert_string_equal(self->urls[0], "GET https://bank/T1");
    reply(self, 0, 200);
    turn(self);
    assert_int_equal(self->reports[self->report_count - 1].outcome, BANK_SUCCEEDED);
}

static void a_request_that_cannot_leave_is_a_failure_of_nothing_sent(void **state)
{
    struct world *self = *state;
    self->request_err = ERR_NO_MEMORY;
    tell_call(self, 1, 0);
    for (int i = 0; i < 600 && self->report_count == 0; i++) {
        turn(self);
        self->now_us += SECOND_US;
    }
    assert_int_equal(self->report_count, 1);
    assert_int_equal(self->reports[0].outcome, BANK_FAILED);
    assert_int_equal(self->request_count, 0);
}

static void a_callback_is_kept_once_it_is_durable_and_answered_when_the_service_ends(void **state)
{
    struct world *self = *state;
    tell_callback(self);
    assert_int_equal(self->kept, 0);
    turn(self);
    assert_int_equal(self->kept, 1);
    assert_true(self->store.commits > 0);
    tell_callback(self);
    restart(self);
    assert_int_equal(self->not_kept, 1);
}

static void clients_see_banks_and_calls(void **state)
{
    struct world *self = *state;
    struct mp_writer w = {0};
    for (uint8_t i = 1; i <= 3; i++)
        tell_call(self, i, 0);
    turn(self);
    mp_write_nil(&w);
    assert_int_equal(ask(self, OPERATION_BANK_LIST, &w), CODE_OK);
    assert_int_equal(count_in_reply(self, "toy"), 2);
    assert_int_equal(count_in_reply(self, "closed"), 2);
    assert_int_equal(ask_calls(self, "", 100, ""), CODE_OK);
    assert_int_equal(count_in_reply(self, "SENT"), 3);
    assert_int_equal(ask_calls(self, "gb", 100, ""), CODE_OK);
    assert_int_equal(ask_calls(self, "kftc", 2, ""), CODE_OK);
    assert_int_equal(ask_calls(self, "kftc", 2, "1795000000001"), CODE_OK);
    assert_int_equal(ask_calls(self, "kftc", 2, "x"), CODE_INVALID_FIELD);
    assert_int_equal(ask_calls(self, "kftc", 1001, ""), CODE_INVALID_FIELD);
    assert_int_equal(ask_calls(self, "k c", 1, ""), CODE_INVALID_FIELD);
    mp_write_nil(&w);
    assert_int_equal(ask(self, OPERATION_RATE_REVIEW, &w), CODE_UNSUPPORTED);
}

static void long_numbers_are_masked_in_the_log(void **state)
{
    static const struct {
        const char *text, *masked;
    } rows[] = {
        {"", ""},
        {"A0001: 12345", "A0001: 12345"},
        {"account 123456", "account 12...56"},
        {"123-456-789012 is closed", "12...12 is closed"},
        {"1-2-3-4-5", "1-2-3-4-5"},
        {"2026-11-21", "20...21"},
        {"a-1", "a-1"},
        {"x123456y654321", "x12...56y65...21"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[64];
        bank_mask(rows[i].text, out, sizeof out);
        assert_string_equal(out, rows[i].masked);
    }
    char out[8];
    bank_mask("0123 5678 0123", out, sizeof out);
    assert_string_equal(out, "0123 56");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_that_moves_money_leaves_after_its_job_is_durable, begin,
                                        finish),
        cmocka_unit_test_setup_teardown(what_a_bank_says_is_told_to_the_ledger_that_called, begin, finish),
        cmocka_unit_test_setup_teardown(a_failure_goes_to_the_log_without_account_numbers, begin, finish),
        cmocka_unit_test_setup_teardown(a_store_without_room_keeps_all_back_until_it_has_some, begin, finish),
        cmocka_unit_test_setup_teardown(a_request_that_waited_long_for_room_is_written_anew, begin, finish),
        cmocka_unit_test_setup_teardown(a_store_that_fails_stops_the_adapter, begin, finish),
        cmocka_unit_test_setup_teardown(what_may_have_been_sent_is_asked_about_after_a_restart, begin,
                                        finish),
        cmocka_unit_test_setup_teardown(a_request_that_cannot_leave_is_a_failure_of_nothing_sent, begin,
                                        finish),
        cmocka_unit_test_setup_teardown(
            a_callback_is_kept_once_it_is_durable_and_answered_when_the_service_ends, begin, finish),
        cmocka_unit_test_setup_teardown(clients_see_banks_and_calls, begin, finish),
        cmocka_unit_test(long_numbers_are_masked_in_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
