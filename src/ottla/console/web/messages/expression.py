"""What a message must be, in a small language: `value.amount > 10 and key == "k1"`. Parsed here into functions.

    or       : and { ("or" | "||") and }
    and      : not { ("and" | "&&") not }
    not      : ("not" | "!") not | compare
    compare  : sum [ ("==" | "!=" | "<" | "<=" | ">" | ">=" | ["not"] "in"
                     | "contains" | "starts_with" | "ends_with" | "like") sum ]
    sum      : product { ("+" | "-") product }         product : unary { ("*" | "/" | "%") unary }
    unary    : "-" unary | place                       place   : atom { "." name | "[" or "]" }
    atom     : number | "text" | 'text' | true | false | null | [ … ] | ( or ) | function(…) | a name of NAMES

What is not there is null. Unlike things are not equal, and comparing them is false; so is anything with null but `==`.
There are no loops, no regular expressions, no names but these: every expression ends within a time that its length
and the message bound. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

Row: TypeAlias = Mapping[str, Any]
Evaluate: TypeAlias = Callable[[Row], Any]

NAMES: Final = ("key", "value", "headers", "partition", "offset", "timestamp", "size", "topic")
LENGTH_MAX: Final = 1_000
DEPTH_MAX: Final = 40
TOKENS_MAX: Final = 400
"""Each may be one call within another when it is evaluated."""
TEXT_LENGTH_MAX: Final = 1 << 20
"""Of a text that `+` makes."""

_TOKEN: Final = re.compile(
    r"""\s*(?:
    (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>==|!=|<=|>=|&&|\|\||[-+*/%<>!.,()\[\]])
    )""",
    re.VERBOSE,
)
_SYNONYMS: Final = {"&&": "and", "||": "or", "!": "not"}
_WORDS: Final = ("and", "or", "not", "in", "contains", "starts_with", "ends_with", "like")


class ExpressionError(ValueError):
    """It cannot be read; the text names the column."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int


def parse_expression(text: str) -> Callable[[Row], bool]:
    """Whether a row fits. `ExpressionError`."""
    if len(text) > LENGTH_MAX:
        raise ExpressionError(f"it has {len(text)} characters; {LENGTH_MAX} are the most")
    evaluate = _Parser(_tokens(text)).whole()
    return lambda row: _is_true(evaluate(row))


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            column = at + len(text[at:]) - len(text[at:].lstrip()) + 1
            raise ExpressionError(f"column {column}: '{text[column - 1]}' is not understood")
        kind = match.lastgroup or ""
        word = match[kind]
        tokens.append(_Token(kind, _SYNONYMS.get(word, word) if kind == "sign" else word, match.start(kind) + 1))
        at = match.end()
    if len(tokens) > TOKENS_MAX:
        raise ExpressionError(f"it has {len(tokens)} words and signs; {TOKENS_MAX} are the most")
    tokens.append(_Token("end", "", len(text) + 1))
    return tokens


class _Parser:
    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Evaluate:
        found = self._or()
        if self._token.kind != "end":
            raise self._wrong("is not expected here")
        return found

    @property
    def _token(self) -> _Token:
        return self._tokens[self._at]

    def _is(self, *words: str) -> bool:
        return self._token.text in words and self._token.kind in ("sign", "name")

    def _take(self) -> _Token:
        token = self._token
        self._at += token.kind != "end"
        return token

    def _expect(self, word: str) -> None:
        if not self._is(word):
            raise self._wrong(f"stands where '{word}' is wanted")
        self._take()

    def _wrong(self, what: str) -> ExpressionError:
        token = self._token
        name = "the end" if token.kind == "end" else f"'{token.text}'"
        return ExpressionError(f"column {token.column}: {name} {what}")

    def _or(self) -> Evaluate:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            raise self._wrong("is nested too deeply")
        left = self._and()
        while self._is("or"):
            self._take()
            left = _either(left, self._and())
        self._depth -= 1
        return left

    def _and(self) -> Evaluate:
        left = self._not()
        while self._is("and"):
            self._take()
            left = _both(left, self._not())
        return left

    def _not(self) -> Evaluate:
        negated = False
        while self._is("not"):
            self._take()
            negated = not negated
        inner = self._comparison()
        return (lambda row: not _is_true(inner(row))) if negated else inner

    def _comparison(self) -> Evaluate:
        left = self._sum()
        negated = self._is("not") and self._tokens[self._at + 1].text == "in"
        if negated:
            self._take()
        if not self._is(*COMPARISONS):
            return left
        compare = COMPARISONS[self._take().text]
        right = self._sum()
        if self._is(*COMPARISONS):
            raise self._wrong("compares a second time: write `and` between comparisons")
        return lambda row: compare(left(row), right(row)) is not negated

    def _sum(self) -> Evaluate:
        left = self._product()
        while self._is("+", "-"):
            left = _calculated(self._take().text, left, self._product())
        return left

    def _product(self) -> Evaluate:
        left = self._unary()
        while self._is("*", "/", "%"):
            left = _calculated(self._take().text, left, self._unary())
        return left

    def _unary(self) -> Evaluate:
        signs = 0
        while self._is("-"):
            self._take()
            signs += 1
        inner = self._place()
        return _calculated("-", lambda _: 0, inner) if signs % 2 else inner

    def _place(self) -> Evaluate:
        found = self._atom()
        while self._is(".", "["):
            if self._take().text == ".":
                if self._token.kind != "name":
                    raise self._wrong('is no name of a field: write value.name, or value["odd name"]')
                found = _field(found, _constant(self._take().text))
            else:
                found = _field(found, self._or())
                self._expect("]")
        return found

    def _atom(self) -> Evaluate:
        token = self._token
        if token.kind == "number":
            self._take()
            return _constant(float(token.text) if any(each in token.text for each in ".eE") else int(token.text))
        if token.kind == "text":
            self._take()
            return _constant(_unquoted(token))
        if self._is("("):
            self._take()
            inner = self._or()
            self._expect(")")
            return inner
        if self._is("["):
            self._take()
            items = self._list("]")
            return lambda row: [each(row) for each in items]
        if token.kind == "name" and token.text not in _WORDS:
            return self._name(self._take())
        raise self._wrong("stands where a value is wanted")

    def _name(self, token: _Token) -> Evaluate:
        word = token.text
        if word in ("true", "false", "null"):
            return _constant({"true": True, "false": False, "null": None}[word])
        if self._is("("):
            if word not in FUNCTIONS:
                known = ", ".join(FUNCTIONS)
                raise ExpressionError(f"column {token.column}: there is no function '{word}'; there are {known}")
            self._take()
            arguments = self._list(")")
            if len(arguments) != 1:
                raise ExpressionError(f"column {token.column}: {word} takes one thing")
            return _called(word, arguments[0], token)
        if word not in NAMES:
            known = ", ".join(NAMES)
            raise ExpressionError(f"column {token.column}: there is no '{word}'; there are {known}")
        return lambda row: row[word]

    def _list(self, end: str) -> list[Evaluate]:
        items: list[Evaluate] = []
        while not self._is(end):
            items.append(self._or())
            if not self._is(end):
                self._expect(",")
        self._take()
        return items


def _unquoted(token: _Token) -> str:
    inner = token.text[1:-1]
    if token.text[0] == "'":
        inner = inner.replace("\\'", "'").replace('"', '\\"')
    try:
        text = json.loads(f'"{inner}"', strict=False)
    except ValueError:
        raise ExpressionError(f"column {token.column}: the text {token.text} cannot be read") from None
    assert isinstance(text, str)
    return text


def _constant(value: Any) -> Evaluate:
    return lambda _: value


def _either(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda row: _is_true(left(row)) or _is_true(right(row))


def _both(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda row: _is_true(left(row)) and _is_true(right(row))


def _is_true(value: Any) -> bool:
    return value is not None and value is not False


def _field(place: Evaluate, name: Evaluate) -> Evaluate:
    def look(row: Row) -> Any:
        value, key = place(row), name(row)
        if isinstance(value, dict):
            return value.get(key) if isinstance(key, str) else None
        if isinstance(value, list) and isinstance(key, int) and not isinstance(key, bool):
            return value[key] if -len(value) <= key < len(value) else None
        return None

    return look


def _calculated(sign: str, left: Evaluate, right: Evaluate) -> Evaluate:
    def calculate(row: Row) -> Any:
        a, b = left(row), right(row)
        if sign == "+" and isinstance(a, str) and isinstance(b, str):
            return a + b if len(a) + len(b) <= TEXT_LENGTH_MAX else None
        if not (_is_number(a) and _is_number(b)):
            return None
        try:
            match sign:
                case "+":
                    return a + b
                case "-":
                    return a - b
                case "*":
                    return a * b
                case "/":
                    return a / b
            return a % b
        except (ArithmeticError, ValueError):
            return None

    return calculate


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _alike(a: Any, b: Any) -> bool:
    return (_is_number(a) and _is_number(b)) or (isinstance(a, str) and isinstance(b, str))


def _equal(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    return bool(a == b) if _alike(a, b) else type(a) is type(b) and bool(a == b)


def _contains(a: Any, b: Any) -> bool:
    if isinstance(a, str):
        return isinstance(b, str) and b in a
    if isinstance(a, list):
        return any(_equal(each, b) for each in a)
    return isinstance(a, dict) and isinstance(b, str) and b in a


def _like(a: Any, b: Any) -> bool:
    """`%`: any characters, `_`: one. Greedy with one way back: never more than both lengths multiplied."""
    if not (isinstance(a, str) and isinstance(b, str)):
        return False
    at = pattern = 0
    star, mark = -1, 0
    while at < len(a):
        if pattern < len(b) and b[pattern] == "%":
            star, mark = pattern, at
            pattern += 1
        elif pattern < len(b) and b[pattern] in ("_", a[at]):
            at += 1
            pattern += 1
        elif star >= 0:
            mark += 1
            at, pattern = mark, star + 1
        else:
            return False
    return b[pattern:].strip("%") == ""


COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": _equal,
    "!=": lambda a, b: not _equal(a, b),
    "<": lambda a, b: _alike(a, b) and a < b,
    "<=": lambda a, b: _alike(a, b) and a <= b,
    ">": lambda a, b: _alike(a, b) and a > b,
    ">=": lambda a, b: _alike(a, b) and a >= b,
    "in": lambda a, b: _contains(b, a),
    "contains": _contains,
    "starts_with": lambda a, b: isinstance(a, str) and isinstance(b, str) and a.startswith(b),
    "ends_with": lambda a, b: isinstance(a, str) and isinstance(b, str) and a.endswith(b),
    "like": _like,
}


def _called(name: str, argument: Evaluate, token: _Token) -> Evaluate:
    if name == "header":
        return lambda row: row["headers"].get(argument(row))
    if name == "time":
        try:
            moment = _milliseconds(argument({}))
        except (KeyError, ValueError):
            text = 'time("2026-11-29T08:00Z") takes a time that is written out'
            raise ExpressionError(f"column {token.column}: {text}") from None
        return _constant(moment)
    function = FUNCTIONS[name]
    return lambda row: function(argument(row))


def _milliseconds(text: Any) -> int:
    if not isinstance(text, str):
        raise ValueError("no text")
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _number(value: Any) -> Any:
    if _is_number(value):
        return value
    if not isinstance(value, str) or len(value) > 50:
        return None
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError:
        return None


def _text(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


FUNCTIONS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "header": lambda value: value,
    "lower": lambda value: value.lower() if isinstance(value, str) else None,
    "upper": lambda value: value.upper() if isinstance(value, str) else None,
    "length": lambda value: len(value) if isinstance(value, str | list | dict) else None,
    "number": _number,
    "text": _text,
    "exists": lambda value: value is not None,
    "time": lambda value: value,
}
