/* The verbs of `teller rate` that are about published rates; those about the desk are in desk.c, with the table of all. argv[0] is
 * "rate latest" and so on. Each returns an exit code. */
#ifndef TELLER_COMMAND_RATE_H
#define TELLER_COMMAND_RATE_H

int rate_latest(int argc, char **argv);
int rate_asof(int argc, char **argv);
int rate_range(int argc, char **argv);
int rate_review(int argc, char **argv);
int rate_accept(int argc, char **argv);
int rate_reject(int argc, char **argv);
int rate_sources(int argc, char **argv);

#endif
