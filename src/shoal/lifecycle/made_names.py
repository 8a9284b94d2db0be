"""Names for containers and services that got none."""

from collections.abc import Callable

_ADJECTIVES = """
agile amber azure brave bright brisk calm clever cosmic crisp dapper deft eager early earnest fabled fearless fleet
gentle glad golden grand happy hardy honest humble jolly keen kind lively lucid mellow merry mighty nimble noble patient
placid polite proud quick quiet rapid rustic sage serene sharp silent silver sleek smart solid spry steady stoic sunny
swift tidy tranquil upbeat vivid warm wise witty young zesty
"""
_FISH = """
anchovy barracuda bass blenny bream burbot carp catfish char chub cod conger dab dace dorado eel flounder garfish goby
grayling grouper guppy gurnard haddock hake halibut herring jack koi lamprey ling lumpfish mackerel marlin minnow moray
mullet oarfish opah orfe perch pike pilchard plaice pollock pompano puffer ray remora roach ruffe salmon sardine sculpin
shad smelt snapper sole sprat sturgeon tarpon tench tetra trout tuna turbot wahoo wrasse zander
"""
_FIRST = _ADJECTIVES.split()
_SECOND = _FISH.split()


def make_name(choose: Callable[[int], int], is_free: Callable[[str], bool]) -> str:
    """A name such as "quiet_herring" that is free.

    choose: a number below its argument
    """
    name = ""
    for attempt in range(8):
        name = f"{_FIRST[choose(len(_FIRST))]}_{_SECOND[choose(len(_SECOND))]}{'' if attempt == 0 else choose(10)}"
        if is_free(name):
            return name
    return f"{name}{choose(1 << 30)}"
