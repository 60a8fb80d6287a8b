/*
 * wave_client: reads the samples that a wave device writes to shared memory.
 *
 *   wave_client [-i SECONDS] [-n READINGS] [-d DIRECTORY]
 *
 * Prints one line a reading, "state waveform value time period", for READINGS
 * readings (endlessly without -n), and ends early if the device goes off.
 * Exit status: 0 done, 1 failed, 2 wrong usage, 3 no device.
 */
#define _GNU_SOURCE
#include "wave.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

static void usage(void) {
  fprintf(stderr,
          "usage: wave_client [-i SECONDS] [-n READINGS] [-d DIRECTORY]\n");
  exit(2);
}

static void fail(const char *call) {
  fprintf(stderr, "wave_client: %s: %s\n", call, strerror(errno));
  exit(1);
}

/* Parses a positive, finite number; anything else is wrong usage. */
static double positive(const char *text) {
  char *end;
  double number = strtod(text, &end);
  if (end == text || *end != '\0' || !isfinite(number) || number <= 0) usage();
  return number;
}

/* Parses a whole number from 1 up; anything else is wrong usage. */
static long count(const char *text) {
  char *end;
  long number = strtol(text, &end, 10);
  if (end == text || *end != '\0' || number <= 0) usage();
  return number;
}

static void sleep_for(double seconds) {
  double whole = floor(seconds);
  struct timespec left = { (time_t)whole, (long)((seconds - whole) * 1e9) };
  while (nanosleep(&left, &left) == -1 && errno == EINTR) continue;
}

/* Prints the name of a number, or the number if it has none. */
static void print_name(const char *name, int32_t number) {
  if (name != NULL) {
    printf("%s ", name);
  } else {
    printf("%d ", (int)number);
  }
}

/* Prints one line and returns its state. */
static int32_t print_reading(const volatile struct wave *wave) {
  int32_t state = wave->state;
  int32_t waveform = wave->waveform;
  print_name(wave_state_name(state), state);
  print_name(wave_form_name(waveform), waveform);
  printf("%d %.12g %.12g\n", (int)wave->value, wave->time, wave->period);
  fflush(stdout);
  return state;
}

int main(int argc, char **argv) {
  double interval = 0.1;
  long readings = 0;
  const char *directory = ".";
  for (int option; (option = getopt(argc, argv, "i:n:d:")) != -1;) {
    switch (option) {
      case 'i': interval = positive(optarg); break;
      case 'n': readings = count(optarg); break;
      case 'd': directory = optarg; break;
      default: usage();
    }
  }
  if (optind != argc) usage();

  key_t key = ftok(directory, WAVE_PROJECT);
  if (key == -1) fail(directory);
  int id = shmget(key, sizeof(struct wave), 0666);
  if (id == -1 && errno == ENOENT) {
    fprintf(stderr, "wave_client: no device in %s (no segment with key 0x%08x)\n",
            directory, (unsigned)key);
    return 3;
  }
  if (id == -1) fail("shmget");
  const volatile struct wave *wave = shmat(id, NULL, SHM_RDONLY);
  if (wave == (void *)-1) fail("shmat");

  for (long n = 0; readings == 0 || n < readings; n++) {
    if (n > 0) sleep_for(interval);
    if (print_reading(wave) == WAVE_OFF) break;
  }
  return 0;
}
