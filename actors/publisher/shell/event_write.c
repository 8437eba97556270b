/* One walk over an event's fields for both forms, so that they cannot drift apart. Money is an integer of minor units in
 * both; ids are 16 bytes in msgpack and text in JSON. */
#include "actors/publisher/shell/event_write.h"

#include <inttypes.h>
#include <stdio.h>

#include "actors/base/code.h"
#include "actors/base/rate.h"

struct out {
    struct mp_writer *w;
    bool is_json;
    uint16_t count;
};

/* ---- JSON ------------------------------------------------------------------------------------------------- */

static void put_raw(struct mp_writer *w, const char *text)
{
    mp_write_raw(w, text, strlen(text));
}

/* Text from outside was checked when it came in; what JSON cannot hold as it is, is escaped all the same. */
static void put_quoted(struct mp_writer *w, struct str text)
{
    put_raw(w, "\"");
    for (uint32_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        char escape[8];
        if (c == '"' || c == '\\')
            snprintf(escape, sizeof escape, "\\%c", c);
        else if (c < 0x20)
            snprintf(escape, sizeof escape, "\\u%04x", c);
        else {
            mp_write_raw(w, &c, 1);
            continue;
        }
        put_raw(w, escape);
    }
    put_raw(w, "\"");
}

/* ---- fields ----------------------------------------------------------------------------------------------- */

static void key(struct out *out, const char *name)
{
    if (!out->is_json) {
        mp_write_text(out->w, name);
    } else {
        put_raw(out->w, out->count == 0 ? "{" : ",");
        put_quoted(out->w, str_from(name));
        put_raw(out->w, ":");
    }
    out->count++;
}

static void field_nil(struct out *out, const char *name)
{
    key(out, name);
    if (out->is_json)
        put_raw(out->w, "null");
    else
        mp_write_nil(out->w);
}

static void field_int(struct out *out, const char *name, int64_t value)
{
    char text[24];
    key(out, name);
    if (!out->is_json) {
        mp_write_int(out->w, value);
        return;
    }
    snprintf(text, sizeof text, "%" PRId64, value);
    put_raw(out->w, text);
}

static void field_int_or_nil(struct out *out, const char *name, bool is_there, int64_t value)
{
    if (is_there)
        field_int(out, name, value);
    else
        field_nil(out, name);
}

static void field_text(struct out *out, const char *name, struct str text)
{
    if (text.length == 0) {
        field_nil(out, name);
        return;
    }
    key(out, name);
    if (out->is_json)
        put_quoted(out->w, text);
    else
        mp_write_str(out->w, text);
}

static void field_id(struct out *out, const char *name, const struct uuid *id)
{
    char text[UUID_TEXT_LENGTH + 1];
    if (uuid_is_nil(id)) {
        field_nil(out, name);
    } else if (out->is_json) {
        uuid_format(id, text);
        field_text(out, name, str_from(text));
    } else {
        key(out, name);
        mp_write_bin(out->w, id->bytes, sizeof id->bytes);
    }
}

static void field_book(struct out *out, const char *const names[4], const struct event_book *book,
                       bool is_debit)
{
    if (!book->is_there)
        return;
    field_int(out, names[0], book->value);
    field_int(out, names[1], book->cost);
    field_int(out, names[2], book->book_value);
    if (is_debit)
        field_int(out, names[3], (int64_t)((uint64_t)book->value - (uint64_t)book->cost));
}

/* Keys that are always there. */
static void write_head(struct out *out, const struct event *event)
{
    field_int(out, "partition", event->partition);
    field_int(out, "position", (int64_t)event->position);
    field_int(out, "time", event->time_us);
    field_text(out, "kind", str_from(event->kind));
    field_id(out, "transaction_id", &event->transaction_id);
    field_text(out, "account", event->account);
    field_text(out, "from_account", event->from_account);
    field_text(out, "to_account", event->to_account);
    field_int_or_nil(out, "amount", event->has_amount, event->amount);
    field_text(out, "currency", (struct str){currency_at(event->currency)->code, CURRENCY_CODE_LENGTH});
    field_int_or_nil(out, "from_balance", event->has_from_balance, event->from_balance);
    field_int_or_nil(out, "to_balance", event->has_to_balance, event->to_balance);
    field_text(out, "memo", event->memo);
    field_text(out, "reference", event->reference);
}

static void field_bool(struct out *out, const char *name, bool value)
{
    key(out, name);
    if (out->is_json)
        put_raw(out->w, value ? "true" : "false");
    else
        mp_write_bool(out->w, value);
}

static void field_text_if(struct out *out, const char *name, struct str text)
{
    if (text.length > 0)
        field_text(out, name, text);
}

static void write_remittance(struct out *out, const struct event *event)
{
    field_text(out, "state", str_from(event->state));
    field_text(out, "step", str_from(event->step));
    field_int(out, "tries", event->tries);
    field_int(out, "rounds", event->rounds);
    field_int(out, "call", event->call);
    field_bool(out, "alarmed", event->is_alarmed);
    field_bool(out, "contradicted", event->is_contradicted);
    field_text_if(out, "bank", event->bank);
    field_text_if(out, "payer", event->payer);
    field_text_if(out, "payee", event->payee);
    field_text_if(out, "bank_reference", event->bank_reference);
    field_text_if(out, "reason", event->reason);
    field_text_if(out, "operator", event->operator_name);
}

/* Keys that are there where they say something. */
static void write_rest(struct out *out, const struct event *event)
{
    static const char *const from[] = {"from_value", "from_cost", "from_book_value", "gain"};
    static const char *const to[] = {"to_value", "to_cost", "to_book_value", NULL};
    char rate[RATE_TEXT_MAX];
    if (event->owner.length > 0)
        field_text(out, "owner", event->owner);
    if (event->product.length > 0)
        field_text(out, "product", event->product);
    if (event->has_limits) {
        field_int(out, "minimum_balance", event->minimum_balance);
        field_int_or_nil(out, "ceiling", event->ceiling != INT64_MAX, event->ceiling);
    }
    if (!uuid_is_nil(&event->hold))
        field_id(out, "hold", &event->hold);
    if (!uuid_is_nil(&event->exchange))
        field_id(out, "exchange", &event->exchange);
    if (event->has_pending)
        field_int(out, "pending", event->pending);
    if (event->has_kept) {
        field_int(out, "released", event->released);
        field_int(out, "kept", event->kept);
    }
    if (event->expires_us != 0)
        field_int(out, "expires", event->expires_us);
    if (event->rate > 0) {
        rate_format(event->rate, rate);
        field_text(out, "rate", str_from(rate));
    }
    field_book(out, from, &event->from_book, true);
    field_book(out, to, &event->to_book, false);
    if (event->code != CODE_OK)
        field_text(out, "code", str_from(code_name((enum code)event->code)));
    if (event->state != NULL)
        write_remittance(out, event);
}

void event_write_msgpack(struct mp_writer *w, const struct event *event)
{
    struct out out = {.w = w};
    uint8_t head[3];
    mp_put_u16(head, 0xde, 0); /* a map; its count comes at the end */
    size_t at = w->length;
    mp_write_raw(w, head, sizeof head);
    write_head(&out, event);
    write_rest(&out, event);
    if (!w->failed)
        mp_put_u16(w->data + at, 0xde, out.count);
}

void event_write_json(struct mp_writer *w, const struct event *event)
{
    struct out out = {.w = w, .is_json = true};
    write_head(&out, event);
    write_rest(&out, event);
    put_raw(w, "}");
}
