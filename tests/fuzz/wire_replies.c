/* Fuzz target: a reply frame as a client reads it. The first byte of the input chooses the reader. */
#include <stddef.h>
#include <stdint.h>

#include "actors/base/bank_call.h"
#include "actors/base/check.h"
#include "broker/wire/accounts.h"
#include "broker/wire/history.h"
#include "broker/wire/holds.h"
#include "broker/wire/node.h"
#include "broker/wire/proposals.h"
#include "broker/wire/remittances.h"
#include "broker/wire/rows.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CAPACITY = 64 };

static void read_rows(const struct wire_reply *reply)
{
    struct ledger_row rows[CAPACITY];
    struct mp_writer w = {0};
    struct wire_reply again;
    size_t count;
    if (!wire_rows_read(reply, rows, CAPACITY, &count))
        return;
    CHECK(count <= CAPACITY);
    wire_rows_write(&w, reply->request_id, rows, count);
    CHECK(wire_reply_read(w.data, w.length, &again) && wire_rows_read(&again, rows, CAPACITY, &count));
    mp_writer_release(&w);
}

static void read_single(const struct wire_reply *reply)
{
    struct uuid id;
    struct ledger_row row;
    struct str message;
    if (wire_row_read_single(reply, &id, &row, &message))
        CHECK(row.code < CODE_COUNT && row.field < FIELD_COUNT);
}

static void read_accounts(const struct wire_reply *reply)
{
    struct ledger_account_view views[CAPACITY];
    size_t count;
    struct str cursor;
    if (wire_account_reply_read(reply, views))
        CHECK(views->id_length <= ACCOUNT_ID_MAX && views->id[views->id_length] == '\0');
    if (wire_list_reply_read(reply, views, CAPACITY, &count, &cursor))
        CHECK(count <= CAPACITY);
}

static void read_history(const struct wire_reply *reply)
{
    struct wire_history_entry entries[CAPACITY];
    size_t count;
    struct str cursor;
    if (wire_history_reply_read(reply, entries, CAPACITY, &count, &cursor))
        CHECK(count <= CAPACITY);
}

static void read_histories(const struct wire_reply *reply)
{
    struct mp_reader rows;
    struct wire_reply row;
    uint32_t count;
    if (!wire_histories_reply_begin(reply, &rows, &count))
        return;
    while (count-- > 0 && wire_histories_reply_next(&rows, &row))
        read_history(&row);
}

static void read_proposals(const struct wire_reply *reply)
{
    struct ledger_proposal_view views[CAPACITY];
    size_t count;
    struct str cursor;
    if (wire_proposal_reply_read(reply, views))
        CHECK(views->reason_length <= MEMO_MAX && views->reason[views->reason_length] == '\0');
    if (wire_proposals_reply_read(reply, views, CAPACITY, &count, &cursor))
        CHECK(count <= CAPACITY);
}

static void read_remittances(const struct wire_reply *reply)
{
    struct ledger_remittance_view views[CAPACITY];
    struct ledger_remittance_entry entries[CAPACITY];
    struct mp_writer w = {0};
    struct wire_reply again;
    size_t count;
    uint32_t retried;
    struct str cursor;
    if (wire_remittance_reply_read(reply, views)) {
        CHECK(strlen(views->reason) <= BANK_REASON_MAX && strlen(views->payer) <= BANK_PARTY_MAX);
        wire_remittance_write(&w, reply->request_id, views);
        CHECK(wire_reply_read(w.data, w.length, &again) && wire_remittance_reply_read(&again, views));
        mp_writer_release(&w);
    }
    if (wire_remittance_trail_reply_read(reply, views, entries, CAPACITY, &count))
        CHECK(count <= CAPACITY);
    if (wire_remittances_reply_read(reply, views, CAPACITY, &count, &cursor))
        CHECK(count <= CAPACITY);
    if (wire_remittance_batch_reply_read(reply, &retried))
        CHECK(reply->body.length > 0);
}

static void read_holds(const struct wire_reply *reply)
{
    struct wire_hold holds[CAPACITY];
    struct mp_writer w = {0};
    struct wire_reply again;
    size_t count;
    struct str cursor;
    if (wire_hold_reply_read(reply, holds)) {
        CHECK(holds->view.memo_length <= MEMO_MAX && holds->view.memo[holds->view.memo_length] == '\0');
        wire_hold_write(&w, reply->request_id, holds);
        CHECK(wire_reply_read(w.data, w.length, &again) && wire_hold_reply_read(&again, holds));
        mp_writer_release(&w);
    }
    if (wire_holds_reply_read(reply, holds, CAPACITY, &count, &cursor))
        CHECK(count <= CAPACITY);
}

static void read_others(const struct wire_reply *reply)
{
    read_proposals(reply);
    read_holds(reply);
    read_remittances(reply);
    struct wire_balance balance;
    struct wire_transfer transfer;
    struct wire_version version;
    struct wire_health health;
    if (wire_balance_reply_read(reply, &balance))
        CHECK(balance.currency != CURRENCY_NONE);
    if (wire_transfer_reply_read(reply, &transfer))
        CHECK((unsigned)transfer.code < CODE_COUNT);
    if (wire_version_reply_read(reply, &version))
        CHECK(version.name.data != NULL);
    if (wire_health_reply_read(reply, &health))
        CHECK(health.partitions <= LEDGER_PARTITIONS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const struct wire_reply *reply) = {
        read_rows, read_single, read_accounts, read_history, read_histories, read_others};
    struct wire_reply reply;
    if (size == 0 || !wire_reply_read(data + 1, size - 1, &reply))
        return 0;
    readers[data[0] % (sizeof readers / sizeof readers[0])](&reply);
    return 0;
}
