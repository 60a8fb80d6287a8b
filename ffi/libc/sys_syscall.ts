/**
 * `<sys/syscall.h>`: constants.
 *
 * @module
 */

import { X86 } from "./_arch.ts";

/** `SYS_close_range` */
export const SYS_close_range = 436n;
/** `SYS_futex` */
export const SYS_futex = X86 ? 202n : 98n;
/** `SYS_futex_waitv` */
export const SYS_futex_waitv = 449n;
/** `SYS_pidfd_getfd` */
export const SYS_pidfd_getfd = 438n;
/** `SYS_pidfd_open` */
export const SYS_pidfd_open = 434n;
/** `SYS_pidfd_send_signal` */
export const SYS_pidfd_send_signal = 424n;
