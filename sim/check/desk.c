/* The FX desk: rates and terms that are known, quotes made of them, and the exchanges that use quotes. Amounts are not worked
 * out but tested: exact inequalities between whole numbers of 512 bits, in which nothing is rounded. */
#include "sim/check/inside.h"

#define CODE_NAME(verdict) code_name((verdict).code)

enum { PPM = 1000000, LIMBS = 16 };

static const struct verdict fine = {CODE_OK, FIELD_NONE, 0};

/* ---- big numbers ------------------------------------------------------------------------------ */

struct big {
    uint32_t limb[LIMBS]; /* lowest first */
};

static struct big times(struct big a, uint64_t factor)
{
    struct big out = {0};
    for (int half = 0; half < 2; half++) {
        uint64_t part = half == 0 ? factor & UINT32_MAX : factor >> 32, carry = 0;
        for (int i = 0; i + half < LIMBS; i++) {
            carry += (uint64_t)a.limb[i] * part + out.limb[i + half];
            out.limb[i + half] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    return out;
}

static struct big big_of(uint64_t value)
{
    return times((struct big){{1}}, value);
}

static int compare(struct big a, struct big b)
{
    for (int i = LIMBS; i-- > 0;) {
        if (a.limb[i] != b.limb[i])
            return a.limb[i] < b.limb[i] ? -1 : 1;
    }
    return 0;
}

/* More than 128 bits. */
static bool is_wide(struct big a)
{
    for (int i = 4; i < LIMBS; i++) {
        if (a.limb[i] != 0)
            return true;
    }
    return false;
}

/* quotient is above / below, rounded down. */
static bool is_floor(int64_t quotient, struct big above, struct big below)
{
    return quotient >= 0 && compare(times(below, (uint64_t)quotient), above) <= 0 &&
           compare(above, times(below, (uint64_t)quotient + 1)) < 0;
}

static bool is_ceiling(int64_t quotient, struct big above, struct big below)
{
    return quotient >= 1 && compare(times(below, (uint64_t)quotient - 1), above) < 0 &&
           compare(above, times(below, (uint64_t)quotient)) <= 0;
}

/* … rounded to the nearest; a half to the even neighbour. */
static bool is_nearest(int64_t quotient, struct big above, struct big below)
{
    if (quotient < 0)
        return false;
    struct big twice = times(above, 2);
    int high = compare(twice, times(below, 2 * (uint64_t)quotient + 1));
    int low = quotient == 0 ? 1 : compare(twice, times(below, 2 * (uint64_t)quotient - 1));
    bool even = quotient % 2 == 0;
    return (high < 0 || (high == 0 && even)) && (low > 0 || (low == 0 && even));
}

/* ---- what is known ---------------------------------------------------------------------------- */

/* The newest word on a pair by a step; base and counter as they were set. NULL: none. */
static const struct desk_note *rate_at(const struct book *book, currency_index base, currency_index counter,
                                       uint64_t step)
{
    const struct desk_note *note = book->desk;
    while (note != NULL &&
           (note->step > step || note->is_pair || note->rate.base != base || note->rate.counter != counter))
        note = note->next;
    return note;
}

static const struct desk_note *pair_at(const struct book *book, currency_index a, currency_index b,
                                       uint64_t step)
{
    const struct desk_note *note = book->desk;
    while (note != NULL && (note->step > step || !note->is_pair ||
                            !((note->pair.one == a && note->pair.other == b) ||
                              (note->pair.one == b && note->pair.other == a))))
        note = note->next;
    return note;
}

/* above / below major units of `to` for one of `from`; by one rate or two. */
struct way {
    const struct ledger_rate *rates[2];
    currency_index from, to;
    struct big above, below;
};

static const struct ledger_rate *between(const struct book *book, currency_index a, currency_index b,
                                         uint64_t step)
{
    const struct desk_note *note = rate_at(book, a, b, step);
    if (note == NULL)
        note = rate_at(book, b, a, step);
    return note != NULL ? &note->rate : NULL;
}

static void way_go(struct way *way, int leg, const struct ledger_rate *rate, currency_index from)
{
    bool along = rate->base == from;
    struct big *counter = along ? &way->above : &way->below, *base = along ? &way->below : &way->above;
    way->rates[leg] = rate;
    *counter = times(*counter, (uint64_t)rate->rate);
    *base = times(times(*base, rate->units), UINT64_C(10000000000));
}

static int64_t older(const struct ledger_rate *a, const struct ledger_rate *b)
{
    return a->as_of_us < b->as_of_us ? a->as_of_us : b->as_of_us;
}

static bool way_find(const struct book *book, currency_index from, currency_index to, uint64_t step,
                     struct way *way)
{
    *way = (struct way){.from = from, .to = to, .above = big_of(1), .below = big_of(1)};
    const struct ledger_rate *direct = between(book, from, to, step), *best[2] = {NULL, NULL};
    currency_index over = CURRENCY_NONE;
    if (direct != NULL) {
        way_go(way, 0, direct, from);
        return true;
    }
    for (const struct desk_note *note = book->desk; note != NULL; note = note->next) {
        currency_index third = note->rate.base == from ? note->rate.counter : note->rate.base;
        if (note->is_pair || (note->rate.base != from && note->rate.counter != from))
            continue;
        const struct ledger_rate *first = between(book, from, third, step),
                                 *second = between(book, third, to, step);
        if (first == NULL || second == NULL)
            continue;
        int64_t age = older(first, second), best_age = over != CURRENCY_NONE ? older(best[0], best[1]) : 0;
        if (over == CURRENCY_NONE || age > best_age ||
            (age == best_age &&
             memcmp(currency_at(third)->code, currency_at(over)->code, CURRENCY_CODE_LENGTH) < 0)) {
            over = third;
            best[0] = first;
            best[1] = second;
        }
    }
    if (over == CURRENCY_NONE)
        return false;
    way_go(way, 0, best[0], from);
    way_go(way, 1, best[1], over);
    return true;
}

static bool is_stale(const struct way *way, int64_t now_us)
{
    for (int i = 0; i < 2; i++) {
        const struct ledger_rate *rate = way->rates[i];
        if (rate != NULL && (__int128)rate->as_of_us + rate->age_limit_us < now_us)
            return true;
    }
    return false;
}

/* From major units to minor units. */
static void to_minor(struct way *way)
{
    for (unsigned i = 0; i < currency_at(way->to)->exponent; i++)
        way->above = times(way->above, 10);
    for (unsigned i = 0; i < currency_at(way->from)->exponent; i++)
        way->below = times(way->below, 10);
}

/* ---- rates and terms -------------------------------------------------------------------------- */

static bool rate_same(const struct ledger_rate *a, const struct ledger_rate *b)
{
    return a->base == b->base && a->counter == b->counter && a->units == b->units && a->rate == b->rate &&
           a->as_of_us == b->as_of_us && a->age_limit_us == b->age_limit_us &&
           a->source_length == b->source_length && memcmp(a->source, b->source, a->source_length) == 0;
}

static bool pair_same(const struct ledger_pair *a, const struct ledger_pair *b)
{
    bool straight = a->one == b->one && a->other == b->other,
         turned = a->one == b->other && a->other == b->one;
    return (straight || turned) && a->spread_ppm == b->spread_ppm && a->valid_us == b->valid_us;
}

static uint64_t reach_of(const struct oracle *self, const struct operation *operation)
{
    if (operation->partition == WIRE_PARTITION_ANY)
        return UINT64_MAX;
    return operation->partition < self->config.partitions ? UINT64_C(1) << operation->partition : 0;
}

static void desk_note_ask(struct oracle *self, const struct operation *operation)
{
    struct desk_ask *ask = pool_take(&self->pool, sizeof *ask);
    ask->reach = reach_of(self, operation);
    ask->is_pair = operation->kind == OPERATION_PAIR_SET;
    ask->rate = operation->rate;
    ask->pair = operation->pair;
    ask->operator_name = pool_text(&self->pool, operation->operator_name);
    ask->next = self->desk_asks;
    self->desk_asks = ask;
}

static void quote_note_ask(struct oracle *self, const struct operation *operation)
{
    struct known *known = known_of(self, &operation->quote.id);
    struct quote_ask *ask = pool_take(&self->pool, sizeof *ask);
    uint32_t home = partition_of(self, operation->quote.account);
    ask->number = operation->number;
    ask->command = operation->quote;
    ask->command.account = pool_text(&self->pool, operation->quote.account);
    ask->latest_us = operation->deadline_us == 0 ? INT64_MAX : operation->deadline_us;
    if (operation->partition == WIRE_PARTITION_ANY || operation->partition == home)
        ask->reach = UINT64_C(1) << home;
    ask->next = known->quote_asks;
    known->quote_asks = ask;
}

void desk_note(struct oracle *self, const struct operation *operation)
{
    if (operation->kind == OPERATION_QUOTE)
        quote_note_ask(self, operation);
    else if (operation->kind == OPERATION_RATE_SET || operation->kind == OPERATION_PAIR_SET)
        desk_note_ask(self, operation);
}

static void wrong(struct oracle *self, const struct sight *sight, const char *invariant, uint64_t number,
                  const char *what)
{
    breach_say(self, invariant, number, sight->book->partition, "the desk's fact at %llu %s",
               (unsigned long long)sight->position, what);
}

static struct desk_note *desk_add(struct oracle *self, struct book *book)
{
    struct desk_note *note = pool_take(&self->pool, sizeof *note);
    note->step = book->step;
    note->next = book->desk;
    return note;
}

static bool was_asked(const struct oracle *self, const struct sight *sight, const struct desk_note *note,
                      struct str operator_name)
{
    const struct desk_ask *ask = self->desk_asks;
    while (ask != NULL &&
           (!(ask->reach >> sight->book->partition & 1) || ask->is_pair != note->is_pair ||
            !str_equal(ask->operator_name, operator_name) ||
            !(note->is_pair ? pair_same(&ask->pair, &note->pair) : rate_same(&ask->rate, &note->rate))))
        ask = ask->next;
    return ask != NULL;
}

static void rate_set(struct oracle *self, const struct sight *sight)
{
    struct book *book = sight->book;
    struct fact_rate fact;
    struct fact_strings strings;
    memcpy(&fact, sight->bytes, sizeof fact);
    (void)trailer_read(sight->bytes + sizeof fact, sight->size - sizeof fact, &strings);
    struct str source = strings.by_tag[FACT_TAG_SOURCE];
    struct desk_note *note = desk_add(self, book);
    note->rate = (struct ledger_rate){
        .base = currency_find(fact.base, CURRENCY_CODE_LENGTH),
        .counter = currency_find(fact.counter, CURRENCY_CODE_LENGTH),
        .source_length = source.length <= PRODUCT_MAX ? (uint8_t)source.length : 0,
        .units = fact.units,
        .rate = fact.rate,
        .as_of_us = fact.as_of_us,
        .age_limit_us = fact.age_limit_us,
    };
    if (source.length > 0)
        memcpy(note->rate.source, source.data, note->rate.source_length);
    const struct desk_note *known = rate_at(book, note->rate.base, note->rate.counter, UINT64_MAX);
    if (!was_asked(self, sight, note, strings.by_tag[FACT_TAG_OPERATOR]))
        wrong(self, sight, "I8", 0, "sets a rate that nobody has set so");
    else if (known != NULL && known->rate.as_of_us > note->rate.as_of_us)
        wrong(self, sight, "I8", 0, "sets a rate that is older than the one that is known");
    else if (known != NULL && rate_same(&known->rate, &note->rate))
        wrong(self, sight, "I8", 0, "sets a rate that is known");
    book->desk = note;
}

static void pair_set(struct oracle *self, const struct sight *sight)
{
    struct book *book = sight->book;
    struct fact_pair fact;
    struct fact_strings strings;
    memcpy(&fact, sight->bytes, sizeof fact);
    (void)trailer_read(sight->bytes + sizeof fact, sight->size - sizeof fact, &strings);
    struct desk_note *note = desk_add(self, book);
    note->is_pair = true;
    note->pair = (struct ledger_pair){
        .one = currency_find(fact.one, CURRENCY_CODE_LENGTH),
        .other = currency_find(fact.other, CURRENCY_CODE_LENGTH),
        .spread_ppm = fact.spread_ppm,
        .valid_us = fact.valid_us,
    };
    const struct desk_note *known = pair_at(book, note->pair.one, note->pair.other, UINT64_MAX);
    if (!was_asked(self, sight, note, strings.by_tag[FACT_TAG_OPERATOR]))
        wrong(self, sight, "I8", 0, "sets terms that nobody has set so");
    else if (known != NULL && pair_same(&known->pair, &note->pair))
        wrong(self, sight, "I8", 0, "sets terms that are known");
    book->desk = note;
}

/* ---- quotes ----------------------------------------------------------------------------------- */

/* The value of an amount in the base currency as of a quote; `other` is what it is exchanged for. */
static bool value_is(const struct oracle *self, const struct book *book, const struct quote *quote,
                     bool sells, int64_t now_us)
{
    const struct fact_quote *fact = &quote->fact;
    currency_index own = sells ? quote->sell : quote->buy, other = sells ? quote->buy : quote->sell;
    int64_t amount = sells ? fact->sell_amount : fact->buy_amount;
    int64_t said = sells ? fact->sell_value : fact->buy_value;
    struct way way;
    if (own == self->config.base_currency)
        return said == amount;
    if (other == self->config.base_currency)
        return said == (sells ? fact->buy_amount : fact->sell_amount);
    if (!way_find(book, own, self->config.base_currency, UINT64_MAX, &way) || is_stale(&way, now_us))
        return said == 0;
    to_minor(&way);
    struct big above = times(way.above, (uint64_t)amount);
    if (said == 0 && (is_wide(above) || is_wide(way.below)))
        return true; /* products are 128 bits wide: it is not known */
    return is_nearest(said, above, way.below);
}

/* What is wrong with the numbers of a quote; NULL: nothing. */
static const char *numbers_fault(const struct fact_quote *fact, struct way way, uint32_t spread_ppm)
{
    uint64_t kept = PPM - spread_ppm, sell = (uint64_t)fact->sell_amount, buy = (uint64_t)fact->buy_amount;
    struct big one = times(way.above, UINT64_C(10000000000));
    if (!is_floor(fact->mid, one, way.below) ||
        !is_floor(fact->rate, times(one, kept), times(way.below, PPM)))
        return "shows another rate than there is";
    to_minor(&way);
    struct big above = times(way.above, kept), below = times(way.below, PPM);
    if (fact->side == QUOTE_SELL ? !is_floor(fact->buy_amount, times(above, sell), below)
                                 : !is_ceiling(fact->sell_amount, times(below, buy), above))
        return "promises another amount than the rates give";
    if (!is_floor(fact->spread, times(times(way.above, sell), spread_ppm), below))
        return "has another spread than its terms say";
    if (fact->residue < 0 ||
        !is_floor(fact->buy_amount + fact->spread + fact->residue, times(way.above, sell), way.below))
        return "does not sum to what is sold";
    return NULL;
}

static const struct quote_ask *quoted_ask(const struct book *book, const struct quote *quote,
                                          const struct known *known)
{
    const struct fact_quote *fact = &quote->fact;
    const struct quote_ask *ask = known->quote_asks;
    for (; ask != NULL; ask = ask->next) {
        const struct ledger_quote_command *c = &ask->command;
        int64_t amount = c->side == QUOTE_SELL ? fact->sell_amount : fact->buy_amount;
        if ((ask->reach >> book->partition & 1) && ask->latest_us >= book->time_us && c->side == fact->side &&
            c->amount == amount && c->sell == quote->sell && c->buy == quote->buy &&
            str_equal(c->account, quote->account->id))
            return ask;
    }
    return NULL;
}

static const char *quote_fault(const struct oracle *self, const struct book *book, const struct quote *quote)
{
    struct way way;
    const struct fact_quote *fact = &quote->fact;
    const struct desk_note *terms = pair_at(book, quote->sell, quote->buy, UINT64_MAX);
    if (account_is_usable(quote->account, quote->sell, FIELD_FROM_ACCOUNT).code != CODE_OK)
        return "is for an account that cannot pay";
    if (terms == NULL || !way_find(book, quote->sell, quote->buy, UINT64_MAX, &way))
        return "is of a pair of which nothing is known";
    int64_t now_us = fact->expires_us - terms->pair.valid_us;
    if (now_us < book->time_us || !moment_may_have_come(self, book->partition, now_us))
        return "is good for longer or shorter than its terms say";
    if (is_stale(&way, now_us))
        return "is of a stale rate";
    if (fact->sell_amount < 1 || fact->buy_amount < 1)
        return "promises nothing";
    if (!value_is(self, book, quote, true, now_us) || !value_is(self, book, quote, false, now_us))
        return "has another value in the base currency";
    return numbers_fault(fact, way, terms->pair.spread_ppm);
}

static void quoted(struct oracle *self, const struct sight *sight)
{
    struct book *book = sight->book;
    struct quote *quote = pool_take(&self->pool, sizeof *quote);
    memcpy(&quote->fact, sight->bytes, sizeof quote->fact);
    struct uuid id = quote->fact.id;
    struct known *known = known_of(self, &id);
    quote->partition = book->partition;
    quote->position = sight->position;
    quote->opened = book->step;
    quote->account = book_account(book, quote->fact.account);
    quote->sell = currency_find(quote->fact.sell, CURRENCY_CODE_LENGTH);
    quote->buy = currency_find(quote->fact.buy, CURRENCY_CODE_LENGTH);
    if (quote->account == NULL || quote->sell == CURRENCY_NONE || quote->buy == CURRENCY_NONE ||
        quote->sell == quote->buy) {
        wrong(self, sight, "I7", 0, "is of an account or a currency that is not there");
        return;
    }
    const struct quote_ask *ask = quoted_ask(book, quote, known);
    id_must_be_new(self, book, known, ask != NULL ? ask->number : 0);
    const char *fault =
        ask == NULL ? "is a quote that nobody has asked for so" : quote_fault(self, book, quote);
    if (fault != NULL)
        wrong(self, sight, "I8", ask != NULL ? ask->number : 0, fault);
    quote->next = known->quotes;
    known->quotes = quote;
    quote->record = record_add(self, book, known, RECORD_QUOTE);
    record_end(book, quote->record, RECORD_OK, fine);
    book->quotes++;
}

static struct quote *quote_here(const struct oracle *self, const struct book *book, const struct uuid *id)
{
    const struct known *known = known_find(self, id);
    struct quote *quote = known != NULL ? known->quotes : NULL;
    while (quote != NULL && quote->partition != book->partition)
        quote = quote->next;
    return quote;
}

static void used(struct oracle *self, const struct sight *sight)
{
    struct book *book = sight->book;
    struct fact_quote_used fact;
    memcpy(&fact, sight->bytes, sizeof fact);
    struct uuid of = fact.quote, id = fact.id;
    struct quote *quote = quote_here(self, book, &of);
    if (quote == NULL || quote->position != fact.quoted || quote->used != 0) {
        wrong(self, sight, "I11", 0, "uses a quote that is not there, or is used already");
        return;
    }
    const struct known *known = known_of(self, &id);
    const struct ask *ask = known->asks;
    while (ask != NULL && (ask->kind != COMMAND_EXCHANGE || !ask_reaches(ask, book->partition) ||
                           !uuid_equal(&ask->of, &of) || !str_equal(ask->from, quote->account->id) ||
                           ask_is_late(ask, book->time_us)))
        ask = ask->next;
    uint64_t number = ask != NULL ? ask->number : 0;
    if (ask == NULL)
        wrong(self, sight, "I11", 0, "uses a quote for what nobody has asked so");
    else if (quote->fact.expires_us <= book->time_us)
        wrong(self, sight, "I11", number, "uses a quote that has expired");
    id_must_be_new(self, book, known, number);
    quote->used = book->step;
    quote->used_by = id;
    quote->record->kept_us = book->time_us;
}

void desk_fact(struct oracle *self, const struct sight *sight)
{
    if (sight->bytes[0] == FACT_RATE_SET)
        rate_set(self, sight);
    else if (sight->bytes[0] == FACT_PAIR_SET)
        pair_set(self, sight);
    else if (sight->bytes[0] == FACT_QUOTED)
        quoted(self, sight);
    else
        used(self, sight);
}

/* ---- exchanges -------------------------------------------------------------------------------- */

struct verdict desk_decide(const struct oracle *self, const struct book *book, const struct ask *ask)
{
    const struct account *account = account_here(self, book, ask->from);
    const struct quote *quote = quote_here(self, book, &ask->of);
    if (account == NULL)
        return (struct verdict){CODE_ACCOUNT_NOT_FOUND, FIELD_FROM_ACCOUNT, 0};
    if (quote == NULL)
        return (struct verdict){CODE_QUOTE_NOT_FOUND, FIELD_QUOTE, 0};
    if (quote->account != account)
        return (struct verdict){CODE_WRONG_OWNER, FIELD_FROM_ACCOUNT, 0};
    if (quote->used != 0 && !uuid_equal(&quote->used_by, &ask->id))
        return (struct verdict){CODE_QUOTE_USED, FIELD_QUOTE, 0};
    if (quote->fact.expires_us <= book->time_us)
        return (struct verdict){CODE_QUOTE_EXPIRED, FIELD_QUOTE, 0};
    return fine;
}

bool desk_may_say(const struct oracle *self, const struct book *book, const struct ask *ask,
                  struct verdict said)
{
    const struct quote *quote = ask->kind == COMMAND_EXCHANGE ? quote_here(self, book, &ask->of) : NULL;
    if (quote == NULL || said.field != FIELD_QUOTE || account_here(self, book, ask->from) == NULL)
        return false;
    if (said.code == CODE_QUOTE_NOT_FOUND)
        return book->time_us - quote->record->kept_us >= self->config.id_retention_us;
    return said.code == CODE_QUOTE_EXPIRED && quote->account == account_here(self, book, ask->from) &&
           (quote->used == 0 || uuid_equal(&quote->used_by, &ask->id)) &&
           moment_may_have_come(self, book->partition, quote->fact.expires_us);
}

const struct ask *desk_group(struct oracle *self, const struct book *book, const struct ask *asked)
{
    struct ask *ask = (struct ask *)asked;
    if (ask->kind != COMMAND_EXCHANGE)
        return ask->kind == COMMAND_GROUP ? ask : NULL;
    const struct quote *quote = quote_here(self, book, &ask->of);
    if (quote == NULL || quote->used == 0 || !uuid_equal(&quote->used_by, &ask->id) ||
        !str_equal(quote->account->id, ask->from))
        return NULL;
    if (ask->legs == NULL) {
        ask->legs = pool_take(&self->pool, sizeof *ask->legs);
        ask->legs->items = pool_take(&self->pool, 2 * sizeof *ask->legs);
    }
    struct ask *items = ask->legs->items;
    const struct fact_quote *fact = &quote->fact;
    struct uuid ids[2] = {items[0].id, items[1].id}; /* told by the first fact that names them */
    *ask->legs = (struct ask){.number = ask->number,
                              .reach = ask->reach,
                              .home = ask->home,
                              .kind = COMMAND_GROUP,
                              .latest_us = ask->latest_us,
                              .item_count = 2,
                              .id = ask->id,
                              .items = items,
                              .origin = ask};
    items[0] = (struct ask){.kind = COMMAND_EXCHANGE_OUT,
                            .currency = quote->sell,
                            .amount = fact->sell_amount,
                            .value = fact->sell_value,
                            .from = ask->from};
    items[1] = (struct ask){.kind = COMMAND_EXCHANGE_IN,
                            .currency = quote->buy,
                            .amount = fact->buy_amount,
                            .value = fact->buy_value,
                            .spread = fact->spread,
                            .residue = fact->residue,
                            .owner = quote->account->attributes->owner,
                            .to = ask->to};
    for (int i = 0; i < 2; i++) {
        items[i].id = ids[i];
        items[i].memo = ask->memo;
        items[i].reference = ask->reference;
    }
    return ask->legs;
}

/* ---- answers ---------------------------------------------------------------------------------- */

static void answered_wrong(struct oracle *self, const struct operation *operation,
                           const struct answer *answer, uint32_t partition, const char *why)
{
    breach_say(self, "I8", operation->number, partition, "%s: answered %s %s, but %s",
               wire_operation_name(operation->kind), code_name(answer->code), field_text(answer->field), why);
}

static bool quote_is_asked(const struct quote *quote, const struct ledger_quote_command *c)
{
    int64_t amount = c->side == QUOTE_SELL ? quote->fact.sell_amount : quote->fact.buy_amount;
    return str_equal(quote->account->id, c->account) && quote->sell == c->sell && quote->buy == c->buy &&
           quote->fact.side == c->side && amount == c->amount;
}

static bool quote_shows(const struct oracle *self, const struct quote *quote, struct window window,
                        const struct ledger_quote_view *view)
{
    const struct fact_quote *fact = &quote->fact;
    bool may_be_unused = quote->used == 0 || quote->used > window.from;
    bool state = view->state == QUOTE_USED ? quote->used != 0 && quote->used <= window.to
                 : view->state == QUOTE_OPEN
                     ? may_be_unused && window.time_us < fact->expires_us
                     : may_be_unused && moment_may_have_come(self, quote->partition, fact->expires_us);
    struct uuid id = fact->id;
    return state && quote->opened <= window.to && uuid_equal(&view->id, &id) && view->side == fact->side &&
           view->sell == quote->sell && view->buy == quote->buy && view->sell_amount == fact->sell_amount &&
           view->buy_amount == fact->buy_amount && view->rate == fact->rate && view->mid == fact->mid &&
           view->spread == fact->spread && view->residue == fact->residue &&
           view->expires_us == fact->expires_us &&
           str_equal((struct str){view->account, view->account_length}, quote->account->id);
}

/* What the rates and terms say at one step of a window. */
static bool price_refused(const struct oracle *self, const struct book *book,
                          const struct ledger_quote_command *c, struct window window, uint64_t step,
                          struct verdict said)
{
    struct way way;
    bool known = pair_at(book, c->sell, c->buy, step) != NULL && way_find(book, c->sell, c->buy, step, &way);
    if (said.code == CODE_RATE_NOT_FOUND || !known)
        return said.code == CODE_RATE_NOT_FOUND && said.field == FIELD_BUY && !known;
    if (said.code == CODE_RATE_STALE) {
        int64_t now_us =
            self->config.clock_us != NULL ? self->config.clock_us(self->context, book->partition) : INT64_MAX;
        return said.field == FIELD_BUY && is_stale(&way, now_us);
    }
    /* Too much or too little for the rates. */
    return said.field == FIELD_AMOUNT && !is_stale(&way, window.time_us) &&
           (said.code == CODE_AMOUNT_TOO_SMALL || said.code == CODE_INVALID_FIELD);
}

static bool account_refused(const struct account *account, struct window window,
                            const struct ledger_quote_command *c, struct verdict said)
{
    size_t first = 0, last = 0;
    bool there = versions_in(account, window, &first, &last);
    if (said.field != FIELD_FROM_ACCOUNT)
        return false;
    if (said.code == CODE_ACCOUNT_NOT_FOUND)
        return is_absent_in(account, window);
    if (said.code == CODE_CURRENCY_MISMATCH)
        return account != NULL && account->currency != c->sell;
    for (size_t i = first; there && i <= last; i++) {
        uint8_t state = account->versions[i].attributes->state;
        if ((state == ACCOUNT_CLOSED && said.code == CODE_ACCOUNT_CLOSED) ||
            (state == ACCOUNT_FROZEN && said.code == CODE_ACCOUNT_FROZEN))
            return true;
    }
    return false;
}

static bool quote_refusal_fits(const struct oracle *self, const struct operation *operation, uint32_t where,
                               struct window window, struct verdict said)
{
    const struct ledger_quote_command *c = &operation->quote;
    const struct book *book = &self->books[where];
    const struct known *known = known_find(self, &c->id);
    if (said.code == CODE_DEADLINE_EXCEEDED)
        return deadline_may_be_past(self, where, operation->deadline_us);
    if (said.code == CODE_CONFLICT) {
        for (const struct record *record = known != NULL ? known->records : NULL; record;
             record = record->next) {
            const struct quote *quote = known->quotes;
            while (quote != NULL && quote->record != record)
                quote = quote->next;
            if (record->partition == where && (quote == NULL || !quote_is_asked(quote, c)))
                return said.field == FIELD_TRANSACTION_ID;
        }
        return known != NULL && is_held_in(known, where, window);
    }
    if (partition_of(self, c->account) != where)
        return said.code == CODE_WRONG_PARTITION && said.field == FIELD_FROM_ACCOUNT;
    if (account_refused(account_named(self, c->account), window, c, said))
        return true;
    if (c->sell == c->buy)
        return said.code == CODE_INVALID_FIELD && said.field == FIELD_BUY;
    for (const struct desk_note *note = book->desk; note != NULL && note->step > window.from;
         note = note->next) {
        if (price_refused(self, book, c, window, note->step, said))
            return true;
    }
    return price_refused(self, book, c, window, window.from, said);
}

static void quote_answer(struct oracle *self, int64_t sent_us, const struct operation *operation,
                         const struct answer *answer)
{
    const struct ledger_quote_command *c = &operation->quote;
    bool shows = operation->kind == OPERATION_QUOTE_SHOW;
    bool named = operation->partition < self->config.partitions;
    uint32_t where = named ? operation->partition : partition_of(self, c->account);
    struct window window = window_of(self, where, sent_us);
    const struct known *known = known_find(self, &c->id);
    const struct quote *quote = known != NULL ? known->quotes : NULL;
    bool may_be_missing = true;
    for (; quote != NULL; quote = quote->next) {
        if (quote->partition != where || !str_equal(quote->account->id, c->account))
            continue;
        if (answer->code == CODE_OK && quote_shows(self, quote, window, &answer->quote) &&
            (shows || quote_is_asked(quote, c)))
            return;
        may_be_missing =
            may_be_missing && (quote->opened > window.from || record_is_expired(self, quote->record));
    }
    struct verdict said = {answer->code, answer->field, 0};
    bool fits = !shows && answer->code != CODE_OK && quote_refusal_fits(self, operation, where, window, said);
    if (shows && said.code == CODE_QUOTE_NOT_FOUND)
        fits = said.field == FIELD_QUOTE && may_be_missing;
    else if (shows && said.code == CODE_ACCOUNT_NOT_FOUND)
        fits = said.field == FIELD_ACCOUNT && is_absent_in(account_named(self, c->account), window);
    else if (shows && said.code == CODE_WRONG_PARTITION)
        fits = partition_of(self, c->account) != where;
    bool names_none = operation->partition != WIRE_PARTITION_ANY && !named;
    bool sound = !uuid_is_nil(&c->id) && text_is_account_id(c->account);
    if (names_none ? said.code != CODE_WRONG_PARTITION : sound && !fits)
        answered_wrong(self, operation, answer, where, "that was so at no point since it was sent");
}

/* After OK the partition knows the rate, or a newer one; or it had the terms at some point. */
static bool has_heard(const struct book *book, const struct operation *operation, struct window window)
{
    const struct ledger_rate *rate = &operation->rate;
    const struct ledger_pair *pair = &operation->pair;
    if (operation->kind == OPERATION_RATE_SET) {
        const struct desk_note *known = rate_at(book, rate->base, rate->counter, UINT64_MAX);
        return known != NULL && known->rate.as_of_us >= rate->as_of_us;
    }
    const struct desk_note *before = pair_at(book, pair->one, pair->other, window.from);
    if (before != NULL && pair_same(&before->pair, pair))
        return true;
    const struct desk_note *note = book->desk;
    while (note != NULL && (note->step <= window.from || !note->is_pair || !pair_same(&note->pair, pair)))
        note = note->next;
    return note != NULL;
}

static void set_answer(struct oracle *self, int64_t sent_us, const struct operation *operation,
                       const struct answer *answer)
{
    uint64_t reach = reach_of(self, operation);
    if (answer->code != CODE_OK) {
        if (answer->code != CODE_WRONG_PARTITION || reach != 0)
            answered_wrong(self, operation, answer, NOBODY, "nothing about it is so");
        return;
    }
    for (uint32_t p = 0; p < self->config.partitions; p++) {
        if ((reach >> p & 1) && !has_heard(&self->books[p], operation, window_of(self, p, sent_us)))
            answered_wrong(self, operation, answer, p, "no durable fact says so");
    }
}

void desk_answer(struct oracle *self, int64_t sent_us, const struct operation *operation,
                 const struct answer *answer)
{
    if (code_is_open(answer->code))
        return;
    if (operation->kind == OPERATION_QUOTE || operation->kind == OPERATION_QUOTE_SHOW)
        quote_answer(self, sent_us, operation, answer);
    else if (operation->kind == OPERATION_RATE_SET || operation->kind == OPERATION_PAIR_SET)
        set_answer(self, sent_us, operation, answer);
}
