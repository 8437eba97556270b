/* The rules of docs/WIRE.md, in their order, for one decision at one point in the order of facts. Sums are 128 bits
 * wide, so that none of them has to be watched. */
#include "sim/check/inside.h"

bool verdict_same(struct verdict a, struct verdict b)
{
    return a.code == b.code && a.field == b.field && a.item == b.item;
}

struct verdict account_is_usable(const struct account *account, currency_index currency, enum field field)
{
    struct verdict verdict = {CODE_OK, FIELD_NONE, 0};
    if (account == NULL)
        verdict.code = CODE_ACCOUNT_NOT_FOUND;
    else if (account->currency != currency)
        verdict.code = CODE_CURRENCY_MISMATCH;
    else if (account->attributes->state == ACCOUNT_CLOSED)
        verdict.code = CODE_ACCOUNT_CLOSED;
    else if (account->attributes->state == ACCOUNT_FROZEN)
        verdict.code = CODE_ACCOUNT_FROZEN;
    if (verdict.code != CODE_OK)
        verdict.field = field;
    return verdict;
}

/* promised: what earlier items of the same group pay from it. What they bring to it does not count. */
struct verdict decide_pay(const struct oracle *self, const struct book *book, struct str id,
                          currency_index currency, int64_t amount, __int128 promised)
{
    const struct account *account = account_here(self, book, id);
    struct verdict verdict = account_is_usable(account, currency, FIELD_FROM_ACCOUNT);
    if (verdict.code != CODE_OK)
        return verdict;
    __int128 available = (__int128)account->balance - account->pending - account->attributes->minimum_balance;
    if (amount > available - promised)
        return (struct verdict){CODE_INSUFFICIENT_FUNDS, FIELD_FROM_ACCOUNT, 0};
    return verdict;
}

/* What open groups will bring counts, for its room is reserved. */
struct verdict decide_receive(const struct oracle *self, const struct book *book, struct str id,
                              currency_index currency, int64_t amount, __int128 promised)
{
    const struct account *account = account_here(self, book, id);
    struct verdict verdict = account_is_usable(account, currency, FIELD_TO_ACCOUNT);
    if (verdict.code != CODE_OK)
        return verdict;
    __int128 after = (__int128)account->balance + account->incoming + promised + amount;
    if (account->attributes->ceiling != INT64_MAX && after > account->attributes->ceiling)
        return (struct verdict){CODE_CEILING_EXCEEDED, FIELD_TO_ACCOUNT, 0};
    if (after > BALANCE_LIMIT)
        return (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_TO_ACCOUNT, 0};
    return verdict;
}

/* An own account that is not there yet has nothing. */
bool house_counts(const struct account *house, __int128 amount)
{
    __int128 balance = house != NULL ? house->balance : 0;
    return balance + amount <= BALANCE_LIMIT && balance - amount >= -BALANCE_LIMIT;
}

struct verdict decide_single(const struct oracle *self, const struct book *book, const struct ask *ask)
{
    struct verdict verdict = {CODE_OK, FIELD_NONE, 0};
    if (ask->kind == COMMAND_EXCHANGE)
        return desk_decide(self, book, ask);
    bool receives_here = ask->kind != COMMAND_WITHDRAW && partition_of(self, ask->to) == book->partition;
    if (ask->kind == COMMAND_HOLD || ask->kind == COMMAND_CAPTURE || ask->kind == COMMAND_RELEASE)
        return holds_decide(self, book, ask);
    if (ask->kind != COMMAND_DEPOSIT) {
        verdict = decide_pay(self, book, ask->from, ask->currency, ask->amount, 0);
        if (verdict.code == CODE_OK)
            verdict = worth_decide_pay(self, account_here(self, book, ask->from), ask);
    }
    if (verdict.code == CODE_OK && receives_here)
        verdict = decide_receive(self, book, ask->to, ask->currency, ask->amount, 0);
    if (verdict.code == CODE_OK && ask->kind != COMMAND_TRANSFER &&
        !house_counts(book->house[ask->currency], ask->amount))
        return (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_AMOUNT, 0};
    if (verdict.code == CODE_OK && receives_here)
        verdict = worth_decide_receive(self, account_here(self, book, ask->to), ask, 0);
    return verdict;
}

/* ---- groups ----------------------------------------------------------------------------------- */

static bool is_here(const struct oracle *self, const struct book *book, struct str account)
{
    return account.length > 0 && partition_of(self, account) == book->partition;
}

/* The partition whose transit account is an item's other side here, or NOBODY: both sides are here. */
static uint32_t item_peer(const struct oracle *self, const struct book *book, const struct ask *item)
{
    uint32_t payer = partition_of(self, item->from), receiver = partition_of(self, item->to);
    if (payer == receiver)
        return NOBODY;
    return payer == book->partition ? receiver : payer;
}

/* The own account on the other side of two items is the same one. */
static bool is_same_side(const struct oracle *self, const struct book *book, const struct ask *a,
                         const struct ask *b)
{
    if (a->currency != b->currency || (a->kind == COMMAND_TRANSFER) != (b->kind == COMMAND_TRANSFER))
        return false;
    return a->kind != COMMAND_TRANSFER || item_peer(self, book, a) == item_peer(self, book, b);
}

/* Can teller's own account be counted after all that the group moves through it, so far? `sides`: how many of the
 * last item's sides are counted. */
static bool own_side_counts(const struct oracle *self, const struct book *book, const struct ask *group,
                            uint32_t last, bool with_receiver)
{
    const struct ask *item = &group->items[last];
    bool crosses = item->kind == COMMAND_TRANSFER;
    uint32_t peer = crosses ? item_peer(self, book, item) : NOBODY;
    __int128 sum = 0;
    if (crosses && peer == NOBODY)
        return true;
    for (uint32_t i = 0; i <= last; i++) {
        const struct ask *other = &group->items[i];
        if (!is_same_side(self, book, item, other))
            continue;
        sum += is_here(self, book, other->from) ? other->amount : 0;
        sum += is_here(self, book, other->to) && (i < last || with_receiver) ? other->amount : 0;
    }
    return house_counts(crosses ? book->transit[peer * 256 + item->currency] : book->house[item->currency],
                        sum);
}

/* What the items before this one pay from an account, or bring to it. */
static __int128 promised(const struct ask *group, uint32_t until, struct str account, bool pays)
{
    __int128 sum = 0;
    for (uint32_t i = 0; i < until; i++) {
        if (str_equal(pays ? group->items[i].from : group->items[i].to, account))
            sum += group->items[i].amount;
    }
    return sum;
}

/* What the items before this one bring to an account, in the base currency. */
static __int128 promised_value(const struct oracle *self, const struct ask *group, uint32_t until,
                               struct str account)
{
    __int128 sum = 0;
    for (uint32_t i = 0; i < until; i++) {
        if (str_equal(group->items[i].to, account))
            sum += worth_of(self, &group->items[i]);
    }
    return sum;
}

/* Teller's own accounts that a leg of an exchange moves money through: no other leg of it does. */
static bool leg_counts(const struct book *book, const struct ask *leg)
{
    return house_counts(book->desk_house[HOUSE_FX][leg->currency],
                        (__int128)leg->amount + leg->spread + leg->residue) &&
           house_counts(book->desk_house[HOUSE_SPREAD][leg->currency], leg->spread) &&
           house_counts(book->desk_house[HOUSE_RESIDUE][leg->currency], leg->residue);
}

static struct verdict decide_leg(const struct oracle *self, const struct book *book, const struct ask *leg,
                                 uint8_t at)
{
    struct verdict verdict = {CODE_OK, FIELD_NONE, 0};
    struct str id = leg->kind == COMMAND_EXCHANGE_OUT ? leg->from : leg->to;
    const struct account *account = account_here(self, book, id);
    if (!is_here(self, book, id))
        return verdict;
    if (leg->kind == COMMAND_EXCHANGE_OUT) {
        verdict = decide_pay(self, book, id, leg->currency, leg->amount, 0);
    } else {
        verdict = account_is_usable(account, leg->currency, FIELD_TO_ACCOUNT);
        if (verdict.code == CODE_OK && !str_equal(account->attributes->owner, leg->owner))
            verdict = (struct verdict){CODE_WRONG_OWNER, FIELD_TO_ACCOUNT, 0};
        if (verdict.code == CODE_OK)
            verdict = decide_receive(self, book, id, leg->currency, leg->amount, 0);
    }
    if (verdict.code == CODE_OK && leg->kind == COMMAND_EXCHANGE_OUT && account->has_book && leg->value == 0)
        verdict = (struct verdict){CODE_RATE_REQUIRED, FIELD_RATE, 0};
    if (verdict.code == CODE_OK && !leg_counts(book, leg))
        verdict = (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_AMOUNT, 0};
    if (verdict.code == CODE_OK && leg->kind == COMMAND_EXCHANGE_IN)
        verdict = worth_decide_receive(self, account, leg, 0);
    verdict.item = verdict.code == CODE_OK ? 0 : at;
    return verdict;
}

static struct verdict decide_item(const struct oracle *self, const struct book *book, const struct ask *group,
                                  uint32_t at)
{
    const struct ask *item = &group->items[at];
    struct verdict verdict = {CODE_OK, FIELD_NONE, 0};
    if (is_leg(item))
        return decide_leg(self, book, item, (uint8_t)at);
    if (is_here(self, book, item->from)) {
        verdict = decide_pay(self, book, item->from, item->currency, item->amount,
                             promised(group, at, item->from, true));
        if (verdict.code == CODE_OK)
            verdict = worth_decide_pay(self, account_here(self, book, item->from), item);
        if (verdict.code == CODE_OK && !own_side_counts(self, book, group, at, false))
            verdict = (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_AMOUNT, 0};
    }
    if (verdict.code == CODE_OK && is_here(self, book, item->to)) {
        verdict = decide_receive(self, book, item->to, item->currency, item->amount,
                                 promised(group, at, item->to, false));
        if (verdict.code == CODE_OK && !own_side_counts(self, book, group, at, true))
            verdict = (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_AMOUNT, 0};
        if (verdict.code == CODE_OK)
            verdict = worth_decide_receive(self, account_here(self, book, item->to), item,
                                           promised_value(self, group, at, item->to));
    }
    verdict.item = verdict.code == CODE_OK ? 0 : (uint8_t)at;
    return verdict;
}

struct verdict decide_group(const struct oracle *self, const struct book *book, const struct ask *group)
{
    for (uint32_t i = 0; i < group->item_count; i++) {
        struct verdict verdict = decide_item(self, book, group, i);
        if (verdict.code != CODE_OK)
            return verdict;
    }
    return (struct verdict){CODE_OK, FIELD_NONE, 0};
}

struct verdict decide_ids(const struct oracle *self, const struct book *book, const struct ask *group)
{
    for (uint32_t i = 0; i < group->item_count; i++) {
        const struct uuid *id = &group->items[i].id;
        const struct known *known = known_find(self, id);
        if (group->origin != NULL && uuid_is_nil(id))
            continue; /* not named yet */
        bool used =
            uuid_equal(&group->id, id) ||
            (known != NULL && (is_held(known, book->partition) || record_here(self, book, known) != NULL));
        for (uint32_t before = 0; before < i && !used; before++)
            used = uuid_equal(&group->items[before].id, id);
        if (used)
            return (struct verdict){CODE_CONFLICT, FIELD_TRANSACTION_ID, (uint8_t)i};
    }
    return (struct verdict){CODE_OK, FIELD_NONE, 0};
}

bool decide_may_conflict(const struct book *book, const struct known *known)
{
    const struct record *record = known != NULL ? known->records : NULL;
    while (record != NULL && record->partition != book->partition)
        record = record->next;
    return record != NULL;
}
