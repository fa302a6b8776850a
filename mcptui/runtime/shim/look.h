/* A look around from inside a container, for the test that an engine cuts its containers off:

       mcptui-shim look WAY...

   prints "device NAME up" or "device NAME down" for every network device, then for each way
   "WAY ERROR", the kernel's error number or 0 when something was reached. A way is a letter and
   the place in small hexadecimal digits, address then port, big-endian:

       t   connect by TCP          u   send a question to a resolver and get an answer
       x   connect to an abstract unix socket; its name instead of digits */
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define LOOK_PATIENCE 300000000 /* nanoseconds; a refusal comes at once */

static char looked[1 << 15] __attribute__((aligned(8)));

static void print(const char *text)
{
    sys_write(1, text, length(text));
}

static void print_number(long number)
{
    char digits[24], *at = digits + sizeof digits - 1;
    *at = 0;
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    print(at);
}

static const char *device_name(const struct nlmsghdr *message)
{
    const struct rtattr *one = (const void *)((const char *)NLMSG_DATA(message) +
                                              NLMSG_ALIGN(sizeof(struct ifinfomsg)));
    int left = (int)(message->nlmsg_len - NLMSG_SPACE(sizeof(struct ifinfomsg)));
    for (; RTA_OK(one, left); one = RTA_NEXT(one, left))
        if (one->rta_type == IFLA_IFNAME)
            return RTA_DATA(one);
    return "?";
}

/* Without an answer it prints "devices unknown", which is no good word either. */
static void look_at_devices(void)
{
    struct {
        struct nlmsghdr head;
        struct ifinfomsg body;
    } ask = {{sizeof ask, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 1, 0}, {0}};
    long line = sys_socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC), got;
    if (line >= 0 && sys_write(line, &ask, sizeof ask) == sizeof ask)
        while ((got = sys_read(line, looked, sizeof looked)) > 0) {
            unsigned left = (unsigned)got;
            for (struct nlmsghdr *one = (void *)looked; NLMSG_OK(one, left);
                 one = NLMSG_NEXT(one, left)) {
                if (one->nlmsg_type == NLMSG_DONE)
                    return;
                if (one->nlmsg_type != RTM_NEWLINK)
                    goto unknown;
                const struct ifinfomsg *device = NLMSG_DATA(one);
                print("device ");
                print(device_name(one));
                print(device->ifi_flags & IFF_UP ? " up\n" : " down\n");
            }
        }
unknown:
    print("devices unknown\n");
}

static unsigned char hex_byte(const char *two)
{
    int byte = 0;
    for (int i = 0; i < 2; i++)
        byte = byte << 4 | (two[i] <= '9' ? two[i] - '0' : two[i] - 'a' + 10);
    return (unsigned char)byte;
}

/* Fill in a way's place; returns its size, 0 for one that makes no sense. */
static size_t place(const char *way, struct sockaddr_storage *at)
{
    size_t size = length(way + 1);
    memset(at, 0, sizeof *at);
    if (*way == 'x' && size < sizeof((struct sockaddr_un *)0)->sun_path) {
        at->ss_family = AF_UNIX;
        memcpy(((struct sockaddr_un *)at)->sun_path + 1, way + 1, size);
        return offsetof(struct sockaddr_un, sun_path) + 1 + size;
    }
    if (size != 12 && size != 36)
        return 0;
    unsigned char bytes[18];
    for (size_t i = 0; i < size / 2; i++)
        bytes[i] = hex_byte(way + 1 + 2 * i);
    if (size == 12) {
        struct sockaddr_in *four = (void *)at;
        four->sin_family = AF_INET;
        memcpy(&four->sin_addr, bytes, 4);
        memcpy(&four->sin_port, bytes + 4, 2);
        return sizeof *four;
    }
    struct sockaddr_in6 *six = (void *)at;
    six->sin6_family = AF_INET6;
    memcpy(&six->sin6_addr, bytes, 16);
    memcpy(&six->sin6_port, bytes + 16, 2);
    return sizeof *six;
}

/* The error number of one attempt, 0 when something was reached. */
static long attempt(const char *way)
{
    static const char question[] = "\0\7\1\0\0\1\0\0\0\0\0\0\0\0\2\0"; /* who serves the root? */
    struct sockaddr_storage at;
    size_t size = place(way, &at);
    int asks = *way == 'u';
    if (!size)
        return EINVAL;
    long line = sys_socket(at.ss_family, (asks ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC |
                                             SOCK_NONBLOCK);
    long error = line < 0 ? line : sys_connect(line, &at, size);
    if (asks && !error && sys_write(line, question, sizeof question) < 0)
        error = -EIO;
    if (error == -EINPROGRESS || (asks && !error)) {
        struct pollfd one = {(int)line, asks ? POLLIN : POLLOUT, 0};
        struct timespec patience = {0, LOOK_PATIENCE};
        error = -ETIMEDOUT;
        if (sys_poll(&one, 1, &patience) > 0) {
            long got = sys_read(line, looked, sizeof looked);
            error = got >= 0 || got == -EAGAIN ? 0 : got;
        }
    }
    if (line >= 0)
        sys_close(line);
    return -error;
}

static void look(char **ways)
{
    look_at_devices();
    for (; *ways; ways++) {
        print(*ways);
        print(" ");
        print_number(attempt(*ways));
        print("\n");
    }
}
