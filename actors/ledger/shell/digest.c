#include "actors/ledger/shell/digest.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "actors/base/check.h"

static const char *state_name(uint8_t state)
{
    switch ((enum account_state)state) {
    case ACCOUNT_ACTIVE:
        return "ACTIVE";
    case ACCOUNT_FROZEN:
        return "FROZEN";
    case ACCOUNT_CLOSED:
        return "CLOSED";
    }
    CHECK_UNREACHABLE();
}

size_t digest_line(const struct ledger_account_view *view, char out[DIGEST_LINE_MAX])
{
    char ceiling[24] = "";
    if (view->ceiling != INT64_MAX)
        snprintf(ceiling, sizeof ceiling, "%" PRId64, view->ceiling);
    int length =
        snprintf(out, DIGEST_LINE_MAX, "%s|%s|%s|%s|%s|%" PRId64 "|%" PRId64 "|%" PRId64 "|%s\n", view->id,
                 view->owner, currency_at(view->currency)->code, view->product, state_name(view->state),
                 view->balance, view->pending, view->minimum_balance, ceiling);
    CHECK(length > 0 && length < DIGEST_LINE_MAX);
    return (size_t)length;
}

void digest_add(struct digest *digest, const struct digest *other)
{
    unsigned carry = 0;
    for (int i = DIGEST_SIZE; i-- > 0;) {
        unsigned sum = (unsigned)digest->bytes[i] + other->bytes[i] + carry;
        digest->bytes[i] = (uint8_t)sum;
        carry = sum >> 8;
    }
}

void digest_add_ledger(struct digest *digest, const struct ledger *ledger)
{
    struct ledger_account_view view;
    char line[DIGEST_LINE_MAX];
    EVP_MD *sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    CHECK(sha256 && context);
    for (uint32_t index = 0; index < ledger_account_count(ledger); index++) {
        struct digest one;
        if (!ledger_account_at(ledger, index, &view) ||
            text_is_reserved_id((struct str){view.id, view.id_length}))
            continue;
        size_t length = digest_line(&view, line);
        CHECK(EVP_DigestInit_ex2(context, sha256, NULL) && EVP_DigestUpdate(context, line, length) &&
              EVP_DigestFinal_ex(context, one.bytes, NULL));
        digest_add(digest, &one);
    }
    EVP_MD_CTX_free(context);
    EVP_MD_free(sha256);
}

void digest_text(const struct digest *digest, char out[DIGEST_TEXT_SIZE])
{
    for (int i = 0; i < DIGEST_SIZE; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", digest->bytes[i]);
}
