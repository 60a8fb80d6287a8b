/** The open descriptors of a process. */

/**
 * Descriptors that the runtime opens and closes at any time: wakers and caches.
 */
const OF_THE_RUNTIME = /^anon_inode:\[event|_cache_v\d|\/deno\//;

/**
 * The open descriptors of a process and their targets, such as `"7 /dev/null"`
 * and `"8 pipe:[4711]"`, sorted as text, without the one of this listing.
 *
 * Descriptors of the runtime and of other tests come and go: compare only those
 * that a test may have opened.
 *
 * @param like The targets to include; by default all but the runtime's own.
 */
export function openFds(
  like?: RegExp,
  pid: number | "self" = "self",
): string[] {
  const isMeant = (target: string) =>
    like?.test(target) ?? !OF_THE_RUNTIME.test(target);
  const directory = `/proc/${pid}/fd`;
  const found: string[] = [];
  for (const { name } of [...Deno.readDirSync(directory)]) {
    try {
      const target = Deno.readLinkSync(`${directory}/${name}`);
      if (isMeant(target)) found.push(`${name} ${target}`);
    } catch (error) {
      // The descriptor of the listing, or another thread's.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found.sort();
}

/** The descriptors of {@linkcode openFds} that are not in `before`. */
export function openedSince(
  before: readonly string[],
  like?: RegExp,
): string[] {
  return openFds(like).filter((fd) => !before.includes(fd));
}
