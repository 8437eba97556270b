#include "actors/ledger/book.h"

#include "actors/base/rate.h"
#include "actors/ledger/core.h"

#define BOOK_MAX LEDGER_BALANCE_MAX

static bool keeps_book(const struct ledger *self, uint32_t account)
{
    return (account_at(&self->accounts, account)->flags & ACCOUNT_HAS_BOOK) != 0;
}

/* ---- worth ------------------------------------------------------------------------------------------- */

static bool value_at(const struct ledger *self, currency_index currency, int64_t amount, int64_t rate,
                     int64_t *out)
{
    return rate_value(amount, rate, 1, currency_at(currency)->exponent,
                      currency_at(self->config.base_currency)->exponent, ROUND_HALF_EVEN, out) &&
           *out <= BOOK_MAX;
}

bool book_worth(const struct ledger *self, const struct ledger_command *command, int64_t *out)
{
    int64_t rate = book_rate(command);
    bool is_leg = command->kind == COMMAND_EXCHANGE_OUT || command->kind == COMMAND_EXCHANGE_IN;
    *out = is_leg ? command->value : 0;
    if (rate == 0 && *out == 0)
        return false;
    if (rate != 0 ? value_at(self, command->currency, command->amount, rate, out) : *out <= BOOK_MAX)
        return true;
    MARK("an amount is worth more than can be counted");
    *out = BOOK_MAX;
    return false;
}

/* ---- decide ------------------------------------------------------------------------------------------ */

struct verdict book_check_debit(const struct ledger *self, uint32_t account,
                                const struct ledger_command *command)
{
    int64_t value;
    if (keeps_book(self, account) && !book_worth(self, command, &value) && value != 0)
        return (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_RATE};
    return (struct verdict){CODE_OK, FIELD_NONE};
}

struct verdict book_check_credit(const struct ledger *self, uint32_t account,
                                 const struct ledger_command *command, int64_t promised)
{
    int64_t value, after = 0;
    if (!keeps_book(self, account))
        return (struct verdict){CODE_OK, FIELD_NONE};
    bool known = book_worth(self, command, &value);
    if (!known && value == 0)
        return (struct verdict){CODE_RATE_REQUIRED, FIELD_RATE};
    if (account_at(&self->accounts, account)->flags & ACCOUNT_HAS_INCOMING)
        after = group_incoming_value(self, account);
    if (!known || !money_add(after, promised, &after) || !money_add(after, value, &after) ||
        !money_add(after, *account_book_at(&self->accounts, account), &after) || after > BOOK_MAX) {
        MARK("a book value would pass the limit of what is counted");
        return (struct verdict){CODE_BALANCE_OVERFLOW, FIELD_RATE};
    }
    return (struct verdict){CODE_OK, FIELD_NONE};
}

/* ---- postings ---------------------------------------------------------------------------------------- */

/* The value among the strings: that of the book tag, else amount × rate. false: they say nothing. */
static bool value_given(const struct ledger *self, const struct fact_strings *strings, enum fact_tag tag,
                        currency_index currency, int64_t amount, int64_t *out)
{
    struct fact_book book;
    struct str text = strings->by_tag[tag];
    int64_t rate = book_rate_get(strings);
    if (text.length == sizeof book) {
        memcpy(&book, text.data, sizeof book);
        *out = book.value;
        return true;
    }
    if (rate != 0 && !value_at(self, currency, amount, rate, out))
        *out = BOOK_MAX;
    return rate != 0;
}

/* What part of the book value a debit takes with it. */
static int64_t debit_cost(int64_t book, int64_t balance, int64_t amount)
{
    int64_t cost;
    if (amount >= balance)
        return book;
    bool fits = rate_divide((unsigned __int128)book * (unsigned __int128)amount, (unsigned __int128)balance,
                            ROUND_HALF_EVEN, &cost);
    CHECK(fits && cost <= book);
    return cost;
}

static struct str tag_of(const struct fact_book *book)
{
    return (struct str){(const char *)book, sizeof *book};
}

void book_fill(const struct ledger *self, uint32_t debit, uint32_t credit, int64_t amount,
               const struct fact_strings *strings, struct book_trailer *out)
{
    currency_index currency = account_at(&self->accounts, debit)->currency;
    struct str *tags = out->strings.by_tag;
    int64_t value;
    out->strings = strings ? *strings : (struct fact_strings){0};
    if (keeps_book(self, debit)) {
        int64_t book = *account_book_at(&self->accounts, debit);
        int64_t cost = debit_cost(book, account_at(&self->accounts, debit)->balance, amount);
        bool given = value_given(self, &out->strings, FACT_TAG_BOOK_DEBIT, currency, amount, &value);
        out->debit = (struct fact_book){given ? value : cost, cost, book - cost};
    }
    if (keeps_book(self, credit)) {
        int64_t book = *account_book_at(&self->accounts, credit);
        bool given = value_given(self, &out->strings, FACT_TAG_BOOK_CREDIT, currency, amount, &value);
        CHECK(given);
        int64_t cost = value <= BOOK_MAX - book ? value : BOOK_MAX - book;
        if (cost != value)
            MARK("a book value takes in what still fits");
        out->credit = (struct fact_book){value, cost, book + cost};
    }
    tags[FACT_TAG_BOOK_DEBIT] = keeps_book(self, debit) ? tag_of(&out->debit) : (struct str){0};
    tags[FACT_TAG_BOOK_CREDIT] = keeps_book(self, credit) ? tag_of(&out->credit) : (struct str){0};
}

void book_give_back(struct fact_strings *strings, struct fact_book *space)
{
    struct str taken = strings->by_tag[FACT_TAG_BOOK_DEBIT];
    strings->by_tag[FACT_TAG_BOOK_DEBIT] = (struct str){0};
    if (taken.length != sizeof *space)
        return;
    MARK("a transfer that comes back restores its book value");
    memcpy(space, taken.data, sizeof *space);
    space->value = space->cost;
    strings->by_tag[FACT_TAG_BOOK_CREDIT] = tag_of(space);
}

/* ---- evolve ------------------------------------------------------------------------------------------ */

/* The account keeps a book value, and this fact is news to it. */
static bool is_due(const struct ledger *self, uint32_t account, uint64_t position)
{
    return keeps_book(self, account) && position > account_at(&self->accounts, account)->last_position;
}

static bool book_read(const struct fact_strings *strings, enum fact_tag tag, struct fact_book *out)
{
    struct str text = strings->by_tag[tag];
    if (text.length != sizeof *out)
        return false;
    memcpy(out, text.data, sizeof *out);
    return true;
}

void book_apply(struct ledger *self, uint32_t account, bool is_debit, const uint8_t *trailer, size_t length)
{
    int64_t *book = account_book_at(&self->accounts, account);
    struct fact_strings strings;
    struct fact_book fact;
    enum err err = fact_strings_read(trailer, length, &strings);
    bool there = book_read(&strings, is_debit ? FACT_TAG_BOOK_DEBIT : FACT_TAG_BOOK_CREDIT, &fact);
    CHECK(err == ERR_OK && there);
    *book += is_debit ? -fact.cost : fact.cost;
    CHECK(*book == fact.book);
}

/* One side of a stored posting; after is the account's balance behind it. */
static bool side_fits(const struct ledger *self, uint64_t position, uint32_t account, int64_t after,
                      const struct fact_strings *strings, enum fact_tag tag)
{
    struct fact_book fact;
    bool is_debit = tag == FACT_TAG_BOOK_DEBIT;
    if (!keeps_book(self, account))
        return strings->by_tag[tag].length == 0;
    if (!book_read(strings, tag, &fact))
        return false;
    if (!is_due(self, account, position))
        return true;
    int64_t book = *account_book_at(&self->accounts, account);
    if (fact.value < 0 || fact.cost < 0 || fact.cost > (is_debit ? book : BOOK_MAX - book))
        return false;
    return fact.book == (is_debit ? book - fact.cost : book + fact.cost) &&
           (!is_debit || after > 0 || fact.book == 0);
}

enum err book_fits(const struct ledger *self, uint64_t position, const struct fact_posting *fact,
                   const uint8_t *trailer, size_t length)
{
    struct fact_strings strings;
    if (fact_strings_read(trailer, length, &strings) != ERR_OK)
        return ERR_CORRUPT;
    bool fits = side_fits(self, position, fact->debit, fact->debit_balance, &strings, FACT_TAG_BOOK_DEBIT) &&
                side_fits(self, position, fact->credit, fact->credit_balance, &strings, FACT_TAG_BOOK_CREDIT);
    return fits ? ERR_OK : ERR_CORRUPT;
}

const char *book_broken(const struct ledger *self, uint32_t account)
{
    if (!keeps_book(self, account))
        return NULL;
    int64_t book = *account_book_at(&self->accounts, account);
    if (book < 0 || book > BOOK_MAX)
        return "a book value is neither below zero nor above what is counted";
    return NULL;
}
