#include "broker/offline/fault.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char FAULT_ADVICE_JOURNAL[] = "Keep a copy of the directory as it is, and restore from a backup: "
                                    "teller restore --from BACKUP --to DIR.";

enum err fault_at(struct fault *fault, uint32_t partition, uint64_t position, uint64_t sequence,
                  const char *format, ...)
{
    va_list arguments;
    if (fault->is_found)
        return ERR_CORRUPT;
    *fault = (struct fault){.is_found = true,
                            .has_place = true,
                            .partition = partition,
                            .position = position,
                            .sequence = sequence};
    va_start(arguments, format);
    vsnprintf(fault->what, sizeof fault->what, format, arguments);
    va_end(arguments);
    snprintf(fault->advice, sizeof fault->advice, "%s", FAULT_ADVICE_JOURNAL);
    return ERR_CORRUPT;
}

enum err fault_of(struct fault *fault, const char *advice, const char *format, ...)
{
    va_list arguments;
    if (fault->is_found)
        return ERR_CORRUPT;
    *fault = (struct fault){.is_found = true};
    va_start(arguments, format);
    vsnprintf(fault->what, sizeof fault->what, format, arguments);
    va_end(arguments);
    snprintf(fault->advice, sizeof fault->advice, "%s", advice);
    return ERR_CORRUPT;
}

enum err fault_stop(struct fault *fault, enum err err, const char *doing)
{
    if (err != ERR_OK && !fault->is_found)
        fault_of(fault, "Nothing was found to be damaged; try again when that is put right.", "%s: %s", doing,
                 err_text(err));
    return err;
}
