"""The rules of `buf.yaml` hold, and turn red when a contract breaks them."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import check_proto

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tree(tmp_path):
    shutil.copytree(ROOT / "proto", tmp_path / "proto")
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/gen_proto.py", tmp_path / "tools")
    return tmp_path


def image(tree, name):
    target = tree / name
    subprocess.run([sys.executable, tree / "tools/gen_proto.py", "--image", target], check=True)
    return target


def plant(tree, text):
    planted = tree / "proto/otklik/planted/v1/planted.proto"
    planted.parent.mkdir(parents=True, exist_ok=True)
    planted.write_text(f'syntax = "proto3";\n\npackage otklik.planted.v1;\n\n{text}\n')


def test_the_contracts_keep_the_rules(tree):
    assert check_proto.lint(image(tree, "now.binpb")) == 0


def test_a_field_without_a_comment_is_refused(tree, capfd):
    plant(tree, "// Said.\nmessage Planted {\n  string id = 1;\n}")

    assert check_proto.lint(image(tree, "now.binpb")) != 0
    assert 'Field "id" should have a non-empty comment' in capfd.readouterr().out


def test_a_field_that_is_gone_breaks_its_readers(tree, capfd):
    plant(tree, "// Said.\nmessage Planted {\n  // Said.\n  string id = 1;\n}")
    then = image(tree, "then.binpb")
    plant(tree, "// Said.\nmessage Planted {}")

    assert check_proto.breaking(image(tree, "now.binpb"), then) != 0
    assert 'field "1" with name "id"' in capfd.readouterr().out


def test_a_field_that_is_new_breaks_nobody(tree):
    plant(tree, "// Said.\nmessage Planted {}")
    then = image(tree, "then.binpb")
    plant(tree, "// Said.\nmessage Planted {\n  // Said.\n  string id = 1;\n}")

    assert check_proto.breaking(image(tree, "now.binpb"), then) == 0
