# What one writes first in Python: FastAPI with uvicorn and onnxruntime, with the protocol's binary tensors for models of one input.
#   python3 fastapi_server.py MODEL.onnx PORT THREADS

import json
import sys

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool

path, port, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = threads
session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
names = [output.name for output in session.get_outputs()]
app = FastAPI()


@app.post("/v2/models/m/infer")
async def infer(request: Request) -> Response:
    body = await request.body()
    length = int(request.headers["inference-header-content-length"])
    given = json.loads(body[:length])["inputs"][0]
    tensor = np.frombuffer(body, np.float32, offset=length).reshape(given["shape"])
    made = await run_in_threadpool(session.run, names, {given["name"]: tensor})
    outputs = [
        {
            "name": name,
            "datatype": "FP32",
            "shape": output.shape,
            "parameters": {"binary_data_size": output.nbytes},
        }
        for name, output in zip(names, made)
    ]
    text = json.dumps({"model_name": "m", "outputs": outputs}).encode()
    return Response(
        text + b"".join(output.tobytes() for output in made),
        media_type="application/octet-stream",
        headers={"inference-header-content-length": str(len(text))},
    )


@app.get("/v2/models/m/ready")
async def ready() -> dict:
    return {"ready": True}


uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
