/* Fuzz target: a request frame whose body is of account.*, reading or the node. What is let through keeps the
 * promises of accounts.h and history.h. */
#include <stddef.h>
#include <stdint.h>

#include "actors/base/bank_call.h"
#include "actors/base/check.h"
#include "actors/base/date.h"
#include "broker/wire/accounts.h"
#include "broker/wire/history.h"
#include "broker/wire/proposals.h"
#include "broker/wire/rates.h"
#include "broker/wire/remittances.h"
#include "broker/wire/split.h"
#include "broker/wire/subscribers.h"

static void check_subscribers(const struct wire_header *header)
{
    struct wire_subscriber_command c;
    struct wire_letters_query q;
    struct wire_letter_command l;
    struct str name;
    enum field field;
    if (wire_subscriber_read(header, &c, &field) == CODE_OK) {
        CHECK(c.name.length >= 1 && c.name.length <= WIRE_SUBSCRIBER_NAME_MAX &&
              c.url.length <= WIRE_URL_MAX);
        CHECK(c.secret.length >= WIRE_SECRET_MIN && c.secret.length <= WIRE_SECRET_MAX);
    }
    if (wire_subscriber_name_read(header, &name, &field) == CODE_OK)
        CHECK(name.length >= 1 && name.length <= WIRE_SUBSCRIBER_NAME_MAX);
    if (wire_letters_read(header, &q, &field) == CODE_OK)
        CHECK(q.limit >= 1 && q.limit <= WIRE_LETTERS_MAX);
    if (wire_letter_read(header, &l, &field) == CODE_OK)
        CHECK(l.id > 0 && l.operator_name.length >= 1 && text_is_clean(l.operator_name));
}

static void check_rate_query(const struct wire_rate_query *q)
{
    CHECK(text_is_product(q->source) && q->limit >= 1 && q->limit <= WIRE_RATES_MAX);
    CHECK(q->from >= 0 && q->from <= DATE_DAYS_MAX && q->to >= 0 && q->to <= DATE_DAYS_MAX);
}

static void check_rates(const struct wire_header *header)
{
    struct wire_rate_query q;
    struct wire_rate_decision d;
    enum field field;
    if (wire_rate_latest_read(header, &q, &field) == CODE_OK)
        check_rate_query(&q);
    if (wire_rate_asof_read(header, &q, &field) == CODE_OK)
        check_rate_query(&q);
    if (wire_rate_range_read(header, &q, &field) == CODE_OK)
        check_rate_query(&q);
    if (wire_rate_decision_read(header, &d, &field) == CODE_OK)
        CHECK(d.operator_name.length >= 1 && d.operator_name.length <= OWNER_MAX &&
              text_is_clean(d.operator_name));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t partition_by_length(struct str account, uint32_t partitions)
{
    CHECK(text_is_account_id(account));
    return account.length % partitions;
}

static void check_account(const struct wire_header *header)
{
    struct ledger_account_command c;
    enum field field;
    if (wire_account_read(header, &c, &field) != CODE_OK)
        return;
    CHECK(c.account.length == 0 ? c.kind == ACCOUNT_OPEN : text_is_account_id(c.account));
    CHECK(!text_is_reserved_id(c.account));
    CHECK(c.kind != ACCOUNT_OPEN || (c.owner.length > 0 && c.currency != CURRENCY_NONE));
    CHECK(c.owner.length <= OWNER_MAX && text_is_clean(c.owner));
    CHECK(c.product.length == 0 || text_is_product(c.product));
    CHECK(c.memo.length <= MEMO_MAX && text_is_clean(c.memo));
    CHECK(c.minimum_balance >= -MONEY_MAX && c.minimum_balance <= MONEY_MAX && c.ceiling >= 0);
}

static void check_query(const struct wire_history_query *q)
{
    CHECK(text_is_account_id(q->account) && q->limit >= 1 && q->limit <= WIRE_HISTORY_MAX);
    CHECK(q->cursor.length <= WIRE_CURSOR_MAX && q->before_us >= 0 && q->after_us >= 0);
}

static void check_histories(const struct wire_header *header)
{
    static struct wire_history_query queries[WIRE_HISTORIES_MAX];
    size_t count;
    enum field field;
    if (wire_histories_read(header, queries, &count, &field) != CODE_OK)
        return;
    for (size_t i = 0; i < count; i++) {
        if (queries[i].code == CODE_OK)
            check_query(&queries[i]);
    }
    struct wire_split split = {0};
    CHECK(wire_items_split(&split, header, 3, partition_by_length, &field) == CODE_OK &&
          split.count == count);
    wire_split_release(&split);
}

static void check_reading(const struct wire_header *header)
{
    struct wire_history_query history;
    struct wire_balance_query balance;
    struct wire_list_query list;
    struct str account;
    struct uuid id;
    enum field field;
    /* Any body may be handed to any reader: the operation only chooses. */
    if (wire_history_read(header, &history, &field) == CODE_OK)
        check_query(&history);
    if (wire_balance_read(header, &balance, &field) == CODE_OK)
        CHECK(text_is_account_id(balance.account) && balance.at_us >= 0);
    if (wire_list_read(header, &list, &field) == CODE_OK)
        CHECK(list.limit >= 1 && list.limit <= LEDGER_PAGE_MAX && list.owner.length <= OWNER_MAX);
    if (wire_account_show_read(header, &account, &field) == CODE_OK)
        CHECK(text_is_account_id(account));
    if (wire_transfer_show_read(header, &id, &field) == CODE_OK)
        CHECK(!uuid_is_nil(&id));
    if (wire_nothing_read(header, &field) == CODE_OK)
        CHECK(header->body.length == 1);
}

static void check_proposals(const struct wire_header *header)
{
    struct ledger_proposal_command c;
    struct ledger_decision_command d;
    struct wire_proposals_query q;
    enum field field;
    if (wire_proposal_read(header, &c, &field) == CODE_OK) {
        CHECK(c.kind == COMMAND_DEPOSIT || c.kind == COMMAND_WITHDRAW);
        CHECK(c.currency != CURRENCY_NONE && c.amount >= 1 && c.amount <= MONEY_MAX && c.rate >= 0);
        CHECK(text_is_account_id(c.account) && !text_is_reserved_id(c.account) && !uuid_is_nil(&c.id));
        CHECK(c.reason.length >= 1 && c.reason.length <= MEMO_MAX && text_is_clean(c.reason));
        CHECK(c.operator_name.length >= 1 && c.operator_name.length <= OWNER_MAX && c.expires_us >= 0);
    }
    if ((header->operation == OPERATION_PROPOSAL_APPROVE || header->operation == OPERATION_PROPOSAL_REJECT) &&
        wire_decision_read(header, &d, &field) == CODE_OK)
        CHECK(!uuid_is_nil(&d.proposal) && d.operator_name.length >= 1 && d.reason.length <= MEMO_MAX);
    if (wire_proposals_read(header, &q, &field) == CODE_OK)
        CHECK(q.limit >= 1 && q.limit <= LEDGER_PAGE_MAX && q.cursor.length <= WIRE_CURSOR_MAX);
}

static void check_remittances(const struct wire_header *header)
{
    struct ledger_remit_command c;
    struct ledger_remittance_command a;
    struct wire_remittances_query q;
    enum field field;
    if (wire_remit_read(header, &c, &field) == CODE_OK) {
        CHECK(c.currency != CURRENCY_NONE && c.amount >= 1 && c.amount <= MONEY_MAX);
        CHECK(text_is_account_id(c.account) && !text_is_reserved_id(c.account) && !uuid_is_nil(&c.id));
        CHECK(text_is_account_id(c.bank) && c.bank.length <= BANK_NAME_MAX);
        CHECK(c.payer.length >= 1 && c.payer.length <= BANK_PARTY_MAX && text_is_clean(c.payer));
        CHECK(c.payee.length >= 1 && c.payee.length <= BANK_PARTY_MAX && text_is_clean(c.payee));
        CHECK(c.memo.length <= MEMO_MAX && c.reference.length <= REFERENCE_MAX);
    }
    if (header->operation >= OPERATION_REMITTANCE_RETRY && header->operation <= OPERATION_REMITTANCE_SETTLE &&
        wire_remittance_act_read(header, &a, &field) == CODE_OK) {
        CHECK(!uuid_is_nil(&a.remittance) && a.operator_name.length >= 1 &&
              a.reason.length <= BANK_REASON_MAX);
        CHECK(a.money <= REMITTANCE_MONEY_TO_BANK && a.outcome <= BANK_FAILED);
        CHECK((a.call >= 1) == (a.action == REMITTANCE_SETTLE));
    }
    if (wire_remittances_read(header, &q, &field) == CODE_OK)
        CHECK(q.list < REMITTANCE_LIST_COUNT && q.limit >= 1 && q.limit <= LEDGER_PAGE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_header header;
    enum code code;
    enum field field;
    if (!wire_header_read(data, size, &header, &code, &field))
        return 0;
    if (header.operation >= OPERATION_ACCOUNT_OPEN && header.operation <= OPERATION_ACCOUNT_CLOSE)
        check_account(&header);
    else if (header.operation == OPERATION_HISTORIES)
        check_histories(&header);
    else if (header.operation >= OPERATION_PROPOSAL_OPEN && header.operation <= OPERATION_PROPOSAL_LIST)
        check_proposals(&header);
    else if (header.operation >= OPERATION_REMITTANCE_OPEN &&
             header.operation <= OPERATION_REMITTANCE_RETRY_BATCH)
        check_remittances(&header);
    else if (header.operation >= OPERATION_SUBSCRIBER_ADD && header.operation <= OPERATION_DEADLETTER_RESOLVE)
        check_subscribers(&header);
    else if (header.operation >= OPERATION_RATE_LATEST && header.operation <= OPERATION_RATE_SOURCES)
        check_rates(&header);
    else
        check_reading(&header);
    wire_partition_of(&header, 3, partition_by_length);
    return 0;
}
