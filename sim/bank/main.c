/* teller-bank: a bank that does not exist, for tests, the demo, and those who integrate with banks of this kind. README.md tells more. `teller bank` starts
 * it. */
#include <sys/resource.h>

#include "actors/base/check.h"
#include "adapters/http/http_client.h"
#include "sim/bank/server.h"
#include "sim/program.h"

#define MICROS_PER_MS INT64_C(1000)

struct bank_options {
    struct program program;
    const char *signing_key, *client_key; /* files */
    uint64_t opening_balance, settle_ms;
    int64_t token_life_ms;
    bool is_json, is_quiet;
    struct bank_server_options server;
};

static enum options_result read_options(struct bank_options *self, int argc, char **argv)
{
    struct bank_server_options *server = &self->server;
    const struct option_row rows[] = {
        PROGRAM_OPTION_ROWS(&self->program),
        {.name = "opening-balance",
         .out = &self->opening_balance,
         .value = "AMOUNT",
         .type = OPTION_NUMBER,
         .maximum = UINT64_C(1000000000000000),
         .help = "of accounts that are named for the first time, minor units"},
        {.name = "settle-ms",
         .out = &self->settle_ms,
         .value = "N",
         .type = OPTION_NUMBER,
         .maximum = 86400000,
         .help = "from accepted to final, of obie's payments (at once)"},
        {.name = "token-life",
         .out = &self->token_life_ms,
         .value = "TIME",
         .type = OPTION_DURATION,
         .minimum = 1,
         .help = "of access tokens"},
        {.name = "client-id",
         .out = &server->bank.client_id,
         .value = "ID",
         .type = OPTION_TEXT,
         .help = "the only one that gets tokens (any)"},
        {.name = "client-secret",
         .out = &server->bank.client_secret,
         .value = "SECRET",
         .type = OPTION_TEXT,
         .help = "and its secret (any)"},
        {.name = "client-key",
         .out = &self->client_key,
         .value = "FILE",
         .type = OPTION_TEXT,
         .help = "PEM, public: x-jws-signature of requests has to be its (not looked at)"},
        {.name = "signing-key",
         .out = &self->signing_key,
         .value = "FILE",
         .type = OPTION_TEXT,
         .help = "PEM, private, RSA: the bank's own (a fixed one for tests)"},
        {.name = "notify",
         .out = &server->bank.notify_url,
         .value = "URL",
         .type = OPTION_TEXT,
         .help = "where obie's event notifications are posted"},
        {.name = "callback",
         .out = &server->bank.callback_url,
         .value = "URL",
         .type = OPTION_TEXT,
         .help = "where generic callbacks are posted"},
        {.name = "callback-secret",
         .out = &server->bank.callback_secret,
         .value = "SECRET",
         .type = OPTION_TEXT,
         .help = "that they are signed with"},
        {.name = "ca",
         .out = &server->ca_file,
         .value = "FILE",
         .type = OPTION_TEXT,
         .help = "PEM: whom posts by https trust (the system's)"},
        {.name = "json", .out = &self->is_json, .type = OPTION_FLAG, .help = "log in JSON, a line each"},
        {.name = "quiet", .out = &self->is_quiet, .type = OPTION_FLAG, .help = "no log"},
    };
    const struct manual manual = {
        .usage = "teller bank [options]",
        .summary =
            "A bank that does not exist, on loopback: it speaks KFTC open banking 2.0 and OBIE Read/Write "
            "4.0, keeps\n"
            "accounts and a ledger of what it really paid, posts webhooks, and does wrong by rule. Prints\n"
            "{\"port\", \"url\"} when it serves; logs to stderr what went wrong; ends on SIGTERM.",
        .examples =
            "  teller bank --port 8090\n"
            "  curl -d '[{\"step\": \"push\", \"do\": \"timeout\", \"when\": \"after\", \"count\": 1}]' \\\n"
            "    http://127.0.0.1:8090/admin/rules\n"
            "  curl http://127.0.0.1:8090/admin/ledger\n",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
    };
    return options_read(&manual, argc, argv, NULL);
}

/* Each connection takes a descriptor, and those that wait for a reply that never comes keep theirs. */
static void raise_descriptors(void)
{
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static int run(const struct program *program, const struct bank_server_options *options)
{
    char why[160];
    sigset_t signals = program_block_signals();
    raise_descriptors();
    if (http_global_init() != ERR_OK)
        return program_wrong(program, "it cannot begin", "no memory");
    struct bank_server *server = bank_server_new(options, why);
    if (server == NULL)
        return program_wrong(program, "it cannot begin", why);
    program_serve(&signals, bank_server_port(server), bank_server_url(server));
    bank_server_destroy(&server);
    http_global_release();
    return EXIT_CODE_OK;
}

static int run_with_files(struct bank_options *given)
{
    struct program *program = &given->program;
    struct bank_server_options *server = &given->server;
    if (!program_read_tls(program, &server->certificate, &server->key) ||
        !program_read(program, program->rules, &server->rules) ||
        !program_read(program, given->signing_key, &server->bank.signing_key_pem) ||
        !program_read(program, given->client_key, &server->bank.client_key_pem))
        return EXIT_CODE_ERROR;
    return run(program, server);
}

int main(int argc, char **argv)
{
    static char name[] = "bank"; /* for messages: "teller bank: …" */
    struct bank_options given = {.program.name = name, .server.bank = virtual_bank_options_default()};
    struct virtual_bank_options *bank = &given.server.bank;
    given.program.seed = bank->seed;
    given.opening_balance = (uint64_t)bank->opening_balance;
    given.token_life_ms = bank->token_life_us / MICROS_PER_MS;
    given.settle_ms = (uint64_t)(bank->settle_us / MICROS_PER_MS);
    if (argc > 0)
        argv[0] = name;
    enum options_result result = read_options(&given, argc, argv);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    given.server.port = (uint16_t)given.program.port;
    bank->seed = given.program.seed;
    bank->opening_balance = (int64_t)given.opening_balance;
    bank->token_life_us = given.token_life_ms * MICROS_PER_MS;
    bank->settle_us = (int64_t)given.settle_ms * MICROS_PER_MS;
    given.server.log = given.is_json ? BANK_LOG_JSON : BANK_LOG_TEXT;
    if (given.is_quiet)
        given.server.log = BANK_LOG_NONE;
    int code = run_with_files(&given);
    program_release(&given.program);
    return code;
}
