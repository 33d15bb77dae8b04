"""Read a file's text as blocks of UTF-8, decompressed and decoded strictly, in bounded memory."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from feature_platform_py.core.errors import ConfigurationError, DataCheckError
from feature_platform_py.core.suggestions import ticked
from feature_platform_py.files.columns import shown

CHUNK_BYTES = 8 * 1024 * 1024
COMPRESSIONS = ("gzip", "bzip2", "zstd", "xz", "none")
_ENDINGS = {".gz": "gzip", ".bz2": "bzip2", ".zst": "zstd", ".xz": "xz"}
_UNREAD_ENDINGS = (".zip", ".lz4", ".snappy", ".lzo", ".deflate", ".br", ".7z", ".rar", ".tar", ".z")
_SPELLED = {"gz": "gzip", "bz2": "bzip2", "zst": "zstd", "lzma": "xz", "uncompressed": "none"}
# Names of Spark and Java for encodings that Python calls otherwise.
_PYTHON_NAMES = {"iso-8859-1": "latin-1", "utf-8": "utf-8-sig"}
_NEW_LINE = re.compile("\r\n|\r|\n")


def known_encoding(name: str) -> str:
    """Return Python's name of an encoding. Raises ValueError with what was expected."""
    try:
        codec = codecs.lookup(name.strip())
    except LookupError:
        codec = None
    if codec is None or not codec._is_text_encoding:
        raise ValueError("expected an encoding such as `UTF-8`, `ISO-8859-1`, `windows-1252` or `UTF-16`")
    return _PYTHON_NAMES.get(codec.name, "latin-1" if codec.name == "iso8859-1" else codec.name)


def known_compression(name: str) -> str:
    """Return one of `COMPRESSIONS`. Raises ValueError with what was expected."""
    found = _SPELLED.get(name.lower(), name.lower())
    if found not in COMPRESSIONS:
        raise ValueError(f"expected one of {ticked(COMPRESSIONS)}")
    return found


def text_chunks(file: Path, *, encoding: str = "utf-8-sig", compression: str | None = None) -> Iterator[bytes]:
    """Yield the file's text as chunks of UTF-8 that never end within a character or a Windows line end.

    Raises DataCheckError, with file and line, for bytes outside of the encoding and for a broken compressed file.
    """
    decoder: Any = codecs.getincrementaldecoder(encoding)("strict")
    line, kept = 1, ""
    with closing(_opened(file, compression)) as stream:
        while True:
            chunk = _read(stream, file)
            try:
                text = kept + decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                line += len(_NEW_LINE.findall(kept + error.object[: error.start].decode(encoding, "replace")))
                raise DataCheckError(_undecodable(file, line, error, encoding)) from None
            kept = "\r" if chunk and text.endswith("\r") else ""
            text = text.removesuffix("\r") if kept else text
            line += text.count("\n") + (text.count("\r") - text.count("\r\n") if "\r" in text else 0)
            if text:
                yield text.encode()
            if not chunk:
                return


def _opened(file: Path, compression: str | None) -> IO[bytes]:
    ending = file.suffix.lower()
    if compression is None and ending in _UNREAD_ENDINGS:
        raise ConfigurationError(
            f"{shown(file)}: expected a file without compression, or one that ends in {ticked(_ENDINGS)}, given `{ending}`;"
            " unpack it, or compress it with one of these"
        )
    kind = compression or _ENDINGS.get(ending, "none")
    if kind == "zstd":
        import pyarrow as pa

        return pa.input_stream(str(file), compression="zstd")  # type: ignore[no-any-return]
    openers: dict[str, Any] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
    return openers[kind](file, "rb") if kind in openers else file.open("rb")


def _read(stream: IO[bytes], file: Path) -> bytes:
    try:
        return stream.read(CHUNK_BYTES)
    except (OSError, EOFError, lzma.LZMAError) as error:
        reason = str(error).splitlines()[0] if str(error) else "it ends too early"
        raise DataCheckError(
            f"{shown(file)}: expected a whole compressed file, given one that does not unpack: {reason}; copy it again,"
            " or name its compression with the option `compression`"
        ) from None


def _undecodable(file: Path, line: int, error: UnicodeDecodeError, encoding: str) -> str:
    name = "UTF-8" if encoding == "utf-8-sig" else encoding
    given = " ".join(f"{byte:02X}" for byte in error.object[error.start : error.end])
    return (
        f"{shown(file)}:{line}: expected {name}, given the byte{'s' if len(given) > 2 else ''} {given}, which is not valid in"
        " it; name the file's encoding with the option `encoding`, such as `windows-1252` or `UTF-16`"
    )
