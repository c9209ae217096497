"""Quotes: the example resource. Replace it with your own.

It keeps nothing, so that every replica gives the same answer; what a client sends is validated strictly.
"""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, HTTPException, Path
from pydantic import BaseModel, Field

from app.core.errors import problems
from app.core.models import Input


class Name(StrEnum):
    """What there is to buy."""

    CHAIR = "chair"
    DESK = "desk"
    LAMP = "lamp"


PRICES = {Name.CHAIR: 7_900, Name.DESK: 19_900, Name.LAMP: 4_200}


class Product(BaseModel):
    """Something to buy."""

    name: Name
    price: int = Field(description="Price of one, in cents")


class Line(Input):
    """So many of one product."""

    # JSON has no enumerations: its text is as good.
    product: Annotated[Name, Field(strict=False)]
    quantity: int = Field(default=1, ge=1, le=1_000)


class Order(Input):
    """What a client would like to know the price of."""

    lines: list[Line] = Field(min_length=1, max_length=100)


class Quote(BaseModel):
    """What it costs."""

    total: int = Field(description="Price of everything, in cents")


quotes_router = APIRouter(tags=["quotes"])


@quotes_router.post("/quotes")
async def quote(order: Order) -> Quote:
    """Tell the price of an order."""
    return Quote(total=sum(PRICES[line.product] * line.quantity for line in order.lines))


@quotes_router.get("/products")
async def list_products() -> list[Product]:
    """List what there is to buy."""
    return [Product(name=name, price=price) for name, price in PRICES.items()]


@quotes_router.get("/products/{name}", responses=problems(404))
async def read_product(name: Annotated[str, Path(min_length=1, max_length=40)]) -> Product:
    """Read one product."""
    try:
        found = Name(name)
    except ValueError:
        raise HTTPException(404, "There is no product with this name.") from None
    return Product(name=found, price=PRICES[found])
