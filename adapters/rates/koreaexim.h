/* The Export-Import Bank of Korea's rates: exchangeJSON?authkey=…&searchdate=YYYYMMDD&data=AP01.
 *
 *     [{"result": 1, "cur_unit": "JPY(100)", "ttb": "935.66", "tts": "954.57", "deal_bas_r": "945.12", …}, …]
 *
 * Numbers are strings with thousands commas. The counter is KRW, `rate` is deal_bas_r, `buy` is ttb and `sell` is tts; "0" in one of
 * these two says that there is none. The row of KRW itself is skipped. CNH, the renminbi outside of China, is
 * published under that name, which ISO 4217 does not have. There are no rates on holidays and before about 11:00 in
 * Seoul: then the answer is [] or null. A key has 1,000 calls a day. */
#ifndef TELLER_RATES_KOREAEXIM_H
#define TELLER_RATES_KOREAEXIM_H

#include "adapters/rates/rate_sheet.h"

/* date: the searchdate that was asked for, as the answer does not tell it. No rates that day: ERR_OK and no row.
 * ERR_INVALID, also where a row's `result` is not 1 (2: the data code, 3: the key, 4: the calls of the day are used up; *why tells
 * which); ERR_NO_MEMORY (jansson, without memory, mostly finds the document invalid). *why is then a static phrase. *out: any
 * content is overwritten; to be released by the caller. */
enum err koreaexim_read(const char *data, size_t length, int32_t date, struct rate_sheet *out,
                        const char **why) MUST_USE;

#endif
