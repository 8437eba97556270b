/* Evolve: the only code that changes a ledger's state. One fact in, state changed, no failure.
 *
 * During recovery the account records may be newer than the fact (a checkpoint is written while facts go
 * on): an account skips every fact at or before its last one. Everything else is exactly as of the
 * checkpoint's position, so it takes every fact from there on. Before that position only ids are taken.
 */
#include "actors/ledger/account_states.h"
#include "actors/ledger/core.h"
#include "actors/ledger/hash.h"

#include <stdio.h>
#include <stdlib.h>

static void id_put(struct ledger *self, const struct uuid *id, uint64_t position)
{
    id_table_put(&self->ids, hash_uuid(id, self->config.hash_key), position, self->fact_us);
}

static void id_move(struct ledger *self, const struct uuid *id, uint64_t old, uint64_t position)
{
    id_table_move(&self->ids, hash_uuid(id, self->config.hash_key), old, position, self->fact_us);
}

static inline void account_apply(struct ledger *self, uint32_t index, uint64_t position, int64_t amount,
                                 int64_t balance_after, const uint8_t *fact, size_t size)
{
    struct account *account = account_at(&self->accounts, index);
    if (__builtin_expect(position <= account->last_position, 0)) {
        MARK("a replay passes over a posting that the account has already");
        return;
    }
    account->balance += amount;
    CHECK(account->balance == balance_after);
    account->last_position = position;
    if (__builtin_expect(account->flags & ACCOUNT_HAS_BOOK, 0)) {
        size_t fixed = fact_posting_size(fact[0]);
        book_apply(self, index, amount < 0, fact + fixed, size - fixed);
    }
    checkpoint_dirty(self, index);
}

/* The peer in "transit:CUR:PEER:OWN": one or two digits that stand in the account's own line. */
uint32_t evolve_transit_peer(const struct ledger *self, uint32_t transit)
{
    const char *digits = account_at(&self->accounts, transit)->id + sizeof "transit:CUR:" - 1;
    uint32_t peer = (uint32_t)(digits[0] - '0');
    return digits[1] == ':' ? peer : peer * 10 + (uint32_t)(digits[1] - '0');
}

static void evolve_sent(struct ledger *self, uint64_t position, const struct fact_posting *fact)
{
    id_put(self, &fact->id, position);
    if (position < self->checkpoint.restore_position || (fact->head.detail & FACT_FLAG_GROUP))
        return;
    link_push_request(self, evolve_transit_peer(self, fact->credit), position, &fact->id, LINK_CREDIT,
                      CODE_OK, fact->debit);
}

static void evolve_received(struct ledger *self, uint64_t position, const struct fact_posting *fact)
{
    if (position < self->checkpoint.restore_position || (fact->head.detail & FACT_FLAG_GROUP))
        return;
    struct link_answer answer = {.value = fact->credit_balance, .kind = LINK_CREDIT, .code = CODE_OK};
    link_push_answer(self, evolve_transit_peer(self, fact->debit), &answer);
}

static void evolve_returned(struct ledger *self, uint64_t position, const struct fact_posting *fact)
{
    if (position < self->checkpoint.restore_position) {
        MARK("a transfer that came back is replayed for its id only");
        id_put(self, &fact->id, position);
        return;
    }
    uint32_t peer = evolve_transit_peer(self, fact->debit);
    const struct link *link = &self->links[peer];
    id_move(self, &fact->id, link_request_at(link, link->resolved + 1)->position, position);
    link_pop_request(self, peer);
}

static void evolve_posting(struct ledger *self, uint64_t position, const uint8_t *bytes, size_t size)
{
    struct fact_posting fact;
    memcpy(&fact, bytes, sizeof fact);
    account_apply(self, fact.debit, position, -fact.amount, fact.debit_balance, bytes, size);
    account_apply(self, fact.credit, position, fact.amount, fact.credit_balance, bytes, size);
    if (position >= self->checkpoint.restore_position)
        self->posting_count++;
    if (__builtin_expect(fact.head.detail & FACT_FLAG_PROPOSED, 0) && fact.head.kind != FACT_RETURNED)
        proposal_note_posting(self, position); /* its id leads to the approval */
    else if (__builtin_expect(fact.head.kind <= FACT_WITHDRAWAL, 1))
        id_put(self, &fact.id, position);
    else if (fact.head.kind == FACT_SENT)
        evolve_sent(self, position, &fact);
    else if (fact.head.kind == FACT_RECEIVED)
        evolve_received(self, position, &fact);
    else if (fact.head.kind == FACT_HOLD_CAPTURED)
        hold_note_capture(self, position, bytes);
    else if (fact.head.kind == FACT_RETURNED)
        evolve_returned(self, position, &fact);
    else if (fact.head.kind == FACT_EXCHANGE_OUT || fact.head.kind == FACT_EXCHANGE_IN)
        id_put(self, &fact.id, position);
    else if (fact_is_remittance(fact.head.kind))
        remittance_note_posting(self, position, bytes);
    if (__builtin_expect(self->group_count > 0, 0) && fact.head.kind != FACT_RETURNED &&
        (fact.head.detail & FACT_FLAG_GROUP))
        group_note_posting(self, &fact);
}

/* The link as it was then is not known any more, so the id comes from the FACT_SENT itself. */
static void settled_before(struct ledger *self, const struct fact_settled *fact, uint64_t position)
{
    uint8_t bytes[CORE_FACT_MAX];
    struct fact_posting sent;
    if (!id_table_takes(&self->ids, position))
        return;
    MARK("a settled transfer is replayed for its id only");
    size_t size = core_fact_read(self, fact->sent_position, bytes, sizeof bytes);
    if (size < sizeof sent) {
        MARK("a replay cannot read what was sent: the shell gives it up");
        return;
    }
    memcpy(&sent, bytes, sizeof sent);
    id_move(self, &sent.id, fact->sent_position, position);
}

static void evolve_settled(struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    struct fact_settled fact;
    memcpy(&fact, bytes, sizeof fact);
    if (position < self->checkpoint.restore_position) {
        settled_before(self, &fact, position);
        return;
    }
    const struct link *link = &self->links[fact.peer];
    const struct link_request *request = link_request_at(link, link->resolved + 1);
    CHECK(request->position == fact.sent_position);
    id_move(self, &request->id, fact.sent_position, position);
    link_pop_request(self, fact.peer);
}

static void evolve_refused(struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    struct fact_refused fact;
    memcpy(&fact, bytes, sizeof fact);
    id_put(self, &fact.id, position);
    if (position >= self->checkpoint.restore_position)
        self->refusal_count++;
}

static void evolve_link(struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    struct fact_link fact;
    memcpy(&fact, bytes, sizeof fact);
    if (position < self->checkpoint.restore_position)
        return;
    if (fact.head.kind == FACT_PRUNED) {
        link_prune(self, fact.peer, fact.through);
        return;
    }
    struct link_answer answer = {
        .kind = (uint8_t)(fact.through >> 16),
        .code = fact.head.detail,
        .field = (uint8_t)fact.through,
        .item = (uint8_t)(fact.through >> 8),
    };
    link_push_answer(self, fact.peer, &answer);
}

/* ---- accounts --------------------------------------------------------------------------------------------- */

/* "house:fx:…" and the like; HOUSE_KINDS: another account. */
static enum house_kind evolve_house_kind(struct str id)
{
    static const struct str prefixes[HOUSE_KINDS] = {{"house:fx:", 9},
                                                     {"house:spread:", 13},
                                                     {"house:residue:", 14},
                                                     {"house:bank:", 11},
                                                     {"house:remittance:", 17}};
    int which = 0;
    while (which < HOUSE_KINDS && (id.length < prefixes[which].length ||
                                   memcmp(id.data, prefixes[which].data, prefixes[which].length) != 0))
        which++;
    return (enum house_kind)which;
}

/* Own accounts are found by what their id says. */
static void own_account_note(struct ledger *self, uint32_t index)
{
    struct account *account = account_at(&self->accounts, index);
    char id[ACCOUNT_ID_MAX + 1];
    uint32_t length = account_id_copy(&self->accounts, index, id);
    if (!text_is_reserved_id((struct str){id, length}))
        return;
    account->flags |= ACCOUNT_IS_HOUSE;
    self->accounts.house_count++;
    enum house_kind kind = evolve_house_kind((struct str){id, length});
    if (kind != HOUSE_KINDS) {
        self->houses[kind][account->currency] = index;
    } else if (id[0] == 'h') {
        self->house[account->currency] = index;
    } else {
        account->flags |= ACCOUNT_IS_TRANSIT;
        self->transit[evolve_transit_peer(self, index) * 256u + account->currency] = index;
    }
}

/* Puts an account that is known from a fact or from the state store. Memory has been ensured. */
struct account *evolve_open(struct ledger *self, uint32_t index, struct str id, struct str owner,
                            struct str product, currency_index currency)
{
    struct account *account = account_insert(&self->accounts, index, id, owner, product);
    account->currency = currency;
    machine_move(&ACCOUNT_STATES, &account->state, ACCOUNT_ACTIVE);
    own_account_note(self, index);
    return account;
}

static void assigned_number_note(struct ledger *self, struct str id)
{
    char expected[ACCOUNT_ID_MAX + 1];
    if (id.length < 4 || id.data[0] != 'T')
        return;
    char copy[ACCOUNT_ID_MAX + 1] = {0};
    memcpy(copy, id.data, id.length);
    const char *dash = strchr(copy, '-');
    uint64_t number = dash ? strtoull(dash + 1, NULL, 10) : 0;
    int length = snprintf(expected, sizeof expected, "T%u-%010llu", self->config.partition,
                          (unsigned long long)number);
    bool ours = (uint32_t)length == id.length && memcmp(expected, copy, id.length) == 0;
    if (ours && number >= self->next_account_number && number < UINT64_MAX / 2)
        self->next_account_number = number + 1;
}

static void evolve_opened(struct ledger *self, uint64_t position, const struct fact_account *fact,
                          const struct fact_strings *strings)
{
    if (!uuid_is_nil(&fact->id))
        id_put(self, &fact->id, position);
    if (position < self->checkpoint.restore_position)
        return;
    struct str id = strings->by_tag[FACT_TAG_ACCOUNT];
    assigned_number_note(self, id);
    bool known =
        fact->account < self->accounts.count && account_at(&self->accounts, fact->account)->id_length > 0;
    if (known) {
        MARK("a replayed opening finds the account there already");
        return;
    }
    struct account *account =
        evolve_open(self, fact->account, id, strings->by_tag[FACT_TAG_OWNER],
                    strings->by_tag[FACT_TAG_PRODUCT], currency_find(fact->currency, CURRENCY_CODE_LENGTH));
    account->minimum_balance = fact->minimum_balance;
    account->ceiling = fact->ceiling;
    account->last_position = position;
    if (fact->has_book)
        account_keep_book(&self->accounts, fact->account);
    account_more_at(&self->accounts, fact->account)->opened_us = self->fact_us;
    checkpoint_dirty(self, fact->account);
}

static void account_change(struct ledger *self, const struct fact_account *fact,
                           const struct fact_strings *strings)
{
    struct account *account = account_at(&self->accounts, fact->account);
    if (fact->head.kind == FACT_ACCOUNT_CHANGED) {
        account->minimum_balance = fact->minimum_balance;
        account->ceiling = fact->ceiling;
        account_set_owner(&self->accounts, fact->account, strings->by_tag[FACT_TAG_OWNER]);
        account_set_product(&self->accounts, fact->account, strings->by_tag[FACT_TAG_PRODUCT]);
    } else {
        uint8_t after = account_state_after(fact->head.kind, account->state);
        machine_move(&ACCOUNT_STATES, &account->state, after);
    }
}

static void evolve_account(struct ledger *self, uint64_t position, const uint8_t *bytes, size_t size)
{
    struct fact_account fact;
    struct fact_strings strings;
    memcpy(&fact, bytes, sizeof fact);
    enum err err = fact_strings_read(bytes + sizeof fact, size - sizeof fact, &strings);
    CHECK(err == ERR_OK);
    if (fact.head.kind == FACT_ACCOUNT_OPENED) {
        evolve_opened(self, position, &fact, &strings);
        return;
    }
    struct account *account = account_at(&self->accounts, fact.account);
    if (position <= account->last_position) {
        MARK("a replay passes over a change that the account has already");
        return;
    }
    account_change(self, &fact, &strings);
    account->last_position = position;
    checkpoint_dirty(self, fact.account);
}

/* ---- the FX desk ------------------------------------------------------------------------------------------ */

static void evolve_quoted(struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    struct fact_quote fact;
    memcpy(&fact, bytes, sizeof fact);
    id_put(self, &fact.id, position);
    if (position >= self->checkpoint.restore_position)
        self->desk.quote_count++;
}

static void evolve_quote_used(struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    struct fact_quote_used fact;
    memcpy(&fact, bytes, sizeof fact);
    id_move(self, &fact.quote, fact.quoted, position);
}

void ledger_evolve(struct ledger *self, uint64_t position, const uint8_t *fact, size_t size)
{
    switch ((enum fact_kind)fact[0]) {
    case FACT_TRANSFER:
    case FACT_DEPOSIT:
    case FACT_WITHDRAWAL:
    case FACT_SENT:
    case FACT_RECEIVED:
    case FACT_RETURNED:
    case FACT_EXCHANGE_OUT:
    case FACT_EXCHANGE_IN:
    case FACT_EXCHANGE_SPREAD:
    case FACT_EXCHANGE_RESIDUE:
    case FACT_HOLD_CAPTURED:
    case FACT_REMITTANCE_PULLED:
    case FACT_REMITTANCE_DEPOSITED:
    case FACT_REMITTANCE_WITHDRAWN:
    case FACT_REMITTANCE_PAID:
    case FACT_REMITTANCE_RETURNED:
        evolve_posting(self, position, fact, size);
        return;
    case FACT_SETTLED:
        evolve_settled(self, position, fact);
        return;
    case FACT_REFUSED:
        evolve_refused(self, position, fact);
        return;
    case FACT_BOUNCED:
    case FACT_PRUNED:
        evolve_link(self, position, fact);
        return;
    case FACT_ACCOUNT_OPENED:
    case FACT_ACCOUNT_CHANGED:
    case FACT_ACCOUNT_FROZEN:
    case FACT_ACCOUNT_UNFROZEN:
    case FACT_ACCOUNT_CLOSED:
        evolve_account(self, position, fact, size);
        return;
    case FACT_GROUP_STARTED:
    case FACT_GROUP_PREPARED:
    case FACT_GROUP_VOTED:
    case FACT_GROUP_DECIDED:
    case FACT_GROUP_CLOSED:
    case FACT_GROUP_DONE:
    case FACT_GROUP_ANSWERED:
        group_evolve(self, position, fact, size);
        return;
    case FACT_RATE_SET:
    case FACT_PAIR_SET:
        if (position >= self->checkpoint.restore_position)
            desk_evolve(&self->desk, fact, size);
        return;
    case FACT_QUOTED:
        evolve_quoted(self, position, fact);
        return;
    case FACT_QUOTE_USED:
        evolve_quote_used(self, position, fact);
        return;
    case FACT_PROPOSED:
    case FACT_PROPOSAL_APPROVED:
    case FACT_PROPOSAL_REJECTED:
    case FACT_PROPOSAL_EXPIRED:
        proposal_evolve(self, position, fact);
        return;
    case FACT_HOLD_OPENED:
    case FACT_HOLD_RELEASED:
    case FACT_HOLD_EXPIRED:
        hold_evolve(self, position, fact);
        return;
    case FACT_REMITTANCE_REQUESTED:
    case FACT_REMITTANCE_MOVED:
    case FACT_REMITTANCE_NOTED:
        remittance_evolve(self, position, fact);
        return;
    case FACT_KIND_COUNT:
        break;
    }
    CHECK_UNREACHABLE();
}
