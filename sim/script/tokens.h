/* Inside this folder: the words of a script.
 *
 * A script is lines of words. '#' begins a comment; '{' and '}' stand for themselves; a text with spaces stands in double
 * quotes; a line's end, or ';', ends a statement. */
#ifndef TELLER_SIM_SCRIPT_TOKENS_H
#define TELLER_SIM_SCRIPT_TOKENS_H

#include <stdbool.h>
#include <stddef.h>

enum token_kind {
    TOKEN_WORD,
    TOKEN_TEXT, /* it stood in quotes */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_END, /* of a statement: a line's end or ';' */
    TOKEN_EOF
};

struct token {
    enum token_kind kind;
    unsigned line; /* from 1 */
    const char *text;
};

struct tokens {
    struct token *all; /* the last one is TOKEN_EOF */
    size_t count, capacity;
    char *chars;
};

/* false: a text is not closed, or a byte is none of a script's; *line and *what tell. To be released either way. */
bool tokens_read(struct tokens *self, const char *source, unsigned *line, const char **what);
void tokens_release(struct tokens *self);

#endif
