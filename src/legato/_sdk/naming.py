"""Names of runs: templates, callables, and a pair of words where nothing is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from legato._model.ports import Random
from legato._sdk.advice import advised

QUALITIES = """
amber ample arctic astute balmy bold brave breezy bright brisk calm candid cheerful clear clever
coral cosmic crisp curious dapper daring deft eager early earnest easy elegant fair fleet fluent
fond frank fresh gentle gleaming golden grand hardy hazel honest humble ideal indigo ivory jolly
keen kind lively lucid lunar mellow merry mild mint modest nimble noble olive opal patient
pearly placid plucky polite proud quick quiet radiant ready rosy round rustic sage scarlet
serene sharp silver sleek smooth snug solar solid spry steady stellar still sunny swift tender
tidy topaz tranquil trusty upbeat velvet violet vivid warm wise witty
""".split()  # noqa: SIM905 - easier to read
CREATURES = """
albatross alpaca antelope avocet badger beaver bison bittern bobcat bullfinch buzzard caribou
chamois cheetah chough condor cormorant coyote crane curlew dipper dolphin dormouse eider egret
elk falcon ferret finch flamingo gannet gazelle gecko goshawk grebe heron hoopoe ibex ibis
jackdaw jaguar kestrel kingfisher kite lapwing lark linnet lynx magpie marmot marten merlin
moose narwhal newt nightjar nuthatch ocelot orca oriole osprey otter owl panda partridge pelican
petrel pika plover polecat puffin quail rail raven redstart reindeer robin salmon seal shrike
siskin skylark sparrow stoat stork swallow swift tanager teal tern thrush toucan trout turtle
vole wagtail walrus weasel wigeon wombat woodcock wren yak
""".split()  # noqa: SIM905 - easier to read
_PAIRS = len(QUALITIES) * len(CREATURES)


def word_pair(random: Random) -> str:
    """Return a name such as `brisk-heron`."""
    quality, creature = divmod(int(random.draw() * _PAIRS), len(CREATURES))
    return f"{QUALITIES[quality]}-{CREATURES[creature]}"


def run_name(given: str | Callable[..., str], parameters: Mapping[str, Any], option: str) -> str:
    """Return the run name that a template or a callable makes.

    A callable that has a parameter named `parameters` is given them. Raises what formatting
    raises (KeyError for an unknown field), and TypeError if a callable returns no string.
    """
    if isinstance(given, str):
        try:
            return given.format(**parameters)
        except (KeyError, IndexError) as error:
            known = ", ".join(parameters) or "none"
            raise advised(error, f"{option} is {given!r}; the parameters are: {known}.") from None
    import inspect

    wants = "parameters" in inspect.signature(given).parameters
    made = given(parameters=dict(parameters)) if wants else given()
    name = cast("object", made)
    if not isinstance(name, str):
        raise TypeError(f"{option} returned {name!r}; it must return a string.")
    return name
