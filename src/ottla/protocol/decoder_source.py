"""Writes the source of a decoder: straight-line Python for one message in one version.

    def decode(data: memoryview, o: int) -> tuple[Message, int]      # o: the offset; returns where the message ends

What makes it fast, and what keeps it safe:

* Fields of fixed size that follow each other are one `struct` call, which also takes the first byte (or all bytes) of
  the length that comes next. Structs are inlined; nothing is called for a field but what builds its value.
* A length is compared with what is left before anything is allocated: an array of n elements needs n times the
  smallest element. A cut message ends in IndexError or struct.error, which the one `except` turns into a ProtocolError.
* Offsets only grow, and every loop either consumes bytes or was bounded by them.

Variables carry the depth of their struct: `m1` is a struct in the array of `m0`. `n` is the last length read.
"""

from collections.abc import Callable
from typing import Final

from ottla.protocol.message import ArrayOf, Field, FieldType, Message, Struct
from ottla.protocol.source import SHORT_ARRAY, Source, array_calls, layout, struct_call
from ottla.protocol.types import Primitive

MAX_TAGGED_FIELDS: Final = 1000
"""Of one struct. Kafka has structs with ten; it sets no bound."""


def fields_in(struct: type[Struct], version: int) -> tuple[list[Field], list[Field], list[Field]]:
    """Of a struct in a version: fields in order, tagged fields by tag, and fields that it does not have."""
    plain, tagged, absent = [], [], []
    for item in struct.schema:
        if version not in item.versions:
            absent.append(item)
        elif version in item.tagged:
            tagged.append(item)
        else:
            plain.append(item)
    return plain, sorted(tagged, key=lambda item: item.tag or 0), absent


def smallest_size(kind: FieldType, version: int, flexible: bool, nullable: bool = False) -> int:
    """The least bytes that a value takes."""
    if isinstance(kind, ArrayOf):
        return 1 if flexible else 4
    if isinstance(kind, Primitive):
        if kind.code:
            return layout(kind.code).size
        return 1 if flexible else 2 if kind.name == "string" else 4
    if nullable:
        return 1
    plain, _, _ = fields_in(kind, version)
    return sum(smallest_size(i.type, version, flexible, version in i.nullable) for i in plain) + flexible


class DecoderSource:
    """Writes the decoder of `message` in `version` into `source`.

    `max_elements`: what all arrays and unknown tagged fields may hold together.
    """

    def __init__(self, source: Source, message: type[Message], version: int, max_elements: int | None = None) -> None:
        self.source = source
        self.message = message
        self.version = version
        self.flexible = message.flexible(version)
        self._max_elements = max_elements
        self._codes: list[str] = []
        self._targets: list[str] = []

    def write(self) -> None:
        """Write the whole function."""
        source = self.source
        with source.block("def decode(data, o):"):
            source.line("size = len(data)")
            if self._max_elements is not None:
                source.line(f"left = {self._max_elements}")
            with source.block("try:"):
                self._struct(self.message, 0, self.message.__name__)
                source.line("return m0, o")
            with source.block("except (IndexError, StructError, UnicodeDecodeError) as error:"):
                source.line(f"raise malformed({self.message.__name__!r}, {self.version}, error) from None")

    # Runs of fields of fixed size: collected, then read by one call.

    def _fixed(self, code: str, target: str) -> None:
        self._codes.append(code)
        self._targets.append(target)

    def _flush(self) -> None:
        if not self._codes:
            return
        codes, targets = "".join(self._codes), ", ".join(self._targets)
        self._codes, self._targets = [], []
        if codes == "B":
            self.source.line(f"{targets} = data[o]; o += 1")
            return
        unpack = self.source.name(*struct_call("unpack", codes))
        comma = "," if "," not in targets else ""
        self.source.line(f"{targets}{comma} = {unpack}(data, o); o += {layout(codes).size}")

    def _length(self, code: str, flexible: bool, path: str, nullable: bool, limit: str = "long_length") -> str:
        """Read a length into `n`; returns the expression that is the true length once `n` is not null."""
        self._fixed("B" if flexible else code, "n")
        self._flush()
        if flexible:
            with self.source.block("if n > 127:"):
                self.source.line(f"n, o = {limit}(data, o, n)")
        if not nullable:
            with self.source.block("if n == 0:" if flexible else "if n < 0:"):
                self.source.line(f"raise is_null({path!r})")
        return "n - 1" if flexible else "n"

    def _spend(self, count: str, path: str) -> None:
        """Where elements are counted: those that are about to be made, or were just made."""
        if self._max_elements is not None:
            self.source.line(f"left -= {count}")
            with self.source.block("if left < 0:"):
                self.source.line(f"raise too_large({path!r}, {self._max_elements})")

    # Structs

    def _struct(self, struct: type[Struct], depth: int, path: str) -> None:
        """Read a struct into `m{depth}`."""
        source, me = self.source, f"m{depth}"
        plain, tagged, absent = fields_in(struct, self.version)
        self._flush()
        source.line(f"{me} = new({source.name(struct.__name__, struct)})")
        for item in absent + tagged:
            self._default(item, f"{me}.{item.name}")
        source.line(f"{me}.unknown_tagged_fields = ()")
        for item in plain:
            self._field(item, depth, f"{path}.{item.name}")
        if self.flexible:
            self._tagged_fields(tagged, depth, path)
        self._flush()

    def _default(self, item: Field, target: str) -> None:
        default = item.default
        if isinstance(default, list):
            self.source.line(f"{target} = []")
        elif isinstance(default, Struct):
            self.source.line(f"{target} = {self.source.name(type(default).__name__, type(default))}()")
        elif isinstance(default, bytes) and default:
            self.source.line(f"{target} = {self.source.name('ZERO_UUID', default)}")
        else:
            self.source.line(f"{target} = {default!r}")

    def _tagged_fields(self, known: list[Field], depth: int, path: str) -> None:
        source, d = self.source, depth
        self._fixed("B", "n")
        self._flush()
        with source.block("if n:"):
            if not known:
                source.line(f"m{d}.unknown_tagged_fields, o = unknown_tagged_fields(data, o, n, {path!r})")
                self._spend(f"len(m{d}.unknown_tagged_fields)", path)
                return
            with source.block("if n > 127:"):
                source.line("n, o = long_length(data, o, n)")
            with source.block(f"if n > {MAX_TAGGED_FIELDS}:"):
                source.line(f"raise too_large({path!r}, {MAX_TAGGED_FIELDS})")
            source.line(f"last{d} = -1; unknown{d} = []")
            with source.block("for _ in range(n):"):
                source.line(f"last{d}, end{d}, o = tag_and_end(data, o, last{d}, {path!r})")
                branch = "if"
                for item in known:
                    with source.block(f"{branch} last{d} == {item.tag}:"):
                        self._field(item, depth, f"{path}.{item.name}")
                        self._flush()
                        with source.block(f"if o != end{d}:"):
                            source.line(f"raise wrong_end({path + '.' + item.name!r})")
                    branch = "elif"
                with source.block("else:"):
                    source.line(f"unknown{d}.append((last{d}, bytes(data[o:end{d}]))); o = end{d}")
            source.line(f"m{d}.unknown_tagged_fields = tuple(unknown{d})")
            self._spend(f"len(unknown{d})", path)

    # Fields

    def _field(self, item: Field, depth: int, path: str) -> None:
        target = f"m{depth}.{item.name}"
        nullable = self.version in item.nullable
        flexible = self.flexible if item.flexible is None else self.version in item.flexible
        kind = item.type
        if isinstance(kind, Primitive):
            if kind.code:
                self._fixed(kind.code, target)
            else:
                self._sized(kind, target, flexible, nullable, path)
        elif isinstance(kind, ArrayOf):
            self._array(kind.element, target, depth, flexible, nullable, path)
        elif nullable:
            tagged = self.version in item.tagged
            self._fixed("B" if tagged else "b", "n")
            self._flush()
            with self.source.block("if n > 0:" if tagged else "if n >= 0:"):
                self._struct(kind, depth + 1, path)
                self.source.line(f"{target} = m{depth + 1}")
            with self.source.block("else:"):
                self.source.line(f"{target} = None")
        else:
            self._struct(kind, depth + 1, path)
            self.source.line(f"{target} = m{depth + 1}")

    def _sized(self, kind: Primitive, target: str, flexible: bool, nullable: bool, path: str) -> None:
        """Read a string, bytes or records."""
        source, text = self.source, kind.name == "string"
        length = self._length(
            "h" if text else "i", flexible, path, nullable, "string_length" if text else "long_length"
        )
        value = {"string": 'str(data[o:e], "utf-8")', "bytes": "bytes(data[o:e])", "records": "data[o:e]"}[kind.name]

        def read() -> None:
            source.line(f"e = o + {length}")
            with source.block("if e > size:"):
                source.line(f"raise cut({path!r}, e - size)")
            source.line(f"{target} = {value}; o = e")

        self._null_or(read, target, flexible, nullable)

    def _null_or(self, read: Callable[[], None], target: str, flexible: bool, nullable: bool) -> None:
        if not nullable:
            read()
            return
        with self.source.block("if n > 0:" if flexible else "if n >= 0:"):
            read()
        with self.source.block("else:"):
            self.source.line(f"{target} = None")

    def _array(
        self, element: "Primitive | type[Struct]", target: str, depth: int, flexible: bool, nullable: bool, path: str
    ) -> None:
        source = self.source
        self._length("i", flexible, path, nullable)
        smallest = smallest_size(element, self.version, flexible)
        assert smallest > 0, f"{path}: nothing would bound the length of an array whose elements take no bytes"

        def read() -> None:
            if flexible:
                source.line("n -= 1")
            with source.block(f"if n * {smallest} > size - o:" if smallest > 1 else "if n > size - o:"):
                source.line(f"raise too_many({path!r}, n, size - o)")
            self._spend("n", path)
            if isinstance(element, Primitive) and element.name == "uuid":
                source.line("e = o + 16 * n")
                source.line(f"{target} = [bytes(data[i:i + 16]) for i in range(o, e, 16)]; o = e")
            elif isinstance(element, Primitive) and element.code:
                calls = source.name(*array_calls("unpack", element.code))
                with source.block(f"if n < {SHORT_ARRAY}:"):
                    source.line(f"{target} = list({calls}[n](data, o)); o += {smallest} * n")
                with source.block("else:"):
                    source.line(f'{target} = list(unpack_from(f">{{n}}{element.code}", data, o)); o += {smallest} * n')
            else:
                inner = depth + 1
                source.line(f"{target} = []; append{inner} = {target}.append")
                with source.block("for _ in range(n):"):
                    if isinstance(element, Primitive):
                        self._sized(element, "v", flexible, False, path)
                        source.line(f"append{inner}(v)")
                    else:
                        self._struct(element, inner, path)
                        source.line(f"append{inner}(m{inner})")

        self._null_or(read, target, flexible, nullable)
