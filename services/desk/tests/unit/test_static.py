"""Templates write nothing that the policy forbids; what others wrote is what it says it is."""

import hashlib
import re
from importlib.resources import files

import pytest

PACKAGE = files("otklik_desk")
TEMPLATES = sorted((PACKAGE / "templates").iterdir(), key=lambda path: path.name)
STYLES = [path for path in (PACKAGE / "static").iterdir() if path.name.endswith(".css")]
FORBIDDEN = [
    r"\sstyle\s*=",
    r"\son[a-z]+\s*=\s*[\"']",
    r"<style",
    r"<script(?![^>]*\bnonce=)",
    r"<script[^>]*>(?!</script>)",
    r"javascript:",
    r"https?://(?!www\.w3\.org/2000/svg)",
    r"\|\s*safe\b",
    r"\bhx-(on|vals|ext|headers|confirm|boost)",
]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_writes_nothing_inline_and_nothing_of_others(template):
    text = template.read_text()

    assert [rule for rule in FORBIDDEN if re.search(rule, text, re.IGNORECASE)] == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_attributes_of_htmx_are_written_in_one_place(template):
    if template.name != "live.html":
        assert "hx-get" not in template.read_text()


def test_the_composer_is_never_inside_a_region_that_refreshes_itself():
    for name in ("_conversation.html", "_facts.html"):
        assert "<form" not in (PACKAGE / "templates" / name).read_text()
        assert "<textarea" not in (PACKAGE / "templates" / name).read_text()


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
def test_colours_are_named_in_the_tokens_alone(style):
    if style.name != "tokens.css":
        assert re.findall(r"oklch|rgb\(|#[0-9a-f]{3,8}\b", style.read_text()) == []


def test_what_others_wrote_is_unchanged():
    table = (PACKAGE / "static/vendor/README.md").read_text()
    rows = re.findall(r"^\| (\S+\.js) \|.*\| ([0-9a-f]{64}) \|$", table, re.MULTILINE)

    assert len(rows) == 2
    for name, digest in rows:
        content = (PACKAGE / "static/vendor" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest


async def test_files_are_kept_for_ever_under_their_digest(a_browser):
    browser = a_browser()
    page = await browser.get("/")
    addresses = re.findall(r'"(/static/[^"]+)"', page.text)

    assert len(addresses) == 6
    for address in addresses:
        answer = await browser.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]


async def test_every_text_that_a_template_names_exists(texts):
    named = set()
    for template in TEMPLATES:
        named |= set(re.findall(r"""say\(["']([a-z_.]+)["'][,)]""", template.read_text()))

    assert sorted(key for key in named if not texts.has(key)) == []
