/**
 * `<netinet/tcp.h>`: constants.
 *
 * @module
 */

/** `TCP_NODELAY` */
export const TCP_NODELAY = 1;
/** `TCP_ZEROCOPY_RECEIVE` */
export const TCP_ZEROCOPY_RECEIVE = 35;
