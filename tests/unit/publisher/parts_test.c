/* What the publisher reads, writes and keeps: events as bytes, signatures, its store, a journal's tail, the stream's frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/base/code.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/shell/memory.h"
#include "actors/publisher/shell/event_write.h"
#include "actors/publisher/shell/journal_tail.h"
#include "actors/publisher/shell/publisher_store.h"
#include "actors/publisher/shell/signature.h"
#include "actors/publisher/shell/stream_socket.h"
#include "store/journal_memory.h"
#include "store/state_memory.h"

enum { PARTITIONS = 2 };

/* ---- events as bytes ---------------------------------------------------------------------------------------- */

static struct event event_of(const char *memo)
{
    return (struct event){.partition = 1,
                          .position = 77,
                          .time_us = 1000,
                          .kind = "transfer",
                          .transaction_id = {{0xab}},
                          .from_account = STR_LITERAL("alice"),
                          .to_account = STR_LITERAL("bob"),
                          .has_amount = true,
                          .amount = 5,
                          .currency = currency_find("USD", 3),
                          .has_from_balance = true,
                          .from_balance = -3,
                          .memo = str_from(memo),
                          .code = CODE_OK};
}

static void json_has_integers_text_ids_and_nulls(void **state)
{
    (void)state;
    struct mp_writer w = {0};
    struct event event = event_of("a \"b\" \\ \x01");
    event_write_json(&w, &event);
    static const char expected[] =
        "{\"partition\":1,\"position\":77,\"time\":1000,\"kind\":\"transfer\","
        "\"transaction_id\":\"ab000000-0000-0000-0000-000000000000\",\"account\":null,\"from_account\":"
        "\"alice\","
        "\"to_account\":\"bob\",\"amount\":5,\"currency\":\"USD\",\"from_balance\":-3,\"to_balance\":null,"
        "\"memo\":\"a \\\"b\\\" \\\\ \\u0001\",\"reference\":null}";
    assert_int_equal(w.length, sizeof expected - 1);
    assert_memory_equal(w.data, expected, w.length);
    mp_writer_release(&w);
}

static void msgpack_is_one_map_with_as_many_keys_as_it_says(void **state)
{
    (void)state;
    struct mp_writer w = {0};
    struct event event = event_of("m");
    event.rate = INT64_C(13502500000000);
    event.from_book = (struct event_book){true, 11, 7, 100};
    event.hold.bytes[3] = 1;
    event.has_pending = event.has_kept = event.has_limits = true;
    event.ceiling = INT64_MAX;
    event.code = CODE_ACCOUNT_FROZEN;
    event_write_msgpack(&w, &event);
    struct mp_reader r = mp_reader_of(w.data, w.length);
    struct mp_reader whole = r;
    uint32_t count, keys = 0;
    struct str name;
    bool has_gain = false;
    assert_true(mp_skip(&whole, 1) && mp_at_end(&whole));
    assert_true(mp_read_map(&r, &count));
    for (; keys < count; keys++) {
        int64_t gain;
        assert_true(mp_read_str(&r, &name));
        if (str_equal(name, STR_LITERAL("gain"))) {
            struct mp_reader value = r;
            has_gain = mp_read_int(&value, &gain) && gain == 4;
        }
        assert_true(mp_skip(&r, 0));
    }
    assert_true(mp_at_end(&r) && has_gain);
    mp_writer_release(&w);
}

/* Computed with Python's hmac. */
static void a_signature_is_what_anybody_can_compute(void **state)
{
    (void)state;
    char out[SIGNATURE_TEXT_MAX];
    static const char body[] = "{\"a\":1}";
    assert_true(signature_write((const uint8_t *)"0123456789abcdef", 16, 1700000000, (const uint8_t *)body,
                                sizeof body - 1, out));
    assert_string_equal(out, "v1=9eb18f493f8ec135d9eb2dad817c369bb4e9cbfa818657897a7437c1cd8c3a23");
}

/* ---- the store ------------------------------------------------------------------------------------------------- */

static enum publisher_look look(void *context, uint32_t partition, uint64_t *position, uint64_t *next)
{
    (void)context;
    (void)partition;
    *next = *position;
    return LOOK_END;
}

static enum err store(void *context, const struct publisher_change *changes, size_t count)
{
    return publisher_store_apply(context, PARTITIONS, changes, count);
}

static void say(void *context, bool is_warning, const char *what, const char *subject)
{
    (void)context;
    (void)is_warning;
    (void)what;
    (void)subject;
}

static struct publisher *publisher_on(struct state *state)
{
    const struct mem mem = memory_pages();
    const struct publisher_options options = publisher_options_default(PARTITIONS);
    const struct publisher_ports ports = {.context = state, .look = look, .store = store, .say = say};
    struct publisher *publisher = publisher_new(&options, &ports, &mem);
    assert_non_null(publisher);
    return publisher;
}

static void fill(struct state *state)
{
    const struct publisher_subscriber subscriber = {.name = "crm",
                                                    .url = "https://crm/",
                                                    .secret = "0123456789abcdef",
                                                    .secret_length = 16,
                                                    .is_for_alarms = true};
    const struct publisher_cursors cursors = {{5, 9}};
    const struct publisher_letter letter = {
        .id = 3, .name = "crm", .partition = 1, .position = 8, .tries = 10, .error = "status 500"};
    const struct publisher_change changes[] = {
        {.kind = CHANGE_SUBSCRIBER, .subscriber = &subscriber},
        {.kind = CHANGE_CURSORS, .subscriber = &subscriber, .cursors = &cursors},
        {.kind = CHANGE_LETTER, .letter = &letter},
    };
    assert_int_equal(publisher_store_apply(state, PARTITIONS, changes, 3), ERR_OK);
}

static void what_is_kept_is_read_back(void **test_state)
{
    (void)test_state;
    struct state *state = state_memory_new();
    struct publisher *publisher = publisher_on(state);
    struct publisher_view view;
    fill(state);
    assert_int_equal(publisher_store_load(state, PARTITIONS, publisher), ERR_OK);
    publisher_set_end(publisher, 0, 13);
    publisher_set_end(publisher, 1, 9);
    assert_true(publisher_view_at(publisher, 0, &view));
    assert_string_equal(view.url, "https://crm/");
    assert_int_equal(view.lag, 1);
    assert_true(view.is_for_alarms);
    assert_string_equal(view.state, "idle");
    assert_int_equal(view.dead_letters, 1);
    const struct publisher_letter *letter = publisher_letter_after(publisher, 0, (struct str){0});
    assert_true(letter->id == 3 && letter->position == 8 && letter->tries == 10);
    assert_string_equal(letter->error, "status 500");
    publisher_destroy(&publisher);
    state_close(&state);
}

static void an_id_of_a_letter_outlives_it(void **test_state)
{
    (void)test_state;
    struct state *state = state_memory_new();
    const struct publisher_letter letter = {.id = 3, .name = "crm"};
    const struct publisher_change gone = {.kind = CHANGE_LETTER_GONE, .letter = &letter};
    fill(state);
    assert_int_equal(publisher_store_apply(state, PARTITIONS, &gone, 1), ERR_OK);
    struct publisher *publisher = publisher_on(state);
    assert_int_equal(publisher_store_load(state, PARTITIONS, publisher), ERR_OK);
    assert_null(publisher_letter_after(publisher, 0, (struct str){0}));
    assert_int_equal(publisher_letter_id(publisher), 3);
    assert_int_equal(publisher_remove(publisher, STR_LITERAL("crm")), CODE_OK);
    publisher_destroy(&publisher);
    publisher = publisher_on(state);
    assert_int_equal(publisher_store_load(state, PARTITIONS, publisher), ERR_OK);
    struct publisher_view view;
    assert_false(publisher_view_at(publisher, 0, &view));
    publisher_destroy(&publisher);
    state_close(&state);
}

static void a_store_with_any_bit_flipped_or_a_record_lost_is_refused(void **test_state)
{
    (void)test_state;
    for (size_t bit = 0; bit < 3000; bit += 7) {
        struct state *state = state_memory_new();
        struct publisher *publisher = publisher_on(state);
        fill(state);
        if (bit < 4 * 7)
            state_memory_lose(state, STATE_RECORDS, bit / 7);
        else
            state_memory_flip(state, STATE_RECORDS, bit % 1000);
        assert_int_equal(publisher_store_load(state, PARTITIONS, publisher), ERR_CORRUPT);
        publisher_destroy(&publisher);
        state_close(&state);
    }
}

/* ---- a journal's tail ------------------------------------------------------------------------------------------ */

struct bytes {
    uint8_t at[4096];
    size_t length;
    uint32_t count;
};

static void put(struct bytes *bytes, const void *fixed, size_t length, const struct fact_strings *strings)
{
    uint8_t *at = bytes->at + bytes->length;
    memcpy(at, fixed, length);
    length += fact_strings_write(strings, at + length);
    uint16_t words = (uint16_t)(length / FACT_WORD);
    memcpy(at + offsetof(struct fact_head, words), &words, sizeof words);
    bytes->length += length;
    bytes->count++;
}

static void put_opened(struct bytes *bytes, uint32_t account, const char *name)
{
    const struct fact_account fact = {
        .head = {.kind = FACT_ACCOUNT_OPENED}, .account = account, .currency = "USD"};
    struct fact_strings strings = {0};
    strings.by_tag[FACT_TAG_ACCOUNT] = str_from(name);
    put(bytes, &fact, sizeof fact, &strings);
}

static void put_transfer(struct bytes *bytes, int64_t amount)
{
    const struct fact_posting fact = {
        .head = {.kind = FACT_TRANSFER}, .debit = 0, .credit = 1, .amount = amount};
    const struct fact_strings none = {0};
    put(bytes, &fact, sizeof fact, &none);
}

static void put_pruned(struct bytes *bytes)
{
    const struct fact_link fact = {.head = {.kind = FACT_PRUNED}};
    const struct fact_strings none = {0};
    put(bytes, &fact, sizeof fact, &none);
}

static void append(struct journal *journal, const struct bytes *bytes)
{
    struct journal_head head;
    assert_int_equal(journal_get_head(journal, &head), ERR_OK);
    const struct journal_commit commit = {.sequence = head.sequence + 1,
                                          .epoch = 1,
                                          .position = head.next_position,
                                          .time_us = (int64_t)head.sequence + 100,
                                          .fact_count = bytes->count,
                                          .facts = bytes->at,
                                          .length = bytes->length};
    assert_int_equal(journal_append(journal, &commit), JOURNAL_OK);
}

/* Two accounts, and transfers of 1, 2, 3 in two commits with bookkeeping between. */
static struct journal *journal_with_facts(void)
{
    const struct journal_memory_options options = {.partition = 0};
    struct journal *journal;
    struct bytes first = {.length = 0}, second = {.length = 0};
    assert_int_equal(journal_memory_new(&options, &journal), ERR_OK);
    put_opened(&first, 0, "alice");
    put_opened(&first, 1, "bob");
    put_pruned(&first);
    put_transfer(&first, 1);
    append(journal, &first);
    put_pruned(&second);
    put_pruned(&second);
    put_transfer(&second, 2);
    put_transfer(&second, 3);
    put_pruned(&second);
    append(journal, &second);
    return journal;
}

static void a_tail_tells_every_event_and_passes_over_bookkeeping(void **state)
{
    (void)state;
    struct journal *journal = journal_with_facts();
    struct journal_tail *tail = tail_new(0);
    uint64_t position = 1, next = 0, end = 0;
    int64_t amounts = 0;
    uint32_t count = 0, first;
    assert_int_equal(tail_look(tail, &position, &next), LOOK_LATER); /* there is no journal yet */
    assert_int_equal(tail_open(tail, journal, &end), ERR_OK);
    while (tail_look(tail, &position, &next) == LOOK_EVENT) {
        struct event event;
        uint64_t behind;
        assert_true(tail_event(tail, position, &event, &behind));
        assert_true(behind == next && event.position == position);
        amounts = amounts * 10 + event.amount;
        position = next;
        count++;
    }
    assert_int_equal(count, 5);
    assert_int_equal(amounts, 123);
    assert_int_equal(next, end);
    assert_false(tail_wants_names(tail, &first));
    assert_int_equal(tail_damage(tail), 0);
    tail_destroy(&tail);
    journal_close(&journal);
}

static void a_tail_that_begins_later_asks_for_names_once_and_goes_on_with_them(void **state)
{
    (void)state;
    struct journal *journal = journal_with_facts();
    struct journal_head head;
    struct journal_tail *tail = tail_new(0);
    uint64_t end, position, next;
    uint32_t first = 9;
    assert_int_equal(tail_open(tail, journal, &end), ERR_OK);
    assert_int_equal(journal_get_head(journal, &head), ERR_OK);
    position = head.next_position - sizeof(struct fact_link) / FACT_WORD -
               2 * sizeof(struct fact_posting) / FACT_WORD;
    uint64_t from = position;
    assert_int_equal(tail_look(tail, &position, &next), LOOK_LATER);
    assert_int_equal(next, from);
    assert_true(tail_wants_names(tail, &first) && first == 0);
    assert_false(tail_wants_names(tail, &first));
    assert_true(tail_lacks_names(tail));
    static const char names[] = "\x05\x01"
                                "alice"
                                "\x03\x01"
                                "bob";
    struct read_names *box = malloc(sizeof *box + sizeof names);
    *box = (struct read_names){.first = 0, .count = 2, .length = sizeof names - 1};
    memcpy(box->bytes, names, sizeof names - 1);
    tail_add_names(tail, box);
    position = from;
    assert_int_equal(tail_look(tail, &position, &next), LOOK_EVENT);
    assert_int_equal(position, from);
    tail_destroy(&tail);
    journal_close(&journal);
}

static void only_where_a_fact_begins_is_a_cursor(void **state)
{
    (void)state;
    struct journal *journal = journal_with_facts();
    struct journal_tail *tail = tail_new(0);
    uint64_t end, good = 0;
    assert_int_equal(tail_open(tail, journal, &end), ERR_OK);
    for (uint64_t position = 0; position < end + 3; position++)
        good += tail_check(tail, position) == ERR_OK;
    assert_int_equal(good, 4 + 5 + 1); /* each fact, and the end */
    assert_int_equal(tail_check(tail, 2), ERR_INVALID);
    assert_int_equal(tail_check(tail, end + 1), ERR_RANGE);
    tail_destroy(&tail);
    journal_close(&journal);
}

/* ---- the stream's frames ------------------------------------------------------------------------------------------ */

static void a_subscription_is_read_and_a_wrong_one_says_what_is_wrong(void **state)
{
    (void)state;
    struct mp_writer w = {0};
    struct stream_message message;
    mp_write_array(&w, 5);
    mp_write_text(&w, "subscribe");
    mp_write_uint(&w, 1);
    mp_write_text(&w, "crm");
    mp_write_array(&w, 2);
    mp_write_nil(&w);
    mp_write_uint(&w, 7);
    mp_write_uint(&w, 50);
    stream_message_read(w.data, w.length, 2, &message);
    assert_int_equal(message.kind, STREAM_SUBSCRIBE);
    assert_true(message.is_now == 1 && message.cursors.at[1] == 7 && message.credit == 50);
    stream_message_read(w.data, w.length, 3, &message);
    assert_int_equal(message.kind, STREAM_WRONG);
    assert_string_equal(message.field, "cursor");
    for (size_t length = 0; length < w.length; length++) {
        stream_message_read(w.data, length, 2, &message);
        assert_int_equal(message.kind, STREAM_WRONG);
    }
    for (size_t bit = 0; bit < w.length * 8; bit++) {
        w.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        stream_message_read(w.data, w.length, 2, &message);
        w.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    mp_writer_release(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_has_integers_text_ids_and_nulls),
        cmocka_unit_test(msgpack_is_one_map_with_as_many_keys_as_it_says),
        cmocka_unit_test(a_signature_is_what_anybody_can_compute),
        cmocka_unit_test(what_is_kept_is_read_back),
        cmocka_unit_test(an_id_of_a_letter_outlives_it),
        cmocka_unit_test(a_store_with_any_bit_flipped_or_a_record_lost_is_refused),
        cmocka_unit_test(a_tail_tells_every_event_and_passes_over_bookkeeping),
        cmocka_unit_test(a_tail_that_begins_later_asks_for_names_once_and_goes_on_with_them),
        cmocka_unit_test(only_where_a_fact_begins_is_a_cursor),
        cmocka_unit_test(a_subscription_is_read_and_a_wrong_one_says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
