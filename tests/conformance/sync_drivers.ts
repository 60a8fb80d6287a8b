/** Rows about calls that no public class uses. */

import type { Drivers } from "./rows.ts";

const NO_MUTEX = {
  why: "no mutex of the C library is offered: locks are semaphores and files",
};

const NO_FUTEX = {
  why: "a semaphore waits on its own word, aligned, see its tests for timeouts",
};

/** The drivers of `pthread_mutex_*` and `futex`. */
export const drivers: Drivers = {
  "pthread_mutex_lock: owner killed while holding a robust process-shared mutex":
    NO_MUTEX,
  "pthread_mutex_timedlock: owner killed (robust)": NO_MUTEX,
  "pthread_mutex_lock: robust mutex unlocked after EOWNERDEAD without consistent()":
    NO_MUTEX,
  "pthread_mutex_trylock: held by another process": NO_MUTEX,
  "pthread_mutex_unlock: not the owner (error-checking or robust)": NO_MUTEX,
  "pthread_mutex_timedlock: deadline with tv_nsec out of range, mutex held":
    NO_MUTEX,
  "futex WAIT: timeout": NO_FUTEX,
  "futex WAIT: address not 4-byte aligned": NO_FUTEX,
  "futex WAIT: signal handler while blocked (with a timeout)": NO_FUTEX,
};
