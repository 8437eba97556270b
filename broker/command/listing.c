/* Lists that come page by page. */
#include "broker/command/listing.h"

#include "broker/command/arguments.h"

enum { LIMIT_DEFAULT = 100 };

_Static_assert((int)LISTING_PAGE_MAX == (int)TELLER_PAGE_MAX, "as the client has it");

void listing_options(struct listing *self, struct option_row rows[LISTING_OPTIONS])
{
    *self = (struct listing){.left = LIMIT_DEFAULT};
    rows[0] = (struct option_row){.name = "limit",
                                  .type = OPTION_NUMBER,
                                  .out = &self->left,
                                  .value = "N",
                                  .help = "at most so many (100)",
                                  .minimum = 1};
    rows[1] = option_text("cursor", &self->cursor, "TEXT", "go on where an earlier list ended");
}

uint32_t listing_limit(const struct listing *self)
{
    return self->left < LISTING_PAGE_MAX ? (uint32_t)self->left : LISTING_PAGE_MAX;
}

struct str listing_cursor(const struct listing *self)
{
    return argument_text(self->cursor);
}

bool listing_page_begin(struct listing *self, bool is_json, const char *name)
{
    if (self->has_begun)
        return false;
    self->has_begun = true;
    self->is_json = is_json;
    if (!is_json)
        return true;
    self->json = emit_to(stdout);
    emit_object(&self->json);
    emit_array(&self->json, name);
    return false;
}

bool listing_page_end(struct listing *self, size_t count, struct str next)
{
    self->left -= count < self->left ? count : self->left;
    snprintf(self->next, sizeof self->next, "%.*s", (int)next.length, next.length > 0 ? next.data : "");
    self->cursor = self->next;
    if (next.length > 0 && self->left > 0)
        return true;
    if (self->is_json) {
        emit_end(&self->json);
        emit_text(&self->json, "cursor", self->next);
        emit_end(&self->json);
        emit_line(&self->json);
    } else if (next.length > 0) {
        printf("There are more: --cursor %s\n", self->next);
    }
    return false;
}
