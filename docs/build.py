"""Build the documentation site: ``python docs/build.py`` -> build/site, which reads without a network.

Pages written by hand stand in this folder; those of :mod:`generate` and :mod:`validation` are made from the code, from
comparisons run now, and from the last benchmarks. Formulas become MathML here, so that no page needs a script for them.
Links are checked (``mkdocs build --strict``), and no page may fetch anything from elsewhere.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
SOURCE, SITE = ROOT / "build" / "docs", ROOT / "build" / "site"
DISPLAY, INLINE = re.compile(r"\$\$(.+?)\$\$", re.S), re.compile(r"(?<![\\$\w])\$([^$\n]+?)\$(?![\w$])")
FENCE = re.compile(r"(^```.*?^```|`[^`\n]*`)", re.S | re.M)
ELSEWHERE = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=["'](?:https?:)?//([^"'/]+)""")
ROLES = ":(?:func|class|mod|data|meth|attr|exc):"
ROLE = re.compile(rf"{ROLES}(?=<code)")
MARK = re.compile(rf"{ROLES}|\\\||&lt;wbr|={{5}}")  # of a source, which no reader should see
# links to a page's own address and the generator's name are read by nobody's browser on its own
ALLOWED = ("canonical", 'rel="next"', 'rel="prev"')


def formulas(text: str) -> str:
    """Return a page with its formulas as MathML; code is left alone."""
    from latex2mathml.converter import convert

    def display(found: re.Match[str]) -> str:
        math = convert(" ".join(found[1].split()), display="block")
        return f'<div class="formula">{math}</div>'

    def inline(found: re.Match[str]) -> str:
        # in an element of its own: a formula at the beginning of a line would become a block
        return f'<span class="inline-formula">{convert(found[1])}</span>'

    parts = FENCE.split(text)
    return "".join(p if i % 2 else INLINE.sub(inline, DISPLAY.sub(display, p)) for i, p in enumerate(parts))


def assemble(bench: Path) -> None:
    """Gather all pages in build/docs."""
    from generate import pages
    from validation import write

    shutil.rmtree(SOURCE, ignore_errors=True)
    for path in sorted(HERE.rglob("*")):
        place = SOURCE / path.relative_to(HERE)
        if path.suffix in (".md", ".png", ".svg", ".css", ".js"):
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.name == "theory.md":
                place.write_text(formulas(path.read_text(encoding="utf-8")), encoding="utf-8")
            else:
                shutil.copy(path, place)
    for name, text in pages(bench).items():
        place = SOURCE / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    write(SOURCE)


def fetched(site: Path) -> list[str]:
    """Return what pages would fetch from elsewhere."""
    found = []
    for page in sorted(site.rglob("*.html")):
        for match in ELSEWHERE.finditer(page.read_text(encoding="utf-8")):
            if not any(word in match[0] for word in ALLOWED):
                found.append(f"{page.relative_to(site)}: {match[1]}")
    return found


def without_roles(site: Path) -> None:
    """Take the roles of docstrings (``:func:`` before a name) out of the pages that are made from them."""
    for page in sorted((site / "reference").glob("*.html")):
        page.write_text(ROLE.sub("", page.read_text(encoding="utf-8")), encoding="utf-8")


def marks(site: Path) -> list[str]:
    """Return the marks of a source that a page shows: roles, escapes, rules of tables (blocks of code aside)."""
    found = []
    for page in sorted(site.rglob("*.html")):
        text = re.sub(r"<(pre|script|style)\b.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.S)
        found += [f"{page.relative_to(site)}: {text[m.start() - 30 : m.end() + 30]!r}" for m in MARK.finditer(text)]
    return found


def main() -> None:
    """Build, check, and say where it lies."""
    sys.path[:0] = [str(HERE), str(ROOT)]
    assemble(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "bench")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-f", str(HERE / "mkdocs.yml")]
    subprocess.run(command, check=True)
    (SITE / "404.html").unlink()  # for servers that hold the site at their root; read from a disk it is not a page
    without_roles(SITE)
    if foreign := fetched(SITE):
        sys.exit("pages fetch from elsewhere: " + "; ".join(foreign[:10]))
    if shown := marks(SITE):
        sys.exit("pages show marks of their source: " + "; ".join(shown[:10]))
    sys.stdout.write(f"{sum(1 for _ in SITE.rglob('*.html'))} pages: {SITE / 'index.html'}\n")


if __name__ == "__main__":
    main()
