/* The line of progress. */
#include "sim/command/progress.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "sim/command/report.h"

#define SECOND_US INT64_C(1000000)

enum { BAR_WIDTH = 24, TERMINAL_PAUSE_US = 150000, PLAIN_PAUSE_SECONDS = 20 };

void progress_init(struct progress *self, FILE *out)
{
    int64_t now_us = pool_real_us();
    *self = (struct progress){.out = out, .began_us = now_us, .last_us = now_us};
    self->is_terminal = out != NULL && isatty(fileno(out));
}

static void print_figures(const struct progress *self, const struct totals *totals, uint64_t all)
{
    int64_t real_us = pool_real_us() - self->began_us;
    int64_t tenths = totals->simulated_us / (360 * SECOND_US);
    fprintf(self->out, "%" PRIu64, totals->seeds);
    if (all > 0)
        fprintf(self->out, "/%" PRIu64, all);
    fprintf(self->out,
            " seeds, %" PRId64 ".%" PRId64 " hours, %" PRId64 " times real time, %" PRIu64 " broke",
            tenths / 10, tenths % 10, real_us > 0 ? totals->simulated_us / real_us : 0, totals->failures);
}

static void print_bar(const struct progress *self, uint64_t done, uint64_t all)
{
    char bar[BAR_WIDTH + 1];
    size_t filled = done < all ? (size_t)(done * BAR_WIDTH / all) : BAR_WIDTH;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', filled);
    bar[BAR_WIDTH] = '\0';
    fprintf(self->out, "[%s] ", bar);
}

void progress_show(struct progress *self, const struct totals *totals, uint64_t all)
{
    int64_t now_us = pool_real_us();
    int64_t pause_us = self->is_terminal ? TERMINAL_PAUSE_US : PLAIN_PAUSE_SECONDS * SECOND_US;
    if (self->out == NULL || now_us - self->last_us < pause_us)
        return;
    self->last_us = now_us;
    if (self->is_terminal) {
        fputs("\r\033[K", self->out);
        if (all > 0)
            print_bar(self, totals->seeds, all);
    }
    print_figures(self, totals, all);
    if (!self->is_terminal)
        fputc('\n', self->out);
    self->is_shown = self->is_terminal;
    fflush(self->out);
}

void progress_clear(struct progress *self)
{
    if (self->is_shown)
        fputs("\r\033[K", self->out);
    self->is_shown = false;
}
