/* Making and opening a node's data directory. */
#include "store/datadir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "actors/base/check.h"
#include "store/durable.h"
#include "store/journal_lmdb.h"
#include "store/meta.h"
#include "store/state_lmdb.h"

enum { PATH_BYTES = 4096, META_BYTES_MAX = 65536, WHY_BYTES = 200 };

/* Subscribers and dead letters are bounded: some megabytes. */
#define PUBLISHER_MAP_BYTES (UINT64_C(256) << 20)

struct datadir {
    char path[PATH_BYTES];
    enum datadir_mode mode;
    int lock; /* -1: none */
    struct datadir_meta meta;
    uint64_t journal_map_bytes; /* 0: the default */
    uint64_t state_map_bytes;
};

__attribute__((format(printf, 3, 4))) static enum err say(struct datadir_error *error, enum err err,
                                                          const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    return err;
}

static bool join(char *out, size_t capacity, const char *path, const char *name)
{
    return (size_t)snprintf(out, capacity, "%s/%s", path, name) < capacity;
}

static bool partition_path(const char *path, uint32_t partition, const char *name, char *out, size_t capacity)
{
    return (size_t)snprintf(out, capacity, "%s/p%03" PRIu32 "%s%s", path, partition, *name != '\0' ? "/" : "",
                            name) < capacity;
}

bool datadir_journal_path(const char *path, uint32_t partition, char *out, size_t capacity)
{
    return partition_path(path, partition, "journal", out, capacity);
}

const char *datadir_store_name(enum datadir_store store)
{
    static const char *const names[DATADIR_STORE_COUNT] = {
        [DATADIR_PUBLISHER] = "publisher", [DATADIR_RATES] = "rates", [DATADIR_BANK] = "bank"};
    CHECK(store < DATADIR_STORE_COUNT);
    return names[store];
}

bool datadir_store_path(const char *path, enum datadir_store store, char *out, size_t capacity)
{
    return join(out, capacity, path, datadir_store_name(store));
}

uint64_t datadir_store_map_bytes(enum datadir_store store)
{
    static const uint64_t bytes[DATADIR_STORE_COUNT] = {[DATADIR_PUBLISHER] = PUBLISHER_MAP_BYTES,
                                                        [DATADIR_RATES] = RATES_MAP_SIZE_BYTES,
                                                        [DATADIR_BANK] = OUTBOX_MAP_SIZE_BYTES};
    CHECK(store < DATADIR_STORE_COUNT);
    return bytes[store];
}

/* ---- making ----------------------------------------------------------------------------------- */

static enum err check_values(uint32_t partitions, int64_t retention_seconds, struct datadir_error *error)
{
    if (partitions < 1 || partitions > DATADIR_PARTITIONS_MAX)
        return say(error, ERR_INVALID, "The number of partitions must be 1 to %d, not %" PRIu32 ".",
                   DATADIR_PARTITIONS_MAX, partitions);
    if (retention_seconds < 1 || retention_seconds > DATADIR_RETENTION_SECONDS_MAX)
        return say(error, ERR_INVALID,
                   "The id retention must be 1 second to 100 years, not %" PRId64 " seconds.",
                   retention_seconds);
    return ERR_OK;
}

static bool is_empty(DIR *directory)
{
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            return false;
    }
    return true;
}

/* Makes the directory, or takes an empty one. */
static enum err take_directory(const char *path, struct datadir_error *error)
{
    if (strlen(path) >= PATH_BYTES / 2)
        return say(error, ERR_INVALID, "The path of the data directory is too long.");
    if (mkdir(path, 0700) == 0)
        return ERR_OK;
    if (errno != EEXIST)
        return say(error, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO,
                   "Cannot make %s: %s. Make its parent directory, or choose another place.", path,
                   strerror(errno));
    DIR *directory = opendir(path);
    if (directory == NULL)
        return say(error, ERR_EXISTS, "%s is there and cannot be read as a directory: %s.", path,
                   strerror(errno));
    bool empty = is_empty(directory);
    (void)closedir(directory);
    if (!empty)
        return say(error, ERR_EXISTS,
                   "%s is not empty. Choose a new directory; to begin anew, remove this one yourself.", path);
    return chmod(path, 0700) == 0
               ? ERR_OK
               : say(error, ERR_IO, "Cannot set the mode of %s: %s.", path, strerror(errno));
}

static enum err make_partition(const char *path, uint32_t partition)
{
    char name[PATH_BYTES];
    if (!partition_path(path, partition, "", name, sizeof name))
        return ERR_INVALID;
    if (mkdir(name, 0700) != 0)
        return errno == ENOSPC ? ERR_FULL : ERR_IO;
    return durable_sync_parent(name);
}

enum err datadir_init_begin(const char *path, const struct datadir_meta *meta, struct datadir_error *error)
{
    error->text[0] = '\0';
    enum err err = check_values(meta->partitions, meta->id_retention_seconds, error);
    if (err == ERR_OK)
        err = take_directory(path, error);
    if (err != ERR_OK)
        return err;
    for (uint32_t p = 0; p < meta->partitions && err == ERR_OK; p++)
        err = make_partition(path, p);
    if (err == ERR_OK)
        err = durable_write_file(path, "lock", "", 0);
    if (err == ERR_OK)
        err = durable_sync_parent(path);
    if (err != ERR_OK)
        return say(error, err, "Cannot make the data directory %s: %s. Remove it and try again.", path,
                   err_text(err));
    return ERR_OK;
}

enum err datadir_init_finish(const char *path, const struct datadir_meta *meta, struct datadir_error *error)
{
    error->text[0] = '\0';
    char *text = meta_format(meta);
    enum err err = text != NULL ? durable_write_file(path, "meta.json", text, strlen(text)) : ERR_NO_MEMORY;
    free(text);
    if (err != ERR_OK)
        return say(error, err, "Cannot write %s/meta.json: %s.", path, err_text(err));
    return ERR_OK;
}

static enum err make_journal(const char *path, uint32_t partition, struct datadir_error *error)
{
    char name[PATH_BYTES];
    struct journal *journal = NULL;
    if (!datadir_journal_path(path, partition, name, sizeof name))
        return say(error, ERR_INVALID, "The path of the data directory is too long.");
    struct journal_lmdb_options options = journal_lmdb_options_default(name, partition);
    options.create = true;
    enum err err = journal_lmdb_open(&options, &journal, NULL);
    if (err != ERR_OK)
        return say(error, err, "Cannot make the journal %s: %s.", name, err_text(err));
    journal_close(&journal);
    return ERR_OK;
}

/* Fills what is random or of the moment. */
static enum err choose_meta(const struct datadir_config *config, struct datadir_meta *meta)
{
    uint8_t node[DATADIR_NODE_ID_LENGTH / 2];
    struct timespec now;
    if (getrandom(&meta->hash_key, sizeof meta->hash_key, 0) != (ssize_t)sizeof meta->hash_key ||
        getrandom(node, sizeof node, 0) != (ssize_t)sizeof node || clock_gettime(CLOCK_REALTIME, &now) != 0)
        return ERR_IO;
    for (size_t i = 0; i < sizeof node; i++)
        (void)snprintf(meta->node_id + 2 * i, 3, "%02x", node[i]);
    meta->created_us = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    meta->partitions = config->partitions;
    meta->id_retention_seconds = config->id_retention_seconds;
    meta->base_currency = config->base_currency != CURRENCY_NONE ? config->base_currency
                                                                 : currency_find("KRW", CURRENCY_CODE_LENGTH);
    return ERR_OK;
}

enum err datadir_init(const char *path, const struct datadir_config *config, struct datadir_error *error)
{
    struct datadir_meta meta = {0};
    if (choose_meta(config, &meta) != ERR_OK)
        return say(error, ERR_IO, "The system gave no random numbers or no time.");
    enum err err = datadir_init_begin(path, &meta, error);
    for (uint32_t p = 0; p < meta.partitions && err == ERR_OK; p++)
        err = make_journal(path, p, error);
    return err == ERR_OK ? datadir_init_finish(path, &meta, error) : err;
}

/* ---- opening ---------------------------------------------------------------------------------- */

/* Reads a small file whole: its length, or -1 with errno set (EFBIG: longer than capacity). */
static ssize_t read_file(const char *name, char *out, size_t capacity)
{
    int file = open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    size_t length = 0;
    ssize_t got;
    while ((got = read(file, out + length, capacity - length)) > 0)
        length += (size_t)got;
    int failed = got < 0 ? errno : length == capacity ? EFBIG : 0;
    (void)close(file);
    errno = failed;
    return failed != 0 ? -1 : (ssize_t)length;
}

static enum err read_meta(struct datadir *self, struct datadir_error *error)
{
    char name[PATH_BYTES];
    char why[WHY_BYTES];
    if (!join(name, sizeof name, self->path, "meta.json"))
        return say(error, ERR_INVALID, "The path of the data directory is too long.");
    char *text = malloc(META_BYTES_MAX);
    if (text == NULL)
        return say(error, ERR_NO_MEMORY, "There is no memory left.");
    ssize_t length = read_file(name, text, META_BYTES_MAX);
    int failed = errno;
    enum err err = length >= 0 ? meta_parse(text, (size_t)length, &self->meta, why, sizeof why) : ERR_IO;
    free(text);
    if (length < 0 && (failed == ENOENT || failed == ENOTDIR))
        return say(error, ERR_NOT_FOUND,
                   "%s is not a data directory: it has no meta.json. Make one with `teller init`; after "
                   "an init that was interrupted, remove the directory first.",
                   self->path);
    if (length < 0)
        return say(error, failed == EFBIG ? ERR_CORRUPT : ERR_IO, "Cannot read %s: %s.", name,
                   strerror(failed));
    if (err == ERR_VERSION)
        return say(error, err, "%s is of another version: %s. Use the program that made it.", self->path,
                   why);
    if (err == ERR_CORRUPT)
        return say(error, err, "%s is damaged: %s. Put the file back from a backup.", name, why);
    return err;
}

static enum err take_lock(struct datadir *self, struct datadir_error *error)
{
    char name[PATH_BYTES];
    if (!join(name, sizeof name, self->path, "lock"))
        return say(error, ERR_INVALID, "The path of the data directory is too long.");
    self->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (self->lock < 0)
        return say(error, ERR_IO, "Cannot open %s: %s. Serving needs to write there.", name, strerror(errno));
    if (flock(self->lock, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    if (errno == EWOULDBLOCK)
        return say(error, ERR_LOCKED,
                   "%s is in use by another teller process. Stop that one first, or use another "
                   "directory.",
                   self->path);
    return say(error, ERR_IO, "Cannot lock %s: %s.", name, strerror(errno));
}

enum err datadir_open(const char *path, enum datadir_mode mode, struct datadir **out,
                      struct datadir_error *error)
{
    error->text[0] = '\0';
    struct datadir *self = calloc(1, sizeof *self);
    if (self == NULL)
        return say(error, ERR_NO_MEMORY, "There is no memory left.");
    self->lock = -1;
    self->mode = mode;
    enum err err = ERR_OK;
    if (strlen(path) >= PATH_BYTES / 2)
        err = say(error, ERR_INVALID, "The path of the data directory is too long.");
    else
        memcpy(self->path, path, strlen(path) + 1);
    if (err == ERR_OK)
        err = read_meta(self, error);
    if (err == ERR_OK && mode == DATADIR_SERVING)
        err = take_lock(self, error);
    if (err != ERR_OK) {
        datadir_close(&self);
        return err;
    }
    *out = self;
    return ERR_OK;
}

void datadir_close(struct datadir **self_p)
{
    struct datadir *self = *self_p;
    if (self == NULL)
        return;
    if (self->lock >= 0)
        (void)close(self->lock);
    free(self);
    *self_p = NULL;
}

const struct datadir_meta *datadir_meta(const struct datadir *self)
{
    return &self->meta;
}

void datadir_set_map_sizes(struct datadir *self, uint64_t journal_bytes, uint64_t state_bytes)
{
    if (journal_bytes != 0)
        self->journal_map_bytes = journal_bytes;
    if (state_bytes != 0)
        self->state_map_bytes = state_bytes;
}

/* ---- partitions ------------------------------------------------------------------------------- */

static enum err explain_journal(const char *name, enum err err, const struct journal_fault *fault,
                                struct datadir_error *error)
{
    const char *what = fault->what != NULL ? fault->what : err_text(err);
    if (err == ERR_NOT_FOUND)
        return say(error, err, "The journal %s is missing. Restore the data directory from a backup.", name);
    if (err == ERR_CORRUPT)
        return say(error, err,
                   "The journal %s is damaged at position %" PRIu64
                   ": %s. Keep a copy of it, run `teller verify`, and restore from a backup.",
                   name, fault->position, what);
    if (err == ERR_VERSION)
        return say(error, err, "The journal %s is of another version: %s. Use the program that made it.",
                   name, what);
    return say(error, err, "Cannot open the journal %s: %s. Check its owner, its mode and the disk.", name,
               what);
}

enum err datadir_journal(struct datadir *self, uint32_t partition, struct journal **out,
                         struct datadir_error *error)
{
    CHECK(partition < self->meta.partitions);
    char name[PATH_BYTES];
    struct journal_fault fault = {0};
    error->text[0] = '\0';
    if (!datadir_journal_path(self->path, partition, name, sizeof name))
        return say(error, ERR_INVALID, "The path of the data directory is too long.");
    struct journal_lmdb_options options = journal_lmdb_options_default(name, partition);
    options.read_only = self->mode == DATADIR_READING;
    if (self->journal_map_bytes != 0)
        options.map_size_bytes = self->journal_map_bytes;
    enum err err = journal_lmdb_open(&options, out, &fault);
    return err == ERR_OK ? ERR_OK : explain_journal(name, err, &fault, error);
}

enum err datadir_state(struct datadir *self, uint32_t partition, struct state **out,
                       struct datadir_error *error)
{
    CHECK(partition < self->meta.partitions);
    char name[PATH_BYTES];
    error->text[0] = '\0';
    if (!partition_path(self->path, partition, "state", name, sizeof name))
        return say(error, ERR_INVALID, "The path of the data directory is too long.");
    struct state_lmdb_options options = state_lmdb_options_default(name);
    options.read_only = self->mode == DATADIR_READING;
    if (self->state_map_bytes != 0)
        options.map_size_bytes = self->state_map_bytes;
    enum err err = state_lmdb_open(&options, out);
    if (err == ERR_OK)
        return ERR_OK;
    if (err == ERR_CORRUPT || err == ERR_VERSION)
        return say(error, err,
                   "The state store %s cannot be read: %s. Stop teller and remove that directory: the "
                   "next start rebuilds it from the journal.",
                   name, err_text(err));
    return say(error, err, "Cannot open the state store %s: %s.", name, err_text(err));
}

enum err datadir_rates(struct datadir *self, struct rates **out, struct datadir_error *error)
{
    CHECK(self->mode == DATADIR_SERVING);
    char name[PATH_BYTES];
    error->text[0] = '\0';
    if (!datadir_store_path(self->path, DATADIR_RATES, name, sizeof name))
        return say(error, ERR_INVALID, "The path of the data directory is too long.");
    enum err err = rates_open(name, datadir_store_map_bytes(DATADIR_RATES), out);
    if (err == ERR_CORRUPT || err == ERR_VERSION)
        return say(
            error, err,
            "The store of rates %s cannot be read: %s. Put it back from a copy, or move it away: then its "
            "history is gone.",
            name, err_text(err));
    return err == ERR_OK ? ERR_OK
                         : say(error, err, "Cannot open the store of rates %s: %s.", name, err_text(err));
}

enum err datadir_publisher(struct datadir *self, struct state **out, struct datadir_error *error)
{
    CHECK(self->mode == DATADIR_SERVING);
    char name[PATH_BYTES];
    error->text[0] = '\0';
    if (!datadir_store_path(self->path, DATADIR_PUBLISHER, name, sizeof name))
        return say(error, ERR_INVALID, "The path of the data directory is too long.");
    struct state_lmdb_options options = state_lmdb_options_default(name);
    options.map_size_bytes = datadir_store_map_bytes(DATADIR_PUBLISHER);
    enum err err = state_lmdb_open(&options, out);
    if (err == ERR_CORRUPT || err == ERR_VERSION)
        return say(
            error, err,
            "The publisher's store %s cannot be read: %s. Put it back from a copy, or move it away and add "
            "the subscribers again.",
            name, err_text(err));
    return err == ERR_OK ? ERR_OK
                         : say(error, err, "Cannot open the publisher's store %s: %s.", name, err_text(err));
}

enum err datadir_outbox(struct datadir *self, struct outbox **out, struct datadir_error *error)
{
    CHECK(self->mode == DATADIR_SERVING);
    char name[PATH_BYTES];
    error->text[0] = '\0';
    if (!datadir_store_path(self->path, DATADIR_BANK, name, sizeof name))
        return say(error, ERR_INVALID, "The path of the data directory is too long.");
    enum err err = outbox_open(name, datadir_store_map_bytes(DATADIR_BANK), out);
    if (err == ERR_CORRUPT || err == ERR_VERSION)
        return say(
            error, err,
            "The bank adapter's store %s cannot be read: %s. Do not delete it: it knows what was sent to "
            "banks. docs/OPERATIONS.md tells how to go on without it.",
            name, err_text(err));
    return err == ERR_OK
               ? ERR_OK
               : say(error, err, "Cannot open the bank adapter's store %s: %s.", name, err_text(err));
}

enum err datadir_drop_state(struct datadir *self, uint32_t partition, struct datadir_error *error)
{
    CHECK(self->mode == DATADIR_SERVING && partition < self->meta.partitions);
    static const char *const NAMES[] = {"state/data.mdb", "state/lock.mdb", "state"};
    char name[PATH_BYTES];
    error->text[0] = '\0';
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        if (!partition_path(self->path, partition, NAMES[i], name, sizeof name))
            return say(error, ERR_INVALID, "The path of the data directory is too long.");
        if (remove(name) != 0 && errno != ENOENT)
            return say(error, ERR_IO, "Cannot remove %s: %s.", name, strerror(errno));
    }
    enum err err = durable_sync_parent(name);
    return err == ERR_OK ? ERR_OK : say(error, err, "Cannot sync %s: %s.", name, err_text(err));
}
