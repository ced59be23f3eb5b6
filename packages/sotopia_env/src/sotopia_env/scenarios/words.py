"""Pairs of related words for generated undercover."""

from typing import Final

_PAIRS: Final = """
cat dog, horse donkey, wolf fox, frog toad, eagle hawk, rabbit hare, bee wasp, lion tiger,
dolphin shark, sheep goat, duck swan, mouse rat, butterfly moth, snail turtle, crow raven,
camel llama, octopus squid, penguin seal, ant spider, crocodile lizard,
apple pear, lemon lime, coffee tea, butter cheese, bread cake, pizza pasta, honey jam,
potato carrot, soup stew, cherry grape, rice noodle, salt pepper, pancake waffle, onion garlic,
milk yogurt, chocolate caramel, peach plum, cucumber pumpkin, wine beer, biscuit cracker,
chair sofa, bed hammock, lamp candle, mirror window, door gate, carpet curtain, spoon fork,
cup glass, pillow blanket, oven fridge, broom mop, soap shampoo, key lock, clock calendar,
vase bucket, ladder staircase, shelf drawer, towel napkin, kettle pan, roof ceiling,
shirt jacket, hat helmet, shoe boot, glove scarf, ring necklace, belt tie, skirt dress,
sock slipper, button zipper, umbrella raincoat, car bus, train tram, bicycle scooter,
plane helicopter, boat canoe, truck tractor, rocket balloon, sledge skateboard,
taxi ambulance, ferry submarine, river lake, mountain hill, rain snow, sun moon, forest jungle,
desert beach, storm fog, star planet, rose tulip, thunder lightning, volcano earthquake,
cloud rainbow, sand mud, leaf root, island coast, pen pencil, book newspaper, camera telescope,
guitar violin, drum trumpet, hammer screwdriver, knife scissors, phone radio, postcard parcel,
map compass, coin stamp, paint ink, rope chain, bottle can, doll puppet, wallet suitcase,
nail screw, battery engine, tent cabin, doctor nurse, teacher librarian, king president,
pirate sailor, chef waiter, farmer gardener, painter sculptor, judge lawyer, clown magician,
firefighter policeman, astronaut pilot, witch fairy, vampire ghost, detective spy,
school university, hospital pharmacy, library museum, church temple, bridge tunnel,
castle palace, cinema theatre, garden park, birthday wedding, summer spring,
football basketball, tennis badminton, kiss hug, chess checkers
"""

PAIRS: Final[tuple[tuple[str, str], ...]] = tuple(
    (one, other) for one, other in (pair.split() for pair in _PAIRS.split(","))
)
"""Either word of a pair may be that of the many."""
