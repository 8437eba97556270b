/* What the server's library lets pass and this does not: a header twice that must be there once, two ways to tell a body's length, a path
 * with escapes. */
#include "broker/gateway_http.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "actors/base/check.h"
#include "actors/base/text.h"
#include "actors/base/uuid.h"

#define BANKS_PATH "/banks/"
#define INTERACTION "x-fapi-interaction-id"

static const struct {
    const char *name, *type;
} doors[] = {
    [GATEWAY_EVENTS] = {"event-notifications", "application/jwt"},
    [GATEWAY_CALLBACKS] = {"callbacks", "application/json"},
};

static bool refuse(struct gateway_answer *answer, unsigned status, const char *text)
{
    *answer = (struct gateway_answer){.status = status, .text = text};
    return false;
}

/* ---- headers -------------------------------------------------------------------------------------- */

struct search {
    const char *name, *value;
    uint32_t count;
};

static enum MHD_Result look_at(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct search *self = context;
    (void)kind;
    if (strcasecmp(name, self->name) == 0) {
        self->value = value != NULL ? value : "";
        self->count++;
    }
    return MHD_YES;
}

/* false: it comes twice. *value is NULL where it does not come. */
static bool find_header(struct MHD_Connection *connection, const char *name, const char **value)
{
    struct search search = {.name = name};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, look_at, &search);
    *value = search.value;
    return search.count <= 1;
}

/* "application/jwt", perhaps with parameters. */
static bool is_type(const char *value, const char *type)
{
    size_t length = strlen(type);
    return value != NULL && strncasecmp(value, type, length) == 0 &&
           (value[length] == '\0' || value[length] == ';' || value[length] == ' ');
}

static void set_interaction(const char *given, char out[GATEWAY_INTERACTION_MAX + 1])
{
    struct uuid random;
    size_t length = given == NULL ? 0 : strlen(given);
    if (length > 0 && length <= GATEWAY_INTERACTION_MAX &&
        strspn(given, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-") == length) {
        memcpy(out, given, length + 1);
        return;
    }
    CHECK(getrandom(random.bytes, sizeof random.bytes, 0) == (ssize_t)sizeof random.bytes);
    random.bytes[6] = (uint8_t)(0x40 | (random.bytes[6] & 0x0f)); /* RFC 9562: version 4, */
    random.bytes[8] = (uint8_t)(0x80 | (random.bytes[8] & 0x3f)); /* variant 10 */
    uuid_format(&random, out);
}

/* ---- the head ------------------------------------------------------------------------------------- */

static bool read_length(const char *text, size_t *out)
{
    size_t length = 0, digits = strlen(text);
    if (digits < 1 || digits > 9 || strspn(text, "0123456789") != digits)
        return false;
    for (const char *at = text; *at != '\0'; at++)
        length = length * 10 + (size_t)(*at - '0');
    *out = length;
    return true;
}

/* How long the body is. Only one of the two headers that say so may be there, and once: two readers of one message must not see two
 * different ends of it. */
static bool read_framing(struct MHD_Connection *connection, struct gateway_head *out,
                         struct gateway_answer *answer)
{
    const char *length, *coding;
    if (!find_header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH, &length) ||
        !find_header(connection, MHD_HTTP_HEADER_TRANSFER_ENCODING, &coding) ||
        (length != NULL && coding != NULL))
        return refuse(answer, 400, "the length of the body is said twice");
    if (coding != NULL && strcasecmp(coding, "chunked") != 0)
        return refuse(answer, 501, "no such transfer coding");
    out->length = coding != NULL ? GATEWAY_BODY_MAX : 0;
    if (length != NULL && !read_length(length, &out->length))
        return strspn(length, "0123456789") == strlen(length) && *length != '\0'
                   ? refuse(answer, 413, "the body is too long")
                   : refuse(answer, 400, "the length of the body is no number");
    if (out->length > GATEWAY_BODY_MAX)
        return refuse(answer, 413, "the body is too long");
    if (out->route != GATEWAY_CALLBACK && out->length > 0)
        return refuse(answer, 400, "there is a body where there should be none");
    if (out->route == GATEWAY_CALLBACK && length == NULL && coding == NULL)
        return refuse(answer, 411, "the length of the body is missing");
    return true;
}

static bool read_headers(struct MHD_Connection *connection, struct gateway_head *out,
                         struct gateway_answer *answer)
{
    if (!find_header(connection, MHD_HTTP_HEADER_CONTENT_TYPE, &out->content_type) ||
        !is_type(out->content_type, doors[out->door].type))
        return refuse(answer, 415,
                      out->door == GATEWAY_EVENTS ? "the content type has to be application/jwt"
                                                  : "the content type has to be application/json");
    if (!find_header(connection, "Teller-Timestamp", &out->timestamp) ||
        !find_header(connection, "Teller-Signature", &out->signature))
        return refuse(answer, 400, "a header comes twice");
    return true;
}

/* "/banks/NAME/DOOR"; a name may have slashes. */
static bool read_path(const char *path, const struct gateway_banks *banks, struct gateway_head *out)
{
    const char *name = path + sizeof BANKS_PATH - 1;
    if (strncmp(path, BANKS_PATH, sizeof BANKS_PATH - 1) != 0 || banks->context == NULL)
        return false;
    const char *slash = strrchr(name, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - name);
    if (length < 1 || length > BANK_NAME_MAX)
        return false;
    memcpy(out->bank, name, length);
    for (int i = 0; i < (int)(sizeof doors / sizeof *doors); i++) {
        out->door = (enum gateway_door)i;
        if (strcmp(slash + 1, doors[i].name) == 0)
            return banks->has(banks->context, out->bank, out->door);
    }
    return false;
}

static bool read_route(const char *method, const char *path, const struct gateway_banks *banks,
                       struct gateway_head *out, struct gateway_answer *answer)
{
    bool is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    bool is_post = strcmp(method, "POST") == 0;
    if (strcmp(path, "/metrics") == 0)
        out->route = GATEWAY_METRICS;
    else if (strcmp(path, "/health") == 0)
        out->route = GATEWAY_HEALTH;
    else if (read_path(path, banks, out))
        out->route = GATEWAY_CALLBACK;
    else
        return refuse(answer, 404, "there is no such thing");
    bool is_callback = out->route == GATEWAY_CALLBACK;
    if (is_callback ? is_post : is_get)
        return true;
    refuse(answer, 405, is_callback ? "it is for POST" : "it is for GET");
    answer->detail = MHD_HTTP_HEADER_ALLOW;
    answer->detail_value = is_callback ? "POST" : "GET, HEAD";
    return false;
}

bool gateway_head_read(struct MHD_Connection *connection, const char *method, const char *path,
                       const struct gateway_banks *banks, struct gateway_head *out,
                       struct gateway_answer *answer)
{
    const char *interaction;
    *out = (struct gateway_head){0};
    if (!find_header(connection, INTERACTION, &interaction))
        interaction = NULL;
    set_interaction(interaction, out->interaction);
    return read_route(method, path, banks, out, answer) && read_framing(connection, out, answer) &&
           (out->route != GATEWAY_CALLBACK || read_headers(connection, out, answer));
}

/* ---- answers -------------------------------------------------------------------------------------- */

struct gateway_answer gateway_answer_of(enum rail_post_result result)
{
    static const char *const texts[] = {
        [RAIL_POST_FORGED] = "the signature is missing or not good",
        [RAIL_POST_TOO_OLD] = "its time is too far from ours",
        [RAIL_POST_BROKEN] = "it is not in the form of a callback",
    };
    if (result == RAIL_POST_TAKEN)
        return (struct gateway_answer){0};
    return (struct gateway_answer){.status = 400, .text = texts[result]};
}

/* RFC 8935 has the names of errors for tokens that are pushed. */
static const char *error_name(const struct gateway_answer *answer)
{
    bool is_forged = answer->status == 400 && answer->text == gateway_answer_of(RAIL_POST_FORGED).text;
    return is_forged ? "authentication_failed" : answer->status < 500 ? "invalid_request" : "unavailable";
}

static struct MHD_Response *response_of(const struct gateway_answer *answer)
{
    char text[GATEWAY_TEXT_MAX];
    if (answer->text == NULL)
        return MHD_create_response_from_buffer(answer->length, (void *)(uintptr_t)answer->body,
                                               MHD_RESPMEM_MUST_COPY);
    int length = snprintf(text, sizeof text, "{\"err\":\"%s\",\"description\":\"%s\"}\n", error_name(answer),
                          answer->text);
    CHECK(length > 0 && (size_t)length < sizeof text);
    return MHD_create_response_from_buffer((size_t)length, text, MHD_RESPMEM_MUST_COPY);
}

enum MHD_Result gateway_answer_send(struct MHD_Connection *connection, const struct gateway_head *head,
                                    const struct gateway_answer *answer)
{
    struct MHD_Response *response = response_of(answer);
    if (response == NULL)
        return MHD_NO;
    const char *type = answer->text != NULL ? "application/json" : answer->type;
    if (type != NULL)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (head->route == GATEWAY_CALLBACK)
        MHD_add_response_header(response, INTERACTION, head->interaction);
    if (answer->detail != NULL)
        MHD_add_response_header(response, answer->detail, answer->detail_value);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}
