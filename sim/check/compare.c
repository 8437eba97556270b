/* The core against the books, and what must hold at the end. */
#include <openssl/evp.h>
#include <stdio.h>

#include "actors/base/check.h"
#include "actors/ledger/shell/digest.h"
#include "sim/check/inside.h"

/* ---- a core ----------------------------------------------------------------------------------- */

static void accounts_compare(struct oracle *self, const struct book *book, const struct ledger *ledger)
{
    struct ledger_account_view view;
    char text[VIEW_TEXT];
    if (ledger_account_count(ledger) != book->count) {
        breach_say(self, "I5", 0, book->partition, "the core has %u accounts, the books %zu",
                   ledger_account_count(ledger), book->count);
        return;
    }
    for (uint32_t index = 0; index < book->count; index++) {
        const struct account *account = book->accounts[index];
        const struct version *last = &account->versions[account->version_count - 1];
        bool same =
            ledger_account_at(ledger, index, &view) && view.index == index && view_is(account, last, &view);
        if (!same || view.last_position != account->last_position) {
            breach_say(self, "I5", 0, book->partition,
                       "the core's account %u is %s; in the books: balance %lld, pending %lld", index,
                       view_text(&view, text), (long long)account->balance, (long long)account->pending);
            return;
        }
    }
}

/* The digest as actors/ledger/shell/digest.h describes it: a sum of hashes of lines. */
static void line_add(const char *line, size_t length, uint8_t sum[DIGEST_SIZE])
{
    uint8_t one[DIGEST_SIZE];
    unsigned carry = 0;
    bool hashed = EVP_Digest(line, length, one, NULL, EVP_sha256(), NULL) == 1;
    CHECK(hashed);
    for (int at = DIGEST_SIZE; at-- > 0; carry >>= 8) {
        carry += (unsigned)sum[at] + one[at];
        sum[at] = (uint8_t)carry;
    }
}

static void account_line_add(const struct account *account, uint8_t out[DIGEST_SIZE])
{
    static const char *const states[] = {
        [ACCOUNT_ACTIVE] = "ACTIVE", [ACCOUNT_FROZEN] = "FROZEN", [ACCOUNT_CLOSED] = "CLOSED"};
    const struct attributes *attributes = account->attributes;
    char line[512], ceiling[24] = "";
    if (attributes->ceiling != INT64_MAX)
        snprintf(ceiling, sizeof ceiling, "%lld", (long long)attributes->ceiling);
    int length =
        snprintf(line, sizeof line, "%.*s|%.*s|%s|%.*s|%s|%lld|%lld|%lld|%s\n", (int)account->id.length,
                 account->id.data, (int)attributes->owner.length, attributes->owner.data,
                 currency_at(account->currency)->code, (int)attributes->product.length,
                 attributes->product.data, states[attributes->state], (long long)account->balance,
                 (long long)account->pending, (long long)attributes->minimum_balance, ceiling);
    if (account->has_book)
        length += snprintf(line + length - 1, sizeof line - (size_t)length + 1, "|%lld\n",
                           (long long)account->book) -
                  1;
    line_add(line, (size_t)length, out);
}

static void hold_line_add(const struct hold *hold, uint8_t sum[DIGEST_SIZE])
{
    char line[512], id[ID_TEXT];
    int length = snprintf(line, sizeof line, "hold|%s|%.*s|%lld|%lld\n", id_text(&hold->id, id),
                          (int)hold->account->id.length, hold->account->id.data, (long long)hold->held,
                          (long long)hold->expires_us);
    line_add(line, (size_t)length, sum);
}

static void proposal_line_add(const struct proposal *proposal, uint8_t sum[DIGEST_SIZE])
{
    char line[512], id[ID_TEXT];
    int length = snprintf(line, sizeof line, "proposal|%s|%.*s|%lld\n", id_text(&proposal->posting.id, id),
                          (int)proposal->account->id.length, proposal->account->id.data,
                          (long long)proposal->expires_us);
    line_add(line, (size_t)length, sum);
}

static void book_digest(const struct book *book, uint8_t out[DIGEST_SIZE])
{
    memset(out, 0, DIGEST_SIZE);
    for (size_t i = 0; i < book->count; i++) {
        if (book->accounts[i]->role == ROLE_CUSTOMER)
            account_line_add(book->accounts[i], out);
    }
    for (size_t i = 0; i < book->proposal_count; i++) {
        if (book->proposals[i]->state == PROPOSAL_PROPOSED)
            proposal_line_add(book->proposals[i], out);
    }
    for (const struct hold *hold = book->holds; hold != NULL; hold = hold->next_of_book) {
        if (hold->end == CODE_OK)
            hold_line_add(hold, out);
    }
}

static void digests_compare(struct oracle *self, const struct book *book, const struct ledger *ledger)
{
    struct digest core = {0};
    uint8_t own[DIGEST_SIZE];
    digest_add_ledger(&core, ledger);
    book_digest(book, own);
    if (memcmp(core.bytes, own, DIGEST_SIZE) != 0)
        breach_say(self, "I5", 0, book->partition, "the core's digest is not that of the books");
}

static void sums_compare(struct oracle *self, const struct book *book, const struct ledger *ledger)
{
    bool used[256] = {false};
    for (size_t i = 0; i < book->count; i++)
        used[book->accounts[i]->currency] = true;
    for (unsigned currency = 1; currency < currency_count(); currency++) {
        struct ledger_total total = {0};
        if (used[currency])
            ledger_total(ledger, (currency_index)currency, &total);
        if (total.sum != 0)
            breach_say(self, "I1", 0, book->partition, "the core's %s sum to %lld",
                       currency_at((currency_index)currency)->code, (long long)total.sum);
    }
}

static uint64_t open_requests(const struct oracle *self, uint32_t partition)
{
    uint64_t open = 0;
    for (uint32_t peer = 0; peer < self->config.partitions; peer++) {
        const struct flow *flow = flow_of(self, partition, peer);
        open += flow->next - flow->first;
    }
    return open;
}

static void stats_compare(struct oracle *self, const struct book *book, const struct ledger *ledger)
{
    struct ledger_stats stats;
    ledger_stats(ledger, &stats);
    const struct {
        const char *what;
        uint64_t core, books;
    } numbers[] = {
        {"next position", stats.position, book->position},
        {"postings", stats.postings, book->postings},
        {"refusals", stats.refusals, book->refusals},
        {"open requests", stats.links_open, open_requests(self, book->partition)},
        {"open groups", stats.groups_open, book->groups_open},
        {"open holds", stats.holds_open, book->holds_open},
        {"quotes", stats.quotes, book->quotes},
        {"open proposals", stats.proposals_open, book->proposals_open},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (numbers[i].core != numbers[i].books)
            breach_say(self, "I5", 0, book->partition, "%s: %llu in the core, %llu in the books",
                       numbers[i].what, (unsigned long long)numbers[i].core,
                       (unsigned long long)numbers[i].books);
    }
}

void oracle_compare(struct oracle *self, uint32_t partition, const struct ledger *ledger)
{
    const struct book *book = &self->books[partition];
    stats_compare(self, book, ledger);
    accounts_compare(self, book, ledger);
    sums_compare(self, book, ledger);
    digests_compare(self, book, ledger);
}

/* ---- the end ---------------------------------------------------------------------------------- */

static void account_settled(struct oracle *self, const struct account *account)
{
    if (account->pending != account->held || account->expected != 0)
        breach_say(self, "I4", 0, account->partition, "%.*s still has %lld pending, and %u credits reserved",
                   (int)account->id.length, account->id.data, (long long)account->pending, account->expected);
    if (account->paying != 0)
        breach_say(self, "I2", 0, account->partition, "%.*s still has money on its way",
                   (int)account->id.length, account->id.data);
}

static void transit_settled(struct oracle *self)
{
    __int128 sums[256] = {0};
    for (uint32_t p = 0; p < self->config.partitions; p++) {
        for (size_t i = 0; i < self->books[p].count; i++) {
            const struct account *account = self->books[p].accounts[i];
            if (account->role == ROLE_TRANSIT)
                sums[account->currency] += account->balance;
        }
    }
    for (unsigned currency = 1; currency < 256; currency++) {
        if (sums[currency] != 0)
            breach_say(self, "I1", 0, NOBODY, "%lld %s are left between the partitions",
                       (long long)sums[currency], currency_at((currency_index)currency)->code);
    }
}

void oracle_settled(struct oracle *self)
{
    char text[ID_TEXT];
    for (const struct group *group = self->groups; group != NULL; group = group->next)
        breach_say(self, "I2", group->ask->number, group->coordinator, "group %s is still open",
                   id_text(&group->id, text));
    for (uint32_t p = 0; p < self->config.partitions; p++) {
        if (open_requests(self, p) > 0)
            breach_say(self, "I2", 0, p, "%llu requests to other partitions are still open",
                       (unsigned long long)open_requests(self, p));
        for (size_t i = 0; i < self->books[p].count; i++)
            account_settled(self, self->books[p].accounts[i]);
        holds_settled(self, &self->books[p]);
    }
    transit_settled(self);
}

/* ---- equal histories -------------------------------------------------------------------------- */

uint64_t oracle_digest(const struct oracle *self)
{
    uint64_t hash = HASH_BASIS;
    for (uint32_t p = 0; p < self->config.partitions; p++)
        hash = hash_more(hash, &self->books[p].history, sizeof self->books[p].history);
    return hash;
}
