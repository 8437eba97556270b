/* Marks: names for rare branches, so that a simulation can tell whether it ever went there.
 *
 *     if (peer_is_full) {
 *         MARK("a full link window refuses a transfer");
 *         …
 *
 * In a build with TELLER_MARKS each mark counts its hits, in a section of its own that the simulator reads; in every
 * other build it is nothing at all. Counting is for one thread.
 */
#ifndef TELLER_BASE_MARK_H
#define TELLER_BASE_MARK_H

#ifdef TELLER_MARKS

#include <stdint.h>

struct mark {
    const char *name;
    uint64_t hits;
};

#define MARK(text)                                                                   \
    do {                                                                             \
        static struct mark mark_here                                                 \
            __attribute__((section("teller_marks"), used, aligned(16))) = {text, 0}; \
        mark_here.hits++;                                                            \
    } while (0)

#else

#define MARK(text) ((void)0)

#endif

#endif
