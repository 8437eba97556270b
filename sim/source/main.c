/* teller-rates: a source of rates for tests and the demo, that does wrong by rule. README.md tells more. `teller rates-source`
 * starts it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "sim/program.h"
#include "sim/source/server.h"

struct source_options {
    struct program program;
    const char *csv, *daily, *today;
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
        {.name = "today",
         .out = &self->today,
         .value = "DATE",
         .type = OPTION_TEXT,
         .help = "the newest day to serve (the newest there is)"},
        PROGRAM_OPTION_ROWS(&self->program),
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
    return options_read(&manual, argc, argv, NULL);
}

static int run(const struct program *program, const struct source_server_options *options,
               const struct documents *documents, struct rules *rules)
{
    char url[64];
    sigset_t signals = program_block_signals();
    signal(SIGPIPE, SIG_IGN);
    struct source_server *server = source_server_new(options, documents, rules);
    if (server == NULL)
        return program_wrong(program, "it cannot listen", strerror(errno));
    unsigned port = source_server_port(server);
    snprintf(url, sizeof url, "%s://127.0.0.1:%u", options->certificate != NULL ? "https" : "http", port);
    program_serve(&signals, port, url);
    source_server_destroy(&server);
    return EXIT_CODE_OK;
}

static int run_with_files(struct program *program, struct source_server_options options,
                          const struct documents *documents, struct rules *rules)
{
    char why[160];
    const char *text = NULL;
    if (!program_read_tls(program, &options.certificate, &options.key) ||
        !program_read(program, program->rules, &text))
        return EXIT_CODE_ERROR;
    if (text != NULL && rules_set(rules, text, strlen(text), why) != ERR_OK)
        return program_wrong(program, program->rules, why);
    return run(program, &options, documents, rules);
}

int main(int argc, char **argv)
{
    static char name[] = "rates-source"; /* for messages: "teller rates-source: …" */
    struct source_options given = {.program = {.name = name, .seed = 1}};
    struct documents documents;
    char why[160];
    if (argc > 0)
        argv[0] = name;
    enum options_result result = read_options(&given, argc, argv);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    struct source_server_options options = {.port = (uint16_t)given.program.port, .today = -1};
    if (given.today != NULL && !rate_date_parse(str_from(given.today), &options.today))
        return program_wrong(&given.program, given.today, "not a date");
    if (documents_load(&documents, given.csv, given.daily, why) != ERR_OK)
        return program_wrong(&given.program, "--csv, --daily", why);
    struct rules *rules = rules_new(given.program.seed);
    int code = run_with_files(&given.program, options, &documents, rules);
    rules_destroy(&rules);
    documents_release(&documents);
    program_release(&given.program);
    return code;
}
