/* teller banks: the banks of a node; teller banks calls: what is open with them. */
#include <string.h>

#include "broker/command.h"
#include "broker/command/answer.h"
#include "broker/command/arguments.h"
#include "broker/command/print.h"
#include "broker/wire/banks.h"

#define COUNT(columns) (sizeof(columns) / sizeof *(columns))

/* Asks with what the writer holds, and prints. */
static int ask(struct session *session, enum wire_operation operation, const struct mp_writer *w,
               const char *key, const struct answer_column *columns, size_t count)
{
    struct teller_answer answer;
    struct str reply = {0}, body = {(const char *)w->data, (uint32_t)w->length};
    enum err err = w->failed ? ERR_NO_MEMORY
                             : teller_ask(session->client, str_from(wire_operation_name(operation)),
                                          TELLER_ANY_PARTITION, body, &reply, &answer);
    int code = session_check(session, err, &answer, NULL);
    if (code == EXIT_CODE_OK && !answer_list(reply, session->json, key, columns, count))
        code = session_malformed(session);
    return code;
}

static int banks_list(int argc, char **argv)
{
    static const struct answer_column columns[] = {
        {"bank", "BANK", -16, false},         {"rail", "RAIL", -6, false},
        {"circuit", "CIRCUIT", -9, false},    {"queued", "QUEUED", 7, false},
        {"in_flight", "AT IT", 6, false},     {"unknown", "UNKNOWN", 7, false},
        {"succeeded", "DONE", 10, false},     {"failed", "FAILED", 8, false},
        {"errors", "ERRORS", 6, false},       {"token_until", "TOKEN", -25, true},
        {"retry_at", "TRIED AGAIN", 0, true},
    };
    struct session session;
    struct option_row rows[SESSION_OPTIONS];
    struct mp_writer w = {0};
    session_options(&session, "banks", rows);
    const struct manual manual = {
        .usage = "teller banks [options]",
        .summary =
            "Lists the banks of a node, and how each is. ERRORS are failures in a row; an open circuit is\n"
            "tried again at its time. What is open with them: teller banks calls\n" SESSION_EXIT_CODES,
        .examples = "  teller banks\n  teller banks --json\n  teller banks calls --bank kftc",
        .options = rows,
        .option_count = SESSION_OPTIONS};
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    int code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    mp_write_nil(&w);
    code = ask(&session, OPERATION_BANK_LIST, &w, "banks", columns, COUNT(columns));
    mp_writer_release(&w);
    session_close(&session);
    return code;
}

static int banks_calls(int argc, char **argv)
{
    static const struct answer_column columns[] = {
        {"bank", "BANK", -16, false},     {"state", "STATE", -9, false},
        {"step", "STEP", -6, false},      {"id", "ID AT THE BANK", -36, false},
        {"number", "CALL", 4, false},     {"bank_reference", "BANK'S REFERENCE", -24, false},
        {"inquiries", "ASKED", 5, false}, {"next", "ASKED AGAIN", -25, true},
        {"reason", "REASON", 0, false},
    };
    struct session session;
    struct option_row rows[SESSION_OPTIONS + 3];
    struct mp_writer w = {0};
    const char *bank = NULL, *cursor = NULL;
    uint64_t limit = WIRE_BANK_CALLS_LIMIT;
    session_options(&session, "banks calls", rows);
    rows[SESSION_OPTIONS] = (struct option_row){
        .name = "bank", .type = OPTION_TEXT, .out = &bank, .value = "NAME", .help = "of this bank only"};
    rows[SESSION_OPTIONS + 1] = (struct option_row){.name = "limit",
                                                    .type = OPTION_NUMBER,
                                                    .out = &limit,
                                                    .value = "N",
                                                    .help = "at most so many (100)",
                                                    .minimum = 1,
                                                    .maximum = WIRE_BANK_CALLS_MAX};
    rows[SESSION_OPTIONS + 2] = (struct option_row){.name = "cursor",
                                                    .type = OPTION_TEXT,
                                                    .out = &cursor,
                                                    .value = "TEXT",
                                                    .help = "go on where an earlier list ended"};
    const struct manual manual = {
        .usage = "teller banks calls [options]",
        .summary = "Lists the calls to banks that have no final answer.\n" SESSION_EXIT_CODES,
        .examples = "  teller banks calls\n  teller banks calls --bank kftc --json",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows};
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    int code = session_open(&session);
    if (code != EXIT_CODE_OK)
        return code;
    wire_bank_calls_body_write(&w, argument_text(bank), (uint32_t)limit, argument_text(cursor));
    code = ask(&session, OPERATION_BANK_CALLS, &w, "calls", columns, COUNT(columns));
    mp_writer_release(&w);
    session_close(&session);
    return code;
}

int command_banks(int argc, char **argv)
{
    static char calls[] = "banks calls";
    bool is_calls = argc > 1 && strcmp(argv[1], "calls") == 0;
    if (argc > 1 && (is_calls || strcmp(argv[1], "list") == 0)) {
        argc--;
        argv++;
    }
    if (is_calls)
        argv[0] = calls;
    return is_calls ? banks_calls(argc, argv) : banks_list(argc, argv);
}
