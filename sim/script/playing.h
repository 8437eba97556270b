/* Inside this folder: a script while it is played. */
#ifndef TELLER_SIM_SCRIPT_PLAYING_H
#define TELLER_SIM_SCRIPT_PLAYING_H

#include "sim/script/play.h"

/* What became of a call: a copy of its last answer. */
struct told {
    struct play *play;
    bool is_begun, is_done;
    enum wire_operation kind;
    struct answer answer; /* strings and pages are not in it */
    struct ledger_row *rows;
    struct wire_history_entry *entries; /* of all pages so far */
    struct ledger_account_view *views;
    size_t entry_count, view_count;
    char cursor[WIRE_CURSOR_MAX + 1];
};

struct later {
    struct later *next;
    struct play *play;
    const struct statement *statement;
};

struct play {
    const struct script *script;
    const struct play_config *config;
    struct play_result *result;
    struct world *world;
    struct told **calls;
    struct told *reading; /* of an expectation */
    struct later *laters;
    int64_t marks[SCRIPT_MARKS_MAX];
    uint64_t finals[CODE_COUNT];
    uint64_t heap_failed; /* before it began */
};

void play_fail(struct play *self, const struct statement *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool play_is_over(const struct play *self); /* it has failed, or an invariant is broken */

/* Sends a copy, and does not wait. */
void play_send(struct play *self, const struct statement *statement, struct told *told);
/* false: it has failed. */
bool play_wait(struct play *self, const struct statement *at, const bool *done);
/* Sends what the expectation reads, and waits; NULL: it has failed. */
struct told *play_read(struct play *self, const struct statement *statement);
/* The next page of a history or a list; false: there is none, or it has failed. */
bool play_read_on(struct play *self, const struct statement *statement, struct told *told);
uint64_t play_failures(const struct play *self);

/* Statements that expect. */
void play_expect(struct play *self, const struct statement *statement);
void play_check_answer(struct play *self, const struct statement *at, const struct told *told);
void play_check_same(struct play *self, const struct statement *at, const struct told *told,
                     const struct told *as);

#endif
