/* teller backup: a copy of a data directory, while it serves. teller restore: the way back.
 *
 * A copy holds journals, the stores of the services beside the ledgers, and meta.json; the ledgers' state stores are rebuilt. Backup reads all
 * journals to find a cut that is consistent between partitions (timeline.h), then copies each up to it. Each other store is copied as one of
 * its commits left it, and then proven, each row. What is not finished has no meta.json, so it is no data directory. Restore proves the whole
 * backup before it copies a byte.
 *
 * So the ledgers are of one moment, and each store of another. The order is chosen for that:
 *
 *     publisher, rates        before the ledgers
 *     journals                to one cut
 *     bank                    after it
 *
 * - Publisher: its cursors never pass an event that the copied journals lack. What was delivered meanwhile is delivered again.
 * - Rates: nothing hangs on it; the desk's rates are facts of the journals, and the newest are set again at the start.
 * - Bank: all that was sent for a call of the copied ledgers, up to the cut and a little after, stands in the copied store. So there is no call
 *   that the ledgers think of as ended and the store does not know.
 *
 * What a restored node then meets, by (remittance, number) of a call:
 *
 *     in the ledgers   in the store
 *     made             done       told again, as it ended; nothing is sent
 *     made             sent       asked about; nothing is sent
 *     made             not        it was not sent by then. The node that is lost may have sent it later
 *     not yet          done, sent the ledger comes to it and is told; or, where it does not know the remittance, the report is acked and kept:
 *                                 a client that asks for it again is told, too
 *     not yet          not        the ledger comes to it after the restore, as the lost node may have done after the backup
 *
 * The third and the last could be paid twice: neither copy can tell, and the call's own time does not, as the restored ledger makes it anew.
 * The remittance tells: every one that the copied ledgers know was requested before the copy was made. So each copy says in the bank adapter's
 * store (made where there is none) when it was made, and of remittances that are older the adapter sends nothing that the store does not know:
 * each such call is UNKNOWN, for an operator (bank.h). Serials go on from that time too, so that no id of the lost node is given again; restore
 * says its own, so that two restores of one backup do not share ids either. The time is behind all that is in the journals, also on a machine
 * whose clock is late.
 *
 * One thing no copy knows: a remittance that was requested after the backup. It is new to the restored node when its client asks again;
 * docs/OPERATIONS.md tells what to do first.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "broker/command.h"
#include "broker/offline/show.h"
#include "broker/offline/stores.h"
#include "broker/offline/timeline.h"
#include "broker/offline/verification.h"
#include "broker/options.h"
#include "store/journal_lmdb.h"

enum { PATH_CAPACITY = 4096 };

struct copying {
    const char *command, *from, *to;
    bool json;
    struct source source;
    uint64_t ends[LEDGER_PARTITIONS_MAX]; /* of the cut: position after the last commit */
    uint64_t sequences[LEDGER_PARTITIONS_MAX];
    uint64_t words, done_words;
    struct stores stores;
    struct progress progress;
    int64_t started_us;
};

/* ---- the cut ---------------------------------------------------------------------------------- */

static enum err find_cut(struct copying *self, struct fault *fault)
{
    struct timeline *timeline = calloc(1, sizeof *timeline);
    uint32_t partition;
    uint64_t words = 0;
    const struct journal_commit *commit;
    if (timeline == NULL)
        return fault_stop(fault, ERR_NO_MEMORY, "starting");
    progress_begin(&self->progress, "reading", source_words(&self->source));
    enum err err = timeline_init(timeline, self->source.journals, self->source.partitions, INT64_MAX, fault);
    while (err == ERR_OK && (err = timeline_next(timeline, &partition, &commit, fault)) == ERR_OK) {
        words += commit->length / FACT_WORD;
        progress_at(&self->progress, words);
    }
    for (uint32_t p = 0; p < self->source.partitions; p++) {
        self->ends[p] = timeline->lanes[p].position;
        self->sequences[p] = timeline->lanes[p].sequence;
    }
    progress_end(&self->progress);
    timeline_release(timeline);
    free(timeline);
    return err == ERR_NOT_FOUND ? ERR_OK : err;
}

/* ---- copying ---------------------------------------------------------------------------------- */

static void copy_progress(void *context, uint64_t position, uint64_t end_position)
{
    struct copying *self = context;
    (void)end_position;
    progress_at(&self->progress, self->done_words + position - 1);
}

static enum err copy_journal(struct copying *self, uint32_t partition, struct fault *fault)
{
    char name[PATH_CAPACITY];
    if (!datadir_journal_path(self->to, partition, name, sizeof name))
        return fault_stop(fault, ERR_INVALID, "the path of the copy");
    const struct journal_lmdb_copy_options options = {
        .end_position = self->ends[partition],
        .to_directory = name,
        .progress = copy_progress,
        .context = self,
    };
    enum err err = journal_lmdb_copy(self->source.journals[partition], partition, &options);
    struct journal_fault found = {0};
    journal_find_fault(self->source.journals[partition], &found);
    if (err == ERR_CORRUPT)
        return fault_at(fault, partition, found.position, found.sequence, "%s",
                        found.what != NULL ? found.what : err_text(err));
    self->done_words += self->ends[partition] - 1;
    return fault_stop(fault, err, "writing the copy");
}

static enum err copy_journals(struct copying *self, struct fault *fault)
{
    enum err err = ERR_OK;
    for (uint32_t p = 0; p < self->source.partitions; p++)
        self->words += self->ends[p] - 1;
    progress_begin(&self->progress, "copying", self->words);
    for (uint32_t p = 0; p < self->source.partitions && err == ERR_OK; p++)
        err = copy_journal(self, p, fault);
    progress_end(&self->progress);
    return err;
}

static enum err begin_copy(const struct copying *self, struct fault *fault)
{
    struct datadir_error error = {{0}};
    enum err err = datadir_init_begin(self->to, datadir_meta(self->source.datadir), &error);
    if (err != ERR_OK)
        fault_of(fault, "Give a directory that is not there yet, in one that is.", "%s", error.text);
    return err;
}

/* From here on it is a data directory. */
static enum err finish_copy(struct copying *self, enum err err, struct fault *fault)
{
    struct datadir_error error = {{0}};
    if (err == ERR_OK)
        err = stores_prove(self->to, datadir_meta(self->source.datadir), &self->stores, fault);
    if (err != ERR_OK) {
        fprintf(stderr, "teller %s: %s is not finished; remove it.\n", self->command, self->to);
        return err;
    }
    err = datadir_init_finish(self->to, datadir_meta(self->source.datadir), &error);
    if (err != ERR_OK)
        fault_of(fault, "", "%s", error.text);
    return err;
}

/* Behind all that is in the journals. */
static enum err copy_time(const struct copying *self, int64_t *out_us)
{
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return ERR_IO;
    *out_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    for (uint32_t p = 0; p < self->source.partitions; p++) {
        struct journal_head head;
        enum err err = journal_get_head(self->source.journals[p], &head);
        if (err != ERR_OK)
            return err;
        if (head.time_us >= *out_us)
            *out_us = head.time_us + 1;
    }
    return ERR_OK;
}

static enum err mark(const struct copying *self, struct fault *fault)
{
    int64_t copied_us = 0;
    enum err err = copy_time(self, &copied_us);
    return err == ERR_OK ? stores_mark_copied(self->to, copied_us, fault)
                         : fault_stop(fault, err, "telling the time");
}

/* In the order that is told above. */
static enum err copy_served(struct copying *self, struct fault *fault)
{
    enum err err = stores_copy(self->from, self->to, DATADIR_PUBLISHER, fault);
    if (err == ERR_OK)
        err = stores_copy(self->from, self->to, DATADIR_RATES, fault);
    if (err == ERR_OK)
        err = find_cut(self, fault);
    if (err == ERR_OK)
        err = copy_journals(self, fault);
    if (err == ERR_OK)
        err = stores_copy(self->from, self->to, DATADIR_BANK, fault);
    return err == ERR_OK ? mark(self, fault) : err;
}

static enum err copy_proven(struct copying *self, struct fault *fault)
{
    enum err err = copy_journals(self, fault);
    for (int store = 0; store < DATADIR_STORE_COUNT && err == ERR_OK; store++)
        err = stores_copy(self->from, self->to, (enum datadir_store)store, fault);
    return err == ERR_OK ? mark(self, fault) : err;
}

static void report(const struct copying *self, const struct digest *digest)
{
    char size[SHOW_SIZE], text[DIGEST_TEXT_SIZE] = "";
    if (digest != NULL)
        digest_text(digest, text);
    if (self->json) {
        json_t *partitions = json_array();
        for (uint32_t p = 0; p < self->source.partitions; p++)
            json_array_append_new(partitions, json_pack("{s:i, s:I, s:I}", "partition", (int)p, "sequence",
                                                        (json_int_t)self->sequences[p], "end_position",
                                                        (json_int_t)self->ends[p]));
        show_json(json_pack("{s:s, s:s, s:s?, s:I, s:f, s:o, s:o}", "status", "ok", "to", self->to, "digest",
                            digest != NULL ? text : NULL, "fact_bytes", (json_int_t)(self->words * FACT_WORD),
                            "seconds", show_seconds(self->started_us), "partitions", partitions, "stores",
                            stores_json(&self->stores)));
        return;
    }
    for (uint32_t p = 0; p < self->source.partitions; p++) {
        show_size((self->ends[p] - 1) * FACT_WORD, size);
        printf("partition %u: %" PRIu64 " commits, %s\n", p, self->sequences[p], size);
    }
    stores_print(&self->stores);
    show_size(self->words * FACT_WORD, size);
    if (digest != NULL)
        printf("node digest: %s\n", text);
    printf("%s holds %s of facts; it took %.1f s\n", self->to, size, show_seconds(self->started_us));
}

/* ---- commands --------------------------------------------------------------------------------- */

static int end(struct copying *self, enum err err, const struct fault *fault, const struct digest *digest)
{
    if (err == ERR_OK)
        report(self, digest);
    else if (self->json)
        show_json(json_pack("{s:s, s:o}", "status", err == ERR_CORRUPT ? "damaged" : "failed", "fault",
                            show_fault_json(fault)));
    else
        show_fault(self->command, fault, err);
    source_release(&self->source);
    return source_exit_code(err);
}

static int backup(struct copying *self)
{
    struct fault fault = {0};
    self->started_us = show_now_us();
    enum err err = source_open(&self->source, self->from, &fault);
    if (err == ERR_OK)
        err = begin_copy(self, &fault);
    if (err == ERR_OK)
        err = finish_copy(self, copy_served(self, &fault), &fault);
    return end(self, err, &fault, NULL);
}

static enum err prove(struct copying *self, struct digest *digest, struct fault *fault)
{
    struct verification *verification = verification_new(&self->source);
    if (verification == NULL)
        return fault_stop(fault, ERR_NO_MEMORY, "starting");
    enum err err = verification_run(verification, &self->source, fault);
    *digest = verification->digest;
    for (uint32_t p = 0; p < self->source.partitions; p++) {
        self->ends[p] = verification->audits[p].end_position;
        self->sequences[p] = verification->audits[p].sequence;
    }
    verification_destroy(&verification, &self->source);
    return err;
}

static int restore(struct copying *self)
{
    struct fault fault = {0};
    struct digest digest = {{0}};
    self->started_us = show_now_us();
    enum err err = source_open(&self->source, self->from, &fault);
    if (err == ERR_OK)
        err = prove(self, &digest, &fault);
    if (err == ERR_OK)
        err = stores_prove(self->from, datadir_meta(self->source.datadir), &self->stores, &fault);
    if (err == ERR_OK)
        err = begin_copy(self, &fault);
    if (err == ERR_OK)
        err = finish_copy(self, copy_proven(self, &fault), &fault);
    return end(self, err, &fault, &digest);
}

int command_backup(int argc, char **argv)
{
    struct copying self = {.command = "backup"};
    const struct option_row rows[] = {
        {.name = "data",
         .letter = 'd',
         .type = OPTION_TEXT,
         .out = &self.from,
         .value = "DIR",
         .help = "the data directory; it may be in use",
         .required = true},
        {.name = "to",
         .letter = 't',
         .type = OPTION_TEXT,
         .out = &self.to,
         .value = "DIR2",
         .help = "a new directory, for the copy",
         .required = true},
        {.name = "json", .type = OPTION_FLAG, .out = &self.json, .help = "print JSON"},
    };
    const struct manual manual = {
        .usage = "teller backup --data DIR --to DIR2 [--json]",
        .summary =
            "Copies a data directory while it serves: the ledger, and the stores of rates, of "
            "subscribers and of\n"
            "what was sent to banks. The ledger's copy is of one moment for all partitions; every "
            "commit's hash has\n"
            "been checked, and every row of the stores; it is on disk when the command ends. It can be "
            "verified and\n"
            "replayed; to serve it, restore it.\n"
            "Exit codes: 0 done, 1 the ledger is damaged, 2 usage, 3 could not be read or written.",
        .examples = "  teller backup --data /var/lib/teller --to /backup/2026-11-20\n"
                    "  teller verify --data /backup/2026-11-20",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
    };
    enum options_result result = options_read(&manual, argc, argv, NULL);
    return result == OPTIONS_OK ? backup(&self) : options_exit_code(result);
}

int command_restore(int argc, char **argv)
{
    struct copying self = {.command = "restore"};
    const struct option_row rows[] = {
        {.name = "from",
         .letter = 'f',
         .type = OPTION_TEXT,
         .out = &self.from,
         .value = "DIR2",
         .help = "a backup",
         .required = true},
        {.name = "to",
         .letter = 't',
         .type = OPTION_TEXT,
         .out = &self.to,
         .value = "DIR",
         .help = "a new directory, to serve",
         .required = true},
        {.name = "json", .type = OPTION_FLAG, .out = &self.json, .help = "print JSON"},
    };
    const struct manual manual = {
        .usage = "teller restore --from DIR2 --to DIR [--json]",
        .summary =
            "Verifies a backup, and copies it to a new data directory. The restored node has the same "
            "identity:\n"
            "never serve it beside the one that it was taken from. Of remittances that it knows it "
            "sends nothing to\n"
            "banks that the lost node may have sent after the backup: an operator settles those. Never "
            "serve a backup\n"
            "that was not restored.\n"
            "Exit codes: 0 done, 1 the backup is damaged, 2 usage, 3 could not be read or written.",
        .examples = "  teller restore --from /backup/2026-11-20 --to /var/lib/teller",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
    };
    enum options_result result = options_read(&manual, argc, argv, NULL);
    return result == OPTIONS_OK ? restore(&self) : options_exit_code(result);
}
