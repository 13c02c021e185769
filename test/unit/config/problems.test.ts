import { describe, expect, it } from "vitest";
import { checkText } from "../../../config/load.ts";
import { problemText } from "../../../config/problem.ts";
import { VALID } from "./valid.ts";

const linesOf = (text: string, env: Record<string, string> = {}): string[] =>
  checkText(text, { file: "config.yaml", env }).problems.map(problemText);

/** Each case: lines that follow the valid file, and the one line that they earn. */
const ADDED: [name: string, yaml: string, line: string][] = [
  ["unknown section", "mqqt: {}", 'config.yaml:13:1: mqqt: unknown key "mqqt", did you mean "mqtt"?'],
  [
    "unknown key",
    "log:\n  colour: red",
    'config.yaml:14:3: log.colour: unknown key "colour", known here: level',
  ],
  [
    "text for a truth value",
    "mqtt: {retain_verdict: no}",
    'config.yaml:13:24: mqtt.retain_verdict: must be true or false, not the text "no", write false',
  ],
  [
    "number for a truth value",
    "mqtt: {retain_verdict: 1}",
    "config.yaml:13:24: mqtt.retain_verdict: must be true or false, not the number 1",
  ],
  [
    "number for a duration",
    "engine:\n  run_limit: 250",
    'config.yaml:14:14: engine.run_limit: must be a duration such as "2s", not the number 250, write "250ms", "250s" or "250m"',
  ],
  [
    "number for a size",
    "store: {max_size: 64}",
    'config.yaml:13:19: store.max_size: must be a size such as "256MiB", not the number 64, write "64KiB", "64MiB" or "64GiB"',
  ],
  [
    "no duration",
    "health: {interval: soon}",
    'config.yaml:13:20: health.interval: must be a duration such as "30s", not the text "soon"',
  ],
  [
    "duration out of range",
    "health: {interval: 1ms}",
    'config.yaml:13:20: health.interval: must be a duration from "1s" to "1d"',
  ],
  [
    "size out of range",
    "store: {max_size: 1KiB}",
    'config.yaml:13:19: store.max_size: must be a size from "1MiB" to "1024GiB"',
  ],
  [
    "number out of range",
    "mqtt: {window: 65536}",
    "config.yaml:13:16: mqtt.window: must be a whole number from 1 to 65535, not the number 65536",
  ],
  [
    "broken number",
    "mqtt: {window: 1.5}",
    "config.yaml:13:16: mqtt.window: must be a whole number from 1 to 65535, not the number 1.5",
  ],
  [
    "number in quotes",
    'mqtt: {window: "20"}',
    'config.yaml:13:16: mqtt.window: must be a whole number from 1 to 65535, not the text "20", remove the quotes: 20',
  ],
  [
    "number for one of several texts",
    "mqtt: {protocol: 5}",
    'config.yaml:13:18: mqtt.protocol: must be "auto", "5" or "3.1.1", not the number 5, put it in quotes: "5"',
  ],
  [
    "slip in one of several texts",
    "log: {level: wran}",
    'config.yaml:13:14: log.level: must be "debug", "info", "warn" or "error", not the text "wran", did you mean "warn"?',
  ],
  [
    "neither of two kinds",
    "engine: {slots: many}",
    'config.yaml:13:17: engine.slots: must be "auto" or a whole number from 1 to 64, not the text "many"',
  ],
  [
    "number for text",
    "store: {path: 5}",
    "config.yaml:13:15: store.path: must be a path, not the number 5, put it in quotes",
  ],
  [
    "truth value for text",
    "mqtt: {username: true}",
    "config.yaml:13:18: mqtt.username: must be text of 1 to 256 characters, not true, put it in quotes",
  ],
  ["list for text", "store: {path: [a]}", "config.yaml:13:15: store.path: must be a path, not a list"],
  [
    "map for text",
    "store: {path: {a: b}}",
    "config.yaml:13:15: store.path: must be a path, not a map of keys",
  ],
  [
    "nothing for a map",
    "store:",
    "config.yaml:13:1: store: must be a map of keys, but nothing is written here",
  ],
  ["list for a map", "store: []", "config.yaml:13:8: store: must be a map of keys, not an empty list"],
  [
    "other scheme",
    "mqtt: {url: http://h}",
    'config.yaml:13:13: mqtt.url: must be an address such as "mqtt://127.0.0.1:1883" or "mqtts://broker:8883", not the text "http://h"',
  ],
  [
    "other scheme with a password in it",
    "mqtt: {url: http://u:pw@h}",
    'config.yaml:13:13: mqtt.url: must be an address such as "mqtt://127.0.0.1:1883" or "mqtts://broker:8883", not the text "http://•••@h"',
  ],
  [
    "credentials in the address",
    "mqtt: {url: mqtt://u:pw@h}",
    "config.yaml:13:13: mqtt.url: must be only the scheme, host and port of a broker, user name and password go in username and password",
  ],
  [
    "port that is none",
    "mqtt: {url: mqtt://h:99999}",
    "config.yaml:13:13: mqtt.url: must be only the scheme, host and port of a broker, user name and password go in username and password",
  ],
  [
    "wildcard topic",
    "mqtt: {base_topic: a/#}",
    'config.yaml:13:20: mqtt.base_topic: must be a topic without +, # or $ and without a slash at either end, write for example "plant/line-3"',
  ],
  [
    "topic with a slash at its end",
    "mqtt: {base_topic: a/}",
    'config.yaml:13:20: mqtt.base_topic: must be a topic without +, # or $ and without a slash at either end, write for example "plant/line-3"',
  ],
  [
    "topic with NUL",
    'mqtt: {base_topic: "a\\0b"}',
    'config.yaml:13:20: mqtt.base_topic: must be text of 1 to 256 characters, not the text "a\\u0000b"',
  ],
  [
    "password alone",
    "mqtt: {password: pw}",
    "config.yaml:13:8: mqtt.password: is set without a username, add username",
  ],
  [
    "secret of the wrong kind",
    "mqtt: {username: u, password: 12345}",
    "config.yaml:13:31: mqtt.password: must be text that is not empty, put it in quotes",
  ],
  [
    "tls without mqtts",
    "mqtt: {tls: {}}",
    "config.yaml:13:8: mqtt.tls: is only for mqtts, write mqtts://… in url or remove tls",
  ],
  [
    "variable that is not set",
    "mqtt: {client_id: 'x-${env:LINE}'}",
    "config.yaml:13:19: mqtt.client_id: the environment variable LINE is not set, set it or write ${env:LINE:-default}",
  ],
  [
    "substitution that is not known",
    "mqtt: {client_id: '${evn:X}'}",
    "config.yaml:13:19: mqtt.client_id: unknown substitution, write ${env:NAME}, ${env:NAME:-default} or ${file:PATH}; $${ stands for a plain ${",
  ],
  [
    "substitution for a number",
    "mqtt: {window: '${env:X:-5}'}",
    'config.yaml:13:16: mqtt.window: must be a whole number from 1 to 65535, not the text "${env:X:-5}", a substitution always gives text: write the number',
  ],
  ["key twice", "version: 1", 'config.yaml:13:1: the key "version" appears twice, remove one'],
  ["key that is a list", "[a]: b", "config.yaml:13:1: a key must be plain text, put it in quotes"],
  ["reserved key", "__proto__: {}", 'config.yaml:13:1: the key "__proto__" is reserved, choose another name'],
  [
    "merge key",
    "<<: {log: {}}",
    "config.yaml:13:1: merge keys (<<) are not part of YAML 1.2, write the keys out",
  ],
  [
    "unknown tag",
    "store: {path: !vault x}",
    "config.yaml:13:15: unknown tag !vault, remove it; values may contain ${env:NAME} and ${file:PATH}",
  ],
  ["quote that is not closed", "log:\n  level: 'info", "config.yaml:15:1: missing closing 'quote"],
  [
    "something extra",
    'log: {level: "info"x}',
    "config.yaml:13:20: syntax error, look for a missing or extra quote, bracket, colon or space before it",
  ],
  ["unknown anchor", "log: *l", "config.yaml:13:6: there is no anchor &l above"],
  ["cycle", "log: &l {level: *l}", "config.yaml:13:17: *l contains itself"],
  ["second document", "---\nversion: 1", 'config.yaml:13:1: a second document starts here, remove the "---"'],
  ["tab", "log:\n\tlevel: info", "config.yaml:14:1: YAML cannot be indented with tabs, use spaces"],
];

/** Each case: a part of the valid file, what stands there instead, and the one line that it earns. */
const CHANGED: [name: string, from: string, to: string, line: string][] = [
  [
    "missing section",
    "device: {id: insp-07}\n",
    "",
    'config.yaml:1:1: device: missing key "device", it takes a map of keys',
  ],
  [
    "missing key",
    "{bundle: models/pcb}",
    "{}",
    'config.yaml:4:8: models.pcb.bundle: missing key "bundle", it takes a path',
  ],
  ["version", "version: 1", "version: 2", "config.yaml:1:10: version: must be 1, not the number 2"],
  [
    "id with capitals",
    "insp-07",
    "Insp 07",
    'config.yaml:2:14: device.id: must be a name of 1 to 64 of a-z, 0-9, _ and -, not the text "Insp 07", write "insp-07"',
  ],
  [
    "name with capitals",
    "  top:",
    "  Top:",
    'config.yaml:6:3: cameras.Top: the name "Top" must be a name of 1 to 64 of a-z, 0-9, _ and -, write "top"',
  ],
  [
    "missing source",
    "source: replay",
    "fps: 5",
    'config.yaml:7:5: cameras.top.source: missing key "source", it takes "replay", "gst", "exec", "http" or "mqtt"',
  ],
  [
    "unknown source",
    "replay",
    "reply",
    'config.yaml:7:13: cameras.top.source: must be "replay", "gst", "exec", "http" or "mqtt", not the text "reply", did you mean "replay"?',
  ],
  [
    "key of a camera",
    "path: images",
    "path: images\n    devise: x",
    'config.yaml:9:5: cameras.top.devise: unknown key "devise", known here: source, path, files, fps, repeat, mode, buffer',
  ],
  [
    "path and files",
    "path: images",
    "path: images\n    files: [a]",
    "config.yaml:9:5: cameras.top.files: cannot be combined with path, remove one of the two",
  ],
  [
    "neither path nor files",
    "    path: images\n",
    "",
    "config.yaml:6:3: cameras.top: needs images, add path: FOLDER or files: [..]",
  ],
  [
    "preset without what it needs",
    "source: replay\n    path: images",
    "source: gst\n    preset: rtsp",
    "config.yaml:6:3: cameras.top: preset rtsp needs url, add url: …",
  ],
  [
    "key of another preset",
    "source: replay\n    path: images",
    "source: gst\n    preset: usb\n    url: rtsp://cam",
    "config.yaml:9:5: cameras.top.url: is not an option of preset usb, it is an option of preset rtsp",
  ],
  [
    "preset and pipeline",
    "source: replay\n    path: images",
    "source: gst\n    pipeline: videotestsrc\n    preset: test",
    "config.yaml:9:5: cameras.top.preset: cannot be combined with pipeline, remove one of the two",
  ],
  [
    "neither preset nor pipeline",
    "source: replay\n    path: images",
    "source: gst",
    'config.yaml:6:3: cameras.top: needs a pipeline, add preset: usb or pipeline: "…"',
  ],
  [
    "half a size",
    "source: replay\n    path: images",
    "source: gst\n    preset: test\n    width: 640",
    "config.yaml:9:5: cameras.top.width: needs height too, give both, or neither to take the source's own",
  ],
  [
    "unknown preset",
    "source: replay\n    path: images",
    "source: gst\n    preset: rtps",
    'config.yaml:8:13: cameras.top.preset: must be "usb", "picam", "jetson-csi", "rtsp", "gige", "file" or "test", not the text "rtps", did you mean "rtsp"?',
  ],
  [
    "pixels without a size",
    "source: replay\n    path: images",
    "source: exec\n    command: [cam]\n    format: rgb\n    width: 640",
    "config.yaml:6:3: cameras.top: raw pixels need height, add height: …, or framing: mjpeg if the frames are JPEGs",
  ],
  [
    "a camera for posted frames without a server",
    "source: replay\n    path: images",
    "source: http",
    "config.yaml:7:13: cameras.top.source: needs the section http, add for example http: {listen: 127.0.0.1:8080}",
  ],
  [
    "a group with a wildcard",
    "source: replay\n    path: images",
    "source: mqtt\n    topic: frames\n    group: a/b",
    'config.yaml:9:12: cameras.top.group: must be a name of 1 to 64 characters without +, # or /, not the text "a/b"',
  ],
  [
    "list item",
    "path: images",
    "files: [a, 5]",
    "config.yaml:8:16: cameras.top.files[1]: must be a path, not the number 5, put it in quotes",
  ],
  [
    "frame rate",
    "path: images",
    "path: images\n    fps: 0",
    'config.yaml:9:10: cameras.top.fps: must be "max" or a number above 0 up to 1000, not the number 0',
  ],
  [
    "camera that is not there",
    "camera: top",
    "camera: topp",
    'config.yaml:11:13: pipelines.board.camera: there is no "topp" in cameras, did you mean "top"?',
  ],
  [
    "model that is not there",
    "model: pcb",
    "model: steel",
    'config.yaml:12:12: pipelines.board.model: there is no "steel" in models, models has: pcb',
  ],
  [
    "inherited name",
    "model: pcb",
    "model: constructor",
    'config.yaml:12:12: pipelines.board.model: there is no "constructor" in models, models has: pcb',
  ],
  [
    "window",
    "model: pcb",
    "model: pcb\n    window: {fails: 5, of: 3}",
    "config.yaml:13:21: pipelines.board.window.fails: must not be above of (3), the window's length",
  ],
  [
    "score",
    "model: pcb",
    "model: pcb\n    min_score: 3",
    "config.yaml:13:16: pipelines.board.min_score: must be a number from 0 to 1, not the number 3",
  ],
  [
    "no rules",
    "model: pcb",
    "model: pcb\n    rules: []",
    "config.yaml:13:12: pipelines.board.rules: must be a list with at least one entry, not an empty list",
  ],
  [
    "key of a rule",
    "model: pcb",
    "model: pcb\n    rules:\n      - verdict: fail\n        label: x",
    'config.yaml:15:9: pipelines.board.rules[0].label: unknown key "label", did you mean "labels"?',
  ],
  [
    "old YAML",
    "version: 1",
    "%YAML 1.1\n---\nversion: 1",
    "config.yaml:1:1: YAML 1.1 is not supported, use 1.2",
  ],
];

const HTTP: [name: string, yaml: string, line: string][] = [
  [
    "an HTTP server for all without a token",
    "http: {listen: '0.0.0.0:8080'}",
    "config.yaml:13:16: http.listen: is open to other machines, but no token is set, add token, or write 127.0.0.1",
  ],
  [
    "an address without a port",
    "http: {listen: 127.0.0.1}",
    'config.yaml:13:16: http.listen: must be an address and port such as "127.0.0.1:8080", not the text "127.0.0.1"',
  ],
];

describe("problems", () => {
  it.each(HTTP)("%s", (_name, yaml, line) => {
    expect(linesOf(`${VALID}${yaml}\n`)).toEqual([line]);
  });

  it.each(ADDED)("%s", (_name, yaml, line) => {
    expect(linesOf(`${VALID}${yaml}\n`)).toEqual([line]);
  });

  it.each(CHANGED)("%s", (_name, from, to, line) => {
    expect(VALID).toContain(from);
    expect(linesOf(VALID.replace(from, to))).toEqual([line]);
  });

  it.each([
    ["", "config.yaml:1:1: the file is empty, `sightline init` writes a first configuration"],
    ["# only words\n", "config.yaml:1:1: the file is empty, `sightline init` writes a first configuration"],
    ["just text", 'config.yaml:1:1: must be a map of keys, not the text "just text"'],
    ["- a list", "config.yaml:1:1: must be a map of keys, not a list"],
  ])("a file with %j", (text, line) => {
    expect(linesOf(text)).toEqual([line]);
  });

  it("lists all at once, in the order of the file, whatever else is wrong", () => {
    const text = `${VALID.replace("camera: top", "camera: side").replace("version: 1", "version: one")}log: {level: loud}\nlog: {}\n`;
    expect(linesOf(text).map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual([
      "config.yaml:1:10: version:",
      "config.yaml:11:13: pipelines.board.camera:",
      "config.yaml:13:14: log.level:",
      "config.yaml:14:1: the",
    ]);
  });

  it("points through an alias at what it stands for", () => {
    const text = VALID.replace(
      "path: images",
      "path: images\n    fps: &f -1\n  low: {source: replay, path: x, fps: *f}",
    );
    expect(linesOf(text)).toEqual([
      'config.yaml:9:13: cameras.top.fps: must be "max" or a number above 0 up to 1000, not the number -1',
      'config.yaml:10:39: cameras.low.fps: must be "max" or a number above 0 up to 1000, not the number -1',
    ]);
  });

  it("never shows what a variable held", () => {
    const text = `${VALID}mqtt: {url: "\${env:URL}", username: u, password: "\${env:PW}"}\n`;
    const lines = linesOf(text, { URL: "https://geheim.example", PW: "" });
    expect(lines).toHaveLength(2);
    expect(lines.join()).not.toContain("geheim");
  });
});
