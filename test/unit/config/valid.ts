/** A small configuration that is valid; tests change a part of it. */
export const VALID = `version: 1
device: {id: insp-07}
models:
  pcb: {bundle: models/pcb}
cameras:
  top:
    source: replay
    path: images
pipelines:
  board:
    camera: top
    model: pcb
`;
