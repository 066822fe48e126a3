//! What is wrong with a plan although it can be priced: gaps, missing caps, and longer stays that
//! cost less.

use super::Span;
use super::compile::{CapKind, Plan};
use super::layout::Layout;
use super::moments::{DATES_MAX, entries};
use super::terms::{PLAIN, Terms};
use super::time::{DAY_S, FIRST_S, MINUTE_S};
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

/// How long a stay is followed.
const LOOKED_AT_S: i64 = 2 * DAY_S + 2 * 3_600;
/// Fees that one search may ask for, which is some seconds of work.
const FEES_MAX: i64 = 10_000_000;

/// One class of cars in one part of the lot.
struct Case<'plan> {
    field: String,
    layout: &'plan Layout,
    terms: Terms,
    class: &'static str,
    vehicle: Vehicle,
}

impl Case<'_> {
    fn span(&self, entered_s: i64, until_s: i64) -> Span<'_> {
        Span { entered_s, until_s, vehicle: self.vehicle, carry: None, terms: &self.terms }
    }
}

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

    fn layouts(&self) -> impl Iterator<Item = (String, Option<&String>, &Layout)> {
        let zone = |(zone, layout)| (format!("zones.{zone}"), Some(zone), layout);
        let zones = self.zones.iter().map(|(name, layout)| (name, layout)).map(zone);
        std::iter::once((String::from("windows"), None, &self.layout)).chain(zones)
    }

    /// Every part of the lot with every class that pays, less those that pay a multiple of what
    /// another one does: they rise and fall together.
    fn cases(&self) -> Vec<Case<'_>> {
        let mut cases = Vec::new();
        for (field, zone, layout) in self.layouts() {
            let mut seen = Vec::new();
            for (class, vehicle) in VEHICLES {
                let ratios = self.ratios(layout, vehicle);
                if ratios.iter().any(|&fen| fen > 0) && !seen.contains(&ratios) {
                    let terms = Terms { zone: zone.cloned(), ..Terms::default() };
                    cases.push(Case { field: field.clone(), layout, terms, class, vehicle });
                    seen.push(ratios);
                }
            }
        }
        cases
    }

    /// All amounts of a class, without what they have in common.
    fn ratios(&self, layout: &Layout, vehicle: Vehicle) -> Vec<i64> {
        let windows = layout.windows.iter().flat_map(|window| {
            window.tiers.iter().map(|tier| &tier.price_fen).chain(&window.cap_fen)
        });
        let pack = self.night_pack.iter().map(|pack| &pack.price_fen);
        let amounts = windows.chain(pack).chain(&self.cap.amounts).map(|one| one.of(vehicle));
        let amounts: Vec<i64> = amounts.collect();
        let common = amounts.iter().fold(0, |known, &fen| common_divisor(known, fen)).max(1);
        amounts.iter().map(|fen| fen / common).collect()
    }

    /// Time of the day that belongs to no window, unless the plan says that it is free.
    fn find_gaps(&self, findings: &mut Vec<Finding>) {
        if self.says_outside {
            return;
        }
        for (field, _, layout) in self.layouts() {
            for schedule in &layout.schedules {
                for piece in schedule.pieces().iter().filter(|piece| piece.window.is_none()) {
                    let (from, to) = (clock(piece.start_s), clock(piece.end_s));
                    let detail = format!(
                        "{from} to {to} belongs to no window; if it is free, say `outside`: `free`"
                    );
                    let detail_zh = format!(
                        "{from}–{to} 不属于任何收费时段；如为免费时间，请写明 outside: free"
                    );
                    if !findings.iter().any(|one| one.field == field && one.detail == detail) {
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
        let dearest_fen = self.dearest_last_day_fen();
        if !self.cap.across_visits && dearest_fen.is_some_and(|fen| fen < last.of(Vehicle::Small)) {
            let detail = String::from("no stay of small cars ever reaches this cap");
            let detail_zh = String::from("小型车在任何停车时长下都达不到此封顶金额");
            findings.push(Finding {
                severity: Severity::Warning,
                ..error("cap_idle", "caps", (detail, detail_zh), None)
            });
        }
    }

    /// The most that small cars pay for the day to which the last cap belongs, anywhere in the lot.
    fn dearest_last_day_fen(&self) -> Option<i64> {
        let days = i64::try_from(self.cap.amounts.len()).unwrap_or(1);
        let last_day = |zone: Option<&String>, day: i64| {
            let terms = Terms { zone: zone.cloned(), ..Terms::default() };
            let entered_s = FIRST_S + (366 + day) * DAY_S;
            let fee = |days: i64| {
                let until_s = entered_s + days * DAY_S;
                self.fee_fen(&Span { terms: &terms, ..plain(entered_s, until_s) }).ok()
            };
            Some(fee(days)? - fee(days - 1)?)
        };
        let zones = self.layouts().map(|(_, zone, _)| zone);
        zones.flat_map(|zone| (0..14).filter_map(move |day| last_day(zone, day))).max()
    }

    /// The shortest pair of stays of which the longer one costs less.
    fn find_cheaper_longer(&self, today_s: i64) -> Option<Finding> {
        if self.longer_may_cost_less {
            return None;
        }
        let (field, example) = self.shortest_drop(today_s)?;
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
        Some(error("longer_costs_less", &field, (detail, detail_zh), Some(example)))
    }

    /// The first date of every case is looked at before the second date of any.
    fn shortest_drop(&self, today_s: i64) -> Option<(String, Example)> {
        let cases = self.cases();
        let entries: Vec<_> = cases
            .iter()
            .map(|case| entries(case.layout, self.night_pack.as_ref(), today_s))
            .collect();
        let mut found: Option<(String, Example)> = None;
        let mut fees_left = FEES_MAX;
        for nth in 0..DATES_MAX {
            for (case, dates) in cases.iter().zip(&entries) {
                for &entered_s in dates.get(nth).into_iter().flatten() {
                    let within_s = found.as_ref().map_or(LOOKED_AT_S, |(_, one)| one.length_s());
                    fees_left -= within_s / MINUTE_S * marks_a_minute(entered_s);
                    if fees_left < 0 {
                        return found;
                    }
                    let drop = self.drop_after(case, entered_s, within_s);
                    let rank = |one: &Example| (one.length_s(), one.entered_s);
                    let best = found.as_ref().map(|(_, one)| rank(one));
                    if let Some(drop) = drop.filter(|one| best.is_none_or(|best| rank(one) < best))
                    {
                        found = Some((case.field.clone(), drop));
                    }
                }
            }
        }
        found
    }

    /// Where the amount first falls for a car that came at this moment. Amounts change just after
    /// whole minutes of the stay and of the clock, so that both are looked at.
    fn drop_after(&self, case: &Case<'_>, entered_s: i64, within_s: i64) -> Option<Example> {
        let past_s = entered_s.rem_euclid(MINUTE_S);
        let mut before = (entered_s, 0);
        for minute in 1..=(within_s + MINUTE_S - 1) / MINUTE_S {
            let own_s = entered_s + minute * MINUTE_S;
            for until_s in [own_s - past_s, own_s].into_iter().skip(usize::from(past_s == 0)) {
                let now_fen = self.fee_fen(&case.span(entered_s, until_s)).ok()?;
                if now_fen < before.1 {
                    return Some(self.narrowed(case, entered_s, before, until_s));
                }
                before = (until_s, now_fen);
            }
        }
        None
    }

    /// The second at which the amount falls, between two moments.
    fn narrowed(
        &self,
        case: &Case<'_>,
        entered_s: i64,
        (high_s, high_fen): (i64, i64),
        low_s: i64,
    ) -> Example {
        let fee = |until_s| self.fee_fen(&case.span(entered_s, until_s)).unwrap_or(i64::MAX);
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
        let vehicle = case.class;
        Example { vehicle, entered_s, until_s, amount_fen, later_until_s, later_amount_fen }
    }

    /// A stay that costs more than the caps of its days or 24 hours allow.
    fn find_broken_cap(&self, today_s: i64) -> Option<Finding> {
        if self.cap.kind == CapKind::None {
            return None;
        }
        let example = self.cases().iter().find_map(|case| {
            let entries = entries(case.layout, self.night_pack.as_ref(), today_s);
            entries.into_iter().flatten().find_map(|entered_s| self.over_cap(case, entered_s))
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

    fn over_cap(&self, case: &Case<'_>, entered_s: i64) -> Option<Example> {
        for until_s in (1..=3).map(|day| entered_s + day * DAY_S) {
            let most_fen = self.most_fen(entered_s, until_s, case.vehicle);
            let amount_fen = self.fee_fen(&case.span(entered_s, until_s)).ok()?;
            if amount_fen > most_fen {
                return Some(Example {
                    vehicle: case.class,
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
}

impl Example {
    const fn length_s(&self) -> i64 {
        self.later_until_s - self.entered_s
    }
}

/// Whole minutes of the stay and of the clock are the same for a car that came at one.
const fn marks_a_minute(entered_s: i64) -> i64 {
    if entered_s % MINUTE_S == 0 { 1 } else { 2 }
}

const fn common_divisor(mut one: i64, mut other: i64) -> i64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
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
