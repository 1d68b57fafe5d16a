#!/usr/bin/env python3
"""Writes data/names.txt, by which the detectors know names of people.

  tools/name_lists.py FOLDER     FOLDER holds faker-40.54.0-py3-none-any.whl and names-0.3.0.tar.gz, as
                                 `pip download --no-deps faker==40.54.0 names==0.3.0` leaves them

`names` carries the lists of the United States census of 1990 (public domain), Faker (MIT) names of many countries.
Names are folded as the detectors fold text: Latin letters without marks, lower case. Words of everyday language are left
out, since a list that takes every "Will" or "May" for a person finds more than it should.
"""

import hashlib
import importlib
import pathlib
import re
import sys
import tarfile
import unicodedata

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = {
    "faker-40.54.0-py3-none-any.whl": "2dd88ee8cb63a9149e19ef48bdd73879bc3854d8ba2d6c1535e902a762e603f7",
    "names-0.3.0.tar.gz": "726e46254f2ed03f1ffb5d941dae3bc67c35123941c29becd02d48d0caa2a671",
}
LOCALES = ("cs_CZ da_DK de_AT de_CH de_DE en_GB en_IE en_IN en_NZ en_US es_AR es_ES es_MX et_EE fi_FI fr_CA fr_CH fr_FR "
           "hr_HR hu_HU id_ID it_IT lt_LT lv_LV nl_BE nl_NL no_NO pl_PL pt_BR pt_PT ro_RO sk_SK sl_SI sv_SE sw tr_TR "
           "yo_NG ig_NG").split()
GIVEN_OF_CENSUS = 1100  # of each list, the most frequent
SURNAMES_OF_CENSUS = 4000
LENGTH_MIN = 3
SPECIAL = str.maketrans({"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"})
# Words that are names too, and that prose and code use as words: months, verbs, places, things.
EVERYDAY = set("""
able ace ada adams alba alma amber angel april apple art asia august aurora autumn bar baker ball bank banks barn bass
bay bean bear bell berg best big bill bird bishop black blue bond book boss both bow bowl box boy brand branch bread
bridge bridges bright brook brooks brown bud buck bull burger burn burns bush butler buy came camp can candy cannon card
care carpenter case cash castle chamber chance chang charity chase cherry china christian church clay clear cliff close
coffee cold cole cook copper corn cotton court cox crane crisp crook cross crystal cruise curry dale dame dash data dawn
day dean dear deal deed dell den diamond dike dock dollar dove drake drew driver dusty early earl east easter eden ember
english ever evens fair faith fall fan farmer field fields fine finish fish fisher fit flat fleet flint flood flora
flower flowers floyd foot force ford forest fort forth foster fountain fox france frank free freeman french friend frost
fry fuller gale gap garden gay gem gene general genesis georgia german german gifted gill gin glass gold golden good
grace grant grave graves gray green grey grove guard guest guy hale hall ham hand hardy harmony harp hart hate have hay
haven hazel head heart heat hedge held helm hero hick high hill hills holiday holly home honey hood hook hope horn house
hunt hunter hush ice in india indigo iris iron island ivory ivy jack jade jay jazz jet jewel job jolly joy juan judge
june justice keen key kid kin king kirby kit kite knight lake lamb lance land lane large lark last law lee left lease
lily lime link lion little lock long lord lot love low luck lucky lunch lynch mace made mai major male man manor many
mar march mark marine marks marsh martini mary mason master matter may mayor means melody mercury mercy merit merry mike
mile miles mill miller min mine mini miracle mission mister money monk moon moore more morning moss mount must near new
nice night nile noble noel north oak ocean old olive opal orange osteen otter page paige pain paint palm paris park
parks pass patch patience pay peace peak pearl penny pepper per person pet phoenix pike pine piper pitch place plant
player pleasant point polo pond pool poole poor pope porter post pound power powers precious presley price prince
princess prior prosper proud pry purple queen quick race rain raven ray read reader red reed rein rest rice rich rider
ring river rivers road rob robin rock roll roman rome room root rose round row royal ruby rule rush rusty sable sage
sail saint sale salt sand sandy sang santa savage saw brain constant angeles museum wall say scarlet school sea season
see self sells serenity setter sharp shed shell shepherd shine ship shore short shy sierra silver sims singer six sky
slack slate small smart smith snow sol son song south sparks spear speed spirit spring star stark starr state steel
steele stern still stone storm story street strong style sue summer summers sun sung sunny swan sweet swift tab tale tan
tang tanner tate taylor temple terra terry test the thing thrasher thrift tiger tile times tin tine tiny toe ton tong
tower towns trace tracy trail train travel tree trent true trust tuna turn turner tyra una union unity valley van vale
velvet venus vera victor victory view viola violet virginia vision vista wade walker wall walls ward warden ware warm
warner warren washington waters watts wave way weaver webb weeks welcome well wells west wheel wheeler white wild wilder
will willow win wind winds wine wing winner winter winters wise wish wolf wood woods word work worth wren wright yard
yes york young zero you your they this that what when where which while with from into over under about after before
again against all and any are but did does for had has her here him his how its just like most nor not now off one only
other our out own same she should some such than their them then there these too two until use very was who whom why den
der die das und ein eine mit von auf ist nicht les des une par sur dans pour est con para por los las del que una como
nel alla della dei gli che non per sono essa este esta todo mais como uma dos das och det att som inte den har hans
bangkok berlin boston chelsea chester cleveland dallas denver florence hamilton houston jackson kingston lincoln london
madison madrid milan montana nevada orlando oxford paris preston sydney trenton vienna alaska atlanta augusta austin
carolina virginia dakota savannah brooklyn devon jordan israel kenya london cambridge bristol bradford burton carlisle
clifton derby essex halifax lancaster norfolk stafford stanford sutton york pascal ruby java julia perl swift rust
kotlin scala haskell erlang elixir delphi ada julian kafka redis apache cassandra oracle cuda bash sol debian bazel
travis jenkins flink spark storm samba
""".split())


def fold(name):
    name = unicodedata.normalize("NFKD", name.lower().translate(SPECIAL))
    name = "".join(c for c in name if not unicodedata.combining(c))
    return name if re.fullmatch(r"[a-z]{%d,16}" % LENGTH_MIN, name) else None


def census(archive, which, count):
    with tarfile.open(archive) as tar:
        text = tar.extractfile(f"names-0.3.0/names/dist.{which}").read().decode()
    return [line.split()[0] for line in text.splitlines()[:count]]


def faker(wheel):
    sys.path.insert(0, str(wheel))
    given, surnames = set(), set()
    for locale in LOCALES:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for attribute in dir(provider):
            values = getattr(provider, attribute)
            if attribute.startswith("first_names"):
                given.update(str(name) for name in values if isinstance(values, (tuple, list, dict)))
            if attribute.startswith("last_names"):
                surnames.update(str(name) for name in values if isinstance(values, (tuple, list, dict)))
    words = importlib.import_module("faker.providers.lorem.en_US").Provider.word_list
    return given, surnames, {fold(word) for word in words}


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(sys.argv[1])
    for name, digest in SOURCES.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            sys.exit(f"name_lists.py: {name} is another file than the one that was read when this was written")
    archive = folder / "names-0.3.0.tar.gz"
    given, surnames, words = faker(folder / "faker-40.54.0-py3-none-any.whl")
    given.update(census(archive, "female.first", GIVEN_OF_CENSUS) + census(archive, "male.first", GIVEN_OF_CENSUS))
    surnames.update(census(archive, "all.last", SURNAMES_OF_CENSUS))
    leave = EVERYDAY | words
    lists = [sorted({fold(name) for name in names} - leave - {None}) for names in (given, surnames)]
    out = ["# Names of people, as tools/name_lists.py wrote them: lists of the United States census of 1990",
           "# (public domain, from PyPI names 0.3.0) and of Faker 40.54.0 (MIT, Copyright 2012 Daniele Faraglia).",
           "# Given names, an empty line, surnames; folded and without words of everyday language."]
    for index, names in enumerate(lists):
        if index:
            out.append("")
        line = ""
        for name in names:
            if len(line) + len(name) > 120:
                out.append(line.rstrip())
                line = ""
            line += name + " "
        out.append(line.rstrip())
    (ROOT / "data" / "names.txt").write_text("\n".join(out) + "\n")
    print(f"{len(lists[0])} given names, {len(lists[1])} surnames")


if __name__ == "__main__":
    main()
