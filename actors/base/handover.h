/* Handing an object from one thread to another through a queue that ThreadSanitizer cannot see into.
 *
 * libzmq comes without instrumentation, so its queues order nothing in ThreadSanitizer's eyes, and every
 * pointer sent over inproc looks like a race. The sender says so before it sends, the receiver after it
 * received. In every other build both are nothing. They order nothing themselves: the queue does.
 */
#ifndef TELLER_BASE_HANDOVER_H
#define TELLER_BASE_HANDOVER_H

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define HANDOVER_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define HANDOVER_TSAN 1
#endif

#ifdef HANDOVER_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#endif

/* The sender, after its last access to the object and before it sends the pointer. */
static inline void handover_give(void *object)
{
#ifdef HANDOVER_TSAN
    __tsan_release(object);
#else
    (void)object;
#endif
}

/* The receiver, before its first access. */
static inline void handover_take(void *object)
{
#ifdef HANDOVER_TSAN
    __tsan_acquire(object);
#else
    (void)object;
#endif
}

#endif
