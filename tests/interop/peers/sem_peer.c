/* sem_peer: System V semaphore sets from the command line. See peer.h. */
#include "peer.h"

#include <sys/sem.h>
#include <time.h>

static const char *const usage =
    "usage: sem_peer create KEY COUNT [MODE] [excl]   prints `id N`\n"
    "       sem_peer get KEY [COUNT]                  prints `id N`\n"
    "       sem_peer op KEY INDEX:DELTA[:FLAGS]…      FLAGS: n nowait, u undo\n"
    "       sem_peer timedop KEY MILLISECONDS INDEX:DELTA[:FLAGS]…\n"
    "       sem_peer value KEY [INDEX]                prints `values …`\n"
    "       sem_peer set KEY INDEX VALUE              SETVAL\n"
    "       sem_peer setall KEY VALUE…                SETALL\n"
    "       sem_peer stat KEY                         semid_ds, and each semaphore\n"
    "       sem_peer mode KEY MODE                    IPC_SET\n"
    "       sem_peer rm KEY\n"
    "       sem_peer hold KEY INDEX                   -1 with SEM_UNDO, waits\n"
    "       sem_peer info                             IPC_INFO and SEM_INFO\n";

#define MOST_OPERATIONS 64
#define MOST_SEMAPHORES 32000 /* SEMMSL of Linux */

/* The C library leaves this definition to the caller. */
union semun {
  int val;
  struct semid_ds *buf;
  unsigned short *array;
  struct seminfo *__buf;
};

static int find(const char *target) {
  int id;
  if (is_id(target, &id)) return id;
  return check("semget", semget(key_of(target), 0, 0));
}

static struct semid_ds stat_of(int id) {
  struct semid_ds info;
  check("semctl", semctl(id, 0, IPC_STAT, (union semun){ .buf = &info }));
  return info;
}

/* Reads one INDEX:DELTA[:FLAGS]. */
static struct sembuf operation(const char *text) {
  struct sembuf op = { 0, 0, 0 };
  char *end;
  op.sem_num = (unsigned short)strtol(text, &end, 10);
  if (end == text || *end != ':') wrong_usage(usage);
  op.sem_op = (short)strtol(end + 1, &end, 10);
  for (; *end != '\0'; end++) {
    if (*end == 'n') op.sem_flg |= IPC_NOWAIT;
    if (*end == 'u') op.sem_flg |= SEM_UNDO;
  }
  return op;
}

/* A negative `milliseconds` means no time limit. */
static void operate(int id, int count, char **texts, long long milliseconds) {
  struct sembuf ops[MOST_OPERATIONS];
  if (count < 1 || count > MOST_OPERATIONS) wrong_usage(usage);
  for (int i = 0; i < count; i++) ops[i] = operation(texts[i]);
  struct timespec limit = { (time_t)(milliseconds / 1000),
                            (long)(milliseconds % 1000) * 1000000L };
  if (milliseconds < 0) {
    check("semop", semop(id, ops, (size_t)count));
  } else {
    check("semtimedop", semtimedop(id, ops, (size_t)count, &limit));
  }
}

static void print_values(int id) {
  static unsigned short values[MOST_SEMAPHORES];
  size_t count = stat_of(id).sem_nsems;
  check("semctl", semctl(id, 0, GETALL, (union semun){ .array = values }));
  printf("values");
  for (size_t i = 0; i < count; i++) printf(" %d", (int)values[i]);
  putchar('\n');
}

static void set_all(int id, int count, char **texts) {
  static unsigned short values[MOST_SEMAPHORES];
  if ((size_t)count != stat_of(id).sem_nsems) wrong_usage(usage);
  for (int i = 0; i < count; i++) values[i] = (unsigned short)number(texts[i]);
  check("semctl", semctl(id, 0, SETALL, (union semun){ .array = values }));
}

/* Prints the fields, then `sem INDEX VALUE PID NCNT ZCNT` per semaphore. */
static void print_stat(int id) {
  struct semid_ds info = stat_of(id);
  print_perm("sem_perm", &info.sem_perm);
  PRINT(info.sem_otime);
  PRINT(info.sem_ctime);
  PRINT(info.sem_nsems);
  for (int i = 0; i < (int)info.sem_nsems; i++) {
    printf("sem %d %d %d %d %d\n", i, check("semctl", semctl(id, i, GETVAL)),
           check("semctl", semctl(id, i, GETPID)),
           check("semctl", semctl(id, i, GETNCNT)),
           check("semctl", semctl(id, i, GETZCNT)));
  }
}

static void print_info(void) {
  struct seminfo limits;
  check("semctl", semctl(0, 0, IPC_INFO, (union semun){ .__buf = &limits }));
  PRINT(limits.semmap);
  PRINT(limits.semmni);
  PRINT(limits.semmns);
  PRINT(limits.semmnu);
  PRINT(limits.semmsl);
  PRINT(limits.semopm);
  PRINT(limits.semume);
  PRINT(limits.semusz);
  PRINT(limits.semvmx);
  PRINT(limits.semaem);
  /* The same struct; SEM_INFO puts the usage in semusz and semaem. */
  struct seminfo used;
  check("semctl", semctl(0, 0, SEM_INFO, (union semun){ .__buf = &used }));
  printf("used_sets %d\nused_semaphores %d\n", used.semusz, used.semaem);
}

int main(int argc, char **argv) {
  alarm(LIFETIME_SECONDS);
  const char *verb = argc > 1 ? argv[1] : "";
  if (strcmp(verb, "info") == 0) {
    print_info();
  } else if (strcmp(verb, "create") == 0 && argc >= 4) {
    printf("id %d\n",
           check("semget", semget(key_of(argv[2]), (int)number(argv[3]),
                                  create_flags(argc - 4, argv + 4))));
  } else if (strcmp(verb, "get") == 0 && argc >= 3) {
    int count = argc > 3 ? (int)number(argv[3]) : 0;
    printf("id %d\n", check("semget", semget(key_of(argv[2]), count, 0)));
  } else if (strcmp(verb, "op") == 0 && argc >= 4) {
    operate(find(argv[2]), argc - 3, argv + 3, -1);
  } else if (strcmp(verb, "timedop") == 0 && argc >= 5) {
    operate(find(argv[2]), argc - 4, argv + 4, number(argv[3]));
  } else if (strcmp(verb, "value") == 0 && argc == 3) {
    print_values(find(argv[2]));
  } else if (strcmp(verb, "value") == 0 && argc == 4) {
    int value = semctl(find(argv[2]), (int)number(argv[3]), GETVAL);
    printf("values %d\n", check("semctl", value));
  } else if (strcmp(verb, "set") == 0 && argc == 5) {
    union semun value = { .val = (int)number(argv[4]) };
    check("semctl", semctl(find(argv[2]), (int)number(argv[3]), SETVAL, value));
  } else if (strcmp(verb, "setall") == 0 && argc >= 4) {
    set_all(find(argv[2]), argc - 3, argv + 3);
  } else if (strcmp(verb, "stat") == 0 && argc == 3) {
    print_stat(find(argv[2]));
  } else if (strcmp(verb, "mode") == 0 && argc == 4) {
    int id = find(argv[2]);
    struct semid_ds info = stat_of(id);
    info.sem_perm.mode = (unsigned short)octal(argv[3]);
    check("semctl", semctl(id, 0, IPC_SET, (union semun){ .buf = &info }));
  } else if (strcmp(verb, "rm") == 0 && argc == 3) {
    check("semctl", semctl(find(argv[2]), 0, IPC_RMID));
  } else if (strcmp(verb, "hold") == 0 && argc == 4) {
    struct sembuf take = { (unsigned short)number(argv[3]), -1, SEM_UNDO };
    check("semop", semop(find(argv[2]), &take, 1));
    hold();
  } else {
    wrong_usage(usage);
  }
  return 0;
}
