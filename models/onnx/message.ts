/** Makes a message of a schema of `proto/`. */
export { create } from "@bufbuild/protobuf";
