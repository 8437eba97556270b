/* Fuzz target: a whole request frame: its head, and its body as the operation has it.
 *
 * What is decoded and encoded again, as a client would, decodes to the same. */
#include <stdlib.h>

#include "actors/base/check.h"
#include "broker/wire/accounts.h"
#include "broker/wire/desk.h"
#include "broker/wire/figures.h"
#include "broker/wire/history.h"
#include "broker/wire/holds.h"
#include "broker/wire/items.h"
#include "broker/wire/proposals.h"
#include "broker/wire/remittances.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/same.h"

static struct wire_header head_again(struct mp_writer *w, const struct wire_header *header)
{
    struct wire_header again;
    enum code code;
    enum field field;
    CHECK(!w->failed && wire_header_read(w->data, w->length, &again, &code, &field));
    CHECK(again.operation == header->operation && again.request_id == header->request_id &&
          again.partition == header->partition && again.deadline_us == header->deadline_us);
    return again;
}

/* Faulty items cannot be written; the others are, and come back as they were. */
static void write_items(struct mp_writer *w, const struct wire_header *header, const struct wire_items *items,
                        uint32_t good)
{
    wire_header_write(w, header);
    if (header->operation == OPERATION_BATCH)
        mp_write_array(w, good);
    for (uint32_t i = 0; i < items->count; i++) {
        if (same_is_good(&items->commands[i]))
            wire_item_write(w, &items->commands[i]);
    }
}

static void check_items(struct mp_writer *w, const struct wire_header *header)
{
    struct wire_items items = {0}, again = {0};
    enum field field;
    uint32_t good = 0;
    if (wire_items_read(&items, header, &field) == CODE_OK) {
        for (uint32_t i = 0; i < items.count; i++)
            good += same_is_good(&items.commands[i]);
    }
    if (good > 0) {
        write_items(w, header, &items, good);
        struct wire_header second = head_again(w, header);
        CHECK(wire_items_read(&again, &second, &field) == CODE_OK && again.count == good);
        for (uint32_t i = 0, k = 0; i < items.count; i++) {
            if (same_is_good(&items.commands[i]))
                CHECK(same_commands(&items.commands[i], &again.commands[k++]));
        }
    }
    wire_items_release(&items);
    wire_items_release(&again);
}

static void check_account(struct mp_writer *w, const struct wire_header *header)
{
    struct ledger_account_command c, d;
    enum field field;
    if (wire_account_read(header, &c, &field) != CODE_OK)
        return;
    wire_header_write(w, header);
    wire_account_body_write(w, &c);
    struct wire_header second = head_again(w, header);
    CHECK(wire_account_read(&second, &d, &field) == CODE_OK);
    CHECK(c.kind == d.kind && c.sets == d.sets && uuid_equal(&c.id, &d.id) && c.currency == d.currency &&
          c.minimum_balance == d.minimum_balance && c.ceiling == d.ceiling);
    CHECK(str_equal(c.account, d.account) && str_equal(c.owner, d.owner) && str_equal(c.product, d.product) &&
          str_equal(c.memo, d.memo));
}

static void check_history(struct mp_writer *w, const struct wire_header *header)
{
    struct wire_history_query q, r;
    enum field field;
    if (wire_history_read(header, &q, &field) != CODE_OK)
        return;
    wire_header_write(w, header);
    wire_history_body_write(w, &q);
    struct wire_header second = head_again(w, header);
    CHECK(wire_history_read(&second, &r, &field) == CODE_OK);
    CHECK(str_equal(q.account, r.account) && str_equal(q.cursor, r.cursor) && q.limit == r.limit &&
          q.has_before == r.has_before && q.has_after == r.has_after);
    CHECK((!q.has_before || q.before_us == r.before_us) && (!q.has_after || q.after_us == r.after_us));
}

static void check_balance(struct mp_writer *w, const struct wire_header *header)
{
    struct wire_balance_query q, r;
    enum field field;
    if (wire_balance_read(header, &q, &field) != CODE_OK)
        return;
    wire_header_write(w, header);
    wire_balance_body_write(w, &q);
    struct wire_header second = head_again(w, header);
    CHECK(wire_balance_read(&second, &r, &field) == CODE_OK && str_equal(q.account, r.account));
    CHECK(q.has_at == r.has_at && (!q.has_at || q.at_us == r.at_us));
}

static void check_list(struct mp_writer *w, const struct wire_header *header)
{
    struct wire_list_query q, r;
    enum field field;
    if (wire_list_read(header, &q, &field) != CODE_OK)
        return;
    wire_header_write(w, header);
    wire_list_body_write(w, &q);
    struct wire_header second = head_again(w, header);
    CHECK(wire_list_read(&second, &r, &field) == CODE_OK);
    CHECK(str_equal(q.owner, r.owner) && str_equal(q.cursor, r.cursor) && q.limit == r.limit);
}

static void check_show(struct mp_writer *w, const struct wire_header *header)
{
    struct str account, account_again;
    struct uuid id, id_again;
    enum field field;
    if (header->operation == OPERATION_ACCOUNT_SHOW &&
        wire_account_show_read(header, &account, &field) == CODE_OK) {
        wire_header_write(w, header);
        wire_account_show_body_write(w, account);
        struct wire_header second = head_again(w, header);
        CHECK(wire_account_show_read(&second, &account_again, &field) == CODE_OK);
        CHECK(str_equal(account, account_again));
    }
    if (header->operation == OPERATION_TRANSFER_SHOW &&
        wire_transfer_show_read(header, &id, &field) == CODE_OK) {
        wire_header_write(w, header);
        wire_transfer_show_body_write(w, &id);
        struct wire_header second = head_again(w, header);
        CHECK(wire_transfer_show_read(&second, &id_again, &field) == CODE_OK && uuid_equal(&id, &id_again));
    }
}

static void check_propose(struct mp_writer *w, const struct wire_header *header)
{
    struct ledger_proposal_command c, again;
    enum field field;
    if (wire_proposal_read(header, &c, &field) != CODE_OK)
        return;
    wire_header_write(w, header);
    wire_proposal_body_write(w, &c);
    struct wire_header second = head_again(w, header);
    CHECK(wire_proposal_read(&second, &again, &field) == CODE_OK);
    CHECK(c.kind == again.kind && c.currency == again.currency && c.amount == again.amount &&
          c.rate == again.rate && c.expires_us == again.expires_us && uuid_equal(&c.id, &again.id));
    CHECK(str_equal(c.account, again.account) && str_equal(c.reason, again.reason) &&
          str_equal(c.operator_name, again.operator_name));
}

static void check_decision(struct mp_writer *w, const struct wire_header *header)
{
    struct ledger_decision_command c, again;
    enum field field;
    if (wire_decision_read(header, &c, &field) != CODE_OK)
        return;
    wire_header_write(w, header);
    wire_decision_body_write(w, &c);
    struct wire_header second = head_again(w, header);
    CHECK(wire_decision_read(&second, &again, &field) == CODE_OK);
    CHECK(c.approves == again.approves && uuid_equal(&c.proposal, &again.proposal));
    CHECK(str_equal(c.account, again.account) && str_equal(c.reason, again.reason) &&
          str_equal(c.operator_name, again.operator_name));
}

static void check_holds(struct mp_writer *w, const struct wire_header *header)
{
    struct wire_holds_query q, r;
    struct str account, account_again;
    struct uuid id, id_again;
    struct ledger_hold_place place;
    enum field field;
    bool shows = header->operation == OPERATION_HOLD_SHOW;
    if ((shows ? wire_hold_show_read(header, &account, &id, &field) : wire_holds_read(header, &q, &field)) !=
        CODE_OK)
        return;
    wire_header_write(w, header);
    if (shows)
        wire_hold_show_body_write(w, account, &id);
    else
        wire_holds_body_write(w, &q);
    struct wire_header second = head_again(w, header);
    if (shows)
        CHECK(wire_hold_show_read(&second, &account_again, &id_again, &field) == CODE_OK &&
              str_equal(account, account_again) && uuid_equal(&id, &id_again));
    else
        CHECK(wire_holds_read(&second, &r, &field) == CODE_OK && q.limit == r.limit &&
              str_equal(q.account, r.account) && str_equal(q.cursor, r.cursor) &&
              wire_hold_cursor_read(q.cursor, &place) == wire_hold_cursor_read(r.cursor, &place));
}

static void check_proposals(struct mp_writer *w, const struct wire_header *header)
{
    struct wire_proposals_query q, r;
    struct str account, account_again;
    struct uuid id, id_again;
    enum field field;
    bool shows = header->operation == OPERATION_PROPOSAL_SHOW;
    if ((shows ? wire_proposal_show_read(header, &account, &id, &field)
               : wire_proposals_read(header, &q, &field)) != CODE_OK)
        return;
    wire_header_write(w, header);
    if (shows)
        wire_proposal_show_body_write(w, account, &id);
    else
        wire_proposals_body_write(w, &q);
    struct wire_header second = head_again(w, header);
    if (shows)
        CHECK(wire_proposal_show_read(&second, &account_again, &id_again, &field) == CODE_OK &&
              str_equal(account, account_again) && uuid_equal(&id, &id_again));
    else
        CHECK(wire_proposals_read(&second, &r, &field) == CODE_OK && q.limit == r.limit &&
              str_equal(q.cursor, r.cursor));
}

static void check_remit(struct mp_writer *w, const struct wire_header *header)
{
    struct ledger_remit_command a, b;
    enum field field;
    if (wire_remit_read(header, &a, &field) != CODE_OK)
        return;
    CHECK(a.amount >= 1 && a.amount <= MONEY_MAX && !uuid_is_nil(&a.id));
    CHECK(a.bank.length > 0 && a.payer.length > 0 && a.payee.length > 0);
    wire_header_write(w, header);
    wire_remit_body_write(w, &a);
    struct wire_header second = head_again(w, header);
    CHECK(wire_remit_read(&second, &b, &field) == CODE_OK && uuid_equal(&a.id, &b.id) &&
          a.currency == b.currency && a.amount == b.amount && a.operator_refunds == b.operator_refunds &&
          str_equal(a.account, b.account) && str_equal(a.bank, b.bank) && str_equal(a.payer, b.payer) &&
          str_equal(a.payee, b.payee) && str_equal(a.memo, b.memo) && str_equal(a.reference, b.reference));
}

static void check_remittance_act(struct mp_writer *w, const struct wire_header *header)
{
    struct ledger_remittance_command a, b;
    enum field field;
    if (wire_remittance_act_read(header, &a, &field) != CODE_OK)
        return;
    CHECK(wire_remittance_operation(a.action) == header->operation);
    wire_header_write(w, header);
    wire_remittance_act_body_write(w, &a);
    struct wire_header second = head_again(w, header);
    CHECK(wire_remittance_act_read(&second, &b, &field) == CODE_OK && a.action == b.action &&
          a.money == b.money && a.outcome == b.outcome && a.call == b.call &&
          uuid_equal(&a.remittance, &b.remittance) && str_equal(a.account, b.account) &&
          str_equal(a.operator_name, b.operator_name) && str_equal(a.reason, b.reason));
}

static void check_remittances(struct mp_writer *w, const struct wire_header *header)
{
    struct wire_remittances_query q, r;
    struct str account, account_again;
    struct uuid id, id_again;
    enum field field;
    bool shows = header->operation == OPERATION_REMITTANCE_SHOW;
    bool lists = header->operation == OPERATION_REMITTANCE_LIST;
    if ((shows   ? wire_remittance_show_read(header, &account, &id, &field)
         : lists ? wire_remittances_read(header, &q, &field)
                 : wire_remittance_batch_read(header, &q, &field)) != CODE_OK)
        return;
    wire_header_write(w, header);
    if (shows)
        wire_remittance_show_body_write(w, account, &id);
    else if (lists)
        wire_remittances_body_write(w, &q);
    else
        wire_remittance_batch_body_write(w, &q);
    struct wire_header second = head_again(w, header);
    if (shows)
        CHECK(wire_remittance_show_read(&second, &account_again, &id_again, &field) == CODE_OK &&
              str_equal(account, account_again) && uuid_equal(&id, &id_again));
    else
        CHECK((lists ? wire_remittances_read(&second, &r, &field)
                     : wire_remittance_batch_read(&second, &r, &field)) == CODE_OK &&
              q.list == r.list && q.limit == r.limit && str_equal(q.cursor, r.cursor));
}

static void check_metrics(struct mp_writer *w, const struct wire_header *header)
{
    bool is_text, is_text_again;
    enum field field;
    if (wire_metrics_read(header, &is_text, &field) != CODE_OK)
        return;
    wire_header_write(w, header);
    wire_metrics_body_write(w, is_text);
    struct wire_header second = head_again(w, header);
    CHECK(wire_metrics_read(&second, &is_text_again, &field) == CODE_OK && is_text == is_text_again);
}

static void check_quote(struct mp_writer *w, const struct wire_header *header)
{
    struct ledger_quote_command q, r;
    struct str account, account_again;
    struct uuid id, id_again;
    enum field field;
    bool shows = header->operation == OPERATION_QUOTE_SHOW;
    if ((shows ? wire_quote_show_read(header, &account, &id, &field) : wire_quote_read(header, &q, &field)) !=
        CODE_OK)
        return;
    wire_header_write(w, header);
    if (shows)
        wire_quote_show_body_write(w, account, &id);
    else
        wire_quote_body_write(w, &q);
    struct wire_header second = head_again(w, header);
    if (shows)
        CHECK(wire_quote_show_read(&second, &account_again, &id_again, &field) == CODE_OK &&
              str_equal(account, account_again) && uuid_equal(&id, &id_again));
    else
        CHECK(wire_quote_read(&second, &r, &field) == CODE_OK && uuid_equal(&q.id, &r.id) &&
              str_equal(q.account, r.account) && q.sell == r.sell && q.buy == r.buy && q.side == r.side &&
              q.amount == r.amount && q.amount >= 1 && q.amount <= MONEY_MAX);
}

static void check_rate_set(struct mp_writer *w, const struct wire_header *header)
{
    struct ledger_rate a, b;
    struct str operator_name, operator_again;
    enum field field;
    if (wire_rate_set_read(header, &a, &operator_name, &field) != CODE_OK)
        return;
    CHECK(a.base != a.counter && a.rate >= 1 && a.units >= 1 && a.age_limit_us >= 1);
    wire_header_write(w, header);
    wire_rate_set_body_write(w, &a, operator_name);
    struct wire_header second = head_again(w, header);
    CHECK(wire_rate_set_read(&second, &b, &operator_again, &field) == CODE_OK &&
          str_equal(operator_name, operator_again) && a.base == b.base && a.counter == b.counter &&
          a.rate == b.rate && a.units == b.units && a.as_of_us == b.as_of_us &&
          a.age_limit_us == b.age_limit_us && a.source_length == b.source_length &&
          memcmp(a.source, b.source, a.source_length) == 0);
}

static void check_pair_set(struct mp_writer *w, const struct wire_header *header)
{
    struct ledger_pair a, b;
    struct str operator_name, operator_again;
    enum field field;
    if (wire_pair_set_read(header, &a, &operator_name, &field) != CODE_OK)
        return;
    CHECK(a.one != a.other && a.spread_ppm <= LEDGER_SPREAD_PPM_MAX && a.valid_us >= 1);
    wire_header_write(w, header);
    wire_pair_set_body_write(w, &a, operator_name);
    struct wire_header second = head_again(w, header);
    CHECK(wire_pair_set_read(&second, &b, &operator_again, &field) == CODE_OK &&
          str_equal(operator_name, operator_again) && a.one == b.one && a.other == b.other &&
          a.spread_ppm == b.spread_ppm && a.valid_us == b.valid_us);
}

static void check_body(struct mp_writer *w, const struct wire_header *header)
{
    enum field field;
    switch (header->operation) {
    case OPERATION_TRANSFER:
    case OPERATION_DEPOSIT:
    case OPERATION_WITHDRAW:
    case OPERATION_HOLD:
    case OPERATION_CAPTURE:
    case OPERATION_RELEASE:
    case OPERATION_EXCHANGE:
    case OPERATION_BATCH:
        check_items(w, header);
        return;
    case OPERATION_ACCOUNT_OPEN:
    case OPERATION_ACCOUNT_CHANGE:
    case OPERATION_ACCOUNT_FREEZE:
    case OPERATION_ACCOUNT_UNFREEZE:
    case OPERATION_ACCOUNT_CLOSE:
        check_account(w, header);
        return;
    case OPERATION_ACCOUNT_SHOW:
    case OPERATION_TRANSFER_SHOW:
        check_show(w, header);
        return;
    case OPERATION_HOLD_SHOW:
    case OPERATION_HOLD_LIST:
        check_holds(w, header);
        return;
    case OPERATION_ACCOUNT_LIST:
        check_list(w, header);
        return;
    case OPERATION_BALANCE:
        check_balance(w, header);
        return;
    case OPERATION_HISTORY:
        check_history(w, header);
        return;
    case OPERATION_QUOTE:
    case OPERATION_QUOTE_SHOW:
        check_quote(w, header);
        return;
    case OPERATION_RATE_SET:
        check_rate_set(w, header);
        return;
    case OPERATION_PAIR_SET:
        check_pair_set(w, header);
        return;
    case OPERATION_PROPOSAL_OPEN:
        check_propose(w, header);
        return;
    case OPERATION_PROPOSAL_APPROVE:
    case OPERATION_PROPOSAL_REJECT:
        check_decision(w, header);
        return;
    case OPERATION_PROPOSAL_SHOW:
    case OPERATION_PROPOSAL_LIST:
        check_proposals(w, header);
        return;
    case OPERATION_REMITTANCE_OPEN:
        check_remit(w, header);
        return;
    case OPERATION_REMITTANCE_RETRY:
    case OPERATION_REMITTANCE_REFUND:
    case OPERATION_REMITTANCE_CANCEL:
    case OPERATION_REMITTANCE_RESOLVE:
    case OPERATION_REMITTANCE_SETTLE:
        check_remittance_act(w, header);
        return;
    case OPERATION_REMITTANCE_SHOW:
    case OPERATION_REMITTANCE_LIST:
    case OPERATION_REMITTANCE_RETRY_BATCH:
        check_remittances(w, header);
        return;
    case OPERATION_RATE_DESK:
    case OPERATION_HEALTH:
    case OPERATION_VERSION:
    case OPERATION_STATUS:
        CHECK(wire_nothing_read(header, &field) != CODE_OK || header->body.length == 1);
        return;
    case OPERATION_METRICS:
        check_metrics(w, header);
        return;
    case OPERATION_HISTORIES: /* batch_join has it */
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
        return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_header header;
    enum code code = CODE_OK;
    enum field field;
    struct mp_writer w = {0};
    if (!wire_header_read(data, size, &header, &code, &field)) {
        CHECK(code == CODE_BAD_REQUEST || code == CODE_UNSUPPORTED || code == CODE_TOO_LARGE ||
              code == CODE_WRONG_PARTITION || code == CODE_INVALID_FIELD);
        return 0;
    }
    CHECK(header.operation < OPERATION_COUNT && header.deadline_us >= 0);
    CHECK((const uint8_t *)header.body.data + header.body.length == data + size);
    check_body(&w, &header);
    mp_writer_release(&w);
    return 0;
}
