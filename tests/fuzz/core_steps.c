/* Fuzz target: the ledger cores of one to three partitions, driven by a program of bytes.
 *
 *     byte 0 partitions, 1 and 2 seed of the steps, 3 to 5 percent of messages lost, repeated, reordered
 *     then operations, a byte each with its own operands: commands of clients, steps, crashes, account commands, repeats, proposals,
 *     holds and their ends, rates and terms, quotes and exchanges, remittances, what their banks say and what operators do
 *
 * After every operation all invariants hold (runner_check). At the end everything is asked for again: an answer
 * that was given once is given again, and each account has what the answers add up to. */
#include <stdlib.h>

#include "actors/base/check.h"
#include "actors/ledger/fact.h"
#include "tests/fuzz/input.h"
#include "tests/scenario/world.h"

enum {
    ACCOUNTS = 6, /* of won; the dollars stand behind them */
    DOLLARS = 3,
    ALL_ACCOUNTS = ACCOUNTS + DOLLARS,
    COMMANDS_MAX = 48,
    OPERATIONS_MAX = 96,
    ITEMS_MAX = 3,
    STEPS_MAX = 12,
    PERCENT_MAX = 40,
    START_BALANCE = 1000,
    GIVEN_BALANCE = 200,
    PROPOSALS = 4,
    PROPOSAL_ID = 5000,
    QUOTES = 4,
    QUOTE_ID = 6000,
    REMITTANCES = 4,
    REMITTANCE_ID = 7000,
};

#define SECOND INT64_C(1000000)

/* A command that a client has sent, and what became of it. */
struct sent {
    struct ledger_command command;
    struct ledger_command items[ITEMS_MAX];
    struct runner_request *requests[4]; /* the first askings, to compare answers */
    size_t request_count;
};

struct play {
    struct runner *runner;
    uint32_t partitions;
    char ids[ALL_ACCOUNTS][WORLD_ID_MAX];
    struct sent sent[COMMANDS_MAX];
    size_t sent_count;
    int64_t balances[ALL_ACCOUNTS];
    struct ledger_proposal_command proposals[PROPOSALS]; /* the first under each id; amount 0: none yet */
    struct ledger_quote_command quotes[QUOTES];          /* the same */
    struct ledger_remit_command remits[REMITTANCES];     /* the same */
};

/* Every second one keeps a book value. */
static void open_dollars(struct play *play)
{
    for (unsigned i = 0; i < DOLLARS; i++) {
        char *id = play->ids[ACCOUNTS + i];
        world_account_id(i % play->partitions, play->partitions, "d", i / play->partitions, id);
        struct ledger_account_command open = world_account(ACCOUNT_OPEN, id, "USD");
        open.has_book = i % 2 != 0;
        CHECK(runner_account(play->runner, &open).code == CODE_OK);
    }
    runner_settle(play->runner);
}

static struct play *play_new(struct input *input)
{
    struct play *play = calloc(1, sizeof *play);
    CHECK(play != NULL);
    play->partitions = input_byte(input) % 3u + 1;
    struct runner_config config = runner_config_default(play->partitions);
    config.seed = input_number(input, 2);
    config.lose_percent = input_byte(input) % PERCENT_MAX;
    config.repeat_percent = input_byte(input) % PERCENT_MAX;
    config.reorder_percent = input_byte(input);
    config.check_each_step = false;
    config.ledger.ids_in_memory = 16;
    config.ledger.checkpoint_words = 64;
    play->runner = runner_new(&config);
    for (unsigned i = 0; i < ACCOUNTS; i++) {
        world_account_id(i % play->partitions, play->partitions, "a", i / play->partitions, play->ids[i]);
        world_open(play->runner, play->ids[i], "KRW");
        struct ledger_command deposit = world_deposit(START_BALANCE + i, play->ids[i], GIVEN_BALANCE, "KRW");
        CHECK(world_run(play->runner, &deposit)->code == CODE_OK);
        play->balances[i] = GIVEN_BALANCE;
    }
    open_dollars(play);
    return play;
}

/* ---- operations --------------------------------------------------------------------------------------- */

static void ask(struct play *play, struct sent *sent)
{
    struct runner_request *request =
        runner_post(play->runner, world_home(&sent->command, play->partitions), &sent->command, 1);
    if (sent->request_count < sizeof sent->requests / sizeof sent->requests[0])
        sent->requests[sent->request_count++] = request;
}

static struct ledger_command command_make(struct play *play, struct input *input, unsigned kind, uint64_t id)
{
    uint8_t from = input_byte(input) % ACCOUNTS, to = input_byte(input) % ACCOUNTS;
    int64_t amount = input_byte(input) + 1;
    if (kind == COMMAND_DEPOSIT)
        return world_deposit(id, play->ids[to], amount, "KRW");
    if (kind == COMMAND_WITHDRAW)
        return world_withdraw(id, play->ids[from], amount, "KRW");
    if (from == to)
        to = (uint8_t)((to + 1) % ACCOUNTS);
    return world_transfer(id, play->ids[from], play->ids[to], amount, "KRW");
}

/* A hold, or the end of one that was asked for; where none was, of one that cannot be. */
static struct ledger_command hold_make(struct play *play, struct input *input, unsigned kind, uint64_t id)
{
    uint8_t which = input_byte(input);
    struct ledger_command command = command_make(play, input, COMMAND_WITHDRAW, id);
    command.kind = (uint8_t)kind;
    if (kind == COMMAND_HOLD) {
        command.expires_us = which & 1 ? runner_now(play->runner) + which * SECOND : 0;
        return command;
    }
    const struct sent *hold = &play->sent[which % (play->sent_count > 0 ? play->sent_count : 1)];
    command.of = play->sent_count > 0 ? hold->command.id : world_uuid(id + 1);
    if (hold->command.kind == COMMAND_HOLD)
        command.from = hold->command.from;
    command.flags = kind == COMMAND_CAPTURE && (which & 128) ? COMMAND_KEEPS_REST : 0;
    if (kind == COMMAND_RELEASE) {
        command.amount = 0;
        command.currency = CURRENCY_NONE;
    }
    return command;
}

static struct ledger_command exchange_make(struct play *play, struct input *input, uint64_t id)
{
    uint8_t which = input_byte(input), to = input_byte(input);
    const struct ledger_quote_command *quote = &play->quotes[which % QUOTES];
    struct str from = quote->amount > 0 ? quote->account : str_from(play->ids[0]);
    return (struct ledger_command){.kind = COMMAND_EXCHANGE,
                                   .currency = CURRENCY_NONE,
                                   .id = world_uuid(id),
                                   .from = which & 128 ? str_from(play->ids[to % ACCOUNTS]) : from,
                                   .to = str_from(play->ids[ACCOUNTS + to % DOLLARS]),
                                   .of = world_uuid(QUOTE_ID + which % QUOTES)};
}

static void send_new(struct play *play, struct input *input, unsigned kind)
{
    if (play->sent_count == COMMANDS_MAX)
        return;
    struct sent *sent = &play->sent[play->sent_count];
    uint64_t id = 1 + play->sent_count * 8;
    if (kind == COMMAND_HOLD || kind == COMMAND_CAPTURE || kind == COMMAND_RELEASE)
        sent->command = hold_make(play, input, kind, id);
    else if (kind == COMMAND_EXCHANGE)
        sent->command = exchange_make(play, input, id);
    else if (kind != COMMAND_GROUP) {
        sent->command = command_make(play, input, kind, id);
    } else {
        uint16_t count = (uint16_t)(input_byte(input) % ITEMS_MAX + 1);
        for (uint16_t i = 0; i < count; i++)
            sent->items[i] = command_make(play, input, input_byte(input) % 3u + 1, id + 1 + i);
        sent->command = world_group(id, sent->items, count);
    }
    play->sent_count++;
    ask(play, sent);
}

static void ask_again(struct play *play, struct input *input)
{
    uint8_t which = input_byte(input);
    if (play->sent_count > 0)
        ask(play, &play->sent[which % play->sent_count]);
}

static void change_account(struct play *play, struct input *input)
{
    static const enum ledger_account_kind kinds[] = {ACCOUNT_FREEZE, ACCOUNT_UNFREEZE, ACCOUNT_CHANGE,
                                                     ACCOUNT_CLOSE, ACCOUNT_OPEN};
    struct ledger_account_command command =
        world_account(kinds[input_byte(input) % (sizeof kinds / sizeof kinds[0])],
                      play->ids[input_byte(input) % ACCOUNTS], "KRW");
    command.sets = ACCOUNT_SETS_MINIMUM | ACCOUNT_SETS_CEILING;
    command.minimum_balance = -(int64_t)input_byte(input);
    command.ceiling = (input_byte(input) & 1) ? INT64_MAX : GIVEN_BALANCE * 2;
    (void)runner_account(play->runner, &command);
}

/* Proposes under one of a few ids, or proposes that again. */
static void propose(struct play *play, struct input *input)
{
    struct ledger_proposal_answer answer;
    uint8_t which = input_byte(input) % PROPOSALS, kind = input_byte(input) & 1;
    struct ledger_proposal_command *command = &play->proposals[which];
    if (command->amount == 0) {
        uint8_t account = input_byte(input) % ACCOUNTS;
        *command = (struct ledger_proposal_command){
            .kind = kind ? COMMAND_DEPOSIT : COMMAND_WITHDRAW,
            .currency = world_currency("KRW"),
            .id = world_uuid(PROPOSAL_ID + which),
            .account = str_from(play->ids[account]),
            .amount = input_byte(input) + 1,
            .expires_us = runner_now(play->runner) + INT64_C(1000000) * (input_byte(input) + 1),
            .reason = STR_LITERAL("r"),
            .operator_name = STR_LITERAL("ann"),
        };
    }
    uint32_t home = ledger_partition_of(command->account, play->partitions);
    ledger_propose(runner_ledger(play->runner, home), runner_now(play->runner), command, &answer);
    CHECK(answer.code == CODE_OK || answer.code == CODE_DEADLINE_EXCEEDED || answer.code == CODE_BUSY);
}

static void decide(struct play *play, struct input *input)
{
    struct ledger_proposal_answer answer;
    uint8_t which = input_byte(input) % PROPOSALS, how = input_byte(input);
    const struct ledger_proposal_command *command = &play->proposals[which];
    if (command->amount == 0)
        return;
    const struct ledger_decision_command decision = {
        .approves = how & 1,
        .account = command->account,
        .proposal = command->id,
        .operator_name = how & 2 ? STR_LITERAL("ann") : STR_LITERAL("bob"),
    };
    uint32_t home = ledger_partition_of(command->account, play->partitions);
    struct ledger *ledger = runner_ledger(play->runner, home);
    if (how & 4)
        runner_advance(play->runner, INT64_C(1000000) * how);
    ledger_proposal_decide(ledger, runner_now(play->runner), &decision, &answer);
    CHECK(answer.code != CODE_OK || !(how & 2) || !(how & 1)); /* two persons */
}

/* A rate or the terms of the pair, in one partition: partitions may know different ones. */
static void set_terms(struct play *play, struct input *input, uint32_t partition)
{
    uint8_t how = input_byte(input);
    struct ledger *ledger = runner_ledger(play->runner, partition);
    int64_t now_us = runner_now(play->runner);
    const struct ledger_rate rate = {.base = world_currency("USD"),
                                     .counter = world_currency("KRW"),
                                     .units = how & 2 ? 100 : 1,
                                     .rate = 1 + (int64_t)input_number(input, 6),
                                     .as_of_us = now_us - (how >> 2) * SECOND,
                                     .age_limit_us = 100 * SECOND};
    const struct ledger_pair pair = {world_currency("KRW"), world_currency("USD"), how * 1900u,
                                     (how + 1) * SECOND};
    enum code code = how & 1 ? ledger_pair_set(ledger, now_us, &pair, (struct str){0})
                             : ledger_rate_set(ledger, now_us, &rate, STR_LITERAL("ann"));
    CHECK(code == CODE_OK || code == CODE_BUSY);
}

/* Asks for a quote under one of a few ids, or for that again: what was promised has not changed. */
static void quote(struct play *play, struct input *input)
{
    struct ledger_quote_answer answer, again;
    uint8_t which = input_byte(input) % QUOTES;
    struct ledger_quote_command *command = &play->quotes[which];
    if (command->amount == 0)
        *command = (struct ledger_quote_command){world_uuid(QUOTE_ID + which),
                                                 str_from(play->ids[input_byte(input) % ACCOUNTS]),
                                                 world_currency("KRW"),
                                                 world_currency("USD"),
                                                 input_byte(input) & 1 ? QUOTE_SELL : QUOTE_BUY,
                                                 input_byte(input) + 1};
    struct ledger *ledger =
        runner_ledger(play->runner, ledger_partition_of(command->account, play->partitions));
    ledger_quote(ledger, runner_now(play->runner), command, &answer);
    CHECK(answer.code != CODE_CONFLICT);
    ledger_quote(ledger, runner_now(play->runner), command, &again);
    CHECK(answer.code != CODE_OK ||
          (again.code == CODE_OK && again.view.sell_amount == answer.view.sell_amount &&
           again.view.buy_amount == answer.view.buy_amount));
}

/* ---- remittances ------------------------------------------------------------------------------------- */

static void remit(struct play *play, struct input *input, uint8_t which)
{
    struct ledger_remittance_answer answer;
    struct ledger_remit_command *command = &play->remits[which];
    uint8_t how = input_byte(input);
    if (command->amount == 0)
        *command = (struct ledger_remit_command){
            .currency = world_currency("KRW"),
            .operator_refunds = how & 1,
            .id = world_uuid(REMITTANCE_ID + which),
            .account = str_from(play->ids[input_byte(input) % ACCOUNTS]),
            .amount = how + 1,
            .bank = STR_LITERAL("kftc"),
            .payer = STR_LITERAL("payer"),
            .payee = STR_LITERAL("payee"),
            .reference = how & 2 ? STR_LITERAL("2026") : (struct str){0},
        };
    uint32_t home = ledger_partition_of(command->account, play->partitions);
    ledger_remit(runner_ledger(play->runner, home), runner_now(play->runner), command, &answer);
    CHECK(answer.code != CODE_CONFLICT && answer.code != CODE_UNKNOWN);
}

static void report(struct play *play, struct input *input, const struct ledger_remit_command *command)
{
    uint8_t how = input_byte(input);
    const struct bank_report said = {
        .remittance = command->id,
        .number = how % 8u,
        .outcome = (uint8_t)(BANK_SUCCEEDED + how / 8 % 3),
        .is_permanent = how & 64,
        .reason = "why",
        .reference = "B",
    };
    uint32_t home = ledger_partition_of(command->account, play->partitions);
    ledger_bank_report(runner_ledger(play->runner, home), runner_now(play->runner), &said);
}

static void act(struct play *play, struct input *input, const struct ledger_remit_command *command)
{
    uint8_t how = input_byte(input);
    const struct ledger_remittance_command does = {
        .action = how % 5,
        .money = how / 8 % 3,
        .outcome = how & 64 ? BANK_SUCCEEDED : BANK_FAILED,
        .call = how / 8 % 4,
        .account = command->account,
        .remittance = command->id,
        .operator_name = STR_LITERAL("ann"),
        .reason = STR_LITERAL("asked"),
    };
    struct ledger_remittance_answer answer;
    uint32_t home = ledger_partition_of(command->account, play->partitions);
    ledger_remittance_act(runner_ledger(play->runner, home), runner_now(play->runner), &does, &answer);
    CHECK(answer.code != CODE_UNKNOWN);
}

static void use_banks(struct play *play, struct input *input, uint32_t partition)
{
    uint8_t what = input_byte(input), which = what / 16 % REMITTANCES;
    struct ledger *ledger = runner_ledger(play->runner, partition);
    int64_t now_us = runner_now(play->runner);
    if (play->remits[which].amount == 0 || what % 8 == 0) {
        remit(play, input, which);
    } else if (what % 8 <= 3) {
        report(play, input, &play->remits[which]);
    } else if (what % 8 == 4) {
        act(play, input, &play->remits[which]);
    } else if (what % 8 == 5) {
        (void)ledger_remittance_batch(ledger, now_us, (enum remittance_list)(1 + what / 64), what / 16u);
    } else if (what % 8 == 6) {
        uint32_t slot = 0;
        (void)ledger_bank_calls_again(ledger, now_us, &slot);
    } else {
        runner_advance(play->runner, SECOND * (1 + input_byte(input) * 4));
        ledger_expire(ledger, runner_now(play->runner));
    }
}

static void use_desk(struct play *play, struct input *input, uint32_t partition)
{
    static const enum ledger_command_kind kinds[] = {COMMAND_HOLD, COMMAND_CAPTURE, COMMAND_RELEASE,
                                                     COMMAND_EXCHANGE};
    uint8_t what = input_byte(input);
    switch (what % 8) {
    case 0:
    case 1:
        set_terms(play, input, partition);
        return;
    case 2:
    case 3:
        quote(play, input);
        return;
    default:
        send_new(play, input, kinds[what % 4]);
        if (what & 128)
            runner_advance(play->runner, SECOND * (what & 15));
        return;
    }
}

static void operate(struct play *play, struct input *input)
{
    uint8_t operation = input_byte(input);
    uint32_t partition = operation / 16u % play->partitions;
    switch (operation % 16) {
    case 0:
    case 1:
    case 2:
        send_new(play, input, COMMAND_TRANSFER);
        return;
    case 3:
        send_new(play, input, COMMAND_DEPOSIT);
        return;
    case 4:
        send_new(play, input, COMMAND_WITHDRAW);
        return;
    case 5:
    case 6:
        send_new(play, input, COMMAND_GROUP);
        return;
    case 7:
        change_account(play, input);
        return;
    case 8:
        runner_crash(play->runner, partition, (enum runner_state)(input_byte(input) % 3));
        return;
    case 9:
        runner_snapshot(play->runner, partition);
        return;
    case 10:
        runner_resend(play->runner);
        return;
    case 11:
        runner_flush(play->runner, partition);
        return;
    case 12:
        if (operation & 32)
            use_banks(play, input, operation / 64u % play->partitions);
        else
            ask_again(play, input);
        return;
    case 13:
        if (operation & 16)
            propose(play, input);
        else
            decide(play, input);
        return;
    case 14:
        use_desk(play, input, partition);
        return;
    default:
        for (uint8_t i = input_byte(input) % STEPS_MAX; i > 0; i--)
            runner_step(play->runner);
        return;
    }
}

/* ---- the end ------------------------------------------------------------------------------------------ */

static int64_t *balance_of(struct play *play, struct str id)
{
    size_t i = 0;
    while (!str_equal(id, str_from(play->ids[i])))
        i++;
    return &play->balances[i];
}

/* A quote that has been used is on file, with its amounts. */
static void exchange_apply(struct play *play, const struct ledger_command *command)
{
    struct ledger_quote_answer answer;
    uint32_t home = ledger_partition_of(command->from, play->partitions);
    ledger_quote_show(runner_ledger(play->runner, home), runner_now(play->runner), command->from,
                      &command->of, &answer);
    CHECK(answer.code == CODE_OK && answer.view.state == QUOTE_USED);
    *balance_of(play, command->from) -= answer.view.sell_amount;
    *balance_of(play, command->to) += answer.view.buy_amount;
}

static void model_apply(struct play *play, const struct ledger_command *command)
{
    if (command->kind == COMMAND_HOLD || command->kind == COMMAND_RELEASE)
        return;
    if (command->kind == COMMAND_EXCHANGE) {
        exchange_apply(play, command);
        return;
    }
    if (command->from.length > 0)
        *balance_of(play, command->from) -= command->amount;
    if (command->to.length > 0)
        *balance_of(play, command->to) += command->amount;
}

/* Codes that promise nothing about later: the command was not decided. */
static bool is_decided(uint8_t code)
{
    return code != CODE_BUSY && code != CODE_UNKNOWN;
}

static void ask_at_last(struct play *play, struct sent *sent)
{
    const struct ledger_row row = *world_run(play->runner, &sent->command);
    CHECK(is_decided(row.code));
    for (size_t i = 0; i < sent->request_count; i++) {
        const struct runner_request *request = sent->requests[i];
        CHECK(request->done || request->lost);
        if (request->done && is_decided(request->rows[0].code))
            CHECK(request->rows[0].code == row.code);
    }
    if (row.code != CODE_OK)
        return;
    if (sent->command.kind != COMMAND_GROUP)
        model_apply(play, &sent->command);
    for (uint32_t i = 0; sent->command.kind == COMMAND_GROUP && i < sent->command.group_count; i++)
        model_apply(play, &sent->items[i]);
}

/* What was approved has been posted once. */
static void proposals_apply(struct play *play)
{
    for (size_t i = 0; i < PROPOSALS; i++) {
        const struct ledger_proposal_command *command = &play->proposals[i];
        struct ledger_proposal_answer answer = {.code = CODE_PROPOSAL_NOT_FOUND};
        uint32_t home = ledger_partition_of(command->account, play->partitions);
        if (command->amount > 0)
            ledger_proposal_show(runner_ledger(play->runner, home), runner_now(play->runner),
                                 command->account, &command->id, &answer);
        CHECK(answer.code == CODE_OK || answer.code == CODE_PROPOSAL_NOT_FOUND);
        if (answer.code == CODE_OK && answer.view.state == PROPOSAL_APPROVED)
            *balance_of(play, command->account) +=
                command->kind == COMMAND_DEPOSIT ? command->amount : -command->amount;
    }
}

/* What the trail of each says: deposited, withdrawn, given back. */
static void remittances_apply(struct play *play)
{
    for (size_t i = 0; i < REMITTANCES; i++) {
        const struct ledger_remit_command *command = &play->remits[i];
        struct ledger_remittance_answer answer = {.code = CODE_REMITTANCE_NOT_FOUND};
        struct ledger_remittance_entry entries[LEDGER_REMITTANCE_TRAIL_MAX];
        if (command->amount == 0)
            continue;
        struct ledger *ledger =
            runner_ledger(play->runner, ledger_partition_of(command->account, play->partitions));
        ledger_remittance_show(ledger, runner_now(play->runner), command->account, &command->id, &answer);
        CHECK(answer.code == CODE_OK || answer.code == CODE_REMITTANCE_NOT_FOUND);
        if (answer.code != CODE_OK)
            continue;
        size_t count =
            ledger_remittance_trail(ledger, answer.view.last_position, entries, LEDGER_REMITTANCE_TRAIL_MAX);
        CHECK(count > 0 && entries[count - 1].kind == FACT_REMITTANCE_REQUESTED);
        for (size_t n = 0; n < count; n++) {
            bool to =
                entries[n].kind == FACT_REMITTANCE_DEPOSITED || entries[n].kind == FACT_REMITTANCE_RETURNED;
            bool from = entries[n].kind == FACT_REMITTANCE_WITHDRAWN;
            *balance_of(play, command->account) += to ? command->amount : from ? -command->amount : 0;
        }
    }
}

/* What the open holds of an account hold. */
static int64_t held_on(struct play *play, uint32_t partition, uint32_t account)
{
    struct ledger_open_hold hold;
    int64_t sum = 0;
    for (uint32_t slot = 0; ledger_hold_next(runner_ledger(play->runner, partition), slot, &hold);
         slot = hold.slot + 1)
        sum += hold.account == account ? hold.held : 0;
    return sum;
}

static void play_end(struct play *play)
{
    struct uuid ids[COMMANDS_MAX];
    runner_settle(play->runner);
    for (size_t i = 0; i < play->sent_count; i++) {
        ask_at_last(play, &play->sent[i]);
        ids[i] = play->sent[i].command.id;
    }
    runner_settle(play->runner);
    runner_check(play->runner);
    proposals_apply(play);
    remittances_apply(play);
    for (unsigned i = 0; i < ALL_ACCOUNTS; i++) {
        struct ledger_account_view view = world_view(play->runner, play->ids[i]);
        uint32_t home = ledger_partition_of(str_from(play->ids[i]), play->partitions);
        CHECK(view.balance == play->balances[i] && view.pending == held_on(play, home, view.index));
    }
    for (uint32_t p = 0; p < play->partitions; p++) {
        runner_flush(play->runner, p);
        runner_compare(play->runner, p, RUNNER_STATE_KEPT, ids, play->sent_count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct play *play = play_new(&input);
    for (int i = 0; i < OPERATIONS_MAX && input.left > 0; i++) {
        operate(play, &input);
        runner_check(play->runner);
    }
    play_end(play);
    runner_destroy(&play->runner);
    free(play);
    return 0;
}
