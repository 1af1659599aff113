"""The facts that can stand against telling somebody."""

from otklik_runtime.errors import NotFound, RuleBroken


class AccountNotKnown(NotFound):
    """The account to send from has not been announced yet; it may only be late."""

    def __init__(self, account: str) -> None:
        super().__init__(
            "channel_account_not_found",
            "the channel account to send from is not known yet; it is tried again",
            account=account,
        )


class DeliveryNotFound(NotFound):
    """There is no such delivery."""

    def __init__(self, delivery_id: str) -> None:
        super().__init__(
            "delivery_not_found",
            "there is no such delivery; take the name from ListDeliveries",
            delivery=delivery_id,
        )


class DeliverySettled(RuleBroken):
    """The delivery has ended: nothing more can happen to it."""

    def __init__(self, delivery_id: str, state: str) -> None:
        super().__init__(
            "delivery_settled",
            "the delivery is accepted or failed, and stays so",
            delivery=delivery_id,
            state=state,
        )
