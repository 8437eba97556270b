/* Reading a command line from a table. A wrong line is answered with one sentence that names the option,
 * and with how to get help. */
#include "broker/options.h"

#include <stdio.h>
#include <string.h>

#include "actors/base/check.h"

/* ---- values ----------------------------------------------------------------------------------- */

struct unit {
    const char *name;
    uint64_t factor;
};

/* Reads digits and then one of the units. */
static bool read_with_unit(const char *text, const struct unit *units, size_t count, uint64_t *out)
{
    uint64_t value = 0;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*at - '0'), &value))
            return false;
    }
    if (at == text)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(at, units[i].name) == 0)
            return !__builtin_mul_overflow(value, units[i].factor, out);
    }
    return false;
}

bool options_number(const char *text, uint64_t *out)
{
    static const struct unit units[] = {{"", 1}};
    uint64_t value;
    if (!read_with_unit(text, units, 1, &value))
        return false;
    *out = value;
    return true;
}

bool options_size(const char *text, uint64_t *out)
{
    static const struct unit units[] = {{"", 1},
                                        {"K", UINT64_C(1) << 10},
                                        {"M", UINT64_C(1) << 20},
                                        {"G", UINT64_C(1) << 30},
                                        {"T", UINT64_C(1) << 40}};
    uint64_t value;
    if (!read_with_unit(text, units, sizeof units / sizeof *units, &value))
        return false;
    *out = value;
    return true;
}

bool options_duration_ms(const char *text, int64_t *out)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    uint64_t value;
    if (!read_with_unit(text, units, sizeof units / sizeof *units, &value) || value > INT64_MAX)
        return false;
    *out = (int64_t)value;
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------- */

struct option_row option_text(const char *name, const char **out, const char *value, const char *help)
{
    return (struct option_row){.name = name, .type = OPTION_TEXT, .out = out, .value = value, .help = help};
}

struct option_row option_text_required(const char *name, const char **out, const char *value,
                                       const char *help)
{
    struct option_row row = option_text(name, out, value, help);
    row.required = true;
    return row;
}

/* ---- help ------------------------------------------------------------------------------------- */

enum { HELP_COLUMN = 28 };

static void print_row(const struct option_row *row)
{
    char left[80];
    char letter[] = "    ";
    if (row->letter != 0)
        memcpy(letter, (char[]){'-', row->letter, ',', ' '}, 4);
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, row->name, row->value == NULL ? "" : " ",
             row->value == NULL ? "" : row->value);
    printf("%-*s %s%s\n", HELP_COLUMN, left, row->help, row->required ? " (required)" : "");
}

static void print_help(const struct manual *manual)
{
    static const struct option_row help = {.name = "help", .letter = 'h', .help = "print this"};
    printf("Usage: %s\n\n%s\n\nOptions:\n", manual->usage, manual->summary);
    for (size_t i = 0; i < manual->option_count; i++)
        print_row(&manual->options[i]);
    print_row(&help);
    if (manual->examples != NULL)
        printf("\nExamples:\n%s\n", manual->examples);
}

/* ---- the line --------------------------------------------------------------------------------- */

struct line {
    const struct manual *manual;
    const char *command;
    int argc, at;
    char **argv;
    uint64_t seen; /* a bit for each option of the table */
};

static enum options_result wrong(const struct line *line, const char *what, const char *about)
{
    fprintf(stderr, "teller %s: %s%s\nSee: teller %s --help\n", line->command, what, about, line->command);
    return OPTIONS_WRONG;
}

static enum options_result wrong_value(const struct line *line, const struct option_row *row,
                                       const char *text)
{
    fprintf(stderr, "teller %s: '%s' is no value of --%s: %s\nSee: teller %s --help\n", line->command, text,
            row->name, row->help, line->command);
    return OPTIONS_WRONG;
}

static bool is_inside(const struct option_row *row, uint64_t value)
{
    return value >= row->minimum && (row->maximum == 0 || value <= row->maximum);
}

static bool set_value(const struct option_row *row, const char *text)
{
    uint64_t number = 0;
    int64_t duration_ms = 0;
    switch (row->type) {
    case OPTION_FLAG:
        *(bool *)row->out = true;
        return true;
    case OPTION_TEXT:
        *(const char **)row->out = text;
        return text[0] != '\0';
    case OPTION_NUMBER:
        if (!options_number(text, &number) || !is_inside(row, number))
            return false;
        *(uint64_t *)row->out = number;
        return true;
    case OPTION_SIZE:
        if (!options_size(text, &number) || !is_inside(row, number))
            return false;
        *(uint64_t *)row->out = number;
        return true;
    case OPTION_DURATION:
        if (!options_duration_ms(text, &duration_ms) || !is_inside(row, (uint64_t)duration_ms))
            return false;
        *(int64_t *)row->out = duration_ms;
        return true;
    }
    CHECK_UNREACHABLE();
}

/* The row of "--name", "--name=VALUE" or "-n"; *value is the text behind "=", or NULL. */
static const struct option_row *find_row(const struct manual *manual, const char *word, const char **value)
{
    const char *equals = strchr(word, '=');
    bool is_long = word[1] == '-';
    size_t length = equals == NULL ? strlen(word + 2) : (size_t)(equals - word - 2);
    *value = is_long && equals != NULL ? equals + 1 : NULL;
    for (size_t i = 0; i < manual->option_count; i++) {
        const struct option_row *row = &manual->options[i];
        if (is_long && strlen(row->name) == length && memcmp(row->name, word + 2, length) == 0)
            return row;
        if (!is_long && row->letter != 0 && word[1] == row->letter && word[2] == '\0')
            return row;
    }
    return NULL;
}

static enum options_result read_option(struct line *line)
{
    const char *word = line->argv[line->at];
    const char *value = NULL;
    const struct option_row *row =
        word[2] == '\0' && word[1] == '-' ? NULL : find_row(line->manual, word, &value);
    if (row == NULL)
        return wrong(line, "there is no option ", word);
    if (row->type == OPTION_FLAG && value != NULL)
        return wrong(line, "takes no value: --", row->name);
    if (row->type != OPTION_FLAG && value == NULL) {
        if (line->at + 1 >= line->argc)
            return wrong(line, "a value is missing after ", word);
        value = line->argv[++line->at];
    }
    if (!set_value(row, value))
        return wrong_value(line, row, value);
    line->seen |= UINT64_C(1) << (row - line->manual->options);
    return OPTIONS_OK;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

static enum options_result check_complete(const struct line *line, size_t argument_count)
{
    if (argument_count < line->manual->argument_min)
        return wrong(line, "an argument is missing: ", line->manual->usage);
    for (size_t i = 0; i < line->manual->option_count; i++) {
        if (line->manual->options[i].required && (line->seen & UINT64_C(1) << i) == 0)
            return wrong(line, "missing: --", line->manual->options[i].name);
    }
    return OPTIONS_OK;
}

enum options_result options_read(const struct manual *manual, int argc, char **argv, const char **arguments)
{
    struct line line = {.manual = manual, .command = argv[0], .argc = argc, .argv = argv};
    size_t argument_count = 0;
    bool options_end = false;
    CHECK(manual->option_count <= 64);
    for (size_t i = 0; i < manual->argument_max; i++)
        arguments[i] = NULL;
    for (line.at = 1; line.at < argc; line.at++) {
        const char *word = argv[line.at];
        bool is_option = !options_end && word[0] == '-' && word[1] != '\0';
        if (is_option && strcmp(word, "--") == 0) {
            options_end = true;
        } else if (is_option && is_help(word)) {
            print_help(manual);
            return OPTIONS_HELP;
        } else if (is_option) {
            if (read_option(&line) != OPTIONS_OK)
                return OPTIONS_WRONG;
        } else if (argument_count < manual->argument_max) {
            arguments[argument_count++] = word;
        } else {
            return wrong(&line, "one argument too many: ", word);
        }
    }
    return check_complete(&line, argument_count);
}

/* ---- suggestions ------------------------------------------------------------------------------ */

enum { WORD_MAX = 32 };

static size_t smallest(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

size_t options_distance(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t a_length = strlen(a), b_length = strlen(b);
    if (a_length > WORD_MAX || b_length > WORD_MAX)
        return a_length > b_length ? a_length : b_length;
    for (size_t j = 0; j <= b_length; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t above = row[j];
            row[j] = smallest(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_length];
}
