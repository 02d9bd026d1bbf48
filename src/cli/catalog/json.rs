//! The catalog as JSON: one object, `raincheck.catalog/1`. Unknown is `null`.

use super::Selection;
use raincheck_probes::catalog::{
    AddressRow, Catalog, Destination, DomainRow, Edition, Flow, MediaBandwidth, Note, PortSpec, Ports,
    RoleInfo, TurnServer,
};
use raincheck_probes::evidence::Transport;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::{self, Write};

const SCHEMA: &str = "raincheck.catalog/1";

/// Writes the object and a line end.
pub(super) fn write(catalog: &Catalog, selection: &Selection<'_>, out: &mut dyn Write) -> io::Result<()> {
    let edition = catalog.edition();
    let head = Head {
        schema: SCHEMA,
        document: &catalog.document().title,
        edition: edition.number,
        date: edition.date.as_deref(),
        content: content(catalog, selection),
    };
    serde_json::to_writer_pretty(&mut *out, &head)?;
    out.write_all(b"\n")
}

#[derive(Serialize)]
struct Head<'a> {
    schema: &'static str,
    document: &'a str,
    edition: u32,
    date: Option<&'a str>,
    #[serde(flatten)]
    content: Value,
}

fn content(catalog: &Catalog, selection: &Selection<'_>) -> Value {
    match selection {
        Selection::Servers(servers) => json!({ "servers": all(servers, |one| server(one)) }),
        Selection::Flows { roles, .. } => json!({ "roles": all(roles, |info| role(catalog, info)) }),
        Selection::Addresses { domains, rows, .. } => json!({
            "names": all(domains, |row| domain(row)),
            "addresses": all(rows, |row| addresses(row)),
        }),
        Selection::Edition { .. } => document(catalog),
    }
}

fn all<T>(items: &[T], value: impl FnMut(&T) -> Value) -> Value {
    items.iter().map(value).collect()
}

fn server(server: &TurnServer) -> Value {
    json!({
        "name": server.name,
        "label": server.label,
        "country": server.country,
        "region": server.region,
        "zone": server.zone.id(),
        "urls": server.uris().map(|uri| uri.text),
        "notes": server.notes,
    })
}

fn role(catalog: &Catalog, info: &RoleInfo) -> Value {
    json!({
        "role": info.id.id(),
        "title": info.title,
        "section": info.section,
        "flows_of": all(&info.flows_of, |role| role.id().into()),
        "notes": notes(catalog, &info.notes),
        "flows": all(&catalog.flows(info.id), |row| flow(catalog, row)),
    })
}

fn flow(catalog: &Catalog, flow: &Flow) -> Value {
    json!({
        "id": flow.id,
        "role": flow.role.id(),
        "section": catalog.role(flow.role).map(|info| &info.section),
        "group": flow.group.id(),
        "protocol": flow.protocol,
        "purpose": flow.purpose,
        "source": { "party": flow.source.who.id(), "ports": all(&flow.source.ports, ports) },
        "destinations": all(&flow.destinations, destination),
        "proxy": flow.proxy.id(),
        "proxy_ports": all(&flow.proxy_ports, ports),
        "notes": notes(catalog, &flow.notes),
        "remarks": flow.remarks,
    })
}

fn destination(to: &Destination) -> Value {
    json!({
        "party": to.to.id(),
        "name": to.name,
        "ports": all(&to.ports, ports),
        "fallback": to.fallback,
    })
}

/// `ports` is a number range, or says where the numbers are: `dynamic` in section 4.8, or elsewhere.
fn ports(spec: &PortSpec) -> Value {
    let transport = spec.transport.map(|transport| match transport {
        Transport::Udp => "udp",
        Transport::Tcp => "tcp",
        Transport::Tls => "tls",
    });
    let (first, last, kind) = match spec.ports {
        Ports::Range(first, last) => (Some(first), Some(last), "range"),
        Ports::Dynamic => (None, None, "dynamic"),
        Ports::DocumentedElsewhere => (None, None, "documented-elsewhere"),
    };
    json!({ "transport": transport, "kind": kind, "first": first, "last": last })
}

fn notes(catalog: &Catalog, ids: &[String]) -> Value {
    let found: Vec<&Note> = ids.iter().filter_map(|id| catalog.note(id)).collect();
    all(&found, |note| json!({ "reference": note.reference(), "text": note.text }))
}

fn domain(row: &DomainRow) -> Value {
    json!({
        "id": row.id,
        "used_by": row.used_by,
        "purpose": row.purpose,
        "names": row.names,
        "notes": row.notes,
    })
}

fn addresses(row: &AddressRow) -> Value {
    json!({
        "service": row.service.id(),
        "region": row.region,
        "as_written": row.as_written,
        "networks": all(&row.networks, |network| network.to_string().into()),
        "notes": row.notes,
    })
}

fn document(catalog: &Catalog) -> Value {
    let limits = catalog.thresholds();
    let agent = catalog.pbx_agent_traffic();
    json!({
        "publisher": catalog.document().publisher,
        "notes": catalog.document().notes,
        "voice": {
            "sections": limits.sections,
            "one_way_ms": limits.one_way_ms,
            "jitter_ms": limits.jitter_ms,
            "loss": limits.loss,
            "call_kbps": limits.call_kbps,
            "codec_kbps": limits.codec_kbps,
        },
        "media": all(catalog.media_bandwidth(), media),
        "video_caps": all(catalog.video_caps(), |cap| json!({ "lines": cap.lines, "kbps": cap.kbps })),
        "pbx_agent": {
            "connection": all(&agent.connection, |peak| {
                json!({ "subscribers": peak.subscribers, "kbytes_per_s": peak.kbytes_per_s })
            }),
            "events": all(&agent.events, |event| json!({
                "calls_per_s": event.calls_per_s,
                "calls_per_busy_hour": event.calls_per_busy_hour,
                "kbytes_per_s": event.kbytes_per_s,
            })),
        },
        "dynamic_ports": all(catalog.dynamic_ports(), |system| {
            json!({ "system": system.system, "ports": system.ports.to_string() })
        }),
        "editions": all(catalog.editions(), edition),
    })
}

fn media(one: &MediaBandwidth) -> Value {
    json!({
        "media": one.what,
        "direction": one.direction,
        "max_kbps": one.max_kbps,
        "each_kbps": one.each_kbps,
        "each_max": one.each_max,
        "average_kbps": one.average_kbps,
        "lowest_kbps": one.lowest_kbps,
        "note": one.note,
    })
}

fn edition(edition: &Edition) -> Value {
    json!({
        "number": edition.number,
        "date": edition.date,
        "as_written": edition.as_written,
        "summary": edition.summary,
    })
}
