/* How rails write a request: into the rail_request itself, without memory of their own.
 *
 * Everything that goes in is bounded before (settings at open, parties at name_job), so it always fits: what does not is a CHECK. The body is
 * either JSON or a form. */
#ifndef TELLER_RAILS_REQUEST_WRITE_H
#define TELLER_RAILS_REQUEST_WRITE_H

#include "actors/bank/rail.h"
#include "actors/base/str.h"

/* A new request; its URL is base and path, and, where id is not NULL, a slash and the id, percent-encoded. method is static. */
void request_begin(struct rail_request *out, const char *method, const char *base, const char *path,
                   const char *id);

void request_header(struct rail_request *out, const char *name, const char *value);
void request_bearer(struct rail_request *out, const char *token);

/* One more field of a form (application/x-www-form-urlencoded). */
void request_form(struct rail_request *out, const char *name, const char *value);

/* JSON, in order; commas are put where they belong. key: NULL in an array, and outside of everything. */
void request_open(struct rail_request *out, const char *key, char bracket);
void request_close(struct rail_request *out, char bracket);
void request_text(struct rail_request *out, const char *key, const char *text);
void request_str(struct rail_request *out, const char *key, struct str text);

#endif
