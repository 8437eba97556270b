/* Fuzz target: text that stands for something: ids, amounts, clean text, numbers of options.
 *
 * Byte 0 chooses an exponent; the rest is the text. Each reader has a second one here, slow and plain: they agree. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "actors/base/money.h"
#include "actors/base/text.h"
#include "actors/base/uuid.h"
#include "broker/command/print.h"
#include "broker/options.h"
#include "tests/fuzz/input.h"

enum { TEXT_MAX = 512, EXPONENTS = 5 };

static bool is_one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* ---- ids ------------------------------------------------------------------------------------------- */

static void check_uuid(struct str text)
{
    static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    bool good = text.length == sizeof shape - 1;
    for (uint32_t i = 0; good && i < text.length; i++)
        good = shape[i] == 'x' ? is_one_of(text.data[i], "0123456789abcdefABCDEF") : text.data[i] == '-';
    struct uuid id = {{1}}, again;
    char written[UUID_TEXT_LENGTH + 1];
    CHECK(uuid_parse(text, &id) == good);
    CHECK(good || (id.bytes[0] == 1 && id.bytes[15] == 0));
    uuid_format(&id, written);
    CHECK(strlen(written) == UUID_TEXT_LENGTH && uuid_parse(str_from(written), &again));
    CHECK(uuid_equal(&id, &again));
    for (uint32_t i = 0; good && i < text.length; i++)
        CHECK((text.data[i] | (is_one_of(text.data[i], "ABCDEF") ? 0x20 : 0)) == written[i]);
}

static bool has_only(struct str text, uint32_t max)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.:@/";
    bool good = text.length >= 1 && text.length <= max;
    for (uint32_t i = 0; good && i < text.length; i++)
        good = is_one_of(text.data[i], set);
    return good;
}

/* ---- clean text ------------------------------------------------------------------------------------- */

static bool is_tail(struct str text, uint32_t at)
{
    return at < text.length && (uint8_t)text.data[at] >= 0x80 && (uint8_t)text.data[at] <= 0xbf;
}

/* By the table of RFC 3629, section 4: first byte, range of the second, how many bytes. 0: none. */
static uint32_t character_length(struct str text, uint32_t at)
{
    static const struct {
        uint8_t first, last, low, high;
        uint32_t length;
    } rows[] = {
        {0x00, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    uint8_t first = (uint8_t)text.data[at];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (first < rows[i].first || first > rows[i].last)
            continue;
        if (rows[i].length == 1)
            return 1;
        bool good = is_tail(text, at + 1) && (uint8_t)text.data[at + 1] >= rows[i].low &&
                    (uint8_t)text.data[at + 1] <= rows[i].high;
        for (uint32_t k = 2; k < rows[i].length; k++)
            good = good && is_tail(text, at + k);
        return good ? rows[i].length : 0;
    }
    return 0;
}

/* What no text may hold, as it is written in UTF-8. */
static bool is_refused(const char *at, uint32_t length)
{
    static const char *const refused[] = {"\xd8\x9c",     "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8",
                                          "\xe2\x80\xa9", "\xe2\x80\xaa", "\xe2\x80\xab", "\xe2\x80\xac",
                                          "\xe2\x80\xad", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa7",
                                          "\xe2\x81\xa8", "\xe2\x81\xa9"};
    uint8_t first = (uint8_t)at[0];
    if (length == 1)
        return first < 0x20 || first == 0x7f;
    if (length == 2 && first == 0xc2)
        return (uint8_t)at[1] < 0xa0;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (strlen(refused[i]) == length && memcmp(refused[i], at, length) == 0)
            return true;
    }
    return false;
}

static bool is_clean(struct str text)
{
    for (uint32_t at = 0, length; at < text.length; at += length) {
        length = character_length(text, at);
        if (length == 0 || is_refused(text.data + at, length))
            return false;
    }
    return true;
}

/* ---- amounts ---------------------------------------------------------------------------------------- */

/* Spells out what the amount would be in minor units, then reads that. */
static enum err slow_money(struct str text, unsigned exponent, int64_t *out)
{
    char digits[TEXT_MAX + EXPONENTS + 1];
    uint32_t count = 0, points = 0, decimals = 0;
    for (uint32_t i = 0; i < text.length; i++) {
        if (text.data[i] == '.') {
            points++;
            continue;
        }
        if (!is_one_of(text.data[i], "0123456789"))
            return ERR_INVALID;
        digits[count++] = text.data[i];
        decimals += points > 0;
    }
    if (points > 1 || count == 0 || text.data[0] == '.' || text.data[text.length - 1] == '.')
        return ERR_INVALID;
    if (decimals > exponent)
        return ERR_RANGE;
    for (; decimals < exponent; decimals++)
        digits[count++] = '0';
    unsigned __int128 value = 0;
    for (uint32_t i = 0; i < count; i++) {
        value = value * 10 + (unsigned)(digits[i] - '0');
        if (value > INT64_MAX)
            return ERR_RANGE;
    }
    *out = (int64_t)value;
    return ERR_OK;
}

static void check_money(struct str text, uint8_t exponent)
{
    int64_t slow = -1, fast = -1, again = -1;
    char written[MONEY_TEXT_MAX];
    enum err err = slow_money(text, exponent, &slow);
    CHECK(money_parse(text, exponent, &fast) == err && fast == slow);
    if (err != ERR_OK)
        return;
    size_t length = money_format(fast, exponent, written);
    CHECK(length == strlen(written) && length < sizeof written);
    err = money_parse((struct str){written, (uint32_t)length}, exponent, &again);
    CHECK(err == ERR_OK && again == fast);
}

/* Any 64 bits are an amount to be written. */
static void check_format(struct str text, uint8_t exponent)
{
    int64_t minor = 0, again;
    char written[MONEY_TEXT_MAX];
    if (text.length < sizeof minor)
        return;
    memcpy(&minor, text.data, sizeof minor);
    size_t length = money_format(minor, exponent, written);
    CHECK(length == strlen(written) && (written[0] == '-') == (minor < 0));
    if (minor == INT64_MIN)
        return;
    struct str digits = {written + (minor < 0), (uint32_t)length - (minor < 0)};
    enum err err = money_parse(digits, exponent, &again);
    CHECK(err == ERR_OK && again == (minor < 0 ? -minor : minor));
}

static void check_amount(struct str text)
{
    static const char *const codes[] = {"KRW", "USD", "KWD"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        currency_index currency = currency_find(codes[i], CURRENCY_CODE_LENGTH);
        bool negative = text.length > 0 && text.data[0] == '-';
        struct str digits = {text.data + negative, text.length - negative};
        const char *why = NULL;
        int64_t fast = 0, slow = 0;
        bool good = slow_money(digits, currency_at(currency)->exponent, &slow) == ERR_OK && slow <= MONEY_MAX;
        CHECK(amount_parse(text, currency, true, &fast, &why) == good);
        CHECK(good ? fast == (negative ? -slow : slow) : why != NULL);
        CHECK(amount_parse(text, currency, false, &fast, &why) == (good && !negative && slow > 0));
    }
}

/* ---- options ---------------------------------------------------------------------------------------- */

static bool slow_unit(const char *text, const char *unit, uint64_t factor, uint64_t *out)
{
    unsigned __int128 value = 0;
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || strcmp(text + digits, unit) != 0)
        return false;
    for (size_t i = 0; i < digits; i++) {
        value = value * 10 + (unsigned)(text[i] - '0');
        if (value > UINT64_MAX)
            return false;
    }
    *out = (uint64_t)(value * factor);
    return value * factor <= UINT64_MAX;
}

static void check_options(const char *text)
{
    uint64_t slow = 1, fast = 1;
    int64_t duration = 1;
    bool good = slow_unit(text, "", 1, &slow);
    CHECK(options_number(text, &fast) == good && (!good || fast == slow));
    good = good || slow_unit(text, "K", 1 << 10, &slow) || slow_unit(text, "M", 1 << 20, &slow) ||
           slow_unit(text, "G", 1 << 30, &slow) || slow_unit(text, "T", UINT64_C(1) << 40, &slow);
    CHECK(options_size(text, &fast) == good && (!good || fast == slow));
    good = slow_unit(text, "ms", 1, &slow) || slow_unit(text, "s", 1000, &slow) ||
           slow_unit(text, "m", 60000, &slow) || slow_unit(text, "h", 3600000, &slow) ||
           slow_unit(text, "d", 86400000, &slow);
    good = good && slow <= INT64_MAX;
    CHECK(options_duration_ms(text, &duration) == good && (!good || (uint64_t)duration == slow));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char copy[TEXT_MAX + 1];
    if (size < 1 || size - 1 > TEXT_MAX)
        return 0;
    uint8_t exponent = data[0] % EXPONENTS;
    struct str text = {(const char *)data + 1, (uint32_t)(size - 1)};
    check_uuid(text);
    CHECK(text_is_account_id(text) == has_only(text, 34));
    CHECK(text_is_product(text) == has_only(text, 16));
    CHECK(text_is_clean(text) == is_clean(text));
    check_money(text, exponent);
    check_format(text, exponent);
    check_amount(text);
    memcpy(copy, text.data, text.length);
    copy[text.length] = '\0';
    check_options(copy);
    int64_t time_us;
    CHECK(!time_parse(copy, &time_us) || (time_us >= 0 && is_one_of(copy[0], "123456789")));
    return 0;
}
