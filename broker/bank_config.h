/* The configuration of banks: the JSON file of `teller serve --banks FILE`. docs/OPERATIONS.md tells what each key means,
 * docs/BANKS.md the settings of each rail.
 *
 * Strict: a key that is not known, comes twice, or has a value out of range is refused, with its name. What may be done with a
 * bank's settings is asked of its rail at once, so that a wrong one is told before anything starts.
 *
 * A setting may stand in a file, {"file": "path"}; those that are secret have to. The configuration keeps them, in no other
 * place than here and in what the rails have opened, and wipes them. */
#ifndef TELLER_BROKER_BANK_CONFIG_H
#define TELLER_BROKER_BANK_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "actors/bank/bank.h"

enum {
    BANKS_URL_MAX = 256,
    BANKS_PATH_MAX = 1024,
    BANKS_SETTINGS_MAX = 24, /* of a bank */
    BANKS_SETTING_MAX = 8192,
    BANKS_WHY_MAX = 256,
};

/* One bank as it is configured. */
struct banks_bank {
    char name[BANK_NAME_MAX + 1];
    char url[BANKS_URL_MAX + 1];
    const struct rail *rail;
    struct bank_limits limits;
    size_t setting_count;
    struct rail_setting settings[BANKS_SETTINGS_MAX]; /* the configuration's */
};

struct banks_config {
    uint32_t count;
    struct banks_bank banks[BANK_BANKS_MAX];
    bool allow_http;
    char ca_file[BANKS_PATH_MAX + 1]; /* "": the system's */
};

/* Reads the file, and those that it names. NULL: why says why. */
struct banks_config *banks_config_load(const char *path, char why[BANKS_WHY_MAX]);

/* The text alone; the files that it names are read. */
struct banks_config *banks_config_parse(const char *text, size_t length, char why[BANKS_WHY_MAX]);

/* What the bank's rail makes of its settings: one for each thread that uses it, for as long as the configuration lives; rail->close
 * ends it. NULL: why says why. */
void *banks_config_open(const struct banks_config *self, uint32_t bank, char why[BANKS_WHY_MAX]);

/* The value of a bank's setting; NULL: it has none. */
const char *banks_config_setting(const struct banks_config *self, uint32_t bank, const char *key);

/* Wipes the settings. */
void banks_config_destroy(struct banks_config **self_p);

#endif
