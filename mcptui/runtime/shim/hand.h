/* Sockets of this container's own loopback for the gateway: what the frame's L and the orders to
   connect and to listen have it make and hand out. */
#define BACKLOG 256

/* Give the gateway a socket of this container's, or the error for which there is none. */
static void hand_out(int line, unsigned char kind, long made, long error)
{
    unsigned char answer[4] = {(unsigned char)-error, kind, 0, 0};
    union {
        char bytes[CMSG_SPACE(sizeof(int))];
        struct cmsghdr aligned;
    } control;
    struct iovec vector = {answer, sizeof answer};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (made >= 0 && !error) {
        int fd = (int)made;
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *passed = CMSG_FIRSTHDR(&message);
        passed->cmsg_level = SOL_SOCKET;
        passed->cmsg_type = SCM_RIGHTS;
        passed->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(passed), &fd, sizeof fd);
    }
    sys_sendmsg(line, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (made >= 0)
        sys_close(made);
}

/* Hand the gateway a socket that listens on this container's loopback. */
static void listen_at(int line, const struct sockaddr_storage *at, size_t size, int kind)
{
    long made = sys_socket(at->ss_family, kind | SOCK_CLOEXEC | SOCK_NONBLOCK);
    long error = made < 0 ? made : sys_bind(made, at, size);
    if (!error && kind == SOCK_STREAM)
        error = sys_listen(made, BACKLOG);
    hand_out(line, 2, made, error);
}

/* Hand the gateway a socket that connects to a port of this container's loopback. */
static void dial(int line, const unsigned char *order)
{
    int six = order[0] == 6;
    uint16_t port;
    memcpy(&port, order + 1, sizeof port);
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = port};
    memcpy(&four.sin_addr, "\177\0\0\1", 4);
    struct sockaddr_in6 long_one = {.sin6_family = AF_INET6, .sin6_port = port};
    long_one.sin6_addr.s6_addr[15] = 1;
    int kind = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    long made = sys_socket(six ? AF_INET6 : AF_INET, kind), error = made;
    if (made >= 0)
        error = six ? sys_connect(made, &long_one, sizeof long_one)
                    : sys_connect(made, &four, sizeof four);
    if (error == -EINPROGRESS)
        error = 0;
    hand_out(line, 1, made, error);
}

static void listen_on_order(int line, const unsigned char *order)
{
    struct sockaddr_storage at;
    struct sockaddr_in *four = (void *)&at;
    memset(&at, 0, sizeof at);
    four->sin_family = AF_INET;
    memcpy(&four->sin_addr, order, 4);
    memcpy(&four->sin_port, order + 4, 2);
    listen_at(line, &at, sizeof *four, SOCK_STREAM);
}
