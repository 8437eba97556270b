/* What proves to a webhook that a post is ours: HMAC-SHA256 over the time, a point and the body, as docs/EVENTS.md says. */
#ifndef TELLER_PUBLISHER_SIGNATURE_H
#define TELLER_PUBLISHER_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIGNATURE_TEXT_MAX = 3 + 64 + 1 }; /* "v1=", 64 hexadecimal digits and a NUL */

/* timestamp_s: seconds since 1970. false: no memory. */
bool signature_write(const uint8_t *secret, size_t secret_length, int64_t timestamp_s, const uint8_t *body,
                     size_t length, char out[SIGNATURE_TEXT_MAX]);

#endif
