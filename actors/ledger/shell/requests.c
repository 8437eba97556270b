#include "actors/ledger/shell/requests.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "broker/wire/accounts.h"
#include "broker/wire/desk.h"
#include "broker/wire/holds.h"
#include "broker/wire/proposals.h"
#include "broker/wire/remittances.h"
#include "broker/wire/rows.h"

enum { NAMES_MAX = 1 << 20 }; /* accounts told to the reader at once */

#define POSITION_MAX (UINT64_MAX / 16) /* far above all; in a cursor */

void request_list_init(struct request_list *list)
{
    list->first = NULL;
    list->end = &list->first;
}

void request_list_add(struct request_list *list, struct request *request)
{
    request->next = NULL;
    *list->end = request;
    list->end = &request->next;
}

void request_list_move(struct request_list *list, struct request_list *from)
{
    if (!from->first)
        return;
    *list->end = from->first;
    list->end = from->end;
    request_list_init(from);
}

void requests_init(struct requests *self, uint32_t partition, uint32_t partitions)
{
    *self = (struct requests){.partition = partition, .partitions = partitions};
    request_list_init(&self->answered);
    self->reads_end = &self->reads;
    self->page = malloc(LEDGER_PAGE_MAX * sizeof *self->page);
    self->queries = malloc(WIRE_HISTORIES_MAX * sizeof *self->queries);
    CHECK(self->page && self->queries);
}

void requests_release(struct requests *self)
{
    wire_items_release(&self->items);
    mp_writer_release(&self->writer);
    free(self->page);
    free(self->queries);
}

/* ---- answers ------------------------------------------------------------------------------------------------- */

void request_reply(struct request *request, struct mp_writer *w, enum code code)
{
    request->code = code;
    zmq_msg_close(&request->reply);
    if (wire_message_init(&request->reply, w))
        return;
    zmq_msg_init(&request->reply); /* an empty reply is sent as UNKNOWN by the router */
    mp_writer_reset(w);
    request->code = CODE_UNKNOWN;
}

static void answer(struct requests *self, struct request *request, enum code code)
{
    request_reply(request, &self->writer, code);
    request_list_add(&self->answered, request);
}

static void answer_error(struct requests *self, struct request *request, enum code code, enum field field)
{
    if (code == CODE_BUSY)
        field = FIELD_NONE; /* it is about no field */
    wire_error_write(&self->writer, request->header.request_id, code, field, NULL);
    answer(self, request, code);
}

void requests_refuse(struct requests *self, struct request *request, enum code code, enum field field)
{
    mp_writer_reset(&self->writer);
    wire_error_write(&self->writer, request->header.request_id, code, field, NULL);
    request_reply(request, &self->writer, code);
}

void requests_refuse_reads(struct requests *self, struct request_list *answered, struct read_job **reads,
                           enum code code)
{
    while (*reads) {
        struct read_job *job = *reads;
        *reads = job->next;
        requests_refuse(self, job->request, code, FIELD_NONE);
        request_list_add(answered, job->request);
        free(job);
    }
}

void requests_unanswer(struct requests *self, struct request_list *answered, struct read_job **reads,
                       enum code code)
{
    for (struct request *request = answered->first; request; request = request->next)
        requests_refuse(self, request, code, FIELD_NONE);
    requests_refuse_reads(self, answered, reads, code);
}

struct request *requests_answer_ticket(struct requests *self, struct ledger_ticket *ticket)
{
    struct request *request = ticket->user;
    uint64_t id = request->header.request_id;
    enum code code = ticket->rows[0].code;
    partition_figures_rows(&self->figures, request->kinds, ticket->rows, ticket->row_count);
    if (request->header.operation == OPERATION_BATCH) {
        wire_rows_write(&self->writer, id, ticket->rows, ticket->row_count);
        code = CODE_OK;
    } else {
        wire_row_write_single(&self->writer, id, &request->transaction_id, &ticket->rows[0]);
    }
    request_reply(request, &self->writer, code);
    return request;
}

/* ---- money --------------------------------------------------------------------------------------------------- */

/* Before the commands are decided: their rows may be answered long after these are gone. */
static void note_kinds(const struct requests *self, struct request *request)
{
    request->kinds = 0;
    for (size_t i = 0; i < self->items.count; i++)
        request->kinds |= 1u << self->items.commands[i].kind;
}

static void work_money(struct requests *self, struct ledger *ledger, struct request *request, int64_t now_us)
{
    enum field field = FIELD_NONE;
    enum code code = wire_items_read(&self->items, &request->header, &field);
    struct ledger_ticket *ticket = NULL;
    if (code == CODE_OK)
        ticket = ledger_ticket_new(ledger, self->items.row_count, request);
    if (!ticket) {
        answer_error(self, request, code == CODE_OK ? CODE_BUSY : code, field);
        return;
    }
    if (request->header.operation != OPERATION_BATCH)
        request->transaction_id = self->items.commands[0].id;
    note_kinds(self, request);
    ledger_post(ledger, now_us, ticket, self->items.commands, self->items.count);
}

/* ---- accounts ------------------------------------------------------------------------------------------------- */

static void work_account(struct requests *self, struct ledger *ledger, struct request *request,
                         int64_t now_us)
{
    struct ledger_account_command command;
    struct ledger_account_answer out = {.code = CODE_OK};
    out.code = wire_account_read(&request->header, &command, &out.field);
    if (out.code == CODE_OK && request->header.deadline_us != 0 && now_us > request->header.deadline_us)
        out.code = CODE_DEADLINE_EXCEEDED;
    if (out.code == CODE_OK)
        ledger_account(ledger, now_us, &command, &out);
    if (out.code != CODE_OK) {
        answer_error(self, request, out.code, out.field);
        return;
    }
    wire_account_write(&self->writer, request->header.request_id, &out.view);
    answer(self, request, CODE_OK);
}

static void work_show(struct requests *self, struct ledger *ledger, struct request *request)
{
    struct str account;
    struct ledger_account_view view;
    enum field field = FIELD_ACCOUNT;
    enum code code = wire_account_show_read(&request->header, &account, &field);
    if (code == CODE_OK) {
        field = FIELD_ACCOUNT;
        code = ledger_account_show(ledger, account, &view);
    }
    if (code != CODE_OK) {
        answer_error(self, request, code, field);
        return;
    }
    wire_account_write(&self->writer, request->header.request_id, &view);
    answer(self, request, CODE_OK);
}

/* The number in "PARTITION:NUMBER"; the router has read the partition. None: 0. */
static bool cursor_number(struct str cursor, uint64_t maximum, uint64_t *number)
{
    *number = 0;
    if (cursor.length == 0)
        return true;
    uint32_t at = 0;
    while (at < cursor.length && cursor.data[at] != ':')
        at++;
    for (at++; at < cursor.length; at++) {
        if (cursor.data[at] < '0' || cursor.data[at] > '9' || *number > maximum)
            return false;
        *number = *number * 10 + (uint64_t)(cursor.data[at] - '0');
    }
    return *number <= maximum;
}

/* The index of the next account. */
static bool list_cursor(struct str cursor, uint32_t *after)
{
    uint64_t index;
    if (!cursor_number(cursor, UINT32_MAX, &index))
        return false;
    *after = index == 0 ? UINT32_MAX : (uint32_t)(index - 1);
    return true;
}

static void work_list(struct requests *self, struct ledger *ledger, struct request *request)
{
    struct wire_list_query query;
    uint32_t after;
    enum field field = FIELD_NONE;
    enum code code = wire_list_read(&request->header, &query, &field);
    if (code == CODE_OK && !list_cursor(query.cursor, &after)) {
        code = CODE_INVALID_FIELD;
        field = FIELD_CURSOR;
    }
    if (code != CODE_OK) {
        answer_error(self, request, code, field);
        return;
    }
    char next[WIRE_CURSOR_MAX];
    struct str cursor = {next, 0};
    size_t count = ledger_account_list(ledger, query.owner, after, self->page, query.limit);
    if (count == query.limit)
        cursor.length =
            (uint32_t)snprintf(next, sizeof next, "%u:%u", self->partition, self->page[count - 1].index + 1);
    else if (self->partition + 1 < self->partitions)
        cursor.length = (uint32_t)snprintf(next, sizeof next, "%u:0", self->partition + 1);
    wire_list_write(&self->writer, request->header.request_id, self->page, count, cursor);
    answer(self, request, CODE_OK);
}

/* ---- proposals ------------------------------------------------------------------------------------------------ */

static void answer_proposal(struct requests *self, struct request *request,
                            const struct ledger_proposal_answer *out)
{
    if (out->code != CODE_OK) {
        answer_error(self, request, out->code, out->field);
        return;
    }
    wire_proposal_write(&self->writer, request->header.request_id, &out->view);
    answer(self, request, CODE_OK);
}

static bool is_late(const struct request *request, int64_t now_us)
{
    return request->header.deadline_us != 0 && now_us > request->header.deadline_us;
}

static void work_propose(struct requests *self, struct ledger *ledger, struct request *request,
                         int64_t now_us)
{
    struct ledger_proposal_command command;
    struct ledger_proposal_answer out = {.field = FIELD_NONE};
    out.code = wire_proposal_read(&request->header, &command, &out.field);
    if (out.code == CODE_OK && is_late(request, now_us))
        out.code = CODE_DEADLINE_EXCEEDED;
    else if (out.code == CODE_OK)
        ledger_propose(ledger, now_us, &command, &out);
    answer_proposal(self, request, &out);
}

static void work_decision(struct requests *self, struct ledger *ledger, struct request *request,
                          int64_t now_us)
{
    struct ledger_decision_command command;
    struct ledger_proposal_answer out = {.field = FIELD_NONE};
    out.code = wire_decision_read(&request->header, &command, &out.field);
    if (out.code == CODE_OK && is_late(request, now_us))
        out.code = CODE_DEADLINE_EXCEEDED;
    else if (out.code == CODE_OK)
        ledger_proposal_decide(ledger, now_us, &command, &out);
    answer_proposal(self, request, &out);
}

static void work_proposal_show(struct requests *self, struct ledger *ledger, struct request *request,
                               int64_t now_us)
{
    struct str account;
    struct uuid id;
    struct ledger_proposal_answer out = {.field = FIELD_NONE};
    out.code = wire_proposal_show_read(&request->header, &account, &id, &out.field);
    if (out.code == CODE_OK)
        ledger_proposal_show(ledger, now_us, account, &id, &out);
    answer_proposal(self, request, &out);
}

static void proposal_page(struct requests *self, struct ledger *ledger, struct request *request,
                          int64_t now_us, uint64_t after, uint32_t limit, struct ledger_proposal_view *views)
{
    char next[WIRE_CURSOR_MAX];
    struct str cursor = {next, 0};
    size_t count = ledger_proposal_list(ledger, now_us, after, views, limit);
    if (count == limit)
        cursor.length =
            (uint32_t)snprintf(next, sizeof next, "%u:%" PRIu64, self->partition, views[count - 1].position);
    else if (self->partition + 1 < self->partitions)
        cursor.length = (uint32_t)snprintf(next, sizeof next, "%u:0", self->partition + 1);
    wire_proposals_write(&self->writer, request->header.request_id, views, count, cursor);
    answer(self, request, CODE_OK);
}

static void work_proposal_list(struct requests *self, struct ledger *ledger, struct request *request,
                               int64_t now_us)
{
    struct wire_proposals_query query;
    uint64_t after = 0;
    enum field field = FIELD_NONE;
    enum code code = wire_proposals_read(&request->header, &query, &field);
    if (code == CODE_OK && !cursor_number(query.cursor, POSITION_MAX, &after)) {
        code = CODE_INVALID_FIELD;
        field = FIELD_CURSOR;
    }
    struct ledger_proposal_view *views = code == CODE_OK ? malloc(query.limit * sizeof *views) : NULL;
    if (views)
        proposal_page(self, ledger, request, now_us, after, query.limit, views);
    else
        answer_error(self, request, code == CODE_OK ? CODE_BUSY : code, field);
    free(views);
}

/* ---- remittances ---------------------------------------------------------------------------------------------- */

static void answer_remittance(struct requests *self, struct request *request,
                              const struct ledger_remittance_answer *out)
{
    if (out->code != CODE_OK) {
        answer_error(self, request, out->code, out->field);
        return;
    }
    wire_remittance_write(&self->writer, request->header.request_id, &out->view);
    answer(self, request, CODE_OK);
}

static void work_remit(struct requests *self, struct ledger *ledger, struct request *request, int64_t now_us)
{
    struct ledger_remit_command command;
    struct ledger_remittance_answer out = {.field = FIELD_NONE};
    out.code = wire_remit_read(&request->header, &command, &out.field);
    if (out.code == CODE_OK && is_late(request, now_us))
        out.code = CODE_DEADLINE_EXCEEDED;
    else if (out.code == CODE_OK)
        ledger_remit(ledger, now_us, &command, &out);
    answer_remittance(self, request, &out);
}

static void work_remittance_act(struct requests *self, struct ledger *ledger, struct request *request,
                                int64_t now_us)
{
    struct ledger_remittance_command command;
    struct ledger_remittance_answer out = {.field = FIELD_NONE};
    out.code = wire_remittance_act_read(&request->header, &command, &out.field);
    if (out.code == CODE_OK && is_late(request, now_us))
        out.code = CODE_DEADLINE_EXCEEDED;
    else if (out.code == CODE_OK)
        ledger_remittance_act(ledger, now_us, &command, &out);
    answer_remittance(self, request, &out);
}

static void remittance_trail(struct requests *self, struct ledger *ledger, struct request *request,
                             const struct ledger_remittance_view *view,
                             struct ledger_remittance_entry *entries)
{
    size_t count =
        entries ? ledger_remittance_trail(ledger, view->last_position, entries, LEDGER_REMITTANCE_TRAIL_MAX)
                : 0;
    if (count == 0) {
        answer_error(self, request, entries ? CODE_UNKNOWN : CODE_BUSY, FIELD_NONE);
        return;
    }
    wire_remittance_trail_write(&self->writer, request->header.request_id, view, entries, count);
    answer(self, request, CODE_OK);
}

static void work_remittance_show(struct requests *self, struct ledger *ledger, struct request *request,
                                 int64_t now_us)
{
    struct str account;
    struct uuid id;
    struct ledger_remittance_answer out = {.field = FIELD_NONE};
    out.code = wire_remittance_show_read(&request->header, &account, &id, &out.field);
    if (out.code == CODE_OK)
        ledger_remittance_show(ledger, now_us, account, &id, &out);
    if (out.code != CODE_OK) {
        answer_error(self, request, out.code, out.field);
        return;
    }
    struct ledger_remittance_entry *entries = malloc(LEDGER_REMITTANCE_TRAIL_MAX * sizeof *entries);
    remittance_trail(self, ledger, request, &out.view, entries);
    free(entries);
}

static void remittance_page(struct requests *self, struct ledger *ledger, struct request *request,
                            int64_t now_us, const struct wire_remittances_query *query, uint64_t after,
                            struct ledger_remittance_view *views)
{
    char next[WIRE_CURSOR_MAX];
    struct str cursor = {next, 0};
    size_t count = ledger_remittance_list(ledger, now_us, query->list, after, views, query->limit);
    if (count == query->limit)
        cursor.length =
            (uint32_t)snprintf(next, sizeof next, "%u:%" PRIu64, self->partition, views[count - 1].position);
    else if (self->partition + 1 < self->partitions)
        cursor.length = (uint32_t)snprintf(next, sizeof next, "%u:0", self->partition + 1);
    wire_remittances_write(&self->writer, request->header.request_id, views, count, cursor);
    answer(self, request, CODE_OK);
}

static void work_remittance_list(struct requests *self, struct ledger *ledger, struct request *request,
                                 int64_t now_us)
{
    struct wire_remittances_query query;
    uint64_t after = 0;
    enum field field = FIELD_NONE;
    enum code code = wire_remittances_read(&request->header, &query, &field);
    if (code == CODE_OK && !cursor_number(query.cursor, POSITION_MAX, &after)) {
        code = CODE_INVALID_FIELD;
        field = FIELD_CURSOR;
    }
    struct ledger_remittance_view *views = code == CODE_OK ? malloc(query.limit * sizeof *views) : NULL;
    if (views)
        remittance_page(self, ledger, request, now_us, &query, after, views);
    else
        answer_error(self, request, code == CODE_OK ? CODE_BUSY : code, field);
    free(views);
}

static void work_remittance_batch(struct requests *self, struct ledger *ledger, struct request *request,
                                  int64_t now_us)
{
    struct wire_remittances_query query;
    enum field field = FIELD_NONE;
    enum code code = wire_remittance_batch_read(&request->header, &query, &field);
    if (code == CODE_OK && is_late(request, now_us))
        code = CODE_DEADLINE_EXCEEDED;
    if (code != CODE_OK) {
        answer_error(self, request, code, field);
        return;
    }
    wire_remittance_batch_write(&self->writer, request->header.request_id,
                                ledger_remittance_batch(ledger, now_us, query.list, query.limit));
    answer(self, request, CODE_OK);
}

/* ---- holds ---------------------------------------------------------------------------------------------------- */

/* What a hold does not say itself: the account's currency. */
static enum code hold_account(const struct ledger *ledger, struct str account, currency_index *currency)
{
    struct ledger_account_view view;
    enum code code = ledger_account_show(ledger, account, &view);
    if (code == CODE_OK)
        *currency = view.currency;
    return code;
}

static void work_hold_show(struct requests *self, struct ledger *ledger, struct request *request,
                           int64_t now_us)
{
    struct wire_hold hold;
    struct uuid id;
    enum field field = FIELD_NONE;
    enum code code = wire_hold_show_read(&request->header, &hold.account, &id, &field);
    if (code == CODE_OK) {
        field = FIELD_ACCOUNT;
        code = hold_account(ledger, hold.account, &hold.currency);
    }
    if (code == CODE_OK) {
        field = FIELD_HOLD;
        code = ledger_hold_show(ledger, now_us, hold.account, &id, &hold.view);
    }
    if (code != CODE_OK) {
        answer_error(self, request, code, field);
        return;
    }
    wire_hold_write(&self->writer, request->header.request_id, &hold);
    answer(self, request, CODE_OK);
}

static void hold_page(struct requests *self, struct ledger *ledger, struct request *request, int64_t now_us,
                      const struct wire_holds_query *query, const struct ledger_hold_place *after,
                      struct ledger_hold_view *views)
{
    currency_index currency = CURRENCY_NONE;
    char next[WIRE_CURSOR_MAX];
    struct str cursor = {next, 0};
    size_t count = 0;
    enum code code = hold_account(ledger, query->account, &currency);
    if (code == CODE_OK)
        code = ledger_hold_list(ledger, now_us, query->account, after, views, query->limit, &count);
    if (code != CODE_OK) {
        answer_error(self, request, code, FIELD_ACCOUNT);
        return;
    }
    if (count == query->limit)
        cursor = wire_hold_cursor(&(struct ledger_hold_place){views[count - 1].slot, views[count - 1].opened},
                                  next);
    wire_holds_write(&self->writer, request->header.request_id, query->account, currency, views, count,
                     cursor);
    answer(self, request, CODE_OK);
}

static void work_hold_list(struct requests *self, struct ledger *ledger, struct request *request,
                           int64_t now_us)
{
    struct wire_holds_query query;
    struct ledger_hold_place after;
    enum field field = FIELD_NONE;
    enum code code = wire_holds_read(&request->header, &query, &field);
    if (code == CODE_OK && !wire_hold_cursor_read(query.cursor, &after)) {
        code = CODE_INVALID_FIELD;
        field = FIELD_CURSOR;
    }
    struct ledger_hold_view *views = code == CODE_OK ? malloc(query.limit * sizeof *views) : NULL;
    if (views)
        hold_page(self, ledger, request, now_us, &query, &after, views);
    else
        answer_error(self, request, code == CODE_OK ? CODE_BUSY : code, field);
    free(views);
}

/* ---- the FX desk ---------------------------------------------------------------------------------------------- */

static void answer_quote(struct requests *self, struct request *request,
                         const struct ledger_quote_answer *out)
{
    if (out->code != CODE_OK) {
        answer_error(self, request, out->code, out->field);
        return;
    }
    wire_quote_write(&self->writer, request->header.request_id, &out->view);
    answer(self, request, CODE_OK);
}

static void work_quote(struct requests *self, struct ledger *ledger, struct request *request, int64_t now_us)
{
    struct ledger_quote_command command;
    struct ledger_quote_answer out = {.field = FIELD_NONE};
    out.code = wire_quote_read(&request->header, &command, &out.field);
    if (out.code == CODE_OK && is_late(request, now_us))
        out.code = CODE_DEADLINE_EXCEEDED;
    else if (out.code == CODE_OK)
        ledger_quote(ledger, now_us, &command, &out);
    answer_quote(self, request, &out);
}

static void work_quote_show(struct requests *self, struct ledger *ledger, struct request *request,
                            int64_t now_us)
{
    struct str account;
    struct uuid id;
    struct ledger_quote_answer out = {.field = FIELD_NONE};
    out.code = wire_quote_show_read(&request->header, &account, &id, &out.field);
    if (out.code == CODE_OK)
        ledger_quote_show(ledger, now_us, account, &id, &out);
    answer_quote(self, request, &out);
}

static void answer_set(struct requests *self, struct request *request, enum code code, enum field field)
{
    if (code != CODE_OK) {
        answer_error(self, request, code, field);
        return;
    }
    wire_reply_begin(&self->writer, request->header.request_id, CODE_OK);
    mp_write_nil(&self->writer);
    answer(self, request, CODE_OK);
}

static void work_rate_set(struct requests *self, struct ledger *ledger, struct request *request,
                          int64_t now_us)
{
    struct ledger_rate rate;
    struct str operator_name;
    enum field field = FIELD_NONE;
    enum code code = wire_rate_set_read(&request->header, &rate, &operator_name, &field);
    if (code == CODE_OK && is_late(request, now_us))
        code = CODE_DEADLINE_EXCEEDED;
    else if (code == CODE_OK)
        code = ledger_rate_set(ledger, now_us, &rate, operator_name);
    if (code == CODE_INVALID_FIELD && field == FIELD_NONE)
        field = FIELD_TIME;
    answer_set(self, request, code, field);
}

static void work_pair_set(struct requests *self, struct ledger *ledger, struct request *request,
                          int64_t now_us)
{
    struct ledger_pair pair;
    struct str operator_name;
    enum field field = FIELD_NONE;
    enum code code = wire_pair_set_read(&request->header, &pair, &operator_name, &field);
    if (code == CODE_OK && is_late(request, now_us))
        code = CODE_DEADLINE_EXCEEDED;
    else if (code == CODE_OK)
        code = ledger_pair_set(ledger, now_us, &pair, operator_name);
    answer_set(self, request, code, field);
}

static void work_rate_desk(struct requests *self, struct ledger *ledger, struct request *request,
                           int64_t now_us)
{
    bool is_stale[LEDGER_RATES_MAX];
    const struct ledger_rate *rates;
    const struct ledger_pair *pairs;
    enum field field = FIELD_NONE;
    enum code code = wire_nothing_read(&request->header, &field);
    if (code != CODE_OK) {
        answer_error(self, request, code, field);
        return;
    }
    size_t rate_count = ledger_rates(ledger, &rates), pair_count = ledger_pairs(ledger, &pairs);
    for (size_t i = 0; i < rate_count; i++)
        is_stale[i] = ledger_rate_is_stale(&rates[i], now_us);
    wire_desk_write(&self->writer, request->header.request_id, rates, is_stale, rate_count, pairs,
                    pair_count);
    answer(self, request, CODE_OK);
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

static struct read_job *job_new(struct requests *self, struct request *request, uint32_t count)
{
    struct read_job *job = calloc(1, sizeof *job + count * sizeof job->queries[0]);
    if (!job)
        return NULL;
    job->request = request;
    job->journal = self->journal;
    job->count = count;
    return job;
}

static void job_add(struct requests *self, struct read_job *job)
{
    *self->reads_end = job;
    self->reads_end = &job->next;
}

/* Where the account's history begins. */
static enum code query_fill(const struct ledger *ledger, struct str account, struct read_query *out)
{
    struct ledger_account_view view;
    enum code code = ledger_account_show(ledger, account, &view);
    if (code != CODE_OK)
        return code;
    out->account = view.index;
    out->last_position = view.last_position;
    out->opened_us = view.opened_us;
    out->currency = view.currency;
    return CODE_OK;
}

static void work_balance(struct requests *self, struct ledger *ledger, struct request *request,
                         int64_t now_us)
{
    struct wire_balance_query query;
    struct ledger_account_view view;
    enum field field = FIELD_NONE;
    enum code code = wire_balance_read(&request->header, &query, &field);
    if (code == CODE_OK) {
        field = FIELD_ACCOUNT;
        code = ledger_account_show(ledger, query.account, &view);
    }
    struct read_job *job = NULL;
    if (code == CODE_OK && query.has_at) {
        job = job_new(self, request, 1);
        code = job ? query_fill(ledger, query.account, &job->queries[0]) : CODE_BUSY;
    }
    if (code != CODE_OK) {
        free(job);
        answer_error(self, request, code, field);
        return;
    }
    if (job) {
        job->at_us = query.at_us;
        job_add(self, job);
        return;
    }
    struct wire_balance balance = {
        .account = {view.id, view.id_length},
        .currency = view.currency,
        .balance = view.balance,
        .pending = view.pending,
        .available = view.balance - view.pending - view.minimum_balance,
        .at_us = now_us,
    };
    wire_balance_write(&self->writer, request->header.request_id, &balance);
    answer(self, request, CODE_OK);
}

static void work_history(struct requests *self, struct ledger *ledger, struct request *request)
{
    struct wire_history_query query;
    enum field field = FIELD_NONE;
    enum code code = wire_history_read(&request->header, &query, &field);
    struct read_job *job = code == CODE_OK ? job_new(self, request, 1) : NULL;
    if (code == CODE_OK) {
        field = FIELD_ACCOUNT;
        code = job ? query_fill(ledger, query.account, &job->queries[0]) : CODE_BUSY;
    }
    if (code != CODE_OK) {
        free(job);
        answer_error(self, request, code, field);
        return;
    }
    job->queries[0].query = query;
    job_add(self, job);
}

static void work_histories(struct requests *self, struct ledger *ledger, struct request *request)
{
    size_t count = 0;
    enum field field = FIELD_NONE;
    enum code code = wire_histories_read(&request->header, self->queries, &count, &field);
    struct read_job *job = code == CODE_OK ? job_new(self, request, (uint32_t)count) : NULL;
    if (!job) {
        answer_error(self, request, code == CODE_OK ? CODE_BUSY : code, field);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct read_query *query = &job->queries[i];
        query->query = self->queries[i];
        if (query->query.code != CODE_OK)
            continue;
        query->query.code = (uint8_t)query_fill(ledger, query->query.account, query);
        query->query.field = query->query.code == CODE_OK ? FIELD_NONE : FIELD_ACCOUNT;
    }
    job_add(self, job);
}

static void work_transfer_show(struct requests *self, struct ledger *ledger, struct request *request)
{
    struct uuid id;
    enum field field = FIELD_NONE;
    enum code code = wire_transfer_show_read(&request->header, &id, &field);
    uint64_t position = code == CODE_OK ? ledger_transaction_find(ledger, &id) : 0;
    if (code == CODE_OK && position == 0) {
        code = CODE_NOT_FOUND;
        field = FIELD_TRANSACTION_ID;
    }
    struct read_job *job = code == CODE_OK ? job_new(self, request, 0) : NULL;
    if (!job) {
        answer_error(self, request, code == CODE_OK ? CODE_BUSY : code, field);
        return;
    }
    job->position = position;
    job->id = id;
    job_add(self, job);
}

/* ---- the partition about itself ---------------------------------------------------------------------------------- */

static void journal_space(const struct requests *self, struct journal_space *out)
{
    if (!self->journal || journal_get_space(self->journal, out) != ERR_OK)
        *out = (struct journal_space){0};
}

static void work_status(struct requests *self, struct ledger *ledger, struct request *request, int64_t now_us)
{
    struct ledger_stats stats;
    struct journal_space space;
    ledger_stats(ledger, &stats);
    journal_space(self, &space);
    wire_reply_begin(&self->writer, request->header.request_id, CODE_OK);
    partition_numbers_write(&self->writer, 0, self->partition, &stats, &space, now_us);
    answer(self, request, CODE_OK);
}

static void work_metrics(struct requests *self, struct ledger *ledger, struct request *request,
                         int64_t now_us)
{
    struct journal_space space;
    journal_space(self, &space);
    wire_reply_begin(&self->writer, request->header.request_id, CODE_OK);
    partition_figures_write(&self->figures, &self->writer, self->partition, ledger, &space, now_us);
    answer(self, request, CODE_OK);
}

void requests_work(struct requests *self, struct ledger *ledger, struct request *request, int64_t now_us)
{
    check_note("request", request->header.operation, request->header.request_id);
    mp_writer_reset(&self->writer);
    switch (request->header.operation) {
    case OPERATION_TRANSFER:
    case OPERATION_DEPOSIT:
    case OPERATION_WITHDRAW:
    case OPERATION_EXCHANGE:
    case OPERATION_HOLD:
    case OPERATION_CAPTURE:
    case OPERATION_RELEASE:
    case OPERATION_BATCH:
        work_money(self, ledger, request, now_us);
        return;
    case OPERATION_ACCOUNT_OPEN:
    case OPERATION_ACCOUNT_CHANGE:
    case OPERATION_ACCOUNT_FREEZE:
    case OPERATION_ACCOUNT_UNFREEZE:
    case OPERATION_ACCOUNT_CLOSE:
        work_account(self, ledger, request, now_us);
        return;
    case OPERATION_ACCOUNT_SHOW:
        work_show(self, ledger, request);
        return;
    case OPERATION_ACCOUNT_LIST:
        work_list(self, ledger, request);
        return;
    case OPERATION_BALANCE:
        work_balance(self, ledger, request, now_us);
        return;
    case OPERATION_HISTORY:
        work_history(self, ledger, request);
        return;
    case OPERATION_HISTORIES:
        work_histories(self, ledger, request);
        return;
    case OPERATION_TRANSFER_SHOW:
        work_transfer_show(self, ledger, request);
        return;
    case OPERATION_HOLD_SHOW:
        work_hold_show(self, ledger, request, now_us);
        return;
    case OPERATION_HOLD_LIST:
        work_hold_list(self, ledger, request, now_us);
        return;
    case OPERATION_PROPOSAL_OPEN:
        work_propose(self, ledger, request, now_us);
        return;
    case OPERATION_PROPOSAL_APPROVE:
    case OPERATION_PROPOSAL_REJECT:
        work_decision(self, ledger, request, now_us);
        return;
    case OPERATION_PROPOSAL_SHOW:
        work_proposal_show(self, ledger, request, now_us);
        return;
    case OPERATION_PROPOSAL_LIST:
        work_proposal_list(self, ledger, request, now_us);
        return;
    case OPERATION_REMITTANCE_OPEN:
        work_remit(self, ledger, request, now_us);
        return;
    case OPERATION_REMITTANCE_RETRY:
    case OPERATION_REMITTANCE_REFUND:
    case OPERATION_REMITTANCE_CANCEL:
    case OPERATION_REMITTANCE_RESOLVE:
    case OPERATION_REMITTANCE_SETTLE:
        work_remittance_act(self, ledger, request, now_us);
        return;
    case OPERATION_REMITTANCE_SHOW:
        work_remittance_show(self, ledger, request, now_us);
        return;
    case OPERATION_REMITTANCE_LIST:
        work_remittance_list(self, ledger, request, now_us);
        return;
    case OPERATION_REMITTANCE_RETRY_BATCH:
        work_remittance_batch(self, ledger, request, now_us);
        return;
    case OPERATION_QUOTE:
        work_quote(self, ledger, request, now_us);
        return;
    case OPERATION_QUOTE_SHOW:
        work_quote_show(self, ledger, request, now_us);
        return;
    case OPERATION_RATE_SET:
        work_rate_set(self, ledger, request, now_us);
        return;
    case OPERATION_PAIR_SET:
        work_pair_set(self, ledger, request, now_us);
        return;
    case OPERATION_RATE_DESK:
        work_rate_desk(self, ledger, request, now_us);
        return;
    case OPERATION_STATUS:
        work_status(self, ledger, request, now_us);
        return;
    case OPERATION_METRICS:
        work_metrics(self, ledger, request, now_us);
        return;
    case OPERATION_HEALTH:
    case OPERATION_VERSION:
    case OPERATION_RATE_LATEST:
    case OPERATION_RATE_ASOF:
    case OPERATION_RATE_RANGE:
    case OPERATION_RATE_REVIEW:
    case OPERATION_RATE_ACCEPT:
    case OPERATION_RATE_REJECT:
    case OPERATION_RATE_SOURCES:
    case OPERATION_SUBSCRIBER_ADD:
    case OPERATION_SUBSCRIBER_REMOVE:
    case OPERATION_SUBSCRIBER_LIST:
    case OPERATION_DEADLETTER_LIST:
    case OPERATION_DEADLETTER_RETRY:
    case OPERATION_DEADLETTER_RESOLVE:
    case OPERATION_BANK_LIST:
    case OPERATION_BANK_CALLS:
    case OPERATION_COUNT:
        break; /* the router's own, and those of its services */
    }
    answer_error(self, request, CODE_UNSUPPORTED, FIELD_OPERATION);
}

/* ---- names for the reader ------------------------------------------------------------------------------------------ */

struct read_names *requests_names(const struct ledger *ledger, uint32_t *sent)
{
    uint32_t count = ledger_account_count(ledger) - *sent;
    if (count == 0)
        return NULL;
    if (count > NAMES_MAX)
        count = NAMES_MAX;
    struct read_names *names = malloc(sizeof *names + (size_t)count * (ACCOUNT_ID_MAX + 2));
    if (!names)
        return NULL;
    char *at = names->bytes;
    for (uint32_t i = *sent; i < *sent + count; i++) {
        struct ledger_account_view view;
        bool there = ledger_account_at(ledger, i, &view);
        CHECK(there);
        *at++ = (char)view.id_length;
        *at++ = (char)view.currency;
        memcpy(at, view.id, view.id_length);
        at += view.id_length;
    }
    names->first = *sent;
    names->count = count;
    names->length = (size_t)(at - names->bytes);
    *sent += count;
    return names;
}
