/* Result codes: the business outcome of a command, a word on the wire. docs/WIRE.md has their meaning
 * and the order in which they are tested (the first that applies is the answer).
 *
 * The numbers are written in the journal: never renumber, only append. */
#ifndef TELLER_BASE_CODE_H
#define TELLER_BASE_CODE_H

enum code {
    CODE_OK = 0,
    /* the message as a whole */
    CODE_BAD_REQUEST = 1, /* not the msgpack this protocol describes */
    CODE_UNSUPPORTED = 2, /* unknown operation or protocol version */
    CODE_TOO_LARGE = 3,   /* message, batch or group above its limit */
    CODE_BUSY = 4,        /* queue full or free space low; nothing happened; try again later */
    CODE_UNKNOWN = 5,     /* the outcome is not known: ask again with the same id */
    CODE_DEADLINE_EXCEEDED = 6,
    CODE_WRONG_PARTITION = 7, /* the header named a partition that does not own the account */
    /* one field */
    CODE_INVALID_FIELD = 8, /* missing, wrong type, too long, malformed, out of range: see the field */
    CODE_UNKNOWN_CURRENCY = 9,
    CODE_SAME_ACCOUNT = 10,
    /* the ledger's answer */
    CODE_CONFLICT = 11, /* the transaction id was used with another payload */
    CODE_ACCOUNT_NOT_FOUND = 12,
    CODE_ACCOUNT_EXISTS = 13,
    CODE_CURRENCY_MISMATCH = 14,
    CODE_ACCOUNT_CLOSED = 15,
    CODE_ACCOUNT_FROZEN = 16,
    CODE_INSUFFICIENT_FUNDS = 17,
    CODE_CEILING_EXCEEDED = 18,
    CODE_BALANCE_OVERFLOW = 19, /* the balance would not fit 64 bits */
    CODE_NOT_EMPTY = 20,        /* close: the balance is not zero, or money is on its way */
    CODE_NOT_FOUND = 21,        /* no such transfer */
    CODE_GROUP_REFUSED = 22,    /* another item of the same atomic group was refused */
    /* holds */
    CODE_HOLD_NOT_FOUND = 23, /* no hold of that id on this account */
    CODE_HOLD_CAPTURED = 24,  /* it has ended: captured */
    CODE_HOLD_RELEASED = 25,  /* … released */
    CODE_HOLD_EXPIRED = 26,   /* … at its time */
    CODE_HOLD_EXCEEDED = 27,  /* capture: more than is held */
    /* the FX desk */
    CODE_RATE_REQUIRED = 28,    /* an account with a book value is credited without saying at what rate */
    CODE_RATE_NOT_FOUND = 29,   /* nothing is known of this pair */
    CODE_RATE_STALE = 30,       /* the newest rate of the pair is older than its limit */
    CODE_AMOUNT_TOO_SMALL = 31, /* the other side of the exchange would be nothing */
    CODE_QUOTE_NOT_FOUND = 32,
    CODE_QUOTE_EXPIRED = 33,
    CODE_QUOTE_USED = 34,
    CODE_WRONG_OWNER = 35, /* the quote was given for an account of another owner */
    /* manual deposits and withdrawals */
    CODE_PROPOSAL_NOT_FOUND = 36,
    CODE_PROPOSAL_APPROVED = 37, /* it has ended: approved */
    CODE_PROPOSAL_REJECTED = 38,
    CODE_PROPOSAL_EXPIRED = 39,
    CODE_SAME_OPERATOR = 40, /* nobody approves what he proposed himself */
    /* remittances */
    CODE_REMITTANCE_NOT_FOUND = 41,
    CODE_REMITTANCE_ENDED = 42,    /* completed, refunded, failed, cancelled or resolved */
    CODE_REMITTANCE_IN_BANK = 43,  /* a bank may be working on it: not safe now */
    CODE_REMITTANCE_NOT_HERE = 44, /* the step asked for does not fit where it stands */
    CODE_BANK_NOT_FOUND = 45,      /* no bank of that name is configured */
    CODE_COUNT
};

/* Which field an error is about. Journaled too: only append. */
enum field {
    FIELD_NONE = 0,
    FIELD_TRANSACTION_ID = 1,
    FIELD_FROM_ACCOUNT = 2,
    FIELD_TO_ACCOUNT = 3,
    FIELD_AMOUNT = 4,
    FIELD_CURRENCY = 5,
    FIELD_MEMO = 6,
    FIELD_REFERENCE = 7,
    FIELD_DEADLINE = 8,
    FIELD_ACCOUNT = 9,
    FIELD_OWNER = 10,
    FIELD_PRODUCT = 11,
    FIELD_MINIMUM_BALANCE = 12,
    FIELD_CEILING = 13,
    FIELD_CURSOR = 14,
    FIELD_LIMIT = 15,
    FIELD_TIME = 16,
    FIELD_ITEMS = 17,
    FIELD_KIND = 18,
    FIELD_PARTITION = 19,
    FIELD_REQUEST_ID = 20,
    FIELD_VERSION = 21,
    FIELD_OPERATION = 22,
    FIELD_BODY = 23,
    FIELD_RATE = 24,
    FIELD_EXPIRES = 25,
    FIELD_HOLD = 26,
    FIELD_REST = 27,
    FIELD_QUOTE = 28,
    FIELD_SELL = 29,
    FIELD_BUY = 30,
    FIELD_SIDE = 31,
    FIELD_OPERATOR = 32,
    FIELD_PROPOSAL = 33,
    FIELD_REASON = 34,
    FIELD_FX = 35,
    FIELD_BASE = 36,
    FIELD_COUNTER = 37,
    FIELD_UNITS = 38,
    FIELD_SPREAD = 39,
    FIELD_VALID = 40,
    FIELD_AGE_LIMIT = 41,
    FIELD_SOURCE = 42,
    FIELD_DATE = 43,
    FIELD_NAME = 44,
    FIELD_URL = 45,
    FIELD_SECRET = 46,
    FIELD_FORMAT = 47,
    FIELD_ID = 48,
    FIELD_BANK = 49,
    FIELD_PAYER = 50,
    FIELD_PAYEE = 51,
    FIELD_REMITTANCE = 52,
    FIELD_REFUND = 53,
    FIELD_OUTCOME = 54,
    FIELD_MONEY = 55,
    FIELD_LIST = 56,
    FIELD_ONLY = 57,
    FIELD_CALL = 58,
    FIELD_COUNT
};

/* "INSUFFICIENT_FUNDS"; static storage. CHECKs the range. */
const char *code_name(enum code code);

/* "from_account"; NULL for FIELD_NONE. */
const char *field_name(enum field field);

#endif
