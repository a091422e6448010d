"""The companies, people and work of the seed, before any system has written them down in its own way."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from talk_assets.sandbox.seed.draw import Draw
from talk_assets.sandbox.seed.norway import (
    BRANCHES,
    ENDS,
    FIRST_NAMES,
    FORMS,
    JOBS,
    LAST_NAMES,
    PLACES,
    PRODUCTS,
    PROJECTS,
    STEMS,
    STREETS,
    TASKS,
    gtin,
    organisation_number,
    plain,
)

_COMPANY, _PERSON, _CONTACT, _EMPLOYEE, _PRODUCT, _PROJECT, _TASK, _ORDER, _TWIST = range(9)
_DAY_ONE = date(2025, 1, 6)


class Twist(StrEnum):
    """How one system's record of a company differs from what the accounts say."""

    none = "none"
    near = "near"
    conflict = "conflict"
    email_only = "email_only"
    number_and_name = "number_and_name"
    shared_email = "shared_email"
    alone = "alone"


_TWISTS = (
    *[Twist.none] * 10,
    *[Twist.near] * 3,
    *[Twist.conflict] * 3,
    Twist.email_only,
    Twist.number_and_name,
    Twist.shared_email,
    Twist.alone,
)


@dataclass(frozen=True, slots=True)
class Address:
    line1: str
    line2: str | None
    zip_code: str
    city: str
    country: str = "NO"


@dataclass(frozen=True, slots=True)
class Company:
    name: str
    number: int | None
    organisation_number: str | None
    email: str | None
    invoice_email: str | None
    phone: str
    website: str
    address: Address


@dataclass(frozen=True, slots=True)
class Person:
    first_name: str
    last_name: str
    email: str
    phone: str
    address: Address
    born: date
    job: str


@dataclass(frozen=True, slots=True)
class Product:
    code: str
    name: str
    description: str
    price: float
    cost: float
    gtin: str
    is_stock: bool


@dataclass(frozen=True, slots=True)
class Project:
    code: str
    name: str
    parent: int | None
    starts: date
    ends: date
    hours: float
    company: int
    manager: int


@dataclass(frozen=True, slots=True)
class Order:
    number: int
    day: date
    company: int
    purchase_order: str
    product: int
    quantity: int


@dataclass(frozen=True)
class Members:
    """Which of the world's indexes one system knows, as a row."""

    spans: Sequence[range]

    def __len__(self) -> int:
        return sum(map(len, self.spans))

    def at(self, place: int) -> int:
        for span in self.spans:
            if place < len(span):
                return span[place]
            place -= len(span)
        raise IndexError(place)

    def place(self, index: int) -> int | None:
        before = 0
        for span in self.spans:
            if index in span:
                return before + index - span.start
            before += len(span)
        return None


@dataclass(frozen=True)
class World:
    seed: int
    size: int

    def part(self, *spans: tuple[int, int], of: int | None = None) -> Members:
        """Members from pairs of per cent of all there are."""
        whole = self.size if of is None else of
        return Members([range(whole * start // 100, whole * stop // 100) for start, stop in spans])

    @property
    def persons(self) -> int:
        return self.size // 4

    @property
    def employees(self) -> int:
        return max(12, self.size // 40) if self.size else 0

    @property
    def products(self) -> int:
        return max(20, self.size * 3 // 10) if self.size else 0

    @property
    def projects(self) -> int:
        return self.size * 3 // 10

    @property
    def tasks(self) -> int:
        return self.size * 4 // 10

    @property
    def orders(self) -> int:
        return self.size * 4 // 10

    def company(self, index: int) -> Company:
        draw = Draw(self.seed, _COMPANY, index)
        kinds = len(STEMS) * len(ENDS) * len(BRANCHES)
        mixed = (index * 7919 + self.seed * 104_729) % kinds  # 7919 is prime: every name comes once before any comes again
        stem, rest = STEMS[mixed % len(STEMS)], mixed // len(STEMS)
        base = f"{stem}{ENDS[rest % len(ENDS)]} {BRANCHES[rest // len(ENDS)]}"
        again = f" {index // kinds + 1}" if index >= kinds else ""
        domain = f"{plain(base)}{again.strip()}.example"
        return Company(
            name=f"{base}{again} {draw.pick(FORMS)}",
            number=10_001 + index,
            organisation_number=organisation_number(index),
            email=f"post@{domain}",
            invoice_email=f"faktura@{domain}" if draw.chance(60) else None,
            phone=f"{draw.pick('27')}{draw.below(10_000_000):07d}",
            website=f"https://www.{domain}",
            address=self._address(draw),
        )

    def company_as_seen(self, index: int, system: int) -> Company:
        """The company as a system other than the accounts has it. `system` says which: 0, 1 or 2."""
        company = self.company(index)
        draw = Draw(self.seed, _TWIST, index)
        twist = draw.pick(_TWISTS) if draw.below(3) == system else Twist.none
        match twist:
            case Twist.near:
                digits = company.organisation_number or ""
                spaced = f"{digits[:3]} {digits[3:6]} {digits[6:]}"
                return replace(
                    company, name=company.name.upper(), organisation_number=spaced, email=(company.email or "").capitalize()
                )
            case Twist.conflict:
                return replace(company, phone=f"+47 {company.phone[::-1]}", address=self._address(draw), invoice_email=None)
            case Twist.email_only:
                return replace(company, organisation_number=None, number=None)
            case Twist.number_and_name:
                return replace(company, organisation_number=None, email=None)
            case Twist.shared_email:
                neighbour = self.company(max(0, index - 1))
                return replace(company, organisation_number=None, number=None, email=neighbour.email)
            case Twist.alone:
                name = f"{company.name} (gammel)"
                return replace(company, name=name, organisation_number=None, number=None, email=None, invoice_email=None)
            case _:
                return company

    def person(self, index: int) -> Person:
        return self._person(Draw(self.seed, _PERSON, index), index, "example.com")

    def contact(self, index: int) -> Person:
        """Somebody at the company of the same index."""
        return self._person(Draw(self.seed, _CONTACT, index), index, (self.company(index).email or "").partition("@")[2])

    def employee(self, index: int) -> Person:
        return self._person(Draw(self.seed, _EMPLOYEE, index), index, "talk.example")

    def _person(self, draw: Draw, index: int, domain: str) -> Person:
        first, last = draw.pick(FIRST_NAMES), draw.pick(LAST_NAMES)
        return Person(
            first_name=first,
            last_name=last,
            email=f"{plain(first)}.{plain(last)}{index}@{domain}",
            phone=f"{draw.pick('49')}{draw.below(10_000_000):07d}",
            address=self._address(draw),
            born=date(1955, 1, 1) + timedelta(days=draw.below(365 * 50)),
            job=draw.pick(JOBS),
        )

    def _address(self, draw: Draw) -> Address:
        zip_code, city = draw.pick(PLACES)
        second = f"Postboks {draw.below(900) + 100}" if draw.chance(15) else None
        return Address(f"{draw.pick(STREETS)} {draw.below(120) + 1}{'B' if draw.chance(8) else ''}", second, zip_code, city)

    def product(self, index: int) -> Product:
        draw = Draw(self.seed, _PRODUCT, index)
        kind = PRODUCTS[index % len(PRODUCTS)]
        name = kind if index < len(PRODUCTS) else f"{kind}, type {index // len(PRODUCTS) + 1}"
        price = (draw.below(490_000) + 1_000) / 100
        return Product(
            f"P-{index + 1:05d}", name, f"{name}. Pris per enhet.", price, round(price * 0.6, 2), gtin(index), draw.chance(40)
        )

    def project(self, index: int) -> Project:
        draw = Draw(self.seed, _PROJECT, index)
        is_part = index % 10 == 9
        starts = _DAY_ONE + timedelta(days=draw.below(300))
        return Project(
            code=f"{2000 + index - 1}.01" if is_part else f"{2000 + index}",
            name=f"{draw.pick(PROJECTS)} {2000 + index}",
            parent=index - 1 if is_part else None,
            starts=starts,
            ends=starts + timedelta(days=30 + draw.below(300)),
            hours=float(draw.below(80) * 5 + 20),
            company=self._known_to_all(index),
            manager=draw.below(max(1, self.employees)),
        )

    def task(self, index: int) -> tuple[str, str, Project]:
        draw = Draw(self.seed, _TASK, index)
        return f"T-{100 + index}", f"{draw.pick(TASKS)} {100 + index}", self.project(index % max(1, self.projects))

    def order(self, index: int) -> Order:
        draw = Draw(self.seed, _ORDER, index)
        return Order(
            number=50_001 + index,
            day=_DAY_ONE + timedelta(days=draw.below(300)),
            company=self._known_to_all(index),
            purchase_order=f"PO-{draw.below(90_000) + 10_000}-{index}",
            product=draw.below(max(1, self.products * 30 // 100)),
            quantity=draw.below(20) + 1,
        )

    def _known_to_all(self, index: int) -> int:
        """A company that every system knows, so that references lead somewhere everywhere."""
        first, last = self.size * 15 // 100, self.size * 45 // 100
        return first + index % max(1, last - first)
