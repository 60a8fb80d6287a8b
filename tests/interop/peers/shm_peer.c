/* shm_peer: System V shared memory from the command line. See peer.h. */
#include "peer.h"

#include <sys/shm.h>

static const char *const usage =
    "usage: shm_peer ftok PATH PROJECT\n"
    "       shm_peer create KEY SIZE [MODE] [excl]    prints `id N`\n"
    "       shm_peer get KEY [SIZE]                   prints `id N`\n"
    "       shm_peer write KEY OFFSET DATA\n"
    "       shm_peer read KEY OFFSET LENGTH           prints `hex …`\n"
    "       shm_peer stat KEY                         every field of shmid_ds\n"
    "       shm_peer mode KEY MODE                    IPC_SET\n"
    "       shm_peer lock|unlock|rm KEY\n"
    "       shm_peer hold KEY [readonly]              attaches and waits\n"
    "       shm_peer info                             IPC_INFO and SHM_INFO\n"
    "       shm_peer list                             SHM_STAT_ANY\n";

static int find(const char *target) {
  int id;
  if (is_id(target, &id)) return id;
  return check("shmget", shmget(key_of(target), 0, 0));
}

static char *attach(int id, int flags) {
  char *memory = shmat(id, NULL, flags);
  if (memory == (void *)-1) fail("shmat");
  return memory;
}

/* Attaches, and returns the address of `length` bytes at `offset`. */
static char *bytes_at(int id, int flags, long long offset, long long length) {
  struct shmid_ds info;
  check("shmctl", shmctl(id, IPC_STAT, &info));
  long long size = (long long)info.shm_segsz;
  if (offset < 0 || length < 0 || offset > size || length > size - offset) {
    fprintf(stderr, "%lld bytes at %lld are outside the segment of %lld\n",
            length, offset, size);
    exit(2);
  }
  return attach(id, flags) + offset;
}

static void print_stat(int id) {
  struct shmid_ds info;
  check("shmctl", shmctl(id, IPC_STAT, &info));
  print_perm("shm_perm", &info.shm_perm);
  PRINT(info.shm_segsz);
  PRINT(info.shm_atime);
  PRINT(info.shm_dtime);
  PRINT(info.shm_ctime);
  PRINT(info.shm_cpid);
  PRINT(info.shm_lpid);
  PRINT(info.shm_nattch);
}

static void print_info(void) {
  struct shminfo limits;
  check("shmctl", shmctl(0, IPC_INFO, (struct shmid_ds *)&limits));
  printf("shmmax %lu\n", (unsigned long)limits.shmmax); /* may be 2^64 - … */
  PRINT(limits.shmmin);
  PRINT(limits.shmmni);
  PRINT(limits.shmseg);
  printf("shmall %lu\n", (unsigned long)limits.shmall);
  struct shm_info info;
  check("shmctl", shmctl(0, SHM_INFO, (struct shmid_ds *)&info));
  PRINT(info.used_ids);
  PRINT(info.shm_tot);
  PRINT(info.shm_rss);
  PRINT(info.shm_swp);
  PRINT(info.swap_attempts);
  PRINT(info.swap_successes);
}

/* Prints a line per segment: `segment ID KEY SIZE NATTCH`. */
static void print_list(void) {
  struct shm_info info;
  int last = check("shmctl", shmctl(0, SHM_INFO, (struct shmid_ds *)&info));
  for (int index = 0; index <= last; index++) {
    struct shmid_ds ds;
    int id = shmctl(index, SHM_STAT_ANY, &ds);
    if (id == -1) continue; /* no segment at this index */
    printf("segment %d %d %zu %lu\n", id, (int)ds.shm_perm.__key, ds.shm_segsz,
           (unsigned long)ds.shm_nattch);
  }
}

int main(int argc, char **argv) {
  alarm(LIFETIME_SECONDS);
  const char *verb = argc > 1 ? argv[1] : "";
  if (strcmp(verb, "info") == 0) {
    print_info();
  } else if (strcmp(verb, "list") == 0) {
    print_list();
  } else if (strcmp(verb, "ftok") == 0 && argc == 4) {
    printf("key %d\n", check("ftok", ftok(argv[2], (int)number(argv[3]))));
  } else if (strcmp(verb, "create") == 0 && argc >= 4) {
    printf("id %d\n",
           check("shmget", shmget(key_of(argv[2]), (size_t)number(argv[3]),
                                  create_flags(argc - 4, argv + 4))));
  } else if (strcmp(verb, "get") == 0 && argc >= 3) {
    size_t size = argc > 3 ? (size_t)number(argv[3]) : 0;
    printf("id %d\n", check("shmget", shmget(key_of(argv[2]), size, 0)));
  } else if (strcmp(verb, "write") == 0 && argc == 5) {
    long long length = (long long)decode(argv[4]);
    memcpy(bytes_at(find(argv[2]), 0, number(argv[3]), length), argv[4],
           (size_t)length);
  } else if (strcmp(verb, "read") == 0 && argc == 5) {
    long long length = number(argv[4]);
    char *bytes = bytes_at(find(argv[2]), SHM_RDONLY, number(argv[3]), length);
    print_hex("hex", bytes, (size_t)length);
  } else if (strcmp(verb, "stat") == 0 && argc == 3) {
    print_stat(find(argv[2]));
  } else if (strcmp(verb, "mode") == 0 && argc == 4) {
    int id = find(argv[2]);
    struct shmid_ds info;
    check("shmctl", shmctl(id, IPC_STAT, &info));
    info.shm_perm.mode = (unsigned short)octal(argv[3]);
    check("shmctl", shmctl(id, IPC_SET, &info));
  } else if (strcmp(verb, "lock") == 0 && argc == 3) {
    check("shmctl", shmctl(find(argv[2]), SHM_LOCK, NULL));
  } else if (strcmp(verb, "unlock") == 0 && argc == 3) {
    check("shmctl", shmctl(find(argv[2]), SHM_UNLOCK, NULL));
  } else if (strcmp(verb, "rm") == 0 && argc == 3) {
    check("shmctl", shmctl(find(argv[2]), IPC_RMID, NULL));
  } else if (strcmp(verb, "hold") == 0 && argc >= 3) {
    attach(find(argv[2]), has_word(argc, argv, "readonly") ? SHM_RDONLY : 0);
    hold();
  } else {
    wrong_usage(usage);
  }
  return 0;
}
