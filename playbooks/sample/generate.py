"""Makes the sample of web events beside it: python playbooks/sample/generate.py writes sample/events/*.parquet.

The same rows each time: three days of a bookshop and its blog in Snowplow's canonical columns, one file for each batch
(etl_tstamp), times in UTC. Beside plain visits there are, as in life: events that were sent or loaded much later, exact
copies within and across batches, copies with other content, corrections (collected earlier, loaded later: they win),
event ids and page view ids in two sessions, sessions that change user, a session of two days, robots, and visitors
without a session. `2024-03-01T14-append.parquet` holds late rows of an older batch: move it away, run, move it back,
and that batch has grown.
"""

from __future__ import annotations

import json
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import duckdb

Event = dict[str, Any]

WEB_PAGE = "contexts_com_snowplowanalytics_snowplow_web_page_1"
FORM = "unstruct_event_com_snowplowanalytics_snowplow_{}_1"
TIMES = ["etl_tstamp", "collector_tstamp", "dvce_created_tstamp", "dvce_sent_tstamp", "derived_tstamp"]
TEXTS = """app_id platform event event_id event_vendor event_name event_format event_version name_tracker v_tracker
v_collector v_etl user_id user_ipaddress domain_userid domain_sessionid network_userid geo_country geo_region
geo_region_name geo_city geo_zipcode geo_timezone page_url page_title page_referrer page_urlscheme page_urlhost
page_urlpath page_urlquery page_urlfragment refr_urlscheme refr_urlhost refr_urlpath refr_urlquery refr_urlfragment
refr_medium refr_source refr_term mkt_medium mkt_source mkt_term mkt_content mkt_campaign mkt_clickid mkt_network
useragent br_name br_family br_version br_type br_lang br_renderengine br_colordepth os_name os_family os_manufacturer
os_timezone dvce_type doc_charset"""
NUMBERS = """domain_sessionidx page_urlport pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max br_viewwidth
br_viewheight dvce_screenwidth dvce_screenheight doc_width doc_height"""
COLUMNS: dict[str, str] = (
    dict.fromkeys(TIMES, "timestamp")
    | dict.fromkeys(TEXTS.split(), "varchar")
    | dict.fromkeys(NUMBERS.split(), "integer")
    | {"geo_latitude": "double", "geo_longitude": "double", "dvce_ismobile": "boolean"}
    | dict.fromkeys([WEB_PAGE, FORM.format("link_click"), FORM.format("submit_form")], "varchar")
)

SEED = 20240301
BEGIN = datetime(2024, 2, 29, 22, 5)
BATCHES = [datetime(2024, 3, day, hour) for day in (1, 2, 3) for hour in (6, 14, 22)]
APPENDED = datetime(2024, 3, 1, 14)
USERS, SESSIONS = 118, 275

SHOP = [  # path, title, height of the document
    ("/", "Page & Spine: books, slowly", 2400),
    ("/new", "New this week", 3100),
    ("/fiction", "Fiction", 4200),
    ("/crime", "Crime and thrillers", 3900),
    ("/children", "Children's books", 3600),
    ("/book/the-salt-path", "The Salt Path", 1900),
    ("/book/night-watch", "Night Watch", 1850),
    ("/book/small-things", "Small Things Like These", 1700),
    ("/book/piranesi", "Piranesi", 2050),
    ("/book/wolf-hall", "Wolf Hall", 2200),
    ("/basket", "Your basket", 1200),
    ("/checkout", "Checkout", 1500),
    ("/search", "Search", 2800),
]
BLOG = [
    ("/", "Marginalia, the bookshop's blog", 5200),
    ("/ten-winter-books", "Ten books for a long winter", 7400),
    ("/how-we-choose", "How we choose what to sell", 6100),
    ("/reading-with-children", 'Reading "aloud" with children', 8300),
]
SITES = {"bookshop": ("www.pageandspine.example", SHOP), "blog": ("blog.pageandspine.example", BLOG)}
REFERRERS = [  # weight, medium, source, url, term
    (40, None, None, None, None),
    (28, "search", "Google", "https://www.google.com/", None),
    (6, "search", "Bing", "https://www.bing.com/search?q=slow+bookshop", "slow bookshop"),
    (5, "search", "DuckDuckGo", "https://duckduckgo.com/", None),
    (8, "social", "Facebook", "https://l.facebook.com/l.php", None),
    (4, "social", "Reddit", "https://www.reddit.com/r/books/comments/1b2c3d/", None),
    (5, "email", "Outlook.com", "https://outlook.live.com/", None),
    (4, "unknown", None, "https://www.readersweekly.example/shops#best", None),
]
CAMPAIGNS = [  # weight, then what the link says
    (78, {}),
    (
        8,
        {"utm_medium": "cpc", "utm_source": "google", "utm_campaign": "spring-reading", "utm_term": "buy books online"},
    ),
    (6, {"utm_medium": "email", "utm_source": "newsletter", "utm_campaign": "2024-03", "utm_content": "top-banner"}),
    (4, {"utm_medium": "social", "utm_source": "facebook", "utm_campaign": "winter-sale", "utm_content": "carousel"}),
    (4, {"utm_medium": "affiliate", "utm_source": "readersweekly", "utm_campaign": "best-shops"}),
]
PLACES = [  # country, region, its name, city, zip code, latitude, longitude, time zone, network, language
    ("GB", "ENG", "England", "London", "EC1A", 51.5085, -0.1257, "Europe/London", "81.2.69", "en-GB"),
    ("GB", "SCT", "Scotland", "Edinburgh", "EH1", 55.9521, -3.1965, "Europe/London", "86.18.40", "en-GB"),
    ("IE", "L", "Leinster", "Dublin", "D02", 53.344, -6.2672, "Europe/Dublin", "87.32.11", "en-IE"),
    ("US", "NY", "New York", "New York", "10001", 40.7503, -73.9969, "America/New_York", "66.108.5", "en-US"),
    ("US", "CA", "California", "Oakland", "94607", 37.8044, -122.2708, "America/Los_Angeles", "73.15.92", "en-US"),
    ("DE", "BE", "Berlin", "Berlin", "10115", 52.532, 13.3849, "Europe/Berlin", "91.64.3", "de-DE"),
    ("FR", "IDF", "Île-de-France", "Paris", "75001", 48.8534, 2.3488, "Europe/Paris", "90.3.17", "fr-FR"),
    ("AU", "VIC", "Victoria", "Melbourne", "3000", -37.814, 144.9633, "Australia/Melbourne", "1.129.8", "en-AU"),
    (None, None, None, None, None, None, None, None, "100.64.0", "en"),
]
DEVICE = """useragent br_name br_family br_version br_type br_renderengine os_name os_family os_manufacturer dvce_type
dvce_ismobile dvce_screenwidth dvce_screenheight br_viewwidth br_viewheight"""
WINDOWS = ("Windows 10", "Windows", "Microsoft Corporation", "Computer", False)
MAC = ("Mac OS X", "Mac OS X", "Apple Inc.", "Computer", False)
KIT, LIKE = "AppleWebKit/537.36 (KHTML, like Gecko)", "AppleWebKit/605.1.15 (KHTML, like Gecko)"
DEVICES = [
    (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {KIT} Chrome/122.0.0.0 Safari/537.36",
     "Chrome 12", "Chrome", "122.0.0.0", "Browser", "WEBKIT", *WINDOWS, 1920, 1080, 1903, 937),
    (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {LIKE} Version/17.3 Safari/605.1.15",
     "Safari", "Safari", "17.3", "Browser", "WEBKIT", *MAC, 1440, 900, 1440, 789),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:123.0) Gecko/20100101 Firefox/123.0",
     "Firefox 12", "Firefox", "123.0", "Browser", "GECKO", *WINDOWS, 2560, 1440, 1280, 1299),
    (f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_3_1 like Mac OS X) {LIKE} Version/17.3.1 Mobile/15E148 Safari/604.1",
     "Mobile Safari", "Safari", "17.3.1", "Browser (mobile)", "WEBKIT",
     "iOS 17 (iPhone)", "iOS", "Apple Inc.", "Mobile", True, 390, 844, 390, 664),
    (f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {KIT} Chrome/122.0.6261.64 Mobile Safari/537.36",
     "Chrome Mobile", "Chrome", "122.0.6261.64", "Browser (mobile)", "WEBKIT",
     "Android 14", "Android", "Google Inc.", "Mobile", True, 412, 915, 412, 785),
]  # fmt: skip
UNKNOWN = ("Unknown", "Unknown", "Other", "Unknown", False)
BOTS = [
    ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
     "Robot/Spider", "Robot/Spider", None, "Robot", "OTHER", *UNKNOWN, 1024, 1024, 1024, 1024),
    ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
     "Robot/Spider", "Robot/Spider", None, "Robot", "OTHER", *UNKNOWN, 1024, 768, 1024, 768),
    (f"Mozilla/5.0 (X11; Linux x86_64) {KIT} HeadlessChrome/121.0.0.0 Safari/537.36",
     "Chrome", "Chrome", "121.0.0.0", "Browser", "WEBKIT",
     "Linux", "Linux", "Other", "Computer", False, 800, 600, 800, 600),
]  # fmt: skip


class Street:
    """The visitors of the two sites and what they do, one event after the other; all chance is one generator's."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.events: list[Event] = []

    def uuid(self) -> str:
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    def visitor(self, number: int, *, bot: bool = False) -> Event:
        """The columns that all events of a visitor share, and `skew`: by how much the device's clock is wrong."""
        *place, network, language = self.chance.choice(PLACES)
        names = ["country", "region", "region_name", "city", "zipcode", "latitude", "longitude", "timezone"]
        visitor = {f"geo_{name}": value for name, value in zip(names, place, strict=True)}
        visitor |= dict(zip(DEVICE.split(), self.chance.choice(BOTS if bot else DEVICES), strict=True))
        return visitor | {
            "user_ipaddress": f"{network}.{self.chance.randint(1, 254)}",
            "br_lang": language,
            "os_timezone": visitor["geo_timezone"],
            "domain_userid": self.uuid(),
            "network_userid": self.uuid(),
            "user_id": f"customer-{1000 + number}" if not bot and self.chance.random() < 0.4 else None,
            "domain_sessionidx": 0,
            "skew": timedelta(milliseconds=self.chance.choice([0, 0, 0, 40, -700, 2_300, -95_000, 3_600_000])),
        }

    def arrival(self, host: str) -> tuple[Event, str]:
        """Where a session comes from, as columns and as the query of its first page."""
        _, medium, source, url, term = self.chance.choices(REFERRERS, [row[0] for row in REFERRERS])[0]
        link = dict(self.chance.choices(CAMPAIGNS, [row[0] for row in CAMPAIGNS])[0][1])
        came = _referrer(url) | {"refr_medium": medium, "refr_source": source, "refr_term": term}
        came |= {f"mkt_{name.removeprefix('utm_')}": value for name, value in link.items()}
        if link.get("utm_medium") == "cpc":
            link["gclid"] = f"Cj0KCQ{self.chance.getrandbits(60):x}"
            came |= {"mkt_clickid": link["gclid"], "mkt_network": "Google"}
        return came, urlencode(link)

    def session(self, visitor: Event, moment: datetime, *, bot: bool = False) -> list[Event]:
        """A visit: some pages, each with its pings and clicks."""
        chance = self.chance
        visitor["domain_sessionidx"] += 1
        app = chance.choices(list(SITES), [4, 1])[0]
        host, pages = SITES[app]
        came, query = self.arrival(host)
        shared = visitor | {"app_id": app, "domain_sessionid": self.uuid()}
        known, start = chance.random() < 0.7, len(self.events)
        for number in range(chance.randint(3, 9) if bot else min(9, 1 + int(chance.expovariate(0.45)))):
            path, title, height = chance.choice(pages)
            height = height * 2 if visitor["dvce_ismobile"] else height
            url = f"https://{host}{path}{'?' + query if query else ''}"
            page = shared | came | _url("page", url) | {"page_title": title, "page_urlport": 443}
            page |= {"doc_width": visitor["br_viewwidth"], "doc_height": height, WEB_PAGE: _one({"id": self.uuid()})}
            page["user_id"] = visitor["user_id"] if known and number > 0 else None
            moment += timedelta(milliseconds=chance.randint(300, 4_000))
            self.happens(page, "page_view", moment)
            moment = self.reads(page, moment, 0 if bot else int(chance.expovariate(0.3)))
            moment += timedelta(minutes=chance.choice([8, 17, 26]) if chance.random() < 0.06 else 0)
            came, query = _referrer(url) | {"refr_medium": "internal"}, ""
        return self.events[start:]

    def reads(self, page: Event, moment: datetime, pings: int) -> datetime:
        """Pings after 5 s and then every 10 s, scrolling down; perhaps a form or a click at the end."""
        chance, depth = self.chance, 0
        for number in range(pings):
            moment += timedelta(milliseconds=(5_000 if number == 0 else 10_000) + chance.randint(0, 60))
            top, depth = depth, min(depth + chance.randint(0, 900), max(0, page["doc_height"] - page["br_viewheight"]))
            depths = {"pp_xoffset_min": 0, "pp_xoffset_max": 0, "pp_yoffset_min": top, "pp_yoffset_max": depth}
            self.happens(page | depths, "page_ping", moment)
        moment += timedelta(milliseconds=chance.randint(400, 9_000))
        if page["page_urlpath"] in ("/search", "/checkout") and pings:
            form = {"formId": page["page_urlpath"][1:], "formClasses": [], "elements": []}
            self.happens(page, "submit_form", moment, form)
        elif pings and chance.random() < 0.25:
            target = f"https://{page['page_urlhost']}{chance.choice(SHOP)[0]}"
            self.happens(
                page, "link_click", moment, {"targetUrl": target, "elementId": chance.choice(["next", "more"])}
            )
        return moment

    def happens(self, page: Event, name: str, moment: datetime, data: Event | None = None) -> None:
        """One event. Its collector time is that of a device that is online; the batch follows from it."""
        sent = timedelta(milliseconds=self.chance.randint(2, 900))
        created = moment + page["skew"]
        event: Event = dict.fromkeys(COLUMNS) | {key: value for key, value in page.items() if key != "skew"}
        event |= {
            "platform": "web",
            "event": "unstruct" if data else name,
            "event_id": self.uuid(),
            "event_vendor": "com.snowplowanalytics.snowplow",
            "event_name": name,
            "event_format": "jsonschema",
            "event_version": "1-0-1" if name == "link_click" else "1-0-0",
            "name_tracker": "sp",
            "v_tracker": "js-3.22.0",
            "v_collector": "ssc-3.1.0-kinesis",
            "v_etl": "snowplow-enrich-kinesis-4.1.0",
            "br_colordepth": "24",
            "doc_charset": "UTF-8",
            "dvce_created_tstamp": created,
            "dvce_sent_tstamp": created + sent,
            "derived_tstamp": moment,
            "collector_tstamp": moment + sent,
            "etl_tstamp": batch(moment + sent),
        }
        if data:
            event[FORM.format(name)] = json.dumps(data)
        self.events.append(event)


def batch(collected: datetime) -> datetime:
    """The batch that loads what was collected at this time; the last one takes all the rest."""
    return next((time for time in BATCHES if collected < time), BATCHES[-1])


def _one(entity: Event) -> str:
    return json.dumps([entity])


def _url(side: str, url: str) -> Event:
    parts = urlsplit(url)
    columns: Event = {"scheme": parts.scheme, "host": parts.netloc, "path": parts.path}
    columns |= {"query": parts.query or None, "fragment": parts.fragment or None}
    return {f"{side}_url{name}": value for name, value in columns.items()} | (
        {"page_url": url} if side == "page" else {}
    )


def _referrer(url: str | None) -> Event:
    return {"page_referrer": url} | _url("refr", url) if url else {}


def mishaps(street: Street, sessions: list[list[Event]]) -> list[Event]:
    """Spoil some of the sessions as life does, in place; gives the rows to append to the older batch."""
    chance = street.chance
    picked = iter(chance.sample([events for events in sessions if len(events) > 3], 100))
    for hours in (5, 9, 11, 14, 18, 20, 26, 30, 34, 40, 50) * 2:  # the device was offline and sent the rest later
        for event in next(picked)[2:]:
            event["dvce_sent_tstamp"] += timedelta(hours=hours)
            event["collector_tstamp"] += timedelta(hours=hours)
            event["etl_tstamp"] = batch(event["collector_tstamp"])
    for _ in range(8):  # the pipeline was slow: collected in time, loaded two batches later
        for event in next(picked)[1:]:
            event["etl_tstamp"] = BATCHES[min(BATCHES.index(event["etl_tstamp"]) + 2, len(BATCHES) - 1)]
    for number in range(24):  # copies, in the same batch or in the next; every third has other content and loses
        event = chance.choice(next(picked))
        later = BATCHES[min(BATCHES.index(event["etl_tstamp"]) + number % 2, len(BATCHES) - 1)]
        other = {"collector_tstamp": event["collector_tstamp"] + timedelta(seconds=2), "br_lang": "xx"}
        for _ in range(2):
            street.events.append(event | {"etl_tstamp": later} | (other if number % 3 == 2 else {}))
    for _ in range(
        10
    ):  # corrections: the page's title was wrong; re-enriched and loaded later, collected earlier: they win
        event = next(picked)[0]
        later = BATCHES[min(BATCHES.index(event["etl_tstamp"]) + 1, len(BATCHES) - 1)]
        before = event["collector_tstamp"] - timedelta(milliseconds=1)
        street.events.append(event | {"etl_tstamp": later, "collector_tstamp": before})
        event["page_title"] = "{{ title }}"
    for _ in range(6):  # a tab left open: pings with the page view id of one session in another one
        one, two = next(picked), next(picked)
        for event in two[-2:]:
            event[WEB_PAGE] = one[0][WEB_PAGE]
    for _ in range(3):  # the same event id in two sessions, and a page view that was sent twice at once
        one, two = next(picked), next(picked)
        two[-1]["event_id"] = one[-1]["event_id"]
        street.events.append(one[0] | {"event_id": street.uuid(), "page_title": "(twice)"})
    for _ in range(4):  # the cookie was deleted: the session goes on as another user
        new = street.uuid()
        for event in next(picked)[2:]:
            event["domain_userid"] = new
    for event in next(picked)[3:]:  # the computer slept: one session of two days
        for name in TIMES[1:]:
            event[name] += timedelta(hours=27)
        event["etl_tstamp"] = batch(event["collector_tstamp"])
    old = [event for events in sessions for event in events if event["etl_tstamp"] == APPENDED]
    return chance.sample(old, 30)


def generate(seed: int = SEED) -> dict[str, list[Event]]:
    """The rows of each file, by its name."""
    street = Street(seed)
    chance = street.chance
    visitors = [street.visitor(number) for number in range(USERS)]
    robots = [street.visitor(number, bot=True) for number in range(4)]
    minutes = int((BATCHES[-1] - BEGIN).total_seconds() / 60) - 20
    starts = [BEGIN + timedelta(minutes=minute) for minute in sorted(chance.choices(range(minutes), k=SESSIONS + 20))]
    sessions = []
    for start in starts[:SESSIONS]:
        moment = start + timedelta(milliseconds=chance.randint(0, 59_999))
        sessions.append(street.session(chance.choice(visitors), moment))
    for robot in robots * 3:
        street.session(robot, chance.choice(starts), bot=True)
    for start in chance.sample(starts, 10):  # cookies are off: no user, no session
        for event in street.session(street.visitor(0), start):
            event |= dict.fromkeys(["domain_userid", "domain_sessionid", "domain_sessionidx", "network_userid"])
    appended = {id(event) for event in mishaps(street, sessions)}
    files: dict[str, list[Event]] = {}
    for event in sorted(street.events, key=lambda event: (event["collector_tstamp"], event["event_id"])):
        end = "-append.parquet" if id(event) in appended else ".parquet"
        files.setdefault(f"{event['etl_tstamp']:%Y-%m-%dT%H}{end}", []).append(event)
    return dict(sorted(files.items()))


def write(directory: Path, files: dict[str, list[Event]]) -> None:
    """One Parquet file for each name."""
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as connection:
        for name, rows in files.items():
            lines = Path(scratch) / "rows.json"
            lines.write_text("".join(json.dumps(row, default=str) + "\n" for row in rows), encoding="utf-8")
            source, made = (str(path).replace("'", "''") for path in (lines, directory / name))
            connection.execute(
                f"copy (select {', '.join(COLUMNS)} from read_json('{source}', format = 'newline_delimited',"
                f" columns = {COLUMNS})) to '{made}' (format parquet, compression zstd, compression_level 19)"
            )


if __name__ == "__main__":
    made, target = generate(), Path(__file__).parent / "events"
    target.mkdir(exist_ok=True)
    write(target, made)
    for file, written in made.items():
        print(f"{file}: {len(written)} events, {(target / file).stat().st_size} bytes")
    print(f"{sum(map(len, made.values()))} events")
