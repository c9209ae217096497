"""What Alembic runs: the migrations, against the tables that the application knows."""

from app.core.migrations import run
from app.item_store import Base

run(Base.metadata)
