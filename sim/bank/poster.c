#include "sim/bank/poster.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "actors/base/check.h"
#include "adapters/http/http_client.h"

enum { POSTS_MAX = 128, HEADERS_MAX = 6, PAUSE_MAX_MS = 1000, MICROS_PER_MS = 1000 };

struct poster {
    struct shared_bank *shared;
    struct http_client *client;
    pthread_t thread;
    int wake_fd;
    int64_t due_us;   /* by the shared lock: until then it sleeps */
    bool is_stopping; /* … */
};

/* A post under way. */
struct posting {
    struct poster *poster;
    uint64_t id;
};

static void on_done(void *context, const struct http_outcome *outcome)
{
    struct posting *posting = context;
    struct shared_bank *shared = posting->poster->shared;
    int64_t now_us = shared_bank_enter(shared);
    int status = outcome->result == HTTP_REPLY ? (int)outcome->status : 0;
    virtual_bank_posted(shared->bank, now_us, posting->id, status);
    shared_bank_leave(shared);
    free(posting);
}

static char *header_text(const char *name, const char *value)
{
    size_t length = strlen(name) + strlen(value) + 3;
    char *text = malloc(length);
    CHECK(text != NULL);
    stpcpy(stpcpy(stpcpy(text, name), ": "), value);
    return text;
}

/* false: it cannot be sent, to that URL or now. The client keeps nothing of it by reference. */
static bool start(struct poster *self, const struct virtual_post *post)
{
    char *headers[HEADERS_MAX] = {0};
    size_t count = 0;
    headers[count++] = header_text("Content-Type", post->content_type);
    for (size_t i = 0; i < post->header_count && count < HEADERS_MAX - 1; i++)
        headers[count++] = header_text(post->headers[i].name, post->headers[i].value);
    struct http_request request = {.method = "POST",
                                   .url = post->url,
                                   .headers = (const char *const *)headers,
                                   .body = post->body,
                                   .length = post->length,
                                   .is_repeatable = true};
    struct posting *posting = malloc(sizeof *posting);
    CHECK(posting != NULL);
    *posting = (struct posting){self, post->id};
    enum err err = http_client_start(self->client, &request, on_done, posting);
    if (err != ERR_OK)
        free(posting);
    for (size_t i = 0; i < count; i++)
        free(headers[i]);
    return err == ERR_OK;
}

/* Under the lock. Returns how long there is nothing to do. */
static int post_what_is_due(struct poster *self, int64_t now_us)
{
    struct virtual_bank *bank = self->shared->bank;
    struct virtual_post post;
    while (http_client_count(self->client) < POSTS_MAX && virtual_bank_post(bank, now_us, &post)) {
        if (!start(self, &post))
            virtual_bank_posted(bank, now_us, post.id, 0);
    }
    self->due_us = virtual_bank_due_us(bank);
    bool is_full = http_client_count(self->client) >= POSTS_MAX;
    if (is_full || self->due_us > now_us + PAUSE_MAX_MS * MICROS_PER_MS)
        return PAUSE_MAX_MS;
    return self->due_us <= now_us ? 0 : (int)((self->due_us - now_us) / MICROS_PER_MS + 1);
}

static void *run(void *context)
{
    struct poster *self = context;
    eventfd_t ignored;
    for (;;) {
        int64_t now_us = shared_bank_enter(self->shared);
        bool is_stopping = self->is_stopping;
        int pause_ms = is_stopping ? 0 : post_what_is_due(self, now_us);
        shared_bank_leave(self->shared);
        if (is_stopping)
            return NULL;
        http_client_run(self->client, self->wake_fd, pause_ms);
        eventfd_read(self->wake_fd, &ignored);
    }
}

void poster_look(struct poster *self)
{
    int64_t due_us = virtual_bank_due_us(self->shared->bank);
    if (due_us >= self->due_us)
        return;
    self->due_us = due_us;
    CHECK(eventfd_write(self->wake_fd, 1) == 0);
}

struct poster *poster_new(struct shared_bank *shared, const char *ca_file)
{
    struct http_client_options options = http_client_options_default();
    options.allows_http = true;
    options.ca_file = ca_file;
    options.calls_max = POSTS_MAX;
    options.calls_per_host_max = POSTS_MAX;
    options.kept_max = POSTS_MAX;
    struct poster *self = calloc(1, sizeof *self);
    struct http_client *client = self != NULL ? http_client_new(&options) : NULL;
    if (client == NULL) {
        free(self);
        return NULL;
    }
    *self = (struct poster){.shared = shared, .client = client, .due_us = INT64_MAX};
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    CHECK(self->wake_fd >= 0);
    CHECK(pthread_create(&self->thread, NULL, run, self) == 0);
    return self;
}

void poster_destroy(struct poster **self_p)
{
    struct poster *self = *self_p;
    shared_bank_enter(self->shared);
    self->is_stopping = true;
    shared_bank_leave(self->shared);
    CHECK(eventfd_write(self->wake_fd, 1) == 0);
    CHECK(pthread_join(self->thread, NULL) == 0);
    http_client_destroy(&self->client);
    close(self->wake_fd);
    free(self);
    *self_p = NULL;
}
