"""Items: the example resource. Replace it with your own, and this store with your database.

Creating, reading and listing with a cursor; what a client sends is validated strictly.
"""

import bisect
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, Field, StringConstraints
from uuid_utils.compat import uuid7

from app.core.errors import problems
from app.core.models import Input

ID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
ItemId = Annotated[str, StringConstraints(pattern=ID_PATTERN)]


class NewItem(Input):
    """What a client says about a new item."""

    name: str = Field(min_length=1, max_length=100)
    quantity: int = Field(default=1, ge=0, le=1_000_000)


class Item(BaseModel):
    """An item as the service keeps it."""

    id: ItemId
    name: str
    quantity: int
    created_at: datetime


class ItemPage(BaseModel):
    """Some of the items, oldest first."""

    items: list[Item]
    next_cursor: ItemId | None = Field(description="Cursor of the next page; null on the last one")


class StoreFullError(Exception):
    """The store has as many items as it may keep."""


class ItemStore:
    """Items in memory, bounded, in the order of their ids, which is the order of their creation."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._items: dict[str, Item] = {}
        self._order: list[str] = []

    def add(self, new: NewItem) -> Item:
        """Keep a new item. Raises StoreFullError."""
        if len(self._order) >= self._capacity:
            raise StoreFullError
        item = Item(id=str(uuid7()), name=new.name, quantity=new.quantity, created_at=datetime.now(UTC))
        self._items[item.id] = item
        self._order.append(item.id)
        return item

    def get(self, item_id: str) -> Item | None:
        """The item with this id, if there is one."""
        return self._items.get(item_id)

    def page(self, limit: int, cursor: str | None) -> ItemPage:
        """At most `limit` items that come after the cursor, which need not be the id of an item."""
        first = 0 if cursor is None else bisect.bisect_right(self._order, cursor)
        ids = self._order[first : first + limit]
        more = first + limit < len(self._order)
        return ItemPage(items=[self._items[item_id] for item_id in ids], next_cursor=ids[-1] if more else None)


def _store(request: Request) -> ItemStore:
    store: ItemStore = request.state.items
    return store


Store = Annotated[ItemStore, Depends(_store)]
items_router = APIRouter(prefix="/items", tags=["items"])

_CREATED = {
    "headers": {"Location": {"description": "Where the item is", "required": True, "schema": {"type": "string"}}},
    "links": {"read": {"operationId": "read_item", "parameters": {"item_id": "$response.body#/id"}}},
}


@items_router.post("", status_code=201, responses={201: _CREATED, **problems(507)})
async def create_item(new: NewItem, store: Store, response: Response) -> Item:
    """Create an item."""
    try:
        item = store.add(new)
    except StoreFullError:
        raise HTTPException(507, "There is no room for another item.") from None
    response.headers["Location"] = f"/items/{item.id}"
    return item


@items_router.get("")
async def list_items(
    store: Store,
    limit: Annotated[int, Query(ge=1, le=100, description="Items on a page")] = 20,
    cursor: Annotated[ItemId | None, Query(description="Show what comes after this id")] = None,
) -> ItemPage:
    """List items, oldest first, a page at a time."""
    return store.page(limit, cursor)


@items_router.get("/{item_id}", responses=problems(404))
async def read_item(item_id: Annotated[ItemId, Path()], store: Store) -> Item:
    """Read one item."""
    item = store.get(item_id)
    if item is None:
        raise HTTPException(404, "There is no item with this id.")
    return item
