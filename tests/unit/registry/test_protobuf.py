"""Protobuf: files are read and written, go to descriptors and back, and are compared by the published rules."""

from __future__ import annotations

import base64

import pytest
from google.protobuf import descriptor_pb2, struct_pb2, timestamp_pb2, type_pb2

from ottla.registry.schema.errors import SchemaError
from ottla.registry.schema.protobuf.comparison import COMPATIBLE, Side, changes
from ottla.registry.schema.protobuf.schema import ProtobufSchema
from ottla.registry.schema.reference import Reference

HEAD = 'syntax = "proto3"; '

# What the body of M was, what it is, and what is told; a change with ! breaks old data.
RULES = [
    ("int32 a = 1;", "int32 a = 1; string b = 2;", "FIELD_ADDED #/M/2"),
    ("int32 a = 1; string b = 2;", "int32 a = 1;", "FIELD_REMOVED #/M/2"),
    ("int32 a = 1;", "int32 b = 1;", "FIELD_NAME_CHANGED #/M/1"),
    ("int32 a = 1;", "uint64 a = 1;", ""),
    ("int32 a = 1;", "E a = 1; enum E { Z = 0; }", "ENUM_ADDED #/M/E"),
    ("string a = 1;", "bytes a = 1;", ""),
    ("int32 a = 1;", "sint32 a = 1;", "!FIELD_SCALAR_KIND_CHANGED #/M/1"),
    ("fixed32 a = 1;", "fixed64 a = 1;", "!FIELD_SCALAR_KIND_CHANGED #/M/1"),
    ("int32 a = 1;", "N a = 1;", "!FIELD_KIND_CHANGED #/M/1"),
    ("N a = 1;", "map<string, N> a = 1;", "!FIELD_KIND_CHANGED #/M/1"),
    ("N a = 1;", "O a = 1;", "!FIELD_NAMED_TYPE_CHANGED #/M/1"),
    ("map<string, int32> a = 1;", "map<string, string> a = 1;", "!FIELD_SCALAR_KIND_CHANGED #/M/1"),
    ("optional int32 a = 1;", "repeated int32 a = 1;", "!FIELD_NUMERIC_LABEL_CHANGED #/M/1"),
    ("optional string a = 1;", "repeated string a = 1;", "FIELD_STRING_OR_BYTES_LABEL_CHANGED #/M/1"),
    ("message I {}", "", "!MESSAGE_REMOVED #/M/I"),
    ("", "message I {}", "MESSAGE_ADDED #/M/I"),
    ("message I {} message J {}", "message J {} message I {}", "MESSAGE_MOVED #/M/I, MESSAGE_MOVED #/M/J"),
    ("message I { int32 a = 1; }", "message I { string a = 1; }", "!FIELD_SCALAR_KIND_CHANGED #/M/I/1"),
    ("enum E { Z = 0; A = 1; }", "enum E { Z = 0; B = 1; }", "ENUM_CONST_CHANGED #/M/E/1"),
    ("enum E { Z = 0; A = 1; }", "enum E { Z = 0; }", "ENUM_CONST_REMOVED #/M/E/1"),
    ("enum E { Z = 0; }", "", "ENUM_REMOVED #/M/E"),
    ("oneof o { int32 a = 1; }", "oneof o { int32 a = 1; int32 b = 2; }", "ONEOF_FIELD_ADDED #/M/o/2"),
    ("oneof o { int32 a = 1; int32 b = 2; }", "oneof o { int32 a = 1; }", "!ONEOF_FIELD_REMOVED #/M/o/2"),
    ("oneof o { int32 a = 1; }", "", "ONEOF_REMOVED #/M/o"),
    ("int32 a = 1;", "oneof o { int32 a = 1; }", "ONEOF_ADDED #/M/o"),
    (
        "int32 a = 1; int32 b = 2;",
        "oneof o { int32 a = 1; int32 b = 2; }",
        "!MULTIPLE_FIELDS_MOVED_TO_ONEOF #/M/o, ONEOF_ADDED #/M/o",
    ),
    (
        "oneof o { int32 a = 1; } int32 b = 2;",
        "oneof o { int32 a = 1; int32 b = 2; }",
        "!FIELD_MOVED_TO_EXISTING_ONEOF #/M/o",
    ),
    (
        "oneof o { int32 a = 1; }",
        "int32 a = 1;",
        "ONEOF_REMOVED #/M/o, ONEOF_FIELD_MOVED_TO_TOP_LEVEL #/M/1",
    ),
]


def compared(old: ProtobufSchema, new: ProtobufSchema) -> str:
    found = changes(Side(old.file, old.names), Side(new.file, new.names))
    return ", ".join(f"{'' if kind in COMPATIBLE else '!'}{kind} {path}" for kind, path in found)


@pytest.mark.parametrize(("original", "update", "told"), RULES)
def test_the_rules(original: str, update: str, told: str) -> None:
    rest = " message N { int32 x = 1; } message O { int32 x = 1; }"
    old, new = (ProtobufSchema(f"{HEAD} message M {{ {body} }}{rest}", strict=True) for body in (original, update))
    assert compared(old, new) == told


def test_packages_and_required_fields() -> None:
    old, new = ProtobufSchema("package a; message M {}"), ProtobufSchema("package b; message M {}")
    assert compared(old, new) == "!PACKAGE_CHANGED #/"
    with_one, without = ProtobufSchema("message M { required int32 a = 1; }"), ProtobufSchema("message M {}")
    assert compared(without, with_one) == "!REQUIRED_FIELD_ADDED #/M/1"
    assert compared(with_one, without) == "!REQUIRED_FIELD_REMOVED #/M/1"


def test_imported_messages_are_compared_with_those_that_use_them() -> None:
    text = HEAD + 'import "n.proto"; message M { N n = 1; }'

    def using(number_type: str) -> ProtobufSchema:
        imported = {"n.proto": f"{HEAD} message N {{ {number_type} x = 1; }}"}
        return ProtobufSchema(text, [Reference("n.proto", "n", 1)], imported, strict=True)

    assert compared(using("int32"), using("int64")) == ""
    assert compared(using("int32"), using("string")) == (
        "!FIELD_SCALAR_KIND_CHANGED #/N/1, !FIELD_NAMED_TYPE_CHANGED #/M/1"
    )


EVERYTHING = """
// A comment
syntax = "proto2";
package a.b; /* another */
import "google/protobuf/timestamp.proto";
import public "google/protobuf/type.proto";
option java_package = "com.example";
option optimize_for = SPEED;
option (custom) = { a: 1 b: [1, 2] c { d: "x" } [ext.name]: true };
message M {
  required int32 number = 1 [default = -0x1F, deprecated = true];
  optional string text = 2 [default = "a\\"b\\n" 'c', json_name = "TEXT"];
  repeated .a.b.M.Inner inners = 3 [packed = false];
  map<string, Inner> by_name = 4;
  optional group Group = 5 { optional int32 in_group = 1; }
  oneof choice { option (x).y = true; string one = 6; bytes two = 7; }
  optional google.protobuf.Timestamp at = 8;
  optional google.protobuf.Syntax syntax = 9;
  extensions 100 to 199, 500 to max;
  reserved 10, 12 to 14;
  reserved "old", "older";
  message Inner { optional double message = 1 [default = inf]; optional E enum = 2 [default = B]; }
  enum E { option allow_alias = true; A = 0; B = 1; C = 1 [deprecated = true]; reserved 5 to max; reserved "Z"; }
  extend M { optional int32 extended = 100; }
}
extend M { optional string also = 101; }
service S { rpc Do (M) returns (stream M.Inner) { option deprecated = true; } rpc Other (stream M) returns (M); }
"""


def test_files_are_written_as_they_were_read() -> None:
    schema = ProtobufSchema(EVERYTHING, strict=True)
    assert ProtobufSchema(schema.canonical).canonical == schema.canonical
    normal = schema.normalized()
    assert normal.normalized().canonical == normal.canonical
    assert "repeated .a.b.M.Inner inners = 3" in normal.canonical


def test_descriptors_say_the_same() -> None:
    schema = ProtobufSchema(EVERYTHING)
    descriptor = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(schema.formatted("serialized")))
    by_name = {field.name: field for field in descriptor.message_type[0].field}
    assert by_name["at"].type_name == ".google.protobuf.Timestamp" and by_name["syntax"].type == 14
    again = ProtobufSchema(schema.formatted("serialized"))
    plain = ProtobufSchema(EVERYTHING.replace("option (custom)", "option (none)"))
    without_custom = [
        line for line in plain.normalized().canonical.splitlines() if "(none)" not in line and "(x)" not in line
    ]
    assert [line for line in again.normalized().canonical.splitlines() if line.strip()] == [
        line for line in without_custom if line.strip()
    ]


@pytest.mark.parametrize("file", [timestamp_pb2, type_pb2, struct_pb2])
def test_descriptors_of_protobuf_itself_come_back_whole(file: object) -> None:
    original = file.DESCRIPTOR.serialized_pb  # type: ignore[attr-defined]
    schema = ProtobufSchema(base64.b64encode(original).decode())
    assert compared(schema, ProtobufSchema(schema.canonical)) == ""
    made = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(schema.formatted("serialized")))
    wanted = descriptor_pb2.FileDescriptorProto.FromString(original)
    made.name = wanted.name
    for message in wanted.message_type:
        _forget_default_json_names(message)
    assert [each.name for each in made.message_type] == [each.name for each in wanted.message_type]
    for one, other in zip(made.message_type, wanted.message_type, strict=True):
        assert list(one.field) == list(other.field)


def _forget_default_json_names(message: descriptor_pb2.DescriptorProto) -> None:
    for field in message.field:
        field.ClearField("json_name")
    for inner in message.nested_type:
        _forget_default_json_names(inner)


def test_inline_tags_survive_the_way_through_a_descriptor() -> None:
    text = (
        HEAD + 'message M { string a = 1 [(confluent.field_meta).tags = "PII", (confluent.field_meta) = {doc: "d"}]; }'
    )
    again = ProtobufSchema(ProtobufSchema(text).formatted("serialized"))
    assert '[(confluent.field_meta) = {doc: "d", tags: "PII"}]' in again.canonical
    assert ProtobufSchema(text).normalized().canonical == again.normalized().canonical


@pytest.mark.parametrize(
    "text",
    [
        "message {}",
        "message M { int32 a = 1 }",
        "message M { int32 a = 1; int32 b = 1; }",
        "message M { int32 a = 1; int32 a = 2; }",
        "message M { int32 a = 0; }",
        "message M { Unknown a = 1; }",
        'import "unknown.proto";',
        'syntax = "proto4";',
        "message M { int32 a = 1; ",
        'option a = "unended',
        "message M {" * 200,
        "AAAA",
        "#",
    ],
)
def test_what_is_no_schema_is_refused(text: str) -> None:
    with pytest.raises(SchemaError):
        ProtobufSchema(text, strict=True)
