/* Interned strings: equal strings have the same number. Up to 255 bytes each; never removed. */
#ifndef TELLER_LEDGER_NAMES_H
#define TELLER_LEDGER_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/mem.h"
#include "actors/base/str.h"

#define NAME_NONE UINT32_MAX

enum { NAME_SEGMENT = 64 * 1024, NAME_SEGMENTS_MAX = 1 << 16 };

struct names {
    const struct mem *mem;
    uint64_t hash_key;
    char **segments; /* length byte, bytes */
    size_t segment_capacity;
    uint32_t segment_count;
    uint32_t segment_used; /* bytes of the last one */
    uint32_t *where;       /* by name: segment * NAME_SEGMENT + offset */
    size_t where_capacity;
    uint32_t count;
    uint32_t *slots; /* name + 1; 0: empty */
    size_t slot_capacity;
};

void names_init(struct names *self, const struct mem *mem, uint64_t hash_key);
void names_release(struct names *self);

/* Memory for `more` new names of up to 255 bytes. */
bool names_ensure(struct names *self, uint32_t more);
/* After names_ensure; cannot fail. */
uint32_t names_intern(struct names *self, struct str text);
/* NAME_NONE: not there. */
uint32_t names_find(const struct names *self, struct str text);
struct str names_at(const struct names *self, uint32_t name);

#endif
