/* A call is an operation on its way, with the time of each attempt: an answer is judged from the sending of the attempt
 * that it answers. Its request id is the number of the operation and that of the attempt. */
#include "sim/client.h"

#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/random.h"

enum { ATTEMPTS_KEPT = 256, BACK_OFF_MAX = 16, PATIENT_FROM = 32, PATIENT_MOST = 140, BUSY_US = 40000 };

struct call {
    struct operation *operation;
    operation_done_fn *done;
    void *context;
    uint64_t attempts;
    uint64_t timer; /* the one that counts; an earlier one does nothing */
    int64_t sent_us[ATTEMPTS_KEPT];
};

struct clients {
    struct clients_config config;
    struct sim_random random;
    struct answer_reader *reader;
    struct mp_writer writer;
    struct call **calls; /* by number of the operation; NULL: ended */
    uint64_t number, capacity, oldest;
    uint32_t open;
    uint64_t attempts, answers;
};

struct clients *clients_new(const struct clients_config *config)
{
    struct clients *self = calloc(1, sizeof *self);
    CHECK(self);
    self->config = *config;
    self->random = sim_random_split(config->seed, "clients");
    self->reader = answer_reader_new();
    self->oldest = 1;
    return self;
}

static void call_free(struct clients *self, struct call *call)
{
    self->config.ended(self->config.context, call->operation);
    self->calls[call->operation->number] = NULL;
    operation_free(&call->operation);
    free(call);
    self->open--;
}

void clients_destroy(struct clients **self_p)
{
    struct clients *self = *self_p;
    *self_p = NULL;
    for (uint64_t i = 1; i <= self->number; i++) {
        if (self->calls[i])
            call_free(self, self->calls[i]);
    }
    free(self->calls);
    answer_reader_destroy(&self->reader);
    mp_writer_release(&self->writer);
    free(self);
}

/* ---- sending ------------------------------------------------------------------------------------ */

static void timer_comes(void *context, void *pointer, uint64_t number);

static void timer_plan(struct clients *self, struct call *call, int64_t after_us)
{
    call->timer++;
    events_add(self->config.events,
               (struct event){.at_us = *self->config.now_us + after_us,
                              .call = timer_comes,
                              .context = self,
                              .pointer = NULL,
                              .number = call->operation->number << 24 | (call->timer & 0xffffff)});
}

static void send_attempt(struct clients *self, struct call *call)
{
    const struct operation *operation = call->operation;
    uint64_t attempt = call->attempts++;
    call->sent_us[attempt % ATTEMPTS_KEPT] = *self->config.now_us;
    mp_writer_reset(&self->writer);
    operation_write(operation, operation->number << 24 | (attempt & 0xffffff), &self->writer);
    CHECK(!self->writer.failed);
    struct packet *packet =
        network_packet(NETWORK_CLIENT + operation->client, WORLD_BROKER, 0, self->writer.length);
    memcpy(packet->bytes, self->writer.data, packet->length);
    self->attempts++;
    self->config.send(self->config.context, packet);
    uint64_t patience = attempt < 4 ? UINT64_C(1) << attempt : BACK_OFF_MAX;
    int64_t longest = self->config.patience_us * (int64_t)patience;
    timer_plan(self, call, sim_random_between(&self->random, longest / 2, longest));
}

static void timer_comes(void *context, void *pointer, uint64_t number)
{
    struct clients *self = context;
    struct call *call = self->calls[number >> 24];
    (void)pointer;
    if (call && (call->timer & 0xffffff) == (number & 0xffffff))
        send_attempt(self, call);
}

void clients_submit(struct clients *self, uint32_t client, struct operation *operation,
                    operation_done_fn *done, void *context)
{
    uint64_t number = ++self->number;
    if (number >= self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 1024;
        self->calls = realloc(self->calls, self->capacity * sizeof(struct call *));
        CHECK(self->calls);
    }
    struct call *call = calloc(1, sizeof *call);
    CHECK(call);
    call->operation = operation;
    call->done = done;
    call->context = context;
    operation->number = number;
    operation->client = client % self->config.clients;
    self->calls[number] = call;
    self->open++;
    self->config.sent(self->config.context, operation);
    send_attempt(self, call);
}

void clients_storm(struct clients *self, uint64_t times)
{
    uint64_t last = self->number;
    for (uint64_t time = 0; time < times; time++) {
        for (uint64_t i = self->oldest; i <= last; i++) {
            if (self->calls[i])
                send_attempt(self, self->calls[i]);
        }
    }
}

/* Longer each time, but never so long that a big batch, of which each attempt brings a part, takes for ever. Those that have
 * asked very often leave room for each other. */
static int64_t busy_pause_us(struct clients *self, const struct call *call)
{
    uint64_t times = call->attempts < BACK_OFF_MAX ? call->attempts : BACK_OFF_MAX;
    if (call->attempts > PATIENT_FROM)
        times += call->attempts < PATIENT_MOST ? call->attempts - PATIENT_FROM : PATIENT_MOST - PATIENT_FROM;
    return sim_random_between(&self->random, BUSY_US / 4, BUSY_US * (int64_t)(times + 1));
}

/* ---- answers ------------------------------------------------------------------------------------ */

void clients_receive(struct clients *self, const struct packet *packet)
{
    uint64_t request_id;
    struct answer answer;
    if (!answer_request_id(packet->bytes, packet->length, &request_id)) {
        self->config.malformed(self->config.context, NULL);
        return;
    }
    uint64_t number = request_id >> 24, attempt = request_id & 0xffffff;
    struct call *call = number >= 1 && number <= self->number ? self->calls[number] : NULL;
    if (!call)
        return; /* it has had its answer */
    if (!answer_read(self->reader, call->operation, packet->bytes, packet->length, &answer)) {
        self->config.malformed(self->config.context, call->operation);
        return;
    }
    bool is_final = answer_is_final(call->operation, &answer);
    bool is_kept = attempt + ATTEMPTS_KEPT >= call->attempts;
    int64_t sent_us = call->sent_us[is_kept ? attempt % ATTEMPTS_KEPT : 0];
    self->answers++;
    self->config.answered(self->config.context, is_kept ? sent_us : 0, call->operation, &answer, is_final);
    if (!is_final) {
        timer_plan(self, call, busy_pause_us(self, call));
        return;
    }
    if (call->done)
        call->done(call->context, call->operation, &answer);
    call_free(self, call);
    while (self->oldest <= self->number && !self->calls[self->oldest])
        self->oldest++;
}

uint32_t clients_open(const struct clients *self)
{
    return self->open;
}

uint64_t clients_attempts(const struct clients *self)
{
    return self->attempts;
}

uint64_t clients_answers(const struct clients *self)
{
    return self->answers;
}

const struct operation *clients_oldest(const struct clients *self)
{
    for (uint64_t i = self->oldest; i <= self->number; i++) {
        if (self->calls[i])
            return self->calls[i]->operation;
    }
    return NULL;
}
