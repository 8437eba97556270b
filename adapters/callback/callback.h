/* The generic callback: for banks and gateways of banks that have none of their own. It works for every rail.
 *
 *     POST /banks/NAME/callbacks
 *     Content-Type: application/json
 *     Teller-Timestamp: 1795000000                              seconds since 1970, of this try
 *     Teller-Signature: v1=<64 hexadecimal digits, lower case>  HMAC-SHA256 by the shared secret of: timestamp "." body
 *
 *     {"event": "a nonce of 1 to 128 characters", "id": "ours", "resource": "the bank's", …}
 *
 * At least one of id and resource; the id is looked at first. Other keys are ignored. A callback carries no outcome: it makes the bank be
 * asked. */
#ifndef TELLER_CALLBACK_CALLBACK_H
#define TELLER_CALLBACK_CALLBACK_H

#include "actors/bank/rail.h"

enum {
    CALLBACK_WINDOW_S = 300, /* either way */
    CALLBACK_SECRET_MIN = 16,
    CALLBACK_SIGNATURE_TEXT = 3 + 64 + 1, /* "v1=…" and a NUL */
};

/* secret: empty or NULL: there is none, and everything is forged. The signature is compared in constant time. */
enum rail_post_result callback_read(const char *secret, const struct rail_post *post, int64_t now_us,
                                    struct rail_notice *out);

/* The signature's header; timestamp is the header's text. false: the library failed. */
bool callback_sign(const char *secret, const char *timestamp, const char *body, size_t length,
                   char out[CALLBACK_SIGNATURE_TEXT]);

#endif
