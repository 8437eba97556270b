#include "actors/ledger/shell/recovery.h"

#include <stdlib.h>

#include "actors/base/mark.h"
#include "actors/ledger/checkpoint.h"
#include "actors/ledger/fact.h"
#include "actors/ledger/id_table.h"

/* ---- ports ---------------------------------------------------------------------------------------------------- */

static size_t port_fact_read(void *context, uint64_t position, uint8_t *out, size_t capacity,
                             int64_t *time_us)
{
    struct recovery_ports *ports = context;
    struct fact_head head;
    size_t length = 0, size = FACT_WORD, first = capacity < 320 ? capacity : 320;
    enum err err = journal_fetch(ports->journal, position, out, first, &length, time_us);
    if (err == ERR_OK && length >= FACT_WORD) {
        memcpy(&head, out, sizeof head);
        size = (size_t)head.words * FACT_WORD;
        if (size > length && size <= capacity)
            err = journal_fetch(ports->journal, position, out, size, &length, time_us);
    }
    if (err == ERR_OK && size <= length)
        return size;
    MARK("a fact cannot be read");
    ports->journal_err = err == ERR_OK || err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
    return 0;
}

static uint64_t entry_hash(const uint8_t *entry)
{
    uint64_t hash;
    memcpy(&hash, entry, sizeof hash);
    return hash;
}

struct slice_search {
    uint64_t hash;
    bool (*match)(void *match_context, uint64_t position);
    void *match_context;
};

/* Looks into a slice where it stands, without a copy. Its entries are in order of hashes. */
static enum err slice_visit(void *context, const uint8_t *key, size_t key_length, const uint8_t *slice,
                            size_t length)
{
    const struct slice_search *search = context;
    size_t low = 0, high = length / RUN_ENTRY;
    (void)key;
    (void)key_length;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entry_hash(slice + middle * RUN_ENTRY) < search->hash)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < length / RUN_ENTRY && entry_hash(slice + low * RUN_ENTRY) == search->hash; low++) {
        uint64_t position = 0;
        memcpy(&position, slice + low * RUN_ENTRY + 8, 6);
        if (search->match(search->match_context, position))
            break;
    }
    return ERR_OK;
}

static void port_run_find(void *context, uint32_t run, uint64_t hash,
                          bool (*match)(void *match_context, uint64_t position), void *match_context)
{
    struct recovery_ports *ports = context;
    struct slice_search search = {hash, match, match_context};
    uint8_t key[8];
    if (!ports->state)
        return;
    checkpoint_run_key(run, (uint32_t)(hash >> 56), key);
    enum err err = state_walk(ports->state, STATE_IDS, key, sizeof key, slice_visit, &search);
    if (err == ERR_OK)
        return;
    MARK("a run of ids cannot be read");
    ports->state_err = err;
}

struct ledger_ports recovery_ports(struct recovery_ports *context)
{
    return (struct ledger_ports){context, port_fact_read, port_run_find};
}

/* ---- recovery --------------------------------------------------------------------------------------------------- */

enum err recovery_apply(struct state *state, const struct ledger_unit *unit)
{
    if (unit->put_count == 0)
        return ERR_OK;
    struct state_put *puts = malloc(unit->put_count * sizeof *puts);
    if (!puts)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < unit->put_count; i++) {
        const struct ledger_put *put = &unit->puts[i];
        puts[i] = (struct state_put){(enum state_table)put->table, put->key, put->key_length, put->value,
                                     put->value_length};
    }
    enum err err = state_apply(state, puts, unit->put_count);
    free(puts);
    return err;
}

struct walk {
    struct ledger *ledger;
    struct state *state;
    uint8_t table;
};

static enum err restore_visit(void *context, const uint8_t *key, size_t key_length, const uint8_t *value,
                              size_t value_length)
{
    struct walk *walk = context;
    return ledger_restore(walk->ledger, walk->table, key, key_length, value, value_length);
}

static enum err restore_all(struct walk *walk)
{
    /* The list of runs before the runs. */
    static const enum state_table order[] = {STATE_RECORDS, STATE_ACCOUNTS, STATE_HOLDS, STATE_REMITTANCES,
                                             STATE_IDS};
    enum err err = ERR_OK;
    for (size_t i = 0; i < sizeof order / sizeof *order && err == ERR_OK; i++) {
        walk->table = (uint8_t)order[i];
        err = state_walk(walk->state, order[i], NULL, 0, restore_visit, walk);
    }
    return err;
}

static enum err replay_visit(void *context, const struct journal_commit *commit)
{
    struct walk *walk = context;
    enum err err =
        ledger_replay(walk->ledger, commit->position, commit->time_us, commit->facts, commit->length);
    struct ledger_unit *unit = err == ERR_OK ? ledger_take(walk->ledger) : NULL;
    if (!unit)
        return err;
    if (walk->state)
        err = recovery_apply(walk->state, unit);
    ledger_release(walk->ledger, unit);
    return err;
}

enum err recovery_run(struct ledger *ledger, struct journal *journal, struct state *state)
{
    struct walk walk = {.ledger = ledger, .state = state};
    enum err err = state ? restore_all(&walk) : ERR_OK;
    if (err != ERR_OK)
        return err;
    err = journal_walk(journal, ledger_replay_from(ledger), replay_visit, &walk);
    if (err == ERR_NOT_FOUND)
        err = ERR_CORRUPT; /* the state speaks of facts that the journal does not have */
    return err == ERR_OK ? ledger_recovered(ledger) : err;
}

/* ---- the stores -------------------------------------------------------------------------------------------------- */

static enum err recover_once(struct recovered *self, const struct recovery_source *source)
{
    enum err err = source->open_state(source->context, &self->state);
    if (err != ERR_OK)
        return err;
    self->ports.state = self->state;
    self->ports.state_err = self->ports.journal_err = ERR_OK;
    struct ledger_ports ports = recovery_ports(&self->ports);
    self->ledger = source->make_ledger(source->context, &ports);
    if (!self->ledger)
        return ERR_NO_MEMORY;
    err = recovery_run(self->ledger, self->journal, self->state);
    /* What could not be read was taken for something that is not there, or that is damaged. */
    enum err unread = self->ports.state_err != ERR_OK ? self->ports.state_err : self->ports.journal_err;
    return unread != ERR_OK ? unread : err;
}

static enum err rebuild_state(struct recovered *self, const struct recovery_source *source, enum err why)
{
    MARK("the state store is dropped and built anew");
    source->rebuilds(source->context, why);
    ledger_destroy(&self->ledger);
    state_close(&self->state);
    enum err err = source->drop_state(source->context);
    return err == ERR_OK ? recover_once(self, source) : err;
}

enum err recovery_open(struct recovered *self, const struct recovery_source *source)
{
    *self = (struct recovered){0};
    enum err err = source->open_journal(source->context, &self->journal);
    if (err == ERR_OK)
        err = journal_get_head(self->journal, &self->head);
    if (err != ERR_OK)
        return err;
    self->ports.journal = self->journal;
    err = recover_once(self, source);
    journal_find_fault(self->journal, &self->fault);
    if ((err != ERR_CORRUPT && err != ERR_VERSION) || self->fault.what)
        return err;
    err = rebuild_state(self, source, err);
    journal_find_fault(self->journal, &self->fault);
    return err;
}

void recovery_close(struct recovered *self)
{
    ledger_destroy(&self->ledger);
    state_close(&self->state);
    journal_close(&self->journal);
}
