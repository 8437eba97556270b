/* What the readers of configurations have in common: strict JSON, and refusals that name the key.
 *
 * Each function but json_config_is_url answers whether all is well; where it is not, `why` says what, in words. Values of keys that
 * hold secrets are in no refusal. */
#ifndef TELLER_BROKER_JSON_CONFIG_H
#define TELLER_BROKER_JSON_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_CONFIG_WHY_MAX = 256 };

struct json_config {
    char *why;         /* of JSON_CONFIG_WHY_MAX bytes */
    const char *kind;  /* "source": of what `where` is the name */
    const char *where; /* that is being read, for refusals; NULL: none */
};

/* Always false. */
bool json_config_refuse(struct json_config *self, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* No keys but these; NULL ends the list. */
bool json_config_has_only(struct json_config *self, json_t *object, const char *const *keys);

/* out has max + 1 bytes; a text of 1 to max bytes. */
bool json_config_text(struct json_config *self, const json_t *object, const char *key, char *out, size_t max);
bool json_config_number(struct json_config *self, const json_t *object, const char *key, int64_t low,
                        int64_t high, int64_t *out);
/* *out stays as it is where the key is not there. */
bool json_config_flag(struct json_config *self, const json_t *object, const char *key, bool *out);

/* https://, or http:// where it is allowed, and no spaces. */
bool json_config_is_url(const char *url, bool allow_http);

/* NULL: why says why. */
json_t *json_config_parse(struct json_config *self, const char *text, size_t length);
/* The whole file, a NUL behind it, to be freed: its first *length bytes may be a secret. NULL: why says why; what is
 * longer than max is not read. */
char *json_config_file(struct json_config *self, const char *path, size_t max, size_t *length);

#endif
