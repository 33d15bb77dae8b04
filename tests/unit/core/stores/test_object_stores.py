"""Object stores: addresses, conditional writes, and one message for each refusal."""

from __future__ import annotations

import time

import pytest

from feature_platform_py.core.errors import ConfigurationError
from feature_platform_py.core.stores.address import is_store_address, store_address
from feature_platform_py.core.stores.client import ObjectStoreClient, check_store, store_client
from feature_platform_py.core.stores.environment import aws_place, hadoop_settings
from feature_platform_py.core.stores.errors import ChangedMeanwhileError, StoreError, explained_by_engine
from tests.object_store import REGION, S3Server


@pytest.fixture
def client(bucket: str) -> ObjectStoreClient:
    return store_client(bucket)[0]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("s3://bank/wh/", "s3://bank/wh"),
        ("s3a://bank/a//b", "s3://bank/a/b"),
        ("gs://bank", "gs://bank"),
        ("abfs://files@account.dfs.core.windows.net/x", "abfss://files@account.dfs.core.windows.net/x"),
    ],
)
def test_spellings_of_a_place_are_one_address(given: str, meant: str) -> None:
    assert is_store_address(given)
    assert str(store_address(given)) == meant


@pytest.mark.parametrize("given", ["ftp://bank/x", "/folder/x", "s3:/bank/x", "schema.table"])
def test_other_texts_are_not_addresses(given: str) -> None:
    assert not is_store_address(given)
    with pytest.raises(ConfigurationError, match="expected the address of an object store"):
        store_address(given)


@pytest.mark.parametrize("given", ["s3://", "s3://key:word@bank/x", "s3://bank/../x", "abfss://account/x"])
def test_a_wrong_address_is_one_error_without_passwords(given: str) -> None:
    with pytest.raises(ConfigurationError, match="expected an address such as") as error:
        store_address(given)
    assert "word" not in str(error.value)


def test_only_one_of_two_writers_creates_or_replaces_an_object(client: ObjectStoreClient) -> None:
    tag = client.create("x", b"first")
    with pytest.raises(ChangedMeanwhileError):
        client.create("x", b"second")
    client.replace("x", b"third", tag)
    with pytest.raises(ChangedMeanwhileError):
        client.replace("x", b"fourth", tag)
    assert client.read("x") == b"third"


def test_objects_are_listed_found_and_removed(client: ObjectStoreClient) -> None:
    for key in ("d/a", "d/e/b", "other"):
        client.write(key, b"12")
    assert [each.key for each in client.objects("d")] == ["d/a", "d/e/b"]
    folders, objects = client.folder("d")
    assert (folders, [each.key for each in objects]) == (["d/e"], ["d/a"])
    assert (found := client.find("d/a")) and (found.size, found.tag) == (2, objects[0].tag)
    client.delete(["d/a", "d/e/b", "not-there"])
    assert client.find("d/a") is None
    with pytest.raises(FileNotFoundError):
        client.read("d/a")


@pytest.mark.parametrize(
    ("bucket_name", "said"),
    [
        ("not-made", "the bucket `s3://not-made` does not exist"),
        ("denied-x", r"the store refused the request \(AccessDenied\)"),
        ("expired-x", "the credentials have expired"),
        ("elsewhere-x", "is in another region.*AWS_REGION"),
    ],
)
def test_each_refusal_has_one_message(object_store: S3Server, bucket_name: str, said: str) -> None:
    with pytest.raises(StoreError, match=said) as error:
        check_store(f"s3://{bucket_name}/x")
    assert len(str(error.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "Runtime Error\n  s3://bank/x: the credentials have expired; renew\n  > in macro",
            "s3://bank/x: the credentials",
        ),
        ("Database Error\n  Generic S3 error: GET http://h/b: <Code>ExpiredToken</Code>", "a store: the credentials"),
        (
            "Server returned non-2xx status code: 403: <Code>AccessDenied</Code>",
            "a store: the store refused the request",
        ),
        ("Division by zero", None),
    ],
)
def test_a_refusal_is_found_in_what_engines_and_dbt_say(text: str, told: str | None) -> None:
    found = explained_by_engine(text, "a store")
    assert found is None if told is None else (found or "").startswith(told)
    assert "\n" not in (found or "")


def test_a_store_that_does_not_answer_is_reported_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    started = time.monotonic()
    with pytest.raises(StoreError, match="did not answer as expected"):
        check_store("s3://unreachable-bank")
    assert time.monotonic() - started < 30


def test_a_profile_names_endpoint_region_and_credentials(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from pathlib import Path

    from feature_platform_py.core.stores import environment

    file = Path(str(tmp_path)) / "config"
    file.write_text("[profile work]\nregion = eu-west-3\nendpoint_url = http://127.0.0.1:9\n")
    for name in ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(file))
    monkeypatch.setenv("AWS_PROFILE", "work")
    environment.aws_session.cache_clear()
    try:
        assert aws_place() == environment.AwsPlace("http://127.0.0.1:9", "eu-west-3")
        assert hadoop_settings()["spark.hadoop.fs.s3a.endpoint.region"] == "eu-west-3"
    finally:
        environment.aws_session.cache_clear()


def test_settings_for_spark_hold_no_credentials(object_store: S3Server) -> None:
    settings = hadoop_settings()
    assert settings["spark.hadoop.fs.s3a.endpoint"] == object_store.endpoint
    assert settings["spark.hadoop.fs.s3a.endpoint.region"] == REGION
    assert "secret" not in str(settings).lower()
