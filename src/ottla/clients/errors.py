"""What a client can fail with, beside an error code of a broker (`protocol.errors.KafkaError`)."""


class ClientError(Exception):
    """Something that no answer of a broker stands behind; the message says what was tried and what to do."""


class RetriableError(ClientError):
    """The same call may succeed a moment later."""


class BrokerUnreachableError(RetriableError):
    """No connection could be made, or it broke before the answer."""


class RequestTimedOutError(RetriableError):
    """A broker took the request and did not answer in time."""


class RebalanceError(RetriableError):
    """The group moved on while this member joined: it joins again."""


class AuthenticationFailedError(ClientError):
    """The broker does not believe who this is, or does not want the mechanism: trying again changes nothing."""


class VersionMismatchError(ClientError):
    """The broker has no version of an API that this client speaks."""
