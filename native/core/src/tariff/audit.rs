//! What is wrong with a plan although it can be priced: gaps, missing caps, and longer stays that
//! cost less.

use super::Span;
use super::compile::{CapKind, Plan};
use super::day::Schedule;
use super::layout::Layout;
use super::terms::PLAIN;
use super::time::{CALENDAR_DAYS, DAY_S, FIRST_S, MINUTE_S, civil};
use super::words::{VEHICLES, Vehicle};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The plan must not be published.
    Error,
    /// Somebody should look at it.
    Warning,
}

/// Something wrong with a plan, with the smallest example that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Name of the broken rule; stable.
    pub rule: &'static str,
    /// JSON path of the field that decides it.
    pub field: String,
    /// What is wrong, for people.
    pub detail: String,
    /// The same in Chinese.
    pub detail_zh: String,
    /// Two stays of one car, or one and its cap, that show it.
    pub example: Option<Example>,
}

/// A stay and a longer one that shows a finding; for a cap, the longer one is the period's amount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The class of the car.
    pub vehicle: &'static str,
    /// When it came.
    pub entered_s: i64,
    /// The earlier end.
    pub until_s: i64,
    /// What it costs until then.
    pub amount_fen: i64,
    /// The later end.
    pub later_until_s: i64,
    /// What it costs until then, or the cap that it breaks.
    pub later_amount_fen: i64,
}

/// Dates that a tariff most likely stumbles on; the years are those of the published calendar.
const YEAR_DAYS: i64 = 366;
const GRID_S: i64 = 15 * MINUTE_S;
const LOOKED_AT_S: i64 = 2 * DAY_S + 2 * 3_600;
const DATES_MAX: usize = 10;

impl Plan {
    /// Look for what a plan must not do. `today_s` says which year's dates are tried.
    #[must_use]
    pub fn audit(&self, today_s: i64) -> Vec<Finding> {
        let mut findings = Vec::new();
        self.find_gaps(&mut findings);
        self.find_missing_cap(&mut findings);
        self.find_idle_cap(&mut findings);
        if let Some(finding) = self.find_cheaper_longer(today_s) {
            findings.push(finding);
        }
        if let Some(finding) = self.find_broken_cap(today_s) {
            findings.push(finding);
        }
        findings
    }

    fn layouts(&self) -> impl Iterator<Item = (String, &Layout)> {
        let zones = self.zones.iter().map(|(zone, layout)| (format!("zones.{zone}"), layout));
        std::iter::once((String::from("windows"), &self.layout)).chain(zones)
    }

    /// Time of the day that belongs to no window, unless the plan says that it is free.
    fn find_gaps(&self, findings: &mut Vec<Finding>) {
        if self.says_outside {
            return;
        }
        for (field, layout) in self.layouts() {
            for schedule in &layout.schedules {
                for piece in schedule.pieces().iter().filter(|piece| piece.window.is_none()) {
                    let (from, to) = (clock(piece.start_s), clock(piece.end_s));
                    let detail = format!(
                        "{from} to {to} belongs to no window; if it is free, say `outside`: `free`"
                    );
                    let detail_zh = format!(
                        "{from}–{to} 不属于任何收费时段；如为免费时间，请写明 outside: free"
                    );
                    if !findings.iter().any(|known| known.detail == detail) {
                        findings.push(error("gap", &field, (detail, detail_zh), None));
                    }
                }
            }
        }
    }

    fn find_missing_cap(&self, findings: &mut Vec<Finding>) {
        if self.cap.kind == CapKind::None && !self.says_uncapped {
            let detail = String::from(
                "has no cap per day or per 24 hours; if that is meant, say `caps.uncapped`: true",
            );
            let detail_zh = String::from(
                "没有每日或每 24 小时的最高收费；如确无封顶，请写明 caps.uncapped: true",
            );
            findings.push(error("cap_missing", "caps", (detail, detail_zh), None));
        }
    }

    /// A cap that nobody can reach is most likely a slip of the pen.
    fn find_idle_cap(&self, findings: &mut Vec<Finding>) {
        let Some(last) = self.cap.amounts.last() else { return };
        let entered_s = FIRST_S + 366 * DAY_S;
        let uncapped = self.dearest_day_fen(entered_s);
        if uncapped.is_some_and(|fen| fen < last.of(Vehicle::Small)) {
            let detail = String::from("no stay of small cars ever reaches this cap");
            let detail_zh = String::from("小型车在任何停车时长下都达不到此封顶金额");
            findings.push(Finding {
                severity: Severity::Warning,
                ..error("cap_idle", "caps", (detail, detail_zh), None)
            });
        }
    }

    fn dearest_day_fen(&self, entered_s: i64) -> Option<i64> {
        let day = |days: i64| {
            let entered_s = entered_s + days * DAY_S;
            self.fee_fen(&plain(entered_s, entered_s + DAY_S)).ok()
        };
        (0..14).filter_map(day).max()
    }

    /// The shortest pair of stays of which the longer one costs less.
    fn find_cheaper_longer(&self, today_s: i64) -> Option<Finding> {
        if self.longer_may_cost_less {
            return None;
        }
        let starts = self.entries(today_s);
        let found = starts.iter().filter_map(|&entered_s| self.drop_after(entered_s));
        let example =
            found.min_by_key(|drop| (drop.later_until_s - drop.entered_s, drop.entered_s))?;
        let detail = format!(
            "a stay of {} costs {} yuan and one of {} only {}",
            length(example.until_s - example.entered_s),
            yuan(example.amount_fen),
            length(example.later_until_s - example.entered_s),
            yuan(example.later_amount_fen),
        );
        let detail_zh = format!(
            "停车 {} 收 {} 元，停车 {} 反而只收 {} 元",
            length_zh(example.until_s - example.entered_s),
            yuan(example.amount_fen),
            length_zh(example.later_until_s - example.entered_s),
            yuan(example.later_amount_fen),
        );
        Some(error("longer_costs_less", "windows", (detail, detail_zh), Some(example)))
    }

    /// Where the amount first falls for a car that came at this moment.
    fn drop_after(&self, entered_s: i64) -> Option<Example> {
        let fee = |until_s| self.fee_fen(&plain(entered_s, until_s)).ok();
        let mut before = (entered_s, 0);
        let mut until_s = entered_s;
        while until_s < entered_s + LOOKED_AT_S {
            until_s += MINUTE_S;
            let now_fen = fee(until_s)?;
            if now_fen < before.1 {
                return Some(self.narrowed(entered_s, before, until_s));
            }
            before = (until_s, now_fen);
        }
        None
    }

    /// The second at which the amount falls, between two minutes.
    fn narrowed(&self, entered_s: i64, (high_s, high_fen): (i64, i64), low_s: i64) -> Example {
        let fee = |until_s| self.fee_fen(&plain(entered_s, until_s)).unwrap_or(i64::MAX);
        let (mut until_s, mut amount_fen, mut later_until_s) = (high_s, high_fen, low_s);
        for at_s in high_s + 1..=low_s {
            let now_fen = fee(at_s);
            if now_fen < amount_fen {
                later_until_s = at_s;
                break;
            }
            (until_s, amount_fen) = (at_s, now_fen);
        }
        let later_amount_fen = fee(later_until_s);
        let vehicle = "small";
        Example { vehicle, entered_s, until_s, amount_fen, later_until_s, later_amount_fen }
    }

    /// A stay that costs more than the caps of its days or 24 hours allow.
    fn find_broken_cap(&self, today_s: i64) -> Option<Finding> {
        if self.cap.kind == CapKind::None {
            return None;
        }
        let starts = self.entries(today_s);
        let example = VEHICLES.iter().find_map(|&(name, vehicle)| {
            starts.iter().find_map(|&entered_s| self.over_cap(entered_s, (name, vehicle)))
        })?;
        let detail = format!(
            "a stay of {} costs {} yuan, more than its caps allow",
            length(example.until_s - example.entered_s),
            yuan(example.amount_fen)
        );
        let detail_zh = format!(
            "停车 {} 收 {} 元，超过封顶",
            length_zh(example.until_s - example.entered_s),
            yuan(example.amount_fen)
        );
        Some(error("cap_broken", "caps", (detail, detail_zh), Some(example)))
    }

    fn over_cap(
        &self,
        entered_s: i64,
        (name, vehicle): (&'static str, Vehicle),
    ) -> Option<Example> {
        for until_s in (1..=3).map(|day| entered_s + day * DAY_S) {
            let most_fen = self.most_fen(entered_s, until_s, vehicle);
            let span = Span { vehicle, ..plain(entered_s, until_s) };
            let amount_fen = self.fee_fen(&span).ok()?;
            if amount_fen > most_fen {
                return Some(Example {
                    vehicle: name,
                    entered_s,
                    until_s,
                    amount_fen,
                    later_until_s: until_s,
                    later_amount_fen: most_fen,
                });
            }
        }
        None
    }

    /// What the caps of the days or 24 hours of a stay come to.
    fn most_fen(&self, entered_s: i64, until_s: i64, vehicle: Vehicle) -> i64 {
        let day = |at_s: i64| (at_s - FIRST_S).div_euclid(DAY_S);
        let periods = match self.cap.kind {
            CapKind::NaturalDay => day(until_s - 1) - day(entered_s) + 1,
            CapKind::None | CapKind::Rolling24h => (until_s - entered_s + DAY_S - 1) / DAY_S,
        };
        let last = self.cap.amounts.last();
        let cap = |index| usize::try_from(index).ok().and_then(|index| self.cap.amounts.get(index));
        let of = |index| cap(index).or(last).map_or(0, |amount| amount.of(vehicle));
        (0..periods).map(of).sum()
    }

    /// Moments of entry that show what a plan does: every quarter of an hour of days of each kind,
    /// before and after each, at the year's end and around the edges of windows.
    fn entries(&self, today_s: i64) -> Vec<i64> {
        let mut entries = Vec::new();
        for day_s in self.telling_dates(today_s) {
            entries.extend((0..DAY_S / GRID_S).map(|quarter| day_s + quarter * GRID_S));
            for edge_s in self.edges_s() {
                entries.extend([-61, -1, 1].map(|beside_s| day_s + edge_s + beside_s));
            }
        }
        entries.retain(|&at_s| at_s >= FIRST_S);
        entries
    }

    fn edges_s(&self) -> Vec<i64> {
        let pieces = self.layout.schedules.iter().flat_map(Schedule::pieces);
        let mut edges: Vec<i64> = pieces.map(|piece| piece.start_s).collect();
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    /// One date for each way in which days of different kinds follow each other, and the year's end.
    fn telling_dates(&self, today_s: i64) -> Vec<i64> {
        let last = i64::try_from(CALENDAR_DAYS).unwrap_or_default() - YEAR_DAYS - 8;
        let today = (today_s - FIRST_S).div_euclid(DAY_S).clamp(0, last);
        let mut seen = Vec::new();
        let mut dates = Vec::new();
        for day in today..today + YEAR_DAYS {
            let pair = (self.layout.days.class(day), self.layout.days.class(day + 1));
            let (_, month, date) = civil(usize::try_from(day).unwrap_or_default());
            if !seen.contains(&pair) || (month, date) == (12, 31) {
                seen.push(pair);
                dates.push(FIRST_S + day * DAY_S);
            }
        }
        dates.truncate(DATES_MAX);
        dates
    }
}

fn plain(entered_s: i64, until_s: i64) -> Span<'static> {
    Span { entered_s, until_s, vehicle: Vehicle::Small, carry: None, terms: &PLAIN }
}

fn error(
    rule: &'static str,
    field: &str,
    (detail, detail_zh): (String, String),
    example: Option<Example>,
) -> Finding {
    let field = String::from(field);
    Finding { severity: Severity::Error, rule, field, detail, detail_zh, example }
}

fn clock(second: i64) -> String {
    format!("{:02}:{:02}", second / 3_600, second % 3_600 / MINUTE_S)
}

fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

fn length(seconds: i64) -> String {
    format!("{} h {:02} min {:02} s", seconds / 3_600, seconds % 3_600 / 60, seconds % 60)
}

fn length_zh(seconds: i64) -> String {
    format!("{} 小时 {} 分 {} 秒", seconds / 3_600, seconds % 3_600 / 60, seconds % 60)
}
