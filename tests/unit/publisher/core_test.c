/* The publisher's core in virtual time: a journal of numbers, a disk that can fail, subscribers that do as they are told.
 *
 * In the journal every position is one word long; every fifth one is no event, every 49th of the others an alarm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "actors/base/check.h"
#include "actors/publisher/publisher.h"
#include "sim/counting_mem.h"

enum { PARTITIONS = 2, LOG_MAX = 2000, DISK_LETTERS = 64, NAMES = 4 };

struct delivery {
    char name[PUBLISHER_NAME_MAX + 1];
    uint32_t partition;
    uint64_t position;
};

struct disk {
    struct publisher_subscriber subscribers[NAMES];
    struct publisher_cursors cursors[NAMES];
    struct publisher_letter letters[DISK_LETTERS];
    uint32_t letter_count;
};

struct world {
    struct counting_mem counting;
    struct mem mem;
    struct publisher *publisher;
    struct publisher_now now;
    uint64_t ends[PARTITIONS];
    struct disk disk;
    bool disk_fails;
    uint32_t stores_left; /* then one store fails; 0: none does */
    uint32_t stores;
    /* posts under way, oldest first */
    struct publisher_post posts[16];
    char post_names[16][PUBLISHER_NAME_MAX + 1];
    uint32_t post_count, posts_in_all;
    /* what has been delivered: taken by a webhook, or sent to a stream */
    struct delivery log[LOG_MAX];
    uint32_t log_count;
    enum publisher_sent sends;
    uint32_t sends_in_all, beats;
};

static bool is_event(uint64_t position)
{
    return position % 5 != 0;
}

static bool is_alarm(uint64_t position)
{
    return position % 49 == 0 && is_event(position);
}

/* ---- ports ------------------------------------------------------------------------------------------------ */

static enum publisher_look look(void *context, uint32_t partition, uint64_t *position, uint64_t *next)
{
    const struct world *world = context;
    for (uint64_t at = *position; at < world->ends[partition]; at++) {
        if (is_event(at)) {
            *position = at;
            *next = at + 1;
            return is_alarm(at) ? LOOK_ALARM : LOOK_EVENT;
        }
    }
    *next = *position > world->ends[partition] ? *position : world->ends[partition];
    return LOOK_END;
}

static bool post(void *context, const struct publisher_post *event)
{
    struct world *world = context;
    assert_true(world->post_count < 16);
    memcpy(world->post_names[world->post_count], event->subscriber->name, PUBLISHER_NAME_MAX + 1);
    world->posts[world->post_count++] = *event;
    world->posts_in_all++;
    return true;
}

static void note(struct world *world, const char *name, uint32_t partition, uint64_t position)
{
    assert_true(world->log_count < LOG_MAX);
    struct delivery *delivery = &world->log[world->log_count++];
    snprintf(delivery->name, sizeof delivery->name, "%s", name);
    delivery->partition = partition;
    delivery->position = position;
}

static enum publisher_sent send_events(void *context, const struct publisher_peer *peer, uint32_t partition,
                                       uint64_t from, uint64_t to)
{
    struct world *world = context;
    if (world->sends != SENT_DONE)
        return world->sends;
    world->sends_in_all++;
    for (uint64_t at = from; at < to; at++) {
        if (is_event(at))
            note(world, peer->name, partition, at);
    }
    return SENT_DONE;
}

static enum publisher_sent beat(void *context, const struct publisher_peer *peer)
{
    struct world *world = context;
    (void)peer;
    world->beats += world->sends == SENT_DONE;
    return world->sends;
}

static uint32_t place_on_disk(struct world *world, const char *name)
{
    uint32_t place = NAMES;
    for (uint32_t i = NAMES; i-- > 0;) {
        if (strcmp(world->disk.subscribers[i].name, name) == 0)
            return i;
        if (world->disk.subscribers[i].name[0] == '\0')
            place = i;
    }
    assert_true(place < NAMES);
    return place;
}

static void put_letter(struct disk *disk, const struct publisher_letter *letter, bool is_gone)
{
    uint32_t at = 0;
    while (at < disk->letter_count && disk->letters[at].id != letter->id)
        at++;
    if (!is_gone) {
        assert_true(at < DISK_LETTERS);
        disk->letters[at] = *letter;
        disk->letter_count += at == disk->letter_count;
        return;
    }
    assert_true(at < disk->letter_count);
    disk->letter_count--;
    memmove(&disk->letters[at], &disk->letters[at + 1], (disk->letter_count - at) * sizeof *letter);
}

static enum err store(void *context, const struct publisher_change *changes, size_t count)
{
    struct world *world = context;
    if (world->disk_fails || (world->stores_left > 0 && --world->stores_left == 0))
        return ERR_FULL;
    world->stores++;
    for (size_t i = 0; i < count; i++) {
        const struct publisher_change *change = &changes[i];
        uint32_t place = change->subscriber ? place_on_disk(world, change->subscriber->name) : 0;
        switch (change->kind) {
        case CHANGE_SUBSCRIBER:
            CHECK(change->subscriber != NULL);
            world->disk.subscribers[place] = *change->subscriber;
            break;
        case CHANGE_CURSORS:
            world->disk.cursors[place] = *change->cursors;
            break;
        case CHANGE_SUBSCRIBER_GONE:
            world->disk.subscribers[place] = (struct publisher_subscriber){0};
            break;
        case CHANGE_LETTER:
        case CHANGE_LETTER_GONE:
            put_letter(&world->disk, change->letter, change->kind == CHANGE_LETTER_GONE);
            break;
        }
    }
    return ERR_OK;
}

static void say(void *context, bool is_warning, const char *what, const char *subject)
{
    (void)context;
    (void)is_warning;
    assert_non_null(what);
    assert_non_null(subject);
}

/* ---- the world ----------------------------------------------------------------------------------------------- */

static void start(struct world *world)
{
    const struct publisher_options options = publisher_options_default(PARTITIONS);
    const struct publisher_ports ports = {world, look, post, send_events, beat, store, say};
    world->publisher = publisher_new(&options, &ports, &world->mem);
    assert_non_null(world->publisher);
    for (uint32_t i = 0; i < NAMES; i++) {
        if (world->disk.subscribers[i].name[0] != '\0')
            assert_true(publisher_load_subscriber(world->publisher, &world->disk.subscribers[i],
                                                  &world->disk.cursors[i]));
    }
    for (uint32_t i = 0; i < world->disk.letter_count; i++)
        assert_true(publisher_load_letter(world->publisher, &world->disk.letters[i]));
    for (uint32_t p = 0; p < PARTITIONS; p++)
        publisher_set_end(world->publisher, p, world->ends[p]);
}

/* The process dies: what is under way is lost. */
static void restart(struct world *world)
{
    publisher_destroy(&world->publisher);
    world->post_count = 0;
    start(world);
}

static int begin(void **state)
{
    static struct world world;
    world = (struct world){.ends = {1, 1}};
    world.mem = counting_mem_port(&world.counting);
    world.now = (struct publisher_now){.mono_ms = 1000, .wall_us = 1000000000};
    start(&world);
    *state = &world;
    return 0;
}

static int end(void **state)
{
    struct world *world = *state;
    publisher_destroy(&world->publisher);
    assert_int_equal(world->counting.live_bytes, 0);
    return 0;
}

static void pass(struct world *world, int64_t ms)
{
    world->now.mono_ms += ms;
    world->now.wall_us += ms * 1000;
}

static void work(struct world *world)
{
    for (int i = 0; i < 1000 && publisher_work(world->publisher, world->now); i++)
        continue;
}

static void add_at(struct world *world, const char *name, const char *path, bool is_for_alarms)
{
    struct publisher_subscriber subscriber = {.secret_length = PUBLISHER_SECRET_MIN,
                                              .is_for_alarms = is_for_alarms};
    struct publisher_cursors cursors = {{0}};
    snprintf(subscriber.name, sizeof subscriber.name, "%s", name);
    snprintf(subscriber.url, sizeof subscriber.url, "http://%s/%s", name, path);
    assert_int_equal(publisher_add(world->publisher, &subscriber, &cursors), CODE_OK);
}

static void add_one(struct world *world, const char *name, bool is_for_alarms)
{
    add_at(world, name, "", is_for_alarms);
}

static void add(struct world *world, const char *name)
{
    add_one(world, name, false);
}

/* The oldest post under way has this outcome. */
static struct publisher_post answer(struct world *world, enum publisher_outcome outcome)
{
    assert_true(world->post_count > 0);
    struct publisher_post event = world->posts[0];
    char name[PUBLISHER_NAME_MAX + 1];
    memcpy(name, world->post_names[0], sizeof name);
    world->post_count--;
    memmove(world->posts, world->posts + 1, world->post_count * sizeof *world->posts);
    memmove(world->post_names, world->post_names + 1, world->post_count * sizeof *world->post_names);
    if (outcome == POSTED_TAKEN)
        note(world, name, event.partition, event.position);
    publisher_posted(world->publisher, event.token, outcome, outcome == POSTED_TAKEN ? NULL : "status 500",
                     -1, world->now);
    return event;
}

static void take_all(struct world *world)
{
    work(world);
    while (world->post_count > 0) {
        answer(world, POSTED_TAKEN);
        work(world);
    }
}

/* Tries an event so often, each time after the longest wait. */
static void fail_tries(struct world *world, int times)
{
    for (int i = 0; i < times; i++) {
        work(world);
        answer(world, POSTED_FAILED);
        pass(world, 600000);
    }
}

/* Tries an event until it is given up. */
static void let_die(struct world *world)
{
    fail_tries(world, 10);
}

/* Every event up to the ends was delivered, the first deliveries in order. */
static void check_complete(const struct world *world, const char *name)
{
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        uint64_t expected = 1;
        for (uint32_t i = 0; i < world->log_count; i++) {
            const struct delivery *delivery = &world->log[i];
            if (strcmp(delivery->name, name) != 0 || delivery->partition != p)
                continue;
            while (!is_event(expected))
                expected++;
            assert_true(delivery->position <= expected);
            expected += delivery->position == expected;
        }
        while (!is_event(expected))
            expected++;
        assert_true(expected >= world->ends[p]);
    }
}

static struct publisher_view view_of(const struct world *world, uint32_t index)
{
    struct publisher_view view;
    assert_true(publisher_view_at(world->publisher, index, &view));
    return view;
}

/* ---- webhooks -------------------------------------------------------------------------------------------------- */

static void a_webhook_gets_every_event_in_order_one_at_a_time(void **state)
{
    struct world *world = *state;
    world->ends[0] = 30;
    world->ends[1] = 17;
    add(world, "a");
    work(world);
    while (world->post_count > 0) {
        assert_int_equal(world->post_count, 1);
        answer(world, POSTED_TAKEN);
        work(world);
    }
    check_complete(world, "a");
    assert_int_equal(view_of(world, 0).lag, 0);
    world->ends[0] = 40;
    take_all(world);
    check_complete(world, "a");
}

static void nothing_new_is_waited_for_without_a_timer(void **state)
{
    struct world *world = *state;
    assert_false(publisher_work(world->publisher, world->now));
    assert_false(publisher_is_hungry(world->publisher));
    add(world, "a");
    assert_false(publisher_work(world->publisher, world->now));
    assert_true(publisher_is_hungry(world->publisher));
    assert_true(publisher_due_ms(world->publisher) == INT64_MAX);
}

static void an_event_that_fails_is_tried_again_after_5_10_20_seconds_and_so_on(void **state)
{
    struct world *world = *state;
    static const int64_t delays_ms[] = {5000, 10000, 20000, 40000, 80000, 160000, 320000, 600000, 600000};
    world->ends[0] = 3;
    add(world, "a");
    work(world);
    for (size_t i = 0; i < sizeof delays_ms / sizeof *delays_ms; i++) {
        assert_int_equal(answer(world, POSTED_FAILED).position, 1);
        work(world);
        assert_true(publisher_due_ms(world->publisher) == world->now.mono_ms + delays_ms[i]);
        pass(world, delays_ms[i] - 1);
        work(world);
        assert_int_equal(world->post_count, 0);
        pass(world, 1);
        work(world);
        assert_int_equal(world->post_count, 1);
        assert_int_equal(world->posts[0].tries, i + 1);
    }
    answer(world, POSTED_FAILED);
    assert_int_equal(world->disk.letter_count, 1);
    assert_int_equal(world->disk.letters[0].position, 1);
    assert_int_equal(world->disk.letters[0].tries, 10);
    assert_string_equal(world->disk.letters[0].error, "status 500");
    work(world);
    assert_int_equal(world->posts[0].position, 2); /* it goes on */
}

static void a_subscriber_may_ask_for_a_longer_delay_but_not_for_a_shorter_one(void **state)
{
    struct world *world = *state;
    world->ends[0] = 2;
    add(world, "a");
    work(world);
    publisher_posted(world->publisher, world->posts[0].token, POSTED_FAILED, "status 429", 30000, world->now);
    assert_true(publisher_due_ms(world->publisher) == world->now.mono_ms + 30000);
    pass(world, 30000);
    work(world);
    publisher_posted(world->publisher, world->posts[1].token, POSTED_FAILED, "status 429", 1, world->now);
    assert_true(publisher_due_ms(world->publisher) == world->now.mono_ms + 10000);
}

static void after_a_restart_at_any_step_everything_is_delivered_at_least_once(void **state)
{
    struct world *world = *state;
    for (uint32_t step = 0; step < 40; step++) {
        end(state);
        begin(state);
        world->ends[0] = world->ends[1] = 12;
        restart(world);
        add(world, "a");
        for (uint32_t i = 0; i < step; i++) { /* a step is a post, or its outcome, or time that passes */
            if (i % 3 == 0)
                work(world);
            else if (i % 3 == 1 && world->post_count > 0)
                answer(world, i % 4 == 0 ? POSTED_FAILED : POSTED_TAKEN);
            else
                pass(world, 70);
        }
        restart(world);
        take_all(world);
        check_complete(world, "a");
    }
}

static void cursors_are_stored_after_the_delivery_and_several_at_once(void **state)
{
    struct world *world = *state;
    world->ends[0] = 5;
    add(world, "a");
    uint32_t stores = world->stores;
    take_all(world);
    assert_int_equal(world->stores, stores); /* four deliveries, and none is stored yet */
    assert_int_equal(world->disk.cursors[0].at[0], 0);
    pass(world, 100);
    work(world);
    assert_int_equal(world->stores, stores + 1);
    assert_int_equal(world->disk.cursors[0].at[0], 5);
    restart(world);
    uint32_t delivered = world->log_count;
    take_all(world);
    assert_int_equal(world->log_count, delivered);
}

static void a_disk_that_is_full_holds_up_no_delivery(void **state)
{
    struct world *world = *state;
    world->ends[0] = 10;
    add(world, "a");
    world->disk_fails = true;
    take_all(world);
    pass(world, 100);
    work(world);
    check_complete(world, "a");
    assert_true(publisher_due_ms(world->publisher) > world->now.mono_ms);
    world->disk_fails = false;
    pass(world, 1000);
    work(world);
    assert_int_equal(world->disk.cursors[0].at[0], 10);
}

static void an_event_passes_only_together_with_its_letter(void **state)
{
    struct world *world = *state;
    world->ends[0] = 3;
    add(world, "a");
    fail_tries(world, 9);
    work(world);
    world->disk_fails = true;
    answer(world, POSTED_FAILED);
    pass(world, 600000);
    work(world);
    assert_int_equal(world->posts[0].position, 1); /* there is no letter, so it is tried again */
    world->disk_fails = false;
    answer(world, POSTED_FAILED);
    work(world);
    assert_int_equal(world->disk.letter_count, 1);
    assert_int_equal(world->posts[0].position, 2);
    restart(world);
    work(world);
    assert_int_equal(world->posts[0].position, 2);
}

static void a_slow_subscriber_does_not_hold_up_another(void **state)
{
    struct world *world = *state;
    world->ends[0] = 20;
    add(world, "slow");
    add(world, "fast");
    work(world);
    struct publisher_post slow = answer(world, POSTED_FAILED);
    assert_string_equal(slow.subscriber->name, "slow");
    take_all(world);
    check_complete(world, "fast");
    assert_string_equal(view_of(world, 0).state, "waiting");
}

static void a_410_stops_a_subscriber_until_it_is_added_again(void **state)
{
    struct world *world = *state;
    world->ends[0] = 4;
    add(world, "a");
    work(world);
    answer(world, POSTED_STOP);
    work(world);
    assert_int_equal(world->post_count, 0);
    assert_string_equal(view_of(world, 0).state, "stopped");
    restart(world);
    work(world);
    assert_int_equal(world->post_count, 0);
    add(world, "a");
    take_all(world);
    check_complete(world, "a");
}

static void another_url_is_tried_at_once_and_as_often_as_a_first_one(void **state)
{
    struct world *world = *state;
    world->ends[0] = 4;
    add(world, "a");
    fail_tries(world, 5);
    work(world);
    answer(world, POSTED_FAILED);
    add(world, "a"); /* the same again: it still waits */
    work(world);
    assert_int_equal(world->post_count, 0);
    add_at(world, "a", "new", false);
    work(world);
    assert_int_equal(world->post_count, 1);
    assert_int_equal(world->posts[0].position, 1);
    assert_int_equal(world->posts[0].tries, 0);
    take_all(world);
    check_complete(world, "a");
}

static void what_the_url_before_says_does_not_count(void **state)
{
    struct world *world = *state;
    world->ends[0] = 4;
    add(world, "a");
    work(world);
    add_at(world, "a", "new", false);
    answer(world, POSTED_STOP);
    assert_string_equal(view_of(world, 0).state, "idle");
    assert_int_equal(view_of(world, 0).failures, 0);
    work(world);
    assert_int_equal(world->posts[0].tries, 0);
    answer(world, POSTED_FAILED); /* this is the new one's */
    assert_string_equal(view_of(world, 0).state, "waiting");
    pass(world, 5000);
    work(world);
    add_at(world, "a", "newer", false);
    take_all(world); /* what was taken is taken, wherever */
    check_complete(world, "a");
}

static void a_letter_that_the_url_before_refuses_is_tried_at_the_new_one(void **state)
{
    struct world *world = *state;
    world->ends[0] = 2;
    add(world, "a");
    let_die(world);
    assert_int_equal(publisher_letter_retry(world->publisher, 1), CODE_OK);
    work(world);
    add_at(world, "a", "new", false);
    answer(world, POSTED_STOP);
    work(world);
    assert_int_equal(world->post_count, 1);
    answer(world, POSTED_TAKEN);
    assert_int_equal(view_of(world, 0).dead_letters, 0);
    assert_string_equal(view_of(world, 0).state, "idle");
}

static void a_subscriber_may_be_removed_while_a_post_is_under_way(void **state)
{
    struct world *world = *state;
    struct publisher_view view;
    world->ends[0] = 4;
    add(world, "a");
    work(world);
    assert_int_equal(publisher_remove(world->publisher, STR_LITERAL("a")), CODE_OK);
    add(world, "a");
    work(world);
    answer(world, POSTED_FAILED); /* of the one before: it is nobody's now */
    assert_string_equal(view_of(world, 0).state, "in_flight");
    assert_int_equal(view_of(world, 0).failures, 0);
    assert_int_equal(publisher_remove(world->publisher, STR_LITERAL("a")), CODE_OK);
    assert_int_equal(publisher_remove(world->publisher, STR_LITERAL("a")), CODE_NOT_FOUND);
    answer(world, POSTED_TAKEN);
    assert_false(publisher_view_at(world->publisher, 0, &view));
}

static void what_is_not_stored_is_not_changed(void **state)
{
    struct world *world = *state;
    struct publisher_subscriber subscriber = {.name = "b"};
    struct publisher_cursors cursors = {{0}};
    struct publisher_view view;
    world->disk_fails = true;
    assert_int_equal(publisher_add(world->publisher, &subscriber, &cursors), CODE_BUSY);
    assert_false(publisher_view_at(world->publisher, 0, &view));
    world->disk_fails = false;
    add(world, "a");
    world->disk_fails = true;
    assert_int_equal(publisher_remove(world->publisher, STR_LITERAL("a")), CODE_BUSY);
    assert_true(publisher_view_at(world->publisher, 0, &view));
}

static void a_cursor_beyond_an_older_journal_is_set_back(void **state)
{
    struct world *world = *state;
    world->ends[0] = 20;
    add(world, "a");
    take_all(world);
    pass(world, 100);
    work(world);
    world->ends[0] = 8;
    world->log_count = 0;
    restart(world);
    world->ends[0] = 10;
    take_all(world);
    assert_int_equal(world->log_count, 2);
    assert_int_equal(world->log[0].position, 8);
}

/* ---- dead letters ------------------------------------------------------------------------------------------------ */

static void a_letter_that_is_tried_again_and_taken_is_gone(void **state)
{
    struct world *world = *state;
    world->ends[0] = 4;
    add(world, "a");
    let_die(world);
    take_all(world);
    assert_int_equal(view_of(world, 0).dead_letters, 1);
    assert_int_equal(publisher_letter_retry(world->publisher, 7), CODE_NOT_FOUND);
    assert_int_equal(publisher_letter_retry(world->publisher, 1), CODE_OK);
    restart(world); /* the wish is stored */
    work(world);
    assert_int_equal(world->posts[0].position, 1);
    answer(world, POSTED_TAKEN);
    assert_int_equal(world->disk.letter_count, 0);
    assert_int_equal(view_of(world, 0).dead_letters, 0);
    assert_int_equal(publisher_letter_retry(world->publisher, 1), CODE_NOT_FOUND);
}

static void a_letter_whose_retry_fails_stays_and_is_not_tried_by_itself(void **state)
{
    struct world *world = *state;
    world->ends[0] = 2;
    add(world, "a");
    let_die(world);
    assert_int_equal(publisher_letter_retry(world->publisher, 1), CODE_OK);
    work(world);
    answer(world, POSTED_FAILED);
    work(world);
    assert_int_equal(world->post_count, 0);
    assert_int_equal(world->disk.letters[0].tries, 11);
    assert_false(world->disk.letters[0].is_wanted);
}

static void a_letter_is_tried_between_two_tries_of_the_next_event(void **state)
{
    struct world *world = *state;
    world->ends[0] = 4;
    add(world, "a");
    let_die(world);
    work(world);
    answer(world, POSTED_FAILED); /* the second event waits */
    assert_int_equal(publisher_letter_retry(world->publisher, 1), CODE_OK);
    pass(world, 5000);
    work(world);
    assert_int_equal(world->post_count, 1);
    assert_int_equal(answer(world, POSTED_TAKEN).position, 1);
    work(world);
    assert_int_equal(answer(world, POSTED_TAKEN).position, 2);
}

static void a_resolved_letter_is_gone_and_its_id_is_never_given_again(void **state)
{
    struct world *world = *state;
    struct publisher_letter letter;
    world->ends[0] = 4;
    add(world, "a");
    let_die(world);
    assert_int_equal(publisher_letter_resolve(world->publisher, 1, &letter), CODE_OK);
    assert_int_equal(letter.position, 1);
    assert_int_equal(world->disk.letter_count, 0);
    assert_int_equal(publisher_letter_resolve(world->publisher, 1, &letter), CODE_NOT_FOUND);
    let_die(world);
    assert_int_equal(world->disk.letters[0].id, 2);
    assert_null(publisher_letter_after(world->publisher, 2, (struct str){0}));
    assert_non_null(publisher_letter_after(world->publisher, 1, STR_LITERAL("a")));
    assert_null(publisher_letter_after(world->publisher, 1, STR_LITERAL("b")));
}

static void a_letter_may_be_resolved_while_it_is_tried_again(void **state)
{
    struct world *world = *state;
    struct publisher_letter letter;
    world->ends[0] = 3;
    add(world, "a");
    let_die(world);
    assert_int_equal(publisher_letter_retry(world->publisher, 1), CODE_OK);
    work(world);
    assert_int_equal(publisher_letter_resolve(world->publisher, 1, &letter), CODE_OK);
    answer(world, POSTED_FAILED);
    work(world);
    assert_int_equal(answer(world, POSTED_TAKEN).position, 2);
    assert_int_equal(world->disk.letter_count, 0);
}

static void a_subscriber_that_cannot_be_removed_keeps_its_letters(void **state)
{
    struct world *world = *state;
    enum code code = CODE_BUSY;
    world->ends[0] = 3;
    add(world, "a");
    let_die(world);
    let_die(world);
    for (uint32_t stores = 1; code == CODE_BUSY && stores < 10; stores++) {
        world->stores_left = stores;
        code = publisher_remove(world->publisher, STR_LITERAL("a"));
        assert_true(code == CODE_OK || code == CODE_BUSY);
        assert_int_equal(world->disk.letter_count, code == CODE_OK ? 0 : 2);
        assert_true((publisher_letter_after(world->publisher, 1, STR_LITERAL("")) != NULL) ==
                    (code == CODE_BUSY));
    }
    assert_int_equal(code, CODE_OK);
}

static void a_removed_subscriber_takes_its_letters_along_and_no_others(void **state)
{
    struct world *world = *state;
    world->ends[0] = 2;
    add(world, "a");
    let_die(world);
    add(world, "b");
    let_die(world);
    assert_int_equal(world->disk.letter_count, 2);
    assert_int_equal(publisher_remove(world->publisher, STR_LITERAL("a")), CODE_OK);
    assert_int_equal(world->disk.letter_count, 1);
    assert_string_equal(world->disk.letters[0].name, "b");
    restart(world);
    assert_int_equal(view_of(world, 0).dead_letters, 1);
}

/* ---- streams ------------------------------------------------------------------------------------------------------- */

static void subscribe(struct world *world, const char *id, const char *name, uint64_t at, uint32_t credit)
{
    struct publisher_peer replaced;
    struct publisher_cursors cursors = {{at, at}};
    assert_true(publisher_subscribe(world->publisher, str_from(id), str_from(name), &cursors, credit,
                                    &replaced, world->now));
}

static void a_stream_gets_every_event_in_order_in_few_messages(void **state)
{
    struct world *world = *state;
    world->ends[0] = 601;
    world->ends[1] = 51;
    subscribe(world, "1", "s", 0, 10000);
    work(world);
    check_complete(world, "s");
    assert_int_equal(world->log_count, 480 + 40);
    assert_int_equal(world->sends_in_all, 2 + 1);
}

static void a_stream_that_gives_no_credit_gets_nothing_more(void **state)
{
    struct world *world = *state;
    world->ends[0] = 601;
    subscribe(world, "1", "s", 0, 7);
    work(world);
    assert_int_equal(world->log_count, 7);
    assert_false(publisher_is_hungry(world->publisher));
    pass(world, 3600000);
    work(world);
    assert_int_equal(world->log_count, 7);
    assert_true(publisher_credit(world->publisher, STR_LITERAL("1"), 3));
    work(world);
    assert_int_equal(world->log_count, 10);
    assert_false(publisher_credit(world->publisher, STR_LITERAL("2"), 3));
}

static void a_stream_that_is_full_is_sent_the_same_later_and_ended_after_a_minute(void **state)
{
    struct world *world = *state;
    struct publisher_view view;
    world->ends[0] = 11;
    subscribe(world, "1", "s", 0, 100);
    world->sends = SENT_FULL;
    work(world);
    assert_int_equal(world->log_count, 0);
    world->sends = SENT_DONE;
    pass(world, 100);
    work(world);
    check_complete(world, "s");
    world->ends[0] = 21;
    world->sends = SENT_FULL;
    work(world);
    pass(world, 59999);
    work(world);
    assert_true(publisher_view_at(world->publisher, 0, &view));
    pass(world, 100);
    work(world);
    assert_false(publisher_view_at(world->publisher, 0, &view));
}

static void a_stream_hears_a_heartbeat_and_one_that_is_gone_is_dropped(void **state)
{
    struct world *world = *state;
    struct publisher_view view;
    subscribe(world, "1", "s", 0, 100);
    assert_true(publisher_due_ms(world->publisher) == world->now.mono_ms + 5000);
    pass(world, 5000);
    work(world);
    assert_int_equal(world->beats, 1);
    world->sends = SENT_GONE;
    pass(world, 5000);
    work(world);
    assert_false(publisher_view_at(world->publisher, 0, &view));
}

static void a_stream_takes_the_place_of_an_older_one_of_its_name(void **state)
{
    struct world *world = *state;
    struct publisher_peer replaced;
    struct publisher_cursors cursors = {{0}};
    struct publisher_view view;
    subscribe(world, "1", "s", 0, 1);
    assert_true(publisher_subscribe(world->publisher, STR_LITERAL("2"), STR_LITERAL("s"), &cursors, 1,
                                    &replaced, world->now));
    assert_true(replaced.is_taken && replaced.id[0] == '1');
    assert_true(publisher_subscribe(world->publisher, STR_LITERAL("2"), STR_LITERAL("s"), &cursors, 1,
                                    &replaced, world->now));
    assert_false(replaced.is_taken);
    assert_false(publisher_view_at(world->publisher, 1, &view));
    assert_true(publisher_leave(world->publisher, STR_LITERAL("2")));
    assert_false(publisher_leave(world->publisher, STR_LITERAL("2")));
}

static void a_stream_that_changes_its_name_takes_the_place_of_the_older_one(void **state)
{
    struct world *world = *state;
    struct publisher_peer replaced;
    struct publisher_cursors cursors = {{0}};
    struct publisher_view view;
    subscribe(world, "1", "s", 0, 1);
    subscribe(world, "2", "t", 0, 1);
    assert_true(publisher_subscribe(world->publisher, STR_LITERAL("2"), STR_LITERAL("s"), &cursors, 1,
                                    &replaced, world->now));
    assert_true(replaced.is_taken && replaced.id[0] == '1');
    assert_false(publisher_view_at(world->publisher, 1, &view));
    assert_false(publisher_leave(world->publisher, STR_LITERAL("1")));
    assert_true(publisher_leave(world->publisher, STR_LITERAL("2")));
}

static void there_is_room_for_so_many_streams_and_webhooks(void **state)
{
    struct world *world = *state;
    struct publisher_peer replaced;
    struct publisher_cursors cursors = {{0}};
    char name[16];
    for (int i = 0; i < PUBLISHER_PEERS_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        subscribe(world, name, name, 1, 1);
    }
    assert_false(publisher_subscribe(world->publisher, STR_LITERAL("x"), STR_LITERAL("x"), &cursors, 1,
                                     &replaced, world->now));
}

/* ---- subscribers for alarms ------------------------------------------------------------------------------------- */

static void one_for_alarms_gets_every_alarm_and_nothing_else(void **state)
{
    struct world *world = *state;
    world->ends[0] = 2000;
    world->ends[1] = 60;
    add_one(world, "oncall", true);
    assert_true(view_of(world, 0).is_for_alarms);
    take_all(world);
    uint64_t expected[PARTITIONS] = {0}, alarms = 0;
    for (uint32_t i = 0; i < world->log_count; i++) {
        const struct delivery *delivery = &world->log[i];
        assert_true(is_alarm(delivery->position) && delivery->position > expected[delivery->partition]);
        expected[delivery->partition] = delivery->position;
    }
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        for (uint64_t at = 1; at < world->ends[p]; at++)
            alarms += is_alarm(at);
    }
    assert_int_equal(world->log_count, alarms);
    assert_int_equal(view_of(world, 0).lag, 0);
}

static void a_subscriber_may_change_to_alarms_and_back(void **state)
{
    struct world *world = *state;
    add(world, "a");
    add_one(world, "a", true);
    world->ends[0] = 49;
    take_all(world);
    assert_int_equal(world->log_count, 0);
    add(world, "a");
    world->ends[0] = 52;
    take_all(world);
    assert_int_equal(world->log_count, 2); /* 49 and 51; 50 is no event */
}

static void a_restart_does_not_pass_over_everything_again(void **state)
{
    enum { MUCH = 3 << 20 };
    struct world *world = *state;
    add_one(world, "oncall", true);
    world->ends[0] = 40;
    work(world);
    assert_true(world->disk.cursors[0].at[0] <= 1);
    world->ends[0] = MUCH;
    while (publisher_work(world->publisher, world->now)) {
        if (world->post_count > 0)
            publisher_posted(world->publisher, world->posts[--world->post_count].token, POSTED_TAKEN, NULL,
                             -1, world->now);
    }
    pass(world, 100);
    work(world);
    assert_true(world->disk.cursors[0].at[0] >= MUCH - 2 * (1 << 20));
}

static void without_memory_there_is_no_publisher(void **state)
{
    struct world *world = *state;
    const struct publisher_options options = publisher_options_default(1);
    const struct publisher_ports ports = {world, look, post, send_events, beat, store, say};
    for (uint64_t nth = 1; nth <= 2; nth++) {
        counting_mem_fail(&world->counting, nth, 1);
        assert_null(publisher_new(&options, &ports, &world->mem));
    }
    counting_mem_fail(&world->counting, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_webhook_gets_every_event_in_order_one_at_a_time),
        TEST(nothing_new_is_waited_for_without_a_timer),
        TEST(an_event_that_fails_is_tried_again_after_5_10_20_seconds_and_so_on),
        TEST(a_subscriber_may_ask_for_a_longer_delay_but_not_for_a_shorter_one),
        TEST(after_a_restart_at_any_step_everything_is_delivered_at_least_once),
        TEST(cursors_are_stored_after_the_delivery_and_several_at_once),
        TEST(a_disk_that_is_full_holds_up_no_delivery),
        TEST(an_event_passes_only_together_with_its_letter),
        TEST(a_slow_subscriber_does_not_hold_up_another),
        TEST(a_410_stops_a_subscriber_until_it_is_added_again),
        TEST(another_url_is_tried_at_once_and_as_often_as_a_first_one),
        TEST(what_the_url_before_says_does_not_count),
        TEST(a_letter_that_the_url_before_refuses_is_tried_at_the_new_one),
        TEST(a_subscriber_may_be_removed_while_a_post_is_under_way),
        TEST(what_is_not_stored_is_not_changed),
        TEST(a_cursor_beyond_an_older_journal_is_set_back),
        TEST(a_letter_that_is_tried_again_and_taken_is_gone),
        TEST(a_letter_whose_retry_fails_stays_and_is_not_tried_by_itself),
        TEST(a_letter_is_tried_between_two_tries_of_the_next_event),
        TEST(a_resolved_letter_is_gone_and_its_id_is_never_given_again),
        TEST(a_letter_may_be_resolved_while_it_is_tried_again),
        TEST(a_subscriber_that_cannot_be_removed_keeps_its_letters),
        TEST(a_removed_subscriber_takes_its_letters_along_and_no_others),
        TEST(a_stream_gets_every_event_in_order_in_few_messages),
        TEST(a_stream_that_gives_no_credit_gets_nothing_more),
        TEST(a_stream_that_is_full_is_sent_the_same_later_and_ended_after_a_minute),
        TEST(a_stream_hears_a_heartbeat_and_one_that_is_gone_is_dropped),
        TEST(a_stream_takes_the_place_of_an_older_one_of_its_name),
        TEST(a_stream_that_changes_its_name_takes_the_place_of_the_older_one),
        TEST(there_is_room_for_so_many_streams_and_webhooks),
        TEST(one_for_alarms_gets_every_alarm_and_nothing_else),
        TEST(a_subscriber_may_change_to_alarms_and_back),
        TEST(a_restart_does_not_pass_over_everything_again),
        TEST(without_memory_there_is_no_publisher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
