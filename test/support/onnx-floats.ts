/** The float initializers of an ONNX file, read with as little of protobuf as that takes. */
export function floatTensors(model: Buffer): { name: string; values: Float32Array }[] {
  const GRAPH = 7;
  const INITIALIZER = 5;
  return fieldsOf(model)
    .filter(({ id }) => id === GRAPH)
    .flatMap(({ bytes }) => fieldsOf(bytes))
    .filter(({ id }) => id === INITIALIZER)
    .map(({ bytes }) => tensorOf(fieldsOf(bytes)))
    .filter(({ values }) => values.length > 0);
}

interface Field {
  id: number;
  value: number;
  bytes: Buffer;
}

function tensorOf(fields: Field[]): { name: string; values: Float32Array } {
  const [DATA_TYPE, NAME, RAW_DATA, FLOAT] = [2, 8, 9, 1];
  const name = fields.find(({ id }) => id === NAME)?.bytes.toString() ?? "";
  const isFloat = fields.some(({ id, value }) => id === DATA_TYPE && value === FLOAT);
  const raw = isFloat ? fields.find(({ id }) => id === RAW_DATA)?.bytes : undefined;
  return { name, values: new Float32Array(Uint8Array.from(raw ?? []).buffer) };
}

function fieldsOf(message: Buffer): Field[] {
  const fields: Field[] = [];
  let position = 0;
  const varint = (): number => {
    for (let value = 0, factor = 1; ; factor *= 128) {
      const byte = message.readUInt8(position++);
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (position < message.length) {
    const tag = varint();
    const wire = tag % 8;
    const value = wire === 0 || wire === 2 ? varint() : 0;
    const length = wire === 2 ? value : wire === 5 ? 4 : wire === 1 ? 8 : 0;
    fields.push({ id: Math.floor(tag / 8), value, bytes: message.subarray(position, position + length) });
    position += length;
  }
  return fields;
}
