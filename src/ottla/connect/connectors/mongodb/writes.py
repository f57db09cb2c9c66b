"""One write to a collection: what a record becomes, before it is an operation of the driver's bulk write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ottla.connect.connectors.mongodb.driver import DeleteOne, InsertOne, ObjectId, ReplaceOne, UpdateOne

if TYPE_CHECKING:
    from ottla.connect.connectors.mongodb.documents import Document


@dataclass(slots=True)
class Insert:
    document: Document
    is_of_place: bool = False
    """Its `_id` is that of this very record: where it is there already, it was written before."""

    def operation(self) -> InsertOne[Document]:
        self.document.setdefault("_id", ObjectId())
        return InsertOne(self.document)


@dataclass(slots=True)
class Replace:
    filter: Document
    document: Document
    upsert: bool = True

    def operation(self) -> ReplaceOne[Document]:
        return ReplaceOne(self.filter, self.document, upsert=self.upsert)


@dataclass(slots=True)
class Update:
    filter: Document
    update: Document
    upsert: bool = True

    def operation(self) -> UpdateOne:
        return UpdateOne(self.filter, self.update, upsert=self.upsert)


@dataclass(slots=True)
class Delete:
    filter: Document

    def operation(self) -> DeleteOne:
        return DeleteOne(self.filter)


Write = Insert | Replace | Update | Delete
