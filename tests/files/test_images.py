"""Image files of every kind, whole and broken; the tests make all of them."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from labelgraph.files.images import (
    PIXEL_LIMIT,
    TURNS,
    inspect,
    inspect_file,
    read_image,
)

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def halves(left=RED, right=BLUE, size=(32, 16)) -> Image.Image:
    """Left half one colour, right half another."""
    image = Image.new("RGB", size, left)
    image.paste(right, (size[0] // 2, 0, *size))
    return image


def saved(path: Path, image: Image.Image, **options) -> Path:
    image.save(path, **options)
    return path


def close(pixel, colour) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() <= 12)


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "L", "YCbCr"])
def test_jpeg_modes(mode, tmp_path):
    pixels = read_image(saved(tmp_path / "a.jpg", halves().convert(mode), quality=95))
    assert pixels.shape == (16, 32, 3) and pixels.dtype == np.uint8
    expected = [(76, 76, 76), (29, 29, 29)] if mode == "L" else [RED, BLUE]
    assert close(pixels[8, 4], expected[0]) and close(pixels[8, 28], expected[1])


@pytest.mark.parametrize(
    "options", [{}, {"progressive": True}, {"subsampling": 0, "quality": 40}, {"keep_rgb": True}]
)
def test_jpeg_pixels_are_pillows(options, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (47, 61, 3), np.uint8)
    path = saved(tmp_path / "a.jpg", Image.fromarray(noise), **options)
    assert np.array_equal(read_image(path), np.asarray(Image.open(path)))


def test_pillow_reads_what_the_fast_decoder_refuses(tmp_path):
    path = saved(tmp_path / "a.jpg", halves(size=(64, 64)))
    content = path.read_bytes()
    start = content.index(b"\xff\xda")
    path.write_bytes(content[:start] + b"\x00\x00" + content[start:])  # bytes between two markers
    assert close(read_image(path)[32, 4], RED) and close(read_image(path)[32, 60], BLUE)


@pytest.mark.parametrize("mode", ["1", "P", "RGBA", "LA"])
def test_png_modes(mode, tmp_path):
    pixels = read_image(saved(tmp_path / "a.png", halves(WHITE, (0, 0, 0)).convert(mode)))
    assert pixels[8, 4].tolist() == [255] * 3 and pixels[8, 28].tolist() == [0] * 3


def test_transparent_pixels_become_white(tmp_path):
    image = halves().convert("RGBA")
    image.putpixel((0, 0), (0, 0, 0, 0))
    assert read_image(saved(tmp_path / "a.png", image))[0, :2].tolist() == [list(WHITE), list(RED)]
    palette = halves().quantize(2)
    clear = palette.getpixel((0, 0))
    pixels = read_image(saved(tmp_path / "b.png", palette, transparency=clear))
    assert pixels[8, 4].tolist() == list(WHITE) and pixels[8, 28].tolist() == list(BLUE)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bits_are_scaled_not_clipped(name, tmp_path):
    deep = np.array([[0, 256, 32768, 65535]], np.uint16)
    pixels = read_image(saved(tmp_path / name, Image.fromarray(deep)))
    assert pixels[0, :, 0].tolist() == [0, 1, 128, 255]


def test_values_above_sixteen_bits_become_white(tmp_path):
    deep = np.array([[0, 65535, 65536, 70_000, 2**30]], np.int32)
    pixels = read_image(saved(tmp_path / "a.tif", Image.fromarray(deep)))
    assert pixels[0, :, 0].tolist() == [0, 255, 255, 255, 255]


@pytest.mark.parametrize("ending", ["png", "webp", "jpg"])
def test_a_broken_exif_block_is_ignored(ending, tmp_path):
    options = {"exif": b"Exif\0\0XX\0*\0\0\0\x08"} | ({} if ending == "jpg" else {"lossless": True})
    path = saved(tmp_path / f"a.{ending}", halves(), **options)
    pixels = read_image(path)
    assert close(pixels[8, 4], RED) and close(pixels[8, 28], BLUE)
    assert "turned by EXIF" not in inspect([path], workers=1, decode=False).oddities


def test_floating_point_pixels_are_refused(tmp_path):
    path = saved(tmp_path / "a.tif", Image.fromarray(np.zeros((2, 2), np.float32)))
    with pytest.raises(OSError, match=r"a\.tif .*floating-point"):
        read_image(path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turn(orientation, tmp_path):
    upright = Image.new("RGB", (32, 16), WHITE)
    upright.paste(RED, (0, 0, 8, 8))  # top left corner
    undo = {6: 8, 8: 6}.get(orientation, orientation)
    stored = upright.transpose(TURNS[undo]) if undo in TURNS else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "a.png", stored, exif=exif)
    assert np.array_equal(read_image(path), np.asarray(upright))
    found = inspect([path], workers=1, decode=False)
    assert found.sizes.tolist() == [[32, 16]]
    assert found.oddities.get("turned by EXIF", 0) == (orientation > 1)


def png_of(width: int, height: int) -> bytes:
    """The header of a huge PNG, without its pixels."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    header = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + header + struct.pack(">I", 0) + b"IDAT"


@pytest.mark.parametrize("side", [9_000, 9_500, 50_000])  # Pillow accepts, warns, refuses
def test_decompression_bomb_is_refused_by_its_header(side, tmp_path):
    path = tmp_path / "bomb.png"
    path.write_bytes(png_of(side, side))
    assert side * side > PIXEL_LIMIT
    with pytest.raises(OSError, match=r"bomb\.png .*pixels"):
        read_image(path)
    with pytest.raises(OSError, match=r"1 of 1 images .*bomb\.png .*pixels"):
        inspect([path], workers=1, decode=False)


def test_a_jpeg_of_endless_scans_is_refused(tmp_path, monkeypatch):
    """A scan in which nothing changes is a few bytes, and takes as long as any other."""
    monkeypatch.setattr("labelgraph.files.images.SCAN_LIMIT", 20 * 32 * 16)
    path = saved(tmp_path / "x.jpg", halves(), progressive=True)
    whole = path.read_bytes()
    assert read_image(path).shape == (16, 32, 3)
    last = whole[whole.rindex(b"\xff\xda") : -2]
    path.write_bytes(whole[:-2] + 20 * last + whole[-2:])
    with pytest.raises(OSError, match=r"x\.jpg cannot be read .* it has \d\d scans"):
        read_image(path)
    assert "scans" in inspect_file(path, decode=False)


def broken_files(folder: Path) -> dict[str, Path]:
    noise = np.random.RandomState(0).randint(0, 255, (64, 64, 3), np.uint8)
    files = {
        kind: folder / kind for kind in ("empty", "text", "short.jpg", "short.png", "head.jpg")
    }
    files["empty"].write_bytes(b"")
    files["text"].write_text("<html>404 not found</html>")
    for kind in ("short.jpg", "short.png"):
        whole = saved(files[kind], Image.fromarray(noise)).read_bytes()
        files[kind].write_bytes(whole[: len(whole) * 2 // 3])
    files["head.jpg"].write_bytes(whole[:10])
    return files


@pytest.mark.parametrize("kind", ["empty", "text", "short.jpg", "short.png", "head.jpg"])
def test_broken_file_is_named(kind, tmp_path):
    path = broken_files(tmp_path)[kind]
    with pytest.raises(OSError, match=f"{path} (is not an image|cannot be read as an image)"):
        read_image(path)


def test_inspect_collects_all_broken_files(tmp_path):
    good = saved(tmp_path / "good.jpg", halves())
    paths = [good, *broken_files(tmp_path).values(), tmp_path / "missing.jpg"]
    with pytest.raises(OSError, match="6 of 7 images cannot be used") as error:
        inspect(paths, workers=2, decode=False)
    message = str(error.value)
    assert f"{tmp_path / 'empty'} is empty" in message and message.endswith("; and 1 more")
    with pytest.raises(OSError, match=r"1 of 1 images .*missing\.jpg is missing"):
        inspect(paths[-1:], workers=1, decode=False)


def test_inspect_counts_oddities(tmp_path):
    plain = saved(tmp_path / "plain.jpg", halves())
    tail = tmp_path / "tail.jpg"
    tail.write_bytes(plain.read_bytes() + b"junk")
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(plain.read_bytes())
    frames = {"save_all": True, "append_images": [halves(BLUE, RED)]}
    paths = [
        *(plain, tail, copy),
        saved(tmp_path / "grey.jpg", halves().convert("L")),
        saved(tmp_path / "cmyk.jpg", halves().convert("CMYK")),
        saved(tmp_path / "deep.png", Image.fromarray(np.zeros((4, 6), np.uint16))),
        saved(tmp_path / "moving.gif", halves(), **frames),
    ]
    found = inspect(paths, workers=2, decode=True)
    assert found.oddities == {
        "16-bit": 1,
        "CMYK": 1,
        "bytes after the JPEG end marker, or no marker": 1,
        "greyscale": 2,
        "not JPEG": 2,
        "palette": 1,
        "same content as another": 1,
        "several frames": 1,
    }
    assert list(found.oddities) == sorted(found.oddities)  # whichever picture comes first
    assert found.sizes.dtype == np.int32 and found.sizes[5].tolist() == [6, 4]
    assert found.digests[0] == found.digests[2] != found.digests[1]
    assert all(len(digest) == 16 for digest in found.digests)


def test_inspect_without_files():
    found = inspect([], workers=1, decode=False)
    assert found.sizes.shape == (0, 2) and found.digests.shape == (0,) and not found.oddities
