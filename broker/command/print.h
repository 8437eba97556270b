/* Values as people and programs read them: money with its decimals, times, tables' cells, JSON. */
#ifndef TELLER_COMMAND_PRINT_H
#define TELLER_COMMAND_PRINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "actors/base/money.h"
#include "actors/base/str.h"
#include "actors/base/uuid.h"

/* ---- values ----------------------------------------------------------------------------------- */

/* "-12.50" in the currency's decimals; static storage of four turns, so that a line may print several. */
const char *money_text(int64_t minor, currency_index currency);

/* "1350.25"; the same. */
const char *rate_decimal(int64_t rate);

/* "2026-11-20T23:37:06+01:00": local, whole seconds. Static storage of four turns. */
const char *time_text(int64_t time_us);

/* "2026-11-20T22:37:06.123456Z"; the same. */
const char *time_text_utc(int64_t time_us);

/* A date, or a date and a time: "2026-11-20", "2026-11-20T23:37", "2026-11-20 23:37:06.5", then nothing (local), "Z" or an
 * offset. false: not of that form. */
bool time_parse(const char *text, int64_t *time_us);

/* "12.50", perhaps with a sign if signs are allowed. false, and *why says why (static storage). */
bool amount_parse(struct str text, currency_index currency, bool is_signed, int64_t *out, const char **why);

/* ---- JSON ------------------------------------------------------------------------------------- */

/* A value at a time, straight to a file. Names are NULL inside arrays. Empty or NULL text is null. */
struct emit {
    FILE *out;
    uint64_t is_array; /* a bit for each open level */
    unsigned depth;
    bool needs_comma;
};

struct emit emit_to(FILE *out);
void emit_object(struct emit *self);
void emit_object_in(struct emit *self, const char *name);
void emit_array(struct emit *self, const char *name);
void emit_end(struct emit *self);  /* of the innermost object or array */
void emit_line(struct emit *self); /* ends the line; another value may follow on the next */
void emit_null(struct emit *self, const char *name);
void emit_bool(struct emit *self, const char *name, bool value);
void emit_number(struct emit *self, const char *name, int64_t value);
void emit_unsigned(struct emit *self, const char *name, uint64_t value);
void emit_str(struct emit *self, const char *name, struct str text);
void emit_text(struct emit *self, const char *name, const char *text);
void emit_uuid(struct emit *self, const char *name, const struct uuid *id); /* nil: null */
/* A string, so that no reader makes a float of it. */
void emit_money(struct emit *self, const char *name, int64_t minor, currency_index currency);
void emit_rate(struct emit *self, const char *name, int64_t rate); /* 0: null */
void emit_time(struct emit *self, const char *name, int64_t time_us);

#endif
