/* Operating errors: what a library call may answer when the world fails it.
 *
 * A business outcome (no funds, frozen account) is never one of these: it is a result code (code.h).
 * A programmer's error is a CHECK (check.h). errno, MDB_ and CURL codes are translated into this enum
 * in store/ and adapters/ only. ERR_OK is 0; a returned enum err must be used.
 */
#ifndef TELLER_BASE_ERR_H
#define TELLER_BASE_ERR_H

enum err {
    ERR_OK = 0,
    ERR_NO_MEMORY,   /* an allocation failed; nothing changed */
    ERR_INVALID,     /* bytes or arguments from outside are malformed */
    ERR_NOT_FOUND,   /* the thing asked for does not exist */
    ERR_EXISTS,      /* the thing to create is already there */
    ERR_FULL,        /* no space, and nothing was written: the same call may succeed later */
    ERR_IO,          /* a read or write failed; whether a write reached the disk is unknown */
    ERR_CORRUPT,     /* stored bytes do not match their checksum, chain or shape */
    ERR_VERSION,     /* stored data is of a version this program does not read */
    ERR_LOCKED,      /* another process holds the data directory */
    ERR_TIMEOUT,     /* no answer in time */
    ERR_CLOSED,      /* the other side is gone, or the object is shut down */
    ERR_RANGE,       /* a number does not fit its type or its documented limit */
    ERR_UNSUPPORTED, /* valid, but not something this program does */
};

#define MUST_USE __attribute__((warn_unused_result))

/* A short lower-case English phrase for an error ("no memory"). Never NULL; static storage. */
const char *err_text(enum err err);

#endif
