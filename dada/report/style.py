"""The look of report.html, and the few lines that sort its tables. Colours after Okabe and Ito, told apart by
the colour-blind.
"""

from html import escape

CSS = """
:root { color-scheme: light dark; --page: #fcfcfb; --card: #ffffff; --ink: #1d2126; --soft: #59616b; --faint: #aab1b9; --line: #e2e5e9;
  --accent: #0067a3; --heat: #e8863a; --code: #f1f3f5;
  --s0: #0072b2; --s1: #d55e00; --s2: #008a64; --s3: #b8508f; --s4: #b98000; --s5: #3a9bd0; --s6: #5b5f66; --s7: #7a4fbf; }
@media screen and (prefers-color-scheme: dark) { :root { --page: #14171a; --card: #1b1f23; --ink: #e6e9ec; --soft: #a2abb4;
  --faint: #5d666f; --line: #2e343a;
  --accent: #6cbcf0; --heat: #c0601c; --code: #24292e;
  --s0: #56b4e9; --s1: #ff8a4c; --s2: #35c79b; --s3: #f08fc4; --s4: #f0c240; --s5: #a5dcff; --s6: #b7bcc2; --s7: #b79cf2; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.55 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1180px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -.01em; }
h2 { font-size: 21px; margin: 44px 0 4px; } h3 { font-size: 16px; margin: 0 0 4px; }
p { margin: 4px 0 10px; } .soft { color: var(--soft); max-width: 78ch; }
nav { display: flex; flex-wrap: wrap; gap: 6px; margin: 18px 0 0; }
nav a { color: var(--accent); text-decoration: none; border: 1px solid var(--line); border-radius: 999px; padding: 3px 12px;
  font-size: 13.5px; }
nav a:hover, nav a:focus-visible { border-color: var(--accent); }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px; margin: 14px 0; }
.scroll { overflow-x: auto; } .scroll svg { display: block; width: 100%; min-width: 620px; height: auto; }
.scroll svg.wide { min-width: 860px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13.5px; width: 100%; }
th { text-align: right; font-weight: 600; color: var(--soft); border-bottom: 1.5px solid var(--faint); padding: 5px 8px; min-width: 4em;
  vertical-align: bottom; cursor: pointer; }
td { text-align: right; padding: 4px 8px; vertical-align: top; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: 2px; }
td:first-child { font-weight: 500; } td .by { display: block; white-space: normal; color: var(--soft); font-size: 11.5px; font-weight: 400;
  line-height: 1.35; } td.best { font-weight: 700; color: var(--accent); }
th[aria-sort=ascending]::after { content: " ↑"; } th[aria-sort=descending]::after { content: " ↓"; }
td .by span { white-space: nowrap; } caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th:first-child, td:first-child { position: sticky; left: 0; background: var(--card); }
th.said, td.said { text-align: left; white-space: normal; min-width: 15em; } td a { color: var(--accent); }
td[style] { border-bottom-color: var(--card); }
code { background: var(--code); border-radius: 4px; padding: 1px 5px;
  font: 12.5px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.command { margin: 0 0 8px; } .command code { user-select: all; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 3px 16px; margin: 14px 0 0; font-size: 13.5px; }
  dt { color: var(--soft); } dd { margin: 0; }
details { margin-top: 36px; } summary { cursor: pointer; font-size: 21px; font-weight: 700; }
@media (max-width: 600px) { main { padding: 20px 12px 48px; }
  th:first-child, td:first-child { min-width: 84px; max-width: 34vw; white-space: normal; overflow-wrap: break-word; font-size: 12.5px; }
  .card { padding: 12px; } dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: 6px; } }
@page { size: A4; margin: 12mm; }
@media print { :root { color-scheme: light; --page: #fff; } body { font-size: 10pt; } main { max-width: none; padding: 0; }
  nav { display: none; }
  .card { break-inside: avoid; } .card:has(table) { break-inside: auto; } tr { break-inside: avoid; }
  h2, h3, .command { break-after: avoid; }
  .scroll { overflow: visible; } .scroll svg, .scroll svg.wide { min-width: 0; }
  table { font-size: 8pt; } th, td { padding: 2px 5px; } td .by { font-size: 6.5pt; } td { print-color-adjust: exact; }
  details::details-content { content-visibility: visible; display: block; } }
"""

SCRIPT = """
for (const head of document.querySelectorAll("th")) head.addEventListener("click", () => {
  const table = head.closest("table"), column = head.cellIndex, down = head.getAttribute("aria-sort") === "ascending";
  const key = row => { const cell = row.cells[column];
  return cell.dataset.value === undefined ? cell.textContent : Number(cell.dataset.value); };
  const rows = [...table.tBodies[0].rows].sort((a, b) => { const x = key(a), y = key(b); return (x > y) - (x < y); });
  for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", down ? "descending" : "ascending");
  table.tBodies[0].append(...(down ? rows.reverse() : rows));
});
"""


def breaking(name: str) -> str:
    """The HTML of a name that may break at its joints on a narrow screen."""
    return escape(name).replace("_", "_<wbr>").replace("-", "-<wbr>")
