/*
 * The load of the benchmark without a client library: bare sockets, and bytes that are made once, so that the broker is
 * the limit and not its client.
 *
 *   bare fetch    ADDRESS TOPIC PARTITIONS CONNECTIONS COUNT
 *   bare produce  ADDRESS TOPIC PARTITIONS CONNECTIONS COUNT SIZE BATCH_BYTES IN_FLIGHT
 *
 * fetch: each connection reads a partition from its start to COUNT / CONNECTIONS, a Fetch request (version 4) after the
 * other, whose answers are read batch by batch and forgotten. produce: each connection sends the same Produce request
 * (version 7; one batch of about BATCH_BYTES, acks=1) again and again, up to IN_FLIGHT of them without an answer. Prints
 * one JSON object.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX_CONNECTIONS = 1000, TIMEOUT_S = 120 };
enum { FETCH_MAX = 50 << 20, PARTITION_MAX = 1 << 20, ANSWER_MAX = 4 << 20, BATCH_HEADER = 61 };

static const char *address, *topic;
static long partitions, connections, count, size, batch_bytes, in_flight;
static long delivered;

typedef struct {
    int32_t partition;
    long count;
} part_t;

static void die(const char *what) {
    fprintf(stderr, "bare: %s\n", what);
    exit(1);
}

static int64_t now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* bytes -------------------------------------------------------------------------------------------------------------- */

static char *put(char *at, uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; i--) *at++ = (char)(value >> (8 * i));
    return at;
}

static char *put_string(char *at, const char *text) {
    size_t length = strlen(text);
    at = put(at, length, 2);
    memcpy(at, text, length);
    return at + length;
}

static char *put_varint(char *at, long value) { /* of what is not negative */
    for (value *= 2; value >= 0x80; value >>= 7) *at++ = (char)(value | 0x80);
    *at++ = (char)value;
    return at;
}

static int64_t get(const unsigned char *at, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | at[i];
    return bytes == 8 ? (int64_t)value : bytes == 4 ? (int32_t)value : (int16_t)value;
}

static uint32_t crc32c(const char *data, size_t bytes) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= (unsigned char)data[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78u : 0);
    }
    return ~crc;
}

/* sockets ------------------------------------------------------------------------------------------------------------ */

static int connect_to_broker(void) {
    char host[64];
    const char *colon = strrchr(address, ':');
    if (!colon || (size_t)(colon - address) >= sizeof host) die("the address is HOST:PORT");
    memcpy(host, address, colon - address);
    host[colon - address] = 0;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1))};
    if (inet_pton(AF_INET, host, &to.sin_addr) != 1) die("the host is an IPv4 address");
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    struct timeval timeout = {TIMEOUT_S, 0};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (connect(fd, (struct sockaddr *)&to, sizeof to)) die("cannot connect");
    return fd;
}

static void read_fully(int fd, unsigned char *into, size_t bytes) {
    while (bytes > 0) {
        ssize_t got = recv(fd, into, bytes, MSG_WAITALL);
        if (got <= 0) die("the connection ended, or no answer came");
        into += got;
        bytes -= got;
    }
}

static void send_fully(int fd, const char *from, size_t bytes) {
    while (bytes > 0) {
        ssize_t sent = send(fd, from, bytes, 0);
        if (sent <= 0) die("cannot send");
        from += sent;
        bytes -= sent;
    }
}

/* fetch -------------------------------------------------------------------------------------------------------------- */

static size_t fetch_request(char *request, int32_t partition, int64_t offset, int wait_ms) {
    char *at = request + 4;
    at = put(at, 1, 2), at = put(at, 4, 2), at = put(at, 7, 4), at = put_string(at, "load"); /* key, version, id, client */
    at = put(at, (uint64_t)-1, 4), at = put(at, wait_ms, 4), at = put(at, 1, 4), at = put(at, FETCH_MAX, 4), at = put(at, 0, 1);
    at = put(at, 1, 4), at = put_string(at, topic), at = put(at, 1, 4);
    at = put(at, partition, 4), at = put(at, offset, 8), at = put(at, PARTITION_MAX, 4);
    put(request, at - request - 4, 4);
    return at - request;
}

static void *fetch_part(void *argument) {
    part_t *part = argument;
    unsigned char *answer = malloc(ANSWER_MAX);
    char request[512];
    int fd = connect_to_broker();
    int64_t offset = 0, records_at = 4 + 4 + 4 + 2 + (int64_t)strlen(topic) + 4 + 4;
    while (offset < part->count) {
        send_fully(fd, request, fetch_request(request, part->partition, offset, 500));
        read_fully(fd, answer, 4);
        int64_t bytes = get(answer, 4);
        if (bytes < records_at || bytes > ANSWER_MAX) die("an answer of a strange size");
        read_fully(fd, answer, bytes);
        const unsigned char *at = answer + records_at, *end = answer + bytes;
        if (get(at, 2)) die("the fetch has an error");
        at += 2 + 8 + 8; /* error, high watermark, last stable offset */
        int64_t aborted = get(at, 4);
        at += 4 + (aborted > 0 ? aborted * 16 : 0);
        at += 4; /* the size of the records */
        while (at + BATCH_HEADER <= end && at + 12 + get(at + 8, 4) <= end) {
            offset = get(at, 8) + get(at + 23, 4) + 1;
            at += 12 + get(at + 8, 4);
        }
    }
    __atomic_fetch_add(&delivered, offset, __ATOMIC_RELAXED);
    close(fd);
    free(answer);
    return NULL;
}

/* produce ------------------------------------------------------------------------------------------------------------ */

static char *put_batch(char *batch, long records) {
    int64_t now_ms = now_ns(CLOCK_REALTIME) / 1000000;
    char *at = batch + 21; /* base offset, length, leader epoch, magic, checksum: below */
    at = put(at, 0, 2), at = put(at, records - 1, 4), at = put(at, now_ms, 8), at = put(at, now_ms, 8);
    at = put(at, (uint64_t)-1, 8), at = put(at, (uint64_t)-1, 2), at = put(at, (uint64_t)-1, 4), at = put(at, records, 4);
    for (long i = 0; i < records; i++) {
        char record[64], *r = record;
        *r++ = 0, r = put_varint(r, 0), r = put_varint(r, i), *r++ = 1, r = put_varint(r, size); /* no key: -1 */
        at = put_varint(at, r - record + size + 1);
        memcpy(at, record, r - record), at += r - record;
        memset(at, 'x', size), at += size;
        *at++ = 0; /* headers */
    }
    char *head = put(put(put(batch, 0, 8), at - batch - 12, 4), (uint64_t)-1, 4);
    put(put(head, 2, 1), crc32c(batch + 21, at - batch - 21), 4);
    return at;
}

static size_t produce_request(char *request, int32_t partition, long records) {
    char *at = request + 4;
    at = put(at, 0, 2), at = put(at, 7, 2), at = put(at, 7, 4), at = put_string(at, "load");
    at = put(at, (uint64_t)-1, 2), at = put(at, 1, 2), at = put(at, 30000, 4); /* no transaction, acks, time-out */
    at = put(at, 1, 4), at = put_string(at, topic), at = put(at, 1, 4), at = put(at, partition, 4);
    char *batch = at + 4, *end = put_batch(batch, records);
    put(at, end - batch, 4);
    put(request, end - request - 4, 4);
    return end - request;
}

static void read_acknowledgement(int fd) {
    unsigned char answer[512];
    read_fully(fd, answer, 4);
    int64_t bytes = get(answer, 4), error_at = 4 + 4 + 2 + (int64_t)strlen(topic) + 4 + 4;
    if (bytes < error_at + 2 || bytes > (int64_t)sizeof answer) die("an answer of a strange size");
    read_fully(fd, answer, bytes);
    if (get(answer + error_at, 2)) die("the produce has an error");
}

static void *produce_part(void *argument) {
    part_t *part = argument;
    long records = batch_bytes / size > 0 ? batch_bytes / size : 1, requests = (part->count + records - 1) / records;
    char *request = malloc(records * (size + 32) + 1024);
    size_t length = produce_request(request, part->partition, records);
    int fd = connect_to_broker();
    long unanswered = 0;
    for (long i = 0; i < requests; i++) {
        if (unanswered == in_flight) read_acknowledgement(fd), unanswered--;
        send_fully(fd, request, length);
        unanswered++;
    }
    while (unanswered-- > 0) read_acknowledgement(fd);
    __atomic_fetch_add(&delivered, requests * records, __ATOMIC_RELAXED);
    close(fd);
    free(request);
    return NULL;
}

/* A broker may learn of a new topic a moment after its controller said that it is there. */
static void await_partitions(void) {
    unsigned char answer[1024];
    char request[512];
    struct timespec pause = {0, 5000000};
    int64_t deadline = now_ns(CLOCK_MONOTONIC) + (int64_t)TIMEOUT_S * 1000000000;
    int fd = connect_to_broker();
    for (int32_t partition = 0; partition < partitions;) {
        send_fully(fd, request, fetch_request(request, partition, 0, 0));
        read_fully(fd, answer, 4);
        int64_t bytes = get(answer, 4), error_at = 4 + 4 + 4 + 2 + (int64_t)strlen(topic) + 4 + 4;
        if (bytes < error_at + 2 || bytes > (int64_t)sizeof answer) die("an answer of a strange size");
        read_fully(fd, answer, bytes);
        if (!get(answer + error_at, 2)) partition++;
        else if (now_ns(CLOCK_MONOTONIC) > deadline) die("the topic does not come to be");
        else nanosleep(&pause, NULL);
    }
    close(fd);
}

static void run(void *(*work)(void *)) {
    static part_t parts[MAX_CONNECTIONS];
    static pthread_t threads[MAX_CONNECTIONS];
    int64_t start = now_ns(CLOCK_MONOTONIC);
    for (long i = 0; i < connections; i++) {
        parts[i] = (part_t){(int32_t)(i % partitions), count / connections};
        pthread_create(&threads[i], NULL, work, &parts[i]);
    }
    for (long i = 0; i < connections; i++) pthread_join(threads[i], NULL);
    double seconds = (now_ns(CLOCK_MONOTONIC) - start) / 1e9;
    printf("{\"records_per_s\": %.3f, \"records\": %ld, \"failed\": 0}\n", delivered / seconds, delivered);
    exit(0);
}

int main(int argc, char **argv) {
    if (argc < 7) die("usage: see the head of bare.c");
    address = argv[2];
    topic = argv[3];
    partitions = atol(argv[4]);
    connections = atol(argv[5]);
    count = atol(argv[6]);
    size = argc > 7 ? atol(argv[7]) : 0;
    batch_bytes = argc > 8 ? atol(argv[8]) : 0;
    in_flight = argc > 9 ? atol(argv[9]) : 0;
    if (connections < 1 || connections > MAX_CONNECTIONS || partitions < 1 || strlen(topic) > 200) die("too many, or too long");
    if (!strcmp(argv[1], "fetch"))
        run(fetch_part);
    else if (!strcmp(argv[1], "produce") && size > 0 && size <= 1000000 && batch_bytes > 0 &&
             batch_bytes <= 10000000 && in_flight > 0) {
        await_partitions();
        run(produce_part);
    }
    die("usage: see the head of bare.c");
}
