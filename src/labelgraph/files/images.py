"""Opening image files as uint8 RGB, and checking that every image of a dataset can be opened."""

import struct
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import simplejpeg
from PIL import Image

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".gif")
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
PIXEL_LIMIT = 80_000_000  # 240 MB as RGB; below Pillow's own limit, which only warns
SCAN_LIMIT = 20 * PIXEL_LIMIT  # pixels over all scans of a JPEG; a progressive one has about ten
ORIENTATION = 0x0112  # the EXIF tag
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)  # width and height are swapped
GREY = ("1", "L", "LA", "La")
DEEP = ("I", "I;16", "I;16L", "I;16B", "I;16N")  # 16 bits a pixel, all grey
JPEG_END = b"\xff\xd9"
GAP = 2  # reduced decoding keeps the short side at least this many times `least`
HALF = 2  # reducing by less takes the decoder longer than decoding every pixel
TOO_LARGE = (Image.DecompressionBombError, Image.DecompressionBombWarning)
NOT_AN_IMAGE = (
    OSError,
    SyntaxError,  # what Pillow raises for broken PNG chunks
    ValueError,
    TypeError,  # TIFF without dimensions
    LookupError,
    EOFError,
    struct.error,
)
# Images that Pillow only warns about are above our limit too.
warnings.simplefilter("error", Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Inspection:
    """What `inspect` found in N images."""

    sizes: np.ndarray  # (N, 2) int32: width and height after the EXIF turn
    digests: np.ndarray  # (N,) str: blake2b of the file, 16 hexadecimal digits
    oddities: dict[str, int]  # kind -> number of images


def read_image(path: Path, least: int = 0) -> np.ndarray:
    """Pixels (height, width, 3) uint8 RGB, turned as EXIF says; transparent pixels become white.

    If a short side of `least` pixels is enough, a much larger JPEG is decoded at half its size or
    less, which takes a fraction of the time.
    """
    with path.open("rb") as stream:
        return decode(stream, path, least)


def decode(stream: BinaryIO, name: Path | str, least: int = 0) -> np.ndarray:
    """`name` is the image's name in error messages."""
    with opened(stream, name) as image:
        turn = TURNS.get(orientation(image))
        pixels = decode_jpeg(stream, least) if is_plain_jpeg(image) else None
        if pixels is None:
            pixels = np.array(to_rgb(image))
        return pixels if turn is None else np.array(Image.fromarray(pixels).transpose(turn))


def is_plain_jpeg(image: Image.Image) -> bool:
    return image.format == "JPEG" and image.mode == "RGB"


def decode_jpeg(stream: BinaryIO, least: int) -> np.ndarray | None:
    """The same pixels as Pillow's, decoded faster; None for a faulty file, which Pillow judges."""
    stream.seek(0)
    side = GAP * least
    try:
        return simplejpeg.decode_jpeg(
            stream.read(), "RGB", min_height=side, min_width=side, min_factor=HALF
        )
    except ValueError:
        return None


@contextmanager
def opened(stream: BinaryIO, path: Path | str) -> Iterator[Image.Image]:
    """The image with its header read; whatever fails inside is reported with the file's name."""
    try:
        with Image.open(stream, formats=FORMATS) as image:
            if image.width * image.height > PIXEL_LIMIT:
                raise Image.DecompressionBombError(f"{image.width} x {image.height}")
            if (count := scans(image, stream)) * image.width * image.height > SCAN_LIMIT:
                raise OSError(f"it has {count} scans, which would take minutes to decode")
            yield image
    except TOO_LARGE:
        raise OSError(
            f"{path} has too many pixels, at most {PIXEL_LIMIT:,} are read; make it smaller"
        ) from None
    except Image.UnidentifiedImageError:
        raise OSError(f"{path} is not an image; expected one of {FORMATS}") from None
    except NOT_AN_IMAGE as error:
        raise OSError(f"{path} cannot be read as an image: {error}; fetch it again") from None


def scans(image: Image.Image, stream: BinaryIO) -> int:
    """The number of scans in a JPEG. A hundred bytes can add one that takes seconds to decode."""
    if image.format not in ("JPEG", "MPO"):
        return 1
    place = stream.tell()
    stream.seek(0)
    count = stream.read().count(b"\xff\xda")  # their markers, and those of an EXIF preview
    stream.seek(place)
    return count


def orientation(image: Image.Image) -> int:
    """The EXIF orientation from 1 to 8; 1 (upright) if the EXIF block is broken."""
    try:
        return image.getexif().get(ORIENTATION, 1)
    except NOT_AN_IMAGE:
        return 1


def to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in DEEP:
        # Pillow would clip at 255; the upper byte is what a 16-bit RGB file gives too
        return Image.fromarray(np.clip(np.asarray(image) >> 8, 0, 255).astype(np.uint8)).convert(
            "RGB"
        )
    if image.mode == "F":
        raise ValueError("the pixels are floating-point numbers; expected 8 or 16 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    image.load()
    return image.convert("RGB")


def inspect(paths: Sequence[Path], *, workers: int, decode: bool) -> Inspection:
    """Checks every file and raises one error for all that cannot be used.

    Without `decode`, a JPEG that ends in its end marker is taken to be whole; any other file
    is decoded in either case.
    """
    with ThreadPoolExecutor(workers) as pool:
        results = list(pool.map(partial(inspect_file, decode=decode), paths))
    if broken := [result for result in results if isinstance(result, str)]:
        shown = "; ".join(broken[:5])
        more = f"; and {len(broken) - 5} more" if len(broken) > 5 else ""
        raise OSError(f"{len(broken)} of {len(paths)} images cannot be used: {shown}{more}")
    sizes = np.array([size for size, _, _ in results], np.int32).reshape(-1, 2)
    digests = np.array([digest for _, digest, _ in results], "<U16")
    oddities = Counter(kind for *_, kinds in results for kind in kinds)
    if repeated := len(digests) - len(np.unique(digests)):
        oddities["same content as another"] = repeated
    return Inspection(sizes, digests, dict(sorted(oddities.items())))


def inspect_file(path: Path, *, decode: bool) -> tuple[tuple[int, int], str, list[str]] | str:
    """Size, digest and oddities of a file, or the reason why it cannot be used."""
    try:
        content = path.read_bytes()
        if not content:
            return f"{path} is empty"
        with opened(BytesIO(content), path) as image:
            turned = orientation(image)
            size = image.size[::-1] if turned in SIDEWAYS else image.size
            kinds = odd_kinds(image, turned)
            whole = image.format == "JPEG" and content.endswith(JPEG_END)
            if decode or not whole:
                to_rgb(image)
            if image.format == "JPEG" and not whole:
                kinds.append("bytes after the JPEG end marker, or no marker")
    except FileNotFoundError:
        return f"{path} is missing"
    except OSError as error:
        return str(error)
    return size, blake2b(content, digest_size=8).hexdigest(), kinds


def odd_kinds(image: Image.Image, turned: int) -> list[str]:
    found = {
        "greyscale": image.mode in GREY or image.mode in DEEP,
        "16-bit": image.mode in DEEP,
        "CMYK": image.mode in ("CMYK", "YCCK"),
        "palette": image.mode == "P",
        "transparent": image.has_transparency_data,
        "turned by EXIF": turned in TURNS,
        "several frames": getattr(image, "n_frames", 1) > 1,
        "not JPEG": image.format != "JPEG",
    }
    return [kind for kind, odd in found.items() if odd]
