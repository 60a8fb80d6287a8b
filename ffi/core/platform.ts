/**
 * What differs by architecture or kernel: constants of the C headers of Linux,
 * and which calls this machine has. The tests compare each with the answer of
 * the C compiler, for both architectures.
 *
 * @module
 */

// Only the four flags below and the system call numbers differ between x86_64
// and aarch64; an unknown architecture gets the generic numbers of aarch64.
const X86 = Deno.build.arch === "x86_64";

// System V IPC, `<sys/ipc.h>`

/** `IPC_CREAT` */
export const IPC_CREAT = 0o1000;
/** `IPC_EXCL` */
export const IPC_EXCL = 0o2000;
/** `IPC_NOWAIT` */
export const IPC_NOWAIT = 0o4000;
/** `IPC_RMID` */
export const IPC_RMID = 0;
/** `IPC_SET` */
export const IPC_SET = 1;
/** `IPC_STAT` */
export const IPC_STAT = 2;
/** `IPC_INFO` */
export const IPC_INFO = 3;

// `<sys/shm.h>`

/** `SHM_RDONLY` */
export const SHM_RDONLY = 0o10000;
/** `SHM_RND` */
export const SHM_RND = 0o20000;
/** `SHM_REMAP` */
export const SHM_REMAP = 0o40000;
/** `SHM_EXEC` */
export const SHM_EXEC = 0o100000;
/** `SHM_LOCK` */
export const SHM_LOCK = 11;
/** `SHM_UNLOCK` */
export const SHM_UNLOCK = 12;
/** `SHM_INFO` */
export const SHM_INFO = 14;
/** `SHM_STAT` */
export const SHM_STAT = 13;
/** `SHM_STAT_ANY` */
export const SHM_STAT_ANY = 15;
/** `SHM_DEST` */
export const SHM_DEST = 0o1000;
/** `SHM_LOCKED` */
export const SHM_LOCKED = 0o2000;
/** `SHM_HUGETLB` */
export const SHM_HUGETLB = 0o4000;
/** `SHM_NORESERVE` */
export const SHM_NORESERVE = 0o10000;

// `<sys/sem.h>`

/** `SEM_UNDO` */
export const SEM_UNDO = 0o10000;
/** `GETPID` */
export const GETPID = 11;
/** `GETVAL` */
export const GETVAL = 12;
/** `GETALL` */
export const GETALL = 13;
/** `GETNCNT` */
export const GETNCNT = 14;
/** `GETZCNT` */
export const GETZCNT = 15;
/** `SETVAL` */
export const SETVAL = 16;
/** `SETALL` */
export const SETALL = 17;
/** `SEM_STAT` */
export const SEM_STAT = 18;
/** `SEM_INFO` */
export const SEM_INFO = 19;
/** `SEM_STAT_ANY` */
export const SEM_STAT_ANY = 20;

// `<sys/msg.h>`

/** `MSG_NOERROR` */
export const MSG_NOERROR = 0o10000;
/** `MSG_EXCEPT` */
export const MSG_EXCEPT = 0o20000;
/** `MSG_COPY` */
export const MSG_COPY = 0o40000;
/** `MSG_STAT` */
export const MSG_STAT = 11;
/** `MSG_INFO` */
export const MSG_INFO = 12;
/** `MSG_STAT_ANY` */
export const MSG_STAT_ANY = 13;

// `<fcntl.h>`

/** `O_RDONLY` */
export const O_RDONLY = 0o0;
/** `O_WRONLY` */
export const O_WRONLY = 0o1;
/** `O_RDWR` */
export const O_RDWR = 0o2;
/** `O_ACCMODE` */
export const O_ACCMODE = 0o3;
/** `O_CREAT` */
export const O_CREAT = 0o100;
/** `O_EXCL` */
export const O_EXCL = 0o200;
/** `O_TRUNC` */
export const O_TRUNC = 0o1000;
/** `O_NOCTTY` */
export const O_NOCTTY = 0o400;
/** `O_APPEND` */
export const O_APPEND = 0o2000;
/** `O_NONBLOCK` */
export const O_NONBLOCK = 0o4000;
/** `O_CLOEXEC` */
export const O_CLOEXEC = 0o2000000;
/** `O_PATH` */
export const O_PATH = 0o10000000;
/** `O_DIRECT` */
export const O_DIRECT = X86 ? 0o40000 : 0o200000;
/** `O_DIRECTORY` */
export const O_DIRECTORY = X86 ? 0o200000 : 0o40000;
/** `O_TMPFILE` */
export const O_TMPFILE = 0o20000000 | O_DIRECTORY;
/** `O_NOFOLLOW` */
export const O_NOFOLLOW = X86 ? 0o400000 : 0o100000;
/** `F_DUPFD_CLOEXEC` */
export const F_DUPFD_CLOEXEC = 0x406;
/** `F_GETFD` */
export const F_GETFD = 1;
/** `F_SETFD` */
export const F_SETFD = 2;
/** `F_GETFL` */
export const F_GETFL = 3;
/** `F_SETFL` */
export const F_SETFL = 4;
/** `F_OFD_GETLK` */
export const F_OFD_GETLK = 36;
/** `F_OFD_SETLK` */
export const F_OFD_SETLK = 37;
/** `F_RDLCK` */
export const F_RDLCK = 0;
/** `F_WRLCK` */
export const F_WRLCK = 1;
/** `F_UNLCK` */
export const F_UNLCK = 2;
/** `PIPE_BUF` of `<limits.h>`: writes of up to so many bytes to a pipe go out whole */
export const PIPE_BUF = 4096;
/** `F_SETPIPE_SZ` */
export const F_SETPIPE_SZ = 0x407;
/** `F_GETPIPE_SZ` */
export const F_GETPIPE_SZ = 0x408;
/** `SPLICE_F_MOVE` */
export const SPLICE_F_MOVE = 1;
/** `SPLICE_F_NONBLOCK` */
export const SPLICE_F_NONBLOCK = 2;
/** `F_ADD_SEALS` */
export const F_ADD_SEALS = 0x409;
/** `F_GET_SEALS` */
export const F_GET_SEALS = 0x40a;
/** `FD_CLOEXEC` */
export const FD_CLOEXEC = 1;
/** `F_SEAL_SEAL` */
export const F_SEAL_SEAL = 1;
/** `F_SEAL_SHRINK` */
export const F_SEAL_SHRINK = 2;
/** `F_SEAL_GROW` */
export const F_SEAL_GROW = 4;
/** `F_SEAL_WRITE` */
export const F_SEAL_WRITE = 8;
/** `F_SEAL_FUTURE_WRITE` */
export const F_SEAL_FUTURE_WRITE = 16;

// `<sys/stat.h>`

/** `S_IFMT` */
export const S_IFMT = 0o170000;
/** `S_IFDIR` */
export const S_IFDIR = 0o40000;
/** `S_IFCHR` */
export const S_IFCHR = 0o20000;
/** `S_IFBLK` */
export const S_IFBLK = 0o60000;
/** `S_IFREG` */
export const S_IFREG = 0o100000;
/** `S_IFIFO` */
export const S_IFIFO = 0o10000;
/** `S_IFLNK` */
export const S_IFLNK = 0o120000;
/** `S_IFSOCK` */
export const S_IFSOCK = 0o140000;

// `<sys/mman.h>`

/** `PROT_NONE` */
export const PROT_NONE = 0;
/** `PROT_READ` */
export const PROT_READ = 1;
/** `PROT_WRITE` */
export const PROT_WRITE = 2;
/** `PROT_EXEC` */
export const PROT_EXEC = 4;
/** `MAP_SHARED` */
export const MAP_SHARED = 1;
/** `MAP_PRIVATE` */
export const MAP_PRIVATE = 2;
/** `MAP_FIXED` */
export const MAP_FIXED = 16;
/** `MAP_ANONYMOUS` */
export const MAP_ANONYMOUS = 32;
/** `MAP_POPULATE` */
export const MAP_POPULATE = 0x8000;
/** `MAP_FIXED_NOREPLACE` */
export const MAP_FIXED_NOREPLACE = 0x100000;
/** `MS_ASYNC` */
export const MS_ASYNC = 1;
/** `MS_INVALIDATE` */
export const MS_INVALIDATE = 2;
/** `MS_SYNC` */
export const MS_SYNC = 4;
/** `MFD_CLOEXEC` */
export const MFD_CLOEXEC = 1;
/** `MFD_ALLOW_SEALING` */
export const MFD_ALLOW_SEALING = 2;
/** `MFD_HUGETLB` */
export const MFD_HUGETLB = 4;

// `<time.h>`, `<signal.h>`

/** `CLOCK_REALTIME` */
export const CLOCK_REALTIME = 0;
/** `CLOCK_MONOTONIC` */
export const CLOCK_MONOTONIC = 1;
/** `TIMER_ABSTIME` */
export const TIMER_ABSTIME = 1;
/** `SA_SIGINFO` */
export const SA_SIGINFO = 4;
/** `SA_RESTART` */
export const SA_RESTART = 0x10000000;

// `<linux/futex.h>`

/** `FUTEX_WAIT` */
export const FUTEX_WAIT = 0;
/** `FUTEX_WAKE` */
export const FUTEX_WAKE = 1;
/** `FUTEX_PRIVATE_FLAG` */
export const FUTEX_PRIVATE_FLAG = 128;

// `<unistd.h>`

/** `_SC_PAGESIZE` */
export const SC_PAGESIZE = 30;
/** `_SC_CLK_TCK` */
export const SC_CLK_TCK = 2;

/** `SEMVMX`: the greatest value of a System V semaphore */
export const SEMVMX = 32767;
/** `SEM_VALUE_MAX`: the greatest value of a POSIX semaphore */
export const SEM_VALUE_MAX = 0x7fff_ffff;
/** `SIGEV_THREAD_ID` of `<signal.h>` */
export const SIGEV_THREAD_ID = 4;

/** `MADV_*` of `<sys/mman.h>` by their names in lower case. */
export const ADVICE = {
  normal: 0,
  random: 1,
  sequential: 2,
  willneed: 3,
  dontneed: 4,
  free: 8,
  remove: 9,
  mergeable: 12,
  unmergeable: 13,
  hugepage: 14,
  nohugepage: 15,
  dontdump: 16,
  dodump: 17,
  cold: 20,
  pageout: 21,
  populate_read: 22,
  populate_write: 23,
} as const;

// System call numbers, for what glibc has no function for

/** `SYS_close_range` */
export const SYS_close_range = 436n;
/** `SYS_futex` */
export const SYS_futex = X86 ? 202n : 98n;
/** `SYS_futex_waitv` */
export const SYS_futex_waitv = 449n;
/** `SYS_pidfd_getfd` */
export const SYS_pidfd_getfd = 438n;
/** `SYS_pidfd_open` */
export const SYS_pidfd_open = 434n;
/** `SYS_pidfd_send_signal` */
export const SYS_pidfd_send_signal = 424n;

// `<sys/epoll.h>`, `<poll.h>`, `<sys/eventfd.h>`

/** `POLLIN` */
export const POLLIN = 0x1;
/** `POLLOUT` */
export const POLLOUT = 0x4;
/** `POLLERR` */
export const POLLERR = 0x8;
/** `POLLHUP` */
export const POLLHUP = 0x10;
/** `POLLNVAL` */
export const POLLNVAL = 0x20;
/** `POLLRDHUP` */
export const POLLRDHUP = 0x2000;

/** `EPOLL_CTL_ADD` */
export const EPOLL_CTL_ADD = 1;
/** `EPOLL_CTL_DEL` */
export const EPOLL_CTL_DEL = 2;
/** `EPOLL_CTL_MOD` */
export const EPOLL_CTL_MOD = 3;
/** `EPOLLIN` */
export const EPOLLIN = 0x1;
/** `EPOLLOUT` */
export const EPOLLOUT = 0x4;
/** `EPOLLERR` */
export const EPOLLERR = 0x8;
/** `EPOLLHUP` */
export const EPOLLHUP = 0x10;
/** `EPOLLRDHUP` */
export const EPOLLRDHUP = 0x2000;
/** `EPOLLONESHOT` */
export const EPOLLONESHOT = 0x4000_0000;
/** `EPOLL_CLOEXEC` */
export const EPOLL_CLOEXEC = 0o2000000;
/** `EFD_CLOEXEC` */
export const EFD_CLOEXEC = 0o2000000;
/** `EFD_NONBLOCK` */
export const EFD_NONBLOCK = 0o4000;
/** Bytes of `struct epoll_event`, which x86_64 packs */
export const EPOLL_EVENT_SIZE = X86 ? 12 : 16;
/** Offset of `data` in `struct epoll_event` */
export const EPOLL_EVENT_DATA = X86 ? 4 : 8;

// `<signal.h>`, `<sys/signalfd.h>`, `<sys/wait.h>`, `<spawn.h>`, `<sys/file.h>`

/** `SI_USER` */
export const SI_USER = 0;
/** `SI_KERNEL` */
export const SI_KERNEL = 128;
/** `SI_QUEUE` */
export const SI_QUEUE = -1;
/** `SI_TIMER` */
export const SI_TIMER = -2;
/** `SI_MESGQ` */
export const SI_MESGQ = -3;
/** `SI_ASYNCIO` */
export const SI_ASYNCIO = -4;
/** `SI_TKILL` */
export const SI_TKILL = -6;
/** `SFD_CLOEXEC` */
export const SFD_CLOEXEC = 0o2000000;
/** `SFD_NONBLOCK` */
export const SFD_NONBLOCK = 0o4000;
/** `EFD_SEMAPHORE` */
export const EFD_SEMAPHORE = 1;
/** `P_PID` */
export const P_PID = 1;
/** `P_PIDFD` */
export const P_PIDFD = 3;
/** `WNOHANG` */
export const WNOHANG = 1;
/** `WEXITED` */
export const WEXITED = 4;
/** `CLD_EXITED` */
export const CLD_EXITED = 1;
/** `CLD_DUMPED` */
export const CLD_DUMPED = 3;
/** `POSIX_SPAWN_SETPGROUP` */
export const POSIX_SPAWN_SETPGROUP = 2;
/** `POSIX_SPAWN_SETSIGDEF` */
export const POSIX_SPAWN_SETSIGDEF = 4;
/** `POSIX_SPAWN_SETSIGMASK` */
export const POSIX_SPAWN_SETSIGMASK = 8;
/** `POSIX_SPAWN_SETSID` */
export const POSIX_SPAWN_SETSID = 128;
/** `LOCK_SH` */
export const LOCK_SH = 1;
/** `LOCK_EX` */
export const LOCK_EX = 2;
/** `LOCK_NB` */
export const LOCK_NB = 4;
/** `LOCK_UN` */
export const LOCK_UN = 8;
/** `F_OFD_SETLKW` */
export const F_OFD_SETLKW = 38;

// `<sys/ioctl.h>`

/** `FIONREAD` */
export const FIONREAD = 0x541b;

// `<sys/socket.h>`, `<netinet/in.h>`, `<netinet/tcp.h>`

/** `AF_UNSPEC` */
export const AF_UNSPEC = 0;
/** `AF_UNIX` */
export const AF_UNIX = 1;
/** `AF_INET` */
export const AF_INET = 2;
/** `AF_INET6` */
export const AF_INET6 = 10;
/** `SOCK_STREAM` */
export const SOCK_STREAM = 1;
/** `SOCK_DGRAM` */
export const SOCK_DGRAM = 2;
/** `SOCK_SEQPACKET` */
export const SOCK_SEQPACKET = 5;
/** `SOCK_CLOEXEC` */
export const SOCK_CLOEXEC = 0o2000000;
/** `SOCK_NONBLOCK` */
export const SOCK_NONBLOCK = 0o4000;
/** `SOL_SOCKET` */
export const SOL_SOCKET = 1;
/** `SO_REUSEADDR` */
export const SO_REUSEADDR = 2;
/** `SO_TYPE` */
export const SO_TYPE = 3;
/** `SO_ERROR` */
export const SO_ERROR = 4;
/** `SO_BROADCAST` */
export const SO_BROADCAST = 6;
/** `SO_SNDBUF` */
export const SO_SNDBUF = 7;
/** `SO_RCVBUF` */
export const SO_RCVBUF = 8;
/** `SO_KEEPALIVE` */
export const SO_KEEPALIVE = 9;
/** `SO_LINGER` */
export const SO_LINGER = 13;
/** `SO_REUSEPORT` */
export const SO_REUSEPORT = 15;
/** `SO_PASSCRED` */
export const SO_PASSCRED = 16;
/** `SO_PEERCRED` */
export const SO_PEERCRED = 17;
/** `SO_RCVTIMEO` */
export const SO_RCVTIMEO = 20;
/** `SO_SNDTIMEO` */
export const SO_SNDTIMEO = 21;
/** `SO_ATTACH_FILTER` */
export const SO_ATTACH_FILTER = 26;
/** `SO_ACCEPTCONN` */
export const SO_ACCEPTCONN = 30;
/** `SO_DOMAIN` */
export const SO_DOMAIN = 39;
/** `SO_PEEK_OFF` */
export const SO_PEEK_OFF = 42;
/** `SO_ATTACH_REUSEPORT_CBPF` */
export const SO_ATTACH_REUSEPORT_CBPF = 51;
/** `SO_RCVTIMEO_NEW` */
export const SO_RCVTIMEO_NEW = 66;
/** `SO_SNDTIMEO_NEW` */
export const SO_SNDTIMEO_NEW = 67;
/** `SCM_RIGHTS` */
export const SCM_RIGHTS = 1;
/** `SCM_CREDENTIALS` */
export const SCM_CREDENTIALS = 2;
/** `MSG_PEEK` */
export const MSG_PEEK = 0x2;
/** `MSG_CTRUNC` */
export const MSG_CTRUNC = 0x8;
/** `MSG_TRUNC` */
export const MSG_TRUNC = 0x20;
/** `MSG_DONTWAIT` */
export const MSG_DONTWAIT = 0x40;
/** `MSG_NOSIGNAL` */
export const MSG_NOSIGNAL = 0x4000;
/** `MSG_CMSG_CLOEXEC` */
export const MSG_CMSG_CLOEXEC = 0x4000_0000;
/** `SHUT_RD` */
export const SHUT_RD = 0;
/** `SHUT_WR` */
export const SHUT_WR = 1;
/** `SHUT_RDWR` */
export const SHUT_RDWR = 2;
/** `IPPROTO_IP` */
export const IPPROTO_IP = 0;
/** `IPPROTO_TCP` */
export const IPPROTO_TCP = 6;
/** `IPPROTO_IPV6` */
export const IPPROTO_IPV6 = 41;
/** `TCP_NODELAY` */
export const TCP_NODELAY = 1;
/** `IPV6_V6ONLY` */
export const IPV6_V6ONLY = 26;
