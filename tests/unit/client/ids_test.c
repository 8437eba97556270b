/* Ids are what RFC 9562 says, and are never the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <time.h>

#include "clients/c/teller.h"

enum { MANY = 20000 };

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct uuid));
}

static void check_all_differ(struct uuid *ids)
{
    qsort(ids, MANY, sizeof *ids, compare);
    for (size_t i = 1; i < MANY; i++)
        assert_false(uuid_equal(&ids[i - 1], &ids[i]));
}

static uint64_t time_of(const struct uuid *id)
{
    uint64_t ms = 0;
    for (int i = 0; i < 6; i++)
        ms = ms << 8 | id->bytes[i];
    return ms;
}

static void an_id_has_its_version_and_variant(void **state)
{
    (void)state;
    struct teller_options options = teller_options_default();
    struct teller *client = teller_new(&options);
    assert_non_null(client);
    for (int i = 0; i < 1000; i++) {
        const struct uuid ids[] = {teller_id_new(), teller_id_next(client), teller_id_new_random()};
        const int versions[] = {7, 7, 4};
        for (size_t j = 0; j < 3; j++) {
            assert_int_equal(ids[j].bytes[6] >> 4, versions[j]);
            assert_int_equal(ids[j].bytes[8] >> 6, 2);
        }
    }
    teller_destroy(&client);
}

static void ids_of_version_7_begin_with_the_time(void **state)
{
    (void)state;
    struct teller_options options = teller_options_default();
    struct teller *client = teller_new(&options);
    uint64_t before_ms = (uint64_t)time(NULL) * 1000;
    struct uuid ids[] = {teller_id_new(), teller_id_next(client)};
    uint64_t after_ms = (uint64_t)time(NULL) * 1000 + 1000;
    for (size_t i = 0; i < 2; i++)
        assert_in_range(time_of(&ids[i]), before_ms, after_ms);
    teller_destroy(&client);
}

static void ids_of_a_client_ascend_strictly(void **state)
{
    (void)state;
    struct teller_options options = teller_options_default();
    struct teller *client = teller_new(&options);
    struct uuid before = teller_id_next(client);
    for (int i = 0; i < 1000000; i++) {
        struct uuid id = teller_id_next(client);
        assert_true(memcmp(&before, &id, sizeof id) < 0);
        before = id;
    }
    teller_destroy(&client);
}

static void ids_of_two_clients_differ(void **state)
{
    (void)state;
    static struct uuid ids[MANY];
    struct teller_options options = teller_options_default();
    struct teller *clients[] = {teller_new(&options), teller_new(&options)};
    for (size_t i = 0; i < MANY; i++)
        ids[i] = teller_id_next(clients[i % 2]);
    check_all_differ(ids);
    teller_destroy(&clients[0]);
    teller_destroy(&clients[1]);
}

static void ids_of_the_system_differ(void **state)
{
    (void)state;
    static struct uuid ids[MANY];
    for (size_t i = 0; i < MANY; i++)
        ids[i] = i % 2 == 0 ? teller_id_new() : teller_id_new_random();
    check_all_differ(ids);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_has_its_version_and_variant),
        cmocka_unit_test(ids_of_version_7_begin_with_the_time),
        cmocka_unit_test(ids_of_a_client_ascend_strictly),
        cmocka_unit_test(ids_of_two_clients_differ),
        cmocka_unit_test(ids_of_the_system_differ),
    };
    return cmocka_run_group_tests_name("client ids", tests, NULL, NULL);
}
