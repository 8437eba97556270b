/* Commands that are a noun and a verb: "teller hold open". One table tells the help, the mistakes and who runs. */
#ifndef TELLER_COMMAND_VERBS_H
#define TELLER_COMMAND_VERBS_H

#include <stddef.h>

struct verb {
    const char *word;
    const char *help;
    int (*run)(int argc, char **argv); /* argv[0] is "NOUN VERB" */
};

struct noun {
    const char *word, *examples;
    const struct verb *verbs;
    size_t count;
};

/* argv[0] is the noun, argv[1] the verb or --help. Returns an exit code. */
int verbs_run(const struct noun *noun, int argc, char **argv);

#endif
