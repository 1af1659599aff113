from otklik_ops import permissions
from otklik_ops.flows import contracted, read

FLOWS = read(
    {
        "otklik.tickets.v1.TicketOpened": {"sla": "arms the clocks"},
        "otklik.sla.v1.ClocksArmed": {"tickets": "shows the deadline"},
        "otklik.sla.v1.ClockMet": {},
    },
)


def test_a_service_may_publish_its_own_events_and_nothing_of_others():
    sla = permissions.service(FLOWS, "sla")

    events = {subject for subject in sla.publish if subject.startswith("otklik.")}
    assert events == {
        "otklik.sla.v1.clock_met.*",
        "otklik.sla.v1.clocks_armed.*",
        "otklik.wake.sla",
    }


def test_a_service_may_pull_and_acknowledge_from_its_own_durables_only():
    sla = permissions.service(FLOWS, "sla")

    asked = {subject for subject in sla.publish if subject.startswith("$JS.")}
    assert asked == {
        "$JS.API.STREAM.INFO.OTKLIK_SLA",
        "$JS.API.STREAM.INFO.OTKLIK_TICKETS",
        "$JS.API.CONSUMER.INFO.OTKLIK_TICKETS.sla__tickets",
        "$JS.API.CONSUMER.MSG.NEXT.OTKLIK_TICKETS.sla__tickets",
        "$JS.ACK.OTKLIK_TICKETS.sla__tickets.>",
    }


def test_a_service_hears_its_own_inbox_and_its_own_wakes():
    assert permissions.service(FLOWS, "sla").subscribe == ("_INBOX_sla.>", "otklik.wake.sla")


def test_a_service_that_says_and_hears_nothing_may_publish_nothing():
    assert permissions.service(FLOWS, "desk").publish == ()


def test_only_the_provisioner_may_create_or_change():
    verbs = (".CREATE", ".UPDATE", ".DELETE", ".PURGE", ".RESTORE", ".LEADER", ".RESET", ".UNPIN")

    may = {
        user.name
        for user in permissions.development(contracted())
        for subject in user.publish
        if any(verb in subject for verb in verbs)
    }
    assert may == {"provisioner"}


def test_nobody_may_use_a_wildcard_in_the_management_api():
    loose = [
        subject
        for user in permissions.development(contracted())
        for subject in user.publish
        if subject.startswith("$JS.API.") and ("*" in subject or ">" in subject)
    ]
    assert loose == []


def test_the_follower_exists_in_development_only():
    production = {user.name for user in permissions.production(FLOWS)}

    assert "follow" not in production
    assert "administrator" not in production


def test_a_configuration_without_passwords_names_an_environment_variable_for_each_user():
    text = permissions.render(permissions.production(FLOWS))

    assert "password: $OTKLIK_NATS_SLA_PASSWORD" in text
