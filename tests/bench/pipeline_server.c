/* The bare pipeline's server side. See pipeline.h. */
#include <endian.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "actors/base/check.h"
#include "tests/bench/pipeline.h"

enum {
    COMMIT_TRANSFERS = 32000, /* no more requests are taken into a commit beyond that */
    BATCH_MAX = 16384,
    ROUND_MAX = 64, /* requests that the router hands over together */
    ID_SLOTS_BITS = 26,
    CHUNK = 16, /* transfers whose memory is asked for together */
    PATH_CAPACITY = 4096,
};

#define MAP_BYTES (UINT64_C(64) << 30)
#define FILE_BYTES (INT64_C(3) << 30) /* made beforehand: a file that grows makes each fsync dearer */
#define ID_SLOTS (UINT64_C(1) << ID_SLOTS_BITS)

struct fact {
    uint32_t from, to;
    int64_t amount, from_balance, to_balance;
    uint64_t from_previous, to_previous;
    uint8_t id[16];
};

_Static_assert(sizeof(struct fact) == 64, "as long as a posting of teller");

struct job {
    struct job *next;
    zmq_msg_t identity, frame, answer;
    uint32_t worker, count;
    bool crosses;
};

struct transfer {
    uint32_t from, to;
    int64_t amount;
    uint8_t id[16];
};

/* Credits of one commit to the other worker; it comes back as the acknowledgement. */
struct credits {
    struct job *jobs; /* that wait for it */
    uint32_t owner, count, capacity;
    struct transfer *items;
};

enum parcel_kind { PARCEL_JOBS, PARCEL_CREDITS };

struct parcel {
    enum parcel_kind kind;
    void *pointer;
};

struct account {
    int64_t balance;
    uint64_t last;
};

struct worker {
    const struct pipeline_options *options;
    void *context, *inbox, *to_router, *to_peer;
    uint32_t number;
    struct account *accounts;
    uint64_t *ids;
    uint64_t id_count;
    struct fact *facts;
    uint64_t fact_count, position;
    MDB_env *env;
    MDB_dbi dbi;
    uint64_t sequence;
    struct job *done, *waiting; /* of this commit: answered after it; answered when the credits are */
    struct credits *out;        /* of this commit */
    struct credits **received, **settled;
    uint32_t received_count, settled_count;
};

static void *must(void *pointer)
{
    CHECK(pointer != NULL);
    return pointer;
}

/* ---- parcels ---------------------------------------------------------------------------------- */

static void parcel_send(void *socket, enum parcel_kind kind, void *pointer)
{
    struct parcel parcel = {kind, pointer};
    CHECK(zmq_send(socket, &parcel, sizeof parcel, 0) == sizeof parcel);
}

static bool parcel_take(void *socket, int flags, struct parcel *out)
{
    return zmq_recv(socket, out, sizeof *out, flags) == sizeof *out;
}

static void *socket_make(void *context, int type, const char *endpoint, bool binds)
{
    int zero = 0;
    void *socket = must(zmq_socket(context, type));
    zmq_setsockopt(socket, ZMQ_SNDHWM, &zero, sizeof zero);
    zmq_setsockopt(socket, ZMQ_RCVHWM, &zero, sizeof zero);
    CHECK((binds ? zmq_bind(socket, endpoint) : zmq_connect(socket, endpoint)) == 0);
    return socket;
}

/* ---- the journal ------------------------------------------------------------------------------ */

static void journal_open(struct worker *self)
{
    char path[PATH_CAPACITY];
    MDB_txn *txn;
    int file;
    snprintf(path, sizeof path, "%s/journal-%u", self->options->directory, self->number);
    mkdir(path, 0700);
    CHECK(mdb_env_create(&self->env) == 0 && mdb_env_set_mapsize(self->env, MAP_BYTES) == 0);
    CHECK(mdb_env_open(self->env, path, MDB_NOTLS | MDB_NORDAHEAD | MDB_NOMEMINIT, 0600) == 0);
    CHECK(mdb_env_get_fd(self->env, &file) == 0 && posix_fallocate(file, 0, FILE_BYTES) == 0);
    CHECK(mdb_txn_begin(self->env, NULL, 0, &txn) == 0);
    CHECK(mdb_dbi_open(txn, NULL, MDB_INTEGERKEY, &self->dbi) == 0 && mdb_txn_commit(txn) == 0);
}

static void journal_commit(struct worker *self)
{
    MDB_txn *txn;
    MDB_val key = {sizeof self->sequence, &self->sequence};
    MDB_val value = {self->fact_count * sizeof *self->facts, NULL};
    self->sequence++;
    CHECK(mdb_txn_begin(self->env, NULL, 0, &txn) == 0);
    CHECK(mdb_put(txn, self->dbi, &key, &value, MDB_APPEND | MDB_RESERVE) == 0);
    memcpy(value.mv_data, self->facts, value.mv_size);
    CHECK(mdb_txn_commit(txn) == 0);
    self->position += self->fact_count;
    self->fact_count = 0;
}

/* ---- decide and evolve ------------------------------------------------------------------------ */

static uint64_t id_hash(const uint8_t id[16])
{
    uint64_t halves[2];
    memcpy(halves, id, sizeof halves);
    uint64_t hash = (halves[0] ^ halves[1] * UINT64_C(0x9e3779b97f4a7c15)) * UINT64_C(0xd6e8feb86659fd93);
    return (hash ^ hash >> 32) | 1;
}

/* true: it was there. */
static bool id_add(struct worker *self, uint64_t hash)
{
    uint64_t at = hash >> (64 - ID_SLOTS_BITS);
    while (self->ids[at] != 0) {
        if (self->ids[at] == hash)
            return true;
        at = (at + 1) & (ID_SLOTS - 1);
    }
    self->ids[at] = hash;
    if (++self->id_count > ID_SLOTS / 4 * 3) {
        memset(self->ids, 0, ID_SLOTS * sizeof *self->ids);
        self->id_count = 0;
    }
    return false;
}

static struct account *account_of(struct worker *self, uint32_t number)
{
    return &self->accounts[number / self->options->workers];
}

static bool is_ours(const struct worker *self, uint32_t number)
{
    return number % self->options->workers == self->number;
}

static void fetch(struct worker *self, const struct transfer *transfer)
{
    __builtin_prefetch(&self->ids[id_hash(transfer->id) >> (64 - ID_SLOTS_BITS)], 1);
    if (is_ours(self, transfer->from))
        __builtin_prefetch(account_of(self, transfer->from), 1);
    if (is_ours(self, transfer->to))
        __builtin_prefetch(account_of(self, transfer->to), 1);
}

/* Each account named moves, if it is ours; the fact has both. */
static void post(struct worker *self, const struct transfer *transfer, struct account *from,
                 struct account *to)
{
    struct fact *fact = &self->facts[self->fact_count];
    uint64_t position = self->position + self->fact_count++;
    *fact = (struct fact){.from = transfer->from, .to = transfer->to, .amount = transfer->amount};
    memcpy(fact->id, transfer->id, sizeof fact->id);
    if (from != NULL) {
        fact->from_balance = from->balance -= transfer->amount;
        fact->from_previous = from->last;
        from->last = position;
    }
    if (to != NULL) {
        fact->to_balance = to->balance += transfer->amount;
        fact->to_previous = to->last;
        to->last = position;
    }
}

static enum pipeline_code decide(struct worker *self, const struct transfer *transfer, bool *crosses)
{
    uint32_t accounts = self->options->accounts;
    if (transfer->from >= accounts || transfer->to >= accounts || !is_ours(self, transfer->from))
        return PIPELINE_MALFORMED;
    struct account *from = account_of(self, transfer->from);
    if (id_add(self, id_hash(transfer->id)))
        return PIPELINE_REPEATED;
    if (from->balance < transfer->amount)
        return PIPELINE_REFUSED;
    if (is_ours(self, transfer->to)) {
        post(self, transfer, from, account_of(self, transfer->to));
        return PIPELINE_OK;
    }
    post(self, transfer, from, NULL);
    self->out->items[self->out->count++] = *transfer;
    *crosses = true;
    return PIPELINE_OK;
}

/* ---- requests --------------------------------------------------------------------------------- */

static uint32_t number_of(const uint8_t *digits)
{
    uint32_t number = 0;
    for (int i = 0; i < PIPELINE_ID_LENGTH - 1; i++)
        number = number * 10 + (uint32_t)(digits[i] - '0');
    return number;
}

static bool decode(const uint8_t *at, struct transfer *out)
{
    uint16_t amount;
    if (at[0] != 0x96 || at[1] != 1 || at[2] != 0xc4 || at[3] != 16 ||
        at[20] != (0xa0 | PIPELINE_ID_LENGTH) || at[29] != (0xa0 | PIPELINE_ID_LENGTH) || at[38] != 0xcd ||
        at[41] != 0xa3 || memcmp(at + 42, "KRW", 3) != 0)
        return false;
    memcpy(out->id, at + 4, sizeof out->id);
    out->from = number_of(at + 22);
    out->to = number_of(at + 31);
    memcpy(&amount, at + 39, sizeof amount);
    out->amount = be16toh(amount);
    return true;
}

static void credits_reserve(struct credits *credits, uint32_t count)
{
    if (credits->count + count <= credits->capacity)
        return;
    credits->capacity = 2 * credits->capacity + count;
    credits->items = must(realloc(credits->items, credits->capacity * sizeof *credits->items));
}

static void work_job(struct worker *self, struct job *job)
{
    const uint8_t *frame = zmq_msg_data(&job->frame);
    const uint8_t *at = frame + PIPELINE_HEAD_BYTES;
    struct transfer transfers[CHUNK];
    zmq_msg_init_size(&job->answer, PIPELINE_ANSWER_HEAD + job->count);
    uint8_t *codes = zmq_msg_data(&job->answer);
    memcpy(codes, frame + 2, PIPELINE_ANSWER_HEAD);
    codes += PIPELINE_ANSWER_HEAD;
    credits_reserve(self->out, job->count);
    for (uint32_t done = 0; done < job->count;) {
        uint32_t chunk = job->count - done < CHUNK ? job->count - done : CHUNK;
        for (uint32_t i = 0; i < chunk; i++, at += PIPELINE_ITEM_BYTES) {
            if (decode(at, &transfers[i]))
                fetch(self, &transfers[i]);
            else
                transfers[i].from = UINT32_MAX;
        }
        for (uint32_t i = 0; i < chunk; i++)
            codes[done++] = (uint8_t)decide(self, &transfers[i], &job->crosses);
    }
    struct job **list = job->crosses ? &self->waiting : &self->done;
    job->next = *list;
    *list = job;
}

/* ---- the other worker ------------------------------------------------------------------------- */

static void work_credits(struct worker *self, struct credits *credits)
{
    if (credits->owner == self->number) {
        self->settled[self->settled_count++] = credits;
        return;
    }
    for (uint32_t i = 0; i < credits->count; i++) {
        uint32_t ahead = i + CHUNK < credits->count ? i + CHUNK : i;
        __builtin_prefetch(account_of(self, credits->items[ahead].to), 1);
        post(self, &credits->items[i], NULL, account_of(self, credits->items[i].to));
    }
    self->received[self->received_count++] = credits;
}

static struct credits *credits_new(const struct worker *self)
{
    struct credits *credits = must(calloc(1, sizeof *credits));
    credits->owner = self->number;
    return credits;
}

static void credits_free(struct credits *credits)
{
    free(credits->items);
    free(credits);
}

/* ---- a worker --------------------------------------------------------------------------------- */

/* Nothing of a commit leaves before it is on disk. */
static void finish_commit(struct worker *self)
{
    if (self->fact_count > 0)
        journal_commit(self);
    if (self->out != NULL && self->out->count > 0) {
        self->out->jobs = self->waiting;
        parcel_send(self->to_peer, PARCEL_CREDITS, self->out);
        self->out = credits_new(self);
        self->waiting = NULL;
    }
    for (uint32_t i = 0; i < self->received_count; i++)
        parcel_send(self->to_peer, PARCEL_CREDITS, self->received[i]);
    for (uint32_t i = 0; i < self->settled_count; i++) {
        parcel_send(self->to_router, PARCEL_JOBS, self->settled[i]->jobs);
        credits_free(self->settled[i]);
    }
    if (self->done != NULL)
        parcel_send(self->to_router, PARCEL_JOBS, self->done);
    self->received_count = self->settled_count = 0;
    self->done = NULL;
}

static void work_parcel(struct worker *self, const struct parcel *parcel, uint32_t *taken)
{
    if (parcel->kind == PARCEL_CREDITS) {
        struct credits *credits = parcel->pointer;
        *taken += credits->owner == self->number ? 0 : credits->count;
        work_credits(self, credits);
        return;
    }
    for (struct job *job = parcel->pointer, *next; job != NULL; job = next) {
        next = job->next;
        *taken += job->count;
        work_job(self, job);
    }
}

static void *worker_run(void *argument)
{
    struct worker *self = argument;
    struct parcel parcel;
    while (parcel_take(self->inbox, 0, &parcel)) {
        uint32_t taken = 0;
        do
            work_parcel(self, &parcel, &taken);
        while (taken < COMMIT_TRANSFERS && self->received_count < ROUND_MAX &&
               self->settled_count < ROUND_MAX && parcel_take(self->inbox, ZMQ_DONTWAIT, &parcel));
        finish_commit(self);
    }
    return NULL;
}

static void worker_open(struct worker *self, const struct pipeline_options *options, void *context,
                        uint32_t number)
{
    /* a list from the router, or the credits of a whole commit, may come on top of a full one */
    size_t facts = 2 * COMMIT_TRANSFERS + ROUND_MAX * (size_t)BATCH_MAX;
    char name[32];
    *self = (struct worker){.options = options, .context = context, .number = number};
    snprintf(name, sizeof name, "inproc://worker-%u", number);
    self->inbox = socket_make(context, ZMQ_PULL, name, true);
    self->accounts = must(malloc((options->accounts / options->workers + 1) * sizeof *self->accounts));
    for (uint32_t i = 0; i <= options->accounts / options->workers; i++)
        self->accounts[i] = (struct account){.balance = PIPELINE_OPENING_BALANCE};
    self->ids = must(malloc(ID_SLOTS * sizeof *self->ids));
    memset(self->ids, 0, ID_SLOTS * sizeof *self->ids); /* touched now, not under load */
    self->facts = must(malloc(facts * sizeof *self->facts));
    self->received = must(calloc(ROUND_MAX, sizeof *self->received));
    self->settled = must(calloc(ROUND_MAX, sizeof *self->settled));
    self->out = credits_new(self);
    journal_open(self);
}

/* After all inboxes are bound. */
static void worker_start(struct worker *self)
{
    pthread_t thread;
    char name[32];
    snprintf(name, sizeof name, "inproc://worker-%u", (self->number + 1) % self->options->workers);
    self->to_peer = socket_make(self->context, ZMQ_PUSH, name, false);
    self->to_router = socket_make(self->context, ZMQ_PUSH, "inproc://router", false);
    CHECK(pthread_create(&thread, NULL, worker_run, self) == 0 && pthread_detach(thread) == 0);
}

/* ---- the router ------------------------------------------------------------------------------- */

struct router {
    void *clients, *answers;
    void *to_worker[PIPELINE_WORKERS_MAX];
    uint32_t workers;
};

static struct job *job_take(const struct router *self)
{
    struct job *job = must(calloc(1, sizeof *job));
    zmq_msg_init(&job->identity);
    zmq_msg_init(&job->frame);
    if (zmq_msg_recv(&job->identity, self->clients, ZMQ_DONTWAIT) < 0) {
        free(job);
        return NULL;
    }
    CHECK(zmq_msg_recv(&job->frame, self->clients, 0) >= PIPELINE_HEAD_BYTES);
    const uint8_t *frame = zmq_msg_data(&job->frame);
    uint16_t count;
    memcpy(&count, frame + PIPELINE_HEAD_BYTES - sizeof count, sizeof count);
    job->count = be16toh(count);
    job->worker = frame[10];
    CHECK(job->worker < self->workers && job->count <= BATCH_MAX &&
          zmq_msg_size(&job->frame) == PIPELINE_HEAD_BYTES + (size_t)job->count * PIPELINE_ITEM_BYTES);
    return job;
}

static void take_requests(const struct router *self)
{
    struct job *heads[PIPELINE_WORKERS_MAX] = {NULL};
    struct job **tails[PIPELINE_WORKERS_MAX];
    for (uint32_t i = 0; i < self->workers; i++)
        tails[i] = &heads[i];
    for (int i = 0; i < ROUND_MAX; i++) {
        struct job *job = job_take(self);
        if (job == NULL)
            break;
        *tails[job->worker] = job;
        tails[job->worker] = &job->next;
    }
    for (uint32_t i = 0; i < self->workers; i++) {
        if (heads[i] != NULL)
            parcel_send(self->to_worker[i], PARCEL_JOBS, heads[i]);
    }
}

static void send_answers(const struct router *self)
{
    struct parcel parcel;
    while (parcel_take(self->answers, ZMQ_DONTWAIT, &parcel)) {
        for (struct job *job = parcel.pointer, *next; job != NULL; job = next) {
            next = job->next;
            CHECK(zmq_msg_send(&job->identity, self->clients, ZMQ_SNDMORE) >= 0);
            CHECK(zmq_msg_send(&job->answer, self->clients, 0) >= 0);
            zmq_msg_close(&job->frame);
            free(job);
        }
    }
}

void pipeline_serve(const struct pipeline_options *options, int ready_fd)
{
    void *context = must(zmq_ctx_new());
    struct worker *workers = must(calloc(options->workers, sizeof *workers));
    struct router self = {.workers = options->workers};
    char endpoint[64];
    size_t size = sizeof endpoint;
    self.answers = socket_make(context, ZMQ_PULL, "inproc://router", true);
    self.clients = socket_make(context, ZMQ_ROUTER, "tcp://127.0.0.1:*", true);
    for (uint32_t i = 0; i < options->workers; i++) {
        char name[32];
        worker_open(&workers[i], options, context, i);
        snprintf(name, sizeof name, "inproc://worker-%u", i);
        self.to_worker[i] = socket_make(context, ZMQ_PUSH, name, false);
    }
    for (uint32_t i = 0; i < options->workers; i++)
        worker_start(&workers[i]);
    CHECK(zmq_getsockopt(self.clients, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    CHECK(write(ready_fd, endpoint, size) == (ssize_t)size);
    zmq_pollitem_t items[] = {{.socket = self.clients, .events = ZMQ_POLLIN},
                              {.socket = self.answers, .events = ZMQ_POLLIN}};
    while (zmq_poll(items, 2, -1) >= 0) {
        send_answers(&self);
        take_requests(&self);
    }
}
