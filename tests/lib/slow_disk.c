/* Preloaded into a program, makes its disk slow now and then: LD_PRELOAD=libslow_disk.so with
 *
 *     SLOW_DISK_ONE_IN  one sync in so many is slow
 *     SLOW_DISK_MS      how long it takes beside its usual time
 *
 * Calls are counted over all threads. */
#include <dlfcn.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>

static atomic_long calls;

int fdatasync(int fd)
{
    static int (*real)(int);
    const char *one_in = getenv("SLOW_DISK_ONE_IN"), *ms = getenv("SLOW_DISK_MS");
    if (!real)
        real = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    long rarity = one_in ? atol(one_in) : 0;
    if (rarity > 0 && ms && atomic_fetch_add(&calls, 1) % rarity == rarity - 1)
        poll(NULL, 0, atoi(ms));
    return real(fd);
}
