#include "broker/process_limits.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/* Of a node: router, publisher, rate feed, bank adapter, gateway, input and output, clean-up. Of a partition: ledger, two commit writers, reader. */
enum { THREADS = 7, THREADS_PER_PARTITION = 4 };

/* Counted in /proc: 17 + 19 for each partition + one for each pair of them. The rest is for some clients. */
enum { DESCRIPTORS = 64, DESCRIPTORS_PER_PARTITION = 24 };

static bool has_descriptors(uint32_t partitions, uint32_t connections, char *why, size_t capacity)
{
    struct rlimit limit;
    rlim_t need = DESCRIPTORS + (rlim_t)DESCRIPTORS_PER_PARTITION * partitions +
                  (rlim_t)partitions * partitions + connections;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return true;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_max >= need)
        return true;
    snprintf(
        why, capacity,
        "the limit of open files is %llu; %u partitions and some clients need %llu. Raise it (ulimit -n)",
        (unsigned long long)limit.rlim_max, partitions, (unsigned long long)need);
    return false;
}

/* A thread that allocates reserves address space for it, as each of ours will: without that, threads that can be started one by
 * one may not find room beside each other. */
static void *wait_at(void *gate)
{
    void *volatile touched = malloc(1);
    free(touched);
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

/* Starts as many threads as there will be, all at once, and ends them again. */
static bool has_threads(uint32_t partitions, char *why, size_t capacity)
{
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    size_t need = THREADS + (size_t)THREADS_PER_PARTITION * partitions, started = 0;
    pthread_t *threads = calloc(need, sizeof *threads);
    pthread_mutex_lock(&gate);
    while (threads && started < need && pthread_create(&threads[started], NULL, wait_at, &gate) == 0)
        started++;
    pthread_mutex_unlock(&gate);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    free(threads);
    pthread_mutex_destroy(&gate);
    if (started == need)
        return true;
    snprintf(why, capacity,
             "only %zu of %zu threads can be started. Raise the limits of memory and processes (ulimit -v, "
             "ulimit -u)",
             started, need);
    return false;
}

bool process_limits_prepare(uint32_t partitions, uint32_t connections, char *why, size_t capacity)
{
    return has_descriptors(partitions, connections, why, capacity) && has_threads(partitions, why, capacity);
}
