/* The memory that ledger actors give their cores: the heap for small things, pages of their own, huge where
 * possible, for tables. Fresh pages cost nothing until they are used. */
#ifndef TELLER_LEDGER_MEMORY_H
#define TELLER_LEDGER_MEMORY_H

#include "actors/base/mem.h"

struct mem memory_pages(void);

#endif
