/* msg_peer: System V message queues from the command line. See peer.h. */
#include "peer.h"

#include <sys/msg.h>

static const char *const usage =
    "usage: msg_peer create KEY [MODE] [excl]         prints `id N`\n"
    "       msg_peer get KEY                          prints `id N`\n"
    "       msg_peer send KEY TYPE DATA [NOWAIT]\n"
    "       msg_peer recv KEY TYPE [NOWAIT] [NOERROR] [EXCEPT] [COPY] [size=N]\n"
    "                                     prints `type N`, `length N`, `hex …`\n"
    "       msg_peer stat KEY                         every field of msqid_ds\n"
    "       msg_peer mode KEY MODE                    IPC_SET\n"
    "       msg_peer qbytes KEY BYTES                 IPC_SET\n"
    "       msg_peer rm KEY\n"
    "       msg_peer info                             IPC_INFO and MSG_INFO\n";

#define MOST_BYTES (1 << 20)

static struct {
  long type;
  char text[MOST_BYTES];
} message;

static int find(const char *target) {
  int id;
  if (is_id(target, &id)) return id;
  return check("msgget", msgget(key_of(target), 0));
}

static struct msqid_ds stat_of(int id) {
  struct msqid_ds info;
  check("msgctl", msgctl(id, IPC_STAT, &info));
  return info;
}

static void print_stat(int id) {
  struct msqid_ds info = stat_of(id);
  print_perm("msg_perm", &info.msg_perm);
  PRINT(info.msg_stime);
  PRINT(info.msg_rtime);
  PRINT(info.msg_ctime);
  PRINT(info.__msg_cbytes);
  PRINT(info.msg_qnum);
  PRINT(info.msg_qbytes);
  PRINT(info.msg_lspid);
  PRINT(info.msg_lrpid);
}

static void print_info(void) {
  struct msginfo limits;
  check("msgctl", msgctl(0, IPC_INFO, (struct msqid_ds *)&limits));
  PRINT(limits.msgpool);
  PRINT(limits.msgmap);
  PRINT(limits.msgmax);
  PRINT(limits.msgmnb);
  PRINT(limits.msgmni);
  PRINT(limits.msgssz);
  PRINT(limits.msgtql);
  PRINT(limits.msgseg);
  /* The same struct; MSG_INFO puts the usage in three of its fields. */
  struct msginfo used;
  check("msgctl", msgctl(0, MSG_INFO, (struct msqid_ds *)&used));
  printf("used_queues %d\nused_messages %d\nused_bytes %d\n", used.msgpool,
         used.msgmap, used.msgtql);
}

static void send_message(int id, const char *type, char *data, int flags) {
  size_t length = decode(data);
  if (length > MOST_BYTES) wrong_usage(usage);
  message.type = (long)number(type);
  memcpy(message.text, data, length);
  check("msgsnd", msgsnd(id, &message, length, flags));
}

static void receive_message(int id, const char *type, int argc, char **argv) {
  int flags = 0;
  size_t size = MOST_BYTES;
  if (has_word(argc, argv, "NOWAIT")) flags |= IPC_NOWAIT;
  if (has_word(argc, argv, "NOERROR")) flags |= MSG_NOERROR;
  if (has_word(argc, argv, "EXCEPT")) flags |= MSG_EXCEPT;
  if (has_word(argc, argv, "COPY")) flags |= MSG_COPY;
  for (int i = 0; i < argc; i++) {
    if (strncmp(argv[i], "size=", 5) == 0) size = (size_t)number(argv[i] + 5);
  }
  if (size > MOST_BYTES) wrong_usage(usage);
  ssize_t length = msgrcv(id, &message, size, (long)number(type), flags);
  if (length == -1) fail("msgrcv");
  printf("type %ld\nlength %zd\n", message.type, length);
  print_hex("hex", message.text, (size_t)length);
}

int main(int argc, char **argv) {
  alarm(LIFETIME_SECONDS);
  const char *verb = argc > 1 ? argv[1] : "";
  if (strcmp(verb, "info") == 0) {
    print_info();
  } else if (strcmp(verb, "create") == 0 && argc >= 3) {
    printf("id %d\n",
           check("msgget", msgget(key_of(argv[2]),
                                  create_flags(argc - 3, argv + 3))));
  } else if (strcmp(verb, "get") == 0 && argc == 3) {
    printf("id %d\n", check("msgget", msgget(key_of(argv[2]), 0)));
  } else if (strcmp(verb, "send") == 0 && argc >= 5) {
    int flags = has_word(argc - 5, argv + 5, "NOWAIT") ? IPC_NOWAIT : 0;
    send_message(find(argv[2]), argv[3], argv[4], flags);
  } else if (strcmp(verb, "recv") == 0 && argc >= 4) {
    receive_message(find(argv[2]), argv[3], argc - 4, argv + 4);
  } else if (strcmp(verb, "stat") == 0 && argc == 3) {
    print_stat(find(argv[2]));
  } else if (strcmp(verb, "mode") == 0 && argc == 4) {
    int id = find(argv[2]);
    struct msqid_ds info = stat_of(id);
    info.msg_perm.mode = (unsigned short)octal(argv[3]);
    check("msgctl", msgctl(id, IPC_SET, &info));
  } else if (strcmp(verb, "qbytes") == 0 && argc == 4) {
    int id = find(argv[2]);
    struct msqid_ds info = stat_of(id);
    info.msg_qbytes = (msglen_t)number(argv[3]);
    check("msgctl", msgctl(id, IPC_SET, &info));
  } else if (strcmp(verb, "rm") == 0 && argc == 3) {
    check("msgctl", msgctl(find(argv[2]), IPC_RMID, NULL));
  } else {
    wrong_usage(usage);
  }
  return 0;
}
