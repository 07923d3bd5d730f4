"""How often something was tried within a while: a row in the database, because several processes answer."""

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
    """A digest: what was tried may be an address that somebody typed by mistake, such as a password."""
    since = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField(default=1)

    class Meta:
        db_table = "accounts_tries"  # older than the model's name
        app_label = "accounts"
        verbose_name = _("tries")
        verbose_name_plural = _("tries")

    def __str__(self) -> str:
        return f"{self.count} since {self.since.isoformat()}"


@dataclass(frozen=True)
class Limit:
    """So many tries, and then none until `per` has passed since the first of them."""

    name: str
    most: int
    per: timedelta

    def acquire(self, of: str, now: datetime) -> datetime | None:
        """Takes one try, before what is tried is looked at; or says when the next one will be let.

        However many try at once, no more than `most` are let: each is one conditional statement of the database.
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
                    continue  # another was first
                return None
            if row.since + self.per <= now or is_ahead(row.since, now):
                if rows.filter(since=row.since).update(since=now, count=1):
                    return None
            elif row.count >= self.most:
                return row.since + self.per
            elif rows.filter(since=row.since, count__lt=self.most).update(count=F("count") + 1):
                return None

    def sample(self, of: str, now: datetime) -> int | None:
        """Counts one, however many there were. None beyond the limit; else, how many were beyond it the last time."""
        key = self._key(of)
        while True:
            row, is_new = ThrottleCounter.objects.get_or_create(key=key, defaults={"since": now})
            if is_new:
                return 0
            # Of several at once, one finds the row as it was.
            same = ThrottleCounter.objects.filter(key=key, since=row.since, count=row.count)
            if row.since + self.per <= now or is_ahead(row.since, now):
                if same.update(since=now, count=1):
                    return max(0, row.count - self.most)
            elif same.update(count=row.count + 1):
                return 0 if row.count < self.most else None

    def release(self, of: str, taken_at: datetime) -> None:
        """What was tried was right. Only this one try: whoever guesses would otherwise win tries by signing in."""
        ThrottleCounter.objects.filter(key=self._key(of), since__lte=taken_at, count__gt=0).update(count=F("count") - 1)

    def _key(self, of: str) -> str:
        return hashlib.sha256(f"{self.name}:{of}".encode()).hexdigest()
