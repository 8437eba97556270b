/* The journal on LMDB.
 *
 * Invariants: `head` is what the last commit on disk says, as long as `stopped` is false. A write transaction
 * lives only inside append (or a batch of the copy). A read transaction lives only inside one call or
 * between a reader's begin and end; a reset one pins nothing.
 */
#include "store/journal_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "actors/base/check.h"
#include "store/commit.h"
#include "store/lmdb_env.h"
#include "store/lmdb_shape.h"

/* A walk takes a new snapshot after so many bytes, lest it keep the writer's freed pages for hours. */
#define WALK_SNAPSHOT_BYTES (UINT64_C(64) << 20)
/* Room for the tree's own pages beside a commit's facts. */
#define TREE_BYTES (UINT64_C(1) << 20)
/* A copy commits this much at a time. */
#define COPY_BATCH_BYTES (UINT64_C(32) << 20)

enum { WARM_STEP_BYTES = 128 * 1024, WARM_AHEAD_BYTES = 16 * 1024 * 1024 };

enum { MINIMUM_STEP = 1 << 20, FREE_SPACE_SHARE = 8, SNAPSHOT_TRIES = 100 };

struct journal_lmdb {
    struct journal base;
    MDB_env *env;
    MDB_dbi dbi;
    uint32_t partition;
    bool read_only;
    /* the writer's */
    struct commit_hasher *hasher;
    struct journal_head head;
    size_t txnid; /* LMDB's number of the last transaction: one more than expected is another writer's */
    bool stopped;
    enum journal_outcome stopped_with;
    uint64_t preallocate_bytes;
    uint64_t warm_bytes; /* the file's pages below it have memory */
    uint64_t file_bytes;
    uint64_t map_bytes;
    /* any thread's */
    pthread_mutex_t fault_lock;
    struct journal_fault fault;
};

/* One thread's view of the table. */
struct view {
    struct journal_lmdb *journal;
    MDB_txn *txn;
    MDB_cursor *cursor;
    bool active;
    /* the commit found last in this snapshot; end 0: none */
    struct commit_header found;
    uint64_t found_end;
    const uint8_t *facts;
};

struct lmdb_reader {
    struct journal_reader base;
    struct view view;
};

static struct journal_lmdb *self_of(struct journal *journal)
{
    return (struct journal_lmdb *)journal;
}

static void note_fault(struct journal_lmdb *self, const struct journal_fault *fault)
{
    (void)pthread_mutex_lock(&self->fault_lock);
    self->fault = *fault;
    (void)pthread_mutex_unlock(&self->fault_lock);
}

/* ---- views ------------------------------------------------------------------------------------ */

static void view_release(struct view *view)
{
    if (view->cursor != NULL)
        mdb_cursor_close(view->cursor);
    if (view->txn != NULL)
        mdb_txn_abort(view->txn);
    *view = (struct view){.journal = view->journal};
}

static enum err view_begin(struct view *view)
{
    int code;
    CHECK(!view->active);
    view->found_end = 0;
    if (view->txn == NULL) {
        code = mdb_txn_begin(view->journal->env, NULL, MDB_RDONLY, &view->txn);
        if (code == MDB_SUCCESS)
            code = mdb_cursor_open(view->txn, view->journal->dbi, &view->cursor);
        if (code != MDB_SUCCESS)
            view_release(view);
    } else {
        code = mdb_txn_renew(view->txn);
        if (code == MDB_SUCCESS && (code = mdb_cursor_renew(view->txn, view->cursor)) != MDB_SUCCESS)
            mdb_txn_reset(view->txn);
    }
    view->active = code == MDB_SUCCESS;
    return lmdb_env_err(code);
}

static void view_end(struct view *view)
{
    CHECK(view->active);
    view->active = false;
    mdb_txn_reset(view->txn);
}

static enum err view_check(struct view *view, uint64_t from)
{
    int file = -1;
    struct journal_fault fault = {0};
    int code = mdb_env_get_fd(view->journal->env, &file);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    enum err err = lmdb_shape_check_tree(file, mdb_txn_id(view->txn), from, &fault.position, &fault.what);
    if (err == ERR_CORRUPT || err == ERR_VERSION)
        note_fault(view->journal, &fault);
    return err;
}

/* Begins, and tests the pages of the tree that lead to `from` and after, before LMDB follows them. A
 * busy writer may replace the snapshot's meta page first: then another snapshot is taken. */
static enum err view_begin_checked(struct view *view, uint64_t from)
{
    enum err err = ERR_TIMEOUT;
    for (int i = 0; i < SNAPSHOT_TRIES && err == ERR_TIMEOUT; i++) {
        if (view->active)
            view_end(view);
        err = view_begin(view);
        if (err == ERR_OK)
            err = view_check(view, from);
    }
    return err;
}

/* Moves the cursor: *key receives the position under which the commit is stored. */
static enum err view_move(struct view *view, MDB_cursor_op operation, uint64_t *key, MDB_val *value)
{
    uint64_t position = *key;
    MDB_val k = {sizeof position, &position};
    int code = mdb_cursor_get(view->cursor, &k, value, operation);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    if (k.mv_size != sizeof position)
        return ERR_CORRUPT;
    memcpy(key, k.mv_data, sizeof position);
    return ERR_OK;
}

/* Moves to the last commit with a key <= position. */
static enum err view_seek(struct view *view, uint64_t position, uint64_t *key, MDB_val *value)
{
    *key = position;
    enum err err = view_move(view, MDB_SET_RANGE, key, value);
    if (err == ERR_NOT_FOUND)
        return view_move(view, MDB_LAST, key, value);
    if (err != ERR_OK || *key == position)
        return err;
    return view_move(view, MDB_PREV, key, value);
}

/* The key is compared as well, so that bytes of another commit never pass for this one. */
static enum err view_header(struct view *view, uint64_t key, const MDB_val *value)
{
    view->found_end = 0;
    enum err err = commit_header_read(value->mv_data, value->mv_size, &view->found);
    if (err == ERR_OK && (view->found.position != key || view->found.partition != view->journal->partition))
        err = ERR_CORRUPT;
    if (err != ERR_OK) {
        note_fault(view->journal,
                   &(struct journal_fault){.position = key, .what = "the commit's header is damaged"});
        return err;
    }
    view->found_end = commit_end(&view->found);
    view->facts = (const uint8_t *)value->mv_data + COMMIT_HEADER_SIZE;
    return ERR_OK;
}

/* Finds the commit that holds `position`. */
static enum err view_find(struct view *view, uint64_t position)
{
    if (position < view->found_end && position >= view->found.position)
        return ERR_OK;
    uint64_t key;
    MDB_val value;
    if (position == 0)
        return ERR_NOT_FOUND;
    enum err err = view_seek(view, position, &key, &value);
    if (err != ERR_OK)
        return err;
    err = view_header(view, key, &value);
    if (err == ERR_OK && position >= view->found_end)
        return ERR_NOT_FOUND;
    return err;
}

static enum err view_last(struct view *view)
{
    uint64_t key = 0;
    MDB_val value;
    enum err err = view_move(view, MDB_LAST, &key, &value);
    return err == ERR_OK ? view_header(view, key, &value) : err;
}

static enum err view_fetch(struct view *view, uint64_t position, uint8_t *out, size_t capacity,
                           size_t *length, int64_t *time_us)
{
    enum err err = view_find(view, position);
    if (err != ERR_OK)
        return err;
    uint64_t offset = (position - view->found.position) * COMMIT_WORD;
    uint64_t rest = view->found.length - offset;
    *length = rest < capacity ? (size_t)rest : capacity;
    *time_us = view->found.time_us;
    memcpy(out, view->facts + offset, *length);
    return ERR_OK;
}

/* ---- readers ---------------------------------------------------------------------------------- */

static enum err reader_begin(struct journal_reader *reader)
{
    return view_begin(&((struct lmdb_reader *)reader)->view);
}

static enum err reader_fetch(struct journal_reader *reader, uint64_t position, uint8_t *out, size_t capacity,
                             size_t *length, int64_t *time_us)
{
    struct view *view = &((struct lmdb_reader *)reader)->view;
    CHECK(view->active);
    return view_fetch(view, position, out, capacity, length, time_us);
}

static void reader_end(struct journal_reader *reader)
{
    view_end(&((struct lmdb_reader *)reader)->view);
}

static void reader_close(struct journal_reader **reader_p)
{
    struct lmdb_reader *reader = (struct lmdb_reader *)*reader_p;
    view_release(&reader->view);
    free(reader);
    *reader_p = NULL;
}

static const struct journal_reader_methods READER_METHODS = {
    .begin = reader_begin,
    .fetch = reader_fetch,
    .end = reader_end,
    .close = reader_close,
};

static enum err lmdb_reader_new(struct journal *journal, struct journal_reader **out)
{
    struct lmdb_reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return ERR_NO_MEMORY;
    reader->base.methods = &READER_METHODS;
    reader->view.journal = self_of(journal);
    *out = &reader->base;
    return ERR_OK;
}

/* ---- appending -------------------------------------------------------------------------------- */

static enum journal_outcome stop(struct journal_lmdb *self, enum journal_outcome outcome)
{
    self->stopped = true;
    self->stopped_with = outcome;
    return outcome;
}

/* How far ahead the file may grow: less when the file system has little left. */
static uint64_t step_bytes(const struct journal_lmdb *self, int file)
{
    struct statvfs system;
    if (fstatvfs(file, &system) != 0)
        return 0;
    uint64_t share = (uint64_t)system.f_bavail * system.f_frsize / FREE_SPACE_SHARE;
    return share < self->preallocate_bytes ? share : self->preallocate_bytes;
}

/* Makes the file long enough for a commit of `length` bytes. false: there is no room for it. */
static bool grow_file(struct journal_lmdb *self, uint64_t length)
{
    uint64_t need = lmdb_env_used_bytes(self->env) + length + TREE_BYTES;
    if (need > self->map_bytes)
        need = self->map_bytes;
    if (self->preallocate_bytes == 0 || need <= self->file_bytes)
        return true;
    int file = -1;
    if (mdb_env_get_fd(self->env, &file) != MDB_SUCCESS)
        return true;
    uint64_t step = step_bytes(self, file);
    for (;;) {
        uint64_t end = need + step < self->map_bytes ? need + step : self->map_bytes;
        int failed;
        do {
            failed =
                fallocate(file, 0, (off_t)self->file_bytes, (off_t)(end - self->file_bytes)) == 0 ? 0 : errno;
        } while (failed == EINTR);
        if (failed == 0) {
            self->file_bytes = end;
            return true;
        }
        if (failed == EOPNOTSUPP || failed == ENOSYS) {
            self->preallocate_bytes = 0;
            return true;
        }
        if (step == 0)
            return false;
        step = step > MINIMUM_STEP ? step / 2 : 0;
    }
}

/* Gets memory for the pages of the file that come next, in small steps as the kernel takes them. A fresh page costs
 * much more than copying into it, on virtual machines most of all; so it is paid while nobody waits. */
static void lmdb_idle(struct journal *journal)
{
    struct journal_lmdb *self = (struct journal_lmdb *)journal;
    uint64_t used = lmdb_env_used_bytes(self->env);
    uint64_t end = used + WARM_AHEAD_BYTES < self->file_bytes ? used + WARM_AHEAD_BYTES : self->file_bytes;
    int file = -1;
    if (self->warm_bytes < used)
        self->warm_bytes = used;
    if (self->warm_bytes >= end || mdb_env_get_fd(self->env, &file) != MDB_SUCCESS)
        return;
    posix_fadvise(file, (off_t)self->warm_bytes, WARM_STEP_BYTES, POSIX_FADV_WILLNEED);
    self->warm_bytes += WARM_STEP_BYTES;
}

/* Puts one commit into a write transaction; *head moves past it. Returns LMDB's code. */
static int put_commit(struct journal_lmdb *self, MDB_txn *txn, const struct journal_commit *commit,
                      struct journal_head *head)
{
    struct commit_header header = commit_header_make(commit, head, self->partition);
    uint64_t position = commit->position;
    MDB_val key = {sizeof position, &position};
    MDB_val value = {COMMIT_HEADER_SIZE + commit->length, NULL};
    int code = mdb_put(txn, self->dbi, &key, &value, MDB_APPEND | MDB_RESERVE);
    if (code != MDB_SUCCESS)
        return code;
    commit_hash(self->hasher, &header, commit->facts, header.hash);
    commit_header_write(&header, value.mv_data);
    memcpy((uint8_t *)value.mv_data + COMMIT_HEADER_SIZE, commit->facts, commit->length);
    *head = commit_head(&header);
    return MDB_SUCCESS;
}

static enum journal_outcome commit_txn(struct journal_lmdb *self, MDB_txn *txn,
                                       const struct journal_head *head)
{
    switch ((int)lmdb_env_commit(self->env, txn)) {
    case ERR_OK:
        self->head = *head;
        self->txnid++;
        return JOURNAL_OK;
    case ERR_FULL:
        return JOURNAL_FULL;
    default:
        return stop(self, JOURNAL_UNKNOWN);
    }
}

/* Begins a write transaction, and tells whether another writer has been here. */
static enum journal_outcome begin_txn(struct journal_lmdb *self, MDB_txn **txn)
{
    int code = mdb_txn_begin(self->env, NULL, 0, txn);
    if (code != MDB_SUCCESS)
        return lmdb_env_is_full(code) ? JOURNAL_FULL : stop(self, JOURNAL_UNKNOWN);
    if (mdb_txn_id(*txn) == self->txnid + 1)
        return JOURNAL_OK;
    mdb_txn_abort(*txn);
    return stop(self, JOURNAL_FENCED);
}

static enum journal_outcome lmdb_append(struct journal *journal, const struct journal_commit *commit)
{
    struct journal_lmdb *self = self_of(journal);
    CHECK(!self->read_only);
    if (self->stopped)
        return self->stopped_with;
    if (commit->epoch < self->head.epoch)
        return stop(self, JOURNAL_FENCED);
    if (!grow_file(self, commit->length))
        return JOURNAL_FULL;
    MDB_txn *txn = NULL;
    enum journal_outcome outcome = begin_txn(self, &txn);
    if (outcome != JOURNAL_OK)
        return outcome;
    struct journal_head head = self->head;
    int code = put_commit(self, txn, commit, &head);
    if (code != MDB_SUCCESS) {
        mdb_txn_abort(txn);
        return lmdb_env_is_full(code) ? JOURNAL_FULL : stop(self, JOURNAL_UNKNOWN);
    }
    return commit_txn(self, txn, &head);
}

/* ---- reading ---------------------------------------------------------------------------------- */

static enum err lmdb_fetch(struct journal *journal, uint64_t position, uint8_t *out, size_t capacity,
                           size_t *length, int64_t *time_us)
{
    struct view view = {.journal = self_of(journal)};
    enum err err = view_begin(&view);
    if (err == ERR_OK)
        err = view_fetch(&view, position, out, capacity, length, time_us);
    view_release(&view);
    return err;
}

static enum err lmdb_head(struct journal *journal, struct journal_head *out)
{
    struct view view = {.journal = self_of(journal)};
    enum err err = view_begin(&view);
    if (err == ERR_OK) {
        err = view_last(&view);
        if (err == ERR_OK)
            *out = commit_head(&view.found);
        else if (err == ERR_NOT_FOUND) {
            *out = commit_head_empty();
            err = ERR_OK;
        }
    }
    view_release(&view);
    return err;
}

/* Times never fall along the journal, so the last commit at or before a time is found by halving. */
static enum err find_time_in(struct view *view, int64_t time_us, uint64_t *position, uint64_t *end)
{
    enum err err = view_last(view);
    if (err != ERR_OK)
        return err == ERR_NOT_FOUND ? ERR_OK : err;
    uint64_t low = 1;                /* every commit that ends at or before low has a time <= time_us */
    uint64_t high = view->found_end; /* every commit that begins at or after high has a later time */
    while (low < high) {
        err = view_find(view, low + (high - low) / 2);
        if (err != ERR_OK)
            return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
        if (view->found.time_us > time_us) {
            high = view->found.position;
        } else {
            *position = view->found.position;
            *end = view->found_end;
            low = view->found_end;
        }
    }
    return ERR_OK;
}

static enum err lmdb_find_time(struct journal *journal, int64_t time_us, uint64_t *position, uint64_t *end)
{
    *position = 0;
    *end = 1;
    struct view view = {.journal = self_of(journal)};
    enum err err = view_begin(&view);
    if (err == ERR_OK)
        err = find_time_in(&view, time_us, position, end);
    view_release(&view);
    return err;
}

static enum err lmdb_space(struct journal *journal, struct journal_space *out)
{
    return lmdb_env_space(self_of(journal)->env, out);
}

static void lmdb_fault(struct journal *journal, struct journal_fault *out)
{
    struct journal_lmdb *self = self_of(journal);
    (void)pthread_mutex_lock(&self->fault_lock);
    *out = self->fault;
    (void)pthread_mutex_unlock(&self->fault_lock);
}

/* ---- walking ---------------------------------------------------------------------------------- */

struct walk {
    struct view view;
    struct commit_hasher *hasher;
    struct journal_head head; /* of the commit handed out last */
    uint64_t next;            /* key of the next one */
};

static enum err walk_fault(struct walk *walk, uint64_t position, const char *what)
{
    note_fault(
        walk->view.journal,
        &(struct journal_fault){.position = position, .sequence = walk->head.sequence + 1, .what = what});
    return ERR_CORRUPT;
}

/* No commit holds `position`: that is the end of the journal, beyond it, or a gap. */
static enum err walk_nothing(struct walk *walk, uint64_t position, bool *end)
{
    enum err err = view_last(&walk->view);
    uint64_t last = err == ERR_OK ? walk->view.found_end : 1;
    if (err != ERR_OK && err != ERR_NOT_FOUND)
        return err;
    *end = position == last;
    if (*end)
        return ERR_OK;
    if (position == 0 || position > last)
        return ERR_NOT_FOUND;
    return walk_fault(walk, position, "the commit that holds this position is missing");
}

/* Reads the head before the first commit to visit, and the key of that one. *end: nothing to visit. */
static enum err walk_begin(struct walk *walk, uint64_t position, bool *end)
{
    struct view *view = &walk->view;
    walk->head = commit_head_empty();
    enum err err = view_find(view, position);
    if (err == ERR_NOT_FOUND)
        return walk_nothing(walk, position, end);
    if (err != ERR_OK)
        return err;
    walk->next = view->found.position;
    if (walk->next == 1)
        return ERR_OK;
    err = view_find(view, walk->next - 1);
    if (err == ERR_NOT_FOUND)
        return walk_fault(walk, walk->next, "the commit before this one is missing");
    if (err == ERR_OK)
        walk->head = commit_head(&view->found);
    return err;
}

/* Visits commits of one snapshot, up to WALK_SNAPSHOT_BYTES. *end: the last one has been visited. */
static enum err walk_snapshot(struct walk *walk, bool *end,
                              enum err (*visit)(void *context, const struct journal_commit *commit),
                              void *context)
{
    uint64_t key = walk->next;
    uint64_t bytes = 0;
    MDB_val value;
    enum err err = view_move(&walk->view, MDB_SET_KEY, &key, &value);
    while (err == ERR_OK) {
        struct journal_commit commit;
        struct journal_fault fault;
        err = commit_verify(walk->hasher, &walk->head, walk->view.journal->partition, key, value.mv_data,
                            value.mv_size, &commit, &fault);
        if (err != ERR_OK) {
            note_fault(walk->view.journal, &fault);
            return err;
        }
        err = visit(context, &commit);
        if (err != ERR_OK)
            return err;
        bytes += value.mv_size;
        walk->next = walk->head.next_position;
        err = view_move(&walk->view, MDB_NEXT, &key, &value);
        if (err == ERR_OK && bytes >= WALK_SNAPSHOT_BYTES) {
            walk->next = key;
            return ERR_OK;
        }
    }
    *end = err == ERR_NOT_FOUND;
    if (*end)
        return ERR_OK;
    return err == ERR_CORRUPT ? walk_fault(walk, walk->next, "the pages of the file are damaged") : err;
}

static enum err lmdb_walk(struct journal *journal, uint64_t position,
                          enum err (*visit)(void *context, const struct journal_commit *commit),
                          void *context)
{
    struct walk walk = {.view.journal = self_of(journal), .hasher = commit_hasher_new()};
    if (walk.hasher == NULL)
        return ERR_NO_MEMORY;
    bool end = false;
    enum err err = view_begin_checked(&walk.view, position <= 1 ? 0 : position);
    if (err == ERR_OK)
        err = walk_begin(&walk, position, &end);
    while (err == ERR_OK && !end) {
        err = walk_snapshot(&walk, &end, visit, context);
        if (err == ERR_OK && !end) {
            view_end(&walk.view);
            err = view_begin(&walk.view);
        }
    }
    view_release(&walk.view);
    commit_hasher_destroy(&walk.hasher);
    return err;
}

/* ---- opening ---------------------------------------------------------------------------------- */

static void lmdb_close(struct journal **journal_p)
{
    struct journal_lmdb *self = self_of(*journal_p);
    if (self->env != NULL)
        mdb_env_close(self->env);
    commit_hasher_destroy(&self->hasher);
    (void)pthread_mutex_destroy(&self->fault_lock);
    free(self);
    *journal_p = NULL;
}

static const struct journal_methods METHODS = {
    .append = lmdb_append,
    .idle = lmdb_idle,
    .fetch = lmdb_fetch,
    .walk = lmdb_walk,
    .find_time = lmdb_find_time,
    .head = lmdb_head,
    .space = lmdb_space,
    .fault = lmdb_fault,
    .reader_new = lmdb_reader_new,
    .close = lmdb_close,
};

struct journal_lmdb_options journal_lmdb_options_default(const char *path, uint32_t partition)
{
    return (struct journal_lmdb_options){
        .path = path,
        .partition = partition,
        .map_size_bytes = JOURNAL_LMDB_MAP_SIZE_BYTES,
        .preallocate_bytes = JOURNAL_LMDB_PREALLOCATE_BYTES,
    };
}

/* The main table: keys are native integers, compared as such. */
static enum err open_table(struct journal_lmdb *self)
{
    MDB_txn *txn = NULL;
    unsigned flags = MDB_INTEGERKEY | (self->read_only ? 0 : MDB_CREATE);
    int code = mdb_txn_begin(self->env, NULL, self->read_only ? MDB_RDONLY : 0, &txn);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    code = mdb_dbi_open(txn, NULL, flags, &self->dbi);
    if (code == MDB_SUCCESS)
        code = mdb_txn_commit(txn);
    else
        mdb_txn_abort(txn);
    return lmdb_env_err(code);
}

static enum err skip_commit(void *context, const struct journal_commit *commit)
{
    (void)context;
    (void)commit;
    return ERR_OK;
}

/* Sequence numbers have no gap, so the last one is the number of commits: a root that leads to an older
 * tree shows here. Beside a writer the two numbers may be of different moments, so a reader leaves it to
 * the walk from position 1. */
static enum err check_count(struct journal_lmdb *self)
{
    MDB_stat stat;
    int code = mdb_env_stat(self->env, &stat);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    if (self->read_only || stat.ms_entries == self->head.sequence)
        return ERR_OK;
    note_fault(self, &(struct journal_fault){.position = self->head.next_position,
                                             .sequence = self->head.sequence + 1,
                                             .what = "commits are missing at the end"});
    return ERR_CORRUPT;
}

/* Takes the head from the last commit, and verifies that one. */
static enum err read_end(struct journal_lmdb *self)
{
    struct view view = {.journal = self};
    enum err err = view_begin_checked(&view, UINT64_MAX);
    view_release(&view);
    if (err == ERR_OK)
        err = lmdb_head(&self->base, &self->head);
    if (err == ERR_OK)
        err = check_count(self);
    if (err != ERR_OK)
        return err;
    if (self->head.sequence == 0)
        return ERR_OK;
    return lmdb_walk(&self->base, self->head.next_position - 1, skip_commit, NULL);
}

/* What the writer has to know of the file. Read before the head: a commit of another writer in between
 * then shows at the first append. */
static enum err read_file(struct journal_lmdb *self)
{
    int file = -1;
    struct stat status;
    MDB_envinfo info;
    int code = mdb_env_get_fd(self->env, &file);
    if (code == MDB_SUCCESS)
        code = mdb_env_info(self->env, &info);
    if (code == MDB_SUCCESS && fstat(file, &status) != 0)
        code = errno;
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    self->txnid = info.me_last_txnid;
    self->map_bytes = info.me_mapsize;
    self->file_bytes = (uint64_t)status.st_size;
    return ERR_OK;
}

static enum err open_in(struct journal_lmdb *self, const struct journal_lmdb_options *options)
{
    enum err err = lmdb_env_open(
        &(struct lmdb_env_options){
            .path = options->path,
            .map_size_bytes = options->map_size_bytes,
            .read_only = options->read_only,
            .journal = true,
            .create = options->create && !options->read_only,
        },
        &self->env, &self->fault.what);
    if (err == ERR_OK)
        err = open_table(self);
    if (err == ERR_OK)
        err = read_file(self);
    if (err == ERR_OK)
        err = read_end(self);
    return err;
}

enum err journal_lmdb_open(const struct journal_lmdb_options *options, struct journal **out,
                           struct journal_fault *fault)
{
    struct journal_lmdb *self = calloc(1, sizeof *self);
    if (self == NULL)
        return ERR_NO_MEMORY;
    self->base.methods = &METHODS;
    self->partition = options->partition;
    self->read_only = options->read_only;
    self->preallocate_bytes = options->preallocate_bytes;
    self->hasher = commit_hasher_new();
    if (pthread_mutex_init(&self->fault_lock, NULL) != 0 || self->hasher == NULL) {
        commit_hasher_destroy(&self->hasher);
        free(self);
        return ERR_NO_MEMORY;
    }
    struct journal *journal = &self->base;
    enum err err = open_in(self, options);
    if (fault != NULL)
        lmdb_fault(journal, fault);
    if (err != ERR_OK) {
        lmdb_close(&journal);
        return err;
    }
    *out = journal;
    return ERR_OK;
}

/* ---- copying ---------------------------------------------------------------------------------- */

struct copy {
    struct journal_lmdb *to;
    const struct journal_lmdb_copy_options *options;
    uint64_t end;
    MDB_txn *txn;
    struct journal_head head;
    uint64_t batch_bytes;
};

static enum err from_outcome(enum journal_outcome outcome)
{
    switch (outcome) {
    case JOURNAL_OK:
        return ERR_OK;
    case JOURNAL_FULL:
        return ERR_FULL;
    case JOURNAL_FENCED:
    case JOURNAL_UNKNOWN:
        break;
    }
    return ERR_IO;
}

static enum err copy_flush(struct copy *copy)
{
    if (copy->txn == NULL)
        return ERR_OK;
    MDB_txn *txn = copy->txn;
    copy->txn = NULL;
    copy->batch_bytes = 0;
    enum err err = from_outcome(commit_txn(copy->to, txn, &copy->head));
    if (err == ERR_OK && copy->options->progress != NULL)
        copy->options->progress(copy->options->context, copy->head.next_position, copy->end);
    return err;
}

static enum err copy_commit(void *context, const struct journal_commit *commit)
{
    struct copy *copy = context;
    enum err err = ERR_OK;
    if (commit->position >= copy->end)
        return ERR_CLOSED;
    if (copy->txn == NULL) {
        copy->head = copy->to->head;
        err = from_outcome(begin_txn(copy->to, &copy->txn));
    }
    if (err != ERR_OK)
        return err;
    int code = put_commit(copy->to, copy->txn, commit, &copy->head);
    if (code != MDB_SUCCESS)
        return lmdb_env_err(code);
    copy->batch_bytes += commit->length;
    return copy->batch_bytes >= COPY_BATCH_BYTES ? copy_flush(copy) : ERR_OK;
}

enum err journal_lmdb_copy(struct journal *from, uint32_t partition,
                           const struct journal_lmdb_copy_options *options)
{
    struct journal_lmdb_options to = journal_lmdb_options_default(options->to_directory, partition);
    struct journal *journal = NULL;
    struct journal_head head;
    to.create = true;
    to.preallocate_bytes = 0;
    enum err err = journal_get_head(from, &head);
    if (err == ERR_OK)
        err = journal_lmdb_open(&to, &journal, NULL);
    if (err != ERR_OK)
        return err;
    struct copy copy = {.to = self_of(journal), .options = options, .end = options->end_position};
    if (copy.end > head.next_position)
        copy.end = head.next_position;
    if (copy.to->head.sequence != 0)
        err = ERR_EXISTS;
    if (err == ERR_OK)
        err = journal_walk(from, 1, copy_commit, &copy);
    if (err == ERR_OK || err == ERR_CLOSED)
        err = copy_flush(&copy);
    if (copy.txn != NULL)
        mdb_txn_abort(copy.txn);
    journal_close(&journal);
    return err;
}
