/* Reads: is this answer that of a state which was current at some point between sending and receiving?
 *
 * Each answer of an account's balance, page or view is looked for among the versions of its window. The accounts of a list
 * must all have looked like that at one and the same point.
 */
#include <inttypes.h>

#include "sim/check/inside.h"

struct reading {
    const struct operation *operation;
    const struct answer *answer;
    int64_t sent_us;
};

static void wrong(struct oracle *self, const struct reading *r, uint32_t partition, const char *why)
{
    breach_say(self, "I8", r->operation->number, partition, "%s: answered %s %s, but %s",
               wire_operation_name(r->operation->kind), code_name(r->answer->code),
               field_text(r->answer->field), why);
}

static bool names_none(const struct oracle *self, const struct operation *operation)
{
    return operation->partition != WIRE_PARTITION_ANY && operation->partition >= self->config.partitions;
}

/* ---- an account that is asked for ------------------------------------------------------------- */

struct looked {
    const struct account *account;
    struct window window;
    size_t first, last; /* versions */
    uint32_t partition;
};

/* Answers without an account are judged here. true: OK was said, of an account that may have been there. */
static bool look(struct oracle *self, const struct reading *r, struct str name, struct looked *out)
{
    const struct operation *operation = r->operation;
    enum code code = r->answer->code;
    out->partition = partition_of(self, name);
    out->account = account_named(self, name);
    out->window = window_of(self, out->partition, r->sent_us);
    bool malformed = !text_is_account_id(name);
    bool elsewhere = operation->partition != WIRE_PARTITION_ANY && operation->partition != out->partition;
    bool there = versions_in(out->account, out->window, &out->first, &out->last);
    if (code_is_open(code))
        return false;
    if (malformed || elsewhere) {
        enum field field = names_none(self, operation) ? FIELD_PARTITION : FIELD_ACCOUNT;
        if (r->answer->field != field ||
            (code != CODE_INVALID_FIELD && (!elsewhere || code != CODE_WRONG_PARTITION)))
            wrong(self, r, out->partition, "it asks for an account that is not there to be read");
        return false;
    }
    if (code == CODE_OK && !there)
        wrong(self, r, out->partition, "there is no such account");
    else if (code == CODE_ACCOUNT_NOT_FOUND && r->operation->kind != OPERATION_BALANCE &&
             (!is_absent_in(out->account, out->window) || r->answer->field != FIELD_ACCOUNT))
        wrong(self, r, out->partition, "the account was there");
    return there || code != CODE_ACCOUNT_NOT_FOUND;
}

/* What is left of refusals after look(). */
static void must_not_refuse(struct oracle *self, const struct reading *r, const struct looked *looked)
{
    if (r->answer->code != CODE_OK && r->answer->code != CODE_ACCOUNT_NOT_FOUND)
        wrong(self, r, looked->partition, "nothing about it is so");
}

static void show_answer(struct oracle *self, const struct reading *r)
{
    struct looked looked;
    char text[VIEW_TEXT];
    if (!look(self, r, r->operation->shown, &looked))
        return;
    must_not_refuse(self, r, &looked);
    if (r->answer->code != CODE_OK || looked.account == NULL)
        return;
    for (size_t i = looked.first; i <= looked.last; i++) {
        if (view_is(looked.account, &looked.account->versions[i], &r->answer->view))
            return;
    }
    wrong(self, r, looked.partition, view_text(&r->answer->view, text));
}

/* ---- balances --------------------------------------------------------------------------------- */

static bool balance_is(const struct account *account, const struct version *version,
                       const struct wire_balance *said)
{
    return said->currency == account->currency && str_equal(said->account, account->id) &&
           said->balance == version->balance && said->pending == version->pending &&
           said->available == version->balance - version->pending - version->attributes->minimum_balance;
}

/* How many lines of the history are of this time or before it. Times never fall. */
static size_t lines_until(const struct account *account, int64_t time_us)
{
    size_t low = 0, high = account->entry_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (account->entries[middle].time_us <= time_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* What was the balance at a time? The history may have grown meanwhile, so that the time was still to come. */
static bool past_balance_is(const struct looked *looked, int64_t at_us, const struct wire_balance *said)
{
    const struct account *account = looked->account;
    size_t until = lines_until(account, at_us);
    size_t low = account->versions[looked->first].entries, high = account->versions[looked->last].entries;
    low = low < until ? low : until;
    high = high < until ? high : until;
    for (size_t lines = low; lines <= high; lines++) {
        int64_t balance = lines > 0 ? account->entries[lines - 1].balance : 0;
        if (said->balance == balance)
            return said->currency == account->currency && str_equal(said->account, account->id) &&
                   said->is_past && said->at_us == at_us;
    }
    return false;
}

static void past_answer(struct oracle *self, const struct reading *r, const struct looked *looked)
{
    int64_t at_us = r->operation->balance.at_us;
    bool is_before = looked->account->opened_us > at_us;
    if (r->answer->code == CODE_ACCOUNT_NOT_FOUND) {
        if (!is_before && !is_absent_in(looked->account, looked->window))
            wrong(self, r, looked->partition, "the account was open then");
        return;
    }
    if (is_before || !past_balance_is(looked, at_us, &r->answer->balance))
        wrong(self, r, looked->partition, "that was not its balance then");
}

static void balance_answer(struct oracle *self, const struct reading *r)
{
    const struct wire_balance_query *query = &r->operation->balance;
    struct looked looked;
    if (!look(self, r, query->account, &looked))
        return;
    must_not_refuse(self, r, &looked);
    bool past = query->has_at && looked.account != NULL;
    if (past && (r->answer->code == CODE_OK || r->answer->code == CODE_ACCOUNT_NOT_FOUND)) {
        past_answer(self, r, &looked);
        return;
    }
    if (r->answer->code == CODE_ACCOUNT_NOT_FOUND && !is_absent_in(looked.account, looked.window))
        wrong(self, r, looked.partition, "the account was there");
    if (r->answer->code != CODE_OK || looked.account == NULL)
        return;
    for (size_t i = looked.first; i <= looked.last; i++) {
        if (balance_is(looked.account, &looked.account->versions[i], &r->answer->balance))
            return;
    }
    breach_say(self, "I8", r->operation->number, looked.partition,
               "balance of %.*s: answered %" PRId64 ", pending %" PRId64
               ", which it was at no point between sending and receiving",
               (int)query->account.length, query->account.data, r->answer->balance.balance,
               r->answer->balance.pending);
}

/* ---- cursors ---------------------------------------------------------------------------------- */

struct cursor *cursor_find(const struct oracle *self, struct str text, enum cursor_kind kind,
                           const struct account *account)
{
    struct cursor *cursor = table_first(&self->cursors, hash_text(text));
    while (cursor != NULL &&
           (cursor->kind != kind || cursor->account != account || !str_equal(cursor->text, text)))
        cursor = table_next(cursor);
    return cursor;
}

void cursor_note(struct oracle *self, struct str text, enum cursor_kind kind, uint32_t partition,
                 const struct account *account, size_t next)
{
    if (text.length == 0 || cursor_find(self, text, kind, account) != NULL)
        return;
    struct cursor *cursor = pool_take(&self->pool, sizeof *cursor);
    cursor->text = pool_text(&self->pool, text);
    cursor->kind = kind;
    cursor->partition = partition;
    cursor->account = account;
    cursor->next = next;
    table_add(&self->cursors, &cursor->node, hash_text(text));
}

/* ---- histories -------------------------------------------------------------------------------- */

/* The postings of an exchange name it: their own ids have one half of its id, and the other half another one's. */
static bool names_its_exchange(const struct wire_history_entry *said)
{
    static const uint8_t word[8] = {'e', 'x', 'c', 'h', 'a', 'n', 'g', 'e'};
    bool is_leg = said->kind >= ENTRY_EXCHANGE_OUT && said->kind <= ENTRY_EXCHANGE_RESIDUE;
    size_t kept = said->kind == ENTRY_EXCHANGE_OUT ? 0 : 8, changed = 8 - kept;
    if (!is_leg)
        return uuid_is_nil(&said->exchange);
    for (size_t i = 0; i < sizeof word; i++) {
        if (said->exchange.bytes[kept + i] != said->id.bytes[kept + i] ||
            (said->exchange.bytes[changed + i] ^ said->id.bytes[changed + i]) != word[i])
            return false;
    }
    return true;
}

static bool entry_is(const struct entry *entry, const struct wire_history_entry *said)
{
    bool is_about_hold = !uuid_is_nil(&entry->hold);
    if (is_about_hold && (!uuid_equal(&said->hold, &entry->hold) || said->pending != entry->pending ||
                          said->expires_us != entry->expires_us))
        return false;
    return names_its_exchange(said) && said->position == entry->position && said->kind == entry->kind &&
           said->direction == entry->direction && said->time_us == entry->time_us &&
           said->amount == entry->amount && said->balance == entry->balance &&
           uuid_equal(&said->id, &entry->id) && str_equal(said->counterparty, entry->counterparty) &&
           str_equal(said->memo, entry->memo) && str_equal(said->reference, entry->reference);
}

static bool is_too_old(const struct account *account, const struct wire_history_query *query, size_t lines)
{
    return lines == 0 || (query->has_after && account->entries[lines - 1].time_us < query->after_us);
}

/* The page that begins below so many lines of the history. *end: where the next one begins. */
static bool page_is(const struct account *account, const struct reading *r, size_t lines, size_t *end)
{
    const struct wire_history_query *query = &r->operation->history;
    size_t before = query->has_before ? lines_until(account, query->before_us - 1) : lines;
    lines = before < lines ? before : lines;
    for (size_t i = 0; i < r->answer->count; i++, lines--) {
        if (is_too_old(account, query, lines) ||
            !entry_is(&account->entries[lines - 1], &r->answer->entries[i]))
            return false;
    }
    bool more = !is_too_old(account, query, lines);
    *end = lines;
    if (r->answer->count > query->limit || (more && r->answer->count < query->limit))
        return false;
    return more == (r->answer->cursor.length > 0);
}

static void history_ok(struct oracle *self, const struct reading *r, const struct looked *looked,
                       const struct cursor *cursor)
{
    const struct account *account = looked->account;
    size_t low = account->versions[looked->first].entries, high = account->versions[looked->last].entries,
           end;
    if (cursor != NULL)
        low = high = cursor->next;
    for (size_t lines = low; lines <= high; lines++) {
        if (page_is(account, r, lines, &end)) {
            cursor_note(self, r->answer->cursor, CURSOR_HISTORY, looked->partition, account, end);
            return;
        }
    }
    breach_say(self, "I8", r->operation->number, looked->partition,
               "history of %.*s: a page of %zu entries that was so at no point between sending and receiving",
               (int)account->id.length, account->id.data, r->answer->count);
}

static void history_answer(struct oracle *self, const struct reading *r)
{
    const struct wire_history_query *query = &r->operation->history;
    struct looked looked;
    if (!look(self, r, query->account, &looked) || looked.account == NULL)
        return;
    bool has_cursor = query->cursor.length > 0;
    const struct cursor *cursor =
        has_cursor ? cursor_find(self, query->cursor, CURSOR_HISTORY, looked.account) : NULL;
    bool foreign = has_cursor && cursor == NULL;
    bool bad_limit = query->limit < 1 || query->limit > WIRE_HISTORY_MAX;
    if (r->answer->code == CODE_INVALID_FIELD && (foreign || bad_limit))
        return;
    if (r->answer->code == CODE_ACCOUNT_NOT_FOUND && !bad_limit)
        return; /* tested by look(), and said before the cursor is looked at */
    if (foreign || bad_limit)
        wrong(self, r, looked.partition, "its cursor was never given for this account, or its limit is none");
    else if (r->answer->code == CODE_OK)
        history_ok(self, r, &looked, cursor);
    else
        must_not_refuse(self, r, &looked);
}

/* ---- what became of an id --------------------------------------------------------------------- */

static bool details_are(const struct wire_transfer *said, const struct record *record)
{
    const struct ask *ask = record->ask;
    if (ask == NULL)
        return true; /* said already */
    bool is_end = ask->kind == COMMAND_CAPTURE || ask->kind == COMMAND_RELEASE;
    return said->currency == (is_end ? record->currency : ask->currency) &&
           said->amount == (is_end ? record->amount : ask->amount) && str_equal(said->from, ask->from) &&
           str_equal(said->to, ask->to) && str_equal(said->memo, ask->memo) &&
           str_equal(said->reference, ask->reference);
}

static bool has_no_details(const struct wire_transfer *said)
{
    return said->currency == CURRENCY_NONE && said->amount == 0 && said->from.length + said->to.length == 0 &&
           said->memo.length + said->reference.length == 0;
}

/* A record as it was before its outcome, or after it. */
static bool record_shows(const struct record *record, bool is_pending, const struct wire_transfer *said)
{
    bool failed = record->state == RECORD_REFUSED || record->state == RECORD_FORGOTTEN;
    enum wire_transfer_status status = is_pending ? TRANSFER_PENDING
                                       : failed   ? TRANSFER_FAILED
                                                  : TRANSFER_SUCCESS;
    enum code code = is_pending ? CODE_OK : record->verdict.code;
    int64_t time_us = is_pending ? record->begun_us : record->time_us;
    bool moved =
        record->kind != RECORD_GROUP && (record->state != RECORD_REFUSED || record->begun != record->ended);
    return said->status == status && said->code == code && said->kind == record->command &&
           said->time_us == time_us && (moved ? details_are(said, record) : has_no_details(said));
}

static bool record_may_show(const struct record *record, struct window window,
                            const struct wire_transfer *said)
{
    bool was_pending = record->ended == 0 || (record->begun != record->ended && record->ended > window.from);
    if (record->kind == RECORD_ACCOUNT || record->kind == RECORD_QUOTE)
        return false;
    if (was_pending && record_shows(record, true, said))
        return true;
    return record->ended != 0 && record->state != RECORD_FORGOTTEN && record_shows(record, false, said);
}

/* Through the whole window there was this record to be found. */
static bool record_must_show(const struct oracle *self, const struct record *record, struct window window)
{
    return record->kind != RECORD_ACCOUNT && record->kind != RECORD_QUOTE &&
           record->state != RECORD_FORGOTTEN && record->begun <= window.from &&
           !record_is_expired(self, record);
}

static void transfer_answer(struct oracle *self, const struct reading *r)
{
    const struct operation *operation = r->operation;
    const struct known *known = known_find(self, &operation->transaction);
    const struct wire_transfer *said = &r->answer->transfer;
    enum code code = r->answer->code;
    bool fits = code == CODE_NOT_FOUND && r->answer->field == FIELD_TRANSACTION_ID;
    if (code_is_open(code) || (code == CODE_INVALID_FIELD && uuid_is_nil(&operation->transaction)) ||
        (code == CODE_WRONG_PARTITION && names_none(self, operation)))
        return;
    for (const struct record *record = known != NULL ? known->records : NULL; record; record = record->next) {
        if (operation->partition != WIRE_PARTITION_ANY && operation->partition != record->partition)
            continue;
        struct window window = window_of(self, record->partition, r->sent_us);
        if (code == CODE_OK && record_may_show(record, window, said))
            fits = uuid_equal(&said->id, &operation->transaction);
        else if (code == CODE_NOT_FOUND && record_must_show(self, record, window))
            fits = false;
    }
    if (!fits)
        wrong(self, r, NOBODY, "no partition knew the id like that");
}

/* ---- lists ------------------------------------------------------------------------------------ */

/* The version at a step; NULL: it was not there yet. *next: the step at which this changes, if that is before. */
static const struct version *version_then(const struct account *account, uint64_t step, uint64_t *next)
{
    struct window window = {step, step, 0};
    size_t first, last;
    bool there = versions_in(account, window, &first, &last);
    size_t following = there ? last + 1 : 0;
    if (following < account->version_count && account->versions[following].step < *next)
        *next = account->versions[following].step;
    return there ? &account->versions[last] : NULL;
}

/* Is this the page after a step? *next: the earliest step at which it may be another. */
static bool list_is(const struct book *book, const struct reading *r, size_t index, uint64_t step,
                    uint64_t *next)
{
    const struct wire_list_query *query = &r->operation->list;
    const struct answer *answer = r->answer;
    bool own = str_equal(query->owner, STR_LITERAL("teller"));
    size_t found = 0;
    *next = UINT64_MAX;
    for (; index < book->count && found < query->limit; index++) {
        const struct account *account = book->accounts[index];
        const struct version *version = version_then(account, step, next);
        if (version == NULL || (account->role != ROLE_CUSTOMER && !own) ||
            (query->owner.length > 0 && !str_equal(version->attributes->owner, query->owner)))
            continue;
        if (found >= answer->count || !view_is(account, version, &answer->views[found]))
            return false;
        found++;
    }
    return found == answer->count;
}

/* Where a list begins. false: nothing can be said about it. */
static bool list_begin(const struct oracle *self, const struct reading *r, uint32_t *partition, size_t *index)
{
    const struct operation *operation = r->operation;
    *partition = operation->partition == WIRE_PARTITION_ANY ? 0 : operation->partition;
    *index = 0;
    if (operation->list.cursor.length == 0)
        return true;
    const struct cursor *cursor = cursor_find(self, operation->list.cursor, CURSOR_ACCOUNTS, NULL);
    if (cursor == NULL ||
        (operation->partition != WIRE_PARTITION_ANY && operation->partition != cursor->partition))
        return false;
    *partition = cursor->partition;
    *index = cursor->next;
    return true;
}

static void list_cursor(struct oracle *self, const struct reading *r, uint32_t partition)
{
    const struct answer *answer = r->answer;
    bool is_full = answer->count == r->operation->list.limit;
    if (answer->cursor.length == 0 && partition + 1 < self->config.partitions)
        wrong(self, r, partition, "there is no cursor for the partitions that follow");
    if (!is_full || answer->count == 0) {
        cursor_note(self, answer->cursor, CURSOR_ACCOUNTS, partition + 1, NULL, 0);
        return;
    }
    const struct ledger_account_view *last = &answer->views[answer->count - 1];
    const struct account *account = account_named(self, (struct str){last->id, last->id_length});
    cursor_note(self, answer->cursor, CURSOR_ACCOUNTS, partition, NULL, (size_t)account->index + 1);
}

static void list_answer(struct oracle *self, const struct reading *r)
{
    uint32_t partition;
    size_t index;
    enum code code = r->answer->code;
    if (code_is_open(code) || names_none(self, r->operation) || !list_begin(self, r, &partition, &index))
        return;
    if (code != CODE_OK) {
        if (code != CODE_INVALID_FIELD ||
            (r->operation->list.limit >= 1 && r->operation->list.limit <= LEDGER_PAGE_MAX &&
             text_is_clean(r->operation->list.owner)))
            wrong(self, r, partition, "nothing about it is so");
        return;
    }
    struct window window = window_of(self, partition, r->sent_us);
    for (uint64_t step = window.from, next; step <= window.to; step = next) {
        if (list_is(&self->books[partition], r, index, step, &next)) {
            list_cursor(self, r, partition);
            return;
        }
    }
    wrong(self, r, partition, "its accounts were so at no point between sending and receiving");
}

/* ---- by operation ----------------------------------------------------------------------------- */

void reads_answer(struct oracle *self, int64_t sent_us, const struct operation *operation,
                  const struct answer *answer)
{
    const struct reading r = {operation, answer, sent_us};
    self->counts.reads_checked++;
    if (operation->kind == OPERATION_ACCOUNT_SHOW)
        show_answer(self, &r);
    else if (operation->kind == OPERATION_BALANCE)
        balance_answer(self, &r);
    else if (operation->kind == OPERATION_HISTORY)
        history_answer(self, &r);
    else if (operation->kind == OPERATION_TRANSFER_SHOW)
        transfer_answer(self, &r);
    else if (operation->kind == OPERATION_ACCOUNT_LIST)
        list_answer(self, &r);
}
