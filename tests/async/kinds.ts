/**
 * Every kind of wait: how to make an object that has to wait, how to let one
 * wait end, and how to count the effects of the waits.
 */

import { objectKinds, signalQueueKind } from "./object_kinds.ts";
import { streamKinds } from "./stream_kinds.ts";
import type { Kind } from "./subject.ts";

export { QUEUED_SIGNAL, signalQueueKind } from "./object_kinds.ts";
export type { Kind, Subject } from "./subject.ts";

/** All kinds but {@linkcode signalQueueKind}. */
export const kinds: readonly Kind[] = [...streamKinds, ...objectKinds];

/** The kind of a name. */
export function kindOf(name: string): Kind {
  const found = [...kinds, signalQueueKind].find((kind) => kind.name === name);
  if (found === undefined) throw new TypeError(`There is no kind ${name}`);
  return found;
}
