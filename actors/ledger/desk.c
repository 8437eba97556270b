/* The tables of the FX desk: rates and terms of pairs. desk.h has the picture. */
#include "actors/ledger/desk.h"

#include "actors/base/rate.h"
#include "actors/ledger/core.h"

/* ---- looking ------------------------------------------------------------------------------------------------ */

static struct ledger_rate *rate_find(struct desk *self, currency_index base, currency_index counter)
{
    for (uint32_t i = 0; i < self->rate_count; i++) {
        if (self->rates[i].base == base && self->rates[i].counter == counter)
            return &self->rates[i];
    }
    return NULL;
}

const struct ledger_pair *desk_pair_find(const struct desk *self, currency_index one, currency_index other)
{
    for (uint32_t i = 0; i < self->pair_count; i++) {
        const struct ledger_pair *pair = &self->pairs[i];
        if ((pair->one == one && pair->other == other) || (pair->one == other && pair->other == one))
            return pair;
    }
    return NULL;
}

size_t ledger_rates(const struct ledger *self, const struct ledger_rate **out)
{
    *out = self->desk.rates;
    return self->desk.rate_count;
}

size_t ledger_pairs(const struct ledger *self, const struct ledger_pair **out)
{
    *out = self->desk.pairs;
    return self->desk.pair_count;
}

/* ---- facts -------------------------------------------------------------------------------------------------- */

static bool rate_is_good(const struct ledger_rate *rate)
{
    return rate->base != CURRENCY_NONE && rate->counter != CURRENCY_NONE && rate->base != rate->counter &&
           rate->units >= 1 && rate->units <= LEDGER_RATE_UNITS_MAX && rate->rate >= 1 &&
           rate->rate <= RATE_MAX && rate->age_limit_us >= 1;
}

static bool pair_is_good(const struct ledger_pair *pair)
{
    return pair->one != CURRENCY_NONE && pair->one < pair->other &&
           pair->spread_ppm <= LEDGER_SPREAD_PPM_MAX && pair->valid_us >= 1;
}

/* false: the trailer is not one. */
static bool rate_of_fact(const uint8_t *bytes, size_t size, struct ledger_rate *out)
{
    struct fact_rate fact;
    struct fact_strings strings;
    memcpy(&fact, bytes, sizeof fact);
    if (fact_strings_read(bytes + sizeof fact, size - sizeof fact, &strings) != ERR_OK)
        return false;
    struct str source = strings.by_tag[FACT_TAG_SOURCE];
    *out = (struct ledger_rate){
        .base = currency_find(fact.base, CURRENCY_CODE_LENGTH),
        .counter = currency_find(fact.counter, CURRENCY_CODE_LENGTH),
        .source_length = (uint8_t)source.length,
        .units = fact.units,
        .rate = fact.rate,
        .as_of_us = fact.as_of_us,
        .age_limit_us = fact.age_limit_us,
    };
    if (source.length > 0)
        memcpy(out->source, source.data, source.length);
    return true;
}

static struct ledger_pair pair_of_fact(const uint8_t *bytes)
{
    struct fact_pair fact;
    memcpy(&fact, bytes, sizeof fact);
    return (struct ledger_pair){
        .one = currency_find(fact.one, CURRENCY_CODE_LENGTH),
        .other = currency_find(fact.other, CURRENCY_CODE_LENGTH),
        .spread_ppm = fact.spread_ppm,
        .valid_us = fact.valid_us,
    };
}

static size_t rate_write(const struct ledger_rate *rate, struct str operator_name, uint8_t *out)
{
    struct fact_rate fact = {
        .head = {.kind = FACT_RATE_SET},
        .units = rate->units,
        .rate = rate->rate,
        .as_of_us = rate->as_of_us,
        .age_limit_us = rate->age_limit_us,
    };
    struct fact_strings strings = {0};
    memcpy(fact.base, currency_at(rate->base)->code, CURRENCY_CODE_LENGTH);
    memcpy(fact.counter, currency_at(rate->counter)->code, CURRENCY_CODE_LENGTH);
    strings.by_tag[FACT_TAG_SOURCE] = (struct str){rate->source, rate->source_length};
    strings.by_tag[FACT_TAG_OPERATOR] = operator_name;
    size_t size = sizeof fact + fact_strings_size(&strings);
    fact.head.words = (uint16_t)(size / FACT_WORD);
    memcpy(out, &fact, sizeof fact);
    fact_strings_write(&strings, out + sizeof fact);
    return size;
}

static size_t pair_write(const struct ledger_pair *pair, struct str operator_name, uint8_t *out)
{
    struct fact_pair fact = {
        .head = {.kind = FACT_PAIR_SET}, .spread_ppm = pair->spread_ppm, .valid_us = pair->valid_us};
    struct fact_strings strings = {0};
    memcpy(fact.one, currency_at(pair->one)->code, CURRENCY_CODE_LENGTH);
    memcpy(fact.other, currency_at(pair->other)->code, CURRENCY_CODE_LENGTH);
    strings.by_tag[FACT_TAG_OPERATOR] = operator_name;
    size_t size = sizeof fact + fact_strings_size(&strings);
    fact.head.words = (uint16_t)(size / FACT_WORD);
    memcpy(out, &fact, sizeof fact);
    fact_strings_write(&strings, out + sizeof fact);
    return size;
}

/* ---- evolve ------------------------------------------------------------------------------------------------- */

enum err desk_fact_fits(const struct desk *self, const uint8_t *fact, size_t size)
{
    if (fact[0] == FACT_RATE_SET) {
        struct ledger_rate rate;
        if (!rate_of_fact(fact, size, &rate) || !rate_is_good(&rate))
            return ERR_CORRUPT;
        bool known = rate_find((struct desk *)self, rate.base, rate.counter) != NULL;
        return known || self->rate_count < LEDGER_RATES_MAX ? ERR_OK : ERR_CORRUPT;
    }
    struct ledger_pair pair = pair_of_fact(fact);
    if (!pair_is_good(&pair))
        return ERR_CORRUPT;
    bool known = desk_pair_find(self, pair.one, pair.other) != NULL;
    return known || self->pair_count < LEDGER_PAIRS_MAX ? ERR_OK : ERR_CORRUPT;
}

void desk_evolve(struct desk *self, const uint8_t *fact, size_t size)
{
    if (fact[0] == FACT_RATE_SET) {
        struct ledger_rate rate;
        bool read = rate_of_fact(fact, size, &rate);
        CHECK(read);
        struct ledger_rate *slot = rate_find(self, rate.base, rate.counter);
        CHECK(slot || self->rate_count < LEDGER_RATES_MAX);
        *(slot ? slot : &self->rates[self->rate_count++]) = rate;
        return;
    }
    struct ledger_pair pair = pair_of_fact(fact);
    struct ledger_pair *slot = (struct ledger_pair *)desk_pair_find(self, pair.one, pair.other);
    CHECK(slot || self->pair_count < LEDGER_PAIRS_MAX);
    *(slot ? slot : &self->pairs[self->pair_count++]) = pair;
}

/* ---- decide ------------------------------------------------------------------------------------------------- */

enum { DESK_FACT_MAX = 256 };

_Static_assert(sizeof(struct fact_rate) + PRODUCT_MAX + OWNER_MAX + 2 * 2 + FACT_WORD <= DESK_FACT_MAX,
               "the longest fact of the desk");

static enum code append(struct ledger *self, const uint8_t *fact, size_t size)
{
    uint8_t *room = core_fact_room(self, size);
    if (!room) {
        MARK("no memory for a fact of the desk");
        return CODE_BUSY;
    }
    memcpy(room, fact, size);
    core_fact_commit(self, size);
    return CODE_OK;
}

static bool rate_same(const struct ledger_rate *a, const struct ledger_rate *b)
{
    return a->units == b->units && a->rate == b->rate && a->as_of_us == b->as_of_us &&
           a->age_limit_us == b->age_limit_us && a->source_length == b->source_length &&
           memcmp(a->source, b->source, a->source_length) == 0;
}

enum code ledger_rate_set(struct ledger *self, int64_t now_us, const struct ledger_rate *rate,
                          struct str operator_name)
{
    uint8_t fact[DESK_FACT_MAX];
    core_set_now(self, now_us);
    CHECK(rate_is_good(rate));
    if (rate->as_of_us > self->now_us + LEDGER_RATE_AHEAD_MAX_US) {
        MARK("a rate is of a time that is far ahead");
        return CODE_INVALID_FIELD;
    }
    const struct ledger_rate *known = rate_find(&self->desk, rate->base, rate->counter);
    if (known && rate->as_of_us < known->as_of_us) {
        MARK("a rate is older than the one that is known");
        return CODE_OK;
    }
    if (known && rate_same(known, rate)) {
        MARK("a rate is set again");
        return CODE_OK;
    }
    if (!known && self->desk.rate_count == LEDGER_RATES_MAX) {
        MARK("as many rates are known as may be");
        return CODE_BUSY;
    }
    return append(self, fact, rate_write(rate, operator_name, fact));
}

enum code ledger_pair_set(struct ledger *self, int64_t now_us, const struct ledger_pair *given,
                          struct str operator_name)
{
    uint8_t fact[DESK_FACT_MAX];
    struct ledger_pair pair = *given;
    core_set_now(self, now_us);
    if (pair.one > pair.other) {
        pair.one = given->other;
        pair.other = given->one;
    }
    CHECK(pair_is_good(&pair));
    const struct ledger_pair *known = desk_pair_find(&self->desk, pair.one, pair.other);
    if (known && known->spread_ppm == pair.spread_ppm && known->valid_us == pair.valid_us) {
        MARK("the terms of a pair are set again");
        return CODE_OK;
    }
    if (!known && self->desk.pair_count == LEDGER_PAIRS_MAX) {
        MARK("as many pairs have terms as may have");
        return CODE_BUSY;
    }
    return append(self, fact, pair_write(&pair, operator_name, fact));
}

/* ---- the state store ------------------------------------------------------------------------------------------ */

struct FACT_PACKED stored_desk {
    uint64_t quote_count;
    uint32_t rate_count, pair_count;
};

/* Entries are stored as the facts that would set them: a table is read back as it was written. */
size_t desk_store_size(const struct desk *self)
{
    uint8_t fact[DESK_FACT_MAX];
    size_t size = sizeof(struct stored_desk) + self->pair_count * sizeof(struct fact_pair);
    for (uint32_t i = 0; i < self->rate_count; i++)
        size += rate_write(&self->rates[i], (struct str){0}, fact);
    return size;
}

uint8_t *desk_store(const struct desk *self, uint8_t *at)
{
    struct stored_desk head = {self->quote_count, self->rate_count, self->pair_count};
    memcpy(at, &head, sizeof head);
    at += sizeof head;
    for (uint32_t i = 0; i < self->rate_count; i++)
        at += rate_write(&self->rates[i], (struct str){0}, at);
    for (uint32_t i = 0; i < self->pair_count; i++)
        at += pair_write(&self->pairs[i], (struct str){0}, at);
    return at;
}

static enum err one_load(struct desk *self, uint8_t kind, const uint8_t **at, const uint8_t *end)
{
    size_t size;
    enum err err = fact_check(*at, (size_t)(end - *at), &size);
    if (err == ERR_OK && **at != kind)
        err = ERR_CORRUPT;
    if (err == ERR_OK)
        err = desk_fact_fits(self, *at, size);
    if (err != ERR_OK)
        return err;
    desk_evolve(self, *at, size);
    *at += size;
    return ERR_OK;
}

enum err desk_load(struct desk *self, const uint8_t **at, const uint8_t *end)
{
    struct stored_desk head;
    if ((size_t)(end - *at) < sizeof head)
        return ERR_CORRUPT;
    memcpy(&head, *at, sizeof head);
    *at += sizeof head;
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < head.rate_count && err == ERR_OK; i++)
        err = one_load(self, FACT_RATE_SET, at, end);
    for (uint32_t i = 0; i < head.pair_count && err == ERR_OK; i++)
        err = one_load(self, FACT_PAIR_SET, at, end);
    self->quote_count = head.quote_count;
    return err;
}
