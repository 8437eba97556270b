/* The simulator's command line, in both directions: what it says, and the line that says it again.
 *
 * Times are read as decimals into whole microseconds. An hour's fraction has up to eight places, because one
 * hundred-millionth of an hour is 36 microseconds: such a number is written again as it was read.
 */
#include "sim/command/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "actors/base/check.h"

#define SECOND_US INT64_C(1000000)
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)

enum {
    PLACES_MAX = 8,
    LONGEST_HOURS = 24 * 366 * 100,
    JOBS_MAX = 256,
    SEEDS_DEFAULT = 10,
    LIST_WORD_MAX = 32,
    SUMMARY_MAX = 4000,
    FEATURES_A_LINE = 9,
};

/* The text of options whose values are read by this file. */
struct texts {
    const char *hours, *minutes, *stop, *from, *faults, *features, *without, *drop, *only;
};

/* ---- values ------------------------------------------------------------------------------------- */

/* "1.25" units of unit_us. false: malformed, too exact or too large. */
static bool read_decimal(const char *text, int64_t unit_us, int64_t *out)
{
    __int128 value = 0, scale = 1;
    int places = -1; /* none so far */
    if (*text == '\0' || *text == '.')
        return false;
    for (; *text; text++) {
        if (*text == '.' && places < 0) {
            places = 0;
            continue;
        }
        if (*text < '0' || *text > '9' || places == PLACES_MAX)
            return false;
        value = value * 10 + (*text - '0');
        if (places >= 0) {
            places++;
            scale *= 10;
        }
        if (value / scale > LONGEST_HOURS * HOUR_US / unit_us)
            return false;
    }
    *out = (int64_t)(value * unit_us / scale);
    return places != 0;
}

typedef bool word_find_fn(const char *word, uint32_t *bit);

static bool find_family(const char *word, uint32_t *bit)
{
    enum fault_family family;
    if (!fault_family_find(word, &family))
        return false;
    *bit = (uint32_t)family;
    return true;
}

static bool find_feature(const char *word, uint32_t *bit)
{
    for (*bit = 0; *bit < FEATURE_COUNT; (*bit)++) {
        if (strcmp(feature_name((enum feature) * bit), word) == 0)
            return true;
    }
    return false;
}

/* Reads "a,b,c", "all" or "none" into a mask. */
static bool read_mask(const char *text, word_find_fn *find, uint32_t all, uint32_t *out)
{
    uint32_t mask = 0;
    if (strcmp(text, "all") == 0 || strcmp(text, "none") == 0) {
        *out = text[0] == 'a' ? all : 0;
        return true;
    }
    while (true) {
        char word[LIST_WORD_MAX];
        size_t length = strcspn(text, ",");
        uint32_t bit;
        if (length == 0 || length >= sizeof word)
            return false;
        memcpy(word, text, length);
        word[length] = '\0';
        if (!find(word, &bit))
            return false;
        mask |= UINT32_C(1) << bit;
        if (text[length] == '\0')
            break;
        text += length + 1;
    }
    *out = mask;
    return true;
}

/* Reads "1,2,3" or "none". */
static bool read_numbers(const char *text, uint32_t **out, size_t *count)
{
    size_t capacity = 1;
    for (const char *at = text; *at; at++)
        capacity += *at == ',';
    uint32_t *numbers = calloc(capacity, sizeof *numbers);
    CHECK(numbers != NULL);
    *out = numbers;
    *count = 0;
    if (strcmp(text, "none") == 0)
        return true;
    while (*text >= '0' && *text <= '9') {
        char *end;
        unsigned long long number = strtoull(text, &end, 10);
        if (number == 0 || number > UINT32_MAX)
            return false;
        numbers[(*count)++] = (uint32_t)number;
        if (*end == '\0')
            return true;
        if (*end != ',')
            return false;
        text = end + 1;
    }
    return false;
}

/* ---- the command line --------------------------------------------------------------------------- */

static const char summary[] =
    "Runs the production code in a simulated world: clients, network, clocks and disks of one process, with "
    "one clock\n"
    "that is not the real one. A seed decides everything: load, faults, and the order of events. The same "
    "seed is the\n"
    "same run, to the bit. Every answer and every commit is checked by an oracle that works out by itself "
    "what is\n"
    "right; after the last fault everything must be answered and all books must agree.\n"
    "\n"
    "A run that breaks is reported with the invariant, the last events, and the one command that replays "
    "it.\n"
    "The publisher, the rate feed and remittances have worlds of their own (--events, --rates, "
    "--remittances): their\n"
    "faults are not planned ahead, but come as they are drawn.\n"
    "Exit code: 0 nothing broke, 1 something did, 2 wrong usage.\n"
    "\n"
    "LIST is words with commas between them, or all, or none; NUMBERS are numbers, or none.\n"
    "Families of faults:";

static const char examples[] =
    "  teller sim                                       ten seeds of an hour each\n"
    "  teller sim --until-failure --minutes 60          new seeds for an hour, or until one breaks\n"
    "  teller sim --seed 7 --faults disk,process        one seed, and only some faults\n"
    "  teller sim --seed 7 --plan                       the faults of that seed\n"
    "  teller sim --seed 7 --trace --trace-from 95.5    everything that happens, from then on\n"
    "  teller sim --seed 7 --shrink                     a shorter run that breaks in the same way\n"
    "  teller sim --seeds 40 --digest                   to compare two builds: the lines must be equal\n"
    "  teller sim --events --seeds 300                  the publisher's world: webhooks and streams that do "
    "wrong\n"
    "  teller sim --rates --seeds 300                   the rate feed's: sources that do wrong, for a month "
    "each\n"
    "  teller sim --remittances --seeds 100             that of remittances: banks that do wrong\n"
    "  teller sim --script FILE-or-folder …             cases of the scenario language: see --script --help";

/* The summary and the words of both lists. */
static void say_summary(char *out, size_t capacity)
{
    FILE *text = fmemopen(out, capacity, "w");
    CHECK(text != NULL);
    fputs(summary, text);
    for (enum fault_family family = 0; family < FAMILY_COUNT; family++)
        fprintf(text, "%s %s", family == 0 ? "\n " : "", fault_family_word(family));
    fputs("\nFeatures, which are what clients may do:", text);
    for (enum feature feature = 0; feature < FEATURE_COUNT; feature++)
        fprintf(text, "%s %s", feature % FEATURES_A_LINE == 0 ? "\n " : "", feature_name(feature));
    CHECK(fclose(text) == 0);
}

static const char *wrong_value(const struct texts *texts, struct sim_options *self)
{
    struct run_config *config = &self->config;
    if (texts->hours && (!read_decimal(texts->hours, HOUR_US, &config->length_us) || config->length_us == 0))
        return "hours";
    if (texts->minutes &&
        (!read_decimal(texts->minutes, MINUTE_US, &self->minutes_us) || self->minutes_us == 0))
        return "minutes";
    if (texts->stop && (!read_decimal(texts->stop, SECOND_US, &config->stop_us) || config->stop_us == 0))
        return "stop";
    if (texts->from && !read_decimal(texts->from, SECOND_US, &config->trace_from_us))
        return "trace-from";
    if (texts->faults && !read_mask(texts->faults, find_family, FAMILIES_ALL, &config->families))
        return "faults";
    if (texts->features && !read_mask(texts->features, find_feature, FEATURES_ALL, &config->features))
        return "features";
    uint32_t without = 0;
    if (texts->without && !read_mask(texts->without, find_feature, FEATURES_ALL, &without))
        return "without";
    config->features &= ~without;
    if (texts->drop && !read_numbers(texts->drop, &self->dropped, &config->dropped_count))
        return "drop";
    config->dropped = self->dropped;
    if (texts->only && !read_numbers(texts->only, &self->only, &self->only_count))
        return "only";
    return NULL;
}

static enum options_result complain(const char *name, const char *sentence)
{
    fprintf(stderr, "teller %s: %s\nSee: teller %s --help\n", name, sentence, name);
    return OPTIONS_WRONG;
}

/* What two options say together. */
static enum options_result check_together(struct sim_options *self, const struct texts *texts,
                                          const char *name)
{
    if (texts->drop && texts->only)
        return complain(name, "--drop and --only exclude each other");
    if (self->events + self->rates + self->remittances > 1)
        return complain(name, "--events, --rates and --remittances exclude each other");
    self->config.kind = self->events        ? RUN_EVENTS
                        : self->rates       ? RUN_RATES
                        : self->remittances ? RUN_REMITTANCES
                                            : RUN_LEDGER;
    if (self->trace + self->plan + self->digest + self->shrink > 1)
        return complain(name, "--trace, --plan, --digest and --shrink exclude each other");
    bool is_endless = self->until_failure || texts->minutes != NULL;
    bool is_single = self->trace || self->plan || self->shrink;
    if (self->seed_count == 0 && (is_single || self->seed != 0))
        self->seed_count = is_endless && !is_single ? 0 : 1;
    else if (self->seed_count == 0)
        self->seed_count = is_endless ? 0 : SEEDS_DEFAULT;
    if (is_single && self->seed_count != 1)
        return complain(name, "--trace, --plan and --shrink are for one seed");
    if (self->seed == 0)
        self->seed = 1;
    return OPTIONS_OK;
}

enum options_result sim_options_read(struct sim_options *self, int argc, char **argv)
{
    struct texts texts = {0};
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    *self = (struct sim_options){.jobs = cores > 0 ? (uint64_t)cores : 1, .config = run_config_default(0)};
    self->config.seed = 0;
    const struct option_row rows[] = {
        {"seed", &self->seed, "N", "the first seed (1)", 1, 0, OPTION_NUMBER, 0, false},
        {"seeds", &self->seed_count, "N", "how many seeds (10; 1 when --seed is given)", 1, 0, OPTION_NUMBER,
         0, false},
        {"events", &self->events, NULL, "the world of the publisher, not the ledger's", 0, 0, OPTION_FLAG, 0,
         false},
        {"rates", &self->rates, NULL, "the world of the rate feed, where an hour is a month", 0, 0,
         OPTION_FLAG, 0, false},
        {"remittances", &self->remittances, NULL, "the world of remittances: ledger, bank adapter, banks", 0,
         0, OPTION_FLAG, 0, false},
        {"hours", &texts.hours, "H", "simulated time of each seed (1); decimals are welcome", 0, 0,
         OPTION_TEXT, 0, false},
        {"until-failure", &self->until_failure, NULL, "go on with new seeds until one breaks", 0, 0,
         OPTION_FLAG, 0, false},
        {"minutes", &texts.minutes, "M", "begin no seed (with --shrink: no try) after so much real time", 0,
         0, OPTION_TEXT, 0, false},
        {"jobs", &self->jobs, "N", "seeds at the same time (one for each core)", 1, JOBS_MAX, OPTION_NUMBER,
         'j', false},
        {"faults", &texts.faults, "LIST", "families of faults (all)", 0, 0, OPTION_TEXT, 0, false},
        {"drop", &texts.drop, "NUMBERS", "planned faults that are left out", 0, 0, OPTION_TEXT, 0, false},
        {"only", &texts.only, "NUMBERS", "the planned faults that are not left out", 0, 0, OPTION_TEXT, 0,
         false},
        {"features", &texts.features, "LIST", "what clients may do, of which a seed takes some (all)", 0, 0,
         OPTION_TEXT, 0, false},
        {"without", &texts.without, "LIST", "what they may not do", 0, 0, OPTION_TEXT, 0, false},
        {"operations", &self->config.operation_limit, "N", "no more requests than this", 1, 0, OPTION_NUMBER,
         0, false},
        {"stop", &texts.stop, "SECONDS", "end load and faults here; up to then all is as in --hours", 0, 0,
         OPTION_TEXT, 0, false},
        {"shrink", &self->shrink, NULL, "look for a shorter run that breaks in the same way", 0, 0,
         OPTION_FLAG, 0, false},
        {"trace", &self->trace, NULL, "print every event", 0, 0, OPTION_FLAG, 0, false},
        {"trace-from", &texts.from, "SECONDS", "where the trace begins (0)", 0, 0, OPTION_TEXT, 0, false},
        {"plan", &self->plan, NULL, "print the planned faults, and do not run", 0, 0, OPTION_FLAG, 0, false},
        {"digest", &self->digest, NULL, "print only a line for each seed: the digest of its history", 0, 0,
         OPTION_FLAG, 0, false},
        {"json", &self->json, NULL, "print the summary as JSON", 0, 0, OPTION_FLAG, 0, false},
        {"quiet", &self->quiet, NULL, "show no progress", 0, 0, OPTION_FLAG, 'q', false},
    };
    char text[SUMMARY_MAX];
    say_summary(text, sizeof text);
    const struct manual manual = {.usage = "teller sim [options]",
                                  .summary = text,
                                  .examples = examples,
                                  .options = rows,
                                  .option_count = sizeof rows / sizeof *rows};
    enum options_result result = options_read(&manual, argc, argv, NULL);
    if (result != OPTIONS_OK)
        return result;
    const char *wrong = wrong_value(&texts, self);
    char sentence[80];
    if (wrong != NULL) {
        snprintf(sentence, sizeof sentence, "that is no value of --%s", wrong);
        return complain(argv[0], sentence);
    }
    return check_together(self, &texts, argv[0]);
}

void sim_options_release(struct sim_options *self)
{
    free(self->dropped);
    free(self->only);
    self->dropped = self->only = NULL;
}

/* ---- the run of a seed, and its command --------------------------------------------------------- */

static bool is_among(const uint32_t *numbers, size_t count, uint32_t number)
{
    for (size_t i = 0; i < count; i++) {
        if (numbers[i] == number)
            return true;
    }
    return false;
}

struct run_config sim_options_config(const struct sim_options *self, uint64_t seed, uint32_t **dropped)
{
    struct run_config config = self->config;
    config.seed = seed;
    *dropped = NULL;
    if (self->only == NULL)
        return config;
    struct fault_plan plan = run_plan(&config);
    *dropped = calloc(plan.count + 1, sizeof **dropped);
    CHECK(*dropped != NULL);
    for (size_t i = 0; i < plan.count; i++) {
        if (!is_among(self->only, self->only_count, plan.faults[i].number))
            (*dropped)[config.dropped_count++] = plan.faults[i].number;
    }
    config.dropped = *dropped;
    fault_plan_release(&plan);
    return config;
}

/* whole.places of units_us, without zeros at the end. */
static void put_decimal(FILE *out, int64_t value, int64_t one, int places)
{
    char text[40];
    int length = snprintf(text, sizeof text, "%" PRId64 ".%0*" PRId64, value / one, places, value % one);
    while (text[length - 1] == '0')
        length--;
    if (text[length - 1] == '.')
        length--;
    fprintf(out, "%.*s", length, text);
}

static void put_words(FILE *out, const char *option, uint32_t mask, uint32_t bits, bool is_family)
{
    const char *between = "";
    fprintf(out, " --%s ", option);
    for (uint32_t bit = 0; bit < bits; bit++) {
        if (mask >> bit & 1) {
            fprintf(out, "%s%s", between,
                    is_family ? fault_family_word((enum fault_family)bit) : feature_name((enum feature)bit));
            between = ",";
        }
    }
    if (mask == 0)
        fputs("none", out);
}

static void put_features(FILE *out, uint32_t features)
{
    uint32_t missing = FEATURES_ALL & ~features;
    if (missing == 0)
        return;
    if (__builtin_popcount(missing) <= __builtin_popcount(features))
        put_words(out, "without", missing, FEATURE_COUNT, false);
    else
        put_words(out, "features", features, FEATURE_COUNT, false);
}

/* The dropped faults, or those that stay, whichever are fewer. */
static void put_numbers(FILE *out, const struct run_config *config)
{
    struct run_config whole = *config;
    whole.dropped_count = 0;
    struct fault_plan plan = run_plan(&whole);
    size_t dropped = 0;
    for (size_t i = 0; i < plan.count; i++)
        dropped += is_among(config->dropped, config->dropped_count, plan.faults[i].number);
    bool names_dropped = dropped <= plan.count - dropped;
    const char *between = "";
    if (dropped > 0)
        fputs(names_dropped ? " --drop " : " --only ", out);
    for (size_t i = 0; i < plan.count && dropped > 0; i++) {
        uint32_t number = plan.faults[i].number;
        if (is_among(config->dropped, config->dropped_count, number) == names_dropped) {
            fprintf(out, "%s%" PRIu32, between, number);
            between = ",";
        }
    }
    if (dropped > 0 && dropped == plan.count)
        fputs("none", out);
    fault_plan_release(&plan);
}

char *sim_replay_command(const char *program, const struct run_config *config)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    CHECK(out != NULL);
    static const char *const kinds[] = {[RUN_LEDGER] = "",
                                        [RUN_EVENTS] = " --events",
                                        [RUN_RATES] = " --rates",
                                        [RUN_REMITTANCES] = " --remittances"};
    fprintf(out, "%s%s --seed %" PRIu64, program, kinds[config->kind], config->seed);
    if (config->length_us != HOUR_US) {
        fputs(" --hours ", out);
        put_decimal(out, config->length_us / 36, HOUR_US / 36, PLACES_MAX);
    }
    if (config->stop_us > 0) {
        fputs(" --stop ", out);
        put_decimal(out, config->stop_us, SECOND_US, 6);
    }
    if (config->families != FAMILIES_ALL)
        put_words(out, "faults", config->families, FAMILY_COUNT, true);
    if (config->kind == RUN_LEDGER)
        put_features(out, config->features);
    put_numbers(out, config);
    if (config->operation_limit > 0)
        fprintf(out, " --operations %" PRIu64, config->operation_limit);
    CHECK(fclose(out) == 0);
    return text;
}
