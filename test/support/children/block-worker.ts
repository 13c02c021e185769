/** Writes into the block it is given, offers one of its own, and stays until it is ended. */
import { parentPort, workerData } from "node:worker_threads";
import { allocate, attach } from "../../../runtime/native/index.ts";

new Uint8Array(attach(workerData))[0] = 42;
const own = [allocate(1 << 20), allocate(1 << 20)] as const;
new Uint8Array(own[0].buffer)[0] = 43;
parentPort?.on("message", () => own.length);
parentPort?.postMessage(own[0].id);
