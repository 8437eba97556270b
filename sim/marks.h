/* The marks of a program (actors/base/mark.h): which rare branches there are, and how often each was gone.
 *
 * Only libraries that teller_marked (CMakeLists.txt) has built have marks that count. Marks of the same text in several places are
 * one. Two processes of the same program list them alike, so what children counted is added number by number:
 *
 *     child:  marks_reset(marks); … run …; marks_add(marks, hits);      hits: marks_count() numbers, zero before
 *     parent: total[i] += hits[i]
 */
#ifndef TELLER_SIM_MARKS_H
#define TELLER_SIM_MARKS_H

#include <stddef.h>
#include <stdint.h>

struct marks;

/* The list, in order of the texts. CHECKs for memory. */
struct marks *marks_new(void);
void marks_destroy(struct marks **self_p);

size_t marks_count(const struct marks *self);
const char *marks_text(const struct marks *self, size_t mark);

/* Hits of this process, from now on. */
void marks_reset(const struct marks *self);
uint64_t marks_hits(const struct marks *self, size_t mark);

/* Adds the hits of this process to marks_count() numbers. */
void marks_add(const struct marks *self, uint64_t *hits);

#endif
