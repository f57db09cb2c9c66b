"""What pymongo brings, by one name each: it is loaded when this module is, which is when a task starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ottla.connect.connectors.library import load
from ottla.connect.connectors.mongodb.server import EXTRA

if TYPE_CHECKING:
    import bson
    from bson import json_util
    from bson.binary import UUID_SUBTYPE, Binary, UuidRepresentation
    from bson.code import Code
    from bson.codec_options import CodecOptions, DatetimeConversion
    from bson.datetime_ms import DatetimeMS
    from bson.dbref import DBRef
    from bson.decimal128 import Decimal128
    from bson.errors import BSONError
    from bson.int64 import Int64
    from bson.max_key import MaxKey
    from bson.min_key import MinKey
    from bson.objectid import ObjectId
    from bson.regex import Regex
    from bson.timestamp import Timestamp
    from pymongo import DeleteOne, InsertOne, ReplaceOne, UpdateOne
    from pymongo.collation import Collation
    from pymongo.errors import BulkWriteError, InvalidName, OperationFailure, PyMongoError
else:
    bson, json_util = load("bson", EXTRA), load("bson.json_util", EXTRA)
    _binary, _options, _errors = (load(f"bson.{each}", EXTRA) for each in ("binary", "codec_options", "errors"))
    UUID_SUBTYPE, Binary, UuidRepresentation = _binary.UUID_SUBTYPE, _binary.Binary, _binary.UuidRepresentation
    CodecOptions, DatetimeConversion = _options.CodecOptions, _options.DatetimeConversion
    DatetimeMS, BSONError = load("bson.datetime_ms", EXTRA).DatetimeMS, _errors.BSONError
    Code, DBRef, Decimal128, Int64, MaxKey = bson.Code, bson.DBRef, bson.Decimal128, bson.Int64, bson.MaxKey
    MinKey, ObjectId, Regex, Timestamp = bson.MinKey, bson.ObjectId, bson.Regex, bson.Timestamp
    _pymongo, _failures = load("pymongo", EXTRA), load("pymongo.errors", EXTRA)
    DeleteOne, InsertOne, ReplaceOne = _pymongo.DeleteOne, _pymongo.InsertOne, _pymongo.ReplaceOne
    UpdateOne, Collation = _pymongo.UpdateOne, load("pymongo.collation", EXTRA).Collation
    BulkWriteError, OperationFailure = _failures.BulkWriteError, _failures.OperationFailure
    InvalidName, PyMongoError = _failures.InvalidName, _failures.PyMongoError

__all__ = [
    "UUID_SUBTYPE",
    "BSONError",
    "Binary",
    "BulkWriteError",
    "Code",
    "CodecOptions",
    "Collation",
    "DBRef",
    "DatetimeConversion",
    "DatetimeMS",
    "Decimal128",
    "DeleteOne",
    "InsertOne",
    "Int64",
    "InvalidName",
    "MaxKey",
    "MinKey",
    "ObjectId",
    "OperationFailure",
    "PyMongoError",
    "Regex",
    "ReplaceOne",
    "Timestamp",
    "UpdateOne",
    "UuidRepresentation",
    "bson",
    "json_util",
]
