"""The feature catalogue in a browser: 2,000 features, by mouse and by keyboard, wide and narrow, light and dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from feature_platform_py.docs_site.site import write_catalogue
from tests.browsers import Watched, served
from tests.hostile import ONE_LINE

NAME = "user_30d_total_spend"
TABLE = "spend_v1__user_spend"
GROUP = "customer_spend"
HOSTILE = "</script><script>document.title = 'owned'</script><img src=x onerror=alert(1)>"
Open = Callable[..., Watched]


def feature(name: str, number: int, **more: Any) -> dict[str, Any]:
    words = ["spend", "visits", "balance", "refunds", "logins"][number % 5]
    return {
        "id": f"model_{number % 40}.{name}",
        "name": name,
        "pattern": name,
        "group": f"group_{number % 40}",
        "groupDescription": "What the group holds.",
        "model": f"model_{number % 40}",
        "entity": ["customer", "account", "shop"][number % 3],
        "type": "double",
        "description": f"The {words} of the entity over the last {number % 90} days.",
        "owner": f"team {number % 7}",
        "tags": [words],
        "jobs": [],
        "profile": None,
    } | more


def content() -> dict[str, Any]:
    job = {
        "name": "spend_v1",
        "model": TABLE,
        "rule": "Sum of `amount`.",
        "grain": ["user_id", "timestamp"],
        "looksAhead": False,
    }
    bars = [[f"{each} to {each + 1}", each * each] for each in range(20)]
    profile = {"rows": 1000, "nulls": 10, "minimum": "0", "maximum": "20", "samples": ["1.00", "NULL"], "bars": bars}
    real = feature(NAME, 0, model="user_spend", id=f"user_spend.{NAME}", type="decimal(38,2)", tags=["spend", "window"])
    no_values = {"rows": 0, "nulls": 0, "minimum": None, "maximum": None, "samples": [], "bars": []}
    of_group = {"name": "spend_v1", "model": GROUP, "rule": "Sum.", "grain": ["user_id"], "looksAhead": False}
    shared = {
        "model": GROUP,
        "group": GROUP,
        "table": f"{GROUP}__window",
        "id": f"{GROUP}.spend_30d",
        "jobs": [of_group],
    }
    hostile = feature("hostile", 1, description=HOSTILE, owner=HOSTILE, tags=[HOSTILE])
    nodes = [
        {
            "id": "transaction.mm_transaction.amount",
            "kind": "source",
            "relation": "transaction.mm_transaction",
            "column": "amount",
        },
        {"id": f"{TABLE}.{NAME}", "kind": "model", "relation": TABLE, "column": NAME},
        {"id": "job:spend_v1", "kind": "job", "relation": "spend_v1", "column": None},
    ]
    edges = [
        {"from": nodes[0]["id"], "to": nodes[1]["id"], "uses": ["value"]},
        {"from": nodes[1]["id"], "to": nodes[2]["id"], "uses": ["value"]},
    ]
    return {
        "project": "shop",
        "features": [
            *(feature(f"feature_{number}_{number % 60}d", number) for number in range(1996)),
            real | {"jobs": [job], "profile": profile},
            feature("empty", 2, jobs=[job], profile=no_values),
            feature("spend_30d", 3, **shared, description="Sum of `amount` over (t - 30 d, t]."),
            hostile,
        ],
        "groups": {
            GROUP: {
                "description": "Money that a customer moves.",
                "owner": "risk-team",
                "entity": "customer",
                "source": "transaction.mm_transaction",
                "keys": ["user_id", "timestamp"],
                "file": f"registry/feature/{GROUP}.yaml",
                "definition": "name: customer_spend # </script>",
                "tables": [f"{GROUP}__window"],
                "jobs": ["spend_v1"],
            }
        },
        "models": {TABLE: {"sql": "select 1 -- </script>"}, f"{GROUP}__window": {"sql": "select 30"}},
        "jobs": {
            "spend_v1": {
                "file": "configs/jobs/spend.yaml",
                "description": "A job.",
                "sink": "display",
                "source": "transaction.mm_transaction",
                "sourceDescription": "",
                "freshness": "error after 1 day",
                "finished": "2026-01-01T00:00:00+00:00",
                "tests": {"unique_grain_user_spend": "pass", "unique_grain_user_visits": "pass"},
                "history": [
                    {
                        "finished": f"2026-01-0{day}T00:00:00+00:00",
                        "seconds": day / 2,
                        "rows": 1000 * day,
                        "nulls": nulls,
                    }
                    for day, nulls in ((1, {}), (2, {NAME: 0.25}), (3, {NAME: 0.2, "empty": 1.0}))
                ],
                "drift": [
                    {
                        "name": NAME,
                        "now": [2400, 12.5, 2.0, 0.0, 1e6],
                        "before": [1500, 12.0, 2.0, 0.0, 99.5],
                        "drift": 0.25,
                    },
                    {"name": "even", "now": [7, 1.0, 0.0, 1.0, 1.0], "before": [7, 1.0, 0.0, 1.0, 1.0], "drift": 0.0},
                    {"name": "apart", "now": [7, 2.0, 0.0, 2.0, 2.0], "before": [7, 1.0, 0.0, 1.0, 1.0], "drift": None},
                    {"name": "empty", "now": [0, None, None, None, None], "before": None, "drift": None},
                ],
                "asks": True,
                "proof": {
                    "facts": [["rows", "7 in, 7 out"], ["look ahead of the row", HOSTILE]],
                    "age": "age of the newest row that counted",
                    "features": [["spend_30d", "12.5%", "1.0 d to 2.0 d"]],
                },
            }
        },
        "sources": {"transaction.mm_transaction": source()},
        "entities": {"customer": entity()},
        "transformers": {
            "UserSpendAggregator": {
                "description": "The spend of a user.\n\nWindows are half-open.",
                "params": [["user_id_col", "needed", "the column that identifies the user"]],
                "jobs": ["spend_v1"],
            }
        },
        "lineage": {"nodes": nodes, "edges": edges},
        "diagram": False,
    }


def source() -> dict[str, Any]:
    return {
        "description": "Transactions of a bank.",
        "owner": "payments-team",
        "entity": "customer",
        "version": 1,
        "file": "registry/source/transaction/v1/mm_transaction_source.yaml",
        "places": [["local", "data/transactions.csv", "csv"]],
        "eventTime": "timestamp",
        "loadedAt": None,
        "primaryKey": ["transaction_id"],
        "period": "month",
        "freshness": "error after 1 day",
        "fields": [["amount", "decimal(12,2)", "always", "The amount in koruna."], ["code", "int", "always", ""]],
        "jobs": ["spend_v1"],
        "groups": [GROUP],
    }


def entity() -> dict[str, Any]:
    return {
        "description": "A user of the bank.",
        "version": "1.0",
        "file": "registry/entity/customer/customer.yaml",
        "primaryKey": ["user_id"],
        "fields": [["user_id", "bigint", "always", "Identifies the user."]],
        "relations": [["transaction", "1:many", "Moves money."]],
        "sources": ["transaction.mm_transaction"],
        "groups": [GROUP],
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("site")
    write_catalogue(folder, content())
    with served(folder) as address:
        yield address


def test_search_finds_a_feature_of_two_thousand_in_a_tenth_of_a_second(site: str, open_page: Open) -> None:
    watched = open_page(site)
    expect(watched.page.locator("[role=status]")).to_have_text("2005 of 2005 pages")
    # From the key press to the results on the page, the middle of nine tries.
    times = watched.page.evaluate(
        """async (name) => {
            const box = document.getElementById("search"), times = [];
            const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
            const typed = async (text) => {
                const started = performance.now();
                set.call(box, text);
                box.dispatchEvent(new Event("input", { bubbles: true }));
                const isShown = () => document.querySelector(".results .name")?.textContent === text;
                while (text && !isShown()) await new Promise(requestAnimationFrame);
                return performance.now() - started;
            };
            for (let round = 0; round < 9; round++) {
                times.push(await typed(name));
                await typed("");
                await new Promise((done) => setTimeout(done, 50));
            }
            return times.sort((one, other) => one - other);
        }""",
        NAME,
    )
    assert times[4] < 100, times
    assert watched.faults == []


def test_a_found_feature_opens_with_its_lineage_values_and_tests(site: str, open_page: Open) -> None:
    watched = open_page(site)
    page = watched.page
    page.fill("#search", "30d total spend")
    page.locator(".results a").first.click()
    expect(page.locator("h2")).to_have_text(NAME)
    expect(page).to_have_url(f"{site}#/feature/user_spend/{NAME}")
    picture = page.locator(".lineage .scroll svg")
    expect(picture.locator("rect")).to_have_count(3)
    expect(picture.locator("text", has_text="amount")).to_have_count(1)
    expect(picture.get_by_text("spend_v1", exact=True)).to_have_count(1)
    expect(picture.locator("text.head", has_text="user_spend · spend_v1")).to_have_count(1)
    expect(picture.locator("rect.here")).to_have_count(1)
    expect(page.locator(".histogram rect")).to_have_count(20)
    expect(page.locator("td.pass")).to_have_text("pass")
    watched.shoot("feature")
    assert watched.faults == []


def test_a_feature_group_has_a_page(site: str, open_page: Open) -> None:
    watched = open_page(site)
    page = watched.page
    page.locator("article a", has_text=GROUP).click()
    expect(page).to_have_url(f"{site}#/group/{GROUP}")
    expect(page.locator("h2")).to_have_text(GROUP)
    expect(page).to_have_title(f"{GROUP} · Feature catalogue")
    assert page.locator("dd").all_inner_texts() == [
        "risk-team",
        "transaction.mm_transaction",
        "user_id, timestamp",
        f"{GROUP}, {GROUP}__window",
    ]
    links = [each.get_attribute("href") for each in page.locator("dd a", has_text=GROUP).all()]
    assert links == [f"dbt.html#!/model/model.shop.{table}" for table in (GROUP, f"{GROUP}__window")]
    [row] = page.locator("tbody tr").all()
    assert row.locator("td").all_inner_texts() == ["spend_30d", "double", "Sum of amount over (t - 30 d, t]."]
    assert page.locator("li", has_text="spend_v1").inner_text() == "spend_v1: A job. configs/jobs/spend.yaml"
    assert page.locator("pre").all_inner_texts() == ["name: customer_spend # </script>", "select 30"]
    watched.shoot("group")
    row.locator("a").click()
    expect(page.locator("h2")).to_have_text("spend_30d")
    # The feature's page has the SQL of the group's table, and leads back.
    expect(page.locator("pre")).to_have_text("select 30")
    page.locator("dd a", has_text=GROUP).first.click()
    expect(page.locator("h2")).to_have_text(GROUP)
    assert watched.faults == []


def test_a_job_has_a_page_with_its_proof(site: str, open_page: Open) -> None:
    watched = open_page(site)
    page = watched.page
    page.locator("article a", has_text="spend_v1").click()
    expect(page).to_have_url(f"{site}#/job/spend_v1")
    expect(page).to_have_title("spend_v1 · Feature catalogue")
    assert page.locator("dd").all_inner_texts()[:3] == [
        "configs/jobs/spend.yaml",
        "transaction.mm_transaction",
        "display",
    ]
    rows = [row.locator("th, td").all_inner_texts() for row in page.locator("tr").all()]
    assert rows == [
        ["Feature", "Type", "Rule"],
        [NAME, "decimal(38,2)", "Sum of `amount`."],
        ["empty", "double", "Sum of `amount`."],
        ["spend_30d", "double", "Sum."],
        ["Test", "Result"],
        ["unique_grain_user_spend", "pass"],
        ["unique_grain_user_visits", "pass"],
        ["Feature", "NULL", "In the run before", "Change"],
        [NAME, "20.00 %", "25.00 %", "-5.00 points"],
        ["empty", "100.00 %", "", "new"],
        ["Feature", "Values", "Mean", "Deviation", "Least", "Greatest", "Drift"],
        [NAME, "2,400\nwas 1,500", "12.5\nwas 12", "2", "0", "1,000,000\nwas 99.5", "0.250"],
        ["even", "7", "1", "0", "1", "1", "0.000"],
        ["apart", "7", "2\nwas 1", "0", "2\nwas 1", "2\nwas 1", "not defined"],
        ["empty", "0", "none", "none", "none", "none", "new"],
        ["rows", "7 in, 7 out"],
        ["look ahead of the row", HOSTILE],
        ["Feature", "NULL", "age of the newest row that counted"],
        ["spend_30d", "12.5%", "1.0 d to 2.0 d"],
    ]
    assert page.locator("td .fail").all_inner_texts() == ["0.250"]
    plots = page.locator("figure.course")
    assert plots.locator("figcaption").all_inner_texts() == ["Rows: 3,000", "Seconds: 1.5"]
    expect(plots.locator("circle")).to_have_count(6)
    expect(page.get_by_text("Rows against the run before: 2,000 to 3,000.")).to_have_count(1)
    watched.shoot("job")
    assert watched.faults == []


def test_a_job_with_one_run_has_nothing_to_compare(tmp_path: Path, open_page: Open) -> None:
    other = content()
    other["jobs"]["spend_v1"]["history"] = other["jobs"]["spend_v1"]["history"][-1:]
    write_catalogue(tmp_path / "site", other)
    watched = open_page((tmp_path / "site" / "index.html").as_uri() + "#/job/spend_v1")
    rows = watched.page.get_by_role("region", name="NULL").locator("tbody tr").all()
    assert [row.locator("td").all_inner_texts() for row in rows] == [
        [NAME, "20.00 %", "", ""],
        ["empty", "100.00 %", "", ""],
    ]
    assert watched.faults == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"proof": None}, "Not run here: run the job, then build this site again."),
        ({"asks": False, "proof": None}, "Its rows do not ask for features at their own times."),
    ],
)
def test_a_job_without_a_proof_says_why(tmp_path: Path, open_page: Open, given: dict[str, Any], expected: str) -> None:
    other = content()
    other["jobs"]["spend_v1"] |= given
    write_catalogue(tmp_path / "site", other)
    watched = open_page((tmp_path / "site" / "index.html").as_uri() + "#/job/spend_v1")
    assert watched.page.locator("h3:text-is('Proof') + .none").inner_text() == expected
    assert watched.faults == []


def test_the_keyboard_alone_finds_and_opens(site: str, open_page: Open) -> None:
    page = open_page(site).page
    page.keyboard.press("/")
    page.keyboard.type("user_30d_total")
    expect(page.locator("[role=status]")).to_have_text("1 of 2005 pages")
    page.keyboard.press("ArrowDown")
    expect(page.locator(".results a").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h2")).to_have_text(NAME)
    page.locator("#search").focus()
    page.keyboard.press("Escape")
    expect(page.locator("[role=status]")).to_have_text("2005 of 2005 pages")


def test_a_key_is_heard_before_the_first_paint(open_page: Open, site: str) -> None:
    page = open_page("about:blank").page
    page.add_init_script(
        """new MutationObserver((_, watching) => {
            if (!document.getElementById("search")) return;
            watching.disconnect();
            dispatchEvent(new KeyboardEvent("keydown", { key: "/" }));
            window.focused = document.activeElement.id;
        }).observe(document, { childList: true, subtree: true })"""
    )
    page.goto(site)
    assert page.evaluate("window.focused") == "search"


@pytest.mark.parametrize("width", [1280, 360])
def test_a_feature_far_down_the_list_opens_in_sight(site: str, open_page: Open, width: int) -> None:
    page = open_page(site, viewport={"width": width, "height": 740}).page
    page.locator(".results a").nth(45).click()
    heading = page.locator("h2", has_text="feature_45_45d")
    heading.wait_for()
    page.wait_for_function("document.querySelector('h2').getBoundingClientRect().top < 200")
    assert heading.bounding_box()["y"] >= 0
    page.locator(".finder a[aria-current=page]").wait_for()


def test_filters_narrow_the_list_and_more_can_be_shown(site: str, open_page: Open) -> None:
    watched = open_page(site)
    page = watched.page
    names = page.locator(".results .name")
    expect(names).to_have_count(50)
    page.get_by_role("button", name="Show 50 more").click()
    expect(names).to_have_count(100)
    page.select_option("#by-tag", "window")
    expect(names).to_have_text([NAME])
    page.select_option("#by-entity", "shop")
    expect(names).to_have_count(0)


def test_text_of_the_registry_is_text_on_the_page(site: str, open_page: Open) -> None:
    watched = open_page(f"{site}#/feature/model_1/hostile")
    assert HOSTILE in watched.page.locator(".lead").inner_text()
    expect(watched.page).to_have_title("hostile · Feature catalogue")
    assert watched.faults == []


def _poisoned(value: Any, key: str = "") -> Any:
    """The value with a hostile text for each text that links nothing."""
    if isinstance(value, dict):
        return {name: _poisoned(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [_poisoned(each, key) for each in value]
    return " | ".join(ONE_LINE) if isinstance(value, str) and key not in {"id", "from", "to", "kind"} else value


def test_hostile_text_in_every_field_is_shown_and_not_run(tmp_path: Path, open_page: Open) -> None:
    given = content()
    name = "plain"
    given["features"] = [each for each in given["features"] if each["name"] == NAME]
    poisoned = _poisoned(given)
    [shown] = poisoned["features"]
    shown |= {"name": name, "model": name, "id": f"{name}.{name}"}
    shown["jobs"][0]["name"] = "spend_v1"
    poisoned["models"] = {name: next(iter(poisoned["models"].values()))}
    poisoned["groups"][GROUP]["jobs"] = ["spend_v1"]
    write_catalogue(tmp_path / "site", poisoned)
    watched = open_page((tmp_path / "site" / "index.html").as_uri() + f"#/feature/{name}/{name}")
    text = watched.page.locator("body").inner_text()
    assert min(text.count(each) for each in ONE_LINE) > 10
    watched.page.goto((tmp_path / "site" / "index.html").as_uri() + f"#/group/{GROUP}")
    watched.page.locator("h2", has_text=GROUP).wait_for()
    text = watched.page.locator("article").inner_text()
    assert min(text.count(each) for each in ONE_LINE) > 8
    watched.page.goto((tmp_path / "site" / "index.html").as_uri() + "#/job/spend_v1")
    watched.page.locator("h2", has_text="spend_v1").wait_for()
    text = watched.page.locator("article").inner_text()
    assert min(text.count(each) for each in ONE_LINE) > 8
    assert watched.page.evaluate("window.pwned") is None
    assert watched.faults == []


def test_a_column_without_values_has_a_page(site: str, open_page: Open) -> None:
    watched = open_page(f"{site}#/feature/model_2/empty")
    expect(watched.page.locator("h2")).to_have_text("empty")
    expect(watched.page.get_by_text("no value but NULL")).to_have_count(1)
    assert watched.faults == []


def test_a_source_has_a_page(site: str, open_page: Open) -> None:
    watched = open_page(f"{site}#/source/transaction.mm_transaction")
    page = watched.page
    expect(page).to_have_title("transaction.mm_transaction · Feature catalogue")
    facts = page.locator("dd").all_inner_texts()
    assert facts[1:] == [
        "payments-team",
        "transaction_id",
        "timestamp",
        "none declared",
        "error after 1 day",
        "spend_v1",
        GROUP,
    ]
    rows = [row.locator("td").all_inner_texts() for row in page.locator("tbody tr").all()]
    assert rows == [
        ["local", "data/transactions.csv", "csv"],
        ["amount", "decimal(12,2)", "always", "The amount in koruna."],
        ["code", "int", "always", "no description yet"],
        [NAME, "The spend of the entity over the last 0 days."],
    ]
    page.locator("dd a", has_text="spend_v1").click()
    expect(page.locator("h2")).to_have_text("spend_v1")
    page.locator("dd a", has_text="transaction.mm_transaction").click()
    expect(page.locator("h2")).to_have_text("transaction.mm_transaction")
    assert watched.faults == []


def test_an_entity_has_a_page_that_leads_to_all_and_back(site: str, open_page: Open) -> None:
    watched = open_page(f"{site}#/entity/customer")
    page = watched.page
    assert page.locator("dd").all_inner_texts()[1:] == ["user_id", "transaction.mm_transaction", GROUP]
    assert page.get_by_role("region", name="Relations").locator("td").all_inner_texts() == [
        "transaction",
        "1:many",
        "Moves money.",
    ]
    page.locator("a", has_text="all entities").click()
    expect(page.locator("h2")).to_have_text("Entities")
    expect(page.get_by_text("The picture needs Graphviz")).to_have_count(1)
    page.get_by_role("region", name="Entities").get_by_text("customer").click()
    expect(page.locator("h2")).to_have_text("customer")
    assert watched.faults == []


def test_a_transformer_has_a_page(site: str, open_page: Open) -> None:
    watched = open_page(f"{site}#/transformer/UserSpendAggregator")
    page = watched.page
    expect(page.locator(".lead")).to_have_text("The spend of a user.")
    expect(page.locator(".text")).to_have_text("Windows are half-open.")
    assert page.locator("td").all_inner_texts() == ["user_id_col", "needed", "the column that identifies the user"]
    assert page.locator("article a").all_inner_texts() == ["spend_v1"]
    assert watched.faults == []


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("amount bank", "source", "transaction.mm_transaction"),
        ("payments-team", "source", "transaction.mm_transaction"),
        ("UserSpend", "transformer", "UserSpendAggregator"),
        ("spend_v1", "job", "spend_v1"),
        (GROUP, "group", GROUP),
        ("customer", "entity", "customer"),
    ],
)
def test_search_finds_what_is_no_feature(site: str, open_page: Open, text: str, kind: str, name: str) -> None:
    watched = open_page(site)
    watched.page.fill("#search", text)
    watched.page.locator(f".results a[href='#/{kind}/{name}']").click()
    expect(watched.page.locator("h2")).to_have_text(name)


def test_an_empty_list_says_why_and_how_to_leave_it(site: str, open_page: Open) -> None:
    watched = open_page(site)
    page = watched.page
    page.fill("#search", "zzzzzz")
    page.select_option("#by-kind", "job")
    told = page.locator(".finder .none")
    expect(told).to_contain_text("Nothing has all words of “zzzzzz”, with kind jobs.")
    expect(told).to_contain_text("owners, entities, tables and columns were searched")
    watched.shoot("nothing")
    page.get_by_role("button", name="Show everything").click()
    expect(page.locator("[role=status]")).to_have_text("2005 of 2005 pages")
    expect(page.locator("#search")).to_have_value("")


@pytest.mark.parametrize(
    "hash",
    [
        "#/feature/none/none",
        "#/group/none",
        "#/group/toString",
        "#/job/none",
        "#/job/toString",
        "#/source/none",
        "#/feature/%E0%A4%A/x",
        "#nothing",
    ],
)
def test_an_address_without_a_page_says_so(site: str, open_page: Open, hash: str) -> None:  # noqa: A002
    watched = open_page(f"{site}{hash}")
    expect(watched.page.locator("h2")).to_have_text("Page not found")
    watched.page.locator("a", has_text="To the overview").click()
    expect(watched.page.locator("h2")).to_have_text("2000 features of 3 entities")
    assert watched.faults == []


def test_an_address_that_is_almost_a_page_names_it(site: str, open_page: Open) -> None:
    page = open_page(f"{site}#/feature/user_spend/user_30d_totl_spend").page
    page.locator("article li a", has_text=NAME).click()
    expect(page.locator("h2")).to_have_text(NAME)


def test_a_narrow_screen_needs_no_sideways_scrolling(site: str, open_page: Open) -> None:
    watched = open_page(f"{site}#/feature/user_spend/{NAME}", viewport={"width": 360, "height": 740})
    assert watched.page.evaluate("document.documentElement.scrollWidth") == 360
    watched.shoot("narrow")
    for place, heading in (
        ("source/transaction.mm_transaction", "transaction.mm_transaction"),
        ("entity/customer", "customer"),
        ("entities", "Entities"),
        ("job/spend_v1", "spend_v1"),
    ):
        watched.page.goto(f"{site}#/{place}")
        expect(watched.page.locator("h2")).to_have_text(heading)
        assert watched.page.evaluate("document.documentElement.scrollWidth") == 360, place


def test_the_page_opens_without_a_server(tmp_path: Path, open_page: Open) -> None:
    write_catalogue(tmp_path / "site", content())
    watched = open_page((tmp_path / "site" / "index.html").as_uri())
    expect(watched.page.locator("[role=status]")).to_have_text("2005 of 2005 pages")
    assert watched.faults == []


def test_the_server_lets_no_page_load_more_than_the_site_s_own_files(site: str) -> None:
    with urlopen(site) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert policy.endswith("frame-ancestors 'none'")


PAGES = ("", f"#/feature/user_spend/{NAME}", f"#/group/{GROUP}", "#/job/spend_v1")
# Made of the same parts as the others.
MORE_PAGES = (
    "#/source/transaction.mm_transaction",
    "#/entity/customer",
    "#/entities",
    "#/transformer/UserSpendAggregator",
    "#/nothing",
)


@pytest.mark.parametrize(
    ("place", "width", "scheme"),
    [*product(PAGES, (1280, 360), ("light", "dark")), *((place, 1280, "dark") for place in MORE_PAGES)],
)
def test_axe_finds_no_serious_fault(site: str, open_page: Open, place: str, width: int, scheme: str) -> None:
    watched = open_page(f"{site}{place}", color_scheme=scheme, viewport={"width": width, "height": 900})
    watched.page.wait_for_selector("h2")
    found = Axe().run(watched.page).response["violations"]
    serious = [(each["id"], each["nodes"][0]["html"]) for each in found if each["impact"] in {"serious", "critical"}]
    assert serious == []
