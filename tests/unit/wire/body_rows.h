/* Tables of bodies: each row is judged by the reader of its operation, whole and cut short.
 *
 * For one executable's tests: a row that fails is printed, and the test fails. */
#ifndef TELLER_TESTS_WIRE_BODY_ROWS_H
#define TELLER_TESTS_WIRE_BODY_ROWS_H

#include <stddef.h>

#include "actors/base/code.h"
#include "broker/wire/msgpack.h"
#include "broker/wire/request.h"

struct body_row {
    const char *operation;
    const char *body; /* in notation */
    enum code code;   /* CODE_OK: it is good */
    enum field field;
};

/* Reads the body of any operation in the table. */
typedef enum code body_read(const struct wire_header *header, enum field *field);

/* Each row's body is answered with its code and field. */
void body_rows_judge(const struct body_row *rows, size_t count, body_read *read);

/* Each good body of the table is a BAD_REQUEST when it is cut short, wherever that is. */
void body_rows_cut(const struct body_row *rows, size_t count, body_read *read);

/* The body that the writer holds, as a request. It stays in the writer. */
struct wire_header body_sent(enum wire_operation operation, const struct mp_writer *w);

#endif
