/* Both rails, opened once with the keys of tests, and a job of either, for targets that feed them. */
#ifndef TELLER_TESTS_FUZZ_RAIL_OPEN_H
#define TELLER_TESTS_FUZZ_RAIL_OPEN_H

#include <stdio.h>

#include "actors/base/check.h"
#include "actors/base/text.h"
#include "adapters/kftc/kftc.h"
#include "adapters/obie/obie.h"
#include "tests/lib/keys/keys.h"

#define RAIL_FUZZ_NOW_US INT64_C(1795230000000000) /* 2026-11-21, noon in Korea */

static const struct rail *const rail_fuzz_rails[] = {&RAIL_KFTC, &RAIL_OBIE};

static inline void *rail_fuzz_open(unsigned which)
{
    static void *opened[2];
    static char client[TEST_KEY_MAX], bank[TEST_KEY_MAX];
    char why[160];
    if (opened[which] != NULL)
        return opened[which];
    const struct rail_setting kftc[] = {{"client_id", "c"},
                                        {"client_secret", "s"},
                                        {"institution", "T991234560"},
                                        {"account_num", "1101230000001"},
                                        {"account_name", "Teller"}};
    const struct rail_setting obie[] = {
        {"client_id", "client-1"},
        {"client_secret", "s"},
        {"issuer", "i"},
        {"key_id", "k"},
        {"signing_key", test_key("client.pem", client)},
        {"account", "UK.OBIE.SortCodeAccountNumber:08080021325698:Teller Ltd"},
        {"bank_key", test_key("bank.pub.pem", bank)}};
    struct rail_settings settings = {"kb", "https://bank.example", which == 0 ? kftc : obie,
                                     which == 0 ? 5 : 7};
    opened[which] = rail_fuzz_rails[which]->open(&settings, why);
    CHECK(opened[which] != NULL);
    return opened[which];
}

/* Ids as in the tests of rails: T991234560U000000100, 0000000000100-ebfe61f74f3db509; 12,345 minor units. */
static inline void rail_fuzz_job(unsigned which, uint8_t step, struct rail_job *job)
{
    struct rail_verdict verdict;
    *job = (struct rail_job){.serial = 1296};
    for (uint8_t i = 0; i < 16; i++)
        job->call.remittance.bytes[i] = (uint8_t)(0x10 + i);
    job->call.number = 1;
    job->call.step = step;
    job->call.currency = currency_find(which == 0 ? "KRW" : "GBP", 3);
    job->call.amount = 12345;
    job->call.called_us = RAIL_FUZZ_NOW_US;
    snprintf(job->call.payer, sizeof job->call.payer, "%s",
             which == 0 ? "123456789012345678901234" : "vrp-1@UK.OBIE.IBAN:GB76LOYD30949301273801:Ada");
    snprintf(job->call.payee, sizeof job->call.payee, "%s",
             which == 0 ? "097:1101230000678:Bob" : "UK.OBIE.IBAN:GB76LOYD30949301273801:Bob");
    CHECK(rail_fuzz_rails[which]->name_job(rail_fuzz_open(which), job, RAIL_FUZZ_NOW_US, &verdict));
    CHECK(job->phase == RAIL_PAY || job->phase == RAIL_PREPARE);
}

/* Ends within its bound, and may be shown. */
static inline void rail_fuzz_text(const char *text, size_t max)
{
    CHECK(memchr(text, '\0', max + 1) != NULL);
    CHECK(text_is_clean(str_from(text)));
}

#endif
