/* Reading under load: messages with many history queries each, several in flight. */
#include <stdlib.h>

#include "broker/bench/clock.h"
#include "broker/bench/line.h"
#include "broker/bench/load.h"
#include "broker/wire/history.h"

enum { LIMIT = 20, US_PER_MS = 1000 };

struct histories {
    struct line *line;
    struct workload *workload;
    const struct load_options *options;
    struct load_result *result;
    struct run_clock clock;
    int64_t *sent_ns; /* by request id */
    struct mp_writer writer;
    struct wire_history_entry entries[LIMIT];
};

static bool send(struct histories *self, uint64_t request_id)
{
    struct mp_writer *w = &self->writer;
    uint32_t partition = (uint32_t)(request_id % self->options->partitions);
    struct wire_history_query query = {.limit = LIMIT};
    const struct wire_header header = {
        .operation = OPERATION_HISTORIES, .request_id = request_id, .partition = partition};
    mp_writer_reset(w);
    wire_header_write(w, &header);
    mp_write_array(w, self->options->batch);
    for (uint32_t i = 0; i < self->options->batch; i++) {
        query.account = workload_account(self->workload, partition);
        wire_history_body_write(w, &query);
    }
    self->sent_ns[request_id] = clock_now_ns();
    self->result->items_sent += self->options->batch;
    return line_send(self->line, w);
}

/* Every account has at least its opening on file. */
static bool read_page(struct histories *self, const struct wire_reply *row)
{
    struct str cursor;
    size_t count = 0;
    if (row->code != CODE_OK) {
        self->result->errors[row->code]++;
        return true;
    }
    bool is_good = wire_history_reply_read(row, self->entries, LIMIT, &count, &cursor) && count > 0;
    self->result->entries += count;
    return is_good;
}

static bool read_pages(struct histories *self, const struct wire_reply *reply)
{
    struct mp_reader rows;
    struct wire_reply row;
    uint32_t count;
    if (!wire_histories_reply_begin(reply, &rows, &count) || count != self->options->batch)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!wire_histories_reply_next(&rows, &row) || !read_page(self, &row))
            return false;
    }
    return true;
}

/* false: the request id is none of ours. */
static bool take(struct histories *self, const struct wire_reply *reply)
{
    int64_t now_ns = clock_now_ns();
    if (reply->request_id >= self->options->window)
        return false;
    run_clock_watch(&self->clock, now_ns);
    if (self->clock.is_counting) {
        histogram_add(&self->result->latency, now_ns - self->sent_ns[reply->request_id]);
        self->result->items += self->options->batch;
    }
    if (reply->code != CODE_OK)
        self->result->errors[reply->code] += self->options->batch;
    else if (!read_pages(self, reply))
        self->result->malformed++;
    return true;
}

static bool is_enough(const struct histories *self)
{
    uint64_t limit = self->options->item_limit;
    return self->clock.is_over || (limit > 0 && self->result->items_sent >= limit);
}

static enum load_end run(struct histories *self, int64_t timeout_ms)
{
    uint64_t in_flight = 0;
    struct wire_reply reply;
    for (; in_flight < self->options->window && !is_enough(self); in_flight++) {
        if (!send(self, in_flight))
            return LOAD_FAILED;
    }
    while (in_flight > 0) {
        enum line_result got = line_receive(self->line, timeout_ms * US_PER_MS, &reply);
        if (got == LINE_NOTHING || got == LINE_MALFORMED || !take(self, &reply)) {
            self->result->malformed += got != LINE_NOTHING;
            self->result->unanswered = in_flight;
            return LOAD_SILENT;
        }
        if (is_enough(self))
            in_flight--;
        else if (!send(self, reply.request_id))
            return LOAD_FAILED;
    }
    return LOAD_DONE;
}

enum load_end load_histories(const char *endpoint, int64_t timeout_ms, struct workload *workload,
                             const struct load_options *options, struct load_result *result)
{
    struct histories self = {.workload = workload, .options = options, .result = result};
    enum load_end end = LOAD_FAILED;
    *result = (struct load_result){0};
    self.line = line_new(endpoint);
    self.sent_ns = calloc(options->window, sizeof *self.sent_ns);
    run_clock_start(&self.clock, options->warmup_ns, options->duration_ns);
    if (self.line != NULL && self.sent_ns != NULL)
        end = run(&self, timeout_ms);
    result->elapsed_ns = run_clock_stop(&self.clock);
    mp_writer_release(&self.writer);
    free(self.sent_ns);
    line_destroy(&self.line);
    return end;
}
