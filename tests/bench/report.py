"""Tables and the chart from the results of bench.py (results.json)."""
import html
import math
import statistics

HIGHER_IS_BETTER = {"MB/s"}
COLORS = ["#2563eb", "#93b4f5", "#16a34a", "#d97706", "#b45309", "#dc2626", "#7f1d1d"]


def best(values, unit):
    return max(values) if unit in HIGHER_IS_BETTER else min(values)


def ratio(row, name):
    """Cost relative to native by medians: above 1 is slower. None: not measured."""
    native, values = row["values"].get("native"), row["values"].get(name)
    if not native or not values:
        return None
    r = statistics.median(values) / statistics.median(native)
    return 1 / r if row["unit"] in HIGHER_IS_BETTER else r


def geometric_mean(results, name, kind):
    all_ = [ratio(r, name) for r in results["rows"] if r["kind"] == kind]
    all_ = [r for r in all_ if r]
    return math.exp(sum(map(math.log, all_)) / len(all_)) if all_ else None


def number(v):
    return "%.0f" % v if v >= 100 else "%.1f" % v if v >= 10 else "%.2f" % v


def times(r):
    return "-" if r is None else number(r) + "×"


TITLES = {"start": "Start-up", "micro": "Operations", "host": "The same on host files (a writable bind)", "app": "Programs"}


def table(results, kind):
    names = results["sandboxes"]
    others = [n for n in names if n != "native"]
    lines = ["| row | unit | native (best) | " + " | ".join(others) + " |", "|---|---|---:|" + "---:|" * len(others)]
    for row in results["rows"]:
        if row["kind"] != kind:
            continue
        native = row["values"].get("native")
        cells = [row["name"], row["unit"], "%s (%s)" % (number(statistics.median(native)), number(best(native, row["unit"])))
                 if native else "-"]
        for n in others:
            values = row["values"].get(n)
            cells.append("%s, **%s**" % (number(statistics.median(values)), times(ratio(row, n))) if values else "-")
        lines.append("| " + " | ".join(cells) + " |")
    if kind in ("micro", "app"):
        lines.append("| geometric mean | | | " + " | ".join("**%s**" % times(geometric_mean(results, n, kind)) for n in others) + " |")
    return "\n".join(lines)


def markdown(results):
    m = results["machine"]
    out = ["`%s`, %s: %s, %d CPUs, Linux %s; load before and after: %s, %s." %
           (results["command"], results["date"], m["cpu"], m["cpus"], m["kernel"], m["load_before"], m["load_after"]),
           "",
           "Median of %d interleaved runs, and cost relative to native (above 1 is slower). %s." %
           (results["runs"], ", ".join("%s: %s" % (k, v) for k, v in results["versions"].items() if k != "native"))]
    for kind, title in TITLES.items():
        if any(r["kind"] == kind for r in results["rows"]):
            out += ["", "### " + title, "", table(results, kind)]
    if results["left_out"]:
        out += ["", "Left out: " + "; ".join("%s (%s)" % tuple(x) for x in results["left_out"]) + "."]
    failures = ["%s in %s: %s" % (r["name"], n, why) for r in results["rows"] for n, why in r["failed"].items()]
    if failures:
        out += ["", "Failed: " + "; ".join(failures) + "."]
    return "\n".join(out) + "\n"


def svg(results):
    """Horizontal bars of the ratios, logarithmic, a line at native's cost."""
    others = [n for n in results["sandboxes"] if n != "native"]
    rows = [r for r in results["rows"] if any(ratio(r, n) for n in others)]
    if not others or not rows:
        return None
    ratios = [ratio(r, n) for r in rows for n in others if ratio(r, n)]
    low, high = math.floor(math.log10(min(ratios + [0.5]))), math.ceil(math.log10(max(ratios + [2])))
    left, width, bar, gap, top = 170, 640, 7, 8, 56
    block = bar * len(others) + gap
    height = top + block * len(rows) + 24

    def x(r):
        return left + width * (math.log10(r) - low) / (high - low)

    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11">' %
           (left + width + 70, height),
           '<rect width="100%" height="100%" fill="#ffffff"/>',
           '<text x="12" y="20" font-size="14" fill="#111">Cost relative to native (left of the line: cheaper than native)</text>']
    for i, n in enumerate(others):
        out.append('<rect x="%d" y="30" width="10" height="10" fill="%s"/><text x="%d" y="39" fill="#333">%s</text>' %
                   (left + i * 100, COLORS[i % len(COLORS)], left + i * 100 + 14, html.escape(n)))
    for power in range(low, high + 1):
        gx = x(10.0 ** power)
        out.append('<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s" stroke-width="%s"/>' %
                   (gx, top - 6, gx, height - 22, "#111" if power == 0 else "#ddd", "1.5" if power == 0 else "1"))
        out.append('<text x="%.1f" y="%d" text-anchor="middle" fill="#555">%g×</text>' % (gx, height - 8, 10.0 ** power))
    for i, r in enumerate(rows):
        y = top + i * block
        out.append('<text x="%d" y="%.1f" text-anchor="end" fill="#111">%s</text>' %
                   (left - 8, y + (block - gap) / 2 + 4, html.escape(r["name"])))
        for j, n in enumerate(others):
            v = ratio(r, n)
            if not v:
                continue
            a, b = sorted((x(1.0), x(v)))
            out.append('<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"><title>%s, %s: %s</title></rect>' %
                       (a, y + j * bar, max(b - a, 1), bar - 1, COLORS[j % len(COLORS)], html.escape(r["name"]), html.escape(n), times(v)))
            out.append('<text x="%.1f" y="%d" font-size="7" fill="#555">%s</text>' % (max(b, x(1.0)) + 3, y + j * bar + 6, times(v)))
    out.append("</svg>")
    return "\n".join(out) + "\n"
