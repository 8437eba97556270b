/* Settings of a rail, read once at open. What is wrong is said by the setting's name, never by its value. */
#ifndef TELLER_RAILS_SETTING_H
#define TELLER_RAILS_SETTING_H

#include "actors/bank/rail.h"

enum { SETTING_URL_MAX = 256, SETTING_WHY = 160 };

/* What a setting's text may be. */
enum setting_kind {
    SETTING_TEXT,   /* clean text (base/text.h) */
    SETTING_WORD,   /* printable ASCII without a space: it may stand in a header */
    SETTING_CODE,   /* letters and digits */
    SETTING_SWITCH, /* "on" or "off" */
    SETTING_PEM,    /* anything; what reads it judges */
};

struct setting {
    const char *key;
    enum setting_kind kind;
    size_t min, max; /* bytes */
    bool is_needed;
    const char *otherwise; /* where it is left out and not needed */
    size_t
        offset; /* of the const char * that gets it, in what is filled; SETTING_NOWHERE: it is not ours to keep */
};

#define SETTING_NOWHERE ((size_t)-1)

/* false: why. Fills `into` by the table; a key that the table does not have is wrong, and so is one that comes twice. */
bool settings_read(const struct rail_settings *settings, const struct setting *table, size_t count,
                   void *into, char *why);

#endif
