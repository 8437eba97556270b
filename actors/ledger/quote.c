/* Decide: quotes, and looking at them.
 *
 * A quote is in no table: its FACT_QUOTED is found through its id, and read back. When it is used, its id leads to the
 * FACT_QUOTE_USED, and that to the FACT_QUOTED. */
#include "actors/ledger/quote.h"

#include "actors/ledger/core.h"
#include "actors/ledger/desk_price.h"
#include "actors/ledger/hash.h"

/* ---- reading back ------------------------------------------------------------------------------------------- */

bool quote_read(struct ledger *self, const struct uuid *id, struct quote *out)
{
    uint8_t bytes[CORE_FACT_MAX];
    struct fact_quote_used used;
    *out = (struct quote){0};
    uint64_t position = ledger_transaction_find(self, id);
    if (position == 0)
        return false;
    size_t size = core_fact_read(self, position, bytes, sizeof bytes);
    if (size >= sizeof used && bytes[0] == FACT_QUOTE_USED) {
        memcpy(&used, bytes, sizeof used);
        position = used.quoted;
        out->is_used = true;
        out->used_by = used.id;
        size = core_fact_read(self, position, bytes, sizeof bytes);
    }
    if (size < sizeof out->fact || bytes[0] != FACT_QUOTED) {
        MARK("an id is not that of a quote");
        return false;
    }
    out->position = position;
    memcpy(&out->fact, bytes, sizeof out->fact);
    return true;
}

static void view_fill(const struct ledger *self, const struct quote *quote, struct ledger_quote_view *view)
{
    const struct fact_quote *fact = &quote->fact;
    *view = (struct ledger_quote_view){
        .id = fact->id,
        .state = quote->is_used                     ? QUOTE_USED
                 : self->now_us >= fact->expires_us ? QUOTE_EXPIRED
                                                    : QUOTE_OPEN,
        .side = fact->side,
        .sell = currency_find(fact->sell, CURRENCY_CODE_LENGTH),
        .buy = currency_find(fact->buy, CURRENCY_CODE_LENGTH),
        .sell_amount = fact->sell_amount,
        .buy_amount = fact->buy_amount,
        .rate = fact->rate,
        .mid = fact->mid,
        .spread = fact->spread,
        .residue = fact->residue,
        .expires_us = fact->expires_us,
    };
    view->account_length = (uint8_t)account_id_copy(&self->accounts, fact->account, view->account);
}

static void answer(struct ledger_quote_answer *out, enum code code, enum field field)
{
    out->code = code;
    out->field = field;
}

static void answer_quote(const struct ledger *self, const struct quote *quote,
                         struct ledger_quote_answer *out)
{
    answer(out, CODE_OK, FIELD_NONE);
    view_fill(self, quote, &out->view);
}

static uint32_t find(const struct ledger *self, struct str id)
{
    return account_find(&self->accounts, id, account_hash(&self->accounts, id));
}

static enum code missing(const struct ledger *self, struct str id)
{
    bool ours = ledger_partition_of(id, self->config.partitions) == self->config.partition;
    return ours ? CODE_ACCOUNT_NOT_FOUND : CODE_WRONG_PARTITION;
}

void ledger_quote_show(struct ledger *self, int64_t now_us, struct str account, const struct uuid *id,
                       struct ledger_quote_answer *out)
{
    struct quote quote;
    core_set_now(self, now_us);
    uint32_t index = find(self, account);
    if (index == ACCOUNT_NONE)
        answer(out, missing(self, account), FIELD_ACCOUNT);
    else if (!quote_read(self, id, &quote) || quote.fact.account != index)
        answer(out, CODE_QUOTE_NOT_FOUND, FIELD_QUOTE);
    else
        answer_quote(self, &quote, out);
}

/* ---- decide ------------------------------------------------------------------------------------------------- */

static bool quote_same(const struct ledger *self, const struct fact_quote *fact,
                       const struct ledger_quote_command *command)
{
    int64_t amount = fact->side == QUOTE_SELL ? fact->sell_amount : fact->buy_amount;
    return fact->side == command->side && amount == command->amount &&
           account_id_is(&self->accounts, fact->account, command->account) &&
           memcmp(fact->sell, currency_at(command->sell)->code, CURRENCY_CODE_LENGTH) == 0 &&
           memcmp(fact->buy, currency_at(command->buy)->code, CURRENCY_CODE_LENGTH) == 0;
}

/* true: the id is known, and answered for. */
static bool repeat(struct ledger *self, const struct ledger_quote_command *command,
                   struct ledger_quote_answer *out)
{
    struct quote quote;
    if (!id_table_may_have(&self->ids, hash_uuid(&command->id, self->config.hash_key)) &&
        !(self->group_count > 0 && group_holds_id(self, &command->id)) &&
        !proposal_is_open(self, &command->id) && hold_opening_of(self, &command->id) == 0 &&
        !remittance_is_open(self, &command->id))
        return false;
    if (quote_read(self, &command->id, &quote) && quote_same(self, &quote.fact, command)) {
        MARK("a quote is asked for again");
        answer_quote(self, &quote, out);
        return true;
    }
    bool taken = ledger_transaction_find(self, &command->id) != 0 || group_holds_id(self, &command->id);
    if (taken)
        answer(out, CODE_CONFLICT, FIELD_TRANSACTION_ID);
    return taken;
}

static struct verdict check_account(const struct ledger *self, uint32_t index,
                                    const struct ledger_quote_command *command)
{
    const struct account *account = account_at(&self->accounts, index);
    if (account->currency != command->sell)
        return (struct verdict){CODE_CURRENCY_MISMATCH, FIELD_FROM_ACCOUNT};
    if (account->state == ACCOUNT_CLOSED)
        return (struct verdict){CODE_ACCOUNT_CLOSED, FIELD_FROM_ACCOUNT};
    if (account->state == ACCOUNT_FROZEN)
        return (struct verdict){CODE_ACCOUNT_FROZEN, FIELD_FROM_ACCOUNT};
    if (command->sell == command->buy)
        return (struct verdict){CODE_INVALID_FIELD, FIELD_BUY};
    return (struct verdict){CODE_OK, FIELD_NONE};
}

/* What an amount is worth in the base currency; 0: there is no way to know, or only a stale one. `other` is what it is
 * exchanged for: where that is in the base currency, it is the answer. */
static int64_t value_of(const struct ledger *self, currency_index currency, int64_t amount,
                        currency_index other, int64_t other_amount)
{
    struct desk_way way;
    currency_index base = self->config.base_currency;
    int64_t value = 0;
    if (currency == base)
        return amount;
    if (other == base)
        return other_amount;
    if (desk_way_find(&self->desk, currency, base, self->now_us, &way) != CODE_OK ||
        !desk_way_value(&way, amount, ROUND_HALF_EVEN, &value)) {
        MARK("the value of an exchange in the base currency is not known");
        return 0;
    }
    return value;
}

static struct verdict price(const struct ledger *self, const struct ledger_quote_command *command,
                            struct desk_price *price, int64_t *expires_us)
{
    struct desk_way way;
    const struct ledger_pair *terms = desk_pair_find(&self->desk, command->sell, command->buy);
    enum code code = desk_way_find(&self->desk, command->sell, command->buy, self->now_us, &way);
    if (!terms || code == CODE_RATE_NOT_FOUND)
        return (struct verdict){CODE_RATE_NOT_FOUND, FIELD_BUY};
    if (code != CODE_OK)
        return (struct verdict){code, FIELD_BUY};
    code = desk_price_of(&way, terms->spread_ppm, command->side, command->amount, price);
    if (code != CODE_OK)
        return (struct verdict){code, FIELD_AMOUNT};
    *expires_us = self->now_us + terms->valid_us;
    return (struct verdict){CODE_OK, FIELD_NONE};
}

static bool append_quoted(struct ledger *self, const struct fact_quote *fact)
{
    uint8_t *room = id_table_ensure(&self->ids, 1) ? core_fact_room(self, sizeof *fact) : NULL;
    if (!room) {
        MARK("no memory for a quote");
        return false;
    }
    memcpy(room, fact, sizeof *fact);
    core_fact_commit(self, sizeof *fact);
    return true;
}

static void decide(struct ledger *self, const struct ledger_quote_command *command, uint32_t index,
                   struct ledger_quote_answer *out)
{
    struct desk_price terms;
    struct quote quote = {.position = self->position};
    struct verdict verdict = check_account(self, index, command);
    int64_t expires_us = 0;
    if (verdict.code == CODE_OK)
        verdict = price(self, command, &terms, &expires_us);
    if (verdict.code != CODE_OK) {
        answer(out, verdict.code, verdict.field);
        return;
    }
    quote.fact = (struct fact_quote){
        .head = {FACT_QUOTED, 0, sizeof quote.fact / FACT_WORD},
        .account = index,
        .side = command->side,
        .sell_amount = terms.sell_amount,
        .buy_amount = terms.buy_amount,
        .spread = terms.spread,
        .residue = terms.residue,
        .mid = terms.mid,
        .rate = terms.rate,
        .sell_value = value_of(self, command->sell, terms.sell_amount, command->buy, terms.buy_amount),
        .buy_value = value_of(self, command->buy, terms.buy_amount, command->sell, terms.sell_amount),
        .expires_us = expires_us,
        .id = command->id,
    };
    memcpy(quote.fact.sell, currency_at(command->sell)->code, CURRENCY_CODE_LENGTH);
    memcpy(quote.fact.buy, currency_at(command->buy)->code, CURRENCY_CODE_LENGTH);
    if (self->refuse_new || !append_quoted(self, &quote.fact))
        answer(out, CODE_BUSY, FIELD_NONE);
    else
        answer_quote(self, &quote, out);
}

void ledger_quote(struct ledger *self, int64_t now_us, const struct ledger_quote_command *command,
                  struct ledger_quote_answer *out)
{
    core_set_now(self, now_us);
    if (repeat(self, command, out))
        return;
    uint32_t index = find(self, command->account);
    if (index == ACCOUNT_NONE)
        answer(out, missing(self, command->account), FIELD_FROM_ACCOUNT);
    else
        decide(self, command, index, out);
}

/* ---- facts from disk ------------------------------------------------------------------------------------------ */

/* An exchange will take the amounts as they are. */
enum err quote_fact_fits(const struct ledger *self, uint64_t position, const uint8_t *bytes)
{
    if (bytes[0] == FACT_QUOTE_USED) {
        struct fact_quote_used used;
        memcpy(&used, bytes, sizeof used);
        return used.quoted >= FACT_FIRST && used.quoted < position ? ERR_OK : ERR_CORRUPT;
    }
    struct fact_quote fact;
    memcpy(&fact, bytes, sizeof fact);
    currency_index sell = currency_find(fact.sell, CURRENCY_CODE_LENGTH);
    currency_index buy = currency_find(fact.buy, CURRENCY_CODE_LENGTH);
    bool good = sell != CURRENCY_NONE && buy != CURRENCY_NONE && sell != buy &&
                (fact.side == QUOTE_SELL || fact.side == QUOTE_BUY) && fact.sell_amount >= 1 &&
                fact.sell_amount <= MONEY_MAX && fact.buy_amount >= 1 && fact.buy_amount <= MONEY_MAX &&
                fact.spread >= 0 && fact.spread <= MONEY_MAX - fact.buy_amount && fact.residue >= 0 &&
                fact.residue <= MONEY_MAX - fact.buy_amount - fact.spread && fact.sell_value >= 0 &&
                fact.buy_value >= 0 && fact.account < self->accounts.count &&
                account_at(&self->accounts, fact.account)->id_length > 0;
    return good ? ERR_OK : ERR_CORRUPT;
}
