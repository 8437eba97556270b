/* The test keys of this directory, as PEM. Public to everybody: for tests only. */
#ifndef TELLER_TESTS_LIB_KEYS_H
#define TELLER_TESTS_LIB_KEYS_H

enum { TEST_KEY_MAX = 4096 };

/* name: "client.pem", "client.pub.pem", "bank.pem", "bank.pub.pem". */
const char *test_key(const char *name, char out[TEST_KEY_MAX]);

#endif
