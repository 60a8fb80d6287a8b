/*
 * bench: the cost of each operation in C, a lower bound for the other figures.
 *
 *   bench NAME ITERATIONS
 *   bench list
 *
 * Prints {"name":…,"ns":…}: nanoseconds per operation, the median of nine
 * batches of ITERATIONS each, after one batch to warm up. One operation is
 *
 *   semop_pair        semop -1, semop +1 on one System V semaphore
 *   msg_pair          msgsnd, msgrcv of 64 bytes in one process
 *   attach_detach_4k  shmat, shmdt of a segment of 4096 bytes
 *   attach_detach_1m  the same with 1 MiB (no page is touched)
 *   struct_read       all five fields of the wave struct in shared memory
 *   getppid           the cheapest system call
 *   mq_pair           mq_send, mq_receive of 64 bytes in one process
 *   posix_sem_pair    sem_post, sem_wait on a named POSIX semaphore
 *   pipe_pair_64      write, read of 64 bytes in one process with two threads
 *   pipe_pair_4096    the same with 4096 bytes
 *   unix_roundtrip    64 bytes to another process and back, AF_UNIX stream
 *
 * POSIX objects are unlinked before the first batch. System V objects are
 * removed at exit, also on SIGINT and SIGTERM.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../../examples/c/wave.h"

#define BATCHES 9
#define SMALL 64
#define LARGE 4096

static int shm_id = -1;
static int sem_id = -1;
static int msg_id = -1;
static int fds[2] = { -1, -1 };
static void *attached;
static mqd_t mq;
static sem_t *posix_sem;
static struct {
  long type;
  char text[SMALL];
} message = { 1, { 0 } };
static char buffer[LARGE];

static void remove_objects(void) {
  if (shm_id != -1) shmctl(shm_id, IPC_RMID, NULL);
  if (sem_id != -1) semctl(sem_id, 0, IPC_RMID);
  if (msg_id != -1) msgctl(msg_id, IPC_RMID, NULL);
  shm_id = sem_id = msg_id = -1;
}

static void on_signal(int signal_number) {
  remove_objects();
  _exit(128 + signal_number);
}

static void fail(const char *call) {
  fprintf(stderr, "bench: %s: %s\n", call, strerror(errno));
  exit(1);
}

/* Returns the result of a call; ends the process if it is -1. */
static int check(const char *call, long result) {
  if (result == -1) fail(call);
  return (int)result;
}

/* Fails on a partial transfer, which would measure something else. */
static void check_size(const char *call, ssize_t got, size_t wanted) {
  if (got != (ssize_t)wanted) fail(call);
}

/* ---- one setup and one operation per name ---- */

static void setup_semop(void) {
  sem_id = check("semget", semget(IPC_PRIVATE, 1, 0600));
  check("semctl", semctl(sem_id, 0, SETVAL, 1));
}

static void run_semop(long n) {
  struct sembuf down = { 0, -1, 0 };
  struct sembuf up = { 0, 1, 0 };
  while (n-- > 0) {
    check("semop", semop(sem_id, &down, 1));
    check("semop", semop(sem_id, &up, 1));
  }
}

static void setup_msg(void) {
  msg_id = check("msgget", msgget(IPC_PRIVATE, 0600));
}

static void run_msg(long n) {
  while (n-- > 0) {
    check("msgsnd", msgsnd(msg_id, &message, SMALL, 0));
    check_size("msgrcv", msgrcv(msg_id, &message, SMALL, 0, 0), SMALL);
  }
}

static void setup_segment(size_t size) {
  shm_id = check("shmget", shmget(IPC_PRIVATE, size, 0600));
}

static void setup_attach_4k(void) { setup_segment(4096); }
static void setup_attach_1m(void) { setup_segment(1 << 20); }

static void run_attach(long n) {
  while (n-- > 0) {
    void *memory = shmat(shm_id, NULL, 0);
    if (memory == (void *)-1) fail("shmat");
    check("shmdt", shmdt(memory));
  }
}

static void setup_struct(void) {
  setup_segment(sizeof(struct wave));
  attached = shmat(shm_id, NULL, 0);
  if (attached == (void *)-1) fail("shmat");
  *(struct wave *)attached = (struct wave){ WAVE_ON, WAVE_SIN, 7, 0.5, 2 };
}

static void run_struct(long n) {
  const volatile struct wave *wave = attached;
  double sum = 0;
  while (n-- > 0) {
    sum += wave->state + wave->waveform + wave->value;
    sum += wave->time + wave->period;
  }
  volatile double sink = sum; /* or the loop might be optimised away */
  (void)sink;
}

static void setup_nothing(void) {}

static void run_getppid(long n) {
  while (n-- > 0) getppid();
}

static void setup_mq(void) {
  char name[64];
  struct mq_attr attributes = { .mq_maxmsg = 4, .mq_msgsize = SMALL };
  snprintf(name, sizeof name, "/libc-ipc-bench-%d", (int)getpid());
  mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
  check("mq_open", mq);
  check("mq_unlink", mq_unlink(name));
}

static void run_mq(long n) {
  while (n-- > 0) {
    check("mq_send", mq_send(mq, buffer, SMALL, 0));
    check_size("mq_receive", mq_receive(mq, buffer, SMALL, NULL), SMALL);
  }
}

static void setup_posix_sem(void) {
  char name[64];
  snprintf(name, sizeof name, "/libc-ipc-bench-%d", (int)getpid());
  posix_sem = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
  if (posix_sem == SEM_FAILED) fail("sem_open");
  check("sem_unlink", sem_unlink(name));
}

static void run_posix_sem(long n) {
  while (n-- > 0) {
    check("sem_post", sem_post(posix_sem));
    check("sem_wait", sem_wait(posix_sem));
  }
}

static void *sleep_for_ever(void *unused) {
  (void)unused;
  for (;;) pause();
}

/*
 * The kernel counts references to a descriptor only in a process with several
 * threads, such as Deno: about 60 ns a call, also in a C program with threads.
 */
static void setup_pipe(void) {
  pthread_t thread;
  check("pipe2", pipe2(fds, O_CLOEXEC));
  errno = pthread_create(&thread, NULL, sleep_for_ever, NULL);
  if (errno != 0) fail("pthread_create");
}

static void run_pipe(long n, size_t size) {
  while (n-- > 0) {
    check_size("write", write(fds[1], buffer, size), size);
    check_size("read", read(fds[0], buffer, size), size);
  }
}

static void run_pipe_64(long n) { run_pipe(n, SMALL); }
static void run_pipe_4096(long n) { run_pipe(n, LARGE); }

/* The other side of unix_roundtrip; ends when this side closes the socket. */
static void setup_unix(void) {
  check("socketpair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  pid_t child = check("fork", fork());
  if (child != 0) {
    close(fds[1]);
    return;
  }
  close(fds[0]);
  for (;;) {
    ssize_t got = read(fds[1], buffer, SMALL);
    if (got <= 0 || write(fds[1], buffer, (size_t)got) != got) _exit(0);
  }
}

static void run_unix(long n) {
  while (n-- > 0) {
    check_size("write", write(fds[0], buffer, SMALL), SMALL);
    check_size("read", recv(fds[0], buffer, SMALL, MSG_WAITALL), SMALL);
  }
}

static const struct benchmark {
  const char *name;
  void (*setup)(void);
  void (*run)(long iterations);
} benchmarks[] = {
  { "semop_pair", setup_semop, run_semop },
  { "msg_pair", setup_msg, run_msg },
  { "attach_detach_4k", setup_attach_4k, run_attach },
  { "attach_detach_1m", setup_attach_1m, run_attach },
  { "struct_read", setup_struct, run_struct },
  { "getppid", setup_nothing, run_getppid },
  { "mq_pair", setup_mq, run_mq },
  { "posix_sem_pair", setup_posix_sem, run_posix_sem },
  { "pipe_pair_64", setup_pipe, run_pipe_64 },
  { "pipe_pair_4096", setup_pipe, run_pipe_4096 },
  { "unix_roundtrip", setup_unix, run_unix },
};
#define BENCHMARKS (sizeof benchmarks / sizeof benchmarks[0])

/* ---- measuring ---- */

static double nanoseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int ascending(const void *left, const void *right) {
  double a = *(const double *)left;
  double b = *(const double *)right;
  return (a > b) - (a < b);
}

static void measure(const struct benchmark *benchmark, long iterations) {
  double batches[BATCHES];
  benchmark->setup();
  benchmark->run(iterations);
  for (int i = 0; i < BATCHES; i++) {
    double start = nanoseconds();
    benchmark->run(iterations);
    batches[i] = (nanoseconds() - start) / (double)iterations;
  }
  qsort(batches, BATCHES, sizeof batches[0], ascending);
  printf("{\"name\":\"%s\",\"ns\":%.2f}\n", benchmark->name,
         batches[BATCHES / 2]);
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "list") == 0) {
    for (size_t i = 0; i < BENCHMARKS; i++) puts(benchmarks[i].name);
    return 0;
  }
  long iterations = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
  if (iterations <= 0) {
    fprintf(stderr, "usage: bench NAME ITERATIONS | bench list\n");
    return 2;
  }
  atexit(remove_objects);
  signal(SIGINT, on_signal);
  signal(SIGTERM, on_signal);
  for (size_t i = 0; i < BENCHMARKS; i++) {
    if (strcmp(argv[1], benchmarks[i].name) == 0) {
      measure(&benchmarks[i], iterations);
      return 0;
    }
  }
  fprintf(stderr, "bench: no benchmark is called \"%s\"; see bench list\n",
          argv[1]);
  return 2;
}
