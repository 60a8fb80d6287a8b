/* posix_sem_peer: POSIX semaphores from the command line. See peer.h. */
#include "peer.h"

#include <fcntl.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

static const char *const usage =
    "usage: posix_sem_peer create NAME VALUE [MODE]   exclusively\n"
    "       posix_sem_peer init SHM:OFFSET VALUE      in shared memory\n"
    "       posix_sem_peer post NAME [COUNT]\n"
    "       posix_sem_peer wait NAME [COUNT]          prints `taken`\n"
    "       posix_sem_peer try NAME\n"
    "       posix_sem_peer value NAME                 prints `value N`\n"
    "       posix_sem_peer hold NAME                  waits, then for ever\n"
    "       posix_sem_peer unlink NAME\n"
    "NAME may be SHM:OFFSET, a place in shared memory, except for create and\n"
    "unlink.\n";

/* Returns the semaphore at an offset in a shared memory object. */
static sem_t *in_memory(const char *text) {
  char name[256];
  const char *colon = strrchr(text, ':');
  snprintf(name, sizeof name, "%.*s", (int)(colon - text), text);
  long long offset = number(colon + 1);
  int fd = check("shm_open", shm_open(name, O_RDWR, 0));
  struct stat info;
  check("fstat", fstat(fd, &info));
  char *memory = mmap(NULL, info.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
                      fd, 0);
  if (memory == MAP_FAILED) fail("mmap");
  return (sem_t *)(memory + offset);
}

static sem_t *find(const char *text) {
  if (strchr(text, ':') != NULL) return in_memory(text);
  sem_t *sem = sem_open(text, 0);
  if (sem == SEM_FAILED) fail("sem_open");
  return sem;
}

int main(int argc, char **argv) {
  if (argc < 3) wrong_usage(usage);
  const char *verb = argv[1], *name = argv[2];
  alarm(LIFETIME_SECONDS);
  if (strcmp(verb, "create") == 0 && argc >= 4) {
    umask(0);
    int mode = argc > 4 ? octal(argv[4]) : 0600;
    sem_t *sem =
        sem_open(name, O_CREAT | O_EXCL, mode, (unsigned)number(argv[3]));
    if (sem == SEM_FAILED) fail("sem_open");
  } else if (strcmp(verb, "init") == 0 && argc == 4) {
    check("sem_init", sem_init(in_memory(name), 1, (unsigned)number(argv[3])));
  } else if (strcmp(verb, "post") == 0) {
    sem_t *sem = find(name);
    long long count = argc > 3 ? number(argv[3]) : 1;
    while (count-- > 0) check("sem_post", sem_post(sem));
  } else if (strcmp(verb, "wait") == 0) {
    sem_t *sem = find(name);
    long long count = argc > 3 ? number(argv[3]) : 1;
    while (count-- > 0) {
      check("sem_wait", sem_wait(sem));
      puts("taken");
      fflush(stdout);
    }
  } else if (strcmp(verb, "try") == 0) {
    check("sem_trywait", sem_trywait(find(name)));
  } else if (strcmp(verb, "value") == 0) {
    int value;
    check("sem_getvalue", sem_getvalue(find(name), &value));
    printf("value %d\n", value);
  } else if (strcmp(verb, "hold") == 0) {
    check("sem_wait", sem_wait(find(name)));
    hold();
  } else if (strcmp(verb, "unlink") == 0) {
    check("sem_unlink", sem_unlink(name));
  } else {
    wrong_usage(usage);
  }
  return 0;
}
