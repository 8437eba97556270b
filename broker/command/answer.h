/* Bodies of answers that are printed as they come: what a later server adds is shown too. */
#ifndef TELLER_COMMAND_ANSWER_H
#define TELLER_COMMAND_ANSWER_H

#include "broker/command/print.h"
#include "broker/wire/msgpack.h"

/* A value as JSON; 16 bytes are an id. The bytes have passed mp_skip. false: malformed. name: NULL inside an array. */
bool answer_json(struct mp_reader *r, struct emit *json, const char *name);

/* The rows of a table: an array of maps, of which those keys are shown. */
struct answer_column {
    const char *key, *title;
    int width; /* below zero: to the left; 0: as it comes, the last */
    bool is_time;
};
bool answer_table(struct mp_reader *r, const struct answer_column *columns, size_t count);

/* A body that is a list, as it came: as JSON, or the array under `key` as a table, and whether there is more of it.
 * false: malformed. */
bool answer_list(struct str body, bool is_json, const char *key, const struct answer_column *columns,
                 size_t count);

/* The value of a key in a map that *r stands at; r does not move. false: there is none. */
bool answer_find(const struct mp_reader *r, const char *key, struct mp_reader *value);

#endif
