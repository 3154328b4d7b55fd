"""Names of runs that were given none: a pair of words."""

from __future__ import annotations

from uuid import UUID

from legato._model.ports import Random

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
    return _pair(int(random.draw() * _PAIRS))


def pair_of(run_id: UUID) -> str:
    """Return the name that belongs to an id, the same each time."""
    return _pair(run_id.int % _PAIRS)


def _pair(number: int) -> str:
    quality, creature = divmod(number, len(CREATURES))
    return f"{QUALITIES[quality]}-{CREATURES[creature]}"
