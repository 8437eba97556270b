/* Replies to version and health. */
#include "broker/wire/node.h"

#include "actors/base/check.h"
#include "broker/wire/fields.h"

static const struct str state_names[] = {
    [PARTITION_STARTING] = {"starting", 8},
    [PARTITION_SERVING] = {"serving", 7},
    [PARTITION_FULL] = {"full", 4},
    [PARTITION_STOPPED] = {"stopped", 7},
};

enum { STATE_COUNT = sizeof state_names / sizeof state_names[0] };

void wire_version_write(struct mp_writer *w, uint64_t request_id, const struct wire_version *version)
{
    wire_reply_begin(w, request_id, CODE_OK);
    mp_write_map(w, 4);
    mp_write_text(w, "name");
    mp_write_str(w, version->name);
    mp_write_text(w, "version");
    mp_write_str(w, version->version);
    mp_write_text(w, "protocol");
    mp_write_uint(w, version->protocol);
    mp_write_text(w, "partitions");
    mp_write_uint(w, version->partitions);
}

static const char *health_status(const struct wire_health *health)
{
    for (uint32_t i = 0; i < health->partitions; i++) {
        if (health->states[i] != PARTITION_SERVING)
            return "degraded";
    }
    return "ok";
}

void wire_health_write(struct mp_writer *w, uint64_t request_id, const struct wire_health *health)
{
    CHECK(health->partitions <= LEDGER_PARTITIONS_MAX);
    wire_reply_begin(w, request_id, CODE_OK);
    mp_write_map(w, 2);
    mp_write_text(w, "status");
    mp_write_text(w, health_status(health));
    mp_write_text(w, "partitions");
    mp_write_array(w, health->partitions);
    for (uint32_t i = 0; i < health->partitions; i++) {
        CHECK((unsigned)health->states[i] < STATE_COUNT);
        mp_write_map(w, 2);
        mp_write_text(w, "partition");
        mp_write_uint(w, i);
        mp_write_text(w, "state");
        mp_write_str(w, state_names[health->states[i]]);
    }
}

/* ---- the client's side ------------------------------------------------------------------------ */

static bool read_u32(struct mp_reader *r, uint32_t *out)
{
    uint64_t value;
    if (!mp_read_uint(r, &value) || value > UINT32_MAX)
        return false;
    *out = (uint32_t)value;
    return true;
}

enum { VERSION_NAME, VERSION_VERSION, VERSION_PROTOCOL, VERSION_PARTITIONS, VERSION_KEY_COUNT };

bool wire_version_reply_read(const struct wire_reply *reply, struct wire_version *out)
{
    static const struct wire_key keys[VERSION_KEY_COUNT] = {
        [VERSION_NAME] = {{"name", 4}, FIELD_NONE},
        [VERSION_VERSION] = {{"version", 7}, FIELD_NONE},
        [VERSION_PROTOCOL] = {{"protocol", 8}, FIELD_NONE},
        [VERSION_PARTITIONS] = {{"partitions", 10}, FIELD_NONE},
    };
    struct wire_values v;
    return wire_reply_values(reply, keys, VERSION_KEY_COUNT, &v) &&
           mp_read_str(&v.at[VERSION_NAME], &out->name) &&
           mp_read_str(&v.at[VERSION_VERSION], &out->version) &&
           read_u32(&v.at[VERSION_PROTOCOL], &out->protocol) &&
           read_u32(&v.at[VERSION_PARTITIONS], &out->partitions);
}

static bool read_state(struct mp_reader *r, enum partition_state *out)
{
    struct str name;
    if (!mp_read_str(r, &name))
        return false;
    for (size_t i = 0; i < STATE_COUNT; i++) {
        if (str_equal(name, state_names[i])) {
            *out = (enum partition_state)i;
            return true;
        }
    }
    return false;
}

enum { PART_NUMBER, PART_STATE, PART_KEY_COUNT, PART_DEPTH = 2 };

/* The partitions come in order of their numbers. */
bool wire_health_reply_read(const struct wire_reply *reply, struct wire_health *out)
{
    static const struct wire_key key = {{"partitions", 10}, FIELD_NONE};
    static const struct wire_key part_keys[PART_KEY_COUNT] = {
        [PART_NUMBER] = {{"partition", 9}, FIELD_NONE},
        [PART_STATE] = {{"state", 5}, FIELD_NONE},
    };
    struct wire_values v;
    if (!wire_reply_values(reply, &key, 1, &v) || !mp_read_array(&v.at[0], &out->partitions) ||
        out->partitions > LEDGER_PARTITIONS_MAX)
        return false;
    for (uint32_t i = 0; i < out->partitions; i++) {
        struct wire_values part;
        uint32_t number;
        if (!wire_values_read(&v.at[0], PART_DEPTH, part_keys, PART_KEY_COUNT, &part) ||
            !read_u32(&part.at[PART_NUMBER], &number) || number != i ||
            !read_state(&part.at[PART_STATE], &out->states[i]))
            return false;
    }
    return true;
}
