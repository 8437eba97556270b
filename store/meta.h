/* meta.json: what was fixed when a data directory was made. Internal to datadir.c.
 *
 *     {"format": 2, "partitions": 2, "id_retention_seconds": 7776000, "base_currency": "KRW", "hash_key": "16 hex digits",
 *      "created_us": 1700000000000000, "node_id": "32 hex digits"}
 *
 * Every key is required, no other is allowed, none may stand twice.
 */
#ifndef TELLER_STORE_META_H
#define TELLER_STORE_META_H

#include <stddef.h>

#include "store/datadir.h"

/* ERR_CORRUPT, ERR_VERSION: `why` receives a phrase. */
enum err meta_parse(const char *text, size_t length, struct datadir_meta *out, char *why,
                    size_t why_capacity) MUST_USE;

/* The file's text, to free(); NULL: no memory. */
char *meta_format(const struct datadir_meta *meta);

#endif
