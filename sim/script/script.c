/* The command: finds the files, plays each in a child process, says what became of it. */
#include "sim/script/script.h"

#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "actors/base/check.h"
#include "broker/options.h"
#include "sim/disk/disk.h"
#include "sim/script/case.h"

enum { ARGUMENTS_MAX = 1000, JOBS_MAX = 64, BAD_TURNS_MAX = 20, SAID_MAX = 4000, HEAP_KEPT = 1 << 30 };

struct command {
    bool is_traced, is_script, is_each_failure;
    uint64_t jobs, every;
    char **paths;
    size_t count, capacity;
};

/* A case in a child. */
struct running {
    pid_t pid; /* 0: free */
    const char *path;
    char *title;
    struct case_file file;
    struct case_state *state; /* shared with it */
    FILE *said;               /* its standard error */
    int64_t began_us;
};

struct totals {
    uint64_t cases, turns, failures, failed;
};

static int64_t real_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* ---- files ------------------------------------------------------------------------------------ */

static void add_path(struct command *self, const char *path)
{
    if (self->count == self->capacity) {
        self->capacity = self->capacity ? 2 * self->capacity : 128;
        self->paths = reallocarray(self->paths, self->capacity, sizeof *self->paths);
        CHECK(self->paths);
    }
    self->paths[self->count] = strdup(path);
    CHECK(self->paths[self->count++]);
}

static int is_case(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".scn") == 0;
}

/* All cases of a folder in the order of their names; false: it cannot be read. */
static bool add_folder(struct command *self, const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, is_case, alphasort);
    for (int i = 0; i < count; i++) {
        char *path = NULL;
        CHECK(asprintf(&path, "%s/%s", folder, entries[i]->d_name) > 0);
        add_path(self, path);
        free(path);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
    return count >= 0;
}

static bool find_files(struct command *self, const char *const *arguments)
{
    for (int i = 0; i < ARGUMENTS_MAX && arguments[i]; i++) {
        struct stat there;
        bool is_there = stat(arguments[i], &there) == 0;
        if (is_there && !S_ISDIR(there.st_mode))
            add_path(self, arguments[i]);
        else if (!is_there || !add_folder(self, arguments[i])) {
            fprintf(stderr, "teller sim: %s: %s\n", arguments[i], strerror(errno));
            return false;
        }
    }
    if (self->count == 0)
        fprintf(stderr, "teller sim: there is no case (*.scn)\n");
    return self->count > 0;
}

/* ---- children --------------------------------------------------------------------------------- */

static _Noreturn void child_main(const struct command *self, struct running *running, pid_t parent)
{
    struct rlimit no_core = {0, 0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || (!self->is_traced && dup2(fileno(running->said), STDERR_FILENO) < 0))
        _exit(EXIT_FAILURE);
    setrlimit(RLIMIT_CORE, &no_core);
    /* Worlds come and go: their memory stays with the process, already there for the next one. */
    mallopt(M_MMAP_THRESHOLD, HEAP_KEPT);
    mallopt(M_TRIM_THRESHOLD, HEAP_KEPT);
    FILE *trace = self->is_traced ? stdout : NULL;
    if (self->is_each_failure)
        case_play_each_failure(&running->file, self->every, trace, running->state);
    else
        case_play(&running->file, trace, running->state);
    running->state->is_done = true;
    case_release(&running->file);
    free(running->title);
    exit(EXIT_SUCCESS);
}

static void launch(const struct command *self, struct running *running)
{
    fflush(NULL);
    pid_t parent = getpid();
    running->pid = fork();
    CHECK(running->pid >= 0);
    if (running->pid == 0)
        child_main(self, running, parent);
}

static void start(const struct command *self, struct running *running, const char *path,
                  struct totals *totals)
{
    char what[CASE_WHAT_MAX];
    if (!case_read(&running->file, path, what, sizeof what)) {
        printf("FAIL  %s\n", what);
        case_release(&running->file);
        totals->cases++;
        totals->failed++;
        return;
    }
    if (self->is_each_failure && !case_is_each_failure(&running->file)) {
        case_release(&running->file);
        return;
    }
    totals->cases++;
    running->path = path;
    running->title = case_title(&running->file);
    running->said = tmpfile();
    running->state =
        mmap(NULL, sizeof *running->state, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(running->title && running->said && running->state != MAP_FAILED);
    CHECK(disk_root_make(running->state->home, sizeof running->state->home));
    running->began_us = real_us();
    launch(self, running);
}
/* Why a child did not come to its end: what it said, and how it ended. */
static void print_death(struct running *running, int status)
{
    char said[SAID_MAX];
    rewind(running->said);
    size_t length = fread(said, 1, sizeof said - 1, running->said);
    said[length] = '\0';
    printf("FAIL  %s%s%s%s\n", running->path, running->state->where[0] ? " (" : "", running->state->where,
           running->state->where[0] ? ")" : "");
    if (WIFSIGNALED(status))
        printf("      %s\n",
               WTERMSIG(status) == SIGALRM ? "it does not come to an end" : strsignal(WTERMSIG(status)));
    printf("%s%s", said, length > 0 && said[length - 1] != '\n' ? "\n" : "");
}

static void finish(const struct command *self, struct running *running, int status, struct totals *totals)
{
    struct case_state *state = running->state;
    const char *name = strrchr(running->path, '/') ? strrchr(running->path, '/') + 1 : running->path;
    bool is_dead = !state->is_done || !WIFEXITED(status) || WEXITSTATUS(status) != EXIT_SUCCESS;
    if (is_dead && self->is_each_failure && !state->is_done && ++state->bad_turns < BAD_TURNS_MAX) {
        print_death(running, status);
        CHECK(ftruncate(fileno(running->said), 0) == 0);
        rewind(running->said);
        launch(self, running); /* it goes on with the next failure */
        return;
    }
    is_dead = is_dead || (state->bad_turns > 0 && !state->has_failed);
    totals->turns += state->turns;
    totals->failures += state->failures;
    totals->failed += state->has_failed || is_dead;
    if (state->has_failed)
        printf("FAIL  %s%s\n", state->what, state->bad_turns > 1 ? ", and more" : "");
    else if (is_dead)
        print_death(running, status);
    else
        printf("ok    %-44s %5llu %-5s %6lld ms  %s\n", name, (unsigned long long)state->turns,
               state->turns == 1 ? "turn" : "turns", (long long)(real_us() - running->began_us) / 1000,
               running->title);
    fflush(stdout);
    disk_root_remove(running->state->home);
    munmap(running->state, sizeof *running->state);
    fclose(running->said);
    free(running->title);
    case_release(&running->file);
    running->pid = 0;
}

/* Waits for one of them. */
static void wait_one(const struct command *self, struct running *all, size_t count, struct totals *totals)
{
    int status;
    pid_t pid = waitpid(-1, &status, 0);
    CHECK(pid > 0);
    for (size_t i = 0; i < count; i++) {
        if (all[i].pid == pid) {
            finish(self, &all[i], status, totals);
            return;
        }
    }
}

static void play_all(const struct command *self, struct totals *totals)
{
    struct running all[JOBS_MAX] = {0};
    size_t jobs = self->is_traced ? 1 : (size_t)self->jobs, running = 0;
    for (size_t next = 0; next < self->count || running > 0;) {
        size_t slot = 0;
        while (slot < jobs && all[slot].pid != 0)
            slot++;
        if (next < self->count && slot < jobs)
            start(self, &all[slot], self->paths[next++], totals);
        else if (running > 0)
            wait_one(self, all, jobs, totals);
        running = 0;
        for (size_t i = 0; i < jobs; i++)
            running += all[i].pid != 0;
    }
}

/* ---- the command line ------------------------------------------------------------------------- */

static const char summary[] =
    "Plays cases of the scenario language (sim/script/README.md): commands, faults and expectations in "
    "virtual time.\nA folder stands for all its *.scn files.\n"
    "Exit code: 0 all are fine, 1 one failed, 2 wrong usage.";

static const char examples[] =
    "  teller sim --script sim/script/cases             all cases\n"
    "  teller sim --script one.scn --trace              everything that happens in one";

int script_command(int argc, char **argv)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct command self = {.every = 1, .jobs = cores > 0 && cores <= JOBS_MAX ? (uint64_t)cores : 1};
    struct totals totals = {0};
    const char *arguments[ARGUMENTS_MAX] = {0};
    const struct option_row rows[] = {
        {"script", &self.is_script, NULL, "play cases", 0, 0, OPTION_FLAG, 0, false},
        {"each-failure", &self.is_each_failure, NULL,
         "play the cases marked so once for each call to a disk and each allocation, which fails", 0, 0,
         OPTION_FLAG, 0, false},
        {"every", &self.every, "N", "with --each-failure: of the failures of a kind only each Nth (1)", 1, 0,
         OPTION_NUMBER, 0, false},
        {"trace", &self.is_traced, NULL, "print every event", 0, 0, OPTION_FLAG, 0, false},
        {"jobs", &self.jobs, "N", "cases at the same time (one for each core)", 1, JOBS_MAX, OPTION_NUMBER,
         'j', false},
    };
    const struct manual manual = {.usage = "teller sim --script FILE-or-folder … [options]",
                                  .summary = summary,
                                  .examples = examples,
                                  .options = rows,
                                  .option_count = sizeof rows / sizeof *rows,
                                  .argument_min = 1,
                                  .argument_max = ARGUMENTS_MAX};
    enum options_result result = options_read(&manual, argc, argv, arguments);
    if (result != OPTIONS_OK)
        return options_exit_code(result);
    int code = EXIT_CODE_USAGE;
    if (find_files(&self, arguments)) {
        play_all(&self, &totals);
        printf("%llu cases, %llu turns, %llu calls and allocations failed; %llu cases failed\n",
               (unsigned long long)totals.cases, (unsigned long long)totals.turns,
               (unsigned long long)totals.failures, (unsigned long long)totals.failed);
        code = totals.failed > 0 ? EXIT_CODE_ERROR : EXIT_CODE_OK;
    }
    for (size_t i = 0; i < self.count; i++)
        free(self.paths[i]);
    free(self.paths);
    return code;
}
