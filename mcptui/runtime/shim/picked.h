/* Whether the engine mounted what the gateway holds: it looked the paths up by itself, and later.
   Read by statx, whose answer has one form on every processor. */
struct told {
    uint32_t mask, block;
    uint64_t attributes;
    uint32_t links, uid, gid;
    uint16_t mode, spare;
    uint64_t inode, size, blocks, known;
    uint32_t times[16];
    uint32_t special_major, special_minor, major, minor;
    uint64_t more[14];
};

#define AT_ITSELF 0x100 /* AT_SYMLINK_NOFOLLOW */
#define WANT_INODE 0x100

static uint64_t number(const char **at)
{
    uint64_t value = 0;
    for (; **at >= '0' && **at <= '9'; ++*at)
        value = value * 10 + (uint64_t)(**at - '0');
    if (**at)
        ++*at; /* past the sign that parts two numbers */
    return value;
}

/* MAJOR:MINOR:INODE=PATH; returns the path when something else is there, or nothing, 0 when not.
   With a ? before it, a place that this user cannot see into is well. */
static const char *swapped(const char *record)
{
    int hidden_is_well = *record == '?';
    record += hidden_is_well;
    uint64_t major = number(&record), minor = number(&record), inode = number(&record);
    struct told is;
    memset(&is, 0, sizeof is);
    long error = call(SYS_statx, AT_FDCWD, record, AT_ITSELF, WANT_INODE, &is);
    if (error < 0)
        return hidden_is_well && error == -EACCES ? 0 : record;
    return is.major == major && is.minor == minor && is.inode == inode ? 0 : record;
}
