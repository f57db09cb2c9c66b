"""Where a share group begins in a partition that it has no state of: `share.auto.offset.reset`. KIP-932."""

import re
from typing import Final

from ottla.log.log import Log
from ottla.protocol.record_batch import InvalidBatchError

BY_DURATION: Final = "by_duration:"
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.IGNORECASE)


def initial_start_offset(log: Log, reset: str, now_ms: int) -> int:
    """`earliest`, `latest`, or the first record not older than `by_duration:` an ISO-8601 duration; else the end."""
    reset = reset.strip().lower()
    if reset == "earliest":
        return log.log_start_offset
    if reset.startswith(BY_DURATION):
        try:
            found = log.offset_for_timestamp(now_ms - duration_ms(reset.removeprefix(BY_DURATION)))
        except InvalidBatchError:
            found = None
        if found is not None:
            return found.offset
    return log.high_watermark


def duration_ms(text: str) -> int:
    """`PnDTnHnMn.nS` in milliseconds; 0 where it is none, which the config's check has refused before."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        return 0
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return int((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000)
