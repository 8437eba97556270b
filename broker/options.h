/* Command lines: what a subcommand takes, read from a table; and its help, printed from the same table.
 *
 *     --name VALUE, --name=VALUE, -n VALUE, --flag; "--" ends the options; the rest are arguments.
 *
 * A subcommand describes itself in a struct manual, calls options_read first, and leaves with
 * options_exit_code(result) unless it is OPTIONS_OK.
 */
#ifndef TELLER_BROKER_OPTIONS_H
#define TELLER_BROKER_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit codes of the program. */
enum exit_code {
    EXIT_CODE_OK = 0,
    EXIT_CODE_ERROR = 1,
    EXIT_CODE_USAGE = 2,
    EXIT_CODE_DATA = 3,     /* the data directory was refused */
    EXIT_CODE_STORAGE = 75, /* stopped by a storage failure: start again, it recovers from disk */
};

enum option_type {
    OPTION_FLAG,     /* out: bool *; takes no value */
    OPTION_TEXT,     /* out: const char **; the argument itself */
    OPTION_NUMBER,   /* out: uint64_t *; minimum .. maximum */
    OPTION_SIZE,     /* out: uint64_t *, bytes; "512", "64K", "256M", "2G" */
    OPTION_DURATION, /* out: int64_t *, milliseconds; "500ms", "10s", "5m", "12h", "7d" */
};

struct option_row {
    const char *name;          /* without dashes */
    void *out;                 /* keeps its value, the default, when the option is not given */
    const char *value;         /* what the help calls the value, "DIR"; NULL for a flag */
    const char *help;          /* one line */
    uint64_t minimum, maximum; /* of numbers, sizes and durations (ms); maximum 0: no limit */
    enum option_type type;
    char letter; /* 0: none */
    bool required;
};

/* The row of a text; and of one that has to be given. */
struct option_row option_text(const char *name, const char **out, const char *value, const char *help);
struct option_row option_text_required(const char *name, const char **out, const char *value,
                                       const char *help);

struct manual {
    const char *usage;   /* "teller init --data DIR [options]" */
    const char *summary; /* a few lines */
    const char *examples;
    const struct option_row *options;
    size_t option_count;
    size_t argument_min, argument_max;
};

enum options_result {
    OPTIONS_OK,
    OPTIONS_HELP,  /* --help: it has been printed to stdout */
    OPTIONS_WRONG, /* what is wrong has been printed to stderr */
};

/* argv[0] is the subcommand's name. arguments receives manual->argument_max pointers, NULL where there is none;
 * it may be NULL when the manual takes none. */
enum options_result options_read(const struct manual *manual, int argc, char **argv, const char **arguments);

static inline int options_exit_code(enum options_result result)
{
    return result == OPTIONS_WRONG ? EXIT_CODE_USAGE : EXIT_CODE_OK;
}

/* The values by themselves. false: malformed or too large; *out is untouched. */
bool options_number(const char *text, uint64_t *out);
bool options_size(const char *text, uint64_t *out);
bool options_duration_ms(const char *text, int64_t *out);

/* How many letters differ between two words, at the least (Levenshtein): for suggestions. Words longer than 32
 * letters are as far as they are long. */
size_t options_distance(const char *a, const char *b);

#endif
