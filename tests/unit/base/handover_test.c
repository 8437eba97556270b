/* An object handed over through an inproc queue is no race in ThreadSanitizer's eyes. The proof is the run
 * under ThreadSanitizer; elsewhere this shows that the object arrives as it was sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <czmq.h>

#include "actors/base/handover.h"

enum { OBJECTS = 5000, WINDOW = 50 };

struct object {
    int number;
};

/* Adds one to each object and sends it back, until it is sent no object. */
static void adder(zsock_t *pipe, void *context)
{
    (void)context;
    zsock_signal(pipe, 0);
    for (;;) {
        void *received = NULL;
        if (zsock_recv(pipe, "p", &received) < 0 || !received)
            return;
        struct object *object = received;
        handover_take(object);
        object->number++;
        handover_give(object);
        zsock_send(pipe, "p", object);
    }
}

static void send_object(zactor_t *actor, struct object *object, int number)
{
    object->number = number;
    handover_give(object);
    assert_int_equal(zsock_send(actor, "p", object), 0);
}

static void objects_come_back_changed_by_the_other_thread(void **state)
{
    struct object objects[WINDOW];
    zactor_t *actor = zactor_new(adder, NULL);
    (void)state;
    assert_non_null(actor);
    for (int i = 0; i < WINDOW; i++)
        send_object(actor, &objects[i], i);
    for (int i = 0; i < OBJECTS; i++) {
        void *received = NULL;
        assert_int_equal(zsock_recv(actor, "p", &received), 0);
        struct object *object = received;
        handover_take(object);
        assert_int_equal(object->number, i + 1);
        if (i + WINDOW < OBJECTS)
            send_object(actor, object, i + WINDOW);
    }
    zsock_send(actor, "p", NULL);
    zactor_destroy(&actor);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_come_back_changed_by_the_other_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
