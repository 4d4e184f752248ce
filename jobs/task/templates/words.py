"""English words of the templates. What a tokenizer splits is left out when a task is made."""

from __future__ import annotations

_IRREGULAR = {
    "man": "men", "woman": "women", "child": "children", "wife": "wives", "knife": "knives",
    "shelf": "shelves", "thief": "thieves", "policeman": "policemen",
}  # fmt: skip


def _plural(noun: str) -> str:
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch", "sh")) else "s")


def _nouns(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((noun, _plural(noun)) for noun in text.split())


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


PEOPLE = _nouns("""
    man woman child boy girl teacher student doctor nurse lawyer judge farmer soldier sailor pilot
    driver writer author poet singer dancer actor artist painter player runner manager worker
    officer guard king queen prince father mother brother sister son daughter uncle aunt friend
    neighbor guest customer visitor engineer scientist chef baker minister senator secretary leader
    owner hunter priest patient parent cousin professor expert victim lady kid knight monk
""")
"""Singular and plural."""

THINGS = _nouns("""
    table chair window door car truck boat ship house tower bridge wall garden tree flower river
    lake mountain book letter box bag lamp clock picture painting camera computer phone machine
    building road fence rock stone cabinet shelf train bus plane hill field gate
""")
"""Singular and plural."""

PREPOSITIONS = ("near", "behind", "beside", "by", "under", "above")
"""One token each, so that prompts are of one length."""

FEMALE = _words("""
    Mary Anna Laura Emma Julia Sarah Helen Alice Clara Diana Rachel Susan Karen Linda Lisa Jennifer
    Jessica Amy Kate Elizabeth Emily Sophie Rebecca Barbara Margaret Nancy Ruth Jane Martha Michelle
""")
MALE = _words("""
    John Peter David Mark Paul Simon Tom Adam Brian Carl Eric Frank George Henry Jack Kevin Luke
    Martin James Robert Michael William Richard Thomas Charles Daniel Matthew Steven Andrew Joseph
""")

PLACES = _words("""
    store park school office library station restaurant market hospital museum beach garden
    church farm theater hotel airport house factory castle
""")
OBJECTS = _words("""
    book ball drink letter ring key ticket gift card flower map coat hat lamp cup coin phone
    basket sandwich necklace computer bone
""")

EVENTS = _words("""
    war siege trial strike drought famine journey project dispute campaign voyage
    reign crisis conflict contract plague expedition construction investigation rebellion
    occupation tour program festival
""")
"""Nouns for what lasts years."""
