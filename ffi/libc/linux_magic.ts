/**
 * `<linux/magic.h>`: constants.
 *
 * @module
 */

/** `HUGETLBFS_MAGIC` */
export const HUGETLBFS_MAGIC = 0x9584_58f6;
