"""The command `vidlab train`: from a folder of videos to a trained model and an honest number.

Started by `torchrun`, each process takes its share of every batch; the first one alone cuts the videos and prints.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ..errors import DataError, VidlabError

OFFICIAL = ("ucf101", "hmdb51", "kinetics", "something")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vidlab train", description=__doc__.split("\n")[0])
    parser.add_argument("videos", type=Path, metavar="FOLDER", help="a folder of class folders, or a CSV table")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="for the result; go on with the same")
    parser.add_argument("--model", default="slow_fusion", metavar="NAME", help="an unknown name lists them")
    parser.add_argument("--frames", type=_count, default=8, metavar="N", help="of a clip; 8")
    parser.add_argument("--size", type=_count, default=64, metavar="N", help="height and width in pixels; 64")
    parser.add_argument("--clips", type=_count, default=1, metavar="N", help="of each video; 1")
    parser.add_argument(
        "--stride", type=_count, metavar="N", help="every how-manieth frame; default: over all the video"
    )
    parser.add_argument("--split", choices=("source", "official", "random"), default="source", help="random leaks")
    parser.add_argument("--test", type=float, default=0.2, metavar="SHARE", help="of videos to be asked about; 0.2")
    parser.add_argument("--source", metavar="REGEX", help="tells a path's source: its first group, or the match")
    parser.add_argument("--lists", choices=OFFICIAL, help="the videos come with these official lists")
    parser.add_argument("--at", type=Path, nargs="+", metavar="PATH", help="where the lists are; for kinetics: files")
    parser.add_argument("--steps", type=_count, default=300, metavar="N")
    parser.add_argument("--batch", type=_count, default=32, metavar="N")
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--weighted", action="store_true", help="let each class weigh the same in the loss")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=_count, metavar="N", help="processes that cut videos; one for each core")
    parser.add_argument("--limit", type=float, default=120.0, metavar="SECONDS", help="after which a video is given up")
    parser.add_argument("--store", type=Path, metavar="DIR", help="for the clips; by default in the cache")
    return parser


def main(argv: Sequence[str]) -> int:
    """List, cut, split, train, ask; 0 if all went well, 130 if it was stopped.

    Raises:
        VidlabError: what is wrong with the videos, the split, the model or the run.
    """
    args = _parser().parse_args(argv)
    import torch

    import vidlab

    from .. import training
    from ..checkpoints import save
    from . import splits, zoo
    from .balance import WeightedLoss, counts
    from .scores import scores
    from .videos import HOW

    first, world = int(os.environ.get("RANK", "0")) == 0, int(os.environ.get("WORLD_SIZE", "1"))
    if args.lr <= 0 or args.limit <= 0:
        raise VidlabError(f"--lr {args.lr} --limit {args.limit}", wanted="numbers above 0")
    say = print if first else lambda *_, **__: None
    rows = _rows(args)
    model = zoo.build(args.model, len(rows.classes), frames=args.frames, size=args.size, seed=args.seed)
    chosen = splits.official(rows) if args.split == "official" else HOW[args.split](rows, args.test, args.seed)
    del chosen  # an impossible split is told before hours of cutting
    say(rows)
    if args.split == "source" and len(rows.sources) == len(rows):
        say("Each file counts as its own source. If several were cut from one film, tell so: --source")
        if args.source:
            say(f"(--source {args.source!r} tells none of them apart or together: no two paths have the same match)")
    videos = _cut(args, rows, first)
    for name, reason in videos.skipped.items():
        say(f"skipped {name}: {reason}")
    train, test = videos.split(args.split, test=args.test, seed=args.seed)
    say(f"\n{counts(train=train.rows, test=test.rows)}")
    say(
        f"{'sources':<8}{len(train.rows.sources)} to learn from, {len(test.rows.sources)} to be asked about", end="\n\n"
    )
    shared = videos.leaks(train, test) if first else None
    if shared:
        say(f"Warning: {shared}\n")
    clips, labels = train
    batch = min(args.batch, len(clips)) // world * world
    if not batch:
        raise VidlabError(f"{len(clips)} clips for {world} processes", wanted="one clip for each at least")
    device = vidlab.device()
    weights = sum(parameter.numel() for parameter in model.parameters())
    say(f"{args.model}: {weights} weights, {args.steps} steps of {batch} clips on {device}")
    history = training.fit(
        model, clips, labels, steps=args.steps, batch=batch, lr=args.lr, seed=args.seed, progress=first,
        loss=WeightedLoss(labels, len(rows.classes)) if args.weighted else None, checkpoint=args.out / "checkpoint.pt",
    )  # fmt: skip
    if history.stopped == "interrupted":
        say(f"stopped after {history.steps} steps; the same command goes on from there", file=sys.stderr)
        return 130
    if not first:
        return 0
    found = scores(training.evaluate(model, *test).probabilities, test.rows)
    print(f"{history}\n\n{found}")
    settings = {name: _plain(value) for name, value in vars(args).items()}
    result = {
        "settings": settings,
        "classes": list(rows.classes),
        "train": {"videos": len(train.rows), "sources": len(train.rows.sources)},
        "test": {"videos": len(test.rows), "sources": len(test.rows.sources)},
        "skipped": videos.skipped,
        "left_out": rows.troubles,
        "leaks": repr(shared) if shared else "",
        "steps": history.steps,
        "processes": world,
        "seconds": round(history.seconds, 2),
        "losses": [float(f"{loss:.5g}") for loss in history.losses],
        "scores": found.as_dict(),
        "versions": f"Python {platform.python_version()}, torch {torch.__version__}, vidlab {vidlab.__version__}",
    }
    state = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
    save(args.out / "weights.pt", {"model": state, "settings": settings, "classes": list(rows.classes)})
    part = args.out / "result.json.part"
    part.write_text(json.dumps(result, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")
    os.replace(part, args.out / "result.json")
    print(f"\n{args.out / 'result.json'}, {args.out / 'weights.pt'}")
    return 0


def load(folder: str | os.PathLike):
    """(model, classes) of a finished run, on the CPU, in evaluation mode. Nothing in the file is executed.

    Raises:
        DataError: no weights there, or no file of `vidlab train`.
    """
    model, classes, _ = _finished(folder)
    return model, classes


def classify(folder: str | os.PathLike, film: str | os.PathLike) -> dict[str, float]:
    """What a finished run says of a new film: class → probability, the most probable first.

    The film is cut as those were that the run learned from, and the answers of its clips are averaged. Of something
    that is in no class the model names one all the same.

    Raises:
        DataError: no finished run there. ClipError, ShapeError: no film, or one that is too short for its stride.
    """
    import torch

    from ..evaluation import predict
    from .cutting import Cut, cut
    from .rows import Row

    model, classes, how = _finished(folder)
    cuts = Cut(how["frames"], how["size"], how["clips"], how["stride"])
    shares = predict(model, torch.from_numpy(cut(Row(Path(film), "", ""), cuts))).mean(0)
    return {classes[k]: float(shares[k]) for k in shares.argsort(descending=True).tolist()}


def _finished(folder: str | os.PathLike):
    import torch

    from . import zoo

    path = Path(folder) / "weights.pt"
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        settings, classes = state["settings"], state["classes"]
        model = zoo.build(settings["model"], len(classes), frames=settings["frames"], size=settings["size"])
        model.load_state_dict(state["model"])
    except FileNotFoundError as error:
        raise DataError(f"there is no {path}", wanted="the --out of a finished `vidlab train`") from error
    except (KeyError, TypeError, RuntimeError, EOFError) as error:
        raise DataError(f"{path} is no file of `vidlab train` ({type(error).__name__})") from error
    return model.eval(), classes, settings


def _rows(args: argparse.Namespace):
    from . import official
    from .videos import listed

    if args.lists is None:
        if args.at is not None:
            raise DataError("--at says where official lists are", mend="--lists with it")
        return listed(args.videos, args.source)
    if args.at is None:
        raise DataError(f"--lists {args.lists} without its files", mend="--at FOLDER, or --at FILE … for kinetics")
    return getattr(official, args.lists)(args.videos, args.at if args.lists == "kinetics" else args.at[0])


def _cut(args: argparse.Namespace, rows, first: bool):
    """The videos; other processes than the first wait until all is cut: for hours, if need be."""
    from .storage import Store
    from .videos import Videos, default_folder, open

    how = {"frames": args.frames, "size": args.size, "clips_per_video": args.clips, "stride": args.stride}
    folder = args.store or default_folder(rows, how)
    if first:
        return open(rows, **how, folder=folder, workers=args.workers, limit=args.limit)
    while True:  # if the first one fails, torchrun ends the others
        try:
            made = Store(folder)
            if made.holds(rows):
                return Videos(rows, made)
        except (VidlabError, OSError, ValueError):
            pass
        time.sleep(0.5)


def _plain(value):
    if isinstance(value, Path):
        return str(value)
    return [str(each) for each in value] if isinstance(value, list) else value


def _count(word: str) -> int:
    if not word.isdigit() or int(word) < 1:
        raise argparse.ArgumentTypeError("a number from 1 on")
    return int(word)
