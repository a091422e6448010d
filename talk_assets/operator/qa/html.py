"""A report as one page that needs nothing else: to be read on a screen and on paper."""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from html import escape

from talk_assets.operator.qa.checklist import MappingCheck, Report, RowCheck, State, Tick, Way
from talk_assets.operator.qa.text import evidence_line

_CSS = """
:root { color-scheme: light; }
body { font: 15px/1.45 system-ui, sans-serif; color: #1d2329; background: #fff; max-width: 62rem; margin: 2rem auto; }
main { padding: 0 1rem; }
h1 { font-size: 1.5rem; margin: 0 0 .3rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .4rem; border-bottom: 1px solid #c8d0d8; }
h3 { font-size: 1rem; margin: 1.2rem 0 .3rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin: .3rem 0 1rem; }
caption { text-align: left; color: #525c66; padding-bottom: .2rem; }
th, td { text-align: left; vertical-align: top; padding: .22rem .5rem; border-bottom: 1px solid #e4e8ec; }
td { overflow-wrap: anywhere; }
th { font-weight: 600; }
td.mark { width: 6.2rem; white-space: nowrap; }
.ticked { color: #0b6b3a; } .explained { color: #7a5200; } .missed { color: #a3161c; font-weight: 600; }
.why, .kind { color: #525c66; font-size: .86rem; }
.tally { font-size: 1.05rem; margin: .1rem 0; }
@page { margin: 16mm; }
@media print {
  body { font-size: 9.5pt; margin: 0; max-width: none; }
  main { padding: 0; }
  h2, h3 { break-after: avoid; }
  tr { break-inside: avoid; }
}
""".strip()
_WORDS = {State.ticked: "✓ seen", State.explained: "R25", State.missed: "✗ missed"}
_WAYS = {Way.created: "At creation", Way.there: "Edit of the source", Way.back: "Edit of the target"}


def page(report: Report, made: str) -> str:
    """`made` says when, in words."""
    return "\n".join(_page(report, made)) + "\n"


def _page(report: Report, made: str) -> Iterator[str]:
    digest = b64encode(sha256(_CSS.encode()).digest()).decode()
    yield "<!doctype html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Dataflow checklist</title><style>{_CSS}</style></head><body>"
    yield f"<main><h1>Dataflow checklist</h1><p>{escape(made)}</p>"
    for what, done, total in report.tallies:
        yield f'<p class="tally {"ticked" if done == total else "missed"}">{done} of {total} {escape(what)}</p>'
    yield f"<p>{len(report.explained)} directions that a real API cannot take, counted apart. {report.cycles} cycles.</p>"
    yield from _problems(report)
    yield from _explained(report)
    title = None
    for mapping in report.mappings:
        if mapping.title != title:
            title = mapping.title
            yield f"<h2>{escape(title)}</h2>"
        yield from _mapping(mapping)
    yield "</main></body></html>"


def _problems(report: Report) -> Iterator[str]:
    if report.problems:
        yield "<h2>Problems</h2><ul>"
        yield from (f'<li class="missed">{escape(problem)}</li>' for problem in report.problems)
        yield "</ul>"


def _explained(report: Report) -> Iterator[str]:
    if report.explained:
        yield "<h2>What the real APIs cannot take</h2><table><thead><tr>"
        yield '<th scope="col">Mapping</th><th scope="col">Row</th><th scope="col">Direction</th><th scope="col">Why</th>'
        yield "</tr></thead><tbody>"
        for one in report.explained:
            cells = (one.mapping, one.row, _WAYS[one.way], one.reason)
            yield f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        yield "</tbody></table>"


def _mapping(mapping: MappingCheck) -> Iterator[str]:
    state = State.ticked if mapping.is_ticked else State.missed
    yield f'<h3><span class="{state}">{_WORDS[state]}</span> {escape(mapping.source)} → {escape(mapping.target)}</h3>'
    yield '<table><thead><tr><th scope="col">Check</th><th scope="col">Result</th><th scope="col">Evidence</th></tr></thead>'
    yield "<tbody>"
    yield from _line("A new source record gets its counterpart", "", mapping.creation)
    yield from _line("The two are linked", "", mapping.link)
    for row in mapping.rows:
        yield from _row(row)
    yield "</tbody></table>"


def _row(row: RowCheck) -> Iterator[str]:
    kind = "in the document" if row.documented else "added"
    if row.by_link:
        yield from _line(row.label, f"{kind}, ticked by the link", row.by_link)
    for way, tick in row.ticks.items():
        yield from _line(row.label, f"{kind} · {_WAYS[way]}", tick)
    if not row.by_link and not row.ticks:
        yield from _line(row.label, kind, Tick(State.missed, "it was not tried"))


def _line(label: str, kind: str, tick: Tick) -> Iterator[str]:
    small = f'<br><span class="kind">{escape(kind)}</span>' if kind else ""
    told = [escape(tick.reason)] if tick.reason else []
    if tick.evidence:
        told.append(escape(evidence_line(tick.evidence)))
    yield f'<tr><td>{escape(label)}{small}</td><td class="mark {tick.state}">{_WORDS[tick.state]}</td>'
    yield f'<td class="why">{"<br>".join(told)}</td></tr>'
