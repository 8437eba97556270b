/* teller version, health, status, metrics: the node about itself. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actors/base/check.h"
#include "broker/command.h"
#include "broker/command/answer.h"
#include "broker/command/session.h"
#include "broker/wire/msgpack.h"

/* One question without arguments, and the two ways to print its answer. */
struct question {
    const char *name, *usage, *summary, *examples;
    int (*run)(struct session *session);
};

static int ask(const struct question *question, int argc, char **argv)
{
    struct session session;
    struct option_row rows[SESSION_OPTIONS];
    session_options(&session, question->name, rows);
    const struct manual manual = {.usage = question->usage,
                                  .summary = question->summary,
                                  .examples = question->examples,
                                  .options = rows,
                                  .option_count = SESSION_OPTIONS};
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    int code = session_open(&session);
    if (code == EXIT_CODE_OK)
        code = question->run(&session);
    session_close(&session);
    return code;
}

/* ---- version ---------------------------------------------------------------------------------- */

static int run_version(struct session *session)
{
    struct teller_version version;
    struct teller_answer answer;
    enum err err = teller_version(session->client, &version, &answer);
    int code = session_check(session, err, &answer, NULL);
    if (code != EXIT_CODE_OK)
        return code;
    if (!session->json) {
        printf("server %.*s %.*s, protocol %u, %u partition%s, at %s\nclient teller %s\n",
               (int)version.name.length, version.name.data, (int)version.version.length, version.version.data,
               version.protocol, version.partitions, version.partitions == 1 ? "" : "s", session->connect,
               TELLER_VERSION);
        return EXIT_CODE_OK;
    }
    struct emit json = emit_to(stdout);
    emit_object(&json);
    emit_str(&json, "name", version.name);
    emit_str(&json, "version", version.version);
    emit_number(&json, "protocol", version.protocol);
    emit_number(&json, "partitions", version.partitions);
    emit_text(&json, "client_version", TELLER_VERSION);
    emit_end(&json);
    emit_line(&json);
    return EXIT_CODE_OK;
}

int command_version(int argc, char **argv)
{
    static const struct question question = {"version", "teller version [options]",
                                             "Shows the versions of the server and of this program. (teller "
                                             "--version asks no server.)\n" SESSION_EXIT_CODES,
                                             "  teller version --json", run_version};
    return ask(&question, argc, argv);
}

/* ---- health ----------------------------------------------------------------------------------- */

static int run_health(struct session *session)
{
    static const char *const states[] = {[TELLER_STARTING] = "starting",
                                         [TELLER_SERVING] = "serving",
                                         [TELLER_FULL] = "full",
                                         [TELLER_STOPPED] = "stopped"};
    struct teller_health health;
    struct teller_answer answer;
    struct emit json = emit_to(stdout);
    enum err err = teller_health(session->client, &health, &answer);
    int code = session_check(session, err, &answer, NULL);
    if (code != EXIT_CODE_OK)
        return code;
    if (session->json) {
        emit_object(&json);
        emit_text(&json, "status", health.is_ok ? "ok" : "degraded");
        emit_array(&json, "partitions");
    } else {
        printf("%s\n", health.is_ok ? "ok" : "degraded");
    }
    for (uint32_t i = 0; i < health.partitions; i++) {
        if (!session->json) {
            printf("  partition %-3u %s\n", i, states[health.states[i]]);
            continue;
        }
        emit_object(&json);
        emit_number(&json, "partition", i);
        emit_text(&json, "state", states[health.states[i]]);
        emit_end(&json);
    }
    if (session->json) {
        emit_end(&json);
        emit_end(&json);
        emit_line(&json);
    }
    return health.is_ok ? EXIT_CODE_OK : EXIT_CODE_ERROR;
}

int command_health(int argc, char **argv)
{
    static const struct question question = {
        "health", "teller health [options]",
        "Tells whether all partitions serve.\n"
        "Exit codes: 0 all serve, 1 some do not, 2 usage, 3 no server, 4 no answer.",
        "  teller health && echo fine", run_health};
    return ask(&question, argc, argv);
}

/* ---- status, metrics -------------------------------------------------------------------------- */

/* Indented, a line a value. Buckets of histograms are for programs. */
static bool value_text(struct mp_reader *r, struct str name, int depth)
{
    uint64_t number;
    int64_t negative;
    uint32_t count;
    struct str text;
    bool is_map = mp_read_map(r, &count);
    if (!is_map && !mp_read_array(r, &count)) {
        printf("%*s%-*.*s", 2 * depth, "", 32 - 2 * depth, (int)name.length, name.data);
        if (mp_read_uint(r, &number))
            printf(" %20llu\n", (unsigned long long)number);
        else if (mp_read_int(r, &negative))
            printf(" %20lld\n", (long long)negative);
        else if (mp_read_str(r, &text))
            printf(" %20.*s\n", (int)text.length, text.data);
        else {
            printf(" %20s\n", "-");
            return mp_skip(r, 0);
        }
        return true;
    }
    if (name.length > 0)
        printf("%*s%.*s\n", 2 * depth, "", (int)name.length, name.data);
    for (uint32_t i = 0; i < count; i++) {
        char number_text[16];
        snprintf(number_text, sizeof number_text, "%u", i);
        struct str member = str_from(number_text);
        if (is_map && !mp_read_str(r, &member))
            return false;
        bool is_shown = !str_equal(member, STR_LITERAL("buckets"));
        if (!(is_shown ? value_text(r, member, depth + 1) : mp_skip(r, 1)))
            return false;
    }
    return true;
}

static int print_body(const struct session *session, struct str body)
{
    struct emit json = emit_to(stdout);
    struct mp_reader check = mp_reader_of(body.data, body.length);
    struct mp_reader r = check;
    if (!mp_skip(&check, MP_DEPTH_MAX))
        return session_malformed(session);
    bool is_read = session->json ? answer_json(&r, &json, NULL) : value_text(&r, (struct str){0}, -1);
    if (session->json)
        emit_line(&json);
    return is_read ? EXIT_CODE_OK : session_malformed(session);
}

static int run_status(struct session *session)
{
    struct teller_answer answer;
    struct str body;
    enum err err = teller_status(session->client, &body, &answer);
    int code = session_check(session, err, &answer, NULL);
    if (code != EXIT_CODE_OK)
        return code;
    return print_body(session, body);
}

int command_status(int argc, char **argv)
{
    static const struct question question = {
        "status", "teller status [options]",
        "Shows the counters of the node and of its partitions.\n" SESSION_EXIT_CODES,
        "  teller status\n  teller status --json", run_status};
    return ask(&question, argc, argv);
}

static int run_metrics(struct session *session, bool is_text)
{
    struct teller_answer answer;
    struct str body;
    enum err err = teller_metrics(session->client, is_text, &body, &answer);
    int code = session_check(session, err, &answer, NULL);
    if (code != EXIT_CODE_OK || !is_text)
        return code != EXIT_CODE_OK ? code : print_body(session, body);
    if (fwrite(body.data, 1, body.length, stdout) == body.length && fflush(stdout) == 0)
        return EXIT_CODE_OK;
    fprintf(stderr, "teller %s: cannot write: %s\n", session->name, strerror(errno));
    return EXIT_CODE_ERROR;
}

int command_metrics(int argc, char **argv)
{
    struct session session;
    bool is_text = false;
    struct option_row rows[SESSION_OPTIONS + 1] = {
        [SESSION_OPTIONS] = {.name = "text",
                             .type = OPTION_FLAG,
                             .out = &is_text,
                             .help = "the text format of Prometheus"},
    };
    session_options(&session, "metrics", rows);
    const struct manual manual = {
        .usage = "teller metrics [options]",
        .summary = "Shows the figures of the node since it started: answers, times, "
                   "queues, commits.\n" SESSION_EXIT_CODES,
        .examples = "  teller metrics\n  teller metrics --json\n  teller metrics --text",
        .options = rows,
        .option_count = SESSION_OPTIONS + 1};
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (is_text && session.json)
        return session_usage(&session, "--text and --json are two forms; take one");
    int code = session_open(&session);
    if (code == EXIT_CODE_OK)
        code = run_metrics(&session, is_text);
    session_close(&session);
    return code;
}
