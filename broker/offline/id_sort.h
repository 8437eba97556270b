/* Whether one partition has answered a transaction id twice: every id with where and when, sorted by id.
 *
 * Memory is bounded: ids are collected to a limit, sorted, and written as a run to a temporary file that has no name
 * (TMPDIR, or /tmp; 32 bytes an id). At the end the runs are merged, and equal neighbours compared. An id that comes
 * again after the retention time is not a fault: it has been forgotten by then.
 */
#ifndef TELLER_BROKER_OFFLINE_ID_SORT_H
#define TELLER_BROKER_OFFLINE_ID_SORT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "actors/base/err.h"
#include "actors/base/uuid.h"

enum { ID_SORT_MEMORY_DEFAULT = 64 << 20 };

struct id_sort_entry {
    struct uuid id;
    uint64_t position;
    int64_t time_us;
};

struct id_sort {
    struct id_sort_entry *entries;
    size_t count, capacity, limit;
    FILE *file;         /* runs, one behind another; NULL: all is in memory */
    uint64_t *run_ends; /* in entries */
    size_t run_count;
};

void id_sort_init(struct id_sort *self, size_t memory_bytes);
void id_sort_release(struct id_sort *self);

enum err id_sort_add(struct id_sort *self, const struct uuid *id, uint64_t position,
                     int64_t time_us) MUST_USE;

/* Compares all. ERR_CORRUPT: first and second are the two answers. Adding ends. */
enum err id_sort_check(struct id_sort *self, int64_t retention_us, struct id_sort_entry *first,
                       struct id_sort_entry *second) MUST_USE;

#endif
