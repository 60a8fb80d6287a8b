/** All drivers. */

import { drivers as memory } from "./memory_drivers.ts";
import { drivers as posix } from "./posix_drivers.ts";
import { drivers as process } from "./process_drivers.ts";
import type { Drivers } from "./rows.ts";
import { drivers as socket } from "./socket_drivers.ts";
import { drivers as stream } from "./stream_drivers.ts";
import { drivers as sync } from "./sync_drivers.ts";
import { drivers as sysv } from "./sysv_drivers.ts";

/** The drivers of all rows. */
export const drivers: Drivers = {
  ...sysv,
  ...posix,
  ...memory,
  ...process,
  ...socket,
  ...stream,
  ...sync,
};
