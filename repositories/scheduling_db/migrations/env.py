from repositories.migrations_env import migrate
from repositories.scheduling_db.tables import metadata

migrate(metadata)
