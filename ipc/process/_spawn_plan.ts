/**
 * In which order a child arranges its descriptors, so that each ends up where
 * it belongs and nothing else is left.
 *
 * @module
 */

/** What a child does with its descriptors, in this order, before it starts. */
export type FdAction =
  /** `dup2(from, to)`; clears close-on-exec where both are the same. */
  | { readonly kind: "dup2"; readonly from: number; readonly to: number }
  /** `close(fd)`, if it is open. */
  | { readonly kind: "close"; readonly fd: number }
  /** Closes all from `fd` on. */
  | { readonly kind: "closefrom"; readonly fd: number }
  /** Opens `/dev/null`. */
  | { readonly kind: "null"; readonly fd: number };

/** What a descriptor of the child is to be: one of ours, or `/dev/null`. */
export type FdPlace = number | "null";

/**
 * Plans the way to exactly these descriptors.
 *
 * @param places What each descriptor of the child is to be, by its number.
 */
export function planDescriptors(
  places: ReadonlyMap<number, FdPlace>,
): FdAction[] {
  const actions: FdAction[] = [];
  const moved = moveAway(places, actions);
  let last = 2;
  for (const [to, place] of places) {
    last = Math.max(last, to);
    if (place === "null") continue;
    actions.push({ kind: "dup2", from: moved.get(place) ?? place, to });
  }
  for (let fd = 0; fd <= last; fd++) {
    if (!places.has(fd)) actions.push({ kind: "close", fd });
  }
  actions.push({ kind: "closefrom", fd: last + 1 });
  // Last: now that much is closed, there is a descriptor to open it with.
  for (const [fd, place] of places) {
    if (place === "null") actions.push({ kind: "null", fd });
  }
  return actions;
}

/**
 * Gives a second number to each descriptor whose own is about to be taken by
 * another: 3 and 4 could not change places otherwise.
 */
function moveAway(
  places: ReadonlyMap<number, FdPlace>,
  actions: FdAction[],
): Map<number, number> {
  const sources = new Set(places.values());
  const moved = new Map<number, number>();
  let free = 3;
  for (const source of sources) {
    if (source === "null") continue;
    const taker = places.get(source);
    if (taker === undefined || taker === source) continue;
    while (places.has(free) || sources.has(free)) free++;
    actions.push({ kind: "dup2", from: source, to: free });
    moved.set(source, free++);
  }
  return moved;
}
