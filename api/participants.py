"""Under which id one joins a meeting: the public id of the user, or of the care provider."""

from api.security.id_cipher import IdCipher, IdKind, IdTampered
from saga.meeting_reports import PROVIDER, USER, PartyOf

PARTIES = {USER: IdKind.USER, PROVIDER: IdKind.CARE_PROVIDER}


def party_of(cipher: IdCipher) -> PartyOf:
    """Of a participant id that we gave out: whose it is, and its number. None for any other."""

    def found(participant_id: str) -> tuple[str, int] | None:
        for party, kind in PARTIES.items():
            try:
                return party, cipher.decrypt(kind, participant_id)
            except IdTampered:
                continue
        return None

    return found
