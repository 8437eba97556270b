/* Totals over seeds, for people and as JSON. Both are made from the same table of figures. */
#include "sim/command/report.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "sim/random.h"

#define SECOND_US INT64_C(1000000)
#define HOUR_US (3600 * SECOND_US)

/* A few seeds go to few branches: that says nothing. */
enum { MARKS_TOLD_MAX = 60, MARKS_SEEDS_LEAST = 5 };

/* A counter of totals. */
struct figure {
    const char *name;
    size_t offset;
};

static const struct figure figures[] = {
    {"operations", offsetof(struct totals, world.operations)},
    {"attempts", offsetof(struct totals, world.attempts)},
    {"commands", offsetof(struct totals, world.commands)},
    {"commits", offsetof(struct totals, world.commits)},
    {"facts", offsetof(struct totals, oracle.facts)},
    {"answers checked", offsetof(struct totals, oracle.answers)},
    {"reads checked", offsetof(struct totals, oracle.reads_checked)},
    {"refusals", offsetof(struct totals, oracle.refusals)},
    {"repeats", offsetof(struct totals, oracle.repeats)},
    {"conflicts", offsetof(struct totals, oracle.conflicts)},
    {"between partitions", offsetof(struct totals, oracle.crossings)},
    {"groups", offsetof(struct totals, oracle.groups)},
    {"restarts", offsetof(struct totals, world.restarts)},
    {"recoveries cut off", offsetof(struct totals, world.recoveries_cut)},
    {"crash images", offsetof(struct totals, world.images)},
    {"messages", offsetof(struct totals, world.messages)},
    {"messages lost", offsetof(struct totals, world.lost)},
    {"messages repeated", offsetof(struct totals, world.repeated)},
    {"disk calls", offsetof(struct totals, world.disk_calls)},
    {"events", offsetof(struct totals, world.events)},
};

enum { FIGURE_COUNT = sizeof figures / sizeof *figures };

static uint64_t figure_of(const struct totals *self, const struct figure *figure)
{
    return *(const uint64_t *)((const char *)self + figure->offset);
}

void totals_init(struct totals *self, const struct marks *marks)
{
    *self = (struct totals){.marks = marks};
    if (marks != NULL) {
        self->hits = calloc(marks_count(marks) + 1, sizeof *self->hits);
        CHECK(self->hits != NULL);
    }
}

void totals_release(struct totals *self)
{
    free(self->hits);
    self->hits = NULL;
}

static void add_world(struct world_counts *to, const struct world_counts *from)
{
    to->events += from->events;
    to->messages += from->messages;
    to->lost += from->lost;
    to->repeated += from->repeated;
    to->operations += from->operations;
    to->attempts += from->attempts;
    to->answers += from->answers;
    to->commands += from->commands;
    to->commits += from->commits;
    to->restarts += from->restarts;
    to->recoveries_cut += from->recoveries_cut;
    to->images += from->images;
    for (size_t kind = 0; kind < FAULT_KIND_COUNT; kind++)
        to->faults[kind] += from->faults[kind];
    to->disk_calls += from->disk_calls;
}

static void add_oracle(struct oracle_counts *to, const struct oracle_counts *from)
{
    to->commits += from->commits;
    to->facts += from->facts;
    to->commands += from->commands;
    to->refusals += from->refusals;
    to->answers += from->answers;
    to->reads_checked += from->reads_checked;
    to->repeats += from->repeats;
    to->conflicts += from->conflicts;
    to->crossings += from->crossings;
    to->groups += from->groups;
}

void totals_add(struct totals *self, const struct outcome *outcome)
{
    struct sim_random mixed = sim_random_of(outcome->config.seed ^ outcome->result.digest);
    self->seeds++;
    self->failures += outcome->ending != ENDED_FINE;
    self->simulated_us += outcome->result.simulated_us;
    self->cpu_us += outcome->cpu_us;
    self->digest += sim_random_next(&mixed);
    add_world(&self->world, &outcome->result.world);
    add_oracle(&self->oracle, &outcome->result.oracle);
    for (size_t mark = 0; outcome->hits != NULL && mark < marks_count(self->marks); mark++)
        self->hits[mark] += outcome->hits[mark];
}

/* ---- for people --------------------------------------------------------------------------------- */

static int64_t ratio(int64_t part, int64_t whole)
{
    return whole > 0 ? part / whole : 0;
}

static void print_faults(const struct totals *self, FILE *out)
{
    uint64_t all = 0;
    for (size_t kind = 0; kind < FAULT_KIND_COUNT; kind++)
        all += self->world.faults[kind];
    fprintf(out, "\nfaults %" PRIu64 "\n", all);
    for (enum fault_family family = 0; family < FAMILY_COUNT; family++) {
        fprintf(out, "  %-9s", fault_family_word(family));
        for (enum fault_kind kind = 0; kind < FAULT_KIND_COUNT; kind++) {
            if (fault_family_of(kind) == family)
                fprintf(out, " %s %" PRIu64, fault_word(kind), self->world.faults[kind]);
        }
        fputc('\n', out);
    }
}

static size_t marks_reached(const struct totals *self)
{
    size_t reached = 0;
    for (size_t mark = 0; self->marks != NULL && mark < marks_count(self->marks); mark++)
        reached += self->hits[mark] > 0;
    return reached;
}

static void print_marks(const struct totals *self, FILE *out)
{
    size_t count = self->marks != NULL ? marks_count(self->marks) : 0;
    if (count == 0)
        return;
    size_t reached = marks_reached(self), listed = 0;
    bool is_telling = self->seeds >= MARKS_SEEDS_LEAST && reached < count;
    fprintf(out, "\nrare branches: %zu of %zu reached%s\n", reached, count,
            is_telling ? "; these were not:" : "");
    for (size_t mark = 0; is_telling && mark < count && listed < MARKS_TOLD_MAX; mark++) {
        if (self->hits[mark] == 0) {
            fprintf(out, "  %s\n", marks_text(self->marks, mark));
            listed++;
        }
    }
    if (is_telling && count - reached > listed)
        fprintf(out, "  and %zu more\n", count - reached - listed);
}

void totals_print(const struct totals *self, FILE *out)
{
    int64_t tenths = self->simulated_us / (HOUR_US / 10);
    fprintf(out, "\nseeds                %12" PRIu64 ", %" PRIu64 " of them broke\n", self->seeds,
            self->failures);
    fprintf(out,
            "simulated            %10" PRId64 ".%" PRId64 " hours, %" PRId64 " times as fast as real time\n",
            tenths / 10, tenths % 10, ratio(self->simulated_us, self->real_us));
    fprintf(out, "                     %12" PRId64 " simulated seconds for a second of a core\n",
            ratio(self->simulated_us, self->cpu_us));
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        fprintf(out, "%-20s %12" PRIu64 "\n", figures[i].name, figure_of(self, &figures[i]));
    print_faults(self, out);
    print_marks(self, out);
    fprintf(out, "\ndigest %016" PRIx64 "\n", self->digest);
}

/* ---- for programs ------------------------------------------------------------------------------- */

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

json_t *totals_json(const struct totals *self)
{
    char digest[20];
    json_t *out = json_object(), *faults = json_object(), *unreached = json_array();
    json_object_set_new(out, "version", json_string(TELLER_VERSION));
    json_object_set_new(out, "seeds", number(self->seeds));
    json_object_set_new(out, "failures", number(self->failures));
    json_object_set_new(out, "simulated_us", json_integer(self->simulated_us));
    json_object_set_new(out, "real_us", json_integer(self->real_us));
    json_object_set_new(out, "cpu_us", json_integer(self->cpu_us));
    for (size_t i = 0; i < FIGURE_COUNT; i++)
        json_object_set_new(out, figures[i].name, number(figure_of(self, &figures[i])));
    for (enum fault_kind kind = 0; kind < FAULT_KIND_COUNT; kind++)
        json_object_set_new(faults, fault_word(kind), number(self->world.faults[kind]));
    json_object_set_new(out, "faults", faults);
    for (size_t mark = 0; self->marks != NULL && mark < marks_count(self->marks); mark++) {
        if (self->hits[mark] == 0)
            json_array_append_new(unreached, json_string(marks_text(self->marks, mark)));
    }
    json_object_set_new(out, "marks_reached", number(marks_reached(self)));
    json_object_set_new(out, "marks_not_reached", unreached);
    snprintf(digest, sizeof digest, "%016" PRIx64, self->digest);
    json_object_set_new(out, "digest", json_string(digest));
    return out;
}
