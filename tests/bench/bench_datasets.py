"""Cutting clips for training: `vidlab.datasets` against plain PyAV, and decord and torchcodec where they are installed.

All give the same frames at the same size, each process on one thread. Rounds are interleaved, and what counts is the
median of the ratios of CPU time: wall time on a busy machine says little. `make bench` runs this.

    python tests/bench/bench_datasets.py [--videos 8] [--rounds 5] [--workers 1]
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import av
import numpy as np

from vidlab.datasets.cutting import Cut, cut, quick
from vidlab.datasets.rows import Row

SIZE, FRAMES = 64, 8


def film(path, seed, frames, size, codec="libx264", gop=250):
    """Smooth moving textures with grain: neither as easy as a cartoon nor as hard as noise."""
    dice = np.random.default_rng(seed)
    height, width = size
    y, x = np.mgrid[:height, :width].astype(np.float32)
    waves = [(*dice.uniform(0.02, 0.2, 2), *dice.uniform(0, 6, 2), dice.uniform(-0.3, 0.3)) for _ in range(4)]
    grain = dice.normal(0, 4, (8, height, width, 1)).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width, stream.pix_fmt, stream.gop_size = height, width, "yuv420p", gop
        if codec == "libx264":
            stream.options = {"preset": "veryfast", "crf": "23"}
        else:
            stream.bit_rate = 900_000
        for t in range(frames):
            light = sum(np.sin(a * x + b * y + p + s * t) for a, b, p, _, s in waves)
            other = sum(np.cos(a * y - b * x + q - s * t) for a, b, _, q, s in waves)
            image = np.stack([128 + 25 * light, 128 + 25 * other, 128 + 12 * (light + other)], -1) + grain[t % 8]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image.clip(0, 255).astype(np.uint8), "rgb24")))
        container.mux(stream.encode())
    return path


def middle(image, size=SIZE):
    """The middle of `h w c`."""
    top, left = (image.shape[0] - size) // 2, (image.shape[1] - size) // 2
    return image[top : top + size, left : left + size]


def scaled(height, width):
    scale = SIZE / min(height, width)
    return round(height * scale), round(width * scale)


def by_pyav(path, how):
    """What a good engineer writes: one pass over the packets to count, then decode, and make small what is wanted."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        total = stream.frames or sum(packet.size > 0 for packet in container.demux(stream))
        container.seek(0)
        wanted = how.indices(total).reshape(-1)
        need, got = set(wanted.tolist()), {}
        height, width = scaled(stream.height, stream.width)
        for i, frame in enumerate(container.decode(stream)):
            if i in need:
                small = frame.reformat(width, height, "rgb24", interpolation="AREA", threads=1)
                got[i] = middle(small.to_ndarray()).transpose(2, 0, 1)
                if len(got) == len(need):
                    break
    return np.stack([got[i] for i in wanted])


def by_seeking(path, how):
    """The same, but jumping to the key frame before each wanted frame, for long films and few frames."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type, stream.codec_context.thread_count = "NONE", 1
        wanted = how.indices(stream.frames).reshape(-1).tolist()
        step = int(1 / (stream.average_rate * stream.time_base))
        height, width = scaled(stream.height, stream.width)
        found = []
        for index in wanted:
            container.seek(index * step, stream=stream)
            for frame in container.decode(stream):
                if frame.pts >= index * step:
                    small = frame.reformat(width, height, "rgb24", interpolation="AREA", threads=1)
                    found.append(middle(small.to_ndarray()).transpose(2, 0, 1))
                    break
    return np.stack(found)


def by_decord(path, how):
    import decord

    with av.open(str(path)) as container:
        height, width = scaled(container.streams.video[0].height, container.streams.video[0].width)
    reader = decord.VideoReader(str(path), width=width, height=height, num_threads=1)
    frames = reader.get_batch(how.indices(len(reader)).reshape(-1)).asnumpy()
    return np.stack([middle(frame).transpose(2, 0, 1) for frame in frames])


def by_torchcodec(path, how):
    import torch
    from torch.nn.functional import interpolate
    from torchcodec.decoders import VideoDecoder

    torch.set_num_threads(1)
    reader = VideoDecoder(str(path), num_ffmpeg_threads=1)
    wanted = how.indices(reader.metadata.num_frames).reshape(-1).tolist()
    frames = reader.get_frames_at(wanted).data
    small = interpolate(frames, size=scaled(*frames.shape[-2:]), mode="bilinear", antialias=True)
    top, left = ((side - SIZE) // 2 for side in small.shape[-2:])
    return small[:, :, top : top + SIZE, left : left + SIZE].numpy()


def by_vidlab(path, how):
    return cut(Row(path, "a", "a"), how).reshape(-1, 3, SIZE, SIZE)


WAYS = {
    "vidlab": by_vidlab,
    "PyAV, straight on": by_pyav,
    "PyAV, seeking": by_seeking,
    "decord": by_decord,
    "torchcodec": by_torchcodec,
}


def work(line):
    """A worker: told a way, files and a cut, it says how many seconds of CPU it took, all its threads together."""
    while True:
        name, paths, how = line.recv()
        began = time.process_time()
        try:
            for path in paths:
                WAYS[name](path, how)
            line.send(time.process_time() - began)
        except Exception as error:
            line.send(f"{type(error).__name__}: {str(error).splitlines()[0][:80]}")


def measured(lines, name, paths, how):
    """Seconds of CPU of all workers together; or why not."""
    for i, line in enumerate(lines):
        line.send((name, paths[i :: len(lines)], how))
    said = [line.recv() for line in lines]
    return next((each for each in said if isinstance(each, str)), None) or sum(said)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--videos", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    args = parser.parse_args()
    spawn, lines = multiprocessing.get_context("spawn"), []
    for _ in range(args.workers):
        line, theirs = spawn.Pipe()
        spawn.Process(target=work, args=(theirs,), daemon=True).start()
        lines.append(line)
    with tempfile.TemporaryDirectory() as folder:
        folder, n = Path(folder), args.videos
        short = [film(folder / f"s{i}.mp4", i, 150, (240, 320)) for i in range(n)]
        old = [film(folder / f"o{i}.avi", i, 150, (240, 320), "mpeg4", 12) for i in range(n)]
        long = [film(folder / f"l{i}.mp4", i, 2500, (240, 320)) for i in range(max(2, n // 4))]
        sets = {
            "H.264, 6 s, spread over all of it": (short, Cut(FRAMES, SIZE)),
            "H.264, 6 s, 16 frames in a row": (short, Cut(16, SIZE, stride=1)),
            "MPEG-4 in AVI, 6 s, spread over all of it": (old, Cut(FRAMES, SIZE)),
            "H.264, 100 s, 8 frames of all of it": (long, Cut(FRAMES, SIZE)),
            "H.264, 100 s, 16 frames in a row": (long, Cut(16, SIZE, stride=1)),
        }
        for title, (paths, how) in sets.items():
            times = {name: [] for name in WAYS}
            for name in WAYS:  # once to warm up, and to see who can
                if (
                    name == "PyAV, seeking"
                    and paths is old
                    or isinstance(said := measured(lines, name, paths[:2], how), str)
                ):
                    times.pop(name)
                    if name != "PyAV, seeking":
                        print(f"  {name} is left out: {said}")
            for turn in range(args.rounds):
                order = list(times)
                for name in order[turn % len(order) :] + order[: turn % len(order)]:
                    times[name].append(measured(lines, name, paths, how))
            print(f"{title}: {len(paths)} videos, {args.workers} workers")
            for name, seconds in times.items():
                rate = len(paths) / statistics.median(seconds)
                ratio = statistics.median(a / b for a, b in zip(seconds, times["vidlab"], strict=True))
                each = f"{rate:7.1f} clips/s {rate * how.frames:8.0f} frames/s of a core"
                print(f"  {name:<18} {each}   {ratio:5.2f} × vidlab's")
        quickly = sum(quick_worked(path) for path in short)
        print(f"the quick way was taken for {quickly} of {len(short)} short films")


def quick_worked(path):
    from vidlab.scan import probe

    info = probe(path)
    return quick(info, np.array([3, 90]), np.empty((2, 3, 64, 85), np.uint8))


if __name__ == "__main__":
    main()
