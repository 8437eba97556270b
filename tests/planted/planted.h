/* Which planted bug is on in this process: at most one, chosen by its name in the environment variable TELLER_PLANTED.
 *
 * plant.py copies the sources, puts every bug of mutations/ into the copy behind planted_is(number), and builds there. The
 * real sources never include this. */
#ifndef TELLER_PLANTED_H
#define TELLER_PLANTED_H

#include <stdbool.h>

extern int planted_number; /* 0: none, and everything is as written */

static inline bool planted_is(int number)
{
    return __builtin_expect(planted_number == number, 0);
}

#endif
