"""What a worker and the process of a task say to each other (`runtime/child_message.py`).

worker → task   start {…spec}; target_state {state}; stop; answer {id, error | what was asked}
task → worker   state {state}; failed {trace}; topics {topics}; metrics {values}; stopped;
                and questions, each with an id:
                read_offsets {partitions} → offsets; offset_keys {partitions} → keys, as text;
                store_offsets {offsets, aside: only where they are a copy};
                fence: nobody who had this task before writes any more; verify {generation}: it is still its turn
"""

from __future__ import annotations

from typing import Final

LINE_BYTES_MAX: Final = 64 * 1024 * 1024
"""Longer ones break the connection: neither side keeps what has no end."""
