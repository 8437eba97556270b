/* Facts as events: each kind by hand, and bytes that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "actors/base/code.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/remittance_states.h"
#include "actors/publisher/event.h"

static bool find(void *context, uint32_t account, struct str *name, currency_index *currency)
{
    static const char *const NAMES[] = {"house:cash:USD:0", "alice", "bob", "transit:USD:0:1"};
    (void)context;
    if (account >= sizeof NAMES / sizeof *NAMES)
        return false;
    *name = str_from(NAMES[account]);
    *currency = currency_find("USD", 3);
    return true;
}

static const struct event_names NAMES = {NULL, find};

struct bytes {
    uint8_t at[1024];
    size_t length;
};

/* A fact of these fixed bytes and strings. */
static struct bytes fact_of(const void *fixed, size_t length, const struct fact_strings *strings)
{
    struct bytes bytes = {.length = length + fact_strings_size(strings)};
    memcpy(bytes.at, fixed, length);
    fact_strings_write(strings, bytes.at + length);
    uint16_t words = (uint16_t)(bytes.length / FACT_WORD);
    memcpy(bytes.at + offsetof(struct fact_head, words), &words, sizeof words);
    return bytes;
}

static struct bytes posting_of(uint8_t kind, uint8_t detail, uint32_t debit, uint32_t credit,
                               const struct fact_strings *strings)
{
    struct fact_posting fact = {
        .head = {.kind = kind, .detail = detail},
        .debit = debit,
        .credit = credit,
        .amount = 250,
        .debit_balance = -70,
        .credit_balance = 4000,
        .id = {{7}},
    };
    return fact_of(&fact, sizeof fact, strings);
}

static enum event_result read(const struct bytes *bytes, struct event *event)
{
    size_t size;
    uint32_t account;
    enum event_result result = event_read(bytes->at, bytes->length, &NAMES, event, &size, &account);
    if (result == EVENT_READ)
        assert_int_equal(size, bytes->length);
    return result;
}

static void assert_str(struct str text, const char *expected)
{
    assert_true(str_equal(text, str_from(expected)));
}

static void a_transfer_tells_both_accounts_and_balances(void **state)
{
    (void)state;
    struct fact_strings strings = {0};
    struct event event;
    strings.by_tag[FACT_TAG_MEMO] = STR_LITERAL("rent");
    strings.by_tag[FACT_TAG_REFERENCE] = STR_LITERAL("R-1");
    struct bytes bytes = posting_of(FACT_TRANSFER, 0, 1, 2, &strings);
    assert_int_equal(read(&bytes, &event), EVENT_READ);
    assert_string_equal(event.kind, "transfer");
    assert_str(event.from_account, "alice");
    assert_str(event.to_account, "bob");
    assert_true(event.has_from_balance && event.from_balance == -70);
    assert_true(event.has_to_balance && event.to_balance == 4000);
    assert_true(event.has_amount && event.amount == 250);
    assert_int_equal(event.currency, currency_find("USD", 3));
    assert_int_equal(event.transaction_id.bytes[0], 7);
    assert_str(event.memo, "rent");
    assert_str(event.reference, "R-1");
}

static void money_between_partitions_names_the_account_there_and_no_balance_of_transit(void **state)
{
    (void)state;
    struct fact_strings strings = {0};
    struct event event;
    strings.by_tag[FACT_TAG_REMOTE] = STR_LITERAL("carol");
    struct bytes bytes = posting_of(FACT_SENT, 0, 1, 3, &strings);
    assert_int_equal(read(&bytes, &event), EVENT_READ);
    assert_str(event.from_account, "alice");
    assert_str(event.to_account, "carol");
    assert_true(event.has_from_balance && !event.has_to_balance);
    bytes = posting_of(FACT_RECEIVED, 0, 3, 2, &strings);
    assert_int_equal(read(&bytes, &event), EVENT_READ);
    assert_str(event.from_account, "carol");
    assert_str(event.to_account, "bob");
    assert_true(!event.has_from_balance && event.has_to_balance);
    bytes = posting_of(FACT_RETURNED, CODE_ACCOUNT_FROZEN, 3, 1, &strings);
    assert_int_equal(read(&bytes, &event), EVENT_READ);
    assert_string_equal(event.kind, "returned");
    assert_int_equal(event.code, CODE_ACCOUNT_FROZEN);
}

static void both_legs_of_an_exchange_name_it(void **state)
{
    (void)state;
    const uint8_t kinds[] = {FACT_EXCHANGE_OUT, FACT_EXCHANGE_IN, FACT_EXCHANGE_SPREAD,
                             FACT_EXCHANGE_RESIDUE};
    const struct uuid exchange = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    struct fact_strings strings = {0};
    struct event event;
    for (size_t i = 0; i < sizeof kinds; i++) {
        struct bytes bytes = posting_of(kinds[i], 0, 1, 2, &strings);
        const struct uuid leg = fact_exchange_leg(kinds[i], &exchange);
        memcpy(bytes.at + offsetof(struct fact_posting, id), &leg, sizeof leg);
        assert_int_equal(read(&bytes, &event), EVENT_READ);
        assert_true(uuid_equal(&event.transaction_id, &leg) && !uuid_equal(&leg, &exchange));
        assert_true(uuid_equal(&event.exchange, &exchange));
    }
    struct bytes bytes = posting_of(FACT_TRANSFER, 0, 1, 2, &strings);
    assert_int_equal(read(&bytes, &event), EVENT_READ);
    assert_true(uuid_is_nil(&event.exchange));
}

static void an_opened_account_tells_its_own_name(void **state)
{
    (void)state;
    struct fact_account fact = {
        .head = {.kind = FACT_ACCOUNT_OPENED}, .account = 9, .ceiling = INT64_MAX, .currency = "EUR"};
    struct fact_strings strings = {0};
    struct event event;
    uint32_t account;
    struct str name;
    currency_index currency;
    strings.by_tag[FACT_TAG_ACCOUNT] = STR_LITERAL("dora");
    strings.by_tag[FACT_TAG_OWNER] = STR_LITERAL("Dora D.");
    struct bytes bytes = fact_of(&fact, sizeof fact, &strings);
    assert_int_equal(read(&bytes, &event), EVENT_READ);
    assert_string_equal(event.kind, "opened");
    assert_str(event.account, "dora");
    assert_str(event.owner, "Dora D.");
    assert_true(event.has_limits && event.ceiling == INT64_MAX);
    assert_int_equal(event.currency, currency_find("EUR", 3));
    assert_true(event_opened(bytes.at, bytes.length, &account, &name, &currency));
    assert_int_equal(account, 9);
    assert_str(name, "dora");
}

static void holds_tell_what_is_held_and_what_is_pending(void **state)
{
    (void)state;
    struct fact_strings strings = {0};
    struct event event;
    struct fact_hold hold = {.head = {.kind = FACT_HOLD_OPENED},
                             .account = 1,
                             .amount = 30,
                             .pending = 45,
                             .expires_us = 99,
                             .hold = {{3}}};
    struct bytes bytes = fact_of(&hold, sizeof hold, &strings);
    assert_int_equal(read(&bytes, &event), EVENT_READ);
    assert_string_equal(event.kind, "hold_opened");
    assert_str(event.account, "alice");
    assert_true(event.amount == 30 && event.pending == 45 && event.expires_us == 99);
    assert_int_equal(event.hold.bytes[0], 3);
    struct fact_capture capture = {
        .posting = {.head = {.kind = FACT_HOLD_CAPTURED}, .debit = 1, .credit = 0, .amount = 20},
        .hold = {{3}},
        .released = 10,
        .pending = 15};
    bytes = fact_of(&capture, sizeof capture, &strings);
    assert_int_equal(read(&bytes, &event), EVENT_READ);
    assert_string_equal(event.kind, "captured");
    assert_str(event.from_account, "alice");
    assert_true(event.amount == 20 && event.has_kept && event.released == 10 && event.kept == 0);
}

static struct fact_remittance_part part_of(uint8_t remittance_state, uint8_t step)
{
    return (struct fact_remittance_part){.state = remittance_state,
                                         .step = step,
                                         .tries = 2,
                                         .rounds = 1,
                                         .call = 3,
                                         .flags = FACT_REMITTANCE_ALARMED};
}

static void a_remittances_move_tells_its_state_and_why(void **state)
{
    (void)state;
    struct fact_strings strings = {0};
    struct event event;
    struct fact_remittance fact = {.head = {.kind = FACT_REMITTANCE_MOVED},
                                   .account = 1,
                                   .id = {{7}},
                                   .amount = 250,
                                   .part = part_of(REMITTANCE_PUSH_UNKNOWN, REMITTANCE_STEP_PUSH)};
    strings.by_tag[FACT_TAG_REASON] = STR_LITERAL("no answer");
    strings.by_tag[FACT_TAG_OPERATOR] = STR_LITERAL("ann");
    strings.by_tag[FACT_TAG_BANK_REFERENCE] = STR_LITERAL("B-1");
    struct bytes bytes = fact_of(&fact, sizeof fact, &strings);
    assert_int_equal(read(&bytes, &event), EVENT_READ);
    assert_string_equal(event.kind, "remittance_moved");
    assert_string_equal(event.state, "PUSH_UNKNOWN");
    assert_string_equal(event.step, "push");
    assert_str(event.account, "alice");
    assert_true(event.has_amount && event.amount == 250 && event.transaction_id.bytes[0] == 7);
    assert_true(event.tries == 2 && event.rounds == 1 && event.call == 3);
    assert_true(event.is_alarmed && !event.is_contradicted);
    assert_str(event.reason, "no answer");
    assert_str(event.operator_name, "ann");
    assert_str(event.bank_reference, "B-1");
    fact.part.state = REMITTANCE_STATE_COUNT;
    bytes = fact_of(&fact, sizeof fact, &strings);
    assert_int_equal(read(&bytes, &event), EVENT_CORRUPT);
}

static void alarms_are_what_is_noted_and_ends_that_end_one(void **state)
{
    static const struct {
        uint8_t kind, flags;
        bool is_alarm;
    } rows[] = {
        {FACT_REMITTANCE_NOTED, FACT_REMITTANCE_ALARMED, true},
        {FACT_REMITTANCE_NOTED, FACT_REMITTANCE_CONTRADICTED, true},
        {FACT_REMITTANCE_MOVED, FACT_REMITTANCE_ALARM_OVER, true},
        {FACT_REMITTANCE_MOVED, FACT_REMITTANCE_ALARMED | FACT_REMITTANCE_CONTRADICTED, false},
        {FACT_REMITTANCE_REQUESTED, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fact_strings strings = {0};
        struct event event;
        struct fact_remittance fact = {.head = {.kind = rows[i].kind},
                                       .account = 1,
                                       .id = {{7}},
                                       .amount = 250,
                                       .part = part_of(REMITTANCE_FAILED, REMITTANCE_STEP_PULL)};
        fact.part.flags = rows[i].flags;
        struct bytes bytes = fact_of(&fact, sizeof fact, &strings);
        assert_int_equal(read(&bytes, &event), EVENT_READ);
        assert_int_equal(event.is_alarm, rows[i].is_alarm);
    }
}

static void money_of_a_remittance_tells_both_accounts_and_the_state(void **state)
{
    (void)state;
    struct fact_strings strings = {0};
    struct event event;
    struct fact_remittance_posting fact = {
        .posting = {.head = {.kind = FACT_REMITTANCE_WITHDRAWN}, .debit = 1, .credit = 0, .amount = 20},
        .part = part_of(REMITTANCE_WITHDRAWN, REMITTANCE_STEP_WITHDRAWAL)};
    strings.by_tag[FACT_TAG_BANK] = STR_LITERAL("kftc");
    struct bytes bytes = fact_of(&fact, sizeof fact, &strings);
    assert_int_equal(read(&bytes, &event), EVENT_READ);
    assert_string_equal(event.kind, "remittance_withdrawn");
    assert_string_equal(event.state, "WITHDRAWN");
    assert_str(event.from_account, "alice");
    assert_str(event.bank, "kftc");
    assert_true(event.amount == 20 && event.account.length == 0);
}

static void a_book_value_and_a_rate_are_told_where_they_are(void **state)
{
    (void)state;
    struct fact_strings strings = {0};
    struct event event;
    struct fact_book book = {.value = 11, .cost = 7, .book = 100};
    int64_t rate = INT64_C(13502500000000);
    strings.by_tag[FACT_TAG_BOOK_DEBIT] = (struct str){(const char *)&book, sizeof book};
    strings.by_tag[FACT_TAG_RATE] = (struct str){(const char *)&rate, sizeof rate};
    struct bytes bytes = posting_of(FACT_WITHDRAWAL, 0, 1, 0, &strings);
    assert_int_equal(read(&bytes, &event), EVENT_READ);
    assert_true(event.rate == rate);
    assert_true(event.from_book.is_there && event.from_book.value == 11 && event.from_book.cost == 7 &&
                event.from_book.book_value == 100);
    assert_false(event.to_book.is_there);
    strings.by_tag[FACT_TAG_RATE].length = 3;
    bytes = posting_of(FACT_WITHDRAWAL, 0, 1, 0, &strings);
    assert_int_equal(read(&bytes, &event), EVENT_CORRUPT);
}

static void bookkeeping_is_no_event_and_neither_is_a_kind_of_later(void **state)
{
    (void)state;
    static const uint8_t kinds[] = {
        FACT_SETTLED,  FACT_REFUSED,        FACT_BOUNCED, FACT_PRUNED,     FACT_PROPOSED,
        FACT_RATE_SET, FACT_GROUP_ANSWERED, FACT_QUOTED,  FACT_KIND_COUNT, 255};
    for (size_t i = 0; i < sizeof kinds; i++) {
        uint8_t bytes[16] = {kinds[i], 0, 2};
        struct event event;
        size_t size;
        uint32_t account;
        assert_int_equal(event_read(bytes, sizeof bytes, &NAMES, &event, &size, &account), EVENT_NONE);
        assert_int_equal(size, 16);
    }
}

static void an_account_without_a_name_is_said(void **state)
{
    (void)state;
    struct fact_strings strings = {0};
    struct event event;
    size_t size;
    uint32_t account = 0;
    struct bytes bytes = posting_of(FACT_TRANSFER, 0, 1, 77, &strings);
    assert_int_equal(event_read(bytes.at, bytes.length, &NAMES, &event, &size, &account), EVENT_UNNAMED);
    assert_int_equal(account, 77);
}

/* Every kind with every detail, cut at every length, and with every byte changed. The sanitizers look on. */
static void bytes_that_are_no_fact_are_refused_or_passed_over(void **state)
{
    (void)state;
    struct fact_strings strings = {0};
    struct event event;
    size_t size;
    uint32_t account;
    strings.by_tag[FACT_TAG_MEMO] = STR_LITERAL("rent");
    for (uint8_t kind = 0; kind < 255; kind++) {
        struct bytes bytes = posting_of(kind, kind, 1, 2, &strings);
        for (size_t length = 0; length < bytes.length; length++) {
            uint8_t cut[sizeof bytes.at];
            memcpy(cut, bytes.at, length);
            enum event_result result = event_read(cut, length, &NAMES, &event, &size, &account);
            assert_true(result == EVENT_SHORT || (kind == 0 && result == EVENT_CORRUPT));
        }
        for (size_t i = 0; i < bytes.length; i++) {
            struct bytes changed = bytes;
            changed.at[i] ^= 0xff;
            (void)event_read(changed.at, changed.length, &NAMES, &event, &size, &account);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transfer_tells_both_accounts_and_balances),
        cmocka_unit_test(money_between_partitions_names_the_account_there_and_no_balance_of_transit),
        cmocka_unit_test(both_legs_of_an_exchange_name_it),
        cmocka_unit_test(an_opened_account_tells_its_own_name),
        cmocka_unit_test(holds_tell_what_is_held_and_what_is_pending),
        cmocka_unit_test(a_remittances_move_tells_its_state_and_why),
        cmocka_unit_test(alarms_are_what_is_noted_and_ends_that_end_one),
        cmocka_unit_test(money_of_a_remittance_tells_both_accounts_and_the_state),
        cmocka_unit_test(a_book_value_and_a_rate_are_told_where_they_are),
        cmocka_unit_test(bookkeeping_is_no_event_and_neither_is_a_kind_of_later),
        cmocka_unit_test(an_account_without_a_name_is_said),
        cmocka_unit_test(bytes_that_are_no_fact_are_refused_or_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
