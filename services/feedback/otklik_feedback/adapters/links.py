"""Rating links, signed by notify with the ring that feedback shares."""

from datetime import datetime

from otklik_feedback.domain import RatingLinkExpired, RatingLinkInvalid
from otklik_runtime.errors import Unauthenticated
from otklik_runtime.ids import is_id
from otklik_runtime.key_ring import KeyRing

_EXPIRED = "link_expired"


class SignedLinks:
    """Checks rating links with the key ring."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring

    def survey_of(self, token: str, now: datetime) -> str:
        """Give the survey a link is for.

        Raises:
            RatingLinkInvalid: it is none of ours.
            RatingLinkExpired: its time is over.
        """
        try:
            survey_id = self._ring.verify("survey", token, now)
        except Unauthenticated as error:
            if error.code == _EXPIRED:
                raise RatingLinkExpired from error
            raise RatingLinkInvalid from error
        if not is_id(survey_id):
            raise RatingLinkInvalid
        return survey_id
