#include "actors/ledger/shell/figures.h"

#include "actors/base/check.h"
#include "broker/wire/figures.h"

static const char *const kind_names[FIGURES_KINDS] = {
    [FIGURES_MIXED] = "mixed",       [COMMAND_TRANSFER] = "transfer", [COMMAND_DEPOSIT] = "deposit",
    [COMMAND_WITHDRAW] = "withdraw", [COMMAND_GROUP] = "group",       [COMMAND_HOLD] = "hold",
    [COMMAND_CAPTURE] = "capture",   [COMMAND_RELEASE] = "release",   [COMMAND_EXCHANGE] = "exchange",
};

void partition_figures_rows(struct partition_figures *self, unsigned kinds, const struct ledger_row *rows,
                            uint32_t count)
{
    bool is_mixed = kinds == 0 || (kinds & (kinds - 1)) != 0;
    unsigned kind = is_mixed ? FIGURES_MIXED : (unsigned)__builtin_ctz(kinds);
    CHECK(kind < FIGURES_KINDS);
    uint64_t *codes = self->commands[kind];
    uint32_t good = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].code == CODE_OK)
            good++;
        else
            codes[rows[i].code]++;
    }
    codes[CODE_OK] += good;
}

static uint64_t age_of(int64_t then_us, int64_t now_us)
{
    return now_us > then_us ? (uint64_t)now_us - (uint64_t)then_us : 0;
}

/* then_us 0: never, and nil. */
static void write_age(struct mp_writer *w, const char *name, int64_t then_us, int64_t now_us)
{
    mp_write_text(w, name);
    if (then_us == 0)
        mp_write_nil(w);
    else
        mp_write_uint(w, age_of(then_us, now_us));
}

void partition_numbers_write(struct mp_writer *w, uint32_t more, uint32_t partition,
                             const struct ledger_stats *stats, const struct journal_space *space,
                             int64_t now_us)
{
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"partition", partition},
        {"accounts", stats->accounts},
        {"postings", stats->postings},
        {"refusals", stats->refusals},
        {"ids_in_memory", stats->ids_active},
        {"ids_stored", stats->ids_stored},
        {"transfers_in_transit", stats->links_open},
        {"groups_open", stats->groups_open},
        {"holds_open", stats->holds_open},
        {"proposals_open", stats->proposals_open},
        {"remittances_open", stats->remittances_open},
        {"remittances_listed", stats->remittances_listed},
        {"remittances_unknown", stats->remittances_unknown},
        {"remittances_alarmed", stats->remittances_alarmed},
        {"quotes", stats->quotes},
        {"position", stats->position},
        {"checkpoint_position", stats->checkpoint_position},
        {"checkpoint_lag", stats->position - stats->checkpoint_position},
        {"memory_bytes", stats->memory_bytes},
        {"journal_bytes", space->used_bytes},
        {"journal_limit_bytes", space->limit_bytes},
        {"journal_percent", space->used_bytes / (space->limit_bytes / 100 + 1)},
    };
    uint32_t count = sizeof numbers / sizeof *numbers;
    mp_write_map(w, count + 2 + more);
    for (uint32_t i = 0; i < count; i++)
        wire_figure_write(w, numbers[i].name, numbers[i].value);
    write_age(w, "holds_oldest_us", stats->holds_oldest_us, now_us);
    write_age(w, "remittances_oldest_us", stats->remittances_oldest_us, now_us);
}

static void write_commands(const struct partition_figures *self, struct mp_writer *w)
{
    uint32_t used = 0;
    for (size_t i = 0; i < (size_t)FIGURES_KINDS * CODE_COUNT; i++)
        used += self->commands[i / CODE_COUNT][i % CODE_COUNT] > 0;
    mp_write_text(w, "commands");
    mp_write_array(w, used);
    for (size_t i = 0; i < (size_t)FIGURES_KINDS * CODE_COUNT; i++) {
        uint64_t count = self->commands[i / CODE_COUNT][i % CODE_COUNT];
        if (count == 0)
            continue;
        mp_write_map(w, 3);
        mp_write_text(w, "kind");
        mp_write_text(w, kind_names[i / CODE_COUNT]);
        mp_write_text(w, "code");
        mp_write_text(w, code_name((enum code)(i % CODE_COUNT)));
        wire_figure_write(w, "count", count);
    }
}

static void write_currency(struct mp_writer *w, const char *name, currency_index currency)
{
    mp_write_text(w, name);
    mp_write_text(w, currency_at(currency)->code);
}

/* What the desk quotes from: one that is older than its limit is refused for quotes. */
static void write_rates(struct mp_writer *w, const struct ledger *ledger, int64_t now_us)
{
    const struct ledger_rate *rates;
    size_t count = ledger_rates(ledger, &rates);
    mp_write_text(w, "rates");
    mp_write_array(w, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        uint64_t age_us = age_of(rates[i].as_of_us, now_us);
        mp_write_map(w, 4);
        write_currency(w, "base", rates[i].base);
        write_currency(w, "counter", rates[i].counter);
        wire_figure_write(w, "age_us", age_us);
        wire_figure_write(w, "stale", age_us > (uint64_t)rates[i].age_limit_us);
    }
}

void partition_figures_write(const struct partition_figures *self, struct mp_writer *w, uint32_t partition,
                             const struct ledger *ledger, const struct journal_space *space, int64_t now_us)
{
    enum { OWN_PAIRS = 9 };
    struct ledger_stats stats;
    ledger_stats(ledger, &stats);
    partition_numbers_write(w, OWN_PAIRS, partition, &stats, space, now_us);
    wire_figure_write(w, "commits", self->commits);
    wire_figure_write(w, "facts", self->facts);
    wire_figure_write(w, "resends", self->resends);
    write_age(w, "since_commit_us", self->last_commit_us, now_us);
    write_commands(self, w);
    write_rates(w, ledger, now_us);
    wire_histogram_write(w, "append_us", &self->append_us);
    wire_histogram_write(w, "append_bytes", &self->append_bytes);
    wire_histogram_write(w, "apply_us", &self->apply_us);
}
