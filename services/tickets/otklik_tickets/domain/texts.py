"""Text that a person reads, in both languages."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class LocalizedText:
    """One text in Russian and in English."""

    ru: str
    en: str

    def in_language(self, locale: str) -> str:
        """The text for somebody who reads this language."""
        return self.ru if locale == "ru" else self.en
