"""Image files that users might pass, drawn here: sound, unusual and broken ones."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image
from run_cases import picture

PNG = b"\x89PNG\r\n\x1a\n"
SOUND = (  # the same picture in many formats
    "plain.png",
    "turned.jpg",
    "cmyk.tif",
    "deep_grey.png",
    "deep_colour.png",
    "transparent.png",
    "animated.gif",
    "tail.png",
    "UPPER.PNG",
    "odd nämé\n.png",
)
BROKEN = {  # why each is refused
    "cut.jpg": "cannot be read as an image",
    "text.jpg": "is not an image",
    "empty.png": "is not an image",
    "bomb.png": "too many pixels",
    "large.png": "too many pixels",
    "floats.tif": "floating-point",
    "pipe.jpg": "is not a file",
    "dangling.jpg": "does not exist",
}


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def png(width: int, height: int, bits: int, colour: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    return PNG + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def deep(image: Image.Image) -> bytes:
    """16 bits per colour, which Pillow cannot write."""
    wide = (np.asarray(image).astype(">u2") * 257).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    return png(image.width, image.height, 16, 2, rows)


def make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    image = picture(3)
    image.save(folder / "plain.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    image.rotate(90, expand=True).save(folder / "turned.jpg", exif=turned, quality=98)
    image.convert("CMYK").save(folder / "cmyk.tif")
    grey = np.asarray(image.convert("L")).astype(np.uint16) * 257
    Image.fromarray(grey).save(folder / "deep_grey.png")
    (folder / "deep_colour.png").write_bytes(deep(image))
    clear = image.convert("RGBA")
    clear.putalpha(Image.new("L", image.size, 200))
    clear.save(folder / "transparent.png")
    first = image.convert("P", palette=Image.Palette.ADAPTIVE)
    first.save(folder / "animated.gif", save_all=True, append_images=[picture(4).convert("P")])
    whole = (folder / "plain.png").read_bytes()
    (folder / "tail.png").write_bytes(whole + b"more" * 50)
    (folder / "UPPER.PNG").write_bytes(whole)
    (folder / "odd nämé\n.png").write_bytes(whole)
    image.save(folder / "cut.jpg")
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:-40])
    (folder / "text.jpg").write_text("not a picture")
    (folder / "empty.png").write_bytes(b"")
    (folder / "bomb.png").write_bytes(png(50_000, 50_000, 8, 0, b"\0" * 1000))
    (folder / "large.png").write_bytes(png(10_000, 9_500, 8, 0, b"\0" * 1000))
    Image.fromarray(grey.astype(np.float32)).save(folder / "floats.tif")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "dangling.jpg").symlink_to(folder / "nowhere.jpg")
    (folder / "notes.txt").write_text("passed over")
    (folder / ".hidden.png").write_bytes(whole)
