/* Replies about accounts, history and the node: what the node writes, the client reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/wire/accounts.h"
#include "broker/wire/history.h"
#include "broker/wire/node.h"
#include "tests/unit/wire/notation.h"

#include <stdio.h>

static struct wire_reply reply_of(const struct mp_writer *w)
{
    struct wire_reply reply;
    assert_false(w->failed);
    assert_true(wire_reply_read(w->data, w->length, &reply));
    assert_int_equal(reply.request_id, 42);
    assert_int_equal(reply.code, CODE_OK);
    return reply;
}

static struct ledger_account_view view_named(const char *id)
{
    struct ledger_account_view view = {
        .state = ACCOUNT_FROZEN,
        .currency = currency_find("EUR", 3),
        .owner_length = 3,
        .owner = "ann",
        .balance = -70000,
        .pending = 5,
        .minimum_balance = -MONEY_MAX,
        .ceiling = INT64_MAX,
        .opened_us = 1700000000000000,
    };
    view.id_length = (uint8_t)snprintf(view.id, sizeof view.id, "%s", id);
    return view;
}

static void assert_views_equal(const struct ledger_account_view *a, const struct ledger_account_view *b)
{
    assert_string_equal(a->id, b->id);
    assert_string_equal(a->owner, b->owner);
    assert_string_equal(a->product, b->product);
    assert_int_equal(a->id_length, b->id_length);
    assert_int_equal(a->owner_length, b->owner_length);
    assert_int_equal(a->product_length, b->product_length);
    assert_int_equal(a->state, b->state);
    assert_int_equal(a->currency, b->currency);
    assert_true(a->balance == b->balance && a->pending == b->pending);
    assert_true(a->minimum_balance == b->minimum_balance && a->ceiling == b->ceiling);
    assert_true(a->opened_us == b->opened_us);
}

static void an_account_is_read_back(void **state)
{
    (void)state;
    static const char *const ids[] = {"a", "0123456789012345678901234567890123"};
    for (size_t i = 0; i < 2; i++) {
        struct mp_writer w = {0};
        struct ledger_account_view in = view_named(ids[i]);
        struct ledger_account_view out;
        if (i == 1) {
            memset(in.owner, 'o', OWNER_MAX);
            in.owner_length = OWNER_MAX;
            memset(in.product, 'p', PRODUCT_MAX);
            in.product_length = PRODUCT_MAX;
            in.balance = in.pending = in.ceiling = INT64_MIN;
        }
        wire_account_write(&w, 42, &in);
        struct wire_reply reply = reply_of(&w);
        assert_true(wire_account_reply_read(&reply, &out));
        assert_views_equal(&out, &in);
        mp_writer_release(&w);
    }
}

static void a_page_of_accounts_is_read_back(void **state)
{
    (void)state;
    struct mp_writer w = {0};
    struct ledger_account_view in[] = {view_named("a"), view_named("b"), view_named("c")};
    struct ledger_account_view out[3];
    size_t count;
    struct str cursor;
    wire_list_write(&w, 42, in, 3, STR_LITERAL("0-2"));
    struct wire_reply reply = reply_of(&w);
    assert_true(wire_list_reply_read(&reply, out, 3, &count, &cursor));
    assert_int_equal(count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_views_equal(&out[i], &in[i]);
    assert_true(str_equal(cursor, STR_LITERAL("0-2")));
    assert_false(wire_list_reply_read(&reply, out, 2, &count, &cursor));
    mp_writer_reset(&w);
    wire_list_write(&w, 42, in, 0, (struct str){0});
    reply = reply_of(&w);
    assert_true(wire_list_reply_read(&reply, out, 3, &count, &cursor));
    assert_int_equal(count, 0);
    assert_int_equal(cursor.length, 0);
    mp_writer_release(&w);
}

static void a_balance_is_read_back(void **state)
{
    (void)state;
    for (int past = 0; past < 2; past++) {
        struct mp_writer w = {0};
        struct wire_balance in = {.account = STR_LITERAL("0123456789012345678901234567890123"),
                                  .currency = currency_find("KRW", 3),
                                  .is_past = past,
                                  .balance = INT64_MIN,
                                  .pending = past ? 0 : INT64_MIN,
                                  .available = past ? 0 : INT64_MIN,
                                  .at_us = INT64_MAX};
        struct wire_balance out;
        wire_balance_write(&w, 42, &in);
        struct wire_reply reply = reply_of(&w);
        assert_true(wire_balance_reply_read(&reply, &out));
        assert_true(str_equal(out.account, in.account));
        assert_int_equal(out.is_past, past);
        assert_true(out.balance == in.balance && out.pending == in.pending && out.available == in.available);
        assert_true(out.at_us == in.at_us && out.currency == in.currency);
        mp_writer_release(&w);
    }
}

static const struct wire_history_entry entries[] = {
    {.kind = ENTRY_TRANSFER,
     .direction = DIRECTION_OUT,
     .time_us = INT64_MAX,
     .id = {{1}},
     .amount = MONEY_MAX,
     .balance = INT64_MIN,
     .position = UINT64_MAX,
     .counterparty = STR_LITERAL("0123456789012345678901234567890123"),
     .memo = STR_LITERAL("m"),
     .reference = STR_LITERAL("r")},
    {.kind = ENTRY_RETURNED, .direction = DIRECTION_IN, .amount = 1, .balance = 1, .position = 9},
    {.kind = ENTRY_REMITTANCE_WITHDRAWN,
     .direction = DIRECTION_OUT,
     .amount = 1,
     .position = 1,
     .bank = STR_LITERAL("kftc"),
     .bank_reference = STR_LITERAL("20261121-1")},
    {.kind = ENTRY_EXCHANGE_IN, .direction = DIRECTION_IN, .position = 2, .id = {{2}}, .exchange = {{3}}},
};

static void assert_entries_equal(const struct wire_history_entry *a, const struct wire_history_entry *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->direction, b->direction);
    assert_true(uuid_equal(&a->id, &b->id));
    assert_true(a->time_us == b->time_us && a->amount == b->amount && a->balance == b->balance);
    assert_true(a->position == b->position && str_equal(a->counterparty, b->counterparty));
    assert_true(str_equal(a->memo, b->memo) && str_equal(a->reference, b->reference));
    assert_true(uuid_equal(&a->exchange, &b->exchange));
    assert_true(str_equal(a->bank, b->bank) && str_equal(a->bank_reference, b->bank_reference));
}

static void a_page_of_history_is_read_back(void **state)
{
    (void)state;
    struct mp_writer w = {0};
    struct wire_history_entry out[4];
    size_t count;
    struct str cursor;
    wire_history_write(&w, 42, entries, 4, STR_LITERAL("9"));
    struct wire_reply reply = reply_of(&w);
    assert_true(wire_history_reply_read(&reply, out, 4, &count, &cursor));
    assert_int_equal(count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_entries_equal(&out[i], &entries[i]);
    assert_true(str_equal(cursor, STR_LITERAL("9")));
    assert_false(wire_history_reply_read(&reply, out, 2, &count, &cursor));
    mp_writer_release(&w);
}

static void several_histories_are_read_back_row_by_row(void **state)
{
    (void)state;
    struct mp_writer w = {0};
    struct mp_reader rows;
    struct wire_reply row;
    struct wire_history_entry out[4];
    size_t count;
    uint32_t row_count;
    struct str cursor;
    enum field field;
    wire_histories_begin(&w, 42, 2);
    wire_histories_page_write(&w, entries, 4, (struct str){0});
    wire_histories_error_write(&w, CODE_ACCOUNT_NOT_FOUND, FIELD_ACCOUNT);
    struct wire_reply reply = reply_of(&w);
    assert_true(wire_histories_reply_begin(&reply, &rows, &row_count));
    assert_int_equal(row_count, 2);
    assert_true(wire_histories_reply_next(&rows, &row));
    assert_true(wire_history_reply_read(&row, out, 4, &count, &cursor));
    assert_int_equal(count, 4);
    assert_true(wire_histories_reply_next(&rows, &row));
    assert_int_equal(row.code, CODE_ACCOUNT_NOT_FOUND);
    assert_true(wire_error_read(&row, &field, NULL));
    assert_int_equal(field, FIELD_ACCOUNT);
    assert_false(wire_histories_reply_next(&rows, &row));
    mp_writer_release(&w);
}

static void a_transfer_is_read_back(void **state)
{
    (void)state;
    const struct wire_transfer samples[] = {
        {.id = notation_id,
         .status = TRANSFER_SUCCESS,
         .kind = COMMAND_TRANSFER,
         .currency = currency_find("KRW", 3),
         .amount = MONEY_MAX,
         .time_us = INT64_MAX,
         .from = STR_LITERAL("a"),
         .to = STR_LITERAL("b"),
         .memo = STR_LITERAL("m"),
         .reference = STR_LITERAL("r")},
        {.id = notation_id,
         .status = TRANSFER_FAILED,
         .code = CODE_INSUFFICIENT_FUNDS,
         .kind = COMMAND_GROUP},
        {.id = notation_id, .status = TRANSFER_PENDING, .code = CODE_UNKNOWN},
        {.id = notation_id, .status = TRANSFER_PENDING, .kind = WIRE_KIND_REMITTANCE},
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct mp_writer w = {0};
        struct wire_transfer out;
        wire_transfer_write(&w, 42, &samples[i]);
        struct wire_reply reply = reply_of(&w);
        assert_true(wire_transfer_reply_read(&reply, &out));
        assert_int_equal(out.status, samples[i].status);
        assert_int_equal(out.code, samples[i].code);
        assert_int_equal(out.kind, samples[i].kind);
        assert_int_equal(out.currency, samples[i].currency);
        assert_true(out.amount == samples[i].amount && out.time_us == samples[i].time_us);
        assert_true(str_equal(out.from, samples[i].from) && str_equal(out.to, samples[i].to));
        assert_true(str_equal(out.memo, samples[i].memo) && str_equal(out.reference, samples[i].reference));
        mp_writer_release(&w);
    }
}

static void version_and_health_are_read_back(void **state)
{
    (void)state;
    struct mp_writer w = {0};
    struct wire_version version = {STR_LITERAL("teller"), STR_LITERAL("0.1.0"), WIRE_VERSION, 2};
    struct wire_version version_out;
    struct wire_health health = {.partitions = 4};
    struct wire_health health_out;
    wire_version_write(&w, 42, &version);
    struct wire_reply reply = reply_of(&w);
    assert_true(wire_version_reply_read(&reply, &version_out));
    assert_true(str_equal(version_out.name, version.name) && str_equal(version_out.version, version.version));
    assert_int_equal(version_out.partitions, 2);
    mp_writer_reset(&w);
    for (uint32_t i = 0; i < 4; i++)
        health.states[i] = (enum partition_state)i;
    wire_health_write(&w, 42, &health);
    assert_non_null(memmem(w.data, w.length, "degraded", 8));
    reply = reply_of(&w);
    assert_true(wire_health_reply_read(&reply, &health_out));
    assert_int_equal(health_out.partitions, 4);
    for (uint32_t i = 0; i < 4; i++)
        assert_int_equal(health_out.states[i], i);
    mp_writer_release(&w);
}

/* Keys that a later version may add do not matter; what is missing or of another type does. */
static void a_client_passes_over_keys_it_does_not_know(void **state)
{
    (void)state;
    struct message message =
        notation_read("[1 42 \"OK\" {\"name\" \"teller\" \"version\" \"9\" \"protocol\" 1 "
                      "\"partitions\" 2 \"colour\" [1 2 3]}]");
    struct wire_reply reply;
    struct wire_version version;
    assert_true(wire_reply_read(message.bytes, message.length, &reply));
    assert_true(wire_version_reply_read(&reply, &version));
    message_free(&message);
    message =
        notation_read("[1 42 \"OK\" {\"name\" \"teller\" \"version\" 9 \"protocol\" 1 \"partitions\" 2}]");
    assert_true(wire_reply_read(message.bytes, message.length, &reply));
    assert_false(wire_version_reply_read(&reply, &version));
    message_free(&message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_account_is_read_back),
        cmocka_unit_test(a_page_of_accounts_is_read_back),
        cmocka_unit_test(a_balance_is_read_back),
        cmocka_unit_test(a_page_of_history_is_read_back),
        cmocka_unit_test(several_histories_are_read_back_row_by_row),
        cmocka_unit_test(a_transfer_is_read_back),
        cmocka_unit_test(version_and_health_are_read_back),
        cmocka_unit_test(a_client_passes_over_keys_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
