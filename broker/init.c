/* teller init: makes a data directory. What it fixes cannot be changed later. */
#include <stdio.h>
#include <string.h>

#include "broker/command.h"
#include "broker/options.h"
#include "store/datadir.h"

enum { MS_PER_SECOND = 1000 };

#define RETENTION_DEFAULT_MS INT64_C(604800000)

int command_init(int argc, char **argv)
{
    const char *path = NULL;
    uint64_t partitions = 1;
    int64_t retention_ms = RETENTION_DEFAULT_MS;
    const char *base = "KRW";
    const struct option_row rows[] = {
        {.name = "data",
         .letter = 'd',
         .type = OPTION_TEXT,
         .out = &path,
         .value = "DIR",
         .help = "the directory to make; its parent exists",
         .required = true},
        {.name = "partitions",
         .letter = 'p',
         .type = OPTION_NUMBER,
         .out = &partitions,
         .value = "N",
         .help = "account partitions, 1 to 64; fixed for good (1)",
         .minimum = 1,
         .maximum = DATADIR_PARTITIONS_MAX},
        {.name = "retention",
         .type = OPTION_DURATION,
         .out = &retention_ms,
         .value = "TIME",
         .help = "how long a transaction id is remembered (7d)",
         .minimum = MS_PER_SECOND,
         .maximum = (uint64_t)DATADIR_RETENTION_SECONDS_MAX * MS_PER_SECOND},
        {.name = "base",
         .type = OPTION_TEXT,
         .out = &base,
         .value = "CODE",
         .help = "currency of the book values of foreign-currency accounts; fixed for good (KRW)"},
    };
    const struct manual manual = {
        .usage = "teller init --data DIR [options]",
        .summary = "Makes an empty ledger. A good number of partitions is one for each processor core that\n"
                   "may be used; accounts are spread over them by their id.",
        .examples = "  teller init --data /var/lib/teller --partitions 2\n"
                    "  teller init --data ledger --retention 30d",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
    };
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);

    currency_index base_currency = currency_find(base, strlen(base));
    if (base_currency == CURRENCY_NONE) {
        fprintf(stderr, "teller init: '%s' is no currency: three capital letters of ISO 4217, like KRW\n",
                base);
        return EXIT_CODE_USAGE;
    }
    struct datadir_error error = {0};
    const struct datadir_config config = {
        .partitions = (uint32_t)partitions,
        .id_retention_seconds = retention_ms / MS_PER_SECOND,
        .base_currency = base_currency,
    };
    if (datadir_init(path, &config, &error) != ERR_OK) {
        fprintf(stderr, "teller init: %s\n", error.text);
        return EXIT_CODE_DATA;
    }
    printf("%s is ready: %u partition%s, book values in %s. Next: teller serve --data %s\n", path,
           config.partitions, config.partitions == 1 ? "" : "s", base, path);
    return EXIT_CODE_OK;
}
