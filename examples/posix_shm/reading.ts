import { struct } from "@libc/ipc/struct";
import { ftok } from "@libc/ipc/sysv-key";

/** The name of the shared memory: each working directory has its own. */
export const NAME = `/libc-ipc-thermometer-${ftok(".", "t").toString(16)}`;

/** What lies in it. */
export const Reading = struct({
  /** How many readings there have been. */
  count: "u32",
  /** 1 when there will be no more. */
  off: "u32",
  /** The newest one, in degrees. */
  degrees: "f64",
});
