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
from alertadmin.outbox.models.renewal_request import RenewalRequest

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
    "RenewalRequest",
    "about_tenants",
]
