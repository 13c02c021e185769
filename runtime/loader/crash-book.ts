import { readFileSync } from "node:fs";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readFlightRecord } from "../session/flight-record.ts";

/** The process's end, as far as it concerns a model. */
export interface Crash {
  /** Name and version of the model, and the beginning of its digest. */
  label: string;
  /** How often it brought the process down within a day. */
  count: number;
  /** Of the last time; 9 where the system ended the process for want of memory. */
  signal: number;
  atMs: number;
}

interface Book {
  crashes: Crash[];
  /** Of the process that wrote it; null once it has stopped in order. */
  running: { bootId: string; oomKills: number } | null;
}

const FORGOTTEN_MS = 24 * 3_600_000;
const KILLED = 9;
/** A model that ended the process as often is not opened again. */
export const CRASHES_MAX = 3;

/**
 * Counts which models were being opened or run when the process ended by a fault. The engine's flight record says
 * which; a process that was ended from outside says nothing against a model, unless the system ran out of memory.
 */
export class CrashBook {
  readonly #folder: string;
  #crashes: Crash[] = [];

  constructor(options: { folder: string }) {
    this.#folder = options.folder;
  }

  /** Where the engine is to keep its flight record. */
  get recordPath(): string {
    return join(this.#folder, "flight-record");
  }

  /** To be called before the engine begins a new record. `nowMs` is wall time. Errors: those of the file system. */
  async start(nowMs: number): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const before = await this.#read();
    const wasKilled = before.running !== null && isOutOfMemory(before.running);
    const ended = readFlightRecord(this.recordPath).filter(({ signal }) => signal !== 0 || wasKilled);
    const kept = before.crashes.filter(({ atMs }) => atMs > nowMs - FORGOTTEN_MS);
    this.#crashes = [...new Set(ended.map(({ label }) => label))].reduce((crashes, label) => {
      const signal = ended.find((each) => each.label === label)?.signal || KILLED;
      return counted(crashes, { label, signal, atMs: nowMs });
    }, kept);
    await this.#write({ crashes: this.#crashes, running: { bootId: bootId(), oomKills: oomKills() } });
  }

  /** What keeps the model of this label closed. */
  quarantineOf(label: string): Crash | undefined {
    return this.#crashes.find((crash) => crash.label === label && crash.count >= CRASHES_MAX);
  }

  /** An operator wants it tried again. */
  async forgive(label: string): Promise<void> {
    this.#crashes = this.#crashes.filter((crash) => crash.label !== label);
    await this.#write({ crashes: this.#crashes, running: { bootId: bootId(), oomKills: oomKills() } });
  }

  /** The process stops in order. */
  async stop(): Promise<void> {
    await this.#write({ crashes: this.#crashes, running: null });
  }

  async #read(): Promise<Book> {
    try {
      const { crashes, running }: Book = JSON.parse(await readFile(this.#path, "utf8"));
      return { crashes: Array.isArray(crashes) ? crashes : [], running: running ?? null };
    } catch {
      return { crashes: [], running: null };
    }
  }

  async #write(book: Book): Promise<void> {
    const part = `${this.#path}.part`;
    await writeFile(part, JSON.stringify(book), { flush: true });
    await rename(part, this.#path);
  }

  get #path(): string {
    return join(this.#folder, "crashes.json");
  }
}

function counted(crashes: readonly Crash[], { atMs, label, signal }: Omit<Crash, "count">): Crash[] {
  const count = (crashes.find((crash) => crash.label === label)?.count ?? 0) + 1;
  return [...crashes.filter((crash) => crash.label !== label), { label, signal, atMs, count }];
}

/** The system has ended somebody for want of memory since that process began. */
const isOutOfMemory = (running: { bootId: string; oomKills: number }): boolean =>
  running.bootId === bootId() && oomKills() > running.oomKills;

const bootId = (): string => readText("/proc/sys/kernel/random/boot_id").trim();

/** Of the whole machine since it was started (proc_vmstat(5)); containers may not show it. */
const oomKills = (): number => Number(/^oom_kill (\d+)$/m.exec(readText("/proc/vmstat"))?.[1] ?? 0);

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
