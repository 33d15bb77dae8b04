"""The page of a comparison: one file with its own styles and plots, which needs no network. Every value is text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from feature_platform_py.core.bins import short_number
from feature_platform_py.runs.table_diff import Bar, FeatureDiff, Side, TableDiff

_WIDTH, _HEIGHT = 320, 90
ARROW = " → "
_STYLE = Path(__file__).parent / "static" / "diff.css"


def diff_page(title: str, diffs: Sequence[TableDiff]) -> str:
    """Return the page as HTML."""
    body = "\n".join(part for each in diffs for part in _table(each))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{escape(title)}</title>
<style>
{_STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p class="key soft">there → here, and rows by value:
<i class="there"></i>there <i class="here"></i>here</p>
{body}
</body>
</html>
"""


def _table(diff: TableDiff) -> Iterator[str]:
    yield f"<section><h2>{escape(diff.name)}</h2>"
    yield f'<p class="soft">{escape(diff.here)} and {escape(diff.there)}, one row per {escape(", ".join(diff.grain))}</p>'
    if diff.fault:
        yield f"<p>{escape(diff.fault)}</p></section>"
        return
    counts = f"{diff.in_both:,} rows in both, {diff.only_here:,} only here, {diff.only_there:,} only there"
    yield f"<p>{counts}{'. <span class=good>The tables are equal.</span>' if diff.is_equal else ''}</p>"
    for side, keys in (("here", diff.examples_here), ("there", diff.examples_there)):
        if keys:
            yield f"<p>Newest only {side}: {'; '.join(_keys(each) for each in keys)}</p>"
    yield _numbers(diff.features)
    yield f'<div class="cards">{"".join(_card(each) for each in diff.features)}</div></section>'


def _numbers(features: Iterable[FeatureDiff]) -> str:
    head = ["feature", "changed", "%", "NULL %", "mean", "sd", "min", "max"]
    lines = [
        f'<tr{" class=changed" if each.changed or each.note else ""}><th scope="row">{escape(each.name)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(each))
        + "</tr>"
        for each in features
    ]
    titles = "".join(f'<th scope="col">{name}</th>' for name in head)
    return f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _cells(feature: FeatureDiff) -> Iterator[str]:
    yield feature.note if feature.changed is None else f"{feature.changed:,}"
    yield "" if feature.changed_share is None else f"{100 * feature.changed_share:.4g}"
    yield there_and_here(feature, lambda side: f"{100 * side.null_share:.4g}")
    for number in ("mean", "deviation"):
        yield there_and_here(feature, lambda side, name=number: _number(getattr(side, name)))  # type: ignore[misc]
    for bound in ("minimum", "maximum"):
        yield there_and_here(feature, lambda side, name=bound: _cut(getattr(side, name) or "", 24))  # type: ignore[misc]


def there_and_here(feature: FeatureDiff, value: Callable[[Side], str | None]) -> str:
    """Return the value there and here, or the only one; `none` where the other side alone has one."""
    values = [value(side) or "" for side in (feature.there, feature.here) if side]
    return ARROW.join(dict.fromkeys(each or "none" for each in values)) if any(values) else ""


def _number(value: float | None) -> str:
    return "" if value is None else short_number(value)


def _card(feature: FeatureDiff) -> str:
    note = f'<p class="soft">{escape(feature.note)}</p>' if feature.note else ""
    items = "".join(
        f"<li>{_keys(each.keys)}: <b>{escape(_cut(each.there))}</b> → <b>{escape(_cut(each.here))}</b></li>"
        for each in feature.examples
    )
    examples = f"<ul>{items}</ul>" if items else ""
    return f'<div class="card"><h3>{escape(feature.name)}</h3>{note}{_plot(feature)}{examples}</div>'


def _plot(feature: FeatureDiff) -> str:
    """Return the rows of each range or value, there and here, as parts of all rows with a value."""
    if not feature.bars:
        return '<p class="soft">no values</p>'
    if any(side and side.mean is not None for side in (feature.here, feature.there)):
        return _histogram(feature.name, feature.bars)
    return _frequent(feature.name, feature.bars)


def _histogram(name: str, bars: Sequence[Bar]) -> str:
    there, here = _shares([each.there for each in bars]), _shares([each.here for each in bars])
    tallest, step = max(*there, *here) or 1.0, _WIDTH / len(bars)
    shapes = []
    for place, each in enumerate(bars):
        titled = f"<title>{escape(each.label)}: {each.there:,} there, {each.here:,} here</title>"
        pair = [
            _rectangle(side, place * step + offset * step, share / tallest, step * 0.45)
            for side, share, offset in (("there", there[place], 0.0), ("here", here[place], 0.45))
        ]
        shapes.append(f"<g>{titled}{''.join(pair)}</g>")
    first, last = bars[0].label.split(" to ")[0], bars[-1].label.split(" to ")[-1]
    ends = f'<text x="0" y="{_HEIGHT + 12}">{escape(first)}</text>'
    ends += f'<text x="{_WIDTH}" y="{_HEIGHT + 12}" text-anchor="end">{escape(last)}</text>' if len(bars) > 1 else ""
    return _svg(f"Rows by value of {name}, from {first} to {last}", _HEIGHT + 16, "".join(shapes) + ends)


def _rectangle(side: str, left: float, height: float, width: float) -> str:
    tall = height * _HEIGHT
    return f'<rect class="{side}" x="{left:.1f}" y="{_HEIGHT - tall:.1f}" width="{width:.1f}" height="{tall:.1f}"/>'


def _frequent(name: str, bars: Sequence[Bar]) -> str:
    most = max(max(each.here, each.there) for each in bars) or 1
    shapes = []
    for place, each in enumerate(bars):
        top = place * 26
        shapes.append(
            f'<text x="0" y="{top + 9}">{escape(_cut(each.label, 48))}: {each.there:,} there, {each.here:,} here</text>'
        )
        for side, rows, down in (("there", each.there, 12), ("here", each.here, 17)):
            shapes.append(
                f'<rect class="{side}" x="0" y="{top + down}" width="{_WIDTH * rows / most:.1f}" height="5"/>'
            )
    return _svg(f"Most frequent values of {name}", 26 * len(bars), "".join(shapes))


def _svg(label: str, height: int, content: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}">{content}</svg>'


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts)
    return [each / total if total else 0.0 for each in counts]


def _keys(keys: Mapping[str, str | None]) -> str:
    return ", ".join(f'{escape(name)} <span class="mono">{escape(_cut(value))}</span>' for name, value in keys.items())


def _cut(value: str | None, longest: int = 60) -> str:
    text = "NULL" if value is None else value
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
