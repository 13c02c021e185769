const SHOWN = 80;

/** A name from a model in quotes, for a message: it may be as long as the file and hold control characters. */
export function quote(name: string): string {
  const shown = name.length > SHOWN ? `${name.slice(0, SHOWN)}…` : name;
  return JSON.stringify(shown);
}
