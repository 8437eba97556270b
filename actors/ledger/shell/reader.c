#include "actors/ledger/shell/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/base/check.h"
#include "actors/base/mark.h"
#include "actors/ledger/hash.h"
#include "actors/ledger/shell/requests.h"
#include "actors/ledger/shell/statement.h"

struct reader {
    uint64_t cursor_key;
    struct journal_reader *journal;
    struct directory directory;
    struct read_names *names; /* that are not in the directory yet, in order */
    struct read_names **names_end;
    struct statement_source source;
    struct mp_writer writer;
    struct statement_entry *entries; /* WIRE_HISTORY_MAX */
    struct wire_history_entry *page;
};

/* ---- cursors ---------------------------------------------------------------------------------------------- */

/* "POSITION-PROOF": where a history goes on. The proof is a keyed hash, so that only positions that we have
 * given are ever read. It is of the account's name: another partition may have an account with the same index. */
static uint64_t cursor_proof(const struct reader *self, uint32_t account, uint64_t position)
{
    struct str name = directory_at(&self->directory, account);
    uint64_t parts[2] = {hash_bytes(name.data, name.length, self->cursor_key), position};
    return hash_bytes(parts, sizeof parts, self->cursor_key);
}

static struct str cursor_write(const struct reader *self, uint32_t account, uint64_t position, char *out)
{
    int length = snprintf(out, WIRE_CURSOR_MAX, "%" PRIu64 "-%016" PRIx64, position,
                          cursor_proof(self, account, position));
    return (struct str){out, (uint32_t)length};
}

static bool cursor_read(const struct reader *self, const struct read_query *query, uint64_t *position)
{
    char expected[WIRE_CURSOR_MAX];
    uint64_t number = 0;
    struct str cursor = query->query.cursor;
    for (uint32_t i = 0; i < cursor.length && cursor.data[i] >= '0' && cursor.data[i] <= '9' && i < 19; i++)
        number = number * 10 + (uint64_t)(cursor.data[i] - '0');
    *position = number;
    return str_equal(cursor, cursor_write(self, query->account, number, expected));
}

/* ---- histories --------------------------------------------------------------------------------------------- */

struct page {
    size_t count;
    uint64_t next; /* where the next page begins; 0: nowhere */
};

static bool wanted(const struct wire_history_query *query, int64_t time_us)
{
    return !query->has_before || time_us < query->before_us;
}

/* Fills the page, newest first. */
static enum err page_read(struct reader *self, const struct read_query *query, uint64_t position,
                          struct page *out)
{
    *out = (struct page){0};
    while (position != 0) {
        struct statement_entry *entry = &self->entries[out->count];
        enum err err = statement_entry_read(&self->source, query->account, position, entry);
        if (err != ERR_OK)
            return err;
        if (query->query.has_after && entry->entry.time_us < query->query.after_us)
            return ERR_OK;
        if (wanted(&query->query, entry->entry.time_us)) {
            if (out->count == query->query.limit) {
                MARK("a page of a history is full and there is more");
                out->next = position;
                return ERR_OK;
            }
            self->page[out->count++] = entry->entry;
        }
        position = entry->previous;
    }
    return ERR_OK;
}

static enum code query_read(struct reader *self, const struct read_query *query, struct page *page,
                            enum field *field)
{
    uint64_t position = query->last_position;
    if (query->query.cursor.length > 0 && !cursor_read(self, query, &position)) {
        MARK("a cursor that was never given");
        *field = FIELD_CURSOR;
        return CODE_INVALID_FIELD;
    }
    return page_read(self, query, position, page) == ERR_OK ? CODE_OK : CODE_UNKNOWN;
}

static struct str page_cursor(const struct reader *self, const struct read_query *query,
                              const struct page *page, char *space)
{
    return page->next == 0 ? (struct str){0} : cursor_write(self, query->account, page->next, space);
}

static enum code answer_history(struct reader *self, const struct read_job *job)
{
    struct page page;
    char cursor[WIRE_CURSOR_MAX];
    enum field field = FIELD_NONE;
    const struct read_query *query = &job->queries[0];
    uint64_t id = job->request->header.request_id;
    enum code code = query_read(self, query, &page, &field);
    if (code == CODE_OK)
        wire_history_write(&self->writer, id, self->page, page.count,
                           page_cursor(self, query, &page, cursor));
    else
        wire_error_write(&self->writer, id, code, field, NULL);
    return code;
}

static enum code answer_histories(struct reader *self, const struct read_job *job)
{
    wire_histories_begin(&self->writer, job->request->header.request_id, job->count);
    for (uint32_t i = 0; i < job->count; i++) {
        struct page page;
        char cursor[WIRE_CURSOR_MAX];
        const struct read_query *query = &job->queries[i];
        enum field field = query->query.field;
        enum code code = query->query.code;
        if (code == CODE_OK)
            code = query_read(self, query, &page, &field);
        if (code == CODE_OK)
            wire_histories_page_write(&self->writer, self->page, page.count,
                                      page_cursor(self, query, &page, cursor));
        else
            wire_histories_error_write(&self->writer, code, field);
    }
    return CODE_OK;
}

/* ---- balances of the past ------------------------------------------------------------------------------------ */

static enum code balance_at(struct reader *self, const struct read_job *job, int64_t *balance)
{
    const struct read_query *query = &job->queries[0];
    struct statement_entry *entry = &self->entries[0];
    *balance = 0;
    if (query->opened_us > job->at_us) {
        MARK("a balance of a time before the account");
        return CODE_ACCOUNT_NOT_FOUND;
    }
    for (uint64_t position = query->last_position; position != 0; position = entry->previous) {
        if (statement_entry_read(&self->source, query->account, position, entry) != ERR_OK)
            return CODE_UNKNOWN;
        if (entry->entry.time_us <= job->at_us) {
            *balance = entry->entry.balance;
            return CODE_OK;
        }
    }
    return CODE_OK;
}

static enum code answer_balance(struct reader *self, const struct read_job *job)
{
    const struct read_query *query = &job->queries[0];
    uint64_t id = job->request->header.request_id;
    struct wire_balance balance = {
        .account = directory_at(&self->directory, query->account),
        .currency = query->currency,
        .is_past = true,
        .at_us = job->at_us,
    };
    enum code code = balance_at(self, job, &balance.balance);
    if (code == CODE_OK)
        wire_balance_write(&self->writer, id, &balance);
    else
        wire_error_write(&self->writer, id, code, code == CODE_UNKNOWN ? FIELD_NONE : FIELD_ACCOUNT, NULL);
    return code;
}

static enum code answer_transfer(struct reader *self, const struct read_job *job)
{
    struct statement_transfer transfer;
    uint64_t id = job->request->header.request_id;
    enum err err = statement_transfer_read(&self->source, job->position, &job->id, &transfer);
    if (err == ERR_INVALID) { /* the id opened an account */
        wire_error_write(&self->writer, id, CODE_NOT_FOUND, FIELD_TRANSACTION_ID, NULL);
        return CODE_NOT_FOUND;
    }
    if (err != ERR_OK) {
        wire_error_write(&self->writer, id, CODE_UNKNOWN, FIELD_NONE, NULL);
        return CODE_UNKNOWN;
    }
    wire_transfer_write(&self->writer, id, &transfer.transfer);
    return CODE_OK;
}

/* ---- jobs ------------------------------------------------------------------------------------------------------ */

static enum code answer(struct reader *self, const struct read_job *job)
{
    if (job->request->header.operation == OPERATION_HISTORIES)
        return answer_histories(self, job);
    if (job->request->header.operation == OPERATION_HISTORY)
        return answer_history(self, job);
    if (job->request->header.operation == OPERATION_BALANCE)
        return answer_balance(self, job);
    CHECK(job->request->header.operation == OPERATION_TRANSFER_SHOW);
    return answer_transfer(self, job);
}

static bool journal_begin(struct reader *self, struct journal *journal)
{
    if (!self->journal && journal_reader_new(journal, &self->journal) != ERR_OK)
        return false;
    self->source = (struct statement_source){self->journal, &self->directory, self->source.base};
    return journal_reader_begin(self->journal) == ERR_OK;
}

/* false: there is no memory for all of them; the rest waits for the next try. */
static bool names_take(struct reader *self)
{
    while (self->names) {
        struct read_names *names = self->names;
        enum err err =
            directory_add(&self->directory, names->first, names->count, names->bytes, names->length);
        if (err == ERR_NO_MEMORY) {
            MARK("a reader without memory for names");
            return false;
        }
        CHECK(err == ERR_OK);
        self->names = names->next;
        free(names);
    }
    self->names_end = &self->names;
    return true;
}

void reader_add_names(struct reader *self, struct read_names *names)
{
    names->next = NULL;
    *self->names_end = names;
    self->names_end = &names->next;
    (void)names_take(self);
}

struct request *reader_work(struct reader *self, struct read_job *jobs)
{
    struct request_list answered;
    request_list_init(&answered);
    bool begun = jobs && names_take(self) && journal_begin(self, jobs->journal);
    while (jobs) {
        struct read_job *job = jobs;
        enum code code = CODE_UNKNOWN;
        jobs = job->next;
        mp_writer_reset(&self->writer);
        if (begun)
            code = answer(self, job);
        else
            wire_error_write(&self->writer, job->request->header.request_id, code, FIELD_NONE, NULL);
        request_reply(job->request, &self->writer, code);
        request_list_add(&answered, job->request);
        free(job);
    }
    if (begun)
        journal_reader_end(self->journal);
    return answered.first;
}

/* ---- begin and end ----------------------------------------------------------------------------------------------- */

struct reader *reader_new(uint64_t cursor_key, currency_index base)
{
    struct reader *self = calloc(1, sizeof *self);
    CHECK(self);
    self->cursor_key = cursor_key;
    self->source.base = base;
    self->names_end = &self->names;
    self->entries = malloc((WIRE_HISTORY_MAX + 1) * sizeof *self->entries);
    self->page = malloc((WIRE_HISTORY_MAX + 1) * sizeof *self->page);
    CHECK(self->entries && self->page);
    return self;
}

void reader_close_journal(struct reader *self)
{
    journal_reader_close(&self->journal);
}

void reader_destroy(struct reader **self_p)
{
    struct reader *self = *self_p;
    if (!self)
        return;
    reader_close_journal(self);
    directory_release(&self->directory);
    while (self->names) {
        struct read_names *next = self->names->next;
        free(self->names);
        self->names = next;
    }
    mp_writer_release(&self->writer);
    free(self->entries);
    free(self->page);
    free(self);
    *self_p = NULL;
}
