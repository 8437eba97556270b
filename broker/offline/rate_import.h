/* teller rate import: a file of published rates into a data directory that is not served. */
#ifndef TELLER_OFFLINE_RATE_IMPORT_H
#define TELLER_OFFLINE_RATE_IMPORT_H

/* argv[0] is "rate import". Returns an enum exit_code. */
int rate_import(int argc, char **argv);

#endif
