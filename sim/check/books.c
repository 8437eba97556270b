/* The books: accounts with all their versions and lines of history, ids with all that was decided for them, and what
 * is on its way between partitions. Nothing here judges. */
#include <stdlib.h>

#include "actors/base/check.h"
#include "sim/check/inside.h"

/* ---- accounts --------------------------------------------------------------------------------- */

struct account *account_named(const struct oracle *self, struct str id)
{
    struct account *account = table_first(&self->accounts, hash_text(id));
    while (account != NULL && !str_equal(account->id, id))
        account = table_next(account);
    return account;
}

struct account *account_here(const struct oracle *self, const struct book *book, struct str id)
{
    struct account *account = account_named(self, id);
    return account != NULL && account->partition == book->partition ? account : NULL;
}

struct account *book_account(const struct book *book, uint32_t index)
{
    return index < book->count ? book->accounts[index] : NULL;
}

/* Own accounts are known by what their id says: "house:cash:CUR:P", "transit:CUR:PEER:P". */
static void role_note(const struct oracle *self, struct book *book, struct account *account)
{
    if (!text_is_reserved_id(account->id))
        return;
    account->role = account->id.data[0] == 'h' ? ROLE_HOUSE : ROLE_TRANSIT;
    if (account->role == ROLE_HOUSE) {
        static const struct str desk[] = {{"house:fx:", 9}, {"house:spread:", 13}, {"house:residue:", 14}};
        struct account **place = &book->house[account->currency];
        for (int i = 0; i < 3; i++) {
            if (account->id.length > desk[i].length &&
                memcmp(account->id.data, desk[i].data, desk[i].length) == 0)
                place = &book->desk_house[i][account->currency];
        }
        *place = account;
        return;
    }
    uint32_t peer = 0;
    for (uint32_t at = sizeof "transit:CUR:" - 1; at < account->id.length && account->id.data[at] != ':';
         at++)
        peer = peer * 10 + (uint32_t)(account->id.data[at] - '0');
    if (peer < self->config.partitions)
        book->transit[peer * 256 + account->currency] = account;
}

struct account *account_add(struct oracle *self, struct book *book, struct str id, currency_index currency,
                            const struct attributes *attributes, uint64_t position)
{
    struct account *account = pool_take(&self->pool, sizeof *account);
    account->id = pool_text(&self->pool, id);
    account->partition = book->partition;
    account->index = (uint32_t)book->count;
    account->currency = currency;
    account->opened_us = book->time_us;
    account->last_position = position;
    account->attributes = attributes;
    table_add(&self->accounts, &account->node, hash_text(id));
    book->accounts = array_grow(book->accounts, &book->capacity, book->count, sizeof(struct account *));
    book->accounts[book->count++] = account;
    role_note(self, book, account);
    return account;
}

void account_version(struct book *book, struct account *account)
{
    size_t count = account->version_count;
    if (count == 0 || account->versions[count - 1].step != book->step) {
        account->versions =
            array_grow(account->versions, &account->version_capacity, count, sizeof *account->versions);
        count = ++account->version_count;
    }
    account->versions[count - 1] = (struct version){
        .step = book->step,
        .balance = account->balance,
        .pending = account->pending,
        .book = account->book,
        .attributes = account->attributes,
        .entries = (uint32_t)account->entry_count,
        .is_expecting = account->expected > 0,
        .is_paying = account->paying > 0,
    };
}

void account_entry(struct account *account, const struct entry *entry)
{
    account->entries = array_grow(account->entries, &account->entry_capacity, account->entry_count,
                                  sizeof *account->entries);
    account->entries[account->entry_count++] = *entry;
}

/* ---- what may have been seen ------------------------------------------------------------------ */

/* Whatever was durable before the request was sent was to be seen. */
struct window window_of(const struct oracle *self, uint32_t partition, int64_t sent_us)
{
    const struct book *book = &self->books[partition];
    size_t low = 0, high = book->commit_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (book->commits[middle].now_us < sent_us)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return (struct window){0, book->step, 0};
    return (struct window){book->commits[low - 1].step, book->step, book->commits[low - 1].time_us};
}

/* The last version at or before a step; version_count: there is none. */
static size_t version_at(const struct account *account, uint64_t step)
{
    size_t low = 0, high = account->version_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (account->versions[middle].step <= step)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? low - 1 : account->version_count;
}

bool versions_in(const struct account *account, struct window window, size_t *first, size_t *last)
{
    if (account == NULL)
        return false;
    *last = version_at(account, window.to);
    if (*last == account->version_count)
        return false;
    *first = version_at(account, window.from);
    if (*first == account->version_count)
        *first = 0;
    return true;
}

bool is_absent_in(const struct account *account, struct window window)
{
    return account == NULL || account->versions[0].step > window.from;
}

/* ---- ids -------------------------------------------------------------------------------------- */

struct record *record_add(struct oracle *self, struct book *book, struct known *known, enum record_kind kind)
{
    struct record *record = pool_take(&self->pool, sizeof *record);
    record->partition = book->partition;
    record->kind = kind;
    record->begun = book->step;
    record->begun_us = record->time_us = record->kept_us = book->time_us;
    record->next = known->records;
    known->records = record;
    return record;
}

void record_end(struct book *book, struct record *record, enum record_state state, struct verdict verdict)
{
    record->state = state;
    record->verdict = verdict;
    record->ended = book->step;
    record->kept_us = book->time_us;
}

bool record_is_expired(const struct oracle *self, const struct record *record)
{
    const struct book *book = &self->books[record->partition];
    if (record->hold != NULL && record->hold->end == CODE_OK)
        return false;
    return record->state != RECORD_PENDING && book->time_us - record->kept_us >= self->config.id_retention_us;
}

struct record *record_here(const struct oracle *self, const struct book *book, const struct known *known)
{
    for (struct record *record = known->records; record != NULL; record = record->next) {
        if (record->partition == book->partition && record->state != RECORD_FORGOTTEN &&
            !record_is_expired(self, record))
            return record;
    }
    return NULL;
}

bool is_held(const struct known *known, uint32_t partition)
{
    for (const struct keeper *keeper = known->keepers; keeper != NULL; keeper = keeper->next) {
        const struct stay *stay = &keeper->group->stays[partition];
        if (stay->begun != 0 && stay->ended == 0)
            return true;
    }
    return false;
}

bool is_held_in(const struct known *known, uint32_t partition, struct window window)
{
    for (const struct keeper *keeper = known->keepers; keeper != NULL; keeper = keeper->next) {
        const struct stay *stay = &keeper->group->stays[partition];
        if (stay->begun != 0 && stay->begun <= window.to && (stay->ended == 0 || stay->ended > window.from))
            return true;
    }
    return false;
}

/* ---- between partitions ----------------------------------------------------------------------- */

struct flow *flow_of(const struct oracle *self, uint32_t from, uint32_t to)
{
    return &self->flows[(size_t)from * self->config.partitions + to];
}

/* Moves what is open to the front when most of the rest is over. */
static void flow_compact(struct flow *flow)
{
    size_t over = (size_t)(flow->first - flow->base), open = (size_t)(flow->next - flow->first);
    if (over < 64 || over < open)
        return;
    memmove(flow->requests, flow->requests + over, open * sizeof *flow->requests);
    flow->base = flow->first;
}

struct errand *flow_push(struct oracle *self, uint32_t from, uint32_t to, enum link_kind kind,
                         uint64_t position)
{
    struct flow *flow = flow_of(self, from, to);
    flow_compact(flow);
    size_t count = (size_t)(flow->next - flow->base);
    flow->requests = array_grow(flow->requests, &flow->capacity, count, sizeof *flow->requests);
    struct errand *request = &flow->requests[count];
    *request = (struct errand){.kind = (uint8_t)kind, .position = position};
    flow->next++;
    return request;
}

struct errand *flow_unanswered(const struct oracle *self, uint32_t from, uint32_t to)
{
    const struct flow *flow = flow_of(self, from, to);
    uint64_t sequence = flow->processed + 1;
    return sequence >= flow->first && sequence < flow->next ? &flow->requests[sequence - flow->base] : NULL;
}

struct errand *flow_answered(const struct oracle *self, uint32_t from, uint32_t to)
{
    const struct flow *flow = flow_of(self, from, to);
    if (flow->first == flow->next)
        return NULL;
    struct errand *oldest = &flow->requests[flow->first - flow->base];
    return oldest->is_answered ? oldest : NULL;
}

void flow_pop(struct oracle *self, uint32_t from, uint32_t to)
{
    flow_of(self, from, to)->first++;
}
