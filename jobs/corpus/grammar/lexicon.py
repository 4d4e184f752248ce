"""The words of the synthetic language: topics, names, function words. About 450 in all."""

from __future__ import annotations

from typing import NamedTuple


class Noun(NamedTuple):
    """A noun in both numbers."""

    singular: str
    plural: str


class Verb(NamedTuple):
    """A present-tense verb as it agrees with a singular and with a plural subject."""

    singular: str
    plural: str


class Topic(NamedTuple):
    """Words that keep company with each other; no word belongs to two topics."""

    nouns: tuple[Noun, ...]
    verbs: tuple[Verb, ...]
    adjectives: tuple[str, ...]


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def _third_person(verb: str) -> str:
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + ("es" if verb.endswith(("s", "x", "ch", "sh", "o")) else "s")


def _topic(nouns: str, verbs: str, adjectives: str) -> Topic:
    return Topic(
        tuple(Noun(noun, _plural(noun)) for noun in nouns.split()),
        tuple(Verb(_third_person(verb), verb) for verb in verbs.split()),
        tuple(adjectives.split()),
    )


TOPICS: dict[str, Topic] = {
    "sea": _topic(
        "sailor captain boat harbour wave anchor gull reef island pirate",
        "steer row drift haul sink board rescue signal",
        "salty deep calm stormy blue",
    ),
    "forest": _topic(
        "hunter fox tree owl trail cabin bear deerhound mushroom ranger",
        "hunt climb track gather hide follow roam chop",
        "wild green ancient mossy shady",
    ),
    "kitchen": _topic(
        "cook baker oven spoon recipe kettle waiter cake pan apron",
        "bake stir taste boil serve roast season slice",
        "sweet spicy warm fresh crisp",
    ),
    "music": _topic(
        "singer drummer violin song choir piano band dancer flute concert",
        "play sing hum compose conduct rehearse record tune",
        "loud soft gentle lively famous",
    ),
    "farm": _topic(
        "farmer horse cow field tractor barn goat orchard plough shepherd",
        "plant feed harvest milk herd graze water fence",
        "muddy fertile rural golden dusty",
    ),
    "school": _topic(
        "teacher pupil book lesson desk exam scholar library pencil tutor",
        "teach study read mark copy explain revise recite",
        "clever strict quiet patient curious",
    ),
    "war": _topic(
        "soldier general tank fortress spy sword archer siege banner guard",
        "attack defend march invade capture besiege scout betray",
        "brave cruel armed fierce loyal",
    ),
    "market": _topic(
        "merchant buyer coin shop basket trader stall clerk bargain tailor",
        "sell buy trade weigh count pack haggle advertise",
        "cheap costly busy rich honest",
    ),
}

_FEMALE = """
    Mary Anna Laura Emma Julia Sarah Helen Alice Clara Diana
    Edith Flora Grace Irene Jane Karen Linda Maria Nora Olga
"""
_MALE = """
    John Peter David Mark Paul Simon Tom Adam Brian Carl
    Dennis Eric Frank George Henry Ivan Jack Kevin Luke Martin
"""
FEMALE = tuple(_FEMALE.split())
MALE = tuple(_MALE.split())
NAMES = FEMALE + MALE

DETERMINERS = ("the", "this", "each", "these", "many")
PREPOSITIONS = ("near", "behind", "beside", "above")
PRONOUNS = ("he", "she", "himself", "herself")
BRACKETS: dict[str, tuple[str, str]] = {
    "round": ("(", ")"),
    "square": ("[", "]"),
    "curly": ("{", "}"),
}
LINKS = ("that", "because", "when", "and", "meet", "gives", "to", "list")
PUNCTUATION = (".", ",", ";", ":")

BOS = "<bos>"
UNK = "<unk>"


def _vocabulary() -> tuple[str, ...]:
    words = [BOS, UNK, *PUNCTUATION, *DETERMINERS, *PREPOSITIONS, *PRONOUNS, *LINKS]
    words += [bracket for pair in BRACKETS.values() for bracket in pair]
    words += NAMES
    for topic in TOPICS.values():
        words += [form for noun in topic.nouns for form in noun]
        words += [form for verb in topic.verbs for form in verb]
        words += topic.adjectives
    return tuple(words)


VOCABULARY: tuple[str, ...] = _vocabulary()
"""Every word; its index is its token id."""
