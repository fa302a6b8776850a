/* System calls that no server needs and attackers love: refused as if this kernel had none of them.

   Sockets: only unix, IPv4, IPv6 and netlink. vsock above all is not bound to a network namespace, so
   "no network" would still leave a way from a virtual machine to its host. */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define PROCESSOR AUDIT_ARCH_X86_64
#define OTHER_NUMBERS 0x40000000 /* the x32 calls: the same calls by other numbers */
#else
#define PROCESSOR AUDIT_ARCH_AARCH64
#define OTHER_NUMBERS 0x7fffffff
#endif

#define EPERM_NUMBER 1
#define ENOSYS_NUMBER 38
#define EAFNOSUPPORT_NUMBER 97

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define GIVE(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define REFUSE(error) GIVE(SECCOMP_RET_ERRNO | (error))
#define IF_NOT_SKIP(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (count))
#define FORBID(number) IF_NOT_SKIP(number, 1), REFUSE(ENOSYS_NUMBER)
#define ALLOW_IF(value) IF_NOT_SKIP(value, 1), GIVE(SECCOMP_RET_ALLOW)

static const struct sock_filter filter[] = {
    LOAD(arch),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROCESSOR, 1, 0),
    REFUSE(ENOSYS_NUMBER), /* 32-bit programs: their calls have other numbers altogether */
    LOAD(nr),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, OTHER_NUMBERS, 0, 1),
    REFUSE(ENOSYS_NUMBER),

    IF_NOT_SKIP(SYS_socket, 10),
    LOAD(args[0]),
    ALLOW_IF(1),  /* unix */
    ALLOW_IF(2),  /* IPv4 */
    ALLOW_IF(10), /* IPv6 */
    ALLOW_IF(16), /* netlink: name look-ups ask it for the interfaces */
    REFUSE(EAFNOSUPPORT_NUMBER),

    IF_NOT_SKIP(SYS_unshare, 1),
    REFUSE(EPERM_NUMBER),
    IF_NOT_SKIP(SYS_setns, 1),
    REFUSE(EPERM_NUMBER),

    FORBID(SYS_io_uring_setup), /* does by itself what these rules would refuse */
    FORBID(SYS_io_uring_enter),
    FORBID(SYS_io_uring_register),
    FORBID(SYS_bpf),
    FORBID(SYS_perf_event_open),
    FORBID(SYS_userfaultfd),
    FORBID(SYS_keyctl), /* the kernel's keyrings are not bound to containers */
    FORBID(SYS_add_key),
    FORBID(SYS_request_key),
    FORBID(SYS_kexec_load),
    FORBID(SYS_kexec_file_load),
    FORBID(SYS_init_module),
    FORBID(SYS_finit_module),
    FORBID(SYS_delete_module),
    FORBID(SYS_open_by_handle_at),
    FORBID(SYS_mount),
    FORBID(SYS_umount2),
    FORBID(SYS_pivot_root),
    FORBID(SYS_open_tree),
    FORBID(SYS_move_mount),
    FORBID(SYS_fsopen),
    FORBID(SYS_fsmount),
    FORBID(SYS_swapon),
    FORBID(SYS_reboot),
    FORBID(SYS_acct),
    FORBID(SYS_quotactl),
    FORBID(SYS_process_vm_readv),
    FORBID(SYS_process_vm_writev),
    FORBID(SYS_ptrace),

    GIVE(SECCOMP_RET_ALLOW),
};
