/* teller verify: is a data directory sound? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/command.h"
#include "broker/offline/show.h"
#include "broker/offline/stores.h"
#include "broker/offline/verification.h"
#include "broker/options.h"

static bool hash_is_known(const uint8_t *hash)
{
    static const uint8_t none[JOURNAL_HASH_SIZE];
    return memcmp(hash, none, sizeof none) != 0;
}

static uint64_t remittances_open(const struct verification *self, const struct source *source)
{
    uint64_t open = 0;
    for (uint32_t p = 0; p < source->partitions; p++)
        open += remittance_audit_open(&self->audits[p].remittances);
    return open;
}

static void print(const struct verification *self, const struct source *source, const struct stores *stores,
                  int64_t started_us)
{
    char text[DIGEST_TEXT_SIZE], size[SHOW_SIZE];
    for (uint32_t p = 0; p < source->partitions; p++) {
        const struct audit *audit = &self->audits[p];
        printf("partition %u: %" PRIu64 " commits, %" PRIu64 " facts, %" PRIu64 " accounts\n", p,
               audit->commits, audit->facts, audit->customers);
        show_hash(self->hashes[p], text);
        printf("  head    %s\n", audit->commits == 0              ? "empty"
                                 : hash_is_known(self->hashes[p]) ? text
                                                                  : "gone on since");
        digest_text(&self->digests[p], text);
        printf("  digest  %s\n", text);
        printf("  state   %" PRIu64 " stored accounts agree, %" PRIu64 " are of another moment\n",
               self->states[p].compared, self->states[p].other);
    }
    stores_print(stores);
    show_totals(self->totals);
    digest_text(&self->digest, text);
    show_size(self->words * FACT_WORD, size);
    printf("transfers on their way: %" PRIu64 "\nremittances under way: %" PRIu64
           "\nnode digest: %s\nchecked %s of facts in %.1f s\nOK\n",
           self->in_transit, remittances_open(self, source), text, size, show_seconds(started_us));
}

static json_t *partition_json(const struct verification *self, uint32_t p)
{
    const struct audit *audit = &self->audits[p];
    char digest[DIGEST_TEXT_SIZE], hash[SHOW_HASH];
    digest_text(&self->digests[p], digest);
    show_hash(self->hashes[p], hash);
    return json_pack("{s:i, s:I, s:I, s:I, s:I, s:s?, s:s, s:I, s:I}", "partition", (int)p, "commits",
                     (json_int_t)audit->commits, "facts", (json_int_t)audit->facts, "accounts",
                     (json_int_t)audit->customers, "sequence", (json_int_t)audit->sequence, "head",
                     hash_is_known(self->hashes[p]) ? hash : NULL, "digest", digest, "state_compared",
                     (json_int_t)self->states[p].compared, "state_other", (json_int_t)self->states[p].other);
}

static void print_json(const struct verification *self, const struct source *source,
                       const struct stores *stores, int64_t started_us)
{
    char digest[DIGEST_TEXT_SIZE];
    json_t *partitions = json_array();
    for (uint32_t p = 0; p < source->partitions; p++)
        json_array_append_new(partitions, partition_json(self, p));
    digest_text(&self->digest, digest);
    show_json(json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:I, s:f, s:o}", "status", "ok", "node_id",
                        datadir_meta(source->datadir)->node_id, "digest", digest, "partitions", partitions,
                        "totals", show_totals_json(self->totals), "transfers_on_their_way",
                        (json_int_t)self->in_transit, "remittances_under_way",
                        (json_int_t)remittances_open(self, source), "fact_bytes",
                        (json_int_t)(self->words * FACT_WORD), "seconds", show_seconds(started_us), "stores",
                        stores_json(stores)));
}

static int run(const char *path, bool json)
{
    struct source source;
    struct stores stores;
    struct fault fault = {0};
    struct verification *verification = NULL;
    int64_t started_us = show_now_us();
    enum err err = source_open(&source, path, &fault);
    if (err == ERR_OK) {
        verification = verification_new(&source);
        err = verification != NULL ? verification_run(verification, &source, &fault)
                                   : fault_stop(&fault, ERR_NO_MEMORY, "starting");
    }
    if (err == ERR_OK)
        err = stores_prove(path, datadir_meta(source.datadir), &stores, &fault);
    if (err == ERR_OK && json)
        print_json(verification, &source, &stores, started_us);
    else if (err == ERR_OK)
        print(verification, &source, &stores, started_us);
    else if (json)
        show_json(json_pack("{s:s, s:o}", "status", err == ERR_CORRUPT ? "damaged" : "unreadable", "fault",
                            show_fault_json(&fault)));
    else
        show_fault("verify", &fault, err);
    verification_destroy(&verification, &source);
    source_release(&source);
    return source_exit_code(err);
}

int command_verify(int argc, char **argv)
{
    const char *path = NULL;
    bool json = false;
    const struct option_row rows[] = {
        {.name = "data",
         .letter = 'd',
         .type = OPTION_TEXT,
         .out = &path,
         .value = "DIR",
         .help = "the data directory; it may be in use",
         .required = true},
        {.name = "json", .type = OPTION_FLAG, .out = &json, .help = "print JSON"},
    };
    const struct manual manual = {
        .usage = "teller verify --data DIR [--json]",
        .summary = "Checks a whole ledger: the chain of hashes, every fact against the books before it, with "
                   "a checker\n"
                   "of its own and again with the ledger itself; that no id was answered twice; that what "
                   "partitions sent\n"
                   "each other agrees; the stored accounts; and every row of the stores beside the ledger. "
                   "It takes memory for all accounts, and room "
                   "for 32 bytes\n"
                   "a transaction in TMPDIR (or /tmp).\n"
                   "Exit codes: 0 sound, 1 damaged, 2 usage, 3 could not be read.",
        .examples = "  teller verify --data /var/lib/teller\n"
                    "  teller verify --data ledger --json",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
    };
    enum options_result result = options_read(&manual, argc, argv, NULL);
    return result == OPTIONS_OK ? run(path, json) : options_exit_code(result);
}
