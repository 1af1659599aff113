import json
from uuid import UUID, uuid5

from otklik_runtime.ids import is_id, new_id, stable_id


def test_new_ids_are_version_7_and_sort_in_the_order_they_were_made():
    made = [new_id() for _ in range(5000)]

    assert {UUID(value).version for value in made} == {7}
    assert {UUID(value).variant for value in made} == {"specified in RFC 4122"}
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_a_stable_id_is_the_same_on_every_retry():
    assert stable_id("mail", "a@b") == stable_id("mail", "a@b")
    assert UUID(stable_id("mail", "a@b")).version == 5


def test_a_stable_id_is_the_version_5_uuid_of_its_parts_in_our_namespace():
    namespace = UUID("6f746b6c-696b-5000-8000-000000000000")

    for parts in (("письмо", "a@b"), ("",), tuple("abc"), ("x" * 1000,)):
        assert stable_id(*parts) == str(uuid5(namespace, json.dumps(parts, ensure_ascii=False)))


def test_a_stable_id_tells_its_parts_apart():
    assert stable_id("a", "bc") != stable_id("ab", "c")
    assert stable_id("a,b") != stable_id("a", "b")


def test_only_a_lower_case_uuid_with_hyphens_is_an_id():
    assert is_id(new_id())
    assert not is_id(new_id().upper())
    assert not is_id(new_id().replace("-", ""))
    assert not is_id("")
