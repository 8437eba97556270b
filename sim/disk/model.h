/* The inside of the disk model: files with their logs of changes, names with theirs, armed faults. disk.h says what
 * it all means.
 *
 * The log of a file begins with its first change that is not durable; with the log's old bytes the durable contents
 * come back, with its new bytes any later state. A change is `durable` in the log when a sync made it so while an
 * older one was not. A file without a log is durable as it stands.
 *
 * After a cut, changes go on into the logs, behind the mark that the cut left; a crash undoes them first.
 *
 * What is moved out of sight (an unlinked file, a name that a power loss takes) lies in a directory beside the root,
 * under a number, until its fate is durable: so every change of a name can be undone and done again.
 */
#ifndef TELLER_SIM_DISK_MODEL_H
#define TELLER_SIM_DISK_MODEL_H

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>

#include "sim/disk/disk.h"
#include "sim/random.h"

enum { PATH_BYTES = 256, REAL_BYTES = 512, SCOPE_BYTES = 64, PAST_PAGES = 8 };

/* ---- files (files.c) -------------------------------------------------------------------------- */

/* How a change fares in a power loss. */
enum fate { FATE_ABSENT, FATE_WHOLE, FATE_TORN };

/* One change of a file: bytes written, or a new length when `length` is 0. */
struct change {
    uint64_t offset, length;
    uint64_t old_size, new_size;
    size_t old_at, old_length; /* in the file's bytes: what was there, from `offset` */
    size_t new_at;
    bool durable;
    bool doomed;    /* a sync failed with it: no later one makes it durable */
    enum fate fate; /* used while an image is made */
    uint64_t tear;  /* chooses the sectors of a torn one */
};

struct past_page {
    uint64_t page;
    bool used;
    uint8_t bytes[DISK_PAGE];
};

struct file {
    char path[PATH_BYTES]; /* below the root */
    unsigned number;       /* in the disk's list */
    int fd;                /* the model's own; -1: gone for good */
    uint64_t aside;        /* number beside the root under which it or its directory lies; 0: it is there */
    uint64_t size;
    struct change *changes;
    size_t change_count, change_capacity;
    uint8_t *bytes; /* of the changes */
    size_t used, capacity;
    bool cut;
    size_t cut_count; /* changes at the cut */
    struct past_page *past;
    unsigned past_next;
};

/* All take the file's number of bytes as real: a failure of the file system below is a CHECK. */
void file_release(struct file *file);
/* Writes; `durable`: with a sync of this write. */
void file_write(struct file *file, const void *bytes, uint64_t length, uint64_t offset, bool durable);
void file_resize(struct file *file, uint64_t size);
/* Makes durable what is not doomed. */
void file_sync(struct file *file);
/* The same for some changes only, those with fate FATE_WHOLE; `doom`: the others are doomed. */
void file_sync_some(struct file *file, bool doom);
/* The next sync tries again what earlier ones could not make durable. */
void file_forgive(struct file *file);
void file_remember_page(struct file *file, uint64_t page);
/* Undoes changes from the end down to `count`, in the file; the log stays. */
void file_undo(struct file *file, size_t count);
/* Does the changes from the first on as their fates say; durable ones always. */
void file_redo(struct file *file);
void file_truncate_log(struct file *file, size_t count);
/* Changes that are not durable. */
size_t file_undurable(const struct file *file);
/* What comes from here on is lost at the crash. */
void file_cut(struct file *file);

/* ---- names (names.c) -------------------------------------------------------------------------- */

enum name_kind { NAME_CREATE, NAME_MKDIR, NAME_RENAME, NAME_UNLINK, NAME_RMDIR };

/* A change of a name whose directory has not been synced since. */
struct name_change {
    enum name_kind kind;
    char path[PATH_BYTES];
    char to[PATH_BYTES]; /* of a rename */
    uint64_t aside;      /* number beside the root for what must be kept; 0: nothing */
    bool after_cut;
    bool lost; /* while an image is made */
};

struct names {
    struct name_change *changes;
    size_t count, capacity;
};

/* ---- armed faults (disk.c) -------------------------------------------------------------------- */

enum rule_kind { RULE_CUT, RULE_FAIL, RULE_LIE };

struct rule {
    enum rule_kind kind;
    char scope[SCOPE_BYTES];
    struct disk_fault fault;
    uint64_t seen;
};

/* What happens to one call. */
enum cut_moment { CUT_NOT, CUT_BEFORE, CUT_DURING, CUT_AFTER };

struct verdict {
    bool fails;
    int code;
    enum disk_effect effect;
    bool lies;
    enum cut_moment cut;
    char cut_scope[SCOPE_BYTES];
};

/* ---- the disk --------------------------------------------------------------------------------- */

/* What one descriptor stands for. */
struct handle {
    struct file *file; /* NULL: not a file of the disk */
    bool is_directory;
    bool dsync, append;
    char path[PATH_BYTES]; /* of a directory */
};

struct record;

struct disk {
    char root[PATH_BYTES];
    size_t root_length;
    char aside[PATH_BYTES];
    uint64_t aside_count;
    struct sim_random random;
    struct file **files;
    size_t file_count, file_capacity;
    struct names names;
    struct handle *handles;
    int handle_count;
    struct rule *rules;
    size_t rule_count, rule_capacity;
    char (*cut_scopes)[SCOPE_BYTES];
    size_t cut_count, cut_capacity;
    uint64_t capacity_bytes;
    struct disk_counts counts;
    uint64_t digest;
    uint8_t *gathered; /* the bytes of a writev */
    size_t gathered_capacity;
    struct record *record; /* NULL: nothing is recorded */
};

struct disk *disk_current(void);

/* Path below the root; NULL: outside. */
const char *disk_below(const struct disk *self, const char *path);
/* Removes a directory and all below it. */
void remove_tree(const char *path);
/* Writes the real path of one below the root. */
void disk_real_path(const struct disk *self, const char *path, char out[REAL_BYTES]);
bool scope_holds(const char *scope, const char *path);
/* The file that is there under this path; NULL: none. */
struct file *disk_find(const struct disk *self, const char *path);
struct file *disk_add_file(struct disk *self, const char *path, uint64_t size);
bool disk_is_path_cut(const struct disk *self, const char *path);
struct verdict disk_judge(struct disk *self, const char *path, unsigned calls);
void disk_cut_now(struct disk *self, const char *scope);
uint64_t disk_free_bytes(const struct disk *self);
void disk_note_call(struct disk *self, unsigned call, const char *path, uint64_t a, uint64_t b,
                    const void *bytes, uint64_t length);
/* Fates by chance, for a power loss. */
void disk_draw_fates(struct sim_random *random, struct file *file);
void *disk_grow_array(void *array, size_t *capacity, size_t count, size_t item);

/* Names: each does what it says to the real files and notes it. 0, or errno. */
int names_create(struct disk *self, const char *path, int flags, unsigned mode, int *fd);
int names_mkdir(struct disk *self, const char *path, unsigned mode);
int names_rename(struct disk *self, const char *from, const char *to);
int names_unlink(struct disk *self, const char *path);
int names_rmdir(struct disk *self, const char *path);
/* The names in a directory are durable. */
void names_sync(struct disk *self, const char *directory);
/* Undoes, redoes one change; the log stays. */
void names_undo(struct disk *self, struct name_change *change);
void names_redo(struct disk *self, struct name_change *change);
/* Undoes what came after the cut in the scope, and takes it out of the log. */
void names_drop_after_cut(struct disk *self, const char *scope);
/* What lies at or below a path is gone: no change of those names can be undone any more. */
void names_forget(struct disk *self, const char *path);
/* `name` itself, or something below it. */
bool name_is_under(const char *path, const char *name);
/* Undoes for good what `lost` says, forgets the rest: the names of the scope are durable as they are. */
void names_settle(struct disk *self, const char *scope);
/* Marks as lost, in each directory of the scope, some of the newest changes. */
void names_draw_lost(struct disk *self, struct sim_random *random, const char *scope);

/* ---- the record (images.c) -------------------------------------------------------------------- */

enum record_kind {
    RECORD_WRITE,
    RECORD_RESIZE,
    RECORD_SYNC,
    RECORD_SYNC_FAILED,
    RECORD_CREATE,
    RECORD_MKDIR,
    RECORD_RENAME,
    RECORD_UNLINK,
    RECORD_RMDIR,
    RECORD_SYNC_NAMES,
    RECORD_RESTART,
    RECORD_NOTE
};

/* Does nothing without a record. */
void record_file(struct disk *self, enum record_kind kind, const struct file *file, uint64_t offset,
                 const void *bytes, uint64_t length, bool durable);
void record_name(struct disk *self, enum record_kind kind, const char *path, const char *to);
void record_destroy(struct record **self_p);

/* The calls that the linker leaves as they are. */
int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
ssize_t __real_read(int fd, void *out, size_t length);
ssize_t __real_write(int fd, const void *bytes, size_t length);
ssize_t __real_writev(int fd, const struct iovec *parts, int count);
ssize_t __real_pwritev(int fd, const struct iovec *parts, int count, off_t offset);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_fallocate(int fd, int mode, off_t offset, off_t length);
int __real_posix_fallocate(int fd, off_t offset, off_t length);
int __real_fstatvfs(int fd, struct statvfs *out);
int __real_statvfs(const char *path, struct statvfs *out);
ssize_t __real_pread(int fd, void *out, size_t length, off_t offset);
ssize_t __real_pwrite(int fd, const void *bytes, size_t length, off_t offset);
int __real_ftruncate(int fd, off_t length);
int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __real_rmdir(const char *path);
int __real_remove(const char *path);
int __real_fstat(int fd, struct stat *status);
int __real_mkdir(const char *path, unsigned mode);

#endif
