/* Requests about remittances in a ledger's shell: what is asked comes to the core, what it says to the client; and what a reader
 * makes of the facts. The test is the bank. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "actors/ledger/remittance_states.h"
#include "actors/ledger/shell/reader.h"
#include "actors/ledger/shell/requests.h"
#include "broker/wire/history.h"
#include "broker/wire/remittances.h"
#include "tests/scenario/world.h"

enum { PARTITIONS = 2, AMOUNT = 300, PAGE = 8 };

struct world {
    struct runner *runner;
    struct requests requests;
    struct reader *reader;
    struct mp_writer writer; /* the body of the next request */
    struct request *answered;
    struct wire_reply reply; /* in answered */
    char account[WORLD_ID_MAX];
    uint64_t deadline_ms;
};

static int set_up(void **state)
{
    struct runner_config config = runner_config_default(PARTITIONS);
    struct world *self = calloc(1, sizeof *self);
    uint32_t sent = 0;
    assert_non_null(self);
    self->runner = runner_new(&config);
    world_account_id(0, PARTITIONS, "a", 0, self->account);
    world_open(self->runner, self->account, "KRW");
    requests_init(&self->requests, 0, PARTITIONS);
    self->requests.journal = runner_journal(self->runner, 0);
    self->reader = reader_new(7, currency_find("KRW", 3));
    reader_add_names(self->reader, requests_names(runner_ledger(self->runner, 0), &sent));
    *state = self;
    return 0;
}

static void let_go(struct world *self)
{
    if (self->answered == NULL)
        return;
    zmq_msg_close(&self->answered->frame);
    zmq_msg_close(&self->answered->reply);
    free(self->answered);
    self->answered = NULL;
}

static int tear_down(void **state)
{
    struct world *self = *state;
    let_go(self);
    mp_writer_release(&self->writer);
    reader_destroy(&self->reader);
    requests_release(&self->requests);
    runner_destroy(&self->runner);
    free(self);
    return 0;
}

/* The house accounts that postings have opened meanwhile. */
static void tell_names(struct world *self)
{
    uint32_t sent = 1;
    struct read_names *names = requests_names(runner_ledger(self->runner, 0), &sent);
    if (names != NULL)
        reader_add_names(self->reader, names);
}

/* Asks with the body in the writer; the answer stands in self->reply. */
static enum code ask(struct world *self, enum wire_operation operation)
{
    struct request *request = calloc(1, sizeof *request);
    struct mp_writer w = {0};
    struct wire_header header = {.operation = operation,
                                 .request_id = 7,
                                 .partition = WIRE_PARTITION_ANY,
                                 .deadline_us = (int64_t)self->deadline_ms * 1000};
    enum code code;
    enum field field;
    assert_non_null(request);
    wire_header_write(&w, &header);
    mp_write_raw(&w, self->writer.data, self->writer.length);
    mp_writer_reset(&self->writer);
    assert_true(wire_message_init(&request->frame, &w));
    mp_writer_release(&w);
    zmq_msg_init(&request->reply);
    assert_true(wire_header_read(zmq_msg_data(&request->frame), zmq_msg_size(&request->frame),
                                 &request->header, &code, &field));
    requests_work(&self->requests, runner_ledger(self->runner, 0), request, runner_now(self->runner));
    runner_flush(self->runner, 0);
    let_go(self);
    if (self->requests.reads != NULL) {
        self->answered = reader_work(self->reader, self->requests.reads);
        self->requests.reads = NULL;
        self->requests.reads_end = &self->requests.reads;
    } else {
        self->answered = self->requests.answered.first;
        request_list_init(&self->requests.answered);
    }
    assert_ptr_equal(self->answered, request);
    assert_true(wire_reply_read(zmq_msg_data(&request->reply), zmq_msg_size(&request->reply), &self->reply));
    assert_int_equal(self->reply.code, request->code);
    return self->reply.code;
}

static enum field field_of(const struct world *self)
{
    enum field field;
    assert_true(wire_error_read(&self->reply, &field, NULL));
    return field;
}

static enum code open_one(struct world *self, uint64_t id)
{
    const struct ledger_remit_command command = {.currency = world_currency("KRW"),
                                                 .id = world_uuid(id),
                                                 .account = str_from(self->account),
                                                 .amount = AMOUNT,
                                                 .bank = STR_LITERAL("kftc"),
                                                 .payer = STR_LITERAL("p"),
                                                 .payee = STR_LITERAL("q"),
                                                 .memo = STR_LITERAL("rent"),
                                                 .reference = STR_LITERAL("R-1")};
    wire_remit_body_write(&self->writer, &command);
    return ask(self, OPERATION_REMITTANCE_OPEN);
}

static void report(struct world *self, uint64_t id, uint32_t number, uint8_t outcome)
{
    struct bank_report said = {.remittance = world_uuid(id),
                               .number = number,
                               .outcome = outcome,
                               .is_permanent = true,
                               .reason = "the bank says so",
                               .reference = "B-1"};
    ledger_bank_report(runner_ledger(self->runner, 0), runner_now(self->runner), &said);
    runner_flush(self->runner, 0);
}

static enum code show(struct world *self, uint64_t id)
{
    struct uuid asked = world_uuid(id);
    wire_remittance_show_body_write(&self->writer, str_from(self->account), &asked);
    return ask(self, OPERATION_REMITTANCE_SHOW);
}

static enum code act_on_call(struct world *self, uint64_t id, enum remittance_action action, uint32_t call)
{
    const struct ledger_remittance_command command = {.action = (uint8_t)action,
                                                      .outcome = BANK_FAILED,
                                                      .call = call,
                                                      .account = str_from(self->account),
                                                      .remittance = world_uuid(id),
                                                      .operator_name = STR_LITERAL("ann"),
                                                      .reason = STR_LITERAL("why")};
    wire_remittance_act_body_write(&self->writer, &command);
    return ask(self, wire_remittance_operation(action));
}

static enum code act(struct world *self, uint64_t id, enum remittance_action action)
{
    return act_on_call(self, id, action, 1);
}

static struct wire_transfer transfer_of(struct world *self, uint64_t id)
{
    struct wire_transfer transfer;
    struct uuid asked = world_uuid(id);
    wire_transfer_show_body_write(&self->writer, &asked);
    assert_int_equal(ask(self, OPERATION_TRANSFER_SHOW), CODE_OK);
    assert_true(wire_transfer_reply_read(&self->reply, &transfer));
    return transfer;
}

/* ---- the tests ------------------------------------------------------------------------------------ */

static void a_remittance_is_opened_and_shown_with_its_trail_oldest_first(void **state)
{
    struct world *self = *state;
    struct ledger_remittance_view view;
    struct ledger_remittance_entry entries[PAGE];
    size_t count;
    assert_int_equal(open_one(self, 1), CODE_OK);
    assert_true(wire_remittance_reply_read(&self->reply, &view));
    assert_int_equal(view.state, REMITTANCE_PULLING);
    assert_int_equal(show(self, 1), CODE_OK);
    assert_true(wire_remittance_trail_reply_read(&self->reply, &view, entries, PAGE, &count));
    assert_int_equal(count, 2);
    assert_int_equal(entries[0].state, REMITTANCE_REQUESTED);
    assert_int_equal(entries[1].state, REMITTANCE_PULLING);
    assert_string_equal(view.reference, "R-1");
    assert_int_equal(show(self, 2), CODE_REMITTANCE_NOT_FOUND);
    assert_int_equal(field_of(self), FIELD_REMITTANCE);
}

static void a_request_that_comes_too_late_moves_nothing(void **state)
{
    struct world *self = *state;
    self->deadline_ms = 1;
    assert_int_equal(open_one(self, 1), CODE_DEADLINE_EXCEEDED);
    assert_int_equal(act(self, 1, REMITTANCE_SETTLE), CODE_DEADLINE_EXCEEDED);
    wire_remittance_batch_body_write(
        &self->writer, &(struct wire_remittances_query){.list = REMITTANCE_LIST_FAILED, .limit = 1});
    assert_int_equal(ask(self, OPERATION_REMITTANCE_RETRY_BATCH), CODE_DEADLINE_EXCEEDED);
    self->deadline_ms = 0;
    assert_int_equal(show(self, 1), CODE_REMITTANCE_NOT_FOUND);
}

static void a_list_is_paged_and_goes_on_in_the_next_partition(void **state)
{
    struct world *self = *state;
    struct ledger_remittance_view views[PAGE];
    struct str cursor;
    char from[WIRE_CURSOR_MAX + 1] = "";
    size_t count;
    for (uint64_t id = 1; id <= 3; id++)
        assert_int_equal(open_one(self, id), CODE_OK);
    for (uint64_t seen = 0; seen < 3; seen += count) {
        const struct wire_remittances_query query = {
            .list = REMITTANCE_LIST_OPEN, .limit = 2, .cursor = str_from(from)};
        wire_remittances_body_write(&self->writer, &query);
        assert_int_equal(ask(self, OPERATION_REMITTANCE_LIST), CODE_OK);
        assert_true(wire_remittances_reply_read(&self->reply, views, PAGE, &count, &cursor));
        assert_int_equal(count, seen == 0 ? 2 : 1);
        struct uuid expected = world_uuid(seen + 1);
        assert_true(uuid_equal(&views[0].id, &expected));
        memcpy(from, cursor.data, cursor.length);
        from[cursor.length] = '\0';
    }
    assert_string_equal(from, "1:0");
    const struct wire_remittances_query wrong = {.limit = 1, .cursor = STR_LITERAL("0:x")};
    wire_remittances_body_write(&self->writer, &wrong);
    assert_int_equal(ask(self, OPERATION_REMITTANCE_LIST), CODE_INVALID_FIELD);
    assert_int_equal(field_of(self), FIELD_CURSOR);
}

static void what_an_operator_does_is_done_or_refused_with_its_field(void **state)
{
    struct world *self = *state;
    struct ledger_remittance_view view;
    uint32_t retried = 7;
    assert_int_equal(open_one(self, 1), CODE_OK);
    assert_int_equal(act(self, 1, REMITTANCE_CANCEL), CODE_REMITTANCE_IN_BANK);
    assert_int_equal(field_of(self), FIELD_REMITTANCE);
    assert_int_equal(act(self, 1, REMITTANCE_SETTLE), CODE_REMITTANCE_IN_BANK);
    report(self, 1, 1, BANK_UNKNOWN);
    assert_int_equal(act(self, 1, REMITTANCE_SETTLE), CODE_OK);
    assert_true(wire_remittance_reply_read(&self->reply, &view));
    assert_int_equal(view.state, REMITTANCE_FAILED);
    assert_string_equal(view.reason, "why");
    assert_int_equal(act(self, 1, REMITTANCE_RETRY), CODE_REMITTANCE_ENDED);
    wire_remittance_batch_body_write(
        &self->writer, &(struct wire_remittances_query){.list = REMITTANCE_LIST_FAILED, .limit = 1});
    assert_int_equal(ask(self, OPERATION_REMITTANCE_RETRY_BATCH), CODE_OK);
    assert_true(wire_remittance_batch_reply_read(&self->reply, &retried));
    assert_int_equal(retried, 0);
}

/* While the bank was asked of a push by telephone, it has said no, and what goes back is not known by now. */
static void what_is_said_of_a_call_by_telephone_is_not_taken_for_another(void **state)
{
    struct world *self = *state;
    struct ledger_remittance_view view;
    assert_int_equal(open_one(self, 1), CODE_OK);
    report(self, 1, 1, BANK_SUCCEEDED);
    report(self, 1, 2, BANK_UNKNOWN);
    report(self, 1, 2, BANK_FAILED);
    report(self, 1, 3, BANK_UNKNOWN);
    for (uint32_t call = 1; call <= 4; call++) {
        if (call == 3)
            continue;
        assert_int_equal(act_on_call(self, 1, REMITTANCE_SETTLE, call), CODE_REMITTANCE_NOT_HERE);
        assert_int_equal(field_of(self), FIELD_CALL);
    }
    assert_int_equal(act_on_call(self, 1, REMITTANCE_SETTLE, 3), CODE_OK);
    assert_true(wire_remittance_reply_read(&self->reply, &view));
    assert_int_equal(view.state, REMITTANCE_DEAD_LETTER);
}

static void its_id_tells_what_became_of_it(void **state)
{
    struct world *self = *state;
    assert_int_equal(open_one(self, 1), CODE_OK);
    struct wire_transfer transfer = transfer_of(self, 1);
    assert_int_equal(transfer.status, TRANSFER_PENDING);
    assert_int_equal(transfer.code, CODE_OK);
    assert_int_equal(transfer.kind, WIRE_KIND_REMITTANCE);
    assert_true(transfer.amount == AMOUNT && str_equal(transfer.from, str_from(self->account)) &&
                str_equal(transfer.to, transfer.from) && str_equal(transfer.memo, STR_LITERAL("rent")));
    report(self, 1, 1, BANK_SUCCEEDED);
    assert_int_equal(transfer_of(self, 1).status, TRANSFER_PENDING); /* the newest fact is a move */
    report(self, 1, 2, BANK_SUCCEEDED);
    transfer = transfer_of(self, 1); /* … and now a posting */
    assert_int_equal(transfer.status, TRANSFER_SUCCESS);
    assert_true(str_equal(transfer.reference, STR_LITERAL("R-1")) && transfer.amount == AMOUNT);
    assert_int_equal(open_one(self, 2), CODE_OK);
    report(self, 2, 1, BANK_FAILED);
    transfer = transfer_of(self, 2);
    assert_int_equal(transfer.status, TRANSFER_FAILED);
    assert_int_equal(transfer.code, CODE_REMITTANCE_ENDED);
}

static void history_tells_the_bank_and_its_reference(void **state)
{
    struct world *self = *state;
    struct wire_history_entry entries[PAGE];
    struct str cursor;
    size_t count;
    assert_int_equal(open_one(self, 1), CODE_OK);
    report(self, 1, 1, BANK_SUCCEEDED);
    report(self, 1, 2, BANK_SUCCEEDED);
    tell_names(self);
    const struct wire_history_query of_customer = {.account = str_from(self->account), .limit = PAGE};
    wire_history_body_write(&self->writer, &of_customer);
    assert_int_equal(ask(self, OPERATION_HISTORY), CODE_OK);
    assert_true(wire_history_reply_read(&self->reply, entries, PAGE, &count, &cursor));
    assert_int_equal(count, 3);
    assert_int_equal(entries[0].kind, ENTRY_REMITTANCE_WITHDRAWN);
    assert_int_equal(entries[1].kind, ENTRY_REMITTANCE_DEPOSITED);
    assert_true(str_equal(entries[1].bank, STR_LITERAL("kftc")) && entries[1].balance == AMOUNT);
    assert_true(str_equal(entries[1].counterparty, STR_LITERAL("house:remittance:KRW:0")));
    const struct wire_history_query of_house = {.account = STR_LITERAL("house:bank:KRW:0"), .limit = PAGE};
    wire_history_body_write(&self->writer, &of_house);
    assert_int_equal(ask(self, OPERATION_HISTORY), CODE_OK);
    assert_true(wire_history_reply_read(&self->reply, entries, PAGE, &count, &cursor));
    assert_int_equal(count, 3);
    assert_int_equal(entries[0].kind, ENTRY_REMITTANCE_PAID);
    assert_int_equal(entries[1].kind, ENTRY_REMITTANCE_PULLED);
    assert_true(str_equal(entries[1].bank_reference, STR_LITERAL("B-1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_remittance_is_opened_and_shown_with_its_trail_oldest_first, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_request_that_comes_too_late_moves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_list_is_paged_and_goes_on_in_the_next_partition, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_an_operator_does_is_done_or_refused_with_its_field, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_said_of_a_call_by_telephone_is_not_taken_for_another, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(its_id_tells_what_became_of_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(history_tells_the_bank_and_its_reference, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
