/* The kernel as the shim sees it: system calls and the few helpers that a C library would bring.
   Without a library the shim is some 4 KB, builds in a blink and holds nothing that nobody read. */
#include <fcntl.h>
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

static long call6(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b,
                  x2 __asm__("x2") = c, x3 __asm__("x3") = d, x4 __asm__("x4") = e,
                  x5 __asm__("x5") = f;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#else
#error "no system calls written down for this processor"
#endif
}

/* Each returns the kernel's answer: a negative error number on failure. */
#define call(number, a, b, c, d, e) \
    call6((number), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define sys_read(fd, at, size) call(SYS_read, fd, at, size, 0, 0)
#define sys_write(fd, at, size) call(SYS_write, fd, at, size, 0, 0)
#define sys_make(path) \
    call(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0400, 0)
#define sys_close(fd) call(SYS_close, fd, 0, 0, 0, 0)
#define sys_dup3(from, to, flags) call(SYS_dup3, from, to, flags, 0, 0)
#define sys_socket(family, kind) call(SYS_socket, family, kind, 0, 0, 0)
#define sys_connect(fd, address, size) call(SYS_connect, fd, address, size, 0, 0)
#define sys_bind(fd, address, size) call(SYS_bind, fd, address, size, 0, 0)
#define sys_listen(fd, backlog) call(SYS_listen, fd, backlog, 0, 0, 0)
#define sys_recvmsg(fd, message, flags) call(SYS_recvmsg, fd, message, flags, 0, 0)
#define sys_sendmsg(fd, message, flags) call(SYS_sendmsg, fd, message, flags, 0, 0)
#define sys_prctl(what, value) call(SYS_prctl, what, value, 0, 0, 0)
#define sys_fork() call(SYS_clone, SIGCHLD, 0, 0, 0, 0)
#define sys_execve(path, arguments, variables) call(SYS_execve, path, arguments, variables, 0, 0)
#define sys_wait(status) call(SYS_wait4, -1, status, WNOHANG, 0, 0)
#define sys_kill(process, number) call(SYS_kill, process, number, 0, 0, 0)
#define sys_mask(how, set) call(SYS_rt_sigprocmask, how, set, 0, sizeof(uint64_t), 0)
#define sys_signalfd(set) call(SYS_signalfd4, -1, set, sizeof(uint64_t), SFD_CLOEXEC, 0)
#define sys_poll(list, count, timeout) call(SYS_ppoll, list, count, timeout, 0, 0)
#define sys_exit(code) call(SYS_exit_group, code, 0, 0, 0, 0)

/* The compiler calls these two by itself, so they are named as it expects. */
void *memset(void *at, int value, size_t size)
{
    volatile char *byte = at; /* volatile: zeroing secrets must not be optimised away */
    while (size--)
        *byte++ = (char)value;
    return at;
}

void *memcpy(void *to, const void *from, size_t size)
{
    char *out = to;
    const char *in = from;
    while (size--)
        *out++ = *in++;
    return to;
}

static size_t length(const char *text)
{
    size_t size = 0;
    while (text[size])
        size++;
    return size;
}

static int same(const char *a, const char *b, size_t size)
{
    while (size--)
        if (*a++ != *b++)
            return 0;
    return 1;
}

static int has(const char *text, char wanted)
{
    for (; *text; text++)
        if (*text == wanted)
            return 1;
    return 0;
}

/* The program begins here: the stack holds the argument count, the arguments and the variables. */
void begin(long *stack) __attribute__((used, noreturn));
#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp,%ebp\n mov %rsp,%rdi\n and $-16,%rsp\n call begin\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start: mov x29,#0\n mov x30,#0\n mov x0,sp\n bl begin\n");
#endif
