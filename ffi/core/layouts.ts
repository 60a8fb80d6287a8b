/**
 * Structs of the kernel and the C library, under their C names. The tests
 * compare each size and offset with the answer of the C compiler.
 *
 * @module
 */

import { array, struct } from "./struct.ts";

const X86 = Deno.build.arch === "x86_64";

/** `struct timespec` of `<time.h>` */
export const timespec = struct({ tv_sec: "i64", tv_nsec: "i64" });

/** `struct ipc_perm` of `<sys/ipc.h>` */
export const ipc_perm = struct({
  __key: "i32",
  uid: "u32",
  gid: "u32",
  cuid: "u32",
  cgid: "u32",
  mode: "u32",
  __seq: "u16",
  reserved: array("u64", 2),
});

/** `struct shmid_ds` of `<sys/shm.h>` */
export const shmid_ds = struct({
  shm_perm: ipc_perm,
  shm_segsz: "u64",
  shm_atime: "i64",
  shm_dtime: "i64",
  shm_ctime: "i64",
  shm_cpid: "i32",
  shm_lpid: "i32",
  shm_nattch: "u64",
  reserved: array("u64", 2),
});

/** `struct shminfo` of `<sys/shm.h>`: `IPC_INFO` */
export const shminfo = struct({
  shmmax: "u64",
  shmmin: "u64",
  shmmni: "u64",
  shmseg: "u64",
  shmall: "u64",
  reserved: array("u64", 4),
});

/** `struct shm_info` of `<sys/shm.h>`: `SHM_INFO` */
export const shm_info = struct({
  used_ids: "i32",
  shm_tot: "u64",
  shm_rss: "u64",
  shm_swp: "u64",
  swap_attempts: "u64",
  swap_successes: "u64",
});

/** `struct semid_ds` of `<sys/sem.h>`; x86_64 has holes behind the times. */
export const semid_ds = X86
  ? struct({
    sem_perm: ipc_perm,
    sem_otime: "i64",
    reserved1: "u64",
    sem_ctime: "i64",
    reserved2: "u64",
    sem_nsems: "u64",
    reserved: array("u64", 2),
  })
  : struct({
    sem_perm: ipc_perm,
    sem_otime: "i64",
    sem_ctime: "i64",
    sem_nsems: "u64",
    reserved: array("u64", 2),
  });

/** `struct seminfo` of `<sys/sem.h>`: `IPC_INFO` and `SEM_INFO` */
export const seminfo = struct({
  semmap: "i32",
  semmni: "i32",
  semmns: "i32",
  semmnu: "i32",
  semmsl: "i32",
  semopm: "i32",
  semume: "i32",
  semusz: "i32",
  semvmx: "i32",
  semaem: "i32",
});

/** `struct msqid_ds` of `<sys/msg.h>` */
export const msqid_ds = struct({
  msg_perm: ipc_perm,
  msg_stime: "i64",
  msg_rtime: "i64",
  msg_ctime: "i64",
  __msg_cbytes: "u64",
  msg_qnum: "u64",
  msg_qbytes: "u64",
  msg_lspid: "i32",
  msg_lrpid: "i32",
  reserved: array("u64", 2),
});

/** `struct msginfo` of `<sys/msg.h>`: `IPC_INFO` and `MSG_INFO` */
export const msginfo = struct({
  msgpool: "i32",
  msgmap: "i32",
  msgmax: "i32",
  msgmnb: "i32",
  msgmni: "i32",
  msgssz: "i32",
  msgtql: "i32",
  msgseg: "u16",
});

const stat_times = {
  st_atim: timespec,
  st_mtim: timespec,
  st_ctim: timespec,
};

/** `struct stat` of `<sys/stat.h>` */
export const stat = X86
  ? struct({
    st_dev: "u64",
    st_ino: "u64",
    st_nlink: "u64",
    st_mode: "u32",
    st_uid: "u32",
    st_gid: "u32",
    st_rdev: "u64",
    st_size: "i64",
    st_blksize: "i64",
    st_blocks: "i64",
    ...stat_times,
    reserved: array("u64", 3),
  })
  : struct({
    st_dev: "u64",
    st_ino: "u64",
    st_mode: "u32",
    st_nlink: "u32",
    st_uid: "u32",
    st_gid: "u32",
    st_rdev: "u64",
    reserved1: "u64",
    st_size: "i64",
    st_blksize: "i32",
    st_blocks: "i64",
    ...stat_times,
    reserved: array("u32", 2),
  });

/** `struct sigevent` of `<signal.h>`, with its thread id */
export const sigevent = struct({
  sigev_value: "u64",
  sigev_signo: "i32",
  sigev_notify: "i32",
  sigev_notify_thread_id: "i32",
  reserved: array("u8", 44),
});

/** `struct itimerspec` of `<time.h>` */
export const itimerspec = struct({
  it_interval: timespec,
  it_value: timespec,
});

/** `struct sigaction` of `<signal.h>` */
export const sigaction = struct({
  sa_handler: "u64",
  sa_mask: array("u64", 16),
  sa_flags: "i32",
  sa_restorer: "u64",
});

/** `siginfo_t` of `<signal.h>`, with what `waitid` and `sigqueue` use of it */
export const siginfo_t = struct({
  si_signo: "i32",
  si_errno: "i32",
  si_code: "i32",
  reserved1: "i32",
  si_pid: "i32",
  si_uid: "u32",
  // A union: `waitid` puts `si_status` into its first half.
  si_value: "u64",
  reserved: array("u64", 12),
});

/** `struct signalfd_siginfo` of `<sys/signalfd.h>` */
export const signalfd_siginfo = struct({
  ssi_signo: "u32",
  ssi_errno: "i32",
  ssi_code: "i32",
  ssi_pid: "u32",
  ssi_uid: "u32",
  ssi_fd: "i32",
  ssi_tid: "u32",
  ssi_band: "u32",
  ssi_overrun: "u32",
  ssi_trapno: "u32",
  ssi_status: "i32",
  ssi_int: "i32",
  ssi_ptr: "u64",
  ssi_utime: "u64",
  ssi_stime: "u64",
  ssi_addr: "u64",
  ssi_addr_lsb: "u16",
  reserved: array("u8", 46),
});

/** `struct flock` of `<fcntl.h>` */
export const flock = struct({
  l_type: "i16",
  l_whence: "i16",
  l_start: "i64",
  l_len: "i64",
  l_pid: "i32",
});

/** `struct mq_attr` of `<mqueue.h>` */
export const mq_attr = struct({
  mq_flags: "i64",
  mq_maxmsg: "i64",
  mq_msgsize: "i64",
  mq_curmsgs: "i64",
  reserved: array("i64", 4),
});

/** `sem_t` of `<semaphore.h>`, as glibc uses it since 2.21 */
export const sem_t = struct({
  // The value below, the number of waiting threads above.
  reserved_value: "u64",
  reserved_private: "i32",
  reserved: array("u32", 5),
});
