/* posix_shm_peer: POSIX shared memory from the command line. See peer.h. */
#include "peer.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static const char *const usage =
    "usage: posix_shm_peer create NAME SIZE MODE     exclusively\n"
    "       posix_shm_peer write NAME OFFSET DATA    through a mapping\n"
    "       posix_shm_peer read NAME OFFSET LENGTH   prints `hex …`\n"
    "       posix_shm_peer truncate NAME SIZE\n"
    "       posix_shm_peer stat NAME                 prints st_size, st_mode\n"
    "       posix_shm_peer unlink NAME\n";

static int open_object(const char *name, int flags) {
  return check("shm_open", shm_open(name, flags, 0));
}

static off_t size_of(int fd) {
  struct stat info;
  check("fstat", fstat(fd, &info));
  return info.st_size;
}

/* Maps the whole object, and returns the address of `length` at `offset`. */
static char *bytes_at(const char *name, int protection, long long offset,
                      long long length) {
  int fd = open_object(name, protection & PROT_WRITE ? O_RDWR : O_RDONLY);
  long long size = size_of(fd);
  if (offset < 0 || length < 0 || offset > size || length > size - offset) {
    fprintf(stderr, "%lld bytes at %lld are outside the object of %lld\n",
            length, offset, size);
    exit(2);
  }
  char *memory = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) fail("mmap");
  return memory + offset;
}

int main(int argc, char **argv) {
  if (argc < 3) wrong_usage(usage);
  const char *verb = argv[1], *name = argv[2];
  alarm(LIFETIME_SECONDS);
  if (strcmp(verb, "create") == 0 && argc == 5) {
    umask(0);
    int flags = O_RDWR | O_CREAT | O_EXCL;
    int fd = check("shm_open", shm_open(name, flags, octal(argv[4])));
    check("ftruncate", ftruncate(fd, number(argv[3])));
  } else if (strcmp(verb, "write") == 0 && argc == 5) {
    size_t length = strlen(argv[4]);
    memcpy(bytes_at(name, PROT_READ | PROT_WRITE, number(argv[3]), length),
           argv[4], length);
  } else if (strcmp(verb, "read") == 0 && argc == 5) {
    long long length = number(argv[4]);
    unsigned char *bytes =
        (unsigned char *)bytes_at(name, PROT_READ, number(argv[3]), length);
    printf("hex ");
    for (long long i = 0; i < length; i++) printf("%02x", bytes[i]);
    printf("\n");
  } else if (strcmp(verb, "truncate") == 0 && argc == 4) {
    check("ftruncate", ftruncate(open_object(name, O_RDWR), number(argv[3])));
  } else if (strcmp(verb, "stat") == 0 && argc == 3) {
    struct stat info;
    check("fstat", fstat(open_object(name, O_RDONLY), &info));
    printf("st_size %lld\nst_mode %o\n", (long long)info.st_size,
           info.st_mode & 07777);
  } else if (strcmp(verb, "unlink") == 0 && argc == 3) {
    check("shm_unlink", shm_unlink(name));
  } else {
    wrong_usage(usage);
  }
  return 0;
}
