/* A rule is a fault that goes on for a while. For each packet the rules that hold decide: is it lost, held back, sent twice,
 * late, overtaken? Packets that are held back wait in a list of their own until the clog ends.
 *
 * Events hold the packets; they have no owner but the queue until they are delivered. */
#include "sim/network.h"

#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"

enum {
    RULES_MAX = 64,
    PLACES = 128,            /* 64 partitions, the broker, clients */
    SLOW_PER_MILLION = 5000, /* messages that take much longer even without a fault */
    SLOW_TIMES = 40,
    OVERTAKEN_US = 200000, /* how long an overtaken message may be late */
    CLOG_SPREAD_US = 20000,
};

struct network {
    struct network_config config;
    struct sim_random random;
    struct {
        struct fault fault;
        int64_t until_us;
    } rules[RULES_MAX];
    size_t rule_count;
    struct packet **held;
    size_t held_count, held_capacity;
    int64_t arrives_us[PLACES][PLACES]; /* the last message of the pair */
    struct network_counts counts;
};

struct network *network_new(const struct network_config *config)
{
    struct network *self = calloc(1, sizeof *self);
    CHECK(self);
    self->config = *config;
    self->random = sim_random_split(config->seed, "network");
    return self;
}

void network_destroy(struct network **self_p)
{
    struct network *self = *self_p;
    *self_p = NULL;
    for (size_t i = 0; i < self->held_count; i++)
        free(self->held[i]);
    free(self->held);
    free(self);
}

struct packet *network_packet(uint32_t from, uint32_t to, uint64_t tag, size_t length)
{
    struct packet *packet = calloc(1, sizeof *packet + length);
    CHECK(packet);
    packet->from = from;
    packet->to = to;
    packet->tag = tag;
    packet->length = length;
    return packet;
}

static size_t place_of(uint32_t address)
{
    if (address >= NETWORK_CLIENT)
        return 65 + (address - NETWORK_CLIENT) % (PLACES - 65);
    return address == WORLD_BROKER ? 64 : address;
}

static void arrive(void *context, void *pointer, uint64_t number)
{
    struct network *self = context;
    (void)number;
    self->config.deliver(self->config.context, pointer);
    free(pointer);
}

static void plan(struct network *self, struct packet *packet, int64_t at_us)
{
    events_add(
        self->config.events,
        (struct event){.at_us = at_us, .call = arrive, .context = self, .pointer = packet, .drop = free});
}

/* ---- rules -------------------------------------------------------------------------------------- */

static bool address_matches(uint32_t rule, uint32_t address)
{
    if (rule == WORLD_ANY || rule == address)
        return true;
    return rule == WORLD_CLIENTS && address >= NETWORK_CLIENT;
}

static void rules_expire(struct network *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->rule_count; i++) {
        if (self->rules[i].until_us > *self->config.now_us)
            self->rules[kept++] = self->rules[i];
    }
    self->rule_count = kept;
}

/* The rule of this kind that holds for a packet, with the largest amount. */
static const struct fault *rule_for(const struct network *self, enum fault_kind kind,
                                    const struct packet *packet)
{
    const struct fault *found = NULL;
    for (size_t i = 0; i < self->rule_count; i++) {
        const struct fault *rule = &self->rules[i].fault;
        if (rule->kind == kind && address_matches(rule->target, packet->from) &&
            address_matches(rule->peer, packet->to) && (!found || rule->amount > found->amount))
            found = rule;
    }
    return found;
}

static bool happens(struct network *self, enum fault_kind kind, const struct packet *packet)
{
    const struct fault *rule = rule_for(self, kind, packet);
    return rule && sim_random_chance(&self->random, (uint32_t)rule->amount);
}

/* ---- sending ------------------------------------------------------------------------------------ */

static int64_t latency(struct network *self)
{
    int64_t middle = self->config.latency_us;
    int64_t us = sim_random_between(&self->random, middle / 2 + 1, middle * 2 + 1);
    return sim_random_chance(&self->random, SLOW_PER_MILLION) ? us * SLOW_TIMES : us;
}

static void send_once(struct network *self, struct packet *packet)
{
    int64_t *last = &self->arrives_us[place_of(packet->from)][place_of(packet->to)];
    int64_t at_us = *self->config.now_us + latency(self);
    const struct fault *delay = rule_for(self, FAULT_DELAY, packet);
    if (delay)
        at_us += sim_random_between(&self->random, 0, delay->amount);
    if (happens(self, FAULT_REORDER, packet)) {
        at_us += sim_random_between(&self->random, 0, OVERTAKEN_US);
        self->counts.overtaken++;
    } else {
        if (at_us <= *last)
            at_us = *last + 1;
        *last = at_us;
    }
    plan(self, packet, at_us);
}

static void hold(struct network *self, struct packet *packet)
{
    if (self->held_count == self->held_capacity) {
        self->held_capacity = self->held_capacity ? 2 * self->held_capacity : 64;
        self->held = realloc(self->held, self->held_capacity * sizeof(struct packet *));
        CHECK(self->held);
    }
    self->held[self->held_count++] = packet;
    self->counts.held++;
}

void network_send(struct network *self, struct packet *packet)
{
    self->counts.sent++;
    if (self->rule_count > 0) {
        rules_expire(self);
        if (rule_for(self, FAULT_CUT, packet) || happens(self, FAULT_LOSE, packet)) {
            self->counts.lost++;
            free(packet);
            return;
        }
        if (rule_for(self, FAULT_CLOG, packet)) {
            hold(self, packet);
            return;
        }
        if (happens(self, FAULT_REPEAT, packet)) {
            struct packet *second = network_packet(packet->from, packet->to, packet->tag, packet->length);
            memcpy(second->bytes, packet->bytes, packet->length);
            self->counts.repeated++;
            send_once(self, second);
        }
    }
    send_once(self, packet);
}

/* ---- faults ------------------------------------------------------------------------------------- */

/* What a clog that has ended held back comes in any order. */
static void unclog(struct network *self)
{
    size_t kept = 0;
    rules_expire(self);
    for (size_t i = 0; i < self->held_count; i++) {
        struct packet *packet = self->held[i];
        if (rule_for(self, FAULT_CLOG, packet))
            self->held[kept++] = packet;
        else
            plan(self, packet, *self->config.now_us + sim_random_between(&self->random, 0, CLOG_SPREAD_US));
    }
    self->held_count = kept;
}

static void clog_ends(void *context, void *pointer, uint64_t number)
{
    (void)pointer;
    (void)number;
    unclog(context);
}

void network_fault(struct network *self, const struct fault *fault)
{
    rules_expire(self);
    if (self->rule_count == RULES_MAX)
        return;
    int64_t until_us = *self->config.now_us + fault->length_us;
    self->rules[self->rule_count].fault = *fault;
    self->rules[self->rule_count++].until_us = until_us;
    if (fault->kind == FAULT_CLOG)
        events_add(self->config.events,
                   (struct event){.at_us = until_us, .call = clog_ends, .context = self});
}

void network_mend(struct network *self)
{
    self->rule_count = 0;
    unclog(self);
}

const struct network_counts *network_counts(const struct network *self)
{
    return &self->counts;
}
