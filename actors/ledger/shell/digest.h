/* The digest of a state: 256 bits that are equal when all accounts and all open proposals, holds and remittances are equal.
 *
 * Each customer account is one line of text, ending in a newline:
 *
 *     id|owner|CUR|product|STATE|balance|pending|minimum_balance|ceiling
 *
 * and, where it keeps a book value, `|book_value` after that (numbers in decimal, minor units; no ceiling is an empty field;
 * STATE is ACTIVE, FROZEN or CLOSED). Each open proposal is one more: proposal|id|account|expires
 * So is each open hold: hold|id|account|held|expires, and each open remittance: remittance|id|account|STATE
 * The digest is the sum, modulo 2^256, of the SHA-256 of each line, read as a big-endian number. So it depends
 * neither on the order of the accounts nor on how they are partitioned, and digests of partitions add up.
 * teller's own accounts (house, transit) are left out: how many there are depends on the partitioning.
 * It proves equality of books kept by one's own programs; it is not meant to resist an attacker
 * who may choose millions of accounts.
 */
#ifndef TELLER_LEDGER_DIGEST_H
#define TELLER_LEDGER_DIGEST_H

#include <stdint.h>

#include "actors/ledger/ledger.h"

enum { DIGEST_SIZE = 32, DIGEST_TEXT_SIZE = 65, DIGEST_LINE_MAX = 320 };

struct digest {
    uint8_t bytes[DIGEST_SIZE]; /* big-endian */
};

/* Adds all accounts, open proposals, holds and remittances of one partition. Costs about 0.3 µs an account. */
void digest_add_ledger(struct digest *digest, const struct ledger *ledger);
void digest_add(struct digest *digest, const struct digest *other);
void digest_text(const struct digest *digest, char out[DIGEST_TEXT_SIZE]);

/* The line of one account, as above; returns its length. */
size_t digest_line(const struct ledger_account_view *view, char out[DIGEST_LINE_MAX]);

#endif
