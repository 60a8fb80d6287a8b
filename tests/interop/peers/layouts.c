/*
 * Prints what the C compiler knows about the structs, integer types and
 * constants of the IPC headers, as one JSON document on standard output:
 *
 *   { "platform", "types", "structs", "constants", "signals", "errno",
 *     "syscalls" }
 *
 * A struct has `size`, `align` and `fields`; a field has `offset`, `size` and
 * `kind`: i8 u8 i16 u16 i32 u32 i64 u64 f64 char ptr, or "other" for arrays,
 * nested structs and function pointers. No result is written down here: every
 * number comes from sizeof, offsetof, _Generic or the macro itself.
 *
 * Build:  cc -std=gnu11 -O2 -Wall -Wextra -Werror -o layouts layouts.c
 *         aarch64-linux-gnu-gcc … && qemu-aarch64-static -L /usr/aarch64-linux-gnu ./layouts
 *
 * Names newer than Linux 5.4 and glibc 2.31 are inside #ifdef; a name that the
 * headers lack is then absent from the output.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/magic.h>
#include <linux/memfd.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* Whether the next member of the innermost object needs a comma before it. */
static int comma;

static void open_object(const char *name) {
  printf("%s\"%s\": {", comma ? ",\n" : "\n", name);
  comma = 0;
}

static void close_object(void) {
  printf("\n}");
  comma = 1;
}

static void print_value(const char *name, long long value) {
  printf("%s\"%s\": %lld", comma ? ",\n" : "\n", name, value);
  comma = 1;
}

static void print_field(const char *name, size_t offset, size_t size,
                        const char *kind) {
  printf("%s\n  \"%s\": { \"offset\": %zu, \"size\": %zu, \"kind\": \"%s\" }",
         comma ? "," : "", name, offset, size, kind);
  comma = 1;
}

/* The kind of an integer by its width, regardless of its C type name. */
#define INT_KIND(x, s) \
  (sizeof(x) == 8 ? s "64" : sizeof(x) == 4 ? s "32" : sizeof(x) == 2 ? s "16" : s "8")
#define KIND(x)                                                            \
  _Generic((x), char : "char", signed char : INT_KIND(x, "i"),             \
           short : INT_KIND(x, "i"), int : INT_KIND(x, "i"),               \
           long : INT_KIND(x, "i"), long long : INT_KIND(x, "i"),          \
           unsigned char : INT_KIND(x, "u"),                               \
           unsigned short : INT_KIND(x, "u"), unsigned : INT_KIND(x, "u"), \
           unsigned long : INT_KIND(x, "u"),                               \
           unsigned long long : INT_KIND(x, "u"), double : "f64",          \
           void * : "ptr", default : "other")

/* F prints a field of the struct of STRUCT; FN prints it under another name. */
#define FN(name, path)                                                   \
  print_field(name, offsetof(T, path), sizeof(((T *)0)->path),           \
              KIND(((T *)0)->path));
#define F(field) FN(#field, field)
#define STRUCT(type, fields)                                             \
  do {                                                                   \
    typedef type T;                                                      \
    open_object(#type);                                                  \
    print_value("size", (long long)sizeof(T));                           \
    print_value("align", (long long)_Alignof(T));                        \
    open_object("fields");                                               \
    fields close_object();                                               \
    close_object();                                                      \
  } while (0)
/* A type that is opaque to C programs: size and alignment only. */
#define OPAQUE(type) STRUCT(type, )

#define TYPE(type)                                                          \
  printf("%s\"%s\": { \"size\": %zu, \"kind\": \"%s\" }", comma ? ",\n" : "\n", \
         #type, sizeof(type), KIND((type){0})), comma = 1;
/* #name is not expanded, so a macro is printed with its name and value. */
#define V(name) print_value(#name, (long long)(name));

static void types(void) {
  open_object("types");
  TYPE(char) TYPE(short) TYPE(int) TYPE(long) TYPE(long long)
  TYPE(size_t) TYPE(ssize_t) TYPE(off_t) TYPE(time_t) TYPE(suseconds_t)
  TYPE(pid_t) TYPE(uid_t) TYPE(gid_t) TYPE(mode_t) TYPE(dev_t) TYPE(ino_t)
  TYPE(nlink_t) TYPE(blksize_t) TYPE(blkcnt_t) TYPE(key_t) TYPE(shmatt_t)
  TYPE(msgqnum_t) TYPE(msglen_t) TYPE(mqd_t) TYPE(clockid_t) TYPE(socklen_t)
  TYPE(sa_family_t) TYPE(rlim_t) TYPE(nfds_t) TYPE(pthread_t) TYPE(intptr_t)
  TYPE(__fsword_t) TYPE(useconds_t) TYPE(id_t) TYPE(eventfd_t) TYPE(wchar_t)
  close_object();
}

static void sysv_structs(void) {
  STRUCT(struct ipc_perm, F(__key) F(uid) F(gid) F(cuid) F(cgid) F(mode)
         F(__seq));
  STRUCT(struct shmid_ds, F(shm_perm) F(shm_segsz) F(shm_atime) F(shm_dtime)
         F(shm_ctime) F(shm_cpid) F(shm_lpid) F(shm_nattch));
  STRUCT(struct semid_ds, F(sem_perm) F(sem_otime) F(sem_ctime) F(sem_nsems));
  STRUCT(struct msqid_ds, F(msg_perm) F(msg_stime) F(msg_rtime) F(msg_ctime)
         F(__msg_cbytes) F(msg_qnum) F(msg_qbytes) F(msg_lspid) F(msg_lrpid));
  STRUCT(struct sembuf, F(sem_num) F(sem_op) F(sem_flg));
  STRUCT(struct msgbuf, F(mtype) F(mtext));
  STRUCT(struct shminfo, F(shmmax) F(shmmin) F(shmmni) F(shmseg) F(shmall));
  STRUCT(struct shm_info, F(used_ids) F(shm_tot) F(shm_rss) F(shm_swp)
         F(swap_attempts) F(swap_successes));
  STRUCT(struct seminfo, F(semmap) F(semmni) F(semmns) F(semmnu) F(semmsl)
         F(semopm) F(semume) F(semusz) F(semvmx) F(semaem));
  STRUCT(struct msginfo, F(msgpool) F(msgmap) F(msgmax) F(msgmnb) F(msgmni)
         F(msgssz) F(msgtql) F(msgseg));
}

static void signal_structs(void) {
  OPAQUE(sigset_t);
  STRUCT(stack_t, F(ss_sp) F(ss_flags) F(ss_size));
  STRUCT(ucontext_t, F(uc_flags) F(uc_link) F(uc_stack)
         F(uc_sigmask));
  STRUCT(union sigval, F(sival_int) F(sival_ptr));
  STRUCT(struct sigevent, F(sigev_value) F(sigev_signo) F(sigev_notify)
         F(sigev_notify_function) F(sigev_notify_attributes)
         FN("sigev_notify_thread_id", _sigev_un._tid));
  STRUCT(struct sigaction, F(sa_handler) F(sa_sigaction) F(sa_mask)
         F(sa_flags) F(sa_restorer));
  STRUCT(siginfo_t, F(si_signo) F(si_errno) F(si_code) F(si_pid) F(si_uid)
         F(si_status) F(si_value) F(si_int) F(si_ptr) F(si_addr) F(si_band)
         F(si_fd));
  STRUCT(struct signalfd_siginfo, F(ssi_signo) F(ssi_errno) F(ssi_code)
         F(ssi_pid) F(ssi_uid) F(ssi_fd) F(ssi_tid) F(ssi_band) F(ssi_overrun)
         F(ssi_trapno) F(ssi_status) F(ssi_int) F(ssi_ptr) F(ssi_utime)
         F(ssi_stime) F(ssi_addr) F(ssi_addr_lsb));
}

static void file_structs(void) {
  STRUCT(struct timespec, F(tv_sec) F(tv_nsec));
  STRUCT(struct timeval, F(tv_sec) F(tv_usec));
  STRUCT(struct itimerspec, F(it_interval) F(it_value));
  STRUCT(struct dirent, F(d_ino) F(d_off) F(d_reclen) F(d_type) F(d_name));
  STRUCT(struct stat, F(st_dev) F(st_ino) F(st_mode) F(st_nlink) F(st_uid)
         F(st_gid) F(st_rdev) F(st_size) F(st_blksize) F(st_blocks) F(st_atim)
         F(st_mtim) F(st_ctim));
  STRUCT(struct statfs, F(f_type) F(f_bsize) F(f_blocks) F(f_bfree) F(f_bavail)
         F(f_files) F(f_ffree) F(f_fsid) F(f_namelen) F(f_frsize) F(f_flags));
  STRUCT(struct statx, F(stx_mask) F(stx_blksize) F(stx_attributes)
         F(stx_nlink) F(stx_uid) F(stx_gid) F(stx_mode) F(stx_ino) F(stx_size)
         F(stx_blocks) F(stx_atime) F(stx_btime) F(stx_ctime) F(stx_mtime)
         F(stx_dev_major) F(stx_dev_minor));
  STRUCT(struct flock, F(l_type) F(l_whence) F(l_start) F(l_len) F(l_pid));
  STRUCT(struct rlimit, F(rlim_cur) F(rlim_max));
  STRUCT(struct rusage, F(ru_utime) F(ru_stime) F(ru_maxrss) F(ru_minflt)
         F(ru_majflt) F(ru_nvcsw) F(ru_nivcsw));
  STRUCT(struct pollfd, F(fd) F(events) F(revents));
  STRUCT(struct epoll_event, F(events) F(data));
  STRUCT(struct mq_attr, F(mq_flags) F(mq_maxmsg) F(mq_msgsize) F(mq_curmsgs));
#ifdef FUTEX_32
  STRUCT(struct futex_waitv, F(val) F(uaddr) F(flags) F(__reserved));
#endif
  STRUCT(struct robust_list_head, F(list) F(futex_offset) F(list_op_pending));
}

static void socket_structs(void) {
  STRUCT(struct iovec, F(iov_base) F(iov_len));
  STRUCT(struct msghdr, F(msg_name) F(msg_namelen) F(msg_iov) F(msg_iovlen)
         F(msg_control) F(msg_controllen) F(msg_flags));
  STRUCT(struct cmsghdr, F(cmsg_len) F(cmsg_level) F(cmsg_type));
  STRUCT(struct ucred, F(pid) F(uid) F(gid));
  STRUCT(struct linger, F(l_onoff) F(l_linger));
  STRUCT(struct sockaddr, F(sa_family) F(sa_data));
  STRUCT(struct sockaddr_un, F(sun_family) F(sun_path));
  STRUCT(struct in_addr, F(s_addr));
  STRUCT(struct sockaddr_in, F(sin_family) F(sin_port) F(sin_addr));
  STRUCT(struct sockaddr_in6, F(sin6_family) F(sin6_port) F(sin6_flowinfo)
         F(sin6_addr) F(sin6_scope_id));
  STRUCT(struct sockaddr_storage, F(ss_family));
}

static void thread_structs(void) {
  OPAQUE(sem_t);
  OPAQUE(posix_spawnattr_t);
  OPAQUE(posix_spawn_file_actions_t);
  OPAQUE(pthread_mutex_t);
  OPAQUE(pthread_mutexattr_t);
  OPAQUE(pthread_cond_t);
  OPAQUE(pthread_condattr_t);
  OPAQUE(pthread_rwlock_t);
  OPAQUE(pthread_rwlockattr_t);
  OPAQUE(pthread_barrier_t);
  OPAQUE(pthread_barrierattr_t);
  OPAQUE(pthread_attr_t);
}

static void sysv_constants(void) {
  V(IPC_CREAT) V(IPC_EXCL) V(IPC_NOWAIT) V(IPC_RMID) V(IPC_SET) V(IPC_STAT)
  V(IPC_INFO) V(IPC_PRIVATE)
  V(SHM_R) V(SHM_W) V(SHM_RDONLY) V(SHM_RND) V(SHM_REMAP) V(SHM_EXEC)
  V(SHM_LOCK) V(SHM_UNLOCK) V(SHM_STAT) V(SHM_INFO) V(SHM_STAT_ANY)
  V(SHM_DEST) V(SHM_LOCKED) V(SHM_HUGETLB) V(SHM_NORESERVE) V(SHMLBA)
#ifdef SHM_HUGE_SHIFT
  V(SHM_HUGE_SHIFT) V(SHM_HUGE_MASK) V(SHM_HUGE_2MB) V(SHM_HUGE_1GB)
#endif
  V(SEM_UNDO) V(GETPID) V(GETVAL) V(GETALL) V(GETNCNT) V(GETZCNT) V(SETVAL)
  V(SETALL) V(SEM_STAT) V(SEM_INFO) V(SEM_STAT_ANY)
  V(MSG_NOERROR) V(MSG_EXCEPT) V(MSG_COPY) V(MSG_STAT) V(MSG_INFO)
  V(MSG_STAT_ANY)
}

static void file_constants(void) {
  V(O_RDONLY) V(O_WRONLY) V(O_RDWR) V(O_ACCMODE) V(O_CREAT) V(O_EXCL)
  V(O_NOCTTY) V(O_TRUNC) V(O_APPEND) V(O_NONBLOCK) V(O_NDELAY) V(O_SYNC)
  V(O_DSYNC) V(O_RSYNC) V(O_ASYNC) V(O_DIRECT) V(O_LARGEFILE) V(O_DIRECTORY)
  V(O_NOFOLLOW) V(O_NOATIME) V(O_CLOEXEC) V(O_PATH) V(O_TMPFILE)
  V(S_IFMT) V(S_IFDIR) V(S_IFCHR) V(S_IFBLK) V(S_IFREG) V(S_IFIFO) V(S_IFLNK)
  V(S_IFSOCK) V(S_ISUID) V(S_ISGID) V(S_ISVTX)
  V(S_IRUSR) V(S_IWUSR) V(S_IXUSR) V(S_IRGRP) V(S_IWGRP) V(S_IXGRP)
  V(S_IROTH) V(S_IWOTH) V(S_IXOTH)
  V(SEEK_SET) V(SEEK_CUR) V(SEEK_END) V(SEEK_DATA) V(SEEK_HOLE)
  V(R_OK) V(W_OK) V(X_OK) V(F_OK)
  V(AT_FDCWD) V(AT_SYMLINK_NOFOLLOW) V(AT_SYMLINK_FOLLOW) V(AT_REMOVEDIR)
  V(AT_EMPTY_PATH) V(AT_EACCESS)
  V(F_DUPFD) V(F_DUPFD_CLOEXEC) V(F_GETFD) V(F_SETFD) V(F_GETFL) V(F_SETFL)
  V(F_GETLK) V(F_SETLK) V(F_SETLKW) V(F_SETOWN) V(F_GETOWN) V(F_SETSIG)
  V(F_GETSIG) V(F_OFD_GETLK) V(F_OFD_SETLK) V(F_OFD_SETLKW) V(F_RDLCK)
  V(F_WRLCK) V(F_UNLCK) V(F_SETPIPE_SZ) V(F_GETPIPE_SZ) V(F_SETLEASE)
  V(F_GETLEASE) V(F_NOTIFY) V(F_ADD_SEALS) V(F_GET_SEALS)
  V(F_LOCK) V(F_TLOCK) V(F_ULOCK) V(F_TEST)
  V(FD_CLOEXEC) V(F_SEAL_SEAL) V(F_SEAL_SHRINK) V(F_SEAL_GROW) V(F_SEAL_WRITE)
#ifdef F_SEAL_FUTURE_WRITE
  V(F_SEAL_FUTURE_WRITE)
#endif
#ifdef F_SEAL_EXEC
  V(F_SEAL_EXEC)
#endif
  V(LOCK_SH) V(LOCK_EX) V(LOCK_UN) V(LOCK_NB)
  V(DT_UNKNOWN) V(DT_FIFO) V(DT_CHR) V(DT_DIR) V(DT_BLK) V(DT_REG) V(DT_LNK)
  V(DT_SOCK)
  V(SPLICE_F_MOVE) V(SPLICE_F_NONBLOCK) V(SPLICE_F_MORE) V(SPLICE_F_GIFT)
  V(PIPE_BUF) V(NAME_MAX) V(PATH_MAX) V(SEM_VALUE_MAX) V(MQ_PRIO_MAX)
  V(HUGETLBFS_MAGIC)
  V(STATX_BASIC_STATS) V(STATX_BTIME)
  V(POLLIN) V(POLLOUT) V(POLLPRI) V(POLLERR) V(POLLHUP) V(POLLNVAL)
  V(POLLRDHUP)
  V(EPOLLIN) V(EPOLLOUT) V(EPOLLPRI) V(EPOLLERR) V(EPOLLHUP) V(EPOLLRDHUP)
  V(EPOLLET) V(EPOLLONESHOT) V(EPOLLEXCLUSIVE) V(EPOLLWAKEUP) V(EPOLL_CLOEXEC)
  V(EPOLL_CTL_ADD) V(EPOLL_CTL_MOD) V(EPOLL_CTL_DEL)
  V(EFD_CLOEXEC) V(EFD_NONBLOCK) V(EFD_SEMAPHORE) V(SFD_CLOEXEC)
  V(SFD_NONBLOCK) V(TFD_CLOEXEC) V(TFD_NONBLOCK) V(TFD_TIMER_ABSTIME)
}

static void memory_constants(void) {
  V(PROT_NONE) V(PROT_READ) V(PROT_WRITE) V(PROT_EXEC)
  V(MAP_SHARED) V(MAP_PRIVATE) V(MAP_SHARED_VALIDATE) V(MAP_TYPE) V(MAP_FIXED)
  V(MAP_ANONYMOUS) V(MAP_GROWSDOWN) V(MAP_LOCKED) V(MAP_NORESERVE)
  V(MAP_POPULATE) V(MAP_NONBLOCK) V(MAP_STACK) V(MAP_HUGETLB) V(MAP_SYNC)
  V(MAP_FIXED_NOREPLACE) V(MAP_HUGE_SHIFT) V(MAP_HUGE_MASK)
#ifdef MAP_HUGE_2MB
  V(MAP_HUGE_2MB) V(MAP_HUGE_1GB)
#endif
  V(MS_ASYNC) V(MS_INVALIDATE) V(MS_SYNC)
  V(MADV_NORMAL) V(MADV_RANDOM) V(MADV_SEQUENTIAL) V(MADV_WILLNEED)
  V(MADV_DONTNEED) V(MADV_FREE) V(MADV_REMOVE) V(MADV_DONTFORK) V(MADV_DOFORK)
  V(MADV_HWPOISON) V(MADV_MERGEABLE) V(MADV_UNMERGEABLE) V(MADV_HUGEPAGE)
  V(MADV_NOHUGEPAGE) V(MADV_DONTDUMP) V(MADV_DODUMP) V(MADV_WIPEONFORK)
  V(MADV_KEEPONFORK)
#ifdef MADV_COLD
  V(MADV_COLD) V(MADV_PAGEOUT)
#endif
#ifdef MADV_POPULATE_READ
  V(MADV_POPULATE_READ) V(MADV_POPULATE_WRITE)
#endif
#ifdef MADV_COLLAPSE
  V(MADV_COLLAPSE)
#endif
  V(MCL_CURRENT) V(MCL_FUTURE) V(MCL_ONFAULT) V(MREMAP_MAYMOVE)
  V(MREMAP_FIXED) V(MLOCK_ONFAULT)
  V(MFD_CLOEXEC) V(MFD_ALLOW_SEALING) V(MFD_HUGETLB) V(MFD_HUGE_SHIFT)
#ifdef MFD_HUGE_2MB
  V(MFD_HUGE_2MB) V(MFD_HUGE_1GB)
#endif
#ifdef MFD_NOEXEC_SEAL
  V(MFD_NOEXEC_SEAL) V(MFD_EXEC)
#endif
}

static void socket_constants(void) {
  V(AF_UNSPEC) V(AF_UNIX) V(AF_INET) V(AF_INET6) V(AF_NETLINK) V(AF_VSOCK)
  V(SOCK_STREAM) V(SOCK_DGRAM) V(SOCK_RAW) V(SOCK_SEQPACKET) V(SOCK_CLOEXEC)
  V(SOCK_NONBLOCK)
  V(SOL_SOCKET) V(SO_DEBUG) V(SO_REUSEADDR) V(SO_TYPE) V(SO_ERROR)
  V(SO_DONTROUTE) V(SO_BROADCAST) V(SO_SNDBUF) V(SO_RCVBUF) V(SO_SNDBUFFORCE)
  V(SO_RCVBUFFORCE) V(SO_KEEPALIVE) V(SO_OOBINLINE) V(SO_PRIORITY)
  V(SO_LINGER) V(SO_REUSEPORT) V(SO_PASSCRED) V(SO_PEERCRED) V(SO_RCVLOWAT)
  V(SO_SNDLOWAT) V(SO_RCVTIMEO) V(SO_SNDTIMEO) V(SO_PEERSEC) V(SO_PASSSEC)
  V(SO_TIMESTAMP) V(SO_ACCEPTCONN) V(SO_PROTOCOL) V(SO_DOMAIN) V(SO_RXQ_OVFL)
  V(SO_PEEK_OFF) V(SO_ATTACH_FILTER)
  V(SO_ATTACH_REUSEPORT_CBPF) V(SO_RCVTIMEO_NEW) V(SO_SNDTIMEO_NEW) V(SO_BUSY_POLL) V(SO_PEERGROUPS)
#ifdef SO_PASSPIDFD
  V(SO_PASSPIDFD) V(SO_PEERPIDFD)
#endif
  V(SCM_RIGHTS) V(SCM_CREDENTIALS)
#ifdef SCM_PIDFD
  V(SCM_PIDFD)
#endif
  V(MSG_OOB) V(MSG_PEEK) V(MSG_DONTROUTE) V(MSG_CTRUNC) V(MSG_TRUNC)
  V(MSG_DONTWAIT) V(MSG_EOR) V(MSG_WAITALL) V(MSG_CONFIRM) V(MSG_NOSIGNAL)
  V(MSG_MORE) V(MSG_WAITFORONE) V(MSG_ERRQUEUE) V(MSG_CMSG_CLOEXEC)
  V(SHUT_RD) V(SHUT_WR) V(SHUT_RDWR) V(SOMAXCONN)
  V(IPPROTO_IP) V(IPPROTO_TCP) V(IPPROTO_UDP) V(IPPROTO_IPV6) V(TCP_NODELAY)
  V(TCP_ZEROCOPY_RECEIVE)
  V(IPV6_V6ONLY) V(INADDR_LOOPBACK) V(FIONREAD)
}

static void process_constants(void) {
  V(CLOCK_REALTIME) V(CLOCK_MONOTONIC) V(CLOCK_PROCESS_CPUTIME_ID)
  V(CLOCK_THREAD_CPUTIME_ID) V(CLOCK_MONOTONIC_RAW) V(CLOCK_REALTIME_COARSE)
  V(CLOCK_MONOTONIC_COARSE) V(CLOCK_BOOTTIME) V(CLOCK_TAI) V(TIMER_ABSTIME)
  V(SIGEV_SIGNAL) V(SIGEV_NONE) V(SIGEV_THREAD) V(SIGEV_THREAD_ID)
  print_value("SIG_DFL", (long long)SIG_DFL);
  print_value("SIG_IGN", (long long)SIG_IGN);
  V(SIG_BLOCK) V(SIG_UNBLOCK) V(SIG_SETMASK)
  V(SA_NOCLDSTOP) V(SA_NOCLDWAIT) V(SA_SIGINFO) V(SA_ONSTACK) V(SA_RESTART)
  V(SA_NODEFER) V(SA_RESETHAND)
  V(SI_USER) V(SI_KERNEL) V(SI_QUEUE) V(SI_TIMER) V(SI_MESGQ) V(SI_ASYNCIO)
  V(SI_TKILL) V(CLD_EXITED) V(CLD_KILLED) V(CLD_DUMPED) V(CLD_TRAPPED)
  V(CLD_STOPPED) V(CLD_CONTINUED)
  V(WNOHANG) V(WUNTRACED) V(WEXITED) V(WSTOPPED) V(WCONTINUED) V(WNOWAIT)
  V(P_ALL) V(P_PID) V(P_PGID)
#if __GLIBC_PREREQ(2, 36) /* an enumerator, which #ifdef cannot see */
  V(P_PIDFD)
#endif
  V(RLIMIT_CPU) V(RLIMIT_FSIZE) V(RLIMIT_DATA) V(RLIMIT_STACK) V(RLIMIT_CORE)
  V(RLIMIT_RSS) V(RLIMIT_NPROC) V(RLIMIT_NOFILE) V(RLIMIT_MEMLOCK)
  V(RLIMIT_AS) V(RLIMIT_LOCKS) V(RLIMIT_SIGPENDING) V(RLIMIT_MSGQUEUE)
  V(RLIMIT_NICE) V(RLIMIT_RTPRIO) V(RLIMIT_RTTIME)
  V(POSIX_SPAWN_RESETIDS) V(POSIX_SPAWN_SETPGROUP) V(POSIX_SPAWN_SETSIGDEF)
  V(POSIX_SPAWN_SETSIGMASK) V(POSIX_SPAWN_SETSCHEDPARAM)
  V(POSIX_SPAWN_SETSCHEDULER) V(POSIX_SPAWN_USEVFORK) V(POSIX_SPAWN_SETSID)
  V(PTHREAD_PROCESS_PRIVATE) V(PTHREAD_PROCESS_SHARED)
  V(PTHREAD_MUTEX_NORMAL) V(PTHREAD_MUTEX_RECURSIVE)
  V(PTHREAD_MUTEX_ERRORCHECK) V(PTHREAD_MUTEX_STALLED)
  V(PTHREAD_MUTEX_ROBUST) V(PTHREAD_PRIO_NONE) V(PTHREAD_PRIO_INHERIT)
  V(PTHREAD_PRIO_PROTECT) V(PTHREAD_BARRIER_SERIAL_THREAD)
  V(PTHREAD_RWLOCK_PREFER_READER_NP)
  V(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP)
  V(FUTEX_WAIT) V(FUTEX_WAKE) V(FUTEX_REQUEUE) V(FUTEX_CMP_REQUEUE)
  V(FUTEX_WAKE_OP) V(FUTEX_LOCK_PI) V(FUTEX_UNLOCK_PI) V(FUTEX_TRYLOCK_PI)
  V(FUTEX_WAIT_BITSET) V(FUTEX_WAKE_BITSET) V(FUTEX_PRIVATE_FLAG)
  V(FUTEX_CLOCK_REALTIME) V(FUTEX_WAITERS) V(FUTEX_OWNER_DIED)
  V(FUTEX_TID_MASK)
#ifdef FUTEX_32
  V(FUTEX_32)
#endif
  V(PR_SET_PDEATHSIG) V(PR_GET_PDEATHSIG) V(PR_SET_NAME) V(PR_GET_NAME)
  V(PR_SET_CHILD_SUBREAPER)
  V(_SC_PAGESIZE) V(_SC_CLK_TCK) V(_SC_OPEN_MAX) V(_SC_NPROCESSORS_ONLN)
  V(_SC_NPROCESSORS_CONF) V(_SC_MQ_OPEN_MAX) V(_SC_MQ_PRIO_MAX)
  V(_SC_SEM_NSEMS_MAX) V(_SC_SEM_VALUE_MAX)
}

static void signals(void) {
  V(SIGHUP) V(SIGINT) V(SIGQUIT) V(SIGILL) V(SIGTRAP) V(SIGABRT) V(SIGIOT)
  V(SIGBUS) V(SIGFPE) V(SIGKILL) V(SIGUSR1) V(SIGSEGV) V(SIGUSR2) V(SIGPIPE)
  V(SIGALRM) V(SIGTERM) V(SIGSTKFLT) V(SIGCHLD) V(SIGCONT) V(SIGSTOP)
  V(SIGTSTP) V(SIGTTIN) V(SIGTTOU) V(SIGURG) V(SIGXCPU) V(SIGXFSZ)
  V(SIGVTALRM) V(SIGPROF) V(SIGWINCH) V(SIGIO) V(SIGPOLL) V(SIGPWR) V(SIGSYS)
  V(SIGRTMIN) V(SIGRTMAX) V(NSIG)
}

static void errnos(void) {
  V(EPERM) V(ENOENT) V(ESRCH) V(EINTR) V(EIO) V(ENXIO) V(E2BIG) V(ENOEXEC)
  V(EBADF) V(ECHILD) V(EAGAIN) V(EWOULDBLOCK) V(ENOMEM) V(EACCES) V(EFAULT)
  V(ENOTBLK) V(EBUSY) V(EEXIST) V(EXDEV) V(ENODEV) V(ENOTDIR) V(EISDIR)
  V(EINVAL) V(ENFILE) V(EMFILE) V(ENOTTY) V(ETXTBSY) V(EFBIG) V(ENOSPC)
  V(ESPIPE) V(EROFS) V(EMLINK) V(EPIPE) V(EDOM) V(ERANGE) V(EDEADLK)
  V(EDEADLOCK) V(ENAMETOOLONG) V(ENOLCK) V(ENOSYS) V(ENOTEMPTY) V(ELOOP)
  V(ENOMSG) V(EIDRM) V(ECHRNG) V(EL2NSYNC) V(EL3HLT) V(EL3RST) V(ELNRNG)
  V(EUNATCH) V(ENOCSI) V(EL2HLT) V(EBADE) V(EBADR) V(EXFULL) V(ENOANO)
  V(EBADRQC) V(EBADSLT) V(EBFONT) V(ENOSTR) V(ENODATA) V(ETIME) V(ENOSR)
  V(ENONET) V(ENOPKG) V(EREMOTE) V(ENOLINK) V(EADV) V(ESRMNT) V(ECOMM)
  V(EPROTO) V(EMULTIHOP) V(EDOTDOT) V(EBADMSG) V(EOVERFLOW) V(ENOTUNIQ)
  V(EBADFD) V(EREMCHG) V(ELIBACC) V(ELIBBAD) V(ELIBSCN) V(ELIBMAX)
  V(ELIBEXEC) V(EILSEQ) V(ERESTART) V(ESTRPIPE) V(EUSERS) V(ENOTSOCK)
  V(EDESTADDRREQ) V(EMSGSIZE) V(EPROTOTYPE) V(ENOPROTOOPT)
  V(EPROTONOSUPPORT) V(ESOCKTNOSUPPORT) V(EOPNOTSUPP) V(ENOTSUP)
  V(EPFNOSUPPORT) V(EAFNOSUPPORT) V(EADDRINUSE) V(EADDRNOTAVAIL) V(ENETDOWN)
  V(ENETUNREACH) V(ENETRESET) V(ECONNABORTED) V(ECONNRESET) V(ENOBUFS)
  V(EISCONN) V(ENOTCONN) V(ESHUTDOWN) V(ETOOMANYREFS) V(ETIMEDOUT)
  V(ECONNREFUSED) V(EHOSTDOWN) V(EHOSTUNREACH) V(EALREADY) V(EINPROGRESS)
  V(ESTALE) V(EUCLEAN) V(ENOTNAM) V(ENAVAIL) V(EISNAM) V(EREMOTEIO)
  V(EDQUOT) V(ENOMEDIUM) V(EMEDIUMTYPE) V(ECANCELED) V(ENOKEY)
  V(EKEYEXPIRED) V(EKEYREVOKED) V(EKEYREJECTED) V(EOWNERDEAD)
  V(ENOTRECOVERABLE) V(ERFKILL) V(EHWPOISON)
}

static void syscalls(void) {
  V(SYS_futex) V(SYS_gettid) V(SYS_memfd_create) V(SYS_pidfd_send_signal)
  V(SYS_shmget) V(SYS_semtimedop) V(SYS_msgrcv) V(SYS_epoll_ctl) V(SYS_getpid)
  V(SYS_getdents64) V(SYS_process_vm_readv) V(SYS_tgkill) V(SYS_kcmp)
  V(SYS_rt_sigqueueinfo) V(SYS_rt_tgsigqueueinfo) V(SYS_waitid)
  V(SYS_membarrier) V(SYS_get_robust_list) V(SYS_set_robust_list)
#ifdef SYS_pidfd_open
  V(SYS_pidfd_open)
#endif
#ifdef SYS_clone3
  V(SYS_clone3)
#endif
#ifdef SYS_close_range
  V(SYS_close_range)
#endif
#ifdef SYS_pidfd_getfd
  V(SYS_pidfd_getfd)
#endif
#ifdef SYS_futex_waitv
  V(SYS_futex_waitv)
#endif
#ifdef SYS_epoll_pwait2
  V(SYS_epoll_pwait2)
#endif
}

int main(void) {
#if defined __aarch64__
  const char *arch = "aarch64";
#elif defined __x86_64__
  const char *arch = "x86_64";
#else
  const char *arch = "unknown";
#endif
  printf("{\n\"platform\": { \"arch\": \"%s\", \"glibc\": \"%d.%d\", "
         "\"char\": \"%s\", \"page\": %ld }",
         arch, __GLIBC__, __GLIBC_MINOR__, (char)-1 < 0 ? "i8" : "u8",
         sysconf(_SC_PAGESIZE));
  comma = 1;
  types();
  open_object("structs");
  sysv_structs();
  signal_structs();
  file_structs();
  socket_structs();
  thread_structs();
  close_object();
  open_object("constants");
  sysv_constants();
  file_constants();
  memory_constants();
  socket_constants();
  process_constants();
  close_object();
  open_object("signals");
  signals();
  close_object();
  open_object("errno");
  errnos();
  close_object();
  open_object("syscalls");
  syscalls();
  close_object();
  printf("\n}\n");
  return 0;
}
