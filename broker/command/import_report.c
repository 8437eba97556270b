#include "broker/command/import_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "broker/command/csv.h"
#include "broker/wire/rows.h"

enum { DIGEST_BYTES = 32, BAR_WIDTH = 30, US_PER_S = 1000000 };

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static bool make_path(char out[IMPORT_PATH_MAX], const char *path, const char *end)
{
    return (size_t)snprintf(out, IMPORT_PATH_MAX, "%s%s", path, end) < IMPORT_PATH_MAX - 4;
}

bool import_report_init(struct import_report *self, const char *path, const uint8_t digest[32],
                        const char *server, size_t length, bool has_bar)
{
    *self = (struct import_report){.has_bar = has_bar, .length = length, .started_us = now_us()};
    char *at = self->identity;
    for (size_t i = 0; i < DIGEST_BYTES; i++)
        at += snprintf(at, 3, "%02x", digest[i]);
    snprintf(at, sizeof self->identity - (size_t)(at - self->identity), " %.100s", server);
    return make_path(self->progress_path, path, ".teller-progress") &&
           make_path(self->refused_path, path, ".refused.csv");
}

void import_report_release(struct import_report *self)
{
    if (self->refused != NULL)
        fclose(self->refused);
    self->refused = NULL;
}

/* ---- progress --------------------------------------------------------------------------------- */

#define PROGRESS_FORMAT                                                                          \
    "teller import 2\n%s\noffset %zu line %llu done %llu refused %llu opened %llu expired %llu " \
    "refused_bytes "                                                                             \
    "%llu\n"

bool import_report_resume(const struct import_report *self, struct import_progress *out)
{
    char title[32], identity[sizeof self->identity];
    unsigned long long line, done, refused, opened, expired, refused_bytes;
    size_t offset;
    FILE *file = fopen(self->progress_path, "r");
    if (file == NULL)
        return false;
    bool is_read = fgets(title, sizeof title, file) != NULL && strcmp(title, "teller import 2\n") == 0 &&
                   fgets(identity, sizeof identity, file) != NULL &&
                   fscanf(file,
                          "offset %zu line %llu done %llu refused %llu opened %llu expired %llu "
                          "refused_bytes %llu",
                          &offset, &line, &done, &refused, &opened, &expired, &refused_bytes) == 7;
    fclose(file);
    if (!is_read)
        return false;
    identity[strcspn(identity, "\n")] = '\0';
    if (strcmp(identity, self->identity) != 0)
        return false;
    *out = (struct import_progress){offset, line, done, refused, opened, expired, refused_bytes};
    return true;
}

enum err import_report_save(struct import_report *self, struct import_progress *progress)
{
    char name[IMPORT_PATH_MAX + 8];
    if (self->refused != NULL) {
        if (fflush(self->refused) != 0)
            return ERR_IO;
        progress->refused_bytes = (uint64_t)ftello(self->refused);
    }
    snprintf(name, sizeof name, "%s.new", self->progress_path);
    FILE *file = fopen(name, "w");
    if (file == NULL)
        return ERR_IO;
    bool is_written =
        fprintf(file, PROGRESS_FORMAT, self->identity, progress->offset, (unsigned long long)progress->line,
                (unsigned long long)progress->done, (unsigned long long)progress->refused,
                (unsigned long long)progress->opened, (unsigned long long)progress->expired,
                (unsigned long long)progress->refused_bytes) > 0;
    is_written = fclose(file) == 0 && is_written;
    return is_written && rename(name, self->progress_path) == 0 ? ERR_OK : ERR_IO;
}

/* ---- refused lines ---------------------------------------------------------------------------- */

/* What an earlier attempt wrote behind its last progress is written again. */
static FILE *open_refused(const struct import_report *self, const struct import_progress *progress)
{
    FILE *file = NULL;
    if (progress->refused_bytes > 0)
        file = fopen(self->refused_path, "r+");
    if (file != NULL &&
        (ftruncate(fileno(file), (off_t)progress->refused_bytes) != 0 || fseeko(file, 0, SEEK_END) != 0)) {
        fclose(file);
        return NULL;
    }
    if (file != NULL)
        return file;
    file = fopen(self->refused_path, "w");
    if (file != NULL)
        fprintf(file, "line,code,field,message,record\n");
    return file;
}

enum err import_report_refuse(struct import_report *self, const struct import_progress *progress,
                              uint64_t line, enum code code, enum field field, const char *message,
                              struct str record)
{
    if (self->refused == NULL)
        self->refused = open_refused(self, progress);
    if (self->refused == NULL)
        return ERR_IO;
    const char *name = field_name(field);
    while (record.length > 0 && strchr("\r\n", record.data[record.length - 1]) != NULL)
        record.length--;
    fprintf(self->refused, "%llu,%s,%s,", (unsigned long long)line, code_name(code),
            name == NULL ? "" : name);
    csv_write(self->refused, str_from(message != NULL ? message : wire_code_message(code)), ',');
    csv_write(self->refused, record, '\n');
    return ferror(self->refused) ? ERR_IO : ERR_OK;
}

void import_report_complete(struct import_report *self, const struct import_progress *progress)
{
    unlink(self->progress_path);
    if (progress->refused == 0)
        unlink(self->refused_path); /* of an earlier import */
}

/* ---- the bar ---------------------------------------------------------------------------------- */

void import_report_bar(const struct import_report *self, const struct import_progress *progress)
{
    char bar[BAR_WIDTH + 1];
    if (!self->has_bar)
        return;
    uint64_t part = self->length == 0 ? 0 : progress->offset * (uint64_t)BAR_WIDTH / self->length;
    int64_t elapsed_us = now_us() - self->started_us;
    uint64_t lines = progress->done + progress->refused;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', part > BAR_WIDTH ? BAR_WIDTH : part);
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %3d%%  %llu done, %llu refused, %llu/s ", bar,
            (int)(progress->offset * 100 / (self->length == 0 ? 1 : self->length)),
            (unsigned long long)progress->done, (unsigned long long)progress->refused,
            (unsigned long long)(elapsed_us <= 0 ? 0 : lines * US_PER_S / (uint64_t)elapsed_us));
    if (progress->offset == self->length)
        fputc('\n', stderr);
}
