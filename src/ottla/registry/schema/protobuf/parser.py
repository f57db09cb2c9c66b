"""Reads a `.proto` file: proto2, proto3 and editions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ottla.registry.schema.errors import SchemaError
from ottla.registry.schema.protobuf.elements import (
    ENUM_NUMBER_MAX,
    NUMBER_MAX,
    Enum,
    EnumConstant,
    Extend,
    Extensions,
    Field,
    Message,
    OneOf,
    Option,
    ProtoFile,
    Range,
    Reserved,
    Rpc,
    Service,
    all_fields,
)
from ottla.registry.schema.protobuf.lexer import END, NUMBER, TEXT, WORD, Token, line_of, quoted, tokens, unquoted

if TYPE_CHECKING:
    from collections.abc import Callable

_LABELS: Final = ("optional", "required", "repeated")
_NESTING_MAX: Final = 100


def parse_proto(source: str) -> ProtoFile:
    """`SchemaError` says what is wrong, and in which line."""
    return _Parser(source).file()


class _Parser:
    def __init__(self, source: str) -> None:
        self._source = source
        self._tokens = tokens(source)
        self._at = 0
        self._depth = 0

    # Tokens

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _take(self) -> Token:
        token = self._next
        if token.kind != END:
            self._at += 1
        return token

    def _fail(self, reason: str) -> SchemaError:
        return SchemaError(f"line {line_of(self._source, self._next.position)}: {reason}")

    def _expect(self, text: str) -> None:
        if self._next.text != text or self._next.kind == TEXT:
            raise self._fail(f"{text!r} is wanted, not {self._next.text or 'the end'!r}")
        self._take()

    def _accept(self, text: str) -> bool:
        if self._next.text == text and self._next.kind != TEXT:
            self._take()
            return True
        return False

    def _word(self) -> str:
        if self._next.kind != WORD:
            raise self._fail(f"a name is wanted, not {self._next.text or 'the end'!r}")
        return self._take().text

    def _name(self) -> str:
        """With dots."""
        text = "." if self._accept(".") else ""
        text += self._word()
        while self._accept("."):
            text += "." + self._word()
        return text

    def _text(self) -> str:
        if self._next.kind != TEXT:
            raise self._fail(f"a string is wanted, not {self._next.text or 'the end'!r}")
        text = ""
        while self._next.kind == TEXT:
            text += unquoted(self._take().text)
        return text

    def _integer(self) -> int:
        sign = -1 if self._accept("-") else 1
        token = self._take()
        try:
            if token.kind != NUMBER:
                raise ValueError
            text = token.text
            is_octal = len(text) > 1 and text.startswith("0") and text.isdecimal()
            return sign * int(text, 8 if is_octal else 0)
        except ValueError:
            raise self._fail(f"a whole number is wanted, not {token.text or 'the end'!r}") from None

    def _body(self, element: Callable[[], None]) -> None:
        self._depth += 1
        if self._depth > _NESTING_MAX:
            raise self._fail("this is nested too deeply")
        self._expect("{")
        while not self._accept("}"):
            if not self._accept(";"):
                element()
        self._depth -= 1

    # The file

    def file(self) -> ProtoFile:
        file = ProtoFile()
        while self._next.kind != END:
            if not self._accept(";"):
                self._file_element(file)
        return file

    def _file_element(self, file: ProtoFile) -> None:
        match self._next.text:
            case "syntax" | "edition":
                word = self._word()
                self._expect("=")
                value = self._text()
                self._expect(";")
                if word == "syntax" and value not in ("proto2", "proto3"):
                    raise self._fail(f"there is no syntax {value!r}")
                setattr(file, word, value)
            case "package":
                self._take()
                file.package = self._name()
                self._expect(";")
            case "import":
                self._import(file)
            case "option":
                file.options.append(self._option_statement())
            case "message":
                file.types.append(self._message())
            case "enum":
                file.types.append(self._enum())
            case "extend":
                file.extends.append(self._extend())
            case "service":
                file.services.append(self._service())
            case _:
                raise self._fail(f"{self._next.text!r} is unexpected")

    def _import(self, file: ProtoFile) -> None:
        self._take()
        if self._accept("public"):
            file.public_imports.append(self._text())
        else:
            _ = self._accept("weak") or self._accept("option")
            file.imports.append(self._text())
        self._expect(";")

    # Messages

    def _message(self) -> Message:
        self._expect("message")
        message = Message(self._word())
        self._message_body(message)
        return message

    def _message_body(self, message: Message) -> None:
        self._body(lambda: self._message_element(message))
        self._check_message(message)

    def _message_element(self, message: Message) -> None:
        following = self._tokens[self._at + 1]
        starts_statement = following.kind == WORD or following.text == "("
        match self._next.text:
            case "message" if starts_statement:
                message.types.append(self._message())
            case "enum" if starts_statement:
                message.types.append(self._enum())
            case "oneof" if starts_statement:
                message.one_ofs.append(self._one_of())
            case "option" if starts_statement:
                message.options.append(self._option_statement())
            case "extend" if starts_statement or following.text == ".":
                message.extends.append(self._extend())
            case "reserved":
                message.reserved.append(self._reserved(NUMBER_MAX))
            case "extensions" if following.kind == NUMBER:
                message.extensions.append(self._extensions())
            case _:
                message.fields.append(self._field())

    def _check_message(self, message: Message) -> None:
        numbers: set[int] = set()
        names: set[str] = set()
        for field, _ in all_fields(message):
            if not 0 < field.number <= NUMBER_MAX:
                raise self._fail(f"field '{field.name}' of '{message.name}': no field may have number {field.number}")
            if field.number in numbers:
                raise self._fail(f"two fields of '{message.name}' have number {field.number}")
            if field.name in names:
                raise self._fail(f"two fields of '{message.name}' are named '{field.name}'")
            numbers.add(field.number)
            names.add(field.name)

    def _field(self) -> Field:
        label = None
        if self._next.text in _LABELS and not self._is_name_going_on():
            label = self._word()
        if self._next.text == "group" and self._tokens[self._at + 1].kind == WORD:
            return self._group(label)
        if self._next.text == "map" and self._tokens[self._at + 1].text == "<":
            return self._map()
        type_ = self._name()
        name = self._word()
        self._expect("=")
        field = Field(name, type_, self._integer(), label)
        field.options = self._options()
        self._expect(";")
        return field

    def _is_name_going_on(self) -> bool:
        """`optional.Type` is a type, `optional .Type` one with a label."""
        word, following = self._next, self._tokens[self._at + 1]
        return following.text == "=" or (following.text == "." and following.position == word.position + len(word.text))

    def _map(self) -> Field:
        self._take()
        self._expect("<")
        key_type = self._word()
        self._expect(",")
        value_type = self._name()
        self._expect(">")
        name = self._word()
        self._expect("=")
        field = Field(name, value_type, self._integer(), key_type=key_type)
        field.options = self._options()
        self._expect(";")
        return field

    def _group(self, label: str | None) -> Field:
        self._take()
        name = self._word()
        self._expect("=")
        number = self._integer()
        options = self._options()
        group = Message(name)
        self._message_body(group)
        return Field(name.lower(), name, number, label, options=options, group=group)

    def _one_of(self) -> OneOf:
        self._take()
        one_of = OneOf(self._word())

        def element() -> None:
            if self._next.text == "option" and self._tokens[self._at + 1].text in ("(",):
                one_of.options.append(self._option_statement())
            else:
                one_of.fields.append(self._field())

        self._body(element)
        return one_of

    def _reserved(self, most: int) -> Reserved:
        self._take()
        reserved = Reserved()
        while True:
            if self._next.kind == TEXT:
                reserved.names.append(self._text())
            elif self._next.kind == WORD:  # editions
                reserved.names.append(self._word())
            else:
                reserved.ranges.append(self._range(most))
            if not self._accept(","):
                break
        self._expect(";")
        return reserved

    def _extensions(self) -> Extensions:
        self._take()
        ranges = [self._range(NUMBER_MAX)]
        while self._accept(","):
            ranges.append(self._range(NUMBER_MAX))
        options = self._options()
        self._expect(";")
        return Extensions(ranges, options)

    def _range(self, most: int) -> Range:
        start = self._integer()
        if not self._accept("to"):
            return Range(start, start)
        return Range(start, most if self._accept("max") else self._integer())

    def _extend(self) -> Extend:
        self._take()
        extend = Extend(self._name())
        self._body(lambda: extend.fields.append(self._field()))
        return extend

    # Enums and services

    def _enum(self) -> Enum:
        self._take()
        enum = Enum(self._word())

        def element() -> None:
            if self._next.text == "option" and self._tokens[self._at + 1].text != "=":
                enum.options.append(self._option_statement())
            elif self._next.text == "reserved" and self._tokens[self._at + 1].text != "=":
                enum.reserved.append(self._reserved(ENUM_NUMBER_MAX))
            else:
                name = self._word()
                self._expect("=")
                enum.constants.append(EnumConstant(name, self._integer(), self._options()))
                self._expect(";")

        self._body(element)
        return enum

    def _service(self) -> Service:
        self._take()
        service = Service(self._word())

        def element() -> None:
            if self._next.text == "option":
                service.options.append(self._option_statement())
            else:
                service.rpcs.append(self._rpc())

        self._body(element)
        return service

    def _rpc(self) -> Rpc:
        self._expect("rpc")
        name = self._word()
        request_streams, request = self._rpc_type()
        self._expect("returns")
        response_streams, response = self._rpc_type()
        rpc = Rpc(name, request, response, request_streams, response_streams)
        if self._next.text == "{":
            self._body(lambda: rpc.options.append(self._option_statement()))
        else:
            self._expect(";")
        return rpc

    def _rpc_type(self) -> tuple[bool, str]:
        self._expect("(")
        streams = self._next.text == "stream" and self._tokens[self._at + 1].text not in (")", ".")
        if streams:
            self._take()
        name = self._name()
        self._expect(")")
        return streams, name

    # Options

    def _option_statement(self) -> Option:
        self._expect("option")
        option = self._option()
        self._expect(";")
        return option

    def _options(self) -> list[Option]:
        """In brackets, if there are any."""
        if not self._accept("["):
            return []
        options = [self._option()]
        while self._accept(","):
            options.append(self._option())
        self._expect("]")
        return options

    def _option(self) -> Option:
        name = self._option_name()
        while self._accept("."):
            name += "." + self._option_name()
        self._expect("=")
        return Option(name, self._value())

    def _option_name(self) -> str:
        if not self._accept("("):
            return self._word()
        name = self._name()
        self._expect(")")
        return f"({name})"

    def _value(self) -> str:
        if self._next.text == "{" and self._next.kind != TEXT:
            return self._aggregate("{", "}")
        if self._next.text == "[" and self._next.kind != TEXT:
            self._take()
            values: list[str] = []
            while not self._accept("]"):
                values.append(self._value())
                self._accept(",")
            return f"[{', '.join(values)}]"
        if self._next.kind == TEXT:
            return quoted(self._text())
        sign = "-" if self._accept("-") else ""
        _ = self._accept("+")
        if self._next.kind == WORD:
            return sign + self._name()
        if self._next.kind != NUMBER:
            raise self._fail(f"a value is wanted, not {self._next.text or 'the end'!r}")
        return sign + self._take().text

    def _aggregate(self, begin: str, end: str) -> str:
        """The text format of a message."""
        self._expect(begin)
        parts: list[str] = []
        while not self._accept(end):
            if self._accept("["):
                name = self._name()
                while self._accept("/"):
                    name += "/" + self._name()
                self._expect("]")
                name = f"[{name}]"
            else:
                name = self._word()
            if self._accept(":"):
                value = self._aggregate("<", ">") if self._next.text == "<" else self._value()
            else:
                value = self._aggregate("<", ">") if self._next.text == "<" else self._aggregate("{", "}")
            parts.append(f"{name}: {value}")
            _ = self._accept(",") or self._accept(";")
        return f"{{{', '.join(parts)}}}"
