"""Every phrase of the trace pages and the text tree, in both languages."""

from tools.pages.language import Catalogue, Counted, Phrase

PHRASES: Catalogue = {
    "title": Phrase(en="Traces", ru="Трассы"),
    "trace": Phrase(en="Trace", ru="Трасса"),
    "lead": Phrase(
        en="What the services did, as they told it themselves.",
        ru="Что делали сервисы — по их собственным словам.",
    ),
    "span_count": Counted(
        en=("{count} span", "{count} spans"), ru=("{count} спан", "{count} спана", "{count} спанов")
    ),
    "service_count": Counted(
        en=("{count} service", "{count} services"),
        ru=("{count} сервис", "{count} сервиса", "{count} сервисов"),
    ),
    "failure_count": Counted(
        en=("{count} error", "{count} errors"),
        ru=("{count} ошибка", "{count} ошибки", "{count} ошибок"),
    ),
    "link_count": Counted(
        en=("{count} link", "{count} links"),
        ru=("{count} ссылка", "{count} ссылки", "{count} ссылок"),
    ),
    "trace_count": Counted(
        en=("{count} trace", "{count} traces"),
        ru=("{count} трасса", "{count} трассы", "{count} трасс"),
    ),
    "evicted_count": Counted(
        en=("{count} trace made room for newer ones", "{count} traces made room for newer ones"),
        ru=(
            "{count} трасса уступила место новым",
            "{count} трассы уступили место новым",
            "{count} трасс уступили место новым",
        ),
    ),
    "filter": Phrase(en="Filter", ru="Отбор"),
    "service": Phrase(en="Service", ru="Сервис"),
    "any_service": Phrase(en="any", ru="любой"),
    "attribute": Phrase(en="Attribute", ru="Атрибут"),
    "attribute_hint": Phrase(en="a value, or name=value", ru="значение или имя=значение"),
    "only_failures": Phrase(en="With errors only", ru="Только с ошибками"),
    "show": Phrase(en="Show", ru="Показать"),
    "reset": Phrase(en="Clear the filter", ru="Сбросить отбор"),
    "refresh": Phrase(en="Refresh", ru="Обновить"),
    "began": Phrase(en="Began", ru="Начало"),
    "services": Phrase(en="Services", ru="Сервисы"),
    "spans": Phrase(en="Spans", ru="Спаны"),
    "span": Phrase(en="Span", ru="Спан"),
    "offset": Phrase(en="Offset", ru="Сдвиг"),
    "duration": Phrase(en="Duration", ru="Длительность"),
    "timeline": Phrase(en="Timeline", ru="Шкала времени"),
    "none_kept": Phrase(en="No trace has arrived yet", ru="Пока не пришло ни одной трассы"),
    "none_kept_hint": Phrase(
        en="Point a process here and let it work:", ru="Направьте процесс сюда и дайте ему работу:"
    ),
    "none_match": Phrase(
        en="No trace matches the filter", ru="Под отбор не подходит ни одна трасса"
    ),
    "older": Phrase(
        en="The {shown} most recent are shown; the filter finds the older ones.",
        ru="Показаны последние {shown}; более старые найдёт отбор.",
    ),
    "failed": Phrase(en="error", ru="ошибка"),
    "root_missing": Phrase(
        en="The root of this trace has not arrived.", ru="Корень этой трассы не пришёл."
    ),
    "parent_missing": Phrase(en="its parent {id} has not arrived", ru="родитель {id} не пришёл"),
    "even_axis": Phrase(en="Even time axis", ru="Равномерная шкала"),
    "squeezed_axis": Phrase(en="Squeeze the waits", ru="Сжать ожидания"),
    "wait": Phrase(en="nothing ran for {length}", ru="{length} ничего не происходило"),
    "as_text": Phrase(en="As text", ru="Текстом"),
    "as_json": Phrase(en="As JSON", ru="В JSON"),
    "close": Phrase(en="Close", ru="Закрыть"),
    "attributes": Phrase(en="Attributes", ru="Атрибуты"),
    "resource": Phrase(en="Resource", ru="Ресурс"),
    "events": Phrase(en="Events", ru="События"),
    "links_out": Phrase(en="Links to", ru="Ссылается на"),
    "links_in": Phrase(en="Linked from", ru="Ссылаются сюда"),
    "not_kept": Phrase(en="not kept here", ru="здесь не хранится"),
    "kind": Phrase(en="Kind", ru="Вид"),
    "status": Phrase(en="Status", ru="Состояние"),
    "scope": Phrase(en="Scope", ru="Область"),
    "parent": Phrase(en="Parent", ru="Родитель"),
    "rows_left_out": Phrase(
        en="The first {shown} spans are drawn; the text and JSON forms hold all.",
        ru="Нарисованы первые {shown} спанов; в тексте и JSON — все.",
    ),
    "tree_link": Phrase(en="↪ links to {target}", ru="↪ ссылается на {target}"),
    "tree_linked_from": Phrase(en="↩ linked from {target}", ru="↩ сюда ссылается {target}"),
}
