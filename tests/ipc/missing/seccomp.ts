/**
 * Forbids system calls to this process for good, as in old kernels and
 * sandboxes: by a kernel filter (seccomp) for all its threads.
 */

const X86 = Deno.build.arch === "x86_64";

/** Numbers of system calls on x86-64 and aarch64. */
const NUMBERS = {
  shmget: [29, 194],
  shmat: [30, 196],
  shmctl: [31, 195],
  socket: [41, 198],
  sendmsg: [46, 211],
  recvmsg: [47, 212],
  socketpair: [53, 199],
  semget: [64, 190],
  semop: [65, 193],
  semctl: [66, 191],
  msgget: [68, 186],
  msgsnd: [69, 189],
  msgrcv: [70, 188],
  msgctl: [71, 187],
  fcntl: [72, 25],
  flock: [73, 32],
  ftruncate: [77, 46],
  rt_sigqueueinfo: [129, 138],
  mlock: [149, 228],
  semtimedop: [220, 192],
  timer_create: [222, 107],
  mq_open: [240, 180],
  mq_unlink: [241, 181],
  mq_timedsend: [242, 182],
  mq_timedreceive: [243, 183],
  mq_getsetattr: [245, 185],
  mknodat: [259, 33],
  splice: [275, 76],
  fallocate: [285, 47],
  signalfd4: [289, 74],
  eventfd2: [290, 19],
  epoll_create1: [291, 20],
  pipe2: [293, 59],
  process_vm_readv: [310, 270],
  seccomp: [317, 277],
  memfd_create: [319, 279],
  pidfd_send_signal: [424, 424],
  pidfd_open: [434, 434],
  clone3: [435, 435],
  close_range: [436, 436],
  pidfd_getfd: [438, 438],
} as const;

/** A system call that {@linkcode forbid} knows. */
export type SystemCall = keyof typeof NUMBERS;

/** Which calls to refuse. */
export interface Refusal {
  /** The calls. */
  calls: readonly SystemCall[];
  /**
   * Refuses only calls whose argument at that index, of which the bits of the
   * mask count, is one of the values.
   */
  only?: { argument: number; mask: number; values: readonly number[] };
}

// What <linux/filter.h>, <linux/seccomp.h> and <linux/audit.h> call them.
const LOAD = 0x20;
const AND = 0x54;
const JUMP_EQUAL = 0x15;
const RETURN = 0x06;
const ALLOW = 0x7fff_0000;
const ERRNO = 0x0005_0000;
const AUDIT_ARCH = X86 ? 0xc000_003e : 0xc000_00b7;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1;

// Offsets in struct seccomp_data.
const NUMBER = 0;
const ARCH = 4;
const ARGUMENTS = 16;

type Instruction = readonly [
  code: number,
  value: number,
  ifTrue: number,
  ifFalse: number,
];

function programOf({ calls, only }: Refusal, errno: number): Instruction[] {
  const program: Instruction[] = [
    [LOAD, ARCH, 0, 0],
    [JUMP_EQUAL, AUDIT_ARCH, 1, 0],
    [RETURN, ALLOW, 0, 0],
    [LOAD, NUMBER, 0, 0],
  ];
  const numbers = calls.map((call) => NUMBERS[call][X86 ? 0 : 1]);
  numbers.forEach((number, index) =>
    program.push([JUMP_EQUAL, number, numbers.length - index, 0])
  );
  program.push([RETURN, ALLOW, 0, 0]);
  if (only !== undefined) {
    const { argument, mask, values } = only;
    program.push([LOAD, ARGUMENTS + 8 * argument, 0, 0], [AND, mask, 0, 0]);
    values.forEach((value, index) =>
      program.push([JUMP_EQUAL, value, values.length - index, 0])
    );
    program.push([RETURN, ALLOW, 0, 0]);
  }
  program.push([RETURN, ERRNO | errno, 0, 0]);
  return program;
}

/** Makes calls fail with an error number, in all threads, from now on. */
export function forbid(refusal: Refusal, errno: number): void {
  const program = programOf(refusal, errno);
  const filter = new DataView(new ArrayBuffer(8 * program.length));
  program.forEach(([code, value, ifTrue, ifFalse], index) => {
    filter.setUint16(8 * index, code, true);
    filter.setUint8(8 * index + 2, ifTrue);
    filter.setUint8(8 * index + 3, ifFalse);
    filter.setUint32(8 * index + 4, value, true);
  });
  // struct sock_fprog
  const description = new BigUint64Array([
    BigInt(program.length),
    Deno.UnsafePointer.value(Deno.UnsafePointer.of(filter)),
  ]);
  const { prctl, seccomp } = Deno.dlopen("libc.so.6", {
    prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
    seccomp: {
      name: "syscall",
      parameters: ["i64", "u32", "u32", "buffer"],
      result: "i64",
    },
  }).symbols;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n) !== 0) {
    throw new Error("prctl failed");
  }
  const result = seccomp(
    BigInt(NUMBERS.seccomp[X86 ? 0 : 1]),
    SECCOMP_SET_MODE_FILTER,
    SECCOMP_FILTER_FLAG_TSYNC,
    description,
  );
  if (result !== 0n) throw new Error(`seccomp failed with ${result}`);
}

/** Whether this kernel has seccomp filters. */
export function hasSeccomp(): boolean {
  return /^Seccomp:/m.test(Deno.readTextFileSync("/proc/self/status"));
}
