#include "tests/unit/bank/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* ---- the toy rail ------------------------------------------------------------------------------------------ */

static bool toy_name(void *own, struct rail_job *job, int64_t now_us, struct rail_verdict *verdict)
{
    (void)own;
    (void)now_us;
    job->phase = strcmp(job->call.payee, "plain") == 0 ? RAIL_PAY : RAIL_PREPARE;
    (void)snprintf(job->id, sizeof job->id, "J%llu",
                   (unsigned long long)(job->serial - WORLD_FIRST_SERIAL + 1));
    if (strcmp(job->call.payee, "nobody") != 0)
        return true;
    verdict->result = RAIL_FAILED;
    verdict->is_permanent = true;
    (void)snprintf(verdict->reason, sizeof verdict->reason, "nobody is paid");
    return false;
}

static int toy_token_of(void *own, const struct rail_job *job)
{
    (void)own;
    (void)job;
    return 0;
}

static int free_token_of(void *own, const struct rail_job *job)
{
    (void)own;
    (void)job;
    return -1;
}

static void toy_token_ask(void *own, uint32_t token, int64_t now_us, struct rail_request *out)
{
    (void)own;
    (void)now_us;
    out->method = "POST";
    out->length = (size_t)snprintf(out->body, sizeof out->body, "token %u", token);
}

static bool toy_token_answer(void *own, uint32_t token, const struct rail_reply *reply, int64_t now_us,
                             struct rail_token *out, char *why)
{
    (void)own;
    (void)token;
    if (strcmp(reply->body, "ok") == 0) {
        (void)snprintf(out->text, sizeof out->text, "T%lld", (long long)now_us);
        out->until_us = now_us + 3600 * SECOND;
        return true;
    }
    (void)snprintf(why, 160, "wrong secret");
    return false;
}

static void toy_ask(void *own, const struct rail_job *job, const char *token, int64_t now_us,
                    struct rail_request *out)
{
    static const char *const WORDS[] = {"", "prepare", "pay", "ask"};
    (void)own;
    (void)token;
    (void)now_us;
    out->method = job->phase == RAIL_INQUIRE ? "GET" : "POST";
    out->length = (size_t)snprintf(out->body, sizeof out->body, "%s %s%s", WORDS[job->phase], job->id,
                                   job->stage > 0 ? " next" : "");
    (void)snprintf(out->url, sizeof out->url, "%s", job->call.bank);
    memcpy(out->headers[0], &job->call.remittance, sizeof job->call.remittance);
    memcpy(out->headers[1], &job->call.number, sizeof job->call.number);
}

static void toy_answer(void *own, struct rail_job *job, const struct rail_reply *reply, int64_t now_us,
                       struct rail_verdict *out)
{
    static const struct {
        const char *word;
        enum rail_result result;
    } RESULTS[] = {
        {"go", RAIL_GO_ON},     {"ok", RAIL_SUCCEEDED},  {"no", RAIL_FAILED},       {"never", RAIL_FAILED},
        {"what", RAIL_UNKNOWN}, {"taken", RAIL_UNKNOWN}, {"gone", RAIL_NOT_FOUND},  {"token", RAIL_NO_TOKEN},
        {"later", RAIL_LATER},  {"more", RAIL_GO_ON},    {"trouble", RAIL_UNKNOWN}, {"next", RAIL_GO_ON},
    };
    (void)own;
    (void)now_us;
    for (size_t i = 0; i < sizeof RESULTS / sizeof RESULTS[0]; i++) {
        if (strcmp(reply->body, RESULTS[i].word) == 0)
            out->result = RESULTS[i].result;
    }
    out->is_trouble = strcmp(reply->body, "trouble") == 0;
    out->is_permanent = strcmp(reply->body, "never") == 0;
    out->retry_after_s = reply->retry_after_s;
    (void)snprintf(out->reason, sizeof out->reason, "the bank says %s", reply->body);
    if (strcmp(reply->body, "go") == 0 && job->phase < RAIL_INQUIRE)
        job->phase++;
    if (strcmp(reply->body, "next") == 0)
        job->stage = 1;
    if (strcmp(reply->body, "taken") == 0) {
        job->phase = RAIL_INQUIRE;
        (void)snprintf(job->resource, sizeof job->resource, "R%llu",
                       (unsigned long long)(job->serial - WORLD_FIRST_SERIAL + 1));
    }
}

const struct rail toy_rail = {
    .name = "toy",
    .token_count = 1,
    .name_job = toy_name,
    .token_of = toy_token_of,
    .token_ask = toy_token_ask,
    .token_answer = toy_token_answer,
    .ask = toy_ask,
    .answer = toy_answer,
};

const struct rail free_rail = {
    .name = "free",
    .name_job = toy_name,
    .token_of = free_token_of,
    .ask = toy_ask,
    .answer = toy_answer,
};

/* ---- life --------------------------------------------------------------------------------------------------- */

void world_init(struct world *world)
{
    *world = (struct world){.config_count = 2, .now_us = WORLD_BORN_US};
    world->mem = counting_mem_port(&world->counting);
    world->outbox = outbox_memory_new();
    assert_non_null(world->outbox);
    world->configs[0] = (struct bank_config){"toy", &toy_rail, NULL, bank_limits_default()};
    world->configs[1] = (struct bank_config){"free", &free_rail, NULL, bank_limits_default()};
    world_start(world);
}

void world_release(struct world *world)
{
    world_stop(world);
    assert_int_equal(world->counting.live_blocks, 0);
    outbox_close(&world->outbox);
}

static enum err restore(void *context, uint8_t table, const uint8_t *key, size_t key_length,
                        const uint8_t *value, size_t value_length)
{
    return bank_restore(context, table, key, key_length, value, value_length);
}

void world_start(struct world *world)
{
    world->out_count = 0;
    world->bank = bank_new(world->configs, world->config_count, 0, &world->mem);
    assert_non_null(world->bank);
    assert_int_equal(outbox_scan(world->outbox, restore, world->bank), ERR_OK);
    assert_int_equal(bank_recovered(world->bank, world->now_us), ERR_OK);
    bank_check(world->bank);
    world_run(world);
}

void world_stop(struct world *world)
{
    bank_destroy(&world->bank);
}

/* ---- units ---------------------------------------------------------------------------------------------------- */

static void apply(struct world *world, const struct bank_unit *unit)
{
    struct outbox_put puts[2048];
    assert_true(unit->put_count <= sizeof puts / sizeof puts[0]);
    for (size_t i = 0; i < unit->put_count; i++) {
        const struct bank_put *put = &unit->puts[i];
        puts[i] = (struct outbox_put){put->table, put->key, put->key_length, put->value, put->value_length};
    }
    assert_int_equal(outbox_apply(world->outbox, puts, unit->put_count), ERR_OK);
    world->puts += (uint32_t)unit->put_count;
}

static void send(struct world *world, const struct bank_request *request)
{
    assert_true(world->out_count < WORLD_OUT_MAX);
    struct world_request *out = &world->out[world->out_count++];
    *out = (struct world_request){
        .number = request->number,
        .bank = request->bank,
        .timeout_ms = request->timeout_ms,
        .is_repeatable = request->is_repeatable,
    };
    (void)snprintf(out->line, sizeof out->line, "%.60s", request->http.body);
    world->pays += out->line[0] == 'p' && out->line[1] == 'a';
    world->asks += out->line[0] == 'a';
    world->tokens += out->line[0] == 't';
    if (out->line[0] == 't')
        return;
    memcpy(&out->remittance, request->http.headers[0], sizeof out->remittance);
    memcpy(&out->call, request->http.headers[1], sizeof out->call);
}

void world_run(struct world *world)
{
    struct bank_unit *unit;
    while ((unit = bank_take(world->bank)) != NULL) {
        apply(world, unit);
        for (size_t i = 0; i < unit->request_count; i++)
            send(world, unit->requests[i]);
        for (size_t i = 0; i < unit->report_count; i++) {
            assert_true(world->report_count < WORLD_REPORTS_MAX);
            world->reports[world->report_count++] = unit->reports[i];
        }
        for (size_t i = 0; i < unit->answer_count; i++) {
            assert_true(world->answer_count < WORLD_ANSWERS_MAX);
            world->answers[world->answer_count++] = unit->answers[i];
        }
        bank_release(world->bank, unit);
        bank_check(world->bank);
    }
}

void world_wait(struct world *world, int64_t us)
{
    int64_t end_us = world->now_us + us;
    while (bank_due_us(world->bank) <= end_us) {
        if (bank_due_us(world->bank) > world->now_us)
            world->now_us = bank_due_us(world->bank);
        bank_timer(world->bank, world->now_us);
        world_run(world);
    }
    world->now_us = end_us;
    bank_timer(world->bank, world->now_us);
    world_run(world);
}

/* ---- what comes in -------------------------------------------------------------------------------------------- */

static struct uuid uuid_of(uint32_t id)
{
    struct uuid uuid = {.bytes = {1}};
    memcpy(uuid.bytes + 4, &id, sizeof id);
    return uuid;
}

struct bank_call world_call_of(uint32_t id, uint32_t number)
{
    return (struct bank_call){
        .remittance = uuid_of(id),
        .number = number,
        .partition = 3,
        .step = BANK_PUSH,
        .amount = 100,
        .called_us = WORLD_BORN_US,
        .bank = "toy",
        .payer = "us",
        .payee = "them",
        .memo = "rent",
    };
}

void world_call(struct world *world, uint32_t id, uint32_t number)
{
    struct bank_call call = world_call_of(id, number);
    bank_call(world->bank, world->now_us, &call);
    world_run(world);
}

void world_call_at(struct world *world, const char *bank, const char *payee, uint32_t id)
{
    struct bank_call call = world_call_of(id, 1);
    (void)snprintf(call.bank, sizeof call.bank, "%s", bank);
    (void)snprintf(call.payee, sizeof call.payee, "%s", payee);
    bank_call(world->bank, world->now_us, &call);
    world_run(world);
}

void world_ack(struct world *world, uint32_t id, enum bank_outcome outcome)
{
    struct bank_call told = world_call_of(id, 1);
    struct bank_ack ack = {told.remittance, told.number, told.partition, (uint8_t)outcome};
    bank_acked(world->bank, world->now_us, &ack);
    world_run(world);
}

struct rail_reply world_reply_of(const char *word)
{
    struct rail_reply reply = {
        .arrival = RAIL_ARRIVED,
        .status = strcmp(word, "later") == 0 ? 429 : 200,
        .body = word,
        .length = strlen(word),
        .retry_after_s = -1,
    };
    if (strcmp(word, "lost") == 0)
        reply.arrival = RAIL_LOST;
    if (strcmp(word, "refused") == 0)
        reply.arrival = RAIL_NOT_SENT;
    return reply;
}

void world_answer_after(struct world *world, const char *line, const char *word, int64_t retry_after_s)
{
    uint32_t at = 0;
    while (at < world->out_count && strcmp(world->out[at].line, line) != 0)
        at++;
    if (at == world->out_count)
        fail_msg("there is no request '%s'", line);
    uint64_t number = world->out[at].number;
    memmove(&world->out[at], &world->out[at + 1], (--world->out_count - at) * sizeof world->out[0]);
    struct rail_reply reply = world_reply_of(word);
    reply.retry_after_s = retry_after_s;
    bank_reply(world->bank, world->now_us, number, &reply);
    bank_check(world->bank);
    world_run(world);
}

void world_answer(struct world *world, const char *line, const char *word)
{
    world_answer_after(world, line, word, -1);
}

bool world_event(struct world *world, const char *event, const char *id, const char *resource)
{
    struct rail_notice notice = {.until_us = world->now_us + 600 * SECOND};
    (void)snprintf(notice.event, sizeof notice.event, "%s", event);
    (void)snprintf(notice.id, sizeof notice.id, "%s", id);
    (void)snprintf(notice.resource, sizeof notice.resource, "%s", resource);
    uint32_t before = world->answer_count;
    bank_callback(world->bank, world->now_us, "toy", &notice, world);
    world_run(world);
    assert_int_equal(world->answer_count, before + 1);
    assert_ptr_equal(world->answers[before].token, world);
    return world->answers[before].is_kept;
}

/* ---- looking ---------------------------------------------------------------------------------------------------- */

uint32_t world_out(const struct world *world, const char *beginning)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->out_count; i++)
        count += strncmp(world->out[i].line, beginning, strlen(beginning)) == 0;
    return count;
}

uint32_t world_told(const struct world *world, uint32_t id, enum bank_outcome outcome)
{
    struct uuid uuid = uuid_of(id);
    uint32_t count = 0;
    for (uint32_t i = 0; i < world->report_count; i++) {
        const struct bank_report *report = &world->reports[i];
        count += uuid_equal(&report->remittance, &uuid) && report->number == 1 && report->outcome == outcome;
    }
    return count;
}

void world_pay(struct world *world, uint32_t serial, const char *word)
{
    char line[WORLD_LINE];
    (void)snprintf(line, sizeof line, "prepare J%u", serial);
    world_answer(world, line, "go");
    (void)snprintf(line, sizeof line, "pay J%u", serial);
    world_answer(world, line, word);
}
