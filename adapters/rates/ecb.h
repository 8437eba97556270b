/* The European Central Bank's reference rates as XML: eurofxref-daily.xml, -hist-90d.xml and -hist.xml.
 *
 *     gesmes:Envelope > Cube > Cube time="2026-11-20" > Cube currency="USD" rate="1.0556"
 *
 * The three Cubes are in the namespace http://www.ecb.int/vocabulary/2002-08-01/eurofxref, the envelope in that of gesmes;
 * prefixes may be any. Other elements (subject, Sender) and other attributes are passed over. Published about 16:00 CET on
 * working days; the base is EUR. */
#ifndef TELLER_RATES_ECB_H
#define TELLER_RATES_ECB_H

#include "adapters/rates/rate_sheet.h"

/* ERR_INVALID, also for a DOCTYPE (so there are no entities), a document without a day, or a limit passed; ERR_NO_MEMORY. *why is
 * then a static phrase. *out: any content is overwritten; to be released by the caller. */
enum err ecb_read(const char *data, size_t length, struct rate_sheet *out, const char **why) MUST_USE;

#endif
