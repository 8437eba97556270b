/* malloc, calloc and realloc of what runs on the disk, made to fail.
 *
 * A program that links sim_disk has these calls led here by the linker, as the calls to a disk are. They count, and fail when that is
 * planned, while a disk is current in the calling thread: so production code and LMDB meet it, and nobody else does. The simulator's
 * own code is built without this detour (CMakeLists.txt). Memory that the C library takes for itself is not counted.
 */
#ifndef TELLER_SIM_DISK_HEAP_H
#define TELLER_SIM_DISK_HEAP_H

#include <stdbool.h>
#include <stdint.h>

/* The nth allocation of this thread from now fails (1: the next), and with for_good all after it. 0: none does any more. */
void heap_fail(uint64_t nth, bool for_good);

/* What runs until heap_resume is somebody else's, and no allocation of it fails. They nest. */
void heap_pause(void);
void heap_resume(void);

/* How many have failed since the thread began. */
uint64_t heap_failed(void);

#endif
