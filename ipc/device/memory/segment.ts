/**
 * The memory of a device: one interface over the transports.
 *
 * @module
 */

import { ignoreGone, isGone } from "../../../ffi/errno.ts";
import type { Key } from "../../core/convert/key.ts";
import type { FileStat } from "../../core/file/file.ts";
import type { Fd } from "../../core/handle/fd.ts";
import type { Mapping } from "../../core/memory/mapping.ts";
import { makerLives } from "../identity.ts";
import { type Mapper, mappersOf } from "../mappers.ts";
import { Memfd } from "../../memory/memfd.ts";
import { PosixSharedMemory } from "../../posix/shared_memory.ts";
import { SysvSharedMemory } from "../../sysv/shared_memory.ts";
import { memoryName } from "../address.ts";
import type { DeviceObject } from "../object.ts";
import type { Transport } from "../types.ts";

/** The memory of a device, mapped. */
export interface Segment extends Disposable {
  /** The kind of memory. */
  readonly transport: Transport;
  /** The mapping: writable for the creator, otherwise read-only. */
  readonly mapping: Mapping;
  /** Describes the kernel object. */
  describe(): DeviceObject;
  /** The number of mappings; undefined where the kernel does not count them. */
  attachCount(): number | undefined;
  /** The visible processes that have it mapped. */
  mappers(): Mapper[];
  /** Whether it was removed, so that no other process can find it. */
  readonly removed: boolean;
  /** The process that made it; undefined when the kernel does not record it. */
  readonly creator: { pid: number; lives: boolean | undefined } | undefined;
  /** The descriptor of a memfd. */
  readonly fd: number | undefined;
  /** Removes it; it is no error if it is already removed. */
  remove(): void;
  /** Unmaps it, without removing it. */
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

/** The common interface of POSIX memory and a memfd. */
interface FileMemory extends Disposable {
  readonly fd: Fd;
  map(options: { readOnly: boolean }): Mapping;
  stat(): FileStat;
}

/**
 * Memory behind a descriptor. The kernel does not count its mappings or record
 * its creator.
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

/** POSIX shared memory, whose name is made from the key. */
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
    // Once unlinked, the name may belong to another object.
    if (!this.removed) ignoreGone(() => this.memory.unlink());
  }
}

/** A sealed memfd, which vanishes with its device. */
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
    // A memfd has no name to remove.
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
  /** The living process that has the memfd. */
  pid?: number | undefined;
  /** The descriptor's number in that process. */
  fd?: number | undefined;
}

/**
 * Opens existing memory read-only; undefined when there is none.
 *
 * A memfd must be sealed, so that nobody can kill this process by making it
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

/** POSIX memory of size 0. */
export interface EmptyMemory extends Disposable {
  /** Describes the kernel object. */
  describe(): DeviceObject;
  /** Whether it was unlinked. */
  readonly removed: boolean;
  /** Removes it; it is no error if it is already removed. */
  remove(): void;
}

/**
 * Finds POSIX memory of size 0, of a device that is just creating it or was
 * killed then; undefined when there is none.
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
      // Once unlinked, the name may belong to another object.
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

/** Maps memory; if that fails, closes it, and removes it if it is new. */
function mapped<M extends Disposable, S>(memory: M, map: (memory: M) => S): S {
  try {
    return map(memory);
  } catch (error) {
    memory[Symbol.dispose]();
    throw error;
  }
}
