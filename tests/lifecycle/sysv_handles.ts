/** System V handles and mappings, for the table of all handles. */

import {
  IPC_PRIVATE,
  mapAnonymous,
  type Mapping,
  type SharedMapping,
  struct,
  SysvMessageQueue,
  SysvSemaphoreSet,
  SysvSharedMemory,
} from "@libc/ipc";
import { define, type HandleCase } from "./handle_case.ts";

const byte = new Uint8Array(1);
const Point = struct({ x: "i32" });

/** What a mapping of any kind is used for. */
const mappingUses: ((mapping: Mapping) => unknown)[] = [
  (mapping) => mapping.buffer,
  (mapping) => mapping.bytes,
  (mapping) => mapping.unsafeBytes,
  (mapping) => mapping.address,
  (mapping) => mapping.view(Point),
  (mapping) => mapping.read(0, 1),
  (mapping) => mapping.readInto(byte),
  (mapping) => mapping.write(byte),
  (mapping) => mapping.flush(),
  (mapping) => mapping.advise("normal"),
  (mapping) => mapping.lock(),
  (mapping) => mapping.unlock(),
  (mapping) => mapping.protect({ readOnly: true }),
  (mapping) => mapping.pointer(),
  (mapping) => mapping.pin(),
];

/** The System V classes and the mappings they give. */
export const sysvHandles: Record<string, HandleCase> = {
  SysvSharedMemory: define<SysvSharedMemory>({
    make: () => SysvSharedMemory.create(IPC_PRIVATE, 4096),
    use(memory) {
      using mapping = memory.attach();
      mapping.bytes[0] = 1;
    },
    uses: [
      (memory) => memory.attach(),
      (memory) => memory.stat(),
      (memory) => memory.set({ mode: 0o600 }),
      (memory) => memory.lockInMemory(),
      (memory) => memory.unlockInMemory(),
      (memory) => memory.remove(),
    ],
  }),
  Mapping: define<Mapping>({
    make() {
      using memory = SysvSharedMemory.create(IPC_PRIVATE, 4096);
      return memory.attach();
    },
    use(mapping) {
      mapping.view(Point).x = 5;
    },
    uses: mappingUses,
  }),
  SharedMapping: define<SharedMapping>({
    make: () => mapAnonymous(4096, { shared: true }),
    use(mapping) {
      mapping.bytes[0] = 1;
    },
    uses: [...mappingUses, (mapping) => mapping.fd],
  }),
  SysvSemaphoreSet: define<SysvSemaphoreSet>({
    make: () => SysvSemaphoreSet.create(IPC_PRIVATE, [1, 0]),
    use(set) {
      set.acquireSync();
      set.release();
    },
    uses: [
      (set) => set.operate([{ index: 0, delta: 0 }]),
      (set) => set.operateSync([{ index: 0, delta: 0 }]),
      (set) => set.tryOperate([{ index: 0, delta: 0 }]),
      (set) => set.acquire(),
      (set) => set.acquireSync(),
      (set) => set.tryAcquire(),
      (set) => set.release(),
      (set) => set.waitZero(),
      (set) => set.waitZeroSync(),
      (set) => set.tryWaitZero(),
      (set) => set.value(),
      (set) => set.setValue(0, 1),
      (set) => set.values(),
      (set) => set.setValues([1, 1]),
      (set) => set.lastPid(),
      (set) => set.waitingForIncrease(),
      (set) => set.waitingForZero(),
      (set) => set.stat(),
      (set) => set.set({ mode: 0o600 }),
      (set) => set.remove(),
    ],
  }),
  SysvMessageQueue: define<SysvMessageQueue>({
    make: () => SysvMessageQueue.create(IPC_PRIVATE),
    use(queue) {
      queue.sendSync(1, "x");
      queue.receiveSync();
    },
    uses: [
      (queue) => queue.send(1, ""),
      (queue) => queue.sendSync(1, ""),
      (queue) => queue.trySend(1, ""),
      (queue) => queue.receive(),
      (queue) => queue.receiveSync(),
      (queue) => queue.tryReceive(),
      (queue) => queue.messages().next(),
      (queue) => queue.peek(0),
      (queue) => queue.stat(),
      (queue) => queue.set({ mode: 0o600 }),
      (queue) => queue.remove(),
    ],
  }),
};
