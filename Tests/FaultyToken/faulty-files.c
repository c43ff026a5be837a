// A library for LD_PRELOAD that makes a program's writes to certain files fail, fall short or be its last.
//
// FAULTY_FILES_PATH is a suffix: writes to open files whose path ends with it are counted from 1 in each
// process (write, pwrite and writev together; fsync and fdatasync by a count of their own). The path is that
// at the time of the write: a file renamed into its place once it is whole goes by its temporary name.
// FAULTY_FILES_PLAN says what happens to the N-th; with N+ to that and all after it:
//
//     kill-before:N          SIGKILL instead of the write.
//     kill-torn:N            writes the first half of the octets (rounded down), then SIGKILL.
//     kill-after:N           writes everything, then SIGKILL before the program hears of it and can flush it.
//     short:N[+]             writes the first half, at least one octet, and says so; correct callers go on.
//     fail:N[+]:ERRNO        writes nothing and fails: ENOSPC, EIO, EDQUOT, EINTR, EROFS or a number.
//     kill-fsync:N           SIGKILL instead of the N-th flush.
//     fail-fsync:N[+]:ERRNO  flushes nothing and fails.
//
// FAULTY_FILES_LOG names a file to which each counted call appends a line before anything else is done with
// it: `NUMBER write LENGTH PROCESS` (octets asked for) or `NUMBER fsync 0 PROCESS`.
//
// A malformed plan ends the program at its start with exit code 99. What glibc writes within itself (stdio)
// and programs linked statically are not seen.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum action { NOTHING, KILL_BEFORE, KILL_TORN, KILL_AFTER, SHORT, FAIL, KILL_FSYNC, FAIL_FSYNC };

static struct {
    enum action action;
    unsigned long first, last;  // From 1, both included.
    int error;
} plan;
static const char *suffix;
static int log_descriptor = -1;
static atomic_ulong writes, flushes;

// MARK: Settings

static bool parse_error(const char *text) {
    static const struct { const char *name; int value; } names[] = {
        {"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EDQUOT", EDQUOT}, {"EINTR", EINTR}, {"EROFS", EROFS}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i].name) == 0) return plan.error = names[i].value, true;
    char *end;
    plan.error = (int)strtol(text, &end, 10);
    return end > text && !*end && plan.error > 0;
}

static bool parse_plan(const char *text) {
    static const struct { const char *name; enum action action; bool repeats, has_error; } actions[] = {
        {"kill-before:", KILL_BEFORE, false, false}, {"kill-torn:", KILL_TORN, false, false},
        {"kill-after:", KILL_AFTER, false, false}, {"short:", SHORT, true, false},
        {"fail:", FAIL, true, true}, {"kill-fsync:", KILL_FSYNC, false, false},
        {"fail-fsync:", FAIL_FSYNC, true, true}};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++) {
        if (strncmp(text, actions[i].name, strlen(actions[i].name)) != 0) continue;
        const char *number = text + strlen(actions[i].name);
        char *end;
        if (*number < '1' || *number > '9') return false;
        plan.first = plan.last = strtoul(number, &end, 10);
        if (*end == '+' && actions[i].repeats) plan.last = ULONG_MAX, end++;
        plan.action = actions[i].action;
        return actions[i].has_error ? *end == ':' && parse_error(end + 1) : !*end;
    }
    return false;
}

__attribute__((constructor)) static void read_settings(void) {
    const char *plan_text = getenv("FAULTY_FILES_PLAN"), *log_path = getenv("FAULTY_FILES_LOG");
    suffix = getenv("FAULTY_FILES_PATH");
    bool is_sound = !plan_text || !*plan_text || (suffix && *suffix && parse_plan(plan_text));
    if (log_path && *log_path) {
        log_descriptor = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (log_descriptor < 0) is_sound = false;
    }
    if (is_sound) return;
    dprintf(2, "faulty-files: FAULTY_FILES_PLAN, _PATH or _LOG is malformed\n");
    _exit(99);
}

// MARK: Counting

// Through /proc, which follows dup, openat and inherited descriptors without more ado.
static bool is_counted(int descriptor) {
    if (!suffix || !*suffix) return false;
    const int former = errno;
    char link[40], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path);
    errno = former;
    size_t wanted = strlen(suffix);
    return length >= (ssize_t)wanted && memcmp(path + length - wanted, suffix, wanted) == 0;
}

// Counts and logs a call; answers what the plan wants of it.
static enum action count_call(atomic_ulong *counter, const char *name, size_t length) {
    unsigned long number = atomic_fetch_add(counter, 1) + 1;
    if (log_descriptor >= 0) {
        char line[96];
        int size = snprintf(line, sizeof line, "%lu %s %zu %d\n", number, name, length, (int)getpid());
        if (syscall(SYS_write, log_descriptor, line, (size_t)size) != size) abort();
    }
    return number < plan.first || number > plan.last ? NOTHING : plan.action;
}

_Noreturn static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

// MARK: The calls

// One write of several pieces; at the descriptor's own position where `offset` is negative.
static ssize_t write_pieces(int descriptor, const struct iovec *pieces, int count, off_t offset) {
    if (offset < 0) return syscall(SYS_writev, descriptor, pieces, count);
    return syscall(SYS_pwritev, descriptor, pieces, count, offset, 0);
}

// Writes the first `length` octets of the pieces and no more.
static ssize_t write_part(
    int descriptor, const struct iovec *pieces, int count, off_t offset, size_t length
) {
    char *octets = malloc(length + 1);
    if (!octets) abort();
    size_t copied = 0;
    for (int i = 0; i < count && copied < length; i++) {
        size_t part = length - copied < pieces[i].iov_len ? length - copied : pieces[i].iov_len;
        memcpy(octets + copied, pieces[i].iov_base, part);
        copied += part;
    }
    ssize_t written = write_pieces(descriptor, &(struct iovec){octets, length}, 1, offset);
    free(octets);
    return written;
}

static ssize_t faulty_write(int descriptor, const struct iovec *pieces, int count, off_t offset) {
    if (!is_counted(descriptor)) return write_pieces(descriptor, pieces, count, offset);
    size_t length = 0;
    for (int i = 0; i < count; i++) length += pieces[i].iov_len;
    ssize_t written;
    switch (count_call(&writes, "write", length)) {
    case KILL_BEFORE:
        die();
    case KILL_TORN:
        write_part(descriptor, pieces, count, offset, length / 2);
        die();
    case KILL_AFTER:
        written = write_pieces(descriptor, pieces, count, offset);
        if (written != (ssize_t)length) abort();
        die();
    case SHORT:
        return write_part(descriptor, pieces, count, offset, length > 1 ? length / 2 : length);
    case FAIL:
        errno = plan.error;
        return -1;
    default:
        return write_pieces(descriptor, pieces, count, offset);
    }
}

ssize_t write(int descriptor, const void *octets, size_t length) {
    return faulty_write(descriptor, &(struct iovec){(void *)octets, length}, 1, -1);
}

ssize_t writev(int descriptor, const struct iovec *pieces, int count) {
    return faulty_write(descriptor, pieces, count, -1);
}

ssize_t pwrite(int descriptor, const void *octets, size_t length, off_t offset) {
    if (offset < 0) return errno = EINVAL, -1;
    return faulty_write(descriptor, &(struct iovec){(void *)octets, length}, 1, offset);
}

ssize_t pwrite64(int descriptor, const void *octets, size_t length, off64_t offset) {
    return pwrite(descriptor, octets, length, offset);
}

static int faulty_flush(int descriptor, long number) {
    if (is_counted(descriptor)) {
        switch (count_call(&flushes, "fsync", 0)) {
        case KILL_FSYNC:
            die();
        case FAIL_FSYNC:
            errno = plan.error;
            return -1;
        default:
            break;
        }
    }
    return (int)syscall(number, descriptor);
}

int fsync(int descriptor) {
    return faulty_flush(descriptor, SYS_fsync);
}

int fdatasync(int descriptor) {
    return faulty_flush(descriptor, SYS_fdatasync);
}
