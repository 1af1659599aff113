"""Every phrase of the mailbox pages, in both languages."""

from tools.pages.language import Catalogue, Counted, Phrase

PHRASES: Catalogue = {
    "title": Phrase(en="Mailbox", ru="Почтовый ящик"),
    "lead": Phrase(
        en="Every letter sent on this machine ends here and goes no further.",
        ru="Все письма, отправленные на этой машине, остаются здесь и дальше не идут.",
    ),
    "letter_count": Counted(
        en=("{count} letter", "{count} letters"),
        ru=("{count} письмо", "{count} письма", "{count} писем"),
    ),
    "refused_count": Counted(
        en=("{count} refused", "{count} refused"),
        ru=("{count} отклонено", "{count} отклонено", "{count} отклонено"),
    ),
    "cut_count": Counted(
        en=("{count} connection cut", "{count} connections cut"),
        ru=("{count} обрыв", "{count} обрыва", "{count} обрывов"),
    ),
    "rule_count": Counted(
        en=("{count} fault rule in force", "{count} fault rules in force"),
        ru=(
            "действует {count} правило сбоев",
            "действуют {count} правила сбоев",
            "действует {count} правил сбоев",
        ),
    ),
    "filter": Phrase(en="Filter", ru="Отбор"),
    "address": Phrase(en="Address", ru="Адрес"),
    "address_hint": Phrase(
        en="part of the sender or recipient", ru="часть адреса отправителя или получателя"
    ),
    "show": Phrase(en="Show", ru="Показать"),
    "reset": Phrase(en="Clear the filter", ru="Сбросить отбор"),
    "refresh": Phrase(en="Refresh", ru="Обновить"),
    "received": Phrase(en="Received", ru="Получено"),
    "from": Phrase(en="From", ru="От"),
    "to": Phrase(en="To", ru="Кому"),
    "copy": Phrase(en="Copy", ru="Копия"),
    "reply_to": Phrase(en="Reply to", ru="Ответ на адрес"),
    "date": Phrase(en="Date", ru="Дата"),
    "subject": Phrase(en="Subject", ru="Тема"),
    "size": Phrase(en="Size", ru="Размер"),
    "no_subject": Phrase(en="(no subject)", ru="(без темы)"),
    "no_sender": Phrase(
        en="(empty sender: a bounce or an automatic letter)",
        ru="(пустой отправитель: возврат или автомат)",
    ),
    "attachment_count": Counted(
        en=("{count} attachment", "{count} attachments"),
        ru=("{count} вложение", "{count} вложения", "{count} вложений"),
    ),
    "none_kept": Phrase(en="No letter has arrived yet", ru="Писем пока нет"),
    "none_kept_hint": Phrase(
        en="Send over SMTP, without encryption, to:", ru="Отправляйте по SMTP, без шифрования, на:"
    ),
    "none_match": Phrase(
        en="No letter matches the filter", ru="Под отбор не подходит ни одно письмо"
    ),
    "older": Phrase(en="Older letters", ru="Более ранние письма"),
    "newest": Phrase(en="To the newest", ru="К самым новым"),
    "newer_letter": Phrase(en="Newer", ru="Новее"),
    "older_letter": Phrase(en="Older", ru="Старше"),
    "text": Phrase(en="Text", ru="Текст"),
    "html": Phrase(en="HTML", ru="HTML"),
    "html_note": Phrase(
        en="Cleaned and shown in a frame where nothing runs and nothing is fetched.",
        ru="Очищено и показано во фрейме, где ничего не исполняется и не загружается.",
    ),
    "foreign_pictures": Counted(
        en=(
            "{count} picture from elsewhere is left out",
            "{count} pictures from elsewhere are left out",
        ),
        ru=(
            "{count} внешняя картинка не показана",
            "{count} внешние картинки не показаны",
            "{count} внешних картинок не показано",
        ),
    ),
    "cut_short": Phrase(
        en="The text is long: its beginning is shown.", ru="Текст длинный: показано начало."
    ),
    "no_body": Phrase(en="This letter says nothing.", ru="В письме нет текста."),
    "attachments": Phrase(en="Attachments", ru="Вложения"),
    "download": Phrase(en="Download {name}", ru="Скачать {name}"),
    "headers": Phrase(en="All headers", ru="Все заголовки"),
    "envelope": Phrase(en="Envelope", ru="Конверт"),
    "envelope_from": Phrase(en="MAIL FROM", ru="MAIL FROM"),
    "envelope_to": Phrase(en="RCPT TO", ru="RCPT TO"),
    "reply": Phrase(en="Reply", ru="Ответ"),
    "unanswered": Phrase(
        en="kept, but the sender was never told",
        ru="сохранено, но отправитель ответа не получил",
    ),
    "source": Phrase(en="Source", ru="Исходник"),
    "as_file": Phrase(en="As a file", ru="Файлом"),
    "as_json": Phrase(en="As JSON", ru="В JSON"),
}
