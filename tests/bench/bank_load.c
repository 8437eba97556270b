/* Load for a bank simulator on loopback, and what it bears: pulls of KFTC over connections that are kept, one request at a time on each.
 *
 *     bank_load PORT [SECONDS [CONNECTIONS]]
 *
 * Prints one line of JSON: requests a second, and how many replies were not A0000. One thread; it costs a fraction of what the server does. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "actors/base/check.h"

enum { CONNECTIONS_MAX = 1024, REQUEST_MAX = 2048, REPLY_MAX = 16384, TOKEN_MAX = 200, EVENTS = 64 };

struct connection {
    int fd;
    size_t length; /* of the reply so far */
    char reply[REPLY_MAX];
};

struct load {
    uint16_t port;
    char token[TOKEN_MAX];
    uint64_t sent, done, wrong;
    struct connection connections[CONNECTIONS_MAX];
};

static int64_t clock_us(void)
{
    struct timespec time;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    return (int64_t)time.tv_sec * 1000000 + time.tv_nsec / 1000;
}

static int dial(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
    return fd;
}

static void send_post(const struct load *self, int fd, const char *path, const char *type, const char *body)
{
    char text[REQUEST_MAX];
    int length = snprintf(text, sizeof text,
                          "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: %s\r\n"
                          "Authorization: Bearer %s\r\nContent-Length: %zu\r\n\r\n%s",
                          path, type, self->token, strlen(body), body);
    CHECK(length > 0 && (size_t)length < sizeof text);
    CHECK(send(fd, text, (size_t)length, MSG_NOSIGNAL) == length);
}

static void send_pull(struct load *self, int fd)
{
    char body[REQUEST_MAX / 2];
    uint64_t number = self->sent++;
    snprintf(body, sizeof body,
             "{\"bank_tran_id\":\"LOAD%06lluU%09llu\",\"cntr_account_type\":\"N\",\"cntr_account_num\":"
             "\"1101230000678\",\"dps_print_content\":\"load\",\"fintech_use_num\":\"%024llu\","
             "\"wd_print_content\":\"load\",\"tran_amt\":\"1000\",\"tran_dtime\":\"20261121101921\","
             "\"req_client_name\":\"LOAD\",\"req_client_fintech_use_num\":\"123456789012345678901234\","
             "\"req_client_num\":\"LOAD1\",\"transfer_purpose\":\"TR\"}",
             (unsigned long long)(clock_us() / 1000000 % 1000000), (unsigned long long)number,
             (unsigned long long)(number % 1000));
    send_post(self, fd, "/v2.0/transfer/withdraw/fin_num", "application/json", body);
}

/* false: more has to come. */
static bool read_reply(struct connection *connection)
{
    ssize_t count =
        recv(connection->fd, connection->reply + connection->length, REPLY_MAX - 1 - connection->length, 0);
    CHECK(count > 0);
    connection->length += (size_t)count;
    connection->reply[connection->length] = '\0';
    const char *end = strstr(connection->reply, "\r\n\r\n");
    const char *length = strcasestr(connection->reply, "Content-Length:");
    if (end == NULL || length == NULL || length > end)
        return false;
    size_t whole = (size_t)(end + 4 - connection->reply) + strtoul(length + 15, NULL, 10);
    CHECK(whole < REPLY_MAX && connection->length <= whole);
    return connection->length == whole;
}

static void get_token(struct load *self)
{
    struct connection *connection = &self->connections[0];
    connection->fd = dial(self->port);
    send_post(self, connection->fd, "/oauth/2.0/token", "application/x-www-form-urlencoded",
              "grant_type=client_credentials&scope=oob&client_id=load&client_secret=load");
    while (!read_reply(connection))
        ;
    const char *token = strstr(connection->reply, "\"access_token\":\"");
    CHECK(token != NULL);
    token += strlen("\"access_token\":\"");
    snprintf(self->token, sizeof self->token, "%.*s", (int)strcspn(token, "\""), token);
    close(connection->fd);
    connection->length = 0;
}

static void run(struct load *self, unsigned connections, int64_t until_us)
{
    struct epoll_event events[EVENTS];
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    CHECK(epoll_fd >= 0);
    for (unsigned i = 0; i < connections; i++) {
        struct connection *connection = &self->connections[i];
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        connection->fd = dial(self->port);
        CHECK(epoll_ctl(epoll_fd, EPOLL_CTL_ADD, connection->fd, &event) == 0);
        send_pull(self, connection->fd);
    }
    while (clock_us() < until_us) {
        int count = epoll_wait(epoll_fd, events, EVENTS, 1000);
        CHECK(count >= 0 || errno == EINTR);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;
            if (!read_reply(connection))
                continue;
            self->done++;
            self->wrong += strstr(connection->reply, "\"A0000\"") == NULL;
            connection->length = 0;
            send_pull(self, connection->fd);
        }
    }
    close(epoll_fd);
}

int main(int argc, char **argv)
{
    static struct load load;
    unsigned seconds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 3;
    unsigned connections = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 64;
    if (argc < 2 || seconds == 0 || connections == 0 || connections > CONNECTIONS_MAX) {
        fprintf(stderr, "bank_load PORT [SECONDS [CONNECTIONS]]\n");
        return 2;
    }
    load.port = (uint16_t)strtoul(argv[1], NULL, 10);
    get_token(&load);
    int64_t began_us = clock_us();
    run(&load, connections, began_us + (int64_t)seconds * 1000000);
    int64_t took_us = clock_us() - began_us;
    printf("{\"requests_per_s\": %llu, \"requests\": %llu, \"wrong\": %llu}\n",
           (unsigned long long)(load.done * 1000000 / (uint64_t)took_us), (unsigned long long)load.done,
           (unsigned long long)load.wrong);
    return load.wrong == 0 ? 0 : 1;
}
