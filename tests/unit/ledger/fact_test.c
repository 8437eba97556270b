/* Facts read from disk: whatever the bytes are, they are refused or they are whole, and nothing beyond them is
 * touched. Each fact stands at the very end of its memory, so that AddressSanitizer sees a byte too far. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "actors/ledger/group.h"
#include "store/journal.h"
#include "tests/scenario/world.h"

enum { FACTS_MAX = 256, PARTITIONS = 2 };

/* All facts of a life that has every kind of them. */
struct facts {
    size_t count;
    uint8_t *bytes[FACTS_MAX];
    size_t sizes[FACTS_MAX];
};

static enum err collect(void *context, const struct journal_commit *commit)
{
    struct facts *facts = context;
    for (size_t at = 0; at < commit->length;) {
        size_t size;
        assert_int_equal(fact_check(commit->facts + at, commit->length - at, &size), ERR_OK);
        assert_true(facts->count < FACTS_MAX);
        facts->bytes[facts->count] = malloc(size);
        memcpy(facts->bytes[facts->count], commit->facts + at, size);
        facts->sizes[facts->count++] = size;
        at += size;
    }
    return ERR_OK;
}

/* One is approved, one rejected, and one expires. */
static void propose(struct runner *runner, const char *account)
{
    struct ledger *ledger = runner_ledger(runner, 0);
    struct ledger_proposal_answer answer;
    for (uint64_t i = 0; i < 3; i++) {
        int64_t now = runner_now(runner);
        const struct ledger_proposal_command command = {
            .kind = COMMAND_DEPOSIT,
            .currency = world_currency("KRW"),
            .id = world_uuid(31 + i),
            .account = str_from(account),
            .amount = 5,
            .expires_us = now + 1000000,
            .reason = STR_LITERAL("found"),
            .operator_name = STR_LITERAL("ann"),
        };
        const struct ledger_decision_command decision = {
            .approves = i == 0,
            .account = command.account,
            .proposal = command.id,
            .operator_name = STR_LITERAL("bob"),
            .reason = STR_LITERAL("seen"),
        };
        ledger_propose(ledger, now, &command, &answer);
        assert_int_equal(answer.code, CODE_OK);
        ledger_proposal_decide(ledger, i < 2 ? now : command.expires_us, &decision, &answer);
        assert_int_equal(answer.code, i < 2 ? CODE_OK : CODE_PROPOSAL_EXPIRED);
    }
    runner_settle(runner);
}

/* Won for 66 cents: 59 bought, 6 earned, one left. */
static void exchange(struct runner *runner, const char *won, const char *dollars)
{
    struct ledger *ledger = runner_ledger(runner, 0);
    int64_t now = runner_now(runner);
    struct ledger_rate rate = {
        world_currency("USD"), world_currency("KRW"), 4, "bank", 1, INT64_C(13502500000000), now, 1000000};
    struct ledger_pair pair = {world_currency("USD"), world_currency("KRW"), 100000, 1000000};
    struct ledger_quote_command command = {world_uuid(30),        str_from(won), world_currency("KRW"),
                                           world_currency("USD"), QUOTE_SELL,    900};
    struct ledger_quote_answer answer;
    assert_int_equal(ledger_rate_set(ledger, now, &rate, STR_LITERAL("kim")), CODE_OK);
    assert_int_equal(ledger_pair_set(ledger, now, &pair, STR_LITERAL("kim")), CODE_OK);
    ledger_quote(ledger, now, &command, &answer);
    assert_int_equal(answer.code, CODE_OK);
    const struct ledger_command use = {.kind = COMMAND_EXCHANGE,
                                       .id = world_uuid(40),
                                       .from = str_from(won),
                                       .to = str_from(dollars),
                                       .of = command.id};
    assert_int_equal(world_run(runner, &use)->code, CODE_OK);
}

/* One is captured, one released, and one expires. */
static void hold(struct runner *runner, const char *account)
{
    for (uint64_t i = 0; i < 3; i++) {
        struct ledger_command step = world_withdraw(41 + i, account, 5, "KRW");
        step.kind = COMMAND_HOLD;
        step.expires_us = runner_now(runner) + 1000000;
        step.memo = STR_LITERAL("a memo");
        int64_t expires_us = step.expires_us;
        assert_int_equal(world_run(runner, &step)->code, CODE_OK);
        step = world_withdraw(51 + i, account, 1, "KRW");
        step.kind = i == 0 ? COMMAND_CAPTURE : COMMAND_RELEASE;
        step.of = world_uuid(41 + i);
        step.reference = STR_LITERAL("a reference");
        if (i == 2)
            runner_advance(runner, expires_us - runner_now(runner));
        assert_int_equal(world_run(runner, &step)->code, i < 2 ? CODE_OK : CODE_HOLD_EXPIRED);
    }
}

static void hear_of(struct runner *runner, const struct uuid *id, uint32_t number, uint8_t outcome)
{
    const struct bank_report report = {
        .remittance = *id, .number = number, .outcome = outcome, .reason = "why", .reference = "B1"};
    ledger_bank_report(runner_ledger(runner, 0), runner_now(runner), &report);
}

/* One is paid, whatever its bank says later; the other is ended by an operator. */
static void remit(struct runner *runner, const char *account)
{
    struct ledger *ledger = runner_ledger(runner, 0);
    struct ledger_remittance_answer answer;
    for (uint64_t i = 0; i < 2; i++) {
        const struct ledger_remit_command command = {
            .currency = world_currency("KRW"),
            .id = world_uuid(61 + i),
            .account = str_from(account),
            .amount = 5,
            .bank = STR_LITERAL("kftc"),
            .payer = STR_LITERAL("payer"),
            .payee = STR_LITERAL("payee"),
            .memo = STR_LITERAL("a memo"),
            .reference = STR_LITERAL("a reference"),
        };
        const struct ledger_remittance_command cancels = {.action = REMITTANCE_CANCEL,
                                                          .account = command.account,
                                                          .remittance = command.id,
                                                          .operator_name = STR_LITERAL("ann"),
                                                          .reason = STR_LITERAL("not wanted")};
        ledger_remit(ledger, runner_now(runner), &command, &answer);
        assert_int_equal(answer.code, CODE_OK);
        hear_of(runner, &command.id, 1, BANK_SUCCEEDED);
        hear_of(runner, &command.id, 2, i == 0 ? BANK_SUCCEEDED : BANK_FAILED);
        hear_of(runner, &command.id, 2, BANK_FAILED);
        ledger_remittance_act(ledger, runner_now(runner), &cancels, &answer);
        assert_int_equal(answer.code, i == 0 ? CODE_REMITTANCE_ENDED : CODE_OK);
    }
    runner_settle(runner);
}

static void live(struct runner *runner)
{
    char near[WORLD_ID_MAX], far[WORLD_ID_MAX], next[WORLD_ID_MAX], missing[WORLD_ID_MAX],
        dollars[WORLD_ID_MAX];
    world_account_id(1, PARTITIONS, "m", 0, missing);
    world_open(runner, world_account_id(0, PARTITIONS, "n", 0, near), "KRW");
    world_open(runner, world_account_id(0, PARTITIONS, "n", 1, next), "KRW");
    world_open(runner, world_account_id(1, PARTITIONS, "f", 0, far), "KRW");
    const struct ledger_command items[] = {world_transfer(21, near, far, 1, "KRW"),
                                           world_withdraw(22, far, 1, "KRW")};
    const struct ledger_command poor_items[] = {world_transfer(23, near, far, 1, "KRW"),
                                                world_withdraw(24, far, 100000, "KRW")};
    struct ledger_command commands[] = {
        world_deposit(1, near, 1000, "KRW"),
        world_deposit(2, far, 1000, "KRW"),
        world_transfer(3, near, far, 10, "KRW"),
        world_transfer(4, near, missing, 10, "KRW"),
        world_withdraw(5, near, 5, "KRW"),
        world_withdraw(6, near, 5000, "KRW"),
        world_group(7, items, 2),
        world_group(8, poor_items, 2),
        world_transfer(9, far, near, 10, "KRW"),
        world_transfer(11, near, next, 1, "KRW"),
    };
    commands[2].memo = STR_LITERAL("a memo");
    commands[2].reference = STR_LITERAL("a reference");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        world_run(runner, &commands[i]);
    propose(runner, near);
    world_open(runner, world_account_id(1, PARTITIONS, "d", 0, dollars), "USD");
    exchange(runner, near, dollars);
    hold(runner, near);
    remit(runner, near);
    for (int kind = ACCOUNT_CHANGE; kind <= ACCOUNT_UNFREEZE; kind++) {
        struct ledger_account_command step = world_account((enum ledger_account_kind)kind, near, "KRW");
        step.sets = ACCOUNT_SETS_OWNER;
        step.owner = STR_LITERAL("another");
        step.memo = STR_LITERAL("why");
        assert_int_equal(runner_account(runner, &step).code, CODE_OK);
    }
    const struct ledger_command rest = world_withdraw(10, near, world_view(runner, near).balance, "KRW");
    assert_int_equal(world_run(runner, &rest)->code, CODE_OK);
    struct ledger_account_command close = world_account(ACCOUNT_CLOSE, near, "KRW");
    assert_int_equal(runner_account(runner, &close).code, CODE_OK);
    runner_settle(runner);
}

static int facts_collect(void **state)
{
    struct facts *facts = calloc(1, sizeof *facts);
    struct runner_config config = runner_config_default(PARTITIONS);
    struct runner *runner = runner_new(&config);
    live(runner);
    for (uint32_t i = 0; i < PARTITIONS; i++)
        assert_int_equal(journal_walk(runner_journal(runner, i), FACT_FIRST, collect, facts), ERR_OK);
    runner_destroy(&runner);
    *state = facts;
    return 0;
}

static int facts_free(void **state)
{
    struct facts *facts = *state;
    for (size_t i = 0; i < facts->count; i++)
        free(facts->bytes[i]);
    free(facts);
    return 0;
}

static void every_kind_of_fact_is_among_them(void **state)
{
    const struct facts *facts = *state;
    bool seen[FACT_KIND_COUNT] = {false};
    for (size_t i = 0; i < facts->count; i++)
        seen[facts->bytes[i][0]] = true;
    for (int kind = FACT_TRANSFER; kind < FACT_KIND_COUNT; kind++)
        assert_true(seen[kind]);
}

/* What fact_check lets pass can be taken apart without harm. */
static void take_apart(const uint8_t *fact, size_t size)
{
    struct fact_strings strings;
    size_t fixed = fact_fixed_size(fact[0]);
    assert_true(size % FACT_WORD == 0 && fixed <= size);
    if (fact_is_group(fact[0])) {
        assert_int_equal(group_fact_check(fact, size), ERR_OK);
        return;
    }
    assert_int_equal(fact_strings_read(fact + fixed, size - fixed, &strings), ERR_OK);
    unsigned sum = 0;
    for (int tag = 0; tag < FACT_TAG_COUNT; tag++) {
        for (uint32_t i = 0; i < strings.by_tag[tag].length; i++)
            sum += (unsigned char)strings.by_tag[tag].data[i];
    }
    assert_true(sum < 1000000);
}

/* A copy that ends where its memory ends. */
static enum err check_copy(const uint8_t *bytes, size_t length)
{
    size_t size = 0;
    uint8_t *copy = malloc(length);
    memcpy(copy, bytes, length);
    enum err err = fact_check(copy, length, &size);
    if (err == ERR_OK) {
        assert_true(size <= length);
        take_apart(copy, size);
    }
    free(copy);
    return err;
}

static void a_fact_cut_short_is_corrupt(void **state)
{
    const struct facts *facts = *state;
    for (size_t i = 0; i < facts->count; i++) {
        for (size_t length = 0; length < facts->sizes[i]; length++)
            assert_int_equal(check_copy(facts->bytes[i], length), ERR_CORRUPT);
        assert_int_equal(check_copy(facts->bytes[i], facts->sizes[i]), ERR_OK);
    }
}

static void a_fact_with_any_byte_changed_is_refused_or_whole(void **state)
{
    static const uint8_t values[] = {0, 1, 2, 6, 7, 8, 16, 22, 23, 64, 127, 128, 255};
    const struct facts *facts = *state;
    for (size_t i = 0; i < facts->count; i++) {
        for (size_t at = 0; at < facts->sizes[i]; at++) {
            uint8_t was = facts->bytes[i][at];
            for (size_t v = 0; v < sizeof values; v++) {
                facts->bytes[i][at] = values[v];
                enum err err = check_copy(facts->bytes[i], facts->sizes[i]);
                assert_true(err == ERR_OK || err == ERR_CORRUPT);
            }
            facts->bytes[i][at] = was;
        }
    }
}

static void an_unknown_kind_is_corrupt(void **state)
{
    uint8_t fact[64] = {0};
    (void)state;
    fact[2] = sizeof fact / FACT_WORD;
    for (int kind = 0; kind < 256; kind++) {
        fact[0] = (uint8_t)kind;
        if (kind == 0 || kind >= FACT_KIND_COUNT) {
            assert_int_equal(fact_fixed_size((uint8_t)kind), 0);
            assert_int_equal(check_copy(fact, sizeof fact), ERR_CORRUPT);
        }
    }
}

static const uint32_t LENGTH_MAX[FACT_TAG_COUNT] = {
    [FACT_TAG_REMOTE] = ACCOUNT_ID_MAX,
    [FACT_TAG_MEMO] = MEMO_MAX,
    [FACT_TAG_REFERENCE] = REFERENCE_MAX,
    [FACT_TAG_ACCOUNT] = ACCOUNT_ID_MAX,
    [FACT_TAG_OWNER] = OWNER_MAX,
    [FACT_TAG_PRODUCT] = PRODUCT_MAX,
    [FACT_TAG_RATE] = sizeof(int64_t),
    [FACT_TAG_BOOK_DEBIT] = sizeof(struct fact_book),
    [FACT_TAG_BOOK_CREDIT] = sizeof(struct fact_book),
    [FACT_TAG_OPERATOR] = OWNER_MAX,
    [FACT_TAG_SOURCE] = PRODUCT_MAX,
    [FACT_TAG_FIELD] = 1,
    [FACT_TAG_BANK] = BANK_NAME_MAX,
    [FACT_TAG_PAYER] = BANK_PARTY_MAX,
    [FACT_TAG_PAYEE] = BANK_PARTY_MAX,
    [FACT_TAG_REASON] = BANK_REASON_MAX,
    [FACT_TAG_BANK_REFERENCE] = BANK_REFERENCE_MAX,
};

/* A sender's buffer is as long as its fields: a longer string must not come out of a journal. */
static void a_string_longer_than_its_field_is_corrupt(void **state)
{
    uint8_t bytes[264] = {0};
    (void)state;
    memset(bytes, 'x', 2 + 255);
    for (int tag = 1; tag < FACT_TAG_COUNT; tag++) {
        struct fact_strings out;
        bytes[0] = (uint8_t)tag;
        bytes[1] = (uint8_t)(LENGTH_MAX[tag] + 1);
        uint8_t copy[264] = {0};
        memcpy(copy, bytes, 2 + bytes[1]);
        size_t length = ((size_t)2 + bytes[1] + FACT_WORD - 1) / FACT_WORD * FACT_WORD;
        assert_int_equal(fact_strings_read(copy, length, &out), ERR_CORRUPT);
    }
}

static void strings_written_are_the_strings_read(void **state)
{
    uint8_t bytes[2 * 256 * FACT_TAG_COUNT];
    char text[255];
    (void)state;
    memset(text, 'x', sizeof text);
    for (uint32_t present = 0; present < 1u << FACT_TAG_COUNT; present += 2 * 61) {
        for (uint32_t part = 1; part <= 3; part++) {
            struct fact_strings in = {0}, out;
            for (int tag = 1; tag < FACT_TAG_COUNT; tag++) {
                if (present & 1u << tag)
                    in.by_tag[tag] = (struct str){text, LENGTH_MAX[tag] * part / 3};
            }
            size_t size = fact_strings_write(&in, bytes);
            assert_int_equal(size, fact_strings_size(&in));
            assert_int_equal(size % FACT_WORD, 0);
            assert_int_equal(fact_strings_read(bytes, size, &out), ERR_OK);
            for (int tag = 0; tag < FACT_TAG_COUNT; tag++)
                assert_true(str_equal(in.by_tag[tag], out.by_tag[tag]));
        }
    }
}

static void malformed_strings_are_corrupt(void **state)
{
    static const struct {
        size_t length;
        uint8_t bytes[16];
    } rows[] = {
        {8, {FACT_TAG_MEMO, 7, 'a', 'b', 'c', 'd', 'e', 'f'}},                /* passes the end */
        {8, {FACT_TAG_MEMO, 1, 'a', FACT_TAG_MEMO, 1, 'b'}},                  /* a tag twice */
        {8, {FACT_TAG_COUNT, 1, 'a'}},                                        /* an unknown tag */
        {8, {255, 1, 'a'}},                                                   /* an unknown tag */
        {8, {FACT_TAG_MEMO, 5, 'a', 'b', 'c', 'd', 'e', FACT_TAG_REFERENCE}}, /* a tag without a length */
        {16, {FACT_TAG_MEMO, 1, 'a'}},                                        /* a word too many */
        {8, {0}},                                                             /* nothing but padding */
    };
    struct fact_strings out;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(fact_strings_read(rows[i].bytes, rows[i].length, &out), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_fact_is_among_them),
        cmocka_unit_test(a_fact_cut_short_is_corrupt),
        cmocka_unit_test(a_fact_with_any_byte_changed_is_refused_or_whole),
        cmocka_unit_test(an_unknown_kind_is_corrupt),
        cmocka_unit_test(strings_written_are_the_strings_read),
        cmocka_unit_test(a_string_longer_than_its_field_is_corrupt),
        cmocka_unit_test(malformed_strings_are_corrupt),
    };
    return cmocka_run_group_tests(tests, facts_collect, facts_free);
}
