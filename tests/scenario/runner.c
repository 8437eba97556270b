#include "tests/scenario/runner.h"

#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "actors/ledger/core.h"
#include "actors/ledger/shell/digest.h"
#include "store/journal_memory.h"
#include "store/state_memory.h"

enum { START_US = 1700000000, STEP_US = 10, RESEND_US = 1000000, SETTLE_ROUNDS_MAX = 200 };

/* How far the oldest taken unit has come. */
enum stage { STAGE_TAKEN, STAGE_APPENDED, STAGE_APPLIED };

struct partition {
    struct runner *runner;
    struct ledger *ledger;
    struct journal *journal;
    struct state *state;
    struct state *snapshot;
    struct ledger_unit *units[LEDGER_UNITS_MAX];
    size_t unit_count;
    enum stage stage; /* of units[0] */
    uint64_t epoch;
};

/* A message on its way. */
struct packet {
    struct packet *next;
    struct ledger_peer_message *message;
};

struct runner {
    struct runner_config config;
    struct counting_mem mem;
    struct mem port;
    struct partition partitions[RUNNER_PARTITIONS_MAX];
    struct packet *packets; /* oldest first */
    struct runner_request *requests;
    int64_t now_us;
    uint64_t random;
};

/* ---- chance ---------------------------------------------------------------------------------------- */

/* SplitMix64. */
static uint64_t random_next(struct runner *self)
{
    uint64_t z = self->random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

uint32_t runner_random(struct runner *self, uint32_t bound)
{
    return (uint32_t)((random_next(self) >> 32) * bound >> 32);
}

static bool chance(struct runner *self, unsigned percent)
{
    return percent > 0 && runner_random(self, 100) < percent;
}

/* ---- ports ----------------------------------------------------------------------------------------- */

struct stores {
    struct journal *journal;
    struct state *state;
};

static size_t fact_read(struct journal *journal, uint64_t position, uint8_t *out, size_t capacity,
                        int64_t *time_us)
{
    size_t length = 0, size = 0;
    if (journal_fetch(journal, position, out, capacity, &length, time_us) != ERR_OK)
        return 0;
    return fact_check(out, length, &size) == ERR_OK ? size : 0;
}

static void run_find(struct state *state, uint32_t run, uint64_t hash,
                     bool (*match)(void *match_context, uint64_t position), void *match_context)
{
    static uint8_t slice[1 << 20]; /* one thread */
    uint8_t key[8] = {(uint8_t)(run >> 24), (uint8_t)(run >> 16), (uint8_t)(run >> 8), (uint8_t)run, 0, 0, 0,
                      (uint8_t)(hash >> 56)};
    size_t length = 0;
    if (state_get(state, STATE_IDS, key, sizeof key, slice, sizeof slice, &length) != ERR_OK)
        return;
    for (size_t at = 0; at + RUN_ENTRY <= length; at += RUN_ENTRY) {
        uint64_t entry = 0, position = 0;
        memcpy(&entry, slice + at, 8);
        memcpy(&position, slice + at + 8, 6);
        if (entry == hash && match(match_context, position))
            return;
    }
}

static size_t port_fact_read(void *context, uint64_t position, uint8_t *out, size_t capacity,
                             int64_t *time_us)
{
    return fact_read(((struct stores *)context)->journal, position, out, capacity, time_us);
}

static void port_run_find(void *context, uint32_t run, uint64_t hash,
                          bool (*match)(void *match_context, uint64_t position), void *match_context)
{
    run_find(((struct stores *)context)->state, run, hash, match, match_context);
}

static size_t partition_fact_read(void *context, uint64_t position, uint8_t *out, size_t capacity,
                                  int64_t *time_us)
{
    return fact_read(((struct partition *)context)->journal, position, out, capacity, time_us);
}

static void partition_run_find(void *context, uint32_t run, uint64_t hash,
                               bool (*match)(void *match_context, uint64_t position), void *match_context)
{
    run_find(((struct partition *)context)->state, run, hash, match, match_context);
}

/* ---- recovery -------------------------------------------------------------------------------------- */

struct restore {
    struct ledger *ledger;
    uint8_t table;
    struct state *state; /* where puts made during a replay go */
};

static enum err restore_one(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                            size_t value_length)
{
    struct restore *restore = context;
    return ledger_restore(restore->ledger, restore->table, key, key_length, value, value_length);
}

static void puts_apply(struct state *state, const struct ledger_unit *unit)
{
    struct state_put *puts = calloc(unit->put_count + 1, sizeof *puts);
    CHECK(puts);
    for (size_t i = 0; i < unit->put_count; i++) {
        const struct ledger_put *put = &unit->puts[i];
        puts[i] = (struct state_put){put->table, put->key, put->key_length, put->value, put->value_length};
    }
    enum err err = state_apply(state, puts, unit->put_count);
    CHECK(err == ERR_OK);
    free(puts);
}

/* Replay gives puts too, so that memory stays bounded. */
static enum err replay_one(void *context, const struct journal_commit *commit)
{
    struct restore *restore = context;
    enum err err =
        ledger_replay(restore->ledger, commit->position, commit->time_us, commit->facts, commit->length);
    if (err != ERR_OK)
        return err;
    struct ledger_unit *unit = ledger_take(restore->ledger);
    if (unit) {
        CHECK(unit->length == 0 && !unit->tickets && unit->message_count == 0);
        puts_apply(restore->state, unit);
        ledger_release(restore->ledger, unit);
    }
    return ERR_OK;
}

/* The list of runs comes before the runs. */
static enum err recover(struct ledger *ledger, struct journal *journal, struct state *state)
{
    static const uint8_t order[] = {STATE_RECORDS, STATE_ACCOUNTS, STATE_HOLDS, STATE_REMITTANCES, STATE_IDS};
    struct restore restore = {ledger, 0, state};
    enum err err = ERR_OK;
    for (size_t i = 0; i < sizeof order && err == ERR_OK; i++) {
        restore.table = order[i];
        err = state_walk(state, (enum state_table)order[i], NULL, 0, restore_one, &restore);
    }
    if (err == ERR_OK)
        err = journal_walk(journal, ledger_replay_from(ledger), replay_one, &restore);
    return err == ERR_OK ? ledger_recovered(ledger) : err;
}

/* A copy of what a partition would find when it comes back like this. */
static struct state *state_found(struct partition *partition, enum runner_state state)
{
    const struct state *from = state == RUNNER_STATE_KEPT    ? partition->state
                               : state == RUNNER_STATE_STALE ? partition->snapshot
                                                             : NULL;
    struct state *found = from ? state_memory_copy(from) : state_memory_new();
    CHECK(found);
    return found;
}

static struct ledger_config config_of(const struct runner *self, uint32_t partition)
{
    struct ledger_config config = self->config.ledger;
    config.partition = partition;
    config.partitions = self->config.partitions;
    return config;
}

static void partition_start(struct runner *self, uint32_t number)
{
    struct partition *partition = &self->partitions[number];
    struct ledger_config config = config_of(self, number);
    struct ledger_ports ports = {partition, partition_fact_read, partition_run_find};
    partition->ledger = ledger_new(&config, &ports, &self->port);
    CHECK(partition->ledger);
    enum err err = recover(partition->ledger, partition->journal, partition->state);
    CHECK(err == ERR_OK);
    partition->epoch++;
    ledger_check(partition->ledger);
}

/* ---- life ------------------------------------------------------------------------------------------ */

struct runner_config runner_config_default(uint32_t partitions)
{
    struct runner_config config = {
        .partitions = partitions, .seed = 1, .ledger = ledger_config_default(), .check_each_step = true};
    config.ledger.hash_key = 0x7e11e4;
    config.ledger.ids_in_memory = 1024;
    config.ledger.checkpoint_words = 1024;
    config.ledger.link_window = 1024;
    return config;
}

struct runner *runner_new(const struct runner_config *config)
{
    struct runner *self = calloc(1, sizeof *self);
    CHECK(self && config->partitions >= 1 && config->partitions <= RUNNER_PARTITIONS_MAX);
    self->config = *config;
    self->random = config->seed;
    self->now_us = START_US;
    self->port = counting_mem_port(&self->mem);
    for (uint32_t i = 0; i < config->partitions; i++) {
        struct partition *partition = &self->partitions[i];
        partition->runner = self;
        struct journal_memory_options options = {.partition = i};
        enum err err = journal_memory_new(&options, &partition->journal);
        CHECK(err == ERR_OK);
        partition->state = state_memory_new();
        CHECK(partition->state);
        partition_start(self, i);
    }
    return self;
}

static void packet_drop(struct runner *self, struct packet *packet)
{
    ledger_peer_message_free(&self->port, &packet->message);
    free(packet);
}

static void tickets_drop(struct ledger *ledger, struct ledger_ticket *ticket)
{
    while (ticket) {
        struct ledger_ticket *next = ticket->next;
        ledger_ticket_free(ledger, &ticket);
        ticket = next;
    }
}

/* What a taken unit still has to give is lost. */
static void units_drop(struct runner *self, struct partition *partition)
{
    for (size_t i = 0; i < partition->unit_count; i++) {
        struct ledger_unit *unit = partition->units[i];
        tickets_drop(partition->ledger, unit->tickets);
        for (size_t m = 0; m < unit->message_count; m++)
            ledger_peer_message_free(&self->port, &unit->messages[m]);
    }
    partition->unit_count = 0;
}

void runner_destroy(struct runner **self_p)
{
    struct runner *self = *self_p;
    *self_p = NULL;
    while (self->packets) {
        struct packet *packet = self->packets;
        self->packets = packet->next;
        packet_drop(self, packet);
    }
    for (uint32_t i = 0; i < self->config.partitions; i++) {
        struct partition *partition = &self->partitions[i];
        units_drop(self, partition);
        ledger_destroy(&partition->ledger);
        journal_close(&partition->journal);
        state_close(&partition->state);
        state_close(&partition->snapshot);
    }
    while (self->requests) {
        struct runner_request *request = self->requests;
        self->requests = request->next;
        free(request);
    }
    CHECK(self->mem.live_blocks == 0 && self->mem.live_bytes == 0);
    free(self);
}

uint32_t runner_partitions(const struct runner *self)
{
    return self->config.partitions;
}

struct ledger *runner_ledger(struct runner *self, uint32_t partition)
{
    return self->partitions[partition].ledger;
}

struct journal *runner_journal(struct runner *self, uint32_t partition)
{
    return self->partitions[partition].journal;
}

struct counting_mem *runner_mem(struct runner *self)
{
    return &self->mem;
}

int64_t runner_now(const struct runner *self)
{
    return self->now_us;
}

void runner_advance(struct runner *self, int64_t us)
{
    self->now_us += us;
}

/* ---- what clients send ----------------------------------------------------------------------------- */

static uint32_t rows_of(const struct ledger_command *commands, size_t count)
{
    uint32_t rows = 0;
    for (size_t i = 0; i < count; i++)
        rows += 1u + (commands[i].kind == COMMAND_GROUP ? commands[i].group_count : 0u);
    return rows;
}

struct runner_request *runner_post(struct runner *self, uint32_t partition,
                                   const struct ledger_command *commands, size_t count)
{
    uint32_t rows = rows_of(commands, count);
    struct runner_request *request = calloc(1, sizeof *request + rows * sizeof request->rows[0]);
    CHECK(request);
    struct ledger *ledger = self->partitions[partition].ledger;
    struct ledger_ticket *ticket = ledger_ticket_new(ledger, rows, request);
    if (!ticket) {
        free(request);
        return NULL;
    }
    request->partition = partition;
    request->row_count = rows;
    request->next = self->requests;
    self->requests = request;
    ledger_post(ledger, self->now_us, ticket, commands, count);
    return request;
}

struct ledger_account_answer runner_account(struct runner *self, const struct ledger_account_command *command)
{
    struct ledger_account_answer answer = {0};
    uint32_t home = ledger_partition_of(command->account, self->config.partitions);
    ledger_account(self->partitions[home].ledger, self->now_us, command, &answer);
    return answer;
}

/* ---- steps ----------------------------------------------------------------------------------------- */

static void packet_send(struct runner *self, struct ledger_peer_message *message)
{
    struct packet *packet = calloc(1, sizeof *packet);
    CHECK(packet);
    packet->message = message;
    struct packet **at = &self->packets;
    while (*at)
        at = &(*at)->next;
    *at = packet;
}

/* The oldest packet of a partition that comes before: without reordering, each pair's messages keep their
 * order. */
static struct packet *packet_pick(struct runner *self)
{
    uint32_t count = 0;
    for (struct packet *packet = self->packets; packet; packet = packet->next)
        count++;
    struct packet *picked = self->packets;
    for (uint32_t skip = runner_random(self, count); skip > 0; skip--)
        picked = picked->next;
    if (chance(self, self->config.reorder_percent))
        return picked;
    struct packet *first = self->packets;
    while (first->message->from != picked->message->from || first->message->to != picked->message->to)
        first = first->next;
    return first;
}

static void packet_deliver(struct runner *self)
{
    struct packet *packet = packet_pick(self);
    if (!chance(self, self->config.lose_percent))
        ledger_peer(self->partitions[packet->message->to].ledger, self->now_us, packet->message);
    if (chance(self, self->config.repeat_percent))
        return; /* it stays, to be delivered again */
    struct packet **at = &self->packets;
    while (*at != packet)
        at = &(*at)->next;
    *at = packet->next;
    packet_drop(self, packet);
}

static void unit_append(struct partition *partition)
{
    const struct ledger_unit *unit = partition->units[0];
    partition->stage = STAGE_APPENDED;
    if (unit->length == 0)
        return;
    struct journal_head head;
    enum err err = journal_get_head(partition->journal, &head);
    CHECK(err == ERR_OK && head.next_position == unit->position);
    struct journal_commit commit = {
        .sequence = head.sequence + 1,
        .epoch = partition->epoch,
        .position = unit->position,
        .time_us = unit->time_us,
        .fact_count = unit->fact_count,
        .facts = unit->facts,
        .length = unit->length,
    };
    enum journal_outcome outcome = journal_append(partition->journal, &commit);
    CHECK(outcome == JOURNAL_OK);
}

static void unit_effects(struct runner *self, struct partition *partition)
{
    struct ledger_unit *unit = partition->units[0];
    if (self->config.told)
        self->config.told(self->config.told_context, (uint32_t)(partition - self->partitions), unit);
    for (struct ledger_ticket *ticket = unit->tickets; ticket;) {
        struct ledger_ticket *next = ticket->next;
        struct runner_request *request = ticket->user;
        CHECK(!request->done && !request->lost && ticket->open_count == 0);
        memcpy(request->rows, ticket->rows, request->row_count * sizeof request->rows[0]);
        request->done = true;
        ledger_ticket_free(partition->ledger, &ticket);
        ticket = next;
    }
    for (size_t i = 0; i < unit->message_count; i++)
        packet_send(self, unit->messages[i]);
    ledger_release(partition->ledger, unit);
    partition->units[0] = partition->units[1];
    partition->unit_count--;
    partition->stage = STAGE_TAKEN;
}

static bool partition_take(struct partition *partition)
{
    if (partition->unit_count == LEDGER_UNITS_MAX)
        return false;
    struct ledger_unit *unit = ledger_take(partition->ledger);
    if (!unit)
        return false;
    if (partition->unit_count == 0)
        partition->stage = STAGE_TAKEN;
    partition->units[partition->unit_count++] = unit;
    return true;
}

static bool partition_forward(struct runner *self, struct partition *partition)
{
    if (partition->unit_count == 0)
        return false;
    switch (partition->stage) {
    case STAGE_TAKEN:
        unit_append(partition);
        return true;
    case STAGE_APPENDED:
        puts_apply(partition->state, partition->units[0]);
        partition->stage = STAGE_APPLIED;
        return true;
    case STAGE_APPLIED:
        unit_effects(self, partition);
        return true;
    }
    CHECK_UNREACHABLE();
}

static bool step_try(struct runner *self, uint32_t choice)
{
    uint32_t partitions = self->config.partitions;
    if (choice < partitions)
        return partition_take(&self->partitions[choice]);
    if (choice < 2 * partitions)
        return partition_forward(self, &self->partitions[choice - partitions]);
    if (!self->packets)
        return false;
    packet_deliver(self);
    return true;
}

bool runner_step(struct runner *self)
{
    uint32_t choices = self->config.partitions * 3;
    uint32_t first = runner_random(self, choices);
    for (uint32_t i = 0; i < choices; i++) {
        self->now_us += STEP_US;
        if (!step_try(self, (first + i) % choices))
            continue;
        if (self->config.check_each_step)
            runner_check(self);
        return true;
    }
    return false;
}

void runner_flush(struct runner *self, uint32_t number)
{
    struct partition *partition = &self->partitions[number];
    while (partition_forward(self, partition) || partition_take(partition)) {
    }
}

void runner_resend(struct runner *self)
{
    for (uint32_t i = 0; i < self->config.partitions; i++)
        ledger_resend(self->partitions[i].ledger);
}

static bool all_answered(const struct runner *self)
{
    for (const struct runner_request *request = self->requests; request; request = request->next) {
        if (!request->done && !request->lost)
            return false;
    }
    for (uint32_t i = 0; i < self->config.partitions; i++) {
        struct ledger_stats stats;
        ledger_stats(self->partitions[i].ledger, &stats);
        if (stats.links_open > 0 || stats.groups_open > 0)
            return false;
    }
    return true;
}

void runner_settle(struct runner *self)
{
    for (int round = 0; round < SETTLE_ROUNDS_MAX; round++) {
        while (runner_step(self)) {
        }
        if (all_answered(self))
            return;
        self->now_us += RESEND_US;
        runner_resend(self);
    }
    CHECK_UNREACHABLE();
}

const struct ledger_row *runner_run(struct runner *self, uint32_t partition,
                                    const struct ledger_command *commands, size_t count)
{
    runner_settle(self);
    struct runner_request *request = runner_post(self, partition, commands, count);
    CHECK(request);
    runner_settle(self);
    CHECK(request->done);
    return request->rows;
}

/* ---- crashes --------------------------------------------------------------------------------------- */

void runner_snapshot(struct runner *self, uint32_t number)
{
    struct partition *partition = &self->partitions[number];
    state_close(&partition->snapshot);
    partition->snapshot = state_memory_copy(partition->state);
    CHECK(partition->snapshot);
}

void runner_crash(struct runner *self, uint32_t number, enum runner_state state)
{
    struct partition *partition = &self->partitions[number];
    units_drop(self, partition);
    ledger_destroy(&partition->ledger);
    for (struct runner_request *request = self->requests; request; request = request->next) {
        if (request->partition == number && !request->done)
            request->lost = true;
    }
    struct state *found = state_found(partition, state);
    state_close(&partition->state);
    partition->state = found;
    partition_start(self, number);
    runner_resend(self);
}

/* ---- comparing ------------------------------------------------------------------------------------- */

static void views_compare(const struct ledger *a, const struct ledger *b)
{
    CHECK(ledger_account_count(a) == ledger_account_count(b));
    for (uint32_t i = 0; i < ledger_account_count(a); i++) {
        struct ledger_account_view x, y;
        memset(&x, 0, sizeof x);
        memset(&y, 0, sizeof y);
        CHECK(ledger_account_at(a, i, &x) && ledger_account_at(b, i, &y));
        CHECK(strcmp(x.id, y.id) == 0 && strcmp(x.owner, y.owner) == 0 && strcmp(x.product, y.product) == 0);
        CHECK(x.state == y.state && x.currency == y.currency && x.opened_us == y.opened_us);
        CHECK(x.balance == y.balance && x.pending == y.pending);
        CHECK(x.minimum_balance == y.minimum_balance && x.ceiling == y.ceiling);
        CHECK(x.last_position == y.last_position);
    }
    struct digest digests[2] = {0};
    digest_add_ledger(&digests[0], a);
    digest_add_ledger(&digests[1], b);
    CHECK(memcmp(digests[0].bytes, digests[1].bytes, DIGEST_SIZE) == 0);
}

static void links_compare(const struct ledger *a, const struct ledger *b)
{
    for (uint32_t peer = 0; peer < a->config.partitions; peer++) {
        const struct link *x = &a->links[peer], *y = &b->links[peer];
        CHECK(x->next == y->next && x->resolved == y->resolved);
        CHECK(x->processed == y->processed && x->pruned == y->pruned);
        for (uint64_t i = x->resolved + 1; i < x->next; i++) {
            const struct link_request *p = link_request_at(x, i), *q = link_request_at(y, i);
            CHECK(p->position == q->position && uuid_equal(&p->id, &q->id) && p->kind == q->kind);
            CHECK(p->code == q->code && p->account == q->account);
        }
        for (uint64_t i = x->pruned + 1; i <= x->processed; i++)
            CHECK(memcmp(link_answer_at(x, i), link_answer_at(y, i), sizeof(struct link_answer)) == 0);
    }
}

static void remittances_compare(const struct ledger *a, const struct ledger *b)
{
    struct ledger_open_remittance x = {0}, y = {0};
    for (uint32_t from = 0; ledger_remittance_next(a, from, &x); from = x.slot + 1) {
        bool there = ledger_remittance_next(b, from, &y);
        CHECK(there && uuid_equal(&x.id, &y.id) && x.slot == y.slot && x.account == y.account);
        CHECK(x.requested == y.requested && x.last_position == y.last_position && x.amount == y.amount);
        CHECK(x.due_us == y.due_us && x.alarm_us == y.alarm_us && x.call == y.call && x.state == y.state);
        CHECK(x.step == y.step && x.tries == y.tries && x.rounds == y.rounds && x.flags == y.flags);
        CHECK(x.requested_us == y.requested_us && x.called_us == y.called_us && x.code == y.code);
    }
    CHECK(a->remittances.open_count == b->remittances.open_count);
}

static void cores_compare(struct ledger *a, struct ledger *b, const struct uuid *ids, size_t id_count)
{
    struct ledger_stats x, y;
    ledger_stats(a, &x);
    ledger_stats(b, &y);
    CHECK(x.position == y.position && x.accounts == y.accounts);
    CHECK(x.postings == y.postings && x.refusals == y.refusals);
    CHECK(x.links_open == y.links_open && x.groups_open == y.groups_open);
    CHECK(a->next_account_number == b->next_account_number);
    views_compare(a, b);
    links_compare(a, b);
    remittances_compare(a, b);
    CHECK(memcmp(a->held_ids, b->held_ids, sizeof a->held_ids) == 0);
    for (size_t i = 0; i < id_count; i++)
        CHECK(ledger_transaction_find(a, &ids[i]) == ledger_transaction_find(b, &ids[i]));
}

/* A second core from copies of the stores, which it needs for as long as it lives. */
static enum err second_new(struct runner *self, uint32_t number, struct stores *stores, struct ledger **out)
{
    struct ledger_config config = config_of(self, number);
    struct ledger_ports ports = {stores, port_fact_read, port_run_find};
    *out = ledger_new(&config, &ports, &self->port);
    if (!*out)
        return ERR_NO_MEMORY;
    return recover(*out, stores->journal, stores->state);
}

void runner_compare(struct runner *self, uint32_t number, enum runner_state state, const struct uuid *ids,
                    size_t id_count)
{
    struct partition *partition = &self->partitions[number];
    struct stores stores = {partition->journal, state_found(partition, state)};
    struct ledger *second;
    enum err err = second_new(self, number, &stores, &second);
    CHECK(err == ERR_OK);
    ledger_check(second);
    cores_compare(partition->ledger, second, ids, id_count);
    ledger_destroy(&second);
    state_close(&stores.state);
}

enum err runner_recover(struct runner *self, uint32_t number, enum runner_state state)
{
    struct partition *partition = &self->partitions[number];
    struct stores stores = {partition->journal, state_found(partition, state)};
    struct ledger *second;
    enum err err = second_new(self, number, &stores, &second);
    ledger_destroy(&second);
    state_close(&stores.state);
    return err;
}

/* ---- invariants ------------------------------------------------------------------------------------ */

/* Does the target still owe the credit of this request, or the source the money back? */
static bool on_its_way(const struct link *source, const struct link *target, uint64_t sequence)
{
    if (link_request_at(source, sequence)->kind != LINK_CREDIT)
        return false;
    if (sequence > target->processed)
        return true;
    CHECK(sequence > target->pruned); /* not resolved at the source, so the answer is kept */
    return link_answer_at(target, sequence)->code != CODE_OK;
}

static int64_t on_link(struct ledger *source, const struct ledger *target, currency_index currency)
{
    const struct link *out = &source->links[target->config.partition];
    const struct link *in = &target->links[source->config.partition];
    int64_t sum = 0;
    for (uint64_t i = out->resolved + 1; i < out->next; i++) {
        const struct link_request *request = link_request_at(out, i);
        if (!on_its_way(out, in, i) || account_at(&source->accounts, request->account)->currency != currency)
            continue;
        uint8_t fact[CORE_FACT_MAX];
        struct fact_posting sent;
        size_t size = core_fact_read(source, request->position, fact, sizeof fact);
        CHECK(size >= sizeof sent && fact[0] == FACT_SENT);
        memcpy(&sent, fact, sizeof sent);
        sum += sent.amount;
    }
    return sum;
}

static void transit_check(struct runner *self, currency_index currency)
{
    int64_t standing = 0, expected = 0;
    uint32_t partitions = self->config.partitions, groups = 0;
    for (uint32_t i = 0; i < partitions; i++) {
        struct ledger_total total;
        struct ledger *ledger = self->partitions[i].ledger;
        ledger_total(ledger, currency, &total);
        CHECK(total.sum == 0);
        standing += total.transit;
        groups += ledger->group_count;
        for (uint32_t j = 0; j < partitions; j++) {
            if (i != j)
                expected += on_link(ledger, self->partitions[j].ledger, currency);
        }
    }
    CHECK(standing == expected || groups > 0);
}

void runner_check(struct runner *self)
{
    bool used[256] = {false};
    for (uint32_t i = 0; i < self->config.partitions; i++) {
        const struct ledger *ledger = self->partitions[i].ledger;
        ledger_check(ledger);
        for (uint32_t index = 0; index < ledger->accounts.count; index++)
            used[account_at(&ledger->accounts, index)->currency] = true;
    }
    for (size_t currency = 1; currency < currency_count(); currency++) {
        if (used[currency])
            transit_check(self, (currency_index)currency);
    }
}
