// The plan, the log and the record of the library that watches a site's files.
#include "site-files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    enum action action;
    unsigned long first, last;  // From 1, both included.
} plan;
int planned_error;
bool is_active;
const char *root;
static const char *except, *only, *while_path;
static bool kills_group;
static int log_descriptor = -1, record_descriptor = -1;
static unsigned long operations;

// MARK: Settings

static bool parse_error(const char *text) {
    static const struct { const char *name; int value; } names[] = {
        {"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EDQUOT", EDQUOT}, {"EROFS", EROFS}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(text, names[i].name) == 0) return planned_error = names[i].value, true;
    char *end;
    planned_error = (int)strtol(text, &end, 10);
    return end > text && !*end && planned_error > 0;
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
bool watched_path(int folder, const char *path, char result[PATH_MAX]) {
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

bool watched_descriptor(int descriptor, char result[PATH_MAX]) {
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

_Noreturn void die(void) {
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
enum action count_operation(const char *name, size_t octets, const char *path) {
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
unsigned long inode_of(int descriptor, const char *path, long *size) {
    struct stat facts;
    const int former = errno;
    long answer = path ? syscall(SYS_newfstatat, AT_FDCWD, path, &facts, AT_SYMLINK_NOFOLLOW)
                       : syscall(SYS_fstat, descriptor, &facts);
    errno = former;
    if (answer != 0) return 0;
    if (size) *size = (long)facts.st_size;
    return (unsigned long)facts.st_ino;
}

void record(
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
void finish(enum action action) {
    if (action == KILL_AFTER) die();
}

bool refuses_writers(const char *path) {
    return plan.action == FAIL && planned_error == EROFS && operations + 1 >= plan.first
        && (!while_path || !*while_path || syscall(SYS_faccessat, AT_FDCWD, while_path, F_OK) == 0)
        && (!only || !*only || strstr(path, only));
}
