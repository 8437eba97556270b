/* A partition at work, driven by hand: the test plays the router, the reader, the peer, the disk and the clock. Its stores are
 * in memory; a job waits until the test says that the disk has done it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "actors/base/bank_mail.h"
#include "actors/base/check.h"
#include "actors/ledger/shell/partition.h"
#include "actors/ledger/shell/reader.h"
#include "broker/wire/accounts.h"
#include "broker/wire/history.h"
#include "broker/wire/items.h"
#include "broker/wire/remittances.h"
#include "broker/wire/rows.h"
#include "sim/counting_mem.h"
#include "store/journal_memory.h"
#include "store/state_memory.h"
#include "tests/scenario/world.h"

enum {
    PARTITIONS = 2,
    ANSWERS_MAX = 64,
    FACT_BYTES = 64, /* of a deposit */
    BATCHES_OF_A_ROUND = 4 * 1024 * 1024 / (LEDGER_BATCH_MAX * FACT_BYTES),
};

struct answer {
    uint64_t id;
    enum code code;
    uint64_t durable_sequence; /* of the journal when it left */
};

struct world {
    struct counting_mem counting;
    struct mem mem;
    struct journal *journal;
    struct state *state;
    uint32_t drops; /* of the state store */
    struct recovered stores;
    struct partition *partition;
    struct reader *reader; /* NULL: it has ended */
    struct partition_now now;
    struct commit_job *append, *apply; /* under way */
    bool peer_is_there;
    struct ledger_peer_message *message; /* the last one for the peer */
    uint32_t messages;
    struct answer answers[ANSWERS_MAX];
    size_t answer_count;
    size_t requests_out; /* made and not yet back */
    uint64_t last_id, last_transaction;
    enum partition_state state_told;
    char account[WORLD_ID_MAX], foreign[WORLD_ID_MAX];
    uint32_t ids_in_memory; /* 0: as always */
    bool bank_has_ended;
    struct bank_call call; /* the last one */
    struct bank_ack ack;   /* … */
    uint32_t calls, acks, mails, alarms;
};

/* ---- the ports -------------------------------------------------------------------------------------------- */

static bool port_run(void *context, struct commit_job *job)
{
    struct world *self = context;
    struct commit_job **place = job->step == COMMIT_APPEND ? &self->append : &self->apply;
    assert_null(*place);
    *place = job;
    return false;
}

static void take_back(struct world *self, struct request *request)
{
    struct wire_reply reply;
    struct journal_head head;
    assert_int_equal(journal_get_head(self->journal, &head), ERR_OK);
    assert_true(wire_reply_read(zmq_msg_data(&request->reply), zmq_msg_size(&request->reply), &reply));
    assert_int_equal(reply.code, request->code);
    assert_true(self->answer_count < ANSWERS_MAX);
    self->answers[self->answer_count++] = (struct answer){reply.request_id, reply.code, head.sequence};
    self->requests_out--;
    zmq_msg_close(&request->frame);
    zmq_msg_close(&request->reply);
    free(request);
}

static void port_to_router(void *context, const struct box *box)
{
    struct world *self = context;
    if (box->kind == BOX_STATE) {
        self->state_told = (enum partition_state)box->value;
        return;
    }
    assert_int_equal(box->kind, BOX_ANSWERED);
    for (struct request *request = box->pointer, *next; request; request = next) {
        next = request->next;
        take_back(self, request);
    }
}

static bool port_to_reader(void *context, const struct box *box)
{
    struct world *self = context;
    if (!self->reader)
        return false;
    if (box->kind == BOX_NAMES) {
        reader_add_names(self->reader, box->pointer);
        return true;
    }
    struct box answered = {.kind = BOX_ANSWERED, .pointer = reader_work(self->reader, box->pointer)};
    port_to_router(self, &answered);
    return true;
}

static bool port_to_peer(void *context, uint32_t peer, const struct box *box)
{
    struct world *self = context;
    assert_int_equal(peer, 1);
    self->messages++;
    if (!self->peer_is_there)
        return false;
    ledger_peer_message_free(&self->mem, &self->message);
    self->message = box->pointer;
    return true;
}

static bool port_to_bank(void *context, const struct box *box)
{
    struct world *self = context;
    struct bank_mail *mail = box->pointer;
    assert_int_equal(box->kind, BOX_CALLS);
    if (self->bank_has_ended)
        return false;
    self->mails++;
    self->calls += (uint32_t)mail->call_count;
    self->acks += (uint32_t)mail->ack_count;
    if (mail->call_count > 0)
        self->call = mail->calls[mail->call_count - 1];
    if (mail->ack_count > 0)
        self->ack = mail->acks[mail->ack_count - 1];
    free(mail);
    return true;
}

static void port_say(void *context, bool is_error, const char *text)
{
    struct world *self = context;
    (void)is_error;
    assert_true(strlen(text) > 0);
    self->alarms += strstr(text, "ALARM") != NULL;
}

/* ---- the stores -------------------------------------------------------------------------------------------- */

static enum err source_open_journal(void *context, struct journal **out)
{
    struct world *self = context;
    *out = self->journal;
    return ERR_OK;
}

static enum err source_open_state(void *context, struct state **out)
{
    struct world *self = context;
    if (!self->state)
        self->state = state_memory_new();
    assert_non_null(self->state);
    *out = self->state;
    return ERR_OK;
}

static enum err source_drop_state(void *context)
{
    struct world *self = context;
    self->state = NULL; /* it has been closed, and with it forgotten */
    self->drops++;
    return ERR_OK;
}

static struct ledger *source_make_ledger(void *context, const struct ledger_ports *ports)
{
    struct world *self = context;
    struct ledger_config config = ledger_config_default();
    config.partitions = PARTITIONS;
    config.hash_key = 7;
    if (self->ids_in_memory > 0) {
        config.ids_in_memory = self->ids_in_memory;
        config.checkpoint_words = 256; /* runs are written as soon as there are any */
    }
    return ledger_new(&config, ports, &self->mem);
}

static void source_rebuilds(void *context, enum err why)
{
    (void)context;
    assert_true(why == ERR_CORRUPT || why == ERR_VERSION);
}

static enum err recover(struct world *self)
{
    const struct recovery_source source = {
        .context = self,
        .open_journal = source_open_journal,
        .open_state = source_open_state,
        .drop_state = source_drop_state,
        .make_ledger = source_make_ledger,
        .rebuilds = source_rebuilds,
    };
    return recovery_open(&self->stores, &source);
}

/* ---- time and the disk -------------------------------------------------------------------------------------- */

static void turn(struct world *self)
{
    partition_work(self->partition, self->now);
    partition_commit(self->partition, self->now);
}

/* The disk carries out what is under way in one lane, and the partition is told. */
static void disk_does(struct world *self, struct commit_job **place)
{
    struct commit_job *job = *place;
    assert_non_null(job);
    *place = NULL;
    commit_job_run(job);
    partition_job_done(self->partition, job, self->now);
    turn(self);
}

static void disk_does_all(struct world *self)
{
    while (self->append || self->apply)
        disk_does(self, self->append ? &self->append : &self->apply);
}

static void pass_ms(struct world *self, int64_t ms)
{
    self->now.mono_ms += ms;
    self->now.wall_us += ms * 1000;
    partition_timer(self->partition, self->now);
    turn(self);
}

/* Time passes and nothing comes, until there is something for the state store. */
static void begin_checkpoint(struct world *self)
{
    while (!self->apply) {
        pass_ms(self, 1000);
        if (self->append)
            disk_does(self, &self->append);
    }
}

/* ---- requests ------------------------------------------------------------------------------------------------ */

static struct request *request_new(struct world *self, struct mp_writer *w)
{
    struct request *request = calloc(1, sizeof *request);
    enum code code;
    enum field field;
    assert_non_null(request);
    assert_true(wire_message_init(&request->frame, w));
    zmq_msg_init(&request->reply);
    assert_true(wire_header_read(zmq_msg_data(&request->frame), zmq_msg_size(&request->frame),
                                 &request->header, &code, &field));
    mp_writer_release(w);
    self->requests_out++;
    return request;
}

static void begin(struct world *self, struct mp_writer *w, enum wire_operation operation)
{
    struct wire_header header = {
        .operation = operation, .request_id = ++self->last_id, .partition = WIRE_PARTITION_ANY};
    mp_writer_init(w);
    wire_header_write(w, &header);
}

static struct request *deposits(struct world *self, uint32_t count)
{
    struct mp_writer w;
    begin(self, &w, OPERATION_BATCH);
    mp_write_array(&w, count);
    for (uint32_t i = 0; i < count; i++) {
        struct ledger_command command = world_deposit(++self->last_transaction, self->account, 100, "USD");
        wire_item_write(&w, &command);
    }
    return request_new(self, &w);
}

static struct request *deposit_of(struct world *self, uint64_t transaction)
{
    struct mp_writer w;
    struct ledger_command command = world_deposit(transaction, self->account, 100, "USD");
    begin(self, &w, OPERATION_DEPOSIT);
    wire_item_write(&w, &command);
    return request_new(self, &w);
}

static struct request *deposit(struct world *self)
{
    return deposit_of(self, ++self->last_transaction);
}

static struct request *transfer_away(struct world *self)
{
    struct mp_writer w;
    struct ledger_command command =
        world_transfer(++self->last_transaction, self->account, self->foreign, 1, "USD");
    begin(self, &w, OPERATION_TRANSFER);
    wire_item_write(&w, &command);
    return request_new(self, &w);
}

static struct request *about(struct world *self, enum wire_operation operation)
{
    struct mp_writer w;
    begin(self, &w, operation);
    mp_write_map(&w, 1);
    mp_write_text(&w, "account");
    mp_write_text(&w, self->account);
    return request_new(self, &w);
}

static struct request *opening(struct world *self)
{
    struct mp_writer w;
    struct ledger_account_command command = world_account(ACCOUNT_OPEN, self->account, "USD");
    begin(self, &w, OPERATION_ACCOUNT_OPEN);
    wire_account_body_write(&w, &command);
    return request_new(self, &w);
}

static struct request *remittance(struct world *self)
{
    struct mp_writer w;
    struct ledger_remit_command command = {
        .currency = currency_find("USD", CURRENCY_CODE_LENGTH),
        .id = world_deposit(++self->last_transaction, self->account, 1, "USD").id,
        .amount = 50,
        .account = str_from(self->account),
        .bank = STR_LITERAL("gb"),
        .payer = STR_LITERAL("a payer"),
        .payee = STR_LITERAL("a payee"),
    };
    begin(self, &w, OPERATION_REMITTANCE_OPEN);
    wire_remit_body_write(&w, &command);
    return request_new(self, &w);
}

/* Of the last call. */
static void report(struct world *self, enum bank_outcome outcome)
{
    struct bank_reports *reports = malloc(sizeof *reports + sizeof *reports->reports);
    assert_non_null(reports);
    reports->count = 1;
    reports->reports[0] = (struct bank_report){
        .remittance = self->call.remittance, .number = self->call.number, .outcome = (uint8_t)outcome};
    struct box box = {.kind = BOX_REPORTS, .pointer = reports};
    partition_receive(self->partition, &box, self->now);
}

static void ask_for_calls(struct world *self)
{
    struct box box = {.kind = BOX_CALLS};
    partition_receive(self->partition, &box, self->now);
}

/* Returns the request's id. */
static uint64_t give(struct world *self, struct request *request)
{
    uint64_t id = request->header.request_id;
    struct box box = {.kind = BOX_REQUESTS, .pointer = request};
    partition_receive(self->partition, &box, self->now);
    return id;
}

static const struct answer *answer_of(const struct world *self, uint64_t id)
{
    for (size_t i = 0; i < self->answer_count; i++) {
        if (self->answers[i].id == id)
            return &self->answers[i];
    }
    return NULL;
}

static void expect(const struct world *self, uint64_t id, enum code code)
{
    const struct answer *answer = answer_of(self, id);
    assert_non_null(answer);
    assert_int_equal(answer->code, code);
}

static void expect_none(const struct world *self, uint64_t id)
{
    assert_null(answer_of(self, id));
}

/* ---- begin and end ----------------------------------------------------------------------------------------- */

static void begin_partition(struct world *self)
{
    const struct partition_ports ports = {self,         port_run,     port_to_router, port_to_reader,
                                          port_to_peer, port_to_bank, port_say};
    self->partition = partition_new(0, PARTITIONS, &ports, &self->mem);
    assert_int_equal(recover(self), ERR_OK);
    partition_begin(self->partition, &self->stores, self->now);
    assert_int_equal(self->state_told, PARTITION_SERVING);
}

/* Serving, with one account that holds 100. */
static int set_up(void **state)
{
    struct world *self = calloc(1, sizeof *self);
    struct journal_memory_options options = {.unknown_is_kept = true};
    assert_non_null(self);
    self->mem = counting_mem_port(&self->counting);
    self->now = (struct partition_now){.wall_us = INT64_C(1700000000000000), .mono_ms = 1000};
    self->peer_is_there = true;
    self->reader = reader_new(7, currency_find("KRW", 3));
    world_account_id(0, PARTITIONS, "here", 0, self->account);
    world_account_id(1, PARTITIONS, "there", 0, self->foreign);
    assert_int_equal(journal_memory_new(&options, &self->journal), ERR_OK);
    begin_partition(self);
    uint64_t open = give(self, opening(self));
    uint64_t first = give(self, deposit(self));
    turn(self);
    disk_does_all(self);
    expect(self, open, CODE_OK);
    expect(self, first, CODE_OK);
    *state = self;
    return 0;
}

/* Ends the partition as a crash does: what is under way is forgotten. */
static void crash(struct world *self)
{
    self->append = self->apply = NULL;
    partition_destroy(&self->partition);
    if (self->reader)
        reader_close_journal(self->reader);
    ledger_destroy(&self->stores.ledger);
}

/* With a reader that knows nothing yet, as after a restart of the process. */
static void restart(struct world *self)
{
    crash(self);
    reader_destroy(&self->reader);
    self->reader = reader_new(7, currency_find("KRW", 3));
    begin_partition(self);
}

/* At the end of every test nothing is left: no request without an answer, no memory of the core's. */
static int tear_down(void **state)
{
    struct world *self = *state;
    crash(self);
    reader_destroy(&self->reader);
    ledger_peer_message_free(&self->mem, &self->message);
    recovery_close(&self->stores);
    assert_int_equal(self->requests_out, 0);
    assert_int_equal(self->counting.live_blocks, 0);
    free(self);
    return 0;
}

/* ---- what is durable ------------------------------------------------------------------------------------------ */

static void no_answer_leaves_before_its_unit_is_durable(void **state)
{
    struct world *self = *state;
    uint64_t first = give(self, deposit(self));
    turn(self);
    assert_non_null(self->append);
    uint64_t sequence = self->append->sequence;
    expect_none(self, first);
    disk_does(self, &self->append);
    expect(self, first, CODE_OK);
    assert_true(answer_of(self, first)->durable_sequence >= sequence);
}

static void a_read_waits_for_the_commit_that_it_shows(void **state)
{
    struct world *self = *state;
    uint64_t first = give(self, deposit(self));
    uint64_t balance = give(self, about(self, OPERATION_BALANCE));
    uint64_t history = give(self, about(self, OPERATION_HISTORY));
    turn(self);
    expect_none(self, balance);
    expect_none(self, history);
    uint64_t sequence = self->append->sequence;
    disk_does(self, &self->append);
    expect(self, first, CODE_OK);
    expect(self, balance, CODE_OK);
    expect(self, history, CODE_OK);
    assert_int_equal(answer_of(self, balance)->durable_sequence, sequence);
}

static void what_comes_while_a_unit_is_on_its_way_waits_for_it_too(void **state)
{
    struct world *self = *state;
    uint64_t first = give(self, deposit(self));
    turn(self);
    uint64_t balance = give(self, about(self, OPERATION_BALANCE));
    turn(self);
    expect_none(self, first);
    expect_none(self, balance); /* it shows the deposit */
    disk_does(self, &self->append);
    expect(self, first, CODE_OK);
    expect(self, balance, CODE_OK);
}

static void a_message_to_a_peer_leaves_after_its_commit(void **state)
{
    struct world *self = *state;
    give(self, deposit(self));
    uint64_t away = give(self, transfer_away(self));
    turn(self);
    assert_int_equal(self->messages, 0);
    disk_does(self, &self->append);
    assert_int_equal(self->messages, 1);
    assert_int_equal(self->message->request_count, 1);
    expect_none(self, away); /* the receiver has not decided */
}

static void a_round_ends_at_its_size_and_the_rest_waits(void **state)
{
    struct world *self = *state;
    for (uint32_t i = 0; i < BATCHES_OF_A_ROUND; i++) {
        assert_true(partition_reads_mail(self->partition));
        give(self, deposits(self, LEDGER_BATCH_MAX));
    }
    assert_false(partition_reads_mail(self->partition));
    uint64_t late = give(self, deposit(self));
    turn(self);
    assert_int_equal(self->append->unit->fact_count, BATCHES_OF_A_ROUND * LEDGER_BATCH_MAX);
    disk_does_all(self);
    expect(self, late, CODE_OK);
}

/* ---- no room --------------------------------------------------------------------------------------------------- */

static void a_full_journal_is_tried_again_each_second_and_what_comes_meanwhile_is_busy(void **state)
{
    struct world *self = *state;
    uint64_t first = give(self, deposit(self));
    turn(self);
    for (int second = 0; second < 3; second++) {
        journal_memory_fail(self->journal, 1, JOURNAL_FULL);
        disk_does(self, &self->append);
        assert_int_equal(self->state_told, PARTITION_FULL);
        expect(self, give(self, deposit(self)), CODE_BUSY);
        pass_ms(self, 999);
        assert_null(self->append);
        assert_int_equal(partition_due_ms(self->partition), self->now.mono_ms + 1);
        pass_ms(self, 1);
        assert_int_equal(self->state_told, PARTITION_FULL);
        assert_non_null(self->append);
        expect_none(self, first);
    }
    disk_does_all(self);
    expect(self, first, CODE_OK);
    pass_ms(self, 1000);
    disk_does_all(self);
    expect_none(self, give(self, deposit(self)));
}

static void what_was_received_before_the_journal_was_full_is_busy_too(void **state)
{
    struct world *self = *state;
    give(self, deposit(self));
    turn(self);
    for (uint32_t i = 0; i < BATCHES_OF_A_ROUND; i++)
        give(self, deposits(self, LEDGER_BATCH_MAX));
    uint64_t waits = give(self, deposit(self));
    journal_memory_fail(self->journal, 1, JOURNAL_FULL);
    disk_does(self, &self->append);
    expect(self, waits, CODE_BUSY);
    assert_true(partition_reads_mail(self->partition));
}

static void a_full_state_store_is_tried_again_and_stops_nobody_at_first(void **state)
{
    struct world *self = *state;
    begin_checkpoint(self);
    state_memory_fail(self->state, 1, ERR_FULL);
    disk_does(self, &self->apply);
    assert_int_equal(self->state_told, PARTITION_FULL);
    uint64_t goes_on = give(self, deposit(self));
    turn(self);
    disk_does(self, &self->append);
    expect(self, goes_on, CODE_OK);
    expect(self, give(self, deposit(self)), CODE_BUSY); /* both units are out */
    pass_ms(self, 1000);
    disk_does_all(self);
    uint64_t after = give(self, deposit(self));
    turn(self);
    disk_does_all(self);
    expect(self, after, CODE_OK);
}

/* ---- the end of trust ------------------------------------------------------------------------------------------- */

static void an_unknown_outcome_stops_it_and_all_in_its_hands_is_unknown(void **state)
{
    struct world *self = *state;
    uint64_t appending = give(self, deposit(self));
    uint64_t held = give(self, about(self, OPERATION_BALANCE));
    uint64_t read = give(self, about(self, OPERATION_HISTORY));
    uint64_t away = give(self, transfer_away(self));
    turn(self);
    uint64_t filling = 0;
    for (uint32_t i = 0; i < BATCHES_OF_A_ROUND; i++)
        filling = give(self, deposits(self, LEDGER_BATCH_MAX));
    uint64_t never_begun = give(self, deposit(self));
    journal_memory_fail(self->journal, 1, JOURNAL_UNKNOWN);
    disk_does(self, &self->append);
    assert_int_equal(self->state_told, PARTITION_STOPPED);
    assert_true(partition_is_stopped(self->partition));
    expect(self, appending, CODE_UNKNOWN);
    expect(self, held, CODE_UNKNOWN);
    expect(self, read, CODE_UNKNOWN);
    expect(self, away, CODE_UNKNOWN);
    expect(self, filling, CODE_UNKNOWN);
    expect(self, never_begun, CODE_BUSY);
    assert_int_equal(self->messages, 0);
    assert_int_equal(self->requests_out, 0);
    assert_int_equal(partition_due_ms(self->partition), INT64_MAX);
    expect(self, give(self, deposit(self)), CODE_BUSY);
}

static void a_fenced_commit_stops_it(void **state)
{
    struct world *self = *state;
    uint64_t first = give(self, deposit(self));
    turn(self);
    journal_memory_fail(self->journal, 1, JOURNAL_FENCED);
    disk_does(self, &self->append);
    assert_int_equal(self->state_told, PARTITION_STOPPED);
    expect(self, first, CODE_UNKNOWN);
    turn(self);
    assert_null(self->append);
}

static void a_state_store_that_fails_stops_it_while_an_append_is_on_its_way(void **state)
{
    struct world *self = *state;
    begin_checkpoint(self);
    uint64_t first = give(self, deposit(self));
    turn(self);
    assert_non_null(self->append);
    state_memory_fail(self->state, 1, ERR_IO);
    disk_does(self, &self->apply);
    assert_int_equal(self->state_told, PARTITION_STOPPED);
    expect(self, first, CODE_UNKNOWN);
    size_t answers = self->answer_count;
    disk_does(self, &self->append); /* it is durable, and nobody is told */
    assert_int_equal(self->answer_count, answers);
    assert_null(self->apply);
}

enum { IDS_IN_MEMORY = 16, VALUES_MAX = 4096 };

struct places {
    size_t bits, count;
    size_t first_bits[VALUES_MAX]; /* of each value */
};

static enum err note_place(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                           size_t value_length)
{
    struct places *places = context;
    (void)key;
    (void)key_length;
    (void)value;
    assert_true(places->count < VALUES_MAX);
    if (value_length > 0)
        places->first_bits[places->count++] = places->bits;
    places->bits += value_length * 8;
    return ERR_OK;
}

static void damage_all_runs(struct state *state)
{
    static struct places places;
    places = (struct places){0};
    assert_int_equal(state_walk(state, STATE_IDS, NULL, 0, note_place, &places), ERR_OK);
    assert_true(places.count > 0);
    for (size_t i = 0; i < places.count; i++)
        state_memory_flip(state, STATE_IDS, places.first_bits[i]);
}

/* The first ids are in runs of the state store only. */
static void fill_runs(struct world *self)
{
    self->ids_in_memory = IDS_IN_MEMORY;
    restart(self);
    for (int i = 0; i < 50; i++) {
        give(self, deposits(self, 100));
        turn(self);
        disk_does_all(self);
        pass_ms(self, 1000);
        disk_does_all(self);
    }
}

static void a_run_of_ids_that_is_damaged_stops_it_and_nothing_is_carried_out_twice(void **state)
{
    struct world *self = *state;
    struct ledger_account_view before, after;
    fill_runs(self);
    assert_int_equal(ledger_account_show(partition_ledger(self->partition), str_from(self->account), &before),
                     CODE_OK);
    damage_all_runs(self->state);
    uint64_t again = give(self, deposit_of(self, 1));
    uint64_t held = give(self, about(self, OPERATION_BALANCE));
    turn(self);
    assert_int_equal(self->state_told, PARTITION_STOPPED);
    assert_null(self->append);
    expect(self, again, CODE_UNKNOWN);
    expect(self, held, CODE_UNKNOWN);
    restart(self);
    assert_int_equal(self->drops, 1);
    again = give(self, deposit_of(self, 1));
    turn(self);
    disk_does_all(self);
    expect(self, again, CODE_OK);
    assert_int_equal(ledger_account_show(partition_ledger(self->partition), str_from(self->account), &after),
                     CODE_OK);
    assert_int_equal(after.balance, before.balance);
}

static void a_crash_leaves_no_request_without_an_answer_and_loses_nothing_answered(void **state)
{
    struct world *self = *state;
    uint64_t durable = give(self, deposit(self));
    turn(self);
    disk_does(self, &self->append);
    expect(self, durable, CODE_OK);
    uint64_t under_way = give(self, deposit(self));
    turn(self);
    uint64_t filling = give(self, deposit(self));
    crash(self);
    expect(self, under_way, CODE_UNKNOWN);
    expect(self, filling, CODE_UNKNOWN);
    begin_partition(self);
    struct ledger_account_view view;
    assert_int_equal(ledger_account_show(partition_ledger(self->partition), str_from(self->account), &view),
                     CODE_OK);
    assert_int_equal(view.balance, 200);
}

/* ---- who is not there any more ------------------------------------------------------------------------------------ */

static void a_box_that_the_peer_does_not_take_is_no_leak_and_is_sent_again(void **state)
{
    struct world *self = *state;
    self->peer_is_there = false;
    give(self, deposit(self));
    give(self, transfer_away(self));
    turn(self);
    disk_does_all(self);
    assert_int_equal(self->messages, 1);
    assert_null(self->message);
    self->peer_is_there = true;
    pass_ms(self, 1000);
    disk_does_all(self);
    pass_ms(self, 1000); /* nothing has happened for a second */
    disk_does_all(self);
    assert_true(self->messages > 1);
    assert_int_equal(self->message->request_count, 1);
}

static void without_a_reader_what_was_to_be_read_is_busy(void **state)
{
    struct world *self = *state;
    reader_destroy(&self->reader);
    uint64_t history = give(self, about(self, OPERATION_HISTORY));
    uint64_t balance = give(self, about(self, OPERATION_BALANCE));
    turn(self);
    expect(self, history, CODE_BUSY);
    expect(self, balance, CODE_OK);
}

static void a_reader_opens_the_journal_again_after_it_was_closed(void **state)
{
    struct world *self = *state;
    uint64_t before = give(self, about(self, OPERATION_HISTORY));
    turn(self);
    reader_close_journal(self->reader);
    uint64_t after = give(self, about(self, OPERATION_HISTORY));
    turn(self);
    expect(self, before, CODE_OK);
    expect(self, after, CODE_OK);
}

/* ---- begin and end -------------------------------------------------------------------------------------------------- */

static void a_partition_that_cannot_be_recovered_answers_busy(void **state)
{
    struct world *self = *state;
    const struct partition_ports ports = {self,         port_run,     port_to_router, port_to_reader,
                                          port_to_peer, port_to_bank, port_say};
    crash(self);
    self->partition = partition_new(0, PARTITIONS, &ports, &self->mem);
    assert_false(partition_reads_mail(self->partition));
    partition_fail(self->partition);
    assert_int_equal(self->state_told, PARTITION_STOPPED);
    assert_true(partition_reads_mail(self->partition));
    expect(self, give(self, deposit(self)), CODE_BUSY);
    turn(self);
    assert_false(partition_finish(self->partition, false, self->now));
}

static void a_clean_end_answers_all_and_leaves_nothing_to_replay(void **state)
{
    struct world *self = *state;
    uint64_t first = give(self, deposit(self));
    while (partition_finish(self->partition, false, self->now)) {
        turn(self);
        disk_does_all(self);
    }
    expect(self, first, CODE_OK);
    struct ledger_stats stats;
    ledger_stats(partition_ledger(self->partition), &stats);
    assert_int_equal(stats.checkpoint_position, stats.position);
}

static void told_to_end_without_room_it_answers_unknown(void **state)
{
    struct world *self = *state;
    uint64_t first = give(self, deposit(self));
    turn(self);
    assert_true(partition_finish(self->partition, false, self->now));
    journal_memory_fail(self->journal, 1, JOURNAL_FULL);
    disk_does(self, &self->append);
    assert_false(partition_finish(self->partition, false, self->now));
    assert_int_equal(self->state_told, PARTITION_STOPPED);
    expect(self, first, CODE_UNKNOWN);
}

static void a_state_store_that_cannot_be_used_is_built_anew_from_the_journal(void **state)
{
    struct world *self = *state;
    static const uint8_t key[4], garbage[3] = {1, 2, 3};
    const struct state_put put = {STATE_ACCOUNTS, key, sizeof key, garbage, sizeof garbage};
    crash(self);
    assert_int_equal(state_apply(self->state, &put, 1), ERR_OK);
    begin_partition(self);
    assert_int_equal(self->drops, 1);
    struct ledger_account_view view;
    assert_int_equal(ledger_account_show(partition_ledger(self->partition), str_from(self->account), &view),
                     CODE_OK);
}

static void a_state_store_with_a_flipped_bit_or_without_a_value_is_built_anew(void **state)
{
    struct world *self = *state;
    for (uint32_t i = 0; i < 2; i++) {
        while (ledger_checkpoint_hurry(self->stores.ledger) || self->append || self->apply) {
            turn(self);
            disk_does_all(self);
        }
        if (i == 0)
            state_memory_flip(self->state, STATE_ACCOUNTS, 8 * 16); /* a balance */
        else
            state_memory_lose(self->state, STATE_ACCOUNTS, 0);
        restart(self);
        assert_int_equal(self->drops, i + 1);
        struct ledger_account_view view;
        assert_int_equal(
            ledger_account_show(partition_ledger(self->partition), str_from(self->account), &view), CODE_OK);
        assert_int_equal(view.balance, 100);
    }
}

static void a_damaged_journal_is_not_blamed_on_the_state_store(void **state)
{
    struct world *self = *state;
    size_t size;
    crash(self);
    uint8_t *bytes = journal_memory_bytes(self->journal, 1, &size);
    assert_non_null(bytes);
    bytes[size - 1] ^= 1;
    assert_int_equal(recover(self), ERR_CORRUPT);
    assert_int_equal(self->drops, 0);
    assert_int_equal(self->stores.fault.position, 1);
    assert_non_null(self->stores.fault.what);
}

/* ---- banks ------------------------------------------------------------------------------------------------------ */

/* Its pull is called for. */
static void request_remittance(struct world *self)
{
    uint64_t asked = give(self, remittance(self));
    turn(self);
    disk_does_all(self);
    expect(self, asked, CODE_OK);
    assert_int_equal(self->call.step, BANK_PULL);
}

static void a_call_to_a_bank_leaves_after_its_commit(void **state)
{
    struct world *self = *state;
    give(self, remittance(self));
    turn(self);
    assert_int_equal(self->calls, 0);
    disk_does_all(self);
    assert_int_equal(self->calls, 1);
    assert_int_equal(self->call.amount, 50);
    assert_int_equal(self->call.number, 1);
    assert_string_equal(self->call.payer, "a payer");
}

static void what_a_bank_reports_is_acked_after_its_commit_and_leads_to_the_next_call(void **state)
{
    struct world *self = *state;
    request_remittance(self);
    report(self, BANK_SUCCEEDED);
    turn(self);
    assert_int_equal(self->acks, 0);
    disk_does_all(self);
    for (int i = 0; i < 10 && self->calls < 2; i++) {
        pass_ms(self, 1);
        disk_does_all(self);
    }
    assert_int_equal(self->acks, 1);
    assert_int_equal(self->ack.number, 1);
    assert_int_equal(self->ack.outcome, BANK_SUCCEEDED);
    assert_int_equal(self->calls, 2);
    assert_int_equal(self->call.step, BANK_PUSH);
}

static void calls_are_told_again_at_the_beginning_and_when_the_bank_adapter_asks(void **state)
{
    struct world *self = *state;
    self->bank_has_ended = true;
    uint64_t asked = give(self, remittance(self));
    turn(self);
    disk_does_all(self);
    expect(self, asked, CODE_OK);
    assert_int_equal(self->calls, 0);
    self->bank_has_ended = false;
    ask_for_calls(self);
    turn(self);
    assert_int_equal(self->calls, 1);
    restart(self);
    turn(self);
    disk_does_all(self);
    assert_int_equal(self->calls, 2);
    assert_int_equal(self->call.number, 1);
    turn(self);
    assert_int_equal(self->calls, 2);
}

static void a_report_that_finds_no_room_is_dropped_and_taken_when_it_comes_again(void **state)
{
    struct world *self = *state;
    request_remittance(self);
    give(self, deposit(self));
    turn(self);
    struct commit_job *job = self->append;
    self->append = NULL;
    job->outcome = JOURNAL_FULL;
    partition_job_done(self->partition, job, self->now);
    report(self, BANK_SUCCEEDED);
    pass_ms(self, 1000);
    disk_does_all(self);
    assert_int_equal(self->acks, 0);
    report(self, BANK_SUCCEEDED);
    turn(self);
    disk_does_all(self);
    assert_int_equal(self->acks, 1);
}

static void a_remittance_that_takes_too_long_is_said_in_the_log(void **state)
{
    struct world *self = *state;
    request_remittance(self);
    for (int i = 0; i < 3; i++) {
        pass_ms(self, 600001);
        disk_does_all(self);
    }
    assert_int_equal(self->alarms, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_answer_leaves_before_its_unit_is_durable),
        TEST(a_read_waits_for_the_commit_that_it_shows),
        TEST(what_comes_while_a_unit_is_on_its_way_waits_for_it_too),
        TEST(a_message_to_a_peer_leaves_after_its_commit),
        TEST(a_round_ends_at_its_size_and_the_rest_waits),
        TEST(a_full_journal_is_tried_again_each_second_and_what_comes_meanwhile_is_busy),
        TEST(what_was_received_before_the_journal_was_full_is_busy_too),
        TEST(a_full_state_store_is_tried_again_and_stops_nobody_at_first),
        TEST(an_unknown_outcome_stops_it_and_all_in_its_hands_is_unknown),
        TEST(a_fenced_commit_stops_it),
        TEST(a_state_store_that_fails_stops_it_while_an_append_is_on_its_way),
        TEST(a_run_of_ids_that_is_damaged_stops_it_and_nothing_is_carried_out_twice),
        TEST(a_crash_leaves_no_request_without_an_answer_and_loses_nothing_answered),
        TEST(a_box_that_the_peer_does_not_take_is_no_leak_and_is_sent_again),
        TEST(without_a_reader_what_was_to_be_read_is_busy),
        TEST(a_reader_opens_the_journal_again_after_it_was_closed),
        TEST(a_partition_that_cannot_be_recovered_answers_busy),
        TEST(a_clean_end_answers_all_and_leaves_nothing_to_replay),
        TEST(told_to_end_without_room_it_answers_unknown),
        TEST(a_state_store_that_cannot_be_used_is_built_anew_from_the_journal),
        TEST(a_state_store_with_a_flipped_bit_or_without_a_value_is_built_anew),
        TEST(a_damaged_journal_is_not_blamed_on_the_state_store),
        TEST(a_call_to_a_bank_leaves_after_its_commit),
        TEST(what_a_bank_reports_is_acked_after_its_commit_and_leads_to_the_next_call),
        TEST(calls_are_told_again_at_the_beginning_and_when_the_bank_adapter_asks),
        TEST(a_report_that_finds_no_room_is_dropped_and_taken_when_it_comes_again),
        TEST(a_remittance_that_takes_too_long_is_said_in_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
