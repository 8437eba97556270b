/* The words for operating errors. */
#include "actors/base/err.h"

const char *err_text(enum err err)
{
    switch (err) {
    case ERR_OK:
        return "ok";
    case ERR_NO_MEMORY:
        return "no memory";
    case ERR_INVALID:
        return "malformed";
    case ERR_NOT_FOUND:
        return "not found";
    case ERR_EXISTS:
        return "already there";
    case ERR_FULL:
        return "no space";
    case ERR_IO:
        return "input or output failed";
    case ERR_CORRUPT:
        return "damaged data";
    case ERR_VERSION:
        return "data of another version";
    case ERR_LOCKED:
        return "locked by another process";
    case ERR_TIMEOUT:
        return "no answer in time";
    case ERR_CLOSED:
        return "closed";
    case ERR_RANGE:
        return "out of range";
    case ERR_UNSUPPORTED:
        return "not supported";
    }
    return "unknown error";
}
