#include "actors/ledger/shell/commit_writer.h"

#include <time.h>

#include "actors/base/check.h"
#include "actors/base/handover.h"

enum { IDLE_STEPS = 64 }; /* after a job, as long as no other comes */

/* The pipe carries a job's address, or czmq's "$TERM". */
static struct commit_job *job_receive(void *socket, int flags, bool *end)
{
    char bytes[16];
    struct commit_job *job = NULL;
    int length = zmq_recv(socket, bytes, sizeof bytes, flags);
    *end = length >= 0 && length != (int)sizeof(struct commit_job *);
    if (length == (int)sizeof(struct commit_job *)) {
        memcpy(&job, bytes, sizeof(struct commit_job *));
        handover_take(job);
    }
    return job;
}

static void job_send(void *socket, struct commit_job *job)
{
    handover_give(job);
    int sent = zmq_send(socket, &job, sizeof(struct commit_job *), 0);
    CHECK(sent == (int)sizeof(struct commit_job *));
}

void commit_writer_run(struct commit_job *job)
{
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    commit_job_run(job);
    clock_gettime(CLOCK_MONOTONIC, &end);
    int64_t took_ns = (int64_t)(end.tv_sec - start.tv_sec) * 1000000000 + (end.tv_nsec - start.tv_nsec);
    job->took_us = (uint64_t)took_ns / 1000;
}

static void writer_main(zsock_t *pipe, void *argument)
{
    (void)argument;
    bool end = false;
    check_enter("commit writer");
    zsock_signal(pipe, 0);
    struct journal *journal = NULL;
    int idle_steps = 0;
    while (!end) {
        struct commit_job *job = job_receive(zsock_resolve(pipe), idle_steps > 0 ? ZMQ_DONTWAIT : 0, &end);
        if (job) {
            journal = job->journal;
            commit_writer_run(job);
            job_send(zsock_resolve(pipe), job);
            idle_steps = journal ? IDLE_STEPS : 0;
        } else if (idle_steps > 0) {
            journal_idle(journal);
            idle_steps--;
        }
    }
}

zactor_t *commit_writer_new(void)
{
    return zactor_new(writer_main, NULL);
}

void commit_writer_give(zactor_t *writer, struct commit_job *job)
{
    job_send(zsock_resolve(writer), job);
}

struct commit_job *commit_writer_take(zactor_t *writer)
{
    bool end;
    return job_receive(zsock_resolve(writer), ZMQ_DONTWAIT, &end);
}
