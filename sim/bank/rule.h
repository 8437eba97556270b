/* Rules: what a bank does wrong, for which requests, when, and how often. README.md has the table of faults.
 *
 *     [{"rail": "kftc", "step": "pull", "do": "timeout", "when": "after", "after": 1, "count": 2, "probability": "0.5"}]
 *
 * There are two kinds of rules, drawn apart, so that both may hit one payment: those of requests (bank_rules_ask), and those of
 * the callbacks that tell of a payment (bank_rules_tell). The first rule of its kind that fits, that has let `after` of what fits pass, has some of
 * its `count` left, and for which the dice fall, is applied. Chance comes from a seed: the same requests in the same order meet the same
 * trouble.
 *
 * Pure: memory, no lock. */
#ifndef TELLER_SIM_BANK_RULE_H
#define TELLER_SIM_BANK_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/err.h"
#include "sim/bank/virtual_bank.h"

/* What a request is for. */
enum bank_ask_step {
    BANK_ASK_ANY,     /* of a rule: all */
    BANK_ASK_TOKEN,   /* "token" */
    BANK_ASK_CONSENT, /* "consent": a mandate or a consent is made or looked at */
    BANK_ASK_PAYEE,   /* "payee": kftc's look at the receiver */
    BANK_ASK_PULL,    /* "pull" */
    BANK_ASK_PUSH,    /* "push" */
    BANK_ASK_INQUIRY, /* "inquiry" */
};

enum bank_action {
    BANK_DO_NOTHING,
    /* How the reply comes. `is_after`: the request is worked on first, so money has moved; else it is not worked on at all. */
    BANK_DO_TIMEOUT, /* "timeout": no answer, until the client goes */
    BANK_DO_HANGUP,  /* "hangup": the connection ends without a byte */
    BANK_DO_CUT,     /* "cut": the connection ends in mid-body */
    BANK_DO_STATUS,  /* "status": `status` with a short text; `retry_after` */
    BANK_DO_HALF,    /* "half": a whole reply with half of the JSON */
    BANK_DO_GARBAGE, /* "garbage": 200 and no JSON */
    BANK_DO_EMPTY,   /* "empty": 200 and no body */
    BANK_DO_HTML,    /* "html": 200 and a page that says sorry */
    BANK_DO_ERROR,   /* "error_body": 200 and an error in JSON, of no known form */
    BANK_DO_BUSY,    /* "busy": 429 with Retry-After; never worked on */
    BANK_DO_SLOW,    /* "slow": the right reply, `delay_ms` later */
    BANK_DO_OUTAGE,  /* "outage": this request and all that follow, for `seconds`: as `how` says */
    /* What the bank says. The rail's to do (kftc_server.c, obie_server.c) */
    BANK_DO_REFUSE, /* "refused": for good, with the rail's `code`; nothing moves */
    BANK_DO_TOKEN,  /* "token_refused": as if the token had ended; nothing is worked on */
    BANK_DO_PROCESSING, /* "processing": not final for `inquiries` looks at it, or for `seconds`; then as if nothing had been */
    BANK_DO_AMOUNT,    /* "wrong_amount": the reply's amount is `difference` minor units more */
    BANK_DO_CURRENCY,  /* "wrong_currency": the reply's currency is `currency` */
    BANK_DO_DUPLICATE, /* "duplicate_id": the reply has the ids of the payment before */
    /* Callbacks of a payment */
    BANK_DO_CALLBACK_EARLY,  /* "callback_early": before the reply to the request that made it */
    BANK_DO_CALLBACK_LATE,   /* "callback_late": `seconds` after it was due */
    BANK_DO_CALLBACK_NEVER,  /* "callback_never" */
    BANK_DO_CALLBACK_TWICE,  /* "callback_twice": the very same, and once more under an event id of its own */
    BANK_DO_CALLBACK_LIES,   /* "callback_contradictory": one with the other final status besides */
    BANK_DO_CALLBACK_NOBODY, /* "callback_unknown": about a payment that there is not */
    BANK_DO_CALLBACK_FORGED, /* "callback_forged": a signature that is wrong by one bit */
};

enum { BANK_RULE_TEXT = 128, BANK_RULE_CODE = 64 };

struct bank_rule {
    enum bank_action action;
    /* Which requests. Texts: a part of theirs; empty: any */
    char rail[8];
    char path[BANK_RULE_TEXT], account[BANK_RULE_TEXT];
    enum bank_ask_step step;
    uint64_t after, count;
    int64_t probability; /* of RATE_ONE */
    /* How */
    bool is_after;             /* "when": "before" (as it is without), "after" */
    char code[BANK_RULE_CODE]; /* refused; empty: the rail's most common */
    uint32_t status;           /* 500 */
    int64_t retry_after_s;     /* -1: not said; busy: 1 */
    uint32_t delay_ms;         /* 1,000 */
    uint32_t inquiries;        /* processing; 0: by time alone */
    int64_t seconds;           /* processing: 0: by inquiries alone (1 where neither is given); others: 30 */
    int64_t difference;        /* 1 */
    char currency[4];          /* "XXX" */
    enum virtual_delivery outage_delivery; /* "how": "status" (503), "timeout", "hangup" */
};

/* A request, or what a payment's request was. */
struct bank_asked {
    const char *rail;    /* "kftc", "obie" */
    const char *path;    /* without its query */
    const char *account; /* the customer's; NULL: none is named */
    enum bank_ask_step step;
};

struct bank_rules;

/* NULL: no memory. */
struct bank_rules *bank_rules_new(uint64_t seed);
void bank_rules_destroy(struct bank_rules **self_p);

/* Replaces all of them, an outage too. ERR_INVALID: nothing has changed; why, of 160 bytes, tells. */
enum err bank_rules_set(struct bank_rules *self, const char *json, size_t length, char why[160]) MUST_USE;

/* From now on all requests meet an outage, for so long; 0: it is over. */
void bank_rules_outage(struct bank_rules *self, int64_t now_us, int64_t seconds,
                       enum virtual_delivery delivery);

/* What is to be done with a request; action BANK_DO_NOTHING: nothing. An outage is told as BANK_DO_OUTAGE. */
struct bank_rule bank_rules_ask(struct bank_rules *self, int64_t now_us, const struct bank_asked *asked);
/* What is to be done with the callbacks of a payment: asked once for each payment, when it is made. */
struct bank_rule bank_rules_tell(struct bank_rules *self, const struct bank_asked *asked);

/* The word of the rules; NULL: of BANK_DO_NOTHING. */
const char *bank_action_name(enum bank_action action);

/* The request is not to be worked on: bank_rule_spoil makes the whole reply. (A refusal of the rail's own, refused or token_refused, is not
 * among these: the rail writes it.) */
bool bank_rule_forestalls(const struct bank_rule *rule);
/* Makes the reply as the rule has it, if the rule is about how replies come; else leaves it. Call it last, with the right reply or, where the
 * rule forestalls, an empty one. Bodies that it brings are static, its Retry-After is good until the next; reply->rule is set. */
void bank_rule_spoil(struct bank_rules *self, const struct bank_rule *rule, struct virtual_reply *reply);

/* All that decides what comes, for virtual_bank_digest. */
uint64_t bank_rules_digest(const struct bank_rules *self);

#endif
