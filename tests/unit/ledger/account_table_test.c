/* Accounts by id and by owner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "actors/ledger/account_table.h"
#include "sim/counting_mem.h"

enum { MANY = 70000, OWNERS = 7 };

static struct str id_of(uint32_t number, char out[ACCOUNT_ID_MAX + 1])
{
    /* Lengths from 6 to 34: inline, just inline, and with a rest. */
    int length = snprintf(out, ACCOUNT_ID_MAX + 1, "%0*u", 6 + (int)(number % 29), number);
    return (struct str){out, (uint32_t)length};
}

static struct str owner_of(uint32_t number)
{
    static const struct str owners[OWNERS] = {{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1},
                                              {"e", 1}, {"f", 1}, {"g", 1}};
    return owners[number % OWNERS];
}

static void insert(struct account_table *table, uint32_t index, struct str owner)
{
    char id[ACCOUNT_ID_MAX + 1];
    assert_true(account_ensure(table, index));
    account_insert(table, index, id_of(index, id), owner, (struct str){0});
}

static void many_accounts_are_found_by_ids_of_any_length(void **state)
{
    struct counting_mem counting = {0};
    struct mem mem = counting_mem_port(&counting);
    struct account_table table;
    char id[ACCOUNT_ID_MAX + 1], copy[ACCOUNT_ID_MAX + 1];
    (void)state;
    assert_true(account_table_init(&table, &mem, 11));
    for (uint32_t i = 0; i < MANY; i++)
        insert(&table, i, owner_of(i));
    for (uint32_t i = 0; i < MANY; i++) {
        struct str text = id_of(i, id);
        assert_int_equal(account_find(&table, text, account_hash(&table, text)), i);
        assert_true(account_id_is(&table, i, text));
        assert_int_equal(account_id_copy(&table, i, copy), text.length);
        assert_string_equal(copy, id);
    }
    struct str missing = id_of(MANY, id);
    assert_int_equal(account_find(&table, missing, account_hash(&table, missing)), ACCOUNT_NONE);
    account_table_release(&table);
    assert_int_equal(counting.live_blocks, 0);
}

static void ids_that_differ_in_one_byte_or_in_length_are_different(void **state)
{
    struct counting_mem counting = {0};
    struct mem mem = counting_mem_port(&counting);
    struct account_table table;
    char text[ACCOUNT_ID_MAX + 1], other[ACCOUNT_ID_MAX + 1];
    (void)state;
    assert_true(account_table_init(&table, &mem, 11));
    for (uint32_t length = 1; length <= ACCOUNT_ID_MAX; length++) {
        for (uint32_t i = 0; i < length; i++)
            text[i] = (char)('a' + i % 26);
        struct str id = {text, length};
        uint32_t index = length - 1;
        assert_true(account_ensure(&table, index));
        account_insert(&table, index, id, STR_LITERAL("o"), (struct str){0});
        assert_true(account_id_is(&table, index, id));
        for (uint32_t i = 0; i < length; i++) {
            memcpy(other, text, length);
            other[i] = '#';
            assert_false(account_id_is(&table, index, (struct str){other, length}));
        }
        if (length > 1)
            assert_false(account_id_is(&table, index, (struct str){text, length - 1}));
    }
    account_table_release(&table);
}

/* Every account of the chain, in order of index. */
static void chain_is(const struct account_table *table, struct str owner, const uint32_t *expected,
                     size_t count)
{
    uint32_t index = account_owner_first(table, owner);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(index, expected[i]);
        index = account_more_at(table, index)->owner_next;
    }
    assert_int_equal(index, ACCOUNT_NONE);
}

static void the_accounts_of_an_owner_stand_in_order_whatever_order_they_join_in(void **state)
{
    struct counting_mem counting = {0};
    struct mem mem = counting_mem_port(&counting);
    struct account_table table;
    const struct str a = STR_LITERAL("ann"), b = STR_LITERAL("ben");
    (void)state;
    assert_true(account_table_init(&table, &mem, 11));
    static const uint32_t order[] = {4, 0, 5, 2, 1, 3};
    for (size_t i = 0; i < 6; i++)
        insert(&table, order[i], order[i] % 2 ? a : b);
    chain_is(&table, a, (const uint32_t[]){1, 3, 5}, 3);
    chain_is(&table, b, (const uint32_t[]){0, 2, 4}, 3);
    assert_true(account_ensure_names(&table));
    account_set_owner(&table, 2, a);
    chain_is(&table, a, (const uint32_t[]){1, 2, 3, 5}, 4);
    chain_is(&table, b, (const uint32_t[]){0, 4}, 2);
    account_set_owner(&table, 5, b);
    account_set_owner(&table, 1, b);
    chain_is(&table, a, (const uint32_t[]){2, 3}, 2);
    chain_is(&table, b, (const uint32_t[]){0, 1, 4, 5}, 4);
    account_set_owner(&table, 2, b);
    account_set_owner(&table, 3, b);
    chain_is(&table, a, NULL, 0);
    account_set_owner(&table, 0, a);
    chain_is(&table, a, (const uint32_t[]){0}, 1);
    assert_int_equal(account_owner_first(&table, STR_LITERAL("nobody")), ACCOUNT_NONE);
    account_table_release(&table);
    assert_int_equal(counting.live_blocks, 0);
}

static void without_memory_there_is_no_room_and_accounts_stay(void **state)
{
    struct counting_mem counting = {0};
    struct mem mem = counting_mem_port(&counting);
    struct account_table table;
    char id[ACCOUNT_ID_MAX + 1];
    (void)state;
    assert_true(account_table_init(&table, &mem, 11));
    for (uint32_t i = 0; i < 40000; i++) {
        struct str text = id_of(i, id);
        counting_mem_fail(&counting, 1 + i % 4, 2);
        while (!account_ensure(&table, i))
            counting_mem_fail(&counting, 0, 0);
        account_insert(&table, i, text, owner_of(i), (struct str){0});
    }
    for (uint32_t i = 0; i < 40000; i++)
        assert_int_equal(account_find(&table, id_of(i, id), account_hash(&table, id_of(i, id))), i);
    account_table_release(&table);
    assert_int_equal(counting.live_blocks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_accounts_are_found_by_ids_of_any_length),
        cmocka_unit_test(ids_that_differ_in_one_byte_or_in_length_are_different),
        cmocka_unit_test(the_accounts_of_an_owner_stand_in_order_whatever_order_they_join_in),
        cmocka_unit_test(without_memory_there_is_no_room_and_accounts_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
