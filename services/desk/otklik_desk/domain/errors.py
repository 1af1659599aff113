"""What can be wrong at the desk, as facts."""

from otklik_runtime.errors import Forbidden, NotFound, Unauthenticated


class SignedOut(Unauthenticated):
    """Nobody is signed in here, or the session has ended."""

    def __init__(self) -> None:
        super().__init__("signed_out", "nobody is signed in: sign in")


class SignInFailed(Unauthenticated):
    """The sign-in did not come to its end."""

    def __init__(self, reason: str) -> None:
        """Keep why.

        Args:
            reason: `refused`, `stale`, `provider` or `unknown_person`.
        """
        super().__init__("sign_in_failed", "the sign-in failed: try again", reason=reason)


class FormForged(Forbidden):
    """The form was not made by this session's own page."""

    def __init__(self) -> None:
        super().__init__("form_forged", "the form is not of this session: open the page again")


class RequestNotFound(NotFound):
    """There is no such request, or it is somebody else's: nobody can tell which."""

    def __init__(self) -> None:
        super().__init__("request_not_found", "there is no such request, or it is not yours")
