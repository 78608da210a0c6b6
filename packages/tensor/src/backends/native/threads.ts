/** The C that goes through a program: a table of steps, and threads that share the units of a kernel. */

/**
 * A table is doubles, a step after the other: what it is, and its length.
 *
 *     1, length, function, units, threads, bytes from one thread's scratch to the next, counts, at[...]
 *     2, length, from, to, bytes
 *     3, length, trips, where the flag is (-1: none), steps...
 *
 * Threads take units of the kernel at hand as they come; which thread computes a unit changes no bit of it. Who waits, for work
 * or for the others, spins a short while and then sleeps. A pool is one process's: a program that finds it at work goes alone.
 */
export const walker = `
typedef void (*kernel)(char *, const double *);
#define MOST_ARGUMENTS 128
#ifndef _WIN32
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#define MOST_THREADS 256
#define SPINS 4000
#if defined(__x86_64__) || defined(__i386__)
#define RELAX __builtin_ia32_pause()
#else
#define RELAX ((void)0)
#endif
static struct {
  pthread_mutex_t busy, lock;
  pthread_cond_t wake, done;
  atomic_ulong epoch;
  atomic_long next;
  atomic_int left, asleep, waiting;
  int threads;
  /* jobs that were done before a thread began */
  unsigned long born[MOST_THREADS];
  /* the job at hand */
  kernel f;
  char *memory;
  const double *at;
  long length, units, chunk;
  double stride;
  int sharing;
} pool = {.busy = PTHREAD_MUTEX_INITIALIZER, .lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

static void take_units(int thread) {
  double at[MOST_ARGUMENTS];
  memcpy(at, pool.at, pool.length * sizeof(double));
  at[pool.length - 1] += thread * pool.stride;
  for (;;) {
    long from = atomic_fetch_add(&pool.next, pool.chunk);
    if (from >= pool.units) return;
    long to = from + pool.chunk < pool.units ? from + pool.chunk : pool.units;
    at[0] = from;
    at[1] = to;
    pool.f(pool.memory, at);
  }
}
static void *worker(void *which) {
  const int thread = (int)(intptr_t)which;
  unsigned long seen = pool.born[thread];
  for (;;) {
    for (int i = 0; i < SPINS && atomic_load(&pool.epoch) == seen; i++) RELAX;
    if (atomic_load(&pool.epoch) == seen) {
      pthread_mutex_lock(&pool.lock);
      atomic_fetch_add(&pool.asleep, 1);
      while (atomic_load(&pool.epoch) == seen) pthread_cond_wait(&pool.wake, &pool.lock);
      atomic_fetch_sub(&pool.asleep, 1);
      pthread_mutex_unlock(&pool.lock);
    }
    seen++;
    if (thread < pool.sharing) take_units(thread);
    if (atomic_fetch_sub(&pool.left, 1) == 1 && atomic_load(&pool.waiting)) {
      pthread_mutex_lock(&pool.lock);
      pthread_cond_signal(&pool.done);
      pthread_mutex_unlock(&pool.lock);
    }
  }
  return 0;
}
/* As many threads as are asked for, or as there can be; this one counts. */
static int enough_threads(int wanted) {
  if (wanted > MOST_THREADS) wanted = MOST_THREADS;
  if (pool.threads == 0) {
    /* threads outlive whoever loaded this code: it stays */
    Dl_info own;
    if (dladdr((void *)worker, &own) == 0 || dlopen(own.dli_fname, RTLD_NOW | RTLD_NODELETE) == 0) return 1;
    pool.threads = 1;
  }
  while (pool.threads < wanted) {
    pool.born[pool.threads] = atomic_load(&pool.epoch);
    pthread_t id;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int failed = pthread_create(&id, &attributes, worker, (void *)(intptr_t)pool.threads);
    pthread_attr_destroy(&attributes);
    if (failed) break;
    pool.threads++;
  }
  return wanted < pool.threads ? wanted : pool.threads;
}
static void share(int threads, kernel f, char *memory, const double *at, long length, long units, double stride) {
  pool.f = f;
  pool.memory = memory;
  pool.at = at;
  pool.length = length;
  pool.units = units;
  pool.chunk = units / (4 * threads) > 0 ? units / (4 * threads) : 1;
  pool.stride = stride;
  pool.sharing = threads;
  atomic_store(&pool.next, 0);
  atomic_store(&pool.left, pool.threads - 1);
  atomic_fetch_add(&pool.epoch, 1);
  if (atomic_load(&pool.asleep) > 0) {
    pthread_mutex_lock(&pool.lock);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.lock);
  }
  take_units(0);
  for (int i = 0; i < SPINS && atomic_load(&pool.left) > 0; i++) RELAX;
  if (atomic_load(&pool.left) > 0) {
    pthread_mutex_lock(&pool.lock);
    atomic_store(&pool.waiting, 1);
    while (atomic_load(&pool.left) > 0) pthread_cond_wait(&pool.done, &pool.lock);
    atomic_store(&pool.waiting, 0);
    pthread_mutex_unlock(&pool.lock);
  }
}
static int acquire(int wanted) {
  if (wanted < 2 || pthread_mutex_trylock(&pool.busy) != 0) return 1;
  int threads = enough_threads(wanted);
  if (threads < 2) pthread_mutex_unlock(&pool.busy);
  return threads;
}
static void release(int threads) { if (threads > 1) pthread_mutex_unlock(&pool.busy); }
#else
static int acquire(int wanted) { return 1; }
static void release(int threads) {}
static void share(int threads, kernel f, char *memory, const double *at, long length, long units, double stride) {}
#endif

static double walk(char *memory, double *step, const double *end, int threads) {
  double kernels = 0;
  for (; step < end; step += (long)step[1])
    switch ((int)step[0]) {
      case 1: {
        const kernel f = (kernel)(uintptr_t)step[2];
        const long units = (long)step[3], length = (long)step[1] - 7;
        const int sharing = (int)step[4] < threads ? (int)step[4] : threads;
        if (sharing > 1 && units > 1 && length <= MOST_ARGUMENTS) share(sharing, f, memory, step + 7, length, units, step[5]);
        else f(memory, step + 7);
        kernels += step[6];
        break;
      }
      case 2:
        memmove(memory + (size_t)step[3], memory + (size_t)step[2], (size_t)step[4]);
        break;
      case 3:
        for (double round = 0; round < step[2]; round++) {
          if (step[3] >= 0 && memory_word(memory, step[3]) == 0) break;
          kernels += walk(memory, step + 4, step + (long)step[1], threads);
        }
        break;
    }
  return kernels;
}
API double program_run(char *memory, double *table, double length, int threads) {
  const int have = acquire(threads);
  const double kernels = walk(memory, table, table + (long)length, have);
  release(have);
  return kernels;
}
`
