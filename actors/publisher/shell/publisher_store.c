#include "actors/publisher/shell/publisher_store.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"

enum {
    RECORD_VERSION = 1,
    KEY_MAX = 1 + PUBLISHER_NAME_MAX,
    VALUE_MAX = 1024,  /* of any record: url and secret, or 64 positions */
    PUTS_A_CHANGE = 2, /* a subscriber that is gone takes its cursors along; a letter brings the highest id */
};

struct record {
    uint8_t key[KEY_MAX];
    size_t key_length;
    uint8_t value[VALUE_MAX];
    size_t value_length;
};

/* ---- bytes ------------------------------------------------------------------------------------------------ */

static void put_bytes(struct record *record, const void *bytes, size_t length)
{
    CHECK(record->value_length + length <= VALUE_MAX);
    memcpy(record->value + record->value_length, bytes, length);
    record->value_length += length;
}

static void put_u64(struct record *record, uint64_t value)
{
    value = htole64(value);
    put_bytes(record, &value, sizeof value);
}

static void put_text(struct record *record, const char *text)
{
    size_t length = strlen(text);
    put_u64(record, length);
    put_bytes(record, text, length);
}

struct source {
    const uint8_t *at, *end;
    bool is_wrong;
};

static void take_bytes(struct source *source, void *out, size_t length)
{
    if (source->is_wrong || (size_t)(source->end - source->at) < length) {
        source->is_wrong = true;
        memset(out, 0, length);
        return;
    }
    memcpy(out, source->at, length);
    source->at += length;
}

static uint64_t take_u64(struct source *source)
{
    uint64_t value;
    take_bytes(source, &value, sizeof value);
    return le64toh(value);
}

/* capacity: with the NUL. */
static void take_text(struct source *source, char *out, size_t capacity)
{
    uint64_t length = take_u64(source);
    memset(out, 0, capacity);
    if (length >= capacity)
        source->is_wrong = true;
    else
        take_bytes(source, out, length);
}

/* ---- records ------------------------------------------------------------------------------------------------ */

static struct record *begin(struct record *record, char kind, const void *key, size_t length)
{
    record->key[0] = (uint8_t)kind;
    memcpy(record->key + 1, key, length);
    record->key_length = 1 + length;
    record->value_length = 0;
    return record;
}

static struct record *begin_named(struct record *record, char kind, const char *name)
{
    return begin(record, kind, name, strlen(name));
}

static struct record *begin_letter(struct record *record, uint64_t id)
{
    uint64_t key = htobe64(id);
    return begin(record, 'l', &key, sizeof key);
}

enum { SUBSCRIBER_STOPPED = 1, SUBSCRIBER_FOR_ALARMS = 2 };

static void put_subscriber(struct record *record, const struct publisher_subscriber *subscriber)
{
    put_u64(record, RECORD_VERSION);
    put_u64(record, (subscriber->is_stopped ? SUBSCRIBER_STOPPED : 0) |
                        (subscriber->is_for_alarms ? SUBSCRIBER_FOR_ALARMS : 0));
    put_u64(record, subscriber->secret_length);
    put_bytes(record, subscriber->secret, subscriber->secret_length);
    put_text(record, subscriber->url);
}

static void put_cursors(struct record *record, const struct publisher_cursors *cursors, uint32_t partitions)
{
    put_u64(record, RECORD_VERSION);
    for (uint32_t p = 0; p < partitions; p++)
        put_u64(record, cursors->at[p]);
}

static void put_letter(struct record *record, const struct publisher_letter *letter)
{
    put_u64(record, RECORD_VERSION);
    put_u64(record, letter->partition);
    put_u64(record, letter->position);
    put_u64(record, (uint64_t)letter->time_us);
    put_u64(record, letter->tries);
    put_u64(record, letter->is_wanted);
    put_text(record, letter->name);
    put_text(record, letter->error);
}

struct puts {
    struct record *records;
    struct state_put *puts;
    size_t count;
};

static void add(struct puts *puts, bool is_delete)
{
    struct record *record = &puts->records[puts->count];
    puts->puts[puts->count++] = (struct state_put){
        .table = STATE_RECORDS,
        .key = record->key,
        .key_length = record->key_length,
        .value = is_delete ? NULL : record->value,
        .value_length = is_delete ? 0 : record->value_length,
    };
}

static void add_change(struct puts *puts, const struct publisher_change *change, uint32_t partitions)
{
    switch (change->kind) {
    case CHANGE_SUBSCRIBER:
        put_subscriber(begin_named(&puts->records[puts->count], 's', change->subscriber->name),
                       change->subscriber);
        add(puts, false);
        return;
    case CHANGE_CURSORS:
        put_cursors(begin_named(&puts->records[puts->count], 'c', change->subscriber->name), change->cursors,
                    partitions);
        add(puts, false);
        return;
    case CHANGE_SUBSCRIBER_GONE:
        begin_named(&puts->records[puts->count], 's', change->subscriber->name);
        add(puts, true);
        begin_named(&puts->records[puts->count], 'c', change->subscriber->name);
        add(puts, true);
        return;
    case CHANGE_LETTER:
        put_letter(begin_letter(&puts->records[puts->count], change->letter->id), change->letter);
        add(puts, false);
        return;
    case CHANGE_LETTER_GONE:
        begin_letter(&puts->records[puts->count], change->letter->id);
        add(puts, true);
        return;
    }
    CHECK_UNREACHABLE();
}

/* The highest id stays when its letter goes. */
static enum err add_highest(struct puts *puts, struct state *state, uint64_t highest)
{
    uint8_t known[2 * sizeof(uint64_t)] = {0};
    size_t length;
    if (highest == 0)
        return ERR_OK;
    enum err err = state_get(state, STATE_RECORDS, (const uint8_t *)"n", 1, known, sizeof known, &length);
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    struct source source = {known, known + sizeof known, false};
    (void)take_u64(&source);
    if (take_u64(&source) >= highest)
        return ERR_OK;
    struct record *record = begin(&puts->records[puts->count], 'n', "", 0);
    put_u64(record, RECORD_VERSION);
    put_u64(record, highest);
    add(puts, false);
    return ERR_OK;
}

enum err publisher_store_apply(struct state *state, uint32_t partitions,
                               const struct publisher_change *changes, size_t count)
{
    uint64_t highest = 0;
    struct puts puts = {reallocarray(NULL, PUTS_A_CHANGE * count, sizeof *puts.records),
                        reallocarray(NULL, PUTS_A_CHANGE * count, sizeof *puts.puts), 0};
    if (puts.records == NULL || puts.puts == NULL) {
        free(puts.records);
        free(puts.puts);
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        add_change(&puts, &changes[i], partitions);
        if (changes[i].kind == CHANGE_LETTER && changes[i].letter->id > highest)
            highest = changes[i].letter->id;
    }
    enum err err = add_highest(&puts, state, highest);
    if (err == ERR_OK)
        err = state_apply(state, puts.puts, puts.count);
    explicit_bzero(puts.records, puts.count * sizeof *puts.records); /* secrets */
    free(puts.records);
    free(puts.puts);
    return err;
}

/* ---- loading -------------------------------------------------------------------------------------------------- */

struct loading {
    struct state *state;
    uint32_t partitions;
    struct publisher *publisher;
};

static enum err check_version(struct source *source)
{
    uint64_t version = take_u64(source);
    if (source->is_wrong)
        return ERR_CORRUPT;
    return version == RECORD_VERSION ? ERR_OK : ERR_VERSION;
}

static bool is_whole(const struct source *source)
{
    return !source->is_wrong && source->at == source->end;
}

static enum err load_cursors(const struct loading *loading, const char *name, struct publisher_cursors *out)
{
    struct record record;
    begin_named(&record, 'c', name);
    enum err err = state_get(loading->state, STATE_RECORDS, record.key, record.key_length, record.value,
                             VALUE_MAX, &record.value_length);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND || err == ERR_RANGE ? ERR_CORRUPT : err;
    struct source source = {record.value, record.value + record.value_length, false};
    err = check_version(&source);
    for (uint32_t p = 0; p < loading->partitions; p++)
        out->at[p] = take_u64(&source);
    return err == ERR_OK && !is_whole(&source) ? ERR_CORRUPT : err;
}

static enum err take_name(const uint8_t *key, size_t length, char out[PUBLISHER_NAME_MAX + 1])
{
    if (length < 2 || length > KEY_MAX)
        return ERR_CORRUPT;
    memset(out, 0, PUBLISHER_NAME_MAX + 1);
    memcpy(out, key + 1, length - 1);
    return ERR_OK;
}

/* The names first, then each by itself: no read inside of a walk. */
struct names {
    char at[PUBLISHER_SUBSCRIBERS_MAX][PUBLISHER_NAME_MAX + 1];
    size_t count;
};

static enum err collect_name(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                             size_t value_length)
{
    struct names *names = context;
    (void)value;
    (void)value_length;
    if (names->count == PUBLISHER_SUBSCRIBERS_MAX)
        return ERR_CORRUPT;
    return take_name(key, key_length, names->at[names->count++]);
}

static enum err load_subscriber(const struct loading *loading, const char *name)
{
    struct record record;
    struct publisher_subscriber subscriber = {.is_stopped = false};
    struct publisher_cursors cursors = {{0}};
    begin_named(&record, 's', name);
    enum err err = state_get(loading->state, STATE_RECORDS, record.key, record.key_length, record.value,
                             VALUE_MAX, &record.value_length);
    if (err != ERR_OK)
        return err == ERR_RANGE ? ERR_CORRUPT : err;
    struct source source = {record.value, record.value + record.value_length, false};
    err = check_version(&source);
    if (err != ERR_OK)
        return err;
    memcpy(subscriber.name, name, sizeof subscriber.name);
    uint64_t flags = take_u64(&source);
    if (flags > (SUBSCRIBER_STOPPED | SUBSCRIBER_FOR_ALARMS))
        return ERR_CORRUPT;
    subscriber.is_stopped = (flags & SUBSCRIBER_STOPPED) != 0;
    subscriber.is_for_alarms = (flags & SUBSCRIBER_FOR_ALARMS) != 0;
    uint64_t secret_length = take_u64(&source);
    if (secret_length > PUBLISHER_SECRET_MAX)
        return ERR_CORRUPT;
    subscriber.secret_length = (uint32_t)secret_length;
    take_bytes(&source, subscriber.secret, secret_length);
    take_text(&source, subscriber.url, sizeof subscriber.url);
    err = load_cursors(loading, name, &cursors);
    if (err == ERR_OK &&
        (!is_whole(&source) || !publisher_load_subscriber(loading->publisher, &subscriber, &cursors)))
        err = ERR_CORRUPT;
    return err;
}

static enum err load_letter(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                            size_t value_length)
{
    const struct loading *loading = context;
    struct source source = {value, value + value_length, false};
    struct publisher_letter letter = {.id = 0};
    uint64_t id;
    if (key_length != 1 + sizeof id)
        return ERR_CORRUPT;
    memcpy(&id, key + 1, sizeof id);
    enum err err = check_version(&source);
    if (err != ERR_OK)
        return err;
    letter.id = be64toh(id);
    letter.partition = (uint32_t)take_u64(&source);
    letter.position = take_u64(&source);
    letter.time_us = (int64_t)take_u64(&source);
    letter.tries = (uint32_t)take_u64(&source);
    letter.is_wanted = take_u64(&source) != 0;
    take_text(&source, letter.name, sizeof letter.name);
    take_text(&source, letter.error, sizeof letter.error);
    bool is_taken = is_whole(&source) && publisher_load_letter(loading->publisher, &letter);
    return is_taken ? ERR_OK : ERR_CORRUPT;
}

static enum err load_highest(const struct loading *loading)
{
    uint8_t value[2 * sizeof(uint64_t)];
    size_t length = 0;
    enum err err =
        state_get(loading->state, STATE_RECORDS, (const uint8_t *)"n", 1, value, sizeof value, &length);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    struct source source = {value, value + length, false};
    err = check_version(&source);
    uint64_t highest = take_u64(&source);
    if (err == ERR_OK && !is_whole(&source))
        err = ERR_CORRUPT;
    if (err == ERR_OK)
        publisher_load_letter_id(loading->publisher, highest);
    return err;
}

static enum err pass_over(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                          size_t value_length)
{
    (void)context;
    (void)key;
    (void)key_length;
    (void)value;
    (void)value_length;
    return ERR_OK;
}

/* A walk over everything tells whether something is missing (store/state.h). */
static enum err check_whole(struct state *state)
{
    for (int table = 0; table < STATE_TABLE_COUNT; table++) {
        enum err err = state_walk(state, (enum state_table)table, NULL, 0, pass_over, NULL);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

enum err publisher_store_load(struct state *state, uint32_t partitions, struct publisher *publisher)
{
    struct loading loading = {state, partitions, publisher};
    struct names names = {.count = 0};
    enum err err = check_whole(state);
    if (err == ERR_OK)
        err = state_walk(state, STATE_RECORDS, (const uint8_t *)"s", 1, collect_name, &names);
    for (size_t i = 0; i < names.count && err == ERR_OK; i++)
        err = load_subscriber(&loading, names.at[i]);
    if (err == ERR_OK)
        err = state_walk(state, STATE_RECORDS, (const uint8_t *)"l", 1, load_letter, &loading);
    return err == ERR_OK ? load_highest(&loading) : err;
}
