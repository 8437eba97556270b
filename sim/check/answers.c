/* Answers to money. What is remembered with an id must be what its facts say; what is not must at least be possible. */
#include "sim/check/inside.h"

/* One command of a message, its rows, and where it was decided. */
struct question {
    const struct operation *operation;
    const struct ledger_command *command;
    const struct ledger_row *rows;
    const struct ask *ask;     /* NULL: it is no payload */
    const struct known *known; /* NULL: an id that means nothing */
    uint32_t where;
    struct window window;
};

static struct verdict row_verdict(const struct ledger_row *row)
{
    return (struct verdict){(enum code)row->code, (enum field)row->field, 0};
}

static void wrong(struct oracle *self, const struct question *q, const char *invariant, const char *why)
{
    char text[ID_TEXT];
    struct verdict said = row_verdict(&q->rows[0]);
    breach_say(self, invariant, q->operation->number, q->where, "%s was answered %s %s, but %s",
               id_text(&q->command->id, text), code_name(said.code), field_text(said.field), why);
}

/* ---- ids -------------------------------------------------------------------------------------- */

static bool is_candidate(const struct record *record, const struct ask *ask)
{
    if (record->ask != NULL)
        return record->ask == ask;
    for (size_t i = 0; i < record->candidate_count; i++) {
        if (record->candidates[i] == ask)
            return true;
    }
    return false;
}

/* The record was there at some point of the window. */
static bool record_is_in(const struct record *record, uint32_t partition, struct window window)
{
    return record->partition == partition &&
           (record->state != RECORD_FORGOTTEN || record->ended > window.from);
}

/* The id was used with another payload. */
static bool id_conflicts(const struct question *q)
{
    if (q->known == NULL)
        return false;
    for (const struct record *record = q->known->records; record != NULL; record = record->next) {
        bool same = record->kind != RECORD_ITEM && record->kind != RECORD_ACCOUNT && q->ask != NULL &&
                    is_candidate(record, q->ask) && (record->ask != NULL || record->candidate_count == 1);
        if (!same && record_is_in(record, q->where, q->window))
            return true;
    }
    return is_held_in(q->known, q->where, q->window);
}

/* The newest record from this one on that answers for this payload. */
static struct record *record_from(const struct question *q, struct record *record)
{
    while (record != NULL &&
           (record->partition != q->where || record->kind == RECORD_ITEM || record->kind == RECORD_ACCOUNT ||
            record->state == RECORD_FORGOTTEN || !is_candidate(record, q->ask)))
        record = record->next;
    return record;
}

static struct record *record_of(const struct question *q)
{
    return q->known != NULL && q->ask != NULL ? record_from(q, q->known->records) : NULL;
}

/* An id that a group's item could not have, in one of the group's partitions. */
static bool item_conflicts(const struct oracle *self, const struct question *q, uint32_t at)
{
    const struct ledger_command *group = q->command;
    const struct uuid *id = &group->items[at].id;
    const struct known *known = known_find(self, id);
    if (uuid_equal(&group->id, id))
        return true;
    for (uint32_t before = 0; before < at; before++) {
        if (uuid_equal(&group->items[before].id, id))
            return true;
    }
    if (known == NULL)
        return false;
    for (uint32_t partition = 0; partition < self->config.partitions; partition++) {
        struct window all = {0, self->books[partition].step, 0};
        if (is_held_in(known, partition, all))
            return true;
    }
    return known->records != NULL;
}

/* ---- what is remembered ----------------------------------------------------------------------- */

static bool balances_are(const struct ledger_row *row, uint8_t has, int64_t from, int64_t to)
{
    return row->has == has && (!(has & ROW_HAS_FROM) || row->from_balance == from) &&
           (!(has & ROW_HAS_TO) || row->to_balance == to);
}

static bool rows_are(const struct question *q, const struct record *record)
{
    for (uint32_t i = 0; i < q->rows[0].group_count; i++) {
        const struct ledger_row *row = &q->rows[i + 1];
        const struct group_row *expected = &record->rows[i];
        if (row->code != expected->code || row->field != expected->field ||
            !balances_are(row, expected->has, expected->from_balance, expected->to_balance))
            return false;
    }
    return true;
}

/* Codes that are kept with the id. */
static bool is_remembered(enum code code)
{
    return code == CODE_OK || (code >= CODE_HOLD_NOT_FOUND && code <= CODE_RATE_REQUIRED) ||
           (code >= CODE_QUOTE_NOT_FOUND && code <= CODE_WRONG_OWNER) ||
           (code >= CODE_ACCOUNT_NOT_FOUND && code <= CODE_BALANCE_OVERFLOW && code != CODE_ACCOUNT_EXISTS);
}

static bool balances_fit(const struct question *q, const struct record *record)
{
    if (q->command->kind == COMMAND_GROUP)
        return q->rows[0].group_count == q->command->group_count && rows_are(q, record);
    return balances_are(&q->rows[0], record->has, record->from_balance, record->to_balance);
}

static bool is_remembered_as(const struct question *q, const struct record *record)
{
    struct verdict said = row_verdict(&q->rows[0]);
    return record->state != RECORD_PENDING && (said.code == CODE_OK) == (record->state == RECORD_OK) &&
           said.code == record->verdict.code && said.field == record->verdict.field &&
           balances_fit(q, record);
}

/* The record that this answer tells. An id that has had its time may be decided again while a repeat of before is still
 * being answered. */
static struct record *record_told(const struct oracle *self, const struct question *q)
{
    struct record *newest = record_of(q), *record = newest;
    while (record != NULL && !is_remembered_as(q, record)) {
        record = record_from(q, record->next);
        while (record != NULL && !record_is_expired(self, record))
            record = record_from(q, record->next);
    }
    return record != NULL ? record : newest;
}

static void check_remembered(struct oracle *self, const struct question *q)
{
    struct verdict said = row_verdict(&q->rows[0]);
    struct record *record = record_told(self, q);
    if (record == NULL) {
        bool other = q->known != NULL && record_here(self, &self->books[q->where], q->known) != NULL;
        wrong(self, q, other ? "I3" : "I2",
              other ? "its id was used with another payload" : "no durable fact answers for its id");
        return;
    }
    record->ask = q->ask; /* a refusal that fits several payloads is this one's from now on */
    if (record->state == RECORD_PENDING) {
        wrong(self, q, "I2", "no durable fact has its outcome");
        return;
    }
    if ((said.code == CODE_OK) != (record->state == RECORD_OK)) {
        wrong(self, q, "I2", record->state == RECORD_OK ? "it was carried out" : "it was refused");
        return;
    }
    if (said.code != record->verdict.code || said.field != record->verdict.field) {
        wrong(self, q, "I3", "its fact has another refusal");
        return;
    }
    if (!balances_fit(q, record))
        wrong(self, q, "I8", "its facts leave other balances, or refuse other items");
    if (record->ended <= q->window.from)
        self->counts.repeats++;
}

/* ---- what is of the moment -------------------------------------------------------------------- */

/* A refused group: one item has the group's code, the others went with it. culprit NOBODY: none has. */
static bool culprit_of(const struct question *q, uint32_t *culprit)
{
    const struct ledger_row *head = &q->rows[0];
    *culprit = NOBODY;
    for (uint32_t i = 0; i < head->group_count; i++) {
        const struct ledger_row *row = &q->rows[i + 1];
        if (row->code == CODE_GROUP_REFUSED && row->field == FIELD_NONE)
            continue;
        if (*culprit != NOBODY || row->code != head->code || row->field != head->field)
            return false;
        *culprit = i;
    }
    return true;
}

static void check_conflict(struct oracle *self, const struct question *q)
{
    uint32_t culprit = NOBODY;
    self->counts.conflicts++;
    if (q->rows[0].field != FIELD_TRANSACTION_ID ||
        (q->command->kind == COMMAND_GROUP && !culprit_of(q, &culprit)))
        wrong(self, q, "I8", "a CONFLICT looks otherwise");
    else if (culprit != NOBODY ? !item_conflicts(self, q, culprit) : !id_conflicts(q))
        wrong(self, q, "I3", "its id was never used with another payload");
}

static bool is_late(const struct oracle *self, const struct question *q)
{
    uint32_t culprit = NOBODY;
    const struct ledger_command *item = q->command;
    if (item->kind == COMMAND_GROUP) {
        if (!culprit_of(q, &culprit) || culprit == NOBODY)
            return false;
        item = &item->items[culprit];
    }
    return deadline_may_be_past(self, q->where, deadline_of(q->operation->deadline_us, item->deadline_us));
}

/* The hold's time, not the command's deadline. */
static bool expires_too_early(const struct oracle *self, const struct question *q)
{
    return q->command->kind == COMMAND_HOLD && q->rows[0].field == FIELD_EXPIRES &&
           moment_may_have_come(self, q->where, q->command->expires_us);
}

static bool is_wrong_partition(const struct oracle *self, const struct question *q)
{
    const struct ledger_command *item = q->command->kind == COMMAND_GROUP ? q->command->items : q->command;
    enum field field = item->kind == COMMAND_DEPOSIT ? FIELD_TO_ACCOUNT : FIELD_FROM_ACCOUNT;
    return partition_of(self, command_party(item)) != q->where && q->rows[0].field == field;
}

/* A command that is wrong by itself has one answer. */
static void check_fault(struct oracle *self, const struct question *q, struct verdict fault)
{
    struct verdict said = row_verdict(&q->rows[0]);
    uint32_t culprit = NOBODY;
    bool currency = fault.code == CODE_UNKNOWN_CURRENCY && said.code == CODE_INVALID_FIELD;
    if ((said.code != fault.code && !currency) || said.field != fault.field)
        wrong(self, q, "I8", "there is something else wrong with it by itself");
    else if (q->command->kind == COMMAND_GROUP && q->rows[0].group_count > 0 &&
             (!culprit_of(q, &culprit) || (culprit != NOBODY && culprit != fault.item)))
        wrong(self, q, "I8", "another item is wrong");
}

static void check_row(struct oracle *self, const struct question *q)
{
    struct verdict fault = ask_fault(q->operation, q->command);
    enum code code = (enum code)q->rows[0].code;
    if (code_is_open(code))
        return;
    if (fault.code != CODE_OK) {
        check_fault(self, q, fault);
        return;
    }
    if (is_remembered(code))
        check_remembered(self, q);
    else if (code == CODE_CONFLICT)
        check_conflict(self, q);
    else if (code == CODE_DEADLINE_EXCEEDED ? !is_late(self, q) && !expires_too_early(self, q)
                                            : code != CODE_WRONG_PARTITION || !is_wrong_partition(self, q))
        wrong(self, q, "I8", "nothing about it is so");
}

/* ---- messages --------------------------------------------------------------------------------- */

/* Refused as a whole. */
static void check_message(struct oracle *self, const struct operation *operation, const struct answer *answer)
{
    bool names_none =
        operation->partition != WIRE_PARTITION_ANY && operation->partition >= self->config.partitions;
    bool right;
    if (code_is_open(answer->code))
        return;
    if (answer->code == CODE_WRONG_PARTITION)
        right = names_none && answer->field == FIELD_PARTITION;
    else if (answer->code == CODE_INVALID_FIELD)
        right = operation->kind == OPERATION_BATCH && operation->count == 0 && answer->field == FIELD_ITEMS;
    else
        right = answer->code == CODE_TOO_LARGE && operation->count > LEDGER_BATCH_MAX;
    if (!right)
        breach_say(self, "I8", operation->number, NOBODY,
                   "was refused as a whole with %s %s, without a reason", code_name(answer->code),
                   field_text(answer->field));
}

static struct question question_of(const struct oracle *self, int64_t sent_us,
                                   const struct operation *operation, const struct ledger_command *command,
                                   const struct ledger_row *rows)
{
    struct question q = {
        .operation = operation, .command = command, .rows = rows, .where = operation->partition};
    if (q.where == WIRE_PARTITION_ANY)
        q.where = partition_of(self, command_party(command));
    q.known = known_find(self, &command->id);
    q.ask = ask_find(self, command);
    q.window = window_of(self, q.where, sent_us);
    return q;
}

void answers_money(struct oracle *self, int64_t sent_us, const struct operation *operation,
                   const struct answer *answer)
{
    bool names_none =
        operation->partition != WIRE_PARTITION_ANY && operation->partition >= self->config.partitions;
    if (answer->row_count == 0 || names_none) {
        check_message(self, operation, answer);
        return;
    }
    const struct ledger_row *rows = answer->rows;
    for (uint32_t i = 0; i < operation->count; i++) {
        const struct ledger_command *command = &operation->commands[i];
        struct question q = question_of(self, sent_us, operation, command, rows);
        check_row(self, &q);
        rows += 1u + (command->kind == COMMAND_GROUP ? command->group_count : 0u);
    }
}
