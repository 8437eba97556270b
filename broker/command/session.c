#include "broker/command/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/command/print.h"

enum { TIMEOUT_DEFAULT_MS = 10000, TIMEOUT_MAX_MS = 3600000, CONNECT_MS = 2000, ATTEMPTS = 5 };

void session_options(struct session *self, const char *name, struct option_row rows[SESSION_OPTIONS])
{
    const char *from_environment = getenv("TELLER_CONNECT");
    bool is_set = from_environment != NULL && from_environment[0] != '\0';
    *self = (struct session){.name = name,
                             .connect = is_set ? from_environment : TELLER_ENDPOINT_DEFAULT,
                             .timeout_ms = TIMEOUT_DEFAULT_MS,
                             .attempts = ATTEMPTS};
    rows[0] = (struct option_row){.name = "connect",
                                  .type = OPTION_TEXT,
                                  .out = &self->connect,
                                  .value = "ENDPOINT",
                                  .help = "the server (TELLER_CONNECT, or " TELLER_ENDPOINT_DEFAULT ")"};
    rows[1] = (struct option_row){.name = "timeout",
                                  .type = OPTION_DURATION,
                                  .out = &self->timeout_ms,
                                  .value = "TIME",
                                  .help = "how long to wait for an answer, all attempts together (10s)",
                                  .minimum = ATTEMPTS,
                                  .maximum = TIMEOUT_MAX_MS};
    rows[2] = (struct option_row){
        .name = "json", .type = OPTION_FLAG, .out = &self->json, .help = "print JSON for programs"};
}

int session_open(struct session *self)
{
    struct teller_options options = teller_options_default();
    options.endpoint = self->connect;
    options.timeout_ms = self->timeout_ms < self->attempts ? 1 : self->timeout_ms / self->attempts;
    options.connect_timeout_ms = self->timeout_ms < CONNECT_MS ? self->timeout_ms : CONNECT_MS;
    options.retries = self->attempts - 1;
    self->client = teller_new(&options);
    if (self->client != NULL)
        return EXIT_CODE_OK;
    return session_usage(self, "cannot use '%s' as an endpoint (%s); it looks like tcp://HOST:PORT",
                         self->connect, strerror(errno));
}

void session_close(struct session *self)
{
    teller_destroy(&self->client);
}

int session_usage(const struct session *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "teller %s: ", self->name);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\nSee: teller %s --help\n", self->name);
    return EXIT_CODE_USAGE;
}

static void print_json(const struct teller_answer *answer, const struct uuid *id, const char *message)
{
    struct emit json = emit_to(stdout);
    emit_object(&json);
    emit_text(&json, "code", code_name(answer->code));
    emit_text(&json, "field", field_name(answer->field));
    emit_text(&json, "message", message);
    if (id != NULL)
        emit_uuid(&json, "transaction_id", id);
    emit_end(&json);
    emit_line(&json);
}

static int unknown(const struct session *self, const char *why, const struct uuid *id)
{
    char text[UUID_TEXT_LENGTH + 1];
    fprintf(stderr, "teller %s: UNKNOWN: %s. It may have happened.\n", self->name, why);
    if (id != NULL) {
        uuid_format(id, text);
        fprintf(stderr, "Ask again with the same id, it moves money once at most: --id %s\n", text);
    }
    return EXIT_UNKNOWN;
}

static int no_answer(const struct session *self, enum err err, const struct uuid *id)
{
    if (err == ERR_TIMEOUT)
        return unknown(self, "no answer in time", id);
    if (err == ERR_INVALID)
        return unknown(self, "the answer is not of this protocol", id);
    if (err == ERR_CLOSED)
        fprintf(
            stderr,
            "teller %s: no server answers at %s; nothing was sent.\n"
            "Is it running (teller serve)? Another endpoint: --connect tcp://HOST:PORT, or TELLER_CONNECT.\n",
            self->name, self->connect);
    else
        fprintf(stderr, "teller %s: %s; nothing was sent.\n", self->name, err_text(err));
    return err == ERR_CLOSED ? EXIT_NO_SERVER : EXIT_CODE_ERROR;
}

/* What a code and its field mean to somebody at the command line, where the message alone does not say it; or NULL. */
static const char *advice(const struct session *self, const struct teller_answer *answer)
{
    static const struct {
        enum code code;
        enum field field;
        const char *text;
    } table[] = {
        {CODE_DEADLINE_EXCEEDED, FIELD_EXPIRES, "It would have expired already."},
        {CODE_INVALID_FIELD, FIELD_BUY, "What is sold and what is bought have to be two currencies."},
        {CODE_INVALID_FIELD, FIELD_BASE, "A currency is three capital letters, like USD."},
        {CODE_INVALID_FIELD, FIELD_COUNTER, "A pair is of two different currencies, like USD and KRW."},
        {CODE_INVALID_FIELD, FIELD_DATE, "A date looks like 2026-11-21."},
        {CODE_INVALID_FIELD, FIELD_FX, "Book values are kept in this currency: it needs no --fx."},
        {CODE_INVALID_FIELD, FIELD_SECRET, "A secret has 16 to 128 bytes."},
        {CODE_INVALID_FIELD, FIELD_URL, "It looks like https://host/path."},
        {CODE_INVALID_FIELD, FIELD_BANK, "A bank's name has 1 to 32 characters. See: teller banks"},
        {CODE_INVALID_FIELD, FIELD_MONEY,
         "Of money in clearing say account or bank; of any other, stays. See: teller remittance show"},
        {CODE_REMITTANCE_IN_BANK, FIELD_REMITTANCE,
         "See: teller banks calls. What the bank says by telephone: teller remittance settle"},
        {CODE_REMITTANCE_NOT_HERE, FIELD_REMITTANCE, "See: teller remittance show"},
        {CODE_REMITTANCE_NOT_HERE, FIELD_CALL,
         "There is a newer call, and the bank was asked of an older one. See: teller remittance show"},
        {CODE_RATE_NOT_FOUND, FIELD_BUY,
         "It needs terms (teller rate pair) and rates that lead there (teller rate set). See: teller rate "
         "desk"},
        {CODE_RATE_NOT_FOUND, FIELD_ID, "No rate waits under this id. See: teller rate review"},
        {CODE_RATE_NOT_FOUND, FIELD_NONE, "See: teller rate sources, teller rate latest SOURCE"},
        {CODE_RATE_STALE, FIELD_BUY, "See: teller rate desk"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (table[i].code == answer->code && table[i].field == answer->field)
            return table[i].text;
    }
    if (answer->code != CODE_UNSUPPORTED)
        return NULL;
    if (strncmp(self->name, "rate ", 5) == 0)
        return "Published rates need the rate feed: teller serve --feed FILE (docs/OPERATIONS.md).";
    bool is_bank = strncmp(self->name, "remittance ", 11) == 0 || strncmp(self->name, "banks", 5) == 0;
    return is_bank ? "Remittances need banks: teller serve --banks FILE (docs/OPERATIONS.md)." : NULL;
}

int session_check(const struct session *self, enum err err, const struct teller_answer *answer,
                  const struct uuid *id)
{
    if (err == ERR_OK && answer->code == CODE_OK)
        return EXIT_CODE_OK;
    if (err != ERR_OK) {
        if (self->json && answer != NULL)
            print_json(answer, id, err_text(err));
        return no_answer(self, err, id);
    }
    if (self->json)
        print_json(answer, id, answer->message);
    if (answer->code == CODE_UNKNOWN)
        return unknown(self, answer->message, id);
    fprintf(stderr, "teller %s: refused: %s%s%s: %s.\n", self->name, code_name(answer->code),
            answer->field == FIELD_NONE ? "" : " ",
            answer->field == FIELD_NONE ? "" : field_name(answer->field), answer->message);
    const char *more = advice(self, answer);
    if (more != NULL)
        fprintf(stderr, "%s\n", more);
    return EXIT_REFUSED;
}

int session_malformed(const struct session *self)
{
    const struct teller_answer answer = {.code = CODE_UNKNOWN};
    return session_check(self, ERR_INVALID, &answer, NULL);
}
