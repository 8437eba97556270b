/* Inside this folder: one line of text for people, cut with "…" where it does not fit. */
#ifndef TELLER_SIM_LINE_H
#define TELLER_SIM_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "actors/base/str.h"
#include "actors/base/uuid.h"

struct line {
    char *out;
    size_t used, capacity;
    bool is_cut; /* nothing more is added */
};

/* capacity: 8 at least. out is an empty string from now on. */
struct line line_of(char *out, size_t capacity);

void line_add(struct line *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The bytes of text; what is not printable ASCII or UTF-8 is a dot. */
void line_str(struct line *self, struct str text);

/* The first eight hexadecimal digits. */
void line_id(struct line *self, const struct uuid *id);

#endif
