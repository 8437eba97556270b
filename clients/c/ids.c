/* UUIDs of RFC 9562: version 7 (milliseconds since 1970, then random) and version 4 (random). */
#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "actors/base/check.h"
#include "clients/c/client.h"

enum { VERSION_4 = 0x40, VERSION_7 = 0x70, VARIANT = 0x80, ID_USES_MAX = 64 };

static void random_bytes(void *out, size_t length)
{
    ssize_t got;
    do {
        got = getrandom(out, length, 0);
    } while (got < 0 && errno == EINTR);
    CHECK(got == (ssize_t)length); /* whole, for so few bytes */
}

static uint64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void put_time(struct uuid *id, uint64_t ms)
{
    for (int i = 0; i < 6; i++)
        id->bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
}

static void put_version(struct uuid *id, uint8_t version)
{
    id->bytes[6] = (uint8_t)((id->bytes[6] & 0x0f) | version);
    id->bytes[8] = (uint8_t)((id->bytes[8] & 0x3f) | VARIANT);
}

struct uuid teller_id_new(void)
{
    struct uuid id;
    random_bytes(id.bytes, sizeof id.bytes);
    put_time(&id, clock_ms());
    put_version(&id, VERSION_7);
    return id;
}

struct uuid teller_id_new_random(void)
{
    struct uuid id;
    random_bytes(id.bytes, sizeof id.bytes);
    put_version(&id, VERSION_4);
    return id;
}

/* ---- a client's own generator: xoshiro256++ (Blackman and Vigna), seeded by the system ----------- */

void ids_seed(struct teller *self)
{
    random_bytes(self->random, sizeof self->random);
    self->random[0] |= 1; /* not all may be 0 */
    self->id_uses = ID_USES_MAX;
}

static uint64_t rotate(uint64_t value, unsigned bits)
{
    return value << bits | value >> (64 - bits);
}

uint64_t ids_random(struct teller *self)
{
    uint64_t *s = self->random;
    uint64_t result = rotate(s[0] + s[3], 23) + s[0];
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

/* Sets a new start: the time and 12 + 62 random bits, of which the highest is 0 to leave room to count up. */
static void id_restart(struct teller *self, uint64_t ms)
{
    self->id_ms = ms;
    self->id_high = ids_random(self) & 0x7ff;
    self->id_low = ids_random(self) >> 2;
}

/* From one id to the next the low part grows by a random step; the clock is read once in a while. */
static void id_advance(struct teller *self)
{
    if (self->id_uses++ >= ID_USES_MAX) {
        uint64_t now_ms = clock_ms();
        self->id_uses = 0;
        if (now_ms > self->id_ms) {
            id_restart(self, now_ms);
            return;
        }
    }
    self->id_low += 1 + (ids_random(self) >> 32);
    if (self->id_low >> 62 != 0) {
        self->id_low &= UINT64_MAX >> 2;
        self->id_high++;
    }
    if (self->id_high > 0xfff)
        id_restart(self, self->id_ms + 1);
}

struct uuid teller_id_next(struct teller *self)
{
    struct uuid id;
    id_advance(self);
    uint64_t first = htobe64(self->id_ms << 16 | UINT64_C(0x7000) | self->id_high);
    uint64_t second = htobe64(UINT64_C(2) << 62 | self->id_low);
    memcpy(id.bytes, &first, sizeof first);
    memcpy(id.bytes + sizeof first, &second, sizeof second);
    return id;
}
