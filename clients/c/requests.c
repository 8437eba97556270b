/* Calls that wait for their answer, one function for each operation. */
#include <stdlib.h>

#include "actors/base/check.h"
#include "actors/base/rate.h"
#include "broker/wire/accounts.h"
#include "broker/wire/figures.h"
#include "broker/wire/history.h"
#include "broker/wire/items.h"
#include "broker/wire/node.h"
#include "clients/c/client.h"

/* ---- answers ---------------------------------------------------------------------------------- */

void client_answer_set(struct teller_answer *answer, enum code code, enum field field, struct str message)
{
    answer->code = code;
    answer->field = field;
    if (code != CODE_OK && message.length == 0)
        message = str_from(wire_code_message(code));
    uint32_t length = message.length < TELLER_MESSAGE_MAX ? message.length : TELLER_MESSAGE_MAX;
    if (code == CODE_OK)
        length = 0;
    if (length > 0)
        memcpy(answer->message, message.data, length);
    answer->message[length] = '\0';
}

enum err client_answer_malformed(struct teller_answer *answer)
{
    client_answer_set(answer, CODE_UNKNOWN, FIELD_NONE, (struct str){0});
    return ERR_INVALID;
}

bool client_answer_read(const struct wire_reply *reply, struct teller_answer *answer)
{
    enum field field = FIELD_NONE;
    struct str message = {0};
    if (reply->code != CODE_OK && !wire_error_read(reply, &field, &message))
        return false;
    client_answer_set(answer, reply->code, field, message);
    return true;
}

/* ---- waiting ---------------------------------------------------------------------------------- */

static enum take waiting_take(struct teller *self, struct call *call, const struct wire_reply *reply,
                              bool is_last)
{
    struct waiting *w = call->owner;
    (void)self;
    if (code_is_open(reply->code) && !is_last) {
        call->may_have_happened |= reply->code == CODE_UNKNOWN;
        return TAKE_AGAIN;
    }
    w->reply = *reply;
    if (w->moves)
        w->reply.code = call_settled_code(call, reply->code);
    return TAKE_FINAL;
}

static void waiting_ended(struct teller *self, const struct call *call, enum err err)
{
    struct waiting *w = call->owner;
    (void)self;
    w->err = err;
    w->is_done = true;
}

static const struct call_type waiting_type = {waiting_take, waiting_ended};

static bool operation_moves(enum wire_operation operation)
{
    return operation <= OPERATION_ACCOUNT_CLOSE ||
           (operation >= OPERATION_PROPOSAL_OPEN && operation <= OPERATION_PROPOSAL_REJECT) ||
           operation == OPERATION_EXCHANGE || operation == OPERATION_QUOTE ||
           operation == OPERATION_RATE_SET || operation == OPERATION_PAIR_SET ||
           operation == OPERATION_REMITTANCE_OPEN ||
           (operation >= OPERATION_REMITTANCE_RETRY && operation <= OPERATION_REMITTANCE_RETRY_BATCH);
}

void waiting_begin(struct teller *self, struct waiting *w, enum wire_operation operation, uint32_t partition,
                   int64_t deadline_us)
{
    *w = (struct waiting){.err = ERR_FULL, .moves = operation_moves(operation)};
    w->call = call_new(self, &waiting_type, w, 0);
    struct wire_header header = {.operation = operation,
                                 .request_id = w->call != NULL ? w->call->request_id : 0,
                                 .partition = partition,
                                 .deadline_us = deadline_us};
    mp_writer_reset(&self->writer);
    wire_header_write(&self->writer, &header);
}

void waiting_begin_anywhere(struct teller *self, struct waiting *w, enum wire_operation operation)
{
    waiting_begin(self, w, operation, WIRE_PARTITION_ANY, 0);
}

enum err waiting_end(struct teller *self, struct waiting *w)
{
    if (w->call == NULL)
        return ERR_FULL;
    enum err err = self->writer.length > WIRE_FRAME_MAX ? ERR_RANGE : ERR_OK;
    if (err == ERR_OK && !wire_message_init(&w->call->frame, &self->writer))
        err = ERR_NO_MEMORY;
    if (err != ERR_OK) {
        call_abandon(self, w->call);
        return err;
    }
    call_start(self, w->call);
    while (!w->is_done) {
        if (!client_receive(self))
            client_wait(self, -1);
    }
    return w->err;
}

enum err waiting_answer(struct teller *self, struct waiting *w, struct teller_answer *answer)
{
    client_answer_set(answer, CODE_UNKNOWN, FIELD_NONE, (struct str){0});
    enum err err = waiting_end(self, w);
    if (err != ERR_OK)
        return err;
    return client_answer_read(&w->reply, answer) ? ERR_OK : ERR_INVALID;
}

enum err waiting_body(struct teller *self, struct waiting *w, struct str *body, struct teller_answer *answer)
{
    enum err err = waiting_answer(self, w, answer);
    if (err == ERR_OK && answer->code == CODE_OK)
        *body = w->reply.body;
    return err;
}

/* For readers of bodies: only an OK reply has one. */
static enum err read_result(bool is_read, struct teller_answer *answer)
{
    return is_read ? ERR_OK : client_answer_malformed(answer);
}

/* ---- money ------------------------------------------------------------------------------------ */

static enum wire_operation operation_of(enum teller_kind kind)
{
    switch (kind) {
    case TELLER_TRANSFER:
        return OPERATION_TRANSFER;
    case TELLER_DEPOSIT:
        return OPERATION_DEPOSIT;
    case TELLER_WITHDRAW:
        return OPERATION_WITHDRAW;
    case TELLER_HOLD:
        return OPERATION_HOLD;
    case TELLER_CAPTURE:
        return OPERATION_CAPTURE;
    case TELLER_RELEASE:
        return OPERATION_RELEASE;
    case TELLER_EXCHANGE:
        return OPERATION_EXCHANGE;
    case TELLER_GROUP:
        return OPERATION_BATCH;
    }
    CHECK_UNREACHABLE();
}

/* A group travels in a batch of its own. */
static enum err post_group(struct teller *self, const struct teller_item *item, struct teller_row *row,
                           struct teller_answer *answer)
{
    struct teller_result result;
    client_answer_set(answer, CODE_UNKNOWN, FIELD_NONE, (struct str){0});
    if (self->batch == NULL)
        self->batch = teller_batch_new(self);
    if (self->batch == NULL)
        return ERR_NO_MEMORY;
    teller_batch_clear(self->batch);
    enum err err = teller_batch_add(self->batch, item);
    if (err == ERR_OK)
        err = teller_batch_send(self->batch, &result);
    if (err != ERR_OK)
        return err;
    *row = result.rows[0];
    *answer = result.answer;
    if (answer->code == CODE_OK)
        client_answer_set(answer, row->code, row->field, (struct str){0});
    return ERR_OK;
}

enum err teller_post(struct teller *self, const struct teller_item *item, struct teller_row *row,
                     struct teller_answer *answer)
{
    struct waiting w;
    struct uuid id;
    struct ledger_row read;
    struct str message;
    *row = (struct teller_row){.code = CODE_UNKNOWN};
    if (item->kind == TELLER_GROUP)
        return post_group(self, item, row, answer);
    waiting_begin_anywhere(self, &w, operation_of(item->kind));
    struct ledger_command command = client_command(item);
    wire_item_write(&self->writer, &command);
    client_answer_set(answer, CODE_UNKNOWN, FIELD_NONE, (struct str){0});
    enum err err = waiting_end(self, &w);
    if (err != ERR_OK)
        return err;
    if (!wire_row_read_single(&w.reply, &id, &read, &message))
        return ERR_INVALID;
    *row = client_row(&read);
    client_answer_set(answer, read.code, read.field, message);
    return ERR_OK;
}

/* ---- accounts --------------------------------------------------------------------------------- */

static void copy_text(char *out, const char *text, size_t length)
{
    memcpy(out, text, length);
    out[length] = '\0';
}

/* As far as 64 bits go. */
static int64_t available_of(const struct ledger_account_view *view)
{
    int64_t left, available;
    if (!money_sub(view->balance, view->pending, &left))
        return INT64_MIN;
    if (!money_sub(left, view->minimum_balance, &available))
        return view->minimum_balance < 0 ? INT64_MAX : INT64_MIN;
    return available;
}

static void account_of(const struct ledger_account_view *view, struct teller_account *out)
{
    copy_text(out->account, view->id, view->id_length);
    copy_text(out->owner, view->owner, view->owner_length);
    copy_text(out->product, view->product, view->product_length);
    out->state = (enum teller_account_state)view->state;
    out->currency = view->currency;
    out->balance = view->balance;
    out->pending = view->pending;
    out->available = available_of(view);
    out->minimum_balance = view->minimum_balance;
    out->ceiling = view->ceiling;
    out->opened_us = view->opened_us;
    out->base = view->base;
    out->book_value = view->book_value;
    out->average_rate = 0;
    if (view->base != CURRENCY_NONE && view->balance > 0 && view->book_value >= 0)
        out->average_rate = rate_between(view->balance, currency_at(view->currency)->exponent,
                                         view->book_value, currency_at(view->base)->exponent);
}

_Static_assert(TELLER_CEILING_NONE == INT64_MAX, "as in the ledger");
_Static_assert((int)TELLER_ACCOUNT_CLOSE == (int)ACCOUNT_CLOSE, "as in the ledger");
_Static_assert((int)TELLER_SETS_CEILING == (int)ACCOUNT_SETS_CEILING, "as in the ledger");
_Static_assert((int)TELLER_CLOSED == (int)ACCOUNT_CLOSED, "as in the ledger");

static enum err ask_account(struct teller *self, struct waiting *w, struct teller_account *out,
                            struct teller_answer *answer)
{
    struct ledger_account_view view;
    enum err err = waiting_answer(self, w, answer);
    if (err != ERR_OK || answer->code != CODE_OK)
        return err;
    if (!wire_account_reply_read(&w->reply, &view))
        return client_answer_malformed(answer);
    account_of(&view, out);
    return ERR_OK;
}

static struct ledger_account_command command_of(const struct teller_account_command *command)
{
    bool needs_id = command->kind == TELLER_ACCOUNT_OPEN && uuid_is_nil(&command->id);
    return (struct ledger_account_command){
        .kind = (enum ledger_account_kind)command->kind,
        .sets = command->sets,
        .id = needs_id ? teller_id_new() : command->id,
        .account = command->account,
        .owner = command->owner,
        .product = command->product,
        .memo = command->memo,
        .currency = command->currency,
        .minimum_balance = command->minimum_balance,
        .ceiling = command->ceiling,
        .has_book = command->fx,
    };
}

static enum wire_operation account_operation(enum teller_account_kind kind)
{
    return (enum wire_operation)(OPERATION_ACCOUNT_OPEN + (int)kind);
}

enum err teller_account(struct teller *self, const struct teller_account_command *command,
                        struct teller_account *out, struct teller_answer *answer)
{
    struct waiting w;
    struct ledger_account_command wire = command_of(command);
    waiting_begin_anywhere(self, &w, account_operation(command->kind));
    wire_account_body_write(&self->writer, &wire);
    return ask_account(self, &w, out, answer);
}

enum err teller_account_show(struct teller *self, struct str account, struct teller_account *out,
                             struct teller_answer *answer)
{
    struct waiting w;
    waiting_begin_anywhere(self, &w, OPERATION_ACCOUNT_SHOW);
    wire_account_show_body_write(&self->writer, account);
    return ask_account(self, &w, out, answer);
}

static enum take submitted_take(struct teller *self, struct call *call, const struct wire_reply *reply,
                                bool is_last)
{
    struct teller_answer *answer = shipment_answer(call->owner);
    (void)self;
    if (code_is_open(reply->code) && !is_last) {
        call->may_have_happened |= reply->code == CODE_UNKNOWN;
        return TAKE_AGAIN;
    }
    if (!client_answer_read(reply, answer))
        return TAKE_MALFORMED;
    answer->code = call_settled_code(call, answer->code);
    return TAKE_FINAL;
}

enum err teller_submit_account(struct teller *self, const struct teller_account_command *command,
                               teller_done *done, void *context)
{
    static const struct call_type type = {submitted_take, shipment_end};
    struct ledger_account_command wire = command_of(command);
    if (self->in_flight >= self->options.window)
        return ERR_FULL;
    struct shipment *shipment = shipment_new(self, 0, done, context);
    if (shipment == NULL)
        return ERR_NO_MEMORY;
    struct call *call = call_new(self, &type, shipment, 0);
    CHECK(call != NULL); /* there are more slots than the window */
    struct wire_header header = {.operation = account_operation(command->kind),
                                 .request_id = call->request_id,
                                 .partition = WIRE_PARTITION_ANY};
    mp_writer_reset(&self->writer);
    wire_header_write(&self->writer, &header);
    wire_account_body_write(&self->writer, &wire);
    if (!wire_message_init(&call->frame, &self->writer)) {
        call_abandon(self, call);
        shipment_free(self, shipment);
        return ERR_NO_MEMORY;
    }
    call_start(self, call);
    return ERR_OK;
}

enum err teller_account_list(struct teller *self, const struct teller_list_query *query,
                             struct teller_account *accounts, size_t *count, struct str *cursor,
                             struct teller_answer *answer)
{
    struct waiting w;
    struct wire_list_query wire = {query->owner, query->limit, query->cursor};
    waiting_begin_anywhere(self, &w, OPERATION_ACCOUNT_LIST);
    wire_list_body_write(&self->writer, &wire);
    *count = 0;
    *cursor = (struct str){0};
    enum err err = waiting_answer(self, &w, answer);
    if (err != ERR_OK || answer->code != CODE_OK)
        return err;
    struct ledger_account_view *views = malloc(query->limit * sizeof *views);
    if (views == NULL)
        return ERR_NO_MEMORY;
    bool is_read = wire_list_reply_read(&w.reply, views, query->limit, count, cursor);
    for (size_t i = 0; is_read && i < *count; i++)
        account_of(&views[i], &accounts[i]);
    free(views);
    return read_result(is_read, answer);
}

/* ---- reading ---------------------------------------------------------------------------------- */

enum err teller_balance(struct teller *self, struct str account, int64_t at_us, struct teller_balance *out,
                        struct teller_answer *answer)
{
    struct waiting w;
    struct wire_balance read;
    struct wire_balance_query query = {.account = account, .has_at = at_us >= 0, .at_us = at_us};
    waiting_begin_anywhere(self, &w, OPERATION_BALANCE);
    wire_balance_body_write(&self->writer, &query);
    enum err err = waiting_answer(self, &w, answer);
    if (err != ERR_OK || answer->code != CODE_OK)
        return err;
    if (!wire_balance_reply_read(&w.reply, &read))
        return client_answer_malformed(answer);
    *out = (struct teller_balance){.account = read.account,
                                   .currency = read.currency,
                                   .is_past = read.is_past,
                                   .balance = read.balance,
                                   .pending = read.pending,
                                   .available = read.available,
                                   .at_us = read.at_us};
    return ERR_OK;
}

static const char *const entry_names[] = {
    [TELLER_ENTRY_TRANSFER] = "transfer",
    [TELLER_ENTRY_DEPOSIT] = "deposit",
    [TELLER_ENTRY_WITHDRAWAL] = "withdrawal",
    [TELLER_ENTRY_SENT] = "sent",
    [TELLER_ENTRY_RECEIVED] = "received",
    [TELLER_ENTRY_RETURNED] = "returned",
    [TELLER_ENTRY_OPENED] = "opened",
    [TELLER_ENTRY_CHANGED] = "changed",
    [TELLER_ENTRY_FROZEN] = "frozen",
    [TELLER_ENTRY_UNFROZEN] = "unfrozen",
    [TELLER_ENTRY_CLOSED] = "closed",
    [TELLER_ENTRY_HOLD_OPENED] = "hold_opened",
    [TELLER_ENTRY_CAPTURED] = "captured",
    [TELLER_ENTRY_HOLD_RELEASED] = "hold_released",
    [TELLER_ENTRY_HOLD_EXPIRED] = "hold_expired",
    [TELLER_ENTRY_EXCHANGE_OUT] = "exchange_out",
    [TELLER_ENTRY_EXCHANGE_IN] = "exchange_in",
    [TELLER_ENTRY_EXCHANGE_SPREAD] = "exchange_spread",
    [TELLER_ENTRY_EXCHANGE_RESIDUE] = "exchange_residue",
    [TELLER_ENTRY_REMITTANCE_PULLED] = "remittance_pulled",
    [TELLER_ENTRY_REMITTANCE_DEPOSITED] = "remittance_deposited",
    [TELLER_ENTRY_REMITTANCE_WITHDRAWN] = "remittance_withdrawn",
    [TELLER_ENTRY_REMITTANCE_PAID] = "remittance_paid",
    [TELLER_ENTRY_REMITTANCE_RETURNED] = "remittance_returned",
};

_Static_assert((int)TELLER_ENTRY_REMITTANCE_RETURNED == (int)ENTRY_REMITTANCE_RETURNED, "as on the wire");
_Static_assert((int)TELLER_SHOWN_REMITTANCE == (int)WIRE_KIND_REMITTANCE, "as on the wire");
_Static_assert((int)TELLER_OUT == (int)DIRECTION_OUT, "as on the wire");

const char *teller_entry_kind_name(enum teller_entry_kind kind)
{
    CHECK((size_t)kind < sizeof entry_names / sizeof *entry_names);
    return entry_names[kind];
}

static struct wire_history_query query_of(const struct teller_history_query *query)
{
    return (struct wire_history_query){.account = query->account,
                                       .limit = query->limit,
                                       .cursor = query->cursor,
                                       .has_before = query->has_before,
                                       .has_after = query->has_after,
                                       .before_us = query->before_us,
                                       .after_us = query->after_us};
}

static void entry_of(const struct wire_history_entry *read, struct teller_entry *out)
{
    *out = (struct teller_entry){.kind = (enum teller_entry_kind)read->kind,
                                 .direction = (enum teller_direction)read->direction,
                                 .time_us = read->time_us,
                                 .id = read->id,
                                 .amount = read->amount,
                                 .balance = read->balance,
                                 .position = read->position,
                                 .counterparty = read->counterparty,
                                 .memo = read->memo,
                                 .reference = read->reference,
                                 .rate = read->rate,
                                 .has_book = read->has_book,
                                 .value = read->value,
                                 .cost = read->cost,
                                 .book_value = read->book_value,
                                 .average_rate = read->average_rate,
                                 .hold = read->hold,
                                 .pending = read->pending,
                                 .expires_us = read->expires_us,
                                 .bank = read->bank,
                                 .bank_reference = read->bank_reference,
                                 .exchange = read->exchange};
}

/* Reads a page through scratch entries. */
static bool page_read(const struct wire_reply *reply, struct wire_history_entry *scratch, size_t capacity,
                      struct teller_entry *entries, size_t *count, struct str *cursor)
{
    if (!wire_history_reply_read(reply, scratch, capacity, count, cursor))
        return false;
    for (size_t i = 0; i < *count; i++)
        entry_of(&scratch[i], &entries[i]);
    return true;
}

enum err teller_history(struct teller *self, const struct teller_history_query *query,
                        struct teller_entry *entries, size_t *count, struct str *cursor,
                        struct teller_answer *answer)
{
    struct waiting w;
    struct wire_history_query wire = query_of(query);
    waiting_begin_anywhere(self, &w, OPERATION_HISTORY);
    wire_history_body_write(&self->writer, &wire);
    *count = 0;
    *cursor = (struct str){0};
    enum err err = waiting_answer(self, &w, answer);
    if (err != ERR_OK || answer->code != CODE_OK)
        return err;
    struct wire_history_entry *scratch = malloc(query->limit * sizeof *scratch);
    if (scratch == NULL)
        return ERR_NO_MEMORY;
    bool is_read = page_read(&w.reply, scratch, query->limit, entries, count, cursor);
    free(scratch);
    return read_result(is_read, answer);
}

struct pages {
    struct wire_history_entry *scratch;
    struct teller_entry *entries;
    teller_page *page;
    void *context;
};

static bool pages_read(const struct pages *pages, const struct wire_reply *reply, size_t count)
{
    struct mp_reader rows;
    uint32_t rows_count;
    if (!wire_histories_reply_begin(reply, &rows, &rows_count) || rows_count != count)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct wire_reply row;
        struct teller_answer answer;
        size_t entry_count = 0;
        struct str cursor = {0};
        if (!wire_histories_reply_next(&rows, &row) || !client_answer_read(&row, &answer))
            return false;
        if (row.code == CODE_OK &&
            !page_read(&row, pages->scratch, TELLER_PAGE_MAX, pages->entries, &entry_count, &cursor))
            return false;
        pages->page(pages->context, i, &answer, pages->entries, entry_count, cursor);
    }
    return true;
}

enum err teller_histories(struct teller *self, const struct teller_history_query *queries, size_t count,
                          teller_page *page, void *context, struct teller_answer *answer)
{
    struct waiting w;
    CHECK(count <= TELLER_PAGE_MAX);
    waiting_begin_anywhere(self, &w, OPERATION_HISTORIES);
    mp_write_array(&self->writer, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        struct wire_history_query wire = query_of(&queries[i]);
        wire_history_body_write(&self->writer, &wire);
    }
    enum err err = waiting_answer(self, &w, answer);
    if (err != ERR_OK || answer->code != CODE_OK)
        return err;
    struct pages pages = {.page = page, .context = context};
    pages.scratch = malloc(TELLER_PAGE_MAX * sizeof *pages.scratch);
    pages.entries = malloc(TELLER_PAGE_MAX * sizeof *pages.entries);
    if (pages.scratch == NULL || pages.entries == NULL)
        err = ERR_NO_MEMORY;
    else
        err = read_result(pages_read(&pages, &w.reply, count), answer);
    free(pages.scratch);
    free(pages.entries);
    return err;
}

enum err teller_transfer_show(struct teller *self, const struct uuid *id, struct teller_transfer *out,
                              struct teller_answer *answer)
{
    struct waiting w;
    struct wire_transfer read;
    waiting_begin_anywhere(self, &w, OPERATION_TRANSFER_SHOW);
    wire_transfer_show_body_write(&self->writer, id);
    enum err err = waiting_answer(self, &w, answer);
    if (err != ERR_OK || answer->code != CODE_OK)
        return err;
    if (!wire_transfer_reply_read(&w.reply, &read))
        return client_answer_malformed(answer);
    *out = (struct teller_transfer){.id = read.id,
                                    .status = (enum teller_transfer_status)read.status,
                                    .code = read.code,
                                    .kind = read.kind,
                                    .currency = read.currency,
                                    .amount = read.amount,
                                    .time_us = read.time_us,
                                    .from = read.from,
                                    .to = read.to,
                                    .memo = read.memo,
                                    .reference = read.reference};
    return ERR_OK;
}

/* ---- the node --------------------------------------------------------------------------------- */

static enum err ask_node(struct teller *self, struct waiting *w, enum wire_operation operation,
                         struct teller_answer *answer)
{
    waiting_begin_anywhere(self, w, operation);
    mp_write_nil(&self->writer);
    return waiting_answer(self, w, answer);
}

enum err teller_version(struct teller *self, struct teller_version *out, struct teller_answer *answer)
{
    struct waiting w;
    struct wire_version read;
    enum err err = ask_node(self, &w, OPERATION_VERSION, answer);
    if (err != ERR_OK || answer->code != CODE_OK)
        return err;
    if (!wire_version_reply_read(&w.reply, &read) || read.partitions == 0 ||
        read.partitions > TELLER_PARTITIONS_MAX)
        return client_answer_malformed(answer);
    *out = (struct teller_version){read.name, read.version, read.protocol, read.partitions};
    self->partitions = read.partitions;
    return ERR_OK;
}

uint32_t teller_partitions(const struct teller *self)
{
    return self->partitions;
}

enum err teller_health(struct teller *self, struct teller_health *out, struct teller_answer *answer)
{
    struct waiting w;
    struct wire_health read;
    enum err err = ask_node(self, &w, OPERATION_HEALTH, answer);
    if (err != ERR_OK || answer->code != CODE_OK)
        return err;
    if (!wire_health_reply_read(&w.reply, &read))
        return client_answer_malformed(answer);
    *out = (struct teller_health){.is_ok = true, .partitions = read.partitions};
    for (uint32_t i = 0; i < read.partitions; i++) {
        out->states[i] = (enum teller_partition_state)read.states[i];
        out->is_ok &= read.states[i] == PARTITION_SERVING;
    }
    return ERR_OK;
}

enum err teller_ask(struct teller *self, struct str operation, uint32_t partition, struct str request,
                    struct str *body, struct teller_answer *answer)
{
    struct waiting w;
    enum wire_operation asked;
    client_answer_set(answer, CODE_UNKNOWN, FIELD_NONE, (struct str){0});
    if (!wire_operation_find(operation, &asked))
        return ERR_INVALID;
    waiting_begin(self, &w, asked, partition, 0);
    mp_write_raw(&self->writer, request.data, request.length);
    return waiting_body(self, &w, body, answer);
}

enum err teller_status(struct teller *self, struct str *body, struct teller_answer *answer)
{
    struct waiting w;
    enum err err = ask_node(self, &w, OPERATION_STATUS, answer);
    if (err == ERR_OK && answer->code == CODE_OK)
        *body = w.reply.body;
    return err;
}

enum err teller_metrics(struct teller *self, bool is_text, struct str *body, struct teller_answer *answer)
{
    struct waiting w;
    waiting_begin_anywhere(self, &w, OPERATION_METRICS);
    wire_metrics_body_write(&self->writer, is_text);
    enum err err = waiting_answer(self, &w, answer);
    if (err != ERR_OK || answer->code != CODE_OK)
        return err;
    *body = w.reply.body;
    struct mp_reader r = mp_reader_of(body->data, body->length);
    return is_text ? read_result(mp_read_str(&r, body) && mp_at_end(&r), answer) : ERR_OK;
}
