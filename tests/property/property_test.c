/* Random commands against a serial model, and random commands in flight against what must always hold.
 *
 *     property_ledger_test [FIRST [COUNT]]     or PROPERTY_SEED, PROPERTY_SEEDS in the environment
 *
 * Each seed is run twice: one command at a time, where codes, balances and rows must be the model's; and many
 * at a time, with crashes and a network that loses, repeats and reorders, where money must neither come
 * nor go, every command happens at most once, and asking again gives the answer that was given. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/base/check.h"
#include "tests/property/workload.h"

enum { SERIAL_COMMANDS = 90, FLIGHT_COMMANDS = 120, DEFAULT_SEEDS = 200, IDS_MAX = 8192 };

static struct {
    uint64_t seed;
    const char *part;
    int at;
} where; /* for the report of a failure */

static void report(int signal_number)
{
    char line[160];
    int length =
        snprintf(line, sizeof line, "\nseed %llu, %s, command %d: run with argument %llu\n",
                 (unsigned long long)where.seed, where.part, where.at, (unsigned long long)where.seed);
    ssize_t written = write(STDERR_FILENO, line, (size_t)length);
    (void)written;
    (void)signal_number;
}

static void row_print(const char *who, const struct ledger_row *row)
{
    fprintf(stderr, "%s: %s %s has %d from %lld to %lld\n", who, code_name((enum code)row->code),
            row->field ? field_name((enum field)row->field) : "-", row->has, (long long)row->from_balance,
            (long long)row->to_balance);
}

static bool rows_equal(const struct ledger_row *a, const struct ledger_row *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        bool same = a[i].code == b[i].code && a[i].field == b[i].field && a[i].has == b[i].has &&
                    a[i].group_count == b[i].group_count &&
                    (!(a[i].has & ROW_HAS_FROM) || a[i].from_balance == b[i].from_balance) &&
                    (!(a[i].has & ROW_HAS_TO) || a[i].to_balance == b[i].to_balance);
        if (!same) {
            fprintf(stderr, "row %u of %u\n", i, count);
            row_print("one", &a[i]);
            row_print("other", &b[i]);
            return false;
        }
    }
    return true;
}

static uint32_t rows_of(const struct ledger_command *command)
{
    return 1u + (command->kind == COMMAND_GROUP ? command->group_count : 0u);
}

static struct runner_config config_of(uint64_t seed)
{
    struct runner_config config = runner_config_default(1 + (uint32_t)(seed % 3));
    config.seed = seed;
    config.ledger.hash_key = seed * 77;
    config.ledger.checkpoint_words = seed % 4 == 0 ? seed % 100 : 2048;
    config.ledger.ids_in_memory = seed % 2 ? 16 : 1024;
    return config;
}

static enum runner_state state_of(struct runner *runner)
{
    return (enum runner_state)runner_random(runner, 3);
}

static void compare_all(struct workload *workload)
{
    static struct uuid ids[IDS_MAX];
    size_t count = workload_ids(workload, ids, IDS_MAX);
    for (uint32_t i = 0; i < runner_partitions(workload->runner); i++) {
        runner_flush(workload->runner, i);
        for (int state = RUNNER_STATE_KEPT; state <= RUNNER_STATE_STALE; state++)
            runner_compare(workload->runner, i, (enum runner_state)state, ids, count);
    }
}

/* Crashes and snapshots, now and then. */
static void disturb(struct workload *workload, uint32_t per_mille)
{
    struct runner *runner = workload->runner;
    uint32_t partition = runner_random(runner, runner_partitions(runner));
    if (runner_random(runner, 1000) < per_mille)
        runner_snapshot(runner, partition);
    if (runner_random(runner, 1000) < per_mille)
        runner_crash(runner, partition, state_of(runner));
    if (runner_random(runner, 1000) < per_mille / 3)
        compare_all(workload);
}

/* ---- one at a time --------------------------------------------------------------------------------- */

static void accounts_equal(struct runner *runner, struct model *model)
{
    for (int i = 0; i < model->account_count; i++) {
        const struct model_account *account = &model->accounts[i];
        struct ledger_account_view view = world_view(runner, account->id);
        CHECK(view.balance == account->balance && view.pending == 0);
        CHECK(view.state == account->state && view.currency == account->currency);
        CHECK(view.minimum_balance == account->minimum && view.ceiling == account->ceiling);
        CHECK(strcmp(view.owner, account->owner) == 0 && strcmp(view.product, account->product) == 0);
    }
}

static void account_both(struct runner *runner, struct model *model,
                         const struct ledger_account_command *command)
{
    enum field field;
    struct ledger_account_answer answer = runner_account(runner, command);
    enum code code = model_change_account(model, command, &field);
    if (answer.code != code || answer.field != field)
        fprintf(stderr, "account: %s, model %s\n", code_name(answer.code), code_name(code));
    CHECK(answer.code == code && answer.field == field);
}

static void serial(uint64_t seed)
{
    static struct workload workload;
    static struct model model;
    struct runner_config config = config_of(seed);
    struct runner *runner = runner_new(&config);
    memset(&model, 0, sizeof model);
    model.partitions = config.partitions;
    workload_init(&workload, runner);
    workload.deadlines = true;
    for (int i = 0; i < WORKLOAD_ACCOUNTS - 1; i++) {
        struct ledger_account_command open = workload_open(&workload, i);
        account_both(runner, &model, &open);
    }
    runner_settle(runner);
    for (where.at = 0; where.at < SERIAL_COMMANDS; where.at++) {
        struct ledger_row expected[MODEL_ITEMS_MAX + 1];
        runner_settle(runner);
        if (runner_random(runner, 100) < 10) {
            struct ledger_account_command change = workload_account(&workload);
            account_both(runner, &model, &change);
            runner_settle(runner); /* an answer leaves when it is durable */
        }
        disturb(&workload, 30);
        runner_settle(runner);
        struct workload_entry *entry = workload_next(&workload);
        model_post(&model, runner_now(runner), &entry->command, expected);
        const struct ledger_row *rows = world_run(runner, &entry->command);
        CHECK(rows_equal(rows, expected, rows_of(&entry->command)));
        accounts_equal(runner, &model);
    }
    compare_all(&workload);
    runner_destroy(&runner);
}

/* ---- many at a time -------------------------------------------------------------------------------- */

static void limits_hold(struct workload *workload)
{
    for (int i = 0; i < WORKLOAD_ACCOUNTS; i++) {
        struct ledger_account_view view = world_view(workload->runner, workload->accounts[i]);
        CHECK(view.pending >= 0 && view.balance - view.pending >= view.minimum_balance);
    }
}

/* What an account should hold after all that has been carried out. */
static int64_t expected_balance(const struct workload *workload, const bool *carried_out, struct str id)
{
    int64_t sum = 0;
    for (int i = 0; i < workload->count; i++) {
        const struct ledger_command *command = &workload->entries[i].command;
        bool group = command->kind == COMMAND_GROUP;
        const struct ledger_command *items = group ? command->items : command;
        for (int item = 0; carried_out[i] && item < (group ? command->group_count : 1); item++) {
            if (items[item].kind != COMMAND_DEPOSIT && str_equal(items[item].from, id))
                sum -= items[item].amount;
            if (items[item].kind != COMMAND_WITHDRAW && str_equal(items[item].to, id))
                sum += items[item].amount;
        }
    }
    return sum;
}

/* One id is carried out once in the partition that keeps it. */
static bool counted_before(const struct workload *workload, const bool *carried_out, int until)
{
    uint32_t partitions = runner_partitions(workload->runner);
    const struct ledger_command *command = &workload->entries[until].command;
    for (int i = 0; i < until; i++) {
        const struct ledger_command *other = &workload->entries[i].command;
        if (carried_out[i] && uuid_equal(&other->id, &command->id) &&
            world_home(other, partitions) == world_home(command, partitions))
            return true;
    }
    return false;
}

/* Asks again for everything: who has been answered gets the same answer, twice over. */
static void ask_again(struct workload *workload, bool *carried_out)
{
    struct runner *runner = workload->runner;
    for (int pass = 0; pass < 2; pass++) {
        for (where.at = 0; where.at < workload->count; where.at++) {
            struct workload_entry *entry = &workload->entries[where.at];
            const struct ledger_row *rows = world_run(runner, &entry->command);
            const struct runner_request *before = entry->request;
            CHECK(rows[0].code != CODE_BUSY && rows[0].code != CODE_UNKNOWN);
            bool stays = before && before->done && before->rows[0].code != CODE_BUSY &&
                         before->rows[0].code != CODE_CONFLICT;
            if (stays)
                CHECK(rows_equal(rows, before->rows, rows_of(&entry->command)));
            if (pass == 0)
                carried_out[where.at] =
                    rows[0].code == CODE_OK && !counted_before(workload, carried_out, where.at);
            else
                CHECK(!carried_out[where.at] || rows[0].code == CODE_OK);
        }
    }
}

static void in_flight(uint64_t seed)
{
    static struct workload workload;
    bool carried_out[WORKLOAD_COMMANDS_MAX] = {false};
    struct runner_config config = config_of(seed);
    config.ledger.link_window = seed % 5 == 0 ? 8 : 1024;
    if (seed % 3 != 0 && seed % 2 == 0) {
        config.lose_percent = 10;
        config.repeat_percent = 20;
        config.reorder_percent = 50;
    }
    struct runner *runner = runner_new(&config);
    workload_init(&workload, runner);
    for (int i = 0; i < WORKLOAD_ACCOUNTS; i++) {
        struct ledger_account_command open = workload_open(&workload, i);
        CHECK(runner_account(runner, &open).code == CODE_OK);
        runner_flush(runner, ledger_partition_of(open.account, config.partitions));
    }
    for (where.at = 0; where.at < FLIGHT_COMMANDS; where.at++) {
        struct workload_entry *entry = workload_next(&workload);
        entry->request =
            runner_post(runner, world_home(&entry->command, config.partitions), &entry->command, 1);
        for (uint32_t steps = runner_random(runner, 8); steps > 0; steps--)
            runner_step(runner);
        if (runner_random(runner, 30) == 0)
            runner_resend(runner);
        disturb(&workload, 20);
        limits_hold(&workload);
    }
    runner_settle(runner);
    ask_again(&workload, carried_out);
    for (int i = 0; i < WORKLOAD_ACCOUNTS; i++) {
        struct ledger_account_view view = world_view(runner, workload.accounts[i]);
        CHECK(view.balance == expected_balance(&workload, carried_out, str_from(workload.accounts[i])));
        CHECK(view.pending == 0);
    }
    compare_all(&workload);
    runner_destroy(&runner);
}

/* ---- seeds ----------------------------------------------------------------------------------------- */

static uint64_t number_of(int argc, char **argv, int at, const char *name, uint64_t otherwise)
{
    const char *text = argc > at ? argv[at] : getenv(name);
    return text ? strtoull(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    bool chosen = argc > 1 || getenv("PROPERTY_SEED");
    uint64_t first = number_of(argc, argv, 1, "PROPERTY_SEED", 1);
    uint64_t count = number_of(argc, argv, 2, "PROPERTY_SEEDS", chosen ? 1 : DEFAULT_SEEDS);
    signal(SIGABRT, report);
    for (where.seed = first; where.seed < first + count; where.seed++) {
        where.part = "one at a time";
        serial(where.seed);
        where.part = "in flight";
        in_flight(where.seed);
    }
    printf("%llu seeds from %llu: all hold\n", (unsigned long long)count, (unsigned long long)first);
    return 0;
}
