/* Journals: a crash leaves a prefix of the commits, all that were answered among them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/journal_lmdb.h"
#include "tests/crash_images/run.h"

enum { PARTITION = 3, FACTS_MAX = 64 * 1024, PAGES_2 = 2 * DISK_PAGE };

/* The commits that were tried until a restart. What was there before it is among them. */
struct life {
    uint64_t lengths[RUN_CHANGES_MAX];
    uint64_t count;
};

struct journal_run {
    uint64_t map_bytes, preallocate_bytes;
    struct life lives[RUN_RESTARTS_MAX + 1];
    unsigned restarts;
    uint8_t facts[FACTS_MAX];
    uint8_t expected[FACTS_MAX];
};

static struct journal_lmdb_options options_of(const struct journal_run *run, const char *root, char path[])
{
    (void)snprintf(path, RUN_PATH_BYTES, "%s/journal", root);
    struct journal_lmdb_options options = journal_lmdb_options_default(path, PARTITION);
    options.map_size_bytes = run->map_bytes;
    options.preallocate_bytes = run->preallocate_bytes;
    return options;
}

static enum journal_outcome append(struct journal_run *run, struct journal *journal, uint64_t length)
{
    struct journal_head head;
    if (journal_get_head(journal, &head) != ERR_OK)
        return JOURNAL_UNKNOWN;
    run_fill(head.sequence + 1, run->facts, length);
    return journal_append(journal, &(struct journal_commit){
                                       .sequence = head.sequence + 1,
                                       .epoch = 1,
                                       .position = head.next_position,
                                       .time_us = (int64_t)head.sequence,
                                       .fact_count = 1,
                                       .facts = run->facts,
                                       .length = length,
                                   });
}

/* ---- recording -------------------------------------------------------------------------------- */

static uint64_t pick_length(struct sim_random *random, uint64_t most)
{
    return 8 + sim_random_below(random, most / 8) * 8;
}

static void pick_shape(struct journal_run *run, struct sim_random *random, uint64_t *most)
{
    static const uint64_t maps[] = {96 << 10, 256 << 10, 1 << 20, 16 << 20};
    static const uint64_t ahead[] = {0, 0, 64 << 10, 1 << 20};
    static const uint64_t lengths[] = {64, 512, 4000, 20000, FACTS_MAX};
    run->map_bytes = maps[sim_random_below(random, 4)];
    run->preallocate_bytes = ahead[sim_random_below(random, 4)];
    *most = lengths[sim_random_below(random, 5)];
}

/* After an unknown outcome the journal is opened again, as after a restart of the process. What it then shows counts
 * as answered, because it is acted upon. */
static bool reopen(struct disk *disk, struct journal_run *run, const char *root, struct journal **journal)
{
    char path[RUN_PATH_BYTES];
    struct journal_lmdb_options options = options_of(run, root, path);
    struct journal_head head;
    journal_close(journal);
    disk_crash(disk, "", DISK_KILLED);
    if (run->restarts == RUN_RESTARTS_MAX || journal_lmdb_open(&options, journal, NULL) != ERR_OK ||
        journal_get_head(*journal, &head) != ERR_OK)
        return false;
    run->lives[run->restarts + 1] = run->lives[run->restarts];
    run->lives[++run->restarts].count = head.sequence;
    disk_record_note(disk, run_note(run->restarts, head.sequence));
    return true;
}

static void append_all(struct disk *disk, struct journal_run *run, const char *root, struct journal **journal,
                       struct sim_random *random, uint64_t most)
{
    uint64_t wanted = 4 + sim_random_below(random, RUN_CHANGES_MAX - 8);
    while (run->lives[run->restarts].count < wanted) {
        struct life *life = &run->lives[run->restarts];
        uint64_t length = pick_length(random, sim_random_below(random, 4) == 0 ? PAGES_2 : most);
        life->lengths[life->count++] = length;
        switch (append(run, *journal, length)) {
        case JOURNAL_OK:
            disk_record_note(disk, run_note(run->restarts, life->count));
            break;
        case JOURNAL_FULL:
            life->count--;
            wanted--;
            break;
        case JOURNAL_UNKNOWN:
        case JOURNAL_FENCED:
            if (!reopen(disk, run, root, journal))
                return;
        }
    }
}

static void *record(struct disk *disk, const char *root, uint64_t seed)
{
    struct journal_run *run = calloc(1, sizeof *run);
    struct sim_random random = sim_random_split(seed, "journal");
    struct journal *journal = NULL;
    char path[RUN_PATH_BYTES];
    uint64_t most = 0;
    if (run == NULL)
        return NULL;
    pick_shape(run, &random, &most);
    struct journal_lmdb_options options = options_of(run, root, path);
    options.create = true;
    if (journal_lmdb_open(&options, &journal, NULL) == ERR_OK) {
        disk_record_note(disk, run_note(0, 0));
        run_arm_faults(disk, &random);
        append_all(disk, run, root, &journal, &random, most);
    }
    journal_close(&journal);
    return run;
}

/* ---- checking --------------------------------------------------------------------------------- */

struct walk {
    struct journal_run *run;
    const struct life *life;
    uint64_t count;
    bool differs;
};

static enum err visit(void *context, const struct journal_commit *commit)
{
    struct walk *walk = context;
    struct journal_run *run = walk->run;
    uint64_t at = walk->count++;
    if (at >= walk->life->count)
        return ERR_OK;
    uint64_t length = walk->life->lengths[at];
    run_fill(at + 1, run->expected, length);
    walk->differs = walk->differs || commit->sequence != at + 1 || commit->length != length ||
                    memcmp(commit->facts, run->expected, commit->length) != 0;
    return ERR_OK;
}

static const char *check_contents(struct journal_run *run, struct journal *journal, uint64_t note,
                                  uint64_t *count)
{
    const struct life *life = &run->lives[run_restarts(note)];
    uint64_t answered = run_answered(note);
    struct walk walk = {.run = run, .life = life};
    if (journal_walk(journal, 1, visit, &walk) != ERR_OK)
        return "the chain of commits does not verify";
    if (walk.count < answered)
        return "a commit that had been answered is lost";
    if (walk.count > answered + 1 || walk.count > life->count)
        return "there are commits that were never tried";
    *count = walk.count;
    return walk.differs ? "a commit is not what was appended" : NULL;
}

/* The journal can be written again, and what is written can be read. */
static const char *check_going_on(struct journal_run *run, struct journal *journal, uint64_t count)
{
    enum { LENGTH = 64 };
    struct journal_head head;
    const struct life none = {.count = 0};
    struct walk walk = {.run = run, .life = &none};
    enum journal_outcome outcome = append(run, journal, LENGTH);
    if (outcome == JOURNAL_FULL)
        return NULL;
    if (outcome != JOURNAL_OK)
        return "no commit can be appended";
    if (journal_get_head(journal, &head) != ERR_OK || head.sequence != count + 1)
        return "the head is wrong after one more commit";
    if (journal_walk(journal, head.next_position - LENGTH / 8, visit, &walk) != ERR_OK || walk.count != 1)
        return "the commit that was appended cannot be read";
    return NULL;
}

static const char *check(void *context, const char *root, const struct disk_image *image)
{
    struct journal_run *run = context;
    struct journal *journal = NULL;
    char path[RUN_PATH_BYTES];
    struct journal_lmdb_options options = options_of(run, root, path);
    options.create = image->note == 0;
    options.preallocate_bytes = 0;
    enum err err = journal_lmdb_open(&options, &journal, NULL);
    /* A journal whose making was interrupted is not one: its data directory has no meta.json. */
    if (err != ERR_OK)
        return image->note == 0 && err == ERR_CORRUPT ? NULL : err_text(err);
    uint64_t count = 0;
    const char *wrong = check_contents(run, journal, image->note, &count);
    if (wrong == NULL)
        wrong = check_going_on(run, journal, count);
    journal_close(&journal);
    return wrong;
}

const struct run_kind JOURNAL_RUN = {.name = "journal", .record = record, .check = check, .destroy = free};
