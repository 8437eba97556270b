/* What the watch over remittances must notice: the facts of a good run are told to it again, with one thing tampered with, and the first
 * breach is of the invariant that the row of the table says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/remittances/world.h"

enum { BYTES = 1 << 16, ANY = 0 };

/* A remittance that comes to its payee; one that goes back to its payer, with all rounds of its push and an alarm. */
enum story { PAID, RETURNED, STORIES };

static const char *const RULES[STORIES] = {
    [PAID] = "[]",
    [RETURNED] = "[{\"step\": \"push\", \"account\": \"20000000\", \"do\": \"refused\", \"code\": \"453\"}, "
                 "{\"step\": \"push\", \"account\": \"097:\", \"do\": \"refused\", \"code\": \"453\"}]",
};

/* What a fact of a remittance says, wherever it stands in the fact. */
struct place {
    uint8_t *bytes;
    struct fact_remittance_part part;
};

enum change { DROP = 1, TWICE, EDIT, EARLY, LATE, SILENT };

struct tampering {
    const char *name, *expected;
    enum story story;
    enum change change;
    uint8_t state, kind, tries; /* the first fact that says them all; ANY */
    void (*edit)(struct place *place);
};

/* ---- good runs ----------------------------------------------------------------------------------------- */

static struct remittances_world *good[STORIES];

static void ask(void *context, void *pointer, uint64_t number)
{
    (void)pointer, (void)number;
    people_make(context, 0, false);
}

static const struct run_config *config(void)
{
    static const struct run_config fixed = {
        .kind = RUN_REMITTANCES, .seed = 1, .length_us = 7200 * REMIT_SECOND_US};
    return &fixed;
}

static struct remittances_world *fresh(void)
{
    struct remittances_world *world = calloc(1, sizeof *world);
    CHECK(world != NULL);
    remittances_begin(world, config());
    world->wall_us = REMIT_BEFORE_MIDNIGHT_US;
    return world;
}

static int play(void **state)
{
    (void)state;
    for (int story = 0; story < STORIES; story++) {
        char why[160] = "";
        struct remittances_world *world = good[story] = fresh();
        banks_open(world);
        node_start(world);
        adapter_start(world);
        people_open_accounts(world);
        enum err err = virtual_bank_rules(world->banks[0], RULES[story], strlen(RULES[story]), why);
        CHECK(err == ERR_OK);
        stage_after(&world->stage, REMIT_SECOND_US, ask, world, NULL, 0);
        stage_run(&world->stage, config()->length_us);
        CHECK(!world->stage.is_broken);
        CHECK(world->watch.known[0].state == (story == PAID ? REMITTANCE_COMPLETED : REMITTANCE_REFUNDED));
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (int story = 0; story < STORIES; story++)
        remittances_release(good[story]);
    return 0;
}

/* ---- telling it again ------------------------------------------------------------------------------------ */

static size_t part_at(uint8_t kind)
{
    return fact_is_posting(kind) ? offsetof(struct fact_remittance_posting, part)
                                 : offsetof(struct fact_remittance, part);
}

static void write_part(const struct place *place)
{
    memcpy(place->bytes + part_at(place->bytes[0]), &place->part, sizeof place->part);
}

struct telling {
    const struct tampering *row; /* NULL: as it was */
    bool is_done;
    uint8_t bytes[BYTES];
    size_t length;
    int64_t time_us;
};

static bool is_meant(const struct telling *telling, const struct place *place)
{
    const struct tampering *row = telling->row;
    return row != NULL && !telling->is_done && (row->state == ANY || place->part.state == row->state) &&
           (row->kind == ANY || place->bytes[0] == row->kind) &&
           (row->tries == ANY || place->part.tries == row->tries);
}

static void tamper(struct telling *telling, struct place *place, size_t size)
{
    const struct tampering *row = telling->row;
    telling->is_done = true;
    if (row->change == DROP)
        telling->length -= size;
    if (row->change == TWICE) {
        CHECK(telling->length + size <= BYTES);
        memcpy(telling->bytes + telling->length, place->bytes, size);
        telling->length += size;
    }
    if (row->change == EARLY)
        telling->time_us -= 5 * REMIT_SECOND_US;
    if (row->change == LATE)
        telling->time_us += 3600 * REMIT_SECOND_US;
    if (row->edit != NULL) {
        row->edit(place);
        write_part(place);
    }
}

static void add_fact(struct telling *telling, const uint8_t *bytes, size_t size)
{
    struct place place = {.bytes = telling->bytes + telling->length};
    CHECK(telling->length + size <= BYTES);
    memcpy(place.bytes, bytes, size);
    telling->length += size;
    if (!fact_is_remittance(bytes[0]))
        return;
    memcpy(&place.part, bytes + part_at(bytes[0]), sizeof place.part);
    if (is_meant(telling, &place))
        tamper(telling, &place, size);
}

/* The alarms that leave with a commit, as the ledger tells them. */
static size_t alarms_of(const struct remittances_world *world, struct ledger_alarm out[4])
{
    size_t count = 0;
    for (uint32_t i = 0; i < world->watch.raised; i++)
        out[count++] = (struct ledger_alarm){.remittance = world->watch.known[0].id};
    for (uint32_t i = 0; i < world->watch.over; i++)
        out[count++] = (struct ledger_alarm){.remittance = world->watch.known[0].id, .is_over = true};
    return count;
}

struct hearing {
    struct remittances_world *world;
    struct telling *telling;
};

static enum err tell_commit(void *context, const struct journal_commit *commit)
{
    struct hearing *hearing = context;
    struct remittances_world *world = hearing->world;
    struct telling *telling = hearing->telling;
    size_t size;
    struct ledger_alarm alarms[4];
    bool was_done = telling->is_done;
    telling->length = 0;
    telling->time_us = commit->time_us;
    for (size_t at = 0; at < commit->length; at += size) {
        enum err err = fact_check(commit->facts + at, commit->length - at, &size);
        CHECK(err == ERR_OK);
        add_fact(telling, commit->facts + at, size);
    }
    world->stage.now_us = commit->time_us - world->wall_us;
    remit_watch_commit(world, telling->time_us, commit->position, telling->bytes, telling->length);
    bool is_silent = telling->is_done && !was_done && telling->row->change == SILENT;
    remit_watch_alarms(world, alarms, is_silent ? 0 : alarms_of(world, alarms));
    return ERR_OK;
}

/* A watch that knows what was asked, and nothing else. */
static struct remittances_world *watch_new(const struct remittances_world *from)
{
    struct remittances_world *world = fresh();
    const struct known *was = &from->watch.known[0];
    struct known *known = remit_watch_add(&world->watch);
    known->id = was->id;
    known->account = was->account;
    known->amount = was->amount;
    known->is_asked = true;
    memcpy(known->payer, was->payer, sizeof known->payer);
    memcpy(known->payee, was->payee, sizeof known->payee);
    return world;
}

static struct remittances_world *told(enum story story, const struct tampering *row)
{
    static struct telling telling;
    struct remittances_world *world = watch_new(good[story]);
    struct hearing hearing = {world, &telling};
    telling = (struct telling){.row = row};
    enum err err = journal_walk(good[story]->stores.journal, FACT_FIRST, tell_commit, &hearing);
    CHECK(err == ERR_OK);
    if (row != NULL && !telling.is_done)
        print_error("%s: there is no such fact\n", row->name);
    assert_true(row == NULL || telling.is_done);
    return world;
}

/* ---- what is tampered with --------------------------------------------------------------------------------- */

static void amount(struct place *place)
{
    int64_t *at = (int64_t *)(void *)(place->bytes + (fact_is_posting(place->bytes[0])
                                                          ? offsetof(struct fact_posting, amount)
                                                          : offsetof(struct fact_remittance, amount)));
    int64_t value;
    memcpy(&value, at, sizeof value);
    value++;
    memcpy(at, &value, sizeof value);
}

static void id(struct place *place)
{
    place->bytes[fact_is_posting(place->bytes[0]) ? offsetof(struct fact_posting, id)
                                                  : offsetof(struct fact_remittance, id)] ^= 1;
}

static void previous(struct place *place)
{
    place->part.previous++;
}

static void requested(struct place *place)
{
    place->part.requested--;
}

static void call_more(struct place *place)
{
    place->part.call++;
}

static void call_less(struct place *place)
{
    place->part.call--;
}

static void try_more(struct place *place)
{
    place->part.tries++;
}

static void try_less(struct place *place)
{
    place->part.tries--;
}

static void round_more(struct place *place)
{
    place->part.rounds++;
}

static void no_alarm(struct place *place)
{
    place->part.flags &= (uint8_t)~FACT_REMITTANCE_ALARMED;
}

static void contradicted(struct place *place)
{
    place->part.flags |= FACT_REMITTANCE_CONTRADICTED;
}

static void to_dead_letter(struct place *place)
{
    place->part.state = REMITTANCE_DEAD_LETTER;
}

static void to_push_failed(struct place *place)
{
    place->part.state = REMITTANCE_PUSH_FAILED;
}

static void to_pushing(struct place *place)
{
    place->part.state = REMITTANCE_PUSHING;
    place->part.step = REMITTANCE_STEP_PUSH;
}

#define AT(state) REMITTANCE_##state
#define OF(kind) FACT_REMITTANCE_##kind

static const struct tampering ROWS[] = {
    {"the request is missing", "W3", PAID, DROP, AT(REQUESTED), ANY, ANY, NULL},
    {"the request is there twice", "W3", PAID, TWICE, AT(REQUESTED), ANY, ANY, NULL},
    {"the call of the pull is missing", "W3", PAID, DROP, AT(PULLING), ANY, ANY, NULL},
    {"the pull's posting is missing", "W3", PAID, DROP, ANY, OF(PULLED), ANY, NULL},
    {"the deposit's posting is missing", "W3", PAID, DROP, ANY, OF(DEPOSITED), ANY, NULL},
    {"the withdrawal's posting is missing", "W3", PAID, DROP, ANY, OF(WITHDRAWN), ANY, NULL},
    {"the deposit is posted twice", "W3", PAID, TWICE, ANY, OF(DEPOSITED), ANY, NULL},
    {"the end is told twice", "W3", PAID, TWICE, AT(COMPLETED), ANY, ANY, NULL},
    {"a fact says that it follows another", "W3", PAID, EDIT, AT(DEPOSITED), ANY, ANY, previous},
    {"a posting says another request", "W3", PAID, EDIT, AT(WITHDRAWN), ANY, ANY, requested},
    {"a posting has another amount", "W7", PAID, EDIT, ANY, OF(DEPOSITED), ANY, amount},
    {"a request has another amount", "W7", PAID, EDIT, AT(REQUESTED), ANY, ANY, amount},
    {"a fact is about nobody's remittance", "W7", PAID, EDIT, AT(PULLED), ANY, ANY, id},
    {"the payment is posted in no end", "W3", PAID, EDIT, ANY, OF(PAID), ANY, to_dead_letter},
    {"the money is pushed from where it is not", "W3", PAID, EDIT, AT(PULLING), OF(MOVED), ANY, to_pushing},
    {"a call's number is passed over", "W4", PAID, EDIT, AT(PUSHING), ANY, ANY, call_more},
    {"a call has the number of the last", "W4", PAID, EDIT, AT(PUSHING), ANY, ANY, call_less},
    {"a number begins with a posting", "W4", PAID, EDIT, AT(DEPOSITED), ANY, ANY, call_more},
    {"a first try is called the second", "W5", PAID, EDIT, AT(PULLING), ANY, ANY, try_more},
    {"a bank contradicts itself", "W1", PAID, EDIT, AT(PULLED), ANY, ANY, contradicted},
    {"a refund has the push's number", "W4", RETURNED, EDIT, AT(REFUNDING), ANY, ANY, call_less},
    {"a failed try does not count", "W5", RETURNED, EDIT, AT(PUSH_WAITING), ANY, ANY, try_less},
    {"a failed try counts twice", "W5", RETURNED, EDIT, AT(PUSH_WAITING), ANY, ANY, try_more},
    {"a round begins with a failure", "W5", RETURNED, EDIT, AT(PUSH_FAILED), ANY, ANY, round_more},
    {"a wait is not kept", "W5", RETURNED, EARLY, AT(PUSHING), ANY, 2, NULL},
    {"an alarm is noted without its flag", "W6", RETURNED, EDIT, ANY, OF(NOTED), ANY, no_alarm},
    {"an alarm comes before its time", "W6", RETURNED, EARLY, ANY, OF(NOTED), ANY, NULL},
    {"an alarm ends with a try", "W6", RETURNED, EDIT, AT(REFUNDING), ANY, ANY, no_alarm},
    {"no alarm comes for a remittance that is late", "W6", RETURNED, LATE, AT(PUSH_WAITING), ANY, ANY, NULL},
    {"an alarm is written and not told", "W6", RETURNED, SILENT, ANY, OF(NOTED), ANY, NULL},
    {"the end of an alarm is not told", "W6", RETURNED, SILENT, AT(REFUNDED), ANY, ANY, NULL},
    {"a wait is taken for the end of a round", "W5", RETURNED, EDIT, AT(PUSH_WAITING), ANY, ANY,
     to_push_failed},
};

static bool is_found(const struct tampering *row, char text[256])
{
    struct remittances_world *world = told(row->story, row);
    const struct breach *breach = &world->stage.breach;
    bool found = world->stage.is_broken && strcmp(breach->invariant, row->expected) == 0;
    snprintf(text, 256, "%s: %s %.150s", row->name, world->stage.is_broken ? breach->invariant : "nothing",
             breach->text);
    remittances_release(world);
    return found;
}

static void what_is_told_as_it_was_breaks_nothing(void **state)
{
    (void)state;
    for (int story = 0; story < STORIES; story++) {
        struct remittances_world *world = told((enum story)story, NULL);
        assert_false(world->stage.is_broken);
        remittances_release(world);
    }
}

static void whatever_is_tampered_with_is_found(void **state)
{
    bool all = true;
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof *ROWS; i++) {
        char text[256];
        if (!is_found(&ROWS[i], text)) {
            print_error("%s, not %s\n", text, ROWS[i].expected);
            all = false;
        }
    }
    assert_true(all);
}

static void expect(struct remittances_world *world, const char *invariant)
{
    assert_true(world->stage.is_broken);
    assert_string_equal(world->stage.breach.invariant, invariant);
    remittances_release(world);
}

static void money_that_a_bank_moves_twice_or_for_nobody_is_found(void **state)
{
    const struct virtual_entry pull = {.is_in = true, .amount = 1000},
                               strange = {.is_in = true, .amount = 1001};
    (void)state;
    struct remittances_world *world = told(PAID, NULL);
    remit_watch_entry(world, 0, &pull);
    assert_false(world->stage.is_broken);
    remit_watch_entry(world, 0, &pull);
    expect(world, "W1");
    world = told(PAID, NULL);
    remit_watch_entry(world, 1, &pull);
    expect(world, "W1");
    world = told(PAID, NULL);
    remit_watch_entry(world, 0, &strange);
    expect(world, "W1");
}

static void a_push_before_the_pull_is_found(void **state)
{
    const struct virtual_entry push = {.amount = 1000};
    (void)state;
    struct remittances_world *world = told(PAID, NULL);
    remit_watch_entry(world, 0, &push);
    expect(world, "W1");
}

static void an_answer_before_its_commit_is_found(void **state)
{
    (void)state;
    struct remittances_world *world = watch_new(good[PAID]);
    remit_watch_answered(world, 0);
    expect(world, "W7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_as_it_was_breaks_nothing),
        cmocka_unit_test(whatever_is_tampered_with_is_found),
        cmocka_unit_test(money_that_a_bank_moves_twice_or_for_nobody_is_found),
        cmocka_unit_test(a_push_before_the_pull_is_found),
        cmocka_unit_test(an_answer_before_its_commit_is_found),
    };
    return cmocka_run_group_tests(tests, play, end);
}
