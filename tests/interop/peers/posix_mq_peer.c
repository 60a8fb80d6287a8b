/* posix_mq_peer: POSIX message queues from the command line. See peer.h. */
#include "peer.h"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/stat.h>

static const char *const usage =
    "usage: posix_mq_peer create NAME MAXMSG MSGSIZE [MODE]   exclusively\n"
    "       posix_mq_peer send NAME PRIORITY DATA [COUNT]\n"
    "       posix_mq_peer receive NAME [COUNT]   prints `priority hex` lines\n"
    "       posix_mq_peer attr NAME              prints mq_attr\n"
    "       posix_mq_peer unlink NAME\n";

static mqd_t open_queue(const char *name, int flags) {
  return check("mq_open", mq_open(name, flags));
}

static struct mq_attr attr_of(mqd_t queue) {
  struct mq_attr attr;
  check("mq_getattr", mq_getattr(queue, &attr));
  return attr;
}

static void receive(mqd_t queue, char *buffer, size_t size) {
  unsigned priority;
  ssize_t length = mq_receive(queue, buffer, size, &priority);
  if (length == -1) fail("mq_receive");
  char name[16];
  snprintf(name, sizeof name, "%u", priority);
  print_hex(name, buffer, length);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc < 3) wrong_usage(usage);
  const char *verb = argv[1], *name = argv[2];
  alarm(LIFETIME_SECONDS);
  if (strcmp(verb, "create") == 0 && argc >= 5) {
    umask(0);
    struct mq_attr attr = { .mq_maxmsg = number(argv[3]),
                            .mq_msgsize = number(argv[4]) };
    int mode = argc > 5 ? octal(argv[5]) : 0600;
    check("mq_open", mq_open(name, O_RDWR | O_CREAT | O_EXCL, mode, &attr));
  } else if (strcmp(verb, "send") == 0 && argc >= 5) {
    mqd_t queue = open_queue(name, O_WRONLY);
    unsigned priority = number(argv[3]);
    size_t length = decode(argv[4]);
    long long count = argc > 5 ? number(argv[5]) : 1;
    while (count-- > 0) {
      check("mq_send", mq_send(queue, argv[4], length, priority));
    }
  } else if (strcmp(verb, "receive") == 0) {
    mqd_t queue = open_queue(name, O_RDONLY);
    size_t size = attr_of(queue).mq_msgsize;
    char *buffer = malloc(size);
    if (buffer == NULL) fail("malloc");
    long long count = argc > 3 ? number(argv[3]) : 1;
    while (count-- > 0) receive(queue, buffer, size);
  } else if (strcmp(verb, "attr") == 0) {
    struct mq_attr attr = attr_of(open_queue(name, O_RDONLY));
    PRINT(attr.mq_flags);
    PRINT(attr.mq_maxmsg);
    PRINT(attr.mq_msgsize);
    PRINT(attr.mq_curmsgs);
  } else if (strcmp(verb, "unlink") == 0) {
    check("mq_unlink", mq_unlink(name));
  } else {
    wrong_usage(usage);
  }
  return 0;
}
