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
    [CODE_HOLD_NOT_FOUND] = "HOLD_NOT_FOUND",
    [CODE_HOLD_CAPTURED] = "HOLD_CAPTURED",
    [CODE_HOLD_RELEASED] = "HOLD_RELEASED",
    [CODE_HOLD_EXPIRED] = "HOLD_EXPIRED",
    [CODE_HOLD_EXCEEDED] = "HOLD_EXCEEDED",
    [CODE_RATE_REQUIRED] = "RATE_REQUIRED",
    [CODE_RATE_NOT_FOUND] = "RATE_NOT_FOUND",
    [CODE_RATE_STALE] = "RATE_STALE",
    [CODE_AMOUNT_TOO_SMALL] = "AMOUNT_TOO_SMALL",
    [CODE_QUOTE_NOT_FOUND] = "QUOTE_NOT_FOUND",
    [CODE_QUOTE_EXPIRED] = "QUOTE_EXPIRED",
    [CODE_QUOTE_USED] = "QUOTE_USED",
    [CODE_WRONG_OWNER] = "WRONG_OWNER",
    [CODE_PROPOSAL_NOT_FOUND] = "PROPOSAL_NOT_FOUND",
    [CODE_PROPOSAL_APPROVED] = "PROPOSAL_APPROVED",
    [CODE_PROPOSAL_REJECTED] = "PROPOSAL_REJECTED",
    [CODE_PROPOSAL_EXPIRED] = "PROPOSAL_EXPIRED",
    [CODE_SAME_OPERATOR] = "SAME_OPERATOR",
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
    [FIELD_RATE] = "rate",
    [FIELD_EXPIRES] = "expires",
    [FIELD_HOLD] = "hold",
    [FIELD_REST] = "rest",
    [FIELD_QUOTE] = "quote",
    [FIELD_SELL] = "sell",
    [FIELD_BUY] = "buy",
    [FIELD_SIDE] = "side",
    [FIELD_OPERATOR] = "operator",
    [FIELD_PROPOSAL] = "proposal",
    [FIELD_REASON] = "reason",
    [FIELD_FX] = "fx",
    [FIELD_BASE] = "base",
    [FIELD_COUNTER] = "counter",
    [FIELD_UNITS] = "units",
    [FIELD_SPREAD] = "spread",
    [FIELD_VALID] = "valid",
    [FIELD_AGE_LIMIT] = "age_limit",
    [FIELD_SOURCE] = "source",
    [FIELD_DATE] = "date",
    [FIELD_NAME] = "name",
    [FIELD_URL] = "url",
    [FIELD_SECRET] = "secret",
    [FIELD_FORMAT] = "format",
    [FIELD_ID] = "id",
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
