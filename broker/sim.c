/* teller sim: hands the command line on to teller-sim, the simulator. That is a program of its own, because it links the store
 * with its disk calls led elsewhere, and because the server has no use for it. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/command.h"
#include "broker/options.h"

/* The path of this program. false: the system does not tell. */
static bool own_path(char *out, size_t capacity)
{
    ssize_t length = readlink("/proc/self/exe", out, capacity);
    if (length <= 0 || (size_t)length >= capacity)
        return false;
    out[length] = '\0';
    return true;
}

int command_sim(int argc, char **argv)
{
    /* Where it is installed, and where it is built. */
    static const char *const places[] = {"teller-sim", "../sim/teller-sim"};
    char own[PATH_MAX], name[PATH_MAX + 8], path[PATH_MAX + 32];
    char **arguments = calloc((size_t)argc + 1, sizeof *arguments);
    if (arguments == NULL || !own_path(own, sizeof own)) {
        fprintf(stderr, "teller sim: cannot find out where teller is\n");
        free(arguments);
        return EXIT_CODE_ERROR;
    }
    /* Its name is what it prints as the beginning of commands that replay a run. */
    snprintf(name, sizeof name, "%s sim", own);
    arguments[0] = name;
    memcpy(arguments + 1, argv + 1, (size_t)(argc - 1) * sizeof *arguments);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%.*s%s", (int)(strrchr(own, '/') + 1 - own), own, places[i]);
        execv(path, arguments);
    }
    fprintf(stderr, "teller sim: the simulator, teller-sim, is not beside teller: %s\n", strerror(errno));
    free(arguments);
    return EXIT_CODE_ERROR;
}
