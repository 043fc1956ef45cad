#!/usr/bin/env python3
"""Checks the documents: relative links and anchors, the book's table of contents, JSON schemas, and that the protocol
chapter has a line for every constraint and every tag of the code, and the recursion chapter one for every constraint of its table."""

import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BOOK = ROOT / "book" / "src"
problems = []


def prose(text):
    """The text without code blocks and code spans."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(path):
    """Anchors of the headings, as mdBook and the usual hosts make them."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.M | re.S)
    found = set()
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*$", text, flags=re.M):
        name = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")
        found.add(name)
    return found


documents = sorted(BOOK.rglob("*.md")) + sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md"))
documents += sorted(ROOT.glob("crates/*/README.md"))
links = 0
for document in documents:
    name = document.relative_to(ROOT)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(document.read_text(encoding="utf-8"))):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        links += 1
        file, _, anchor = target.partition("#")
        path = (document.parent / file).resolve() if file else document
        if not path.is_relative_to(ROOT) or not path.exists():
            problems.append(f"{name}: no such file: {target}")
        elif anchor and path.suffix == ".md" and anchor not in anchors(path):
            problems.append(f"{name}: no such heading: {target}")
        elif BOOK in document.parents and BOOK not in path.parents:
            problems.append(f"{name}: leads out of the book: {target}")

summary = BOOK / "SUMMARY.md"
listed = {(BOOK / target).resolve() for target in re.findall(r"\]\(([^)]+)\)", summary.read_text(encoding="utf-8"))}
for page in BOOK.rglob("*.md"):
    if page != summary and page.resolve() not in listed:
        problems.append(f"{page.relative_to(ROOT)}: not in SUMMARY.md")

for schema in BOOK.rglob("*.json"):
    try:
        json.loads(schema.read_text(encoding="utf-8"))
    except ValueError as error:
        problems.append(f"{schema.relative_to(ROOT)}: {error}")

protocol = (BOOK / "protocol.md").read_text(encoding="utf-8")


def variants(path, enum):
    """Names and numbers of an enum's variants."""
    source = (ROOT / path).read_text(encoding="utf-8")
    body = re.search(rf"enum {enum} \{{(.*?)^\}}", source, flags=re.M | re.S)
    if not body:
        problems.append(f"{path}: no enum {enum}")
        return []
    return re.findall(r"^    (\w+)(?: = (\w+))?,", body.group(1), flags=re.M)


constraints = variants("crates/assay-circuit/src/constraint.rs", "Constraint")
for constraint, _ in constraints:
    if f"`{constraint}`" not in protocol:
        problems.append(f"book/src/protocol.md: no line for the constraint {constraint}")
for row in re.findall(r"^\| `((?:Hash|Leaf|Node|Root|Totals|Entry|Account|Range|Bus|Permutation|Prices|Pledge|Coverage)\w+)` \| (?!`0x)", protocol, flags=re.M):
    if row not in {constraint for constraint, _ in constraints}:
        problems.append(f"book/src/protocol.md: the circuit has no constraint {row}")
for enum in ["Tag", "RowTag"]:
    for tag, number in variants("crates/assay-commit/src/hash.rs", enum):
        if not re.search(rf"^\| `{tag}` \| `{number}` \|", protocol, flags=re.M):
            problems.append(f"book/src/protocol.md: no line for the tag {tag} = {number}")

recursion = (BOOK / "recursion.md").read_text(encoding="utf-8")
table = variants("crates/assay-recursion/src/constraint.rs", "Constraint")
for constraint, _ in table:
    if f"`{constraint}`" not in recursion:
        problems.append(f"book/src/recursion.md: no line for the constraint {constraint}")
constraints += table

for problem in problems:
    print(problem, file=sys.stderr)
print(f"{len(documents)} documents, {links} links, {len(constraints)} constraints: {len(problems)} problems")
sys.exit(1 if problems else 0)
