"""OpenCV's share of the kernels' bench: does a piece of work as often as a line of standard input says.

Lines in: {"work": "picture", ...} or {"work": "boxes", ...} make a piece of work; {"calls": N} does it N times.
Lines out: {"ready": true}, or {"ms": milliseconds of one call}.
"""

import json
import sys
import time

import cv2
import numpy as np


def picture_work(given):
    width, height, side = given["width"], given["height"], given["side"]
    place, pad = given["place"], given["pad"]
    data = np.fromfile(given["file"], dtype=np.uint8)
    is_nv12 = given["format"] == "nv12"
    image = data.reshape((height * 3 // 2, width) if is_nv12 else (height, width, 3))
    below = side - place["top"] - place["height"]
    right = side - place["left"] - place["width"]

    def work():
        rgb = cv2.cvtColor(image, cv2.COLOR_YUV2RGB_NV12) if is_nv12 else image
        if (width, height) != (place["width"], place["height"]):
            # By area, as the kernel does: INTER_LINEAR would leave out pixels that others read.
            rgb = cv2.resize(rgb, (place["width"], place["height"]), interpolation=cv2.INTER_AREA)
        if below or right or place["top"] or place["left"]:
            rgb = cv2.copyMakeBorder(
                rgb, place["top"], below, place["left"], right, cv2.BORDER_CONSTANT, value=(pad, pad, pad)
            )
        return cv2.dnn.blobFromImage(rgb, scalefactor=1 / 255)

    return work


def boxes_work(given):
    corners = np.array(given["boxes"], dtype=np.float64).reshape(-1, 4)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    scores = np.array(given["scores"], dtype=np.float32)
    return lambda: cv2.dnn.NMSBoxes(boxes, scores, 0.0, given["iouMax"])


def say(answer):
    print(json.dumps(answer), flush=True)


def main():
    say({"version": cv2.__version__})
    work = None
    for line in sys.stdin:
        asked = json.loads(line)
        if "calls" in asked:
            start = time.perf_counter()
            for _ in range(asked["calls"]):
                work()
            say({"ms": 1000 * (time.perf_counter() - start) / asked["calls"]})
        else:
            work = picture_work(asked) if asked["work"] == "picture" else boxes_work(asked)
            say({"ready": True})


main()
