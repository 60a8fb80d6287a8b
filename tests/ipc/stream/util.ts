/** What the tests of streams share. */

import { sys_mman } from "../../../ffi/libc/sys_mman.ts";
import { INTERNAL } from "../../../ffi/core/_internal.ts";
import { check0, checkPtr } from "../../../ffi/core/errno.ts";
import { Mapping } from "../../../ffi/core/mapping.ts";

const decoder = new TextDecoder();

/** The text of some bytes; undefined for none. */
export function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes && decoder.decode(bytes);
}

/** What each open descriptor of this process is, the directory itself apart. */
export function openFds(): string[] {
  const found: string[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/fd")) {
    try {
      found.push(`${name} ${Deno.readLinkSync(`/proc/self/fd/${name}`)}`);
    } catch {
      // The one that reads the directory.
    }
  }
  return found.sort();
}

/** `mmap(MAP_ANONYMOUS)`: memory that is not the heap's. */
export function mapAnonymous(size: number): Mapping {
  const pointer = checkPtr(
    sys_mman().mmap(null, BigInt(size), 3, 0x22, -1, 0n),
    "mmap",
    "map",
    "memory",
  );
  return new Mapping(INTERNAL, {
    pointer,
    size,
    readOnly: false,
    label: "memory",
    release: (address) =>
      check0(
        sys_mman().munmap(address, BigInt(size)),
        "munmap",
        "unmap",
        "memory",
      ),
  });
}
