#include "broker/rate_rows.h"

#include <stdlib.h>

/* By day, then as they stood: equal days keep the order of the codes, which is as good as any. */
static int by_day(const void *a, const void *b)
{
    const struct published_rate *x = a, *y = b;
    if (x->date != y->date)
        return x->date < y->date ? -1 : 1;
    int order = memcmp(x->base, y->base, CURRENCY_CODE_LENGTH);
    return order != 0 ? order : memcmp(x->counter, y->counter, CURRENCY_CODE_LENGTH);
}

struct published_rate *rate_rows_new(const struct rate_sheet *sheet, int64_t taken_us)
{
    struct published_rate *rows = calloc((size_t)sheet->count + 1, sizeof *rows);
    if (rows == NULL)
        return NULL;
    for (uint32_t i = 0; i < sheet->count; i++) {
        const struct rate_row *row = &sheet->rows[i];
        rows[i] = (struct published_rate){.date = row->date,
                                          .units = row->units,
                                          .rate = row->rate,
                                          .buy = row->buy,
                                          .sell = row->sell,
                                          .taken_us = taken_us};
        memcpy(rows[i].base, row->base, CURRENCY_CODE_LENGTH);
        memcpy(rows[i].counter, row->counter, CURRENCY_CODE_LENGTH);
    }
    qsort(rows, sheet->count, sizeof *rows, by_day);
    return rows;
}
