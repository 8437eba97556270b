/* base64url without padding, as RFC 7515 has it (RFC 4648, section 5): one text for each run of bytes, and no other is read. */
#ifndef TELLER_JOSE_BASE64URL_H
#define TELLER_JOSE_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Characters for so many bytes, without the NUL. */
#define BASE64URL_LENGTH(bytes) (((bytes)*4 + 2) / 3)

/* Writes BASE64URL_LENGTH(length) characters and a NUL; returns their number. */
size_t base64url_write(const uint8_t *bytes, size_t length, char *out);

/* false: a foreign character, a length that cannot be, bits that are not zero at the end, or more than `size` bytes. */
bool base64url_read(const char *text, size_t length, uint8_t *out, size_t size, size_t *out_length);

#endif
