// What one writes first: fastify and onnxruntime-node, with the protocol's binary tensors for models of one input.
//   node plain-server.ts MODEL.onnx PORT

import { availableParallelism } from "node:os";
import fastify from "fastify";
import { openServed } from "../loader/plain.ts";

const [model = "", port = ""] = process.argv.slice(2);
const { run } = await openServed(model, availableParallelism());
const server = fastify({ bodyLimit: 2 ** 27 });
server.removeAllContentTypeParsers();
server.addContentTypeParser("*", { parseAs: "buffer" }, (_, body, done) => done(null, body));
server.get("/v2/models/m/ready", async () => ({ name: "m", ready: true }));
server.post("/v2/models/m/infer", async (request, reply) => {
  const body = request.body as Buffer;
  const length = Number(request.headers["inference-header-content-length"]);
  const { inputs: given } = JSON.parse(body.subarray(0, length).toString());
  const [{ name, shape }] = given;
  const bytes = new Uint8Array(body.subarray(length));
  const outputs = await run(name, new Float32Array(bytes.buffer), shape);
  const parts = outputs.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength));
  const json = {
    model_name: "m",
    outputs: outputs.map(({ dims, name: output }, i) => ({
      ...{ name: output, datatype: "FP32", shape: dims },
      parameters: { binary_data_size: parts[i]?.length },
    })),
  };
  const text = Buffer.from(JSON.stringify(json));
  return reply
    .type("application/octet-stream")
    .header("inference-header-content-length", text.length)
    .send(Buffer.concat([text, ...parts]));
});
await server.listen({ host: "127.0.0.1", port: Number(port) });
