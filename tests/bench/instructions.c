/* A fixed load on the ledger core alone: no disk, no network, no threads, the same ids and draws every time. What is
 * counted is the instructions inside instructions_run; instructions.py does that and compares.
 *
 *     instructions transfers|crossing|repeats
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/ledger.h"

enum {
    PARTITIONS_MAX = 2,
    ACCOUNTS = 20000,
    BATCH = 4000,
    BATCHES = 20,
    BATCHES_OF_A_COMMIT = 4,
    JOURNAL_WORDS = 1 << 22, /* of each partition: more than the load writes */
    IDS_IN_MEMORY = 1 << 16, /* tables are sealed under the load, as they are in life */
    ID_LENGTH = 8,
    ALIGNMENT = 64,
};

#define OPENING_BALANCE INT64_C(1000000000)
#define NOW_US INT64_C(1700000000000000)

struct partition {
    struct ledger *ledger;
    uint64_t *journal; /* by position */
};

struct world {
    uint32_t partitions;
    uint64_t random;
    struct partition partition[PARTITIONS_MAX];
    char ids[ACCOUNTS][ID_LENGTH + 1];
    uint32_t owned[PARTITIONS_MAX][ACCOUNTS]; /* accounts of each partition */
    uint32_t owned_count[PARTITIONS_MAX];
    uint32_t open_tickets;
    int64_t now_us;
    struct ledger_command commands[BATCHES][BATCH];
};

void instructions_run(struct world *world);

/* ---- what the core is given ------------------------------------------------------------------- */

static void *memory_alloc(void *context, size_t bytes)
{
    (void)context;
    size_t whole = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    void *pointer = aligned_alloc(ALIGNMENT, whole);
    return pointer == NULL ? NULL : memset(pointer, 0, whole);
}

static void memory_free(void *context, void *pointer, size_t bytes)
{
    (void)context;
    (void)bytes;
    free(pointer);
}

static const struct mem MEM = {NULL, memory_alloc, memory_free};

static size_t read_fact(void *context, uint64_t position, uint8_t *out, size_t capacity, int64_t *time_us)
{
    const struct partition *partition = context;
    struct fact_head head;
    memcpy(&head, &partition->journal[position], sizeof head);
    size_t length = head.words * (size_t)FACT_WORD;
    CHECK(length <= capacity);
    memcpy(out, &partition->journal[position], length);
    *time_us = NOW_US;
    return length;
}

/* Stored runs are not kept: no id of this load is asked for after its run was stored. */
static void find_in_run(void *context, uint32_t run, uint64_t hash, bool (*match)(void *, uint64_t),
                        void *match_context)
{
    (void)context;
    (void)run;
    (void)hash;
    (void)match;
    (void)match_context;
}

/* ---- one step of the shell -------------------------------------------------------------------- */

static void free_tickets(struct world *world, struct partition *partition, struct ledger_ticket *tickets)
{
    while (tickets != NULL) {
        struct ledger_ticket *next = tickets->next;
        for (uint32_t i = 0; i < tickets->row_count; i++)
            CHECK(tickets->rows[i].code == CODE_OK);
        ledger_ticket_free(partition->ledger, &tickets);
        world->open_tickets--;
        tickets = next;
    }
}

static void commit(struct world *world, uint32_t number)
{
    struct partition *partition = &world->partition[number];
    struct ledger_unit *unit = ledger_take(partition->ledger);
    if (unit == NULL)
        return;
    CHECK(unit->position + unit->length / FACT_WORD <= JOURNAL_WORDS);
    if (unit->length > 0)
        memcpy(&partition->journal[unit->position], unit->facts, unit->length);
    free_tickets(world, partition, unit->tickets);
    for (size_t i = 0; i < unit->message_count; i++) {
        struct ledger_peer_message *message = unit->messages[i];
        ledger_peer(world->partition[message->to].ledger, world->now_us, message);
        ledger_peer_message_free(&MEM, &message);
    }
    ledger_release(partition->ledger, unit);
}

static void settle(struct world *world)
{
    bool any = true;
    while (any) {
        any = false;
        for (uint32_t p = 0; p < world->partitions; p++) {
            any = any || ledger_has_work(world->partition[p].ledger);
            commit(world, p);
        }
    }
    CHECK(world->open_tickets == 0);
}

static void post(struct world *world, uint32_t number, const struct ledger_command *commands, uint32_t count)
{
    struct ledger *ledger = world->partition[number].ledger;
    struct ledger_ticket *ticket = ledger_ticket_new(ledger, count, NULL);
    CHECK(ticket != NULL);
    world->open_tickets++;
    ledger_post(ledger, ++world->now_us, ticket, commands, count);
}

/* The counted part. */
__attribute__((noinline)) void instructions_run(struct world *world)
{
    for (uint32_t b = 0; b < BATCHES; b++) {
        post(world, b % world->partitions, world->commands[b], BATCH);
        if (b % BATCHES_OF_A_COMMIT == BATCHES_OF_A_COMMIT - 1)
            settle(world);
    }
}

/* ---- the load --------------------------------------------------------------------------------- */

/* splitmix64 */
static uint64_t draw(struct world *world)
{
    uint64_t z = world->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static struct str account(const struct world *world, uint32_t number)
{
    return (struct str){world->ids[number], ID_LENGTH};
}

static struct uuid draw_id(struct world *world)
{
    struct uuid id;
    uint64_t halves[2] = {draw(world), draw(world) | 1};
    memcpy(id.bytes, halves, sizeof id.bytes);
    return id;
}

static void open_account(struct world *world, uint32_t number)
{
    uint32_t owner = ledger_partition_of(account(world, number), world->partitions);
    const struct ledger_account_command open = {.kind = ACCOUNT_OPEN,
                                                .account = account(world, number),
                                                .owner = STR_LITERAL("bench"),
                                                .currency = currency_find("KRW", 3),
                                                .ceiling = INT64_MAX};
    const struct ledger_command deposit = {.kind = COMMAND_DEPOSIT,
                                           .currency = open.currency,
                                           .amount = OPENING_BALANCE,
                                           .id = draw_id(world),
                                           .to = open.account};
    struct ledger_account_answer answer;
    ledger_account(world->partition[owner].ledger, world->now_us, &open, &answer);
    CHECK(answer.code == CODE_OK);
    post(world, owner, &deposit, 1);
    world->owned[owner][world->owned_count[owner]++] = number;
}

static uint32_t draw_account(struct world *world, uint32_t partition)
{
    return world->owned[partition][draw(world) % world->owned_count[partition]];
}

/* Every second transfer crosses when there are two partitions. */
static void draw_batch(struct world *world, uint32_t number, struct ledger_command *commands)
{
    uint32_t payer = number % world->partitions;
    for (uint32_t i = 0; i < BATCH; i++) {
        uint32_t payee = i % 2 == 0 ? payer : (payer + 1) % world->partitions;
        uint32_t from = draw_account(world, payer), to = draw_account(world, payee);
        while (to == from)
            to = draw_account(world, payee);
        commands[i] = (struct ledger_command){.kind = COMMAND_TRANSFER,
                                              .currency = currency_find("KRW", 3),
                                              .amount = 1 + (int64_t)(draw(world) % 10000),
                                              .id = draw_id(world),
                                              .from = account(world, from),
                                              .to = account(world, to)};
    }
}

/* A repeat is of a batch that the id table still has in memory. */
static void draw_load(struct world *world, bool repeats)
{
    for (uint32_t b = 0; b < BATCHES; b++) {
        if (repeats && b > 0)
            memcpy(world->commands[b], world->commands[0], sizeof world->commands[b]);
        else
            draw_batch(world, b, world->commands[b]);
    }
}

static void partition_open(struct world *world, uint32_t number)
{
    struct partition *self = &world->partition[number];
    struct ledger_config config = ledger_config_default();
    const struct ledger_ports ports = {self, read_fact, find_in_run};
    config.partition = number;
    config.partitions = world->partitions;
    config.hash_key = 42;
    config.ids_in_memory = IDS_IN_MEMORY;
    self->journal = calloc(JOURNAL_WORDS, sizeof *self->journal);
    self->ledger = ledger_new(&config, &ports, &MEM);
    CHECK(self->journal != NULL && self->ledger != NULL && ledger_recovered(self->ledger) == ERR_OK);
}

int main(int argc, char **argv)
{
    struct world *world = calloc(1, sizeof *world);
    bool crosses = argc == 2 && strcmp(argv[1], "crossing") == 0;
    bool repeats = argc == 2 && strcmp(argv[1], "repeats") == 0;
    CHECK(world != NULL);
    if (!crosses && !repeats && (argc != 2 || strcmp(argv[1], "transfers") != 0)) {
        fputs("usage: instructions transfers|crossing|repeats\n", stderr);
        return 2;
    }
    world->partitions = crosses ? 2 : 1;
    world->now_us = NOW_US;
    for (uint32_t p = 0; p < world->partitions; p++)
        partition_open(world, p);
    for (uint32_t i = 0; i < ACCOUNTS; i++) {
        snprintf(world->ids[i], sizeof world->ids[i], "a%07u", i);
        open_account(world, i);
        if (i % BATCH == BATCH - 1)
            settle(world);
    }
    settle(world);
    draw_load(world, repeats);
    instructions_run(world);
    settle(world);
    for (uint32_t p = 0; p < world->partitions; p++) {
        ledger_destroy(&world->partition[p].ledger);
        free(world->partition[p].journal);
    }
    free(world);
    printf("%d\n", BATCH * BATCHES);
    return 0;
}
