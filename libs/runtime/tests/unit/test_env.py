from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import SecretStr

from otklik_runtime import env


class Settings(env.Settings):
    service: ClassVar[str] = "sla"
    unused: ClassVar[frozenset[str]] = frozenset(env.Settings.needed)

    tick_seconds: float = 1.0
    webhook_secret: SecretStr = SecretStr("")


BASE = {"OTKLIK_ENVIRONMENT": "development"}


def test_the_services_own_variable_wins_over_the_shared_one():
    shared = BASE | {"OTKLIK_LOG_LEVEL": "error", "OTKLIK_TRACE_RATIO": "0.5"}

    settings = Settings.load(shared | {"OTKLIK_SLA_LOG_LEVEL": "debug"})

    assert settings.log_level == "debug"
    assert settings.trace_ratio == 0.5


def test_a_secret_can_come_from_a_file_and_is_never_shown(tmp_path: Path):
    (tmp_path / "secret").write_text("hunter2\n")

    settings = Settings.load(
        BASE
        | {
            "OTKLIK_SLA_WEBHOOK_SECRET_FILE": str(tmp_path / "secret"),
            "OTKLIK_SLA_DATABASE_URL": "postgresql://sla:hunter3@localhost/sla",
        },
    )

    assert settings.webhook_secret.get_secret_value() == "hunter2"
    assert "hunter" not in repr(settings)
    assert "hunter" not in "".join(settings.described().values())


def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path):
    with pytest.raises(env.SettingsRefused, match="OTKLIK_SLA_WEBHOOK_SECRET_FILE cannot be read"):
        Settings.load(BASE | {"OTKLIK_SLA_WEBHOOK_SECRET_FILE": str(tmp_path / "absent")})


def test_a_mistyped_variable_is_refused_with_the_one_that_was_meant():
    with pytest.raises(env.SettingsRefused, match="did you mean OTKLIK_SLA_TICK_SECONDS"):
        Settings.load(BASE | {"OTKLIK_SLA_TICK_SECOND": "2"})


def test_everything_that_is_missing_is_named_at_once():
    class Strict(env.Settings):
        service: ClassVar[str] = "intake"

    with pytest.raises(env.SettingsRefused) as refused:
        Strict.load(BASE)

    for field in env.Settings.needed:
        assert f"OTKLIK_INTAKE_{field.upper()} is not set" in str(refused.value)


def test_a_wrong_value_is_named_without_being_shown():
    with pytest.raises(env.SettingsRefused) as refused:
        Settings.load(BASE | {"OTKLIK_SLA_TICK_SECONDS": "hunter2"})

    assert "OTKLIK_SLA_TICK_SECONDS is wrong" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_production_wants_certificates_or_the_word_that_a_mesh_encrypts():
    class Serving(env.Settings):
        service: ClassVar[str] = "sla"
        needed: ClassVar[tuple[str, ...]] = ()

    with pytest.raises(env.SettingsRefused, match="OTKLIK_TLS_CERTIFICATE_FILE"):
        Serving.load({})

    assert Serving.load({"OTKLIK_PLAINTEXT": "true"}).environment == "production"


def test_addresses_of_other_services_are_read_from_one_variable():
    settings = Settings.load(BASE | {"OTKLIK_GRPC_ADDRESSES": "a=localhost:1, b=dns:///b:2"})

    assert settings.address_of("b") == "dns:///b:2"
    with pytest.raises(env.SettingsRefused, match="add `c=HOST:PORT` to OTKLIK_GRPC_ADDRESSES"):
        settings.address_of("c")
