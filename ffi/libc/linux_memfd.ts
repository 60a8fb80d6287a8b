/**
 * `<linux/memfd.h>`: constants that older `<sys/mman.h>` lack.
 *
 * @module
 */

/** `MFD_NOEXEC_SEAL`, from Linux 6.3: never executable; implies `MFD_ALLOW_SEALING` */
export const MFD_NOEXEC_SEAL = 8;
/** `MFD_EXEC`, from Linux 6.3 */
export const MFD_EXEC = 16;
/** `MFD_HUGE_SHIFT`: shift of the huge page size's logarithm */
export const MFD_HUGE_SHIFT = 26;
