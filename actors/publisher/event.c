#include "actors/publisher/event.h"

#include "actors/base/code.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/remittance_states.h"

enum shape {
    SHAPE_NONE,
    SHAPE_POSTING,
    SHAPE_ACCOUNT,
    SHAPE_HOLD,
    SHAPE_CAPTURE,
    SHAPE_REMITTANCE,
    SHAPE_REMITTANCE_POSTING
};

/* A kind that is not in here is no event. */
static const struct {
    const char *word;
    enum shape shape;
} KINDS[FACT_KIND_COUNT] = {
    [FACT_TRANSFER] = {"transfer", SHAPE_POSTING},
    [FACT_DEPOSIT] = {"deposit", SHAPE_POSTING},
    [FACT_WITHDRAWAL] = {"withdrawal", SHAPE_POSTING},
    [FACT_SENT] = {"sent", SHAPE_POSTING},
    [FACT_RECEIVED] = {"received", SHAPE_POSTING},
    [FACT_RETURNED] = {"returned", SHAPE_POSTING},
    [FACT_EXCHANGE_OUT] = {"exchange_out", SHAPE_POSTING},
    [FACT_EXCHANGE_IN] = {"exchange_in", SHAPE_POSTING},
    [FACT_EXCHANGE_SPREAD] = {"exchange_spread", SHAPE_POSTING},
    [FACT_EXCHANGE_RESIDUE] = {"exchange_residue", SHAPE_POSTING},
    [FACT_ACCOUNT_OPENED] = {"opened", SHAPE_ACCOUNT},
    [FACT_ACCOUNT_CHANGED] = {"changed", SHAPE_ACCOUNT},
    [FACT_ACCOUNT_FROZEN] = {"frozen", SHAPE_ACCOUNT},
    [FACT_ACCOUNT_UNFROZEN] = {"unfrozen", SHAPE_ACCOUNT},
    [FACT_ACCOUNT_CLOSED] = {"closed", SHAPE_ACCOUNT},
    [FACT_HOLD_OPENED] = {"hold_opened", SHAPE_HOLD},
    [FACT_HOLD_RELEASED] = {"hold_released", SHAPE_HOLD},
    [FACT_HOLD_EXPIRED] = {"hold_expired", SHAPE_HOLD},
    [FACT_HOLD_CAPTURED] = {"captured", SHAPE_CAPTURE},
    [FACT_REMITTANCE_REQUESTED] = {"remittance_requested", SHAPE_REMITTANCE},
    [FACT_REMITTANCE_MOVED] = {"remittance_moved", SHAPE_REMITTANCE},
    [FACT_REMITTANCE_NOTED] = {"remittance_noted", SHAPE_REMITTANCE},
    [FACT_REMITTANCE_PULLED] = {"remittance_pulled", SHAPE_REMITTANCE_POSTING},
    [FACT_REMITTANCE_DEPOSITED] = {"remittance_deposited", SHAPE_REMITTANCE_POSTING},
    [FACT_REMITTANCE_WITHDRAWN] = {"remittance_withdrawn", SHAPE_REMITTANCE_POSTING},
    [FACT_REMITTANCE_PAID] = {"remittance_paid", SHAPE_REMITTANCE_POSTING},
    [FACT_REMITTANCE_RETURNED] = {"remittance_returned", SHAPE_REMITTANCE_POSTING},
};

static const uint16_t FIXED[] = {
    [SHAPE_POSTING] = sizeof(struct fact_posting),
    [SHAPE_ACCOUNT] = sizeof(struct fact_account),
    [SHAPE_HOLD] = sizeof(struct fact_hold),
    [SHAPE_CAPTURE] = sizeof(struct fact_capture),
    [SHAPE_REMITTANCE] = sizeof(struct fact_remittance),
    [SHAPE_REMITTANCE_POSTING] = sizeof(struct fact_remittance_posting),
};

static enum shape shape_of(uint8_t kind)
{
    return kind < FACT_KIND_COUNT ? KINDS[kind].shape : SHAPE_NONE;
}

enum event_result event_peek(const uint8_t *bytes, size_t length, size_t *size)
{
    struct fact_head head;
    *size = 0;
    if (length < FACT_WORD)
        return EVENT_SHORT;
    memcpy(&head, bytes, sizeof head);
    if (head.kind == 0 || head.words == 0)
        return EVENT_CORRUPT;
    *size = (size_t)head.words * FACT_WORD;
    if (*size > length)
        return EVENT_SHORT;
    enum shape shape = shape_of(head.kind);
    if (shape == SHAPE_NONE)
        return EVENT_NONE;
    return *size >= FIXED[shape] ? EVENT_READ : EVENT_CORRUPT;
}

/* ---- one shape each ----------------------------------------------------------------------------------------- */

/* Where names are asked for; remembers the first that is not known. */
struct asker {
    const struct event_names *names;
    currency_index currency;
    bool is_unnamed;
    uint32_t account;
};

static struct str ask(struct asker *asker, uint32_t account)
{
    struct str name = {0};
    if (!asker->names->find(asker->names->context, account, &name, &asker->currency) && !asker->is_unnamed) {
        asker->is_unnamed = true;
        asker->account = account;
    }
    return name;
}

static bool read_book(struct str tag, struct event_book *out)
{
    struct fact_book book;
    if (tag.length == 0)
        return true;
    if (tag.length != sizeof book)
        return false;
    memcpy(&book, tag.data, sizeof book);
    *out = (struct event_book){true, book.value, book.cost, book.book};
    return true;
}

static bool read_trailer(const struct fact_strings *strings, struct event *out)
{
    struct str rate = strings->by_tag[FACT_TAG_RATE];
    if (rate.length != 0 && rate.length != sizeof out->rate)
        return false;
    if (rate.length != 0)
        memcpy(&out->rate, rate.data, sizeof out->rate);
    out->memo = strings->by_tag[FACT_TAG_MEMO];
    out->reference = strings->by_tag[FACT_TAG_REFERENCE];
    out->owner = strings->by_tag[FACT_TAG_OWNER];
    out->product = strings->by_tag[FACT_TAG_PRODUCT];
    out->bank = strings->by_tag[FACT_TAG_BANK];
    out->payer = strings->by_tag[FACT_TAG_PAYER];
    out->payee = strings->by_tag[FACT_TAG_PAYEE];
    out->bank_reference = strings->by_tag[FACT_TAG_BANK_REFERENCE];
    return read_book(strings->by_tag[FACT_TAG_BOOK_DEBIT], &out->from_book) &&
           read_book(strings->by_tag[FACT_TAG_BOOK_CREDIT], &out->to_book);
}

/* Money on its way to or from another partition: the other side is the account there, and the balance of the transit account
 * between them is nobody's. */
static void read_posting(const uint8_t *bytes, const struct fact_strings *strings, struct asker *asker,
                         struct event *out)
{
    struct fact_posting fact;
    memcpy(&fact, bytes, sizeof fact);
    struct str remote = strings->by_tag[FACT_TAG_REMOTE];
    bool is_to_remote = fact.head.kind == FACT_SENT;
    bool is_from_remote = fact.head.kind == FACT_RECEIVED || fact.head.kind == FACT_RETURNED;
    out->transaction_id = fact.id;
    out->exchange = fact_exchange_leg(fact.head.kind, &fact.id);
    out->has_amount = true;
    out->amount = fact.amount;
    out->from_account = is_from_remote ? remote : ask(asker, fact.debit);
    out->to_account = is_to_remote ? remote : ask(asker, fact.credit);
    out->has_from_balance = !is_from_remote;
    out->has_to_balance = !is_to_remote;
    out->from_balance = is_from_remote ? 0 : fact.debit_balance;
    out->to_balance = is_to_remote ? 0 : fact.credit_balance;
    if (fact.head.kind == FACT_RETURNED && fact.head.detail < CODE_COUNT)
        out->code = fact.head.detail;
}

static void read_account(const uint8_t *bytes, const struct fact_strings *strings, struct asker *asker,
                         struct event *out)
{
    struct fact_account fact;
    memcpy(&fact, bytes, sizeof fact);
    out->transaction_id = fact.id;
    out->has_limits = fact.head.kind == FACT_ACCOUNT_OPENED || fact.head.kind == FACT_ACCOUNT_CHANGED;
    out->minimum_balance = fact.minimum_balance;
    out->ceiling = fact.ceiling;
    if (fact.head.kind == FACT_ACCOUNT_OPENED) {
        out->account = strings->by_tag[FACT_TAG_ACCOUNT];
        asker->currency = currency_find(fact.currency, sizeof fact.currency);
        return;
    }
    out->account = ask(asker, fact.account);
}

static void read_hold(const uint8_t *bytes, struct asker *asker, struct event *out)
{
    struct fact_hold fact;
    memcpy(&fact, bytes, sizeof fact);
    out->transaction_id = fact.id;
    out->hold = fact.hold;
    out->account = ask(asker, fact.account);
    out->has_amount = true;
    out->amount = fact.amount;
    out->has_pending = true;
    out->pending = fact.pending;
    out->expires_us = fact.expires_us;
}

static void read_capture(const uint8_t *bytes, struct event *out)
{
    struct fact_capture fact;
    memcpy(&fact, bytes, sizeof fact);
    out->hold = fact.hold;
    out->has_pending = true;
    out->pending = fact.pending;
    out->has_kept = true;
    out->released = fact.released;
    out->kept = fact.kept;
}

/* false: no state, step or code of ours. The operator stands in facts of other kinds too, whose events do not tell him. */
static bool read_remittance_part(const struct fact_remittance_part *part, const struct fact_strings *strings,
                                 struct event *out)
{
    if (part->state < REMITTANCE_REQUESTED || part->state >= REMITTANCE_STATE_COUNT ||
        part->step < REMITTANCE_STEP_PULL || part->step > REMITTANCE_STEP_REFUND || part->code >= CODE_COUNT)
        return false;
    out->state = machine_state_name(&REMITTANCE_STATES, part->state);
    out->step = remittance_step_name(part->step);
    out->tries = part->tries;
    out->rounds = part->rounds;
    out->call = part->call;
    out->is_alarmed = (part->flags & FACT_REMITTANCE_ALARMED) != 0;
    out->is_contradicted = (part->flags & FACT_REMITTANCE_CONTRADICTED) != 0;
    out->is_alarm = (part->flags & FACT_REMITTANCE_ALARM_OVER) != 0;
    out->code = part->code;
    out->reason = strings->by_tag[FACT_TAG_REASON];
    out->operator_name = strings->by_tag[FACT_TAG_OPERATOR];
    return true;
}

static bool read_remittance(const uint8_t *bytes, const struct fact_strings *strings, struct asker *asker,
                            struct event *out)
{
    struct fact_remittance fact;
    memcpy(&fact, bytes, sizeof fact);
    out->transaction_id = fact.id;
    out->account = ask(asker, fact.account);
    out->has_amount = true;
    out->amount = fact.amount;
    if (!read_remittance_part(&fact.part, strings, out))
        return false;
    out->is_alarm = out->is_alarm || fact.head.kind == FACT_REMITTANCE_NOTED;
    return true;
}

static bool read_remittance_posting(const uint8_t *bytes, const struct fact_strings *strings,
                                    struct event *out)
{
    struct fact_remittance_posting fact;
    memcpy(&fact, bytes, sizeof fact);
    return read_remittance_part(&fact.part, strings, out);
}

enum event_result event_read(const uint8_t *bytes, size_t length, const struct event_names *names,
                             struct event *out, size_t *size, uint32_t *account)
{
    struct fact_strings strings;
    struct asker asker = {.names = names, .currency = CURRENCY_NONE};
    *out = (struct event){0};
    enum event_result result = event_peek(bytes, length, size);
    if (result != EVENT_READ)
        return result;
    enum shape shape = KINDS[bytes[0]].shape;
    if (fact_strings_read(bytes + FIXED[shape], *size - FIXED[shape], &strings) != ERR_OK ||
        !read_trailer(&strings, out))
        return EVENT_CORRUPT;
    out->kind = KINDS[bytes[0]].word;
    if (shape == SHAPE_POSTING || shape == SHAPE_CAPTURE || shape == SHAPE_REMITTANCE_POSTING)
        read_posting(bytes, &strings, &asker, out);
    if (shape == SHAPE_CAPTURE)
        read_capture(bytes, out);
    if (shape == SHAPE_ACCOUNT)
        read_account(bytes, &strings, &asker, out);
    if (shape == SHAPE_HOLD)
        read_hold(bytes, &asker, out);
    if (shape == SHAPE_REMITTANCE && !read_remittance(bytes, &strings, &asker, out))
        return EVENT_CORRUPT;
    if (shape == SHAPE_REMITTANCE_POSTING && !read_remittance_posting(bytes, &strings, out))
        return EVENT_CORRUPT;
    out->currency = asker.currency;
    *account = asker.account;
    if (asker.is_unnamed)
        return EVENT_UNNAMED;
    return out->currency != CURRENCY_NONE ? EVENT_READ : EVENT_CORRUPT;
}

bool event_opened(const uint8_t *bytes, size_t size, uint32_t *account, struct str *name,
                  currency_index *currency)
{
    struct fact_account fact;
    struct fact_strings strings;
    if (size < sizeof fact || bytes[0] != FACT_ACCOUNT_OPENED ||
        fact_strings_read(bytes + sizeof fact, size - sizeof fact, &strings) != ERR_OK)
        return false;
    memcpy(&fact, bytes, sizeof fact);
    *account = fact.account;
    *name = strings.by_tag[FACT_TAG_ACCOUNT];
    *currency = currency_find(fact.currency, sizeof fact.currency);
    return name->length > 0 && *currency != CURRENCY_NONE;
}
