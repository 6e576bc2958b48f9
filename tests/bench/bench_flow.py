"""Optical flow against what people use: error, time and memory, side by side in one process on one thread.

    python tests/bench/bench_flow.py [--quick] [--save FILE.json] [FOLDER with .flo truth beside two frames ...]

Errors are mean endpoint errors in pixels. Times are CPU time of one thread; all methods take turns on the same pair,
and the medians are compared. Peers: OpenCV (DIS medium, Farnebäck, TV-L1, pyramidal Lucas–Kanade at every pixel) and
scikit-image (TV-L1, ILK), each with its own defaults: pip install opencv-contrib-python-headless scikit-image.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")

import numpy as np  # noqa: E402
import torch  # noqa: E402

try:
    import cv2
    import skimage
    from skimage.registration import optical_flow_ilk, optical_flow_tvl1
except ImportError as error:
    sys.exit(f"bench_flow: {error}. Peers to compare with: pip install opencv-contrib-python-headless scikit-image")

from flow_pairs import synthetic  # noqa: E402
from PIL import Image  # noqa: E402

import vidlab  # noqa: E402, F401
from vidlab import data, flow  # noqa: E402

ROUNDS = 5
TARGETS = (  # (ours, theirs, pairs, at most this ratio of errors)
    ("horn_schunck", "skimage TV-L1", ("rotation", "affine"), 0.75),
    ("horn_schunck", "skimage TV-L1", ("wave",), 0.3),
    *(("robust", peer, ("rotation", "affine", "wave", "large", "objects"), 1.0)
      for peer in ("OpenCV TV-L1", "DIS medium", "skimage TV-L1", "skimage ILK")),
    ("lucas_kanade", "skimage ILK", ("rotation", "affine", "wave", "large", "objects"), 1.0),
)  # fmt: skip
TIMES = (  # (ours, theirs, at most this ratio of times)
    ("horn_schunck", "skimage TV-L1", 0.08),
    ("robust", "skimage TV-L1", 0.12),
    ("robust", "DIS medium", 12),
    ("lucas_kanade", "skimage ILK", 0.15),
)


def with_bytes(method):
    """OpenCV's methods take bytes, h w, and give h w 2."""
    return lambda a, b: method(*((255 * frame.numpy()).round().astype(np.uint8) for frame in (a, b))).transpose(2, 0, 1)


def with_tensors(method):
    return lambda a, b: method(a[None, None], b[None, None])[0].numpy()


def pyramidal_lk(a, b):
    """OpenCV tracks points; here every pixel is one."""
    y, x = np.mgrid[: a.shape[0], : a.shape[1]].astype(np.float32)
    points = np.stack([x, y], -1).reshape(-1, 1, 2)
    moved, _, _ = cv2.calcOpticalFlowPyrLK(a, b, points, None)
    return (moved - points).reshape(*a.shape, 2)


METHODS = {
    "lucas_kanade": with_tensors(flow.lucas_kanade),
    "horn_schunck": with_tensors(flow.horn_schunck),
    "robust": with_tensors(lambda a, b: flow.horn_schunck(a, b, robust=True)),
    "DIS medium": with_bytes(
        lambda a, b: cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(a, b, None)
    ),
    "Farnebäck": with_bytes(lambda a, b: cv2.calcOpticalFlowFarneback(a, b, None, 0.5, 5, 15, 3, 7, 1.5, 0)),
    "OpenCV TV-L1": with_bytes(lambda a, b: cv2.optflow.createOptFlow_DualTVL1().calc(a, b, None)),
    "OpenCV LK": with_bytes(pyramidal_lk),
    "skimage TV-L1": lambda a, b: optical_flow_tvl1(a.numpy(), b.numpy())[::-1],
    "skimage ILK": lambda a, b: optical_flow_ilk(a.numpy(), b.numpy())[::-1],
}


def motorcycle():
    """Left and right eye: every point moves to the left by its disparity, 7 to 60 pixels."""
    frames = [
        np.asarray(Image.open(data.path(f"motorcycle-{eye}")).convert("L"), np.float32) for eye in ("left", "right")
    ]
    disparity = np.load(data.path("motorcycle-disparity"))["arr_0"]
    return *(torch.from_numpy(frame / 255) for frame in frames), torch.from_numpy(
        np.stack([-disparity, np.zeros_like(disparity)])
    )


def folder(path):
    """Pairs in a folder: each .flo file lies beside two pictures."""
    for truth in sorted(Path(path).rglob("*.flo")):
        pictures = sorted(p for p in truth.parent.iterdir() if p.suffix in (".png", ".jpg", ".ppm"))
        if len(pictures) < 2:
            print(f"{truth}: no two pictures beside it", file=sys.stderr)
            continue
        frames = [torch.from_numpy(np.array(Image.open(p).convert("L"), np.float32) / 255) for p in pictures[:2]]
        field, valid = flow.read_flow(truth)
        yield truth.parent.name, (*frames, torch.where(valid, field, torch.nan)[0])


def errors(found, truth):
    """Mean endpoint error (pixels) and mean angular error (degrees) where the truth is known."""
    found, truth = torch.from_numpy(np.ascontiguousarray(found)).float()[None], truth[None]
    return tuple(error(found, truth).nanmean().item() for error in (flow.endpoint_error, flow.angular_error))


def cpu(method, a, b):
    started = time.process_time()
    found = method(a, b)
    return found, time.process_time() - started


def peak_megabytes(name):
    """How far memory rises above what a process holds before it runs this method on one pair."""
    program = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import psutil, threading, time, torch, bench_flow as bench\n"
        "torch.set_num_threads(1)\na, b = torch.rand(2, 388, 584)\nprocess, highest = psutil.Process(), [0]\n"
        f"bench.METHODS[{name!r}](a[:64, :64].contiguous(), b[:64, :64].contiguous())\n"
        "before = process.memory_info().rss\n"
        "def watch():\n    while time.sleep(0.001) is None:\n"
        "        highest[0] = max(highest[0], process.memory_info().rss)\n"
        "threading.Thread(target=watch, daemon=True).start()\n"
        f"bench.METHODS[{name!r}](a, b)\nprint(highest[0] - before)"
    )
    return int(subprocess.check_output([sys.executable, "-c", program]).split()[-1]) / 1e6


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--quick", action="store_true", help="two pairs and one round")
    parser.add_argument("--save", type=Path)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    pairs = synthetic()
    if arguments.quick:
        pairs = {name: pairs[name] for name in ("rotation, noise", "objects 1")}
    else:
        pairs["motorcycle"] = motorcycle()
    for path in arguments.folders:
        pairs |= dict(folder(path))

    print("mean endpoint error (pixels)\n" + " " * 22 + "  |max|" + "".join(f"{name:>15}" for name in METHODS))
    table = {}
    for pair, (a, b, truth) in pairs.items():
        table[pair] = {name: errors(method(a, b), truth) for name, method in METHODS.items()}
        longest = truth.norm(dim=0)[torch.isfinite(truth).all(0)].max()
        print(f"{pair:22}{longest:7.1f}" + "".join(f"{table[pair][name][0]:15.3f}" for name in METHODS), flush=True)

    a, b, _ = next(pairs[name] for name in pairs if name.startswith("objects"))
    seconds = {name: [] for name in METHODS}
    for _ in range(1 if arguments.quick else ROUNDS):
        for name, method in METHODS.items():
            seconds[name].append(cpu(method, a, b)[1])
    median = {name: statistics.median(values) for name, values in seconds.items()}
    memory = {name: peak_megabytes(name) for name in METHODS}
    angular = {
        name: statistics.mean(row[name][1] for pair, row in table.items() if pair != "motorcycle") for name in METHODS
    }
    print("\n584×388, one thread      seconds   × skimage TV-L1    × DIS medium   peak MB   mean angular error")
    for name, value in median.items():
        relative = (value / median[peer] for peer in ("skimage TV-L1", "DIS medium"))
        print(
            f"{name:22}{value:10.3f}"
            + "".join(f"{r:16.3f}" for r in relative)
            + f"{memory[name]:10.0f}{angular[name]:15.2f}°"
        )

    print("\ntargets")
    for ours, theirs, kinds, limit in TARGETS:
        for pair in (pair for pair in table if pair.startswith(kinds)):
            ratio = table[pair][ours][0] / table[pair][theirs][0]
            print(f"  {'✔' if ratio <= limit else '✘'} {ours:13} {ratio:5.2f} × {theirs:14} ≤ {limit:<5} on {pair}")
    for ours, theirs, limit in TIMES:
        ratio = median[ours] / median[theirs]
        print(f"  {'✔' if ratio <= limit else '✘'} {ours:13} {ratio:5.3f} × the time of {theirs} ≤ {limit}")
    if arguments.save:
        about = {
            "date": datetime.date.today().isoformat(),
            "size": "584×388, one thread",
            "versions": {"torch": torch.__version__, "opencv": cv2.__version__, "scikit-image": skimage.__version__},
            "processor": platform.machine(),
        }
        result = {
            "about": about,
            "endpoint_error": {p: {n: round(e[0], 4) for n, e in r.items()} for p, r in table.items()},
        }
        result |= {
            "seconds": {n: round(v, 4) for n, v in median.items()},
            "peak_megabytes": {n: round(v) for n, v in memory.items()},
        }
        arguments.save.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
