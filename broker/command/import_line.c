#include "broker/command/import_line.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "actors/base/rate.h"
#include "broker/command/print.h"

enum { DIGEST_BYTES = 32, TIME_TEXT = 40 };

/* ---- ids -------------------------------------------------------------------------------------- */

struct import_ids {
    EVP_MD_CTX *digest;
    EVP_MD_CTX *work;
};

struct import_ids *import_ids_new(const uint8_t digest[32])
{
    struct import_ids *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->digest = EVP_MD_CTX_new();
    self->work = EVP_MD_CTX_new();
    if (self->digest == NULL || self->work == NULL ||
        EVP_DigestInit_ex(self->digest, EVP_sha256(), NULL) != 1 ||
        EVP_DigestUpdate(self->digest, digest, DIGEST_BYTES) != 1)
        import_ids_destroy(&self);
    return self;
}

void import_ids_destroy(struct import_ids **self_p)
{
    struct import_ids *self = *self_p;
    if (self == NULL)
        return;
    *self_p = NULL;
    EVP_MD_CTX_free(self->digest);
    EVP_MD_CTX_free(self->work);
    free(self);
}

static struct uuid id_of_line(struct import_ids *self, uint64_t line, uint32_t item)
{
    uint8_t bytes[DIGEST_BYTES], number[12];
    struct uuid id;
    for (int i = 0; i < 8; i++)
        number[i] = (uint8_t)(line >> (56 - 8 * i));
    for (int i = 0; i < 4; i++)
        number[8 + i] = (uint8_t)(item >> (24 - 8 * i));
    CHECK(EVP_MD_CTX_copy_ex(self->work, self->digest) == 1 &&
          EVP_DigestUpdate(self->work, number, sizeof number) == 1 &&
          EVP_DigestFinal_ex(self->work, bytes, NULL) == 1);
    memcpy(id.bytes, bytes, sizeof id.bytes);
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x80); /* version 8 */
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

/* ---- values ----------------------------------------------------------------------------------- */

struct reading {
    const struct import_context *context;
    const struct import_record *record;
    uint32_t item;
    struct import_line *line;
    currency_index currency;
};

static void refuse(struct reading *r, enum code code, enum field field, const char *message)
{
    if (r->line->code != CODE_OK)
        return;
    r->line->code = code;
    r->line->field = field;
    r->line->message = message;
}

static struct str value(const struct reading *r, enum import_column column)
{
    return r->record->values[column];
}

/* other: a column that may be used in its place. */
static struct str account(struct reading *r, enum import_column column, enum import_column other,
                          enum field field)
{
    struct str id = value(r, column);
    if (id.length == 0)
        id = value(r, other);
    if (!text_is_account_id(id))
        refuse(r, CODE_INVALID_FIELD, field, id.length == 0 ? "it is missing" : "it is no account id");
    return id;
}

static void read_currency(struct reading *r)
{
    struct str code = value(r, COLUMN_CURRENCY);
    if (code.length == 0 && r->currency != CURRENCY_NONE)
        return;
    r->currency = currency_find(code.data, code.length);
    if (code.length == 0)
        refuse(r, CODE_INVALID_FIELD, FIELD_CURRENCY, "it is missing");
    else if (r->currency == CURRENCY_NONE)
        refuse(r, CODE_UNKNOWN_CURRENCY, FIELD_CURRENCY, NULL);
}

static int64_t amount(struct reading *r, enum import_column column, enum field field, bool is_signed)
{
    int64_t minor = 0;
    const char *why = "it is missing";
    struct str text = value(r, column);
    if (r->currency != CURRENCY_NONE &&
        (text.length == 0 || !amount_parse(text, r->currency, is_signed, &minor, &why)))
        refuse(r, CODE_INVALID_FIELD, field, why);
    return minor;
}

static bool is_given(const struct reading *r, enum import_column column)
{
    return r->record->given >> column & 1;
}

static void read_id(struct reading *r, struct uuid *id)
{
    struct str text = value(r, COLUMN_TRANSACTION_ID);
    *id = id_of_line(r->context->ids, r->record->line, r->item);
    if (text.length > 0 && (!uuid_parse(text, id) || uuid_is_nil(id)))
        refuse(r, CODE_INVALID_FIELD, FIELD_TRANSACTION_ID, "it is no UUID");
}

/* ---- commands --------------------------------------------------------------------------------- */

static void read_open(struct reading *r)
{
    struct teller_account_command *open = &r->line->account;
    read_id(r, &open->id);
    open->owner = value(r, COLUMN_OWNER).length > 0 ? value(r, COLUMN_OWNER) : open->account;
    read_currency(r);
    open->currency = r->currency;
    open->product = value(r, COLUMN_PRODUCT);
    struct str fx = value(r, COLUMN_FX);
    open->fx = str_equal(fx, STR_LITERAL("true"));
    if (fx.length > 0 && !open->fx && !str_equal(fx, STR_LITERAL("false")))
        refuse(r, CODE_INVALID_FIELD, FIELD_FX, "it is true or false");
    if (value(r, COLUMN_MINIMUM_BALANCE).length > 0)
        open->minimum_balance = amount(r, COLUMN_MINIMUM_BALANCE, FIELD_MINIMUM_BALANCE, true);
    if (value(r, COLUMN_CEILING).length > 0)
        open->ceiling = amount(r, COLUMN_CEILING, FIELD_CEILING, true);
}

/* A product or a ceiling that is there and empty is taken away. */
static void read_change(struct reading *r)
{
    struct teller_account_command *change = &r->line->account;
    r->currency = r->context->currency_of(r->context->owner, change->account);
    if (r->currency == CURRENCY_NONE)
        refuse(r, CODE_ACCOUNT_NOT_FOUND, FIELD_ACCOUNT, NULL);
    change->owner = value(r, COLUMN_OWNER);
    change->product = value(r, COLUMN_PRODUCT);
    if (change->owner.length > 0)
        change->sets |= TELLER_SETS_OWNER;
    if (is_given(r, COLUMN_PRODUCT))
        change->sets |= TELLER_SETS_PRODUCT;
    if (is_given(r, COLUMN_CEILING))
        change->sets |= TELLER_SETS_CEILING;
    if (value(r, COLUMN_CEILING).length > 0)
        change->ceiling = amount(r, COLUMN_CEILING, FIELD_CEILING, true);
    if (value(r, COLUMN_MINIMUM_BALANCE).length > 0) {
        change->sets |= TELLER_SETS_MINIMUM_BALANCE;
        change->minimum_balance = amount(r, COLUMN_MINIMUM_BALANCE, FIELD_MINIMUM_BALANCE, true);
    }
}

static void read_account(struct reading *r, enum teller_account_kind kind)
{
    struct teller_account_command *command = &r->line->account;
    r->line->kind = IMPORT_ACCOUNT;
    *command = (struct teller_account_command){.kind = kind, .ceiling = TELLER_CEILING_NONE};
    command->account = account(r, COLUMN_ACCOUNT, COLUMN_ACCOUNT, FIELD_ACCOUNT);
    command->memo = value(r, COLUMN_MEMO);
    if (kind == TELLER_ACCOUNT_OPEN)
        read_open(r);
    else if (kind == TELLER_ACCOUNT_CHANGE && r->line->code == CODE_OK)
        read_change(r);
}

static void read_group(struct reading *r)
{
    r->line->kind = IMPORT_GROUP;
    read_id(r, &r->line->group);
    if (r->item > 0)
        refuse(r, CODE_INVALID_FIELD, FIELD_KIND, "a group stands in no other group");
    else if (r->record->item_count == 0)
        refuse(r, CODE_INVALID_FIELD, FIELD_ITEMS, "a group has an array of items; in CSV it is a column");
    else if (r->record->item_count > TELLER_GROUP_MAX)
        refuse(r, CODE_TOO_LARGE, FIELD_ITEMS, "a group has at most 64 items");
}

static void read_item(struct reading *r, enum teller_kind kind)
{
    struct teller_item *item = &r->line->item;
    struct str group = value(r, COLUMN_GROUP);
    *item = (struct teller_item){.kind = kind};
    if (group.length > 0 && (!uuid_parse(group, &r->line->group) || uuid_is_nil(&r->line->group)))
        refuse(r, CODE_INVALID_FIELD, FIELD_ITEMS, "the group is no UUID");
    read_id(r, &item->id);
    if (kind == TELLER_WITHDRAW || kind == TELLER_HOLD)
        item->from = account(r, COLUMN_ACCOUNT, COLUMN_FROM_ACCOUNT, FIELD_FROM_ACCOUNT);
    else if (kind == TELLER_DEPOSIT)
        item->to = account(r, COLUMN_ACCOUNT, COLUMN_TO_ACCOUNT, FIELD_TO_ACCOUNT);
    else {
        item->from = account(r, COLUMN_FROM_ACCOUNT, COLUMN_ACCOUNT, FIELD_FROM_ACCOUNT);
        item->to = account(r, COLUMN_TO_ACCOUNT, COLUMN_TO_ACCOUNT, FIELD_TO_ACCOUNT);
    }
    read_currency(r);
    item->currency = r->currency;
    item->amount = amount(r, COLUMN_AMOUNT, FIELD_AMOUNT, false);
    item->memo = value(r, COLUMN_MEMO);
    struct str rate = value(r, COLUMN_RATE);
    if (rate.length > 0 && rate_parse(rate, &item->rate) != ERR_OK)
        refuse(r, CODE_INVALID_FIELD, FIELD_RATE, "it is no rate: like 1350.25, with at most 10 decimals");
    item->reference = value(r, COLUMN_REFERENCE);
    if (item->memo.length > MEMO_MAX || !text_is_clean(item->memo))
        refuse(r, CODE_INVALID_FIELD, FIELD_MEMO, "it is too long, or not clean text");
    if (item->reference.length > REFERENCE_MAX || !text_is_clean(item->reference))
        refuse(r, CODE_INVALID_FIELD, FIELD_REFERENCE, "it is too long, or not clean text");
}

/* Microseconds since 1970, as an export has it, or as people write it. */
static bool expires_parse(struct str text, int64_t *out)
{
    char copy[TIME_TEXT + 1];
    char *end;
    if (text.length > TIME_TEXT || memchr(text.data, '\0', text.length) != NULL)
        return false;
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    errno = 0;
    long long us = strtoll(copy, &end, 10);
    if (*end != '\0')
        return time_parse(copy, out) && *out > 0;
    *out = us;
    return errno == 0 && us > 0;
}

static void read_hold(struct reading *r)
{
    struct str expires = value(r, COLUMN_EXPIRES);
    read_item(r, TELLER_HOLD);
    if (expires.length > 0 && !expires_parse(expires, &r->line->item.expires_us))
        refuse(r, CODE_INVALID_FIELD, FIELD_EXPIRES,
               "it is no time: like 2027-01-01T00:00:00Z, or microseconds since 1970");
    if (r->item > 0 || !uuid_is_nil(&r->line->group))
        refuse(r, CODE_INVALID_FIELD, FIELD_KIND, "a hold stands in no group");
}

struct operation {
    struct str op;
    void (*read)(struct reading *r);
};

static void read_deposit(struct reading *r)
{
    read_item(r, TELLER_DEPOSIT);
}

static void read_withdraw(struct reading *r)
{
    read_item(r, TELLER_WITHDRAW);
}

static void read_transfer(struct reading *r)
{
    read_item(r, TELLER_TRANSFER);
}

static void read_account_open(struct reading *r)
{
    read_account(r, TELLER_ACCOUNT_OPEN);
}

static void read_account_change(struct reading *r)
{
    read_account(r, TELLER_ACCOUNT_CHANGE);
}

static void read_account_freeze(struct reading *r)
{
    read_account(r, TELLER_ACCOUNT_FREEZE);
}

static void read_account_unfreeze(struct reading *r)
{
    read_account(r, TELLER_ACCOUNT_UNFREEZE);
}

static void read_account_close(struct reading *r)
{
    read_account(r, TELLER_ACCOUNT_CLOSE);
}

static const struct operation operations[] = {
    {{"transfer", 8}, read_transfer},
    {{"deposit", 7}, read_deposit},
    {{"withdraw", 8}, read_withdraw},
    {{"hold", 4}, read_hold},
    {{"group", 5}, read_group},
    {{"account.open", 12}, read_account_open},
    {{"account.change", 14}, read_account_change},
    {{"account.freeze", 14}, read_account_freeze},
    {{"account.unfreeze", 16}, read_account_unfreeze},
    {{"account.close", 13}, read_account_close},
};

void import_line_read(const struct import_context *context, const struct import_record *record, uint32_t item,
                      struct import_line *out)
{
    struct reading r = {context, record, item, out, context->currency};
    struct str op = record->values[COLUMN_OP];
    *out = (struct import_line){.code = CODE_OK};
    if (record->malformed != NULL) {
        refuse(&r, CODE_BAD_REQUEST, FIELD_NONE, record->malformed);
        return;
    }
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        if (str_equal(op, operations[i].op)) {
            operations[i].read(&r);
            return;
        }
    }
    refuse(&r, CODE_UNSUPPORTED, FIELD_OPERATION,
           "op is transfer, deposit, withdraw, hold, group or account.open, .change, .freeze, .unfreeze, "
           ".close");
}
