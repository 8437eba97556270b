/* Messages as text, so that a table of them can be read.
 *
 *     [1 "transfer" 7 nil nil {"amount" 5 "memo" "x"}]
 *
 * Values stand between spaces: integers, "strings" (no escapes), nil, [arrays], {key value maps}, #hex for bin,
 * and $hex for bytes that are put as they are and count as one value. `id` is the id that all rows share,
 * #00112233445566778899aabbccddeeff. */
#ifndef TELLER_TESTS_WIRE_NOTATION_H
#define TELLER_TESTS_WIRE_NOTATION_H

#include "actors/base/uuid.h"
#include "broker/wire/request.h"

extern const struct uuid notation_id;

/* A block of exactly the message's size, so that AddressSanitizer sees a read past its end. */
struct message {
    uint8_t *bytes;
    size_t length;
};

struct message notation_read(const char *text);
struct message message_copy(const void *bytes, size_t length);
void message_free(struct message *message);

/* Reads the head of a message whose head is good. */
struct wire_header message_header(const struct message *message);

/* A whole request: the operation with `body` in notation; no partition, no deadline. */
struct message notation_request(const char *operation, const char *body);

#endif
