/*
 * The load of the benchmark: librdkafka, driven as cheaply as it can be, so that the broker is what is measured.
 *
 *   load produce   ADDRESS TOPIC PARTITIONS CONNECTIONS COUNT SIZE ONE_A_REQUEST
 *   load transact  ADDRESS TOPIC PARTITIONS CONNECTIONS COUNT SIZE PER_TRANSACTION ABORT_EVERY
 *   load consume   ADDRESS TOPIC PARTITIONS CONNECTIONS COUNT
 *   load groups    ADDRESS TOPIC PARTITIONS CONNECTIONS COUNT RATE_PER_S
 *   load latency   ADDRESS TOPIC PARTITIONS CONNECTIONS COUNT SIZE RATE_PER_S
 *
 * A connection is an rd_kafka_t of its own; with a CA's certificate in the environment's LOAD_CA it is one by TLS.
 * transact: COUNT records in committed transactions; each ABORT_EVERY-th one is aborted and does not count (0: none).
 * consume: read_committed, as is librdkafka's default. groups: every connection is the one member of a group of its own,
 * and commits an offset now and then; COUNT commits in all.
 * Prints one JSON object. The few declarations of librdkafka's C API that are used stand here, so that its shared library
 * is enough to build with.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

typedef struct rd_kafka_s rd_kafka_t;
typedef struct rd_kafka_conf_s rd_kafka_conf_t;
typedef struct rd_kafka_topic_s rd_kafka_topic_t;
typedef struct rd_kafka_topic_conf_s rd_kafka_topic_conf_t;
typedef struct rd_kafka_error_s rd_kafka_error_t;
typedef struct {
    char *topic;
    int32_t partition;
    int64_t offset;
    void *metadata;
    size_t metadata_size;
    void *opaque;
    int err;
    void *_private;
} rd_kafka_topic_partition_t;
typedef struct {
    int cnt;
    int size;
    rd_kafka_topic_partition_t *elems;
} rd_kafka_topic_partition_list_t;
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
extern rd_kafka_error_t *rd_kafka_init_transactions(rd_kafka_t *, int);
extern rd_kafka_error_t *rd_kafka_begin_transaction(rd_kafka_t *);
extern rd_kafka_error_t *rd_kafka_commit_transaction(rd_kafka_t *, int);
extern rd_kafka_error_t *rd_kafka_abort_transaction(rd_kafka_t *, int);
extern const char *rd_kafka_error_string(const rd_kafka_error_t *);
extern int rd_kafka_poll_set_consumer(rd_kafka_t *);
extern rd_kafka_topic_partition_list_t *rd_kafka_topic_partition_list_new(int);
extern rd_kafka_topic_partition_t *rd_kafka_topic_partition_list_add(rd_kafka_topic_partition_list_t *, const char *, int32_t);
extern int rd_kafka_subscribe(rd_kafka_t *, const rd_kafka_topic_partition_list_t *);
extern rd_kafka_message_t *rd_kafka_consumer_poll(rd_kafka_t *, int);
extern int rd_kafka_commit(rd_kafka_t *, const rd_kafka_topic_partition_list_t *, int);

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

static void set(rd_kafka_conf_t *conf, const char *key, const char *value) {
    char error[256];
    if (rd_kafka_conf_set(conf, key, value, error, sizeof error)) die(error);
}

/* `id_key` is set to TOPIC-NUMBER, unless it is NULL. */
static rd_kafka_t *client_with_id(int type, const char *const settings[][2], const char *id_key, long number) {
    char error[256], id[256];
    const char *ca = getenv("LOAD_CA");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", address);
    for (int i = 0; settings[i][0]; i++) set(conf, settings[i][0], settings[i][1]);
    if (ca) set(conf, "security.protocol", "ssl"), set(conf, "ssl.ca.location", ca);
    snprintf(id, sizeof id, "%s-%ld", topic, number);
    if (id_key) set(conf, id_key, id);
    if (type == PRODUCER) rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *rk = rd_kafka_new(type, conf, error, sizeof error);
    if (!rk) die(error);
    return rk;
}

static rd_kafka_t *client(int type, const char *const settings[][2]) { return client_with_id(type, settings, NULL, 0); }

static const char *const BATCHED[][2] = {{"socket.nagle.disable", "true"}, {"queue.buffering.max.messages", "1000000"}, {0}};
static const char *const ONE_A_REQUEST[][2] = {{"socket.nagle.disable", "true"}, {"queue.buffering.max.messages", "1000000"},
                                               {"batch.num.messages", "1"}, {"linger.ms", "0"}, {0}};
static const char *const AT_ONCE[][2] = {{"socket.nagle.disable", "true"}, {"linger.ms", "0"}, {0}};
static const char *const READER[][2] = {{"socket.nagle.disable", "true"}, {0}};
static const char *const MEMBER[][2] = {{"socket.nagle.disable", "true"}, {"enable.auto.commit", "false"},
                                        {"auto.offset.reset", "earliest"}, {0}};

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

/* latencies ---------------------------------------------------------------------------------------------------------- */

static int64_t *latencies;
static long received;

static void take_latency(int64_t ns) {
    long index = __atomic_fetch_add(&received, 1, __ATOMIC_RELAXED);
    if (index < count) latencies[index] = ns;
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print_latencies(long skip, long n, long records, double rate) {
    qsort(latencies + skip, n, sizeof *latencies, by_value);
    if (rate > 0) printf("{\"records_per_s\": %.3f, ", rate);
    else printf("{");
    printf("\"records\": %ld, \"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f, \"failed\": %ld}\n", records,
           latencies[skip + n / 2] / 1e6, latencies[skip + n * 99 / 100] / 1e6, latencies[skip + n - 1] / 1e6, failed);
    fflush(stdout);
    _Exit(failed ? 1 : 0);
}

/* transactions -------------------------------------------------------------------------------------------------------- */

static long per_transaction, abort_every;

static void check(rd_kafka_error_t *error) {
    if (error) die(rd_kafka_error_string(error));
}

static void *transact_part(void *argument) {
    part_t *part = argument;
    char payload[size];
    memset(payload, 'x', size);
    rd_kafka_message_t messages[per_transaction];
    long committed = 0;
    for (long number = 1; committed < part->count; number++) {
        int aborts = abort_every && number % abort_every == 0;
        check(rd_kafka_begin_transaction(part->rk));
        memset(messages, 0, sizeof messages);
        for (long i = 0; i < per_transaction; i++) messages[i].payload = payload, messages[i].len = size;
        if (rd_kafka_produce_batch(part->rkt, part->partition, 2, messages, (int)per_transaction) != per_transaction)
            die("cannot send");
        if (aborts && rd_kafka_flush(part->rk, TIMEOUT_S * 1000)) die("flush timed out"); /* to have them in the log */
        int64_t begun = now_ns();
        if (aborts) check(rd_kafka_abort_transaction(part->rk, TIMEOUT_S * 1000));
        else check(rd_kafka_commit_transaction(part->rk, TIMEOUT_S * 1000));
        if (aborts) continue;
        committed += per_transaction;
        take_latency(now_ns() - begun);
    }
    __atomic_fetch_add(&uncounted, committed, __ATOMIC_RELAXED);
    return NULL;
}

static void transact(void) {
    static part_t parts[MAX_CONNECTIONS];
    static pthread_t threads[MAX_CONNECTIONS];
    latencies = calloc(count, sizeof *latencies);
    for (long i = 0; i < connections; i++) {
        parts[i].rk = client_with_id(PRODUCER, READER, "transactional.id", i);
        parts[i].rkt = rd_kafka_topic_new(parts[i].rk, topic, NULL);
        parts[i].partition = (int32_t)(i % partitions);
        parts[i].count = count / connections;
        check(rd_kafka_init_transactions(parts[i].rk, TIMEOUT_S * 1000));
    }
    int64_t start = now_ns();
    for (long i = 0; i < connections; i++) pthread_create(&threads[i], NULL, transact_part, &parts[i]);
    for (long i = 0; i < connections; i++) pthread_join(threads[i], NULL);
    double rate = uncounted / ((now_ns() - start) / 1e9);
    print_latencies(0, received, uncounted, rate);
}

/* groups ------------------------------------------------------------------------------------------------------------- */

static pthread_barrier_t joined;
static long interval_ns;

static void *commit_part(void *argument) {
    part_t *part = argument;
    int64_t deadline = now_ns() + (int64_t)TIMEOUT_S * 1000000000;
    rd_kafka_message_t *message = NULL;
    while (!message || message->err) { /* the group has a generation, and its member a partition, when a record comes */
        if (message) rd_kafka_message_destroy(message);
        if (now_ns() > deadline) die("a group gets no record");
        message = rd_kafka_consumer_poll(part->rk, 100);
    }
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *offset = rd_kafka_topic_partition_list_add(offsets, topic, message->partition);
    rd_kafka_message_destroy(message);
    pthread_barrier_wait(&joined);
    int64_t next = now_ns() + interval_ns * (part->partition + 1) / connections; /* one after the other */
    for (long i = 0; i < part->count; i++, next += interval_ns) {
        for (int64_t left; (left = next - now_ns()) > 0;) {
            struct timespec rest = {left / 1000000000, left % 1000000000};
            message = left > 2000000 ? rd_kafka_consumer_poll(part->rk, (int)(left / 1000000) - 1) : NULL;
            if (message) rd_kafka_message_destroy(message);
            else if (left <= 2000000) clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
        }
        offset->offset = i + 1;
        int64_t begun = now_ns();
        if (rd_kafka_commit(part->rk, offsets, 0)) __atomic_fetch_add(&failed, 1, __ATOMIC_RELAXED);
        take_latency(now_ns() - begun);
    }
    return NULL;
}

static void groups(long rate) {
    static part_t parts[MAX_CONNECTIONS];
    static pthread_t threads[MAX_CONNECTIONS];
    latencies = calloc(count, sizeof *latencies);
    interval_ns = 1000000000L * connections / rate;
    pthread_barrier_init(&joined, NULL, (unsigned)connections);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic, -1);
    for (long i = 0; i < connections; i++) {
        parts[i] = (part_t){client_with_id(CONSUMER, MEMBER, "group.id", i), NULL, (int32_t)i, count / connections};
        rd_kafka_poll_set_consumer(parts[i].rk);
        if (rd_kafka_subscribe(parts[i].rk, topics)) die("cannot subscribe");
        pthread_create(&threads[i], NULL, commit_part, &parts[i]);
    }
    for (long i = 0; i < connections; i++) pthread_join(threads[i], NULL);
    print_latencies(0, received, received, 0);
}

/* latency ------------------------------------------------------------------------------------------------------------ */

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
                take_latency(now - sent);
            }
            rd_kafka_message_destroy(messages[i]);
        }
    }
    return NULL;
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
    print_latencies(connections, count - connections, count - connections, 0);
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
    else if (!strcmp(argv[1], "transact") && argc == 10) {
        per_transaction = atol(argv[8]), abort_every = atol(argv[9]);
        if (per_transaction < 1 || per_transaction > CHUNK || abort_every < 0 || abort_every == 1) die("that many it cannot");
        transact();
    } else if (!strcmp(argv[1], "groups") && argc == 8)
        groups(size); /* the last argument: RATE_PER_S */
    else if (!strcmp(argv[1], "latency") && argc == 9 && size >= 8)
        latency(atol(argv[8]));
    die("usage: see the head of load.c");
}
