/* Fuzz target: replies of banks. Byte 0: bit 0 the rail, bits 1 and 2 the step, bits 3 and 4 the phase, bit 5 a later stage, bit 6 the
 * payment's id is known, bit 7 a token is answered; byte 1: the HTTP status; the rest is the body.
 *
 * Whatever comes in: a verdict that keeps the promises of rail.h. A job succeeds only from PAY on, and only by a body in which its id and its
 * amount stand; it is refused from PAY on only by a status that an answer has. Whatever the job has become, its next request can be made. */
#include <jansson.h>
#include <stdlib.h>

#include "tests/fuzz/input.h"
#include "tests/fuzz/rail_open.h"

/* Some text of the document is just this one. A second reading of the body. */
static bool has_text(const json_t *value, const char *text)
{
    const char *key;
    json_t *child;
    size_t index;
    if (json_is_string(value))
        return strcmp(json_string_value(value), text) == 0;
    json_array_foreach((json_t *)(uintptr_t)value, index, child) if (has_text(child, text)) return true;
    json_object_foreach((json_t *)(uintptr_t)value, key, child) if (has_text(child, text)) return true;
    return false;
}

static bool is_money(const json_t *value, bool is_kftc)
{
    return is_kftc ? has_text(value, "12345") : has_text(value, "123.45") && has_text(value, "GBP");
}

static void check_success(const struct rail_job *job, const struct rail_reply *reply, bool is_kftc)
{
    json_t *body = json_loadb(reply->body, reply->length, 0, NULL);
    CHECK(job->phase == RAIL_PAY || job->phase == RAIL_INQUIRE);
    CHECK(reply->status == 200 || reply->status == 201);
    CHECK(has_text(body, job->id) && is_money(body, is_kftc));
    CHECK(job->resource[0] != '\0');
    json_decref(body);
}

static void check_verdict(const struct rail_job *before, const struct rail_job *job,
                          const struct rail_verdict *verdict, const struct rail_reply *reply, bool is_kftc)
{
    rail_fuzz_text(verdict->reason, BANK_REASON_MAX);
    rail_fuzz_text(job->consent, RAIL_ID_MAX);
    rail_fuzz_text(job->resource, RAIL_ID_MAX);
    rail_fuzz_text(job->date, 8);
    rail_fuzz_text(job->extra, RAIL_ID_MAX);
    CHECK(strcmp(job->id, before->id) == 0 && memcmp(&job->call, &before->call, sizeof job->call) == 0);
    CHECK(verdict->result >= RAIL_GO_ON && verdict->result <= RAIL_LATER);
    CHECK(!verdict->is_permanent || verdict->result == RAIL_FAILED);
    CHECK(job->phase == before->phase ||
          (before->phase == RAIL_PREPARE && job->phase == RAIL_PAY && verdict->result == RAIL_GO_ON));
    CHECK(verdict->result != RAIL_NOT_FOUND || before->phase == RAIL_INQUIRE);
    CHECK(verdict->result != RAIL_GO_ON || job->phase != before->phase || job->stage != before->stage);
    CHECK(verdict->result != RAIL_FAILED ||
          (reply->status < 500 && reply->status != 429 && reply->status != 401));
    if (verdict->result == RAIL_SUCCEEDED)
        check_success(job, reply, is_kftc);
}

static void answer_token(unsigned which, const struct rail_reply *reply)
{
    struct rail_token token;
    char why[160];
    if (rail_fuzz_rails[which]->token_answer(rail_fuzz_open(which), 0, reply, RAIL_FUZZ_NOW_US, &token,
                                             why)) {
        CHECK(strlen(token.text) >= 1 && strlen(token.text) <= RAIL_TOKEN_MAX);
        CHECK(token.text[strcspn(token.text, " \r\n\t")] == '\0' && token.until_us > RAIL_FUZZ_NOW_US);
    } else {
        rail_fuzz_text(why, 159);
        CHECK(token.text[0] == '\0' && why[0] != '\0');
    }
}

static void answer(unsigned which, uint8_t how, const struct rail_reply *reply)
{
    const struct rail *rail = rail_fuzz_rails[which];
    struct rail_job job, before;
    struct rail_verdict verdict;
    static struct rail_request request;
    rail_fuzz_job(which, (uint8_t)(BANK_PULL + (how >> 1 & 3) % 3), &job);
    job.phase = (uint8_t)(RAIL_PREPARE + (how >> 3 & 3) % 3);
    if (job.call.step != BANK_PUSH && job.phase == RAIL_PREPARE && (which == 0 || job.call.step == BANK_PULL))
        job.phase = RAIL_PAY;
    job.stage = how >> 5 & 1;
    job.sent_us = job.phase == RAIL_PREPARE ? 0 : RAIL_FUZZ_NOW_US;
    if (job.call.step != BANK_PULL && (job.phase != RAIL_PREPARE || job.stage > 0))
        memcpy(job.consent, "consent-1", 10);
    if (how & 64 && job.phase == RAIL_INQUIRE)
        memcpy(job.resource, "pay-1", 6);
    before = job;
    rail->answer(rail_fuzz_open(which), &job, reply, RAIL_FUZZ_NOW_US, &verdict);
    check_verdict(&before, &job, &verdict, reply, which == 0);
    if (which == 0 || job.phase == RAIL_INQUIRE) /* a signature of each body would take the whole time */
        rail->ask(rail_fuzz_open(which), &job, "TOKEN", RAIL_FUZZ_NOW_US + 24 * INT64_C(3600000000),
                  &request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const long statuses[] = {200, 201, 200, 201, 400, 401, 403, 404, 429, 500, 503, 0};
    struct input input = {data, size};
    uint8_t how = input_byte(&input);
    long status = statuses[input_byte(&input) % (sizeof statuses / sizeof *statuses)];
    char *body = malloc(input.left + 1);
    CHECK(body != NULL);
    if (input.left > 0)
        memcpy(body, input.at, input.left);
    body[input.left] = '\0';
    struct rail_reply reply = {RAIL_ARRIVED, status, body, input.left, -1, NULL};
    if (how & 128)
        answer_token(how & 1, &reply);
    else
        answer(how & 1, how, &reply);
    free(body);
    return 0;
}
