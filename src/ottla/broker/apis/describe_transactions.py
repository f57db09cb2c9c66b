"""DescribeTransactions (65): state, producer and partitions of transactional ids (KIP-664)."""

from ottla.broker.coordinator.transaction_coordinator import TransactionCoordinator
from ottla.broker.request_context import RequestContext
from ottla.protocol.api.describe_transactions import DescribeTransactionsRequest, DescribeTransactionsResponse


class DescribeTransactionsHandler:
    def __init__(self, transactions: TransactionCoordinator) -> None:
        self._transactions = transactions

    def __call__(self, context: RequestContext, request: DescribeTransactionsRequest) -> DescribeTransactionsResponse:
        describe = self._transactions.describe_transaction
        return DescribeTransactionsResponse(transaction_states=[describe(each) for each in request.transactional_ids])
