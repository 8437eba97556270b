/* A ledger as simple as it can be: plain arrays, one command at a time, no partitions but in the rules that
 * name them. Written from docs/WIRE.md alone and sharing nothing with the engine but the types of
 * commands and rows: where both agree, both are probably right. */
#ifndef TELLER_TESTS_PROPERTY_MODEL_H
#define TELLER_TESTS_PROPERTY_MODEL_H

#include "actors/ledger/ledger.h"

enum { MODEL_ACCOUNTS_MAX = 64, MODEL_ANSWERS_MAX = 4096, MODEL_ITEMS_MAX = 8 };

struct model_account {
    char id[ACCOUNT_ID_MAX + 1], owner[OWNER_MAX + 1], product[PRODUCT_MAX + 1];
    currency_index currency;
    enum account_state state;
    int64_t balance, minimum, ceiling;
};

/* A payload, by value. */
struct model_item {
    int kind;
    struct uuid id;
    char from[ACCOUNT_ID_MAX + 1], to[ACCOUNT_ID_MAX + 1];
    char memo[MEMO_MAX + 1], reference[REFERENCE_MAX + 1];
    int64_t amount;
    currency_index currency;
};

/* What is remembered with an id, in the partition that keeps it. */
struct model_answer {
    uint32_t partition;
    struct uuid id;
    int count; /* 0: a single; else the items of a group */
    bool part_of_group;
    struct model_item items[MODEL_ITEMS_MAX]; /* a single: the first */
    struct ledger_row rows[MODEL_ITEMS_MAX + 1];
};

struct model {
    uint32_t partitions;
    int account_count, answer_count;
    struct model_account accounts[MODEL_ACCOUNTS_MAX];
    struct model_answer answers[MODEL_ANSWERS_MAX];
};

/* Rows as the engine should give them, one command run to completion. */
void model_post(struct model *model, int64_t now_us, const struct ledger_command *command,
                struct ledger_row *rows);

/* CODE_OK or the refusal, and the field it names. */
enum code model_change_account(struct model *model, const struct ledger_account_command *command,
                               enum field *field);

/* NULL: not there. */
struct model_account *model_find(struct model *model, struct str id);

#endif
