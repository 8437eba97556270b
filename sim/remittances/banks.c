/* The banks, the ways to them and back, what they do wrong, and the callbacks they send. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "adapters/callback/callback.h"
#include "adapters/kftc/kftc.h"
#include "adapters/obie/obie.h"
#include "sim/remittances/keys.h"
#include "sim/remittances/world.h"

enum {
    RULES_MOST = 8,
    WAY_LEAST_US = 300,
    WAY_MOST_US = 40000,
    WAY_LATE_US = 45000000,
    STATUS_MANY = 429,
    STATUSES = 8,
    OTHERS_OF_REPLIES = 7
};

const char *const REMIT_BANK_NAMES[REMIT_BANKS] = {"kookmin", "barclays"};

static const char SECRET[] = "a-secret-of-thirty-two-bytes-here";
static const char BASE_URL[] = "https://bank.example";

static const struct rail *rail_of(uint32_t bank)
{
    return bank == 0 ? &RAIL_KFTC : &RAIL_OBIE;
}

/* ---- life ------------------------------------------------------------------------------------------------------ */

void banks_open(struct remittances_world *self)
{
    static const struct rail_setting kftc[] = {
        {"client_id", "teller"},    {"client_secret", "s3cret"}, {"institution", "M202600001"},
        {"account_num", "1001234"}, {"account_name", "Teller"},  {"name_check", "off"},
        {"payee_check", "on"},      {"callback_secret", SECRET},
    };
    const struct rail_setting obie[] = {
        {"client_id", "teller"},
        {"client_secret", "s3cret"},
        {"issuer", "teller"},
        {"key_id", "ours"},
        {"signing_key", REMIT_CLIENT_KEY},
        {"bank_key", REMIT_BANK_PUBLIC_KEY},
        {"audience", "teller"},
        {"account", "UK.OBIE.SortCodeAccountNumber:20000000000001:Teller"},
        {"callback_secret", SECRET},
    };
    const struct rail_settings settings[REMIT_BANKS] = {
        {REMIT_BANK_NAMES[0], BASE_URL, kftc, sizeof kftc / sizeof *kftc},
        {REMIT_BANK_NAMES[1], BASE_URL, obie, sizeof obie / sizeof *obie},
    };
    for (uint32_t bank = 0; bank < REMIT_BANKS; bank++) {
        struct virtual_bank_options options = virtual_bank_options_default();
        char why[160] = "";
        options.seed = self->stage.config->seed * REMIT_BANKS + bank;
        options.base_url = BASE_URL;
        options.opening_balance = INT64_C(1000000000);
        options.signing_key_pem = REMIT_BANK_KEY;
        options.client_key_pem = bank == 1 ? REMIT_CLIENT_PUBLIC_KEY : NULL;
        options.settle_us = sim_random_between(&self->bank, 0, 20 * REMIT_SECOND_US);
        options.notify_url =
            self->has_callbacks && bank == 1 ? "https://teller.example/event-notifications" : NULL;
        options.callback_url = self->has_callbacks ? "https://teller.example/callbacks" : NULL;
        options.callback_secret = SECRET;
        self->banks[bank] = virtual_bank_new(&options);
        self->rails[bank] = rail_of(bank)->open(&settings[bank], why);
        if (self->rails[bank] == NULL)
            stage_breach(&self->stage, "settings", "%s: %s", REMIT_BANK_NAMES[bank], why);
        CHECK(self->banks[bank] != NULL && self->rails[bank] != NULL);
    }
}

void banks_release(struct remittances_world *self)
{
    for (uint32_t bank = 0; bank < REMIT_BANKS; bank++) {
        rail_of(bank)->close(self->rails[bank]);
        virtual_bank_destroy(&self->banks[bank]);
    }
}

struct bank_config banks_config(struct remittances_world *self, uint32_t bank)
{
    return (struct bank_config){.name = REMIT_BANK_NAMES[bank],
                                .rail = rail_of(bank),
                                .own = self->rails[bank],
                                .limits = bank_limits_default()};
}

/* ---- what they do wrong ------------------------------------------------------------------------------------------ */

/* Codes of an inquiry that could not be answered: they say nothing of the payment. */
static int draw_refused_inquiry(struct remittances_world *self, uint32_t bank, uint64_t percent, char *out,
                                size_t room)
{
    static const char *const codes[REMIT_BANKS][3] = {{"A0001", "A0003", "A0007"}, {"U006", "U015", "U019"}};
    return snprintf(out, room,
                    "{\"step\": \"inquiry\", \"do\": \"refused\", \"code\": \"%s\", "
                    "\"probability\": \"0.%02" PRIu64 "\"}",
                    codes[bank][sim_random_below(&self->bank, 3)], percent);
}

/* Connections end after what moves money, and tokens are refused again and again: what is sent twice gets an answer that says nothing of the
 * first. */
static int draw_refused_tokens(struct remittances_world *self, char *out, size_t room)
{
    return snprintf(out, room,
                    "{\"step\": \"%s\", \"do\": \"hangup\", \"when\": \"after\", \"probability\": \"0.30\"}, "
                    "{\"do\": \"token_refused\", \"probability\": \"0.60\"}",
                    sim_random_chance(&self->bank, 500000) ? "pull" : "push");
}

static int draw_rule(struct remittances_world *self, uint32_t bank, char *out, size_t room)
{
    static const char *const before_and_after[] = {"timeout", "hangup", "cut",  "status",     "half",
                                                   "garbage", "empty",  "html", "error_body", "status"};
    static const char *const others[] = {"busy",
                                         "slow",
                                         "refused",
                                         "refused",
                                         "refused",
                                         "token_refused",
                                         "processing",
                                         "wrong_amount",
                                         "wrong_currency",
                                         "callback_early",
                                         "callback_late",
                                         "callback_never",
                                         "callback_twice",
                                         "callback_contradictory",
                                         "callback_unknown",
                                         "callback_forged"};
    static const char *const steps[] = {"pull", "push", "inquiry", "token", "consent", "payee"};
    static const int statuses[STATUSES] = {400, 404, 408, 409, 500, 502, 503, 504};
    uint64_t percent = 1 + sim_random_below(&self->bank, self->trouble_ppm / 5000 + 1);
    if (sim_random_chance(&self->bank, 40000))
        return draw_refused_tokens(self, out, room);
    if (sim_random_chance(&self->bank, 50000))
        return snprintf(out, room,
                        "{\"do\": \"outage\", \"count\": 1, \"seconds\": %" PRId64 ", \"how\": \"%s\"}",
                        sim_random_between(&self->bank, 1, 900),
                        sim_random_chance(&self->bank, 500000) ? "timeout" : "status");
    char step[40] = "";
    if (sim_random_chance(&self->bank, 700000))
        snprintf(step, sizeof step, "\"step\": \"%s\", ",
                 steps[sim_random_below(&self->bank, sizeof steps / sizeof *steps)]);
    if (sim_random_chance(&self->bank, 500000)) {
        const char *word = before_and_after[sim_random_below(&self->bank, sizeof before_and_after /
                                                                              sizeof *before_and_after)];
        char status[24] = "";
        if (strcmp(word, "status") == 0)
            snprintf(status, sizeof status, ", \"status\": %d",
                     statuses[sim_random_below(&self->bank, STATUSES)]);
        return snprintf(out, room,
                        "{%s\"do\": \"%s\"%s, \"when\": \"%s\", \"probability\": \"0.%02" PRIu64 "\"}", step,
                        word, status, sim_random_chance(&self->bank, 500000) ? "after" : "before", percent);
    }
    size_t others_most = self->has_callbacks ? sizeof others / sizeof *others : OTHERS_OF_REPLIES;
    const char *word = others[sim_random_below(&self->bank, others_most)];
    if (strcmp(word, "refused") == 0 && sim_random_chance(&self->bank, 400000))
        return draw_refused_inquiry(self, bank, percent, out, room);
    if (strcmp(word, "refused") == 0) /* of an inquiry it would be a lie, which no client could see through */
        snprintf(step, sizeof step, "\"step\": \"%s\", ", steps[sim_random_below(&self->bank, 2)]);
    return snprintf(out, room, "{%s\"do\": \"%s\", \"probability\": \"0.%02" PRIu64 "\"}",
                    strncmp(word, "callback", 8) == 0 ? "" : step, word, percent);
}

void banks_rules(struct remittances_world *self)
{
    for (uint32_t bank = 0; bank < REMIT_BANKS; bank++) {
        char text[4096] = "[", why[160] = "";
        size_t length = 1;
        uint64_t count = remit_has(self, FAMILY_NETWORK) ? sim_random_below(&self->bank, RULES_MOST) : 0;
        for (uint64_t i = 0; i < count; i++) {
            if (i > 0)
                length += (size_t)snprintf(text + length, sizeof text - length, ", ");
            length += (size_t)draw_rule(self, bank, text + length, sizeof text - length);
        }
        length += (size_t)snprintf(text + length, sizeof text - length, "]");
        stage_note(&self->stage, "%s: rules %s", REMIT_BANK_NAMES[bank], text);
        enum err err = virtual_bank_rules(self->banks[bank], text, length, why);
        if (err != ERR_OK)
            stage_breach(&self->stage, "rules", "%s", why);
    }
}

/* ---- callbacks ---------------------------------------------------------------------------------------------------- */

/* A callback that was taken, until its answer is there. */
struct posted {
    struct posted *next; /* of those that the adapter has */
    uint64_t id;
    uint32_t bank;
    int status;
};

struct post {
    uint64_t id;
    uint32_t bank;
    bool is_event;
    char timestamp[32], signature[160];
    size_t length;
    char body[]; /* and a NUL */
};

static void posted_comes(void *context, void *pointer, uint64_t number)
{
    struct remittances_world *self = context;
    const struct posted *posted = pointer;
    (void)number;
    virtual_bank_posted(self->banks[posted->bank], remit_true_us(self), posted->id, posted->status);
    banks_look(self, posted->bank);
    free(pointer);
}

static void answer_post(struct remittances_world *self, uint32_t bank, uint64_t id, int status)
{
    int64_t way_us = remit_way_us(self, WAY_LEAST_US, WAY_MOST_US);
    struct posted *posted = malloc(sizeof *posted);
    CHECK(posted != NULL);
    *posted = (struct posted){.id = id, .bank = bank, .status = way_us < 0 ? 0 : status};
    stage_after(&self->stage, way_us < 0 ? 10 * REMIT_SECOND_US : way_us, posted_comes, self, posted, 0);
}

void banks_answer_callback(struct remittances_world *self, const struct bank_callback_answer *answer)
{
    struct posted *posted = answer->token, **at = &self->posted;
    while (*at != posted)
        at = &(*at)->next;
    *at = posted->next;
    answer_post(self, posted->bank, posted->id, answer->is_kept ? 202 : 503);
    free(posted);
}

void banks_callbacks_die(struct remittances_world *self)
{
    for (struct posted *posted = self->posted, *next; posted != NULL; posted = next) {
        next = posted->next;
        answer_post(self, posted->bank, posted->id, 0);
        free(posted);
    }
    self->posted = NULL;
}

static const char *header_of(const struct virtual_post *post, const char *name)
{
    for (size_t i = 0; i < post->header_count; i++) {
        if (strcmp(post->headers[i].name, name) == 0)
            return post->headers[i].value;
    }
    return "";
}

/* As the gateway does. */
static void post_comes(void *context, void *pointer, uint64_t number)
{
    struct remittances_world *self = context;
    const struct post *post = pointer;
    struct rail_notice notice = {0};
    const struct rail_post raw = {.content_type = post->is_event ? "application/jwt" : "application/json",
                                  .timestamp = post->timestamp[0] != '\0' ? post->timestamp : NULL,
                                  .signature = post->signature[0] != '\0' ? post->signature : NULL,
                                  .body = post->body,
                                  .length = post->length};
    (void)number;
    self->posts++;
    enum rail_post_result result = RAIL_POST_BROKEN;
    if (self->adapter.core == NULL)
        answer_post(self, post->bank, post->id, 0);
    else if (post->is_event)
        result = RAIL_OBIE.callback(self->rails[post->bank], &raw, remit_node_us(self), &notice);
    else
        result = callback_read(SECRET, &raw, remit_node_us(self), &notice);
    stage_note(&self->stage, "a callback of %s: %s", REMIT_BANK_NAMES[post->bank],
               result == RAIL_POST_TAKEN ? "taken" : "not taken");
    stage_mix(&self->stage, (uint64_t)result);
    if (self->adapter.core != NULL && result == RAIL_POST_TAKEN) {
        struct posted *token = malloc(sizeof *token);
        CHECK(token != NULL);
        *token = (struct posted){.next = self->posted, .id = post->id, .bank = post->bank};
        self->posted = token;
        bank_callback(self->adapter.core, remit_node_us(self), REMIT_BANK_NAMES[post->bank], &notice, token);
        adapter_touched(self);
    } else if (self->adapter.core != NULL) {
        answer_post(self, post->bank, post->id, 400);
    }
    free(pointer);
}

static void send_post(struct remittances_world *self, uint32_t bank, const struct virtual_post *post)
{
    int64_t way_us = remit_way_us(self, WAY_LEAST_US, WAY_MOST_US);
    if (way_us < 0) {
        answer_post(self, bank, post->id, 0);
        return;
    }
    struct post *copy = malloc(sizeof *copy + post->length + 1);
    CHECK(copy != NULL);
    *copy = (struct post){.id = post->id,
                          .bank = bank,
                          .is_event = strcmp(post->content_type, "application/jwt") == 0,
                          .length = post->length};
    snprintf(copy->timestamp, sizeof copy->timestamp, "%s", header_of(post, "Teller-Timestamp"));
    snprintf(copy->signature, sizeof copy->signature, "%s", header_of(post, "Teller-Signature"));
    memcpy(copy->body, post->body, post->length);
    copy->body[post->length] = '\0';
    stage_after(&self->stage, way_us, post_comes, self, copy, 0);
}

static void bank_wakes(void *context, void *pointer, uint64_t bank)
{
    struct remittances_world *self = context;
    struct virtual_post post;
    (void)pointer;
    self->post_planned[bank] = false;
    while (virtual_bank_post(self->banks[bank], remit_true_us(self), &post))
        send_post(self, (uint32_t)bank, &post);
    banks_look(self, (uint32_t)bank);
}

void banks_look(struct remittances_world *self, uint32_t bank)
{
    struct virtual_entry entry;
    while (virtual_bank_entry(self->banks[bank], self->entries_seen[bank] + 1, &entry)) {
        self->entries_seen[bank]++;
        remit_watch_entry(self, bank, &entry);
    }
    int64_t due_us = virtual_bank_due_us(self->banks[bank]);
    if (self->post_planned[bank] || due_us == INT64_MAX)
        return;
    int64_t wait_us = due_us - remit_true_us(self);
    self->post_planned[bank] = true;
    /* A nearer one may come before it is due: look again within a second. */
    wait_us = wait_us < 0 ? 0 : wait_us > REMIT_SECOND_US ? REMIT_SECOND_US : wait_us;
    stage_after(&self->stage, wait_us, bank_wakes, self, NULL, bank);
}

/* ---- requests ------------------------------------------------------------------------------------------------------- */

struct asked {
    uint64_t life;
    int64_t until_us; /* when the client gives up */
    bool is_given_up; /* it has, or will have, before the request is there */
    struct bank_request request;
};

struct answered {
    uint64_t number, life;
    enum rail_arrival arrival;
    long status;
    int64_t retry_after_s;
    bool is_lie; /* about the amount, or the currency */
    uint32_t bank;
    char signature[RAIL_HEADER_MAX + 1];
    size_t length;
    char body[]; /* and a NUL */
};

static uint64_t succeeded_at(const struct remittances_world *self, uint32_t bank)
{
    struct bank_view view;
    bank_show(self->adapter.core, bank, &view);
    return view.succeeded;
}

/* What the reply must, or must not, do to the adapter. */
static void check_taken(struct remittances_world *self, const struct answered *answer, uint64_t succeeded)
{
    int64_t until_us = self->stage.now_us + answer->retry_after_s * REMIT_SECOND_US;
    if (answer->arrival != RAIL_ARRIVED)
        return;
    if (answer->is_lie && succeeded_at(self, answer->bank) != succeeded)
        stage_breach(&self->stage, "W13", "%s tells another amount, and is believed",
                     REMIT_BANK_NAMES[answer->bank]);
    if (answer->status == STATUS_MANY && answer->retry_after_s > 0 && until_us > self->later_us[answer->bank])
        self->later_us[answer->bank] = until_us;
}

static void answer_comes(void *context, void *pointer, uint64_t number)
{
    struct remittances_world *self = context;
    const struct answered *answer = pointer;
    (void)number;
    if (self->adapter.core != NULL && answer->life == self->adapter.life) {
        const struct rail_reply reply = {.arrival = answer->arrival,
                                         .status = answer->status,
                                         .body = answer->body,
                                         .length = answer->length,
                                         .retry_after_s = answer->retry_after_s,
                                         .signature =
                                             answer->signature[0] != '\0' ? answer->signature : NULL};
        stage_mix(&self->stage, (uint64_t)answer->status << 2 | answer->arrival);
        uint64_t succeeded = succeeded_at(self, answer->bank);
        bank_reply(self->adapter.core, remit_node_us(self), answer->number, &reply);
        check_taken(self, answer, succeeded);
        adapter_touched(self);
    }
    free(pointer);
}

static struct answered *nothing(const struct asked *asked, enum rail_arrival arrival, size_t room)
{
    struct answered *answer = calloc(1, sizeof *answer + room + 1);
    CHECK(answer != NULL);
    answer->number = asked->request.number;
    answer->life = asked->life;
    answer->bank = asked->request.bank;
    answer->arrival = arrival;
    answer->retry_after_s = -1;
    return answer;
}

static void answer_at(struct remittances_world *self, const struct asked *asked, struct answered *answer,
                      int64_t delay_us)
{
    int64_t left_us = asked->until_us - self->stage.now_us;
    if (delay_us >= left_us && answer->arrival != RAIL_NOT_SENT) {
        answer->arrival = RAIL_LOST;
        delay_us = left_us;
    }
    stage_after(&self->stage, delay_us < 0 ? 0 : delay_us, answer_comes, self, answer, 0);
}

static struct answered *arrived(const struct asked *asked, const struct virtual_reply *reply)
{
    struct answered *answer = nothing(asked, RAIL_ARRIVED, reply->length);
    answer->status = reply->status;
    answer->is_lie =
        reply->rule != NULL &&
        (strcmp(reply->rule, "wrong_amount") == 0 ||
         (strcmp(reply->rule, "wrong_currency") == 0 && answer->bank == 1)); /* KFTC tells none */
    answer->length = reply->length;
    if (reply->length > 0)
        memcpy(answer->body, reply->body, reply->length);
    for (size_t i = 0; i < reply->header_count; i++) {
        if (strcmp(reply->headers[i].name, "Retry-After") == 0)
            answer->retry_after_s = strtol(reply->headers[i].value, NULL, 10);
        if (strcmp(reply->headers[i].name, "x-jws-signature") == 0)
            snprintf(answer->signature, sizeof answer->signature, "%s", reply->headers[i].value);
    }
    return answer;
}

/* "Name: value" cut in two, in a copy of the request. */
static size_t cut_headers(struct rail_request *http, struct virtual_header headers[RAIL_HEADERS_MAX])
{
    for (size_t i = 0; i < http->header_count; i++) {
        char *colon = strchr(http->headers[i], ':');
        CHECK(colon != NULL && colon[1] == ' ');
        *colon = '\0';
        headers[i] = (struct virtual_header){http->headers[i], colon + 2};
    }
    return http->header_count;
}

static void join_headers(struct rail_request *http)
{
    for (size_t i = 0; i < http->header_count; i++)
        http->headers[i][strlen(http->headers[i])] = ':';
}

/* What a client of HTTP does by itself where a kept connection ends without a byte, if it may. */
static bool is_sent_again(struct remittances_world *self, const struct asked *asked,
                          const struct virtual_reply *reply)
{
    return reply->delivery == VIRTUAL_HANGUP && asked->request.is_repeatable &&
           sim_random_chance(&self->endings, 800000);
}

static void request_comes(void *context, void *pointer, uint64_t number)
{
    struct remittances_world *self = context;
    struct asked *asked = pointer;
    struct rail_request *http = &asked->request.http;
    struct virtual_header headers[RAIL_HEADERS_MAX];
    struct virtual_reply reply = {0};
    (void)number;
    CHECK(strncmp(http->url, BASE_URL, sizeof BASE_URL - 1) == 0);
    const struct virtual_request request = {.method = http->method,
                                            .path = http->url + sizeof BASE_URL - 1,
                                            .headers = headers,
                                            .header_count = cut_headers(http, headers),
                                            .body = http->body,
                                            .length = http->length};
    virtual_bank_handle(self->banks[asked->request.bank], remit_true_us(self), &request, &reply);
    join_headers(http);
    stage_note(&self->stage, "%s: %s %s: %d%s%s", REMIT_BANK_NAMES[asked->request.bank], http->method,
               request.path, reply.status, reply.rule != NULL ? ", but " : "",
               reply.rule != NULL ? reply.rule : "");
    int64_t way_us = remit_way_us(self, WAY_LEAST_US, WAY_MOST_US);
    banks_look(self, asked->request.bank);
    if (asked->is_given_up) {
        free(pointer);
        return;
    }
    if (is_sent_again(self, asked, &reply)) {
        stage_after(&self->stage, way_us < 0 ? WAY_MOST_US : way_us, request_comes, self, asked, 0);
        return;
    }
    if (reply.delivery == VIRTUAL_SILENCE || way_us < 0)
        answer_at(self, asked, nothing(asked, RAIL_LOST, 0), INT64_MAX / 2);
    else if (reply.delivery != VIRTUAL_ANSWER)
        answer_at(self, asked, nothing(asked, RAIL_LOST, 0), reply.delay_us + way_us);
    else
        answer_at(self, asked, arrived(asked, &reply), reply.delay_us + way_us);
    free(pointer);
}

/* The request comes when nobody waits for its answer any more; not so late that a bank which does not know it may be believed. */
static void ask_late(struct remittances_world *self, struct asked *asked)
{
    int64_t way_us = sim_random_between(&self->network, WAY_MOST_US, WAY_LATE_US);
    asked->is_given_up = self->stage.now_us + way_us >= asked->until_us;
    if (asked->is_given_up)
        answer_at(self, asked, nothing(asked, RAIL_LOST, 0), INT64_MAX / 2);
    stage_after(&self->stage, way_us, request_comes, self, asked, 0);
}

void banks_ask(struct remittances_world *self, const struct bank_request *request)
{
    struct asked *asked = malloc(sizeof *asked);
    CHECK(asked != NULL);
    asked->life = self->adapter.life;
    asked->until_us = self->stage.now_us + (int64_t)request->timeout_ms * 1000;
    asked->request = *request;
    asked->is_given_up = false;
    self->requests++;
    if (remit_has(self, FAMILY_NETWORK) && sim_random_chance(&self->network, self->trouble_ppm / 20)) {
        ask_late(self, asked);
        return;
    }
    int64_t way_us = remit_way_us(self, WAY_LEAST_US, WAY_MOST_US);
    if (way_us >= 0) {
        stage_after(&self->stage, way_us, request_comes, self, asked, 0);
        return;
    }
    bool is_sent = sim_random_chance(&self->network, 500000);
    answer_at(self, asked, nothing(asked, is_sent ? RAIL_LOST : RAIL_NOT_SENT, 0),
              is_sent ? INT64_MAX / 2 : 1000);
    free(asked);
}
