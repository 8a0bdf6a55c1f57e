import contextlib
from pathlib import Path

import pytest
from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
from transformers.utils import logging

from toktts.codecs import load_codec, save_random_encodec
from toktts.codecs._quiet import quiet_transformers


def settings() -> tuple[int, bool, bool]:
    return logging.get_verbosity(), logging.is_progress_bar_enabled(), are_progress_bars_disabled()


def test_a_codec_is_written_and_read_without_a_word(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logging.enable_progress_bar()
    before = settings()
    save_random_encodec(tmp_path / "codec", small=True)
    load_codec(tmp_path / "codec").save_pretrained(tmp_path / "copy")
    assert capfd.readouterr() == ("", "")
    assert settings() == before


@pytest.mark.parametrize("hub", [enable_progress_bars, disable_progress_bars])
@pytest.mark.parametrize("bars", [logging.enable_progress_bar, logging.disable_progress_bar])
@pytest.mark.parametrize("level", [logging.INFO, logging.ERROR])
def test_the_users_settings_come_back_also_after_an_error(hub, bars, level) -> None:
    user = settings()
    try:
        bars()
        hub()
        logging.set_verbosity(level)
        before = settings()
        with contextlib.suppress(KeyError), quiet_transformers():
            assert settings() == (logging.ERROR, False, True)
            raise KeyError
        assert settings() == before
    finally:
        logging.set_verbosity(user[0])
        (logging.enable_progress_bar if user[1] else logging.disable_progress_bar)()
        (disable_progress_bars if user[2] else enable_progress_bars)()
