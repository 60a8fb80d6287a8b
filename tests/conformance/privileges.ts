/**
 * Becomes another user, lowers limits, enters a private namespace: in a child
 * process, by direct calls, so that nothing has to be installed and the sources
 * need not be readable by other users.
 */

const libc = Deno.dlopen("libc.so.6", {
  setgroups: { parameters: ["usize", "pointer"], result: "i32" },
  setresgid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  setresuid: { parameters: ["u32", "u32", "u32"], result: "i32" },
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  unshare: { parameters: ["i32"], result: "i32" },
  mount: {
    parameters: ["buffer", "buffer", "buffer", "u64", "buffer"],
    result: "i32",
  },
}).symbols;

/** The user and group `nobody`. */
export const NOBODY = 65534;

const CLONE_NEWNS = 0x0002_0000;
const CLONE_NEWIPC = 0x0800_0000;
const MS_REC_PRIVATE = 0x4_4000n;
/** `MS_REMOUNT | MS_BIND | MS_RDONLY` */
const MS_REMOUNT_READ_ONLY = 0x1021n;

/** Limits by their numbers. */
export const RLIMIT = {
  FSIZE: 1,
  NOFILE: 7,
  MEMLOCK: 8,
  AS: 9,
  MSGQUEUE: 12,
} as const;

function succeed(result: number, call: string): void {
  if (result !== 0) throw new Error(`${call} failed`);
}

/** Becomes `nobody`, reversibly. */
export function becomeNobody(): void {
  succeed(libc.setgroups(0n, null), "setgroups");
  succeed(libc.setresgid(NOBODY, NOBODY, 0), "setresgid");
  succeed(libc.setresuid(NOBODY, NOBODY, 0), "setresuid");
}

/** Becomes root again. */
export function becomeRoot(): void {
  succeed(libc.setresuid(0, 0, 0), "setresuid");
  succeed(libc.setresgid(0, 0, 0), "setresgid");
}

/** Sets a soft limit; the result restores it. */
export function limit(resource: number, soft: number): () => void {
  const before = new BigUint64Array(2);
  succeed(libc.getrlimit(resource, before), "getrlimit");
  const [, hard = 0n] = before;
  const limits = new BigUint64Array([BigInt(soft), hard]);
  succeed(libc.setrlimit(resource, limits), "setrlimit");
  return () => succeed(libc.setrlimit(resource, before), "setrlimit");
}

/** Enters an IPC namespace of its own, with this thread only. */
export function unshareIpc(): void {
  succeed(libc.unshare(CLONE_NEWIPC), "unshare");
}

function text(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${text}\0`);
}

/** Gives this thread mounts of its own. */
function unshareMounts(): void {
  succeed(libc.unshare(CLONE_NEWNS), "unshare");
  succeed(
    libc.mount(text("tmpfs"), text("/"), null, MS_REC_PRIVATE, null),
    "mount",
  );
}

function mountTmpfs(at: string, options: string): void {
  const tmpfs = text("tmpfs");
  succeed(libc.mount(tmpfs, text(at), tmpfs, 0n, text(options)), "mount");
}

/** Gives this thread a `/dev/shm` of its own, mounted with these options. */
export function mountShm(options: string): void {
  unshareMounts();
  mountTmpfs("/dev/shm", options);
}

/** Hides `/dev/shm` from this thread, with all of `/dev`. */
export function hideShm(): void {
  unshareMounts();
  mountTmpfs("/dev", "size=1m");
}

/**
 * Keeps this thread from leaving files behind: `/dev/shm` and `/tmp` become
 * private, `/tmp` its working directory, and the rest read-only.
 */
export function keepFiles(): void {
  unshareMounts();
  mountTmpfs("/dev/shm", "size=64m");
  mountTmpfs("/tmp", "size=64m");
  succeed(
    libc.mount(null, text("/"), null, MS_REMOUNT_READ_ONLY, null),
    "mount",
  );
  Deno.chdir("/tmp");
}

/** Writes a limit of the IPC namespace, such as `kernel/shmmni`. */
export function sysctl(name: string, value: string): void {
  Deno.writeTextFileSync(`/proc/sys/${name}`, value);
}

/**
 * Address space that Deno may still take for its threads and heap under a
 * limit.
 */
export const SLACK: number = 2 ** 29;

/** Bytes of address space that this process has. */
export function addressSpace(): number {
  const [pages = "0"] = Deno.readTextFileSync("/proc/self/statm").split(" ");
  return Number(pages) * 4096;
}

/** Whether this process may become another user and unshare. */
export function isPrivileged(): boolean {
  const line = /^CapEff:\s*(\w+)$/m.exec(
    Deno.readTextFileSync("/proc/self/status"),
  );
  const effective = BigInt(`0x${line?.[1] ?? "0"}`);
  // CAP_SETUID and CAP_SYS_ADMIN
  return (effective >> 7n & 1n) === 1n && (effective >> 21n & 1n) === 1n;
}
