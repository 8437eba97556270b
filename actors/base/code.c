/* The words on the wire for result codes and fields. */
#include "actors/base/code.h"

#include <stddef.h>

#include "actors/base/check.h"

static const char *const code_names[CODE_COUNT] = {
    [CODE_OK] = "OK",
    [CODE_BAD_REQUEST] = "BAD_REQUEST",
    [CODE_UNSUPPORTED] = "UNSUPPORTED",
    [CODE_TOO_LARGE] = "TOO_LARGE",
    [CODE_BUSY] = "BUSY",
    [CODE_UNKNOWN] = "UNKNOWN",
    [CODE_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
    [CODE_WRONG_PARTITION] = "WRONG_PARTITION",
    [CODE_INVALID_FIELD] = "INVALID_FIELD",
    [CODE_UNKNOWN_CURRENCY] = "UNKNOWN_CURRENCY",
    [CODE_SAME_ACCOUNT] = "SAME_ACCOUNT",
    [CODE_CONFLICT] = "CONFLICT",
    [CODE_ACCOUNT_NOT_FOUND] = "ACCOUNT_NOT_FOUND",
    [CODE_ACCOUNT_EXISTS] = "ACCOUNT_EXISTS",
    [CODE_CURRENCY_MISMATCH] = "CURRENCY_MISMATCH",
    [CODE_ACCOUNT_CLOSED] = "ACCOUNT_CLOSED",
    [CODE_ACCOUNT_FROZEN] = "ACCOUNT_FROZEN",
    [CODE_INSUFFICIENT_FUNDS] = "INSUFFICIENT_FUNDS",
    [CODE_CEILING_EXCEEDED] = "CEILING_EXCEEDED",
    [CODE_BALANCE_OVERFLOW] = "BALANCE_OVERFLOW",
    [CODE_NOT_EMPTY] = "NOT_EMPTY",
    [CODE_NOT_FOUND] = "NOT_FOUND",
    [CODE_GROUP_REFUSED] = "GROUP_REFUSED",
};

static const char *const field_names[FIELD_COUNT] = {
    [FIELD_NONE] = NULL,
    [FIELD_TRANSACTION_ID] = "transaction_id",
    [FIELD_FROM_ACCOUNT] = "from_account",
    [FIELD_TO_ACCOUNT] = "to_account",
    [FIELD_AMOUNT] = "amount",
    [FIELD_CURRENCY] = "currency",
    [FIELD_MEMO] = "memo",
    [FIELD_REFERENCE] = "reference",
    [FIELD_DEADLINE] = "deadline",
    [FIELD_ACCOUNT] = "account",
    [FIELD_OWNER] = "owner",
    [FIELD_PRODUCT] = "product",
    [FIELD_MINIMUM_BALANCE] = "minimum_balance",
    [FIELD_CEILING] = "ceiling",
    [FIELD_CURSOR] = "cursor",
    [FIELD_LIMIT] = "limit",
    [FIELD_TIME] = "time",
    [FIELD_ITEMS] = "items",
    [FIELD_KIND] = "kind",
    [FIELD_PARTITION] = "partition",
    [FIELD_REQUEST_ID] = "request_id",
    [FIELD_VERSION] = "version",
    [FIELD_OPERATION] = "operation",
    [FIELD_BODY] = "body",
};

const char *code_name(enum code code)
{
    CHECK((unsigned)code < CODE_COUNT);
    return code_names[code];
}

const char *field_name(enum field field)
{
    CHECK((unsigned)field < FIELD_COUNT);
    return field_names[field];
}
