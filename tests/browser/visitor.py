"""A browser window that tells of everything that should not happen in it."""

from playwright.async_api import BrowserContext, ConsoleMessage, Page, Request

# Told by the policy itself, in the page, before any script of it runs.
WATCH = """
document.addEventListener("securitypolicyviolation", (event) =>
  window.tellViolation(`${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""
# What a browser writes on its console about an answer that the test expects.
EXPECTED = "Failed to load resource: the server responded with a status of 4"


class Visitor:
    """One window at the desk."""

    def __init__(self, desk: str, page: Page) -> None:
        self.desk = desk
        self.page = page
        self.violations: list[str] = []
        self.foreign: list[str] = []
        self.complaints: list[str] = []

    @classmethod
    async def open(cls, desk: str, context: BrowserContext, *, issuer: str) -> "Visitor":
        """Open a window and watch it."""
        visitor = cls(desk, await context.new_page())
        page = visitor.page
        await page.expose_function("tellViolation", visitor._on_violation)
        await page.add_init_script(WATCH)
        page.on("console", visitor._on_console)
        page.on("pageerror", lambda error: visitor.complaints.append(str(error)))

        def on_request(request: Request) -> None:
            if not request.url.startswith((f"{desk}/", f"{issuer}/")):
                visitor.foreign.append(request.url)

        page.on("request", on_request)
        return visitor

    def _on_violation(self, told: str) -> None:
        self.violations.append(told)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith(EXPECTED):
            self.complaints.append(message.text)

    async def go(self, path: str) -> None:
        """Open a page of the desk."""
        await self.page.goto(f"{self.desk}{path}")

    async def sign_in(self, name: str, path: str = "/tickets") -> None:
        """Sign in as one of the seeded people, on the way to a page."""
        await self.go(path)
        await self.page.get_by_role("link", name=name).click()
        await self.page.wait_for_url(f"{self.desk}{path}*")

    async def find(self, number: str) -> None:
        """Open a ticket by its number, from the list."""
        await self.page.get_by_role("searchbox").or_(self.page.locator("#number")).fill(number)
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_url("**/tickets/*")

    async def width(self) -> tuple[int, int]:
        """Measure the page: how wide it is, and how wide the window is."""
        page, window = await self.page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        return page, window

    def require_calm(self) -> None:
        """Fail when anything happened that should not."""
        assert self.violations == []
        assert self.foreign == []
        assert self.complaints == []
