"""Error codes against the list of Apache Kafka 4.3.1 and an independent implementation."""

from kio.schema.errors import ErrorCode as KioErrorCode

from ottla.protocol.errors import ErrorCode, KafkaError, error_code

RETRIABLE = {
    *(2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 70, 71, 72, 74, 75, 78, 80, 83, 84, 88, 89),
    *(100, 103, 106, 122, 123, 133),
}


def test_every_code_is_there_with_a_message() -> None:
    assert [code.value for code in sorted(ErrorCode)] == list(range(-1, 134))
    assert {code.value for code in ErrorCode if code.retriable} == RETRIABLE
    for code in ErrorCode:
        assert bool(code.message) is (code is not ErrorCode.NONE)
    assert len({code.message for code in ErrorCode}) == len(ErrorCode)


def test_names_are_those_of_kio() -> None:
    for theirs in KioErrorCode:
        assert ErrorCode(theirs.value).name == theirs.name.upper()


def test_an_exception_carries_code_and_message() -> None:
    error = KafkaError(ErrorCode.INVALID_CONFIG)
    assert error.message == ErrorCode.INVALID_CONFIG.message
    assert str(KafkaError(ErrorCode.INVALID_CONFIG, "no")) == "INVALID_CONFIG: no"


def test_unknown_numbers_are_unknown_errors() -> None:
    assert error_code(3) is ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert error_code(9999) is ErrorCode.UNKNOWN_SERVER_ERROR
