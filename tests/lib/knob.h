/* A number that a test turns while the program runs: eight bytes of a file that both have mapped. The preloaded
 * libraries beside this one are told by it how much room there is, or what time it is. */
#ifndef TELLER_TESTS_LIB_KNOB_H
#define TELLER_TESTS_LIB_KNOB_H

#include <stdatomic.h>
#include <stdint.h>

/* Maps the file that the environment variable names. NULL: there is no such variable, or no such file. The mapping
 * stays until the process ends. */
_Atomic int64_t *knob_open(const char *variable);

#endif
