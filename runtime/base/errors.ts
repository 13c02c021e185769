/**
 * Every error that Sightline raises on purpose, in one table: code → what it means and what a person at the
 * device should do next. `docs/errors.md` lists the same codes; a test keeps the two equal.
 */
export const ERRORS = {
  ERR_USAGE: { meaning: "The command line was not understood.", hint: "Run `sightline help`." },
  ERR_CONFIG_READ: {
    meaning: "The configuration file cannot be read.",
    hint: "Check the path and its permissions; `sightline init` writes a first one.",
  },
  ERR_CONFIG_INVALID: {
    meaning: "The configuration has problems; each is listed with file, line and column.",
    hint: "Correct the listed lines and run `sightline check FILE` again.",
  },
  ERR_CONFIG_WRITE: {
    meaning: "The configuration file cannot be written.",
    hint: "Check the folder, its permissions and free space; an existing file is only replaced with --force.",
  },
  ERR_RELOAD: {
    meaning: "A changed configuration cannot be applied while the daemon runs; it goes on with the old one.",
    hint: "Restart the daemon, or take these changes back: device, engine, store, stages_folder and log are read at its start.",
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
    hint: "Check the path; `sightline model list --shipped` lists what is shipped, `sightline model list` what is installed.",
  },
  ERR_MODEL_MANIFEST: {
    meaning: "A model's manifest.json is not valid.",
    hint: "Compare it with docs/models.md; the message names the key.",
  },
  ERR_MODEL_DIGEST: {
    meaning: "A model file's sha256 or size differs from its manifest.",
    hint: "The file is damaged or was changed: install the bundle again.",
  },
  ERR_MODEL_LOAD: {
    meaning: "ONNX Runtime refused the model.",
    hint: "The message is ONNX Runtime's own; check opset and operators.",
  },
  ERR_MODEL_IO: {
    meaning: "A model's inputs or outputs do not have the shape that its manifest or decoder needs.",
    hint: "Check `input`, `decoder` and `labels` in the manifest against the model.",
  },
  ERR_MODEL_SPLIT: {
    meaning: "A model cannot be cut into stages as was asked.",
    hint: "Ask for fewer stages or a larger budget; `sightline model inspect FILE` shows where it can be cut.",
  },
  ERR_ONNX_FILE: {
    meaning: "A file is not an ONNX model, or is damaged.",
    hint: "Export it again, or copy it again: `sha256sum` on both sides shows whether it came over whole.",
  },
  ERR_ONNX_SIZE: {
    meaning: "An ONNX model is too large for one file.",
    hint: "Export it with external data: its weights then stand in a file beside it.",
  },
  ERR_ONNX_EXTERNAL: {
    meaning:
      "Weights that an ONNX model keeps in another file are missing, too short, or outside its folder.",
    hint: "Put the weights file beside the model as it was exported; links and `..` are not followed.",
  },
  ERR_ONNX_GRAPH: {
    meaning:
      "An ONNX model's graph is not sound: a cycle, a tensor that nothing makes or that is made twice.",
    hint: "Export it again; the message names the place.",
  },
  ERR_ONNX_TENSOR: {
    meaning: "A tensor in an ONNX model does not have the bytes that its shape wants.",
    hint: "Export it again; the message names the tensor.",
  },
  ERR_ONNX_OPSET: {
    meaning: "An ONNX model uses operators of a version that is not known here.",
    hint: "Export it with an opset from 13 to 21.",
  },
  ERR_QUANTIZE_RANGE: {
    meaning: "A tensor's values cannot be calibrated: NaN or infinity among them, or none at all.",
    hint: "Look at the pictures used, `input.mean` and `input.std`; if the model itself overflows, leave that part in float.",
  },
  ERR_CALIBRATION_FILE: {
    meaning: "A calibration file is missing or not valid.",
    hint: "Make it anew with `sightline model quantize … --save-calibration FILE`.",
  },
  ERR_LABELS: {
    meaning: "Labels that a model is to be scored with are missing or not valid.",
    hint: "Each picture needs a file of its name with `.txt`; docs/models.md shows the lines.",
  },
  ERR_QUANTIZE_REFUSED: {
    meaning: "A quantized model is not worth having: slower than its float form, or too far from it.",
    hint: "Look at the report; use more pictures, another `--method`, a larger `--max-drop`, or `--force` if you know better.",
  },
  ERR_MODEL_SIGNATURE: {
    meaning: "A model's signature is missing, wrong, or made by a key that is not trusted.",
    hint: "Ask for a bundle that is signed by a trusted key, or put its maker's public key into the store's folder `trust`.",
  },
  ERR_MODEL_KEY: {
    meaning: "A key file cannot be read or written, or holds no Ed25519 key of the right kind.",
    hint: "`sightline model keygen NAME` makes a pair: NAME.key.pem signs, NAME.pub.pem verifies.",
  },
  ERR_MODEL_EXPIRED: {
    meaning:
      "A model may not be installed any more: the time that its manifest gives in `expires` has passed.",
    hint: "Check this machine's clock with `date`; if it is right, ask for a newer bundle.",
  },
  ERR_MODEL_RUNTIME: {
    meaning: "A model needs a newer Sightline.",
    hint: "Update Sightline, or install a model whose `min_runtime` is not above `sightline version`.",
  },
  ERR_MODEL_ROLLBACK: {
    meaning: "A model's version is not above the highest that was ever installed here.",
    hint: "`sightline model rollback NAME` goes back to the version before; a bundle that is to be installed needs a higher `version`.",
  },
  ERR_MODEL_ARCHIVE: {
    meaning: "A bundle's tar file is damaged or holds something that does not belong in a bundle.",
    hint: "Copy it again, or make it again with `sightline model bundle`.",
  },
  ERR_MODEL_DELTA: {
    meaning: "A delta is damaged, or was made from another version than the installed ones.",
    hint: "Copy it again, or install the whole bundle with `sightline model install`.",
  },
  ERR_MODEL_WRITE: {
    meaning: "A bundle or a delta cannot be written.",
    hint: "Check the folder, its permissions and free space; what exists already is not replaced.",
  },
  ERR_MODEL_STORE: {
    meaning: "The model store cannot be read or written.",
    hint: "Check the folder, its permissions and the file system (`df`, `dmesg`).",
  },
  ERR_MODEL_STORE_BUSY: {
    meaning: "Another command is changing the model store.",
    hint: "Wait until it has ended, then try again.",
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
    hint: "`sightline ps --config FILE` lists those of the running daemon.",
  },
  ERR_MODEL_BUDGET: {
    meaning: "A model does not fit into the memory that models may use.",
    hint: "Raise `engine.model_budget`, set `stream: auto`, or unpin others; the message has the numbers.",
  },
  ERR_MODEL_QUARANTINED: {
    meaning: "A model brought the process down several times and is not opened any more.",
    hint: "Install another version, or `sightline model load NAME --config FILE` to try again; the log has the signal.",
  },
  ERR_MODEL_CACHE: {
    meaning: "The cache of prepared models cannot be written.",
    hint: "Check the folder, its permissions and free space; models are opened without it, which takes longer.",
  },
  ERR_SESSION_RUN: {
    meaning: "ONNX Runtime failed while running a model.",
    hint: "The message is ONNX Runtime's own; try the frame with `sightline infer`.",
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
    meaning: "A frame's size, stride or format does not fit its data.",
    hint: "Compare the camera's format with its configuration.",
  },
  ERR_CAMERA_SOURCE: {
    meaning: "A camera's source cannot be opened.",
    hint: "Check the path or device in `cameras`; `sightline doctor` looks at each.",
  },
  ERR_CAMERA_STALLED: {
    meaning: "A camera delivered no whole frame for longer than `stall` allows; it is being restarted.",
    hint: "Check cable, power and light on the camera; the event has the last lines of its process.",
  },
  ERR_CAMERA_ENDED: {
    meaning: "A camera's process ended; it is being restarted.",
    hint: "The event has its last lines; `sightline doctor` looks for missing tools and plugins.",
  },
  ERR_CAMERA_FORMAT: {
    meaning: "A camera's frames are not as configured, or changed in the middle.",
    hint: "Compare `format`, `width` and `height` with what the camera delivers.",
  },
  ERR_FRAME_TORN: {
    meaning: "A part's frame arrived incomplete.",
    hint: "Check the camera's cable and bandwidth, and what its process writes.",
  },
  ERR_FRAME_STALE: {
    meaning: "A frame was too old to be judged as new.",
    hint: "Lower the camera's rate, use a smaller model, or relieve the CPU.",
  },
  ERR_CAMERA_CLOSED: {
    meaning: "A frame was sent to a camera that takes none now.",
    hint: "The daemon is starting or stopping, or no pipeline watches this camera: send the frame again later.",
  },
  ERR_STAGE_LOAD: {
    meaning: "A stage of your own cannot be loaded or does not have the form of one.",
    hint: "Compare the file with the example in docs/pipelines.md.",
  },
  ERR_STAGE_RUN: {
    meaning: "A stage failed on a frame.",
    hint: "If it is one of your own, look at the message and the file; otherwise report it with the log.",
  },
  ERR_QUEUE_FULL: {
    meaning: "A frame could not be queued because all buffers were taken.",
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
    hint: "Reconnect the broker or raise `store.max_size`; the oldest pass results go first.",
  },
  ERR_EVIDENCE_WRITE: {
    meaning: "A picture could not be kept as evidence.",
    hint: "Check `evidence.path`, its permissions and the file system (`df`, `dmesg`); inspection goes on.",
  },
  ERR_EVIDENCE_SPACE: {
    meaning: "There is no room for evidence above the free space that has to remain.",
    hint: "Free some space, or lower `evidence.min_free_percent`; older pictures were deleted already.",
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
    hint: "Check `mqtt.url`, the network and that the broker runs; results wait in the store.",
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
    meaning: "The body of an HTTP request has a type that the route does not take.",
    hint: "Send image/jpeg, image/png, image/webp or image/tiff, or application/octet-stream for raw pixels.",
  },
  ERR_HTTP_BODY_SIZE: {
    meaning: "The body of an HTTP request is larger than allowed.",
    hint: "Send smaller pictures or raise `http.max_body`.",
  },
  ERR_HTTP_LATE: {
    meaning: "A frame that came by HTTP was not judged in time for an answer.",
    hint: "The result still goes to MQTT: look at `R/health` for the store and the queue.",
  },
  ERR_HTTP_FAILED: {
    meaning: "An HTTP request failed for a reason that is not its own.",
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
