import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startChild } from "./child-processes.ts";

const SCRIPT = fileURLToPath(new URL("./children/rtsp-server.py", import.meta.url));
/** The one that Debian's python3-gi belongs to. */
const PYTHON = "/usr/bin/python3";

/** GStreamer's RTSP server with one stream; stops with the test. */
export class RtspServer {
  readonly url: string;

  private constructor(url: string) {
    this.url = url;
  }

  static async start(pipeline: string): Promise<RtspServer> {
    const child = startChild(PYTHON, [SCRIPT, `( ${pipeline} )`], { stdio: ["ignore", "pipe", "inherit"] });
    const failed = once(child, "exit").then(() => {
      throw new Error("the RTSP server ended: apt-get install python3-gi gir1.2-gst-rtsp-server-1.0");
    });
    const [address] = await Promise.race([once(child.stdout, "data"), failed]);
    failed.catch(() => {});
    return new RtspServer(String(address).trim());
  }
}
