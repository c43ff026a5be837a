// A program that writes, for tests that see it killed:
//
//     write-program FILE OCTETS…
//
// It writes each OCTETS to FILE by turns with write, pwrite and writev (in two pieces), flushes after each,
// and prints a line for each: `write 4` or `write ENOSPC`, then `fsync 0` or `fsync EIO`.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

static void report(const char *what, ssize_t answer) {
    if (answer < 0) dprintf(1, "%s %s\n", what, strerrorname_np(errno));
    else dprintf(1, "%s %zd\n", what, answer);
}

int main(int count, char **arguments) {
    // As the program under test does. What belongs to a process in /proc is then root's, even for itself.
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    int file = open(arguments[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (count < 2 || file < 0) return 2;
    for (int i = 2; i < count; i++) {
        char *octets = arguments[i];
        size_t length = strlen(octets), half = length / 3;
        struct iovec pieces[] = {{octets, half}, {octets + half, length - half}};
        off_t position = lseek(file, 0, SEEK_CUR);
        switch (i % 3) {
        case 2:
            report("write", write(file, octets, length));
            break;
        case 0:
            report("write", pwrite(file, octets, length, position));
            lseek(file, 0, SEEK_END);
            break;
        case 1:
            report("write", writev(file, pieces, 2));
            break;
        }
        report("fsync", i % 2 ? fsync(file) : fdatasync(file));
    }
    return 0;
}
