/**
 * `<spawn.h>`: calls, constants and structs. The calls return an error number,
 * or 0 for success.
 *
 * @module
 */

import { lazyStruct } from "../struct/lazy.ts";
import { array, type ArrayType, type Struct } from "../struct/struct.ts";
import { type Entries, type Symbols, table } from "./_open.ts";
import { buffer, int, mode_t, pid_t, pointer } from "./_types.ts";

/** The symbol table of `<spawn.h>`. */
export const spawn_symbols = {
  /** `int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *file_actions, const posix_spawnattr_t *attrp, char *const argv[], char *const envp[]);` */
  posix_spawn: {
    parameters: [buffer, buffer, buffer, buffer, buffer, pointer],
    result: int,
  },
  /** `int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *file_actions, const posix_spawnattr_t *attrp, char *const argv[], char *const envp[]);` */
  posix_spawnp: {
    parameters: [buffer, buffer, buffer, buffer, buffer, pointer],
    result: int,
  },
  /** `int posix_spawnattr_init(posix_spawnattr_t *attr);` */
  posix_spawnattr_init: { parameters: [buffer], result: int },
  /** `int posix_spawnattr_destroy(posix_spawnattr_t *attr);` */
  posix_spawnattr_destroy: { parameters: [buffer], result: int },
  /** `int posix_spawnattr_setflags(posix_spawnattr_t *attr, short flags);` */
  posix_spawnattr_setflags: { parameters: [buffer, "i16"], result: int },
  /** `int posix_spawnattr_setpgroup(posix_spawnattr_t *attr, pid_t pgroup);` */
  posix_spawnattr_setpgroup: { parameters: [buffer, pid_t], result: int },
  /** `int posix_spawnattr_setsigmask(posix_spawnattr_t *attr, const sigset_t *sigmask);` */
  posix_spawnattr_setsigmask: { parameters: [buffer, buffer], result: int },
  /** `int posix_spawnattr_setsigdefault(posix_spawnattr_t *attr, const sigset_t *sigdefault);` */
  posix_spawnattr_setsigdefault: { parameters: [buffer, buffer], result: int },
  /** `int posix_spawn_file_actions_init(posix_spawn_file_actions_t *fa);` */
  posix_spawn_file_actions_init: { parameters: [buffer], result: int },
  /** `int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *fa);` */
  posix_spawn_file_actions_destroy: { parameters: [buffer], result: int },
  /** `int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *fa, int fd, const char *path, int oflag, mode_t mode);` */
  posix_spawn_file_actions_addopen: {
    parameters: [buffer, int, buffer, int, mode_t],
    result: int,
  },
  /** `int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t *fa, int fd);` */
  posix_spawn_file_actions_addclose: {
    parameters: [buffer, int],
    result: int,
  },
  /** `int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *fa, int fd, int newfd);` */
  posix_spawn_file_actions_adddup2: {
    parameters: [buffer, int, int],
    result: int,
  },
  /** `int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *fa, const char *path);` from glibc 2.29 on */
  posix_spawn_file_actions_addchdir_np: {
    parameters: [buffer, buffer],
    result: int,
  },
  /** `int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *fa, int from);` from glibc 2.34 on */
  posix_spawn_file_actions_addclosefrom_np: {
    parameters: [buffer, int],
    result: int,
  },
} as const satisfies Entries;

/** Opens `<spawn.h>` on first use and returns its calls. */
export const spawn: () => Symbols<typeof spawn_symbols> = table(spawn_symbols);

/** `POSIX_SPAWN_SETPGROUP` */
export const POSIX_SPAWN_SETPGROUP = 2;
/** `POSIX_SPAWN_SETSIGDEF` */
export const POSIX_SPAWN_SETSIGDEF = 4;
/** `POSIX_SPAWN_SETSIGMASK` */
export const POSIX_SPAWN_SETSIGMASK = 8;
/** `POSIX_SPAWN_SETSID` */
export const POSIX_SPAWN_SETSID = 128;

/** The fields of `posix_spawnattr_t`. */
export const posix_spawnattr_t_fields = {
  reserved: array("u64", 42) as ArrayType<"u64">,
} as const;

/** `posix_spawnattr_t` of `<spawn.h>` */
export const posix_spawnattr_t: Struct<typeof posix_spawnattr_t_fields> =
  lazyStruct(posix_spawnattr_t_fields);

/** The fields of `posix_spawn_file_actions_t`. */
export const posix_spawn_file_actions_t_fields = {
  reserved: array("u64", 10) as ArrayType<"u64">,
} as const;

/** `posix_spawn_file_actions_t` of `<spawn.h>` */
export const posix_spawn_file_actions_t: Struct<
  typeof posix_spawn_file_actions_t_fields
> = lazyStruct(posix_spawn_file_actions_t_fields);
