/* teller sim, teller rates-source and teller bank: hand the command line on to teller-sim, the simulator, and to teller-rates and teller-bank, a source of
 * rates and a bank that do wrong. They are programs of their own, because the first links the store with its disk calls led elsewhere, and
 * because the server has no use for them. */
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

/* places: relative to this program; where it is installed, and where it is built. Returns only where none of them is there. */
static int hand_on(int argc, char **argv, const char *const places[2])
{
    char own[PATH_MAX], name[PATH_MAX + 32], path[PATH_MAX + 48];
    char **arguments = calloc((size_t)argc + 1, sizeof *arguments);
    if (arguments == NULL || !own_path(own, sizeof own)) {
        fprintf(stderr, "teller %s: cannot find out where teller is\n", argv[0]);
        free(arguments);
        return EXIT_CODE_ERROR;
    }
    /* Its name is what the simulator prints as the beginning of commands that replay a run. */
    snprintf(name, sizeof name, "%s %s", own, argv[0]);
    arguments[0] = name;
    memcpy(arguments + 1, argv + 1, (size_t)(argc - 1) * sizeof *arguments);
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%.*s%s", (int)(strrchr(own, '/') + 1 - own), own, places[i]);
        execv(path, arguments);
    }
    fprintf(stderr, "teller %s: its program, %s, is not beside teller: %s\n", argv[0], places[0],
            strerror(errno));
    free(arguments);
    return EXIT_CODE_ERROR;
}

int command_sim(int argc, char **argv)
{
    static const char *const places[] = {"teller-sim", "../sim/teller-sim"};
    return hand_on(argc, argv, places);
}

int command_rates_source(int argc, char **argv)
{
    static const char *const places[] = {"teller-rates", "../sim/source/teller-rates"};
    return hand_on(argc, argv, places);
}

int command_bank(int argc, char **argv)
{
    static const char *const places[] = {"teller-bank", "../sim/bank/teller-bank"};
    return hand_on(argc, argv, places);
}
