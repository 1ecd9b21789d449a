/* Load for benchmarks, on loopback only: four programs in one, chosen by the first argument.
 *
 *   sink                               an SMSC that answers ESME_ROK; prints its port, and at SIGUSR1 how many
 *       submit_sm and data_sm it has answered
 *   relay UPSTREAM_PORT                a TCP relay that looks at nothing; prints its port
 *   send PORT FILE WINDOW COUNT RATE BINDS TOGETHER SECONDS AGAIN
 *       binds BINDS transmitters, sends COUNT requests taken in turn from FILE (whole PDUs, one behind
 *       the other), at most WINDOW unanswered per bind, RATE a second in all (0: as fast as answers
 *       come), for at most SECONDS (0: however long it takes), and prints one JSON line: requests
 *       answered, seconds, answers that were not ESME_ROK, latency quantiles in microseconds. With a
 *       RATE the load is an open loop: requests go to the binds in turn, and latency counts from when
 *       a request should have left, not from when the generator came to send it. With AGAIN (1) a lost link
 *       is opened anew, and what it left unanswered is sent again, without a latency of its own; else (0) it
 *       is the end. Answers that the sink gave are counted and timed by themselves too: by their message_id.
 *   awake                              has the kernel poll when nobody wants a core, or takes what nobody else
 *       wants of its own, at the lowest priority: a core that never sleeps wakes nobody late, so that latency
 *       is the relay's and not the host's
 *
 * SMPP 3.4 sections 3.2 (PDU layout), 4.1 (bind), 4.4 (submit_sm).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (256 * 1024)
#define MAX_FDS 4096
/* Requests of a bind whose times are kept; a power of two. */
#define REMEMBERED 65536u
/* Answers that take longer than this are given up. */
#define PATIENCE_S 30
#define BIND_TRANSMITTER 0x00000002u
#define BIND_TRANSCEIVER 0x00000009u
#define SUBMIT_SM 0x00000004u
#define DATA_SM 0x00000103u
#define RESPONSE 0x80000000u
/* The message_id of all that the sink takes, a C-octet string. */
#define SINKS_ID "00000001"

static void die(const char *what) { perror(what); exit(1); }

static uint32_t get32(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v) {
    p[0] = v >> 24; p[1] = v >> 16; p[2] = v >> 8; p[3] = v;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void tune(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
}

static int listening(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || bind(fd, (void *)&a, n) || listen(fd, 128) || getsockname(fd, (void *)&a, &n)) die("listen");
    printf("%d\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

static int dial(int port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (void *)&a, sizeof a)) die("connect");
    tune(fd);
    return fd;
}

static void watch(int ep, int fd, uint32_t events, int op) {
    struct epoll_event e = {.events = events, .data.fd = fd};
    if (epoll_ctl(ep, op, fd, &e)) die("epoll_ctl");
}

/* Octets on their way out of one descriptor. */
struct out { uint8_t *data; size_t begin, end, room; };
static struct out outs[MAX_FDS];

static void queue(int fd, const uint8_t *p, size_t n) {
    struct out *o = &outs[fd];
    if (o->end + n > o->room) {
        memmove(o->data, o->data + o->begin, o->end - o->begin);
        o->end -= o->begin; o->begin = 0;
        if (o->end + n > o->room) {
            o->room = 2 * (o->end + n);
            o->data = realloc(o->data, o->room);
        }
    }
    memcpy(o->data + o->end, p, n);
    o->end += n;
}

/* Write what is queued; returns 0 when something is left. */
static int flush_out(int fd) {
    struct out *o = &outs[fd];
    while (o->begin < o->end) {
        ssize_t n = write(fd, o->data + o->begin, o->end - o->begin);
        if (n < 0) {
            if (errno == EAGAIN) return 0;
            o->begin = o->end = 0;
            return 1;
        }
        o->begin += n;
    }
    o->begin = o->end = 0;
    return 1;
}

/* ---- sink ---- */

struct in { uint8_t *data; size_t have; };
static struct in ins[MAX_FDS];
static volatile sig_atomic_t asked;
static long submits;

static void ask(int signal) { asked = signal; }

/* Answer every whole PDU in the buffer; keep the rest. */
static void answer(int fd, struct in *in) {
    static uint8_t reply[CHUNK + 64];
    size_t at = 0, n = 0;
    while (in->have - at >= 16) {
        const uint8_t *p = in->data + at;
        uint32_t length = get32(p), command = get32(p + 4);
        if (length < 16 || in->have - at < length) break;
        if (!(command & RESPONSE)) {
            int submit = command == SUBMIT_SM || command == DATA_SM;
            int body = submit ? 9 : command == BIND_TRANSMITTER || command == BIND_TRANSCEIVER ? 5 : 0;
            if (n + 32 > sizeof reply) { queue(fd, reply, n); n = 0; }
            put32(reply + n, 16 + body);
            put32(reply + n + 4, command | RESPONSE);
            put32(reply + n + 8, 0);
            memcpy(reply + n + 12, p + 12, 4);
            if (body) memcpy(reply + n + 16, submit ? SINKS_ID : "sink", body);
            n += 16 + body;
            submits += submit;
        }
        at += length;
    }
    memmove(in->data, in->data + at, in->have - at);
    in->have -= at;
    queue(fd, reply, n);
    flush_out(fd);
}

static void sink(void) {
    int ep = epoll_create1(0), l = listening();
    struct epoll_event events[64];
    sigset_t asking, waiting;
    sigemptyset(&asking);
    sigaddset(&asking, SIGUSR1);
    signal(SIGUSR1, ask);
    sigprocmask(SIG_BLOCK, &asking, &waiting);
    watch(ep, l, EPOLLIN, EPOLL_CTL_ADD);
    for (;;) {
        int n = epoll_pwait(ep, events, 64, -1, &waiting);
        if (asked) {
            asked = 0;
            printf("%ld\n", submits);
            fflush(stdout);
        }
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == l) {
                int c = accept(l, 0, 0);
                if (c < 0) continue;
                tune(c);
                if (!ins[c].data) ins[c].data = malloc(2 * CHUNK);
                ins[c].have = 0;
                outs[c].begin = outs[c].end = 0;
                watch(ep, c, EPOLLIN, EPOLL_CTL_ADD);
                continue;
            }
            if (!flush_out(fd)) continue; /* the peer is slow: read no more from it */
            ssize_t got = read(fd, ins[fd].data + ins[fd].have, 2 * CHUNK - ins[fd].have);
            if (got == 0 || (got < 0 && errno != EAGAIN)) { close(fd); continue; }
            if (got > 0) { ins[fd].have += got; answer(fd, &ins[fd]); }
        }
    }
}

/* ---- relay ---- */

static int other[MAX_FDS];

static void relay(int upstream) {
    static uint8_t buffer[CHUNK];
    int ep = epoll_create1(0), l = listening();
    struct epoll_event events[64];
    watch(ep, l, EPOLLIN, EPOLL_CTL_ADD);
    for (;;) {
        int n = epoll_wait(ep, events, 64, -1);
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            if (fd == l) {
                int c = accept(l, 0, 0);
                if (c < 0) continue;
                tune(c);
                int u = dial(upstream);
                other[c] = u; other[u] = c;
                watch(ep, c, EPOLLIN, EPOLL_CTL_ADD);
                watch(ep, u, EPOLLIN, EPOLL_CTL_ADD);
                continue;
            }
            if (other[fd] < 0) continue;
            if (events[i].events & EPOLLOUT) {
                if (!flush_out(fd)) continue;
                watch(ep, fd, EPOLLIN, EPOLL_CTL_MOD);
                watch(ep, other[fd], EPOLLIN, EPOLL_CTL_MOD);
            }
            ssize_t got = read(fd, buffer, CHUNK);
            if (got == 0 || (got < 0 && errno != EAGAIN)) {
                int o = other[fd];
                other[fd] = other[o] = -1;
                close(fd); close(o);
                continue;
            }
            if (got <= 0) continue;
            int to = other[fd];
            ssize_t put = outs[to].end ? 0 : write(to, buffer, got);
            if (put < 0) put = 0;
            if (put < got) {
                queue(to, buffer + put, got - put);
                watch(ep, to, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
                watch(ep, fd, 0, EPOLL_CTL_MOD);
            }
        }
    }
}

/* ---- send ---- */

/* Of each request of a bind that has no answer: when it was due, 0 once answered, and where it lies. */
struct bind { int fd; uint32_t sequence; int open; double *sent; size_t *from; struct in in; };

/* The latencies of one kind of request. */
struct times { float *us; long count; };

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static float quantile(const struct times *t, int percent) {
    return t->count ? t->us[t->count * percent / 100] : 0;
}

/* Bind; 0 when the link is lost. */
static int handshake(int fd) {
    uint8_t p[64] = {0};
    size_t n = 16;
    memcpy(p + n, "bench", 6); n += 6;
    memcpy(p + n, "bench", 6); n += 6;
    n += 1; p[n++] = 0x34; n += 3;
    put32(p, n); put32(p + 4, BIND_TRANSMITTER); put32(p + 12, 1);
    if (write(fd, p, n) != (ssize_t)n) return 0;
    size_t have = 0;
    while (have < 16 || have < get32(p)) {
        ssize_t got = read(fd, p + have, sizeof p - have);
        if (got == 0 || (got < 0 && errno != EAGAIN)) return 0;
        if (got > 0) have += got; else usleep(200);
    }
    if (get32(p + 8)) { fprintf(stderr, "bind refused: 0x%x\n", get32(p + 8)); exit(1); }
    return 1;
}

struct load {
    uint8_t *pdus;
    size_t size, at;
    int port, window, binds, together, ep, timer, again;
    struct bind *bind;
    struct times all, passed;
    long sent, answered, refused, last, resent, sinks;
    double start, rate;
};

/* Put the request that lies at an offset on its way out of a bind, as due at `t`; below 0 it is not timed. */
static void submit_from(struct load *l, struct bind *w, size_t from, double t) {
    uint32_t length = get32(l->pdus + from);
    queue(w->fd, l->pdus + from, length);
    put32(outs[w->fd].data + outs[w->fd].end - length + 12, w->sequence);
    w->from[w->sequence % REMEMBERED] = from;
    w->sent[w->sequence++ % REMEMBERED] = t;
    w->open++;
}

/* Put the next request on its way. */
static void submit(struct load *l, struct bind *w, double t) {
    submit_from(l, w, l->at, t);
    l->at += get32(l->pdus + l->at);
    if (l->at >= l->size) l->at = 0;
    l->sent++;
}

/* As fast as answers come: fill every window. */
static void fill(struct load *l, double t) {
    for (int i = 0; i < l->binds; i++) {
        struct bind *w = &l->bind[i];
        for (int wrote = 0; l->sent < l->last && w->open < l->window && wrote < 512; wrote++) submit(l, w, t);
        if (outs[w->fd].end) flush_out(w->fd);
    }
}

/* At a rate: send what is due, so many together out of one bind, and set the timer for what comes next. */
static void keep_pace(struct load *l, double t) {
    while (l->sent < l->last) {
        long turn = l->sent / l->together;
        double due = l->start + turn * l->together / l->rate;
        struct bind *w = &l->bind[turn % l->binds];
        if (due > t) {
            struct itimerspec at = {.it_value = {(time_t)due, (long)((due - (time_t)due) * 1e9)}};
            timerfd_settime(l->timer, TFD_TIMER_ABSTIME, &at, 0);
            return;
        }
        int full = w->open == l->window;
        if (!full) submit(l, w, due);
        if (outs[w->fd].end && (full || l->sent % l->together == 0 || l->sent == l->last)) flush_out(w->fd);
        if (full) return; /* an answer wakes us */
    }
}

static void join(struct load *l, struct bind *w) {
    for (double since = now();;) {
        w->fd = dial(l->port);
        outs[w->fd].begin = outs[w->fd].end = 0;
        if (handshake(w->fd)) break;
        close(w->fd);
        if (!l->again || now() - since > PATIENCE_S) die("bind");
    }
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = w - l->bind};
    epoll_ctl(l->ep, EPOLL_CTL_ADD, w->fd, &e);
}

/* Open a lost link anew, and send again what it left unanswered, in its order. */
static void join_again(struct load *l, struct bind *w) {
    if (!l->again) die("link lost");
    uint32_t end = w->sequence;
    close(w->fd);
    join(l, w);
    w->in.have = 0;
    w->open = 0;
    for (uint32_t each = end > REMEMBERED ? end - REMEMBERED : 2; each < end; each++) {
        if (!w->sent[each % REMEMBERED]) continue;
        w->sent[each % REMEMBERED] = 0;
        submit_from(l, w, w->from[each % REMEMBERED], -1);
        l->resent++;
    }
    flush_out(w->fd);
}

/* Take note of one answer. */
static void take_answer(struct load *l, struct bind *w, const uint8_t *p, uint32_t length, double t) {
    double *sent = &w->sent[get32(p + 12) % REMEMBERED];
    int sinks = length == 16 + sizeof SINKS_ID && !memcmp(p + 16, SINKS_ID, sizeof SINKS_ID);
    if (*sent > 0) {
        float us = (t - *sent) * 1e6;
        l->all.us[l->all.count++] = us;
        if (sinks) l->passed.us[l->passed.count++] = us;
    }
    *sent = 0;
    w->open--;
    l->answered++;
    l->sinks += sinks;
    l->refused += get32(p + 8) != 0;
}

/* Take note of the answers that a bind has. */
static void take_answers(struct load *l, struct bind *w) {
    ssize_t got = read(w->fd, w->in.data + w->in.have, 2 * CHUNK - w->in.have);
    double t = now();
    if (got == 0 || (got < 0 && errno != EAGAIN)) join_again(l, w);
    if (got <= 0) return;
    w->in.have += got;
    size_t done = 0;
    while (w->in.have - done >= 16) {
        uint8_t *p = w->in.data + done;
        uint32_t length = get32(p);
        if (w->in.have - done < length) break;
        if (get32(p + 4) & RESPONSE) take_answer(l, w, p, length, t);
        done += length;
    }
    memmove(w->in.data, w->in.data + done, w->in.have - done);
    w->in.have -= done;
}

static void open_binds(struct load *l) {
    l->ep = epoll_create1(0);
    l->bind = calloc(l->binds, sizeof *l->bind);
    for (int i = 0; i < l->binds; i++) {
        struct bind *w = &l->bind[i];
        w->sequence = 2;
        w->sent = calloc(REMEMBERED, sizeof *w->sent);
        w->from = calloc(REMEMBERED, sizeof *w->from);
        w->in.data = malloc(2 * CHUNK);
        join(l, w);
    }
    l->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = l->binds};
    epoll_ctl(l->ep, EPOLL_CTL_ADD, l->timer, &e);
    prctl(PR_SET_TIMERSLACK, 1);
}

static void read_pdus(struct load *l, const char *path) {
    FILE *f = fopen(path, "rb");
    if (!f) die(path);
    l->pdus = malloc(64 << 20);
    l->size = fread(l->pdus, 1, 64 << 20, f);
    fclose(f);
}

static int send_load(struct load *l, double seconds) {
    signal(SIGPIPE, SIG_IGN);
    open_binds(l);
    l->all.us = malloc(l->last * sizeof *l->all.us);
    l->passed.us = malloc(l->last * sizeof *l->passed.us);
    l->start = now();
    double heard = l->start;
    while (l->answered < l->last) {
        double t = now();
        if (seconds > 0 && t - l->start > seconds) {
            l->last = l->sent;
            if (l->answered == l->last) break;
        }
        if (t - heard > PATIENCE_S) { fprintf(stderr, "no answer for %d s\n", PATIENCE_S); return 1; }
        if (l->rate > 0) keep_pace(l, t); else fill(l, t);
        struct epoll_event events[64];
        int n = epoll_wait(l->ep, events, 64, l->sent < l->last && l->rate == 0 ? 1 : 10);
        for (int k = 0; k < n; k++) {
            if (events[k].data.u32 == (uint32_t)l->binds) {
                uint64_t times;
                if (read(l->timer, &times, sizeof times) < 0 && errno != EAGAIN) die("timer");
                continue;
            }
            take_answers(l, &l->bind[events[k].data.u32]);
            heard = t;
        }
    }
    double took = now() - l->start;
    qsort(l->all.us, l->all.count, sizeof *l->all.us, ascending);
    qsort(l->passed.us, l->passed.count, sizeof *l->passed.us, ascending);
    printf("{\"count\": %ld, \"seconds\": %.6f, \"refused\": %ld, \"p50_us\": %.1f, \"p99_us\": %.1f, "
           "\"again\": %ld, \"passed\": %ld, \"passed_p50_us\": %.1f, \"passed_p99_us\": %.1f}\n",
           l->answered, took, l->refused, quantile(&l->all, 50), quantile(&l->all, 99), l->resent, l->sinks,
           quantile(&l->passed, 50), quantile(&l->passed, 99));
    return 0;
}

/* Ask the kernel to poll an idle core instead of halting it, while we live: it may need root, and a driver. */
static int polled(void) {
    char name[8] = "";
    FILE *state = fopen("/sys/devices/system/cpu/cpu0/cpuidle/state0/name", "r");
    if (state) {
        if (!fgets(name, sizeof name, state)) name[0] = 0;
        fclose(state);
    }
    int32_t most_us = 0, latency = strcmp(name, "POLL\n") ? -1 : open("/dev/cpu_dma_latency", O_WRONLY);
    return latency >= 0 && write(latency, &most_us, sizeof most_us) == sizeof most_us;
}

static void awake(void) {
    struct sched_param none = {0};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (polled()) {
        printf("0\n");
        fflush(stdout);
        for (;;) pause();
    }
    if (sched_setscheduler(0, SCHED_IDLE, &none)) die("sched_setscheduler");
    /* Where each session gets an equal share of a core (sched_autogroup), idle within ours is not idle. */
    FILE *group = setsid() == -1 ? NULL : fopen("/proc/self/autogroup", "w");
    if (group) {
        fputs("19", group);
        fclose(group);
    }
    printf("0\n");
    fflush(stdout);
    for (volatile unsigned turns = 0;; turns++) {}
}

int main(int argc, char **argv) {
    memset(other, -1, sizeof other);
    if (argc == 2 && !strcmp(argv[1], "sink")) sink();
    if (argc == 3 && !strcmp(argv[1], "relay")) relay(atoi(argv[2]));
    if (argc == 11 && !strcmp(argv[1], "send")) {
        struct load l = {.port = atoi(argv[2]), .window = atoi(argv[4]), .last = atol(argv[5]), .rate = atof(argv[6]),
                         .binds = atoi(argv[7]), .together = atoi(argv[8]), .again = atoi(argv[10])};
        read_pdus(&l, argv[3]);
        return send_load(&l, atof(argv[9]));
    }
    if (argc == 2 && !strcmp(argv[1], "awake")) awake();
    fprintf(stderr, "usage: load sink | relay PORT | awake |"
                    " send PORT FILE WINDOW COUNT RATE BINDS TOGETHER SECONDS AGAIN\n");
    return 2;
}
