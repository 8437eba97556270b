/* The consistent cut, over journals of hand-made facts: what one partition has seen of another is there, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "broker/offline/timeline.h"
#include "store/journal_memory.h"

enum { PARTITIONS = 2, FACTS_MAX = 4096, STEPS_MAX = 16 };

/* A node of two partitions whose facts are written by hand. */
struct world {
    struct journal *journals[PARTITIONS];
    struct timeline timeline;
    uint8_t facts[FACTS_MAX];
    size_t length;
    uint32_t count;
};

static void add(struct world *w, const void *fact, size_t size)
{
    assert_true(w->length + size <= FACTS_MAX);
    memcpy(w->facts + w->length, fact, size);
    w->length += size;
    w->count++;
}

static void add_account(struct world *w, uint32_t index, const char *id)
{
    uint8_t bytes[256] = {0};
    struct fact_strings strings = {0};
    strings.by_tag[FACT_TAG_ACCOUNT] = str_from(id);
    size_t size = sizeof(struct fact_account) + fact_strings_size(&strings);
    struct fact_account fact = {
        .head = {.kind = FACT_ACCOUNT_OPENED, .words = (uint16_t)(size / FACT_WORD)},
        .account = index,
        .currency = {'K', 'R', 'W'},
    };
    memcpy(bytes, &fact, sizeof fact);
    fact_strings_write(&strings, bytes + sizeof fact);
    add(w, bytes, size);
}

static void add_posting(struct world *w, enum fact_kind kind, uint32_t debit, uint32_t credit)
{
    const struct fact_posting fact = {.head = {.kind = (uint8_t)kind, .words = sizeof fact / FACT_WORD},
                                      .debit = debit,
                                      .credit = credit,
                                      .amount = 1};
    add(w, &fact, sizeof fact);
}

static void commit(struct world *w, uint32_t partition, int64_t time_us)
{
    struct journal_head head;
    assert_int_equal(journal_get_head(w->journals[partition], &head), ERR_OK);
    const struct journal_commit one = {
        .sequence = head.sequence + 1,
        .epoch = 1,
        .position = head.next_position,
        .time_us = time_us,
        .fact_count = w->count,
        .facts = w->facts,
        .length = w->length,
    };
    assert_int_equal(journal_append(w->journals[partition], &one), JOURNAL_OK);
    w->length = 0;
    w->count = 0;
}

/* Account 0 is a customer's, account 1 the transit account to the other partition. */
enum { CUSTOMER, TRANSIT };

static void commit_accounts(struct world *w, uint32_t partition, int64_t time_us)
{
    char transit[32];
    snprintf(transit, sizeof transit, "transit:KRW:%u:%u", 1 - partition, partition);
    add_account(w, CUSTOMER, "someone");
    add_account(w, TRANSIT, transit);
    commit(w, partition, time_us);
}

static void commit_sent(struct world *w, uint32_t partition, int64_t time_us)
{
    add_posting(w, FACT_SENT, CUSTOMER, TRANSIT);
    commit(w, partition, time_us);
}

static void commit_received(struct world *w, uint32_t partition, int64_t time_us)
{
    add_posting(w, FACT_RECEIVED, TRANSIT, CUSTOMER);
    commit(w, partition, time_us);
}

static void commit_link(struct world *w, uint32_t partition, enum fact_kind kind, uint64_t through,
                        int64_t time_us)
{
    const struct fact_link fact = {
        .head = {.kind = (uint8_t)kind, .detail = 9, .words = sizeof fact / FACT_WORD},
        .peer = 1 - partition,
        .through = through};
    add(w, &fact, sizeof fact);
    commit(w, partition, time_us);
}

static void commit_settled(struct world *w, uint32_t partition, int64_t time_us)
{
    const struct fact_settled fact = {.head = {.kind = FACT_SETTLED, .words = sizeof fact / FACT_WORD},
                                      .peer = 1 - partition};
    add(w, &fact, sizeof fact);
    commit(w, partition, time_us);
}

static int begin(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        assert_int_equal(
            journal_memory_new(&(struct journal_memory_options){.partition = p}, &w->journals[p]), ERR_OK);
        commit_accounts(w, p, 10 + p);
    }
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    timeline_release(&w->timeline);
    for (uint32_t p = 0; p < PARTITIONS; p++)
        journal_close(&w->journals[p]);
    free(w);
    return 0;
}

static void heads(struct world *w, int64_t time_us)
{
    struct fault fault = {0};
    assert_int_equal(timeline_init(&w->timeline, w->journals, PARTITIONS, time_us, &fault), ERR_OK);
}

/* The order of commits as "0a 1a 1b …": partition, and which of its commits. */
static enum err order(struct world *w, char *out, struct fault *fault)
{
    uint32_t partition;
    const struct journal_commit *one;
    enum err err;
    *out = '\0';
    while ((err = timeline_next(&w->timeline, &partition, &one, fault)) == ERR_OK)
        out += sprintf(out, "%u%c ", partition, (char)('a' + one->sequence - 1));
    return err;
}

static void expect_order(struct world *w, const char *expected)
{
    char text[STEPS_MAX * 4];
    struct fault fault = {0};
    assert_int_equal(order(w, text, &fault), ERR_NOT_FOUND);
    assert_string_equal(text, expected);
}

static void commits_come_by_time(void **state)
{
    struct world *w = *state;
    commit_sent(w, 1, 20);
    commit_sent(w, 0, 30);
    heads(w, INT64_MAX);
    expect_order(w, "0a 1a 1b 0b ");
}

static void an_effect_comes_after_its_cause_whatever_the_clock_says(void **state)
{
    struct world *w = *state;
    commit_sent(w, 0, 100);
    commit_received(w, 1, 50);
    commit_settled(w, 0, 101);
    heads(w, INT64_MAX);
    expect_order(w, "0a 1a 0b 1b 0c ");
}

static void a_partition_is_read_on_to_what_another_has_already_seen(void **state)
{
    struct world *w = *state;
    commit_sent(w, 0, 20);
    commit_received(w, 1, 21);
    heads(w, INT64_MAX);
    w->timeline.lanes[0].end = 1; /* its head was read before it wrote anything */
    expect_order(w, "1a 0a 0b 1b ");
}

static void what_came_after_the_heads_were_read_is_left_out(void **state)
{
    struct world *w = *state;
    heads(w, INT64_MAX);
    commit_sent(w, 0, 20);
    commit_received(w, 1, 21);
    expect_order(w, "0a 1a ");
}

/* Rows: a commit of partition 1 that needs one of partition 0 which is not in the cut by itself. */
static void each_kind_of_cause_is_in_the_cut(void **state)
{
    struct world *w = *state;
    commit_sent(w, 1, 20);                                  /* 1b */
    commit_received(w, 0, 21);                              /* 0b needs 1b */
    commit_settled(w, 1, 22);                               /* 1c needs 0b */
    commit_link(w, 0, FACT_PRUNED, 1, 23);                  /* 0c needs 1c */
    commit_sent(w, 1, 24);                                  /* 1d */
    commit_link(w, 0, FACT_BOUNCED, LINK_CREDIT << 16, 25); /* 0d needs 1d */
    static const struct {
        uint64_t commits[PARTITIONS]; /* how many each head shows */
        uint64_t cut[PARTITIONS];     /* how many the cut has */
    } rows[] = {
        {{1, 1}, {1, 1}}, {{1, 2}, {1, 2}}, {{2, 1}, {2, 2}}, {{1, 3}, {2, 3}},
        {{3, 1}, {3, 3}}, {{2, 2}, {2, 2}}, {{4, 1}, {4, 4}}, {{3, 4}, {3, 4}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[STEPS_MAX * 4];
        struct fault fault = {0};
        heads(w, INT64_MAX);
        for (uint32_t p = 0; p < PARTITIONS; p++) {
            uint64_t end_of[] = {0, 0, 0, 0, 0};
            struct cursor cursor;
            struct journal_commit one;
            cursor_init(&cursor, w->journals[p], 1);
            while (cursor_next(&cursor, &one) == ERR_OK)
                end_of[one.sequence] = one.position + one.length / FACT_WORD;
            cursor_release(&cursor);
            w->timeline.lanes[p].end = end_of[rows[i].commits[p]];
        }
        assert_int_equal(order(w, text, &fault), ERR_NOT_FOUND);
        for (uint32_t p = 0; p < PARTITIONS; p++)
            assert_int_equal(w->timeline.lanes[p].sequence, rows[i].cut[p]);
        timeline_release(&w->timeline);
    }
}

static void what_was_seen_but_is_not_there_is_a_fault(void **state)
{
    struct world *w = *state;
    char text[STEPS_MAX * 4];
    struct fault fault = {0};
    commit_received(w, 1, 20);
    heads(w, INT64_MAX);
    assert_int_equal(order(w, text, &fault), ERR_CORRUPT);
    assert_string_equal(text, "0a 1a ");
    assert_true(fault.is_found && fault.has_place);
    assert_int_equal(fault.partition, 1);
    assert_int_equal(fault.sequence, 2);
}

static void a_time_cuts_every_partition(void **state)
{
    struct world *w = *state;
    commit_sent(w, 0, 20);
    commit_received(w, 1, 30);
    commit_sent(w, 0, 40);
    heads(w, 30);
    expect_order(w, "0a 1a 0b 1b ");
}

static void a_stream_that_is_rewound_ends_where_it_has_ended(void **state)
{
    struct world *w = *state;
    commit_sent(w, 0, 20);
    commit_received(w, 1, 21);
    heads(w, INT64_MAX);
    w->timeline.lanes[0].end = 1; /* it is read on to what the other has seen, and that is its end then */
    expect_order(w, "1a 0a 0b 1b ");
    commit_sent(w, 0, 22);
    commit_received(w, 1, 23);
    timeline_rewind(&w->timeline);
    expect_order(w, "0a 1a 0b 1b ");
}

static void a_damaged_commit_is_told_with_its_place(void **state)
{
    struct world *w = *state;
    char text[STEPS_MAX * 4];
    struct fault fault = {0};
    size_t size;
    commit_sent(w, 0, 20);
    commit_sent(w, 0, 21);
    struct journal_head head;
    assert_int_equal(journal_get_head(w->journals[0], &head), ERR_OK);
    uint64_t place = head.next_position - 2 * sizeof(struct fact_posting) / FACT_WORD;
    uint8_t *bytes = journal_memory_bytes(w->journals[0], place, &size);
    assert_non_null(bytes);
    bytes[size - 1] ^= 1;
    heads(w, INT64_MAX);
    assert_int_equal(order(w, text, &fault), ERR_CORRUPT);
    assert_int_equal(fault.partition, 0);
    assert_int_equal(fault.position, place);
    assert_int_equal(fault.sequence, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commits_come_by_time, begin, end),
        cmocka_unit_test_setup_teardown(an_effect_comes_after_its_cause_whatever_the_clock_says, begin, end),
        cmocka_unit_test_setup_teardown(a_partition_is_read_on_to_what_another_has_already_seen, begin, end),
        cmocka_unit_test_setup_teardown(what_came_after_the_heads_were_read_is_left_out, begin, end),
        cmocka_unit_test_setup_teardown(each_kind_of_cause_is_in_the_cut, begin, end),
        cmocka_unit_test_setup_teardown(what_was_seen_but_is_not_there_is_a_fault, begin, end),
        cmocka_unit_test_setup_teardown(a_time_cuts_every_partition, begin, end),
        cmocka_unit_test_setup_teardown(a_stream_that_is_rewound_ends_where_it_has_ended, begin, end),
        cmocka_unit_test_setup_teardown(a_damaged_commit_is_told_with_its_place, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
