/** Drivers of the rows about POSIX shared memory, `mmap` and memfds. */

import { mapAnonymous, mapFile, Memfd, PosixSharedMemory } from "@libc/ipc";
import { pipe } from "@libc/ipc/pipe";
import { IpcError } from "@libc/ipc/errno";
import { uniqueName } from "../util.ts";
import {
  addressSpace,
  becomeNobody,
  becomeRoot,
  limit,
  RLIMIT,
  SLACK,
} from "./privileges.ts";
import type { Defer, Driven, Drivers } from "./rows.ts";
import { before, inSmallShm, stranger } from "./situations.ts";

const PAGE = 4096;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

const name = () => `/${uniqueName()}`;
const beyond = before("what is not within the object");
const UNMAPPED_ONCE = { why: "a Mapping unmaps its own range, once" };
const ON_DESCRIPTORS = {
  why: "resize() belongs to shared memory and memfds, never to a socket",
};

function memory(
  defer: Defer,
  options: { size?: number; mode?: number } = {},
): PosixSharedMemory {
  const made = PosixSharedMemory.create(name(), {
    size: PAGE,
    ignoreUmask: true,
    ...options,
  });
  defer(() => made[Symbol.dispose]());
  return made;
}

/** Shared memory that is opened for reading only. */
function readOnly(defer: Defer): PosixSharedMemory {
  const opened = PosixSharedMemory.open(memory(defer).name, { readOnly: true });
  defer(() => opened.close());
  return opened;
}

function memfd(
  defer: Defer,
  options: Partial<Parameters<typeof Memfd.create>[1]> = {},
): Memfd {
  const made = Memfd.create("libc-ipc-test", { size: 2 * PAGE, ...options });
  defer(() => made.close());
  return made;
}

/** A row of a name that is refused. */
function badName(use: (name: string) => unknown, wrong: string): Driven {
  return { run: () => use(wrong), instead: before("such a name", "TypeError") };
}

/** The drivers of shared memory. */
const shared: Drivers = {
  "shm_open: object missing and O_CREAT absent": {
    run: () => PosixSharedMemory.open(name()),
  },
  "shm_open: existing object, access denied by mode": stranger(
    (defer) => memory(defer),
    (made) => PosixSharedMemory.open(made.name),
  ),
  // Opening never truncates, but writing is refused too.
  "shm_open: O_TRUNC with no write permission": stranger(
    (defer) => memory(defer, { mode: 0o444 }),
    (made) => PosixSharedMemory.open(made.name),
  ),
  "shm_open: name with an inner slash": badName(
    (name) => PosixSharedMemory.open(name),
    "/a/b",
  ),
  "shm_open: empty name": badName((name) => PosixSharedMemory.open(name), ""),
  "shm_open: name is dot-dot": badName(
    (name) => PosixSharedMemory.create(name, { size: 1 }),
    "/..",
  ),
  "shm_open: symlink planted, O_CREAT|O_EXCL": {
    run(defer) {
      const planted = name();
      Deno.symlinkSync("/nonexistent", `/dev/shm${planted}`);
      defer(() => Deno.removeSync(`/dev/shm${planted}`));
      PosixSharedMemory.create(planted, { size: 1 });
    },
  },
  "shm_open: no inodes left on /dev/shm": inSmallShm(
    "nr_inodes=2",
    (defer) => {
      memory(defer);
      memory(defer);
    },
  ),
  "shm_open: O_WRONLY is not supported by POSIX but Linux passes it through: mapping then fails":
    { why: "an object is opened for reading, or for both" },
  "shm_unlink: name missing": { run: () => PosixSharedMemory.unlink(name()) },
  "shm_unlink: component longer than NAME_MAX": badName(
    (name) => PosixSharedMemory.unlink(name),
    `/${"x".repeat(256)}`,
  ),
  "shm_unlink: name with an inner slash": badName(
    (name) => PosixSharedMemory.unlink(name),
    "/a/b",
  ),
  "shm_unlink: name far beyond NAME_MAX (5000 characters)": badName(
    (name) => PosixSharedMemory.unlink(name),
    `/${"x".repeat(5000)}`,
  ),
  "ftruncate: descriptor is a socket": ON_DESCRIPTORS,
  "ftruncate: descriptor open read-only": {
    run: (defer) => readOnly(defer).resize(0),
  },
  "ftruncate: negative length": {
    run: (defer) => memory(defer).resize(-1),
    instead: before("a negative size"),
  },
  "ftruncate: length above the file-system maximum": {
    child: "common",
    run(defer) {
      const made = memory(defer);
      defer(limit(RLIMIT.FSIZE, 2 ** 40));
      made.resize(Number.MAX_SAFE_INTEGER, { reserve: false });
    },
  },
  "ftruncate: RLIMIT_FSIZE crossed with default SIGXFSZ": {
    child: "common",
    run(defer) {
      const made = memory(defer);
      // Far more than Deno writes into its caches, which the limit also
      // affects.
      const most = 2 ** 32;
      defer(limit(RLIMIT.FSIZE, most));
      made.resize(most + 1, { reserve: false });
    },
    instead: { expect: "EFBIG", because: "the limit is looked at before" },
  },
  "posix_fallocate: no space on /dev/shm (reserve instead of SIGBUS later)":
    inSmallShm("size=64k", (defer) => memory(defer, { size: 1 << 20 })),
};

/** The drivers of mappings. */
const mappings: Drivers = {
  "mmap: length zero": {
    run: (defer) => memory(defer).map({ length: 0 }),
    instead: before("a length of 0"),
  },
  "mmap: offset not page aligned": {
    why: "an offset is mapped from the page on that it is in",
  },
  "mmap: closed descriptor": {
    run(defer) {
      const made = memory(defer);
      made.close();
      made.map();
    },
    instead: before("a closed handle", "TypeError"),
  },
  "mmap: PROT_WRITE + MAP_SHARED on a read-only descriptor": {
    run: (defer) => readOnly(defer).map({ readOnly: false }),
  },
  "mmap: descriptor type cannot be mapped (pipe)": {
    run(defer) {
      const ends = pipe();
      defer(() => ends[Symbol.dispose]());
      mapFile(ends.reader.fd);
    },
  },
  "mmap: offset + length overflow": {
    run: (defer) =>
      memory(defer).map({ offset: 2 ** 53 - PAGE, length: 2 * PAGE }),
    instead: beyond,
  },
  "mmap: MAP_FIXED_NOREPLACE over an existing mapping": {
    why: "the kernel chooses where a file is mapped",
  },
  "mmap: MAP_SHARED_VALIDATE|MAP_SYNC on a non-DAX file": {
    why: "MAP_SYNC is not offered",
  },
  "mmap: address-space limit": {
    child: "common",
    run(defer) {
      defer(limit(RLIMIT.AS, addressSpace() + SLACK));
      const mapping = mapAnonymous(1 << 30);
      defer(() => mapping.close());
    },
  },
  "mmap (access): access past end of file in a mapping (peer truncated)": {
    child: "own",
    run(defer) {
      const made = memory(defer, { size: 2 * PAGE });
      const mapping = made.map();
      defer(() => mapping.close());
      Deno.truncateSync(`/dev/shm${made.name}`, PAGE);
      mapping.readInto(new Uint8Array(1), PAGE);
    },
    instead: {
      expect: "EFAULT",
      because: "readInto() copies by a system call, which survives this",
    },
  },
  "mmap (access): write to a read-only mapping": {
    child: "own",
    run(defer) {
      const mapping = memory(defer).map({ readOnly: true });
      defer(() => mapping.close());
      mapping.bytes[0] = 1;
    },
    instead: before("writing to read-only pages", "TypeError"),
  },
  "munmap: length zero": UNMAPPED_ONCE,
  "munmap: range outside the user address space": UNMAPPED_ONCE,
  "msync: MS_SYNC with MS_ASYNC": {
    why: "flush() waits or does not, never both",
  },
  "msync: address not page aligned": {
    why: "flush() starts at the page that its offset is in",
  },
  "mlock: beyond RLIMIT_MEMLOCK, unprivileged": {
    child: "common",
    run(defer) {
      const mapping = mapAnonymous(2 * PAGE);
      defer(() => mapping.close());
      defer(limit(RLIMIT.MEMLOCK, PAGE));
      becomeNobody();
      defer(becomeRoot);
      mapping.lock();
    },
  },
};

/** Makes an executable memfd in a process that may not have one. */
function refusedExecutable(): never {
  const code = `
    import { Memfd } from "@libc/ipc/memfd";
    Deno.writeTextFileSync("/proc/sys/vm/memfd_noexec", "2");
    try {
      Memfd.create("x", { size: 1, executable: true });
    } catch ({ message, errno, syscall }) {
      console.log(JSON.stringify({ message, errno, syscall }));
    }`;
  const { stdout, stderr } = new Deno.Command("unshare", {
    args: [
      "--pid",
      "--fork",
      Deno.execPath(),
      "run",
      "--quiet",
      "--no-lock",
      `--config=${CONFIG}`,
      "--allow-all",
      `data:application/typescript,${encodeURIComponent(code)}`,
    ],
  }).outputSync();
  const text = new TextDecoder();
  if (stdout.length === 0) throw new Error(text.decode(stderr));
  const { message, errno, syscall } = JSON.parse(text.decode(stdout));
  throw new IpcError(message, { errno, syscall });
}

/** The drivers of memfds. */
const memfds: Drivers = {
  "memfd_create: name longer than 249 bytes": {
    run: () => Memfd.create("x".repeat(250), { size: 1 }),
    instead: before("such a name", "TypeError"),
  },
  "memfd_create: huge-page size bits without MFD_HUGETLB": {
    why: "a size of huge pages implies MFD_HUGETLB",
  },
  "memfd_create: unsupported huge page size": {
    run: (defer) => memfd(defer, { size: 8192, hugePages: 8192 }),
  },
  "memfd_create: descriptor limit": {
    child: "common",
    run(defer) {
      defer(limit(RLIMIT.NOFILE, 0));
      return memfd(defer);
    },
  },
  "memfd_create: vm.memfd_noexec=2 and MFD_EXEC": {
    child: "common",
    run: refusedExecutable,
  },
  // Ours can be sealed until they have the seal "seal".
  "fcntl F_ADD_SEALS: memfd made without MFD_ALLOW_SEALING": {
    run: (defer) => memfd(defer, { seals: ["seal"] }).seal("grow"),
  },
  "fcntl F_ADD_SEALS: descriptor not open for writing": {
    run(defer) {
      const fd = memfd(defer).fd.number;
      const opened = Memfd.open({ pid: Deno.pid, fd }, { readOnly: true });
      defer(() => opened.close());
      opened.seal("write");
    },
  },
  "fcntl F_ADD_SEALS: unknown seal bits": {
    // @ts-expect-error no such seal
    run: (defer) => memfd(defer).seal("everything"),
    instead: before("an unknown seal", "TypeError"),
  },
  "fcntl F_ADD_SEALS: ordinary file system without seals": {
    why: "only memfds have a seal() method: fromFd() refuses other files",
  },
  "fcntl F_GET_SEALS: descriptor that does not support sealing": {
    run(defer) {
      const ends = pipe();
      defer(() => ends[Symbol.dispose]());
      Memfd.fromFd(ends.reader.fd);
    },
    instead: { expect: "ENODEV", because: "fstat shows first that it is none" },
  },
  "mmap (sealed memfd): PROT_WRITE|MAP_SHARED under F_SEAL_WRITE": {
    run: (defer) => memfd(defer, { seals: ["write"] }).map({ readOnly: false }),
  },
  "ftruncate (sealed memfd): shrink under F_SEAL_SHRINK": {
    run: (defer) => memfd(defer).resize(PAGE),
  },
  "fallocate (sealed memfd): punch hole under F_SEAL_WRITE": {
    why: "punching holes into a memfd is not offered",
  },
  "fchmod (sealed memfd): adding an execute bit under F_SEAL_EXEC": {
    run: (defer) => memfd(defer, { executable: false }).set({ mode: 0o777 }),
  },
};

/** The drivers of all these rows. */
export const drivers: Drivers = { ...shared, ...mappings, ...memfds };
