"""The page on a slow line: what is sent, how large it is, and what a visitor reads first."""

import gzip
import re
import urllib.error
import urllib.request

from hf_etc.gradio.component import WEB

FOLDER = f"/gradio_api/file={WEB.as_posix()}/"


def get(url: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers by their names in small letters, and body."""
    request = urllib.request.Request(url, headers={name.replace("_", "-"): value for name, value in headers.items()})
    try:
        response = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        return response.status, {name.lower(): value for name, value in response.headers.items()}, response.read()


def test_modules_are_compressed_and_kept(served):
    for path in (WEB / "vendor" / "fast-png.mjs", WEB / "vendor" / "mozjpeg_enc.wasm", WEB / "etc.mjs"):
        address, content = served.url + FOLDER + path.relative_to(WEB).as_posix(), path.read_bytes()
        status, headers, body = get(address, Accept_Encoding="br, gzip")
        assert (status, headers["content-encoding"]) == (200, "gzip") and gzip.decompress(body) == content
        assert "default-src 'self'" in headers["content-security-policy"], "a worker has that of its own script"
        status, plain, body = get(address)
        assert "content-encoding" not in plain and body == content
        status, again, body = get(address, If_None_Match=headers["etag"], Accept_Encoding="gzip")
        assert (status, body, again["cache-control"]) == (304, b"", "no-cache")
        assert get(address, If_None_Match='"another"')[0] == 200
    assert get(served.url + FOLDER + "nothing.mjs")[0] in (403, 404)


def test_the_page_begins_with_words(served):
    _, headers, packed = get(served.url, Accept_Encoding="gzip")
    page = get(served.url)[2]
    assert gzip.decompress(packed) == page and int(headers["content-length"]) == len(packed) < len(page) / 2
    text = page.decode()
    assert text.index("<h1>Encrypted image classifier</h1>") < text.index("<gradio-app")
    links = re.findall(r'<link rel="modulepreload" href="([^"]+)"', text)
    assert len(links) == len(set(links)) > 20
    assert all(get(f"{served.url}/{link}")[0] == 200 for link in links)
    assert not any("vendor/" in link for link in links), "fetched once the page can be used"


def test_a_visitor_reads_before_gradio_is_there(chromium, served):
    """No font is fetched, and no module twice."""
    held, is_held, asked = [], True, []
    with chromium.new_context() as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.route("**/assets/*.js", lambda route: held.append(route) if is_held else route.continue_())
        page.goto(served.url, wait_until="commit")
        page.wait_for_selector("#he-first")
        assert page.inner_text("#he-first").split("\n")[0] == "Encrypted image classifier"
        is_held = False
        for route in held:
            route.continue_()
        page.wait_for_function("() => document.querySelector('[data-id=key-status]')?.textContent")
        page.wait_for_load_state("networkidle")
        assert not page.is_visible("#he-first")
        fetched = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
        modules = [url for url in fetched if FOLDER in url]
        assert len(set(modules)) > 20 and max(map(modules.count, modules)) <= 2, "by the page, and by its worker"
        assert not any(".woff" in url for url in asked)
