/*
 * Loaded before the C library, it leaves a mark in errno after the calls that a
 * JavaScript engine makes for itself: memory and locks. Those calls may change
 * errno, which has a meaning only after a call that has failed.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/mman.h>

enum { MARK = 3999 };

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

void *malloc(size_t size) {
  void *memory = __libc_malloc(size);
  if (memory) errno = MARK;
  return memory;
}

void *calloc(size_t count, size_t size) {
  void *memory = __libc_calloc(count, size);
  if (memory) errno = MARK;
  return memory;
}

void *realloc(void *old, size_t size) {
  void *memory = __libc_realloc(old, size);
  if (memory) errno = MARK;
  return memory;
}

#define MARKED(name, parameters, ...)                  \
  int name parameters {                                \
    static int (*real) parameters;                     \
    if (!real) real = dlsym(RTLD_NEXT, #name);         \
    int result = real(__VA_ARGS__);                    \
    if (result == 0) errno = MARK;                     \
    return result;                                     \
  }

MARKED(pthread_mutex_lock, (pthread_mutex_t *mutex), mutex)
MARKED(pthread_mutex_trylock, (pthread_mutex_t *mutex), mutex)
MARKED(pthread_mutex_unlock, (pthread_mutex_t *mutex), mutex)
MARKED(pthread_rwlock_rdlock, (pthread_rwlock_t *lock), lock)
MARKED(pthread_rwlock_unlock, (pthread_rwlock_t *lock), lock)
MARKED(pthread_cond_broadcast, (pthread_cond_t *condition), condition)
MARKED(pthread_cond_signal, (pthread_cond_t *condition), condition)
MARKED(madvise, (void *memory, size_t size, int advice), memory, size, advice)
MARKED(mprotect, (void *memory, size_t size, int access), memory, size, access)
