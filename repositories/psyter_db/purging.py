"""What PsyterDatabase forgets: tokens that are good for nothing any more, and idempotency keys."""

from typing import Any

from sqlalchemy import BindParameter, bindparam, delete, func, select

from repositories.database import Database
from repositories.enums import Kept
from repositories.psyter_db.tables import idempotency_keys, refresh_tokens, token_families
from repositories.purging import ByAge, ByKey, Rule, SqlForgets

BEFORE: BindParameter[Any] = bindparam("before")
KEYS: BindParameter[Any] = bindparam("keys", expanding=True)
MOST: BindParameter[Any] = bindparam("most")

IS_OLD_TOKEN = refresh_tokens.c.expires_at < BEFORE
OLD_TOKENS = select(refresh_tokens.c.digest).where(IS_OLD_TOKEN).order_by(refresh_tokens.c.expires_at).limit(MOST)
COUNT_TOKENS = select(func.count()).select_from(refresh_tokens).where(IS_OLD_TOKEN)
DROP_TOKENS = delete(refresh_tokens).where(refresh_tokens.c.digest.in_(KEYS))

HAS_TOKENS = select(refresh_tokens.c.digest).where(refresh_tokens.c.family_id == token_families.c.id).exists()
IS_OLD_FAMILY = (token_families.c.expires_at < BEFORE, ~HAS_TOKENS)
OLD_FAMILIES = select(token_families.c.id).where(*IS_OLD_FAMILY).order_by(token_families.c.expires_at).limit(MOST)
COUNT_FAMILIES = select(func.count()).select_from(token_families).where(*IS_OLD_FAMILY)
DROP_FAMILIES = delete(token_families).where(token_families.c.id.in_(KEYS))

OLD_KEYS = ByAge(idempotency_keys, "created_at")

RULES: dict[Kept, Rule] = {
    Kept.REFRESH_TOKENS: ByKey(OLD_TOKENS, COUNT_TOKENS, (DROP_TOKENS,)),
    Kept.TOKEN_FAMILIES: ByKey(OLD_FAMILIES, COUNT_FAMILIES, (DROP_FAMILIES,)),
    Kept.PSYTER_KEYS: OLD_KEYS,
}


def psyter_forgets(database: Database) -> SqlForgets:
    return SqlForgets(database, RULES)
