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

#include "site-files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FAIL_WITH(action) \
    if ((action) == FAIL) return errno = planned_error, -1

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
    } else if ((flags & O_ACCMODE) != O_RDONLY && refuses_writers(path)) {
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
    if (action == FAIL) return planned_error;
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
