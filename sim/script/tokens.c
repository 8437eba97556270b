#include "sim/script/tokens.h"

#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"

static void add(struct tokens *self, enum token_kind kind, unsigned line, const char *text)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 256;
        self->all = realloc(self->all, self->capacity * sizeof *self->all);
        CHECK(self->all);
    }
    self->all[self->count++] = (struct token){kind, line, text};
}

static bool is_word_char(char c)
{
    return (unsigned char)c > ' ' && c != 0x7f && !strchr("{};\"", c);
}

/* Copies length characters and a NUL to *room, and moves it behind them. */
static const char *keep(char **room, const char *text, size_t length)
{
    char *copy = *room;
    memcpy(copy, text, length);
    copy[length] = '\0';
    *room += length + 1;
    return copy;
}

bool tokens_read(struct tokens *self, const char *source, unsigned *line, const char **what)
{
    *self = (struct tokens){.chars = malloc(2 * strlen(source) + 1)};
    CHECK(self->chars);
    char *room = self->chars;
    *line = 1;
    for (const char *at = source; *at;) {
        if (*at == '\n' || *at == ';') {
            add(self, TOKEN_END, *line, *at == ';' ? ";" : "the line's end");
            *line += *at++ == '\n';
        } else if (*at == ' ' || *at == '\t') {
            at++;
        } else if (*at == '#') {
            at += strcspn(at, "\n");
        } else if (*at == '{' || *at == '}') {
            add(self, *at == '{' ? TOKEN_OPEN : TOKEN_CLOSE, *line, *at == '{' ? "{" : "}");
            at++;
        } else if (*at == '"') {
            size_t length = strcspn(at + 1, "\"\n");
            if (at[1 + length] != '"') {
                *what = "the text has no end";
                return false;
            }
            add(self, TOKEN_TEXT, *line, keep(&room, at + 1, length));
            at += length + 2;
        } else {
            size_t length = 0;
            while (is_word_char(at[length]))
                length++;
            if (length == 0) {
                *what = "a byte that is none of a script's";
                return false;
            }
            add(self, TOKEN_WORD, *line, keep(&room, at, length));
            at += length;
        }
    }
    add(self, TOKEN_END, *line, "the file's end");
    add(self, TOKEN_EOF, *line, "the file's end");
    return true;
}

void tokens_release(struct tokens *self)
{
    free(self->all);
    free(self->chars);
    *self = (struct tokens){0};
}
