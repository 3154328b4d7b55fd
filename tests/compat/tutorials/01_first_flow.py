"""A first flow: tasks that call each other's results, log lines, and captured prints."""

import logging
import sys

from prefect import flow, get_run_logger, task

show = logging.StreamHandler(sys.stdout)
show.setFormatter(logging.Formatter("[%(levelname)s] %(message)s"))
show.addFilter(lambda record: not record.getMessage().startswith(("Beginning", "Finished")))


@task
def read_temperatures(city: str) -> list[float]:
    """Pretend to ask a weather station."""
    stations = {"Oslo": [-3.5, -1.0, 0.5], "Rome": [12.0, 14.5, 13.0]}
    logger = get_run_logger()
    logger.logger.addHandler(show)
    logger.info("Reading %s", city)
    return stations[city]


@task(log_prints=True)
def mean(values: list[float]) -> float:
    print(f"{len(values)} values")
    return round(sum(values) / len(values), 2)


@task
def announce(city: str, value: float) -> str:
    print(f"{city}: {value} degrees")
    if value < 0:
        get_run_logger().warning("It freezes in %s", city)
    return city


@flow(name="Weather report")
def weather(cities: list[str]) -> list[str]:
    logger = get_run_logger()
    logger.logger.addHandler(show)
    logger.debug("not shown: the level is INFO")
    names = [announce(city, mean(read_temperatures(city))) for city in cities]
    logger.error("%d cities done", len(names))
    return names


@flow(log_prints=True)
def loud() -> str:
    get_run_logger().logger.addHandler(show)
    print("this line", "is a log line", sep=" ... ")
    print("this one goes where it says", file=sys.stdout)
    return "loud"


if __name__ == "__main__":
    print(weather(["Oslo", "Rome"]))
    print(loud())
    print(weather.name, "|", loud.name, "|", mean.name)
    print(mean.fn([1.0, 2.0]))
