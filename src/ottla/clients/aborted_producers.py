"""Which transactional batches a reader of committed records leaves out, walking forward through one fetch (KIP-98)."""

from ottla.protocol.api.fetch import PartitionData


class AbortedProducers:
    """Of one partition's data; `hides` is asked for every batch of it, in order."""

    def __init__(self, data: PartitionData) -> None:
        listed = data.aborted_transactions or []
        self._upcoming = sorted((each.first_offset, each.producer_id) for each in listed)
        self._aborted: set[int] = set()

    def hides(self, producer_id: int, base_offset: int, transactional: bool, control: bool) -> bool:
        while self._upcoming and self._upcoming[0][0] <= base_offset:
            self._aborted.add(self._upcoming.pop(0)[1])
        if control:
            self._aborted.discard(producer_id)  # an abort marker ends it; a commit marker's producer is not in the set
            return True
        return transactional and producer_id in self._aborted
