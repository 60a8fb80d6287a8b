/** The open descriptors of a process. */

/** What the runtime opens and closes when it likes: wakers and caches. */
const OF_THE_RUNTIME = /^anon_inode:\[event|_cache_v\d|\/deno\//;

/**
 * The open descriptors of a process and what they lead to, such as
 * `"7 /dev/null"` and `"8 pipe:[4711]"`, in the order of these texts, without
 * the one of this listing.
 *
 * A process has others of the runtime and of other tests, which come and go:
 * look at those alone that a test may have opened.
 *
 * @param like What they lead to; without it, anything but the runtime's own.
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
      // The one of the listing, or another thread's.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return found.sort();
}

/** Those of {@linkcode openFds} that were not there then. */
export function openedSince(
  before: readonly string[],
  like?: RegExp,
): string[] {
  return openFds(like).filter((fd) => !before.includes(fd));
}
