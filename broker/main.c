/* teller: the table of subcommands, and the words that belong to none. */
#include <stdio.h>
#include <string.h>

#include "broker/command.h"
#include "broker/options.h"

struct command {
    const char *name;
    const char *help; /* one line */
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"init", "make a data directory", command_init},
    {"bench", "measure a node", command_bench},
    {"serve", "serve a data directory", command_serve},
    {"verify", "check a data directory", command_verify},
    {"replay", "the books as of a past moment", command_replay},
    {"backup", "copy a data directory while it serves", command_backup},
    {"restore", "make a data directory from a backup", command_restore},
    {"export", "write the commands of a data directory, or the accounts of a node", command_export},
    {"account", "open, change, freeze, close, show, list accounts", command_account},
    {"deposit", "put money into an account", command_deposit},
    {"withdraw", "take money out of an account", command_withdraw},
    {"transfer", "move money, or show what became of a transfer", command_transfer},
    {"hold", "money set aside: open, capture, release, show, list", command_hold},
    {"rate", "rates and terms at the FX desk; published rates and their sources", command_rate},
    {"quote", "what one currency costs in another, for some seconds", command_quote},
    {"exchange", "use a quote: both legs or neither", command_exchange},
    {"proposal", "deposits and withdrawals that a second person approves", command_proposal},
    {"remittance", "money from a bank account to a bank account: open, show, list, retry and more",
     command_remittance},
    {"banks", "the banks of a node, and the calls that are open with them", command_banks},
    {"reconcile", "a bank's statement against the ledger", command_reconcile},
    {"balance", "what an account holds, now or then", command_balance},
    {"history", "what happened to an account", command_history},
    {"import", "carry out the lines of a file", command_import},
    {"events", "print events as they come", command_events},
    {"subscriber", "webhooks that are told of events", command_subscriber},
    {"deadletter", "events that a webhook has not taken", command_deadletter},
    {"status", "counters of a node", command_status},
    {"metrics", "figures of a node since it started", command_metrics},
    {"health", "whether a node serves", command_health},
    {"sim", "run the node in a simulated world, with faults", command_sim},
    {"rates-source", "a source of rates for tests, that does wrong by rule", command_rates_source},
    {"bank", "a bank for tests, that pays, and does wrong by rule", command_bank},
    {"version", "versions of a node and of this program", command_version},
};

enum { COMMAND_COUNT = sizeof commands / sizeof *commands, SUGGESTION_MAX = 3 };

static int print_help(void)
{
    printf("teller %s: a ledger that moves money, durably and exactly once.\n\n"
           "Usage: teller COMMAND [options]\n\nCommands:\n",
           TELLER_VERSION);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-12s %s\n", commands[i].name, commands[i].help);
    printf("\n`teller COMMAND --help` tells more, with examples. `teller --version` prints the version.\n\n"
           "Examples:\n"
           "  teller init --data ledger --partitions 2\n"
           "  teller serve --data ledger\n");
    return EXIT_CODE_OK;
}

static int refuse(const char *word)
{
    const struct command *nearest = NULL;
    size_t nearest_distance = SUGGESTION_MAX;
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        size_t distance = options_distance(word, commands[i].name);
        if (distance < nearest_distance && distance < strlen(commands[i].name)) {
            nearest = &commands[i];
            nearest_distance = distance;
        }
    }
    fprintf(stderr, "teller: there is no command '%s'.", word);
    if (nearest != NULL)
        fprintf(stderr, " Did you mean '%s'?", nearest->name);
    fprintf(stderr, "\nSee: teller --help\n");
    return EXIT_CODE_USAGE;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "teller: a command is missing.\nSee: teller --help\n");
        return EXIT_CODE_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return print_help();
    if (strcmp(argv[1], "--version") == 0) {
        printf("teller %s\n", TELLER_VERSION);
        return EXIT_CODE_OK;
    }
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    return refuse(argv[1]);
}
