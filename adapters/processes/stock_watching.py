"""Control's duty towards coupons: who runs out of them is told in time, and how many answers are open."""

import time
from collections import Counter
from datetime import datetime

import structlog

from adapters.metrics.answer_figures import AnswerFigures
from adapters.postgres.coupon_stock import count_open, look_at_stocks
from adapters.postgres.pool import Pool

LOOK_S = 5.0

log = structlog.get_logger()


class StockWatching:
    """Looks every LOOK_S, on the node that sends answers; `figures` has what it saw last."""

    def __init__(self, figures: AnswerFigures) -> None:
        self._figures = figures
        self._looked_at = -LOOK_S

    async def look(self, pool: Pool, now: datetime) -> None:
        """Look, if it is time to; raise the alarm where coupons became low or out."""
        if time.monotonic() - self._looked_at < LOOK_S:
            return
        self._looked_at = time.monotonic()
        stocks = await look_at_stocks(pool, now)
        for each in stocks:
            if each.is_news and each.level is not None:
                log.error(
                    "alarm_coupons",
                    engagement=each.engagement,
                    stock=each.level,
                    left=each.left,
                    waiting=each.waiting,
                )
        self._figures.stocks = Counter(each.level for each in stocks if each.level is not None)
        self._figures.open = await count_open(pool)

    def end(self) -> None:
        """Say nothing more: another node looks now."""
        self._figures.stocks = self._figures.open = {}
        self._looked_at = -LOOK_S
