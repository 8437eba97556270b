#include "broker/offline/source.h"

#include <stdio.h>
#include <string.h>

#include "broker/options.h"
#include "store/journal_lmdb.h"

/* Opens the journal by itself, to learn where it is damaged. */
static enum err find_damage(struct source *self, uint32_t partition, struct fault *fault)
{
    char name[4096];
    struct journal *journal = NULL;
    struct journal_fault found = {0};
    if (!datadir_journal_path(self->path, partition, name, sizeof name))
        return ERR_INVALID;
    struct journal_lmdb_options options = journal_lmdb_options_default(name, partition);
    options.read_only = true;
    enum err err = journal_lmdb_open(&options, &journal, &found);
    journal_close(&journal);
    if (err != ERR_CORRUPT)
        return err;
    return fault_at(fault, partition, found.position, found.sequence, "%s",
                    found.what != NULL ? found.what : err_text(err));
}

enum err source_open(struct source *self, const char *path, struct fault *fault)
{
    struct datadir_error error = {{0}};
    *self = (struct source){.path = path};
    enum err err = datadir_open(path, DATADIR_READING, &self->datadir, &error);
    if (err == ERR_OK)
        self->partitions = datadir_meta(self->datadir)->partitions;
    for (uint32_t p = 0; p < self->partitions && err == ERR_OK; p++) {
        err = datadir_journal(self->datadir, p, &self->journals[p], &error);
        if (err == ERR_CORRUPT && find_damage(self, p, fault) == ERR_CORRUPT)
            return ERR_CORRUPT;
    }
    if (err == ERR_OK)
        return ERR_OK;
    fault_of(fault, "", "%s", error.text);
    return err;
}

void source_release(struct source *self)
{
    for (uint32_t p = 0; p < self->partitions; p++)
        journal_close(&self->journals[p]);
    datadir_close(&self->datadir);
}

uint64_t source_words(const struct source *self)
{
    uint64_t words = 0;
    for (uint32_t p = 0; p < self->partitions; p++) {
        struct journal_head head;
        if (journal_get_head(self->journals[p], &head) == ERR_OK)
            words += head.next_position - 1;
    }
    return words;
}

int source_exit_code(enum err err)
{
    return err == ERR_OK ? EXIT_CODE_OK : err == ERR_CORRUPT ? EXIT_CODE_ERROR : EXIT_CODE_DATA;
}
