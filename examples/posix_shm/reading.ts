import { struct } from "@libc/ipc/struct";
import { ftok } from "@libc/ipc/sysv-key";

/** The name of the shared memory: each working directory has its own. */
export const NAME = `/libc-ipc-thermometer-${ftok(".", "t").toString(16)}`;

/** The content of the memory. */
export const Reading = struct({
  /** The number of readings so far. */
  count: "u32",
  /** 1 when the thermometer is off. */
  off: "u32",
  /** The newest reading, in degrees. */
  degrees: "f64",
});
