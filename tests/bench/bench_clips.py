"""Reading a clip against the plain PyAV loop; and how fast the worlds and the median are.

CPU time, the two interleaved, medians of the ratios: wall time on a busy machine says little. `make bench` runs this.
"""

import statistics
import time

import av
import numpy as np
import torch

from vidlab import clips, data, spacetime, worlds

ROUNDS = 5


def plain(path, height, width):
    """Every frame, resized while decoding: the loop of PyAV's manual."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        frames = [f.to_ndarray(format="rgb24", width=width, height=height) for f in container.decode(video=0)]
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2).contiguous()


def cpu(work):
    """Seconds of CPU time, all threads together."""
    started = time.process_time()
    work()
    return time.process_time() - started


def main():
    path = data.path("walker")
    ratios, ours, theirs = {"whole film": [], "one second, late": []}, [], []
    for _ in range(ROUNDS):
        ours.append(cpu(lambda: clips.read(path, size=(248, 442))))
        theirs.append(cpu(lambda: plain(path, 248, 442)))
        ratios["whole film"].append(ours[-1] / theirs[-1])
        ratios["one second, late"].append(cpu(lambda: clips.read(path, size=248, start=6, stop=7)) / theirs[-1])
    print(
        f"230 frames to 248×442: vidlab {statistics.median(ours):.2f} s of CPU, PyAV {statistics.median(theirs):.2f} s"
    )
    for name, values in ratios.items():
        print(f"  {name:<18} {statistics.median(values):.2f} × a plain PyAV loop over the film")

    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    batch = {"frames": 8, "size": 32, "directions": 4, "colours": 4, "generator": generator}
    seconds = statistics.median(cpu(lambda: worlds.drifting_textures(1024, **batch)) for _ in range(ROUNDS))
    print(f"drifting_textures, 8×32×32: {1024 / seconds:.0f} clips a second of CPU on one thread")

    film = clips.read(path, size=180)
    ratios = []
    for _ in range(3):
        sort = cpu(lambda: film.frames.sort(0).values[114])
        ratios.append(cpu(lambda: spacetime.temporal_median(film.frames)) / sort)
    print(f"temporal_median of 230×180×320 bytes: {statistics.median(ratios):.2f} × sorting")


if __name__ == "__main__":
    main()
