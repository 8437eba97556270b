/* Judges a table of bodies with cmocka's assertions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "tests/unit/wire/body_rows.h"
#include "tests/unit/wire/notation.h"

enum { TEXT_BYTES = 4096 };

/* The frame's head says six values, so that a row may have something behind its body. */
static struct message message_of(const struct body_row *row)
{
    char text[TEXT_BYTES];
    int length = snprintf(text, sizeof text, "$9601 \"%s\" 7 nil nil %s", row->operation, row->body);
    assert_in_range(length, 1, sizeof text - 1);
    return notation_read(text);
}

void body_rows_judge(const struct body_row *rows, size_t count, body_read *read)
{
    for (size_t i = 0; i < count; i++) {
        struct message message = message_of(&rows[i]);
        struct wire_header header = message_header(&message);
        enum field field;
        enum code code = read(&header, &field);
        if (code != rows[i].code || field != rows[i].field)
            print_error("row: %s %s\n", rows[i].operation, rows[i].body);
        assert_int_equal(code, rows[i].code);
        assert_int_equal(field, rows[i].field);
        message_free(&message);
    }
}

void body_rows_cut(const struct body_row *rows, size_t count, body_read *read)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].code != CODE_OK)
            continue;
        struct message whole = message_of(&rows[i]);
        struct wire_header header = message_header(&whole);
        size_t head = whole.length - header.body.length;
        for (size_t length = head + 1; length < whole.length; length++) {
            struct message cut = message_copy(whole.bytes, length);
            enum field field;
            header = message_header(&cut);
            assert_int_equal(read(&header, &field), CODE_BAD_REQUEST);
            message_free(&cut);
        }
        message_free(&whole);
    }
}

struct wire_header body_sent(enum wire_operation operation, const struct mp_writer *w)
{
    return (struct wire_header){.operation = operation,
                                .partition = WIRE_PARTITION_ANY,
                                .body = {(const char *)w->data, (uint32_t)w->length}};
}
