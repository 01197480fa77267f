"""on SQL Server, keys that partners choose are compared letter by letter"""

from alembic import op

from repositories.database import exact

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_context().dialect.name != "mssql":  # the other engines do so anyhow
        return
    op.drop_constraint("pk_idempotency_keys", "idempotency_keys", type_="primary")
    op.alter_column("idempotency_keys", "idempotency_key", type_=exact(255), nullable=False)
    op.create_primary_key("pk_idempotency_keys", "idempotency_keys", ["organization_id", "idempotency_key"])
    op.drop_constraint("uq_users_organization_id_reference_id", "users", type_="unique")
    op.alter_column("users", "reference_id", type_=exact(100), nullable=False)
    op.create_unique_constraint("uq_users_organization_id_reference_id", "users", ["organization_id", "reference_id"])
