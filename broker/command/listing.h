/* A list that comes page by page, and is printed as a table or as JSON: {name: […], "cursor": …}.
 *
 *     do {
 *         … ask for a page: listing_limit, listing_cursor …
 *         if (listing_page_begin(&list, is_json, "holds"))
 *             … print the table's head …
 *         … print the page …
 *     } while (listing_page_end(&list, count, next));
 *
 * Nothing is printed before there is an answer, so that a refusal stands alone. */
#ifndef TELLER_COMMAND_LISTING_H
#define TELLER_COMMAND_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/base/str.h"
#include "broker/command/print.h"
#include "broker/options.h"

enum { LISTING_OPTIONS = 2, LISTING_PAGE_MAX = 1000, LISTING_CURSOR_BYTES = 80 };

struct listing {
    uint64_t left;      /* that may still be printed */
    const char *cursor; /* NULL or empty: from the start */
    char next[LISTING_CURSOR_BYTES];
    struct emit json;
    bool is_json, has_begun;
};

/* The rows --limit and --cursor for a command's table; fills in the defaults. */
void listing_options(struct listing *self, struct option_row rows[LISTING_OPTIONS]);

/* Of the next page: 1 .. LISTING_PAGE_MAX; and where it begins. */
uint32_t listing_limit(const struct listing *self);
struct str listing_cursor(const struct listing *self);

/* There is a page. In JSON it goes into self->json. true: it is the first one, and a table. */
bool listing_page_begin(struct listing *self, bool is_json, const char *name);

/* `count` of it have been printed; next: its cursor. true: there is to be another. false: the end has been printed. */
bool listing_page_end(struct listing *self, size_t count, struct str next);

#endif
