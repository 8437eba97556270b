/* The FX desk: rates and terms are set and renewed, some stale or older than what is known; quotes are asked for on either side,
 * and used at once, late, twice, by another account or for another owner. */
#include <stdio.h>

#include "actors/base/check.h"
#include "actors/base/rate.h"
#include "sim/workload_inside.h"

enum { SECOND_US = 1000000, SETS_FIRST = 12, PPM_USUAL = 20000 };

/* ---- rates and terms ----------------------------------------------------------------------------- */

/* One of the accounts' currencies, or one that only leads from one to another. */
static currency_index draw_currency(struct workload *self)
{
    uint32_t at = workload_below(self, workload_one_in(self, 3) ? self->unit_count + 2 : self->unit_count);
    if (at < self->unit_count)
        return self->units[at].currency;
    return currency_find(at == self->unit_count ? "KRW" : "EUR", CURRENCY_CODE_LENGTH);
}

static bool draw_two(struct workload *self, currency_index *one, currency_index *other)
{
    *one = draw_currency(self);
    *other = draw_currency(self);
    return *one != *other;
}

static void draw_header(struct workload *self, struct operation *op)
{
    bool to_one = workload_one_in(self, 6);
    op->partition = to_one ? workload_below(self, self->config.partitions) : WIRE_PARTITION_ANY;
    if (workload_one_in(self, 2))
        op->operator_name = STR_LITERAL("desk");
}

static struct operation *set_rate(struct workload *self)
{
    struct operation *op = operation_new(OPERATION_RATE_SET);
    struct ledger_rate *rate = &op->rate;
    if (!draw_two(self, &rate->base, &rate->counter)) {
        operation_free(&op);
        return NULL;
    }
    rate->units = workload_one_in(self, 4) ? 100 : 1;
    rate->rate = 1 + (int64_t)sim_random_below(&self->random, (uint64_t)3000 * RATE_ONE);
    if (workload_one_in(self, 3))
        rate->rate = rate->rate / 1000 + 1;
    rate->as_of_us = self->now_us - (int64_t)sim_random_below(&self->random, 10 * SECOND_US);
    if (workload_one_in(self, 5))
        rate->as_of_us -= 3600 * (int64_t)SECOND_US;
    rate->age_limit_us =
        (1 + (int64_t)workload_below(self, workload_one_in(self, 3) ? 30 : 1200)) * SECOND_US;
    if (workload_one_in(self, 2)) {
        rate->source_length = 3;
        memcpy(rate->source, "ecb", 3);
    }
    draw_header(self, op);
    return op;
}

static struct operation *set_pair(struct workload *self)
{
    struct operation *op = operation_new(OPERATION_PAIR_SET);
    if (!draw_two(self, &op->pair.one, &op->pair.other)) {
        operation_free(&op);
        return NULL;
    }
    op->pair.spread_ppm = workload_below(self, workload_one_in(self, 8) ? LEDGER_SPREAD_PPM_MAX : PPM_USUAL);
    op->pair.valid_us = (1 + (int64_t)workload_below(self, workload_one_in(self, 4) ? 5 : 600)) * SECOND_US;
    draw_header(self, op);
    return op;
}

/* ---- quotes -------------------------------------------------------------------------------------- */

static struct operation *ask_quote(struct workload *self)
{
    struct known_account *account = workload_pick(
        self, &(struct wish){.in = WIRE_PARTITION_ANY, .not_in = WIRE_PARTITION_ANY, .available = 1});
    if (account == NULL)
        return NULL;
    struct operation *op = operation_new(OPERATION_QUOTE);
    currency_index buy = self->units[workload_below(self, self->unit_count)].currency;
    for (int tries = 0; buy == account->currency && tries < 4; tries++)
        buy = self->units[workload_below(self, self->unit_count)].currency;
    bool sells = workload_one_in(self, 2);
    int64_t most = sells ? known_available(account) : workload_scale(self, buy);
    if (most > MONEY_MAX / 4)
        most = MONEY_MAX / 4;
    op->quote = (struct ledger_quote_command){
        .id = workload_id(self),
        .account = operation_text(op, known_id(account)),
        .sell = account->currency,
        .buy = buy,
        .side = sells ? QUOTE_SELL : QUOTE_BUY,
        .amount = 1 + (int64_t)sim_random_below(&self->random, (uint64_t)most >> workload_below(self, 10)),
    };
    if (workload_chance(self, self->trouble[FEATURE_MISTAKES])) {
        if (workload_one_in(self, 2))
            op->quote.sell = buy;
        else
            op->quote.account = workload_unknown(self, op);
    }
    op->partition = workload_header(self, workload_partition(self, op->quote.account));
    return op;
}

static struct known_quote *pick(struct workload *self, bool is_open)
{
    for (int tries = 0; tries < 12 && self->quote_count > 0; tries++) {
        struct known_quote *quote = &self->quotes[workload_below(self, self->quote_count)];
        if (!is_open || (quote->is_open && quote->expires_us > self->now_us))
            return quote;
    }
    return NULL;
}

static struct operation *show(struct workload *self)
{
    struct known_quote *quote = pick(self, false);
    if (quote == NULL)
        return NULL;
    struct operation *op = operation_new(OPERATION_QUOTE_SHOW);
    op->quote.account = operation_text(op, str_from(quote->account));
    op->quote.id = workload_one_in(self, 10) ? workload_id(self) : quote->id;
    op->partition = workload_header(self, workload_partition(self, op->quote.account));
    return op;
}

/* ---- exchanges ----------------------------------------------------------------------------------- */

static struct known_account *receiver(struct workload *self, const struct known_quote *quote)
{
    const struct known_account *from = workload_find(self, str_from(quote->account));
    bool any_owner = from == NULL || workload_one_in(self, 12);
    struct known_account *found[WORKLOAD_ACCOUNTS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < self->account_count; i++) {
        struct known_account *account = &self->accounts[i];
        if (account->state != KNOWN_NOT && account->id_length > 0 && account->currency == quote->buy &&
            (any_owner || account->owner == from->owner))
            found[count++] = account;
    }
    return count > 0 ? found[workload_below(self, count)] : NULL;
}

static struct operation *exchange(struct workload *self)
{
    struct known_quote *quote = pick(self, !workload_one_in(self, 8));
    struct known_account *to = quote != NULL ? receiver(self, quote) : NULL;
    if (to == NULL)
        return NULL;
    struct operation *op = operation_new(OPERATION_BATCH);
    struct ledger_command *c = operation_commands(op, 1);
    struct known_account *other =
        workload_pick(self, &(struct wish){.in = WIRE_PARTITION_ANY, .not_in = WIRE_PARTITION_ANY});
    bool by_other = other != NULL && workload_one_in(self, 8);
    *c = (struct ledger_command){
        .kind = COMMAND_EXCHANGE,
        .currency = CURRENCY_NONE,
        .id = workload_id(self),
        .from = operation_text(op, by_other ? known_id(other) : str_from(quote->account)),
        .to = operation_text(op, known_id(to)),
        .memo = workload_note(self, op, MEMO_MAX),
        .reference = workload_note(self, op, REFERENCE_MAX),
        .of = workload_one_in(self, 30) ? workload_id(self) : quote->id,
    };
    if (workload_chance(self, self->deadlines_per_million / 4))
        c->deadline_us = workload_deadline(self);
    quote->is_open = false;
    operation_seal(op);
    op->partition = workload_header(self, workload_partition(self, c->from));
    workload_remember(self, operation_copy(op));
    return op;
}

struct operation *workload_desk(struct workload *self)
{
    uint32_t way = workload_below(self, 20);
    if (self->unit_count < 2)
        return NULL;
    if (self->desk_sets < SETS_FIRST || way < 3) {
        self->desk_sets++;
        return self->desk_sets % 2 == 0 ? set_pair(self) : set_rate(self);
    }
    if (way == 3)
        return set_pair(self);
    if (way == 4)
        return show(self);
    return way < 13 ? ask_quote(self) : exchange(self);
}

/* ---- answers ------------------------------------------------------------------------------------- */

void workload_hear_desk(struct workload *self, const struct operation *operation, const struct answer *answer)
{
    const struct ledger_quote_view *view = &answer->quote;
    if (operation->kind != OPERATION_QUOTE || answer->code != CODE_OK)
        return;
    uint32_t at =
        self->quote_count < WORKLOAD_QUOTES ? self->quote_count++ : workload_below(self, WORKLOAD_QUOTES);
    struct known_quote *quote = &self->quotes[at];
    *quote = (struct known_quote){
        .id = view->id, .buy = view->buy, .is_open = true, .expires_us = view->expires_us};
    memcpy(quote->account, view->account, sizeof quote->account);
}
