/* Making and removing the directories that disks stand on. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/disk/model.h"

bool disk_root_make(char *out, size_t capacity)
{
    const char *parent = getenv("TMPDIR");
    if (access("/dev/shm", W_OK) == 0)
        parent = "/dev/shm";
    int length = snprintf(out, capacity, "%s/teller-disk-XXXXXX", parent != NULL ? parent : "/tmp");
    return length > 0 && (size_t)length < capacity && mkdtemp(out) != NULL;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return __real_remove(path);
}

void remove_tree(const char *path)
{
    (void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void disk_root_remove(const char *root)
{
    char aside[REAL_BYTES];
    remove_tree(root);
    if (snprintf(aside, sizeof aside, "%s.aside", root) < (int)sizeof aside)
        remove_tree(aside);
}
