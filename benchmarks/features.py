"""What a benchmark computes, as the platform's job and its peers are told it."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Features:
    """Spend in windows of days, transactions in the month, spend per category; `is_as_of` for them as known then."""

    windows: tuple[int, ...]
    categories: tuple[str, ...]
    is_as_of: bool = False

    def columns(self) -> tuple[str, ...]:
        """The names of the features, in their order."""
        spend = [f"user_{days}d_{kind}_spend" for days in self.windows for kind in ("total", "avg")]
        totals = [f"user_total_spend_{slug(category)}" for category in self.categories]
        return (*spend, "year_month", "user_monthly_txn_count", *totals)

    def transformers(self) -> list[dict[str, Any]]:
        """The platform's transformers of the features, as a job file names them."""
        user, event_time, amount = {"user_id_col": "user_id"}, {"timestamp_col": "timestamp"}, {"amount_col": "amount"}
        as_of = {"as_of": "event_time"} if self.is_as_of else {}
        category = {"category_col": "category", "target_category_value": list(self.categories)}
        params: dict[str, dict[str, Any]] = {
            "UserSpendAggregator": user | event_time | amount | {"window_days": list(self.windows)},
            "UserMonthlyTransactionCounter": user | event_time | as_of,
            "UserCategoricalSpendAggregator": user | event_time | amount | category | as_of,
        }
        return [{"name": name, "params": given} for name, given in params.items()]

    def arguments(self) -> list[str]:
        """The arguments of a peer that `peer_arguments` reads back."""
        return [
            *("--windows", *map(str, self.windows)),
            *("--categories", *self.categories),
            *(["--as-of"] if self.is_as_of else []),
        ]


CONFIGURATIONS = {
    "sample": Features(windows=(30,), categories=("household payment",)),
    "heavy": Features(windows=(1, 7, 30, 365), categories=("household payment", "groceries", "loan payment")),
    "as_of": Features(windows=(30,), categories=("household payment",), is_as_of=True),
    "year": Features(windows=(365,), categories=("household payment",)),
}


@dataclass(frozen=True)
class PeerArguments:
    """A peer's task: the Parquet to read, the Parquet to write, the features."""

    source: Path
    output: Path
    features: Features


def peer_arguments() -> PeerArguments:
    """The task that the command line of a peer gives."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--windows", type=int, nargs="+", required=True)
    parser.add_argument("--categories", nargs="+", required=True)
    parser.add_argument("--as-of", action="store_true")
    given = parser.parse_args()
    features = Features(tuple(given.windows), tuple(given.categories), given.as_of)
    return PeerArguments(given.source, given.output, features)


def slug(category: str) -> str:
    """The category as part of a column name."""
    return re.sub("[^a-z0-9]+", "_", category.lower()).strip("_")
