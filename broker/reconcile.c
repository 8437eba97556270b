/* Names of each side are sorted once; everything else is a search. */
#include "broker/reconcile.h"

#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"

const char *reconcile_kind_name(enum reconcile_kind kind)
{
    static const char *const names[RECONCILE_KINDS] = {
        [RECONCILE_MISSING_AT_BANK] = "MISSING_AT_BANK",
        [RECONCILE_MISSING_IN_LEDGER] = "MISSING_IN_LEDGER",
        [RECONCILE_AMOUNT_DIFFERS] = "AMOUNT_DIFFERS",
        [RECONCILE_CURRENCY_DIFFERS] = "CURRENCY_DIFFERS",
        [RECONCILE_DIRECTION_DIFFERS] = "DIRECTION_DIFFERS",
        [RECONCILE_DUPLICATE_AT_BANK] = "DUPLICATE_AT_BANK",
        [RECONCILE_DUPLICATE_IN_LEDGER] = "DUPLICATE_IN_LEDGER",
        [RECONCILE_IN_FLIGHT] = "IN_FLIGHT",
    };
    CHECK((unsigned)kind < RECONCILE_KINDS);
    return names[kind];
}

/* ---- names ---------------------------------------------------------------------------------------- */

/* Of rows or calls, by their places; sorted, the earlier first where two are the same. */
struct name {
    const char *text;
    size_t at;
};

struct names {
    struct name *list;
    size_t count;
};

static int compare_names(const void *a_, const void *b_)
{
    const struct name *a = a_, *b = b_;
    int order = strcmp(a->text, b->text);
    return order != 0 ? order : (a->at > b->at) - (a->at < b->at);
}

static void names_add(struct names *self, const char *text, size_t at)
{
    if (text[0] != '\0')
        self->list[self->count++] = (struct name){text, at};
}

/* The first of that name; SIZE_MAX: none. */
static size_t names_find(const struct names *self, const char *text)
{
    size_t low = 0, high = self->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(self->list[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_there = text[0] != '\0' && low < self->count && strcmp(self->list[low].text, text) == 0;
    return is_there ? self->list[low].at : SIZE_MAX;
}

/* ---- the work ------------------------------------------------------------------------------------- */

struct work {
    const struct reconcile_input *input;
    struct reconcile_result *out;
    struct names bank_references, bank_ids, ledger_references, call_references, call_ids;
    bool *bank_done, *ledger_done; /* matched, or a duplicate */
    size_t room;
};

static bool names_room(struct names *self, size_t count)
{
    self->list = calloc(count + 1, sizeof *self->list);
    return self->list != NULL;
}

static void names_sort(struct names *self)
{
    qsort(self->list, self->count, sizeof *self->list, compare_names);
}

static enum err work_init(struct work *self)
{
    const struct reconcile_input *input = self->input;
    self->bank_done = calloc(input->bank_count + 1, sizeof *self->bank_done);
    self->ledger_done = calloc(input->ledger_count + 1, sizeof *self->ledger_done);
    /* a row of the bank is one difference at the most, a row of the ledger two: with its match's direction */
    self->room = input->bank_count + 2 * input->ledger_count;
    self->out->differences = calloc(self->room + 1, sizeof *self->out->differences);
    if (self->bank_done == NULL || self->ledger_done == NULL || self->out->differences == NULL ||
        !names_room(&self->bank_references, input->bank_count) ||
        !names_room(&self->bank_ids, input->bank_count) ||
        !names_room(&self->ledger_references, input->ledger_count) ||
        !names_room(&self->call_references, input->call_count) ||
        !names_room(&self->call_ids, input->call_count))
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < input->bank_count; i++) {
        names_add(&self->bank_references, input->bank[i].reference, i);
        names_add(&self->bank_ids, input->bank[i].id, i);
    }
    for (size_t i = 0; i < input->ledger_count; i++)
        names_add(&self->ledger_references, input->ledger[i].reference, i);
    for (size_t i = 0; i < input->call_count; i++) {
        names_add(&self->call_references, input->calls[i].reference, i);
        names_add(&self->call_ids, input->calls[i].id, i);
    }
    names_sort(&self->bank_references);
    names_sort(&self->bank_ids);
    names_sort(&self->ledger_references);
    names_sort(&self->call_references);
    names_sort(&self->call_ids);
    return ERR_OK;
}

static void work_release(struct work *self)
{
    free(self->bank_references.list);
    free(self->bank_ids.list);
    free(self->ledger_references.list);
    free(self->call_references.list);
    free(self->call_ids.list);
    free(self->bank_done);
    free(self->ledger_done);
}

static void tell(struct work *self, enum reconcile_kind kind, const struct reconcile_row *bank,
                 const struct reconcile_row *ledger)
{
    bool is_inside = (bank != NULL && bank->is_inside) || (ledger != NULL && ledger->is_inside);
    if (!is_inside)
        return;
    CHECK(self->out->count < self->room);
    self->out->differences[self->out->count++] = (struct reconcile_difference){kind, bank, ledger};
    self->out->by_kind[kind]++;
}

/* Only the first of a name can be matched. */
static void tell_duplicates(struct work *self, const struct names *names, enum reconcile_kind kind)
{
    bool is_bank = kind == RECONCILE_DUPLICATE_AT_BANK;
    bool *done = is_bank ? self->bank_done : self->ledger_done;
    for (size_t i = 1; i < names->count; i++) {
        size_t at = names->list[i].at;
        if (strcmp(names->list[i].text, names->list[i - 1].text) != 0 || done[at])
            continue;
        done[at] = true;
        tell(self, kind, is_bank ? &self->input->bank[at] : NULL, is_bank ? NULL : &self->input->ledger[at]);
    }
}

static void compare(struct work *self, const struct reconcile_row *bank, const struct reconcile_row *ledger)
{
    self->out->matched += bank->is_inside || ledger->is_inside;
    if (bank->is_in != ledger->is_in)
        tell(self, RECONCILE_DIRECTION_DIFFERS, bank, ledger);
    if (bank->currency != ledger->currency)
        tell(self, RECONCILE_CURRENCY_DIFFERS, bank, ledger);
    else if (bank->amount != ledger->amount)
        tell(self, RECONCILE_AMOUNT_DIFFERS, bank, ledger);
}

static void match(struct work *self, size_t at)
{
    const struct reconcile_row *ledger = &self->input->ledger[at];
    size_t found = names_find(&self->bank_references, ledger->reference);
    if (found == SIZE_MAX || self->bank_done[found])
        found = names_find(&self->bank_ids, ledger->reference);
    if (found == SIZE_MAX || self->bank_done[found])
        return;
    self->bank_done[found] = self->ledger_done[at] = true;
    compare(self, &self->input->bank[found], ledger);
}

static bool is_asked_about(const struct work *self, const struct reconcile_row *bank)
{
    return names_find(&self->call_ids, bank->id) != SIZE_MAX ||
           names_find(&self->call_references, bank->reference) != SIZE_MAX;
}

static void tell_missing(struct work *self)
{
    for (size_t i = 0; i < self->input->ledger_count; i++) {
        if (!self->ledger_done[i])
            tell(self, RECONCILE_MISSING_AT_BANK, NULL, &self->input->ledger[i]);
    }
    for (size_t i = 0; i < self->input->bank_count; i++) {
        const struct reconcile_row *bank = &self->input->bank[i];
        if (!self->bank_done[i])
            tell(self, is_asked_about(self, bank) ? RECONCILE_IN_FLIGHT : RECONCILE_MISSING_IN_LEDGER, bank,
                 NULL);
    }
}

/* Rows of a side are in one array, so their order is that of their addresses. */
static int compare_differences(const void *a_, const void *b_)
{
    const struct reconcile_difference *a = a_, *b = b_;
    const struct reconcile_row *row = a->ledger != NULL ? a->ledger : a->bank;
    const struct reconcile_row *other = b->ledger != NULL ? b->ledger : b->bank;
    if (a->kind != b->kind)
        return a->kind > b->kind ? 1 : -1;
    return (row > other) - (row < other);
}

enum err reconcile(const struct reconcile_input *input, struct reconcile_result *out)
{
    struct work work = {.input = input, .out = out};
    *out = (struct reconcile_result){0};
    enum err err = work_init(&work);
    if (err == ERR_OK) {
        tell_duplicates(&work, &work.bank_ids, RECONCILE_DUPLICATE_AT_BANK);
        tell_duplicates(&work, &work.bank_references, RECONCILE_DUPLICATE_AT_BANK);
        tell_duplicates(&work, &work.ledger_references, RECONCILE_DUPLICATE_IN_LEDGER);
        for (size_t i = 0; i < input->ledger_count; i++) {
            if (!work.ledger_done[i])
                match(&work, i);
        }
        tell_missing(&work);
        qsort(out->differences, out->count, sizeof *out->differences, compare_differences);
    }
    work_release(&work);
    return err;
}

void reconcile_release(struct reconcile_result *self)
{
    free(self->differences);
    *self = (struct reconcile_result){0};
}

bool reconcile_sum(const struct reconcile_row *rows, size_t count, currency_index currency,
                   struct reconcile_sum *out)
{
    *out = (struct reconcile_sum){0};
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].is_inside || rows[i].currency != currency)
            continue;
        out->in_count += rows[i].is_in;
        out->out_count += !rows[i].is_in;
        *(rows[i].is_in ? &out->in : &out->out) += rows[i].amount;
    }
    return out->in_count + out->out_count > 0;
}
