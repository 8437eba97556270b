#include "broker/offline/audit.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "actors/base/code.h"

void audit_init(struct audit *self, uint32_t partition, uint32_t partitions, currency_index base,
                struct bridge *bridge)
{
    *self = (struct audit){.partition = partition, .partitions = partitions, .base = base, .bridge = bridge};
    self->end_position = FACT_FIRST;
    tally_init(&self->tally, partition, partitions);
    id_sort_init(&self->ids, ID_SORT_MEMORY_DEFAULT);
}

void audit_release(struct audit *self)
{
    tally_release(&self->tally);
    id_sort_release(&self->ids);
    proposal_audit_release(&self->proposals);
    hold_audit_release(&self->holds);
    desk_audit_release(&self->desk);
    remittance_audit_release(&self->remittances);
    free(self->accounts);
    self->accounts = NULL;
}

static enum err wrong(const char **what, const char *why)
{
    *what = why;
    return ERR_CORRUPT;
}

static uint64_t text_hash(struct str text)
{
    return text.length == 0 ? 0 : XXH3_64bits(text.data, text.length);
}

/* ---- accounts --------------------------------------------------------------------------------- */

static bool id_begins(struct str id, const char *word)
{
    size_t length = strlen(word);
    return id.length > length && memcmp(id.data, word, length) == 0;
}

static uint8_t role_of(struct str id)
{
    static const struct {
        const char *prefix;
        enum audit_role role;
    } roles[] = {{"transit:", AUDIT_TRANSIT},     {"house:fx:", AUDIT_FX},
                 {"house:spread:", AUDIT_SPREAD}, {"house:residue:", AUDIT_RESIDUE},
                 {"house:bank:", AUDIT_BANK},     {"house:remittance:", AUDIT_REMITTANCE},
                 {"house:", AUDIT_CASH}};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        if (id_begins(id, roles[i].prefix))
            return (uint8_t)roles[i].role;
    }
    return AUDIT_CUSTOMER;
}

/* "house:fx:USD:0": the last but one part is the account's currency. */
static bool house_fits(struct str id, const char currency[CURRENCY_CODE_LENGTH])
{
    uint32_t end = id.length;
    while (end > 0 && id.data[end - 1] != ':')
        end--;
    return end > CURRENCY_CODE_LENGTH + 1 &&
           memcmp(id.data + end - 1 - CURRENCY_CODE_LENGTH, currency, CURRENCY_CODE_LENGTH) == 0 &&
           id.data[end - 2 - CURRENCY_CODE_LENGTH] == ':';
}

static enum err open_account(struct audit *self, const struct fact_account *fact,
                             const struct fact_strings *strings, const char **what)
{
    struct str id = strings->by_tag[FACT_TAG_ACCOUNT];
    currency_index currency = currency_find(fact->currency, CURRENCY_CODE_LENGTH);
    if (!text_is_account_id(id) || currency == CURRENCY_NONE)
        return wrong(what, "an account was opened with an id or a currency that cannot be");
    if (tally_home(id, self->partitions) != self->partition)
        return wrong(what, "an account was opened that belongs to another partition");
    uint8_t role = role_of(id);
    if (role != AUDIT_CUSTOMER && role != AUDIT_TRANSIT && !house_fits(id, fact->currency))
        return wrong(what, "a house account is in another currency than its id says");
    if (fact->previous != 0)
        return wrong(what, "an account has a history before it was opened");
    if (self->count == self->capacity) {
        uint32_t wanted = self->capacity == 0 ? 1024 : self->capacity * 2;
        struct audit_account *bigger = realloc(self->accounts, wanted * sizeof *bigger);
        if (bigger == NULL)
            return ERR_NO_MEMORY;
        self->accounts = bigger;
        self->capacity = wanted;
    }
    struct audit_account *account = &self->accounts[self->count++];
    *account = (struct audit_account){
        .minimum = fact->minimum_balance,
        .ceiling = fact->ceiling,
        .last = self->position,
        .id_hash = text_hash(id),
        .currency = currency,
        .state = ACCOUNT_ACTIVE,
        .role = role,
    };
    self->customers += account->role == AUDIT_CUSTOMER;
    return ERR_OK;
}

static enum err change_account(struct audit *self, const struct fact_account *fact, const char **what)
{
    if (fact->account >= self->count)
        return wrong(what, "a fact is of an account that was never opened");
    struct audit_account *account = &self->accounts[fact->account];
    if (fact->previous != account->last)
        return wrong(what, "an account's history has a gap");
    if (account->state == ACCOUNT_CLOSED || account->role != AUDIT_CUSTOMER)
        return wrong(what, "an account was changed that is closed, or teller's own");
    if (fact->head.kind == FACT_ACCOUNT_CLOSED && account->balance != 0)
        return wrong(what, "an account was closed that is not empty");
    account->last = self->position;
    account->minimum = fact->minimum_balance;
    account->ceiling = fact->ceiling;
    if (fact->head.kind == FACT_ACCOUNT_FROZEN)
        account->state = ACCOUNT_FROZEN;
    else if (fact->head.kind == FACT_ACCOUNT_UNFROZEN)
        account->state = ACCOUNT_ACTIVE;
    else if (fact->head.kind == FACT_ACCOUNT_CLOSED)
        account->state = ACCOUNT_CLOSED;
    return ERR_OK;
}

static enum err check_account(struct audit *self, const uint8_t *bytes, size_t size, const char **what)
{
    struct fact_account fact;
    struct fact_strings strings;
    memcpy(&fact, bytes, sizeof fact);
    if (fact_strings_read(bytes + sizeof fact, size - sizeof fact, &strings) != ERR_OK)
        return wrong(what, "the strings of a fact are malformed");
    return fact.head.kind == FACT_ACCOUNT_OPENED ? open_account(self, &fact, &strings, what)
                                                 : change_account(self, &fact, what);
}

/* ---- postings --------------------------------------------------------------------------------- */

/* Who stands on the two sides of each kind. */
static const uint8_t DEBIT_ROLE[] = {
    [FACT_HOLD_CAPTURED] = AUDIT_CUSTOMER,
    [FACT_TRANSFER] = AUDIT_CUSTOMER,
    [FACT_DEPOSIT] = AUDIT_CASH,
    [FACT_WITHDRAWAL] = AUDIT_CUSTOMER,
    [FACT_SENT] = AUDIT_CUSTOMER,
    [FACT_RECEIVED] = AUDIT_TRANSIT,
    [FACT_RETURNED] = AUDIT_TRANSIT,
    [FACT_EXCHANGE_OUT] = AUDIT_CUSTOMER,
    [FACT_EXCHANGE_IN] = AUDIT_FX,
    [FACT_EXCHANGE_SPREAD] = AUDIT_FX,
    [FACT_EXCHANGE_RESIDUE] = AUDIT_FX,
    [FACT_REMITTANCE_PULLED] = AUDIT_BANK,
    [FACT_REMITTANCE_DEPOSITED] = AUDIT_REMITTANCE,
    [FACT_REMITTANCE_WITHDRAWN] = AUDIT_CUSTOMER,
    [FACT_REMITTANCE_PAID] = AUDIT_REMITTANCE,
    [FACT_REMITTANCE_RETURNED] = AUDIT_REMITTANCE,
};
static const uint8_t CREDIT_ROLE[] = {
    [FACT_HOLD_CAPTURED] = AUDIT_CASH,
    [FACT_TRANSFER] = AUDIT_CUSTOMER,
    [FACT_DEPOSIT] = AUDIT_CUSTOMER,
    [FACT_WITHDRAWAL] = AUDIT_CASH,
    [FACT_SENT] = AUDIT_TRANSIT,
    [FACT_RECEIVED] = AUDIT_CUSTOMER,
    [FACT_RETURNED] = AUDIT_CUSTOMER,
    [FACT_EXCHANGE_OUT] = AUDIT_FX,
    [FACT_EXCHANGE_IN] = AUDIT_CUSTOMER,
    [FACT_EXCHANGE_SPREAD] = AUDIT_SPREAD,
    [FACT_EXCHANGE_RESIDUE] = AUDIT_RESIDUE,
    [FACT_REMITTANCE_PULLED] = AUDIT_REMITTANCE,
    [FACT_REMITTANCE_DEPOSITED] = AUDIT_CUSTOMER,
    [FACT_REMITTANCE_WITHDRAWN] = AUDIT_REMITTANCE,
    [FACT_REMITTANCE_PAID] = AUDIT_BANK,
    [FACT_REMITTANCE_RETURNED] = AUDIT_CUSTOMER,
};

/* The rules that bind customers. Parts of a group were judged when they were reserved, and what comes back is
 * always taken. */
static enum err check_limits(const struct audit_account *debit, const struct audit_account *credit,
                             const struct fact_posting *fact, const char **what)
{
    bool is_free = fact->head.kind == FACT_RETURNED || (fact->head.detail & FACT_FLAG_GROUP);
    if (is_free)
        return ERR_OK;
    if (debit->role == AUDIT_CUSTOMER &&
        (debit->state != ACCOUNT_ACTIVE || fact->debit_balance < debit->minimum))
        return wrong(what, "an account paid that was not active or had not the money");
    if (credit->role == AUDIT_CUSTOMER &&
        (credit->state != ACCOUNT_ACTIVE ||
         (credit->ceiling != INT64_MAX && fact->credit_balance > credit->ceiling)))
        return wrong(what, "an account received that was not active or had not the room");
    return ERR_OK;
}

static enum err apply(struct audit *self, const struct fact_posting *fact, const char **what)
{
    struct audit_account *debit = &self->accounts[fact->debit], *credit = &self->accounts[fact->credit];
    int64_t from, to;
    if (debit->currency != credit->currency)
        return wrong(what, "a posting is between accounts of two currencies");
    if (fact_position48_get(fact->debit_previous) != debit->last ||
        fact_position48_get(fact->credit_previous) != credit->last)
        return wrong(what, "an account's history has a gap");
    if (!money_sub(debit->balance, fact->amount, &from) || from != fact->debit_balance ||
        !money_add(credit->balance, fact->amount, &to) || to != fact->credit_balance)
        return wrong(what, "a balance after a posting is not the sum of the postings");
    enum err err = check_limits(debit, credit, fact, what);
    debit->balance = from;
    credit->balance = to;
    debit->last = credit->last = self->position;
    self->sums[debit->role][debit->currency] -= fact->amount;
    self->sums[credit->role][credit->currency] += fact->amount;
    return err;
}

/* Hash of what both partitions know of a transfer between them. */
static uint64_t texts_of(const struct audit_account *here, bool here_pays, const struct fact_strings *strings)
{
    uint64_t remote = text_hash(strings->by_tag[FACT_TAG_REMOTE]);
    const uint64_t parts[] = {
        here_pays ? here->id_hash : remote,
        here_pays ? remote : here->id_hash,
        text_hash(strings->by_tag[FACT_TAG_MEMO]),
        text_hash(strings->by_tag[FACT_TAG_REFERENCE]),
    };
    return XXH3_64bits(parts, sizeof parts);
}

static enum err check_remote(const struct audit *self, const struct fact_posting *fact, struct str remote,
                             uint32_t peer, const char **what)
{
    if (peer == TALLY_NO_PEER)
        return wrong(what, "money on its way stands in no transit account");
    if (tally_home(remote, self->partitions) != peer)
        return wrong(what, fact->head.kind == FACT_SENT
                               ? "money was sent to a partition that is not the account's"
                               : "money came from a partition that is not the account's");
    return ERR_OK;
}

static enum err bridge_posting(struct audit *self, const struct fact_posting *fact,
                               const struct fact_strings *strings, const char **what)
{
    bool pays = fact->head.kind == FACT_SENT;
    bool returned = fact->head.kind == FACT_RETURNED;
    uint32_t peer = self->tally.peers[pays ? fact->credit : fact->debit];
    const struct audit_account *here = &self->accounts[pays ? fact->debit : fact->credit];
    struct bridge_request seen = {.kind = LINK_CREDIT,
                                  .currency = here->currency,
                                  .debit = pays ? fact->debit : fact->credit,
                                  .position = self->position,
                                  .amount = fact->amount,
                                  .texts = texts_of(here, pays || returned, strings),
                                  .id = fact->id};
    struct bridge_answer answer = {.code = 0, .value = fact->credit_balance};
    enum err err = check_remote(self, fact, strings->by_tag[FACT_TAG_REMOTE], peer, what);
    if (err != ERR_OK)
        return err;
    if (!returned && (fact->head.detail & FACT_FLAG_GROUP)) {
        const struct bridge_leg leg = {.id = fact->id,
                                       .from = pays ? self->partition : peer,
                                       .to = pays ? peer : self->partition,
                                       .currency = here->currency,
                                       .is_sent = pays,
                                       .amount = fact->amount};
        return bridge_leg(self->bridge, &leg, what);
    }
    if (pays)
        return bridge_made(self->bridge, self->partition, peer, &seen);
    if (!returned)
        return bridge_processed(self->bridge, peer, self->partition, &seen, false, &answer, what);
    const struct bridge_request *oldest = bridge_oldest(self->bridge, self->partition, peer);
    seen.position = oldest != NULL ? oldest->position : 0; /* a return does not say it */
    answer = (struct bridge_answer){.code = fact->head.detail};
    if (answer.code == CODE_OK)
        return wrong(what, "money came back without a reason");
    return bridge_resolved(self->bridge, self->partition, peer, &seen, &answer, what);
}

static enum err check_posting(struct audit *self, const uint8_t *bytes, size_t size, const char **what)
{
    struct fact_posting fact;
    struct fact_strings strings;
    size_t fixed = fact_posting_size(bytes[0]);
    memcpy(&fact, bytes, sizeof fact);
    if (fact_strings_read(bytes + fixed, size - fixed, &strings) != ERR_OK)
        return wrong(what, "the strings of a fact are malformed");
    if (fact.debit >= self->count || fact.credit >= self->count || fact.debit == fact.credit)
        return wrong(what, "a posting names an account that was never opened");
    if (fact.amount < 1 || fact.amount > MONEY_MAX)
        return wrong(what, "an amount is out of range");
    if (self->accounts[fact.debit].role != DEBIT_ROLE[fact.head.kind] ||
        self->accounts[fact.credit].role != CREDIT_ROLE[fact.head.kind])
        return wrong(what, "a posting stands between accounts that its kind does not allow");
    bool is_exchange = fact.head.kind >= FACT_EXCHANGE_OUT && fact.head.kind <= FACT_EXCHANGE_RESIDUE;
    if (is_exchange && !(fact.head.detail & FACT_FLAG_GROUP))
        return wrong(what, "one leg of an exchange stands by itself");
    self->postings++;
    enum err err = apply(self, &fact, what);
    if (err == ERR_OK && fact.head.kind >= FACT_SENT && fact.head.kind <= FACT_RETURNED)
        err = bridge_posting(self, &fact, &strings, what);
    bool answers = (fact.head.kind <= FACT_SENT && !(fact.head.detail & FACT_FLAG_PROPOSED)) ||
                   fact.head.kind == FACT_HOLD_CAPTURED || fact.head.kind == FACT_EXCHANGE_OUT ||
                   fact.head.kind == FACT_EXCHANGE_IN;
    if (err != ERR_OK || !answers)
        return err;
    struct uuid id = fact.id;
    return id_sort_add(&self->ids, &id, self->position, self->time_us);
}

/* A step of a hold stands in its account's history and moves nothing. */
static enum err check_hold(struct audit *self, const uint8_t *bytes, const char **what)
{
    struct fact_hold fact;
    memcpy(&fact, bytes, sizeof fact);
    if (fact.account >= self->count || self->accounts[fact.account].role != AUDIT_CUSTOMER)
        return wrong(what, "a hold is on no customer's account");
    struct audit_account *account = &self->accounts[fact.account];
    bool opens = fact.head.kind == FACT_HOLD_OPENED;
    if (fact.previous != account->last)
        return wrong(what, "an account's history has a gap");
    if (fact.balance != account->balance || fact.pending < 0)
        return wrong(what, "a hold says another balance than is there");
    if (opens && account->state != ACCOUNT_ACTIVE)
        return wrong(what, "a hold opens on an account that is not active");
    account->last = self->position;
    struct uuid id = fact.id;
    return uuid_is_nil(&id) ? ERR_OK : id_sort_add(&self->ids, &id, self->position, self->time_us);
}

/* ---- links and groups ------------------------------------------------------------------------- */

static enum err bridge_settled(struct audit *self, const uint8_t *bytes, const char **what)
{
    struct fact_settled fact;
    memcpy(&fact, bytes, sizeof fact);
    const struct bridge_request *oldest = bridge_oldest(self->bridge, self->partition, fact.peer);
    if (oldest == NULL)
        return wrong(what, "a transfer was settled that is not open");
    struct bridge_request seen = *oldest; /* what the fact does not say */
    seen.kind = LINK_CREDIT;
    seen.position = fact.sent_position;
    const struct bridge_answer answer = {.code = CODE_OK, .value = fact.remote_balance};
    return bridge_resolved(self->bridge, self->partition, fact.peer, &seen, &answer, what);
}

static enum err bridge_group(struct audit *self, const struct tally_step *step, const uint8_t *bytes,
                             const char **what)
{
    struct fact_group fact;
    memcpy(&fact, bytes, sizeof fact);
    struct bridge_request seen = {.kind = (uint8_t)step->kind, .id = fact.id};
    struct bridge_answer answer = {.code = fact.head.detail};
    if (step->kind == LINK_DECIDE)
        seen.code = fact.head.detail;
    if (step->event == TALLY_PROCESSED) {
        answer.code = step->kind == LINK_PREPARE ? CODE_OK : fact.head.detail;
        return bridge_processed(self->bridge, step->peer, self->partition, &seen, false, &answer, what);
    }
    if (step->event == TALLY_RESOLVED) {
        const struct bridge_request *oldest = bridge_oldest(self->bridge, self->partition, step->peer);
        seen.position = oldest != NULL ? oldest->position : 0; /* the fact does not say it */
        return bridge_resolved(self->bridge, self->partition, step->peer, &seen, &answer, what);
    }
    seen.position = self->position;
    enum err err = ERR_OK;
    for (uint32_t peer = 0; peer < self->partitions && err == ERR_OK; peer++) {
        if (step->peers >> peer & 1)
            err = bridge_made(self->bridge, self->partition, peer, &seen);
    }
    return err;
}

static enum err bridge_bounced(struct audit *self, const struct tally_step *step, const uint8_t *bytes,
                               const char **what)
{
    const struct bridge_request seen = {.kind = (uint8_t)step->kind};
    const struct bridge_answer answer = {.code = bytes[1]};
    return bridge_processed(self->bridge, step->peer, self->partition, &seen, true, &answer, what);
}

static enum err check_other(struct audit *self, const struct tally_step *step, const uint8_t *bytes,
                            const char **what)
{
    if (bytes[0] == FACT_SETTLED)
        return bridge_settled(self, bytes, what);
    if (bytes[0] == FACT_BOUNCED)
        return bridge_bounced(self, step, bytes, what);
    if (bytes[0] == FACT_QUOTED) {
        struct fact_quote fact;
        memcpy(&fact, bytes, sizeof fact);
        struct uuid id = fact.id;
        return id_sort_add(&self->ids, &id, self->position, self->time_us);
    }
    if (bytes[0] == FACT_REFUSED) {
        struct fact_refused fact;
        memcpy(&fact, bytes, sizeof fact);
        struct uuid id = fact.id;
        return id_sort_add(&self->ids, &id, self->position, self->time_us);
    }
    if (bytes[0] == FACT_REMITTANCE_REQUESTED) {
        struct fact_remittance fact;
        memcpy(&fact, bytes, sizeof fact);
        struct uuid id = fact.id;
        return id_sort_add(&self->ids, &id, self->position, self->time_us);
    }
    if (bytes[0] == FACT_PROPOSED) {
        struct fact_proposal fact;
        memcpy(&fact, bytes, sizeof fact);
        struct uuid id = fact.id;
        return id_sort_add(&self->ids, &id, self->position, self->time_us);
    }
    return fact_is_group(bytes[0]) && step->event != TALLY_NOTHING ? bridge_group(self, step, bytes, what)
                                                                   : ERR_OK;
}

/* A quote's account stands where the debited one of a posting does. */
static enum err check_desk(struct audit *self, const uint8_t *bytes, size_t size, const char **what)
{
    struct fact_quote fact = {0};
    memcpy(&fact, bytes, size < sizeof fact ? size : sizeof fact);
    bool has_account = (bytes[0] == FACT_QUOTED || fact_is_posting(bytes[0])) && fact.account < self->count;
    const struct desk_audit_place place = {
        .partition = self->partition,
        .position = self->position,
        .time_us = self->time_us,
        .base = self->base,
        .account = has_account ? self->accounts[fact.account].currency : CURRENCY_NONE,
    };
    return desk_audit_fact(&self->desk, &self->bridge->exchanges, &place, bytes, size, what);
}

/* The account stands where a posting has the debited one. */
static enum err check_remittance(struct audit *self, const uint8_t *bytes, size_t size, const char **what)
{
    struct fact_remittance fact;
    memcpy(&fact, bytes, sizeof fact);
    if (fact.account >= self->count)
        return wrong(what, "a remittance is of an account that was never opened");
    return remittance_audit_fact(&self->remittances, self->position, self->count,
                                 self->accounts[fact.account].currency, bytes, size, what);
}

static enum err check_fact(struct audit *self, const uint8_t *bytes, size_t size, const char **what)
{
    struct tally_step step;
    enum err err = tally_fact(&self->tally, bytes, size, &step, what);
    if (err == ERR_OK)
        err = proposal_audit_fact(&self->proposals, self->position, self->time_us, self->count, bytes, size,
                                  what);
    if (err == ERR_OK && fact_is_hold(bytes[0]))
        err = hold_audit_fact(&self->holds, self->position, self->time_us, bytes, what);
    if (err == ERR_OK)
        err = check_desk(self, bytes, size, what);
    if (err == ERR_OK && fact_is_remittance(bytes[0]))
        err = check_remittance(self, bytes, size, what);
    if (err != ERR_OK)
        return err;
    if (fact_is_hold(bytes[0]) && bytes[0] != FACT_HOLD_CAPTURED)
        return check_hold(self, bytes, what);
    if (fact_is_posting(bytes[0]))
        return check_posting(self, bytes, size, what);
    if (bytes[0] >= FACT_ACCOUNT_OPENED && bytes[0] <= FACT_ACCOUNT_CLOSED)
        return check_account(self, bytes, size, what);
    return check_other(self, &step, bytes, what);
}

/* ---- commits ---------------------------------------------------------------------------------- */

static enum err check_sums(const struct audit *self, const char **what)
{
    for (size_t c = 0; c < currency_count(); c++) {
        __int128 sum = 0;
        for (int role = 0; role < AUDIT_ROLE_COUNT; role++)
            sum += self->sums[role][c];
        if (sum != 0)
            return wrong(what, "the postings of a currency do not sum to zero");
        if (self->sums[AUDIT_REMITTANCE][c] != self->remittances.clearing[c])
            return wrong(what, "the house remittance account is not the sum of what is between two steps");
    }
    return ERR_OK;
}

enum err audit_commit(struct audit *self, const struct journal_commit *commit, struct fault *fault)
{
    const char *what = "";
    uint32_t count = 0;
    enum err err = ERR_OK;
    self->sequence = commit->sequence;
    if (commit->time_us < self->time_us)
        return fault_at(fault, self->partition, commit->position, commit->sequence, "time goes back");
    self->time_us = commit->time_us;
    for (size_t at = 0, size; at < commit->length && err == ERR_OK; at += size, count++) {
        self->position = commit->position + at / FACT_WORD;
        err = fact_check(commit->facts + at, commit->length - at, &size);
        if (err != ERR_OK)
            what = "a fact is malformed";
        else
            err = check_fact(self, commit->facts + at, size, &what);
        if (err != ERR_OK)
            break;
    }
    if (err == ERR_OK && count != commit->fact_count)
        err = wrong(&what, "a commit holds another number of facts than it says");
    const char *missing = err == ERR_OK ? desk_audit_commit(&self->desk) : NULL;
    if (missing != NULL)
        err = wrong(&what, missing);
    if (err == ERR_OK)
        err = check_sums(self, &what);
    if (err == ERR_CORRUPT)
        return fault_at(fault, self->partition, self->position, self->sequence, "%s", what);
    self->commits++;
    self->end_position = commit->position + commit->length / FACT_WORD;
    self->facts += count;
    return fault_stop(fault, err, "checking a journal");
}

/* ---- the end ---------------------------------------------------------------------------------- */

enum err audit_ids(struct audit *self, int64_t retention_us, struct fault *fault)
{
    struct id_sort_entry first, second;
    enum err err = id_sort_check(&self->ids, retention_us, &first, &second);
    if (err != ERR_CORRUPT)
        return fault_stop(fault, err, "sorting the transaction ids (see TMPDIR)");
    char id[UUID_TEXT_LENGTH + 1];
    uuid_format(&first.id, id);
    return fault_at(fault, self->partition, second.position, 0,
                    "transaction %s was answered twice: at position %llu, and here", id,
                    (unsigned long long)first.position);
}

static enum err compare_account(const struct audit *self, const struct ledger *ledger, uint32_t index,
                                struct fault *fault)
{
    const struct audit_account *account = &self->accounts[index];
    struct ledger_account_view view, found;
    if (!ledger_account_at(ledger, index, &view))
        return fault_at(fault, self->partition, account->last, 0, "the core does not know an account");
    if (view.balance != account->balance || view.last_position != account->last ||
        view.minimum_balance != account->minimum || view.ceiling != account->ceiling ||
        view.state != account->state || view.currency != account->currency)
        return fault_at(fault, self->partition, account->last, 0,
                        "the core's books and the checker's differ on account %s", view.id);
    struct str id = {view.id, view.id_length};
    if (ledger_account_show(ledger, id, &found) != CODE_OK || found.index != index)
        return fault_at(fault, self->partition, account->last, 0, "account %s was opened twice", view.id);
    return ERR_OK;
}

/* What the accounts hold is what the postings moved. */
static enum err compare_sums(const struct audit *self, struct fault *fault)
{
    __int128 held[AUDIT_ROLE_COUNT][256] = {{0}};
    for (uint32_t i = 0; i < self->count; i++)
        held[self->accounts[i].role][self->accounts[i].currency] += self->accounts[i].balance;
    for (size_t c = 1; c < currency_count(); c++) {
        for (int role = 0; role < AUDIT_ROLE_COUNT; role++) {
            if (held[role][c] != self->sums[role][c])
                return fault_at(fault, self->partition, self->position, self->sequence,
                                "the balances in %s are not the sum of the postings",
                                currency_at((currency_index)c)->code);
        }
    }
    return ERR_OK;
}

enum err audit_compare(const struct audit *self, const struct ledger *ledger, struct fault *fault)
{
    enum err err = ERR_OK;
    if (ledger_account_count(ledger) != self->count)
        err = fault_at(fault, self->partition, self->position, self->sequence,
                       "the core has another number of accounts than were opened");
    for (uint32_t i = 0; i < self->count && err == ERR_OK; i++)
        err = compare_account(self, ledger, i, fault);
    const char *differs = proposal_audit_compare(&self->proposals, ledger);
    if (!differs)
        differs = hold_audit_compare(&self->holds, ledger);
    if (!differs)
        differs = remittance_audit_compare(&self->remittances, ledger);
    if (err == ERR_OK && differs != NULL)
        err = fault_at(fault, self->partition, self->position, self->sequence, "%s", differs);
    return err == ERR_OK ? compare_sums(self, fault) : err;
}

static bool group_has_item(const struct tally_group *group, const struct uuid *id)
{
    struct ledger_command item;
    const uint8_t *at = group->items;
    size_t left = group->length;
    for (size_t size; left > 0 && (size = link_item_read(at, left, &item)) > 0; at += size, left -= size) {
        if (uuid_equal(&item.id, id))
            return true;
    }
    return false;
}

static bool leg_is_open(const struct audit *audits, uint32_t partitions, const struct bridge_leg *leg)
{
    for (uint32_t p = 0; p < partitions; p++) {
        for (const struct tally_group *group = audits[p].tally.groups; group != NULL; group = group->next) {
            if (group->coordinator == p && group_has_item(group, &leg->id))
                return true;
        }
    }
    return false;
}

static enum err check_legs(const struct audit *audits, uint32_t partitions, struct fault *fault)
{
    const struct bridge *bridge = audits[0].bridge;
    for (size_t i = 0; i < BRIDGE_LEG_BUCKETS; i++) {
        for (const struct bridge_leg *leg = bridge->legs[i]; leg != NULL; leg = leg->next) {
            char id[UUID_TEXT_LENGTH + 1];
            uuid_format(&leg->id, id);
            if (!leg_is_open(audits, partitions, leg))
                return fault_at(fault, leg->is_sent ? leg->to : leg->from, 0, 0,
                                "transaction %s of a group was carried out on one side only", id);
        }
    }
    return ERR_OK;
}

/* An exchange that has moved money is answered, or its group is open. */
static enum err check_exchanges(const struct audit *audits, struct fault *fault)
{
    const struct audit_promises *used = &audits[0].bridge->exchanges;
    const struct audit_promise *at = NULL;
    while ((at = desk_audit_half_next(used, at)) != NULL) {
        char id[UUID_TEXT_LENGTH + 1];
        uuid_format(&at->key, id);
        if (tally_group_find(&audits[at->partition].tally, &at->key, at->partition) == NULL)
            return fault_at(fault, at->partition, at->position, 0,
                            "exchange %s of this quote moved money and was never answered", id);
    }
    return ERR_OK;
}

enum err audit_transit(const struct audit *audits, uint32_t partitions, uint64_t *open, struct fault *fault)
{
    __int128 expected[256] = {0};
    enum err err = check_legs(audits, partitions, fault);
    if (err == ERR_OK)
        err = check_exchanges(audits, fault);
    *open = bridge_in_transit(audits[0].bridge, expected);
    for (size_t c = 1; c < currency_count() && err == ERR_OK; c++) {
        __int128 sum = 0;
        for (uint32_t p = 0; p < partitions; p++)
            sum += audits[p].sums[AUDIT_TRANSIT][c];
        if (sum != expected[c])
            err = fault_of(fault, FAULT_ADVICE_JOURNAL,
                           "the money on its way between partitions in %s is not what is open between them",
                           currency_at((currency_index)c)->code);
    }
    return err;
}
