#include "tests/fuzz/recovering.h"

#include "actors/base/check.h"
#include "actors/ledger/core.h"
#include "tests/scenario/world.h"

/* Far more than the history needs: an answer of "no memory" is for sizes that nobody has. */
#define MEMORY_MAX ((size_t)256 << 20)

static enum err restore(struct ledger *ledger, const struct history_state *state)
{
    enum err err = ERR_OK;
    for (size_t i = 0; i < state->count && err == ERR_OK; i++) {
        const struct history_put *put = &state->puts[i];
        err = ledger_restore(ledger, put->table, state->bytes + put->key, put->key_length,
                             state->bytes + put->value, put->value_length);
    }
    return err;
}

static void take(struct ledger *ledger)
{
    for (struct ledger_unit *unit; (unit = ledger_take(ledger)) != NULL;) {
        for (size_t i = 0; i < unit->message_count; i++)
            ledger_peer_message_free(&ledger->mem, &unit->messages[i]);
        for (struct ledger_ticket *ticket = unit->tickets; ticket != NULL;) {
            struct ledger_ticket *next = ticket->next;
            ledger_ticket_free(ledger, &ticket);
            ticket = next;
        }
        ledger_release(ledger, unit);
    }
}

/* As journal_walk: from the commit that holds the position. */
static enum err replay(struct ledger *ledger, const struct history_journal *journal)
{
    uint64_t from = ledger_replay_from(ledger);
    enum err err = ERR_OK;
    uint64_t end = FACT_FIRST;
    for (size_t i = 0; i < journal->count && err == ERR_OK; i++) {
        const struct journal_commit *commit = &journal->commits[i];
        end = commit->position + commit->length / FACT_WORD;
        if (end <= from)
            continue;
        err = ledger_replay(ledger, commit->position, commit->time_us, commit->facts, commit->length);
        if (err == ERR_OK)
            take(ledger);
    }
    return err == ERR_OK && from > end ? ERR_CORRUPT : err;
}

static void post(struct ledger *ledger, uint64_t number, const char *account)
{
    struct ledger_command command = world_deposit(number, account, 1, "KRW");
    struct ledger_ticket *ticket = ledger_ticket_new(ledger, 1, NULL);
    if (ticket != NULL)
        ledger_post(ledger, 0, ticket, &command, 1);
}

/* What is open is listed, approved and ended; whatever else the facts say, it is answered. */
static void work_proposals(struct ledger *ledger, const char *account)
{
    struct ledger_proposal_view views[4];
    struct ledger_proposal_answer answer;
    size_t count = ledger_proposal_list(ledger, 0, 0, views, 4);
    for (size_t i = 0; i < count; i++)
        CHECK(views[i].state == PROPOSAL_PROPOSED && views[i].account_length > 0);
    for (uint64_t id = 79; id < 85; id++) {
        const struct ledger_decision_command decision = {
            .approves = true,
            .account = str_from(account),
            .proposal = world_uuid(id),
            .operator_name = STR_LITERAL("cay"),
        };
        ledger_proposal_decide(ledger, 0, &decision, &answer);
        CHECK((unsigned)answer.code < CODE_COUNT);
        ledger_proposal_show(ledger, 0, decision.account, &decision.proposal, &answer);
        CHECK((unsigned)answer.code < CODE_COUNT);
    }
}

/* A new id, an old one, an account that is there: each is answered. */
static void work(struct ledger *ledger, uint32_t partition)
{
    char account[WORLD_ID_MAX];
    world_account_id(partition, HISTORY_PARTITIONS, partition == 0 ? "near" : "far", 0, account);
    ledger_resend(ledger);
    take(ledger);
    post(ledger, 1000, account);
    post(ledger, 30, account);
    take(ledger);
    work_proposals(ledger, account);
    take(ledger);
    ledger_check(ledger);
    while (ledger_checkpoint_hurry(ledger))
        take(ledger);
}

enum err recovering_run(uint32_t partition, const struct history_journal *journal,
                        const struct history_state *state, bool works)
{
    struct history_ports context = {journal, state};
    struct history_mem memory = {0, MEMORY_MAX};
    struct mem mem = history_mem_port(&memory);
    struct ledger_ports ports = history_ports_of(&context);
    struct ledger_config config = history_config(partition);
    struct ledger *ledger = ledger_new(&config, &ports, &mem);
    CHECK(ledger != NULL);
    enum err err = state != NULL ? restore(ledger, state) : ERR_OK;
    if (err == ERR_OK)
        err = replay(ledger, journal);
    if (err == ERR_OK)
        err = ledger_recovered(ledger);
    CHECK(err == ERR_OK || err == ERR_CORRUPT || err == ERR_VERSION);
    if (err == ERR_OK)
        ledger_check(ledger);
    if (err == ERR_OK && works)
        work(ledger, partition);
    ledger_destroy(&ledger);
    CHECK(memory.live == 0);
    return err;
}
