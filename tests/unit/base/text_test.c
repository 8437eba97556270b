/* Strings from outside: which are let in. Each row is copied to a block of exactly its size, so that
 * AddressSanitizer sees a read past its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "actors/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEN "0123456789"
#define THIRTY_FOUR TEN TEN TEN "0123"

struct row {
    const char *what;
    struct str text;
    bool fine;
};

#define FINE(what, text)                     \
    {                                        \
        what, {text, sizeof(text) - 1}, true \
    }
#define BAD(what, text)                       \
    {                                         \
        what, {text, sizeof(text) - 1}, false \
    }

static void check_rows(const struct row *rows, size_t count, bool (*test)(struct str))
{
    for (size_t i = 0; i < count; i++) {
        size_t length = rows[i].text.length;
        char *copy = malloc(length + (length == 0));
        assert_non_null(copy);
        memcpy(copy, rows[i].text.data, length);
        bool fine = test((struct str){copy, (uint32_t)length});
        free(copy);
        if (fine != rows[i].fine)
            fail_msg("%s: %s", rows[i].what, fine ? "let in" : "refused");
    }
}

#define CHECK_ROWS(rows, test) check_rows(rows, sizeof(rows) / sizeof *(rows), test)

static void account_ids_are_short_and_plain(void **state)
{
    static const struct row rows[] = {
        FINE("one letter", "a"),
        FINE("an IBAN", "KR1234567890123456789012345678"),
        FINE("34 characters", THIRTY_FOUR),
        FINE("every mark", "a-b_c.d:e@f/g"),
        FINE("a house account", "house:cash:KRW:0"),
        BAD("nothing", ""),
        BAD("35 characters", THIRTY_FOUR "4"),
        BAD("a space", "a b"),
        BAD("a NUL", "a\0b"),
        BAD("a line end", "a\r\nb"),
        BAD("an escape", "a\x1b[31m"),
        BAD("a letter beyond ASCII", "\xC3\xA9"),
        BAD("a star", "a*b"),
        BAD("a backslash", "a\\b"),
        BAD("a percent sign", "a%00"),
        BAD("before the digits", "a,b"),
        BAD("after the digits", "a;b"),
        BAD("before the letters", "a[b"),
        BAD("before the small letters", "a`b"),
        BAD("after the small letters", "a{b"),
    };
    (void)state;
    CHECK_ROWS(rows, text_is_account_id);
}

static void product_names_have_at_most_16_characters(void **state)
{
    static const struct row rows[] = {
        FINE("short", "wallet"), FINE("16 characters", TEN "012345"), BAD("17 characters", TEN "0123456"),
        BAD("nothing", ""),      BAD("a space", "my wallet"),
    };
    (void)state;
    CHECK_ROWS(rows, text_is_product);
}

static void house_and_transit_ids_are_reserved(void **state)
{
    static const struct row rows[] = {
        FINE("house", "house:cash:KRW:0"),     FINE("transit", "transit:KRW:1"),
        FINE("the bare prefix", "house:"),     BAD("no colon", "house"),
        BAD("a longer word", "houses:1"),      BAD("another case", "House:1"),
        BAD("not at the start", "my:house:1"), BAD("nothing", ""),
    };
    (void)state;
    CHECK_ROWS(rows, text_is_reserved_id);
}

static void clean_text_is_valid_utf8_without_controls(void **state)
{
    static const struct row rows[] = {
        FINE("nothing", ""),
        FINE("ASCII", "Rent, May (paid) ~"),
        FINE("Korean", "\xEC\x9B\x94\xEC\x84\xB8"),
        FINE("an emoji", "\xF0\x9F\x8D\x9C"),
        FINE("U+00A0, the first after C1", "\xC2\xA0"),
        FINE("U+07FF, the last of two bytes", "\xDF\xBF"),
        FINE("U+0800, the first of three bytes", "\xE0\xA0\x80"),
        FINE("U+D7FF, before the surrogates", "\xED\x9F\xBF"),
        FINE("U+E000, after the surrogates", "\xEE\x80\x80"),
        FINE("U+FFFF, the last of three bytes", "\xEF\xBF\xBF"),
        FINE("U+10000, the first of four bytes", "\xF0\x90\x80\x80"),
        FINE("U+10FFFF, the last", "\xF4\x8F\xBF\xBF"),
        BAD("above the last", "\xF4\x90\x80\x80"),
        BAD("first byte F5", "\xF5\x80\x80\x80"),
        BAD("first byte FF", "\xFF"),
        BAD("first byte FE", "\xFE"),
        BAD("a five-byte form", "\xF8\x88\x80\x80\x80"),
        BAD("overlong slash, two bytes", "\xC0\xAF"),
        BAD("overlong slash, three bytes", "\xE0\x80\xAF"),
        BAD("overlong slash, four bytes", "\xF0\x80\x80\xAF"),
        BAD("overlong NUL", "\xC0\x80"),
        BAD("overlong U+007F", "\xC1\xBF"),
        BAD("overlong U+07FF", "\xE0\x9F\xBF"),
        BAD("overlong U+FFFF", "\xF0\x8F\xBF\xBF"),
        BAD("first surrogate", "\xED\xA0\x80"),
        BAD("last surrogate", "\xED\xBF\xBF"),
        BAD("a surrogate pair", "\xED\xA0\xBD\xED\xB8\x80"),
        BAD("a lone continuation", "\x80"),
        BAD("two bytes cut short", "ab\xC3"),
        BAD("three bytes cut short", "\xEC\x9B"),
        BAD("four bytes cut short", "\xF0\x9F\x8D"),
        BAD("a continuation missing", "\xEC\x9B\x41"),
        BAD("a first byte inside", "\xEC\xC3\xA9"),
        BAD("NUL", "a\0b"),
        BAD("tab", "a\tb"),
        BAD("line feed", "a\nb"),
        BAD("carriage return", "a\rb"),
        BAD("escape", "\x1b[2J"),
        BAD("U+001F", "\x1f"),
        BAD("delete", "\x7f"),
        BAD("C1, first", "\xC2\x80"),
        BAD("C1, next line", "\xC2\x85"),
        BAD("C1, control sequence", "\xC2\x9B"),
        BAD("C1, last", "\xC2\x9F"),
        BAD("line separator", "\xE2\x80\xA8"),
        BAD("paragraph separator", "\xE2\x80\xA9"),
        BAD("left-to-right mark", "\xE2\x80\x8E"),
        BAD("right-to-left mark", "\xE2\x80\x8F"),
        BAD("Arabic letter mark", "\xD8\x9C"),
        BAD("embedding", "\xE2\x80\xAA"),
        BAD("right-to-left override", "invoice\xE2\x80\xAE"
                                      "fdp.exe"),
        BAD("isolate, first", "\xE2\x81\xA6"),
        BAD("isolate, last", "\xE2\x81\xA9"),
        FINE("U+200D joins emoji", "\xE2\x80\x8D"),
        FINE("U+2010, after the marks", "\xE2\x80\x90"),
        FINE("U+2027, before the separators", "\xE2\x80\xA7"),
        FINE("U+202F, after the embeddings", "\xE2\x80\xAF"),
        FINE("U+2065, before the isolates", "\xE2\x81\xA5"),
        FINE("U+206A, after the isolates", "\xE2\x81\xAA"),
    };
    (void)state;
    CHECK_ROWS(rows, text_is_clean);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(account_ids_are_short_and_plain),
        cmocka_unit_test(product_names_have_at_most_16_characters),
        cmocka_unit_test(house_and_transit_ids_are_reserved),
        cmocka_unit_test(clean_text_is_valid_utf8_without_controls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
