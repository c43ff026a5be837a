// A library for LD_PRELOAD that watches what a program does to the files below one folder: it can kill the
// program at any of these operations, let them fail, and record them with their contents.
//
// SITE_FILES_ROOT names the folder, as the program names it; SITE_FILES_EXCEPT a part of paths that are left
// alone, as `/hsm/`. Operations are counted from 1: create (of a file, or its truncation by open), write,
// truncate, fsync, fsync-folder, sync, rename, link, unlink, mkdir and rmdir. SITE_FILES_ONLY counts those alone
// whose path contains it. Children do nothing of all this: the first process that loads the library says so in
// the environment.
//
// SITE_FILES_PLAN says what happens to the N-th:
//
//     kill-before:N        SIGKILL instead of the operation.
//     kill-after:N         the operation, then SIGKILL before the program hears of it.
//     kill-torn:N          the first half of a write, then SIGKILL; as kill-before of anything else.
//     fail:N[+|-M]:ERRNO   fails: ENOSPC, EIO, EROFS, EDQUOT or a number; N+ and all after it, N-M up to M.
//
// With SITE_FILES_KILLS=group the whole process group gets the SIGKILL. With SITE_FILES_WHILE the plan holds
// only while that file exists.
//
// SITE_FILES_LOG names a file that gets a line an operation, before it is done: `NUMBER NAME OCTETS PATH`.
// SITE_FILES_RECORD names one that gets every operation that was done, for a replay of the disk:
// `NAME INODE A B LENGTH PATH` and a newline, then LENGTH octets. A and B are flags and sizes, see below.
//
// A malformed plan ends the program at its start with exit code 99. What glibc writes within itself (stdio,
// mkstemp) is not seen. Programs that work on these files with several threads at once are not for this.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum action { NOTHING, KILL_BEFORE, KILL_AFTER, KILL_TORN, FAIL };

static struct {
    enum action action;
    unsigned long first, last;  // From 1, both included.
    int error;
} plan;
static const char *root, *except, *only, *while_path;
static bool kills_group, is_active;
static int log_descriptor = -1, record_descriptor = -1;
static unsigned long operations;

// MARK: Settings

static bool parse_error(const char *text) {
    static const struct { const char *name; int value; } names[] = {
        {"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EDQUOT", EDQUOT}, {"EROFS", EROFS}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i].name) == 0) return plan.error = names[i].value, true;
    char *end;
    plan.error = (int)strtol(text, &end, 10);
    return end > text && !*end && plan.error > 0;
}

static bool parse_plan(const char *text) {
    static const struct { const char *name; enum action action; } actions[] = {
        {"kill-before:", KILL_BEFORE}, {"kill-after:", KILL_AFTER}, {"kill-torn:", KILL_TORN}, {"fail:", FAIL}};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strncmp(text, actions[i].name, strlen(actions[i].name)) != 0) continue;
        const char *number = text + strlen(actions[i].name);
        char *end;
        if (*number < '1' || *number > '9') return false;
        plan.first = plan.last = strtoul(number, &end, 10);
        plan.action = actions[i].action;
        if (plan.action != FAIL) return !*end;
        if (*end == '+') plan.last = ULONG_MAX, end++;
        else if (*end == '-') plan.last = strtoul(end + 1, &end, 10);
        return *end == ':' && parse_error(end + 1);
    }
    return false;
}

static int open_own(const char *path) {
    return (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
}

__attribute__((constructor)) static void read_settings(void) {
    root = getenv("SITE_FILES_ROOT");
    if (!root || !*root) return;
    // A shell that becomes the program keeps its number.
    char own[24];
    snprintf(own, sizeof own, "%d", (int)getpid());
    const char *first = getenv("SITE_FILES_PROCESS");
    if (first && strcmp(first, own) != 0) return;
    setenv("SITE_FILES_PROCESS", own, 1);
    except = getenv("SITE_FILES_EXCEPT");
    only = getenv("SITE_FILES_ONLY");
    while_path = getenv("SITE_FILES_WHILE");
    const char *kills = getenv("SITE_FILES_KILLS"), *text = getenv("SITE_FILES_PLAN");
    const char *log = getenv("SITE_FILES_LOG"), *record = getenv("SITE_FILES_RECORD");
    kills_group = kills && strcmp(kills, "group") == 0;
    bool is_sound = !text || !*text || parse_plan(text);
    if (log && *log && (log_descriptor = open_own(log)) < 0) is_sound = false;
    if (record && *record && (record_descriptor = open_own(record)) < 0) is_sound = false;
    is_active = true;
    if (is_sound) return;
    dprintf(2, "site-files: SITE_FILES_PLAN, _LOG or _RECORD is malformed\n");
    _exit(99);
}

// MARK: Paths

static bool is_watched(const char *path) {
    size_t length = strlen(root);
    if (strncmp(path, root, length) != 0 || (path[length] && path[length] != '/')) return false;
    return !except || !*except || !strstr(path, except);
}

// The path without `//`, `/.` and `/..`; false where it does not fit or is not watched.
static bool watched_path(int folder, const char *path, char result[PATH_MAX]) {
    if (!is_active) return false;
    const int former = errno;
    char whole[PATH_MAX];
    int length;
    if (path[0] == '/') {
        length = snprintf(whole, sizeof whole, "%s", path);
    } else {
        char link[40], base[PATH_MAX];
        snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
        ssize_t got = readlink(link, base, sizeof base - 1);
        errno = former;
        if (got < 0) return false;
        base[got] = 0;
        length = snprintf(whole, sizeof whole, "%s/%s", base, path);
    }
    if (length < 0 || length >= PATH_MAX) return false;
    size_t end = 0;
    for (char *part = whole, *next; part; part = next) {
        next = strchr(part, '/');
        if (next) *next++ = 0;
        if (!*part || strcmp(part, ".") == 0) continue;
        if (strcmp(part, "..") == 0) {
            while (end > 0 && result[--end] != '/') {}
            continue;
        }
        result[end++] = '/';
        memcpy(result + end, part, strlen(part));
        end += strlen(part);
    }
    result[end] = 0;
    return is_watched(result);
}

static bool watched_descriptor(int descriptor, char result[PATH_MAX]) {
    if (!is_active || descriptor < 0) return false;
    const int former = errno;
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, result, PATH_MAX - 1);
    errno = former;
    if (length < 0) return false;
    result[length] = 0;
    // A file that was unlinked or replaced while it was open goes by its former name.
    char *deleted = strstr(result, " (deleted)");
    if (deleted) *deleted = 0;
    return is_watched(result);
}

// MARK: Counting, failing, recording

_Noreturn static void die(void) {
    kill(kills_group ? 0 : getpid(), SIGKILL);
    for (;;) pause();
}

static void put(int descriptor, const void *octets, size_t length) {
    while (length > 0) {
        long written = syscall(SYS_write, descriptor, octets, length);
        if (written <= 0) abort();
        octets = (const char *)octets + written;
        length -= (size_t)written;
    }
}

// Counts and logs an operation; answers what is to happen to it, having died already where it should not be done.
static enum action count_operation(const char *name, size_t octets, const char *path) {
    if (only && *only && !strstr(path, only)) return NOTHING;
    const unsigned long number = ++operations;
    if (log_descriptor >= 0) {
        char line[PATH_MAX + 96];
        int length = snprintf(line, sizeof line, "%lu %s %zu %s\n", number, name, octets, path);
        put(log_descriptor, line, (size_t)length);
    }
    if (number < plan.first || number > plan.last) return NOTHING;
    if (while_path && *while_path && syscall(SYS_faccessat, AT_FDCWD, while_path, F_OK) != 0) return NOTHING;
    if (plan.action == KILL_BEFORE || (plan.action == KILL_TORN && strcmp(name, "write") != 0)) die();
    return plan.action;
}

// A descriptor's or a path's inode, which names a file for as long as it lives.
static unsigned long inode_of(int descriptor, const char *path, long *size) {
    struct stat facts;
    const int former = errno;
    long answer = path ? syscall(SYS_newfstatat, AT_FDCWD, path, &facts, AT_SYMLINK_NOFOLLOW)
                       : syscall(SYS_fstat, descriptor, &facts);
    errno = former;
    if (answer != 0) return 0;
    if (size) *size = (long)facts.st_size;
    return (unsigned long)facts.st_ino;
}

static void record(
    const char *name, unsigned long inode, long a, long b, const char *path, const void *octets, size_t length
) {
    if (record_descriptor < 0) return;
    const int former = errno;
    char line[PATH_MAX * 2 + 128];
    int count = snprintf(line, sizeof line, "%s %lu %ld %ld %zu %s\n", name, inode, a, b, length, path);
    put(record_descriptor, line, (size_t)count);
    if (length) put(record_descriptor, octets, length);
    errno = former;
}

// After an operation that was done, or failed by itself.
static void finish(enum action action) {
    if (action == KILL_AFTER) die();
}

#define FAIL_WITH(action) \
    if ((action) == FAIL) return errno = plan.error, -1

// MARK: Files

static int watched_open(int folder, const char *name, int flags, mode_t mode) {
    char path[PATH_MAX];
    const bool changes = flags & (O_CREAT | O_TRUNC) && (flags & O_TMPFILE) != O_TMPFILE;
    if (!watched_path(folder, name, path)) return (int)syscall(SYS_openat, folder, name, flags, mode);
    long size = -1;
    const unsigned long before = inode_of(-1, path, &size);
    enum action action = NOTHING;
    if (changes && (!before || (flags & O_TRUNC && size > 0))) {
        action = count_operation("create", 0, path);
        FAIL_WITH(action);
    } else if ((flags & O_ACCMODE) != O_RDONLY && plan.action == FAIL && plan.error == EROFS
               && operations + 1 >= plan.first && (!while_path || syscall(SYS_faccessat, AT_FDCWD, while_path, F_OK) == 0)
               && (!only || !*only || strstr(path, only))) {
        return errno = EROFS, -1;  // A read-only file system refuses this, too.
    }
    int descriptor = (int)syscall(SYS_openat, folder, name, flags, mode);
    if (descriptor >= 0 && changes) {
        // A: 1 where the name is new. B: 1 where the contents were thrown away.
        const unsigned long inode = inode_of(descriptor, NULL, NULL);
        if (!before || flags & O_TRUNC) record("create", inode, before == 0, (flags & O_TRUNC) != 0, path, NULL, 0);
    }
    finish(action);
    return descriptor;
}

static mode_t mode_argument(int flags, va_list arguments) {
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

#define DEFINE_OPEN(function)                                      \
    int function(const char *path, int flags, ...) {               \
        va_list arguments;                                         \
        va_start(arguments, flags);                                \
        const mode_t mode = mode_argument(flags, arguments);       \
        va_end(arguments);                                         \
        return watched_open(AT_FDCWD, path, flags, mode);          \
    }
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(function)                                         \
    int function(int folder, const char *path, int flags, ...) {        \
        va_list arguments;                                              \
        va_start(arguments, flags);                                     \
        const mode_t mode = mode_argument(flags, arguments);            \
        va_end(arguments);                                              \
        return watched_open(folder, path, flags, mode);                 \
    }
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

int creat(const char *path, mode_t mode) {
    return watched_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

// At the descriptor's own position where `offset` is negative.
static ssize_t plain_write(int descriptor, const void *octets, size_t length, off_t offset) {
    if (offset < 0) return syscall(SYS_write, descriptor, octets, length);
    return syscall(SYS_pwrite64, descriptor, octets, length, offset);
}

static ssize_t watched_write(int descriptor, const void *octets, size_t length, off_t offset) {
    char path[PATH_MAX];
    if (!watched_descriptor(descriptor, path)) return plain_write(descriptor, octets, length, offset);
    enum action action = count_operation("write", length, path);
    FAIL_WITH(action);
    off_t position = offset;
    if (offset < 0) {
        const int former = errno;
        position = (off_t)syscall(SYS_lseek, descriptor, 0, SEEK_CUR);
        long size = 0;
        if (fcntl(descriptor, F_GETFL) & O_APPEND && inode_of(descriptor, NULL, &size)) position = size;
        errno = former;
    }
    ssize_t written = plain_write(descriptor, octets, action == KILL_TORN ? length / 2 : length, offset);
    if (written > 0)
        record("write", inode_of(descriptor, NULL, NULL), (long)position, 0, path, octets, (size_t)written);
    if (action == KILL_TORN) die();
    finish(action);
    return written;
}

ssize_t write(int descriptor, const void *octets, size_t length) {
    return watched_write(descriptor, octets, length, -1);
}

ssize_t pwrite(int descriptor, const void *octets, size_t length, off_t offset) {
    return offset < 0 ? (errno = EINVAL, -1) : watched_write(descriptor, octets, length, offset);
}

ssize_t pwrite64(int descriptor, const void *octets, size_t length, off64_t offset) {
    return pwrite(descriptor, octets, length, offset);
}

static ssize_t gathered_write(int descriptor, const struct iovec *pieces, int count, off_t offset) {
    char path[PATH_MAX];
    if (!watched_descriptor(descriptor, path))
        return offset < 0 ? syscall(SYS_writev, descriptor, pieces, count)
                          : syscall(SYS_pwritev, descriptor, pieces, count, offset, 0);
    size_t length = 0, copied = 0;
    for (int i = 0; i < count; i++) length += pieces[i].iov_len;
    char *octets = malloc(length + 1);
    if (!octets) abort();
    for (int i = 0; i < count; copied += pieces[i++].iov_len)
        memcpy(octets + copied, pieces[i].iov_base, pieces[i].iov_len);
    ssize_t written = watched_write(descriptor, octets, length, offset);
    free(octets);
    return written;
}

ssize_t writev(int descriptor, const struct iovec *pieces, int count) {
    return gathered_write(descriptor, pieces, count, -1);
}

ssize_t pwritev(int descriptor, const struct iovec *pieces, int count, off_t offset) {
    return gathered_write(descriptor, pieces, count, offset);
}

ssize_t pwritev64(int descriptor, const struct iovec *pieces, int count, off64_t offset) {
    return gathered_write(descriptor, pieces, count, offset);
}

int ftruncate(int descriptor, off_t length) {
    char path[PATH_MAX];
    if (!watched_descriptor(descriptor, path)) return (int)syscall(SYS_ftruncate, descriptor, length);
    enum action action = count_operation("truncate", 0, path);
    FAIL_WITH(action);
    int answer = (int)syscall(SYS_ftruncate, descriptor, length);
    if (answer == 0) record("truncate", inode_of(descriptor, NULL, NULL), (long)length, 0, path, NULL, 0);
    finish(action);
    return answer;
}

int ftruncate64(int descriptor, off64_t length) {
    return ftruncate(descriptor, length);
}

int posix_fallocate(int descriptor, off_t offset, off_t length) {
    char path[PATH_MAX];
    const bool is_seen = watched_descriptor(descriptor, path);
    enum action action = is_seen ? count_operation("truncate", 0, path) : NOTHING;
    if (action == FAIL) return plan.error;
    int answer = syscall(SYS_fallocate, descriptor, 0, offset, length) == 0 ? 0 : errno;
    long size = 0;
    if (answer == 0 && is_seen) {
        const unsigned long inode = inode_of(descriptor, NULL, &size);
        record("truncate", inode, size, 0, path, NULL, 0);
    }
    finish(action);
    return answer;
}

int posix_fallocate64(int descriptor, off64_t offset, off64_t length) {
    return posix_fallocate(descriptor, offset, length);
}

// What is written through a mapping is not seen: a replay takes such a file to hold anything.
static void *watched_map(void *place, size_t length, int protection, int flags, int descriptor, off_t offset) {
    char path[PATH_MAX];
    if (flags & MAP_SHARED && protection & PROT_WRITE && watched_descriptor(descriptor, path))
        record("map", inode_of(descriptor, NULL, NULL), 0, 0, path, NULL, 0);
    return (void *)syscall(SYS_mmap, place, length, protection, flags, descriptor, offset);
}

void *mmap(void *place, size_t length, int protection, int flags, int descriptor, off_t offset) {
    return watched_map(place, length, protection, flags, descriptor, offset);
}

void *mmap64(void *place, size_t length, int protection, int flags, int descriptor, off64_t offset) {
    return watched_map(place, length, protection, flags, descriptor, offset);
}

// MARK: Flushing

static int watched_flush(int descriptor, long call) {
    char path[PATH_MAX];
    if (!watched_descriptor(descriptor, path)) return (int)syscall(call, descriptor);
    struct stat facts;
    const bool is_folder = syscall(SYS_fstat, descriptor, &facts) == 0 && S_ISDIR(facts.st_mode);
    const char *name = is_folder ? "fsync-folder" : "fsync";
    enum action action = count_operation(name, 0, path);
    FAIL_WITH(action);
    int answer = (int)syscall(call, descriptor);
    if (answer == 0) record(name, (unsigned long)facts.st_ino, 0, 0, path, NULL, 0);
    finish(action);
    return answer;
}

int fsync(int descriptor) {
    return watched_flush(descriptor, SYS_fsync);
}

int fdatasync(int descriptor) {
    return watched_flush(descriptor, SYS_fdatasync);
}

void sync(void) {
    enum action action = is_active ? count_operation("sync", 0, root) : NOTHING;
    syscall(SYS_sync);
    if (is_active) record("sync", 0, 0, 0, root, NULL, 0);
    finish(action);
}

// MARK: Names

// Renaming and linking name two paths, with `//` between: no path has that.
static int watched_pair(
    const char *name, int from_folder, const char *from, int to_folder, const char *to, unsigned flags,
    bool is_link
) {
    char paths[2 * PATH_MAX + 2], target[PATH_MAX];
    const bool from_seen = watched_path(from_folder, from, paths);
    const bool is_seen = watched_path(to_folder, to, target) && from_seen;
    enum action action = is_seen ? count_operation(name, 0, target) : NOTHING;
    FAIL_WITH(action);
    int answer = is_link
        ? (int)syscall(SYS_linkat, from_folder, from, to_folder, to, flags)
        : (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    if (answer == 0 && is_seen) {
        size_t length = strlen(paths);
        snprintf(paths + length, sizeof paths - length, "//%s", target + 1);
        record(name, 0, 0, 0, paths, NULL, 0);
    }
    finish(action);
    return answer;
}

int rename(const char *from, const char *to) {
    return watched_pair("rename", AT_FDCWD, from, AT_FDCWD, to, 0, false);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    return watched_pair("rename", from_folder, from, to_folder, to, 0, false);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    return watched_pair("rename", from_folder, from, to_folder, to, flags, false);
}

int link(const char *from, const char *to) {
    return watched_pair("link", AT_FDCWD, from, AT_FDCWD, to, 0, true);
}

int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) {
    return watched_pair("link", from_folder, from, to_folder, to, (unsigned)flags, true);
}

static int watched_removal(int folder, const char *name, int flags) {
    char path[PATH_MAX];
    const char *kind = flags & AT_REMOVEDIR ? "rmdir" : "unlink";
    const bool is_seen = watched_path(folder, name, path) && inode_of(-1, path, NULL);
    enum action action = is_seen ? count_operation(kind, 0, path) : NOTHING;
    FAIL_WITH(action);
    int answer = (int)syscall(SYS_unlinkat, folder, name, flags);
    if (answer == 0 && is_seen) record(kind, 0, 0, 0, path, NULL, 0);
    finish(action);
    return answer;
}

int unlink(const char *path) {
    return watched_removal(AT_FDCWD, path, 0);
}

int unlinkat(int folder, const char *path, int flags) {
    return watched_removal(folder, path, flags);
}

int rmdir(const char *path) {
    return watched_removal(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char *path) {
    int answer = unlink(path);
    return answer != 0 && (errno == EISDIR || errno == EPERM) ? rmdir(path) : answer;
}

int mkdirat(int folder, const char *name, mode_t mode) {
    char path[PATH_MAX];
    const bool is_seen = watched_path(folder, name, path) && !inode_of(-1, path, NULL);
    enum action action = is_seen ? count_operation("mkdir", 0, path) : NOTHING;
    FAIL_WITH(action);
    int answer = (int)syscall(SYS_mkdirat, folder, name, mode);
    if (answer == 0 && is_seen) record("mkdir", inode_of(-1, path, NULL), 0, 0, path, NULL, 0);
    finish(action);
    return answer;
}

int mkdir(const char *path, mode_t mode) {
    return mkdirat(AT_FDCWD, path, mode);
}
