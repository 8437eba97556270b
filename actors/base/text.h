/* What strings from outside must look like, checked before anything else sees them. */
#ifndef TELLER_BASE_TEXT_H
#define TELLER_BASE_TEXT_H

#include <stdbool.h>

#include "actors/base/str.h"

/* Limits in bytes. */
enum {
    ACCOUNT_ID_MAX = 34, /* as long as an IBAN (ISO 13616) */
    OWNER_MAX = 64,
    PRODUCT_MAX = 16,
    MEMO_MAX = 140,
    REFERENCE_MAX = 64,
};

/* An account id: 1 .. 34 of letters, digits and - _ . : @ / */
bool text_is_account_id(struct str id);

/* true for ids that only teller itself may open: those beginning with "house:" or "transit:". */
bool text_is_reserved_id(struct str id);

/* A product name: 1 .. 16 of the same characters. */
bool text_is_product(struct str name);

/* Valid UTF-8 (shortest form, no surrogates), no control characters (C0, DEL, C1), no line or paragraph
 * separators (U+2028, U+2029), no bidirectional controls (U+202A-E, U+2066-9, U+200E-F, U+061C). */
bool text_is_clean(struct str text);

#endif
