/**
 * Every error that Sightline raises on purpose, in one table: code → what it means and what a person at the
 * device should do next. `docs/errors.md` lists the same codes; a test keeps the two equal.
 */
export const ERRORS = {
  ERR_USAGE: { meaning: "The command line was not understood.", hint: "Run `sightline help`." },
  ERR_CONFIG_READ: {
    meaning: "The configuration file cannot be read.",
    hint: "Check the path and its permissions; `sightline init` writes an example to start from.",
  },
  ERR_CONFIG_INVALID: {
    meaning: "The configuration has problems; each is listed with file, line and column.",
    hint: "Correct the listed lines and run `sightline check FILE` again.",
  },
  ERR_CONFIG_WRITE: {
    meaning: "The configuration file cannot be written.",
    hint: "Check the folder, its permissions and free space; an existing file is replaced only with --force.",
  },
  ERR_RELOAD: {
    meaning:
      "A changed configuration cannot be applied to the running daemon, which continues with the old one.",
    hint: "Restart the daemon, or undo the change: device, engine, store, stages_folder and log are read only at startup.",
  },
  ERR_ADDON_MISSING: {
    meaning: "The native addon is not built or cannot be loaded.",
    hint: "Run `npm run build:native`; it needs a C++ compiler (Debian: apt-get install g++).",
  },
  ERR_ADDON_ARGUMENT: {
    meaning: "An argument of the wrong type or size reached the native addon.",
    hint: "This is a defect in Sightline: report it with the log.",
  },
  ERR_ORT_LIBRARY: {
    meaning: "The ONNX Runtime library cannot be opened or is too old.",
    hint: "Run `npm ci` again, or point `engine.library` to a libonnxruntime.so of version 1.17 or newer.",
  },
  ERR_MODEL_MISSING: {
    meaning: "A model, or a file that its manifest names, does not exist.",
    hint: "Check the path; `sightline model list --shipped` lists the shipped models, `sightline model list` the installed ones.",
  },
  ERR_MODEL_MANIFEST: {
    meaning: "A model's manifest.json is not valid.",
    hint: "Compare it with docs/models.md; the message names the key.",
  },
  ERR_MODEL_DIGEST: {
    meaning: "A model file's sha256 or size differs from its manifest.",
    hint: "The file was damaged or changed: install the bundle again.",
  },
  ERR_MODEL_LOAD: {
    meaning: "ONNX Runtime refused the model.",
    hint: "The message comes from ONNX Runtime; check the model's opset and operators.",
  },
  ERR_MODEL_IO: {
    meaning: "A model's inputs or outputs do not have the shape that its manifest or decoder needs.",
    hint: "Check `input`, `decoder` and `labels` in the manifest against the model.",
  },
  ERR_MODEL_SPLIT: {
    meaning: "A model cannot be split into stages as requested.",
    hint: "Ask for fewer stages or a larger budget; `sightline model inspect FILE` shows where the model can be split.",
  },
  ERR_ONNX_FILE: {
    meaning: "A file is not an ONNX model, or is damaged.",
    hint: "Export it or copy it again; `sha256sum` on both sides shows whether the copy is complete.",
  },
  ERR_ONNX_SIZE: {
    meaning: "An ONNX model is too large for one file.",
    hint: "Export it with external data, which keeps the weights in a file beside the model.",
  },
  ERR_ONNX_EXTERNAL: {
    meaning:
      "Weights that an ONNX model keeps in another file are missing, too short, or outside its folder.",
    hint: "Keep the weights file where the export put it, next to the model; links and `..` are not followed.",
  },
  ERR_ONNX_GRAPH: {
    meaning:
      "An ONNX model's graph is not valid: it has a cycle, or a tensor that is produced by no operator or by two.",
    hint: "Export the model again; the message names the operator or tensor.",
  },
  ERR_ONNX_TENSOR: {
    meaning: "A tensor in an ONNX model does not have the number of bytes that its shape requires.",
    hint: "Export the model again; the message names the tensor.",
  },
  ERR_ONNX_OPSET: {
    meaning: "An ONNX model uses an operator or an opset version that is not supported.",
    hint: "Export it with an opset from 13 to 21.",
  },
  ERR_QUANTIZE_RANGE: {
    meaning: "A tensor cannot be calibrated: its values contain NaN or infinity, or there are none.",
    hint: "Check the pictures, `input.mean` and `input.std`; if the model itself overflows, leave that part in float.",
  },
  ERR_CALIBRATION_FILE: {
    meaning: "A calibration file is missing or not valid.",
    hint: "Create it again with `sightline model quantize … --save-calibration FILE`.",
  },
  ERR_LABELS: {
    meaning: "The labels for scoring a model are missing or not valid.",
    hint: "Each picture needs a file with the same name and the ending `.txt`; docs/models.md describes its lines.",
  },
  ERR_QUANTIZE_REFUSED: {
    meaning:
      "A quantized model was refused: it is slower than the float model, or less accurate than allowed.",
    hint: "Read the report; use more pictures, another `--method` or a larger `--max-drop`, or write the model anyway with `--force`.",
  },
  ERR_MODEL_SIGNATURE: {
    meaning: "A model's signature is missing, wrong, or made by a key that is not trusted.",
    hint: "Ask for a bundle signed by a trusted key, or put the signer's public key into the store's `trust` folder.",
  },
  ERR_MODEL_KEY: {
    meaning: "A key file cannot be read or written, or holds no Ed25519 key of the right kind.",
    hint: "`sightline model keygen NAME` makes a pair: NAME.key.pem signs, NAME.pub.pem verifies.",
  },
  ERR_MODEL_EXPIRED: {
    meaning:
      "A model has expired: the time that its manifest gives in `expires` has passed, so it cannot be installed.",
    hint: "Check this machine's clock with `date`; if it is right, ask for a newer bundle.",
  },
  ERR_MODEL_RUNTIME: {
    meaning: "A model needs a newer Sightline.",
    hint: "Update Sightline, or install a model whose `min_runtime` is no newer than `sightline version`.",
  },
  ERR_MODEL_ROLLBACK: {
    meaning: "A model's version is not higher than the highest version ever installed here.",
    hint: "`sightline model rollback NAME` returns to the previous version; to install this bundle, give it a higher `version`.",
  },
  ERR_MODEL_ARCHIVE: {
    meaning: "A bundle's tar file is damaged or contains something that does not belong in a bundle.",
    hint: "Copy it again, or create it again with `sightline model bundle`.",
  },
  ERR_MODEL_DELTA: {
    meaning: "A delta is damaged, or was made from a version that is not installed here.",
    hint: "Copy it again, or install the whole bundle with `sightline model install`.",
  },
  ERR_MODEL_WRITE: {
    meaning: "A bundle or a delta cannot be written.",
    hint: "Check the folder, its permissions and free space; existing files are never replaced.",
  },
  ERR_MODEL_STORE: {
    meaning: "The model store cannot be read or written.",
    hint: "Check the folder, its permissions and the file system (`df`, `dmesg`).",
  },
  ERR_MODEL_STORE_BUSY: {
    meaning: "Another command is changing the model store.",
    hint: "Wait until it has finished, then try again.",
  },
  ERR_MODEL_STORE_FULL: {
    meaning: "There is not enough free space for a model.",
    hint: "Run `sightline model gc`, or free some space on the store's disk.",
  },
  ERR_REQUEST: {
    meaning: "A request to the running daemon is not valid.",
    hint: "docs/mqtt.md lists the requests and their arguments.",
  },
  ERR_MODEL_UNKNOWN: {
    meaning: "There is no model of this name.",
    hint: "`sightline ps --config FILE` lists the models of the running daemon.",
  },
  ERR_MODEL_BUDGET: {
    meaning: "A model does not fit into the memory budget for models.",
    hint: "Raise `engine.model_budget`, set `stream: auto`, or unpin other models; the message has the numbers.",
  },
  ERR_MODEL_QUARANTINED: {
    meaning: "A model crashed the process several times and is no longer opened.",
    hint: "Install another version, or try again with `sightline model load NAME --config FILE`; the log names the signal.",
  },
  ERR_MODEL_CACHE: {
    meaning: "The cache of prepared models cannot be written.",
    hint: "Check the folder, its permissions and free space; without the cache, models still open, but more slowly.",
  },
  ERR_SESSION_RUN: {
    meaning: "ONNX Runtime failed while running a model.",
    hint: "The message comes from ONNX Runtime; try the frame with `sightline infer`.",
  },
  ERR_SESSION_TIMEOUT: {
    meaning: "A run exceeded its time limit and was cancelled.",
    hint: "Raise `engine.run_limit`, use a smaller model, or relieve the CPU.",
  },
  ERR_SESSION_CANCELLED: {
    meaning: "A run was cancelled by its caller.",
    hint: "Nothing to do: this happens at shutdown.",
  },
  ERR_SESSION_CLOSED: {
    meaning: "A session was used after it was unloaded.",
    hint: "Nothing to do at shutdown; otherwise report it with the log.",
  },
  ERR_IMAGE_READ: { meaning: "An image file cannot be read.", hint: "Check the path and its permissions." },
  ERR_IMAGE_WRITE: {
    meaning: "A picture cannot be written.",
    hint: "Check the folder, its permissions and free space.",
  },
  ERR_IMAGE_EMPTY: {
    meaning: "An image has no bytes.",
    hint: "The camera or the copy stopped half-way: check free space and the source.",
  },
  ERR_IMAGE_FORMAT: {
    meaning: "The data is not an image of a known format.",
    hint: "Use JPEG, PNG, WebP or TIFF; look at the file's first bytes, not its name.",
  },
  ERR_IMAGE_TRUNCATED: {
    meaning: "An image ends early or is damaged.",
    hint: "Copy the file again; with a camera, check cable and bandwidth.",
  },
  ERR_IMAGE_SIZE: {
    meaning: "An image is smaller or larger than Sightline accepts.",
    hint: "Accepted are 8×8 to 16,384×16,384 pixels and at most 64 megapixels.",
  },
  ERR_FRAME_INVALID: {
    meaning: "A frame's size, stride or format does not match its data.",
    hint: "Compare the camera's format with its configuration.",
  },
  ERR_CAMERA_SOURCE: {
    meaning: "A camera's source cannot be opened.",
    hint: "Check the path or device in `cameras`; `sightline doctor --config FILE` tests each camera.",
  },
  ERR_CAMERA_STALLED: {
    meaning: "A camera delivered no complete frame for longer than `stall` allows; it is being restarted.",
    hint: "Check the camera's cable, power and light; the event has the last lines that its process wrote.",
  },
  ERR_CAMERA_ENDED: {
    meaning: "A camera's process ended; it is being restarted.",
    hint: "The event has the last lines that it wrote; `sightline doctor` looks for missing tools and plugins.",
  },
  ERR_CAMERA_FORMAT: {
    meaning:
      "A camera's frames do not match the configuration, or their format changed while it was running.",
    hint: "Compare `format`, `width` and `height` with what the camera delivers.",
  },
  ERR_FRAME_TORN: {
    meaning: "The frame of a part arrived incomplete.",
    hint: "Check the camera's cable and bandwidth, and what its process writes.",
  },
  ERR_FRAME_STALE: {
    meaning: "A frame was too old to be judged.",
    hint: "Lower the camera's rate, use a smaller model, or relieve the CPU.",
  },
  ERR_CAMERA_CLOSED: {
    meaning: "A frame was sent to a camera that does not accept frames at the moment.",
    hint: "The daemon is starting or stopping, or no pipeline watches this camera: send the frame again later.",
  },
  ERR_STAGE_LOAD: {
    meaning: "A custom stage cannot be loaded, or its file does not export a stage.",
    hint: "Compare the file with the example in docs/pipelines.md.",
  },
  ERR_STAGE_RUN: {
    meaning: "A stage failed on a frame.",
    hint: "If it is a custom stage, the message says what to look for in its file; otherwise report it with the log.",
  },
  ERR_QUEUE_FULL: {
    meaning: "A frame could not be queued because all buffers were in use.",
    hint: "Lower the camera's rate, or use a smaller model.",
  },
  ERR_DEADLINE: {
    meaning: "A frame could no longer be judged before its deadline.",
    hint: "Raise `deadline`, lower the camera's rate, or use a smaller model.",
  },
  ERR_STORE_OPEN: {
    meaning: "The result store cannot be opened.",
    hint: "Check that `store.path` exists, is writable and that no other daemon uses it.",
  },
  ERR_STORE_WRITE: {
    meaning: "The result store cannot be written.",
    hint: "Check free space and the file system (`df`, `dmesg`).",
  },
  ERR_STORE_FULL: {
    meaning: "The result store reached its size limit.",
    hint: "Reconnect the broker or raise `store.max_size`; the oldest pass results are dropped first.",
  },
  ERR_EVIDENCE_WRITE: {
    meaning: "A picture could not be kept as evidence.",
    hint: "Check `evidence.path`, its permissions and the file system (`df`, `dmesg`); inspection continues.",
  },
  ERR_EVIDENCE_SPACE: {
    meaning: "The disk has too little free space to keep more evidence.",
    hint: "Free some space, or lower `evidence.min_free_percent`; older pictures have already been deleted.",
  },
  ERR_EVIDENCE_BUSY: {
    meaning: "A picture was not kept because too many were being written.",
    hint: "Use a faster disk, keep fewer verdicts in `evidence.verdicts`, or lower `evidence.audit_sample`.",
  },
  ERR_MQTT_REFUSED: {
    meaning: "The MQTT broker refused the connection.",
    hint: "Check user name, password, client id and the broker's access rules.",
  },
  ERR_MQTT_UNREACHABLE: {
    meaning: "The MQTT broker cannot be reached or dropped the connection.",
    hint: "Check `mqtt.url`, the network and that the broker is running; results wait in the store.",
  },
  ERR_MQTT_TIMEOUT: {
    meaning: "The MQTT broker accepted the connection but does not answer.",
    hint: "Restart the broker; results wait in the store.",
  },
  ERR_HTTP_LISTEN: {
    meaning: "The HTTP server cannot listen.",
    hint: "Check `http.listen`: another program may use the port, or the address is not this device's.",
  },
  ERR_HTTP_DENIED: {
    meaning: "An HTTP request was not authorised.",
    hint: "Send `Authorization: Bearer TOKEN` with the token from `http.token`; without one, ask from the device itself.",
  },
  ERR_HTTP_NOT_FOUND: {
    meaning: "An HTTP request asked for something that is not there.",
    hint: "docs/http.md lists the routes; cameras are named in the configuration.",
  },
  ERR_HTTP_REQUEST: {
    meaning: "An HTTP request is not valid.",
    hint: "Compare it with docs/http.md.",
  },
  ERR_HTTP_BODY_TYPE: {
    meaning: "The body of an HTTP request has a content type that the route does not accept.",
    hint: "Send image/jpeg, image/png, image/webp or image/tiff, or application/octet-stream for raw pixels.",
  },
  ERR_HTTP_BODY_SIZE: {
    meaning: "The body of an HTTP request is larger than allowed.",
    hint: "Send smaller pictures or raise `http.max_body`.",
  },
  ERR_HTTP_LATE: {
    meaning: "A frame sent over HTTP was not judged in time for an answer.",
    hint: "The result is still published over MQTT; `R/health` shows the state of the store and the queue.",
  },
  ERR_HTTP_FAILED: {
    meaning: "An HTTP request failed because of an internal error.",
    hint: "This is a defect in Sightline: report it with the log.",
  },
  ERR_DAEMON_UNREACHABLE: {
    meaning: "No daemon answers for this configuration.",
    hint: "Start it with `sightline run --config FILE`.",
  },
  ERR_STOP_TIMEOUT: {
    meaning: "A part of the daemon did not stop in time.",
    hint: "The log names the part; results already decided are in the store.",
  },
} as const satisfies Record<string, { meaning: string; hint: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** What crosses threads and processes in place of the error: structured clone drops code, hint and class. */
export interface ErrorRecord {
  code: ErrorCode;
  message: string;
  hint: string;
}

/** The one error class. Callers switch on `code`, never on text; `hint` is the next thing to do. */
export class SightlineError extends Error {
  override readonly name = "SightlineError";
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? ERRORS[code].hint;
  }

  static from(record: ErrorRecord): SightlineError {
    return new SightlineError(record.code, record.message, { hint: record.hint });
  }

  /** `error` itself when it is ours, else wrapped under `code` with its message. */
  static wrap(code: ErrorCode, error: unknown, context?: string): SightlineError {
    if (error instanceof SightlineError) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new SightlineError(code, context ? `${context}: ${message}` : message, { cause: error });
  }

  toRecord(): ErrorRecord {
    return { code: this.code, message: this.message, hint: this.hint };
  }
}
