/* Child processes that run seeds.
 *
 * All scratch stands in one directory of the pool's own, with a directory for each child in it: what a child leaves
 * beside its root when it dies goes with that.
 *
 * The end of a child is seen as the end of its pipe: its one write end is the child's. A result is smaller than what a
 * pipe holds, so a child never waits for its parent.
 */
#include "sim/command/pool.h"

#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "actors/base/check.h"
#include "sim/disk/disk.h"

#define SECOND_US INT64_C(1000000)

enum {
    PATH_LENGTH = 200,
    NAME_ROOM = 60,
    MARKS_MAX = 4000,
    BOUND_SECONDS = 300,
    SIMULATED_A_REAL_SECOND = 12
};

/* What a child sends; the hits of the marks come behind it. */
struct message {
    struct run_result result;
    char invariant[sizeof((struct outcome *)0)->invariant];
};

struct slot {
    pid_t pid; /* 0: free */
    int pipe;
    FILE *said;
    char home[PATH_LENGTH], root[PATH_LENGTH]; /* root is in home */
    int64_t started_us;
    struct job job;
    size_t received;
    uint8_t *bytes; /* of the message */
};

struct pool {
    uint32_t size, running;
    const struct marks *marks;
    size_t hit_count, message_bytes;
    uint64_t *hits; /* of the last outcome */
    int stop_fd;
    char scratch[PATH_LENGTH];
    struct slot *slots;
    struct pollfd *polled;
};

int64_t pool_real_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND_US + now.tv_nsec / 1000;
}

struct pool *pool_new(uint32_t size, const struct marks *marks, int stop_fd)
{
    CHECK(size > 0);
    struct pool *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->size = size;
    self->marks = marks;
    self->stop_fd = stop_fd;
    self->hit_count = marks != NULL ? marks_count(marks) : 0;
    CHECK(self->hit_count <= MARKS_MAX);
    self->message_bytes = sizeof(struct message) + self->hit_count * sizeof(uint64_t);
    self->hits = calloc(self->hit_count + 1, sizeof *self->hits);
    self->slots = calloc(size, sizeof *self->slots);
    self->polled = calloc(size + 1, sizeof *self->polled);
    CHECK(self->hits != NULL && self->slots != NULL && self->polled != NULL);
    CHECK(disk_root_make(self->scratch, sizeof self->scratch));
    for (uint32_t i = 0; i < size; i++) {
        struct slot *slot = &self->slots[i];
        slot->bytes = calloc(1, self->message_bytes);
        CHECK(slot->bytes != NULL && strlen(self->scratch) < PATH_LENGTH - NAME_ROOM);
        snprintf(slot->home, sizeof slot->home, "%.150s/%" PRIu32, self->scratch, i);
        snprintf(slot->root, sizeof slot->root, "%.170s/disk", slot->home);
    }
    return self;
}

static void slot_clear(struct pool *self, struct slot *slot)
{
    close(slot->pipe);
    fclose(slot->said);
    disk_root_remove(slot->home);
    slot->pid = 0;
    self->running--;
}

void pool_cancel(struct pool *self)
{
    for (uint32_t i = 0; i < self->size; i++) {
        struct slot *slot = &self->slots[i];
        if (slot->pid == 0)
            continue;
        kill(slot->pid, SIGKILL);
        waitpid(slot->pid, NULL, 0);
        slot_clear(self, slot);
    }
}

void pool_destroy(struct pool **self_p)
{
    struct pool *self = *self_p;
    if (self == NULL)
        return;
    pool_cancel(self);
    for (uint32_t i = 0; i < self->size; i++)
        free(self->slots[i].bytes);
    disk_root_remove(self->scratch);
    free(self->hits);
    free(self->slots);
    free(self->polled);
    free(self);
    *self_p = NULL;
}

bool pool_is_full(const struct pool *self)
{
    return self->running == self->size;
}

uint32_t pool_running(const struct pool *self)
{
    return self->running;
}

/* ---- the child ---------------------------------------------------------------------------------- */

static void write_all(int fd, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    while (length > 0) {
        ssize_t written = write(fd, at, length);
        if (written <= 0)
            exit(EXIT_FAILURE);
        at += written;
        length -= (size_t)written;
    }
}

static _Noreturn void child_main(const struct pool *self, const struct slot *slot, int out, pid_t parent)
{
    struct rlimit no_core = {0, 0};
    struct message message;
    struct run_config config = slot->job.config;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || dup2(fileno(slot->said), STDERR_FILENO) < 0)
        _exit(EXIT_FAILURE);
    setrlimit(RLIMIT_CORE, &no_core);
    memset(&message, 0, sizeof message);
    config.root = slot->root;
    if (self->marks != NULL)
        marks_reset(self->marks);
    run_seed(&config, &message.result);
    if (message.result.is_broken)
        snprintf(message.invariant, sizeof message.invariant, "%s", message.result.breach.invariant);
    message.result.breach.invariant = NULL; /* an address means nothing to another process */
    write_all(out, &message, sizeof message);
    if (self->marks != NULL) {
        memset(self->hits, 0, self->hit_count * sizeof *self->hits);
        marks_add(self->marks, self->hits);
        write_all(out, self->hits, self->hit_count * sizeof *self->hits);
    }
    exit(EXIT_SUCCESS);
}

void pool_start(struct pool *self, const struct job *job)
{
    struct slot *slot = self->slots;
    int ends[2];
    while (slot < self->slots + self->size && slot->pid != 0)
        slot++;
    CHECK(slot < self->slots + self->size);
    slot->job = *job;
    if (slot->job.bound_us == 0)
        slot->job.bound_us = BOUND_SECONDS * SECOND_US + job->config.length_us / SIMULATED_A_REAL_SECOND;
    slot->received = 0;
    slot->said = tmpfile();
    slot->started_us = pool_real_us();
    CHECK(slot->said != NULL && pipe(ends) == 0);
    CHECK(mkdir(slot->home, 0700) == 0 && mkdir(slot->root, 0700) == 0);
    fflush(NULL);
    pid_t parent = getpid(), pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        child_main(self, slot, ends[1], parent);
    }
    close(ends[1]);
    slot->pid = pid;
    slot->pipe = ends[0];
    self->running++;
}

/* ---- its end ------------------------------------------------------------------------------------ */

/* Reads the whole of what was said, or its beginning where it is long: the first line tells most. */
static void read_said(const struct slot *slot, char *out, size_t capacity)
{
    rewind(slot->said);
    size_t length = fread(out, 1, capacity - 1, slot->said);
    out[length] = '\0';
}

/* The line of a report that says what happened: a CHECK's, a sanitizer's, or the first. */
static void find_why(const char *said, char *out, size_t capacity)
{
    static const char *const beginnings[] = {"CHECK failed", "runtime error", "ERROR: "};
    const char *found = NULL;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings && found == NULL; i++)
        found = strstr(said, beginnings[i]);
    if (found == NULL)
        found = said;
    if (strncmp(found, "runtime error", strlen("runtime error")) == 0) {
        while (found > said && found[-1] != '\n')
            found--; /* the place stands before it */
    }
    snprintf(out, capacity, "%.*s", (int)strcspn(found, "\n"), found);
}

static void judge_death(struct outcome *out)
{
    char line[400];
    out->ending = ENDED_DIED;
    snprintf(out->invariant, sizeof out->invariant, "crash");
    find_why(out->said, line, sizeof line);
    if (WIFSIGNALED(out->status))
        snprintf(out->why, sizeof out->why, "%s%sended by signal %d (%s)", line, line[0] ? "; " : "",
                 WTERMSIG(out->status), strsignal(WTERMSIG(out->status)));
    else
        snprintf(out->why, sizeof out->why, "%s%sended with exit code %d", line, line[0] ? "; " : "",
                 WEXITSTATUS(out->status));
}

static void judge(struct pool *self, const struct slot *slot, bool was_killed, struct outcome *out)
{
    if (was_killed) {
        out->ending = ENDED_HANGING;
        snprintf(out->invariant, sizeof out->invariant, "hang");
        snprintf(out->why, sizeof out->why, "did not end within %" PRId64 " seconds of real time",
                 slot->job.bound_us / SECOND_US);
        return;
    }
    if (!WIFEXITED(out->status) || WEXITSTATUS(out->status) != 0 || slot->received != self->message_bytes) {
        judge_death(out);
        return;
    }
    const struct message *message = (const struct message *)slot->bytes;
    out->result = message->result;
    out->ending = out->result.is_broken ? ENDED_BROKEN : ENDED_FINE;
    memcpy(out->invariant, message->invariant, sizeof out->invariant);
    out->result.breach.invariant = NULL;
    snprintf(out->why, sizeof out->why, "%s", out->result.breach.text);
    memcpy(self->hits, slot->bytes + sizeof *message, self->hit_count * sizeof *self->hits);
    out->hits = self->marks != NULL ? self->hits : NULL;
}

static void finish(struct pool *self, struct slot *slot, bool is_killed, struct outcome *out)
{
    struct rusage used;
    *out = (struct outcome){.tag = slot->job.tag, .config = slot->job.config};
    if (is_killed)
        kill(slot->pid, SIGKILL);
    CHECK(wait4(slot->pid, &out->status, 0, &used) == slot->pid);
    out->cpu_us = (used.ru_utime.tv_sec + used.ru_stime.tv_sec) * SECOND_US + used.ru_utime.tv_usec +
                  used.ru_stime.tv_usec;
    read_said(slot, out->said, sizeof out->said);
    judge(self, slot, is_killed, out);
    slot_clear(self, slot);
}

/* true: the pipe has ended. */
static bool receive(struct pool *self, struct slot *slot)
{
    uint8_t more;
    bool is_whole = slot->received == self->message_bytes;
    ssize_t length =
        is_whole ? read(slot->pipe, &more, 1)
                 : read(slot->pipe, slot->bytes + slot->received, self->message_bytes - slot->received);
    if (length > 0 && !is_whole)
        slot->received += (size_t)length;
    return length <= 0;
}

enum pool_event pool_wait(struct pool *self, int timeout_ms, struct outcome *out)
{
    int64_t until_us = pool_real_us() + timeout_ms * INT64_C(1000);
    while (true) {
        int64_t now_us = pool_real_us(), next_us = until_us;
        for (uint32_t i = 0; i < self->size; i++) {
            struct slot *slot = &self->slots[i];
            self->polled[i] = (struct pollfd){.fd = slot->pid != 0 ? slot->pipe : -1, .events = POLLIN};
            if (slot->pid == 0)
                continue;
            int64_t bound_us = slot->started_us + slot->job.bound_us;
            if (bound_us <= now_us) {
                finish(self, slot, true, out);
                return POOL_DONE;
            }
            next_us = bound_us < next_us ? bound_us : next_us;
        }
        self->polled[self->size] = (struct pollfd){.fd = self->stop_fd, .events = POLLIN};
        int wait_ms = next_us > now_us ? (int)((next_us - now_us + 999) / 1000) : 0;
        int ready = poll(self->polled, self->size + 1, wait_ms);
        if (ready > 0 && self->polled[self->size].revents != 0)
            return POOL_STOPPED;
        for (uint32_t i = 0; i < self->size && ready > 0; i++) {
            if (self->polled[i].revents != 0 && receive(self, &self->slots[i])) {
                finish(self, &self->slots[i], false, out);
                return POOL_DONE;
            }
        }
        if (ready <= 0 && pool_real_us() >= until_us)
            return POOL_TICK;
    }
}
