#include "actors/ledger/ledger.h"

#include "actors/ledger/core.h"
#include "actors/ledger/hash.h"

/* ---- memory --------------------------------------------------------------------------------------- */

static void *counted_alloc(void *context, size_t bytes)
{
    struct ledger *self = context;
    void *memory = self->mem.alloc(self->mem.context, bytes);
    if (memory)
        self->memory_bytes += bytes;
    return memory;
}

static void counted_free(void *context, void *pointer, size_t bytes)
{
    struct ledger *self = context;
    if (pointer)
        self->memory_bytes -= bytes;
    self->mem.free(self->mem.context, pointer, bytes);
}

void *core_alloc(struct ledger *self, size_t bytes)
{
    return counted_alloc(self, bytes);
}

void core_free(struct ledger *self, void *pointer, size_t bytes)
{
    counted_free(self, pointer, bytes);
}

bool core_grow(struct ledger *self, void **pointer, size_t *capacity, size_t needed, size_t size)
{
    if (needed <= *capacity)
        return true;
    size_t wanted = *capacity ? *capacity : 64;
    while (wanted < needed)
        wanted *= 2;
    void *bigger = core_alloc(self, wanted * size);
    if (!bigger) {
        MARK("no memory for a buffer to grow");
        return false;
    }
    if (*capacity > 0)
        memcpy(bigger, *pointer, *capacity * size);
    core_free(self, *pointer, *capacity * size);
    *pointer = bigger;
    *capacity = wanted;
    return true;
}

/* ---- life ----------------------------------------------------------------------------------------- */

struct ledger_config ledger_config_default(void)
{
    return (struct ledger_config){
        .partition = 0,
        .partitions = 1,
        .hash_key = 0,
        .id_retention_us = INT64_C(7) * 24 * 3600 * 1000000,
        .ids_in_memory = 1u << 18,
        .link_window = 1u << 18,
        .checkpoint_words = UINT64_C(1) << 26,
        .base_currency = currency_find("KRW", CURRENCY_CODE_LENGTH),
        .remittances = {.tries = 3,
                        .retry_us = INT64_C(10) * 1000000,
                        .rounds = 3,
                        .round_us = INT64_C(600) * 1000000,
                        .alarm_us = INT64_C(600) * 1000000},
    };
}

static bool ledger_init(struct ledger *self)
{
    self->counted = (struct mem){self, counted_alloc, counted_free};
    size_t transit = (size_t)self->config.partitions * 256;
    self->transit = core_alloc(self, transit * sizeof *self->transit);
    if (!self->transit)
        return false;
    memset(self->transit, 0xff, transit * sizeof *self->transit);
    memset(self->house, 0xff, sizeof self->house);
    memset(self->houses, 0xff, sizeof self->houses);
    for (uint32_t peer = 0; peer < LEDGER_PARTITIONS_MAX; peer++)
        self->links[peer] = (struct link){.next = 1, .usual_bytes = 4096};
    proposal_table_init(self);
    hold_init(self);
    remittance_init(self);
    return account_table_init(&self->accounts, &self->counted, self->config.hash_key) &&
           id_table_init(&self->ids, &self->counted, self->config.hash_key, self->config.ids_in_memory,
                         self->config.id_retention_us) &&
           checkpoint_ensure(self, CHECKPOINT_CHUNKS_ACCOUNTS, 1) &&
           checkpoint_ensure(self, CHECKPOINT_CHUNKS_HOLDS, 1) &&
           checkpoint_ensure(self, CHECKPOINT_CHUNKS_REMITTANCES, 1);
}

struct ledger *ledger_new(const struct ledger_config *config, const struct ledger_ports *ports,
                          const struct mem *mem)
{
    CHECK(config->partitions >= 1 && config->partitions <= LEDGER_PARTITIONS_MAX);
    CHECK(config->partition < config->partitions && config->base_currency != CURRENCY_NONE);
    CHECK(config->remittances.tries <= UINT8_MAX && config->remittances.rounds <= UINT8_MAX);
    struct ledger *self = mem_alloc(mem, sizeof *self);
    if (!self) {
        MARK("no memory for a ledger");
        return NULL;
    }
    self->config = *config;
    self->ports = *ports;
    self->mem = *mem;
    self->position = FACT_FIRST;
    self->checkpoint.done_position = FACT_FIRST;
    self->checkpoint.slice_position = FACT_FIRST;
    self->checkpoint.restore_position = FACT_FIRST;
    self->current = &self->units[0];
    self->current->tickets_end = &self->current->unit.tickets;
    self->recovering = true;
    if (!ledger_init(self)) {
        MARK("no memory for a ledger's tables");
        ledger_destroy(&self);
    }
    return self;
}

static void tickets_free(struct ledger *self, struct ledger_ticket *ticket)
{
    while (ticket) {
        struct ledger_ticket *next = ticket->next;
        ledger_ticket_free(self, &ticket);
        ticket = next;
    }
}

static void unit_buffer_release(struct ledger *self, struct unit_buffer *buffer)
{
    if (!buffer->taken)
        tickets_free(self, buffer->unit.tickets);
    core_free(self, buffer->bytes, buffer->capacity);
    core_free(self, buffer->put_list, buffer->put_capacity * sizeof *buffer->put_list);
    core_free(self, buffer->put_bytes, buffer->put_bytes_capacity);
    core_free(self, buffer->call_list, buffer->call_capacity * sizeof *buffer->call_list);
    core_free(self, buffer->ack_list, buffer->ack_capacity * sizeof *buffer->ack_list);
    core_free(self, buffer->alarm_list, buffer->alarm_capacity * sizeof *buffer->alarm_list);
}

void ledger_destroy(struct ledger **self_p)
{
    struct ledger *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    for (size_t i = 0; i <= LEDGER_UNITS_MAX; i++)
        unit_buffer_release(self, &self->units[i]);
    tickets_free(self, self->open_tickets);
    group_destroy_all(self);
    proposal_table_release(self);
    if (self->holds.mem)
        hold_release_all(self);
    if (self->remittances.mem)
        remittance_table_release(&self->remittances);
    link_release_all(self);
    if (self->accounts.mem)
        account_table_release(&self->accounts);
    if (self->ids.mem)
        id_table_release(&self->ids);
    checkpoint_release(self);
    core_free(self, self->transit, (size_t)self->config.partitions * 256 * sizeof *self->transit);
    struct mem mem = self->mem;
    mem_free(&mem, self, sizeof *self);
}

enum { DUE_WORK_MAX = HOLD_EXPIRE_MAX, REMITTANCE_WORK = 16 };

static bool thing_due(struct ledger *self, const struct deadline *first)
{
    switch ((enum deadline_owner)first->owner) {
    case DEADLINE_HOLD:
        return hold_expire(self, first->slot);
    case DEADLINE_REMITTANCE:
        return remittance_due(self, first->slot);
    case DEADLINE_ALARM:
        return remittance_alarm(self, first->slot);
    }
    CHECK_UNREACHABLE();
}

/* Holds that have expired and remittances that go on, a bounded number; the others follow with later calls. */
static void things_due(struct ledger *self)
{
    int work = 0;
    while (work < DUE_WORK_MAX && deadlines_due_us(&self->deadlines) <= self->now_us) {
        const struct deadline *first = deadlines_first(&self->deadlines);
        work += first->owner == DEADLINE_HOLD ? 1 : REMITTANCE_WORK;
        if (!thing_due(self, first))
            return;
    }
    if (deadlines_due_us(&self->deadlines) <= self->now_us)
        MARK("more is due than one call ends");
}

void core_set_now(struct ledger *self, int64_t now_us)
{
    if (now_us > self->now_us)
        self->now_us = now_us;
    else if (now_us < self->now_us)
        MARK("a clock that went back is not followed");
    if (self->current->unit.length == 0)
        self->current->unit.time_us = self->now_us;
    if (__builtin_expect(self->proposals.due_us <= self->now_us, 0))
        proposal_expire(self);
    if (__builtin_expect(deadlines_due_us(&self->deadlines) <= self->now_us, 0))
        things_due(self);
}

void ledger_expire(struct ledger *self, int64_t now_us)
{
    core_set_now(self, now_us);
}

int64_t ledger_due_us(const struct ledger *self)
{
    int64_t due_us = deadlines_due_us(&self->deadlines);
    return self->proposals.due_us < due_us ? self->proposals.due_us : due_us;
}

void ledger_refuse_new(struct ledger *self, bool refuse)
{
    self->refuse_new = refuse;
}

uint64_t ledger_position(const struct ledger *self)
{
    return self->position;
}

/* ---- partitions ----------------------------------------------------------------------------------- */

/* The number behind the last colon of a reserved id. */
static uint32_t reserved_partition(struct str id)
{
    uint32_t number = 0, factor = 1;
    for (uint32_t i = id.length; i-- > 0 && id.data[i] >= '0' && id.data[i] <= '9' && factor <= 10000;) {
        number += (uint32_t)(id.data[i] - '0') * factor;
        factor *= 10;
    }
    return number;
}

uint32_t ledger_partition_of(struct str account_id, uint32_t partitions)
{
    if (account_id.length > 6 && (account_id.data[0] == 'h' || account_id.data[0] == 't') &&
        text_is_reserved_id(account_id))
        return reserved_partition(account_id) % partitions;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (uint32_t i = 0; i < account_id.length; i++)
        hash = (hash ^ (unsigned char)account_id.data[i]) * UINT64_C(1099511628211);
    hash ^= hash >> 32;
    return (uint32_t)(hash % partitions);
}

/* ---- tickets --------------------------------------------------------------------------------------- */

static size_t ticket_bytes(uint32_t rows)
{
    return sizeof(struct ledger_ticket) + rows * sizeof(struct ledger_row);
}

struct ledger_ticket *ledger_ticket_new(struct ledger *self, uint32_t row_count, void *user)
{
    CHECK(row_count >= 1 && row_count <= LEDGER_BATCH_MAX);
    struct ledger_ticket *ticket = core_alloc(self, ticket_bytes(row_count));
    if (!ticket) {
        MARK("no memory for a ticket");
        return NULL;
    }
    ticket->user = user;
    ticket->row_count = row_count;
    ticket->open_count = row_count;
    ticket->next = self->open_tickets;
    if (ticket->next)
        ticket->next->previous = ticket;
    self->open_tickets = ticket;
    return ticket;
}

static void ticket_close(struct ledger *self, struct ledger_ticket *ticket)
{
    if (ticket->previous)
        ticket->previous->next = ticket->next;
    else
        self->open_tickets = ticket->next;
    if (ticket->next)
        ticket->next->previous = ticket->previous;
    ticket->previous = NULL;
    ticket->next = NULL;
}

void ledger_ticket_free(struct ledger *self, struct ledger_ticket **ticket_p)
{
    struct ledger_ticket *ticket = *ticket_p;
    *ticket_p = NULL;
    if (!ticket)
        return;
    if (ticket->open_count > 0)
        ticket_close(self, ticket);
    core_free(self, ticket, ticket_bytes(ticket->row_count));
}

void core_row_done(struct ledger *self, struct ledger_ticket *ticket, uint32_t rows)
{
    CHECK(ticket->open_count >= rows);
    ticket->open_count -= rows;
    if (ticket->open_count > 0)
        return;
    ticket_close(self, ticket);
    *self->current->tickets_end = ticket;
    self->current->tickets_end = &ticket->next;
}

struct ledger_ticket *ledger_abandon(struct ledger *self)
{
    struct ledger_unit *unit = &self->current->unit;
    struct ledger_ticket *list = unit->tickets;
    unit->tickets = NULL;
    self->current->tickets_end = &unit->tickets;
    while (self->open_tickets) {
        MARK("requests in hand are given up");
        struct ledger_ticket *ticket = self->open_tickets;
        ticket_close(self, ticket);
        ticket->open_count = 0;
        ticket->next = list;
        list = ticket;
    }
    return list;
}

/* ---- facts ------------------------------------------------------------------------------------------ */

uint8_t *core_fact_room(struct ledger *self, size_t bytes)
{
    struct unit_buffer *buffer = self->current;
    size_t needed = buffer->unit.length + bytes;
    if (needed > buffer->capacity) {
        size_t wanted = needed < 16384 ? 16384 : needed;
        if (!core_grow(self, (void **)&buffer->bytes, &buffer->capacity, wanted, 1))
            return NULL;
    }
    return buffer->bytes + buffer->unit.length;
}

void core_fact_commit(struct ledger *self, size_t bytes)
{
    struct unit_buffer *buffer = self->current;
    struct ledger_unit *unit = &buffer->unit;
    if (unit->length == 0) {
        unit->position = self->position;
        self->fact_us = unit->time_us;
    }
    uint64_t position = self->position;
    const uint8_t *fact = buffer->bytes + unit->length;
    unit->length += bytes;
    unit->fact_count++;
    self->position += bytes / FACT_WORD;
    ledger_evolve(self, position, fact, bytes);
}

static size_t unit_fact_read(const struct unit_buffer *buffer, uint64_t position, uint8_t *out,
                             size_t capacity)
{
    const struct ledger_unit *unit = &buffer->unit;
    if (unit->length == 0 || position < unit->position ||
        position >= unit->position + unit->length / FACT_WORD)
        return 0;
    const uint8_t *fact = buffer->bytes + (position - unit->position) * FACT_WORD;
    struct fact_head head;
    memcpy(&head, fact, sizeof head);
    size_t size = (size_t)head.words * FACT_WORD;
    CHECK(size <= capacity);
    memcpy(out, fact, size);
    return size;
}

size_t core_fact_read_at(struct ledger *self, uint64_t position, uint8_t *out, size_t capacity,
                         int64_t *time_us)
{
    size_t size = unit_fact_read(self->current, position, out, capacity);
    *time_us = self->current->unit.time_us;
    for (size_t i = 0; size == 0 && i < self->in_flight_count; i++) {
        size = unit_fact_read(self->in_flight[i], position, out, capacity);
        *time_us = self->in_flight[i]->unit.time_us;
        if (size > 0)
            MARK("a fact is read again while it is on its way to disk");
    }
    if (size > 0)
        return size;
    MARK("a fact is read again from the journal");
    return self->ports.fact_read(self->ports.context, position, out, capacity, time_us);
}

/* ---- units ----------------------------------------------------------------------------------------- */

size_t ledger_pending_bytes(const struct ledger *self)
{
    return self->current->unit.length;
}

bool ledger_has_work(const struct ledger *self)
{
    const struct ledger_unit *unit = &self->current->unit;
    if (self->recovering)
        return checkpoint_due(self);
    return unit->length > 0 || unit->tickets || unit->call_count + unit->ack_count + unit->alarm_count > 0 ||
           link_has_messages(self) || checkpoint_due(self);
}

struct ledger_unit *ledger_take(struct ledger *self)
{
    if (!ledger_has_work(self))
        return NULL;
    if (self->in_flight_count == LEDGER_UNITS_MAX) {
        MARK("a unit waits because as many as may be are on their way to disk");
        return NULL;
    }
    struct unit_buffer *buffer = self->current;
    checkpoint_step(self);
    if (!self->recovering)
        link_collect(self, buffer);
    buffer->taken = true;
    buffer->unit.facts = buffer->bytes;
    buffer->unit.puts = buffer->put_list;
    buffer->unit.calls = buffer->call_list;
    buffer->unit.acks = buffer->ack_list;
    buffer->unit.alarms = buffer->alarm_list;
    if (buffer->unit.length == 0)
        buffer->unit.position = self->position;
    self->in_flight[self->in_flight_count++] = buffer;
    for (size_t i = 0; i <= LEDGER_UNITS_MAX; i++) {
        if (!self->units[i].taken)
            self->current = &self->units[i];
    }
    CHECK(!self->current->taken);
    self->current->unit = (struct ledger_unit){.time_us = self->now_us};
    self->current->tickets_end = &self->current->unit.tickets;
    self->current->put_bytes_length = 0;
    return &buffer->unit;
}

void ledger_release(struct ledger *self, struct ledger_unit *unit)
{
    struct unit_buffer *buffer = (struct unit_buffer *)unit;
    CHECK(self->in_flight_count > 0 && self->in_flight[0] == buffer);
    id_table_settle(&self->ids, buffer->runs_finished);
    buffer->runs_finished = 0;
    buffer->taken = false;
    buffer->unit = (struct ledger_unit){0};
    buffer->tickets_end = &buffer->unit.tickets;
    buffer->put_bytes_length = 0;
    self->in_flight_count--;
    memmove(&self->in_flight[0], &self->in_flight[1], self->in_flight_count * sizeof self->in_flight[0]);
}

void ledger_peer_message_free(const struct mem *mem, struct ledger_peer_message **message_p)
{
    struct ledger_peer_message *message = *message_p;
    *message_p = NULL;
    if (!message)
        return;
    mem_free(mem, message->bytes, message->capacity);
    mem_free(mem, message, sizeof *message);
}

/* ---- looking in ------------------------------------------------------------------------------------- */

void ledger_stats(const struct ledger *self, struct ledger_stats *out)
{
    *out = (struct ledger_stats){
        .accounts = self->accounts.count - self->accounts.house_count,
        .postings = self->posting_count,
        .refusals = self->refusal_count,
        .ids_active = id_table_memory_count(&self->ids),
        .ids_stored = self->ids.stored_count,
        .groups_open = self->group_count,
        .proposals_open = self->proposals.count,
        .rates = self->desk.rate_count,
        .quotes = self->desk.quote_count,
        .holds_open = self->holds.open_count,
        .position = self->position,
        .checkpoint_position = self->checkpoint.done_position,
        .memory_bytes = self->memory_bytes,
    };
    const struct remittance_table *remittances = &self->remittances;
    out->remittances_open = remittances->counts[REMITTANCE_LIST_OPEN];
    out->remittances_listed = remittances->counts[REMITTANCE_LIST_FAILED];
    out->remittances_unknown = remittances->counts[REMITTANCE_LIST_UNKNOWN];
    out->remittances_alarmed = remittances->counts[REMITTANCE_LIST_ALARMED];
    if (remittances->oldest != 0)
        out->remittances_oldest_us = remittance_at(remittances, remittances->oldest - 1)->requested_us;
    if (self->holds.oldest != 0)
        out->holds_oldest_us = hold_more_at(&self->holds, self->holds.oldest - 1)->opened_us;
    for (uint32_t peer = 0; peer < self->config.partitions; peer++)
        out->links_open += self->links[peer].next - 1 - self->links[peer].resolved;
}

void ledger_total(const struct ledger *self, currency_index currency, struct ledger_total *out)
{
    *out = (struct ledger_total){0};
    for (uint32_t i = 0; i < self->accounts.count; i++) {
        const struct account *account = account_at(&self->accounts, i);
        if (account->id_length == 0 || account->currency != currency)
            continue;
        int64_t *part = account->flags & ACCOUNT_IS_TRANSIT ? &out->transit
                        : account->flags & ACCOUNT_IS_HOUSE ? &out->house
                                                            : &out->customers;
        CHECK(money_add(*part, account->balance, part));
    }
    CHECK(money_add(out->customers, out->house, &out->sum) && money_add(out->sum, out->transit, &out->sum));
}

/* What is wrong with one account by itself; NULL: nothing. */
static const char *account_broken(const struct ledger *self, uint32_t index)
{
    const struct account *account = account_at(&self->accounts, index);
    if (account->id_length < 1 || account->id_length > ACCOUNT_ID_MAX)
        return "an account has an id";
    if (account->last_position < FACT_FIRST || account->last_position >= self->position)
        return "the last fact of an account is in the journal";
    if (account->pending < 0)
        return "what is pending is not below zero";
    if (account->state < ACCOUNT_ACTIVE || account->state > ACCOUNT_CLOSED)
        return "an account is in a state that there is";
    if (account->state == ACCOUNT_CLOSED && account->balance != 0)
        return "a closed account is empty";
    const char *book = book_broken(self, index);
    if (book)
        return book;
    char id[ACCOUNT_ID_MAX + 1];
    struct str name = {id, account_id_copy(&self->accounts, index, id)};
    if (ledger_partition_of(name, self->config.partitions) != self->config.partition)
        return "an account belongs to this partition";
    return NULL;
}

const char *core_broken(const struct ledger *self)
{
    __int128 sums[256] = {0};
    const char *broken = NULL;
    for (uint32_t i = 0; i < self->accounts.count && !broken; i++) {
        const struct account *account = account_at(&self->accounts, i);
        sums[account->currency] += account->balance;
        broken = account_broken(self, i);
    }
    for (size_t currency = 0; currency < 256 && !broken; currency++)
        broken = sums[currency] != 0 ? "the balances of a currency sum to zero" : NULL;
    if (!broken)
        broken = link_broken(self);
    if (!broken)
        broken = proposal_broken(self);
    if (!broken)
        broken = hold_broken(self);
    if (!broken)
        broken = remittance_broken(self);
    return broken ? broken : group_broken(self);
}

void ledger_check(const struct ledger *self)
{
    const char *broken = core_broken(self);
    if (broken)
        check_failed(__FILE__, __LINE__, broken);
    for (uint32_t i = 0; i < self->accounts.count; i++) {
        char id[ACCOUNT_ID_MAX + 1];
        struct str name = {id, account_id_copy(&self->accounts, i, id)};
        CHECK(account_find(&self->accounts, name, account_hash(&self->accounts, name)) == i);
    }
}
