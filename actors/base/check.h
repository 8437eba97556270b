/* CHECK: assertions that ship.
 *
 * A CHECK guards against a programmer's error, never against bytes from outside. It is on in every
 * build. When it fails, the process prints file, line, the expression, the actor's name and the last
 * messages that actor handled, and aborts: a restart from the journal is always safe.
 *
 * The note ring is per thread, because an actor is a thread. The thread's shell calls check_enter()
 * once; cores call check_note() through CHECK_NOTE only on cold paths.
 */
#ifndef TELLER_BASE_CHECK_H
#define TELLER_BASE_CHECK_H

#include <stdint.h>

#define CHECK(condition)                                  \
    do {                                                  \
        if (__builtin_expect(!(condition), 0))            \
            check_failed(__FILE__, __LINE__, #condition); \
    } while (0)

/* Marks a place that no input can reach, e.g. after a switch that handles every enumerator. */
#define CHECK_UNREACHABLE() check_failed(__FILE__, __LINE__, "unreachable")

_Noreturn void check_failed(const char *file, int line, const char *expression);

/* Names the calling thread's actor for failure reports. name is copied (31 characters kept). */
void check_enter(const char *name);

/* Remembers one handled message: what (a static string) and two numbers that help to find it.
 * The last 16 are printed when a CHECK fails. No allocation, no I/O. */
void check_note(const char *what, uint64_t a, uint64_t b);

#endif
