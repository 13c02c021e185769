"""Train the pcb-aoi detector on DeepPCB and export it to ONNX.

    python train.py --data DIR/train --out ../pcb-aoi.onnx

DIR/train holds images/, templates/ (defect-free twins, aligned) and labels/ (`x1 y1 x2 y2 type`, pixels).
The network is an anchor-free centre-heatmap detector (CenterNet, arXiv:1904.07850) at stride 8, made of plain
3x3 and 1x1 convolutions with ReLU so that it quantizes well. Outputs, for input [N,1,640,640] in 0..1:

    heatmap [N,6,80,80]  probability that a defect of that class has its centre in this cell
    boxes   [N,4,80,80]  distances from the cell's centre to the left, top, right and bottom edge, in cells
"""

import argparse
import copy
import hashlib
import json
import math
import pathlib
import random
import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

CLASSES = ["open", "short", "mousebite", "spur", "copper", "pin-hole"]
STRIDE = 8


# ---------------------------------------------------------------- network
def conv(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Residual(nn.Module):
    """Two 3x3 convolutions around a narrower middle, added to the input."""

    def __init__(self, channels: int):
        super().__init__()
        self.squeeze = conv(channels, channels // 2)
        self.expand = nn.Sequential(
            nn.Conv2d(channels // 2, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.relu(x + self.expand(self.squeeze(x)))


class Detector(nn.Module):
    def __init__(self, width: int, depth: int):
        super().__init__()
        fine, coarse = width, width * 2
        self.to_stride8 = nn.Sequential(conv(1, 16, 3, 2), conv(16, 32, 3, 2), conv(32, fine, 3, 2))
        self.to_stride16 = nn.Sequential(
            conv(fine, coarse, 3, 2), *[Residual(coarse) for _ in range(depth)]
        )
        self.context = nn.Sequential(conv(coarse, coarse, 3, 2), Residual(coarse))
        self.lateral = conv(coarse, fine, 1)
        self.fuse = nn.Sequential(conv(fine, fine), Residual(fine))
        self.heat = nn.Conv2d(fine, len(CLASSES), 1)
        self.box = nn.Conv2d(fine, 4, 1)
        nn.init.constant_(self.heat.bias, -4.6)  # prior probability 0.01 (RetinaNet, arXiv:1708.02002)
        nn.init.constant_(self.box.bias, 2.0)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        fine = self.to_stride8(x)
        coarse = self.to_stride16(fine)
        coarse = coarse + F.interpolate(self.context(coarse), scale_factor=2.0, mode="nearest")
        fine = self.fuse(fine + F.interpolate(self.lateral(coarse), scale_factor=2.0, mode="nearest"))
        return self.heat(fine), F.relu(self.box(fine))


class Exported(nn.Module):
    def __init__(self, detector: Detector):
        super().__init__()
        self.detector = detector

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        heat, box = self.detector(x)
        return torch.sigmoid(heat), box


# ---------------------------------------------------------------- data
class Boards(torch.utils.data.Dataset):
    """Random crops with every symmetry of the square, scale, brightness, contrast and noise.

    A defect is sometimes healed by copying its place from the template: the same spot is then a hard negative.
    """

    def __init__(self, folder: pathlib.Path, ids: list[str], crop: int, stretch: float):
        read = lambda kind, i: cv2.imread(str(folder / kind / f"{i}.jpg"), cv2.IMREAD_GRAYSCALE)
        self.images = [read("images", i) for i in ids]
        self.templates = [read("templates", i) for i in ids]
        self.labels = [np.loadtxt(folder / "labels" / f"{i}.txt", ndmin=2) for i in ids]
        self.crop, self.stretch = crop, stretch

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int):
        rng = np.random.default_rng(torch.randint(2**62, ()).item())
        image, boxes = self.heal(rng, self.images[index], self.templates[index], self.labels[index])
        image, boxes, whole = self.cut(rng, image, boxes)
        image = furnish(rng, image, boxes)
        image, boxes = turn(rng, image, boxes)
        pixels = shade(rng, image)
        heat, ltrb, mask = targets(boxes[whole], self.crop // STRIDE)
        return torch.from_numpy(pixels)[None], heat, ltrb, mask, counted(boxes[~whole], self.crop // STRIDE)

    def heal(self, rng, image, template, boxes):
        healed = rng.random(len(boxes)) < 0.25
        if healed.any():
            image = image.copy()
            for x1, y1, x2, y2, _ in boxes[healed].astype(int):
                where = np.s_[max(0, y1 - 4) : y2 + 4, max(0, x1 - 4) : x2 + 4]
                image[where] = template[where]
        return image, boxes[~healed]

    def cut(self, rng, image, boxes):
        scale = math.exp(rng.uniform(-self.stretch, self.stretch))
        size = min(640, round(self.crop / scale))
        x, y = rng.integers(0, 640 - size + 1, 2)
        image = cv2.resize(image[y : y + size, x : x + size], (self.crop, self.crop), interpolation=cv2.INTER_AREA)
        boxes = boxes.copy()
        area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        boxes[:, [0, 2]] = (boxes[:, [0, 2]] - x).clip(0, size)
        boxes[:, [1, 3]] = (boxes[:, [1, 3]] - y).clip(0, size)
        left = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        boxes[:, :4] *= self.crop / size
        return image, boxes[left > 0], left[left > 0] > 0.6 * area[left > 0]


def furnish(rng, image, boxes):
    """Draws what boards of other families carry and these few do not: rings, slots, text, pads with a neck, drilled
    pads. It stands only where the board is bare, has no label, and so teaches that such shapes are no defects."""
    image = image.copy()
    for _ in range(rng.integers(0, 5)):
        half = int(rng.integers(20, 44))
        x, y = rng.integers(half, image.shape[0] - half, 2)
        window = image[y - half : y + half, x - half : x + half]
        if (window < 128).any():
            continue
        shape = rng.choice(["ring", "slot", "text", "drilled", "pad", "pad", "pad"])
        stamp = draw(rng, shape, half)
        if shape == "pad":
            stretch_neck(rng, image, boxes, x, y, half)
        np.minimum(window, rough(rng, stamp), out=window)
    return image


def draw(rng, shape: str, half: int) -> np.ndarray:
    stamp = np.full((2 * half, 2 * half), 255, np.uint8)
    middle, radius = (half, half), int(rng.uniform(0.45, 0.85) * half)
    if shape == "ring":
        cv2.circle(stamp, middle, radius, 0, int(rng.integers(4, max(5, radius // 2 + 2))))
    elif shape == "slot":
        reach, thickness = int(half * 0.35), max(10, radius)
        cv2.line(stamp, (half - reach, half), (half + reach, half), 0, thickness)
        if rng.random() < 0.7:
            cv2.line(stamp, (half - reach, half), (half + reach, half), 255, thickness // 3)
    elif shape == "text":
        letter, scale = rng.choice(list("0123456789ABCDEFGHJKLMNPRSTUVWXYZ")), half / 22
        cv2.putText(stamp, letter, (half // 2, half + half // 2), 0, scale, 0, int(rng.integers(3, 9)))
    elif rng.random() < 0.5:
        cv2.rectangle(stamp, (half - radius, half - radius), (half + radius, half + radius), 0, -1)
    else:
        cv2.circle(stamp, middle, radius, 0, -1)
    if shape == "drilled" or (shape == "pad" and rng.random() < 0.2):
        cv2.circle(stamp, middle, max(3, int(radius * rng.uniform(0.15, 0.5))), 255, -1)
    if shape in ("text", "slot"):
        turned = cv2.getRotationMatrix2D(middle, rng.uniform(0, 360), 1)
        stamp = cv2.warpAffine(stamp, turned, stamp.shape, borderValue=255)
    return stamp


def stretch_neck(rng, image, boxes, x: int, y: int, half: int) -> None:
    """A straight trace from a new pad's middle to the nearest copper in one of eight directions, if any is near."""
    directions = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)]
    for dx, dy in rng.permutation(directions):
        for step in range(half // 2, half + 50):
            ex, ey = int(x + dx * step), int(y + dy * step)
            if not (4 <= ex < image.shape[1] - 4 and 4 <= ey < image.shape[0] - 4):
                break
            if image[ey, ex] >= 128:
                continue
            if all(abs(ex - (b[0] + b[2]) / 2) > 40 or abs(ey - (b[1] + b[3]) / 2) > 40 for b in boxes):
                end = (int(ex + 2 * dx), int(ey + 2 * dy))
                cv2.line(image, (int(x), int(y)), end, 0, int(rng.integers(5, 15)))
                return
            break


def rough(rng, stamp: np.ndarray) -> np.ndarray:
    """Edges as ragged as the scanner's."""
    soft = cv2.GaussianBlur(stamp, (3, 3), 0).astype(np.float32) + rng.normal(0, 35, stamp.shape)
    return np.where(soft > 127, 255, 0).astype(np.uint8)


def turn(rng, image, boxes):
    size = image.shape[0]
    if rng.random() < 0.5:
        image, boxes = image[:, ::-1], boxes[:, [2, 1, 0, 3, 4]] * [-1, 1, -1, 1, 1] + [size, 0, size, 0, 0]
    if rng.random() < 0.5:
        image, boxes = image[::-1], boxes[:, [0, 3, 2, 1, 4]] * [1, -1, 1, -1, 1] + [0, size, 0, size, 0]
    if rng.random() < 0.5:
        image, boxes = image.T, boxes[:, [1, 0, 3, 2, 4]]
    return image, boxes


def shade(rng, image) -> np.ndarray:
    if rng.random() < 0.2:  # thinner or thicker copper, as another etching bath would leave it
        image = (cv2.erode if rng.random() < 0.5 else cv2.dilate)(np.ascontiguousarray(image), np.ones((2, 2)))
    pixels = image.astype(np.float32) / 255
    pixels = pixels * rng.uniform(0.75, 1.25) + rng.uniform(-0.12, 0.12)
    if rng.random() < 0.5:
        pixels = pixels + rng.normal(0, rng.uniform(0, 0.06), pixels.shape)
    if rng.random() < 0.15:
        pixels = cv2.GaussianBlur(pixels, (3, 3), 0)
    return np.ascontiguousarray(pixels.clip(0, 1), dtype=np.float32)


def targets(boxes: np.ndarray, cells: int):
    """Gaussian peaks per class, and for the cells around each centre the distances to its box's edges."""
    heat = np.zeros((len(CLASSES), cells, cells), np.float32)
    ltrb = np.zeros((4, cells, cells), np.float32)
    mask = np.zeros((1, cells, cells), np.float32)
    ys, xs = np.mgrid[:cells, :cells] + 0.5
    order = np.argsort(-(boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    for x1, y1, x2, y2, kind in boxes[order] / [STRIDE, STRIDE, STRIDE, STRIDE, 1]:
        cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
        px, py = min(int(cx), cells - 1), min(int(cy), cells - 1)
        sx, sy = max(0.6, (x2 - x1) / 8), max(0.6, (y2 - y1) / 8)
        peak = np.exp(-((xs - cx) ** 2 / (2 * sx**2) + (ys - cy) ** 2 / (2 * sy**2)))
        channel = heat[int(kind) - 1]
        np.maximum(channel, peak, out=channel)
        channel[py, px] = 1
        near = (abs(xs - px - 0.5) < 1.6) & (abs(ys - py - 0.5) < 1.6)
        near &= (xs > x1) & (xs < x2) & (ys > y1) & (ys < y2)
        near[py, px] = True
        for edge, distance in enumerate((xs - x1, ys - y1, x2 - xs, y2 - ys)):
            ltrb[edge][near] = distance[near].clip(0)
        mask[0][near] = 1
    return heat, ltrb, mask


def counted(cut_boxes: np.ndarray, cells: int) -> np.ndarray:
    """0 where a crop's edge leaves too little of a defect to say what it is, 1 elsewhere."""
    mask = np.ones((1, cells, cells), np.float32)
    for x1, y1, x2, y2, _ in cut_boxes / STRIDE:
        mask[0, int(y1) : math.ceil(y2), int(x1) : math.ceil(x2)] = 0
    return mask


# ---------------------------------------------------------------- loss
def focal(logits: torch.Tensor, heat: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """Penalty-reduced focal loss of CenterNet, summed over the cells that count, divided by the number of peaks."""
    p = torch.sigmoid(logits).clamp(1e-4, 1 - 1e-4)
    peak = heat == 1
    positive = -torch.log(p) * (1 - p) ** 2
    negative = -torch.log(1 - p) * p**2 * (1 - heat) ** 4
    return (torch.where(peak, positive, negative) * counts).sum() / peak.sum().clamp(min=1)


def giou(predicted: torch.Tensor, wanted: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """1 - generalised IoU (arXiv:1902.09630) of boxes that share their cell's centre."""
    low, high = torch.minimum(predicted, wanted), torch.maximum(predicted, wanted)
    area = lambda d: (d[:, 0] + d[:, 2]) * (d[:, 1] + d[:, 3])
    inter, hull = area(low), area(high)
    union = area(predicted) + area(wanted) - inter
    score = inter / union.clamp(min=1e-6) - (hull - union) / hull.clamp(min=1e-6)
    return ((1 - score) * mask[:, 0]).sum() / mask.sum().clamp(min=1)


# ---------------------------------------------------------------- check on boards kept out of training
def detections(heat: torch.Tensor, box: torch.Tensor, min_score: float) -> np.ndarray:
    """Rows of x1 y1 x2 y2 class score for one board: peaks of 3x3, then greedy class-wise NMS at IoU 0.4."""
    peak = (F.max_pool2d(heat[None], 3, 1, 1)[0] == heat) & (heat >= min_score)
    kind, cy, cx = [t.numpy() for t in torch.where(peak)]
    score = heat.numpy()[kind, cy, cx]
    d = box.numpy()[:, cy, cx]
    rows = np.stack([cx + 0.5 - d[0], cy + 0.5 - d[1], cx + 0.5 + d[2], cy + 0.5 + d[3]], 1) * STRIDE
    rows = np.concatenate([rows, kind[:, None], score[:, None]], 1)[np.argsort(-score)]
    kept: list[np.ndarray] = []
    for row in rows:
        if all(k[4] != row[4] or iou(k, row) < 0.4 for k in kept):
            kept.append(row)
    return np.array(kept).reshape(-1, 6)


def iou(a, b) -> float:
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    return w * h / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h)


def evaluate(network: nn.Module, folder: pathlib.Path, ids: list[str]) -> tuple[float, float]:
    """Mean average precision and best F-score; a detection is right when class matches and IoU > 0.33."""
    scored, wanted = [], np.zeros(len(CLASSES))
    for i in ids:
        image = cv2.imread(str(folder / "images" / f"{i}.jpg"), cv2.IMREAD_GRAYSCALE)
        with torch.no_grad():
            heat, box = network(torch.from_numpy(image)[None, None].float() / 255)
        truth = np.loadtxt(folder / "labels" / f"{i}.txt", ndmin=2)
        free = set(range(len(truth)))
        for t in truth:
            wanted[int(t[4]) - 1] += 1
        for row in detections(torch.sigmoid(heat[0].float()), box[0].float(), 0.02):
            match = max(
                (k for k in free if truth[k][4] == row[4] + 1), key=lambda k: iou(truth[k], row), default=None
            )
            right = match is not None and iou(truth[match], row) > 0.33
            if right:
                free.discard(match)
            scored.append((row[5], int(row[4]), right))
    scored.sort(reverse=True)
    precisions = []
    for c in range(len(CLASSES)):
        right = np.array([r for _, k, r in scored if k == c], bool)
        tp = np.cumsum(right)
        precision = np.maximum.accumulate((tp / np.arange(1, len(tp) + 1))[::-1])[::-1]
        precisions.append(precision[right].sum() / max(1, wanted[c]))
    tp = np.cumsum([r for *_, r in scored])
    f = 2 * tp / (np.arange(1, len(tp) + 1) + wanted.sum())
    return float(np.mean(precisions)), float(f.max(initial=0))


# ---------------------------------------------------------------- training
def train(args: argparse.Namespace) -> nn.Module:
    folder = pathlib.Path(args.data)
    ids = sorted(p.stem for p in (folder / "images").glob("*.jpg"))
    random.Random(args.seed).shuffle(ids)
    kept_out, ids = ids[: args.hold_out], ids[args.hold_out :]
    network = Detector(args.width, args.depth).to(memory_format=torch.channels_last)
    if args.resume:
        network.load_state_dict(torch.load(args.resume))
    average = copy.deepcopy(network).requires_grad_(False)
    print(f"{sum(p.numel() for p in network.parameters()):,} parameters, {len(ids)} boards, {len(kept_out)} held out")
    boards = Boards(folder, ids, args.crop, args.stretch)
    loader = torch.utils.data.DataLoader(
        boards, args.batch, shuffle=True, num_workers=1, drop_last=True, prefetch_factor=4, persistent_workers=True
    )
    optimizer = torch.optim.AdamW(network.parameters(), lr=args.rate, weight_decay=0.02)
    steps = args.epochs * len(loader)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.rate, steps, pct_start=0.08)
    step, began = 0, time.time()
    for epoch in range(args.epochs):
        network.train()
        total = 0.0
        for pixels, heat, ltrb, mask, counts in loader:
            with torch.autocast("cpu", torch.bfloat16):
                logits, boxes = network(pixels.to(memory_format=torch.channels_last))
            loss = focal(logits.float(), heat, counts) + 2 * giou(boxes.float(), ltrb, mask)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 10)
            optimizer.step()
            schedule.step()
            step += 1
            decay = min(0.998, step / (step + 20))
            with torch.no_grad():
                for a, b in zip(average.state_dict().values(), network.state_dict().values()):
                    a.lerp_(b, 1 - decay) if a.dtype.is_floating_point else a.copy_(b)
            total += loss.item()
        line = f"epoch {epoch + 1:3d} loss {total / len(loader):.4f} {time.time() - began:6.0f} s"
        if (epoch + 1) % 10 == 0 or epoch + 1 == args.epochs:
            if kept_out:
                line += "  mAP %.4f  F %.4f" % evaluate(average.eval(), folder, kept_out)
            torch.save(average.state_dict(), args.out + ".pt")
        print(line, flush=True)
    if args.average:
        for a, b in zip(average.state_dict().values(), torch.load(args.average).values()):
            a.lerp_(b, 0.5) if a.dtype.is_floating_point else None
    return average.eval()


def export(network: nn.Module, path: str) -> None:
    torch.onnx.export(
        Exported(network.to(memory_format=torch.contiguous_format)).eval(),
        (torch.zeros(1, 1, 640, 640),),
        path,
        input_names=["image"],
        output_names=["heatmap", "boxes"],
        dynamic_axes={"image": {0: "N"}, "heatmap": {0: "N"}, "boxes": {0: "N"}},
        opset_version=17,
        dynamo=False,
    )


def record(path: pathlib.Path) -> None:
    """Writes the new file's size and digest into the manifest beside it."""
    manifest_path = path.parent / "manifest.json"
    if manifest_path.exists():
        manifest = json.loads(manifest_path.read_text())
        data = path.read_bytes()
        stage = {"file": path.name, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        manifest["variants"][0]["stages"] = [stage]
        manifest_path.write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--crop", type=int, default=320)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--width", type=int, default=56, help="channels at stride 8; twice that at stride 16")
    parser.add_argument("--depth", type=int, default=3, help="residual blocks at stride 16")
    parser.add_argument("--stretch", type=float, default=0.3, help="largest change of scale, as a logarithm")
    parser.add_argument("--resume", help="weights (.pt) to go on from")
    parser.add_argument("--average", help="weights (.pt) to average the result with (arXiv:1803.05407)")
    parser.add_argument("--hold-out", type=int, default=0, help="boards kept out of training to watch progress")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    export(train(args), args.out)
    record(pathlib.Path(args.out))
