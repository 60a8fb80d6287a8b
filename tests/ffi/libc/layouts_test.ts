// Sizes, offsets and constants of the library against those of the C compiler,
// for this architecture and, if a cross compiler is installed, for the other.

import { assert, assertEquals } from "@std/assert";
import { ERRNO } from "@libc/ipc/errno";
import { ADVICE } from "@libc/ipc/ffi";
import { signals } from "@libc/ipc/signal";
import { hasCommand, MACHINE } from "../../util.ts";

/** The output of `peers/layouts.c`. */
interface Truth {
  structs: Record<
    string,
    {
      size: number;
      align: number;
      fields: Record<string, { offset: number; size: number; kind: string }>;
    }
  >;
  constants: Record<string, number>;
  signals: Record<string, number>;
  errno: Record<string, number>;
  syscalls: Record<string, number>;
}

/** The values of the library, as printed by a program for an architecture. */
interface Ours {
  structs: Record<string, {
    size: number;
    align: number;
    offsets: Record<string, number>;
    sizes: Record<string, number>;
    /** `u64`, or what a field is instead of a number. */
    kinds: Record<string, unknown>;
  }>;
  constants: Record<string, number>;
  syscalls: Record<string, number>;
}

const PEER = new URL("../../interop/peers/layouts.c", import.meta.url).pathname;

const TARGETS = [
  {
    arch: "x86_64",
    compiler: "x86_64-linux-gnu-gcc",
    run: ["qemu-x86_64-static", "-L", "/usr/x86_64-linux-gnu"],
  },
  {
    arch: "aarch64",
    compiler: "aarch64-linux-gnu-gcc",
    run: ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"],
  },
] as const;

// The native compiler supports only the native architecture.
function compilerOf(target: typeof TARGETS[number]): string {
  return target.arch === MACHINE ? "cc" : target.compiler;
}

async function output(command: string, args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(command, { args })
    .output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

async function truthOf(target: typeof TARGETS[number]): Promise<Truth> {
  const binary = await Deno.makeTempFile({ prefix: "layouts_" });
  try {
    await output(compilerOf(target), ["-O0", "-w", "-o", binary, PEER]);
    const foreign = target.arch !== MACHINE;
    const [command = binary, ...args] = foreign
      ? [...target.run, binary]
      : [binary];
    return JSON.parse(await output(command, args));
  } finally {
    await Deno.remove(binary);
  }
}

/** Loads our tables as that architecture would. */
async function oursOf(arch: string): Promise<Ours> {
  const code = `
    Object.defineProperty(Deno, "build", { value: { ...Deno.build, arch: "${arch}" } });
    const sizeOf = (type) => typeof type === "string"
      ? Number(type.slice(1)) / 8
      : type.kind === "array" ? sizeOf(type.element) * type.length : type.size;
    const structs = {}, constants = {}, syscalls = {};
    for (const [name, value] of Object.entries(await import("${
    import.meta.resolve("@libc/ipc/ffi")
  }"))) {
      if (name.startsWith("SYS_")) syscalls[name] = Number(value);
      else if (typeof value === "number") constants[name] = value;
      else if (typeof value === "bigint") constants[name] = Number(value);
      else if (value.kind === "struct") {
        const { size, align, offsets, fields } = value;
        const sizes = Object.fromEntries(
          Object.entries(fields).map(([field, type]) => [field, sizeOf(type)]),
        );
        structs[name] = { size, align, offsets, sizes, kinds: fields };
      }
    }
    console.log(JSON.stringify({ structs, constants, syscalls }));`;
  const url = `data:application/javascript,${encodeURIComponent(code)}`;
  return JSON.parse(
    await output(Deno.execPath(), ["run", "--quiet", "--no-lock", url]),
  );
}

for (const target of TARGETS) {
  const compiler = compilerOf(target);
  const emulator = target.arch === MACHINE ? undefined : target.run[0];
  const missing = [compiler, emulator].find((command) =>
    command !== undefined && !hasCommand(command)
  );
  const reason = missing === undefined ? "" : ` [skipped: no ${missing}]`;

  Deno.test({
    name: `structs and constants are those of C on ${target.arch}${reason}`,
    ignore: missing !== undefined,
    async fn(t) {
      const [truth, ours] = await Promise.all([
        truthOf(target),
        oursOf(target.arch),
      ]);
      for (const [name, one] of Object.entries(ours.structs)) {
        await t.step(name, () => {
          const tag = `struct ${name.replace(/^struct_/, "")}`;
          const c = truth.structs[tag] ?? truth.structs[name];
          assert(c !== undefined, `${name} is not in layouts.c`);
          assertEquals(one.size, c.size, "size");
          // aarch64 has registers of 16 bytes in C. No field here has 16 bytes.
          const most = name === "ucontext_t" ? 8 : 16;
          assertEquals(one.align, Math.min(c.align, most), "alignment");
          for (const [field, offset] of Object.entries(one.offsets)) {
            if (field.startsWith("reserved")) continue;
            const size = one.sizes[field];
            const { offset: at, size: bytes } = c.fields[field] ?? {};
            assertEquals([field, offset, size], [field, at, bytes]);
            // Addresses and unions of C are numbers here.
            const kind = c.fields[field]?.kind;
            if (kind === "ptr" || kind === "other") continue;
            assertEquals([field, one.kinds[field]], [field, kind]);
          }
        });
      }
      await t.step("constants", () => {
        for (const [name, value] of Object.entries(ours.constants)) {
          const c = truth.constants[name] ?? truth.constants[`_${name}`];
          if (c !== undefined) assertEquals(value, c, name);
          else assert(UNCHECKED.has(name), `${name} is not in layouts.c`);
        }
      });
      await t.step("advice", () => {
        for (const [name, value] of Object.entries(ADVICE)) {
          assertEquals(
            value,
            truth.constants[`MADV_${name.toUpperCase()}`],
            name,
          );
        }
      });
      await t.step("signals", () => {
        for (const [name, value] of Object.entries(signals)) {
          if (/[+-]/.test(name)) continue;
          assertEquals(value, truth.signals[name], name);
        }
      });
      await t.step("system call numbers", () => {
        for (const [name, value] of Object.entries(ours.syscalls)) {
          assertEquals(value, truth.syscalls[name], name);
        }
      });
      await t.step("error numbers", () => {
        assertEquals(
          Object.entries(ERRNO).sort(),
          Object.entries(truth.errno).sort(),
        );
      });
    },
  });
}

// Not constants of a C header by these names, or too new for some headers.
const UNCHECKED = new Set([
  "F_SEAL_EXEC",
  "MFD_EXEC",
  "MFD_NOEXEC_SEAL",
  "SEMVMX",
  "SCM_PIDFD",
]);
