import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Creates `folder` (absolute) and what is missing above it. Node's own `recursive` never returns where the file
 * system takes no folders, as in /proc: it goes back and forth between "no such file" and "exists".
 * Errors: those of mkdir(2).
 */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Someone else may have been quicker.
    if (!existsSync(folder)) throw error;
  }
}
