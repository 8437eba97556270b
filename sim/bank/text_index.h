/* From a text to a number: open addressing over numbers whose texts somebody else keeps. It never forgets.
 *
 * Numbers are below UINT32_MAX. `text_of` gives the text of a number that was put in, for as long as the index lives. */
#ifndef TELLER_SIM_BANK_TEXT_INDEX_H
#define TELLER_SIM_BANK_TEXT_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_INDEX_NONE = -1 };

struct text_index {
    const char *(*text_of)(const void *owner, uint32_t number);
    uint32_t *slots; /* number + 1; 0: free */
    size_t count, capacity;
};

void text_index_init(struct text_index *self, const char *(*text_of)(const void *owner, uint32_t number));
void text_index_release(struct text_index *self);
/* TEXT_INDEX_NONE: it is not there. Where a text was put in twice, the newest. */
int64_t text_index_find(const struct text_index *self, const void *owner, const char *text);
/* false: no memory. text_of(number) has to be there already. A text that is there already now has the new number. */
bool text_index_put(struct text_index *self, const void *owner, uint32_t number);

#endif
