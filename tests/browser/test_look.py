"""What can be measured of the look: contrast, narrow windows, names, sizes of what one presses."""

import pytest

pytestmark = [
    pytest.mark.system("chromium"),
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(300),
]

# Text on what it stands on; WCAG asks 4.5 of text.
PAIRS = [
    ("ink", "ground"),
    ("ink", "surface"),
    ("ink", "sunken"),
    ("quiet", "ground"),
    ("quiet", "surface"),
    ("quiet", "sunken"),
    ("quiet", "accent-ground"),
    ("quiet", "inner-ground"),
    ("quiet", "alarm-ground"),
    ("accent", "surface"),
    ("accent", "ground"),
    ("accent", "accent-ground"),
    ("accent-ink", "accent"),
    ("calm", "surface"),
    ("calm", "calm-ground"),
    ("calm", "accent-ground"),
    ("soon", "surface"),
    ("soon", "soon-ground"),
    ("alarm", "surface"),
    ("alarm", "alarm-ground"),
    ("inner", "inner-ground"),
]
CONTRAST = """
(pairs) => {
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const probe = document.body.appendChild(document.createElement("i"));
  const linear = (part) => {
    const value = part / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  const luminance = (name) => {
    probe.className = `probe-${name}`;
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`.probe-${name} { color: var(--${name}); }`);
    document.adoptedStyleSheets.push(sheet);
    context.fillStyle = getComputedStyle(probe).color;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b] = context.getImageData(0, 0, 1, 1).data;
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  };
  return pairs.map(([one, other]) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  });
}
"""
SMALL_TARGETS = """
() => [...document.querySelectorAll("a, button, summary, input:not([type=hidden]), textarea")]
  .filter((one) => one.checkVisibility() && !one.closest("p, dd, .skip"))
  // A link that covers its whole row is as large as the row.
  .filter((one) => getComputedStyle(one, "::after").position !== "absolute")
  .filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width < 24 || box.height < 24;
  })
  .map((one) => one.outerHTML.slice(0, 120))
"""
NAMELESS = """
() => [...document.querySelectorAll("input:not([type=hidden]), textarea, button, a[href]")]
  .filter((one) => !(one.labels?.length || one.textContent?.trim() || one.ariaLabel || one.title
    || one.querySelector("[aria-label], svg title")))
  .map((one) => one.outerHTML.slice(0, 120))
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_can_be_read_on_what_it_stands_on(visit, scheme):
    visitor = await visit(color_scheme=scheme)
    await visitor.go("/")

    contrasts = await visitor.page.evaluate(CONTRAST, PAIRS)

    weak = {
        pair: round(ratio, 2) for pair, ratio in zip(PAIRS, contrasts, strict=True) if ratio < 4.5
    }
    assert weak == {}


@pytest.mark.parametrize("locale", ["ru", "en"])
async def test_narrow_windows_need_no_sideways_scrolling(visit, scene, locale):
    long = "Очень длинное название обращения, которое никак не помещается в одну строку " * 2
    story = await scene.request(long.strip(), "x" * 400 + " конец", locale=locale)
    visitor = await visit(viewport={"width": 320, "height": 640})
    await visitor.sign_in("Мария Иванова", f"/tickets?lang={locale}")

    for path in (
        "/tickets?state=all",
        story.link,
        "/",
        "/c/wrong",
        f"/tickets?number={story.number}",
    ):
        await visitor.go(path)
        page, window = await visitor.width()
        assert page <= window, path
    await visitor.page.evaluate(
        "document.querySelectorAll('details').forEach((one) => { one.name = ''; one.open = true; })"
    )
    page, window = await visitor.width()
    assert page <= window


async def test_whatever_is_pressed_is_large_enough_and_has_a_name(visit, scene):
    story = await scene.request("Размеры", "Вопрос.")
    visitor = await visit()
    await visitor.sign_in("Мария Иванова")

    for path in ("/tickets", f"/tickets?number={story.number}", story.link):
        await visitor.go(path)
        assert await visitor.page.evaluate(SMALL_TARGETS) == [], path
        assert await visitor.page.evaluate(NAMELESS) == [], path
