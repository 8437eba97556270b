#include "tests/lib/keys/keys.h"

#include <stdio.h>

#include "actors/base/check.h"

const char *test_key(const char *name, char out[TEST_KEY_MAX])
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", TELLER_TEST_KEYS, name);
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    size_t length = fread(out, 1, TEST_KEY_MAX - 1, file);
    fclose(file);
    CHECK(length > 0);
    out[length] = '\0';
    return out;
}
