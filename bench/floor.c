/*
 * The kernel floor of fetching: what is left of a broker when everything is taken away but `sendfile`.
 *
 *   floor FIRST.log [SECOND.log …]        prints the port it listens on; serves until it is killed
 *
 * Each file is a segment, that of partition 0, 1, …, whose batches are indexed at the start. Fetch requests (version 4)
 * of `bare fetch` are answered from it, with one `epoll`, no allocation and no check: a header (MSG_MORE), and `sendfile`
 * until the socket is full. A broker that sends from the page cache by `sendfile` cannot use less CPU than this.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_FILES = 64, MAX_CONNECTIONS = 1024, BATCH_HEADER = 61, SEND_BUFFER = 600 * 1024, REQUEST_MAX = 1024 };

typedef struct {
    int64_t last_offset, position;
} batch_t;

typedef struct {
    int fd;
    int64_t size;
    long count;
    batch_t *batches;
} segment_t;

typedef struct {
    int fd, file;
    off_t position;
    size_t left; /* of the answer on its way out */
} client_t;

static segment_t segments[MAX_FILES];
static int files, epoll;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int64_t get(const unsigned char *at, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | at[i];
    return (int64_t)value;
}

static unsigned char *put(unsigned char *at, uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; i--) *at++ = (unsigned char)(value >> (8 * i));
    return at;
}

static void read_segment(segment_t *segment, const char *path) {
    struct stat about;
    if ((segment->fd = open(path, O_RDONLY)) < 0 || fstat(segment->fd, &about)) die(path);
    segment->size = about.st_size;
    const unsigned char *map = mmap(NULL, about.st_size, PROT_READ, MAP_SHARED, segment->fd, 0);
    if (map == MAP_FAILED) die(path);
    segment->batches = malloc((about.st_size / BATCH_HEADER + 1) * sizeof(batch_t));
    for (int64_t at = 0; at + BATCH_HEADER <= about.st_size; at += 12 + get(map + at + 8, 4))
        segment->batches[segment->count++] = (batch_t){get(map + at, 8) + get(map + at + 23, 4), at};
    munmap((void *)map, about.st_size);
}

static void watch(client_t *client, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = client};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, client->fd, &event)) die("epoll_ctl");
}

static void send_rest(client_t *client) {
    while (client->left > 0) {
        ssize_t sent = sendfile(client->fd, client->file, &client->position, client->left);
        if (sent < 0 && errno == EAGAIN) return;
        if (sent <= 0) die("sendfile");
        client->left -= sent;
    }
}

static int answer(client_t *client) { /* false: the client is gone */
    unsigned char request[REQUEST_MAX], head[REQUEST_MAX], *out = head + 4;
    ssize_t got = recv(client->fd, request, sizeof request, 0);
    if (got <= 0) return 0;
    const unsigned char *topic = request + 14 + get(request + 12, 2) + 4 + 4 + 4 + 4 + 1 + 4;
    int topic_bytes = 2 + (int)get(topic, 2);
    const unsigned char *wanted = topic + topic_bytes + 4;
    int64_t index = get(wanted, 4), offset = get(wanted + 4, 8);
    if (index >= files) die("a partition without a file");
    segment_t *segment = &segments[index];
    long low = 0, high = segment->count;
    while (low < high) {
        long middle = (low + high) / 2;
        if (segment->batches[middle].last_offset < offset) low = middle + 1;
        else high = middle;
    }
    int64_t end = segment->count ? segment->batches[segment->count - 1].last_offset + 1 : 0, most = get(wanted + 12, 4);
    client->file = segment->fd;
    client->position = low < segment->count ? segment->batches[low].position : segment->size;
    client->left = segment->size - client->position < most ? segment->size - client->position : most;
    memcpy(out, request + 8, 4), out = put(out + 4, 0, 4), out = put(out, 1, 4); /* correlation id, throttle time, topics */
    memcpy(out, topic, topic_bytes), out = put(out + topic_bytes, 1, 4);
    out = put(out, index, 4), out = put(out, 0, 2), out = put(out, end, 8), out = put(out, end, 8);
    out = put(out, (uint64_t)-1, 4), out = put(out, client->left, 4);
    put(head, out - head - 4 + client->left, 4);
    if (send(client->fd, head, out - head, MSG_MORE) != out - head) die("send");
    send_rest(client);
    return 1;
}

static int listen_somewhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0), buffer = SEND_BUFFER;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof buffer);
    if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, MAX_CONNECTIONS)) die("listen");
    getsockname(fd, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv) {
    static client_t listener, clients[MAX_CONNECTIONS];
    int accepted = 0, one = 1;
    for (files = 0; files < argc - 1 && files < MAX_FILES; files++) read_segment(&segments[files], argv[files + 1]);
    epoll = epoll_create1(0);
    listener.fd = listen_somewhere();
    struct epoll_event events[64], event = {.events = EPOLLIN, .data.ptr = &listener};
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener.fd, &event);
    for (;;) {
        int ready = epoll_wait(epoll, events, 64, -1);
        for (int i = 0; i < ready; i++) {
            client_t *client = events[i].data.ptr;
            if (client == &listener) {
                if (accepted == MAX_CONNECTIONS) die("too many clients");
                client = &clients[accepted++];
                client->fd = accept4(listener.fd, NULL, NULL, SOCK_NONBLOCK);
                setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                setsockopt(client->fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4); /* without pacing, as Ottla on a loopback */
                event = (struct epoll_event){.events = EPOLLIN, .data.ptr = client};
                epoll_ctl(epoll, EPOLL_CTL_ADD, client->fd, &event);
            } else if (client->left) {
                send_rest(client);
                if (!client->left) watch(client, EPOLLIN);
            } else if (!answer(client)) {
                close(client->fd);
            } else if (client->left) {
                watch(client, EPOLLOUT);
            }
        }
    }
}
