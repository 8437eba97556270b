/* An event notification: a JWT of the bank's. It carries no status: it says which resource to ask about. */
#include <jansson.h>
#include <string.h>
#include <strings.h>

#include "actors/base/mark.h"
#include "actors/base/text.h"
#include "adapters/obie/inside.h"
#include "adapters/rails/reply_read.h"

#define EVENT "urn:uk:org:openbanking:events:resource-update"
#define RID "http://openbanking.org.uk/rid"

enum { TOKEN_MAX = 16384, PAYLOAD_MAX = 12288, CLAIM_MAX = 512 };

static bool is_audience(const json_t *value, const char *audience)
{
    if (json_is_string(value))
        return strcmp(json_string_value(value), audience) == 0;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *one = json_string_value(json_array_get(value, i));
        if (one != NULL && strcmp(one, audience) == 0)
            return true;
    }
    return false;
}

static bool read_names(const json_t *claims, struct rail_notice *out)
{
    const char *jti = reply_text(claims, "jti", RAIL_EVENT_ID_MAX);
    const json_t *event = json_object_get(json_object_get(claims, "events"), EVENT);
    const json_t *subject = json_object_get(event, "subject");
    const char *rid = reply_id(subject, RID, RAIL_ID_MAX);
    if (jti == NULL || rid == NULL || !text_is_clean(str_from(jti)))
        return false;
    memcpy(out->event, jti, strlen(jti) + 1);
    memcpy(out->resource, rid, strlen(rid) + 1);
    return true;
}

/* Signed well; now: by whom, for whom, when, and what. */
static enum rail_post_result judge(const struct obie *self, const json_t *claims, int64_t now_us,
                                   struct rail_notice *out)
{
    const char *issuer = reply_text(claims, "iss", CLAIM_MAX);
    const json_t *issued_at = json_object_get(claims, "iat"), *happened_at = json_object_get(claims, "toe");
    int64_t now_s = now_us / 1000000, at_s = json_integer_value(issued_at);
    if (!json_is_integer(issued_at) || issuer == NULL ||
        (happened_at != NULL && !json_is_integer(happened_at)))
        return RAIL_POST_BROKEN;
    if ((self->bank_issuer[0] != '\0' && strcmp(issuer, self->bank_issuer) != 0) ||
        !is_audience(json_object_get(claims, "aud"), self->audience))
        return RAIL_POST_FORGED;
    if (at_s < now_s - OBIE_EVENT_WINDOW_S || at_s > now_s + OBIE_EVENT_WINDOW_S) {
        MARK("an obie event is too old");
        return RAIL_POST_TOO_OLD;
    }
    if (!read_names(claims, out))
        return RAIL_POST_BROKEN;
    out->until_us = (at_s + OBIE_EVENT_WINDOW_S + 1) * 1000000;
    return RAIL_POST_TAKEN;
}

enum rail_post_result obie_callback(void *own, const struct rail_post *post, int64_t now_us,
                                    struct rail_notice *out)
{
    const struct obie *self = own;
    uint8_t payload[PAYLOAD_MAX];
    size_t length = post->length, payload_length;
    *out = (struct rail_notice){0};
    if (post->content_type == NULL || strncasecmp(post->content_type, "application/jwt", 15) != 0 ||
        length > TOKEN_MAX)
        return RAIL_POST_BROKEN;
    while (length > 0 && (post->body[length - 1] == '\n' || post->body[length - 1] == '\r'))
        length--;
    if (self->bank_key == NULL ||
        !jws_token_verify(self->bank_key, post->body, length, payload, sizeof payload, &payload_length)) {
        MARK("an obie event is forged");
        return RAIL_POST_FORGED;
    }
    json_t *claims = json_loadb((const char *)payload, payload_length, JSON_REJECT_DUPLICATES, NULL);
    enum rail_post_result result =
        json_is_object(claims) ? judge(self, claims, now_us, out) : RAIL_POST_BROKEN;
    json_decref(claims);
    if (result != RAIL_POST_TAKEN)
        *out = (struct rail_notice){0};
    return result;
}
