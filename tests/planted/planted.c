#include "tests/planted/planted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int planted_number;

/* In the order of their numbers, from 1; plant.py writes it. */
static const char *const NAMES[] = {
#include "tests/planted/names.inc"
};

__attribute__((constructor)) static void planted_choose(void)
{
    const char *name = getenv("TELLER_PLANTED");
    if (!name || !*name)
        return;
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (strcmp(NAMES[i], name) == 0)
            planted_number = (int)i + 1;
    }
    if (planted_number == 0) {
        fprintf(stderr, "no bug called %s is planted\n", name);
        exit(64);
    }
}
