import pytest

from tools.check_text import complaints


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("fine.yaml", b"a: 1\n", []),
        ("empty.py", b"", []),
        ("chart/templates/job.yaml", b"{{ if .Values.on }}\n", []),
        ("untidy.py", b"a = 1 \n", ["white space at the end of line 1"]),
        ("windows.py", b"a = 1\r\n", ["carriage returns"]),
        ("unfinished.py", b"a = 1", ["no newline at the end"]),
        ("latin.txt", "п".encode("koi8-r"), ["not UTF-8"]),
        ("huge.txt", b"a" * 600_000 + b"\n", ["600001 bytes are too many for a source file"]),
    ],
)
def test_what_is_wrong_with_a_file_is_said(tmp_path, name, text, wrong):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)

    assert list(complaints(path)) == wrong


@pytest.mark.parametrize(("name", "text"), [("a.toml", "= 1\n"), ("a.yaml", "a: [\n")])
def test_broken_configuration_is_refused(tmp_path, name, text):
    (tmp_path / name).write_text(text)

    assert next(complaints(tmp_path / name)).startswith("not valid: ")


def test_a_private_key_is_refused(tmp_path):
    path = tmp_path / "key.pem"
    path.write_text("-----BEGIN " + "RSA PRIVATE KEY-----\n")

    assert list(complaints(path)) == ["a private key"]
