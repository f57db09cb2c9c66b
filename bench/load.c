/*
 * The load of the benchmark: librdkafka, driven as cheaply as it can be, so that the broker is what is measured.
 *
 *   load produce  ADDRESS TOPIC PARTITIONS CONNECTIONS COUNT SIZE ONE_A_REQUEST
 *   load consume  ADDRESS TOPIC PARTITIONS CONNECTIONS COUNT
 *   load fetch    ADDRESS TOPIC PARTITIONS CONNECTIONS COUNT
 *   load latency  ADDRESS TOPIC PARTITIONS CONNECTIONS COUNT SIZE RATE_PER_S
 *
 * A connection is an rd_kafka_t of its own; in `fetch` it is a bare socket with Fetch requests (version 4) one after the
 * other, whose answers are read batch by batch and forgotten: librdkafka cannot take records as fast as a broker gives
 * them, this can. Prints one JSON object. The few declarations of librdkafka's C API that are
 * used stand here, so that its shared library is enough to build with.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

typedef struct rd_kafka_s rd_kafka_t;
typedef struct rd_kafka_conf_s rd_kafka_conf_t;
typedef struct rd_kafka_topic_s rd_kafka_topic_t;
typedef struct rd_kafka_topic_conf_s rd_kafka_topic_conf_t;
typedef struct {
    int err;
    rd_kafka_topic_t *rkt;
    int32_t partition;
    void *payload;
    size_t len;
    void *key;
    size_t key_len;
    int64_t offset;
    void *_private;
} rd_kafka_message_t;
enum { PRODUCER = 0, CONSUMER = 1, BEGINNING = -2, END = -1, PARTITION_EOF = -191, QUEUE_FULL = -184 };

extern rd_kafka_conf_t *rd_kafka_conf_new(void);
extern int rd_kafka_conf_set(rd_kafka_conf_t *, const char *, const char *, char *, size_t);
extern void rd_kafka_conf_set_dr_msg_cb(rd_kafka_conf_t *, void (*)(rd_kafka_t *, const rd_kafka_message_t *, void *));
extern rd_kafka_t *rd_kafka_new(int, rd_kafka_conf_t *, char *, size_t);
extern void rd_kafka_destroy(rd_kafka_t *);
extern rd_kafka_topic_t *rd_kafka_topic_new(rd_kafka_t *, const char *, rd_kafka_topic_conf_t *);
extern void rd_kafka_topic_destroy(rd_kafka_topic_t *);
extern int rd_kafka_produce_batch(rd_kafka_topic_t *, int32_t, int, rd_kafka_message_t *, int);
extern int rd_kafka_poll(rd_kafka_t *, int);
extern int rd_kafka_flush(rd_kafka_t *, int);
extern int rd_kafka_consume_start(rd_kafka_topic_t *, int32_t, int64_t);
extern int rd_kafka_consume_stop(rd_kafka_topic_t *, int32_t);
extern ssize_t rd_kafka_consume_batch(rd_kafka_topic_t *, int32_t, int, rd_kafka_message_t **, size_t);
extern void rd_kafka_message_destroy(rd_kafka_message_t *);

enum { CHUNK = 1000, CONSUME_CHUNK = 10000, MAX_CONNECTIONS = 1000, TIMEOUT_S = 120 };

static const char *address, *topic;
static long partitions, connections, count, size;
static long delivered, failed, uncounted;
static int64_t first_ns; /* when the first records came */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what) {
    fprintf(stderr, "load: %s\n", what);
    exit(1);
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque) {
    (void)rk;
    (void)opaque;
    __atomic_fetch_add(message->err ? &failed : &delivered, 1, __ATOMIC_RELAXED);
}

static rd_kafka_t *client(int type, const char *const settings[][2]) {
    char error[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", address, error, sizeof error);
    for (int i = 0; settings[i][0]; i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof error)) die(error);
    if (type == PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *rk = rd_kafka_new(type, conf, error, sizeof error);
    if (!rk) die(error);
    return rk;
}

static const char *const BATCHED[][2] = {{"socket.nagle.disable", "true"}, {"queue.buffering.max.messages", "1000000"}, {0}};
static const char *const ONE_A_REQUEST[][2] = {{"socket.nagle.disable", "true"}, {"queue.buffering.max.messages", "1000000"},
                                               {"batch.num.messages", "1"}, {"linger.ms", "0"}, {0}};
static const char *const AT_ONCE[][2] = {{"socket.nagle.disable", "true"}, {"linger.ms", "0"}, {0}};
static const char *const READER[][2] = {{"socket.nagle.disable", "true"}, {0}};

/* produce ------------------------------------------------------------------------------------------------------------ */

typedef struct {
    rd_kafka_t *rk;
    rd_kafka_topic_t *rkt;
    int32_t partition;
    long count;
} part_t;

static void *produce_part(void *argument) {
    part_t *part = argument;
    char *payload = malloc(size);
    memset(payload, 'x', size);
    rd_kafka_message_t messages[CHUNK];
    long left = part->count;
    while (left > 0) {
        int chunk = left < CHUNK ? (int)left : CHUNK;
        memset(messages, 0, sizeof messages);
        for (int i = 0; i < chunk; i++) {
            messages[i].payload = payload; /* no copy: it lives until the flush */
            messages[i].len = size;
        }
        int first = 0;
        while (first < chunk) {
            int taken = rd_kafka_produce_batch(part->rkt, part->partition, 0, messages + first, chunk - first);
            first += taken;
            if (first < chunk) rd_kafka_poll(part->rk, 10);
        }
        rd_kafka_poll(part->rk, 0);
        left -= chunk;
    }
    if (rd_kafka_flush(part->rk, TIMEOUT_S * 1000)) die("flush timed out");
    free(payload);
    return NULL;
}

/* consume ------------------------------------------------------------------------------------------------------------ */

static void *consume_part(void *argument) {
    part_t *part = argument;
    rd_kafka_message_t *messages[CONSUME_CHUNK];
    int64_t deadline = now_ns() + (int64_t)TIMEOUT_S * 1000000000;
    long left = part->count;
    while (left > 0) {
        if (now_ns() > deadline) die("consume timed out");
        ssize_t got = rd_kafka_consume_batch(part->rkt, part->partition, 100, messages, CONSUME_CHUNK);
        if (got > 0 && !__atomic_load_n(&first_ns, __ATOMIC_RELAXED)) {
            pthread_mutex_lock(&lock);
            if (!first_ns) first_ns = now_ns(), uncounted = got;
            pthread_mutex_unlock(&lock);
        }
        for (ssize_t i = 0; i < got; i++) {
            if (!messages[i]->err) left--;
            else if (messages[i]->err != PARTITION_EOF) __atomic_fetch_add(&failed, 1, __ATOMIC_RELAXED);
            rd_kafka_message_destroy(messages[i]);
        }
    }
    pthread_mutex_lock(&lock);
    delivered += part->count - left;
    pthread_mutex_unlock(&lock);
    return NULL;
}

static void send_now(part_t *part) {
    rd_kafka_message_t message;
    char payload[size];
    memset(payload, 'x', size);
    memset(&message, 0, sizeof message);
    int64_t now = now_ns();
    memcpy(payload, &now, sizeof now);
    message.payload = payload;
    message.len = size;
    if (rd_kafka_produce_batch(part->rkt, part->partition, 2 /* copy */, &message, 1) != 1) die("cannot send");
    rd_kafka_poll(part->rk, 0);
}

/* Every connection is made before anything counts: a record each, and its acknowledgement. */
static void warm_up(part_t *parts) {
    for (long i = 0; i < connections; i++) send_now(&parts[i]);
    for (long i = 0; i < connections; i++)
        if (rd_kafka_flush(parts[i].rk, TIMEOUT_S * 1000)) die("the first flush timed out");
    delivered = 0;
}

static void run(int type, const char *const settings[][2], void *(*work)(void *)) {
    static part_t parts[MAX_CONNECTIONS];
    static pthread_t threads[MAX_CONNECTIONS];
    for (long i = 0; i < connections; i++) {
        parts[i].rk = client(type, settings);
        parts[i].rkt = rd_kafka_topic_new(parts[i].rk, topic, NULL);
        parts[i].partition = (int32_t)(i % partitions);
        parts[i].count = count / connections;
    }
    if (type == PRODUCER) warm_up(parts);
    int64_t start = now_ns();
    for (long i = 0; i < connections; i++) {
        if (type == CONSUMER) rd_kafka_consume_start(parts[i].rkt, parts[i].partition, BEGINNING);
        pthread_create(&threads[i], NULL, work, &parts[i]);
    }
    for (long i = 0; i < connections; i++) pthread_join(threads[i], NULL);
    /* A client that reads starts in steps of its own (metadata, offsets): its time runs from the first records on. */
    double seconds = (now_ns() - (first_ns ? first_ns : start)) / 1e9;
    double rate = (delivered - uncounted) / seconds;
    printf("{\"records_per_s\": %.3f, \"records\": %ld, \"failed\": %ld}\n", rate, delivered, failed);
    fflush(stdout);
    _Exit(failed ? 1 : 0); /* the orderly end of a hundred clients is not what is measured */
}

/* fetch -------------------------------------------------------------------------------------------------------------- */

enum { FETCH_MAX = 50 << 20, PARTITION_MAX = 1 << 20, ANSWER_MAX = 4 << 20, BATCH_HEADER = 61 };

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

static int64_t get(const unsigned char *at, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | at[i];
    return bytes == 8 ? (int64_t)value : (int64_t)(int32_t)value;
}

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

static size_t fetch_request(char *request, int32_t partition, int64_t offset) {
    char *at = request + 4;
    at = put(at, 1, 2), at = put(at, 4, 2), at = put(at, 7, 4), at = put_string(at, "load"); /* key, version, id, client */
    at = put(at, (uint64_t)-1, 4), at = put(at, 500, 4), at = put(at, 1, 4), at = put(at, FETCH_MAX, 4), at = put(at, 0, 1);
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
        size_t length = fetch_request(request, part->partition, offset);
        if (send(fd, request, length, 0) != (ssize_t)length) die("cannot send");
        read_fully(fd, answer, 4);
        int64_t bytes = get(answer, 4);
        if (bytes < records_at || bytes > ANSWER_MAX) die("an answer of a strange size");
        read_fully(fd, answer, bytes);
        const unsigned char *at = answer + records_at, *end = answer + bytes;
        if (get(at, 2)) die("the fetch has an error");
        at += 2 + 8 + 8;                             /* error, high watermark, last stable offset */
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

static void fetch(void) {
    static part_t parts[MAX_CONNECTIONS];
    static pthread_t threads[MAX_CONNECTIONS];
    int64_t start = now_ns();
    for (long i = 0; i < connections; i++) {
        parts[i] = (part_t){NULL, NULL, (int32_t)(i % partitions), count / connections};
        pthread_create(&threads[i], NULL, fetch_part, &parts[i]);
    }
    for (long i = 0; i < connections; i++) pthread_join(threads[i], NULL);
    double seconds = (now_ns() - start) / 1e9;
    printf("{\"records_per_s\": %.3f, \"records\": %ld, \"failed\": 0}\n", delivered / seconds, delivered);
    exit(0);
}

/* latency ------------------------------------------------------------------------------------------------------------ */

static int64_t *latencies;
static long received;

static void *receive_partition(void *argument) {
    part_t *part = argument;
    rd_kafka_message_t *messages[CHUNK];
    int64_t deadline = now_ns() + (int64_t)TIMEOUT_S * 1000000000;
    while (__atomic_load_n(&received, __ATOMIC_RELAXED) < count) {
        if (now_ns() > deadline) die("not everything came back");
        ssize_t got = rd_kafka_consume_batch(part->rkt, part->partition, 50, messages, 1);
        int64_t now = now_ns();
        for (ssize_t i = 0; i < got; i++) {
            if (!messages[i]->err && messages[i]->len >= sizeof now) {
                int64_t sent;
                memcpy(&sent, messages[i]->payload, sizeof sent);
                long index = __atomic_fetch_add(&received, 1, __ATOMIC_RELAXED);
                if (index < count) latencies[index] = now - sent;
            }
            rd_kafka_message_destroy(messages[i]);
        }
    }
    return NULL;
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void latency(long rate) {
    static part_t senders[MAX_CONNECTIONS], receivers[MAX_CONNECTIONS];
    static pthread_t threads[MAX_CONNECTIONS];
    count += connections; /* the first one of each */
    latencies = calloc(count, sizeof *latencies);
    rd_kafka_t *reader = client(CONSUMER, READER);
    rd_kafka_topic_t *read_topic = rd_kafka_topic_new(reader, topic, NULL);
    for (long p = 0; p < partitions; p++) {
        receivers[p] = (part_t){reader, read_topic, (int32_t)p, 0};
        if (rd_kafka_consume_start(read_topic, (int32_t)p, BEGINNING)) die("cannot read");
        pthread_create(&threads[p], NULL, receive_partition, &receivers[p]);
    }
    for (long i = 0; i < connections; i++) {
        senders[i].rk = client(PRODUCER, AT_ONCE);
        senders[i].rkt = rd_kafka_topic_new(senders[i].rk, topic, NULL);
        senders[i].partition = (int32_t)(i % partitions);
    }
    /* Every connection is made, and the first fetches have come back, before anything counts. */
    long wanted = count - connections;
    for (long i = 0; i < connections; i++) send_now(&senders[i]);
    int64_t deadline = now_ns() + (int64_t)TIMEOUT_S * 1000000000;
    struct timespec pause = {0, 1000000};
    while (__atomic_load_n(&received, __ATOMIC_RELAXED) < connections) {
        if (now_ns() > deadline) die("the first records did not come back");
        clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
    int64_t next = now_ns(), interval = 1000000000 / rate;
    for (long i = 0; i < wanted; i++) {
        struct timespec until = {next / 1000000000, next % 1000000000};
        clock_nanosleep(CLOCK_MONOTONIC, 1 /* absolute */, &until, NULL);
        send_now(&senders[i % connections]);
        next += interval;
    }
    for (long p = 0; p < partitions; p++) pthread_join(threads[p], NULL);
    long skip = connections;
    qsort(latencies + skip, count - skip, sizeof *latencies, by_value);
    long n = count - skip;
    printf("{\"records\": %ld, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f, \"failed\": %ld}\n", n,
           latencies[skip + n / 2] / 1e6, latencies[skip + n * 99 / 100] / 1e6, latencies[count - 1] / 1e6, failed);
    fflush(stdout);
    _Exit(failed ? 1 : 0);
}

int main(int argc, char **argv) {
    if (argc < 7) die("usage: see the head of load.c");
    address = argv[2];
    topic = argv[3];
    partitions = atol(argv[4]);
    connections = atol(argv[5]);
    count = atol(argv[6]);
    size = argc > 7 ? atol(argv[7]) : 0;
    if (connections < 1 || connections > MAX_CONNECTIONS || partitions < 1 || partitions > MAX_CONNECTIONS) die("too many");
    if (!strcmp(argv[1], "produce") && argc == 9)
        run(PRODUCER, atol(argv[8]) ? ONE_A_REQUEST : BATCHED, produce_part);
    else if (!strcmp(argv[1], "consume"))
        run(CONSUMER, READER, consume_part);
    else if (!strcmp(argv[1], "fetch"))
        fetch();
    else if (!strcmp(argv[1], "latency") && argc == 9 && size >= 8)
        latency(atol(argv[8]));
    die("usage: see the head of load.c");
}
