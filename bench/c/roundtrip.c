/*
 * roundtrip: the round trips and the throughput of bench/roundtrip, in C.
 *
 *   roundtrip unix|pipes TRIPS ASLEEP PAUSE_MS CHUNKS
 *
 * Two processes send 64 bytes back and forth over an AF_UNIX stream or two
 * pipes, with blocking calls. Prints one time a line, in microseconds: TRIPS
 * round trips, then ASLEEP round trips, each after a pause, then the time of
 * CHUNKS transfers of 64 KiB with one answer at the end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SIZE 64
#define CHUNK 65536

static char buffer[CHUNK];

static void fail(const char *call) {
  fprintf(stderr, "roundtrip: %s: %s\n", call, strerror(errno));
  exit(1);
}

static double microseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Reads `size` bytes; returns 0 at the end of the stream, otherwise 1. */
static int receive(int fd, size_t size) {
  for (size_t got = 0; got < size;) {
    ssize_t count = read(fd, buffer + got, size - got);
    if (count == 0) return 0;
    if (count < 0) fail("read");
    got += (size_t)count;
  }
  return 1;
}

static void send_all(int fd, size_t size) {
  for (size_t sent = 0; sent < size;) {
    ssize_t count = write(fd, buffer + sent, size - sent);
    if (count < 0) fail("write");
    sent += (size_t)count;
  }
}

static void trip(int in, int out) {
  double start = microseconds();
  send_all(out, SIZE);
  if (!receive(in, SIZE)) fail("read");
  printf("%.2f\n", microseconds() - start);
}

static void answer(int in, int out, long trips, long chunks) {
  while (trips-- > 0 && receive(in, SIZE)) send_all(out, SIZE);
  while (chunks-- > 0 && receive(in, CHUNK)) continue;
  send_all(out, SIZE);
  _exit(0);
}

int main(int argc, char **argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: roundtrip unix|pipes TRIPS ASLEEP PAUSE_MS CHUNKS\n");
    return 2;
  }
  long trips = strtol(argv[2], NULL, 10);
  long asleep = strtol(argv[3], NULL, 10);
  long pause_ms = strtol(argv[4], NULL, 10);
  long chunks = strtol(argv[5], NULL, 10);
  int there[2];
  int back[2];
  if (strcmp(argv[1], "unix") == 0) {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, there) != 0) fail("socketpair");
    back[0] = there[1];
    back[1] = there[0];
  } else if (pipe(there) != 0 || pipe(back) != 0) {
    fail("pipe");
  }
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) answer(there[0], back[1], trips + asleep, chunks);
  for (long i = 0; i < trips; i++) trip(back[0], there[1]);
  for (long i = 0; i < asleep; i++) {
    struct timespec pause = { pause_ms / 1000, pause_ms % 1000 * 1000000 };
    nanosleep(&pause, NULL);
    trip(back[0], there[1]);
  }
  double start = microseconds();
  for (long i = 0; i < chunks; i++) send_all(there[1], CHUNK);
  if (!receive(back[0], SIZE)) fail("read");
  printf("%.2f\n", microseconds() - start);
  return 0;
}
