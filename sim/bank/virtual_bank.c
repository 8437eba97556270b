/* Accounts, payments and the ledger of the bank that does not exist; what it is made of, and how it goes.
 *
 * Invariants (virtual_bank_books checks them):
 * - a payment moves once: is_moved, its entry, and both balances change together in `move`
 * - an account holds the sum of the accepted payments that it is to pay and that have not moved
 * - a payment's status only goes forward; CREDITED and REJECTED are its last
 *
 * What happens by itself is ordered by its time and then by the payment's number, however late somebody looks: each change has the time at
 * which it was due. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "actors/base/date.h"
#include "actors/base/money.h"
#include "sim/bank/inside.h"

int64_t virtual_later(int64_t at_us, int64_t delay_us)
{
    int64_t sum;
    return money_add(at_us, delay_us, &sum) ? sum : INT64_MAX - 1;
}

/* ---- life ------------------------------------------------------------------------------------------ */

struct virtual_bank_options virtual_bank_options_default(void)
{
    return (struct virtual_bank_options){
        .seed = 1,
        .base_url = "http://bank.example",
        .opening_balance = INT64_C(1000000000000),
        .token_life_us = INT64_C(3600000000),
    };
}

static const char *account_name(const void *owner, uint32_t number)
{
    return ((const struct virtual_bank *)owner)->accounts[number].name;
}

static const char *payment_reference(const void *owner, uint32_t number)
{
    return ((const struct virtual_bank *)owner)->payments[number]->reference;
}

/* The options' strings, which become ours. */
enum { OPTION_STRINGS = 8 };

static void option_strings(struct virtual_bank_options *options, const char **out[OPTION_STRINGS])
{
    const char **all[OPTION_STRINGS] = {
        &options->base_url,        &options->notify_url,      &options->callback_url,
        &options->callback_secret, &options->signing_key_pem, &options->client_key_pem,
        &options->client_id,       &options->client_secret,
    };
    memcpy(out, all, sizeof all);
}

static bool copy_options(struct virtual_bank_options *options)
{
    const char **strings[OPTION_STRINGS];
    option_strings(options, strings);
    bool is_good = true;
    for (size_t i = 0; i < OPTION_STRINGS; i++) {
        if (*strings[i]) {
            *strings[i] = strdup(*strings[i]);
            is_good = is_good && *strings[i];
        }
    }
    return is_good;
}

struct virtual_bank *virtual_bank_new(const struct virtual_bank_options *options)
{
    struct virtual_bank *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    self->options = *options;
    if (!self->options.base_url)
        self->options.base_url = "";
    self->ids = sim_random_split(options->seed, "ids");
    text_index_init(&self->accounts_by_name, account_name);
    text_index_init(&self->payments_by_reference, payment_reference);
    bool is_good = copy_options(&self->options);
    self->rules = bank_rules_new(options->seed);
    self->webhooks = virtual_webhooks_new(options->seed);
    self->admin = admin_server_new();
    self->kftc = kftc_server_new();
    self->obie = obie_server_new(&self->options);
    if (!is_good || !self->rules || !self->webhooks || !self->admin || !self->kftc || !self->obie)
        virtual_bank_destroy(&self);
    return self;
}

void virtual_bank_destroy(struct virtual_bank **self_p)
{
    struct virtual_bank *self = *self_p;
    *self_p = NULL;
    if (!self)
        return;
    obie_server_destroy(&self->obie);
    kftc_server_destroy(&self->kftc);
    admin_server_destroy(&self->admin);
    virtual_webhooks_destroy(&self->webhooks);
    bank_rules_destroy(&self->rules);
    for (uint64_t i = 0; i < self->payment_count; i++) {
        json_decref(self->payments[i]->data);
        free(self->payments[i]);
    }
    text_index_release(&self->accounts_by_name);
    text_index_release(&self->payments_by_reference);
    const char **strings[OPTION_STRINGS];
    option_strings(&self->options, strings);
    for (size_t i = 0; i < OPTION_STRINGS; i++)
        free((char *)(uintptr_t)*strings[i]);
    free(self->accounts);
    free(self->payments);
    free(self->entries);
    free(self->heap);
    json_decref(self->body);
    free(self->reply_body);
    free(self);
}

bool virtual_copy(char *out, size_t limit, const char *text)
{
    size_t length = text ? strlen(text) : limit + 1;
    out[0] = '\0';
    if (length > limit)
        return false;
    memcpy(out, text, length + 1);
    return true;
}

void virtual_bank_uuid(struct virtual_bank *self, char out[37])
{
    uint64_t high = sim_random_next(&self->ids), low = sim_random_next(&self->ids);
    snprintf(out, 37, "%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-%04" PRIx64 "-%012" PRIx64, high >> 32,
             high >> 16 & 0xffff, high & 0xfff, (low >> 48 & 0x3fff) | 0x8000,
             low & UINT64_C(0xffffffffffff));
}

/* Room for one more. false: no memory. */
static bool make_room(void **list, uint64_t count, uint64_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    uint64_t wider = *capacity ? *capacity * 2 : 64;
    void *moved = realloc(*list, wider * size);
    if (!moved)
        return false;
    *list = moved;
    *capacity = wider;
    return true;
}

/* ---- accounts --------------------------------------------------------------------------------------- */

uint32_t virtual_account_find(const struct virtual_bank *self, const char *name)
{
    int64_t found = text_index_find(&self->accounts_by_name, self, name);
    return found == TEXT_INDEX_NONE ? UINT32_MAX : (uint32_t)found;
}

uint32_t virtual_account_of(struct virtual_bank *self, const char *name, const char *currency)
{
    uint32_t found = virtual_account_find(self, name);
    if (found != UINT32_MAX)
        return found;
    struct virtual_account account = {.balance = self->options.opening_balance,
                                      .opening = self->options.opening_balance};
    if (!*name || !virtual_copy(account.name, VIRTUAL_ACCOUNT_MAX, name) ||
        !virtual_copy(account.currency, 3, currency) || self->account_count == UINT32_MAX - 1)
        return UINT32_MAX;
    uint64_t capacity = self->account_capacity;
    bool has_room = make_room((void **)&self->accounts, self->account_count, &capacity, sizeof account);
    self->account_capacity = (uint32_t)capacity;
    if (!has_room)
        return UINT32_MAX;
    self->accounts[self->account_count] = account;
    if (!text_index_put(&self->accounts_by_name, self, self->account_count))
        return UINT32_MAX;
    return self->account_count++;
}

void virtual_bank_account_set(struct virtual_bank *self, const char *account, const char *currency,
                              int64_t balance, int64_t limit)
{
    uint32_t place = virtual_account_of(self, account, currency);
    if (place == UINT32_MAX)
        return;
    struct virtual_account *found = &self->accounts[place];
    __int128 opening = (__int128)found->opening - found->balance + balance;
    if (opening < INT64_MIN || opening > INT64_MAX)
        return;
    found->opening = (int64_t)opening; /* as if it had been so from the beginning */
    found->balance = balance;
    found->limit = limit;
}

bool virtual_bank_account(const struct virtual_bank *self, const char *account, int64_t *balance)
{
    uint32_t place = virtual_account_find(self, account);
    if (place != UINT32_MAX)
        *balance = self->accounts[place].balance;
    return place != UINT32_MAX;
}

static int32_t day_of(enum virtual_rail rail, int64_t now_us)
{
    return date_of_time(now_us, rail == VIRTUAL_KFTC ? 9 * 3600 : 0);
}

static int64_t taken_on(const struct virtual_account *account, int32_t day)
{
    return account->day == day ? account->day_sum : 0;
}

int64_t virtual_account_taken(const struct virtual_account *account, enum virtual_rail rail, int64_t now_us)
{
    return taken_on(account, day_of(rail, now_us));
}

static bool is_above(int64_t sum, int64_t amount, int64_t limit)
{
    int64_t whole;
    return limit > 0 && (!money_add(sum, amount, &whole) || whole > limit);
}

enum virtual_no virtual_payment_try(const struct virtual_bank *self, int64_t now_us,
                                    const struct virtual_payment *wanted)
{
    const struct virtual_account *payer = &self->accounts[wanted->payer],
                                 *payee = &self->accounts[wanted->payee];
    int32_t day = day_of(wanted->rail, now_us);
    int64_t left, sum;
    if (payer->is_missing || payee->is_missing)
        return VIRTUAL_NO_ACCOUNT;
    if (payer->is_closed || payee->is_closed)
        return VIRTUAL_CLOSED;
    if (strcmp(payer->currency, wanted->currency) != 0 || strcmp(payee->currency, wanted->currency) != 0)
        return VIRTUAL_OTHER_CURRENCY;
    if (is_above(0, wanted->amount, payer->limit) || !money_add(payee->balance, wanted->amount, &sum))
        return VIRTUAL_OVER_LIMIT;
    if (is_above(taken_on(payer, day), wanted->amount, payer->day_limit))
        return VIRTUAL_OVER_DAY;
    if (wanted->is_in && is_above(taken_on(payee, day), wanted->amount, payee->day_limit))
        return VIRTUAL_OVER_CLIENT;
    if (payer->balance < wanted->amount)
        return VIRTUAL_NO_FUNDS;
    bool is_free = money_sub(payer->balance, payer->held, &left) && left >= wanted->amount;
    return is_free ? VIRTUAL_FINE : VIRTUAL_HELD;
}

/* ---- money ------------------------------------------------------------------------------------------ */

static void count_day(struct virtual_account *account, int32_t day, int64_t amount)
{
    account->day_sum = taken_on(account, day);
    account->day = day;
    if (!money_add(account->day_sum, amount, &account->day_sum))
        account->day_sum = INT64_MAX;
}

/* Holds the amount at its payer, or lets it go (amount below 0). */
static void hold(struct virtual_bank *self, const struct virtual_payment *payment, int64_t amount)
{
    struct virtual_account *payer = &self->accounts[payment->payer];
    CHECK(money_add(payer->held, amount, &payer->held));
}

/* Once for each payment; false: it cannot be, as the payee would have more than can be written. */
static bool move(struct virtual_bank *self, int64_t at_us, struct virtual_payment *payment)
{
    struct virtual_account *payer = &self->accounts[payment->payer], *payee = &self->accounts[payment->payee];
    int64_t after;
    CHECK(!payment->is_moved);
    if (!money_add(payee->balance, payment->amount, &after) ||
        !make_room((void **)&self->entries, self->entry_count, &self->entry_capacity, sizeof *self->entries))
        return false;
    payee->balance = after;
    CHECK(money_sub(payer->balance, payment->amount, &payer->balance));
    self->entries[self->entry_count++] = (struct virtual_entry_of){payment->number, at_us};
    payment->is_moved = true;
    return true;
}

bool virtual_bank_entry(const struct virtual_bank *self, uint64_t number, struct virtual_entry *out)
{
    if (number == 0 || number > self->entry_count)
        return false;
    const struct virtual_entry_of *entry = &self->entries[number - 1];
    const struct virtual_payment *payment = self->payments[entry->payment - 1];
    *out = (struct virtual_entry){
        .number = number, .at_us = entry->at_us, .is_in = payment->is_in, .amount = payment->amount};
    strcpy(out->rail, payment->rail == VIRTUAL_KFTC ? "kftc" : "obie");
    strcpy(out->reference, payment->reference);
    strcpy(out->id, payment->id);
    strcpy(out->account, self->accounts[payment->customer].name);
    strcpy(out->currency, payment->currency);
    return true;
}

static int64_t held_by_payments(const struct virtual_bank *self, uint32_t account)
{
    int64_t sum = 0;
    for (uint64_t i = 0; i < self->payment_count; i++) {
        const struct virtual_payment *payment = self->payments[i];
        bool is_open = !payment->is_moved && !payment->is_doomed && payment->status != VIRTUAL_REJECTED;
        if (payment->payer == account && is_open)
            CHECK(money_add(sum, payment->amount, &sum));
    }
    return sum;
}

bool virtual_bank_books(const struct virtual_bank *self)
{
    int64_t *moved = calloc(self->account_count + 1, sizeof *moved);
    bool is_good = moved != NULL;
    for (uint64_t i = 0; is_good && i < self->entry_count; i++) {
        const struct virtual_payment *payment = self->payments[self->entries[i].payment - 1];
        is_good = payment->is_moved &&
                  money_sub(moved[payment->payer], payment->amount, &moved[payment->payer]) &&
                  money_add(moved[payment->payee], payment->amount, &moved[payment->payee]);
    }
    uint64_t moves = 0;
    for (uint64_t i = 0; i < self->payment_count; i++)
        moves += self->payments[i]->is_moved;
    is_good = is_good && moves == self->entry_count;
    __int128 sum = 0;
    for (uint32_t i = 0; is_good && i < self->account_count; i++) {
        const struct virtual_account *account = &self->accounts[i];
        sum += (__int128)account->balance - account->opening;
        is_good = (__int128)account->opening + moved[i] == account->balance &&
                  (account->held == 0 || account->held == held_by_payments(self, i));
    }
    free(moved);
    return is_good && sum == 0;
}

/* ---- payments --------------------------------------------------------------------------------------- */

static bool is_sooner(const struct virtual_due *a, const struct virtual_due *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->number < b->number);
}

/* There is room: virtual_payment_make saw to it that there is some for every payment. */
static void heap_put(struct virtual_bank *self, struct virtual_due due)
{
    size_t place = self->heap_count++;
    for (; place > 0 && is_sooner(&due, &self->heap[(place - 1) / 2]); place = (place - 1) / 2)
        self->heap[place] = self->heap[(place - 1) / 2];
    self->heap[place] = due;
}

static void heap_pop(struct virtual_bank *self)
{
    struct virtual_due last = self->heap[--self->heap_count];
    size_t place = 0;
    for (;;) {
        size_t child = 2 * place + 1;
        if (child + 1 < self->heap_count && is_sooner(&self->heap[child + 1], &self->heap[child]))
            child++;
        if (child >= self->heap_count || !is_sooner(&self->heap[child], &last))
            break;
        self->heap[place] = self->heap[child];
        place = child;
    }
    self->heap[place] = last;
}

static void become(struct virtual_bank *self, int64_t at_us, struct virtual_payment *payment,
                   enum virtual_status status, int64_t next_us)
{
    payment->status = status;
    payment->changed_us = at_us;
    payment->next_us = next_us;
    if (next_us != INT64_MAX)
        heap_put(self, (struct virtual_due){next_us, payment->number});
    if (status == VIRTUAL_DEBITED || status == VIRTUAL_CREDITED || status == VIRTUAL_REJECTED)
        virtual_webhook_changed(self, at_us, payment);
}

/* Money moves, or the payment is rejected after all. */
static void settle(struct virtual_bank *self, int64_t at_us, struct virtual_payment *payment,
                   enum virtual_status status, int64_t next_us)
{
    hold(self, payment, -payment->amount);
    if (move(self, at_us, payment)) {
        become(self, at_us, payment, status, next_us);
    } else {
        payment->is_doomed = true;
        strcpy(payment->code, payment->rail == VIRTUAL_KFTC ? "455" : "AM02");
        become(self, at_us, payment, VIRTUAL_REJECTED, INT64_MAX);
    }
}

/* The next status. */
static void change(struct virtual_bank *self, int64_t at_us, struct virtual_payment *payment)
{
    int64_t whole = payment->rail == VIRTUAL_KFTC ? 0 : self->options.settle_us;
    switch (payment->status) {
    case VIRTUAL_RECEIVED:
    case VIRTUAL_PENDING:
        if (payment->is_doomed)
            become(self, at_us, payment, VIRTUAL_REJECTED, INT64_MAX);
        else if (whole <= 0)
            settle(self, at_us, payment, VIRTUAL_CREDITED, INT64_MAX);
        else
            become(self, at_us, payment, VIRTUAL_ACCEPTED, virtual_later(at_us, whole / 4));
        break;
    case VIRTUAL_ACCEPTED:
        settle(self, at_us, payment, VIRTUAL_DEBITED, virtual_later(at_us, whole - whole / 4 * 2));
        break;
    case VIRTUAL_DEBITED:
        become(self, at_us, payment, VIRTUAL_CREDITED, INT64_MAX);
        break;
    case VIRTUAL_CREDITED:
    case VIRTUAL_REJECTED:
        CHECK_UNREACHABLE();
    }
}

void virtual_bank_advance(struct virtual_bank *self, int64_t now_us)
{
    while (self->heap_count > 0 && self->heap[0].at_us <= now_us) {
        struct virtual_due due = self->heap[0];
        heap_pop(self);
        struct virtual_payment *payment = self->payments[due.number - 1];
        if (payment->next_us == due.at_us)
            change(self, due.at_us, payment);
    }
}

void virtual_payment_look(struct virtual_bank *self, int64_t now_us, struct virtual_payment *payment)
{
    if (payment->status != VIRTUAL_PENDING || payment->looks == UINT32_MAX)
        return;
    if (payment->looks > 0)
        payment->looks--;
    else
        change(self, now_us, payment);
}

struct virtual_payment *virtual_payment_find(const struct virtual_bank *self, const char *reference)
{
    int64_t found = text_index_find(&self->payments_by_reference, self, reference);
    return found == TEXT_INDEX_NONE ? NULL : self->payments[found];
}

struct virtual_payment *virtual_payment_at(const struct virtual_bank *self, uint64_t number)
{
    return number > 0 && number <= self->payment_count ? self->payments[number - 1] : NULL;
}

/* Where it begins. */
static void begin(struct virtual_bank *self, int64_t now_us, struct virtual_payment *payment)
{
    const struct bank_rule *rule = &self->rule;
    int64_t whole = payment->rail == VIRTUAL_KFTC ? 0 : self->options.settle_us;
    payment->looks = UINT32_MAX;
    payment->next_us = INT64_MAX;
    if (!payment->is_doomed) {
        hold(self, payment, payment->amount);
        int32_t day = day_of(payment->rail, now_us);
        count_day(&self->accounts[payment->payer], day, payment->amount);
        if (payment->is_in)
            count_day(&self->accounts[payment->payee], day, payment->amount);
    }
    virtual_webhook_made(self, now_us, payment);
    if (rule->action == BANK_DO_PROCESSING && !payment->is_doomed) {
        if (rule->inquiries > 0 || rule->seconds <= 0)
            payment->looks = rule->inquiries;
        int64_t end =
            rule->seconds > 0 ? virtual_later(now_us, rule->seconds * VIRTUAL_SECOND_US) : INT64_MAX;
        become(self, now_us, payment, VIRTUAL_PENDING, end);
    } else if (whole > 0) {
        become(self, now_us, payment, VIRTUAL_RECEIVED, virtual_later(now_us, whole / 4));
    } else {
        payment->status = VIRTUAL_RECEIVED;
        change(self, now_us, payment);
    }
}

struct virtual_payment *virtual_payment_make(struct virtual_bank *self, int64_t now_us,
                                             const struct virtual_payment *wanted)
{
    struct virtual_payment *payment = malloc(sizeof *payment);
    uint64_t heap_capacity = self->heap_capacity;
    bool has_room =
        payment && self->payment_count < UINT32_MAX - 1 &&
        make_room((void **)&self->payments, self->payment_count, &self->payment_capacity, sizeof payment) &&
        make_room((void **)&self->heap, self->payment_count * 2, &heap_capacity, sizeof *self->heap);
    self->heap_capacity = heap_capacity;
    if (!has_room)
        goto failed;
    *payment = *wanted;
    payment->number = self->payment_count + 1;
    payment->created_us = payment->changed_us = now_us;
    if (!*payment->reference)
        virtual_bank_uuid(self, payment->reference);
    virtual_kst_text(now_us, 8, payment->date);
    self->payments[self->payment_count] = payment;
    if (!text_index_put(&self->payments_by_reference, self, (uint32_t)self->payment_count))
        goto failed;
    self->payment_count++;
    begin(self, now_us, payment);
    return payment;

failed:
    json_decref(wanted->data);
    free(payment);
    return NULL;
}

/* ---- what is true ----------------------------------------------------------------------------------- */

int64_t virtual_bank_due_us(const struct virtual_bank *self)
{
    int64_t webhook_us = virtual_webhooks_due_us(self);
    int64_t change_us = self->heap_count > 0 ? self->heap[0].at_us : INT64_MAX;
    return webhook_us < change_us ? webhook_us : change_us;
}

void virtual_mix(uint64_t *digest, const void *data, size_t length)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < length; i++)
        *digest = (*digest ^ bytes[i]) * UINT64_C(1099511628211);
    *digest ^= *digest >> 32;
}

static void mix_number(uint64_t *digest, int64_t number)
{
    virtual_mix(digest, &number, sizeof number);
}

static void mix_text(uint64_t *digest, const char *text)
{
    virtual_mix(digest, text, strlen(text) + 1);
}

uint64_t virtual_bank_digest(const struct virtual_bank *self)
{
    uint64_t digest = VIRTUAL_DIGEST;
    for (uint32_t i = 0; i < self->account_count; i++) {
        const struct virtual_account *account = &self->accounts[i];
        mix_text(&digest, account->name);
        mix_number(&digest, account->balance);
        mix_number(&digest, account->held);
        mix_number(&digest, account->limit);
        mix_number(&digest, account->is_missing * 2 + account->is_closed);
    }
    for (uint64_t i = 0; i < self->payment_count; i++) {
        const struct virtual_payment *payment = self->payments[i];
        mix_text(&digest, payment->reference);
        mix_text(&digest, payment->id);
        mix_text(&digest, payment->code);
        mix_number(&digest, payment->status);
        mix_number(&digest, payment->amount);
        mix_number(&digest, payment->changed_us);
        mix_number(&digest, payment->next_us);
    }
    for (uint64_t i = 0; i < self->entry_count; i++)
        mix_number(&digest, (int64_t)self->entries[i].payment);
    virtual_mix(&digest, &self->ids, sizeof self->ids);
    mix_number(&digest, (int64_t)obie_server_digest(self));
    mix_number(&digest, (int64_t)bank_rules_digest(self->rules));
    mix_number(&digest, (int64_t)virtual_webhooks_digest(self));
    return digest;
}
