/* teller-sim: the simulator as a program of its own, because it links the store with its disk calls led elsewhere. `teller
 * sim` starts it. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "actors/base/check.h"
#include "sim/command/session.h"
#include "sim/script/script.h"

/* Ctrl-C is something to read, not something that interrupts: the session ends with its summary. */
static int signals_as_fd(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGHUP);
    CHECK(sigprocmask(SIG_BLOCK, &signals, NULL) == 0);
    signal(SIGPIPE, SIG_IGN); /* whoever reads the output may go: what is on disk is tidied up all the same */
    int fd = signalfd(-1, &signals, SFD_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

int main(int argc, char **argv)
{
    static char name[] = "sim"; /* for messages: "teller sim: …" */
    struct sim_options options;
    const char *program = argc > 0 ? argv[0] : "teller-sim";
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        printf("teller-sim %s\n", TELLER_VERSION);
        return EXIT_CODE_OK;
    }
    if (argc > 0)
        argv[0] = name;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--script") == 0)
            return script_command(argc, argv);
    }
    enum options_result result = sim_options_read(&options, argc, argv);
    int code = options_exit_code(result);
    if (result == OPTIONS_OK) {
        int stop_fd = signals_as_fd();
        options.program = program;
        code = session_run(&options, stop_fd, stdout);
        close(stop_fd);
    }
    sim_options_release(&options);
    return code;
}
