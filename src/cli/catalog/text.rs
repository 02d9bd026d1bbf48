//! The catalog as text for 80 columns.

use super::Selection;
use raincheck_probes::catalog::{
    AddressRow, Catalog, Destination, DomainRow, Edition, Flow, MediaBandwidth, PortSpec, Ports,
    ProxySupport, RoleInfo, TurnServer,
};
use std::io::{self, Write};

const WIDTH: usize = 80;

/// How many editions are printed unless all are asked for.
const RECENT: usize = 5;

/// Width of the region column of addresses; a longer region has a line of its own.
const REGION: usize = 28;

/// Writes what was selected.
pub(super) fn write(catalog: &Catalog, selection: &Selection<'_>, out: &mut dyn Write) -> io::Result<()> {
    match selection {
        Selection::Servers(servers) => {
            title(catalog, "TURN servers", "5", out)?;
            write_servers(servers, out)
        }
        Selection::Flows { roles, one } => {
            title(catalog, "Flows", "4", out)?;
            roles.iter().try_for_each(|info| write_role(catalog, info, *one, out))
        }
        Selection::Addresses { domains, rows, one } => {
            title(catalog, "Names and addresses to allow", "5", out)?;
            write_domains(domains, *one, out)?;
            write_addresses(rows, out)
        }
        Selection::Edition { history } => {
            let document = catalog.document();
            writeln!(out, "{}, edition {}", document.title, dated(&document.edition))?;
            write_document(catalog, *history, out)
        }
    }
}

fn title(catalog: &Catalog, what: &str, section: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{what}: requirements edition {}, section {section}", dated(catalog.edition()))
}

fn dated(edition: &Edition) -> String {
    format!("{} ({})", edition.number, edition.date.as_deref().unwrap_or(&edition.as_written))
}

fn write_servers(servers: &[&TurnServer], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n  {:<30}  {:<13}  {:<12}  ZONE", "NAME", "COUNTRY", "REGION")?;
    for server in servers {
        let TurnServer { name, country, region, zone, .. } = server;
        writeln!(out, "  {name:<30}  {country:<13}  {region:<12}  {zone}")?;
    }
    let count = servers.len();
    let noun = if count == 1 { "server" } else { "servers" };
    writeln!(out, "\n{count} {noun}, each reached on UDP/3478, TLS/443 and TCP/80 (section 4.1).")?;
    let odd = servers.iter().flat_map(|server| server.notes.iter().map(|note| (&server.label, note)));
    for (label, note) in odd {
        hang(out, &format!("  {label}  "), note)?;
    }
    Ok(())
}

fn write_role(catalog: &Catalog, info: &RoleInfo, one: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\n{}  {} [{}]", info.section, info.title, info.id)?;
    let mut notes: Vec<&String> = info.notes.iter().collect();
    if !one && !info.flows_of.is_empty() {
        let same: Vec<&str> = info.flows_of.iter().map(|role| role.id()).collect();
        writeln!(out, "\n  The same flows as {}.", same.join(" and "))?;
    } else {
        let flows = catalog.flows(info.id);
        let mut heading = None;
        for flow in &flows {
            let next = (flow.role, flow.group);
            if heading.replace(next) != Some(next) {
                let section = catalog.role(flow.role).map_or("", |info| info.section.as_str());
                writeln!(out, "\n  {} ({section})", flow.group.text())?;
            }
            write_flow(catalog, flow, out)?;
            notes.extend(&flow.notes);
        }
    }
    write_notes(catalog, &notes, out)
}

fn write_flow(catalog: &Catalog, flow: &Flow, out: &mut dyn Write) -> io::Result<()> {
    hang(out, "    ", &format!("{}: {}", flow.protocol, flow.purpose))?;
    let from = match &flow.source.ports[..] {
        [] => flow.source.who.text().to_owned(),
        ports => format!("{}, {}", flow.source.who.text(), list(ports)),
    };
    hang(out, "      from   ", &from)?;
    for (at, to) in flow.destinations.iter().enumerate() {
        hang(out, if at > 0 { "      else   " } else { "      to     " }, &destination(to))?;
    }
    if flow.proxy != ProxySupport::NotStated {
        hang(out, "      proxy  ", &proxy(flow))?;
    }
    let mut references: Vec<String> =
        flow.notes.iter().filter_map(|id| catalog.note(id)).map(|note| note.reference()).collect();
    references.dedup();
    if !references.is_empty() {
        hang(out, "      see    ", &references.join(", "))?;
    }
    flow.remarks.iter().try_for_each(|remark| hang(out, "      note   ", remark))
}

fn destination(to: &Destination) -> String {
    match &to.name {
        Some(name) => format!("{} {name}, {}", to.to.text(), list(&to.ports)),
        None => format!("{}, {}", to.to.text(), list(&to.ports)),
    }
}

fn proxy(flow: &Flow) -> String {
    match &flow.proxy_ports[..] {
        [] => flow.proxy.text().to_owned(),
        ports => format!("{}, CONNECT to {}", flow.proxy.text(), list(ports)),
    }
}

fn list(ports: &[PortSpec]) -> String {
    let text = |spec: &PortSpec| match (spec.transport, spec.ports) {
        (None, Ports::Dynamic) => "dynamic ports".to_owned(),
        _ => spec.to_string(),
    };
    ports.iter().map(text).collect::<Vec<_>>().join(", ")
}

/// Each note once, in the order in which it was first referred to.
fn write_notes(catalog: &Catalog, ids: &[&String], out: &mut dyn Write) -> io::Result<()> {
    let mut notes = Vec::new();
    for note in ids.iter().filter_map(|id| catalog.note(id)) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    if !notes.is_empty() {
        writeln!(out, "\n  Notes")?;
    }
    notes.iter().try_for_each(|note| hang(out, &format!("    {:<10}  ", note.reference()), &note.text))
}

fn write_domains(domains: &[&DomainRow], one: bool, out: &mut dyn Write) -> io::Result<()> {
    if domains.is_empty() {
        return writeln!(out, "\nNames are listed neither by region nor for every service.");
    }
    writeln!(out, "\nNames. Prefer them: addresses change.")?;
    for row in domains {
        writeln!(out)?;
        hang(out, "  ", &format!("{} ({})", row.purpose, row.used_by))?;
        let wildcards: Vec<&String> = row.names.iter().filter(|name| name.contains('*')).collect();
        let is_covered = |name: &&String| wildcards.iter().any(|wildcard| covers(wildcard, name));
        let (hidden, shown): (Vec<&String>, Vec<&String>) =
            row.names.iter().partition(|name| !one && row.names.len() > 20 && is_covered(name));
        columns(out, "    ", &shown.into_iter().map(String::as_str).collect::<Vec<_>>())?;
        if !hidden.is_empty() {
            writeln!(out, "    and {} hosts under the wildcard; see --service {}", hidden.len(), row.id)?;
        }
        row.notes.iter().try_for_each(|note| hang(out, "    note: ", note))?;
    }
    Ok(())
}

/// Whether a wildcard such as `turn-*.openrainbow.com` stands for this host.
fn covers(wildcard: &str, name: &str) -> bool {
    wildcard.split_once('*').is_some_and(|(start, end)| {
        let middle = name.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
        middle.is_some_and(|middle| !middle.is_empty() && middle != "*")
    })
}

fn write_addresses(rows: &[&AddressRow], out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nAddresses. Allow all regions: failover may use any of them.")?;
    let mut heading = None;
    for row in rows {
        if heading.replace(row.service) != Some(row.service) {
            writeln!(out, "\n  {} [{}]", row.service.text(), row.service)?;
        }
        let networks: Vec<String> = row.networks.iter().map(ToString::to_string).collect();
        let networks = if networks.is_empty() { "none".to_owned() } else { networks.join(" ") };
        if row.as_written.len() <= REGION {
            hang(out, &format!("    {:<REGION$}  ", row.as_written), &networks)?;
        } else {
            writeln!(out, "    {}", row.as_written)?;
            hang(out, &format!("    {:<REGION$}  ", ""), &networks)?;
        }
        row.notes.iter().try_for_each(|note| hang(out, "      note: ", note))?;
    }
    Ok(())
}

fn write_document(catalog: &Catalog, history: bool, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "Published by {}.", catalog.document().publisher)?;
    let limits = catalog.thresholds();
    writeln!(out, "\nLimits for good voice ({})", limits.sections.join(" and "))?;
    writeln!(out, "  one-way latency  {} ms", limits.one_way_ms)?;
    writeln!(out, "  jitter           {} ms", limits.jitter_ms)?;
    writeln!(out, "  packet loss      {} %", limits.loss * 100.0)?;
    writeln!(
        out,
        "  bandwidth        {} kbps each way ({} kbps codec)",
        limits.call_kbps, limits.codec_kbps
    )?;
    limits.notes.iter().try_for_each(|note| hang(out, "  note: ", note))?;
    writeln!(out, "\nBandwidth by media, kbps at most (6.1)")?;
    catalog.media_bandwidth().iter().try_for_each(|media| write_media(media, out))?;
    write_pbx_agent(catalog, out)?;
    writeln!(out, "\nDynamic ports, UDP and TCP (4.8)")?;
    for system in catalog.dynamic_ports() {
        writeln!(out, "  {:<24}  {}", system.system, system.ports)?;
    }
    writeln!(out, "\nRemarks on the document")?;
    catalog.document().notes.iter().try_for_each(|note| hang(out, "  - ", note))?;
    let shown = if history { catalog.editions().len() } else { RECENT };
    writeln!(out, "\nEditions (2)")?;
    catalog.editions().iter().take(shown).try_for_each(|edition| write_edition(edition, out))?;
    match catalog.editions().len().saturating_sub(shown) {
        0 => Ok(()),
        more => writeln!(out, "  and {more} older ones: --history"),
    }
}

fn write_media(media: &MediaBandwidth, out: &mut dyn Write) -> io::Result<()> {
    let each = media.each_kbps.map_or_else(String::new, |kbps| format!(", plus {kbps} for each"));
    let usual = match (media.average_kbps, media.lowest_kbps) {
        (Some(average), Some(lowest)) => format!(" ({average} on average, {lowest} at least)"),
        _ => String::new(),
    };
    let MediaBandwidth { what, direction, max_kbps, .. } = media;
    hang(out, &format!("  {max_kbps:>5}  "), &format!("{what}, {direction}{each}{usual}"))?;
    media.note.iter().try_for_each(|note| hang(out, "         ", note))
}

fn write_pbx_agent(catalog: &Catalog, out: &mut dyn Write) -> io::Result<()> {
    let agent = catalog.pbx_agent_traffic();
    writeln!(out, "\nPBX agent, kilobytes per second (6.4)")?;
    let peaks = agent.connection.iter().map(|peak| format!("{}: {}", peak.subscribers, peak.kbytes_per_s));
    hang(out, "  connecting, by subscribers   ", &peaks.collect::<Vec<_>>().join(",  "))?;
    let events = agent.events.iter().map(|event| format!("{}: {}", event.calls_per_s, event.kbytes_per_s));
    hang(out, "  events, by calls per second  ", &events.collect::<Vec<_>>().join(",  "))?;
    agent.notes.iter().try_for_each(|note| hang(out, "  note: ", note))
}

fn write_edition(edition: &Edition, out: &mut dyn Write) -> io::Result<()> {
    let date = edition.date.as_deref().unwrap_or(&edition.as_written);
    hang(out, &format!("  {:>2}  {date:<10}  ", edition.number), &edition.summary)
}

/// Writes words after a head, wrapped, later lines below the first word.
fn hang(out: &mut dyn Write, head: &str, words: &str) -> io::Result<()> {
    let indent = head.chars().count();
    let mut line = head.to_owned();
    let mut used = indent;
    for word in words.split_whitespace() {
        let length = word.chars().count();
        if used > indent && used + 1 + length > WIDTH {
            writeln!(out, "{}", line.trim_end())?;
            line = " ".repeat(indent);
            used = indent;
        } else if used > indent {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
    }
    writeln!(out, "{}", line.trim_end())
}

/// Writes names below each other, in as many columns as fit.
fn columns(out: &mut dyn Write, indent: &str, names: &[&str]) -> io::Result<()> {
    let wide = names.iter().map(|name| name.len()).max().unwrap_or(0) + 2;
    let fit = ((WIDTH - indent.len()) / wide).max(1);
    for row in names.chunks(fit) {
        let line: String = row.iter().map(|name| format!("{name:<wide$}")).collect();
        writeln!(out, "{indent}{}", line.trim_end())?;
    }
    Ok(())
}
