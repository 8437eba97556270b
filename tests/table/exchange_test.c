/* Exchanges: each code and which comes first, in one partition and across two; both legs or neither; where each minor
 * unit goes; quotes that are used, expired or another's; repeats; crashes at every step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/rate.h"
#include "tests/scenario/world.h"

#include <stdio.h>
#include <string.h>

#define SECOND INT64_C(1000000)

enum {
    PARTITIONS = 2,
    VALID_S = 30,
    SPREAD_PPM = 10000,
    FUNDS = 1000000,
    DEPOSIT = 90,
    QUOTE = 100,
    EXCHANGE = 200
};

/* x = 7,406.03… cents; less one per cent 7,331.97…; one per cent 74.06… */
enum { SELL = 100000, BUY = 7331, SPREAD = 74, RESIDUE = 1 };

/* An account in won with money, a second, and one in dollars, all of one owner, in each partition. */
struct bank {
    struct runner *runner;
    uint32_t there; /* partition of the receiver */
    char won[WORLD_ID_MAX], more_won[WORLD_ID_MAX], dollars[WORLD_ID_MAX], missing_dollars[WORLD_ID_MAX];
    char missing_won[WORLD_ID_MAX];
};

static void desk_set(struct runner *runner)
{
    int64_t now = runner_now(runner);
    struct ledger_rate rate = {world_currency("USD"), world_currency("KRW"), 0, "", 1, 13502500000000, now,
                               3600 * SECOND};
    struct ledger_pair pair = {world_currency("KRW"), world_currency("USD"), SPREAD_PPM, VALID_S * SECOND};
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        assert_int_equal(ledger_rate_set(runner_ledger(runner, p), now, &rate, (struct str){0}), CODE_OK);
        assert_int_equal(ledger_pair_set(runner_ledger(runner, p), now, &pair, (struct str){0}), CODE_OK);
    }
}

static enum code quote(struct bank *bank, uint64_t id)
{
    struct ledger_quote_command command = {world_uuid(id),        str_from(bank->won), world_currency("KRW"),
                                           world_currency("USD"), QUOTE_SELL,          SELL};
    struct ledger_quote_answer answer;
    ledger_quote(runner_ledger(bank->runner, 0), runner_now(bank->runner), &command, &answer);
    return answer.code;
}

static void bank_open(struct bank *bank, uint32_t there, uint64_t seed)
{
    struct runner_config config = runner_config_default(PARTITIONS);
    config.seed = seed;
    config.ledger.checkpoint_words = 64;
    *bank = (struct bank){.runner = runner_new(&config), .there = there};
    world_open(bank->runner, world_account_id(0, PARTITIONS, "w", 0, bank->won), "KRW");
    world_open(bank->runner, world_account_id(0, PARTITIONS, "m", 0, bank->more_won), "KRW");
    world_open(bank->runner, world_account_id(there, PARTITIONS, "d", 0, bank->dollars), "USD");
    world_account_id(there, PARTITIONS, "nd", 0, bank->missing_dollars);
    world_account_id(0, PARTITIONS, "nw", 0, bank->missing_won);
    const struct ledger_command deposit = world_deposit(DEPOSIT, bank->won, FUNDS, "KRW");
    assert_int_equal(world_run(bank->runner, &deposit)->code, CODE_OK);
    desk_set(bank->runner);
    assert_int_equal(quote(bank, QUOTE), CODE_OK);
    runner_settle(bank->runner);
    runner_snapshot(bank->runner, 0);
    runner_snapshot(bank->runner, 1);
}

static void bank_close(struct bank *bank)
{
    runner_settle(bank->runner);
    runner_check(bank->runner);
    runner_destroy(&bank->runner);
}

static struct ledger_command exchange(uint64_t id, const char *from, const char *to, uint64_t of)
{
    return (struct ledger_command){.kind = COMMAND_EXCHANGE,
                                   .id = world_uuid(id),
                                   .from = str_from(from),
                                   .to = str_from(to),
                                   .memo = STR_LITERAL("for the journey"),
                                   .of = world_uuid(of)};
}

static int64_t balance(struct bank *bank, const char *id)
{
    struct ledger_account_view view;
    uint32_t home = ledger_partition_of(str_from(id), PARTITIONS);
    return ledger_account_show(runner_ledger(bank->runner, home), str_from(id), &view) == CODE_OK
               ? view.balance
               : 0;
}

static int64_t house(struct bank *bank, const char *name, const char *currency, uint32_t partition)
{
    char id[ACCOUNT_ID_MAX + 1];
    snprintf(id, sizeof id, "house:%s:%s:%u", name, currency, partition);
    return balance(bank, id);
}

/* Each currency's sums are zero in each partition: runner_check; what moved, and where it stands: here. */
static void moved_is(struct bank *bank, bool moved)
{
    int64_t paid = moved ? SELL : 0;
    assert_int_equal(house(bank, "fx", "KRW", 0), paid);
    assert_int_equal(house(bank, "fx", "USD", bank->there), moved ? -(BUY + SPREAD + RESIDUE) : 0);
    assert_int_equal(house(bank, "spread", "USD", bank->there), moved ? SPREAD : 0);
    assert_int_equal(house(bank, "residue", "USD", bank->there), moved ? RESIDUE : 0);
    assert_int_equal(balance(bank, bank->dollars), moved ? BUY : 0);
}

/* ---- codes ---------------------------------------------------------------------------------------------------- */

enum twist {
    NO_PAYER = 1,
    OTHER_PAYER = 2,
    NO_QUOTE = 4,
    NOT_A_QUOTE = 8,
    USED = 16,
    EXPIRED = 32,
    PAYER_CLOSED = 64,
    PAYER_FROZEN = 128,
    PAYER_SHORT = 256,
    NO_RECEIVER = 512,
    WON_RECEIVER = 1024,
    RECEIVER_CLOSED = 2048,
    RECEIVER_FROZEN = 4096,
    OTHER_OWNER = 8192,
    CEILING = 16384,
    JUST_ENOUGH = 32768,
};

struct row {
    unsigned twists;
    enum code code;
    enum field field;
    bool uses; /* the quote */
};

static const struct row rows[] = {
    {0, CODE_OK, FIELD_NONE, true},
    {JUST_ENOUGH, CODE_OK, FIELD_NONE, true},
    {NO_PAYER | NO_QUOTE, CODE_ACCOUNT_NOT_FOUND, FIELD_FROM_ACCOUNT, false},
    {NO_QUOTE | OTHER_PAYER, CODE_QUOTE_NOT_FOUND, FIELD_QUOTE, false},
    {NOT_A_QUOTE, CODE_QUOTE_NOT_FOUND, FIELD_QUOTE, false},
    {OTHER_PAYER | USED, CODE_WRONG_OWNER, FIELD_FROM_ACCOUNT, true},
    {OTHER_PAYER | EXPIRED, CODE_WRONG_OWNER, FIELD_FROM_ACCOUNT, false},
    {USED | EXPIRED, CODE_QUOTE_USED, FIELD_QUOTE, true},
    {EXPIRED | PAYER_FROZEN, CODE_QUOTE_EXPIRED, FIELD_QUOTE, false},
    {EXPIRED | PAYER_CLOSED, CODE_QUOTE_EXPIRED, FIELD_QUOTE, false},
    {PAYER_CLOSED, CODE_ACCOUNT_CLOSED, FIELD_FROM_ACCOUNT, true},
    {PAYER_FROZEN | PAYER_SHORT, CODE_ACCOUNT_FROZEN, FIELD_FROM_ACCOUNT, true},
    {PAYER_SHORT, CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT, true},
    {PAYER_SHORT | NO_RECEIVER, CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT, true},
    {PAYER_FROZEN | RECEIVER_CLOSED, CODE_ACCOUNT_FROZEN, FIELD_FROM_ACCOUNT, true},
    {NO_RECEIVER, CODE_ACCOUNT_NOT_FOUND, FIELD_TO_ACCOUNT, true},
    {RECEIVER_CLOSED | OTHER_OWNER, CODE_ACCOUNT_CLOSED, FIELD_TO_ACCOUNT, true},
    {RECEIVER_FROZEN | OTHER_OWNER, CODE_ACCOUNT_FROZEN, FIELD_TO_ACCOUNT, true},
    {OTHER_OWNER, CODE_WRONG_OWNER, FIELD_TO_ACCOUNT, true},
    {OTHER_OWNER | CEILING, CODE_WRONG_OWNER, FIELD_TO_ACCOUNT, true},
    {CEILING, CODE_CEILING_EXCEEDED, FIELD_TO_ACCOUNT, true},
};

static void account_step(struct bank *bank, enum ledger_account_kind kind, const char *id, unsigned sets)
{
    struct ledger_account_command command = world_account(kind, id, "USD");
    command.sets = sets;
    if (sets & ACCOUNT_SETS_OWNER)
        command.owner = STR_LITERAL("another");
    command.ceiling = BUY - 1;
    assert_int_equal(runner_account(bank->runner, &command).code, CODE_OK);
    runner_settle(bank->runner);
}

static void withdraw(struct bank *bank, int64_t amount)
{
    const struct ledger_command command = world_withdraw(91, bank->won, amount, "KRW");
    assert_int_equal(world_run(bank->runner, &command)->code, CODE_OK);
}

static void twist(struct bank *bank, unsigned twists)
{
    if (twists & USED) { /* by another exchange, that was refused */
        const struct ledger_command other = exchange(EXCHANGE + 1, bank->won, bank->missing_dollars, QUOTE);
        assert_int_equal(world_run(bank->runner, &other)->code, CODE_ACCOUNT_NOT_FOUND);
    }
    if (twists & (PAYER_CLOSED | PAYER_SHORT | JUST_ENOUGH))
        withdraw(bank, twists & PAYER_CLOSED  ? FUNDS
                       : twists & PAYER_SHORT ? FUNDS - SELL + 1
                                              : FUNDS - SELL);
    if (twists & PAYER_CLOSED)
        account_step(bank, ACCOUNT_CLOSE, bank->won, 0);
    if (twists & PAYER_FROZEN)
        account_step(bank, ACCOUNT_FREEZE, bank->won, 0);
    if (twists & OTHER_OWNER)
        account_step(bank, ACCOUNT_CHANGE, bank->dollars, ACCOUNT_SETS_OWNER);
    if (twists & CEILING)
        account_step(bank, ACCOUNT_CHANGE, bank->dollars, ACCOUNT_SETS_CEILING);
    if (twists & RECEIVER_CLOSED)
        account_step(bank, ACCOUNT_CLOSE, bank->dollars, 0);
    if (twists & RECEIVER_FROZEN)
        account_step(bank, ACCOUNT_FREEZE, bank->dollars, 0);
    if (twists & EXPIRED)
        runner_advance(bank->runner, VALID_S * SECOND);
}

static struct ledger_command twisted(const struct bank *bank, unsigned twists)
{
    const char *from = twists & NO_PAYER      ? bank->missing_won
                       : twists & OTHER_PAYER ? bank->more_won
                                              : bank->won;
    const char *to = twists & NO_RECEIVER ? bank->missing_dollars : bank->dollars;
    uint64_t of = twists & NO_QUOTE ? 7 : twists & NOT_A_QUOTE ? DEPOSIT : QUOTE;
    return exchange(EXCHANGE, from, to, of);
}

static enum quote_state quote_state(struct bank *bank)
{
    struct ledger_quote_answer answer;
    struct uuid id = world_uuid(QUOTE);
    ledger_quote_show(runner_ledger(bank->runner, 0), runner_now(bank->runner), str_from(bank->won), &id,
                      &answer);
    return (enum quote_state)answer.view.state;
}

static void row_run(const struct row *row, uint32_t there)
{
    struct bank bank;
    bank_open(&bank, there, 1);
    twist(&bank, row->twists);
    const struct ledger_command command = twisted(&bank, row->twists);
    for (int again = 0; again < 2; again++) {
        const struct ledger_row *answer = world_run(bank.runner, &command);
        if (answer->code != row->code || answer->field != row->field)
            fail_msg("twists %x, there %u, again %d: %s %d", row->twists, there, again,
                     code_name((enum code)answer->code), answer->field);
        assert_int_equal(answer->has, row->code == CODE_OK ? ROW_HAS_FROM | ROW_HAS_TO : 0);
        if (row->code == CODE_OK) {
            assert_int_equal(answer->from_balance, balance(&bank, bank.won));
            assert_int_equal(answer->to_balance, BUY);
        }
        assert_int_equal(quote_state(&bank) == QUOTE_USED, row->uses);
    }
    moved_is(&bank, row->code == CODE_OK);
    assert_int_equal(world_view(bank.runner, bank.won).pending, 0);
    struct ledger_command other = command;
    other.reference = STR_LITERAL("another payload");
    assert_int_equal(world_run(bank.runner, &other)->code, CODE_CONFLICT);
    bank_close(&bank);
}

static void an_exchange_has_its_code_in_one_partition(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        row_run(&rows[i], 0);
}

static void an_exchange_has_the_same_code_across_partitions(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        row_run(&rows[i], 1);
}

static void a_receiver_in_another_currency_is_refused(void **state)
{
    struct bank bank;
    (void)state;
    bank_open(&bank, 0, 1);
    const struct ledger_command command = exchange(EXCHANGE, bank.won, bank.more_won, QUOTE);
    const struct ledger_row *answer = world_run(bank.runner, &command);
    assert_int_equal(answer->code, CODE_CURRENCY_MISMATCH);
    assert_int_equal(answer->field, FIELD_TO_ACCOUNT);
    moved_is(&bank, false);
    bank_close(&bank);
}

static void an_exchange_belongs_to_the_payers_partition(void **state)
{
    struct bank bank;
    (void)state;
    bank_open(&bank, 1, 1);
    const struct ledger_command command = exchange(EXCHANGE, bank.won, bank.dollars, QUOTE);
    const struct ledger_row *answer = runner_run(bank.runner, 1, &command, 1);
    assert_int_equal(answer->code, CODE_WRONG_PARTITION);
    assert_int_equal(answer->field, FIELD_FROM_ACCOUNT);
    assert_int_equal(world_run(bank.runner, &command)->code, CODE_OK);
    bank_close(&bank);
}

/* ---- quotes --------------------------------------------------------------------------------------------------- */

/* Won are the base currency: what was paid is what the dollars cost. */
static void an_exchange_says_what_a_foreign_currency_account_paid(void **state)
{
    (void)state;
    for (uint32_t there = 0; there < PARTITIONS; there++) {
        struct bank bank;
        char keeping[WORLD_ID_MAX];
        bank_open(&bank, there, 1);
        world_account_id(there, PARTITIONS, "k", 0, keeping);
        struct ledger_account_command open = world_account(ACCOUNT_OPEN, keeping, "USD");
        open.has_book = true;
        assert_int_equal(runner_account(bank.runner, &open).code, CODE_OK);
        const struct ledger_command command = exchange(EXCHANGE, bank.won, keeping, QUOTE);
        assert_int_equal(world_run(bank.runner, &command)->code, CODE_OK);
        struct ledger_account_view view = world_view(bank.runner, keeping);
        assert_int_equal(view.balance, BUY);
        assert_int_equal(view.book_value, SELL);
        bank_close(&bank);
    }
}

/* Dollars for euros: neither is the base currency. */
struct pair {
    struct runner *runner;
    uint32_t there;
    char dollars[WORLD_ID_MAX], euros[WORLD_ID_MAX];
};

enum { DOLLARS_HAD = 20000, DOLLARS_SOLD = 10000, COST_RATE = 1200 };

static void pair_rate(struct pair *pair, const char *base, const char *counter, int64_t rate)
{
    int64_t now = runner_now(pair->runner);
    const struct ledger_rate set = {world_currency(base), world_currency(counter), 0, "", 1, rate, now,
                                    3600 * SECOND};
    assert_int_equal(ledger_rate_set(runner_ledger(pair->runner, 0), now, &set, (struct str){0}), CODE_OK);
}

static void pair_open_one(struct pair *pair, const char *id, const char *currency, bool has_book)
{
    struct ledger_account_command open = world_account(ACCOUNT_OPEN, id, currency);
    open.has_book = has_book;
    assert_int_equal(runner_account(pair->runner, &open).code, CODE_OK);
    runner_settle(pair->runner);
}

static void pair_open(struct pair *pair, uint32_t there, bool payer_has_book, bool receiver_has_book)
{
    struct runner_config config = runner_config_default(PARTITIONS);
    *pair = (struct pair){.runner = runner_new(&config), .there = there};
    const struct ledger_pair terms = {world_currency("EUR"), world_currency("USD"), SPREAD_PPM,
                                      VALID_S * SECOND};
    int64_t now = runner_now(pair->runner);
    assert_int_equal(ledger_pair_set(runner_ledger(pair->runner, 0), now, &terms, (struct str){0}), CODE_OK);
    pair_open_one(pair, world_account_id(0, PARTITIONS, "d", 0, pair->dollars), "USD", payer_has_book);
    pair_open_one(pair, world_account_id(there, PARTITIONS, "e", 0, pair->euros), "EUR", receiver_has_book);
    struct ledger_command deposit = world_deposit(DEPOSIT, pair->dollars, DOLLARS_HAD, "USD");
    deposit.rate = COST_RATE * RATE_ONE;
    assert_int_equal(world_run(pair->runner, &deposit)->code, CODE_OK);
}

static struct ledger_row pair_exchange(struct pair *pair)
{
    const struct ledger_quote_command ask = {
        world_uuid(QUOTE), str_from(pair->dollars), world_currency("USD"), world_currency("EUR"), QUOTE_SELL,
        DOLLARS_SOLD};
    struct ledger_quote_answer answer;
    ledger_quote(runner_ledger(pair->runner, 0), runner_now(pair->runner), &ask, &answer);
    assert_int_equal(answer.code, CODE_OK);
    const struct ledger_command command = exchange(EXCHANGE, pair->dollars, pair->euros, QUOTE);
    return *world_run(pair->runner, &command);
}

static void pair_close(struct pair *pair)
{
    runner_settle(pair->runner);
    runner_check(pair->runner);
    runner_destroy(&pair->runner);
}

static void a_leg_without_a_value_is_refused_where_its_account_keeps_a_book_value(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        struct pair pair;
        bool payer = i & 1, receiver = i & 2, refused = payer || receiver;
        pair_open(&pair, i >> 2, payer, receiver);
        pair_rate(&pair, "USD", "EUR", RATE_ONE / 2); /* nothing leads to won */
        const struct ledger_row row = pair_exchange(&pair);
        assert_int_equal(row.code, refused ? CODE_RATE_REQUIRED : CODE_OK);
        assert_int_equal(row.field, refused ? FIELD_RATE : FIELD_NONE);
        assert_int_equal(world_view(pair.runner, pair.dollars).balance,
                         refused ? DOLLARS_HAD : DOLLARS_HAD - DOLLARS_SOLD);
        assert_int_equal(world_view(pair.runner, pair.dollars).pending, 0);
        assert_int_equal(world_view(pair.runner, pair.euros).balance, refused ? 0 : 4950);
        pair_close(&pair);
    }
}

/* 100 dollars at 1,350 are 135,000 won; over won, at 1,500, they are 90 euros; less one per cent 89.10, worth 133,650 won. The
 * payer's dollars had cost 1,200 each. In one partition and in two. */
static void an_exchange_between_two_foreign_currencies_moves_both_book_values(void **state)
{
    (void)state;
    for (uint32_t there = 0; there < PARTITIONS; there++) {
        struct pair pair;
        pair_open(&pair, there, true, true);
        pair_rate(&pair, "USD", "KRW", 1350 * RATE_ONE);
        pair_rate(&pair, "EUR", "KRW", 1500 * RATE_ONE);
        const struct ledger_row row = pair_exchange(&pair);
        assert_int_equal(row.code, CODE_OK);
        assert_int_equal(row.from_balance, DOLLARS_HAD - DOLLARS_SOLD);
        assert_int_equal(row.to_balance, 8910);
        assert_int_equal(world_view(pair.runner, pair.dollars).book_value, 120000);
        assert_int_equal(world_view(pair.runner, pair.euros).book_value, 133650);
        pair_close(&pair);
    }
}

/* Every balance, and what teller's own accounts hold of each currency over all partitions. */
static void books_read(struct bank *bank, int64_t out[8])
{
    memset(out, 0, 8 * sizeof *out);
    out[0] = balance(bank, bank->won);
    out[1] = balance(bank, bank->more_won);
    out[2] = balance(bank, bank->dollars);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        out[3] += house(bank, "fx", "KRW", p);
        out[4] += house(bank, "fx", "USD", p);
        out[5] += house(bank, "spread", "USD", p);
        out[6] += house(bank, "residue", "USD", p);
        out[7] += house(bank, "cash", "KRW", p);
    }
}

/* Ids that count up, too, have legs of their own. */
static void an_exchange_in_two_partitions_gives_the_books_of_one(void **state)
{
    int64_t books[PARTITIONS][8];
    (void)state;
    for (uint32_t there = 0; there < PARTITIONS; there++) {
        struct bank bank;
        bank_open(&bank, there, 1);
        for (uint64_t i = 0; i < 5; i++) {
            assert_int_equal(i == 0 ? CODE_OK : quote(&bank, QUOTE + i), CODE_OK);
            const struct ledger_command command = exchange(EXCHANGE + i, bank.won, bank.dollars, QUOTE + i);
            assert_int_equal(world_run(bank.runner, &command)->code, CODE_OK);
        }
        books_read(&bank, books[there]);
        bank_close(&bank);
    }
    assert_int_equal(books[0][2], 5 * BUY);
    assert_memory_equal(books[0], books[1], sizeof books[0]);
}

static void a_quote_serves_one_exchange_and_not_a_second(void **state)
{
    (void)state;
    for (uint32_t there = 0; there < PARTITIONS; there++) {
        struct bank bank;
        bank_open(&bank, there, 1);
        const struct ledger_command both[] = {exchange(EXCHANGE, bank.won, bank.dollars, QUOTE),
                                              exchange(EXCHANGE + 1, bank.won, bank.dollars, QUOTE)};
        const struct ledger_row *answers = runner_run(bank.runner, 0, both, 2);
        assert_int_equal(answers[0].code, CODE_OK);
        assert_int_equal(answers[1].code, CODE_QUOTE_USED);
        moved_is(&bank, true);
        bank_close(&bank);
    }
}

/* Memory is gone from the nth allocation on, while the exchange is posted. true: it was BUSY, and had used the quote. */
static bool busy_run(uint64_t nth)
{
    struct bank bank;
    bank_open(&bank, 1, 1);
    const struct ledger_command command = exchange(EXCHANGE, bank.won, bank.dollars, QUOTE);
    const struct ledger_command other = exchange(EXCHANGE + 1, bank.won, bank.dollars, QUOTE);
    counting_mem_fail(runner_mem(bank.runner), nth, 1000);
    const struct runner_request *request = runner_post(bank.runner, 0, &command, 1);
    counting_mem_fail(runner_mem(bank.runner), 0, 0);
    runner_settle(bank.runner);
    bool busy_and_used = request && request->rows[0].code == CODE_BUSY && quote_state(&bank) == QUOTE_USED;
    if (busy_and_used)
        assert_int_equal(world_run(bank.runner, &other)->code, CODE_QUOTE_USED);
    assert_int_equal(world_run(bank.runner, &command)->code, CODE_OK);
    moved_is(&bank, true);
    bank_close(&bank);
    return busy_and_used;
}

static void an_exchange_that_ended_busy_goes_on_with_the_same_quote(void **state)
{
    int seen = 0;
    (void)state;
    for (uint64_t nth = 1; nth < 20; nth++)
        seen += busy_run(nth);
    assert_true(seen > 0);
}

static void an_exchange_is_busy_while_new_money_is_refused(void **state)
{
    struct bank bank;
    (void)state;
    bank_open(&bank, 0, 1);
    const struct ledger_command command = exchange(EXCHANGE, bank.won, bank.dollars, QUOTE);
    ledger_refuse_new(runner_ledger(bank.runner, 0), true);
    assert_int_equal(world_run(bank.runner, &command)->code, CODE_BUSY);
    assert_int_equal(quote_state(&bank), QUOTE_OPEN);
    ledger_refuse_new(runner_ledger(bank.runner, 0), false);
    assert_int_equal(world_run(bank.runner, &command)->code, CODE_OK);
    ledger_refuse_new(runner_ledger(bank.runner, 0), true);
    assert_int_equal(world_run(bank.runner, &command)->code, CODE_OK);
    ledger_refuse_new(runner_ledger(bank.runner, 0), false);
    bank_close(&bank);
}

static void the_ids_of_legs_are_taken(void **state)
{
    struct bank bank;
    (void)state;
    bank_open(&bank, 0, 1);
    const struct ledger_command command = exchange(EXCHANGE, bank.won, bank.dollars, QUOTE);
    assert_int_equal(world_run(bank.runner, &command)->code, CODE_OK);
    struct ledger_command taken = world_deposit(1, bank.won, SELL, "KRW");
    for (uint8_t leg = 0; leg < 2; leg++) {
        taken.id = command.id;
        for (int i = 0; i < 8; i++)
            taken.id.bytes[leg == 0 ? 8 + i : i] ^= (uint8_t) "exchange"[i];
        assert_int_equal(world_run(bank.runner, &taken)->code, CODE_CONFLICT);
    }
    bank_close(&bank);
}

/* ---- crashes --------------------------------------------------------------------------------------------------- */

enum { STEPS_MAX = 60 };

/* Posts, takes so many steps, crashes one partition, settles, and asks again. */
static void crash_run(unsigned steps, uint32_t victim, enum runner_state kept, bool refused)
{
    struct bank bank;
    bank_open(&bank, 1, steps + 1);
    if (refused)
        account_step(&bank, ACCOUNT_FREEZE, bank.dollars, 0);
    const struct ledger_command command = exchange(EXCHANGE, bank.won, bank.dollars, QUOTE);
    const struct runner_request *first = runner_post(bank.runner, 0, &command, 1);
    for (unsigned i = 0; i < steps && runner_step(bank.runner); i++) {
    }
    runner_crash(bank.runner, victim, kept);
    runner_settle(bank.runner);
    const struct ledger_row *again = world_run(bank.runner, &command);
    assert_int_equal(again->code, refused ? CODE_ACCOUNT_FROZEN : CODE_OK);
    if (first->done)
        assert_memory_equal(again, first->rows, sizeof *again);
    moved_is(&bank, !refused);
    assert_int_equal(balance(&bank, bank.won), refused ? FUNDS : FUNDS - SELL);
    assert_int_equal(world_view(bank.runner, bank.won).pending, 0);
    const struct ledger_command other = exchange(EXCHANGE + 1, bank.won, bank.dollars, QUOTE);
    assert_int_equal(world_run(bank.runner, &other)->code, CODE_QUOTE_USED);
    const struct uuid ids[] = {command.id, world_uuid(QUOTE)};
    runner_flush(bank.runner, 0);
    runner_compare(bank.runner, 0, kept, ids, 2);
    bank_close(&bank);
}

static void each_crash(bool refused)
{
    static const enum runner_state states[] = {RUNNER_STATE_KEPT, RUNNER_STATE_DELETED, RUNNER_STATE_STALE};
    for (unsigned steps = 0; steps < STEPS_MAX; steps++) {
        for (uint32_t victim = 0; victim < PARTITIONS; victim++) {
            for (size_t i = 0; i < sizeof states / sizeof *states; i++)
                crash_run(steps, victim, states[i], refused);
        }
    }
}

static void a_crossing_exchange_survives_a_crash_at_any_step(void **state)
{
    (void)state;
    each_crash(false);
}

static void a_refused_crossing_exchange_moves_nothing_after_a_crash_at_any_step(void **state)
{
    (void)state;
    each_crash(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exchange_has_its_code_in_one_partition),
        cmocka_unit_test(an_exchange_has_the_same_code_across_partitions),
        cmocka_unit_test(a_receiver_in_another_currency_is_refused),
        cmocka_unit_test(an_exchange_belongs_to_the_payers_partition),
        cmocka_unit_test(an_exchange_says_what_a_foreign_currency_account_paid),
        cmocka_unit_test(a_leg_without_a_value_is_refused_where_its_account_keeps_a_book_value),
        cmocka_unit_test(an_exchange_between_two_foreign_currencies_moves_both_book_values),
        cmocka_unit_test(an_exchange_in_two_partitions_gives_the_books_of_one),
        cmocka_unit_test(a_quote_serves_one_exchange_and_not_a_second),
        cmocka_unit_test(an_exchange_that_ended_busy_goes_on_with_the_same_quote),
        cmocka_unit_test(an_exchange_is_busy_while_new_money_is_refused),
        cmocka_unit_test(the_ids_of_legs_are_taken),
        cmocka_unit_test(a_crossing_exchange_survives_a_crash_at_any_step),
        cmocka_unit_test(a_refused_crossing_exchange_moves_nothing_after_a_crash_at_any_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
