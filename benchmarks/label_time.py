"""Spend of 30 days at labels of the bank data: plain Python, this platform, and Feast over tables made beforehand."""

from __future__ import annotations

import csv
import subprocess
import sys
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

from benchmarks.inputs import ROOT, tell

BANK = ROOT / "data" / "bank"
WINDOW = timedelta(days=30)
Question = tuple[int, datetime]
Values = Mapping[Question, int | None]
_OURS = """\
import sys
import pandas as pd
from feature_platform_py import features_at

labels = pd.read_parquet(sys.argv[1])
found = features_at(labels, features=["customer_spend.spend_30d"], entities={"customer": "user_id"}, event_time="event_timestamp")
frame = found.to_pandas()
frame["spend_30d"] = frame["spend_30d"].astype(float)
frame.to_parquet(sys.argv[2])
"""


@dataclass(frozen=True)
class Answer:
    """What one way gives at the labels, in cents, and how many rows its table of values has."""

    name: str
    values: Values
    rows: int | None


class Spending:
    """The payments of each customer, in plain Python: what the registry's `customer_spend.spend_30d` sums."""

    def __init__(self) -> None:
        self.events: list[Question] = []
        paid = defaultdict[int, list[tuple[datetime, int]]](list)
        with (BANK / "transactions.csv").open() as file:
            for row in csv.DictReader(file):
                at, user = _time(row["timestamp"]), int(row["user_id"])
                self.events.append((user, at))
                if row["transaction_type"] in ("debit", "debit cash"):
                    paid[user].append((at, round(float(row["amount"]) * 100)))
        self._times: dict[int, list[datetime]] = {}
        self._totals: dict[int, list[int]] = {}
        for user, payments in paid.items():
            payments.sort()
            self._times[user] = [at for at, _ in payments]
            self._totals[user] = [0, *accumulate(cents for _, cents in payments)]

    def at(self, question: Question) -> int:
        """Cents that left the customer's account in (t - 30 d, t]."""
        user, at = question
        times, totals = self._times.get(user, []), self._totals.get(user, [0])
        return totals[bisect_right(times, at)] - totals[bisect_right(times, at - WINDOW)]


def labels() -> list[Question]:
    """Return the customer and the time of each label."""
    with (BANK / "reviews.csv").open() as file:
        return [(int(row["customer"]), _time(row["reviewed_at"])) for row in csv.DictReader(file)]


def answers(folder: Path, project: Path, python: Path, feast: Path) -> tuple[Values, list[Answer]]:
    """Return the values of plain Python, and those of each way.

    `project` is one of this platform's that `python` can run, `feast` the interpreter of Feast's environment.
    """
    spending, asked = Spending(), labels()
    truth = {question: spending.at(question) for question in asked}
    asked_file = folder / "labels.parquet"
    _write(asked_file, asked, {})
    output = folder / "ours.parquet"
    tell("labels: this platform")
    subprocess.run([python, "-c", _OURS, asked_file, output], cwd=project, check=True)
    found = [Answer("this platform: at the label's time", _read(output), None)]
    events = sorted(set(spending.events))
    days = _days(spending.events, asked)
    # Feast sees a name, the questions that its table answers, and how many days a value lasts.
    ways: list[tuple[str, Sequence[Question], int]] = [
        ("Feast, a value at each transaction", events, 0),
        ("Feast, the same with a `ttl` of 30 days", events, 30),
        ("Feast, a value for each customer and day", days, 0),
    ]
    script = Path(__file__).parent / "peers" / "feast_labels.py"
    for number, (name, rows, ttl) in enumerate(ways):
        tell(f"labels: {name}")
        table, output = folder / f"table_{number}.parquet", folder / f"feast_{number}.parquet"
        _write(table, rows, {question: spending.at(question) for question in rows})
        command = [feast, script, folder / f"feast_{number}", table, asked_file, output, str(ttl)]
        subprocess.run(command, check=True, stdout=sys.stderr)
        found.append(Answer(name, _read(output), len(rows)))
    return truth, found


def labels_table(truth: Values, found: Iterable[Answer]) -> str:
    """Compare each way with plain Python."""
    lines = [
        "| spend of 30 days before a label | rows computed beforehand | other values | typical difference | labels left out |",
        "|---|---|---|---|---|",
    ]
    for answer in found:
        there = [each for each in truth if each in answer.values]
        gaps = sorted(gap for each in there if (gap := _gap(answer.values[each], truth[each])))
        typical = f"{gaps[len(gaps) // 2] / 100:,.2f}" if gaps else ""
        rows = "none" if answer.rows is None else f"{answer.rows:,}"
        share = f"{len(gaps):,} of {len(truth):,} ({len(gaps) / len(truth):.1%})"
        lines.append(f"| {answer.name} | {rows} | {share} | {typical} | {len(truth) - len(there):,} |")
    return "\n".join(lines)


def _gap(value: int | None, expected: int | None) -> int:
    """Return the cents between two values; NULL is as far as nothing is."""
    return abs((value or 0) - (expected or 0)) or int((value is None) != (expected is None))


def _days(events: Iterable[Question], asked: Iterable[Question]) -> list[Question]:
    first, last = min(at for _, at in asked), max(at for _, at in asked)
    users = sorted({user for user, _ in events})
    return [(user, first + timedelta(days=day)) for user in users for day in range((last - first).days + 1)]


def _write(path: Path, asked: Sequence[Question], values: Values) -> None:
    import pandas as pd

    frame = pd.DataFrame(asked, columns=["user_id", "event_timestamp"])
    if values:
        frame["spend_30d"] = [(values[question] or 0) / 100 for question in asked]
    frame.to_parquet(path)


def _read(path: Path) -> Values:
    import pandas as pd

    frame = pd.read_parquet(path)
    rows = zip(frame["user_id"], frame["event_timestamp"], frame["spend_30d"], strict=True)
    return {
        (int(user), at.to_pydatetime().astimezone(UTC)): None if pd.isna(value) else round(value * 100)
        for user, at, value in rows
    }


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
