/* What two ledgers of one journal do not have in common. Rings, indexes, counts and deadlines are made from the slots, and ledger_check
 * compares them with these: what is compared here is what they are made from. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sim/remittances/watch.h"

static bool account_is_same(const struct ledger_account_view *a, const struct ledger_account_view *b)
{
    return strcmp(a->id, b->id) == 0 && strcmp(a->owner, b->owner) == 0 &&
           strcmp(a->product, b->product) == 0 && a->state == b->state && a->currency == b->currency &&
           a->balance == b->balance && a->pending == b->pending && a->minimum_balance == b->minimum_balance &&
           a->ceiling == b->ceiling && a->opened_us == b->opened_us && a->last_position == b->last_position &&
           a->base == b->base && a->book_value == b->book_value;
}

static bool accounts_differ(const struct ledger *a, const struct ledger *b, char *text, size_t room)
{
    for (uint32_t i = 0; i < ledger_account_count(a) || i < ledger_account_count(b); i++) {
        struct ledger_account_view x = {0}, y = {0};
        bool is_there = ledger_account_at(a, i, &x), is_there_too = ledger_account_at(b, i, &y);
        if (is_there == is_there_too && account_is_same(&x, &y))
            continue;
        snprintf(text, room,
                 "account %" PRIu32 " (%s) has %" PRId64 ", fact %" PRIu64 ", not %" PRId64 ", fact %" PRIu64,
                 i, x.id, x.balance, x.last_position, y.balance, y.last_position);
        return true;
    }
    return false;
}

/* The first thing about an open remittance that is not the same; NULL: all is. */
static const char *thing_of(const struct ledger_open_remittance *a, const struct ledger_open_remittance *b)
{
    if (a->slot != b->slot || !uuid_equal(&a->id, &b->id) || a->requested != b->requested)
        return "its slot";
    if (a->account != b->account || a->amount != b->amount)
        return "its account or its amount";
    if (a->state != b->state || a->step != b->step)
        return "its state";
    if (a->tries != b->tries || a->rounds != b->rounds || a->code != b->code)
        return "its tries";
    if (a->flags != b->flags)
        return "its flags";
    if (a->due_us != b->due_us || a->alarm_us != b->alarm_us)
        return "its deadlines";
    if (a->call != b->call || a->called_us != b->called_us || a->requested_us != b->requested_us)
        return "its calls";
    return a->last_position != b->last_position ? "its newest fact" : NULL;
}

static bool remittances_differ(const struct ledger *a, const struct ledger *b, char *text, size_t room)
{
    for (uint32_t from = 0;;) {
        struct ledger_open_remittance x = {0}, y = {0};
        bool is_there = ledger_remittance_next(a, from, &x),
             is_there_too = ledger_remittance_next(b, from, &y);
        const char *thing = thing_of(&x, &y);
        if (is_there != is_there_too || thing != NULL) {
            snprintf(text, room, "the remittance of %" PRId64 " has not %s", is_there ? x.amount : y.amount,
                     thing == NULL ? "been there" : thing);
            return true;
        }
        if (!is_there)
            return false;
        from = x.slot + 1;
    }
}

static bool counts_differ(const struct ledger *a, const struct ledger *b, char *text, size_t room)
{
    struct ledger_stats x, y;
    ledger_stats(a, &x);
    ledger_stats(b, &y);
    if (x.position == y.position && x.accounts == y.accounts && x.postings == y.postings &&
        x.refusals == y.refusals && x.remittances_open == y.remittances_open &&
        x.remittances_listed == y.remittances_listed && x.remittances_unknown == y.remittances_unknown &&
        x.remittances_alarmed == y.remittances_alarmed &&
        x.remittances_oldest_us == y.remittances_oldest_us && ledger_due_us(a) == ledger_due_us(b))
        return false;
    snprintf(text, room,
             "counts are other ones: %" PRIu64 " postings to %" PRIu64 ", %" PRIu64 " open to %" PRIu64
             ", %" PRIu64 " unknown to %" PRIu64,
             x.postings, y.postings, x.remittances_open, y.remittances_open, x.remittances_unknown,
             y.remittances_unknown);
    return true;
}

/* An id leads to the newest fact of its remittance. */
static bool ids_differ(const struct watch *watch, struct ledger *a, struct ledger *b, char *text, size_t room)
{
    for (size_t i = 0; i < watch->count; i++) {
        const struct known *known = &watch->known[i];
        uint64_t x = ledger_transaction_find(a, &known->id), y = ledger_transaction_find(b, &known->id);
        if (x == y && (!known->is_there || x == known->last))
            continue;
        snprintf(text, room, "the id of %" PRId64 " leads to fact %" PRIu64 ", not %" PRIu64, known->amount,
                 x, y);
        return true;
    }
    return false;
}

bool remit_differ(const struct watch *watch, struct ledger *a, struct ledger *b, char *text, size_t room)
{
    return accounts_differ(a, b, text, room) || remittances_differ(a, b, text, room) ||
           counts_differ(a, b, text, room) || ids_differ(watch, a, b, text, room);
}
