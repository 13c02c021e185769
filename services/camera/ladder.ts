/** What is done after a failure, one rung higher with each that follows without a frame between. */
export interface Rung {
  /** `reopen` leaves the device closed for longer; `recover` runs the user's command before; `alarm` also says so. */
  action: "restart" | "reopen" | "recover" | "alarm";
  pauseMs: number;
}

export interface LadderOptions {
  backoffMs: { min: number; max: number };
  hasRecoverCommand: boolean;
}

/** Failures in a row after which the next rung is reached. */
const RESTARTS = 3;
const REOPENS = 5;
const RECOVERS = 6;
const REOPEN_FACTOR = 2;

/** The pause doubles from rung to rung; `random` (0 to 1) takes up to a fifth off, so that cameras do not march. */
export function rungAfter(failures: number, options: LadderOptions, random: number): Rung {
  const { min, max } = options.backoffMs;
  const action = actionAfter(failures, options);
  const factor = action === "restart" ? 1 : REOPEN_FACTOR;
  const backoffMs = Math.min(max, factor * min * 2 ** Math.min(failures - 1, 30));
  return { action, pauseMs: Math.round(backoffMs * (1 - random / 5)) };
}

function actionAfter(failures: number, { hasRecoverCommand }: LadderOptions): Rung["action"] {
  if (failures <= RESTARTS) return "restart";
  if (failures <= REOPENS) return "reopen";
  return failures <= RECOVERS && hasRecoverCommand ? "recover" : "alarm";
}
