"""The configuration file: read strictly, and the example that `init` writes says the defaults."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.config import DEFAULT_CONFIG, Config, ConfigError, load_config


def load(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "sogoc.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def test_a_missing_or_empty_file_means_the_defaults(tmp_path: Path) -> None:
    assert load_config(tmp_path / "none.toml") == Config()
    assert load(tmp_path, "# nothing\n") == Config()


def test_the_file_that_init_writes_states_every_setting_with_its_default(tmp_path: Path) -> None:
    assert tomllib.loads(DEFAULT_CONFIG) == asdict(Config())
    assert load(tmp_path, DEFAULT_CONFIG) == Config()


def test_a_setting_replaces_its_default_and_no_other(tmp_path: Path) -> None:
    config = load(tmp_path, 'port = 0\nlow_disk_megabytes = 3\nhost = "::1"\n')
    assert config == Config(port=0, low_disk_megabytes=3, host="::1")


@pytest.mark.parametrize(
    ("text", "rule", "named"),
    [
        ("prot = 8080", "config.unknown", "'prot'"),
        ("[server]\nport = 8080", "config.unknown", "'server'"),
        ('port = "8080"', "config.type", "port"),
        ("port = 80.0", "config.type", "port"),
        ("port = true", "config.type", "port"),
        ("host = 1", "config.type", "host"),
        ("port = -1", "config.range", "port"),
        ("port = 65536", "config.range", "port"),
        ("recosign_seconds = -1", "config.range", "recosign_seconds"),
        ('tls_cert = "cert.pem"', "config.tls", "tls_key"),
        ('tls_key = "key.pem"', "config.tls", "tls_cert"),
        ('domain = "phuson.example/so"', "config.domain", "domain"),
        ('domain = "phường.example"', "config.domain", "domain"),
        ("domain_member = 1", "config.type", "domain_member"),
        ("port = ", "config.read", "sogoc.toml"),
        ("port = 1\nport = 2", "config.read", "sogoc.toml"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, rule: str, named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert caught.value.rule == rule
    assert named in caught.value.detail


def test_a_file_that_cannot_be_read_is_not_taken_for_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "sogoc.toml").write_bytes(b'host = "\xff"')
    with pytest.raises(ConfigError, match=r"config\.read"):
        load_config(tmp_path / "sogoc.toml")
    with pytest.raises(ConfigError, match=r"config\.read"):
        load_config(tmp_path)  # a directory


@given(
    name=st.sampled_from([field.name for field in fields(Config)]),
    value=st.one_of(st.integers(-10, 70_000), st.booleans(), st.text("abc/.", max_size=5), st.floats(0, 1)),
)
def test_any_value_is_taken_as_it_is_or_refused_by_name(
    tmp_path_factory: pytest.TempPathFactory, name: str, value: object
) -> None:
    written = (
        str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else value
    )
    try:
        config = load(tmp_path_factory.mktemp("config"), f"{name} = {written}\n")
    except ConfigError as error:
        named = error.detail
    else:
        named = name
        assert type(getattr(config, name)) is type(value)
        assert getattr(config, name) == value
    assert name in named
