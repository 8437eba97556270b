/* teller rate import. The directory's lock keeps a server away meanwhile, and the rows go the way that fetched ones go: the same
 * core decides, all of the file or none of it is stored. */
#include "broker/offline/rate_import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "actors/ledger/shell/memory.h"
#include "actors/ratefeed/shell/feed_service.h"
#include "adapters/rates/ecb_csv.h"
#include "broker/options.h"
#include "broker/rate_rows.h"
#include "store/datadir.h"

enum { SPIKE_PPM_DEFAULT = 100000, SPIKE_PPM_MAX = 1000000000, AGE_LIMIT_S = 86400 };

struct import {
    const char *path, *source, *file;
    uint64_t spike_ppm;
    bool json;
};

static int fail(int code, const char *about, const char *why)
{
    fprintf(stderr, "teller rate import: %s%s\n", about, why);
    return code;
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void say(void *context, bool is_error, const char *text)
{
    (void)context;
    (void)is_error;
    fprintf(stderr, "%s\n", text);
}

/* ---- the file ----------------------------------------------------------------------------------- */

/* NULL after saying why. */
static char *read_file(const char *name, size_t *length)
{
    FILE *file = fopen(name, "re");
    char *text = malloc(RATE_SHEET_BYTES_MAX);
    const char *why = file == NULL || text == NULL ? strerror(errno) : NULL;
    if (why == NULL) {
        *length = fread(text, 1, RATE_SHEET_BYTES_MAX, file);
        if (ferror(file) != 0)
            why = ": it cannot be read";
        else if (*length == RATE_SHEET_BYTES_MAX)
            why = ": it is too long";
    }
    if (file != NULL)
        (void)fclose(file);
    if (why == NULL)
        return text;
    fprintf(stderr, "teller rate import: %s: %s\n", name, why);
    free(text);
    return NULL;
}

/* NULL after saying why. */
static struct published_rate *read_rows(const char *name, size_t *count)
{
    size_t length = 0;
    struct rate_sheet sheet;
    const char *why = NULL;
    char *text = read_file(name, &length);
    if (text == NULL)
        return NULL;
    enum err err = ecb_csv_read(text, length, &sheet, &why);
    free(text);
    if (err != ERR_OK) {
        fprintf(stderr, "teller rate import: %s: %s\n", name, why != NULL ? why : err_text(err));
        return NULL;
    }
    *count = sheet.count;
    struct published_rate *rows = rate_rows_new(&sheet, now_us());
    rate_sheet_release(&sheet);
    if (rows == NULL)
        fail(EXIT_CODE_ERROR, "no memory", "");
    return rows;
}

/* ---- the store ---------------------------------------------------------------------------------- */

static void print_taken(const struct import *self, size_t count, const struct feed_taken *taken)
{
    uint32_t kept = taken->accepted + taken->history;
    if (self->json)
        printf("{\"source\": \"%s\", \"rates\": %zu, \"kept\": %u, \"unchanged\": %u, \"waiting\": %u}\n",
               self->source, count, kept, taken->unchanged, taken->to_review);
    else
        printf("%zu rates of %s: %u kept, %u were there, %u wait for an operator\n", count, self->source,
               kept, taken->unchanged, taken->to_review);
}

static int take(const struct import *self, struct rates *rates, const struct published_rate *rows,
                size_t count)
{
    const struct mem mem = memory_pages();
    struct feed_service service = {.say = say};
    struct feed_taken taken;
    struct ratefeed_source_config *config = calloc(1, sizeof *config);
    if (config == NULL)
        return fail(EXIT_CODE_ERROR, "no memory", "");
    memcpy(config->name, self->source, strlen(self->source));
    config->schedule = (struct schedule){.every_s = AGE_LIMIT_S};
    config->spike_ppm = (uint32_t)self->spike_ppm;
    config->age_limit_s = AGE_LIMIT_S;
    enum err err = feed_service_open(&service, config, 1, rates, &mem);
    free(config);
    if (err == ERR_OK)
        err = feed_service_sheet(&service, 0, rows, count, now_us(), &taken);
    feed_service_close(&service);
    if (err != ERR_OK)
        return fail(err == ERR_FULL ? EXIT_CODE_ERROR : EXIT_CODE_DATA, "nothing was kept: ", err_text(err));
    print_taken(self, count, &taken);
    return EXIT_CODE_OK;
}

static int import_rows(const struct import *self, const struct published_rate *rows, size_t count)
{
    struct datadir *datadir = NULL;
    struct rates *rates = NULL;
    struct datadir_error error = {0};
    if (datadir_open(self->path, DATADIR_SERVING, &datadir, &error) != ERR_OK)
        return fail(EXIT_CODE_DATA, "", error.text);
    int code = datadir_rates(datadir, &rates, &error) == ERR_OK ? take(self, rates, rows, count)
                                                                : fail(EXIT_CODE_DATA, "", error.text);
    rates_close(&rates);
    datadir_close(&datadir);
    return code;
}

int rate_import(int argc, char **argv)
{
    struct import self = {.spike_ppm = SPIKE_PPM_DEFAULT};
    const char *arguments[1];
    size_t count = 0;
    const struct option_row rows[] = {
        {.name = "data",
         .letter = 'd',
         .type = OPTION_TEXT,
         .out = &self.path,
         .value = "DIR",
         .help = "the data directory; no server may run on it",
         .required = true},
        {.name = "source",
         .type = OPTION_TEXT,
         .out = &self.source,
         .value = "NAME",
         .help = "whose rates they are, as in the feed's configuration",
         .required = true},
        {.name = "spike-ppm",
         .type = OPTION_NUMBER,
         .out = &self.spike_ppm,
         .value = "N",
         .help = "new days further than that from the last wait (100000)",
         .minimum = 1,
         .maximum = SPIKE_PPM_MAX},
        {.name = "json", .type = OPTION_FLAG, .out = &self.json, .help = "print JSON for programs"},
    };
    const struct manual manual = {
        .usage = "teller rate import --data DIR --source NAME FILE.csv [options]",
        .summary =
            "Loads a file of the ECB's history (eurofxref-hist.csv) into a data directory that is not "
            "served.\nDays that are there with the same rates change nothing; with others, they wait for "
            "an operator.\nAll of the file is kept or none of it.\n"
            "Exit codes: 0 done, 1 error, 2 usage, 3 data directory refused.",
        .examples = "  teller rate import --data ledger --source ecb eurofxref-hist.csv",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
        .argument_min = 1,
        .argument_max = 1};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!text_is_product(str_from(self.source)))
        return fail(EXIT_CODE_USAGE, self.source, " is no name of a source");
    struct published_rate *published = read_rows(arguments[0], &count);
    if (published == NULL)
        return EXIT_CODE_ERROR;
    int code = import_rows(&self, published, count);
    free(published);
    return code;
}
