/** A problem in a configuration file. Lines and columns count from 1, columns in UTF-16 code units. */
export interface Problem {
  file: string;
  line: number;
  column: number;
  /** `cameras.top.fps`; empty if the problem concerns the whole file. */
  path: string;
  message: string;
  hint?: string | undefined;
}

/** `config.yaml:9:7: cameras.top.devise: unknown key "devise", did you mean "device"?` */
export function problemText({ file, line, column, path, message, hint }: Problem): string {
  const subject = path === "" ? message : `${path}: ${message}`;
  return `${file}:${line}:${column}: ${hint ? `${subject}, ${hint}` : subject}`;
}

export const byPosition = (a: Problem, b: Problem): number => a.line - b.line || a.column - b.column;
