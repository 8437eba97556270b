/* teller-rates: a source of rates for tests and the demo, that does wrong by rule. README.md tells more. `teller rates-source`
 * starts it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "broker/options.h"
#include "sim/source/server.h"

enum { TEXT_FILE_MAX = 1 << 20 };

struct source_options {
    const char *csv, *daily, *rules, *today, *certificate, *key;
    uint64_t port, seed;
};

static enum options_result read_options(struct source_options *self, int argc, char **argv)
{
    const struct option_row rows[] = {
        {.name = "csv",
         .out = &self->csv,
         .value = "FILE",
         .type = OPTION_TEXT,
         .required = true,
         .help = "the ECB's history: eurofxref-hist.csv, out of its .zip"},
        {.name = "daily",
         .out = &self->daily,
         .value = "FILE",
         .type = OPTION_TEXT,
         .help = "eurofxref-daily.xml, to be served as it is"},
        {.name = "rules",
         .out = &self->rules,
         .value = "FILE",
         .type = OPTION_TEXT,
         .help = "what goes wrong, as JSON"},
        {.name = "today",
         .out = &self->today,
         .value = "DATE",
         .type = OPTION_TEXT,
         .help = "the newest day to serve (the newest there is)"},
        {.name = "port",
         .out = &self->port,
         .value = "PORT",
         .type = OPTION_NUMBER,
         .maximum = 65535,
         .help = "where to listen (a free one)"},
        {.name = "seed",
         .out = &self->seed,
         .value = "N",
         .type = OPTION_NUMBER,
         .help = "of chance in rules (1)"},
        {.name = "certificate",
         .out = &self->certificate,
         .value = "FILE",
         .type = OPTION_TEXT,
         .help = "PEM; with --key: https"},
        {.name = "key", .out = &self->key, .value = "FILE", .type = OPTION_TEXT, .help = "PEM"},
    };
    const struct manual manual = {
        .usage = "teller rates-source --csv FILE [options]",
        .summary =
            "A source of rates on loopback, for tests and the demo: it serves the documents of the ECB and "
            "the\n"
            "Eximbank, and does wrong by rule. Prints {\"port\", \"url\"} when it serves; ends on SIGTERM.",
        .examples = "  teller rates-source --csv eurofxref-hist.csv --port 8080\n"
                    "  curl http://127.0.0.1:8080/stats/eurofxref/eurofxref-daily.xml\n",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
    };
    *self = (struct source_options){.seed = 1};
    return options_read(&manual, argc, argv, NULL);
}

static int wrong(const char *what, const char *why)
{
    fprintf(stderr, "teller rates-source: %s: %s\n", what, why);
    return EXIT_CODE_ERROR;
}

/* With a NUL behind it; NULL: errno tells. */
static char *read_text(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return NULL;
    char *text = calloc(TEXT_FILE_MAX + 1, 1);
    CHECK(text != NULL);
    size_t length = fread(text, 1, TEXT_FILE_MAX, file);
    fclose(file);
    text[length] = '\0';
    return text;
}

/* Blocked before threads are made, so that they are blocked in those, too. */
static void block(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    CHECK(sigprocmask(SIG_BLOCK, signals, NULL) == 0);
    signal(SIGPIPE, SIG_IGN);
}

static int run(const struct source_server_options *options, const struct documents *documents,
               struct rules *rules)
{
    sigset_t signals;
    int number;
    block(&signals);
    struct source_server *server = source_server_new(options, documents, rules);
    if (server == NULL)
        return wrong("it cannot listen", strerror(errno));
    unsigned port = source_server_port(server);
    printf("{\"port\": %u, \"url\": \"%s://127.0.0.1:%u\"}\n", port,
           options->certificate != NULL ? "https" : "http", port);
    fflush(stdout);
    sigwait(&signals, &number);
    source_server_destroy(&server);
    return EXIT_CODE_OK;
}

static int load_rules(struct rules *rules, const char *path)
{
    char why[160];
    char *text = read_text(path);
    if (text == NULL)
        return wrong(path, strerror(errno));
    enum err err = rules_set(rules, text, strlen(text), why);
    free(text);
    return err == ERR_OK ? EXIT_CODE_OK : wrong(path, why);
}

static int run_with_tls(const struct source_options *given, struct source_server_options options,
                        const struct documents *documents, struct rules *rules)
{
    if ((given->certificate == NULL) != (given->key == NULL))
        return wrong("--certificate and --key", "one without the other");
    char *certificate = given->certificate != NULL ? read_text(given->certificate) : NULL;
    char *key = given->key != NULL ? read_text(given->key) : NULL;
    options.certificate = certificate;
    options.key = key;
    int code = given->key != NULL && (certificate == NULL || key == NULL)
                   ? wrong("--certificate, --key", strerror(errno))
                   : run(&options, documents, rules);
    free(certificate);
    free(key);
    return code;
}

int main(int argc, char **argv)
{
    static char name[] = "rates-source"; /* for messages: "teller rates-source: …" */
    struct source_options given;
    struct documents documents;
    char why[160];
    if (argc > 0)
        argv[0] = name;
    enum options_result result = read_options(&given, argc, argv);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    struct source_server_options options = {.port = (uint16_t)given.port, .today = -1};
    if (given.today != NULL && !rate_date_parse(str_from(given.today), &options.today))
        return wrong(given.today, "not a date");
    if (documents_load(&documents, given.csv, given.daily, why) != ERR_OK)
        return wrong("--csv, --daily", why);
    struct rules *rules = rules_new(given.seed);
    int code = given.rules != NULL ? load_rules(rules, given.rules) : EXIT_CODE_OK;
    if (code == EXIT_CODE_OK)
        code = run_with_tls(&given, options, &documents, rules);
    rules_destroy(&rules);
    documents_release(&documents);
    return code;
}
