"""Parameters of flows are validated by pydantic: types, models, defaults, errors."""

from datetime import date, timedelta
from enum import Enum
from typing import Annotated, Literal

from prefect import flow, task
from prefect.exceptions import ParameterBindError, ParameterTypeError
from pydantic import BaseModel, Field, field_validator


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Customer(BaseModel):
    name: str
    age: int = 18
    tags: list[str] = []

    @field_validator("name")
    @classmethod
    def capitalized(cls, value: str) -> str:
        return value.title()


class Order(BaseModel):
    customer: Customer
    amount: float
    size: Size = Size.SMALL


@task
def price(order: Order) -> float:
    factor = {Size.SMALL: 1.0, Size.LARGE: 2.5}[order.size]
    return order.amount * factor


@flow
def sell(
    order: Order,
    day: date = date(2024, 2, 29),
    wait: timedelta = timedelta(hours=1),
    quantity: Annotated[int, Field(gt=0, le=10)] = 1,
    mode: Literal["fast", "cheap"] = "cheap",
    note: str | None = None,
) -> str:
    kinds = [type(value).__name__ for value in (order, day, wait, quantity)]
    print(*kinds)
    total = price(order) * quantity
    return f"{order.customer.name} pays {total:.2f} on {day:%d.%m.%Y}, {mode}, {wait}, {note}"


@flow
def collect(numbers: list[int], /, *more: int, flag: bool = False, **named: str) -> None:
    print(numbers, more, flag, named)


@flow(validate_parameters=False)
def unchecked(number: int) -> str:
    return repr(number)


@task
def tasks_do_not_validate(number: int) -> str:
    return repr(number)


@flow
def show(value: str = "default") -> str:
    return tasks_do_not_validate(value)  # a string although the task says int


def tell_errors(call) -> None:
    try:
        call()
    except ParameterTypeError as error:
        first, *fields = str(error).splitlines()
        print("ParameterTypeError:", first, [field.split(":")[0] for field in fields])
    except ParameterBindError as error:
        print("ParameterBindError:", type(error).__name__)
    except TypeError as error:
        print("TypeError:", error)


if __name__ == "__main__":
    print(sell({"customer": {"name": "ada lovelace", "age": "36"}, "amount": "12.5"}))
    print(
        sell(
            Order(customer=Customer(name="grace"), amount=10, size="large"),
            day="2024-12-24",
            wait="PT90S",
            quantity="3",
            mode="fast",
            note="gift",
        )
    )
    collect(["1", 2], "3", 4, flag="yes", colour="red")
    print(unchecked("7"), show(), show("x"))
    tell_errors(lambda: sell({"customer": {"name": "nobody"}, "amount": "much"}))
    tell_errors(lambda: sell({"customer": {"name": "a"}, "amount": 1}, quantity=11))
    tell_errors(lambda: sell({"customer": {"name": "a"}, "amount": 1}, mode="slow"))
    tell_errors(lambda: sell())
    tell_errors(lambda: unchecked(1, 2))
    checked = sell.validate_parameters({"order": {"customer": {"name": "z"}, "amount": 1}})
    print(checked["order"], checked["quantity"])
