/* teller-sim --script: cases of the scenario language, from files and folders. README.md describes the language.
 */
#ifndef TELLER_SIM_SCRIPT_SCRIPT_H
#define TELLER_SIM_SCRIPT_SCRIPT_H

/* argv[0] is the program's name in messages. Prints a line for each file. Returns an enum exit_code: OK, ERROR when a
 * case fails, USAGE when the command line is wrong. */
int script_command(int argc, char **argv);

#endif
