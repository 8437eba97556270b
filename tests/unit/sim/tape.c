#include "tests/unit/sim/tape.h"

#include <stdio.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "actors/ledger/shell/statement.h"
#include "tests/property/workload.h"

enum { WAITING_MAX = 64 };

/* An answer that leaves when the journal has come so far. */
struct waiting {
    struct tape_event event;
    uint64_t needed;
    uint64_t
        position; /* of the fact where the answer begins, for histories, transfers and balances of the past */
    uint32_t account;
};

/* A request to a ledger whose answer has not been seen. */
struct posted {
    struct operation *operation;
    struct runner_request *request;
    int64_t sent_us;
};

struct tape {
    struct runner *runner;
    struct workload workload;
    struct tape_event *events;
    size_t count, capacity;
    struct operation **operations;
    size_t operation_count, operation_capacity;
    struct posted *posted;
    size_t posted_count, posted_capacity;
    struct waiting waiting[WAITING_MAX];
    size_t waiting_count;
    uint64_t seen[RUNNER_PARTITIONS_MAX]; /* positions up to here have been recorded */
    struct str cursors[WAITING_MAX];      /* of histories, with their account */
    struct str cursor_accounts[WAITING_MAX];
    uint64_t cursor_positions[WAITING_MAX];
    size_t cursor_count;
};

/* ---- recording -------------------------------------------------------------------------------- */

static void *grown(void *array, size_t *capacity, size_t count, size_t size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity ? *capacity * 2 : 256;
    void *bigger = realloc(array, *capacity * size);
    CHECK(bigger != NULL);
    return bigger;
}

static struct tape_event *event_add(struct tape *self, const struct tape_event *event)
{
    self->events = grown(self->events, &self->capacity, self->count, sizeof *self->events);
    self->events[self->count] = *event;
    self->events[self->count].at_us = runner_now(self->runner);
    return &self->events[self->count++];
}

static struct operation *operation_add(struct tape *self, enum wire_operation kind)
{
    struct operation *operation = operation_new(kind);
    self->operations =
        grown(self->operations, &self->operation_capacity, self->operation_count, sizeof *self->operations);
    self->operations[self->operation_count++] = operation;
    operation->number = self->operation_count;
    return operation;
}

static void sent(struct tape *self, struct operation *operation)
{
    event_add(self, &(struct tape_event){.kind = TAPE_SENT, .operation = operation});
}

struct visit {
    struct tape *tape;
    uint32_t partition;
};

static enum err commit_record(void *context, const struct journal_commit *commit)
{
    struct visit *visit = context;
    struct tape_event event = {.kind = TAPE_COMMIT, .partition = visit->partition, .commit = *commit};
    uint8_t *facts = malloc(commit->length);
    CHECK(facts != NULL);
    memcpy(facts, commit->facts, commit->length);
    event.commit.facts = facts;
    event_add(visit->tape, &event);
    visit->tape->seen[visit->partition] = commit->position + commit->length / FACT_WORD;
    return ERR_OK;
}

static void rows_record(struct tape *self, const struct posted *posted)
{
    struct operation *operation = posted->operation;
    struct tape_event event = {.kind = TAPE_ANSWER, .operation = operation, .sent_us = posted->sent_us};
    size_t bytes = operation->row_count * sizeof(struct ledger_row);
    event.answer.code = CODE_OK;
    event.answer.row_count = operation->row_count;
    event.answer.rows = operation_alloc(operation, bytes);
    memcpy(event.answer.rows, posted->request->rows, bytes);
    event_add(self, &event);
}

static void answers_record(struct tape *self)
{
    for (size_t i = 0; i < self->posted_count;) {
        struct posted *posted = &self->posted[i];
        if (posted->request->done)
            rows_record(self, posted);
        if (posted->request->done || posted->request->lost)
            *posted = self->posted[--self->posted_count];
        else
            i++;
    }
}

/* ---- reads, as the shell answers them --------------------------------------------------------- */

static void directory_fill(struct tape *self, uint32_t partition, struct directory *out)
{
    struct ledger_account_view view;
    char bytes[ACCOUNT_ID_MAX + 2];
    const struct ledger *ledger = runner_ledger(self->runner, partition);
    for (uint32_t i = 0; i < ledger_account_count(ledger); i++) {
        bool there = ledger_account_at(ledger, i, &view);
        bytes[0] = (char)view.id_length;
        bytes[1] = (char)view.currency;
        memcpy(bytes + 2, view.id, view.id_length);
        enum err err = directory_add(out, i, 1, bytes, view.id_length + 2u);
        CHECK(there && err == ERR_OK);
    }
}

static void history_fill(struct tape *self, const struct waiting *waiting,
                         const struct statement_source *source, struct answer *answer)
{
    struct operation *operation = waiting->event.operation;
    const struct wire_history_query *query = &operation->history;
    struct statement_entry entry;
    uint64_t next = 0;
    answer->entries = operation_alloc(operation, query->limit * sizeof *answer->entries);
    for (uint64_t position = waiting->position; position != 0 && next == 0; position = entry.previous) {
        enum err err = statement_entry_read(source, waiting->account, position, &entry);
        CHECK(err == ERR_OK);
        if (query->has_after && entry.entry.time_us < query->after_us)
            break;
        if (query->has_before && entry.entry.time_us >= query->before_us)
            continue;
        if (answer->count == query->limit) {
            next = position;
            break;
        }
        struct wire_history_entry *kept = &answer->entries[answer->count++];
        *kept = entry.entry;
        kept->counterparty = operation_text(operation, entry.entry.counterparty);
        kept->memo = operation_text(operation, entry.entry.memo);
        kept->reference = operation_text(operation, entry.entry.reference);
    }
    if (next == 0)
        return;
    char text[80];
    snprintf(text, sizeof text, "%.*s%llu", (int)query->account.length, query->account.data,
             (unsigned long long)next);
    answer->cursor = operation_text(operation, str_from(text));
    size_t slot = self->cursor_count++ % WAITING_MAX;
    self->cursors[slot] = answer->cursor;
    self->cursor_accounts[slot] = query->account;
    self->cursor_positions[slot] = next;
}

static void past_fill(const struct waiting *waiting, const struct statement_source *source,
                      struct answer *answer)
{
    struct statement_entry entry;
    int64_t at_us = waiting->event.operation->balance.at_us;
    if (answer->balance.at_us > at_us) { /* opened later */
        answer->code = CODE_ACCOUNT_NOT_FOUND;
        answer->field = FIELD_ACCOUNT;
        return;
    }
    answer->balance.is_past = true;
    answer->balance.at_us = at_us;
    answer->balance.balance = 0;
    for (uint64_t position = waiting->position; position != 0; position = entry.previous) {
        enum err err = statement_entry_read(source, waiting->account, position, &entry);
        CHECK(err == ERR_OK);
        if (entry.entry.time_us > at_us)
            continue;
        answer->balance.balance = entry.entry.balance;
        return;
    }
}

static void transfer_fill(const struct waiting *waiting, const struct statement_source *source,
                          struct answer *answer)
{
    struct operation *operation = waiting->event.operation;
    struct statement_transfer transfer;
    enum err err = statement_transfer_read(source, waiting->position, &operation->transaction, &transfer);
    if (err == ERR_INVALID) {
        answer->code = CODE_NOT_FOUND;
        answer->field = FIELD_TRANSACTION_ID;
        return;
    }
    CHECK(err == ERR_OK);
    answer->transfer = transfer.transfer;
    answer->transfer.from = operation_text(operation, transfer.transfer.from);
    answer->transfer.to = operation_text(operation, transfer.transfer.to);
    answer->transfer.memo = operation_text(operation, transfer.transfer.memo);
    answer->transfer.reference = operation_text(operation, transfer.transfer.reference);
}

/* What the reader adds when all is durable. */
static void waiting_record(struct tape *self, struct waiting *waiting)
{
    struct tape_event *event = &waiting->event;
    struct directory directory = {0};
    struct journal_reader *reader = NULL;
    enum err err = journal_reader_new(runner_journal(self->runner, event->partition), &reader);
    CHECK(err == ERR_OK);
    err = journal_reader_begin(reader);
    CHECK(err == ERR_OK);
    directory_fill(self, event->partition, &directory);
    struct statement_source source = {reader, &directory, currency_find("KRW", CURRENCY_CODE_LENGTH)};
    enum wire_operation kind = event->operation->kind;
    if (event->answer.code == CODE_OK && kind == OPERATION_HISTORY)
        history_fill(self, waiting, &source, &event->answer);
    if (event->answer.code == CODE_OK && kind == OPERATION_BALANCE && event->operation->balance.has_at)
        past_fill(waiting, &source, &event->answer);
    if (event->answer.code == CODE_OK && kind == OPERATION_TRANSFER_SHOW)
        transfer_fill(waiting, &source, &event->answer);
    journal_reader_end(reader);
    journal_reader_close(&reader);
    directory_release(&directory);
    event_add(self, event);
}

/* What has become durable, and what was answered since. */
static void pump(struct tape *self)
{
    for (uint32_t p = 0; p < runner_partitions(self->runner); p++) {
        struct visit visit = {self, p};
        enum err err = journal_walk(runner_journal(self->runner, p), self->seen[p], commit_record, &visit);
        CHECK(err == ERR_OK);
    }
    answers_record(self);
    for (size_t i = 0; i < self->waiting_count;) {
        if (self->waiting[i].needed > self->seen[self->waiting[i].event.partition]) {
            i++;
            continue;
        }
        waiting_record(self, &self->waiting[i]);
        self->waiting[i] = self->waiting[--self->waiting_count];
    }
}

static void crash(struct tape *self, uint32_t partition)
{
    pump(self);
    runner_crash(self->runner, partition, (enum runner_state)runner_random(self->runner, 3));
    for (size_t i = 0; i < self->waiting_count;) {
        if (self->waiting[i].event.partition == partition)
            self->waiting[i] = self->waiting[--self->waiting_count];
        else
            i++;
    }
    pump(self);
}

/* ---- asking ----------------------------------------------------------------------------------- */

static void wait_for(struct tape *self, uint32_t partition, struct waiting *waiting)
{
    struct ledger_stats stats;
    ledger_stats(runner_ledger(self->runner, partition), &stats);
    waiting->needed = stats.position;
    waiting->event.kind = TAPE_ANSWER;
    waiting->event.partition = partition;
    if (self->waiting_count < WAITING_MAX)
        self->waiting[self->waiting_count++] = *waiting;
}

static struct operation *money_operation(struct tape *self, const struct ledger_command *command)
{
    static const enum wire_operation kinds[] = {
        [COMMAND_TRANSFER] = OPERATION_TRANSFER,
        [COMMAND_DEPOSIT] = OPERATION_DEPOSIT,
        [COMMAND_WITHDRAW] = OPERATION_WITHDRAW,
        [COMMAND_GROUP] = OPERATION_BATCH,
    };
    struct operation *operation = operation_add(self, kinds[command->kind]);
    operation_command_copy(operation, command, operation_commands(operation, 1));
    operation_seal(operation);
    sent(self, operation);
    return operation;
}

static void post(struct tape *self, struct operation *operation)
{
    uint32_t home = world_home(&operation->commands[0], runner_partitions(self->runner));
    self->posted = grown(self->posted, &self->posted_capacity, self->posted_count, sizeof *self->posted);
    self->posted[self->posted_count++] = (struct posted){
        operation, runner_post(self->runner, home, operation->commands, 1), runner_now(self->runner)};
}

static void account_ask(struct tape *self, const struct ledger_account_command *command)
{
    struct operation *operation =
        operation_add(self, (enum wire_operation)(OPERATION_ACCOUNT_OPEN + (int)command->kind));
    struct waiting waiting = {.event = {.operation = operation}};
    operation->account = *command;
    operation->account.account = operation_text(operation, command->account);
    sent(self, operation);
    waiting.event.sent_us = runner_now(self->runner);
    struct ledger_account_answer answer = runner_account(self->runner, &operation->account);
    waiting.event.answer.code = answer.code;
    waiting.event.answer.field = answer.field;
    waiting.event.answer.view = answer.view;
    wait_for(self, ledger_partition_of(command->account, runner_partitions(self->runner)), &waiting);
}

static void history_draw(struct tape *self, struct operation *operation, struct str account)
{
    struct runner *runner = self->runner;
    operation->history.account = account;
    operation->history.limit = 1 + runner_random(runner, 8);
    operation->history.has_before = runner_random(runner, 4) == 0;
    operation->history.before_us = runner_now(runner) - runner_random(runner, 10000);
    operation->history.has_after = runner_random(runner, 4) == 0;
    operation->history.after_us = runner_now(runner) - runner_random(runner, 20000);
    size_t slot = runner_random(runner, WAITING_MAX);
    if (slot < self->cursor_count && str_equal(self->cursor_accounts[slot], account))
        operation->history.cursor = self->cursors[slot];
}

static void read_account(struct tape *self, enum wire_operation kind)
{
    struct operation *operation = operation_add(self, kind);
    struct str account =
        str_from(self->workload.accounts[runner_random(self->runner, WORKLOAD_ACCOUNTS + 1)]);
    uint32_t partition = ledger_partition_of(account, runner_partitions(self->runner));
    struct waiting waiting = {.event = {.operation = operation, .sent_us = runner_now(self->runner)}};
    struct answer *answer = &waiting.event.answer;
    operation->shown = operation->balance.account = account;
    operation->balance.has_at = runner_random(self->runner, 3) == 0;
    operation->balance.at_us = runner_now(self->runner) - runner_random(self->runner, 20000) + 1000;
    history_draw(self, operation, account);
    sent(self, operation);
    answer->code = ledger_account_show(runner_ledger(self->runner, partition), account, &answer->view);
    answer->field = answer->code == CODE_OK ? FIELD_NONE : FIELD_ACCOUNT;
    waiting.account = answer->view.index;
    waiting.position = answer->view.last_position;
    for (size_t i = 0; i < WAITING_MAX && i < self->cursor_count && operation->history.cursor.length > 0;
         i++) {
        if (str_equal(self->cursors[i], operation->history.cursor) && kind == OPERATION_HISTORY)
            waiting.position = self->cursor_positions[i];
    }
    if (kind == OPERATION_BALANCE && answer->code == CODE_OK)
        answer->balance = (struct wire_balance){
            .account = account,
            .currency = answer->view.currency,
            .balance = answer->view.balance,
            .pending = answer->view.pending,
            .available = answer->view.balance - answer->view.pending - answer->view.minimum_balance,
            .at_us = operation->balance.has_at ? answer->view.opened_us : runner_now(self->runner),
        };
    wait_for(self, partition, &waiting);
}

static void read_list(struct tape *self)
{
    static const struct str owners[] = {{NULL, 0}, {"ann", 3}, {"ben", 3}, {"cleo", 4}};
    struct operation *operation = operation_add(self, OPERATION_ACCOUNT_LIST);
    struct waiting waiting = {.event = {.operation = operation, .sent_us = runner_now(self->runner)}};
    struct answer *answer = &waiting.event.answer;
    operation->list.limit = 1 + runner_random(self->runner, 6);
    operation->list.owner = owners[runner_random(self->runner, 4)];
    sent(self, operation);
    answer->views = operation_alloc(operation, operation->list.limit * sizeof *answer->views);
    answer->count = ledger_account_list(runner_ledger(self->runner, 0), operation->list.owner, UINT32_MAX,
                                        answer->views, operation->list.limit);
    if (answer->count == operation->list.limit || runner_partitions(self->runner) > 1)
        answer->cursor = STR_LITERAL("somewhere");
    wait_for(self, 0, &waiting);
}

static void read_transfer(struct tape *self)
{
    struct operation *operation = operation_add(self, OPERATION_TRANSFER_SHOW);
    struct waiting waiting = {.event = {.operation = operation, .sent_us = runner_now(self->runner)}};
    uint32_t partition = runner_random(self->runner, runner_partitions(self->runner));
    operation->transaction = world_uuid(1 + runner_random(self->runner, (uint32_t)self->workload.next_id));
    operation->partition = partition;
    sent(self, operation);
    waiting.position =
        ledger_transaction_find(runner_ledger(self->runner, partition), &operation->transaction);
    waiting.event.answer.code = waiting.position == 0 ? CODE_NOT_FOUND : CODE_OK;
    waiting.event.answer.field = waiting.position == 0 ? FIELD_TRANSACTION_ID : FIELD_NONE;
    wait_for(self, partition, &waiting);
}

static void read_something(struct tape *self)
{
    static const enum wire_operation kinds[] = {OPERATION_BALANCE, OPERATION_HISTORY, OPERATION_ACCOUNT_SHOW};
    uint32_t choice = runner_random(self->runner, 6);
    if (choice < 4)
        read_account(self, kinds[choice % 3]);
    else if (choice == 4)
        read_list(self);
    else
        read_transfer(self);
}

/* ---- a run ------------------------------------------------------------------------------------ */

static struct runner_config config_of(uint64_t seed)
{
    struct runner_config config = runner_config_default(1 + (uint32_t)(seed % 3));
    config.seed = seed;
    config.check_each_step = false;
    config.ledger.hash_key = seed * 77;
    config.ledger.link_window = seed % 5 == 0 ? 8 : 1024;
    if (seed % 4 != 0) {
        config.lose_percent = 10;
        config.repeat_percent = 20;
        config.reorder_percent = 50;
    }
    return config;
}

static bool is_quiet(const struct tape *self)
{
    for (uint32_t p = 0; p < runner_partitions(self->runner); p++) {
        struct ledger_stats stats;
        ledger_stats(runner_ledger(self->runner, p), &stats);
        if (stats.links_open > 0 || stats.groups_open > 0)
            return false;
    }
    return self->posted_count == 0 && self->waiting_count == 0;
}

static void settle(struct tape *self)
{
    for (int round = 0; round < 200; round++) {
        pump(self);
        while (runner_step(self->runner))
            pump(self);
        if (is_quiet(self))
            return;
        runner_advance(self->runner, 1000000);
        runner_resend(self->runner);
    }
    CHECK_UNREACHABLE();
}

static void one_command(struct tape *self)
{
    struct runner *runner = self->runner;
    struct workload_entry *entry = workload_next(&self->workload);
    struct operation *operation = money_operation(self, &entry->command);
    post(self, operation);
    if (runner_random(runner, 4) == 0)
        read_something(self);
    if (runner_random(runner, 6) == 0) {
        struct ledger_account_command command = workload_account(&self->workload);
        account_ask(self, &command);
    }
    for (uint32_t steps = runner_random(runner, 8); steps > 0; steps--) {
        runner_step(runner);
        pump(self);
    }
    if (runner_random(runner, 20) == 0)
        post(self, operation);
    if (runner_random(runner, 30) == 0)
        runner_resend(runner);
    if (runner_random(runner, 40) == 0)
        runner_snapshot(runner, runner_random(runner, runner_partitions(runner)));
    if (runner_random(runner, 50) == 0)
        crash(self, runner_random(runner, runner_partitions(runner)));
}

static struct tape *tape_new(uint64_t seed)
{
    struct tape *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    struct runner_config config = config_of(seed);
    self->runner = runner_new(&config);
    for (uint32_t p = 0; p < config.partitions; p++)
        self->seen[p] = FACT_FIRST;
    workload_init(&self->workload, self->runner);
    return self;
}

/* Money is asked for once more. */
static void repeat(struct tape *self, struct operation *operation)
{
    if (operation->kind <= OPERATION_BATCH)
        post(self, operation);
}

struct tape *tape_record(uint64_t seed, uint32_t commands)
{
    CHECK(commands <= WORKLOAD_COMMANDS_MAX);
    struct tape *self = tape_new(seed);
    self->workload.deadlines = true;
    for (int i = 0; i < WORKLOAD_ACCOUNTS; i++) {
        struct ledger_account_command open = workload_open(&self->workload, i);
        account_ask(self, &open);
    }
    for (uint32_t i = 0; i < commands; i++)
        one_command(self);
    settle(self);
    size_t asked = self->operation_count;
    for (size_t i = 0; i < asked; i++) {
        repeat(self, self->operations[i]);
        read_something(self);
    }
    settle(self);
    return self;
}

/* ---- products: holds, proposals, book values, the desk ------------------------------------------ */

enum { PRODUCT_ACCOUNTS = 6 };

static const struct product_account {
    const char *id, *currency;
    int64_t funds, rate;
} PRODUCT_ACCOUNT[PRODUCT_ACCOUNTS] = {
    {"won-first", "KRW", 500000000, 0},
    {"won-second", "KRW", 500000000, 0},
    {"dollar-first", "USD", 30000000, INT64_C(13502500000000)},
    {"dollar-second", "USD", 30000000, INT64_C(13611900000000)},
    {"euro-first", "EUR", 20000000, INT64_C(15007700000000)},
    {"euro-second", "EUR", 20000000, INT64_C(14980100000000)},
};

/* Something that was opened and may be ended: a hold, a proposal, a quote. */
struct opened {
    struct uuid id;
    uint32_t account, other;
};

struct products {
    struct tape *tape;
    struct opened holds[4], proposals[4], quotes[4];
    size_t hold_count, proposal_count, quote_count;
};

static struct opened *opened_add(struct opened *list, size_t *count, struct opened one)
{
    struct opened *slot = &list[(*count)++ % 4];
    *slot = one;
    return slot;
}

static const struct opened *opened_draw(const struct products *self, const struct opened *list, size_t count)
{
    return count == 0 ? NULL : &list[runner_random(self->tape->runner, count < 4 ? (uint32_t)count : 4)];
}

static uint32_t draw(const struct products *self, uint32_t bound)
{
    return runner_random(self->tape->runner, bound);
}

static struct uuid id_next(struct products *self)
{
    return world_uuid(self->tape->workload.next_id++);
}

static struct str account_text(uint32_t account)
{
    return str_from(PRODUCT_ACCOUNT[account].id);
}

/* Alone, where there is an operation for it, or as the only item of a batch. */
static void item_post(struct products *self, const struct ledger_command *command)
{
    static const enum wire_operation kinds[] = {
        [COMMAND_HOLD] = OPERATION_HOLD,
        [COMMAND_CAPTURE] = OPERATION_CAPTURE,
        [COMMAND_RELEASE] = OPERATION_RELEASE,
    };
    bool is_alone = command->kind >= COMMAND_HOLD && command->kind <= COMMAND_RELEASE && draw(self, 2);
    struct operation *operation =
        operation_add(self->tape, is_alone ? kinds[command->kind] : OPERATION_BATCH);
    operation_command_copy(operation, command, operation_commands(operation, 1));
    operation_seal(operation);
    sent(self->tape, operation);
    post(self->tape, operation);
}

static struct ledger_command item_of(struct products *self, enum ledger_command_kind kind, uint32_t account)
{
    return (struct ledger_command){.kind = (uint8_t)kind,
                                   .currency = world_currency(PRODUCT_ACCOUNT[account].currency),
                                   .id = id_next(self),
                                   .from = account_text(account),
                                   .memo = draw(self, 2) ? STR_LITERAL("memo") : (struct str){0}};
}

static void hold_open(struct products *self)
{
    uint32_t account = draw(self, PRODUCT_ACCOUNTS), when = draw(self, 3);
    struct ledger_command command = item_of(self, COMMAND_HOLD, account);
    command.amount = 100 + draw(self, 1000);
    command.expires_us =
        when == 0 ? 0 : runner_now(self->tape->runner) + (when == 1 ? 3000 : INT64_C(3600000000));
    opened_add(self->holds, &self->hold_count, (struct opened){command.id, account, 0});
    item_post(self, &command);
}

static void hold_end(struct products *self)
{
    const struct opened *hold = opened_draw(self, self->holds, self->hold_count);
    if (hold == NULL)
        return;
    uint32_t how = draw(self, 4);
    struct ledger_command command =
        item_of(self, how == 0 ? COMMAND_RELEASE : COMMAND_CAPTURE, hold->account);
    command.of = hold->id;
    if (how == 0)
        command.currency = CURRENCY_NONE;
    else
        command.amount = how == 1 ? 0 : 1 + draw(self, 120);
    command.flags = how == 3 ? COMMAND_KEEPS_REST : 0;
    item_post(self, &command);
}

/* Deposits and withdrawals with rates: what book values rise and fall by. */
static void worth_move(struct products *self)
{
    uint32_t account = draw(self, PRODUCT_ACCOUNTS);
    bool deposits = draw(self, 2);
    struct ledger_command command = item_of(self, deposits ? COMMAND_DEPOSIT : COMMAND_WITHDRAW, account);
    command.amount = 1 + draw(self, 9999);
    command.rate = PRODUCT_ACCOUNT[account].rate ? PRODUCT_ACCOUNT[account].rate + draw(self, 1000000000) : 0;
    if (deposits) {
        command.to = command.from;
        command.from = (struct str){0};
    }
    item_post(self, &command);
}

static struct waiting asked(struct products *self, struct operation *operation)
{
    sent(self->tape, operation);
    return (struct waiting){.event = {.operation = operation, .sent_us = runner_now(self->tape->runner)}};
}

static uint32_t home_of(const struct products *self, uint32_t account)
{
    return ledger_partition_of(account_text(account), runner_partitions(self->tape->runner));
}

static void proposal_wait(struct products *self, struct waiting *waiting, uint32_t home,
                          const struct ledger_proposal_answer *answer)
{
    waiting->event.answer.code = answer->code;
    waiting->event.answer.field = answer->field;
    waiting->event.answer.proposal = answer->view;
    wait_for(self->tape, home, waiting);
}

static void propose(struct products *self)
{
    struct runner *runner = self->tape->runner;
    uint32_t account = draw(self, PRODUCT_ACCOUNTS), home = home_of(self, account);
    struct operation *operation = operation_add(self->tape, OPERATION_PROPOSAL_OPEN);
    struct ledger_proposal_answer answer = {0};
    operation->proposal = (struct ledger_proposal_command){
        .kind = draw(self, 2) ? COMMAND_DEPOSIT : COMMAND_WITHDRAW,
        .currency = world_currency(PRODUCT_ACCOUNT[account].currency),
        .id = id_next(self),
        .account = account_text(account),
        .amount = 1 + draw(self, 9999),
        .rate = PRODUCT_ACCOUNT[account].rate,
        .expires_us = runner_now(runner) + (draw(self, 4) == 0 ? 3000 : INT64_C(3600000000)),
        .reason = STR_LITERAL("found at the counter"),
        .operator_name = STR_LITERAL("ann"),
    };
    opened_add(self->proposals, &self->proposal_count, (struct opened){operation->proposal.id, account, 0});
    struct waiting waiting = asked(self, operation);
    ledger_propose(runner_ledger(runner, home), runner_now(runner), &operation->proposal, &answer);
    proposal_wait(self, &waiting, home, &answer);
}

static void decide(struct products *self, const struct opened *proposal, bool approves,
                   struct str operator_name)
{
    struct runner *runner = self->tape->runner;
    uint32_t home = home_of(self, proposal->account);
    struct operation *operation =
        operation_add(self->tape, approves ? OPERATION_PROPOSAL_APPROVE : OPERATION_PROPOSAL_REJECT);
    struct ledger_proposal_answer answer = {0};
    operation->decision = (struct ledger_decision_command){.approves = approves,
                                                           .account = account_text(proposal->account),
                                                           .proposal = proposal->id,
                                                           .operator_name = operator_name};
    struct waiting waiting = asked(self, operation);
    ledger_proposal_decide(runner_ledger(runner, home), runner_now(runner), &operation->decision, &answer);
    proposal_wait(self, &waiting, home, &answer);
}

/* The proposer asks first, in vain. */
static void proposal_end(struct products *self)
{
    const struct opened *proposal = opened_draw(self, self->proposals, self->proposal_count);
    if (proposal == NULL)
        return;
    decide(self, proposal, true, STR_LITERAL("ann"));
    decide(self, proposal, draw(self, 3) > 0, STR_LITERAL("ben"));
}

static void rates_set(struct products *self)
{
    static const char *const currencies[] = {"USD", "EUR"};
    struct runner *runner = self->tape->runner;
    struct ledger_rate rate = {
        .base = world_currency(currencies[draw(self, 2)]),
        .counter = world_currency("KRW"),
        .source_length = 4,
        .source = "bank",
        .units = 1,
        .rate = INT64_C(13502500000000) + draw(self, 1000000000),
        .as_of_us = runner_now(runner),
        .age_limit_us = INT64_C(3600000000),
    };
    for (uint32_t p = 0; p < runner_partitions(runner); p++) {
        struct operation *operation = operation_add(self->tape, OPERATION_RATE_SET);
        operation->partition = p;
        operation->rate = rate;
        operation->operator_name = STR_LITERAL("ann");
        struct waiting waiting = asked(self, operation);
        waiting.event.answer.code =
            ledger_rate_set(runner_ledger(runner, p), runner_now(runner), &rate, operation->operator_name);
        wait_for(self->tape, p, &waiting);
    }
}

static void pairs_set(struct products *self)
{
    static const char *const pairs[][2] = {{"KRW", "USD"}, {"KRW", "EUR"}, {"USD", "EUR"}};
    struct runner *runner = self->tape->runner;
    uint32_t which = draw(self, 3);
    struct ledger_pair pair = {.one = world_currency(pairs[which][0]),
                               .other = world_currency(pairs[which][1]),
                               .spread_ppm = 5000 + draw(self, 10000),
                               .valid_us = 60000000};
    for (uint32_t p = 0; p < runner_partitions(runner); p++) {
        struct operation *operation = operation_add(self->tape, OPERATION_PAIR_SET);
        operation->partition = p;
        operation->pair = pair;
        operation->operator_name = STR_LITERAL("ann");
        struct waiting waiting = asked(self, operation);
        waiting.event.answer.code =
            ledger_pair_set(runner_ledger(runner, p), runner_now(runner), &pair, operation->operator_name);
        wait_for(self->tape, p, &waiting);
    }
}

static void quote(struct products *self)
{
    struct runner *runner = self->tape->runner;
    uint32_t account = draw(self, PRODUCT_ACCOUNTS);
    uint32_t other = (account + 2 + draw(self, PRODUCT_ACCOUNTS - 2)) % PRODUCT_ACCOUNTS;
    uint32_t home = home_of(self, account);
    struct operation *operation = operation_add(self->tape, OPERATION_QUOTE);
    struct ledger_quote_answer answer = {0};
    operation->quote =
        (struct ledger_quote_command){.id = id_next(self),
                                      .account = account_text(account),
                                      .sell = world_currency(PRODUCT_ACCOUNT[account].currency),
                                      .buy = world_currency(PRODUCT_ACCOUNT[other].currency),
                                      .side = draw(self, 3) == 0 ? QUOTE_BUY : QUOTE_SELL,
                                      .amount = 10000 + draw(self, 90000)};
    opened_add(self->quotes, &self->quote_count, (struct opened){operation->quote.id, account, other});
    struct waiting waiting = asked(self, operation);
    ledger_quote(runner_ledger(runner, home), runner_now(runner), &operation->quote, &answer);
    waiting.event.answer.code = answer.code;
    waiting.event.answer.field = answer.field;
    waiting.event.answer.quote = answer.view;
    wait_for(self->tape, home, &waiting);
}

static void exchange(struct products *self)
{
    const struct opened *promise = opened_draw(self, self->quotes, self->quote_count);
    if (promise == NULL)
        return;
    struct ledger_command command = item_of(self, COMMAND_EXCHANGE, promise->account);
    command.currency = CURRENCY_NONE;
    command.to = account_text(promise->other);
    command.of = promise->id;
    item_post(self, &command);
}

static void products_steps(struct products *self, uint32_t steps)
{
    for (; steps > 0; steps--) {
        runner_step(self->tape->runner);
        pump(self->tape);
    }
}

static void products_open(struct products *self)
{
    for (uint32_t i = 0; i < PRODUCT_ACCOUNTS; i++) {
        struct ledger_account_command open =
            world_account(ACCOUNT_OPEN, PRODUCT_ACCOUNT[i].id, PRODUCT_ACCOUNT[i].currency);
        open.has_book = PRODUCT_ACCOUNT[i].rate != 0;
        account_ask(self->tape, &open);
        struct ledger_command fund = item_of(self, COMMAND_DEPOSIT, i);
        fund.to = fund.from;
        fund.from = (struct str){0};
        fund.amount = PRODUCT_ACCOUNT[i].funds;
        fund.rate = PRODUCT_ACCOUNT[i].rate;
        item_post(self, &fund);
    }
    for (int i = 0; i < 6; i++) {
        rates_set(self);
        pairs_set(self);
        products_steps(self, 6);
    }
}

struct tape *tape_record_products(uint64_t seed, uint32_t commands)
{
    static void (*const steps[])(struct products *) = {
        hold_open, hold_open, hold_end, hold_end, worth_move, propose,  proposal_end,
        rates_set, pairs_set, quote,    quote,    exchange,   exchange, exchange};
    struct products products = {.tape = tape_new(seed)};
    struct tape *self = products.tape;
    products_open(&products);
    for (uint32_t i = 0; i < commands; i++) {
        steps[draw(&products, sizeof steps / sizeof steps[0])](&products);
        products_steps(&products, draw(&products, 8));
        if (draw(&products, 60) == 0)
            crash(self, draw(&products, runner_partitions(self->runner)));
    }
    settle(self);
    for (size_t i = 0; i < self->operation_count; i++)
        repeat(self, self->operations[i]);
    settle(self);
    return self;
}

void tape_destroy(struct tape **self_p)
{
    struct tape *self = *self_p;
    *self_p = NULL;
    for (size_t i = 0; i < self->count; i++) {
        if (self->events[i].kind == TAPE_COMMIT)
            free((uint8_t *)self->events[i].commit.facts);
    }
    for (size_t i = 0; i < self->operation_count; i++)
        operation_free(&self->operations[i]);
    runner_destroy(&self->runner);
    free(self->events);
    free(self->operations);
    free(self->posted);
    free(self);
}

uint32_t tape_partitions(const struct tape *self)
{
    return runner_partitions(self->runner);
}

size_t tape_length(const struct tape *self)
{
    return self->count;
}

const struct tape_event *tape_at(const struct tape *self, size_t index)
{
    return &self->events[index];
}

const struct ledger *tape_ledger(const struct tape *self, uint32_t partition)
{
    return runner_ledger(self->runner, partition);
}

/* ---- playing ---------------------------------------------------------------------------------- */

/* All partitions have one clock. */
struct listener {
    struct tape_verdict verdict;
    int64_t now_us;
};

static void breach_note(void *context, const struct breach *breach)
{
    struct tape_verdict *verdict = &((struct listener *)context)->verdict;
    if (verdict->count++ == 0)
        verdict->first = *breach;
}

static int64_t clock_us(void *context, uint32_t partition)
{
    (void)partition;
    return ((const struct listener *)context)->now_us;
}

/* Copies what a tamperer may change. */
struct scratch {
    uint8_t facts[TAPE_COMMIT_MAX];
    struct ledger_row rows[LEDGER_GROUP_MAX + 1];
    struct wire_history_entry entries[OPERATION_PAGE_MAX];
    struct ledger_account_view views[OPERATION_PAGE_MAX];
};

static struct tape_event event_copy(const struct tape_event *event, struct scratch *scratch)
{
    struct tape_event copy = *event;
    struct answer *answer = &copy.answer;
    if (event->kind == TAPE_COMMIT && event->commit.length <= sizeof scratch->facts) {
        memcpy(scratch->facts, event->commit.facts, event->commit.length);
        copy.commit.facts = scratch->facts;
    }
    if (answer->rows)
        answer->rows = memcpy(scratch->rows, answer->rows, answer->row_count * sizeof *answer->rows);
    if (answer->entries)
        answer->entries = memcpy(scratch->entries, answer->entries, answer->count * sizeof *answer->entries);
    if (answer->views)
        answer->views = memcpy(scratch->views, answer->views, answer->count * sizeof *answer->views);
    return copy;
}

static void tell(struct oracle *oracle, const struct tape_event *event)
{
    switch (event->kind) {
    case TAPE_SENT:
        oracle_sent(oracle, event->at_us, event->operation);
        return;
    case TAPE_COMMIT:
        oracle_commit(oracle, event->at_us, event->partition, &event->commit);
        return;
    case TAPE_ANSWER:
        oracle_answer(oracle, event->sent_us, event->at_us, event->operation, &event->answer);
        return;
    }
}

static void tell_early(struct oracle *oracle, const struct tape_event *event, int64_t at_us)
{
    struct tape_event early = *event;
    early.at_us = at_us;
    early.sent_us = early.sent_us < at_us ? early.sent_us : at_us;
    tell(oracle, &early);
}

struct tape_verdict tape_play(const struct tape *self, tape_tamper_fn *tamper, void *context, bool to_the_end,
                              uint64_t *digest, struct oracle_counts *counts)
{
    static struct scratch scratch; /* one thread */
    struct listener listener = {0};
    struct oracle_config config = {.partitions = tape_partitions(self),
                                   .id_retention_us = INT64_MAX,
                                   .base_currency = ledger_config_default().base_currency,
                                   .clock_us = clock_us};
    struct oracle *oracle = oracle_new(&config, breach_note, &listener);
    for (size_t i = 0; i < self->count; i++) {
        struct tape_event event = event_copy(&self->events[i], &scratch);
        listener.now_us = event.at_us;
        size_t early = SIZE_MAX;
        unsigned times = tamper ? tamper(context, self, i, &event, &early) : 1;
        if (early != SIZE_MAX)
            tell_early(oracle, &self->events[early], event.at_us);
        for (; times > 0; times--)
            tell(oracle, &event);
    }
    if (to_the_end) {
        oracle_settled(oracle);
        for (uint32_t p = 0; p < config.partitions; p++)
            oracle_compare(oracle, p, tape_ledger(self, p));
    }
    if (digest)
        *digest = oracle_digest(oracle);
    if (counts)
        oracle_counts(oracle, counts);
    oracle_destroy(&oracle);
    return listener.verdict;
}
