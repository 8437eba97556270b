/* An HTTP client on libcurl's multi interface. A call is one easy handle and one struct call, in the list of its client from
 * http_client_start until `done` is told. libcurl watches the time to connect; the whole time, the lengths and Retry-After are
 * watched here.
 *
 * A body that may arrive once is given to libcurl by a callback that never goes back. libcurl repeats a request by itself only
 * where a kept connection ends before any reply: if bytes of the body were sent on it, it has to go back before it sends anything more, which fails, and the call
 * ends as HTTP_NO_ANSWER; if none were, the server cannot have the whole of it.
 *
 * Easy handles are kept for the next calls: making one costs more than a small request. */
#include "adapters/http/http_client.h"

#include <curl/curl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "actors/base/check.h"

enum {
    CONNECT_TIMEOUT_MS = 3000,
    TIMEOUT_MS = 10000,
    REPLY_MAX = 1 << 20,
    HEADERS_MAX = 64 << 10,
    REPLY_FIRST = 4096,
    KEPT_MAX = 32,
    IDLE_HANDLES_MAX = 256,
    RETRY_AFTER_DIGITS = 9,
};

struct call {
    struct call *next, *previous;
    CURL *easy;
    struct curl_slist *headers;
    http_done *done;
    void *context;
    int64_t deadline_ms;
    char *body;
    size_t length, capacity, reply_max, header_length;
    bool is_too_large, has_no_memory;
    int64_t retry_after_s;
    const char *wanted; /* name of a header; NULL: none */
    char *header;       /* its value */
    char *sent;         /* a body that is sent once; NULL: none, or libcurl has it */
    size_t sent_length, sent_given;
};

struct http_client {
    CURLM *multi;
    struct http_client_options options;
    char *ca_file;
    struct call *calls;
    uint32_t count;
    CURL *idle[IDLE_HANDLES_MAX];
    size_t idle_count;
    bool is_telling, is_closing;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum err http_global_init(void)
{
    signal(SIGPIPE, SIG_IGN);
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? ERR_OK : ERR_NO_MEMORY;
}

void http_global_release(void)
{
    curl_global_cleanup();
}

struct http_client_options http_client_options_default(void)
{
    return (struct http_client_options){.calls_max = 256, .calls_per_host_max = 16};
}

/* ---- what comes in ----------------------------------------------------------------------------------- */

static bool make_room(struct call *call, size_t more)
{
    size_t needed = call->length + more + 1;
    size_t capacity = call->capacity > 0 ? call->capacity : REPLY_FIRST;
    while (capacity < needed)
        capacity *= 2;
    if (capacity == call->capacity)
        return true;
    char *body = realloc(call->body, capacity);
    if (body == NULL)
        return false;
    call->body = body;
    call->capacity = capacity;
    return true;
}

/* Whatever is not the whole length makes libcurl end the transfer. */
static size_t take_body(char *data, size_t one, size_t length, void *context)
{
    struct call *call = context;
    (void)one;
    if (length > call->reply_max - call->length) {
        call->is_too_large = true;
        return length + 1;
    }
    if (!make_room(call, length)) {
        call->has_no_memory = true;
        return length + 1;
    }
    memcpy(call->body + call->length, data, length);
    call->length += length;
    return length;
}

static int64_t read_retry_after(const char *text, size_t length)
{
    while (length > 0 && (*text == ' ' || *text == '\t'))
        text++, length--;
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        length--;
    int64_t value = 0;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return length > 0 && length <= RETRY_AFTER_DIGITS ? value : -1;
}

/* Of a header line that has the name: the value, without what stands around it. */
static bool keep_header(struct call *call, const char *text, size_t length)
{
    while (length > 0 && strchr(" \t", *text) != NULL)
        text++, length--;
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL)
        length--;
    free(call->header);
    call->header = strndup(text, length);
    return call->header != NULL;
}

static bool is_named(const char *data, size_t length, const char *name)
{
    size_t name_length = strlen(name);
    return length > name_length && data[name_length] == ':' && strncasecmp(data, name, name_length) == 0;
}

/* Called for each header line, those of interim replies and trailers among them. */
static size_t take_header(char *data, size_t one, size_t length, void *context)
{
    static const char name[] = "retry-after";
    struct call *call = context;
    (void)one;
    if (length > HEADERS_MAX - call->header_length) {
        call->is_too_large = true;
        return length + 1;
    }
    call->header_length += length;
    if (length >= 5 && memcmp(data, "HTTP/", 5) == 0) {
        call->retry_after_s = -1;
        free(call->header);
        call->header = NULL;
    }
    if (is_named(data, length, name))
        call->retry_after_s = read_retry_after(data + sizeof name, length - sizeof name);
    if (call->wanted != NULL && is_named(data, length, call->wanted) &&
        !keep_header(call, data + strlen(call->wanted) + 1, length - strlen(call->wanted) - 1)) {
        call->has_no_memory = true;
        return length + 1;
    }
    return length;
}

/* ---- what goes out ----------------------------------------------------------------------------------- */

static bool is_method(const char *text)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "PATCH", "DELETE"};
    for (size_t i = 0; text != NULL && i < sizeof methods / sizeof *methods; i++) {
        if (strcmp(text, methods[i]) == 0)
            return true;
    }
    return false;
}

/* A header that libcurl would read as one to leave out ("Name:", "Name;") cannot be. */
static bool is_header(const char *text)
{
    static const char token[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    size_t name = strspn(text, token);
    if (name == 0 || text[name] != ':')
        return false;
    const char *value = text + name + 1 + strspn(text + name + 1, " ");
    if (*value == '\0')
        return false;
    for (; *value != '\0'; value++) {
        if ((unsigned char)*value < 0x20 || *value == 0x7f)
            return false;
    }
    return true;
}

static enum err check_url(const struct http_client *self, const char *text)
{
    char *scheme = NULL;
    CURLU *url = curl_url();
    if (url == NULL)
        return ERR_NO_MEMORY;
    enum err err = ERR_INVALID;
    CURLUcode code =
        text != NULL ? curl_url_set(url, CURLUPART_URL, text, CURLU_DISALLOW_USER) : CURLUE_MALFORMED_INPUT;
    if (code == CURLUE_OK)
        code = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    if (code == CURLUE_OUT_OF_MEMORY)
        err = ERR_NO_MEMORY;
    else if (code == CURLUE_OK &&
             (strcmp(scheme, "https") == 0 || (self->options.allows_http && strcmp(scheme, "http") == 0)))
        err = ERR_OK;
    curl_free(scheme);
    curl_url_cleanup(url);
    return err;
}

static enum err check_request(const struct http_client *self, const struct http_request *request)
{
    if (!is_method(request->method))
        return ERR_INVALID;
    for (const char *const *header = request->headers; header != NULL && *header != NULL; header++) {
        if (!is_header(*header))
            return ERR_INVALID;
    }
    return check_url(self, request->url);
}

static bool add_header(struct call *call, const char *header)
{
    struct curl_slist *headers = curl_slist_append(call->headers, header);
    if (headers != NULL)
        call->headers = headers;
    return headers != NULL;
}

static bool set_headers(struct call *call, const struct http_request *request)
{
    /* Else libcurl asks the server before it sends a large body. */
    bool good = add_header(call, "Expect:");
    for (const char *const *header = request->headers; good && header != NULL && *header != NULL; header++)
        good = add_header(call, *header);
    return good && curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
}

/* Each byte is given once: asked again from the beginning, there is nothing. */
static size_t give_body(char *out, size_t one, size_t room, void *context)
{
    struct call *call = context;
    size_t length = call->sent_length - call->sent_given;
    (void)one;
    if (length == 0)
        return CURL_READFUNC_ABORT; /* libcurl knows the length: it asks no more after the last byte of the first time */
    if (length > room)
        length = room;
    memcpy(out, call->sent + call->sent_given, length);
    call->sent_given += length;
    return length;
}

static int never_go_back(void *context, curl_off_t offset, int origin)
{
    (void)context, (void)offset, (void)origin;
    return CURL_SEEKFUNC_FAIL;
}

static bool set_body_once(struct call *call, const struct http_request *request)
{
    CURL *easy = call->easy;
    call->sent = malloc(request->length);
    if (call->sent == NULL)
        return false;
    memcpy(call->sent, request->body, request->length);
    call->sent_length = request->length;
    return curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_READDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, never_go_back) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SEEKDATA, call) == CURLE_OK;
}

static bool set_body(struct call *call, const struct http_request *request)
{
    CURL *easy = call->easy;
    bool is_get = strcmp(request->method, "GET") == 0;
    bool has_body = request->length > 0;
    bool is_once = !is_get && !request->is_repeatable;
    bool good = curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, is_once && !has_body ? 1L : 0L) == CURLE_OK;
    if (good && (!is_get || has_body))
        good = curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->length) == CURLE_OK;
    if (good && is_once && has_body)
        good = set_body_once(call, request);
    else if (good && (!is_get || has_body))
        good = curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, has_body ? request->body : "") == CURLE_OK;
    return good && curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
}

/* Whom to trust, and whom not to ask. */
static bool set_trust(const struct http_client *self, CURL *easy)
{
    const char *protocols = self->options.allows_http ? "http,https" : "https";
    bool good = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
                curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) == CURLE_OK;
    if (good && self->ca_file != NULL) /* this one only: not those of the system's directory too */
        good = curl_easy_setopt(easy, CURLOPT_CAINFO, self->ca_file) == CURLE_OK &&
               curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
    return good;
}

/* One connection is one call (HTTP/1.1), so that the bound of connections is one of calls. QUICK_EXIT: a call may end while
 * its name is still looked up, without waiting for that. */
static bool set_transfer(struct call *call, const struct http_request *request)
{
    CURL *easy = call->easy;
    long connect_ms =
        request->connect_timeout_ms > 0 ? (long)request->connect_timeout_ms : CONNECT_TIMEOUT_MS;
    return curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_USERAGENT, "teller/" TELLER_VERSION) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, connect_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, call) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_PRIVATE, call) == CURLE_OK;
}

/* It forgets what it was told, and keeps its buffers. */
static void keep_handle(struct http_client *self, CURL *easy)
{
    if (easy == NULL || self->idle_count == IDLE_HANDLES_MAX) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    self->idle[self->idle_count++] = easy;
}

static void call_free(struct http_client *self, struct call *call)
{
    keep_handle(self, call->easy);
    curl_slist_free_all(call->headers);
    free(call->sent);
    free(call->header);
    free(call->body);
    free(call);
}

static struct call *call_new(struct http_client *self, const struct http_request *request)
{
    struct call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    call->retry_after_s = -1;
    call->reply_max = request->reply_max > 0 ? request->reply_max : REPLY_MAX;
    call->deadline_ms = now_ms() + (request->timeout_ms > 0 ? request->timeout_ms : TIMEOUT_MS);
    call->wanted = request->reply_header;
    call->easy = self->idle_count > 0 ? self->idle[--self->idle_count] : curl_easy_init();
    if (call->easy != NULL && make_room(call, 0) && set_transfer(call, request) &&
        set_trust(self, call->easy) && set_headers(call, request) && set_body(call, request))
        return call;
    call_free(self, call);
    return NULL;
}

enum err http_client_start(struct http_client *self, const struct http_request *request, http_done *done,
                           void *context)
{
    if (self->is_closing)
        return ERR_CLOSED;
    enum err err = check_request(self, request);
    if (err != ERR_OK)
        return err;
    if (self->count >= self->options.calls_max)
        return ERR_FULL;
    struct call *call = call_new(self, request);
    if (call == NULL)
        return ERR_NO_MEMORY;
    if (curl_multi_add_handle(self->multi, call->easy) != CURLM_OK) {
        call_free(self, call);
        return ERR_NO_MEMORY;
    }
    call->done = done;
    call->context = context;
    call->next = self->calls;
    if (call->next != NULL)
        call->next->previous = call;
    self->calls = call;
    self->count++;
    return ERR_OK;
}

/* ---- how it ended ------------------------------------------------------------------------------------ */

static struct http_outcome failure(enum http_result result, const char *error)
{
    return (struct http_outcome){.result = result, .retry_after_s = -1, .error = error};
}

static bool is_tls(CURLcode code)
{
    static const CURLcode codes[] = {
        CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR,
        CURLE_SSL_CERTPROBLEM,          CURLE_SSL_CIPHER,
        CURLE_SSL_CACERT_BADFILE,       CURLE_SSL_ISSUER_ERROR,
        CURLE_SSL_INVALIDCERTSTATUS,    CURLE_SSL_PINNEDPUBKEYNOTMATCH,
        CURLE_SSL_CLIENTCERT,           CURLE_SSL_ENGINE_INITFAILED,
        CURLE_USE_SSL_FAILED,           CURLE_SSL_SHUTDOWN_FAILED,
    };
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (codes[i] == code)
            return true;
    }
    return false;
}

/* No byte of the request has left. libcurl counts those of the head, which goes first, and over all its tries. */
static bool is_unsent(const struct call *call)
{
    long length = 0;
    return curl_easy_getinfo(call->easy, CURLINFO_REQUEST_SIZE, &length) == CURLE_OK && length == 0;
}

static struct http_outcome outcome_of(struct call *call, CURLcode code)
{
    if (call->is_too_large)
        return failure(HTTP_TOO_LARGE, "the reply is longer than allowed");
    if (call->has_no_memory)
        return failure(HTTP_TOO_LARGE, "no memory for the reply");
    if (code == CURLE_OUT_OF_MEMORY) /* what libcurl says of a header line without an end, too */
        return failure(HTTP_TOO_LARGE, "no memory, or a header line without an end");
    if (code != CURLE_OK && is_unsent(call)) {
        bool is_late = code == CURLE_OPERATION_TIMEDOUT;
        return failure(is_tls(code) ? HTTP_TLS : HTTP_NOT_SENT,
                       is_late ? "no connection in time" : curl_easy_strerror(code));
    }
    if (code != CURLE_OK)
        return failure(HTTP_NO_ANSWER, curl_easy_strerror(code));
    long status = 0;
    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200)
        return failure(HTTP_NO_ANSWER, "not a reply of HTTP");
    call->body[call->length] = '\0';
    return (struct http_outcome){.result = HTTP_REPLY,
                                 .status = status,
                                 .body = call->body,
                                 .length = call->length,
                                 .retry_after_s = call->retry_after_s,
                                 .header = call->header};
}

/* The call is out of the client before `done` is called, so that this may start the next one. */
static void tell(struct http_client *self, struct call *call, const struct http_outcome *outcome)
{
    curl_multi_remove_handle(self->multi, call->easy);
    if (call->previous != NULL)
        call->previous->next = call->next;
    else
        self->calls = call->next;
    if (call->next != NULL)
        call->next->previous = call->previous;
    self->count--;
    self->is_telling = true;
    call->done(call->context, outcome);
    self->is_telling = false;
    call_free(self, call);
}

static bool tell_ended(struct http_client *self)
{
    bool has_told = false;
    int left;
    for (CURLMsg *message; (message = curl_multi_info_read(self->multi, &left)) != NULL;) {
        if (message->msg != CURLMSG_DONE)
            continue;
        char *private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct call *call = (struct call *)(void *)private;
        struct http_outcome outcome = outcome_of(call, message->data.result);
        tell(self, call, &outcome);
        has_told = true;
    }
    return has_told;
}

/* The whole time is ours to watch: libcurl's clock stands still for calls that wait for a connection to their host. */
static bool tell_late(struct http_client *self, int64_t now)
{
    bool has_told = false;
    for (struct call *call = self->calls, *next; call != NULL; call = next) {
        next = call->next;
        if (call->deadline_ms > now)
            continue;
        struct http_outcome outcome = is_unsent(call) ? failure(HTTP_NOT_SENT, "no connection in time")
                                                      : failure(HTTP_TIMEOUT, "no whole reply in time");
        tell(self, call, &outcome);
        has_told = true;
    }
    return has_told;
}

static int64_t next_deadline_ms(const struct http_client *self, int64_t end_ms)
{
    for (const struct call *call = self->calls; call != NULL; call = call->next) {
        if (call->deadline_ms < end_ms)
            end_ms = call->deadline_ms;
    }
    return end_ms;
}

/* true: something has ended. */
static bool work(struct http_client *self)
{
    int running;
    CURLMcode code = curl_multi_perform(self->multi, &running);
    CHECK(code == CURLM_OK || code == CURLM_OUT_OF_MEMORY || code == CURLM_INTERNAL_ERROR);
    bool has_told = tell_ended(self);
    return tell_late(self, now_ms()) || has_told;
}

void http_client_run(struct http_client *self, int wake_fd, int timeout_ms)
{
    CHECK(timeout_ms >= 0 && !self->is_telling);
    int64_t end_ms = now_ms() + timeout_ms;
    bool is_over = work(self);
    while (!is_over) {
        struct curl_waitfd wake = {.fd = wake_fd, .events = CURL_WAIT_POLLIN};
        int64_t now = now_ms();
        int64_t wait_ms = next_deadline_ms(self, end_ms) - now;
        int polled = wait_ms < 0 ? 0 : wait_ms > INT_MAX ? INT_MAX : (int)wait_ms;
        CURLMcode code = curl_multi_poll(self->multi, &wake, wake_fd >= 0 ? 1 : 0, polled, NULL);
        CHECK(code != CURLM_BAD_HANDLE && code != CURLM_BAD_FUNCTION_ARGUMENT);
        is_over = work(self) || code != CURLM_OK || wake.revents != 0 || now_ms() >= end_ms;
    }
}

uint32_t http_client_count(const struct http_client *self)
{
    return self->count;
}

/* ---- life -------------------------------------------------------------------------------------------- */

static bool set_bounds(struct http_client *self)
{
    long calls = (long)self->options.calls_max;
    uint32_t wanted = self->options.kept_max > 0 ? self->options.kept_max : KEPT_MAX;
    long kept = (long)(wanted < self->options.calls_max ? wanted : self->options.calls_max);
    return curl_multi_setopt(self->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, calls) == CURLM_OK &&
           curl_multi_setopt(self->multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                             (long)self->options.calls_per_host_max) == CURLM_OK &&
           curl_multi_setopt(self->multi, CURLMOPT_MAXCONNECTS, kept) == CURLM_OK &&
           curl_multi_setopt(self->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK;
}

struct http_client *http_client_new(const struct http_client_options *options)
{
    CHECK(options->calls_max > 0 && options->calls_per_host_max > 0);
    struct http_client *self = calloc(1, sizeof *self);
    if (self == NULL)
        return NULL;
    self->options = *options;
    self->multi = curl_multi_init();
    if (options->ca_file != NULL)
        self->ca_file = strdup(options->ca_file);
    if (self->multi == NULL || (options->ca_file != NULL && self->ca_file == NULL) || !set_bounds(self))
        http_client_destroy(&self);
    return self;
}

void http_client_destroy(struct http_client **self_p)
{
    static const struct http_outcome outcome = {
        .result = HTTP_ABANDONED, .retry_after_s = -1, .error = "the client was closed"};
    struct http_client *self = *self_p;
    if (self == NULL)
        return;
    CHECK(!self->is_telling);
    self->is_closing = true;
    while (self->calls != NULL)
        tell(self, self->calls, &outcome);
    while (self->idle_count > 0)
        curl_easy_cleanup(self->idle[--self->idle_count]);
    curl_multi_cleanup(self->multi);
    free(self->ca_file);
    free(self);
    *self_p = NULL;
}
