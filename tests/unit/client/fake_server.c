#include "tests/unit/client/fake_server.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "broker/wire/accounts.h"
#include "broker/wire/figures.h"
#include "broker/wire/history.h"
#include "broker/wire/items.h"
#include "broker/wire/node.h"
#include "broker/wire/proposals.h"
#include "broker/wire/rows.h"

enum { SCRIPT_MAX = 64, ENDPOINT_MAX = 48, IDENTITY_MAX = 64 };

struct held {
    bool is_held;
    uint8_t identity[IDENTITY_MAX];
    size_t identity_length;
    struct mp_writer reply;
};

struct fake_server {
    pthread_t thread;
    void *context, *router, *stop_in, *stop_out;
    uint32_t partitions;
    enum fake_action script[SCRIPT_MAX];
    size_t script_count;
    struct fake_seen seen[FAKE_SEEN_MAX];
    size_t seen_count;
    struct wire_items items;
    struct ledger_row rows[LEDGER_BATCH_MAX];
    struct mp_writer reply;
    struct held held;
    uint8_t identity[IDENTITY_MAX];
    size_t identity_length;
};

/* ---- answers ---------------------------------------------------------------------------------- */

static struct ledger_row good_row(const struct ledger_command *item, bool is_fraud)
{
    struct ledger_row row = {0};
    if (item->code != CODE_OK)
        return (struct ledger_row){.code = item->code, .field = item->field};
    if (item->kind != COMMAND_DEPOSIT) {
        row.has |= ROW_HAS_FROM;
        row.from_balance = is_fraud ? -1 : item->amount;
    }
    if (item->kind != COMMAND_WITHDRAW) {
        row.has |= ROW_HAS_TO;
        row.to_balance = is_fraud ? -1 : 2 * item->amount;
    }
    return row;
}

static struct ledger_row row_of(const struct ledger_command *item, enum fake_action action, size_t number)
{
    if (action == FAKE_SOME_BUSY && number % 2 == 1)
        return (struct ledger_row){.code = CODE_BUSY};
    if (action == FAKE_SOME_UNKNOWN && number % 2 == 1)
        return (struct ledger_row){.code = CODE_UNKNOWN};
    return good_row(item, action == FAKE_FRAUD);
}

static size_t fill_rows(struct fake_server *self, enum fake_action action)
{
    size_t used = 0;
    for (uint32_t i = 0; i < self->items.count; i++) {
        const struct ledger_command *command = &self->items.commands[i];
        self->rows[used] = row_of(command, action, i);
        if (command->kind == COMMAND_GROUP) {
            self->rows[used] = (struct ledger_row){.group_count = command->group_count};
            for (uint32_t j = 0; j < command->group_count; j++)
                self->rows[used + 1 + j] = good_row(&command->items[j], false);
            used += command->group_count;
        }
        used++;
    }
    return used;
}

static void answer_money(struct fake_server *self, const struct wire_header *header, enum fake_action action)
{
    enum field field;
    enum code code = wire_items_read(&self->items, header, &field);
    struct fake_seen *seen = &self->seen[self->seen_count - 1];
    if (code != CODE_OK) {
        wire_error_write(&self->reply, header->request_id, code, field, NULL);
        return;
    }
    size_t count = fill_rows(self, action);
    seen->rows = (uint32_t)count;
    seen->first_id = self->items.commands[0].id;
    if (header->operation == OPERATION_BATCH)
        wire_rows_write(&self->reply, header->request_id, self->rows, count);
    else
        wire_row_write_single(&self->reply, header->request_id, &seen->first_id, &self->rows[0]);
}

static struct ledger_account_view view_of(struct str account)
{
    struct ledger_account_view view = {.state = ACCOUNT_ACTIVE,
                                       .currency = currency_find("USD", 3),
                                       .id_length = (uint8_t)account.length,
                                       .owner_length = 3,
                                       .owner = "ann",
                                       .balance = 1000,
                                       .pending = 100,
                                       .minimum_balance = -50,
                                       .ceiling = INT64_MAX,
                                       .opened_us = 7};
    memcpy(view.id, account.data, account.length);
    return view;
}

static void answer_account(struct fake_server *self, const struct wire_header *header)
{
    struct ledger_account_command command;
    enum field field;
    enum code code = wire_account_read(header, &command, &field);
    self->seen[self->seen_count - 1].first_id = command.id;
    if (code == CODE_OK && command.account.length == 0)
        command.account = STR_LITERAL("assigned");
    struct ledger_account_view view = view_of(code == CODE_OK ? command.account : STR_LITERAL("none"));
    if (code != CODE_OK)
        wire_error_write(&self->reply, header->request_id, code, field, NULL);
    else
        wire_account_write(&self->reply, header->request_id, &view);
}

static struct wire_history_entry entry_of(struct str account)
{
    return (struct wire_history_entry){.kind = ENTRY_SENT,
                                       .direction = DIRECTION_OUT,
                                       .time_us = 11,
                                       .amount = 5,
                                       .balance = 995,
                                       .position = 3,
                                       .counterparty = account,
                                       .memo = {"rent", 4}};
}

static void answer_history(struct fake_server *self, const struct wire_header *header)
{
    static struct wire_history_query queries[WIRE_HISTORIES_MAX];
    struct wire_history_query *query = &queries[0];
    enum field field;
    if (header->operation == OPERATION_HISTORY) {
        CHECK(wire_history_read(header, query, &field) == CODE_OK);
        struct wire_history_entry entry = entry_of(query->account);
        wire_history_write(&self->reply, header->request_id, &entry, 1, STR_LITERAL("more"));
        return;
    }
    size_t count;
    CHECK(wire_histories_read(header, queries, &count, &field) == CODE_OK);
    wire_histories_begin(&self->reply, header->request_id, count);
    for (size_t i = 0; i < count; i++) {
        struct wire_history_entry entry = entry_of(queries[i].account);
        if (queries[i].account.data[0] == '-')
            wire_histories_error_write(&self->reply, CODE_ACCOUNT_NOT_FOUND, FIELD_ACCOUNT);
        else
            wire_histories_page_write(&self->reply, &entry, 1, (struct str){0});
    }
}

static void answer_balance(struct fake_server *self, const struct wire_header *header)
{
    struct wire_balance_query query;
    enum field field;
    enum code code = wire_balance_read(header, &query, &field);
    struct wire_balance balance = {.account = query.account,
                                   .currency = currency_find("USD", 3),
                                   .is_past = query.has_at,
                                   .balance = 1000,
                                   .pending = 100,
                                   .available = 900,
                                   .at_us = 5};
    if (code != CODE_OK)
        wire_error_write(&self->reply, header->request_id, code, field, NULL);
    else
        wire_balance_write(&self->reply, header->request_id, &balance);
}

static void answer_metrics(struct fake_server *self, const struct wire_header *header)
{
    bool is_text;
    enum field field;
    CHECK(wire_metrics_read(header, &is_text, &field) == CODE_OK);
    wire_reply_begin(&self->reply, header->request_id, CODE_OK);
    if (is_text)
        mp_write_text(&self->reply, "text");
    else
        mp_write_map(&self->reply, 0);
}

static void answer_transfer_show(struct fake_server *self, const struct wire_header *header)
{
    struct uuid id;
    enum field field;
    CHECK(wire_transfer_show_read(header, &id, &field) == CODE_OK);
    struct wire_transfer transfer = {.id = id,
                                     .status = TRANSFER_FAILED,
                                     .code = CODE_INSUFFICIENT_FUNDS,
                                     .kind = COMMAND_TRANSFER,
                                     .currency = currency_find("USD", 3),
                                     .amount = 5,
                                     .from = {"a", 1},
                                     .to = {"b", 1}};
    wire_transfer_write(&self->reply, header->request_id, &transfer);
}

/* What was asked for is proposed by ann, and decided by bob. */
static void answer_proposal(struct fake_server *self, const struct wire_header *header)
{
    struct ledger_proposal_view view = {
        .kind = COMMAND_DEPOSIT,
        .state = PROPOSAL_PROPOSED,
        .currency = currency_find("USD", 3),
        .account_length = 5,
        .reason_length = 7,
        .proposer_length = 3,
        .account = "alice",
        .reason = "counted",
        .proposer = "ann",
        .amount = 5,
        .expires_us = 99,
    };
    struct ledger_proposal_command command;
    struct ledger_decision_command decision;
    struct str account;
    enum field field;
    if (header->operation == OPERATION_PROPOSAL_OPEN) {
        CHECK(wire_proposal_read(header, &command, &field) == CODE_OK);
        view.id = command.id;
    } else if (header->operation == OPERATION_PROPOSAL_SHOW) {
        CHECK(wire_proposal_show_read(header, &account, &view.id, &field) == CODE_OK);
    } else {
        CHECK(wire_decision_read(header, &decision, &field) == CODE_OK);
        view.id = decision.proposal;
        view.state = decision.approves ? PROPOSAL_APPROVED : PROPOSAL_REJECTED;
        view.balance = decision.approves ? 105 : 0;
        view.decider_length = 3;
        memcpy(view.decider, "bob", 4);
    }
    wire_proposal_write(&self->reply, header->request_id, &view);
}

static void answer_proposals(struct fake_server *self, const struct wire_header *header)
{
    const struct ledger_proposal_view view = {
        .id = {{1}},
        .kind = COMMAND_WITHDRAW,
        .state = PROPOSAL_PROPOSED,
        .currency = currency_find("USD", 3),
        .amount = 7,
    };
    wire_proposals_write(&self->reply, header->request_id, &view, 1, STR_LITERAL("next"));
}

static void answer_read_operation(struct fake_server *self, const struct wire_header *header)
{
    struct ledger_account_view view;
    struct wire_version version = {{"teller", 6}, {"9.9", 3}, 1, self->partitions};
    struct wire_health health = {.partitions = 2, .states = {PARTITION_SERVING, PARTITION_FULL}};
    struct str account;
    enum field field;
    switch ((int)header->operation) {
    case OPERATION_ACCOUNT_SHOW:
        CHECK(wire_account_show_read(header, &account, &field) == CODE_OK);
        view = view_of(account);
        wire_account_write(&self->reply, header->request_id, &view);
        return;
    case OPERATION_ACCOUNT_LIST:
        view = view_of(STR_LITERAL("listed"));
        wire_list_write(&self->reply, header->request_id, &view, 1, STR_LITERAL("next"));
        return;
    case OPERATION_BALANCE:
        answer_balance(self, header);
        return;
    case OPERATION_HISTORY:
    case OPERATION_HISTORIES:
        answer_history(self, header);
        return;
    case OPERATION_TRANSFER_SHOW:
        answer_transfer_show(self, header);
        return;
    case OPERATION_PROPOSAL_OPEN:
    case OPERATION_PROPOSAL_APPROVE:
    case OPERATION_PROPOSAL_REJECT:
    case OPERATION_PROPOSAL_SHOW:
        answer_proposal(self, header);
        return;
    case OPERATION_PROPOSAL_LIST:
        answer_proposals(self, header);
        return;
    case OPERATION_METRICS:
        answer_metrics(self, header);
        return;
    case OPERATION_VERSION:
        wire_version_write(&self->reply, header->request_id, &version);
        return;
    case OPERATION_HEALTH:
        wire_health_write(&self->reply, header->request_id, &health);
        return;
    default:
        wire_reply_begin(&self->reply, header->request_id, CODE_OK);
        mp_write_map(&self->reply, 0);
        return;
    }
}

static void answer(struct fake_server *self, const struct wire_header *header, enum fake_action action)
{
    if (header->operation <= OPERATION_BATCH)
        answer_money(self, header, action);
    else if (header->operation <= OPERATION_ACCOUNT_CLOSE)
        answer_account(self, header);
    else
        answer_read_operation(self, header);
}

/* ---- the script ------------------------------------------------------------------------------- */

static void send_bytes(struct fake_server *self, const void *bytes, size_t length, int flags)
{
    zmq_send(self->router, self->identity, self->identity_length, ZMQ_SNDMORE);
    zmq_send(self->router, bytes, length, flags);
}

static void send_reply(struct fake_server *self)
{
    send_bytes(self, self->reply.data, self->reply.length, 0);
}

static void hold(struct fake_server *self)
{
    memcpy(self->held.identity, self->identity, self->identity_length);
    self->held.identity_length = self->identity_length;
    mp_writer_reset(&self->held.reply);
    mp_write_raw(&self->held.reply, self->reply.data, self->reply.length);
    self->held.is_held = true;
}

static void send_held(struct fake_server *self)
{
    if (!self->held.is_held)
        return;
    self->held.is_held = false;
    zmq_send(self->router, self->held.identity, self->held.identity_length, ZMQ_SNDMORE);
    zmq_send(self->router, self->held.reply.data, self->held.reply.length, 0);
}

static void write_wrong(struct fake_server *self, const struct wire_header *header, enum fake_action action)
{
    uint64_t id = header->request_id;
    mp_writer_reset(&self->reply);
    if (action == FAKE_BUSY)
        wire_error_write(&self->reply, id, CODE_BUSY, FIELD_NONE, NULL);
    else if (action == FAKE_UNKNOWN)
        wire_error_write(&self->reply, id, CODE_UNKNOWN, FIELD_NONE, NULL);
    else if (action == FAKE_REFUSE)
        wire_error_write(&self->reply, id, CODE_INVALID_FIELD, FIELD_ITEMS, "no");
    else {
        wire_reply_begin(&self->reply, id, CODE_OK);
        mp_write_text(&self->reply, "garbage");
    }
}

static void perform(struct fake_server *self, const struct wire_header *header, enum fake_action action)
{
    if (action == FAKE_IGNORE)
        return;
    if (action == FAKE_WRONG_ID) {
        mp_writer_reset(&self->reply);
        wire_error_write(&self->reply, header->request_id + (1 << 16), CODE_CONFLICT, FIELD_NONE, NULL);
        send_reply(self);
        mp_writer_reset(&self->reply);
        wire_error_write(&self->reply, header->request_id | 0xffff, CODE_CONFLICT, FIELD_NONE, NULL);
        send_reply(self);
        mp_writer_reset(&self->reply);
    }
    if (action == FAKE_NOISE) {
        send_bytes(self, "\x94noise", 6, 0);
        send_bytes(self, "", 0, ZMQ_SNDMORE);
        zmq_send(self->router, "two", 3, 0);
    }
    if (action == FAKE_BUSY || action == FAKE_UNKNOWN || action == FAKE_REFUSE || action == FAKE_GARBAGE)
        write_wrong(self, header, action);
    else
        answer(self, header, action);
    if (action == FAKE_HOLD) {
        hold(self);
        return;
    }
    send_reply(self);
    if (action == FAKE_TWICE)
        send_reply(self);
    send_held(self);
}

static void note_identity(struct fake_server *self, const void *bytes, size_t length, struct fake_seen *seen)
{
    CHECK(length <= IDENTITY_MAX);
    memcpy(self->identity, bytes, length);
    self->identity_length = length;
    for (size_t i = 0; i < length; i++)
        seen->identity = seen->identity * 31 + self->identity[i];
}

static void handle(struct fake_server *self)
{
    zmq_msg_t identity, frame;
    struct wire_header header;
    enum code code;
    enum field field;
    zmq_msg_init(&identity);
    zmq_msg_init(&frame);
    zmq_msg_recv(&identity, self->router, 0);
    zmq_msg_recv(&frame, self->router, 0);
    CHECK(!zmq_msg_more(&frame) && self->seen_count < FAKE_SEEN_MAX);
    CHECK(wire_header_read(zmq_msg_data(&frame), zmq_msg_size(&frame), &header, &code, &field));
    struct fake_seen *seen = &self->seen[self->seen_count];
    *seen = (struct fake_seen){.operation = header.operation,
                               .request_id = header.request_id,
                               .partition = header.partition,
                               .deadline_us = header.deadline_us};
    note_identity(self, zmq_msg_data(&identity), zmq_msg_size(&identity), seen);
    size_t number = self->seen_count++;
    mp_writer_reset(&self->reply);
    perform(self, &header, number < self->script_count ? self->script[number] : FAKE_ANSWER);
    zmq_msg_close(&frame);
    zmq_msg_close(&identity);
}

/* ---- life ------------------------------------------------------------------------------------- */

static void *serve(void *context)
{
    struct fake_server *self = context;
    zmq_pollitem_t items[] = {{.socket = self->router, .events = ZMQ_POLLIN},
                              {.socket = self->stop_out, .events = ZMQ_POLLIN}};
    for (;;) {
        zmq_poll(items, 2, -1);
        if (items[0].revents & ZMQ_POLLIN)
            handle(self);
        else if (items[1].revents & ZMQ_POLLIN)
            return NULL;
    }
}

struct fake_server *fake_server_new(uint32_t partitions, const enum fake_action *script, size_t count,
                                    char *endpoint)
{
    struct fake_server *self = calloc(1, sizeof *self);
    size_t length = ENDPOINT_MAX;
    int none = 0;
    CHECK(self != NULL && count <= SCRIPT_MAX);
    self->partitions = partitions;
    self->script_count = count;
    if (count > 0)
        memcpy(self->script, script, count * sizeof *script);
    self->context = zmq_ctx_new();
    self->router = zmq_socket(self->context, ZMQ_ROUTER);
    self->stop_in = zmq_socket(self->context, ZMQ_PAIR);
    self->stop_out = zmq_socket(self->context, ZMQ_PAIR);
    zmq_setsockopt(self->router, ZMQ_LINGER, &none, sizeof none);
    CHECK(zmq_bind(self->router, "tcp://127.0.0.1:*") == 0);
    CHECK(zmq_getsockopt(self->router, ZMQ_LAST_ENDPOINT, endpoint, &length) == 0);
    CHECK(zmq_bind(self->stop_out, "inproc://stop") == 0 && zmq_connect(self->stop_in, "inproc://stop") == 0);
    CHECK(pthread_create(&self->thread, NULL, serve, self) == 0);
    return self;
}

size_t fake_server_destroy(struct fake_server **self_p, struct fake_seen *seen)
{
    struct fake_server *self = *self_p;
    *self_p = NULL;
    zmq_send(self->stop_in, "", 0, 0);
    pthread_join(self->thread, NULL);
    size_t count = self->seen_count;
    if (seen != NULL)
        memcpy(seen, self->seen, count * sizeof *seen);
    zmq_close(self->router);
    zmq_close(self->stop_in);
    zmq_close(self->stop_out);
    zmq_ctx_term(self->context);
    wire_items_release(&self->items);
    mp_writer_release(&self->reply);
    mp_writer_release(&self->held.reply);
    free(self);
    return count;
}
