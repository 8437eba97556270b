/* Inside this folder: maps with named keys, and the values that several bodies have.
 *
 * A body is indexed first (where does each key's value stand?) and then decoded in the order of its fields, so
 * that the first fault in that order is the answer, whatever order the keys came in.
 *
 * The wire_take_… functions follow mp_read_…: true and moved on, or false and not moved.
 */
#ifndef TELLER_WIRE_FIELDS_H
#define TELLER_WIRE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/code.h"
#include "actors/base/money.h"
#include "actors/base/rate.h"
#include "actors/base/text.h"
#include "actors/base/uuid.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"
#include "broker/wire/rows.h"

enum { WIRE_KEYS_MAX = 24 };

struct wire_key {
    struct str name;
    enum field field; /* named when the key comes twice */
};

/* Where the values stand. A key that is absent has a reader over a nil. */
struct wire_values {
    struct mp_reader at[WIRE_KEYS_MAX];
    uint32_t given;   /* bit i: key i is there, perhaps as nil */
    enum code code;   /* CODE_OK, or BAD_REQUEST: a key is unknown, or comes twice */
    enum field field; /* of the key that comes twice */
};

void wire_values_init(struct wire_values *values);

/* Notes a fault unless there is one already. */
void wire_values_fault(struct wire_values *values, enum code code, enum field field);

/* Indexes a map whose values may nest `depth` levels. false: malformed, or not a map. */
bool wire_values_read(struct mp_reader *r, unsigned depth, const struct wire_key *keys, size_t key_count,
                      struct wire_values *out);

/* Indexes a request's whole body, which must be such a map with nothing behind it. A code other than CODE_OK:
 * refuse the message. */
enum code wire_body_values(const struct wire_header *header, const struct wire_key *keys, size_t key_count,
                           struct wire_values *out, enum field *field);

/* A request's whole body that names an account and one thing of it: {"account", "hold"}, and so on. `member`: the field of that thing,
 * whose name is its key. */
enum code wire_member_read(const struct wire_header *header, enum field member, struct str *account,
                           struct uuid *id, enum field *field);
void wire_member_body_write(struct mp_writer *w, struct str account, enum field member,
                            const struct uuid *id);

/* What requests for a page have: a limit, nil (the normal one) or 1 .. most, and a cursor. `key` is that of the limit;
 * the cursor's is the next one. Notes their faults. */
void wire_page_query_values(struct wire_values *values, size_t key, uint32_t normal, uint32_t most,
                            uint32_t *limit, struct str *cursor);
/* The two with their keys, inside a map. */
void wire_page_query_write(struct mp_writer *w, uint32_t limit, struct str cursor);

/* A page in a reply: {name: [count things], "cursor": …}. The caller writes the things between the two. cursor empty:
 * this was the last page. */
void wire_page_begin(struct mp_writer *w, const char *name, size_t count);
void wire_page_end(struct mp_writer *w, struct str cursor);

/* Reads a reply that is a page up to its things: *things stands at the first of *count. false: malformed, or there are
 * more than `capacity`. */
bool wire_page_read(const struct wire_reply *reply, const char *name, size_t capacity,
                    struct mp_reader *things, size_t *count, struct str *cursor);

enum { WIRE_PAGE_DEPTH = 2 }; /* how deep the values of a page's plain things may nest */

/* Indexes a reply's whole body in the same way. Keys that are not known are passed over: later versions may
 * add some. false: malformed. */
bool wire_reply_values(const struct wire_reply *reply, const struct wire_key *keys, size_t key_count,
                       struct wire_values *out);

static inline struct mp_reader wire_body_reader(const struct wire_header *header)
{
    return mp_reader_of(header->body.data, header->body.length);
}

/* 16 bytes, or the 36 characters of a UUID, as bin or str; not nil. */
bool wire_take_uuid_other(struct mp_reader *r, struct uuid *out);

static inline bool wire_take_uuid(struct mp_reader *r, struct uuid *out)
{
    enum { HEAD = 2, SIZE = sizeof out->bytes };
    if (mp_left(r) < HEAD + SIZE || r->at[0] != 0xc4 || r->at[1] != SIZE)
        return wire_take_uuid_other(r, out);
    memcpy(out->bytes, r->at + HEAD, SIZE);
    if (uuid_is_nil(out))
        return false;
    r->at += HEAD + SIZE;
    return true;
}

static inline bool wire_take_account(struct mp_reader *r, struct str *out)
{
    const uint8_t *start = r->at;
    if (mp_read_str(r, out) && text_is_account_id(*out))
        return true;
    r->at = start;
    return false;
}

/* An account that clients may command: teller's own are not theirs. */
bool wire_take_client_account(struct mp_reader *r, struct str *out);

/* In minor units, or in decimals: then what is right depends on the currency. CURRENCY_NONE: what its decimals are is
 * not known, and only their form is tested. */
bool wire_take_amount(struct mp_reader *r, currency_index currency, int64_t *out);

/* The number of a word among names[first] .. names[last]. */
bool wire_word_find(struct str word, const struct str *names, uint8_t first, uint8_t last, uint8_t *out);
bool wire_take_word(struct mp_reader *r, const struct str *names, uint8_t first, uint8_t last, uint8_t *out);

/* nil, or clean text of at most `max` bytes. nil gives an empty string. */
bool wire_take_text_given(struct mp_reader *r, uint32_t max, struct str *out);

static inline bool wire_take_text(struct mp_reader *r, uint32_t max, struct str *out)
{
    if (mp_read_nil(r)) {
        *out = (struct str){0};
        return true;
    }
    return wire_take_text_given(r, max, out);
}

/* The same, but not nil and not empty. */
bool wire_take_required_text(struct mp_reader *r, uint32_t max, struct str *out);

/* nil, or a string as wire_list_query has it. */
bool wire_take_cursor(struct mp_reader *r, struct str *out);

/* nil (0), or a rate as text. */
bool wire_take_optional_rate(struct mp_reader *r, int64_t *out);

/* The text of a rate, nil for 0. RATE_TEXT_MAX + MP_HEAD_MAX bytes at most. */
uint8_t *wire_put_optional_rate(uint8_t *at, int64_t rate);

/* nil (the default), or 1 .. max. */
bool wire_take_limit(struct mp_reader *r, uint32_t normal, uint32_t max, uint32_t *out);

/* CODE_OK, INVALID_FIELD (not three capital letters; not moved) or UNKNOWN_CURRENCY (not moved). */
enum code wire_take_currency_other(struct mp_reader *r, currency_index *out);

static inline enum code wire_take_currency(struct mp_reader *r, currency_index *out)
{
    enum { HEAD = 1, SIZE = HEAD + CURRENCY_CODE_LENGTH };
    if (mp_left(r) < SIZE || *r->at != (0xa0 | CURRENCY_CODE_LENGTH))
        return wire_take_currency_other(r, out);
    *out = currency_find((const char *)r->at + HEAD, CURRENCY_CODE_LENGTH);
    if (*out == CURRENCY_NONE)
        return wire_take_currency_other(r, out);
    r->at += SIZE;
    return CODE_OK;
}

/* A word of fewer than 32 characters, known when compiled: keys. One byte more than its length. */
#define WIRE_PUT_WORD(at, word) wire_put_word((at), (word), sizeof(word) - 1)

static inline uint8_t *wire_put_word(uint8_t *at, const char *word, size_t length)
{
    *at = (uint8_t)(0xa0 | length);
    memcpy(at + 1, word, length);
    return at + 1 + length;
}

/* nil for an empty string. text.length + MP_HEAD_MAX bytes at most. */
static inline uint8_t *wire_put_optional(uint8_t *at, struct str text)
{
    return text.length == 0 ? mp_put_nil(at) : mp_put_str(at, text);
}

static inline void wire_write_optional(struct mp_writer *w, struct str text)
{
    if (text.length == 0)
        mp_write_nil(w);
    else
        mp_write_str(w, text);
}

static inline uint8_t *wire_put_uuid(uint8_t *at, const struct uuid *id)
{
    return uuid_is_nil(id) ? mp_put_nil(at) : mp_put_bin8(at, id->bytes, sizeof id->bytes);
}

static inline uint8_t *wire_put_currency(uint8_t *at, currency_index currency)
{
    return mp_put_str(at, (struct str){currency_at(currency)->code, CURRENCY_CODE_LENGTH});
}

/* For readers of replies: nil (an empty string), or any string. */
bool wire_take_string(struct mp_reader *r, struct str *out);

/* For readers of replies: the same, of at most `max` bytes, into an array of one more: a NUL stands behind it. */
bool wire_take_copy(struct mp_reader *r, uint8_t max, char *out, uint8_t *length);

/* For readers of replies: nil (a nil id), or an id. */
bool wire_take_optional_uuid(struct mp_reader *r, struct uuid *out);

#endif
