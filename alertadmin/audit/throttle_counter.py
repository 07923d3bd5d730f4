"""Rate limits, counted in the database because several processes serve requests."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, models, transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from alertadmin.clock_skew import is_ahead


class ThrottleCounter(models.Model):
    key = models.CharField(max_length=64, primary_key=True)
    """A digest, since an attempted name may be a password typed into the wrong field."""
    since = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField(default=1)

    class Meta:
        db_table = "accounts_tries"  # older than the model's name
        app_label = "accounts"
        verbose_name = _("throttle counter")
        verbose_name_plural = _("throttle counter")

    def __str__(self) -> str:
        return f"{self.count} since {self.since.isoformat()}"


@dataclass(frozen=True)
class Limit:
    """At most `most` tries; then none until `per` has passed since the first of them."""

    name: str
    most: int
    per: timedelta

    def acquire(self, of: str, now: datetime) -> datetime | None:
        """Count one try, before its result is known. Returns None if it is allowed, else when the next one is.

        Concurrent tries cannot exceed `most`: each is one conditional UPDATE.
        """
        key = self._key(of)
        rows = ThrottleCounter.objects.filter(key=key)
        while True:
            row = rows.first()
            if row is None:
                try:
                    with transaction.atomic():
                        ThrottleCounter.objects.create(key=key, since=now)
                except IntegrityError:
                    continue  # another transaction created it
                return None
            if row.since + self.per <= now or is_ahead(row.since, now):
                if rows.filter(since=row.since).update(since=now, count=1):
                    return None
            elif row.count >= self.most:
                return row.since + self.per
            elif rows.filter(since=row.since, count__lt=self.most).update(count=F("count") + 1):
                return None

    def sample(self, of: str, now: datetime) -> int | None:
        """Count one event. Returns None beyond the limit; else the number of events beyond it in the last window."""
        key = self._key(of)
        while True:
            row, is_new = ThrottleCounter.objects.get_or_create(key=key, defaults={"since": now})
            if is_new:
                return 0
            # Of concurrent updates, one finds the row unchanged.
            same = ThrottleCounter.objects.filter(key=key, since=row.since, count=row.count)
            if row.since + self.per <= now or is_ahead(row.since, now):
                if same.update(since=now, count=1):
                    return max(0, row.count - self.most)
            elif same.update(count=row.count + 1):
                return 0 if row.count < self.most else None

    def release(self, of: str, taken_at: datetime) -> None:
        """Return one try after a success. Only one: a sign-in must not reset the counter for a guesser."""
        ThrottleCounter.objects.filter(key=self._key(of), since__lte=taken_at, count__gt=0).update(count=F("count") - 1)

    def _key(self, of: str) -> str:
        return hashlib.sha256(f"{self.name}:{of}".encode()).hexdigest()
