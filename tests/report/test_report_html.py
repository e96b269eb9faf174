"""The page in a real browser: Debian's Chromium, driven by playwright."""

import json
import shutil

import hostile_dirs
import pytest
from report_runs import add_attention, data_of, make_truth, make_work_dir

from eca_mm.report.write import write_report

CHROMIUM = shutil.which('chromium')
pytestmark = pytest.mark.skipif(not CHROMIUM, reason='Chromium is not installed')
playwright = pytest.importorskip('playwright.sync_api')

SIZES = [(1280, 'light'), (1280, 'dark'), (400, 'light'), (400, 'dark')]
# Relative luminance of WCAG 2, and the contrast of an element's text with what lies
# behind it.
CONTRAST = """element => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  let behind = element, ground;
  do {
    ground = parts(getComputedStyle(behind).backgroundColor);
    behind = behind.parentElement;
  } while (ground[3] === 0 && behind);
  const style = getComputedStyle(element);
  const ink = parts(element instanceof SVGElement ? style.fill : style.color);
  const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}"""


@pytest.fixture(scope='module')
def page_file(tmp_path_factory):
    """A report with everything: two runs, boxes and masks, pictures, attention."""
    root = tmp_path_factory.mktemp('html')
    coco = make_truth(root, images=25, classes=25)  # more classes than a matrix shows
    make_work_dir(root, coco, 'plain', 1, 'faster_rcnn_r50.py')
    make_work_dir(root, coco, 'a-run-with-a-rather-long-name', 2, 'eca.py', 'ECAResNet')
    add_attention(root / 'plain')
    for path in (root / 'a-run-with-a-rather-long-name').glob('predictions.*'):
        path.write_text(json.dumps(json.loads(path.read_text())[::9]))  # worse: a mark
    runs = [str(root / 'plain'), str(root / 'a-run-with-a-rather-long-name')]
    return write_report(runs, root / 'out', replicates=10, **data_of(root))


@pytest.fixture(scope='module')
def browser():
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=['--no-sandbox']
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, page_file):
    """Open the report; what the console says and what is asked for is collected."""
    contexts = []

    def open_at(width: int = 1280, scheme: str = 'light'):
        context = browser.new_context(
            viewport=dict(width=width, height=900), color_scheme=scheme, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.said, page.asked = [], []
        page.on('console', lambda message: page.said.append(message.text))
        page.on('pageerror', lambda error: page.said.append(str(error)))
        page.on('request', lambda request: page.asked.append(request.url))
        page.goto(page_file.as_uri())
        page.wait_for_selector('table.dataTable')
        return page

    yield open_at
    for context in contexts:
        context.close()


@pytest.mark.parametrize(('width', 'scheme'), SIZES)
def test_opens_without_an_error_and_fits(open_page, width, scheme):
    page = open_page(width, scheme)
    assert page.said == []
    # one file: itself, and addresses inside it
    others = [url for url in page.asked if not url.startswith(('data:', 'blob:'))]
    assert len(others) == 1 and others[0].endswith('/index.html')
    assert page.evaluate('document.documentElement.scrollWidth') == width
    dark = scheme == 'dark'
    ground = page.evaluate('getComputedStyle(document.body).backgroundColor')
    assert (ground == 'rgb(18, 22, 28)') == dark
    assert page.evaluate("document.documentElement.classList.contains('dark')") == dark


@pytest.mark.parametrize(('width', 'scheme'), SIZES)
def test_text_can_be_read(open_page, width, scheme):
    """Contrast 4.5, as WCAG asks for; text in figures above 7 pixels."""
    page = open_page(width, scheme)
    for selector in ('h1', 'td.number', 'td small', 'th', '.reading', 'nav a', 'strong',
                     '.panels svg text', 'footer', '.legend span'):  # fmt: skip
        found = page.query_selector_all(selector)
        assert found, selector
        assert min(e.evaluate(CONTRAST) for e in found[:5]) > 4.5, selector
    sizes = page.eval_on_selector_all(
        '.panels svg text, .panels svg tspan',
        '(texts) => texts.map('
        't => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a)',
    )
    sizes = [size for size in sizes if size]  # an outer text whose parts have a size
    assert len(sizes) > 100 and min(sizes) > 7


def test_all_pictures_are_there(open_page):
    page = open_page()
    widths = page.eval_on_selector_all('img', 'all => all.map(i => i.naturalWidth)')
    assert len(widths) == 6 * 2 * 2 + 1 and min(widths) > 0
    boxes = page.eval_on_selector_all(
        '.panels svg',
        'all => all.map(s => [s.getBoundingClientRect().width, s.children.length])',
    )
    assert len(boxes) > 20
    assert all(width > 250 and children > 1 for width, children in boxes)
    ids = page.eval_on_selector_all('[id]', 'all => all.map(e => e.id)')
    assert len(set(ids)) == len(ids)


def test_tables_sort_by_number(open_page):
    """Classes by their objects: 10 comes after 9, as no text would have it."""
    page = open_page()
    assert page.locator('table.sortable').count() == page.locator('.dataTable').count()
    figure = page.locator('figure', has=page.get_by_text('Box AP by class'))
    table = figure.locator('table')

    counts = [int(text) for text in column(table, 2).all_inner_texts()]
    assert max(counts) >= 10 > min(counts)
    header = table.locator('th').nth(1)
    # Sorting takes a moment: expect waits for it.
    for order in (sorted(counts), sorted(counts, reverse=True)):
        header.click()
        playwright.expect(column(table, 2)).to_have_text([str(n) for n in order])
    figure.locator('input[type=search]').fill('"class 12"')
    playwright.expect(column(table, 1)).to_have_text(['class 12'])


def column(table, number: int):
    return table.locator(f'tbody td:nth-child({number})')


def test_names_from_files_do_nothing(browser, tmp_path):
    """Names that are markup: none of it runs, no address of theirs is asked."""
    place = hostile_dirs.make(tmp_path)
    hostile_dirs.names(
        '<script>alert(1)</script>',
        '<img src="//a.invalid" onerror=alert(1)>',
    )(place)
    run = place.run.rename(tmp_path / '"><svg onload=alert(1)>')
    file = write_report([str(run)], tmp_path / 'out', replicates=2, **place.given)
    page = browser.new_page()
    asked, said = [], []
    page.on('request', lambda request: asked.append(request.url))
    page.on('dialog', lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on('pageerror', lambda error: said.append(str(error)))
    page.goto(file.as_uri())
    page.wait_for_selector('table.dataTable')
    page.locator('th').first.click()
    others = [url for url in asked if not url.startswith(('data:', 'blob:'))]
    assert said == [] and others == [file.as_uri()]
    assert page.locator('h1').inner_text().endswith('"><svg onload=alert(1)>')
    assert page.get_by_text('<script>alert(1)</script>').count() > 1
    assert (
        page.evaluate('document.scripts.length') == 2
    )  # the table library and its use
    page.close()


def test_the_page_needs_no_script(browser, page_file):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator('td.number').first.is_visible()
    context.close()
