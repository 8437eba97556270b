/* Webhooks: what the bank tells of a payment without being asked.
 *
 * OBIE's payments go to notify_url as event notifications: a signed token (PS256, application/jwt) that names the payment and tells no status. All
 * others go to callback_url as the generic callback: JSON, with
 *
 *     Teller-Timestamp: seconds since 1970
 *     Teller-Signature: v1=HMAC-SHA256(secret, timestamp "." body) in hexadecimal
 *
 * OBIE's take the generic way where there is only that. A payment is told of when it is debited, credited or rejected, by an event each. An event
 * keeps its id (jti, event) through all its posts; its time is that of the post. What is not answered 2xx is posted again after 1 s, 2 s, 4 s … up to ten
 * minutes, EVENT_POSTS_MAX times in all.
 *
 * Faults are drawn once for each payment, when it is made (rule.h). Ids come from a stream of their own, so that a webhook more or less
 * changes no id of a payment. */
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/bank/inside.h"

#define MICROS_PER_MS INT64_C(1000)
#define MICROS_PER_S INT64_C(1000000)
#define RETRY_FIRST_US MICROS_PER_S
#define RETRY_MAX_US (600 * MICROS_PER_S)
#define EVENT_NAME "urn:uk:org:openbanking:events:resource-update"
#define CLAIM "http://openbanking.org.uk/"

enum {
    EVENT_POSTS_MAX = 64,
    UUID_TEXT = 37,
    TIME_TEXT = 24,
    MAC_BYTES = 32,
    SIGNATURE_TEXT = 3 + 2 * MAC_BYTES + 1,
    LINK_MAX = 512,
};

/* What is wrong with an event. */
enum flaw {
    FLAW_NONE,
    FLAW_LIE,    /* generic: the other status; OBIE: the other kind of resource */
    FLAW_NOBODY, /* about a payment that there is not */
    FLAW_FORGED, /* a signature that is wrong by one bit */
};

struct event {
    uint64_t id;      /* of the post; from 1 */
    uint64_t payment; /* its number */
    enum virtual_status status;
    enum flaw flaw;
    uint32_t posts;
    int64_t due_us, at_us;
    char jti[UUID_TEXT], txn[UUID_TEXT];
};

/* What was drawn for a payment. */
struct drawn {
    enum bank_action action;
    int64_t late_us;
};

struct virtual_webhooks {
    struct sim_random ids;
    uint64_t last_id, delivered, repeated, dropped;

    struct event **heap; /* by due_us and id */
    size_t heap_count, heap_capacity;
    struct event **out; /* posted, and not heard of yet; few */
    size_t out_count, out_capacity;
    struct drawn *drawn; /* by number of the payment - 1 */
    size_t drawn_capacity;

    /* of the last post */
    char *body;
    char timestamp[TIME_TEXT], signature[SIGNATURE_TEXT];
};

/* ---- a heap of events -------------------------------------------------------------------------------- */

static bool is_before(const struct event *a, const struct event *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->id < b->id;
}

static bool grow(struct event ***list, size_t count, size_t *capacity)
{
    if (count < *capacity)
        return true;
    size_t more = *capacity > 0 ? *capacity * 2 : 64;
    struct event **longer = realloc(*list, more * sizeof *longer);
    if (longer == NULL)
        return false;
    *list = longer;
    *capacity = more;
    return true;
}

/* There is room: grow has said so. */
static void push(struct virtual_webhooks *self, struct event *event)
{
    size_t at = self->heap_count++;
    for (; at > 0 && is_before(event, self->heap[(at - 1) / 2]); at = (at - 1) / 2)
        self->heap[at] = self->heap[(at - 1) / 2];
    self->heap[at] = event;
}

static struct event *pop(struct virtual_webhooks *self)
{
    struct event *first = self->heap[0], *last = self->heap[--self->heap_count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < self->heap_count; at = child) {
        if (child + 1 < self->heap_count && is_before(self->heap[child + 1], self->heap[child]))
            child++;
        if (!is_before(self->heap[child], last))
            break;
        self->heap[at] = self->heap[child];
    }
    self->heap[at] = last;
    return first;
}

/* ---- queueing ---------------------------------------------------------------------------------------- */

static void make_id(struct virtual_webhooks *self, char out[UUID_TEXT])
{
    uint64_t high = sim_random_next(&self->ids), low = sim_random_next(&self->ids);
    snprintf(out, UUID_TEXT, "%08x-%04x-4%03x-a%03x-%012llx", (unsigned)(high >> 32),
             (unsigned)(high >> 16 & 0xffff), (unsigned)(high & 0xfff), (unsigned)(low >> 52),
             (unsigned long long)(low & UINT64_C(0xffffffffffff)));
}

static const char *url_of(const struct virtual_bank *self, enum virtual_rail rail)
{
    const struct virtual_bank_options *options = &self->options;
    return rail == VIRTUAL_OBIE && options->notify_url != NULL ? options->notify_url : options->callback_url;
}

static bool is_signed_token(const struct virtual_bank *self, const struct virtual_payment *payment)
{
    return payment->rail == VIRTUAL_OBIE && self->options.notify_url != NULL;
}

/* like: an event whose id it has; NULL: an id of its own. No memory: it is lost, as webhooks may be. */
static const struct event *queue(struct virtual_bank *bank, int64_t now_us, int64_t due_us,
                                 const struct virtual_payment *payment, enum flaw flaw,
                                 const struct event *like)
{
    struct virtual_webhooks *self = bank->webhooks;
    bool has_room = grow(&self->heap, self->heap_count, &self->heap_capacity);
    struct event *event = has_room ? calloc(1, sizeof *event) : NULL;
    if (event == NULL)
        return NULL;
    *event = (struct event){.id = ++self->last_id,
                            .payment = payment->number,
                            .status = payment->status,
                            .flaw = flaw,
                            .due_us = due_us,
                            .at_us = now_us};
    make_id(self, event->jti);
    make_id(self, event->txn);
    if (like != NULL)
        memcpy(event->jti, like->jti, sizeof event->jti);
    push(self, event);
    return event;
}

static struct drawn drawn_of(const struct virtual_webhooks *self, uint64_t payment)
{
    return payment <= self->drawn_capacity ? self->drawn[payment - 1]
                                           : (struct drawn){.action = BANK_DO_NOTHING};
}

static void keep_drawn(struct virtual_webhooks *self, uint64_t payment, const struct bank_rule *rule)
{
    if (payment > self->drawn_capacity) {
        size_t more = 2 * payment + 64;
        struct drawn *longer = realloc(self->drawn, more * sizeof *longer);
        if (longer == NULL)
            return;
        memset(longer + self->drawn_capacity, 0, (more - self->drawn_capacity) * sizeof *longer);
        self->drawn = longer;
        self->drawn_capacity = more;
    }
    self->drawn[payment - 1] = (struct drawn){rule->action, rule->seconds * MICROS_PER_S};
}

void virtual_webhook_made(struct virtual_bank *self, int64_t now_us, const struct virtual_payment *payment)
{
    struct bank_asked asked = {.rail = payment->rail == VIRTUAL_OBIE ? "obie" : "kftc",
                               .path = self->ask.path,
                               .account = self->accounts[payment->customer].name,
                               .step = virtual_operation_step(payment->operation)};
    if (url_of(self, payment->rail) == NULL)
        return;
    struct bank_rule rule = bank_rules_tell(self->rules, &asked);
    if (rule.action == BANK_DO_NOTHING)
        return;
    keep_drawn(self->webhooks, payment->number, &rule);
    if (rule.action == BANK_DO_CALLBACK_EARLY) {
        queue(self, now_us, now_us, payment, FLAW_NONE, NULL);
        self->hold_us = rule.delay_ms * MICROS_PER_MS;
    }
}

void virtual_webhook_changed(struct virtual_bank *self, int64_t now_us, const struct virtual_payment *payment)
{
    if (url_of(self, payment->rail) == NULL)
        return;
    struct drawn drawn = drawn_of(self->webhooks, payment->number);
    const struct event *first;
    switch ((int)drawn.action) {
    case BANK_DO_CALLBACK_NEVER:
        return;
    case BANK_DO_CALLBACK_LATE:
        queue(self, now_us, now_us + drawn.late_us, payment, FLAW_NONE, NULL);
        return;
    case BANK_DO_CALLBACK_TWICE:
        first = queue(self, now_us, now_us, payment, FLAW_NONE, NULL);
        queue(self, now_us, now_us, payment, FLAW_NONE, first);
        queue(self, now_us, now_us, payment, FLAW_NONE, NULL);
        return;
    case BANK_DO_CALLBACK_LIES:
        queue(self, now_us, now_us, payment, FLAW_LIE, NULL);
        queue(self, now_us, now_us, payment, FLAW_NONE, NULL);
        return;
    case BANK_DO_CALLBACK_NOBODY:
        queue(self, now_us, now_us, payment, FLAW_NOBODY, NULL);
        return;
    case BANK_DO_CALLBACK_FORGED:
        queue(self, now_us, now_us, payment, FLAW_FORGED, NULL);
        return;
    default:
        queue(self, now_us, now_us, payment, FLAW_NONE, NULL);
        return;
    }
}

/* ---- what they look like ------------------------------------------------------------------------------ */

static const char *status_word(enum virtual_status status)
{
    switch (status) {
    case VIRTUAL_RECEIVED:
        return "received";
    case VIRTUAL_PENDING:
        return "pending";
    case VIRTUAL_ACCEPTED:
        return "accepted";
    case VIRTUAL_DEBITED:
        return "debited";
    case VIRTUAL_CREDITED:
        return "credited";
    case VIRTUAL_REJECTED:
        return "rejected";
    }
    return "";
}

/* The status that an event tells. */
static const char *told_status(const struct event *event)
{
    if (event->flaw != FLAW_LIE)
        return status_word(event->status);
    return status_word(event->status == VIRTUAL_REJECTED ? VIRTUAL_CREDITED : VIRTUAL_REJECTED);
}

/* By which the payment is told: the event's own id is known to nobody else. */
static const char *told_reference(const struct event *event, const struct virtual_payment *payment)
{
    return event->flaw == FLAW_NOBODY ? event->txn : payment->reference;
}

/* The payload of an event notification. */
static json_t *token_payload(const struct virtual_bank *self, const struct event *event,
                             const struct virtual_payment *payment, int64_t now_us)
{
    const char *base = self->options.base_url != NULL ? self->options.base_url : "";
    const char *client = self->options.client_id != NULL ? self->options.client_id : self->obie_client;
    const char *reference = told_reference(event, payment);
    bool is_vrp = payment->is_in != (event->flaw == FLAW_LIE);
    char link[LINK_MAX];
    snprintf(link, sizeof link, "%s/%s/%s", base, is_vrp ? "domestic-vrps" : "domestic-payments", reference);
    json_t *subject =
        json_pack("{s:s, s:s, s:s, s:[{s:s, s:s}]}", "subject_type", CLAIM "rid_" CLAIM "rty", CLAIM "rid",
                  reference, CLAIM "rty", is_vrp ? "domestic-vrp" : "domestic-payment", CLAIM "rlk",
                  "version", "v4.0", "link", link);
    return json_pack("{s:s, s:I, s:s, s:s, s:s, s:s, s:I, s:{s:{s:o}}}", "iss", base, "iat",
                     (json_int_t)(now_us / MICROS_PER_S), "jti", event->jti, "aud", client, "sub", link,
                     "txn", event->txn, "toe", (json_int_t)(event->at_us / MICROS_PER_S), "events",
                     EVENT_NAME, "subject", subject);
}

static char *dump(json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;
    json_decref(value);
    return text;
}

/* One bit of the last character but two: of base64url and of hexadecimal it stays one. */
static void forge(char *signature)
{
    char *at = signature + strlen(signature) - 3;
    *at = *at == '0' ? '1' : '0';
}

static bool write_token(struct virtual_bank *self, const struct event *event,
                        const struct virtual_payment *payment, int64_t now_us, struct virtual_post *out)
{
    struct virtual_webhooks *hooks = self->webhooks;
    char *payload = dump(token_payload(self, event, payment, now_us));
    hooks->body = payload != NULL ? obie_jwt(self, payload, strlen(payload)) : NULL;
    free(payload);
    if (hooks->body == NULL)
        return false;
    if (event->flaw == FLAW_FORGED)
        forge(hooks->body);
    out->content_type = "application/jwt";
    out->headers[out->header_count++] = (struct virtual_header){"x-fapi-financial-id", "virtual-bank"};
    out->headers[out->header_count++] = (struct virtual_header){"x-fapi-interaction-id", event->txn};
    return true;
}

static void sign(struct virtual_webhooks *self, const char *secret)
{
    size_t time_length = strlen(self->timestamp), body_length = strlen(self->body);
    size_t length = time_length + 1 + body_length;
    unsigned char *text = malloc(length), mac[MAC_BYTES];
    unsigned mac_length = sizeof mac;
    CHECK(text != NULL);
    memcpy(text, self->timestamp, time_length);
    text[time_length] = '.';
    memcpy(text + time_length + 1, self->body, body_length);
    CHECK(HMAC(EVP_sha256(), secret, (int)strlen(secret), text, length, mac, &mac_length) != NULL);
    free(text);
    snprintf(self->signature, sizeof self->signature, "v1=");
    for (size_t i = 0; i < MAC_BYTES; i++)
        snprintf(self->signature + 3 + 2 * i, 3, "%02x", mac[i]);
}

static bool write_generic(struct virtual_bank *self, const struct event *event,
                          const struct virtual_payment *payment, int64_t now_us, struct virtual_post *out)
{
    struct virtual_webhooks *hooks = self->webhooks;
    bool is_nobody = event->flaw == FLAW_NOBODY;
    hooks->body = dump(json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:I}", "event", event->jti, "id",
                                 is_nobody ? "" : payment->id, "resource", told_reference(event, payment),
                                 "rail", payment->rail == VIRTUAL_OBIE ? "obie" : "kftc", "status",
                                 told_status(event), "amount", (json_int_t)payment->amount, "currency",
                                 payment->currency, "at_ms", (json_int_t)(event->at_us / MICROS_PER_MS)));
    if (hooks->body == NULL)
        return false;
    const char *secret = self->options.callback_secret != NULL ? self->options.callback_secret : "";
    snprintf(hooks->timestamp, sizeof hooks->timestamp, "%lld", (long long)(now_us / MICROS_PER_S));
    sign(hooks, secret);
    if (event->flaw == FLAW_FORGED)
        forge(hooks->signature);
    out->content_type = "application/json";
    out->headers[out->header_count++] = (struct virtual_header){"Teller-Timestamp", hooks->timestamp};
    out->headers[out->header_count++] = (struct virtual_header){"Teller-Signature", hooks->signature};
    return true;
}

bool virtual_webhooks_url(const char **url, const char *text)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL)
        return false;
    free((void *)(uintptr_t)*url);
    *url = copy;
    return true;
}

/* ---- posting ----------------------------------------------------------------------------------------- */

int64_t virtual_webhooks_due_us(const struct virtual_bank *self)
{
    const struct virtual_webhooks *hooks = self->webhooks;
    return hooks->heap_count > 0 ? hooks->heap[0]->due_us : INT64_MAX;
}

/* false: it cannot be posted any more, as nobody is told now, or for want of memory. */
static bool write_post(struct virtual_bank *self, const struct event *event, int64_t now_us,
                       struct virtual_post *out)
{
    struct virtual_webhooks *hooks = self->webhooks;
    const struct virtual_payment *payment = virtual_payment_at(self, event->payment);
    CHECK(payment != NULL);
    free(hooks->body);
    hooks->body = NULL;
    *out = (struct virtual_post){.id = event->id, .url = url_of(self, payment->rail)};
    if (out->url == NULL)
        return false;
    bool is_written = is_signed_token(self, payment) ? write_token(self, event, payment, now_us, out)
                                                     : write_generic(self, event, payment, now_us, out);
    out->body = hooks->body;
    out->length = is_written ? strlen(hooks->body) : 0;
    return is_written;
}

bool virtual_bank_post(struct virtual_bank *self, int64_t now_us, struct virtual_post *out)
{
    struct virtual_webhooks *hooks = self->webhooks;
    virtual_bank_advance(self, now_us);
    while (virtual_webhooks_due_us(self) <= now_us &&
           grow(&hooks->out, hooks->out_count, &hooks->out_capacity)) {
        struct event *event = pop(hooks);
        if (write_post(self, event, now_us, out)) {
            event->posts++;
            hooks->out[hooks->out_count++] = event;
            return true;
        }
        free(event);
        hooks->dropped++;
    }
    return false;
}

/* After the nth post. */
static int64_t pause_after(uint32_t posts)
{
    int64_t pause = RETRY_FIRST_US;
    for (uint32_t i = 1; i < posts && pause < RETRY_MAX_US; i++)
        pause *= 2;
    return pause < RETRY_MAX_US ? pause : RETRY_MAX_US;
}

void virtual_bank_posted(struct virtual_bank *self, int64_t now_us, uint64_t id, int status)
{
    struct virtual_webhooks *hooks = self->webhooks;
    size_t at = 0;
    while (at < hooks->out_count && hooks->out[at]->id != id)
        at++;
    CHECK(at < hooks->out_count);
    struct event *event = hooks->out[at];
    hooks->out[at] = hooks->out[--hooks->out_count];
    bool is_delivered = status >= 200 && status < 300;
    if (!is_delivered && event->posts < EVENT_POSTS_MAX &&
        grow(&hooks->heap, hooks->heap_count, &hooks->heap_capacity)) {
        event->due_us = now_us + pause_after(event->posts);
        push(hooks, event);
        hooks->repeated++;
        return;
    }
    *(is_delivered ? &hooks->delivered : &hooks->dropped) += 1;
    free(event);
}

/* ---- life -------------------------------------------------------------------------------------------- */

struct virtual_webhooks *virtual_webhooks_new(uint64_t seed)
{
    struct virtual_webhooks *self = calloc(1, sizeof *self);
    if (self != NULL)
        self->ids = sim_random_split(seed, "webhooks");
    return self;
}

void virtual_webhooks_destroy(struct virtual_webhooks **self_p)
{
    struct virtual_webhooks *self = *self_p;
    for (size_t i = 0; self != NULL && i < self->heap_count; i++)
        free(self->heap[i]);
    for (size_t i = 0; self != NULL && i < self->out_count; i++)
        free(self->out[i]);
    if (self != NULL) {
        free(self->heap);
        free(self->out);
        free(self->drawn);
        free(self->body);
    }
    free(self);
    *self_p = NULL;
}

struct virtual_webhook_figures virtual_webhooks_figures(const struct virtual_bank *self)
{
    const struct virtual_webhooks *hooks = self->webhooks;
    return (struct virtual_webhook_figures){.waiting = hooks->heap_count + hooks->out_count,
                                            .delivered = hooks->delivered,
                                            .repeated = hooks->repeated,
                                            .dropped = hooks->dropped};
}

uint64_t virtual_webhooks_digest(const struct virtual_bank *self)
{
    const struct virtual_webhooks *hooks = self->webhooks;
    struct sim_random sum = {hooks->ids.state};
    const uint64_t parts[] = {hooks->last_id,
                              hooks->delivered,
                              hooks->repeated,
                              hooks->dropped,
                              hooks->heap_count,
                              hooks->out_count,
                              (uint64_t)virtual_webhooks_due_us(self)};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        sum.state = sim_random_next(&sum) ^ parts[i];
    return sim_random_next(&sum);
}
