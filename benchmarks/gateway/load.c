// Sends one request again and again and measures the answers: one thread, epoll, HTTP/1.1 with keep-alive.
//
//   load PORT REQUEST KIND CONNECTIONS RATE WARM SECONDS
//
//   REQUEST      a file with the whole request, head and body
//   KIND         whole or stream: what an answer must be to count
//   CONNECTIONS  at most this many; RATE 0 keeps all of them busy (closed loop), else RATE requests begin each second,
//                and the time of each counts from when it should have begun (open loop)
//   WARM         seconds that are not measured; connections of a closed loop begin spread over the first half
//
// After WARM + SECONDS nothing new begins, and what runs is awaited for 10 seconds. Writes one line of JSON.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 16 * 1024, READ = 64 * 1024, EVENTS = 256 };
static const long long SECOND = 1000000000, GRACE = 10;

enum frame { UNKNOWN, CLOSE, LENGTH, DATA, SIZE, DATA_END, TRAILER, OVER };  // DATA and before it: payload

struct connection {
    int fd, busy, status, done, watched;
    size_t sent, head_size, column, payload;
    long long begun, first, left;
    enum frame frame;
    char head[HEAD];
};

struct times {
    double *values;
    size_t count, room;
};

static struct sockaddr_in address = {.sin_family = AF_INET};
static char *request;
static size_t request_size;
static int streams, poll_fd, busy;
static long long from, to;  // the measured time
static long finished, failed, measured, chunks, measured_chunks;
static struct times answers, firsts;
static char failure[400];

static long long now(void) {
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return moment.tv_sec * SECOND + moment.tv_nsec;
}

static void note(struct times *times, long long nanoseconds) {
    if (times->count == times->room) {
        times->room = times->room ? 2 * times->room : 4096;
        times->values = realloc(times->values, times->room * sizeof(double));
    }
    times->values[times->count++] = (double)nanoseconds / 1e6;
}

static void watch(struct connection *c, int writing) {
    if (c->watched == writing) return;
    struct epoll_event event = {.events = EPOLLIN | (writing ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poll_fd, c->watched < 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, c->fd, &event);
    c->watched = writing;
}

static void hang_up(struct connection *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
}

static void end(struct connection *c, int good) {
    long long moment = now();
    c->busy = 0;
    busy--;
    if (good) {
        finished++;
        if (moment >= from && moment < to) {
            measured++;
            note(&answers, moment - c->begun);
            if (c->first) note(&firsts, c->first - c->begun);
        }
        return;
    }
    failed++;
    hang_up(c);
    if (!*failure) {
        snprintf(failure, sizeof failure, "%d %.*s", c->status, (int)(c->head_size < 300 ? c->head_size : 300), c->head);
        for (char *letter = failure; *letter; letter++)
            if (*letter < ' ' || *letter == '"' || *letter == '\\') *letter = ' ';
    }
}

static void transmit(struct connection *c) {
    while (c->sent < request_size) {
        ssize_t sent = send(c->fd, request + c->sent, request_size - c->sent, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN || errno == EINPROGRESS) watch(c, 1);
            else end(c, 0);
            return;
        }
        c->sent += (size_t)sent;
    }
    watch(c, 0);
}

static void begin(struct connection *c, long long due) {
    c->busy = 1;
    busy++;
    c->begun = due;
    c->sent = c->head_size = c->column = c->payload = 0;
    c->frame = UNKNOWN;
    c->status = c->done = 0;
    c->first = 0;
    if (c->fd < 0) {
        int one = 1;
        c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        c->watched = -1;
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS) {
            end(c, 0);
            return;
        }
        watch(c, 1);
    }
    transmit(c);
}

static void read_events(struct connection *c, const char *data, size_t size) {  // counts lines that begin with "d"
    const char *last = data + size;
    while (data < last) {
        if (c->column > 6) {
            const char *newline = memchr(data, '\n', (size_t)(last - data));
            if (!newline) return;
            data = newline;
        }
        if (*data == '\n') {
            c->column = 0;
        } else {
            if (c->column == 0 && *data == 'd') {
                if (!c->first) c->first = now();
                chunks++;
                long long moment = now();
                if (moment >= from && moment < to) measured_chunks++;
            }
            if (c->column == 6 && *data == '[') {
                c->done = 1;
                chunks--;
            }
            c->column++;
        }
        data++;
    }
}

static void read_frame(struct connection *c, char letter) {
    if (c->frame == SIZE && letter >= '0' && letter <= '9') c->left = c->left * 16 + letter - '0';
    else if (c->frame == SIZE && (letter | 32) >= 'a' && (letter | 32) <= 'f') c->left = c->left * 16 + (letter | 32) - 'a' + 10;
    if (letter != '\n') return;
    if (c->frame == SIZE) c->frame = c->left ? DATA : TRAILER;
    else c->frame = c->frame == DATA_END ? SIZE : OVER;
}

static void read_body(struct connection *c, const char *data, size_t size) {
    while (size && c->frame != OVER) {
        if (c->frame > DATA) {
            read_frame(c, *data++);
            size--;
            continue;
        }
        size_t step = c->frame == CLOSE || (long long)size < c->left ? size : (size_t)c->left;
        if (streams) read_events(c, data, step);
        c->payload += step;
        data += step;
        size -= step;
        c->left -= c->frame == CLOSE ? 0 : (long long)step;
        if (c->frame != CLOSE && !c->left) c->frame = c->frame == DATA ? DATA_END : OVER;
    }
}

static void read_head(struct connection *c, const char *data, size_t size) {
    size_t room = HEAD - 1 - c->head_size, before = c->head_size, taken = size < room ? size : room;
    memcpy(c->head + before, data, taken);
    c->head_size += taken;
    c->head[c->head_size] = 0;
    char *last = strstr(c->head, "\r\n\r\n");
    if (!last) return;
    size_t used = (size_t)(last + 4 - c->head) - before;
    *last = 0;
    char *length = strcasestr(c->head, "\r\ncontent-length:");
    c->status = atoi(c->head + 9);
    c->left = length ? atoll(length + 17) : 0;
    c->frame = length ? LENGTH : strcasestr(c->head, "\r\ntransfer-encoding: chunked") ? SIZE : CLOSE;
    *last = ' ';
    read_body(c, data + used, size - used);
}

static int good(struct connection *c) {
    return c->status == 200 && (streams ? c->done : c->payload > 500);
}

static void receive(struct connection *c) {
    static char data[READ];
    for (;;) {
        ssize_t got = recv(c->fd, data, READ, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            if (c->busy) end(c, c->frame == CLOSE && good(c));
            hang_up(c);
            return;
        }
        if (!c->busy) continue;
        if (c->frame == UNKNOWN) read_head(c, data, (size_t)got);
        else read_body(c, data, (size_t)got);
        if (c->frame == OVER) {
            end(c, good(c));
            return;
        }
        if (got < READ) return;
    }
}

static int compare(const void *left, const void *right) {
    double difference = *(const double *)left - *(const double *)right;
    return (difference > 0) - (difference < 0);
}

static void print(const char *name, struct times *times) {
    static const double parts[] = {0.5, 0.9, 0.99};
    qsort(times->values, times->count, sizeof(double), compare);
    printf("\"%s\":[", name);
    for (int index = 0; times->count && index < 3; index++)
        printf("%s%.4f", index ? "," : "", times->values[(size_t)(parts[index] * (double)(times->count - 1))]);
    printf("],");
}

static struct connection *idle(struct connection *all, int count) {
    for (int index = 0; index < count; index++)
        if (!all[index].busy) return all + index;
    return NULL;
}

static void wait_for(long long moment) {
    struct epoll_event events[EVENTS];
    long long left = moment - now();
    if (left < 0) left = 0;
    struct timespec limit = {.tv_sec = left / SECOND, .tv_nsec = left % SECOND};
    int ready = epoll_pwait2(poll_fd, events, EVENTS, &limit, NULL);
    for (int index = 0; index < ready; index++) {
        struct connection *c = events[index].data.ptr;
        if (events[index].events & EPOLLOUT && c->busy) transmit(c);
        if (c->fd >= 0 && events[index].events & ~(unsigned)EPOLLOUT) receive(c);
    }
}

static void run(struct connection *all, int count, double rate, long long start) {
    long long spread = (from - start) / 2 / count, due = start;
    int started = 0;
    for (long long moment = start; moment < to && (finished || failed < 1000); moment = now()) {
        struct connection *c = rate > 0 ? idle(all, count) : NULL;
        if (rate > 0 && moment >= due && c) {
            begin(c, due);
            due += (long long)(1e9 / rate);
            continue;
        }
        if (rate <= 0) {
            while (started < count && moment >= start + started * spread) started++;
            for (int index = 0; index < started; index++)
                if (!all[index].busy) begin(all + index, now());
            due = started < count ? start + started * spread : to;
        }
        wait_for(due < to ? due > moment || c ? due : to : to);
    }
    while (busy && now() < to + GRACE * SECOND) wait_for(to + GRACE * SECOND);
}

static void load_request(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        exit(1);
    }
    fseek(file, 0, SEEK_END);
    request_size = (size_t)ftell(file);
    rewind(file);
    request = malloc(request_size);
    if (fread(request, 1, request_size, file) != request_size) exit(1);
    fclose(file);
}

int main(int count, char **words) {
    if (count != 8) {
        fprintf(stderr, "load PORT REQUEST KIND CONNECTIONS RATE WARM SECONDS\n");
        return 2;
    }
    address.sin_port = htons((unsigned short)atoi(words[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    load_request(words[2]);
    streams = words[3][0] == 's';
    int connections = atoi(words[4]);
    struct connection *all = calloc((size_t)connections, sizeof *all);
    for (int index = 0; index < connections; index++) all[index].fd = -1;
    poll_fd = epoll_create1(0);
    long long start = now();
    from = start + (long long)(atof(words[6]) * 1e9);
    to = from + (long long)(atof(words[7]) * 1e9);
    run(all, connections, atof(words[5]), start);
    printf("{");
    print("answer_ms", &answers);
    print("first_ms", &firsts);
    printf("\"finished\":%ld,\"failed\":%ld,\"unfinished\":%d,\"measured\":%ld,\"chunks\":%ld,\"measured_chunks\":%ld,\"failure\":\"%s\"}\n",
           finished, failed, busy, measured, chunks, measured_chunks, failure);
    return 0;
}
