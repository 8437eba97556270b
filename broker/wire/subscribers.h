/* Subscribers and their dead letters: the bodies of subscriber.* and deadletter.* and their replies. The rules for bodies are
 * those of accounts.h. */
#ifndef TELLER_WIRE_SUBSCRIBERS_H
#define TELLER_WIRE_SUBSCRIBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"
#include "broker/wire/rows.h"

enum {
    WIRE_SUBSCRIBER_NAME_MAX = 32,
    WIRE_URL_MAX = 512,
    WIRE_SECRET_MIN = 16,
    WIRE_SECRET_MAX = 128,
    WIRE_LETTERS_LIMIT = 100,
    WIRE_LETTERS_MAX = 1000,
};

/* ---- requests: CODE_OK, or why not with *field. Strings stay in the frame. ------------------------ */

struct wire_subscriber_command {
    struct str name, url, secret;
    bool is_from_start;
    bool is_for_alarms; /* only them */
};
enum code wire_subscriber_read(const struct wire_header *header, struct wire_subscriber_command *out,
                               enum field *field);

/* subscriber.remove */
enum code wire_subscriber_name_read(const struct wire_header *header, struct str *name, enum field *field);

struct wire_letters_query {
    struct str name; /* empty: of all */
    uint32_t limit;
    uint64_t after; /* the cursor: letters with a higher id */
};
enum code wire_letters_read(const struct wire_header *header, struct wire_letters_query *out,
                            enum field *field);

struct wire_letter_command {
    uint64_t id;
    struct str operator_name;
    struct str reason; /* deadletter.resolve: required; retry: empty */
};
enum code wire_letter_read(const struct wire_header *header, struct wire_letter_command *out,
                           enum field *field);

/* ---- replies ---------------------------------------------------------------------------------- */

struct wire_subscriber {
    struct str name, url, state, error, only; /* empty: nil */
    uint64_t lag, failures, delivered;
    uint32_t dead_letters;
    bool has_next_try;
    int64_t next_try_us;
};

/* One alone is the whole body of subscriber.add. */
void wire_subscriber_write(struct mp_writer *w, const struct wire_subscriber *subscriber);
/* Heads: the caller writes count rows; letters end with wire_letters_end. */
void wire_subscribers_begin(struct mp_writer *w, uint32_t count);
void wire_letters_begin(struct mp_writer *w, uint32_t count);

struct wire_letter {
    uint64_t id, position;
    struct str name, error;
    uint32_t partition, tries;
    int64_t time_us;
    bool is_wanted;
};
void wire_letter_write(struct mp_writer *w, const struct wire_letter *letter);
/* next: the id after which the next page begins; 0: this was the last. */
void wire_letters_end(struct mp_writer *w, uint64_t next);

/* ---- the client's side: bodies behind wire_header_write --------------------------------------------- */

void wire_subscriber_body_write(struct mp_writer *w, const struct wire_subscriber_command *command);
void wire_subscriber_name_body_write(struct mp_writer *w, struct str name);
void wire_letters_body_write(struct mp_writer *w, struct str name, uint32_t limit, struct str cursor);
void wire_letter_body_write(struct mp_writer *w, const struct wire_letter_command *command);

#endif
