/* Invariants: while it is up, `recovered` holds open stores and `partition` is there; while it is down, neither is, no
 * descriptor is open and no memory of the core is out. `known` is what has been told to the world as durable: at every
 * start the journal must hold all of it, and what it holds beyond is told then. */
#include "sim/member.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "actors/base/check.h"
#include "actors/ledger/link.h"
#include "actors/ledger/shell/partition.h"
#include "actors/ledger/shell/reader.h"
#include "actors/ledger/shell/recovery.h"
#include "sim/random.h"
#include "sim/world.h"
#include "store/journal_lmdb.h"
#include "store/state_lmdb.h"

enum {
    PATH_BYTES = 512,
    INBOX_MAX = 4096, /* boxes; what the broker sends is bounded by the broker */
    WAKE_US = 150,    /* the most that a thread sleeps on after mail has come */
    READ_US = 800,
    CHECK_TURNS = 64, /* between two looks at the core's invariants */
};

struct reading {
    struct reading *next, **link;
    struct member *member;
    uint64_t life;
    struct read_job *jobs;
};

struct member {
    struct member_config config;
    struct member_hooks hooks;
    struct sim_random random;
    struct counting_mem memory;
    struct mem mem;
    char scope[8];
    char journal_path[PATH_BYTES], state_path[PATH_BYTES];
    uint64_t life; /* counts lives and deaths */
    bool is_up;
    bool is_state_damaged; /* by a fault, since it was built anew */
    bool is_woken;
    bool is_stop_told;
    struct recovered recovered;
    struct partition *partition;
    struct reader *reader;
    struct reading *readings;
    struct box inbox[INBOX_MAX];
    size_t inbox_first, inbox_count;
    struct {
        uint64_t sequence, position; /* of the last commit that was told; 0: none */
        uint64_t hash;
    } known;
    int64_t paused_until_us, slow_until_us, frozen_until_us, narrow_until_us;
    int64_t slow_times;
    int64_t clock_offset_us, frozen_wall_us;
    int64_t latest_wall_us;
    int64_t timer_at_us; /* the event that is planned; 0: none */
    struct recovered second;
    struct journal_fault fault; /* of the last opening of the journal */
    struct member_counts counts;
};

static void wake(struct member *self);

/* ---- time --------------------------------------------------------------------------------------- */

static int64_t now_us(const struct member *self)
{
    return *self->config.now_us;
}

int64_t member_wall_us(const struct member *self)
{
    if (now_us(self) < self->frozen_until_us)
        return self->frozen_wall_us;
    return WORLD_EPOCH_US + now_us(self) + self->clock_offset_us;
}

static struct partition_now partition_time(struct member *self)
{
    int64_t wall_us = member_wall_us(self);
    if (wall_us > self->latest_wall_us)
        self->latest_wall_us = wall_us;
    return (struct partition_now){.wall_us = wall_us, .mono_ms = now_us(self) / 1000};
}

int64_t member_latest_wall_us(const struct member *self)
{
    return self->latest_wall_us;
}

/* A thing that its threads do: comes at a time, but not while it stands still, and not in another life. */
static void plan(struct member *self, int64_t after_us, event_fn *call, void *pointer)
{
    events_add(self->config.events, (struct event){.at_us = now_us(self) + after_us,
                                                   .call = call,
                                                   .context = self,
                                                   .pointer = pointer,
                                                   .number = self->life});
}

/* true: the event is of another life, or has been put off. */
static bool is_put_off(struct member *self, event_fn *call, void *pointer, uint64_t life)
{
    if (life != self->life)
        return true;
    if (now_us(self) >= self->paused_until_us)
        return false;
    plan(self, self->paused_until_us - now_us(self), call, pointer);
    return true;
}

static int64_t job_us(struct member *self)
{
    int64_t us =
        sim_random_between(&self->random, self->config.commit_us / 4 + 1, self->config.commit_us * 2);
    return now_us(self) < self->slow_until_us ? us * self->slow_times : us;
}

/* ---- the disk ----------------------------------------------------------------------------------- */

static bool is_cut(const struct member *self)
{
    return disk_is_cut(self->config.disk, self->scope);
}

static uint64_t facts_hash(const struct journal_commit *commit)
{
    return XXH3_64bits_withSeed(commit->facts, commit->length, commit->sequence);
}

static void tell_durable(struct member *self, const struct journal_commit *commit)
{
    self->known.sequence = commit->sequence;
    self->known.position = commit->position;
    self->known.hash = facts_hash(commit);
    self->counts.commits++;
    self->hooks.durable(self->hooks.context, self->config.partition, commit);
}

/* ---- ports of the partition ----------------------------------------------------------------------- */

static void job_comes(void *context, void *pointer, uint64_t life)
{
    struct member *self = context;
    struct commit_job *job = pointer;
    if (is_put_off(self, job_comes, pointer, life))
        return;
    disk_enter(self->config.disk);
    commit_job_run(job);
    disk_leave();
    if (is_cut(self)) {
        self->hooks.cut(self->hooks.context, self->config.partition);
        return;
    }
    if (job->step == COMMIT_APPEND && job->outcome == JOURNAL_OK) {
        const struct ledger_unit *unit = job->unit;
        tell_durable(self, &(struct journal_commit){.sequence = job->sequence,
                                                    .epoch = job->epoch,
                                                    .position = unit->position,
                                                    .time_us = unit->time_us,
                                                    .fact_count = unit->fact_count,
                                                    .facts = unit->facts,
                                                    .length = unit->length});
    }
    partition_job_done(self->partition, job, partition_time(self));
    wake(self);
}

static bool port_run(void *context, struct commit_job *job)
{
    struct member *self = context;
    plan(self, job_us(self), job_comes, job);
    return false;
}

static void port_to_router(void *context, const struct box *box)
{
    struct member *self = context;
    if (box->kind == BOX_ANSWERED)
        self->hooks.answered(self->hooks.context, self->config.partition, box->pointer, !self->is_up);
    else if (self->is_up)
        self->hooks.state(self->hooks.context, self->config.partition, (enum partition_state)box->value);
}

static void reading_free(struct reading *reading)
{
    *reading->link = reading->next;
    if (reading->next)
        reading->next->link = reading->link;
    free(reading);
}

static void reading_comes(void *context, void *pointer, uint64_t life)
{
    struct member *self = context;
    struct reading *reading = pointer;
    if (is_put_off(self, reading_comes, pointer, life))
        return;
    struct read_job *jobs = reading->jobs;
    reading_free(reading);
    disk_enter(self->config.disk);
    struct request *list = reader_work(self->reader, jobs);
    disk_leave();
    self->hooks.answered(self->hooks.context, self->config.partition, list, false);
}

static bool port_to_reader(void *context, const struct box *box)
{
    struct member *self = context;
    if (!self->is_up)
        return false;
    if (box->kind == BOX_NAMES) {
        reader_add_names(self->reader, box->pointer);
        return true;
    }
    struct reading *reading = calloc(1, sizeof *reading);
    CHECK(reading);
    reading->jobs = box->pointer;
    reading->next = self->readings;
    reading->link = &self->readings;
    if (reading->next)
        reading->next->link = &reading->next;
    self->readings = reading;
    plan(self, sim_random_between(&self->random, 1, READ_US), reading_comes, reading);
    return true;
}

/* The message leaves as bytes: the receiver has memory of its own. */
static bool port_to_peer(void *context, uint32_t peer, const struct box *box)
{
    struct member *self = context;
    struct ledger_peer_message *message = box->pointer;
    if (!self->is_up)
        return false;
    size_t length = message->request_length + message->answer_length;
    struct packet *packet =
        network_packet(self->config.partition, peer, message->request_first, sizeof *message + length);
    memcpy(packet->bytes, message, sizeof *message);
    if (length > 0)
        memcpy(packet->bytes + sizeof *message, message->bytes, length);
    ledger_peer_message_free(&self->mem, &message);
    self->hooks.send(self->hooks.context, packet);
    return true;
}

static void port_say(void *context, bool is_error, const char *text)
{
    struct member *self = context;
    (void)is_error;
    self->hooks.note(self->hooks.context, self->config.partition, text);
}

/* ---- turns -------------------------------------------------------------------------------------- */

static void inbox_work(struct member *self)
{
    while (self->inbox_count > 0 && partition_reads_mail(self->partition)) {
        struct box box = self->inbox[self->inbox_first];
        self->inbox_first = (self->inbox_first + 1) % INBOX_MAX;
        self->inbox_count--;
        partition_receive(self->partition, &box, partition_time(self));
    }
}

static void timer_comes(void *context, void *pointer, uint64_t life)
{
    struct member *self = context;
    if (is_put_off(self, timer_comes, pointer, life))
        return;
    self->timer_at_us = 0;
    wake(self);
}

static void timer_plan(struct member *self)
{
    int64_t due_ms = partition_due_ms(self->partition);
    if (self->timer_at_us != 0 || due_ms == INT64_MAX)
        return;
    int64_t after_us = due_ms * 1000 - now_us(self);
    self->timer_at_us = now_us(self) + (after_us > 0 ? after_us : 1);
    plan(self, self->timer_at_us - now_us(self), timer_comes, NULL);
}

static void turn(struct member *self)
{
    disk_enter(self->config.disk);
    partition_timer(self->partition, partition_time(self));
    partition_work(self->partition, partition_time(self));
    inbox_work(self);
    partition_commit(self->partition, partition_time(self));
    disk_leave();
    if (++self->counts.turns % CHECK_TURNS == 0 && !partition_is_stopped(self->partition))
        ledger_check(partition_ledger(self->partition));
    self->counts.memory_peak_bytes = self->memory.peak_bytes;
}

static void stop_tell(struct member *self)
{
    if (!self->is_stop_told)
        self->hooks.stopped(self->hooks.context, self->config.partition);
    self->is_stop_told = true;
}

static void turn_comes(void *context, void *pointer, uint64_t life)
{
    struct member *self = context;
    if (is_put_off(self, turn_comes, pointer, life))
        return;
    self->is_woken = false;
    turn(self);
    if (is_cut(self)) {
        self->hooks.cut(self->hooks.context, self->config.partition);
        return;
    }
    if (partition_is_stopped(self->partition))
        stop_tell(self);
    else if (partition_can_go_on(self->partition) ||
             (self->inbox_count > 0 && partition_reads_mail(self->partition)))
        wake(self);
    timer_plan(self);
}

static void wake(struct member *self)
{
    if (self->is_woken)
        return;
    self->is_woken = true;
    plan(self, sim_random_between(&self->random, 1, WAKE_US), turn_comes, NULL);
}

/* ---- mail --------------------------------------------------------------------------------------- */

static bool inbox_add(struct member *self, const struct box *box)
{
    if (!self->is_up || self->inbox_count == INBOX_MAX)
        return false;
    self->inbox[(self->inbox_first + self->inbox_count++) % INBOX_MAX] = *box;
    if (self->inbox_count > self->counts.mailbox_peak)
        self->counts.mailbox_peak = self->inbox_count;
    wake(self);
    return true;
}

bool member_receive(struct member *self, const struct box *box)
{
    return inbox_add(self, box);
}

static bool peer_waits(const struct member *self, uint32_t from)
{
    for (size_t i = 0; i < self->inbox_count; i++) {
        const struct box *box = &self->inbox[(self->inbox_first + i) % INBOX_MAX];
        if (box->kind == BOX_PEER && ((struct ledger_peer_message *)box->pointer)->from == from)
            return true;
    }
    return false;
}

void member_packet(struct member *self, const struct packet *packet)
{
    if (!self->is_up || (now_us(self) < self->narrow_until_us && peer_waits(self, packet->from)))
        return;
    struct ledger_peer_message *message = mem_alloc(&self->mem, sizeof *message);
    if (!message)
        return;
    memcpy(message, packet->bytes, sizeof *message);
    size_t length = message->request_length + message->answer_length;
    message->capacity = length;
    message->bytes = length > 0 ? mem_alloc(&self->mem, length) : NULL;
    if (length > 0 && !message->bytes) {
        mem_free(&self->mem, message, sizeof *message);
        return;
    }
    if (length > 0)
        memcpy(message->bytes, packet->bytes + sizeof *message, length);
    struct box box = {.kind = BOX_PEER, .number = packet->from, .pointer = message};
    if (!inbox_add(self, &box))
        ledger_peer_message_free(&self->mem, &message);
}

/* ---- life --------------------------------------------------------------------------------------- */

static enum err source_journal(void *context, struct journal **out)
{
    struct member *self = context;
    struct journal_lmdb_options options =
        journal_lmdb_options_default(self->journal_path, self->config.partition);
    options.map_size_bytes = self->config.map_bytes;
    options.preallocate_bytes = self->config.preallocate_bytes;
    options.create = self->known.sequence == 0;
    return journal_lmdb_open(&options, out, &self->fault);
}

static enum err source_state(void *context, struct state **out)
{
    struct member *self = context;
    struct state_lmdb_options options = state_lmdb_options_default(self->state_path);
    options.map_size_bytes = self->config.map_bytes;
    return state_lmdb_open(&options, out);
}

static enum err source_drop(void *context)
{
    struct member *self = context;
    char path[32];
    snprintf(path, sizeof path, "%sstate", self->scope);
    disk_lose(self->config.disk, path);
    return ERR_OK;
}

static struct ledger *source_ledger(void *context, const struct ledger_ports *ports)
{
    struct member *self = context;
    return ledger_new(&self->config.ledger, ports, &self->mem);
}

static void breach(struct member *self, const char *invariant, const char *text)
{
    self->hooks.breach(self->hooks.context, self->config.partition, invariant, text);
}

static void source_rebuilds(void *context, enum err why)
{
    struct member *self = context;
    char text[80];
    snprintf(text, sizeof text, "the state store cannot be used (%s): it is built anew", err_text(why));
    self->hooks.note(self->hooks.context, self->config.partition, text);
    if (!self->is_state_damaged)
        breach(self, "I5", "the state store cannot be used, and nothing has damaged it");
    self->is_state_damaged = false;
}

/* The first commit of the walk is the last that is known; the others are news. */
static enum err catch_up(void *context, const struct journal_commit *commit)
{
    struct member *self = context;
    if (commit->sequence > self->known.sequence)
        tell_durable(self, commit);
    else if (commit->sequence != self->known.sequence || facts_hash(commit) != self->known.hash)
        breach(self, "I2", "a restart finds another commit in the place of one that was durable");
    return ERR_OK;
}

static void look_at_journal(struct member *self)
{
    const struct journal_head *head = &self->recovered.head;
    if (head->sequence < self->known.sequence) {
        char text[120];
        snprintf(text, sizeof text,
                 "the journal ends at commit %" PRIu64 ", and commit %" PRIu64 " was durable", head->sequence,
                 self->known.sequence);
        breach(self, "I2", text);
        return;
    }
    if (head->sequence == 0)
        return;
    uint64_t from = self->known.position ? self->known.position : 1;
    if (journal_walk(self->recovered.journal, from, catch_up, self) != ERR_OK)
        breach(self, "I7", "the end of the journal cannot be read after a restart");
}

static struct recovery_source source_of(struct member *self)
{
    return (struct recovery_source){
        .context = self,
        .open_journal = source_journal,
        .open_state = source_state,
        .drop_state = source_drop,
        .make_ledger = source_ledger,
        .rebuilds = source_rebuilds,
    };
}

static void begin(struct member *self)
{
    struct partition_ports ports = {
        .context = self,
        .run = port_run,
        .to_router = port_to_router,
        .to_reader = port_to_reader,
        .to_peer = port_to_peer,
        .say = port_say,
    };
    look_at_journal(self);
    ledger_check(self->recovered.ledger);
    self->hooks.recovered(self->hooks.context, self->config.partition, self->recovered.ledger);
    self->is_up = true;
    self->reader = reader_new(self->config.ledger.hash_key, self->config.ledger.base_currency);
    self->partition = partition_new(self->config.partition, self->config.partitions, &ports, &self->mem);
    CHECK(self->reader && self->partition);
    disk_enter(self->config.disk);
    partition_begin(self->partition, &self->recovered, partition_time(self));
    disk_leave();
    wake(self);
}

bool member_start(struct member *self, uint64_t relapse)
{
    const struct recovery_source source = source_of(self);
    CHECK(!self->is_up);
    self->life++;
    self->is_woken = self->is_stop_told = false;
    self->timer_at_us = 0;
    self->memory.peak_bytes = 0;
    self->fault = (struct journal_fault){0};
    if (relapse > 0)
        disk_cut_after(self->config.disk, self->scope, relapse);
    disk_enter(self->config.disk);
    enum err err = recovery_open(&self->recovered, &source);
    bool dies = is_cut(self);
    if (err != ERR_OK || dies)
        recovery_close(&self->recovered);
    disk_leave();
    self->counts.starts++;
    if (dies) {
        self->is_state_damaged = true; /* it may have died while it made a new one */
        self->hooks.cut(self->hooks.context, self->config.partition);
        return false;
    }
    disk_cut_after(self->config.disk, self->scope, 0);
    if (err != ERR_OK) {
        char text[160];
        const struct journal_fault *fault = self->fault.what ? &self->fault : &self->recovered.fault;
        snprintf(text, sizeof text, "recovery fails: %s; %s at position %" PRIu64, err_text(err),
                 fault->what ? fault->what : "not the journal's fault", fault->position);
        self->hooks.note(self->hooks.context, self->config.partition, text);
        self->counts.failed_starts++;
        self->is_state_damaged = true; /* it may have failed while it made a new one */
        if (err == ERR_CORRUPT || err == ERR_VERSION)
            breach(self, "I2", text); /* no fault damages a journal */
        return false;
    }
    begin(self);
    return true;
}

static void lose_request(struct member *self, struct request *request)
{
    request->next = NULL;
    self->hooks.answered(self->hooks.context, self->config.partition, request, true);
}

static void lose_list(struct member *self, struct request *list)
{
    while (list) {
        struct request *request = list;
        list = request->next;
        lose_request(self, request);
    }
}

static void readings_lose(struct member *self)
{
    struct reading *reading = self->readings;
    self->readings = NULL;
    while (reading) {
        struct reading *next = reading->next;
        for (struct read_job *job = reading->jobs; job;) {
            struct read_job *after = job->next;
            lose_request(self, job->request);
            free(job);
            job = after;
        }
        free(reading);
        reading = next;
    }
}

static void inbox_lose(struct member *self)
{
    for (; self->inbox_count > 0; self->inbox_count--) {
        struct box *box = &self->inbox[self->inbox_first];
        struct ledger_peer_message *message = box->pointer;
        self->inbox_first = (self->inbox_first + 1) % INBOX_MAX;
        if (box->kind == BOX_PEER)
            ledger_peer_message_free(&self->mem, &message);
        else
            lose_list(self, box->pointer);
    }
}

void member_die(struct member *self)
{
    self->life++;
    if (!self->is_up)
        return;
    self->is_up = false;
    partition_abandon(self->partition);
    readings_lose(self);
    inbox_lose(self);
    disk_enter(self->config.disk);
    reader_destroy(&self->reader);
    partition_destroy(&self->partition);
    recovery_close(&self->recovered);
    disk_leave();
    self->paused_until_us = 0;
    if (self->memory.live_blocks != 0)
        breach(self, "I10", "memory of the core is out after its end");
}

bool member_is_up(const struct member *self)
{
    return self->is_up;
}

bool member_is_stopped(const struct member *self)
{
    return self->is_up && partition_is_stopped(self->partition);
}

/* ---- faults ------------------------------------------------------------------------------------- */

void member_state_damaged(struct member *self)
{
    self->is_state_damaged = true;
}

static void extend(int64_t *until_us, int64_t candidate_us)
{
    if (candidate_us > *until_us)
        *until_us = candidate_us;
}

static void freeze(struct member *self, int64_t until_us)
{
    if (now_us(self) >= self->frozen_until_us)
        self->frozen_wall_us = member_wall_us(self);
    extend(&self->frozen_until_us, until_us);
}

void member_fault(struct member *self, const struct fault *fault)
{
    int64_t until_us = now_us(self) + fault->length_us;
    if (fault->kind == FAULT_PAUSE) {
        extend(&self->paused_until_us, until_us);
    } else if (fault->kind == FAULT_MEMORY) {
        counting_mem_fail(&self->memory, (uint64_t)fault->amount, (uint64_t)fault->length_us + 1);
    } else if (fault->kind == FAULT_SLOW_DISK) {
        extend(&self->slow_until_us, until_us);
        self->slow_times = fault->amount;
    } else if (fault->kind == FAULT_MAILBOX) {
        extend(&self->narrow_until_us, until_us);
    } else if (fault->kind == FAULT_CLOCK_FORWARD) {
        self->clock_offset_us += fault->amount;
    } else if (fault->kind == FAULT_CLOCK_BACK) {
        self->clock_offset_us -= fault->amount;
    } else {
        CHECK(fault->kind == FAULT_CLOCK_FREEZE);
        freeze(self, until_us);
    }
}

void member_mend(struct member *self)
{
    self->paused_until_us = self->slow_until_us = self->frozen_until_us = self->narrow_until_us = 0;
    self->clock_offset_us = 0;
    counting_mem_fail(&self->memory, 0, 0);
}

/* ---- looking in --------------------------------------------------------------------------------- */

const struct ledger *member_ledger(const struct member *self)
{
    return self->is_up ? partition_ledger(self->partition) : NULL;
}

struct counting_mem *member_memory(struct member *self)
{
    return &self->memory;
}

bool member_is_idle(const struct member *self)
{
    return self->is_up && self->inbox_count == 0 && !self->readings && !partition_is_busy(self->partition) &&
           !partition_can_go_on(self->partition) && !partition_is_stopped(self->partition);
}

const char *member_scope(const struct member *self)
{
    return self->scope;
}

const struct member_counts *member_counts(const struct member *self)
{
    return &self->counts;
}

const struct ledger *member_replay(struct member *self)
{
    self->second.ports = (struct recovery_ports){.journal = self->recovered.journal};
    struct ledger_ports ports = recovery_ports(&self->second.ports);
    self->second.ledger = source_ledger(self, &ports);
    CHECK(self->second.ledger);
    if (recovery_run(self->second.ledger, self->recovered.journal, NULL) == ERR_OK)
        return self->second.ledger;
    breach(self, "I5", "the journal alone cannot be replayed");
    member_replay_end(self);
    return NULL;
}

/* ---- rehearsals --------------------------------------------------------------------------------- */

/* A state store that is read and never written. */
struct rehearsal {
    struct state base;
    struct state *real;
};

static enum err rehearsal_apply(struct state *state, const struct state_put *puts, size_t count)
{
    (void)state;
    (void)puts;
    (void)count;
    return ERR_OK;
}

static enum err rehearsal_get(struct state *state, enum state_table table, const uint8_t *key,
                              size_t key_length, uint8_t *out, size_t capacity, size_t *length)
{
    return state_get(((struct rehearsal *)state)->real, table, key, key_length, out, capacity, length);
}

static enum err rehearsal_walk(struct state *state, enum state_table table, const uint8_t *prefix,
                               size_t prefix_length,
                               enum err (*visit)(void *context, const uint8_t *key, size_t key_length,
                                                 const uint8_t *value, size_t value_length),
                               void *context)
{
    return state_walk(((struct rehearsal *)state)->real, table, prefix, prefix_length, visit, context);
}

static const struct state_methods rehearsal_methods = {
    .apply = rehearsal_apply, .get = rehearsal_get, .walk = rehearsal_walk};

/* What is on its way between partitions, in the form in which a checkpoint holds it. The core that lives may be ahead: only
 * while it is not can the two be compared. */
static bool links_agree(const struct ledger *live, const struct ledger *second)
{
    size_t size = link_store_size(live);
    if (ledger_pending_bytes(live) > 0)
        return true;
    if (link_store_size(second) != size)
        return false;
    uint8_t *a = malloc(2 * size + 1), *b = a + size;
    CHECK(a);
    link_store(live, a);
    link_store(second, b);
    bool same = memcmp(a, b, size) == 0;
    free(a);
    return same;
}

const struct ledger *member_rehearse(struct member *self)
{
    struct rehearsal state = {{&rehearsal_methods}, self->recovered.state};
    struct counting_mem before = self->memory;
    if (!self->is_up || partition_is_stopped(self->partition))
        return NULL;
    counting_mem_fail(&self->memory, 0, 0); /* what is planned hits the partition itself */
    disk_enter(self->config.disk);
    self->second.ports = (struct recovery_ports){.journal = self->recovered.journal, .state = &state.base};
    struct ledger_ports ports = recovery_ports(&self->second.ports);
    self->second.ledger = source_ledger(self, &ports);
    CHECK(self->second.ledger);
    enum err err = recovery_run(self->second.ledger, self->recovered.journal, &state.base);
    disk_leave();
    self->second.ports.state = NULL; /* its wrapper ends here */
    self->memory.asked = before.asked;
    self->memory.peak_bytes = before.peak_bytes;
    self->memory.fail_first = before.fail_first;
    self->memory.fail_count = before.fail_count;
    bool agree = err != ERR_OK || links_agree(member_ledger(self), self->second.ledger);
    if (err == ERR_OK && agree)
        return self->second.ledger;
    breach(self, "I5",
           agree ? "the stores as they are cannot be recovered from"
                 : "a restart in this moment would have other requests or answers on their way to peers");
    member_replay_end(self);
    return NULL;
}

void member_replay_end(struct member *self)
{
    ledger_destroy(&self->second.ledger);
}

struct member *member_new(const struct member_config *config, const struct member_hooks *hooks)
{
    struct member *self = calloc(1, sizeof *self);
    CHECK(self);
    self->config = *config;
    self->hooks = *hooks;
    self->mem = counting_mem_port(&self->memory);
    snprintf(self->scope, sizeof self->scope, "p%03u/", config->partition);
    self->random = sim_random_split(config->seed, self->scope);
    int journal = snprintf(self->journal_path, PATH_BYTES, "%s/%sjournal", config->root, self->scope);
    int state = snprintf(self->state_path, PATH_BYTES, "%s/%sstate", config->root, self->scope);
    CHECK(journal < PATH_BYTES && state < PATH_BYTES);
    return self;
}

void member_destroy(struct member **self_p)
{
    struct member *self = *self_p;
    *self_p = NULL;
    CHECK(!self->is_up && self->memory.live_blocks == 0);
    free(self);
}
