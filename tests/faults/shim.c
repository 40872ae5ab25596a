/* Faults at the N-th durable call: loaded by LD_PRELOAD, told what to do by `arm`.
 *
 * Counts calls that change what is on disk, only under one folder: open (when it may create), write, pwrite,
 * writev, fsync, fdatasync, ftruncate, rename, unlink, mkdir, rmdir and their variants. At call N it does what the
 * mode says; every counted call is written to a trace, one line each. The method is SQLite's (sqlite.org/testing.html).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum mode { COUNT, KILL, TORN, FAIL, FAIL_ON, SHORT, STOP };
enum verdict { PASS, REFUSE, HALF };

static int at, mode, number, trace = -1;
static long calls;
static char root[PATH_MAX];
static size_t root_length;

/* Watch the folder `prefix` (absolute, no links); at call `n` do `m`, with error `e` where it fails. */
void arm(int n, int m, int e, const char *prefix, int trace_fd) {
    calls = 0;
    at = n, mode = m, number = e, trace = trace_fd;
    root_length = strlen(prefix);
    memcpy(root, prefix, root_length + 1);
}

/* Let the wall clock be wrong by so many seconds. */
static long clock_shift;
void shift_clock(long seconds) { clock_shift = seconds; }
int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (!result && clock == CLOCK_REALTIME) now->tv_sec += clock_shift;
    return result;
}

static int inside(const char *path) {
    return root_length && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

static int of_descriptor(int fd, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = 0;
    return length > 0;
}

static void resolve(int folder, const char *name, char *path) {
    char from[PATH_MAX];
    from[0] = 0;
    if (name[0] != '/' && !(folder == AT_FDCWD ? getcwd(from, sizeof from) != NULL : of_descriptor(folder, from)))
        from[0] = 0;
    if (name[0] == '/') snprintf(path, PATH_MAX, "%s", name);
    else snprintf(path, PATH_MAX, "%.2000s/%.2000s", from, name);
}

/* Add to the trace that the call counted last did nothing: what it was to make was there, or the reverse. */
static int counted;
static int done(int result) {
    int here = errno;
    if (counted && result < 0 && trace >= 0) syscall(SYS_write, trace, "in vain\n", 8);
    counted = 0;
    errno = here;
    return result;
}

/* Count a call on a path; die, or say whether to pass it on, refuse it, or do half of it.
 * `room`: the call takes room on the disk, so a disk that stays full goes on refusing it. */
static enum verdict count(const char *call, const char *path, int room, int writes) {
    int here = errno;
    counted = inside(path);
    if (!counted) return PASS;
    long n = ++calls;
    if (trace >= 0) {
        char line[PATH_MAX + 64];
        int length = snprintf(line, sizeof line, "%s %s\n", call, path + root_length);
        syscall(SYS_write, trace, line, length);
    }
    errno = here;
    if (mode == COUNT || n < at || (n > at && mode != FAIL_ON)) return PASS;
    if (mode == KILL || (mode == TORN && !writes)) kill(getpid(), SIGKILL);
    if (mode == STOP) {
        raise(SIGSTOP);
        return PASS;
    }
    if (mode == TORN || mode == SHORT) return writes ? HALF : PASS;
    return mode == FAIL || room ? REFUSE : PASS;
}

#define REAL(name, result, ...) \
    static result (*real)(__VA_ARGS__); \
    if (!real) real = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)
#define REFUSED do { errno = number; return -1; } while (0)
#define ON_PATH(call, folder, name, room) \
    do { char path[PATH_MAX]; resolve(folder, name, path); if (count(call, path, room, 0) == REFUSE) REFUSED; } while (0)
#define ON_DESCRIPTOR(call, fd, room) \
    do { char path[PATH_MAX]; if (root_length && of_descriptor(fd, path) && count(call, path, room, 0) == REFUSE) REFUSED; } while (0)

#define OPENING(name) \
    int name(const char *file, int flags, ...) { \
        REAL(name, int, const char *, int, ...); \
        va_list rest; va_start(rest, flags); mode_t permissions = va_arg(rest, mode_t); va_end(rest); \
        if (root_length && (flags & (O_CREAT | O_TRUNC))) ON_PATH("open", AT_FDCWD, file, 1); \
        return real(file, flags, permissions); \
    }
OPENING(open)
OPENING(open64)
#define OPENING_AT(name) \
    int name(int folder, const char *file, int flags, ...) { \
        REAL(name, int, int, const char *, int, ...); \
        va_list rest; va_start(rest, flags); mode_t permissions = va_arg(rest, mode_t); va_end(rest); \
        if (root_length && (flags & (O_CREAT | O_TRUNC))) ON_PATH("open", folder, file, 1); \
        return real(folder, file, flags, permissions); \
    }
OPENING_AT(openat)
OPENING_AT(openat64)

/* Give the bytes to write: all, half of them, or -1 for none. */
static ssize_t share(const char *call, int fd, size_t size) {
    char path[PATH_MAX];
    if (!root_length || !of_descriptor(fd, path)) return size;
    switch (count(call, path, 1, 1)) {
    case REFUSE: errno = number; return -1;
    case HALF: return size / 2;
    default: return size;
    }
}
static ssize_t torn(size_t wanted, ssize_t done) {
    if (mode == TORN && calls == at && done >= 0 && (size_t)done < wanted) kill(getpid(), SIGKILL);
    return done;
}
ssize_t write(int fd, const void *bytes, size_t size) {
    REAL(write, ssize_t, int, const void *, size_t);
    ssize_t part = share("write", fd, size);
    return part < 0 ? -1 : torn(size, real(fd, bytes, part));
}
#define PWRITING(name, offset_type) \
    ssize_t name(int fd, const void *bytes, size_t size, offset_type offset) { \
        REAL(name, ssize_t, int, const void *, size_t, offset_type); \
        ssize_t part = share("pwrite", fd, size); \
        return part < 0 ? -1 : torn(size, real(fd, bytes, part, offset)); \
    }
PWRITING(pwrite, off_t)
PWRITING(pwrite64, off64_t)
ssize_t writev(int fd, const struct iovec *parts, int num) {
    REAL(writev, ssize_t, int, const struct iovec *, int);
    ON_DESCRIPTOR("writev", fd, 1);
    return real(fd, parts, num);
}

#define ON_FD(name, room) int name(int fd) { REAL(name, int, int); ON_DESCRIPTOR(#name, fd, room); return real(fd); }
ON_FD(fsync, 1)
ON_FD(fdatasync, 1)
int ftruncate(int fd, off_t size) { REAL(ftruncate, int, int, off_t); ON_DESCRIPTOR("ftruncate", fd, 0); return real(fd, size); }
int ftruncate64(int fd, off64_t size) { REAL(ftruncate64, int, int, off64_t); ON_DESCRIPTOR("ftruncate", fd, 0); return real(fd, size); }

int rename(const char *from, const char *to) {
    REAL(rename, int, const char *, const char *);
    ON_PATH("rename", AT_FDCWD, to, 1);
    return done(real(from, to));
}
int renameat(int a, const char *from, int b, const char *to) {
    REAL(renameat, int, int, const char *, int, const char *);
    ON_PATH("rename", b, to, 1);
    return done(real(a, from, b, to));
}
int unlink(const char *name) { REAL(unlink, int, const char *); ON_PATH("unlink", AT_FDCWD, name, 0); return done(real(name)); }
int rmdir(const char *name) { REAL(rmdir, int, const char *); ON_PATH("rmdir", AT_FDCWD, name, 0); return done(real(name)); }
int unlinkat(int folder, const char *name, int flags) {
    REAL(unlinkat, int, int, const char *, int);
    ON_PATH("unlink", folder, name, 0);
    return done(real(folder, name, flags));
}
int mkdir(const char *name, mode_t permissions) {
    REAL(mkdir, int, const char *, mode_t);
    ON_PATH("mkdir", AT_FDCWD, name, 1);
    return done(real(name, permissions));
}
int mkdirat(int folder, const char *name, mode_t permissions) {
    REAL(mkdirat, int, int, const char *, mode_t);
    ON_PATH("mkdir", folder, name, 1);
    return done(real(folder, name, permissions));
}
