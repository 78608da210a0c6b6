/** The C that goes through a program: a table of steps, and threads that share the units of a kernel. */

/**
 * A table is doubles, a step after the other: what it is, and its length.
 *
 *     1, length, function, units, threads, bytes from one thread's scratch to the next, counts, units to take at once, at[...]
 *     2, length, from, to, bytes
 *     3, length, trips, where the flag is (-1: none), steps...
 *
 * Threads take units of the kernel at hand as they come; which thread computes a unit changes no bit of it. A thread that comes
 * joins the job while it is open; it is closed when no units are left, and only those who joined are waited for. So one that is
 * asleep, or has no processor, holds nobody up. Who waits, for work or for the others, spins a short while and then sleeps.
 * A pool is one process's: a program that finds it at work goes alone.
 */
export const walker = `
typedef void (*kernel)(char *, const double *);
#define MOST_ARGUMENTS 128
#ifndef _WIN32
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#define MOST_THREADS 256
#define SPINS 20000
#if defined(__x86_64__) || defined(__i386__)
#define RELAX __builtin_ia32_pause()
#else
#define RELAX ((void)0)
#endif
/* a job: its number, whether it is open, and how many have joined it and work */
#define JOB_OPEN (1ull << 31)
#define JOB_AT_WORK (JOB_OPEN - 1)
#define JOB_NUMBER(job) ((job) >> 32)
static struct {
  pthread_mutex_t busy, lock;
  pthread_cond_t wake, done;
  atomic_ullong job;
  atomic_long next;
  atomic_int asleep, waiting;
  int threads;
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
/* Waits for a job after \`seen\`; a sleeper is counted until it is told to wake. */
static unsigned long long next_job(unsigned long long seen) {
  unsigned long long job = atomic_load(&pool.job);
  for (int i = 0; i < SPINS && JOB_NUMBER(job) == seen; i++, job = atomic_load(&pool.job)) RELAX;
  if (JOB_NUMBER(job) != seen) return job;
  pthread_mutex_lock(&pool.lock);
  atomic_fetch_add(&pool.asleep, 1);
  while (JOB_NUMBER(job = atomic_load(&pool.job)) == seen) pthread_cond_wait(&pool.wake, &pool.lock);
  atomic_fetch_sub(&pool.asleep, 1);
  pthread_mutex_unlock(&pool.lock);
  return job;
}
static void *worker(void *which) {
  const int thread = (int)(intptr_t)which;
  unsigned long long seen = 0;
  for (;;) {
    unsigned long long job = next_job(seen);
    seen = JOB_NUMBER(job);
    /* of a job that it has joined, all stands still until it leaves */
    while ((job & JOB_OPEN) && JOB_NUMBER(job) == seen && !atomic_compare_exchange_weak(&pool.job, &job, job + 1));
    if (!(job & JOB_OPEN) || JOB_NUMBER(job) != seen) continue;
    if (thread < pool.sharing) take_units(thread);
    if ((atomic_fetch_sub(&pool.job, 1) & (JOB_OPEN | JOB_AT_WORK)) == 1 && atomic_load(&pool.waiting)) {
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
static void share(int threads, kernel f, char *memory, const double *at, long length, long units, long chunk, double stride) {
  pool.f = f;
  pool.memory = memory;
  pool.at = at;
  pool.length = length;
  pool.units = units;
  pool.chunk = chunk;
  pool.stride = stride;
  pool.sharing = threads;
  atomic_store(&pool.next, 0);
  atomic_store(&pool.job, (JOB_NUMBER(atomic_load(&pool.job)) + 1) << 32 | JOB_OPEN);
  if (atomic_load(&pool.asleep) > 0) {
    pthread_mutex_lock(&pool.lock);
    pthread_cond_broadcast(&pool.wake);
    pthread_mutex_unlock(&pool.lock);
  }
  take_units(0);
  atomic_fetch_and(&pool.job, ~JOB_OPEN);
  for (int i = 0; i < SPINS && (atomic_load(&pool.job) & JOB_AT_WORK) > 0; i++) RELAX;
  if ((atomic_load(&pool.job) & JOB_AT_WORK) > 0) {
    pthread_mutex_lock(&pool.lock);
    atomic_store(&pool.waiting, 1);
    while ((atomic_load(&pool.job) & JOB_AT_WORK) > 0) pthread_cond_wait(&pool.done, &pool.lock);
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
static void share(int threads, kernel f, char *memory, const double *at, long length, long units, long chunk, double stride) {}
#endif

static double walk(char *memory, double *step, const double *end, int threads) {
  double kernels = 0;
  for (; step < end; step += (long)step[1])
    switch ((int)step[0]) {
      case 1: {
        const kernel f = (kernel)(uintptr_t)step[2];
        const long units = (long)step[3], length = (long)step[1] - 8;
        const int sharing = (int)step[4] < threads ? (int)step[4] : threads;
        if (sharing > 1 && units > 1 && length <= MOST_ARGUMENTS) share(sharing, f, memory, step + 8, length, units, (long)step[7], step[5]);
        else f(memory, step + 8);
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
