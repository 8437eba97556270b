#include "tests/fuzz/memory_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/base/check.h"

enum { PATH_BYTES = 128, NAMES_MAX = 4 };

/* Shrinks it first, so that no byte of the run before is left. */
static void fill(int file, const void *bytes, size_t size)
{
    CHECK(ftruncate(file, 0) == 0);
    CHECK(pwrite(file, bytes, size, 0) == (ssize_t)size);
}

const char *memory_file(const void *bytes, size_t size)
{
    static char path[PATH_BYTES];
    static int file = -1;
    if (file < 0) {
        file = memfd_create("fuzz", MFD_CLOEXEC);
        CHECK(file >= 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    }
    fill(file, bytes, size);
    return path;
}

/* ---- LMDB ------------------------------------------------------------------------------------------- */

struct place {
    char directory[PATH_BYTES];
    pid_t owner;
    size_t count;
    char names[NAMES_MAX][PATH_BYTES];
};

static struct place *place_get(void);

static const char *join(char out[PATH_BYTES], const char *directory, const char *name)
{
    CHECK((size_t)snprintf(out, PATH_BYTES, "%s/%s", directory, name) < PATH_BYTES);
    return out;
}

static void remove_file(const char *directory, const char *name)
{
    char path[PATH_BYTES];
    (void)unlink(join(path, directory, name));
}

static void place_remove(void)
{
    struct place *place = place_get();
    if (place->owner != getpid())
        return;
    for (size_t i = 0; i < place->count; i++) {
        remove_file(place->names[i], "data.mdb");
        remove_file(place->names[i], "lock.mdb");
        (void)rmdir(place->names[i]);
    }
    (void)rmdir(place->directory);
}

static struct place *place_get(void)
{
    static struct place place;
    if (place.owner != 0)
        return &place;
    const char *parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(place.directory, sizeof place.directory, "%s/teller-fuzz-XXXXXX", parent);
    CHECK(mkdtemp(place.directory) != NULL);
    place.owner = getpid();
    CHECK(atexit(place_remove) == 0);
    return &place;
}

static const char *name_get(const char *name)
{
    struct place *place = place_get();
    char path[PATH_BYTES];
    join(path, place->directory, name);
    for (size_t i = 0; i < place->count; i++) {
        if (strcmp(place->names[i], path) == 0)
            return place->names[i];
    }
    CHECK(place->count < NAMES_MAX);
    memcpy(place->names[place->count], path, strlen(path) + 1);
    CHECK(mkdir(path, 0700) == 0);
    return place->names[place->count++];
}

const char *memory_lmdb(const char *name, const void *bytes, size_t size)
{
    const char *directory = name_get(name);
    char path[PATH_BYTES];
    remove_file(directory, "lock.mdb");
    int file = open(join(path, directory, "data.mdb"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(file >= 0);
    fill(file, bytes, size);
    CHECK(close(file) == 0);
    return directory;
}

uint8_t *memory_lmdb_read(const char *name, size_t *size)
{
    char path[PATH_BYTES];
    struct stat status;
    int file = open(join(path, name_get(name), "data.mdb"), O_RDONLY | O_CLOEXEC);
    CHECK(file >= 0 && fstat(file, &status) == 0);
    *size = (size_t)status.st_size;
    uint8_t *bytes = malloc(*size + 1);
    CHECK(bytes != NULL && pread(file, bytes, *size, 0) == (ssize_t)*size && close(file) == 0);
    return bytes;
}
