#include "tests/property/model.h"

#include <stdlib.h>

#define BALANCE_LIMIT INT64_C(4000000000000000000)

static void text_set(char *out, struct str text)
{
    for (uint32_t i = 0; i < text.length; i++)
        out[i] = text.data[i];
    out[text.length] = '\0';
}

static bool is(const char *text, struct str other)
{
    return strlen(text) == other.length && strncmp(text, other.data ? other.data : "", other.length) == 0;
}

/* docs/WIRE.md, "Partitions". */
static uint32_t home_of(const struct model *model, struct str id)
{
    uint64_t h = UINT64_C(14695981039346656037);
    for (uint32_t i = 0; i < id.length; i++) {
        h ^= (unsigned char)id.data[i];
        h *= UINT64_C(1099511628211);
    }
    h ^= h >> 32;
    return (uint32_t)(h % model->partitions);
}

struct model_account *model_find(struct model *model, struct str id)
{
    for (int i = 0; i < model->account_count; i++) {
        if (is(model->accounts[i].id, id))
            return &model->accounts[i];
    }
    return NULL;
}

/* ---- accounts -------------------------------------------------------------------------------------- */

static enum code account_open(struct model *model, const struct ledger_account_command *command)
{
    struct model_account *account = model_find(model, command->account);
    if (account) {
        bool same = is(account->owner, command->owner) && is(account->product, command->product) &&
                    account->currency == command->currency && account->minimum == command->minimum_balance &&
                    account->ceiling == command->ceiling && account->state != ACCOUNT_CLOSED;
        return same ? CODE_OK : CODE_ACCOUNT_EXISTS;
    }
    if (model->account_count == MODEL_ACCOUNTS_MAX)
        abort();
    account = &model->accounts[model->account_count++];
    text_set(account->id, command->account);
    text_set(account->owner, command->owner);
    text_set(account->product, command->product);
    account->currency = command->currency;
    account->minimum = command->minimum_balance;
    account->ceiling = command->ceiling;
    account->state = ACCOUNT_ACTIVE;
    return CODE_OK;
}

static enum code account_change(struct model_account *account, const struct ledger_account_command *command,
                                enum field *field)
{
    int64_t minimum = command->sets & ACCOUNT_SETS_MINIMUM ? command->minimum_balance : account->minimum;
    int64_t ceiling = command->sets & ACCOUNT_SETS_CEILING ? command->ceiling : account->ceiling;
    if (minimum > ceiling) {
        *field = command->sets & ACCOUNT_SETS_CEILING ? FIELD_CEILING : FIELD_MINIMUM_BALANCE;
        return CODE_INVALID_FIELD;
    }
    account->minimum = minimum;
    account->ceiling = ceiling;
    if (command->sets & ACCOUNT_SETS_OWNER)
        text_set(account->owner, command->owner);
    if (command->sets & ACCOUNT_SETS_PRODUCT)
        text_set(account->product, command->product);
    return CODE_OK;
}

enum code model_change_account(struct model *model, const struct ledger_account_command *command,
                               enum field *field)
{
    enum code code = CODE_OK;
    *field = FIELD_ACCOUNT;
    if (command->kind == ACCOUNT_OPEN) {
        code = account_open(model, command);
    } else {
        struct model_account *account = model_find(model, command->account);
        if (!account)
            return CODE_ACCOUNT_NOT_FOUND;
        if (account->state == ACCOUNT_CLOSED && command->kind != ACCOUNT_CLOSE)
            return CODE_ACCOUNT_CLOSED;
        if (command->kind == ACCOUNT_CLOSE && account->balance != 0)
            return CODE_NOT_EMPTY;
        if (command->kind == ACCOUNT_CHANGE)
            code = account_change(account, command, field);
        else
            account->state = command->kind == ACCOUNT_FREEZE     ? ACCOUNT_FROZEN
                             : command->kind == ACCOUNT_UNFREEZE ? ACCOUNT_ACTIVE
                                                                 : ACCOUNT_CLOSED;
    }
    if (code == CODE_OK)
        *field = FIELD_NONE;
    return code;
}

/* ---- one side of an item --------------------------------------------------------------------------- */

struct outcome {
    enum code code;
    enum field field;
};

static struct outcome outcome_of(enum code code, enum field field)
{
    return (struct outcome){code, code == CODE_OK ? FIELD_NONE : field};
}

static enum code usable(const struct model_account *account, currency_index currency)
{
    if (!account)
        return CODE_ACCOUNT_NOT_FOUND;
    if (account->currency != currency)
        return CODE_CURRENCY_MISMATCH;
    if (account->state == ACCOUNT_CLOSED)
        return CODE_ACCOUNT_CLOSED;
    return account->state == ACCOUNT_FROZEN ? CODE_ACCOUNT_FROZEN : CODE_OK;
}

/* `promised` is what the account already gives (or gets) in the same group. */
static struct outcome can_pay(struct model *model, const struct ledger_command *item, int64_t promised)
{
    const struct model_account *account = model_find(model, item->from);
    enum code code = usable(account, item->currency);
    if (code == CODE_OK && item->amount > account->balance - promised - account->minimum)
        code = CODE_INSUFFICIENT_FUNDS;
    return outcome_of(code, FIELD_FROM_ACCOUNT);
}

static struct outcome can_receive(struct model *model, const struct ledger_command *item, int64_t promised)
{
    const struct model_account *account = model_find(model, item->to);
    enum code code = usable(account, item->currency);
    if (code == CODE_OK && account->balance + promised + item->amount > account->ceiling)
        code = CODE_CEILING_EXCEEDED;
    if (code == CODE_OK && account->balance + promised + item->amount > BALANCE_LIMIT)
        code = CODE_BALANCE_OVERFLOW;
    return outcome_of(code, FIELD_TO_ACCOUNT);
}

static struct outcome can_carry_out(struct model *model, const struct ledger_command *item)
{
    struct outcome outcome = {CODE_OK, FIELD_NONE};
    if (item->kind != COMMAND_DEPOSIT)
        outcome = can_pay(model, item, 0);
    if (outcome.code == CODE_OK && item->kind != COMMAND_WITHDRAW)
        outcome = can_receive(model, item, 0);
    return outcome;
}

/* Moves the money and fills the row. */
static void carry_out(struct model *model, const struct ledger_command *item, struct ledger_row *row)
{
    if (item->kind != COMMAND_DEPOSIT) {
        struct model_account *from = model_find(model, item->from);
        from->balance -= item->amount;
        row->has |= ROW_HAS_FROM;
        row->from_balance = from->balance;
    }
    if (item->kind != COMMAND_WITHDRAW) {
        struct model_account *to = model_find(model, item->to);
        to->balance += item->amount;
        row->has |= ROW_HAS_TO;
        row->to_balance = to->balance;
    }
}

/* ---- ids ------------------------------------------------------------------------------------------- */

static void item_of(const struct ledger_command *command, struct model_item *out)
{
    memset(out, 0, sizeof *out);
    out->kind = command->kind;
    out->id = command->id;
    text_set(out->from, command->from);
    text_set(out->to, command->to);
    text_set(out->memo, command->memo);
    text_set(out->reference, command->reference);
    out->amount = command->amount;
    out->currency = command->currency;
}

static bool item_same(const struct model_item *a, const struct model_item *b)
{
    return a->kind == b->kind && uuid_equal(&a->id, &b->id) && strcmp(a->from, b->from) == 0 &&
           strcmp(a->to, b->to) == 0 && strcmp(a->memo, b->memo) == 0 &&
           strcmp(a->reference, b->reference) == 0 && a->amount == b->amount && a->currency == b->currency;
}

static struct model_answer *answer_find(struct model *model, uint32_t partition, const struct uuid *id)
{
    for (int i = 0; i < model->answer_count; i++) {
        struct model_answer *answer = &model->answers[i];
        if (answer->partition == partition && uuid_equal(&answer->id, id))
            return answer;
    }
    return NULL;
}

static uint32_t command_home(const struct model *model, const struct ledger_command *command)
{
    if (command->kind == COMMAND_GROUP)
        return command_home(model, &command->items[0]);
    return home_of(model, command->kind == COMMAND_DEPOSIT ? command->to : command->from);
}

static struct model_answer *answer_add(struct model *model, const struct ledger_command *command)
{
    if (model->answer_count == MODEL_ANSWERS_MAX)
        abort();
    struct model_answer *answer = &model->answers[model->answer_count++];
    memset(answer, 0, sizeof *answer);
    answer->partition = command_home(model, command);
    answer->id = command->id;
    return answer;
}

static bool answer_same(const struct model_answer *answer, const struct ledger_command *command)
{
    struct model_item item;
    int count = command->kind == COMMAND_GROUP ? command->group_count : 0;
    if (answer->part_of_group || answer->count != count)
        return false;
    for (int i = 0; i < (count ? count : 1); i++) {
        item_of(count ? &command->items[i] : command, &item);
        if (!item_same(&item, &answer->items[i]))
            return false;
    }
    return true;
}

/* ---- singles --------------------------------------------------------------------------------------- */

static void row_refuse(struct ledger_row *row, enum code code, enum field field)
{
    row->code = (uint8_t)code;
    row->field = (uint8_t)field;
}

static void single_post(struct model *model, int64_t now_us, const struct ledger_command *command,
                        struct ledger_row *row)
{
    if (command->deadline_us != 0 && now_us > command->deadline_us) {
        row_refuse(row, CODE_DEADLINE_EXCEEDED, FIELD_NONE);
        return;
    }
    struct outcome outcome = can_carry_out(model, command);
    if (outcome.code == CODE_OK)
        carry_out(model, command, row);
    else
        row_refuse(row, outcome.code, outcome.field);
    struct model_answer *answer = answer_add(model, command);
    item_of(command, &answer->items[0]);
    answer->rows[0] = *row;
}

/* ---- groups ---------------------------------------------------------------------------------------- */

struct culprit {
    struct outcome outcome;
    int item;
};

/* What earlier items of the group promise on the same side of the same account. */
static int64_t promised(const struct ledger_command *group, int until, struct str id, bool pays)
{
    int64_t sum = 0;
    for (int i = 0; i < until; i++) {
        const struct ledger_command *item = &group->items[i];
        bool has_side = item->kind != (pays ? COMMAND_DEPOSIT : COMMAND_WITHDRAW);
        if (has_side && str_equal(pays ? item->from : item->to, id))
            sum += item->amount;
    }
    return sum;
}

/* The first item that one partition refuses. */
static struct culprit partition_judges(struct model *model, const struct ledger_command *group,
                                       uint32_t partition)
{
    for (int i = 0; i < group->group_count; i++) {
        const struct ledger_command *item = &group->items[i];
        struct outcome outcome = {CODE_OK, FIELD_NONE};
        if (item->kind != COMMAND_DEPOSIT && home_of(model, item->from) == partition)
            outcome = can_pay(model, item, promised(group, i, item->from, true));
        if (outcome.code == CODE_OK && item->kind != COMMAND_WITHDRAW &&
            home_of(model, item->to) == partition)
            outcome = can_receive(model, item, promised(group, i, item->to, false));
        if (outcome.code != CODE_OK)
            return (struct culprit){outcome, i};
    }
    return (struct culprit){{CODE_OK, FIELD_NONE}, 0};
}

/* The first item whose id this partition knows. */
static struct culprit partition_knows(struct model *model, const struct ledger_command *group,
                                      uint32_t partition)
{
    for (int i = 0; i < group->group_count; i++) {
        bool used = answer_find(model, partition, &group->items[i].id) != NULL ||
                    uuid_equal(&group->id, &group->items[i].id);
        for (int j = 0; j < i; j++)
            used = used || uuid_equal(&group->items[j].id, &group->items[i].id);
        if (used)
            return (struct culprit){{CODE_CONFLICT, FIELD_TRANSACTION_ID}, i};
    }
    return (struct culprit){{CODE_OK, FIELD_NONE}, 0};
}

static bool takes_part(const struct model *model, const struct ledger_command *group, uint32_t partition)
{
    for (int i = 0; i < group->group_count; i++) {
        const struct ledger_command *item = &group->items[i];
        if ((item->kind != COMMAND_DEPOSIT && home_of(model, item->from) == partition) ||
            (item->kind != COMMAND_WITHDRAW && home_of(model, item->to) == partition))
            return true;
    }
    return false;
}

/* The coordinator judges its part first; then all others do, and the first item that one of them refuses
 * is the culprit; where two refuse the same item, its id counts before its paying side, and that before
 * its receiving side. */
static struct culprit group_judge(struct model *model, const struct ledger_command *group, uint32_t home)
{
    struct culprit first = partition_judges(model, group, home);
    if (first.outcome.code != CODE_OK)
        return first;
    for (uint32_t partition = 0; partition < model->partitions; partition++) {
        if (partition == home || !takes_part(model, group, partition))
            continue;
        struct culprit other = partition_knows(model, group, partition);
        if (other.outcome.code == CODE_OK)
            other = partition_judges(model, group, partition);
        bool earlier = first.outcome.code == CODE_OK || other.item < first.item ||
                       (other.item == first.item && other.outcome.field < first.outcome.field);
        if (other.outcome.code != CODE_OK && earlier)
            first = other;
    }
    return first;
}

static void group_refuse(const struct ledger_command *group, struct culprit culprit, struct ledger_row *rows)
{
    row_refuse(&rows[0], culprit.outcome.code, culprit.outcome.field);
    for (int i = 0; i < group->group_count; i++) {
        if (i == culprit.item)
            row_refuse(&rows[i + 1], culprit.outcome.code, culprit.outcome.field);
        else
            row_refuse(&rows[i + 1], CODE_GROUP_REFUSED, FIELD_NONE);
    }
}

static void group_post(struct model *model, int64_t now_us, const struct ledger_command *group,
                       struct ledger_row *rows)
{
    uint32_t home = command_home(model, group);
    for (int i = 0; i < group->group_count; i++) {
        if (group->items[i].deadline_us != 0 && now_us > group->items[i].deadline_us) {
            group_refuse(group, (struct culprit){{CODE_DEADLINE_EXCEEDED, FIELD_NONE}, i}, rows);
            return;
        }
    }
    struct culprit culprit = partition_knows(model, group, home);
    if (culprit.outcome.code != CODE_OK) { /* not remembered */
        group_refuse(group, culprit, rows);
        return;
    }
    culprit = group_judge(model, group, home);
    if (culprit.outcome.code != CODE_OK)
        group_refuse(group, culprit, rows);
    for (int i = 0; i < group->group_count && culprit.outcome.code == CODE_OK; i++) {
        carry_out(model, &group->items[i], &rows[i + 1]);
        answer_add(model, &group->items[i])->part_of_group = true;
    }
    struct model_answer *answer = answer_add(model, group);
    answer->count = group->group_count;
    for (int i = 0; i < group->group_count; i++)
        item_of(&group->items[i], &answer->items[i]);
    memcpy(answer->rows, rows, (size_t)(group->group_count + 1) * sizeof rows[0]);
}

void model_post(struct model *model, int64_t now_us, const struct ledger_command *command,
                struct ledger_row *rows)
{
    int count = command->kind == COMMAND_GROUP ? command->group_count : 0;
    memset(rows, 0, (size_t)(count + 1) * sizeof rows[0]);
    rows[0].group_count = (uint16_t)count;
    struct model_answer *answer = answer_find(model, command_home(model, command), &command->id);
    if (answer && answer_same(answer, command)) {
        memcpy(rows, answer->rows, (size_t)(count + 1) * sizeof rows[0]);
    } else if (answer) {
        row_refuse(&rows[0], CODE_CONFLICT, FIELD_TRANSACTION_ID);
        for (int i = 1; i <= count; i++)
            row_refuse(&rows[i], CODE_GROUP_REFUSED, FIELD_NONE);
    } else if (count > 0) {
        group_post(model, now_us, command, rows);
    } else {
        single_post(model, now_us, command, &rows[0]);
    }
}
