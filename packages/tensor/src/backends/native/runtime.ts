/** The C that all programs share: the device's memory, and how compilers are run side by side. */

/**
 * Memory is a stretch of addresses, reserved at once and backed by pages as it is reached, so that it can grow without moving.
 * Its pages are huge ones where the system has them: large tensors are read as fast as memory is, rather than as pages are found.
 * It is unsigned 64-bit offsets that come as doubles, which hold them exactly.
 */
export const runtime = `
#define _GNU_SOURCE
#include <stdint.h>
#include <string.h>
#define API __attribute__((visibility("default")))
#ifdef _WIN32
#include <windows.h>
API void *memory_reserve(double bytes) { return VirtualAlloc(0, (size_t)bytes, MEM_RESERVE, PAGE_READWRITE); }
API int memory_extend(char *memory, double from, double bytes) { return VirtualAlloc(memory + (size_t)from, (size_t)bytes, MEM_COMMIT, PAGE_READWRITE) != 0; }
API void memory_release(char *memory, double bytes) { VirtualFree(memory, 0, MEM_RELEASE); }
#else
#include <sys/mman.h>
#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif
#define HUGE_PAGE ((size_t)1 << 21)
API void *memory_reserve(double bytes) {
  const size_t length = (size_t)bytes;
  char *p = mmap(0, length + HUGE_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return 0;
  const size_t before = -(uintptr_t)p & (HUGE_PAGE - 1);
  if (before > 0) munmap(p, before);
  munmap(p + before + length, HUGE_PAGE - before);
#ifdef MADV_HUGEPAGE
  madvise(p + before, length, MADV_HUGEPAGE);
#endif
  return p + before;
}
API int memory_extend(char *memory, double from, double bytes) { return mprotect(memory + (size_t)from, (size_t)bytes, PROT_READ | PROT_WRITE) == 0; }
API void memory_release(char *memory, double bytes) { munmap(memory, (size_t)bytes); }
#endif
API void memory_write(char *memory, double at, const void *from, double bytes) { memcpy(memory + (size_t)at, from, (size_t)bytes); }
API void memory_read(const char *memory, double at, void *to, double bytes) { memcpy(to, memory + (size_t)at, (size_t)bytes); }
API void memory_move(char *memory, double to, double from, double bytes) { memmove(memory + (size_t)to, memory + (size_t)from, (size_t)bytes); }

/* Elements (r, c) of rows in a row to places of their own, from 16 rows at once: where the places of a column are next to each other, whole lines are written. */
#define PLACE(NAME, FROM, TO, ELEMENT) \\
static void NAME(TO *to, const FROM *from, size_t rows, size_t columns, size_t row, size_t column) { \\
  if (column == 1) { \\
    for (size_t r = 0; r < rows; r++) for (size_t c = 0; c < columns; c++) to[r * row + c] = ELEMENT(from[r * columns + c]); \\
    return; \\
  } \\
  for (size_t first = 0; first < rows; first += 16) { \\
    const size_t end = first + 16 < rows ? first + 16 : rows; \\
    for (size_t c = 0; c < columns; c++) for (size_t r = first; r < end; r++) to[r * row + c * column] = ELEMENT(from[r * columns + c]); \\
  } \\
}
#define SAME(x) (x)
#define WIDENED(x) ((uint32_t)(x) << 16)
PLACE(place_two, uint16_t, uint16_t, SAME)
PLACE(place_four, uint32_t, uint32_t, SAME)
PLACE(place_widened, uint16_t, uint32_t, WIDENED)
API void memory_place(char *memory, double at, const void *from, int from_bytes, int to_bytes, double rows, double columns, double row, double column) {
  void *to = memory + (size_t)at;
  if (from_bytes != to_bytes) place_widened(to, from, (size_t)rows, (size_t)columns, (size_t)row, (size_t)column);
  else if (from_bytes == 2) place_two(to, from, (size_t)rows, (size_t)columns, (size_t)row, (size_t)column);
  else place_four(to, from, (size_t)rows, (size_t)columns, (size_t)row, (size_t)column);
}
API uint32_t memory_word(const char *memory, double at) { uint32_t word; memcpy(&word, memory + (size_t)at, 4); return word; }

/* Runs commands side by side: each is \`argc\` words in a row, the last ones empty; errors go to a file of each. */
#ifdef _WIN32
API void run_all(const char **words, const char **logs, int count, int argc, int most, int *codes) { for (int i = 0; i < count; i++) codes[i] = -1; }
#else
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#ifdef __APPLE__
#include <crt_externs.h>
#define environ (*_NSGetEnviron())
#else
extern char **environ;
#endif
API void run_all(const char **words, const char **logs, int count, int argc, int most, int *codes) {
  pid_t pids[count];
  for (int next = 0, oldest = 0; oldest < count;) {
    if (next < count && next - oldest < most) {
      char *argv[argc + 1];
      int n = 0;
      for (int j = 0; j < argc && words[next * argc + j][0] != 0; j++) argv[n++] = (char *)words[next * argc + j];
      argv[n] = 0;
      posix_spawn_file_actions_t files;
      posix_spawn_file_actions_init(&files);
      posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
      posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
      posix_spawn_file_actions_addopen(&files, 2, logs[next], O_WRONLY | O_CREAT | O_TRUNC, 0600);
      if (posix_spawnp(&pids[next], argv[0], &files, 0, argv, environ) != 0) pids[next] = -1;
      posix_spawn_file_actions_destroy(&files);
      next++;
      continue;
    }
    int status = 0;
    codes[oldest] = 127;
    if (pids[oldest] > 0 && waitpid(pids[oldest], &status, 0) == pids[oldest]) codes[oldest] = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    oldest++;
  }
}
#endif
`
