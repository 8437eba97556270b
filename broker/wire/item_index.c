/* Where the values of one item stand. */
#include "broker/wire/item_index.h"

#include "actors/ledger/ledger.h"

static const struct wire_key item_keys[ITEM_VALUE_COUNT] = {
    [ITEM_KIND] = {{"kind", 4}, FIELD_KIND},
    [ITEM_TRANSACTION_ID] = {{"transaction_id", 14}, FIELD_TRANSACTION_ID},
    [ITEM_FROM_ACCOUNT] = {{"from_account", 12}, FIELD_FROM_ACCOUNT},
    [ITEM_TO_ACCOUNT] = {{"to_account", 10}, FIELD_TO_ACCOUNT},
    [ITEM_AMOUNT] = {{"amount", 6}, FIELD_AMOUNT},
    [ITEM_CURRENCY] = {{"currency", 8}, FIELD_CURRENCY},
    [ITEM_MEMO] = {{"memo", 4}, FIELD_MEMO},
    [ITEM_REFERENCE] = {{"reference", 9}, FIELD_REFERENCE},
    [ITEM_DEADLINE] = {{"deadline", 8}, FIELD_DEADLINE},
    [ITEM_REST] = {{"rest", 4}, FIELD_REST},
    [ITEM_RATE] = {{"rate", 4}, FIELD_RATE},
    [ITEM_EXPIRES] = {{"expires", 7}, FIELD_EXPIRES},
    [ITEM_HOLD] = {{"hold", 4}, FIELD_HOLD},
    [ITEM_QUOTE] = {{"quote", 5}, FIELD_QUOTE},
    [ITEM_ITEMS] = {{"items", 5}, FIELD_ITEMS},
};

static const struct str kind_names[] = {
    [COMMAND_TRANSFER] = {"transfer", 8}, [COMMAND_DEPOSIT] = {"deposit", 7},
    [COMMAND_WITHDRAW] = {"withdraw", 8}, [COMMAND_GROUP] = {"group", 5},
    [COMMAND_HOLD] = {"hold", 4},         [COMMAND_CAPTURE] = {"capture", 7},
    [COMMAND_RELEASE] = {"release", 7},   [COMMAND_EXCHANGE] = {"exchange", 8},
};

bool item_take_kind(struct mp_reader *r, uint8_t *kind)
{
    struct mp_reader next = *r;
    struct str name;
    uint64_t number = 0;
    if (mp_read_str(&next, &name)) {
        for (number = COMMAND_TRANSFER; number <= COMMAND_EXCHANGE; number++) {
            if (str_equal(name, kind_names[number]))
                break;
        }
    } else if (!mp_read_uint(&next, &number)) {
        return false;
    }
    if (number < COMMAND_TRANSFER || number > COMMAND_EXCHANGE)
        return false;
    *kind = (uint8_t)number;
    *r = next;
    return true;
}

/* *own: what stands at the place of the kind's own value. */
static bool index_array(struct mp_reader *r, unsigned depth, struct wire_values *out, struct mp_reader *own)
{
    uint32_t count;
    wire_values_init(out);
    *own = out->at[ITEM_ITEMS];
    if (!mp_read_array(r, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        struct mp_reader value = *r;
        if (!mp_skip(r, depth))
            return false;
        value.end = r->at;
        if (i <= ITEM_DEADLINE)
            out->at[i] = value;
        else if (i == ITEM_PLACE_OWN)
            *own = value;
        else if (i == ITEM_PLACE_REST)
            out->at[ITEM_REST] = value;
    }
    if (count > ITEM_PLACE_REST + 1)
        wire_values_fault(out, CODE_BAD_REQUEST, FIELD_NONE);
    return true;
}

/* A group's array has its items at the third place. */
static void move_group_items(struct wire_values *out)
{
    struct mp_reader items = out->at[ITEM_FROM_ACCOUNT];
    out->at[ITEM_FROM_ACCOUNT] = out->at[ITEM_ITEMS];
    out->at[ITEM_ITEMS] = items;
}

/* The kind's own value. */
static enum item_value own_value(uint8_t kind)
{
    if (kind == COMMAND_HOLD)
        return ITEM_EXPIRES;
    if (kind == COMMAND_CAPTURE || kind == COMMAND_RELEASE)
        return ITEM_HOLD;
    return kind == COMMAND_EXCHANGE ? ITEM_QUOTE : ITEM_RATE;
}

/* More values than an array of this kind has. */
static void check_count(struct wire_values *out, uint8_t kind, uint32_t count)
{
    uint32_t most = kind == COMMAND_GROUP     ? ITEM_DEADLINE + 1
                    : kind == COMMAND_CAPTURE ? ITEM_PLACE_REST + 1
                                              : ITEM_PLACE_OWN + 1;
    if (count > most)
        wire_values_fault(out, CODE_BAD_REQUEST, FIELD_NONE);
}

/* Values that an item of this kind does not have. */
static void check_shape(struct wire_values *out, uint8_t kind)
{
    if (kind != COMMAND_GROUP) {
        for (size_t i = ITEM_REST; i < ITEM_VALUE_COUNT; i++) {
            bool own = i == own_value(kind) || (i == ITEM_REST && kind == COMMAND_CAPTURE);
            if (!own && !mp_is_nil(&out->at[i]))
                wire_values_fault(out, CODE_BAD_REQUEST, item_keys[i].field);
        }
        return;
    }
    for (size_t i = ITEM_FROM_ACCOUNT; i < ITEM_ITEMS; i++) {
        if (!mp_is_nil(&out->at[i]))
            wire_values_fault(out, CODE_BAD_REQUEST, item_keys[i].field);
    }
}

bool item_index(struct mp_reader *r, unsigned level, uint8_t fallback, struct wire_values *out, uint8_t *kind)
{
    struct mp_reader start = *r;
    uint32_t count;
    struct mp_reader own;
    bool is_array = mp_read_array(&start, &count);
    bool is_map = !is_array && mp_read_map(&start, &count);
    *kind = 0;
    if (!is_array && !is_map) {
        wire_values_init(out);
        wire_values_fault(out, CODE_BAD_REQUEST, FIELD_NONE);
        return mp_skip(r, MP_DEPTH_MAX - level + 1);
    }
    if (is_array ? !index_array(r, MP_DEPTH_MAX - level, out, &own)
                 : !wire_values_read(r, MP_DEPTH_MAX - level, item_keys, ITEM_VALUE_COUNT, out))
        return false;
    if (mp_is_nil(&out->at[ITEM_KIND]))
        *kind = fallback;
    else if (!item_take_kind(&out->at[ITEM_KIND], kind))
        return true;
    if (is_array) {
        check_count(out, *kind, count);
        if (*kind == COMMAND_GROUP)
            move_group_items(out);
        else
            out->at[own_value(*kind)] = own;
    }
    check_shape(out, *kind);
    return true;
}
