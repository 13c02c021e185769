import { escapeSubstitution } from "./substitute.ts";

export interface ExampleOptions {
  /** Folder of the model's bundle. */
  bundle: string;
  /** Folder of images to replay. */
  images: string;
  /** Address of config.schema.json, for editors. */
  schemaUrl: string;
  /** Folder in which results wait; relative ones start from the file's. */
  store?: string;
  /** Images a second. */
  fps?: number;
}

/** A first configuration: one page, complete, every line with its reason. */
export function exampleConfig({
  bundle,
  fps = 10,
  images,
  schemaUrl,
  store = "./data",
}: ExampleOptions): string {
  return `# yaml-language-server: $schema=${encodeURI(decodeURI(schemaUrl))}
# Sightline configuration. Check it: sightline check FILE. All keys: docs/config.md
version: 1

device:
  id: insp-01                   # in every topic, so unique at the broker

mqtt:
  url: mqtt://127.0.0.1:1883    # mqtts://HOST:8883 for TLS
  base_topic: sightline         # verdicts: sightline/DEVICE/...
  # username: sightline
  # password: \${env:MQTT_PASSWORD}   # or \${file:/run/secrets/mqtt}

models:
  pcb:
    bundle: ${quoted(bundle)}

cameras:
  top:
    source: replay              # image files in place of a camera
    path: ${quoted(images)}
    fps: ${String(fps).padEnd(22)} # "max" for as fast as it goes
    repeat: loop                # once: stop after the last image
    mode: free_run              # triggered: never drop a frame silently

pipelines:
  board:
    camera: top
    model: pcb
    min_score: 0.3              # findings below do not count
    deadline: 500ms             # later than this, a verdict is of no use
    rules:                      # fail outranks review
      - min_score: 0.5
        verdict: fail
      - verdict: review         # whatever else was found: let a person look
    window: {fails: 3, of: 10}  # alarm when 3 of the last 10 frames fail

store:
  path: ${store.padEnd(23)} # results wait here while the broker is away
  max_size: 256MiB
`;
}

/** JSON's strings are YAML's double-quoted ones. */
const quoted = (path: string): string => JSON.stringify(escapeSubstitution(path));
