"""Rows of a benchmark as a table, on the terminal and in Markdown, and as a plot."""

from matplotlib.figure import Figure
from rich import box
from rich.table import Table

from eca_mm.markdown_table import table_lines

# Of the circumstances in each row, those that a reader of a table must know.
SHOWN = {
    'device': '{}',
    'precision': '{}',
    'tf32': 'TF32 {}',
    'memory_format': '{}',
    'norms': 'norms in {} mode in training steps',
    'batch': 'batch {}',
    'size': '{}',
    'rounds': '{} rounds',
    'torch': 'torch {}',
    'commit': 'commit {}',
}


def caption(rows: list[dict]) -> str:
    """What the figures depend on, and what was not measured, in one line."""
    first = rows[0]
    known = ', '.join(
        text.format(first[key]) for key, text in SHOWN.items() if first.get(key)
    )
    on_cpu = first['device_type'] == 'cpu'
    return f'{known}; on a GPU: not measured' if on_cpu else known


def ratio_text(row: dict) -> str:
    """Median and quartiles of a ratio, or the one number where nothing spreads."""
    low, high = row['lower_quartile'], row['upper_quartile']
    spread = f' ({low:.3f} to {high:.3f})' if low != high else ''
    return f'{row["ratio"]:.3f}{spread}'


def paper_cells(row: dict) -> list[str]:
    """The paper's figure and ratio, where the rows are set beside the paper's."""
    if 'paper' not in row:
        return []
    if row['paper'] is None:
        return ['-', '-']
    return [f'{row["paper"]:g}', f'{row["paper_ratio"]:.3f}']


def table_of(rows: list[dict]) -> tuple[list[str], list[list[str]]]:
    """Heads of columns, and a line for each provider of each model: a wide table."""
    head = ['model', 'provider']
    lines: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        title = f'{row["measure"]} ({row["unit"]})'
        if title not in head:
            beside = ["paper's", "paper's ratio"] if 'paper' in row else []
            head += [title, f'to {row["baseline"]}', *beside]
        line = lines.setdefault((row['model'], row['provider']), [])
        line += [f'{row["value"]:.1f}', ratio_text(row), *paper_cells(row)]
    return head, [[*key, *line] for key, line in lines.items()]


def as_rich(rows: list[dict]) -> Table:
    """A line for each row, narrow enough for a terminal of 80 columns."""
    beside = ["paper's", "paper's ratio"] if 'paper' in rows[0] else []
    table = Table(caption=caption(rows), box=box.SIMPLE)
    for head in ('provider', '', f'to {rows[0]["baseline"]}', *beside):
        table.add_column(head, no_wrap=True)
    title = None
    for row in rows:
        if title != (title := f'{row["model"]}, {row["measure"]}'):
            table.add_section()
            table.add_row(f'[bold]{title}')
        value = f'{row["value"]:.1f} {row["unit"]}'
        table.add_row(row['provider'], value, ratio_text(row), *paper_cells(row))
    return table


def as_markdown(rows: list[dict]) -> str:
    head, lines = table_of(rows)
    return '\n'.join([*table_lines(head, lines, words=2), '', caption(rows), ''])


def draw(rows: list[dict]) -> Figure:
    """Ratios to the baseline with their quartiles, a plot for each measure."""
    measures = list(dict.fromkeys(row['measure'] for row in rows))
    models = list(dict.fromkeys(row['model'] for row in rows))
    names = list(dict.fromkeys(row['provider'] for row in rows))
    height = 2 + 0.16 * len(names) * (len(models) + 1)
    figure = Figure(figsize=(4 * len(measures) + 1, height), layout='constrained')
    plots = figure.subplots(1, len(measures), sharey=True, squeeze=False)[0]
    for plot, measure in zip(plots, measures, strict=True):
        found = [row for row in rows if row['measure'] == measure]
        for i, model in enumerate(models):
            draw_model(
                plot, [row for row in found if row['model'] == model], names,
                color=f'C{i}', shift=0.6 * ((i + 0.5) / len(models) - 0.5),
            )  # fmt: skip
        plot.axvline(1, color='black', linewidth=1)
        better = 'more' if 'paper' in found[0] else 'less'
        baseline = found[0]['baseline']
        plot.set(title=measure, xlabel=f'to {baseline} ({better} is better)')
        plot.grid(axis='x', alpha=0.3)
    plots[0].set_yticks(range(len(names)), names)
    plots[0].invert_yaxis()
    figure.suptitle(caption(rows), fontsize=8, wrap=True)
    handles = plots[0].get_legend_handles_labels()
    figure.legend(*handles, loc='outside lower center', ncols=4)
    return figure


def draw_model(plot, rows: list[dict], names: list[str], color: str, shift: float):
    """Points with quartiles of one model, and hollow ones where the paper has them."""
    heights = [names.index(row['provider']) + shift for row in rows]
    values = [row['ratio'] for row in rows]
    spread = [
        [row['ratio'] - row['lower_quartile'] for row in rows],
        [row['upper_quartile'] - row['ratio'] for row in rows],
    ]
    style = dict(color=color, linestyle='', markersize=5)
    plot.errorbar(
        values, heights, xerr=spread, marker='o', capsize=3, label=rows[0]['model'],
        **style,
    )  # fmt: skip
    known = [(row, y) for row, y in zip(rows, heights, strict=True) if row.get('paper')]
    if known:
        plot.plot(
            [row['paper_ratio'] for row, _ in known], [y for _, y in known],
            marker='D', fillstyle='none', label=f"{rows[0]['model']}, paper", **style,
        )  # fmt: skip
