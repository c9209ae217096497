"""Items: the example resource. Replace it with your own.

Creating, reading and listing with a cursor; what a client sends is validated strictly.
"""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from app.core.database import Session
from app.core.errors import problems
from app.core.models import Input
from app.item_store import ItemStore

ID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
ItemId = Annotated[str, StringConstraints(pattern=ID_PATTERN)]


class NewItem(Input):
    """What a client says about a new item."""

    # PostgreSQL's text holds every character but NUL.
    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00]*$")
    quantity: int = Field(default=1, ge=0, le=1_000_000)


class Item(BaseModel):
    """An item as the service keeps it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    quantity: int
    created_at: datetime


class ItemPage(BaseModel):
    """Some of the items, oldest first."""

    items: list[Item]
    next_cursor: UUID | None = Field(description="Cursor of the next page; null on the last one")


def _store(session: Session) -> ItemStore:
    return ItemStore(session)


Store = Annotated[ItemStore, Depends(_store)]
items_router = APIRouter(prefix="/items", tags=["items"])

_CREATED = {
    "headers": {"Location": {"description": "Where the item is", "required": True, "schema": {"type": "string"}}},
    "links": {"read": {"operationId": "read_item", "parameters": {"item_id": "$response.body#/id"}}},
}


@items_router.post("", status_code=201, responses={201: _CREATED, **problems(503)})
async def create_item(new: NewItem, store: Store, response: Response) -> Item:
    """Create an item."""
    item = Item.model_validate(await store.add(new.name, new.quantity))
    response.headers["Location"] = f"/items/{item.id}"
    return item


@items_router.get("", responses=problems(503))
async def list_items(
    store: Store,
    limit: Annotated[int, Query(ge=1, le=100, description="Items on a page")] = 20,
    cursor: Annotated[ItemId | None, Query(description="Show what comes after this id")] = None,
) -> ItemPage:
    """List items, oldest first, a page at a time."""
    rows, more = await store.page(limit, UUID(cursor) if cursor else None)
    items = [Item.model_validate(row) for row in rows]
    return ItemPage(items=items, next_cursor=items[-1].id if more else None)


@items_router.get("/{item_id}", responses=problems(404, 503))
async def read_item(item_id: Annotated[ItemId, Path()], store: Store) -> Item:
    """Read one item."""
    row = await store.get(UUID(item_id))
    if row is None:
        raise HTTPException(404, "There is no item with this id.")
    return Item.model_validate(row)
