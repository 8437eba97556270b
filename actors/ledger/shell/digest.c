#include "actors/ledger/shell/digest.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>

#include "actors/base/check.h"
#include "actors/ledger/remittance_states.h"

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
    if (view->base != CURRENCY_NONE)
        length += snprintf(out + length - 1, DIGEST_LINE_MAX - (size_t)length + 1, "|%" PRId64 "\n",
                           view->book_value) -
                  1;
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

struct hasher {
    EVP_MD *sha256;
    EVP_MD_CTX *context;
};

static void line_add(struct digest *digest, const struct hasher *hasher, const char *line, size_t length)
{
    struct digest one;
    CHECK(EVP_DigestInit_ex2(hasher->context, hasher->sha256, NULL) &&
          EVP_DigestUpdate(hasher->context, line, length) &&
          EVP_DigestFinal_ex(hasher->context, one.bytes, NULL));
    digest_add(digest, &one);
}

static void accounts_add(struct digest *digest, const struct hasher *hasher, const struct ledger *ledger)
{
    struct ledger_account_view view;
    char line[DIGEST_LINE_MAX];
    for (uint32_t index = 0; index < ledger_account_count(ledger); index++) {
        if (!ledger_account_at(ledger, index, &view) ||
            text_is_reserved_id((struct str){view.id, view.id_length}))
            continue;
        line_add(digest, hasher, line, digest_line(&view, line));
    }
}

static void proposals_add(struct digest *digest, const struct hasher *hasher, const struct ledger *ledger)
{
    struct ledger_open_proposal open;
    struct ledger_account_view view;
    char id[UUID_TEXT_LENGTH + 1], line[DIGEST_LINE_MAX];
    for (uint64_t after = 0; ledger_proposal_next(ledger, after, &open); after = open.position) {
        bool there = ledger_account_at(ledger, open.account, &view);
        CHECK(there);
        uuid_format(&open.id, id);
        int length =
            snprintf(line, sizeof line, "proposal|%s|%s|%" PRId64 "\n", id, view.id, open.expires_us);
        line_add(digest, hasher, line, (size_t)length);
    }
}

static void holds_add(struct digest *digest, const struct hasher *hasher, const struct ledger *ledger)
{
    struct ledger_open_hold open;
    struct ledger_account_view view;
    char id[UUID_TEXT_LENGTH + 1], line[DIGEST_LINE_MAX];
    for (uint32_t from = 0; ledger_hold_next(ledger, from, &open); from = open.slot + 1) {
        bool there = ledger_account_at(ledger, open.account, &view);
        CHECK(there);
        uuid_format(&open.id, id);
        int length = snprintf(line, sizeof line, "hold|%s|%s|%" PRId64 "|%" PRId64 "\n", id, view.id,
                              open.held, open.expires_us);
        line_add(digest, hasher, line, (size_t)length);
    }
}

static void remittances_add(struct digest *digest, const struct hasher *hasher, const struct ledger *ledger)
{
    struct ledger_open_remittance open;
    struct ledger_account_view view;
    char id[UUID_TEXT_LENGTH + 1], line[DIGEST_LINE_MAX];
    for (uint32_t from = 0; ledger_remittance_next(ledger, from, &open); from = open.slot + 1) {
        bool there = ledger_account_at(ledger, open.account, &view);
        CHECK(there);
        uuid_format(&open.id, id);
        int length = snprintf(line, sizeof line, "remittance|%s|%s|%s\n", id, view.id,
                              machine_state_name(&REMITTANCE_STATES, open.state));
        line_add(digest, hasher, line, (size_t)length);
    }
}

void digest_add_ledger(struct digest *digest, const struct ledger *ledger)
{
    struct hasher hasher = {EVP_MD_fetch(NULL, "SHA256", NULL), EVP_MD_CTX_new()};
    CHECK(hasher.sha256 && hasher.context);
    accounts_add(digest, &hasher, ledger);
    proposals_add(digest, &hasher, ledger);
    holds_add(digest, &hasher, ledger);
    remittances_add(digest, &hasher, ledger);
    EVP_MD_CTX_free(hasher.context);
    EVP_MD_free(hasher.sha256);
}

void digest_text(const struct digest *digest, char out[DIGEST_TEXT_SIZE])
{
    for (int i = 0; i < DIGEST_SIZE; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", digest->bytes[i]);
}
