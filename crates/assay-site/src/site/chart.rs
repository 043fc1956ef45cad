//! Charts as SVG. They are pictures for people who see: each has a table with the same figures behind it.

use assay_reserves::Units;

use crate::escape::escape;

/// Parts per million that are all.
const WHOLE: u32 = 1_000_000;

/// A bar.
pub(super) struct Bar<'a> {
    pub(super) label: &'a str,
    /// Counted and verified ratio.
    pub(super) counted: Units,
    pub(super) verified: Units,
    pub(super) text: String,
}

/// A ratio that fits a picture, in parts per million.
fn clipped(ratio: Units, most: u32) -> (u32, bool) {
    match u32::try_from(ratio.0) {
        Ok(ratio) if ratio <= most => (ratio, false),
        _ => (most, true),
    }
}

/// The end of the scale: at least 125 %, at most 200 %.
pub(super) fn scale_end(bars: &[Bar<'_>]) -> u32 {
    let most = bars.iter().map(|bar| clipped(bar.counted, 2 * WHOLE).0).max().unwrap_or(WHOLE);
    most.next_multiple_of(WHOLE / 4).clamp(WHOLE + WHOLE / 4, 2 * WHOLE)
}

const WIDTH: u32 = 420;
const BAR_FROM: u32 = 82;
const BAR_ROOM: u32 = WIDTH - BAR_FROM - 78;
const ROW: u32 = 26;

/// Bars of ratios with a line at 100 %.
pub(super) fn bars(bars: &[Bar<'_>], name: &str) -> String {
    let end = scale_end(bars);
    let x = |ratio: u32| {
        BAR_FROM + u32::try_from(u64::from(ratio) * u64::from(BAR_ROOM) / u64::from(end)).unwrap_or(BAR_ROOM)
    };
    let height = ROW * u32::try_from(bars.len()).unwrap_or(0) + 24;
    let mut svg = begin(height, name);
    for (row, bar) in (0u32..).zip(bars) {
        let y = row * ROW + 22;
        let (counted, clipped_off) = clipped(bar.counted, end);
        let (verified, _) = clipped(bar.verified, end);
        let class = if bar.counted.0 >= u128::from(WHOLE) { "counted" } else { "counted short" };
        svg.push_str(&format!(
            "<text class=\"label\" x=\"0\" y=\"{}\">{}</text>\
             <rect class=\"{class}\" x=\"{BAR_FROM}\" y=\"{y}\" width=\"{}\" height=\"14\" rx=\"2\"/>\
             <rect class=\"verified\" x=\"{BAR_FROM}\" y=\"{y}\" width=\"{}\" height=\"14\" rx=\"2\"/>",
            y + 11,
            escape(&shortened(bar.label)),
            x(counted) - BAR_FROM,
            x(verified) - BAR_FROM,
        ));
        if clipped_off {
            let (tip, middle) = (x(end) + 8, y + 7);
            svg.push_str(&format!(
                "<path class=\"arrow\" d=\"M{} {y}L{tip} {middle}L{} {}Z\"/>",
                x(end),
                x(end),
                y + 14
            ));
        }
        svg.push_str(&format!(
            "<text class=\"value\" x=\"{WIDTH}\" y=\"{}\">{}</text>",
            y + 11,
            escape(&shortened(&bar.text))
        ));
    }
    let line = x(WHOLE);
    svg.push_str(&format!(
        "<path class=\"whole\" d=\"M{line} 16V{height}\"/><text class=\"mark\" x=\"{line}\" y=\"11\">100 %</text></svg>\n"
    ));
    svg
}

/// A point of the history: seconds, counted and verified ratio; nothing where nothing is owed.
pub(super) struct Point {
    pub(super) time: u64,
    pub(super) label: String,
    pub(super) counted: Option<Units>,
    pub(super) verified: Option<Units>,
}

/// Whether there is a gap after each point: more than one and a half of the usual distance to the next.
pub(super) fn gaps(times: &[u64]) -> Vec<bool> {
    let mut distances: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let unsorted = distances.clone();
    distances.sort_unstable();
    // With one or two distances there is no usual one.
    let usual = if distances.len() < 3 { None } else { distances.get(distances.len() / 2) };
    unsorted
        .iter()
        .map(|distance| usual.is_some_and(|usual| u128::from(*distance) * 2 > u128::from(*usual) * 3))
        .collect()
}

const HEIGHT: u32 = 210;
const PLOT_FROM: u32 = 56;
const PLOT_TO: u32 = WIDTH - 14;
const BOTTOM: u32 = HEIGHT - 28;
const TOP: u32 = 16;

/// Ratios over time; where there is a gap, no line, but a field that says so.
pub(super) fn history(points: &[Point], name: &str, gap: &str) -> String {
    let times: Vec<u64> = points.iter().map(|point| point.time).collect();
    let (first, last) = (times.first().copied().unwrap_or(0), times.last().copied().unwrap_or(0));
    let span = u128::from((last - first).max(1));
    let x = |time: u64| {
        let room = u128::from(PLOT_TO - PLOT_FROM);
        let offset = u128::from(time - first) * room / span;
        PLOT_FROM + if first == last { (PLOT_TO - PLOT_FROM) / 2 } else { u32::try_from(offset).unwrap_or(0) }
    };
    let y = |ratio: Units| BOTTOM - clipped(ratio, 2 * WHOLE).0 / (2 * WHOLE / (BOTTOM - TOP));
    let mut svg = begin(HEIGHT, name);
    let gaps = gaps(&times);
    for (pair, _) in points.windows(2).zip(&gaps).filter(|(_, gap)| **gap) {
        let (from, to) = (x(pair[0].time), x(pair[1].time));
        svg.push_str(&format!(
            "<rect class=\"gap\" x=\"{from}\" y=\"{TOP}\" width=\"{}\" height=\"{}\"/>\
             <text class=\"mark\" x=\"{}\" y=\"{}\">{}</text>",
            to - from,
            BOTTOM - TOP,
            from.midpoint(to),
            BOTTOM - 6,
            escape(gap)
        ));
    }
    for percent in [0, 100, 200] {
        let line = y(Units(percent * 10_000));
        let class = if percent == 100 { "whole" } else { "grid" };
        svg.push_str(&format!(
            "<path class=\"{class}\" d=\"M{PLOT_FROM} {line}H{PLOT_TO}\"/>\
             <text class=\"value\" x=\"{}\" y=\"{}\">{percent} %</text>",
            PLOT_FROM - 10,
            line + 4
        ));
    }
    for (class, ratio) in [
        ("line-counted", (|point: &Point| point.counted) as fn(&Point) -> Option<Units>),
        ("line-verified", |point: &Point| point.verified),
    ] {
        for (pair, gap) in points.windows(2).zip(&gaps) {
            if let (Some(a), Some(b), false) = (ratio(&pair[0]), ratio(&pair[1]), *gap) {
                svg.push_str(&format!(
                    "<path class=\"{class}\" d=\"M{} {}L{} {}\"/>",
                    x(pair[0].time),
                    y(a),
                    x(pair[1].time),
                    y(b)
                ));
            }
        }
        for point in points {
            if let Some(value) = ratio(point) {
                svg.push_str(&format!(
                    "<circle class=\"{class}\" cx=\"{}\" cy=\"{}\" r=\"4\"/>",
                    x(point.time),
                    y(value)
                ));
            }
        }
    }
    let ends = if points.len() > 1 { vec![points.first(), points.last()] } else { vec![points.first()] };
    for (point, class) in ends.into_iter().flatten().zip(["start", "end"]) {
        let class = if points.len() == 1 { "mark" } else { class };
        svg.push_str(&format!(
            "<text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>",
            x(point.time),
            HEIGHT - 8,
            escape(&shortened(&point.label))
        ));
    }
    svg.push_str("</svg>\n");
    svg
}

fn begin(height: u32, name: &str) -> String {
    format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\" direction=\"ltr\">",
        escape(name)
    )
}

/// Labels can be of any length in a report.
fn shortened(text: &str) -> String {
    if text.chars().count() <= 11 {
        return text.to_owned();
    }
    text.chars().take(10).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_report_is_a_gap() {
        assert_eq!(gaps(&[0, 10, 20, 41, 51]), [false, false, true, false]);
        assert_eq!(gaps(&[0, 10, 1000]), [false, false]);
        assert!(gaps(&[5]).is_empty());
        let point = |time| Point { time, label: "2026".into(), counted: Some(Units(1)), verified: None };
        let points: Vec<Point> = [0, 10, 20, 41, 51].map(point).into();
        let svg = history(&points, "name", "no report");
        assert_eq!(svg.matches("class=\"gap\"").count(), 1);
        assert_eq!(svg.matches("<path class=\"line-counted\"").count(), 3);
        assert_eq!(svg.matches("<circle").count(), 5);
    }

    #[test]
    fn huge_ratios_and_labels_fit() {
        let label = "<script>alert(1)</script>".to_owned();
        let bar = |counted| Bar {
            label: &label,
            counted: Units(counted),
            verified: Units(0),
            text: "x".repeat(99),
        };
        let svg = bars(&[bar(u128::MAX), bar(0), bar(1_000_000)], "name");
        assert!(!svg.contains("<script") && svg.contains("class=\"arrow\""));
        assert!(svg.contains("counted short"));
        let numbers: Vec<u32> =
            svg.split("width=\"").skip(1).filter_map(|part| part.split('"').next()?.parse().ok()).collect();
        assert!(numbers.iter().all(|width| *width <= WIDTH), "{numbers:?}");
        let point =
            |time| Point { time, label: label.clone(), counted: Some(Units(u128::MAX)), verified: None };
        assert!(!history(&[point(0), point(u64::MAX)], "<b>", "<b>").contains("<b>"));
    }
}
