#include "broker/offline/desk_audit.h"

#include <stdlib.h>
#include <string.h>

#include "actors/ledger/desk_price.h"

enum { BUCKETS_FIRST = 256 };

static enum err wrong(const char **what, const char *why)
{
    *what = why;
    return ERR_CORRUPT;
}

/* ---- promises --------------------------------------------------------------------------------- */

static size_t bucket_of(size_t capacity, const struct uuid *key)
{
    uint64_t halves[2];
    memcpy(halves, key->bytes, sizeof halves);
    uint64_t mixed = (halves[0] ^ halves[1]) * UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(mixed >> 32) & (capacity - 1);
}

static bool is_over(const struct audit_promise *promise, const struct desk_audit_place *place)
{
    return promise->partition == place->partition && !promise->has_begun &&
           place->time_us >= promise->quote.expires_us;
}

/* Lets go what can only be forgotten. */
static void sweep(struct audit_promises *self, const struct desk_audit_place *place)
{
    for (size_t i = 0; i < self->capacity; i++) {
        for (struct audit_promise **at = &self->buckets[i], *promise; (promise = *at) != NULL;) {
            if (!is_over(promise, place)) {
                at = &promise->next;
                continue;
            }
            *at = promise->next;
            free(promise);
            self->count--;
        }
    }
}

static enum err grow(struct audit_promises *self)
{
    size_t capacity = self->capacity == 0 ? BUCKETS_FIRST : self->capacity * 2;
    struct audit_promise **buckets = calloc(capacity, sizeof *buckets);
    if (buckets == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < self->capacity; i++) {
        for (struct audit_promise *promise = self->buckets[i], *next; promise != NULL; promise = next) {
            struct audit_promise **bucket = &buckets[bucket_of(capacity, &promise->key)];
            next = promise->next;
            promise->next = *bucket;
            *bucket = promise;
        }
    }
    free(self->buckets);
    self->buckets = buckets;
    self->capacity = capacity;
    return ERR_OK;
}

/* Room for one more. A full table is swept, and grows where more than half of it stays. */
static enum err ensure(struct audit_promises *self, const struct desk_audit_place *place)
{
    if (self->count < self->capacity)
        return ERR_OK;
    sweep(self, place);
    return self->count * 2 < self->capacity ? ERR_OK : grow(self);
}

static void put(struct audit_promises *self, struct audit_promise *promise)
{
    struct audit_promise **bucket = &self->buckets[bucket_of(self->capacity, &promise->key)];
    promise->next = *bucket;
    *bucket = promise;
    self->count++;
}

/* The next of the key behind `last` (NULL: the first). */
static struct audit_promise *find(const struct audit_promises *self, const struct uuid *key,
                                  const struct audit_promise *last)
{
    if (self->capacity == 0)
        return NULL;
    struct audit_promise *promise = last ? last->next : self->buckets[bucket_of(self->capacity, key)];
    while (promise != NULL && !uuid_equal(&promise->key, key))
        promise = promise->next;
    return promise;
}

static void take_out(struct audit_promises *self, struct audit_promise *promise)
{
    struct audit_promise **at = &self->buckets[bucket_of(self->capacity, &promise->key)];
    while (*at != promise)
        at = &(*at)->next;
    *at = promise->next;
    self->count--;
}

void audit_promises_release(struct audit_promises *self)
{
    for (size_t i = 0; i < self->capacity; i++) {
        for (struct audit_promise *promise = self->buckets[i], *next; promise != NULL; promise = next) {
            next = promise->next;
            free(promise);
        }
    }
    free(self->buckets);
    *self = (struct audit_promises){0};
}

void desk_audit_release(struct desk_audit *self)
{
    audit_promises_release(&self->open);
}

/* ---- quotes ----------------------------------------------------------------------------------- */

/* A value that is 0 was not known: its rate may have gone stale between the commit's time and the decision. */
static bool is_value(const struct desk_audit *self, const struct desk_audit_place *place, int64_t value,
                     currency_index currency, int64_t amount, currency_index other, int64_t other_amount)
{
    struct desk_way way;
    int64_t expected;
    if (currency == place->base || other == place->base)
        return value == (currency == place->base ? amount : other_amount);
    return value == 0 ||
           (desk_way_find(&self->desk, currency, place->base, place->time_us, &way) == CODE_OK &&
            desk_way_value(&way, amount, ROUND_HALF_EVEN, &expected) && value == expected);
}

static bool is_price(const struct fact_quote *quote, const struct desk_price *price)
{
    return quote->sell_amount == price->sell_amount && quote->buy_amount == price->buy_amount &&
           quote->spread == price->spread && quote->residue == price->residue && quote->mid == price->mid &&
           quote->rate == price->rate;
}

static enum err check_quote(const struct desk_audit *self, const struct desk_audit_place *place,
                            const struct fact_quote *quote, const char **what)
{
    struct desk_way way;
    struct desk_price price;
    int64_t earliest_us;
    currency_index sell = currency_find(quote->sell, CURRENCY_CODE_LENGTH);
    currency_index buy = currency_find(quote->buy, CURRENCY_CODE_LENGTH);
    int64_t asked = quote->side == QUOTE_SELL ? quote->sell_amount : quote->buy_amount;
    if (sell == CURRENCY_NONE || buy == CURRENCY_NONE || sell == buy || sell != place->account)
        return wrong(what, "a quote is of currencies that cannot be, or not of its account's");
    if ((quote->side != QUOTE_SELL && quote->side != QUOTE_BUY) || asked < 1 || asked > MONEY_MAX)
        return wrong(what, "a quote is of an amount that cannot be");
    const struct ledger_pair *terms = desk_pair_find(&self->desk, sell, buy);
    if (terms == NULL || desk_way_find(&self->desk, sell, buy, place->time_us, &way) != CODE_OK)
        return wrong(what, "a quote was given without terms, without a rate, or by a stale one");
    if (desk_price_of(&way, terms->spread_ppm, quote->side, asked, &price) != CODE_OK ||
        !is_price(quote, &price))
        return wrong(what, "a quote is not what the rates and terms make of it");
    if (!money_add(place->time_us, terms->valid_us, &earliest_us) || quote->expires_us < earliest_us)
        return wrong(what, "a quote expires before its time");
    if (!is_value(self, place, quote->sell_value, sell, quote->sell_amount, buy, quote->buy_amount) ||
        !is_value(self, place, quote->buy_value, buy, quote->buy_amount, sell, quote->sell_amount))
        return wrong(what, "a quote has another value in the base currency than the rates make");
    return ERR_OK;
}

static enum err quoted(struct desk_audit *self, const struct desk_audit_place *place, const uint8_t *bytes,
                       const char **what)
{
    struct fact_quote quote;
    memcpy(&quote, bytes, sizeof quote);
    enum err err = check_quote(self, place, &quote, what);
    if (err == ERR_OK)
        err = ensure(&self->open, place);
    if (err != ERR_OK)
        return err;
    struct audit_promise *promise = malloc(sizeof *promise);
    if (promise == NULL)
        return ERR_NO_MEMORY;
    *promise = (struct audit_promise){
        .key = quote.id, .quote = quote, .position = place->position, .partition = place->partition};
    put(&self->open, promise);
    return ERR_OK;
}

/* ---- exchanges -------------------------------------------------------------------------------- */

static enum err use(struct desk_audit *self, struct audit_promises *used,
                    const struct desk_audit_place *place, const uint8_t *bytes, const char **what)
{
    struct fact_quote_used fact;
    memcpy(&fact, bytes, sizeof fact);
    const struct uuid quote = fact.quote;
    struct audit_promise *promise = find(&self->open, &quote, NULL);
    if (promise == NULL || promise->position != fact.quoted)
        return wrong(what, "a quote was used that is not open");
    if (place->time_us >= promise->quote.expires_us)
        return wrong(what, "a quote was used that had expired");
    enum err err = ensure(used, place);
    if (err != ERR_OK)
        return err;
    take_out(&self->open, promise);
    promise->key = fact.id;
    put(used, promise);
    return ERR_OK;
}

/* Back from a leg's id to that of its exchange (actors/ledger/exchange.h). */
static struct uuid exchange_of(const struct uuid *leg, uint8_t index)
{
    static const char word[] = "exchange";
    struct uuid id = *leg;
    for (size_t i = 0; i < sizeof word - 1; i++)
        id.bytes[index == 0 ? 8 + i : i] ^= (uint8_t)word[i];
    return id;
}

static bool pays_for(const struct audit_promise *promise, const struct desk_audit_place *place,
                     const struct fact_posting *fact)
{
    return !promise->has_paid && promise->partition == place->partition &&
           promise->quote.account == fact->debit && promise->quote.sell_amount == fact->amount;
}

static bool receives_for(const struct audit_promise *promise, const struct desk_audit_place *place,
                         const struct fact_posting *fact)
{
    return !promise->has_received && promise->quote.buy_amount == fact->amount &&
           place->account == currency_find(promise->quote.buy, CURRENCY_CODE_LENGTH);
}

/* An exchange that ended BUSY may be asked for again with another quote, and then has used both: one of them fits. */
static struct audit_promise *promise_of(const struct audit_promises *used,
                                        const struct desk_audit_place *place, const struct fact_posting *fact)
{
    bool pays = fact->head.kind == FACT_EXCHANGE_OUT;
    const struct uuid leg = fact->id;
    const struct uuid id = exchange_of(&leg, pays ? 0 : 1);
    struct audit_promise *best = NULL;
    for (struct audit_promise *at = NULL; (at = find(used, &id, at)) != NULL;) {
        bool fits = pays ? pays_for(at, place, fact) : receives_for(at, place, fact);
        if (fits && (best == NULL || at->has_paid || at->has_received))
            best = at;
    }
    return best;
}

static enum err leg_posted(struct desk_audit *self, const struct audit_promises *used,
                           const struct desk_audit_place *place, const uint8_t *bytes, const char **what)
{
    struct fact_posting fact;
    memcpy(&fact, bytes, sizeof fact);
    struct audit_promise *promise = promise_of(used, place, &fact);
    if (promise == NULL)
        return wrong(what, "a leg of an exchange is not what a quote in use promised");
    promise->has_begun = true;
    if (fact.head.kind == FACT_EXCHANGE_OUT) {
        promise->has_paid = true;
        return ERR_OK;
    }
    promise->has_received = true;
    self->spread = promise->quote.spread;
    self->residue = promise->quote.residue;
    self->house_account = fact.debit;
    self->leg = fact.id;
    return ERR_OK;
}

/* Spread and residue follow their leg, in this order and nothing else between them. */
static enum err check_rest(struct desk_audit *self, const uint8_t *bytes, const char **what)
{
    struct fact_posting fact;
    int64_t *awaited = self->spread > 0 ? &self->spread : &self->residue;
    uint8_t kind = self->spread > 0 ? FACT_EXCHANGE_SPREAD : FACT_EXCHANGE_RESIDUE;
    bool is_rest = bytes[0] == FACT_EXCHANGE_SPREAD || bytes[0] == FACT_EXCHANGE_RESIDUE;
    if (*awaited == 0)
        return is_rest ? wrong(what, "a spread or a residue follows no leg of an exchange") : ERR_OK;
    if (bytes[0] != kind)
        return wrong(what, "the spread or the residue of an exchange is missing");
    memcpy(&fact, bytes, sizeof fact);
    if (fact.amount != *awaited || fact.debit != self->house_account ||
        memcmp(&fact.id, &self->leg, sizeof self->leg) != 0)
        return wrong(what, "a spread or a residue is not what the quote promised");
    *awaited = 0;
    return ERR_OK;
}

/* The group of an exchange begins, or is answered. */
static enum err group(struct audit_promises *used, const uint8_t *bytes, const char **what)
{
    struct fact_group fact;
    memcpy(&fact, bytes, sizeof fact);
    const struct uuid id = fact.id;
    struct audit_promise *promise = NULL, *next = find(used, &id, NULL);
    bool is_whole = false, is_half = false;
    if (next == NULL)
        return wrong(what, "an exchange has used no quote");
    while ((promise = next) != NULL) {
        next = find(used, &id, promise);
        promise->has_begun = true;
        if (fact.head.kind == FACT_GROUP_STARTED)
            continue;
        is_whole |= promise->has_paid && promise->has_received;
        is_half |= promise->has_paid != promise->has_received;
        take_out(used, promise);
        free(promise);
    }
    if (fact.head.kind == FACT_GROUP_ANSWERED && (is_half || is_whole != (fact.head.detail == CODE_OK)))
        return wrong(what, "an exchange was answered otherwise than it was carried out");
    return ERR_OK;
}

/* ---- facts ------------------------------------------------------------------------------------ */

static bool is_exchange_group(const uint8_t *bytes)
{
    struct fact_group fact;
    if (bytes[0] != FACT_GROUP_STARTED && bytes[0] != FACT_GROUP_ANSWERED)
        return false;
    memcpy(&fact, bytes, sizeof fact);
    return fact.is_exchange != 0;
}

enum err desk_audit_fact(struct desk_audit *self, struct audit_promises *used,
                         const struct desk_audit_place *place, const uint8_t *fact, size_t size,
                         const char **what)
{
    enum err err = check_rest(self, fact, what);
    if (err != ERR_OK)
        return err;
    if (fact_is_desk(fact[0])) {
        if (desk_fact_fits(&self->desk, fact, size) != ERR_OK)
            return wrong(what, "a rate or the terms of a pair cannot be");
        desk_evolve(&self->desk, fact, size);
        return ERR_OK;
    }
    if (fact[0] == FACT_QUOTED)
        return quoted(self, place, fact, what);
    if (fact[0] == FACT_QUOTE_USED)
        return use(self, used, place, fact, what);
    if (fact[0] == FACT_EXCHANGE_OUT || fact[0] == FACT_EXCHANGE_IN)
        return leg_posted(self, used, place, fact, what);
    return is_exchange_group(fact) ? group(used, fact, what) : ERR_OK;
}

const char *desk_audit_commit(const struct desk_audit *self)
{
    return self->spread > 0 || self->residue > 0 ? "the spread or the residue of an exchange is missing"
                                                 : NULL;
}

const struct audit_promise *desk_audit_half_next(const struct audit_promises *used,
                                                 const struct audit_promise *last)
{
    size_t i = last != NULL ? bucket_of(used->capacity, &last->key) : 0;
    const struct audit_promise *at = last != NULL ? last->next : used->capacity > 0 ? used->buckets[0] : NULL;
    for (;;) {
        while (at != NULL && !at->has_paid && !at->has_received)
            at = at->next;
        if (at != NULL || ++i >= used->capacity)
            return at;
        at = used->buckets[i];
    }
}
