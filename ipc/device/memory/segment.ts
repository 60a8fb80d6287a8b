/**
 * Where the memory of a device lives: one interface over the transports.
 *
 * @module
 */

import { ignoreGone, isGone } from "../../../ffi/errno.ts";
import type { Key } from "../../core/convert/key.ts";
import type { FileStat } from "../../core/file/file.ts";
import type { Fd } from "../../core/handle/fd.ts";
import type { Mapping } from "../../core/memory/mapping.ts";
import { makerLives } from "../../core/process/identity.ts";
import { type Mapper, mappersOf } from "../../core/process/mappers.ts";
import { Memfd } from "../../memory/memfd.ts";
import { PosixSharedMemory } from "../../posix/shared_memory.ts";
import { SysvSharedMemory } from "../../sysv/shared_memory.ts";
import { memoryName } from "../address.ts";
import type { DeviceObject } from "../object.ts";
import type { Transport } from "../types.ts";

/** The memory of a device, mapped. */
export interface Segment extends Disposable {
  /** Where it lives. */
  readonly transport: Transport;
  /** The mapping: writable for who made it, else read-only. */
  readonly mapping: Mapping;
  /** What the kernel says of it. */
  describe(): DeviceObject;
  /** How many mappings there are; undefined where the kernel does not count. */
  attachCount(): number | undefined;
  /** The processes that have it mapped, of those that may be seen. */
  mappers(): Mapper[];
  /** Whether it was removed, so that nobody else can find it any more. */
  readonly removed: boolean;
  /** The process that made it; undefined when the kernel does not say. */
  readonly creator: { pid: number; lives: boolean | undefined } | undefined;
  /** The descriptor of a memfd. */
  readonly fd: number | undefined;
  /** Removes it; that somebody else has done it is no error. */
  remove(): void;
  /** Unmaps it. It stays. */
  [Symbol.dispose](): void;
}

/** System V shared memory, which C programs find by its key. */
class SysvSegment implements Segment {
  readonly transport = "sysv";
  readonly fd = undefined;
  readonly mapping: Mapping;
  readonly #memory: SysvSharedMemory;

  constructor(memory: SysvSharedMemory, readOnly: boolean) {
    this.#memory = memory;
    this.mapping = memory.attach({ readOnly });
  }

  describe(): DeviceObject {
    const { id, size, uid, mode } = this.#memory.stat();
    return {
      kind: "memory",
      transport: "sysv",
      id,
      name: undefined,
      size,
      uid,
      mode,
    };
  }

  attachCount(): number {
    return this.#memory.stat().attachCount;
  }

  mappers(): Mapper[] {
    return mappersOf({
      inode: BigInt(this.#memory.id),
      path: "/SYSV",
      perNamespace: true,
    });
  }

  get removed(): boolean {
    try {
      return this.#memory.stat().removed;
    } catch (error) {
      if (isGone(error)) return true;
      throw error;
    }
  }

  get creator(): { pid: number; lives: boolean | undefined } {
    const { creatorPid, changeTime } = this.#memory.stat();
    return { pid: creatorPid, lives: makerLives(creatorPid, changeTime) };
  }

  remove(): void {
    ignoreGone(() => this.#memory.remove());
  }

  [Symbol.dispose](): void {
    this.mapping.close();
  }
}

/** What POSIX memory and a memfd have in common. */
interface FileMemory extends Disposable {
  readonly fd: Fd;
  map(options: { readOnly: boolean }): Mapping;
  stat(): FileStat;
}

/**
 * Memory behind a descriptor. The kernel does not count its mappings, nor does
 * it say who made it.
 */
abstract class FileSegment<M extends FileMemory> implements Segment {
  abstract readonly transport: Transport;
  readonly creator = undefined;
  readonly mapping: Mapping;
  protected readonly memory: M;
  readonly #name: string;
  readonly #path: string;

  constructor(memory: M, readOnly: boolean, names: [string, string]) {
    this.memory = memory;
    [this.#name, this.#path] = names;
    this.mapping = memory.map({ readOnly });
  }

  describe(): DeviceObject {
    return describeFile(this.memory, this.transport, this.#name);
  }

  attachCount(): undefined {
    return undefined;
  }

  mappers(): Mapper[] {
    return mappersOf({
      inode: BigInt(this.memory.stat().inode),
      path: this.#path,
      perNamespace: false,
    });
  }

  abstract readonly fd: number | undefined;

  abstract readonly removed: boolean;

  abstract remove(): void;

  [Symbol.dispose](): void {
    this.mapping.close();
    this.memory[Symbol.dispose]();
  }
}

/** POSIX shared memory, with a name that is made of the key. */
class PosixSegment extends FileSegment<PosixSharedMemory> {
  readonly transport = "posix";
  readonly fd = undefined;

  constructor(memory: PosixSharedMemory, readOnly: boolean) {
    super(memory, readOnly, [memory.name, `/dev/shm${memory.name}`]);
  }

  get removed(): boolean {
    return this.memory.stat().links === 0;
  }

  remove(): void {
    // Without a name of its own, the name is somebody else's by now.
    if (!this.removed) ignoreGone(() => this.memory.unlink());
  }
}

/** A sealed memfd, which goes when its device does. */
class MemfdSegment extends FileSegment<Memfd> {
  readonly transport = "memfd";
  readonly removed = false;

  constructor(memory: Memfd, readOnly: boolean) {
    super(memory, readOnly, [memory.name, `/memfd:${memory.name}`]);
  }

  get fd(): number {
    return this.memory.fd.number;
  }

  remove(): void {
    // It has no name to be removed.
  }
}

/**
 * Makes the memory of a device.
 *
 * @throws {IpcError} `EEXIST` when there is one.
 */
export function createSegment(
  transport: Transport,
  options: { key: Key; size: number; mode: number },
): Segment {
  const { key, size, mode } = options;
  const name = memoryName(key);
  switch (transport) {
    case "sysv":
      return mapped(
        SysvSharedMemory.create(key, size, { mode }),
        (memory) => new SysvSegment(memory, false),
      );
    case "posix":
      return mapped(
        PosixSharedMemory.create(name, { size, mode, ignoreUmask: true }),
        (memory) => new PosixSegment(memory, false),
      );
    case "memfd":
      return mapped(
        Memfd.create(name.slice(1), { size }),
        (memory) => new MemfdSegment(memory, false),
      );
  }
}

/** Where to find memory. */
export interface FindSegmentOptions {
  /** The key of the device. */
  key: Key;
  /** The process that has the memfd, which must be alive. */
  pid?: number | undefined;
  /** The number of its descriptor there. */
  fd?: number | undefined;
}

/**
 * The memory that is there, read-only; undefined when there is none.
 *
 * A memfd must be sealed: nobody can then end this process by making it
 * shorter.
 */
export function findSegment(
  transport: Transport,
  options: FindSegmentOptions,
): Segment | undefined {
  const { key, pid = 0, fd } = options;
  try {
    switch (transport) {
      case "sysv":
        return new SysvSegment(SysvSharedMemory.open(key), true);
      case "posix": {
        const memory = openPosix(key);
        if (memory.size > 0) {
          return mapped(memory, (memory) => new PosixSegment(memory, true));
        }
        memory[Symbol.dispose]();
        return undefined;
      }
      case "memfd":
        if (pid <= 0 || fd === undefined) return undefined;
        return mapped(
          Memfd.open({ pid, fd }, { readOnly: true, requireSeals: ["shrink"] }),
          (memory) => new MemfdSegment(memory, true),
        );
    }
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** POSIX memory that has no byte yet. */
export interface EmptyMemory extends Disposable {
  /** What the kernel says of it. */
  describe(): DeviceObject;
  /** Whether it has lost its name. */
  readonly removed: boolean;
  /** Removes it; that somebody else has done it is no error. */
  remove(): void;
}

/**
 * POSIX memory of a device that is making it just now, or was killed when it
 * did, and that nobody can map; undefined when there is none.
 */
export function findEmpty(key: Key): EmptyMemory | undefined {
  let memory: PosixSharedMemory;
  try {
    memory = openPosix(key);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
  if (memory.size > 0) {
    memory[Symbol.dispose]();
    return undefined;
  }
  return {
    describe: () => describeFile(memory, "posix", memory.name),
    get removed() {
      return memory.stat().links === 0;
    },
    remove() {
      // Without a name of its own, the name is somebody else's by now.
      if (!this.removed) ignoreGone(() => memory.unlink());
    },
    [Symbol.dispose]: () => memory[Symbol.dispose](),
  };
}

function openPosix(key: Key): PosixSharedMemory {
  return PosixSharedMemory.open(memoryName(key), { readOnly: true });
}

function describeFile(
  memory: FileMemory,
  transport: Transport,
  name: string,
): DeviceObject {
  const { size, uid, mode } = memory.stat();
  return { kind: "memory", transport, id: undefined, name, size, uid, mode };
}

/** Gives the memory up again, and removes it if it is new, when that fails. */
function mapped<M extends Disposable, S>(memory: M, map: (memory: M) => S): S {
  try {
    return map(memory);
  } catch (error) {
    memory[Symbol.dispose]();
    throw error;
  }
}
