/* The core, both rails and a bank that does wrong by rule agree in the end: what ledgers were told is what the bank has really paid.
 *
 * The bank is the simulator's (sim/bank), and keeps its own ledger. A life has a storm, in which rules spoil requests, replies and
 * callbacks, we crash, and midnight passes in Korea; and a calm after it, in which everything ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/bank/bank.h"
#include "adapters/kftc/kftc.h"
#include "adapters/obie/obie.h"
#include "sim/bank/inside.h"
#include "sim/counting_mem.h"
#include "store/outbox.h"

#define BASE "http://bank.example"
#define SECOND INT64_C(1000000)
#define MIDNIGHT_US INT64_C(1795273200000000) /* in Korea: 2026-11-21 15:00:00 UTC */

enum {
    REMITTANCES = 48,
    NUMBERS = 8,
    NET_MAX = 64,
    IDS_MAX = 4096,
    SEEDS = 10,
    STORM_S = 300,
    CALM_S = 7200
};

struct sent {
    uint64_t number;
    int64_t arrives_us, returns_us;
    bool is_worked, is_lost;
    struct rail_request http;
    long status;
    int64_t retry_after_s;
    char *body, *signature;
    size_t length;
    uint32_t timeout_ms;
};

struct owner {
    char id[RAIL_ID_MAX + 1];
    uint32_t remittance, number;
};

struct life {
    uint64_t random;
    bool is_calm;
    int64_t now_us, begin_us;
    struct counting_mem counting;
    struct mem mem;
    struct outbox *outbox;
    struct bank *bank;
    struct bank_config configs[2];
    struct virtual_bank *other;
    struct sent *net[NET_MAX];
    uint32_t net_count;
    uint8_t finals[REMITTANCES][NUMBERS];
    bool is_called[REMITTANCES][NUMBERS];
    bool is_permanent[REMITTANCES][NUMBERS];
    struct owner owners[IDS_MAX];
    uint32_t owner_count;
    uint32_t crashes, callbacks;
};

static uint32_t roll(struct life *l, uint32_t sides)
{
    l->random = l->random * 6364136223846793005U + 1442695040888963407U;
    return (uint32_t)(l->random >> 33) % sides;
}

/* ---- the bank ---------------------------------------------------------------------------------------------------- */

static const char *const RULES[] = {
    "{'step':'pull','do':'timeout','when':'before','probability':'0.15'}",
    "{'step':'pull','do':'timeout','when':'after','probability':'0.2'}",
    "{'step':'push','do':'hangup','when':'before','probability':'0.15'}",
    "{'step':'push','do':'hangup','when':'after','probability':'0.2'}",
    "{'step':'push','do':'status','status':503,'when':'after','probability':'0.2'}",
    "{'step':'pull','do':'status','status':500,'when':'before','probability':'0.2'}",
    "{'step':'push','do':'half','when':'after','probability':'0.2'}",
    "{'step':'pull','do':'cut','when':'after','probability':'0.2'}",
    "{'step':'pull','do':'garbage','when':'after','probability':'0.2'}",
    "{'step':'push','do':'error_body','when':'after','probability':'0.2'}",
    "{'step':'pull','do':'empty','when':'after','probability':'0.2'}",
    "{'do':'busy','probability':'0.05','retry_after':2}",
    "{'do':'token_refused','probability':'0.05'}",
    "{'step':'push','do':'refused','probability':'0.1'}",
    "{'step':'pull','do':'refused','probability':'0.1'}",
    "{'step':'push','do':'processing','seconds':20,'probability':'0.3'}",
    "{'step':'pull','do':'processing','inquiries':2,'probability':'0.3'}",
    "{'step':'pull','do':'wrong_amount','probability':'0.1'}",
    "{'step':'push','do':'wrong_currency','probability':'0.1'}",
    "{'step':'inquiry','do':'garbage','probability':'0.2'}",
    "{'step':'inquiry','do':'timeout','probability':'0.1'}",
    "{'step':'consent','do':'status','status':502,'probability':'0.2'}",
    "{'step':'token','do':'status','status':500,'probability':'0.2'}",
    "{'do':'callback_early','probability':'0.3'}",
    "{'do':'callback_twice','probability':'0.3'}",
    "{'do':'callback_contradictory','probability':'0.3'}",
    "{'do':'callback_unknown','probability':'0.3'}",
    "{'do':'callback_forged','probability':'0.3'}",
    "{'do':'slow','delay_ms':5000,'probability':'0.1'}",
    "{'do':'outage','seconds':20,'how':'timeout','probability':'0.003'}",
};

/* Each rule is there or not; none once it is calm. */
static void set_rules(struct life *l)
{
    char json[sizeof RULES / sizeof *RULES * 96 + 8] = "[", why[160] = "";
    size_t length = 1;
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++) {
        if (l->is_calm || roll(l, 2) == 0)
            continue;
        length +=
            (size_t)snprintf(json + length, sizeof json - length, "%s%s", length > 1 ? "," : "", RULES[i]);
    }
    (void)snprintf(json + length, sizeof json - length, "]");
    for (char *at = json; *at != '\0'; at++)
        *at = *at == '\'' ? '"' : *at;
    if (virtual_bank_rules(l->other, json, strlen(json), why) != ERR_OK)
        fail_msg("%s", why);
}

static const char *header_of(const struct virtual_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++) {
        if (strcasecmp(reply->headers[i].name, name) == 0)
            return reply->headers[i].value;
    }
    return NULL;
}

/* The bank gets the request, and does what it does. */
static void work(struct life *l, struct sent *sent)
{
    static struct virtual_reply reply;
    static char names[RAIL_HEADERS_MAX][64];
    struct virtual_header headers[RAIL_HEADERS_MAX];
    const struct rail_request *http = &sent->http;
    for (size_t i = 0; i < http->header_count; i++) {
        size_t length = strcspn(http->headers[i], ":");
        (void)snprintf(names[i], sizeof names[i], "%.*s", (int)length, http->headers[i]);
        headers[i] = (struct virtual_header){names[i], http->headers[i] + length + 2};
    }
    struct virtual_request request = {
        http->method, http->url + strlen(BASE), headers, http->header_count, http->body, http->length};
    virtual_bank_handle(l->other, l->now_us, &request, &reply);
    sent->is_worked = true;
    sent->is_lost = reply.delivery != VIRTUAL_ANSWER;
    int64_t timeout_us = (int64_t)sent->timeout_ms * 1000;
    sent->returns_us = l->now_us + 20000 + reply.delay_us;
    if (reply.delivery == VIRTUAL_SILENCE || reply.delay_us > timeout_us) {
        sent->is_lost = true;
        sent->returns_us = l->now_us + timeout_us;
    }
    const char *retry = header_of(&reply, "Retry-After"), *signature = header_of(&reply, "x-jws-signature");
    sent->status = reply.status;
    sent->retry_after_s = retry != NULL ? atoi(retry) : -1;
    sent->signature = signature != NULL ? strdup(signature) : NULL;
    sent->length = reply.length;
    sent->body = calloc(1, reply.length + 1);
    if (reply.length > 0)
        memcpy(sent->body, reply.body, reply.length);
}

static void sent_free(struct sent *sent)
{
    free(sent->body);
    free(sent->signature);
    free(sent);
}

static void come_back(struct life *l, struct sent *sent)
{
    struct rail_reply reply = {.arrival = RAIL_LOST, .retry_after_s = -1};
    if (!sent->is_lost)
        reply = (struct rail_reply){RAIL_ARRIVED, sent->status,        sent->body,
                                    sent->length, sent->retry_after_s, sent->signature};
    bank_reply(l->bank, l->now_us, sent->number, &reply);
    sent_free(sent);
}

static void run_net(struct life *l)
{
    for (uint32_t i = 0; i < l->net_count;) {
        struct sent *sent = l->net[i];
        if (!sent->is_worked && sent->arrives_us <= l->now_us)
            work(l, sent);
        if (!sent->is_worked || sent->returns_us > l->now_us) {
            i++;
            continue;
        }
        l->net[i] = l->net[--l->net_count];
        if (sent->number != 0)
            come_back(l, sent);
        else
            sent_free(sent); /* who asked has crashed */
    }
}

/* Events that the bank posts to us; a forged one ends at the rail. */
static void run_webhooks(struct life *l)
{
    struct virtual_post post;
    for (int i = 0; i < 4 && virtual_bank_post(l->other, l->now_us, &post); i++) {
        struct rail_post given = {
            .content_type = post.content_type, .body = post.body, .length = post.length};
        struct rail_notice notice = {.until_us = 0};
        int status = 400;
        if (RAIL_OBIE.callback(l->configs[1].own, &given, l->now_us, &notice) == RAIL_POST_TAKEN) {
            bank_callback(l->bank, l->now_us, "obie", &notice, l);
            l->callbacks++;
            status = 202;
        }
        virtual_bank_posted(l->other, l->now_us, post.id, status);
    }
}

/* ---- ledgers -------------------------------------------------------------------------------------------------------- */

static struct bank_call call_of(uint32_t id, uint32_t number)
{
    static const enum bank_step STEPS[] = {BANK_PULL, BANK_PUSH, BANK_REFUND};
    bool is_kftc = id % 2 == 0;
    struct bank_call call = {
        .number = number,
        .step = (uint8_t)STEPS[id % 3],
        .amount = 1000 + id,
        .called_us = MIDNIGHT_US, /* and no store is made later */
        .currency = currency_find(is_kftc ? "KRW" : "GBP", 3),
    };
    memcpy(call.remittance.bytes, &(uint32_t){id + 1}, 4);
    (void)snprintf(call.bank, sizeof call.bank, "%s", is_kftc ? "kftc" : "obie");
    (void)snprintf(call.payer, sizeof call.payer, "%s",
                   is_kftc ? "111111111111111111111111" : "mandate-1@UK.OBIE.IBAN:PAYER:Payer");
    (void)snprintf(call.payee, sizeof call.payee, "%s", is_kftc ? "004:777:KIM" : "UK.OBIE.IBAN:PAYEE:Payee");
    (void)snprintf(call.memo, sizeof call.memo, "%s", "rent");
    return call;
}

static void hear(struct life *l, const struct bank_report *report)
{
    uint32_t id;
    memcpy(&id, report->remittance.bytes, 4);
    uint8_t *final = &l->finals[id - 1][report->number - 1];
    if (report->outcome == BANK_UNKNOWN)
        return;
    assert_true(*final == 0 || *final == report->outcome);
    *final = report->outcome;
    l->is_permanent[id - 1][report->number - 1] = report->is_permanent;
}

/* true: it has ended. */
static bool step_ledger(struct life *l, uint32_t id)
{
    for (uint32_t number = 1; number <= NUMBERS; number++) {
        uint8_t final = l->finals[id][number - 1];
        struct bank_call call = call_of(id, number);
        if (final == 0) {
            l->is_called[id][number - 1] = true;
            bank_call(l->bank, l->now_us, &call);
            return false;
        }
        struct bank_ack ack = {call.remittance, number, call.partition, final};
        if (roll(l, 3) > 0)
            bank_acked(l->bank, l->now_us, &ack);
        if (final == BANK_SUCCEEDED || l->is_permanent[id][number - 1])
            return true;
    }
    return true;
}

/* Whose each id is, also of jobs that a crash makes anew. */
static void note_owners(struct life *l)
{
    static struct bank_job_view views[REMITTANCES * NUMBERS];
    size_t count = bank_jobs(l->bank, STR_LITERAL(""), 0, views, sizeof views / sizeof *views);
    for (size_t i = 0; i < count; i++) {
        uint32_t at = 0, id;
        memcpy(&id, views[i].job.call.remittance.bytes, 4);
        while (at < l->owner_count && strcmp(l->owners[at].id, views[i].job.id) != 0)
            at++;
        if (at < l->owner_count) {
            assert_int_equal(l->owners[at].remittance, id - 1);
            continue;
        }
        assert_true(l->owner_count < IDS_MAX);
        struct owner *owner = &l->owners[l->owner_count++];
        memcpy(owner->id, views[i].job.id, sizeof owner->id);
        owner->remittance = id - 1;
        owner->number = views[i].job.call.number;
    }
}

/* ---- the core --------------------------------------------------------------------------------------------------------- */

static enum err restore(void *context, uint8_t table, const uint8_t *key, size_t key_length,
                        const uint8_t *value, size_t value_length)
{
    return bank_restore(context, table, key, key_length, value, value_length);
}

static void start(struct life *l)
{
    l->bank = bank_new(l->configs, 2, 0, &l->mem);
    assert_non_null(l->bank);
    assert_int_equal(outbox_scan(l->outbox, restore, l->bank), ERR_OK);
    assert_int_equal(bank_recovered(l->bank, l->now_us), ERR_OK);
}

static void crash(struct life *l)
{
    l->crashes++;
    for (uint32_t i = 0; i < l->net_count; i++)
        l->net[i]->number = 0;
    bank_destroy(&l->bank);
    start(l);
}

static void apply(struct life *l, const struct bank_unit *unit)
{
    struct outbox_put puts[2048];
    for (size_t i = 0; i < unit->put_count; i++) {
        const struct bank_put *put = &unit->puts[i];
        puts[i] = (struct outbox_put){put->table, put->key, put->key_length, put->value, put->value_length};
    }
    assert_int_equal(outbox_apply(l->outbox, puts, unit->put_count), ERR_OK);
}

static void transmit(struct life *l, const struct bank_request *request)
{
    struct sent *sent = calloc(1, sizeof *sent);
    assert_non_null(sent);
    assert_true(l->net_count < NET_MAX);
    sent->number = request->number;
    sent->timeout_ms = request->timeout_ms;
    sent->http = request->http;
    sent->arrives_us = l->now_us + (int64_t)roll(l, l->is_calm ? 1000 : 1000000);
    l->net[l->net_count++] = sent;
}

static void run_core(struct life *l)
{
    struct bank_unit *unit;
    note_owners(l);
    while ((unit = bank_take(l->bank)) != NULL) {
        bool is_crash = !l->is_calm && roll(l, 40) == 0;
        apply(l, unit);
        size_t requests = is_crash ? roll(l, (uint32_t)unit->request_count + 1) : unit->request_count;
        for (size_t i = 0; i < requests; i++)
            transmit(l, unit->requests[i]);
        for (size_t i = 0; i < unit->report_count; i++) {
            if (roll(l, 4) > 0)
                hear(l, &unit->reports[i]);
        }
        if (is_crash) {
            crash(l);
            return;
        }
        bank_release(l->bank, unit);
        bank_check(l->bank);
    }
}

/* true: all has ended. */
static bool step(struct life *l)
{
    bool has_ended = true;
    l->now_us += l->is_calm ? SECOND / 2 : SECOND / 10;
    bank_timer(l->bank, l->now_us);
    run_net(l);
    run_webhooks(l);
    for (uint32_t id = 0; id < REMITTANCES; id++) {
        bool has_begun = l->now_us > l->begin_us + (int64_t)id * STORM_S * SECOND / REMITTANCES;
        if (l->is_calm || (has_begun && roll(l, 20) == 0))
            has_ended &= step_ledger(l, id);
        else
            has_ended = false;
    }
    run_core(l);
    return has_ended;
}

/* ---- a life ------------------------------------------------------------------------------------------------------------ */

static void *open_rail(const struct rail *rail, const struct rail_setting *list, size_t count)
{
    struct rail_settings settings = {.bank = rail->name, .base_url = BASE, .list = list, .count = count};
    char why[160] = "";
    void *own = rail->open(&settings, why);
    assert_string_equal(why, "");
    return own;
}

static void configure(struct life *l)
{
    const struct rail_setting kftc[] = {
        {"client_id", "teller"},   {"client_secret", "b"},     {"institution", "T991234560"},
        {"account_num", "110123"}, {"account_name", "Teller"},
    };
    const struct rail_setting obie[] = {
        {"client_id", "teller"},
        {"client_secret", "b"},
        {"issuer", "teller"},
        {"key_id", "k"},
        {"signing_key", virtual_bank_test_key},
        {"account", "UK.OBIE.IBAN:OURS:Teller"},
        {"bank_key", virtual_bank_test_public_key},
    };
    struct bank_limits limits = bank_limits_default();
    limits.parallel = 8;
    limits.inquiry_max_us = 60 * SECOND;
    l->configs[0] = (struct bank_config){"kftc", &RAIL_KFTC, open_rail(&RAIL_KFTC, kftc, 5), limits};
    l->configs[1] = (struct bank_config){"obie", &RAIL_OBIE, open_rail(&RAIL_OBIE, obie, 7), limits};
}

static void begin(struct life *l, uint64_t seed)
{
    struct virtual_bank_options options = virtual_bank_options_default();
    memset(l, 0, sizeof *l);
    l->random = seed * 2654435761U + 1;
    l->now_us = MIDNIGHT_US - (int64_t)roll(l, STORM_S) * SECOND;
    l->begin_us = l->now_us;
    l->mem = counting_mem_port(&l->counting);
    l->outbox = outbox_memory_new();
    options.seed = seed;
    options.notify_url = "http://us.example/event-notifications";
    options.settle_us = (int64_t)roll(l, 2) * 5 * SECOND;
    l->other = virtual_bank_new(&options);
    assert_non_null(l->other);
    configure(l);
    start(l);
    set_rules(l);
}

static void finish(struct life *l)
{
    while (l->net_count > 0)
        sent_free(l->net[--l->net_count]);
    bank_destroy(&l->bank);
    outbox_close(&l->outbox);
    virtual_bank_destroy(&l->other);
    for (int i = 0; i < 2; i++)
        l->configs[i].rail->close(l->configs[i].own);
    assert_int_equal(l->counting.live_blocks, 0);
}

/* The bank's ledger, entry by entry, against what was told. */
static void expect_agreement(const struct life *l)
{
    uint32_t paid[REMITTANCES][NUMBERS] = {{0}};
    struct virtual_entry entry;
    for (uint64_t number = 1; virtual_bank_entry(l->other, number, &entry); number++) {
        uint32_t at = 0;
        while (at < l->owner_count && strcmp(l->owners[at].id, entry.id) != 0)
            at++;
        assert_true(at < l->owner_count);
        const struct owner *owner = &l->owners[at];
        paid[owner->remittance][owner->number - 1]++;
        assert_int_equal(entry.amount, 1000 + owner->remittance);
    }
    for (uint32_t id = 0; id < REMITTANCES; id++) {
        uint32_t sum = 0;
        for (uint32_t n = 0; n < NUMBERS; n++) {
            if (paid[id][n] != (l->finals[id][n] == BANK_SUCCEEDED))
                fail_msg("remittance %u, call %u: told %u, paid %u times", id, n + 1, l->finals[id][n],
                         paid[id][n]);
            sum += paid[id][n];
        }
        assert_true(sum <= 1);
    }
}

static void what_was_told_is_what_the_bank_has_paid(void **state)
{
    struct life *l = *state;
    uint32_t crashes = 0, callbacks = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin(l, seed);
        for (int i = 0; i < STORM_S * 10; i++)
            (void)step(l);
        l->is_calm = true;
        set_rules(l);
        struct bank_job_view view;
        int steps = 0;
        while (!step(l) || bank_jobs(l->bank, STR_LITERAL(""), 0, &view, 1) > 0)
            assert_true(++steps < CALM_S * 2);
        expect_agreement(l);
        crashes += l->crashes;
        callbacks += l->callbacks;
        finish(l);
    }
    assert_true(crashes > SEEDS && callbacks > SEEDS);
}

static int make(void **state)
{
    *state = calloc(1, sizeof(struct life));
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
        cmocka_unit_test_setup_teardown(what_was_told_is_what_the_bank_has_paid, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
