/*
 * Functions that the command-line peers in C share.
 *
 * Arguments: KEY is a number (decimal, 0x…, 0…) or `id:N` for an object whose
 * identifier is known; MODE is octal; DATA is text, or `hex:6869` for bytes.
 *
 * Output: one `name value` pair a line, numbers in decimal. A failed call
 * prints `error CALL ERRNO MESSAGE` on standard error and exits with 1; wrong
 * usage exits with 2. A waiting peer ends by itself after two minutes, so that
 * a test that dies leaves no process behind.
 */
#ifndef PEER_H
#define PEER_H

#define _GNU_SOURCE
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <unistd.h>

#define LIFETIME_SECONDS 120

_Noreturn static inline void wrong_usage(const char *usage) {
  fputs(usage, stderr);
  exit(2);
}

_Noreturn static inline void fail(const char *call) {
  int error = errno;
  fprintf(stderr, "error %s %d %s\n", call, error, strerror(error));
  exit(1);
}

/* Returns `result`, or ends the process with `error` if it is -1. */
static inline int check(const char *call, int result) {
  if (result == -1) fail(call);
  return result;
}

/* Parses a number in C notation; anything else is wrong usage. */
static inline long long number(const char *text) {
  char *end;
  long long result = strtoll(text, &end, 0);
  if (end == text || *end != '\0') {
    fprintf(stderr, "\"%s\" is not a number\n", text);
    exit(2);
  }
  return result;
}

static inline int octal(const char *text) {
  return (int)strtol(text, NULL, 8);
}

/* A key has 32 bits: 0x80000000 and -2147483648 are the same key. */
static inline key_t key_of(const char *text) {
  return (key_t)(uint32_t)number(text);
}

/* Returns true for `id:N`, and puts the identifier in *id. */
static inline int is_id(const char *text, int *id) {
  if (strncmp(text, "id:", 3) != 0) return 0;
  *id = (int)number(text + 3);
  return 1;
}

/* IPC_CREAT and the mode, and IPC_EXCL if `excl` is one of the arguments. */
static inline int create_flags(int argc, char **argv) {
  int flags = IPC_CREAT | 0600;
  for (int i = 0; i < argc; i++) {
    if (strcmp(argv[i], "excl") == 0) {
      flags |= IPC_EXCL;
    } else {
      flags = (flags & ~0777) | octal(argv[i]);
    }
  }
  return flags;
}

/* True if `word` is one of the arguments. */
static inline int has_word(int argc, char **argv, const char *word) {
  for (int i = 0; i < argc; i++) {
    if (strcmp(argv[i], word) == 0) return 1;
  }
  return 0;
}

/* Decodes DATA in place and returns its length. */
static inline size_t decode(char *data) {
  if (strncmp(data, "hex:", 4) != 0) return strlen(data);
  size_t length = 0;
  for (char *pair = data + 4; pair[0] && pair[1]; pair += 2) {
    char digits[3] = { pair[0], pair[1], '\0' };
    data[length++] = (char)strtol(digits, NULL, 16);
  }
  return length;
}

static inline void print_hex(const char *name, const void *data, size_t size) {
  printf("%s ", name);
  for (size_t i = 0; i < size; i++) {
    printf("%02x", ((const unsigned char *)data)[i]);
  }
  putchar('\n');
}

/* Prints the value of an expression, named after the expression. */
#define PRINT(expression) print_number(#expression, (long long)(expression))
static inline void print_number(const char *name, long long value) {
  /* "info.shm_segsz" is printed without the variable. */
  const char *dot = strchr(name, '.');
  printf("%s %lld\n", dot == NULL ? name : dot + 1, value);
}

/* Prints the seven numbers of an ipc_perm as `PREFIX.name value`. */
static inline void print_perm(const char *prefix, const struct ipc_perm *perm) {
  printf("%s.__key %d\n", prefix, (int)perm->__key);
  printf("%s.uid %u\n", prefix, (unsigned)perm->uid);
  printf("%s.gid %u\n", prefix, (unsigned)perm->gid);
  printf("%s.cuid %u\n", prefix, (unsigned)perm->cuid);
  printf("%s.cgid %u\n", prefix, (unsigned)perm->cgid);
  printf("%s.mode %u\n", prefix, (unsigned)perm->mode);
  printf("%s.__seq %u\n", prefix, (unsigned)perm->__seq);
}

/* Prints "held", when the peer holds its object, and waits to be killed. */
_Noreturn static inline void hold(void) {
  puts("held");
  fflush(stdout);
  for (;;) pause();
}

#endif
