/**
 * `ipc detach`: shows the objects that a device left, and removes them.
 *
 * @module
 */

import {
  type AttachedProcess,
  detach,
  type DeviceInspection,
  type DeviceObject,
  inspect,
} from "@libc/ipc/device";
import { IpcError } from "@libc/ipc/errno";
import { atMost, parse, parseAddress } from "../args.ts";
import { keyText, peerText, placeText, plural } from "../format.ts";
import { helpText } from "../help.ts";
import { type Output, printable, type Style } from "../output.ts";

const GRAMMAR = {
  flags: ["dry-run", "force", "json", "quiet"],
  values: ["path", "proj"],
} as const;

/** Runs the command and returns its exit code. */
export function detachCommand(
  args: readonly string[],
  output: Output,
): Promise<number> {
  const { flags, values, rest } = parse(args, GRAMMAR);
  if (flags.help) {
    output.line(helpText("detach"));
    return Promise.resolve(0);
  }
  atMost(rest, 0);
  const address = parseAddress(values);
  const before = inspect(address);
  const text = !flags.json && !flags.quiet;
  if (text) {
    const lines = inspectionLines(before, placeText(address), output);
    lines.forEach((line) => output.line(line));
  }
  const outcome = flags["dry-run"] || before.status === "none"
    ? { removed: [] }
    : remove(address, flags.force);
  if (flags.json) {
    output.json({
      ...before,
      removed: outcome.removed,
      ...(outcome.refused === undefined
        ? {}
        : { refused: outcome.refused.message }),
    });
  }
  if (outcome.refused !== undefined) {
    output.note(outcome.refused.message);
    output.note(adviceFor(before));
    return Promise.resolve(1);
  }
  if (text && outcome.removed.length > 0) {
    const kinds = outcome.removed.map(({ kind }) => kind).join(", ");
    output.line(`removed ${kinds}`);
  }
  return Promise.resolve(0);
}

/** The removed objects, or why none were. */
interface Outcome {
  removed: DeviceObject[];
  refused?: IpcError;
}

function remove(
  address: ReturnType<typeof parseAddress>,
  force: boolean,
): Outcome {
  try {
    return { removed: detach({ ...address, force }).removed };
  } catch (error) {
    if (error instanceof IpcError && error.code === "EBUSY") {
      return { removed: [], refused: error };
    }
    throw error;
  }
}

function adviceFor({ status, plain }: DeviceInspection): string {
  if (status === "foreign") {
    return "take another --path or --proj; or, when its program has ended for good, remove it with --force";
  }
  if (status !== "alive") return "if nobody needs it, remove it with --force";
  const end = plain ? "end that program" : 'end it with "ipc ctl exit"';
  return `${end}, or take its things from under its feet with --force`;
}

const STATUS: Readonly<
  Record<DeviceInspection["status"], readonly [string, Style]>
> = {
  none: ["nothing there", "dim"],
  alive: ["a device is running", "green"],
  dead: ["a device died and left things", "red"],
  foreign: ["something of another program", "yellow"],
};

function inspectionLines(
  found: DeviceInspection,
  place: string,
  { paint }: Output,
): string[] {
  const [status, style] = STATUS[found.status];
  const row = (name: string, text: string) =>
    `${paint(name.padEnd(10), "dim")} ${text}`;
  const { device, lockedBy, attached, attachCount, objects, key } = found;
  const unseen = (attachCount ?? 0) - attached.length;
  return [
    row("key", `${keyText(key)} (${place})`),
    row("status", paint(status, style) + (found.plain ? ", plain C" : "")),
    ...(device === undefined ? [] : [row("device", deviceText(found))]),
    ...objects.map((object) => row(object.kind, objectText(object))),
    ...attached.map((process) => row("attached", processText(process))),
    ...(unseen > 0
      ? [row("attached", `${plural(unseen, "mapping")} of whom is not known`)]
      : []),
    ...(lockedBy === undefined ? [] : [row("locked by", peerText(lockedBy))]),
  ];
}

function deviceText({ device }: DeviceInspection): string {
  if (device === undefined) return "";
  const since = device.started === null
    ? ""
    : `, started ${device.started.toISOString()}`;
  return `${peerText(device)}, ${device.alive ? "alive" : "dead"}${since}`;
}

function objectText(object: DeviceObject): string {
  const { kind, transport, id, name, size, uid, mode } = object;
  const size_ = kind === "semaphores"
    ? plural(size, "semaphore")
    : plural(size, "byte");
  const which = name ??
    (id === undefined ? transport : `${transport} id ${id}`);
  return `${which}, ${size_}, user ${uid}, mode ${
    mode.toString(8).padStart(4, "0")
  }`;
}

function processText(process: AttachedProcess): string {
  const { pid, program, writable, device } = process;
  return `process ${pid} (${printable(program)}), ${
    writable ? "writes" : "reads"
  }${device ? ", the device" : ""}`;
}
