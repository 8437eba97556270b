/* What is wrong with a data directory: the first thing found, where it is, and what to do about it. */
#ifndef TELLER_BROKER_OFFLINE_FAULT_H
#define TELLER_BROKER_OFFLINE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/base/err.h"

enum { FAULT_TEXT = 384 };

struct fault {
    bool is_found;
    bool has_place; /* partition, position and sequence say where */
    uint32_t partition;
    uint64_t position;       /* of the fact, or of its commit; 0: not known */
    uint64_t sequence;       /* of the commit; 0: not known */
    char what[FAULT_TEXT];   /* a phrase */
    char advice[FAULT_TEXT]; /* a sentence */
};

extern const char FAULT_ADVICE_JOURNAL[];

/* Notes the first fault; later ones are left out. Returns ERR_CORRUPT, so that a check may end with it. */
enum err fault_at(struct fault *fault, uint32_t partition, uint64_t position, uint64_t sequence,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
/* One that has no place in a journal. */
enum err fault_of(struct fault *fault, const char *advice, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Anything that keeps a check from going on: notes it, and hands err through. */
enum err fault_stop(struct fault *fault, enum err err, const char *doing);

#endif
