/** All drivers. */

import { drivers as sysv } from "./sysv_drivers.ts";
import type { Drivers } from "./rows.ts";

/** The drivers of all rows. */
export const drivers: Drivers = { ...sysv };
