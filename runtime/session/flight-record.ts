import { readFileSync } from "node:fs";

/** What a thread of the engine was busy with when its process ended. */
export interface FlightEntry {
  /** The model, as `LoadOptions.label` called it. */
  label: string;
  state: "opening" | "running";
  /** Of the fault that ended the process, where it was this thread's; else 0. */
  signal: number;
}

/** As engine/flight_record.h lays it out: two numbers of 32 bits and a text that ends with 0. */
const ENTRY_BYTES = 128;
const LABEL_AT = 8;
const STATES = { 1: "opening", 2: "running" } as const;

/** Threads that were busy; none when there is no record. */
export function readFlightRecord(path: string): FlightEntry[] {
  let record: Buffer;
  try {
    record = readFileSync(path);
  } catch {
    return [];
  }
  const entries: FlightEntry[] = [];
  for (let at = 0; at + ENTRY_BYTES <= record.length; at += ENTRY_BYTES) {
    const state = STATES[record.readUInt32LE(at) as keyof typeof STATES];
    const text = record.subarray(at + LABEL_AT, at + ENTRY_BYTES);
    const label = text.toString("utf8", 0, Math.max(0, text.indexOf(0)));
    if (state && label !== "") entries.push({ label, state, signal: record.readUInt32LE(at + 4) });
  }
  return entries;
}
