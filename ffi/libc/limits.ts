/**
 * `<limits.h>`: constants.
 *
 * @module
 */

/** `PATH_MAX`: most bytes of a path, with its NUL */
export const PATH_MAX = 4096;
/** `PIPE_BUF` of `<limits.h>`: pipe writes up to this size are atomic */
export const PIPE_BUF = 4096;
/** `SEM_VALUE_MAX`: the greatest value of a POSIX semaphore */
export const SEM_VALUE_MAX = 0x7fff_ffff;
/** `NAME_MAX`: most bytes of a name in a directory, without its NUL */
export const NAME_MAX = 255;
/** `MQ_PRIO_MAX`: message priorities are below this */
export const MQ_PRIO_MAX = 32768;
