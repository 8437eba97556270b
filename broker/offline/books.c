#include "broker/offline/books.h"

#include "actors/ledger/shell/memory.h"

static size_t no_fact(void *context, uint64_t position, uint8_t *out, size_t capacity, int64_t *time_us)
{
    (void)context;
    (void)position;
    (void)out;
    (void)capacity;
    (void)time_us;
    return 0;
}

static void no_run(void *context, uint32_t run, uint64_t hash,
                   bool (*match)(void *match_context, uint64_t position), void *match_context)
{
    (void)context;
    (void)run;
    (void)hash;
    (void)match;
    (void)match_context;
}

bool books_init(struct books *self, const struct datadir_meta *meta)
{
    const struct ledger_ports ports = {NULL, no_fact, no_run};
    *self = (struct books){.partitions = meta->partitions, .mem = memory_pages()};
    for (uint32_t p = 0; p < meta->partitions; p++) {
        struct ledger_config config = ledger_config_default();
        config.partition = p;
        config.partitions = meta->partitions;
        config.hash_key = meta->hash_key;
        config.base_currency = meta->base_currency;
        config.ids_in_memory = 0;
        config.checkpoint_words = UINT64_MAX;
        self->ledgers[p] = ledger_new(&config, &ports, &self->mem);
        if (self->ledgers[p] == NULL)
            return false;
        (void)ledger_replay_from(self->ledgers[p]);
    }
    return true;
}

void books_release(struct books *self)
{
    for (uint32_t p = 0; p < self->partitions; p++) {
        if (self->ledgers[p] != NULL)
            ledger_destroy(&self->ledgers[p]);
    }
}

enum err books_commit(struct books *self, uint32_t partition, const struct journal_commit *commit,
                      struct fault *fault)
{
    enum err err = ledger_replay(self->ledgers[partition], commit->position, commit->time_us, commit->facts,
                                 commit->length);
    if (err == ERR_CORRUPT)
        return fault_at(fault, partition, ledger_position(self->ledgers[partition]), commit->sequence,
                        "the ledger cannot take this fact: it does not continue the state before it");
    return fault_stop(fault, err, "replaying a journal");
}

enum err books_close(struct books *self, struct fault *fault)
{
    for (uint32_t p = 0; p < self->partitions; p++) {
        enum err err = ledger_recovered(self->ledgers[p]);
        if (err == ERR_CORRUPT)
            return fault_at(fault, p, 0, 0, "the replayed state breaks an invariant");
        if (err != ERR_OK)
            return fault_stop(fault, err, "replaying a journal");
        ledger_check(self->ledgers[p]);
    }
    return ERR_OK;
}

struct digest books_digest(const struct books *self, uint32_t partition)
{
    struct digest digest = {{0}};
    digest_add_ledger(&digest, self->ledgers[partition]);
    return digest;
}

uint64_t books_total(const struct books *self, uint32_t partition, struct books_total totals[256])
{
    const struct ledger *ledger = self->ledgers[partition];
    struct ledger_account_view view;
    uint64_t customers = 0;
    for (uint32_t i = 0; i < ledger_account_count(ledger); i++) {
        if (!ledger_account_at(ledger, i, &view))
            continue;
        struct books_total *total = &totals[view.currency];
        total->is_used = true;
        if (!text_is_reserved_id((struct str){view.id, view.id_length})) {
            total->customers += view.balance;
            customers++;
        } else if (view.id[0] == 't') {
            total->transit += view.balance;
        } else {
            total->house += view.balance;
        }
    }
    return customers;
}

bool books_find(const struct books *self, struct str id, struct ledger_account_view *view)
{
    uint32_t partition = ledger_partition_of(id, self->partitions);
    return partition < self->partitions && ledger_account_show(self->ledgers[partition], id, view) == CODE_OK;
}
