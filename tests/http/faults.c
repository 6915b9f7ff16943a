// Loaded into a rowgate server by LD_PRELOAD: system calls on files fail as the page of memory says that a test shares
// with it (faults.py has its layout). Unlike a small or read-only file system this needs no rights, also works for root,
// and reaches every single call.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

struct page {
  _Atomic int armed;
  int errno_value;    // 0: the process is killed instead, before the call does anything
  int from, to;       // the first and the last matching call that fail, counted from 1; to 0: all later ones
  _Atomic int count;  // matching calls so far
  char calls[108];    // " write fsync "
  char path[512];     // a part of the file's name
  char not_path[512];
  _Atomic long clock_shift;  // seconds by which the wall clock is off
};

static struct page* page;

__attribute__((constructor)) static void attach(void) {
  const char* name = getenv("TEST_FAULTS_PAGE");
  const int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
  if (fd < 0) return;
  void* mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (mapped != MAP_FAILED) page = mapped;
}

static int fails(const char* call, const char* path) {
  if (page == NULL || !atomic_load(&page->armed)) return 0;
  char word[32];
  snprintf(word, sizeof word, " %s ", call);
  if (strstr(page->calls, word) == NULL || strstr(path, page->path) == NULL) return 0;
  if (page->not_path[0] != '\0' && strstr(path, page->not_path) != NULL) return 0;
  const int number = atomic_fetch_add(&page->count, 1) + 1;
  if (number < page->from || (page->to != 0 && number > page->to)) return 0;
  if (page->errno_value == 0) kill(getpid(), SIGKILL);
  errno = page->errno_value;
  return 1;
}

static int fails_at(const char* call, int fd) {
  if (page == NULL || !atomic_load(&page->armed)) return 0;
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size <= 0) return 0;
  path[size] = '\0';
  return fails(call, path);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define AT_FD(type, name, parameters, arguments, call) \
  type name parameters {                               \
    static __typeof__(&name) real;                     \
    if (real == NULL) real = REAL(name);               \
    return fails_at(call, fd) ? -1 : real arguments;   \
  }

AT_FD(ssize_t, write, (int fd, const void* bytes, size_t size), (fd, bytes, size), "write")
AT_FD(ssize_t, pwrite, (int fd, const void* bytes, size_t size, off_t at), (fd, bytes, size, at), "write")
AT_FD(ssize_t, pwrite64, (int fd, const void* bytes, size_t size, off64_t at), (fd, bytes, size, at), "write")
AT_FD(int, ftruncate, (int fd, off_t size), (fd, size), "write")
AT_FD(int, ftruncate64, (int fd, off64_t size), (fd, size), "write")
AT_FD(int, fallocate, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size), "write")
AT_FD(int, fallocate64, (int fd, int mode, off64_t at, off64_t size), (fd, mode, at, size), "write")
AT_FD(ssize_t, read, (int fd, void* into, size_t size), (fd, into, size), "read")
AT_FD(ssize_t, pread, (int fd, void* into, size_t size, off_t at), (fd, into, size, at), "read")
AT_FD(ssize_t, pread64, (int fd, void* into, size_t size, off64_t at), (fd, into, size, at), "read")
AT_FD(int, fsync, (int fd), (fd), "fsync")
AT_FD(int, fdatasync, (int fd), (fd), "fsync")

#define OPENS(name)                                                                      \
  int name(const char* path, int flags, ...) {                                           \
    static __typeof__(&name) real;                                                       \
    if (real == NULL) real = REAL(name);                                                 \
    va_list rest;                                                                        \
    va_start(rest, flags);                                                               \
    const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0; \
    va_end(rest);                                                                        \
    const int reads = (flags & O_ACCMODE) == O_RDONLY;                                   \
    return fails(reads ? "open_to_read" : "open", path) ? -1 : real(path, flags, mode);  \
  }
OPENS(open)
OPENS(open64)

int rename(const char* from, const char* to) {
  static __typeof__(&rename) real;
  if (real == NULL) real = REAL(rename);
  return fails("rename", to) ? -1 : real(from, to);
}

int mkdir(const char* path, mode_t mode) {
  static __typeof__(&mkdir) real;
  if (real == NULL) real = REAL(mkdir);
  return fails("mkdir", path) ? -1 : real(path, mode);
}

int unlink(const char* path) {
  static __typeof__(&unlink) real;
  if (real == NULL) real = REAL(unlink);
  return fails("unlink", path) ? -1 : real(path);
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  static __typeof__(&clock_gettime) real;
  if (real == NULL) real = REAL(clock_gettime);
  const int result = real(clock, now);
  if (page != NULL && clock == CLOCK_REALTIME) now->tv_sec += atomic_load(&page->clock_shift);
  return result;
}
