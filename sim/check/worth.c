/* What foreign money cost: docs/WIRE.md, "Foreign-currency accounts". Plain arithmetic in 128 bits, apart from the engine's. */
#include "sim/check/inside.h"

enum { RATE_DIGITS = 10 };

static __int128 power_of_ten(unsigned exponent)
{
    __int128 power = 1;
    while (exponent-- > 0)
        power *= 10;
    return power;
}

/* To the nearest; a half goes to the even neighbour. */
static __int128 half_even(__int128 numerator, __int128 denominator)
{
    __int128 quotient = numerator / denominator, rest = numerator % denominator;
    bool up = rest * 2 > denominator || (rest * 2 == denominator && quotient % 2 != 0);
    return quotient + up;
}

/* amount × rate in minor units of the base currency; above BALANCE_LIMIT: it does not fit. amount × rate is 10^35 at most, so
 * three more digits fit. */
static __int128 worth(const struct oracle *self, currency_index currency, int64_t amount, int64_t rate)
{
    unsigned from = currency_at(currency)->exponent, to = currency_at(self->config.base_currency)->exponent;
    __int128 product = (__int128)amount * rate;
    return to >= from ? half_even(product * power_of_ten(to - from), power_of_ten(RATE_DIGITS))
                      : half_even(product, power_of_ten(RATE_DIGITS + from - to));
}

struct verdict worth_decide_pay(const struct oracle *self, const struct account *account,
                                const struct ask *ask)
{
    if (account != NULL && account->has_book && ask->rate != 0 &&
        worth(self, ask->currency, ask->amount, ask->rate) > BALANCE_LIMIT)
        return (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_RATE, 0};
    return (struct verdict){CODE_OK, FIELD_NONE, 0};
}

__int128 worth_of(const struct oracle *self, const struct ask *ask)
{
    if (is_leg(ask))
        return ask->value;
    return ask->rate != 0 ? worth(self, ask->currency, ask->amount, ask->rate) : 0;
}

struct verdict worth_decide_receive(const struct oracle *self, const struct account *account,
                                    const struct ask *ask, __int128 promised)
{
    if (account == NULL || !account->has_book)
        return (struct verdict){CODE_OK, FIELD_NONE, 0};
    if (ask->rate == 0 && worth_of(self, ask) == 0)
        return (struct verdict){CODE_RATE_REQUIRED, FIELD_RATE, 0};
    __int128 value = worth_of(self, ask);
    if (value > BALANCE_LIMIT || account->book + account->incoming_value + promised + value > BALANCE_LIMIT)
        return (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_RATE, 0};
    return (struct verdict){CODE_OK, FIELD_NONE, 0};
}

/* ---- postings --------------------------------------------------------------------------------- */

static bool book_tag(const struct fact_strings *strings, enum fact_tag tag, struct fact_book *out)
{
    struct str text = strings->by_tag[tag];
    if (text.length != sizeof *out)
        return false;
    memcpy(out, text.data, sizeof *out);
    return true;
}

/* What part of the book value goes with a debit; `before` is the balance before it. */
static int64_t cost_of(const struct account *account, int64_t before, int64_t amount)
{
    if (amount >= before)
        return account->book;
    return (int64_t)half_even((__int128)account->book * amount, before);
}

static void side_apply(struct oracle *self, const struct sight *sight, struct account *account,
                       const struct fact_strings *strings, enum fact_tag tag, struct fact_book expected)
{
    struct fact_book said = {0};
    bool there = book_tag(strings, tag, &said);
    if (there != account->has_book ||
        (there && (said.value != expected.value || said.cost != expected.cost || said.book != expected.book)))
        breach_say(self, "I8", 0, sight->book->partition,
                   "the posting at %llu leaves %.*s a book value of %lld (value %lld, cost %lld), the books "
                   "%lld (%lld, "
                   "%lld)",
                   (unsigned long long)sight->position, (int)account->id.length, account->id.data,
                   (long long)said.book, (long long)said.value, (long long)said.cost,
                   (long long)expected.book, (long long)expected.value, (long long)expected.cost);
    account->book = expected.book;
}

static int64_t at_most(__int128 value, int64_t limit)
{
    return value > limit ? limit : (int64_t)value;
}

void worth_posting(struct oracle *self, const struct sight *sight, const struct posting *posting,
                   struct worth_given given)
{
    const struct fact_posting *fact = &posting->fact;
    struct account *debit = posting->debit, *credit = posting->credit;
    int64_t value =
        at_most(given.has_value ? given.value : worth(self, debit->currency, fact->amount, given.rate),
                BALANCE_LIMIT);
    bool is_given = given.has_value || given.rate != 0;
    struct fact_book out = {0}, in = {0};
    if (debit->has_book) {
        int64_t cost = cost_of(debit, debit->balance, fact->amount);
        out = (struct fact_book){is_given ? value : cost, cost, debit->book - cost};
    }
    if (credit->has_book) {
        int64_t cost = at_most(value, BALANCE_LIMIT - credit->book);
        in = (struct fact_book){value, cost, credit->book + cost};
    }
    side_apply(self, sight, debit, &posting->strings, FACT_TAG_BOOK_DEBIT, out);
    side_apply(self, sight, credit, &posting->strings, FACT_TAG_BOOK_CREDIT, in);
}

struct fact_book worth_taken(const struct posting *posting)
{
    struct fact_book out = {0};
    (void)book_tag(&posting->strings, FACT_TAG_BOOK_DEBIT, &out);
    return out;
}

int64_t worth_rate(const struct fact_strings *strings)
{
    int64_t rate = 0;
    struct str text = strings->by_tag[FACT_TAG_RATE];
    if (text.length == sizeof rate)
        memcpy(&rate, text.data, sizeof rate);
    return rate;
}
