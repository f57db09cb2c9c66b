"""Kafka's error codes, and the exceptions of this room.

Owns every code that travels in an answer (`org.apache.kafka.common.protocol.Errors` of 4.3), what each means in a few
words of ours, and whether a client may simply try again.
"""

from enum import IntEnum


class ProtocolError(Exception):
    """Bytes that are not what the protocol says: cut, negative, oversized or otherwise malformed.

    Raised by codecs, framing and record parsing for anything a peer can send; never for a mistake of the caller.
    """


class ErrorCode(IntEnum):
    """A Kafka error code; `int(code)` is what travels (int16)."""

    UNKNOWN_SERVER_ERROR = -1
    NONE = 0
    OFFSET_OUT_OF_RANGE = 1
    CORRUPT_MESSAGE = 2
    UNKNOWN_TOPIC_OR_PARTITION = 3
    INVALID_FETCH_SIZE = 4
    LEADER_NOT_AVAILABLE = 5
    NOT_LEADER_OR_FOLLOWER = 6
    REQUEST_TIMED_OUT = 7
    BROKER_NOT_AVAILABLE = 8
    REPLICA_NOT_AVAILABLE = 9
    MESSAGE_TOO_LARGE = 10
    STALE_CONTROLLER_EPOCH = 11
    OFFSET_METADATA_TOO_LARGE = 12
    NETWORK_EXCEPTION = 13
    COORDINATOR_LOAD_IN_PROGRESS = 14
    COORDINATOR_NOT_AVAILABLE = 15
    NOT_COORDINATOR = 16
    INVALID_TOPIC_EXCEPTION = 17
    RECORD_LIST_TOO_LARGE = 18
    NOT_ENOUGH_REPLICAS = 19
    NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20
    INVALID_REQUIRED_ACKS = 21
    ILLEGAL_GENERATION = 22
    INCONSISTENT_GROUP_PROTOCOL = 23
    INVALID_GROUP_ID = 24
    UNKNOWN_MEMBER_ID = 25
    INVALID_SESSION_TIMEOUT = 26
    REBALANCE_IN_PROGRESS = 27
    INVALID_COMMIT_OFFSET_SIZE = 28
    TOPIC_AUTHORIZATION_FAILED = 29
    GROUP_AUTHORIZATION_FAILED = 30
    CLUSTER_AUTHORIZATION_FAILED = 31
    INVALID_TIMESTAMP = 32
    UNSUPPORTED_SASL_MECHANISM = 33
    ILLEGAL_SASL_STATE = 34
    UNSUPPORTED_VERSION = 35
    TOPIC_ALREADY_EXISTS = 36
    INVALID_PARTITIONS = 37
    INVALID_REPLICATION_FACTOR = 38
    INVALID_REPLICA_ASSIGNMENT = 39
    INVALID_CONFIG = 40
    NOT_CONTROLLER = 41
    INVALID_REQUEST = 42
    UNSUPPORTED_FOR_MESSAGE_FORMAT = 43
    POLICY_VIOLATION = 44
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45
    DUPLICATE_SEQUENCE_NUMBER = 46
    INVALID_PRODUCER_EPOCH = 47
    INVALID_TXN_STATE = 48
    INVALID_PRODUCER_ID_MAPPING = 49
    INVALID_TRANSACTION_TIMEOUT = 50
    CONCURRENT_TRANSACTIONS = 51
    TRANSACTION_COORDINATOR_FENCED = 52
    TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53
    SECURITY_DISABLED = 54
    OPERATION_NOT_ATTEMPTED = 55
    KAFKA_STORAGE_ERROR = 56
    LOG_DIR_NOT_FOUND = 57
    SASL_AUTHENTICATION_FAILED = 58
    UNKNOWN_PRODUCER_ID = 59
    REASSIGNMENT_IN_PROGRESS = 60
    DELEGATION_TOKEN_AUTH_DISABLED = 61
    DELEGATION_TOKEN_NOT_FOUND = 62
    DELEGATION_TOKEN_OWNER_MISMATCH = 63
    DELEGATION_TOKEN_REQUEST_NOT_ALLOWED = 64
    DELEGATION_TOKEN_AUTHORIZATION_FAILED = 65
    DELEGATION_TOKEN_EXPIRED = 66
    INVALID_PRINCIPAL_TYPE = 67
    NON_EMPTY_GROUP = 68
    GROUP_ID_NOT_FOUND = 69
    FETCH_SESSION_ID_NOT_FOUND = 70
    INVALID_FETCH_SESSION_EPOCH = 71
    LISTENER_NOT_FOUND = 72
    TOPIC_DELETION_DISABLED = 73
    FENCED_LEADER_EPOCH = 74
    UNKNOWN_LEADER_EPOCH = 75
    UNSUPPORTED_COMPRESSION_TYPE = 76
    STALE_BROKER_EPOCH = 77
    OFFSET_NOT_AVAILABLE = 78
    MEMBER_ID_REQUIRED = 79
    PREFERRED_LEADER_NOT_AVAILABLE = 80
    GROUP_MAX_SIZE_REACHED = 81
    FENCED_INSTANCE_ID = 82
    ELIGIBLE_LEADERS_NOT_AVAILABLE = 83
    ELECTION_NOT_NEEDED = 84
    NO_REASSIGNMENT_IN_PROGRESS = 85
    GROUP_SUBSCRIBED_TO_TOPIC = 86
    INVALID_RECORD = 87
    UNSTABLE_OFFSET_COMMIT = 88
    THROTTLING_QUOTA_EXCEEDED = 89
    PRODUCER_FENCED = 90
    RESOURCE_NOT_FOUND = 91
    DUPLICATE_RESOURCE = 92
    UNACCEPTABLE_CREDENTIAL = 93
    INCONSISTENT_VOTER_SET = 94
    INVALID_UPDATE_VERSION = 95
    FEATURE_UPDATE_FAILED = 96
    PRINCIPAL_DESERIALIZATION_FAILURE = 97
    SNAPSHOT_NOT_FOUND = 98
    POSITION_OUT_OF_RANGE = 99
    UNKNOWN_TOPIC_ID = 100
    DUPLICATE_BROKER_REGISTRATION = 101
    BROKER_ID_NOT_REGISTERED = 102
    INCONSISTENT_TOPIC_ID = 103
    INCONSISTENT_CLUSTER_ID = 104
    TRANSACTIONAL_ID_NOT_FOUND = 105
    FETCH_SESSION_TOPIC_ID_ERROR = 106
    INELIGIBLE_REPLICA = 107
    NEW_LEADER_ELECTED = 108
    OFFSET_MOVED_TO_TIERED_STORAGE = 109
    FENCED_MEMBER_EPOCH = 110
    UNRELEASED_INSTANCE_ID = 111
    UNSUPPORTED_ASSIGNOR = 112
    STALE_MEMBER_EPOCH = 113
    MISMATCHED_ENDPOINT_TYPE = 114
    UNSUPPORTED_ENDPOINT_TYPE = 115
    UNKNOWN_CONTROLLER_ID = 116
    UNKNOWN_SUBSCRIPTION_ID = 117
    TELEMETRY_TOO_LARGE = 118
    INVALID_REGISTRATION = 119
    TRANSACTION_ABORTABLE = 120
    INVALID_RECORD_STATE = 121
    SHARE_SESSION_NOT_FOUND = 122
    INVALID_SHARE_SESSION_EPOCH = 123
    FENCED_STATE_EPOCH = 124
    INVALID_VOTER_KEY = 125
    DUPLICATE_VOTER = 126
    VOTER_NOT_FOUND = 127
    INVALID_REGULAR_EXPRESSION = 128
    REBOOTSTRAP_REQUIRED = 129
    STREAMS_INVALID_TOPOLOGY = 130
    STREAMS_INVALID_TOPOLOGY_EPOCH = 131
    STREAMS_TOPOLOGY_FENCED = 132
    SHARE_SESSION_LIMIT_REACHED = 133

    @property
    def message(self) -> str:
        """What the code means, for a person; empty for `NONE`."""
        return _MESSAGES[self]

    @property
    def retriable(self) -> bool:
        """Whether the same request may succeed later (`RetriableException` in Kafka's clients)."""
        return self in _RETRIABLE


class KafkaError(Exception):
    """Carries an error code and, for a person, why.

    `message` is what goes into an `error_message` field: the code's own text unless a better one was given.
    """

    def __init__(self, code: ErrorCode, message: str | None = None) -> None:
        self.code = code
        self.message = code.message if message is None else message
        super().__init__(f"{code.name}: {self.message}")


def error_code(value: int) -> ErrorCode:
    """The code of a number from the wire; a number that no one knows here is `UNKNOWN_SERVER_ERROR`, as in Kafka."""
    try:
        return ErrorCode(value)
    except ValueError:
        return ErrorCode.UNKNOWN_SERVER_ERROR


_RETRIABLE: frozenset[ErrorCode] = frozenset(
    ErrorCode(value)
    for value in (
        *(2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56),
        *(70, 71, 72, 74, 75, 78, 80, 83, 84, 88, 89, 100, 103, 106, 122, 123, 133),
    )
)

_MESSAGES: dict[int, str] = {
    -1: "Something unexpected happened on the server.",
    0: "",
    1: "There is no such offset in the partition's log.",
    2: "The records are damaged: checksum, size or structure is wrong.",
    3: "This server does not host that topic or partition.",
    4: "The size to fetch is not valid.",
    5: "The partition has no leader now; one may be elected soon.",
    6: "This broker is not the leader, or not a replica, of the partition.",
    7: "The request took longer than its timeout.",
    8: "The broker cannot be reached.",
    9: "The replica cannot be reached.",
    10: "The records are larger than the server takes.",
    11: "The controller that spoke has been replaced by a newer one.",
    12: "The metadata string of the committed offset is too large.",
    13: "The connection broke before an answer came.",
    14: "The coordinator is still loading its state.",
    15: "The coordinator is not available.",
    16: "This broker is not the coordinator.",
    17: "The topic's name is not valid.",
    18: "The records are larger than one segment of the log.",
    19: "Fewer replicas are in sync than the topic requires.",
    20: "The records were written, but by fewer in-sync replicas than the topic requires.",
    21: "acks must be -1, 0 or 1.",
    22: "The generation is not the group's current one.",
    23: "The member's protocols have nothing in common with the group's.",
    24: "The group id is not valid.",
    25: "The group has no such member.",
    26: "The session timeout is outside of what the broker allows.",
    27: "The group is rebalancing; join again.",
    28: "The offset data to commit is too large.",
    29: "Access to the topic was denied.",
    30: "Access to the group was denied.",
    31: "Access to the cluster was denied.",
    32: "A record's timestamp is outside of what the topic allows.",
    33: "The server does not offer that SASL mechanism.",
    34: "That request does not fit the state of the SASL exchange.",
    35: "That version of the request is not supported.",
    36: "The topic exists already.",
    37: "The number of partitions is not valid.",
    38: "The replication factor is not valid, or there are too few brokers for it.",
    39: "The assignment of replicas is not valid.",
    40: "The configuration is not valid.",
    41: "This node is not the active controller.",
    42: "The request contradicts itself or lacks something.",
    43: "The record format on the broker cannot serve this request.",
    44: "The request breaks a policy of this cluster.",
    45: "The producer's sequence number does not follow the last one.",
    46: "That sequence number was written before.",
    47: "The producer's epoch is old.",
    48: "The transaction's state does not allow this.",
    49: "The producer id does not belong to that transactional id.",
    50: "The transaction timeout is larger than the broker allows.",
    51: "The transaction is being changed by another request.",
    52: "That transaction coordinator has been replaced by a newer one.",
    53: "Access to the transactional id was denied.",
    54: "Security features are switched off.",
    55: "Nothing was attempted, because something else in the request failed.",
    56: "The broker could not reach the disk of the log.",
    57: "The broker has no such log directory.",
    58: "SASL authentication failed.",
    59: "Nothing is known of that producer id.",
    60: "The partition is being reassigned.",
    61: "Delegation tokens are switched off.",
    62: "There is no such delegation token.",
    63: "The principal is not an owner or renewer of the delegation token.",
    64: "Delegation tokens cannot be asked for over this channel.",
    65: "Access to the delegation token was denied.",
    66: "The delegation token has expired.",
    67: "That type of principal is not supported.",
    68: "The group still has members.",
    69: "There is no such group.",
    70: "There is no such fetch session.",
    71: "The epoch of the fetch session is not the expected one.",
    72: "The leader has no listener that matches the one of this request.",
    73: "Deletion of topics is switched off.",
    74: "The leader epoch of the request is older than the broker's.",
    75: "The leader epoch of the request is newer than the broker's.",
    76: "That compression type is not supported for the version of the request.",
    77: "The broker's epoch is not the current one.",
    78: "The leader does not know its high watermark yet.",
    79: "Join again with the member id of this answer.",
    80: "The preferred leader is not available.",
    81: "The group has as many members as it may.",
    82: "Another member has joined with the same instance id.",
    83: "No replica that may become leader is available.",
    84: "The partition's leader is already the one that was asked for.",
    85: "The partition is not being reassigned.",
    86: "A member of the group is subscribed to the topic.",
    87: "A record breaks a rule of the topic and was not written.",
    88: "Offsets of an open transaction are pending.",
    89: "The quota is used up; wait for the throttle time.",
    90: "A newer producer with the same transactional id has taken over.",
    91: "There is no such resource.",
    92: "The resource is named twice.",
    93: "The credential does not meet the requirements.",
    94: "The voters of the request are not the voters of the quorum.",
    95: "The version to update to is not valid.",
    96: "The features could not be updated.",
    97: "The forwarded principal could not be read.",
    98: "There is no such snapshot.",
    99: "The position is beyond the snapshot.",
    100: "No topic has that id here.",
    101: "Another live broker is registered with that id.",
    102: "No broker is registered with that id.",
    103: "The topic id of the request is not the one of the log.",
    104: "The cluster id of the request is not the one of this cluster.",
    105: "There is no such transactional id.",
    106: "The fetch session mixes requests with and without topic ids.",
    107: "The replica may not join the in-sync replicas.",
    108: "The request made another replica the leader.",
    109: "The offset has been moved to tiered storage.",
    110: "The member's epoch is not the one the coordinator expects.",
    111: "The instance id is in use by a member that has not left.",
    112: "The coordinator offers none of the member's assignors.",
    113: "The member's epoch is old; try again with a newer one.",
    114: "The request came to an endpoint of the wrong type.",
    115: "That type of endpoint is not supported.",
    116: "There is no such controller.",
    117: "The telemetry subscription is not the current one.",
    118: "The telemetry is larger than the broker takes.",
    119: "The controller refused the registration.",
    120: "The transaction can go on only by being aborted.",
    121: "The state of the record does not allow this.",
    122: "There is no such share session.",
    123: "The epoch of the share session is not the expected one.",
    124: "The epoch of the share coordinator's state is old.",
    125: "The voter's key is not the one that is known.",
    126: "The voter is in the set already.",
    127: "There is no such voter.",
    128: "The regular expression is not valid.",
    129: "The client's metadata is too old; start again from the bootstrap servers.",
    130: "The topology of the streams group is not valid.",
    131: "The epoch of the streams topology is not valid.",
    132: "The epoch of the streams topology is old.",
    133: "The broker has as many share sessions as it may.",
}
