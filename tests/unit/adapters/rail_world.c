#include "tests/unit/adapters/rail_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "actors/base/text.h"

enum { SETTINGS_MAX = 24 };

static struct rail_settings settings_of(const char *const *list, struct rail_setting pairs[SETTINGS_MAX])
{
    struct rail_settings settings = {"kb", "https://bank.example", pairs, 0};
    for (; list[2 * settings.count] != NULL; settings.count++)
        pairs[settings.count] = (struct rail_setting){list[2 * settings.count], list[2 * settings.count + 1]};
    return settings;
}

void rail_world_open(struct rail_world *self, const struct rail *rail, const char *const *list)
{
    struct rail_setting pairs[SETTINGS_MAX];
    struct rail_settings settings = settings_of(list, pairs);
    char why[160];
    memset(self, 0, sizeof *self);
    self->rail = rail;
    self->now_us = RAIL_NOON_US;
    self->own = rail->open(&settings, why);
    if (self->own == NULL)
        fail_msg("%s", why);
}

void rail_world_close(struct rail_world *self)
{
    self->rail->close(self->own);
    self->own = NULL;
}

void assert_settings_refused(const struct rail *rail, const char *const *list, const char *why)
{
    struct rail_setting pairs[SETTINGS_MAX];
    struct rail_settings settings = settings_of(list, pairs);
    char told[160] = "";
    assert_null(rail->open(&settings, told));
    assert_string_equal(told, why);
}

static void fill_call(struct rail_world *self, enum bank_step step, const char *currency, const char *payer,
                      const char *payee)
{
    struct bank_call *call = &self->job.call;
    memset(&self->job, 0, sizeof self->job);
    for (uint8_t i = 0; i < 16; i++)
        call->remittance.bytes[i] = (uint8_t)(0x10 + i);
    call->number = 1;
    call->step = (uint8_t)step;
    call->currency = currency_find(currency, 3);
    call->amount = 12345;
    call->called_us = self->now_us;
    snprintf(call->bank, sizeof call->bank, "kb");
    snprintf(call->payer, sizeof call->payer, "%s", payer);
    snprintf(call->payee, sizeof call->payee, "%s", payee);
    snprintf(call->memo, sizeof call->memo, "Rent");
    self->job.serial = 1296;
}

void rail_world_call(struct rail_world *self, enum bank_step step, const char *currency, const char *payer,
                     const char *payee)
{
    fill_call(self, step, currency, payer, payee);
    if (!self->rail->name_job(self->own, &self->job, self->now_us, &self->verdict))
        fail_msg("%s", self->verdict.reason);
}

void assert_call_refused(struct rail_world *self, const char *currency, int64_t amount, const char *payer,
                         const char *payee, const char *reason)
{
    fill_call(self, BANK_PUSH, currency, payer, payee);
    self->job.call.amount = amount;
    assert_false(self->rail->name_job(self->own, &self->job, self->now_us, &self->verdict));
    assert_string_equal(self->verdict.reason, reason);
    assert_verdict(self, "FAILED for good");
}

void rail_world_at(struct rail_world *self, enum rail_phase phase)
{
    self->job.phase = (uint8_t)phase;
    self->job.stage = 0;
    self->job.sent_us = phase == RAIL_PREPARE ? 0 : self->now_us;
}

char *rail_world_ask(struct rail_world *self)
{
    static const char signature[] = "x-jws-signature: ";
    size_t size = RAIL_URL_MAX + RAIL_HEADERS_MAX * (RAIL_HEADER_MAX + 2) + RAIL_BODY_MAX + 64;
    char *text = malloc(size);
    assert_non_null(text);
    int token = self->rail->token_of(self->own, &self->job);
    self->rail->ask(self->own, &self->job, token < 0 ? NULL : "TOKEN", self->now_us, &self->request);
    size_t length = (size_t)snprintf(text, size, "%s %s\n", self->request.method, self->request.url);
    for (size_t i = 0; i < self->request.header_count; i++) {
        const char *header = self->request.headers[i];
        bool is_signature = strncmp(header, signature, sizeof signature - 1) == 0;
        length += (size_t)snprintf(text + length, size - length, "%s\n", is_signature ? signature : header);
    }
    assert_int_equal(strlen(self->request.body), self->request.length);
    snprintf(text + length, size - length, "%s", self->request.body);
    return text;
}

void assert_request(struct rail_world *self, const char *expected)
{
    char *text = rail_world_ask(self);
    assert_string_equal(text, expected);
    free(text);
}

void rail_world_answer_bytes(struct rail_world *self, long status, const char *body, size_t length,
                             const char *signature)
{
    char *copy = malloc(length + 1);
    assert_non_null(copy);
    if (length > 0)
        memcpy(copy, body, length);
    copy[length] = '\0';
    struct rail_reply reply = {RAIL_ARRIVED, status, copy, length, -1, signature};
    self->rail->answer(self->own, &self->job, &reply, self->now_us, &self->verdict);
    free(copy);
    assert_verdict_whole(self);
}

void rail_world_answer(struct rail_world *self, long status, const char *body)
{
    rail_world_answer_bytes(self, status, body, strlen(body), NULL);
}

void rail_world_arrival(struct rail_world *self, enum rail_arrival arrival)
{
    struct rail_reply reply = {.arrival = arrival, .retry_after_s = -1};
    self->rail->answer(self->own, &self->job, &reply, self->now_us, &self->verdict);
    assert_verdict_whole(self);
}

const char *verdict_text(const struct rail_verdict *verdict)
{
    switch (verdict->result) {
    case RAIL_GO_ON:
        return "GO_ON";
    case RAIL_SUCCEEDED:
        return "SUCCEEDED";
    case RAIL_FAILED:
        return verdict->is_permanent ? "FAILED for good" : "FAILED";
    case RAIL_UNKNOWN:
        return verdict->is_trouble ? "UNKNOWN trouble" : "UNKNOWN";
    case RAIL_NOT_FOUND:
        return "NOT_FOUND";
    case RAIL_NO_TOKEN:
        return "NO_TOKEN";
    case RAIL_LATER:
        return verdict->is_trouble ? "LATER trouble" : "LATER";
    }
    return "no result";
}

void assert_verdict(const struct rail_world *self, const char *expected)
{
    if (strcmp(verdict_text(&self->verdict), expected) != 0)
        fail_msg("expected %s, got %s: %s", expected, verdict_text(&self->verdict), self->verdict.reason);
}

static void assert_bounded(const char *text, size_t max)
{
    assert_non_null(memchr(text, '\0', max + 1));
    assert_true(text_is_clean(str_from(text)));
}

void assert_verdict_whole(const struct rail_world *self)
{
    assert_bounded(self->verdict.reason, BANK_REASON_MAX);
    assert_bounded(self->job.id, RAIL_ID_MAX);
    assert_bounded(self->job.consent, RAIL_ID_MAX);
    assert_bounded(self->job.resource, RAIL_ID_MAX);
    assert_bounded(self->job.extra, RAIL_ID_MAX);
    assert_bounded(self->job.date, 8);
    assert_string_not_equal(verdict_text(&self->verdict), "no result");
    assert_true(self->verdict.result != RAIL_UNKNOWN || self->verdict.reason[0] != '\0');
    assert_true(self->verdict.result != RAIL_FAILED || self->verdict.reason[0] != '\0');
}

static void assert_body_safe(struct rail_world *self, long status, const char *body, size_t length,
                             bool (*still_good)(const char *body))
{
    struct rail_job before = self->job;
    rail_world_answer_bytes(self, status, body, length, NULL);
    if (self->verdict.result == RAIL_SUCCEEDED && !still_good(body))
        fail_msg("succeeded by %s", body);
    self->job = before;
}

void assert_bodies_safe(struct rail_world *self, long status, const char *body,
                        bool (*still_good)(const char *body))
{
    static const char others[] = "\"{}[],:0 9aZ\\\x80\x01";
    size_t length = strlen(body);
    char *changed = malloc(length + 1);
    assert_non_null(changed);
    for (size_t cut = 0; cut < length; cut++) {
        memcpy(changed, body, cut);
        changed[cut] = '\0';
        assert_body_safe(self, status, changed, cut, still_good);
    }
    memcpy(changed, body, length + 1);
    for (size_t at = 0; at < length; at++) {
        for (size_t i = 0; i < sizeof others - 1; i++) {
            changed[at] = others[i];
            assert_body_safe(self, status, changed, length, still_good);
        }
        changed[at] = body[at];
    }
    free(changed);
}
