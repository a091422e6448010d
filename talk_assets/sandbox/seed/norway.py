"""What Norwegian records are made of."""

FIRST_NAMES = (
    "Nora", "Jakob", "Emma", "Emil", "Ella", "Noah", "Maja", "Oliver", "Olivia", "Filip", "Sofie", "Lukas", "Ingrid",
    "Håkon", "Åse", "Øystein", "Bjørn", "Kåre", "Sølvi", "Jørgen", "Gunnhild", "Torbjørn", "Ragnhild", "Magnus",
    "Astrid", "Henrik", "Solveig", "Sindre", "Silje", "Eirik", "Marit", "Pål", "Ane Kristine", "Jan Erik", "Lars",
    "Hanne", "Trond", "Åshild", "Synnøve", "Mohammed", "Fatima", "Agnieszka", "Renée", "Bjørg", "Ørjan", "Tuva",
    "Aksel", "Hedda", "Sverre", "Live",
)  # fmt: skip
LAST_NAMES = (
    "Hansen", "Johansen", "Olsen", "Larsen", "Andersen", "Pedersen", "Nilsen", "Kristiansen", "Jensen", "Karlsen",
    "Ødegård", "Bjørnstad", "Sørensen", "Åsen", "Bråten", "Lønning", "Sæther", "Nygård", "Grønvold", "Hæreid", "Moen",
    "Solberg", "Bakke", "Strand", "Lie", "Haugen", "Eide", "Berg", "Dahl", "Lund", "Kvåle", "Tveit", "Rønning", "Fjeld",
    "Myhre", "Sætre", "Ruud", "Nowak", "Nguyen", "Ali", "O'Brien", "Aas-Jakobsen", "von der Lippe", "Bergsjø", "Vågen",
    "Skår", "Østby", "Løken",
)  # fmt: skip
STEMS = (
    "Fjord", "Nord", "Vest", "Sør", "Øst", "Haug", "Bjørke", "Gran", "Lyng", "Måke", "Ørne", "Ulve", "Sjø", "Hav",
    "Fjell", "Dal", "Elve", "Foss", "Skog", "Bre", "Is", "Sol", "Måne", "Stjerne", "Nordlys", "Tinde", "Vidde",
    "Strand", "Holme", "Skjær", "Brygge", "Kai", "Torg", "Bruk", "Mølle", "Smie", "Låve", "Stabbur", "Tømmer", "Stein",
    "Sølv", "Kobber", "Rør", "Lam", "Rein", "Elg", "Laks", "Torsk", "Sild", "Kråke",
)  # fmt: skip
ENDS = ("vik", "berg", "heim", "nes", "haug", "dal", "stad", "land", "sund", "øya", "åsen", "moen")
BRANCHES = (
    "Regnskap", "Bygg", "Elektro", "Rør", "Maskin", "Transport", "Eiendom", "Rådgivning", "Arkitekter", "Bil", "Bakeri",
    "Kafé", "Sjømat", "Tømrer", "Maling", "Renhold", "Data", "Reklame", "Trykk", "Møbler", "Blomster", "Optikk",
    "Tannlege", "Frisør", "Sport", "Hage", "Landbruk", "Energi", "Offshore", "Verksted", "Logistikk", "Media",
    "Undervisning", "Hotell", "Vaskeri",
)  # fmt: skip
FORMS = ("AS", "AS", "AS", "AS", "ASA", "ANS", "DA", "SA")
PLACES = (
    ("0150", "Oslo"), ("0250", "Oslo"), ("0367", "Oslo"), ("0484", "Oslo"), ("0581", "Oslo"), ("0667", "Oslo"),
    ("1337", "Sandvika"), ("1400", "Ski"), ("1530", "Moss"), ("1607", "Fredrikstad"), ("1706", "Sarpsborg"),
    ("2000", "Lillestrøm"), ("2317", "Hamar"), ("2609", "Lillehammer"), ("2815", "Gjøvik"), ("3015", "Drammen"),
    ("3110", "Tønsberg"), ("3210", "Sandefjord"), ("3256", "Larvik"), ("3717", "Skien"), ("4005", "Stavanger"),
    ("4306", "Sandnes"), ("4610", "Kristiansand S"), ("4836", "Arendal"), ("5003", "Bergen"), ("5063", "Bergen"),
    ("5200", "Os"), ("5501", "Haugesund"), ("6002", "Ålesund"), ("6413", "Molde"), ("6509", "Kristiansund N"),
    ("6800", "Førde"), ("7010", "Trondheim"), ("7030", "Trondheim"), ("7500", "Stjørdal"), ("7800", "Namsos"),
    ("8006", "Bodø"), ("8500", "Narvik"), ("9008", "Tromsø"), ("9405", "Harstad"), ("9510", "Alta"),
    ("9600", "Hammerfest"), ("9900", "Kirkenes"),
)  # fmt: skip
STREETS = (
    "Storgata", "Kirkegata", "Strandgata", "Skolegata", "Industriveien", "Fjordveien", "Bjørkeveien", "Åsveien",
    "Øvre gate", "Nedre Møllevei", "Dronningens gate", "Kongens gate", "Havnegata", "Sjøgata", "Torggata", "Granåsen",
    "Løkkeveien", "Ringveien",
)  # fmt: skip
JOBS = (
    "Daglig leder", "Økonomisjef", "Prosjektleder", "Regnskapsfører", "Selger", "Konsulent", "Utvikler", "Montør",
    "Rådgiver", "Lærling", "HR-sjef", "Innkjøper", "Driftsleder", "Kundebehandler", "Fagarbeider",
)  # fmt: skip
DEPARTMENTS = (
    ("10", "Administrasjon"), ("20", "Salg og marked"), ("30", "Økonomi"), ("40", "Produksjon"), ("50", "Lager"),
    ("60", "IT"), ("70", "Prosjekt nord"), ("80", "Prosjekt sør"),
)  # fmt: skip
PRODUCTS = (
    "Konsulenttime", "Reisetid", "Skrivebord eik", "Kontorstol", "Bærbar PC", 'Skjerm 27"', "Kabel 2 m", "Kaffe, 1 kg",
    "Brøytetime", "Rørskjøt 22 mm", "Maling hvit 10 l", "Vernesko", "Arbeidshansker", "Lisens per år", "Serviceavtale",
    "Kurs, én dag", "Flaggstang", "Snøskuffe", "Sikringsskap", "Takstein",
)  # fmt: skip
PROJECTS = (
    "Nytt nettsted", "Ombygging kontor", "Innføring av ERP", "Vedlikehold", "Rehabilitering tak", "Årsoppgjør",
    "Internkontroll", "Flytting av lager", "Opplæring", "Ny produksjonslinje", "Energikartlegging", "Messe",
    "Merkevare", "Datasenter", "Utebelysning",
)  # fmt: skip
TASKS = (
    "Befaring", "Kravspesifikasjon", "Prosjektering", "Innkjøp", "Montering", "Testing", "Overlevering",
    "Dokumentasjon", "Kurs", "Feilretting", "Møtevirksomhet", "Rydding",
)  # fmt: skip
ACTIVITIES = (
    ("100", "Konsulenttime", 100), ("110", "Prosjektledelse", 100), ("120", "Utvikling", 100), ("130", "Reisetid", 100),
    ("200", "Garantiarbeid", 200), ("210", "Tilbudsarbeid", 200), ("300", "Internt møte", 250),
    ("310", "Kompetanseheving", 250), ("400", "Egenmelding", 300), ("410", "Sykt barn", 302),
    ("500", "Permisjon med lønn", 500), ("600", "Ferie", 700),
)  # fmt: skip
SUBJECTS = (
    "Møte", "Telefonsamtale", "Befaring", "Demonstrasjon", "Oppfølging av tilbud", "Statusmøte", "Kundebesøk",
    "Årsgjennomgang",
)  # fmt: skip

_PLAIN = str.maketrans({"æ": "ae", "ø": "o", "å": "a", "é": "e", " ": "", "'": "", "-": "", ",": "", '"': ""})


def plain(text: str) -> str:
    """`text` as an address on the net would have it."""
    return text.lower().translate(_PLAIN)


def organisation_number(index: int) -> str:
    """The `index`th of a row of valid numbers: nine digits, the last of them the check digit (modulo 11)."""
    for last in range(10):
        eight = f"{81_000_000 + index * 10 + last}"
        check = -sum(int(digit) * weight for digit, weight in zip(eight, (3, 2, 7, 6, 5, 4, 3, 2), strict=True)) % 11
        if check < 10:
            return f"{eight}{check}"
    raise AssertionError(index)  # ten numbers in a row cannot all lack a check digit


def gtin(index: int) -> str:
    """A GTIN-13 of the Norwegian range, its check digit right."""
    twelve = f"70{4_000_000_000 + index}"
    check = -sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(twelve)) % 10
    return f"{twelve}{check}"
