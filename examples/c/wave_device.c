/*
 * wave_device: a simulated I/O device. It writes the samples of a waveform
 * into shared memory, for any number of clients to read.
 *
 *   wave_device [-i SECONDS] [-n SAMPLES] [-d DIRECTORY] SIN|TRI|QUA PERIOD
 *
 * It prints "ready" after the first sample, runs for SAMPLES samples
 * (or until SIGINT or SIGTERM), then sets the state to off and removes the
 * segment. Exit status: 0 done, 1 failed, 2 wrong usage.
 *
 * The struct is not locked, as in most C programs of this kind: a client that
 * reads while the device writes may see the time of one sample with the value
 * of the next.
 */
#define _GNU_SOURCE
#include "wave.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <time.h>
#include <unistd.h>

#define BITS 10 /* full scale is 2^(BITS - 1) = 512 */

static volatile sig_atomic_t stopped;

static void stop(int signal_number) {
  (void)signal_number;
  stopped = 1;
}

static void usage(void) {
  fprintf(stderr,
          "usage: wave_device [-i SECONDS] [-n SAMPLES] [-d DIRECTORY] "
          "SIN|TRI|QUA PERIOD\n");
  exit(2);
}

static void fail(const char *call) {
  fprintf(stderr, "wave_device: %s: %s\n", call, strerror(errno));
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

static int32_t form_from_name(const char *name) {
  for (int32_t form = WAVE_SIN; form <= WAVE_QUA; form++) {
    if (strcmp(name, wave_form_name(form)) == 0) return form;
  }
  usage();
  return 0;
}

/* Returns the sample at `time`, truncated toward zero. */
static int32_t sample(int32_t form, double time, double period) {
  const double full = 1 << (BITS - 1);
  const double phase = fmod(time, period) / period; /* 0 to below 1 */
  switch (form) {
    case WAVE_SIN: return (int32_t)(full * sin(2 * M_PI * time / period));
    case WAVE_TRI:
      if (phase < 0.25) return (int32_t)(full * 4 * phase);
      if (phase < 0.75) return (int32_t)(full * (2 - 4 * phase));
      return (int32_t)(full * (4 * phase - 4));
    default: return (int32_t)(phase < 0.5 ? full : -full);
  }
}

/* Sleeps until one interval after *when; a signal ends the sleep early. */
static void sleep_until_next(struct timespec *when, double interval) {
  double seconds = floor(interval);
  when->tv_sec += (time_t)seconds;
  when->tv_nsec += (long)((interval - seconds) * 1e9);
  if (when->tv_nsec >= 1000000000L) {
    when->tv_nsec -= 1000000000L;
    when->tv_sec++;
  }
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, when, NULL);
}

/* Refuses a segment whose creator is alive: both devices would write to it. */
static void refuse_second_device(int id) {
  struct shmid_ds info;
  if (shmctl(id, IPC_STAT, &info) == -1) fail("shmctl");
  if (info.shm_cpid == getpid()) return;
  if (kill(info.shm_cpid, 0) == -1 && errno == ESRCH) return;
  fprintf(stderr, "wave_device: process %d already runs a device here\n",
          (int)info.shm_cpid);
  exit(1);
}

/* Writes `samples` samples (0: endlessly) until a signal asks to stop. */
static void run(volatile struct wave *wave, double interval, long samples) {
  struct timespec when;
  clock_gettime(CLOCK_MONOTONIC, &when);
  for (long n = 0; !stopped && (samples == 0 || n < samples); n++) {
    double time = (double)n * interval;
    wave->value = sample(wave->waveform, time, wave->period);
    wave->time = time;
    if (n == 0) {
      wave->state = WAVE_ON;
      puts("ready");
      fflush(stdout);
    }
    sleep_until_next(&when, interval);
  }
}

int main(int argc, char **argv) {
  double interval = 0.1;
  long samples = 0;
  const char *directory = ".";
  for (int option; (option = getopt(argc, argv, "i:n:d:")) != -1;) {
    switch (option) {
      case 'i': interval = positive(optarg); break;
      case 'n': samples = count(optarg); break;
      case 'd': directory = optarg; break;
      default: usage();
    }
  }
  if (argc - optind != 2) usage();
  int32_t form = form_from_name(argv[optind]);
  double period = positive(argv[optind + 1]);

  struct sigaction action = { .sa_handler = stop };
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);

  key_t key = ftok(directory, WAVE_PROJECT);
  if (key == -1) fail(directory);
  int id = shmget(key, sizeof(struct wave), IPC_CREAT | 0666);
  if (id == -1) fail("shmget");
  refuse_second_device(id);
  volatile struct wave *wave = shmat(id, NULL, 0);
  if (wave == (void *)-1) fail("shmat");

  wave->state = WAVE_INITIALIZING;
  wave->waveform = form;
  wave->period = period;
  run(wave, interval, samples);
  wave->state = WAVE_OFF;
  /* Attached clients still see the state; new clients find no segment. */
  if (shmctl(id, IPC_RMID, NULL) == -1) fail("shmctl");
  return 0;
}
