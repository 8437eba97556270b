/* The hostile server: plain sockets, and OpenSSL around them where it speaks TLS. */
#include "tests/unit/adapters/hostile_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "actors/base/check.h"

enum { CONNECTIONS_MAX = 256, REQUEST_MAX = 16384 };

struct connection {
    struct hostile_server *server;
    pthread_t thread;
    int fd;
    SSL *ssl;
};

struct hostile_server {
    int listener;
    uint16_t port;
    pthread_t thread;
    SSL_CTX *tls;
    char certificate[64];
    struct connection connections[CONNECTIONS_MAX];
    uint32_t count;
    pthread_mutex_t lock;
    pthread_cond_t gate;
    uint32_t requests, last_connection, at_gate, gate_peak, gate_opened;
    bool is_closing;
};

/* ---- bytes ------------------------------------------------------------------------------------------- */

static bool put(struct connection *self, const char *data, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t count = self->ssl != NULL ? SSL_write(self->ssl, data + done, (int)(length - done))
                                          : send(self->fd, data + done, length - done, MSG_NOSIGNAL);
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return true;
}

static bool say(struct connection *self, const char *text)
{
    return put(self, text, strlen(text));
}

static ssize_t get(struct connection *self, char *data, size_t room)
{
    return self->ssl != NULL ? SSL_read(self->ssl, data, (int)room) : recv(self->fd, data, room, 0);
}

static void wait_for_the_end(struct connection *self)
{
    char rest[4096];
    while (get(self, rest, sizeof rest) > 0)
        ;
}

static void say_without_end(struct connection *self, const char *text)
{
    while (say(self, text))
        ;
}

/* Head and body of one request; 0: the connection has ended. */
static size_t read_request(struct connection *self, char request[REQUEST_MAX])
{
    size_t length = 0, whole = REQUEST_MAX - 1;
    while (length < whole) {
        ssize_t count = get(self, request + length, REQUEST_MAX - 1 - length);
        if (count <= 0)
            return 0;
        length += (size_t)count;
        request[length] = '\0';
        const char *end = strstr(request, "\r\n\r\n");
        if (end == NULL)
            continue;
        const char *body = strstr(request, "Content-Length: ");
        whole = (size_t)(end + 4 - request) + (body != NULL ? strtoul(body + 16, NULL, 10) : 0);
    }
    return length;
}

/* ---- what it does ------------------------------------------------------------------------------------ */

static bool answer(struct connection *self, const char *head, const char *body, size_t length)
{
    char text[512];
    snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n", head, length);
    return say(self, text) && put(self, body, length);
}

static bool answer_at_gate(struct connection *self, uint32_t wanted)
{
    struct hostile_server *server = self->server;
    pthread_mutex_lock(&server->lock);
    uint32_t round = server->gate_opened;
    server->at_gate++;
    if (server->at_gate > server->gate_peak)
        server->gate_peak = server->at_gate;
    if (server->at_gate >= wanted) {
        server->at_gate = 0;
        server->gate_opened++;
        pthread_cond_broadcast(&server->gate);
    }
    while (server->gate_opened == round && !server->is_closing)
        pthread_cond_wait(&server->gate, &server->lock);
    pthread_mutex_unlock(&server->lock);
    return answer(self, "200 OK", "through", 7);
}

static bool answer_long(struct connection *self, size_t length)
{
    char *body = malloc(length + 1);
    CHECK(body != NULL);
    memset(body, 'x', length);
    bool good = answer(self, "200 OK", body, length);
    free(body);
    return good;
}

static bool is_path(const char *request, const char *path, const char **rest)
{
    const char *at = strchr(request, ' ');
    if (at == NULL || strncmp(at + 1, path, strlen(path)) != 0)
        return false;
    *rest = at + 1 + strlen(path);
    return **rest == ' ' || **rest == '/';
}

/* The argument in the path as a piece of a header. */
static const char *argument(const char *rest, char out[64])
{
    snprintf(out, 64, "%.*s", (int)strcspn(rest + 1, " "), rest + 1);
    return out;
}

/* Answers that end as they should. */
static bool answer_well(struct connection *self, const char *request, size_t length, bool *is_known)
{
    const char *rest;
    char text[128], piece[64];
    *is_known = true;
    if (is_path(request, "/ok", &rest))
        return answer(self, "200 OK", "hello", 5);
    if (is_path(request, "/echo", &rest))
        return answer(self, "200 OK", request, length);
    if (is_path(request, "/status", &rest)) {
        snprintf(text, sizeof text, "%s Whatever", argument(rest, piece));
        return answer(self, text, "", 0);
    }
    if (is_path(request, "/retry", &rest)) {
        snprintf(text, sizeof text, "503 Busy\r\nretry-AFTER:  %s ", argument(rest, piece));
        return answer(self, text, "", 0);
    }
    if (is_path(request, "/signed", &rest)) {
        snprintf(text, sizeof text, "200 OK\r\nX-JWS-Signature:  %s ", argument(rest, piece));
        return answer(self, text, "", 0);
    }
    if (is_path(request, "/bye", &rest)) {
        answer(self, "200 OK", "bye", 3);
        return false;
    }
    if (is_path(request, "/long", &rest))
        return answer_long(self, strtoul(rest + 1, NULL, 10));
    if (is_path(request, "/empty", &rest))
        return say(self, "HTTP/1.1 204 No Content\r\n\r\n");
    if (is_path(request, "/redirect", &rest))
        return answer(self, "302 Found\r\nLocation: /ok", "", 0);
    if (is_path(request, "/gate", &rest))
        return answer_at_gate(self, (uint32_t)strtoul(rest + 1, NULL, 10));
    *is_known = false;
    return false;
}

/* Those that do not. The connection ends afterwards. */
static void answer_badly(struct connection *self, const char *request)
{
    static const char part[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\na part of ";
    const char *rest;
    if (is_path(request, "/silent", &rest)) {
        wait_for_the_end(self);
    } else if (is_path(request, "/half", &rest)) {
        if (say(self, part))
            wait_for_the_end(self);
    } else if (is_path(request, "/cut", &rest)) {
        say(self, part);
    } else if (is_path(request, "/chunks", &rest)) {
        say(self, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    } else if (is_path(request, "/bad-chunk", &rest)) {
        say(self, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n");
    } else if (is_path(request, "/endless", &rest)) {
        if (say(self, "HTTP/1.1 200 OK\r\n\r\n"))
            say_without_end(self, "and on and on and on and on and on and on ");
    } else if (is_path(request, "/headers", &rest)) {
        if (say(self, "HTTP/1.1 200 OK\r\n"))
            say_without_end(self, "X-More: and more\r\n");
    } else if (is_path(request, "/header", &rest)) {
        if (say(self, "HTTP/1.1 200 OK\r\nX-More: "))
            say_without_end(self, "and on and on and on and on and on and on ");
    } else if (is_path(request, "/interim", &rest)) {
        say_without_end(self, "HTTP/1.1 100 Continue\r\n\r\n");
    } else if (is_path(request, "/garbage", &rest)) {
        say(self, "220 smtp.example.com ready\r\n");
    }
}

static void serve(struct connection *self)
{
    char request[REQUEST_MAX];
    bool is_good = self->ssl == NULL || SSL_accept(self->ssl) == 1;
    while (is_good) {
        size_t length = read_request(self, request);
        if (length == 0)
            return;
        pthread_mutex_lock(&self->server->lock);
        self->server->requests++;
        self->server->last_connection = (uint32_t)(self - self->server->connections);
        pthread_mutex_unlock(&self->server->lock);
        bool is_known;
        is_good = answer_well(self, request, length, &is_known);
        if (!is_known)
            answer_badly(self, request);
    }
}

static void *connection_thread(void *context)
{
    struct connection *self = context;
    serve(self);
    if (self->ssl != NULL)
        SSL_shutdown(self->ssl);
    shutdown(self->fd, SHUT_RDWR);
    return NULL;
}

static void *accept_thread(void *context)
{
    struct hostile_server *self = context;
    for (int fd; (fd = accept(self->listener, NULL, NULL)) >= 0;) {
        CHECK(self->count < CONNECTIONS_MAX);
        struct connection *connection = &self->connections[self->count];
        *connection = (struct connection){.server = self, .fd = fd};
        if (self->tls != NULL) {
            connection->ssl = SSL_new(self->tls);
            SSL_set_fd(connection->ssl, fd);
        }
        CHECK(pthread_create(&connection->thread, NULL, connection_thread, connection) == 0);
        pthread_mutex_lock(&self->lock);
        self->count++;
        pthread_mutex_unlock(&self->lock);
    }
    return NULL;
}

/* ---- its certificate --------------------------------------------------------------------------------- */

static X509 *make_certificate(EVP_PKEY *key, bool is_other_host)
{
    X509 *self = X509_new();
    X509_set_version(self, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(self), 1);
    X509_gmtime_adj(X509_getm_notBefore(self), -3600);
    X509_gmtime_adj(X509_getm_notAfter(self), 3600);
    X509_set_pubkey(self, key);
    X509_NAME *name = X509_get_subject_name(self);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(self, name);
    X509_EXTENSION *hosts =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name,
                            is_other_host ? "DNS:bank.example.com" : "DNS:localhost,IP:127.0.0.1");
    CHECK(hosts != NULL && X509_add_ext(self, hosts, -1) == 1);
    X509_EXTENSION_free(hosts);
    CHECK(X509_sign(self, key, EVP_sha256()) > 0);
    return self;
}

static void start_tls(struct hostile_server *self, enum hostile_tls tls)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key, tls == HOSTILE_TLS_OTHER_HOST);
    snprintf(self->certificate, sizeof self->certificate, "/tmp/teller-certificate-XXXXXX");
    int fd = mkstemp(self->certificate);
    CHECK(fd >= 0);
    FILE *file = fdopen(fd, "w");
    CHECK(file != NULL && PEM_write_X509(file, certificate) == 1 && fclose(file) == 0);
    self->tls = SSL_CTX_new(TLS_server_method());
    CHECK(SSL_CTX_use_certificate(self->tls, certificate) == 1 &&
          SSL_CTX_use_PrivateKey(self->tls, key) == 1);
    if (tls == HOSTILE_TLS_OLD) {
        SSL_CTX_set_security_level(self->tls, 0);
        SSL_CTX_set_min_proto_version(self->tls, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(self->tls, TLS1_1_VERSION);
    }
    X509_free(certificate);
    EVP_PKEY_free(key);
}

/* ---- life -------------------------------------------------------------------------------------------- */

struct hostile_server *hostile_server_new(enum hostile_tls tls)
{
    struct hostile_server *self = calloc(1, sizeof *self);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    CHECK(self != NULL);
    signal(SIGPIPE, SIG_IGN);
    if (tls != HOSTILE_PLAIN)
        start_tls(self, tls);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->gate, NULL);
    self->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(self->listener, (struct sockaddr *)&address, length) == 0 && listen(self->listener, 128) == 0);
    CHECK(getsockname(self->listener, (struct sockaddr *)&address, &length) == 0);
    self->port = ntohs(address.sin_port);
    CHECK(pthread_create(&self->thread, NULL, accept_thread, self) == 0);
    return self;
}

void hostile_server_destroy(struct hostile_server **self_p)
{
    struct hostile_server *self = *self_p;
    shutdown(self->listener, SHUT_RDWR);
    pthread_join(self->thread, NULL);
    close(self->listener);
    pthread_mutex_lock(&self->lock);
    self->is_closing = true;
    pthread_cond_broadcast(&self->gate);
    pthread_mutex_unlock(&self->lock);
    for (uint32_t i = 0; i < self->count; i++) {
        struct connection *connection = &self->connections[i];
        shutdown(connection->fd, SHUT_RDWR);
        pthread_join(connection->thread, NULL);
        SSL_free(connection->ssl);
        close(connection->fd);
    }
    if (self->tls != NULL) {
        unlink(self->certificate);
        SSL_CTX_free(self->tls);
    }
    pthread_cond_destroy(&self->gate);
    pthread_mutex_destroy(&self->lock);
    free(self);
    *self_p = NULL;
}

uint16_t hostile_server_port(const struct hostile_server *self)
{
    return self->port;
}

const char *hostile_server_certificate(const struct hostile_server *self)
{
    return self->tls != NULL ? self->certificate : NULL;
}

uint32_t hostile_server_last_connection(struct hostile_server *self)
{
    pthread_mutex_lock(&self->lock);
    uint32_t last = self->last_connection;
    pthread_mutex_unlock(&self->lock);
    return last;
}

uint32_t hostile_server_requests(struct hostile_server *self)
{
    pthread_mutex_lock(&self->lock);
    uint32_t count = self->requests;
    pthread_mutex_unlock(&self->lock);
    return count;
}

uint32_t hostile_server_gate_peak(struct hostile_server *self)
{
    pthread_mutex_lock(&self->lock);
    uint32_t peak = self->gate_peak;
    pthread_mutex_unlock(&self->lock);
    return peak;
}
