/* The configuration of the rate feed: the JSON file of `teller serve --feed FILE`. docs/OPERATIONS.md tells what each key means.
 *
 * Strict: a key that is not known, comes twice, or has a value out of range is refused, with its name. */
#ifndef TELLER_BROKER_FEED_CONFIG_H
#define TELLER_BROKER_FEED_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "actors/ratefeed/ratefeed.h"

enum { FEED_URL_MAX = 512, FEED_KEY_MAX = 128, FEED_PATH_MAX = 1024, FEED_WHY_MAX = 256 };

enum feed_kind { FEED_ECB, FEED_ECB_HISTORY, FEED_KOREAEXIM };

/* Where a source's sheets come from. */
struct feed_origin {
    enum feed_kind kind;
    char url[FEED_URL_MAX + 1];
    char key[FEED_KEY_MAX + 1]; /* secret; "": none */
};

struct feed_config {
    uint32_t count;
    struct ratefeed_source_config sources[RATEFEED_SOURCES_MAX];
    struct feed_origin origins[RATEFEED_SOURCES_MAX]; /* by source */
    bool allow_http;
    char ca_file[FEED_PATH_MAX + 1]; /* "": the system's */
};

/* Reads the file, and the key files that it names. NULL: why says why. */
struct feed_config *feed_config_load(const char *path, char why[FEED_WHY_MAX]);

/* The text alone; key files are read. */
struct feed_config *feed_config_parse(const char *text, size_t length, char why[FEED_WHY_MAX]);

/* Wipes the keys. */
void feed_config_destroy(struct feed_config **self_p);

#endif
