"""Write the parts of a page: its content security policy, and data as a script that no text can break out of."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

from feature_platform_py.core.errors import EngineError
from feature_platform_py.core.files import replace_file

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:;"
    " font-src 'self' data:; base-uri 'none'; form-action 'none'"
)
"""The content security policy of the site: only its own files, and only scripts in files."""

_SCRIPT = re.compile(r'<script defer="defer">(.*?)</script>', re.DOTALL)
_PLACES = {"manifest": '"MANIFEST.JSON INLINE DATA"', "catalog": '"CATALOG.JSON INLINE DATA"'}


def data_script(name: str, content: Any) -> str:
    """Return the script that sets a global of the page to JSON values."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    for character in "<>\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f"window.{name} = {text};\n"


def write_dbt_page(folder: Path, built: Path) -> None:
    """Write dbt's docs from what `dbt docs generate` left in `built`: a page, its code and its data.

    dbt's own static page has all three in one file, where `</script>` in a description ends the code. Raises EngineError if dbt's
    page has another structure.
    """
    page = (built / "index.html").read_text(encoding="utf-8")
    code = _SCRIPT.search(page)
    if code is None or any(place not in code[1] for place in _PLACES.values()):
        raise EngineError("dbt's docs page has another form than expected; install the pinned version of dbt-core")
    program = code[1]
    for name, place in _PLACES.items():
        program = program.replace(place, f"window.DBT.{name}")
    data = {name: json.loads((built / f"{name}.json").read_text(encoding="utf-8")) for name in _PLACES}
    loaded = '<script defer src="dbt_data.js"></script><script defer src="dbt.js"></script>'
    page = page[: code.start()] + loaded + page[code.end() :]
    page = page.replace("<head>", f'<head><meta http-equiv="Content-Security-Policy" content="{POLICY}">', 1)
    # A browser requests the icon before its address is filled in.
    page = re.sub(r'<link rel="shortcut icon"[^>]*>', '<link rel="icon" href="data:,">', page)
    replace_file(folder / "dbt_data.js", data_script("DBT", _as_text(data)))
    # The same holds for the pictures.
    program = program.replace('xlink:href="{{', 'ng-attr-xlink:href="{{')
    replace_file(folder / "dbt.js", program)
    replace_file(folder / "dbt.html", page)


def _as_text(value: Any) -> Any:
    """Return dbt's artifact with descriptions that are Markdown, as dbt shows them, but not HTML."""
    if isinstance(value, list):
        return [_as_text(each) for each in value]
    if isinstance(value, dict):
        return {
            key: html.escape(each, quote=False)
            if key.endswith("description") and isinstance(each, str)
            else _as_text(each)
            for key, each in value.items()
        }
    return value
