/* The active currencies of ISO 4217 (list one, 2026), with their decimals.
 *
 * Left out: funds (CLF, USN, ...), metals, the codes for tests and for no currency, units of account, and
 * codes withdrawn (ANG, BGN, CUC, HRK, SLL, ZWL).
 *
 * One list makes everything below at compile time. The lookup is one read of a table with a place for
 * each of the 26^3 codes: 17 KB, of which a few cache lines are ever touched.
 *
 * Invariant: entry 0 is no currency; all others are in the order of the alphabet. */
#include "actors/base/check.h"
#include "actors/base/money.h"

/* clang-format off */
#define CURRENCIES(ROW) \
    ROW(A, E, D, 2) ROW(A, F, N, 2) ROW(A, L, L, 2) ROW(A, M, D, 2) ROW(A, O, A, 2) \
    ROW(A, R, S, 2) ROW(A, U, D, 2) ROW(A, W, G, 2) ROW(A, Z, N, 2) ROW(B, A, M, 2) \
    ROW(B, B, D, 2) ROW(B, D, T, 2) ROW(B, H, D, 3) ROW(B, I, F, 0) ROW(B, M, D, 2) \
    ROW(B, N, D, 2) ROW(B, O, B, 2) ROW(B, R, L, 2) ROW(B, S, D, 2) ROW(B, T, N, 2) \
    ROW(B, W, P, 2) ROW(B, Y, N, 2) ROW(B, Z, D, 2) ROW(C, A, D, 2) ROW(C, D, F, 2) \
    ROW(C, H, F, 2) ROW(C, L, P, 0) ROW(C, N, Y, 2) ROW(C, O, P, 2) ROW(C, R, C, 2) \
    ROW(C, U, P, 2) ROW(C, V, E, 2) ROW(C, Z, K, 2) ROW(D, J, F, 0) ROW(D, K, K, 2) \
    ROW(D, O, P, 2) ROW(D, Z, D, 2) ROW(E, G, P, 2) ROW(E, R, N, 2) ROW(E, T, B, 2) \
    ROW(E, U, R, 2) ROW(F, J, D, 2) ROW(F, K, P, 2) ROW(G, B, P, 2) ROW(G, E, L, 2) \
    ROW(G, H, S, 2) ROW(G, I, P, 2) ROW(G, M, D, 2) ROW(G, N, F, 0) ROW(G, T, Q, 2) \
    ROW(G, Y, D, 2) ROW(H, K, D, 2) ROW(H, N, L, 2) ROW(H, T, G, 2) ROW(H, U, F, 2) \
    ROW(I, D, R, 2) ROW(I, L, S, 2) ROW(I, N, R, 2) ROW(I, Q, D, 3) ROW(I, R, R, 2) \
    ROW(I, S, K, 0) ROW(J, M, D, 2) ROW(J, O, D, 3) ROW(J, P, Y, 0) ROW(K, E, S, 2) \
    ROW(K, G, S, 2) ROW(K, H, R, 2) ROW(K, M, F, 0) ROW(K, P, W, 2) ROW(K, R, W, 0) \
    ROW(K, W, D, 3) ROW(K, Y, D, 2) ROW(K, Z, T, 2) ROW(L, A, K, 2) ROW(L, B, P, 2) \
    ROW(L, K, R, 2) ROW(L, R, D, 2) ROW(L, S, L, 2) ROW(L, Y, D, 3) ROW(M, A, D, 2) \
    ROW(M, D, L, 2) ROW(M, G, A, 2) ROW(M, K, D, 2) ROW(M, M, K, 2) ROW(M, N, T, 2) \
    ROW(M, O, P, 2) ROW(M, R, U, 2) ROW(M, U, R, 2) ROW(M, V, R, 2) ROW(M, W, K, 2) \
    ROW(M, X, N, 2) ROW(M, Y, R, 2) ROW(M, Z, N, 2) ROW(N, A, D, 2) ROW(N, G, N, 2) \
    ROW(N, I, O, 2) ROW(N, O, K, 2) ROW(N, P, R, 2) ROW(N, Z, D, 2) ROW(O, M, R, 3) \
    ROW(P, A, B, 2) ROW(P, E, N, 2) ROW(P, G, K, 2) ROW(P, H, P, 2) ROW(P, K, R, 2) \
    ROW(P, L, N, 2) ROW(P, Y, G, 0) ROW(Q, A, R, 2) ROW(R, O, N, 2) ROW(R, S, D, 2) \
    ROW(R, U, B, 2) ROW(R, W, F, 0) ROW(S, A, R, 2) ROW(S, B, D, 2) ROW(S, C, R, 2) \
    ROW(S, D, G, 2) ROW(S, E, K, 2) ROW(S, G, D, 2) ROW(S, H, P, 2) ROW(S, L, E, 2) \
    ROW(S, O, S, 2) ROW(S, R, D, 2) ROW(S, S, P, 2) ROW(S, T, N, 2) ROW(S, V, C, 2) \
    ROW(S, Y, P, 2) ROW(S, Z, L, 2) ROW(T, H, B, 2) ROW(T, J, S, 2) ROW(T, M, T, 2) \
    ROW(T, N, D, 3) ROW(T, O, P, 2) ROW(T, R, Y, 2) ROW(T, T, D, 2) ROW(T, W, D, 2) \
    ROW(T, Z, S, 2) ROW(U, A, H, 2) ROW(U, G, X, 0) ROW(U, S, D, 2) ROW(U, Y, U, 2) \
    ROW(U, Z, S, 2) ROW(V, E, D, 2) ROW(V, E, S, 2) ROW(V, N, D, 0) ROW(V, U, V, 0) \
    ROW(W, S, T, 2) ROW(X, A, F, 0) ROW(X, C, D, 2) ROW(X, C, G, 2) ROW(X, O, F, 0) \
    ROW(X, P, F, 0) ROW(Y, E, R, 2) ROW(Z, A, R, 2) ROW(Z, M, W, 2) ROW(Z, W, G, 2)

enum {
    LETTER_A, LETTER_B, LETTER_C, LETTER_D, LETTER_E, LETTER_F, LETTER_G, LETTER_H, LETTER_I,
    LETTER_J, LETTER_K, LETTER_L, LETTER_M, LETTER_N, LETTER_O, LETTER_P, LETTER_Q, LETTER_R,
    LETTER_S, LETTER_T, LETTER_U, LETTER_V, LETTER_W, LETTER_X, LETTER_Y, LETTER_Z,
    LETTER_COUNT,
};
/* clang-format on */

#define INDEX_OF_ROW(a, b, c, exponent) CURRENCY_##a##b##c,
enum { CURRENCY_BEFORE_FIRST = CURRENCY_NONE, CURRENCIES(INDEX_OF_ROW) CURRENCY_COUNT };

#define ENTRY_OF_ROW(a, b, c, exponent) [CURRENCY_##a##b##c] = {#a #b #c, exponent},
static const struct currency currencies[CURRENCY_COUNT] = {CURRENCIES(ENTRY_OF_ROW)};

#define PLACE(a, b, c) (((a)*LETTER_COUNT + (b)) * LETTER_COUNT + (c))
#define PLACE_OF_ROW(a, b, c, exponent) [PLACE(LETTER_##a, LETTER_##b, LETTER_##c)] = CURRENCY_##a##b##c,
static const currency_index index_by_letters[LETTER_COUNT * LETTER_COUNT * LETTER_COUNT] = {
    CURRENCIES(PLACE_OF_ROW)};

_Static_assert(CURRENCY_COUNT <= UINT8_MAX, "a currency_index is one byte");

size_t currency_count(void)
{
    return CURRENCY_COUNT;
}

const struct currency *currency_at(currency_index index)
{
    CHECK(index > CURRENCY_NONE && index < CURRENCY_COUNT);
    return &currencies[index];
}

currency_index currency_find(const char *code, size_t length)
{
    if (length != CURRENCY_CODE_LENGTH)
        return CURRENCY_NONE;
    unsigned a = (unsigned)(unsigned char)code[0] - 'A';
    unsigned b = (unsigned)(unsigned char)code[1] - 'A';
    unsigned c = (unsigned)(unsigned char)code[2] - 'A';
    if (a >= LETTER_COUNT || b >= LETTER_COUNT || c >= LETTER_COUNT)
        return CURRENCY_NONE;
    return index_by_letters[PLACE(a, b, c)];
}
