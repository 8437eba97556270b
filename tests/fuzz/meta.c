/* Fuzz target: meta.json of a data directory.
 *
 * What is let through is in range, and the file that is written for it says the same. */
#include <stdlib.h>

#include "actors/base/check.h"
#include "store/meta.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct datadir_meta meta, again;
    char why[64] = "";
    enum err err = meta_parse((const char *)data, size, &meta, why, sizeof why);
    CHECK(err == ERR_OK || err == ERR_CORRUPT || err == ERR_VERSION);
    CHECK(err == ERR_OK || (why[0] != '\0' && memchr(why, '\0', sizeof why) != NULL));
    if (err != ERR_OK)
        return 0;
    CHECK(meta.partitions >= 1 && meta.partitions <= DATADIR_PARTITIONS_MAX && meta.created_us >= 0);
    CHECK(meta.id_retention_seconds >= 1 && meta.id_retention_seconds <= DATADIR_RETENTION_SECONDS_MAX);
    CHECK(strspn(meta.node_id, "0123456789abcdef") == DATADIR_NODE_ID_LENGTH &&
          meta.node_id[DATADIR_NODE_ID_LENGTH] == '\0');
    char *text = meta_format(&meta);
    CHECK(text != NULL);
    err = meta_parse(text, strlen(text), &again, why, sizeof why);
    CHECK(err == ERR_OK && again.partitions == meta.partitions && again.hash_key == meta.hash_key &&
          again.id_retention_seconds == meta.id_retention_seconds && again.created_us == meta.created_us &&
          strcmp(again.node_id, meta.node_id) == 0);
    free(text);
    return 0;
}
