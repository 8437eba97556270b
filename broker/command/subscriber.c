/* teller subscriber add, remove, list; teller deadletter list, retry, resolve. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "broker/command.h"
#include "broker/command/answer.h"
#include "broker/command/arguments.h"
#include "broker/command/print.h"
#include "broker/command/verbs.h"

enum { SECRET_CAPACITY = 256 };

/* ---- subscriber add ----------------------------------------------------------------------------- */

/* The first line of a file, or of standard input: a secret does not belong in a command line, which everybody may read. */
static bool read_secret(const struct session *session, const char *path, char out[SECRET_CAPACITY],
                        struct str *secret)
{
    int file = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? -1 : read(file, out, SECRET_CAPACITY);
    if (length < 0) {
        session_usage(session, "cannot read %s: %s", path, strerror(errno));
        return false;
    }
    if (file != STDIN_FILENO)
        (void)close(file);
    const char *end = memchr(out, '\n', (size_t)length);
    *secret = (struct str){out, (uint32_t)(end != NULL ? end - out : length)};
    return true;
}

static bool read_from(const struct session *session, const char *word, bool *is_start)
{
    *is_start = strcmp(word, "start") == 0;
    if (*is_start || strcmp(word, "now") == 0)
        return true;
    session_usage(session, "--from is start or now, not '%s'", word);
    return false;
}

static bool read_only(const struct session *session, const char *word, bool *is_for_alarms)
{
    *is_for_alarms = word != NULL;
    if (word == NULL || strcmp(word, "alarms") == 0)
        return true;
    session_usage(session, "--only is alarms, not '%s'", word);
    return false;
}

/* Says that it is done. */
static void tell(const struct session *session, const char *what)
{
    if (session->json) {
        struct emit json = emit_to(stdout);
        emit_object(&json);
        emit_text(&json, "code", "OK");
        emit_end(&json);
        emit_line(&json);
    } else {
        printf("%s\n", what);
    }
}

static int subscriber_add(int argc, char **argv)
{
    struct session session;
    struct option_row rows[SESSION_OPTIONS + 3];
    const char *arguments[2], *path = NULL, *from = "now", *only = NULL;
    char space[SECRET_CAPACITY];
    struct teller_subscriber subscriber = {.is_from_start = false};
    struct teller_answer answer;
    session_options(&session, "subscriber add", rows);
    rows[SESSION_OPTIONS] =
        option_text_required("secret-file", &path, "FILE",
                             "its first line signs what is sent, 16 to 128 bytes; - is standard input");
    rows[SESSION_OPTIONS + 1] = option_text("from", &from, "start|now", "which events it gets (now)");
    rows[SESSION_OPTIONS + 2] =
        option_text("only", &only, "alarms", "only alarms of remittances, and their ends (all events)");
    const struct manual manual = {
        .usage = "teller subscriber add NAME URL --secret-file FILE [options]",
        .summary =
            "Adds a webhook: each event is posted to it, in order, at least once. The same name again "
            "changes\n"
            "all that, but for where it is, and starts one that has stopped. An http:// address needs\n"
            "serve --webhook-allow-http.\n" SESSION_EXIT_CODES,
        .examples =
            "  teller subscriber add crm https://crm.example/events --secret-file crm.secret --from start\n"
            "  teller subscriber add oncall https://oncall.example/ --secret-file oncall.secret --only "
            "alarms",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
        .argument_min = 2,
        .argument_max = 2};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!read_from(&session, from, &subscriber.is_from_start) ||
        !read_only(&session, only, &subscriber.is_for_alarms) ||
        !read_secret(&session, path, space, &subscriber.secret))
        return EXIT_CODE_USAGE;
    subscriber.name = str_from(arguments[0]);
    subscriber.url = str_from(arguments[1]);
    int code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    enum err err = teller_subscriber_add(session.client, &subscriber, &answer);
    code = session_check(&session, err, &answer, NULL);
    if (code == EXIT_CODE_OK)
        tell(&session, "Added. How far it is: teller subscriber list");
    session_close(&session);
    explicit_bzero(space, sizeof space);
    return code;
}

/* ---- subscriber remove, list ---------------------------------------------------------------------- */

static int subscriber_remove(int argc, char **argv)
{
    struct session session;
    struct option_row rows[SESSION_OPTIONS];
    const char *arguments[1];
    struct teller_answer answer;
    session_options(&session, "subscriber remove", rows);
    const struct manual manual = {.usage = "teller subscriber remove NAME [options]",
                                  .summary = "Removes a webhook, with its dead letters.\n" SESSION_EXIT_CODES,
                                  .examples = "  teller subscriber remove crm",
                                  .options = rows,
                                  .option_count = SESSION_OPTIONS,
                                  .argument_min = 1,
                                  .argument_max = 1};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    int code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    enum err err = teller_subscriber_remove(session.client, str_from(arguments[0]), &answer);
    code = session_check(&session, err, &answer, NULL);
    if (code == EXIT_CODE_OK)
        tell(&session, "Removed.");
    session_close(&session);
    return code;
}

static int subscriber_list(int argc, char **argv)
{
    static const struct answer_column columns[] = {
        {"name", "NAME", -16, false},        {"state", "STATE", -9, false},
        {"lag", "LAG", 10, false},           {"delivered", "DELIVERED", 10, false},
        {"failures", "FAILURES", 8, false},  {"dead_letters", "LETTERS", 7, false},
        {"next_try", "NEXT TRY", -25, true}, {"only", "ONLY", -6, false},
        {"error", "ERROR", -24, false},      {"url", "URL", 0, false},
    };
    struct session session;
    struct option_row rows[SESSION_OPTIONS];
    struct teller_answer answer;
    struct str body;
    session_options(&session, "subscriber list", rows);
    const struct manual manual = {.usage = "teller subscriber list [options]",
                                  .summary =
                                      "Lists webhooks, and the streams that are connected. LAG is about how "
                                      "many events each has not been sent.\n" SESSION_EXIT_CODES,
                                  .examples = "  teller subscriber list\n  teller subscriber list --json",
                                  .options = rows,
                                  .option_count = SESSION_OPTIONS};
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    int code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    enum err err = teller_subscriber_list(session.client, &body, &answer);
    code = session_check(&session, err, &answer, NULL);
    if (code == EXIT_CODE_OK &&
        !answer_list(body, session.json, "subscribers", columns, sizeof columns / sizeof *columns))
        code = session_malformed(&session);
    session_close(&session);
    return code;
}

/* ---- deadletter ----------------------------------------------------------------------------------- */

static int deadletter_list(int argc, char **argv)
{
    static const struct answer_column columns[] = {
        {"id", "ID", 8, false},
        {"name", "SUBSCRIBER", -16, false},
        {"partition", "PARTITION", 9, false},
        {"position", "POSITION", 12, false},
        {"time", "GIVEN UP", -25, true},
        {"tries", "TRIES", 5, false},
        {"state", "STATE", -8, false},
        {"error", "ERROR", 0, false},
    };
    struct session session;
    struct option_row rows[SESSION_OPTIONS + 3];
    const char *name = NULL, *cursor = NULL;
    uint64_t limit = 100;
    struct teller_answer answer;
    struct str body;
    session_options(&session, "deadletter list", rows);
    rows[SESSION_OPTIONS] = option_text("name", &name, "NAME", "of this subscriber only");
    rows[SESSION_OPTIONS + 1] = option_text("cursor", &cursor, "TEXT", "go on where an earlier list ended");
    rows[SESSION_OPTIONS + 2] = (struct option_row){.name = "limit",
                                                    .type = OPTION_NUMBER,
                                                    .out = &limit,
                                                    .value = "N",
                                                    .help = "at most so many (100)",
                                                    .minimum = 1,
                                                    .maximum = TELLER_PAGE_MAX};
    const struct manual manual = {.usage = "teller deadletter list [options]",
                                  .summary =
                                      "Lists events that a webhook has not taken.\n" SESSION_EXIT_CODES,
                                  .examples = "  teller deadletter list --name crm",
                                  .options = rows,
                                  .option_count = sizeof rows / sizeof *rows};
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    int code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    enum err err = teller_letter_list(session.client, argument_text(name), (uint32_t)limit,
                                      argument_text(cursor), &body, &answer);
    code = session_check(&session, err, &answer, NULL);
    if (code == EXIT_CODE_OK &&
        !answer_list(body, session.json, "letters", columns, sizeof columns / sizeof *columns))
        code = session_malformed(&session);
    session_close(&session);
    return code;
}

static bool read_id(const struct session *session, const char *text, uint64_t *out)
{
    if (options_number(text, out) && *out > 0)
        return true;
    session_usage(session, "'%s' is no id of a dead letter", text);
    return false;
}

static int decide(const struct manual *texts, const char *name, bool resolves, int argc, char **argv)
{
    struct session session;
    struct option_row rows[SESSION_OPTIONS + 2];
    const char *arguments[1], *operator_name = NULL, *reason = NULL;
    uint64_t id;
    struct teller_answer answer;
    session_options(&session, name, rows);
    rows[SESSION_OPTIONS] = option_text_required("operator", &operator_name, "NAME", "who decides");
    rows[SESSION_OPTIONS + 1] = option_text("reason", &reason, "TEXT", "why; for the log");
    rows[SESSION_OPTIONS + 1].required = resolves;
    struct manual manual = *texts;
    manual.options = rows;
    manual.option_count = SESSION_OPTIONS + (resolves ? 2 : 1);
    manual.argument_min = manual.argument_max = 1;
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    if (!read_id(&session, arguments[0], &id))
        return EXIT_CODE_USAGE;
    int code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    struct str who = argument_text(operator_name);
    enum err err = resolves ? teller_letter_resolve(session.client, id, who, argument_text(reason), &answer)
                            : teller_letter_retry(session.client, id, who, &answer);
    code = session_check(&session, err, &answer, NULL);
    if (code == EXIT_CODE_OK)
        tell(&session,
             resolves ? "Resolved." : "It is posted once more. What came of it: teller deadletter list");
    session_close(&session);
    return code;
}

static int deadletter_retry(int argc, char **argv)
{
    static const struct manual texts = {
        .usage = "teller deadletter retry ID --operator NAME [options]",
        .summary =
            "Has an event posted once more. Taken, it is off the list; else it stays.\n" SESSION_EXIT_CODES,
        .examples = "  teller deadletter retry 17 --operator ann"};
    return decide(&texts, "deadletter retry", false, argc, argv);
}

static int deadletter_resolve(int argc, char **argv)
{
    static const struct manual texts = {
        .usage = "teller deadletter resolve ID --operator NAME --reason TEXT [options]",
        .summary = "Takes an event off the list: it was dealt with in another way.\n" SESSION_EXIT_CODES,
        .examples = "  teller deadletter resolve 17 --operator ann --reason 'booked by hand'"};
    return decide(&texts, "deadletter resolve", true, argc, argv);
}

/* ---- the tables ----------------------------------------------------------------------------------- */

int command_subscriber(int argc, char **argv)
{
    static const struct verb verbs[] = {
        {"add", "add a webhook, or change it", subscriber_add},
        {"remove", "remove one, with its dead letters", subscriber_remove},
        {"list", "list them, and how far each is", subscriber_list},
    };
    static const struct noun noun = {
        "subscriber",
        "  teller subscriber add crm https://crm.example/events --secret-file crm.secret\n"
        "  teller subscriber list\n",
        verbs, sizeof verbs / sizeof *verbs};
    return verbs_run(&noun, argc, argv);
}

int command_deadletter(int argc, char **argv)
{
    static const struct verb verbs[] = {
        {"list", "list events that nobody took", deadletter_list},
        {"retry", "post one once more", deadletter_retry},
        {"resolve", "take one off the list", deadletter_resolve},
    };
    static const struct noun noun = {"deadletter",
                                     "  teller deadletter list --name crm\n"
                                     "  teller deadletter retry 17 --operator ann\n",
                                     verbs, sizeof verbs / sizeof *verbs};
    return verbs_run(&noun, argc, argv);
}
