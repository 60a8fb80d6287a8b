/**
 * `<limits.h>`: constants.
 *
 * @module
 */

/** `PATH_MAX`: bytes of a path, its NUL among them */
export const PATH_MAX = 4096;
/** `PIPE_BUF` of `<limits.h>`: writes of up to so many bytes to a pipe go out whole */
export const PIPE_BUF = 4096;
/** `SEM_VALUE_MAX`: the greatest value of a POSIX semaphore */
export const SEM_VALUE_MAX = 0x7fff_ffff;
/** `NAME_MAX`: bytes of a name in a directory, without its NUL */
export const NAME_MAX = 255;
/** `MQ_PRIO_MAX`: priorities of messages are below */
export const MQ_PRIO_MAX = 32768;
