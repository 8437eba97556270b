#include "actors/ledger/group_legs.h"

#include "actors/ledger/core.h"
#include "actors/ledger/exchange.h"

static uint32_t own(const struct ledger *self)
{
    return self->config.partition;
}

static uint32_t home(const struct ledger *self, struct str id)
{
    return ledger_partition_of(id, self->config.partitions);
}

uint32_t group_from_home(const struct ledger *self, const struct ledger_command *item)
{
    struct str payer = ledger_payer(item);
    return home(self, payer.length > 0 ? payer : item->to);
}

uint32_t group_to_home(const struct ledger *self, const struct ledger_command *item)
{
    return home(self, item->to.length > 0 ? item->to : item->from);
}

static uint32_t find(const struct ledger *self, struct str id)
{
    return account_find(&self->accounts, id, account_hash(&self->accounts, id));
}

/* The house or transit account on the other side of an item, as a place that holds its index; NULL where
 * both sides are accounts here. */
static const uint32_t *own_side(const struct ledger *self, const struct ledger_command *item)
{
    uint32_t payer = group_from_home(self, item), receiver = group_to_home(self, item);
    if (exchange_is_leg(item))
        return &self->houses[HOUSE_KIND_FX][item->currency];
    if (item->kind != COMMAND_TRANSFER)
        return &self->house[item->currency];
    if (payer == receiver)
        return NULL;
    return &self->transit[(payer == own(self) ? receiver : payer) * 256u + item->currency];
}

uint32_t group_legs(const struct ledger *self, const struct ledger_command *items, uint32_t count,
                    struct group_leg *legs)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct str sides[] = {ledger_payer(&items[i]), items[i].to};
        for (int is_credit = 0; is_credit < 2; is_credit++) {
            if (sides[is_credit].length == 0 || home(self, sides[is_credit]) != own(self))
                continue;
            legs[n++] = (struct group_leg){.item = (uint8_t)i,
                                           .is_credit = is_credit,
                                           .account = find(self, sides[is_credit]),
                                           .amount = items[i].amount,
                                           .through = exchange_leg_through(&items[i]),
                                           .own_side = own_side(self, &items[i])};
        }
    }
    return n;
}

/* What earlier legs of the same kind have promised on an account. false: the sum does not fit. */
static bool promised(const struct group_leg *legs, uint32_t n, int64_t *sum)
{
    *sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (legs[i].account == legs[n].account && legs[i].is_credit == legs[n].is_credit &&
            !money_add(*sum, legs[i].amount, sum))
            return false;
    }
    return true;
}

/* House and transit accounts can be counted after all that this group would move through them. */
static bool own_side_counts(const struct ledger *self, const struct group_leg *legs, uint32_t n)
{
    const uint32_t *side = legs[n].own_side;
    int64_t sum = 0;
    for (uint32_t i = 0; side && i <= n; i++) {
        if (legs[i].own_side == side && !money_add(sum, legs[i].through, &sum))
            return false;
    }
    if (!side || *side == ACCOUNT_NONE)
        return sum <= LEDGER_BALANCE_MAX;
    return posting_check_house(self, *side, sum).code == CODE_OK;
}

static struct verdict leg_account_check(const struct ledger *self, const struct ledger_command *items,
                                        const struct group_leg *legs, uint32_t n)
{
    const struct group_leg *leg = &legs[n];
    enum field field = leg->is_credit ? FIELD_TO_ACCOUNT : FIELD_FROM_ACCOUNT;
    int64_t already;
    if (leg->account == ACCOUNT_NONE)
        return (struct verdict){CODE_ACCOUNT_NOT_FOUND, field};
    if (!promised(legs, n, &already))
        return (struct verdict){CODE_BALANCE_OVERFLOW, field};
    const struct account *account = account_at(&self->accounts, leg->account);
    currency_index currency = items[leg->item].currency;
    if (!leg->is_credit) {
        struct verdict verdict = posting_check_debit(account, currency, leg->amount, already);
        if (verdict.code == CODE_OK)
            verdict = book_check_debit(self, leg->account, &items[leg->item]);
        return exchange_check_payer(self, &items[leg->item], leg->account, verdict);
    }
    if (!money_add(posting_incoming(self, leg->account), already, &already))
        return (struct verdict){CODE_BALANCE_OVERFLOW, field};
    return exchange_check_owner(self, &items[leg->item], leg->account,
                                posting_check_credit(account, currency, leg->amount, already));
}

/* The value of the credits that earlier legs have promised an account. */
static int64_t promised_value(const struct ledger *self, const struct ledger_command *items,
                              const struct group_leg *legs, uint32_t n)
{
    int64_t sum = 0, value;
    for (uint32_t i = 0; i < n; i++) {
        if (legs[i].account != legs[n].account || !legs[i].is_credit)
            continue;
        bool known = book_worth(self, &items[legs[i].item], &value);
        if (!known || !money_add(sum, value, &sum))
            sum = INT64_MAX;
    }
    return sum;
}

static struct verdict leg_check(const struct ledger *self, const struct ledger_command *items,
                                const struct group_leg *legs, uint32_t n)
{
    struct verdict verdict = leg_account_check(self, items, legs, n);
    if (verdict.code == CODE_OK &&
        (!own_side_counts(self, legs, n) || !exchange_leg_counts(self, &items[legs[n].item])))
        return (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_AMOUNT};
    const struct group_leg *leg = &legs[n];
    if (verdict.code == CODE_OK && leg->is_credit &&
        (account_at(&self->accounts, leg->account)->flags & ACCOUNT_HAS_BOOK))
        verdict =
            book_check_credit(self, leg->account, &items[leg->item], promised_value(self, items, legs, n));
    return verdict;
}

struct group_refusal group_legs_check(const struct ledger *self, const struct ledger_command *items,
                                      const struct group_leg *legs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        struct verdict verdict = leg_check(self, items, legs, i);
        if (verdict.code != CODE_OK)
            return (struct group_refusal){verdict.code, verdict.field, legs[i].item};
    }
    return (struct group_refusal){CODE_OK, FIELD_NONE, 0};
}
