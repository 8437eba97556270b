/* teller backup: a copy of a data directory, of one moment, while it serves. teller restore: the way back.
 *
 * A copy holds journals and meta.json; what else a node keeps it rebuilds from them. Backup first reads all journals
 * to find a cut that is consistent between partitions (timeline.h), then copies each up to it. Restore proves the
 * backup before it copies a byte.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/command.h"
#include "broker/offline/show.h"
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

static enum err copy_all(struct copying *self, struct fault *fault)
{
    struct datadir_error error = {{0}};
    const struct datadir_meta *meta = datadir_meta(self->source.datadir);
    enum err err = datadir_init_begin(self->to, meta, &error);
    if (err != ERR_OK) {
        fault_of(fault, "Give a directory that is not there yet, in one that is.", "%s", error.text);
        return err;
    }
    for (uint32_t p = 0; p < self->source.partitions; p++)
        self->words += self->ends[p] - 1;
    progress_begin(&self->progress, "copying", self->words);
    for (uint32_t p = 0; p < self->source.partitions && err == ERR_OK; p++)
        err = copy_journal(self, p, fault);
    progress_end(&self->progress);
    if (err != ERR_OK) {
        fprintf(stderr, "teller %s: %s is not finished; remove it.\n", self->command, self->to);
        return err;
    }
    err = datadir_init_finish(self->to, meta, &error);
    if (err != ERR_OK)
        fault_of(fault, "", "%s", error.text);
    return err;
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
        show_json(json_pack("{s:s, s:s, s:s?, s:I, s:f, s:o}", "status", "ok", "to", self->to, "digest",
                            digest != NULL ? text : NULL, "fact_bytes", (json_int_t)(self->words * FACT_WORD),
                            "seconds", show_seconds(self->started_us), "partitions", partitions));
        return;
    }
    for (uint32_t p = 0; p < self->source.partitions; p++) {
        show_size((self->ends[p] - 1) * FACT_WORD, size);
        printf("partition %u: %" PRIu64 " commits, %s\n", p, self->sequences[p], size);
    }
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
        err = find_cut(self, &fault);
    if (err == ERR_OK)
        err = copy_all(self, &fault);
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
        err = copy_all(self, &fault);
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
        .summary = "Copies a ledger while it serves. The copy is of one moment for all partitions, every "
                   "commit's hash\n"
                   "has been checked, and it is on disk when the command ends. It can be verified, replayed "
                   "and served.\n"
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
        .summary = "Verifies a backup, and copies it to a new data directory. The restored node has the same "
                   "identity:\n"
                   "never serve it beside the one that it was taken from.\n"
                   "Exit codes: 0 done, 1 the backup is damaged, 2 usage, 3 could not be read or written.",
        .examples = "  teller restore --from /backup/2026-11-20 --to /var/lib/teller",
        .options = rows,
        .option_count = sizeof rows / sizeof *rows,
    };
    enum options_result result = options_read(&manual, argc, argv, NULL);
    return result == OPTIONS_OK ? restore(&self) : options_exit_code(result);
}
