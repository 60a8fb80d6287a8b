import { struct } from "@libc/ipc/struct";

/** The name of the shared memory. */
export const NAME = "/libc-ipc-thermometer";

/** What lies in it. */
export const Reading = struct({
  /** How many readings there have been. */
  count: "u32",
  /** 1 when there will be no more. */
  off: "u32",
  /** The newest one, in degrees. */
  degrees: "f64",
});
