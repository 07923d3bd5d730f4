from alertadmin.outbox.models.channel import Channel, Level
from alertadmin.outbox.models.consent_request import ConsentRequest
from alertadmin.outbox.models.delivery import (
    UNNAMED,
    Attempt,
    AttemptAnswer,
    AttemptOutcome,
    Delivery,
    DeliveryState,
    Purpose,
    about_tenants,
)
from alertadmin.outbox.models.delivery_entry import DeliveryEntry

__all__ = [
    "UNNAMED",
    "Attempt",
    "AttemptAnswer",
    "AttemptOutcome",
    "Channel",
    "ConsentRequest",
    "Delivery",
    "DeliveryEntry",
    "DeliveryState",
    "Level",
    "Purpose",
    "about_tenants",
]
