import { readdirSync, readFileSync } from "node:fs";
import { runSync } from "./child-processes.ts";

/** Those whose default is to end a process, and that a fault of a thread would raise; and the one that none can catch. */
export type Fatal = "SIGSEGV" | "SIGBUS" | "SIGILL" | "SIGFPE" | "SIGABRT" | "SIGKILL";

/** As another process sends it: to this thread, and with the number of the sender instead of an address. */
export function signalThread(pid: number, name: string, signal: Fatal): void {
  python(`libc.tgkill(${pid}, ${threadOf(pid, name)}, signal.${signal})`);
}

const SIGINFO_BYTES = 128;
const ADDRESS_AT = 16;
const SI_QUEUE = -1;
/** Of rt_tgsigqueueinfo, which the C library has no function for. */
const SYSTEM_CALL: Partial<Record<NodeJS.Architecture, number>> = { x64: 297, arm64: 240 };

/**
 * A SIGBUS that is sent and not raised by a read, whose sender's number reads as an address if it is taken for one: the
 * kernel keeps both in the same place.
 */
export function sendBusErrorFrom(address: bigint, { pid, thread }: { pid: number; thread: string }): void {
  const info = Buffer.alloc(SIGINFO_BYTES);
  info.writeInt32LE(SI_QUEUE, 8);
  info.writeBigUInt64LE(address, ADDRESS_AT);
  const bytes = `bytes.fromhex("${info.toString("hex")}")`;
  const call = SYSTEM_CALL[process.arch];
  python(`libc.syscall(${call}, ${pid}, ${threadOf(pid, thread)}, signal.SIGBUS, ctypes.c_char_p(${bytes}))`);
}

/** Where a process has mapped this file. */
export function mappedAt(pid: number, path: string): bigint {
  const line = readFileSync(`/proc/${pid}/maps`, "utf8")
    .split("\n")
    .find((each) => each.endsWith(path));
  if (!line) throw new Error(`process ${pid} has not mapped ${path}`);
  return BigInt(`0x${line.split("-")[0]}`);
}

/** A thread that is not there must not be taken for one: whoever waits for its end would wait for ever. */
function threadOf(pid: number, name: string): number {
  const tasks = `/proc/${pid}/task`;
  const isIt = (id: string) => readFileSync(`${tasks}/${id}/comm`, "utf8").trim() === name;
  const found = readdirSync(tasks).find(isIt);
  if (found === undefined) throw new Error(`process ${pid} has no thread ${name}`);
  return Number(found);
}

/** Node cannot signal a thread; the C library can. `call` is one that gives 0 when it has worked. */
function python(call: string): void {
  const script = `import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
if ${call} != 0: raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))`;
  runSync("python3", ["-c", script], { stdio: ["ignore", "ignore", "inherit"] });
}
