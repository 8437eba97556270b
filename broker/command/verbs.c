#include "broker/command/verbs.h"

#include <stdio.h>
#include <string.h>

#include "broker/options.h"

static void print_verbs(const struct noun *noun, FILE *out)
{
    fprintf(out, "Usage: teller %s VERB [options]\n\n", noun->word);
    for (size_t i = 0; i < noun->count; i++)
        fprintf(out, "  %-12s %s\n", noun->verbs[i].word, noun->verbs[i].help);
    fprintf(out, "\n`teller %s VERB --help` tells more.\n\nExamples:\n%s", noun->word, noun->examples);
}

int verbs_run(const struct noun *noun, int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "teller %s: a verb is missing.\n", noun->word);
        print_verbs(noun, stderr);
        return EXIT_CODE_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_verbs(noun, stdout);
        return EXIT_CODE_OK;
    }
    for (size_t i = 0; i < noun->count; i++) {
        char name[32];
        if (strcmp(argv[1], noun->verbs[i].word) != 0)
            continue;
        snprintf(name, sizeof name, "%s %s", noun->word, noun->verbs[i].word);
        argv[1] = name;
        return noun->verbs[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr, "teller %s: there is no verb '%s'.\nSee: teller %s --help\n", noun->word, argv[1],
            noun->word);
    return EXIT_CODE_USAGE;
}
