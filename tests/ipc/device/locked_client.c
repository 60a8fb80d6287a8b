/*
 * locked_client: takes the writers' lock for each reading, 200 times, and looks
 * whether the struct stands still meanwhile. Prints "still value time".
 */
#define _GNU_SOURCE
#include "../../../examples/c/wave.h"

#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  key_t key = ftok(argv[1], 'x');
  const volatile struct wave *wave =
      shmat(shmget(key, 32, 0666), NULL, SHM_RDONLY);
  int set = semget(key, 0, 0666);
  for (int i = 0; i < 200; i++) {
    struct sembuf take = { 0, -1, SEM_UNDO };
    struct sembuf give = { 0, 1, SEM_UNDO };
    if (semop(set, &take, 1) == -1) return 1;
    double before = wave->time;
    usleep(300);
    printf("%d %d %.17g\n", before == wave->time, (int)wave->value, wave->time);
    if (semop(set, &give, 1) == -1) return 1;
    /* The next one is of another sample. */
    for (double time = wave->time; wave->time == time;) usleep(100);
  }
  return 0;
}
