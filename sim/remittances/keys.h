/* RSA keys (PEM) of the bank that signs events and of the client that signs requests, in the world of remittances. */
#ifndef TELLER_SIM_REMITTANCES_KEYS_H
#define TELLER_SIM_REMITTANCES_KEYS_H

extern const char REMIT_BANK_KEY[], REMIT_BANK_PUBLIC_KEY[];
extern const char REMIT_CLIENT_KEY[], REMIT_CLIENT_PUBLIC_KEY[];

#endif
