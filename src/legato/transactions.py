"""Transactions: task runs that are committed together, or rolled back together."""

from legato._sdk.isolation import IsolationLevel
from legato._sdk.transaction_tree import BaseTransaction, CommitMode, TransactionState
from legato._sdk.transactions import (
    AsyncTransaction,
    Transaction,
    atransaction,
    get_transaction,
    transaction,
)

__all__ = [
    "AsyncTransaction",
    "BaseTransaction",
    "CommitMode",
    "IsolationLevel",
    "Transaction",
    "TransactionState",
    "atransaction",
    "get_transaction",
    "transaction",
]
