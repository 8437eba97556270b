/* Tokens: one request for all jobs that wait for one, the next ahead of its end, and a refused one once.
 *
 * A token has a number. A job whose token was refused drops it only if it is still the one that it used, so a hundred refusals of one token
 * ask for one new one. */
#include "actors/bank/core.h"

#define AHEAD_US (60 * SECOND_US)

enum { RETRY_MAX_S = 60, WHY_BYTES = 160, STATUS_MANY = 429, STATUS_TROUBLE = 500 };

bool token_is_good(const struct place *place, uint32_t token, int64_t now_us)
{
    const struct rail_token *held = &place->tokens[token].token;
    return held->text[0] != '\0' && now_us < held->until_us;
}

static bool is_asked_for(const struct token *token)
{
    return !token->is_out && (token->waiting.count > 0 || token->is_wanted);
}

void token_fill_unit(struct bank *self, struct place *place)
{
    for (uint32_t i = 0; i < place->rail->token_count; i++) {
        struct token *token = &place->tokens[i];
        if (!is_asked_for(token) || self->now_us < token->retry_us || !queue_may_start(self, place))
            continue;
        struct flight *flight;
        struct bank_request *request = queue_request(self, place, NULL, i, &flight);
        place->rail->token_ask(place->own, i, self->now_us, &request->http);
        token->is_out = true;
    }
}

int64_t token_due_us(const struct place *place)
{
    int64_t due_us = INT64_MAX;
    for (uint32_t i = 0; i < place->rail->token_count; i++) {
        if (is_asked_for(&place->tokens[i]) && place->tokens[i].retry_us < due_us)
            due_us = place->tokens[i].retry_us;
    }
    return due_us;
}

void token_wait(struct bank *self, struct place *place, uint32_t token, struct job *job)
{
    machine_move(&job_machine, &job->state, JOB_TOKEN);
    list_append(self, &place->tokens[token].waiting, LINK_TURN, job);
}

void token_refused(struct place *place, const struct job *job)
{
    if (job->token == CORE_NO_TOKEN)
        return;
    struct token *token = &place->tokens[job->token];
    if (token->number != job->token_number) {
        MARK("a token is refused that was renewed already");
        return;
    }
    token->token = (struct rail_token){.until_us = 0};
    token->is_wanted = true;
}

/* From the last on, each to the front: so they stand as they came. */
static void release(struct bank *self, struct token *token)
{
    while (token->waiting.count > 0) {
        struct job *job = job_at(self, token->waiting.last);
        list_remove(self, &token->waiting, LINK_TURN, job);
        queue_push_front(self, job);
    }
}

/* The bank gives no token, and says so: calls do not wait for ever, of whom nothing was sent. */
static void refuse_waiting(struct bank *self, struct token *token, const char *why)
{
    char reason[BANK_REASON_MAX + 1];
    static const char PREFIX[] = "no token: ";
    memcpy(reason, PREFIX, sizeof PREFIX);
    bank_copy_text(reason + sizeof PREFIX - 1, sizeof reason - (sizeof PREFIX - 1), why);
    for (uint32_t slot = token->waiting.first, next; slot != SLOT_NONE; slot = next) {
        struct job *job = job_at(self, slot);
        next = job->links[LINK_TURN].next;
        if (job->rail.phase == RAIL_INQUIRE || ++job->token_tries <= CORE_TOKEN_TRIES_MAX)
            continue;
        MARK("a call ends for want of a token");
        list_remove(self, &token->waiting, LINK_TURN, job);
        job_finish(self, job, BANK_FAILED, false, reason);
    }
}

static void failed(struct bank *self, struct token *token)
{
    int64_t wait_s = 1;
    for (uint32_t i = 0; i < token->failures && wait_s < RETRY_MAX_S; i++)
        wait_s *= 2;
    token->failures++;
    token->retry_us = self->now_us + (wait_s < RETRY_MAX_S ? wait_s : RETRY_MAX_S) * SECOND_US;
}

static void taken(struct bank *self, struct token *token, const struct rail_token *fresh)
{
    int64_t life_us = fresh->until_us - self->now_us;
    token->token = *fresh;
    token->number = ++self->last_token;
    token->renew_us = fresh->until_us - (life_us / 4 < AHEAD_US ? life_us / 4 : AHEAD_US);
    token->failures = 0;
    token->is_wanted = false;
    release(self, token);
}

void token_answered(struct bank *self, struct place *place, uint32_t index, uint64_t request,
                    const struct rail_reply *reply)
{
    struct token *token = &place->tokens[index];
    struct rail_token fresh = {.until_us = 0};
    char why[WHY_BYTES] = "";
    token->is_out = false;
    if (reply->arrival != RAIL_ARRIVED || reply->status >= STATUS_TROUBLE) {
        MARK("a request for a token meets trouble");
        circuit_trouble(place, request, self->now_us);
        failed(self, token);
        return;
    }
    circuit_good(place, request);
    if (reply->status == STATUS_MANY) {
        MARK("a request for a token comes too soon");
        queue_later(self, place, reply->retry_after_s);
    } else if (place->rail->token_answer(place->own, index, reply, self->now_us, &fresh, why) &&
               fresh.until_us > self->now_us) {
        place->laters = 0;
        taken(self, token, &fresh);
    } else {
        MARK("a bank gives no token");
        failed(self, token);
        refuse_waiting(self, token, why);
    }
}
