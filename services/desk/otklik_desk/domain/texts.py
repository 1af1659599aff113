"""Texts that others wrote in every language of the desk."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Text:
    """One text in Russian and in English."""

    ru: str
    en: str

    def told(self, locale: str) -> str:
        """Give it in a language of the desk."""
        return self.en if locale == "en" else self.ru
