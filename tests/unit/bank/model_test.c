/* The bank adapter's core against a bank that does everything wrong, ledgers that hear half of it, and crashes: what bank.h promises holds.
 *
 * The world is driven by a seed. The bank keeps its own books: which payments it has worked on, and when it carries each out. A
 * ledger calls with number 1 and, after a failure, with the next; money must move at most once for all of them.
 *
 *     a payment is worked on at most once         SUCCEEDED was told: it was carried out
 *     FAILED was told: it never is carried out    what was told for good is never told otherwise
 *     once the faults end, everything ends */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/bank/world.h"

enum {
    REMITTANCES = 120,
    NUMBERS = 3,
    NET_MAX = 4096,
    STEPS = 3000,
    SEEDS = 40,
    DELAY_MAX_S =
        40, /* from a request to its carrying out: below the grace time, with its way and a jump of our clock */
    TRAVEL_MAX_S = 5,
};

enum bank_word { NOTHING, ACCEPTED, REJECTED };

/* A call in the bank's books and in its ledger's. */
struct entry {
    bool is_called;
    uint8_t final;       /* told for good: enum bank_outcome */
    bool is_acked;       /* … and the ack has left */
    bool is_done;        /* … and it was told no more after it */
    enum bank_word word; /* the bank has worked on it */
    int64_t carried_us;  /* ACCEPTED: from then on money has moved; true time */
    char id[WORLD_LINE];
};

struct packet {
    struct world_request request;
    int64_t arrives_us; /* at the bank, true time; then the reply comes back at */
    int64_t returns_us;
    bool is_delivered, is_orphan; /* orphan: who sent it has crashed */
    const char *word;
};

struct model {
    uint64_t random;
    struct counting_mem counting;
    struct mem mem;
    struct outbox *outbox;
    struct bank *bank;
    struct bank_config configs[2];
    int64_t true_us, clock_us; /* clock_us: by how much our clock is wrong */
    int64_t jump_us;           /* it is not set on before */
    struct entry entries[REMITTANCES][NUMBERS];
    struct packet net[NET_MAX];
    uint32_t net_count;
    bool is_calm;      /* no more faults */
    uint32_t crash_in; /* units until a crash; 0: none is planned */
    uint32_t crash_kind;
    uint32_t crashes, events;
    char ids[4096][16]; /* of payments that were worked on */
    uint32_t id_count;
};

static uint32_t roll(struct model *m, uint32_t sides)
{
    m->random = m->random * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(m->random >> 33) % sides;
}

static bool chance(struct model *m, uint32_t of_a_hundred)
{
    return !m->is_calm && roll(m, 100) < of_a_hundred;
}

static int64_t now_us(const struct model *m)
{
    return m->true_us + m->clock_us;
}

static struct entry *entry_of(struct model *m, const struct uuid *remittance, uint32_t number)
{
    uint32_t id;
    memcpy(&id, remittance->bytes + 4, sizeof id);
    assert_in_range(id, 0, REMITTANCES - 1);
    assert_in_range(number, 1, NUMBERS);
    return &m->entries[id][number - 1];
}

/* ---- the bank ---------------------------------------------------------------------------------------------------- */

static void work_on(struct model *m, struct packet *packet, struct entry *entry, bool is_accepted)
{
    uint32_t id;
    memcpy(&id, packet->request.remittance.bytes + 4, sizeof id);
    assert_int_equal(entry->word, NOTHING); /* at most one payment of a call */
    for (uint32_t n = 0; is_accepted && n < NUMBERS; n++)
        assert_int_not_equal(m->entries[id][n].word, ACCEPTED); /* and of a remittance */
    assert_int_equal(entry->final, 0);
    entry->word = is_accepted ? ACCEPTED : REJECTED;
    entry->carried_us = m->true_us;
    if (chance(m, 40))
        entry->carried_us += roll(m, DELAY_MAX_S) * SECOND;
    const char *name = packet->request.line + 4;
    for (uint32_t i = 0; i < m->id_count; i++)
        assert_string_not_equal(m->ids[i], name); /* an id is given once */
    (void)snprintf(entry->id, sizeof entry->id, "%s", name);
    (void)snprintf(m->ids[m->id_count++], sizeof m->ids[0], "%.15s", name);
}

static const char *refuse(struct model *m)
{
    static const char *const WORDS[] = {"token", "later", "later"};
    return chance(m, 10) ? WORDS[roll(m, 3)] : NULL;
}

static const char *say_pay(struct model *m, struct packet *packet, struct entry *entry)
{
    static const char *const AFTER[] = {"lost", "trouble", "what", "taken", "gone"};
    const char *refused = refuse(m);
    if (refused != NULL)
        return refused;
    if (chance(m, 5))
        return "lost"; /* and never worked on */
    bool is_accepted = m->is_calm || roll(m, 3) > 0;
    work_on(m, packet, entry, is_accepted);
    if (chance(m, 40))
        return AFTER[roll(m, 5)];
    if (!is_accepted)
        return chance(m, 50) ? "never" : "no";
    return entry->carried_us <= m->true_us ? "ok" : "taken";
}

static const char *say_ask(struct model *m, const struct entry *entry)
{
    static const char *const FAULTS[] = {"lost", "trouble", "what", "more"};
    const char *refused = refuse(m);
    if (refused != NULL)
        return refused;
    if (chance(m, 30))
        return FAULTS[roll(m, 4)];
    if (entry->word == NOTHING)
        return "gone";
    if (entry->word == REJECTED)
        return "no";
    if (entry->carried_us <= m->true_us)
        return "ok";
    return chance(m, 50) ? "what" : "gone"; /* its books are late */
}

static const char *say(struct model *m, struct packet *packet)
{
    static const char *const PREPARED[] = {"no", "trouble", "lost", "what", "never"};
    const char *line = packet->request.line;
    if (line[0] == 't')
        return chance(m, 20) ? (chance(m, 50) ? "no" : "lost") : "ok";
    struct entry *entry = entry_of(m, &packet->request.remittance, packet->request.call);
    if (line[0] == 'a')
        return say_ask(m, entry);
    if (line[1] == 'a')
        return say_pay(m, packet, entry);
    const char *refused = refuse(m);
    if (refused != NULL)
        return refused;
    return chance(m, 15) ? PREPARED[roll(m, 5)] : "go";
}

/* ---- the network ------------------------------------------------------------------------------------------------- */

static void transmit(struct model *m, const struct bank_request *request)
{
    assert_true(m->net_count < NET_MAX);
    struct packet *packet = &m->net[m->net_count++];
    *packet = (struct packet){.request = {.number = request->number, .bank = request->bank}};
    (void)snprintf(packet->request.line, sizeof packet->request.line, "%.60s", request->http.body);
    memcpy(&packet->request.remittance, request->http.headers[0], 16);
    memcpy(&packet->request.call, request->http.headers[1], 4);
    packet->arrives_us = m->true_us + (m->is_calm ? 0 : (int64_t)roll(m, TRAVEL_MAX_S * 1000000));
    packet->returns_us = packet->arrives_us + (m->is_calm ? 0 : (int64_t)roll(m, 3000000));
    if (chance(m, 5)) {
        packet->word = "refused"; /* it is never sent */
        packet->is_delivered = true;
    }
    uint32_t in_flight = 0;
    for (uint32_t i = 0; i < m->net_count; i++)
        in_flight += !m->net[i].is_orphan && m->net[i].request.bank == packet->request.bank;
    assert_true(in_flight <= m->configs[packet->request.bank].limits.parallel);
}

static void reply(struct model *m, const struct packet *packet)
{
    struct rail_reply answer = world_reply_of(packet->word);
    if (strcmp(packet->word, "later") == 0)
        answer.retry_after_s = chance(m, 50) ? 2 : -1;
    bank_reply(m->bank, now_us(m), packet->request.number, &answer);
    if (chance(m, 3)) /* twice */
        bank_reply(m->bank, now_us(m), packet->request.number, &answer);
}

static void run_net(struct model *m)
{
    for (uint32_t i = 0; i < m->net_count;) {
        struct packet *packet = &m->net[i];
        if (!packet->is_delivered && packet->arrives_us <= m->true_us) {
            packet->word = say(m, packet);
            packet->is_delivered = true;
        }
        if (!packet->is_delivered || packet->returns_us > m->true_us) {
            i++;
            continue;
        }
        struct packet done = *packet;
        m->net[i] = m->net[--m->net_count];
        if (!done.is_orphan)
            reply(m, &done);
    }
}

/* ---- ledgers ------------------------------------------------------------------------------------------------------ */

static void hear(struct model *m, const struct bank_report *report)
{
    struct entry *entry = entry_of(m, &report->remittance, report->number);
    assert_true(entry->is_called);
    assert_int_equal(report->partition, 3);
    if (report->outcome == BANK_UNKNOWN) {
        return; /* it may be late */
    }
    assert_true(entry->final == 0 || entry->final == report->outcome);
    if (report->outcome == BANK_SUCCEEDED) {
        assert_int_equal(entry->word, ACCEPTED);
        assert_true(entry->carried_us <= m->true_us);
    } else {
        assert_int_not_equal(entry->word, ACCEPTED);
    }
    entry->final = report->outcome; /* work_on: nothing is worked on after it */
}

static void call(struct model *m, uint32_t id, uint32_t number)
{
    struct bank_call bank_call_ = world_call_of(id, number);
    if (id % 3 == 0)
        (void)snprintf(bank_call_.bank, sizeof bank_call_.bank, "free");
    if (id % 2 == 0)
        (void)snprintf(bank_call_.payee, sizeof bank_call_.payee, "plain");
    m->entries[id][number - 1].is_called = true;
    bank_call(m->bank, now_us(m), &bank_call_);
}

/* Calls, calls again (late ones of numbers that are long over too), acks. */
static void step_ledger(struct model *m, uint32_t id)
{
    for (uint32_t number = 1; number <= NUMBERS; number++) {
        struct entry *entry = &m->entries[id][number - 1];
        if (!entry->is_called || entry->final == 0) {
            call(m, id, number);
            return;
        }
        if (chance(m, 20))
            call(m, id, number);
        struct bank_call told = world_call_of(id, number);
        struct bank_ack ack = {told.remittance, number, told.partition, entry->final};
        if (!chance(m, 30))
            bank_acked(m->bank, now_us(m), &ack);
        if (entry->final == BANK_SUCCEEDED)
            return;
    }
}

static void step_event(struct model *m)
{
    struct rail_notice notice = {.until_us = now_us(m) + 300 * SECOND};
    const struct entry *entry = &m->entries[roll(m, REMITTANCES)][0];
    (void)snprintf(notice.event, sizeof notice.event, "e%u", roll(m, 200));
    (void)snprintf(notice.id, sizeof notice.id, "%.60s", entry->id);
    bank_callback(m->bank, now_us(m), chance(m, 50) ? "toy" : "free", &notice, m);
    m->events++;
}

/* ---- the core ------------------------------------------------------------------------------------------------------ */

static void apply(struct model *m, const struct bank_unit *unit)
{
    struct outbox_put puts[2048];
    for (size_t i = 0; i < unit->put_count; i++) {
        const struct bank_put *put = &unit->puts[i];
        puts[i] = (struct outbox_put){put->table, put->key, put->key_length, put->value, put->value_length};
    }
    assert_int_equal(outbox_apply(m->outbox, puts, unit->put_count), ERR_OK);
}

static enum err restore(void *context, uint8_t table, const uint8_t *key, size_t key_length,
                        const uint8_t *value, size_t value_length)
{
    return bank_restore(context, table, key, key_length, value, value_length);
}

static void start(struct model *m)
{
    m->bank = bank_new(m->configs, 2, 0, &m->mem);
    assert_non_null(m->bank);
    assert_int_equal(outbox_scan(m->outbox, restore, m->bank), ERR_OK);
    assert_int_equal(bank_recovered(m->bank, now_us(m)), ERR_OK);
    bank_check(m->bank);
}

static void crash(struct model *m)
{
    m->crashes++;
    for (uint32_t i = 0; i < m->net_count; i++)
        m->net[i].is_orphan = true;
    bank_destroy(&m->bank);
    assert_int_equal(m->counting.live_blocks, 0);
    start(m);
}

/* true: it crashed somewhere in it. */
static bool run_unit(struct model *m, struct bank_unit *unit)
{
    bool is_crash = m->crash_in > 0 && --m->crash_in == 0;
    if (is_crash && m->crash_kind == 0) {
        crash(m);
        return true;
    }
    apply(m, unit);
    size_t requests = unit->request_count, reports = unit->report_count;
    if (is_crash && m->crash_kind == 1)
        requests = reports = 0;
    if (is_crash && m->crash_kind == 2) {
        requests = roll(m, (uint32_t)requests + 1);
        reports = roll(m, (uint32_t)reports + 1);
    }
    for (size_t i = 0; i < requests; i++)
        transmit(m, unit->requests[i]);
    for (size_t i = 0; i < reports; i++) {
        if (!chance(m, 20)) /* lost */
            hear(m, &unit->reports[i]);
    }
    if (is_crash) {
        crash(m);
        return true;
    }
    bank_release(m->bank, unit);
    bank_check(m->bank);
    return false;
}

static void run_core(struct model *m)
{
    struct bank_unit *unit;
    while ((unit = bank_take(m->bank)) != NULL) {
        if (run_unit(m, unit))
            break;
    }
}

static void step(struct model *m)
{
    m->true_us += m->is_calm ? SECOND / 10 : (int64_t)roll(m, 400000);
    if (chance(m, 2))
        m->clock_us -= (2 + roll(m, 3600)) * SECOND;
    if (m->true_us > m->jump_us && chance(m, 2)) { /* one in a minute */
        m->clock_us += (int64_t)roll(m, 3600) * SECOND;
        m->jump_us = m->true_us + 60 * SECOND;
    }
    if (chance(m, 10))
        counting_mem_fail(&m->counting, 1 + roll(m, 3), 1 + roll(m, 20));
    if (m->crash_in == 0 && chance(m, 5)) {
        m->crash_in = 1 + roll(m, 20);
        m->crash_kind = roll(m, 3);
    }
    if (bank_due_us(m->bank) <= now_us(m) || chance(m, 50))
        bank_timer(m->bank, now_us(m));
    run_net(m);
    for (int i = 0; i < 4; i++)
        step_ledger(m, roll(m, REMITTANCES));
    if (chance(m, 10))
        step_event(m);
    counting_mem_fail(&m->counting, 0, 0);
    run_core(m);
}

/* ---- a life ---------------------------------------------------------------------------------------------------------- */

/* The first unit of all: when the store was made. Nothing is called before it is there. */
static void make_store(struct model *m)
{
    struct bank_unit *unit = bank_take(m->bank);
    assert_non_null(unit);
    apply(m, unit);
    bank_release(m->bank, unit);
}

static void begin(struct model *m, uint64_t seed)
{
    memset(m, 0, sizeof *m);
    m->random = seed * 2654435761U + 1;
    m->true_us = 1000000 * SECOND;
    m->mem = counting_mem_port(&m->counting);
    m->outbox = outbox_memory_new();
    struct bank_limits limits = bank_limits_default();
    limits.parallel = 1 + roll(m, 24);
    limits.inquiry_max_us = 20 * SECOND;
    limits.circuit_failures = 1 + roll(m, 4);
    limits.circuit_max_us = 10 * SECOND;
    m->configs[0] = (struct bank_config){"toy", &toy_rail, NULL, limits};
    limits.parallel = 1 + roll(m, 24);
    limits.rate_per_s = roll(m, 2) * 5;
    m->configs[1] = (struct bank_config){"free", &free_rail, NULL, limits};
    start(m);
    make_store(m);
}

static void finish(struct model *m)
{
    bank_destroy(&m->bank);
    outbox_close(&m->outbox);
    assert_int_equal(m->counting.live_blocks, 0);
}

/* Every remittance has ended: by success, or by a failure of its last call. */
static bool has_ended(const struct model *m)
{
    for (uint32_t id = 0; id < REMITTANCES; id++) {
        const struct entry *last = &m->entries[id][0];
        for (uint32_t n = 1; n < NUMBERS && last->final == BANK_FAILED; n++)
            last = &m->entries[id][n];
        if (last->final == 0)
            return false;
    }
    return true;
}

static void calm_down(struct model *m)
{
    struct bank_job_view view;
    m->is_calm = true;
    m->crash_in = 0;
    uint32_t steps = 0;
    while (!has_ended(m) || bank_jobs(m->bank, STR_LITERAL(""), 0, &view, 1) > 0) {
        step(m);
        assert_true(++steps < 20000);
    }
}

static void whatever_goes_wrong_money_moves_at_most_once_and_everything_ends(void **state)
{
    struct model *m = *state;
    uint64_t crashes = 0, refused = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin(m, seed);
        for (int i = 0; i < STEPS; i++)
            step(m);
        calm_down(m);
        crashes += m->crashes;
        refused += m->counting.failed;
        finish(m);
    }
    assert_true(crashes > SEEDS && refused > SEEDS);
}

/* Nothing else goes wrong: each unit of a life, crashed in each of three ways. */
static void a_crash_at_any_unit_and_any_point_of_it_does_no_harm(void **state)
{
    struct model *m = *state;
    for (uint32_t kind = 0; kind < 3; kind++) {
        for (uint32_t at = 1;; at++) {
            begin(m, 7 + at);
            m->is_calm = true;
            m->crash_in = at;
            m->crash_kind = kind;
            struct bank_job_view view;
            uint32_t steps = 0;
            while (!has_ended(m) || bank_jobs(m->bank, STR_LITERAL(""), 0, &view, 1) > 0) {
                step(m);
                assert_true(++steps < 20000);
            }
            uint32_t crashes = m->crashes;
            finish(m);
            if (crashes == 0)
                break;
        }
    }
}

static int make(void **state)
{
    *state = calloc(1, sizeof(struct model));
    return *state == NULL;
}

static int drop(void **state)
{
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whatever_goes_wrong_money_moves_at_most_once_and_everything_ends,
                                        make, drop),
        cmocka_unit_test_setup_teardown(a_crash_at_any_unit_and_any_point_of_it_does_no_harm, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
