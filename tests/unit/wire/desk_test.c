/* Bodies of the FX desk and of exchanges: what is read back is what was written; each fault has its field. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "broker/wire/desk.h"
#include "broker/wire/items.h"
#include "tests/unit/wire/body_rows.h"

#include <stdlib.h>
#include <string.h>

static const struct uuid ID = {{1, 2, 3}}, OF = {{4, 5, 6}};

static currency_index currency(const char *code)
{
    return currency_find(code, CURRENCY_CODE_LENGTH);
}

static struct wire_reply reply_of(const struct mp_writer *w)
{
    struct wire_reply reply;
    assert_true(wire_reply_read(w->data, w->length, &reply));
    assert_int_equal(reply.code, CODE_OK);
    return reply;
}

static bool pair_same(const struct ledger_pair *a, const struct ledger_pair *b)
{
    return a->one == b->one && a->other == b->other && a->spread_ppm == b->spread_ppm &&
           a->valid_us == b->valid_us;
}

static void what_is_asked_of_the_desk_is_read_back(void **state)
{
    struct mp_writer w;
    enum field field = FIELD_NONE;
    struct str name;
    (void)state;
    mp_writer_init(&w);
    const struct ledger_quote_command quote = {
        ID, STR_LITERAL("alice"), currency("USD"), currency("KRW"), QUOTE_BUY, 5000};
    struct ledger_quote_command quote_again;
    wire_quote_body_write(&w, &quote);
    struct wire_header header = body_sent(OPERATION_QUOTE, &w);
    assert_int_equal(wire_quote_read(&header, &quote_again, &field), CODE_OK);
    assert_true(uuid_equal(&quote.id, &quote_again.id) && str_equal(quote.account, quote_again.account));
    assert_true(quote.sell == quote_again.sell && quote.buy == quote_again.buy &&
                quote_again.side == QUOTE_BUY && quote_again.amount == 5000);
    mp_writer_reset(&w);
    const struct ledger_rate rate = {currency("JPY"), currency("KRW"), 3, "ecb", 100, 123, 77, 60000000};
    struct ledger_rate rate_again;
    wire_rate_set_body_write(&w, &rate, STR_LITERAL("kim"));
    header = body_sent(OPERATION_RATE_SET, &w);
    assert_int_equal(wire_rate_set_read(&header, &rate_again, &name, &field), CODE_OK);
    assert_memory_equal(&rate, &rate_again, sizeof rate);
    assert_true(str_equal(name, STR_LITERAL("kim")));
    mp_writer_reset(&w);
    const struct ledger_pair pair = {currency("USD"), currency("KRW"), 0, 3600000000};
    struct ledger_pair pair_again;
    wire_pair_set_body_write(&w, &pair, (struct str){0});
    header = body_sent(OPERATION_PAIR_SET, &w);
    assert_int_equal(wire_pair_set_read(&header, &pair_again, &name, &field), CODE_OK);
    assert_true(pair_same(&pair, &pair_again));
    mp_writer_release(&w);
}

static void what_the_desk_answers_is_read_back(void **state)
{
    static struct wire_desk desk;
    struct mp_writer w;
    (void)state;
    mp_writer_init(&w);
    const struct ledger_quote_view view = {.id = ID,
                                           .state = QUOTE_EXPIRED,
                                           .side = QUOTE_SELL,
                                           .sell = currency("USD"),
                                           .buy = currency("KRW"),
                                           .account_length = 5,
                                           .account = "alice",
                                           .sell_amount = 1,
                                           .buy_amount = 13,
                                           .rate = 0,
                                           .mid = INT64_MAX,
                                           .spread = 1,
                                           .residue = 2,
                                           .expires_us = 99};
    struct ledger_quote_view view_again;
    wire_quote_write(&w, 7, &view);
    struct wire_reply reply = reply_of(&w);
    assert_true(wire_quote_reply_read(&reply, &view_again));
    assert_memory_equal(&view, &view_again, sizeof view);
    mp_writer_reset(&w);
    const struct ledger_rate rates[] = {{currency("JPY"), currency("KRW"), 3, "ecb", 100, 123, 77, 60000000},
                                        {currency("USD"), currency("KRW"), 0, "", 1, 5, 78, 1000000}};
    const bool is_stale[] = {true, false};
    const struct ledger_pair pair = {currency("USD"), currency("KRW"), 9, 1000000};
    wire_desk_write(&w, 7, rates, is_stale, 2, &pair, 1);
    reply = reply_of(&w);
    assert_true(wire_desk_reply_read(&reply, &desk));
    assert_int_equal(desk.rate_count, 2);
    assert_int_equal(desk.pair_count, 1);
    assert_memory_equal(desk.rates, rates, sizeof rates);
    assert_true(desk.is_stale[0] && !desk.is_stale[1]);
    assert_true(pair_same(desk.pairs, &pair));
    mp_writer_release(&w);
}

/* ---- faults ---------------------------------------------------------------------------------------------------- */

/* A map of texts and numbers: "key=text" or "key=#number". */
static void write_map(struct mp_writer *w, const char *const *pairs)
{
    uint32_t count = 0;
    while (pairs[count])
        count++;
    mp_writer_reset(w);
    mp_write_map(w, count);
    for (uint32_t i = 0; i < count; i++) {
        const char *value = strchr(pairs[i], '=') + 1;
        mp_write_str(w, (struct str){pairs[i], (uint32_t)(value - 1 - pairs[i])});
        if (*value == '#')
            mp_write_int(w, atoll(value + 1));
        else
            mp_write_text(w, value);
    }
}

static void each_fault_has_its_field(void **state)
{
    static const struct {
        enum wire_operation operation;
        const char *pairs[9];
        enum code code;
        enum field field;
    } rows[] = {
        {OPERATION_RATE_SET,
         {"base=USD", "counter=KRW", "rate=1350.25", "as_of=#5", "age_limit=#60"},
         CODE_OK,
         FIELD_NONE},
        {OPERATION_RATE_SET,
         {"base=usd", "counter=KRW", "rate=0", "as_of=#5", "age_limit=#60"},
         CODE_INVALID_FIELD,
         FIELD_BASE},
        {OPERATION_RATE_SET,
         {"base=XXX", "counter=KRW", "rate=0", "as_of=#5", "age_limit=#60"},
         CODE_INVALID_FIELD,
         FIELD_RATE},
        {OPERATION_RATE_SET,
         {"base=XXX", "counter=KRW", "rate=1", "as_of=#5", "age_limit=#60"},
         CODE_UNKNOWN_CURRENCY,
         FIELD_BASE},
        {OPERATION_RATE_SET,
         {"base=USD", "counter=USD", "rate=1", "as_of=#5", "age_limit=#60"},
         CODE_INVALID_FIELD,
         FIELD_COUNTER},
        {OPERATION_RATE_SET,
         {"base=USD", "counter=KRW", "rate=1", "as_of=#0", "age_limit=#60"},
         CODE_INVALID_FIELD,
         FIELD_TIME},
        {OPERATION_RATE_SET,
         {"base=USD", "counter=KRW", "rate=1", "as_of=#5"},
         CODE_INVALID_FIELD,
         FIELD_AGE_LIMIT},
        {OPERATION_RATE_SET,
         {"base=USD", "counter=KRW", "rate=1", "as_of=#5", "age_limit=#31536001"},
         CODE_INVALID_FIELD,
         FIELD_AGE_LIMIT},
        {OPERATION_RATE_SET,
         {"base=USD", "counter=KRW", "rate=1", "as_of=#5", "age_limit=#60", "units=#10001"},
         CODE_INVALID_FIELD,
         FIELD_UNITS},
        {OPERATION_RATE_SET,
         {"base=USD", "counter=KRW", "rate=1", "as_of=#5", "age_limit=#60", "source=a b"},
         CODE_INVALID_FIELD,
         FIELD_SOURCE},
        {OPERATION_RATE_SET,
         {"base=USD", "counter=KRW", "rate=1", "as_of=#5", "age_limit=#60", "spread=#1"},
         CODE_BAD_REQUEST,
         FIELD_NONE},
        {OPERATION_PAIR_SET, {"base=USD", "counter=KRW", "spread=#0", "valid=#1"}, CODE_OK, FIELD_NONE},
        {OPERATION_PAIR_SET, {"base=USD", "counter=KRW", "valid=#1"}, CODE_INVALID_FIELD, FIELD_SPREAD},
        {OPERATION_PAIR_SET,
         {"base=USD", "counter=KRW", "spread=#500001", "valid=#1"},
         CODE_INVALID_FIELD,
         FIELD_SPREAD},
        {OPERATION_PAIR_SET,
         {"base=USD", "counter=KRW", "spread=#1", "valid=#3601"},
         CODE_INVALID_FIELD,
         FIELD_VALID},
        {OPERATION_PAIR_SET,
         {"base=USD", "counter=KRW", "spread=#1", "valid=#1", "operator="},
         CODE_INVALID_FIELD,
         FIELD_OPERATOR},
        {OPERATION_QUOTE,
         {"transaction_id=0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f", "from_account=a", "sell=USD", "buy=KRW",
          "side=sell", "amount=1.25"},
         CODE_OK,
         FIELD_NONE},
        {OPERATION_QUOTE,
         {"transaction_id=0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f", "from_account=a", "sell=USD", "buy=KRW",
          "side=buy", "amount=1.25"},
         CODE_INVALID_FIELD,
         FIELD_AMOUNT},
        {OPERATION_QUOTE,
         {"transaction_id=0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f", "from_account=house:cash:KRW:0", "sell=USD",
          "buy=KRW", "side=buy", "amount=1"},
         CODE_INVALID_FIELD,
         FIELD_FROM_ACCOUNT},
        {OPERATION_QUOTE,
         {"transaction_id=0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f", "from_account=a", "sell=USD", "buy=KRW",
          "side=both", "amount=1"},
         CODE_INVALID_FIELD,
         FIELD_SIDE},
        {OPERATION_QUOTE,
         {"transaction_id=0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f", "from_account=a", "sell=USD", "buy=QQQ",
          "side=buy", "amount=1"},
         CODE_UNKNOWN_CURRENCY,
         FIELD_BUY},
    };
    struct mp_writer w;
    (void)state;
    mp_writer_init(&w);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ledger_quote_command quote;
        struct ledger_rate rate;
        struct ledger_pair pair;
        struct str name;
        enum field field = FIELD_NONE;
        write_map(&w, rows[i].pairs);
        struct wire_header header = body_sent(rows[i].operation, &w);
        enum code code = rows[i].operation == OPERATION_QUOTE ? wire_quote_read(&header, &quote, &field)
                         : rows[i].operation == OPERATION_RATE_SET
                             ? wire_rate_set_read(&header, &rate, &name, &field)
                             : wire_pair_set_read(&header, &pair, &name, &field);
        if (code != rows[i].code || field != rows[i].field)
            fail_msg("row %zu: %s %d", i, code_name(code), field);
    }
    mp_writer_release(&w);
}

/* ---- exchanges -------------------------------------------------------------------------------------------------- */

static struct ledger_command read_one(const struct mp_writer *w, enum wire_operation operation)
{
    struct wire_items items = {0};
    enum field field;
    struct wire_header header = body_sent(operation, w);
    assert_int_equal(wire_items_read(&items, &header, &field), CODE_OK);
    struct ledger_command command = items.commands[0];
    if (command.kind == COMMAND_GROUP)
        command = command.items[0];
    wire_items_release(&items);
    return command;
}

static void an_exchange_is_read_as_it_was_written(void **state)
{
    struct mp_writer w;
    (void)state;
    mp_writer_init(&w);
    const struct ledger_command command = {.kind = COMMAND_EXCHANGE,
                                           .id = ID,
                                           .from = STR_LITERAL("won"),
                                           .to = STR_LITERAL("dollars"),
                                           .memo = STR_LITERAL("why"),
                                           .reference = STR_LITERAL("r"),
                                           .deadline_us = 5000,
                                           .of = OF};
    wire_item_write(&w, &command);
    struct ledger_command again = read_one(&w, OPERATION_EXCHANGE);
    assert_int_equal(again.code, CODE_OK);
    assert_true(again.kind == COMMAND_EXCHANGE && uuid_equal(&again.of, &OF) && uuid_equal(&again.id, &ID));
    assert_true(str_equal(again.from, command.from) && str_equal(again.to, command.to));
    assert_true(str_equal(again.memo, command.memo) && again.deadline_us == 5000 && again.rate == 0);
    mp_writer_reset(&w);
    mp_write_array(&w, 1);
    wire_item_write(&w, &command);
    again = read_one(&w, OPERATION_BATCH);
    assert_true(again.code == CODE_OK && again.kind == COMMAND_EXCHANGE && uuid_equal(&again.of, &OF));
    mp_writer_release(&w);
}

static void an_exchange_has_faults_of_its_own(void **state)
{
    static const char id[] = "transaction_id=0192f1c4-9b6e-7cc3-98c4-dc0c0c07398f";
    static const char of[] = "quote=0192f1c4-9b6e-7cc3-98c4-dc0c0c073990";
    static const struct {
        const char *pairs[7];
        enum code code;
        enum field field;
    } rows[] = {
        {{id, "from_account=a", "to_account=b", of}, CODE_OK, FIELD_NONE},
        {{id, "from_account=a", "to_account=b"}, CODE_INVALID_FIELD, FIELD_QUOTE},
        {{id, "from_account=a", "to_account=a", of}, CODE_SAME_ACCOUNT, FIELD_TO_ACCOUNT},
        {{id, "from_account=a", of}, CODE_INVALID_FIELD, FIELD_TO_ACCOUNT},
        {{id, "from_account=a", "to_account=b", of, "amount=#1"}, CODE_INVALID_FIELD, FIELD_AMOUNT},
        {{id, "from_account=a", "to_account=b", of, "currency=USD"}, CODE_INVALID_FIELD, FIELD_CURRENCY},
        {{id, "from_account=a", "to_account=b", of, "rate=1"}, CODE_BAD_REQUEST, FIELD_RATE},
    };
    struct mp_writer w;
    (void)state;
    mp_writer_init(&w);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_map(&w, rows[i].pairs);
        struct ledger_command command = read_one(&w, OPERATION_EXCHANGE);
        if (command.code != rows[i].code || command.field != rows[i].field)
            fail_msg("row %zu: %s %d", i, code_name((enum code)command.code), command.field);
    }
    mp_writer_release(&w);
}

static void no_exchange_stands_within_a_group(void **state)
{
    struct mp_writer w;
    (void)state;
    mp_writer_init(&w);
    const struct ledger_command item = {
        .kind = COMMAND_EXCHANGE, .id = OF, .from = STR_LITERAL("a"), .to = STR_LITERAL("b"), .of = ID};
    const struct ledger_command group = {.kind = COMMAND_GROUP, .id = ID, .group_count = 1, .items = &item};
    struct wire_items items = {0};
    enum field field;
    mp_write_array(&w, 1);
    wire_item_write(&w, &group);
    struct wire_header header = body_sent(OPERATION_BATCH, &w);
    assert_int_equal(wire_items_read(&items, &header, &field), CODE_OK);
    assert_int_equal(items.commands[0].items[0].code, CODE_INVALID_FIELD);
    assert_int_equal(items.commands[0].items[0].field, FIELD_KIND);
    wire_items_release(&items);
    mp_writer_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_of_the_desk_is_read_back),
        cmocka_unit_test(what_the_desk_answers_is_read_back),
        cmocka_unit_test(each_fault_has_its_field),
        cmocka_unit_test(an_exchange_is_read_as_it_was_written),
        cmocka_unit_test(an_exchange_has_faults_of_its_own),
        cmocka_unit_test(no_exchange_stands_within_a_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
