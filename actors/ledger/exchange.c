#include "actors/ledger/exchange.h"

#include "actors/ledger/quote.h"

/* ---- decide ------------------------------------------------------------------------------------------------- */

static struct verdict check_quote(struct ledger *self, const struct ledger_command *command, uint32_t from,
                                  struct quote *quote)
{
    if (!quote_read(self, &command->of, quote))
        return (struct verdict){CODE_QUOTE_NOT_FOUND, FIELD_QUOTE};
    if (quote->fact.account != from)
        return (struct verdict){CODE_WRONG_OWNER, FIELD_FROM_ACCOUNT};
    if (quote->is_used && !uuid_equal(&quote->used_by, &command->id)) {
        MARK("a quote that has been used is refused");
        return (struct verdict){CODE_QUOTE_USED, FIELD_QUOTE};
    }
    if (self->now_us >= quote->fact.expires_us) {
        MARK("a quote that has expired is refused");
        return (struct verdict){CODE_QUOTE_EXPIRED, FIELD_QUOTE};
    }
    return (struct verdict){CODE_OK, FIELD_NONE};
}

static bool append_used(struct ledger *self, const struct ledger_command *command, const struct quote *quote)
{
    struct fact_quote_used fact = {
        .head = {FACT_QUOTE_USED, 0, sizeof fact / FACT_WORD},
        .quoted = quote->position,
        .quote = command->of,
        .id = command->id,
    };
    /* This and the group's own ids, and those of the commands behind it in its chunk. */
    uint8_t *room =
        id_table_ensure(&self->ids, LEDGER_GROUP_MAX + 2) ? core_fact_room(self, sizeof fact) : NULL;
    if (!room) {
        MARK("no memory to use a quote");
        return false;
    }
    memcpy(room, &fact, sizeof fact);
    core_fact_commit(self, sizeof fact);
    return true;
}

static void legs_make(const struct ledger_command *command, const struct fact_quote *quote, struct str owner,
                      struct ledger_command legs[EXCHANGE_LEGS])
{
    legs[0] = (struct ledger_command){
        .kind = COMMAND_EXCHANGE_OUT,
        .currency = currency_find(quote->sell, CURRENCY_CODE_LENGTH),
        .amount = quote->sell_amount,
        .id = fact_exchange_leg(FACT_EXCHANGE_OUT, &command->id),
        .from = command->from,
        .memo = command->memo,
        .reference = command->reference,
        .value = quote->sell_value,
    };
    legs[1] = (struct ledger_command){
        .kind = COMMAND_EXCHANGE_IN,
        .currency = currency_find(quote->buy, CURRENCY_CODE_LENGTH),
        .amount = quote->buy_amount,
        .id = fact_exchange_leg(FACT_EXCHANGE_IN, &command->id),
        .from = owner,
        .to = command->to,
        .memo = command->memo,
        .reference = command->reference,
        .value = quote->buy_value,
        .spread = quote->spread,
        .residue = quote->residue,
    };
}

/* The owner is copied: names may move when a house account is opened. */
static struct str owner_copy(const struct ledger *self, uint32_t account, char out[OWNER_MAX])
{
    struct str owner = names_at(&self->accounts.names, account_more_at(&self->accounts, account)->owner);
    if (owner.length > 0)
        memcpy(out, owner.data, owner.length);
    return (struct str){out, owner.length};
}

struct verdict exchange_decide(struct ledger *self, const struct ledger_command *command, uint32_t from,
                               struct ledger_ticket *ticket, uint32_t row)
{
    struct quote quote;
    struct ledger_command legs[EXCHANGE_LEGS];
    char owner[OWNER_MAX];
    struct verdict verdict = check_quote(self, command, from, &quote);
    if (verdict.code != CODE_OK)
        return verdict;
    if (quote.is_used) {
        MARK("an exchange goes on where an attempt ended");
    } else if (!append_used(self, command, &quote)) {
        ticket->rows[row].code = CODE_BUSY;
        core_row_done(self, ticket, 1);
        return verdict;
    }
    struct ledger_command group = *command;
    legs_make(command, &quote.fact, owner_copy(self, from, owner), legs);
    group.items = legs;
    group.group_count = EXCHANGE_LEGS;
    group_begin(self, ticket, row, &group);
    return verdict;
}

/* ---- a leg -------------------------------------------------------------------------------------------------- */

static uint32_t find(const struct ledger *self, struct str id)
{
    return account_find(&self->accounts, id, account_hash(&self->accounts, id));
}

bool exchange_leg_ensure(struct ledger *self, const struct ledger_command *item)
{
    if (posting_house_of(self, HOUSE_KIND_FX, item->currency) == ACCOUNT_NONE)
        return false;
    if (item->kind == COMMAND_EXCHANGE_OUT)
        return true;
    return (item->spread == 0 || posting_house_of(self, HOUSE_KIND_SPREAD, item->currency) != ACCOUNT_NONE) &&
           (item->residue == 0 || posting_house_of(self, HOUSE_KIND_RESIDUE, item->currency) != ACCOUNT_NONE);
}

int64_t exchange_leg_through(const struct ledger_command *item)
{
    return item->kind == COMMAND_EXCHANGE_IN ? item->amount + item->spread + item->residue : item->amount;
}

struct verdict exchange_check_owner(const struct ledger *self, const struct ledger_command *item,
                                    uint32_t account, struct verdict verdict)
{
    bool is_usable = verdict.code == CODE_OK || verdict.code == CODE_CEILING_EXCEEDED ||
                     verdict.code == CODE_BALANCE_OVERFLOW;
    struct str owner = names_at(&self->accounts.names, account_more_at(&self->accounts, account)->owner);
    if (item->kind != COMMAND_EXCHANGE_IN || !is_usable || str_equal(owner, item->from))
        return verdict;
    MARK("the receiver of an exchange belongs to another owner");
    return (struct verdict){CODE_WRONG_OWNER, FIELD_TO_ACCOUNT};
}

struct verdict exchange_check_payer(const struct ledger *self, const struct ledger_command *item,
                                    uint32_t account, struct verdict verdict)
{
    bool has_book = (account_at(&self->accounts, account)->flags & ACCOUNT_HAS_BOOK) != 0;
    if (item->kind != COMMAND_EXCHANGE_OUT || verdict.code != CODE_OK || !has_book || item->value != 0)
        return verdict;
    MARK("an exchange out of an account with a book value has no value");
    return (struct verdict){CODE_RATE_REQUIRED, FIELD_RATE};
}

static bool house_counts(const struct ledger *self, enum house_kind house, const struct ledger_command *item,
                         int64_t amount)
{
    uint32_t index = self->houses[house][item->currency];
    return amount == 0 || index == ACCOUNT_NONE || posting_check_house(self, index, amount).code == CODE_OK;
}

bool exchange_leg_counts(const struct ledger *self, const struct ledger_command *item)
{
    return item->kind != COMMAND_EXCHANGE_IN || (house_counts(self, HOUSE_KIND_SPREAD, item, item->spread) &&
                                                 house_counts(self, HOUSE_KIND_RESIDUE, item, item->residue));
}

static void post(struct ledger *self, enum fact_kind kind, uint32_t debit, uint32_t credit, int64_t amount,
                 const struct ledger_command *item, const struct fact_strings *strings)
{
    bool written =
        amount == 0 || posting_append(self, kind, FACT_FLAG_GROUP, debit, credit, amount, &item->id, strings);
    CHECK(written);
}

void exchange_leg_post(struct ledger *self, const struct ledger_command *item, struct group_row *row)
{
    struct fact_strings strings = posting_strings((struct str){0}, item->memo, item->reference);
    const struct fact_book book = {.value = item->value};
    const uint32_t fx = self->houses[HOUSE_KIND_FX][item->currency];
    bool pays = item->kind == COMMAND_EXCHANGE_OUT;
    if (item->value != 0)
        strings.by_tag[pays ? FACT_TAG_BOOK_DEBIT : FACT_TAG_BOOK_CREDIT] =
            (struct str){(const char *)&book, sizeof book};
    if (pays) {
        uint32_t from = find(self, item->from);
        post(self, FACT_EXCHANGE_OUT, from, fx, item->amount, item, &strings);
        row->has = ROW_HAS_FROM;
        row->from_balance = account_at(&self->accounts, from)->balance;
        return;
    }
    uint32_t to = find(self, item->to);
    post(self, FACT_EXCHANGE_IN, fx, to, item->amount, item, &strings);
    post(self, FACT_EXCHANGE_SPREAD, fx, self->houses[HOUSE_KIND_SPREAD][item->currency], item->spread, item,
         NULL);
    post(self, FACT_EXCHANGE_RESIDUE, fx, self->houses[HOUSE_KIND_RESIDUE][item->currency], item->residue,
         item, NULL);
    row->has = ROW_HAS_TO;
    row->to_balance = account_at(&self->accounts, to)->balance;
}
