from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from wan_demo.settings import Settings, is_zero_gpu, space_defaults, upload_folder


def test_the_defaults_are_the_documented_ones():
    settings = Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 7860)
    assert settings.data_dir == Path("data")
    assert (settings.model, settings.device, settings.engine) == (None, "auto", "pipeline")


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("WAN_DEMO_HOST", "0.0.0.0", "host", "0.0.0.0"),
        ("WAN_DEMO_PORT", "8000", "port", 8000),
        ("WAN_DEMO_DATA_DIR", "/srv/wan", "data_dir", Path("/srv/wan")),
        ("WAN_DEMO_MODEL", "wan-tiny", "model", "wan-tiny"),
        ("WAN_DEMO_DEVICE", "cpu", "device", "cpu"),
    ],
)
def test_the_environment_sets_them(monkeypatch, name, value, field, expected):
    monkeypatch.setenv(name, value)
    assert getattr(Settings(), field) == expected


def test_a_file_sets_them_and_the_environment_wins(monkeypatch):
    Path(".env").write_text("WAN_DEMO_PORT=8001\nWAN_DEMO_DEVICE=mps\nOTHER=1\n")
    monkeypatch.setenv("WAN_DEMO_PORT", "8002")
    assert (Settings().port, Settings().device) == (8002, "mps")


@pytest.mark.parametrize(
    "wrong",
    [{"port": "abc"}, {"port": -1}, {"port": 70000}, {"engine": "magic"}, {"device": "gpu"}],
)
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ValidationError):
        Settings(**wrong)


def test_every_setting_says_what_it_is():
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    ("settings", "may"),
    [
        ({}, True),
        ({"host": "::1"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"share": True}, False),
        ({"host": "0.0.0.0", "downloads": True}, True),
        ({"downloads": False}, False),
    ],
)
def test_only_this_machines_own_people_fetch_models_unless_told(settings, may):
    assert Settings(**settings).may_download is may


def test_people_have_names_and_passwords(monkeypatch):
    monkeypatch.setenv("WAN_DEMO_AUTH", "ada:pass:word, bob:s3cret")
    settings = Settings()
    assert settings.logins == [("ada", "pass:word"), ("bob", "s3cret")]
    assert "pass:word" not in repr(settings)


@pytest.mark.parametrize("wrong", ["", "ada", "ada:", ":word", "ada:x,", "ada:x,ada:y", ","])
def test_a_half_login_is_refused_without_telling_it(monkeypatch, wrong):
    monkeypatch.setenv("WAN_DEMO_AUTH", wrong)
    with pytest.raises(ValidationError, match="must be NAME:PASSWORD"):
        Settings()


def test_a_space_is_everybodys_page_behind_a_proxy(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "somebody/wan-demo")
    settings = Settings()
    assert (settings.host, settings.port, settings.forwarded_allow_ips) == ("0.0.0.0", 7860, "*")
    assert not settings.may_download
    assert settings.metrics_for == "nobody"  # a visitor may say that they come from this machine
    monkeypatch.setenv("WAN_DEMO_HOST", "127.0.0.1")
    assert (Settings().host, Settings(host="::1").host) == ("127.0.0.1", "::1")


def test_a_spaces_own_disk_is_used_where_it_can_be_written_to(monkeypatch, tmp_path):
    monkeypatch.setenv("SPACE_ID", "somebody/wan-demo")
    assert space_defaults(tmp_path)["data_dir"] == tmp_path / "wan_demo"
    assert "data_dir" not in space_defaults(tmp_path / "none")
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "data_dir" not in space_defaults(tmp_path)


@pytest.mark.parametrize(("said", "is_it"), [("true", True), ("1", True), ("false", False)])
def test_zerogpu_is_told_by_the_environment(monkeypatch, said, is_it):
    monkeypatch.setenv("SPACES_ZERO_GPU", said)
    assert is_zero_gpu() is is_it


@pytest.mark.parametrize(
    ("said", "meant"),
    [("", ""), ("/", ""), ("/wan", "/wan"), ("/wan/", "/wan"), ("/a/b-c", "/a/b-c")],
)
def test_a_root_path_has_no_slash_at_its_end(said, meant):
    assert Settings(root_path=said).prefix == meant


@pytest.mark.parametrize(
    "wrong", ["wan", "//wan", "/wan;x", "/a b", "https://a.example/wan", "/w\n"]
)
def test_what_is_no_path_is_refused(wrong):
    with pytest.raises(ValidationError, match="must be a path such as /wan"):
        Settings(root_path=wrong)


@pytest.mark.parametrize(
    "sites",
    [
        "*",
        "none",
        "'self'",
        "self https://a.example https://*.b.example:8443",
        "http://localhost:*",
        "https:",
    ],
)
def test_sites_are_named_as_policies_name_them(sites):
    assert Settings(frame_ancestors=sites).sites == sites.split()


@pytest.mark.parametrize(
    "wrong", ["", "a.example", "https://a.example;", "self\nx", "ftp://a", "https://a.example/path"]
)
def test_what_is_no_site_is_refused(wrong):
    with pytest.raises(ValidationError, match="must be self, none"):
        Settings(frame_ancestors=wrong)


def test_uploads_go_where_gradio_puts_them(monkeypatch):
    from gradio.utils import get_upload_folder

    monkeypatch.delenv("GRADIO_TEMP_DIR", raising=False)
    assert Path(get_upload_folder()).is_relative_to(upload_folder())
    monkeypatch.setenv("GRADIO_TEMP_DIR", "/srv/uploads")
    assert str(upload_folder()) == get_upload_folder() == "/srv/uploads"
