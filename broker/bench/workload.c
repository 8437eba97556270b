/* See workload.h.
 *
 * Ids stand in one array, 16 bytes each, partition after partition, so that drawing one costs one cache miss, which is
 * asked for early. A skewed draw reads a long row of samples made beforehand instead of computing a power each time.
 */
#include "broker/bench/workload.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/ledger/ledger.h"
#include "broker/bench/random.h"

enum { ID_STRIDE = 16, DIGITS_MIN = 7, SAMPLES = 1 << 20 };

/* A prime: multiplying by it scatters ranks over the accounts. */
#define SCATTER UINT64_C(2654435761)

struct workload {
    struct workload_options options;
    struct random_source random;
    uint32_t id_length;
    double cross_debt; /* of transfers that should have crossed by now */
    char (*ids)[ID_STRIDE];
    uint32_t first[LEDGER_PARTITIONS_MAX + 1]; /* partition p owns ids first[p] .. first[p + 1] - 1 */
    uint32_t *samples[LEDGER_PARTITIONS_MAX];  /* when skewed: accounts of the partition, drawn beforehand */
    uint32_t sample_at;
};

/* ---- ids -------------------------------------------------------------------------------------- */

static uint32_t id_write(const struct workload *self, uint32_t number, char out[ID_STRIDE])
{
    snprintf(out, ID_STRIDE, "a%0*u", (int)self->id_length - 1, number);
    return ledger_partition_of((struct str){out, self->id_length}, self->options.partitions);
}

static bool ids_write(struct workload *self)
{
    uint32_t next[LEDGER_PARTITIONS_MAX] = {0};
    char id[ID_STRIDE] = {0};
    char digits[ID_STRIDE];
    uint32_t digit_count = (uint32_t)snprintf(digits, sizeof digits, "%u", self->options.accounts);
    self->id_length = 1 + (digit_count > DIGITS_MIN ? digit_count : DIGITS_MIN);
    self->ids = malloc((size_t)self->options.accounts * ID_STRIDE);
    if (self->ids == NULL)
        return false;
    for (uint32_t i = 1; i <= self->options.accounts; i++)
        next[id_write(self, i, id)]++;
    for (uint32_t p = 0; p < self->options.partitions; p++) {
        uint32_t count = next[p];
        next[p] = self->first[p];
        self->first[p + 1] = self->first[p] + count;
        if (count < 2)
            return false;
    }
    for (uint32_t i = 1; i <= self->options.accounts; i++) {
        uint32_t p = id_write(self, i, id);
        memcpy(self->ids[next[p]++], id, ID_STRIDE);
    }
    return true;
}

/* ---- skew ------------------------------------------------------------------------------------- */

static uint32_t rank_of(const double *sums, uint32_t count, double wanted)
{
    uint32_t low = 0, high = count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (sums[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool samples_write(struct workload *self, uint32_t partition)
{
    uint32_t count = workload_count(self, partition);
    double *sums = malloc(count * sizeof *sums);
    uint32_t *samples = malloc(SAMPLES * sizeof *samples);
    self->samples[partition] = samples;
    if (sums != NULL && samples != NULL) {
        double sum = 0;
        for (uint32_t k = 0; k < count; k++)
            sums[k] = sum += pow(k + 1, -self->options.zipf);
        for (uint32_t i = 0; i < SAMPLES; i++) {
            double share = (double)(random_next(&self->random) >> 11) / (double)(UINT64_C(1) << 53);
            samples[i] = (uint32_t)(rank_of(sums, count, share * sum) * SCATTER % count);
        }
    }
    free(sums);
    return sums != NULL && samples != NULL;
}

/* ---- life ------------------------------------------------------------------------------------- */

struct workload *workload_new(const struct workload_options *options)
{
    struct workload *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    CHECK(options->accounts > 0 && options->partitions > 0 && options->partitions <= LEDGER_PARTITIONS_MAX);
    self->options = *options;
    if (options->partitions == 1)
        self->options.cross_share = 0;
    random_seed(&self->random);
    bool is_good = ids_write(self);
    for (uint32_t p = 0; is_good && options->zipf > 0 && p < options->partitions; p++)
        is_good = samples_write(self, p);
    if (!is_good)
        workload_destroy(&self);
    return self;
}

void workload_destroy(struct workload **self_p)
{
    struct workload *self = *self_p;
    if (self == NULL)
        return;
    *self_p = NULL;
    for (uint32_t p = 0; p < self->options.partitions; p++)
        free(self->samples[p]);
    free(self->ids);
    free(self);
}

/* ---- drawing ---------------------------------------------------------------------------------- */

uint32_t workload_count(const struct workload *self, uint32_t partition)
{
    return self->first[partition + 1] - self->first[partition];
}

static struct str id_at(const struct workload *self, uint32_t at)
{
    return (struct str){self->ids[at], self->id_length};
}

struct str workload_at(const struct workload *self, uint32_t partition, uint32_t at)
{
    CHECK(at < workload_count(self, partition));
    return id_at(self, self->first[partition] + at);
}

static uint32_t draw(struct workload *self, uint32_t partition)
{
    if (self->options.zipf > 0) {
        self->sample_at = (self->sample_at + 1) % SAMPLES;
        return self->first[partition] + self->samples[partition][self->sample_at];
    }
    return self->first[partition] + random_below(&self->random, workload_count(self, partition));
}

/* Debt is counted, not tossed for: half of the transfers means every second one. */
static bool is_crossing(struct workload *self)
{
    self->cross_debt += self->options.cross_share;
    if (self->cross_debt < 1)
        return false;
    self->cross_debt -= 1;
    return true;
}

static uint32_t other_partition(struct workload *self, uint32_t partition)
{
    uint32_t other = random_below(&self->random, self->options.partitions - 1);
    return other + (other >= partition);
}

/* Both are drawn again when they are the same, so that payers and payees stay equally skewed. */
static void draw_pair(struct workload *self, uint32_t partition, uint32_t *from, uint32_t *to)
{
    uint32_t payee =
        !self->options.hot_one && is_crossing(self) ? other_partition(self, partition) : partition;
    do {
        *from = draw(self, partition);
        *to = self->options.hot_one ? 0 : draw(self, payee);
    } while (*from == *to);
}

void workload_draw(struct workload *self, uint32_t partition, struct workload_pair *pairs, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t from, to;
        draw_pair(self, partition, &from, &to);
        __builtin_prefetch(self->ids[from]);
        __builtin_prefetch(self->ids[to]);
        pairs[i] = (struct workload_pair){id_at(self, from), id_at(self, to)};
    }
}

struct str workload_account(struct workload *self, uint32_t partition)
{
    return id_at(self, draw(self, partition));
}
