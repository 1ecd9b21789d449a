"""Why a notification left without an ad: one code, one sentence each."""

from enum import IntEnum
from typing import Self


class Reason(IntEnum):
    """A pass-through reason: number (in journals, never changed), code, sentence (in the documents)."""

    sentence: str

    def __new__(cls, value: int, sentence: str = "") -> Self:
        """Keep the sentence beside the number; a look-up by number alone finds the member."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    STARTING = 1, "the worker has no plan or no word from control yet"
    ADS_OFF = 2, "ads are switched off"
    DEAF = 3, "the worker has heard nothing from control for max_deaf_s"
    DRAINING = 4, "the node is shutting down"
    NOT_BOUND = 5, "the bind of its session has not been answered yet"
    UNPARSED = 6, "its fields can't all be located inside the PDU"
    SYSTEM_ID = 7, "its session's system_id is not listed in relay.notifications.system_ids"
    SERVICE_TYPE = 8, "its service_type is not listed in relay.notifications.service_types"
    ESM_MODE = 9, "esm_class asks for another messaging mode than default or store and forward"
    ESM_TYPE = 10, "esm_class names another message type than the default"
    UDH = 11, "esm_class says that the body begins with a user data header"
    REPLACEABLE = 12, "it replaces, or is replaced by, another message (coalesced alerts)"
    MULTIPART = 13, "it is a part of a longer message, or says that more messages follow"
    PORT_ADDRESSED = 14, "it is addressed to an application port"
    PREDEFINED = 15, "it names a message stored at the SMSC"
    SCHEDULED = 16, "it asks for delivery at a later time"
    DATA_CODING = 17, "its data_coding is none of 0, 1, 3 and 8"
    NO_BODY = 18, "it has neither short_message nor message_payload"
    TWO_BODIES = 19, "it has both short_message and message_payload"
    NOT_A_SUBSCRIBER = 20, "its destination is no Mexican subscriber"
    OUTSIDE_SHARE = 21, "its subscriber lies outside ads.share"
    QUIET_HOURS = 22, "it is within quiet hours on the subscriber's clock"
    ALPHABET_MISMATCH = 23, "its body holds an octet that its alphabet can't"
    NO_ROOM = 24, "no creative fits beside its body in one SMS part"
    NO_CAMPAIGN = 25, "no campaign is booked for its place and room now"
    ON_PACE = 26, "every campaign for its place is at or ahead of its pace"
    CAMPAIGN_HOURS = 27, "the campaign it would get is outside its hours on the subscriber's clock"
    STOPPED = 28, "the campaign it would get was stopped"
    NO_LEASE = 29, "the campaign it would get has no lease unit left on this worker"
    WOULD_INSERT = 30, "observe mode: it would have got an ad"
    JOURNAL_FAILED = 31, "the journal could not take the insertion, so the notification went bare"
    INTERNAL_ERROR = 32, "an error inside the engine; the alarm has the trace"
    NOT_ON_TRIAL = 33, "its subscriber is not listed in ads.only_subscribers"
    UNANSWERED = 34, "too many ads of its session wait for the SMSC's answer already"
    FREQUENCY_CAP = 45, "its subscriber has had as many ads as a frequency cap allows"
    SPACING = 46, "the campaign it would get keeps a longer distance from its subscriber's last ad"
    COMPETITOR = 47, "its subscriber has lately had an ad that the campaign it would get keeps away from"
    CAP_BUSY = 48, "what counts ads by subscriber could not be asked at once"
    CAP_FULL = 49, "what counts ads by subscriber has no room for its subscriber"
    NO_CALLER = 50, "it is a call to a response number, but its source is nobody's number"
    LEAD_FAILED = 51, "it is a call to a response number, but its lead could not be kept, or not in time"
    NO_CONSENT = 35, "its subscriber has not consented to such an ad, or has withdrawn"
    SUPPRESSED = 36, "its subscriber is suppressed: on an imported list, or opted out"
    EXCLUDED_CALLER = 37, "its caller is excluded, by policy.exclude_callers or by the campaign it would get"

    BLACKOUT = 38, "ads of the category of the campaign it would get are blacked out at its place"

    @property
    def code(self) -> str:
        """The reason as reports and metrics print it, such as `no_room`."""
        return self.name.lower()


BY_CODE = {reason.code: reason for reason in Reason}
