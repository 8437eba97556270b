/* How rails read a reply: strict, bounded, and never a word of a bank's that is not made clean. */
#ifndef TELLER_RAILS_REPLY_READ_H
#define TELLER_RAILS_REPLY_READ_H

#include <jansson.h>

#include "actors/bank/rail.h"

enum {
    REPLY_TOKEN_MAX = RAIL_HEADER_MAX - 32, /* characters of a token that fit into a header */
    REPLY_MASK_MIN = 24, /* so many token characters in a row are shown to nobody: they may be a secret */
};

/* Writes clean text of at most size - 1 bytes: what cannot be shown becomes a space, what may be a secret becomes "***".
 * Spaces are one at a time, and none at the ends. */
void reply_clean(char *out, size_t size, const char *text);

/* The verdict, with a reason from the format made clean; everything else is as in a fresh one. */
void verdict_set(struct rail_verdict *out, enum rail_result result, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* UNKNOWN, and the bank is in trouble. */
void verdict_trouble(struct rail_verdict *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* true: there is nothing to read (never sent, lost, 429, 5xx, too long), and the verdict says what that means in the job's phase. */
bool reply_is_none(const struct rail_job *job, const struct rail_reply *reply, struct rail_verdict *out);

/* The body's object, for json_decref; NULL: it is none, has a key twice, or a NUL. */
json_t *reply_object(const struct rail_reply *reply);

/* NULL: there is no text of 1 .. max bytes. */
const char *reply_text(const json_t *object, const char *key, size_t max);
/* … and it is made of letters, digits and - _ . : @ ~ only: it may stand in a URL and in a log. */
const char *reply_id(const json_t *object, const char *key, size_t max);

/* An OAuth 2 token (RFC 6749, section 5.1). error_key names the field with which a refusal says its code. false: why, of 160 bytes. */
bool reply_token(const struct rail_reply *reply, const char *error_key, int64_t now_us,
                 struct rail_token *out, char *why);

#endif
