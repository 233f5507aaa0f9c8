"""Credentials at rest: sealed, opened, rotated, and never readable by others."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from pytest_django import Settings

from apps.adapters.secrets import FILE_NAME, FernetBox, secret_box
from apps.kernel.errors import InvalidInput

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def home(settings: Settings, tmp_path: Path) -> Path:
    settings.PLIMSOLL_HOME = tmp_path
    settings.PLIMSOLL_CREDENTIAL_KEY = ""
    return tmp_path


def test_what_is_sealed_opens_again_and_shows_nothing() -> None:
    box = FernetBox([NEW])
    sealed = box.seal("pässword")
    assert "pässword" not in sealed
    assert box.open(sealed) == "pässword"


def test_the_same_text_is_never_sealed_alike() -> None:
    box = FernetBox([NEW])
    assert box.seal("a") != box.seal("a")


def test_an_older_key_still_opens_and_is_told_apart() -> None:
    sealed = FernetBox([OLD]).seal("a")
    both = FernetBox([NEW, OLD])
    assert both.open(sealed) == "a"
    assert both.is_stale(sealed)
    assert not both.is_stale(both.seal("a"))


def test_a_missing_key_is_named_by_its_id() -> None:
    sealed = FernetBox([OLD]).seal("a")
    with pytest.raises(InvalidInput, match=sealed.split(":")[1]) as caught:
        FernetBox([NEW]).open(sealed)
    assert caught.value.field == "PLIMSOLL_CREDENTIAL_KEY"


@pytest.mark.parametrize("damage", [lambda s: s[:-5] + "AAAA=", lambda s: "junk", lambda s: "", lambda s: "v2" + s[2:]])
def test_altered_text_is_refused(damage: object) -> None:
    box = FernetBox([NEW])
    with pytest.raises(InvalidInput):
        box.open(damage(box.seal("a")))  # type: ignore[operator]


def test_a_key_that_is_none_says_how_to_make_one() -> None:
    with pytest.raises(InvalidInput, match="openssl rand"):
        FernetBox(["a password"])


def test_the_first_start_makes_a_private_file(home: Path) -> None:
    sealed = secret_box().seal("a")
    assert (home / FILE_NAME).stat().st_mode & 0o777 == 0o600
    assert secret_box().open(sealed) == "a"
    assert [path.name for path in home.iterdir()] == [FILE_NAME]


def test_two_first_starts_at_once_agree_on_one_key(home: Path) -> None:
    gate = threading.Barrier(8)
    sealed: list[str] = []

    def start() -> None:
        gate.wait()
        sealed.append(secret_box().seal("a"))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {secret_box().open(text) for text in sealed} == {"a"}


def test_a_key_from_the_environment_needs_no_file(home: Path, settings: Settings) -> None:
    settings.PLIMSOLL_CREDENTIAL_KEY = NEW
    assert secret_box().open(FernetBox([NEW]).seal("a")) == "a"
    assert not list(home.iterdir())


def test_moving_to_the_environment_keeps_the_files_keys_for_opening(home: Path, settings: Settings) -> None:
    sealed = secret_box().seal("a")
    settings.PLIMSOLL_CREDENTIAL_KEY = f"{NEW},{OLD}"
    assert secret_box().open(sealed) == "a"
    assert secret_box().is_stale(sealed)


def test_a_file_that_others_may_read_is_refused(home: Path) -> None:
    secret_box()
    (home / FILE_NAME).chmod(0o644)
    with pytest.raises(InvalidInput, match="chmod 600"):
        secret_box()
