"""Every phrase of the issuer's page, in both languages."""

from tools.pages.language import Catalogue, Phrase

ROLES = ("agent", "lead", "admin", "operator")

PHRASES: Catalogue = {
    "title": Phrase(en="Development sign-in", ru="Вход для разработки"),
    "who": Phrase(en="Who are you today?", ru="Кто вы сегодня?"),
    "lead": Phrase(
        en="These people come from demo/seed. There is no password: this provider runs in "
        "development only.",
        ru="Эти люди взяты из demo/seed. Пароля нет: этот провайдер работает только в разработке.",
    ),
    "sign_in_as": Phrase(en="Sign in as {name}", ru="Войти: {name}"),
    "nothing_asked": Phrase(
        en="Sign-in begins at the desk; nobody has asked yet.",
        ru="Вход начинается со страницы рабочего места; пока никто не обращался.",
    ),
    "refused": Phrase(en="This sign-in cannot go on", ru="Этот вход продолжить нельзя"),
    "agent": Phrase(en="agent", ru="специалист"),
    "lead_role": Phrase(en="team lead", ru="руководитель группы"),
    "admin": Phrase(en="administrator", ru="администратор"),
    "operator": Phrase(en="operator", ru="оператор системы"),
}
