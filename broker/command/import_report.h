/* What an import leaves beside its file: how far it got (FILE.teller-progress, until it is complete) and which lines were refused
 * (FILE.refused.csv, if any were); and the bar on the terminal. */
#ifndef TELLER_COMMAND_IMPORT_REPORT_H
#define TELLER_COMMAND_IMPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "actors/base/code.h"
#include "actors/base/err.h"
#include "actors/base/str.h"

enum { IMPORT_PATH_MAX = 4096 };

struct import_progress {
    size_t offset; /* where to go on */
    uint64_t line;
    uint64_t done, refused, opened;
    uint64_t expired; /* holds that were left out */
    uint64_t
        refused_bytes; /* of the list of refused lines: what is behind is of an attempt that ended early */
};

struct import_report {
    char progress_path[IMPORT_PATH_MAX];
    char refused_path[IMPORT_PATH_MAX];
    char identity[192]; /* the file's digest and the server: progress of another pair is no progress */
    FILE *refused;
    bool has_bar;
    size_t length;
    int64_t started_us;
};

/* false: the paths are too long. */
bool import_report_init(struct import_report *self, const char *path, const uint8_t digest[32],
                        const char *server, size_t length, bool has_bar);
void import_report_release(struct import_report *self);

/* true: an earlier import of the same file into the same server did not get to its end. */
bool import_report_resume(const struct import_report *self, struct import_progress *out);

/* ERR_IO: errno says why. */
enum err import_report_save(struct import_report *self, struct import_progress *progress) MUST_USE;

/* Adds one line to the list; makes the list when it is the first. message NULL: what the code says. */
enum err import_report_refuse(struct import_report *self, const struct import_progress *progress,
                              uint64_t line, enum code code, enum field field, const char *message,
                              struct str record) MUST_USE;

/* Removes what a complete import leaves no use for. */
void import_report_complete(struct import_report *self, const struct import_progress *progress);

void import_report_bar(const struct import_report *self, const struct import_progress *progress);

#endif
