/* The subcommands of teller. One that is added needs a line here and a line in the table of main.c.
 *
 * Each gets its own name as argv[0] and returns an enum exit_code (broker/options.h).
 */
#ifndef TELLER_BROKER_COMMAND_H
#define TELLER_BROKER_COMMAND_H

int command_account(int argc, char **argv);
int command_bank(int argc, char **argv);
int command_balance(int argc, char **argv);
int command_banks(int argc, char **argv);
int command_bench(int argc, char **argv);
int command_backup(int argc, char **argv);
int command_deadletter(int argc, char **argv);
int command_deposit(int argc, char **argv);
int command_events(int argc, char **argv);
int command_export(int argc, char **argv);
int command_export_data(int argc, char **argv);
int command_health(int argc, char **argv);
int command_history(int argc, char **argv);
int command_import(int argc, char **argv);
int command_init(int argc, char **argv);
int command_hold(int argc, char **argv);
int command_exchange(int argc, char **argv);
int command_proposal(int argc, char **argv);
int command_rates_source(int argc, char **argv);
int command_quote(int argc, char **argv);
int command_rate(int argc, char **argv);
int command_remittance(int argc, char **argv);
int command_reconcile(int argc, char **argv);
int command_replay(int argc, char **argv);
int command_restore(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_sim(int argc, char **argv);
int command_status(int argc, char **argv);
int command_subscriber(int argc, char **argv);
int command_metrics(int argc, char **argv);
int command_transfer(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_version(int argc, char **argv);
int command_withdraw(int argc, char **argv);

#endif
