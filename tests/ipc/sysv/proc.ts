/** What the kernel itself says of System V objects. */

/** The row of an object in `/proc/sysvipc`, by the names of its columns. */
export function procRow(
  kind: "shm" | "sem" | "msg",
  id: number,
): Record<string, number> | undefined {
  const text = Deno.readTextFileSync(`/proc/sysvipc/${kind}`);
  const [names = [], ...rows] = text.trim().split("\n")
    .map((line) => line.trim().split(/\s+/));
  const row = rows.find((cells) => cells[1] === String(id));
  return row && Object.fromEntries(names.map((name, i) => [
    name,
    Number.parseInt(row[i] ?? "", name === "perms" ? 8 : 10),
  ]));
}
