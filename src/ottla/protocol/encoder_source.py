"""Writes the source of an encoder: straight-line Python for one message in one version.

    def encode(m0: Message, out: bytearray, regions: list[tuple[int, Region]]) -> None

Fields of fixed size that follow each other are packed by one call, together with the length that comes next. A field
that the version does not have must have its default, unless it is ignorable. A value that does not fit fails in
`struct` or on a missing attribute: the caller makes a ProtocolError of that and looks for the field only then. Tagged
fields are written by tag, unknown ones among them, and only when they differ from their defaults.

Variables carry the depth of their struct: `m1` is a struct in the array of `m0`. `n` is the length that comes next.
"""

from collections.abc import Callable

from ottla.protocol.decoder_source import fields_in
from ottla.protocol.message import ArrayOf, Field, Message, Struct
from ottla.protocol.source import SHORT_ARRAY, Source, array_calls, layout, struct_call
from ottla.protocol.types import Primitive


class EncoderSource:
    """Writes the encoder of `message` in `version` into `source`."""

    def __init__(self, source: Source, message: type[Message], version: int) -> None:
        self.source = source
        self.message = message
        self.version = version
        self.flexible = message.flexible(version)
        self._out = "out"
        self._codes: list[str] = []
        self._values: list[str] = []

    def write(self) -> None:
        """Write the whole function."""
        with self.source.block("def encode(m0, out, regions):"):
            self._struct(self.message, 0, self.message.__name__)
            self._flush()
            self.source.line("return")

    # Runs of fields of fixed size: collected, then packed by one call.

    def _fixed(self, code: str, value: str) -> None:
        self._codes.append(code)
        if value:
            self._values.append(value)

    def _pack(self, codes: list[str], values: list[str]) -> str:
        if not codes:
            return 'b""'
        if not values:
            return repr(layout("".join(codes)).pack())
        pack = self.source.name(*struct_call("pack", "".join(codes)))
        return f"{pack}({', '.join(values)})"

    def _flush(self) -> None:
        if self._codes:
            self.source.line(f"{self._out} += {self._pack(self._codes, self._values)}")
        self._codes, self._values = [], []

    def _length(self, code: str, flexible: bool, helper: str = "varint") -> None:
        """Write `n`, which in the flexible form is already one more than the length."""
        if not flexible:
            self._fixed(code, "n")
            self._flush()
            return
        codes, values = self._codes, self._values
        self._codes, self._values = [], []
        with self.source.block("if n < 128:"):
            if codes:
                self.source.line(f"{self._out} += {self._pack([*codes, 'B'], [*values, 'n'])}")
            else:
                self.source.line(f"{self._out}.append(n)")
        with self.source.block("else:"):
            if codes:
                self.source.line(f"{self._out} += {self._pack(codes, values)}")
            self.source.line(f"{self._out} += {helper}(n)")

    # Structs

    def _struct(self, struct: type[Struct], depth: int, path: str) -> None:
        """Write the struct in `m{depth}`; leaves a run open."""
        source, me = self.source, f"m{depth}"
        plain, tagged, absent = fields_in(struct, self.version)
        for item in absent:
            if not item.ignorable:
                with source.block(f"if {self._differs(item, f'{me}.{item.name}')}:"):
                    source.line(f"raise not_in_version({path + '.' + item.name!r}, {self.version})")
        for item in plain:
            self._field(item, depth, f"{path}.{item.name}")
        if self.flexible:
            self._tagged_fields(tagged, depth, path)
        else:
            with source.block(f"if {me}.unknown_tagged_fields:"):
                source.line(f"raise not_in_version({path + '.unknown_tagged_fields'!r}, {self.version})")

    def _differs(self, item: Field, value: str) -> str:
        """An expression: does the value differ from the field's default?"""
        default = item.default
        if default is None:
            return f"{value} is not None"
        if isinstance(default, list):
            return f"{value} != []" if item.nullable else value
        if not isinstance(default, Struct):
            constant = (
                self.source.name("ZERO_UUID", default) if isinstance(default, bytes) and default else repr(default)
            )
            return f"{value} != {constant}"
        simple = all(isinstance(i.type, Primitive) and i.type.name != "records" for i in default.schema)
        if item.nullable or not simple:
            return f"{value} != {self.source.name(f'DEFAULT_{item.name}', default)}"
        parts = [f"d.{i.name} != {i.default!r}" for i in default.schema]
        return f"(d := {value}).unknown_tagged_fields or {' or '.join(parts)}"

    def _tagged_fields(self, known: list[Field], depth: int, path: str) -> None:
        source, me = self.source, f"m{depth}"
        conditions = [f"{me}.unknown_tagged_fields", *(self._differs(i, f"{me}.{i.name}") for i in known)]
        codes, values = self._codes, self._values
        self._codes, self._values = [], []
        with source.block(f"if {' or '.join(conditions)}:"):
            if codes:
                source.line(f"{self._out} += {self._pack(codes, values)}")
            outer, self._out = self._out, f"tag{depth}"
            source.line(f"tags{depth} = []")
            for item in known:
                with source.block(f"if {self._differs(item, f'{me}.{item.name}')}:"):
                    source.line(f"tag{depth} = bytearray()")
                    self._field(item, depth, f"{path}.{item.name}")
                    self._flush()
                    source.line(f"tags{depth}.append(({item.tag}, tag{depth}))")
            self._out = outer
            source.line(f"write_tagged_fields({outer}, tags{depth}, {me}.unknown_tagged_fields, {path!r})")
        with source.block("else:"):
            if codes:
                source.line(f"{self._out} += {self._pack([*codes, 'x'], values)}")
            else:
                source.line(f"{self._out}.append(0)")

    # Fields

    def _field(self, item: Field, depth: int, path: str) -> None:
        value = f"m{depth}.{item.name}"
        nullable = self.version in item.nullable
        flexible = self.flexible if item.flexible is None else self.version in item.flexible
        kind = item.type
        if isinstance(kind, Primitive):
            self._primitive(kind, value, flexible, nullable, path)
        elif isinstance(kind, ArrayOf):
            self._array(kind.element, value, depth, flexible, nullable, path)
        elif nullable:
            self._flush()
            self.source.line(f"m{depth + 1} = {value}")
            with self.source.block(f"if m{depth + 1} is None:"):
                null = 0 if self.version in item.tagged else 255
                self.source.line(f"{self._out}.append({null})")
            with self.source.block("else:"):
                self.source.line(f"{self._out}.append(1)")
                self._struct(kind, depth + 1, path)
                self._flush()
        else:
            self._flush()
            self.source.line(f"m{depth + 1} = {value}")
            self._struct(kind, depth + 1, path)

    def _primitive(self, kind: Primitive, value: str, flexible: bool, nullable: bool, path: str) -> None:
        if kind.name == "uuid":
            with self.source.block(f"if len({value}) != 16:"):
                self.source.line(f"raise not_a_uuid({path!r}, {value})")
            self._fixed(kind.code, value)
        elif kind.code:
            self._fixed(kind.code, value)
        elif kind.name == "records":
            self._records(value, flexible, nullable)
        else:
            self._sized(kind, value, flexible, nullable)

    def _null_or(self, write: Callable[[], None], value: str, code: str, flexible: bool, nullable: bool) -> None:
        """Write null if the value is None, and leave no run open either way."""
        if not nullable:
            write()
            return
        self._flush()
        with self.source.block(f"if {value} is None:"):
            null = b"\0" if flexible else b"\xff" * layout(code).size
            self.source.line(f"{self._out} += {null!r}")
        with self.source.block("else:"):
            write()
            self._flush()

    def _sized(self, kind: Primitive, value: str, flexible: bool, nullable: bool) -> None:
        text = kind.name == "string"
        code = "h" if text else "i"

        def write() -> None:
            self.source.line(f"v = {value}.encode()" if text else f"v = {value}")
            self.source.line(f"n = len(v){' + 1' if flexible else ''}")
            self._length(code, flexible, "string_varint" if text else "varint")
            self.source.line(f"{self._out} += v")

        self._null_or(write, value, code, flexible, nullable)

    def _records(self, value: str, flexible: bool, nullable: bool) -> None:
        source = self.source
        assert self._out == "out", "positions of regions are only known outside of tagged fields"

        def write() -> None:
            source.line(f"v = {value}")
            with source.block("if (size_of := getattr(v, 'size', None)) is None:"):
                source.line(f"n = len(v){' + 1' if flexible else ''}")
            with source.block("else:"):
                source.line(f"n = size_of{' + 1' if flexible else ''}")
            self._length("i", flexible)
            with source.block("if size_of is None:"):
                source.line("out += v")
            with source.block("elif size_of:"):
                source.line("regions.append((len(out), v))")

        self._null_or(write, value, "i", flexible, nullable)

    def _array(
        self, element: "Primitive | type[Struct]", value: str, depth: int, flexible: bool, nullable: bool, path: str
    ) -> None:
        source, inner = self.source, depth + 1

        def write() -> None:
            source.line(f"items{inner} = {value}")
            source.line(f"n = len(items{inner}){' + 1' if flexible else ''}")
            self._length("i", flexible)
            if isinstance(element, Primitive) and element.code and element.name != "uuid":
                source.line(f"n = len(items{inner})")
                calls = source.name(*array_calls("pack", element.code))
                with source.block(f"if n < {SHORT_ARRAY}:"):
                    source.line(f"{self._out} += {calls}[n](*items{inner})")
                with source.block("else:"):
                    source.line(f'{self._out} += pack(f">{{n}}{element.code}", *items{inner})')
                return
            with source.block(f"for m{inner} in items{inner}:"):
                if isinstance(element, Primitive):
                    self._primitive(element, f"m{inner}", flexible, False, path)
                else:
                    self._struct(element, inner, path)
                self._flush()

        self._null_or(write, value, "i", flexible, nullable)
