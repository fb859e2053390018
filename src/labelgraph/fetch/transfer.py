"""Downloads one file: resumes after an interruption, tries the next address after a failure.

The incomplete file is `.part/<file>.part` beside the target, with notes on its origin. It gets its
name only once it is complete and verified, so a file with that name is good.
"""

import http.client
import socket
import ssl
import time
from contextlib import suppress
from pathlib import Path
from typing import TextIO
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from labelgraph.fetch import checks
from labelgraph.fetch.part import Part
from labelgraph.fetch.progress import Progress
from labelgraph.fetch.sources import Patience, Source

GAIN = 1 << 20  # bytes of progress after which earlier failures no longer count
AGAIN = (408, 416, 425, 429)  # client errors for which another attempt may succeed
HEADERS = {"User-Agent": "labelgraph", "Accept-Encoding": "identity"}


def download(source: Source, target: Path, *, patience: Patience, stream: TextIO) -> None:
    """Makes `target`, or raises and leaves no `target`."""
    progress = Progress(source.name, stream)
    folder = target.parent / ".part"
    part = Part(folder / f"{target.name}.part")
    with checks.alone(folder / f"{target.name}.lock"):
        if target.exists():
            with suppress(ValueError):
                progress.say(f"already there; {checks.check(target, source)}")
                return
            target.unlink()
        result = from_any_address(source, part, patience, progress)
        part.become(target)
        progress.finish(result)


def from_any_address(source: Source, part: Part, patience: Patience, progress: Progress) -> str:
    if not source.addresses:
        raise FileNotFoundError(
            f"{source.name} cannot be downloaded: {source.note}; then set local.{source.group} in"
            f" the config to a folder that holds {source.file} and the group's other files,"
            " packed or unpacked"
        )
    failures: dict[str, Exception] = {}
    for address in source.addresses:
        try:
            return from_address(source, address, part, patience, progress)
        except (ValueError, FileNotFoundError, ConnectionError) as error:
            failures[address] = error
            progress.say(f"{address}: {error}")
    raise summary(source, part, failures)


def from_address(
    source: Source, address: str, part: Part, patience: Patience, progress: Progress
) -> str:
    """Tries until the file is complete and verified, or another attempt cannot help."""
    failures = best = 0
    while True:
        before = part.size()
        best = max(best, before)
        try:
            receive(source, address, part, patience, progress)
            return checks.check(part.path, source)
        except ValueError:
            part.drop()
            if not before:
                raise
            progress.say("the resumed file is wrong; starting over")
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "errno", None) in checks.FULL:
                raise
            failures = 1 if part.size() >= best + GAIN else failures + 1
            reason = explain(error, patience)
            if hopeless(error, part) or failures >= patience.attempts:
                raise reason from None
            wait = min(patience.wait_seconds * 2 ** (failures - 1), patience.longest_wait_seconds)
            progress.say(f"{reason}; next attempt in {wait:g} s")
            time.sleep(wait)


def receive(
    source: Source, address: str, part: Part, patience: Patience, progress: Progress
) -> None:
    """One request for the missing bytes; ConnectionError if fewer arrive."""
    extra = part.range_headers(address, any_mirror=bool(source.checksums))
    if part.complete(source.bytes):
        return
    try:
        request = Request(address, headers=HEADERS | extra)
        response = urlopen(request, timeout=patience.timeout_seconds)
    except HTTPError as error:
        error.close()
        if error.code == 416:
            part.drop()  # nothing follows at this offset: the part is of another file
        raise
    with response:
        begin = response.read(checks.START)
        if response.status == 200:
            check_answer(begin, source, part)
        part.accept(response, address)
        total = part.total() or source.bytes
        if source.bytes not in (None, total):
            raise ValueError(f"{total:,} bytes offered, expected {source.bytes:,}: another file")
        checks.check_room(part.path.parent, (total or 0) - part.size())
        progress.begin(part.size(), total)
        part.append(begin, response, progress.add, limit=total)
    if total and part.size() < total:
        raise ConnectionError(f"cut after {part.size():,} of {total:,} bytes")


def check_answer(begin: bytes, source: Source, part: Part) -> None:
    """A wrong answer does not discard the bytes that have already arrived."""
    try:
        checks.check_start(begin, source)
    except ValueError as error:
        if part.size():
            raise ConnectionError(str(error)) from None
        raise


def hopeless(error: Exception, part: Part) -> bool:
    """Whether another attempt at the same address would end the same way."""
    if isinstance(error, HTTPError):
        return error.code < 500 and error.code not in AGAIN
    if getattr(error, "filename", None):
        return True  # a local file failed, not the server
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return True
    return isinstance(reason, socket.gaierror | ConnectionRefusedError) and not part.size()


def explain(error: Exception, patience: Patience) -> Exception:
    """The error in words that help a user to act."""
    if isinstance(error, HTTPError):
        kind = FileNotFoundError if error.code in (404, 410) else ConnectionError
        return kind(f"{error.code} {error.reason}")
    reason = error.reason if isinstance(error, URLError) else error
    if isinstance(reason, socket.gaierror):
        return ConnectionError("the host name cannot be resolved")
    if isinstance(reason, TimeoutError):
        return ConnectionError(f"no answer for {patience.timeout_seconds:g} s")
    if isinstance(reason, ConnectionRefusedError):
        return ConnectionError("connection refused")
    return ConnectionError(str(reason) or type(reason).__name__)


def summary(source: Source, part: Part, failures: dict[str, Exception]) -> Exception:
    """One error for all addresses, which says what to do next."""
    kinds = [type(error) for error in failures.values()]
    kept = f"the {part.size():,} bytes received are kept" if part.size() else "nothing was kept"
    advice = f"check the connection and run this again ({kept})"
    kind: type[Exception] = ConnectionError
    if ValueError in kinds:
        kind, advice = ValueError, "the wrong file was deleted; run this again later"
    elif set(kinds) == {FileNotFoundError}:
        kind, advice = FileNotFoundError, "correct the addresses in the table of sources"
    reasons = "; ".join(f"{address}: {error}" for address, error in failures.items())
    return kind(
        f"{source.name} could not be fetched: {reasons}. Next: {advice}, or set"
        f" local.{source.group} in the config to a copy of {source.file}"
    )
