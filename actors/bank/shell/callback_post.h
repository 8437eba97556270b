/* A verified callback on its way from the gateway to the bank actor, and back.
 *
 *     gateway ── BOX_CALLBACK ──► "inproc://bank"       bank_callback(…, post->bank, &post->notice, post)
 *     gateway ◄── BOX_CALLBACK ── "inproc://gateway"    post->is_kept, of the answer whose token it is
 *
 * A post is the gateway's memory, lent to the bank actor: each comes back, once, whatever became of it; and before that the bank
 * actor neither frees it nor looks at `owner`. It need not be quick: who waits for the answer is told to come again after a while,
 * and the post that comes back later tells nobody. At most CALLBACK_POSTS_MAX are lent at once.
 *
 * The gateway ends before the bank actor does, and waits a moment for its posts.
 */
#ifndef TELLER_BANK_CALLBACK_POST_H
#define TELLER_BANK_CALLBACK_POST_H

#include <stdbool.h>

#include "actors/bank/rail.h"
#include "actors/base/bank_call.h"

#define CALLBACK_BANK_INBOX "bank"       /* names for mailbox_bind and mailbox_connect, */
#define CALLBACK_GATEWAY_INBOX "gateway" /* … with number UINT32_MAX */

enum { CALLBACK_POSTS_MAX = 1024 };

struct callback_post {
    char bank[BANK_NAME_MAX + 1]; /* its name here; it is configured */
    struct rail_notice notice;    /* its signature and its time were good */
    bool is_kept;                 /* set by the bank actor: bank_callback_answer.is_kept */
    void *owner;                  /* the gateway's own */
};

#endif
