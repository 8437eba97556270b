/* Lines for timelines. */
#include "sim/line.h"

#include <stdarg.h>
#include <stdio.h>

#include "actors/base/check.h"

static const char cut[] = "…";

struct line line_of(char *out, size_t capacity)
{
    CHECK(capacity >= 2 * sizeof cut);
    *out = '\0';
    return (struct line){.out = out, .capacity = capacity};
}

/* Ends the line before the character that does not fit whole. */
static void cut_here(struct line *self)
{
    size_t end = self->capacity - sizeof cut;
    if (end > self->used)
        end = self->used;
    while (end > 0 && ((unsigned char)self->out[end] & 0xc0) == 0x80)
        end--;
    memcpy(self->out + end, cut, sizeof cut);
    self->used = end + sizeof cut - 1;
    self->is_cut = true;
}

void line_add(struct line *self, const char *format, ...)
{
    va_list arguments;
    if (self->is_cut)
        return;
    va_start(arguments, format);
    int length = vsnprintf(self->out + self->used, self->capacity - self->used, format, arguments);
    va_end(arguments);
    CHECK(length >= 0);
    bool fits = (size_t)length < self->capacity - self->used;
    self->used = fits ? self->used + (size_t)length : self->capacity - 1;
    if (!fits)
        cut_here(self);
}

void line_str(struct line *self, struct str text)
{
    for (uint32_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        line_add(self, "%c", byte < 0x20 || byte == 0x7f ? '.' : byte);
    }
}

void line_id(struct line *self, const struct uuid *id)
{
    line_add(self, "%02x%02x%02x%02x", id->bytes[0], id->bytes[1], id->bytes[2], id->bytes[3]);
}
