/* Fuzz target: the words behind a subcommand, one on each line.
 *
 * What is let through has every required option, every value in its range and no more arguments than the manual
 * says. Written again in one plain form (--name=VALUE, then "--", then the arguments) it is read as the same. */
#include "broker/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "tests/fuzz/input.h"

enum { WORDS_MAX = 32, TEXT_MAX = 512, ARGUMENTS_MAX = 2, OPTIONS = 5 };

struct values {
    bool verbose;
    const char *data;
    uint64_t partitions, cache;
    int64_t timeout_ms;
    const char *arguments[ARGUMENTS_MAX];
};

static enum options_result read_words(int count, char **words, struct values *v)
{
    const struct option_row rows[OPTIONS] = {
        {.name = "data",
         .letter = 'd',
         .type = OPTION_TEXT,
         .out = &v->data,
         .value = "DIR",
         .required = true},
        {.name = "partitions",
         .letter = 'p',
         .type = OPTION_NUMBER,
         .out = &v->partitions,
         .value = "N",
         .minimum = 1,
         .maximum = 64},
        {.name = "cache", .type = OPTION_SIZE, .out = &v->cache, .value = "BYTES", .minimum = 4096},
        {.name = "timeout",
         .type = OPTION_DURATION,
         .out = &v->timeout_ms,
         .value = "TIME",
         .minimum = 1,
         .maximum = 60000},
        {.name = "verbose", .letter = 'v', .type = OPTION_FLAG, .out = &v->verbose},
    };
    const struct manual manual = {.usage = "teller fuzz",
                                  .summary = "",
                                  .options = rows,
                                  .option_count = OPTIONS,
                                  .argument_min = 1,
                                  .argument_max = ARGUMENTS_MAX};
    *v = (struct values){.partitions = 1, .cache = 4096, .timeout_ms = 1000};
    return options_read(&manual, count, words, v->arguments);
}

/* What it prints is for people, and far too much here. */
static enum options_result read_quietly(int count, char **words, struct values *v)
{
    static FILE *nowhere;
    FILE *out = stdout, *err = stderr;
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "w");
    CHECK(nowhere != NULL);
    stdout = stderr = nowhere;
    enum options_result result = read_words(count, words, v);
    stdout = out;
    stderr = err;
    return result;
}

static void check_again(const struct values *v)
{
    char texts[OPTIONS][TEXT_MAX + 16];
    char name[] = "fuzz", verbose[] = "--verbose", end[] = "--";
    char *words[WORDS_MAX] = {name};
    int count = 1;
    struct values again;
    snprintf(texts[0], sizeof texts[0], "--data=%s", v->data);
    snprintf(texts[1], sizeof texts[1], "--partitions=%" PRIu64, v->partitions);
    snprintf(texts[2], sizeof texts[2], "--cache=%" PRIu64, v->cache);
    snprintf(texts[3], sizeof texts[3], "--timeout=%" PRId64 "ms", v->timeout_ms);
    for (int i = 0; i < 4; i++)
        words[count++] = texts[i];
    if (v->verbose)
        words[count++] = verbose;
    words[count++] = end;
    for (int i = 0; i < ARGUMENTS_MAX && v->arguments[i] != NULL; i++)
        words[count++] = (char *)(uintptr_t)v->arguments[i];
    CHECK(read_quietly(count, words, &again) == OPTIONS_OK);
    CHECK(strcmp(again.data, v->data) == 0 && again.partitions == v->partitions && again.cache == v->cache &&
          again.timeout_ms == v->timeout_ms && again.verbose == v->verbose);
    for (int i = 0; i < ARGUMENTS_MAX; i++)
        CHECK(again.arguments[i] == v->arguments[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT_MAX + 1], name[] = "fuzz";
    char *words[WORDS_MAX] = {name};
    int count = 1;
    struct values values;
    if (size > TEXT_MAX)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    for (char *at = text; at != NULL && count < WORDS_MAX;) {
        words[count++] = at;
        at = strchr(at, '\n');
        if (at != NULL)
            *at++ = '\0';
    }
    enum options_result result = read_quietly(count, words, &values);
    if (result == OPTIONS_OK) {
        CHECK(values.data != NULL && values.data[0] != '\0' && values.arguments[0] != NULL);
        CHECK(values.partitions >= 1 && values.partitions <= 64 && values.cache >= 4096);
        CHECK(values.timeout_ms >= 1 && values.timeout_ms <= 60000);
        check_again(&values);
    }
    if (count > 2)
        CHECK(options_distance(words[1], words[2]) == options_distance(words[2], words[1]));
    return 0;
}
