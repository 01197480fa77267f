from repositories.migrations_env import migrate
from repositories.psyter_db.tables import metadata

migrate(metadata)
