/*
 * socket_peer: the other side of a Unix socket, in C.
 *
 *   socket_peer echo TYPE NAME        connects, sends back what it receives
 *   socket_peer serve TYPE NAME       accepts one connection and echoes
 *   socket_peer send TYPE NAME DATA   sends one message to a datagram socket
 *   socket_peer pass NAME COUNT       passes a pipe's end COUNT times, in one
 *                                     message of a seqpacket connection
 *   socket_peer take NAME             receives descriptors, prints their number
 *                                     and the data, writes "from C" to the first
 *
 * TYPE is stream, seqpacket or dgram. NAME is a path, or an abstract name if it
 * begins with @. Prints "ready" when it listens.
 */
#include "peer.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

static const char USAGE[] = "usage: see the comment in socket_peer.c\n";

static int type_of(const char *name) {
  if (strcmp(name, "stream") == 0) return SOCK_STREAM;
  if (strcmp(name, "seqpacket") == 0) return SOCK_SEQPACKET;
  if (strcmp(name, "dgram") == 0) return SOCK_DGRAM;
  wrong_usage(USAGE);
}

static socklen_t address_of(const char *name, struct sockaddr_un *address) {
  memset(address, 0, sizeof *address);
  address->sun_family = AF_UNIX;
  size_t length = strlen(name);
  if (length >= sizeof address->sun_path) wrong_usage(USAGE);
  memcpy(address->sun_path, name, length);
  if (name[0] != '@') return sizeof *address;
  address->sun_path[0] = '\0';
  return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
}

static int open_socket(int type) {
  return check("socket", socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
}

static int connect_to(int type, const char *name) {
  struct sockaddr_un address;
  socklen_t length = address_of(name, &address);
  int fd = open_socket(type);
  check("connect", connect(fd, (struct sockaddr *)&address, length));
  return fd;
}

static int accept_at(int type, const char *name) {
  struct sockaddr_un address;
  socklen_t length = address_of(name, &address);
  int server = open_socket(type);
  check("bind", bind(server, (struct sockaddr *)&address, length));
  check("listen", listen(server, 5));
  puts("ready");
  fflush(stdout);
  return check("accept", accept(server, NULL, NULL));
}

static void echo(int fd) {
  static char buffer[65536];
  for (;;) {
    int got = check("recv", (int)recv(fd, buffer, sizeof buffer, 0));
    if (got == 0) return;
    for (int sent = 0; sent < got;) {
      sent += check("send", (int)send(fd, buffer + sent, got - sent, 0));
    }
  }
}

static void pass(const char *name, int count) {
  int ends[2];
  check("pipe", pipe(ends));
  int fd = connect_to(SOCK_SEQPACKET, name);
  size_t size = CMSG_SPACE(sizeof(int) * count);
  struct msghdr message = { 0 };
  struct iovec data = { "from C", 6 };
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = calloc(1, size);
  message.msg_controllen = size;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int) * count);
  int *fds = (int *)CMSG_DATA(header);
  for (int i = 0; i < count; i++) fds[i] = ends[0];
  check("sendmsg", (int)sendmsg(fd, &message, 0));
  check("write", (int)write(ends[1], "through the pipe", 16));
}

static void take(const char *name) {
  static char buffer[100], control[CMSG_SPACE(sizeof(int) * 253)];
  int fd = connect_to(SOCK_SEQPACKET, name);
  struct iovec data = { buffer, sizeof buffer };
  struct msghdr message = { 0 };
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  int got = check("recvmsg", (int)recvmsg(fd, &message, 0));
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header == NULL || header->cmsg_type != SCM_RIGHTS) {
    puts("0");
    return;
  }
  int count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
  int first;
  memcpy(&first, CMSG_DATA(header), sizeof first);
  printf("%d %.*s\n", count, got, buffer);
  check("write", (int)write(first, "from C", 6));
}

int main(int argc, char **argv) {
  alarm(LIFETIME_SECONDS);
  const char *verb = argc > 2 ? argv[1] : "";
  if (strcmp(verb, "echo") == 0 && argc == 4) {
    echo(connect_to(type_of(argv[2]), argv[3]));
  } else if (strcmp(verb, "serve") == 0 && argc == 4) {
    echo(accept_at(type_of(argv[2]), argv[3]));
  } else if (strcmp(verb, "send") == 0 && argc == 5) {
    size_t length = decode(argv[4]);
    int fd = connect_to(type_of(argv[2]), argv[3]);
    check("send", (int)send(fd, argv[4], length, 0));
  } else if (strcmp(verb, "pass") == 0 && argc == 4) {
    pass(argv[2], (int)number(argv[3]));
  } else if (strcmp(verb, "take") == 0 && argc == 3) {
    take(argv[2]);
  } else {
    wrong_usage(USAGE);
  }
  return 0;
}
