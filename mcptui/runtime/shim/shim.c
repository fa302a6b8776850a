/* The first process of every container: brings the server its environment and its stdio, then
   starts the image's own command and stays behind as init.

       mcptui-shim socket COMMAND...    three pipe ends and the frame come over a unix socket
       mcptui-shim stdin COMMAND...     the frame comes on stdin, the rest of stdin is the server's
       mcptui-shim look WAY...          as a server: what of the network can be seen, see look.h

   The frame: "MCPS", one byte version (1), three bytes zero, four bytes little-endian size, then
   that many bytes of records, each a type letter, its text and a NUL:

       E NAME=VALUE        a variable for the server
       S PATH=VALUE        a new file for the server's user alone, where it reads a secret from one
       W WORD=PLACE        tell at the end what was written there, see wrote.h
       M DEV:DEV:INODE=PATH  what must be mounted there, or the server is not started
       L PLACE             a socket that listens on this container's loopback, made before the
                           server starts and handed out; PLACE as in look.h, t for TCP, u for UDP

   Over the socket, the connection lives on as the control line. The gateway writes orders:

       NUMBER              one byte, 1 to 64: a signal for the server
       128 FAMILY PORT     four bytes, family 4 or 6, port big-endian: connect to that port of this
                           container's loopback
       129 ADDRESS PORT    seven bytes, IPv4, both big-endian: listen there by TCP

   The shim writes four bytes at a time: CODE 0 0 0, the server's exit code, before it ends; and
   ERROR 1 0 0 for each connect order, ERROR 2 0 0 for each L and each order to listen, with the
   socket itself as SCM_RIGHTS when ERROR is 0 (a connection may still be under way). A socket
   belongs to the network it was made in: so a gateway reaches a server that listens inside, and
   what the server wants of the network arrives at the gateway, which judges it; the container has
   no other way out, and no one else a way in.
   End of file on the line means that the gateway died: the server is ended too, first politely.

   Exit codes of the shim itself: 125 its own trouble, 126 the command cannot be run, 127 it is not
   there. The reason goes to stderr, on a line that begins with "mcptui-shim: ".

   No secret stays here: the frame is zeroed once the server has its copy, and this process cannot
   be traced or looked into by the server although both have one user.

   The server also gets a system call filter of our own, below the engine's: engines differ in what
   theirs forbid, and some run without any. */
#include "filter.h"
#include "kernel.h"
#include "look.h"
#include "hand.h"
#include "picked.h"
#include "wrote.h"
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

#define FRAME_LIMIT (1 << 20)
#define VARIABLES 4096
#define CONNECT 128
#define LISTEN 129
#define PATIENCE 2 /* seconds between end of file, SIGTERM and SIGKILL once the gateway is gone */

static char records[FRAME_LIMIT + 1];
static char *variables[VARIABLES + 1];
static char candidate[4096];

static void say(const char *a, const char *b, const char *c)
{
    const char *parts[] = {"mcptui-shim: ", a, b, c, "\n"};
    char line[1024];
    size_t size = 0;
    for (int i = 0; i < 5; i++)
        for (const char *p = parts[i]; *p && size < sizeof line; p++)
            line[size++] = *p;
    sys_write(2, line, size);
}

static void fail(int code, const char *a, const char *b, const char *c) __attribute__((noreturn));
static void fail(int code, const char *a, const char *b, const char *c)
{
    say(a, b, c);
    for (;;)
        sys_exit(code);
}

static void read_all(int fd, char *at, size_t size)
{
    while (size) {
        long got = sys_read(fd, at, size);
        if (got == -EINTR)
            continue;
        if (got <= 0)
            fail(125, "the gateway ended while it sent the frame", "", "");
        at += got;
        size -= (size_t)got;
    }
}

static uint32_t checked_size(const unsigned char *head)
{
    if (!same((const char *)head, "MCPS\1\0\0\0", 8))
        fail(125, "the frame is of another version, restart mcptui", "", "");
    uint32_t size = head[8] | head[9] << 8 | head[10] << 16 | (uint32_t)head[11] << 24;
    if (size > FRAME_LIMIT)
        fail(125, "the environment is larger than 1 MiB", "", "");
    return size;
}

/* Fetch stdio and the frame over the socket; returns the control line. */
static int by_socket(uint32_t *size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/mcptui/stdio.sock"};
    int line = (int)sys_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC);
    if (line < 0 || sys_connect(line, &address, sizeof address) < 0)
        fail(125, "cannot reach the gateway's socket", "", "");
    unsigned char head[12];
    union {
        char bytes[CMSG_SPACE(3 * sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct iovec vector = {head, sizeof head};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1, .msg_control = &control,
                             .msg_controllen = sizeof control};
    long got;
    do
        got = sys_recvmsg(line, &message, MSG_WAITALL | MSG_CMSG_CLOEXEC);
    while (got == -EINTR);
    struct cmsghdr *passed = CMSG_FIRSTHDR(&message);
    if (got != sizeof head || !passed || passed->cmsg_type != SCM_RIGHTS ||
        passed->cmsg_len != CMSG_LEN(3 * sizeof(int)))
        fail(125, "the gateway sent no pipes", "", "");
    int ends[3];
    memcpy(ends, CMSG_DATA(passed), sizeof ends);
    for (int i = 0; i < 3; i++)
        if (ends[i] > 2 && line > 2)
            sys_dup3(ends[i], i, 0); /* dup3 leaves out close-on-exec: these are the server's */
        else
            fail(125, "the engine gave no stdio", "", "");
    for (int i = 0; i < 3; i++)
        sys_close(ends[i]);
    *size = checked_size(head);
    read_all(line, records, *size);
    return line;
}

static void by_stdin(uint32_t *size)
{
    unsigned char head[12];
    read_all(0, (char *)head, sizeof head);
    *size = checked_size(head);
    read_all(0, records, *size);
}

static size_t name_size(const char *variable)
{
    size_t size = 0;
    while (variable[size] && variable[size] != '=')
        size++;
    return size;
}

/* A secret that the server reads from a file; /tmp is in memory, and ends with the container. */
static void keep_file(char *path)
{
    size_t name = name_size(path);
    char *value = path + name + 1;
    size_t left = length(value);
    path[name] = 0;
    long file = sys_make(path), done = file;
    while (done >= 0 && left) {
        done = sys_write(file, value, left);
        value += done;
        left -= (size_t)done;
    }
    if (done < 0)
        fail(125, "cannot keep a secret in ", path, "");
    sys_close(file);
    path[name] = '=';
}

/* The container's own variables, then the frame's, which win. */
static void gather_variables(char **own, uint32_t size)
{
    int count = 0;
    for (; *own && count < VARIABLES; own++)
        variables[count++] = *own;
    for (char *at = records; at < records + size; at += length(at) + 1) {
        if (*at == 'L')
            continue;
        if ((*at != 'E' && *at != 'S' && *at != 'M' && *at != 'W') || !has(at, '='))
            fail(125, "the frame has a record that this shim does not know", "", "");
        if (*at == 'S') {
            keep_file(at + 1);
            continue;
        }
        if (*at == 'W') {
            keep_place(at + 1);
            continue;
        }
        if (*at == 'M') {
            const char *path = swapped(at + 1);
            if (path)
                fail(125, path, " is not what was picked: ",
                     "something was put in its place while the container was made");
            continue;
        }
        char *variable = at + 1;
        size_t name = name_size(variable) + 1;
        int place = 0;
        while (place < count && !same(variables[place], variable, name))
            place++;
        if (place == VARIABLES)
            fail(125, "more than 4096 variables", "", "");
        variables[place] = variable;
        if (place == count)
            count++;
    }
}

static const char *search_path(void)
{
    for (char **at = variables; *at; at++)
        if (same(*at, "PATH=", 5))
            return *at + 5;
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

static const char *reason(long error)
{
    switch (-error) {
    case ENOENT: return "there is no such file in the image, or its interpreter is missing";
    case EACCES: return "it is not executable for the container's user";
    case ENOEXEC: return "it is no program for this machine";
    case E2BIG: return "its arguments or variables are too large";
    case ENOMEM: return "there is not enough memory";
    case EPERM: return "the kernel forbids it";
    default: return "the kernel refused";
    }
}

static void become(char **command) __attribute__((noreturn));
static void become(char **command)
{
    long error = -ENOENT;
    if (has(command[0], '/')) {
        error = sys_execve(command[0], command, variables);
    } else {
        for (const char *at = search_path(); *at; at += *at == ':') {
            size_t size = 0;
            while (*at && *at != ':' && size < sizeof candidate - 1)
                candidate[size++] = *at++;
            size_t name = length(command[0]) + 1;
            if (!size || size + 1 + name > sizeof candidate)
                continue;
            candidate[size] = '/';
            memcpy(candidate + size + 1, command[0], name);
            long one = sys_execve(candidate, command, variables);
            if (one != -ENOENT && one != -ENOTDIR)
                error = one;
        }
    }
    fail(error == -ENOENT ? 127 : 126, command[0], ": ", reason(error));
}

/* From here on for good: nothing gives more rights back, and some system calls are refused. */
static void confine(void)
{
    struct sock_fprog program = {sizeof filter / sizeof *filter, (struct sock_filter *)filter};
    if (sys_prctl(PR_SET_NO_NEW_PRIVS, 1) < 0 ||
        call(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0)
        fail(125, "the kernel refuses the system call filter", "", "");
}

static void finish(int line, int status) __attribute__((noreturn));
static void finish(int line, int status)
{
    int code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    unsigned char answer[4] = {(unsigned char)code, 0, 0, 0};
    tell_wrote();
    if (line >= 0)
        sys_write(line, answer, sizeof answer);
    for (;;)
        sys_exit(code);
}

/* Collect every child that ended; the server's end is the container's end. */
static void reap(int line, long server)
{
    int status;
    for (long ended; (ended = sys_wait(&status)) > 0;)
        if (ended == server)
            finish(line, status);
}

/* Make the sockets that the frame asks for, before there is a server that could take their place. */
static void listen_first(int line, uint32_t size)
{
    struct sockaddr_storage at;
    for (char *one = records; one < records + size; one += length(one) + 1) {
        if (*one != 'L')
            continue;
        size_t long_enough = line < 0 ? 0 : place(one + 1, &at);
        if (!long_enough || at.ss_family == AF_UNIX)
            fail(125, "the frame wants a socket that cannot be handed out", "", "");
        listen_at(line, &at, long_enough, one[1] == 'u' ? SOCK_DGRAM : SOCK_STREAM);
    }
}

/* Do what the gateway orders; returns whether it can still order anything. */
static int obey(int line, long server)
{
    unsigned char order[7]; /* the gateway writes an order in one go */
    if (sys_read(line, order, 1) != 1)
        return 0;
    if (order[0] == CONNECT) {
        if (sys_read(line, order + 1, 3) == 3)
            dial(line, order + 1);
    } else if (order[0] == LISTEN) {
        if (sys_read(line, order + 1, 6) == 6)
            listen_on_order(line, order + 1);
    } else {
        sys_kill(server, order[0]);
    }
    return 1;
}

static void watch(int signals, int line, long server) __attribute__((noreturn));
static void watch(int signals, int line, long server)
{
    int control = line, next = SIGTERM;
    for (;;) {
        struct pollfd list[2] = {{signals, POLLIN, 0}, {control, POLLIN, 0}};
        struct timespec patience = {PATIENCE, 0};
        int orphaned = line >= 0 && control < 0;
        long ready = sys_poll(list, 2, orphaned ? &patience : 0);
        if (ready == 0) {
            sys_kill(server, next);
            next = SIGKILL;
        }
        if (ready <= 0)
            continue;
        if (list[0].revents) {
            struct signalfd_siginfo info;
            if (sys_read(signals, &info, sizeof info) == sizeof info && info.ssi_signo != SIGCHLD)
                sys_kill(server, info.ssi_signo);
            reap(line, server);
        }
        if (list[1].revents && !obey(control, server))
            control = -1;
    }
}

void begin(long *stack)
{
    char **command = (char **)(stack + 1);
    char **own = command + *stack + 1;
    uint32_t size = 0;
    int line = -1;
    sys_prctl(PR_SET_DUMPABLE, 0);
    if (*stack < 3)
        fail(125, "no command", "", "");
    if (same(command[1], "look", 5)) {
        look(command + 2);
        for (;;)
            sys_exit(0);
    }
    if (same(command[1], "socket", 7))
        line = by_socket(&size);
    else if (same(command[1], "stdin", 6))
        by_stdin(&size);
    else
        fail(125, "unknown route ", command[1], "");
    listen_first(line, size);
    gather_variables(own, size);

    call(SYS_clock_gettime, CLOCK_REALTIME_COARSE, &wrote_since, 0, 0, 0);
    uint64_t all = ~0ULL, none = 0;
    sys_mask(SIG_BLOCK, &all);
    int signals = (int)sys_signalfd(&all);
    long server = signals < 0 ? signals : sys_fork();
    if (server < 0)
        fail(125, "cannot start a process: ", reason(server), "");
    if (server == 0) {
        sys_mask(SIG_SETMASK, &none);
        confine();
        become(command + 2);
    }
    memset(records, 0, size);
    sys_close(0);
    sys_close(1); /* or the server's end of file would never be seen; stderr is ours at the end */
    if (!wrote_count)
        sys_close(2);
    watch(signals, line, server);
}
