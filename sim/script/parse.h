/* Reads a script. A file with "each" in it is many scripts: one for each choice of values.
 */
#ifndef TELLER_SIM_SCRIPT_PARSE_H
#define TELLER_SIM_SCRIPT_PARSE_H

#include "sim/script/statement.h"

struct parse_error {
    unsigned line;
    char what[200];
};

/* choice: for each dimension which of its values, from 0; those that are missing count as 0. NULL: a mistake, which
 * *error tells. file and source must last as long as the script. */
struct script *script_parse(const char *file, const char *source, const uint64_t *choice, size_t choice_count,
                            struct parse_error *error);
void script_release(struct script **self_p);

#endif
