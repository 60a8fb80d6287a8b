/**
 * Plans the order in which a child rearranges its descriptors, so that each
 * ends up at its number and no other stays open.
 *
 * @module
 */

/** An action on the child's descriptors before the program starts. */
export type FdAction =
  /** `dup2(from, to)`; clears close-on-exec where both are the same. */
  | { readonly kind: "dup2"; readonly from: number; readonly to: number }
  /** `close(fd)`; it need not be open. */
  | { readonly kind: "close"; readonly fd: number }
  /** Closes `fd` and all above. */
  | { readonly kind: "closefrom"; readonly fd: number }
  /** Opens `/dev/null`. */
  | { readonly kind: "null"; readonly fd: number };

/** The source of a child's descriptor: one of ours, or `/dev/null`. */
export type FdPlace = number | "null";

/**
 * Plans the actions that leave exactly these descriptors.
 *
 * @param places The source of each descriptor of the child, by its number.
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
  // Last: after the closes, a descriptor is free for the open.
  for (const [fd, place] of places) {
    if (place === "null") actions.push({ kind: "null", fd });
  }
  return actions;
}

/**
 * Duplicates each descriptor whose number another one takes: 3 and 4 could not
 * be swapped otherwise.
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
