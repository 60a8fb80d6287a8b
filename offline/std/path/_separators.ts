import { sep } from "node:path";

/** Removes separators at the end, but not one that is the whole path. */
export function withoutTrailing(path: string): string {
  let end = path.length;
  while (end > 1 && path.endsWith(sep, end)) end--;
  return path.slice(0, end);
}
