/* The parts are put together here: their hooks lead to each other, to the oracle and to the digest. Whatever a part tells, it
 * is told in the order in which it happens in virtual time. */
#include "sim/world.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

#include "actors/base/check.h"
#include "actors/ledger/fact.h"
#include "sim/broker.h"
#include "sim/client.h"
#include "sim/member.h"
#include "sim/random.h"

enum {
    MAILBOX_REQUESTS = 256,
    MAILBOX_MOST = 2048,
    MEMORY_MOST = 128 << 20,
    PATH_BYTES = 512,
    REHEARSAL_COMMITS = 61, /* between two rehearsals of a restart, where nothing else is said */
    RELAPSE_CALLS = 60,     /* a recovery that is cut is cut within so many calls to the disk */
};

#define SECOND_US INT64_C(1000000)
#define SETTLE_US (600 * SECOND_US) /* everything is answered within this time after the last fault */
#define SETTLE_STEP_US (SECOND_US / 4)

/* A fault that is to begin or to end; the world keeps it. */
struct pending {
    struct world *world;
    struct fault fault;
};

struct world {
    struct world_config config;
    char root[PATH_BYTES];
    struct sim_random random;
    struct events events;
    int64_t now_us;
    struct disk *disk;
    struct network *network;
    struct broker *broker;
    struct clients *clients;
    struct oracle *oracle;
    struct member *members[WORLD_PARTITIONS_MAX];
    enum disk_crash cut_kind[WORLD_PARTITIONS_MAX], cut_kind_all;
    uint64_t relapses[WORLD_PARTITIONS_MAX];
    uint64_t durable_until[WORLD_PARTITIONS_MAX]; /* position behind the last commit; 0: there was none */
    bool is_broken;
    bool is_ending;
    struct breach breach;
    uint64_t digest;
    struct world_counts counts;
};

static void mix(struct world *self, uint64_t value)
{
    uint64_t parts[3] = {self->digest, (uint64_t)self->now_us, value};
    self->digest = XXH3_64bits(parts, sizeof parts);
}

/* ---- telling ------------------------------------------------------------------------------------ */

static bool is_traced(const struct world *self)
{
    return self->config.trace && self->now_us >= self->config.trace_from_us;
}

void world_note(struct world *self, const char *format, ...)
{
    va_list arguments;
    if (!is_traced(self))
        return;
    fprintf(self->config.trace, "%12.6f s  ", (double)self->now_us / 1e6);
    va_start(arguments, format);
    vfprintf(self->config.trace, format, arguments);
    va_end(arguments);
    fputc('\n', self->config.trace);
    fflush(self->config.trace);
}

void world_set_breach(struct world *self, const struct breach *breach)
{
    world_note(self, "BREACH of %s: %s", breach->invariant, breach->text);
    if (self->is_broken)
        return;
    self->is_broken = true;
    self->breach = *breach;
}

const struct breach *world_breach(const struct world *self)
{
    return self->is_broken ? &self->breach : NULL;
}

static void hook_breach(void *context, const struct breach *breach)
{
    world_set_breach(context, breach);
}

static void broken(struct world *self, uint32_t partition, uint64_t operation, const char *invariant,
                   const char *text)
{
    struct breach breach = {.invariant = invariant, .operation = operation, .partition = partition};
    snprintf(breach.text, sizeof breach.text, "%s", text);
    world_set_breach(self, &breach);
}

/* ---- crashes and restarts ----------------------------------------------------------------------- */

static void restart_comes(void *context, void *pointer, uint64_t partition);

static void restart_plan(struct world *self, uint32_t partition)
{
    int64_t after_us =
        sim_random_between(&self->random, self->config.restart_us / 8 + 1, self->config.restart_us * 2);
    events_add(&self->events, (struct event){.at_us = self->now_us + after_us,
                                             .call = restart_comes,
                                             .context = self,
                                             .number = partition});
}

static void down(struct world *self, uint32_t partition)
{
    member_die(self->members[partition]);
    broker_state(self->broker, partition, PARTITION_STARTING);
}

/* Members first .. last - 1 are down, their part of the disk is as a crash of this kind leaves it. */
static void crash(struct world *self, uint32_t first, uint32_t last, const char *scope, enum disk_crash kind)
{
    for (uint32_t p = first; p < last; p++)
        down(self, p);
    disk_crash(self->disk, scope, kind);
    self->counts.images++;
    mix(self, kind);
    for (uint32_t p = first; p < last; p++)
        restart_plan(self, p);
}

static void crash_all(struct world *self, enum disk_crash kind)
{
    world_note(self, "all partitions die%s",
               kind == DISK_POWER ? ", and the machine's memory with them" : "");
    crash(self, 0, self->config.partitions, "", kind);
}

static void crash_one(struct world *self, uint32_t partition, enum disk_crash kind)
{
    world_note(self, "partition %u dies%s", partition,
               kind == DISK_POWER ? ", and unsynced writes with it" : "");
    crash(self, partition, partition + 1, member_scope(self->members[partition]), kind);
}

static void hook_cut(void *context, uint32_t partition)
{
    struct world *self = context;
    if (disk_is_cut(self->disk, ""))
        crash_all(self, self->cut_kind_all);
    else
        crash_one(self, partition, self->cut_kind[partition]);
}

static void restart_comes(void *context, void *pointer, uint64_t partition)
{
    struct world *self = context;
    struct member *member = self->members[partition];
    uint64_t relapse = 0;
    (void)pointer;
    if (member_is_up(member))
        return;
    if (self->relapses[partition] > 0) {
        self->relapses[partition]--;
        self->counts.recoveries_cut++;
        self->cut_kind[partition] = sim_random_chance(&self->random, 500000) ? DISK_POWER : DISK_KILLED;
        relapse = (uint64_t)sim_random_between(&self->random, 1, RELAPSE_CALLS);
    }
    self->counts.restarts++;
    bool is_up = member_start(member, relapse);
    world_note(self, "partition %u %s", (unsigned)partition, is_up ? "is up" : "could not start");
    mix(self, partition << 1 | is_up);
    if (is_up || disk_is_cut(self->disk, member_scope(member)))
        return;
    disk_repair(self->disk, ""); /* somebody looks after it */
    restart_plan(self, (uint32_t)partition);
}

static void stopped_comes(void *context, void *pointer, uint64_t partition)
{
    struct world *self = context;
    (void)pointer;
    if (member_is_stopped(self->members[partition]))
        crash_one(self, (uint32_t)partition, DISK_KILLED);
}

/* Somebody sees it, and starts it again. Until then it goes on answering BUSY. */
static void hook_stopped(void *context, uint32_t partition)
{
    struct world *self = context;
    world_note(self, "partition %u has stopped", partition);
    int64_t after_us = sim_random_between(&self->random, 1, self->config.restart_us);
    events_add(&self->events, (struct event){.at_us = self->now_us + after_us,
                                             .call = stopped_comes,
                                             .context = self,
                                             .number = partition});
}

/* ---- hooks of the parts ------------------------------------------------------------------------- */

static void hook_send(void *context, struct packet *packet)
{
    struct world *self = context;
    network_send(self->network, packet);
}

static void hook_deliver(void *context, const struct packet *packet)
{
    struct world *self = context;
    self->counts.messages++;
    if (packet->to >= NETWORK_CLIENT)
        clients_receive(self->clients, packet);
    else if (packet->to == WORLD_BROKER)
        broker_receive(self->broker, packet);
    else
        member_packet(self->members[packet->to], packet);
}

static bool hook_give(void *context, uint32_t partition, const struct box *box)
{
    struct world *self = context;
    return member_receive(self->members[partition], box);
}

static void hook_list(void *context, uint32_t partition, struct request *list, bool is_lost)
{
    struct world *self = context;
    broker_answered(self->broker, partition, list, is_lost);
}

static void hook_state(void *context, uint32_t partition, enum partition_state state)
{
    static const char *const words[] = {"is starting", "is serving", "is full", "stops"};
    struct world *self = context;
    world_note(self, "partition %u %s", partition, words[state]);
    broker_state(self->broker, partition, state);
}

/* What a crash in this moment would come back as: restarts are too few to meet each moment that matters. */
static void rehearse(struct world *self, uint32_t partition)
{
    const struct ledger *second = member_rehearse(self->members[partition]);
    if (second == NULL)
        return;
    oracle_compare(self->oracle, partition, second);
    member_replay_end(self->members[partition]);
}

static void hook_durable(void *context, uint32_t partition, const struct journal_commit *commit)
{
    struct world *self = context;
    self->counts.commits++;
    world_note(self, "partition %u commit %" PRIu64 ": %u facts from position %" PRIu64, partition,
               commit->sequence, commit->fact_count, commit->position);
    self->durable_until[partition] = commit->position + commit->length / FACT_WORD;
    mix(self, XXH3_64bits(commit->facts, commit->length));
    if (self->config.no_checks)
        return;
    oracle_commit(self->oracle, self->now_us, partition, commit);
    if (commit->sequence % self->config.rehearsal_commits == 0)
        rehearse(self, partition);
}

static void hook_recovered(void *context, uint32_t partition, const struct ledger *ledger)
{
    struct world *self = context;
    if (self->config.no_checks)
        return;
    oracle_compare(self->oracle, partition, ledger);
    oracle_restarted(self->oracle, partition);
}

static int64_t hook_clock(void *context, uint32_t partition)
{
    struct world *self = context;
    return member_latest_wall_us(self->members[partition]);
}

static void hook_member_breach(void *context, uint32_t partition, const char *invariant, const char *text)
{
    broken(context, partition, 0, invariant, text);
}

static void hook_member_note(void *context, uint32_t partition, const char *text)
{
    world_note(context, "partition %u says: %s", partition, text);
}

static void hook_sent(void *context, const struct operation *operation)
{
    struct world *self = context;
    char text[200];
    self->counts.operations++;
    self->counts.commands += operation->count > 0 ? operation->row_count : 1;
    if (is_traced(self))
        world_note(self, "client %u sends %s", operation->client,
                   operation_say(operation, text, sizeof text));
    if (!self->config.no_checks)
        oracle_sent(self->oracle, self->now_us, operation);
}

static void hook_answered(void *context, int64_t sent_us, const struct operation *operation,
                          const struct answer *answer, bool is_final)
{
    struct world *self = context;
    char text[200];
    if (is_traced(self))
        world_note(self, "client %u is told #%" PRIu64 " %s%s", operation->client, operation->number,
                   answer_say(operation, answer, text, sizeof text), is_final ? "" : ", and will ask again");
    mix(self, operation->number << 8 | answer->code);
    self->counts.codes[answer->code] += answer->row_count == 0;
    for (uint32_t i = 0; i < answer->row_count; i++)
        self->counts.codes[answer->rows[i].code]++;
    if (!self->config.no_checks)
        oracle_answer(self->oracle, sent_us, self->now_us, operation, answer);
}

static void hook_ended(void *context, const struct operation *operation)
{
    struct world *self = context;
    if (!self->config.no_checks)
        oracle_forget(self->oracle, operation);
}

static void hook_malformed(void *context, const struct operation *operation)
{
    broken(context, UINT32_MAX, operation ? operation->number : 0, "I8",
           "a reply is not what the protocol says");
}

/* ---- life --------------------------------------------------------------------------------------- */

struct world_config world_config_default(uint32_t partitions)
{
    return (struct world_config){
        .partitions = partitions,
        .seed = 1,
        .clients = 4,
        .ids_in_memory = 1024,
        .link_window = 1024,
        .checkpoint_words = 4096,
        .map_bytes = UINT64_C(64) << 20,
        .latency_us = 300,
        .commit_us = 400,
        .restart_us = SECOND_US / 2,
        .patience_us = 2 * SECOND_US,
        .rehearsal_commits = REHEARSAL_COMMITS,
    };
}

static struct ledger_config ledger_config_of(const struct world *self, uint32_t partition)
{
    struct ledger_config config = ledger_config_default();
    config.partition = partition;
    config.partitions = self->config.partitions;
    config.hash_key = self->config.seed * UINT64_C(0x9E3779B97F4A7C15);
    if (self->config.ids_in_memory)
        config.ids_in_memory = self->config.ids_in_memory;
    if (self->config.link_window)
        config.link_window = self->config.link_window;
    if (self->config.id_retention_us)
        config.id_retention_us = self->config.id_retention_us;
    if (self->config.checkpoint_words)
        config.checkpoint_words = self->config.checkpoint_words;
    return config;
}

static void member_make(struct world *self, uint32_t partition)
{
    const struct member_hooks hooks = {
        .context = self,
        .answered = hook_list,
        .state = hook_state,
        .send = hook_send,
        .durable = hook_durable,
        .recovered = hook_recovered,
        .cut = hook_cut,
        .stopped = hook_stopped,
        .breach = hook_member_breach,
        .note = hook_member_note,
    };
    const struct member_config config = {
        .partition = partition,
        .partitions = self->config.partitions,
        .seed = self->config.seed,
        .ledger = ledger_config_of(self, partition),
        .root = self->root,
        .map_bytes = self->config.map_bytes,
        .preallocate_bytes = self->config.preallocate_bytes,
        .commit_us = self->config.commit_us,
        .disk = self->disk,
        .events = &self->events,
        .now_us = &self->now_us,
    };
    char path[PATH_BYTES + 16];
    self->members[partition] = member_new(&config, &hooks);
    snprintf(path, sizeof path, "%s/%s", self->root, member_scope(self->members[partition]));
    int made = mkdir(path, 0700);
    CHECK(made == 0);
}

static void parts_make(struct world *self)
{
    const struct world_config *config = &self->config;
    self->network = network_new(&(struct network_config){.seed = config->seed,
                                                         .events = &self->events,
                                                         .now_us = &self->now_us,
                                                         .latency_us = config->latency_us,
                                                         .deliver = hook_deliver,
                                                         .context = self});
    self->broker = broker_new(&(struct broker_config){.partitions = config->partitions,
                                                      .mailbox_requests = MAILBOX_REQUESTS,
                                                      .send = hook_send,
                                                      .give = hook_give,
                                                      .context = self});
    self->clients = clients_new(&(struct clients_config){.seed = config->seed,
                                                         .clients = config->clients,
                                                         .patience_us = config->patience_us,
                                                         .events = &self->events,
                                                         .now_us = &self->now_us,
                                                         .send = hook_send,
                                                         .sent = hook_sent,
                                                         .answered = hook_answered,
                                                         .ended = hook_ended,
                                                         .malformed = hook_malformed,
                                                         .context = self});
    const struct oracle_config oracle = {.partitions = config->partitions,
                                         .id_retention_us = ledger_config_of(self, 0).id_retention_us,
                                         .base_currency = ledger_config_of(self, 0).base_currency,
                                         .clock_us = hook_clock};
    self->oracle = oracle_new(&oracle, hook_breach, self);
}

struct world *world_new(const struct world_config *config)
{
    struct world *self = calloc(1, sizeof *self);
    CHECK(self && config->partitions >= 1 && config->partitions <= WORLD_PARTITIONS_MAX);
    CHECK(config->clients >= 1 && config->clients <= WORLD_CLIENTS_MAX);
    self->config = *config;
    snprintf(self->root, sizeof self->root, "%s", config->root);
    self->random = sim_random_split(config->seed, "world");
    parts_make(self);
    for (uint32_t p = 0; p < config->partitions; p++)
        self->members[p] = NULL;
    self->disk = disk_new(self->root, config->seed);
    for (uint32_t p = 0; p < config->partitions; p++) {
        member_make(self, p);
        bool is_up = member_start(self->members[p], 0);
        CHECK(is_up);
    }
    return self;
}

void world_destroy(struct world **self_p)
{
    struct world *self = *self_p;
    *self_p = NULL;
    for (uint32_t p = 0; p < self->config.partitions; p++)
        member_die(self->members[p]);
    disk_destroy(&self->disk);
    for (uint32_t p = 0; p < self->config.partitions; p++) {
        char path[PATH_BYTES + 16];
        snprintf(path, sizeof path, "%s/%s", self->root, member_scope(self->members[p]));
        disk_root_remove(path);
        member_destroy(&self->members[p]);
    }
    clients_destroy(&self->clients);
    events_release(&self->events);
    broker_destroy(&self->broker);
    network_destroy(&self->network);
    oracle_destroy(&self->oracle);
    free(self);
}

/* ---- running ------------------------------------------------------------------------------------ */

int64_t world_now(const struct world *self)
{
    return self->now_us;
}

static void step(struct world *self)
{
    struct event event;
    bool there = events_take(&self->events, &event);
    CHECK(there);
    self->now_us = event.at_us;
    self->counts.events++;
    event.call(event.context, event.pointer, event.number);
}

void world_run(struct world *self, int64_t until_us)
{
    while (!self->is_broken && events_next_us(&self->events) <= until_us)
        step(self);
    if (!self->is_broken && self->now_us < until_us)
        self->now_us = until_us;
}

bool world_run_until(struct world *self, const bool *done, int64_t at_most_us)
{
    int64_t until_us = self->now_us + at_most_us;
    while (!*done && !self->is_broken && events_next_us(&self->events) <= until_us)
        step(self);
    return *done;
}

struct timer {
    world_timer_fn *call;
    void *context;
};

static void timer_comes(void *context, void *pointer, uint64_t number)
{
    struct timer timer = *(struct timer *)pointer;
    (void)number;
    free(pointer);
    timer.call(timer.context, context);
}

void world_at(struct world *self, int64_t at_us, world_timer_fn *call, void *context)
{
    struct timer *timer = malloc(sizeof *timer);
    CHECK(timer);
    *timer = (struct timer){call, context};
    events_add(&self->events, (struct event){.at_us = at_us > self->now_us ? at_us : self->now_us,
                                             .call = timer_comes,
                                             .context = self,
                                             .pointer = timer,
                                             .drop = free});
}

void world_submit(struct world *self, uint32_t client, struct operation *operation, operation_done_fn *done,
                  void *context)
{
    clients_submit(self->clients, client, operation, done, context);
}

uint32_t world_open_operations(const struct world *self)
{
    return clients_open(self->clients);
}

/* ---- faults ------------------------------------------------------------------------------------- */

static void fault_begins(struct world *self, const struct fault *fault);
static void fault_ends(struct world *self, const struct fault *fault);

static void begin_comes(void *context, void *pointer, uint64_t number)
{
    struct pending *pending = pointer;
    struct fault fault = pending->fault;
    (void)number;
    free(pending);
    fault_begins(context, &fault);
}

static void end_comes(void *context, void *pointer, uint64_t number)
{
    struct pending *pending = pointer;
    struct fault fault = pending->fault;
    (void)number;
    free(pending);
    fault_ends(context, &fault);
}

static void fault_plan_event(struct world *self, const struct fault *fault, int64_t at_us, event_fn *call)
{
    struct pending *pending = malloc(sizeof *pending);
    CHECK(pending);
    pending->fault = *fault;
    events_add(
        &self->events,
        (struct event){.at_us = at_us, .call = call, .context = self, .pointer = pending, .drop = free});
}

void world_fault(struct world *self, const struct fault *fault)
{
    if (fault->at_us > self->now_us)
        fault_plan_event(self, fault, fault->at_us, begin_comes);
    else
        fault_begins(self, fault);
}

static const char *scope_of(const struct world *self, uint32_t target)
{
    return target < self->config.partitions ? member_scope(self->members[target]) : "";
}

static void each_target(struct world *self, const struct fault *fault,
                        void (*call)(struct world *self, uint32_t partition, const struct fault *fault))
{
    for (uint32_t p = 0; p < self->config.partitions; p++) {
        if (fault->target == p || fault->target == WORLD_ANY)
            call(self, p, fault);
    }
}

static void fault_crash(struct world *self, const struct fault *fault)
{
    enum disk_crash kind = fault->kind == FAULT_POWER ? DISK_POWER : DISK_KILLED;
    bool is_all = fault->target >= self->config.partitions;
    if (fault->amount > 0) {
        if (is_all)
            self->cut_kind_all = kind;
        else
            self->cut_kind[fault->target] = kind;
        disk_cut_after(self->disk, scope_of(self, fault->target), (uint64_t)fault->amount);
    } else if (is_all) {
        crash_all(self, kind);
    } else {
        crash_one(self, fault->target, kind);
    }
}

static void damage_state(struct world *self, uint32_t partition, const struct fault *fault)
{
    char scope[24];
    struct disk_damage damage;
    crash_one(self, partition, DISK_KILLED);
    snprintf(scope, sizeof scope, "%sstate", member_scope(self->members[partition]));
    bool done = fault->kind == FAULT_STATE_LOST   ? disk_lose(self->disk, scope)
                : fault->kind == FAULT_STATE_FLIP ? disk_flip(self->disk, scope, &damage)
                                                  : disk_stale(self->disk, scope, &damage);
    if (done && fault->kind != FAULT_STATE_LOST) {
        member_state_damaged(self->members[partition]);
        world_note(self, "the damage is in page %" PRIu64 " of %s", damage.page, damage.path);
    }
}

/* Of all partitions each has its own: it ends with the partition's restart. */
static void fail_disk(struct world *self, uint32_t partition, const struct fault *fault)
{
    bool is_space = fault->kind == FAULT_NO_SPACE;
    struct disk_fault plan = {
        .calls = is_space                          ? DISK_WRITE | DISK_GROW
                 : fault->kind == FAULT_SYNC_ERROR ? DISK_SYNC
                                                   : DISK_WRITE,
        .nth = is_space || fault->amount < 1 ? 1 : (uint64_t)fault->amount,
        .count = is_space || fault->length_us > 0 ? DISK_FOR_GOOD : 1,
        .code = is_space ? ENOSPC : EIO,
        .effect = fault->kind == FAULT_WRITTEN_ERROR ? DISK_ALL : DISK_NOTHING,
    };
    disk_fail(self->disk, scope_of(self, partition), &plan);
}

static void one_member_fault(struct world *self, uint32_t partition, const struct fault *fault)
{
    member_fault(self->members[partition], fault);
}

static void one_relapse(struct world *self, uint32_t partition, const struct fault *fault)
{
    self->relapses[partition] += (uint64_t)fault->amount;
}

static void one_mailbox(struct world *self, uint32_t partition, const struct fault *fault)
{
    member_fault(self->members[partition], fault);
    broker_mailbox(self->broker, partition, (uint32_t)fault->amount);
}

static void one_mailbox_ends(struct world *self, uint32_t partition, const struct fault *fault)
{
    (void)fault;
    broker_mailbox(self->broker, partition, MAILBOX_REQUESTS);
}

static void fault_begins(struct world *self, const struct fault *fault)
{
    char text[160];
    if (self->is_ending)
        return;
    self->counts.faults[fault->kind]++;
    if (is_traced(self))
        world_note(self, "FAULT %s", fault_say(fault, text, sizeof text));
    mix(self, fault->kind);
    switch (fault->kind) {
    case FAULT_KILL:
    case FAULT_POWER:
        fault_crash(self, fault);
        return;
    case FAULT_RELAPSE:
        each_target(self, fault, one_relapse);
        return;
    case FAULT_STATE_LOST:
    case FAULT_STATE_FLIP:
    case FAULT_STATE_STALE:
        each_target(self, fault, damage_state);
        return;
    case FAULT_WRITE_ERROR:
    case FAULT_SYNC_ERROR:
    case FAULT_WRITTEN_ERROR:
        each_target(self, fault, fail_disk);
        return;
    case FAULT_NO_SPACE:
        each_target(self, fault, fail_disk);
        break;
    case FAULT_CAPACITY:
        disk_capacity(self->disk, disk_used_bytes(self->disk) + (uint64_t)fault->amount * 1024 + 1);
        break;
    case FAULT_MAILBOX:
        each_target(self, fault, one_mailbox);
        break;
    case FAULT_PAUSE:
    case FAULT_MEMORY:
    case FAULT_SLOW_DISK:
    case FAULT_CLOCK_FORWARD:
    case FAULT_CLOCK_BACK:
    case FAULT_CLOCK_FREEZE:
        each_target(self, fault, one_member_fault);
        return;
    case FAULT_LOSE:
    case FAULT_REPEAT:
    case FAULT_REORDER:
    case FAULT_DELAY:
    case FAULT_CUT:
    case FAULT_CLOG:
        network_fault(self->network, fault);
        return;
    case FAULT_STORM:
        clients_storm(self->clients, (uint64_t)fault->amount);
        return;
    case FAULT_KIND_COUNT:
        break;
    }
    fault_plan_event(self, fault, self->now_us + fault->length_us, end_comes);
}

static void fault_ends(struct world *self, const struct fault *fault)
{
    if (fault->kind == FAULT_NO_SPACE)
        disk_repair(self->disk, scope_of(self, fault->target));
    else if (fault->kind == FAULT_CAPACITY)
        disk_capacity(self->disk, 0);
    else
        each_target(self, fault, one_mailbox_ends);
}

void world_mend(struct world *self)
{
    world_note(self, "all faults end");
    network_mend(self->network);
    disk_capacity(self->disk, 0);
    disk_repair(self->disk, "");
    disk_cut_after(self->disk, "", 0);
    for (uint32_t p = 0; p < self->config.partitions; p++) {
        disk_cut_after(self->disk, member_scope(self->members[p]), 0);
        self->relapses[p] = 0;
        member_mend(self->members[p]);
        broker_mailbox(self->broker, p, MAILBOX_REQUESTS);
    }
}

/* ---- the end ------------------------------------------------------------------------------------ */

static bool is_settled(const struct world *self)
{
    if (clients_open(self->clients) > 0 || broker_outstanding(self->broker) > 0)
        return false;
    for (uint32_t p = 0; p < self->config.partitions; p++) {
        struct ledger_stats stats;
        if (!member_is_idle(self->members[p]))
            return false;
        ledger_stats(member_ledger(self->members[p]), &stats);
        if (self->durable_until[p] != 0 && stats.position != self->durable_until[p])
            return false; /* what has expired by itself waits for room on the disk */
        if (stats.links_open > 0 || stats.groups_open > 0)
            return false;
    }
    return true;
}

/* Who still waits, for the report. */
static void break_liveness(struct world *self)
{
    char text[400], what[200];
    const struct operation *oldest = clients_oldest(self->clients);
    if (oldest) {
        snprintf(text, sizeof text,
                 "%u operations have no answer 10 minutes after the last fault; the oldest is %s",
                 clients_open(self->clients), operation_say(oldest, what, sizeof what));
    } else {
        snprintf(text, sizeof text,
                 "something is still under way 10 minutes after the last fault (%" PRIu64 " requests)",
                 broker_outstanding(self->broker));
    }
    broken(self, UINT32_MAX, oldest ? oldest->number : 0, "I10", text);
}

static void compare_all(struct world *self)
{
    for (uint32_t p = 0; p < self->config.partitions && !self->is_broken; p++) {
        struct member *member = self->members[p];
        ledger_check(member_ledger(member));
        oracle_compare(self->oracle, p, member_ledger(member));
        const struct ledger *second = member_replay(member);
        if (second) {
            oracle_compare(self->oracle, p, second);
            member_replay_end(member);
        }
    }
}

/* Far above what a run needs, far below what a leak takes. */
static void check_bounds(struct world *self)
{
    for (uint32_t p = 0; p < self->config.partitions; p++) {
        const struct member_counts *counts = member_counts(self->members[p]);
        if (counts->memory_peak_bytes > MEMORY_MOST)
            broken(self, p, 0, "I10", "the core has taken more memory than its accounts can need");
        if (counts->mailbox_peak > MAILBOX_MOST)
            broken(self, p, 0, "I10", "a mailbox has held more than the broker and the peers may put there");
    }
}

void world_settle(struct world *self)
{
    if (self->is_broken)
        return;
    world_mend(self);
    self->is_ending = true;
    int64_t until_us = self->now_us + SETTLE_US;
    while (!self->is_broken && !is_settled(self) && self->now_us < until_us)
        world_run(self, self->now_us + SETTLE_STEP_US);
    if (!self->is_broken && !is_settled(self))
        break_liveness(self);
    self->is_ending = false;
    if (self->is_broken || self->config.no_checks)
        return;
    oracle_settled(self->oracle);
    compare_all(self);
    check_bounds(self);
}

/* ---- looking in --------------------------------------------------------------------------------- */

const struct ledger *world_ledger(const struct world *self, uint32_t partition)
{
    return member_ledger(self->members[partition]);
}

bool world_is_up(const struct world *self, uint32_t partition)
{
    return member_is_up(self->members[partition]);
}

struct disk *world_disk(struct world *self)
{
    return self->disk;
}

struct counting_mem *world_memory(struct world *self, uint32_t partition)
{
    return member_memory(self->members[partition]);
}

void world_counts(const struct world *self, struct world_counts *out)
{
    const struct network_counts *network = network_counts(self->network);
    const struct disk_counts *disk = disk_counts(self->disk);
    *out = self->counts;
    out->lost = network->lost;
    out->repeated = network->repeated;
    out->attempts = clients_attempts(self->clients);
    out->answers = clients_answers(self->clients);
    out->disk_calls = disk->writes + disk->syncs + disk->grows + disk->opens + disk->reads + disk->names;
}

void world_oracle_counts(const struct world *self, struct oracle_counts *out)
{
    oracle_counts(self->oracle, out);
}

uint64_t world_digest(const struct world *self)
{
    uint64_t parts[3] = {self->digest, disk_digest(self->disk), oracle_digest(self->oracle)};
    return XXH3_64bits(parts, sizeof parts);
}
