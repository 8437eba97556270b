/* One thread with an epoll of its own: on the sockets of those who wait without end, for the client's end; on the clock for the others.
 *
 * A connection is in one of two places: `timed`, a heap by time, or `silent`, a list. It leaves that before it is put back, as its socket may be closed
 * and given again from then on. */
#include "sim/bank/waiting.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "actors/base/check.h"

enum { EVENTS_AT_ONCE = 64, MICROS_PER_S = 1000000, MICROS_PER_MS = 1000, NANOS_PER_MICRO = 1000 };

struct timed {
    int64_t due_us;
    struct MHD_Connection *connection;
};

struct silent {
    struct silent *next, *previous;
    struct MHD_Connection *connection;
    int fd;
};

struct waiting {
    pthread_t thread;
    int epoll_fd, wake_fd;
    pthread_mutex_t lock; /* of what follows */
    bool is_stopping;
    struct timed *heap;
    size_t count, capacity;
    struct silent silent; /* the ends of a ring */
};

static int64_t clock_us(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    return (int64_t)time.tv_sec * MICROS_PER_S + time.tv_nsec / NANOS_PER_MICRO;
}

/* ---- those with a time ------------------------------------------------------------------------------- */

static bool add_timed(struct waiting *self, int64_t due_us, struct MHD_Connection *connection)
{
    if (self->count == self->capacity) {
        size_t more = self->capacity > 0 ? 2 * self->capacity : 64;
        struct timed *longer = realloc(self->heap, more * sizeof *longer);
        if (longer == NULL)
            return false;
        self->heap = longer;
        self->capacity = more;
    }
    size_t at = self->count++;
    for (; at > 0 && due_us < self->heap[(at - 1) / 2].due_us; at = (at - 1) / 2)
        self->heap[at] = self->heap[(at - 1) / 2];
    self->heap[at] = (struct timed){due_us, connection};
    if (at == 0)
        CHECK(eventfd_write(self->wake_fd, 1) == 0);
    return true;
}

static struct MHD_Connection *take_first(struct waiting *self)
{
    struct MHD_Connection *first = self->heap[0].connection;
    struct timed last = self->heap[--self->count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < self->count; at = child) {
        if (child + 1 < self->count && self->heap[child + 1].due_us < self->heap[child].due_us)
            child++;
        if (self->heap[child].due_us >= last.due_us)
            break;
        self->heap[at] = self->heap[child];
    }
    self->heap[at] = last;
    return first;
}

/* ---- those without ----------------------------------------------------------------------------------- */

static bool add_silent(struct waiting *self, struct MHD_Connection *connection)
{
    struct silent *silent = malloc(sizeof *silent);
    if (silent == NULL)
        return false;
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    *silent = (struct silent){&self->silent, self->silent.previous, connection, fd};
    struct epoll_event event = {.events = EPOLLRDHUP, .data.ptr = silent};
    if (epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        free(silent);
        return false;
    }
    silent->previous->next = silent;
    self->silent.previous = silent;
    return true;
}

static struct MHD_Connection *take_silent(struct waiting *self, struct silent *silent)
{
    struct MHD_Connection *connection = silent->connection;
    CHECK(epoll_ctl(self->epoll_fd, EPOLL_CTL_DEL, silent->fd, NULL) == 0);
    silent->previous->next = silent->next;
    silent->next->previous = silent->previous;
    free(silent);
    return connection;
}

/* ---- the thread -------------------------------------------------------------------------------------- */

/* Under the lock. */
static int timeout_ms(const struct waiting *self)
{
    if (self->count == 0)
        return -1;
    int64_t left_us = self->heap[0].due_us - clock_us();
    return left_us <= 0 ? 0 : (int)((left_us + MICROS_PER_MS - 1) / MICROS_PER_MS);
}

static void put_back_all(struct waiting *self)
{
    while (self->count > 0)
        MHD_resume_connection(take_first(self));
    while (self->silent.next != &self->silent)
        MHD_resume_connection(take_silent(self, self->silent.next));
}

/* The wake-up's own event has no pointer. */
static void put_back(struct waiting *self, const struct epoll_event *events, int count)
{
    eventfd_t ignored;
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == NULL)
            CHECK(eventfd_read(self->wake_fd, &ignored) == 0);
        else
            MHD_resume_connection(take_silent(self, events[i].data.ptr));
    }
    while (self->count > 0 && self->heap[0].due_us <= clock_us())
        MHD_resume_connection(take_first(self));
}

static void *run(void *context)
{
    struct waiting *self = context;
    struct epoll_event events[EVENTS_AT_ONCE];
    CHECK(pthread_mutex_lock(&self->lock) == 0);
    while (!self->is_stopping) {
        int timeout = timeout_ms(self);
        CHECK(pthread_mutex_unlock(&self->lock) == 0);
        int count = epoll_wait(self->epoll_fd, events, EVENTS_AT_ONCE, timeout);
        CHECK(count >= 0 || errno == EINTR);
        CHECK(pthread_mutex_lock(&self->lock) == 0);
        put_back(self, events, count);
    }
    put_back_all(self);
    CHECK(pthread_mutex_unlock(&self->lock) == 0);
    return NULL;
}

bool waiting_suspend(struct waiting *self, struct MHD_Connection *connection, int64_t delay_us)
{
    CHECK(pthread_mutex_lock(&self->lock) == 0);
    bool good = !self->is_stopping;
    if (good) {
        /* Put back at the earliest after the lock is left. */
        good = delay_us == INT64_MAX ? add_silent(self, connection)
                                     : add_timed(self, clock_us() + delay_us, connection);
        if (good)
            MHD_suspend_connection(connection);
    }
    CHECK(pthread_mutex_unlock(&self->lock) == 0);
    return good;
}

/* ---- life -------------------------------------------------------------------------------------------- */

struct waiting *waiting_new(void)
{
    struct waiting *self = calloc(1, sizeof *self);
    CHECK(self != NULL);
    self->silent.next = self->silent.previous = &self->silent;
    self->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN};
    CHECK(self->epoll_fd >= 0 && self->wake_fd >= 0);
    CHECK(epoll_ctl(self->epoll_fd, EPOLL_CTL_ADD, self->wake_fd, &event) == 0);
    CHECK(pthread_mutex_init(&self->lock, NULL) == 0);
    CHECK(pthread_create(&self->thread, NULL, run, self) == 0);
    return self;
}

void waiting_stop(struct waiting *self)
{
    CHECK(pthread_mutex_lock(&self->lock) == 0);
    self->is_stopping = true;
    CHECK(pthread_mutex_unlock(&self->lock) == 0);
    CHECK(eventfd_write(self->wake_fd, 1) == 0);
    CHECK(pthread_join(self->thread, NULL) == 0);
}

void waiting_destroy(struct waiting **self_p)
{
    struct waiting *self = *self_p;
    CHECK(self->is_stopping && self->count == 0);
    close(self->epoll_fd);
    close(self->wake_fd);
    pthread_mutex_destroy(&self->lock);
    free(self->heap);
    free(self);
    *self_p = NULL;
}
