// What the files of the library that watches a site's files share; site-files.c says what it is.
#pragma once

#define _GNU_SOURCE
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

enum action { NOTHING, KILL_BEFORE, KILL_AFTER, KILL_TORN, FAIL };

// What these files share is not seen outside, so that no name meets another library's.
#pragma GCC visibility push(hidden)

// The error that a plan lets operations fail with.
extern int planned_error;

// Whether the library has to do with this process at all, and the folder that it watches.
extern bool is_active;
extern const char *root;

// The path without `//`, `/.` and `/..`; false where it does not fit or is not watched.
bool watched_path(int folder, const char *path, char result[PATH_MAX]);
bool watched_descriptor(int descriptor, char result[PATH_MAX]);

// Counts and logs an operation; answers what is to happen to it, having died already where it is not to be done.
enum action count_operation(const char *name, size_t octets, const char *path);

// Whether the file system is read-only by the plan, so that opening a file to write is refused, too.
bool refuses_writers(const char *path);

// A descriptor's or, where it is given, a path's inode, which names a file for as long as it lives; 0 of none.
unsigned long inode_of(int descriptor, const char *path, long *size);

void record(
    const char *name, unsigned long inode, long a, long b, const char *path, const void *octets, size_t length);

// After an operation that was done, or failed by itself.
void finish(enum action action);

_Noreturn void die(void);

#pragma GCC visibility pop
