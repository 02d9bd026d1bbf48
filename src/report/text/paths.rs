//! The paths: those that the client would use in its order, then others that answer, then what is broken.

use super::head;
use crate::report::model::{CheckReport, PathReport, RankReport};
use crate::report::names::Names;
use crate::report::style::{Ink, Line, Style, Verbosity, columns, wrap, wrapped};
use crate::verdict::PathState;
use raincheck_probes::evidence::{Proof, Transport};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;

/// Where the columns begin.
struct Columns {
    server: usize,
    flow: usize,
    route: usize,
    rest: usize,
    /// The widest name that has room.
    name: usize,
    /// How routes are told apart.
    proxies: Proxies,
}

/// Lines that a cause may take beside its finding's code; a longer one goes below.
const CAUSE_LINES: usize = 2;
/// Columns of everything in a line but the server's name.
const BESIDE_SERVER: usize = 63;

/// Writes the section.
pub(super) fn write(
    report: &CheckReport,
    names: &Names,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    if report.paths.is_empty() {
        return Ok(());
    }
    let ranked: Vec<(&RankReport, &PathReport)> = report
        .ranking
        .iter()
        .filter_map(|rank| Some((rank, report.paths.iter().find(|path| path.id == rank.path)?)))
        .collect();
    let title = if !ranked.is_empty() {
        format!("Paths in the order the client prefers them ({})", client(&report.profile))
    } else if report.paths.iter().any(|path| path.state == PathState::Reachable) {
        "Paths, as far as they can be shown without credentials".to_owned()
    } else {
        "Paths".to_owned()
    };
    head(&title, style, out)?;
    let columns = Columns::fit(report, ranked.len(), names, style.width);
    let taken = ranked.iter().position(|(rank, _)| rank.selected_answering).unwrap_or(0);
    for (at, ranked) in ranked.iter().enumerate() {
        ranked_line(*ranked, at < taken, &columns, names, style, out)?;
    }
    let is_ranked = |path: &PathReport| ranked.iter().any(|(_, other)| other.id == path.id);
    let mut others: Vec<&PathReport> = report.paths.iter().filter(|path| !is_ranked(path)).collect();
    others.sort_by_key(|path| (group(path), !path.client_tries));
    for path in others {
        other_line(path, &columns, names, style, out)?;
    }
    Ok(())
}

/// `chromium 156`, `chromium 146+`, `mobile, libwebrtc 146+`: the version, or else the first of those that behave so.
pub(in crate::report) fn client(profile: &str) -> String {
    let (name, version) = match profile.split_once('@') {
        Some((name, version)) => (name, version),
        None if matches!(profile, "chromium" | "mobile") => (profile, "146+"),
        None => return profile.to_owned(),
    };
    match name {
        "mobile" => format!("mobile, libwebrtc {version}"),
        _ => format!("{name} {version}"),
    }
}

fn group(path: &PathReport) -> u8 {
    match path.state {
        PathState::Works => 0,
        PathState::Reachable => 1,
        PathState::Fails => 2,
        PathState::Undecided => 3,
    }
}

impl Columns {
    fn fit(report: &CheckReport, ranked: usize, names: &Names, width: usize) -> Self {
        let widest = |of: &dyn Fn(&PathReport) -> usize| report.paths.iter().map(of).max().unwrap_or(0);
        let proxies = Proxies::of(&report.network.proxies);
        let server = 4 + ranked.to_string().len() + 2;
        let name = widest(&|p| columns(names.short(&p.server))).min(width.saturating_sub(BESIDE_SERVER));
        let flow = server + name + 2;
        let route = flow + widest(&|p| columns(&self::flow(p))) + 2;
        Self {
            server,
            flow,
            route,
            rest: route + widest(&|p| columns(route_name(p, proxies))) + 2,
            name,
            proxies,
        }
    }

    fn fitting<'a>(&self, name: &'a str) -> Cow<'a, str> {
        if columns(name) <= self.name {
            return Cow::Borrowed(name);
        }
        Cow::Owned(name.chars().take(self.name.saturating_sub(1)).chain(['…']).collect())
    }

    /// The line up to the route. `place` stands to the right of its column.
    fn line(&self, mark: &str, place: &str, path: &PathReport, names: &Names) -> Line {
        let mut line = Line::default();
        let ink = if path.state == PathState::Fails { Ink::Bad } else { Ink::Good };
        line.tab(2).put(ink, mark).tab((self.server - 2).saturating_sub(columns(place))).put(ink, place);
        line.tab(self.server).put(Ink::Plain, &self.fitting(names.short(&path.server)));
        line.tab(self.flow).put(Ink::Plain, &flow(path));
        line.tab(self.route).put(Ink::Plain, route_name(path, self.proxies)).tab(self.rest);
        line
    }
}

fn flow(path: &PathReport) -> String {
    let name = match path.transport {
        Transport::Udp => "UDP",
        Transport::Tcp => "TCP",
        Transport::Tls => "TLS",
    };
    format!("{name}/{}", path.port)
}

/// What tells the proxies of a run apart.
#[derive(Clone, Copy)]
enum Proxies {
    /// There is at most one.
    One,
    /// The first label of their hosts.
    ByLabel,
    /// Nothing less than host and port.
    ByPort,
}

impl Proxies {
    fn of(proxies: &[String]) -> Self {
        let distinct = |of: &dyn Fn(&str) -> String| {
            proxies.iter().map(|url| of(authority(url))).collect::<BTreeSet<_>>().len() == proxies.len()
        };
        match proxies.len() {
            0 | 1 => Self::One,
            _ if distinct(&|authority| label(authority).to_owned()) => Self::ByLabel,
            _ => Self::ByPort,
        }
    }
}

fn authority(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// The first label of a host name; an address whole.
fn label(authority: &str) -> &str {
    if authority.starts_with('[') {
        return authority.split_inclusive(']').next().unwrap_or(authority);
    }
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    if host.parse::<IpAddr>().is_ok() { host } else { host.split('.').next().unwrap_or(host) }
}

fn route_name(path: &PathReport, proxies: Proxies) -> &str {
    match proxies {
        _ if path.route == "direct" => "direct",
        Proxies::One => "proxy",
        Proxies::ByLabel => label(authority(&path.route)),
        Proxies::ByPort => authority(&path.route),
    }
}

fn ranked_line(
    (rank, path): (&RankReport, &PathReport),
    matters: bool,
    columns_at: &Columns,
    names: &Names,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let mark = if rank.selected { ">" } else { "" };
    let mut line = columns_at.line(mark, &rank.position.to_string(), path, names);
    numbers(&mut line, path);
    let verbose = style.verbosity == Verbosity::Verbose;
    // Who stands below what an answered call takes loses nothing by that.
    let overlooked = rank.overlooked.as_ref().filter(|_| matters || verbose);
    let because = names.shorten(&rank.because);
    let at = columns_at.rest + 29;
    if !(rank.selected || verbose) {
        line.write(style, out)?;
    } else if at + columns(&because) <= style.width {
        line.tab(at).put(Ink::Faint, &because);
        line.write(style, out)?;
    } else {
        line.write(style, out)?;
        below(&because, Ink::Faint, columns_at.flow, style, out)?;
    }
    match overlooked {
        Some(overlooked) => below(&names.shorten(overlooked), Ink::Faint, columns_at.flow, style, out),
        None => Ok(()),
    }
}

/// Proof, median round trip, loss: `media    40.3 ms    0.0 %`.
fn numbers(line: &mut Line, path: &PathReport) {
    let proof = match path.proof {
        Some(Proof::Media) => "media",
        Some(Proof::Allocated) => "allocated",
        Some(Proof::Authenticated) => "authenticated",
        Some(Proof::Reachable) => "reachable",
        None => "",
    };
    let rtt = path.rtt_ms.map_or(String::new(), |rtt| format!("{:.1} ms", rtt.median));
    let loss = path.loss.map_or(String::new(), |loss| format!("{:.1} %", loss * 100.0));
    line.put(Ink::Good, &format!("{proof:<9}")).put(Ink::Plain, &format!("{rtt:>10}{loss:>8}"));
    if let Some(mos) = path.mos {
        line.put(Ink::Plain, &format!("  MOS {mos:.1}"));
    }
}

fn other_line(
    path: &PathReport,
    columns_at: &Columns,
    names: &Names,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let unused = if path.client_tries { "" } else { "not used" };
    match path.state {
        PathState::Works | PathState::Reachable => {
            let mut line = columns_at.line("", "+", path, names);
            numbers(&mut line, path);
            let note = if path.client_tries { path.finding.unwrap_or_default() } else { unused };
            line.put(Ink::Faint, &format!("  {note}"));
            line.write(style, out)
        }
        PathState::Fails | PathState::Undecided => {
            let mark = if path.state == PathState::Fails { "-" } else { "?" };
            let line = columns_at.line("", mark, path, names);
            broken(line, path, unused, columns_at.rest, names, style, out)
        }
    }
}

/// What broke it, and to the right the finding that accounts for it.
fn broken(
    mut line: Line,
    path: &PathReport,
    unused: &str,
    from: usize,
    names: &Names,
    style: &Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let note = if path.client_tries { path.finding.unwrap_or_default() } else { unused };
    let right = style.width.saturating_sub(columns(note));
    let text = names.shorten(path.broken_by.as_deref().unwrap_or("not known"));
    let space = right.saturating_sub(from + 2);
    let pieces = wrap(&text, space);
    if pieces.len() > CAUSE_LINES {
        line.put(Ink::Faint, note);
        line.write(style, out)?;
        return below(&text, Ink::Plain, 10, style, out);
    }
    for (at, piece) in pieces.iter().enumerate() {
        line.tab(from).put(Ink::Plain, piece);
        if at == 0 {
            line.tab(right).put(Ink::Faint, note);
        }
        std::mem::take(&mut line).write(style, out)?;
    }
    Ok(())
}

fn below(text: &str, ink: Ink, from: usize, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    wrapped(Line::default(), ink, text, (from, style.width), style, out)
}
