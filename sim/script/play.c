/* Statements one after the other; between them, and while one waits, the world goes on. */
#include "sim/script/play.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "actors/base/check.h"
#include "sim/counting_mem.h"
#include "sim/disk/disk.h"
#include "sim/disk/heap.h"
#include "sim/script/playing.h"

#define SECOND_US INT64_C(1000000)
#define WAIT_US (600 * SECOND_US)
#define PATIENCE_US SECOND_US /* with a failure for good: then somebody ends it */
#define STEP_US INT64_C(1000)

void play_fail(struct play *self, const struct statement *at, const char *format, ...)
{
    va_list arguments;
    struct play_result *result = self->result;
    if (result->has_failed)
        return;
    result->has_failed = true;
    result->line = at ? at->line : 0;
    va_start(arguments, format);
    vsnprintf(result->what, sizeof result->what, format, arguments);
    va_end(arguments);
    world_note(self->world, "FAILED at line %u: %s", result->line, result->what);
}

bool play_is_over(const struct play *self)
{
    return self->result->has_failed || world_breach(self->world) != NULL;
}

static void mend(struct play *self)
{
    heap_fail(0, false);
    world_mend(self->world);
}

static void settle(struct play *self)
{
    heap_fail(0, false);
    world_settle(self->world);
}

/* ---- asking ----------------------------------------------------------------------------------- */

static void *added(void *array, size_t *count, const void *more, size_t more_count, size_t size)
{
    uint8_t *out = reallocarray(array, *count + more_count + 1, size);
    CHECK(out);
    memcpy(out + *count * size, more, more_count * size);
    *count += more_count;
    return out;
}

static void keep_page(struct told *told, const struct answer *answer)
{
    if (answer->entries)
        told->entries =
            added(told->entries, &told->entry_count, answer->entries, answer->count, sizeof *told->entries);
    if (answer->views)
        told->views =
            added(told->views, &told->view_count, answer->views, answer->count, sizeof *told->views);
    snprintf(told->cursor, sizeof told->cursor, "%.*s", (int)answer->cursor.length,
             answer->cursor.length ? answer->cursor.data : "");
}

static void done(void *context, const struct operation *operation, const struct answer *answer)
{
    struct told *told = context;
    told->is_done = true;
    told->kind = operation->kind;
    told->answer = *answer;
    free(told->rows);
    told->rows = calloc(answer->row_count + 1, sizeof *told->rows);
    CHECK(told->rows);
    if (answer->row_count > 0)
        memcpy(told->rows, answer->rows, answer->row_count * sizeof *told->rows);
    told->answer.rows = told->rows;
    keep_page(told, answer);
    told->play->finals[answer->code] += operation->count > 0 && answer->row_count == 0;
    for (uint32_t i = 0; i < answer->row_count; i++)
        told->play->finals[answer->rows[i].code]++;
}

static void resolve_marks(const struct play *self, const struct statement *statement,
                          struct operation *operation)
{
    if (statement->mark != NO_MARK && operation->kind == OPERATION_BALANCE) {
        operation->balance.has_at = true;
        operation->balance.at_us = self->marks[statement->mark];
    }
    if (statement->mark_after != NO_MARK) {
        operation->history.has_after = true;
        operation->history.after_us = self->marks[statement->mark_after];
    }
    if (statement->mark_before != NO_MARK) {
        operation->history.has_before = true;
        operation->history.before_us = self->marks[statement->mark_before];
    }
}

static void send_from(struct play *self, const struct statement *statement, struct told *told,
                      const char *cursor)
{
    struct operation *operation = operation_copy(statement->operation);
    struct str text = operation_text(operation, str_from(cursor));
    resolve_marks(self, statement, operation);
    if (statement->deadline_us > 0) {
        int64_t until_us = WORLD_EPOCH_US + world_now(self->world) + statement->deadline_us;
        operation->deadline_us = until_us / 1000 * 1000;
    }
    if (operation->kind == OPERATION_RATE_SET)
        operation->rate.as_of_us = WORLD_EPOCH_US + world_now(self->world);
    if (operation->kind == OPERATION_HISTORY)
        operation->history.cursor = text;
    if (operation->kind == OPERATION_ACCOUNT_LIST)
        operation->list.cursor = text;
    told->play = self;
    told->is_begun = true;
    told->is_done = false;
    world_submit(self->world, statement->client, operation, done, told);
}

void play_send(struct play *self, const struct statement *statement, struct told *told)
{
    told->entry_count = told->view_count = 0;
    send_from(self, statement, told, "");
}

bool play_wait(struct play *self, const struct statement *at, const bool *is_done)
{
    if (self->config->failure.for_good && !world_run_until(self->world, is_done, PATIENCE_US) &&
        !world_breach(self->world))
        mend(self);
    if (!world_run_until(self->world, is_done, WAIT_US) && !world_breach(self->world))
        play_fail(self, at, "no final answer has come within 10 minutes");
    return !play_is_over(self);
}

struct told *play_read(struct play *self, const struct statement *statement)
{
    play_send(self, statement, self->reading);
    return play_wait(self, statement, &self->reading->is_done) ? self->reading : NULL;
}

bool play_read_on(struct play *self, const struct statement *statement, struct told *told)
{
    char cursor[sizeof told->cursor];
    if (told->cursor[0] == '\0' || told->answer.code != CODE_OK)
        return false;
    memcpy(cursor, told->cursor, sizeof cursor);
    send_from(self, statement, told, cursor);
    return play_wait(self, statement, &told->is_done);
}

static void ask(struct play *self, const struct statement *statement)
{
    struct told *told = self->calls[statement->call];
    play_send(self, statement, told);
    if (statement->is_begun || !play_wait(self, statement, &told->is_done))
        return;
    play_check_answer(self, statement, told);
    if (statement->same_as != NO_CALL && !statement->pattern.is_given)
        play_check_same(self, statement, told, self->calls[statement->same_as]);
}

static void more(struct play *self, const struct statement *statement)
{
    struct told *told = self->calls[statement->call];
    if (told->is_begun && !told->is_done && !play_wait(self, statement, &told->is_done))
        return;
    if (!play_read_on(self, statement, told) && !play_is_over(self))
        play_fail(self, statement, "there is no further page");
}

/* ---- time ------------------------------------------------------------------------------------- */

static void wait_call(struct play *self, const struct statement *statement)
{
    struct told *told = self->calls[statement->call];
    if (!told->is_begun)
        play_fail(self, statement, "it has not been sent");
    else if (play_wait(self, statement, &told->is_done))
        play_check_answer(self, statement, told);
}

typedef bool play_condition_fn(const struct play *self, const struct statement *statement);

static bool is_all_answered(const struct play *self, const struct statement *statement)
{
    (void)statement;
    return world_open_operations(self->world) == 0;
}

static bool is_all_up(const struct play *self, const struct statement *statement)
{
    bool is_up = true;
    for (uint32_t p = 0; p < self->script->config.partitions; p++)
        is_up = is_up && (world_is_up(self->world, p) ||
                          (statement->partition != p && statement->partition != WORLD_ANY));
    return is_up;
}

static void wait_until(struct play *self, const struct statement *statement, play_condition_fn *is_so)
{
    int64_t begin_us = world_now(self->world), until_us = begin_us + WAIT_US;
    bool is_mended = !self->config->failure.for_good;
    while (!play_is_over(self) && !is_so(self, statement) && world_now(self->world) < until_us) {
        if (!is_mended && world_now(self->world) > begin_us + PATIENCE_US) {
            mend(self);
            is_mended = true;
        }
        world_run(self->world, world_now(self->world) + STEP_US);
    }
    if (!play_is_over(self) && !is_so(self, statement))
        play_fail(self, statement, "it has not come so far within 10 minutes");
}

/* ---- faults ----------------------------------------------------------------------------------- */

static void inject(struct play *self, const struct statement *statement)
{
    struct fault fault = statement->fault;
    fault.at_us = world_now(self->world);
    world_fault(self->world, &fault);
}

static void lie(struct play *self, const struct statement *statement)
{
    char scope[16];
    snprintf(scope, sizeof scope, "p%03u/journal", statement->partition);
    disk_lie(world_disk(self->world), scope, statement->times);
}

uint64_t play_failures(const struct play *self)
{
    const struct disk_counts *disk = disk_counts(world_disk(self->world));
    uint64_t failures = disk->cuts + heap_failed() - self->heap_failed;
    for (int i = 0; i < DISK_CALLS; i++)
        failures += disk->failed[i];
    for (uint32_t p = 0; p < self->script->config.partitions; p++)
        failures += world_memory(self->world, p)->failed;
    return failures;
}

/* ---- statements ------------------------------------------------------------------------------- */

static void play_one(struct play *self, const struct statement *statement);

static void later_comes(void *context, struct world *world)
{
    struct later *later = context;
    (void)world;
    play_one(later->play, later->statement);
}

static void plan(struct play *self, const struct statement *statement)
{
    struct later *later = calloc(1, sizeof *later);
    CHECK(later);
    *later = (struct later){self->laters, self, statement->inner};
    self->laters = later;
    world_at(self->world, world_now(self->world) + statement->time_us, later_comes, later);
}

static void note(struct play *self, const struct statement *statement)
{
    const char *line = self->script->source;
    for (unsigned i = 1; i < statement->line; i++)
        line += strcspn(line, "\n") + 1;
    line += strspn(line, " \t");
    world_note(self->world, "---- line %u: %.*s", statement->line, (int)strcspn(line, "\n"), line);
}

static void play_one(struct play *self, const struct statement *statement)
{
    note(self, statement);
    switch (statement->kind) {
    case STATEMENT_ASK:
        ask(self, statement);
        return;
    case STATEMENT_MORE:
        more(self, statement);
        return;
    case STATEMENT_WAIT:
        wait_call(self, statement);
        return;
    case STATEMENT_WAIT_ALL:
        wait_until(self, statement, is_all_answered);
        return;
    case STATEMENT_WAIT_UP:
        wait_until(self, statement, is_all_up);
        return;
    case STATEMENT_RUN:
        world_run(self->world, world_now(self->world) + statement->time_us);
        return;
    case STATEMENT_AFTER:
        plan(self, statement);
        return;
    case STATEMENT_MARK:
        self->marks[statement->mark] = WORLD_EPOCH_US + world_now(self->world);
        return;
    case STATEMENT_FAULT:
        inject(self, statement);
        return;
    case STATEMENT_LIE:
        lie(self, statement);
        return;
    case STATEMENT_MEND:
        mend(self);
        return;
    case STATEMENT_SETTLE:
        settle(self);
        return;
    case STATEMENT_EXPECT_ANSWER:
    case STATEMENT_EXPECT_BALANCE:
    case STATEMENT_EXPECT_ENTRIES:
    case STATEMENT_EXPECT_HISTORY:
    case STATEMENT_EXPECT_ACCOUNT:
    case STATEMENT_EXPECT_ACCOUNTS:
    case STATEMENT_EXPECT_STATUS:
    case STATEMENT_EXPECT_UP:
    case STATEMENT_EXPECT_COUNT:
    case STATEMENT_EXPECT_SAME:
        play_expect(self, statement);
        return;
    }
    CHECK_UNREACHABLE();
}

/* ---- a whole script --------------------------------------------------------------------------- */

static void arm(struct play *self)
{
    const struct play_failure *failure = &self->config->failure;
    char scope[16];
    snprintf(scope, sizeof scope, "p%03u/", failure->partition);
    if (failure->failing == FAILING_DISK)
        disk_fail(world_disk(self->world), scope,
                  &(struct disk_fault){.calls = failure->calls,
                                       .nth = failure->nth,
                                       .count = failure->for_good ? DISK_FOR_GOOD : 1,
                                       .code = EIO,
                                       .effect = DISK_NOTHING});
    else if (failure->failing == FAILING_MEMORY)
        counting_mem_fail(world_memory(self->world, failure->partition), failure->nth,
                          failure->for_good ? UINT32_MAX : 1);
    else if (failure->failing == FAILING_HEAP)
        heap_fail(failure->nth, failure->for_good);
}

/* What the world has found, against what the script expects of it. */
static void judge(struct play *self)
{
    const struct breach *breach = world_breach(self->world);
    const char *expected = self->script->breach;
    if (self->result->has_failed)
        return;
    if (breach && (!expected || strcmp(breach->invariant, expected) != 0))
        play_fail(self, NULL, "%s is broken: %s", breach->invariant, breach->text);
    if (!breach && expected)
        play_fail(self, NULL, "no breach of %s has come", expected);
}

static void begin(struct play *self)
{
    struct world_config config = self->script->config;
    size_t count = (size_t)self->script->call_count;
    config.root = self->config->root;
    config.trace = self->config->trace;
    self->world = world_new(&config);
    self->calls = calloc(count + 1, sizeof(struct told *));
    self->reading = calloc(1, sizeof *self->reading);
    CHECK(self->calls && self->reading);
    for (size_t i = 0; i < count; i++) {
        self->calls[i] = calloc(1, sizeof *self->calls[i]);
        CHECK(self->calls[i]);
    }
    arm(self);
}

static void told_free(struct told *told)
{
    free(told->rows);
    free(told->entries);
    free(told->views);
    free(told);
}

static void end(struct play *self)
{
    world_destroy(&self->world);
    for (int i = 0; i < self->script->call_count; i++)
        told_free(self->calls[i]);
    told_free(self->reading);
    free(self->calls);
    while (self->laters) {
        struct later *next = self->laters->next;
        free(self->laters);
        self->laters = next;
    }
}

void script_play(const struct script *script, const struct play_config *config, struct play_result *out)
{
    struct play play = {.script = script, .config = config, .result = out, .heap_failed = heap_failed()};
    *out = (struct play_result){0};
    begin(&play);
    for (const struct statement *statement = script->first; statement && !play_is_over(&play);
         statement = statement->next)
        play_one(&play, statement);
    out->failures = play_failures(&play);
    if (!play_is_over(&play))
        settle(&play);
    heap_fail(0, false);
    judge(&play);
    end(&play);
}
