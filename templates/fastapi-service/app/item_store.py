"""The repository of items: the one module that knows their table. Replace it with your own."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import DateTime, MetaData, String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from uuid_utils.compat import uuid7

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """All tables of the service; migrations are compared with it, so names of constraints never depend on a server."""

    metadata = MetaData(naming_convention=CONVENTION)


class ItemRow(Base):
    """One item, as it is stored."""

    __tablename__ = "items"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    quantity: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ItemStore:
    """Items in the order of their ids, which is the order of their creation, within one transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, name: str, quantity: int) -> ItemRow:
        """Keep a new item."""
        row = ItemRow(id=uuid7(), name=name, quantity=quantity, created_at=datetime.now(UTC))
        self._session.add(row)
        await self._session.flush()
        return row

    async def get(self, item_id: UUID) -> ItemRow | None:
        """The item with this id, if there is one."""
        return await self._session.get(ItemRow, item_id)

    async def page(self, limit: int, cursor: UUID | None) -> tuple[list[ItemRow], bool]:
        """At most `limit` items that come after the cursor, which need not be an item's id, and whether more follow."""
        wanted = select(ItemRow).order_by(ItemRow.id).limit(limit + 1)
        if cursor is not None:
            wanted = wanted.where(ItemRow.id > cursor)
        found = list(await self._session.scalars(wanted))
        return found[:limit], len(found) > limit
