"""A city that does not exist, on the map of one that does.

Owns: the demonstration's operators, lots, lanes and devices, as a document for the import.
Never: reads a clock or a file; one seed gives one city.
"""

from math import cos, radians
from random import Random
from typing import Any, NamedTuple

SEED = 320281
DIVISION = "320281"  # Jiangyin, GB/T 2260
MARK = "演示"  # every name says that it is a demonstration
MARK_EN = "Demo"

SPREAD_M = 900.0  # how far lots lie from the seat of their town, as a standard deviation
SPREAD_MAX_M = 2_400.0
NORTH_MAX_M = 1_000.0  # the Yangtze is not far north of several seats
METRES_PER_DEGREE = 111_320.0
SECOND_LANES_FROM = 600  # bays from which a lot has two lanes each way and two zones

LEVELS = (("B1", "地下一层"), ("B2", "地下二层"))  # one entrance leads to each

DAYTIME = {"mall": ("08:00", "23:00"), "market": ("05:00", "20:00")}


class Town(NamedTuple):
    """A town or street: its code, its seat in WGS-84 and its size in this city."""

    street: str
    name: str
    name_en: str
    lat: float
    lon: float
    size: str
    west: bool = False


class Kind(NamedTuple):
    """What lots of one kind have in common."""

    key: str
    label: str
    label_en: str
    parking_type: int
    attached_type: str | None
    build_type: int
    price_form: str
    plan_key: str
    bays: tuple[int, int]
    contract_share: float
    operator: str


# Seats: GeoNames, CC BY 4.0 (docs/data-sources.md); good to one or two kilometres.
TOWNS = (
    Town("001", "澄江街道", "Chengjiang", 31.9110, 120.2630, "centre"),
    Town("004", "南闸街道", "Nanzha", 31.8553, 120.2411, "small"),
    Town("005", "云亭街道", "Yunting", 31.8644, 120.3373, "middle"),
    Town("007", "申港街道", "Shengang", 31.8866, 120.1384, "middle", west=True),
    Town("008", "利港街道", "Ligang", 31.9247, 120.0786, "small", west=True),
    Town("009", "夏港街道", "Xiagang", 31.8967, 120.2100, "middle", west=True),
    Town("100", "璜土镇", "Huangtu", 31.8745, 120.0365, "small", west=True),
    Town("102", "月城镇", "Yuecheng", 31.8123, 120.2384, "small"),
    Town("103", "青阳镇", "Qingyang", 31.7653, 120.2519, "middle"),
    Town("104", "徐霞客镇", "Xuxiake", 31.7624, 120.3374, "middle"),
    Town("107", "华士镇", "Huashi", 31.8344, 120.4634, "middle"),
    Town("108", "周庄镇", "Zhouzhuang", 31.8673, 120.4034, "middle"),
    Town("109", "新桥镇", "Xinqiao", 31.8025, 120.5048, "small"),
    Town("110", "长泾镇", "Changjing", 31.7551, 120.4778, "small"),
    Town("111", "顾山镇", "Gushan", 31.7328, 120.5488, "small"),
    Town("112", "祝塘镇", "Zhutang", 31.7697, 120.4084, "middle"),
)

FIXED, GUIDED, MARKET = "government_fixed", "government_guided", "market"
T1, T2, T5, T7, T24 = (
    "t1_core_arterial",
    "t2_core_side",
    "t5_hospital",
    "t7_taicang",
    "t24_mall",
)

KINDS = (
    Kind("arterial", "干道泊位", "Arterial Bays", 3, None, 1, FIXED, T1, (24, 60), 0.0, "GONGYONG"),
    Kind("side", "支路泊位", "Side-Street Bays", 3, None, 1, FIXED, T2, (16, 44), 0.0, "GONGYONG"),
    Kind("hospital", "医院", "Hospital", 1, "06", 2, GUIDED, T5, (180, 800), 0.2, "YIYUAN"),
    Kind("mall", "购物中心", "Mall", 1, "13", 2, MARKET, T24, (350, 1_200), 0.1, "SHANGYE"),
    Kind("housing", "住宅小区", "Housing", 1, "01", 2, MARKET, T7, (120, 480), 0.6, "ANJU"),
    Kind("office", "办公楼", "Office", 1, "04", 2, MARKET, T7, (80, 360), 0.5, "CHENGTOU"),
    Kind("market", "农贸市场", "Market", 1, "12", 1, MARKET, T7, (60, 240), 0.1, "SHANGYE"),
    Kind("public", "公共停车场", "Public Lot", 2, None, 1, GUIDED, T7, (60, 260), 0.0, "GONGYONG"),
)

COUNTS = {  # lots of each kind, in the order of KINDS; a street has 99 numbers a category
    "centre": (16, 14, 4, 8, 20, 10, 4, 12),
    "middle": (4, 4, 1, 2, 6, 3, 2, 3),
    "small": (2, 3, 1, 1, 3, 2, 1, 2),
}

OPERATORS = (
    ("GONGYONG", "公用事业集团停车公司", "Public Utilities Parking"),
    ("CHENGTOU", "城市投资停车公司", "City Investment Parking"),
    ("LINGANG", "临港园区停车公司", "Harbour Park Parking"),
    ("YIYUAN", "医院后勤服务公司", "Hospital Services"),
    ("SHANGYE", "商业广场管理公司", "Commerce Plaza Management"),
    ("ANJU", "安居物业服务公司", "Anju Property Services"),
)

ROADS = (
    ("人民路", "Renmin Road"),
    ("振兴路", "Zhenxing Road"),
    ("迎宾路", "Yingbin Road"),
    ("文化路", "Wenhua Road"),
    ("新华路", "Xinhua Road"),
    ("朝阳路", "Chaoyang Road"),
    ("滨江路", "Binjiang Road"),
    ("花园路", "Huayuan Road"),
    ("通港路", "Tonggang Road"),
    ("学前街", "Xueqian Street"),
    ("锦绣街", "Jinxiu Street"),
    ("梅园街", "Meiyuan Street"),
)


def demo_city(seed: int = SEED) -> dict[str, Any]:
    """Return ``{"operators": […], "lots": […]}``, the whole of a demonstration city."""
    random = Random(seed)  # noqa: S311  a city, not a secret
    return {
        "operators": [
            {
                "code": f"DEMO-{code}",
                "name": f"{MARK}·{name}",
                "name_en": f"{MARK_EN} {name_en}",
            }
            for code, name, name_en in OPERATORS
        ],
        "lots": [lot for town in TOWNS for lot in _lots_of(town, random)],
    }


def bays_of(document: dict[str, Any]) -> int:
    """Return how many bays a city has."""
    return sum(sum(lot["pools"].values()) for lot in document["lots"])


def _lots_of(town: Town, random: Random) -> list[dict[str, Any]]:
    serials = dict.fromkeys(("1", "2", "3"), 0)
    lots: list[dict[str, Any]] = []
    for kind, count in zip(KINDS, COUNTS[town.size], strict=True):
        for number in range(1, count + 1):
            category = str(kind.parking_type)
            serials[category] += 1
            code = f"{DIVISION}{town.street}{category}{serials[category]:02d}"
            lots.append(_lot(town, kind, code=code, number=number, random=random))
    return lots


def _lot(town: Town, kind: Kind, *, code: str, number: int, random: Random) -> dict[str, Any]:
    road, road_en = random.choice(ROADS)
    lat, lon = _near(town, random)
    bays = random.randint(*kind.bays)
    ways = 2 if bays >= SECOND_LANES_FROM else 1
    lanes = [(f"{code}-{way}{n}", way) for n in range(1, ways + 1) for way in ("E", "X")]
    lot = {
        "lot": code,
        "operator": f"DEMO-{_operator_of(town, kind)}",
        "name": f"{MARK}·{town.name}{road}{kind.label}{number}号",
        "name_en": f"{MARK_EN} {town.name_en} {road_en} {kind.label_en} {number}",
        "town": f"{DIVISION}{town.street}",
        "address": f"{town.name}{road}{random.randint(1, 399)}号（{MARK}）",
        "lat_wgs84": lat,
        "lon_wgs84": lon,
        "parking_type": kind.parking_type,
        "parking_locate": 2 if kind.parking_type == 3 else 1,  # noqa: PLR2004  路内 and 道路
        "build_type": kind.build_type,
        "attached_type": kind.attached_type,
        "price_form": kind.price_form,
        "plan_key": kind.plan_key,
        "opening_hours": _hours_of(kind),
        "pools": _pools(kind, bays),
        "zones": _zones(bays) if ways > 1 else None,
        "lanes": [_lane(lane, way, zoned=ways > 1) for lane, way in lanes],
        "devices": [
            {"device": f"{lane}-cam", "lanes": [lane], "camera_model": _camera_of(kind)}
            for lane, _ in lanes
        ],
    }
    return {name: value for name, value in lot.items() if value is not None}


def _lane(lane: str, way: str, *, zoned: bool) -> dict[str, Any]:
    """Of a large lot, the first entrance leads to the first level and the second to the second."""
    stated = {"lane": lane, "direction": "entry" if way == "E" else "exit", "confirms_exit": True}
    return stated | ({"zone": f"B{lane[-1]}"} if zoned and way == "E" else {})


def _zones(bays: int) -> list[dict[str, Any]]:
    """Split the bays of a large lot over its two levels."""
    capacities = (bays - bays // 2, bays // 2)
    return [
        {"zone": zone, "name": name, "capacity": capacity}
        for (zone, name), capacity in zip(LEVELS, capacities, strict=True)
    ]


def _near(town: Town, random: Random) -> tuple[float, float]:
    """Return a place near the seat of a town, never far out and never in the river."""
    north_m, east_m = (
        max(-SPREAD_MAX_M, min(SPREAD_MAX_M, random.gauss(0.0, SPREAD_M))) for _ in range(2)
    )
    lat = town.lat + min(north_m, NORTH_MAX_M) / METRES_PER_DEGREE
    lon = town.lon + east_m / (METRES_PER_DEGREE * cos(radians(town.lat)))
    return round(lat, 6), round(lon, 6)


def _operator_of(town: Town, kind: Kind) -> str:
    """The western harbour towns have an operator of their own for what the city runs elsewhere."""
    return "LINGANG" if town.west and kind.operator == "GONGYONG" else kind.operator


def _camera_of(kind: Kind) -> str:
    """The streets have another camera than garages have."""
    return "DEMO-LPR-S" if kind.parking_type == 3 else "DEMO-LPR-G"  # noqa: PLR2004  道路


def _hours_of(kind: Kind) -> Any:
    if kind.key not in DAYTIME:
        return "24h"
    first, until = DAYTIME[kind.key]
    return [{"days": [1, 2, 3, 4, 5, 6, 7], "from": first, "until": until}]


def _pools(kind: Kind, bays: int) -> dict[str, int]:
    """Split the bays into pools that add up; a roadside has one."""
    if kind.parking_type == 3:  # noqa: PLR2004  道路
        return {"short_stay": bays}
    pools = {
        "contract": int(bays * kind.contract_share),
        "disabled": max(1, bays // 50),
        "charging": bays // 10,
    }
    pools = {pool: count for pool, count in pools.items() if count}
    return {"short_stay": bays - sum(pools.values()), **pools}
