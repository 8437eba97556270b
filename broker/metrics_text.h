/* The answer of metrics in Prometheus' text format, version 0.0.4.
 *
 * It is made of the msgpack form by a table of rows: where a figure stands, what it is called, what it means. A figure that is
 * not there, or is nil, has no line; one that has no row is not shown. Microseconds become seconds, written exactly, with six
 * decimals: no figure is ever a floating number.
 */
#ifndef TELLER_BROKER_METRICS_TEXT_H
#define TELLER_BROKER_METRICS_TEXT_H

#include "actors/base/str.h"
#include "broker/wire/msgpack.h"

/* sections: the body of an answer to metrics. The text is appended to out as bytes, not as a msgpack value. */
void metrics_text_write(struct str sections, struct mp_writer *out);

#endif
