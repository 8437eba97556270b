/* Keys and values of the rates store. Numbers in values are little-endian, those in keys big-endian. */
#include "store/rates.h"

#include <endian.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "actors/base/check.h"
#include "store/rates_table.h"

enum { SEAL_BYTES = 8, CODE = CURRENCY_CODE_LENGTH };

/* As it is stored, before the name of who accepted it. */
struct stored_rate {
    uint32_t units;
    int32_t date;
    int64_t rate, buy, sell, taken_us;
    char base[CODE], counter[CODE];
    uint8_t name_length;
    uint8_t zero;
};

_Static_assert(sizeof(struct stored_rate) == 48, "stored as it is");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "stored as it is");

/* ---- keys ----------------------------------------------------------------------------------------------- */

static void key_text(struct rates_record *record, const char *text, size_t length)
{
    CHECK(record->key_length + length <= RATES_KEY_MAX);
    memcpy(record->key + record->key_length, text, length);
    record->key_length += length;
}

static void key_kind(struct rates_record *record, char kind)
{
    record->key_length = 0;
    key_text(record, &kind, 1);
}

static void key_source(struct rates_record *record, char kind, const char *source)
{
    size_t length = strlen(source);
    CHECK(length >= 1 && length <= RATES_SOURCE_MAX);
    key_kind(record, kind);
    key_text(record, source, length);
    key_text(record, "|", 1);
}

static void key_pair(struct rates_record *record, char kind, const char *source, const char *base,
                     const char *counter)
{
    key_source(record, kind, source);
    key_text(record, base, CODE);
    key_text(record, counter, CODE);
}

static void key_day(struct rates_record *record, const char *source, const char *base, const char *counter,
                    uint32_t day)
{
    uint32_t bytes = htobe32(day);
    key_pair(record, 'H', source, base, counter);
    key_text(record, (const char *)&bytes, sizeof bytes);
}

static void key_id(struct rates_record *record, uint64_t id)
{
    uint64_t bytes = htobe64(id);
    key_kind(record, 'W');
    key_text(record, (const char *)&bytes, sizeof bytes);
}

/* ---- values --------------------------------------------------------------------------------------------- */

static void append(struct rates_record *record, const void *bytes, size_t length)
{
    CHECK(record->value_length + length <= RATES_VALUE_MAX);
    memcpy(record->value + record->value_length, bytes, length);
    record->value_length += length;
}

static void append_text(struct rates_record *record, const char *text, size_t max)
{
    size_t length = strnlen(text, max);
    append(record, &(uint8_t){(uint8_t)length}, 1);
    append(record, text, length);
}

/* Values begin with their seal, which is put in last. */
static void value_begin(struct rates_record *record)
{
    record->value_length = SEAL_BYTES;
}

static uint64_t seal_of(const struct rates_record *record)
{
    return XXH3_64bits_withSeed(record->value + SEAL_BYTES, record->value_length - SEAL_BYTES,
                                XXH3_64bits(record->key, record->key_length));
}

static void value_end(struct rates_record *record)
{
    uint64_t seal = seal_of(record);
    memcpy(record->value, &seal, sizeof seal);
}

static void append_rate(struct rates_record *record, const struct published_rate *rate)
{
    struct stored_rate stored = {
        .units = rate->units,
        .date = rate->date,
        .rate = rate->rate,
        .buy = rate->buy,
        .sell = rate->sell,
        .taken_us = rate->taken_us,
        .name_length = (uint8_t)strnlen(rate->accepted_by, OWNER_MAX),
    };
    memcpy(stored.base, rate->base, CODE);
    memcpy(stored.counter, rate->counter, CODE);
    append(record, &stored, sizeof stored);
    append(record, rate->accepted_by, stored.name_length);
}

/* What is left of a value that is being read. */
struct rest {
    const uint8_t *at, *end;
};

static bool take(struct rest *rest, void *out, size_t length)
{
    if ((size_t)(rest->end - rest->at) < length)
        return false;
    memcpy(out, rest->at, length);
    rest->at += length;
    return true;
}

static bool take_text(struct rest *rest, char *out, size_t max)
{
    uint8_t length;
    if (!take(rest, &length, 1) || length > max || !take(rest, out, length))
        return false;
    out[length] = '\0';
    return true;
}

static bool take_rate(struct rest *rest, struct published_rate *out)
{
    struct stored_rate stored;
    if (!take(rest, &stored, sizeof stored) || stored.name_length > OWNER_MAX)
        return false;
    *out = (struct published_rate){
        .units = stored.units,
        .date = stored.date,
        .rate = stored.rate,
        .buy = stored.buy,
        .sell = stored.sell,
        .taken_us = stored.taken_us,
    };
    memcpy(out->base, stored.base, CODE);
    memcpy(out->counter, stored.counter, CODE);
    return take(rest, out->accepted_by, stored.name_length);
}

static bool is_sealed(const struct rates_record *record, struct rest *rest)
{
    uint64_t seal;
    if (record->value_length < SEAL_BYTES)
        return false;
    memcpy(&seal, record->value, sizeof seal);
    *rest = (struct rest){record->value + SEAL_BYTES, record->value + record->value_length};
    return seal == seal_of(record);
}

static enum err read_rate(const struct rates_record *record, struct published_rate *out)
{
    struct rest rest;
    return is_sealed(record, &rest) && take_rate(&rest, out) && rest.at == rest.end ? ERR_OK : ERR_CORRUPT;
}

/* ---- writing -------------------------------------------------------------------------------------------- */

static void rate_record(const struct rates_put *put, struct rates_record *record)
{
    const struct published_rate *rate = put->rate;
    if (put->kind == RATES_PUT_HISTORY)
        key_day(record, put->source, rate->base, rate->counter, (uint32_t)rate->date);
    else
        key_pair(record, 'X', put->source, rate->base, rate->counter);
    value_begin(record);
    append_rate(record, rate);
    value_end(record);
}

static void waiting_record(const struct rates_put *put, struct rates_record *record)
{
    key_id(record, put->id);
    value_begin(record);
    append_rate(record, put->rate);
    append_text(record, put->source, RATES_SOURCE_MAX);
    append_text(record, put->why, RATES_WHY_MAX);
    value_end(record);
}

static void next_id_record(uint64_t next, struct rates_record *record)
{
    key_kind(record, 'N');
    value_begin(record);
    append(record, &next, sizeof next);
    value_end(record);
}

static enum err put_one(struct rates *self, const struct rates_put *put)
{
    struct rates_record record;
    enum err err;
    switch (put->kind) {
    case RATES_PUT_HISTORY:
    case RATES_PUT_REJECTED:
        rate_record(put, &record);
        return self->methods->put(self, &record);
    case RATES_PUT_WAITING:
        next_id_record(put->id + 1, &record);
        err = self->methods->put(self, &record);
        if (err != ERR_OK)
            return err;
        waiting_record(put, &record);
        return self->methods->put(self, &record);
    case RATES_PUT_REMOVE_WAITING:
        key_id(&record, put->id);
        record.value_length = 0;
        return self->methods->put(self, &record);
    }
    CHECK_UNREACHABLE();
}

enum err rates_apply(struct rates *self, const struct rates_put *puts, size_t count)
{
    if (count == 0)
        return ERR_OK;
    enum err err = self->methods->begin(self, 2 * count);
    for (size_t i = 0; i < count && err == ERR_OK; i++)
        err = put_one(self, &puts[i]);
    return err == ERR_OK ? self->methods->commit(self) : err;
}

/* ---- reading -------------------------------------------------------------------------------------------- */

static bool begins_with(const struct rates_record *record, const struct rates_record *prefix)
{
    return record->key_length >= prefix->key_length &&
           memcmp(record->key, prefix->key, prefix->key_length) == 0;
}

/* The nearest record of `key`, if it begins with `prefix`. */
static enum err seek(struct rates *self, const struct rates_record *key, const struct rates_record *prefix,
                     enum rates_direction direction, struct rates_record *out)
{
    enum err err = self->methods->seek(self, key->key, key->key_length, direction, out);
    if (err == ERR_OK && !begins_with(out, prefix))
        err = ERR_NOT_FOUND;
    return err;
}

static enum err seek_day(struct rates *self, const char *source, const char *base, const char *counter,
                         uint32_t day, enum rates_direction direction, struct published_rate *out)
{
    struct rates_record key, prefix, found;
    key_day(&key, source, base, counter, day);
    key_pair(&prefix, 'H', source, base, counter);
    enum err err = seek(self, &key, &prefix, direction, &found);
    return err == ERR_OK ? read_rate(&found, out) : err;
}

enum err rates_find(struct rates *self, const char *source, const char *base, const char *counter,
                    int32_t date, struct published_rate *out)
{
    struct published_rate found;
    enum err err = rates_from(self, source, base, counter, date, &found);
    if (err == ERR_OK && found.date != date)
        err = ERR_NOT_FOUND;
    if (err == ERR_OK)
        *out = found;
    return err;
}

/* Days below 1970 are before, and beyond the calendar after, all that is kept. */
enum err rates_as_of(struct rates *self, const char *source, const char *base, const char *counter,
                     int32_t date, struct published_rate *out)
{
    return date < 0 ? ERR_NOT_FOUND
                    : seek_day(self, source, base, counter, (uint32_t)date, RATES_AT_OR_BEFORE, out);
}

enum err rates_from(struct rates *self, const char *source, const char *base, const char *counter,
                    int32_t date, struct published_rate *out)
{
    return seek_day(self, source, base, counter, date < 0 ? 0 : (uint32_t)date, RATES_AT_OR_AFTER, out);
}

enum err rates_next_pair(struct rates *self, const char *source, struct published_rate *rate)
{
    struct rates_record key, prefix, found;
    struct published_rate first;
    key_source(&prefix, 'H', source);
    if (rate->base[0] == '\0')
        key = prefix;
    else
        key_day(&key, source, rate->base, rate->counter, UINT32_MAX);
    enum err err = seek(self, &key, &prefix, RATES_AT_OR_AFTER, &found);
    if (err == ERR_OK)
        err = read_rate(&found, &first);
    if (err != ERR_OK)
        return err;
    return seek_day(self, source, first.base, first.counter, UINT32_MAX, RATES_AT_OR_BEFORE, rate);
}

enum err rates_rejected(struct rates *self, const char *source, const char *base, const char *counter,
                        struct published_rate *out)
{
    struct rates_record key, found;
    key_pair(&key, 'X', source, base, counter);
    enum err err = seek(self, &key, &key, RATES_AT_OR_AFTER, &found);
    return err == ERR_OK ? read_rate(&found, out) : err;
}

static enum err read_waiting(const struct rates_record *record, struct rates_waiting *out)
{
    struct rest rest;
    if (record->key_length != 1 + sizeof out->id || !is_sealed(record, &rest) ||
        !take_rate(&rest, &out->rate) || !take_text(&rest, out->source, RATES_SOURCE_MAX) ||
        !take_text(&rest, out->why, RATES_WHY_MAX) || rest.at != rest.end)
        return ERR_CORRUPT;
    uint64_t id;
    memcpy(&id, record->key + 1, sizeof id);
    out->id = be64toh(id);
    return ERR_OK;
}

enum err rates_next_waiting(struct rates *self, uint64_t id, struct rates_waiting *out)
{
    struct rates_record key, prefix, found;
    key_id(&key, id);
    key_kind(&prefix, 'W');
    enum err err = seek(self, &key, &prefix, RATES_AT_OR_AFTER, &found);
    return err == ERR_OK ? read_waiting(&found, out) : err;
}

enum err rates_next_id(struct rates *self, uint64_t *out)
{
    struct rates_record key, found;
    struct rest rest;
    key_kind(&key, 'N');
    enum err err = seek(self, &key, &key, RATES_AT_OR_AFTER, &found);
    if (err == ERR_NOT_FOUND) {
        *out = 1;
        return ERR_OK;
    }
    if (err != ERR_OK)
        return err;
    return is_sealed(&found, &rest) && take(&rest, out, sizeof *out) && rest.at == rest.end ? ERR_OK
                                                                                            : ERR_CORRUPT;
}

/* ---- proving -------------------------------------------------------------------------------------------- */

static enum err read_any(const struct rates_record *record)
{
    struct published_rate rate;
    struct rates_waiting waiting;
    struct rest rest;
    uint64_t next;
    switch (record->key[0]) {
    case 'H':
    case 'X':
        return read_rate(record, &rate);
    case 'W':
        return read_waiting(record, &waiting);
    case 'N':
        return is_sealed(record, &rest) && take(&rest, &next, sizeof next) && rest.at == rest.end
                   ? ERR_OK
                   : ERR_CORRUPT;
    default:
        return ERR_CORRUPT;
    }
}

enum err rates_prove(struct rates *self, uint64_t *rows)
{
    struct rates_record key, found;
    enum err err;
    *rows = 0;
    key_kind(&key, 0);
    while ((err = self->methods->seek(self, key.key, key.key_length, RATES_AT_OR_AFTER, &found)) == ERR_OK) {
        err = read_any(&found);
        if (err != ERR_OK)
            return err;
        ++*rows;
        key = found;
        if (key.key_length == RATES_KEY_MAX)
            return ERR_CORRUPT;        /* ours are shorter */
        key.key[key.key_length++] = 0; /* just behind it */
    }
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

void rates_close(struct rates **self_p)
{
    if (*self_p != NULL)
        (*self_p)->methods->close(*self_p);
    *self_p = NULL;
}
