// An OpenAI-compatible upstream that is never the limit: one thread, epoll, HTTP/1.1 with keep-alive.
//
//   mock PORT
//
//   POST  a chat completion of about 1 KB; where the body says "stream": true, a stream of chunks, each written by
//         itself as engines do, with a usage chunk where it says "include_usage": true
//   PUT   body "CHUNKS INTERVAL": what streams are from now on; INTERVAL in microseconds, 0 for as fast as it goes
//   GET   a list of one model, whatever the path (health checks are content with it)
//
// Only the first and last 4 KB of a body are looked at; it needs a Content-Length.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { READ = 64 * 1024, LOOK = 4096, EVENTS = 256, ANSWER_TOKENS = 16 };

#define TOKEN "forty characters of a text that says no "
#define LABEL "\"id\":\"chatcmpl-0123456789abcdef0123456789abcdef\",\"created\":1790000000,\"model\":\"mock-model\""
#define USAGE "\"usage\":{\"prompt_tokens\":200,\"completion_tokens\":16,\"total_tokens\":216}"
#define CHUNK(delta, reason) "data: {" LABEL ",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":" delta \
                             ",\"logprobs\":null,\"finish_reason\":" reason "}]}\n\n"

static const char STREAM_HEAD[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
                                  "x-accel-buffering: no\r\ntransfer-encoding: chunked\r\n\r\n";
static const char FIRST[] = CHUNK("{\"role\":\"assistant\",\"content\":\"" TOKEN "\"}", "null");
static const char NEXT[] = CHUNK("{\"content\":\"" TOKEN "\"}", "null");
static const char LAST[] = CHUNK("{\"content\":\"" TOKEN "\"}", "\"stop\"");
static const char LAST_USAGE[] = "data: {" LABEL ",\"object\":\"chat.completion.chunk\",\"choices\":[]," USAGE "}\n\n";
static const char DONE[] = "data: [DONE]\n\n";
static const char MODELS[] = "{\"object\":\"list\",\"data\":[{\"id\":\"mock-model\",\"object\":\"model\","
                             "\"created\":1790000000,\"owned_by\":\"mock\"}]}";

struct connection {
    int fd;
    char *in;
    size_t have, room;
    char out[4096];  // what a full socket did not take
    size_t out_from, out_to;
    int left, usage, first;              // of a stream: chunks, the usage chunk, whether nothing was said yet
    long long due;                       // when the next chunk of a paced stream goes
    struct connection *before, *after;   // in the order of `due`
};

static int chunks = ANSWER_TOKENS;
static long long interval;  // nanoseconds
static struct connection line = {.before = &line, .after = &line};
static int poll_fd;
static char whole[4096];
static size_t whole_size;

static long long now(void) {
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    return moment.tv_sec * 1000000000LL + moment.tv_nsec;
}

static void unqueue(struct connection *c) {
    if (!c->before) return;
    c->before->after = c->after;
    c->after->before = c->before;
    c->before = c->after = NULL;
}

static void queue(struct connection *c) {  // all wait equally long, so the end of the line is its place
    c->due = now() + interval;
    c->before = line.before;
    c->after = &line;
    line.before->after = c;
    line.before = c;
}

static void drop(struct connection *c) {
    unqueue(c);
    close(c->fd);
    free(c->in);
    free(c);
}

static void watch(struct connection *c, int operation) {
    struct epoll_event event = {.events = EPOLLIN | (c->out_to > c->out_from ? EPOLLOUT : 0), .data.ptr = c};
    epoll_ctl(poll_fd, operation, c->fd, &event);
}

static int flush(struct connection *c) {  // whether everything went out
    while (c->out_from < c->out_to) {
        ssize_t sent = send(c->fd, c->out + c->out_from, c->out_to - c->out_from, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN) watch(c, EPOLL_CTL_MOD);
            return 0;
        }
        c->out_from += (size_t)sent;
    }
    c->out_from = c->out_to = 0;
    return 1;
}

static int put(struct connection *c, const char *head, size_t size, const char *data, const char *tail) {
    size_t length = strlen(data);
    if (!head) size = (size_t)sprintf(c->out, "%zx\r\n", length);
    else memcpy(c->out, head, size);
    memcpy(c->out + size, data, length);
    strcpy(c->out + size + length, tail);
    c->out_to = size + length + strlen(tail);
    return flush(c);
}

static void stream(struct connection *c) {  // goes on until the socket is full, the pace says wait, or it is done
    if (!flush(c)) return;
    while (c->left > 0) {
        const char *event = c->first ? FIRST : c->left == 1 ? LAST : NEXT;
        c->first = 0;
        c->left--;
        if (!put(c, NULL, 0, event, "\r\n")) return;
        if (interval && c->left) {
            queue(c);
            return;
        }
    }
    if (c->usage) {
        c->usage = 0;
        if (!put(c, NULL, 0, LAST_USAGE, "\r\n")) return;
    }
    if (c->left == 0) {
        c->left = -1;
        put(c, NULL, 0, DONE, "\r\n0\r\n\r\n");
    }
}

static int says(const char *body, size_t size, const char *member) {
    const char *found = memmem(body, size, member, strlen(member));
    if (!found) return 0;
    const char *end = body + size;
    found += strlen(member);
    while (found < end && (*found == ' ' || *found == ':')) found++;
    return end - found >= 4 && !memcmp(found, "true", 4);
}

static int asks(const char *body, size_t size, const char *member) {
    if (size <= 2 * LOOK) return says(body, size, member);
    return says(body, LOOK, member) || says(body + size - LOOK, LOOK, member);
}

static void answer(struct connection *c, const char *body, size_t size) {
    char head[256];
    if (c->in[0] == 'G') {
        int length = sprintf(head, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n", strlen(MODELS));
        put(c, head, (size_t)length, MODELS, "");
    } else if (c->in[1] == 'U') {
        char numbers[64] = "";
        memcpy(numbers, body, size < 63 ? size : 63);
        sscanf(numbers, "%d %lld", &chunks, &interval);
        interval *= 1000;
        if (chunks < 2) chunks = 2;
        put(c, "HTTP/1.1 204 No Content\r\n\r\n", 27, "", "");
    } else if (asks(body, size, "\"stream\"")) {
        c->left = chunks;
        c->first = 1;
        c->usage = asks(body, size, "\"include_usage\"");
        if (put(c, STREAM_HEAD, sizeof STREAM_HEAD - 1, "", "")) stream(c);
    } else {
        put(c, "", 0, whole, "");
    }
}

static int serve(struct connection *c) {  // answers what is there whole; whether the connection is still good
    for (;;) {
        char *end = c->have ? memmem(c->in, c->have, "\r\n\r\n", 4) : NULL;
        if (!end) return 1;
        *end = 0;
        char *length = strcasestr(c->in, "\r\ncontent-length:");
        size_t head = (size_t)(end - c->in) + 4, size = length ? strtoull(length + 17, NULL, 10) : 0;
        *end = '\r';
        if (head + size > c->room) {
            c->room = head + size;
            c->in = realloc(c->in, c->room);
        }
        if (c->have < head + size) return 1;
        answer(c, c->in + head, size);
        c->have -= head + size;
        memmove(c->in, c->in + head + size, c->have);
    }
}

static void receive(struct connection *c) {
    for (;;) {
        if (c->have == c->room) c->in = realloc(c->in, c->room += READ);
        ssize_t got = recv(c->fd, c->in + c->have, c->room - c->have, 0);
        if (got < 0 && errno == EAGAIN) return;
        if (got <= 0) {
            drop(c);
            return;
        }
        c->have += (size_t)got;
        if (!serve(c)) return;
        if (c->have < c->room) return;
    }
}

static void admit(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK), one = 1;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct connection *c = calloc(1, sizeof *c);
    c->fd = fd;
    c->left = -1;
    c->in = malloc(c->room = READ);
    watch(c, EPOLL_CTL_ADD);
}

static void prepare(void) {
    char text[ANSWER_TOKENS * sizeof TOKEN] = "", body[2048];
    for (int token = 0; token < ANSWER_TOKENS; token++) strcat(text, TOKEN);
    int size = sprintf(body, "{" LABEL ",\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                       "\"content\":\"%s\"},\"logprobs\":null,\"finish_reason\":\"stop\"}]," USAGE "}", text);
    whole_size = (size_t)sprintf(whole, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s", size, body);
}

int main(int count, char **words) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((unsigned short)(count > 1 ? atoi(words[1]) : 0))};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("mock");
        return 1;
    }
    prepare();
    poll_fd = epoll_create1(0);
    struct epoll_event events[EVENTS], listening = {.events = EPOLLIN};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &listening);
    for (;;) {
        long long wait = line.after == &line ? 1000000000LL : line.after->due - now();
        struct timespec limit = {.tv_sec = wait / 1000000000, .tv_nsec = wait > 0 ? wait % 1000000000 : 0};
        int ready = epoll_pwait2(poll_fd, events, EVENTS, &limit, NULL);
        for (int index = 0; index < ready; index++) {
            struct connection *c = events[index].data.ptr;
            if (!c) {
                admit(listener);
            } else if (events[index].events & EPOLLOUT) {
                stream(c);
                if (c->out_to == c->out_from) watch(c, EPOLL_CTL_MOD);
            } else {
                receive(c);
            }
        }
        long long moment = now();
        while (line.after != &line && line.after->due <= moment) {
            struct connection *c = line.after;
            unqueue(c);
            stream(c);
        }
    }
}
