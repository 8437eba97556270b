#include "broker/wire/figures.h"

#include "broker/wire/accounts.h"
#include "broker/wire/fields.h"

static const struct wire_key format_key = {{"format", 6}, FIELD_FORMAT};

enum code wire_metrics_read(const struct wire_header *header, bool *is_text, enum field *field)
{
    struct wire_values v;
    struct str format;
    *is_text = false;
    if (wire_nothing_read(header, field) == CODE_OK)
        return CODE_OK;
    enum code code = wire_body_values(header, &format_key, 1, &v, field);
    if (code != CODE_OK || mp_is_nil(&v.at[0]))
        return code;
    *is_text = mp_read_str(&v.at[0], &format) && str_equal(format, STR_LITERAL("text"));
    *field = *is_text ? FIELD_NONE : FIELD_FORMAT;
    return *is_text ? CODE_OK : CODE_INVALID_FIELD;
}

void wire_metrics_body_write(struct mp_writer *w, bool is_text)
{
    if (!is_text) {
        mp_write_nil(w);
        return;
    }
    mp_write_map(w, 1);
    mp_write_text(w, "format");
    mp_write_text(w, "text");
}

void wire_figure_write(struct mp_writer *w, const char *name, uint64_t value)
{
    mp_write_text(w, name);
    mp_write_uint(w, value);
}

static void write_buckets(struct mp_writer *w, const struct figures_histogram *histogram)
{
    uint32_t used = 0;
    for (size_t i = 0; i < FIGURES_BUCKETS; i++)
        used += histogram->buckets[i] > 0;
    mp_write_array(w, 2 * used);
    for (size_t i = 0; i < FIGURES_BUCKETS; i++) {
        if (histogram->buckets[i] == 0)
            continue;
        if (i == FIGURES_BUCKETS - 1)
            mp_write_nil(w);
        else
            mp_write_uint(w, figures_bound(i));
        mp_write_uint(w, histogram->buckets[i]);
    }
}

void wire_histogram_pairs_write(struct mp_writer *w, const struct figures_histogram *histogram)
{
    wire_figure_write(w, "count", histogram->count);
    wire_figure_write(w, "sum", histogram->sum);
    wire_figure_write(w, "max", histogram->max);
    wire_figure_write(w, "p50", figures_quantile(histogram, 500));
    wire_figure_write(w, "p90", figures_quantile(histogram, 900));
    wire_figure_write(w, "p99", figures_quantile(histogram, 990));
    mp_write_text(w, "buckets");
    write_buckets(w, histogram);
}

void wire_histogram_write(struct mp_writer *w, const char *name, const struct figures_histogram *histogram)
{
    mp_write_text(w, name);
    mp_write_map(w, WIRE_HISTOGRAM_PAIRS);
    wire_histogram_pairs_write(w, histogram);
}
