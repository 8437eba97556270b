/* The bare pipeline's client side, and its command line. See pipeline.h.
 *
 *     pipeline --workers 2 --cross-share 0.5 --batch 8000 --window 8 --dir DIR
 *
 * Prints what `teller bench --json` prints, as far as it has it.
 */
#include "tests/bench/pipeline.h"

#include <endian.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "broker/bench/histogram.h"
#include "broker/bench/random.h"

enum {
    WINDOW_MAX = 1024,
    TIMEOUT_MS = 30000,
    NS_PER_SECOND = 1000000000,
    AMOUNT_MIN = 256,
    AMOUNT_MAX = 10000
};

struct load {
    const struct pipeline_options *options;
    void *socket;
    struct random_source random;
    char (*ids)[PIPELINE_ID_LENGTH];
    int64_t sent_ns[WINDOW_MAX];
    uint32_t worker[WINDOW_MAX];
    double cross_debt;
    uint64_t items, errors;
    struct histogram latency;
    bool is_counting, is_ending;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * (int64_t)NS_PER_SECOND + now.tv_nsec;
}

/* ---- requests --------------------------------------------------------------------------------- */

static uint32_t account_of_worker(struct load *self, uint32_t worker)
{
    uint32_t workers = self->options->workers;
    return random_below(&self->random, self->options->accounts / workers) * workers + worker;
}

static void draw(struct load *self, uint32_t worker, uint32_t *from, uint32_t *to)
{
    uint32_t payee = worker;
    self->cross_debt += self->options->workers > 1 ? self->options->cross_share : 0;
    if (self->cross_debt >= 1) {
        self->cross_debt -= 1;
        payee = (worker + 1) % self->options->workers;
    }
    do {
        *from = account_of_worker(self, worker);
        *to = account_of_worker(self, payee);
    } while (*from == *to);
    __builtin_prefetch(self->ids[*from]);
    __builtin_prefetch(self->ids[*to]);
}

static uint8_t *put_item(struct load *self, uint8_t *at, uint32_t from, uint32_t to)
{
    uint16_t amount = htobe16((uint16_t)(AMOUNT_MIN + random_below(&self->random, AMOUNT_MAX - AMOUNT_MIN)));
    struct uuid id = random_uuid(&self->random);
    memcpy(at, (uint8_t[]){0x96, 1, 0xc4, 16}, 4);
    memcpy(at + 4, id.bytes, sizeof id.bytes);
    at[20] = at[29] = 0xa0 | PIPELINE_ID_LENGTH;
    memcpy(at + 21, self->ids[from], PIPELINE_ID_LENGTH);
    memcpy(at + 30, self->ids[to], PIPELINE_ID_LENGTH);
    at[38] = 0xcd;
    memcpy(at + 39, &amount, sizeof amount);
    memcpy(at + 41, "\xa3KRW", 4);
    return at + PIPELINE_ITEM_BYTES;
}

static void send_request(struct load *self, uint32_t slot)
{
    enum { CHUNK = 64 };
    uint32_t left = self->options->batch;
    uint32_t from[CHUNK], to[CHUNK];
    uint64_t request_id = slot;
    uint16_t count = htobe16((uint16_t)left);
    zmq_msg_t message;
    CHECK(zmq_msg_init_size(&message, PIPELINE_HEAD_BYTES + (size_t)left * PIPELINE_ITEM_BYTES) == 0);
    uint8_t *at = zmq_msg_data(&message);
    at[0] = 0x93;
    at[1] = 0xcf;
    memcpy(at + 2, &request_id, sizeof request_id);
    at[10] = (uint8_t)self->worker[slot];
    at[11] = 0xdc;
    memcpy(at + 12, &count, sizeof count);
    at += PIPELINE_HEAD_BYTES;
    while (left > 0) {
        uint32_t chunk = left < CHUNK ? left : CHUNK;
        for (uint32_t i = 0; i < chunk; i++)
            draw(self, self->worker[slot], &from[i], &to[i]);
        for (uint32_t i = 0; i < chunk; i++)
            at = put_item(self, at, from[i], to[i]);
        left -= chunk;
    }
    self->sent_ns[slot] = now_ns();
    CHECK(zmq_msg_send(&message, self->socket, 0) >= 0);
}

/* ---- answers ---------------------------------------------------------------------------------- */

/* false: silence. */
static bool take_answer(struct load *self, uint32_t *slot)
{
    zmq_msg_t message;
    uint64_t request_id;
    zmq_msg_init(&message);
    if (zmq_msg_recv(&message, self->socket, 0) < 0)
        return false;
    const uint8_t *codes = zmq_msg_data(&message);
    memcpy(&request_id, codes, sizeof request_id);
    CHECK(request_id < self->options->window);
    CHECK(zmq_msg_size(&message) == PIPELINE_ANSWER_HEAD + (size_t)self->options->batch);
    for (uint32_t i = 0; i < self->options->batch; i++)
        self->errors += codes[PIPELINE_ANSWER_HEAD + i] != PIPELINE_OK;
    zmq_msg_close(&message);
    *slot = (uint32_t)request_id;
    if (self->is_counting) {
        histogram_add(&self->latency, now_ns() - self->sent_ns[*slot]);
        self->items += self->options->batch;
    }
    return true;
}

static void print_report(const struct load *self, int64_t elapsed_ns)
{
    const struct pipeline_options *options = self->options;
    const struct histogram *h = &self->latency;
    printf("{\"transfers_per_s\": %.0f, \"accounts\": %u, \"partitions\": %u, \"cross_share\": %.2f, "
           "\"batch\": %u, "
           "\"window\": %u, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"p999_ms\": %.3f, \"max_ms\": %.3f, "
           "\"seconds\": %.2f, "
           "\"errors\": {%s%.0llu}}\n",
           (double)self->items * NS_PER_SECOND / (double)elapsed_ns, options->accounts, options->workers,
           options->workers > 1 ? options->cross_share : 0, options->batch, options->window,
           (double)histogram_at(h, 0.5) / 1e6, (double)histogram_at(h, 0.99) / 1e6,
           (double)histogram_at(h, 0.999) / 1e6, (double)h->max_ns / 1e6, (double)elapsed_ns / NS_PER_SECOND,
           self->errors > 0 ? "\"wrong\": " : "", (unsigned long long)self->errors);
}

static bool run(struct load *self, int64_t *elapsed_ns)
{
    const struct pipeline_options *options = self->options;
    int64_t counted_from_ns = now_ns() + options->warmup_ns;
    int64_t end_ns = counted_from_ns + options->duration_ns;
    uint32_t in_flight = options->window;
    for (uint32_t i = 0; i < options->window; i++) {
        self->worker[i] = i % options->workers;
        send_request(self, i);
    }
    while (in_flight > 0) {
        uint32_t slot;
        if (!take_answer(self, &slot))
            return false;
        int64_t now = now_ns();
        if (!self->is_counting && !self->is_ending && now >= counted_from_ns) {
            self->is_counting = true;
            counted_from_ns = now;
        }
        if (!self->is_ending && now >= end_ns) {
            self->is_ending = true;
            self->is_counting = false;
            *elapsed_ns = now - counted_from_ns;
        }
        if (self->is_ending)
            in_flight--;
        else
            send_request(self, slot);
    }
    return true;
}

int pipeline_load(const struct pipeline_options *options, const char *endpoint, int64_t server_pid)
{
    struct load *self = calloc(1, sizeof *self);
    void *context = zmq_ctx_new();
    int zero = 0, timeout_ms = TIMEOUT_MS;
    int64_t elapsed_ns = 1;
    CHECK(self != NULL && context != NULL);
    self->options = options;
    random_seed(&self->random);
    self->ids = malloc((size_t)options->accounts * sizeof *self->ids + 1);
    CHECK(self->ids != NULL);
    for (uint32_t i = 0; i < options->accounts; i++) {
        char text[16];
        snprintf(text, sizeof text, "a%07u", i);
        memcpy(self->ids[i], text, PIPELINE_ID_LENGTH);
    }
    self->socket = zmq_socket(context, ZMQ_DEALER);
    zmq_setsockopt(self->socket, ZMQ_LINGER, &zero, sizeof zero);
    zmq_setsockopt(self->socket, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    CHECK(zmq_connect(self->socket, endpoint) == 0);
    bool is_good = run(self, &elapsed_ns) && self->errors == 0;
    kill((pid_t)server_pid, SIGKILL);
    if (is_good)
        print_report(self, elapsed_ns);
    else
        fprintf(stderr, "pipeline: answers are wrong (%llu) or missing\n", (unsigned long long)self->errors);
    zmq_close(self->socket);
    zmq_ctx_term(context);
    free(self->ids);
    free(self);
    return is_good ? 0 : 1;
}

/* ---- the command line ------------------------------------------------------------------------- */

static const char usage[] =
    "usage: pipeline --dir DIR [--workers 1|2] [--accounts N] [--batch N] [--window N]\n"
    "                [--cross-share S] [--seconds N] [--warmup N]\n";

static bool read_options(int argc, char **argv, struct pipeline_options *out)
{
    static const struct option names[] = {
        {"dir", required_argument, NULL, 'd'},
        {"workers", required_argument, NULL, 'p'},
        {"accounts", required_argument, NULL, 'a'},
        {"batch", required_argument, NULL, 'b'},
        {"window", required_argument, NULL, 'w'},
        {"cross-share", required_argument, NULL, 'x'},
        {"seconds", required_argument, NULL, 's'},
        {"warmup", required_argument, NULL, 'u'},
        {NULL, 0, NULL, 0},
    };
    int name;
    while ((name = getopt_long(argc, argv, "", names, NULL)) != -1) {
        double value = optarg == NULL ? 0 : strtod(optarg, NULL);
        if (name == 'd')
            out->directory = optarg;
        else if (name == 'p')
            out->workers = (uint32_t)value;
        else if (name == 'a')
            out->accounts = (uint32_t)value;
        else if (name == 'b')
            out->batch = (uint32_t)value;
        else if (name == 'w')
            out->window = (uint32_t)value;
        else if (name == 'x')
            out->cross_share = value;
        else if (name == 's')
            out->duration_ns = (int64_t)(value * NS_PER_SECOND);
        else if (name == 'u')
            out->warmup_ns = (int64_t)(value * NS_PER_SECOND);
        else
            return false;
    }
    return out->directory != NULL && out->workers >= 1 && out->workers <= PIPELINE_WORKERS_MAX &&
           out->accounts >= 4 && out->accounts <= PIPELINE_ACCOUNTS_MAX && out->batch >= 1 &&
           out->batch <= 16384 && out->window >= 1 && out->window <= WINDOW_MAX;
}

int main(int argc, char **argv)
{
    struct pipeline_options options = {.workers = 1,
                                       .accounts = 1000000,
                                       .batch = 8000,
                                       .window = 8,
                                       .duration_ns = INT64_C(5) * NS_PER_SECOND,
                                       .warmup_ns = NS_PER_SECOND};
    char endpoint[64] = "";
    int ready[2];
    if (!read_options(argc, argv, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    CHECK(pipe(ready) == 0);
    pid_t server = fork();
    CHECK(server >= 0);
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pipeline_serve(&options, ready[1]);
        _exit(1);
    }
    close(ready[1]);
    int code = 1;
    if (read(ready[0], endpoint, sizeof endpoint - 1) > 0)
        code = pipeline_load(&options, endpoint, server);
    waitpid(server, NULL, 0);
    return code;
}
