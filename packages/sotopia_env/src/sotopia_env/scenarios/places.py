"""Places for generated spyfall, and what anybody knows of them."""

from collections.abc import Mapping
from typing import Final

FEATURES: Final = (
    "indoors", "water", "food", "tickets", "uniforms", "quiet", "children", "animals", "machines",
    "night",
)  # fmt: skip
"""What a place may have: a roof, much water, something to eat, an entrance fee, people dressed for
their work or sport, quiet, many children, animals, machines, life at night."""

_PLACES: Final = {
    "airport": "indoors food tickets uniforms machines night",
    "aquarium": "indoors water tickets children animals",
    "art gallery": "indoors tickets quiet",
    "bakery": "indoors food uniforms",
    "bank": "indoors uniforms quiet machines",
    "beach": "water food children",
    "botanical garden": "tickets quiet",
    "bowling alley": "indoors food children machines",
    "bus station": "food tickets machines",
    "campsite": "quiet children animals night",
    "casino": "indoors food machines night",
    "castle": "indoors tickets quiet children",
    "cathedral": "indoors quiet",
    "cave": "water quiet animals",
    "cinema": "indoors food tickets night",
    "circus": "food tickets uniforms children animals",
    "concert hall": "indoors tickets uniforms night",
    "construction site": "uniforms machines",
    "courtroom": "indoors uniforms quiet",
    "cruise ship": "water food tickets uniforms night",
    "dental surgery": "indoors uniforms quiet machines",
    "desert": "quiet animals",
    "factory": "indoors uniforms machines",
    "farm": "food animals machines",
    "fire station": "indoors water uniforms machines night",
    "fishing harbour": "water food animals machines",
    "football stadium": "food tickets uniforms children",
    "forest": "quiet animals night",
    "furniture store": "indoors food children",
    "glacier": "water quiet",
    "gym": "indoors machines",
    "hair salon": "indoors water machines",
    "hospital": "indoors food uniforms machines night",
    "hotel": "indoors food uniforms night",
    "ice rink": "indoors tickets children",
    "jungle": "water animals night",
    "kindergarten": "indoors food children",
    "laboratory": "indoors uniforms quiet machines animals",
    "laundrette": "indoors water quiet machines",
    "library": "indoors quiet children",
    "lighthouse": "water quiet night",
    "market square": "food children animals",
    "monastery": "indoors uniforms quiet food",
    "mountain hut": "indoors food quiet night",
    "museum": "indoors tickets quiet children uniforms",
    "night club": "indoors food tickets night machines",
    "observatory": "indoors quiet machines night",
    "orchard": "food quiet",
    "petrol station": "food machines night",
    "pirate ship": "water uniforms",
    "planetarium": "indoors tickets quiet children machines",
    "playground": "children",
    "police station": "indoors uniforms night",
    "post office": "indoors uniforms",
    "prison": "indoors food uniforms quiet",
    "railway station": "food tickets uniforms machines night",
    "restaurant": "indoors food uniforms night water",
    "riding stable": "animals children",
    "school": "indoors food children quiet",
    "space station": "indoors uniforms quiet machines night",
    "spa": "indoors water tickets quiet",
    "submarine": "indoors water uniforms machines",
    "supermarket": "indoors food children machines uniforms",
    "swimming pool": "water tickets children",
    "theatre": "indoors tickets quiet night",
    "university": "indoors food quiet machines",
    "vineyard": "food quiet machines",
    "zoo": "food tickets children animals",
}

PLACES: Final[Mapping[str, frozenset[str]]] = {
    place: frozenset(features.split()) for place, features in _PLACES.items()
}
"""The features of each place."""
